"""How far the loops have come, and whether vault, keeper and archiver do their work.

A loop is well while nothing waits for it, or while what waits gets less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Final

from api.cli.commands.health.group import both
from api.home import Home
from api.ops.backup import taking
from api.ops.keeper.asking import KeeperLine
from api.ops.reads.which_log import ACTS, READS, WhichLog
from api.ops.service.roles import CHECKPOINTER, PROJECTOR
from api.ops.wiring.logins import role_dsn
from api.settings import Settings
from api.texts.catalogue import in_each, translate
from ledger.checkpoints.seen_file import DoubtMark
from ledger.errors import Unavailable
from ledger.message import Message, Text
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Pool, connect, open_pool
from ledger.postgres.records import PostgresRecords
from ledger.postgres.vault.store import PostgresVaultStore
from projections.engine import generations

_PATIENCE_S: Final = 5.0
_STEP_S: Final = 0.25
_VAULT_PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Stand:
    """How far a loop has come.

    Attributes:
        part: The loop, or the view it builds.
        done: Records it has dealt with.
        size: Records in the log.
        stopped: Why it goes no further, if it said so.
    """

    part: str
    done: int
    size: int
    stopped: str | None = None


def behind(look: Callable[[], Sequence[Stand]], wait: Callable[[], bool]) -> Text | None:
    """What is wrong with a loop; None where it is well.

    Args:
        look: How far it has come now.
        wait: Lets some time pass; False once there is no more.
    """
    first = {stand.part: stand for stand in look()}
    waiting = dict(first)
    while True:
        for stand in look():
            before = waiting.get(stand.part)
            if stand.stopped is not None:
                return both(f"{stand.part}: {stand.stopped}")
            if stand.done > stand.size:
                far = f"{stand.part}: {stand.done}"
                return Message("{far} of {size} records", far=far, size=stand.size)
            if before is not None and (stand.done > before.done or stand.done >= before.size):
                del waiting[stand.part]
        if not waiting:
            return None
        if not wait():
            return _stands(list(waiting.values()))


def archiver(settings: Settings, _: str) -> Text | None:
    """Its stream and the copy that it leads on from, as far as its own login sees."""
    found = taking.stream_faults(settings)
    return found[0].text if found else None


def vault(settings: Settings, role: str) -> Text | None:
    """The vault is well while nothing that is due has waited long for it, once it is founded."""
    pool = open_pool(role_dsn(settings, Home(settings).facts(), role), most=1)
    try:
        store = PostgresVaultStore(pool)
        if not store.founded():
            return Message("it is not founded: found the vault, socai vault found")
        waited = store.waiting_s()
    finally:
        pool.close()
    if waited < _VAULT_PATIENCE_S:
        return None
    return Message("a request waits since {n} s", n=int(waited))


def keeper(settings: Settings, _: str) -> Text | None:
    """The keeper is well while it answers, and opens what is asked for by the rules."""
    with closing(KeeperLine(settings.keeper_socket, patience_s=_STEP_S)) as line:
        try:
            well = line.well()
        except Unavailable:
            return Message("it does not answer; it is started by socai serve --role keeper")
    return None if well else Message("what was opened is not what was noted; see its log")


def _stands(waiting: Sequence[Stand]) -> Text:
    standing = [
        Message("{part}: stands at {done} of {size}", part=one.part, done=one.done, size=one.size)
        for one in waiting
    ]
    return in_each(lambda lang: "; ".join(translate(one, lang) for one in standing))


def loop(settings: Settings, role: str) -> Text | None:
    """A loop is well while what waits for it gets less; not where it stopped on doubt."""
    home = Home(settings)
    reason = DoubtMark(home.seen_folder(role)).reason()
    if reason is not None:
        return reason
    reads = role == CHECKPOINTER and home.key_path(READS.keys[0]).exists()
    reason = DoubtMark(home.seen_folder(READS.seen)).reason() if reads else None
    if reason is not None:
        return Message("the log of reads is not signed: {reason}", reason=reason)
    dsn = role_dsn(settings, home.facts(), role)
    pool = open_pool(dsn, most=1)
    records = PostgresRecords(pool)

    def covered() -> Sequence[Stand]:
        logs = {ACTS: CHECKPOINTER} | ({READS: READS.seen} if reads else {})
        return [_covered(pool, which, part) for which, part in logs.items()]

    def projected() -> Sequence[Stand]:
        with connect(dsn) as connection:
            live = [s for s in generations.states(connection) if s.state == "live"]
        size = records.head().size
        return [
            Stand(s.view, s.position + 1, size, str(s.error) if s.stopped else None) for s in live
        ] or [Stand(PROJECTOR, 0, 1)]

    try:
        return behind(covered if role == CHECKPOINTER else projected, _patience())
    finally:
        pool.close()


def _covered(pool: Pool, which: WhichLog, part: str) -> Stand:
    latest = PostgresCheckpoints(pool, which.schema).latest()  # before the head, which only grows
    size = PostgresRecords(pool, which.schema).head().size
    return Stand(part, latest[0] if latest else 0, size)


def _patience() -> Callable[[], bool]:
    deadline = monotonic() + _PATIENCE_S

    def wait() -> bool:
        Event().wait(_STEP_S)
        return monotonic() < deadline

    return wait
