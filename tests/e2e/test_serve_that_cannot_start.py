"""`socai serve` where a secret, key or memory will not do: it ends, and says which.

No other start mends that, and whoever looked after it would see a service that starts again and
again instead of a sentence.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from api.ops.child_processes import MISUSED, python
from api.ops.embedded_postgres import Embedded
from api.ops.role_lock import require_unserved
from api.ops.service.roles import ROLES
from api.settings import Settings, child_environment
from tests.fixtures.founded import founded

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.operation]
_LONG_S: Final = 300
_GONE: Final = (
    "keys/log.socaikey",
    "secrets/session.key",
    "secrets/reader.password",
    "seen/api",
    *(
        pytest.param(gone, marks=pytest.mark.drill)
        for gone in (
            "keys/kek.socaikek",
            "keys/service.socaikey",
            "secrets/passphrase",
            "secrets/ticket.key",
        )
    ),
)
"""A key and a secret that a process finds as it begins, two that are asked for before; the drills
take away every other one: each is a whole service that starts and ends."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A founded rehearsal that nobody serves."""
    settings = founded(Settings.at(tmp_path_factory.mktemp("unfit") / "home"))
    Embedded(settings.home).stop()
    yield settings.home
    Embedded(settings.home).stop()  # the API alone leaves it to the others


def served(home: Path, lang: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`socai serve` as an operator types it; it must end by itself."""
    return subprocess.run(
        python("-m", "api.cli.main", "--lang", lang, "serve", *words),
        env=child_environment(Settings.at(home, workers=2, port=0)),
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONG_S,
    )


@pytest.mark.parametrize("gone", _GONE)
def test_what_is_not_there_ends_it_and_is_named(home: Path, gone: str) -> None:
    """Nothing is left running, not even the database; and nothing is started again and again."""
    there, away = home / gone, home / "away"
    there.rename(away)
    try:
        done = served(home, "en")
    finally:
        away.rename(there)
    assert done.returncode == MISUSED, done.stderr
    assert str(there) in done.stderr, done.stderr
    assert "starting it again" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not Embedded(home).running
    assert not (home / "serve.json").exists()
    require_unserved(home, *ROLES)


@pytest.mark.parametrize(
    ("lang", "why", "next_"),
    [
        pytest.param(
            "en",
            "wrong passphrase, or the file was changed",
            "then run socai serve again",
            marks=pytest.mark.drill,
        ),
        ("vi", "sai mật khẩu, hoặc tệp đã bị sửa", "rồi chạy lại socai serve"),
    ],
)
def test_a_wrong_passphrase_ends_it_in_one_language(
    home: Path, lang: str, why: str, next_: str
) -> None:
    """Whoever mistyped it sees that, and what to do next, in the last line."""
    passphrase = home / "secrets/passphrase"
    right = passphrase.read_bytes()
    passphrase.write_bytes(b"another one")
    try:
        done = served(home, lang)
        alone = served(home, lang, "--role", "api")
    finally:
        passphrase.write_bytes(right)
    for one in (done, alone):
        assert one.returncode == MISUSED, one.stderr
        assert why in one.stderr
        assert next_ in one.stderr.splitlines()[-1]
        assert "Traceback" not in one.stderr
