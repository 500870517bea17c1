"""`socai case` and `socai search`: cases and their history."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from api.cli.commands.reading.codes import ACT, FLAG, OUTCOME, STATE
from api.cli.commands.reading.statement_proofs import bad_proofs, case_faults, proven
from api.cli.commands.signer_options import (
    identity,
    names_whoever_asks,
    tell_whose_key,
    vkey_option,
)
from api.cli.terminal import (
    addresses,
    case_tables,
    copy_tables,
    document_tables,
    duration_tables,
    participant_tables,
    relation_tables,
    shown_rows,
)
from api.cli.terminal.addresses import case_id
from api.cli.terminal.codes import CodeOption
from api.cli.terminal.participant_tables import PostNames
from api.cli.terminal.places import output_option, require_place
from api.cli.terminal.shell import Shell, fail, misuse, shell_of
from api.cli.terminal.typed_values import AS_OF_TEXT, DAY_TEXT, MOMENT_TEXT
from api.client.client import Client
from api.client.connection import Refused, understood
from api.texts import case_words
from api.texts.copied import copied
from keys.note import VKey
from ledger.message import Message, Text, plural
from ledger.regulation.registry.calendar import local_day

_AS_OF: Final = click.option("--as-of", type=AS_OF_TEXT, default=None, help="As it stood then.")
_CLOCK: Final = click.option(
    "--clock",
    type=click.Choice(["recorded", "occurred"]),
    default=None,
    help="By when acts were recorded, or by when they happened.",
)


@click.group()
def case() -> None:
    """Cases: what they are, how they came to be, and whether every signature holds."""


@case.command("list")
@click.option("--state", cls=CodeOption, type=STATE, default=None, help="In any case of letters.")
@click.option("--agency", default=None, help="Agency that holds the case.")
@click.option("--outcome", cls=CodeOption, type=OUTCOME, default=None, help="How it ended.")
@click.option(
    "--act",
    type=ACT,
    default=None,
    help="Has an effective act of this type: socai catalogue act",
)
@click.option("--flag", type=FLAG, default=None, help="Has had it: socai catalogue guard")
@click.option(
    "--due-before",
    default=None,
    type=MOMENT_TEXT,
    metavar="TIME|DAY",
    help="Has a deadline before it.",
)
@click.option(
    "--opened-from", default=None, type=DAY_TEXT, metavar="DAY", help="Opened on this day or later."
)
@click.option(
    "--opened-to", default=None, type=DAY_TEXT, metavar="DAY", help="Opened on this day or earlier."
)
@click.option("--figure", default=None, metavar="CODE", help="Is counted by a figure of stats.")
@click.option(
    "--counted-from",
    default=None,
    type=DAY_TEXT,
    metavar="DAY",
    help="Period of that figure.",
)
@click.option("--counted-to", default=None, type=DAY_TEXT, metavar="DAY", help="Its last day.")
@click.option("--counted-agency", default=None, help="Agency of that figure.")
@click.option("--counted-channel", default=None, help="Channel of the cases that came in.")
@click.option(
    "--sort", default=None, help="opened_at, due, last_act, case_number; - turns it round."
)
@click.option(
    "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many."
)
@click.option("--all", "every", is_flag=True, help="Every page, one snapshot.")
@identity
def list_cases(client: Client, *, every: bool, **asked: str | int | None) -> None:
    """Cases by filter, newest first."""
    shell = shell_of()
    query = {name: value for name, value in asked.items() if value is not None}
    query |= addresses.agency_asked(client, asked) | addresses.agency_asked(
        client, asked, "counted_agency"
    )
    none = _NO_SUCH if query.keys() - {"limit", "sort"} else _NONE
    if every:
        body = client.whole("/v1/cases", "cases", query=query)
    else:
        body = client.read("/v1/cases", query=query).body
    _lines(
        client,
        shell,
        body,
        none,
        Message("There are more: --all shows them, or narrow the filter."),
    )


@case.command("show")
@click.argument("id_", metavar="CASE")
@_AS_OF
@_CLOCK
@identity
def show_case(client: Client, id_: str, as_of: str | None, clock: str | None) -> None:
    """The case file. CASE is its number, its row in the list shown last, or how its id begins."""
    _show(client, id_, as_of, clock)


@case.command("as-of")
@click.argument("id_", metavar="CASE")
@click.argument("moment", type=AS_OF_TEXT, metavar="TIME|DAY|INDEX")
@_CLOCK
@identity
def as_of_case(client: Client, id_: str, moment: str, clock: str | None) -> None:
    """The case file as it stood: by when acts were recorded, or by when they happened."""
    _show(client, id_, moment, clock)


@case.command("history")
@click.argument("id_", metavar="CASE")
@click.option("--compact", is_flag=True, help="One line an act.")
@identity
def history(client: Client, id_: str, *, compact: bool) -> None:
    """Every act with its statements: both clocks, who signed, the verdict, the effect."""
    shell = shell_of()
    body = client.case_acts(case_id(client, id_))
    if shell.json:
        shell.give(body)
        return
    if compact:
        case_tables.compact(shell, body["acts"])
    else:
        case_tables.timeline(shell, body["acts"])
    if part := body.get("part"):
        case_tables.part_of_case(shell, part)
    if register := body.get("documents"):
        document_tables.register(shell, register)


@case.command("who")
@click.argument("id_", metavar="CASE")
@_AS_OF
@identity
def who(client: Client, id_: str, as_of: str | None) -> None:
    """Who takes part in a case: by which act, since and until when, and who is shut out."""
    shell = shell_of()
    body = client.participants(case_id(client, id_), as_of=as_of)
    if shell.json:
        shell.give(body)
    else:
        participant_tables.participants(shell, body)


@case.command("times")
@click.argument("id_", metavar="CASE")
@_AS_OF
@_CLOCK
@identity
def times(client: Client, id_: str, as_of: str | None, clock: str | None) -> None:
    """How long each step took against its deadline and rule, and whose move it is or was."""
    shell = shell_of()
    body = client.durations(case_id(client, id_), as_of=as_of, clock=clock)
    if shell.json:
        shell.give(body)
    else:
        duration_tables.durations(shell, body)


@case.command("relations")
@click.argument("id_", metavar="CASE")
@identity
def relations(client: Client, id_: str) -> None:
    """Cases merged or perhaps the same, of those you see, and the way of each referral."""
    shell = shell_of()
    body = client.relations(case_id(client, id_))
    if shell.json:
        shell.give(body)
    else:
        relation_tables.relations(shell, body)


@case.command("copies")
@click.argument("id_", metavar="CASE")
@identity
def copies(client: Client, id_: str) -> None:
    """What may leave a case by its permits, and each copy that has left it."""
    shell = shell_of()
    body = client.copies(case_id(client, id_))
    if shell.json:
        shell.give(body)
    else:
        copy_tables.register(shell, body, PostNames(client))


@case.command("print")
@click.argument("id_", metavar="CASE")
@click.option(
    "--permit",
    default=None,
    metavar="ACT",
    help="The ExportPermitted that names you; where one alone stands, that one.",
)
@output_option
@identity
def print_case(client: Client, id_: str, permit: str | None, into: Path) -> None:
    """The case for court, as a PDF: complete, numbered, with digest and QR on each sheet.

    It leaves by a permit of the case, and takes its next number; the register: socai case copies.
    """
    shell = shell_of()
    require_place(into)
    number = case_id(client, id_)
    named = addresses.act_id(client, permit) if permit else _own_permit(client, number)
    size, digest, mark = client.print_case(number, named, into)
    if shell.json:
        shell.give({"file": str(into), "digest": digest, "size": size, "mark": mark})
        return
    shell.say(
        plural(
            "{into}: {n} byte, {digest}, as the register of copies has it.",
            "{into}: {n} bytes, {digest}, as the register of copies has it.",
            into=into,
            digest=digest,
            n=size,
        )
    )
    shell.say(Message("Keep this beside it, it is the mark of this copy: {mark}", mark=mark))


def _own_permit(client: Client, number: str) -> str:
    """The one permit that stands in the caller's name."""
    client.login()
    mine = [
        one["act_id"]
        for one in client.copies(number)["permits"]
        if one["officer"] == client.officer and one["standing"] == "STANDS" and not one["acts"]
    ]
    if not mine:
        fail(
            Message(
                "Nothing left: no permit of this case stands in your name. A supervisor signs"
                " ExportPermitted, for as many copies as are needed."
            ),
            "export_not_permitted",
        )
    if len(mine) > 1:
        misuse(
            Message(
                "Nothing left: {count} permits stand in your name; choose one with --permit: {ids}",
                count=len(mine),
                ids=", ".join(mine),
            ),
        )
    return str(mine[0])


