"""What registrars do between the acts of cases, drawn: posts, agencies, keys, terms and days off.

Judged by `decide` like all else. What is asked of it afterwards is read off these acts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import islice, product
from random import Random
from typing import Final

from ledger.errors import Rejected
from ledger.regulation.acts.catalogue import ActType
from ledger.regulation.case.state import Entry
from ledger.regulation.edition_change import KEYS, key_of
from ledger.regulation.registry.lines import FOUNDERS_POST
from tests import builders
from tests.case_walk import Json, Seat, World, appointed

_DAYS: Final = (-20, -3, -1, 0, 0, 1, 2, 9)
_ENDING: Final = ("MERGE", "ABSORB", "DISSOLVE", "DIVIDE")
_KINDS: Final = (*_ENDING, "SPLIT", "RENAME", "FUNCTION_TRANSFER")
_CLOCKS: Final = (
    "COMPLAINT_ACCEPT", "COMPLAINT_DECIDE_FIRST", "COMPLAINT_DECIDE_SECOND", "COMPLAINT_LODGE",
    "MEASURE_CONFIRM", "REVIEW_MEASURE", "MEASURE_MAX", "REVIEW_TAKEDOWN", "TELL_REPORTER",
    "EXPLANATION", "SANCTION_LIMITATION", "ACCEPT_REFERRAL", "REGISTER_CASE",
)  # fmt: skip
_OF_SIGNERS: Final = (
    "DISTINCT_SIGNERS", "REGISTRAR_NOT_SELF", "OFFICER_IN_POST", "SIGNER_POWERS"
)  # fmt: skip
_STAYS: Final = ("quan-tri-danh-ba", "to-chuc")
"""Posts of those who register others, of whom fewer are ended."""


class Registrars:
    """Draws registry acts for a world.

    Args:
        world: Where they are done.
        draw: By what.
    """

    def __init__(self, world: World, draw: Random) -> None:
        self.world, self.draw = world, draw

    def step(self) -> Entry | None:
        """One act of the registry, by the first of some who may."""
        ways: Mapping[Callable[[], Entry | None], int] = {
            self._appoints: 4, self._ends: 4, self._moves_on: 3, self._passes_on: 4,
            self._sets_a_term: 2, self._changes_days: 2, self._ends_a_line: 1,
            self._takes_a_key: 3, self._gives_a_key: 3, self._links: 1,
        }  # fmt: skip
        return self.draw.choices(list(ways), list(ways.values()))[0]()

    # -- who --------------------------------------------------------------------------------------

    def _with(self, *powers: str) -> list[Seat]:
        world, day = self.world, self.world.now.date()
        found = [
            s
            for s in world.everybody()
            if any(world.registry.holds_code(c, s.agency, s.post, s.officer, day) for c in powers)
        ]
        self.draw.shuffle(found)
        return found

    def _signing(self, kind: ActType, role: str) -> list[Seat]:
        """Who may sign in a role: by power, as founder, or as head where nobody has the power."""
        registry, day = self.world.registry, self.world.now.date()
        codes = kind.signer_powers.get(role, kind.who)
        found = self._with(*codes)[:4]
        keepers = registry.holders("REGISTRY_KEEPER", day)
        if "REGISTRY_KEEPER" in codes:
            found += [Seat("founder", agency, FOUNDERS_POST) for agency in keepers]
        absent = kind.in_absence.get(role, ())
        return found + [s for s in self._with(*absent) if absent and s.agency in keepers][:3]

    def enter(self, kind: str, stream: str, facts: Json, most: int = 9) -> Entry | None:
        """The act, by some who have the powers that it names; None where none of them may."""
        world = self.world
        known = world.kind(kind)
        signing = product(*(self._signing(known, role) for role in known.signer_roles))
        for seats in islice(signing, most):
            act, entry = world.act(kind, stream, seats, facts), None
            try:
                for seat, signer in zip(seats, act.signers, strict=True):
                    entry = world.take(act, seat.officer, signer.role)
            except Rejected as refused:
                world.told(act, refused)
                if refused.guard not in _OF_SIGNERS:
                    return None
            else:
                return entry
        return None

    # -- posts and keys ---------------------------------------------------------------------------

    def _day(self) -> date:
        return self.world.now.date() + timedelta(days=self.draw.choice(_DAYS))

    def _hire(self, seat: Seat, first: date, last: date | None = None) -> Entry | None:
        world = self.world
        facts = appointed(world.registry, seat)
        facts["valid_from"] = max(first.isoformat(), facts["valid_from"])
        if last is not None:
            facts["valid_to"] = max(last.isoformat(), facts["valid_from"])
        entry = self.enter("OfficerAppointed", f"officer/{seat.officer}", facts)
        if entry is not None:
            world.seats = (*world.seats, seat)
        return entry

    def _new(self, agency: str, post: str) -> Seat:
        self.world.made += 1
        return Seat(f"hired {self.world.made}'{self.world.names}", agency, post)

    def hires(self, agency: str, post: str) -> bool:
        """Whether somebody new is in a post from today, with a key."""
        seat = self._new(agency, post)
        done = self._hire(seat, self.world.now.date())
        return done is not None and self._key(seat) is not None

    def _appoints(self) -> Entry | None:
        """Somebody new, or somebody of the cast in another post."""
        world, draw = self.world, self.draw
        one, other = draw.choice(world.in_post()), draw.choice(world.in_post())
        seat = Seat(one.alias, other.agency, other.post)
        if draw.random() < 0.6:
            seat = self._new(other.agency, other.post)
        last = (
            None if draw.random() < 0.6 else world.now.date() + timedelta(days=draw.randint(0, 30))
        )
        entry = self._hire(seat, self._day(), last)
        if entry is not None and world.kid(seat.officer) is None:
            self._key(seat)
        return entry

    def _ends(self) -> Entry | None:
        world, draw = self.world, self.draw
        seats = [s for s in world.in_post() if s.post not in _STAYS or draw.random() < 0.1]
        return self._leave(draw.choice(seats), self._day(), keys=draw.random() < 0.3)

    def _leave(self, seat: Seat, last: date, *, keys: bool) -> Entry | None:
        facts = {
            "officer": seat.officer, "agency": seat.agency, "post": seat.post,
            "ended_on": last.isoformat(), "reason": "MOVED", "keys_end": keys,
        }  # fmt: skip
        return self.enter("OfficerEnded", f"officer/{seat.officer}", facts)

    def _moves_on(self) -> Entry | None:
        """A post passes on: its holder leaves, and somebody else has it from the next day."""
        world, draw = self.world, self.draw
        waiting = [e for s in world.streams.values() for e in s.pending.values()]
        named = {signer.officer for e in waiting for signer in e.waiting_for}
        seats = [s for s in world.in_post() if s.officer in named] or world.in_post()
        seat, last = draw.choice(seats), self._day()
        ended = self._leave(seat, last, keys=False)
        if ended is None or ended.status != "effective":
            return ended
        after = self._new(seat.agency, seat.post)
        if self._hire(after, last + timedelta(days=1)) is not None:
            self._key(after)
        return ended

    def _key(self, seat: Seat) -> Entry | None:
        world = self.world
        world.made += 1
        key = builders.key(f"{world.made} {seat.alias}")
        facts = {
            "officer": seat.officer, "kid": key.kid, "jwk": dict(key.jwk), "custody": "SOFTWARE",
            "valid_from": world.now.isoformat(timespec="seconds"),
            "valid_to": (world.now + timedelta(days=900)).isoformat(timespec="seconds"),
        }  # fmt: skip
        return self.enter("KeyEnrolled", f"officer/{seat.officer}", facts)

    def _takes_a_key(self) -> Entry | None:
        """One is revoked, mostly of somebody whose signature stands on what waits."""
        world, draw = self.world, self.draw
        waiting = [e for s in world.streams.values() for e in s.pending.values()]
        signed = [o for e in waiting for o in e.signed_by()]
        whose = draw.choice(
            signed if signed and draw.random() < 0.7 else [s.officer for s in world.in_post()]
        )
        kid, since = world.kid(whose), world.now - timedelta(hours=draw.choice((0, 1, 20, 90)))
        if kid is None:
            return None
        facts = {
            "officer": whose, "kid": kid, "reason": "Bị mất", "reason_code": "LOST",
            "invalid_from": since.isoformat(timespec="seconds"),
        }  # fmt: skip
        return self.enter("KeyRevoked", f"officer/{whose}", facts)

    def _gives_a_key(self) -> Entry | None:
        """To whoever has none, or to anybody."""
        world = self.world
        seats = world.everybody(keyless=True)
        without = [s for s in seats if world.kid(s.officer) is None]
        return self._key(self.draw.choice(without or seats))

    def _links(self) -> Entry | None:
        one, other = self.draw.sample(self.world.in_post(), 2)
        facts = {"officer": one.officer, "other": other.officer, "basis_document": "Biên bản"}
        kind = self.world.kind("PersonLinked").facts
        return self.enter(
            "PersonLinked",
            f"officer/{one.officer}",
            {n: v for n, v in facts.items() if n in kind}
            | builders.facts_for("PersonLinked", self.world.now)
            | facts,
        )

    # -- agencies ---------------------------------------------------------------------------------

    def _passes_on(self) -> Entry | None:
        """An agency ends, is split or renamed; those in its posts go along to where it goes."""
        world, draw = self.world, self.draw
        alive = sorted({s.agency for s in world.in_post()})
        handling = [str(s.handler_raw) for s in world.streams.values() if s.handler_raw in alive]
        gone = draw.choice(handling if handling and draw.random() < 0.5 else alive)
        to = draw.choice([s.agency for s in world.in_post()])
        if draw.random() < 0.7:
            to = self._registers(gone) or to
        kind, day = draw.choice(_KINDS), self._day()
        held = world.registry.functions_of(gone, day)
        if kind == "FUNCTION_TRANSFER" or draw.random() < 0.1:
            held = held[: draw.randint(0, len(held))]
        facts = {
            "kind": kind, "effective_on": day.isoformat(), "predecessors": [gone],
            "successors": [to], "basis_document": "Nghị quyết", "assumed": False,
            "map": [
                {"function": f, "from_agency": gone, "to_agency": to, "assumed": False}
                for f in held
            ],
        }  # fmt: skip
        entry = self.enter("AgencySuccessionRecorded", "programme/2024", facts)
        if entry is not None and kind in (*_ENDING, "RENAME"):
            self._follow(gone, to, day)
        return entry

    def _registers(self, like: str) -> str | None:
        world, line = self.world, self.world.registry.agency(like)
        assert line is not None
        world.made += 1
        new = f"bacninh.moi-{world.made}"
        first = (world.now.date() - timedelta(days=30)).isoformat()
        added = {
            "agency": new, "name": f"Cơ quan mới {world.made}", "kind": line.kind,
            "territory": line.territory, "posts_as": like, "valid_from": first,
            "source": "Nghị quyết", "certainty": "CONFIRMED",
        }  # fmt: skip
        facts = {"lines": [added], "basis_document": "Nghị quyết"}
        return new if self.enter("RegistryLinesAdded", "ledger", facts) is not None else None

    def _follow(self, gone: str, to: str, day: date) -> None:
        world = self.world
        line = world.registry.agency(to)
        seats = [
            s for s in world.everybody(keyless=True, on=day - timedelta(days=1)) if s.agency == gone
        ]
        for seat in seats[:8]:
            if line is not None and seat.post in line.posts and self.draw.random() < 0.8:
                self._hire(Seat(seat.alias, to, seat.post), day)

    # -- terms and days ---------------------------------------------------------------------------

    def _sets_a_term(self) -> Entry | None:
        world, draw = self.world, self.draw
        facts = {
            "rule": draw.choice(_CLOCKS), "unit": draw.choice(("h", "d", "d", "wd", "m", "none")),
            "value": draw.choice((1, 3, 10, 24, 30, 90, 400)), "source_kind": "LAW",
            "valid_from": self._day().isoformat(), "certainty": "CONFIRMED",
        }  # fmt: skip
        if facts["unit"] == "none":
            facts = {n: v for n, v in facts.items() if n != "value"}
        if draw.random() < 0.3:
            facts["valid_to"] = (world.now.date() + timedelta(days=draw.randint(0, 60))).isoformat()
        return self.enter("ClockRuleSet", "ledger", facts)

    def _adopts(self, change: Json) -> Entry | None:
        world = self.world
        world.made += 1
        try:
            facts = builders.adoption_facts(change, world.registry.edition, f"2-thu.{world.made}")
        except (ValueError, LookupError):
            return None
        return self.enter("EditionAdopted", "ledger", facts)

    def _changes_days(self) -> Entry | None:
        """A day off more, or one less, mostly to come."""
        world, draw = self.world, self.draw
        day = world.now.date() + timedelta(days=draw.choice((-5, 0, 1, 2, 3, 5, 8, 20, 40)))
        years = world.registry.edition.subjects["holidays"]["years"]
        there = set(years.get(str(day.year), ()))
        days = {(day + timedelta(days=n)).strftime("%m-%d") for n in range(draw.randint(1, 4))}
        off = there - days if draw.random() < 0.2 else there | days
        return self._adopts({"holidays": {"years": {str(day.year): sorted(off)}}})

    def _ends_a_line(self) -> Entry | None:
        """Lines of an edition go or end: of terms, transitions, agencies, act types."""
        world, draw = self.world, self.draw
        edition, (subject, part) = world.registry.edition, draw.choice(_PARTS)
        keys = [*self._keys(edition.subjects[subject][part], subject, part)]
        key, line = draw.choice(keys)
        ends = next(
            (n for n in ("valid_to", "to", "in_force_to") if n in line and subject == "registry"),
            None,
        )
        if ends is None or draw.random() < 0.2:
            return self._adopts({subject: {part: {"-": [key]}}})
        return self._adopts({subject: {part: {key: {ends: self._day().isoformat()}}}})

    @staticmethod
    def _keys(lines: Iterable[Json], subject: str, part: str) -> Iterator[tuple[str, Json]]:
        for line in lines:
            yield key_of(line, KEYS[subject, part]), line


_PARTS: Final = (
    ("registry", "agencies"), ("registry", "holdings"), ("registry", "clock_rules"),
    ("registry", "post_powers"), ("registry", "instruments"), ("life_cycle", "transitions"),
    ("life_cycle", "clocks"), ("acts", "acts"), ("life_cycle", "sub_processes"),
)  # fmt: skip
