"""Carries out an act of erasure (access.md A20, K8): wraps go, and the sealed files behind them.

What R keeps of a reporter goes with the act by which they were sealed. Before anything goes, all is
asked that the database cannot ask: that the act stands by the rules and is effective, that it names
whole acts, and every file that these list. Each step may be repeated; what the database has taken
away once is found by what it keeps of it, so that whoever was cut off goes on. Views, memory and
backups are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol
from uuid import UUID

from keys import sealed_file
from ledger.errors import Conflict, NotFound, Rejected
from ledger.files.file_key import FileKey
from ledger.message import Message
from ledger.ports import FileIndex, RecordStore
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.case.registers import kept_by, register_of
from ledger.regulation.case.state import ERASURE, SEALING, VOIDING
from ledger.streams.record_reader import Opened, Reader
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower

STREAM: Final = "ledger"


class Shredder(Protocol):
    """What the database does for the keeper; `ledger.postgres.keeping.keeper` is one."""

    def shred(
        self,
        act_id: UUID,
        envelopes: Sequence[bytes],
        files: Sequence[UUID],
        size: int,
        items: Sequence[UUID],
    ) -> int:
        """Carries out an act, in a log of this size.

        Raises: Conflict: it was before; Rejected: it may not be; Unavailable: the log has grown.
        """

    def carried_out(self, act_id: UUID) -> bool:
        """Whether an act was carried out before."""

    def gone(self, indices: Sequence[int]) -> set[int]:
        """Which of these records went by an act."""

    def gone_files(self, act_id: UUID) -> list[UUID]:
        """The files that went by an act."""


class Blobs(Protocol):
    """Where sealed files lie."""

    def remove(self, name: UUID) -> None:
        """Takes a file away; one that is not there is gone already. Raises: Unavailable."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """An act of erasure that stands, and what goes by it.

    Attributes:
        act: It.
        index: Of its last statement.
        envelopes: Of its statements, in order.
    """

    act: Act
    index: int
    envelopes: tuple[bytes, ...]

    @property
    def entries(self) -> list[Mapping[str, object]]:
        """Index and entry of each record it names."""
        return list(self.act.facts.get("entries", ()))

    @property
    def indices(self) -> list[int]:
        """Indices of the records it names."""
        return [int(str(one["index"])) for one in self.entries]


Naming = Callable[[str, Collection[int]], Sequence[int]]
"""Indices of every act but these records' that has this digest anywhere in it."""


