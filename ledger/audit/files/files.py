"""Checks the files of a log: each row about them, the chain over their custody, the log's anchors.

Four things have to agree: what acts list, what was uploaded, who handled it since, and how much of
that the log has anchored. A damage here has the index of the first record that it belies: the act
that lists the file, or the first anchor that covers the event; behind the last anchor that is the
newest record. Where the files' bytes lie is not known here. formats.md §3, §5.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from keys import canonical, envelope_encryption, sealed_anchor, sealed_file
from keys.envelope_encryption import Kek
from keys.errors import KeysError
from ledger.audit.files.late_anchors import Anchored, Gap
from ledger.audit.files.snapshot_port import FileBytes, FileEvidence, RawEvent, RawFile, Wraps
from ledger.audit.findings import Damage, Finding
from ledger.errors import NotFound, Unavailable
from ledger.files import file_key
from ledger.log import custody

_ALGORITHM: Final = "sha-256:"
_LEAST_RECORD: Final = 800
"""Bytes of the sealed state of an act that lists no file: header, signature, signer, basis."""
_LEAST_LISTED: Final = len('{"digest":"sha-256:","media_type":"","name":"","size":0},') + 43
"""Bytes of a payload that one listed file takes."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file as an act lists it.

    Attributes:
        index: Leaf index of the act's first statement.
        stream: Stream of the act.
        officer: Its author.
        digest: Of the file.
        size: As the act says.
    """

    index: int
    stream: str
    officer: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was checked of the files.

    Attributes:
        files: How many there are.
        events: Custody events.
        anchors: Anchors held against them.
        unanchored: Events behind the last anchor: nothing but the next one will tell whether they
            are all there.
        erased: Files whose content is erased.
        contents: What was asked of the files' own bytes: `nothing`, `length` or `digest`.
        gaps: Where the log went on for more than two intervals without an anchor. No damage: the
            service may have been without its key. What happened there was covered late.
    """

    files: int = 0
    events: int = 0
    anchors: int = 0
    unanchored: int = 0
    erased: int = 0
    contents: Literal["nothing", "length", "digest"] = "nothing"
    gaps: tuple[Gap, ...] = ()


@dataclass(slots=True)
class _History:
    """Where the history of one file stands, what its upload says, places without a key."""

    seq: int = 0
    entry: bytes | None = None
    place: int = 0
    added: Mapping[str, Any] | None = None
    wrapless: list[int] = field(default_factory=list)


