"""The key of tickets is turned whole or not at all, and readiness knows whether it is believed."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import TICKET_KEY, Home
from api.ops import database
from api.ops.machine import RealEntropy
from api.ops.wiring.logins import role_dsn
from ledger.postgres.ticket import TicketKey, keep_ticket_key
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres


@pytest.fixture
def service(still: Service) -> Service:
    """An enclave; no loop of it has a part in this."""
    return still


_TAKES_BACK = 3
"""Which word of a turn to the database is the one after the file could not be put in place."""


def _turned(service: Service) -> Result:
    """The command, typed by the operator."""
    return CliRunner().invoke(
        main, ["--lang", "en", "turn-ticket-key"], env=service.settings.environment()
    )


def _in_file(service: Service) -> str:
    return TicketKey(Home(service.settings).ticket_key()).id


def _draft(service: Service) -> Path:
    return (service.settings.secrets_dir / TICKET_KEY).with_suffix(".draft")


def _known(service: Service) -> list[str]:
    """What the database believes, the newest first."""
    with psycopg.connect(service.database.admin) as admin:
        found = admin.execute("SELECT id FROM sec.ticket_keys ORDER BY made_at DESC").fetchall()
    return [key for (key,) in found]


def _checks(service: Service) -> set[str]:
    """What readiness says is not well."""
    answer = service.ask("/health/ready")
    return {one["name"] for one in answer.get_json()["checks"] if not one["ok"]}


def test_a_key_that_says_it_is_made_tomorrow_pushes_none_out(service: Service) -> None:
    """Who had the migrator's login, or a clock that was ahead: `migrate` sets it right again."""
    with psycopg.connect(service.database.admin) as admin:
        for n in range(2):
            admin.execute(
                "INSERT INTO sec.ticket_keys (id, inner_pad, outer_pad, made_at)"
                " SELECT %s, inner_pad, outer_pad, now() + interval '1 day' FROM sec.ticket_keys"
                " LIMIT 1",
                [f"{n:016}"],
            )
    keep_ticket_key(
        service.database.dsn("migrator"),
        service.database.slug,
        TicketKey(Home(service.settings).ticket_key()),
    )
    assert _known(service) == [_in_file(service)]


def test_a_turn_that_finds_secrets_read_only_turns_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is told to the database that the file will never have: once, twice, three times."""
    before, real = _in_file(service), os.open

    def read_only(path: Any, flags: int, *rest: Any, **named: Any) -> int:  # noqa: ANN401
        if flags & os.O_CREAT and Path(path).parent == service.settings.secrets_dir:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", read_only)
    for _ in range(3):
        said = _turned(service)
        assert said.exit_code == 2, said.output
        assert "the key is not turned" in " ".join(said.output.split())
    assert (_in_file(service), _known(service)) == (before, [before])


def _busy(path: Path, *_: object, **__: object) -> None:
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))


def test_a_file_that_cannot_be_put_in_place_leaves_the_key_of_before(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the one file is mounted alone: the key that the API has is the newest again."""
    before = _in_file(service)
    monkeypatch.setattr(Path, "replace", _busy)
    said = _turned(service)
    assert said.exit_code == 2, said.output
    assert (_in_file(service), _known(service)[0]) == (before, before)
    assert not _draft(service).exists()


