"""Two of three custodians, without a polynomial (access.md K7)."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import shares
from keys.errors import Malformed, SharesDiffer, Unsealable
from keys.hpke import OpeningKey
from keys.shares import Named, Share
from tests.attacks import attack

CUSTODIANS = [OpeningKey.generate() for _ in range(4)]
FIRST = CUSTODIANS[:3]
KEK = Named("A256GCM", "AAAAAAAAAAAAAAAAAAAAAA")
SECRET = OpeningKey.generate().secret()
SECRETS = st.binary(min_size=32, max_size=32)


def _split(secret: bytes, keys: list[OpeningKey] = FIRST) -> tuple[Share, ...]:
    return shares.split(secret, KEK, [key.public for key in keys])


@pytest.mark.property
@given(secret=SECRETS)
def test_every_pair_gives_the_secret_back(secret: bytes) -> None:
    """Whichever custodian is lost, dead or abroad (access.md K13); by way of the files' bytes."""
    held = [(Share.parse(one.data()), key) for one, key in zip(_split(secret), FIRST, strict=True)]
    for pair in combinations(held, 2):
        assert shares.recover(pair) == secret
        assert shares.recover(pair[::-1]) == secret


@pytest.mark.property
@attack(
    "one custodian is forced to open their share",
    stopped_by="arithmetic: for every other secret the same parts are as likely",
    noticed_by="-",
)
@given(secret=SECRETS, other=SECRETS, randoms=st.tuples(SECRETS, SECRETS, SECRETS))
def test_one_share_fits_every_secret(
    secret: bytes, other: bytes, randoms: tuple[bytes, bytes, bytes]
) -> None:
    """One custodian forced opens nothing (access.md TH7).

    For any other secret there are randoms, as likely as those drawn, that give the same custodian
    the same parts.
    """
    parts = shares._parts(secret, randoms)
    assert {pair for given in parts for pair in given} == {(0, 1), (0, 2), (1, 2)}
    for place, mine in enumerate(parts):
        moved = tuple(
            shares._xor(shares._xor(r, secret), other) if pair[1] == place else r
            for pair, r in zip(combinations(range(3), 2), randoms, strict=True)
        )
        assert shares._parts(other, moved)[place] == mine


@attack(
    "a share of before a new split beside one of after it",
    stopped_by="each split has a name and randoms of its own, bound into every blob",
    noticed_by="the command's sentence",
)
def test_a_share_of_before_opens_nothing_with_one_of_after() -> None:
    """A custodian who went keeps a share that is worth nothing beside the new ones (K12)."""
    before, after = _split(SECRET), _split(SECRET, [*CUSTODIANS[:2], CUSTODIANS[3]])
    with pytest.raises(SharesDiffer):
        shares.recover([(before[2], CUSTODIANS[2]), (after[0], CUSTODIANS[0])])
    renamed = replace(
        before[0], split=after[0].split, check=after[0].check, custodians=after[0].custodians
    )
    with pytest.raises(Unsealable):
        shares.recover([(renamed, CUSTODIANS[0]), (after[1], CUSTODIANS[1])])


@attack(
    "a blob of a stranger's making in a share",
    stopped_by="what comes out is held against the promise in both shares",
    noticed_by="the command's sentence",
)
def test_a_blob_of_a_strangers_making_is_noticed() -> None:
    """Whoever has a custodian's public key can seal to it, well and in the right place.

    What comes out is held against the promise of both shares: no noise is taken for a KEK.
    """
    first, second, _ = _split(SECRET)
    forged = FIRST[0].public.seal(bytes(32), info=shares._info(first, (0, 1)))
    swapped = replace(first, blobs=(forged, first.blobs[1]))
    with pytest.raises(Unsealable):
        shares.recover([(swapped, FIRST[0]), (second, FIRST[1])])


@attack(
    "all the shares are of a stranger's making, under the name of the key that was split",
    stopped_by="a key pair is known by its thumbprint, a KEK by the commitment in the act",
    noticed_by="the command's sentence",
)
def test_shares_of_a_strangers_own_key_are_known() -> None:
    """Promise and all: whoever can write the folder of shares can split a secret of their own."""
    real, evil = OpeningKey.generate(), OpeningKey.generate()
    publics = [key.public for key in FIRST]
    first, second, _ = shares.split(evil.secret(), Named(OpeningKey.alg, real.kid), publics)
    with pytest.raises(Unsealable, match="another key"):
        shares.recover([(first, FIRST[0]), (second, FIRST[1])])
    with pytest.raises(Unsealable, match="another key"):
        shares.joined(shares.lend(first, FIRST[0]), shares.lend(second, FIRST[1]))
    given, forged = _split(SECRET), _split(evil.secret())
    assert len({share.commitment for share in given}) == 1
    assert forged[0].commitment != given[0].commitment
    theirs = replace(forged[0], split=given[0].split, custodians=given[0].custodians)
    assert theirs.commitment != given[0].commitment


@attack(
    "blobs swapped, moved to another custodian",
    stopped_by="each is bound to its custodian, pair, secret and split",
    noticed_by="the command's sentence",
)
def test_a_share_moved_to_another_custodian_does_not_open() -> None:
    """Blobs are bound to their custodian, pair, secret and split."""
    first, second, third = _split(SECRET)
    for stolen in (
        replace(first, blobs=second.blobs),
        replace(first, blobs=first.blobs[::-1]),
        replace(first, to=third.to),
    ):
        with pytest.raises((SharesDiffer, Unsealable)):
            shares.recover([(stolen, FIRST[0]), (second, FIRST[1])])


def test_one_custodian_is_never_two() -> None:
    """One share twice, three shares or one alone recover nothing."""
    first, second, third = zip(_split(SECRET), FIRST, strict=True)
    for held in ([first, first], [first], [first, second, third], []):
        with pytest.raises(SharesDiffer):
            shares.recover(held)


def test_three_different_custodians_are_named() -> None:
    """Two shares in one hand would be the whole secret in one hand."""
    for keys in (FIRST[:2], CUSTODIANS, [FIRST[0], FIRST[0], FIRST[1]]):
        with pytest.raises(Malformed):
            _split(SECRET, keys)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33)])
def test_a_secret_of_another_length_is_not_split(secret: bytes) -> None:
    """It would come back cut."""
    with pytest.raises(Malformed):
        _split(secret)


def test_no_two_splits_have_a_part_alike() -> None:
    """The randoms are drawn anew each time."""
    one, other = _split(SECRET)[0], _split(SECRET)[0]
    assert one.split != other.split
    assert one.check != other.check
    opened = {FIRST[0].open(s.blobs[0], info=shares._info(s, (0, 1))) for s in (one, other)}
    assert len(opened) == 2


def test_the_repr_shows_no_blob() -> None:
    """A share printed in a trace is not a share given away."""
    assert "blobs" not in repr(_split(SECRET)[0])
