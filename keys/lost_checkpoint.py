"""A checkpoint that a log signed over a tree that is lost, as a recovery names it (formats.md §7).

The whole note is some kilobytes because of its second signature; what proves the loss is the three
lines and the log's own Ed25519 line, so only these are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from keys import canonical
from keys.errors import InvalidSignature, KeysError, Malformed
from keys.note import (
    KEY_ID_BYTES,
    TYPE_ED25519,
    Note,
    NoteSignature,
    VKey,
    checkpoint_text,
    format_note,
)

_PREFIX: Final = "sha-256:"


@dataclass(frozen=True, slots=True)
class LostCheckpoint:
    """Size and root of the lost tree, and what the log's line says behind its name.

    Attributes:
        size: Records it covered.
        root: 32 bytes.
        signature: Key id and Ed25519 signature.
    """

    size: int
    root: bytes
    signature: bytes

    @classmethod
    def of(cls, fact: Mapping[str, Any]) -> Self:
        """As `LogRecovered` names it. Raises: Malformed."""
        try:
            root = canonical.unb64(str(fact["root"]).removeprefix(_PREFIX))
            return cls(int(fact["size"]), root, canonical.unb64(str(fact["signature"])))
        except (KeyError, TypeError, ValueError) as error:
            raise Malformed("a lost checkpoint has size, root and signature") from error

    @classmethod
    def from_note(cls, origin: str, size: int, root: bytes, signed: Note) -> Self:
        """Of a note whose log line is known to be good. Raises: Malformed: It has none."""
        for line in signed.signatures:
            if line.name == origin:
                return cls(size, root, line.key_id + line.blob)
        raise Malformed("the log itself has not signed")

    @property
    def key_id(self) -> bytes:
        """Which key signed it, as notes tell keys apart."""
        return self.signature[:KEY_ID_BYTES]

    def fact(self) -> dict[str, Any]:
        """How `LogRecovered` names it."""
        return {
            "size": self.size,
            "root": canonical.b64(self.root),
            "signature": canonical.b64(self.signature),
        }

    def note(self, origin: str) -> bytes:
        """The note with the log's own line. Raises: Malformed."""
        line = NoteSignature(origin, self.key_id, self.signature[KEY_ID_BYTES:])
        return format_note(Note(checkpoint_text(origin, self.size, self.root), (line,)))

    def signed_by(self, origin: str, vkeys: Iterable[str]) -> bool:
        """Whether one of these keys, of the log itself, has signed it."""
        blob = self.signature[KEY_ID_BYTES:]
        text = checkpoint_text(origin, self.size, self.root)
        for vkey in known(vkeys):
            if (vkey.name, vkey.kind, vkey.key_id) != (origin, TYPE_ED25519, self.key_id):
                continue
            try:
                vkey.verify(blob, text)
            except InvalidSignature:
                continue
            return True
        return False


def known(vkeys: Iterable[str]) -> list[VKey]:
    """The keys that are well formed; what is none signs nothing."""
    found = []
    for text in vkeys:
        try:
            found.append(VKey.parse(text))
        except KeysError:
            continue
    return found
