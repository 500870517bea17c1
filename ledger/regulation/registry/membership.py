"""The officers' side: who reads what an agency holds, by post and day (access.md W5, W6).

Agencies hold, not persons; an agency that carries on for another holds what that one held.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from ledger.regulation.edition import Edition
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.registry.officers import Appointment
from ledger.regulation.registry.registry import Registry

APART: Final = frozenset(
    {
        "AUDITOR",
        "INSPECTION_HEAD",
        "VAULT_KEEPER",
        "REGISTRY_KEEPER",
        "PERSONNEL_OFFICER",
        "FOUNDER",
        "SECURITY_OFFICER",
        "KEY_CUSTODIAN",
    }
)
"""Powers that by themselves let see nothing of the agency's cases (access.md S5, S6, S7, S9)."""
_OVERSEEING: Final = frozenset({"AUDITOR", "INSPECTION_HEAD"})


def stands_apart(post: Appointment) -> bool:
    """Whether a post has powers and none but those that stand apart."""
    return bool(post.powers) and post.powers <= APART


def only_administers(post: Appointment) -> bool:
    """Whether a post has powers and none but those of administrators and custodians."""
    return stands_apart(post) and not post.powers & _OVERSEEING


def keys_stand_apart(edition: Edition) -> bool:
    """Whether an edition keeps whoever keeps keys apart (access.md S5); the first does not."""
    return any(guard["code"] == "KEYS_APART" for guard in edition.guards["guards"])


def posts(officer: str, registry: Registry, day: date) -> list[Appointment]:
    """The posts an officer holds on a day; a post ends with its agency."""
    held = registry.appointments(officer, day)
    return [post for post in held if registry.exists(post.agency, day)]


def agencies_of(officer: str, registry: Registry, day: date) -> frozenset[str]:
    """Agencies whose cases an officer reads by post on a day."""
    return frozenset(p.agency for p in posts(officer, registry, day) if not stands_apart(p))


def keeps_registry(officer: str, registry: Registry, day: date) -> bool:
    """Whether an officer is a registrar on a day."""
    return any(KEEPER in post.powers for post in posts(officer, registry, day))


def members(agency: str, registry: Registry, day: date) -> Iterator[str]:
    """Officers who read what an agency holds by their post on a day."""
    for officer in registry.officers.all():
        if agency in agencies_of(officer.uuid, registry, day):
            yield officer.uuid


def empowered(agency: str, power: str, registry: Registry, day: date) -> Iterator[str]:
    """Officers of an agency whose post has a power on a day."""
    for officer in registry.officers.all():
        if any(
            p.agency == agency and power in p.powers for p in posts(officer.uuid, registry, day)
        ):
            yield officer.uuid


def empowered_anywhere(power: str, registry: Registry, day: date) -> Iterator[str]:
    """Officers of any agency whose post has a power on a day."""
    for officer in registry.officers.all():
        if any(power in p.powers for p in posts(officer.uuid, registry, day)):
            yield officer.uuid
