"""The lines of the registry: those of the shipped edition, and what each registry act adds.

`apply` takes effective acts in the order of their records. What the lines say about a day is asked
of `registry.Registry`; nothing here knows bytes, signatures or storage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Self

from keys.keyring import KeyRecord, Keyring
from keys.log_keys import LogKeys
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.edition import REGULATION, Edition, load_edition, optional_date
from ledger.regulation.registry.agencies import Agencies, Agency, Holding, Name
from ledger.regulation.registry.calendar import VIETNAM, local_day
from ledger.regulation.registry.grants import Grants
from ledger.regulation.registry.instruments import Instrument, Instruments, parse_provision
from ledger.regulation.registry.officers import Appointment, Officers
from ledger.regulation.registry.rules import Rule, Rules

FOUNDERS_POST: Final = "quan-tri-danh-ba"
"""The founder's post, in whichever agency holds REGISTRY_KEEPER on the day (architecture.md §3)."""
KEEPER: Final = "REGISTRY_KEEPER"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundingRegistrar:
    """The founding registrar; `last_day` once KeyRevoked or OfficerEnded has ended it."""

    officer: str
    kid: str
    last_day: date | None = None


@cache
def _shipped(edition: Edition) -> tuple[Agencies, Instruments, Rules]:
    """The edition's lines, compiled once; `founded` copies them."""
    return Agencies.of(edition), Instruments.of(edition), Rules.of(edition)


class RegistryLines:
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
        self.log_keys = LogKeys()
        """What checkpoints are signed with, by size; turned by a recovery (formats.md §7)."""
        self.version = -1
        """Index of the last registry record applied; -1: none."""
        self.regulations: frozenset[str] = frozenset({REGULATION})
        self.founder: FoundingRegistrar | None = None
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
        other.log_keys = self.log_keys
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


# --- what each registry act adds ---


def _ledger_opened(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    registrar = act.facts["registrar"]
    officer, kid = registrar["officer"], registrar["kid"]
    registry.founder = FoundingRegistrar(officer, kid)
    registry.officers.appoint(officer, None, None)
    registry.regulations |= {act.facts["regulation"]["id"]}
    registry.log_keys = LogKeys.of(act.facts["vkeys"])
    _enrol(registry, KeyRecord(officer, kid, registrar["jwk"], "SOFTWARE", _EPOCH, None, index))


def _log_recovered(registry: RegistryLines, act: Act, _index: int, _at: datetime) -> None:
    registry.log_keys = registry.log_keys.turned(act.facts["size"], act.facts["new_vkeys"])


def _agency_registered(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
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


def _function_assigned(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
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


def _succession_recorded(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
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


def _officer_appointed(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
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


def _officer_ended(registry: RegistryLines, act: Act, index: int, at: datetime) -> None:
    facts = act.facts
    officer, last = facts["officer"], date.fromisoformat(facts["ended_on"])
    registry.officers.end(officer, facts["agency"], facts["post"], last)
    founder = registry.founder
    if founder is not None and officer == founder.officer and facts["post"] == FOUNDERS_POST:
        registry.founder = FoundingRegistrar(officer, founder.kid, last)
    ends_at = datetime(last.year, last.month, last.day, tzinfo=VIETNAM) + timedelta(days=1)
    # An end still to come retires no key now: the post's last day stops the officer as well.
    if facts["keys_end"] and ends_at.date() <= local_day(at) + timedelta(days=1):
        for line in registry.keyring.lines(officer):
            registry.keyring.revoke(line.kid, officer, index, at, ends_at, "POST_ENDED")


def _key_enrolled(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    _enrol(
        registry,
        KeyRecord(
            officer=facts.get("officer"),
            kid=facts["kid"],
            jwk=facts["jwk"],
            custody=facts["custody"],
            valid_from=parse_time(facts["valid_from"]),
            valid_to=parse_time(facts["valid_to"]),
            enrolled_index=index,
        ),
    )


def _key_revoked(registry: RegistryLines, act: Act, index: int, at: datetime) -> None:
    facts = act.facts
    officer, kid = facts.get("officer"), facts["kid"]
    if registry.keyring.line(kid) is not None:
        invalid_from = parse_time(facts["invalid_from"])
        registry.keyring.revoke(kid, officer, index, at, invalid_from, facts["reason"])
    founder = registry.founder
    if founder is not None and kid == founder.kid and founder.last_day is None:
        registry.founder = FoundingRegistrar(founder.officer, kid, act.day)


def _instrument_registered(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
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


def _clock_rule_set(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
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


def _regulation_adopted(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
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


def _grant_added(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    registry.granted.add(act, index)


def _grant_revoked(registry: RegistryLines, act: Act, _index: int, _at: datetime) -> None:
    registry.granted.revoke(act.facts["grant"], act.facts["officer"], act.occurred_at)


def _break_glass_reviewed(registry: RegistryLines, act: Act, _index: int, _at: datetime) -> None:
    registry.granted.review(act.facts["opened"])


def _term(facts: Mapping[str, Any]) -> tuple[date, date | None]:
    return date.fromisoformat(facts["valid_from"]), optional_date(facts.get("valid_to"))


def _enrol(registry: RegistryLines, line: KeyRecord) -> None:
    """A key is enrolled once (guard KEY_NEW); a second line for the same kid adds nothing."""
    if registry.keyring.line(line.kid) is None:
        registry.keyring.enrol(line)
        if line.officer is not None and line.officer in registry.keepers:
            _keep(registry, line.officer)


def _keep(registry: RegistryLines, officer: str) -> None:
    """Remembers a registrar's keys, so that `founding` asks about registrars alone."""
    kids = tuple(line.kid for line in registry.keyring.lines(officer))
    registry.keepers = {**registry.keepers, officer: kids}


_CHANGES: Final[Mapping[str, Callable[[RegistryLines, Act, int, datetime], None]]] = (
    MappingProxyType(
        {
            "LedgerOpened": _ledger_opened,
            "LogRecovered": _log_recovered,
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
)
REGISTRY_ACTS: Final = frozenset(_CHANGES)
"""Act types that change the registry when they take effect."""
