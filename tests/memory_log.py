"""A small sound log in memory, made with real keys.

Genesis, officers, cases, countersignatures, a return, an erasure.

It is written the way the ledger writes (formats.md §3-§7), without guards or a database, so that an
audit can be tried on it and every stored byte can be changed. Facts of case acts are not those of
the catalogue: an audit does not ask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

from keys import canonical, envelope_encryption, note
from keys.envelope_encryption import Kek
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner
from ledger.audit.content import RawRecord
from ledger.audit.files.snapshot_port import RawEvent, RawFile
from ledger.audit.rules.token_owners import RawToken
from ledger.audit.snapshot_port import ALONE, StreamPartition
from ledger.audit.tables import Beside
from ledger.audit.tree import RawCheckpoint, RawTile
from ledger.log import checkpoint, record, statement, tiles
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import Frontier
from ledger.log.moment import milliseconds
from ledger.log.record import leaf
from ledger.ports import LogHead
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.streams.event import TOPIC
from ledger.streams.names import is_case, stream_id
from ledger.streams.tokens import token_tag, tokens_of

ORIGIN = "rehearsal.bacninh.example/ordinary"
VN = timezone(timedelta(hours=7))
START = datetime(2024, 6, 4, 1, 0, tzinfo=UTC)
AGENCY = "bacninh.stttt"


@dataclass(slots=True)
class Person:
    """An officer with a key."""

    uuid: str
    signer: SoftwareSigner
    post: str


class NoFiles:
    """`FileEvidence` of a log without files."""

    def declared(self) -> Sequence[tuple[bool, int]]:
        """See `FileEvidence`."""
        return [(True, 0)]

    def counted(self) -> tuple[int, int]:
        """See `FileEvidence`."""
        return 0, 0

    def keys(self) -> Sequence[tuple[bool, bytes | None]]:
        """See `FileEvidence`."""
        return ()

    def files(self) -> Iterable[RawFile]:
        """See `FileEvidence`."""
        return ()

    def events(self) -> Iterable[RawEvent]:
        """See `FileEvidence`."""
        return ()

    def astray(self) -> Sequence[tuple[UUID, int]]:
        """See `FileEvidence`."""
        return ()


@dataclass(slots=True)
class MemoryLog:
    """Stored rows as lists and dicts, to be read as `Evidence` and to be damaged.

    Attributes:
        rows: Records by position; an index is in the row.
        hash_tiles: (level, n, width) to bytes.
        signed: Size to (root, note).
        noted: Tag of a token and id of a case to the index that names it first.
        head_row: What `log_head` says.
        kek: The KEK of the log.
    """

    random: Random
    kek: Kek
    log_key: NoteSigner
    pq_key: NoteSigner
    registrar: Person
    rows: list[RawRecord] = field(default_factory=list)
    hash_tiles: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    signed: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    noted: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    head_row: LogHead = field(default_factory=lambda: LogHead(0, None, -1))
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    statements: list[statement.Statement] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    frontier: Frontier = field(default_factory=Frontier)
    clock: datetime = START
    origin: str = ORIGIN
    sealed: bool = True

    def copied(self) -> MemoryLog:
        """Another log of the same records, which are values; what is done to one is not to both."""
        return replace(
            self,
            random=deepcopy(self.random),
            rows=[*self.rows],
            hash_tiles={**self.hash_tiles},
            signed={**self.signed},
            noted={**self.noted},
            heads={**self.heads},
            statements=[*self.statements],
            people=[*self.people],
            frontier=deepcopy(self.frontier),
        )

    # -- Evidence ---------------------------------------------------------------------------------

    def head(self) -> LogHead:
        """See `Evidence`."""
        return self.head_row

    def count(self) -> int:
        """See `Evidence`."""
        return len(self.rows)

    def last(self) -> int:
        """See `Evidence`."""
        return max((row.at for row in self.rows), default=-1)

    def records(
        self, start: int, end: int, partition: StreamPartition = ALONE
    ) -> Sequence[RawRecord]:
        """See `Evidence`; without state and wraps where the login may not read them."""
        here = (r for r in self.rows if start <= r.at < end and partition.has(r.stream_id))
        rows = sorted(here, key=lambda r: r.at)
        return rows if self.sealed else [r._replace(state=None, wraps=()) for r in rows]

    def registry(self) -> Iterator[RawRecord]:
        """See `Evidence`."""
        return (row for row in self.records(0, self.last() + 1) if row.registry)

    def beside(self) -> Beside:
        """See `Evidence`: nothing of it is kept here."""
        return Beside(heads=1, rehearsal=True)

    def stream(self, stream_id: bytes, before: int) -> Iterator[RawRecord]:
        """See `Evidence`."""
        return self.streams({stream_id}, before)

    def streams(self, stream_ids: Collection[bytes], before: int) -> Iterator[RawRecord]:
        """See `Evidence`."""
        return (row for row in self.records(0, before) if row.stream_id in stream_ids)

    def share(self) -> MemoryLog:
        """See `Evidence`: what is stored; the keys it is written with stay here."""
        kept = copy(self)
        del kept.log_key, kept.pq_key, kept.registrar, kept.people
        return kept

    def open(self) -> MemoryLog:
        """See `ExportedSnapshot`."""
        return self

    def files(self) -> NoFiles:
        """See `Evidence`."""
        return NoFiles()

    def tiles(self) -> Iterable[RawTile]:
        """See `Evidence`."""
        return [RawTile(*key, data) for key, data in self.hash_tiles.items()]

    def tokens(self) -> Iterable[RawToken]:
        """See `Evidence`."""
        return [RawToken(*key, at) for key, at in self.noted.items()]

    def checkpoints(self) -> Iterable[RawCheckpoint]:
        """Rows of `checkpoints` by size."""
        return [RawCheckpoint(size, *row) for size, row in sorted(self.signed.items())]

    def sizes(self) -> Iterable[int]:
        """See `Evidence`."""
        return list(self.signed)

    def head_millis(self) -> int:
        """The clock in milliseconds."""
        return milliseconds(self.clock)

    @property
    def vkeys(self) -> list[str]:
        """Keys of the checkpoints."""
        return [str(self.log_key.vkey), str(self.pq_key.vkey)]

    @property
    def genesis(self) -> str:
        """Entry of record 0 in hex."""
        return self.rows[0].entry.hex()

    # -- writing ----------------------------------------------------------------------------------

    def uuid(self) -> str:
        """A UUIDv4 of the log's own random stream."""
        return str(UUID(bytes=self.random.randbytes(16), version=4))

    def act(self, name: str, stream: str, author: Person, **more: object) -> dict[str, Any]:
        """An act payload with one signer, or with those of `signers`."""
        members: dict[str, Any] = {
            "v": 1,
            "act": name,
            "act_id": self.uuid(),
            "stream": stream,
            "occurred_at": self.clock.astimezone(VN).isoformat(timespec="seconds"),
            "precision": "minute",
            "agency": AGENCY,
            "post": author.post,
            "capacity": "TRUC_TIEP",
            "basis": [{"instrument": "90/QĐ-UBND", "article": "8", "role": "PROCEDURE"}],
            "circulation": "INTERNAL",
            "facts": {"note": "Nội dung được phản ánh, bằng lời trung tính."},
            "signers": [{"officer": author.uuid, "post": author.post, "role": "AUTHOR"}],
        }
        return members | more

    def sign(
        self,
        members: dict[str, Any],
        by: Person,
        role: str = "AUTHOR",
        **header: object,
    ) -> RawRecord:
        """Signs, records and stores one statement as the next of its stream."""
        seq, prev = self.heads.get(members["stream"], (0, None))
        said: dict[str, Any] = {
            "iat": int(self.clock.timestamp()),
            "log": self.origin,
            "seq": seq + 1,
            "prev": prev,
            "role": role,
        }
        made = statement.make(canonical.encode(members), by.signer, **(said | header))
        return self.store(made, effective=self._effective(members, role))

    def _effective(self, members: dict[str, Any], role: str) -> bool:
        last = members["signers"][-1]
        return bool(last["role"] == role or role == "RETURNER")

    def store(
        self, made: statement.Statement, *, effective: bool, at: datetime | None = None
    ) -> RawRecord:
        """Appends a record for a statement, whatever it says."""
        self.clock += timedelta(milliseconds=1250)
        row = self.seal(made, len(self.rows), at or self.clock, effective=effective)
        self.rows.append(row)
        self.statements.append(made)
        if row.author:
            for token in tokens_of(made.members["stream"], made.payload):
                self.noted.setdefault((token_tag(self.origin, token), row.stream_id), row.at)
        self.heads[made.members["stream"]] = (made.seq, made.digest_b64)
        self.frontier.append(leaf(row.entry))
        registry = row.at if row.registry else self.head_row.registry_index
        self.head_row = LogHead(len(self.rows), at or self.clock, registry)
        return row

    def seal(
        self, made: statement.Statement, index: int, at: datetime, *, effective: bool
    ) -> RawRecord:
        """The row a statement is stored as."""
        envelope = record.build(
            log=self.origin,
            recorded_at=at,
            blind=self.random.randbytes(32),
            statement=made.compact,
        )
        stream = made.members["stream"]
        sealed = envelope_encryption.seal(
            envelope, origin=self.origin, stream=stream, seq=made.seq, level="ordinary"
        )
        entry = record.entry(envelope)
        act = made.members["act"]
        name = stream_id(self.origin, stream).bytes
        return RawRecord(
            at=index,
            stream_id=name,
            seq=made.seq,
            act_id=UUID(made.members["act_id"]).bytes,
            author=made.role in {"AUTHOR", "RETURNER"},
            topic=TOPIC,
            recorded_ms=milliseconds(at),
            entry=entry,
            state=sealed.state,
            wraps=(
                envelope_encryption.wrap(self.kek, sealed.dek, origin=self.origin, entry=entry),
            ),
            name=stream,
            registry=effective and act in REGISTRY_ACTS,
            unit=name if is_case(stream) else bytes(16),
        )

    def exchange(self, at: int, made: statement.Statement) -> None:
        """Puts another statement in the place of a record, sealed and described as that one is."""
        row = self.rows[at]
        when = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=row.recorded_ms)
        sealed = self.seal(made, at, when, effective=bool(row.registry))
        self.rows[at] = sealed._replace(seq=row.seq, author=row.author, unit=row.unit)

    def checkpoint(self) -> None:
        """Seals everything appended so far: tiles and checkpoint."""
        old = max(self.signed, default=0)
        fresh = [leaf(row.entry) for row in self.rows[old:]]
        made = tiles.new_tiles(old, fresh, self)
        self.hash_tiles |= {(level, n, width): data for level, n, width, data in made}
        root = self.frontier.root()
        self.signed[len(self.rows)] = (root, self.note(len(self.rows), root))

    def note(self, size: int, root: bytes, *, origin: str | None = None) -> bytes:
        """A well-signed checkpoint over any root."""
        said = Checkpoint(origin or self.origin, size, root)
        keys = (self.log_key, self.pq_key)
        if origin is not None:
            keys = (replace(self.log_key, name=origin), replace(self.pq_key, name=f"{origin}/pq"))
        return checkpoint.sign(said, *keys, time_s=int(self.clock.timestamp()))

    def tile(self, level: int, n: int, width: int) -> bytes:
        """See `TileReader`."""
        return self.hash_tiles[level, n, width]

    # -- people -----------------------------------------------------------------------------------

    def found(self) -> None:
        """Record 0."""
        self.sign(
            self.act(
                "LedgerOpened",
                "ledger",
                self.registrar,
                facts={
                    "log": self.origin,
                    "vkeys": self.vkeys,
                    "registrar": {
                        "officer": self.registrar.uuid,
                        "kid": self.registrar.signer.kid,
                        "jwk": dict(self.registrar.signer.jwk),
                    },
                    "level": "ordinary",
                    "regulation": {"id": "90/QĐ-UBND", "version": "2023-03-21"},
                    "demo": True,
                },
            ),
            self.registrar,
        )

    def enrol(self, alg: str = "Ed25519", post: str = "chuyen-vien") -> Person:
        """A new officer with a key, entered by the registrar alone while the log is founded."""
        secret = self.random.randbytes(32)
        person = Person(self.uuid(), SoftwareSigner.from_secret(alg, secret), post)
        stream = f"officer/{person.uuid}"
        appointed = {
            "officer": person.uuid,
            "agency": AGENCY,
            "post": post,
            "capacities": ["TRUC_TIEP"],
            "valid_from": "2023-03-21",
        }
        self.sign(
            self.act("OfficerAppointed", stream, self.registrar, facts=appointed), self.registrar
        )
        enrolled = {
            "officer": person.uuid,
            "kid": person.signer.kid,
            "jwk": dict(person.signer.jwk),
            "custody": "SOFTWARE",
            "valid_from": "2024-01-01T00:00:00+07:00",
            "valid_to": "2029-01-01T00:00:00+07:00",
        }
        self.sign(self.act("KeyEnrolled", stream, self.registrar, facts=enrolled), self.registrar)
        self.people.append(person)
        return person

    def revoke(self, person: Person, invalid_from: datetime) -> RawRecord:
        """Ends a key from the next record on."""
        facts = {
            "officer": person.uuid,
            "kid": person.signer.kid,
            "reason": "Mất thiết bị",
            "reason_code": "LOST",
            "invalid_from": invalid_from.astimezone(VN).isoformat(timespec="seconds"),
        }
        stream = f"officer/{person.uuid}"
        return self.sign(
            self.act("KeyRevoked", stream, self.registrar, facts=facts), self.registrar
        )

    def both(self, name: str, stream: str, author: Person, approver: Person) -> dict[str, Any]:
        """An act of class 2, not signed yet."""
        signers = [
            {"officer": author.uuid, "post": author.post, "role": "AUTHOR"},
            {"officer": approver.uuid, "post": approver.post, "role": "APPROVER"},
        ]
        return self.act(name, stream, author, signers=signers)


