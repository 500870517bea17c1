"""Tries one mutation again, as a failing test prints it: log, seed, number and kind."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from api.ops.embedded_postgres import Embedded
from tests.mutation.run import benches


def main(log: str, seed: str, number: str, kind: str) -> None:
    """Prints what became of it."""
    with tempfile.TemporaryDirectory() as home:
        server = Embedded(Path(home) / "server")
        server.start()
        try:
            bench = next(bench for name, bench in benches(server) if name == log)
            (spec,) = (spec for spec in bench.specs if str(spec) == kind)
            for outcome in bench.tried([(spec, int(number))], int(seed)):
                print(outcome.fate, outcome.said, *outcome.done, sep="\n")  # noqa: T201
        finally:
            server.stop()


main(*sys.argv[1:])
