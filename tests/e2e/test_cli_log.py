"""`socai log …` against a running service: checkpoints to keep, and servers that are none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from ledger.log.checkpoint import unverified
from tests.fixtures.app import Service, listening


def socai(home: Path, *words: str, lang: str = "en", stdin: bytes | None = None) -> Result:
    """One call of the command, in this process."""
    env = {"SOCAI_HOME": str(home), "SOCAI_MIN_FREE_MIB": "0"}
    return CliRunner().invoke(main, ["--lang", lang, *words], env=env, input=stdin)


@pytest.mark.postgres
def test_a_checkpoint_is_printed_kept_and_taken_again(service: Service, tmp_path: Path) -> None:
    """What is to be kept elsewhere is one command away, and every command takes it."""
    service.hire("hotline")
    home, kept = service.settings.home, tmp_path / "kept.checkpoint"
    with listening(service) as url:
        printed = socai(home, "log", "checkpoint", "--server", url)
        told = socai(home, "log", "checkpoint", "--server", url, "--json")
    assert printed.exit_code == 0, printed.output
    kept.write_bytes(printed.stdout_bytes)
    assert kept.read_bytes() == service.newest()
    said = orjson.loads(told.stdout)
    assert (said["size"], said["note"]) == (
        unverified(kept.read_bytes()).size,
        kept.read_text("utf-8"),
    )
    audited = socai(home, "log", "audit", "--no-views", "--workers", "0", "--checkpoint", str(kept))
    assert audited.exit_code == 0, audited.output
    service.halt()
    for role in ("api", "checkpointer", "projector"):
        (service.settings.seen_dir / role / "checkpoint").unlink()
    remembered = socai(home, "log", "remember", "-", stdin=kept.read_bytes())
    assert remembered.exit_code == 0, remembered.output
    for role in ("api", "checkpointer", "projector"):
        assert (service.settings.seen_dir / role / "checkpoint").read_bytes() == kept.read_bytes()


GOOD: Final[dict[str, Any]] = {
    "origin": "bacninh.example/ordinary",
    "level": "ordinary",
    "rehearsal": False,
    "size": 0,
    "records": 0,
    "genesis": "00" * 32,
    "now": "2026-05-06T07:08:09.000Z",
    "vkeys": ["x"],
    "recoveries": [],
}
"""What a ledger says of itself, as far as every command reads it."""


@pytest.fixture
def says() -> Iterator[Callable[[object], str]]:
    """A server that answers every request with one body; its address."""
    with ExitStack() as stack:

        def serve(body: object, status: int = 200) -> str:
            data = body if isinstance(body, bytes) else orjson.dumps(body)

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

                def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the library's
                    pass

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        b"<!doctype html><title>It works</title>",
        b"\xff",
        {**GOOD, "recoveries": [{"index": 3, "size": 2, "lost": []}]},
        {**GOOD, "recoveries": [{"index": 3, "size": 2, "lost": [{"size": "9"}]}]},
        {**GOOD, "recoveries": 7},
        {**GOOD, "now": "yesterday"},
        {**GOOD, "now": None},
        {**GOOD, "genesis": "junk"},
        {**GOOD, "genesis": "00"},
        {**GOOD, "size": "1"},
        {**GOOD, "set_aside": [{}]},
        {**GOOD, "vkeys": []},
        {**GOOD, "vkeys": None},
        {**GOOD, "origin": None},
    ],
)
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_what_is_no_socai_server_is_one_sentence(
    says: Callable[[object], str], tmp_path: Path, body: object, lang: str
) -> None:
    """A strange, old or hostile server: exit 2 and what to look at, never a trace."""
    told = socai(tmp_path, "log", "status", "--server", says(body), lang=lang)
    assert told.exit_code == 2, told.output
    assert ("không phải máy chủ socai" if lang == "vi" else "no socai server") in told.stderr
    assert told.stderr.count("\n") == 1
    assert not told.stdout


def test_what_a_ledger_says_is_read(says: Callable[..., str], tmp_path: Path) -> None:
    """The server of the tests above is refused for what is wrong with it, and for nothing else."""
    assert socai(tmp_path, "log", "status", "--server", says(GOOD)).exit_code == 0
    url = says(b"<title>404</title>", status=404)
    assert socai(tmp_path, "log", "status", "--server", url).exit_code == 2
