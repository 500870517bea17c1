"""Single mutations of every table, by whoever owns the database: `log audit` names each.

One of each third table on a push, of each table several in `make attack`, ten thousand in `make
soak`. What it does not name stands in a reviewed list with the reason why nobody is misled by it
(`tests/mutation/harmless.toml`), of which a push looks at a third.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from api.ops.embedded_postgres import Embedded
from tests.attacks import attack
from tests.definitions import LISTS
from tests.examples import examples, share
from tests.mutation import harmless
from tests.mutation.bench import Bench
from tests.mutation.harmless import Harmless
from tests.mutation.run import Figures, benches, run

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("mutations")]
SEED = 90
MUTATIONS: Final = examples(20)
_TABLE = re.compile(r"relation (\w+\.\w+) kind r ")
TABLES = [
    found[1]
    for path in LISTS
    for found in map(_TABLE.match, Path(path).read_text(encoding="utf-8").splitlines())
    if found and not found[1].startswith("mirror.")  # of other logs: `socai mirror audit`
]
#: What a log of more than one tile, and one that is no rehearsal, has otherwise.
LONG = {"log.tiles", "log.checkpoints", "log.log_head", "log.enclave"}
Logs = dict[str, Bench]


@pytest.fixture(scope="module")
def logs(postgres_server: Embedded) -> Iterator[Logs]:
    """A rehearsal's log with something of everything, and a real one of more than a whole tile."""
    made = dict(benches(postgres_server))
    yield made
    for bench in made.values():
        bench.enclave.database.close()


def test_nothing_is_wrong_before(logs: Logs) -> None:
    """What is named later is named because of the mutation."""
    for name, bench in logs.items():
        assert bench.sound() == [], name


def test_every_table_is_mutated(logs: Logs) -> None:
    """The catalogue says which there are; what the tests are called by is the shipped list."""
    assert {spec.table for spec in logs["rehearsal"].specs} == set(TABLES)


@attack(
    "whoever owns the database changes one row, column, byte, tile or table",
    stopped_by="-",
    noticed_by="log audit: kind and first index",
)
@pytest.mark.parametrize("table", share(TABLES, 3, "tables"))
def test_a_mutation_is_named_or_misleads_nobody(logs: Logs, table: str) -> None:
    """Deleted, doubled, invented, edited, swapped, restored, emptied, and several together."""
    figures = Figures()
    for name, bench in logs.items():
        if name == "real" and table not in LONG:
            continue
        specs = [spec for spec in bench.specs if spec.table == table]
        share = -(-len(specs) * MUTATIONS // len(logs["rehearsal"].specs))
        found = run(bench, name, specs, -(-share // 3) if name == "real" else share, SEED)
        figures.fates += found.fates
        figures.missed += found.missed
    assert not figures.missed, figures
    assert figures.tried, "nothing of this table could be changed"


@attack(
    "whoever owns the database changes what is listed as harmless",
    stopped_by="-",
    noticed_by="by nobody, and nobody is misled: each entry says why",
)
@pytest.mark.parametrize(
    "entry",
    share(harmless.entries(), 3, "harmless"),
    ids=lambda entry: f"{entry.table} {entry.kinds[0]}",
)
def test_what_is_listed_as_harmless_is_not_named(logs: Logs, entry: Harmless) -> None:
    """An entry that the audit names by now, or that is of nothing any more, goes."""
    for name, bench in logs.items():
        specs = [spec for spec in bench.specs if entry.covers(spec, name)]
        for turn in range(4):
            tried = bench.tried([(spec, turn) for spec in specs], SEED)
            if any(outcome.fate == "missed" and not outcome.said for outcome in tried):
                return
    pytest.fail("it no longer occurs")
