"""A case on paper, for whoever has no account: all that its acts say, and how to check it.

Made of what the API answers about a case and its acts, and of nothing else: a print and a page
cannot differ. Looked at from the last statement of the case, so that one state is one text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.printed import sheets
from api.printed.sheets import (
    BOTTOM,
    GREY,
    HEIGHT,
    LEFT,
    MM,
    RIGHT,
    SMALL,
    WHITE,
    Colour,
    Filled,
    Flow,
    Mark,
    Written,
)
from api.printed.typeface import typeface
from api.texts import act_words
from api.texts.case_words import (
    Speech,
    act_named,
    acts_named,
    began,
    changed_things,
    signer_post,
    source,
    taken,
    unshown,
    valued,
    when,
)
from api.texts.labels import LEVEL_BANNERS, role, standing, verdict, word
from api.texts.lang import Lang
from ledger.log.sheet import Sheet
from ledger.message import Message

Json = Mapping[str, Any]
_COLOURS: Final[Mapping[str, Colour]] = {
    "ordinary": (0.184, 0.290, 0.227),
    "mat": (0.478, 0.243, 0.0),
    "toi-mat": (0.545, 0.102, 0.071),
    "tuyet-mat": (0.290, 0.059, 0.180),
}
"""Of the banner, by level."""
_GROUNDS_OF_ERASURE: Final = ("/facts/ground", "/facts/legal_ground")


@dataclass(frozen=True, slots=True)
class CopyMark:
    """Which copy it is (access.md A23).

    Attributes:
        number: Of the copy.
        permit: `act_id` of the permit.
        purpose: What for, as the permit says.
        taken_by: The post in which it was taken, and its agency.
    """

    number: str
    permit: str
    purpose: str
    taken_by: str


@dataclass(frozen=True, slots=True)
class PrintedCase:
    """What is printed.

    Attributes:
        sheet: Which state of which case of which log; it stands in the QR.
        level: Of the log.
        rehearsal: Whether nothing in it is real.
        mark: Which copy it is.
        checkpoint: The signed note that `sheet` is of.
        genesis: Digest of record 0.
        file: The case file as the API answers; None where acts alone are shown.
        durations: How long each step took, likewise.
        verdict: Outcome and reason of all signatures, likewise.
        acts: As the API answers one, in the order of their authors.
        withheld: Places of the case that are not in it.
        erasures: The acts by which content of these was erased, by id, as the API answers them.
    """

    sheet: Sheet
    level: str
    rehearsal: bool
    mark: CopyMark
    checkpoint: str
    genesis: str
    file: Json | None
    durations: Json | None
    verdict: Json | None
    acts: Sequence[Json]
    withheld: Sequence[int]
    erasures: Mapping[str, Json] = field(default_factory=dict)

    @property
    def places(self) -> int:
        """How many statements the case has, as far as this print knows."""
        shown = (int(one["seq"]) for act in self.acts for one in act["statements"])
        return max(0, *shown, *self.withheld)


def case_pdf(case: PrintedCase, lang: Lang) -> bytes:
    """The print, the same bytes for the same case, mark and language."""
    said = Speech(lang)
    flow = Flow()
    _first(flow, said, case)
    _how_to_check(flow, said, case)
    if case.file is not None:
        _file(flow, said, case.file)
    if case.durations is not None:
        _times(flow, said, case.durations)
    _acts(flow, said, case)
    _withheld(flow, said, case)
    _note(flow, said, case)
    title = said.text(
        Message("Case {number}, copy {copy}", number=_called(case), copy=case.mark.number)
    )
    return sheets.pdf(
        flow, _Frame(said, case), title=title, lang=_TAGS[lang], code=case.sheet.text()
    )


_TAGS: Final[Mapping[Lang, str]] = {"vi": "vi-VN", "en": "en-GB"}


def _label(said: Speech, member: str) -> str:
    """A member of an answer, beginning large."""
    told = said.name(member)
    return told[:1].upper() + told[1:]


def _called(case: PrintedCase) -> str:
    file = case.file or {}
    return str(file.get("case_number") or file.get("register_no") or case.sheet.case)


# -- around each sheet -------------------------------------------------------------------------


class _Frame:
    """Banner, head and foot of every sheet."""

    def __init__(self, said: Speech, case: PrintedCase) -> None:
        banner, self._colour = LEVEL_BANNERS[case.level], _COLOURS[case.level]
        if case.rehearsal:
            banner = Message("{banner} · REHEARSAL, not real data", banner=banner)
        self._banner = said.text(banner)
        self._said = said
        self._head = said.text(
            Message("Case {number} · copy {copy}", number=_called(case), copy=case.mark.number)
        )
        sheet, mark = case.sheet, case.mark
        self._foot = [
            said.text(Message("Log {log}", log=sheet.log)),
            said.text(Message("Case {case}, statement {seq}", case=sheet.case, seq=sheet.seq)),
            said.text(
                Message("Digest of statement {seq}: {digest}", seq=sheet.seq, digest=sheet.head)
            ),
            said.text(
                Message("Checkpoint: {size} records, root {root}", size=sheet.size, root=sheet.root)
            ),
            said.text(
                Message("Permit {permit}, copy {copy}", permit=mark.permit, copy=mark.number)
            ),
        ]

    def __call__(self, k: int, n: int) -> list[Mark]:
        page = self._said.text(Message("page {k}/{n}", k=k, n=n))
        face, y = typeface("Regular"), HEIGHT - 18 * MM
        marks: list[Mark] = [*self._bar(HEIGHT - 13 * MM), *self._bar(4 * MM)]
        marks += [Written(LEFT, y, _short(self._head, 120 * MM, SMALL + 1), SMALL + 1, "Bold")]
        marks += [Written(RIGHT - face.width(page, SMALL + 1), y, page, SMALL + 1)]
        marks += [Filled(LEFT, y - 5, RIGHT - LEFT, 0.6, GREY)]
        marks += [Filled(LEFT, BOTTOM - 3 * MM, RIGHT - LEFT, 0.6, GREY)]
        y = BOTTOM - 6 * MM
        for line in self._foot:
            for part in sheets.wrapped(line, "Regular", SMALL, sheets.QR_LEFT - LEFT - 3 * MM):
                marks.append(Written(LEFT, y - SMALL, part, SMALL))
                y -= SMALL * 1.35
        return marks

    def _bar(self, y: float) -> Iterator[Mark]:
        width = typeface("Bold").width(self._banner, SMALL + 1)
        yield Filled(0, y, sheets.WIDTH, 6 * MM, self._colour)
        yield Written(
            (sheets.WIDTH - width) / 2, y + 2 * MM, self._banner, SMALL + 1, "Bold", WHITE
        )


def _short(text: str, width: float, size: float) -> str:
    """The first line of a text, and a sign where it went on."""
    first, *more = sheets.wrapped(text, "Bold", size, width)
    return f"{first}…" if more else first


# -- the first sheet ---------------------------------------------------------------------------


def _first(flow: Flow, said: Speech, case: PrintedCase) -> None:
    file, mark, sheet = case.file or {}, case.mark, case.sheet
    flow.heading(said.text(Message("PRINT OF CASE {number}", number=_called(case))), size=15)
    title = file.get("title")
    if title:
        flow.text(str(title), size=11, weight="Bold")
    flow.space(4)
    for member in ("state", "outcome"):
        if value := said.local(file, member):
            flow.pair(_label(said, member), value)
    if case.verdict is not None:  # not "conclusion", which beside a state is the case's own
        flow.pair(said.text(Message("Signatures")), _conclusion(said, case.verdict))
    for label, value in (
        (Message("Copy"), f"{mark.number}"),
        (Message("By permit"), mark.permit),
        (Message("For"), mark.purpose),
        (Message("Taken by"), mark.taken_by),
        (Message("Log"), sheet.log),
        (Message("Digest of record 0"), case.genesis),
        (Message("Case"), sheet.case),
        (Message("Statements"), str(case.places)),
        (
            Message("Digest of statement {seq}, the last to be read in this print", seq=sheet.seq),
            sheet.head,
        ),
        (
            Message("Checkpoint"),
            said.text(Message("{size} records, root {root}", size=sheet.size, root=sheet.root)),
        ),
    ):
        flow.pair(said.text(label), value)


def _conclusion(said: Speech, found: Json) -> str:
    reason = found["reason"][said.lang]
    return f"{verdict(found['outcome'], said.lang)}: {reason}"


def _how_to_check(flow: Flow, said: Speech, case: PrintedCase) -> None:
    """For a clerk with this paper and the verifier."""
    flow.heading(said.text(Message("How to check this print")))
    command = f"socai log sheet '{case.sheet.text()}'"
    for n, step in enumerate(
        (
            Message(
                "The square at the foot of each sheet holds the line below. All sheets of one"
                " print hold the same one. It names no person."
            ),
            Message(
                "With no network: type the command with a file behind it, and the log's key from"
                " where it was published (--vkey). The file is the evidence bundle of this case, a"
                " checkpoint that somebody kept, or the one at the end of this print: down to its"
                " first signature is enough. It says whether this print is of that very log and"
                " state."
            ),
            Message(
                "Without a file the command asks the log itself, with no account: whether its"
                " newest checkpoint still begins with the records of this print."
            ),
            Message(
                "The digest is that of the last statement to be read in this print: of what is"
                " erased there is none. Each statement names the one before it by its digest, so"
                " it fixes all before it; under each signature stand the record's place in the log"
                " and its entry, as the verifier prints them."
            ),
            Message(
                "Whether this copy was handed out stands in the register of copies, with the"
                " SHA-256 of the file that was printed: socai case copies."
            ),
            Message(
                "All times are Vietnam's (GMT+7). Deadlines are told as they stood when the last"
                " statement was recorded. [U+…] stands for a character that is invisible or in no"
                " typeface here."
            ),
        ),
        1,
    ):
        flow.text(f"{n}. {said.text(step)}")
        flow.space(2)
    flow.text(command, size=SMALL + 0.5, weight="Bold", indent=4 * MM)


# -- the file ----------------------------------------------------------------------------------


def _file(flow: Flow, said: Speech, file: Json) -> None:
    flow.heading(said.text(Message("The case file")))
    for label, value in _members(said, file):
        flow.pair(label, value)
    for member in ("pending", "returned", "sub_processes", "corrections"):
        for one in file.get(member, ()):
            flow.pair(_label(said, member), _brief(said, one))
    for one in file.get("complaint_paths", ()):
        flow.pair(_label(said, "complaint"), str(one[said.lang]))
    for one in file.get("flags", ()):
        flow.pair(_label(said, "flags"), f"{one[said.lang]}\n{one['act_id']}")
    for one in file.get("assumptions", ()):
        flow.pair(_label(said, "assumptions"), one[said.lang])
    for one in file.get("silences", ()):
        flow.pair(_label(said, "silences"), f"§{one['n']} {one[said.lang]}")


def _members(said: Speech, file: Json) -> Iterator[tuple[str, str]]:
    urgency = file.get("urgency")
    said_of = {
        "case_number": file.get("case_number"),
        "register_no": file.get("register_no"),
        "title": file.get("title"),
        "state": said.local(file, "state"),
        "state_since": when((file.get("state_since") or {}).get("at")),
        "outcome": said.local(file, "outcome"),
        "urgency": None if urgency is None else word(urgency, said.lang),
        "alleged_limb": valued(said, "alleged_limb", file.get("alleged_limb")),
        "opened_at": when(file.get("opened_at")),
        "registered_at": when(file.get("registered_at")),
        "handler": (file.get("handler") or {}).get("label"),
        "lead": (file.get("lead") or {}).get("label"),
        "finders": "\n".join(dict.fromkeys(one["label"] for one in file.get("finders", ())))
        or None,
        "reporters": file.get("reporters"),
        "result": None if not file.get("result") else _brief(said, file["result"]),
        "finding": None if not file.get("finding") else _brief(said, file["finding"]),
        "statements": file.get("statements"),
        "acts": file.get("acts"),
    }
    yield from (
        (_label(said, one), str(value)) for one, value in said_of.items() if value is not None
    )
    if aside := file.get("set_aside"):
        yield said.text(Message("Set aside, of no effect")), ", ".join(f"#{n}" for n in aside)
    if n := file.get("unshown"):
        yield _label(said, "unshown"), said.text(unshown(n))


def _brief(said: Speech, thing: Json) -> str:
    """A thing of a case file in a line: its name, how it stands, and when."""
    parts = [said.local(thing), *(thing.get(one) for one in ("member", "was", "now", "reason"))]
    stands = (thing.get(one) for one in ("state", "finding", "mark"))
    parts += [standing(one, said.lang) for one in stands if one]
    opened = thing.get("opened_by") or thing
    parts.append(when(opened.get("occurred_at")))
    parts += [
        said.text(Message("waits for {post}", post=one.get("post_vi") or one["post"]))
        for one in thing.get("waiting_for", ())
    ]
    return ", ".join(str(part) for part in parts if part)


def _times(flow: Flow, said: Speech, body: Json) -> None:
    flow.heading(said.text(Message("States, and steps against their deadlines")))
    at = when(body["at"])
    flow.text(
        said.text(Message("As of {at}, when the last statement was recorded.", at=at)), colour=GREY
    )
    for one in body["states"]:
        span = f"{when(one['since'])} – {when(one['until']) or '…'}"
        flow.pair(said.local(one) or "–", f"{span} · {taken(said, one['took_s'])}")
    named = acts_named(body)
    for one in body["steps"]:
        given = one["allowed_s"]
        told = [f"{when(one['since'])} – {when(one['until']) or '…'}", taken(said, one["took_s"])]
        if given is not None:
            told.append(said.text(Message("of {given}", given=taken(said, given))))
            told.append(said.text(Message("due {at}", at=when(one["due"]))))
        told.append(word(one["status"], said.lang))
        bodies = ", ".join(body["label"] for body in one["bodies"])
        rule = source(said, one)
        since = began(said, one, named)
        lines = [" · ".join(told), *(line for line in (since, bodies, rule) if line)]
        share = None if one["percent"] is None else one["percent"] / 100
        flow.bar(
            said.local(one) or one["code"], "\n".join(lines), share, max(0.0, (share or 0) - 1)
        )


# -- acts --------------------------------------------------------------------------------------


def _acts(flow: Flow, said: Speech, case: PrintedCase) -> None:
    flow.heading(said.text(Message("Acts, in the order in which their authors signed")))
    for act in case.acts:
        flow.rule()
        first = act["statements"][0]
        kind = said.local(act, "act") or said.text(Message("an act whose content is erased"))
        flow.heading(f"{first['seq']}. {kind}", size=10)
        if act["sentence"] is None:
            by = act["erased_by"]
            flow.text(
                said.text(Message("The content of this act was erased by {act_id}.", act_id=by))
            )
            for label, value in _erasure(said, case.erasures.get(by)):
                flow.pair(label, value)
        else:
            flow.text(str(act["sentence"][said.lang]))
        flow.space(2)
        for label, value in (
            *_head(said, act),
            *_grounds(said, act),
            *_facts(said, act),
            *_files(said, act),
            *_changes(said, act),
            *_relations(said, act),
            *_signatures(said, act, case.sheet.size),
        ):
            flow.pair(label, value)


def _erasure(said: Speech, by: Json | None) -> Iterator[tuple[str, str]]:
    """By whom content was erased, when and on what ground: the paper has no link to it."""
    if by is None or by["sentence"] is None:
        return
    posts = [" · ".join(signer_post(said, one.get("signer") or {})) for one in by["statements"]]
    at = when(by["statements"][-1]["recorded_at"])
    yield (
        said.text(Message("Erased")),
        "\n".join((by["sentence"][said.lang], said.text(Message("recorded {at}", at=at)), *posts)),
    )
    for one in by["facts"]:
        if one["pointer"] in _GROUNDS_OF_ERASURE:
            yield ": ".join(label[said.lang] for label in one["labels"]), str(one[said.lang])


def _head(said: Speech, act: Json) -> Iterator[tuple[str, str]]:
    yield from ((_label(said, member), value) for member, value in act_words.head(said, act))
    yield _label(said, "act_id"), act["act_id"]


def _grounds(said: Speech, act: Json) -> Iterator[tuple[str, str]]:
    for role_, lines in act_words.grounds(said, act):
        yield said.text(Message("Ground: {role}", role=role_)), lines


def _facts(said: Speech, act: Json) -> Iterator[tuple[str, str]]:
    named = {one["pointer"]: one for one in act["names"]}
    for one in act["facts"]:
        labels = [str(label[said.lang]) for label in one["labels"]]
        value = str(one[said.lang])
        if one["pointer"] in named:
            value = f"{_named(said, named[one['pointer']])}\n{value}"
        yield ": ".join(labels), value


def _files(said: Speech, act: Json) -> Iterator[tuple[str, str]]:
    for one in (act["payload"] or {}).get("attachments", ()):
        # a name of several lines would say what digest it has
        name = str(one["name"]).replace("\n", "[U+000A]")
        told = f"{name}\n{act_words.file(one)}"
        yield said.text(Message("File")), told


def _changes(said: Speech, act: Json) -> Iterator[tuple[str, str]]:
    """Old and new of each thing of the case file that it changed."""
    for one in changed_things(said, act.get("changes", ()), act):
        told = Message("before: {old}; after: {new}", old=_told(one.old), new=_told(one.new))
        yield said.text(Message("Changed: {what}", what=one.title)), said.text(told)


def _told(value: object) -> str:
    return "–" if value is None else ", ".join(str(value).split("\n"))


def _relations(said: Speech, act: Json) -> Iterator[tuple[str, str]]:
    for member, label in (
        ("names", Message("Names")),
        ("named_by", Message("Named by")),
    ):
        lines = [f"{_named(said, one)} {one['act_id']}" for one in act[member]]
        if lines:
            yield said.text(label), "\n".join(dict.fromkeys(lines))


def _named(said: Speech, one: Json) -> str:
    kind = act_named(said, one, Message("an act that is not in this print"))
    return kind if one["seq"] is None else f"{one['seq']}. {kind} (#{one['index']})"


def _signatures(said: Speech, act: Json, size: int) -> Iterator[tuple[str, str]]:
    for one in act["statements"]:
        signer = one.get("signer") or {}
        as_what = role(one["role"], said.lang) if one.get("role") else ""
        place = Message(
            "record #{index} of the {size} that the checkpoint covers",
            index=one["index"],
            size=size,
        )
        lines = (
            *signer_post(said, signer),
            said.text(
                Message("officer {id}, key {kid}", id=one["officer"] or "–", kid=one["kid"] or "–")
            ),
            f"{verdict(one['verdict'], said.lang)}: {one['reason'][said.lang]}",
            said.text(Message("recorded {at}", at=when(one["recorded_at"]))),
            said.text(place),
            said.text(Message("digest {digest}", digest=one["digest"] or "–")),
            said.text(Message("entry {entry}", entry=one["entry"])),
        )
        label = said.text(Message("Signature {seq}: {role}", seq=one["seq"], role=as_what))
        yield label, "\n".join(line for line in lines if line)


# -- the end -----------------------------------------------------------------------------------


def _withheld(flow: Flow, said: Speech, case: PrintedCase) -> None:
    if not case.withheld:
        return
    flow.heading(said.text(Message("Withheld")))
    flow.text(
        said.text(
            Message(
                "The case has {n} statements. These places are withheld from this print by the"
                " rules of access: {places}.",
                n=case.places,
                places=spans(case.withheld),
            )
        )
    )


def spans(numbers: Iterable[int]) -> str:
    """Numbers, runs of them as from–to."""
    runs: list[list[int]] = []
    for n in sorted(numbers):
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)


def _note(flow: Flow, said: Speech, case: PrintedCase) -> None:
    flow.heading(said.text(Message("The checkpoint, as it was signed")))
    flow.text(case.checkpoint.rstrip("\n"), size=SMALL)
    flow.space(6)
    flow.text(said.text(Message("End of the print.")), weight="Bold")
