"""Files of acts: kept as they come, opened only through an act that lists them.

formats.md §2 and §5, access.md L16. An upload has a random name and a key of its own; the answer is
the same whether or not the bytes were known. The digest in the signed act is the one way back to
it, and only to what the act's author, or an author before in its stream, has uploaded: knowing a
digest opens nothing. Every byte is checked before the first one leaves. HTTP is not known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final
from uuid import UUID

from keys import canonical, envelope_encryption, sealed_file
from keys.envelope_encryption import Keks
from keys.errors import KeysError, Malformed, Unsealable
from ledger.errors import Fault, NotFound, Rejected, VerificationError
from ledger.files.custody import Actor, Event, FileHistory, What
from ledger.files.file_key import FileKey
from ledger.files.folder_store import disk_told, write_whole
from ledger.log.custody import EXPORTED, READ
from ledger.message import Message
from ledger.ports import BlobStore, Entropy, FileIndex, RecordStore, StoredFile
from ledger.regulation.acts.act import ORDINARY, Act
from ledger.streams.opener import KeptApart, OpenedBy
from ledger.streams.record_reader import Opened, Reader
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower

_ALGORITHM: Final = "sha-256:"
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class KeptFile:
    """The answer to an upload; the digest is what an act lists."""

    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as an act lists it, and the upload that holds its bytes.

    Attributes:
        act: The act.
        index: Leaf index of its first statement.
        recorded_at: When the log took that.
        kid: The key it was signed with.
        digest: Of the file.
        media_type: As the act says.
        size: As the act says.
        name: As the act says.
        file: The upload.
    """

    act: Act
    index: int
    recorded_at: datetime
    kid: str
    digest: str
    media_type: str
    size: int
    name: str
    file: StoredFile


