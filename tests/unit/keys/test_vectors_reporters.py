"""Every row of reporters.json (formats.md §5): what R keeps, is asked, and is looked at by."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from keys import canonical
from keys.errors import Malformed, Unsealable
from keys.hpke import OpeningKey
from keys.sealed_identity import MOST_BYTES, Place, SealedPart, open_part, seal_part
from ledger.vault.identity import Contact, Identity
from ledger.vault.refusal import VaultRefusal
from ledger.vault.request import look_bytes, open_request
from tests.vector_files import name_of, rows


def _key(name: str) -> OpeningKey:
    (row,) = (one for one in rows("hpke", "keys") if one["name"] == name)
    return OpeningKey(bytes.fromhex(row["seed"]))


def _place(row: dict[str, Any]) -> Place:
    return Place(row["origin"], row["part"], row["item"], row["token"])


def _sealed(row: dict[str, Any]) -> SealedPart:
    return SealedPart(bytes.fromhex(row["state"]), bytes.fromhex(row["wrap"]))


@pytest.mark.parametrize("row", rows("reporters", "rows"), ids=name_of)
def test_what_was_sealed_opens_for_its_key(row: dict[str, Any]) -> None:
    """In thirty years too; and in the form that the vault reads."""
    plain = open_part(_sealed(row), _key(row["to"]), _place(row))
    assert plain.decode() == row["plain"]
    part = (Contact if row["part"] == "contact" else Identity).parse(plain)
    assert part.encode() == plain


@pytest.mark.parametrize("row", rows("reporters", "reject"), ids=name_of)
def test_a_part_opens_as_itself_alone(row: dict[str, Any]) -> None:
    """For another item, reporter, log, part or key, or with a changed byte, it does not open."""
    with pytest.raises(Unsealable):
        open_part(_sealed(row), _key(row["to"]), _place(row))


@pytest.mark.parametrize("row", rows("reporters", "requests"), ids=name_of)
def test_a_request_opens_for_its_id_alone(row: dict[str, Any]) -> None:
    """Moved to another id it is nothing that the vault knows."""
    key, sealed = _key(row["to"]), bytes.fromhex(row["sealed"])
    found = open_request(sealed, key, origin=row["origin"], request_id=row["request_id"])
    body = canonical.parse(row["body"].encode())
    assert (body["kind"], body["text"]) == ("letter", getattr(found.asked, "text", None))
    with pytest.raises(VaultRefusal):
        open_request(sealed, key, origin=row["origin"], request_id=row["request_id"][::-1])


@pytest.mark.parametrize("row", rows("reporters", "looks"), ids=name_of)
def test_what_an_officer_signs_to_look(row: dict[str, Any]) -> None:
    """No statement begins like it: a statement's first byte is of base64url."""
    signed = look_bytes(row["origin"], row["act_id"], bytes.fromhex(row["key"]))
    assert hashlib.sha256(signed).hexdigest() == row["signed"]


@pytest.mark.parametrize(("size", "state"), [(2, 1_053), (1_020, 1_053), (1_021, 4_125)])
def test_a_length_tells_a_step_and_no_more(size: int, state: int) -> None:
    """L14: who left an address cannot be told from who left none."""
    key, place = OpeningKey.generate(), Place("o", "contact", "i", "t")
    sealed = seal_part(bytes(size), key.public, place)
    assert (len(sealed.state), len(sealed.wrap)) == (state, 1_185)
    assert open_part(sealed, key, place) == bytes(size)


def test_what_is_longer_than_r_keeps_is_not_sealed() -> None:
    """Rather than in a fourth length."""
    key = OpeningKey.generate().public
    with pytest.raises(Malformed):
        seal_part(bytes(MOST_BYTES + 1), key, Place("o", "contact", "i", "t"))
