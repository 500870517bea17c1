"""Draws what officers do in the cases of a world, and how an act is mostly filled in rightly."""
# ruff: noqa: ANN401 - facts are JSON

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from ledger.errors import Rejected
from ledger.regulation.acts.lifecycle import LifeCycle, life_cycle_of
from ledger.regulation.case.reporters import tokens
from ledger.regulation.case.stand_ins import stand_ins_of
from ledger.regulation.case.state import INTAKE, Entry, StreamState
from tests import builders
from tests.builders import an_id
from tests.case_walk import CASES, Json, Seat, World
from tests.case_walk_registry import Registrars

_NEVER: Final = frozenset({"RecordVoided", "VerificationSignedOff", "ReporterIdentityDisclosed"})
_DELEGATION: Final = ("DelegationGiven", "DelegationEnded")
_EXCLUSION: Final = ("ParticipationExcluded", "ParticipationRestored")
_OFTEN: Final = frozenset(
    {
        "ImmediateMeasureTaken", "TechnicalMeasureOrdered", "MeasureConfirmed", "MeasureReviewed",
        "TakedownProposed", "ComplaintReceived", "ComplaintAccepted", "SanctionProposed",
        "ViolationRecordMade", "SanctionDecided", "CaseClosed", "ReporterIdentitySealed",
    }
)  # fmt: skip
_AHEAD: Final = (
    "CaseRegistered", "VerificationConcluded", "HandlingDecided", "ResultDetermined",
    "ReviewOpened",
)  # fmt: skip
_CORRECTING: Final = ("RecordCorrected", "CorrectionPublished", "ContentWithdrawn")
_APART: Final = frozenset({"keeper", "keeper2", "ubgk", "giamsat"})
"""Who keeps registry or keys, or audits, and mostly signs nothing in a case."""
_DAYS: Final = (-40, -3, -1, 0, 0, 1, 2, 6, 20, 60)
_HOURS: Final = (3, 12, 26, 24 * 4, 24 * 12, 24 * 45)
WAITING: Final = ("RECEIVED", "ACCEPTED")
"""States in which a complaint waits."""
TOUCHING: Final = (
    "ImmediateMeasureTaken", "TechnicalMeasureOrdered", "TakedownProposed", "ViolationRecordMade",
)  # fmt: skip


