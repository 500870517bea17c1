"""The reporters' compartment from an officer's machine: what is sealed here, no server reads.

An identity is sealed before it leaves; a custodian's share is opened here and sealed to the vault;
what an act opened comes back sealed to a key of this process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.client.client import Client
from api.client.connection import understood
from keys import canonical
from keys.errors import KeysError
from keys.hpke import OpeningKey, SealingKey
from keys.shares import Share, lend
from ledger.errors import VerificationError
from ledger.log.moment import unstamp
from ledger.log.record import parse_envelope
from ledger.log.statement import Statement, parse_compact
from ledger.ports import Entropy
from ledger.vault.disclosure import digest_of
from ledger.vault.identity import Keys, SealedIdentity, sealed, told
from ledger.vault.request import look_bytes, look_label
from ledger.vault.share import give


def keys_of(client: Client, *, at: datetime | None = None) -> Keys:
    """What R's identities are sealed to, as the server says. Raises: Strange."""
    said = client.json("GET", "/v1/reporters/keys", at=at)
    with understood():
        return Keys(SealingKey.from_jwk(said["contact"]), SealingKey.from_jwk(said["identity"]))


def seal(client: Client, said: Mapping[str, Any], keys: Keys, entropy: Entropy) -> SealedIdentity:
    """An identity sealed here, under an item and a token drawn here.

    Args:
        client: The officer's.
        said: As `ledger.vault.identity.told`.
        keys: What it is sealed to.
        entropy: Draws item and token.

    Raises:
        Rejected: `malformed_identity`.
    """
    contact, identity = told(said)
    return sealed(
        contact,
        identity,
        keys,
        origin=client.origin,
        item=str(entropy.uuid()),
        token=f"sealed:{entropy.uuid()}",
    )


def keep(client: Client, case: str, item: SealedIdentity, *, at: datetime | None = None) -> None:
    """Has a sealed identity kept for a case. Raises: Refused: nothing was kept."""
    body = {
        "case": case,
        "item": item.item,
        "token": item.token,
        **{
            name: {"state": canonical.b64(part.state), "wrap": canonical.b64(part.wrap)}
            for name, part in (("contact", item.contact), ("identity", item.identity))
        },
    }
    client.json("POST", "/v1/reporters", body=body, at=at)


def write(client: Client, act_id: str, *, at: datetime | None = None) -> dict[str, Any]:
    """Has the vault send what an act says that the reporter was told; what became of it."""
    return client.json("POST", f"/v1/acts/{act_id}/letter", at=at)


@dataclass(frozen=True, slots=True)
class SignedDisclosure:
    """A disclosing act as this machine has checked it.

    Attributes:
        payload: Its bytes.
        members: What they say.
        statements: In the order of its signers.
    """

    payload: bytes
    members: Mapping[str, Any]
    statements: Sequence[Statement]


def disclosure(client: Client, act_id: str) -> SignedDisclosure:
    """The act with its statements, from its records byte for byte.

    Raises:
        VerificationError: The records are not of one act.
    """
    said = client.read(f"/v1/acts/{act_id}/raw").body
    with understood():
        envelopes = [canonical.unb64(one["envelope"]) for one in said["records"]]
        found = [parse_compact(parse_envelope(data).statement) for data in envelopes]
        payloads = {one.payload for one in found}
        if len(payloads) != 1 or found[0].members["act_id"] != act_id:
            raise VerificationError("act", "the records are not of this one act")
    return SignedDisclosure(found[0].payload, found[0].members, found)


def give_share(
    client: Client,
    act: SignedDisclosure,
    share: Share,
    custodian: OpeningKey,
    keys: Keys,
    *,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Gives a custodian's share for one act; how far the opening has come.

    Args:
        client: The custodian's.
        act: As this machine has checked it.
        share: The custodian's.
        custodian: The key that opens it.
        keys: R's, as this machine knows them: whoever has two shares opened has everything.
        at: The ledger's time of the request; rehearsals only.

    Raises:
        Unsealable: The share is another custodian's.
    """
    given = give(
        lend(share, custodian),
        [one.kid for one in act.statements],
        keys.contact,
        origin=client.origin,
        digest=digest_of(act.payload),
    )
    path = f"/v1/acts/{act.members['act_id']}/shares"
    return client.json("POST", path, body={"share": canonical.b64(given)}, at=at)


def look(
    client: Client, act_id: str, *, at: datetime | None = None
) -> tuple[Mapping[str, str], datetime]:
    """What an act opened, and until when it can be seen.

    Raises:
        Refused: Nothing is open, or it is another officer's.
    """
    own = OpeningKey.generate()
    signed = client.require_signer().sign(look_bytes(client.origin, act_id, own.public.raw))
    body = {"key": canonical.b64(own.public.raw), "signature": canonical.b64(signed)}
    said = client.json("POST", f"/v1/acts/{act_id}/identity", body=body, at=at)
    with understood():
        try:
            plain = own.open(
                canonical.unb64(said["sealed"]), info=look_label(client.origin, act_id)
            )
        except KeysError as error:
            raise VerificationError("identity", "what came was not sealed for this look") from error
        return canonical.parse(plain), unstamp(said["until"])
