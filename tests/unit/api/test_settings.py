"""A process refuses to start rather than guess (api/settings.py)."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson
import pytest

from api.home import SESSION_KEY, EnclaveFacts, Home, write_private
from api.ops.database import admin_dsn
from api.ops.init_enclave import Plan, _make_keys, found
from api.settings import (
    LEVELS,
    PROFILES,
    Settings,
    SettingsError,
    child_environment,
    processors,
)
from keys.custody.file import costs_of
from keys.custody.kek_custody import FileCustody
from tests.attacks import attack
from tests.fixtures.key_files import CHEAP

ROOT = Path(__file__).parents[3]
FACTS = EnclaveFacts(
    origin="rehearsal.test/ordinary",
    level="ordinary",
    rehearsal=True,
    genesis="00" * 32,
    slug="rehearsal_test",
    database={"host": "127.0.0.1", "port": 5432, "dbname": "rehearsal_test"},
)


_EACH = """
import json, os, sys
from api.settings import Settings, SettingsError
usual = dict(os.environ)
for variables in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update(usual, **variables)
    try:
        print(Settings.from_env())
    except SettingsError as error:
        print('refused:', error)
"""


def _from_env(**variables: str) -> str:
    """What `Settings.from_env` says in a process of its own with exactly these variables."""
    (told,) = _from_envs(variables)
    return told


def _from_envs(*each: dict[str, str]) -> list[str]:
    """The same of each, in one process one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", _EACH, orjson.dumps(each).decode()],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


MALFORMED: Final = (
    ("SOCAI_PORT", "eighty"),
    ("SOCAI_PORT", "70000"),
    ("SOCAI_THREADS", "0"),
    ("SOCAI_LEVEL", "secret"),
    ("SOCAI_PROFILE", "P3"),
    ("SOCAI_TOKEN_TTL_S", "3601"),
    ("SOCAI_DATABASE_URL", "mysql://localhost/x"),
    ("SOCAI_DATABASE_URL", "postgres:/x"),
    ("SOCAI_DATABASE_URL", "postgresql://postgres@one:5432,two:port/postgres"),
    ("SOCAI_DATABASE_URL", "postgresql://postgres@one:5432;two:5432/postgres"),
    ("SOCAI_DATABASE_URL", "postgresql://postgres@[::1/postgres"),
    ("SOCAI_DATABASE_URL", "postgresql://dba:hidden@one:5432/postgres"),
    ("SOCAI_DATABASE_URL", "postgresql://dba:hidden@one:5432,two:5432/postgres"),
    ("SOCAI_DATABASE_URL", "postgresql://dba@one:5432/postgres?pass%77ord=hidden"),
    ("SOCAI_DATABASE_URL", "postgresql://dba@one:5432/postgres?sslpassword=hidden"),
    ("SOCAI_DATABASE_URL", "postgresql://dba@one:5432/postgres?oauth_client_secret=hidden"),
    ("SOCAI_DATABASE_URL", "postgresql://dba:12#hidden@one:5432/postgres"),
    ("SOCAI_DATABASE_URL", "postgresql://dba:12?hidden@one:5432/postgres"),
    ("SOCAI_DATABASE_URL", "postgresql://dba:[hidden]@one:5432/postgres"),
    ("SOCAI_TRACES_URL", "http://[::1/v1/traces"),
    ("SOCAI_LOG_LEVEL", "loud"),
    ("SOCAI_LANG", "fr"),
    ("SOCAI_HOST", "a..b"),
    ("SOCAI_HOST", "a" * 70),
    ("SOCAI_TRUSTED_PROXIES", "abc"),
    ("SOCAI_TRUSTED_PROXIES", "10.0.0.1/8"),
)


def test_a_malformed_variable_stops_the_start() -> None:
    """A service that guesses its port or its level serves the wrong people."""
    told = _from_envs(*({name: value} for name, value in MALFORMED))
    for said, malformed in zip(told, MALFORMED, strict=True):
        assert said.startswith("refused:"), malformed
        assert "hidden" not in said, malformed


