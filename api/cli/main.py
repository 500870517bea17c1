"""`socai`: the command's root; each command is read from its file when it is called.

Not: what any command does.
"""

from __future__ import annotations

from api.loading import ended_without_a_word, loading

with ended_without_a_word(), loading():
    import sys
    from collections.abc import Sequence
    from errno import EPIPE
    from itertools import pairwise
    from os import devnull
    from pathlib import Path
    from signal import SIGPIPE
    from typing import Any, Final

    import click

    from api.cli.terminal.error_messages import broken_off, unwritten
    from api.cli.terminal.late_commands import Late, LateGroup, language, once
    from api.cli.terminal.pager import paged
    from api.cli.terminal.shell import (
        Language,
        Shell,
        give_up_output,
        locales,
        write_any_text,
        write_to_the_end,
    )
    from api.cli.terminal.usage_errors import told
    from api.ops.child_processes import (
        Became,
        ended_as_by_ctrl_c,
        fill_standard_streams,
        own,
        status_of,
        take_no_code_from_here,
    )
    from api.texts.lang import LANGS, Lang
    from keys.custody import core_dumps
    from ledger.message import Message

COMMANDS: Final[dict[str, Late]] = {
    "init": Late(
        "api.cli.commands.operator:init",
        Message("Make an enclave: keys, database, record 0."),
    ),
    "serve": Late(
        "api.cli.commands.operator:serve", Message("Run api, checkpointer and projector.")
    ),
    "migrate": Late(
        "api.cli.commands.operator:migrate",
        Message("Bring the database's schema up to date."),
    ),
    "turn-ticket-key": Late(
        "api.cli.commands.operator:turn_ticket_key",
        Message("Turn the key by which the database knows who asks."),
    ),
    "health": Late(
        "api.cli.commands.health.group:health",
        Message("Whether one process does its work."),
    ),
    "projection": Late(
        "api.cli.commands.operator:projection", Message("The views: status, rebuild.")
    ),
    "key": Late(
        "api.cli.commands.officer:key", Message("Keys: new, show, enrol, split, recover, epoch.")
    ),
    "act": Late("api.cli.commands.officer:act", Message("Acts: new, show, sign, submit.")),
    "sign-next": Late(
        "api.cli.commands.writing.sign_next:sign_next",
        Message("Sign what waits for you, one after the other."),
    ),
    "sign-in": Late(
        "api.cli.commands.officer:sign_in",
        Message("A line that signs you in to the pages at URL; paste it there within two minutes."),
    ),
    "officer": Late("api.cli.commands.writing.appointing:officer", Message("Officers: appoint.")),
    "delegate": Late(
        "api.cli.commands.writing.appointing:delegate",
        Message("Let another officer sign for your post."),
    ),
    "token": Late("api.cli.commands.officer:token", Message("A bearer token for one of the cast.")),
    "attachment": Late(
        "api.cli.commands.attachment:attachment",
        Message("Files of acts: add, get, export, custody."),
    ),
    "reporter": Late(
        "api.cli.commands.reporter:reporter",
        Message("Reporters: seal, answer, open, show."),
    ),
    "vault": Late(
        "api.cli.commands.vault:vault",
        Message("The reporters' compartment: custodian, found, serve, audit, keys, turn."),
    ),
    "backup": Late(
        "api.cli.commands.backup.group:backup",
        Message("Backups: key, run, stream, list, check, expire."),
    ),
    "restore": Late(
        "api.cli.commands.backup.restore:restore",
        Message("Bring the database back from a backup, to its end or to a moment."),
    ),
    "mirror": Late(
        "api.cli.commands.mirror:mirror",
        Message("Lower logs upward: key, slots, trust, export, import, watch, status, audit."),
    ),
    "case": Late(
        "api.cli.commands.reading.cases:case",
        Message("Cases: list, show, history, who, verify, diff, why, as-of, relations, print."),
    ),
    "grant": Late(
        "api.cli.commands.access:grant",
        Message("Let one officer see a case, by name and until a day."),
    ),
    "revoke": Late("api.cli.commands.access:revoke", Message("End a grant.")),
    "exclude": Late("api.cli.commands.access:exclude", Message("Shut one officer out of a case.")),
    "readmit": Late(
        "api.cli.commands.access:readmit",
        Message("Let an officer who was shut out of a case in again."),
    ),
    "reads": Late(
        "api.cli.commands.reads:reads",
        Message("Who read what under an order, an opening or a permit."),
    ),
    "public": Late(
        "api.cli.commands.log.public:public",
        Message("What was published; nobody has to sign in."),
    ),
    "record": Late(
        "api.cli.commands.record:record",
        Message("What an erasure names; withdraw content, erase it."),
    ),
    "worklist": Late(
        "api.cli.commands.reading.work:worklist", Message("What waits for the caller.")
    ),
    "keys": Late(
        "api.cli.commands.reading.keys:keys", Message("Keys of officers: what one of them touched.")
    ),
    "verify": Late(
        "api.cli.commands.verify.group:verify",
        Message("Verify many cases here, go on where it broke off, sign off."),
    ),
    "acts": Late(
        "api.cli.commands.reading.acts:acts",
        Message("Acts of all cases by filter, never by person."),
    ),
    "changes": Late(
        "api.cli.commands.reading.changes:changes",
        Message("What was recorded since your last visit, of what you see."),
    ),
    "search": Late("api.cli.commands.reading.cases:search", Message("Search cases, tones or not.")),
    "stats": Late(
        "api.cli.commands.reading.figures:stats", Message("Statistics and oversight indicators.")
    ),
    "registry": Late(
        "api.cli.commands.registry.group:registry",
        Message("Agencies, officers, keys, instruments; import."),
    ),
    "log": Late(
        "api.cli.commands.log.group:log",
        Message(
            "The log: status, checkpoint, sheet, audit, void, discard, shred, recover, resume,"
            " remember."
        ),
    ),
    "edition": Late(
        "api.cli.commands.edition:edition",
        Message("Change the rules by tables: new, check, diff, try, adopt."),
    ),
    "catalogue": Late("api.cli.commands.catalogue:catalogue", Message("The rulebook explained.")),
    "play": Late(
        "api.cli.commands.play:play",
        Message("Play scenario files and check every answer."),
    ),
    "tour": Late(
        "api.cli.commands.learn.tour:tour",
        Message("Twelve questions about the demo's cases, each with its command."),
    ),
    "completion": Late(
        "api.cli.commands.learn.completion:completion",
        Message("Shell completion: install, show, remove."),
    ),
    "demo": Late(
        "api.cli.commands.demo:demo",
        Message("Two cases from report to proof, then a forger."),
    ),
}


