"""What an enclave notes in its home for other commands: where its API listens, the log's keys.

Read without the server's packages: an officer's commands ask it too.
"""

from __future__ import annotations

import contextlib
from typing import Final

import orjson

from api.settings import Settings

RUNNING: Final = "serve.json"
"""Stands in the home while the enclave is served, and says where."""
VKEYS: Final = "vkeys"
"""Public: what verifies the log's checkpoints, one key a line, those in force first."""
ACCESS_VKEYS: Final = "vkeys.access"
"""The same of the log of reads; for whoever may see its checkpoints."""


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
