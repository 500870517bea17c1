"""A million guesses of a known short text, against all that is told and stored (access.md V15)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from keys import canonical
from ledger.log import record
from tests.builders import an_act, an_id
from tests.fixtures.app import Service
from tests.guessing import Guesser, text_of, windows

pytestmark = [pytest.mark.soak, pytest.mark.postgres]
GUESSES = 1_000_000
TRUE = text_of(734_221)
_STEP = 20_000
_TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('log', 'access')"
_CHANNELS = ("records", "checkpoint", "shreds")


def rows(service: Service) -> Iterator[bytes]:
    """Every column of the tables of both logs; a thief of rows has no more."""
    with psycopg.connect(service.database.admin) as admin:
        for schema, table in admin.execute(_TABLES).fetchall():
            name = sql.Identifier(str(schema), str(table))
            for row in admin.execute(sql.SQL("SELECT * FROM {}").format(name)):
                for value in row:
                    if isinstance(value, bytes | memoryview):
                        yield bytes(value)
                    elif isinstance(value, UUID):
                        yield value.bytes
                    else:
                        yield str(value).encode()


def told(service: Service) -> Iterator[bytes]:
    """Checkpoint with its root, hash tiles and entry bundles, as anybody gets them."""
    note = service.newest()
    yield note
    yield canonical.unb64std(note.decode().splitlines()[2])
    size = int(note.splitlines()[1])
    for tile in (f"0/000.p/{size}", f"entries/000.p/{size}"):
        answer = service.client.get(f"/logs/acts/tile/{tile}")
        assert answer.status_code == 200, answer.text
        yield answer.data


def _hits(guesser: Guesser, known: frozenset[bytes], start: int) -> list[str]:
    return guesser.hits(map(text_of, range(start, start + _STEP)), known)


def test_no_guess_in_a_million_is_told_by_anything(service: Service) -> None:
    """Entry, leaf, tiles, checkpoint, every row of the database, and every notice that was heard.

    Stubs are of [B].
    """
    with psycopg.connect(service.database.admin, autocommit=True) as listening:
        for channel in _CHANNELS:
            listening.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        service.hire("hotline")
        act = an_act(
            "ReportReceived",
            by="hotline",
            when=service.clock.now(),
            stream=f"case/{an_id('guessed')}",
            facts={"summary": TRUE},
        )
        statement = service.sign(act, "hotline")
        answer = service.send(statement, "hotline")
        assert answer.status_code == 201, answer.text
        service.known(answer.get_json()["index"])
        heard = list(listening.notifies(stop_after=2))
    assert heard
    stored = service.records.act(UUID(act.act_id))[0]
    guesser = Guesser(
        statement, TRUE, service.enclave.facts.origin, stored.recorded_at, stored.entry
    )
    material = [*rows(service), *told(service), *(one.payload.encode() for one in heard)]
    known = windows(material)
    assert {stored.entry, record.leaf(stored.entry)} <= known
    assert not any(TRUE.encode() in data for data in material)
    steps = range(0, GUESSES, _STEP)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("forkserver")) as pool:
        found = pool.map(_hits, *zip(*((guesser, known, at) for at in steps), strict=True))
        assert [text for some in found for text in some] == []
