"""Cases that live on at random: a world of agencies, officers and cases, in memory and unsigned.

Acts are drawn from the catalogue in force, signed by whoever may, and judged by `decide` alone.
What the guards read is not read here: who may go on is found by trying.
"""
# ruff: noqa: ANN401 - facts are JSON

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

from keys.errors import KeysError
from ledger.errors import Rejected
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.case.guard_input import DecisionContext, GuardInput
from ledger.regulation.case.other_cases_port import REPORTS, CountedReport, report_of, state_told
from ledger.regulation.case.reporters import tokens_named
from ledger.regulation.case.reviews import open_reviews
from ledger.regulation.case.state import Entry, Signed, StreamState, apply
from ledger.regulation.decide import Decision, decide
from ledger.regulation.guards.table import guards_in
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from tests import builders
from tests.builders import CAST, an_id, officer
from tests.play_pure import AskedStreams, entry_of, in_form_2

Json = dict[str, Any]
T0: Final = builders.T0
CASES: Final = tuple(f"case/{an_id(f'walked case {n}')}" for n in range(3))
OF_PERSONS: Final = frozenset(
    {
        "AGENCY_HOLDS_FUNCTION", "NOT_BELOW_ISSUER", "SECOND_BY_ANOTHER", "OFFICER_IN_POST",
        "CAPACITY_OF_LAST", "DISTINCT_SIGNERS", "EXCLUDED_SIGNS_NOT", "CONCERNED_SIGNS_NOT",
        "INSPECTOR_SIGNS_NOT", "AUDITOR_SIGNS_NOT", "KEY_KEEPER_SIGNS_NOT", "INTAKE_APPROVES_NOT",
        "HANDLER_APPROVES_NOT", "DISCLOSER_SIGNS_NOT", "SIGNER_POWERS", "REVIEWER_NOT_TAKER",
        "CONFIRMED_BY_ANOTHER", "LIFTER_COMPETENT", "MEASURE_POWER", "OWN_REVIEW_OTHER_DECIDER",
        "TAKEN_OVER_BY_ANOTHER", "LEAD_ONLY", "SANCTION_POWER", "PRESS_NEEDS_HEAD",
        "DISCLOSURE_OUTSIDE_SIGNER", "TEAM_KIND_BY_DATE", "CORRECTS_NAMED", "MEMBER_CORRECTABLE",
        "WITHDRAWS_PENDING_ACT", "RETURNS_PENDING_ACT", "EXCLUDER_IN_CHARGE", "GRANT_BY_HOLDER",
        "REVOKER_IN_CHARGE", "HANDOVER_BOTH_SIGN", "HANDLER_REGISTERS", "VERIFIER_SEPARATE",
        "GRANT_NOT_TO_SELF", "INSPECTOR_SEPARATE", "DELEGATION_BY_HOLDER",
    }
)  # fmt: skip
"""Guards after which somebody else may be let do the same."""


_ACROSS: Final = frozenset({"CaseCustodyTransferred", "DenunciationRouted", "CriminalReferralSent"})
"""Acts that officers of several agencies may sign."""
_OWN: Final = frozenset({"ActReturned", "ActWithdrawn", "DelegationEnded"})
"""Acts that hang on who signs, and not on the post alone."""


class Seat(NamedTuple):
    """An officer in a post."""

    alias: str
    agency: str
    post: str

    @property
    def officer(self) -> str:
        """The officer id."""
        return officer(self.alias)


@cache
def _hired(
    names: str = "",
) -> tuple[Registry, tuple[Seat, ...], tuple[Seat, ...], tuple[Json, ...]]:
    """The cast, of each post a second officer, and in each post two who have signed nothing.

    Args:
        names: Of whom all have other ids.
    """
    registry = Registry.founded()
    builders.found(registry)
    own = f"'{names}" if names else ""
    seats = [Seat(f"{alias}{own}", *CAST[alias]) for alias in CAST]
    seats += [
        Seat(f"{alias}''{names}", agency, post)
        for alias, (agency, post) in CAST.items()
        if registry.exists(agency, T0.date())
    ]
    agencies = {s.agency for s in seats} | {"bacninh.vpubnd", "bacninh2025.tcd"}
    for day in (date(2025, 4, 1), date(2025, 8, 1)):
        agencies |= {heir for a in sorted(agencies) if (heir := registry.heir(a, day)) is not None}
    places = [
        (agency, post)
        for agency in sorted(agencies)
        if (line := registry.agency(agency)) is not None
        for post in line.posts
        for _ in (1, 2)
    ]
    fresh = [Seat(f"new {n} {place[1]}'{names}", *place) for n, place in enumerate(places)]
    begun = [enter_post(registry, seat) for seat in (*seats, *fresh)]
    return registry, tuple(seats), tuple(fresh), tuple(begun)


