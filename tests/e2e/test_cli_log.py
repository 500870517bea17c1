"""`socai log …` against a running service: checkpoints to keep, and servers that are none."""

from __future__ import annotations

from pathlib import Path

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
    for role in ("api", "sealer", "projector"):
        (service.settings.seen_dir / role / "checkpoint").unlink()
    remembered = socai(home, "log", "remember", "-", stdin=kept.read_bytes())
    assert remembered.exit_code == 0, remembered.output
    for role in ("api", "sealer", "projector"):
        assert (service.settings.seen_dir / role / "checkpoint").read_bytes() == kept.read_bytes()
