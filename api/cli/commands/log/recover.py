"""`socai log recover`: says what a log has lost, and goes on only by an act of two registrars.

Without a key it reports and changes nothing. How a recovery is done is `recovery`'s.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import orjson

from api.cli.commands.log.kept_checkpoint import CheckpointFile, kept_checkpoints
from api.cli.commands.signer_options import signer_of
from api.cli.commands.token_option import TokenUri, pin_option
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, fail, misuse, options, shell_of
from api.home import Home
from api.ops import database
from api.ops.recovery import Recovering
from api.ops.role_lock import Lock
from api.ops.service.roles import REMEMBERING, ROLES
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import Settings
from api.texts.case_words import when
from api.texts.catalogue import in_each, translate
from keys.lost_checkpoint import known
from keys.signer import Signer
from ledger.errors import VerificationError
from ledger.log.moment import stamp
from ledger.log.recovery import Recovery
from ledger.message import Message, Text, plural
from ledger.recovery.loss import (
    MOST_ACTS,
    MOST_CHECKPOINTS,
    Loss,
    sizes_of,
    take_note,
    take_receipt,
)
from ledger.regulation.case.state import Entry

_FILES: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the operator brings along: who signs, and why."""

    signers: Sequence[Signer]
    approver: str | None
    reason: str | None


_SIGNERS: Final = "signers"


def _in_turn(context: click.Context, option: click.Parameter, given: tuple[Any, ...]) -> None:
    """Who signs, in the order in which `--as` and `--key` are typed: the first is the author."""
    asked: list[tuple[str, Any]] = context.meta.setdefault(_SIGNERS, [])
    asked += [(str(option.name), one) for one in given]


@click.command()
@kept_checkpoints("A checkpoint kept elsewhere.")
@click.option("--receipt", "receipts", multiple=True, type=_FILES, help="A receipt, as JSON.")
@click.option(
    "--as",
    "alias",
    multiple=True,
    metavar="ALIAS",
    callback=_in_turn,
    expose_value=False,
    help="A registrar of the cast, who signs.",
)
@click.option(
    "--key",
    "key_file",
    multiple=True,
    type=_FILES,
    callback=_in_turn,
    expose_value=False,
    help="The key file of a registrar who signs.",
)
@click.option(
    "--token",
    multiple=True,
    type=TokenUri(),
    callback=_in_turn,
    expose_value=False,
    help="A token with the key of a registrar who signs.",
)
@pin_option
@click.option(
    "--approver", default=None, metavar="OFFICER", help="Who countersigns, where it could be more."
)
@click.option("--reason", default=None, help="Why it is recovered; stands in the log for ever.")
@options
@guarded
def recover(
    kept: tuple[CheckpointFile, ...],
    receipts: tuple[Path, ...],
    approver: str | None,
    reason: str | None,
) -> None:
    """Say what the log has lost; with the registrars' keys, go on from what is left.

    The service is stopped, and an older copy of its database stands in the place of what was lost.
    What is lost shows by what the home has seen and by checkpoints and receipts that are given:
    without a key they are reported, exit 1 where anything is lost. The first registrar gives
    --reason and the key; the second one runs the same command with the other key, or both are given
    at once. Then the old key of the log is ended and set aside, and a new one signs from there on.
    """
    shell, settings = shell_of(), Settings.from_env()
    Home(settings).facts()  # before any key is asked for: there is an enclave, and it can be read
    signers = click.get_current_context().meta[_SIGNERS]
    with ExitStack() as stack:
        if signers:  # nobody serves the home meanwhile
            lock = stack.enter_context(closing(Lock(settings.home)))
            lock.take(*ROLES)
            lock.alone(*map(Home(settings).seen_folder, ROLES))
        facts = stack.enter_context(database.reachable(settings))
        require_schema(role_dsn(settings, facts, "reader"))
        log = stack.enter_context(Recovering.open(settings, facts))
        loss = _loss(shell, log, facts.origin, kept, [(str(p), _receipt(p)) for p in receipts])
        if signers:
            keys = [signer_of(settings, **{name: who}) for name, who in signers]
            _go_on(shell, log, loss, _Asked(keys, approver, reason))
            return
        done = _show(shell, log, loss)
    sys.exit(0 if done else 1)


