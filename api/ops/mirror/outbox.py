"""Publishes segments of the own log: on a clock, empty or not, into a folder or a pipe (F8).

How far was published is remembered in the home, behind the segment: whoever was cut off publishes
the same records again. Nothing is ever read from where the segments go: no way leads back (F9).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Final

from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.mirror import slots
from api.ops.mirror.slots import mirror_folder, written
from api.ops.patience import once_there
from api.ops.reads.which_log import ACTS
from api.ops.role_lock import Lock
from api.ops.wiring.blob_store import open_blobs
from api.ops.wiring.key_files import log_signers, open_kek, why_closed
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import Settings, SettingsError
from keys import canonical, sealed_segment
from keys.custody.file import read_key
from keys.errors import KeyAway, KeysError
from keys.note import NoteSigner, parse_note
from ledger.errors import Unavailable, VerificationError
from ledger.files.files_going_up import FilesGoingUp
from ledger.log import checkpoint as checkpoints
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.mirror import segment as segments
from ledger.mirror.publishing import Publisher
from ledger.mirror.segment import Segment
from ledger.ports import Clock
from ledger.postgres.connect import open_pool
from ledger.postgres.files import PostgresFiles
from ledger.postgres.mirror.published import PublishedLog
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.streams.record_reader import Reader

LOCK: Final = "publisher"
ENDING: Final = ".socaisegment"
_FILE: Final = "published.json"
_NOTES: Final = 64
"""Checkpoints that went up ahead of records and are remembered: under these the records follow, in
every mirror that a segment was lost on the way to."""
_PATIENCE_S: Final = 30
"""How long a lock is waited for; ten times as long a statement, and a database that hangs."""

_AGAIN_S: Final = 30.0
"""How long it waits for a disk or a key before it tries the same turn of the clock again."""

_log = logging.getLogger("socai.mirror")


@dataclass(frozen=True, slots=True)
class PublishedSegment:
    """A segment that was published.

    Attributes:
        at: Its turn of the clock.
        start: Its first record.
        end: Index behind its last one.
        checkpoint: How many records its checkpoint covers.
        size: Bytes.
        files: How many files of acts went with it.
        left_out: How many did not: too long, or nowhere here.
    """

    at: int
    start: int
    end: int
    checkpoint: int
    size: int
    files: int
    left_out: int


@dataclass(frozen=True, slots=True)
class _Sofar:
    at: int = -1
    end: int = 0
    ahead: tuple[bytes, ...] = ()


class Outbox:
    """Where the segments of a home go.

    Args:
        settings: Of the home.
        put: Takes a segment and its turn of the clock; DURABLE when it returns.
        clock: Now.
    """

    def __init__(self, settings: Settings, put: Callable[[bytes, int], None], clock: Clock) -> None:
        self._settings = settings
        self._put = put
        self._clock = clock

    def once(self, *, again_from: int | None = None) -> PublishedSegment:
        """Publishes what is behind the last segment, now.

        Args:
            again_from: Publish from this record on instead: a segment was lost and is nowhere, or
                was refused above, since it was of a time that was yet to come.

        Raises:
            SettingsError: The enclave has no slots, a key does not open, or another publishes.
            Unavailable: No checkpoint covers the log yet, or a segment of this second, or of a
                later one, is out.
        """
        with (
            database.reachable(self._settings) as facts,
            closing(Lock(self._settings.home)) as lock,
        ):
            lock.take(LOCK)
            return self._publish(facts, int(self._clock.now().timestamp()), again_from)

    def keep_on(self, every_s: int, stop: Event, told: Callable[[PublishedSegment], None]) -> None:
        """Publishes at every whole multiple of an interval until told to stop.

        A turn of the clock that was missed is made up for by the next one, and one that the
        database was away at once it is back. Where the clock was set back behind the newest
        segment each turn says so, and none is published: above it would be one of the past.
        Where a disk takes nothing, or a key is away, it says so, and the next turn makes up for it.
        """
        with (
            database.reachable(self._settings) as facts,
            closing(Lock(self._settings.home)) as lock,
        ):
            lock.take(LOCK)

            def due() -> float:
                now = self._clock.now().timestamp()
                turn = int(now) // every_s * every_s
                sofar = self._sofar()
                if sofar.at < turn:
                    try:
                        sent = self._publish(facts, turn, None)
                    except (KeyAway, OSError) as error:
                        _log.warning("nothing is published: %s", error)
                        if self._sofar().at < turn:
                            return min(float(every_s), _AGAIN_S)
                    else:
                        told(sent)
                elif sofar.at > now:
                    _log.warning("%s", _set_back(sofar.at))
                return turn + every_s - now

            while (left_s := once_there(due, stop, "the publisher")) is not None:
                stop.wait(left_s)

    def _publish(self, facts: EnclaveFacts, at: int, again_from: int | None) -> PublishedSegment:
        sofar, settings = self._sofar(), self._settings
        if at == sofar.at:
            raise Unavailable(
                "published", Message("A segment of this moment is published; wait a second.")
            )
        if at < sofar.at and again_from is None:
            raise Unavailable("published", _set_back(sofar.at))
        keys = slots.read(settings, facts.level) if slots.SLOTS[facts.level] else []
        if not keys:
            raise SettingsError(Message("nothing is above this level: it publishes nothing"))
        start = sofar.end if again_from is None else again_from
        made = self._made(facts, start, at, sofar.ahead)
        text = segments.build(made, self._log_key(made.checkpoint))
        sealed = sealed_segment.seal(text, origin=facts.origin, slots=keys)
        mirror_folder(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two segments of one moment would be one too many above: whoever is cut off from here on
        # publishes these records with the next one.
        self._remember(at, sofar.end, sofar.ahead)
        self._put(sealed, at)
        end = max(made.end, sofar.end) if again_from is None else made.end
        covered = checkpoints.unverified(made.checkpoint).size
        ahead = sofar.ahead
        if covered > made.end and made.checkpoint not in ahead:
            ahead = (*ahead, made.checkpoint)[-_NOTES:]
        self._remember(at, end, ahead)
        there = sum(one.data is not None for one in made.files)
        out = len(made.files) - there
        return PublishedSegment(at, made.start, made.end, covered, len(sealed), there, out)

    def _remember(self, at: int, end: int, ahead: Sequence[bytes]) -> None:
        notes = [one.decode() for one in ahead]
        said = canonical.encode({"v": 1, "at": at, "end": end, "ahead": notes})
        written(mirror_folder(self._settings) / _FILE, said)

    def _made(self, facts: EnclaveFacts, start: int, at: int, before: Sequence[bytes]) -> Segment:
        dsn = role_dsn(self._settings, facts, "publisher")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1, patience_s=_PATIENCE_S)) as pool:
            log, kek = PublishedLog(pool), open_kek(self._settings)
            reader = Reader(PostgresRecords(pool), kek, facts.origin, facts.level)
            records = PostgresRecords(pool)
            files = FilesGoingUp(
                open_blobs(self._settings), PostgresFiles(pool), records, reader, kek
            )
            return Publisher(log, PostgresTiles(pool), reader, files).next(start, at, before)

    def _log_key(self, note: bytes) -> NoteSigner:
        """What signed a checkpoint: a key that a recovery ended, where it covers no more.

        Above, the keys are known as far as records are taken in, and a recovery comes after these.
        """
        log_key, _ = log_signers(self._settings)
        by = {one.key_id for one in parse_note(note).signatures if one.name == log_key.name}
        if log_key.vkey.key_id in by:
            return log_key
        home = Home(self._settings)
        path = home.key_path(ACTS.keys[0])
        name = f"{path.stem}-ended-*{path.suffix}"
        for ended in sorted(path.parent.glob(name)):
            try:
                signer = NoteSigner(log_key.name, read_key(ended, home.passphrase()))
            except (KeysError, OSError) as error:
                raise SettingsError(
                    Message("a key of the log does not open: {error}", error=why_closed(error)),
                ) from error
            if signer.vkey.key_id in by:
                return signer
        raise SettingsError(
            Message(
                "nothing was published: the key that a recovery ended, and that signs records from"
                " before it, is not in {folder}; put {name} back from where keys are kept",
                folder=path.parent,
                name=name,
            )
        )

    def _sofar(self) -> _Sofar:
        path = mirror_folder(self._settings) / _FILE
        try:
            members = canonical.parse(path.read_bytes())
            older = members.get("checkpoint")  # as it was said while it was one, or none
            notes = members.get("ahead", [older] if older else [])
            ahead = tuple(str(one).encode() for one in notes)
            for note in ahead:
                checkpoints.unverified(note)
            return _Sofar(int(members["at"]), int(members["end"]), ahead)
        except FileNotFoundError:
            return _Sofar()
        except (KeysError, VerificationError, LookupError, TypeError, ValueError) as error:
            raise SettingsError(
                Message("{path} is damaged: {error}", path=path, error=error)
            ) from error


def _set_back(at: int) -> Message:
    return Message(
        "The newest segment is of {at}, which is yet to come: the clock here was set back, and"
        " nothing was published. The next one goes then; where that one is refused above, at once:"
        " socai mirror export --from INDEX",
        at=stamp(datetime.fromtimestamp(at, UTC)),
    )


def into_folder(folder: Path) -> Callable[[bytes, int], None]:
    """Segments as files of a folder, named by their turn of the clock: whole ones alone."""

    def put(segment: bytes, at: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        written(folder / f"{at:012d}{ENDING}", segment)

    return put


def into_pipe(segment: bytes, at: int) -> None:
    """One segment to standard output, whose other end may be a pipe that leads one way."""
    del at
    sys.stdout.buffer.write(segment)
    sys.stdout.buffer.flush()
