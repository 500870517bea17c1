"""How far a verification in bulk has come, kept in the home, so that one that was killed goes on.

Kept are counts, the page under way, and what is not valid; no content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from api.home import write_private

FOLDER = "verified"
"""Below the home."""


@dataclass
class Progress:
    """One run over a scope.

    Attributes:
        scope: What is verified, as it was asked for.
        size: Records that the checkpoint of its first page covers.
        note: That checkpoint, as it came.
        behind: Index behind which something must have been recorded; None: not asked.
        cursor: Of the page under way; None for the first.
        after: The last case of the page before: none is told of twice.
        done: Cases of that page that are verified.
        cases: How many are verified.
        records: How many of their records that checkpoint covers, of those behind `behind`.
        outcomes: Cases by outcome.
        faults: What is not plainly valid, in the order it was met.
        finished: Whether no page is left.
    """

    scope: dict[str, str]
    size: int = 0
    note: str = ""
    behind: int | None = None
    cursor: str | None = None
    after: str = ""
    done: list[str] = field(default_factory=list)
    cases: int = 0
    records: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False


class KeptProgress:
    """The file of one scope, of one officer in one log.

    Args:
        home: `SOCAI_HOME`.
        origin: Of the log.
        officer: Who verifies: somebody else sees other cases.
        scope: What is verified.
    """

    def __init__(self, home: Path, origin: str, officer: str, scope: Mapping[str, str]) -> None:
        self._scope = dict(scope)
        named = orjson.dumps([origin, officer, sorted(scope.items())])
        self.path = home / FOLDER / f"{hashlib.sha256(named).hexdigest()[:32]}.json"

    def read(self) -> Progress | None:
        """What is kept; None where there is nothing, or nothing that can be gone on with."""
        with suppress(OSError, ValueError, TypeError):
            found = Progress(**orjson.loads(self.path.read_bytes()))
            if found.scope == self._scope:
                return found
        return None

    def begin(self) -> Progress:
        """A new run; what was kept of an earlier one goes."""
        return Progress(self._scope)

    def keep(self, progress: Progress) -> None:
        """Writes it; whoever is killed meanwhile has the one before.

        Raises:
            OSError: It cannot be written.
        """
        fresh = self.path.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)
        write_private(fresh, orjson.dumps(asdict(progress)))
        fresh.replace(self.path)
