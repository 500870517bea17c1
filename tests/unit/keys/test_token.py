"""KEKs on a PKCS#11 token (access.md K6): they work there, and nobody takes them away."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import canonical, envelope_encryption
from keys.custody import file
from keys.custody.kek_custody import FILE, PKCS11, FileCustody, KekCustody, OnToken, named, on_token
from keys.custody.key_files import KeyFiles, next_path, old_path
from keys.custody.token import HeldKek, Token, TokenCustody, TokenPlace
from keys.envelope_encryption import Kek
from keys.errors import Malformed, NotExtractable, TokenError, TokenFault, Unsealable
from tests.attacks import attack
from tests.examples import examples
from tests.fixtures.softhsm import KEK_TOKEN, OTHER_PIN, PIN, TWICE, SoftHsm

ENTRY, ORIGIN = bytes(32), "bacninh.example/ordinary"


def pin() -> bytes:
    """The right one; picklable."""
    return PIN


@pytest.fixture(scope="module")
def token(softhsm: SoftHsm) -> Token:
    """The token of KEKs, logged in to once."""
    return Token(TokenPlace(softhsm.module, KEK_TOKEN), pin)


@pytest.fixture(scope="module")
def kek(token: Token, tmp_path_factory: pytest.TempPathFactory) -> Kek:
    """A KEK that was made there."""
    return TokenCustody(token).make(tmp_path_factory.mktemp("kek") / "kek.socaikek")


@pytest.fixture(params=[FILE, PKCS11])
def custody(request: pytest.FixtureRequest) -> KekCustody:
    """Each custody there is."""
    if request.param == FILE:
        return FileCustody(lambda: b"pass")
    token: Token = request.getfixturevalue("token")
    return TokenCustody(token)


def _wrapped(kek: Kek, dek: bytes = bytes(32)) -> bytes:
    return envelope_encryption.wrap(kek, dek, origin=ORIGIN, entry=ENTRY)


def _unwrapped(kek: Kek, wrapped: bytes) -> bytes:
    return envelope_encryption.unwrap(kek, wrapped, origin=ORIGIN, entry=ENTRY)


def _fault(token: Token) -> TokenFault:
    with pytest.raises(TokenError) as caught, token.session():
        pass
    return caught.value.fault


# -- what every custody promises -----------------------------------------------------------------


def test_a_kek_is_made_opened_and_destroyed(custody: KekCustody, tmp_path: Path) -> None:
    """The port, in either custody; a destroyed KEK opens nothing, and destroying again is safe."""
    path = tmp_path / "kek.socaikek"
    made = custody.make(path)
    wrapped = _wrapped(made)
    opened = custody.open(path)
    assert opened.kek_id == made.kek_id == envelope_encryption.kek_id_of(wrapped)
    assert _unwrapped(opened, wrapped) == bytes(32)
    assert named(path) == made.kek_id
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        custody.make(path)
    assert custody.open(path) == opened
    kept = path.read_bytes()
    custody.destroy(path)
    assert not path.exists()
    custody.destroy(path)
    if custody.name == PKCS11:
        path.write_bytes(kept)
        with pytest.raises(TokenError) as caught:
            custody.open(path)
        assert caught.value.fault is TokenFault.KEY_ABSENT


@pytest.mark.parametrize("noise", [b"\xff" * 120, b"\0" * 120, b"\0" * 7 + b"\xff" * 113])
def test_destroying_is_run_again_where_it_was_cut_short(
    custody: KekCustody, tmp_path: Path, noise: bytes
) -> None:
    """Killed while the file was written over: what is left names no key, and goes."""
    path = tmp_path / "kek-old.socaikek"
    path.write_bytes(noise)
    custody.destroy(path)
    assert not path.exists()
    path.write_bytes(b"not a key file")
    if custody.name == PKCS11:
        with pytest.raises(Malformed):
            custody.destroy(path)
        assert path.exists()


def test_a_kek_that_came_back_is_kept(custody: KekCustody, tmp_path: Path) -> None:
    """What custodians recovered opens what it wrapped before, in either custody; same bytes."""
    kek, path = Kek.generate(), tmp_path / "kek.socaikek"
    wrapped = _wrapped(kek)
    kept = custody.keep(path, kek)
    assert _unwrapped(kept, wrapped) == bytes(32)
    assert _unwrapped(custody.open(path), wrapped) == bytes(32)
    assert _unwrapped(kek, _wrapped(kept)) == bytes(32)


def test_a_file_of_one_custody_is_not_opened_by_the_other(token: Token, tmp_path: Path) -> None:
    """Neither takes the other's file for damaged, or for nothing."""
    by_file, by_token = FileCustody(lambda: b"pass"), TokenCustody(token)
    by_file.make(tmp_path / "a.socaikek")
    by_token.make(tmp_path / "b.socaikek")
    with pytest.raises(Malformed):
        by_token.open(tmp_path / "a.socaikek")
    with pytest.raises(Malformed):
        by_file.open(tmp_path / "b.socaikek")
    assert on_token(tmp_path / "a.socaikek") is None


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"alg": "Ed25519"},
        {"kid": 1},
        {"token": 1},
        {"token": {"label": "a"}},
        {"token": {"label": "a", "serial": ""}},
        {"token": {"label": "a", "serial": 1}},
        {"more": 1},
    ],
)
def test_a_file_that_names_no_key_on_a_token_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    """The file is a foreign one."""
    good = {"v": 1, "kid": "AAAA", "alg": "A256GCM", "token": {"label": "a", "serial": "b"}}
    path = tmp_path / "kek.socaikek"
    path.write_bytes(canonical.encode(good))
    assert on_token(path) == OnToken(bytes(3), "a", "b")
    path.write_bytes(canonical.encode({**good, **change}))
    with pytest.raises(Malformed):
        on_token(path)


