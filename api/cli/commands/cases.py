"""For whoever reads: cases, work, statistics, search, registry.

Every answer comes from the API; none is made here but the check of proofs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from api.cli.commands.signer_options import identity, log_keys, names_whoever_asks, vkey_option
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
from api.cli.terminal.codes import Code, CodeOption
from api.cli.terminal.participant_tables import PostNames
from api.cli.terminal.places import output_option, require_place
from api.cli.terminal.shell import Shell, fail, misuse, shell_of
from api.cli.terminal.typed_values import AS_OF_TEXT, DAY_TEXT, KEY_ID, MOMENT_TEXT
from api.client.client import Client
from api.client.connection import Refused
from api.texts import case_words
from api.texts.copied import copied
from api.texts.labels import PARTS_OF_WORK, word
from keys import canonical
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import proof
from ledger.message import Message, Text, Wording, plural
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.edition import load_edition
from ledger.regulation.words import vocabulary
from projections.views.statistics.hidden_cells import HIDDEN, HIDDEN_MEANS
from projections.views.statistics.indicators import NO_FINDING, OF_ACTS

_TASKS: Final = ("kind", "number", "act", "due", "status", "clock", "source")
TASKS_OF_ALL: Final = ("kind", "number", "act", "due", "clock", "officer")
"""Where it is said whose each is: the status is below the date, and the source below the clock."""
TASK_WIDTHS: Final = {
    "kind": 10, "due": 10, "status": 12, "act": 18, "clock": 14, "source": 15,
}  # fmt: skip
_COUNTED: Final[Mapping[str, Message]] = {
    "seen": Message("Figures of the cases you see."),
    "province": Message("Figures of all cases of the province."),
}
_MOST_NEW: Final = 200
_MEASURES: Final = 20
_HOLDING: Final = "HOLDING"
_DISPUTED: Final = "DISPUTED"


def _flags() -> Iterable[str]:
    raised = (one["code"] for one in load_edition().guards["guards"] if one["kind"] == "flag")
    return (*raised, DISPUTED)


STATE: Final = Code("state", lambda: life_cycle().labels)
OUTCOME: Final = Code(None, lambda: vocabulary("outcomes"))
ACT: Final = Code("act", lambda: load().types)
FLAG: Final = Code("guard", _flags)
FIGURE: Final = Code(None, lambda: OF_ACTS)


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
@click.option("--due-before", default=None, type=MOMENT_TEXT, metavar="TIME|DAY")
@click.option("--opened-from", default=None, type=DAY_TEXT, metavar="DAY")
@click.option("--opened-to", default=None, type=DAY_TEXT, metavar="DAY")
@click.option("--figure", default=None, metavar="CODE", help="Is counted by a figure of stats.")
@click.option(
    "--counted-from",
    default=None,
    type=DAY_TEXT,
    metavar="DAY",
    help="Period of that figure.",
)
@click.option("--counted-to", default=None, type=DAY_TEXT, metavar="DAY")
@click.option("--counted-agency", default=None, help="Agency of that figure.")
@click.option("--counted-channel", default=None, help="Channel of the cases that came in.")
@click.option(
    "--sort", default=None, help="opened_at, due, last_act, case_number; - turns it round."
)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--all", "every", is_flag=True, help="Every page, one snapshot.")
@identity
def list_cases(client: Client, *, every: bool, **asked: str | int | None) -> None:
    """Cases by filter, newest first."""
    shell = shell_of()
    query = {name: value for name, value in asked.items() if value is not None}
    query |= _agency_of(client, asked) | _agency_of(client, asked, "counted_agency")
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
@click.option("--as-of", type=AS_OF_TEXT, default=None)
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
@identity
def show_case(client: Client, id_: str, as_of: str | None, clock: str | None) -> None:
    """The case file. CASE is its number, its row in the list shown last, or how its id begins."""
    _show(client, id_, as_of, clock)


@case.command("as-of")
@click.argument("id_", metavar="CASE")
@click.argument("moment", type=AS_OF_TEXT, metavar="TIME|DAY|INDEX")
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
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
@click.option("--as-of", type=AS_OF_TEXT, default=None)
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
@click.option("--as-of", type=AS_OF_TEXT, default=None)
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
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
    """Every statement's verdict, and every proof checked here. Exit 1 unless VALID."""
    shell = shell_of()
    body = client.verification(case_id(client, id_))
    bad = list(bad_proofs(client, body, vkey))
    ok = body["outcome"] == "VALID" and proven(body) and not bad
    if shell.json:
        shell.give({**body, "ok": ok, "proofs_failed": bad})
    else:
        case_tables.verification(shell, body, bad)
    sys.exit(0 if ok else 1)


