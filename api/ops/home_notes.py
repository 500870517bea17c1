"""What an enclave notes in its home for other commands: where its API listens, the log's keys.

Read without the server's packages: an officer's commands ask it too.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Final

import orjson

from api.settings import Settings

RUNNING: Final = "serve.json"
"""Stands in the home while the enclave is served, and says where."""
VKEYS: Final = "vkeys"
"""Public: what verifies the log's checkpoints, one key a line, those in force first."""
ACCESS_VKEYS: Final = "vkeys.access"
"""The same of the log of reads; for whoever may see its checkpoints."""


AUDITED: Final = "audited.json"
"""When this home was last given an audit, and whether all was sound."""


def write_audited(settings: Settings, at: datetime, *, ok: bool) -> None:
    """Notes an audit of the whole log, for whoever watches, where the home can be written."""
    path = settings.home / AUDITED
    with contextlib.suppress(OSError):
        draft = path.with_suffix(".draft")
        draft.write_bytes(orjson.dumps({"at": at.timestamp(), "ok": ok}))
        draft.replace(path)


def last_audited(settings: Settings) -> tuple[float, bool]:
    """When, in seconds, and whether all was sound; 0 where no such note can be read."""
    try:
        note = orjson.loads((settings.home / AUDITED).read_bytes())
        return float(note["at"]), note["ok"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, False


def url_of(host: str, port: int) -> str:
    """Where a person or a client of this machine reaches the API."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104  compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def write_running(settings: Settings, url: str) -> None:
    """Notes in the home where its API listens, for the other commands."""
    path = settings.home / RUNNING
    with contextlib.suppress(OSError):
        path.write_bytes(orjson.dumps({"url": url}))


def forget_running(settings: Settings) -> None:
    """Takes the note back."""
    with contextlib.suppress(OSError):
        (settings.home / RUNNING).unlink(missing_ok=True)


def running_url(settings: Settings) -> str:
    """Where the API of this home listens, or would by its settings."""
    try:
        return str(orjson.loads((settings.home / RUNNING).read_bytes())["url"])
    except (OSError, ValueError, KeyError):
        return url_of(settings.host, settings.port)