def appointed(registry: Registry, seat: Seat) -> Json:
    """Facts of an appointment to a post, with its powers."""
    line = registry.agency(seat.agency)
    assert line is not None
    shipped = line.posts[seat.post]
    more = builders.MORE_POWERS.get(seat.alias.split("'")[0], ())
    return {
        "officer": seat.officer,
        "agency": seat.agency,
        "post": seat.post,
        "capacities": sorted(shipped.capacities),
        "powers": sorted({*shipped.powers, *more}),
        "person": builders.person(seat.alias),
        "valid_from": max("2023-03-21", line.valid_from.isoformat()),
        "basis_document": "Quyết định bổ nhiệm",
    }


def enter_post(registry: Registry, seat: Seat) -> Json:
    """Somebody new in a post, with a key, in the registry; the facts of the appointment."""
    stream, facts = f"officer/{seat.officer}", appointed(registry, seat)
    builders.enter(registry, "OfficerAppointed", facts, stream=stream)
    key = builders.key(seat.alias)
    enrolled = {
        "officer": seat.officer,
        "kid": key.kid,
        "jwk": dict(key.jwk),
        "custody": "SOFTWARE",
        "valid_from": "2023-03-21T00:00:00+07:00",
        "valid_to": "2033-03-21T00:00:00+07:00",
    }
    builders.enter(registry, "KeyEnrolled", enrolled, stream=stream)
    return facts


@dataclass(frozen=True, slots=True)
class Said:
    """One statement that was taken, with what was answered."""

    act: Act
    officer: str
    role: str
    at: datetime
    stand_in: Json | None
    decision: Decision


