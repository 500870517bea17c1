"""A play is played in an enclave of each level that its file names, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealEntropy
from api.rehearsal.cast import Cast, EditionDirectory
from api.rehearsal.enclaves import levels_of, name_of
from api.rehearsal.http_ledger import HttpLedger
from api.rehearsal.player import Outcome, Player, Registrar
from api.rehearsal.scenario import read_file, shipped
from ledger.regulation.edition import load_edition
from tests import builders
from tests.fixtures.above import served
from tests.fixtures.app import listening


@pytest.mark.drill
@pytest.mark.postgres
def test_mat_steps_are_played_in_an_enclave_of_their_level(
    postgres_server: Embedded, tmp_path: Path
) -> None:
    """SC12 whole, and the steps of SC7 that are of that level: every answer as the files say.

    Whoever signs sees what was named to them and no more, so nobody reads the case whole: how long
    it became is told to whoever sees a part (D1).
    """
    with served(postgres_server, tmp_path / "home", "mat") as service, listening(service) as url:
        signer, origin = builders.key("founder"), service.enclave.facts.origin
        with HttpLedger(url, "en", log=origin, signer=signer) as desk:
            player = Player(
                desk,
                Registrar(builders.officer("founder"), signer),
                Cast(origin, None),
                EditionDirectory(load_edition()),
                new_uuid=RealEntropy().uuid,
            )
            outcomes = [player.play(read_file(shipped(name))[0]) for name in ("SC7", "SC12")]
    seven, twelve = outcomes
    assert not twelve.skipped
    assert {step.level for step in seven.skipped} == {"ordinary"}
    assert [list(wrong(one)) for one in outcomes] == [[], []]
    assert all(one.ok for one in outcomes)
    assert [(f.alias, f.statements) for one in outcomes for f in one.finals] == [
        ("M1", 12),
        ("M1", 13),
    ]


def wrong(outcome: Outcome) -> list[str]:
    """What came out otherwise than the file says."""
    said = [f"{one.step.n} {one.detail}: {line}" for one in outcome.steps for line in one.wrong]
    said += [line for one in outcome.finals for line in one.wrong]
    return [*said, outcome.trouble] if outcome.trouble else said


def test_a_play_names_its_levels_and_each_has_an_enclave_of_its_own() -> None:
    """The lowest first; what is kept of one never lies in the folder of another."""
    plays = {name: read_file(shipped(name))[0] for name in ("SC1", "SC7", "SC12")}
    assert levels_of(plays["SC1"]) == ["ordinary"]
    assert levels_of(plays["SC7"]) == ["ordinary", "mat"]
    assert levels_of(plays["SC12"]) == ["mat"]
    assert [name_of(plays["SC7"], level) for level in levels_of(plays["SC7"])] == [
        "SC7",
        "SC7-mat",
    ]
