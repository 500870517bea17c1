"""A ledger to write to in tests: real keys and rules over any store, the cast on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from keys import canonical
from keys.jwk import SoftwareSigner
from keys.note import VKey
from ledger.admission.genesis import Founder, genesis, service_key
from ledger.checkpoints.checkpointer import Checkpointer
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, beginning
from ledger.log.statement import AUTHOR, RETURNER, Statement, flattened, make
from ledger.ports import (
    Appender,
    AttachedFiles,
    CheckpointStore,
    Entropy,
    Notices,
    RecordStore,
    SeenStore,
    Sights,
    TileStore,
)
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.notices import PostgresNotices
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.participation.narrowing import Narrowing
from ledger.streams.record_reader import Reader
from ledger.write.commands import Ledger
from ledger.write.receipt import Recorded
from tests import builders
from tests.builders import CAST, Others, an_act
from tests.fakes import MemoryRecordStore, MemorySeen
from tests.fixtures.clock import CountingEntropy, StepClock
from tests.fixtures.keys import LogKeys, log_keys
from tests.fixtures.postgres import Database

ORIGIN = "rehearsal.bacninh.example/ordinary"
T0 = builders.T0


@dataclass(slots=True)
class Stores:
    """Every port of one log, each with the login that production gives it."""

    records: RecordStore
    appender: Appender
    tiles: TileStore
    checkpoints: CheckpointStore
    notices: Notices
    checkpointers_records: RecordStore


def in_memory(fake: MemoryRecordStore) -> Stores:
    """The ports over one fake."""
    return Stores(fake, fake, fake, fake, fake, fake)


def in_postgres(database: Database) -> Stores:
    """The ports over a database."""
    checkpointers = database.pool("checkpointer")
    return Stores(
        records=PostgresRecords(database.pool("writer")),
        appender=database.appender(),
        tiles=PostgresTiles(checkpointers),
        checkpoints=PostgresCheckpoints(checkpointers),
        notices=PostgresNotices(database.dsn("checkpointer")),
        checkpointers_records=PostgresRecords(checkpointers),
    )


def a_new_home(keys: LogKeys) -> MemorySeen:
    """What a home remembers that has just founded its log."""
    made = MemorySeen()
    made.note = beginning(keys.log, keys.pq, time_s=1)
    return made


class ALedger:
    """One process's ledger over some stores.

    Args:
        stores: Where it writes.
        rehearsal: Whether the sender sets the time; else `clock` does.
        origin: Origin of the log.
        clock: The machine's clock.
        files: Asked about the files that acts list.
        sights: What its callers see of cases.
        narrow: Takes sight away at once.
        entropy: Blinds, nonces and ids; others in every ledger if left out.
    """

    def __init__(  # noqa: PLR0913 - the ports of one process
        self,
        stores: Stores,
        *,
        rehearsal: bool = True,
        origin: str = ORIGIN,
        clock: StepClock | None = None,
        files: AttachedFiles | None = None,
        sights: Sights | None = None,
        narrow: Callable[[Narrowing, int], None] | None = None,
        entropy: Entropy | None = None,
    ) -> None:
        self.stores = stores
        self.origin = origin
        self.level = origin.rpartition("/")[2]
        self.keys: LogKeys = log_keys(origin)
        self.clock = clock or StepClock(T0)
        self.rehearsal = rehearsal
        self.others = Others()
        self.seen = a_new_home(self.keys)
        self.ledger = Ledger(
            store=stores.records,
            appender=stores.appender,
            kek=self.keys.kek,
            clock=self.clock,
            entropy=entropy or CountingEntropy(str(id(self))),
            cases=self.others,
            origin=origin,
            level=self.level,
            rehearsal=rehearsal,
            files=files,
            sights=sights,
            narrow=narrow,
        )

    def beside(self) -> ALedger:
        """A second process's ledger over the same stores."""
        return ALedger(self.stores, rehearsal=self.rehearsal, origin=self.origin, clock=self.clock)

    # -- signing -----------------------------------------------------------------------------------

    def sign(  # noqa: PLR0913 - what a statement says
        self,
        act: Act,
        by: str,
        *,
        role: str = AUTHOR,
        at: datetime | None = None,
        head: tuple[int, str | None] | None = None,
        log: str | None = None,
        stand_in: dict[str, str] | None = None,
    ) -> Statement:
        """A statement of an act at the head of its stream."""
        seq, prev = head if head is not None else self.head(act.stream)
        moment = at or self.clock.now()
        return make(
            canonical.encode(dict(act.signed)),
            builders.key(by),
            iat=int(moment.timestamp()),
            log=log or self.origin,
            seq=seq,
            prev=prev,
            role=role,
            stand_in=stand_in,
        )

    def head(self, stream: str) -> tuple[int, str | None]:
        """Where the next statement stands: seq and prev."""
        head = self.ledger.head(stream)
        return head.seq, head.prev

    def since(self, stream: str, seq: int) -> list[dict[str, Any]]:
        """The statements of a stream after `seq`, as this process tells them."""
        with self.ledger._memory.fresh(stream) as current:
            return current.since(seq)

    def send(
        self, statement: Statement, *, at: datetime | None = None, by: str | None = None
    ) -> Recorded:
        """Sends it as a client does."""
        body = orjson.dumps(flattened(statement))
        when = (at or self.clock.now()) if self.rehearsal else None
        officer = None if by is None else builders.officer(by)
        return self.ledger.record(body, at=when, signer_officer=officer)

    def say(self, act: Act, *by: str) -> Recorded:
        """The act, signed by everybody named in turn; the last answer."""
        answer: Recorded | None = None
        for alias, signer in zip(by, act.signers, strict=False):
            role = RETURNER if act.act == "ActReturned" else signer.role
            answer = self.send(self.sign(act, alias, role=role), by=alias)
        assert answer is not None
        return answer

    def signed_instead(self) -> None:
        """A registrar more, approved by the next holder of the post of the officer named.

        By `pc` instead of `tc`, the personnel officer, who has left; the keeper is in post.
        """
        now = self.clock.now()
        for change in (appointment("tc", now), enrolment("tc", now)):
            self.say(approved(change, "keeper"), "founder", "keeper")
        act = approved(appointment("ubcv", now, powers=["REGISTRY_KEEPER"]), "tc")
        self.send(self.sign(act, "founder"), by="founder")
        next_one = appointment("pc", now, post="to-chuc", powers=["PERSONNEL_OFFICER"])
        for change in (next_one, enrolment("pc", now), ending("tc", now, now.date())):
            self.say(approved(change, "keeper"), "founder", "keeper")
        self.clock.step(days=1)
        way = {"officer": builders.officer("pc"), "post": "to-chuc", "capacity": "TRUC_TIEP"}
        self.send(self.sign(act, "pc", role="APPROVER", stand_in=way), by="pc")

    # -- founding ----------------------------------------------------------------------------------

    def found(self, alias: str = "founder") -> Recorded:
        """Writes record 0."""
        signer = builders.key(alias)
        members = genesis(
            act_id=UUID(builders.an_id(f"genesis {self.origin}")),
            origin=self.origin,
            level=self.level,
            vkeys=self.keys.vkeys,
            founder=Founder(UUID(builders.officer(alias)), signer.kid, signer.jwk),
            at=self.clock.now().astimezone(T0.tzinfo),
        )
        statement = make(
            canonical.encode(members),
            signer,
            iat=int(self.clock.now().timestamp()),
            log=self.origin,
            seq=1,
            prev=None,
            role=AUTHOR,
        )
        return self.ledger.found(statement, at=self.clock.now())

    def hire(self, *aliases: str, by: str = "founder") -> None:
        """Appoints and enrols, as the founding registrar alone."""
        for alias in aliases:
            self.say(appointment(alias, self.clock.now(), by=by), by)
            self.say(enrolment(alias, self.clock.now(), by=by), by)

    # -- reading and sealing -----------------------------------------------------------------------

    def memory(self, store: SeenStore) -> SeenCheckpoint:
        """What a home remembers of this log."""
        return SeenCheckpoint(store, lambda _: self.vkeys(), self.origin)

    def vkeys(self) -> list[VKey]:
        """The keys that verify its checkpoints."""
        return [self.keys.log.vkey, self.keys.pq.vkey]

    def checkpointer(self, seen: SeenStore | None = None) -> Checkpointer:
        """A checkpointer over the same stores, of the same home or of another."""
        return Checkpointer(
            seen=self.memory(seen or self.seen),
            records=self.stores.checkpointers_records,
            tiles=self.stores.tiles,
            checkpoints=self.stores.checkpoints,
            log_key=self.keys.log,
            pq_key=self.keys.pq,
            clock=self.clock,
            origin=self.origin,
            notices=self.stores.notices,
        )

    def reader(self) -> Reader:
        """Opens its records."""
        return Reader(self.stores.records, self.keys.kek, self.origin, self.level)


