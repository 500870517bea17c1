"""What the texts promise of cases, asked of a walked world by what may be done in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Final

from api.texts.catalogue import translate
from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from ledger.regulation.case.reporters import tokens_named
from ledger.regulation.case.stand_ins import day_signed
from ledger.regulation.case.state import INTAKE, Entry, StreamState, SubProcess
from ledger.regulation.open_acts import open_acts
from tests.case_walk import Said, World
from tests.case_walk_offices import mistrusted, unheld
from tests.case_walk_rights import told_by, told_of_registry
from tests.case_walker import unsealed

_DECISION_90: Final = "90/QĐ-UBND"
_DECIDING: Final = (
    "HandlingDecided", "SanctionDecided", "TechnicalMeasureOrdered", "TakedownProposed",
    "ReferralSent", "PartialReferralSent", "CriminalReferralSent", "PartialCriminalReferralSent",
    "ReviewDecided",
)  # fmt: skip
"""Those of regulation.md §7 G1."""
_ISSUES_NOTHING: Final = (
    "ReportReceived", "ComplaintReceived", "ComplaintAccepted", "ReviewOpened",
)  # fmt: skip
_OF_THE_CASE: Final = ("IDENTITY_SEALED_FIRST", "STATE_ILLEGAL")
"""Guards that find fault with no member of the act."""
_TAKING_IN: Final = (*INTAKE, "CaseRegistered")
_STEPS: Final = (
    "CompetenceDetermined",
    "VerificationConcluded",
    "HandlingDecided",
    "ResultDetermined",
)
_STRAIGHT: Final = ("NO_VIOLATION", "INSUFFICIENT_BASIS", "OUT_OF_SCOPE", "DUPLICATE")


def persons(world: World, officers: Iterable[str]) -> set[str]:
    """The humans behind some officer ids."""
    found = set()
    for one in officers:
        known = world.registry.officer(one)
        found.add(str(known.person) if known is not None and known.person else one)
    return found


def lenders(world: World, act: Act, place: int, on: date) -> set[str]:
    """Who let a signer sign: read off the acts that gave and ended it, whatever the post has."""
    signer = act.signers[place]
    if signer.capacity in (None, "TRUC_TIEP"):
        return set()
    held = world.registry.appointment(signer.officer, act.agency, signer.post, on)
    powers = world.kind(act.act).signer_powers.get(signer.role, ())
    own = held is not None and signer.capacity in held.capacities
    if own and powers:
        own = any(
            world.registry.holds_code(c, act.agency, signer.post, signer.officer, on)
            for c in powers
        )
    if own and signer.instead_of is None:
        return set()
    found = set()
    for stream in world.streams.values():
        ended = {e.act.facts["delegation"] for e in stream.effective("DelegationEnded")}
        for entry in stream.effective("DelegationGiven"):
            facts = entry.act.facts
            if (
                (facts["officer"], facts["post"], facts["capacity"])
                == (signer.officer, signer.post, signer.capacity)
                and facts["valid_from"] <= on.isoformat() <= facts["valid_to"]
                and entry.act.act_id not in ended
            ):
                gave = entry.act.author
                place_of = gave.officer == signer.instead_of and world.registry.appointment(
                    gave.officer, entry.act.agency, gave.post, on
                )
                if place_of or not own:
                    found.add(gave.officer)
    return found


def answer_for(world: World, entry: Entry, *roles: str) -> set[str]:
    """The humans who signed an act, and who alone lent one of them the power to."""
    found = set(entry.signed_by(*roles))
    for place, said in enumerate(entry.signed):
        if not roles or said.role in roles:
            on = day_signed(said.iat) if entry.act.signers[place].instead_of else entry.act.day
            lent = lenders(world, entry.act, place, on)
            found |= lent if len(lent) == 1 else set()
    return persons(world, found)


def shut_out(stream: StreamState, world: World, at: datetime) -> set[str]:
    """The humans who are excluded from a case at an instant, by the acts alone."""
    back = {e.act.facts["exclusion"] for e in stream.effective("ParticipationRestored")}
    return persons(
        world,
        (
            e.act.facts["officer"]
            for e in stream.effective("ParticipationExcluded")
            if e.act.act_id not in back
            and ("until" not in e.act.facts or at.isoformat() < e.act.facts["until"])
        ),
    )


def broken_by(world: World, said: Said, entry: Entry) -> Iterator[str]:
    """What an act that was just taken breaks; nothing where all is as promised."""
    act, stream = said.act, world.stream(said.act.stream)
    humans = persons(world, (s.officer for s in act.signers))
    if len(humans) != len(act.signers):
        yield "G8: proposer and approver are different persons"
    yield from unheld(world, said, entry)
    yield from mistrusted(world, entry)
    if entry.status != "effective":
        return
    of_kind = _of_case if stream.kind == "case" else _of_registry
    yield from of_kind(world, said, entry, stream)


def _of_registry(world: World, _said: Said, entry: Entry, stream: StreamState) -> Iterator[str]:
    return told_of_registry(world, entry, stream)


def _of_case(world: World, said: Said, entry: Entry, stream: StreamState) -> Iterator[str]:
    act = entry.act
    yield from told_by(world, entry, stream, said.at)
    signs = persons(world, [said.officer])
    if act.act != "ActReturned" and signs & shut_out(stream, world, world.now):
        yield "G8 (36/2018/QH14 Art. 23): who is shut out of a case signs nothing more in it"
    for token in tokens_named(act.members):
        if world.tokens.get(token, set()) - {stream.name}:
            yield "access.md L26: no token stands in two cases"
    if not world.registry.exists(act.agency, act.day):
        yield "G3: the agency existed on the day"
    if act.act not in (*INTAKE, "ActReturned", "ReporterIdentitySealed") and unsealed(stream):
        yield "regulation.md §9.10: an identity that was given is sealed before anything follows"
    yield from _lent(world, entry)
    yield from _approved(world, entry, stream)
    yield from _restricts(world, act, persons(world, (s.officer for s in act.signers)))
    yield from _OF_TYPE.get(act.act, _nothing)(world, entry, stream)
    yield from _decided(world, entry, stream)


def _nothing(_world: World, _entry: Entry, _stream: StreamState) -> Iterator[str]:
    return iter(())


def _lent(world: World, entry: Entry) -> Iterator[str]:
    """Nobody lends the power by which the act they sign is signed a second time."""
    act = entry.act
    for place, one in enumerate(entry.signed):
        on = day_signed(one.iat) if act.signers[place].instead_of else act.day
        gave = persons(world, lenders(world, act, place, on))
        others = persons(world, (s.officer for n, s in enumerate(act.signers) if n != place))
        if gave and gave <= others:
            yield "G8: who lent a power signs nothing beside whoever signs with it"
    last = len(entry.signed) - 1
    if act.signers[last].instead_of is not None and act.act != "ActReturned":
        gave = lenders(world, act, last, day_signed(entry.signed[last].iat))
        out = shut_out(world.stream(act.stream), world, world.now)
        if len(gave) == 1 and persons(world, gave) <= out:
            yield "access.md W8: who is shut out chooses nobody for what waits for them"


def _approved(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """Who approves: neither took the case in nor wrote a step of it, and has the power to."""
    act, kind = entry.act, world.kind(entry.act.act)
    approver = act.approver
    if approver is None:
        return
    human = persons(world, [approver.officer])
    wrote = {
        types: persons(
            world, (o for e in stream.effective(*types) if e is not entry for o in _authors(e))
        )
        for types in (_TAKING_IN, _STEPS)
    }
    if human & wrote[_TAKING_IN]:
        yield "access.md S2: who took a case in or registered it approves nothing in it"
    forward = kind.moves is not None and kind.group != "review"
    if (forward or kind.restrictive) and human & wrote[_STEPS]:
        yield "access.md S2: who wrote a step approves no later one, and no measure"
    place = len(act.signers) - 1
    on = day_signed(entry.signed[place].iat) if approver.instead_of else act.day
    codes = (*kind.signer_powers.get("APPROVER", ()), *kind.in_absence.get("APPROVER", ()))
    held = any(
        world.registry.holds_code(code, post.agency, approver.post, approver.officer, on)
        for code in codes
        for post in world.registry.appointments(approver.officer, on)
    )
    if codes and not held and not lenders(world, act, place, on):
        yield "4.3: who approves holds a power, or was lent it"


def _authors(entry: Entry) -> tuple[str, ...]:
    return entry.signed_by("AUTHOR")


def _restricts(world: World, act: Act, humans: set[str]) -> Iterator[str]:
    """A basis of one's own, two persons, and the note of 4.2 where somebody is restricted."""
    roles = {b.role for b in act.basis if b.instrument != _DECISION_90}
    if act.act in _DECIDING:
        if not {"COMPETENCE", "SUBSTANCE"} <= roles:
            yield "G1: a deciding act cites competence and substance other than Decision 90"
        if len(humans) == 1:
            yield "regulation.md §5: a proposer and an approver, two persons"
    note = act.facts.get("proportionality")
    said = isinstance(note, Mapping) and all(str(text).strip() for text in note.values())
    drops = act.facts.get("decision") == "NO_SANCTION"
    if world.kind(act.act).restrictive and not said and not drops:
        yield "regulation.md §9.3: every restrictive act says why"


