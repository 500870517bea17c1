"""A segment's text: what a lower log publishes of itself (formats.md §11).

`build` writes it, `parse` takes it apart as strictly as the page says. How it is sealed is
`keys.sealed_segment`'s, whether what it says holds is `taking_in`'s: nothing here is believed.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from keys import canonical
from keys.errors import InvalidSignature, KeysError
from keys.note import KEY_ID_BYTES, TYPE_ED25519, NoteSigner, VKey
from keys.unambiguous_json import MAX_INTEGER
from ledger.errors import VerificationError
from ledger.log.merkle import HASH_BYTES
from ledger.log.proof import parse_hashes
from ledger.log.statement import AUTHOR
from ledger.message import Message
from ledger.mirror.refusal import SegmentRefused
from ledger.regulation.acts.act import Act
from ledger.streams.names import is_stream

MOST_ITEMS: Final = 4_096
"""Records of one segment."""
MOST_ENVELOPE_BYTES: Final = 196_608
MOST_FILE_BYTES: Final = 8 << 20
"""Bytes of the files of one record; one that does not fit behind those before it is left out."""
_MEMBERS: Final = frozenset(
    {"v", "log", "at", "from", "to", "checkpoint", "consistency", "items", "blobs", "signature"}
)
_KEPT: Final = frozenset({"index", "envelope"})
_UNREAD: Final = frozenset({"index", "entry"})
_PLACE: Final = frozenset({"stream", "seq", "act_id"})
_LEFT_OUT: Final = frozenset({"index", "n"})
_FORMS: Final = (_KEPT, _UNREAD | _PLACE | {"erased_by", "erased_at"}, _UNREAD | _PLACE, _UNREAD)
_NUMBERS: Final = frozenset({"index", "seq", "erased_at"})
_PLAIN_UUID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SIGNATURE_BYTES: Final = KEY_ID_BYTES + 64


@dataclass(frozen=True, slots=True)
class Kept:
    """A record whose content is there: its envelope, byte for byte."""

    envelope: bytes


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record stands below, as the columns of its row say.

    Attributes:
        stream: Name of its stream.
        seq: Its position there.
        act_id: The act it belongs to.
    """

    stream: str
    seq: int
    act_id: UUID


