"""The API with a log of reads that takes nothing: the same reads, of which no row is kept.

`python -m tests.bench.unnoted`: settings from the environment, as the API has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api.http.app import create_app
from api.http.wsgi import Server
from api.ops import log_lines
from api.ops.wiring.enclave import Enclave
from api.settings import Settings
from ledger.reads.read import NotedRead


class Nothing:
    """Notes nothing."""

    def note(self, reads: Sequence[NotedRead]) -> None:
        """See `ReadLog`."""

    def note_at(self, read: NotedRead, chain: UUID, seq: int, prev: str | None) -> bool:
        """See `ReadLog`."""
        del read, chain, seq, prev
        return True


class UnnotedServer(Server):
    """As the API is served, but for the rows."""

    def load(self) -> Any:  # noqa: ANN401  a WSGI application
        """One worker's application."""
        enclave = Enclave.wired(self._settings)
        enclave.start()
        enclave.reads = Nothing()
        return create_app(enclave, self._budgets)


def main() -> None:
    """Serves until told to stop."""
    settings = Settings.from_env()
    log_lines.configure(settings.log_level)
    UnnotedServer(settings).run()


if __name__ == "__main__":
    main()