def test_a_child_is_given_exactly_these_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set for the command that starts it, and left out here, is not: nor a wrong name."""
    monkeypatch.setenv("SOCAI_METRICS_PORT", "9464")
    monkeypatch.setenv("SOCAI_METRICS_FILE", str(tmp_path / "other.prom"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    given = child_environment(Settings.at(tmp_path))
    own = {name: value for name, value in given.items() if name.startswith("SOCAI_")}
    assert own == Settings.at(tmp_path).environment()
    assert (own["SOCAI_METRICS_PORT"], "SOCAI_METRICS_FILE" in own) == ("0", False)
    assert given["LC_ALL"] == "C.UTF-8"


@attack(
    "real classified text is entered where another network is beside it",
    stopped_by="above ordinary P0 and P1 make and start rehearsals alone",
    noticed_by="-",
)
@pytest.mark.parametrize("level", LEVELS[1:])
@pytest.mark.parametrize("profile", PROFILES)
def test_real_classified_text_has_no_place_outside_a_network_of_its_own(
    tmp_path: Path, profile: str, level: str
) -> None:
    """access.md §1: above ordinary P0 and P1 start with a rehearsal alone, whatever is asked."""
    home = Home(Settings.at(tmp_path, profile=profile))
    for rehearsal in (True, False):
        origin = f"{'rehearsal.' if rehearsal else ''}a.example/{level}"
        home.write_facts(EnclaveFacts(origin, level, rehearsal, "00" * 32, "e_a", {}))
        if rehearsal or profile == "P2":
            assert home.facts().level == level
        else:
            with pytest.raises(SettingsError, match="only a rehearsal"):
                home.facts()


@pytest.mark.parametrize("level", LEVELS[1:])
def test_an_enclave_above_ordinary_that_may_not_be_is_not_begun(tmp_path: Path, level: str) -> None:
    """`init` makes no key, no password and no database of it."""
    settings = Settings.at(tmp_path / "home")
    plan = Plan("a.example", level, rehearsal=False, at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(SettingsError, match="SOCAI_PROFILE"):
        found(settings, plan)
    assert not settings.home.exists()


@attack(
    "another account of the machine leaves a home where an officer will call: its server is asked,"
    " hands on what the officer signs in with, and has their session and all that they read",
    stopped_by="a home that nobody named is of whoever calls",
    noticed_by="one sentence, exit 2",
)
def test_no_home_of_another_account_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that everybody may write in, nor by a link; one that is named is meant."""
    monkeypatch.delenv("SOCAI_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    home, other = tmp_path / ".socai", tmp_path / "other"
    assert Settings.from_env().home == home, "none is there yet"
    home.mkdir()
    assert Settings.from_env().home == home
    home.chmod(0o777)
    with pytest.raises(SettingsError, match="another account"):
        Settings.from_env()
    home.chmod(0o755)
    if os.geteuid():
        me = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    else:
        os.chown(home, 1, 1)
    with pytest.raises(SettingsError, match="another account"):
        Settings.from_env()
    monkeypatch.setenv("SOCAI_HOME", str(home))
    assert Settings.from_env().home == home
    monkeypatch.delenv("SOCAI_HOME")
    home.rename(other)
    home.symlink_to(other)
    with pytest.raises(SettingsError, match="another account"):
        Settings.from_env()


def test_an_empty_address_is_no_address_and_empty_parts_are_none() -> None:
    """The listener stays on loopback: an empty name would bind every address there is."""
    assert "host='127.0.0.1'" in _from_env(SOCAI_HOST="")
    told = _from_env(SOCAI_TRUSTED_PROXIES="10.0.0.0/8, ,fe80::/10,")
    assert "trusted_proxies='10.0.0.0/8,fe80::/10'" in told


def test_defaults_weaken_nothing() -> None:
    """Loopback only, short tokens, no rehearsal."""
    told = _from_env()
    assert "host='127.0.0.1'" in told
    assert "token_ttl_s=900" in told


def test_a_worker_for_each_processor_that_may_be_used_and_no_more_than_four(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine of many cores starts no worker for each: what they take, a container lacks."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    assert processors(tmp_path) == 64, "no quota is here"
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n", "ascii")
    for name, text, most in (
        ("cpu/cpu.cfs_quota_us", "-1\n", 64),
        ("cpu/cpu.cfs_quota_us", "250000\n", 2),
        ("cpu.max", "max 100000\n", 2),
        ("cpu.max", "90000 100000\n", 1),
    ):
        (tmp_path / name).write_text(text, "ascii")
        assert processors(tmp_path) == most, text
    monkeypatch.setattr("api.settings.processors", lambda: 64)
    monkeypatch.delenv("SOCAI_WORKERS", raising=False)
    assert Settings.from_env().workers == 4


def test_a_child_process_gets_the_same_settings(tmp_path: Path) -> None:
    """`serve` starts its children with what it was told itself."""
    plain, file = Settings.at(tmp_path), tmp_path / "another"
    given = Settings.at(
        file, database_url="postgresql://admin@db.example:5433/socai", secrets_dir=file,
        keys_dir=file, seen_dir=file, passphrase_file=file, pkcs11_module=file,
        pkcs11_token="a token",  # noqa: S106  its label
        pkcs11_pin_file=file, level="mat", profile="P2", host="::1",
        port=8123, trusted_proxies="10.0.0.0/8", metrics_port=9123, metrics_file=file,
        traces_url="http://127.0.0.1:4318/v1/traces", workers=3, threads=7, proof_wait_s=11,
        token_ttl_s=901, attempts=121, officer_share=51, min_free_mib=257, log_level="error",
        lang="en", blobs=str(file), max_attachment_mib=513, keeper_socket=file,
        keeper_opens=12_001, anchor_every_s=3601, backup_dir=file, mail_host="mail.example",
        mail_port=25, mail_security="tls", mail_from="hop-thu@example.vn",
    )  # fmt: skip
    names = [one.name for one in fields(given)]
    same = [name for name in names if getattr(given, name) == getattr(plain, name)]
    assert same == [], "a setting that is left as it is tells nothing"
    assert _from_env(**given.environment()).strip() == repr(given)


def test_settings_cannot_change_after_the_start(tmp_path: Path) -> None:
    """Frozen: nothing in a request can alter them."""
    settings = Settings.at(tmp_path)
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    """An undocumented setting is a trap for the operator."""
    told = Settings.__doc__ or ""
    assert [field.name for field in fields(Settings) if f"    {field.name}:" not in told] == []


def test_facts_round_trip(tmp_path: Path) -> None:
    """What init writes is what every process reads."""
    home = Home(Settings.at(tmp_path))
    home.write_facts(FACTS)
    assert home.facts() == FACTS


def test_facts_are_whole_or_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off by a full disk, what stood there stands: without it nothing of the home starts."""
    home = Home(Settings.at(tmp_path))
    home.write_facts(FACTS)

    def cut_off(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text.encode(encoding)[:9])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", cut_off)
    with pytest.raises(OSError, match="space"):
        home.write_facts(replace(FACTS, genesis="11" * 32))
    assert home.facts() == FACTS


def test_another_level_than_the_homes_is_refused(tmp_path: Path) -> None:
    """A level is an enclave, never a switch (access.md §1)."""
    Home(Settings.at(tmp_path)).write_facts(FACTS)
    with pytest.raises(SettingsError, match="level"):
        Home(Settings.at(tmp_path, level="mat")).facts()


def test_a_rehearsal_cannot_pose_as_real(tmp_path: Path) -> None:
    """The origin says it for ever; the file may not say otherwise."""
    home = Home(Settings.at(tmp_path))
    home.write_facts(FACTS)
    lie = json.loads(home.facts_path.read_text("utf-8")) | {"rehearsal": False}
    home.facts_path.write_text(json.dumps(lie), "utf-8")  # noqa: TID251  not signed
    with pytest.raises(SettingsError, match="rehearsal"):
        home.facts()


def test_a_secret_everybody_can_read_is_refused(tmp_path: Path) -> None:
    """A world-readable password is none; what is advised leaves it to a container's group."""
    home = Home(Settings.at(tmp_path))
    path = tmp_path / "secrets" / "reader.password"
    write_private(path, b"x\n")
    assert home.password("reader") == "x"
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod") as refused:
        home.password("reader")
    subprocess.run(str(refused.value).rpartition(": ")[2].split(), check=True)
    assert (home.password("reader"), path.stat().st_mode & 0o777) == ("x", 0o640)


def test_the_administrator_s_password_is_refused_where_everybody_can_read_it(
    tmp_path: Path,
) -> None:
    """As every other, wherever the file of it lies; it stands in the address of nothing else."""
    settings = Settings.at(tmp_path, database_url="postgresql://dba@one,two/postgres")
    for file in (tmp_path / "named", settings.secrets_dir / "postgres.password"):
        named = file if file.name == "named" else None
        write_private(file, b"p/w\n")
        assert admin_dsn(settings, named) == "postgresql://dba:p%2Fw@one,two/postgres"
        file.chmod(0o644)
        with pytest.raises(SettingsError, match="chmod"):
            admin_dsn(settings, named)


def test_a_secret_is_never_written_over(tmp_path: Path) -> None:
    """Losing a key file is losing what it opens."""
    write_private(tmp_path / "k", b"1")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "k", b"2")


def test_outside_a_rehearsal_the_home_keeps_no_passphrase(tmp_path: Path) -> None:
    """The operator's passphrase comes from a file named by the operator."""
    home = Home(Settings.at(tmp_path))
    real = EnclaveFacts("x.test/ordinary", "ordinary", False, "00" * 32, "x_test", {})  # noqa: FBT003
    home.write_facts(real)
    write_private(tmp_path / "secrets" / "passphrase", b"x")
    with pytest.raises(SettingsError, match="SOCAI_PASSPHRASE_FILE"):
        home.passphrase()


def test_only_a_passphrase_that_init_drew_is_cheap_to_try(tmp_path: Path) -> None:
    """Nobody guesses 24 random bytes; what a person chose, also for a rehearsal, costs as ever."""
    chosen = Settings.at(tmp_path, passphrase_file=tmp_path / "chosen")
    assert Home(chosen).key_costs() == {}
    drawn = Home(Settings.at(tmp_path)).key_costs()
    assert drawn == {"t": 1, "p": 1, "m_kib": 8}
    for settings, costs in ((chosen, CHEAP), (Settings.at(tmp_path), drawn)):
        home = Home(replace(settings, keys_dir=tmp_path / str(costs["m_kib"])))
        _make_keys(home, FileCustody(lambda: b"secret", home.key_costs()), b"secret")
        for name in ("log", "pq", "registrar", "service", "kek"):
            assert costs_of(home.key_path(name)) == costs, name


def test_the_session_key_is_made_once(tmp_path: Path) -> None:
    """A second start must not end every session."""
    home = Home(Settings.at(tmp_path))
    home.make_key(SESSION_KEY)
    first = home.session_key()
    home.make_key(SESSION_KEY)
    assert home.session_key() == first
    assert len(first) == 32
