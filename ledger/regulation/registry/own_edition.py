"""What an edition of a log's own leaves to shipped ones: signatures, the log's terms and powers.

Two officers adopt it. What is asked of signers stays at least what it was, so that the two give
nobody else what they do not hold themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from ledger.message import Message, Text
from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.edition import ADOPTION, Calendar, Edition, ruling
from ledger.regulation.edition_change import KEYS, key_of
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.rules import NONE_STATED, Bound, Rules, bounds, is_worse

OF_THE_LOG: Final = frozenset(
    {
        *REGISTRY_ACTS,
        ADOPTION,
        "ActReturned",
        "RecordVoided",
        "RecordErased",
        "KeyCeremonyRecorded",
        "AccessLogged",
        "ContentWithdrawn",
        "ExportPermitted",
        "ParticipationExcluded",
        "ParticipationRestored",
        "ReporterIdentitySealed",
        "ReporterIdentityDisclosed",
    }
)
"""Acts that the program itself goes by, and by which somebody is let in, shut out or named.

An edition neither drops nor changes them.
"""


LONGEST_REST: Final = 10
"""Days in a row on which agencies do not work, at most: Tết, in the years of the shipped table."""
_DAY: Final = timedelta(days=1)
_END: Final = "CLOSED"
"""The state in which a case has come to its end."""
_LETS: Final = (
    "stream",
    "streams",
    "who",
    "to",
    "moves",
    "signature_class",
    "signer_roles",
    "signer_powers",
    "in_absence",
    "signature_variants",
    "sub_process",
    "by_concerned",
    "spoken_by",
    "recorded",
)
"""Members of an act type by which it is done, or what it moves."""
_LOOSER: Final = frozenset({"enum", "required"})
"""Members of a fact that may let more be said."""
_Facts = Mapping[str, Mapping[str, Any]]
_LEFT: Final = (None, "AGENCY", "OFFICER")
"""What an act leaves to those whom a case is about, from nothing to everything."""


class EditionFault(NamedTuple):
    """One thing that is wrong with an edition.

    Attributes:
        subject: Of which subject.
        key: Of which line; empty: of the subject as a whole.
        text: What is wrong.
    """

    subject: str
    key: str
    text: Text


def stood(base: Edition) -> Mapping[str, ActType]:
    """Each act type as it stood last, in an edition or in one that it came from.

    One that is dropped comes back as it was: by two editions no more is done than by one.
    """
    found: dict[str, ActType] = {}
    one: Edition | None = base
    while one is not None:
        found = {**catalogue_of(one).types, **found}
        one = one.before
    return found


def weaker_signatures(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """No class is lower, no signer goes, nobody more may, and variants stay as they are."""
    before, after = stood(base), catalogue_of(edition).types
    for name in sorted(before.keys() & after.keys()):
        if _weaker(before[name], after[name]):
            said = Message(
                "its signatures are made weaker (class, signers, their powers, or who may author"
                " it): a shipped edition alone may"
            )
            yield EditionFault("acts", name, said)
        elif _LEFT.index(after[name].by_concerned) > _LEFT.index(before[name].by_concerned):
            said = Message(
                "more is left to those whom a case is about: a shipped edition alone may"
            )
            yield EditionFault("acts", name, said)
        elif not set(after[name].public) <= set(before[name].public):
            said = Message("more of it may be read by anybody: a shipped edition alone may say so")
            yield EditionFault("acts", name, said)
        elif _corrects_more(before[name], after[name]):
            said = Message("more of it may be corrected: a shipped edition alone may say so")
            yield EditionFault("acts", name, said)
    if edition.acts.get("founding") != base.acts.get("founding"):
        said = Message("when the founding of the registry is over: a shipped edition alone says")
        yield EditionFault("acts", "", said)
    yield from _roles_stay(edition, base)


def _corrects_more(before: ActType, after: ActType) -> bool:
    """What is found or decided is reconsidered, with signatures; no edition makes it a slip."""
    return any(
        not who <= were.get(path, frozenset())
        for were, are in (
            (before.correctable, after.correctable),
            (before.completable, after.completable),
        )
        for path, who in are.items()
    )


def _roles_stay(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """What a code of `who` is (function, post, part in the case) stays: signers go by it."""
    now = {role["code"]: role["kind"] for role in edition.acts["roles"]}
    for role in base.acts["roles"]:
        if now.get(role["code"]) != role["kind"]:
            said = Message("what this role is stays: a shipped edition alone changes it")
            yield EditionFault("acts", role["code"], said)


def _weaker(before: ActType, after: ActType) -> bool:
    kept = len(before.variants)
    # a variant that is added comes in the place of what was usual
    usual = [(after.signature_class, after.signer_roles)]
    usual += [(v.signature_class, v.signer_roles) for v in after.variants[kept:]]
    least, roles = before.signature_class, {*before.signer_roles}
    return (
        any(n < least or not roles <= {*named} for n, named in usual)
        or not {*after.who} <= {*before.who}
        or after.variants[:kept] != before.variants
        or any(
            _more_will_do({*codes}, {*after.signer_powers.get(role, ())})
            for role, codes in before.signer_powers.items()
        )
        or any(
            not {*codes} <= {*before.in_absence.get(role, ())}
            for role, codes in after.in_absence.items()
        )
    )


def _more_will_do(before: AbstractSet[str], after: AbstractSet[str]) -> bool:
    """Of the powers of which a signer holds one; where none is named, everybody will do."""
    return bool(before) and (not after or not after <= before)


def own_terms(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """Terms of acts of the log, and those of oversight, stay; a citizen's are not made worse.

    Terms that the log's own acts start have the dated lines they had, and so have those by which
    who acts is overseen; a line for a citizen that is worse is entered by ClockRuleSet, which looks
    at its day.
    """
    types, bound = catalogue_of(base).types, bounds(base)
    own = {code for name in OF_THE_LOG & types.keys() for code in types[name].starts}
    own |= {code for code, what in bound.items() if what == "OVERSIGHT"}
    before, after = (_lines(e, "clock_rules") for e in (base, edition))
    rules = Rules.of(base)
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        code = str((now or was or {}).get("code"))
        if code in own and ruling(was) != ruling(now):
            said = Message("this term keeps the log itself: a shipped edition alone changes it")
            yield EditionFault("registry", key, said)
        elif code in bound and was is None and now is not None and _worse(rules, now, bound[code]):
            said = Message("this line is worse for a citizen: enter it as a rule of its own")
            yield EditionFault("registry", key, said)
    held = {code: what for code, what in bounds(edition).items() if code in bound}
    for code in sorted(bound):
        if held.get(code) != bound[code]:
            said = Message("whom this term protects stays: a shipped edition alone changes it")
            yield EditionFault("life_cycle", code, said)


def _worse(rules: Rules, line: Mapping[str, Any], bound: Bound) -> bool:
    before = rules.on(line["code"], date.fromisoformat(line["valid_from"]))
    return is_worse(bound, line["length"], line["unit"] or NONE_STATED, before)


def own_ways(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """What begins or ends a term of oversight or a citizen's stays, and so do the ways there.

    Or no line would be touched and the term be gone: a complaint that nobody must answer, a measure
    that one officer took alone and that never lapses. Who does what ends such a term, in which
    states and with how many signatures, is made no narrower; and no case is left without an end.
    """
    held, before, after = bounds(base), catalogue_of(base).types, catalogue_of(edition).types
    for name in sorted(before.keys() | after.keys()):
        was, now = _bound_clocks(before.get(name), held), _bound_clocks(after.get(name), held)
        if was != now:
            said = Message(
                "a term of oversight, or a citizen's, begins and ends by the acts by which it did:"
                " a shipped edition alone changes that"
            )
            yield EditionFault("acts", name, said)
    ending = {name for name, kind in before.items() if held.keys() & {*kind.stops}}
    for name in sorted(ending & after.keys()):
        asked = _refusing(edition, after[name]) - _refusing(base, before[name])
        if asked or _narrower(before[name], after[name]):
            said = Message(
                "less is let be done by it (who, when, by how many, or what is asked besides), and"
                " it ends a term of oversight or a citizen's: a shipped edition alone may"
            )
            yield EditionFault("acts", name, said)
    yield from _ways_stay(edition, base, ending)
    touching = ending | {name for name, kind in before.items() if held.keys() & {*kind.starts}}
    moves = {sub["name"]: sub["moves"] for sub in edition.life_cycle["sub_processes"]}
    for sub in base.life_cycle["sub_processes"]:
        theirs = touching & {move["act"] for move in sub["moves"]}
        if theirs and ruling(moves.get(sub["name"])) != ruling(sub["moves"]):
            said = Message("a term runs in it that protects somebody: its moves stay as they are")
            yield EditionFault("life_cycle", sub["name"], said)


def _bound_clocks(
    kind: ActType | None, held: Mapping[str, Bound]
) -> tuple[AbstractSet[str], AbstractSet[str], str | None]:
    """Of the clocks that protect somebody those that it begins and ends; the fact for one anew."""
    if kind is None:
        return set(), set(), None
    return held.keys() & {*kind.starts}, held.keys() & {*kind.stops}, kind.restarts


def _narrower(before: ActType, after: ActType) -> bool:
    states = after.states_from
    return (
        any(ruling(before.raw.get(name)) != ruling(after.raw.get(name)) for name in _LETS)
        or _facts_ask_more(before.facts, after.facts)
        or (states is not None and not {*(before.states_from or (None,))} <= {*states})
    )


def _refusing(edition: Edition, kind: ActType) -> set[tuple[str, int]]:
    """Guards that may refuse an act of a type, each with the version of its code."""
    return {
        (guard["code"], guard.get("version", 1))
        for guard in edition.guards["guards"]
        if guard["kind"] == "refuse"
        and (
            guard["applies_to"] == "every_act"
            or (guard["applies_to"] == "case_act" and "case" in kind.streams)
            or guard["code"] in kind.requires
        )
    }


def _facts_ask_more(before: _Facts, after: _Facts) -> bool:
    """Whether what could be said before cannot any more, or not without saying more."""
    if before.keys() - after.keys():
        return True
    for name, spec in after.items():
        was = before.get(name)
        if spec["required"] and not (was and was["required"]):
            return True
        if was is None:
            continue
        if not {*was.get("enum", ())} <= {*spec.get("enum", ())}:
            return True
        same = ({n: v for n, v in one.items() if n not in _LOOSER} for one in (was, spec))
        if ruling(next(same)) != ruling(next(same)):
            return True
    return False


def _ways_stay(edition: Edition, base: Edition, ending: AbstractSet[str]) -> Iterator[EditionFault]:
    """Moves to the end stay, those by what ends a term and to where it is done, and a way there."""
    rows, left = _rows(base), _rows(edition)
    there = {row["from"] for row in rows.values() if row["act"] in ending}
    for key, row in sorted(rows.items()):
        leads = row["to"] in there and row["from"] not in there
        keeps = row["act"] in ending or row["to"] == _END or leads
        if keeps and ruling(left.get(key)) != ruling(row):
            said = Message(
                "it leads to the end of a case, or of a term that protects somebody: it stays"
            )
            yield EditionFault("life_cycle", key, said)
    for state in sorted(_that_end(rows.values()) - _that_end(left.values())):
        said = Message("a case in this state would come to no end any more")
        yield EditionFault("life_cycle", state, said)


def _rows(edition: Edition) -> Mapping[str, Mapping[str, Any]]:
    members = KEYS["life_cycle", "transitions"]
    return {key_of(row, members): row for row in edition.life_cycle["transitions"]}


def _that_end(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """States from which a case comes to its end by some of these moves."""
    steps, found, before = [(r["from"], r["to"]) for r in rows], {_END}, set[str]()
    while found != before:
        before = set(found)
        found |= {origin for origin, to in steps if to in before and origin is not None}
    return found


def own_days(edition: Edition, base: Edition, on: date) -> Iterator[EditionFault]:
    """Days that are gone stay what they were, and no rest is longer than the longest there is.

    Terms run by them: those that are over would be running again, and those by which who acts is
    overseen would wait for a working day that two officers put off.

    Args:
        edition: That is to follow.
        base: The one in force.
        on: The day on which it is adopted.
    """
    for day in edition.calendar.differ(base.calendar):
        if day <= on:
            said = Message("this day is gone, or has begun: terms ended by what it was")
        elif _rest(edition.calendar, day) > LONGEST_REST:
            said = Message(
                "more than {days} days in a row without work: a shipped edition alone may say so",
                days=LONGEST_REST,
            )
        else:
            continue
        yield EditionFault("holidays", day.isoformat(), said)


def _rest(calendar: Calendar, day: date) -> int:
    """How many days in a row, this one among them, nobody works, as far as it is too many."""
    if calendar.is_working(day):
        return 0
    days = 1
    for step in (_DAY, -_DAY):
        one = day + step
        while days <= LONGEST_REST and not calendar.is_working(one):
            days, one = days + 1, one + step
    return days


def own_powers(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """No post is given a power that acts of the log ask of who signs them."""
    types = catalogue_of(base).types
    asked = {
        code
        for name in OF_THE_LOG & types.keys()
        for codes in (types[name].who, *types[name].signer_powers.values())
        for code in codes
    }
    before, after = (_lines(e, "post_powers") for e in (base, edition))
    for key in sorted(after.keys() - before.keys()):
        if after[key]["power"] in asked:
            said = Message(
                "whoever has this power signs what keeps the log itself:"
                " a shipped edition alone gives it to a post"
            )
            yield EditionFault("registry", key, said)


def _lines(edition: Edition, section: str) -> Mapping[str, Mapping[str, Any]]:
    members = KEYS["registry", section]
    return {key_of(line, members): line for line in edition.registry[section]}
