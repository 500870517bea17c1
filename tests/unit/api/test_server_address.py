"""A slip in SOCAI_DATABASE_URL: a sentence, and no trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.home import EnclaveFacts, write_private
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError

_SLIPS = (
    ("postgresql://dba@127.0.0.1:5432/x?sslmod=require", 'query parameter: "sslmod"'),
    ("postgresql://dba@127.0.0.1:5432/%zz", "percent-encoded"),
)


@pytest.mark.parametrize(("url", "why"), _SLIPS)
@pytest.mark.parametrize("lang", ["en", "vi"])
def test_a_command_of_the_administrator_names_it(
    tmp_path: Path, url: str, why: str, lang: str
) -> None:
    """Nothing is made."""
    told = CliRunner().invoke(
        main,
        ["--lang", lang, "init", "--rehearsal", "--deployment", "x.example"],
        env={"SOCAI_HOME": str(tmp_path / "home"), "SOCAI_DATABASE_URL": url},
    )
    assert told.exit_code == 2, told.output
    assert "SOCAI_DATABASE_URL" in told.stderr
    assert why in told.stderr
    assert told.stderr.count("\n") == 1
    assert not (tmp_path / "home" / "keys").exists()


@pytest.mark.parametrize(("url", "why"), _SLIPS)
def test_whoever_logs_in_by_it_says_so(tmp_path: Path, url: str, why: str) -> None:
    """As every process and command that works with an enclave does."""
    settings = Settings.at(tmp_path, database_url=url)
    write_private(settings.secrets_dir / "reader.password", b"p")
    facts = EnclaveFacts(
        origin="x.example/ordinary",
        level="ordinary",
        rehearsal=False,
        slug="e_x",
        genesis="00",
        database={"host": "127.0.0.1", "port": 5432, "dbname": "e_x"},
    )
    with pytest.raises(SettingsError, match=why):
        role_dsn(settings, facts, "reader")
