"""What a home keeps of what was shown: the rows of the last list, and up to which record.

`socai case show 3` means the third row of it; of lists ids are kept and nothing else, of one
officer, log and terminal, for an hour, and of the ordinary level alone: above it no file is made
of a list (access.md A23). `socai changes` goes on behind the last visit, of which a number is kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from api.client.client import Client
from api.home import write_private
from api.ops.machine import RealClock
from api.settings import Settings

ROW: Final = re.compile(r"[1-9][0-9]{0,3}")
"""How a row is written; of a number of a case that looks so, see `addresses.py`."""
CASES: Final = "cases"
ACTS: Final = "acts"
_FILE: Final = "shown.json"
KEPT: Final = timedelta(hours=1)
_ORDINARY: Final = "/ordinary"


def keep(client: Client, kind: str, ids: Sequence[str]) -> None:
    """Keeps the ids of a list in the order of its rows; where that cannot be, there are no rows."""
    if not client.origin.endswith(_ORDINARY):
        return
    now = RealClock().now().isoformat()
    of = [*_of(client), _terminal()]
    _write(_path(), {"of": of, "kind": kind, "at": now, "ids": list(ids)})


def visited(client: Client) -> int | None:
    """Up to which record an officer has been told what is new in a log; None: never yet."""
    client.login()
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        return int(orjson.loads(_visits().read_bytes())["/".join(_of(client))])
    return None


def visit(client: Client, index: int) -> None:
    """Keeps that, beside what is kept of other logs and officers."""
    known: dict[str, int] = {}
    with suppress(OSError, ValueError):
        read = orjson.loads(_visits().read_bytes())
        known = read if isinstance(read, dict) else {}
    _write(_visits(), {**known, "/".join(_of(client)): index})


def _write(path: Path, body: object) -> None:
    """In place of what was there; where that cannot be, nothing is kept."""
    fresh = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        fresh.unlink(missing_ok=True)
        write_private(fresh, orjson.dumps(body))
        fresh.replace(path)


def row(client: Client, kind: str, n: int) -> str | None:
    """The id in a row; None: there is none, or the list was another's or too long ago.

    Also where it was shown in another terminal: whoever works in two of them sees two lists.
    """
    client.login()
    with suppress(OSError, ValueError, TypeError, KeyError, IndexError):
        body = orjson.loads(_path().read_bytes())
        passed = RealClock().now() - datetime.fromisoformat(body["at"])
        of = [*_of(client), _terminal()]
        if timedelta() <= passed <= KEPT and body["of"] == of and body["kind"] == kind:
            return str(body["ids"][n - 1])
    return None


def _terminal() -> str:
    """Its name; empty where nobody looks."""
    for descriptor in range(3):
        with suppress(OSError):
            return os.ttyname(descriptor)
    return ""


def _path() -> Path:
    return Settings.from_env().home / _FILE


def _of(client: Client) -> list[str]:
    return [client.origin, str(client.officer)]


def _visits() -> Path:
    return Settings.from_env().home / "visited.json"
