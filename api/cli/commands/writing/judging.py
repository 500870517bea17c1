"""What the server says to an act before anybody signs it; asking records nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from api.cli.terminal.shell import fail
from api.client.client import Client
from api.client.connection import understood
from api.texts.lang import Lang
from ledger.errors import Fault
from ledger.message import Message, Wording

Json = Mapping[str, Any]


TURN: Final = "SIGNER_ORDER"
"""What an act is refused by that waited when the list was read, and waits no more."""


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """What the server says to an act that nobody has signed yet.

    Attributes:
        ok: Whether it would be recorded now.
        code: The guard, or the code of the problem.
        detail: Its sentence.
        faults: What is wrong, with where it stands.
        flags: Codes that it would carry.
        warnings: Where a person seems to be named, and as what.
    """

    ok: bool
    code: str
    detail: str
    faults: Sequence[Fault]
    flags: Sequence[str]
    warnings: Sequence[tuple[str, str]]


def judged(client: Client, members: Json, at: datetime | None, lang: Lang) -> CheckAnswer:
    """The server's verdict; nothing is recorded by asking."""
    told = client.check(members, at=at)
    with understood():
        return CheckAnswer(
            bool(told["ok"]),
            str(told.get("guard") or told.get("code") or ""),
            str(told.get("detail") or ""),
            [
                Fault(str(one["pointer"]), Wording(str(one["detail"]), str(one["detail"])))
                for one in told.get("errors", ())
            ],
            [*told["flags"]],
            [(str(one["pointer"]), str(one[lang])) for one in told["warnings"]],
        )


def require_lawful(client: Client, members: Json, at: datetime | None, lang: Lang) -> CheckAnswer:
    """Ends the command where the server would refuse; nothing is signed then."""
    verdict = judged(client, members, at, lang)
    if not verdict.ok:
        refuse(verdict)
    return verdict


def waits_no_more(act_id: str) -> Message:
    """Why an act is refused by `TURN` that waited for somebody's signature."""
    return Message(
        "Nothing was signed: this act waits for your signature no more; it was withdrawn, given"
        " back or signed by somebody else, or what let you sign it has ended. What became of"
        " it: socai act show {act_id}",
        act_id=act_id,
    )


def refuse(verdict: CheckAnswer) -> NoReturn:
    """One sentence: what the server would say."""
    told = [verdict.detail or verdict.code]
    for fault in verdict.faults:
        said = f"{fault.pointer.lstrip('/')}: {fault.text}" if fault.pointer else str(fault.text)
        if str(fault.text) not in told[0]:
            told.append(said)
    fail(
        Message(
            "Nothing was signed: the ledger would refuse it. {code}: {error}",
            code=verdict.code,
            error=" ".join(told),
        ),
        verdict.code,
    )