@case.command("diff")
@click.argument("id_", metavar="CASE")
@click.argument("from_", type=AS_OF_TEXT, metavar="FROM")
@click.argument("to", type=AS_OF_TEXT, metavar="[TO]", required=False)
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
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
@click.option("--as-of", type=AS_OF_TEXT, default=None)
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
@click.option("--team", is_flag=True, help="The whole agency's, for its supervisors.")
@identity
def worklist(client: Client, *, team: bool) -> None:
    """What waits for the caller: to sign, due, overdue, with the clock and its source."""
    shell = shell_of()
    body = client.read("/v1/worklist", query={"team": "true"} if team else None).body
    if shell.json:
        shell.give(body)
        return
    if team and not body["team"]:
        shell.say(
            Message("You hold no post that supervises an agency; this is what waits for you.")
        )
    team = bool(body["team"])
    rows = [(part, line) for part in PARTS_OF_WORK for line in body.get(part, ())]
    columns = TASKS_OF_ALL if team else _TASKS
    tasks = (task_row(shell, part, line, team=team) for part, line in rows)
    shell.table(columns, tasks, whole=("number", "officer"), widths=TASK_WIDTHS)
    if not rows:
        shell.say(
            Message("Nothing waits for your agency.")
            if team
            else Message("Nothing waits for you; supervisors see the whole agency: --team.")
        )
    if team:
        _measures(client, shell)


def _measures(client: Client, shell: Shell) -> None:
    """Measures that hold and have no finding, which no clock may ask about; the newest of them."""
    query = {"figure": NO_FINDING.code, "limit": _MEASURES}
    try:
        body = client.read("/v1/acts", query=query).body
    except Refused as refused:
        if refused.code != "ordinary_only":
            raise
        return
    if body["acts"]:
        shell.say(NO_FINDING.title)
        case_tables.act_lines(shell, body["acts"], rows=False)
        told = f"  socai acts --figure {NO_FINDING.code}"
        shell.say(Wording(told, told))


@click.command()
@click.option("--agency", default=None, help="Agency of the author.")
@click.option("--act", type=ACT, default=None, help="Of this type: socai catalogue act")
@click.option("--flag", type=FLAG, default=None, help="Has had it: socai catalogue guard")
@click.option(
    "--figure",
    cls=CodeOption,
    type=FIGURE,
    default=None,
    help="Is counted by a figure of stats.",
)
@click.option("--late", is_flag=True, help="Entered late.")
@click.option("--pending", is_flag=True, help="Waiting for signatures.")
@click.option(
    "--kid",
    type=KEY_ID,
    default=None,
    help="Signed with this key; for supervisors and inspectors.",
)
@click.option("--from", "from_", default=None, type=DAY_TEXT, metavar="DAY")
@click.option("--to", default=None, type=DAY_TEXT, metavar="DAY")
@click.option("--clock", type=click.Choice(["recorded", "occurred"]), default=None)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--all", "every", is_flag=True, help="Every page, one snapshot.")
@identity
def acts(
    client: Client, *, every: bool, late: bool, pending: bool, **asked: str | int | None
) -> None:
    """Acts of all cases that you see, newest first; never by person."""
    shell = shell_of()
    query = {name.rstrip("_"): value for name, value in asked.items() if value is not None}
    query |= _agency_of(client, asked)
    if asked["kid"] is not None:
        query["kid"] = addresses.kid(client, str(asked["kid"]))
    query |= {name: "true" for name, on in (("late", late), ("pending", pending)) if on}
    if every:
        body = client.whole("/v1/acts", "acts", query=query)
    else:
        body = client.read("/v1/acts", query=query).body
    if shell.json:
        shell.give(body)
        return
    case_tables.act_lines(shell, body["acts"])
    shown_rows.keep(client, shown_rows.ACTS, [one["act_id"] for one in body["acts"]])
    if not body["acts"]:
        shell.say(Message("There is no such act among those that you see."))
    _counted(shell, body, "acts", f"-{asked['clock'] or 'recorded'}_at")
    if "next" in body:
        shell.say(Message("There are more: --all shows them, or narrow the filter."))


