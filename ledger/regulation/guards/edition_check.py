"""Whether an edition holds together, and leaves alone what a log needs of the one before.

Asked before an edition is signed, and by the door: every code leads somewhere, no line that was in
use is edited (it ends, and another begins), and what keeps the log itself stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

from ledger.message import Message
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.lifecycle import OPEN_STATES, life_cycle_of
from ledger.regulation.acts.participation_rules import rules_of
from ledger.regulation.acts.text_lint import lists
from ledger.regulation.case.clocks import ASKED, AUTHOR
from ledger.regulation.case.silences import silences
from ledger.regulation.edition import Edition, ruling
from ledger.regulation.edition_change import APART, KEYS, key_of
from ledger.regulation.guards import table  # as a module: one of its guards asks here
from ledger.regulation.registry.agencies import Agencies
from ledger.regulation.registry.duties import duties
from ledger.regulation.registry.instruments import Instruments
from ledger.regulation.registry.own_edition import (
    OF_THE_LOG,
    EditionFault,
    own_days,
    own_powers,
    own_terms,
    own_ways,
    stood,
    weaker_signatures,
)
from ledger.regulation.registry.rules import Rules

LASTING: Final = (
    "FACTS_INVALID",
    "AGENCY_EXISTS",
    "AGENCY_HOLDS_FUNCTION",
    "OFFICER_IN_POST",
    "DISTINCT_SIGNERS",
    "SIGNER_ORDER",
    "SIGNER_POWERS",
    "SIGNATURES_STAND",
    "OCCURRED_IN_FUTURE",
    "REFERS_TO_OTHER_CASE",
    "CORRECT_NOT_EDIT",
    "MEMBER_CORRECTABLE",
    "NO_PERSON_IDENTIFIER",
    "STATE_ILLEGAL",
    "SUB_PROCESS_ILLEGAL",
    "IDENTITY_SEALED_FIRST",
    # who stands apart (access.md S1-S10)
    "EXCLUDED_SIGNS_NOT",
    "CONCERNED_SIGNS_NOT",
    "CONCERNED_HANDLES_NOT",
    "INSPECTOR_SIGNS_NOT",
    "AUDITOR_SIGNS_NOT",
    "INTAKE_APPROVES_NOT",
    "HANDLER_APPROVES_NOT",
    "DISCLOSER_SIGNS_NOT",
    "OWN_REVIEW_OTHER_DECIDER",
    "DECLASSIFIER_NOT_CLASSIFIER",
    "VERIFIER_SEPARATE",
    "HANDOVER_BOTH_SIGN",
    # what belongs to another level, or to nobody here
    "TOKEN_OF_ONE_CASE",
    "CIRCULATION_LEVEL",
    "SECRET_MARK_IN_TEXT",
    "SECRET_CONTENT_LOW",
    "LEVEL_POWER",
    "LEVEL_IS_ENCLAVE",
    "HOLDER_NAMED",
    "STUB_PERMITTED",
    "SALTED_COMMITMENT",
    "NO_POINTER_UP",
)
"""Guards that no edition drops, softens or moves to fewer acts; nor those of the acts above."""
_LAST: Final = "EDITION_KNOWN"
"""Asked after all others: what it alone refuses stops an older program (`admission.replay`)."""
_ENDS: Final = frozenset({"to", "valid_to", "in_force_to", "replaced_by"})
"""Members by which a line in use may change: where it was open, it ends."""
_SAYS: Final = frozenset({"vi", "en", "name_en", "note", "title_vi", "certainty"})
"""Members that say, and do not rule."""
_OWN_LINES: Final = {"names": "from", "posts": "code"}
"""Members that gather lines of their own, each with its key."""
_WRONG: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    re.error,
)
"""What taking data apart that nobody looked at before may raise."""
_DATED: Final = (
    ("registry", "agencies"),
    ("registry", "holdings"),
    ("registry", "post_powers"),
    ("registry", "instruments"),
    ("registry", "clock_rules"),
    ("registry", "competences"),
    ("registry", "limb_provisions"),
    ("registry", "disclosure_grounds"),
)


_Ask = Callable[[Edition, Edition], Iterable[EditionFault]]


def faults(edition: Edition, base: Edition, on: date = date.min) -> list[EditionFault]:
    """What is wrong with an edition that is to follow another; empty where nothing is.

    Args:
        edition: That is to follow.
        base: The one in force.
        on: The day on which it is adopted: the calendar of the days before it stays.
    """
    return _readable(edition) or _shape(edition, base) or _holds(edition, base, on)


def _readable(edition: Edition) -> list[EditionFault]:
    """What the program makes of each subject can be made."""
    found = []
    for subject, make in _PARTS:
        try:
            make(edition)
        except _WRONG as error:
            found.append(_unreadable(subject, error))
    return found


def _holds(edition: Edition, base: Edition, on: date) -> list[EditionFault]:
    """Its codes lead somewhere, and it leaves alone what is not a log's to change."""
    found: list[EditionFault] = []
    days: _Ask = partial(own_days, on=on)
    for subject, ask in (*_ASKED, ("holidays", days)):
        try:
            found += ask(edition, base)
        except _WRONG as error:
            found.append(_unreadable(subject, error))
    return found


