"""The registry as of any index or time, folded from the effective registry acts of the log.

Agencies, officers, keys and instruments are read from the fold, never from columns: what stands on
a day is regulation's answer. Both clocks are kept apart: `index` is what the log knew, `day` what
it says.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

from keys.keyring import KeyRecord
from ledger.log.moment import stamp
from ledger.regulation.case.state import present_agency
from ledger.regulation.registry.agencies import Agency
from ledger.regulation.registry.calendar import local_day, local_time
from ledger.regulation.registry.instruments import Instrument
from ledger.regulation.registry.officers import Appointment, Officer
from ledger.regulation.registry.registry import Registry
from ledger.write.registry_follower import Current, FollowedAct, RegistryFollower
from projections.fold.step import RENAMING
from projections.queries.guard_lookups import Connecting
from projections.queries.view_positions import folded_to
from projections.views import acts as timeline
from projections.views.base import Connection
from projections.views.disputed import Dispute

_SUPERVISOR: Final = "SUPERVISOR"
#: Index of the newest registry record, -1 for none.
_REACHED: Final[LiteralString] = "SELECT registry_index FROM log.log_head"


@dataclass(frozen=True, slots=True)
class RegistrySnapshot:
    """A registry as the log stood, never changed once handed out.

    Attributes:
        registry: The fold.
        renamed: Index of the last act after which names or deadlines read otherwise; -1: none.
        disputes: Revoked keys that may have signed what is disputed.
        acts: All that it was folded from.
    """

    registry: Registry
    renamed: int
    disputes: tuple[Dispute, ...] = ()
    acts: Sequence[FollowedAct] = ()

    def index_at(self, at: datetime) -> int:
        """Index of its newest record that was taken by then, -1 for none."""
        return max((one.index for one in self.acts if one.recorded_at <= at), default=-1)

    def instant(self, index: int) -> datetime | None:
        """When its newest record up to an index was taken; None where there is none."""
        return max((one.recorded_at for one in self.acts if one.index <= index), default=None)


class RegistryReader:
    """Registries as of an index.

    Folded from the records, each signed by who may: verdicts on signatures rest on it, so no row of
    a view has a say in it.

    Args:
        follower: Follows the registry records of the log.
    """

    def __init__(self, follower: RegistryFollower) -> None:
        self._follower = follower
        self._newest = RegistrySnapshot(follower.current.registry, -1)

    def newest(self, connection: Connection) -> RegistrySnapshot:
        """The registry with everything recorded."""
        return self._snapshot(self._caught_up(connection))

    def reaching(self, index: int) -> RegistrySnapshot:
        """The registry with at least everything up to an index.

        Args:
            index: Of the newest registry record, as it was read with what depends on it.
        """
        return self._snapshot(self._follower.catch_up(index))

    def _snapshot(self, current: Current) -> RegistrySnapshot:
        known = self._newest
        if known.registry is not current.registry:
            known = self._newest = _known(current)
        return known

    @property
    def known(self) -> Registry:
        """As this process last saw it."""
        return self._follower.current.registry

    def as_of(self, connection: Connection, index: int) -> RegistrySnapshot:
        """The registry as the log stood after record `index`."""
        return self.then(self.newest(connection), index)

    def then(self, newest: RegistrySnapshot, index: int) -> RegistrySnapshot:
        """The same, of a registry that was caught up already."""
        if index >= newest.registry.version:
            return newest
        acts = tuple(one for one in newest.acts if one.index <= index)
        return _known(Current(self._follower.before(index + 1), newest.renamed, acts))

    def _caught_up(self, connection: Connection) -> Current:
        row = connection.execute(_REACHED).fetchone()
        return self._follower.catch_up(None if row is None else int(row[0]))


class Registries:
    """The registry now, or as the log stood.

    Args:
        connecting: Lends a connection of the reader's login.
        reader: Registries of this process.
    """

    def __init__(self, connecting: Connecting, reader: RegistryReader) -> None:
        self._connecting, self._reader = connecting, reader

    def at(self, moment: int | datetime | None = None) -> RegistrySnapshot:
        """The registry now, or as the log stood at an index or a recorded time."""
        with self._connecting() as connection:
            newest = self._reader.newest(connection)
        if moment is None:
            return newest
        index = newest.index_at(moment) if isinstance(moment, datetime) else moment
        return self._reader.then(newest, index)

    def instant(self, index: int) -> datetime | None:
        """When a record was taken, or the newest of the registry before one that is not seen.

        None: there is no such record yet.
        """
        with self._connecting() as connection:
            if index > folded_to(connection, ()):
                return None
            at = timeline.taken_at(connection, index)
            return at if at is not None else self._reader.newest(connection).instant(index)

    def supervised(self, officer: str, at: datetime) -> list[str]:
        """Agencies in which an officer holds a post that supervises, at `at`."""
        day = local_day(at)
        registry = self.at().registry
        held = registry.appointments(officer, day)
        return sorted(
            {
                one.agency
                for one in held
                if registry.holds_code(_SUPERVISOR, one.agency, one.post, officer, day)
            }
        )


def agencies_of(registry: Registry, officer: str | None, day: date) -> set[str]:
    """Where an officer holds or held a post, and who carries on for these."""
    owner = registry.officer(officer or "")
    held = set() if owner is None else {one.agency for one in owner.appointments}
    return held | {present_agency(registry, agency, day) for agency in held}


def _known(current: Current) -> RegistrySnapshot:
    renamed = (one.index for one in reversed(current.acts) if one.act.act in RENAMING)
    disputes = tuple(_disputes(current))
    return RegistrySnapshot(current.registry, next(renamed, -1), disputes, current.acts)


def _disputes(current: Current) -> Iterator[Dispute]:
    """Of officers' keys, in the order of enrolment; the service signs nothing in cases."""
    for line in current.registry.keyring.lines():
        since, at, revoked = line.invalid_from, line.doubted_recorded_at, line.doubted_index
        if since is None or at is None or revoked is None or line.officer is None or since > at:
            continue
        # what was recorded before one that was recorded before it, was too
        n = bisect_left(current.acts, since, key=lambda one: one.recorded_at)
        behind = current.acts[n - 1].index if n else -1
        yield Dispute(line.kid, line.officer, since, behind, revoked, at)


