"""A case for a person at a terminal: its file, history, verification and what changed in it.

Words first, the code or id that a program would use beside them. Not: what is asked, or whether a
proof holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from rich.cells import cell_len

from api.cli.terminal.shell import WIDTH, Shell, in_lines
from api.texts.catalogue import shown, translate
from api.texts.labels import role, standing, verdict, word
from ledger.json_pointer import names
from ledger.message import Message, Text, Wording
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case.outcomes import words as outcome_words
from ledger.regulation.registry.calendar import VIETNAM

Json = Mapping[str, Any]
_OF_PRODUCT: Final = "PRODUCT_RULE"
#: Of a timeline, in a terminal of 100 columns, and everywhere else.
_WIDE: Final = {
    "occurred": 10, "recorded": 10, "act": 20, "author": 18, "verdict": 7, "effect": 12,
}  # fmt: skip
_NARROW: Final = {
    "occurred": 10, "recorded": 10, "act": 12, "author": 13, "verdict": 8, "effect": 10,
}  # fmt: skip
"""Characters of a line of text, on the narrowest terminal."""
_ENDED: Final = ("STOPPED", "ENDED", "EXTENDED")
"""Runs that nobody waits for: what follows an extension is a run of its own."""


def case_lines(shell: Shell, lines: Iterable[Json]) -> None:
    """One line a case; the id only where there is no number to call it by."""
    rows = [
        (
            line.get("case_number") or line.get("register_no") or line["id"],
            _worded(shell, line, "state"),
            _worded(shell, line, "outcome"),
            line.get("handler_label") or line.get("agency"),
            when(line.get("due_at")),
            "\n".join(line.get("flags") or ()),
        )
        for line in lines
    ]
    columns = ("number", "state", "outcome", "agency", "due", "flags")
    widths = {"state": 16, "outcome": 18, "due": 10, "flags": 17}
    shell.table(columns, rows, whole=("number",), widths=widths)


def act_lines(shell: Shell, lines: Iterable[Json]) -> None:
    """One line an act, called by its case and its place there."""
    rows = [
        (
            f"{_called(line)}#{line['seq']}",
            when(line["occurred_at"]),
            "\n".join(_act_title(shell, line)),
            line["agency"],
            standing(line["status"], shell.lang),
        )
        for line in lines
    ]
    columns = ("#", "occurred", "act", "agency", "status")
    shell.table(columns, rows, whole=("#",), widths={"occurred": 10, "status": 12})


def _called(line: Json) -> str:
    """A case by its number; by its id where the caller is told none."""
    number = line["case_number"] or line["register_no"]
    return str(number or line["stream"].removeprefix("case/"))


def affected(shell: Shell, body: Json) -> None:
    """What a key touched: the cases, then each statement."""
    numbers = {one["id"]: one["case_number"] or one["register_no"] for one in body["cases"]}
    told = (
        Message(
            "The key is revoked and not to be trusted from {since} on; what it signed since is"
            " disputed: {n} statements in {cases} cases, of those that you see.",
            since=when(body["invalid_from"]),
            n=len(body["statements"]),
            cases=len(numbers),
        )
        if body["revoked"]
        else Message(
            "The key is not revoked. A revocation as of {since} would make disputed: {n} statements"
            " in {cases} cases, of those that you see.",
            since=when(body["from"]),
            n=len(body["statements"]),
            cases=len(numbers),
        )
    )
    shell.say(in_lines(told))
    rows = ((numbers[one["id"]] or one["id"], one["statements"], one["effective"])
            for one in body["cases"])  # fmt: skip
    shell.table(("case", "statements", "effective"), rows)
    shell.table(
        ("#", "index", "recorded", "act", "role"),
        (
            (
                _place(one, numbers),
                f"#{one['index']}",
                when(one["recorded_at"]),
                shell.local(one, "act"),
                role(one["role"], shell.lang),
            )
            for one in body["statements"]
        ),
        whole=("#", "index"),
        widths={"recorded": 10},
    )


def _place(line: Json, numbers: Mapping[str, str | None]) -> str:
    """Case and place of a statement, or its stream where that is no case."""
    kind, _, name = line["stream"].partition("/")
    if kind != "case":
        return f"{kind}/{name[:8]}#{line['seq']}" if name else f"{kind}#{line['seq']}"
    return f"{numbers[name] or name}#{line['seq']}"


def case_file(shell: Shell, body: Json) -> None:
    """The case file."""
    number = body.get("case_number") or body.get("register_no") or body["id"]
    state = coded(shell.local(body, "state"), body["state"])
    shell.say(Message("Case {number} · {state}", number=number, state=state))
    if under := body.get("read_under"):
        shell.say(banner(under))
    if view := body.get("view"):
        shell.say(seen(view))
    shell.table(("field", "value"), _facts(shell, body), whole=("field",))
    _running(shell, body)
    _pending(shell, body)
    for copy in body.get("mirrored", ()):
        shell.say(_below(copy))
    for member, column in (("flags", "flags"), ("assumptions", "assumption")):
        if found := body.get(member):
            rows = [(one["code"], one[shell.lang]) for one in found]
            shell.table((column, "what"), rows, whole=(column,))
    if silent := body.get("silences"):
        shell.table(("silence", "what"), ((f"§{one['n']}", one[shell.lang]) for one in silent))


def banner(under: Json) -> Text:
    """By what somebody sees a case in which they take no part, and until when."""
    until, act = when(under["until"]), under["act_id"]
    if under["rule"] == "A19":
        told = Message(
            "OPENED IN AN EMERGENCY until {until}, by act {act}: auditors were told, and a third"
            " person reviews it.",
            until=until,
            act=act,
        )
    else:
        told = Message(
            "READ UNDER AN INSPECTION ORDER until {until}, by act {act}.", until=until, act=act
        )
    return in_lines(told)


def seen(view: Json) -> Text:
    """Which moment a file of the past shows, on which clock, up to which record."""
    moment, index = when(view.get("at")), view["index"]
    if moment is None:
        return Message("As the ledger stood after record #{index}", index=index)
    if view.get("clock") == "occurred":
        return Message(
            "What had happened by {moment}, as known today; newest record #{index}",
            moment=moment,
            index=index,
        )
    return Message(
        "As the ledger stood at {moment}; newest record #{index}", moment=moment, index=index
    )


def timeline(shell: Shell, acts: Iterable[Json]) -> None:
    """Every act with its statements: both clocks, who signed, the verdict, the effect."""
    acts = list(acts)
    copies = {act["mirrored"]["log"]: act["mirrored"] for act in acts if "mirrored" in act}
    signs = dict(zip(sorted(copies), map(_sign, range(len(copies))), strict=True))
    columns = ("#", "occurred", "recorded", "act", "author", "verdict", "effect")
    rows = (row for act in acts for row in _act_rows(shell, act, signs))
    console = shell.console()
    widths = _WIDE if console.is_terminal and console.width >= WIDTH else _NARROW
    shell.table(columns, rows, whole=("#",), widths=widths)
    for log, copy in sorted(copies.items()):
        shell.say(_copied(signs[log], copy))


def compact(shell: Shell, acts: Iterable[Json]) -> None:
    """One line an act, of the width of the terminal; `…` where a line had more."""
    width = shell.console().width
    for act in acts:
        first = act["statements"][0]
        marks = [] if act["status"] == "effective" else [standing(act["status"], shell.lang)]
        marks += [shell.text(Message("(entered late)"))] if act.get("late") else []
        marks += [f"⚑{len(act['flags'])}"] if act.get("flags") else []
        parts = (
            f"{first['seq']:>3}",
            when(act.get("occurred_at")) or "–",
            *marks,
            shell.local(act, "act") or "",
            act.get("agency") or "",
        )
        shell.say(Wording(*[cut("  ".join(filter(None, parts)), width)] * 2))


def cut(line: str, width: int) -> str:
    """A line that fits, with a sign where it went on."""
    if cell_len(line) <= width:
        return line
    while cell_len(line) > width - 1:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _sign(number: int) -> str:
    """What stands before the indices of a lower log."""
    return "↓" * (number + 1)


def _below(copy: Json) -> Text:
    """A case of a lower log that a file shows with its own."""
    told = Message(
        "With it is shown {stream} of {log} (level {level}): {n} statements, taken in up to record"
        " {size}, as published there on {at}. Read it in the history.",
        stream=copy["stream"],
        log=copy["log"],
        level=copy["level"],
        n=copy["statements"],
        size=copy["records"],
        at=when(copy["published_at"]),
    )
    return in_lines(told)


def _copied(sign: str, copy: Json) -> Text:
    """What acts are that were taken in from a lower log."""
    told = Message(
        "{sign} Verified copy from {log} (level {level}), which was taken in here; its newest act"
        " shown came on {at}. Each act of this log stands"
        " behind what its author had been shown.",
        sign=sign,
        log=copy["log"],
        level=copy["level"],
        at=when(copy["taken_in_at"]),
    )
    return in_lines(told)


def part_of_case(shell: Shell, part: Json) -> None:
    """How much of the case its timeline was, for whoever was sent some acts of it."""
    told = Message(
        "This is a part of the case: {shown} of its {positions} statements, in the acts that you"
        " may see. What else happened in it is not shown.",
        shown=part["positions"] - len(part["withheld"]),
        positions=part["positions"],
    )
    shell.say(in_lines(told))


def verification(shell: Shell, body: Json, bad: list[int]) -> None:
    """Every statement's verdict, and which proofs failed here."""
    columns = ("#", "seq", "act", "author", "kid", "verdict", "result")
    rows = (_verdict_row(shell, line, bad) for line in body["statements"])
    shell.table(columns, rows, whole=("#", "seq", "kid"), widths={"verdict": 13, "author": 28})
    counts = ", ".join(
        f"{n} {verdict(code, shell.lang)}" for code, n in sorted(body["counts"].items())
    )
    outcome = coded(verdict(body["outcome"], shell.lang), body["outcome"])
    shell.say(Message("Verdict: {outcome}", outcome=outcome))
    shell.say(Message("Reason: {reason}.", reason=Wording(**body["reason"])))
    shell.say(Message("Signatures: {counts}", counts=counts))
    every = len(body["statements"])
    waiting = sum("proof" not in line for line in body["statements"])
    proven = every - waiting - len(bad)
    shell.say(Message("Proofs checked here: {proven} of {every}", proven=proven, every=every))
    if waiting:
        shell.say(
            Message(
                "No checkpoint covers {waiting} of the records yet; check again later.",
                waiting=waiting,
            )
        )
    for sign_off in body["signed_off"]:
        shell.say(_sign_off(shell, sign_off))