def approved(act: Act, alias: str) -> Act:
    """The same act with an approver behind its author."""
    one = {"officer": builders.officer(alias), "post": CAST[alias][1], "role": "APPROVER"}
    return parse_act({**act.signed, "signers": [*act.signed["signers"], one]})


def _by_keeper(
    name: str,
    alias: str,
    by: str,
    facts: dict[str, Any],
    when: datetime,
    stream: str = "",
    *also: dict[str, str],
) -> Act:
    signer = {"officer": builders.officer(by), "post": CAST["keeper"][1], "role": AUTHOR}
    (agency,) = builders.a_registry().holders("REGISTRY_KEEPER", when.date())
    return an_act(
        name,
        by="keeper",
        when=when.astimezone(T0.tzinfo),
        agency=agency,
        stream=stream or f"officer/{builders.officer(alias)}",
        facts=facts,
        exact=True,
        signers=[signer, *also],
    )


def rule_set(when: datetime, *, also: str, by: str = "founder", **facts: Any) -> Act:  # noqa: ANN401 - whatever a test wants different
    """ClockRuleSet by a registrar, to be approved by another one of the cast."""
    said = {"source_kind": "PRODUCT_RULE", "certainty": "CONFIRMED"} | facts
    second = {"officer": builders.officer(also), "post": CAST[also][1], "role": "APPROVER"}
    return _by_keeper("ClockRuleSet", by, by, said, when, "ledger", second)


