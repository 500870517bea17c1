"""Registry: the shipped edition plus the lines that registry acts of one log have added.

Who exists, holds, may and is in force is asked by day, as the log stands. Case roles (who handles
this case, who was asked) are the stream's to answer. Nothing here knows bytes, signatures or
storage; `apply` takes effective acts in the order of their records.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from keys.keyring import KeyLine, Keyring
from ledger.regulation.act import Act, day, parse_time
from ledger.regulation.agencies import Agencies, Agency, Holding, Name
from ledger.regulation.edition import REGULATION, Calendar, Edition, load_edition, optional_date
from ledger.regulation.grants import Grant, Grants
from ledger.regulation.instruments import Instrument, Instruments, parse_provision
from ledger.regulation.officers import Appointment, Officer, Officers
from ledger.regulation.rules import Rule, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "REGISTRY_ACTS",
    "Agency",
    "Appointment",
    "Founder",
    "Grant",
    "Holding",
    "Instrument",
    "Officer",
    "Registry",
    "Rule",
    "SecretItem",
]

FOUNDERS_POST: Final = "quan-tri-danh-ba"
"""The founder's post, in whichever agency holds REGISTRY_KEEPER on the day (architecture §3)."""
KEEPER: Final = "REGISTRY_KEEPER"
CASE_ROLES: Final = frozenset(
    {"FINDER", "HANDLER", "ASKED", "RECEIVER", "TEAM", "ISSUER", "SUPERIOR", "NEXT_SIGNER"}
)
"""Codes of `who` that only the acts of a stream can answer."""
POST_POWERS: Final[Mapping[str, str]] = MappingProxyType(
    {"CLASSIFIER": "SECRET_CLASSIFY", "COPY_AUTHORITY": "SECRET_COPY"}
)
"""Post codes that a dated line of `post_powers` gives as well as an appointment."""
VIETNAM: Final = timezone(timedelta(hours=7))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SecretItem:
    """One item of a list of state secrets; `level` is MAT, TOI_MAT or TUYET_MAT."""

    list_document: str
    code: str
    vi: str
    level: str


@dataclass(frozen=True, slots=True)
class Founder:
    """The founding registrar; `last_day` once KeyRevoked or OfficerEnded has ended it."""

    officer: str
    kid: str
    last_day: date | None = None


@cache
def _shipped(edition: Edition) -> tuple[Agencies, Instruments, Rules]:
    """The edition's lines, compiled once; `founded` copies them."""
    return Agencies.of(edition), Instruments.of(edition), Rules.of(edition)


