"""The officer's key is the identity, and a refusal tells nothing (http.md §2)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import orjson
import pytest

from api.auth import Caller, SignIn, TokenBox
from api.problems.problem import Problem
from keys.canonical import b64, unb64
from keys.jwk import SoftwareSigner
from keys.keyring import SERVICE, KeyRecord, Keyring
from ledger.log.statement import make_login
from tests.attacks import attack
from tests.fakes import MemorySessions

ORIGIN = "rehearsal.test/ordinary"
OFFICER = "0b5c1f0e-2f7e-4a39-8f0e-3d1a2b3c4d5e"
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class Counting:
    """`Entropy` that counts."""

    def __init__(self) -> None:
        self.n = 0

    def take(self, n_bytes: int) -> bytes:
        """Another value each time."""
        self.n += 1
        return self.n.to_bytes(n_bytes)

    def uuid(self) -> UUID:
        """A uuid."""
        return UUID(int=self.n, version=4)


class Desk:
    """A sign-in desk with one enrolled officer and a clock that is set by hand."""

    def __init__(self, attempts: int = 50) -> None:
        self.now = self.ledger_time = START
        self.signer = SoftwareSigner.generate("Ed25519")
        self.keyring = Keyring()
        self.asked: list[str | None] = []
        self.enrol(self.signer, OFFICER, "SOFTWARE")
        self.sessions = MemorySessions(lambda: self.now)
        self.sign_in = SignIn(
            origin=ORIGIN,
            token_box=TokenBox(b"k" * 32),
            sessions=self.sessions,
            entropy=Counting(),
            now=lambda: self.now,
            ledger_time=lambda: self.ledger_time,
            keyring=self.ask,
            token_ttl_s=900,
            attempts=attempts,
        )

    def ask(self, kid: str | None) -> Keyring:
        """The keyring; remembers for whom it was asked."""
        self.asked.append(kid)
        return self.keyring

    def enrol(
        self,
        signer: SoftwareSigner,
        officer: str | None,
        custody: str,
        valid_to: datetime | None = None,
    ) -> None:
        """Enrols a key."""
        line = KeyRecord(officer, signer.kid, signer.jwk, custody, START, valid_to, 1)
        self.keyring.enrol(line)

    def login(self, signer: SoftwareSigner | None = None, **changes: object) -> bytes:
        """A sign-in JWS over a fresh challenge."""
        key = signer or self.signer
        challenge, expires_at = self.sign_in.challenge(key.kid, "10.0.0.1")
        told = {"challenge": challenge, "log": ORIGIN, "expires_at": expires_at} | changes
        return orjson.dumps(make_login(key, **told))  # type: ignore[arg-type]

    def refusal(self, body: bytes) -> str:
        """Code of the refusal of a sign-in."""
        with pytest.raises(Problem) as refused:
            self.sign_in.by_challenge(body, "10.0.0.1")
        return refused.value.code


def test_an_enrolled_key_signs_in() -> None:
    """The whole way: challenge, signature, token, caller."""
    desk = Desk()
    token, issued = desk.sign_in.by_challenge(desk.login(), "10.0.0.1")
    caller = desk.sign_in.caller(f"Bearer {token}")
    assert caller == issued
    assert caller.officer == OFFICER


def test_unknown_key_and_wrong_signature_look_alike() -> None:
    """An attacker learns from neither who is enrolled (http.md §2)."""
    desk = Desk()
    unknown = desk.login(SoftwareSigner.generate("Ed25519"))
    wrong = orjson.loads(desk.login())
    wrong["signature"] = b64(bytes(64))
    assert desk.refusal(unknown) == desk.refusal(orjson.dumps(wrong)) == "sign_in_failed"


def test_a_challenge_is_good_once() -> None:
    """A recorded sign-in cannot be replayed."""
    desk = Desk()
    body = desk.login()
    desk.sign_in.by_challenge(body, "10.0.0.1")
    assert desk.refusal(body) == "sign_in_failed"


def test_a_challenge_of_another_key_is_refused() -> None:
    """A challenge asked for by one key is not answered by another."""
    desk = Desk()
    other = SoftwareSigner.generate("Ed25519")
    desk.enrol(other, "1b5c1f0e-2f7e-4a39-8f0e-3d1a2b3c4d5e", "SOFTWARE")
    challenge, _ = desk.sign_in.challenge(other.kid, "10.0.0.1")
    assert desk.refusal(desk.login(challenge=challenge)) == "sign_in_failed"


def test_a_late_answer_is_refused() -> None:
    """Two minutes, by real time."""
    desk = Desk()
    body = desk.login()
    desk.now += timedelta(minutes=3)
    assert desk.refusal(body) == "sign_in_failed"


def test_a_sign_in_for_another_log_is_refused() -> None:
    """One enclave's sign-in cannot be carried to another."""
    desk = Desk()
    assert desk.refusal(desk.login(log="other.test/ordinary")) == "sign_in_failed"


