"""What earlier demos left beside a home is named and removed, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.ops.role_lock import Lock

DEMO = "rehearsal.bacninh.example/ordinary"


def a_home(path: Path, origin: str) -> None:
    """A folder with the facts of an enclave, and a file."""
    path.mkdir()
    facts = {
        "origin": origin, "level": "ordinary", "rehearsal": origin.startswith("rehearsal"),
        "genesis": "0" * 64, "slug": "s1", "database": {},
    }  # fmt: skip
    (path / "enclave.json").write_bytes(orjson.dumps(facts))
    (path / "kept").write_text("x")


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_earlier_demos_are_removed_and_no_other_enclave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    """Those that were set aside: not the home, no enclave of others, nothing that is none."""
    home = tmp_path / "home"
    monkeypatch.setenv("SOCAI_HOME", str(home))
    a_home(home, DEMO)
    a_home(tmp_path / "home.1", DEMO)
    a_home(tmp_path / "home.10", DEMO)
    a_home(tmp_path / "home.2", "bacninh.example/ordinary")
    a_home(tmp_path / "home.old", DEMO)
    (tmp_path / "home.3").mkdir()
    (tmp_path / "home.4").mkdir()
    (tmp_path / "home.4" / "enclave.json").write_text("{")
    said = CliRunner().invoke(main, ["--lang", lang, "demo", "--remove-earlier"])
    assert said.exit_code == 0, said.output
    assert [line.rsplit("/", 1)[1] for line in said.stdout.splitlines()] == ["home.1", "home.10"]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"home", "home.2", "home.3", "home.4", "home.old"}
    again = CliRunner().invoke(main, ["--lang", lang, "demo", "--remove-earlier"])
    assert (again.exit_code, len(again.stdout.splitlines())) == (0, 1)


def test_one_that_is_served_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever serves it would have its files taken away."""
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path / "home"))
    a_home(tmp_path / "home.1", DEMO)
    lock = Lock(tmp_path / "home.1")
    lock.take("api")
    try:
        said = CliRunner().invoke(main, ["demo", "--remove-earlier"])
        assert said.exit_code == 2, said.output
        assert (tmp_path / "home.1" / "kept").exists()
    finally:
        lock.close()
