"""Tries mutations: each in a transaction that is rolled back, audited before it is.

What audits is what `log audit` runs: the ledger's audit and the views' as the projector's login,
the definitions where the mutation is of what they are told from. Constraints are dropped beforehand
in all schemas but the views': whoever owns a table drops them first and no row tells.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, LiteralString, cast

import psycopg
from psycopg import sql

from ledger.audit.audit import audit
from ledger.postgres.connect import Pool
from ledger.postgres.evidence import PostgresEvidence
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader
from projections.checks.rebuild_comparison import Afresh, compare, fold_afresh
from projections.views import acts as timeline
from projections.views.all_views import VIEWS
from tests.mutation import combined, kinds
from tests.mutation.enclave import SCHEMAS, Enclave
from tests.mutation.kept_fold import KeptFold
from tests.mutation.kinds import Connection, Spec

_ATTEMPTS = 4
#: What a fold never reads: of the views it asks the timeline alone, of `sec` nothing.
_UNREAD_SCHEMA: Final = "sec."
_WRITTEN_ONLY: Final = frozenset(
    f"{view.schema}.{table}"
    for view in VIEWS
    if view.name != timeline.NAME
    for table in view.tables
)
#: What no view is folded from, nor reads.
_OF_NO_VIEW: Final = ("access.", "r.")
#: What the audit of reads does not ask: the registry stands in the log, which is audited by itself.
_OF_NO_READS: Final = ("log.", "sec.")
_UNBOUND = """
DO $$
DECLARE
  of_all regnamespace[] := ARRAY['log', 'sec', 'access', 'r'];
  r record;
BEGIN
  FOR r IN SELECT conrelid::regclass AS t, conname FROM pg_constraint
    WHERE connamespace = ANY (of_all) AND contype IN ('p', 'u', 'c', 'f', 'x')
  LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', r.t, r.conname); END LOOP;
  FOR r IN SELECT indexrelid::regclass AS i FROM pg_index JOIN pg_class c ON c.oid = indrelid
    WHERE c.relnamespace = ANY (of_all) AND indisunique
  LOOP EXECUTE format('DROP INDEX %s', r.i); END LOOP;
  FOR r IN SELECT attrelid::regclass AS t, attname
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE c.relnamespace = ANY (of_all) AND relkind = 'r' AND attnum > 0 AND attnotnull
  LOOP EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', r.t, r.attname); END LOOP;
END $$
"""

_ROWS: Final[LiteralString] = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
#: What was sealed under a key that is lawfully gone is noise: other noise is no change.
_RECORDS: Final[LiteralString] = """
SELECT md5(string_agg((to_jsonb(t) - CASE WHEN EXISTS (
  SELECT FROM log.wraps w WHERE w.index = t.index) THEN '' ELSE 'state' END)::text, '|'
  ORDER BY t.index)) FROM {} t
"""

Part = Literal["reads", "log", "views"]
Fate = Literal["named", "harmless", "missed", "refused", "unchanged"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutation.

    Attributes:
        spec: Its kind.
        fate: `named` by the audit; `missed`; `refused` by a rule of the views' table that the
            fold needs; `unchanged`, where nothing could be changed like that.
        said: First finding.
        done: The statements.
    """

    spec: Spec
    fate: Fate
    said: str = ""
    done: tuple[str, ...] = ()


def _parts(table: str) -> list[Part]:
    """What is asked about a change of this table, the likeliest to name it first."""
    parts: list[Part] = []
    if not table.startswith(_OF_NO_READS) and not table.startswith("proj."):
        parts.append("reads")
    if not table.startswith("proj."):
        parts.append("log")
    if not table.startswith(_OF_NO_VIEW):
        parts.insert(0 if table in _WRITTEN_ONLY else len(parts), "views")
    return parts


