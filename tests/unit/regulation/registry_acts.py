"""Registry acts for tests, built through `parse_act`, and a log founded with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from keys.jwk import SoftwareSigner
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.json_shape import parse_time
from ledger.regulation.edition import load_edition, named
from ledger.regulation.registry.registry import Registry

_NAMES: Final = UUID("0f0c6f4e-8d1a-4a53-9a4c-3f2a53c5d001")
STARTS: Final = "2023-03-21T08:00:00+07:00"
STTTT: Final = "bacninh.stttt"


def an_id(name: str) -> str:
    """A UUIDv4-shaped id that is the same for a name on every run."""
    raw = bytearray(uuid5(_NAMES, name).bytes)
    raw[6] = 0x40 | raw[6] & 0x0F
    return str(UUID(bytes=bytes(raw)))


FOUNDER: Final = an_id("founder")
SECOND: Final = an_id("second")
FOUNDERS_KEY: Final = SoftwareSigner.generate("Ed25519")
SECONDS_KEY: Final = SoftwareSigner.generate("Ed25519")


def members(act: str, stream: str, facts: dict[str, Any], **more: object) -> dict[str, Any]:
    """The members of a payload by one author."""
    author = more.pop("author", FOUNDER)
    post = more.get("post", "quan-tri-danh-ba")
    return {
        "v": 1,
        "act": act,
        "act_id": an_id(f"{act} {stream} {sorted(facts.items(), key=str)} {more}"),
        "stream": stream,
        "occurred_at": STARTS,
        "precision": "minute",
        "agency": STTTT,
        "post": post,
        "capacity": "TRUC_TIEP",
        "basis": [{"instrument": "90/QĐ-UBND", "article": "8", "role": "PROCEDURE"}],
        "circulation": "INTERNAL",
        "facts": facts,
        "signers": [{"officer": author, "post": post, "role": "AUTHOR"}],
        **more,
    }


def an_act(act: str, stream: str, facts: dict[str, Any], **more: object) -> Act:
    """The act, with facts that fit the catalogue."""
    parsed = parse_act(members(act, stream, facts, **more))
    assert load().type(act).check(facts) == []
    return parsed


def opened(**facts: object) -> Act:
    """LedgerOpened with the founder's key."""
    return an_act(
        "LedgerOpened",
        "ledger",
        {
            "log": "rehearsal.bacninh.example/ordinary",
            "vkeys": ["rehearsal.bacninh.example/ordinary+00000000+AQ=="],
            "registrar": {
                "officer": FOUNDER,
                "kid": FOUNDERS_KEY.kid,
                "jwk": dict(FOUNDERS_KEY.jwk),
            },
            "level": "ordinary",
            "regulation": {"id": "90/QĐ-UBND", "version": "2023"},
            "edition": named(load_edition()),
            "demo": True,
            **facts,
        },
    )


def appointed(officer: str, agency: str, post: str, **facts: object) -> Act:
    """OfficerAppointed, open-ended unless facts say otherwise."""
    return an_act(
        "OfficerAppointed",
        f"officer/{officer}",
        {
            "officer": officer,
            "agency": agency,
            "post": post,
            "person": f"sealed:{an_id(f'person {officer}')}",
            "capacities": ["TRUC_TIEP"],
            "valid_from": "2023-03-21",
            "basis_document": "12/QĐ",
            **facts,
        },
    )


def enrolled(officer: str | None, signer: SoftwareSigner, **facts: object) -> Act:
    """KeyEnrolled for an officer; for the service where no officer is named."""
    named = {} if officer is None else {"officer": officer}
    return an_act(
        "KeyEnrolled",
        "ledger" if officer is None else f"officer/{officer}",
        {
            **named,
            "kid": signer.kid,
            "jwk": dict(signer.jwk),
            "custody": "SOFTWARE" if officer else "SERVICE",
            "valid_from": STARTS,
            "valid_to": "2033-03-21T08:00:00+07:00",
            **facts,
        },
    )


def revoked(officer: str | None, kid: str, invalid_from: str) -> Act:
    """KeyRevoked for an officer's key; for the service's where no officer is named."""
    named = {} if officer is None else {"officer": officer}
    return an_act(
        "KeyRevoked",
        "ledger" if officer is None else f"officer/{officer}",
        {**named, "kid": kid, "reason": "Mất máy", "invalid_from": invalid_from},
        occurred_at=invalid_from,
    )


class Book:
    """A registry that takes acts one record after the other."""

    def __init__(self) -> None:
        self.registry = Registry.founded()
        self.index = -1

    def take(self, act: Act, recorded: str | None = None) -> Registry:
        """Applies an act at the next index; recorded when it happened unless said otherwise."""
        self.index += 1
        at = parse_time(recorded) if recorded else act.occurred_at
        self.registry.apply(act, index=self.index, recorded_at=at.astimezone(UTC))
        return self.registry


def founded() -> Book:
    """A log just opened."""
    book = Book()
    book.take(opened())
    return book


def at(text: str) -> datetime:
    """A time in the form of formats.md §1."""
    return parse_time(text)
