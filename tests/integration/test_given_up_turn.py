"""A turn whose new KEK is lost in its middle is given up: nothing that moved is lost (K9)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import count

import orjson
import pytest

from api.home import Home
from api.ops.epoch import given_up as given_up_epoch
from api.ops.epoch import turn as epoch
from api.ops.wiring.projector import open_projector
from api.settings import SettingsError
from keys.custody.key_files import next_path, old_path
from keys.errors import KeyAway
from ledger.erasure import epoch_turn
from ledger.postgres.keeping.epochs import PostgresEpochs
from ledger.postgres.keeping.keeper import PostgresKeeper
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.app import Service
from tests.integration.test_epoch_turn import (
    Killed,
    aside,
    audited,
    filled,
    ids,
    in_force,
    killed_at,
    none_taken_under,
    report,
    socai,
)

pytestmark = pytest.mark.postgres


def cut(service: Service, monkeypatch: pytest.MonkeyPatch, batches: int = 2) -> None:
    """Begins a turn that dies behind this many batches, with its new KEK in force."""
    left = count(1)

    def moved(_: int, __: int) -> None:
        if next(left) == batches:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(epoch_turn, "BATCH", 4)
        with pytest.raises(Killed):
            epoch.turn(service.settings, moved, sweeps=False)
    assert len(ids(service)) == 2


def lose(service: Service) -> bytes:
    """The new KEK of a turn goes; its file's bytes, for whoever finds them again."""
    path = Home(service.settings).key_path("kek")
    found = path.read_bytes()
    path.unlink()
    return found


def unproven(service: Service, number: int) -> int:
    """A new case's first act, while nobody folds or signs; its index."""
    act = an_act(
        "ReportReceived", by="hotline", when=service.clock.now(),
        stream=f"case/{an_id(f'turned {number}')}",
    )  # fmt: skip
    sent = service.send(service.sign(act, "hotline"), "hotline", {"Prefer": "respond-async"})
    assert sent.status_code == 202, sent.text
    return int(sent.get_json()["index"])