class Walker:
    """Draws acts for a world.

    Args:
        world: Where they are done.
        draw: By what.
        registering: How often what is tried is an act of the registry, of all steps.
    """

    def __init__(self, world: World, draw: Random, registering: float) -> None:
        self.world, self.draw, self.registering = world, draw, registering
        self.registrars = Registrars(world, draw)

    def begin(self) -> None:
        """Takes each case in, and some way on."""
        cycle = life_cycle_of(self.world.registry.edition)
        for name in CASES:
            self.put("ReportReceived", name, None, plain=True)
            for _ in range(self.draw.randint(0, 9)):
                self._put_ahead(name, cycle)
                self.world.now += timedelta(minutes=self.draw.randint(5, 600))

    def _put_ahead(self, name: str, cycle: LifeCycle) -> None:
        kind, branch = self._ahead(self.world.stream(name), cycle)
        self.put(kind, name, branch, plain=True)

    def step(self) -> None:
        """Time passes, something that waits is signed or given back, or an act is tried."""
        world, draw = self.world, self.draw
        world.now += timedelta(minutes=draw.randint(1, 90))
        chance = draw.random()
        waiting = [e for s in world.streams.values() for e in s.pending.values()]
        if chance < 0.12:
            world.now += timedelta(hours=draw.choice(_HOURS))
        elif chance < 0.3 and waiting:
            self._go_on(draw.choice(waiting))
        elif chance > 1 - self.registering:
            self.registrars.step()
        else:
            self._act()

    # -- what waits -------------------------------------------------------------------------------

    def _go_on(self, entry: Entry) -> None:
        """The next signature, by the officer named or by somebody instead, or none."""
        world, draw = self.world, self.draw
        signer, chance = entry.waiting_for[0], draw.random()
        if chance > 0.8 or world.kid(signer.officer) is None:
            self._give_back(entry)
            return
        seat = draw.choice(world.in_post())
        ways = stand_ins_of(world.registry, entry, seat.officer, world.now.date())
        instead = next((way.member() for way in ways), None) if chance > 0.55 else None
        try:
            by = signer.officer if instead is None else seat.officer
            world.take(entry.act, by, signer.role, instead)
        except Rejected as refused:
            world.told(entry.act, refused)

    def _give_back(self, entry: Entry) -> None:
        named = (entry.waiting_for[0].officer, entry.act.author.officer)
        seats = self._mixed(self.world.in_post())
        own = [s for s in seats if s.officer in named]
        self.world.attempt(
            self.draw.choice(("ActReturned", "ActWithdrawn")), entry.act.stream,
            {"reason": builders.LONG}, refers_to=entry.act.act_id, most=8,
            order=lambda _: [*own, *seats],
        )  # fmt: skip

    def _mixed(self, seats: Sequence[Seat]) -> list[Seat]:
        apart = self.draw.random() < 0.03
        mixed = [s for s in seats if apart or s.alias.split("'")[0] not in _APART]
        self.draw.shuffle(mixed)
        return mixed

    def _who(self, name: str) -> Callable[[list[Seat]], list[Seat]]:
        """Anybody; now and then first those who signed lately, whom rules keep apart."""
        if self.draw.random() > 0.3:
            return self._mixed
        lately = {o for e in self.world.stream(name).order[-6:] for o in e.signed_by()}
        return lambda seats: sorted(self._mixed(seats), key=lambda s: s.officer not in lately)

    # -- an act -----------------------------------------------------------------------------------

    def _act(self) -> None:
        world, draw = self.world, self.draw
        name = draw.choice(CASES)
        stream, cycle = world.stream(name), life_cycle_of(world.registry.edition)
        if stream.state is None:
            kind, branch = draw.choice(("ReportReceived", "DetectionRecorded")), None
        elif draw.random() < 0.45:
            kind, branch = self._ahead(stream, cycle)
        else:
            kind, branch = self._any(stream, cycle)
        self.put(kind, name, branch, plain=draw.random() < 0.5)

    def _ahead(self, stream: StreamState, cycle: LifeCycle) -> tuple[str, str | None]:
        """An act that moves the case."""
        rows = ((act, d) for act, state, d in cycle.transitions if state == stream.state)
        ways = sorted(rows, key=str)
        on = [way for way in ways if way[0] not in ("CriminalReferralSent", *INTAKE)]
        ahead = [way for way in on if way[0] in _AHEAD]
        found = ahead if ahead and self.draw.random() < 0.5 else on
        return self.draw.choice(found) if found else self._any(stream, cycle)

    def _any(self, stream: StreamState, cycle: LifeCycle) -> tuple[str, str | None]:
        """Any act that the state takes, mostly one that has what it must name."""
        draw = self.draw
        kinds = [self.world.kind(act) for act in cycle.allowed(stream.state) if act not in _NEVER]
        kinds = [k for k in kinds if "case" in k.streams and k.log is None and k.group != "secrecy"]
        nameable = [k.act for k in kinds if self._nameable(k.act, stream)]
        acts = [k.act for k in kinds] if draw.random() < 0.1 else nameable
        if draw.random() < 0.8:
            acts = [a for a in acts if a not in INTAKE]
        often = [a for a in nameable if a in _OFTEN] * 3
        kind = draw.choice([*acts, *often, *_EXCLUSION, "ContentWithdrawn", *_DELEGATION])
        rows = (d for a, s, d in cycle.transitions if a == kind and s == stream.state)
        branches = sorted(rows, key=str)
        return kind, draw.choice(branches) if branches else None

    def _nameable(self, kind: str, stream: StreamState) -> bool:
        """Whether the case has what an act of this type must name."""
        return all(
            stream.effective(*spec.get("acts", ()))
            for spec in self.world.kind(kind).facts.values()
            if spec["type"] == "ref" and spec.get("required")
        )

    def put(self, kind: str, name: str, branch: str | None, *, plain: bool = False) -> Entry | None:
        """An act of a type, its facts drawn unless `plain`, by the first of some who may."""
        world, draw = self.world, self.draw
        form = 2 if draw.random() < 0.3 else 1
        world.cheats = draw.random() < 0.08
        if kind in _DELEGATION:
            seat = draw.choice(world.in_post())
            return world.attempt(
                kind, f"agency/{seat.agency}", self._delegation(kind, seat), form=form, most=4,
                order=lambda seats: [seat, *self._mixed(seats)[:5]],
            )  # fmt: skip
        facts = usual(world, draw, kind, name, branch) if plain else self.facts(kind, name, branch)
        members = self._members(kind, name, world.now if plain else self._moment())
        return world.attempt(
            kind, name, self._spoilt(facts), order=self._who(name), most=40, disposition=branch,
            signatures=1 if draw.random() < 0.12 else 9, form=form, **members,
        )  # fmt: skip

    def _members(self, kind: str, name: str, moment: datetime) -> Json:
        world, draw = self.world, self.draw
        members: Json = {"when": moment}
        if moment < world.now:
            members["late_reason"] = "Nhập muộn vì mất mạng."
        if draw.random() < 0.06:
            members["to"] = [draw.choice(world.in_post()).agency]
        elif kind == "ResultNotified":
            members["to"] = ["bacninh.ubnd", "bacninh.stttt"]
        if kind in _CORRECTING:
            members["corrects"] = self._entry(name, ())
        if draw.random() < 0.15:
            members["basis"] = builders.a_basis(moment.date())[: draw.randint(1, 2)]
        return members

    def _spoilt(self, facts: Json) -> Json:
        """Now and then without one of them, or with the token of another case."""
        draw, known = self.draw, sorted(self.world.tokens)
        if facts and draw.random() < 0.08:
            left_out = draw.choice(sorted(facts))
            facts = {n: v for n, v in facts.items() if n != left_out}
        if known and draw.random() < 0.05:
            other = draw.choice(known)
            sealed = {n for n, v in facts.items() if isinstance(v, str) and v.startswith("sealed:")}
            facts = {n: other if n in sealed else v for n, v in facts.items()}
        return facts

    def _moment(self) -> datetime:
        chance, now = self.draw.random(), self.world.now
        if chance < 0.7:
            return now
        if chance < 0.95:
            return now - timedelta(hours=self.draw.choice((1, 5, 30, 24 * 9)))
        return now + timedelta(hours=self.draw.choice((1, 50)))

    def _delegation(self, kind: str, seat: Seat) -> Json:
        world, draw = self.world, self.draw
        if kind == "DelegationEnded":
            given = [
                e.act.act_id for s in world.streams.values() for e in s.effective("DelegationGiven")
            ]
            ended = world.usual(kind, f"agency/{seat.agency}")
            return {**ended, "delegation": draw.choice(given or [an_id("none")])}
        other = draw.choice([s for s in world.in_post() if s.agency == seat.agency])
        today = world.now.date()
        return {
            "officer": other.officer,
            "post": other.post,
            "capacity": draw.choice(("KT", "TL", "TUQ", "GQ")),
            "ground": "LEAVE",
            "scope": builders.LONG,
            "valid_from": (today + timedelta(days=draw.choice((-2, 0, 1)))).isoformat(),
            "valid_to": (today + timedelta(days=draw.choice((0, 3, 60)))).isoformat(),
            "basis_document": "QĐ",
        }

    # -- facts ------------------------------------------------------------------------------------

    def facts(self, kind: str, name: str, branch: str | None) -> Json:
        """Mostly lawful facts of which some are drawn anew."""
        world, draw = self.world, self.draw
        facts = usual(world, draw, kind, name, branch)
        for fact, spec in world.kind(kind).facts.items():
            anew = 0.2 if fact not in facts else 0.6 if spec["type"] in ("ref", "list") else 0.25
            if draw.random() < anew:
                facts[fact] = self._value(fact, spec, name, facts.get(fact))
        return facts

    def _value(self, fact: str, spec: Mapping[str, Any], name: str, usual: Any) -> Any:
        world, draw = self.world, self.draw
        kind = str(spec["of"] if spec["type"] == "list" else spec.get("format", spec["type"]))
        made: Mapping[str, Callable[[], Any]] = {
            "enum": lambda: draw.choice(spec["enum"]),
            "bool": lambda: draw.random() < 0.5,
            "ref": lambda: self._entry(name, spec.get("acts", ())),
            "datetime": lambda: (
                world.now + timedelta(days=draw.choice(_DAYS), hours=draw.randint(0, 5))
            ).isoformat(timespec="seconds"),
            "date": lambda: str(world.now.date() + timedelta(days=draw.choice(_DAYS))),
            "token": lambda: builders.a_token(f"{draw.choice('abc')} in {name}"),
            "agency": lambda: draw.choice(world.in_post()).agency,
            "officer": lambda: draw.choice(world.in_post()).officer,
            "stream": lambda: draw.choice(CASES),
        }
        if kind not in made:
            return usual or builders.a_value(fact, spec, world.now, world.stream(name))
        if spec["type"] == "list":
            return list(dict.fromkeys(made[kind]() for _ in range(draw.randint(1, 2))))
        return made[kind]()

    def _entry(self, name: str, types: Sequence[str]) -> str:
        stream = self.world.stream(name)
        found = [e.act.act_id for e in stream.effective(*types)]
        if self.draw.random() < 0.05:
            found = [e.act.act_id for s in self.world.streams.values() for e in s.entries.values()]
        return self.draw.choice(found) if found else an_id("no such act")