def agencies(registry: Registry, day: date) -> Iterator[dict[str, Any]]:
    """Every agency as it was on a day, in the order of the registry."""
    for agency in registry.agencies.all():
        yield _agency(agency, registry, day)


def _agency(agency: Agency, registry: Registry, day: date) -> dict[str, Any]:
    return {
        "agency": agency.id,
        "kind": agency.kind,
        "name": registry.name(agency.id, day),
        "label": registry.label(agency.id, min(day, agency.valid_to or day), day),
        "names": [
            {
                "vi": n.vi,
                "abbr": n.abbr,
                "valid_from": _day(n.valid_from),
                "valid_to": _day(n.valid_to),
            }
            for n in agency.names
        ],
        "exists": registry.exists(agency.id, day),
        "territory": agency.territory,
        "parent": agency.parent,
        "valid_from": _day(agency.valid_from),
        "valid_to": _day(agency.valid_to),
        "functions": list(registry.functions_of(agency.id, day)),
        "carried_on_by": registry.heir(agency.id, day),
        "posts": sorted(agency.posts),
        "certainty": agency.certainty,
        "fictitious": agency.fictitious,
        "index": agency.index,
    }


def officers(registry: Registry, day: date) -> Iterator[dict[str, Any]]:
    """Every officer with the posts held on a day; ids and posts, never names."""
    for officer in registry.officers.all():
        yield _officer(officer, registry, day)


def _officer(officer: Officer, registry: Registry, day: date) -> dict[str, Any]:
    """With the founder's post, which no act gave; a post ends with its agency."""
    held = registry.appointments(officer.uuid, day)
    found = [*officer.appointments, *(a for a in held if a not in officer.appointments)]
    posts = [_post(appointment, registry, day) for appointment in found]
    return {
        "officer": officer.uuid,
        "posts": posts,
        "in_post": any(post["on_day"] for post in posts),
        "keys": [line.kid for line in registry.keyring.lines(officer.uuid)],
    }


def _post(held: Appointment, registry: Registry, day: date) -> dict[str, Any]:
    return {
        "agency": held.agency,
        "agency_name": registry.name(held.agency, day),
        "post": held.post,
        "post_vi": registry.post_name(held.agency, held.post),
        "powers": sorted(held.powers),
        "capacities": sorted(held.capacities),
        "valid_from": _day(held.valid_from),
        "valid_to": _day(held.valid_to),
        "on_day": held.on(day) and registry.exists(held.agency, day),
        "index": held.index,
    }