def test_a_service_key_does_not_sign_in() -> None:
    """A service key signs service statements and nothing else (formats.md §3)."""
    desk = Desk()
    service = SoftwareSigner.generate("Ed25519")
    desk.enrol(service, None, SERVICE)
    assert desk.refusal(desk.login(service)) == "sign_in_failed"


def test_an_expired_key_does_not_sign_in() -> None:
    """By the ledger's time, as a signature is judged (formats.md §9); in either way."""
    desk = Desk()
    old = SoftwareSigner.generate("Ed25519")
    desk.enrol(old, OFFICER, "SOFTWARE", START + timedelta(days=1))
    desk.sign_in.by_challenge(desk.login(old), "10.0.0.1")
    desk.ledger_time += timedelta(days=1)
    assert desk.refusal(desk.login(old)) == "sign_in_failed"
    with pytest.raises(Problem):
        desk.sign_in.by_assertion(_assertion(old), "10.0.0.2")


def test_a_revoked_key_ends_its_sessions_at_once() -> None:
    """A stolen key must not go on reading until its token runs out, also one that has just read."""
    desk = Desk()
    token, issued = desk.sign_in.by_challenge(desk.login(), "10.0.0.1")
    assert desk.sign_in.caller(f"Bearer {token}") == issued
    desk.keyring.revoke(desk.signer.kid, OFFICER, 9, START, START, "LOST")
    with pytest.raises(Problem):
        desk.sign_in.caller(f"Bearer {token}")
    assert desk.refusal(desk.login()) == "sign_in_failed"


@attack(
    "a token is used on when its key is past its last day",
    stopped_by="validity is asked at each request, as at sign-in and of a session of the pages",
    noticed_by="-",
)
def test_a_key_past_its_validity_ends_its_tokens_at_once() -> None:
    """It signs nothing more, nor in: neither does what it signed in before (formats.md §9)."""
    desk = Desk()
    old = SoftwareSigner.generate("Ed25519")
    desk.enrol(old, OFFICER, "SOFTWARE", START + timedelta(minutes=1))
    token, issued = desk.sign_in.by_challenge(desk.login(old), "10.0.0.1")
    assert desk.sign_in.caller(f"Bearer {token}") == issued
    desk.ledger_time += timedelta(minutes=1)
    with pytest.raises(Problem) as refused:
        desk.sign_in.caller(f"Bearer {token}")
    assert refused.value.code == "not_signed_in"


@pytest.mark.parametrize(
    "stated", [None, "", "Bearer", "Basic eA", "Bearer x.y", "Bearer " + "A" * 80]
)
def test_no_token_no_caller(stated: str | None) -> None:
    """Whatever is wrong with it, the answer is the same."""
    with pytest.raises(Problem) as refused:
        Desk().sign_in.caller(stated)
    assert refused.value.code == "not_signed_in"


def test_a_token_ends() -> None:
    """Short-lived, however often it was read before."""
    desk = Desk()
    token, issued = desk.sign_in.by_challenge(desk.login(), "10.0.0.1")
    assert desk.sign_in.caller(f"Bearer {token}") == issued
    desk.now += timedelta(seconds=901)
    with pytest.raises(Problem):
        desk.sign_in.caller(f"Bearer {token}")


