"""Key files: they open with their passphrase only, and are never overwritten (formats.md §9)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import pytest

from keys import canonical
from keys.custody import file
from keys.envelope_encryption import Kek
from keys.errors import Malformed, Unsealable
from keys.hpke import OpeningKey
from keys.jwk import SoftwareSigner

Form = Literal["NFC", "NFD"]
CHEAP = {"t": 1, "p": 1, "m_kib": 64}


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    """A cheap key file with passphrase `mật khẩu`."""
    path = tmp_path / "an.socaikey"
    file.write_key(path, SoftwareSigner.generate(), "mật khẩu".encode(), **CHEAP)
    return path


@pytest.mark.parametrize("alg", ["Ed25519", "ES256", "ML-DSA-65", "ML-DSA-44"])
def test_key_file_round_trip(tmp_path: Path, alg: str) -> None:
    """The same key comes out, and the file says which without its passphrase."""
    path, own = tmp_path / "key.socaikey", SoftwareSigner.generate(alg)
    file.write_key(path, own, b"pass", **CHEAP)
    again = file.read_key(path, b"pass")
    assert (again.kid, again.alg) == (own.kid, alg)
    assert file.public_part(path) == file.PublicPart(own.kid, alg)
    own.verifier().verify(again.sign(b"x"), b"x")
    assert path.stat().st_mode & 0o777 == 0o600


def test_kek_file_round_trip(tmp_path: Path) -> None:
    """A lost KEK is every record lost."""
    path, kek = tmp_path / "kek.socaikek", Kek.generate()
    file.write_kek(path, kek, b"pass", **CHEAP)
    assert file.read_kek(path, b"pass") == kek
    with pytest.raises(Malformed):
        file.read_key(path, b"pass")


def test_key_files_open_in_several_threads_at_once(tmp_path: Path) -> None:
    """With lanes, as every file has them that the product writes: OpenSSL would wait for ever."""
    path, own = tmp_path / "lanes.socaikey", SoftwareSigner.generate()
    file.write_key(path, own, b"pass", t=1, p=4, m_kib=1_024)
    opened: list[str] = []

    def read() -> None:
        opened.extend(file.read_key(path, b"pass").kid for _ in range(5))

    threads = [Thread(target=read, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert opened == [own.kid] * 20


def test_file_of_a_key_that_is_sealed_to_round_trip(tmp_path: Path) -> None:
    """A custodian's key, and the compartment's."""
    path, own = tmp_path / "custodian.socaikey", OpeningKey.generate()
    file.write_opening_key(path, own, b"pass")
    assert file.read_opening_key(path, b"pass").secret() == own.secret()
    assert file.public_part(path) == file.PublicPart(own.kid, "MLKEM768-X25519")
    for other in (file.read_key, file.read_kek):
        with pytest.raises(Malformed):
            other(path, b"pass")


def test_a_signing_key_opens_no_share(tmp_path: Path, key_path: Path) -> None:
    """Custodian keys are used for nothing else (access.md K7), nor others for theirs."""
    with pytest.raises(Malformed):
        file.read_opening_key(key_path, "mật khẩu".encode())
    kek = tmp_path / "kek.socaikek"
    file.write_kek(kek, Kek.generate(), b"pass")
    with pytest.raises(Malformed):
        file.read_opening_key(kek, b"pass")


@pytest.mark.usefixtures("real_costs")
def test_default_cost_is_written_into_the_file(tmp_path: Path) -> None:
    """A stolen file must cost its thief 64 MiB a guess, and 256 MiB where it opens all (K5)."""
    path, kek_path = tmp_path / "key.socaikey", tmp_path / "kek.socaikek"
    own = SoftwareSigner.generate()
    file.write_key(path, own, b"pass")
    file.write_kek(kek_path, Kek.generate(), b"pass")
    for written, m_kib in ((path, 65_536), (kek_path, 262_144)):
        kdf = json.loads(written.read_text())["kdf"]
        assert (kdf["name"], kdf["t"], kdf["p"], kdf["m_kib"]) == ("argon2id", 3, 4, m_kib)
    assert file.read_key(path, b"pass").kid == own.kid
    assert file.write_opening_key.__kwdefaults__ == file.write_kek.__kwdefaults__


def test_a_key_is_never_overwritten(key_path: Path) -> None:
    """The only copy of a key must survive a second run of a command."""
    before = key_path.read_bytes()
    with pytest.raises(FileExistsError):
        file.write_key(key_path, SoftwareSigner.generate(), b"x", **CHEAP)
    assert key_path.read_bytes() == before


def test_wrong_passphrase_does_not_open(key_path: Path) -> None:
    """And it says no more than that."""
    with pytest.raises(Unsealable):
        file.read_key(key_path, b"mat khau")


@pytest.mark.parametrize("sealed", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_a_passphrase_opens_however_a_keyboard_writes_its_letters(
    tmp_path: Path, sealed: Form, typed: Form
) -> None:
    """The same words from a Mac may have other bytes; files that were made stay as they are."""
    path, own, words = tmp_path / "an.socaikey", SoftwareSigner.generate(), "mật khẩu của tôi"
    file.write_key(path, own, unicodedata.normalize(sealed, words).encode(), **CHEAP)
    assert file.read_key(path, unicodedata.normalize(typed, words).encode()).kid == own.kid


@pytest.mark.parametrize(("passphrase", "tried"), [(b"mat khau", 1), (b"\xff", 1), ("mậ", 2)])
def test_a_passphrase_costs_no_more_tries_than_it_has_forms(
    key_path: Path, monkeypatch: pytest.MonkeyPatch, passphrase: bytes | str, tried: int
) -> None:
    """Each takes a second; of most there is one."""
    seen: list[bytes] = []
    derive = file._derive

    def counted(kdf: dict[str, Any], given: bytes) -> bytes:
        seen.append(given)
        return derive(kdf, given)

    monkeypatch.setattr(file, "_derive", counted)
    with pytest.raises(Unsealable):
        file.read_key(key_path, passphrase.encode() if isinstance(passphrase, str) else passphrase)
    assert len(seen) == len(set(seen)) == tried


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda m: m.update(kid="A" * 43), Unsealable),
        (lambda m: m.update(alg="ES256"), Unsealable),
        (lambda m: m["kdf"].update(t=2), Unsealable),
        (lambda m: m.update(sealed=m["sealed"][:60].swapcase() + m["sealed"][60:]), Unsealable),
        (lambda m: m.update(extra=1), Malformed),
        (lambda m: m.update(v=2), Malformed),
        (lambda m: m.pop("nonce"), Malformed),
        (lambda m: m["kdf"].update(name="pbkdf2"), Malformed),
        (lambda m: m["kdf"].update(m_kib=2**40), Malformed),
        (lambda m: m["kdf"].update(t=True), Malformed),
        (lambda m: m["kdf"].update(salt="AA"), Malformed),
    ],
)
def test_a_changed_file_does_not_open(
    key_path: Path, change: Callable[[dict[str, Any]], object], error: type[Exception]
) -> None:
    """Every member is bound: a weaker cost or another name cannot be slipped in."""
    members = json.loads(key_path.read_text())
    change(members)
    key_path.write_bytes(canonical.encode(members))
    with pytest.raises(error):
        file.read_key(key_path, "mật khẩu".encode())


def test_a_file_that_is_no_key_file_is_refused(tmp_path: Path) -> None:
    """A wrong path must be told from a wrong passphrase."""
    path = tmp_path / "x"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(Malformed):
        file.public_part(path)
