"""`python -m tests.bench`: runs the groups, prints the table, writes the JSON."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console

from tests.bench import (
    anatomy,
    custody,
    durable,
    epoch,
    growth,
    keeping,
    listing,
    mirror,
    noted,
    peers,
    reads,
    rules,
    served,
    whole_log,
)
from tests.bench.row import Row, show
from tests.bench.run import Run, machine

GROUPS: Final[dict[str, Callable[[Run], Iterator[Row]]]] = {
    rules.GROUP: rules.rows,
    custody.GROUP: custody.rows,
    anatomy.GROUP: anatomy.rows,
    durable.GROUP: durable.rows,
    peers.GROUP: peers.rows,
    served.GROUP: served.rows,
    whole_log.GROUP: whole_log.rows,
    growth.GROUP: growth.rows,
    listing.GROUP: listing.rows,
    epoch.GROUP: epoch.rows,
    mirror.GROUP: mirror.rows,
    reads.GROUP: reads.rows,
    noted.GROUP: noted.rows,
    keeping.GROUP: keeping.rows,
}


def main() -> int:
    """0, however slow: a figure is reported, never red; 1 where a group could not be measured."""
    asked = _arguments()
    begun = time.monotonic()
    where = machine()
    rows: list[Row] = []
    failures: dict[str, str] = {}
    with Run(quick=asked.quick, soak=asked.soak) as run:
        for name in asked.groups or GROUPS:
            started = time.monotonic()
            try:
                rows += GROUPS[name](run)
            except Exception as error:  # one group's trouble hides no other's figures
                if asked.strict:
                    raise
                failures[name] = f"{type(error).__name__}: {error}"
            run.tell(f"{name}: {time.monotonic() - started:.0f} s")
    console = Console(width=None if sys.stdout.isatty() else 200)
    show(rows, console)
    seconds = time.monotonic() - begun
    console.print(
        f"{len(rows)} rows in {seconds:.0f} s on {where['cores']} cores;"
        f" load before {where['load'][0]:.1f}, plain fsync {where['fsync_us']:.0f} µs"
    )
    for name, reason in failures.items():
        console.print(f"{name} was not measured: {reason}", markup=False)
    report = {
        "machine": where,
        "quick": asked.quick,
        "seconds": round(seconds, 1),
        "failures": failures,
        "rows": [row.as_dict() for row in rows],
    }
    if asked.json is not None:
        asked.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="a first look in 90 seconds")
    parser.add_argument("--soak", action="store_true", help="ten million records too")
    parser.add_argument(
        "--strict", action="store_true", help="stop at a group that cannot be measured"
    )
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="default bench.json")
    asked = parser.parse_args()
    if unknown := set(asked.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
