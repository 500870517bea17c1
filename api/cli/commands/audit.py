"""For the auditor: whether every stored byte holds.

It reads the database alone, with the projector's login or, without content, the auditor's; it asks
no service and changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import click

from api.cli.commands.log.kept_checkpoint import CheckpointFile, by_log, kept_checkpoints
from api.cli.commands.signer_options import LogKey
from api.cli.terminal.audit_tables import progressing, show
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import MISUSED, Refusal, options, shell_of
from api.home import EnclaveFacts
from api.ops import database
from api.ops.enclave_audit import (
    AUDITOR,
    DIGEST,
    LENGTH,
    NO_VIEWS,
    NOTHING,
    PROJECTOR,
    Seen,
    in_database,
    run,
    seen_notes,
    seen_reads,
)
from api.ops.home_notes import write_audited
from api.ops.machine import RealClock
from api.ops.wiring.logins import role_dsn
from api.settings import Settings
from keys.note import VKey
from ledger.errors import NotFound, Unavailable
from ledger.message import Message
from ledger.postgres.connect import may_enter

_FILES: Final = (NOTHING, LENGTH, DIGEST)


@click.command("audit")
@click.option(
    "--login",
    type=click.Choice([PROJECTOR, AUDITOR]),
    default=PROJECTOR,
    show_default=True,
    help="auditor: without content, and says so.",
)
@click.option(
    "--database", "dbname", default=None, help="A copy or a restored dump on the same server."
)
@kept_checkpoints("A checkpoint kept elsewhere; the log must lead to it.")
@click.option(
    "--vkey",
    "vkeys",
    type=LogKey(),
    multiple=True,
    help="The log's keys as published; those of the home if left out.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=None,
    help="Processes; as many as cores if left out.",
)
@click.option("--no-views", is_flag=True, help="The log only.")
@click.option(
    "--no-definitions",
    is_flag=True,
    help="Rows only: a copy that was restored under other owners.",
)
@click.option(
    "--files",
    type=click.Choice([*_FILES]),
    default=LENGTH,
    show_default=True,
    help="What is asked of the files of acts: nothing, that each is there, or every byte.",
)
@options
@guarded
def audit_log(  # noqa: PLR0913  as `run`
    login: str,
    dbname: str | None,
    kept: tuple[CheckpointFile, ...],
    vkeys: tuple[VKey, ...],
    workers: int | None,
    *,
    no_views: bool,
    no_definitions: bool,
    files: str,
) -> None:
    """Recompute records, tree, checkpoints, signatures, order and views. Exit 1 at damage.

    Functions, triggers, policies and grants are held against those that this program ships.
    The log is also held to what this home has seen of it; a copy (--database) only to --checkpoint.
    """
    shell = shell_of()
    settings = Settings.from_env()
    with (
        database.reachable(settings) as facts,
        _named(settings, facts, dbname, login),
        progressing(shell) as progress,
    ):
        seen = seen_notes(settings, facts) if dbname is None else Seen()
        reads = seen_reads(settings, facts) if dbname is None else Seen()
        of_acts, of_reads = by_log(kept, facts)
        found = run(
            settings,
            in_database(facts, dbname),
            progress,
            login=login,
            trusted=[*seen.notes, *of_acts],
            workers=settings.workers if workers is None else workers,
            views=not no_views,
            definitions=not no_definitions,
            vkeys=[str(vkey) for vkey in vkeys],
            files=files,
            trusted_reads=[*reads.notes, *of_reads],
        )
    found = replace(found, unopened={**seen.unopened, **reads.unopened})
    asked = {
        "content": login == PROJECTOR,
        "views": login == PROJECTOR and not no_views and found.views_skipped != NO_VIEWS,
        "definitions": not no_definitions,
        "files": found.report.files.contents != NOTHING,
        "bytes of files": found.report.files.contents == DIGEST,
        "checkpoints": bool(kept),
        "keys": bool(vkeys),
    }
    words = [word for word, was in asked.items() if was]
    if dbname is None and not write_audited(settings, RealClock().now(), words, ok=found.ok):
        shell.note(
            Message(
                "An audit of this home found damage and asked more than this one: it stays noted"
                " until one that asks as much is sound."
            )
        )
    if shell.json:
        shell.give(found.as_dict())
    else:
        show(shell, found)
    sys.exit(0 if found.ok else 1)


@contextmanager
def _named(
    settings: Settings, facts: EnclaveFacts, dbname: str | None, login: str
) -> Iterator[None]:
    """Tells a wrong name from a server that is away, which look alike to whoever connects."""
    try:
        yield
    except NotFound as error:
        name = dbname or str(facts.database["dbname"])
        text = Message(
            "Nothing was checked: the database {name} holds no log; correct --database.", name=name
        )
        raise Refusal(text, MISUSED, "no_log") from error
    except Unavailable as error:
        if dbname is not None:
            enters = may_enter(role_dsn(settings, facts, login), dbname)
            _refuse_name(dbname, login, error, enters=enters)
        raise


def _refuse_name(dbname: str, login: str, cause: Unavailable, *, enters: bool | None) -> None:
    if enters is None:
        text = Message(
            "Nothing was checked: the server has no database {dbname}; correct --database.",
            dbname=dbname,
        )
        raise Refusal(text, MISUSED, "no_such_database") from cause
    if not enters:
        text = Message(
            "Nothing was checked: the login {login} may not enter {dbname}; the administrator"
            " grants it CONNECT first.",
            login=login,
            dbname=dbname,
        )
        raise Refusal(text, MISUSED, "database_closed") from cause