#: Commands that answer at length: what they tell goes through a pager on a terminal.
AT_LENGTH: Final = frozenset(
    {
        "act show", "acts", "case", "catalogue", "changes", "keys", "public", "reads", "registry",
        "search", "stats", "worklist",
    }
)  # fmt: skip
_ENTERS: Final = "import"
"""A command of `registry` that asks."""
UNTIL_TOLD: Final = frozenset(
    {"serve", "vault serve", "backup stream", "mirror watch", "mirror export --every"}
)
"""Commands that go on until told to stop: that ends them well, once modules are loaded."""


_CALLED: Final = "socai called"
_UNREAD: Final = 128 + SIGPIPE
"""The status that a shell gives whatever ends by that signal."""


class Root(LateGroup):
    """The command itself."""

    def main(self, *args: Any, **told: Any) -> Any:  # noqa: ANN401  click's signature
        """The whole of a process: it ends with a status, also of what nobody waited for."""
        fill_standard_streams()
        write_to_the_end()
        write_any_text()
        try:
            with ended_as_by_ctrl_c(), own(whole=not (args or told)):
                return super().main(*args, **told)
        except SystemExit as ended:
            ended.code = status_of(ended.code)
            raise
        except Became as forked:
            became = forked.main
        return became()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Its own options; what was called behind them is noted, for `invoke`."""
        words = [*args]
        try:
            rest = super().parse_args(ctx, args)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            ctx.obj = Shell(_language_in(words) or language(ctx), json="--json" in words)
            raise told(error) from error
        except OSError as error:  # its help or version
            raise _stopped(error) from error
        ctx.meta[_CALLED] = words[-len(ctx.args) - 1 :]
        return rest

    def make_parser(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's own
        """That of its own options: as of every command below."""
        return once(super().make_parser, ctx)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """The command that was called; a wrong call is told in the reader's language."""
        words = [*ctx.meta[_CALLED], ""]
        called = {words[0], " ".join(words[:2])}
        called |= {f"{words[0]} {words[1]} {one.partition('=')[0]}" for one in words[2:]}
        long = not AT_LENGTH.isdisjoint(called)
        json = ctx.params["as_json"] or "--json" in words
        wanted = long and not json and not ctx.params["no_pager"] and _ENTERS not in words
        try:
            with paged(wanted=wanted):
                return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            spoken = language(ctx) if ctx.obj is None else ctx.obj.lang
            ctx.obj = Shell(_language_in(words) or spoken, json=json)
            raise told(error) from error
        except (click.Abort, KeyboardInterrupt) as error:
            if not UNTIL_TOLD.isdisjoint(called):
                raise click.exceptions.Exit(0) from error
            raise broken_off() from error
        except OSError as error:
            raise _stopped(error) from error


def _stopped(error: OSError) -> Exception:
    """What ends a command whose output takes nothing more.

    Whoever read may have gone (`| head -1`): that is ended without a word, as by the signal of it,
    and never by the status with which a check says no.
    """
    if error.errno != EPIPE:
        return unwritten(error)
    give_up_output()
    return click.exceptions.Exit(_UNREAD)


def _language_in(words: Sequence[str]) -> Lang | None:
    """What a call says that is so wrong that no option of it was read."""
    joined = " ".join(words).replace("--lang=", "--lang ").split()
    typed = dict(pairwise(joined)).get("--lang")
    return next((one for one in LANGS if one == typed), None)


@click.group(cls=Root, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--lang",
    type=Language(),
    envvar=locales(),
    default="en",
    is_eager=True,
    help="vi or en; by locale where left out.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.option(
    "--no-pager", is_flag=True, envvar="NO_PAGER", help="Show long answers without a pager."
)
@click.version_option(package_name="socai")
@click.pass_context
def main(context: click.Context, lang: str, *, as_json: bool, no_pager: bool) -> None:
    """Socai (sổ cái): the ledger of what agencies did, signed by the officers who did it."""
    del no_pager  # the root asked it
    take_no_code_from_here()
    core_dumps.leave_none()
    if sys.stdin is None:  # closed: whoever asks then hears that nobody answers
        sys.stdin = Path(devnull).open(encoding="utf-8")  # noqa: SIM115
    context.obj = Shell(lang="vi" if lang == "vi" else "en", json=as_json)


if __name__ == "__main__":
    main()
