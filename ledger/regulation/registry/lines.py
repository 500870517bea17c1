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
from ledger.regulation.acts.adopted_edition import adopted
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.edition import (
    ADOPTION,
    DELEGATION,
    REGULATION,
    SHIPPED,
    Edition,
    first_edition,
    load_edition,
    optional_date,
    shipped,
    shipped_as,
)
from ledger.regulation.registry import added_lines
from ledger.regulation.registry.agencies import Agencies, Holding
from ledger.regulation.registry.calendar import VIETNAM, bounded, local_day
from ledger.regulation.registry.delegations import Delegation, Delegations
from ledger.regulation.registry.grants import Grants
from ledger.regulation.registry.instruments import Instrument, Instruments, parse_provision
from ledger.regulation.registry.officers import Appointment, Officers
from ledger.regulation.registry.rules import NONE_STATED, Rule, Rules

FOUNDERS_POST: Final = "quan-tri-danh-ba"
"""The founder's post, in whichever agency holds REGISTRY_KEEPER on the day (architecture.md §3)."""
KEEPER: Final = "REGISTRY_KEEPER"
PERSONNEL: Final = "PERSONNEL_OFFICER"
REGISTERING: Final = frozenset({KEEPER, PERSONNEL})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundingRegistrar:
    """The founding registrar; `last_day` once KeyRevoked or OfficerEnded has ended it."""

    officer: str
    kid: str
    last_day: date | None = None


def _shipped(edition: Edition) -> tuple[Agencies, Instruments, Rules]:
    """The edition's lines; who takes them copies them."""
    return Agencies.of(edition), Instruments.of(edition), Rules.of(edition)


class RegistryLines:
    """What the log knows of agencies, officers, keys, law and grants, after record `version`."""

    def __init__(
        self, edition: Edition, agencies: Agencies, instruments: Instruments, rules: Rules
    ) -> None:
        self.edition_spans: tuple[tuple[int, Edition], ...] = ((0, edition),)
        """Each edition that the log has had, with the first record that stands under it."""
        self.line_acts: tuple[tuple[Act, int, datetime], ...] = ()
        """What the log has added to lines that an edition has too, to be added to the next."""
        self.agencies = agencies
        self.instruments = instruments
        self.rules = rules
        self.officers = Officers()
        self.delegations = Delegations()
        self.granted = Grants()
        self.keyring = Keyring()
        self.log_keys = LogKeys()
        """What checkpoints are signed with, by size; turned by a recovery (formats.md §7)."""
        self.version = -1
        """Index of the last registry record applied; -1: none."""
        self.regulations: frozenset[str] = frozenset({REGULATION})
        self.founder: FoundingRegistrar | None = None
        self.keepers: Mapping[str, tuple[str, ...]] = {}
        """Registrars and personnel officers ever appointed, each with the kids enrolled."""

    @classmethod
    def founded(cls, edition: Edition | None = None) -> Self:
        """The registry before record 0.

        LedgerOpened is applied before it is judged: it appoints its own signer.
        """
        by = edition or load_edition()
        agencies, instruments, rules = by.of(_shipped)
        return cls(by, agencies.copy(), instruments.copy(), rules.copy())

    @property
    def edition(self) -> Edition:
        """The rules in force: what the next record is judged by."""
        return self.edition_spans[-1][1]

    @property
    def editions(self) -> tuple[Edition, ...]:
        """Every edition that the log has had, in order."""
        return tuple(edition for _, edition in self.edition_spans)

    def edition_at(self, index: int | None) -> Edition:
        """The rules in force where a record stands; None: where the next one will."""
        if index is not None:
            for first, edition in reversed(self.edition_spans):
                if first <= index:
                    return edition
        return self.edition_spans[-1][1]

    def judging(self, act: str) -> Edition:
        """The rules by which an act that comes next is judged: those in force.

        A log whose edition does not know how another is adopted takes that from the first that is
        shipped and does.
        """
        edition = self.edition_spans[-1][1]
        return _adopting() if act == ADOPTION and not edition.adopts else edition

    def go_on_by(self, edition: Edition, first: int) -> None:
        """From a record on another edition is in force; what the log added stays."""
        self.edition_spans = (*self.edition_spans, (first, edition)) if first else ((0, edition),)
        agencies, instruments, rules = edition.of(_shipped)
        self.agencies, self.instruments = agencies.copy(), instruments.copy()
        self.rules = rules.copy()
        for act, index, at in self.line_acts:
            _CHANGES[act.act](self, act, index, at)

    def copy(self) -> Self:
        """An independent registry with the same lines."""
        other = type(self)(
            self.edition, self.agencies.copy(), self.instruments.copy(), self.rules.copy()
        )
        other.edition_spans = self.edition_spans
        other.line_acts = self.line_acts
        other.officers = self.officers.copy()
        other.delegations = self.delegations.copy()
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
            if act.act in _LINES:
                self.line_acts = (*self.line_acts, (act, index, recorded_at))


# --- what each registry act adds ---


