"""For the operator: backups, sealed into a repository."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import misuse, options, shell_of
from api.home import Home
from api.ops import database, log_lines, loops
from api.ops.backup import repository_key, taking
from api.ops.backup.metrics import tell_backups
from api.ops.backup.repository import BaseCopy, Repository
from api.ops.machine import RealClock
from api.ops.wiring.logins import role_dsn
from api.settings import Settings
from ledger.message import Message, Text, plural
from ledger.postgres.copying.epoch import epoch_and_shredded

_TO_SECONDS: Final = len("2026-11-27T21:40:15")
KEY: Final = click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="File of the private key of backups; those of SOCAI_KEYS_DIR if left out.",
)
PASSPHRASE: Final = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="File with its passphrase; backup.passphrase of SOCAI_SECRETS_DIR if left out.",
)


@click.group()
def backup() -> None:
    """Backups: key, run, stream, list, check, expire."""


@backup.command()
@options
@guarded
def key() -> None:
    """Make the key that backups are sealed to, for the epoch there is.

    Its private half opens backups and is needed by a restore alone: keep it and its passphrase
    apart from the KEK and from the database.
    """
    settings = Settings.from_env()
    with database.reachable(settings) as facts:
        epoch, _ = epoch_and_shredded(role_dsn(settings, facts, "backup"))
    if _has_key_of(settings, epoch):
        misuse(
            Message(
                "Nothing was made: there is a key of backups for this epoch; it turns with the"
                " epoch of the KEK."
            )
        )
    made = repository_key.make(settings, epoch)
    path = Home(settings).key_path(repository_key.NAME)
    shell_of().done(
        Message(
            "Made {path}. Keep it apart, with backup.passphrase; then: socai backup run", path=path
        ),
        key=str(path),
        kid=made.public.kid,
    )


def _has_key_of(settings: Settings, epoch: str) -> bool:
    if not (settings.home / repository_key.PUBLIC).exists():
        return False
    return repository_key.sealing_key(settings).epoch == epoch


@backup.command()
@options
@guarded
def run() -> None:
    """Make a full backup now: the cluster, the configuration, and new files of acts.

    After a turn of the epoch the key of backups is turned first, and older backups go.
    """
    shell = shell_of()
    taken = taking.run(Settings.from_env(), RealClock())
    if taken.turned:
        shell.note(
            Message(
                "The epoch had turned: the key of backups is a new one. Keep it apart, and destroy"
                " every copy of the one before."
            )
        )
    if taken.gone:
        shell.note(Message("Let go, with the key before: {names}", names=", ".join(taken.gone)))
    shell.done(
        Message(
            "Full backup {name}: {mib} MiB, and {files} of acts. Keys and secrets are not in it:"
            " copy them apart.",
            name=taken.base.name,
            mib=taken.base.size >> 20,
            files=plural("{n} new file", "{n} new files", n=taken.files),
        ),
        backup=taken.base.name,
        bytes=taken.base.size,
        files=taken.files,
        turned=taken.turned,
        gone=list(taken.gone),
        destroyed=list(taken.destroyed),
    )


@backup.command()
@options
@guarded
def stream() -> None:
    """Keep what the database writes, as it writes it, until told to stop.

    A server that is away is waited for. Run it as one of the enclave's processes.
    """
    settings, shell = Settings.from_env(), shell_of()
    log_lines.configure(settings.log_level)
    taking.stream(
        settings,
        loops.until_told(),
        lambda segment: shell.note(Message("Keeping WAL from {segment} on.", segment=segment)),
    )


@backup.command("list")
@options
@guarded
def list_() -> None:
    """Which full backups there are, and how far WAL takes the newest."""
    shell, repository = shell_of(), Repository.of(Settings.from_env())
    rows = [_row(base, repository) for base in repository.bases()]
    if shell.json:
        shell.give({"ok": True, "backups": rows})
        return
    if not rows:
        shell.say(Message("There is no full backup: run socai backup run"))
        return
    columns = ("backup", "ended_at", "mib", "wal_mib", "timeline")
    shown = ({**row, "ended_at": f"{str(row['ended_at'])[:_TO_SECONDS]}Z"} for row in rows)
    shell.table(
        columns,
        [[row[column] for column in columns] for row in shown],
        whole=("backup", "ended_at"),
    )


def _row(base: BaseCopy, repository: Repository) -> dict[str, object]:
    reach = repository.reach(base)
    return {
        "backup": base.name,
        "ended_at": base.ended_at,
        "mib": base.size >> 20,
        "wal_mib": (reach.at - base.next_number * base.segment) >> 20,
        "timeline": base.timeline,
        "origin": base.origin,
        "epoch": base.epoch or None,
        "kid": base.kid,
    }


@backup.command()
@click.option("--open", "open_", is_flag=True, help="Open every part too, with the private key.")
@KEY
@PASSPHRASE
@options
@guarded
def check(key_file: Path | None, passphrase_file: Path | None, *, open_: bool) -> None:
    """Whether the backups would do if the machine were lost now; exit 1 where they would not.

    Also as metrics, where SOCAI_METRICS_FILE names a file.
    """
    settings, shell = Settings.from_env(), shell_of()
    found: list[tuple[str, Text]] = [(one.code, one.text) for one in taking.faults(settings)]
    if open_:
        keys = repository_key.opening_keys(settings, key_file, passphrase_file)
        found += [
            ("unopened", Message("{name} does not open: {why}", name=name, why=why))
            for name, why in Repository.of(settings).unopened(keys)
        ]
    if settings.metrics_file is not None:
        codes, bases = {code for code, _ in found}, Repository.of(settings).bases()
        tell_backups(settings.metrics_file, codes, bases, RealClock().now())
    if shell.json:
        faults = [{"code": code, "text": shell.text(text)} for code, text in found]
        shell.give({"ok": not found, "faults": faults})
    else:
        for _, text in found:
            shell.say(text)
        if not found:
            shell.say(Message("The backups are whole and follow the database."))
    if found:
        sys.exit(1)


@backup.command()
@click.option(
    "--keep",
    type=click.IntRange(1, 1000),
    default=2,
    show_default=True,
    help="How many of the newest full backups stay.",
)
@options
@guarded
def expire(keep: int) -> None:
    """Let all but the newest full backups go, and the WAL that none of these needs."""
    gone, segments = taking.expire(Settings.from_env(), keep)
    shell_of().done(
        Message(
            "Let go: {bases}, {segments} of WAL.",
            bases=plural("{n} full backup", "{n} full backups", n=len(gone)),
            segments=plural("{n} segment", "{n} segments", n=segments),
        ),
        gone=[base.name for base in gone],
        segments=segments,
    )
