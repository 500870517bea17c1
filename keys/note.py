"""C2SP signed notes and their verification keys, to the letter and strict (formats.md §7).

Three kinds of signature: Ed25519 over the text (0x01), a witness's cosignature/v1 (0x04) and an
ML-DSA-44 cosignature (0x06), the last two with a time. What a note is about is not known here, but
for the three lines that 0x06 signs over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from keys import canonical, signer
from keys.errors import InvalidSignature, Malformed
from keys.signer import ED25519, ML_DSA_44, PublicKey, RawSigner

TYPE_ED25519: Final = 0x01
TYPE_COSIGNATURE: Final = 0x04
TYPE_ML_DSA_44: Final = 0x06
MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_ALGS: Final = {
    TYPE_ED25519: ED25519,
    TYPE_COSIGNATURE: ED25519,
    TYPE_ML_DSA_44: ML_DSA_44,
}
KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_MAX_TIME: Final = 2**63 - 1
_MOST_SHORT: Final = 255
_VKEY_PARTS: Final = 3
_LINE_PARTS: Final = 3
_DASH: Final = "—"
_CONTROL: Final = bytes((*range(0x0A), *range(0x0B, 0x20), 0x7F))
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_ID_HEX: Final = re.compile(r"[0-9a-f]{8}")


@lru_cache(maxsize=64)
def _loaded(kind: int, raw: bytes) -> PublicKey:
    """Once for each key: one of these has signed every checkpoint of a log. Raises: Malformed."""
    return signer.load_public(_ALGS[kind], raw)


def _check_name(name: str) -> None:
    # C2SP signed-note: a key name is not empty and has neither spaces nor "+".
    if name.split() != [name] or "+" in name or _has_control(name.encode(errors="surrogatepass")):
        raise Malformed("a key name is not empty and has no space, plus or control character")


@dataclass(frozen=True, slots=True)
class VKey:
    """A verification key with the name it signs under.

    Attributes:
        name: For a log's own key, the origin.
        kind: 0x01, 0x04 or 0x06.
        raw: Raw public key.
    """

    name: str
    kind: int
    raw: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.kind not in _ALGS:
            raise Malformed(f"no such signature type: {self.kind}")
        _loaded(self.kind, self.raw)

    @classmethod
    def parse(cls, text: str) -> VKey:
        """Strict inverse of `str(vkey)`. Raises: Malformed."""
        parts = text.split("+", 2)
        if len(parts) != _VKEY_PARTS or not _KEY_ID_HEX.fullmatch(parts[1]):
            raise Malformed("a vkey is name+hex+base64")
        data = canonical.unb64std(parts[2])
        if not data:
            raise Malformed("the vkey has no key")
        vkey = cls(parts[0], data[0], data[1:])
        if vkey.key_id.hex() != parts[1]:
            raise Malformed("the key id of the vkey is not that of its key")
        return vkey

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{canonical.b64std(bytes((self.kind,)) + self.raw)}"

    @property
    def key_id(self) -> bytes:
        """Four bytes that find the key in a note (formats.md §7)."""
        named = self.name.encode() + b"\n" + bytes((self.kind,)) + self.raw
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    def verify(self, blob: bytes, text: str) -> int | None:
        """Verifies what follows the key id in a signature line.

        Returns:
            The time it was signed at in seconds, None for a type without one.

        Raises:
            InvalidSignature: It does not verify.
        """
        time_s: int | None = None
        if self.kind != TYPE_ED25519:
            time_s = int.from_bytes(blob[:_TIME_BYTES])
            blob = blob[_TIME_BYTES:]
            # formats.md §7: the time of an 0x06 signature is the time of signing, never 0.
            if time_s > _MAX_TIME or (self.kind == TYPE_ML_DSA_44 and time_s == 0):
                raise InvalidSignature("the time of the cosignature is not allowed")
        key = _loaded(self.kind, self.raw)
        key.verify(blob, signed_message(self.kind, self.name, text, time_s))
        return time_s


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line.

    Attributes:
        name: Key name.
        key_id: Four bytes.
        blob: What follows them: a signature, or a time and a signature.
    """

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"— {self.name} {canonical.b64std(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note of good form; nothing about it is verified.

    Attributes:
        text: Ends in a newline.
        signatures: At least one, in the order of the note.
    """

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A signature that was found good.

    Attributes:
        vkey: By which key.
        time_s: When it was signed, where the type says.
    """

    vkey: VKey
    time_s: int | None

    @property
    def name(self) -> str:
        """The key's name."""
        return self.vkey.name


@dataclass(frozen=True, slots=True)
class OpenNote:
    """The text of a note, and who is known to have signed it: at least one."""

    text: str
    verified: tuple[VerifiedSignature, ...]