def _ledger_opened(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    registry.go_on_by(founding_edition(act), 0)
    registrar = act.facts["registrar"]
    officer, kid = registrar["officer"], registrar["kid"]
    registry.founder = FoundingRegistrar(officer, kid)
    registry.officers.appoint(officer, None, None)
    registry.regulations |= {act.facts["regulation"]["id"]}
    registry.log_keys = LogKeys.of(act.facts["vkeys"])
    _enrol(registry, KeyRecord(officer, kid, registrar["jwk"], "SOFTWARE", _EPOCH, None, index))


def founding_edition(opened: Act) -> Edition:
    """The edition that a log is opened with: the first, where its first record names none.

    Raises:
        ValueError: This version ships none of that digest.
    """
    named = opened.facts.get("edition")
    if named is None:
        return first_edition()
    found = shipped_as(named["digest"])
    if found is None:
        name = named["id"]
        raise ValueError(f"edition {name} is not known to this version")
    return found


def _edition_adopted(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    registry.go_on_by(adopted(act, registry.edition), index + 1)


@cache
def _adopting() -> Edition:
    return next(edition for name in SHIPPED if (edition := shipped(name)).adopts)


def _log_recovered(registry: RegistryLines, act: Act, _index: int, _at: datetime) -> None:
    registry.log_keys = registry.log_keys.turned(act.facts["size"], act.facts["new_vkeys"])


def _agency_registered(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    line = {**act.facts, "certainty": "CONFIRMED"}
    added_lines.add(registry.agencies, line, basis=act.facts["basis_document"], index=index)


def _lines_added(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    for line in act.facts["lines"]:
        added_lines.add(registry.agencies, line, basis=act.facts["basis_document"], index=index)


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


def _officer_appointed(registry: RegistryLines, act: Act, index: int, at: datetime) -> None:
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
            recorded_on=local_day(at),
        ),
    )
    if not REGISTERING.isdisjoint(facts.get("powers", ())):
        _keep(registry, facts["officer"])


def _person_linked(registry: RegistryLines, act: Act, _index: int, _at: datetime) -> None:
    registry.officers.join(act.facts["officer"], act.facts["other"])


def _officer_ended(registry: RegistryLines, act: Act, index: int, at: datetime) -> None:
    facts = act.facts
    officer, last = facts["officer"], date.fromisoformat(facts["ended_on"])
    registry.officers.end(officer, facts["agency"], facts["post"], last, local_day(at))
    founder = registry.founder
    if founder is not None and officer == founder.officer and facts["post"] == FOUNDERS_POST:
        registry.founder = FoundingRegistrar(officer, founder.kid, last)
    # An end still to come retires no key now: the post's last day stops the officer as well.
    if facts["keys_end"] and last <= local_day(at):
        ends_at = datetime(last.year, last.month, last.day, tzinfo=VIETNAM) + timedelta(days=1)
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
        if registry.edition.form > 1:  # by the first, a second revocation changes nothing
            registry.keyring.date_back(kid, index, at, invalid_from)
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


def _length(value: int | None, unit: str) -> int | None:
    """How long, as far as a limit can be counted; None where none is stated."""
    return None if value is None or unit == NONE_STATED else bounded(value, unit)


def _clock_rule_set(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    facts = act.facts
    first, last = _term(facts)
    cited = [facts[part] for part in ("instrument", "article") if part in facts]
    registry.rules.set(
        Rule(
            code=facts["rule"],
            vi=facts["rule"],
            en=facts["rule"],
            value=_length(facts.get("value"), facts["unit"]),
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


def _break_glass_reviewed(registry: RegistryLines, act: Act, _index: int, at: datetime) -> None:
    registry.granted.review(act.facts["opened"], at)


def _delegation_given(registry: RegistryLines, act: Act, index: int, at: datetime) -> None:
    facts, author = act.facts, act.author
    registry.delegations.give(
        Delegation(
            act_id=act.act_id,
            stream=act.stream,
            agency=act.agency,
            giver=author.officer,
            from_post=author.post,
            taker=facts["officer"],
            to_post=facts["post"],
            capacity=facts["capacity"],
            acts=frozenset(facts.get("acts", ())),
            valid_from=date.fromisoformat(facts["valid_from"]),
            valid_to=date.fromisoformat(facts["valid_to"]),
            document=facts["basis_document"],
            index=index,
            recorded_on=local_day(at),
        )
    )


def _delegation_ended(registry: RegistryLines, act: Act, index: int, _at: datetime) -> None:
    registry.delegations.end(act.facts["delegation"], index)


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
            ADOPTION: _edition_adopted,
            "LogRecovered": _log_recovered,
            "AgencyRegistered": _agency_registered,
            added_lines.ADDING: _lines_added,
            "FunctionAssigned": _function_assigned,
            "AgencySuccessionRecorded": _succession_recorded,
            "OfficerAppointed": _officer_appointed,
            "OfficerEnded": _officer_ended,
            "PersonLinked": _person_linked,
            DELEGATION: _delegation_given,
            "DelegationEnded": _delegation_ended,
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
_LINES: Final = frozenset(
    {
        "AgencyRegistered",
        added_lines.ADDING,
        "FunctionAssigned",
        "AgencySuccessionRecorded",
        "InstrumentRegistered",
        "ClockRuleSet",
        "RegulationVersionAdopted",
    }
)
"""Those that add to lines which an edition has too."""
REGISTRY_ACTS: Final = frozenset(_CHANGES)
"""Act types that change the registry when they take effect."""
