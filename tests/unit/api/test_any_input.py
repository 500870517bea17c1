"""Whatever is typed at any command: one sentence and a status, never a trace of the program.

The whole tree of commands is walked; a new command is among them without a line here.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from api.cli.main import main
from tests.examples import examples, share
from tests.rows import each, of

NOBODY: Final = "http://127.0.0.1:9"
"""Where no server is."""
_RUNS: Final = frozenset({"serve", "demo", "play"})
"""Commands that would start processes where a call is right: only what is wrong is tried."""
_FITS: Final = {
    "uuid": "00000000-0000-4000-8000-000000000000", "integer": "1", "provision": "90/QĐ-UBND 4.3",
    "time": "2025-01-01T00:00:00+07:00", "day|time": "2025-01-01", "day": "2025-01-01",
    "time|day": "2025-01-01", "url": NOBODY, "kid": "A" * 43,
}  # fmt: skip


class Leaf(NamedTuple):
    """A command that is called, and the words that call it."""

    words: tuple[str, ...]
    command: click.Command


@cache
def leaves() -> Sequence[Leaf]:
    """Every command of the program."""
    return list(_below(main, (), click.Context(main, info_name="socai")))


def _below(
    command: click.Command, words: tuple[str, ...], context: click.Context
) -> Iterator[Leaf]:
    if not isinstance(command, click.Group):
        yield Leaf(words, command)
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        below = click.Context(found, info_name=name, parent=context)
        yield from _below(found, (*words, name), below)


def _wrong(folder: Path) -> list[str]:
    """What a person, a script or an attacker may type for anything."""
    for name, data in {
        "binary": bytes(range(256)), "empty": b"", "list.json": b"[1]",
        "object.json": b'{"a":{"b":null}}', "file": b"x",
    }.items():  # fmt: skip
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    paths = [str(folder / name) for name in ("binary", "empty", "folder", "list.json", "gone")]
    return [
        "", "-", "--", "\udcff", "\u200b", "x" * 5_000, "0", "-1", "9" * 30, "nan", "2024-13-45",
        "٣٣", "2024/0187#3", "case/xx", "{}", "http://[::1", "/dev/null", _FITS["uuid"],
        str(folder / "object.json"), str(folder / "file" / "below"), *paths,
    ]  # fmt: skip


def _call(leaf: Leaf, wrong: str, at: click.Parameter | None, folder: Path) -> list[str]:
    """A call that is right but for one word, to a server that is not there."""
    options, words = [], []
    for param in leaf.command.params:
        if not param.required and param is not at:
            continue
        value = wrong if param is at else _fit(param, folder)
        if isinstance(param, click.Argument):
            words.append(value)
        elif getattr(param, "is_flag", False):
            options.append(max(param.opts, key=len))
        else:
            options += [max(param.opts, key=len), value]
    given_ = {name for param in leaf.command.params for name in param.opts}
    for option, value in (("--server", NOBODY), ("--log", "rehearsal.x/ordinary")):
        if option in given_ and option not in options:
            options += [option, value]
    return [*leaf.words, *options, *words]


def _fit(param: click.Parameter, folder: Path) -> str:
    match param.type:
        case click.Choice() as kind:
            return str(next(iter(kind.choices)))
        case click.IntRange() as kind:
            return str(max(1, kind.min or 1))
        case click.Path() | click.File():
            return str(folder / "object.json")
        case kind:
            return _FITS.get(kind.name, "x")


def _run(words: Sequence[str], home: Path) -> Result:
    env = {"SOCAI_HOME": str(home), "COLUMNS": "80", "SOCAI_LANG": "en"}
    return CliRunner().invoke(main, list(words), env=env, input="")


def _require_told(words: Sequence[str], result: Result) -> None:
    """One sentence and a status that says whose mistake it was."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(words) from result.exception
    assert result.exit_code in (0, 1, 2), (words, result.output)
    assert "Traceback" not in result.output, words
    if result.exit_code:
        told = (result.stderr or result.stdout).strip()
        assert told, words
        assert len(told.splitlines()) <= 4, (words, told)


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # click's own files
@pytest.mark.parametrize("home", ["absent", "a file", "rubbish"])
def test_no_input_of_any_command_ends_in_a_trace(apart: Path, home: str) -> None:
    """Each parameter of each command, with each wrong word; a home that is none, or no folder."""
    wrong = _wrong(apart)
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
            if leaf.words[0] not in _RUNS and leaf.words != ("init",):
                targets.append(None)
            for at in targets:
                name = f"{home} {leaf.words} {at and at.name}"
                for word in share(wrong, 50, name):
                    words = _call(leaf, word, at, apart)
                    _require_told(words, _run(words, place))
                    tried += 1
    assert tried > 200


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_wrong_use_is_status_2_and_names_what_is_wrong(apart: Path, lang: str) -> None:
    """An option that there is not, one without its value, too many words: of every command."""
    for leaf in each(share(leaves(), 4, lang)):
        with of(" ".join(leaf.words)):
            for more in (("--no-such-option",), ("--lang",), *([("x",) * 9] if _few(leaf) else [])):
                result = _run(("--lang", lang, *leaf.words, *more), apart / "home")
                assert result.exit_code == 2, (leaf.words, more, result.output)
                assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def _few(leaf: Leaf) -> bool:
    """Whether it takes no more than some words."""
    return all(param.nargs == 1 for param in leaf.command.params)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.property
@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_no_words_drawn_at_random_end_in_a_trace(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any text in any place, several wrong at once."""
    folder = tmp_path_factory.mktemp("drawn")
    fitting = [leaf for leaf in leaves() if leaf.words[0] not in _RUNS and leaf.words != ("init",)]
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
        _require_told(words, _run([*leaf.words, *words], folder / "home"))


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
            run = subprocess.run(
                ["/bin/bash", "-c", f"set -o pipefail; {program} {call}"],
                env={"SOCAI_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
                cwd=Path(__file__).parents[3],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert "Traceback" not in run.stdout + run.stderr, run.stderr
            assert run.returncode == status, run
