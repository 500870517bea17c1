"""`socai sign-next`: what waits for the caller's signature, one after the other, in words.

The bytes are those that the author signed; they are shown, then signed, given back or left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from api.cli.commands.officer import ABSENT, NOT_THERE, encoded, payload_of
from api.cli.commands.signer_options import identity, signing_time, vkey_option
from api.cli.commands.writing.judging import (
    TURN,
    CheckAnswer,
    judged,
    waits_no_more,
)
from api.cli.commands.writing.recording import Recording, ask, no_post, unanswered
from api.cli.terminal.error_messages import refusal_of
from api.cli.terminal.shell import FAILED, Refusal, Shell, shell_of
from api.cli.terminal.typed_values import MOMENT
from api.cli.terminal.writing import act_shown
from api.cli.terminal.writing.answers import NO, YES, plain
from api.client.client import Client
from api.client.connection import Refused, understood
from api.client.draft import keeper
from api.client.draft_sources import DraftSources
from api.ops.machine import RealEntropy
from keys import canonical
from keys.note import VKey
from ledger.admission.registrar import registry_act
from ledger.log.statement import RETURNER
from ledger.message import Message, Wording

Json = Mapping[str, Any]
RETURNING: Final = "ActReturned"
_SIGN: Final = YES | {"ky", "sign"}
"""Without `s`: where an act is written, it is `sửa`, which changes an answer."""
_RETURN: Final = frozenset({"t", "tra", "r", "return"})
_BYTES: Final = frozenset({"b", "byte", "bytes"})
_LEAVE: Final = NO | {"", "skip"}
_UNSHOWN: Final = frozenset({"erased", "other_bytes"})
"""Why the bytes of one act are not shown; those behind it wait no longer for that."""
_OF_ONE: Final = frozenset(
    {
        *(ABSENT, "guard", "rejected", "taken", "act_erased", "act_in_part", "stream_erased"),
        *("stream_set_aside", "attachment_missing", "identity_missing"),
    }
)
"""What the server refuses of one act, and not of everything that its signer would send."""
_END: Final = frozenset({"d", "dung", "q", "quit"})


@click.command("sign-next")
@click.option("--at", type=MOMENT, default=None, help="The ledger's time; rehearsals only.")
@vkey_option
@identity
def sign_next(client: Client, at: datetime | None, vkey: VKey | None) -> None:
    """Sign what waits for you, one after the other: each is shown in words first.

    Each is signed, given back with a reason, or left for later. What the ledger would refuse is
    said before, and not signed; where it refuses one all the same, the next is shown. Exit 1 then.
    """
    shell = shell_of()
    waiting = list(_waiting(client, at))
    done: Counter[str] = Counter()
    if not waiting:
        shell.done(Message("Nothing waits for your signature."), signed=0, returned=0, left=0)
        return
    recording = Recording(client, shell, at, vkey=vkey)
    try:
        for n, task in enumerate(waiting, 1):
            case, act = _called(task)
            told = Message("{n} of {of}: {case}, {act}", n=n, of=len(waiting), case=case, act=act)
            shell.note(told)
            outcome = _outcome_of(recording, task)
            if outcome is None:
                break
            done[outcome] += 1
    except click.Abort as error:
        if not done:
            raise unanswered("socai act sign --countersign ACT") from error
    except Exception:
        if done:  # what is said next is of the one act that failed
            shell.note(_outcome(_counts(done, len(waiting))))
        raise
    _end(shell, _counts(done, len(waiting)), done["refused"])


def _outcome_of(recording: Recording, task: Json) -> str | None:
    """As `_Turn.take`, or `refused`: nothing of this act was recorded, and the next may be."""
    try:
        payload = _shown(recording, task)
        return "left" if payload is None else _Turn(recording, task, payload).take()
    except (Refused, Refusal) as error:
        refusal = error if isinstance(error, Refusal) else refusal_of(error)
        if error.code not in _OF_ONE or refusal is None:
            raise
        absent = error.code == ABSENT  # whether it is read or sent
        recording.shell.note(_why_absent(recording, task) if absent else refusal.text)
        return "refused"


def _why_absent(recording: Recording, task: Json) -> Message:
    """What is not told of a case is told of oneself: a post that has ended meanwhile."""
    client = recording.client
    sources = DraftSources(client, str(task["stream"]), recording.at)
    return NOT_THERE if sources.posts else no_post(client)


def _shown(recording: Recording, task: Json) -> bytes | None:
    """The bytes of an act; None where they cannot be shown, which is told."""
    try:
        return payload_of(recording.client, str(task["act_id"]))
    except Refusal as refused:
        if refused.code not in _UNSHOWN:
            raise
        recording.shell.note(refused.text)
        return None


def _waiting(client: Client, at: datetime | None) -> Iterator[Json]:
    body = client.read("/v1/worklist", at=at).body
    with understood():
        yield from body["sign"]


def _called(task: Json) -> tuple[str, Wording]:
    """The number of its case, and what it is."""
    number = task["case_number"] or task["register_no"] or task["stream"]
    act = Wording(str(task["act_vi"] or task["act"]), str(task["act_en"] or task["act"]))
    return str(number), act


def _outcome(counts: Mapping[str, int]) -> Message:
    return Message(
        "Signed: {signed}. Given back: {returned}. Still waiting: {left}.",
        signed=counts["signed"],
        returned=counts["returned"],
        left=counts["left"],
    )


def _end(shell: Shell, counts: Mapping[str, int], refused: int) -> None:
    """How it went with all of them. Raises: Refusal: one was refused, as was said at its turn."""
    if refused:
        told = Message(
            "{outcome} Refused, as is said above: {n}.", outcome=_outcome(counts), n=refused
        )
        raise Refusal(told, FAILED, "refused", {**counts, "refused": refused})
    shell.done(_outcome(counts), **counts)


def _counts(done: Mapping[str, int], waiting: int) -> dict[str, int]:
    signed, returned, ended = (done.get(name, 0) for name in ("signed", "returned", "ended"))
    return {"signed": signed, "returned": returned, "left": waiting - signed - returned - ended}


class _Turn:
    """One act that waits, and what its signer makes of it."""

    def __init__(self, recording: Recording, task: Json, payload: bytes) -> None:
        self._recording, self._payload = recording, payload
        self._client, self._shell = recording.client, recording.shell
        self._task = task
        self._reason = ""

    def take(self) -> str | None:
        """`signed`, `returned`, `left`, `ended` or `refused`; None: the caller ends here."""
        payload = self._payload
        members = canonical.parse(payload)
        self._sources = DraftSources(
            self._client, str(self._task["stream"]), self._recording.at, _called(self._task)[0]
        )
        head = self._client.head(str(members["stream"]), act=members, at=self._recording.at)
        role = str(self._task["role"])
        stand_in = self._client.stand_in(members, role=role, at=self._recording.at)
        act_shown.to_sign(self._shell, self._sources, payload, stand_in)
        act_shown.signed_since(self._shell, self._sources, str(members["act_id"]))
        verdict = judged(self._client, members, self._recording.at, self._shell.lang)
        if verdict.code == TURN:
            self._shell.note(waits_no_more(str(self._task["act_id"])))
            return "ended"
        asked = self._question(verdict, members)
        while True:
            word = plain(ask(self._shell, asked))
            if word in _END:
                return None
            if word in _RETURN:
                return self._return(members)
            if word in _SIGN and verdict.ok:
                stream = str(members["stream"])
                sent = self._recording.send(payload, stream, head, role=role, stand_in=stand_in)
                return "signed" if sent else self.take()
            if word in _BYTES:
                act_shown.raw_bytes(payload)
            elif word in _LEAVE:
                return "left"

    def _question(self, verdict: CheckAnswer, members: Json) -> Message:
        """What may be answered, and before it what is noticed, or why it is not to be signed."""
        if verdict.ok:
            self._recording.tell_marks(verdict, members, self._sources)
            return Message("y sign it, r give it back, Enter leave it for later, b bytes, q end")
        told = verdict.detail or verdict.code
        self._shell.note(Message("The ledger would refuse your signature: {error}", error=told))
        return Message("r give it back, Enter leave it for later, b bytes, q end")

    def _return(self, members: Json) -> str | None:
        """Gives it back with a reason; the act is dead then, and its author told why."""
        self._ask_reason()
        stream, at = str(members["stream"]), self._recording.at
        post = next(
            (
                one
                for one in self._sources.posts
                if one["post"] == self._task["post"] or self._task["post"] is None
            ),
            self._sources.posts[0],
        )
        now = at or signing_time(self._client)
        made = registry_act(
            RETURNING,
            act_id=str(RealEntropy().uuid()),
            stream=stream,
            at=now,
            facts={"reason": self._reason},
            signers=[keeper(post, str(self._client.officer))],
        )
        made["refers_to"] = str(self._task["act_id"])
        made = dict(self._client.with_seen(made, at=at))
        verdict = judged(self._client, made, at, self._shell.lang)
        if not verdict.ok:
            told = verdict.detail or verdict.code
            self._shell.note(Message("The ledger would refuse it: {error}", error=told))
            return "refused"
        head = self._client.head(stream, act=made, at=at)
        sent = self._recording.send(encoded(made), stream, head, role=RETURNER)
        return "returned" if sent else self.take()

    def _ask_reason(self) -> None:
        """What was typed before the case moved is kept by Enter."""
        asked = Message("Why (everybody who sees the case reads it)")
        if self._reason:
            asked = Message("Why, or Enter for what you wrote: {reason}", reason=self._reason)
        while True:
            self._reason = ask(self._shell, asked).strip() or self._reason
            if self._reason:
                return