@dataclass(frozen=True, slots=True)
class Gone:
    """A record whose content is erased below.

    Attributes:
        entry: What the tree has of it, 32 bytes.
        place: Where it stood.
        erased_by: `act_id` of the act that erased it.
        erased_at: Index of the last statement of that act.
    """

    entry: bytes
    place: RecordPlace
    erased_by: UUID
    erased_at: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that nobody below can read: noise that never stood, or damage (formats.md §3).

    Attributes:
        entry: What the tree has of it, 32 bytes.
        place: Where it stands; None where its stream has no lawful name.
    """

    entry: bytes
    place: RecordPlace | None


Item = Kept | Gone | Unread


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A file that an act of the segment lists.

    Attributes:
        index: Of the record in which its author lists it.
        n: Its place in that list, from 0.
        data: The file, byte for byte; None where it does not go up: too long, or nowhere below.
    """

    index: int
    n: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment says.

    Attributes:
        log: Origin of the log.
        at: The turn of the clock that it was published at, in seconds since 1970.
        start: Index of its first record: so many came before it.
        items: Its records in order, without a gap.
        checkpoint: The first signed note that covers all of them.
        consistency: From the tree that ends with its last record to the checkpoint's.
        signature: Key id and signature of the log's own key over `signed_text`; empty before.
        files: Those that acts of its records list, in order.
    """

    log: str
    at: int
    start: int
    items: tuple[Item, ...]
    checkpoint: bytes
    consistency: tuple[bytes, ...]
    signature: bytes = b""
    files: tuple[SegmentFile, ...] = ()

    @property
    def end(self) -> int:
        """Index behind its last record."""
        return self.start + len(self.items)


def build(segment: Segment, key: NoteSigner) -> bytes:
    """Its canonical text, signed by the log.

    Args:
        segment: What it says.
        key: The log's own, of type 0x01 under the origin.
    """
    signed = key.sign(signed_text(segment))
    return _text_of(segment, canonical.b64(signed.key_id + signed.blob))


def signed_text(segment: Segment) -> str:
    """What the log signs of a segment: four lines, which no checkpoint has."""
    digest = hashlib.sha256(_text_of(segment)).digest()
    return f"socai/segment/1\n{segment.log}\n{segment.at}\n{canonical.b64std(digest)}\n"


def signed_by(segment: Segment, vkeys: Iterable[VKey]) -> bool:
    """Whether one of these keys, of the log itself, has signed it."""
    key_id, blob = segment.signature[:KEY_ID_BYTES], segment.signature[KEY_ID_BYTES:]
    text = signed_text(segment)
    for vkey in vkeys:
        if (vkey.name, vkey.kind, vkey.key_id) == (segment.log, TYPE_ED25519, key_id):
            try:
                vkey.verify(blob, text)
            except InvalidSignature:
                return False
            return True
    return False


def _text_of(segment: Segment, signature: str | None = None) -> bytes:
    """The canonical text, with the signature or as it is signed.

    Of records and files it is put together from what each comes to, since it is base64 and numbers
    that leave no choice: whoever takes a segment in does not have megabytes looked through again.
    """
    rest = {
        "v": 1,
        "log": segment.log,
        "at": segment.at,
        "from": segment.start,
        "to": segment.end,
        "checkpoint": segment.checkpoint.decode(),
        "consistency": [canonical.b64std(one) for one in segment.consistency],
        "items": [],
        "blobs": [],
    }
    text = canonical.encode(rest if signature is None else rest | {"signature": signature})
    files = b",".join(map(_file_text, segment.files))
    items = b",".join(map(_item_text, itertools.count(segment.start), segment.items))
    head, _, tail = text.partition(b'"blobs":[]')
    middle, _, tail = tail.partition(b'"items":[]')
    return b"".join((head, b'"blobs":[', files, b"]", middle, b'"items":[', items, b"]", tail))


def _item_text(index: int, item: Item) -> bytes:
    if isinstance(item, Kept):
        return b'{"envelope":"%s","index":%d}' % (_b64(item.envelope), index)
    return canonical.encode(_left(index, item))


def _file_text(file: SegmentFile) -> bytes:
    if file.data is None:
        return b'{"index":%d,"n":%d}' % (file.index, file.n)
    return b'{"data":"%s","index":%d,"n":%d}' % (_b64(file.data), file.index, file.n)


def _b64(data: bytes) -> bytes:
    return canonical.b64(data).encode()


def bytes_of(item: Item, index: int, files: Iterable[SegmentFile] = ()) -> int:
    """How much longer a text is with this item and its files."""
    return sum(len(one) + 1 for one in (_item_text(index, item), *map(_file_text, files)))


def file_digest(data: bytes) -> str:
    """As an act names a file (formats.md §2)."""
    return f"sha-256:{canonical.b64(hashlib.sha256(data).digest())}"


def going_up(act: Act, role: str) -> list[tuple[Mapping[str, Any], bool]]:
    """Files that a record brings with it, and whether each fits behind those before it.

    Args:
        act: Of the record.
        role: Of its statement: files go with the author's.
    """
    found, sofar = [], 0
    for listed in act.attachments if role == AUTHOR else ():
        fits = sofar + listed["size"] <= MOST_FILE_BYTES
        sofar += listed["size"] if fits else 0
        found.append((listed, fits))
    return found


def parse(text: bytes) -> Segment:
    """Strict inverse of `build`.

    Raises:
        SegmentRefused: `malformed`, with what is wrong.
    """
    try:
        members = canonical.parse(text, limit=None)
        return _segment(members)
    except (KeysError, VerificationError) as error:
        raise _malformed(str(error)) from error


def _left(index: int, item: Gone | Unread) -> dict[str, Any]:
    """Of a record that comes without its content."""
    left: dict[str, Any] = {"index": index, "entry": canonical.b64(item.entry)}
    if item.place is not None:
        place = item.place
        left |= {"stream": place.stream, "seq": place.seq, "act_id": str(place.act_id)}
    if isinstance(item, Gone):
        left |= {"erased_by": str(item.erased_by), "erased_at": item.erased_at}
    return left


def _segment(members: dict[str, Any]) -> Segment:
    if members.keys() != _MEMBERS or members["v"] is True or members["v"] != 1:
        raise _malformed(f"a segment of version 1 has {', '.join(sorted(_MEMBERS))}")
    numbers = [members[name] for name in ("at", "from", "to")]
    if any(type(one) is not int or not 0 <= one <= MAX_INTEGER for one in numbers):
        raise _malformed("at, from and to are whole numbers")
    log, note = members["log"], members["checkpoint"]
    items, hashes = members["items"], members["consistency"]
    signature = members["signature"]
    if not all(isinstance(one, str) for one in (log, note, signature)):
        raise _malformed("log, checkpoint and signature are text")
    if not all(isinstance(one, list) for one in (items, hashes, members["blobs"])):
        raise _malformed("items, consistency and blobs are lists")
    at, start, end = numbers
    if len(items) > MOST_ITEMS or end - start != len(items):
        raise _malformed(f"from {start} to {end} are not {len(items)} records")
    signed = canonical.unb64(signature)
    if len(signed) != _SIGNATURE_BYTES or not log.isascii():
        raise _malformed("the log has not signed it")
    found = tuple(_parsed(n, one) for n, one in enumerate(items, start))
    files = tuple(_parsed_file(one) for one in members["blobs"])
    _require_order(files, start, end)
    return Segment(log, at, start, found, note.encode(), parse_hashes(hashes), signed, files)


def _parsed_file(members: Any) -> SegmentFile:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(members, dict) or members.keys() - {"data"} != _LEFT_OUT:
        raise _malformed("a file has other members than a file has")
    numbers, data = [members["index"], members["n"]], members.get("data")
    if any(type(one) is not int or not 0 <= one <= MAX_INTEGER for one in numbers):
        raise _malformed("index and n of a file are whole numbers")
    if "data" in members and not isinstance(data, str):
        raise _malformed("the bytes of a file are text")
    index, n = numbers
    return SegmentFile(index, n, None if data is None else canonical.unb64(data))


def _require_order(files: Sequence[SegmentFile], start: int, end: int) -> None:
    """Each in its place, behind the one before it, and of a record that comes with it."""
    places = [(one.index, one.n) for one in files]
    if any(not start <= index < end for index, _ in places):
        raise _malformed("a file is of a record that does not come with it")
    if places != sorted(set(places)):
        raise _malformed("files do not stand in their order")


def _parsed(index: int, members: Any) -> Item:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(members, dict) or members.get("index") != index or members["index"] is True:
        raise _malformed(f"record {index} is not where it belongs")
    texts = [one for name, one in members.items() if name not in _NUMBERS]
    if members.keys() not in _FORMS or not all(isinstance(one, str) for one in texts):
        raise _malformed(f"record {index} has other members than a record has")
    if "envelope" in members:
        envelope = canonical.unb64(members["envelope"])
        if len(envelope) > MOST_ENVELOPE_BYTES:
            raise _malformed(f"record {index} is longer than a record may be")
        return Kept(envelope)
    entry, place = canonical.unb64(members["entry"]), _place(index, members)
    if len(entry) != HASH_BYTES:
        raise _malformed(f"record {index} has no entry of 32 bytes")
    if place is None or "erased_by" not in members:
        return Unread(entry, place)
    erased_at = members["erased_at"]
    if type(erased_at) is not int or not index < erased_at <= MAX_INTEGER:
        raise _malformed(f"record {index} is said to be erased before it was there")
    return Gone(entry, place, _uuid(index, members["erased_by"]), erased_at)


def _place(index: int, members: dict[str, Any]) -> RecordPlace | None:
    if "stream" not in members:
        return None
    stream, seq = members["stream"], members["seq"]
    if not is_stream(stream) or type(seq) is not int or not 1 <= seq <= MAX_INTEGER:
        raise _malformed(f"record {index} stands nowhere")
    act_id = members["act_id"]
    # as a row says: the database below takes some of whoever has its writer's login that are no v4
    if _PLAIN_UUID.fullmatch(act_id) is None:
        raise _malformed(f"record {index} names no act")
    return RecordPlace(stream, seq, UUID(act_id))


def _uuid(index: int, text: str) -> UUID:
    try:
        found = UUID(text)
    except ValueError:
        found = UUID(int=0)
    if str(found) != text or found.version != 4:  # noqa: PLR2004 - UUIDv4
        raise _malformed(f"record {index} names no act")
    return found


def _malformed(detail: str) -> SegmentRefused:
    return SegmentRefused(
        "malformed", Message("it has not the form of a segment: {detail}", detail=detail)
    )


# --- as the child process that took a text apart hands it on ---


def packed(segment: Segment) -> bytes:
    """The same in a form with nothing to take apart: lengths and bytes."""
    parts = [_text(segment.log.encode()), _number(segment.at), _number(segment.start)]
    parts += [_text(segment.checkpoint), _text(b"".join(segment.consistency))]
    parts += [_text(segment.signature), _number(len(segment.files))]
    for file in segment.files:
        parts += [_number(file.index), _number(file.n)]
        parts += [b"\0"] if file.data is None else [b"\1", _text(file.data)]
    for item in segment.items:
        match item:
            case Kept(envelope):
                parts += [b"\1", _text(envelope)]
            case Gone(entry, place, erased_by, erased_at):
                parts += [b"\0", entry, *_packed(place), erased_by.bytes, _number(erased_at)]
            case Unread(entry, at):
                parts += [b"\2", entry] if at is None else [b"\3", entry, *_packed(at)]
    return b"".join(parts)


def unpacked(data: bytes) -> Segment:
    """Inverse of `packed`; whoever made it is not believed. Raises: SegmentRefused."""
    rest = _Rest(data)
    items: list[Item] = []
    try:
        log, at, start = rest.text().decode("ascii"), rest.number(), rest.number()
        note, hashes, signature = rest.text(), rest.text(), rest.text()
        files = tuple(rest.file() for _ in range(rest.number()))
        _require_order(files, start, MAX_INTEGER)
        while rest.left and len(items) <= MOST_ITEMS:
            items.append(rest.item())
    except (IndexError, ValueError) as error:
        raise unreadable() from error
    if len(hashes) % HASH_BYTES or len(items) > MOST_ITEMS:
        raise unreadable()
    path = tuple(hashes[n : n + HASH_BYTES] for n in range(0, len(hashes), HASH_BYTES))
    return Segment(log, at, start, tuple(items), note, path, signature, files)


def unreadable() -> SegmentRefused:
    """Whoever took a text apart did not come to an end, or said nothing that can be read."""
    return SegmentRefused("died", Message("taking it apart came to no end"))


def _packed(place: RecordPlace) -> tuple[bytes, ...]:
    return _text(place.stream.encode()), _number(place.seq), place.act_id.bytes


def _number(value: int) -> bytes:
    return value.to_bytes(8)


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


class _Rest:
    """Bytes that are taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    @property
    def left(self) -> bool:
        return len(self._data) > 0

    def take(self, length: int) -> bytes:
        if len(self._data) < length:
            raise IndexError
        taken, self._data = bytes(self._data[:length]), self._data[length:]
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(8))

    def text(self) -> bytes:
        return self.take(int.from_bytes(self.take(4)))

    def file(self) -> SegmentFile:
        index, n, there = self.number(), self.number(), self.take(1)
        if there not in (b"\0", b"\1"):
            raise ValueError
        return SegmentFile(index, n, self.text() if there == b"\1" else None)

    def item(self) -> Item:
        match self.take(1):
            case b"\0":
                entry, place = self.take(HASH_BYTES), self.place()
                return Gone(entry, place, UUID(bytes=self.take(16)), self.number())
            case b"\1":
                return Kept(self.text())
            case b"\2":
                return Unread(self.take(HASH_BYTES), None)
            case b"\3":
                return Unread(self.take(HASH_BYTES), self.place())
            case _:
                raise ValueError

    def place(self) -> RecordPlace:
        stream = self.text().decode("ascii")
        if not is_stream(stream):
            raise ValueError
        return RecordPlace(stream, self.number(), UUID(bytes=self.take(16)))
