"""Registry: the shipped edition plus the lines that registry acts of one log have added.

Who exists, holds, may and is in force is asked by day, as the log stands; how acts add to the lines
stands in `lines.py`. Case roles (who handles this case, who was asked) are the stream's to
answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final

from keys.keyring import KeyRecord
from ledger.regulation.edition import Calendar, Edition, optional_date, within
from ledger.regulation.registry.agencies import Agency, Asked
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.registry.delegations import Delegation
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.instruments import Instrument
from ledger.regulation.registry.kept_apart import administers
from ledger.regulation.registry.lines import FOUNDERS_POST, KEEPER, REGISTERING, RegistryLines
from ledger.regulation.registry.officers import Appointment, Officer
from ledger.regulation.registry.rules import Rule
from ledger.regulation.words import vocabulary

POST_POWERS: Final[Mapping[str, str]] = MappingProxyType(
    {"CLASSIFIER": "SECRET_CLASSIFY", "COPY_AUTHORITY": "SECRET_COPY"}
)
"""Post codes that dated lines of `post_powers` give by another name; others go by their own."""


class Registry(RegistryLines):
    """The registry after record `version`, asked by day.

    `founded` is the one before record 0: LedgerOpened is applied before it is judged, since it
    appoints its own signer.
    """

    @property
    def calendar(self) -> Calendar:
        """Working days and holidays."""
        return self.edition.calendar

    # --- agencies ---

    def agency(self, agency: str) -> Agency | None:
        """The agency of this id."""
        return self.agencies.get(agency)

    def exists(self, agency: str, on: date) -> bool:
        """Whether it is registered and existed on that day."""
        return self.agencies.exists(agency, on)

    def holds(self, agency: str, function: str, on: date) -> bool:
        """Whether it held the function that day (MEDIA: any of the family)."""
        return self.agencies.holds(agency, function, on)

    def holders(self, function: str, on: date, territory: str | None = None) -> list[str]:
        """Who held the function that day, in that territory or what contains it."""
        return self.agencies.holders(function, on, territory)

    def functions_of(self, agency: str, on: date) -> list[str]:
        """Functions it held that day."""
        return self.agencies.functions_of(agency, on)

    def lead(self, on: date, territory: str | None = None) -> str | None:
        """The lead agency that day."""
        return next(iter(self.holders("LEAD", on, territory)), None)

    def assumed(self, agency: str, function: str, on: date) -> bool:
        """Whether that holding is configured and not confirmed; it is shown so."""
        holding = self.agencies.holding(agency, function, on)
        return holding is not None and holding.assumed

    def parent(self, agency: str) -> str | None:
        """The agency directly above."""
        line = self.agencies.get(agency)
        return None if line is None else line.parent

    def name(self, agency: str, on: date) -> str:
        """Its name on that day; the id where it is unknown."""
        line = self.agencies.get(agency)
        return agency if line is None else line.name(on).vi

    def post_name(self, agency: str, post: str) -> str:
        """What a post of an agency is called; its code where the agency has none of it."""
        line = self.agencies.get(agency)
        known = None if line is None else line.posts.get(post)
        return post if known is None else known.vi

    def label(self, agency: str, on: date, today: date) -> str:
        """Its name on the day of the act, and who carries on where it has ended (law.md §13)."""
        line = self.agencies.get(agency)
        then = self.name(agency, on)
        if line is None or line.existed(today) or today < line.valid_from:
            now = self.name(agency, today)
            return then if now == then or today < on else f"{then} ({_now(now)})"
        heir = self.agencies.heir(agency, today)
        last = "" if line.valid_to is None else _until(line.valid_to)
        return (
            f"{then} ({last})"
            if heir is None
            else f"{then} ({last}; {_now(self.name(heir, today))})"
        )

    def successor(
        self, agency: str, function: str, on: date, territory: str | None = None
    ) -> str | None:
        """Who has that agency's function on that day; None where it ended without a successor."""
        return self.agencies.successor(agency, function, on, territory)

    def heir(self, agency: str, on: date) -> str | None:
        """Who carries on for the agency as a whole on that day: itself while it exists."""
        return self.agencies.heir(agency, on)

    # --- instruments, rules, secret lists ---

    def instrument(self, instrument: str, on: date | None = None) -> Instrument | None:
        """The line that speaks about that day; the newest where no day is given."""
        return self.instruments.get(instrument, on)

    def in_force(
        self,
        instrument: str,
        on: date,
        article: str | None = None,
        clause: str | None = None,
        point: str | None = None,
    ) -> bool:
        """Whether it was in force that day; a provision with its own dates by those."""
        return self.instruments.in_force(instrument, on, article, clause, point)

    def is_decision90(self, instrument: str) -> bool:
        """Whether it is the coordination regulation: never the only ground of a measure (4.3)."""
        return instrument in self.regulations

    def rule(self, code: str, on: date) -> Rule | None:
        """The line of a clock or limit in force that day."""
        return self.rules.on(code, on)

    def limit(self, code: str, on: date) -> Rule:
        """The same for a limit that the edition always has.

        Raises:
            KeyError: No such limit.
        """
        found = self.rules.on(code, on)
        if found is None:
            raise KeyError(code)
        return found

    def post_power(self, power: str, agency: str, post: str, on: date) -> str | None:
        """How far a power of a post reaches that day: a level or an amount band; None: no power."""
        line = next(self.post_lines(power, agency, post, on), None)
        return None if line is None else str(line["up_to"])

    def post_lines(
        self, power: str, agency: str, post: str, on: date
    ) -> Iterator[Mapping[str, Any]]:
        """Lines by which a post has a power that day, each with what it is limited to.

        A line that names a function is for the agencies that hold it; where no agency of that kind
        holds it (the provincial committee and sanctions), for every agency of the kind. Members:
        `up_to`, and where a power is limited so, `forms` of a sanction and `kinds` of a measure.
        """
        line = self.agencies.get(agency)
        if line is None or not line.existed(on):
            return
        for entry in self.edition.registry["post_powers"]:
            if (
                entry["power"] == power
                and entry["post"] == post
                and _covers(entry, on)
                and self._of_kind(line, entry["agency_kind"], on)
                and self._by_function(line, entry, on)
            ):
                yield entry

    def limited_to(self, power: str, member: str, on: date) -> frozenset[str]:
        """What lines of that day limit a power to, all together: kinds that need it."""
        lines = self.edition.registry["post_powers"]
        named = (e for e in lines if e["power"] == power and _covers(e, on))
        return frozenset(value for entry in named for value in entry.get(member, ()))

    def _of_kind(self, agency: Agency, kind: str, on: date) -> bool:
        """An agency registered by an act has no kind of the edition: the function of that name."""
        if agency.index is None:
            return agency.kind == kind
        return self.holds(agency.id, kind, on)

    def _by_function(self, agency: Agency, entry: Mapping[str, Any], on: date) -> bool:
        function = entry.get("function")
        if function is None or self.holds(agency.id, function, on):
            return True
        return not any(
            self._of_kind(line, entry["agency_kind"], on)
            for holder in self.holders(function, on)
            if (line := self.agencies.get(holder)) is not None
        )

    def lists_secret(self, list_document: str, item: str, on: date) -> bool:
        """Whether a registered list of state secrets has this item on that day."""
        return any(
            line["code"] == item
            for entry in self.edition.registry["secret_lists"]
            if entry["id"] == list_document and _covers(entry, on)
            for line in entry["items"]
        )

    # --- officers and keys ---

    def officer(self, officer: str) -> Officer | None:
        """The officer of this id; the founder has none of the appointments made by acts."""
        return self.officers.get(officer)

    def appointment(self, officer: str, agency: str, post: str, on: date) -> Appointment | None:
        """The appointment under which an officer acts for an agency in a post that day."""
        found = self.officers.appointment(officer, agency, post, on)
        if found is not None or self.officers.get(officer) is None:
            return found
        return self._founders(officer, agency, post, on)

    def _founders(self, officer: str, agency: str, post: str, on: date) -> Appointment | None:
        """The founder's post moves with the function: no reorganisation locks the registry."""
        founder = self.founder
        if (
            founder is None
            or founder.officer != officer
            or post != FOUNDERS_POST
            or (founder.last_day is not None and on > founder.last_day)
            or not self.agencies.holds(agency, KEEPER, on)
        ):
            return None
        return self._founding_post(agency, founder.last_day)

    def _founding_post(self, agency: str, last_day: date | None) -> Appointment:
        return Appointment(
            agency=agency,
            post=FOUNDERS_POST,
            powers=frozenset({KEEPER, "FOUNDER"}),
            capacities=self._capacities(agency, FOUNDERS_POST),
            valid_from=date.min,
            valid_to=last_day,
            index=0,
        )

    def _capacities(self, agency: str, post: str) -> frozenset[str]:
        line = self.agencies.get(agency)
        known = None if line is None else line.posts.get(post)
        return frozenset({"TRUC_TIEP"}) if known is None else known.capacities

    def appointments(self, officer: str, on: date) -> list[Appointment]:
        """Every post an officer holds on that day, the founder's included."""
        held = list(self.officers.appointments(officer, on))
        if self.founder is None or self.founder.officer != officer:
            return held
        for agency in self.holders(KEEPER, on):
            founding = self._founders(officer, agency, FOUNDERS_POST, on)
            if founding is not None:
                held.append(founding)
        return held

    def holds_yet(self, officer: str, post: str, then: date, on: date) -> bool:
        """Whether an officer holds a post yet, in which an act of another day names them."""
        return any(
            held.post == post
            and self.exists(held.agency, on)
            and self.appointment(officer, held.agency, post, on) is not None
            for held in self.appointments(officer, then)
        )

    def delegation(  # noqa: PLR0913 - what a delegation is of
        self,
        officer: str,
        post: str,
        capacity: str,
        *,
        act: str,
        stream: str,
        on: date,
        giver: str | None = None,
    ) -> Delegation | None:
        """The delegation by which an officer in a post signs an act of a type that day.

        Args:
            officer: Who signs.
            post: In which.
            capacity: As which.
            act: The act's type.
            stream: Its stream.
            on: The day.
            giver: Of several, that of this officer; else the last one.
        """
        lines = (
            line
            for line in self.delegations.taken_by(officer)
            if (line.to_post, line.capacity) == (post, capacity)
            and line.covers(act, stream)
            and self.stands(line, on)
        )
        return min(lines, key=lambda line: line.giver != giver, default=None)

    def stands(self, line: Delegation, on: date) -> bool:
        """Whether one may sign by a delegation that day: giver and taker are in post."""
        return line.runs(on) and self.in_post(line, on)

    def in_post(self, line: Delegation, on: date) -> bool:
        """Whether giver and taker of a delegation are in post that day."""
        return (
            self.exists(line.agency, on)
            and self.appointment(line.giver, line.agency, line.from_post, on) is not None
            and self.appointment(line.taker, line.agency, line.to_post, on) is not None
        )

    def powers(self, officer: str, agency: str, post: str, on: date) -> frozenset[str]:
        """Role codes the officer holds in that post on that day."""
        found = self.appointment(officer, agency, post, on)
        return frozenset() if found is None else found.powers

    def same_person(self, a: str, b: str) -> bool:
        """Whether two officer ids are one natural person."""
        return self.officers.same_person(a, b)

    def holds_code(
        self,
        code: str,
        agency: str,
        post: str,
        officer: str,
        on: date,
        asked: Asked | None = None,
    ) -> bool:
        """The registry's part of `who`: none of the codes that the acts of a stream answer.

        Args:
            code: A code of `roles` in acts.json.
            agency: The author's agency.
            post: The author's post.
            officer: The author.
            on: Day of the act.
            asked: Where a function is held; None: anywhere.
        """
        if code == "ANY_AGENCY":
            return self.agencies.exists(agency, on)
        if code == "SANCTION_AUTHORITY":
            if self.agencies.holds_in(agency, code, on, asked):
                return True
            line = self.agencies.get(agency)
            here = asked is None or (
                line is not None and self.agencies.serves(line.territory, asked)
            )
            return here and self.post_power("SANCTION", agency, post, on) is not None
        if self.is_function(code):
            return self.agencies.holds_in(agency, code, on, asked)
        if code in self.powers(officer, agency, post, on):
            return True
        power = POST_POWERS.get(code, code)
        return self._in_power(power, officer, agency, post, on)

    def is_function(self, code: str) -> bool:
        """Whether a code of `who` is held by agencies, not by posts."""
        return code in self.edition.of(_function_codes)

    def _in_power(self, power: str, officer: str, agency: str, post: str, on: date) -> bool:
        return (
            self.post_power(power, agency, post, on) is not None
            and self.appointment(officer, agency, post, on) is not None
        )

    def founding(self, on: date) -> bool:
        """REGISTRY_FOUNDING: no second officer could sign that day, so the founder signs alone.

        A second officer counts with a power that the edition names (`founding`), in a post and
        agency of that day, and a key that has begun, not revoked and not expired before it. Where
        there ever was one, the head of the agency that keeps the registry counts too: whoever loses
        the others' keys is not alone again.
        """
        founder = self.founder
        if founder is None:
            return False
        others = [o for o in self.keepers if not self.same_person(o, founder.officer)]
        over_by, then = self.edition.of(_founding_powers)
        if any(self._serves_with_key(over_by, officer, on, on) for officer in others):
            return False
        ever = any(self.keepers[officer] for officer in others)
        return not (ever and then and self.can_sign(then, on, founder.officer))

    def can_sign(self, powers: Collection[str], on: date, but: str) -> bool:
        """Whether somebody else than a person could sign with one of these powers that day.

        A registrar and a personnel officer wherever they sit, others in the agency that keeps the
        registry: in a post of that day, with a key that lives.

        Args:
            powers: Codes of posts.
            on: The day.
            but: An officer; whoever is one person with them does not count.
        """
        of_registry = all(power in REGISTERING for power in powers)
        known = self._registering() if of_registry else {o.uuid for o in self.officers.all()}
        return any(
            self._serves_with_key(powers, officer, on, on)
            for officer in known
            if not self.same_person(officer, but)
        )

    def first_day_shut(self, before: Registry, today: date) -> date | None:
        """The first day on which nobody can let others in who could as `before` stood; None: none.

        Today and on each day to come, as far as the registry says now: posts and agencies of that
        day, and keys that live today.

        Args:
            before: The registry without the act that is asked about.
            today: The first day that is asked of.
        """
        known = self._letting_in()
        turns = {*self._turns(known), *before._turns(known)}
        for day in (today, *sorted(turn for turn in turns if turn > today)):
            shut = not self._lets_in(known, day, today)
            if shut and before._lets_in(known, day, today):
                return day
        return None

    def _lets_in(self, known: Collection[str], on: date, today: date) -> bool:
        """Whether some of `known` are a registrar that day, and another who approves their acts.

        The founder is never without: what nobody is left to approve they sign alone (`founding`).
        """
        founder = self.founder
        over_by, then = self.edition.of(_founding_powers)
        approving = [
            one
            for one in known
            if any(self._serves_with_key(powers, one, on, today) for powers in (over_by, then))
        ]
        return any(
            self._serves_with_key((KEEPER,), one, on, today)
            and (
                (founder is not None and self.same_person(one, founder.officer))
                or not all(self.same_person(one, other) for other in approving)
            )
            for one in known
        )

    def _turns(self, known: Iterable[str]) -> Iterator[date]:
        """Days on which some of `known` may enter or leave, by any id of theirs."""
        founder = self.founder
        if founder is not None:
            yield from _behind(founder.last_day)
        yield from self.agencies.turns()
        for one in {id_ for officer in known for id_ in self.officers.ids_of(officer)}:
            for held in self._given_to(one):
                yield held.valid_from
                yield from _behind(held.valid_to)

    def _letting_in(self) -> set[str]:
        """Whoever was ever given a post that registers others or approves that, and the founder.

        Few, of thousands of officers: each is asked about on each day.
        """
        keeping, (_, then) = self.agencies.ever_held(KEEPER), self.edition.of(_founding_powers)
        posts = self.edition.of(_approving_posts)
        return self._registering() | {
            known.uuid
            for known in self.officers.all()
            for held in known.appointments
            if held.agency in keeping and (held.post in posts or not held.powers.isdisjoint(then))
        }

    def _registering(self) -> set[str]:
        """Registrars and personnel officers ever appointed, and the founder."""
        return {*self.keepers, *(() if self.founder is None else (self.founder.officer,))}

    def _given_to(self, officer: str) -> tuple[Appointment, ...]:
        known = self.officers.get(officer)
        return () if known is None else known.appointments

    def _serves_with_key(
        self, powers: Collection[str], officer: str, on: date, keyed: date
    ) -> bool:
        in_post = any(
            self.agencies.exists(held.agency, on)
            and any(self._serves(power, officer, held, on) for power in powers)
            for held in self.appointments(officer, on)
        )
        return in_post and self._has_key(officer, keyed) and self._may_register(officer, on)

    def _may_register(self, officer: str, on: date) -> bool:
        """Whether no other post of the person keeps them from it; the first edition asks not."""
        return self._as_first or administers(
            post for one in self.officers.ids_of(officer) for post in self.appointments(one, on)
        )

    @property
    def _as_first(self) -> bool:
        """By the first edition a power that was ever given for a day holds, and a key at once."""
        return "founding" not in self.edition.acts

    def _has_key(self, officer: str, on: date) -> bool:
        known = self.keepers.get(officer)
        keys = (
            self.keyring.lines(officer) if known is None else (self.keyring.line(k) for k in known)
        )
        return any(
            key is not None and _lives(key, on) and (self._as_first or _has_begun(key, on))
            for key in keys
        )

    def _serves(self, power: str, officer: str, held: Appointment, on: date) -> bool:
        """Whether a post has a power: of two appointments to it the later says what it gives."""
        if power in REGISTERING:
            anew = not self._as_first
            given = self.powers(officer, held.agency, held.post, on) if anew else held.powers
            return power in given
        keeps = self.agencies.holds(held.agency, KEEPER, on)
        return keeps and self.holds_code(power, held.agency, held.post, officer, on)

    # --- grants ---

    def grants(
        self,
        *,
        officer: str | None = None,
        stream: str | None = None,
        unit: str | None = None,
        at: datetime | None = None,
    ) -> list[Grant]:
        """Grants that match every argument given; with `at`, those running then."""
        return self.granted.find(officer=officer, stream=stream, unit=unit, at=at)


