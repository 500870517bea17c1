"""`socai restore`: the database comes back, and is held against all that is known of its log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from api.cli.commands.backup.group import KEY, PASSPHRASE
from api.cli.commands.log.doubt import doubts_of, remember
from api.cli.commands.log.kept_checkpoint import CheckpointFile, by_log, kept_checkpoints
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, fail, misuse, options, shell_of
from api.cli.terminal.typed_values import MOMENT
from api.home import Home
from api.ops import database
from api.ops.backup import repository_key, restoring
from api.ops.backup.repository import BaseCopy, Repository
from api.ops.machine import RealClock
from api.ops.reads.which_log import REMEMBERING_READS
from api.ops.role_lock import Lock
from api.ops.service.roles import REMEMBERING, ROLES
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError
from api.texts.case_words import when
from keys.errors import KeysError, Unsealable, WrongPassphrase
from keys.hpke import OpeningKeys
from ledger.checkpoints.seen_file import SeenFile
from ledger.errors import Doubt
from ledger.log.moment import stamp
from ledger.message import Message
from ledger.ports import LogHead
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords

_NEEDED_KEYS: Final = ("log", "pq")


@contextmanager
def _saying_what_else_may_be_taken() -> Iterator[None]:
    """Of a part that does not open: it is newer than all that does, and there may be another."""
    try:
        yield
    except WrongPassphrase:
        raise
    except Unsealable as error:
        fail(
            Message(
                "Nothing was restored: {error}. Where the key is the right one that part is"
                " damaged: take it from another copy of the repository, or move it out of this one"
                " (of a full backup its whole folder) and restore again from what is left",
                error=error,
            ),
            "unsealable",
        )


@click.command()
@click.option("--to-latest", is_flag=True, help="To the last moment that is kept.")
@click.option("--to-time", type=MOMENT, default=None, help="To a moment.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Into this folder, for a server of yours to start; else the embedded database.",
)
@KEY
@PASSPHRASE
@kept_checkpoints("The last known checkpoint, where this home has seen none; the log must hold it.")
@options
@guarded
@_saying_what_else_may_be_taken()
def restore(
    to_time: datetime | None,
    data: Path | None,
    key_file: Path | None,
    passphrase_file: Path | None,
    kept: tuple[CheckpointFile, ...],
    *,
    to_latest: bool,
) -> None:
    """Bring the database back from SOCAI_BACKUP_DIR: to its last moment, or to an earlier one.

    Bring keys and secrets first. What is in the place of the database stays where it is: move it
    away before. Nothing is served that is shorter than the last checkpoint known.
    """
    settings, shell = Settings.from_env(), shell_of()
    if to_latest == (to_time is not None):
        misuse(Message("Nothing was restored: say either --to-latest or --to-time."))
    if to_time is not None and to_time > RealClock().now():
        # a server that is told such a moment recovers all, and then refuses to start
        misuse(
            Message(
                "Nothing was restored: {moment} is yet to come. Name one that has passed, or say"
                " --to-latest.",
                moment=to_time.isoformat(),
            )
        )
    repository = Repository.of(settings)
    base = restoring.choose(repository, to_time)
    keys = repository_key.opening_keys(settings, key_file, passphrase_file)
    if data is not None:
        restoring.lay_down(repository, base, keys, data.absolute(), to_time)
        _tell_how_held(shell, repository, base, keys)
        made = restoring.home_of(repository, base, keys, settings.home)
        files = _files_of(shell, repository, settings)
        restoring.stands(data.absolute())
        _tell_laid_down(shell, base, data, made, files)
        return
    _require_own(settings, kept)
    made = restoring.home_of(repository, base, keys, settings.home)
    with closing(Lock(settings.home)) as lock:
        # who serves would go on with the server that was moved away, and take this one for it
        lock.take(*ROLES)
        try:
            restoring.embedded(repository, base, keys, settings, to_time)
            _tell_how_held(shell, repository, base, keys)
            files = _files_of(shell, repository, settings)
            head = _hold(settings, kept)
        finally:
            database.stop_database(settings)
    last = None if head.recorded_at is None else stamp(head.recorded_at)
    shell.done(
        Message(
            "Restored from {name}: {size} records, the last of {until}, and the log holds all that"
            " is known of it. Next: socai log audit, then socai serve, then socai backup run",
            name=base.name,
            size=head.size,
            until="–" if last is None else when(last),
        ),
        backup=base.name,
        records=head.size,
        last_at=last,
        files=files,
        home=made,
    )


def _tell_how_held(shell: Shell, repository: Repository, base: BaseCopy, keys: OpeningKeys) -> None:
    if restoring.by_length_alone(repository, base, keys):
        shell.note(
            Message(
                "{name} lists files without their SHA-256, so what was laid down was held to"
                " their lengths alone: once it serves, run socai backup run",
                name=base.name,
            )
        )


def _files_of(shell: Shell, repository: Repository, settings: Settings) -> int:
    files, altered = restoring.files_of(repository, settings)
    for name in altered:
        shell.note(
            Message(
                "{name} is not what was copied, and was left out: take it from another copy of the"
                " repository, and put it in the same place of SOCAI_BLOBS; until then socai log"
                " audit names it",
                name=name,
            )
        )
    return files


def _tell_laid_down(
    shell: Shell, base: BaseCopy, data: Path, made: Sequence[str], files: int
) -> None:
    shell.done(
        Message(
            "Laid down from {name} in {data}: give it to the server's account and start the server"
            " of the same version there; it recovers by itself. Then: socai log resume, or on a"
            " new machine socai log remember; then socai serve",
            name=base.name,
            data=data,
        ),
        backup=base.name,
        data=str(data),
        home=list(made),
        files=files,
    )


def _require_own(settings: Settings, kept: Sequence[CheckpointFile]) -> None:
    """That whatever is needed is here before anything is made."""
    if settings.database_url is not None:
        misuse(
            Message(
                "Nothing was restored: SOCAI_DATABASE_URL names a server of its own; restore into"
                " its empty folder with --data."
            )
        )
    home = Home(settings)
    missing = [f"{name}.socaikey" for name in _NEEDED_KEYS if not home.key_path(name).exists()]
    missing += ["kek.socaikek"] if not home.key_path("kek").exists() else []
    missing += [
        f"{role}.password"
        for role in ("postgres", "reader", "writer")
        if not home.has_password(role)
    ]
    if missing:
        raise SettingsError(
            Message("bring keys and secrets first; missing: {names}", names=", ".join(missing))
        )
    seen = any(SeenFile(home.seen_folder(role)).path.exists() for role in REMEMBERING)
    if not seen and not kept:
        misuse(
            Message(
                "Nothing was restored: this home has seen no checkpoint. Name the last one that is"
                " known with --checkpoint: nothing else tells whether all came back."
            )
        )


def _hold(settings: Settings, kept: Sequence[CheckpointFile]) -> LogHead:
    """Holds what came back to all that is known of the log; how far that goes.

    Where it holds it, a home without memory gets one.
    """
    facts = database.running_facts(settings)
    try:
        found = dict(doubts_of(settings, facts))
        if not found:
            of_acts, of_reads = by_log(kept, facts)
            for notes, roles in ((of_acts, REMEMBERING), (of_reads, REMEMBERING_READS)):
                for note in notes:
                    remember(settings, roles, note)
    except KeysError as error:
        raise SettingsError(
            Message("restored, and not held against anything: {error}", error=error)
        ) from error
    except Doubt as error:
        found = {"": error}
    for doubt in found.values():
        fail(
            Message(
                "It is restored and not served: {doubt}. Look for newer WAL (the disk of the old"
                " machine, another copy of the repository) and restore again; if it is lost: socai"
                " log recover",
                doubt=doubt.text,
            ),
            "in_doubt",
            kind=doubt.kind,
        )
    pool = open_pool(role_dsn(settings, facts, "reader"), most=1)
    try:
        return PostgresRecords(pool).head()
    finally:
        pool.close()
