"""What every command shares: language, `--json`, tables that fit, and refusals with an exit status.

Exit status 0: fine. 1: the ledger or a check said no. 2: wrong use. A refusal is one sentence that
says what was not recorded and what to do next.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from io import BufferedWriter, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final, NoReturn, TypeVar

import click
import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.texts.case_words import when
from api.texts.catalogue import in_each, translate
from api.texts.labels import name
from api.texts.lang import Lang
from ledger.message import Text
from ledger.regulation.acts.invisible_characters import HIDDEN

F = TypeVar("F", bound=Callable[..., Any])
FAILED: Final = 1
MISUSED: Final = 2
OUTPUT: Final = "output"
"""Code of a refusal because standard output takes nothing: a person is told, on standard error."""
WIDTH: Final = 100
WIDEST: Final = 200
_BETWEEN: Final = 2
"""Columns between two of a table."""
_WORD: Final = 16
"""A column that folds is no narrower than its words, but for longer ones than this."""
_TERMINAL: Final = 80
_WORDS: Final = re.compile(r"\S+\s*|\s+")
_PARTS: Final = re.compile(r"[^\s_]*_|[^\s_]+\s*|\s+")
#: What a terminal obeys (ESC and CSI among it), turns round or does not show. Answers of other
#: servers, files and what an earlier log took may hold any.
_UNSEEN: Final = re.compile(f"[{HIDDEN}\ud800-\udfff]")
_AS_ESCAPES: Final = "socai.escapes"
_LOCALES: Final = ["SOCAI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]


class Refusal(click.ClickException):
    """Ends a command: one sentence in the reader's language, and the exit status.

    Args:
        text: What was not recorded, and what to do next.
        status: `FAILED` or `MISUSED`.
        code: A stable word for programs.
        found: What was found, which programs are told beside it.
    """

    def __init__(
        self,
        text: Text,
        status: int = FAILED,
        code: str = "failed",
        found: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(str(text))
        self.text = text
        self.found = dict(found or {})
        self.exit_code = status  # type: ignore[misc]  # click reads it from the instance
        self.code = code
        self._shell = _current()  # click prints it after its context has gone

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints to standard error; with `--json` an object on standard output."""
        shell = self._shell
        sentence = translate(self.text, shell.lang)
        if shell.json and self.code != OUTPUT:
            error = {"code": self.code, "message": sentence}
            refused = {**self.found, "ok": False, "error": error}
            try:
                click.echo(visible(orjson.dumps(refused, default=_plain).decode()))
            except OSError:  # it takes nothing more: then a person is told
                give_up_output()
            else:
                return
        try:
            click.echo(visible(sentence), file=file, err=file is None)
        except OSError:  # nobody hears it: the exit status says it all the same
            sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


class Language(click.ParamType[Lang]):
    """`vi` or `en`; a locale such as `vi_VN.UTF-8` is Vietnamese, any other English."""

    name = "vi|en"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Lang:
        """The language of what was typed or of the locale."""
        typed = ctx is not None and param is not None and _typed(ctx, param)
        if typed and value not in ("vi", "en"):
            self.fail(f"{value!r} is not vi or en", param, ctx)
        return "vi" if str(value).lower().startswith("vi") else "en"