@click.command()
@click.option(
    "--since",
    type=click.IntRange(-1),
    default=None,
    metavar="INDEX",
    help="Behind this record; where you were last told if left out.",
)
@identity
def changes(client: Client, since: int | None) -> None:
    """What was recorded since your last visit, of what you see.

    Up to which record that was is kept in SOCAI_HOME, for each officer, by a call without --since.
    """
    shell = shell_of()
    start = shown_rows.visited(client) if since is None else since
    records = int(client.log()["records"])
    events: list[dict[str, Any]] = []
    reached = records - 1 if start is None else start
    while start is not None and len(events) < _MOST_NEW:
        found, last = client.feed(reached)
        events += [one["data"] for one in found]
        if last <= reached:
            break
        reached = last
    if since is None:
        shown_rows.visit(client, reached)
    if shell.json:
        shell.give({"since": start, "index": reached, "events": events})
        return
    if start is None:
        shell.say(Message("Your first visit here: from record {index} on.", index=reached))
        return
    case_tables.new_acts(shell, events)
    if not events:
        shell.say(Message("Nothing new behind record {index}, of what you see.", index=start))
    if len(events) >= _MOST_NEW:
        shell.say(Message("There may be more: socai changes --since {index}", index=reached))


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
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


@click.command()
@click.option("--from", "from_", default=None, type=DAY_TEXT, metavar="DAY")
@click.option("--to", default=None, type=DAY_TEXT, metavar="DAY")
@click.option("--agency", default=None)
@click.option(
    "--province", is_flag=True, help="Of all cases, over a calendar year; for whoever oversees."
)
@identity
def stats(
    client: Client, from_: str | None, to: str | None, agency: str | None, *, province: bool
) -> None:
    """Figures of a period and the oversight indicators, of the cases you see.

    Each can be counted again: socai case list --figure CODE lists the cases behind it. Of all cases
    (--province) cells too small to tell are left out.
    """
    shell = shell_of()
    of = "province" if province else None
    named = None if agency is None else addresses.agency(client, agency)
    query = {"from": from_, "to": to, "agency": named, "of": of}
    body = client.read("/v1/statistics", query=query).body
    if shell.json:
        shell.give(body)
        return
    first, last = case_words.day(body["from"]), case_words.day(body["to"])
    shell.say(
        Message(
            "{first} to {last} · cases: {cell}",
            first=first,
            last=last,
            cell=_cell(shell, body["total"]),
        )
    )
    shell.say(_COUNTED[body["of"]])
    shell.say(Message("Up to record {index} of the log.", index=body["index"]))
    if body["of"] == "seen":
        shell.say(Message("The cases behind a figure (CASES_IN: those that came in):"))
        asked = (
            f"  socai case list --figure CODE --counted-from {body['from']}"
            f" --counted-to {body['to']}"
        )
        shell.say(Wording(asked, asked))
    else:
        shell.say(Message("“{hidden}”: {means}.", hidden=HIDDEN, means=HIDDEN_MEANS))
    shell.table(
        ("what", "count", "cases"),
        (
            (
                f"{shell.local(f)}\n{shell.local(f, 'means')} ({f['code']})",
                _cell(shell, f["count"]),
                _cell(shell, f["cases"]),
            )
            for f in body["figures"]
        ),
        whole=("count", "cases"),
    )
    every = {"overturned_by_basis": body["overturned_by_basis"], **body["volumes"]}
    for kind, cells in every.items():
        shell.table(
            (kind, "count"),
            ((shell.local(c) or c["key"], _cell(shell, c["count"])) for c in cells),
        )
    medians = body["median_days"].items()
    shell.table(
        ("median_days", "days"), ((case_words.valued(shell, "outcome", o), n) for o, n in medians)
    )
    if province:
        shell.table(
            ("access_by_month", "month", "count"),
            (
                (shell.local(one), *month)
                for one in body["access_by_month"]
                for month in _months(shell, one["months"])
            ),
            whole=("month", "count"),
        )


def _months(shell: Shell, months: Sequence[Mapping[str, Any]] | None) -> Iterable[Sequence[str]]:
    """Month and figure; of what is not counted, as its name says, neither."""
    if months is None:
        return [("", "")]
    return [(shell.local(cell), _cell(shell, cell["count"])) for cell in months]


