"""A secret of 32 bytes in three shares; any two give it back (formats.md §9, access.md K7).

No polynomial: for each pair of custodians a random r; r is sealed to the first of the two, and the
secret xor r to the second. So each has two parts, and whatever the secret is, one custodian's parts
may belong to it: they say nothing, by arithmetic. What a share says in the open, and binds into
each of its blobs, is `check`: whoever guesses a secret may try the guess there. A secret is 32
random bytes, so that SHA-256 keeps it; for that, and for the blobs of others, one share opens
nothing by a hash and a cipher. Files and ceremonies are not known here.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Final

from keys import canonical
from keys.errors import Malformed, NotCanonical, SharesDiffer, Unsealable
from keys.hpke import ALG, ENC_BYTES, OpeningKey, SealingKey

SECRET_BYTES: Final = 32
CUSTODIANS: Final = 3
_SPLIT_BYTES: Final = 16
_CHECK_BYTES: Final = 32
_BLOB_BYTES: Final = ENC_BYTES + SECRET_BYTES + 16
#: By the algorithm of the secret, bytes of the name that its key file has (formats.md §9).
_NAMED_BY: Final = {"A256GCM": 16, ALG: 32}
_PAIRS: Final = tuple(combinations(range(CUSTODIANS), 2))
_MEMBERS: Final = frozenset({"v", "split", "alg", "kid", "check", "custodians", "to", "blobs"})
_TEXTS: Final = ("split", "alg", "kid", "check", "to")


@dataclass(frozen=True, slots=True)
class Named:
    """Which secret a share is of, as its key file names it.

    Attributes:
        alg: `A256GCM` for a KEK, `MLKEM768-X25519` for a key pair's private half.
        kid: `kek_id` in b64, or the thumbprint of the public half.
    """

    alg: str
    kid: str


@dataclass(frozen=True, slots=True)
class Share:
    """What one custodian keeps; without that custodian's key nobody reads its blobs.

    Attributes:
        split: 16 random bytes in b64: shares of two splits open nothing together.
        secret: Of which secret.
        check: b64 of SHA-256 over label, split and secret: what comes out is held against it.
        custodians: Thumbprints of the three custodians' keys, in their order.
        to: Whose share this is, one of `custodians`.
        blobs: Two, 1,168 bytes each, in the order of the pairs (1,2), (1,3), (2,3).
    """

    split: str
    secret: Named
    check: str
    custodians: tuple[str, ...]
    to: str
    blobs: tuple[bytes, ...] = field(repr=False)

    @property
    def place(self) -> int:
        """The custodian's place, from 0."""
        return self.custodians.index(self.to)

    def data(self) -> bytes:
        """The bytes of a `.socaishare`, without a newline."""
        blobs = [canonical.b64(blob) for blob in self.blobs]
        return canonical.encode({**_bound(self), "to": self.to, "blobs": blobs})

    @property
    def commitment(self) -> str:
        """b64 of SHA-256 over what the three shares of a split say alike.

        Noted when the split was made, it tells these shares from any that somebody else made under
        the same name. It says no more of the secret than each share does.
        """
        said = canonical.encode(_bound(self))
        return canonical.b64(hashlib.sha256(b"socai/share-commitment/1\0" + said).digest())

    @classmethod
    def parse(cls, data: bytes) -> Share:
        """Reads `data`'s bytes. Raises: Malformed."""
        try:
            members = canonical.parse(data)
        except NotCanonical as error:
            raise Malformed(f"not a share: {error}") from error
        if members.keys() != _MEMBERS or members["v"] != 1 or type(members["v"]) is not int:
            raise Malformed("not a share of version 1")
        if not all(isinstance(members[name], str) for name in _TEXTS):
            raise Malformed("a share says its split, secret, check and custodian as text")
        return _checked(
            cls(
                split=members["split"],
                secret=Named(members["alg"], members["kid"]),
                check=members["check"],
                custodians=tuple(_strings(members["custodians"])),
                to=members["to"],
                blobs=tuple(map(canonical.unb64, _strings(members["blobs"]))),
            )
        )


def _strings(value: object) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Malformed("a list in a share is of text")
    return value


def _checked(share: Share) -> Share:
    if len(share.custodians) != CUSTODIANS or len(set(share.custodians)) != CUSTODIANS:
        raise Malformed(f"a share names {CUSTODIANS} custodians, each once")
    if share.secret.alg not in _NAMED_BY:
        raise Malformed("a share is of a KEK or of a key pair that is sealed to")
    if len(canonical.unb64(share.secret.kid)) != _NAMED_BY[share.secret.alg]:
        raise Malformed("a share names its secret as the key file does")
    if share.to not in share.custodians:
        raise Malformed("a share is of one of its custodians")
    if [len(blob) for blob in share.blobs] != [_BLOB_BYTES] * (CUSTODIANS - 1):
        raise Malformed(f"a share has two blobs of {_BLOB_BYTES} bytes")
    if len(canonical.unb64(share.split)) != _SPLIT_BYTES:
        raise Malformed(f"a split is named by {_SPLIT_BYTES} bytes")
    if len(canonical.unb64(share.check)) != _CHECK_BYTES:
        raise Malformed(f"a check has {_CHECK_BYTES} bytes")
    return share


