"""Three hundred pairs of histories: a silent and a busy neighbour look the same (NI3, V12).

And a policy that parts cases, opened in one of the two, is found by that (V17; L3, L4, L25).
"""

from __future__ import annotations

import psycopg
import pytest

from tests.fixtures.neighbours import Neighbours
from tests.parts import Part
from tests.soak.test_policies import BROKEN

pytestmark = [pytest.mark.soak, pytest.mark.postgres]

PAIRS = 300
SEED = 7


def test_three_hundred_pairs_cannot_be_told_apart(neighbours: Neighbours, part: Part) -> None:
    """One after the other in the same two enclaves, so that lists grow and pages turn."""
    pairs = part.of(PAIRS)
    for pair in pairs:
        neighbours.tell(pair, SEED)
    assert neighbours.busy.service.size() > neighbours.silent.service.size() + len(pairs)


_CONDITION = """
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy
WHERE polname = 'ntk' AND polrelid = %s::regclass
"""
_BY_HTTP = sorted(BROKEN.keys() - {"log.records", "log.wraps", "log.streams"})
"""Those of the log show nothing by HTTP where one alone is open, since a view leads to each record:
V9 finds them by SQL (`test_policies`)."""


@pytest.mark.parametrize("table", _BY_HTTP)
def test_a_policy_that_is_open_is_found(neighbours: Neighbours, table: str) -> None:
    """L3, L4, L25: an officer of the one compartment gets something of the other."""
    with psycopg.connect(neighbours.busy.database.admin, autocommit=True) as admin:
        row = admin.execute(_CONDITION, [table]).fetchone()
        assert row is not None
        admin.execute(BROKEN[table])
        try:
            with pytest.raises(AssertionError):
                _tell(neighbours, 1_000 * (1 + _BY_HTTP.index(table)))
        finally:
            admin.execute(f"ALTER POLICY ntk ON {table} USING ({row[0]})".encode())


def _tell(neighbours: Neighbours, first: int) -> None:
    for pair in range(first, first + 3):
        neighbours.tell(pair, SEED + 1)
