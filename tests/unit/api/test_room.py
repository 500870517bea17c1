"""Room on the disk and in memory, asked before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.commands import demo
from api.cli.main import main
from api.ops import init_enclave
from api.ops.beginning.room import Machine, Need, require_room
from api.settings import SettingsError
from tests import room

ENOUGH = Need(1, 1)


def a_machine(folder: Path, available_kb: int, most: str = "max", used: int = 0) -> Machine:
    """What a system says of itself."""
    (folder / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable:   {available_kb} kB\n")
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    return Machine(folder / "meminfo", folder)


def test_memory_is_what_the_system_and_a_container_leave(tmp_path: Path) -> None:
    """The smaller of both; who says nothing is believed to have enough."""
    assert a_machine(tmp_path, 4096).memory_mib() == 4
    assert a_machine(tmp_path, 4096, str(3 << 20), 1 << 20).memory_mib() == 2
    assert a_machine(tmp_path, 4096, str(1 << 20), 3 << 20).memory_mib() == 0
    assert Machine(tmp_path / "nowhere", tmp_path / "nowhere").memory_mib() is None
    require_room(tmp_path, ENOUGH, Machine(tmp_path / "nowhere", tmp_path / "nowhere"))


def test_too_little_is_a_sentence_with_both_figures(tmp_path: Path) -> None:
    """Of the disk where it will work, also where the folder is not there yet."""
    machine = a_machine(tmp_path, 4096)
    require_room(tmp_path / "not" / "yet", ENOUGH, machine)
    with pytest.raises(SettingsError, match="5 MiB of memory, and 4 MiB are free"):
        require_room(tmp_path, Need(1, 5), machine)
    with pytest.raises(SettingsError, match=rf"{1 << 40} MiB of disk in {tmp_path}, where \d+ MiB"):
        require_room(tmp_path / "not" / "yet", Need(1 << 40, 1), machine)


@pytest.mark.parametrize(
    ("words", "module"),
    [(["demo"], demo), (["init", "--rehearsal", "--deployment", "x.example"], init_enclave)],
)
def test_without_room_nothing_is_made(
    words: list[str], module: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, status 2."""
    monkeypatch.setattr(module, "TAKES", Need(1 << 40, 1))
    home = tmp_path / "home"
    result = CliRunner().invoke(main, ["--lang", "en", *words], env={"SOCAI_HOME": str(home)})
    assert result.exit_code == 2
    assert "make room, or name another folder" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not home.exists()


@pytest.mark.parametrize(("short", "said"), [("TAKES", 0), ("TAKES_ELSEWHERE", 1)])
def test_a_database_that_stands_elsewhere_takes_no_room_here(
    short: str, said: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only keys, passwords and notes do."""
    monkeypatch.setattr(init_enclave, short, Need(1 << 40, 1))
    env = {
        "SOCAI_HOME": str(tmp_path / "home"),
        "SOCAI_DATABASE_URL": f"postgresql:///x?host={tmp_path}",
    }
    words = ["--lang", "en", "init", "--rehearsal", "--deployment", "x.example"]
    result = CliRunner().invoke(main, words, env=env)
    assert result.exit_code != 0
    assert result.stderr.count("make room") == said


def test_the_tests_say_what_they_take_before_they_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And stop where it is not there; `make test` asks first."""
    assert room.main(4, a_machine(tmp_path, 1 << 40)) in (0, 2)
    capsys.readouterr()
    assert room.main(2, a_machine(tmp_path, 1024)) == 2
    said = capsys.readouterr()
    assert "MiB of memory and" in said.out
    assert "Nothing was tested: this takes" in said.err
    assert "python -m tests.room $(WORKERS)" in Path("Makefile").read_text("utf-8")


def test_what_is_asked_before_it_begins_is_what_the_page_says() -> None:
    """Whoever has less finds it in capacity.md, and not at a sentence."""
    page = Path("docs/operate/capacity.md").read_text("utf-8")
    rows = dict(line.strip("| ").split(" | ", 1) for line in page.splitlines() if "| `" in line)
    for words, needed in (
        ("`socai init`", init_enclave.TAKES),
        ("`socai init`, with `SOCAI_DATABASE_URL`", init_enclave.TAKES_ELSEWHERE),
        ("`make demo`", demo.TAKES),
    ):
        memory, disk = rows[words].split(" | ")[:2]
        assert memory.startswith(f"{needed.memory_mib} MiB")
        assert disk.startswith(f"{needed.disk_mib} MiB")
    memory, disk = rows["`make test`"].split(" | ")[:2]
    assert memory.startswith(f"{room.WORKER_MIB >> 10} GiB a worker")
    assert disk.startswith(f"{room.FILES_MIB >> 10} GiB")