def unsigned(made: statement.Statement) -> statement.Statement:
    """The same words under a signature that nobody made."""
    head, words, signature = made.compact.split(".")
    other = "AAAA" if not signature.startswith("AAAA") else "BBBB"
    return statement.parse_compact(f"{head}.{words}.{other}{signature[4:]}")


def an_empty_log(seed: int = 90) -> MemoryLog:
    """A log with record 0 only, and no checkpoint."""
    random = Random(seed)  # noqa: S311 - a test's own stream, repeatable
    registrar = Person(
        str(UUID(bytes=random.randbytes(16), version=4)),
        SoftwareSigner.from_secret("Ed25519", random.randbytes(32)),
        "quan-tri-danh-ba",
    )
    log = MemoryLog(
        random=random,
        kek=Kek(random.randbytes(16), random.randbytes(32)),
        log_key=NoteSigner(ORIGIN, SoftwareSigner.from_secret("Ed25519", random.randbytes(32))),
        pq_key=NoteSigner(
            f"{ORIGIN}/pq",
            SoftwareSigner.from_secret("ML-DSA-44", random.randbytes(32)),
            note.TYPE_ML_DSA_44,
        ),
        registrar=registrar,
    )
    log.found()
    return log


def a_log(cases: int = 24, acts: int = 10, every: int = 23) -> MemoryLog:
    """A sound log of about `cases * acts` records with a checkpoint every so many."""
    return _a_log(cases, acts, every).copied()


@cache
def _a_log(cases: int, acts: int, every: int) -> MemoryLog:
    log = an_empty_log()
    people = [log.enrol(), log.enrol("ES256", "truong-phong"), log.enrol("Ed25519", "giam-doc")]
    log.checkpoint()
    streams = [f"case/{log.uuid()}" for _ in range(cases)]
    for n in range(acts):
        for k, stream in enumerate(streams):
            _one_turn(log, stream, people, n + k)
            if len(log.rows) % every == 0:
                log.checkpoint()
    if len(log.rows) not in log.signed:
        log.checkpoint()
    return log


def _one_turn(log: MemoryLog, stream: str, people: list[Person], turn: int) -> None:
    author, approver = people[turn % 3], people[(turn + 1) % 3]
    if turn % 5 == 2:
        members = log.both("CompetenceDetermined", stream, author, approver)
        log.sign(members, author)
        log.sign(members, approver, "APPROVER")
    elif turn % 17 == 8:
        members = log.both("HandlingDecided", stream, author, approver)
        log.sign(members, author)
        back = log.act("ActReturned", stream, approver, refers_to=members["act_id"])
        log.sign(back, approver, "RETURNER")
    else:
        log.sign(log.act("ReportReceived", stream, author), author)
