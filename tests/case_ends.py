"""Whether a case can go on: all officers willing, new ones appointed, each act found by trying."""
# ruff: noqa: ANN401 - facts are JSON

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from ledger.regulation.case.clocks import running
from ledger.regulation.case.reporters import owed
from ledger.regulation.case.state import Entry, StreamState
from tests import builders
from tests.case_walk import World
from tests.case_walk_registry import Registrars
from tests.case_walker import TOUCHING, WAITING, unsealed, usual

Way = Callable[[], object]


class Willing:
    """Plays a case on to its ends.

    Args:
        world: A copy, which is played on.
        name: The case.

    Attributes:
        why: What refused the last act that nobody could do.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.why: list[str] = []
        world.now += timedelta(minutes=5)
        world.cheats = False
        day = world.now.date()
        fresh = [s for s in world.fresh if world.registry.exists(s.agency, day)]
        world.seats = (*fresh, *world.seats)
        self._staffed = {s.agency for s in fresh if world.kid(s.officer) is not None}

    def _staffs(self) -> bool:
        """Whether registrars appoint two in each post of who carries on, where nobody new is."""
        world, day = self.world, self.world.now.date()
        registrars = Registrars(world, Random(0))  # noqa: S311 - no key
        wrote = dict.fromkeys(e.act.agency for e in self.case.entries.values())
        names = [
            self.case.handler(world.registry, day),
            *(world.registry.heir(a, day) for a in wrote),
        ]
        names += [a for code in ("LEAD", "PPC") for a in world.registry.holders(code, day)]
        for agency in dict.fromkeys(n for n in names if n is not None):
            line = world.registry.agency(agency)
            if line is not None and line.existed(day) and agency not in self._staffed:
                self._staffed.add(agency)
                before = len(world.seats)
                for post in (*line.posts, *line.posts):
                    registrars.hires(agency, post)
                if len(world.seats) > before:
                    return True
        return False

    @property
    def case(self) -> StreamState:
        """The fold as it stands."""
        return self.world.stream(self.name)

    def do(self, kind: str, branch: str | None = None, /, **facts: Any) -> Entry | None:
        """The act, by whoever may."""
        members = {n: facts.pop(n) for n in ("to", "refers_to") if n in facts}
        lawful = usual(self.world, Random(0), kind, self.name, branch)  # noqa: S311 - no key
        why: list[str] = []
        done = self.world.attempt(
            kind, self.name, {**lawful, **facts}, disposition=branch, why=why, **members
        )
        self.world.now += timedelta(minutes=10)
        if done is None and self._staffs():
            return self.do(kind, branch, **facts, **members)
        if done is None:
            self.why = [f"{kind} {branch}", *sorted({w.partition(": ")[2] for w in why})]
        return done

    def first(self, *ways: Way) -> bool:
        """Whether one of some ways is open."""
        faults: list[str] = []
        for way in ways:
            if way():
                return True
            faults += self.why
        self.why = faults
        return False

    # -- what stands in the way -------------------------------------------------------------------

    def ends_waiting(self) -> bool:
        """Whether each act that waits is taken back or returned, by whoever may."""
        said = {"reason": builders.LONG}
        return all(
            self.first(
                partial(self.do, "ActReturned", refers_to=act_id, **said),
                partial(self.do, "ActWithdrawn", refers_to=act_id, **said),
            )
            for act_id in list(self.case.pending)
        )

    def seals(self) -> bool:
        """Whether each identity that was given is sealed."""
        return all(self.do("ReporterIdentitySealed") for _ in unsealed(self.case))

    def lifts(self) -> bool:
        """Whether every measure that is not lifted is, by one who may (regulation.md §9.7)."""
        live = [s for s in self.case.subs_in("measure") if s.state != "LIFTED"]
        return all(self.do("MeasureLifted", measure=s.id) for s in live)

    def answers(self) -> bool:
        """Whether each live complaint is decided by somebody."""
        return all(
            self.do(
                "ReviewOpened", ground="COMPLAINT", complaint=sub.id, opened_from=self.case.state,
                under_review=[sub.opened_by.act.facts["against"]],
            ) and self.decides()
            for sub in self.case.subs_in("complaint", *WAITING)
        )  # fmt: skip

    def decides(self) -> bool:
        """Whether the review is decided; where nobody may, its complaint goes to court."""
        review = self.case.subs_in("review", "OPEN")[-1].opened_by.act
        of_complaint = review.facts["ground"] == "COMPLAINT"
        sub = self.case.subs.get(str(review.facts.get("complaint"))) if of_complaint else None
        instance = "OWN" if sub is None else sub.opened_by.act.facts["instance"]
        waits = sub.id if sub is not None and sub.state in WAITING else None
        said = {"review": review.act_id, "instance": instance, "outcome": None}
        if self.case.result is None:
            said["outcome"] = "NO_VIOLATION"
        upheld = {**said, "decision": "UPHELD", "complaint": waits}
        ended = {**said, "decision": "INADMISSIBLE", "complaint": None}
        return self.first(
            partial(self.do, "ReviewDecided", "resumed", **upheld),
            partial(self.do, "ReviewDecided", "upheld", **upheld),
            lambda: (
                (waits is None or self.do("ComplaintAccepted", complaint=waits, answer="TO_COURT"))
                and self.do("ReviewDecided", "inadmissible", **ended)
            ),
        )

    def tells(self) -> bool:
        """Whether reporters, the affected, committee and lead are told."""
        reporters = [token for _, token in owed(self.case)]
        touching = [e.act for e in self.case.effective(*TOUCHING) if "subject" in e.act.facts]
        about = {act.facts["subject"]: act.act_id for act in touching}
        result = self.case.result
        assert result is not None
        to = [*self._holders("PPC"), *self._holders("LEAD")]
        notice = {"result_ref": result.act.act_id, "kind": "BOTH", "to": to}
        return (
            all(self.do("ReporterInformed", reporter=t, about="RESULT", to=None) for t in reporters)
            and all(
                self.do("AffectedPartyInformed", subject=t, about=[act_id], to=[t])
                for t, act_id in about.items()
            )
            and bool(self.do("ResultNotified", **notice))
        )

    def _holders(self, code: str) -> Sequence[str]:
        held: Sequence[str] = self.world.registry.holders(code, self.world.now.date())
        return [a for a in held if not a.startswith("bacgiang")]

    # -- on ---------------------------------------------------------------------------------------

    def registers(self) -> bool:
        """Whether somebody registers the case."""
        intake = [self.case.intake[0].act.act_id]
        agencies = dict.fromkeys(s.agency for s in self.world.in_post())
        return any(
            self.do("CaseRegistered", intake=intake, handling_agency=agency) for agency in agencies
        )

    def hands_on(self) -> Entry | None:
        """To the lead: where a ministry holds a case, no committee is told of its result."""
        runs = running(self.case, self.world.registry, self.world.now)
        return self.do(
            "CaseCustodyTransferred",
            from_agency=self.case.handler(self.world.registry, self.world.now.date()),
            to_agency=self._holders("LEAD")[0],
            open_clocks=[{"clock": code} for code in dict.fromkeys(run.code for run in runs)],
        )

    def closes(self) -> bool:
        """Whether the case is closed, or else goes to the lead."""
        return self.first(partial(self.do, "CaseClosed"), self.hands_on)

    def ends(self) -> bool:
        """What a case with a result needs, one after the other."""
        if not self.answers():
            return False
        return self.case.state != "RESULT_RECORDED" or (
            self.lifts() and self.tells() and self.closes()
        )

    def _sent(self, kind: str) -> Any:
        sent = self.case.last(kind)
        return {"referral": "" if sent is None else sent.act.act_id}

    def step(self) -> bool:
        """One step on the way to the end; whether one was found."""
        outcomes = ("REMINDED", "NO_VIOLATION", "INSUFFICIENT_BASIS")
        results = [partial(self.do, "ResultDetermined", outcome=one) for one in outcomes]
        true = {"finding": "TRUE_NO_BREACH", "limbs": builders.NONE_MET}
        away, crime = self._sent("ReferralSent"), self._sent("CriminalReferralSent")
        nothing = {**away, "outcome": "NO_VIOLATION"}
        branches = ("reassess", "verify", "assign", "own", "refer")
        ways: dict[str, Sequence[Way]] = {
            "RECEIVED": [self.registers],
            "SCREENING": [partial(self.do, "CompetenceDetermined", "own")],
            "VERIFYING": [partial(self.do, "VerificationConcluded", **true)],
            "ASSESSING": [*results, partial(self.do, "HandlingDecided")],
            "HANDLING": results,
            "ESCALATED": [partial(self.do, "DirectionReceived", one) for one in branches],
            "REFERRED": [
                partial(self.do, "ReferredResultReceived", "whole", **nothing),
                partial(self.do, "ReferralReturned", "whole", **away),
            ],
            "REFERRED_CRIMINAL": [
                partial(self.do, "CriminalResultReceived", "final", result="NOT_OPENED", **crime)
            ],
            "UNDER_REVIEW": [self.decides],
            "RESULT_RECORDED": [self.ends],
        }
        return self.first(*ways[str(self.case.state)])

    def to_the_end(self) -> bool:
        """Whether the case comes to CLOSED, whatever it takes."""
        if self.case.state in (None, "CLOSED", "ARCHIVED"):
            return True
        if not (self.ends_waiting() and self.seals()):
            return False
        for _ in range(25):
            if self.case.state == "CLOSED" or not self.step():
                break
        return self.case.state == "CLOSED"

    def from_there_on(self) -> bool:
        """Whether a closed case is complained about, reviewed, closed again, and reopened."""
        closed = self.case.last("CaseClosed")
        if self.case.state != "CLOSED" or closed is None:
            return True
        somebody = builders.a_token(f"whoever complains at the end of {self.name}")
        said = {"against": closed.act.act_id, "instance": "FIRST", "complainant": somebody}
        heard = self.do("ComplaintReceived", **said) and self.answers() and self.to_the_end()
        return bool(heard) and bool(self.do("CaseReopened"))
