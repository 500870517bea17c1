"""For the operator: make an enclave, run it, migrate it, look after its views.

One function a command; founding, supervising and projecting are other files.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from math import inf
from pathlib import Path
from threading import Event, Timer
from typing import Final, TypeVar

import click
from rich.progress import Progress, TaskID

from api.cli.commands.health.group import both, custody_words, unwell
from api.cli.commands.log.doubt import refuse_in_doubt, remember
from api.cli.commands.log.kept_checkpoint import CheckpointFile, KeptCheckpoint
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, fail, give_up_output, misuse, options, shell_of, visible
from api.cli.terminal.typed_values import MOMENT
from api.home import EnclaveFacts, Home
from api.ops import database, log_lines, loops
from api.ops.beginning import unfounded
from api.ops.child_processes import BARRED, undisturbed
from api.ops.custody import CUSTODIES
from api.ops.embedded_postgres import EmbeddedError
from api.ops.init_enclave import REHEARSAL_OPENS, Founded, Plan, found, found_reads
from api.ops.machine import RealClock, RealEntropy
from api.ops.mirror import slots
from api.ops.output import Output
from api.ops.patience import once_there
from api.ops.role_lock import Lock
from api.ops.service.roles import CHECKPOINTER, KEEPER, PROJECTOR, ROLES, served
from api.ops.service.supervisor import NotReady, Supervisor
from api.ops.wiring.logins import require_schema, role_dsn
from api.ops.wiring.projector import open_projector
from api.settings import LEVELS, Settings
from api.texts.labels import word
from ledger.errors import Unavailable
from ledger.message import Message, Text, Wording
from ledger.ports import LogHead
from ledger.postgres.connect import connect, open_pool
from ledger.postgres.records import PostgresRecords
from ledger.regulation.registry.calendar import VIETNAM
from projections.engine import generations
from projections.engine import projector as runner
from projections.views.all_views import VIEWS

T = TypeVar("T")
_VIEW_WAIT_S: Final = 0.2
_ADMIN_PASSWORD: Final = click.option(
    "--database-password",
    type=click.Path(path_type=Path, exists=True),
    default=None,
    help="File with the password of the administrator of SOCAI_DATABASE_URL.",
)


@click.command()
@click.option(
    "--deployment", required=True, help="First part of the log's origin, e.g. bacninh.example."
)
@click.option(
    "--level", type=click.Choice(LEVELS), default="ordinary", show_default=True, help="Of secrecy."
)
@click.option(
    "--rehearsal", is_flag=True, help="Record 0 says so for ever; clients may set the clock."
)
@click.option(
    "--at",
    type=MOMENT,
    default=None,
    help=f"When a rehearsal is opened; {REHEARSAL_OPENS} if left out.",
)
@click.option(
    "--if-missing", is_flag=True, help="An enclave that is there already is brought up to date."
)
@click.option(
    "--custody",
    type=click.Choice(CUSTODIES),
    default=CUSTODIES[0],
    show_default=True,
    help="What keeps the KEK: a file, or the token SOCAI_PKCS11_TOKEN.",
)
@_ADMIN_PASSWORD
@options
@guarded
def init(  # noqa: PLR0913  one for each option
    deployment: str,
    level: str,
    at: datetime | None,
    database_password: Path | None,
    custody: str,
    *,
    rehearsal: bool,
    if_missing: bool,
) -> None:
    """Make an enclave in SOCAI_HOME: schema, roles, keys, record 0. Prints the genesis digest.

    Passphrases come from SOCAI_PASSPHRASE_FILE; a rehearsal makes its own and keeps it in the home.
    With SOCAI_DATABASE_URL, its administrator's password is in --database-password, else in
    secrets/postgres.password.
    """
    shell = shell_of()
    settings = Settings.from_env()
    if if_missing and Home(settings).facts_path.exists():
        unfounded.end(settings)
        _once_reached(lambda: _brought_up(shell, settings, database_password))
        return
    if at is not None and not rehearsal:
        misuse(
            Message(
                "Nothing was made: only a rehearsal takes --at; leave it out or add --rehearsal."
            ),
        )
    usual = datetime.fromisoformat(REHEARSAL_OPENS) if rehearsal else RealClock().now()
    opened = (at or usual.astimezone(VIETNAM)).replace(microsecond=0)
    plan = Plan(deployment, level, rehearsal, opened, database_password, custody.upper())
    made = _once_reached(lambda: found(settings, plan)) if if_missing else found(settings, plan)
    try:
        _note_lacking(shell, settings, made.facts, database_password)
    finally:
        database.stop_database(settings)
    _show_founded(shell, settings, made)


def _brought_up(shell: Shell, settings: Settings, password_file: Path | None) -> bool:
    with database.reachable(settings) as facts:
        if _migrated(shell, settings, facts, password_file):
            if not shell.json:
                shell.say(_genesis(facts))  # who made it, and said so, may be a container that went
            shell.done(Message("The enclave was there; its schema is up to date."))
    return True


def _genesis(facts: EnclaveFacts) -> Message:
    return Message(
        "Genesis digest (publish it, keep it on paper): {genesis}", genesis=facts.genesis
    )


def _once_reached(make: Callable[[], T]) -> T:
    """What a start makes that nobody types: a database that does not answer yet is waited for.

    A minute long; it leaves nothing behind each time. Whoever types it is told at once.
    """
    over = Event()
    timer = Timer(_REACHED_S, over.set)
    timer.daemon = True
    timer.start()
    try:
        made = once_there(make, over, "init")
    finally:
        timer.cancel()
    return make() if made is None else made


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="Default SOCAI_PORT, else 8000."
)
@click.option(
    "--role",
    type=click.Choice([*ROLES, KEEPER, "all"]),
    default="all",
    show_default=True,
    help="What is run.",
)
@click.option(
    "--hold", is_flag=True, help="A loop that stops on doubt stays, doing nothing, to be looked at."
)
@click.option(
    "--checkpoint",
    "known",
    type=KeptCheckpoint(),
    default=None,
    help="The log's last known checkpoint, on a machine that has seen none; the log must hold it.",
)
@options
@guarded
def serve(port: int | None, role: str, known: CheckpointFile | None, *, hold: bool) -> None:
    """Run the enclave: api, checkpointer and projector as processes, started again when killed."""
    settings = Settings.from_env()
    if port is not None:
        settings = replace(settings, port=port)
    Home(settings).facts()
    note = None if known is None else known.note
    if role in (CHECKPOINTER, PROJECTOR, KEEPER):
        sys.exit(_alone(settings, role, note, hold=hold))
    shell, started = shell_of(), served(settings) if role == "all" else [role]
    supervisor = _supervisor(settings, shell)
    if role == "all":
        supervisor.branch_off()
    supervisor.claim(started)
    try:
        loops.leave_when_told()
        if role == "all":
            refuse_in_doubt(settings)
        remember(settings, [one for one in started if one in ROLES], note)
        facts = _facts_once_up(settings)
        patience_s = _patience_s(supervisor.say, role_dsn(settings, facts, "reader"))
        stop = loops.until_told()
        supervisor.start(started, stop)
        if role == "all":
            _await_ready(shell, supervisor, stop, patience_s)
        if facts.rehearsal:
            supervisor.say(Message("This is a REHEARSAL."))
        supervisor.watch(stop)
    finally:
        _end(settings, supervisor, role)


def _end(settings: Settings, supervisor: Supervisor, role: str) -> None:
    with undisturbed():  # told again while it starts, it would leave its database
        supervisor.stop()
        if role == "all":
            database.stop_database(settings, supervisor.left_s)


def _facts_once_up(settings: Settings) -> EnclaveFacts:
    """The facts, the embedded server up: what is left of a killed one may take long to end."""
    for _ in range(_STARTS - 1):
        with suppress(EmbeddedError):
            return database.running_facts(settings)
        Event().wait(1.0)
    return database.running_facts(settings)


def _patience_s(say: Callable[[Text], None], dsn: str) -> float:
    """How long the service may take to be ready; a database that is away is waited for."""
    try:
        require_schema(dsn)
    except Unavailable:
        say(_AWAITED)
        return inf
    return _READY_S


def _alone(settings: Settings, role: str, known: bytes | None, *, hold: bool) -> int:
    """One loop in this very process, for a supervisor of the operator's own."""
    with closing(Lock(settings.home)) as lock:
        lock.take(role)
        lock.use(Home(settings).seen_folder(role))
        log_lines.configure(settings.log_level)
        remember(settings, [role] if role in ROLES else [], known)
        return _loop(settings, role, hold=hold)


