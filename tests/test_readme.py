"""The README is run as it is written, below a closed folder; what it quotes is compared."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import orjson
import pytest

from api.cli.main import COMMANDS
from api.rehearsal.scenario import SHIPPED, read_file, shipped
from api.settings import Settings, child_environment
from tests.attacks import attack
from tests.builders import a_token
from tests.processes import free_port

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
INTRODUCTION = (ROOT / "api" / "http" / "introduction.md").read_text("utf-8")
SECONDS = 1_800  # it ends a hang, and measures nothing


def test_every_setting_stands_in_the_table() -> None:
    """An undocumented setting is a surprise; a documented one that is gone is a lie."""
    read = set(re.findall(r'"(SOCAI_[A-Z_]+)"', (ROOT / "api" / "settings.py").read_text("utf-8")))
    told = set(re.findall(r"^\| `(SOCAI_[A-Z_]+)`", README, re.MULTILINE))
    assert told == read


def test_every_default_in_the_table_is_that_of_the_program(tmp_path: Path) -> None:
    """Whoever leaves a setting out gets what the table says."""
    home = tmp_path / ".socai"
    plain = Settings.at(home)
    rows = re.findall(r"^\| `SOCAI_([A-Z_]+)` \| (.*?) \|", README, re.MULTILINE)
    fields = {"SIGN_IN_ATTEMPTS": "attempts"}
    for name, told in rows:
        if name in {"HOME", "WORKERS"}:  # as many as cores, and below where one stands
            continue
        is_now = getattr(plain, fields.get(name, name.lower()))
        written = re.match("`([^`]*)`", told)
        said = written[1].replace("<home>", str(home)) if written else ""
        assert said == str("" if is_now is None else is_now), name
    assert len(rows) > 30


def test_every_command_of_the_tour_is_one_of_the_program() -> None:
    """And every command but the rarer ones is on the tour, in the text or on an operator's page."""
    used = {
        shlex.split(line)[1] for block in BLOCKS for line in block.splitlines() if "socai " in line
    }
    assert used <= set(COMMANDS)
    text = README + "".join(p.read_text("utf-8") for p in (ROOT / "docs" / "operate").glob("*.md"))
    assert {name for name in COMMANDS if f"socai {name}" not in text} <= {"attachment", "demo"}


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


@pytest.mark.drill
@pytest.mark.postgres
@pytest.mark.slow
@attack(
    "the house is closed: root runs make demo and the tour below a folder of mode 0700",
    stopped_by="capabilities that do not follow the user id",
    noticed_by="-",
)
def test_demo_and_tour_run_as_written_below_a_closed_folder(tmp_path: Path) -> None:
    """`make demo`, then every line of the tour right after it; only the ports are others.

    And the quick start of /docs, pasted as it stands, each answer one that was meant.
    """
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    house = _copy(closed / "socai")
    demo, own, key = (
        next(block for block in BLOCKS if f"\n{line}" in f"\n{block}")
        for line in ("export PATH", "export SOCAI_HOME", "socai key new")
    )
    done = _sh(house, "make demo")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (house / ".socai" / "enclave.json").exists()
    assert "  http://127.0.0.1:8000/ " in done.stdout
    signing = [line for line in done.stdout.splitlines() if " sign-in " in line]
    assert [re.search(r"--as (\w+)", line)[1] for line in signing] == ["cv", "tb"]  # type: ignore[index]
    # One shell for each block, as one terminal: what the first exports holds for the later ones.
    _tour(house, demo.replace("8000", str(free_port())))
    (quick,) = re.findall(r"```sh\n(.*?)```", INTRODUCTION, re.DOTALL)
    port = str(free_port())
    begins = (f".venv/bin/socai serve --port {port} &", 'curl() { command curl -f "$@"; }')
    _tour(house, "\n".join([*begins, quick.replace("8000", port)]))
    (house / "act.template").write_bytes(_act("@hotline"))
    own = own.replace("8001", str(free_port()))
    _tour(house, "\n".join([demo.splitlines()[0], own, _WRITE_ACT, _OPENING, key]))


def _copy(to: Path) -> Path:
    """The repository as it would be cloned, with the changes that are not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


def _tour(house: Path, block: str) -> None:
    """The lines of a block in one shell, stopping at the first that fails; servers end with it."""
    lines = []
    for line in block.splitlines():
        if line.endswith("&"):
            # A reader waits until it says that it is ready.
            start = f"{line.removesuffix('&')}>served & server=$!"
            lines += [": >served", start, _WAIT_READY]  # that of the block before says nothing
        else:
            lines.append(line)
    end = "trap 'kill $server; wait $server || true' EXIT"
    done = _sh(house, "\n".join(["set -e", "server=", end, *lines]))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


_WAIT_READY: Final = "until [ -s served ]; do kill -0 $server; sleep 0.2; done"
_OPENING: Final = "export SOCAI_PASSPHRASE_FILE=$SOCAI_HOME/secrets/passphrase"
"""The rehearsal's, for the key that is made there; a terminal would ask."""
_CAST: Final = "import json; print(json.load(open('my-ledger/cast/cast.json'))['cast']"
_WRITE_ACT: Final = f"""
officer=$(python -c "{_CAST}['hotline']['officer'])")
sed "s/@hotline/$officer/" act.template >act.json
"""


def _sh(house: Path, script: str) -> subprocess.CompletedProcess[str]:
    """A shell as a newcomer has it: no setting of ours but one, the uv of this checkout."""
    given = {name: value for name, value in child_environment(Settings.at(house)).items()
             if not name.startswith(("SOCAI_", "PYTHON"))}  # fmt: skip
    # Six seconds: here it is enough to compile what is run, as it is run.
    given["UV_COMPILE_BYTECODE"] = "0"
    given["PATH"] = f"{ROOT / '.uv' / 'bin'}:{given.get('PATH', '')}"
    return subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=house,
        env=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _act(officer: str) -> bytes:
    """An act for the last lines: a second report, by the officer who took the first."""
    (play,) = read_file(shipped("SC1"))
    step, post = play.steps[0], play.cast["hotline"].post
    at = "2024-06-12T08:00:00+07:00"
    return orjson.dumps(
        {
            **{name: value for name, value in step.members.items() if name != "document"},
            "act": step.act,
            "stream": "case/3d7c1e3a-5b64-4d1b-9a53-222222222222",
            "occurred_at": at,
            "agency": "bacninh.stttt",
            "post": post,
            "facts": {
                **step.facts,
                "received_at": at,
                "register_no": "0500/TN",
                "reporter": a_token("one"),
            },
            "signers": [{"officer": officer, "post": post, "role": "AUTHOR"}],
        }
    )


def test_the_scenarios_it_names_are_those_that_are_shipped() -> None:
    """By ranges; a new one is named, and none that is not there."""
    text = (ROOT / "README.md").read_text("utf-8")
    told = text.partition("the scenarios that are shipped by name (")[2].partition(")")[0]
    ranges = re.findall(r"`SC(\d+)`(?: … `SC(\d+)`)?", told)
    named = {f"SC{n}" for first, last in ranges for n in range(int(first), int(last or first) + 1)}
    assert "`negative`" in told
    assert named | {"negative"} == {path.stem for path in SHIPPED.glob("*.json")}