class Shredding:
    """Acts of erasure of one log.

    Args:
        records: Every record.
        reader: Opens them.
        follower: Follows the registry.
        shredder: Takes wraps away.
        files: Which uploads there are.
        file_key: What uploads are found by.
        blobs: The sealed files.
        naming: Which living acts have the digest of a file in them.
    """

    def __init__(  # noqa: PLR0913 - wired once, by api.ops
        self,
        *,
        records: RecordStore,
        reader: Reader,
        follower: RegistryFollower,
        shredder: Shredder,
        files: FileIndex,
        file_key: FileKey,
        blobs: Blobs,
        naming: Naming,
    ) -> None:
        self._records = records
        self._reader = reader.for_judges()
        self._follower = follower
        self._shredder = shredder
        self._files = files
        self._file_key = file_key
        self._blobs = blobs
        self._naming = naming

    def find(self, act_id: UUID) -> Erasure:
        """The act, if it stands and is effective.

        Raises:
            NotFound: There is no such act.
            Rejected: `no_erasure`, `not_effective` or `set_aside`; nothing went.
            VerificationError: A record of it does not open.
        """
        rows = self._records.act(act_id)
        if not rows:
            raise NotFound("no such act")
        opened = [self._reader.open(row) for row in rows]
        act = opened[0].act
        if act is None or act.act != ERASURE or opened[0].stream != STREAM:
            raise Rejected(
                "no_erasure", Message("Nothing was erased: the act is not RecordErased.")
            )
        aside = JudgedStream(self._follower, self._records, self._reader, STREAM).upto()
        if any(row.index not in aside or aside[row.index] is not None for row in rows):
            raise Rejected(
                "set_aside",
                Message("Nothing was erased: the rules do not take the act; see: socai log audit"),
            )
        if len(opened) != len(act.signers):
            raise Rejected(
                "not_effective",
                Message("Nothing was erased: the act is not signed by all of its signers yet."),
            )
        return Erasure(act, rows[-1].index, tuple(one.envelope for one in opened))

    def size(self) -> int:
        """How many records there are."""
        return self._records.head().size

    def carry_out(self, erasure: Erasure, size: int) -> bool:
        """Takes the wraps away; False where that was done before.

        Args:
            erasure: The act.
            size: How far the views have come that say which living acts list a file.

        Raises:
            Rejected: What the act names may not go as it names it; nothing went.
            Unavailable: Try again.
        """
        act_id = UUID(erasure.act.act_id)
        if self._shredder.carried_out(act_id):
            return False
        named = list(self._named(erasure))
        self._require_numbers(erasure, named)
        files = self._uploads(erasure, named)
        try:
            self._shredder.shred(act_id, erasure.envelopes, files, size, list(_items(named)))
        except Conflict:
            return False
        return True

    def remove_files(self, erasure: Erasure) -> int:
        """Takes away the sealed files of an act that was carried out; how many it has.

        Raises:
            Unavailable: Try again.
        """
        names = self._shredder.gone_files(UUID(erasure.act.act_id))
        for name in names:
            self._blobs.remove(name)
        return len(names)

    def staying(self, erasure: Erasure) -> dict[str, int]:
        """Digests that the act names and another act lists, with the first record of such an act.

        What is listed there stays there: its content is not gone, whatever the act of erasure says.
        """
        found = dict[str, int]()
        for digest in erasure.act.facts.get("attachments", ()):
            for index, act in self._having(digest, erasure.indices):
                if act is not None and _lists(act, digest):
                    found.setdefault(digest, index)
        return found

    def _named(self, erasure: Erasure) -> Iterator[Opened]:
        """The records that the act names, each with all signatures of its act among them.

        What another act erased before is left out. What has no key and went by no act is damage:
        nobody can tell which files are its, so it is restored before anything of it is erased.

        Raises:
            Rejected: As `carry_out`.
        """
        named = set(erasure.indices)
        gone = self._shredder.gone(erasure.indices)
        for index in erasure.indices:
            for row in self._records.read(index, 1):
                if row.wrap is None and index not in gone:
                    raise _shut(index)
                left = [
                    one.index for one in self._records.act(row.act_id) if one.index not in named
                ]
                if left and {index, *left} <= gone | self._shredder.gone(left):
                    raise Rejected(
                        "gone_before",
                        Message(
                            "Nothing was erased: record {index} is gone, with every other of its"
                            " act, by an erasure that names them all. Nothing of it is left.",
                            index=index,
                        ),
                    )
                if left:
                    raise Rejected(
                        "not_whole",
                        Message(
                            "Nothing was erased: the act names record {index}, and not record"
                            " {left}, which holds the same content; let the officers sign an act"
                            " that names both.",
                            index=index,
                            left=left[0],
                        ),
                    )
                if index in gone:
                    continue
                opened = self._reader.for_folds().open(row)
                if opened.act is not None and opened.act.act == VOIDING:
                    raise Rejected(
                        "never_erased",
                        Message(
                            "Nothing was erased: record {index} voids others, and stays.",
                            index=index,
                        ),
                    )
                yield opened

    def _require_numbers(self, erasure: Erasure, named: Sequence[Opened]) -> None:
        """The act says of each registration that goes in which register it keeps its number.

        Raises:
            Rejected: `numbers_left`.
        """
        edition = self._follower.reach(erasure.index).registry.edition_at(erasure.index)
        if "registered" not in catalogue_of(edition).types[ERASURE].facts:
            return
        stands = cache(lambda stream: self._judged(stream).get)
        found = {
            one.index: register
            for one in named
            if one.act is not None
            and (register := register_of(one.act, one.recorded_at)) is not None
            and stands(one.stream)(one.index, one) is None
        }
        said = dict(kept_by(erasure.act))
        for index in (one.index for one in named):
            if said.get(index) != found.get(index):
                raise Rejected(
                    "numbers_left",
                    Message(
                        "Nothing was erased: the act does not say rightly in which register record"
                        " {index} keeps its number; let the officers sign what `socai record"
                        " entries` prints now.",
                        index=index,
                    ),
                )

    def _judged(self, stream: str) -> Mapping[int, object]:
        return JudgedStream(self._follower, self._records, self._reader, stream).upto()

    def _uploads(self, erasure: Erasure, opened: Sequence[Opened]) -> list[UUID]:
        """The uploads that go with the records: what no other act of their author lists.

        Where an act by somebody else lists a file too, that act has it by an upload of its own.

        Raises:
            Rejected: `files_left`: the act does not name a file that a record lists.
                `files_shared`: an act that stays lists one that its officer never sent.
        """
        named, found = set(erasure.act.facts.get("attachments", ())), dict[UUID, None]()
        for one in opened:
            if one.act is None or not one.author:
                continue
            for listed in one.act.attachments:
                digest, author = listed["digest"], one.act.signers[0].officer
                left = list(self._listing(digest, erasure.indices))
                self._require_found(one, digest, left)
                if any(author == officer for _, officer in left):
                    continue
                if digest not in named:
                    raise Rejected(
                        "files_left",
                        Message(
                            "Nothing was erased: record {index} lists a file that the act does not"
                            " name; let the officers sign an act that names {digest} too.",
                            index=one.index,
                            digest=digest,
                        ),
                    )
                sent = self._sent([author], digest)
                if not (sent or left):  # whoever did: their act of the case was erased before
                    everybody = self._follower.reach(erasure.index).registry.officers.all()
                    sent = self._sent([officer.uuid for officer in everybody], digest)
                found |= dict.fromkeys(sent)
        return list(found)

    def _require_found(self, one: Opened, digest: str, left: Sequence[tuple[str, str]]) -> None:
        """What stays in a case is found there without the act that goes.

        A file is found by who sent it: the author of an act that lists it, or of one before. Once
        that act is erased nobody knows who it was, and the first that is left has to have sent it.

        Raises:
            Rejected: `files_shared`.
        """
        first = next((officer for at, officer in left if at == one.stream), None)
        if first is not None and not self._sent([first], digest):
            raise Rejected(
                "files_shared",
                Message(
                    "Nothing was erased: another act of the case lists {digest} of record {index},"
                    " and could not open it any more. Let {officer} send that file too, or let the"
                    " officers name that act as well.",
                    digest=digest,
                    index=one.index,
                    officer=first,
                ),
            )

    def _listing(self, digest: str, but: Collection[int]) -> Iterator[tuple[str, str]]:
        """Stream and author of every act but these records' that lists a file.

        Raises:
            Rejected: `record_shut`: nobody can tell whether it does.
        """
        for index, act in self._having(digest, but):
            if act is None:
                raise _shut(index)
            if _lists(act, digest):
                yield act.stream, act.signers[0].officer

    def _having(self, digest: str, but: Collection[int]) -> Iterator[tuple[int, Act | None]]:
        """Index and act of each that has a digest anywhere in it; None: it does not open."""
        for index in self._naming(digest, but):
            for row in self._records.read(index, 1):
                yield index, None if row.wrap is None else self._reader.for_folds().open(row).act

    def _sent(self, officers: Sequence[str], digest: str) -> list[UUID]:
        key = self._file_key.standing()
        if key is None:
            return []
        tags = [sealed_file.lookup_tag(key, officer=officer, digest=digest) for officer in officers]
        return [file.name for file in self._files.find(tags)]


def _items(opened: Sequence[Opened]) -> Iterator[UUID]:
    """What R keeps of reporters whose sealing is among the records that go (access.md A20)."""
    for one in opened:
        if one.author and one.act is not None and one.act.act == SEALING:
            yield UUID(one.act.facts["vault_item"])


def _lists(act: Act, digest: str) -> bool:
    """An act lists a file by its attachments alone."""
    return any(listed["digest"] == digest for listed in act.attachments)


def _shut(index: int) -> Rejected:
    return Rejected(
        "record_shut",
        Message(
            "Nothing was erased: record {index} does not open, so nobody can tell which files go"
            " with it; restore it from a backup first.",
            index=index,
        ),
    )