@case.command("verify")
@click.argument("id_", metavar="CASE")
@vkey_option
@identity
def verify_case(client: Client, id_: str, vkey: VKey | None) -> None:
    """Every statement's verdict; signatures, order and proofs are checked here.

    Which keys the registry enrolled and ended, and what the rules refuse, is the server's word: an
    audit follows it from record 0. Exit 1 unless VALID.
    """
    shell, named = shell_of(), case_id(client, id_)
    body = client.verification(named)
    bad, faults = list(bad_proofs(client, body, vkey)), case_faults(client, named, body, vkey)
    ok = body["outcome"] == "VALID" and proven(body) and not bad and not faults
    if shell.json:
        told = [one.to_json() for one in faults]
        shell.give({**body, "ok": ok, "proofs_failed": bad, "faults": told})
    else:
        case_tables.verification(shell, body, bad, faults)
    tell_whose_key(client, vkey)
    sys.exit(0 if ok else 1)


@case.command("diff")
@click.argument("id_", metavar="CASE")
@click.argument("from_", type=AS_OF_TEXT, metavar="FROM")
@click.argument("to", type=AS_OF_TEXT, metavar="[TO]", required=False)
@_CLOCK
@identity
def diff(client: Client, id_: str, from_: str, to: str | None, clock: str | None) -> None:
    """What changed between two moments (TIME, DAY or INDEX), and which acts changed it."""
    query = {"from": from_, "to": to, "clock": clock}
    case = case_id(client, id_)
    body = client.read(f"/v1/cases/{case}/diff", query=query).body
    if body.get("swapped"):
        shell_of().note(Message("FROM is later than TO: they were swapped, earlier to later."))
    _changes(client, case, body)