def _unreadable(subject: str, error: Exception) -> EditionFault:
    why = str(error) if isinstance(error, (ValueError, LookupError)) else repr(error)
    return EditionFault(subject, "", Message("it cannot be read: {why}", why=why))


_PARTS: Final[tuple[tuple[str, Callable[[Edition], object]], ...]] = (
    ("acts", catalogue_of),
    ("life_cycle", life_cycle_of),
    # named when it is asked: this module may be read before that one is whole
    ("guards", lambda edition: table.guards_in(edition)),  # noqa: PLW0108
    ("lint", lists),
    ("registry", Agencies.of),
    ("registry", Instruments.of),
    ("registry", Rules.of),
    ("duties", duties),
    ("silences", silences),
    ("participation", rules_of),
    ("holidays", lambda edition: edition.calendar),
)


def _shape(edition: Edition, base: Edition) -> list[EditionFault]:
    """A line has the members that every line of its list has, and each is of a kind it is there.

    It is read for ever, by whoever folds the log: what is missing would stop them all.
    """
    found = []
    for subject, section in KEYS:
        before: Sequence[Mapping[str, Any]] = base.subjects[subject].get(section, ())
        lines = edition.subjects[subject].get(section, ())
        if not isinstance(lines, (list, tuple)):
            lines = [lines]
        always = frozenset(before[0]).intersection(*before) if before else frozenset[str]()
        kinds: dict[str, set[type]] = {}
        for line in before:
            for member, value in line.items():
                kinds.setdefault(member, set()).add(type(value))
        for line in lines:
            wrong = _misshapen(line, always, kinds)
            if wrong is not None:
                key = key_of(line, KEYS[subject, section]) if isinstance(line, Mapping) else section
                said = Message("{member} is missing, or is of another kind", member=wrong)
                found.append(EditionFault(subject, key, said))
    return found


def _misshapen(
    line: object, always: Collection[str], kinds: Mapping[str, Collection[type]]
) -> str | None:
    """The first member of a line that is missing or of a kind that it has nowhere."""
    if not isinstance(line, Mapping):
        return "the line"
    missing = sorted(set(always) - line.keys())
    odd = [m for m, value in line.items() if m in kinds and type(value) not in kinds[m]]
    return next(iter((*missing, *odd)), None)


def _acts(edition: Edition, _base: Edition) -> Iterator[EditionFault]:
    """Every code that an act type names is one."""
    known, guards = catalogue_of(edition), table.guards_in(edition).by_code
    cycle = edition.life_cycle
    states = {None, *(s["code"] for s in cycle["states"])}
    clocks = {c["code"] for c in cycle["clocks"]}
    holders = known.roles.keys() | known.addressees.keys()
    for name, kind in known.types.items():
        powers = [code for codes in kind.signer_powers.values() for code in codes]
        asked = (
            ("who", kind.who, known.roles.keys()),
            ("signer_powers", powers, known.roles.keys()),
            ("to", kind.to, holders),
            ("group", (kind.group,), known.groups.keys()),
            ("requires", sorted(kind.requires), guards.keys()),
            ("states_from", kind.states_from or (), states),
            ("clocks", (*kind.starts, *kind.stops), clocks),
        )
        for member, codes, there in asked:
            for code in codes:
                if code not in there:
                    yield EditionFault("acts", name, _unknown(member, code))
        if len(kind.signer_roles) != kind.signature_class:
            said = Message("signer_roles must name as many as signature_class asks")
            yield EditionFault("acts", name, said)


def _moves(edition: Edition, _base: Edition) -> Iterator[EditionFault]:
    """Transitions lead from states to states by acts; sub-processes are those the program knows."""
    cycle, types = edition.life_cycle, catalogue_of(edition).types
    states = {None, *(s["code"] for s in cycle["states"])}
    for row in cycle["transitions"]:
        key = key_of(row, KEYS["life_cycle", "transitions"])
        for member, code, there in (
            ("act", row["act"], types.keys()),
            ("from", row["from"], states),
            ("to", row["to"], states),
        ):
            if code not in there:
                yield EditionFault("life_cycle", key, _unknown(member, code))
    named = {sub["name"] for sub in cycle["sub_processes"]}
    for name in sorted(named ^ OPEN_STATES.keys()):
        said = Message("sub-processes are those that the program knows, and no others")
        yield EditionFault("life_cycle", name, said)
    for sub in cycle["sub_processes"]:
        for move in sub["moves"]:
            if move["act"] is not None and move["act"] not in types:
                yield EditionFault("life_cycle", sub["name"], _unknown("act", move["act"]))


