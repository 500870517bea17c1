"""The keys of R turn under a running vault: nothing waits in vain, nothing opens with the old."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import Home
from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealEntropy
from api.ops.vault import founding, turning
from api.ops.vault.mail import SmtpLetters
from api.ops.wiring.vault import open_vault
from api.settings import Settings, SettingsError
from keys import canonical
from keys.custody.file import read_opening_key, write_opening_key
from keys.custody.key_files import KeyFiles, next_path, old_path
from keys.hpke import OpeningKey
from keys.shares import Share, joined, lend
from ledger.errors import Conflict
from ledger.postgres.vault.compartment import PostgresCompartment
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.postgres.vault.turning import PostgresTurns
from ledger.vault.identity import SealedIdentity
from ledger.vault.ports import LetterDelayed
from ledger.vault.request import Asked, Letter, Request
from ledger.vault.turn import SealedAnew
from ledger.vault.vault import Vault
from tests.attacks import attack
from tests.fixtures.app import found
from tests.fixtures.clock import StepClock
from tests.fixtures.postgres import Database, make_database
from tests.fixtures.vault import NOW, Disclosed, Kept, MailServer

pytestmark = pytest.mark.postgres
_CHEAP = partial(write_opening_key, t=1, p=1, m_kib=8)


@dataclass
class Room:
    """An enclave with R, its vault, its custodians, and a mail server."""

    settings: Settings
    database: Database
    mail: MailServer
    folder: Path
    custodians: tuple[OpeningKey, ...] = field(
        default_factory=lambda: tuple(OpeningKey.generate() for _ in range(3))
    )
    clock: StepClock = field(default_factory=lambda: StepClock(NOW))

    def __post_init__(self) -> None:
        home = Home(self.settings)
        self.facts, self.key = home.facts(), home.key_path("vault")
        self.compartment = PostgresCompartment(self.database.pool("writer"))
        self.store = PostgresVaultStore(self.database.pool("vault"))
        publics = [one.public for one in self.custodians]
        made = founding.found(self.settings, self.facts, publics, self.folder / "first")
        self.shares = self.read(made.shares)
        self.held = KeyFiles(self.key, self.opened)
        self.vault = Vault(
            self.store, self.held, SmtpLetters(self.mail.server, self.clock),
            clock=self.clock.now, origin=self.facts.origin, rehearsal=False,
        )  # fmt: skip

    def opened(self, path: Path) -> OpeningKey:
        """The vault's key in a file."""
        return read_opening_key(path, Home(self.settings).vault_passphrase())

    @staticmethod
    def read(paths: Any) -> tuple[Share, ...]:  # noqa: ANN401
        """Shares, from their files."""
        return tuple(Share.parse(path.read_bytes().strip()) for path in paths)

    @property
    def kept(self) -> Kept:
        """As a client of now has it."""
        public = self.compartment.keys()
        assert public is not None
        kept = Kept(custodians=self.custodians, origin=self.facts.origin)
        kept.__dict__.update(public=public, shares=self.shares)
        kept.contact.public = public.contact
        return kept

    def put(self, **more: object) -> tuple[SealedIdentity, Disclosed]:
        """A reporter, and an act that would disclose them."""
        item = self.kept.item(**more)
        act = Disclosed(item.token, origin=self.facts.origin)
        assert self.compartment.put(item, act.comp)
        return item, act

    def ask(self, asked: Asked, *, kept: Kept | None = None) -> str:
        """Puts a request into the box; its id."""
        name, to = str(RealEntropy().uuid()), (kept or self.kept).public.contact
        data = Request(asked, NOW).seal(to, origin=self.facts.origin, request_id=name)
        assert self.compartment.ask(name, data, to.kek_id)
        return name

    def outcome(self, request_id: str) -> str:
        """What the vault says of it."""
        while self.vault.step():
            pass
        answer = self.compartment.answer(request_id)
        assert answer is not None
        return answer.outcome

    def letter(self, item: SealedIdentity, act: Disclosed) -> Letter:
        """A letter to a reporter."""
        return Letter(item.token, str(act.comp), "Đã xử lý xong.")

    def sends(self, item: SealedIdentity, act: Disclosed) -> bool:
        """Whether a letter reaches a reporter now."""
        self.mail.arrived.clear()
        said = self.outcome(self.ask(self.letter(item, act)))
        return said == "sent" and [one.to for one in self.mail.arrived] == [
            ["nguoi.bao@example.vn"]
        ]

    def opens(self, act: Disclosed, *places: int, kept: Kept | None = None) -> list[str]:
        """What becomes of the shares of these custodians for an act."""
        return [self.outcome(self.ask((kept or self.kept).share(at, act))) for at in places]

    def turned_identities(self, keep: int = 2, **more: Any) -> turning.TurnedKey:  # noqa: ANN401
        """Two custodians put their shares together; these two get new keys."""
        two = [at for at in range(3) if at != keep]
        old = OpeningKey(joined(*(lend(self.shares[at], self.custodians[at]) for at in two)))
        new = tuple(
            one if at == keep else OpeningKey.generate() for at, one in enumerate(self.custodians)
        )
        done = turning.turn_identities(
            self.settings, old, [self.custodians[at].kid for at in two],
            [one.public for one in new], self.folder / str(RealEntropy().uuid()), **more,
        )  # fmt: skip
        if done.shares:
            self.custodians, self.shares = new, self.read(done.shares)
        return done

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the administrator sees."""
        with psycopg.connect(self.database.admin) as admin:
            return admin.execute(query.encode()).fetchall()

    def audited(self) -> set[str]:
        """Kinds of what the audit of R finds."""
        told = orjson.loads(self.socai("vault", "audit", "--json").stdout)
        return {one["kind"] for one in told["findings"]}

    def socai(self, *words: str) -> Result:
        """One call of the command."""
        env = {"SOCAI_HOME": str(self.settings.home), "COLUMNS": "100"}
        return CliRunner().invoke(main, ["--lang", "en", *words], env=env, catch_exceptions=False)


@pytest.fixture
def room(
    postgres_server: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Room]:
    """R of its own; key files are as strong as a passphrase drawn at random needs."""
    for module in (founding, turning):
        monkeypatch.setattr(module, "write_opening_key", _CHEAP)
    database = make_database(postgres_server)
    with MailServer().running() as mail:
        yield Room(found(database, tmp_path / "home"), database, mail, tmp_path)
    database.close()


# -- the vault's own key --------------------------------------------------------------------------


def test_the_vaults_key_is_turned_under_it(room: Room) -> None:
    """Nothing is restarted; both sides are counted, and the old key is nowhere."""
    (item, act), _ = room.put(), room.put()
    old, late = room.opened(room.key), room.kept.item()
    told = room.socai("vault", "turn", "own", "--json")
    assert told.exit_code == 0, told.output
    said = orjson.loads(told.stdout)
    assert (said["wraps_before"], said["wraps_after"], said["left_behind"]) == (2, 2, 0)
    assert said["ceremony"]["key_ids"] == [old.kid, said["kid"]]
    new = room.opened(room.key)
    assert new.kid == said["kid"] != old.kid
    assert not next_path(room.key).exists()
    assert not old_path(room.key).exists()
    secret = old.secret()
    assert not any(secret in f.read_bytes() for f in room.folder.rglob("*") if f.is_file())
    assert room.rows("SELECT DISTINCT substr(contact_wrap, 2, 16) FROM r.items") == [(new.kek_id,)]
    assert room.sends(item, act)
    later, act = room.put()
    assert room.sends(later, act)
    assert not room.compartment.put(late, act.comp)
    shown = orjson.loads(room.socai("vault", "keys", "--json").stdout)["keys"]
    assert [one["wraps_after"] for one in shown if one["part"] == "contact"] == [None, 2]
    assert next(one for one in shown if one["part"] == "identity")["over_at"] is None
    assert room.audited() == {"request_unexplained"}  # of this test: they have no acts
    assert room.socai("vault", "turn", "own").exit_code == 0  # and again, to a third
    assert room.sends(later, act)


def test_what_waits_is_answered_after_the_turn(room: Room) -> None:
    """A letter, and a custodian's share, both sealed to the old key, and the vault at rest."""
    item, act = room.put()
    letter, share = room.ask(room.letter(item, act)), room.ask(room.kept.share(0, act))
    turning.turn_own(room.settings)
    room.held = KeyFiles(room.key, room.opened)  # a vault that never saw the old one
    room.vault._keys = room.held
    assert room.outcome(letter) == "sent"
    assert room.outcome(share) == "one_of_two"
    assert room.opens(act, 1) == ["open"]


