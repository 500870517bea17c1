"""Ten thousand single mutations of every table, from a seed of their own, each folded afresh."""

from __future__ import annotations

import secrets

import pytest

from api.ops.embedded_postgres import Embedded
from tests.drill_table import Say
from tests.mutation.run import benches, run

pytestmark = [pytest.mark.postgres, pytest.mark.soak]
MUTATIONS = {"rehearsal": 8_500, "real": 1_500}


def test_ten_thousand_mutations_are_named(postgres_server: Embedded, say: Say) -> None:
    """None is missed; the figures are printed, with the seed that draws the same again."""
    seed = secrets.randbelow(1 << 31)
    missed: list[str] = []
    for name, bench in benches(postgres_server, keep=False):
        assert bench.sound() == []
        figures = run(bench, name, bench.specs, MUTATIONS[name], seed)
        say(f"\n{name}, seed {seed}: {figures}")
        missed += figures.missed
        bench.enclave.database.close()
    assert not missed
