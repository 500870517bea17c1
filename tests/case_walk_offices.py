"""What is promised of a registry that changes under cases, read off the acts that changed it.

Who held which post is counted here from appointments and ends, when an agency was there from the
acts that began and ended it; no question is put to the registry that the guards ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from ledger.regulation.acts.act import Act
from ledger.regulation.case.clocks import clock_runs
from ledger.regulation.case.stand_ins import day_signed
from ledger.regulation.case.state import INTAKE, Entry, StreamState
from tests.case_walk import Json, Said, World

_ENDING: Final = ("MERGE", "ABSORB", "DIVIDE", "DISSOLVE")
_EARLIER: Final = frozenset(
    {
        "COMPLAINT_ACCEPT", "COMPLAINT_DECIDE_FIRST", "COMPLAINT_DECIDE_SECOND", "INFORM_REPORTER",
        "INFORM_AFFECTED",
    }
)  # fmt: skip
"""Terms that are owed to somebody outside: a rule set later makes them no longer (4.2)."""
_LATER: Final = frozenset({"COMPLAINT_LODGE", "COMPLAINT_LODGE_SECOND", "EXPLANATION"})
"""Terms that somebody outside has: no shorter."""
_BOUND: Final = _EARLIER | _LATER | {"MEASURE_CONFIRM", "REVIEW_MEASURE", "REVIEW_TAKEDOWN"}
"""These, and those by which who restricts is held to account: neither."""


def _day(text: object) -> date:
    return date.fromisoformat(str(text))


def in_effect(world: World, *types: str, but: Entry | None = None) -> Iterator[Act]:
    """Acts of the registry in the order in which they took effect."""
    found = [e for s in world.streams.values() for e in s.effective(*types) if e is not but]
    yield from (e.act for e in sorted(found, key=lambda e: (e.effect and e.effect.index) or 0))


def was_there(world: World, agency: str, on: date, but: Entry | None = None) -> bool:
    """Whether an agency was there on a day, by the edition in force and the acts of the log.

    All but one act, which is asked about as it was done.
    """
    edition = world.registry.edition if but is None else but.signed[-1].edition
    shipped = {a["id"]: a for a in edition.registry["agencies"]}
    line: Mapping[str, Any] | None = shipped.get(agency)
    for act in in_effect(world, "RegistryLinesAdded", "AgencyRegistered", but=but):
        for added in act.facts.get("lines", (act.facts,)):
            if added["agency"] == agency:
                line = added
    if line is None:
        return False
    last = line.get("valid_to")
    for act in in_effect(world, "AgencySuccessionRecorded", but=but):
        facts = act.facts
        ends = facts["kind"] in _ENDING and agency not in facts["successors"]
        if ends and agency in facts["predecessors"]:
            day = (_day(facts["effective_on"]) - timedelta(days=1)).isoformat()
            last = day if last is None or day < last else last
    return _day(line["valid_from"]) <= on and (last is None or on <= _day(last))


def posts_of(world: World, who: str, on: date, but: Entry | None = None) -> set[tuple[str, str]]:
    """Agency and post of each office that somebody held on a day."""
    terms = [
        [f["agency"], f["post"], _day(f["valid_from"]), None]
        for f in world.begun
        if f["officer"] == who
    ]
    for act in in_effect(world, "OfficerAppointed", "OfficerEnded", but=but):
        facts = act.facts
        if facts["officer"] != who:
            continue
        if act.act == "OfficerAppointed":
            last = None if "valid_to" not in facts else _day(facts["valid_to"])
            terms.append([facts["agency"], facts["post"], _day(facts["valid_from"]), last])
            continue
        end = _day(facts["ended_on"])
        for term in terms:
            if term[:2] == [facts["agency"], facts["post"]] and (term[3] is None or term[3] > end):
                term[3] = end
    return {
        (agency, post)
        for agency, post, first, last in terms
        if first <= on and (last is None or on <= last) and was_there(world, agency, on, but)
    }


def unheld(world: World, said: Said, entry: Entry) -> Iterator[str]:
    """Nobody signs who holds no office that day, nor on the day of what they did."""
    act, place = said.act, len(entry.signed) - 1
    signer, signed = act.signers[place], entry.signed[place]
    founder = world.registry.founder
    if founder is not None and founder.officer == said.officer:
        return
    today = day_signed(signed.iat)
    if signer.post not in {post for _, post in posts_of(world, said.officer, today, entry)}:
        yield "G3, 4.3: who signs holds the office named on that day"
    instead = signer.instead_of is not None
    done = {post for _, post in posts_of(world, said.officer, act.day, entry)}
    if not instead and act.act not in INTAKE and signer.post not in done:
        yield "G3, 4.3: who signs held the office named on the day of the act"


def mistrusted(world: World, entry: Entry) -> Iterator[str]:
    """formats.md §9: no act takes effect on a signature made since its key is not trusted."""
    if entry.status != "effective" or entry.act.act == "KeyRevoked":
        return  # who lost a key says so with it
    lost = {
        act.facts["kid"]: datetime.fromisoformat(act.facts["invalid_from"])
        for act in reversed([*in_effect(world, "KeyRevoked")])
    }
    for signed in entry.signed:
        since = lost.get(signed.kid)
        if since is not None and signed.recorded_at is not None and signed.recorded_at >= since:
            yield "formats.md §9: an act stands on no signature since which its key is not trusted"


def shown(world: World, stream: StreamState) -> dict[str, Any]:
    """What the view of a case says that hangs on the registry: its terms, and who holds it."""
    registry, now = world.registry, world.now
    return {
        "clocks": {
            (r.code, r.act_id, r.sub): (r.due, r.status)
            for r in clock_runs(stream, registry, now, world)
        },
        "subs": {s.id: stream.sub_state(s, now, registry) for s in stream.subs.values()},
        "handler": stream.handler(registry, now.date()),
    }


def cases_shown(world: World) -> dict[str, dict[str, Any]]:
    """The same of each case that has begun."""
    return {
        n: shown(world, s) for n, s in sorted(world.streams.items()) if s.kind == "case" and s.seq
    }


def moved(world: World, act: Act, before: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What an act of the registry that has just taken effect may not change in a case."""
    days_off = act.act == "EditionAdopted" and "holidays" in act.facts.get("change", {})
    for name, after in cases_shown(world).items():
        was = before.get(name, after)
        yield from _terms(was["clocks"], after["clocks"], days_off=days_off)
        if was["subs"] != after["subs"]:
            yield "4.2: no measure ends or lives again by an act of the registry"
        heir = after["handler"]
        if was["handler"] != heir and not was_there(world, str(heir), world.now.date()):
            yield f"law.md §13: a case passes to an agency that is there: {was['handler']} {heir}"


def _terms(was: Json, after: Json, *, days_off: bool) -> Iterator[str]:
    """Terms that protect somebody stay, and end when they did, but for a day off."""
    gone = {key[0] for key in was.keys() ^ after.keys()} & _BOUND
    if gone:
        yield f"4.2: no act of the registry takes a term away, or begins one: {gone}"
    for key in sorted(was.keys() & after.keys(), key=str):
        due, then = after[key][0], was[key][0]
        if key[0] not in _BOUND or due == then:
            continue
        if not days_off:
            if due is None or then is None or key[0] not in (_EARLIER if due < then else _LATER):
                yield f"4.2: no term that runs is made worse: {key[0]} {then} {due}"
        elif due is None or then is None or abs(due - then) > timedelta(days=11):
            yield f"law.md §14: a day off moves an end by days: {key[0]} {then} {due}"
