"""The tampering drill: a database owner forges copies, and the audit names each forgery.

What the forgeries are is `api.rehearsal.forgery`'s; what the audit says is the audit's. An old
backup is sound by itself: the checkpointer stops on it, by what this home has seen. What a stolen
login of the writer appends is in good form: the rules are asked again of every statement.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from api.home import EnclaveFacts, Home
from api.ops import database
from api.ops.enclave_audit import Progressed, in_database, run
from api.ops.machine import RealEntropy
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import role_dsn
from api.rehearsal.acts_of_play import enrolment_facts
from api.rehearsal.cast import Cast, KeyStore
from api.rehearsal.forgery import FORGERIES, copied, forged
from api.rehearsal.past_door import Smuggler
from api.settings import Settings
from api.texts.damage import finding
from keys import canonical
from ledger.admission.registrar import Keeper, registry_act
from ledger.errors import Doubt, VerificationError
from ledger.log.statement import AUTHOR, make
from ledger.message import Message, Text
from ledger.postgres.connect import open_pool
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower

OLD_BACKUP: Final = "old_backup"
FOREIGN_KEY: Final = "foreign_key"
_HOTLINE: Final = "hotline"
_DIRECTOR: Final = "gd"
WHAT: Final = {
    "edit": Message("one bit of one record is edited"),
    "swap": Message("two records change places"),
    "delete": Message("one record is deleted"),
    "old_tile": Message("an old tile is restored"),
    OLD_BACKUP: Message("an old backup is restored"),
    FOREIGN_KEY: Message("the hotline enrols a key for the director, with the writer's login"),
}


@dataclass(frozen=True, slots=True)
class Caught:
    """One forgery and what the audit said of it.

    Attributes:
        forgery: Its name.
        touched: Index the forger touched.
        found: First bad index that the audit or the checkpointer names; None where it saw nothing.
        kind: Kind of damage it names.
        said: Its words.
    """

    forgery: str
    touched: int
    found: int | None
    kind: str | None
    said: Text

    @property
    def ok(self) -> bool:
        """Whether the audit named the place."""
        return self.found == self.touched and self.kind is not None


def drill(settings: Settings, facts: EnclaveFacts, progress: Progressed) -> list[Caught]:
    """Forges four copies one after the other and audits each; nobody may be using the database."""
    caught = []
    dbname = str(facts.database["dbname"])
    for forgery in FORGERIES:
        with forged(database.admin_dsn(settings), dbname, forgery) as (copy, touched):
            report = run(settings, in_database(facts, copy), progress, views=False).report
        kind = None if report.kind is None else str(report.kind)
        caught.append(
            Caught(forgery, touched, report.first_bad_index, kind, finding(report.findings[0]))
        )
    return caught


def restored(settings: Settings, facts: EnclaveFacts, backup: str) -> Caught:
    """Starts this home's checkpointer over an old backup of its database; nothing may be signed.

    Args:
        settings: Of the home, with what its checkpointer has seen.
        facts: Of the enclave.
        backup: Database that was copied before the last acts.
    """
    place = in_database(facts, backup)
    checkpointer, pool = open_checkpointer(settings, facts=place)
    with closing(pool):
        size = PostgresRecords(pool).head().size
        try:
            checkpointer.checkpoint_once()
        except Doubt as doubt:
            text = Message("the checkpointer stops: {doubt}", doubt=doubt.text)
            return Caught(OLD_BACKUP, size, doubt.size, doubt.kind, text)
    signed = Message("the checkpointer signed on")
    return Caught(OLD_BACKUP, size, None, None, signed)


def enrolled(settings: Settings, facts: EnclaveFacts, progress: Progressed) -> Caught:
    """The hotline's own officer enrols a key for the director, past the door; nobody believes it.

    Args:
        settings: Of the home: the writer's login, the KEK and the officer's key are taken from it.
        facts: Of the enclave; nobody may be using its database.
        progress: Told how far each audit is.
    """
    dbname = str(facts.database["dbname"])
    with copied(database.admin_dsn(settings), dbname, FOREIGN_KEY) as copy:
        place = in_database(facts, copy)
        index, kid = _smuggle_key(settings, place)
        report = run(settings, place, progress, views=False).report
        with closing(open_pool(role_dsn(settings, place, "writer"), most=1)) as pool:
            records = PostgresRecords(pool)
            reader = Reader(records, open_kek(settings), facts.origin, facts.level)
            believed = RegistryFollower(records, reader).catch_up().registry
    kind = None if report.kind is None or kid in believed.keyring else str(report.kind)
    return Caught(FOREIGN_KEY, index, report.first_bad_index, kind, finding(report.findings[0]))


def _smuggle_key(settings: Settings, place: EnclaveFacts) -> tuple[int, str]:
    """Index of the record that nobody judged, and the key that it enrols."""
    home, dsn = Home(settings), role_dsn(settings, place, "writer")
    book = Cast(place.origin, KeyStore.of(home))
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