@click.command()
@_ADMIN_PASSWORD
@options
@guarded
def migrate(database_password: Path | None) -> None:
    """Bring the schema of the enclave's database up to date; an edited migration is refused."""
    settings = Settings.from_env()
    with database.reachable(settings) as facts:
        if _migrated(shell_of(), settings, facts, database_password):
            shell_of().done(Message("The schema is up to date."))


def _migrated(
    shell: Shell, settings: Settings, facts: EnclaveFacts, password_file: Path | None
) -> bool:
    """False where a newer program has done so: it is said, and the schema left as it is."""
    newer = database.newer_than_this(settings, facts.slug, password_file)
    if newer:
        shell.done(
            Message(
                "A newer program has migrated this database ({names}), and this one may serve it:"
                " its schema is left as it is.",
                names=", ".join(newer),
            )
        )
        return False
    database.make_schema(
        settings, facts.slug, password_file, rehearsal=facts.rehearsal, level=facts.level
    )
    _note_lacking(shell, settings, facts, password_file)
    _found_reads(shell, settings, facts)
    slots.made(settings, facts.level)
    return True


@click.command("turn-ticket-key")
@options
@guarded
def turn_ticket_key() -> None:
    """Make a new key for the tickets by which the database knows for whom it is asked.

    The API takes it up within a minute; the one before it is good for an hour longer.
    """
    settings = Settings.from_env()
    with database.reachable(settings) as facts:
        database.turn_ticket_key(settings, facts, RealEntropy().take(32))
    shell_of().done(
        Message(
            "The ticket key is turned. The API takes the new one within a minute; where it has its"
            " secrets from elsewhere, give it the new ticket.key and restart it within an hour."
        )
    )