def test_what_the_vault_has_in_hand_is_answered_over_the_turn(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken before, answered after; and a letter that is put off waits on under the new key."""
    item, act = room.put()
    sent, turns = room.ask(room.letter(item, act)), list[str]()

    def delayed(*_: object, **__: object) -> None:
        if not turns:
            turns.append(turning.turn_own(room.settings).key.kid)
            raise LetterDelayed

    with monkeypatch.context() as patch:
        patch.setattr(room.vault._letters, "send", delayed)
        assert room.vault.step()
    assert room.compartment.answer(sent) is None
    with psycopg.connect(room.database.admin) as admin:
        admin.execute("UPDATE r.requests SET due = clock_timestamp()")
    assert room.outcome(sent) == "sent"
    assert len(room.mail.arrived) == 1


def test_whoever_was_killed_at_any_step_of_a_turn_goes_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every file that is made, moved or destroyed, and on both sides of the database's step."""
    item, act = room.put()
    kills = 0
    for number in count(1):
        before = room.opened(room.key).kid
        cut = _killed_at(monkeypatch, number, lambda: turning.turn_own(room.settings))
        assert room.sends(item, act), number  # a vault that runs
        fresh, pool, _ = open_vault(room.settings)  # and one that is started now
        pool.close()
        assert item.item in str(room.rows("SELECT item::text FROM r.items"))
        del fresh
        if not cut:
            break
        kills += 1
        done = turning.turn_own(room.settings)
        assert (done.before, done.key.wraps_after) == (before, 1), number
        assert room.opened(room.key).kid == done.key.kid
        assert not next_path(room.key).exists()
        assert not old_path(room.key).exists()
        assert room.sends(item, act), number
    assert kills >= 6
    assert room.rows("SELECT count(*) FROM r.keys WHERE over_at IS NULL") == [(2,)]
    assert room.rows(
        "SELECT count(*) FROM r.keys WHERE over_at IS NOT NULL AND destroyed_at IS NULL"
    ) == [(0,)]


class Killed(BaseException):
    """The process ends here."""


def _killed_at(monkeypatch: pytest.MonkeyPatch, number: int, run: Callable[[], object]) -> bool:
    """Whether the run was ended at its step of this number that makes something durable."""
    numbers, me = count(1), threading.get_ident()

    def dies(real: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
        def step(*said: Any, **more: Any) -> Any:  # noqa: ANN401
            if threading.get_ident() != me:
                return real(*said, **more)
            done = real(*said, **more) if after else None
            if next(numbers) == number:
                raise Killed
            return done if after else real(*said, **more)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dies(os.fsync))
        patch.setattr(PostgresTurns, "turn", dies(PostgresTurns.turn, after=True))
        patch.setattr(PostgresTurns, "destroyed", dies(PostgresTurns.destroyed))
        with suppress(Killed):
            run()
            return False
    return True


def test_what_comes_while_a_turn_works_is_moved_too(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading and turning one reporter and one letter come: it is all read anew."""
    came = list[tuple[SealedIdentity, Disclosed]]()
    letters = list[str]()
    real = PostgresTurns.wraps

    def wraps(turns: PostgresTurns, part: str, kek_id: bytes) -> Any:  # noqa: ANN401
        found = real(turns, part, kek_id)
        if not came:
            came.append(room.put())
            letters.append(room.ask(room.letter(*came[0])))
        return found

    monkeypatch.setattr(PostgresTurns, "wraps", wraps)
    room.put()
    assert turning.turn_own(room.settings).key.wraps_after == 2
    assert room.outcome(letters[0]) == "sent"


@attack(
    "whoever has the API's login puts in what opens with no key, so that R's key can never be"
    " turned",
    stopped_by="--leave-unreadable leaves it behind, counted",
    noticed_by="the turn names it; socai vault audit",
)
def test_what_opens_with_no_key_is_named_and_left(room: Room) -> None:
    """Nothing is turned over it unless it is said; then it is counted, and the audit knows."""
    item, act = room.put()
    junk = room.kept.item()
    noise = junk.contact.wrap[:17] + bytes(len(junk.contact.wrap) - 17)
    planted = replace(junk, contact=replace(junk.contact, wrap=noise))
    assert room.compartment.put(planted, act.comp)
    old = room.opened(room.key)
    refused = room.socai("vault", "turn", "own")
    assert refused.exit_code == 1
    assert planted.item in refused.output
    assert room.opened(room.key).kid == old.kid
    assert room.sends(item, act)
    told = room.socai("vault", "turn", "own", "--leave-unreadable", "--json")
    assert told.exit_code == 0, told.output
    said = orjson.loads(told.stdout)
    assert (said["wraps_after"], said["left_behind"], said["unreadable"]) == (1, 1, [planted.item])
    assert room.sends(item, act)
    assert room.audited() == {"request_unexplained"}
    assert room.outcome(room.ask(room.letter(planted, act))) == "unreadable"


def test_a_key_file_of_another_database_turns_nothing(room: Room) -> None:
    """An old copy of the keys was put back: it is said, and nothing is made."""
    item, act = room.put()
    old = room.key.read_bytes()
    turning.turn_own(room.settings)
    good = room.key.read_bytes()
    room.key.write_bytes(old)
    with pytest.raises(SettingsError, match="does not hold the key of R that is in force"):
        turning.turn_own(room.settings)
    room.key.write_bytes(good)
    assert room.sends(item, act)


# -- the key of identities ------------------------------------------------------------------------


def test_identities_open_with_shares_of_the_new_key(room: Room) -> None:
    """What was sealed before, and what comes after; the old shares open neither."""
    (item, act), before = room.put(), room.kept
    done = room.turned_identities()
    assert (done.key.wraps_before, done.key.wraps_after) == (1, 1)
    assert done.ceremony["key_ids"] == [
        done.before,
        done.key.kid,
        *(c.kid for c in room.custodians),
    ]
    assert room.opens(act, 0, 1, kept=before) == ["share_of_other_key"] * 2
    assert room.opens(act, 0, 2) == ["one_of_two", "open"]
    later, act = room.put()
    assert room.opens(act, 1, 2) == ["one_of_two", "open"]
    assert room.sends(item, act) is False  # of another case
    assert later.token != item.token


@pytest.mark.drill
def test_whoever_was_killed_over_identities_goes_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the database's step nothing has changed; behind it the same words say what is done."""
    _, act = room.put()
    kills = 0
    for number in count(1):
        before, shares, custodians = room.kept, room.shares, room.custodians
        at = room.rows("SELECT kek_id FROM r.keys WHERE part = 'identity' AND over_at IS NULL")
        old = OpeningKey(joined(*(lend(shares[n], custodians[n]) for n in (0, 1))))
        new = (OpeningKey.generate(), OpeningKey.generate(), custodians[2])
        run = partial(
            turning.turn_identities, room.settings, old, [c.kid for c in custodians[:2]],
            [c.public for c in new], room.folder / f"turn{number}",
        )  # fmt: skip
        cut = _killed_at(monkeypatch, number, run)
        now = room.rows("SELECT kek_id FROM r.keys WHERE part = 'identity' AND over_at IS NULL")
        if cut and now == at:
            asked = Disclosed(act.token, case=act.case, origin=room.facts.origin)
            assert room.opens(asked, 0, 2, kept=before) == ["one_of_two", "open"]
        done = run()
        room.custodians, room.shares = new, room.read(done.shares)
        assert done.key.wraps_after == 1
        asked = Disclosed(act.token, case=act.case, origin=room.facts.origin)
        assert room.opens(asked, 1, 2) == ["one_of_two", "open"]
        if not cut:
            break
        kills += 1
    assert kills >= 4


@attack(
    "the machine on which a key of identities is turned keeps the custodians' keys, and opens the"
    " next shares with them",
    stopped_by="no share of the new key goes to a key that was opened there",
    noticed_by="the command refuses",
)
def test_a_key_that_was_opened_here_gets_no_new_share(room: Room) -> None:
    """Nor is a share of the key in force written over, nor another key's share taken for it."""
    _, act = room.put()
    old = OpeningKey(joined(*(lend(room.shares[n], room.custodians[n]) for n in (0, 1))))
    opened, folder = [one.kid for one in room.custodians[:2]], room.folder / "new"
    publics = [one.public for one in room.custodians]
    with pytest.raises(SettingsError, match="gets no share of the new one"):
        turning.turn_identities(room.settings, old, opened, publics, folder)
    fresh = [OpeningKey.generate().public for _ in range(3)]
    with pytest.raises(SettingsError, match="would be written over"):
        turning.turn_identities(room.settings, old, opened, fresh, room.folder / "first")
    with pytest.raises(SettingsError, match="of another key than R's"):
        turning.turn_identities(room.settings, OpeningKey.generate(), opened, fresh, folder)
    assert not folder.exists()
    assert room.opens(act, 0, 1) == ["one_of_two", "open"]


def test_two_custodians_turn_it_at_a_terminal(room: Room) -> None:
    """Any two, the third being lost; wrong words are said in one sentence, and change nothing."""
    _, act = room.put()
    for n, one in enumerate(room.custodians):
        write_opening_key(room.folder / f"{n}.socaikey", one, b"rehearsal", t=1, p=1, m_kib=8)
    passphrase = room.folder / "typed"
    passphrase.write_bytes(b"rehearsal")
    passphrase.chmod(0o600)
    new = tuple(OpeningKey.generate() for _ in range(3))
    for n, one in enumerate(new):
        (room.folder / f"new{n}.pub").write_bytes(canonical.encode(dict(one.public.jwk)) + b"\n")
    shares = [str(room.folder / "first" / f"{s.to[:16]}.socaishare") for s in room.shares]
    to = [word for n in range(3) for word in ("--custodian", str(room.folder / f"new{n}.pub"))]
    keys = [word for n in (1, 0) for word in ("--key", str(room.folder / f"{n}.socaikey"))]
    rest = [*to, "--shares", str(room.folder / "second"), "--json"]

    def turn(*words: str) -> Result:
        env = {"SOCAI_HOME": str(room.settings.home), "SOCAI_PASSPHRASE_FILE": str(passphrase)}
        every = ["--lang", "en", "vault", "turn", "identities", *words]
        return CliRunner().invoke(main, every, env=env, catch_exceptions=False)

    twice = turn(shares[0], shares[0], *keys, *rest)
    assert (twice.exit_code, "open nothing together" in twice.output) == (2, True)
    two = turn(*shares[:2], *keys, *to[:4], *rest[6:])
    assert (two.exit_code, "three custodians" in two.output) == (2, True)
    left = [shares[0], shares[2]]  # the second is lost
    keys = [word for n in (2, 0) for word in ("--key", str(room.folder / f"{n}.socaikey"))]
    done = turn(*left, *keys, *rest)
    assert done.exit_code == 0, done.output
    said = orjson.loads(done.stdout)
    again = orjson.loads(turn(*left, *keys, *rest).stdout)
    assert again["ceremony"] == said["ceremony"]
    assert sorted(again["shares"]) == sorted(said["shares"])
    room.custodians, room.shares = new, room.read(map(Path, said["shares"]))
    assert room.opens(act, 0, 2) == ["one_of_two", "open"]


def test_a_key_that_nobody_can_open_is_replaced(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two shares are lost: who comes now can be opened, who came before not. Killed, it goes on."""
    _, before = room.put()
    new = tuple(OpeningKey.generate() for _ in range(3))
    to = [one.public for one in new]
    run = partial(turning.replace_lost_identities, room.settings, to, room.folder / "third")
    cut, real = 0, PostgresTurns.turn

    def turn(turns: PostgresTurns, *said: Any) -> bool:  # noqa: ANN401  as the method
        nonlocal cut
        cut += 1
        if cut == 1:
            raise Killed
        done = real(turns, *said)
        if cut == 2:
            raise Killed
        return done

    monkeypatch.setattr(PostgresTurns, "turn", turn)
    for _ in range(2):
        with pytest.raises(Killed):
            run()
    done = run()
    assert cut == 2
    assert (len(done.left), done.key.wraps_after, done.key.left_behind) == (1, 0, 1)
    room.custodians, room.shares = new, room.read(done.shares)
    _, after = room.put()
    assert room.opens(after, 0, 2) == ["one_of_two", "open"]
    asked = Disclosed(before.token, case=before.case, origin=room.facts.origin)
    assert room.opens(asked, 0, 2)[-1] != "open"


# -- by SQL ---------------------------------------------------------------------------------------


@attack(
    "the vault's login, or the API's, turns a key of R to one of its own, or takes back one that is"
    " over",
    stopped_by="grants: a turn is the migrator's, which no process that serves has",
    noticed_by="-",
)
def test_no_login_that_serves_turns_a_key(room: Room) -> None:
    """Nor does it change a wrap, and nothing is asked of a key that is over."""
    item, act = room.put()
    old = room.kept
    turning.turn_own(room.settings)
    for login in ("vault", "writer", "reader", "projector", "keeper", "auditor"):
        with psycopg.connect(room.database.dsn(login), autocommit=True) as connection:
            for query in (
                "SELECT r.turn_key('contact', '', '', '', '{}', '{}', '{}', 0, '{}', '{}', '{}')",
                "SELECT r.note_destroyed('')",
                "UPDATE r.keys SET over_at = NULL",
                "UPDATE r.items SET contact_wrap = identity_wrap",
                "INSERT INTO r.keys (part, kek_id, public, before) VALUES ('contact', '', '', '')",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(query.encode())
    with pytest.raises(AssertionError):
        room.ask(room.letter(item, act), kept=old)
    with (
        psycopg.connect(room.database.dsn("vault")) as vault,
        pytest.raises(psycopg.errors.UniqueViolation),
    ):
        vault.execute(
            "INSERT INTO r.keys (part, kek_id, public) VALUES ('contact', %s, %s)",
            [bytes(16), bytes(1216)],
        )
    turns = PostgresTurns(room.database.pool("vault"), room.database.pool("migrator"))
    mine = OpeningKey.generate()
    with pytest.raises(Conflict):
        turns.turn("contact", old.public.contact.kek_id, mine.public, SealedAnew())
    assert room.sends(item, act)