class Registry:
    """What the log knows of agencies, officers, keys, law and grants, after record `version`."""

    def __init__(
        self, edition: Edition, agencies: Agencies, instruments: Instruments, rules: Rules
    ) -> None:
        self.edition = edition
        self.agencies = agencies
        self.instruments = instruments
        self.rules = rules
        self.officers = Officers()
        self.granted = Grants()
        self.keyring = Keyring()
        self.version = -1
        """Index of the last registry record applied; -1: none."""
        self.regulations: frozenset[str] = frozenset({REGULATION})
        self.founder: Founder | None = None
        self.keepers: Mapping[str, tuple[str, ...]] = {}
        """Officers ever appointed with REGISTRY_KEEPER, each with the kids enrolled for them."""

    @classmethod
    def founded(cls, edition: Edition | None = None) -> Self:
        """The registry before record 0.

        LedgerOpened is applied before it is judged: it appoints its own signer.
        """
        shipped = edition or load_edition()
        agencies, instruments, rules = _shipped(shipped)
        return cls(shipped, agencies.copy(), instruments.copy(), rules.copy())

    def copy(self) -> Self:
        """An independent registry with the same lines."""
        other = type(self)(
            self.edition, self.agencies.copy(), self.instruments.copy(), self.rules.copy()
        )
        other.officers = self.officers.copy()
        other.granted = self.granted.copy()
        other.keyring = self.keyring.copy()
        other.version = self.version
        other.regulations = self.regulations
        other.founder = self.founder
        other.keepers = self.keepers
        return other

    def apply(self, act: Act, *, index: int, recorded_at: datetime) -> None:
        """Adds the lines of an effective act; one that is no registry act adds none.

        Args:
            act: The act, at the statement that makes it effective.
            index: Index of that statement's record.
            recorded_at: When that record was taken.
        """
        change = _CHANGES.get(act.act)
        if change is not None:
            change(self, act, index, recorded_at)
            self.version = index

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

    def label(self, agency: str, on: date, today: date) -> str:
        """Its name on the day of the act, and who carries on where it has ended (law.md §13)."""
        line = self.agencies.get(agency)
        then = self.name(agency, on)
        if line is None or line.existed(today) or today < line.valid_from:
            now = self.name(agency, today)
            return then if now == then or today < on else f"{then} (nay {now})"
        heir = self.agencies.heir(agency, today)
        last = "" if line.valid_to is None else f"đến {line.valid_to:%d/%m/%Y}"
        return (
            f"{then} ({last})" if heir is None else f"{then} ({last}; nay {self.name(heir, today)})"
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
        """How far a power of a post reaches that day: a level or an amount band; None: no power.

        A line that names a function is for the agencies that hold it; where no agency of that kind
        holds it (the provincial committee and sanctions), for every agency of the kind.
        """
        line = self.agencies.get(agency)
        if line is None or not line.existed(on):
            return None
        for entry in self.edition.registry["post_powers"]:
            if (
                entry["power"] == power
                and entry["post"] == post
                and _covers(entry, on)
                and self._of_kind(line, entry["agency_kind"], on)
                and self._by_function(line, entry, on)
            ):
                reach: str = entry["up_to"]
                return reach
        return None

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

    def secret_item(self, list_document: str, item: str, on: date) -> SecretItem | None:
        """The item of a registered list of state secrets that stands on that day."""
        for entry in self.edition.registry["secret_lists"]:
            if entry["id"] == list_document and _covers(entry, on):
                for line in entry["items"]:
                    if line["code"] == item:
                        return SecretItem(list_document, item, line["vi"], line["level"])
        return None

    # --- officers and keys ---

    def officer(self, officer: str) -> Officer | None:
        """The officer of this id; the founder has none of the appointments made by acts."""
        return self.officers.get(officer)

    def appointment(self, officer: str, agency: str, post: str, on: date) -> Appointment | None:
        """The appointment under which an officer acts for an agency in a post that day."""
        line = self.officers.get(officer)
        if line is None:
            return None
        return line.find(agency, post, on) or self._founders(officer, agency, post, on)

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
        return Appointment(
            agency=agency,
            post=post,
            powers=frozenset({KEEPER, "FOUNDER"}),
            capacities=self._capacities(agency, post),
            valid_from=date.min,
            valid_to=founder.last_day,
            index=0,
        )

    def _capacities(self, agency: str, post: str) -> frozenset[str]:
        line = self.agencies.get(agency)
        known = None if line is None else line.posts.get(post)
        return frozenset({"TRUC_TIEP"}) if known is None else known.capacities

    def appointments(self, officer: str, on: date) -> list[Appointment]:
        """Every post an officer holds on that day, the founder's included."""
        line = self.officers.get(officer)
        held = [] if line is None else [a for a in line.appointments if a.on(on)]
        for agency in self.holders(KEEPER, on):
            founding = self._founders(officer, agency, FOUNDERS_POST, on)
            if founding is not None:
                held.append(founding)
        return held

    def powers(self, officer: str, agency: str, post: str, on: date) -> frozenset[str]:
        """Role codes the officer holds in that post on that day."""
        found = self.appointment(officer, agency, post, on)
        return frozenset() if found is None else found.powers

    def same_person(self, a: str, b: str) -> bool:
        """Whether two officer ids are one natural person."""
        return self.officers.same_person(a, b)

    def holds_code(self, code: str, agency: str, post: str, officer: str, on: date) -> bool | None:
        """The registry's part of `who`.

        Args:
            code: A code of `roles` in acts.json.
            agency: The author's agency.
            post: The author's post.
            officer: The author.
            on: Day of the act.

        Returns:
            None for a case role (`CASE_ROLES`) and for KEY_HOLDER, which needs the facts.
        """
        if code in CASE_ROLES or code == "KEY_HOLDER":
            return None
        if code == "ANY_AGENCY":
            return self.agencies.exists(agency, on)
        if code == "SANCTION_AUTHORITY":
            held = self.agencies.holds(agency, code, on)
            return held or self.post_power("SANCTION", agency, post, on) is not None
        if self.is_function(code):
            return self.agencies.holds(agency, code, on)
        if code in self.powers(officer, agency, post, on):
            return True
        power = POST_POWERS.get(code)
        return power is not None and self._in_power(power, officer, agency, post, on)

    def is_function(self, code: str) -> bool:
        """Whether a code of `who` is held by agencies, not by posts."""
        return code in _function_codes(self.edition)

    def _in_power(self, power: str, officer: str, agency: str, post: str, on: date) -> bool:
        return (
            self.post_power(power, agency, post, on) is not None
            and self.appointment(officer, agency, post, on) is not None
        )

    def founding(self, on: date) -> bool:
        """REGISTRY_FOUNDING: no second officer could sign that day, so the founder signs alone.

        A second officer counts with the power REGISTRY_KEEPER in a post and agency of that day, and
        a key that is enrolled, not revoked and not expired before it.
        """
        founder = self.founder
        if founder is None:
            return False
        return not any(
            self._keeps(officer, kids, on)
            for officer, kids in self.keepers.items()
            if not self.same_person(officer, founder.officer)
        )

    def _keeps(self, officer: str, kids: tuple[str, ...], on: date) -> bool:
        line = self.officers.get(officer)
        in_post = line is not None and any(
            KEEPER in a.powers and a.on(on) and self.agencies.exists(a.agency, on)
            for a in line.appointments
        )
        keys = (self.keyring.line(kid) for kid in kids)
        return in_post and any(key is not None and _lives(key, on) for key in keys)

    # --- grants ---

    def grants(
        self,
        *,
        officer: str | None = None,
        stream: str | None = None,
        act_id: str | None = None,
        unit: str | None = None,
        at: datetime | None = None,
    ) -> list[Grant]:
        """Grants that match every argument given; with `at`, those running then."""
        return self.granted.find(officer=officer, stream=stream, act_id=act_id, unit=unit, at=at)


@cache
def _function_codes(edition: Edition) -> frozenset[str]:
    return frozenset(r["code"] for r in edition.acts["roles"] if r["kind"] == "function")


def _covers(entry: Mapping[str, Any], on: date) -> bool:
    """Whether a line of the edition with `from` and `to` covers a day."""
    first, last = optional_date(entry["from"]), optional_date(entry["to"])
    return (first is None or first <= on) and (last is None or on <= last)


def _lives(line: KeyLine, on: date) -> bool:
    """Whether a key can still sign for an act of that day, as the log stands."""
    return (
        line.revoked_index is None
        and not line.is_service
        and (line.valid_to is None or line.valid_to > datetime.combine(on, time.min, VIETNAM))
    )


# --- what each registry act adds ---


def _ledger_opened(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    registrar = act.facts["registrar"]
    officer, kid = registrar["officer"], registrar["kid"]
    registry.founder = Founder(officer, kid)
    registry.officers.appoint(officer, None, None)
    registry.regulations |= {act.facts["regulation"]["id"]}
    _enrol(registry, KeyLine(officer, kid, registrar["jwk"], "SOFTWARE", _EPOCH, None, index))


def _agency_registered(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    first, last = _term(facts)
    registry.agencies.add(
        Agency(
            id=facts["agency"],
            kind=facts["kind"],
            names=(Name(facts["name"], facts.get("short_name"), first, last),),
            territory=facts["territory"],
            parent=facts.get("parent"),
            valid_from=first,
            valid_to=last,
            posts={},
            fictitious=False,
            certainty="CONFIRMED",
            index=index,
        )
    )


def _function_assigned(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    first, last = _term(facts)
    registry.agencies.assign(
        Holding(
            agency=facts["agency"],
            function=facts["function"],
            territory=facts["territory"],
            valid_from=first,
            valid_to=last,
            basis=facts["basis_document"],
            certainty="OPEN_QUESTION" if facts["assumed"] else "CONFIRMED",
            assumed=facts["assumed"],
            index=index,
        )
    )


def _succession_recorded(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    registry.agencies.succeed(
        kind=facts["kind"],
        day=date.fromisoformat(facts["effective_on"]),
        predecessors=facts["predecessors"],
        successors=facts["successors"],
        rows=facts["map"],
        basis=facts["basis_document"],
        index=index,
    )


def _officer_appointed(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    first, last = _term(facts)
    registry.officers.appoint(
        facts["officer"],
        facts.get("person"),
        Appointment(
            agency=facts["agency"],
            post=facts["post"],
            powers=frozenset(facts.get("powers", ())),
            capacities=frozenset(facts["capacities"]),
            valid_from=first,
            valid_to=last,
            index=index,
            unit_code=facts.get("unit_code"),
        ),
    )
    if KEEPER in facts.get("powers", ()):
        _keep(registry, facts["officer"])


def _officer_ended(registry: Registry, act: Act, index: int, at: datetime) -> None:
    facts = act.facts
    officer, last = facts["officer"], date.fromisoformat(facts["ended_on"])
    registry.officers.end(officer, facts["agency"], facts["post"], last)
    founder = registry.founder
    if founder is not None and officer == founder.officer and facts["post"] == FOUNDERS_POST:
        registry.founder = Founder(officer, founder.kid, last)
    ends_at = datetime(last.year, last.month, last.day, tzinfo=VIETNAM) + timedelta(days=1)
    # An end still to come retires no key now: the post's last day stops the officer as well.
    if facts["keys_end"] and ends_at.date() <= at.astimezone(VIETNAM).date() + timedelta(days=1):
        for line in registry.keyring.lines(officer):
            registry.keyring.revoke(line.kid, officer, index, at, ends_at, "POST_ENDED")


def _key_enrolled(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    _enrol(
        registry,
        KeyLine(
            officer=facts.get("officer"),
            kid=facts["kid"],
            jwk=facts["jwk"],
            custody=facts["custody"],
            valid_from=parse_time(facts["valid_from"]),
            valid_to=parse_time(facts["valid_to"]),
            enrolled_index=index,
        ),
    )


def _key_revoked(registry: Registry, act: Act, index: int, at: datetime) -> None:
    facts = act.facts
    officer, kid = facts.get("officer"), facts["kid"]
    if registry.keyring.line(kid) is not None:
        invalid_from = parse_time(facts["invalid_from"])
        registry.keyring.revoke(kid, officer, index, at, invalid_from, facts["reason"])
    founder = registry.founder
    if founder is not None and kid == founder.kid and founder.last_day is None:
        registry.founder = Founder(founder.officer, kid, day(act))


def _instrument_registered(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    first, last = _term(facts)
    provisions = (parse_provision(p) for p in facts.get("provisions", ()))
    registry.instruments.add(
        Instrument(
            id=facts["instrument"],
            title=facts["title"],
            kind="REGISTERED",
            valid_from=first,
            valid_to=last,
            replaced_by=facts.get("replaced_by"),
            certainty=facts["certainty"],
            provisions=tuple(p for p in provisions if p is not None),
            index=index,
        )
    )


def _clock_rule_set(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    first, last = _term(facts)
    cited = [facts[part] for part in ("instrument", "article") if part in facts]
    registry.rules.set(
        Rule(
            code=facts["rule"],
            vi=facts["rule"],
            en=facts["rule"],
            value=facts.get("value"),
            unit=facts["unit"],
            source=" ".join(cited),
            kind=facts["source_kind"],
            certainty=facts["certainty"],
            valid_from=first,
            valid_to=last,
            index=index,
        )
    )


def _regulation_adopted(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    instrument = facts["instrument"]
    first, last = _term(facts)
    registry.regulations |= {instrument}
    if "replaces" in facts and facts["replaces"] != instrument:
        registry.instruments.replace(facts["replaces"], instrument, first)
    before = registry.instruments.get(instrument)
    registry.instruments.add(
        Instrument(
            id=instrument,
            title=before.title if before else f"{instrument}, {facts['version']}",
            kind=before.kind if before else "DECISION",
            valid_from=first,
            valid_to=last,
            replaced_by=None,
            certainty="CONFIRMED",
            index=index,
        )
    )


def _grant_added(registry: Registry, act: Act, index: int, _at: datetime) -> None:
    registry.granted.add(act, index)


def _grant_revoked(registry: Registry, act: Act, _index: int, _at: datetime) -> None:
    registry.granted.revoke(act.facts["grant"], act.facts["officer"], act.occurred_at)


def _break_glass_reviewed(registry: Registry, act: Act, _index: int, _at: datetime) -> None:
    registry.granted.review(act.facts["opened"])


def _term(facts: Mapping[str, Any]) -> tuple[date, date | None]:
    return date.fromisoformat(facts["valid_from"]), optional_date(facts.get("valid_to"))


def _enrol(registry: Registry, line: KeyLine) -> None:
    """A key is enrolled once (guard KEY_NEW); a second line for the same kid adds nothing."""
    if registry.keyring.line(line.kid) is None:
        registry.keyring.enrol(line)
        if line.officer is not None and line.officer in registry.keepers:
            _keep(registry, line.officer)


def _keep(registry: Registry, officer: str) -> None:
    """Remembers a registrar's keys, so that `founding` asks about registrars alone."""
    kids = tuple(line.kid for line in registry.keyring.lines(officer))
    registry.keepers = {**registry.keepers, officer: kids}


_CHANGES: Final[Mapping[str, Callable[[Registry, Act, int, datetime], None]]] = MappingProxyType(
    {
        "LedgerOpened": _ledger_opened,
        "AgencyRegistered": _agency_registered,
        "FunctionAssigned": _function_assigned,
        "AgencySuccessionRecorded": _succession_recorded,
        "OfficerAppointed": _officer_appointed,
        "OfficerEnded": _officer_ended,
        "KeyEnrolled": _key_enrolled,
        "KeyRevoked": _key_revoked,
        "InstrumentRegistered": _instrument_registered,
        "ClockRuleSet": _clock_rule_set,
        "RegulationVersionAdopted": _regulation_adopted,
        "ParticipationGranted": _grant_added,
        "InspectionOrdered": _grant_added,
        "BreakGlassOpened": _grant_added,
        "ParticipationRevoked": _grant_revoked,
        "BreakGlassReviewed": _break_glass_reviewed,
    }
)
REGISTRY_ACTS: Final = frozenset(_CHANGES)
"""Act types that change the registry when they take effect."""