def _found_reads(shell: Shell, settings: Settings, facts: EnclaveFacts) -> None:
    """An enclave that was made before there was a log of reads gets one, where its keys are."""
    if found_reads(settings, facts):
        shell.note(Message("Its log of reads was made, with keys of its own."))


def _note_lacking(
    shell: Shell, settings: Settings, facts: EnclaveFacts, database_password: Path | None
) -> None:
    """What a superuser could do beside, once: without it the ledger goes on."""
    missing = database.lacking(settings, facts, database_password)
    if not missing:
        return
    shell.note(
        Message(
            "Whoever installed is no superuser, or the server keeps these to itself; the ledger"
            " goes on without them (docs/operate/install.md says what each is for):"
        )
    )
    for statement in missing:
        shell.note(Wording(f"  {statement}", f"  {statement}"))


@click.group()
def projection() -> None:
    """The views: how far each has come, and building one anew."""


@projection.command()
@options
@guarded
def status() -> None:
    """How far each view has come, in records and seconds."""
    shell = shell_of()
    settings = Settings.from_env()
    with database.reachable(settings) as facts:
        head, states = _standing(settings, facts)
    rows = [_lag(state, head) for state in states]
    if shell.json:
        ok = not any(row["error"] for row in rows)
        shell.give({"ok": ok, "records": head.size, "views": rows})
    else:
        columns = ("view", "state", "position", "lag", "lag_s", "error")
        told = ({**row, "state": word(str(row["state"]), shell.lang)} for row in rows)
        shell.table(columns, ([row[column] for column in columns] for row in told))
    if any(row["error"] for row in rows):
        sys.exit(1)


@projection.command()
@click.argument("view", required=False)
@options
@guarded
def rebuild(view: str | None) -> None:
    """Build a view anew (all of them where none is named) beside the old one, then switch."""
    shell = shell_of()
    settings = Settings.from_env()
    names = [view] if view else [v.name for v in VIEWS]
    if set(names) - {v.name for v in VIEWS}:
        misuse(
            Message(
                "There is no such view; the views are {views}.",
                views=", ".join(v.name for v in VIEWS),
            ),
        )
    with database.reachable(settings) as facts, shell.progress() as bar:
        projector, _, pool = open_projector(settings)
        try:
            for name in names:
                _rebuild(settings, facts, projector, bar.add_task(name, total=None), bar)
        finally:
            projector.close()
            pool.close()
    built = ", ".join(names)
    shell.done(Message("Built anew: {built}.", built=built), rebuilt=names)