@click.command()
@click.argument(
    "what", type=click.Choice(["agencies", "officers", "keys", "instruments", "openings"])
)
@click.option("--as-of", type=AS_OF_TEXT, default=None)
@click.option("--function", default=None, help="Agencies that hold this function, e.g. LEAD.")
@click.option("--officer", default=None, help="One officer's line or keys.")
@click.option(
    "--rule",
    type=click.Choice(["A7", "A9", "A19"]),
    default=None,
    help="Openings by a grant, by an inspection order, or in an emergency.",
)
@click.option(
    "--running",
    type=click.Choice(["true", "false"]),
    default=None,
    help="Openings that run, or not.",
)
@click.option("--all", "every", is_flag=True, help="Also agencies that do not exist at the moment.")
@identity
def registry(client: Client, what: str, *, every: bool, **asked: str | None) -> None:
    """Agencies, officers, keys, instruments or who was let in, now or as of a moment."""
    shell = shell_of()
    query = {name: value for name, value in asked.items() if value is not None}
    if asked["officer"] is not None:
        query["officer"] = addresses.officer(client, asked["officer"])
    body = client.whole(f"/v1/{what}", what, query=query)
    if shell.json:
        shell.give(body)
        return
    lines = body[what]
    shown = [line for line in lines if every or line.get("exists", True)]
    columns, whole, row = _REGISTRY[what]
    shell.table(columns, (row(shell, line) for line in shown), whole=whole)
    if not lines:
        shell.say(Message("The registry has none such."))
    if months := body.get("by_month"):
        shell.say(Message("Emergency openings by month:"))
        columns = ("month", "opened", "reviewed_in_time", "reviewed_late", "not_reviewed")
        shell.table(columns, ([line[one] for one in columns] for line in months))
    if len(shown) < len(lines):
        gone = len(lines) - len(shown)
        shell.say(
            plural(
                "{n} agency that does not exist at that moment is left out; --all shows it.",
                "{n} agencies that do not exist at that moment are left out; --all shows them.",
                n=gone,
            )
        )


@click.group()
def keys() -> None:
    """Keys of officers: what one of them touched."""


@keys.command("affected")
@click.argument("kid", type=KEY_ID, metavar="KID")
@click.option(
    "--from",
    "from_",
    type=MOMENT_TEXT,
    default=None,
    metavar="TIME|DAY",
    help="Recorded then or later.",
)
@identity
def affected(client: Client, kid: str, from_: str | None) -> None:
    """Every statement, act and case that a key touched, before it is revoked and after."""
    shell = shell_of()
    named = addresses.kid(client, kid)
    body = client.read(f"/v1/keys/{named}/affected", query={"from": from_}).body
    if shell.json:
        shell.give(body)
    else:
        case_tables.affected(shell, body)


_NONE: Final = Message("You see no case as a whole; what waits for you in others: socai worklist")
_NO_SUCH: Final = Message("There is no such case among those that you see.")


def _agency_of(
    client: Client, asked: Mapping[str, object], option: str = "agency"
) -> dict[str, str]:
    """The agency that an option means, by its id, where one is named."""
    named = asked.get(option)
    return {} if named is None else {option: addresses.agency(client, str(named))}


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
    shown = len(body[rows])
    if not shown or not shell.console().is_terminal:
        return
    if "next" in body:
        shell.say(
            plural(
                "The first line of more; order: {sort}.",
                "The first {n} lines of more; order: {sort}.",
                n=shown,
                sort=sort,
            )
        )
        return
    shell.say(
        plural(
            "{n} line in all, of what you see; order: {sort}.",
            "{n} lines in all, of what you see; order: {sort}.",
            n=shown,
            sort=sort,
        )
    )


def _show(client: Client, id_: str, as_of: str | None, clock: str | None) -> None:
    shell = shell_of()
    body = client.case(case_id(client, id_), as_of=as_of, clock=clock)
    if shell.json:
        shell.give(body)
        return
    case_tables.case_file(shell, body)
    if as_of is None:
        relation_tables.relations(shell, client.relations(body["id"]), even_none=False)
    else:
        told = Message("Other cases and referrals are told as they are now: socai case relations")
        shell.say(told)


def proven(body: Mapping[str, Any]) -> bool:
    """Whether there is a proof for every statement; a server that gives none is not believed."""
    return all("proof" in line for line in body["statements"])


def bad_proofs(client: Client, body: Mapping[str, Any], vkey: VKey | None) -> Iterable[int]:
    """Indices whose proof is wrong: it does not lead from their entry to a signed checkpoint."""
    keys = log_keys(client, vkey)
    for line in body["statements"]:
        path = line.get("proof")
        if path is None:
            continue  # not proven yet: the outcome says so
        given = {**path, "index": line["index"], "checkpoint": body["checkpoint"]}
        try:
            proof.verify_inclusion(
                proof.inclusion_from_json(given),
                canonical.unb64(line["entry"]),
                keys,
                origin=client.origin,
            )
        except VerificationError:
            yield line["index"]


