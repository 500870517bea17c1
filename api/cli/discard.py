"""For the operator: takes away a checkpoint that somebody stored in the sealer's place.

Whoever has the sealer's login can store any note, and the sealer goes on from none that the log's
keys did not sign. Not: what the log signed; that no command takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import click

from api.bootstrap import open_kek, role_dsn
from api.cli import database
from api.cli.errors import guarded
from api.cli.lock import Lock
from api.cli.shell import options, shell_of
from api.cli.supervisor import SEALER
from api.cli.words import Text
from api.settings import EnclaveFacts, Settings
from ledger.errors import VerificationError
from ledger.followed_keys import FollowedKeys
from ledger.log.checkpoint import open_checkpoint
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.checkpoints import discard as take_away
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.reader import Reader
from ledger.regulation.registry import Registry
from ledger.standing import Standing


@click.command()
@options
@guarded
def discard() -> None:
    """Take away checkpoints that the log did not sign, so that the sealer can go on.

    They are stored by whoever has the sealer's login: give it another password first. Tiles behind
    the newest checkpoint that is signed go with them; the sealer makes them again.
    """
    shell, settings = shell_of(), Settings.from_env()
    with closing(Lock(settings.home)) as lock, database.reachable(settings) as facts:
        lock.take(SEALER)
        admin, dbname = database.admin_dsn(settings), str(facts.database["dbname"])
        with _signed(settings, facts) as signed:
            gone, tiles = take_away(admin, dbname, signed)
    told = [{"size": size, "sha256": digest} for size, digest in gone]
    for one in told:
        shell.note(
            Text(
                f"Đã bỏ điểm kiểm tra {one['size']} bản ghi, SHA-256 {one['sha256']}.",
                f"Taken away: a checkpoint of {one['size']} records, SHA-256 {one['sha256']}.",
            )
        )
    if gone or tiles:
        done = Text(
            f"Đã bỏ {len(gone)} điểm kiểm tra và {tiles} mảnh cây mà sổ không ký. Đổi mật khẩu của"
            " bộ ký, rồi chạy: socai log audit",
            f"{len(gone)} checkpoints and {tiles} tiles that the log did not sign are gone. Change"
            " the sealer's password, then run: socai log audit",
        )
    else:
        done = Text(
            "Không bỏ gì: sổ đã ký điểm kiểm tra mới nhất.",
            "Nothing was taken away: the log signed its newest checkpoint.",
        )
    shell.done(done, discarded=told, tiles=tiles)


@contextmanager
def _signed(settings: Settings, facts: EnclaveFacts) -> Iterator[Callable[[int, bytes], bool]]:
    """Whether the log signed a note, by the keys that the log itself names for its size.

    A copy of a note that stands where it was signed is not signed for the place of the copy.
    """
    with closing(open_pool(role_dsn(settings, facts, "projector"), most=1)) as pool:
        records, stored = PostgresRecords(pool), PostgresCheckpoints(pool)
        reader = Reader(records, open_kek(settings), facts.origin, facts.level)
        standing = Standing(records, reader, Registry.founded())
        keys = FollowedKeys(lambda: standing)

        def signed(size: int, note: bytes) -> bool:
            try:
                found = open_checkpoint(note, keys.at(size), origin=facts.origin).checkpoint
            except VerificationError:
                return False
            return found.size == size or stored.at(found.size) != note

        yield signed
