"""Days, moments and keys as people type them, refused before anybody is asked.

What they mean is the server's to say: they go on as they were typed.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, Final

import click

from api.cli.terminal.shell import misuse
from ledger.message import Message

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{6,43}", re.ASCII)


class DayText(click.ParamType[str]):
    """A day, `2024-06-04`."""

    name = "day"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,  # noqa: ARG002  click's signature
        ctx: click.Context | None,  # noqa: ARG002  click's signature
    ) -> str:
        """The day that was typed."""
        if not _is_day(str(value)):
            misuse(
                Message("Nothing was asked: {value} is no day, e.g. 2024-06-04.", value=value),
            )
        return str(value)


class MomentText(click.ParamType[str]):
    """A day, or a time with its offset."""

    name = "time|day"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,  # noqa: ARG002  click's signature
        ctx: click.Context | None,  # noqa: ARG002  click's signature
    ) -> str:
        """The moment that was typed."""
        if not (_is_day(str(value)) or _is_time(str(value))):
            misuse(
                Message(
                    "Nothing was asked: {value} is neither a day, e.g. 2024-06-04, nor a time with"
                    " an offset, e.g. 2023-03-21T08:00:00+07:00.",
                    value=value,
                ),
            )
        return str(value)


class KeyId(click.ParamType[str]):
    """A key by its thumbprint, 43 letters of base64url, or by how that begins."""

    name = "kid"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,  # noqa: ARG002  click's signature
        ctx: click.Context | None,  # noqa: ARG002  click's signature
    ) -> str:
        """The thumbprint that was typed."""
        if _KEY.fullmatch(str(value)) is None:
            misuse(
                Message(
                    "Nothing was asked: {value} is no key; its 43 characters, of which the first"
                    " six may do, stand in: socai registry keys",
                    value=value,
                ),
            )
        return str(value)


def _is_day(text: str) -> bool:
    try:
        return _DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
