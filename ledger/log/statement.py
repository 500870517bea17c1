"""Statements: an officer's signature over an act as a strict JWS (formats.md §3); sign-in (§9).

Every byte is parsed once: a `Statement` carries the payload's members beside its bytes. What an act
says, whether it may be done and by whom, and which log this is are for others to ask; nothing here
reads a clock or a registry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from keys import canonical
from keys.errors import InvalidSignature, Malformed, NotCanonical
from keys.signer import SIGNATURE_BYTES, STATEMENT_ALGS, PublicKey, Signer
from ledger.errors import Fault, Rejected
from ledger.log import moment
from ledger.message import Message
from ledger.values import frozen_value

ACT_TYP: Final = "socai-act+json"
SERVICE_TYP: Final = "socai-service+json"
LOGIN_TYP: Final = "socai-login+json"
AUTHOR: Final = "AUTHOR"
RETURNER: Final = "RETURNER"
COUNTERSIGNERS: Final = frozenset({"CHECKER", "APPROVER"})
ROLES: Final = COUNTERSIGNERS | {AUTHOR, RETURNER}
DIGEST_BYTES: Final = 32

_HEADER: Final = frozenset({"alg", "typ", "kid", "iat", "log", "seq", "role"})
_HEADER_LATER: Final = _HEADER | {"prev"}
_STAND_IN: Final = "stand_in"
_STAND_IN_MEMBERS: Final = frozenset({"officer", "post", "capacity"})
_LOGIN_HEADER: Final = frozenset({"alg", "kid"})
_LOGIN_PAYLOAD: Final = frozenset({"challenge", "log", "expires_at"})
_FLATTENED: Final = frozenset({"payload", "protected", "signature"})
_AS_NAMES: Final = tuple(b'"%s"' % name.encode() for name in sorted(_FLATTENED))
_LOG: Final = re.compile(
    r"[!-*,-~]{1,255}"
)  # visible ASCII without "+": it is a signed note's key name
_COMPACT_PARTS: Final = 3
_DIGEST: Final = rb"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"  # strict b64 of 32 bytes
#: A header as `make` writes it; no character in it needs an escape.
_AS_MADE: Final = re.compile(
    rb'\{"alg":"(Ed25519|ES256|ML-DSA-65)","iat":(0|[1-9][0-9]{0,14}),"kid":"('
    + _DIGEST
    + rb')","log":"([!#-*,-\[\]-~]{1,255})",(?:"prev":"('
    + _DIGEST
    + rb')",)?"role":"(AUTHOR|CHECKER|APPROVER|RETURNER)","seq":([1-9][0-9]{0,14}),'
    rb'"typ":"(socai-act\+json|socai-service\+json)"\}'
)


@frozen_value(frozen=True, slots=True)
class Statement:
    """A statement of good form; its signature is not checked yet.

    Attributes:
        payload: The act's bytes.
        protected: The header's bytes.
        signature: In the form of its algorithm.
        compact: `protected.payload.signature`, as received.
        alg: `Ed25519`, `ES256` or `ML-DSA-65`.
        typ: `ACT_TYP` or `SERVICE_TYP`.
        kid: Thumbprint of the key it claims.
        iat: Seconds since 1970, as the signer says.
        log: Origin of the log it is for.
        seq: Position in its stream, from 1.
        prev: b64 digest of the previous statement; None where `seq` is 1.
        role: `AUTHOR`, `CHECKER`, `APPROVER` or `RETURNER`.
        stand_in: `{officer, post, capacity}` of who signs instead of the officer named in the
            payload; None where the one named signs.
        digest_b64: SHA-256 of the compact form: what the next statement's `prev` names. Chain,
            fold and rules each ask for it.
        members: The payload, parsed.
    """

    payload: bytes
    protected: bytes
    signature: bytes
    compact: str
    alg: str
    typ: str
    kid: str
    iat: int
    log: str
    seq: int
    prev: str | None
    role: str
    digest_b64: str
    members: Mapping[str, Any] = field(repr=False, compare=False)
    stand_in: Mapping[str, str] | None = None

    @property
    def digest(self) -> bytes:
        """`digest_b64` as 32 bytes."""
        return canonical.unb64(self.digest_b64)

    @property
    def signing_input(self) -> bytes:
        """RFC 7515: `protected.payload` in ASCII."""
        return self.compact[: self.compact.rindex(".")].encode()


def parse_flattened(body: bytes) -> Statement:
    """A statement from flattened JWS JSON with exactly three members.

    Raises:
        Rejected: `malformed_statement` or `not_canonical`, with the place at fault.
    """
    return parse_compact(_compact_of(body))


def _compact_of(body: bytes) -> str:
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed("", Message("the body is not JSON")) from error
    if not isinstance(members, dict) or members.keys() != _FLATTENED:
        raise _malformed(
            "",
            Message("a flattened JWS has exactly payload, protected and signature"),
        )
    # b64 needs no escape, so a member given twice shows in a count of plain names.
    if b"\\" in body or any(body.count(name) != 1 for name in _AS_NAMES):
        raise _malformed("", Message("a member is given twice or written with escapes"))
    if {*map(type, members.values())} != {str}:
        raise _malformed("", Message("the three members are strings"))
    return f"{members['protected']}.{members['payload']}.{members['signature']}"


def parse_compact(text: str) -> Statement:
    """A statement from its compact form, the form that is digested and stored.

    Raises:
        Rejected: `malformed_statement` or `not_canonical`, with the place at fault.
    """
    parts = protected, payload, signature = _decode_parts(text)
    header = _header(protected)
    members = _door("/payload", payload)
    _check_role(header, members)
    if len(signature) != SIGNATURE_BYTES[header["alg"]]:
        raise _malformed("/signature", Message("a signature of {n} bytes", n=len(signature)))
    return _statement(text, parts, header, members)


def recorded(text: str) -> Statement:
    """A statement from the compact form inside an envelope that has its entry: nothing is asked.

    `parse_compact` let it in before it was recorded, and an audit asks again. For folds, which
    read the same statement many times.
    """
    protected, payload, signature = canonical.known_b64_dotted(text)
    header, members = orjson.loads(protected), orjson.loads(payload)
    return _statement(text, (protected, payload, signature), header, members)


def _statement(
    compact: str,
    parts: tuple[bytes, bytes, bytes],
    header: Mapping[str, Any],
    members: dict[str, Any],
) -> Statement:
    protected, payload, signature = parts
    return Statement(
        payload=payload,
        protected=protected,
        signature=signature,
        compact=compact,
        alg=header["alg"],
        typ=header["typ"],
        kid=header["kid"],
        iat=header["iat"],
        log=header["log"],
        seq=header["seq"],
        prev=header.get("prev"),
        role=header["role"],
        digest_b64=digest_b64(compact),
        members=members,
        stand_in=header.get(_STAND_IN),
    )


def digest_b64(compact: str) -> str:
    """As `Statement.digest_b64`."""
    return canonical.b64(hashlib.sha256(compact.encode()).digest())


def _decode_parts(text: str) -> tuple[bytes, bytes, bytes]:
    try:
        protected, payload, signature = canonical.unb64_dotted(text)
    except (Malformed, ValueError):
        return _decode_each(text)
    return protected, payload, signature


def _decode_each(text: str) -> tuple[bytes, bytes, bytes]:
    """The same, part by part: says which is at fault."""
    parts = text.split(".")
    if len(parts) != _COMPACT_PARTS:
        raise _malformed("", Message("the compact form has three parts"))
    decoded = []
    for name, part in zip(("/protected", "/payload", "/signature"), parts, strict=True):
        try:
            decoded.append(canonical.unb64(part))
        except Malformed as error:
            raise _malformed(
                name, Message("not strict base64url: {detail}", detail=error)
            ) from error
    return decoded[0], decoded[1], decoded[2]


def _door(pointer: str, data: bytes) -> dict[str, Any]:
    try:
        return canonical.parse(data)
    except NotCanonical as error:
        what = Message("The text is not canonical JSON: {detail}.", detail=error)
        raise Rejected("not_canonical", what, faults=[Fault(pointer, what)]) from error


def _header(protected: bytes) -> Mapping[str, Any]:
    # The bytes of a sound header leave no choice: what fits the pattern is canonical and strict.
    found = _AS_MADE.fullmatch(protected)
    if found is not None:
        alg, iat, kid, log, prev, role, seq, typ = found.groups()
        if (prev is None) == (seq == b"1"):
            header = {
                "alg": alg.decode(),
                "iat": int(iat),
                "kid": kid.decode(),
                "log": log.decode(),
                "role": role.decode(),
                "seq": int(seq),
                "typ": typ.decode(),
            }
            return header if prev is None else {**header, "prev": prev.decode()}
    members = _door("/protected", protected)
    _check_header(members)
    return members


def _check_header(header: Mapping[str, Any]) -> None:
    later = header.get("seq") != 1
    if header.keys() - {_STAND_IN} != (_HEADER_LATER if later else _HEADER):
        raise _malformed(
            "/protected",
            Message(
                "the header has a member missing or too many; prev is left out only where seq is 1"
            ),
        )
    for name, value in header.items():
        if not _HEADER_CHECKS[name](value):
            raise _malformed(f"/protected/{name}", Message("{name} is not allowed", name=name))


def _is_digest(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return len(canonical.unb64(value)) == DIGEST_BYTES
    except Malformed:
        return False


def _is_stand_in(value: object) -> bool:
    """Whose, in which post and capacity; what they are worth is the registry's to say."""
    return (
        isinstance(value, dict)
        and value.keys() == _STAND_IN_MEMBERS
        and all(isinstance(one, str) and one.strip() for one in value.values())
    )


