"""The tampering drill: a database owner forges copies, and the audit names each forgery.

What the forgeries are is `ledger.postgres.forgery`'s; what the audit says is the audit's. An old
backup is sound by itself: the sealer stops on it, by what this home has seen. What a stolen login
of the writer appends is in good form: the rules are asked again of every statement.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from api.bootstrap import RealEntropy, open_kek, open_sealer, role_dsn
from api.cli import database
from api.cli.auditor import in_database, run
from api.cli.castbook import CastBook, Safe
from api.cli.past_door import Smuggler
from api.cli.script import enrolment_facts
from api.cli.shell import Shell
from api.cli.words import Text
from api.settings import EnclaveFacts, Home, Settings
from keys import canonical
from ledger.errors import Doubt, VerificationError
from ledger.log.statement import AUTHOR, make
from ledger.postgres.connect import open_pool
from ledger.postgres.forgery import FORGERIES, copied, forged
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.reader import Reader
from ledger.registrar import Keeper, registry_act
from ledger.regulation.registry import Registry
from ledger.standing import Standing
from ledger.streams.names import stream_id

OLD_BACKUP: Final = "old_backup"
FOREIGN_KEY: Final = "foreign_key"
_HOTLINE: Final = "hotline"
_DIRECTOR: Final = "gd"
WHAT: Final = {
    "edit": Text("sửa một bit của một bản ghi", "one bit of one record is edited"),
    "swap": Text("đổi chỗ hai bản ghi", "two records change places"),
    "delete": Text("xóa một bản ghi", "one record is deleted"),
    "old_tile": Text("khôi phục một mảnh cây cũ", "an old tile is restored"),
    OLD_BACKUP: Text("khôi phục một bản sao lưu cũ", "an old backup is restored"),
    FOREIGN_KEY: Text(
        "cán bộ trực cấp khóa cho giám đốc, bằng quyền ghi cơ sở dữ liệu",
        "the hotline enrols a key for the director, with the writer's login",
    ),
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


def enrolled(shell: Shell, settings: Settings, facts: EnclaveFacts) -> Caught:
    """The hotline's own officer enrols a key for the director, past the door; nobody believes it.

    Args:
        shell: In which language.
        settings: Of the home: the writer's login, the KEK and the officer's key are taken from it.
        facts: Of the enclave; nobody may be using its database.
    """
    dbname = str(facts.database["dbname"])
    with copied(database.admin_dsn(settings), dbname, FOREIGN_KEY) as copy:
        place = in_database(facts, copy)
        index, kid = _smuggle_key(settings, place)
        report = run(shell, settings, place, views=False).report
        with closing(open_pool(role_dsn(settings, place, "reader"), most=1)) as pool:
            records = PostgresRecords(pool)
            reader = Reader(records, open_kek(settings), facts.origin, facts.level)
            believed = Standing(records, reader, Registry.founded()).catch_up().registry
    words = report.message_vi if shell.lang == "vi" else report.message
    kind = None if report.kind is None or kid in believed.keyring else str(report.kind)
    return Caught(FOREIGN_KEY, index, report.first_bad_index, kind, words)


def _smuggle_key(settings: Settings, place: EnclaveFacts) -> tuple[int, str]:
    """Index of the record that nobody judged, and the key that it enrols."""
    home, dsn = Home(settings), role_dsn(settings, place, "writer")
    book = CastBook(place.origin, Safe(settings.home / "cast", home.passphrase()))
    thief, director, key = book.named(_HOTLINE), book.named(_DIRECTOR), book.new_key()
    kek, name = open_kek(settings), f"officer/{director.officer}"
    with closing(open_pool(dsn, most=1)) as pool, closing(GroupAppender(dsn)) as appender:
        records = PostgresRecords(pool)
        reader = Reader(records, kek, place.origin, place.level)
        *_, last = (reader.open(row) for row in records.stream(stream_id(place.origin, name)))
        if last.act is None or last.statement is None:
            raise VerificationError("erased", "the director's last record is gone", last.index)
        at = records.head().recorded_at or last.recorded_at
        act = registry_act(
            "KeyEnrolled",
            act_id=str(RealEntropy().uuid()),
            stream=name,
            at=at,
            facts=enrolment_facts(director.officer, key.jwk, key.kid, last.act.occurred_at),
            signers=[Keeper(thief.officer, thief.part.agency, thief.part.post)],
        )
        statement = make(
            canonical.encode(act),
            book.signer(thief.kid),
            iat=int(at.timestamp()),
            log=place.origin,
            seq=last.seq + 1,
            prev=last.statement.digest_b64,
            role=AUTHOR,
        )
        smuggler = Smuggler(records, appender, kek, place.origin, place.level)
        return smuggler.put(statement, at).index, key.kid


def show(shell: Shell, caught: list[Caught]) -> None:
    """The drill for a person."""
    shell.table(
        ("what", "index", "kind", "note", "result"),
        (
            (shell.text(WHAT[c.forgery]), c.found, c.kind, c.message, "✓" if c.ok else "✗")
            for c in caught
        ),
    )
