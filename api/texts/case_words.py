"""A case in words, for whoever shows one: values of its file, what changed, who signed, when.

Words, never the code that a program would use: that is in the JSON. A terminal and a page say the
same by these; how it is laid out is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

from api.texts.catalogue import shown, translate
from api.texts.labels import name, role, standing, word
from api.texts.lang import Lang
from ledger.admission.registrar import OWN
from ledger.json_pointer import names
from ledger.message import Message, Text, Wording, plural
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case.outcomes import words as outcome_words
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.words import labels, vocabulary

Json = Mapping[str, Any]


class Speaker(Protocol):
    """Who says it: a terminal, a page."""

    @property
    def lang(self) -> Lang:
        """In which language."""

    def text(self, text: Text) -> str:
        """A sentence."""

    def name(self, member: str) -> str:
        """The word for a member or column."""

    def local(self, line: Json, member: str = "") -> Any:  # noqa: ANN401  JSON
        """A member that comes in both languages (`state_vi`, `state_en`; `vi`, `en`)."""

    def when(self, text: str | None) -> str | None:
        """A time, in the zone that it is told in."""


@dataclass(frozen=True, slots=True)
class Speech:
    """The plainest speaker: a language and nothing else."""

    lang: Lang

    def text(self, text: Text) -> str:
        """A sentence."""
        return translate(text, self.lang)

    def name(self, member: str) -> str:
        """The word for a member or column."""
        return name(member, self.lang)

    def local(self, line: Json, member: str = "") -> Any:  # noqa: ANN401  JSON
        """A member that comes in both languages."""
        return line.get(f"{member}_{self.lang}" if member else self.lang)

    def when(self, text: str | None) -> str | None:
        """A time, in Vietnam's zone."""
        return when(text)


_OF_PRODUCT: Final = "PRODUCT_RULE"
_HOUR: Final = 3_600
_DAY: Final = 24 * _HOUR
RELATED: Final[Mapping[str, Text]] = {
    "MERGED_INTO": Message("merged into"),
    "MERGED_FROM": Message("merged from"),
    "PERHAPS_THE_SAME": Message("looked at as perhaps the same"),
    "PERHAPS_THE_SAME_BY_IT": Message("looked at this one as perhaps the same"),
}
"""What another case has to do with one."""
FILE_FACTS: Final = (
    "outcome", "finding", "handler", "lead", "finders", "register_no", "urgency", "alleged_limb",
    "opened_at", "registered_at", "reporters", "statements",
)  # fmt: skip
"""Members of a case file that are told first, each in a line."""
ENDED: Final = frozenset({"STOPPED", "ENDED", "EXTENDED"})
"""Runs of clocks that nobody waits for: what follows an extension is a run of its own."""
BY_DAY: Final = "day"
PRECISIONS: Final[Mapping[str, Text]] = {
    BY_DAY: Message("to the day"),
    "hour": Message("to the hour"),
    "minute": Message("to the minute"),
    "second": Message("to the second"),
}
"""How exactly the author of an act knew when it happened, the coarsest first."""


_STREAMS: Final[Mapping[str, Message]] = {
    "case": Message("a case, {name}"),
    "agency": Message("the agency {name}"),
    "officer": Message("an officer, {name}"),
    "programme": Message("the programme {name}"),
    "ledger": Message("the ledger itself"),
}
ORDERS: Final[Mapping[str, Message]] = {
    "-last_act": Message("last act, newest first"),
    "last_act": Message("last act, oldest first"),
    "-opened_at": Message("came in, newest first"),
    "opened_at": Message("came in, oldest first"),
    "due": Message("deadline, nearest first"),
    "-due": Message("deadline, farthest first"),
    "case_number": Message("case number"),
    "-case_number": Message("case number, last first"),
    "-recorded_at": Message("recorded, newest first"),
    "-occurred_at": Message("happened, newest first"),
}
"""Of lists, by what the API calls them."""
_HIDDEN_ACT: Final = Message("an act that you are not shown here")
_SHORT_ID: Final = 8
_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


