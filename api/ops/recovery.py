"""A recovery, step by step, over a database that lost the tail of its log (formats.md §7).

Keys are durable before the act names them; the act is recorded by the normal write path; only then
are the key files changed, the first checkpoint signed, and the memory of the home written anew.
Each step finds out whether it is done already, so that a run that was cut off is simply run again.
What is shown, and what is asked of the operator, is `recover`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from api.home import EnclaveFacts, Home
from api.ops.home_notes import noted_vkeys
from api.ops.machine import RealClock, RealEntropy
from api.ops.reads.which_log import ACTS, WhichLog
from api.ops.service.roles import CHECKPOINTER, REMEMBERING, ROLES
from api.ops.wiring.key_files import log_signers, open_kek
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError
from keys.custody.file import read_key, sync_folder, write_key
from keys.jwk import SoftwareSigner
from keys.log_keys import LogKeys
from keys.lost_checkpoint import known
from keys.signer import Signer
from ledger.admission.registrar import Keeper, registry_act
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.errors import Doubt
from ledger.log import statement as statements
from ledger.log.recovery import Recovery
from ledger.message import Message
from ledger.ports import Alone
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import open_pool
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.recovery.first_checkpoint import FirstCheckpoint
from ledger.recovery.loss import Survivors
from ledger.regulation.case.state import RECOVERING, Entry
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.registry.officers import Appointment
from ledger.write.commands import Ledger
from ledger.write.drafting import payload
from ledger.write.receipt import Recorded

STREAM: Final = "ledger"
ALGS: Final = ("Ed25519", "ML-DSA-44")
"""What a log's two keys are made for."""
_ENTRIES: Final = 32_768