def _is_whole(value: object, least: int) -> bool:
    return type(value) is int and value >= least


_HEADER_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "alg": lambda value: isinstance(value, str) and value in STATEMENT_ALGS,
    "typ": lambda value: value in {ACT_TYP, SERVICE_TYP} if isinstance(value, str) else False,
    "kid": _is_digest,
    "iat": lambda value: _is_whole(value, 0),
    "log": lambda value: isinstance(value, str) and _LOG.fullmatch(value) is not None,
    "seq": lambda value: _is_whole(value, 1),
    "prev": _is_digest,
    "role": lambda value: isinstance(value, str) and value in ROLES,
    _STAND_IN: _is_stand_in,
}


def _check_role(header: Mapping[str, Any], members: Mapping[str, Any]) -> None:
    role = header["role"]
    if header["typ"] == SERVICE_TYP:
        good = role == AUTHOR
    else:
        # formats.md §3: who declines signs an ActReturned as RETURNER; nothing else is signed so.
        good = (role == RETURNER) == (members.get("act") == "ActReturned")
    if _STAND_IN in header:  # an author speaks for themselves, and so does who returns
        good = good and role in COUNTERSIGNERS
    if not good:
        raise _malformed("/protected/role", Message("role {role} does not fit the act", role=role))


def _malformed(pointer: str, what: Message) -> Rejected:
    fault = Fault(pointer, what)
    return Rejected(
        "malformed_statement",
        Message("The statement is malformed: {what}.", what=what),
        faults=[fault],
    )