def unsealed(stream: StreamState) -> list[str]:
    """Tokens of reporters who gave their identity, and nobody has sealed it."""
    sealed = {e.act.facts["reporter"] for e in stream.effective("ReporterIdentitySealed")}
    given = [
        token or builders.a_token(f"sealed for {report.act.act_id}")
        for report, token in tokens(stream)
        if report.act.facts.get("identity_given") is True
    ]
    return [token for token in given if token not in sealed]


# -- how an act is mostly filled in rightly -------------------------------------------------------


def usual(world: World, draw: Random, kind: str, name: str, branch: str | None) -> Json:
    """Facts by which an act of this branch is mostly lawful in the case as it stands."""
    stream = world.stream(name)
    facts = world.usual(kind, name)
    more = _MORE.get(kind)
    return facts if more is None else facts | more(stream, world, draw, str(branch))


def _competence(_stream: StreamState, _world: World, _draw: Random, branch: str) -> Json:
    said: Mapping[str, Json] = {
        "shared": {"shared_with": ["bacninh.syt"]},
        "other": {"competent_agency": "bacninh.syt"},
        "outside": {"out_of_articles": True},
    }
    return dict(said.get(branch, {}))


def _opening(stream: StreamState, _world: World, draw: Random, _branch: str) -> Json:
    live, said = stream.subs_in("complaint", *WAITING), {"opened_from": stream.state}
    if not live:
        return said
    one = draw.choice(live)
    about = [one.opened_by.act.facts["against"]]
    return {**said, "ground": "COMPLAINT", "complaint": one.id, "under_review": about}


