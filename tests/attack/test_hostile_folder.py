"""A folder full of modules with names of ours, and what is started in it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from api.rehearsal.scenario import shipped
from api.settings import Settings, child_environment
from keys.envelope_encryption import Kek
from projections.engine import rebuild_worker
from projections.engine.rebuild_worker import WorkerConfig, WorkerTask
from projections.views.all_views import VIEWS
from tests.attacks import attack
from tests.fixtures.founded import founded

SOCAI = Path(sys.executable).with_name("socai")
#: What every process loads early, what gunicorn, psycopg and `multiprocessing` load, and our own.
NAMES = (
    "api/__init__", "ledger/__init__", "keys/__init__", "projections/__init__",
    "flask", "gunicorn/__init__", "orjson", "psycopg", "click", "gunicorn.conf",
    "sitecustomize", "usercustomize", "site", "encodings/__init__",
    "socket", "selectors", "pickle", "logging", "random", "multiprocessing/__init__",
)  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder to stand in; every module there leaves a mark when it is run."""
    folder = tmp_path / "hostile"
    for name in NAMES:
        module = folder / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        mark = tmp_path / "marks" / name.replace("/", ".")
        module.write_text(f"open({str(mark)!r}, 'a').write('run\\n')\n", "utf-8")
    (tmp_path / "marks").mkdir()
    return folder


def _marks(hostile: Path) -> list[str]:
    return sorted(mark.name for mark in (hostile.parent / "marks").iterdir())


def _environment(home: Path, **more: str) -> Mapping[str, str]:
    given = child_environment(Settings.at(home))
    return {name: value for name, value in given.items() if name[:6] != "PYTHON"} | more


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A founded rehearsal; its database is stopped by whoever serves it."""
    return founded(Settings.at(tmp_path / "home")).home


def test_the_folder_is_hostile(hostile: Path) -> None:
    """A Python that looks where it stands runs what lies there, or the tests below show nothing."""
    subprocess.run(
        [sys.executable, "-c", "import flask, api, socket"],
        cwd=hostile, env=_environment(hostile), check=False, capture_output=True,
    )  # fmt: skip
    assert {"flask", "api.__init__"} <= set(_marks(hostile))


@pytest.mark.drill
@attack(
    "modules of our names lie where `socai serve` and `socai log audit` run, or on PYTHONPATH",
    stopped_by="-I: processes with a key load what is installed and nothing else",
    noticed_by="-",
)
@pytest.mark.postgres
@pytest.mark.slow
def test_serve_runs_no_code_of_the_folder_it_is_started_in(hostile: Path, home: Path) -> None:
    """API, checkpointer (it has the log's key) and projector (the KEK) start, and are ready."""
    log = home.parent / "serve.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-I", SOCAI, "--lang", "en", "serve", "--port", "0"],
            cwd=hostile,
            env=_environment(home, PYTHONPATH=str(hostile)),
            stdout=subprocess.PIPE,
            stderr=said,
        ) as serve,
    ):
        assert serve.stdout is not None
        try:
            assert serve.stdout.readline().startswith(b"Ready: "), log.read_text("utf-8")
        finally:
            with suppress(ProcessLookupError):
                serve.send_signal(signal.SIGTERM)
        assert serve.wait(300) == 0
    assert b"starting it again" not in log.read_bytes()
    audited = _socai(hostile, home, "log", "audit", "--workers", "2")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert _marks(hostile) == []


@pytest.mark.drill
@attack(
    "modules of our names lie where `socai play` is started",
    stopped_by="-I",
    noticed_by="-",
)
@pytest.mark.postgres
@pytest.mark.slow
def test_play_runs_no_code_of_the_folder_it_is_started_in(hostile: Path, tmp_path: Path) -> None:
    """As a person calls it: the console script, and the processes that it starts."""
    document = orjson.loads(shipped("SC4").read_bytes())
    document["steps"] = document["steps"][:1]
    del document["expect_final"]
    (tmp_path / "short.json").write_bytes(orjson.dumps(document))
    done = _socai(hostile, tmp_path / "home", "play", str(tmp_path / "short.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert _marks(hostile) == []


def _socai(folder: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SOCAI, "--lang", "en", *words],
        cwd=folder,
        env=_environment(home),
        check=False,
        capture_output=True,
        text=True,
    )


@attack(
    "modules of our names lie where a view is built anew by several processes",
    stopped_by="-I",
    noticed_by="-",
)
def test_a_builder_runs_no_code_of_the_folder_it_is_started_in(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets the KEK on its standard input."""
    monkeypatch.chdir(hostile)
    nowhere = WorkerConfig("host=/nonexistent", Kek.generate(), "x.example/ordinary", "ordinary")
    process = rebuild_worker.start(WorkerTask(nowhere, VIEWS[0], 1, ("0",)))
    process.wait(300)
    rebuild_worker.end(process)
    assert _marks(hostile) == []


@attack(
    "modules of our names lie where an audit starts its workers",
    stopped_by="PYTHONSAFEPATH, set by the command line for what a library starts",
    noticed_by="-",
)
def test_what_multiprocessing_starts_runs_no_code_of_the_folder(
    hostile: Path, tmp_path: Path
) -> None:
    """Its own words are `python -c …`, which looks in the current folder first."""
    script = tmp_path / "script.py"
    script.write_text(
        "from multiprocessing import get_context\n"
        "from api.ops.child_processes import take_no_code_from_here\n"
        "if __name__ == '__main__':\n"
        "    take_no_code_from_here()\n"
        "    with get_context('spawn').Pool(1) as pool: print(pool.apply(len, ['ab']))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        cwd=hostile, env=_environment(hostile), check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "2\n", done.stderr
    assert _marks(hostile) == []
