"""The other side: what no ledger is faster than. One INSERT a transaction, a bare Flask route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from flask import Flask, Response, request
from psycopg_pool import ConnectionPool

from keys import signer as signers
from tests.bench import workload
from tests.bench.crew import Hand
from tests.bench.workload import Officer, SignedAct

_TABLES: Final[LiteralString] = """
CREATE TABLE IF NOT EXISTS acts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS files (id uuid PRIMARY KEY, body text NOT NULL);
"""
INSERT: Final[LiteralString] = "INSERT INTO acts (data) VALUES (%b) RETURNING id"
SELECT: Final[LiteralString] = "SELECT body FROM files WHERE id = %s"
PREFIX: Final = "/bare"

Connection = psycopg.Connection[tuple[Any, ...]]


def prepare(dsn: str) -> None:
    """Makes the tables."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_TABLES)


@dataclass(frozen=True, slots=True)
class PlainOpening:
    """Opens a process that only inserts, or checks the signature and inserts.

    Attributes:
        dsn: Of the database.
        officer: Who signs.
        origin: Of the log it is signed for.
        check: Whether the signature is checked, by the verifier that the ledger uses.
    """

    dsn: str
    officer: Officer
    origin: str
    check: bool = False

    def __call__(self) -> PlainShop:
        """Connections come with the hands."""
        return PlainShop(self.dsn, self.officer, self.origin, [], check=self.check)


@dataclass(slots=True)
class PlainShop:
    """One connection a hand, one INSERT a transaction, the bytes of a statement."""

    dsn: str
    officer: Officer
    origin: str
    open: list[Connection]
    check: bool = False

    def hands(self, _first: int, count: int, items: int) -> list[Hand]:
        """Each hand with statements of its own."""
        while len(self.open) < count:
            self.open.append(psycopg.connect(self.dsn, autocommit=True))
        make = self._checker if self.check else _inserter
        return [
            Hand(make(self.open[n]), workload.same_again(self.officer, self.origin, items))
            for n in range(count)
        ]

    def _checker(self, connection: Connection) -> Callable[[SignedAct], None]:
        insert = _inserter(connection)
        key = signers.load_public(signers.ED25519, self.officer.signer.public)

        def check(act: SignedAct) -> None:
            key.verify(act.statement.signature, act.statement.signing_input)
            insert(act)

        return check


def _inserter(connection: Connection) -> Callable[[SignedAct], None]:
    def insert(act: SignedAct) -> None:
        data = act.statement.compact.encode()
        connection.execute(INSERT, [data], prepare=True).fetchone()

    return insert


def bare_app(dsn: str, connections: int) -> Flask:
    """Two routes and nothing else: INSERT what was posted, SELECT one row by its key."""
    app = Flask("bare", static_folder=None)
    pool: ConnectionPool[Connection] = ConnectionPool(
        dsn, min_size=1, max_size=connections, open=True, kwargs={"autocommit": True}
    )

    @app.post(f"{PREFIX}/acts")
    def insert() -> Response:
        with pool.connection() as connection:
            row = connection.execute(INSERT, [request.get_data()], prepare=True).fetchone()
        return Response(f'{{"id":{row[0] if row else 0}}}', 201, mimetype="application/json")

    @app.get(f"{PREFIX}/files/<file>")
    def select(file: str) -> Response:
        with pool.connection() as connection:
            row = connection.execute(SELECT, [file], prepare=True).fetchone()
        if row is None:
            return Response("{}", 404, mimetype="application/json")
        return Response(row[0], mimetype="application/json")

    return app