def _decision(stream: StreamState, _world: World, _draw: Random, branch: str) -> Json:
    said: Json = {"decision": "UPHELD" if branch == "resumed" else branch.upper()}
    review = stream.last("ReviewOpened")
    if review is None:
        return said
    named = review.act.facts.get("complaint")
    complaint = stream.get(str(named))
    if complaint is not None:
        said |= {"instance": complaint.act.facts["instance"], "complaint": named}
    if branch in ("amended", "overturned", "remanded"):
        said["acts_overturned"] = list(review.act.facts["under_review"])
    if stream.result is None and branch not in ("resumed", "remanded"):
        said["outcome"] = "OVERTURNED" if branch == "overturned" else "NO_VIOLATION"
    return said


def _criminal(_stream: StreamState, _world: World, _draw: Random, branch: str) -> Json:
    back = branch.startswith("returned")
    return {"result": "RETURNED_FOR_SANCTION" if back else "NOT_OPENED"}


def _returned(stream: StreamState, _world: World, _draw: Random, branch: str) -> Json:
    before = any(e.act.disposition == "whole" for e in stream.effective("ReferralReturned"))
    return {"conflict": before and branch == "whole"}


def _conflict(stream: StreamState, _world: World, _draw: Random, branch: str) -> Json:
    live = stream.subs_in("referral", "CONFLICT")
    if not live:
        return {}
    assigned = {"competent_agency": "bacninh.syt"} if branch == "assign" else {}
    return {**assigned, "subject_matter": "COMPETENCE_CONFLICT", "referral": live[-1].id}


def _direction(stream: StreamState, world: World, draw: Random, branch: str) -> Json:
    said = _conflict(stream, world, draw, branch) if branch == "assign" else {}
    return {n: v for n, v in said.items() if n != "subject_matter"}


def _finding(stream: StreamState, _world: World, _draw: Random, _branch: str) -> Json:
    found = stream.finding
    return {} if found is None else {"supersedes": found.act.act_id}


def _measure(stream: StreamState, _world: World, draw: Random, _branch: str) -> Json:
    live = stream.subs_in("complaint", *WAITING)
    return {"complaint": draw.choice(live).id} if live and draw.random() < 0.5 else {}


def _complained(stream: StreamState, _world: World, draw: Random, _branch: str) -> Json:
    """Of what restricts or decides, of which a case has few among many."""
    deciding = (
        *TOUCHING,
        "HandlingDecided",
        "ResultDetermined",
        "ReviewDecided",
        "MeasureReviewed",
    )
    found = [e.act.act_id for e in stream.effective(*deciding)]
    if not found:
        return {}
    said = {"against": draw.choice(found), "instance": draw.choice(("FIRST", "FIRST", "SECOND"))}
    return {**said, "complainant": builders.a_token(f"{draw.choice('ab')} in {stream.name}")}


