"""The recovery of a log of reads, step by step, over a schema that lost its tail (formats.md §7).

A plan is made and kept beside the keys, two custodians commit to it in the log of acts, and then
the log of reads goes on: its row, the keys, the first checkpoint, the memories. Each step finds out
whether it is done already, so that a run that was cut off is simply run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from api.home import EnclaveFacts, Home
from api.ops.machine import RealClock, RealEntropy
from api.ops.reads.which_log import READS, REMEMBERING_READS
from api.ops.recovery import Memories, entries_of, make_next_keys, next_key, note_vkeys, turn_key
from api.ops.service.roles import CHECKPOINTER
from api.ops.wiring.key_files import log_signers, open_kek, service_signer
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError
from keys import canonical, read_tags
from keys.custody.file import write_durably
from keys.envelope_encryption import Keks
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from ledger.admission import service_statements
from ledger.checkpoints.seen_file import DoubtMark
from ledger.errors import Doubt, NotFound, VerificationError
from ledger.files.file_key import FileKey
from ledger.log.moment import cut
from ledger.message import Message
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.files import PostgresFiles
from ledger.postgres.reads.rows import PostgresReads
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.reads.access_logged import ACCESS_LOG_RECOVERED, OF_READS
from ledger.reads.recovered import CEREMONY, go_on, require
from ledger.recovery.first_checkpoint import FirstCheckpoint
from ledger.recovery.loss import Loss, Survivors, sizes_of, take_note
from ledger.streams.record_reader import Reader
from ledger.write.judged_stream import JudgedStream
from ledger.write.registry_follower import RegistryFollower

STREAM: Final = "ledger"
_BLIND_BYTES: Final = 32
_ENTRIES: Final = 32_768


def ceremony_of(
    pool: Pool, kek: Keks, facts: EnclaveFacts, act_id: str
) -> Mapping[str, Any] | None:
    """Facts of the KeyCeremonyRecorded of an id, if it stands and all have signed it."""
    records = PostgresRecords(pool)
    reader = Reader(records, kek, facts.origin, facts.level)
    follower = RegistryFollower(records, reader)
    follower.catch_up()
    rows = records.act(UUID(act_id))
    try:
        opened = [reader.open(row) for row in rows]
    except VerificationError:
        return None
    act = opened[0].act if opened else None
    if act is None or act.act != CEREMONY or opened[0].stream != STREAM:
        return None
    aside = JudgedStream(follower, records, reader.for_judges(), STREAM).upto()
    stands = all(row.index in aside and aside[row.index] is None for row in rows)
    return act.facts if stands and len(rows) == len(act.signers) else None


class RecoveringReads:
    """One schema `access` that lost a tail, and the home it belongs to.

    Args:
        settings: The home.
        facts: Its enclave.
        stack: Gives back what is opened.

    Attributes:
        origin: Of the log of reads.
    """

    def __init__(self, settings: Settings, facts: EnclaveFacts, stack: ExitStack) -> None:
        self._settings = settings
        self._facts = facts
        self._home = Home(settings)
        self.origin = READS.origin(facts)
        whole, signing, reading = (
            stack.enter_context(closing(open_pool(role_dsn(settings, facts, role), most=1)))
            for role in ("projector", CHECKPOINTER, "reader")
        )
        self._kek = open_kek(settings)
        self._whole, self._acts = whole, PostgresRecords(whole)
        self._rows = PostgresRecords(signing, READS.schema)
        self._tiles = PostgresTiles(signing, READS.schema)
        self._checkpoints = PostgresCheckpoints(signing, READS.schema)
        key = read_tags.key_of(FileKey(PostgresFiles(reading), self._kek, facts.origin).made())
        self._store = PostgresReads(reading, read_tags.gate(key))

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, facts: EnclaveFacts) -> Iterator[RecoveringReads]:
        """Opens database and keys; gives them back."""
        with ExitStack() as stack:
            yield cls(settings, facts, stack)

    @property
    def plan_path(self) -> Path:
        """Where the plan is kept until it is carried out: beside the keys that it names."""
        return self._home.key_path(READS.keys[0]).with_name("access-recovery.json")

    def vkeys(self) -> list[str]:
        """Every key that the home has noted of it, those in force first."""
        return (self._settings.home / READS.vkeys).read_text("ascii").split()

    @property
    def memories(self) -> Memories:
        """What the home remembers of it."""
        return Memories(self._home, REMEMBERING_READS, self.vkeys(), self.origin)

    def loss(self, kept: Sequence[bytes]) -> Loss:
        """What is left, and what is known to be lost. Raises: VerificationError."""
        notes = [*kept, *filter(None, map(self.memories.opened, REMEMBERING_READS))]
        found = Loss(Survivors(entries_of(self._rows), sizes_of(notes, ())))
        for note in notes:
            take_note(found, self.origin, known(self.vkeys()), note)
        return found

    # -- the plan ----------------------------------------------------------------------------------

    def plan(self, loss: Loss, reason: str) -> dict[str, Any]:
        """What the ceremony commits to, with keys that begin; durable on return, and made once.

        Raises:
            SettingsError: One is under way already.
        """
        if self.plan_path.exists():
            raise SettingsError(
                Message(
                    "{path} is there already: a recovery is under way. Go on with it"
                    " (--ceremony), or take the file away to plan another.",
                    path=self.plan_path,
                )
            )
        facts = {
            **loss.facts(),
            "old_vkeys": self.vkeys(),
            "new_vkeys": make_next_keys(self._settings, READS),
            "reason": reason,
            "blind": canonical.b64(RealEntropy().take(_BLIND_BYTES)),
        }
        write_durably(self.plan_path, orjson.dumps(facts))
        return facts

    def planned(self) -> dict[str, Any] | None:
        """The plan that is under way."""
        if not self.plan_path.exists():
            return None
        found: dict[str, Any] = orjson.loads(self.plan_path.read_bytes())
        return found

    # -- carried out -------------------------------------------------------------------------------

    def carry_out(self, plan: Mapping[str, Any], act_id: str) -> bytes:
        """The row, the keys, the first checkpoint, the memories; the checkpoint.

        Raises:
            NotFound: No act of two custodians that stands commits to the plan.
            LedgerError: A step failed: run it again.
        """
        facts, size = {**plan, "act": act_id}, int(plan["size"])
        recovery = self._required(facts, size, act_id)
        if self._rows.head().size == size:
            self._note_row(facts)
        if not self._is_said(facts, size) or self._survivors_root(size) != recovery.root:
            raise Doubt(
                "forked",
                Message(
                    "this is not the log of reads that the plan is of: restore the copy again that"
                    " was there when it was made, with nothing added to it"
                ),
            )
        for name in READS.keys:
            if next_key(self._home, name).exists():
                turn_key(self._home, name)
        signers = log_signers(self._settings, which=READS)
        self._require_new(signers[0].vkey.raw, recovery.new_vkeys)
        first = FirstCheckpoint(
            records=self._rows,
            tiles=self._tiles,
            store=self._checkpoints,
            keys=LogKeys.of(recovery.old_vkeys).turned(size, recovery.new_vkeys),
            signers=signers,
            recovery=replace(recovery, index=size),
        )
        note_vkeys(self._settings, READS, [*recovery.new_vkeys, *recovery.old_vkeys])
        memories = self.memories
        kept, now = memories.opened(READS.seen), int(RealClock().now().timestamp())
        note = first.sign(kept, memories.keep, time_s=now)
        memories.keep(note)
        DoubtMark(self._home.seen_folder(READS.seen)).clear()
        self.plan_path.unlink()
        return note

    def _required(self, facts: Mapping[str, Any], size: int, act_id: str) -> Any:  # noqa: ANN401
        ceremony = ceremony_of(self._whole, self._kek, self._facts, act_id)
        try:
            return require(facts, size, self.origin, ceremony)
        except VerificationError as error:
            raise NotFound(error.message) from error

    def _note_row(self, facts: Mapping[str, Any]) -> None:
        head = self._store.head().recorded_at
        now = RealClock().now()
        if self._facts.rehearsal:  # its time is that of its records
            now = self._acts.head().recorded_at or now
        go_on(
            self._store,
            facts,
            origin=self.origin,
            level=self._facts.level,
            signer=service_signer(self._settings),
            kek=self._kek,
            entropy=RealEntropy(),
            at=cut(now if head is None else max(head, now)),
        )

    def _is_said(self, facts: Mapping[str, Any], size: int) -> bool:
        """Whether the first row behind what is left says it: a run was cut off behind that."""
        rows = PostgresRecords(self._whole, READS.schema)
        reader = Reader(rows, self._kek, self.origin, self._facts.level)
        for row in rows.read(size, 1):
            statement = reader.open(row).statement
            if statement is not None:
                event = service_statements.parse(statement.members, OF_READS)
                return event.event == ACCESS_LOG_RECOVERED and dict(event.facts) == dict(facts)
        return False

    def _survivors_root(self, size: int) -> bytes:
        return Survivors(iter(self._rows.entries(0, size)), ()).root

    def _require_new(self, raw: bytes, vkeys: Sequence[str]) -> None:
        if raw not in [vkey.raw for vkey in known(vkeys)]:
            raise SettingsError(
                Message(
                    "the new keys that the recovery names are not in {keys_dir}",
                    keys_dir=self._settings.keys_dir,
                )
            )