@dataclass(slots=True)
class FileChecks:
    """The walk over the rows about files.

    Args:
        source: The rows.
        keks: What opens them, by id; empty where nothing is opened.
        origin: Origin of the log.
        last: Index of the newest record, 0 where there is none.
        anchors: Of the log, in order.
        attached: What acts list, in order.
        erasable: How many files the erased records could have listed, at most.
        blobs: The files themselves; None leaves them alone.
        whole: Whether each is read and hashed; else only that it is there, and how long.
    """

    source: FileEvidence
    keks: Mapping[bytes, Kek]
    origin: str
    last: int
    anchors: Sequence[Anchored]
    attached: Sequence[Attached]
    erasable: int
    blobs: FileBytes | None = None
    whole: bool = False
    findings: list[Finding] = field(default_factory=list)
    _key: bytes | None = None
    _tags: frozenset[bytes] | None = None
    _files: dict[UUID, RawFile] = field(default_factory=dict)
    _histories: dict[UUID, _History] = field(default_factory=dict)
    _claims: list[tuple[int, custody.CustodyChain]] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)
    _held: int = 0
    _broken: bool = False
    _sizes: Mapping[UUID, int] = field(default_factory=dict)

    def run(self) -> FileReport:
        """Checks everything; what is wrong stands in `findings`."""
        self._take_key()
        self._take_anchors()
        self._ask_store()
        doubled = 0
        for file in self.source.files():
            doubled += file.name in self._files
            self._files[file.name] = file
        chain, end = self._walk()
        self._check_extent(chain.count, end, doubled)
        erased = [file for file in self._files.values() if self._check_file(file)]
        self._check_erased(erased)
        for name, seq in self.source.astray():
            message = f"a wrapped key {seq} of file {name}, which has no such row"
            self._find(self.last, Damage.FILE_WRAP_WRONG, message)
        self._check_attached()
        last = self._counts[-1] if self._counts else 0
        return FileReport(
            files=len(self._files),
            events=chain.count,
            anchors=len(self._claims),
            unanchored=max(chain.count - last, 0),
            erased=len(erased),
            contents="nothing" if self.blobs is None else "digest" if self._reads else "length",
        )

    @property
    def _reads(self) -> bool:
        return self.whole and bool(self.keks)

    def _ask_store(self) -> None:
        """A store that cannot be reached is not asked: that is said, and is no damage."""
        try:
            self._sizes = {} if self.blobs is None else self.blobs.sizes()
        except Unavailable:
            self.blobs = None

    # -- the key of the files ----------------------------------------------------------------------

    def _take_key(self) -> None:
        rows = self.source.keys()
        if len(rows) > 1 or any(one is not True for one, _ in rows):
            self._find(0, Damage.FILE_KEY_WRONG, "the key of the files does not stand alone")
        if not self.keks or not rows:
            return
        wrap = rows[0][1] or b""
        for kek in self.keks.values():
            try:
                self._key = file_key.opened(wrap, kek, self.origin)
            except KeysError:
                continue
        if self._key is None:
            self._find(0, Damage.FILE_KEY_WRONG, "the key of the files does not open")

    # -- anchors -----------------------------------------------------------------------------------

    def _take_anchors(self) -> None:
        if not self.keks:
            return
        for one in self.anchors:
            try:
                count, digest = sealed_anchor.open_sealed(
                    one.sealed,
                    sealed_anchor.key_of(self._key or b""),
                    origin=self.origin,
                    event_id=one.event_id,
                )
            except KeysError as error:
                if self._key is None:
                    message = "the key of the files is gone, and with it what this anchor says"
                    self._find(one.index, Damage.FILE_KEY_WRONG, message)
                    return
                self._find(one.index, Damage.CUSTODY_ANCHOR, f"the anchor says nothing: {error}")
                continue
            if self._counts and count < self._counts[-1]:
                message = f"{count} events are anchored after {self._counts[-1]}"
                self._find(one.index, Damage.CUSTODY_ANCHOR, message)
                continue
            self._counts.append(count)
            self._claims.append((one.index, custody.CustodyChain(count, digest)))

    def _at(self, place: int) -> int:
        """Index of the first record that an event of this place belies."""
        first = bisect_right(self._counts, place)
        return self._claims[first][0] if first < len(self._claims) else self.last

    def _of_file(self, name: UUID) -> int:
        history = self._histories.get(name)
        return self.last if history is None else self._at(history.place)

    def _hold(self, chain: custody.CustodyChain) -> None:
        """Holds the chain against every anchor that ends here."""
        while self._held < len(self._claims) and self._counts[self._held] == chain.count:
            index, claimed = self._claims[self._held]
            self._held += 1
            if claimed != chain and not self._broken:
                self._broken = True
                message = f"the first {chain.count} custody events are not those anchored here"
                self._find(index, Damage.CUSTODY_ANCHOR, message)

    # -- events ------------------------------------------------------------------------------------

    def _walk(self) -> tuple[custody.CustodyChain, int]:
        """The chain over every event, and the place behind the last."""
        chain = custody.CustodyChain()
        self._hold(chain)
        place = 0
        for event in self.source.events():
            if event.place != place:
                self._misplaced(event, place)
            place = max(place, event.place + 1)
            self._follow(event)
            chain = chain.after(event.name, max(event.seq, 0), event.entry)
            self._hold(chain)
        if self._held < len(self._claims) and not self._broken:
            index, claimed = self._claims[self._held]
            message = f"{claimed.count} custody events are anchored here, {chain.count} are there"
            self._find(index, Damage.CUSTODY_TAIL_MISSING, message)
        return chain, place

    def _misplaced(self, event: RawEvent, place: int) -> None:
        self._broken = True
        if event.place > place:
            message = f"custody events {place} to {event.place - 1} of all files are missing"
            self._find(self._at(place), Damage.CUSTODY_MISSING, message)
        else:
            message = f"a second custody event in place {event.place}"
            self._find(self._at(max(event.place, 0)), Damage.CUSTODY_ORDER, message)

    def _follow(self, event: RawEvent) -> None:
        history = self._histories.setdefault(event.name, _History(place=event.place))
        if event.name not in self._files:
            message = f"file {event.name} is gone, its custody event {event.seq} is here"
            self._find(self._at(event.place), Damage.FILE_MISSING, message)
        if event.seq != history.seq + 1:
            message = f"custody event {event.seq} of file {event.name} after {history.seq}"
            self._find(self._at(event.place), Damage.CUSTODY_ORDER, message)
        elif self.keks:
            self._open(event, history)
        self._check_wraps(event.name, event.seq, event.wraps, self._at(event.place))
        if not event.wraps:
            history.wrapless.append(event.place)
        history.seq, history.entry = event.seq, event.entry

    def _open(self, event: RawEvent, history: _History) -> None:
        """What the event says; one without a key is judged with its file."""
        if not event.wraps:
            return
        try:
            dek = self._dek(event.wraps, event.entry)
            envelope = envelope_encryption.open_state(
                event.state or b"",
                dek,
                origin=self.origin,
                stream=custody.sealed_for(event.name),
                seq=event.seq,
            )
            if hashlib.sha256(envelope).digest() != event.entry:
                self._edited(event, "it does not hash to the entry of the row")
                return
            members = custody.read_event(
                envelope,
                origin=self.origin,
                name=event.name,
                seq=event.seq,
                before=history.entry,
            )
        except KeysError as error:
            self._edited(event, str(error))
            return
        if event.seq == 1:
            history.added = members

    def _edited(self, event: RawEvent, why: str) -> None:
        message = f"custody event {event.seq} of file {event.name} does not hold: {why}"
        self._find(self._at(event.place), Damage.CUSTODY_EDITED, message)

    def _dek(self, wraps: Wraps, entry: bytes) -> bytes:
        """The first that opens. Raises: KeysError."""
        failed: KeysError | None = None
        for kek_id, wrap in wraps:
            kek = self.keks.get(kek_id)
            if kek is None:
                continue
            try:
                return envelope_encryption.unwrap(kek, wrap or b"", origin=self.origin, entry=entry)
            except KeysError as error:
                failed = error
        raise failed or KeysError("its key is wrapped under a KEK that is not this log's")

    def _check_wraps(self, name: UUID, seq: int, wraps: Wraps, index: int) -> None:
        ids = [kek_id for kek_id, _ in wraps]
        kept = all(wrap is None or wrap[1:17] == kek_id for kek_id, wrap in wraps)
        if len(set(ids)) != len(ids) or not kept:
            message = f"wrapped key {seq} of file {name} is kept twice, or under another KEK"
            self._find(index, Damage.FILE_WRAP_WRONG, message)

    def _check_extent(self, events: int, end: int, doubled: int) -> None:
        declared = self.source.declared()
        if len(declared) != 1 or declared[0][0] is not True:
            self._find(self.last, Damage.CUSTODY_HEAD, "the count of custody events is gone")
        elif declared[0][1] != end:
            kind = Damage.CUSTODY_TAIL_MISSING if declared[0][1] > end else Damage.CUSTODY_HEAD
            message = f"{declared[0][1]} custody events are declared, they end at {end}"
            self._find(self._at(end), kind, message)
        if doubled or self.source.counted() != (len(self._files), events):
            self._find(self.last, Damage.FILE_DOUBLED, "a row about a file stands there twice")

    # -- files -------------------------------------------------------------------------------------

    def _check_file(self, file: RawFile) -> bool:
        """Whether its content is erased, as it may be."""
        history, index = self._histories.get(file.name), self._of_file(file.name)
        if history is None:
            message = f"file {file.name} has no custody event, not even its upload"
            self._find(index, Damage.CUSTODY_MISSING, message)
            return False
        if history.wrapless or not file.wraps:
            whole = not file.wraps and len(history.wrapless) == history.seq
            if whole and self.erasable and file.tag not in self._listed():
                return True
            first = index if not file.wraps else self._at(history.wrapless[0])
            message = f"keys of file {file.name} are gone and no recorded act erased it"
            self._find(first, Damage.FILE_WRAP_MISSING, message)
        self._check_wraps(file.name, 0, file.wraps, index)
        dek = None
        if history.added is not None:
            dek = self._check_upload(file, history.added, index)
        if self.blobs is not None:
            self._check_bytes(self.blobs, file.name, history.added, dek, index)
        return False

    def _check_erased(self, files: Sequence[RawFile]) -> None:
        """No more are erased than erased records could list; one may be sent more than once."""
        sent = len({file.tag or file.name for file in files})
        if sent > self.erasable:
            message = f"{sent} files are erased, erased records list {self.erasable} at most"
            self._find(self.last, Damage.FILE_WRAP_MISSING, message)

    def _listed(self) -> frozenset[bytes]:
        """Tags of what acts list that can still be read: while one does, its file is not erased."""
        if self._key is None:
            return frozenset()
        if self._tags is None:
            key, authors = self._key, dict[tuple[str, str], set[str]]()
            for one in self.attached:
                authors.setdefault((one.stream, one.digest), set()).add(one.officer)
            self._tags = frozenset(
                sealed_file.lookup_tag(key, officer=officer, digest=digest)
                for (_, digest), officers in authors.items()
                for officer in officers
            )
        return self._tags

    def _check_upload(self, file: RawFile, added: Mapping[str, Any], index: int) -> bytes | None:
        """Tag and key of a file against what its upload says; the key."""
        digest = str(added["about"].get("digest"))
        if self._key is None:
            self._find(index, Damage.FILE_KEY_WRONG, "there are files, and no key of the files")
        elif file.tag != sealed_file.lookup_tag(self._key, officer=added["officer"], digest=digest):
            message = f"file {file.name} is not found by who uploaded it"
            self._find(index, Damage.FILE_TAG_WRONG, message)
        if not file.wraps:
            return None
        try:
            return self._dek(file.wraps, canonical.unb64(digest.removeprefix(_ALGORITHM)))
        except KeysError as error:
            message = f"the key of file {file.name} does not open: {error}"
            self._find(index, Damage.FILE_WRAP_WRONG, message)
            return None

    def _check_bytes(
        self,
        store: FileBytes,
        name: UUID,
        added: Mapping[str, Any] | None,
        dek: bytes | None,
        index: int,
    ) -> None:
        """The file itself: that it is there, how long it is, and where asked for every byte."""
        length = self._sizes.get(name)
        about = {} if added is None else added["about"]
        if length is None:
            message = f"the sealed bytes of file {name} are gone"
            self._find(index, Damage.FILE_BYTES_MISSING, message)
        elif added is not None and length not in _lengths(int(about.get("size", 0))):
            message = f"the sealed bytes of file {name} are {length}, of another file"
            self._find(index, Damage.FILE_BYTES_WRONG, message)
        elif self._reads and dek is not None and not _is(store, name, dek, str(about["digest"])):
            message = f"the sealed bytes of file {name} do not open to what was uploaded"
            self._find(index, Damage.FILE_BYTES_WRONG, message)

    # -- what acts list ----------------------------------------------------------------------------

    def _check_attached(self) -> None:
        """As the door asks: the author of the act, or of an earlier one that lists it, sent it.

        An upload that cannot be read is damage of its own, and could be what its tag fits.
        """
        unread = [name for name, history in self._histories.items() if history.added is None]
        if not self.keks or any(name not in self._files for name in unread):
            return
        tags = {self._files[name].tag for name in unread}
        uploads = {
            (history.added["officer"], history.added["about"].get("digest"), size)
            for history in self._histories.values()
            if history.added is not None
            for size in (history.added["about"].get("size"),)
        }
        authors: dict[tuple[str, str], list[str]] = {}
        for one in self.attached:
            known = authors.setdefault((one.stream, one.digest), [])
            known.append(one.officer)
            if not any(
                (officer, one.digest, one.size) in uploads or self._tag(officer, one.digest) in tags
                for officer in known
            ):
                message = f"the act lists {one.digest}, which nobody of its authors has uploaded"
                self._find(one.index, Damage.FILE_MISSING, message)

    def _tag(self, officer: str, digest: str) -> bytes | None:
        """What a file is found by; None where its key is gone, which is said."""
        if self._key is None:
            return None
        return sealed_file.lookup_tag(self._key, officer=officer, digest=digest)

    def _find(self, index: int, kind: Damage, message: str) -> None:
        self.findings.append(Finding(index, kind, message))


def most_listed(sealed_bytes: int) -> int:
    """How many files a record could list, by how long its sealed state is (formats.md §2-§5)."""
    return max(sealed_bytes - _LEAST_RECORD, 0) * 3 // 4 // _LEAST_LISTED


def _lengths(size: int) -> Collection[int]:
    """How long the sealed form of a file may be: in steps above ordinary, once there were."""
    return [sealed_file.sealed_bytes(size, stepped=stepped) for stepped in (False, True)]


def _is(store: FileBytes, name: UUID, dek: bytes, digest: str) -> bool:
    """Whether a file opens to the bytes of this digest."""
    sha = hashlib.sha256()
    try:
        for part in sealed_file.open_sealed(store.get(name), dek, digest=digest):
            sha.update(part)
    except (KeysError, NotFound):
        return False
    return _ALGORITHM + canonical.b64(sha.digest()) == digest
