"""Record 0: the act that opens a log, and whom it trusts first (formats.md §9, architecture.md §3).

Only the words are made here; the registrar signs them and the ledger judges them like any other
act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from keys.keyring import SERVICE
from ledger.admission.registrar import Keeper, registry_act
from ledger.errors import Rejected
from ledger.message import Message
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.edition import REGULATION, load_edition, named
from ledger.regulation.registry.lines import FOUNDERS_POST, KEEPER
from ledger.regulation.registry.registry import Registry

VERSION: Final = "2023"
"""`regulation.version` of the shipped edition: the registry that record 0 stands on."""
REHEARSAL: Final = "rehearsal."
"""How the deployment of a rehearsal begins (formats.md §7)."""
SERVICE_KEY_LIFE: Final = timedelta(days=3653)


@dataclass(frozen=True, slots=True)
class Founder:
    """The founding registrar.

    Attributes:
        officer: Officer id.
        kid: Thumbprint of the key.
        jwk: Public key.
    """

    officer: UUID
    kid: str
    jwk: Mapping[str, str]


def genesis(
    *,
    act_id: UUID,
    origin: str,
    level: str,
    vkeys: Sequence[str],
    founder: Founder,
    at: datetime,
) -> dict[str, Any]:
    """The members of LedgerOpened, to be signed by the founder as statement 1 of stream `ledger`.

    Args:
        act_id: Random id of the act.
        origin: Origin of the log; one that begins with `rehearsal.` says `demo` for ever.
        level: Level of the log.
        vkeys: Keys of the log and of `/pq`, in C2SP form.
        founder: Who signs it.
        at: When the log is opened.

    Raises:
        Rejected: No agency holds the function REGISTRY_KEEPER on that day.
    """
    keepers = Registry.founded().holders(KEEPER, at.date())
    if not keepers:
        raise Rejected(
            "no_registry_keeper",
            Message("No agency holds REGISTRY_KEEPER on that day: choose another."),
        )
    facts: dict[str, Any] = {
        "log": origin,
        "vkeys": list(vkeys),
        "registrar": {
            "officer": str(founder.officer),
            "kid": founder.kid,
            "jwk": dict(founder.jwk),
        },
        "level": level,
        "regulation": {"id": REGULATION, "version": VERSION},
        "edition": named(load_edition()),
    }
    if origin.startswith(REHEARSAL):
        facts["demo"] = True
    return _by_founder("LedgerOpened", act_id, keepers[0], founder.officer, at, facts)


def service_key(
    *, act_id: UUID, agency: str, founder: UUID, kid: str, jwk: Mapping[str, str], at: datetime
) -> dict[str, Any]:
    """The members of KeyEnrolled for the service's own key, to be signed by the founder.

    Args:
        act_id: Random id of the act.
        agency: As record 0 names it.
        founder: Who signs it.
        kid: Thumbprint of the service's key.
        jwk: Its public part.
        at: From when it is good.
    """
    facts = {
        "kid": kid,
        "jwk": dict(jwk),
        "custody": SERVICE,
        "valid_from": fmt_time(at),
        "valid_to": fmt_time(at + SERVICE_KEY_LIFE),
    }
    return _by_founder("KeyEnrolled", act_id, agency, founder, at, facts)


def _by_founder(
    act: str, act_id: UUID, agency: str, officer: UUID, at: datetime, facts: Mapping[str, Any]
) -> dict[str, Any]:
    founder = Keeper(str(officer), agency, FOUNDERS_POST)
    return registry_act(
        act, act_id=str(act_id), stream="ledger", at=at, facts=facts, signers=[founder]
    )
