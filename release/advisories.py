"""Known weaknesses of what is shipped: asked of OSV, else of PyPI, now; an old list is never read.

`python -m release.advisories`: status 0 where none is known, 1 where one is, 2 where nobody could
be asked, which is no "none".
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from api.ops.machine import RealClock
from release.shipped import ROOT

SOURCES: Final = ("osv", "pypi")
Ask = Callable[[str], tuple[int, str, str]]
"""Asks a source: exit status, standard output and standard error of pip-audit."""
NONE_KNOWN, KNOWN, NOT_CHECKED = range(3)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sources said.

    Attributes:
        status: `NONE_KNOWN`, `KNOWN` or `NOT_CHECKED`.
        lines: To be read, the first one whole.
    """

    status: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def asked(ask: Ask, at: datetime) -> Answer:
    """Asks each source until one has answered about every package.

    Args:
        ask: Runs pip-audit.
        at: When.
    """
    silent = []
    for source in SOURCES:
        _, out, err = ask(source)
        try:
            rows = orjson.loads(out)["dependencies"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            silent.append(f"{source}: {(err.strip().splitlines() or ['no answer'])[-1]}")
            continue
        known = [f"{row['name']} {row['version']}: {_named(row)}" for row in rows if _weak(row)]
        unasked = [row["name"] for row in rows if "skip_reason" in row]
        if known:
            head = (
                f"{at:%Y-%m-%d %H:%M} UTC, {source}: {len(known)} packages have known weaknesses."
            )
            return Answer(KNOWN, (head, *known, *_not(unasked)))
        if rows and not unasked:
            head = (
                f"{at:%Y-%m-%d %H:%M} UTC, {source}: none of {len(rows)} packages has a known one."
            )
            return Answer(NONE_KNOWN, (head,))
        silent.append(f"{source}: knows nothing of {len(unasked)} of {len(rows)} packages")
    return Answer(NOT_CHECKED, ("NOT CHECKED: no advisory source answers.", *silent))


def pip_audit(requirements: Path) -> Ask:
    """Asks by pip-audit, about pinned requirements with hashes."""
    tool = (sys.executable, "-m", "pip_audit")

    def ask(source: str) -> tuple[int, str, str]:
        words = [
            "--requirement",
            str(requirements),
            "--vulnerability-service",
            source,
        ]
        run = subprocess.run(  # noqa: S603  a tool of the lock
            [*tool, *words, "--disable-pip", "--format=json", "--progress-spinner=off"],
            capture_output=True,
            text=True,
            check=False,
        )
        return run.returncode, run.stdout, run.stderr

    return ask


def export(uv: str, into: Path) -> Path:
    """What is shipped, pinned by the lock, as pip reads it."""
    words = ["--frozen", "--quiet", "--no-dev", "--all-extras", "--no-emit-project"]
    subprocess.run([uv, "export", *words, "--output-file", into], cwd=ROOT, check=True)  # noqa: S603
    return into


def _weak(row: Mapping[str, Any]) -> bool:
    return bool(row.get("vulns"))


def _named(row: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{one['id']} (mended in {', '.join(one.get('fix_versions', ())) or 'no version yet'})"
        for one in row["vulns"]
    )


def _not(unasked: Sequence[str]) -> tuple[str, ...]:
    return (f"Not checked: {', '.join(unasked)}.",) if unasked else ()


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        answer = asked(pip_audit(export(sys.argv[1], Path(folder, "all.txt"))), RealClock().now())
    sys.stdout.write(str(answer))
    sys.exit(answer.status)
