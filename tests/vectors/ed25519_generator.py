"""Makes ed25519.json: signatures about which verifiers differ, by the curve's own law.

`python tests/vectors/ed25519_generator.py`, sharing no code with the product. RFC 8032 lets a
verifier multiply by the cofactor or not, and says nothing of R of small order. What is written
is the verdict of a verifier that does not multiply and compares R by its bytes, as OpenSSL and Go
do: the one by which every stored record was let in. The same bytes every time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def x_of(y: int, sign: int) -> int | None:
    """The x of a point, if there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def added(one: Point, other: Point) -> Point:
    """The sum of two points."""
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def times(point: Point, n: int) -> Point:
    """A multiple of a point."""
    found = (0, 1)
    while n:
        if n & 1:
            found = added(found, point)
        point, n = added(point, point), n >> 1
    return found


def written(point: Point) -> bytes:
    """32 bytes."""
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def base() -> Point:
    """The base point."""
    y = 4 * pow(5, -1, P) % P
    x = x_of(y, 0)
    assert x is not None
    return x, y


def torsion() -> Point:
    """A point of order eight."""
    y = 2
    while True:
        x = x_of(y, 0)
        if x is not None:
            found = times((x, y), ORDER)
            if times(found, 4) != (0, 1):
                return found
        y += 1


def scalar(*parts: bytes) -> int:
    """SHA-512 of the parts, modulo the order."""
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def rows() -> Iterator[dict[str, object]]:
    """Each with the verdict that follows from the equation S*B = R + h*A."""
    b, t = base(), torsion()
    secret, nonce = scalar(b"secret"), scalar(b"nonce")
    plain = times(b, secret)

    def row(name: str, key: Point, r: Point, part: int, message: bytes, above: int = 0) -> None:
        h = scalar(written(r), written(key), message)
        s = (part + h * secret) % ORDER
        good = times(b, s) == added(r, times(key, h)) and not above
        found.append(
            {
                "name": name,
                "public": written(key).hex(),
                "message": message.hex(),
                "signature": (written(r) + (s + above).to_bytes(32, "little")).hex(),
                "verifies": good,
            }
        )

    found: list[dict[str, object]] = []
    r = times(b, nonce)
    row("plain", plain, r, nonce, b"plain")
    row("s-plus-L", plain, r, nonce, b"plain", ORDER)
    row("r-is-the-identity", plain, (0, 1), 0, b"small")
    for n in range(1, 8):
        row(f"r-of-small-order-{n}", plain, times(t, n), 0, b"small")
        row(f"r-with-torsion-{n}", plain, added(r, times(t, n)), nonce, b"mixed")
    for n in (1, 2, 4):
        key = added(plain, times(t, n))
        for m in range(8):
            row(f"key-with-torsion-{n}-message-{m}", key, r, nonce, b"message %d" % m)
    yield from found


if __name__ == "__main__":
    file = {"rows": list(rows())}
    text = json.dumps(file, indent=1) + "\n"  # noqa: TID251 - this is no code of the product
    (Path(__file__).parent / "ed25519.json").write_text(text, "utf-8")
