"""What an enclave notes in its home for other commands: where its API listens, the log's keys.

Read without the server's packages: an officer's commands ask it too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson

from api.settings import Settings, SettingsError
from keys.errors import KeysError, Malformed
from keys.note import VKey
from ledger.message import Message

RUNNING: Final = "serve.json"
"""Stands in the home while the enclave is served, and says where."""
VKEYS: Final = "vkeys"
"""Public: what verifies the log's checkpoints, one key a line, those in force first."""
ACCESS_VKEYS: Final = "vkeys.access"
"""The same of the log of reads; for whoever may see its checkpoints."""


AUDITED: Final = "audited.json"
"""When this home was last given an audit, whether all was sound, and what it was asked."""
_OF_BEFORE: Final = ("content", "views", "definitions", "files")
"""What an audit asked whose note does not say."""


def write_audited(settings: Settings, at: datetime, asked: Sequence[str], *, ok: bool) -> bool:
    """Notes an audit of this home's log, for whoever watches, where the home can be written.

    Damage stays noted until an audit is sound that asked as much as the one that found it.

    Args:
        settings: Of the home.
        at: When it was over.
        asked: What was checked beside the log as it lies, a word each.
        ok: Whether it was sound.

    Returns:
        Whether what is noted now is this one.
    """
    path = settings.home / AUDITED
    found_by = _damage_found_by(settings)
    if ok and not found_by <= set(asked):
        return False
    with contextlib.suppress(OSError):
        draft = path.with_suffix(".draft")
        by = set(asked) if ok else found_by | set(asked)
        note = {"at": at.timestamp(), "ok": ok, "asked": sorted(by)}
        draft.write_bytes(orjson.dumps(note))
        draft.replace(path)
    return True


def _damage_found_by(settings: Settings) -> set[str]:
    """What was asked by the audits that found damage, where none has been as wide since."""
    try:
        note = orjson.loads((settings.home / AUDITED).read_bytes())
        return set() if note["ok"] is True else set(map(str, note.get("asked", _OF_BEFORE)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


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
    except (OSError, ValueError, KeyError, TypeError):
        return url_of(settings.host, settings.port)


def noted_vkeys(settings: Settings, name: str = VKEYS) -> list[VKey]:
    """The keys of a log as its home noted them, those in force first; none where it notes none.

    Raises:
        SettingsError: The note is damaged: whoever went on would take a server's word instead.
    """
    path = settings.home / name
    try:
        keys = [VKey.parse(line) for line in path.read_text("ascii").split()]
        if not keys:
            raise Malformed("it has no key")
    except FileNotFoundError:
        return []
    except (KeysError, ValueError) as error:
        raise SettingsError(
            Message("{facts_path} is damaged: {error}", facts_path=path, error=error)
        ) from error
    return keys