def parse_note(data: bytes) -> Note:
    """Reads a note without verifying it.

    Raises:
        Malformed: Not UTF-8, control characters, no blank line, no or a bad signature line.
    """
    text, separator, lines = _decode(data).rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise Malformed("a note is text, a blank line and signature lines, each ending in newline")
    signatures = tuple(_parse_line(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise Malformed(f"more than {MAX_SIGNATURES} signatures")
    return Note(text + "\n", signatures)


def _decode(data: bytes) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise Malformed("the note is too long")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("the note is not UTF-8") from error
    if _has_control(data):
        raise Malformed("the note has a control character")
    return text


def _has_control(data: bytes) -> bool:
    """Of UTF-8, in which no other character has such a byte."""
    return len(data.translate(None, _CONTROL)) != len(data)


def _parse_line(line: str) -> NoteSignature:
    parts = line.split(" ")
    if len(parts) != _LINE_PARTS or parts[0] != _DASH:
        raise Malformed("a signature line is an em dash, a name and base64, one space apart")
    _, name, encoded = parts
    _check_name(name)
    data = canonical.unb64std(encoded)
    if len(data) <= KEY_ID_BYTES:
        raise Malformed("a signature line holds a key id and a signature")
    return NoteSignature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def format_note(note: Note) -> bytes:
    """The note's bytes; `parse_note` gives the same note back. Raises: Malformed."""
    data = (note.text + "\n" + "".join(s.line for s in note.signatures)).encode()
    if parse_note(data) != note:
        raise Malformed("the text of a note ends in one newline and has no control characters")
    return data


def verify_note(data: bytes, vkeys: Iterable[VKey]) -> OpenNote:
    """Opens a note: an unknown key is passed over, a bad signature of a known one refuses the note.

    Raises:
        Malformed: Not a note.
        InvalidSignature: A known key's signature is bad, or no known key has signed.
    """
    note = parse_note(data)
    known = {(vkey.name, vkey.key_id): vkey for vkey in vkeys}
    verified: dict[VKey, VerifiedSignature] = {}
    for signature in note.signatures:
        vkey = known.get((signature.name, signature.key_id))
        if vkey is not None:
            good = VerifiedSignature(vkey, vkey.verify(signature.blob, note.text))
            verified.setdefault(vkey, good)
    if not verified:
        raise InvalidSignature("no known key has signed the note")
    return OpenNote(note.text, tuple(verified.values()))


def signed_message(kind: int, name: str, text: str, time_s: int | None) -> bytes:
    """The bytes a signature of this type is made over.

    Raises:
        InvalidSignature: Type 0x06 over a text that is not the three lines of a checkpoint, or with
            a name longer than 255 bytes.
    """
    if kind == TYPE_ED25519 or time_s is None:
        return text.encode()
    if kind == TYPE_COSIGNATURE:
        return f"cosignature/v1\ntime {time_s}\n{text}".encode()
    origin, size, root = _three_lines(text)
    # C2SP tlog-cosignature: the subtree [0, size) of the log is the checkpoint itself.
    return b"".join(
        (
            b"subtree/v1\n\0",
            _short(name),
            time_s.to_bytes(_TIME_BYTES),
            _short(origin),
            (0).to_bytes(8),
            size.to_bytes(8),
            root,
        )
    )


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The three lines of a checkpoint (formats.md §7)."""
    return f"{origin}\n{size}\n{canonical.b64std(root)}\n"


def _short(text: str) -> bytes:
    """Behind its length in one byte. Raises: InvalidSignature: it is longer than that can say."""
    data = text.encode()
    if len(data) > _MOST_SHORT:
        raise InvalidSignature(f"type 0x06 signs no name of {len(data)} bytes")
    return bytes((len(data),)) + data


def _three_lines(text: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    three = 3
    if len(lines) != three + 1 or lines[three] or not _DECIMAL.fullmatch(lines[1]):
        raise InvalidSignature("type 0x06 signs checkpoints only")
    size, root = int(lines[1]), canonical.unb64std(lines[2])
    if size > _MAX_TIME or len(root) != hashlib.sha256().digest_size:
        raise InvalidSignature("type 0x06 signs checkpoints only")
    return lines[0], size, root


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private key that signs notes under one name.

    Attributes:
        name: Key name.
        key: Ed25519 for 0x01 and 0x04, ML-DSA-44 for 0x06.
        kind: Signature type.
        vkey: The key to give to verifiers.
    """

    name: str
    key: RawSigner
    kind: int = TYPE_ED25519
    vkey: VKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if _ALGS.get(self.kind) != self.key.alg:
            raise Malformed(f"type {self.kind} is not signed with {self.key.alg}")
        object.__setattr__(self, "vkey", VKey(self.name, self.kind, self.key.public))

    def sign(self, text: str, *, time_s: int | None = None) -> NoteSignature:
        """Signs a note's text.

        Args:
            text: Ends in a newline.
            time_s: Seconds since 1970, for the types that say when.

        Raises:
            Malformed: A time where the type has none, or none where it has one.
        """
        timed = self.kind != TYPE_ED25519
        if timed != (time_s is not None):
            raise Malformed("types 0x04 and 0x06 carry a time, 0x01 none")
        signature = self.key.sign(signed_message(self.kind, self.name, text, time_s))
        stamp = b"" if time_s is None else time_s.to_bytes(_TIME_BYTES)
        return NoteSignature(self.name, self.vkey.key_id, stamp + signature)


def log_pair(origin: str, log: RawSigner, pq: RawSigner) -> tuple[NoteSigner, NoteSigner]:
    """What signs the checkpoints of a log: its own key, and `/pq` beside it (formats.md §7)."""
    return NoteSigner(origin, log), NoteSigner(f"{origin}/pq", pq, TYPE_ML_DSA_44)