@case.command("why")
@click.argument("id_", metavar="CASE")
@click.argument("pointer", metavar="FIELD")
@_AS_OF
@identity
def why(client: Client, id_: str, pointer: str, as_of: str | None) -> None:
    """Why a field has its value: the acts and signers. FIELD is e.g. state, handler/agency."""
    shell = shell_of()
    case = case_id(client, id_)
    try:
        path = f"/v1/cases/{case}/fields/{pointer.lstrip('/')}/history"
        body = client.read(path, query={"as_of": as_of}).body
    except Refused as refused:
        if refused.code == "not_found":
            client.case(case)  # where the case is not there either, that is what is said
            fail(
                Message(
                    "The case has no field {pointer}; fields are named as in: socai case show"
                    " --json",
                    pointer=pointer,
                ),
                "not_found",
            )
        raise
    if shell.json:
        shell.give(body)
    else:
        _history(shell, pointer, body["changes"])


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many."
)
@identity
def search(client: Client, words: tuple[str, ...], limit: int) -> None:
    """Search cases: tones, case and đ make no difference ("ho so" finds "hồ sơ")."""
    shell = shell_of()
    typed = copied(" ".join(words))
    if not typed:
        misuse(
            Message(
                "Nothing was searched for: write a word or a number. All cases that you see: socai"
                " case list"
            )
        )
    body = client.read("/v1/cases", query={"q": typed, "limit": limit}).body
    _lines(
        client,
        shell,
        body,
        _NO_SUCH,
        Message("There are more: add a word, or raise --limit."),
    )


_NONE: Final = Message("You see no case as a whole; what waits for you in others: socai worklist")
_NO_SUCH: Final = Message("There is no such case among those that you see.")


