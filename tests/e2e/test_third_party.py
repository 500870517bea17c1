"""A third party's tools work on the ledger as it stands: nothing of ours is needed to check us.

Go's sumdb/note and tlog on checkpoint and tiles, npm jose on the statements, openssl on a signature
of each kind. What is not on the machine is skipped and says so; `make third-party` brings it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from wsgiref.simple_server import WSGIServer, make_server

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.log.record import parse_envelope
from ledger.log.statement import Statement, parse_compact
from tests import builders
from tests.a_ledger import a_report, enrolment
from tests.fixtures.app import Quiet, Service

pytestmark = pytest.mark.postgres

PROGRAMS = Path(__file__).parents[1] / "third_party"
GO_LIBRARIES = Path("/usr/share/gocode")  # where Debian keeps them
KEYS: Mapping[str, SoftwareSigner] = {
    "hotline": builders.key("hotline"),
    "cv": SoftwareSigner.generate("ES256"),
    "gd": SoftwareSigner.generate("ML-DSA-65"),
}
BUNDLE = 256
#: What stands before the public key in a SubjectPublicKeyInfo (RFC 8410, RFC 5480, RFC 9881).
SPKI = {
    "Ed25519": "302a300506032b6570032100",
    "ES256": "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
    "ML-DSA-65": "308207b2300b0609608648016503040312038207a100",
}


@dataclass(frozen=True, slots=True)
class Met:
    """What a stranger is given: an address, a case of the ordinary log, a login that may read it.

    Attributes:
        url: Base of the API.
        case: A case with statements under all three algorithms.
        service: Where it runs.
    """

    url: str
    case: str
    service: Service


@pytest.fixture(scope="module")
def met(shared: Service) -> Iterator[Met]:
    """An enclave on a socket, with one case signed in three ways."""
    for alias in ("cv", "gd"):
        shared.say(enrolment(alias, shared.clock.now(), key=KEYS[alias]), "founder")
    case = _a_case_of_three_algorithms(shared)
    server: WSGIServer = make_server("127.0.0.1", 0, shared.app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Met(f"http://127.0.0.1:{server.server_port}", case, shared)
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


def _fill_a_tile(service: Service) -> None:
    """Reports in cases of their own, until there is more than one tile."""
    for number in range(BUNDLE):
        act = a_report(number, service.step(seconds=1))
        later = {"Prefer": "respond-async"}
        answer = service.send(service.sign(act, "hotline", head=(1, None)), "hotline", later)
        assert answer.status_code == 202, answer.text
    service.say(a_report(BUNDLE, service.step(seconds=1)), "hotline")  # waits for its checkpoint


def _a_case_of_three_algorithms(service: Service) -> str:
    story = builders.a_case_in("REFERRED", start=service.step(minutes=5))
    by_uuid = {builders.officer(alias): alias for alias in builders.CAST}
    statements = [one for entry in story.stream.entries.values() for one in entry.signed]
    for one in sorted(statements, key=lambda signed: signed.seq):
        service.clock.set(max(service.clock.now(), datetime.fromtimestamp(one.iat, UTC)))
        alias = by_uuid[one.officer]
        signed = service.sign(one.act, alias, role=one.role, key=KEYS.get(alias))
        answer = service.send(signed, alias)
        assert answer.status_code == 201, answer.text
    return story.stream.name.removeprefix("case/")


def _need(program: str, packages: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not on this machine ({packages}); `make third-party` brings it")
    return found


def _run(*words: str, given: bytes = b"", **environment: str) -> str:
    done = subprocess.run(
        words,
        input=given,
        capture_output=True,
        env={"PATH": os.defpath, "HOME": "/nonexistent", **environment},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


# -- Go -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sumdb_note_and_tlog_verify_checkpoint_tiles_and_proofs(met: Met, tmp_path: Path) -> None:
    """Whoever checks Go's module log can check this one: same note, same tree, same tiles."""
    go = _need("go", "Debian: golang-go golang-golang-x-mod-dev")
    if not (GO_LIBRARIES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("golang.org/x/mod is not on this machine (golang-golang-x-mod-dev)")
    _fill_a_tile(met.service)
    facts = orjson.loads(met.service.get("/v1/log").data)
    binary = tmp_path / "checkpoint"
    _run(
        go, "build", "-o", str(binary), str(PROGRAMS / "checkpoint" / "main.go"),
        GO111MODULE="off", GOPATH=str(GO_LIBRARIES), GOCACHE=str(tmp_path / "cache"),
        GOFLAGS="", CGO_ENABLED="0",
    )  # fmt: skip
    said = orjson.loads(_run(str(binary), met.url, facts["vkeys"][0], "260", "123"))
    assert said["origin"] == facts["origin"]
    assert said["size"] == said["entries"] == facts["records"] > BUNDLE
    assert said["unverified"] == 1  # ML-DSA-44 under /pq: passed over, as C2SP asks


# -- Node ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_npm_jose_verifies_every_statement_of_a_case(met: Met) -> None:
    """A statement is a plain JWS: the library of any web developer says whose it is."""
    node = _need("node", "Debian: nodejs")
    if not (PROGRAMS / "jose/node_modules/jose").is_dir():
        pytest.skip("npm jose is not installed: npm ci in tests/third_party/jose")
    program = str(PROGRAMS / "jose/verify.mjs")
    token = met.service.token("cv").encode()
    said = orjson.loads(_run(node, program, met.url, met.case, given=token))
    expected = Counter(one.alg for one in _statements(met))
    assert Counter(said["verified"]) + Counter(said["skipped"]) == expected
    assert set(said["verified"]) >= {"Ed25519", "ES256"}
    assert set(said["skipped"]) <= {"ML-DSA-65"}  # where this Node does not know it yet


# -- openssl ------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["Ed25519", "ES256", "ML-DSA-65"])
def test_openssl_verifies_a_statement(met: Met, tmp_path: Path, alg: str) -> None:
    """The tool that is on every machine: key, signing input and signature, no JOSE at all."""
    openssl = _need("openssl", "Debian: openssl")
    if alg == "ML-DSA-65" and "ML-DSA-65" not in _run(openssl, "list", "-signature-algorithms"):
        pytest.skip("this openssl does not know ML-DSA yet (3.5 does)")
    statement = next(one for one in _statements(met) if one.alg == alg)
    signature = statement.signature
    if alg == "ES256":  # JOSE writes r and s side by side, openssl reads DER
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        signature = encode_dss_signature(r, s)
    (tmp_path / "key.der").write_bytes(bytes.fromhex(SPKI[alg]) + _raw(_jwk(met, statement.kid)))
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "input").write_bytes(statement.signing_input)
    words = [openssl, "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER",
             "-inkey", str(tmp_path / "key.der"), "-sigfile", str(tmp_path / "signature"),
             "-in"]  # fmt: skip
    digest = ["-digest", "sha256"] if alg == "ES256" else []
    assert "Verified Successfully" in _run(*words, str(tmp_path / "input"), *digest)
    (tmp_path / "other").write_bytes(statement.signing_input + b"A")
    with pytest.raises(AssertionError):
        _run(*words, str(tmp_path / "other"), *digest)


# -- what a stranger reads -----------------------------------------------------------------------


def _statements(met: Met) -> list[Statement]:
    """The case's statements, out of the records byte for byte."""
    acts = met.service.get(f"/v1/cases/{met.case}/acts", limit=200).get_json()["acts"]
    found = []
    for act_id in dict.fromkeys(act["act_id"] for act in acts):
        raw = met.service.get(f"/v1/acts/{act_id}/raw").get_json()
        envelopes = [canonical.unb64(record["envelope"]) for record in raw["records"]]
        found += [parse_compact(parse_envelope(one).statement) for one in envelopes]
    return found


def _jwk(met: Met, kid: str) -> Mapping[str, str]:
    known = orjson.loads(met.service.get("/v1/keys/jwks").data)["keys"]
    return next(jwk for jwk in known if jwk["kid"] == kid)


def _raw(jwk: Mapping[str, str]) -> bytes:
    return b"".join(canonical.unb64(jwk[name]) for name in ("x", "y", "pub") if name in jwk)