class _OnePool:
    """The transaction as a pool."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """The one connection."""
        yield self._connection


@dataclass(slots=True)
class Bench:
    """One log, unbound, and what an audit of it needs.

    Args:
        enclave: The log; nobody else may write to it any more.
        schemas: Whose tables are mutated.
        keep: Whether the log is folded once for all mutations of a table that no fold reads, but
            for the first of them.
    """

    enclave: Enclave
    schemas: Sequence[str] = SCHEMAS
    keep: bool = True
    specs: list[Spec] = field(default_factory=list)
    _genesis: str = ""
    _trusted: bytes = b""
    _kept: KeptFold = field(default_factory=KeptFold)
    _folded: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._genesis, self._trusted = self.enclave.genesis, self.enclave.newest()
        with self._connected() as connection:
            for table, columns in kinds.tables(connection, self.schemas).items():
                self.specs += kinds.specs(table, columns)
            connection.execute(_UNBOUND)
            connection.commit()
        wanted = {f"{schema}." for schema in self.schemas}
        together = (*combined.LOG, *combined.READS, *combined.VIEWS)
        self.specs += [s for s in together if any(s.table.startswith(w) for w in wanted)]

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with psycopg.connect(self.enclave.database.admin) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield connection

    def sound(self) -> list[str]:
        """What the audit says where nothing was changed."""
        with self._connected() as connection:
            return self._audited(connection)

    def tried(self, drawn: Sequence[tuple[Spec, int]], seed: int) -> Iterator[Outcome]:
        """Each mutation of these kinds and numbers, in turn."""
        with self._connected() as connection:
            for spec, number in drawn:
                yield self._try(connection, spec, random.Random(f"{seed} {spec} {number}"))  # noqa: S311

    def _try(self, connection: Connection, spec: Spec, rng: random.Random) -> Outcome:
        fate: Fate = "unchanged"
        done: list[str] = []
        for _ in range(_ATTEMPTS):
            connection.execute("SET LOCAL session_replication_role = replica")
            try:
                before = self._print(connection, spec)
                done = kinds.draw(connection, spec, rng)
                for statement in done:
                    connection.execute(statement.encode())
                changed = done and before != self._print(connection, spec)
            except psycopg.Error as error:
                connection.rollback()
                if not isinstance(error, psycopg.errors.IntegrityError | psycopg.errors.DataError):
                    raise
                fate = "refused"
                continue
            if changed:
                said, broken = self._judged(connection, spec)
                connection.rollback()
                named = said and not broken
                return Outcome(spec, "named" if named else "missed", said, tuple(done))
            connection.rollback()
        return Outcome(spec, fate, "", tuple(done))

    def _print(self, connection: Connection, spec: Spec) -> object:
        """Whether anything has changed is told by every row of the table as text."""
        table = sql.Identifier(*spec.table.split("."))
        query = sql.SQL(_RECORDS if spec.table == "log.records" else _ROWS)
        return connection.execute(query.format(table)).fetchone()

    def _judged(self, connection: Connection, spec: Spec) -> tuple[str, bool]:
        """The first finding as `log audit` comes to it, "" for none; whether it broke instead."""
        try:
            found = self._audited(
                connection,
                _parts(spec.table),
                definitions=spec.table == "log.migrations",
                afresh=self._afresh(spec),
            )
        except Exception as error:  # noqa: BLE001 - an audit that breaks names nothing
            connection.rollback()
            return f"the audit broke: {error!r}", True
        return (found[0] if found else ""), False

    def _afresh(self, spec: Spec) -> Afresh:
        """How the rows are made that the views are held against."""
        many = spec in combined.LOG or spec in combined.VIEWS
        unread = spec.table in _WRITTEN_ONLY or spec.table.startswith(_UNREAD_SCHEMA)
        if many or not self.keep or not unread:
            return fold_afresh
        if spec.table not in self._folded:
            self._folded.add(spec.table)
            return fold_afresh
        return self._kept

    def _audited(
        self,
        connection: Connection,
        parts: Sequence[Part] = ("reads", "log", "views"),
        *,
        definitions: bool = True,
        afresh: Afresh = fold_afresh,
    ) -> list[str]:
        """The findings of the first of these parts that has any."""
        made: dict[Part, Callable[[], list[str]]] = {
            "reads": lambda: self._read(connection),
            "log": lambda: self._logged(connection, definitions=definitions),
            "views": lambda: self._viewed(connection, afresh),
        }
        return next((found for part in parts if (found := made[part]())), [])

    def _viewed(self, connection: Connection, afresh: Afresh) -> list[str]:
        """What the views say that a fresh fold does not."""
        if "proj" not in self.schemas:
            return []
        self._become(connection, "projector")
        records = PostgresRecords(cast("Pool", _OnePool(connection)))
        reader = Reader(records, self.enclave.a.keys.kek, self.enclave.a.origin)
        origin = self.enclave.a.origin
        differences = compare(connection, records, reader, origin=origin, afresh=afresh)
        return [f"view {d.view}/{d.table} {d.where}: {d.row[:80]}" for d in differences]

    def _read(self, connection: Connection) -> list[str]:
        """What the audit of the log of reads says, where there is one."""
        self._become(connection, "projector")
        reads = self.enclave.reads
        return [] if reads is None else reads.audited(connection)

    def _logged(self, connection: Connection, *, definitions: bool) -> list[str]:
        self._become(connection, "projector")
        a = self.enclave.a
        source = PostgresEvidence("", within=connection)
        report = audit(
            source,
            origin=a.origin,
            vkeys=a.keys.vkeys,
            kek=a.keys.kek,
            genesis=self._genesis,
            trusted=[self._trusted],
        )
        altered = source.altered(self.enclave.database.slug) if definitions else []
        return [
            *(
                f"{found.kind} at {found.index}: {found.message}"
                for found in (*report.findings, *report.strays)
            ),
            *(f"{a.where} {a.line}" for a in altered if a.line.startswith("migration ")),
        ]

    def _become(self, connection: Connection, login: str) -> None:
        role = sql.Identifier(f"{self.enclave.database.slug}_{login}")
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