class Attachments:
    """The files of one enclave.

    Args:
        blobs: Their sealed bytes.
        index: Which uploads there are.
        records: Through which they are found, as the login that asks may see them.
        require: Decides once more whether the asker sees an act of a stream. Raises: NotFound.
        whole: Every record: by them it is judged which acts stand, and nothing is shown.
        kek: Wraps their keys.
        folding: Opens what is before an act, for nobody to be shown; `kek`, if left out.
        entropy: Names.
        origin: Origin of the log.
        level: Its level.
        limit_bytes: The most one file may have.
        scratch: Opens an empty file that nobody can find and that is gone when it is closed; what
            is written to it is not held back.
        follower: Follows the registry; asked where the records of a stream are judged.
    """

    def __init__(  # noqa: PLR0913 - wired once, by api.ops.wiring
        self,
        *,
        blobs: BlobStore,
        index: FileIndex,
        records: RecordStore,
        require: Callable[[str, str], None],
        whole: RecordStore,
        kek: Keks,
        folding: Keks | None = None,
        entropy: Entropy,
        origin: str,
        level: str,
        limit_bytes: int,
        scratch: Callable[[], IO[bytes]],
        follower: Callable[[], RegistryFollower],
    ) -> None:
        self._blobs = blobs
        self._index = index
        self._records = records
        self._require = require
        self._whole = whole
        self._reader = Reader(records, kek, origin, level)
        self._folding = Reader(whole, kek if folding is None else folding, origin, level)
        self._history = FileHistory(index, kek=kek, entropy=entropy, origin=origin, level=level)
        self._file_key = FileKey(index, kek, origin)
        self._kek = kek
        self._entropy = entropy
        self._origin = origin
        self._stepped = level != ORDINARY  # the list of files in the views says it there anyway
        self.limit_bytes = limit_bytes
        self._scratch = scratch
        self._follower = follower

    # -- keeping -----------------------------------------------------------------------------------

    def keep(
        self,
        parts: Iterable[bytes],
        *,
        media_type: str,
        by: Actor,
        at: datetime,
        declared: str | None = None,
    ) -> KeptFile:
        """Takes a file in constant memory, sealed as it comes.

        The digest stands in every chunk's AAD. Where the sender does not declare it, the file is
        first sealed into a scratch file, under a key that is then forgotten, and a second time once
        its digest is known: its plain bytes are on no disk.

        Args:
            parts: The bytes as received; what it raises comes through, and nothing is kept.
            media_type: As the sender says.
            by: Who sends it.
            at: The ledger's time.
            declared: `sha-256:` + b64, where the sender knows it beforehand.

        Raises:
            Rejected: `too_large` or `digest_mismatch`; nothing is kept.
            Unavailable: The store cannot be reached or is full.
        """
        if declared is None:
            return self._keep_undeclared(parts, media_type, by, at)
        raw_digest(declared)
        measured = _Measured(parts, self.limit_bytes, declared)
        name, dek = self._entropy.uuid(), sealed_file.new_key()
        sealed = sealed_file.seal(measured, dek, digest=declared, stepped=self._stepped)
        self._blobs.put(name, sealed)
        return self._keep(name, dek, KeptFile(declared, measured.size, media_type), by, at)

    def _keep_undeclared(
        self, parts: Iterable[bytes], media_type: str, by: Actor, at: datetime
    ) -> KeptFile:
        passing = sealed_file.new_key()
        measured = _Measured(parts, self.limit_bytes)
        with disk_told():
            draft = self._scratch()
        with draft:
            for part in sealed_file.seal(measured, passing, digest=""):
                write_whole(draft, part)
            draft.seek(0)
            again = sealed_file.open_sealed(_read(draft), passing, digest="")
            return self.keep(again, media_type=media_type, by=by, at=at, declared=measured.digest)

    def _keep(self, name: UUID, dek: bytes, kept: KeptFile, by: Actor, at: datetime) -> KeptFile:
        """DURABLE when this returns.

        What fails here leaves sealed bytes without a row and a key, which nobody can open.
        """
        about = {"digest": kept.digest, "size": kept.size, "media_type": kept.media_type}
        entry = raw_digest(kept.digest)
        tag_key = self._file_key.made()
        self._index.add(
            StoredFile(
                name=name,
                tag=sealed_file.lookup_tag(tag_key, officer=by.officer, digest=kept.digest),
                wrap=envelope_encryption.wrap(self._kek, dek, origin=self._origin, entry=entry),
                first=self._history.first(name, at, by, about),
            )
        )
        return kept

    # -- what the write path asks ------------------------------------------------------------------

    def require(self, act: Act, earlier: Iterable[Act]) -> None:
        """Whether each file of an act was uploaded by an officer who may list it.

        That is its author, or the author of an earlier act that lists it. An act that lists what
        nobody can open would point to nothing, for ever. The answer does not depend on whether
        others have uploaded the same bytes (L16).

        Args:
            act: It.
            earlier: Acts of its stream that its author sees.

        Raises:
            Rejected: `attachment_missing`.
        """
        if not act.attachments:
            return
        before = list(earlier)
        faults = [
            Fault(
                f"/attachments/{n}",
                Message("this file was not uploaded, or has another size"),
            )
            for n, listed in enumerate(act.attachments)
            if not self._is_there(listed, act, before)
        ]
        if faults:
            raise Rejected(
                "attachment_missing",
                Message(
                    "The author has not uploaded a file that the act lists; nothing was recorded."
                ),
                faults=faults,
            )

    def _is_there(self, listed: Mapping[str, Any], act: Act, earlier: list[Act]) -> bool:
        officers = _authors(listed["digest"], [act, *earlier])
        return any(
            self._added(file).about["size"] == listed["size"]
            for file in self._uploads(listed["digest"], officers)
        )

    # -- reading -----------------------------------------------------------------------------------

    def find(self, act_id: str, digest: str) -> Listed:
        """A file of an act that the caller sees.

        Raises:
            NotFound: No such act, it does not list the file, or the file is erased: all the same to
                the caller.
            VerificationError: The record or the upload does not open to what it must be.
        """
        first = self._act(act_id)
        act = first.act
        self._require(first.stream, act_id)
        listed = next((a for a in act.attachments if a["digest"] == digest), None) if act else None
        if act is None or first.statement is None or listed is None:
            raise NotFound("no such file")
        file = self._upload_for(act, first, digest)
        return Listed(
            act=act,
            index=first.index,
            recorded_at=first.recorded_at,
            kid=first.statement.kid,
            digest=digest,
            media_type=listed["media_type"],
            size=listed["size"],
            name=listed["name"],
            file=file,
        )

    def disclose(
        self, listed: Listed, *, by: Actor, at: datetime, under: UUID | None = None
    ) -> Iterator[bytes]:
        """The file as received; all of it checked, and the custody event committed, on return.

        Args:
            listed: Of `find`, for this caller.
            by: Who gets it.
            at: The ledger's time.
            under: The order or opening by which alone they see it.

        Raises:
            VerificationError: `attachment`: what is stored is not what the act names; nothing
                leaves.
            Unavailable: The store or the history cannot be reached; nothing leaves.
        """
        key = self._key(listed, by)
        self._verify(listed, key)
        return self._noted(listed, key, by, at, READ, under)

    def hand_out(
        self, listed: Listed, *, by: Actor, at: datetime, numbered: Callable[[], None]
    ) -> Iterator[bytes]:
        """The file as a copy that leaves (access.md A23); as `disclose`.

        Args:
            listed: Of `find`, for this caller.
            by: Who gets it.
            at: The ledger's time.
            numbered: Gives the copy its number, DURABLE on return; asked once the file is sound,
                so that no number is spent on one that is not.

        Raises:
            VerificationError: `attachment`.
            Unavailable: The store or the history cannot be reached; nothing leaves.
        """
        key = self._key(listed, by)
        self._verify(listed, key)
        numbered()
        return self._noted(listed, key, by, at, EXPORTED)

    def _noted(
        self,
        listed: Listed,
        key: bytes,
        by: Actor,
        at: datetime,
        what: What,
        under: UUID | None = None,
    ) -> Iterator[bytes]:
        about = {"act_id": listed.act.act_id, "stream": listed.act.stream}
        if under is not None:
            about["under"] = str(under)
        self._history.note(listed.file.name, what, at, by, about)
        return self._chunks(listed, key)

    def history(self, listed: Listed) -> list[Event]:
        """The upload, and who read or exported the file through acts that the caller sees (NI3).

        Of this act's stream alone. Whom a read under an order (`under`) is told to is not decided
        here.
        """
        stream, shown = listed.act.stream, {listed.act.act_id: True}
        told = []
        for event in self._history.events(listed.file.name):
            through = event.about.get("act_id", listed.act.act_id)
            if event.about.get("stream", stream) != stream:
                continue
            if through not in shown:
                shown[through] = self._shows(stream, through)
            if shown[through]:
                told.append(event)
        return told

    def _shows(self, stream: str, act_id: str) -> bool:
        try:
            self._require(stream, act_id)
        except NotFound:
            return False
        return True

    def _key(self, listed: Listed, by: Actor) -> bytes:
        """The key of a file, for whoever reads it. Raises: VerificationError, Unavailable."""
        name, entry = listed.file.name, raw_digest(listed.digest)
        try:
            if isinstance(self._kek, KeptApart):
                who = OpenedBy(by.officer, by.kid)
                return self._kek.file(name, entry, listed.index, who)
            wrap = listed.file.wrap or b""
            return envelope_encryption.unwrap(self._kek, wrap, origin=self._origin, entry=entry)
        except Unsealable as error:
            raise VerificationError("attachment", str(error)) from error

    def _verify(self, listed: Listed, key: bytes) -> None:
        sha, size = hashlib.sha256(), 0
        for chunk in self._chunks(listed, key):
            sha.update(chunk)
            size += len(chunk)
        if (text_digest(sha.digest()), size) != (listed.digest, listed.size):
            raise VerificationError("attachment", "the file is not the one that the act names")

    def _chunks(self, listed: Listed, key: bytes) -> Iterator[bytes]:
        """Each chunk after its tag is checked.

        A file cut short while it is sent ends in an error, never in silence.
        """
        try:
            sealed = self._blobs.get(listed.file.name)
            yield from sealed_file.open_sealed(sealed, key, digest=listed.digest)
        except Unsealable as error:
            raise VerificationError("attachment", str(error)) from error
        except NotFound as error:
            raise VerificationError("attachment", "the sealed file is gone") from error

    def _act(self, act_id: str) -> Opened:
        """The record by which an act came into the log, as the caller may see it."""
        try:
            rows = self._records.act(UUID(act_id))
        except ValueError as error:
            raise NotFound("no such act") from error
        first = next((row for row in rows if row.author), None)
        if first is None:
            raise NotFound("no such act")
        return self._reader.open(first)

    def _upload_for(self, act: Act, first: Opened, digest: str) -> StoredFile:
        """The author's newest upload before the act, else one that an earlier act listed."""
        files = self._uploads(digest, _authors(digest, [act]))
        if not files:  # what is before an act is asked only where it must be
            files = self._uploads(digest, _authors(digest, self._before(first)))
        if not files:
            raise NotFound("no such file")
        return self._chosen(files, first.recorded_at)

    def _chosen(self, files: list[StoredFile], recorded_at: datetime) -> StoredFile:
        dated = sorted((self._added(file).at, file.name.hex, file) for file in files)
        before = [file for at, _, file in dated if at <= recorded_at]
        return before[-1] if before else dated[0][2]

    def _before(self, first: Opened) -> list[Act]:
        """Acts of the stream before it, of the records that stand: the others say nothing here."""
        judged = JudgedStream(self._follower(), self._whole, self._folding, first.stream)
        aside = judged.upto(first.index)
        reader = self._folding.for_folds()
        opened = (
            reader.open(row)
            for row in self._whole.stream(first.stream_id)
            if row.author and row.index < first.index and aside.get(row.index) is None
        )
        return [one.act for one in opened if one.act is not None]

    def _uploads(self, digest: str, officers: Iterable[str]) -> list[StoredFile]:
        """Living uploads of these officers with this digest."""
        key = self._file_key.standing()
        if key is None:
            return []
        tags = [sealed_file.lookup_tag(key, officer=officer, digest=digest) for officer in officers]
        found = self._index.find(tags) if tags else []
        return [file for file in found if file.wrap is not None and file.first.wrap is not None]

    def _added(self, file: StoredFile) -> Event:
        return self._history.open(file.first, None)


