"""The act by which an identity may be opened, as its three signatures prove it (access.md A18).

The vault reads nothing of the log (G9), so whoever asks brings the statements. That their keys are
those of the officers named is not seen from here: the two custodians name the keys that they saw,
and the vault holds the statements to these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from keys import canonical, jwk
from keys.errors import KeysError
from ledger.errors import Rejected
from ledger.log import statement as statements
from ledger.log.statement import ACT_TYP, Statement
from ledger.regulation.acts.json_shape import parse_time
from ledger.vault.identity import SHOWN
from ledger.vault.refusal import VaultRefusal
from ledger.vault.request import text, token

ACT: Final = "ReporterIdentityDisclosed"
ROLES: Final = ("AUTHOR", "CHECKER", "APPROVER")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What three officers signed.

    Attributes:
        act_id: Of the act.
        digest: b64 of SHA-256 over the bytes they signed: what a custodian's share is given for.
        token: The reporter's.
        shown: What may be shown.
        until: When it is over.
        told: Whether the reporter is told.
        disclosed_to: The body, as the act says.
        legal_ground: The ground, as the act says.
        kids: Thumbprints of the three keys, in the order of signers.
        author: Public key of the officer who may look.
    """

    act_id: str
    digest: str
    token: str
    shown: tuple[str, ...]
    until: datetime
    told: bool
    disclosed_to: str
    legal_ground: str
    kids: tuple[str, ...]
    author: Mapping[str, Any]


def digest_of(payload: bytes) -> str:
    """b64 of SHA-256 over an act's bytes."""
    return canonical.b64(hashlib.sha256(payload).digest())


def proven(compact: Sequence[str], jwks: Sequence[Mapping[str, Any]], *, origin: str) -> Disclosure:
    """The disclosure that these statements make.

    Raises:
        VaultRefusal: `not_signed`: not three good signatures of three keys over one disclosing
            act, in the order that it names.
    """
    try:
        signed = [statements.parse_compact(text) for text in compact]
        _require_signed(signed, jwks, origin)
        return _disclosure(signed, jwks[0])
    except (Rejected, KeysError, KeyError, TypeError, ValueError) as error:
        raise VaultRefusal("not_signed") from error


def _require_signed(
    signed: Sequence[Statement], jwks: Sequence[Mapping[str, Any]], origin: str
) -> None:
    if [one.role for one in signed] != list(ROLES) or len(jwks) != len(ROLES):
        raise VaultRefusal("not_signed")
    if len({one.payload for one in signed}) != 1 or len({one.kid for one in signed}) != len(ROLES):
        raise VaultRefusal("not_signed")
    for one, key in zip(signed, jwks, strict=True):
        statements.require_log(one, origin)
        if one.typ != ACT_TYP or jwk.thumbprint(key) != one.kid:
            raise VaultRefusal("not_signed")
        statements.check_signature(one, jwk.public_key(key))


def _disclosure(signed: Sequence[Statement], author: Mapping[str, Any]) -> Disclosure:
    members = signed[0].members
    facts, signers = members["facts"], members["signers"]
    officers = {signer["officer"] for signer in signers}
    if members["act"] != ACT or [s["role"] for s in signers] != list(ROLES):
        raise VaultRefusal("not_signed")
    if len(officers) != len(ROLES):
        raise VaultRefusal("not_signed")
    return Disclosure(
        act_id=text(members["act_id"]),
        digest=digest_of(signed[0].payload),
        token=token(facts["reporter"]),
        shown=tuple(name for name in SHOWN if name in facts["shown"]),
        until=parse_time(text(facts["until"])),
        told=facts["reporter_told"] is True,
        disclosed_to=text(facts["disclosed_to"]),
        legal_ground=text(facts["legal_ground"]),
        kids=tuple(one.kid for one in signed),
        author=author,
    )
