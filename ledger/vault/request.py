"""What the vault is asked and what it answers, as bytes (formats.md §5, R).

Requests are sealed to the vault, since they lie in a table until it takes them; answers name no
person. Three kinds: a letter to a reporter, a custodian's share, a look at what two shares opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from keys import canonical
from keys.errors import KeysError
from keys.hpke import OpeningKey, SealingKey
from ledger.log.moment import stamp, unstamp
from ledger.vault.refusal import VaultRefusal

_VERSION: Final = b"\x01"
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Letter:
    """An answer to whoever reported: what an act says that they were told.

    Attributes:
        token: The reporter's.
        comp: uuid of the case's stream, where the token must stand.
        text: What is sent.
    """

    token: str
    comp: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShareGiven:
    """A custodian agrees that what an act discloses is opened.

    Attributes:
        statements: The act's statements in compact form, in the order of its signers.
        jwks: Their public keys, in that order.
        share: What the custodian sealed to the vault (`share.py`).
        comp: uuid of the case's stream.
    """

    statements: tuple[str, ...]
    jwks: tuple[Mapping[str, Any], ...]
    share: bytes = field(repr=False)
    comp: str


@dataclass(frozen=True, slots=True)
class Look:
    """Whoever wrote the disclosing act looks at what was opened by it.

    Attributes:
        act_id: The act.
        key: Public half of a key made for this look alone: the answer is sealed to it.
        signature: By the key that signed the act, over `look_bytes`.
    """

    act_id: str
    key: bytes
    signature: bytes


Asked = Letter | ShareGiven | Look


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and when; a real enclave's vault asks its own clock, a rehearsal's this one.

    Attributes:
        asked: What.
        at: The ledger's time of the request.
    """

    asked: Asked
    at: datetime

    def seal(self, to: SealingKey, *, origin: str, request_id: str) -> bytes:
        """The bytes that wait for the vault, for this id alone."""
        body = {"v": 1, "at": stamp(self.at), **_said(self.asked)}
        return _VERSION + to.seal(canonical.encode(body), info=_label(origin, request_id))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vault says.

    Attributes:
        outcome: A code; `http.md` §3 lists them.
        notice: Of a share that opened: what became of the notice to the reporter.
        until: When what was opened is over.
        sealed: Of a look: what may be shown, sealed to the key of the look.
    """

    outcome: str
    notice: str | None = None
    until: datetime | None = None
    sealed: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """The answer's bytes."""
        more: dict[str, Any] = {}
        if self.notice is not None:
            more["notice"] = self.notice
        if self.until is not None:
            more["until"] = stamp(self.until)
        if self.sealed is not None:
            more["sealed"] = canonical.b64(self.sealed)
        return canonical.encode({"v": 1, "outcome": self.outcome, **more})

    @classmethod
    def parse(cls, data: bytes) -> Answer:
        """Raises: NotCanonical, Malformed: not an answer of ours."""
        members = canonical.parse(data)
        until, sealed = members.get("until"), members.get("sealed")
        return cls(
            members["outcome"],
            members.get("notice"),
            None if until is None else unstamp(until),
            None if sealed is None else canonical.unb64(sealed),
        )


def open_request(sealed: bytes, key: OpeningKey, *, origin: str, request_id: str) -> Request:
    """What was asked.

    Raises:
        VaultRefusal: `malformed_request`. Whoever has the writer's login may put any bytes here.
    """
    try:
        plain = key.open(sealed.removeprefix(_VERSION), info=_label(origin, request_id))
        members = canonical.parse(plain, limit=None)
        return Request(_asked(members), unstamp(members["at"]))
    except (KeysError, KeyError, TypeError, ValueError) as error:
        raise VaultRefusal("malformed_request") from error


def look_bytes(origin: str, act_id: str, key: bytes) -> bytes:
    """What the officer signs to look: NUL keeps it apart from every statement (RFC 7515)."""
    return b"\0".join((b"socai/r-look/1", origin.encode(), act_id.encode(), key))


def look_label(origin: str, act_id: str) -> bytes:
    """`info` of the answer to a look."""
    return b"\0".join((b"socai/r-shown/1", origin.encode(), act_id.encode()))


def _label(origin: str, request_id: str) -> bytes:
    return b"\0".join((b"socai/r-request/1", origin.encode(), request_id.encode()))


def _said(asked: Asked) -> dict[str, Any]:
    if isinstance(asked, Letter):
        return {"kind": "letter", "token": asked.token, "comp": asked.comp, "text": asked.text}
    if isinstance(asked, ShareGiven):
        return {
            "kind": "share",
            "statements": list(asked.statements),
            "jwks": [dict(jwk) for jwk in asked.jwks],
            "share": canonical.b64(asked.share),
            "comp": asked.comp,
        }
    return {
        "kind": "look",
        "act_id": asked.act_id,
        "key": canonical.b64(asked.key),
        "signature": canonical.b64(asked.signature),
    }


def _asked(members: Mapping[str, Any]) -> Asked:
    """Raises: KeyError, TypeError, ValueError, Malformed."""
    match members["kind"]:
        case "letter":
            return Letter(token(members["token"]), _uuid(members["comp"]), text(members["text"]))
        case "share":
            return ShareGiven(
                tuple(map(text, members["statements"])),
                tuple(dict(jwk) for jwk in members["jwks"]),
                canonical.unb64(text(members["share"])),
                _uuid(members["comp"]),
            )
        case "look":
            return Look(
                text(members["act_id"]),
                canonical.unb64(text(members["key"])),
                canonical.unb64(text(members["signature"])),
            )
        case _:
            raise ValueError("no such kind")


def token(value: object) -> str:
    """A reporter's token, as the store is asked for it. Raises: TypeError, ValueError."""
    _uuid(text(value).removeprefix("sealed:"))
    return text(value)


def _uuid(value: object) -> str:
    if not _UUID.fullmatch(text(value)):
        raise ValueError("not a uuid")
    return text(value)


def text(value: object) -> str:
    """Raises: TypeError: It is none."""
    if not isinstance(value, str):
        raise TypeError("not text")
    return value