def signer(
    registry: Registry,
    act: Mapping[str, Any],
    officer: str | None,
    day: date,
    stand_in: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """Who signed an act, by post and agency as they were that day; None where erased.

    Args:
        registry: A registry that knows the officer.
        act: The act's members: its `signers` say in which post.
        officer: Who signed.
        day: The day of the signature.
        stand_in: Who the header says signs instead of an officer named; None: nobody.

    Returns:
        `capacity` is null where form 1 of an act does not say it of this signer.
    """
    if officer is None:
        return None
    named = (s for s in act.get("signers", ()) if s["officer"] == officer)
    said = stand_in or next(named, {})
    post, capacity = said.get("post"), said.get("capacity")
    if capacity is None and act.get("post") == post and act["signers"][0]["officer"] == officer:
        capacity = act.get("capacity")
    agency = _agency_of(registry, officer, post, day, act.get("agency"))
    return {
        "officer": officer,
        "post": post,
        "post_vi": None if post is None else registry.post_name(agency or "", post),
        "capacity": capacity,
        "stands_in": stand_in is not None,
        "agency": agency,
        "agency_name": None if agency is None else registry.name(agency, day),
    }


def _agency_of(
    registry: Registry, officer: str, post: str | None, day: date, stated: str | None
) -> str | None:
    """The agency in which an officer holds a post: the act's own where that is one of them."""
    found = registry.officer(officer)
    held = [
        a.agency
        for a in (() if found is None else found.appointments)
        if a.post == post and a.on(day)
    ]
    return stated if stated in held or not held else held[0]


def keys(registry: Registry, at: datetime) -> Iterator[dict[str, Any]]:
    """Every key ever enrolled, with its history: a JWK and what the registry says of it."""
    for line in registry.keyring.lines():
        yield key(line, at)


def other_keys(registry: Registry, officer: str, kid: str, at: datetime) -> list[str]:
    """Key ids of an officer to be known by them: good at `at`, or enrolled after their key `kid`.

    Who keeps the registry can enrol one in their name, sign with it and revoke it again.
    """
    lines = registry.keyring.lines(officer)
    since = next((line.enrolled_index for line in lines if line.kid == kid), -1)
    return [
        line.kid
        for line in lines
        if line.kid != kid
        and (line.enrolled_index > since or (line.revoked_index is None and line.valid_at(at)))
    ]


def key(line: KeyRecord, at: datetime) -> dict[str, Any]:
    """One key; `status` is how it stands at that instant.

    The founder's has no first instant: it is good from record 0 on.
    """
    status = "ACTIVE"
    if line.revoked_index is not None:
        status = "REVOKED"
    elif line.valid_to is not None and at >= line.valid_to:
        status = "EXPIRED"
    elif at < line.valid_from:
        status = "NOT_YET_VALID"
    return {
        "kid": line.kid,
        "jwk": dict(line.jwk),
        "officer": line.officer,
        "custody": line.custody,
        "status": status,
        "valid_from": None if line.enrolled_index == 0 else _time(line.valid_from),
        "valid_to": _time(line.valid_to),
        "enrolled_index": line.enrolled_index,
        "revoked_index": line.revoked_index,
        "revoked_recorded_at": None
        if line.revoked_recorded_at is None
        else stamp(line.revoked_recorded_at),
        "invalid_from": _time(line.invalid_from),
        "reason": line.reason,
    }


def instruments(registry: Registry, day: date) -> Iterator[dict[str, Any]]:
    """Every legal instrument the registry knows, and whether it was in force that day."""
    for instrument in registry.instruments.all():
        yield _instrument(instrument, registry, day)


def _instrument(line: Instrument, registry: Registry, day: date) -> dict[str, Any]:
    return {
        "instrument": line.id,
        "title": line.title,
        "kind": line.kind,
        "in_force_from": _day(line.valid_from),
        "in_force_to": _day(line.valid_to),
        "in_force": registry.in_force(line.id, day),
        "replaced_by": line.replaced_by,
        "certainty": line.certainty,
        "index": line.index,
    }


def _day(day: date | None) -> str | None:
    """A day; None where there is no bound, which the founder's post has as the first of days."""
    return None if day in (None, date.min) else day.isoformat()


def _time(at: datetime | None) -> str | None:
    return None if at is None else local_time(at)