class _Measured:
    """Parts as they pass, counted and hashed.

    Ends in a refusal, so that nothing unfit is ever kept whole.
    """

    def __init__(self, parts: Iterable[bytes], limit: int, declared: str | None = None) -> None:
        self._parts = parts
        self._limit = limit
        self._declared = declared
        self._sha = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """Of what has passed."""
        return text_digest(self._sha.digest())

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self.size += len(part)
            if self.size > self._limit:
                raise too_large(self._limit)
            self._sha.update(part)
            yield part
        if self._declared not in (None, self.digest):
            raise Rejected(
                "digest_mismatch",
                Message(
                    "The file was not taken: it has another digest than declared; nothing was kept."
                ),
            )


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(sealed_file.CHUNK_BYTES):
        yield part


def too_large(limit: int) -> Rejected:
    """The file has more bytes than the enclave takes."""
    return Rejected(
        "too_large",
        Message(
            "The file was not taken: a file has at most {limit} MiB; nothing was kept.",
            limit=limit // _MIB,
        ),
    )


def text_digest(raw: bytes) -> str:
    """`sha-256:` + b64 of 32 bytes (formats.md §2)."""
    return _ALGORITHM + canonical.b64(raw)


def raw_digest(digest: str) -> bytes:
    """The 32 bytes of a digest in its text form.

    Raises:
        Rejected: `malformed_request`: not of that form.
    """
    try:
        if not digest.startswith(_ALGORITHM):
            raise Malformed("another algorithm")
        raw = canonical.unb64(digest.removeprefix(_ALGORITHM))
        if len(raw) != hashlib.sha256().digest_size:
            raise Malformed("another length")
    except KeysError as error:
        raise Rejected(
            "malformed_request",
            Message("The digest of a file is sha-256: and 43 characters of base64url."),
        ) from error
    return raw


def _authors(digest: str, acts: Iterable[Act]) -> list[str]:
    """Authors of the acts that list the file."""
    found = [
        act.signers[0].officer
        for act in acts
        if any(listed["digest"] == digest for listed in act.attachments)
    ]
    return list(dict.fromkeys(found))
