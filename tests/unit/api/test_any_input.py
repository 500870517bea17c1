"""Whatever is typed at any command: one sentence and a status, never a trace of the program.

The whole tree of commands is walked; a new command is among them without a line here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.any_input import NOBODY, RUNS, Leaf, call_with, leaves, require_told, run, wrong_words
from tests.examples import examples, share
from tests.rows import each, of


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, since files are written where one is; no waiting for who never answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("api.client.connection.sleep", lambda _: None)
    folder = tmp_path / "inputs"
    folder.mkdir()
    return folder


def test_every_command_is_found() -> None:
    """A walk that found nothing would promise nothing."""
    names = {leaf.words for leaf in leaves()}
    assert len(names) > 90
    assert {("act", "new"), ("sign-next",), ("log", "audit"), ("key", "epoch", "turn")} <= names


_HOMES: Final = ("absent", "a file", "rubbish")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # click's own files
@pytest.mark.parametrize("home", _HOMES)
def test_no_input_of_any_command_ends_in_a_trace(apart: Path, home: str) -> None:
    """Each parameter of each command, with each wrong word; a home that is none, or no folder."""
    wrong = wrong_words(apart)
    place = apart / "home"
    if home == "a file":
        place.write_bytes(b"x")
    elif home == "rubbish":
        place.mkdir()
        (place / "enclave.json").write_bytes(b"\xff{")
    tried = 0
    for leaf in each(leaves()):
        with of(" ".join(leaf.words)):
            targets: list[click.Parameter | None] = [
                param for param in leaf.command.params if not getattr(param, "is_flag", False)
            ]
            if leaf.words[0] not in RUNS and leaf.words != ("init",):
                targets.append(None)
            for at in targets:
                name = f"{leaf.words} {at and at.name}"
                if home not in share(_HOMES, 3, name):
                    continue  # each parameter meets one of them on a push
                for word in share(wrong, 75, f"{home} {name}"):
                    words = call_with(leaf, word, at, apart)
                    require_told(words, run(words, place))
                    tried += 1
    assert tried > 70


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_wrong_use_is_status_2_and_names_what_iswrong_words(apart: Path, lang: str) -> None:
    """An option that there is not, one without its value, too many words: of every command."""
    for leaf in each(share(leaves(), 6, lang)):
        with of(" ".join(leaf.words)):
            for more in (("--no-such-option",), ("--lang",), *([("x",) * 9] if _few(leaf) else [])):
                result = run(("--lang", lang, *leaf.words, *more), apart / "home")
                assert result.exit_code == 2, (leaf.words, more, result.output)
                assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_no_option_of_any_command_is_said_twice(apart: Path) -> None:
    """Whichever was meant, one was wrong: click takes the last, and an act had another reason."""
    for leaf in leaves():
        for param in leaf.command.params:
            if not isinstance(param, click.Option) or param.is_flag or param.multiple:
                continue
            name = max(param.opts, key=len)
            ways = (name, "1", name, "2"), (f"{name}=1", f"{name}=1")
            for words in share(ways, 2, f"{leaf.words} {name}"):
                result = run(("--lang", "en", *leaf.words, *words), apart / "home")
                assert result.exit_code == 2, (leaf.words, words, result.output)
                assert f"{name} is said twice: say it once." in result.stderr, result.stderr
    told = run(("--lang", "vi", "--lang", "en", "catalogue", "act"), apart / "home")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "--lang" in told.stderr


def _few(leaf: Leaf) -> bool:
    """Whether it takes no more than some words."""
    return all(param.nargs == 1 for param in leaf.command.params)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.property
@settings(max_examples=examples(40), deadline=None)
@given(data=st.data())
def test_no_words_drawn_at_random_end_in_a_trace(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any text in any place, several wrong at once."""
    folder = tmp_path_factory.mktemp("drawn")
    fitting = [leaf for leaf in leaves() if leaf.words[0] not in RUNS and leaf.words != ("init",)]
    leaf = data.draw(st.sampled_from(fitting))
    words: list[str] = []
    for param in leaf.command.params:
        if not data.draw(st.booleans()):
            continue
        if isinstance(param, click.Option):
            words.append(max(param.opts, key=len))
        if not getattr(param, "is_flag", False):
            text = data.draw(st.text(st.characters(exclude_characters="\0/"), max_size=40))
            words.append(text)
    words += ["--server", NOBODY] if any("--server" in p.opts for p in leaf.command.params) else []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("api.client.connection.sleep", lambda _: None)
        require_told(words, run([*leaf.words, *words], folder / "home"))


_CLOSED: Final = (
    ("catalogue page >/dev/full", 1),
    ("catalogue page >/dev/full 2>/dev/full", 1),
    ("catalogue forms >&-", 0),
    ("catalogue nothing 2>&-", 2),
    ("catalogue nothing 2>/dev/full", 2),
    ("act sign - --log rehearsal.x/ordinary <&-", 2),
    ("record commitment - <&-", 0),
    ("--lang vi catalogue act <&- | head -1", 0),
)


@pytest.mark.slow
def test_a_terminal_that_is_closed_or_full_is_no_trace(tmp_path: Path) -> None:
    """Standard input, output and error closed, full or read no further."""
    program = f"{sys.executable} -m api.cli.main"
    for call, status in each(share(_CLOSED, 2, "terminal")):
        with of(call):
            ended = subprocess.run(
                ["/bin/bash", "-c", f"set -o pipefail; {program} {call}"],
                env={"SOCAI_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
                cwd=Path(__file__).parents[3],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert "Traceback" not in ended.stdout + ended.stderr, ended.stderr
            assert ended.returncode == status, ended


@pytest.mark.parametrize(
    ("call", "unbuffered"),
    [
        ("catalogue act", "1"),
        ("--json catalogue act", ""),
        ("catalogue --help", ""),
        ("nothing", ""),
    ],
)
def test_whoever_reads_no_further_is_not_told_that_a_check_said_no(
    call: str, unbuffered: str
) -> None:
    """As by SIGPIPE in a shell, without a word: 1 is what the ledger says, and it said nothing."""
    gone, output = os.pipe()
    os.close(gone)
    with os.fdopen(output, "wb") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "api.cli.main", *call.split()],
            env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": unbuffered},
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    wrong = call == "nothing"  # which writes to standard error alone
    assert ended.returncode == (2 if wrong else 141)
    assert bool(ended.stderr) == wrong


def test_what_was_told_in_part_is_not_fine(tmp_path: Path) -> None:
    """A disk that became full behind the first of it; of an image the output is unbuffered."""
    with (tmp_path / "told").open("wb") as file:
        ended = subprocess.run(
            ["/bin/sh", "-c", f"ulimit -f 8; exec {sys.executable} -m api.cli.main catalogue page"],
            env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
            stdout=file,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1
    assert b"could not be written to the end" in ended.stderr


_STARTS_ANOTHER: Final = """
import contextlib, subprocess, sys
from api.cli.main import main
with contextlib.suppress(SystemExit):
    main(["--help"])
led = "[os.readlink(f'/proc/self/fd/{n}') for n in range(3)]"
write = f"import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(str({led}))"
opened = open(sys.executable, "rb").fileno()
subprocess.run([sys.executable, "-c", write, sys.argv[1]], pass_fds=[opened])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-"])
def test_nothing_that_is_opened_stands_where_output_goes(tmp_path: Path, closed: str) -> None:
    """A service that is started without: its connections and locks had these numbers."""
    told = tmp_path / "told"
    ended = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "-", sys.executable, "-c", _STARTS_ANOTHER, told],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0
    assert told.read_text() == str(["/dev/null"] * 3)
