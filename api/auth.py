"""Which officer is calling, by which key (http.md §2); not what they may read (regulation says).

The officer's key is the identity. A challenge is answered with a sign-in JWS (formats.md §9), or a
system sends `private_key_jwt` (RFC 7523); both get a bearer token, sealed officer, key and expiry,
that every worker can check without a look-up. An unknown kid and a wrong signature take the
same path and give the same answer. Attempts are counted for all workers together: all of an address
before anything is looked at, and for a key those that fail. A kid is no secret: whoever proves the
key is not refused for what others tried in its name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import orjson

from api.problems.problem import Problem
from keys import jwk, unambiguous_json
from keys.canonical import b64, unb64
from keys.deterministic_box import DeterministicBox
from keys.errors import KeysError
from keys.keyring import Keyring
from keys.signer import PublicKey
from ledger.errors import LedgerError
from ledger.log.statement import parse_login
from ledger.ports import Entropy, Sessions

CHALLENGE_TTL_S: Final = 120
_ASSERTION_TTL_S: Final = 300
_ADDRESS_FACTOR: Final = 40
_WINDOW_S: Final = 60
_REFUSED_FOR: Final = timedelta(seconds=1)
_MOST_REFUSED: Final = 4096
_MOST_NAMED: Final = 1024
_TOKEN_PARTS: Final = 3
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes, as `challenge` makes them


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in officer.

    Attributes:
        officer: uuid of the officer.
        kid: The key that signed in.
        session: Random id of this token; never logged with content.
        expires_at: Unix seconds, real time.
    """

    officer: str
    kid: str
    session: str
    expires_at: int


