"""What the regulation promises of single acts, read off the act and what stood before it.

Each is written from its text (docs/law/regulation.md, authority.md), and by nothing that a guard
computes: of the state machine it reads the shipped rows, of agencies the acts that began them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import INTAKE, RESULTS, Entry, StreamState
from tests.case_walk import World
from tests.case_walk_offices import posts_of, was_there

_LATE: Final = timedelta(hours=24)
_DECIDES: Final = ("HandlingDecided", "SanctionDecided", "TechnicalMeasureOrdered", "ReviewDecided")
_ONES_OWN: Final = ("ActReturned", "ActWithdrawn", "DelegationEnded", "KeyRevoked")
_RESTRICTS_NOBODY: Final = ("INFORM_PUBLIC", "PRESERVE_RECORD")


def told_by(world: World, entry: Entry, stream: StreamState, at: datetime) -> Iterator[str]:
    """What an act that has just taken effect breaks of what its text says of it."""
    act = entry.act
    if act.occurred_at > at + timedelta(hours=1):
        yield "regulation.md §5: nothing is recorded before it happens"
    entered = entry.signed[0].recorded_at or at
    if not act.late_reason and entered - act.occurred_at > _LATE + timedelta(hours=1):
        yield "regulation.md §7: a back-dated act says why it is late"
    for body in act.to:
        if not body.startswith("sealed:") and not was_there(world, body, act.day, entry):
            yield f"law.md §13: whoever is addressed is there that day: {body}"
    yield from _referred(world, act, stream)
    yield from _stepped(world, entry)
    yield from _apart(world, entry, stream)
    for ask in _OF_TYPE.get(act.act, ()):
        yield from ask(world, entry, stream)


def _referred(world: World, act: Act, stream: StreamState) -> Iterator[str]:
    """What an act refers to stands in its own case, and is of the kind that it names."""
    for name, spec in world.kind(act.act).facts.items():
        named = act.facts.get(name)
        if spec["type"] != "ref" or named is None or spec.get("elsewhere"):
            continue
        found = stream.entries.get(str(named))
        if found is None or (found.status != "effective" and act.act not in _ONES_OWN):
            yield f"regulation.md §6: {act.act} refers to nothing that stands: {name}"
        elif spec.get("acts") and found.act.act not in spec["acts"]:
            yield f"regulation.md §6: {act.act} refers to another kind: {name}"


def _stepped(world: World, entry: Entry) -> Iterator[str]:
    """Case and sub-processes move as the diagram shows."""
    cycle, act = world.registry.edition.life_cycle, entry.act
    rows = [r for r in cycle["transitions"] if r["act"] == act.act]
    taken = [
        r["to"] for r in rows
        if (r["from"], r.get("disposition")) == (entry.state_before, act.disposition)
    ]  # fmt: skip
    if rows and entry.state_after not in taken:
        yield f"regulation.md §6: {act.act} from {entry.state_before} to {entry.state_after}"
    subs = {sub["name"]: sub["moves"] for sub in cycle["sub_processes"]}
    for moved in entry.moved:
        steps = {(m["from"], m["to"]) for m in subs[moved.sub.name] if m["act"] == act.act}
        stays = (moved.before, "=") in steps or moved.before == moved.after
        if (moved.before, moved.after) not in steps and not stays:
            yield f"regulation.md §6: {moved.sub.name} from {moved.before} to {moved.after}"


def _apart(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """Whom a case is about decides nothing in it, nor does who keeps keys or audits."""
    about = {
        officer
        for e in stream.effective(*INTAKE)
        if e is not entry
        for officer in e.act.facts.get("concerns_officer", ())
    }
    signs = entry.signed_by()
    if entry.act.act in _DECIDES and about & {*signs}:
        yield "Q15: whom a report is about decides nothing in its case"
    if entry.act.act in _ONES_OWN:
        return
    for officer in signs:
        held = world.registry.appointments(officer, world.now.date())
        if any({"KEY_CUSTODIAN", "AUDITOR"} & one.powers for one in held):
            yield "access.md S1: who keeps keys or audits signs nothing in a case"


# -- of single types ------------------------------------------------------------------------------


def _instant(facts: Mapping[str, Any], *names: str) -> datetime | None:
    stated = [datetime.fromisoformat(str(facts[n])) for n in names if n in facts]
    return min(stated, default=None)


def _ends(_world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    facts, urgent = entry.act.facts, entry.act.act == "ImmediateMeasureTaken"
    end = _instant(facts, "review_at", "end_at")
    if not urgent and "finding_ref" in facts:
        return  # six months at most, where it states no date (law.md §14)
    if end is None:
        yield "regulation.md §9.6: measures expire"
    elif urgent and end - entry.act.occurred_at > _LATE:
        yield "law.md §14: a first measure is reviewed in 24 hours"


def _ends_again(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    lifted = entry.act.facts["decision"] == "LIFT"
    end = _instant(entry.act.facts, "review_at", "end_at")
    if not lifted and end is None and stream.finding is None:
        yield "regulation.md §5.2: without a finding a measure is confirmed to a near date only"


def _in_time(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    taken = stream.get(str(entry.act.facts["measure"]))
    if taken is None or entry.signed[0].recorded_at is None:
        return
    if entry.signed[0].recorded_at - taken.act.occurred_at > _LATE + timedelta(minutes=1):
        yield "Q5: what was taken alone is confirmed within the day, or has lapsed"


def _night_after_night(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """5.2: what one officer took alone, and nobody looked at, is not taken alone again."""
    if entry.act.approver is not None or entry.act.facts["kind"] in _RESTRICTS_NOBODY:
        return
    looked = {
        e.act.facts["measure"]
        for e in stream.effective("MeasureConfirmed", "MeasureReviewed", "MeasureLifted")
    }
    for e in stream.effective("ImmediateMeasureTaken"):
        late = entry.act.occurred_at - e.act.occurred_at > _LATE
        alone = e is not entry and e.act.approver is None and e.act.act_id not in looked
        if late and alone and e.act.facts["kind"] not in _RESTRICTS_NOBODY:
            yield "Q5: not taken alone night after night"


def _above(world: World, agency: str, issuer: str) -> bool:
    line, seen = world.registry.agency(issuer), set[str]()
    while line is not None and line.parent is not None and line.parent not in seen:
        seen.add(line.parent)
        line = world.registry.agency(line.parent)
    return agency in seen


def _lifts(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """Q9: nobody below an issuer lifts, reviews or annuls what it issued."""
    facts = entry.act.facts
    issued = stream.get(str(facts.get("measure") or facts.get("sanction")))
    if issued is not None and _above(world, issued.act.agency, entry.act.agency):
        at = world.registry.functions_of(entry.act.agency, entry.act.day)
        if "PROVINCIAL_INSPECTORATE" not in at and issued.act.agency != entry.act.agency:
            yield "Q9: nobody below an issuer lifts or reviews what it issued"


def _lead_told(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    if not {*entry.act.to} & {*world.registry.holders("LEAD", entry.act.day)}:
        yield "5.2, 8.4.b: the lead is notified, and nobody else in its place"


def _found(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    facts = entry.act.facts
    if {"a", "b", "c"} - {limb["limb"] for limb in facts["limbs"]}:
        yield "regulation.md §1: the limbs are tested one by one"
    if bool(facts.get("contrary_evidence")) == (facts["contrary_none_found"] is True):
        yield "regulation.md §9.4: contrary evidence is mandatory"
    earlier = [e for e in stream.effective("VerificationConcluded") if e is not entry]
    if earlier and facts.get("supersedes") != earlier[-1].act.act_id:
        yield "regulation.md §5.3: the next finding supersedes the one that stood"


def _concludes(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    facts, found = entry.act.facts, stream.finding
    met = found is not None and any(x["result"] == "MET" for x in found.act.facts["limbs"])
    if facts["outcome"] == "NO_VIOLATION" and met:
        yield "Q21: a limb that is met is not nothing"
    if facts["outcome"] == "DUPLICATE" and "surviving_case" not in facts:
        yield "regulation.md §8, row 30: a duplicate names the surviving case"


def _reports_result(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    other = entry.act.facts["kind"] == "OTHER"
    if not other and stream.last(*RESULTS, "CaseClosed") is None:
        yield "regulation.md §5.8: a result is reported once there is one"


def _first_once(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    facts = entry.act.facts
    same = [
        e for e in stream.effective("ComplaintReceived")
        if e is not entry
        and all(e.act.facts[n] == facts[n] for n in ("against", "complainant", "instance"))
        and stream.subs[e.act.act_id].state == "DECIDED"
    ]  # fmt: skip
    if facts["instance"] == "FIRST" and same:
        yield "law.md §9: what was decided is no first complaint again"


def _once(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    same = [e for e in stream.effective("ReportWithdrawn")
            if e.act.facts["report"] == entry.act.facts["report"]]  # fmt: skip
    if len(same) > 1:
        yield "Q14: a report is taken back once"


def _handed(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    facts, day = entry.act.facts, world.now.date()
    bodies = [{a for a, _ in posts_of(world, o, day, entry)} for o in entry.signed_by()]
    if facts["from_agency"] not in bodies[0] and facts["to_agency"] not in bodies[0]:
        yield "regulation.md §5.11: both sign a handover"
    if not any(facts["to_agency"] in b for b in bodies):
        yield "regulation.md §5.11: both sign a handover"


def _registered(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    about = (a for e in stream.intake for a in e.act.facts.get("concerns_agency", ()))
    lawful = [str(entry.act.facts["handling_agency"]), *about]  # about whom it is hands it on
    lawful += [heir for a in lawful if (heir := world.registry.heir(a, entry.act.day))]
    if entry.act.agency not in lawful:
        yield "Q11: registering makes one's own agency handler"


def _sealed(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    reports = stream.effective(*INTAKE)
    stood = {v for e in reports for v in _tokens(e.act.facts)}
    untold = [e for e in reports if e.act.facts.get("identity_given") and not _tokens(e.act.facts)]
    if not untold and entry.act.facts["reporter"] not in stood:
        yield "regulation.md §5.1: what is sealed is whom a report of the case is of"


def _tokens(facts: Mapping[str, Any]) -> Iterable[str]:
    return [v for v in facts.values() if isinstance(v, str) and v.startswith("sealed:")]


def _merged(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    into = str(entry.act.facts["surviving_case"])
    known = world.streams.get(into)
    if into == stream.name or known is None or known.state in (None, "CLOSED", "ARCHIVED"):
        yield "regulation.md §5.1: a case is merged into another one that is open"


def _given_back(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """Q6: the author takes back, or whoever holds the author's post since."""
    dead = stream.entries.get(str(entry.act.refers_to))
    if dead is None or dead.returned_by is not entry:
        yield "Q6: what is taken back was waiting"
        return
    own = dead.signed[0].officer == entry.signed[0].officer
    post = dead.act.signers[0].post
    heads = world.registry.heir(dead.act.agency, world.now.date()) != dead.act.agency
    linked = world.registry.same_person(dead.signed[0].officer, entry.signed[0].officer)
    if not own and not linked and not heads and entry.act.signers[0].post != post:
        yield "Q6: the author takes back, or who holds the post since"


