"""`socai edition`: a change of the rules, written in tables, checked, shown in words and signed.

For a legal officer, who needs no program: new act types, clocks, agencies that end or are renamed,
holidays. What is signed is the change itself, so that the log holds its rules.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click

from api.cli.commands.record import give_signed, new_id, one_keeper
from api.cli.commands.signer_options import identity, signing_time
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, fail, misuse, options, shell_of, visible
from api.cli.terminal.typed_values import MOMENT
from api.client.client import Client
from api.client.connection import understood
from api.ops.machine import RealClock
from ledger.admission.registrar import registry_act
from ledger.message import Message, Text, plural
from ledger.regulation.edition import ADOPTION, Edition, load_edition
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.sheets.difference import difference, judged_otherwise
from ledger.regulation.sheets.draft import RuleDraft, read
from ledger.regulation.sheets.tables import TABLES, Table

LEGAL: Final = "LEGAL_OFFICER"
_OVER: Final = frozenset({"CLOSED", "ARCHIVED"})

folder = click.argument(
    "folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False)
)
tables = click.argument(
    "folder", metavar="FOLDER", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
after = click.option(
    "--after",
    "earlier",
    metavar="FOLDER",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Tables that were adopted before these, oldest first.",
)


@click.group()
def edition() -> None:
    """Change the rules by tables: new, check, diff, try, adopt."""


@edition.command()
@folder
@options
@guarded
def new(folder: Path) -> None:
    """Write empty tables into FOLDER, one a subject; lines that begin with # are examples."""
    there = [table.file for table in TABLES if (folder / table.file).exists()]
    if there:
        misuse(
            Message(
                "Nothing was written: {folder} has {files} already; name another folder.",
                folder=folder, files=", ".join(there),
            )
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        # a spreadsheet takes a file for UTF-8 by the mark at its beginning
        (folder / table.file).write_text(_empty(table), encoding="utf-8-sig")
    shell_of().done(
        Message(
            "{count} tables are in {folder}: fill them, then run socai edition check {folder}.",
            count=len(TABLES), folder=folder,
        ),
        files=[table.file for table in TABLES],
    )  # fmt: skip


@edition.command()
@tables
@after
@options
@guarded
def check(folder: Path, earlier: tuple[Path, ...]) -> None:
    """Say what is wrong with the tables in FOLDER, with file and line."""
    made = _sound(folder, _base(earlier), local_day(RealClock().now()))
    shell_of().done(
        Message("The tables are in order: edition of digest {digest}.", digest=made.digest),
        digest=made.digest,
    )


@edition.command()
@tables
@after
@options
@guarded
def diff(folder: Path, earlier: tuple[Path, ...]) -> None:
    """Say in words what the tables in FOLDER change."""
    base = _base(earlier)
    shell, lines = shell_of(), list(difference(base, _sound(folder, base)))
    if shell.json:
        shell.give([shell.text(line) for line in lines])
        return
    for line in lines:
        shell.say(line)


@edition.command("try")
@tables
@after
@identity
def try_(client: Client, folder: Path, earlier: tuple[Path, ...]) -> None:
    """Say which open cases, of those that whoever asks sees, would be judged otherwise."""
    base, shell = _base(earlier), shell_of()
    today = local_day(signing_time(client))
    found = touched(client, base, _sound(folder, base), today)
    if shell.json:
        shell.give({case: [shell.text(t) for t in texts] for case, texts in found.items()})
        return
    if not found:
        shell.say(Message("No open case that you see would be judged otherwise."))
    for case, texts in found.items():
        told = "; ".join(shell.text(t) for t in texts)
        shell.say(Message("case {case}: {found}", case=case, found=told))


@edition.command()
@tables
@after
@click.option("--name", "called", required=True, help="What the edition is called, e.g. 2-bn.1.")
@click.option("--summary", required=True, help="What changes, in words; everybody reads it.")
@click.option("--document", required=True, help="The document it rests on.")
@click.option("--approver", required=True, metavar="OFFICER", help="The legal officer (uuid).")
@click.option("--iat", type=MOMENT, default=None, help="When it is signed; now if left out.")
@identity
def adopt(
    client: Client,
    folder: Path,
    earlier: tuple[Path, ...],
    approver: str,
    iat: datetime | None,
    **said: str,
) -> None:
    """Sign EditionAdopted for the tables in FOLDER, as a registrar.

    What they change is shown first. The statement is printed, to be sent by `socai act submit -`;
    the legal officer then signs by `socai act sign --countersign ACT_ID`, and the edition is in
    force from the next record on.
    """
    shell, base = shell_of(), _base(earlier)
    draft = _draft(folder, base, local_day(signing_time(client)))
    for line in difference(base, base.changed(said["called"], draft.change)):
        shell.note(line)
    give_signed(client, adoption(client, base, draft, approver, iat, **said), "ledger", iat)


def touched(
    client: Client, base: Edition, made: Edition, today: date
) -> Mapping[str, Sequence[Text]]:
    """What would be otherwise, by open case that whoever asks sees; the others are left out."""
    found = {}
    for page in client.pages("/v1/cases"):
        with understood():
            open_ = [str(c["id"]) for c in page["cases"] if c["state"] not in _OVER]
        for case in open_:
            texts = list(judged_otherwise(client.case(case), base, made, today))
            if texts:
                found[case] = texts
    return found


def adoption(  # noqa: PLR0913 - what the act says
    client: Client,
    base: Edition,
    draft: RuleDraft,
    approver: str,
    iat: datetime | None,
    *,
    called: str,
    summary: str,
    document: str,
) -> dict[str, Any]:
    """EditionAdopted as the ledger would take it; nothing is signed."""
    client.login()
    at = iat or signing_time(client)
    signers = [
        one_keeper(client, KEEPER, "AUTHOR", client.officer),
        one_keeper(client, LEGAL, "APPROVER", approver),
    ]
    facts = {
        "edition": called,
        "digest": base.changed(called, draft.change).digest,
        "base": base.digest,
        "change": draft.change,
        "summary": summary,
        "basis_document": document,
    }
    act = registry_act(
        ADOPTION, act_id=new_id(), stream="ledger", at=at, facts=facts, signers=signers
    )
    answer = client.check(act)
    if not answer.get("ok"):
        code = str(answer.get("guard") or answer.get("code"))
        fail(Message("Nothing was signed. {error}", error=str(answer.get("detail") or code)), code)
    return act


def _base(earlier: Iterable[Path]) -> Edition:
    """The edition that the tables are to follow: the newest shipped one, and what came since."""
    base = load_edition()
    for one in earlier:
        base = _sound(one, base)
    return base


def _sound(folder: Path, base: Edition, on: date = date.min) -> Edition:
    return base.changed("", _draft(folder, base, on).change)


def _draft(folder: Path, base: Edition, on: date = date.min) -> RuleDraft:
    """The tables of a folder, if they are in order on a day; else each fault is told."""
    draft = read(_files(folder), base, on)
    if draft.faults:
        _tell(shell_of(), folder, draft)
    return draft


def _files(folder: Path) -> Mapping[str, str]:
    try:
        return {p.name: p.read_text(encoding="utf-8-sig") for p in sorted(folder.glob("*.csv"))}
    except UnicodeDecodeError:
        misuse(Message("Nothing was done: the tables in {folder} are not UTF-8.", folder=folder))


def _tell(shell: Shell, folder: Path, draft: RuleDraft) -> None:
    lines = [
        {
            "file": None if fault.place is None else fault.place.file,
            "line": None if fault.place is None else fault.place.line,
            "text": shell.text(fault.text),
        }
        for fault in draft.faults
    ]
    for line in lines if not shell.json else ():
        name = line["file"]
        where = str(folder) if name is None else f"{folder / str(name)}:{line['line']}"
        click.echo(visible(f"{where}: {line['text']}"), err=True)
    fail(
        plural(
            "The tables have {n} fault; nothing was done.",
            "The tables have {n} faults; nothing was done.",
            n=len(lines),
        ),
        "edition_faults",
        faults=lines,
    )


def _empty(table: Table) -> str:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(table.headings)
    example: list[Any] = [column.example for column in table.columns]
    rows.writerow([f"# {example[0]}", *example[1:]])
    return out.getvalue()
