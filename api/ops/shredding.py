"""Carries out an act of erasure in an enclave (access.md K8), up to where only the epoch is left.

Wraps and sealed files go, every view lets go of what was said, and every process is told. Safe to
repeat: whoever was cut off runs it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from api.home import EnclaveFacts
from api.ops import database
from api.ops.wiring.blob_store import open_blobs
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import require_schema, role_dsn
from api.ops.wiring.projector import open_projector
from api.settings import Settings
from keys import canonical
from ledger.erasure.shredding import Erasure, Shredding
from ledger.errors import Unavailable
from ledger.files.file_key import FileKey
from ledger.message import Message
from ledger.postgres.connect import connect, open_pool
from ledger.postgres.files import PostgresFiles
from ledger.postgres.keeping.keeper import PostgresKeeper, Shred
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.views import acts

_PAUSE_S: Final = 0.2
_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Shredded:
    """What became of an act of erasure.

    Attributes:
        act_id: The act.
        again: Whether it was carried out before, and only gone on with now.
        at: When its wraps went.
        records: How many records.
        files: How many files.
        reporters: Of how many reporters what R kept.
        gone_before: Indices of what it names and an earlier act had erased.
        staying: Digests of files that it names and that stay, since a record of another act lists
            them; None where that was not asked.
        pending: Keys that must be destroyed, by a turn of the epoch, before no backup and no WAL
            opens what went; empty once they are.
        held_by: What may still hold it; empty once pages and WAL are swept behind that too.
        views: Whether every generation of every view has let go of it.
    """

    act_id: str
    again: bool
    at: datetime
    records: int
    files: int
    reporters: int
    gone_before: tuple[int, ...]
    staying: Mapping[str, int] | None
    pending: tuple[str, ...]
    held_by: tuple[str, ...]
    views: bool


def shred(
    settings: Settings, act_id: UUID, *, wait_s: float, agreed: Callable[[Erasure], None]
) -> Shredded:
    """Carries out an act, or goes on with it.

    Args:
        settings: Of the home.
        act_id: The act.
        wait_s: How long to wait for the views.
        agreed: Asked once before anything goes; not where the act was carried out before. What it
            raises ends this.

    Raises:
        NotFound: There is no such act.
        Rejected: It may not be carried out; nothing went.
        Unavailable: Run it again; before anything went, where the views are behind.
    """
    with database.reachable(settings) as facts, _opened(settings, facts) as (one, keeper):
        erasure = one.find(act_id)
        if not keeper.carried_out(act_id):
            agreed(erasure)
        for left in reversed(range(_TRIES)):
            size = one.size()
            if not keeper.carried_out(act_id):
                _require_folded(settings, facts, size - 1, wait_s)  # who else lists its files
            try:
                first = one.carry_out(erasure, size)
                break
            except Unavailable:  # the log has grown meanwhile, maybe by who lists one
                if not left:
                    raise
        with PostgresNotices(role_dsn(settings, facts, "reader")).giving("shreds") as tell:
            tell()
            one.remove_files(erasure)
            views = _folded(settings, facts, erasure.index, wait_s)
        return _told(keeper, act_id, again=not first, views=views, staying=one.staying(erasure))


def shreds(settings: Settings) -> list[Shredded]:
    """Every act that was carried out, oldest first."""
    with database.reachable(settings) as facts:
        dsn = role_dsn(settings, facts, "keeper")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1)) as pool:
            keeper = PostgresKeeper(pool)
            ids = [one.act_id for one in keeper.shreds()]
            return [_told(keeper, one, again=True, views=True) for one in ids]


@contextmanager
def _opened(settings: Settings, facts: EnclaveFacts) -> Iterator[tuple[Shredding, PostgresKeeper]]:
    with ExitStack() as stack:
        require_schema(role_dsn(settings, facts, "keeper"))
        whole, keeping, reading = (
            stack.enter_context(closing(open_pool(role_dsn(settings, facts, role), most=1)))
            for role in ("projector", "keeper", "reader")
        )
        keks, records = open_kek(settings), PostgresRecords(whole)
        reader = Reader(records, keks, facts.origin, facts.level)
        keeper, files = PostgresKeeper(keeping), PostgresFiles(reading)

        def naming(digest: str, but: Collection[int]) -> Sequence[int]:
            with whole.connection() as connection:
                return acts.naming(connection, digest, but)

        yield (
            Shredding(
                records=records,
                reader=reader,
                follower=RegistryFollower(records, reader),
                shredder=keeper,
                files=files,
                file_key=FileKey(files, keks, facts.origin),
                blobs=open_blobs(settings),
                naming=naming,
            ),
            keeper,
        )


def _require_folded(settings: Settings, facts: EnclaveFacts, index: int, wait_s: float) -> None:
    """Raises: Unavailable: the views have not come as far as the act; nothing went."""
    if not _folded(settings, facts, index, wait_s):
        raise Unavailable(
            "views_behind",
            Message(
                "Nothing was erased: the views have not come as far as the act. Look at them (socai"
                " projection status), then run this again."
            ),
        )


def _folded(settings: Settings, facts: EnclaveFacts, index: int, wait_s: float) -> bool:
    """Whether every generation of every view has come to a record, and none is left that was read.

    By the loop that keeps the views where one runs, else by this process.
    """
    until = time.monotonic() + wait_s
    projector, _, pool = open_projector(settings)
    try:
        with connect(role_dsn(settings, facts, "projector")) as connection:
            while True:
                projector.catch_up()
                found = generations.states(connection)
                if found and all(one.state != "old" and one.position >= index for one in found):
                    return True
                if time.monotonic() > until:
                    return False
                time.sleep(_PAUSE_S)
    finally:
        projector.close()
        pool.close()


def _told(
    keeper: PostgresKeeper,
    act_id: UUID,
    *,
    again: bool,
    views: bool,
    staying: Mapping[str, int] | None = None,
) -> Shredded:
    one: Shred = next(found for found in keeper.shreds() if found.act_id == act_id)
    ended = {epoch.before: epoch for epoch in keeper.epochs() if epoch.destroyed_at is not None}
    lost = {turn.kek_id for turn in keeper.given_up()} - {turn.kek_id for turn in keeper.epochs()}
    left = tuple(canonical.b64(kek) for kek in sorted(one.keks) if kek not in lost | ended.keys())
    behind = [ended[kek] for kek in one.keks if kek in ended]
    held: tuple[str, ...] = ()
    if left:
        held = ("backups", "wal")
    elif any(epoch.swept_at is None for epoch in behind):
        held = ("pages", "wal")
    elif not all(epoch.wal_swept for epoch in behind):
        held = ("wal",)
    gone = tuple(one.gone_before)
    return Shredded(
        str(act_id),
        again,
        one.at,
        one.records,
        one.files,
        one.reporters,
        gone,
        staying,
        left,
        held,
        views=views,
    )


def receipt(one: Shredded) -> dict[str, Any]:
    """The receipt of an erasure, as JSON."""
    return {
        "act_id": one.act_id,
        "at": one.at.isoformat(timespec="seconds"),
        "records": one.records,
        "files": one.files,
        "reporters": one.reporters,
        "gone_before": list(one.gone_before),
        **({} if one.staying is None else {"staying": _staying(one.staying)}),
        "views": one.views,
        "status": _status(one),
        "pending": list(one.pending),
        "held_by": list(one.held_by),
    }


def _staying(found: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"digest": digest, "listed_by": index} for digest, index in found.items()]


def _status(one: Shredded) -> str:
    if one.pending:
        return "pending epoch " + ", ".join(one.pending)
    return "pending sweep" if one.held_by else "complete"
