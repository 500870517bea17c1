"""What a filter may name: an agency or function that the registry knows.

A mistyped code would otherwise answer with an empty list that looks like an answer.
"""

from __future__ import annotations

from api.http.framework.request_context import malformed
from api.http.resources.common.served import enclave
from ledger.message import Message


def agency(name: str | None, member: str = "agency") -> None:
    """Refuses an agency that was never registered; one that is gone has its past.

    Args:
        name: Its id; None where none is asked for.
        member: What it was asked by.

    Raises:
        Problem: `malformed_request`.
    """
    if name is not None and enclave().queries.registries.at().registry.agency(name) is None:
        raise malformed(
            member,
            Message("the registry has no such agency; see GET /v1/agencies"),
        )
