"""What errors from below mean to a person at the terminal: one sentence and a status.

Not: the refusals a command words itself (`shell.Refusal`).
"""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import click

from api.cli.terminal.shell import FAILED, MISUSED, OUTPUT, Refusal, give_up_output
from api.client.connection import OtherLog, Refused, Strange, Unreachable, Untrusted
from api.client.known_log import Unlike
from api.ops.embedded_postgres import DiskFull, EmbeddedError
from api.settings import Unfit
from api.texts.catalogue import in_each, said_once, translate
from keys.errors import (
    KeyAway,
    KeysError,
    Malformed,
    TokenError,
    TokenFault,
    Unsealable,
    WrongPassphrase,
)
from ledger.errors import Conflict, Doubt, Fatal, Rejected, Unavailable, VerificationError
from ledger.message import Message, Text, Wording
from ledger.regulation.acts.catalogue import load

F = TypeVar("F", bound=Callable[..., Any])


def guarded(command: F) -> F:
    """Turns what may go wrong below into a refusal; what may not go wrong stays a trace."""

    @functools.wraps(command)
    def run(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  any command's
        try:
            return command(*arguments, **named)
        except Exception as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            raise refusal from error

    return cast("F", run)


def unwritten(error: OSError) -> Refusal:
    """Standard output or standard error takes nothing more: a full disk, mostly."""
    try:
        sys.stdout.flush()
    except OSError:
        give_up_output()
    told = Message(
        "What there was to tell could not be written to the end ({why}); whatever was recorded"
        " before that is recorded.",
        why=error,
    )
    return Refusal(told, FAILED, OUTPUT)


def broken_off() -> Refusal:
    """Whoever called has ended it, by Ctrl-C or at a question."""
    told = Message(
        "Broken off: what was recorded or written before that stays, and nothing more was done."
    )
    return Refusal(told, FAILED, "broken_off")


def refusal_of(  # noqa: C901, PLR0911, PLR0912  one row an error
    error: Exception,
) -> Refusal | None:
    """The sentence and status of what may go wrong below; None of what may not."""
    match error:
        case Refused():
            status = MISUSED if error.code in _WRITTEN_WRONGLY else FAILED
            code = error.guard or error.code or "proxy_failed"
            return Refusal(_of_server(error), status, code)
        case UnicodeEncodeError():
            return Refusal(
                Message("Nothing was done: a word of the call is no text (UTF-8); write it again."),
                MISUSED,
                "usage",
            )
        case Unreachable():
            told = _TAKEN if error.once else _UNANSWERED
            return Refusal(told.filled(where=error.where), FAILED, "unreachable")
        case Untrusted():
            why = _OF_CERTIFICATE.get(error.code) or Wording(error.why, error.why)
            return Refusal(
                Message(
                    "Nothing is sent to {host}: its certificate does not hold ({why}). Whoever"
                    " operates that server puts a new one there; one of your own is trusted where"
                    " SSL_CERT_FILE names it. Sending the same again is safe.",
                    host=error.host,
                    why=why,
                ),
                MISUSED,
                "untrusted_certificate",
            )
        case Strange():
            return Refusal(
                Message(
                    "This is no socai server, or one of another version ({error}): nothing it"
                    " says is believed. Correct the address or --server; sending the same again is"
                    " safe.",
                    error=error,
                ),
                MISUSED,
                "no_socai_server",
            )
        case OtherLog():
            return Refusal(
                Message(
                    "Nothing was signed or sent: the server says it is of {shown}, not of {meant}.",
                    shown=error.said,
                    meant=error.meant,
                ),
                FAILED,
                "other_log",
            )
        case Unavailable() if error.why:
            what = _OF_DATABASE.get(error.code, error.text)
            text = Message("{what} The database says: {why}", what=what, why=error.why)
            return Refusal(text, FAILED, error.code)
        case Rejected() | Conflict() | Unavailable() | Unlike():
            return Refusal(error.text, FAILED, error.code)
        case TokenError():
            return Refusal(_of_token(error), MISUSED, error.fault)
        case WrongPassphrase():
            text = Message(
                "Nothing was done: {name} does not open (wrong passphrase, or the file was"
                " changed).",
                name=error.name,
            )
            return Refusal(text, MISUSED, "wrong_passphrase")
        case Unfit():
            return Refusal(Message("Nothing was done: {error}", error=error.text), MISUSED, "usage")
        case BlockingIOError(strerror=why) if why == _NO_MORE:
            return Refusal(_TOO_MANY, FAILED, "too_many_processes")
        case RuntimeError(args=(str(why),)) if why == _NO_THREAD:
            return Refusal(_TOO_MANY, FAILED, "too_many_processes")
        case MemoryError():
            return Refusal(_NO_MEMORY, FAILED, "no_memory")
        case (
            VerificationError()
            | Fatal()
            | EmbeddedError()
            | KeyAway()
            | KeysError()
            | OSError(filename=str())
        ):
            return _stopped(error)
        case _:
            return None


#: What is wrong with a certificate, by OpenSSL's number of it (X509_V_ERR_…).
_OF_CERTIFICATE: Final[Mapping[int, Message]] = {
    9: Message("it holds only later: is this machine's clock right?"),
    10: Message("it has expired, or this machine's clock is ahead"),
    18: Message("it is signed by itself, and nobody here trusts it"),
    19: Message("nobody here trusts who signed it"),
    20: Message("nobody here trusts who signed it"),
    62: Message("it is for another name"),
    64: Message("it is for another address"),
}

_UNANSWERED: Final = Message(
    "There was no answer from {where}; sending the same again is safe. Correct the address"
    " (--server), or have it run there: socai serve"
)
_TAKEN: Final = Message(
    "There was no answer from {where}, and nothing was written here. Whether the permit's next"
    " number is taken, socai case copies shows; asking again takes another."
)

_NO_MORE: Final = os.strerror(errno.EAGAIN)
"""What the kernel says to whoever may start no more processes; of output it says something else."""
_NO_THREAD: Final = "can't start new thread"
"""Python's word for the same, which has no code."""
_TOO_MANY: Final = Message(
    "This account, or its container, may start no more processes or threads; this is not done,"
    " raise that limit (ulimit -u, TasksMax, pids) and run it again."
)
_NO_MEMORY: Final = Message(
    "There is no more memory for this process; this is not done. Raise what limits it (ulimit -v,"
    " MemoryMax, the container's limit), or end something else, and run it again."
)

_KEY: Final = Message(
    "The key or key file cannot be used; nothing was done, look at the file named"
)

#: The same of whoever asks the database without the API: they are the operator.
_OF_DATABASE: Final[Mapping[str, Message]] = {
    "disk_full": Message(
        "The database has no room left on its disk, of memory or for connections; nothing was"
        " recorded. Make room there, then run it again."
    ),
}

#: Problems of a call that no state of the log could make right.
_WRITTEN_WRONGLY: Final = frozenset({"malformed_request"})
#: What failed, by the class nearest to the error, and what to do; the detail is for who repairs it.
_STOPPED: Final[Mapping[type[Exception], Message]] = {
    Unsealable: Message(
        "It does not open: wrong passphrase, wrong key or changed bytes; nothing was done"
    ),
    KeyAway: _KEY,
    KeysError: _KEY,
    VerificationError: Message(
        "What is stored does not agree with the log; stop, and run: socai log audit"
    ),
    Doubt: Message(
        "The log is not what this home has seen; nothing was signed or recorded: socai log audit"
    ),
    Fatal: Message("Database and program do not agree; nothing was recorded"),
    OSError: Message(
        "A file or folder cannot be used; this is not done, mend that and run it again"
    ),
    DiskFull: Message(
        "The PostgreSQL that comes along has no room left on its disk and does not start; nothing"
        " was recorded, make room there and run it again"
    ),
    EmbeddedError: Message(
        "The PostgreSQL that comes along does not start, answer or stop; nothing was recorded, see"
        " the cause"
    ),
}


#: What is wrong with a token; `named` is the token, key, library or package it is about.
_TOKEN: Final[Mapping[TokenFault, Message]] = {
    TokenFault.NO_LIBRARY: Message(
        "Nothing was done: tokens need an extra: pip install '{named}'."
    ),
    TokenFault.NO_MODULE: Message(
        "Nothing was done: {named} names no PKCS#11 library of a token's maker that can be loaded."
    ),
    TokenFault.ABSENT: Message(
        "Nothing was done: the token {named} is not there; plug it in and run the command again."
    ),
    TokenFault.AMBIGUOUS: Message(
        "Nothing was done: there are several tokens named {named}; leave one in."
    ),
    TokenFault.PIN_WRONG: Message(
        "Nothing was done: wrong PIN for the token {named}; it locks after a few wrong ones."
    ),
    TokenFault.PIN_LOCKED: Message(
        "Nothing was done: the PIN of the token {named} is locked, expired or not set; whoever"
        " set the token up gives it a new one."
    ),
    TokenFault.KEY_ABSENT: Message("Nothing was done: there is no such key on the token: {named}."),
    TokenFault.KEY_AMBIGUOUS: Message(
        "Nothing was done: the token has more than one such key: {named}."
    ),
    TokenFault.KEY_UNFIT: Message(
        "Nothing was done: the key could be taken out of its token, or is of another kind: {named}."
    ),
    TokenFault.FAILED: Message(
        "The token {named} does not do its work ({detail}); this is not done, see to it and run the"
        " command again."
    ),
}


def _of_token(error: TokenError) -> Text:
    return _TOKEN[error.fault].filled(named=error.named, detail=error.detail or "–")


def _stopped(error: Exception) -> Refusal:
    what = next(_STOPPED[kind] for kind in type(error).__mro__ if kind in _STOPPED)
    why = error.text if isinstance(error, Doubt) else error
    status = MISUSED if isinstance(error, Malformed) else FAILED  # another file was meant
    text = Message("{what} ({why}).", what=what, why=why)
    return Refusal(text, status, type(error).__name__.lower())


#: Refusals whose way on is another command, by code.
_OTHERWISE: Final[Mapping[str, Message]] = {
    "part_only": Message(
        "part_only: You see some acts of this case, and not the whole file: socai case history"
        " shows those. A supervisor of the agency that handles it may grant more."
    ),
}


_NOTHING: Final = Message("Nothing was recorded.")
_SHORTER: Final = Message("Nothing was recorded. Ask for less at once.")
#: What a person does next at a terminal, where the server's own words are for a program.
_STEPS: Final[Mapping[str, Message]] = {
    "malformed_request": Message("Nothing was recorded. Correct what was typed: {command} --help"),
    "not_found": Message("What is absent and what may not be seen answer alike: socai case list"),
    "as_of_in_future": Message(
        "Name a moment that has passed, or a record that is there: socai log status"
    ),
    "ordinary_only": Message(
        "Nothing was recorded. Above ordinary acts are read in their case: socai case history"
    ),
    "sign_in_failed": Message(
        "Nothing was recorded. Name a key that is enrolled and holds: socai registry keys"
    ),
    "guard": _NOTHING,
    "rejected": _NOTHING,
    **dict.fromkeys(
        ("not_canonical", "malformed_statement", "malformed_act", "unknown_act", "wrong_stream"),
        Message("Nothing was recorded. Correct that, sign again and send."),
    ),
    "invisible_characters": Message("Nothing was recorded. Sign again with --clean, and send."),
    "wrong_log": Message("Nothing was recorded. Sign it for the log that it is sent to, and send."),
    "clock_off": Message(
        "Nothing was recorded. What is signed is taken for a day: sign it again and send that at"
        " once; where that is refused too, set the clock of this machine."
    ),
    "stale": Message(
        "Nothing was recorded. Look at what was signed meanwhile (socai case history), then sign"
        " again, upon that: socai sign-next, or the command that it was signed by."
    ),
    "clock_back": Message(
        "Nothing was recorded. Use a time not before the last record: socai log status"
    ),
    "not_signed_in": Message("Nothing was recorded. Run it again: that signs you in anew."),
    "uri_too_long": _SHORTER,
    "headers_too_large": _SHORTER,
    "attachment_missing": Message(
        "Nothing was recorded. Send the file (socai attachment add), then the same statement."
    ),
    "export_not_permitted": Message(
        "Nothing left and nothing was recorded. A supervisor signs ExportPermitted in the case, in"
        " your name and post, for as many copies as are needed; name that act with --permit. To"
        " read the file here no permit is needed: socai attachment get"
    ),
    "bad_cursor": Message("Run it again, from the first page."),
    "number_of_several": Message(
        "Nothing was recorded. Name the case by its id, as socai case list shows it with --json"
    ),
    "identity_taken": Message(
        "Nothing was kept. Run it again: item and token are drawn anew, and it is sealed anew."
    ),
    "malformed_identity": Message("Nothing was kept. Correct that and send it again."),
    "identity_missing": Message(
        "Nothing was recorded. Seal it first (socai reporter seal), then send the same statement."
    ),
    "lower_log_unknown": Message(
        "Nothing was recorded. Leave facts.seen out, which is filled in where it is missing; sign"
        " again and send."
    ),
    "nothing_to_send": Message(
        "Nothing was sent. Record ReporterInformed that says INFORMED, through the vault, with the"
        " reporter's token."
    ),
    "own_reads_only": Message(
        "Nothing was recorded. Those of an agency's officers are for whoever supervises or audits"
        " it, and all of them for the auditors of an overseer."
    ),
    "internal": Message(
        "Send the same again: the answer tells whether it was recorded. Tell the operator this"
        " trace: {trace}"
    ),
    "permit_over": Message(
        "Nothing left and nothing was recorded. What was handed out by it: socai case copies; for"
        " more a supervisor signs a new ExportPermitted."
    ),
}


_SINCE: Final = 12
"""The newest of what was signed meanwhile; the history has all."""


def _of_server(error: Refused) -> Text:
    if not error.code:
        return Message(
            "A program before the server failed (HTTP {status}): whether it was done is not known."
            " Sending the same again is safe.",
            status=error.status,
        )
    if error.code in _OTHERWISE:
        return _OTHERWISE[error.code]
    own = _STEPS.get(error.code)
    said: Text = Wording(_told(error), _told(error))
    since = error.problem.get("since")
    if isinstance(since, list) and since:
        said = Message(
            "{said} Since then was signed: {acts}.", said=said, acts=_signed_since(since)
        )
    step: Text
    if own is None:
        told = str(error.problem.get("next") or "")
        step = Wording(told, told)
    else:
        context = click.get_current_context(silent=True)
        command = "socai" if context is None else context.command_path
        step = own.filled(command=command, trace=error.problem.get("trace_id") or "–")
    return in_each(lambda lang: _then(translate(said, lang), translate(step, lang)))


def _then(said: str, step: str) -> str:
    return f"{said} {said_once(said, step)}".strip()


def _signed_since(since: Sequence[Any]) -> Text:
    """The name of each act of it that the caller sees; of many the newest."""
    named = []
    for one in since[-_SINCE:]:
        code = str(one["act"]) if isinstance(one, dict) and "act" in one else "?"
        kind = load().types.get(code)
        named.append(Wording(code, code) if kind is None else Wording(kind.vi, kind.en))
    return in_each(lambda lang: "; ".join(translate(one, lang) for one in named))


def _told(error: Refused) -> str:
    """A problem in one line: its code, and what is wrong and where."""
    problem = error.problem
    said = [_ended(error.detail or str(error))]
    faults = problem.get("errors")
    for fault in faults if isinstance(faults, list) else ():
        if not isinstance(fault, dict):
            continue
        place, detail = str(fault.get("pointer", "")).lstrip("/"), str(fault.get("detail", ""))
        if detail not in said[0]:
            said.append(_ended(f"{place}: {detail}" if place else detail))
    code = error.guard or error.code
    return " ".join([*([f"{code}:"] if code else []), *said]).strip()


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
