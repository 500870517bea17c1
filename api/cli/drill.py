"""The tampering drill: a database owner forges copies, and the audit names each forgery.

What the forgeries are is `ledger.postgres.forgery`'s; what the audit says is the audit's. An old
backup is sound by itself: the sealer stops on it, by what this home has seen.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from api.bootstrap import open_sealer
from api.cli import database
from api.cli.auditor import in_database, run
from api.cli.shell import Shell
from api.cli.words import Text
from api.settings import EnclaveFacts, Settings
from ledger.errors import Doubt
from ledger.postgres.forgery import FORGERIES, forged
from ledger.postgres.records import PostgresRecords

OLD_BACKUP: Final = "old_backup"
WHAT: Final = {
    "edit": Text("sửa một bit của một bản ghi", "one bit of one record is edited"),
    "swap": Text("đổi chỗ hai bản ghi", "two records change places"),
    "delete": Text("xóa một bản ghi", "one record is deleted"),
    "old_tile": Text("khôi phục một mảnh cây cũ", "an old tile is restored"),
    OLD_BACKUP: Text("khôi phục một bản sao lưu cũ", "an old backup is restored"),
}


@dataclass(frozen=True, slots=True)
class Caught:
    """One forgery and what the audit said of it.

    Attributes:
        forgery: Its name.
        touched: Index the forger touched.
        found: First bad index that the audit or the sealer names; None where it saw nothing.
        kind: Kind of damage it names.
        message: Its words.
    """

    forgery: str
    touched: int
    found: int | None
    kind: str | None
    message: str

    @property
    def ok(self) -> bool:
        """Whether the audit named the place."""
        return self.found == self.touched and self.kind is not None


def drill(shell: Shell, settings: Settings, facts: EnclaveFacts) -> list[Caught]:
    """Forges four copies one after the other and audits each; nobody may be using the database."""
    caught = []
    dbname = str(facts.database["dbname"])
    for forgery in FORGERIES:
        with forged(database.admin_dsn(settings), dbname, forgery) as (copy, touched):
            report = run(shell, settings, in_database(facts, copy), views=False).report
        words = report.message_vi if shell.lang == "vi" else report.message
        kind = None if report.kind is None else str(report.kind)
        caught.append(Caught(forgery, touched, report.first_bad_index, kind, words))
    return caught


def restored(shell: Shell, settings: Settings, facts: EnclaveFacts, backup: str) -> Caught:
    """Starts this home's sealer over an old backup of its database; nothing may be signed.

    Args:
        shell: In which language.
        settings: Of the home, with what its sealer has seen.
        facts: Of the enclave.
        backup: Database that was copied before the last acts.
    """
    place = in_database(facts, backup)
    sealer, pool = open_sealer(settings, facts=place)
    with closing(pool):
        size = PostgresRecords(pool).head().size
        try:
            sealer.seal_once()
        except Doubt as doubt:
            text = Text(f"bộ ký dừng: {doubt.vi}", f"the sealer stops: {doubt.en}")
            return Caught(OLD_BACKUP, size, doubt.size, doubt.kind, shell.text(text))
    signed = Text("bộ ký đã ký tiếp", "the sealer signed on")
    return Caught(OLD_BACKUP, size, None, None, shell.text(signed))


def show(shell: Shell, caught: list[Caught]) -> None:
    """The drill for a person."""
    shell.table(
        ("what", "index", "kind", "note", "result"),
        (
            (shell.text(WHAT[c.forgery]), c.found, c.kind, c.message, "✓" if c.ok else "✗")
            for c in caught
        ),
    )
