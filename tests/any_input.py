"""What may be typed at any command of the program, and what must become of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import click
from click.testing import CliRunner, Result

from api.cli.main import main

NOBODY: Final = "http://127.0.0.1:9"
"""Where no server is."""
ELSEWHERE: Final = {"--server": NOBODY, "--log": "rehearsal.x/ordinary"}
"""Options of a call that reaches nobody."""
RUNS: Final = frozenset({"serve", "demo", "play"})
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


def wrong_words(folder: Path) -> list[str]:
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


def call_with(
    leaf: Leaf,
    wrong: str,
    at: click.Parameter | None,
    folder: Path,
    told: Mapping[str, str] = ELSEWHERE,
) -> list[str]:
    """A call that is right but for one word, to a server that is not there, or as it is told."""
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
    for option, value in told.items():
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


def run(words: Sequence[str], home: Path) -> Result:
    """One call of the command line."""
    env = {"SOCAI_HOME": str(home), "COLUMNS": "80", "SOCAI_LANG": "en"}
    return CliRunner().invoke(main, list(words), env=env, input="")


def require_told(words: Sequence[str], result: Result, *, most: int = 4) -> None:
    """One sentence and a status that says whose mistake it was; `most` lines at a question."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(words) from result.exception
    assert result.exit_code in (0, 1, 2), (words, result.output)
    assert "Traceback" not in result.output, words
    if result.exit_code:
        told = (result.stderr or result.stdout).strip()
        assert told, words
        assert len(told.splitlines()) <= most, (words, told)