def flattened(statement: Statement) -> dict[str, str]:
    """The flattened JWS of a statement."""
    protected, payload, signature = statement.compact.split(".")
    return {"payload": payload, "protected": protected, "signature": signature}


def require_log(statement: Statement, origin: str) -> None:
    """A statement made for one log is refused by every other (formats.md §3). Raises: Rejected."""
    if statement.log != origin:
        raise Rejected(
            "wrong_log",
            Message("The statement is for another log."),
        )


def check_signature(statement: Statement, key: PublicKey) -> None:
    """Verifies the signature with the key that `kid` names.

    Raises:
        Rejected: `invalid_signature`; also where the header's algorithm is not the key's.
    """
    try:
        _require_alg(statement.alg, key)
        key.verify(statement.signature, statement.signing_input)
    except InvalidSignature as error:
        raise Rejected(
            "invalid_signature",
            Message("The signature does not verify: {detail}.", detail=error),
        ) from error


def _require_alg(alg: str, key: PublicKey) -> None:
    if alg != key.alg:
        raise InvalidSignature(f"alg is {alg}, the key is for {key.alg}")


def protected_header(  # noqa: PLR0913 - the members of formats.md §3
    *,
    alg: str,
    kid: str,
    iat: int,
    log: str,
    seq: int,
    prev: str | None,
    role: str,
    typ: str = ACT_TYP,
    stand_in: Mapping[str, str] | None = None,
) -> bytes:
    """The header's bytes, for a signer elsewhere (a browser) or for `make`."""
    header: dict[str, Any] = {"alg": alg, "iat": iat, "kid": kid, "log": log}
    if prev is not None:
        header["prev"] = prev
    header |= {"role": role, "seq": seq}
    if stand_in is not None:
        header[_STAND_IN] = dict(stand_in)
    header["typ"] = typ
    return canonical.ordered(header) if stand_in is None else canonical.encode(header)