def stream_words(stream: str, names: Mapping[str, str] = _NO_NAMES) -> Text:
    """What a stream is the acts of.

    Args:
        stream: Its name.
        names: Agencies by their names, where they are at hand.
    """
    kind, _, name = stream.partition("/")
    short = names.get(name, name) if kind == "agency" else name[:_SHORT_ID]
    said = _STREAMS.get(kind)
    return Wording(stream, stream) if said is None else said.filled(name=short)


def source(speaker: Speaker, clock: Json) -> str | None:
    """Where a clock comes from: its article, or that the product made it up."""
    if clock.get("source_kind") == _OF_PRODUCT:
        return speaker.text(Message("rule of this product"))
    return clock.get("source")


def act_named(speaker: Speaker, one: Json, hidden: Message = _HIDDEN_ACT) -> str:
    """An act that another names, by its type; that it is erased, where it is.

    Args:
        speaker: In whose language.
        one: A relation as the API answers it.
        hidden: Said of an act that is not among what is shown.
    """
    if one["seq"] is None:
        return speaker.text(hidden)
    return speaker.local(one, "act") or speaker.text(Message("an act whose content is erased"))


def began(speaker: Speaker, clock: Json, acts: Mapping[str, str]) -> str:
    """What a deadline runs from: its moment, and the act where it is at hand.

    A case may have one and the same deadline twice, behind two acts.

    Args:
        speaker: In whose language.
        clock: A deadline, as the case file or the durations have it.
        acts: Types of acts by their ids (`acts_named`).
    """
    since = speaker.when(clock.get("started_at") or clock.get("since"))
    act = act_title(speaker, acts.get(clock["act_id"]))
    if act is None:
        return speaker.text(Message("from {moment}", moment=since))
    return speaker.text(Message("from “{act}”, {moment}", act=act, moment=since))


def acts_named(body: object) -> dict[str, str]:
    """Types of the acts that an answer names, wherever in it it does, by their ids."""
    if isinstance(body, Mapping):
        found = {key: code for one in body.values() for key, code in acts_named(one).items()}
        own = body.get("act_id"), body.get("act")
        return found | ({str(own[0]): str(own[1])} if None not in own else {})
    if isinstance(body, Sequence) and not isinstance(body, str):
        return {key: code for one in body for key, code in acts_named(one).items()}
    return {}


def act_heading(speaker: Speaker, act: Json) -> list[str]:
    """Its name, whether it was entered late, and the flags it raised, a line each."""
    title = [str(speaker.local(act, "act") or standing(act["status"], speaker.lang))]
    if act.get("late"):
        title.append(speaker.text(Message("(entered late)")))
    out = len(act.get("mirrored", {}).get("left_out", ()))
    if out:
        title.append(speaker.text(Message("(without {n} of its files)", n=out)))
    return title + [f"⚑ {flag(one, speaker.lang)}" for one in act.get("flags", ())]


def effect(speaker: Speaker, line: Json) -> str:
    """The state an effective act leaves; how the act stands where it has no effect."""
    if not line.get("effect"):
        return standing(line["status"], speaker.lang)
    state = line.get("state_after")
    return "✓" if state is None else str(valued(speaker, "state", state))


def signed_by(speaker: Speaker, line: Json) -> str:
    """Post and agency, in whose name, then role and the beginning of the officer's id."""
    parts = (*signer_post(speaker, line.get("signer") or {}), signer_role(speaker, line))
    return "\n".join(part for part in parts if part)


def signer_post(speaker: Speaker, signer: Json) -> Iterator[str]:
    """Post and agency of who signed; in whose name and instead of whom, where not one's own."""
    yield ", ".join(p for p in (signer.get("post_vi"), signer.get("agency_name")) if p)
    capacity = signer.get("capacity")
    if capacity not in (None, OWN):
        yield speaker.text(vocabulary("capacities").get(capacity, Wording(capacity, capacity)))
    if signer.get("stands_in"):
        yield speaker.text(Message("instead of an officer whom the act names"))


