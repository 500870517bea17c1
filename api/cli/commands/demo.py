"""`socai demo`: two cases from first report to proof, then a forger; leaves the data to be served.

It plays, shows and audits with the same code as `play`, `case`, `log audit`; nothing here is
staged.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from api.cli.commands import demo_enclaves, play
from api.cli.commands.reading.statement_proofs import bad_proofs, case_faults, proven
from api.cli.commands.signer_options import client_at, origin_of, signer_of
from api.cli.terminal import case_tables, seen_tables
from api.cli.terminal.audit_tables import progressing, show
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, options, shell_of
from api.client.client import Client
from api.home import Home
from api.ops import database
from api.ops.beginning.room import Need, require_room
from api.ops.enclave_audit import run
from api.ops.init_enclave import REHEARSAL_OPENS, Plan, found
from api.ops.role_lock import require_unserved
from api.ops.service.roles import ROLES
from api.rehearsal import tampering_drill
from api.rehearsal.enclaves import player_at, served, venue_of
from api.rehearsal.eyes import SeenCase, seen_by
from api.rehearsal.forgery import copied
from api.rehearsal.player import Outcome
from api.rehearsal.scenario import Play, read_files, shipped
from api.rehearsal.tampering_drill import WHAT, Caught
from api.settings import Settings, SettingsError
from ledger.message import Message, Text, Wording, plural

FILES: Final = ("SC1", "SC2")
LEAD: Final = "cv"
DISTRICT: Final = "tb"
_PAGES: Final = "http://127.0.0.1:8000/"
#: Who is asked what they see: one of the lead agency, of a district, of an operator that was sent
#: an order, and the registrar, who keeps the registry and takes part in no case.
EYES: Final = (LEAD, DISTRICT, "nm", None)
_DEPLOYMENT: Final = "rehearsal.bacninh.example"
TAKES: Final = Need(disk_mib=512, memory_mib=640)
"""Measured: 520 MiB of memory and 90 MiB of disk; below 256 MiB free writes are refused."""


@click.command()
@click.option("--fresh", is_flag=True, help="Set an earlier rehearsal of this home aside first.")
@click.option(
    "--remove-earlier",
    "remove",
    is_flag=True,
    help="Instead: remove what earlier demos left beside this home, each named.",
)
@click.option(
    "--enclaves",
    is_flag=True,
    help="Instead: one case in an ordinary enclave and one of level mat above it (3 minutes).",
)
@options
@guarded
def demo(*, fresh: bool, enclaves: bool, remove: bool) -> None:
    """Open a rehearsal, play two cases over HTTP, prove them, catch every forgery."""
    shell = shell_of()
    settings = Settings.from_env()
    if remove:
        _remove_earlier(shell, settings)
        return
    if enclaves:
        demo_enclaves.show(shell, settings, _program())
        return
    _begin(shell, settings, fresh=fresh)
    with ExitStack() as ending:
        ending.callback(database.stop_database, settings)
        outcomes, shown, backup = _played(shell, settings, ending)
        facts = database.running_facts(settings)
        _head(shell, "4", Message("Audit of the whole log"))
        with progressing(shell) as progress:
            audited = run(settings, facts, progress)
        if not shell.json:
            show(shell, audited)
        _head(shell, "5", Message("The tampering drill, on copies"))
        with progressing(shell) as progress:
            caught = tampering_drill.drill(settings, facts, progress)
            caught.append(tampering_drill.enrolled(settings, facts, progress))
        caught.append(tampering_drill.restored(settings, facts, backup))
    ok = all(o.ok for o in outcomes) and shown and audited.ok and all(c.ok for c in caught)
    if shell.json:
        shell.give(
            {
                "ok": ok,
                "plays": [play.as_json(o) for o in outcomes],
                "audit": audited.as_dict(),
                "drill": [
                    {"forgery": c.forgery, "touched": c.touched, "found": c.found, "kind": c.kind}
                    for c in caught
                ],
            }
        )
    else:
        _caught(shell, caught)
        _next(shell, settings, outcomes)
    sys.exit(0 if ok else 1)


def _begin(shell: Shell, settings: Settings, *, fresh: bool) -> None:
    """A new rehearsal in the home; an earlier one that was begun by a demo may be set aside."""
    home = Home(settings)
    if not shell.json:
        shell.say(
            Message(
                "Takes {memory} MiB of memory and {disk} MiB of disk in {home}.",
                memory=TAKES.memory_mib,
                disk=TAKES.disk_mib,
                home=settings.home,
            )
        )
    require_room(settings.home, TAKES)
    if home.facts_path.exists() and (fresh or home.facts().origin.startswith(_DEPLOYMENT)):
        _set_aside(shell, settings)
    _head(shell, "1", Message("A rehearsal ledger"))
    opened = datetime.fromisoformat(REHEARSAL_OPENS)
    made = found(settings, Plan(_DEPLOYMENT, "ordinary", rehearsal=True, at=opened))
    if not shell.json:
        shell.say(Wording(made.facts.origin, made.facts.origin))
        shell.say(Message("Genesis digest: {genesis}", genesis=made.facts.genesis))


def _set_aside(shell: Shell, settings: Settings) -> None:
    require_unserved(settings.home, *ROLES)
    database.stop_database(settings)
    number = 1
    while (aside := settings.home.with_name(f"{settings.home.name}.{number}")).exists():
        number += 1
    settings.home.rename(aside)
    shell.note(Message("The earlier rehearsal is now {aside}", aside=aside))


def earlier(settings: Settings) -> list[Path]:
    """Homes of demos that were set aside beside this one, in the order of their numbers.

    Whatever else has such a name is no demo's, and stays.
    """
    found = settings.home.parent.glob(f"{settings.home.name}.*")
    numbered = [(int(path.suffix[1:]), path) for path in found if path.suffix[1:].isdigit()]
    return [path for _, path in sorted(numbered) if _is_demo(path)]


def _is_demo(path: Path) -> bool:
    home = Home(Settings.at(path))
    try:
        return home.facts_path.exists() and home.facts().origin.startswith(_DEPLOYMENT)
    except SettingsError:
        return False


def _remove_earlier(shell: Shell, settings: Settings) -> None:
    """Each is stopped first; one that is being served stays, and ends the command."""
    gone = []
    for path in earlier(settings):
        own = Settings.at(path)
        require_unserved(path, *ROLES)
        database.stop_database(own)
        shutil.rmtree(path)
        gone.append(path)
        if not shell.json:
            shell.say(Message("Removed: {path}", path=str(path)))
    if shell.json:
        shell.give({"removed": [str(path) for path in gone]})
    elif not gone:
        shell.say(Message("No earlier demo lies beside {home}.", home=str(settings.home)))


def _played(shell: Shell, settings: Settings, ending: ExitStack) -> tuple[list[Outcome], bool, str]:
    """Plays both files and shows both cases, with a backup of the database between them.

    Returns:
        What came out, whether every verdict is VALID, and the backup; it is gone with `ending`.
    """
    _head(
        shell,
        "2",
        Message("Two cases, each act signed by its officer"),
    )
    first, second = read_files([shipped(name) for name in FILES])
    with _served(shell, settings, first) as (one, url):
        shown = _case(shell, settings, url, one)
    facts = Home(settings).facts()
    backup = ending.enter_context(
        copied(database.admin_dsn(settings), str(facts.database["dbname"]), "backup")
    )
    with _served(shell, settings, second) as (other, url):
        shown = _case(shell, settings, url, other) and shown
        if not shell.json:
            _who_sees_what(shell, settings, url, [one, other])
    return [one, other], shown, backup


@contextmanager
def _served(shell: Shell, settings: Settings, one: Play) -> Iterator[tuple[Outcome, str]]:
    """Plays one file and shows it; the ledger answers at that address until the block ends."""
    with served(replace(settings, workers=1), keep_database=True) as url:
        with player_at(venue_of(settings, url, None), shell.lang) as player:
            outcome = player.play(one)
        if not shell.json:
            play.show(shell, outcome)
        yield outcome, url


def _case(shell: Shell, settings: Settings, url: str, outcome: Outcome) -> bool:
    """One case as its file, its history and its verification."""
    case_id = next(iter(outcome.threads.cases.values()))
    with closing(_client(settings, url, LEAD)) as client:
        body, verified = client.case(case_id), client.verification(case_id)
        bad = list(bad_proofs(client, verified, None))
        faults = case_faults(client, case_id, verified, None)
        if not shell.json:
            case_tables.case_file(shell, body)
            case_tables.timeline(shell, client.case_acts(case_id)["acts"])
            case_tables.verification(shell, verified, bad, faults)
    return verified["outcome"] == "VALID" and proven(verified) and not (bad or faults)


def _client(settings: Settings, url: str, alias: str | None) -> Client:
    """Whoever is named asks; the registrar where nobody is."""
    return client_at(url, signer_of(settings, alias, None), origin_of(settings))


def _who_sees_what(shell: Shell, settings: Settings, url: str, outcomes: Sequence[Outcome]) -> None:
    """Both cases in the eyes of several officers, each in a session of their own."""
    _head(shell, "3", Message("Who sees what"))
    ids = [next(iter(outcome.threads.cases.values())) for outcome in outcomes]
    rows, columns = [], ["participant"]
    with closing(_client(settings, url, LEAD)) as lead:
        columns += [str(lead.case(case)["case_number"]) for case in ids]
    for alias in EYES:
        with closing(_client(settings, url, alias)) as client:
            seen = seen_by(client, ids).cases
            parts = [seen_tables.part(*seen.get(case, SeenCase(None, ()))) for case in ids]
            rows.append((_post(client), *map(shell.text, parts)))
    shell.table(columns, rows, widths=dict.fromkeys(columns, 26))


def _post(client: Client) -> str:
    """The post and agency of whoever asks."""
    line = client.json("GET", f"/v1/officers?officer={client.officer}")["officers"][0]
    held = next((post for post in line["posts"] if post["on_day"]), None)
    return "–" if held is None else f"{held['post_vi']}, {held['agency_name']}"


def _caught(shell: Shell, caught: Sequence[Caught]) -> None:
    shell.table(
        ("what", "index", "kind", "note", "result"),
        (
            (shell.text(WHAT[c.forgery]), c.found, c.kind, shell.text(c.said), "✓" if c.ok else "✗")
            for c in caught
        ),
        whole=("index", "kind"),
    )


def _head(shell: Shell, number: str, what: Message) -> None:
    if not shell.json:
        shell.say(Message("\n── {number}. {what} ──", number=number, what=what))


def _program() -> str:
    """How this program was called, as one would type it again."""
    called = Path(sys.argv[0])
    if called.name != "socai" or shutil.which("socai"):
        return "socai"
    here = Path.cwd()
    return str(called.relative_to(here)) if called.is_relative_to(here) else str(called)


def _next(shell: Shell, settings: Settings, outcomes: list[Outcome]) -> None:
    home = "" if settings.home == Path(".socai").absolute() else f"SOCAI_HOME={settings.home} "
    socai = f"{home}{_program()}"
    case_id = next(iter(outcomes[0].threads.cases.values()))
    lines: tuple[tuple[str, Text], ...] = (
        (f"{home}make serve", Message("serve this ledger on port 8000")),
        (_PAGES, Message("its pages, in a browser; paste there what one of these prints")),
        (f"{socai} sign-in {_PAGES} --as {LEAD}", Message("an officer of the lead agency")),
        (f"{socai} sign-in {_PAGES} --as {DISTRICT}", Message("an officer of a district")),
        (f"{socai} tour", Message("twelve questions, each with its command")),
        (f"{socai} case history {case_id}", Message("one case's history")),
        (
            f"{socai} worklist --as cv",
            Message("what waits for one officer"),
        ),
        (f"{socai} token --as cv", Message("a token for the API")),
        (f"{socai} log audit", Message("audit again")),
        (f"{_PAGES}docs", Message("the API, documented, in a browser")),
    )
    if left := earlier(settings):
        lines += (
            (
                f"{socai} demo --remove-earlier",
                plural(
                    "remove {n} earlier demo: {paths}",
                    "remove {n} earlier demos: {paths}",
                    n=len(left),
                    paths=", ".join(path.name for path in left),
                ),
            ),
        )
    _head(shell, "6", Message("What to type next"))
    for command, text in lines:
        click.echo(f"  {command:<64} # {shell.text(text)}")