def test_a_draft_that_cannot_be_taken_away_either_leaves_the_key_of_before(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk became read-only meanwhile: the database believes first what the file has."""
    before = _in_file(service)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _busy)
        patch.setattr(Path, "unlink", _busy)
        said = _turned(service)
    assert said.exit_code == 2, said.output
    assert (_in_file(service), _known(service)[0]) == (before, before)
    assert _turned(service).exit_code == 0
    assert _known(service) == [_in_file(service), before]


def test_a_key_that_was_put_in_place_and_not_for_good_is_the_one_believed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the key that the file has after an error, and not the one it had."""
    before, real = _in_file(service), Path.replace

    def placed(path: Path, target: Path) -> None:
        real(path, target)
        _busy(path)

    monkeypatch.setattr(Path, "replace", placed)
    said = _turned(service)
    assert said.exit_code == 2, said.output
    assert _known(service) == [_in_file(service), before]
    assert _in_file(service) != before


@pytest.fixture
def killed(service: Service, monkeypatch: pytest.MonkeyPatch) -> str:
    """The key in the file, where a turn ended between the database and the file."""

    def end(_: Home) -> None:
        raise SystemExit(137)

    before = _in_file(service)
    with monkeypatch.context() as patch:
        patch.setattr(Home, "take_ticket_key", end)
        assert _turned(service).exit_code == 137
    assert (_in_file(service), len(_known(service))) == (before, 2)
    return before


def test_a_turn_that_was_killed_goes_on_with_its_key(service: Service, killed: str) -> None:
    """Another key would push the one that the API still holds out of the two."""
    said = _turned(service)
    assert said.exit_code == 0, said.output
    assert _known(service) == [_in_file(service), killed]
    assert not _draft(service).exists()
    assert _turned(service).exit_code == 0
    assert killed not in _known(service)


def test_a_turn_after_one_whose_draft_is_gone_keeps_the_key_that_the_api_holds(
    service: Service, killed: str
) -> None:
    """The database has a key that nobody has any more: that one goes, not the API's."""
    _draft(service).unlink()
    said = _turned(service)
    assert said.exit_code == 0, said.output
    assert _known(service) == [_in_file(service), killed]


def test_a_turn_killed_while_it_takes_itself_back_goes_on_with_its_key(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft goes only once the database believes the file again."""
    before, calls, tell = _in_file(service), count(1), keep_ticket_key

    def killed_at_last(*given: Any) -> None:  # noqa: ANN401
        if next(calls) == _TAKES_BACK:
            raise SystemExit(137)
        tell(*given)

    with monkeypatch.context() as patch:
        patch.setattr(database, "keep_ticket_key", killed_at_last)
        patch.setattr(Path, "replace", _busy)
        assert _turned(service).exit_code == 137
    waits = _known(service)[0]
    assert _turned(service).exit_code == 0
    assert _known(service) == [_in_file(service), before] == [waits, before]


def _turn(service: Service) -> None:
    database.turn_ticket_key(service.settings, service.enclave.facts, RealEntropy().take(32))


def _migrate(service: Service) -> None:
    facts = service.enclave.facts
    migrator = role_dsn(service.settings, facts, "migrator")
    database.tell_ticket_key(service.settings, facts.slug, migrator)


@pytest.mark.parametrize("other", [_turn, _migrate])
def test_who_comes_while_a_key_is_turned_waits_and_the_key_of_before_stays_good(
    service: Service, monkeypatch: pytest.MonkeyPatch, other: Callable[[Service], None]
) -> None:
    """Else it took the other's draft, or made the key of before the newest for good."""
    before, come = _in_file(service), Event()
    take, flock, taken = Home.take_ticket_key, fcntl.flock, list[str]()

    def second() -> None:
        try:
            other(service)
        finally:
            come.set()

    thread = Thread(target=second)

    def waits(handle: int, how: int) -> None:
        if current_thread() is thread:
            come.set()
        flock(handle, how)

    def meanwhile(home: Home) -> None:
        if current_thread() is not thread:
            thread.start()
            come.wait()
        take(home)
        taken.append(_in_file(service))

    monkeypatch.setattr(fcntl, "flock", waits)
    monkeypatch.setattr(Home, "take_ticket_key", meanwhile)
    try:
        _turn(service)
    finally:
        thread.join()
    assert taken == [_in_file(service)] != [before]
    assert _known(service) == [_in_file(service), before]
    assert not _draft(service).exists()


def test_half_a_draft_is_made_anew(service: Service) -> None:
    """A kill while it was written leaves fewer digits than a key has."""
    _draft(service).write_text("ab")
    assert _turned(service).exit_code == 0
    assert (_in_file(service), len(_known(service))) == (_known(service)[0], 2)


def test_who_reads_after_two_turns_within_a_minute_is_refused_once(service: Service) -> None:
    """One clear refusal that shows nothing, and then the key that is there: no restart, no wait."""
    service.start()
    service.hire("cv")
    headers = service.headers("cv")
    ask = partial(service.client.get, "/v1/worklist", headers=headers, buffered=True)
    assert service._once_known(ask).status_code == 200
    for _ in range(2):
        assert _turned(service).exit_code == 0
    answer = service._once_known(ask)
    told = answer.get_json()
    assert (answer.status_code, told["code"], told["recorded"]) == (
        503,
        "ticket_refused",
        "nothing",
    )
    assert answer.headers["Retry-After"]
    assert service._once_known(ask).status_code == 200


def test_a_ticket_that_is_not_believed_is_told_by_readiness(service: Service) -> None:
    """No case is shown then: whoever watches hears of it, and of nothing else."""
    service.start()
    assert "ticket" not in service.ask("/health/ready").text
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute("UPDATE sec.ticket_keys SET id = id || '-gone'")
        answer = service.readiness("ticket", "en")
        assert answer.status_code == 503
        assert {one["name"] for one in answer.get_json()["checks"] if not one["ok"]} == {"ticket"}
        admin.execute("UPDATE sec.ticket_keys SET id = replace(id, '-gone', '')")
    assert "ticket" not in _checks(service)
