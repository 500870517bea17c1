"""For whoever has a printed case, and perhaps nothing else: is it of this log, and of which state.

No account is asked for. With a file nothing is asked of anybody; without one the log itself is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from api.cli.commands.signer_options import (
    client_at,
    log_keys,
    noted_keys,
    server_option,
    vkey_option,
)
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import MISUSED, Refusal, fail, misuse, options, shell_of
from api.client.client import Client
from api.ops.home_notes import running_url
from api.settings import Settings
from api.texts.copied import copied
from keys.log_keys import LogKeys
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import checkpoint, proof
from ledger.log.checkpoint import Checkpoint
from ledger.log.sheet import Sheet, parse
from ledger.log.sheet_check import Found, as_signed, hold, is_bundle, require_same
from ledger.log.verify import TrustedLog
from ledger.message import Message

_MOST_BYTES: Final = 1 << 30
_WHY: Final = {
    "checkpoint": Message(
        "its checkpoint is of another log, or not signed by this key; where the log was recovered"
        " since, name the key that it had then"
    ),
    "other_size": Message(
        "it is of another size of the log, and alone it cannot tell; ask for a bundle of that size,"
        " or leave FILE out to ask the log"
    ),
    "fork": Message(
        "of that very size the log has ANOTHER root: one of the two is not what the log is"
    ),
    "case": Message("the bundle has ANOTHER statement at that place of the case"),
    "left_out": Message(
        "the bundle has NO statement at that place of the case: it ends before it, or leaves it out"
    ),
    "rollback": Message("the log is SHORTER than this print says"),
    "consistency": Message("the log does NOT begin with the records of this print"),
}
_DAMAGED: Final = Message(
    "it is no whole bundle or checkpoint, a record in it is not the log's, or a proof is bad"
)


#: An honest paper of what was lost is none that somebody forged: the log itself names the loss.
_LOST: Final[Mapping[bool, Message]] = {
    True: Message(
        "What the print is of is lost: the log was recovered at index {index}, {size} records were"
        " left, and it names root and size of this print itself, as lost. The print is of this log;"
        " what it has from record {size} on is not there any more, or was signed anew."
    ),
    False: Message(
        "The print says that it is of what is lost: the log was recovered at index {index}, and"
        " {size} records were left. Whether it had signed this the log cannot say any more: hold"
        " the print against the checkpoint at its end, with the key that the log had then (--vkey)."
    ),
}
"""By whether the recovery names it."""


#: A record may stand for nothing, by the rules or by who signed it; a file may leave one out.
_SHOWN: Final = Message(
    "The file shows, of case {case} in log {log}, the very statement {seq} that the print names."
    " Whether it stands there, and no other, a file cannot show: ask whoever sees the case, or an"
    " audit of the log."
)
_SAID: Final = Message(
    "The print says that it is of case {case} in log {log}, up to statement {seq}. Whether the case"
    " has that statement only a bundle shows, or whoever sees the case."
)


@click.command()
@click.argument("text", metavar="LINE")
@click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False
)
@vkey_option
@server_option
@options
@guarded
def sheet(text: str, file: Path | None, vkey: VKey | None, server: str | None) -> None:
    """Hold a printed case against a bundle, a kept checkpoint, or the log itself.

    LINE is what the QR of a sheet holds; it stands on the first sheet too. FILE is an evidence
    bundle, a receipt or a signed checkpoint, such as stands at the end of the print, checked
    without a network by --vkey. Exit 1 where they differ. Which statement the case has at that
    place, a bundle alone shows: root and size are every case's.
    """
    try:
        said = parse(copied(text))
    except VerificationError:
        misuse(
            Message(
                "Nothing was checked: LINE is what the QR of a printed sheet holds,"
                " socai:sheet?v=1&log=…; put it in quotation marks."
            ),
        )
    try:
        held = _asked(said, vkey, server) if file is None else _kept(said, file, vkey)
    except VerificationError as error:
        why = _WHY.get(error.kind, _DAMAGED)
        fail(Message("The print does not fit: {why}.", why=why), error.kind)
    _tell(said, held)


def _tell(said: Sheet, held: Found | int) -> None:
    shell = shell_of()
    if shell.json:
        against = held if isinstance(held, str) else "log"
        shell.give({"ok": True, "held_against": against, "statement_shown": held == "case"})
        return
    told = _SHOWN if held == "case" else _SAID
    shell.say(told.filled(case=said.case, log=said.log, seq=said.seq))
    if isinstance(held, int):
        shell.say(
            Message(
                "The log still begins with the {size} records of this print; it has {now} now.",
                size=said.size,
                now=held,
            )
        )
    elif held == "case":
        shell.say(
            Message("Root, size and last statement of the case are those of this file."),
        )
    else:
        shell.say(Message("Root and size are those that the log signed in this file."))


def _kept(said: Sheet, file: Path, vkey: VKey | None) -> Found:
    """Against a file, by keys that are no server's word."""
    keys = [vkey] if vkey is not None else noted_keys(said.log)
    if not keys:
        misuse(
            Message(
                "Nothing was checked: name the log's key with --vkey, as it was published; this"
                " home knows none of log {log}.",
                log=said.log,
            ),
        )
    if file.stat().st_size > _MOST_BYTES:
        misuse(Message("Nothing was checked: {file} is too large for a bundle.", file=file))
    kept = file.read_bytes()
    if not is_bundle(kept):
        try:
            checkpoint.unverified(as_signed(kept))
        except VerificationError as error:
            told = Message(
                "Nothing was checked: {file} is no checkpoint, receipt or evidence bundle, or it"
                " was changed on its way. The checkpoint of a print stands at its end: write it"
                " into a file of its own.",
                file=file,
            )
            raise Refusal(told, MISUSED, "usage") from error
    return hold(said, kept, keys)


def _asked(said: Sheet, vkey: VKey | None, server: str | None) -> int:
    """Against the log as it is served, to anybody; its size. Raises: VerificationError."""
    url = server or running_url(Settings.from_env())
    with closing(client_at(url, None, said.log)) as client:
        note = client.checkpoint()  # and over each recovery that the log records of itself
        try:
            return _grown(said, client, note, log_keys(client, vkey))
        except VerificationError:
            _tell_lost(said, client)
            raise


def _tell_lost(said: Sheet, client: Client) -> None:
    """Ends the command where the print is of what a recovery of the log says to be lost."""
    printed = Checkpoint(said.log, said.size, said.root_bytes)
    for one in client.recoveries():
        if one.size < said.size and one.explains(printed):
            named = any(lost.size == said.size for lost in one.lost)
            fail(_LOST[named].filled(index=one.index, size=one.size), "lost")


def _grown(said: Sheet, client: Client, note: bytes, keys: list[VKey]) -> int:
    newest = checkpoint.open_checkpoint(note, keys, origin=said.log).checkpoint
    if newest.size <= said.size:
        if newest.size < said.size:
            raise VerificationError("rollback", f"{newest.size} records")
        require_same(said, newest)
        return newest.size
    trusted = Checkpoint(said.log, said.size, said.root_bytes)
    given = proof.consistency_from_json(client.consistency(said.size, newest.size))
    return TrustedLog(said.log, LogKeys.of(map(str, keys)), trusted).extend(given).size
