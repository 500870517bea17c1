"""Guesses of a short text by who knows everything of its act but the text and the blind (V15).

Such a guesser has what everybody has (entries, tree, checkpoints), or rows of the database too, and
the act as it was signed but for one text, its signature and its time among it: more than anybody
has who did not sign it. What makes that useless is the blind in the envelope alone (access.md L9).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

import orjson

from keys import canonical
from ledger.log import record
from ledger.log.statement import Statement

HASH_BYTES = 32


def windows(material: Iterable[bytes]) -> frozenset[bytes]:
    """Every 32 bytes that stand anywhere in some bytes: what a guess is looked for in."""
    return frozenset(
        data[at : at + HASH_BYTES] for data in material for at in range(len(data) - HASH_BYTES + 1)
    )


def text_of(number: int) -> str:
    """A text that a guesser has the whole list of."""
    return f"Điện thoại báo lúc {number // 3600:03}:{number // 60 % 60:02}:{number % 60:02}"


@dataclass(frozen=True, slots=True)
class Guesser:
    """Tries texts in the place of one.

    Attributes:
        statement: As it was signed.
        text: What it says; every guess is put in its place.
        log: Origin.
        recorded_at: When the ledger took it.
        entry: What its leaf commits to.
    """

    statement: Statement
    text: str
    log: str
    recorded_at: datetime
    entry: bytes

    def hits(self, texts: Iterable[str], known: frozenset[bytes]) -> list[str]:
        """The texts of which some digest is known."""
        head, _, signature = self.statement.compact.split(".")
        before, after = self.statement.payload.split(orjson.dumps(self.text))
        guess = partial(self._digests, head, signature, before, after)
        return [text for text in texts if any(digest in known for digest in guess(text))]

    def _digests(
        self, head: str, signature: str, before: bytes, after: bytes, text: str
    ) -> Iterator[bytes]:
        """Everything that a guess could be told by."""
        said = orjson.dumps(text)
        whole = before + said + after
        compact = f"{head}.{canonical.b64(whole)}.{signature}"
        envelope = record.build(
            log=self.log, recorded_at=self.recorded_at, blind=bytes(32), statement=compact
        )
        for data in (text.encode(), said, whole, compact.encode(), envelope):
            digest = sha256(data).digest()
            yield digest
            yield record.leaf(digest)
            yield record.leaf(data)