def signer_role(speaker: Speaker, line: Json) -> str:
    """The role in words, and the beginning of the officer's id."""
    said = role(line["role"], speaker.lang) if line.get("role") else ""
    return f"{said} {str(line.get('officer') or '')[:8]}".strip()


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
_SAY_THEMSELVES: Final = frozenset({"flags", "assumptions", "finders"})
"""Lists each thing of which is told by its value alone."""
#: Leaf of a thing that says where it stands; the first that changed is shown.
_TELLING: Final = ("status", "state", "finding", "label", "occurred_at", "until", "code", "act")
_Leaves = dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class ChangedThing:
    """A thing of a case that changed.

    Attributes:
        title: What it is.
        old: Its value before, in words.
        new: And after.
        acts: Those that changed it, as the API lists them; none where time alone did.
    """

    title: str
    old: object
    new: object
    acts: list[Json]


def changed_things(speaker: Speaker, found: Iterable[Json], case: Json) -> Iterator[ChangedThing]:
    """What changed, a thing each, where its words differ.

    Args:
        speaker: Whose language.
        found: Changes as the API lists them, a leaf each.
        case: What names the things that the pointers lead to: the case file, or an act with those
            that it names.
    """
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
        old, new = _values(speaker, thing[0], leaves)
        if old != new:
            yield ChangedThing(
                _title(speaker, thing, leaves, case), old, new, list(acts[thing].values())
            )


def _values(speaker: Speaker, kind: str, leaves: _Leaves) -> tuple[object, object]:
    if "" in leaves:
        old, new = leaves[""]
        return valued(speaker, kind, old), valued(speaker, kind, new)
    told = (speaker.lang,) if kind == "assumptions" else _TELLING
    for leaf in told:
        if leaf in leaves:
            old, new = leaves[leaf]
            return _said(speaker, leaf, old, leaves, 0), _said(speaker, leaf, new, leaves, 1)
    before = ", ".join(_pair(leaf, old) for leaf, (old, _) in leaves.items() if old is not None)
    after = ", ".join(_pair(leaf, new) for leaf, (_, new) in leaves.items() if new is not None)
    return before or None, after or None


def _pair(leaf: str, value: object) -> str:
    """A leaf with its value; a member of a plain list is named by its value already."""
    return leaf if leaf == value else f"{leaf} {value}"


def _said(speaker: Speaker, leaf: str, value: Any, leaves: _Leaves, side: int) -> object:  # noqa: ANN401  JSON
    if value is None:
        return None
    if leaf in ("occurred_at", "until"):
        return speaker.when(value)
    if leaf in ("state", "finding"):
        return standing(value, speaker.lang)
    if leaf == "code":
        return flag(value, speaker.lang)
    if leaf != "status":
        return value
    due = leaves.get("due", (None, None))[side]
    return f"{word(value, speaker.lang)}, {speaker.when(due)}" if due else word(value, speaker.lang)


def valued(speaker: Speaker, member: str, value: Any) -> object:  # noqa: ANN401  JSON
    """A value that a pointer into a case file leads to: words for codes, a thing by its name."""
    if isinstance(value, list):
        return "\n".join(str(valued(speaker, member, one)) for one in value) or None
    if isinstance(value, Mapping):
        return _brief(speaker, value)
    return _text(speaker, member, value) if isinstance(value, str) else value


def _text(speaker: Speaker, member: str, value: str) -> str | None:
    n, leaf = 0 if speaker.lang == "vi" else 1, member.rpartition("/")[2]
    if member == "state":
        return life_cycle().labels.get(value, (value, value))[n]
    if member == "outcome":
        return translate(outcome_words(value), speaker.lang)
    if leaf in _STANDS:
        return standing(value, speaker.lang)
    if leaf in _LIMBS:
        return f"3.3.{value}"
    if leaf in ("status", "urgency"):
        return word(value, speaker.lang)
    return speaker.when(value) if leaf.endswith("_at") or leaf in _WHEN else value


