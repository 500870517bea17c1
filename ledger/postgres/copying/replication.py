"""The server's replication protocol over libpq: one base copy, and WAL as it is written.

A walsender's commands, as PostgreSQL's own pg_basebackup and pg_receivewal give them, to servers
from 15 on; the server makes the archive and says where its WAL is. Where the bytes go, and what
they are sealed with, is the caller's.
"""

from __future__ import annotations

import math
import re
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from ledger.errors import Fatal, Unavailable
from ledger.message import Message
from ledger.postgres.connect import takes_logins

_SLOT: Final = re.compile(r"[a-z0-9_]{1,63}")
_HURRY_S: Final = 10.0
"""How long a server that says nothing keeps the reader: then it is told how far we are."""
_SILENT_S: Final = 75.0
"""A server that has said nothing for so long is away: it speaks at least every half minute."""
_CHECKPOINT_S: Final = 900.0
"""The same before a copy begins: it first writes all that it has in memory, and says nothing."""
_LOOK_S: Final = 1.0
_BATCH_BYTES: Final = 1 << 22
_DATA: Final = ord("w")
_ALIVE: Final = ord("k")
_WAL_HEAD: Final = 25
_Part = Literal["begin", "tar", "manifest", "end"]


@dataclass(frozen=True, slots=True)
class ServerStanding:
    """Where a server stands.

    Attributes:
        system: Its system identifier: another cluster has another.
        timeline: Goes up where a copy goes on by itself.
        at: Up to which byte its WAL is durable.
        segment: Bytes of one WAL file.
    """

    system: str
    timeline: int
    at: int
    segment: int


class WalGone(Exception):
    """The server has thrown away what was asked for."""


class ServerBehind(Exception):
    """The server has not written yet what is already kept: it is an older copy."""


@contextmanager
def _reached() -> Iterator[None]:
    """What libpq itself says of a server that was killed, which said nothing of its end."""
    try:
        yield
    except psycopg.Error as error:
        raise away(str(error)) from error


