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

from keys import canonical
from ledger.log.moment import unstamp
from ledger.log.statement import AUTHOR, flattened, make, make_login
from tests import builders

LOG: Final = "rehearsal.bacninh.example/ordinary"
AT: Final = datetime.fromisoformat("2024-06-04T08:12:00+07:00")
OFFICER: Final = "hotline"
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
    }


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