class Recovering:
    """One database that lost a tail, and the home it belongs to.

    Args:
        settings: The home.
        facts: Its enclave.
        stack: Gives back what is opened.
    """

    def __init__(self, settings: Settings, facts: EnclaveFacts, stack: ExitStack) -> None:
        self._settings = settings
        self._facts = facts
        self._home = Home(settings)
        writers = open_pool(role_dsn(settings, facts, "writer"), most=2)
        checkpointers = open_pool(role_dsn(settings, facts, CHECKPOINTER), most=1)
        appender = GroupAppender(role_dsn(settings, facts, "writer"))
        for one in (writers, checkpointers, appender):
            stack.callback(one.close)
        kek = open_kek(settings)
        self._records = PostgresRecords(writers)
        self._entries = PostgresRecords(checkpointers)
        self._tiles = PostgresTiles(checkpointers)
        self._checkpoints = PostgresCheckpoints(checkpointers)
        self._ledger = Ledger(
            store=self._records,
            appender=appender,
            kek=kek,
            clock=RealClock(),
            entropy=RealEntropy(),
            cases=Alone(),
            origin=facts.origin,
            level=facts.level,
            rehearsal=facts.rehearsal,
        )
        self.registry = self._ledger.refresh()

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, facts: EnclaveFacts) -> Iterator[Recovering]:
        """Opens database and keys; gives them back."""
        with ExitStack() as stack:
            yield cls(settings, facts, stack)

    # What is there

    @property
    def keys(self) -> LogKeys:
        """The keys of the log, as the database that is left knows them."""
        return self.registry.log_keys

    def ended(self) -> list[str]:
        """Keys that a recovery ends: those in force, and any other that the home has used."""
        own = map(str, noted_vkeys(self._settings))
        return list(
            dict.fromkeys([*self.keys.current, *(k for k in own if k not in self.keys.every)])
        )

    @property
    def memories(self) -> Memories:
        """What the home remembers, by any key the log ever had."""
        vkeys = [*self.keys.every, *self.ended()]
        return Memories(self._home, REMEMBERING, vkeys, self._facts.origin)

    def survivors(self, sizes: set[int]) -> Survivors:
        """The records that are left."""
        return Survivors(entries_of(self._records), sizes)

    def last(self) -> datetime | None:
        """When the last record that is left was taken."""
        return self._records.head().recorded_at

    def covered(self) -> int:
        """Size of the newest checkpoint that is left."""
        latest = self._checkpoints.latest()
        return 0 if latest is None else latest[0]

    def pending(self) -> Entry | None:
        """The recovery that waits for a signature, if it is still the end of the log.

        Asked of the folded stream: what somebody else has put there is set aside, as at the door.
        """
        last = self._records.head().size - 1
        found = (one for one in self._ledger.pending(STREAM) if one.act.act == RECOVERING)
        return next((one for one in found if one.signed[-1].index == last), None)

    def unfinished(self) -> Recovery | None:
        """A recovery that is in effect and under whose keys no checkpoint is signed yet."""
        found = self.recoveries()
        return found[-1] if found and self.covered() <= found[-1].size else None

    def recoveries(self) -> list[Recovery]:
        """Those in effect in the log that is left, oldest first."""
        acts = self._ledger.follower.current.acts
        return [Recovery.of(one.act.facts, one.index) for one in acts if one.act.act == RECOVERING]

    # Who signs

    def officer(self, kid: str) -> str | None:
        """Whose key it is."""
        line = self.registry.keyring.line(kid)
        return None if line is None else line.officer

    def post(self, officer: str, at: datetime) -> Appointment | None:
        """The post in which an officer keeps the registry then."""
        held = self.registry.appointments(officer, at.astimezone(VIETNAM).date())
        return next((one for one in held if KEEPER in one.powers), None)

    def others(self, author: str, at: datetime) -> list[str]:
        """Registrars who may countersign: another person, with a key that is good."""
        known = dict.fromkeys(line.officer for line in self.registry.keyring.lines())
        return [
            officer
            for officer in known
            if officer is not None
            and not self.registry.same_person(officer, author)
            and self.post(officer, at) is not None
            and any(
                line.revoked_index is None and line.valid_at(at)
                for line in self.registry.keyring.lines(officer)
            )
        ]

    def alone(self, at: datetime) -> bool:
        """Whether the founder signs alone."""
        return self.registry.founding(at.astimezone(VIETNAM).date())

    def time(self) -> datetime:
        """The ledger's time: the machine's, in a rehearsal that of its last record."""
        last = self.last() if self._facts.rehearsal else None
        return last or RealClock().now()

    # The act

    def author(
        self, signer: Signer, signers: Sequence[str], facts: dict[str, Any], at: datetime
    ) -> Recorded:
        """Records the author's statement, the first record behind what is left."""
        members = registry_act(
            RECOVERING,
            act_id=str(RealEntropy().uuid()),
            stream=STREAM,
            at=at,
            facts=facts,
            signers=[self._registrar(officer, at) for officer in signers],
        )
        return self._record(signer, payload(members), statements.AUTHOR, at)

    def countersign(self, signer: Signer, waiting: Entry, at: datetime) -> Recorded:
        """Records the next statement of a recovery that waits."""
        return self._record(signer, payload(waiting.act.signed), waiting.waiting_for[0].role, at)

    def _record(self, signer: Signer, content: bytes, role: str, at: datetime) -> Recorded:
        head = self._ledger.head(STREAM)
        made = statements.make(
            content,
            signer,
            iat=int(at.timestamp()),
            log=self._facts.origin,
            seq=head.seq,
            prev=head.prev,
            role=role,
        )
        body = orjson.dumps(statements.flattened(made))
        recorded = self._ledger.record(body, at=at if self._facts.rehearsal else None)
        self.registry = self._ledger.refresh()
        return recorded

    def _registrar(self, officer: str, at: datetime) -> Keeper:
        held = self.post(officer, at)
        if held is None:
            raise SettingsError(
                Message("officer {officer} is no registrar", officer=officer),
            )
        return Keeper(officer, held.agency, held.post, held.capacities)

    # The keys

    def next_vkeys(self) -> list[str]:
        """The keys that begin; made now, durable on return, where no earlier run has."""
        return make_next_keys(self._settings, ACTS)

    def finish(self, recovery: Recovery) -> bytes:
        """Sets the ended keys aside, signs the first checkpoint, writes the home's memory anew."""
        self._turn(recovery)
        first = FirstCheckpoint(
            records=self._entries,
            tiles=self._tiles,
            store=self._checkpoints,
            keys=self.keys,
            signers=log_signers(self._settings),
            recovery=recovery,
        )
        memories = self.memories
        kept, now = memories.opened(CHECKPOINTER), int(RealClock().now().timestamp())

        def keep(note: bytes) -> None:
            memories.keep(note)
            for role in ROLES:
                DoubtMark(self._home.seen_folder(role)).clear()

        return first.sign(kept, keep, time_s=now)

    def _turn(self, recovery: Recovery) -> None:
        """Next keys into place, the ended ones beside them; the public ones noted, newest first."""
        if not all(self._next(name).exists() or self._is_new(name, recovery) for name in ACTS.keys):
            raise SettingsError(
                Message(
                    "the new keys that the recovery names are not in {keys_dir}",
                    keys_dir=self._settings.keys_dir,
                ),
            )
        for name in ACTS.keys:
            if self._next(name).exists():
                turn_key(self._home, name)
        spans = reversed(self.keys.spans)
        note_vkeys(self._settings, ACTS, (vkey for span in spans for vkey in span.vkeys))

    def _is_new(self, name: str, recovery: Recovery) -> bool:
        """Whether the key is in its place: a run was cut off behind that."""
        key = read_key(self._home.key_path(name), self._home.passphrase())
        return key.public in [vkey.raw for vkey in known(recovery.new_vkeys)]

    def _next(self, name: str) -> Path:
        return next_key(self._home, name)


