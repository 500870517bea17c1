"""Every row of hpke.json and shares.json (formats.md §5, §9), made by another implementation."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from keys import shares
from keys.errors import KeysError, Malformed, SharesDiffer, Unsealable
from keys.hpke import OpeningKey, SealingKey
from keys.keyring import Keyring
from tests.vector_files import name_of, rows


def _key(name: str) -> OpeningKey:
    (row,) = (one for one in rows("hpke", "keys") if one["name"] == name)
    return OpeningKey(bytes.fromhex(row["seed"]))


def _info(row: dict[str, Any]) -> bytes:
    if "info_build" in row:
        return bytes.fromhex(row["info_build"]["byte"]) * int(row["info_build"]["count"])
    return bytes.fromhex(row["info"])


@pytest.mark.parametrize("row", rows("hpke", "keys"), ids=name_of)
def test_a_seed_gives_this_key_everywhere(row: dict[str, Any]) -> None:
    """A custodian's key written today must open a share in thirty years, by any implementation."""
    own = OpeningKey(bytes.fromhex(row["seed"]))
    assert own.public.raw.hex() == row["public"]
    assert (own.kid, own.public.kek_id.hex()) == (row["kid"], row["kek_id"])
    assert SealingKey.from_jwk(own.public.jwk).raw == own.public.raw


@pytest.mark.parametrize("row", rows("hpke", "keys"), ids=name_of)
def test_a_key_printed_in_the_vectors_is_known_as_a_test_key(row: dict[str, Any]) -> None:
    """Its private part is public: nothing of a deployment may be sealed to it."""
    assert Keyring.is_test_key(row["kid"])


@pytest.mark.parametrize("row", rows("hpke", "rows"), ids=name_of)
def test_what_another_implementation_sealed_opens(row: dict[str, Any]) -> None:
    """KEM, key schedule and cipher are the draft's and RFC 9180's, not one library's own."""
    sealed = bytes.fromhex(row["sealed"])
    assert _key(row["to"]).open(sealed, info=_info(row)) == bytes.fromhex(row["plain"])


@pytest.mark.parametrize("row", rows("hpke", "reject"), ids=name_of)
def test_changed_or_moved_ciphertext_does_not_open(row: dict[str, Any]) -> None:
    """Another use, another key, either half of the KEM, the text or its tag."""
    with pytest.raises(Unsealable):
        _key(row["to"]).open(bytes.fromhex(row["sealed"]), info=_info(row))


@pytest.mark.parametrize("row", rows("hpke", "reject_keys"), ids=name_of)
def test_a_public_key_that_is_none_is_refused(row: dict[str, Any]) -> None:
    """Before anything is sealed to it."""
    with pytest.raises(Malformed):
        SealingKey(bytes.fromhex(row["public"]))


@pytest.mark.parametrize("row", rows("shares", "splits"), ids=name_of)
def test_any_two_of_three_shares_give_the_secret(row: dict[str, Any]) -> None:
    """Shares written by another implementation, in every pair and either order."""
    read = [shares.Share.parse(text.encode()) for text in row["shares"]]
    assert [share.data().decode() for share in read] == row["shares"]
    held = [(share, _key(name)) for share, name in zip(read, row["custodians"], strict=True)]
    for one, other in combinations(held, 2):
        assert shares.recover([one, other]).hex() == row["secret"]
        assert shares.recover([other, one]).hex() == row["secret"]


@pytest.mark.parametrize("row", rows("shares", "reject_pairs"), ids=name_of)
def test_two_shares_that_are_not_a_pair_open_nothing(row: dict[str, Any]) -> None:
    """Of two splits, of one custodian, with a blob exchanged or made by a stranger."""
    held = [(shares.Share.parse(text.encode()), _key(name)) for text, name in row["held"]]
    with pytest.raises((SharesDiffer, Unsealable)):
        shares.recover(held)


@pytest.mark.parametrize("row", rows("shares", "reject"), ids=name_of)
def test_a_text_that_is_no_share_is_refused(row: dict[str, Any]) -> None:
    """A share is a foreign file."""
    with pytest.raises(KeysError):
        shares.Share.parse(row["text"].encode())