class World(AskedStreams):
    """Some cases, their officers, and the rest of the log as guards ask for it (`Cases`)."""

    def __init__(self, *, names: str = "") -> None:
        registry, self.seats, self.fresh, self.begun = _hired(names)
        self.registry = registry.copy()
        self._keys = {line.officer: line.kid for line in registry.keyring.lines() if line.officer}
        self.streams: dict[str, StreamState] = {}
        self.now = T0
        self.size = 1000
        self.names = names
        self.made = 0
        self.said: list[Said] = []
        self.tokens: dict[str, set[str]] = {}
        self.judged = 0
        self.cheats = False

    def copy(self) -> World:
        """Another one that goes its own way, folded anew from what was said."""
        return self.played(self.said)

    def played(self, said: Sequence[Said]) -> World:
        """Another one in which this alone was said, folded from the beginning."""
        other = World(names=self.names)
        other.made, other.seats, other.fresh = self.made, self.seats, self.fresh
        for one in said:
            other.now = one.at
            other.repeat(one)
        other.now = self.now if said is self.said else other.now
        return other

    def repeat(self, said: Said) -> Entry:
        """Takes again what was taken, without a question."""
        self.said.append(said)
        return self._apply(said.act, said.officer, said.role, said.at)

    # -- Cases ------------------------------------------------------------------------------------

    def state(self, stream: str) -> str | None:
        """See `Cases`."""
        known = self.streams.get(stream)
        return None if known is None else state_told(known)

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """See `Cases`."""
        return bool(self.tokens.get(token, set()) - {stream})

    def record(self, index: int, entry: str) -> str | None:
        """See `Cases`."""
        if entry != entry_of(index):
            return None
        for name, stream in self.streams.items():
            if any(s.index == index for e in stream.entries.values() for s in e.signed):
                return name
        return None

    def changes_registry(self, index: int) -> bool:  # noqa: ARG002  the port
        """See `Cases`."""
        return False

    def running(self, stream: str, at: datetime) -> Sequence[str]:
        """See `Cases`."""
        known = self.streams.get(stream)
        return () if known is None else tuple(open_reviews(known, self.registry, at))

    def reports(self) -> Sequence[CountedReport]:
        """See `Cases`."""
        return [
            report_of(e.act, e.effect.index)
            for s in self.streams.values()
            for e in s.effective(*REPORTS)
            if e.effect is not None and e.effect.index is not None
        ]

    # -- statements -------------------------------------------------------------------------------

    def stream(self, name: str) -> StreamState:
        """The fold of a stream."""
        return self.streams.setdefault(name, StreamState(name))

    def ground(self, at: datetime | None = None) -> DecisionContext:
        """What a question rests on beside act and signer."""
        return DecisionContext(
            registry=self.registry,
            origin=builders.ORIGIN,
            level="ordinary",
            log_size=self.size,
            cases=self,
            at=(at or self.now).astimezone(UTC),
        )

    def question(self, act: Act, who: str, role: str, stand_in: Json | None = None) -> GuardInput:
        """The question that a statement puts now."""
        return self.ground().guard_input(
            self.stream(act.stream), act, who,
            kid=self.kid(who) or "", iat=int(self.now.timestamp()), role=role, stand_in=stand_in,
        )  # fmt: skip

    def judge(self, act: Act, who: str, role: str, stand_in: Json | None = None) -> Decision:
        """What the door says. Raises: Rejected."""
        self.judged += 1
        return decide(self.question(act, who, role, stand_in))

    def take(self, act: Act, who: str, role: str, stand_in: Json | None = None) -> Entry:
        """Judges a statement and takes it. Raises: Rejected: nothing was taken."""
        decision = self.judge(act, who, role, stand_in)
        if stand_in is not None:
            entry = self.stream(act.stream).entries[act.act_id]
            act = entry.act.signed_instead(len(entry.signed), stand_in)
        elif act.act_id in self.stream(act.stream).pending:
            act = self.stream(act.stream).pending[act.act_id].act
        self.said.append(Said(act, who, role, self.now, stand_in, decision))
        return self._apply(act, who, role, self.now)

    def _apply(self, act: Act, who: str, role: str, at: datetime) -> Entry:
        stream = self.stream(act.stream)
        signed = Signed(
            act, who, role, self.kid(who) or "", int(at.timestamp()), stream.seq + 1,
            f"digest-{act.act_id}-{stream.seq}", self.registry.edition, self.size,
            at.astimezone(UTC),
        )  # fmt: skip
        entry = apply(stream, signed)
        self.size += 1
        if stream.kind == "case":
            for token in tokens_named(act.members):
                self.tokens.setdefault(token, set()).add(stream.name)
        if entry.status == "effective" and act.act in REGISTRY_ACTS:
            self.registry.apply(act, index=self.size - 1, recorded_at=at.astimezone(UTC))
            if act.act == "KeyEnrolled":
                self._keys[act.facts["officer"]] = act.facts["kid"]
        return entry

    # -- acts -------------------------------------------------------------------------------------

    def told(self, act: Act, refused: Rejected) -> None:
        """A refusal: whoever looks at them overrides this."""

    def id(self) -> str:
        """A new id; of other names another one."""
        self.made += 1
        return an_id(f"walked {self.names} {self.made}")

    def act(  # noqa: PLR0913 - as they are said
        self,
        name: str,
        stream: str,
        seats: Sequence[Seat],
        facts: Json,
        *,
        when: datetime | None = None,
        form: int = 1,
        capacities: Sequence[str] = (),
        **members: Any,
    ) -> Act:
        """An act as given, signed by these: its author, checkers, whoever approves."""
        moment = when or self.now
        roles = [
            "AUTHOR" if n == 0 else "APPROVER" if n == len(seats) - 1 else "CHECKER"
            for n in range(len(seats))
        ]
        payload: Json = {
            "v": 1,
            "act": name,
            "act_id": self.id(),
            "stream": stream,
            "occurred_at": moment.isoformat(timespec="seconds"),
            "precision": "minute",
            "agency": seats[0].agency,
            "post": seats[0].post,
            "capacity": "TRUC_TIEP",
            "basis": builders.a_basis(moment.date()),
            "circulation": "INTERNAL",
            "to": builders.TO.get(name),
            "document": builders.DOCUMENT,
            "facts": {n: v for n, v in facts.items() if v is not None},
            "signers": [
                {"officer": seat.officer, "post": seat.post, "role": role}
                for seat, role in zip(seats, roles, strict=True)
            ],
        } | members
        payload = {n: v for n, v in payload.items() if v is not None}
        payload = builders._with_its_own_tokens(payload)
        if form == 2:
            payload = in_form_2(payload, capacities or ["TRUC_TIEP"] * len(seats))
            known = catalogue_of(self.registry.edition).type(name, 2).facts
            every = catalogue_of(self.registry.edition).type(name).facts
            payload["facts"] = {
                n: v for n, v in payload["facts"].items() if n in known or n not in every
            }
        return parse_act(payload)

    def usual(self, name: str, stream: str) -> Json:
        """Facts in which an act is mostly lawful here."""
        return builders.facts_for(name, self.now, self.stream(stream))

    def kind(self, name: str) -> ActType:
        """Its type in the catalogue in force."""
        return catalogue_of(self.registry.edition).type(name)

    # -- whoever may ------------------------------------------------------------------------------

    def kid(self, who: str) -> str | None:
        """The key by which an officer signs now; None: there is none that is good."""
        kid = self._keys.get(who)
        if kid is None:
            return None
        try:
            return self.registry.keyring.usable(kid, index=None, at=self.now).kid
        except KeysError:
            return None

    def in_post(self) -> list[Seat]:
        """Everybody of the seats who holds a post today, with a key."""
        return self._in_post(self.seats, self.now.date())

    def everybody(self, *, keyless: bool = False, on: date | None = None) -> list[Seat]:
        """The same of all seats, those in which nobody has signed yet too."""
        every = dict.fromkeys((*self.seats, *self.fresh))
        return self._in_post(every, on or self.now.date(), keyless=keyless)

    def _in_post(self, seats: Iterable[Seat], day: date, *, keyless: bool = False) -> list[Seat]:
        return [
            s
            for s in seats
            if self.registry.exists(s.agency, day)
            and self.registry.appointment(s.officer, s.agency, s.post, day) is not None
            and (keyless or self.kid(s.officer) is not None)
        ]

    def attempt(  # noqa: PLR0913 - what is tried, and how far
        self,
        name: str,
        stream: str,
        facts: Json,
        *,
        order: Callable[[list[Seat]], list[Seat]] = lambda seats: seats,
        most: int = 400,
        why: list[str] | None = None,
        signatures: int = 9,
        **members: Any,
    ) -> Entry | None:
        """The act by the first of all officers who may; None where nobody may.

        Tried is until a refusal says that it is not for who signs. `why` is told the refusals.
        """
        probe = self.act(name, stream, self.in_post()[:1], facts, **members)
        roles = self.kind(name).signature(probe, "ordinary")[1]
        closed = set[str]()
        for author, more in islice(self._ways(probe, len(roles), order, closed), most):
            act = self.act(name, stream, (author, *more), facts, **members)
            role = "RETURNER" if name == "ActReturned" else "AUTHOR"
            try:
                self.take(act, author.officer, role)
            except Rejected as refused:
                self.told(act, refused)
                if why is not None:
                    why.append(f"{author.alias}: {refused.guard or refused.code}")
                if refused.guard not in OF_PERSONS:
                    return None
                self._learn(refused, author, closed)
            else:
                return self._countersigned(act, more[: signatures - 1])
        return None

    def _ways(
        self,
        probe: Act,
        number: int,
        order: Callable[[list[Seat]], list[Seat]],
        closed: set[str],
    ) -> Iterator[tuple[Seat, tuple[Seat, ...]]]:
        """Who could sign an act: its author, and as many beside; `closed` is asked on the way."""
        seats = order(self.in_post())
        may: dict[object, bool] = {}
        for author in seats:
            alike = author if probe.act in _OWN else author[1:]
            if author.agency not in closed and alike not in may:
                may[alike] = self._may_author(probe, author)
            if author.agency in closed or not may[alike]:
                continue
            across = {*map(str, probe.facts.values())} if probe.act in _ACROSS else None
            for more in islice(self._beside(author, number - 1, seats, across), 60):
                yield author, more
                if author.alias in closed:
                    break

    @staticmethod
    def _learn(refused: Rejected, author: Seat, closed: set[str]) -> None:
        """Whether a whole agency need not be asked any more, or this author."""
        at = {fault.pointer for fault in refused.faults}
        if "/agency" in at:
            closed.add(author.agency)
        if at & {"/agency", "/post", "/signers/0"}:
            closed.add(author.alias)

    def _countersigned(self, act: Act, more: Sequence[Seat]) -> Entry:
        """The signatures of the others. Raises: Rejected."""
        for seat, signer in zip(more, act.signers[1:], strict=False):
            self.now += timedelta(minutes=1)
            self.take(act, seat.officer, signer.role)
        return self.stream(act.stream).entries[act.act_id]

    def _may_author(self, probe: Act, seat: Seat) -> bool:
        """Whether it is worth trying: asked is the one guard that refuses nearly everybody."""
        signer = probe.signers[0]._replace(officer=seat.officer, post=seat.post)
        act = replace(probe, agency=seat.agency, post=seat.post, signers=(signer,))
        q = self.question(act, seat.officer, "AUTHOR")
        asked = guards_in(q.edition).by_code["AGENCY_HOLDS_FUNCTION"]
        return asked.check(q) is None

    def _beside(
        self, author: Seat, number: int, seats: Sequence[Seat], across: set[str] | None
    ) -> Iterator[tuple[Seat, ...]]:
        """Who signs beside an author, those first who approve in their agency.

        `across` is whom the act names, where officers of several agencies may sign it.
        """
        if number <= 0:
            yield ()
            return
        if self.cheats:
            yield (author,) * number
            yield ()
        own = [s for s in seats if s.agency == author.agency and s.alias != author.alias]
        high = [s for s in own if self._approves(s)]
        others = [s for s in own if s not in high] + [s for s in seats if s.agency != author.agency]
        if across is not None:
            others.sort(key=lambda s: s.agency not in across or not self._approves(s))
        for last in (*high, *(others[:2] if across is None else others)):
            firsts = [s for s in own if s.alias != last.alias]
            yield from ((last,),) if number == 1 else ((first, last) for first in firsts)

    def _approves(self, seat: Seat) -> bool:
        day = self.now.date()
        return any(
            self.registry.holds_code(code, seat.agency, seat.post, seat.officer, day)
            for code in ("HEAD", "SUPERVISOR")
        )