@dataclass(frozen=True, slots=True)
class Memories:
    """What the roles of a home have seen of a log.

    Attributes:
        home: Whose they are.
        roles: Who remembers.
        vkeys: By which a memory may open, ended ones with them.
        origin: Of the log.
    """

    home: Home
    roles: Sequence[str]
    vkeys: Sequence[str]
    origin: str

    def at(self, role: str) -> SeenFile:
        """Where a role keeps it."""
        return SeenFile(self.home.seen_folder(role))

    def opened(self, role: str) -> bytes | None:
        """What a role remembers; None where nothing opens."""
        vkeys = known(self.vkeys)
        try:
            return SeenCheckpoint(self.at(role), lambda _: vkeys, self.origin).last().note
        except Doubt:
            return None

    def keep(self, note: bytes) -> None:
        """Writes every memory anew; one that did not open is set aside."""
        for role in self.roles:
            memory, spoilt = self.at(role), self.opened(role) is None
            with memory.alone():
                if spoilt:
                    memory.set_aside()
                memory.write(note)


def entries_of(records: PostgresRecords) -> Iterator[bytes]:
    """Every entry of a log as it lies now, in order."""
    size = records.head().size
    for start in range(0, size, _ENTRIES):
        yield from records.entries(start, min(start + _ENTRIES, size))


def make_next_keys(settings: Settings, which: WhichLog) -> list[str]:
    """The keys of a log that begin; made now, durable on return, where no earlier run has."""
    home = Home(settings)
    for name, alg in zip(which.keys, ALGS, strict=True):
        if not next_key(home, name).exists():
            signer = SoftwareSigner.generate(alg)
            write_key(next_key(home, name), signer, home.passphrase(), **home.key_costs())
    made = log_signers(settings, lambda name: next_key(home, name), which)
    return [str(signer.vkey) for signer in made]


def note_vkeys(settings: Settings, which: WhichLog, vkeys: Iterable[str]) -> None:
    """Notes a log's public keys in the home, whole or not, those in force first, each once."""
    path = settings.home / which.vkeys
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text("".join(f"{vkey}\n" for vkey in dict.fromkeys(vkeys)), "ascii")
    draft.replace(path)


def next_key(home: Home, name: str) -> Path:
    """Where a key lies that is to begin."""
    return home.key_path(name).with_name(f"{name}-next.socaikey")


def turn_key(home: Home, name: str) -> None:
    """Puts the next key in the place of the one that ends, which is set aside; durable."""
    path = home.key_path(name)
    if path.exists():
        old = read_key(path, home.passphrase())
        path.rename(path.with_name(f"{name}-ended-{old.kid[:8]}.socaikey"))
    next_key(home, name).rename(path)
    sync_folder(path.parent)
