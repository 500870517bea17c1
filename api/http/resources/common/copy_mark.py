"""The mark of a copy that leaves by a permit (access.md A23), as its header says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from api.http.resources.common.served import enclave
from ledger.regulation.case.permits import Permit

COPY_MARK: Final = "Copy-Mark"
"""Header of a copy: of which log and case it is, its number, permit, whose, and when."""


def copy_mark(number: str, permit: Permit, stream: str, at: str) -> str:
    """Parameters as of RFC 9110 §5.6.6, their values percent-encoded."""
    said: Mapping[str, str] = {
        "number": number,
        "permit": permit.act_id,
        "case": stream.removeprefix("case/"),
        "log": enclave().facts.origin,
        "agency": permit.agency,
        "post": permit.post,
        "at": at,
    }
    return "; ".join(f'{name}="{quote(value, safe=":/")}"' for name, value in said.items())