def _plan(_stream: StreamState, world: World, _draw: Random, _branch: str) -> Json:
    """With bases in force that day."""
    _, power, law = builders.a_basis(world.now.date())
    bases = {
        n: {"instrument": b["instrument"], "article": b["article"]}
        for n, b in (("competence", power), ("substance", law))
    }
    return {"plan": [{"act": "TechnicalMeasureOrdered", "object": "Một tên miền", **bases}]}


def _confirmed(stream: StreamState, _world: World, draw: Random, _branch: str) -> Json:
    """Mostly what one officer took alone and nobody has confirmed."""
    done = {e.act.facts["measure"] for e in stream.effective("MeasureConfirmed")}
    alone = [e.act for e in stream.effective("ImmediateMeasureTaken") if e.act.approver is None]
    waits = [act.act_id for act in alone if act.act_id not in done]
    return {"measure": draw.choice(waits)} if waits else {}


def _sealing(stream: StreamState, _world: World, _draw: Random, _branch: str) -> Json:
    return {"reporter": token} if (token := next(iter(unsealed(stream)), None)) else {}


def _excluded(stream: StreamState, world: World, draw: Random, _branch: str) -> Json:
    anybody = [s.officer for s in world.in_post()]
    signed = [o for e in stream.order for o in e.signed_by()]
    return {"officer": draw.choice(signed if signed and draw.random() < 0.7 else anybody)}


def _urgent(stream: StreamState, world: World, draw: Random, _branch: str) -> Json:
    """By the finding that stands; where there is none, mostly as urgent."""
    found = stream.finding
    if found is not None:
        return {"finding_ref": found.act.act_id}
    soon = world.now + timedelta(hours=6)
    urgent = {"urgent": draw.random() < 0.7, "review_at": soon.isoformat(timespec="seconds")}
    return {**urgent, "finding_ref": None}


def _restored(stream: StreamState, _world: World, _draw: Random, _branch: str) -> Json:
    out = stream.last("ParticipationExcluded")
    return {} if out is None else {"officer": out.act.facts["officer"]}


_REASONS: Final[Mapping[str, str]] = {
    "REFERRED_RESULT": "REFERRED_FINAL",
    "CRIMINAL_REFERRED": "REFERRED_FINAL",
    **{o: o for o in ("NO_VIOLATION", "INSUFFICIENT_BASIS", "OUT_OF_SCOPE", "DUPLICATE")},
    "OVERTURNED": "OVERTURNED",
}


def _closing(stream: StreamState, world: World, _draw: Random, _branch: str) -> Json:
    """What a checklist says that is filled in rightly."""
    told = {str(e.act.facts["status"]) for e in stream.effective("ReporterInformed")}
    answered = sorted(told & {"INFORMED", "UNTRACEABLE", "DECLINED_CONTACT"})
    touched = any("subject" in e.act.facts for e in stream.effective(*TOUCHING))
    affected = sorted(str(e.act.facts["status"]) for e in stream.effective("AffectedPartyInformed"))
    reason = _REASONS.get(str(stream.outcome), "HANDLED")
    return {
        "reason": "OUT_OF_SCOPE" if stream.state == "SCREENING" else reason,
        "checklist": {
            "measures_lifted": True,
            "reporter": (answered or (["INFORMED"] if told else ["NO_REPORTER"]))[0],
            "affected": (affected or ["INFORMED"])[0] if touched else "NONE",
            "complaint_window_shown": True,
            "parts_answered": True,
        },
        "complaint_until": (world.now.date() + timedelta(days=90)).isoformat(),
        "pending": list(stream.pending) or None,
    }


_MORE: Final[Mapping[str, Callable[[StreamState, World, Random, str], Json]]] = {
    "CompetenceDetermined": _competence,
    "ReviewOpened": _opening,
    "ReviewDecided": _decision,
    "CriminalResultReceived": _criminal,
    "ReferralReturned": _returned,
    "DirectionReceived": _direction,
    "ProposalSubmitted": _conflict,
    "VerificationConcluded": _finding,
    "ComplaintReceived": _complained,
    "HandlingDecided": _plan,
    "MeasureConfirmed": _confirmed,
    "MeasureReviewed": _measure,
    "TechnicalMeasureOrdered": _urgent,
    "TakedownProposed": _urgent,
    "ReporterIdentitySealed": _sealing,
    "ParticipationExcluded": _excluded,
    "ParticipationRestored": _restored,
    "CaseClosed": _closing,
}