def _rebuild(
    settings: Settings,
    facts: EnclaveFacts,
    projector: runner.Projector,
    task: TaskID,
    bar: Progress,
) -> None:
    name = str(bar.tasks[task].description)

    def show(_view: str, done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    try:
        projector.rebuild(name, show)
    except Unavailable:
        _asked_for(settings, facts, name, show)
    done = bar.tasks[task].total or 1
    bar.update(task, completed=done, total=done)


def _asked_for(settings: Settings, facts: EnclaveFacts, name: str, show: runner.Progress) -> None:
    try:
        _ask(settings, facts, name, show)
    except LookupError:
        fail(
            Message(
                "Nothing was done: {name} is being built anew already; see: socai projection"
                " status.",
                name=name,
            ),
            "rebuild_under_way",
        )


def _ask(settings: Settings, facts: EnclaveFacts, name: str, show: runner.Progress) -> None:
    """The serving projector builds it; this process only watches."""
    size = _standing(settings, facts)[0].size
    with connect(role_dsn(settings, facts, "projector")) as connection:
        gen = generations.ask_rebuild(connection, name, size)
        while True:
            every = generations.states(connection)
            state = next((s for s in every if (s.view, s.gen) == (name, gen)), None)
            if state is None or state.state != "building":
                return
            if state.stopped:
                generations.abandon_rebuild(connection, name)
                where = f"{state.error_at}: {state.error}"
                fail(
                    Message(
                        "{name} was not rebuilt: record {where}. The old one is still read.",
                        name=name,
                        where=where,
                    ),
                )
            show(name, state.position + 1, size)
            Event().wait(_VIEW_WAIT_S)


def _standing(
    settings: Settings, facts: EnclaveFacts
) -> tuple[LogHead, list[generations.ViewState]]:
    dsn = role_dsn(settings, facts, "reader")
    pool = open_pool(dsn, most=1)
    try:
        head = PostgresRecords(pool).head()
    finally:
        pool.close()
    with connect(dsn) as connection:
        return head, generations.states(connection)


_READY_S: Final = 60.0
_REACHED_S: Final = 60.0
_STARTS: Final = 3
_AWAITED: Final = Message(
    "The database cannot be reached: the service answers 503 until it can be, and goes on by"
    " itself."
)
_UNREADY: Final = Message(
    "The service is not ready: {why}. It answers what it can meanwhile, and is ready once that is"
    " mended (docs/operate/monitoring.md)."
)
_LOOPS: Final = {CHECKPOINTER: loops.checkpoint, PROJECTOR: loops.project, KEEPER: loops.keep}


def _loop(settings: Settings, role: str, *, hold: bool) -> int:
    stop = loops.until_told()
    status = _LOOPS[role](settings, stop)
    if hold and status == loops.ON_DOUBT:
        stop.wait()  # to be looked at; the mark would hold it after a start too
    return status


def _await_ready(shell: Shell, supervisor: Supervisor, stop: Event, patience_s: float) -> None:
    """Says that all is ready, or what is not: a part that is not well stops none of the others."""
    if stop.is_set():
        return
    try:
        supervisor.wait_ready(patience_s, stop)
    except NotReady as error:
        if error.answer is None:
            fail(Message("The service is not ready: {error}", error=error), "not_ready")
        supervisor.say(_UNREADY.filled(why=both(unwell(error.answer) or str(error))))
        return
    if not stop.is_set():
        try:
            shell.say(Message("Ready: {url}", url=supervisor.url))
        except OSError:  # a full disk below it, or nobody hears it: it is ready all the same
            give_up_output()


def _supervisor(settings: Settings, shell: Shell) -> Supervisor:
    said = _without_waiting(shell)
    return Supervisor(
        settings,
        tell=lambda role, status, again: said(_fell(role, status, again=again)),
        say=said,
        lang=shell.lang,
    )


def _without_waiting(shell: Shell) -> Callable[[Text], None]:
    """`Shell.note`, for any thread, that waits for no reader: nobody would be started again."""
    output, turn = Output(sys.stderr), threading.Lock()

    def said(text: Text) -> None:
        with turn:
            output.write(f"{visible(shell.text(text))}\n")

    return said


def _fell(role: str, status: int, *, again: bool) -> Message:
    if again:
        return Message("{role} ended ({status}); starting it again.", role=role, status=status)
    if status == BARRED:
        return Message(
            "{role} said above that the token refuses the PIN, and is not started again: every"
            " other try brings a lock nearer. Correct the PIN's file, then run socai serve"
            " again.",
            role=role,
        )
    return Message(
        "{role} stopped on doubt ({status}), is not started again. Run: socai log resume",
        role=role,
        status=status,
    )


def _show_founded(shell: Shell, settings: Settings, made: Founded) -> None:
    facts = made.facts
    if shell.json:
        shell.give(
            {
                "ok": True,
                "origin": facts.origin,
                "level": facts.level,
                "rehearsal": facts.rehearsal,
                "genesis": facts.genesis,
                "vkeys": list(made.vkeys),
                "registrar": made.officer,
                "custody": made.custody,
                "home": str(settings.home),
            }
        )
        return
    shell.say(Message("Made {origin}", origin=facts.origin))
    shell.say(_genesis(facts))
    shell.say(Message("Key of the log: {vkeys}", vkeys=made.vkeys[0]))
    shell.say(custody_words(made.custody))
    shell.say(
        Message(
            "Keys lie in {keys}, secrets in {secrets}: back them up apart from the database.",
            keys=settings.keys_dir,
            secrets=settings.secrets_dir,
        )
    )
    shell.say(Message("Next: socai serve"))


def _lag(state: generations.ViewState, head: LogHead) -> dict[str, object]:
    behind, seconds = state.behind(head)
    return {
        "view": state.view,
        "gen": state.gen,
        "state": state.state,
        "position": state.position,
        "lag": behind,
        "lag_s": seconds,
        "error": None if state.error is None else f"{state.error_at}: {state.error}",
    }
