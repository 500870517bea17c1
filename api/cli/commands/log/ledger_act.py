"""An act of the ledger's own stream by how its id begins, for who has the database and no session.

Erasures and ceremonies stand there; officers call acts by `addresses.py`.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import Final
from uuid import UUID

from api.cli.terminal.shell import misuse
from api.ops import database
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import Settings
from ledger.message import Message
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.streams.names import stream_id

_STREAM: Final = "ledger"
_BEGINNING: Final = re.compile(r"[0-9a-f]{6,8}(?:-[0-9a-f]{0,4}){0,3}(?:-[0-9a-f]{0,12})?")
_WHOLE: Final = re.compile(r"[0-9a-f]{8}(-?)(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}")
_OF_AN_ACT: Final = 4
"""Version of every act's id."""


def is_whole(text: str) -> bool:
    """Whether it is a whole id, with its dashes or without, and not how one begins."""
    return _WHOLE.fullmatch(_typed(text)) is not None


def ledger_act(settings: Settings, text: str) -> UUID:
    """The id that is meant; whole it is not looked up."""
    typed = _typed(text)
    if is_whole(typed):
        return _act(text, UUID(typed))
    if not _BEGINNING.fullmatch(typed):
        misuse(
            Message(
                "Nothing was done: {text} is no id of an act, whole or its first six characters or"
                " more.",
                text=text,
            )
        )
    with database.reachable(settings) as facts:
        dsn = role_dsn(settings, facts, "projector")
        require_schema(dsn)
        with closing(open_pool(dsn, most=1)) as pool:
            rows = PostgresRecords(pool).stream(stream_id(facts.origin, _STREAM))
            found = list(
                dict.fromkeys(one.act_id for one in rows if str(one.act_id).startswith(typed))
            )
    if not found:
        misuse(Message("Nothing was done: no act of the ledger begins with {text}.", text=text))
    if len(found) > 1:
        misuse(
            Message(
                "Nothing was done: {count} acts of the ledger begin with {text}: {ids}",
                count=len(found),
                text=text,
                ids=", ".join(map(str, found)),
            )
        )
    return found[0]


def _typed(text: str) -> str:
    return text.strip().lower()


def _act(text: str, act: UUID) -> UUID:
    if act.version != _OF_AN_ACT:
        misuse(Message("Nothing was done: {act} is no id of an act.", act=text))
    return act
