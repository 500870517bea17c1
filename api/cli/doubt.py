"""For the operator: what this home remembers of its log, and going on after a stop on doubt.

`serve --checkpoint` gives a memory to a home without one; `log resume` takes the mark away that a
stopped sealer left. Both ask the log first. Not: what is doubted, and by whom.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import click

from api.bootstrap import role_dsn
from api.cli import auditor, database
from api.cli.errors import guarded
from api.cli.kept_checkpoint import KeptCheckpoint
from api.cli.shell import fail, options, shell_of
from api.cli.supervisor import API, ROLES, SEALER
from api.cli.words import Text
from api.settings import EnclaveFacts, Home, Settings, memory_needed
from ledger.ports import SeenStore
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.seen_checkpoint import require
from ledger.seen_file import DoubtMark, SeenFile

_LOGINS: Final = {API: "reader"}
"""The login by which a role reads the tree, where it has another name."""


def remember(settings: Settings, roles: Iterable[str], known: bytes | None) -> None:
    """Sees to it that each role knows how far the log has signed before it starts.

    Args:
        settings: Of the home.
        roles: Which will start.
        known: The last known checkpoint, where the operator names one: the log must hold it.

    Raises:
        SettingsError: No enclave, or a role has no memory and no checkpoint is named.
        Doubt: The log does not hold what a role remembers, or what is named.
    """
    home = Home(settings)
    home.facts()
    stores = {role: SeenFile(home.seen_folder(role)) for role in roles}
    if known is None:
        for role, store in stores.items():
            if store.read() is None:
                raise memory_needed(home.seen_folder(role))
        return
    with database.reachable(settings) as facts:
        for role, store in stores.items():
            _hold(settings, facts, role, store, known)


def _hold(
    settings: Settings, facts: EnclaveFacts, role: str, store: SeenStore, known: bytes
) -> None:
    seen = auditor.memory(settings, facts, store)
    if store.read() is None:
        seen.begin(known)
    pool = open_pool(role_dsn(settings, facts, _LOGINS.get(role, role)), most=1)
    try:
        records, tiles = PostgresRecords(pool), PostgresTiles(pool)
        require(seen.last().checkpoint, records.head().size, tiles)
        require(seen.opened(known).checkpoint, records.head().size, tiles)
        seen.keep(known)
    finally:
        pool.close()


def refuse_in_doubt(settings: Settings) -> None:
    """Starts nothing as a whole while its sealer is stopped on doubt; reading alone may be served.

    Raises:
        Refusal: With the reason.
    """
    reason = DoubtMark(Home(settings).seen_folder(SEALER)).reason()
    if reason is not None:
        fail(
            f"Chưa chạy gì: bộ ký đã dừng vì nghi ngờ ({reason}). Chạy: socai log resume;"
            " để chỉ đọc: socai serve --role api",
            f"Nothing was started: the sealer stopped on doubt ({reason}). Run: socai log resume;"
            " to read meanwhile: socai serve --role api",
            "in_doubt",
        )


@click.command()
@click.option(
    "--checkpoint",
    "trusted",
    multiple=True,
    type=KeptCheckpoint(),
    help="A checkpoint kept elsewhere; the log must lead to it too.",
)
@options
@guarded
def resume(trusted: tuple[bytes, ...]) -> None:
    """Let a sealer go on that stopped on doubt: only if the whole log is sound again.

    The audit also holds the log to every checkpoint that this home has seen. Exit 1 where it finds
    damage: the mark stays, and nothing is signed.
    """
    shell = shell_of()
    settings = Settings.from_env()
    home = Home(settings)
    home.facts()  # nothing is sound where nothing is
    marks = {role: DoubtMark(home.seen_folder(role)) for role in ROLES}
    reasons = {role: reason for role, mark in marks.items() if (reason := mark.reason())}
    for role, reason in reasons.items():
        shell.note(Text(f"{role} đã dừng: {reason}", f"{role} stopped: {reason}"))
    if not reasons:
        shell.done(Text("Không có gì bị nghi ngờ.", "Nothing is in doubt."), cleared=[])
        return
    with database.reachable(settings) as facts:
        held = [*auditor.seen_notes(settings, facts), *trusted]
        found = auditor.run(shell, settings, facts, trusted=held, views=False)
    if not shell.json:
        auditor.show(shell, found)
    if not found.ok:
        fail(
            "Chưa cho ký lại: sổ chưa khớp với điều máy này đã thấy. Đặt lại cơ sở dữ liệu đúng"
            " rồi chạy lại lệnh này; nếu bản đúng đã mất: socai log recover.",
            "Nothing is signed yet: the log is not the one that this home has seen. Put the right"
            " database back, then run this again; if it is lost: socai log recover.",
            "in_doubt",
        )
    for mark in marks.values():
        mark.clear()
    shell.done(
        Text(
            "Sổ khớp; bộ ký được chạy lại: socai serve", "Sound; the sealer may go on: socai serve"
        ),
        cleared=list(reasons),
    )