_LIMBS: Final = ("alleged_limb", "limbs_met")
"""Limbs of article 3.3 of the regulation, as one cites them."""
_STANDS: Final = ("state", "finding", "mark")
_WHEN: Final = ("due", "occurred_at", "at", "alarm", "until")


def _brief(speaker: Speaker, thing: Json) -> str:
    """A thing of a case file in a line: its name, how it stands, and the time that tells most."""
    name = speaker.local(thing) or thing.get("label") or act_title(speaker, thing.get("act"))
    parts = [name] if name else []
    for members in ((*_STANDS, "status"), _WHEN):
        leaf = next((leaf for leaf in members if thing.get(leaf)), None)
        if leaf is not None:
            parts.append(str(valued(speaker, f"/{leaf}", thing[leaf])))
    return ", ".join(parts)


def _title(speaker: Speaker, thing: tuple[str, ...], leaves: _Leaves, case: Json) -> str:
    kind = speaker.name("result_act" if thing[0] == "result" else thing[0])
    if thing[0] in _OBJECTS or thing[0] in _SAY_THEMSELVES or len(thing) == 1:
        return kind
    known: Json = next((one for one in case.get(thing[0], ()) if _is(one, thing[1])), {})
    if thing[0] == "complaint_paths":
        return f"{kind}: {act_title(speaker, _either(leaves, 'act') or known.get('act'))}"
    said = known.get(speaker.lang) or _either(leaves, speaker.lang)
    return f"{kind}: {said or _by_key(speaker, thing, case)}"


def _by_key(speaker: Speaker, thing: tuple[str, ...], named: Json) -> str:
    """A thing that nothing but its key tells of: a deadline by its code, else by its act."""
    *ids, last = thing[1].split(".")
    if thing[0] == "clocks" and ids:
        return life_cycle().clock_labels.get(last, (last, last))[0 if speaker.lang == "vi" else 1]
    return act_title(speaker, acts_named(named).get(thing[1])) or thing[1]


def _either(leaves: _Leaves, leaf: str) -> Any:  # noqa: ANN401  JSON
    old, new = leaves.get(leaf, (None, None))
    return old if new is None else new


def _is(one: Json, named: str) -> bool:
    own = [str(one[m]) for m in ("id", "act_id", "code", "agency") if one.get(m) is not None]
    return ".".join(dict.fromkeys(own)) == named


def by_time(speaker: Speaker) -> str:
    """What stands where no act made a change."""
    return speaker.text(Message("time alone, no act"))


def touched_by(speaker: Speaker, act: Json) -> str:
    """An act that made a change: its index, its name, who signed it one after the other."""
    signed = [
        f"{signer.get('post_vi') or '–'} {str(signer['officer'])[:8]}" for signer in act["signers"]
    ]
    late = speaker.text(Message(" (entered late)")) if act.get("late") else ""
    return f"#{act['index']} {speaker.local(act, 'act')}{late}: {' → '.join(signed) or '–'}"


def act_title(speaker: Speaker, code: str | None) -> str | None:
    """Name of an act type in the reader's language."""
    kind = load().types.get(code or "")
    if kind is None:
        return code
    return kind.vi if speaker.lang == "vi" else kind.en


def day(text: str | None) -> str | None:
    """A date, or the day of an act's time, as a person reads it; no date stands as it is."""
    return _read(text, lambda written: date.fromisoformat(written[:10]))


def when(text: str | None) -> str | None:
    """A time as a person reads it, in Vietnam's, whoever's clock it was; else as it is."""
    return _read(text, lambda written: datetime.fromisoformat(written).astimezone(VIETNAM))


def _read(text: str | None, read: Callable[[str], date]) -> str | None:
    try:
        return None if text is None else shown(read(text), "vi")
    except (ValueError, OverflowError):
        return text