class TokenBox:
    """What only this API can make or read, under one secret; each use opens only its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._opaque = DeterministicBox(hmac.digest(key, b"socai/opaque/1", "sha512"))
        self._subkeys: dict[str, bytes] = {}  # a use each

    def mac(self, label: str, data: bytes) -> bytes:
        """32 bytes; `label` names the use (`etag`, `filters`)."""
        subkey = self._subkeys.get(label)
        if subkey is None:
            named = b"socai/" + label.encode("ascii") + b"/1"
            subkey = self._subkeys[label] = hmac.digest(self._key, named, "sha256")
        return hmac.digest(subkey, data, "sha256")

    def shut(self, label: str, value: Mapping[str, Any]) -> str:
        """`value` as text that `open` gives back, and nobody else can make or read (access.md N8).

        Args:
            label: The use (`token`, `cursor`).
            value: The same gives the same text.
        """
        body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return b64(self._opaque.shut(label, body))

    def open(self, label: str, text: str) -> dict[str, Any] | None:
        """What `shut` was given, or None for any other text."""
        try:
            value: dict[str, Any] = orjson.loads(self._opaque.open(label, unb64(text)))
        except KeysError:
            return None
        return value


class SignIn:
    """Challenges, tokens and their check.

    Args:
        origin: Of this enclave's log; a sign-in for another is refused.
        token_box: The API's HMAC secret.
        sessions: Challenges and counters shared by all workers.
        entropy: Source of challenges and session ids.
        now: Real time, also in a rehearsal (http.md §1).
        ledger_time: What a key's last day is judged by, as the door judges it.
        keyring: The keyring, recent enough for a look at one kid; for None as the log stands.
        token_ttl_s: Life of a token.
        attempts: Those that may fail in a minute, for one key from one address; all from one
            address are forty times as many.
    """

    def __init__(  # noqa: PLR0913  wired once, by api.ops.wiring
        self,
        *,
        origin: str,
        token_box: TokenBox,
        sessions: Sessions,
        entropy: Entropy,
        now: Callable[[], datetime],
        ledger_time: Callable[[], datetime],
        keyring: Callable[[str | None], Keyring],
        token_ttl_s: int,
        attempts: int,
    ) -> None:
        self._origin = origin
        self._token_box = token_box
        self._sessions = sessions
        self._entropy = entropy
        self._now = now
        self._ledger_time = ledger_time
        self._keyring = keyring
        self._ttl = token_ttl_s
        self._attempts = attempts
        self._refused: dict[str, datetime] = {}
        # what a token says of itself never changes; whether it is good is asked every time
        self._named = lru_cache(maxsize=_MOST_NAMED)(self._named_in)
        # RFC 8037's example key, enrolled nowhere: an unknown kid still costs one check.
        self._nobody = jwk.public_key(
            {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
        )

    def challenge(self, kid: str, address: str) -> tuple[str, datetime]:
        """A challenge for whoever holds `kid`, enrolled or not: the answer is the same.

        Returns:
            The challenge, 32 bytes in base64url, and until when it may be answered.

        Raises:
            Problem: `too_many_attempts`, of this address.
        """
        self._count("", address)  # a kid costs nothing to make up, and each one keeps a row
        challenge = b64(self._entropy.take(32))
        self._sessions.put(challenge, kid, CHALLENGE_TTL_S)
        return challenge, self._now() + timedelta(seconds=CHALLENGE_TTL_S)

    def by_challenge(self, body: bytes, address: str) -> tuple[str, Caller]:
        """A token for a sign-in JWS over a challenge of ours.

        Raises:
            Problem: `sign_in_failed`, whatever the reason; `too_many_attempts`.
        """
        self._count("", address)
        try:
            login = parse_login(body)
        except (KeysError, LedgerError) as error:
            raise Problem("sign_in_failed") from error
        ours = _CHALLENGE.fullmatch(login.challenge) is not None
        asked = self._sessions.take(login.challenge) if ours else None
        fresh = login.expires_at >= self._now()
        holder, key = self._signer(login.kid)
        signed = _holds(key, login.signature, login.signing_input)
        same = asked == login.kid and login.log == self._origin and login.alg == key.alg
        if holder is None or not (signed and same and fresh) or self._expired(holder):
            raise self._failed(login.kid, address)
        return self._issue(holder)

    def by_assertion(self, assertion: str, address: str) -> tuple[str, Caller]:
        """A token for a `private_key_jwt` (RFC 7523 §3), used once.

        `iss` and `sub` are the key's kid, `aud` the log's origin, `exp` at most five minutes ahead.

        Raises:
            Problem: `sign_in_failed`, whatever the reason; `too_many_attempts`.
        """
        self._count("", address)
        claimed = _read_assertion(assertion)
        if claimed is None:
            raise Problem("sign_in_failed")
        header, claims, signature, signing_input = claimed
        kid = str(header.get("kid", ""))
        holder, key = self._signer(kid)
        signed = _holds(key, signature, signing_input)
        if holder is None or not (
            signed
            and header.get("alg") == key.alg
            and self._fits(claims, kid)
            and not self._expired(holder)
        ):
            raise self._failed(kid, address)
        once = hashlib.sha256(f"{kid}\0{claims['jti']}".encode()).hexdigest()
        if not self._sessions.attempt(f"jti:{once}", 2 * _ASSERTION_TTL_S, 1):
            raise Problem("sign_in_failed")
        return self._issue(holder)

    def caller(self, authorization: str | None) -> Caller:
        """The officer behind an `Authorization` header.

        Raises:
            Problem: `not_signed_in`: none, forged, expired, or its key signs nothing any more.
        """
        scheme, _, token = (authorization or "").partition(" ")
        found = self._named(token) if scheme.lower() == "bearer" else None
        if (
            found is None
            or found.expires_at <= self._now().timestamp()
            or self.holder(found.kid) is None
        ):
            raise Problem("not_signed_in", headers={"WWW-Authenticate": "Bearer"})
        return found

    def holder(self, kid: str) -> str | None:
        """The officer who holds this key, living and within its validity; None: it signs nothing.

        Asked of every request, with a token and of a session (`api.page_sessions`): both end at
        once.
        """
        found = _holder(self._keyring(kid), kid)
        return None if found is None or self._expired(found) else found.officer

    def _named_in(self, token: str) -> Caller | None:
        """Whom a token of ours names, for how long; None for any other text, or of another log."""
        value = self._token_box.open("token", token)
        if value is None or value["log"] != self._origin:
            return None
        return Caller(value["officer"], value["kid"], value["session"], value["exp"])

    def _issue(self, holder: Caller) -> tuple[str, Caller]:
        caller = Caller(
            officer=holder.officer,
            kid=holder.kid,
            session=b64(self._entropy.take(12)),
            expires_at=int(self._now().timestamp()) + self._ttl,
        )
        token = self._token_box.shut(
            "token",
            {
                "exp": caller.expires_at,
                "kid": caller.kid,
                "log": self._origin,
                "officer": caller.officer,
                "session": caller.session,
            },
        )
        return token, caller

    def _signer(self, kid: str) -> tuple[Caller | None, PublicKey]:
        """Who holds the living officer's key `kid`; a stand-in key where nobody does: same cost.

        The log is asked for either: who is not known is not told by a question more.
        """
        keyring = self._keyring(None)
        holder = _holder(keyring, kid)
        return holder, self._nobody if holder is None else keyring.key(kid)

    def _expired(self, holder: Caller) -> bool:
        """Whether the key is past its validity: it signs nothing more, nor in."""
        line = self._keyring(holder.kid).line(holder.kid)
        end = None if line is None else line.valid_to
        return end is not None and self._ledger_time() >= end

    def _fits(self, claims: Mapping[str, Any], kid: str) -> bool:
        now = self._now().timestamp()
        audience = claims.get("aud")
        begins, expires = claims.get("nbf", 0), claims.get("exp")
        return (
            claims.get("iss") == kid
            and claims.get("sub") == kid
            and self._origin in (audience if isinstance(audience, list) else [audience])
            and isinstance(begins, int)
            and isinstance(expires, int)
            and begins <= now < expires <= now + _ASSERTION_TTL_S
            and isinstance(claims.get("jti"), str)
        )

    def _failed(self, kid: str, address: str) -> Problem:
        """What an answer is told that proves no key; counted for every key alike (access.md N4).

        Raises:
            Problem: `too_many_attempts`: so many failed before.
        """
        self._count(kid, address)
        return Problem("sign_in_failed")

    def _count(self, kid: str, address: str) -> None:
        """Counts an attempt, of one key or, where `kid` is empty, of all.

        Whoever is over the limit is told so for a second without being counted: a flood of
        attempts costs the database nothing but the first ones.
        """
        limit = self._attempts if kid else self._attempts * _ADDRESS_FACTOR
        subject = hashlib.sha256(f"{address}\0{kid}".encode()).hexdigest()
        now, until = self._now(), self._refused.get(subject)
        if until is None or not until - _REFUSED_FOR <= now < until:
            if self._sessions.attempt(f"sign-in:{subject}", _WINDOW_S, limit):
                return
            if len(self._refused) >= _MOST_REFUSED:
                self._refused.clear()  # they are counted again
            self._refused[subject] = now + _REFUSED_FOR
        raise Problem("too_many_attempts", headers={"Retry-After": str(_WINDOW_S)})


def _holder(keyring: Keyring, kid: str) -> Caller | None:
    """Who holds the officer's key `kid`, unless it was revoked; None for anybody else's key."""
    line = keyring.line(kid)
    if line is None or line.officer is None or line.revoked_index is not None:
        return None
    return Caller(line.officer, kid, "", 0)


def _holds(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except KeysError:
        return False
    return True


def _read_assertion(
    text: str,
) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes] | None:
    """Header, claims, signature and signing input of a compact JWS; None where it is none."""
    parts = text.split(".")
    if len(parts) != _TOKEN_PARTS:
        return None
    try:
        header, claims = (unambiguous_json.read(unb64(part)) for part in parts[:2])
        signature = unb64(parts[2])
    except (KeysError, ValueError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        return None  # RFC 7515 §4.1.11: no extension is understood here
    return header, claims, signature, f"{parts[0]}.{parts[1]}".encode("ascii")