def _changes(client: Client, case: str, body: Mapping[str, Any]) -> None:
    shell = shell_of()
    if shell.json:
        shell.give(body)
    else:
        case_tables.changes(shell, body["changes"], client.case(case))


def _history(shell: Shell, pointer: str, changes: Sequence[Mapping[str, Any]]) -> None:
    """One field's values, one after the other."""
    if not changes:
        shell.say(Message("This field has had no value yet."))
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


def task_row(shell: Shell, part: str, line: Mapping[str, Any], *, team: bool) -> tuple[object, ...]:
    """A line of work as a row of the table of whoever asks, or of a whole agency."""
    at = line.get("due_at")
    due = case_words.when(at)
    status = None if at is None and line.get("code") is None else word(line["status"], shell.lang)
    what = (
        word(part, shell.lang),
        line["case_number"] or line["register_no"] or line["stream"].rpartition("/")[2][:8],
        "\n".join(filter(None, (line.get(f"act_{shell.lang}"), line["title"]))),
    )
    why = (_move(shell, line), case_words.source(shell, line))
    if not team:
        return (*what, due, status, *why)
    below = ("\n".join(filter(None, both)) for both in ((due, status), why))
    return (*what, *below, str(line.get("officer") or "–")[:8])


def _move(shell: Shell, line: Mapping[str, Any]) -> str | None:
    """The clock, and of what others are asked whom; of what is to be signed in which post."""
    if line["kind"] == _HOLDING:
        return shell.text(Message("end of what is named to you"))
    if line["kind"] == _DISPUTED:
        return shell.text(Message("signed with a revoked key"))
    if line["waits_for"] is not None:
        return f"{shell.local(line, 'clock')}\n→{line['waits_for_label'] or line['waits_for']}"
    told: str | None = shell.local(line, "clock") or line["post_vi"]
    return told


def _agency(_: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    return line["agency"], line.get("label") or line.get("name"), line.get("functions") or ""


def _officer(shell: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    gone = shell.text(Message(" (not held that day)"))
    posts = [
        f"{post['post_vi']}, {post['agency_name']}{'' if post['on_day'] else gone}"
        for post in line.get("posts", ())
    ]
    return line["officer"], "\n".join(posts), "\n".join(kid[:10] for kid in line.get("keys", ()))


def _key(shell: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        line["kid"],
        str(line.get("officer") or "–")[:8],
        word(str(line.get("custody")), shell.lang),
        word(str(line.get("status")), shell.lang),
        case_words.day(line.get("valid_to")),
        line.get("enrolled_index"),
    )


def _instrument(_: Shell, line: Mapping[str, Any]) -> tuple[object, ...]:
    first, last = (
        case_words.day(line.get("in_force_from")),
        case_words.day(line.get("in_force_to")),
    )
    return line["instrument"], line.get("title"), first, last


def _opening(shell: Shell, line: Mapping[str, Any]) -> Sequence[object]:
    """Who was let in where; the act says why."""
    named = [case.removeprefix("case/") for case in line["cases"]] or line["agencies"]
    named = named or [line["stream"].removeprefix("agency/")]
    running = Message("runs") if line["running"] else Message("has ended")
    status = [shell.text(running)]
    if line["review"] is not None:
        status.append(shell.text(_REVIEWS[line["review"]]))
    until = case_words.when(line["revoked_at"] or line["until"])
    what = "\n".join(named)
    act = f"{line['rule']} {shell.local(line, 'act')}"
    return act, line["officer"], what, until, ", ".join(status), line["act_id"]


_IDS: Final = ("act_id", "officer")
_REVIEWS: Final[Mapping[str, Message]] = {
    "REVIEWED": Message("reviewed"),
    "DUE": Message("to be reviewed"),
    "OVERDUE": Message("review overdue"),
}
_REGISTRY: Final = {
    "agencies": (("agency", "name", "functions"), ("agency",), _agency),
    "officers": (("officer", "post", "kid"), ("officer", "kid"), _officer),
    "keys": (("kid", "officer", "custody", "status", "to", "index"), ("kid", "officer"), _key),
    "instruments": (("number", "name", "from", "to"), ("number", "from", "to"), _instrument),
    "openings": (("rule", "officer", "what", "until", "status", "act_id"), _IDS, _opening),
}


def _cell(shell: Shell, count: object) -> str:
    return shell.text(HIDDEN) if count is None else str(count)