def _lines(client: Client, shell: Shell, body: Mapping[str, Any], none: Text, more: Text) -> None:
    """A page of cases: that there is none, or that it is not the last; its rows are kept."""
    if shell.json:
        shell.give(body)
        return
    case_tables.case_lines(shell, body["cases"])
    shown_rows.keep(client, shown_rows.CASES, [one["id"] for one in body["cases"]])
    if not body["cases"]:
        shell.say(none)
        if not names_whoever_asks():
            shell.note(
                Message("This home's registrar asked: --as, --key or --token names another.")
            )
    _counted(shell, body, "cases", click.get_current_context().params.get("sort") or "-last_act")
    if "next" in body:
        shell.say(more)


def _counted(shell: Shell, body: Mapping[str, Any], rows: str, sort: str) -> None:
    """To a person at a terminal, below a list: of how many it is, and in which order."""
    shown, order = len(body[rows]), case_words.ORDERS.get(sort, sort)
    if not shown or not shell.console().is_terminal:
        return
    if "next" in body:
        shell.say(
            plural(
                "The first line of more; order: {sort}.",
                "The first {n} lines of more; order: {sort}.",
                n=shown,
                sort=order,
            )
        )
        return
    shell.say(
        plural(
            "{n} line in all, of what you see; order: {sort}.",
            "{n} lines in all, of what you see; order: {sort}.",
            n=shown,
            sort=order,
        )
    )


def _show(client: Client, id_: str, as_of: str | None, clock: str | None) -> None:
    shell = shell_of()
    body = client.case(case_id(client, id_), as_of=as_of, clock=clock)
    if shell.json:
        shell.give(body)
        return
    case_tables.case_file(shell, body, {} if as_of else _in_vain(client, body))
    if as_of is None:
        relation_tables.relations(shell, client.relations(body["id"]), even_none=False)
    else:
        told = Message("Other cases and referrals are told as they are now: socai case relations")
        shell.say(told)


def _in_vain(client: Client, body: Mapping[str, Any]) -> dict[str, Text]:
    """Officers who cannot sign what waits for them, and why: left, or shut out meanwhile."""
    with understood():
        named = {
            str(one["officer"]): (one["post"], _day_of(act))
            for act in body.get("pending", ())
            for one in act["waiting_for"]
        }
    if not named:
        return {}
    excluded = client.participants(body["id"])["excluded"]
    found: dict[str, Text] = {}
    for officer, (post, day) in named.items():
        lines = client.whole("/v1/officers", "officers", query={"officer": officer})["officers"]
        with understood():
            posts = [one for line in lines for one in line["posts"] if one["post"] == post]
            then = {
                one["agency"]
                for one in posts
                if (one["valid_from"] or day) <= day <= (one["valid_to"] or day)
            }
            if officer in {one["officer"] for one in excluded}:
                found[officer] = case_words.SIGNER_OUT
            elif not any(one["on_day"] and one["agency"] in then for one in posts):
                found[officer] = case_words.SIGNER_LEFT
    return found


def _day_of(act: Mapping[str, Any]) -> str:
    """The day on which an act names who signs it, in the posts of that day."""
    return local_day(datetime.fromisoformat(act["occurred_at"])).isoformat()


def _changes(client: Client, case: str, body: Mapping[str, Any]) -> None:
    shell = shell_of()
    if shell.json:
        shell.give(body)
    else:
        case_tables.changes(shell, body["changes"], client.case(case))


def _history(shell: Shell, pointer: str, changes: Sequence[Mapping[str, Any]]) -> None:
    """One field's values, one after the other."""
    if not changes:
        shell.say(Message("No act that can be read has set this field."))
    rows = (
        (
            *(case_words.valued(shell, pointer, change[side]) for side in ("old", "new")),
            "\n".join(case_words.touched_by(shell, act) for act in change["acts"])
            or case_words.by_time(shell),
        )
        for change in changes
        if change["old"] or change["new"]  # an empty list that was not there says nothing
    )
    title = shell.name(pointer)
    shell.table(("from", "to", "act"), rows, title=title)