def _lends(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    facts, today = entry.act.facts, world.now.date()
    gives = {a for a, _ in posts_of(world, entry.signed_by()[0], today, entry)}
    takes = {a for a, p in posts_of(world, facts["officer"], today, entry) if p == facts["post"]}
    if entry.act.agency not in gives or not gives & takes:
        yield "Q4: the holder of a post lets another officer of the agency sign"
    if facts["valid_to"] < facts["valid_from"]:
        yield "Q4: a delegation has a term"


def _others(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    """G8: nobody registers themselves."""
    who = str(entry.act.facts["officer"])
    if any(world.registry.same_person(who, one) for one in entry.signed_by()):
        yield "G8: nobody registers themselves"


def _mapped(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    """law.md §13: of an agency that ends no function is left that somebody held on its last day."""
    facts = entry.act.facts
    day = date.fromisoformat(facts["effective_on"])
    for gone in facts["predecessors"]:
        if was_there(world, gone, day):
            continue
        rows = {row["function"] for row in facts["map"] if row["from_agency"] == gone}
        for one in set(world.registry.functions_of(gone, day - timedelta(days=1))) - rows:
            yield f"law.md §13: {one} of {gone} is left without a successor"


def _proposed(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    if entry.state_before != "SCREENING":
        return
    about = entry.act.facts["subject_matter"] == "COMPETENCE_CONFLICT"
    if not about or not stream.subs_in("referral", "CONFLICT"):
        yield "regulation.md §6: from screening a conflict is proposed about, after a second return"


def _back_from_criminal(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    branch, result = str(entry.act.disposition), entry.act.facts["result"]
    if branch.startswith("returned") and result != "RETURNED_FOR_SANCTION":
        yield "regulation.md §6: what comes back was returned for administrative handling"
    if branch == "final" and result == "RETURNED_FOR_SANCTION":
        yield "regulation.md §6: what was returned for handling has no end there"
    if branch == "returned" and stream.finding is None:
        yield "regulation.md §6: what was not verified is verified first"


def _says_its_branch(_world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    branch, decision = entry.act.disposition, entry.act.facts["decision"]
    if branch not in ("resumed", decision.lower()):
        yield "regulation.md §5.9: a review goes the way that it decided"


def _corrects(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """G13, Q25: a correction names an entry, of whoever wrote it, holds or inherited it."""
    found = stream.get(str(entry.act.corrects))
    if found is None:
        yield "G13: a correction names what it corrects"


def _looked_for(_world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    if entry.act.facts["duplicates_checked"] is not True:
        yield "regulation.md §5.1: a case is opened after a duplicate check"


def _to_deputy(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    facts = entry.act.facts
    line = world.registry.agency(entry.act.agency)
    post = None if line is None else line.posts.get(facts["post"])
    if facts["capacity"] == "GQ" and (post is None or "KT" not in post.capacities):
        yield "Q4: giao quyền goes to a deputy"


def _in_office(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    if not posts_of(world, str(entry.act.facts["officer"]), world.now.date(), entry):
        yield "formats.md §9: a key is given to whoever holds a post"


_Ask = Callable[[World, Entry, StreamState], Iterator[str]]
_OF_TYPE: Final[Mapping[str, tuple[_Ask, ...]]] = {
    "ImmediateMeasureTaken": (_ends, _night_after_night),
    "TechnicalMeasureOrdered": (_ends,),
    "TakedownProposed": (_ends,),
    "MeasureReviewed": (_ends_again, _lifts),
    "MeasureConfirmed": (_in_time,),
    "MeasureLifted": (_lifts,),
    "SanctionAnnulled": (_lifts,),
    "LeadAgencyNotified": (_lead_told,),
    "VerificationConcluded": (_found,),
    "ResultDetermined": (_concludes,),
    "ResultNotified": (_reports_result,),
    "ComplaintReceived": (_first_once,),
    "ReportWithdrawn": (_once,),
    "CaseCustodyTransferred": (_handed,),
    "CaseRegistered": (_registered, _looked_for),
    "ProposalSubmitted": (_proposed,),
    "CriminalResultReceived": (_back_from_criminal,),
    "ReviewDecided": (_says_its_branch,),
    "RecordCorrected": (_corrects,),
    "ReporterIdentitySealed": (_sealed,),
    "CaseMerged": (_merged,),
    "ActWithdrawn": (_given_back,),
}
_OF_THE_REGISTRY: Final[Mapping[str, tuple[_Ask, ...]]] = {
    "DelegationGiven": (_lends, _to_deputy),
    "OfficerAppointed": (_others,),
    "OfficerEnded": (_others,),
    "KeyEnrolled": (_others, _in_office),
    "AgencySuccessionRecorded": (_mapped,),
}


def told_of_registry(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """The same of an act of the registry."""
    for ask in _OF_THE_REGISTRY.get(entry.act.act, ()):
        yield from ask(world, entry, stream)