def appointment(alias: str, when: datetime, *, by: str = "founder", **facts: Any) -> Act:  # noqa: ANN401 - whatever a test wants different
    """OfficerAppointed for an alias of the cast."""
    agency, post = CAST[alias]
    line = builders.a_registry().agency(agency)
    assert line is not None
    shipped = line.posts[post]
    said = {
        "officer": builders.officer(alias),
        "agency": agency,
        "post": post,
        "capacities": sorted(shipped.capacities),
        "powers": sorted({*shipped.powers, *builders.REGISTERING.get(alias, ())}),
        "person": builders.person(alias),
        "valid_from": max(date(2023, 3, 21), line.valid_from).isoformat(),
        "basis_document": "Quyết định bổ nhiệm",
    } | facts
    return _by_keeper("OfficerAppointed", alias, by, said, when)


def enrolment(
    alias: str,
    when: datetime,
    *,
    by: str = "founder",
    key: SoftwareSigner | None = None,
    **facts: Any,  # noqa: ANN401 - whatever a test wants different
) -> Act:
    """KeyEnrolled for an alias of the cast."""
    enrolled = key or builders.key(alias)
    said = {
        "officer": builders.officer(alias),
        "kid": enrolled.kid,
        "jwk": dict(enrolled.jwk),
        "custody": "SOFTWARE",
        "valid_from": "2023-03-21T00:00:00+07:00",
        "valid_to": "2033-03-21T00:00:00+07:00",
    } | facts
    return _by_keeper("KeyEnrolled", alias, by, said, when)


def service_enrolment(service: SoftwareSigner, when: datetime) -> Act:
    """KeyEnrolled for the key of the service, by the founder."""
    (agency,) = builders.a_registry().holders("REGISTRY_KEEPER", when.date())
    founder = UUID(builders.officer("founder"))
    return parse_act(
        service_key(
            act_id=UUID(builders.an_id(f"service key {service.kid}")),
            agency=agency,
            founder=founder,
            kid=service.kid,
            jwk=service.jwk,
            at=when.astimezone(T0.tzinfo),
        )
    )


def revocation(
    alias: str, when: datetime, *, by: str = "founder", key: SoftwareSigner | None = None
) -> Act:
    """KeyRevoked for a key of an alias."""
    said = {
        "officer": builders.officer(alias),
        "kid": (key or builders.key(alias)).kid,
        "reason": "LOST",
        "invalid_from": when.astimezone(T0.tzinfo).isoformat(timespec="seconds"),
    }
    return _by_keeper("KeyRevoked", alias, by, said, when)


def ending(alias: str, when: datetime, last: date, *, by: str = "founder") -> Act:
    """OfficerEnded for an alias of the cast; its keys stay."""
    agency, post = CAST[alias]
    said = {
        "officer": builders.officer(alias),
        "agency": agency,
        "post": post,
        "ended_on": last.isoformat(),
        "reason": "MOVED",
        "keys_end": False,
    }
    return _by_keeper("OfficerEnded", alias, by, said, when)


def linking(alias: str, other: str, when: datetime, *, by: str = "founder") -> Act:
    """PersonLinked: two aliases of the cast are found to be one human."""
    said = {
        "officer": builders.officer(alias),
        "other": builders.officer(other),
        "reasons": "Hai mã của một người.",
        "basis_document": "QĐ",
    }
    return _by_keeper("PersonLinked", alias, by, said, when)


def voiding(a: ALedger, stream: str, *indices: int) -> Act:
    """RecordVoided by founder and keeper."""
    entries = [
        {"index": i, "entry": canonical.b64(a.stores.records.read(i, 1)[0].entry)} for i in indices
    ]
    signers = [
        {"officer": builders.officer(alias), "post": CAST["keeper"][1], "role": role}
        for alias, role in (("founder", "AUTHOR"), ("keeper", "APPROVER"))
    ]
    return an_act(
        "RecordVoided", by="keeper", when=a.clock.now().astimezone(T0.tzinfo),
        stream=stream, facts={"entries": entries, "reason": "Thử"}, exact=True, signers=signers,
    )  # fmt: skip


def a_report(number: int, when: datetime = T0) -> Act:
    """ReportReceived by the hotline, opening a case of its own."""
    return an_act(
        "ReportReceived",
        by="hotline",
        when=when,
        stream=f"case/{builders.an_id(f'case {number}')}",
    )


def all_entries(a: ALedger) -> list[bytes]:
    """Every entry of the log."""
    size = a.stores.records.head().size
    return list(a.stores.records.entries(0, size))


def opened(a: ALedger) -> Iterator[Statement]:
    """Every statement of the log, opened."""
    for one in a.reader().read(0, 10_000):
        assert one.statement is not None
        yield one.statement
