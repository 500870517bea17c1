"""Tries mutations: each in a transaction that is rolled back, audited before it is.

What audits is what `log audit` runs: the ledger's audit as the reader's login, the views' as the
projector's, the definitions where the mutation is of what they are told from. Constraints are
dropped beforehand in `log` and `sec`: whoever owns a table drops them first and no row tells.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
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
from projections.checks.rebuild_comparison import compare
from tests.mutation import combined, kinds
from tests.mutation.enclave import SCHEMAS, Enclave
from tests.mutation.kinds import Connection, Spec

_ATTEMPTS = 4
_UNBOUND = """
DO $$
DECLARE
  of_all regnamespace[] := ARRAY['log', 'sec'];
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

#: `log audit` asks with a second login, which would not see what this transaction has changed.
_TOKENS_READ: Final[LiteralString] = "GRANT SELECT ON log.tokens TO {}"

_ROWS: Final[LiteralString] = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
#: What was sealed under a key that is lawfully gone is noise: other noise is no change.
_RECORDS: Final[LiteralString] = """
SELECT md5(string_agg((to_jsonb(t) - CASE WHEN EXISTS (
  SELECT FROM log.wraps w WHERE w.index = t.index) THEN '' ELSE 'state' END)::text, '|'
  ORDER BY t.index)) FROM {} t
"""

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
    """

    enclave: Enclave
    schemas: Sequence[str] = SCHEMAS
    specs: list[Spec] = field(default_factory=list)
    _genesis: str = ""
    _trusted: bytes = b""

    def __post_init__(self) -> None:
        self._genesis, self._trusted = self.enclave.genesis, self.enclave.newest()
        with self._connected() as connection:
            for table, columns in kinds.tables(connection, self.schemas).items():
                self.specs += kinds.specs(table, columns)
            connection.execute(_UNBOUND)
            connection.execute(
                sql.SQL(_TOKENS_READ).format(sql.Identifier(f"{self.enclave.database.slug}_reader"))
            )
            connection.commit()
        wanted = {f"{schema}." for schema in self.schemas}
        together = (*combined.LOG, *combined.VIEWS)
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
                log=not spec.table.startswith("proj."),
                definitions=spec.table == "log.migrations",
            )
        except Exception as error:  # noqa: BLE001 - an audit that breaks names nothing
            connection.rollback()
            return f"the audit broke: {error!r}", True
        return (found[0] if found else ""), False

    def _audited(
        self, connection: Connection, *, log: bool = True, definitions: bool = True
    ) -> list[str]:
        if log:
            self._become(connection, "reader")
            found = self._logged(connection, definitions=definitions)
            if found:
                return found
        if "proj" not in self.schemas:
            return []
        self._become(connection, "projector")
        records = PostgresRecords(cast("Pool", _OnePool(connection)))
        reader = Reader(records, self.enclave.a.keys.kek, self.enclave.a.origin)
        differences = compare(connection, records, reader, origin=self.enclave.a.origin)
        return [f"view {d.view}/{d.table} {d.where}: {d.row[:80]}" for d in differences]

    def _logged(self, connection: Connection, *, definitions: bool) -> list[str]:
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
