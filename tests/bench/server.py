"""gunicorn as `api.http.wsgi` sets it up, with the bare routes beside the API in the same workers.

`python -m tests.bench.server DSN`: the bare routes' database; everything else comes from the
environment, as the API has it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from api.http.wsgi import Server
from api.ops import log_lines
from api.settings import Settings
from tests.bench.enclave import THREADS
from tests.bench.plain import PREFIX, bare_app

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class BesideServer(Server):
    """The API, and under `/bare` the routes it is measured against."""

    def __init__(self, settings: Settings, bare_dsn: str) -> None:
        self._bare_dsn = bare_dsn
        super().__init__(settings)

    def load(self) -> Wsgi:
        """One worker's two applications behind one door."""
        ours: Wsgi = super().load()
        bare: Wsgi = bare_app(self._bare_dsn, THREADS)

        def choose(environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
            chosen = bare if environ["PATH_INFO"].startswith(PREFIX) else ours
            return chosen(environ, start)

        return choose


def main() -> None:
    """Serves until told to stop."""
    settings = Settings.from_env()
    log_lines.configure(settings.log_level)
    BesideServer(settings, sys.argv[1]).run()


if __name__ == "__main__":
    main()
