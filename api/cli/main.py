"""`socai`: the command's root; each command is read from its file when it is called.

Not: what any command does.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from api.cli.terminal.help_vi import Vietnamese
from api.cli.terminal.shell import Language, Shell, locales
from api.cli.terminal.usage_errors import told
from api.ops.child_processes import take_no_code_from_here
from api.texts.text import Lang

# name → module:attribute, help in Vietnamese, help in English
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "init": (
        "api.cli.commands.operator:init",
        "Lập sổ mới",
        "Make an enclave: keys, database, record 0.",
    ),
    "serve": ("api.cli.commands.operator:serve", "Chạy dịch vụ", "Run api, sealer and projector."),
    "migrate": (
        "api.cli.commands.operator:migrate",
        "Cập nhật lược đồ",
        "Bring the database's schema up to date.",
    ),
    "health": (
        "api.cli.commands.health:health",
        "Kiểm tra tiến trình",
        "Whether one process does its work.",
    ),
    "projection": (
        "api.cli.commands.operator:projection",
        "Khung nhìn",
        "The views: status, rebuild.",
    ),
    "key": ("api.cli.commands.officer:key", "Khóa ký", "Signing keys: new, show."),
    "act": ("api.cli.commands.officer:act", "Diễn biến", "Acts: sign, submit."),
    "token": ("api.cli.commands.officer:token", "Đăng nhập", "A bearer token for one of the cast."),
    "attachment": (
        "api.cli.commands.attachment:attachment",
        "Tệp kèm",
        "Files of acts: add, get, custody.",
    ),
    "case": (
        "api.cli.commands.cases:case",
        "Hồ sơ",
        "Cases: list, show, history, verify, diff, why, as-of.",
    ),
    "worklist": ("api.cli.commands.cases:worklist", "Việc cần làm", "What waits for the caller."),
    "search": ("api.cli.commands.cases:search", "Tìm hồ sơ", "Search cases, tones or not."),
    "stats": ("api.cli.commands.cases:stats", "Số liệu", "Statistics and oversight indicators."),
    "registry": (
        "api.cli.commands.cases:registry",
        "Danh bạ",
        "Agencies, officers, keys, instruments.",
    ),
    "log": (
        "api.cli.commands.log.group:log",
        "Sổ",
        "The log: status, checkpoint, audit, void, discard, recover, resume, remember.",
    ),
    "catalogue": ("api.cli.commands.catalogue:catalogue", "Danh mục", "The rulebook explained."),
    "play": (
        "api.cli.commands.play:play",
        "Diễn lại tình huống",
        "Play scenario files and check every answer.",
    ),
    "demo": (
        "api.cli.commands.demo:demo",
        "Diễn thử",
        "Two cases from report to proof, then a forger.",
    ),
}


class Spoken(click.Context):
    """A call whose help is in the reader's language."""

    def make_formatter(self) -> click.HelpFormatter:
        """The help page's writer."""
        root = self.find_root()
        spoken = isinstance(root.command, Root) and root.command.language(root) == "vi"
        kind = Vietnamese if spoken else click.HelpFormatter
        return kind(width=self.terminal_width, max_width=self.max_content_width)


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
        vi = self.language(ctx) == "vi"
        with formatter.section("Lệnh" if vi else "Commands"):
            formatter.write_dl([(n, row[1] if vi else row[2]) for n, row in COMMANDS.items()])

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