def _founding_powers(edition: Edition) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """By whom founding is over, and who counts once there was one of them."""
    said = edition.acts.get("founding", {})
    return tuple(said.get("over_by", (KEEPER,))), tuple(said.get("then", ()))


def _approving_posts(edition: Edition) -> frozenset[str]:
    """Posts that give, in some agency on some day, what approves once there was one of founding."""
    _, then = edition.of(_founding_powers)
    lines = edition.registry["post_powers"]
    return frozenset(line["post"] for line in lines if line["power"] in then)


def _function_codes(edition: Edition) -> frozenset[str]:
    return frozenset(r["code"] for r in edition.acts["roles"] if r["kind"] == "function")


def _covers(entry: Mapping[str, Any], on: date) -> bool:
    """Whether a line of the edition with `from` and `to` covers a day."""
    return within(optional_date(entry["from"]), optional_date(entry["to"]), on)


def _behind(last: date | None) -> Iterator[date]:
    """The day behind a last one."""
    if last is not None and last < date.max:
        yield last + timedelta(days=1)


def _lives(line: KeyRecord, on: date) -> bool:
    """Whether a key can still sign for an act of that day, as the log stands."""
    return (
        line.revoked_index is None
        and not line.is_service
        and (line.valid_to is None or line.valid_to > datetime.combine(on, time.min, VIETNAM))
    )


def _has_begun(line: KeyRecord, on: date) -> bool:
    """Whether a key is valid by the end of that day."""
    return line.valid_from.astimezone(VIETNAM).date() <= on


def _now(name: str) -> str:
    """Beside a name, which is Vietnamese in every language."""
    return vocabulary("sentences")["agency_now"].vi.format(name=name)


def _until(last: date) -> str:
    return vocabulary("sentences")["agency_until"].vi.format(last=f"{last:%d/%m/%Y}")