def test_what_had_moved_goes_back_and_what_came_is_named_until_the_key_is_found(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By command; the audit names what is left, and is sound once the KEK was found again."""
    path = filled(service)
    old, key = in_force(service), Home(service.settings).key_path("kek")
    cut(service, monkeypatch)
    index, _ = report(service, 7)  # under the new one
    new, lost = in_force(service), lose(service)
    told = socai(service, "key", "epoch", "turn", "--no-sweep")
    assert (told.exit_code, "give-up" in told.output) == (2, True), told.output
    told = socai(service, "key", "epoch", "give-up")
    assert (told.exit_code, f"record {index}" in told.output) == (1, True), told.output
    assert aside(service) == []
    told = socai(service, "key", "epoch", "give-up", "--leave-unreadable", "--json")
    assert told.exit_code == 0, told.output
    said = orjson.loads(told.stdout)
    assert said["unreadable"] == [f"record {index}"]
    assert said["left_behind"] == 1
    assert in_force(service) == old
    assert not old_path(key).exists()
    status = orjson.loads(socai(service, "key", "epoch", "status", "--json").stdout)
    assert [one["left_behind"] for one in status["given_up"]] == [1]
    none_taken_under(service, new.kek_id)  # by whoever slept through it
    # the service goes on: what had moved is read, what comes is under the old one
    service.known(index)
    assert service.get(path, by="hotline").get_data() == b"a file"
    report(service, 8)
    assert [one.index for one in audited(service).findings] == [index]
    # found again, also behind another turn
    assert socai(service, "key", "epoch", "turn", "--no-sweep").exit_code == 0
    next_path(key).write_bytes(lost)
    assert socai(service, "key", "epoch", "turn", "--no-sweep").exit_code == 0
    assert len(ids(service)) == 1
    assert audited(service).ok


def test_no_view_stops_while_the_key_of_a_record_is_away(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes it for damage; given up, the record is set aside, and the views go on."""
    filled(service)
    service.halt()
    projector, _, pool = open_projector(service.settings)
    with closing(pool), closing(projector):
        projector.catch_up()
        cut(service, monkeypatch)
        index = unproven(service, 7)
        lose(service)
        for _ in range(3):
            with pytest.raises(KeyAway):
                projector.catch_up()
        assert socai(service, "key", "epoch", "give-up", "--leave-unreadable").exit_code == 0
        assert projector.catch_up() == index


def test_a_turn_whose_keys_are_here_is_not_given_up(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on where it was cut off; and where none is open there is nothing to give up."""
    filled(service)
    none = socai(service, "key", "epoch", "give-up")
    assert (none.exit_code, "nothing to give up" in none.output) == (2, True), none.output
    cut(service, monkeypatch)
    there = socai(service, "key", "epoch", "give-up")
    assert (there.exit_code, "and opens" in there.output) == (2, True), there.output
    old_path(Home(service.settings).key_path("kek")).unlink()
    gone = socai(service, "key", "epoch", "give-up")
    assert (gone.exit_code, "put it back" in gone.output) == (2, True), gone.output


def killed_in(
    method: str, of: type, monkeypatch: pytest.MonkeyPatch, run: Callable[[], object], *, done: bool
) -> None:
    """Ends a run at its first call of a method, once it has done its work or before."""
    real = getattr(of, method)

    def call(*arguments: object) -> None:
        if done:
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(of, method, call)
        with pytest.raises(Killed):
            run()


class Loser:
    """Loses the new KEK of one turn after the other."""

    def __init__(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        self._service = service
        self._monkeypatch = monkeypatch
        self._numbers = count(200)
        self.key = Home(service.settings).key_path("kek")

    def lose(self) -> bytes:
        """The file of the old one."""
        cut(self._service, self._monkeypatch)
        lose(self._service)
        return old_path(self.key).read_bytes()

    def give_up(self) -> given_up_epoch.GaveUp:
        """Gives it up."""
        return given_up_epoch.give_up(self._service.settings)

    def turn(self) -> None:
        """Turns the epoch, to its end."""
        epoch.turn(self._service.settings, lambda *_: None, sweeps=False)
        assert not old_path(self.key).exists()
        assert ids(self._service) == {in_force(self._service).kek_id}

    def is_open(self) -> bool:
        """Whether the turn is."""
        epochs = PostgresKeeper(self._service.database.pool("keeper")).epochs()
        return any(one.closed_at is None for one in epochs)

    def goes_on(self, before: bytes) -> None:
        """It is given up, and the KEK from before is in force."""
        with pytest.raises(SettingsError, match="give the turn up"):
            self.turn()
        self.give_up()
        assert self.key.read_bytes() == before
        assert not old_path(self.key).exists()
        assert aside(self._service) == []
        assert ids(self._service) == {in_force(self._service).kek_id}
        report(self._service, next(self._numbers))
        assert audited(self._service).ok


@attack(
    "the new KEK is lost in the middle of a turn, and whoever was killed while giving the turn up"
    " turns it instead: the KEK in force has a second name then, and is destroyed by it",
    stopped_by="the turn asks first for both keys of one that is open; a key in force is destroyed"
    " by no name",
    noticed_by="the command says to give the turn up",
)
def test_whoever_was_killed_while_giving_up_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every file that is moved, and on both sides of every step of the database."""
    filled(service)
    monkeypatch.setattr(given_up_epoch, "_BATCH", 3)
    one, kills = Loser(service, monkeypatch), 0
    for number in count(1):
        before = one.lose()
        if not killed_at(monkeypatch, number, one.give_up):
            break
        kills += 1
        if one.is_open():
            one.goes_on(before)
        one.turn()  # also where it was given up, and a name was left
    assert kills == 2
    for method, of, done in (
        ("put_back", PostgresKeeper, False),
        ("put_back", PostgresKeeper, True),
        ("give_up", PostgresEpochs, False),
    ):
        before = one.lose()
        killed_in(method, of, monkeypatch, one.give_up, done=done)
        one.goes_on(before)
    assert audited(service).ok


@pytest.mark.parametrize(
    "left",
    [pytest.param(b"damaged", marks=pytest.mark.drill, id="damaged"), pytest.param(b"", id="gone")],
)
def test_a_key_lost_before_it_was_in_force_takes_nothing_with_it(
    service: Service, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    """Whatever step it was lost at, also where the epoch before that turn is known to be over."""
    filled(service)
    key = Home(service.settings).key_path("kek")

    def turn() -> epoch.Turned:
        return epoch.turn(service.settings, lambda *_: None, sweeps=False)

    turn()
    keeper = PostgresKeeper(service.database.pool("keeper"))
    for number in count(1):
        before = key.read_bytes()
        if not killed_at(monkeypatch, number, turn):
            break
        if not next_path(key).exists():
            turn()  # not made yet, or in force
            continue
        begun = any(one.closed_at is None for one in keeper.epochs())
        next_path(key).unlink()
        if left:
            next_path(key).write_bytes(left)
        elif not begun:
            continue  # nobody knows of it: the next turn makes another
        with pytest.raises(SettingsError, match="give the turn up"):
            turn()
        done = given_up_epoch.give_up(service.settings)
        assert (done.left, key.read_bytes()) == ((), before)
        assert (b"" if done.kept is None else done.kept.read_bytes()) == left
        assert not any(path(key).exists() for path in (next_path, old_path))
        turn()
    assert ids(service) == {in_force(service).kek_id}
    assert audited(service).ok
