"""Reads by key: for whom they are, and the row of the log of reads that each is (access.md A28)."""

from __future__ import annotations

from api.http.framework.request_context import caller, now
from api.http.resources.common.served import enclave
from api.problems.problem import Problem
from api.texts.catalogue import translate
from ledger.message import Message
from ledger.reads.read import NotedRead, ReadBy


def bodies_for(kid: str | None) -> frozenset[str]:
    """For which bodies the caller may ask what a key signed; none where no key is named.

    Raises:
        Problem: `key_not_yours`: for none.
    """
    if kid is None:
        return frozenset()
    bodies = enclave().queries.keys.told_for(kid, caller().officer, now())
    if not bodies:
        raise Problem("key_not_yours")
    return bodies


def note(kid: str | None, bodies: frozenset[str]) -> None:
    """Notes the read; the purpose is signed, and so in one language for all (access.md U5)."""
    if not bodies:
        return
    purpose = translate(Message("To see the acts signed with the key {kid}", kid=kid), "vi")
    by = ReadBy(caller().officer, caller().kid)
    enclave().reads.note([NotedRead("A28", purpose, "LIST", by, agencies=bodies)])