def test_an_epoch_turns_in_either_custody(custody: KekCustody, tmp_path: Path) -> None:
    """The file that names a KEK is all that moves; a process takes up what it comes to name."""
    path = tmp_path / "kek.socaikek"
    old = custody.make(path)
    process = KeyFiles(path, custody.open)
    wrapped = _wrapped(process.current)
    new = custody.make(next_path(path), like=path)
    assert named(next_path(path)) == new.kek_id != old.kek_id
    path.rename(old_path(path))
    next_path(path).rename(path)
    assert process.current.kek_id == new.kek_id
    assert envelope_encryption.unwrap(process, wrapped, origin=ORIGIN, entry=ENTRY) == bytes(32)
    moved = envelope_encryption.wrap(process, bytes(32), origin=ORIGIN, entry=ENTRY)
    assert envelope_encryption.kek_id_of(moved) == new.kek_id
    custody.destroy(old_path(path))
    again = KeyFiles(path, custody.open)
    assert [kek.kek_id for kek in again.every] == [new.kek_id]
    with pytest.raises(Unsealable):
        envelope_encryption.unwrap(again, wrapped, origin=ORIGIN, entry=ENTRY)
    assert envelope_encryption.unwrap(again, moved, origin=ORIGIN, entry=ENTRY) == bytes(32)


# -- the token -----------------------------------------------------------------------------------


@settings(max_examples=examples(25))
@given(dek=st.binary(min_size=32, max_size=32))
def test_what_the_token_wraps_it_unwraps(softhsm: SoftHsm, dek: bytes) -> None:
    """And in the very bytes of formats.md §5, so that custody may change."""
    token = Token(TokenPlace(softhsm.module, KEK_TOKEN), pin)
    kek = TokenCustody(token).open(_shared(softhsm, token))
    assert _unwrapped(kek, _wrapped(kek, dek)) == dek


def _shared(softhsm: SoftHsm, token: Token) -> Path:
    path = softhsm.folder.parent / "shared.socaikek"
    if not path.exists():
        TokenCustody(token).make(path)
    return path


@attack(
    "the KEK is taken from its token, by who has the PIN",
    stopped_by="the key is sensitive and not extractable; one that is not so is not used",
    noticed_by="-",
)
def test_a_kek_on_a_token_is_not_taken_from_it(token: Token, kek: Kek, tmp_path: Path) -> None:
    """Not by us, not by the library, and not by a key that was made to be taken out."""
    import pkcs11  # noqa: PLC0415  only here, and where SoftHSM is

    with pytest.raises(NotExtractable):
        kek.secret()
    with pytest.raises(NotExtractable):
        file.write_kek(tmp_path / "kek.socaikek", kek, b"pass")
    loose = os.urandom(16)  # noqa: TID251  an id on a token that lives as long as the run
    with token.session() as session:
        (there,) = session.get_objects({pkcs11.Attribute.ID: kek.kek_id})
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            there[pkcs11.Attribute.VALUE]
        for attribute, held in (
            (pkcs11.Attribute.SENSITIVE, True),
            (pkcs11.Attribute.ALWAYS_SENSITIVE, True),
            (pkcs11.Attribute.NEVER_EXTRACTABLE, True),
            (pkcs11.Attribute.EXTRACTABLE, False),
            (pkcs11.Attribute.MODIFIABLE, False),
        ):
            assert there[attribute] is held
        session.generate_key(
            pkcs11.KeyType.AES,
            256,
            id=loose,
            store=True,
            template={pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False},
        )
    with pytest.raises(TokenError) as caught:
        HeldKek(token, loose).encrypt(bytes(12), b"", b"")
    assert caught.value.fault is TokenFault.KEY_UNFIT


def test_the_file_beside_a_token_holds_no_secret(token: Token, tmp_path: Path) -> None:
    """It names the key and the token, and that is all there is to steal."""
    path = tmp_path / "kek.socaikek"
    made = TokenCustody(token).make(path)
    assert json.loads(path.read_text()) == {
        "v": 1,
        "alg": "A256GCM",
        "kid": canonical.b64(made.kek_id),
        "token": {"label": KEK_TOKEN, "serial": token.serial},
    }
    assert PIN.decode() not in repr(made) + repr(token)


