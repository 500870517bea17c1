"""From a draft to a receipt: judged by the server, shown from its bytes, confirmed, signed, sent.

Nothing is signed before the shown bytes are confirmed, nor what the server would refuse. Not: how a
draft came about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import click
import orjson

from api.cli.commands.officer import ABSENT, cleaned, encoded, require_visible, send
from api.cli.commands.signer_options import signing_time
from api.cli.commands.writing.judging import CheckAnswer, judged, refuse
from api.cli.terminal.error_messages import broken_off, refusal_of
from api.cli.terminal.shell import FAILED, MISUSED, Refusal, Shell, misuse, typed
from api.cli.terminal.writing import act_shown
from api.cli.terminal.writing.answers import NO, YES, plain
from api.client.act_form import fields_of
from api.client.client import Client
from api.client.connection import Refused, Unreachable, understood
from api.client.draft_sources import DraftSources
from api.settings import Settings
from api.texts import case_words
from keys.custody.file import write_durably
from keys.errors import Carried
from keys.note import VKey
from ledger.log import statement as statements
from ledger.log.statement import Statement
from ledger.message import Message, Text, Wording

Json = Mapping[str, Any]
UNSENT: Final = "unsent"
"""Where a home keeps what was signed and had no answer."""
_STALE: Final = "stale"
_FORMLESS: Final = "malformed_act"
"""What is said of an act that cannot be read, and so not be shown."""
_ANEW: Final = 50
"""How often what nobody is asked about again is signed anew where its stream has moved."""
_EDIT: Final = frozenset({"s", "sua", "e", "edit"})
_BYTES: Final = frozenset({"b", "byte", "bytes"})
_DROP: Final = NO | {"q"}


@dataclass(frozen=True, slots=True)
class Recording:
    """How acts are recorded by one command.

    Attributes:
        client: Of whoever signs.
        shell: The reader's language.
        at: The ledger's time; rehearsals only.
        yes: Whether it is signed without being asked.
        vkey: The log's key as typed.
        dry_run: Whether nothing is signed at all.
        clean: Whether it is signed without what nobody sees.
    """

    client: Client
    shell: Shell
    at: datetime | None = None
    yes: bool = False
    vkey: VKey | None = None
    dry_run: bool = False
    clean: bool = False

    def record(
        self,
        make: Callable[[], Json],
        sources: DraftSources,
        edit: Callable[[CheckAnswer], None] | None = None,
    ) -> None:
        """Judges, shows, asks, signs and sends what `make` gives; shown again where it is changed.

        Args:
            make: The members of the act, as they are now.
            sources: What its words are told by.
            edit: Changes the draft by what is wrong with it; None where nobody can.
        """
        while True:
            members = dict(self.client.with_seen(make(), at=self.at))
            members = cleaned(members) if self.clean else members
            require_visible(members)
            stream = str(members["stream"])
            head = self.client.head(stream, act=members, at=self.at)
            verdict = judged(self.client, members, self.at, self.shell.lang)
            payload = encoded(members)
            if verdict.code != _FORMLESS:
                act_shown.to_sign(self.shell, sources, payload)
            if verdict.ok:
                self.tell_marks(verdict, members, sources)
            if not self._agreed(verdict, payload, edit):
                continue
            if self.dry_run:
                told = Message("The ledger would take it. Nothing was signed.")
                self.shell.done(told, act=str(members["act"]))
                return
            if self.send(payload, stream, head):
                return

    def _agreed(
        self, verdict: CheckAnswer, payload: bytes, edit: Callable[[CheckAnswer], None] | None
    ) -> bool:
        """Whether these bytes are to be signed; False: they were changed."""
        if not verdict.ok:
            if edit is None or self.yes or self.dry_run:
                refuse(verdict)
            else:
                self._tell_faults(verdict)
                edit(verdict)
            return False
        if self.yes or self.dry_run:
            return True
        return self._asked(verdict, payload, edit)

    def _asked(
        self, verdict: CheckAnswer, payload: bytes, edit: Callable[[CheckAnswer], None] | None
    ) -> bool:
        asked = Message("Sign and send it? y yes, n no, e change an answer, b show the bytes")
        while True:
            word = plain(ask(self.shell, asked))
            if word in YES:
                return True
            if word in _DROP:
                misuse(Message("Nothing was signed or recorded."))
            if word in _EDIT and edit is not None:
                edit(verdict)
                return False
            if word in _BYTES:
                act_shown.raw_bytes(payload)

    def _tell_faults(self, verdict: CheckAnswer) -> None:
        told = Message("The ledger would refuse it: {error}", error=verdict.detail or verdict.code)
        self.shell.note(told)

    def tell_marks(self, verdict: CheckAnswer, members: Json, sources: DraftSources) -> None:
        """What is lawful, and noticed all the same; each once, however often a text says it.

        Args:
            verdict: The server's.
            members: The act.
            sources: What its words are told by.
        """
        for code in verdict.flags:
            said = case_words.flag(code, self.shell.lang)
            self.shell.note(Message("It will carry a flag: {flag}", flag=said))
        if not verdict.warnings:
            return
        fields = fields_of(sources.kinds[str(members["act"])], sources.catalogue)
        for pointer, said_as in dict.fromkeys(verdict.warnings):
            labels = (one.label(self.shell.lang) for one in fields if one.holds(pointer))
            told = Message(
                "A person seems to be named in {place}: {what}",
                place=next(labels, pointer),
                what=said_as,
            )
            self.shell.note(told)

    def send(
        self,
        payload: bytes,
        stream: str,
        head: tuple[int, str | None],
        **said: Any,  # noqa: ANN401  of a header
    ) -> bool:
        """Whether it is recorded; False: the stream has moved, and nothing was.

        Args:
            payload: The bytes that were shown and confirmed.
            stream: Where they stand.
            head: Of the stream, as it was when they were shown.
            said: `role` and `stand_in` of the header.
        """
        signs = partial(
            self.client.sign,
            payload,
            stream=stream,
            iat=self.at or signing_time(self.client),
            **said,
        )
        try:
            if self.yes:
                send_signed(self.client, signs, head, at=self.at, vkey=self.vkey)
            else:
                send_kept(self.client, signs(at_head=head), at=self.at, vkey=self.vkey)
        except Refused as refused:
            if refused.code != _STALE or self.yes:
                raise
            self.shell.note(
                Message(
                    "Meanwhile something else was recorded here, and this was not: it is shown"
                    " again as it would be signed now."
                )
            )
            return False
        return True


def ask(shell: Shell, text: Text) -> str:
    """What a person answers to one question, on standard error."""
    return typed(shell.text(text))


def no_post(client: Client) -> Message:
    """Why nobody records who holds no post: what they did until then is not theirs to go on with.

    Args:
        client: Of whoever holds none.
    """
    return Message(
        "Nothing was recorded: you hold no post today, and who holds none signs nothing. Which you"
        " held and until when: socai registry officers --officer {officer}",
        officer=str(client.officer)[:8],
    )


def unanswered(script: str) -> Refusal:
    """The questions were broken off, or nobody was there to answer.

    Args:
        script: How the same is done where nobody is there: options, or another command.
    """
    return Refusal(
        Message(
            "Nothing was signed or recorded: the questions were not answered to the end. In a"
            " script: {script}",
            script=script,
        ),
        MISUSED,
        "usage",
    )


def send_signed(
    client: Client,
    signs: Callable[..., Statement],
    head: tuple[int, str | None] | None = None,
    *,
    at: datetime | None = None,
    vkey: VKey | None = None,
) -> None:
    """As `send_kept`, for who signs without a look at the stream: upon its head, wherever it is.

    One officer who records in a case on and on would keep everybody else out of it, also whoever
    is about to shut that one out.

    Args:
        client: Of whoever signs.
        signs: Makes the statement upon `at_head`.
        head: Of the stream; it is asked where none is given.
        at: The ledger's time; rehearsals only.
        vkey: The log's key as typed.

    Raises:
        Refused: As `send_kept`; `stale`: it has moved each time.
        Refusal: As `send_kept`.
    """
    for left in reversed(range(_ANEW + 1)):
        try:
            send_kept(client, signs(at_head=head), at=at, vkey=vkey)
        except Refused as refused:
            if refused.code != _STALE or not left:
                raise
            head = _moved_to(refused)
        else:
            return


def _moved_to(refused: Refused) -> tuple[int, str | None] | None:
    """The head that a refusal names; None: it names none."""
    told = refused.problem.get("head")
    with understood():
        return None if told is None else (int(told["seq"]), told.get("prev"))


def send_kept(
    client: Client, signed: Statement, *, at: datetime | None = None, vkey: VKey | None = None
) -> None:
    """Sends a statement and tells its receipt; where it may be recorded all the same, it is kept.

    Only the same bytes are recorded once: whoever wrote the act anew would record it twice.

    Args:
        client: Of whoever signed.
        signed: The statement.
        at: The ledger's time; rehearsals only.
        vkey: The log's key as typed.

    Raises:
        Refused: Nothing was recorded.
        Refusal: The same; or it is kept, and where.
    """
    try:
        send(client, signed, at=at, vkey=vkey)
    except (Refusal, Carried, KeyboardInterrupt) as error:
        if (isinstance(error, Refused) and error.recorded == "nothing") or (
            isinstance(error, Refusal) and error.code == ABSENT
        ):
            raise
        raise _kept(signed, error, secret=client.closed) from error


def _kept(
    signed: Statement, error: Refusal | Carried | KeyboardInterrupt, *, secret: bool
) -> Refusal:
    """What is known of a statement that may be recorded, and how it is sent again.

    Args:
        signed: What was sent.
        error: What came instead of a receipt whose proof holds.
        secret: Whether the log is above ordinary: then no file here keeps it in the clear.
    """
    act_id, sent = str(signed.members["act_id"]), statements.flattened(signed)
    kept = None if secret else keep(UNSENT, f"{act_id}-{signed.seq}", orjson.dumps(sent))
    if kept is None:
        click.echo(orjson.dumps(statements.flattened(signed)).decode())
        told = Message(
            "{said} Sending the same again is safe, and records it once: keep what is printed above"
            " in a file, and run: socai act submit FILE"
        )
    else:
        told = Message(
            "{said} Sending the same again is safe, and records it once: socai act submit {file}"
        )
    known = _known(error)
    text = told.filled(said=known.text, file=kept)
    return Refusal(text, known.exit_code, known.code, {**known.found, "act_id": act_id})


def _known(error: Refusal | Carried | KeyboardInterrupt) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, KeyboardInterrupt):
        return broken_off()
    if isinstance(error, Unreachable):
        told = Message(
            "It was signed and sent, and no answer came: whether it is recorded is not known."
        )
        return Refusal(told, FAILED, "unreachable")
    return refusal_of(error) or Refusal(Wording(str(error), str(error)))


def keep(folder: str, name: str, data: bytes) -> Path | None:
    """Where the home keeps what is not to be lost; None where nothing can be written.

    What is kept under a name already stays as it is: other bytes get a number behind it.
    """
    place = Settings.from_env().home / folder
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for n in count(1):
            path = place / (f"{name}.json" if n == 1 else f"{name}-{n}.json")
            with suppress(FileExistsError):
                write_durably(path, data)
                return path
            if path.read_bytes() == data:
                return path
    except OSError:
        pass
    return None
