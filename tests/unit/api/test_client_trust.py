"""A client trusts over TLS whom the machine trusts, or whom `SSL_CERT_FILE` names (install.md)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from api.cli.main import main
from api.client.client import Client
from api.client.connection import Strange
from api.ops.machine import RealClock


class _Nothing(BaseHTTPRequestHandler):
    """Answers 404."""

    def do_GET(self) -> None:
        """Nothing is here."""
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name
        """Says nothing."""


def _certificate(folder: Path, address: str = "127.0.0.1", begins: int = -1, ends: int = 1) -> Path:
    """A certificate that nobody but itself vouches for, its key beside it; days from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), RealClock().now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.key").write_bytes(secret)
    return path


@contextmanager
def _answering(path: Path) -> Iterator[str]:
    """Address of a server behind TLS with that certificate."""
    server = HTTPServer(("127.0.0.1", 0), _Nothing)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, path.with_name("server.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of a server behind TLS, and its certificate."""
    path = _certificate(tmp_path)
    with _answering(path) as url:
        yield url, path


def test_a_server_nobody_vouches_for_is_not_asked(
    certified: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by SSL_CERT_FILE it is; another file there is no trust."""
    url, certificate = certified
    other = certificate.parent / "other"
    other.mkdir()
    for trusted in (None, _certificate(other)):
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        if trusted is not None:
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with Client(url, None) as client, pytest.raises(Strange, match="CERTIFICATE_VERIFY"):
            client.log()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(url, None, attempts=1) as client, pytest.raises(Strange, match="404"):
        client.log()


@pytest.mark.parametrize(
    ("days", "address", "trusted", "said"),
    [
        ((-3, -1), "127.0.0.1", True, ("it has expired", "đã hết hạn")),
        ((1, 3), "127.0.0.1", True, ("it holds only later", "chưa đến ngày có hiệu lực")),
        ((-1, 1), "127.0.0.1", False, ("signed by itself", "tự ký")),
        ((-1, 1), "127.0.0.2", True, ("for another address", "cấp cho địa chỉ khác")),
    ],
)
def test_a_certificate_that_does_not_hold_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    days: tuple[int, int],
    address: str,
    trusted: bool,  # noqa: FBT001  of a table
    said: tuple[str, str],
) -> None:
    """What is wrong with it and what to do, and never that this is no server of ours."""
    path = _certificate(tmp_path, address, *days)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path / "home"))
    with _answering(path) as url:
        for lang, words in zip(("en", "vi"), said, strict=True):
            told = CliRunner().invoke(main, ["--lang", lang, "public", "--server", url])
            assert told.exit_code == 2, told.output
            assert words in told.stderr
            assert "SSL_CERT_FILE" in told.stderr
            assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """A slip in the variable is no disk that is full."""
    path = tmp_path / "slip.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path / "home"))
    told = CliRunner().invoke(main, ["--lang", "en", "public", "--server", "https://127.0.0.1:1"])
    assert told.exit_code == 1, told.output
    assert "A file or folder cannot be used" in told.stderr
    assert "SSL_CERT_FILE" in told.stderr
    assert told.stderr.count("\n") == 1