def _sign_off(shell: Shell, line: Json) -> Text:
    """A supervisor's own word on it, which is an act."""
    said = verdict(str(line.get("verdict")), shell.lang)
    span = f"#{line.get('checked_from')}–#{line.get('checked_to')}"
    by, at = signed_by(shell, line).replace("\n", " "), when(line["recorded_at"])
    told = Message(
        "Signed off for {span}: {said} · {by} · {at} (#{index})",
        span=span,
        said=said,
        by=by,
        at=at,
        index=line["index"],
    )
    return in_lines(told)


def changes(shell: Shell, found: Iterable[Json], case: Json) -> None:
    """What changed, a line a thing, with the acts that did it.

    Args:
        shell: Whose language.
        found: Changes as the API lists them, a leaf each.
        case: The case file: it names the things that the pointers lead to.
    """
    rows = [row for row in _things(shell, found, case) if row is not None]
    shell.table(("field", "from", "to", "act"), rows, widths={"from": 20, "to": 20})
    if not rows:
        shell.say(Message("Nothing differs."))


# -- the file ----------------------------------------------------------------------------------


def _facts(shell: Shell, body: Json) -> Iterator[tuple[str, object]]:
    members = (
        "outcome", "finding", "handler", "lead", "finders", "register_no", "urgency",
        "alleged_limb", "opened_at", "registered_at", "reporters", "statements",
    )  # fmt: skip
    shown = ((member, valued(shell, member, body.get(member))) for member in members)
    yield from ((shell.name(member), value) for member, value in shown if value is not None)
    for one in body.get("corrections", ()):
        yield shell.name("corrected"), valued(shell, "corrections", one)
    for path in body.get("complaint_paths", ()):
        yield shell.name("complaint"), path[shell.lang]


