"""When `socai health` calls a loop well."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pkgutil import resolve_name

from click.testing import CliRunner

from api.cli.commands.health.group import ASKED
from api.cli.commands.health.loops import Stand, behind
from api.cli.main import main
from api.ops.home_notes import write_running
from api.ops.service.roles import KEEPER, ROLES, VAULT
from api.settings import Settings
from api.texts.catalogue import both
from ledger.message import Text, Wording
from ledger.postgres.migrate import ARCHIVER


def test_a_loop_with_nothing_to_do_is_well() -> None:
    """Idle is not ill."""
    assert behind(_looks([_at(7, 7)]), _never) is None


def test_a_loop_that_moves_is_well_however_far_behind() -> None:
    """One that catches up after a pause must not be killed for it."""
    assert behind(_looks([_at(1, 900)], [_at(1, 900)], [_at(2, 950)]), _always) is None


def test_a_loop_that_stands_is_not() -> None:
    """Records wait and nothing happens until patience ends."""
    told = behind(_looks([_at(6, 7)], [_at(6, 8)]), _never)
    assert said(told) == {
        "vi": "checkpointer: đứng ở 6 trên 7",
        "en": "checkpointer: stands at 6 of 7",
    }


def test_a_signed_tree_larger_than_the_log_is_never_well() -> None:
    """Somebody restored an old database."""
    told = behind(_looks([_at(8, 7)]), _always)
    assert said(told) == {
        "vi": "checkpointer: 8 trên 7 bản ghi",
        "en": "checkpointer: 8 of 7 records",
    }


def test_an_api_that_gives_no_answer_is_said_in_words() -> None:
    """And where it was asked."""
    shown = {}
    for lang in ("vi", "en"):
        env = {"SOCAI_PORT": "1", "SOCAI_LANG": lang}
        asked = CliRunner().invoke(main, ["health", "--role", "api"], env=env)
        assert asked.exit_code == 1
        shown[lang] = asked.stderr
    at = "http://127.0.0.1:1"
    assert shown["en"] == f"api is not well: there is no answer at {at} (ConnectError)\n"
    assert shown["vi"] == f"api không khỏe: không có trả lời ở {at} (ConnectError)\n"


def test_an_api_on_a_port_of_its_own_is_asked_there(tmp_path: Path) -> None:
    """`serve --port` notes it in the home: by the setting another enclave's API would answer."""
    write_running(Settings.at(tmp_path), "http://127.0.0.1:1")
    env = {"SOCAI_HOME": str(tmp_path), "SOCAI_PORT": "2", "SOCAI_LANG": "en"}
    asked = CliRunner().invoke(main, ["health", "--role", "api"], env=env)
    assert "no answer at http://127.0.0.1:1 (" in asked.stderr


def test_one_view_that_stopped_or_stands_is_named() -> None:
    """The others may be as well as they like."""
    good, bad = Stand("acts", 7, 7), Stand("tasks", 3, 7)
    told = behind(_looks([good, bad]), _never)
    assert said(told) == {"vi": "tasks: đứng ở 3 trên 7", "en": "tasks: stands at 3 of 7"}
    stopped = Stand("tasks", 3, 7, "poison")
    assert behind(_looks([good, stopped]), _always) == Wording("tasks: poison", "tasks: poison")


def said(told: Text | None) -> dict[str, str]:
    """What is wrong, in both languages."""
    assert told is not None
    return both(told)


def _at(done: int, size: int) -> Stand:
    return Stand("checkpointer", done, size)


def _looks(*stands: Sequence[Stand]) -> Callable[[], Sequence[Stand]]:
    """Each look sees the next; the last one for ever."""

    def each() -> Iterator[Sequence[Stand]]:
        yield from stands
        while True:
            yield stands[-1]

    looks = each()
    return lambda: next(looks)


def _never() -> bool:
    return False


def _always() -> bool:
    return True


def test_each_process_is_asked_and_of_nothing_but_what_answers() -> None:
    """A container asks every few seconds: no database, no view and no rulebook for the API."""
    assert {*ASKED} == {*ROLES, KEEPER, VAULT, ARCHIVER}
    for place in ASKED.values():
        assert callable(resolve_name(place))
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, api.cli.commands.health.group; print(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()
    heavy = {"psycopg", "flask", "eventsourcing", "projections", "api.ops.wiring", "gunicorn"}
    rules = {"ledger.regulation.decide", "ledger.regulation.guards"}
    assert not (heavy | rules) & {*loaded}


def test_whoever_asks_the_database_names_the_extra_that_is_not_installed() -> None:
    """The API is asked by what a client's installation has; the others were answered by a trace."""
    program = "import sys; sys.modules['psycopg'] = None; from api.cli.main import main; main()"
    words = ["--lang", "en", "health", "--role", "checkpointer"]
    run = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    assert "socai[server]" in run.stderr
