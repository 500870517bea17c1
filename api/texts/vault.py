"""What became of a letter to a reporter, in words: nothing of where it went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.message import Message

LETTERS: Final[Mapping[str, Message]] = {
    "sent": Message("It is sent."),
    "waits": Message("It waits: the vault, or the mail server, has not taken it yet."),
    "no_address": Message(
        "Not sent: the reporter left no address. Record ReporterInformed with UNTRACEABLE."
    ),
    "no_consent": Message(
        "Not sent: the reporter does not want to be contacted. Record ReporterInformed with"
        " DECLINED_CONTACT."
    ),
    "unknown": Message("Not sent: the vault has no reporter of this case under this token."),
    "refused": Message(
        "Not sent: the mail server does not take it for this reporter. Record ReporterInformed"
        " with UNTRACEABLE."
    ),
    "unreachable": Message("Not sent within a day: the mail server could not be reached."),
    "unsure": Message(
        "Perhaps sent: the vault or its connection ended meanwhile. It is not sent a second time."
    ),
    "malformed_identity": Message("Not sent: what the reporter left is no address of e-mail."),
    "unreadable": Message("Not sent: what the vault keeps of the reporter does not open."),
}