def signing_input(protected: bytes, payload: bytes) -> bytes:
    """What is signed: RFC 7515's `ASCII(protected) || "." || ASCII(payload)`."""
    return f"{canonical.b64(protected)}.{canonical.b64(payload)}".encode()


def make(  # noqa: PLR0913 - the members of formats.md §3
    payload: bytes,
    signer: Signer,
    *,
    iat: int,
    log: str,
    seq: int,
    prev: str | None,
    role: str,
    typ: str = ACT_TYP,
    stand_in: Mapping[str, str] | None = None,
) -> Statement:
    """Signs canonical payload bytes, and reads the result as strictly as anybody will.

    Raises:
        Rejected: The payload or one of the header's values is not allowed.
    """
    protected = protected_header(
        alg=signer.alg, kid=signer.kid, iat=iat, log=log, seq=seq, prev=prev, role=role, typ=typ,
        stand_in=stand_in,
    )  # fmt: skip
    return parse_compact(signed(protected, payload, signer))


def signed(protected: bytes, payload: bytes, signer: Signer) -> str:
    """The compact form; nothing of it is asked, for whoever made header and payload."""
    to_sign = signing_input(protected, payload)
    return f"{to_sign.decode()}.{canonical.b64(signer.sign(to_sign))}"


@dataclass(frozen=True, slots=True)
class Login:
    """A sign-in of good form; its signature and challenge are not checked yet.

    Attributes:
        alg: Algorithm of the header.
        kid: Thumbprint of the key it claims.
        challenge: Echo of what the service sent.
        log: Origin of the log signed in to.
        expires_at: When it stops being good, as the service said.
        signing_input: What is signed.
        signature: In the form of its algorithm.
    """

    alg: str
    kid: str
    challenge: str
    log: str
    expires_at: datetime
    signing_input: bytes
    signature: bytes


def make_login(signer: Signer, *, challenge: str, log: str, expires_at: datetime) -> dict[str, str]:
    """A sign-in JWS in flattened form (formats.md §9); it is never recorded."""
    protected = canonical.encode({"alg": signer.alg, "kid": signer.kid, "typ": LOGIN_TYP})
    payload = canonical.encode(
        {"challenge": challenge, "expires_at": moment.stamp(expires_at), "log": log}
    )
    to_sign = signing_input(protected, payload)
    return {
        "payload": canonical.b64(payload),
        "protected": canonical.b64(protected),
        "signature": canonical.b64(signer.sign(to_sign)),
    }


def parse_login(body: bytes) -> Login:
    """A sign-in from flattened JWS JSON.

    Raises:
        Rejected: `malformed_statement` or `not_canonical`.
    """
    compact = _compact_of(body)
    protected, payload, signature = _decode_parts(compact)
    header, members = _door("/protected", protected), _door("/payload", payload)
    typ = header.pop("typ", None)
    known = typ == LOGIN_TYP and header.keys() == _LOGIN_HEADER
    if not known or not all(_HEADER_CHECKS[name](value) for name, value in header.items()):
        raise _malformed("/protected", Message("not the header of a sign-in"))
    if members.keys() != _LOGIN_PAYLOAD or not all(isinstance(v, str) for v in members.values()):
        raise _malformed("/payload", Message("not the payload of a sign-in"))
    try:
        expires_at = moment.unstamp(members["expires_at"])
    except ValueError as error:
        raise _malformed(
            "/payload/expires_at", Message("not a time of this form: {detail}", detail=error)
        ) from error
    return Login(
        alg=header["alg"],
        kid=header["kid"],
        challenge=members["challenge"],
        log=members["log"],
        expires_at=expires_at,
        signing_input=compact[: compact.rindex(".")].encode(),
        signature=signature,
    )