def _running(shell: Shell, body: Json) -> None:
    if subs := body.get("open_sub_processes"):
        rows = (
            (
                shell.local(s),
                coded(standing(s["state"], shell.lang), s["state"]),
                when((s.get("opened_by") or {}).get("occurred_at")),
            )
            for s in subs
        )
        shell.table(("open_sub_processes", "state", "from"), rows)
    clocks = [c for c in body.get("clocks", ()) if c["status"] not in _ENDED]
    if clocks:
        columns = ("clock", "due", "status", "source", "code")
        shell.table(columns, (_clock_row(shell, c) for c in clocks), whole=("due", "code"))


def _clock_row(shell: Shell, clock: Json) -> tuple[object, ...]:
    due = when(clock.get("due"))
    status = word(clock["status"], shell.lang)
    return shell.local(clock), due, status, source(shell, clock), clock["code"]


def source(shell: Shell, clock: Json) -> str | None:
    """Where a clock comes from: its article, or that the product made it up."""
    if clock.get("source_kind") == _OF_PRODUCT:
        return shell.text(Message("rule of this product"))
    return clock.get("source")


def _pending(shell: Shell, body: Json) -> None:
    rows = [
        (shell.local(act), f"{signer.get('post_vi') or signer['post']}\n{_role(shell, signer)}")
        for act in body.get("pending", ())
        for signer in act["waiting_for"]
    ]
    if rows:
        shell.table(("act", "waiting_for"), rows)