class Replication:
    """One connection of a login that may replicate, and nothing else.

    Args:
        dsn: Of that login; the database is not entered.

    Raises:
        Unavailable: The server cannot be reached, or takes no such connection.
    """

    def __init__(self, dsn: str) -> None:
        whole = make_conninfo(dsn, replication="true", connect_timeout="5", client_encoding="utf8")
        self._conn = pq.PGconn.connect(whole.encode())
        if self._conn.status != pq.ConnStatus.OK:
            said, login = self._conn.get_error_message().strip(), self._conn.user.decode()
            self._conn.finish()
            raise _shut_out(said, login) if takes_logins(whole) else away(said)

    def close(self) -> None:
        """Gives it back."""
        self._conn.finish()

    @_reached()
    def standing(self) -> ServerStanding:
        """Where the server stands now. Raises: Unavailable."""
        system, timeline, at = self._row(b"IDENTIFY_SYSTEM")[:3]
        (size,) = self._row(b"SHOW wal_segment_size")
        return ServerStanding(system, int(timeline), lsn(at), _bytes(size))

    @_reached()
    def slot(self, name: str) -> int:
        """From where the server keeps WAL for this slot, which is made where there is none.

        Raises:
            WalGone: It has lost its WAL (`max_slot_wal_keep_size`), and is never of use again.
        """
        if not _SLOT.fullmatch(name):
            raise ValueError("a slot's name is lower-case letters, digits and underscores")
        found = self._slot(name)
        if not found[0]:
            self._row(f'CREATE_REPLICATION_SLOT "{name}" PHYSICAL (RESERVE_WAL)'.encode())
            found = self._slot(name)
        if found[0] != "physical":
            raise Fatal(f"the replication slot {name} is not one of ours")
        if not found[1]:
            raise WalGone(f"the replication slot {name} has lost its WAL")
        return lsn(found[1])

    @_reached()
    def slot_anew(self, name: str) -> None:
        """Makes a slot that has lost its WAL anew, from where the server is now; else nothing.

        Only before a full backup, which has all that was written till then.
        """
        kind, place = self._slot(name)[:2]
        if kind == "physical" and not place:
            self._row(f'DROP_REPLICATION_SLOT "{name}"'.encode())
            self.slot(name)

    def _slot(self, name: str) -> list[str]:
        return self._row(f'READ_REPLICATION_SLOT "{name}"'.encode())

    def base(self, label: str) -> Iterator[tuple[_Part, bytes]]:
        """The whole cluster as one tar, its WAL from begin to end in it, then the manifest.

        Before them where its WAL begins, and after them where it ends, as text.

        Raises:
            Unavailable: The server ended it, or is silent.
            Fatal: It has tablespaces outside its folder.
        """
        words = (
            f"BASE_BACKUP (LABEL '{label}', CHECKPOINT 'fast', WAL, WAIT false, MANIFEST 'yes',"
            " MANIFEST_CHECKSUMS 'SHA256')"
        )
        with _reached():
            self._conn.send_query(words.encode())
            began = self._result(pq.ExecStatus.TUPLES_OK, silent_s=_CHECKPOINT_S)
            yield "begin", self._place(began)
            spaces = self._result(pq.ExecStatus.TUPLES_OK)
            if spaces.ntuples != 1:
                raise Fatal(
                    "the cluster has tablespaces outside its folder: copy it by other means"
                )
            self._result(pq.ExecStatus.COPY_OUT)
            part: _Part = "tar"
            while (message := self._copied()) is not None:
                if message[:1] == b"m":
                    part = "manifest"
                elif message[:1] == b"d":
                    yield part, message[1:]
            yield "end", self._place(self._result(pq.ExecStatus.TUPLES_OK))
            self._result(pq.ExecStatus.COMMAND_OK)
            self._over()

    @_reached()
    def stream(
        self,
        slot: str,
        begin: int,
        timeline: int,
        keep: Callable[[int, Sequence[bytes]], int],
        until: Callable[[], bool],
    ) -> None:
        """Takes WAL as it comes until told to stop; the server is told what is durable.

        Args:
            slot: See `slot`.
            begin: From which byte on.
            timeline: Of which the WAL is.
            keep: Takes what begins at a byte, makes it durable, and says up to where it is.
            until: Whether to stop; asked at least every second.

        Raises:
            WalGone: The server has no more what was asked for.
            ServerBehind: It has not got there yet.
            Unavailable: It ended, or is silent.
        """
        place = f"{begin >> 32:X}/{begin & 0xFFFFFFFF:X}"
        words = f'START_REPLICATION SLOT "{slot}" PHYSICAL {place} TIMELINE {timeline}'
        self._conn.send_query(words.encode())
        self._result(pq.ExecStatus.COPY_BOTH)
        durable, told, heard = begin, math.inf, time.monotonic()
        while not until():
            batch, asked = self._batch()
            if batch:
                durable = keep(batch[0][0], [data for _, data in batch])
            if batch or asked:
                heard = time.monotonic()
            # not before it has sent something: it takes what it is told for where the slot stands,
            # and one that stands where nothing is left would keep nothing
            if batch or asked or time.monotonic() - told > _HURRY_S:
                told = time.monotonic()
                self._tell(durable)
            if time.monotonic() - heard > _SILENT_S:
                raise _silent(_SILENT_S)
        if told < math.inf:
            self._tell(durable)

    # -- the protocol ------------------------------------------------------------------------------

    def _batch(self) -> tuple[list[tuple[int, bytes]], bool]:
        """All that has come, a second waited for; and whether the server asks how far we are."""
        found: list[tuple[int, bytes]] = []
        asked, size, waited = False, 0, False
        while size < _BATCH_BYTES:
            length, data = self._conn.get_copy_data(1)
            if length == 0:
                if found or asked or waited:
                    break
                waited = True
                if select.select([self._conn.socket], [], [], _LOOK_S)[0]:
                    self._conn.consume_input()
            elif length < 0:
                raise self._ended()
            elif data[0] == _DATA:
                found.append((int.from_bytes(data[1:9]), bytes(data[_WAL_HEAD:])))
                size += length
            elif data[0] == _ALIVE:
                asked = True
        return found, asked

    def _ended(self) -> Unavailable:
        """What is said of a stream that the server ended. Raises: what it refused, where it did."""
        done = self._answer()
        if done is not None and done.status == pq.ExecStatus.FATAL_ERROR:
            self._refused(done)
        return away("the server ended the stream")

    def _tell(self, durable: int) -> None:
        # when this is said is for whoever looks at the server, and it knows that itself
        self._conn.put_copy_data(b"r" + durable.to_bytes(8) * 3 + bytes(8) + b"\0")
        self._conn.flush()

    def _copied(self) -> bytes | None:
        while (taken := self._conn.get_copy_data(1))[0] == 0:
            self._hear()
        length, data = taken
        if length == -1:
            return None
        if length < 0:
            raise away(self._conn.get_error_message().strip())
        return bytes(data)

    @staticmethod
    def _place(found: pq.abc.PGresult) -> bytes:
        return found.get_value(0, 0) or b"0/0"

    def _row(self, words: bytes) -> list[str]:
        self._conn.send_query(words)
        done = self._result(pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
        self._over()
        return [(done.get_value(0, n) or b"").decode() for n in range(done.nfields)]

    def _result(self, *expected: pq.ExecStatus, silent_s: float | None = None) -> pq.abc.PGresult:
        done = self._answer(silent_s)
        if done is None:
            raise away("the server ended the copy")
        if done.status not in expected:
            self._refused(done)
        return done

    def _answer(self, silent_s: float | None = None) -> pq.abc.PGresult | None:
        """What the server answers next; None where it has answered all. Raises: Unavailable."""
        while self._conn.is_busy():
            self._hear(silent_s)
        return self._conn.get_result()

    def _over(self) -> None:
        """Until it has answered all: only then is it asked anything more."""
        while self._answer() is not None:
            continue

    def _hear(self, silent_s: float | None = None) -> None:
        """Waits for more of what it says, in steps in which whoever waits can be stopped."""
        silent_s = silent_s or _SILENT_S
        late = time.monotonic() + silent_s
        while not select.select([self._conn.socket], [], [], _LOOK_S)[0]:
            if time.monotonic() > late:
                raise _silent(silent_s)
        self._conn.consume_input()

    def _refused(self, done: pq.abc.PGresult) -> None:
        if done.status == pq.ExecStatus.FATAL_ERROR:
            self._over()
        said = done.get_error_message().strip()
        if "has already been removed" in said:
            raise WalGone(said)
        if "ahead of the WAL flush position" in said:
            raise ServerBehind(said)
        raise away(said)


def away(said: str) -> Unavailable:
    """What is said of a server that gives no copy of itself."""
    first = said.splitlines()[0] if said else "–"
    return _away(Message("The server gives no copy of itself: {said}", said=first))


def _silent(for_s: float) -> Unavailable:
    """It may go on at any time; whoever waits for it has given up, and has kept nothing."""
    return _away(
        Message(
            "The server gives no copy of itself: it has said nothing for {seconds} s. See whether"
            " it hangs, or what stands in front of it",
            seconds=round(for_s),
        )
    )


def _shut_out(said: str, login: str) -> Unavailable:
    """The server answered, and let the login not in: mostly one whose owner has yet to allow it."""
    return _away(
        Message(
            "The server gives no copy of itself: {said}. Where {login} may not replicate, the"
            " server's owner runs ALTER ROLE {login} REPLICATION, and lets it in by pg_hba.conf.",
            said=said.splitlines()[0],
            login=login,
        )
    )


def _away(told: Message) -> Unavailable:
    return Unavailable("database_unavailable", told, retry_after_s=5)


def lsn(text: str) -> int:
    """A place in the WAL, as a number."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def _bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(kB|MB|GB|B)", text).groups()  # type: ignore[union-attr]
    return int(number) << {"B": 0, "kB": 10, "MB": 20, "GB": 30}[unit]
