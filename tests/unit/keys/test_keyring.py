"""A signature is judged as the log stood at its index, never as it stands today (formats.md §9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keys.errors import Malformed, RetiredKey, UnknownKey, WrongCustody
from keys.jwk import SoftwareSigner
from keys.keyring import KeyRecord, Keyring, Verdict
from tests.vector_files import load

DAY = timedelta(days=1)
START = datetime(2024, 6, 3, tzinfo=UTC)
KEY = SoftwareSigner.generate()
AN = "faab380c-d8ba-43e3-b868-103150956840"
BINH = "dad20360-5f8a-43ad-bb87-1158be4719a8"


def a_line(key: SoftwareSigner = KEY, *, index: int = 10, custody: str = "BROWSER") -> KeyRecord:
    """An's key, valid for a hundred days from START."""
    officer = None if custody == "SERVICE" else AN
    return KeyRecord(officer, key.kid, key.jwk, custody, START, START + 100 * DAY, index)


@pytest.fixture
def ring() -> Keyring:
    """An's key enrolled at 10; revoked at 20 on day 50, not to be trusted from day 40."""
    ring = Keyring()
    ring.enrol(a_line())
    ring.revoke(KEY.kid, AN, 20, START + 50 * DAY, START + 40 * DAY, "mất khóa")
    return ring


@pytest.mark.parametrize(
    ("index", "day", "officer", "good", "verdict"),
    [
        (11, 30, AN, True, Verdict.VALID_KEY_SINCE_REVOKED),
        (19, 40, AN, True, Verdict.DISPUTED),
        (19, 45, AN, True, Verdict.DISPUTED),
        (20, 50, AN, True, Verdict.DISPUTED),
        (21, 51, AN, True, Verdict.UNKNOWN_KEY),
        (10, 30, AN, True, Verdict.UNKNOWN_KEY),
        (9, 30, AN, True, Verdict.UNKNOWN_KEY),
        (11, -1, AN, True, Verdict.UNKNOWN_KEY),
        (11, 100, AN, True, Verdict.UNKNOWN_KEY),
        (11, 30, AN, False, Verdict.INVALID_SIGNATURE),
        (11, 30, BINH, True, Verdict.WRONG_SIGNER),
    ],
)
def test_verdicts(
    ring: Keyring,
    index: int,
    day: int,
    officer: str,
    good: bool,  # noqa: FBT001 - a column of the table
    verdict: Verdict,
) -> None:
    """A revocation must not rewrite what was recorded before it."""
    at = START + day * DAY
    found = ring.judge(KEY.kid, officer=officer, index=index, recorded_at=at, signature_ok=good)
    assert found is verdict


def test_a_key_that_was_never_revoked_is_valid() -> None:
    """The ordinary case."""
    ring = Keyring()
    ring.enrol(a_line())
    found = ring.judge(KEY.kid, officer=AN, index=11, recorded_at=START, signature_ok=True)
    assert found is Verdict.VALID


def test_record_zero_is_judged_by_the_key_that_it_enrols() -> None:
    """Genesis is self-signed; no later record may vouch for itself so."""
    ring = Keyring()
    ring.enrol(a_line(index=0))
    found = ring.judge(KEY.kid, officer=AN, index=0, recorded_at=START, signature_ok=True)
    assert found is Verdict.VALID


def test_an_unknown_key_has_no_verdict_but_unknown() -> None:
    """Even a signature that would verify says nothing about anybody."""
    found = Keyring().judge(KEY.kid, officer=AN, index=1, recorded_at=START, signature_ok=True)
    assert found is Verdict.UNKNOWN_KEY


def test_a_revoked_key_cannot_sign_again(ring: Keyring) -> None:
    """At the door the log stands at its end."""
    assert ring.retired(KEY.kid)
    assert not ring.retired(KEY.kid, index=20)
    with pytest.raises(RetiredKey):
        ring.usable(KEY.kid, index=None, at=START + DAY)
    assert ring.usable(KEY.kid, index=15, at=START + DAY).officer == AN