@dataclass(slots=True)
class Shell:
    """How this run speaks: language, and whether in JSON."""

    lang: Lang = "en"
    json: bool = False

    def text(self, text: Text) -> str:
        """The sentence in the reader's language."""
        return translate(text, self.lang)

    def name(self, member: str) -> str:
        """The word for a member or column."""
        return name(member, self.lang)

    def say(self, text: Text) -> None:
        """A line for a person: standard output, or standard error where that holds JSON."""
        click.echo(visible(self.text(text)), err=self.json)

    def note(self, text: Text) -> None:
        """A line about how it goes: always standard error."""
        click.echo(visible(self.text(text)), err=True)

    def done(self, text: Text, **facts: object) -> None:
        """A command that has no more to tell than that it did its work, as JSON too."""
        if self.json:
            self.give({"ok": True, **facts})
        else:
            self.say(text)

    def give(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """The answer of a command, as JSON."""
        click.echo(dumped(value))

    def local(self, line: Mapping[str, Any], member: str = "") -> Any:  # noqa: ANN401  JSON
        """A member that comes in both languages (`state_vi`, `state_en`; `vi`, `en`)."""
        return line.get(f"{member}_{self.lang}" if member else self.lang)

    def when(self, text: str | None) -> str | None:
        """A time, in Vietnam's zone."""
        return when(text)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        title: str = "",
        *,
        whole: Collection[str] = ("case",),
        widths: Mapping[str, int] | None = None,
        err: bool = False,
    ) -> None:
        """A table as wide as the terminal, 200 columns at most; cells fold, none is cut.

        Where a terminal is too narrow for what is not broken, each row stands below its names.

        Args:
            columns: Their names.
            rows: A cell a column.
            title: Above it.
            whole: Columns whose lines are not broken: codes, and ids to be copied.
            widths: Columns that are folded to a width, between words and after `_`, where all of
                them have no room as they are.
            err: Whether it goes to standard error.
        """
        cells = [[_cell(value) for value in row] for row in rows]
        if not cells:
            return  # a head over nothing tells nothing: what there is not is said in words
        console, heads = self.console(stderr=err), [self.name(column) for column in columns]
        every = unfolded = list(zip(*([heads, *cells]), strict=True))
        if not (console.width > WIDTH and _room(map(_widest, every)) <= console.width):
            wider = max(1.0, console.width / WIDTH)
            fixed = [int((widths or {}).get(column, 0) * wider) for column in columns]
            every = [_fold(column, width) for column, width in zip(every, fixed, strict=True)]
        least = [
            _widest(cells) if column in whole else min(_WORD, _longest_word(cells))
            for column, cells in zip(columns, every, strict=True)
        ]
        if console.is_terminal and _room(least) > console.width:
            self._labelled(unfolded, title, console.width, err=err)
            return
        console.width = max(console.width, _room(least))
        shared = _shared(least, list(map(_widest, every)), console.width)
        every = [  # what is folded twice has words that stand alone
            _fold(plain, width) if width < _widest(cells) else cells
            for plain, cells, width in zip(unfolded, every, shared, strict=True)
        ]
        table = Table(title=visible(title) or None, title_justify="left", box=None, pad_edge=False)
        for width, (head, *_) in zip(shared, every, strict=True):
            table.add_column(head, overflow="fold", width=width)
        for row in zip(*(column[1:] for column in every), strict=True):
            table.add_row(*row)
        console.print(table)

    def _labelled(
        self, columns: Sequence[Sequence[str]], title: str, width: int, *, err: bool
    ) -> None:
        """Rows of a table, each cell behind the name of its column; a long word stays whole.

        What stood in lines of its own stays apart.
        """
        lines = [visible(title)] if title else []
        for n in range(1, len(columns[0])):
            for head, value in ((column[0], column[n]) for column in columns):
                told = " · ".join(line.strip() for line in value.splitlines() if line.strip())
                lines.append(folded(f"{' '.join(head.split())}: {told}", width))
            lines.append("")
        click.echo("\n".join(lines).rstrip("\n"), err=err)

    def progress(self, *, transient: bool = False) -> Progress:
        """A progress bar on standard error; none where nobody looks."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console(stderr=True),
            transient=transient,
            disable=not sys.stderr.isatty(),
        )

    def console(self, *, stderr: bool = False) -> Console:
        """A rich console no wider than 200 columns; 100 where no terminal says how wide it is."""
        console = _Console(stderr=stderr, highlight=False, markup=False)
        console.width = min(console.width, WIDEST) if console.is_terminal else WIDTH
        return console


class _Console(Console):
    """One that leaves it to the command what becomes of an output that nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Called while that error is handled: rich would end with the status of a check's no."""
        raise  # noqa: PLE0704


def in_lines(told: Text) -> Text:
    """A sentence in lines that a terminal of 80 columns shows without breaking words."""
    return in_each(lambda lang: folded(translate(told, lang), _TERMINAL))


def options(command: F) -> F:
    """`--json` and `--lang` for one command, beside those of `socai` itself."""
    json = click.option(
        "--json",
        "json_",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_json,
        help="Answer in JSON.",
    )
    lang = click.option(
        "--lang",
        type=Language(),
        expose_value=False,
        is_eager=True,  # what is wrong with another option is said in it
        callback=_set_lang,
        help="vi or en.",
    )
    return json(lang(command))


def typed(prompt: str) -> str:
    """What a person types behind a prompt; empty for nothing.

    At a terminal the line can be edited with its arrows; standard output stays free for what is
    piped on, where the prompt stands on standard error.
    """
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if at_terminal:
        with suppress(ImportError):
            import_module("readline")
    err = not at_terminal
    try:
        text: str = click.prompt(visible(prompt), default="", show_default=False, err=err)
    except click.Abort:
        click.echo(err=err)  # what is said next is no answer to the question
        raise
    return text


def typed_unseen(prompt: str) -> str:
    """A secret that a person types and the terminal does not show.

    Where there is no terminal it is the next line of standard input, which nothing shows either:
    getpass would read the same, behind warnings that it may be seen.

    Raises:
        click.Abort: Nobody typed anything, or a line with nothing in it.
    """
    if _has_terminal():
        text: str = click.prompt(visible(prompt), hide_input=True, err=True)
        return text
    click.echo(f"{visible(prompt)}: ", nl=False, err=True)
    line = sys.stdin.readline().rstrip("\r\n")
    click.echo(err=True)
    if not line:  # as at a terminal: a key under an empty passphrase lies in the open
        raise click.Abort
    return line


def _has_terminal() -> bool:
    """As getpass asks it: the terminal of the process, whatever its input is."""
    if sys.stdin.isatty():
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def misuse(text: Text) -> NoReturn:
    """Ends with status 2."""
    raise Refusal(text, MISUSED, "usage")