def test_a_forged_token_is_refused() -> None:
    """Only this API's secret makes tokens; a cursor's seal makes none."""
    desk = Desk()
    value = {
        "exp": 9 * 10**9,
        "kid": desk.signer.kid,
        "log": ORIGIN,
        "officer": OFFICER,
        "session": "",
    }
    for forged in (
        TokenBox(b"x" * 32).shut("token", value),
        TokenBox(b"k" * 32).shut("cursor", value),
    ):
        with pytest.raises(Problem):
            desk.sign_in.caller(f"Bearer {forged}")


def test_the_limit_of_a_key_says_nothing_of_it() -> None:
    """Whether it is enrolled or not (access.md N4): of both so many answers fail, then none is."""
    for enrolled in (True, False):
        desk = Desk(attempts=3)
        signer = desk.signer if enrolled else SoftwareSigner.generate("Ed25519")
        told = [desk.refusal(_unproven(desk, signer)) for _ in range(5)]
        assert told == ["sign_in_failed"] * 3 + ["too_many_attempts"] * 2
        assertion = f"{_assertion(signer).rpartition('.')[0]}.{b64(bytes(64))}"
        with pytest.raises(Problem) as refused:
            desk.sign_in.by_assertion(assertion, "10.0.0.1")
        assert refused.value.code == "too_many_attempts"
        assert refused.value.headers["Retry-After"]


@attack(
    "a colleague behind one's own address kept out by challenges asked for, and answers made up,"
    " in the name of their key, which everybody knows",
    stopped_by="what fails is counted for a key, and whoever proves it is never refused for that",
    noticed_by="-",
)
def test_nobody_is_kept_out_in_the_name_of_their_key() -> None:
    """In either way of signing in; who shares the address is counted with it (Remains of TH3)."""
    desk = Desk(attempts=10)
    for _ in range(50):
        with suppress(Problem):
            desk.sign_in.challenge(desk.signer.kid, "10.0.0.1")
        with suppress(Problem):
            desk.sign_in.by_challenge(_unproven(desk, desk.signer), "10.0.0.1")
    _, caller = desk.sign_in.by_challenge(desk.login(), "10.0.0.1")
    assert caller.officer == OFFICER
    _, caller = desk.sign_in.by_assertion(_assertion(desk.signer), "10.0.0.1")
    assert caller.officer == OFFICER


def _unproven(desk: Desk, signer: SoftwareSigner) -> bytes:
    """The answer to a challenge of this key by whoever does not have it."""
    return orjson.dumps({**orjson.loads(desk.login(signer)), "signature": b64(bytes(64))})


def test_made_up_keys_are_counted_by_where_they_come_from() -> None:
    """Nobody fills the store with challenges by naming another key each time."""
    desk = Desk(attempts=1)
    kids = (SoftwareSigner.generate("Ed25519").kid for _ in range(41))
    for kid in islice(kids, 40):
        desk.sign_in.challenge(kid, "10.0.0.1")
    with pytest.raises(Problem) as refused:
        desk.sign_in.challenge(next(kids), "10.0.0.1")
    assert refused.value.code == "too_many_attempts"
    assert len(desk.sessions.challenges) == 40


def test_a_flood_of_attempts_costs_the_store_nothing_but_the_first_ones() -> None:
    """Each would write there, one after the other, while everybody else waits for a connection."""
    desk = Desk(attempts=1)
    for _ in range(1_000):
        with suppress(Problem):
            desk.sign_in.challenge(SoftwareSigner.generate("Ed25519").kid, "10.0.0.1")
    assert max(count for _, count in desk.sessions.counted.values()) == 41
    desk.sign_in.challenge(desk.signer.kid, "10.0.0.2")  # nobody else is refused
    desk.now += timedelta(seconds=60)  # another window
    desk.sign_in.challenge(desk.signer.kid, "10.0.0.1")


@pytest.mark.parametrize("challenge", ["", "a\x00b", "A" * 9_000, "A" * 42 + "="])
def test_challenge_that_was_never_ours_asks_no_store(challenge: str) -> None:
    """What PostgreSQL takes for no text is no doubt about the log's integrity."""
    desk = Desk()
    body = desk.login(challenge=challenge)
    held = dict(desk.sessions.challenges)
    assert desk.refusal(body) == "sign_in_failed"
    assert desk.sessions.challenges == held


