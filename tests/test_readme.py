"""The README is run as it is written, in an empty folder; what it quotes is compared."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from api.cli.main import COMMANDS
from api.cli.scenario import read_file, shipped
from api.cli.supervisor import free_port
from api.settings import Settings, child_environment

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
SECONDS = 120


def test_every_setting_stands_in_the_table() -> None:
    """An undocumented setting is a surprise; a documented one that is gone is a lie."""
    read = set(re.findall(r'"(SOCAI_[A-Z_]+)"', (ROOT / "api" / "settings.py").read_text("utf-8")))
    told = set(re.findall(r"^\| `(SOCAI_[A-Z_]+)`", README, re.MULTILINE))
    assert told == read


def test_every_command_of_the_tour_is_one_of_the_program() -> None:
    """And every command but the rarer ones is on the tour or in the text."""
    used = {
        shlex.split(line)[1] for block in BLOCKS for line in block.splitlines() if "socai " in line
    }
    assert used <= set(COMMANDS)
    assert {name for name in COMMANDS if f"socai {name}" not in README} <= {
        "attachment",
        "demo",
        "migrate",
    }


def test_every_make_target_named_is_there() -> None:
    """`make demo` and `make test` are the first thing a newcomer types."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE))
    assert named <= targets


def test_every_file_named_is_there() -> None:
    """A path that has moved sends the reader nowhere."""
    for path in re.findall(r"`((?:api|ledger|projections|keys|tests)/[\w./-]*[\w/])`", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / path).exists(), path


@pytest.mark.postgres
@pytest.mark.slow
def test_the_tour_runs_as_written_in_an_empty_folder(tmp_path: Path) -> None:
    """Every line of it, in order; only the port is another one."""
    tour = next(block for block in BLOCKS if "socai init" in block)
    own = next(block for block in BLOCKS if "socai key new" in block)
    port = free_port()
    lines = tour.replace("8000", str(port)).splitlines()
    _run(tmp_path, lines[0])
    with _serving(tmp_path, lines[1]):
        for line in lines[2:]:
            _run(tmp_path, line)
        (tmp_path / "act.json").write_bytes(_act(tmp_path))
        for line in own.splitlines():
            _run(tmp_path, line)
    assert (tmp_path / ".socai" / "enclave.json").exists()


def _run(folder: Path, line: str) -> None:
    """One line through a shell, `socai` being this program."""
    program = f'socai() {{ {shlex.quote(sys.executable)} -m api.cli.main "$@"; }}'
    done = subprocess.run(
        ["/bin/sh", "-ec", f"{program}\n{line}"],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@contextmanager
def _serving(folder: Path, line: str) -> Iterator[None]:
    """The tour's `serve … &`, stopped when the tour is over."""
    words = [sys.executable, "-m", "api.cli.main", *shlex.split(line.removesuffix("&"))[1:]]
    with subprocess.Popen(
        words,
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip()
            yield
        finally:
            process.terminate()
            process.wait(SECONDS)


def _environment(folder: Path) -> dict[str, str]:
    """As in the folder, with the rehearsal's passphrase for the key that is made there."""
    settings = Settings.at(folder / ".socai", lang="en")
    given = child_environment(settings) | {"PYTHONPATH": str(ROOT)}
    passphrase = settings.secrets_dir / "passphrase"
    return given | ({"SOCAI_PASSPHRASE_FILE": str(passphrase)} if passphrase.exists() else {})


def _act(folder: Path) -> bytes:
    """An act for the last lines: a second report, by the officer who took the first."""
    cast = orjson.loads((folder / ".socai" / "cast" / "cast.json").read_bytes())["cast"]
    (play,) = read_file(shipped("SC1"))
    step = play.steps[0]
    at = "2024-06-12T08:00:00+07:00"
    signer = {"officer": cast["hotline"]["officer"], "post": cast["hotline"]["post"]}
    return orjson.dumps(
        {
            **{name: value for name, value in step.members.items() if name != "document"},
            "act": step.act,
            "stream": "case/3d7c1e3a-5b64-4d1b-9a53-222222222222",
            "occurred_at": at,
            "agency": "bacninh.stttt",
            "post": signer["post"],
            "facts": {**step.facts, "received_at": at, "register_no": "0500/TN"},
            "signers": [{**signer, "role": "AUTHOR"}],
        }
    )
