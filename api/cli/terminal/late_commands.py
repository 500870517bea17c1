"""Groups that import a command's file only when it is called: `--help` starts nothing.

So the officer's commands work where only the client is installed; of any other a wrong call says
which extra it needs. Not: what any command does.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from api.cli.terminal.help_page import Vietnamese, first_sentence, help_of
from api.cli.terminal.shell import MISUSED, Language, Refusal, Shell
from api.cli.terminal.usage_errors import OptionTwice
from api.loading import loading
from api.texts.catalogue import translate
from api.texts.lang import Lang
from ledger.message import Message

_OF_A_CHECKOUT: Final = ("api.rehearsal", "api.cli.commands.play", "api.cli.commands.demo")
#: The extra that brings a package. Those that one call needs and another does not are told where
#: they are used: `embedded` in `embedded_postgres.py`, `s3` in `wiring/blob_store.py`, `pkcs11` in
#: `custody.py`, `xlsx` by the API.
EXTRA_OF: Final[Mapping[str, str]] = dict.fromkeys(
    (
        "eventsourcing",
        "flask",
        "flask_smorest",
        "gunicorn",
        "markdown_it",
        "marshmallow",
        "prometheus_client",
        "psycopg",
        "psycopg_pool",
        "pydyf",
        "segno",
        "webargs",
    ),
    "server",
)


if TYPE_CHECKING:
    from click.parser import _OptionParser as Parser


class Late(NamedTuple):
    """A command that is not imported yet.

    Attributes:
        place: `module:attribute`.
        told: What a list of commands says of it.
    """

    place: str
    told: Message


class Spoken(click.Context):
    """A call whose help is in the reader's language."""

    def make_formatter(self) -> click.HelpFormatter:
        """The help page's writer."""
        width, most = self.terminal_width, self.max_content_width
        if language(self) != "vi":
            return click.HelpFormatter(width=width, max_width=most)
        page = Vietnamese(width=width, max_width=most)
        if isinstance(self.command, click.Group):
            page.listed = [help_of(command) for command in self.command.commands.values()]
        return page


class LateGroup(click.Group):
    """Finds a command by its name and imports it only then.

    Args:
        table: Its commands by name, in the order they are listed in.
        told: click's own arguments.
    """

    context_class = Spoken

    def __init__(self, *, table: Mapping[str, Late], **told: Any) -> None:  # noqa: ANN401  click's
        super().__init__(**told)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the table."""
        del ctx
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name.

        Raises:
            Refusal: It needs what is not installed here.
        """
        if cmd_name not in self._table:
            return None
        module, _, attribute = self._table[cmd_name].place.partition(":")
        try:
            command: click.Command = getattr(_loaded(module), attribute)
        except ModuleNotFoundError as error:
            root = ctx.find_root()
            if root.obj is None:  # click asks before the options are told to anybody
                root.obj = Shell(language(ctx), json=bool(root.params.get("as_json")))
            raise missing(error) from error
        return _spoken(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, in the reader's language, without importing any."""
        lang = language(ctx)
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, translate(row.told, lang)) for name, row in self._table.items()]
            )


def _loaded(module: str) -> ModuleType:
    if module in sys.modules:
        return sys.modules[module]
    with loading():
        return import_module(module)


def language(context: click.Context) -> Lang:
    """Help is printed before options are read: what was typed first, else the locale."""
    root = context.find_root()
    if "lang" in root.params:
        return "vi" if root.params["lang"] == "vi" else "en"
    option = next((param for param in root.command.params if param.name == "lang"), None)
    if option is None:
        return "en"  # a command that is called by itself
    return Language().convert(option.resolve_envvar_value(root), None, None)


def missing(error: ModuleNotFoundError) -> Refusal:
    """What to do about a package that is not here.

    Raises:
        ModuleNotFoundError: It belongs to what is always installed: a defect.
    """
    name = str(error.name)
    if name in _OF_A_CHECKOUT:
        return Refusal(
            Message(
                "Nothing was done: rehearsals are no part of an installed package; run this from"
                " a checkout of the source: make demo, or .venv/bin/socai there."
            ),
            MISUSED,
            "not_installed",
            {"from": "source"},
        )
    extra = EXTRA_OF.get(name.partition(".")[0])
    if extra is None:
        raise error
    return Refusal(
        Message(
            "Nothing was done: this command needs the extra {extra}, which is not installed here;"
            " run: pip install 'socai[{extra}]'.",
            extra=extra,
        ),
        MISUSED,
        "not_installed",
        {"extra": extra},
    )


def once(make: Callable[[click.Context], Parser], ctx: click.Context) -> Parser:
    """The parser of a command, to which no option is said twice: click takes the last of them."""
    parser = make(ctx)
    parse = parser.parse_args

    def parse_args(args: list[str]) -> Any:  # noqa: ANN401  click's
        parsed = parse(args)
        for param, times in Counter(parsed[2]).items():
            takes = isinstance(param, click.Option) and not (param.is_flag or param.count)
            if takes and times > 1 and not param.multiple and not ctx.resilient_parsing:
                raise OptionTwice(max(param.opts, key=len), ctx)
        return parsed

    parser.parse_args = parse_args  # type: ignore[method-assign]
    return parser


def _spoken(command: click.Command) -> click.Command:
    """The command and all below it, with help in the reader's language."""
    if command.context_class is not Spoken:  # it is asked for as often as it is called
        command.context_class = Spoken
        command.make_parser = partial(once, command.make_parser)  # type: ignore[method-assign]
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        below.short_help = first_sentence(help_of(below))  # click's own breaks off at 45 letters
        _spoken(below)
    return command
