"""Scenarios as signed records.

What `play_pure` decides, signed, sealed and stored as the ledger would.

`PlayedLog.fill` puts the rows into a real database as the superuser, so that a projection can be
tried on lawful cases without the write path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from random import Random
from typing import Any
from uuid import UUID

import psycopg

from keys import canonical, note
from keys.envelope_encryption import Kek
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner
from ledger.audit.content import RawRecord
from ledger.log import statement
from ledger.ports import RecordStore, StoredRecord
from ledger.postgres.connect import Lending
from ledger.postgres.mirror.mirrored import PostgresMirror
from ledger.postgres.records import PostgresRecords
from ledger.postgres.ticketed import Ticketed
from ledger.regulation.acts.act import Act, known_act
from ledger.regulation.case.registers import kept, register_of
from ledger.streams.record_reader import Reader
from ledger.streams.tokens import token_tag, tokens_of
from ledger.write.registry_follower import RegistryFollower
from projections.queries.cases.mirrored import Mirrored
from projections.queries.guard_lookups import CasesAsked, Connecting, LogCases
from projections.queries.queries import Queries
from projections.queries.registry_as_of import RegistryReader
from projections.queries.rights import Rights
from projections.queries.row_evidence import RowEvidence
from projections.queries.sources import Sources
from tests import builders, play_pure
from tests.a_ledger import appointment, enrolment
from tests.builders import an_act
from tests.memory_log import ORIGIN, VN, MemoryLog, Person
from tests.play_pure import Player, player_for, scenario, steps

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class PlayedLog:
    """A log made from scenarios, and the player who knows what must have come of it."""

    log: MemoryLog
    players: list[Player]

    @property
    def player(self) -> Player:
        """Of the first scenario."""
        return self.players[0]

    def stored(self) -> list[StoredRecord]:
        """Rows as `RecordStore` gives them."""
        return [stored(row) for row in self.log.rows]

    def fill(self, admin_dsn: str, *, start: int = 0, end: int | None = None) -> None:
        """Inserts rows [start, end) with their wraps and moves the head."""
        with psycopg.connect(admin_dsn) as connection:
            insert(connection, self.log.rows[start:end], self.log.kek)
            for row, statement in zip(
                self.log.rows[start:end], self.log.statements[start:end], strict=False
            ):
                for token in tokens_of(row.name or "", statement.payload):
                    connection.execute(
                        "INSERT INTO log.tokens VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                        [token_tag(ORIGIN, token), UUID(bytes=row.stream_id), row.at],
                    )

    def hire(self, *lines: tuple[str, str]) -> list[Person]:
        """Aliases with a power each, appointed and enrolled by the registrars of the log."""
        log, player, day = self.log, self.player, self.log.clock.date()
        keepers = [player.cast["_founder"]]
        if not player.registry.founding(day):
            keepers.append(player._second({"officer": None}, day))
        registrars = [Person(one.officer, one.key, one.post) for one in keepers]
        who = [
            {"officer": one.uuid, "post": one.post, "role": role}
            for one, role in zip(registrars, ("AUTHOR", "APPROVER"), strict=False)
        ]
        line = player.registry.agency(self.keeper)
        assert line is not None
        first = max(play_pure.FIRST_DAY, line.valid_from)
        people = []
        for alias, power in lines:
            post = builders.CAST[alias][1]
            appointed = appointment(
                alias, log.clock, powers=[power], agency=self.keeper, post=post,
                capacities=["TRUC_TIEP"], valid_from=first.isoformat(),
            )  # fmt: skip
            for act in (appointed, enrolment(alias, log.clock)):
                for one, signer in zip(registrars, who, strict=True):
                    log.sign({**act.signed, "signers": who}, one, signer["role"])
            people.append(Person(builders.officer(alias), builders.key(alias), post))
        return people

    def shred(self) -> list[int]:
        """Carries out what its acts of erasure name: the keys go. Which records went."""
        named = [
            one["index"]
            for player in self.players
            for erased in player.stream("ledger").effective("RecordErased")
            for one in erased.act.facts["entries"]
        ]
        for index in named:
            self.log.rows[index] = self.log.rows[index]._replace(wraps=())
        return named

    @property
    def keeper(self) -> str:
        """The agency that keeps the registry now."""
        return self.player.registry.holders("REGISTRY_KEEPER", self.log.clock.date())[0]

    def erase(self, at: int, **more: object) -> None:
        """A lawful RecordErased for the record at this index, by authority, custodian, auditor.

        Long after: nothing in the case can be complained of any more.
        """
        log = self.log
        log.clock += timedelta(days=120)
        people = self.hire(
            ("ct", "ERASURE_AUTHORITY"), ("ubgk", "KEY_CUSTODIAN"), ("giamsat", "AUDITOR")
        )
        facts = {
            "entries": [{"index": at, "entry": canonical.b64(log.rows[at].entry)}],
            "ground": "PERSONAL_DATA",
            "legal_ground": "Thử",
            "epoch": "2024-2",
            **self._kept_number(at),
            **more,
        }
        signers = [
            {"officer": one.uuid, "post": one.post, "role": role}
            for one, role in zip(people, ("AUTHOR", "CHECKER", "APPROVER"), strict=True)
        ]
        act = an_act(
            "RecordErased", when=log.clock.astimezone(VN), stream="ledger", facts=facts, exact=True,
            agency=self.keeper, post=people[0].post, signers=signers,
        )  # fmt: skip
        for person, signer in zip(people, act.signers, strict=True):
            log.sign(dict(act.signed), person, signer.role)

    def _kept_number(self, at: int) -> dict[str, object]:
        """In which register a registration keeps its number, as an act of erasure says it."""
        act = known_act(self.log.statements[at].members)
        book = register_of(act, self.stored()[at].recorded_at)
        return {} if book is None else {"registered": [kept(at, book)]}

    def queries(self, asking: Ticketed, writing: Lending) -> Queries:
        """Every reading of its views, as `api.ops.wiring` does.

        Args:
            asking: Lends connections in one transaction each, as of whoever asks.
            writing: Lends the writer's.
        """
        written = PostgresRecords(writing)
        follower = RegistryFollower(written, Reader(written, self.log.kek, ORIGIN))

        def evidence(records: RecordStore) -> RowEvidence:
            reader = Reader(records, self.log.kek, ORIGIN)
            return RowEvidence(records, reader, ORIGIN, lambda: follower)

        judge = evidence(written)
        sources = Sources(
            connecting=asking.connection,
            at_once=asking.at_once,
            origin=ORIGIN,
            level="ordinary",
            registries=RegistryReader(follower),
            evidence=evidence(PostgresRecords(asking)),
            lending_whole=writing.connection,
            judge=judge,
            rights=Rights(
                writing.connection,
                judge,
                lambda: follower.catch_up().registry,
                origin=ORIGIN,
                level="ordinary",
                now=lambda: self.log.clock,
            ),
        )
        mirrored = Mirrored(
            partial(PostgresMirror, asking),
            lambda log, reader: RegistryFollower(PostgresMirror(asking, log), reader),
            self.log.kek,
        )
        return Queries(sources, mirrored)

    def cases(self, records: RecordStore, connecting: Connecting) -> CasesAsked:
        """What guards ask of the rest of its log."""
        reader = Reader(records, self.log.kek, ORIGIN)
        follower = RegistryFollower(records, reader)
        evidence = RowEvidence(records, reader, ORIGIN, lambda: follower)
        return LogCases(connecting, evidence, lambda: follower.catch_up().registry).asking()


def stored(row: RawRecord) -> StoredRecord:
    """A raw row as a port gives it."""
    return StoredRecord(
        index=row.at,
        stream_id=UUID(bytes=row.stream_id),
        seq=row.seq,
        act_id=UUID(bytes=row.act_id),
        author=row.author,
        topic=row.topic,
        state=row.state or b"",
        entry=row.entry,
        recorded_at=_EPOCH + timedelta(milliseconds=row.recorded_ms),
        wrap=row.wraps[0] if row.wraps else None,
        stream=row.name or "",
        unit=UUID(bytes=row.unit or bytes(16)),
        registry=row.registry,
    )


def insert(
    connection: psycopg.Connection[tuple[object, ...]], rows: Iterable[RawRecord], kek: Kek
) -> None:
    """Puts rows into `log.records` as they are; the head follows."""
    last: RawRecord | None = None
    registry = -1
    with connection.cursor() as cursor:
        for row in rows:
            last = row
            registry = row.at if row.registry else registry
            stream, act = UUID(bytes=row.stream_id), UUID(bytes=row.act_id)
            unit = UUID(bytes=row.unit or bytes(16))
            at = _EPOCH + timedelta(milliseconds=row.recorded_ms)
            cursor.execute(
                "INSERT INTO log.streams (stream_id, name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                [stream, row.name],
            )
            cursor.execute(
                "INSERT INTO log.records (index, seq, recorded_at, stream_id, unit, act_id, author,"
                " registry, topic, entry, state)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [row.at, row.seq, at, stream, unit, act, row.author, row.registry, row.topic,
                 row.entry, row.state],
            )  # fmt: skip
            for wrap in row.wraps:
                cursor.execute(
                    "INSERT INTO log.wraps (index, kek_id, stream_id, unit, wrap)"
                    " VALUES (%s, %s, %s, %s, %s)",
                    [row.at, kek.kek_id, stream, unit, wrap],
                )
        if last is not None:
            cursor.execute(
                "UPDATE log.log_head SET size = %s, recorded_at = %s,"
                " registry_index = greatest(registry_index, %s)",
                [last.at + 1, _EPOCH + timedelta(milliseconds=last.recorded_ms), registry],
            )


@cache
def decided(name: str) -> Player:
    """A scenario as the rules decided it, once for a process: looked at and never changed."""
    file = scenario(name)
    player, aliases = player_for(file)
    player.keep_questions = True
    # The founding act was judged before questions were kept: it is the first of the stream.
    for step in steps(file):
        player.step(step, aliases)
    return player


def played(*names: str) -> PlayedLog:
    """A log of one scenario.

    Or of the first with the cases of the others behind it in one enclave.
    """
    return PlayedLog(_signed(names[0]).copied(), [decided(names[0])])


@cache
def _signed(name: str) -> MemoryLog:
    player = decided(name)
    random = Random(90)  # noqa: S311 - repeatable
    founder = player.cast["_founder"]
    log = MemoryLog(
        random=random,
        kek=Kek(random.randbytes(16), random.randbytes(32)),
        log_key=NoteSigner(ORIGIN, SoftwareSigner.from_secret("Ed25519", random.randbytes(32))),
        pq_key=NoteSigner(
            f"{ORIGIN}/pq",
            SoftwareSigner.from_secret("ML-DSA-44", random.randbytes(32)),
            note.TYPE_ML_DSA_44,
        ),
        registrar=Person(founder.officer, founder.key, founder.post),
    )
    keys = [play_pure.nth_key(n) for n in range(1, player.keys + 1)]
    by_kid = {key.kid: key for key in keys}
    by_officer = {p.officer: p.key for p in player.cast.values()}
    opening = player.streams["ledger"].effective("LedgerOpened")[0]
    every = [
        (signed, entry.act)
        for stream in player.streams.values()
        for entry in stream.entries.values()
        for signed in entry.signed
    ]
    assert opening.signed[0].index == 0
    for signed, act in sorted(every, key=lambda pair: pair[0].index or 0):
        assert signed.recorded_at is not None
        log.clock = max(log.clock if log.rows else signed.recorded_at, signed.recorded_at)
        seq, prev = log.heads.get(act.stream, (0, None))
        made = statement.make(
            canonical.encode(_sealed(act, log)),
            by_kid.get(signed.kid) or by_officer[signed.officer],
            iat=signed.iat,
            log=log.origin,
            seq=seq + 1,
            prev=prev,
            role=signed.role,
        )
        log.store(
            made,
            effective=signed.role == "RETURNER"
            or signed is last_of(player, act.act_id, act.stream),
        )
    return log


def _sealed(act: Act, log: MemoryLog) -> dict[str, Any]:
    """The act; what it erases is named by the entry that the record has now that it is sealed."""
    members = dict(act.signed)
    if act.act == "RecordErased":
        named = [one["index"] for one in act.facts["entries"]]
        entries = [{"index": i, "entry": canonical.b64(log.rows[i].entry)} for i in named]
        members["facts"] = {**act.facts, "entries": entries}
    return members


def last_of(player: Player, act_id: str, stream: str) -> object:
    """The statement that made an act effective."""
    return player.streams[stream].entries[act_id].effect