def _assertion(signer: SoftwareSigner, **changes: object) -> str:
    header: dict[str, object] = {"alg": signer.alg, "kid": signer.kid, "typ": "JWT"}
    header |= {name: changes.pop(name) for name in ("crit", "kid") if name in changes}
    claims = {
        "iss": signer.kid,
        "sub": signer.kid,
        "aud": ORIGIN,
        "exp": int(START.timestamp()) + 60,
        "jti": "a",
    } | changes
    parts = f"{b64(orjson.dumps(header))}.{b64(orjson.dumps(claims))}"
    return f"{parts}.{b64(signer.sign(parts.encode()))}"


@pytest.mark.parametrize("alg", ["Ed25519", "ES256", "ML-DSA-65"])
def test_a_system_signs_in_with_private_key_jwt(alg: str) -> None:
    """RFC 7523 §3, with any key that may sign statements."""
    desk = Desk()
    system = SoftwareSigner.generate(alg)
    desk.enrol(system, OFFICER, "SOFTWARE")
    in_five_minutes = int(START.timestamp()) + 300
    token, caller = desk.sign_in.by_assertion(_assertion(system, exp=in_five_minutes), "10.0.0.2")
    assert caller.officer == OFFICER
    assert isinstance(desk.sign_in.caller(f"Bearer {token}"), Caller)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere"},
        {"iss": "x"},
        {"sub": "x"},
        {"exp": int(START.timestamp()) - 1},
        {"exp": int(START.timestamp()) + 301},
        {"jti": None},
        {"exp": "soon"},
        {"nbf": int(START.timestamp()) + 30},
        {"nbf": "soon"},
        {"crit": ["exp"]},
        {"kid": ["a"]},
    ],
)
def test_an_assertion_that_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    """Every claim is checked; the answer never says which failed."""
    desk = Desk()
    with pytest.raises(Problem) as refused:
        desk.sign_in.by_assertion(_assertion(desk.signer, **changes), "10.0.0.2")
    assert refused.value.code == "sign_in_failed"


@pytest.mark.parametrize("header", [b'{"kid":"\\ud800"}', b"[" * 5_000, b"\xff", b"null", b"{}"])
def test_an_assertion_that_is_no_json_is_refused(header: bytes) -> None:
    """Anybody may knock: it never ends in a failure of the server."""
    with pytest.raises(Problem) as refused:
        Desk().sign_in.by_assertion(f"{b64(header)}.{b64(b'{}')}.{b64(bytes(64))}", "10.0.0.2")
    assert refused.value.code == "sign_in_failed"


def test_an_assertion_is_good_once() -> None:
    """`jti` is remembered for as long as the assertion could live."""
    desk = Desk()
    assertion = _assertion(desk.signer)
    desk.sign_in.by_assertion(assertion, "10.0.0.2")
    with pytest.raises(Problem):
        desk.sign_in.by_assertion(assertion, "10.0.0.2")


def test_the_log_is_asked_alike_for_who_is_known_and_who_is_not() -> None:
    """A wrong signature of an enrolled key costs what an unknown key costs, a question included."""
    asked = []
    for signer in (None, SoftwareSigner.generate("Ed25519")):
        desk = Desk()
        body = orjson.loads(desk.login(signer))
        body["signature"] = b64(bytes(64))
        assert desk.refusal(orjson.dumps(body)) == "sign_in_failed"
        asked.append(desk.asked)
    assert asked == [[None], [None]]


def test_what_is_handed_out_tells_nothing_to_who_holds_it() -> None:
    """Cursors hold indices and tokens officers, for us alone; the same place is the same text."""
    seal, value = TokenBox(b"k" * 32), {"i": 4711, "officer": OFFICER}
    text = seal.shut("cursor", value)
    assert text == seal.shut("cursor", value)
    assert seal.open("cursor", text) == value
    assert not any(told in unb64(text) for told in (b"4711", b"officer", OFFICER.encode()))
    for n in range(len(text)):
        other = "A" if text[n] != "A" else "B"
        assert seal.open("cursor", text[:n] + other + text[n + 1 :]) is None
        assert seal.open("cursor", text[:n]) is None
    assert seal.open("token", text) is None
    assert TokenBox(b"x" * 32).open("cursor", text) is None
