"""The log of reads of an enclave: how it is founded, and who notes in it (access.md §6)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from api.home import EnclaveFacts, Home
from api.ops.machine import RealClock
from api.ops.reads.which_log import API_READS, READS, REMEMBERING_READS
from api.settings import Settings, SettingsError
from keys import read_tags
from keys.custody.file import read_key, write_key
from keys.envelope_encryption import Keks
from keys.errors import KeysError
from keys.jwk import SoftwareSigner
from keys.note import VKey, log_pair
from keys.signer import Signer
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, beginning
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.checkpoints.verified_checkpoints import NewestSigned
from ledger.errors import Doubt, LedgerError
from ledger.message import Message, Text
from ledger.ports import Entropy
from ledger.postgres.connect import Pool
from ledger.postgres.reads.rows import PostgresReads
from ledger.reads.access_logged import WrapsRow
from ledger.reads.founding import found
from ledger.reads.read import NotedRead, ReadNotLogged
from ledger.reads.writer import ReadWriter, RowPlace

_ALGS: Final = ("Ed25519", "ML-DSA-44")

_log = logging.getLogger("socai.reads")


class OpenedLate:
    """`ReadLog` of a process, opened with the first read that needs a note.

    Most officers never read under an order; a process whose log of reads is not there, is in doubt,
    or whose service key does not open, shows nothing of what needs a note, and the rest as ever.

    Args:
        opening: Opens it.
        doubt: Why nothing may be noted now; None where all is well.
    """

    def __init__(self, opening: Callable[[], ReadWriter], doubt: Callable[[], Text | None]) -> None:
        self._opening = opening
        self._doubt = doubt
        self._opened: ReadWriter | None = None
        self._lock = threading.Lock()

    def note(self, reads: Sequence[NotedRead]) -> None:
        """See `ReadLog.note`."""
        if reads:
            self._log().note(reads)

    def note_at(self, read: NotedRead, chain: UUID, seq: int, prev: str | None) -> bool:
        """See `ReadLog.note_at`."""
        return self._log().note_at(read, chain, seq, prev)

    def note_opens(self, rows: Sequence[WrapsRow]) -> list[RowPlace]:
        """See `ReadWriter.note_opens`."""
        return self._log().note_opens(rows)

    def _log(self) -> ReadWriter:
        try:
            if (opened := self._opened) is None:
                with self._lock:
                    doubt, opened = self._doubt(), self._opened or self._opening()
                    self._opened = opened
            else:
                doubt = self._doubt()
        except (SettingsError, LedgerError, KeysError) as error:
            _log.exception("the log of reads does not open, so nothing of it is shown")
            raise ReadNotLogged from error
        if doubt is not None:
            _log.error("the log of reads is in doubt, so nothing of it is shown: %s", doubt)
            raise ReadNotLogged
        return opened


def watch_reads(settings: Settings, stored: PostgresReads, origin: str) -> LogWatch | None:
    """Holds the log of reads to what API processes of this home have seen of it.

    Args:
        settings: Of the home.
        stored: The log as it lies.
        origin: Its origin.

    Returns:
        Who watches, and has not looked yet; None where the home has no keys of it: then it has none
        of its rows either, until `socai migrate` makes both.
    """
    path, home = settings.home / READS.vkeys, Home(settings)
    if not path.exists():
        return None
    in_force = path.read_text("ascii").split()[: len(READS.keys)]
    vkeys = [VKey.parse(vkey) for vkey in in_force]  # what an ended one signs counts no more
    return LogWatch(
        SeenCheckpoint(SeenFile(home.seen_folder(API_READS)), lambda _: vkeys, origin),
        NewestSigned(stored, lambda _: vkeys, origin, follow=lambda: None),
        stored,
        stored,
        _told,
    )


def mark_of_reads(settings: Settings) -> DoubtMark:
    """Where the checkpointer of reads says why it stopped.

    Args:
        settings: Of the home; where the checkpointer's memory is elsewhere, its stop is not known.
    """
    return DoubtMark(Home(settings).seen_folder(READS.seen))


def doubt_of_reads(mark: DoubtMark, watch: LogWatch | None) -> Text | None:
    """Why no read may be noted now: it is another log, or nobody signs it. None where all is well.

    What is noted while its checkpointer stopped is under no checkpoint: whoever owns the database
    could take it away again.

    Args:
        mark: Of `mark_of_reads`.
        watch: Of `watch_reads`.
    """
    if watch is None:
        return None
    return mark.reason() if watch.doubt is None else watch.doubt.text


def remembered(settings: Settings) -> bool:
    """Whether those know how far the log of reads has signed who would stop where they do not.

    That is the API, and the checkpointer of reads where its mark says here that it stopped.

    Raises:
        Doubt: A memory cannot be read.
    """
    stopped = mark_of_reads(settings).reason() is not None
    roles = REMEMBERING_READS if stopped else (API_READS,)
    home = Home(settings)
    return all(SeenFile(home.seen_folder(role)).read() is not None for role in roles)


def _told(doubt: Doubt | None) -> None:
    if doubt is None:
        _log.warning("the log of reads agrees again with the checkpoint last seen")
    else:
        _log.error("the log of reads is in doubt, nothing that needs a row is shown: %s", doubt)


def found_access_log(  # noqa: PLR0913 - what `init` has in hand
    settings: Settings,
    facts: EnclaveFacts,
    pool: Pool,
    *,
    passphrase: bytes,
    signer: Signer,
    kek: Keks,
    file_key: bytes,
    entropy: Entropy,
    at: datetime,
) -> bool:
    """Makes the log of reads where there is none; whether it did.

    Its keys are durable before its first row names them, and its memory begins with them, as those
    of the log of acts do. What was broken off is gone on with.

    Args:
        settings: Of the home.
        facts: Of the enclave, with the genesis of its log of acts.
        pool: Of the reader's login.
        passphrase: Of key files.
        signer: The service's key.
        kek: Wraps.
        file_key: What its tags and its gate are made of.
        entropy: Ids and blinds.
        at: The ledger's time.

    Raises:
        SettingsError: It is there, and its keys are not in this home; or they are those of another.
        LedgerError: The database refused.
    """
    home, key = Home(settings), read_tags.key_of(file_key)
    store = PostgresReads(pool, read_tags.gate(key))
    there, made = bool(store.entries(0, 1)), home.key_path(READS.keys[0]).exists()
    if there and not made:
        raise SettingsError(
            Message(
                "the log of reads is there and its keys are not in {keys_dir}: put them back",
                keys_dir=settings.keys_dir,
            )
        )
    if not made:
        home.key_path(READS.keys[0]).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, alg in reversed(list(zip(READS.keys, _ALGS, strict=True))):
            made_now = SoftwareSigner.generate(alg)
            write_key(home.key_path(name), made_now, passphrase, **home.key_costs())
    log_key, pq_key = log_pair(
        READS.origin(facts), *(read_key(home.key_path(name), passphrase) for name in READS.keys)
    )
    vkeys = [str(log_key.vkey), str(pq_key.vkey)]
    if not there:
        now = int(RealClock().now().timestamp())
        for memory in (SeenFile(home.seen_folder(role)) for role in REMEMBERING_READS):
            if memory.read() is None:
                memory.write(beginning(log_key, pq_key, time_s=now))
        found(
            store,
            acts=facts.origin,
            level=facts.level,
            genesis=facts.genesis,
            vkeys=vkeys,
            signer=signer,
            kek=kek,
            key=key,
            entropy=entropy,
            at=at,
        )
    (settings.home / READS.vkeys).write_text("".join(f"{vkey}\n" for vkey in vkeys), "ascii")
    return not there
