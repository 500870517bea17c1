"""The register of copies of a case at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.cli.terminal.participant_tables import PostNames
from api.cli.terminal.shell import Shell
from api.client.connection import understood
from api.texts.case_words import when
from api.texts.labels import permit_standing
from ledger.message import Message

_PERMITS: Final = {"act": 8, "status": 9, "by": 16, "until": 10, "count": 5, "ground": 16}
_COPIES: Final = {"at": 10, "number": 8, "act": 8, "by": 16, "what": 20}
_SHOWN: Final = len("sha-256:") + 10


def register(shell: Shell, body: Mapping[str, Any], names: PostNames) -> None:
    """Permits, then copies; each list says so where it is empty."""
    permits = [
        (
            one["act_id"][:8],
            permit_standing(one["standing"], shell.lang),
            names.by([one], one["officer"]),
            when(one["until"]),
            f"{one['given']}/{len(one['numbers'])}",
            one["purpose"],
        )
        for one in body["permits"]
    ]
    if not permits:
        shell.say(Message("No copy of this case may leave: nobody has signed ExportPermitted."))
        return
    shell.table(tuple(_PERMITS), permits, widths=_PERMITS, whole=())
    with understood():  # a row that can be read says what left
        rows = [_row(shell, one, names) for one in body["copies"]]
    if not rows:
        shell.say(Message("No copy has been handed out yet."))
        return
    shell.table(tuple(_COPIES), rows, widths=_COPIES, whole=())


def _row(shell: Shell, one: Mapping[str, Any], names: PostNames) -> tuple[object, ...]:
    if not one["readable"]:
        text = shell.text(Message("this row cannot be read: socai log audit"))
        return when(one["at"]), "", one["permit"][:8], "", text
    by = names.by(one["posts"], one["officer"])
    return when(one["at"]), one["number"], one["permit"][:8], by, _digest(one["file"])


def _digest(file: str) -> str:
    """Enough of a digest to know a file by; the whole of it is in `--json`."""
    return f"{file[:_SHOWN]}…"
