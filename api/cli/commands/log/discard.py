"""For the operator: takes away a checkpoint that somebody stored in the checkpointer's place.

Whoever has the checkpointer's login can store any note, and the checkpointer goes on from none that
the log's keys did not sign. Not: what the log signed; that no command takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import click

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import options, shell_of
from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.reads.which_log import ACTS, READS, WhichLog
from api.ops.role_lock import Lock
from api.ops.service.roles import CHECKPOINTER
from api.ops.wiring.genesis import require_genesis
from api.ops.wiring.key_files import log_signers, open_kek
from api.ops.wiring.logins import role_dsn
from api.settings import Settings
from keys.note import VKey
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import DiscardedCheckpoints, SeenFile
from ledger.errors import Doubt, VerificationError
from ledger.log.checkpoint import open_checkpoint
from ledger.message import Message, Text, plural
from ledger.postgres.checkpoints import Discarded, PostgresCheckpoints
from ledger.postgres.checkpoints import discard as take_away
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from ledger.write.log_keys_follower import FollowedKeys
from ledger.write.registry_follower import RegistryFollower


@click.command()
@options
@guarded
def discard() -> None:
    """Take away checkpoints that a log did not sign, so that its checkpointer can go on.

    Of the log of acts and of that of reads. They are stored by whoever has the checkpointer's
    login: give it another password first (a new checkpointer.password in the secrets, then socai
    migrate). Each is set aside in the checkpointer's memory folder of that log as evidence. Tiles
    behind the newest checkpoint that is signed go with them; the checkpointer makes them again.
    """
    shell, settings = shell_of(), Settings.from_env()
    told: list[dict[str, Any]] = []
    every: list[Discarded] = []
    home = Home(settings)
    home.facts()  # a home without an enclave has nothing to lock either
    with ExitStack() as stack:
        lock = stack.enter_context(closing(Lock(settings.home)))
        lock.take(CHECKPOINTER)
        lock.alone(home.seen_folder(CHECKPOINTER))
        facts = stack.enter_context(database.reachable(settings))
        for which in (ACTS, READS):
            if which is READS and not home.key_path(READS.keys[0]).exists():
                continue  # this home has no log of reads yet
            aside = DiscardedCheckpoints(Home(settings).seen_folder(which.seen))
            found = _discarded(settings, facts, which, aside)
            every.append(found)
            for size, digest in found.gone:
                path = str(aside.path(size, digest))
                told.append({"log": which.name, "size": size, "sha256": digest, "file": path})
    for one in told:
        shell.note(
            Message(
                "Taken away: a checkpoint of {size} records, set aside as {file}.",
                size=one["size"],
                file=one["file"],
            )
        )
    tiles = sum(found.tiles for found in every)
    shell.done(_done(len(told), tiles, every[0].stands), discarded=told, tiles=tiles)


def _discarded(
    settings: Settings, facts: EnclaveFacts, which: WhichLog, aside: DiscardedCheckpoints
) -> Discarded:
    """Of one log."""
    admin = database.admin_inside(settings, facts)
    memory = SeenFile(Home(settings).seen_folder(which.seen))
    with (_keys if which is ACTS else _keys_of_reads)(settings, facts) as keys:
        return take_away(
            admin,
            facts.slug,
            keys.signed,
            aside.keep,
            bare=keys.opens(memory),
            schema=which.schema,
        )


def _done(checkpoints: int, tiles: int, stands: int | None) -> Text:
    """What was done, and what comes next."""
    if checkpoints or tiles:
        return Message(
            "Of what the log did not sign {checkpoints} and {tiles} are gone."
            " Change the checkpointer's password if you have not yet; then run: socai log resume",
            checkpoints=plural("{n} checkpoint", "{n} checkpoints", n=checkpoints),
            tiles=plural("{n} tile", "{n} tiles", n=tiles),
        )
    if stands is None:
        return Message(
            "Nothing was taken away: no checkpoint is stored. Check the log: socai log audit"
        )
    return Message(
        "Nothing was taken away: the log signed its newest checkpoint. If the checkpointer stopped:"
        " socai log resume"
    )


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of a log, by size: of acts those that the log itself names, of reads the home's own.

    Where they cannot be told nothing is unsigned: that is an error, and never an answer.
    """

    origin: str
    followed: Callable[[int], Sequence[VKey]]
    stored: PostgresCheckpoints

    def at(self, size: int) -> Sequence[VKey]:
        """Those that sign a tree of this size. Raises: VerificationError: none is known."""
        vkeys = self.followed(size)
        if not vkeys:
            raise VerificationError("registry", f"no key of the log signs {size} records")
        return vkeys

    def signed(self, size: int, note: bytes) -> bool:
        """Whether the log signed a note; a copy of one that stands is not, where the copy lies."""
        vkeys = self.at(size)
        try:
            found = open_checkpoint(note, vkeys, origin=self.origin).checkpoint
        except VerificationError:
            return False
        return found.size == size or self.stored.at(found.size) != note

    def opens(self, memory: SeenFile) -> bool:
        """Whether these are the keys of what the checkpointer remembers."""
        try:
            SeenCheckpoint(memory, self.at, self.origin).last()
        except Doubt:
            return False
        return True


@contextmanager
def _keys(settings: Settings, facts: EnclaveFacts) -> Iterator[_Keys]:
    with closing(open_pool(role_dsn(settings, facts, "projector"), most=1)) as pool:
        records = PostgresRecords(pool)
        reader = Reader(records, open_kek(settings), facts.origin, facts.level)
        require_genesis(reader, facts)
        follower = RegistryFollower(records, reader)
        follower.catch_up()
        yield _Keys(facts.origin, FollowedKeys(lambda: follower).at, PostgresCheckpoints(pool))


@contextmanager
def _keys_of_reads(settings: Settings, facts: EnclaveFacts) -> Iterator[_Keys]:
    """Those in force: what an ended one signs counts no more."""
    own = [signer.vkey for signer in log_signers(settings, which=READS)]
    with closing(open_pool(role_dsn(settings, facts, CHECKPOINTER), most=1)) as pool:
        yield _Keys(READS.origin(facts), lambda _: own, PostgresCheckpoints(pool, READS.schema))