def _before_finding(world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    facts = entry.act.facts
    if "finding_ref" not in facts and not (facts.get("urgent") is True and "review_at" in facts):
        yield "G4: no measure before a finding, unless urgent with a review date"
    leads = world.registry.holders("LEAD", entry.act.day)
    if entry.act.act == "TakedownProposed" and entry.act.agency not in leads:
        yield "G10: only the lead proposes a take-down"


def _result(_world: World, entry: Entry, _stream: StreamState) -> Iterator[str]:
    early = entry.state_before in ("VERIFYING", "ASSESSING")
    if early and entry.act.facts["outcome"] not in _STRAIGHT:
        yield "G12: anything adverse passes HANDLING"


def _closed(_world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    if any(s.state != "LIFTED" for s in stream.subs_in("measure")):
        yield "G7: no case closes over a live measure"
    if stream.pending:
        yield "G7: a case closes over nothing that waits"
    if entry.state_before == "SCREENING":
        return
    if stream.result is None:
        yield "G7: closing needs a result"
    if stream.subs_in("complaint", "RECEIVED", "ACCEPTED") or stream.subs_in("review", "OPEN"):
        yield "G7: no case closes while it is contested"


def _looked_at(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """A measure is confirmed, and reviewed, by somebody else than who answers for it."""
    taken = stream.get(str(entry.act.facts["measure"]))
    alone = entry.act.act == "MeasureConfirmed"
    looking = entry.signed_by() if alone else entry.signed_by("APPROVER", "CHECKER")
    if taken is None or persons(world, looking) & answer_for(world, taken):
        yield "regulation.md §5.2: decided by someone other than the one who took it"


def _reviewed(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """A review beyond a first complaint is decided by others (access.md S3)."""
    facts = entry.act.facts
    review = stream.get(str(facts["review"]))
    about = () if review is None else review.act.facts["under_review"]
    before = {h for one in about if (e := stream.get(one)) for h in answer_for(world, e)}
    deciding = persons(world, entry.signed_by("APPROVER", "CHECKER"))
    if facts["instance"] != "FIRST" and deciding & before:
        yield "G8: whoever signed what is under review decides no review of it"


_OF_TYPE: Final[Mapping[str, Callable[[World, Entry, StreamState], Iterator[str]]]] = {
    "TechnicalMeasureOrdered": _before_finding,
    "TakedownProposed": _before_finding,
    "ResultDetermined": _result,
    "CaseClosed": _closed,
    "MeasureConfirmed": _looked_at,
    "MeasureReviewed": _looked_at,
    "ReviewDecided": _reviewed,
}


def _decided(world: World, entry: Entry, stream: StreamState) -> Iterator[str]:
    """Complaints: never decided by whoever answers for what is contested (G8; Q9)."""
    for moved in entry.moved:
        if moved.sub.name == "complaint" and moved.after == "DECIDED":
            yield from _complaint(world, entry, stream, moved.sub)


def _complaint(world: World, entry: Entry, stream: StreamState, sub: SubProcess) -> Iterator[str]:
    complaint, facts = sub.opened_by.act.facts, entry.act.facts
    named = (complaint["against"], complaint.get("earlier"))
    contested = [e for one in named if (e := stream.get(str(one))) is not None]
    review = stream.get(str(facts.get("review")))
    if review is None:
        measures = {m for e in contested for m in (e.act.act_id, e.act.facts.get("measure"))}
        about = facts.get("measure") in measures
    else:
        about = review.act.facts.get("complaint") == sub.id
    if not about:
        yield "4.3: a complaint is decided by what is decided about it"
    second = complaint["instance"] == "SECOND"
    before = {human for e in contested for human in answer_for(world, e)}
    deciding = persons(world, entry.signed_by("APPROVER", "CHECKER"))
    if (second or review is None) and deciding & before:
        yield "G8: a complaint is decided by somebody else than who decided what it is about"
    day = entry.act.day
    issued = (e.act.agency for e in contested if e.act.act not in _ISSUES_NOTHING)
    if second and entry.act.agency in {world.registry.heir(a, day) or a for a in issued}:
        yield "authority.md Q9: a second complaint is not the issuer's"


def seen(stream: StreamState) -> object:
    """All that a fold says of a stream."""
    return (
        stream.seq, stream.state, stream.head, stream.outcome, stream.handler_raw,
        [e and e.act.act_id for e in (stream.result, stream.finding, stream.state_since)],
        [
            (s.name, s.id, s.state, [(e.act.act_id, to) for e, to in s.moves])
            for s in stream.subs.values()
        ],
        [
            (e.status, e.number, e.state_before, e.state_after, len(e.signed), e.act.members,
             e.returned_by and e.returned_by.act.act_id)
            for e in stream.entries.values()
        ],
        [e.act.act_id for e in stream.order], list(stream.pending),
        {k: [e.act.act_id for e in v] for k, v in stream.corrections.items()},
        {k: [e.act.act_id for e in v] for k, v in stream.by_type.items()},
    )  # fmt: skip


def untold(refused: Rejected) -> Iterator[str]:
    """What a refusal leaves out: a sentence in each language, and where the fault stands."""
    said = (translate(refused.text, "vi"), translate(refused.text, "en"))
    if any(not one.strip() or "{" in one for one in said):
        yield f"{refused.guard or refused.code}: {said}"
    if refused.guard not in (None, *_OF_THE_CASE) and not refused.faults:
        yield f"{refused.guard}: nothing is pointed at"


def unlisted(world: World, act: Act, officer: str) -> Iterator[str]:
    """An act that is about to be taken of its author, which nobody would have offered them."""
    if act.day != world.now.date():
        return
    stream = world.stream(act.stream)
    offered = {
        (one.act, branch)
        for one in open_acts(stream, officer, world.ground())
        for branch in (one.dispositions or (None,))
    }
    if (act.act, act.disposition) not in offered:
        yield f"open_acts: {act.act} {act.disposition} is taken and was not offered"
