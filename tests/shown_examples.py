"""The requests that the OpenAPI document shows, made anew: one officer, one rehearsal, one morning.

Everything is fixed: the officer's key, the log, the challenge, the clock. So the document's own
examples can be posted as they stand, and a test does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from api.http.schemas.act import EXAMPLE_ACT
from keys import canonical
from keys.hpke import OpeningKey
from ledger.log.moment import unstamp
from ledger.log.statement import AUTHOR, flattened, make, make_login
from ledger.vault.identity import Keys
from tests import builders
from tests.vector_files import rows

LOG: Final = "rehearsal.bacninh.example/ordinary"
AT: Final = datetime.fromisoformat("2024-06-04T08:12:00+07:00")
OFFICER: Final = "hotline"
PERMIT: Final = "c0a1f4de-52b3-4c7a-9f0e-6d1b2a3c4e5f"
FILE: Final = "Ảnh chụp trang datlich-giadinh.example lúc 08:05 ngày 04/6/2024\n"
_CHALLENGE: Final = {
    "challenge": canonical.b64(hashlib.shake_256(b"examples/1").digest(32)),
    "expires_at": "2024-06-04T01:14:00.000Z",
}
"""What the service answers first where its entropy is `CountingEntropy("examples")`."""
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def digest() -> str:
    """Of the file, as acts list it."""
    return f"sha-256:{canonical.b64(hashlib.sha256(FILE.encode()).digest())}"


def requests(act: Mapping[str, Any]) -> dict[str, Any]:
    """`requests` of `api/http/examples.json`, by operation id.

    Args:
        act: The act that is checked, prepared and recorded: the one thing that is written by hand.
    """
    key = builders.key(OFFICER)
    login = make_login(
        key,
        challenge=_CHALLENGE["challenge"],
        log=LOG,
        expires_at=unstamp(_CHALLENGE["expires_at"]),
    )
    statement = make(
        canonical.encode(act),
        key,
        iat=int(AT.timestamp()),
        log=LOG,
        seq=1,
        prev=None,
        role=AUTHOR,
    )
    return {
        "create_challenge": {"kid": key.kid},
        "create_token": login,
        "create_token application/x-www-form-urlencoded": {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": _assertion(),
        },
        "add_attachment": FILE,
        "check_act": {"act": act},
        "prepare_act": {"act": act},
        "record_statement": flattened(statement),
        "add_reporter": {
            "case": str(act["stream"]).removeprefix("case/"),
            "said": {
                "name": "Nguyễn Văn Ví Dụ",
                "email": "vi.du@example.vn",
                "contact_consent": True,
            },
        },
        "add_share": {"share": canonical.b64(_bytes("share", 4_096))},
        "read_identity": {
            "key": canonical.b64(_bytes("key", 1_216)),
            "signature": canonical.b64(_bytes("signature", 64)),
        },
        "add_copy": {"permit": PERMIT},
    }


def answers() -> dict[str, Any]:
    """Answers to these requests that are the same in every run."""
    return {
        "create_challenge": {**_CHALLENGE, "rehearsal": True},
        "add_attachment": {
            "digest": digest(),
            "size": len(FILE.encode()),
            "media_type": "application/octet-stream",
            "rehearsal": True,
        },
        "get_reporter_keys": {
            "contact": dict(reporter_keys().contact.jwk),
            "identity": dict(reporter_keys().identity.jwk),
            "rehearsal": True,
        },
        "add_share": {"act_id": EXAMPLE_ACT, "outcome": "one_of_two", "rehearsal": True},
        "read_identity": {
            "act_id": EXAMPLE_ACT,
            "sealed": canonical.b64(_bytes("sealed", 1_200)),
            "until": "2024-06-05T01:12:00.000Z",
            "rehearsal": True,
        },
        "create_letter": {
            "act_id": EXAMPLE_ACT,
            "outcome": "sent",
            "outcome_vi": "Đã gửi.",
            "outcome_en": "It is sent.",
            "rehearsal": True,
        },
        "add_reporter": {
            "item": "11111111-1111-4111-8111-111111111111",
            "token": "sealed:22222222-2222-4222-8222-222222222222",
            "rehearsal": True,
        },
    }


def reporter_keys() -> Keys:
    """R's of this rehearsal: keys of the vectors, to which nothing real is sealed."""
    seeds = {one["name"]: bytes.fromhex(one["seed"]) for one in rows("hpke", "keys")}
    contact, identity = (OpeningKey(seeds[name]) for name in ("custodian-4", "compartment"))
    return Keys(contact.public, identity.public)


def _bytes(name: str, size: int) -> bytes:
    return hashlib.shake_256(f"examples/{name}".encode()).digest(size)


def _assertion() -> str:
    """A JWT of RFC 7523."""
    key = builders.key(OFFICER)
    header = {"alg": key.alg, "kid": key.kid, "typ": "JWT"}
    claims = {
        "iss": key.kid,
        "sub": key.kid,
        "aud": LOG,
        "exp": int(AT.timestamp()) + 60,
        "jti": "example-1",
    }
    parts = f"{canonical.b64(orjson.dumps(header))}.{canonical.b64(orjson.dumps(claims))}"
    return f"{parts}.{canonical.b64(key.sign(parts.encode()))}"