def _receipt(path: Path) -> Mapping[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        misuse(
            Message("Nothing was done: {path} is no receipt in JSON.", path=path),
        )
    return found


def _loss(
    shell: Shell,
    log: Recovering,
    origin: str,
    kept: Sequence[CheckpointFile],
    receipts: Sequence[tuple[str, Mapping[str, Any]]],
) -> Loss:
    """Everything that was kept, verified and held against what is left."""
    recoveries = log.recoveries()
    before = (vkey for one in recoveries for vkey in one.old_vkeys)
    vkeys = known(dict.fromkeys([*log.keys.every, *log.ended(), *before]))
    notes = [*kept, *_remembered(shell, log)]
    sizes = sizes_of((one.note for one in notes), (r for _, r in receipts))
    loss = Loss(log.survivors(sizes), recoveries=recoveries)
    for one in notes:
        with _named(one.name):
            take_note(loss, origin, vkeys, one.note)
    for name, receipt in receipts:
        with _named(name):
            take_receipt(loss, origin, vkeys, receipt)
    return loss


def _remembered(shell: Shell, log: Recovering) -> Iterator[CheckpointFile]:
    """What the home has seen; a memory that does not open shows nothing, and stops nobody."""
    for role in REMEMBERING:
        path, note = log.memories.at(role).path, log.memories.opened(role)
        if note is not None:
            yield CheckpointFile(str(path), note)
        elif path.exists():
            shell.note(
                Message(
                    "{path} does not open: it shows no loss, and is set aside by a recovery. Give a"
                    " checkpoint that was kept elsewhere with --checkpoint.",
                    path=path,
                )
            )


@contextmanager
def _named(name: str) -> Iterator[None]:
    """What is given and shows nothing is named: the operator takes it away or finds another."""
    try:
        yield
    except VerificationError as error:
        misuse(
            Message(
                "Nothing was done: {name} shows nothing of this log ({detail}); leave it out,"
                " or give a checkpoint or receipt that this log's key has signed.",
                name=name,
                detail=error.message,
            ),
        )


def _go_on(shell: Shell, log: Recovering, loss: Loss, asked: _Asked) -> None:
    """The next step, and the one after it as far as the keys reach."""
    done = log.unfinished() or _signed(shell, log, loss, asked)
    if done is None:
        return
    log.finish(done)
    _show_done(shell, done)


def _signed(shell: Shell, log: Recovering, loss: Loss, asked: _Asked) -> Recovery | None:
    """Every signature that the keys reach; the recovery in effect, None while it waits for one."""
    waiting, signed = log.pending(), False
    if waiting is None:
        _begin(log, loss, asked)
        waiting, signed = log.pending(), True
    while waiting is not None:
        signer = _whose(log, waiting.waiting_for[0].officer, asked.signers)
        if signer is None:
            _show_waiting(shell, waiting, signed=signed)
            return None
        log.countersign(signer, waiting, log.time())
        waiting, signed = log.pending(), True
    done = log.unfinished()
    if done is None:
        fail(
            Message("Not done: the recovery is not in effect; run: socai log audit"),
            "not_recovered",
        )
    return done


def _begin(log: Recovering, loss: Loss, asked: _Asked) -> None:
    """The author's statement."""
    _refuse_groundless(loss)
    if not asked.reason:
        misuse(
            Message("Nothing was recorded: say why with --reason; it stands in the log for ever."),
        )
    at = log.time()
    author = asked.signers[0]
    officer = log.officer(author.kid)
    if officer is None or log.post(officer, at) is None:
        fail(
            Message(
                "Nothing was recorded: the first key is no registrar's in the log that is left."
            ),
            "no_registrar",
        )
    signers = [officer, *([] if log.alone(at) else [_approver(log, officer, at, asked)])]
    facts = {
        **loss.facts(),
        "old_vkeys": log.ended(),
        "new_vkeys": log.next_vkeys(),
        "reason": asked.reason,
    }
    log.author(author, signers, facts, at)


def _refuse_groundless(loss: Loss) -> None:
    if loss.forked:
        found = _forked(loss)
        fail(
            Message(
                "Nothing was recorded: this database is no beginning of the log that was"
                " signed, but another one ({found}). Restore a copy again that nothing was"
                " added to.",
                found=found,
            ),
            "forked",
        )
    if loss.told and not loss.checkpoints:
        fail(
            Message(
                "Nothing was recorded: what was given is lost by a recovery that the log has"
                " already, which is done. Next: socai serve"
            ),
            "nothing_lost",
        )
    if not loss.checkpoints:
        fail(
            Message(
                "Nothing was recorded: no checkpoint shows that anything is lost; give one that"
                " was kept with --checkpoint."
            ),
            "nothing_lost",
        )


def _approver(log: Recovering, author: str, at: datetime, asked: _Asked) -> str:
    others = log.others(author, at)
    given = [log.officer(signer.kid) for signer in asked.signers[1:]]
    chosen = asked.approver or next((o for o in given if o in others), None)
    if chosen is None and len(others) == 1:
        chosen = others[0]
    if chosen not in others:
        listed = ", ".join(others) or "–"
        misuse(
            Message(
                "Nothing was recorded: name the second registrar with --approver; known:"
                " {registrars}.",
                registrars=listed,
            ),
        )
    return chosen


def _whose(log: Recovering, officer: str, signers: Sequence[Signer]) -> Signer | None:
    return next((one for one in signers if log.officer(one.kid) == officer), None)


def _show(shell: Shell, log: Recovering, loss: Loss) -> bool:
    """The report; whether nothing is to be done."""
    last, left = log.last(), loss.left
    pending, unfinished = log.pending() is not None, log.unfinished() is not None
    done = not (loss.any or pending or unfinished)
    signed = None if loss.signed_s is None else stamp(datetime.fromtimestamp(loss.signed_s, UTC))
    if shell.json:
        shell.give(
            {
                "ok": done,
                "left": {
                    "size": left.size,
                    "root": left.root.hex(),
                    "covered": log.covered(),
                    "last_recorded_at": None if last is None else stamp(last),
                },
                "lost": {
                    "records": loss.longest - left.size,
                    "signed_at": signed,
                    "checkpoints": [
                        {"size": size, "root": root.hex()}
                        for size, root in sorted(loss.checkpoints)
                    ],
                    "acts": sorted(loss.acts),
                    "claimed": sorted(loss.claimed),
                },
                "forked": [f"{kind} {at}" for kind, at in loss.forked],
                "doubled": sorted(loss.doubled),
                "pending": pending,
                "unfinished": unfinished,
            }
        )
        return done
    until = when(stamp(last)) if last is not None else "–"
    shell.say(
        Message(
            "{size} records are left, the last one of {until}; checkpoints cover {covered}.",
            size=left.size,
            until=until,
            covered=log.covered(),
        )
    )
    if pending or unfinished:
        shell.say(
            Message("A recovery is under way: run this again with the --key of who signs next.")
        )
    _show_loss(shell, loss, signed)
    if loss.checkpoints and not (loss.forked or pending or unfinished):
        shell.say(
            Message(
                "To go on from what is left: run this again with a registrar's --key and --reason."
            )
        )
    return done


def _forked(loss: Loss) -> Text:
    """What contradicts the survivors."""
    found = [
        Message("checkpoint {at}", at=at) if kind == "checkpoint" else Message("record {at}", at=at)
        for kind, at in loss.forked
    ]
    return in_each(lambda lang: ", ".join(translate(one, lang) for one in found))


def _show_loss(shell: Shell, loss: Loss, signed: str | None) -> None:
    if loss.forked:
        found = _forked(loss)
        shell.say(
            Message(
                "NOT a beginning of the log that was signed, but another one: {found}.", found=found
            )
        )
    if loss.checkpoints:
        until = when(signed) if signed is not None else "–"
        shell.say(
            Message(
                "LOST at least {lost}: the log had signed {signed}, at {until}.",
                lost=plural("{n} record", "{n} records", n=loss.longest - loss.left.size),
                signed=loss.longest,
                until=until,
            )
        )
        shell.table(
            ("size", "what"),
            ((size, root.hex()) for size, root in sorted(loss.checkpoints)),
        )
    for places, what in (
        (
            loss.told,
            Message("Lost by a recovery that the log has already, and no loss of today's: size"),
        ),
        (
            loss.doubled,
            Message(
                "The log's key signed two different trees of one size, a fork before this: size"
            ),
        ),
        (
            loss.acts,
            Message("Lost records that a receipt proves: index"),
        ),
        (
            loss.claimed,
            Message("Receipts without a proof, nothing can be concluded: index"),
        ),
    ):
        if places:
            listed = ", ".join(map(str, sorted(places)))
            shell.say(Message("{what} {places}.", what=what, places=listed))
    if len(loss.checkpoints) > MOST_CHECKPOINTS or len(loss.acts) > MOST_ACTS:
        shell.say(
            Message(
                "The act names the {most_checkpoints} longest checkpoints and the first {most_acts}"
                " records; keep the rest with the decision.",
                most_checkpoints=MOST_CHECKPOINTS,
                most_acts=MOST_ACTS,
            )
        )
    if not loss.any:
        shell.say(Message("Nothing is known to be lost."))


def _show_waiting(shell: Shell, waiting: Entry, *, signed: bool) -> None:
    officer = waiting.waiting_for[0].officer
    if not signed:
        fail(
            Message(
                "Nothing was signed: it is the turn of registrar {officer}; run this with that"
                " --key.",
                officer=officer,
            ),
            "other_turn",
        )
    shell.done(
        Message(
            "Signed in part; waits for registrar {officer}: run this again with that --key. Do not"
            " run socai serve yet.",
            officer=officer,
        ),
        pending=waiting.act.act_id,
        waits_for=officer,
    )


def _show_done(shell: Shell, done: Recovery) -> None:
    key = done.new_vkeys[0]
    shell.done(
        Message(
            "Recovered at index {index}, from the {size} records that were left.\nThe log's new"
            " key (publish it): {key}\nThe old key is ended and set aside. Back the database up"
            " now, then run: socai serve",
            index=done.index,
            size=done.size,
            key=key,
        ),
        **done.as_dict(),
    )