def fail(text: Text, code: str = "failed", **found: object) -> NoReturn:
    """Ends with status 1."""
    raise Refusal(text, FAILED, code, found)


def shell_of(context: click.Context | None = None) -> Shell:
    """The shell of this run."""
    return (context or click.get_current_context()).ensure_object(Shell)


def locales() -> list[str]:
    """Variables that tell the language, the product's own first."""
    return list(_LOCALES)


def _current() -> Shell:
    context = click.get_current_context(silent=True)
    return context.ensure_object(Shell) if context is not None else Shell()


def _set_json(context: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's
    if value:
        shell_of(context).json = True


def _set_lang(context: click.Context, _param: click.Parameter, value: Lang | None) -> None:
    if value is not None:
        shell_of(context).lang = value


def _typed(context: click.Context, param: click.Parameter) -> bool:
    source = context.get_parameter_source(str(param.name))
    return source is None or source is click.core.ParameterSource.COMMANDLINE


def give_up_output() -> None:
    """Writes no more to a standard output that takes nothing.

    As the process ends the rest would be tried once more, and that it fails would be the status.
    """
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def write_to_the_end() -> None:
    """Has standard output take all that is written to it or fail, under `PYTHONUNBUFFERED` too.

    The interpreter goes by no count there: what a pipe or a disk that became full took a part of
    was told in full, and the status said so.
    """
    stream = sys.stdout
    if isinstance(stream, TextIOWrapper) and isinstance(stream.buffer, RawIOBase):
        sys.stdout = TextIOWrapper(
            BufferedWriter(stream.buffer), stream.encoding, stream.errors, line_buffering=True
        )


def write_any_text() -> None:
    """Has standard output and error write as JSON would what their encoding does not have.

    In a locale that is not of UTF-8 a command would else fail at what it has to tell, behind what
    it did. One of ASCII says nothing of a terminal: then it is UTF-8, as click takes it.
    """
    codecs.register_error(_AS_ESCAPES, _unwritable)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):
            continue
        name = codecs.lookup(stream.encoding).name
        if name == "ascii":
            stream.reconfigure(encoding="utf-8", errors=_AS_ESCAPES)
        elif name != "utf-8":
            stream.reconfigure(errors=_AS_ESCAPES)


def _unwritable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _escaped(error.object[error.start : error.end]), error.end


def visible(text: str) -> str:
    """The text with what a terminal would obey or hide written out, as JSON would."""
    return _UNSEEN.sub(lambda found: _escaped(found[0]), text)


def _escaped(text: str) -> str:
    """UTF-16 escapes of a text."""
    units = text.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    return "".join(f"\\u{unit}" for unit in units)


def dumped(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """JSON to be read on a terminal, and by programs all the same."""
    return visible(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=_plain).decode())


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, list | tuple | set):
        return visible(", ".join(str(item) for item in value))
    return visible(str(value))


def _room(widths: Iterable[int]) -> int:
    """Columns that so many columns of a table take."""
    found = list(widths)
    return sum(found) + _BETWEEN * (len(found) - 1)


def _shared(least: Sequence[int], most: Sequence[int], width: int) -> list[int]:
    """Widths of columns: what each needs, and of the room that is left what it lacks.

    Who lacks least is served first, with an even share at most: a short column is whole before a
    long one takes the room, and a state of two words is no tower of three lines.
    """
    lacks = [wide - small for small, wide in zip(least, most, strict=True)]
    left, found = max(0, width - _room(least)), list(least)
    served = sorted(range(len(lacks)), key=lacks.__getitem__)
    for n, column in enumerate(served):
        more = min(lacks[column], left // (len(served) - n))
        found[column], left = found[column] + more, left - more
    return found


def _widest(cells: Iterable[str]) -> int:
    return max(cell_len(line) for cell in cells for line in (cell.splitlines() or [""]))


def _longest_word(cells: Iterable[str]) -> int:
    return max((cell_len(word) for cell in cells for word in cell.split()), default=0)


def _fold(cells: Iterable[str], width: int) -> tuple[str, ...]:
    """Cells folded to a width; 0: as they are."""
    return tuple(folded(cell, width) for cell in cells) if width else tuple(cells)


def folded(text: str, width: int) -> str:
    """Lines of at most `width`, broken at spaces, and behind `_` where a word is longer.

    A word that has none stays whole.
    """
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for part in _parts(paragraph, width):
            if line and len(line) + len(part.rstrip()) > width:
                lines.append(line.rstrip())
                line = ""
            line += part
        lines.append(line.rstrip())
    return "\n".join(lines)


def _parts(text: str, width: int) -> Iterator[str]:
    """Its words with what is behind them; those that no line takes, in pieces."""
    for word in _WORDS.findall(text):
        yield from [word] if len(word.rstrip()) <= width else _PARTS.findall(word)


def _plain(value: object) -> object:
    return str(value)