def _still_asked(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """What lasts is asked of every act type of which it was, and nothing after the last guard."""
    before, after = stood(base), catalogue_of(edition).types
    for name in sorted(before.keys() & after.keys()):
        for code in sorted((before[name].requires - after[name].requires).intersection(LASTING)):
            said = Message("it asks for “{code}”, which no edition of a log drops", code=code)
            yield EditionFault("acts", name, said)
    if table.guards_in(edition).guards[-1].code != _LAST == table.guards_in(base).guards[-1].code:
        yield EditionFault("guards", _LAST, Message("this guard is asked last: nothing follows it"))


def _lasting(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """What keeps the log itself stays as it is."""
    before, after = catalogue_of(base).types, catalogue_of(edition).types
    own = sorted(OF_THE_LOG & before.keys())
    for name in own:
        if name not in after or ruling(after[name].raw, _SAYS) != ruling(before[name].raw, _SAYS):
            said = Message("this act keeps the log itself: it is changed by a shipped edition only")
            yield EditionFault("acts", name, said)
    keeping = {*LASTING, *(code for name in own for code in before[name].requires)}
    old, new = table.guards_in(base).by_code, table.guards_in(edition).by_code
    for code in sorted(keeping & old.keys()):
        said = Message("this guard keeps the log itself: it stays as it is")
        if code not in new or _guard(new[code]) != _guard(old[code]):
            yield EditionFault("guards", code, said)
    if edition.lint != base.lint:
        said = Message("the lists that keep persons and secrets out of texts stay as they are")
        yield EditionFault("lint", "", said)
    yield from _widens(edition, base)


def _widens(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """Who sees a case is not a log's to change: a new act type gives nothing but to who signs."""
    old, new = base.participation, edition.participation
    members = KEYS["participation", "acts"]
    before = {key_of(line, members): line for line in old["acts"]}
    said = Message("who takes part in a case is changed by a shipped edition only")
    for line in new["acts"]:
        key = key_of(line, members)
        was = before.pop(key, None)
        if line != was and (was is not None or line["gives"]):
            yield EditionFault("participation", key, said)
    for key in before:
        if key.partition(APART)[0] in catalogue_of(edition).types:
            yield EditionFault("participation", key, said)
    if any(new.get(n) != old.get(n) for n in (new.keys() | old.keys()) - {"acts"} - _SAYS):
        yield EditionFault("participation", "", said)


def _guard(guard: Any) -> tuple[object, ...]:  # noqa: ANN401 - a Guard, by its members
    return guard.kind, guard.applies_to, guard.version, guard.of_lender


def _kept(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    """A line in use is never edited: what was is judged by it. States stay, and first lengths."""
    for subject, section in _DATED:
        members = KEYS[subject, section]
        after = {key_of(line, members): line for line in edition.subjects[subject].get(section, ())}
        for line in base.subjects[subject].get(section, ()):
            key = key_of(line, members)
            if key not in after or not _only_ends(line, after[key]):
                said = Message("a line in use is not edited: end it, and add another")
                yield EditionFault(subject, key, said)
    yield from _states_stay(edition, base)
    first = {c["code"]: c.get("initial") for c in _lengths(edition)}
    for clock in _lengths(base):
        code = clock["code"]
        if code not in first or first[code] != clock.get("initial"):
            said = Message("its first length stays: add a dated line to clock_rules")
            yield EditionFault("life_cycle", code, said)


def _asked(edition: Edition, _base: Edition) -> Iterator[EditionFault]:
    """A clock asks the holder of the case, or says whom else."""
    for clock in edition.life_cycle["clocks"]:
        if clock.get("asks", AUTHOR) not in ASKED:
            said = Message("asks is one of {codes}", codes=", ".join(ASKED))
            yield EditionFault("life_cycle", clock["code"], said)


def _states_stay(edition: Edition, base: Edition) -> Iterator[EditionFault]:
    there = {s["code"] for s in edition.life_cycle["states"]}
    for state in base.life_cycle["states"]:
        if state["code"] not in there:
            said = Message("a state stays: cases stand in it")
            yield EditionFault("life_cycle", state["code"], said)


def _lengths(edition: Edition) -> Iterable[Mapping[str, Any]]:
    return (*edition.life_cycle["clocks"], *edition.life_cycle["limits"])


def _only_ends(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    for member in (before.keys() | after.keys()) - _SAYS - _OWN_LINES.keys():
        was, now = before.get(member), after.get(member)
        if was != now and not (member in _ENDS and was is None):
            return False
    return all(_only_grows(n, before.get(n, ()), after.get(n, ())) for n in _OWN_LINES)


def _only_grows(member: str, before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Names of old files and powers of posts stay: a name ends, and others are added."""
    now = {line[_OWN_LINES[member]]: line for line in after}
    for line in before:
        same = now.get(line[_OWN_LINES[member]], {})
        ended = {n: same.get(n) for n in _ENDS & line.keys() if line[n] is None}
        if {**same, **dict.fromkeys(ended)} != {**line, **dict.fromkeys(ended)}:
            return False
    return True


_ASKED: Final[tuple[tuple[str, _Ask], ...]] = (
    ("acts", _acts),
    ("life_cycle", _moves),
    ("life_cycle", _asked),
    ("acts", _still_asked),
    ("acts", weaker_signatures),
    ("guards", _lasting),
    ("registry", _kept),
    ("registry", own_terms),
    ("registry", own_powers),
    ("life_cycle", own_ways),
)


def _unknown(member: str, code: object) -> Message:
    return Message("{member} names “{code}”, which is not there", member=member, code=str(code))
