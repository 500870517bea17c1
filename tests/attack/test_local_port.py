"""The embedded server and the other users of its machine."""

from __future__ import annotations

import socket
from pathlib import Path

import psycopg
import pytest

from api.ops import database
from api.ops.embedded_postgres import Embedded
from api.settings import Settings
from tests.attacks import attack

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("made_clusters")]


@attack(
    "another user of the machine tries passwords at the embedded server",
    stopped_by="it listens on a socket in the home alone, a folder of mode 0700",
    noticed_by="-",
)
def test_the_embedded_server_listens_on_no_port(tmp_path: Path) -> None:
    """Nor does that of an earlier home, whose own settings still name loopback."""
    server = Embedded(tmp_path / "home")
    try:
        for _ in range(2):
            with psycopg.connect(server.start()) as connection:
                told = connection.execute("SHOW listen_addresses").fetchone()
            assert told == ("",)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port), 5)
            assert (tmp_path / "home/pg/run").stat().st_mode & 0o777 == 0o700
            server.stop()
            with (tmp_path / "home/pg/data/postgresql.conf").open("a") as conf:
                conf.write("listen_addresses = '127.0.0.1'\n")
    finally:
        server.stop()


def test_a_supervisor_sees_whether_it_listens(tmp_path: Path) -> None:
    """By the socket, since there is no port to ask at."""
    settings = Settings.at(tmp_path / "home")
    assert not database.embedded_down(settings)  # there is none
    server = Embedded(settings.home)
    server.start()
    assert not database.embedded_down(settings)
    server.stop()
    assert database.embedded_down(settings)
