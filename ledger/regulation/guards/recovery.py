"""Guards on LogRecovered: the one break of a log, proven, by two registrars, where it happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keys.errors import Malformed
from keys.log_keys import LogKeys
from keys.lost_checkpoint import LostCheckpoint, known
from keys.note import TYPE_ED25519, TYPE_ML_DSA_44
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import no_registrar, objects, texts
from ledger.regulation.guards.breach import Breach

_MOST_SIZE: Final = 2**63 - 1


def recovery_follows_prefix(q: GuardInput) -> Breach | None:
    """Added (formats.md §7).

    The author's statement is the first record behind those that are left, each countersignature the
    next one: whatever came between would stand in neither history.
    """
    size = q.facts.get("size")
    standing = q.standing
    signed = 0 if standing is None else len(standing.signed)
    if isinstance(size, int) and size > 0 and q.log_size == size + signed:
        return None
    return Breach({"size": str(size)}, ("/facts/size",))


def recovery_by_registrars(q: GuardInput) -> Breach | None:
    """Added (formats.md §7). Everybody who signs a recovery keeps the registry on that day."""
    n = no_registrar(q)
    return None if n is None else Breach(pointers=(f"/signers/{n}",))


def recovery_turns_keys(q: GuardInput) -> Breach | None:
    """Added (formats.md §7).

    Every key in force ends, and those that begin have never signed: a key that signs on both sides
    would be the fork. Keys of a recovery that is itself lost may be named as ended too.
    """
    old, new = texts(q.facts.get("old_vkeys")), texts(q.facts.get("new_vkeys"))
    keys: LogKeys = q.registry.log_keys
    if not set(keys.current) <= set(old) or not _named(old, q.origin):
        return Breach(pointers=("/facts/old_vkeys",))
    kinds = sorted(vkey.kind for vkey in known(new))
    fresh = not set(new) & {*keys.every, *old}
    if fresh and kinds == [TYPE_ED25519, TYPE_ML_DSA_44] and _named(new, q.origin):
        return None
    return Breach(pointers=("/facts/new_vkeys",))


def _named(vkeys: Iterable[str], origin: str) -> bool:
    """Whether each is a key of this log: its own under the origin, the second under `/pq`."""
    wanted = {TYPE_ED25519: origin, TYPE_ML_DSA_44: f"{origin}/pq"}
    return all(
        len(parsed := known([vkey])) == 1 and wanted.get(parsed[0].kind) == parsed[0].name
        for vkey in vkeys
    )


def recovery_loss_signed(q: GuardInput) -> Breach | None:
    """Added (formats.md §7).

    No loss, no break: a key that ends has signed for more records than are left.
    """
    size = q.facts.get("size")
    if not isinstance(size, int):
        return Breach(pointers=("/facts/size",))
    old, longest = texts(q.facts.get("old_vkeys")), size
    for n, fact in enumerate(objects(q.facts.get("lost"))):
        try:
            lost = LostCheckpoint.of(fact)
        except Malformed:
            return Breach(pointers=(f"/facts/lost/{n}",))
        if not size < lost.size <= _MOST_SIZE or not lost.signed_by(q.origin, old):
            return Breach(pointers=(f"/facts/lost/{n}",))
        longest = max(longest, lost.size)
    if longest == size:
        return Breach(pointers=("/facts/lost",))
    for n, act in enumerate(objects(q.facts.get("lost_acts"))):
        index = act.get("index")
        if not isinstance(index, int) or not size <= index < longest:
            return Breach(pointers=(f"/facts/lost_acts/{n}/index",))
    return None
