"""A client trusts over TLS whom the machine trusts, or whom `SSL_CERT_FILE` names (install.md)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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


def _certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, its key beside it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), RealClock().now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.key").write_bytes(secret)
    return path


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of a server behind TLS, and its certificate."""
    path = _certificate(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), _Nothing)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, tmp_path / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", path
    server.shutdown()
    thread.join()
    server.server_close()


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
