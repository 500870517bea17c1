"""Makes files.json from formats.md §5, sharing no code with the product.

`uv run --no-project --with cryptography python tests/vectors/files_generator.py`. Files are long:
a row says how its bytes are made and what the sealed form's SHA-256 is; of the shortest the bytes
are there too. The same bytes every time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).parent
DEK = bytes(range(32))
PREFIX = bytes.fromhex("01020304050607")
CHUNK = 65_536
SIZES = (0, 1, 5, 4_096, 4_097, 65_535, 65_536, 65_537, 70_000, 131_072, 200_000)


def the_file(size: int) -> bytes:
    """The bytes of a row: SHAKE-128 of its size in decimal."""
    return hashlib.shake_128(str(size).encode()).digest(size)


def digest(data: bytes) -> str:
    """As an act writes it."""
    raw = hashlib.sha256(data).digest()
    return "sha-256:" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def padme(length: int) -> int:
    """The page's words: the floor of two logarithms, then up to a multiple."""
    e = 0
    while 2 ** (e + 1) <= length:
        e += 1
    s = 1
    while 2**s <= e:
        s += 1
    unit: int = 2 ** (e - s)
    return (length + unit - 1) // unit * unit


def framed(plains: list[bytes], version: int, label: bytes, name: str) -> bytes:
    """Chunks as they are stored."""
    gcm, aad = AESGCM(DEK), label + b"\0" + name.encode()
    out = bytes([version]) + PREFIX
    for n, plain in enumerate(plains):
        last = b"\x01" if n == len(plains) - 1 else b"\x00"
        out += gcm.encrypt(PREFIX + struct.pack(">I", n) + last, plain, aad)
    return out


def plain_form(data: bytes) -> bytes:
    """Version 0x03."""
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)] or [b""]
    return framed(chunks, 3, b"socai/blob/1", digest(data))


def in_steps(data: bytes, *, step: int | None = None, hidden: bytes = b"") -> list[bytes]:
    """The plaintexts of version 0x04; what differs is for rows that are refused."""
    room = padme(max(len(data), 4_096)) if step is None else step
    chunks = []
    for at in range(0, room, CHUNK):
        own = data[at : at + CHUNK]
        width = min(CHUNK, room - at)
        fill = bytes(width - len(own))
        if hidden and at + width == room:
            fill = fill[: -len(hidden)] + hidden
        chunks.append(struct.pack(">I", len(own)) + own + fill)
    return chunks


def stepped_form(data: bytes, **other: Any) -> bytes:  # noqa: ANN401 - of the function above
    """Version 0x04."""
    return framed(in_steps(data, **other), 4, b"socai/blob/2", digest(data))


def row(size: int) -> dict[str, Any]:
    """One file in both forms."""
    data, forms = the_file(size), {}
    for name, sealed in (("03", plain_form(data)), ("04", stepped_form(data))):
        forms[name] = {"length": len(sealed), "sha256": hashlib.sha256(sealed).hexdigest()}
        if size <= 5 and name == "03":
            forms[name]["hex"] = sealed.hex()
    return {"size": size, "digest": digest(data), "sealed": forms}


def refused() -> list[dict[str, Any]]:
    """Version 0x04 as sealing never writes it, each with a good tag."""
    data = the_file(5)
    moved = in_steps(the_file(70_000))
    moved[0], moved[1] = (
        struct.pack(">I", CHUNK - 1) + moved[0][4:-1] + b"\0",
        moved[1],
    )
    more = in_steps(data)
    more[0] = struct.pack(">I", 5_000) + more[0][4:]
    rows = [
        ("a byte behind the end of the file", data, in_steps(data, hidden=b"x")),
        ("a longer step than its size has", data, in_steps(data, step=4_352)),
        ("a shorter step than its size has", data, in_steps(data, step=4_080)),
        ("a chunk that says more than it has", data, more),
        ("a file that goes on behind its end", the_file(70_000), moved),
        ("no room at all", b"", [struct.pack(">I", 0)]),
    ]
    return [
        {
            "reason": reason,
            "digest": digest(of),
            "sealed": base64.b64encode(framed(chunks, 4, b"socai/blob/2", digest(of))).decode(),
        }
        for reason, of, chunks in rows
    ]


if __name__ == "__main__":
    made = {
        "dek": DEK.hex(),
        "prefix": PREFIX.hex(),
        "rows": [row(size) for size in SIZES],
        "reject": refused(),
    }
    text = json.dumps(made, indent=1) + "\n"  # noqa: TID251 - this is no code of the product
    (HERE / "files.json").write_text(text, "utf-8")
