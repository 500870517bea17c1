"""`socai`: the command's root; each command is read from its file when it is called.

Not: what any command does.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from api.cli.terminal.help_page import Vietnamese, help_of
from api.cli.terminal.shell import Language, Shell, locales
from api.cli.terminal.usage_errors import told
from api.ops.child_processes import take_no_code_from_here
from api.texts.catalogue import translate
from api.texts.lang import Lang
from ledger.message import Message

# name → module:attribute, help
COMMANDS: Final[dict[str, tuple[str, Message]]] = {
    "init": (
        "api.cli.commands.operator:init",
        Message("Make an enclave: keys, database, record 0."),
    ),
    "serve": ("api.cli.commands.operator:serve", Message("Run api, sealer and projector.")),
    "migrate": (
        "api.cli.commands.operator:migrate",
        Message("Bring the database's schema up to date."),
    ),
    "health": (
        "api.cli.commands.health:health",
        Message("Whether one process does its work."),
    ),
    "projection": (
        "api.cli.commands.operator:projection",
        Message("The views: status, rebuild."),
    ),
    "key": ("api.cli.commands.officer:key", Message("Signing keys: new, show.")),
    "act": ("api.cli.commands.officer:act", Message("Acts: sign, submit.")),
    "token": ("api.cli.commands.officer:token", Message("A bearer token for one of the cast.")),
    "attachment": (
        "api.cli.commands.attachment:attachment",
        Message("Files of acts: add, get, custody."),
    ),
    "case": (
        "api.cli.commands.cases:case",
        Message("Cases: list, show, history, verify, diff, why, as-of."),
    ),
    "worklist": ("api.cli.commands.cases:worklist", Message("What waits for the caller.")),
    "search": ("api.cli.commands.cases:search", Message("Search cases, tones or not.")),
    "stats": ("api.cli.commands.cases:stats", Message("Statistics and oversight indicators.")),
    "registry": (
        "api.cli.commands.cases:registry",
        Message("Agencies, officers, keys, instruments."),
    ),
    "log": (
        "api.cli.commands.log.group:log",
        Message("The log: status, checkpoint, audit, void, discard, recover, resume, remember."),
    ),
    "catalogue": ("api.cli.commands.catalogue:catalogue", Message("The rulebook explained.")),
    "play": (
        "api.cli.commands.play:play",
        Message("Play scenario files and check every answer."),
    ),
    "demo": (
        "api.cli.commands.demo:demo",
        Message("Two cases from report to proof, then a forger."),
    ),
}


class Spoken(click.Context):
    """A call whose help is in the reader's language."""

    def make_formatter(self) -> click.HelpFormatter:
        """The help page's writer."""
        root = self.find_root()
        spoken = isinstance(root.command, Root) and root.command.language(root) == "vi"
        width, most = self.terminal_width, self.max_content_width
        if not spoken:
            return click.HelpFormatter(width=width, max_width=most)
        page = Vietnamese(width=width, max_width=most)
        if isinstance(self.command, click.Group) and self.command is not root.command:
            page.listed = [help_of(command) for command in self.command.commands.values()]
        return page


class Root(click.Group):
    """Finds a command by its name and imports it only then: `--help` starts nothing."""

    context_class = Spoken

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """The command that was called; a wrong call is told in the reader's language."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            if ctx.obj is None:
                ctx.obj = Shell(self.language(ctx), json=bool(ctx.params.get("as_json")))
            raise told(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return _spoken(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, in the reader's language, without importing any."""
        lang = self.language(ctx)
        with formatter.section(translate(Message("Commands"), lang)):
            formatter.write_dl([(n, translate(told, lang)) for n, (_, told) in COMMANDS.items()])

    def language(self, ctx: click.Context) -> Lang:
        """Help is printed before options are read: what was typed first, else the locale."""
        if "lang" in ctx.params:
            return "vi" if ctx.params["lang"] == "vi" else "en"
        option = next(param for param in self.params if param.name == "lang")
        return Language().convert(option.resolve_envvar_value(ctx), None, None)


def _spoken(command: click.Command) -> click.Command:
    """The command and all below it, with help in the reader's language."""
    command.context_class = Spoken
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _spoken(below)
    return command


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--lang",
    type=Language(),
    envvar=locales(),
    default="en",
    is_eager=True,
    help="vi or en; by locale where left out.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.version_option(package_name="socai")
@click.pass_context
def main(context: click.Context, lang: str, *, as_json: bool) -> None:
    """Socai (sổ cái): the ledger of what agencies did, signed by the officers who did it."""
    take_no_code_from_here()
    context.obj = Shell(lang="vi" if lang == "vi" else "en", json=as_json)


if __name__ == "__main__":
    main()
