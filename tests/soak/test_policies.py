"""The policies against the rule, of two thousand officers and times, every table (access.md V9)."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from typing import Final, LiteralString

import psycopg
import pytest

from tests.drill_table import Say
from tests.fixtures.postgres import Database
from tests.integration.test_audience import town
from tests.policies import ASKED
from tests.unit.regulation.test_participation import NAMES

pytestmark = [pytest.mark.postgres, pytest.mark.soak]
QUESTIONS: Final = 2_000
#: Each policy without its condition.
BROKEN: Final[Mapping[str, LiteralString]] = {
    table: "ALTER POLICY ntk ON " + table + " USING (true)" for table in ASKED
}


@pytest.mark.parametrize("name", NAMES)
def test_policies_show_what_the_rule_says(database: Database, name: str, say: Say) -> None:
    """Of records, wraps, names and each view; the seed that is printed draws the same again."""
    seed, share = secrets.randbelow(1 << 31), -(-QUESTIONS // len(NAMES))
    made = town(database, name)
    made.catch_up()
    say(f"\n{name}, seed {seed}: {share} questions")
    assert made.policies().compare(share, random.Random(seed)) > 0  # noqa: S311 - said above


@pytest.mark.parametrize("table", BROKEN)
def test_a_broken_policy_is_found(database: Database, table: str) -> None:
    """Without its condition it shows somebody a row of a case that the rule does not."""
    made = town(database, "SC8")
    made.catch_up()
    with psycopg.connect(database.admin) as admin:
        admin.execute(BROKEN[table])
    with pytest.raises(AssertionError, match=table):
        made.policies().compare(50, random.Random(1))  # noqa: S311 - the same in every run