@pytest.mark.parametrize("at", [20, 40, 76])
def test_changed_bytes_do_not_open(kek: Kek, at: int) -> None:
    """As with a KEK in a file: nonce, ciphertext or tag."""
    wrapped = bytearray(_wrapped(kek))
    wrapped[at] ^= 1
    with pytest.raises(Unsealable):
        _unwrapped(kek, bytes(wrapped))
    assert _unwrapped(kek, _wrapped(kek)) == bytes(32)


@attack(
    "the token is pulled out while records are read",
    stopped_by="what fails is told apart from what does not open",
    noticed_by="503, and whoever looks after the machine",
)
def test_a_token_that_is_gone_spoils_no_record(softhsm: SoftHsm, kek: Kek) -> None:
    """No wrap counts as damaged for it; once it is back, the same process goes on."""
    wrapped = _wrapped(kek)
    with softhsm.pulled_out():
        for _ in range(2):
            with pytest.raises(TokenError) as caught:
                _unwrapped(kek, wrapped)
            assert caught.value.fault in {
                TokenFault.ABSENT,
                TokenFault.FAILED,
                TokenFault.KEY_ABSENT,
            }
    assert _unwrapped(kek, wrapped) == bytes(32)


def test_a_refused_pin_is_not_tried_again(softhsm: SoftHsm) -> None:
    """A process that goes on trying would lock the card."""
    asked = []

    def wrong() -> bytes:
        asked.append(1)
        return OTHER_PIN

    token = Token(TokenPlace(softhsm.module, TWICE + "x"), wrong)
    assert _fault(token) is TokenFault.ABSENT
    assert not asked
    token = Token(TokenPlace(softhsm.module, "socai-test-locked"), wrong)
    assert [_fault(token) for _ in range(3)] == [TokenFault.PIN_WRONG] * 3
    assert len(asked) == 1


@pytest.mark.parametrize("typed", [b"", b"1", b"\xff\xfe", b"1" * 300])
def test_a_pin_that_is_none_is_a_wrong_one(softhsm: SoftHsm, typed: bytes) -> None:
    """Whatever was typed, it is one sentence."""
    token = Token(TokenPlace(softhsm.module, "socai-test-locked"), lambda: typed)
    assert _fault(token) is TokenFault.PIN_WRONG


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"label": "no such token"}, TokenFault.ABSENT),
        ({"serial": "ffff"}, TokenFault.ABSENT),
        ({"label": TWICE}, TokenFault.AMBIGUOUS),
        ({"module": "/nowhere/lib.so"}, TokenFault.NO_MODULE),
        ({"module": __file__}, TokenFault.NO_MODULE),
    ],
)
def test_a_token_that_is_not_found_is_named(
    softhsm: SoftHsm, change: dict[str, str], fault: TokenFault
) -> None:
    """By what is missing, since whoever repairs it does another thing each time."""
    place = replace(TokenPlace(softhsm.module, KEK_TOKEN), **change)
    assert _fault(Token(place, pin)) is fault


def test_a_kek_of_another_token_is_not_looked_for_on_this_one(token: Token, tmp_path: Path) -> None:
    """The file names the token by what it says of itself, and destroys nothing elsewhere."""
    path = tmp_path / "kek.socaikek"
    TokenCustody(token).make(path)
    members = json.loads(path.read_text())
    members["token"]["serial"] = "0000"
    path.write_bytes(canonical.encode(members))
    for use in (TokenCustody(token).open, TokenCustody(token).destroy):
        with pytest.raises(TokenError) as caught:
            use(path)
        assert caught.value.fault is TokenFault.ABSENT
    assert path.exists()


def test_threads_take_turns(kek: Kek) -> None:
    """The service wraps in thirty threads; a session does one thing at a time."""

    def there_and_back(n: int) -> bool:
        dek = n.to_bytes(32)
        return all(_unwrapped(kek, _wrapped(kek, dek)) == dek for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(16)))


def _in_a_child(work: Callable[[], bytes]) -> bytes:
    """What `work` gives in a process that is forked off this one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        given = pipe.read()
    os.waitpid(child, 0)
    return given


def test_a_process_that_is_forked_off_logs_in_for_itself(kek: Kek) -> None:
    """An audit opens records in several; the one before it goes on undisturbed."""
    wrapped = _wrapped(kek, b"a" * 32)
    assert _in_a_child(lambda: _unwrapped(kek, wrapped)) == b"a" * 32
    assert _unwrapped(kek, wrapped) == b"a" * 32


def test_a_kek_is_handed_to_a_process_as_what_to_open(kek: Kek) -> None:
    """Pickled it is the place and the way to the PIN, and never the PIN."""
    handed = pickle.dumps(kek)
    assert PIN not in handed
    assert _unwrapped(pickle.loads(handed), _wrapped(kek)) == bytes(32)  # noqa: S301  our own