def test_a_key_cannot_sign_outside_its_validity() -> None:
    """Validity begins with its first instant and ends before its last."""
    ring = Keyring()
    ring.enrol(a_line())
    ring.usable(KEY.kid, index=None, at=START)
    for at in (START - DAY, START + 100 * DAY):
        with pytest.raises(UnknownKey):
            ring.usable(KEY.kid, index=None, at=at)
    with pytest.raises(UnknownKey):
        ring.usable("nobody", index=None, at=START)


def test_a_service_key_signs_no_act() -> None:
    """And an officer's key no service statement."""
    ring, service = Keyring(), SoftwareSigner.generate()
    ring.enrol(a_line())
    ring.enrol(a_line(service, custody="SERVICE"))
    assert ring.usable(service.kid, index=None, at=START, service=True).is_service
    for kid, wanted in ((service.kid, False), (KEY.kid, True)):
        with pytest.raises(WrongCustody):
            ring.usable(kid, index=None, at=START, service=wanted)


@pytest.mark.parametrize(
    ("index", "day", "verdict"),
    [
        (11, 30, Verdict.VALID_KEY_SINCE_REVOKED),
        (19, 45, Verdict.DISPUTED),
        (20, 50, Verdict.DISPUTED),
        (21, 51, Verdict.UNKNOWN_KEY),
    ],
)
def test_verdicts_on_a_service_key_that_was_revoked(index: int, day: int, verdict: Verdict) -> None:
    """A stolen key of the system is ended like an officer's, and rewrites nothing before."""
    ring, service = Keyring(), SoftwareSigner.generate()
    ring.enrol(a_line(service, custody="SERVICE"))
    with pytest.raises(UnknownKey):
        ring.revoke(service.kid, AN, 15, START, START)
    ring.revoke(service.kid, None, 20, START + 50 * DAY, START + 40 * DAY, "lộ khóa")
    at = START + day * DAY
    judged = ring.judge(service.kid, officer=None, index=index, recorded_at=at, signature_ok=True)
    assert judged is verdict
    with pytest.raises(RetiredKey):
        ring.usable(service.kid, index=None, at=at, service=True)


def test_enrolment_refuses_a_second_owner_and_a_wrong_name() -> None:
    """One key names one person, for ever."""
    ring = Keyring()
    ring.enrol(a_line())
    other = SoftwareSigner.generate()
    for line in (
        a_line(),
        KeyRecord(AN, other.kid, KEY.jwk, "BROWSER", START, None, 1),
        KeyRecord(AN, other.kid, {**other.jwk, "d": "AA"}, "BROWSER", START, None, 1),
    ):
        with pytest.raises(Malformed):
            ring.enrol(line)


def test_only_its_owner_s_key_is_revoked_and_only_once(ring: Keyring) -> None:
    """A second revocation must not move the line between valid and disputed."""
    with pytest.raises(UnknownKey):
        ring.revoke(KEY.kid, BINH, 30, START, START)
    ring.revoke(KEY.kid, AN, 30, START + 60 * DAY, START, "again")
    line = ring.line(KEY.kid)
    assert line is not None
    assert (line.revoked_index, line.reason) == (20, "mất khóa")


def test_a_copy_goes_its_own_way(ring: Keyring) -> None:
    """A dry run must not enrol into the registry it asks."""
    other, key = ring.copy(), SoftwareSigner.generate()
    other.enrol(a_line(key))
    assert key.kid in other
    assert key.kid not in ring
    assert len(ring.lines(AN)) == 1
    assert ring.key(KEY.kid).alg == "Ed25519"
    with pytest.raises(UnknownKey):
        ring.key(key.kid)


def test_an_ordinary_key_is_no_test_key() -> None:
    """The refusal is for the printed ones only."""
    assert not Keyring.is_test_key(KEY.kid)
    assert load("statement")["keys"]
