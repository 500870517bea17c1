"""Our case files kept by the stock runner: the same fold and the same rows, an event a transaction.

What the log seals and signs lies open in its events, so that it opens and proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import orjson
import psycopg
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection
from psycopg.rows import tuple_row

from keys import canonical
from ledger.log.statement import ACT_TYP, AUTHOR, Statement
from ledger.ports import StoredRecord
from ledger.regulation.acts.act import known_act
from ledger.regulation.case.registers import Register
from ledger.streams.event import SetAside
from ledger.streams.record_reader import Opened
from ledger.write.registry_follower import FollowedAct
from projections.engine.generations import ddl
from projections.fold.fold import Fold
from projections.fold.step import Step
from projections.views.base import Cursor
from projections.views.case_file import CaseFiles
from tests.bench.stock import Side

_VIEW: Final = CaseFiles()
_ORIGIN: Final = "stock"


class FileRows(PostgresTrackingRecorder):
    """Rows of the view `case_file`, in the tables that `prepare` made."""

    def put(self, steps: Iterable[Step], tracking: Tracking) -> None:
        """One act, with the position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            rows = cast("Cursor", cursor)
            rows.row_factory = tuple_row
            batch = _VIEW.batch(rows, 1)
            for step in steps:
                batch.take(step)
            batch.write()


class FileProjection(Projection[FileRows]):
    """Every event is an act of a case, folded as our projector does it."""

    name = "filerows"

    def __init__(self, view: FileRows) -> None:
        super().__init__(view)
        self._fold = Fold(_Nothing(), _ORIGIN, "ordinary")

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401 - the library's
        """One event."""
        opened = _opened(domain_event, tracking.notification_id)
        self.view.put(self._fold.steps([opened]), tracking)


FILES: Final = Side(FileProjection, FileRows)


def prepare(dsn: str) -> None:
    """Makes the tables of the view; the stock runner has no logins to keep rows from."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA proj")
        connection.execute(ddl(_VIEW.name)[0].partition(b"-- Need-to-know")[0])


def _opened(event: Any, index: int) -> Opened:  # noqa: ANN401 - the library's
    members, seq = event.act, event.originator_version
    stream, payload = f"case/{event.originator_id}", orjson.dumps(members)
    return Opened(
        index=index,
        stream_id=event.originator_id,
        stream=stream,
        seq=seq,
        recorded_at=datetime.now(UTC),  # noqa: TID251 - the bench runs in real time
        entry=b"",
        envelope=b"",
        statement=Statement(
            payload=payload, protected=b"", signature=b"", compact=payload.decode(), alg="Ed25519",
            typ=ACT_TYP, kid="", iat=0, log=_ORIGIN, seq=seq, prev=None, role=AUTHOR,
            digest_b64=canonical.b64(hashlib.sha256(payload).digest()), members=members,
        ),
        act=known_act(members),
        act_id=members["act_id"],
    )  # fmt: skip


class _Nothing:
    """The log before the first event, for a fold that begins there."""

    def size(self) -> int:
        """See `projections.fold.fold.Log`."""
        return 0

    def read(self, start: int, limit: int) -> Sequence[Opened]:
        """See `projections.fold.fold.Log`."""
        del start, limit
        return ()

    def stream(self, stream_id: UUID) -> Iterator[Opened]:
        """See `projections.fold.fold.Log`."""
        del stream_id
        return iter(())

    def registry(self) -> Iterable[FollowedAct]:
        """See `projections.fold.fold.Log`."""
        return ()

    def stands(self, index: int) -> bool:
        """See `projections.fold.fold.Log`."""
        return index == 0

    def judged(self, stream: str, before: int) -> dict[int, SetAside | None]:
        """Nothing is signed here: whatever stands in a stream stands."""
        del stream
        return {before - 1: None}

    def aside(self, row: StoredRecord) -> SetAside | None:
        """As `judged`."""
        del row
        return None

    def refused(self, stream: str, before: int) -> Sequence[int]:
        """See `projections.fold.fold.Log`."""
        del stream, before
        return ()

    def registered(self, upto: int) -> Iterable[tuple[int, Register]]:
        """See `projections.fold.fold.Log`."""
        del upto
        return ()

    def kept(self) -> Mapping[int, Register]:
        """See `projections.fold.fold.Log`."""
        return {}

    def doubted(self) -> Collection[int]:
        """See `projections.fold.fold.Log`."""
        return ()

    def effective(self, acts: Collection[str], upto: int) -> Iterable[Opened]:
        """See `projections.fold.fold.Log`."""
        del acts, upto
        return ()
