"""Lawful acts of short cases, signed before the clock starts.

A case is a report, its registration, then notices to the lead agency and to the reporter in turn:
acts of class 1 that one officer on duty may sign, about 0.9 KB each, so that every one of them is
judged against a case that has grown.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.log.statement import AUTHOR, Statement, flattened, make
from ledger.regulation.registry.calendar import VIETNAM
from tests.builders import a_basis

POST: Final = "truc-duong-day-nong"
ACTS_A_CASE: Final = 8
_SUMMARY: Final = "Nội dung nêu rõ sự việc, đủ dài để người đọc hiểu và xác minh được."


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer of the lead agency on duty; picklable.

    Attributes:
        id: uuid.
        agency: Agency of the appointment.
        secret: Ed25519 secret, 32 bytes.
    """

    id: str
    agency: str
    secret: bytes

    @property
    def signer(self) -> SoftwareSigner:
        """The key."""
        return SoftwareSigner.from_secret("Ed25519", self.secret)


@dataclass(frozen=True, slots=True)
class SignedAct:
    """One statement ready to send, its payload parsed once for whoever stores it another way."""

    statement: Statement
    body: bytes

    @property
    def fresh(self) -> bool:
        """Whether it opens a case."""
        return self.statement.seq == 1


def acts(
    officer: Officer, origin: str, number: int, *, acts_a_case: int = ACTS_A_CASE
) -> Iterator[SignedAct]:
    """That many signed acts, case after case, dated now."""
    signer = officer.signer
    left = number
    while left > 0:
        length = min(acts_a_case, left)
        left -= length
        yield from _case(officer, signer, origin, length)


def same_again(officer: Officer, origin: str, number: int) -> list[SignedAct]:
    """That many acts of which most are the same again: for a side that does not mind."""
    made = list(acts(officer, origin, min(number, 8 * ACTS_A_CASE)))
    return [made[n % len(made)] for n in range(number)]


def _case(
    officer: Officer, signer: SoftwareSigner, origin: str, length: int
) -> Iterator[SignedAct]:
    at = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the bench runs in real time
    stream = f"case/{_uuid()}"
    report, prev = _uuid(), None
    for n in range(length):
        name, said = _said(n, report, officer, at)
        payload = canonical.encode(
            {
                "v": 1,
                "act": name,
                "act_id": report if n == 0 else _uuid(),
                "stream": stream,
                "occurred_at": at.astimezone(VIETNAM).isoformat(timespec="seconds"),
                "precision": "minute",
                "agency": officer.agency,
                "post": POST,
                "capacity": "TRUC_TIEP",
                "basis": a_basis(at.date()),
                "circulation": "INTERNAL",
                "signers": [{"officer": officer.id, "post": POST, "role": AUTHOR}],
                **said,
            }
        )
        statement = make(
            payload,
            signer,
            iat=int(at.timestamp()),
            log=origin,
            seq=n + 1,
            prev=prev,
            role=AUTHOR,
        )
        prev = statement.digest_b64
        yield SignedAct(statement, orjson.dumps(flattened(statement)))


def _said(n: int, report: str, officer: Officer, at: datetime) -> tuple[str, Mapping[str, Any]]:
    if n == 0:
        return "ReportReceived", {"facts": _report(at)}
    if n == 1:
        return "CaseRegistered", {"facts": _registration(report, officer.agency)}
    if n % 2 == 0:
        facts: dict[str, Any] = {"summary": _SUMMARY, "disclaims_competence": False}
        return "LeadAgencyNotified", {"facts": facts, "to": [officer.agency]}
    told = {"status": "INFORMED", "told": _SUMMARY, "about": "RECEIPT", "through_vault": False}
    return "ReporterInformed", {"facts": told, "to": [f"sealed:{_uuid()}"]}


def _report(at: datetime) -> dict[str, Any]:
    seen = at.astimezone(VIETNAM).isoformat(timespec="seconds")
    return {
        "register_no": f"TN-{random.randrange(10**6):06}",  # noqa: S311 - a number to look at
        "received_at": seen,
        "intake_point": "Đường dây nóng",
        "summary": _SUMMARY,
        "identity_given": False,
        "petition_kind": "PHAN_ANH",
        "content": [{"where": "WEBSITE", "title": "Một trang mạng", "seen_at": seen}],
    }


def _registration(report: str, agency: str) -> dict[str, Any]:
    return {
        "case_number": f"2026/{random.randrange(10**6):06}",  # noqa: S311 - a number to look at
        "regulation_version": "90/QĐ-UBND",
        "intake": [report],
        "urgency": "NONE",
        "duplicates_checked": True,
        "handling_agency": agency,
    }


def _uuid() -> str:
    return str(UUID(bytes=random.randbytes(16), version=4))  # noqa: S311 - seeded by the system
