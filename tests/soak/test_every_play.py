"""Every shipped scenario, over HTTP, is answered as its file says, and what it leaves is sound.

A push plays them without a server: what only a served enclave does (it numbers registrations, asks
who sees a case, follows its registry) can answer otherwise.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.rehearsal.scenario import shipped

pytestmark = [pytest.mark.postgres, pytest.mark.soak]
FILES = sorted(path.stem for path in shipped("SC1").parent.glob("*.json"))


def socai(home: Path, *words: str) -> Result:
    """One call of the command, in this process."""
    return CliRunner().invoke(main, ["--lang", "en", *words], env={"SOCAI_HOME": str(home)})


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_file_is_answered_over_http_as_it_says(name: str, tmp_path: Path) -> None:
    """Step by step, and each log that it leaves is audited whole, the rules replayed.

    Officers sign an erasure and the operator carries it out: until then the audit names it.
    """
    kept = tmp_path / "kept"
    played = socai(tmp_path / "home", "--json", "play", name, "--keep", str(kept))
    told = orjson.loads(played.stdout)
    assert not [play["differences"] for play in told["plays"] if play["differences"]]
    assert played.exit_code == 0, played.output
    homes = {path.parent for path in kept.rglob("enclave.json")}
    assert homes
    steps = [step for play in told["plays"] for step in play["steps"]]
    erasures = [one["act_id"] for one in steps if one["act"] == "RecordErased" and one["act_id"]]
    for act, home in product(erasures, homes):
        gone = socai(home, "log", "shred", act, "--yes")
        assert gone.exit_code == 0, gone.output
    for home in homes:
        audited = socai(home, "log", "audit", "--json")
        assert audited.exit_code == 0, audited.output