def split(secret: bytes, named: Named, custodians: Sequence[SealingKey]) -> tuple[Share, ...]:
    """One share for each of three custodians, in their order.

    Args:
        secret: 32 bytes, drawn at random: what can be guessed, `check` would confirm.
        named: Which secret it is.
        custodians: Three keys, of three persons, used for nothing else.

    Raises:
        Malformed: Another length, other than three custodians, one of them twice, or a key to
            which nothing can be sealed.
    """
    kids = tuple(key.kid for key in custodians)
    if len(kids) != CUSTODIANS or len(set(kids)) != CUSTODIANS:
        raise Malformed("a secret is split to three custodians, each with a key of their own")
    parts = _parts(secret, [os.urandom(SECRET_BYTES) for _ in _PAIRS])
    split_id = os.urandom(_SPLIT_BYTES)
    check = canonical.b64(_check_of(split_id, secret))
    shares = []
    for key, given in zip(custodians, parts, strict=True):
        empty = Share(canonical.b64(split_id), named, check, kids, key.kid, ())
        blobs = [key.seal(part, info=_info(empty, pair)) for pair, part in given.items()]
        shares.append(_checked(replace(empty, blobs=tuple(blobs))))
    return tuple(shares)


@dataclass(frozen=True, slots=True)
class Lent:
    """A share whose custodian has opened it, for whoever puts two together elsewhere.

    Attributes:
        share: As it is kept.
        parts: What its two blobs hold, 32 bytes each; one share's parts say nothing of the secret.
    """

    share: Share
    parts: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if [len(part) for part in self.parts] != [SECRET_BYTES] * (CUSTODIANS - 1):
            raise Malformed(f"a share has two parts of {SECRET_BYTES} bytes")


def lend(share: Share, key: OpeningKey) -> Lent:
    """Opens a share with its custodian's key. Raises: Unsealable: another's, or changed bytes."""
    return Lent(share, tuple(_opened(share, key, pair) for pair in _pairs_of(share)))


def joined(one: Lent, other: Lent) -> bytes:
    """The 32 bytes, from what two custodians lent.

    Raises:
        SharesDiffer: Both of one custodian, or of two splits.
        Unsealable: Parts that do not give the secret that the shares promise, or a private half
            that is not of the key they name.
    """
    first, second = sorted((one, other), key=lambda lent: lent.share.place)
    pair = _pair(first.share, second.share)
    parts = (lent.parts[_pairs_of(lent.share).index(pair)] for lent in (first, second))
    return _secret(first.share, *parts)


def recover(held: Sequence[tuple[Share, OpeningKey]]) -> bytes:
    """The 32 bytes, from the shares of two custodians, each with that custodian's key.

    Raises:
        SharesDiffer: Not two, both of one custodian, or of two splits.
        Unsealable: A key of another custodian, changed bytes, a blob that is not in its place, or
            parts that do not give the secret that the shares promise, or a private half that is
            not of the key they name. A KEK's id says nothing of the KEK: whoever can write all
            the shares can name theirs so, and only `Share.commitment` tells.
    """
    if len(held) != CUSTODIANS - 1:
        raise SharesDiffer("a secret is recovered from two shares")
    (one, first), (other, second) = sorted(held, key=lambda one: one[0].place)
    pair = _pair(one, other)
    return _secret(one, _opened(one, first, pair), _opened(other, second, pair))


def _pair(one: Share, other: Share) -> tuple[int, int]:
    """Raises: SharesDiffer."""
    if _bound(one) != _bound(other):
        raise SharesDiffer("the two shares are not of one split")
    if one.to == other.to:
        raise SharesDiffer("both shares are of one custodian")
    return one.place, other.place


def _pairs_of(share: Share) -> list[tuple[int, int]]:
    return [pair for pair in _PAIRS if share.place in pair]


def _secret(share: Share, part: bytes, other: bytes) -> bytes:
    """Raises: Unsealable."""
    secret = _xor(part, other)
    # Whoever has the public halves can seal: a blob made by another opens, and gives noise.
    if not hmac.compare_digest(
        _check_of(canonical.unb64(share.split), secret), canonical.unb64(share.check)
    ):
        raise Unsealable("the parts of the two shares do not give the secret they promise")
    # All the shares may be of somebody else's making, promise and all: the name of a key pair is
    # the thumbprint of its public half, and no other secret has it.
    if share.secret.alg == ALG and OpeningKey(secret).kid != share.secret.kid:
        raise Unsealable("the two shares give another key than they name")
    return secret


def _opened(share: Share, key: OpeningKey, pair: tuple[int, int]) -> bytes:
    if key.kid != share.to:
        raise Unsealable("the share is of another custodian than the key")
    return key.open(share.blobs[_pairs_of(share).index(pair)], info=_info(share, pair))


def _parts(secret: bytes, randoms: Sequence[bytes]) -> tuple[Mapping[tuple[int, int], bytes], ...]:
    """What each custodian is given, by pair: r to the first, secret xor r to the other."""
    if len(secret) != SECRET_BYTES or any(len(r) != SECRET_BYTES for r in randoms):
        raise Malformed(f"a secret to split has {SECRET_BYTES} bytes")
    by_pair = dict(zip(_PAIRS, randoms, strict=True))
    return tuple(
        {pair: r if pair[0] == at else _xor(secret, r) for pair, r in by_pair.items() if at in pair}
        for at in range(CUSTODIANS)
    )


def _bound(share: Share) -> dict[str, Any]:
    """What the three shares of a split say alike."""
    return {
        "v": 1,
        "split": share.split,
        "alg": share.secret.alg,
        "kid": share.secret.kid,
        "check": share.check,
        "custodians": list(share.custodians),
    }


def _info(share: Share, pair: tuple[int, int]) -> bytes:
    said = {**_bound(share), "pair": [at + 1 for at in pair], "to": share.to}
    return b"socai/share/1\0" + canonical.encode(said)


def _check_of(split_id: bytes, secret: bytes) -> bytes:
    return hashlib.sha256(b"socai/share-check/1\0" + split_id + secret).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