def longest_step(times: Json) -> Json | None:
    """The step that took most of what it was given; None where none has a stated length."""
    longest = times["longest"]
    if longest is None:
        return None
    meant = longest["code"], longest["act_id"]
    return next((one for one in times["steps"] if (one["code"], one["act_id"]) == meant), None)


def taken(speaker: Speaker, seconds: int) -> str:
    """Days and hours; of less than a day hours, of less than an hour minutes."""
    days, hours = seconds // _DAY, seconds % _DAY // _HOUR
    if days:
        return speaker.text(Message("{days} d {hours} h", days=days, hours=hours))
    if hours:
        return speaker.text(Message("{hours} h", hours=hours))
    return speaker.text(Message("{minutes} min", minutes=seconds // 60))


def flag(code: str, lang: Lang) -> str:
    """What a flag is called; the sentence of the guard that raises it where it has no name."""
    short = labels("flags").get(code)
    if short is not None:
        return translate(short, lang)
    from ledger.regulation.guards.table import BY_CODE  # noqa: PLC0415  not on every start

    guard = BY_CODE.get(code)
    return code if guard is None else translate(guard.text({}), lang)


def by_day(act: Json) -> bool:
    """Whether its author knew no more than the day: then no hour is shown.

    Args:
        act: As the API answers it, or as it was signed.
    """
    return (act.get("payload") or act).get("precision") == BY_DAY


def happened(act: Json) -> str | None:
    """When an act happened, no finer than its author knew it; the day is that of its own offset."""
    text = act.get("occurred_at")
    return day(text) if by_day(act) else when(text)


SIGNER_LEFT: Final = Message(
    "Whom the act names no longer holds this post: whoever holds it next signs instead, or the"
    " author takes the act back."
)
SIGNER_OUT: Final = Message(
    "Whom the act names is shut out of this case and cannot sign it: the author takes the act"
    " back, and names somebody else in a new one."
)
"""Why an act waits in vain, as it may stand until somebody notices."""
IN_VAIN: Final[Mapping[str, Message]] = {"LEFT": SIGNER_LEFT, "SHUT_OUT": SIGNER_OUT}
"""The same, by what a line of a worklist says of it."""


# -- sentences about what is shown -------------------------------------------------------------


def read_under(under: Json, told: Callable[[str], str | None] = when) -> Message:
    """By what somebody sees a case in which they take no part, and until when.

    Args:
        under: As the case file says it.
        told: A time in words.
    """
    until, act = told(under["until"]), under["act_id"]
    if under["rule"] == "A19":
        return Message(
            "OPENED IN AN EMERGENCY until {until}, by act {act}: auditors were told, and a third"
            " person reviews it.",
            until=until,
            act=act,
        )
    return Message(
        "READ UNDER AN INSPECTION ORDER until {until}, by act {act}.", until=until, act=act
    )


def unshown(n: int) -> Message:
    """Of how many statements nothing is in a case file, and where their places are."""
    return plural(
        "Of {n} statement nothing is in this file: it was erased, counts for nothing or is not"
        " shown to you. The timeline has its place.",
        "Of {n} statements nothing is in this file: they were erased, count for nothing or are not"
        " shown to you. The timeline has their places.",
        n=n,
    )


def moment_shown(view: Json, told: Callable[[str], str | None] = when) -> Message:
    """Which moment a file of the past shows, on which clock, up to which record.

    Args:
        view: As the case file says it.
        told: A time in words.
    """
    moment, index = view.get("at") and told(view["at"]), view["index"]
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


def part_shown(part: Json) -> Message:
    """How much of a case is shown to whoever was sent some acts of it."""
    return Message(
        "This is a part of the case: {shown} of its {positions} statements, in the acts that you"
        " may see. What else happened in it is not shown.",
        shown=part["positions"] - len(part["withheld"]),
        positions=part["positions"],
    )


def ground(one: Json) -> Message:
    """A ground by its place in its instrument."""
    place = ".".join(part for part in (one["article"], one["clause"], one["point"]) if part)
    article = Message("article {place}", place=place)
    return Message("{article} of {instrument}", article=article, instrument=one["instrument"])
