"""What shows too much within one enclave, seeded: the test that watches it fails (V17).

Those between two enclaves are `tests/leaks.py`'s, and policies that are open `test_noninterference`
finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from api.http.framework import responses
from tests.attack import (
    test_above_ordinary,
    test_denial_surface,
    test_narrowing_at_once,
    test_roles,
)
from tests.fixtures.above import Above
from tests.fixtures.compartments import Compartments
from tests.fixtures.postgres import Database

pytestmark = [pytest.mark.soak, pytest.mark.postgres]


def test_an_answer_that_may_be_stored_above_is_found(
    above: Above, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L24: the browser of a terminal keeps what was read."""
    monkeypatch.setattr(responses, "_cache_control", lambda _: "private, no-cache")
    with pytest.raises(AssertionError, match="no-store"):
        test_above_ordinary.test_nothing_that_is_answered_may_be_stored(above)


def test_a_head_that_tells_how_the_case_stands_is_found(
    compartments: Compartments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L27: whoever was sent one act reads the state where the next statement stands."""
    ledger = compartments.service.enclave.ledger
    head = ledger.head

    def told(stream: str) -> Any:  # noqa: ANN401
        found = head(stream)
        return replace(found, state=found.state or "SCREENING")

    monkeypatch.setattr(ledger, "head", told)
    with pytest.raises(AssertionError):
        test_denial_surface.test_who_was_sent_an_act_sees_it_and_the_place_of_the_rest(compartments)


def test_rights_of_a_projector_that_is_late_are_found(compartments: Compartments) -> None:
    """L28: who takes part is asked of a generation, however old it is."""
    with (
        _patient(compartments.service.database.admin),
        pytest.raises(AssertionError, match="/v1/"),
    ):
        test_narrowing_at_once.test_where_nobody_knows_who_takes_part_nothing_of_cases_is_answered(
            compartments, "late"
        )


def test_a_belt_that_is_loose_is_found(database: Database) -> None:
    """L5: of each table a login reads how much was written to it."""
    with psycopg.connect(database.admin, autocommit=True) as admin:
        given = f"GRANT SELECT ON pg_catalog.pg_stat_all_tables TO {database.slug}_reader"
        admin.execute(given.encode())
    with pytest.raises(AssertionError, match="pg_stat_all_tables"):
        test_roles.test_no_login_reads_the_pace_of_others(database, "reader")


@contextmanager
def _patient(admin: str) -> Iterator[None]:
    """The database takes a day for what is to be five seconds."""
    with psycopg.connect(admin, autocommit=True) as connection:
        row = connection.execute("SELECT pg_get_functiondef('sec.gen()'::regprocedure)").fetchone()
        assert row is not None
        made = str(row[0])
        assert "5 seconds" in made
        connection.execute(made.replace("5 seconds", "1 day").encode())
        yield
        connection.execute(made.encode())