# -- history -----------------------------------------------------------------------------------


def _act_rows(shell: Shell, act: Json, signs: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    title = _act_title(shell, act)
    sign = signs[act["mirrored"]["log"]] if "mirrored" in act else ""
    for n, line in enumerate(act["statements"]):
        effect = _effect(shell, line)
        yield (
            f"{line['seq']}\n{sign}#{line['index']}",
            when(act.get("occurred_at")) if n == 0 else "",
            when(line["recorded_at"]),
            "\n".join(title) if n == 0 else "↳",
            signed_by(shell, line),
            verdict(line["verdict"], shell.lang),
            effect,
        )


def _act_title(shell: Shell, act: Json) -> list[str]:
    """Its name, whether it was entered late, and the flags it raised, a line each."""
    title = [str(shell.local(act, "act") or standing(act["status"], shell.lang))]
    if act.get("late"):
        title.append(shell.text(Message("(entered late)")))
    out = len(act.get("mirrored", {}).get("left_out", ()))
    if out:
        title.append(shell.text(Message("(without {n} of its files)", n=out)))
    return title + [f"⚑ {flag}" for flag in act.get("flags", ())]


def _effect(shell: Shell, line: Json) -> str:
    """The state an effective act leaves; how the act stands where it has no effect."""
    if not line.get("effect"):
        return standing(line["status"], shell.lang)
    state = line.get("state_after")
    return "✓" if state is None else str(valued(shell, "state", state))


def signed_by(shell: Shell, line: Json) -> str:
    """Post and agency, then role and the beginning of the officer's id."""
    signer = line.get("signer") or {}
    post = ", ".join(p for p in (signer.get("post_vi"), signer.get("agency_name")) if p)
    return "\n".join(part for part in (post, _role(shell, line)) if part)


def _role(shell: Shell, line: Json) -> str:
    said = role(line["role"], shell.lang) if line.get("role") else ""
    return f"{said} {str(line.get('officer') or '')[:8]}".strip()


def _verdict_row(shell: Shell, line: Json, bad: list[int]) -> tuple[object, ...]:
    said = verdict(line["verdict"], shell.lang)
    if line["outcome"] != "VALID":
        said = f"{said}: {line['reason'][shell.lang]}"
    proven = "✗" if line["index"] in bad else "✓" if "proof" in line else "…"
    return (
        line["index"],
        line["seq"],
        act_title(shell, line.get("act")),
        signed_by(shell, line),
        str(line.get("kid") or "")[:10],
        said,
        proven,
    )


# -- what changed ------------------------------------------------------------------------------

_LISTS: Final = frozenset(
    {
        "sub_processes", "clocks", "flags", "pending", "returned", "corrections",
        "complaint_paths", "assumptions", "finders",
    }
)  # fmt: skip
_SAID_ELSEWHERE: Final = frozenset(
    {"state_vi", "state_en", "state_since", "outcome_vi", "outcome_en", "officers", "silences"}
)
_OBJECTS: Final = frozenset({"result", "finding", "handler", "lead"})
_BY_CODE: Final = frozenset({"flags", "assumptions"})
#: Leaf of a thing that says where it stands; the first that changed is shown.
_TELLING: Final = ("status", "state", "finding", "label", "occurred_at", "until", "code", "act")
_Leaves = dict[str, tuple[Any, Any]]


def _things(shell: Shell, found: Iterable[Json], case: Json) -> Iterator[tuple[object, ...] | None]:
    things: dict[tuple[str, ...], _Leaves] = {}
    acts: dict[tuple[str, ...], dict[int, Json]] = {}
    for change in found:
        parts = names(change["pointer"])
        if parts[0] in _SAID_ELSEWHERE:
            continue
        size = 2 if parts[0] in _LISTS else 1
        thing, leaf = parts[:size], "/".join(parts[size:])
        things.setdefault(thing, {})[leaf] = (change["old"], change["new"])
        acts.setdefault(thing, {}).update({act["index"]: act for act in change["acts"]})
    for thing, leaves in things.items():
        yield _thing_row(shell, thing, leaves, list(acts[thing].values()), case)


def _thing_row(
    shell: Shell, thing: tuple[str, ...], leaves: _Leaves, acts: list[Json], case: Json
) -> tuple[object, ...] | None:
    old, new = _values(shell, thing[0], leaves)
    if old == new:
        return None
    done = "\n".join(touched_by(shell, act) for act in acts) or by_time(shell)
    return _title(shell, thing, leaves, case), old, new, done


def _values(shell: Shell, kind: str, leaves: _Leaves) -> tuple[object, object]:
    if "" in leaves:
        old, new = leaves[""]
        return valued(shell, kind, old), valued(shell, kind, new)
    for leaf in _TELLING:
        if leaf in leaves:
            old, new = leaves[leaf]
            return _said(shell, leaf, old, leaves, 0), _said(shell, leaf, new, leaves, 1)
    before = ", ".join(_pair(leaf, old) for leaf, (old, _) in leaves.items() if old is not None)
    after = ", ".join(_pair(leaf, new) for leaf, (_, new) in leaves.items() if new is not None)
    return before or None, after or None


def _pair(leaf: str, value: object) -> str:
    """A leaf with its value; a member of a plain list is named by its value already."""
    return leaf if leaf == value else f"{leaf} {value}"


def _said(shell: Shell, leaf: str, value: Any, leaves: _Leaves, side: int) -> object:  # noqa: ANN401  JSON
    if value is None:
        return None
    if leaf in ("occurred_at", "until"):
        return when(value)
    if leaf in ("state", "finding"):
        return coded(standing(value, shell.lang), value)
    if leaf != "status":
        return value
    due = leaves.get("due", (None, None))[side]
    return f"{word(value, shell.lang)}, {when(due)}" if due else word(value, shell.lang)


def valued(shell: Shell, member: str, value: Any) -> object:  # noqa: ANN401  JSON
    """A value that a pointer into a case file leads to: words beside codes, a thing by its name."""
    if isinstance(value, list):
        return "\n".join(str(valued(shell, member, one)) for one in value) or None
    if isinstance(value, Mapping):
        return _brief(shell, value)
    return _text(shell, member, value) if isinstance(value, str) else value


def _text(shell: Shell, member: str, value: str) -> str | None:
    n, leaf = 0 if shell.lang == "vi" else 1, member.rpartition("/")[2]
    if member == "state":
        return coded(life_cycle().labels.get(value, (None, None))[n], value)
    if member == "outcome":
        return coded(translate(outcome_words(value), shell.lang), value)
    if leaf in _STANDS:
        return coded(standing(value, shell.lang), value)
    if leaf in ("status", "urgency"):
        return coded(word(value, shell.lang), value)
    return when(value) if leaf.endswith("_at") or leaf in _WHEN else value


_STANDS: Final = ("state", "finding", "mark")
_WHEN: Final = ("due", "occurred_at", "at", "alarm", "until")


def _brief(shell: Shell, thing: Json) -> str:
    """A thing of a case file in a line: its name, how it stands, and the time that tells most."""
    name = shell.local(thing) or thing.get("label") or act_title(shell, thing.get("act"))
    parts = [name] if name else []
    for members in ((*_STANDS, "status"), _WHEN):
        leaf = next((leaf for leaf in members if thing.get(leaf)), None)
        if leaf is not None:
            parts.append(str(valued(shell, f"/{leaf}", thing[leaf])))
    return ", ".join(parts)


def _title(shell: Shell, thing: tuple[str, ...], leaves: _Leaves, case: Json) -> str:
    kind = shell.name("result_act" if thing[0] == "result" else thing[0])
    if thing[0] in _OBJECTS or len(thing) == 1:
        return kind
    known: Json = next((one for one in case.get(thing[0], ()) if _is(one, thing[1])), {})
    if thing[0] in _BY_CODE:
        return f"{kind}: {known.get('code') or thing[1].partition('.')[0]}"
    if thing[0] == "complaint_paths":
        return f"{kind}: {act_title(shell, _either(leaves, 'act') or known.get('act'))}"
    said = known.get(shell.lang) or _either(leaves, shell.lang)
    return f"{kind}: {said or thing[1]}"


def _either(leaves: _Leaves, leaf: str) -> Any:  # noqa: ANN401  JSON
    old, new = leaves.get(leaf, (None, None))
    return old if new is None else new


def _is(one: Json, named: str) -> bool:
    own = [str(one[m]) for m in ("id", "act_id", "code", "agency") if one.get(m) is not None]
    return ".".join(dict.fromkeys(own)) == named


def by_time(shell: Shell) -> str:
    """What stands where no act made a change."""
    return shell.text(Message("time alone, no act"))


def touched_by(shell: Shell, act: Json) -> str:
    """An act that made a change: its index, its name, who signed it one after the other."""
    signed = [
        f"{signer.get('post_vi') or '–'} {str(signer['officer'])[:8]}" for signer in act["signers"]
    ]
    late = shell.text(Message(" (entered late)")) if act.get("late") else ""
    return f"#{act['index']} {shell.local(act, 'act')}{late}: {' → '.join(signed) or '–'}"


# -- small -------------------------------------------------------------------------------------


def act_title(shell: Shell, code: str | None) -> str | None:
    """Name of an act type in the reader's language."""
    kind = load().types.get(code or "")
    if kind is None:
        return code
    return kind.vi if shell.lang == "vi" else kind.en


def _worded(shell: Shell, line: Json, member: str) -> str | None:
    return "\n".join(filter(None, (shell.local(line, member), line.get(member)))) or None


def coded(words: object, code: object) -> str | None:
    """`words (CODE)`."""
    if code is None:
        return None if words is None else str(words)
    return str(code) if words in (None, code) else f"{words} ({code})"


def day(text: str | None) -> str | None:
    """A date, or the day of an act's time, as a person reads it."""
    return None if text is None else shown(date.fromisoformat(text[:10]), "vi")


def when(text: str | None) -> str | None:
    """Times as a person reads them: an act's own as signed, the server's in Vietnam's."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return shown(moment.astimezone(VIETNAM) if text.endswith("Z") else moment, "vi")
