"""Makes mirror.json from formats.md §11, sharing no code with the product.

`uv run --no-project --with kyber-py --with cryptography python tests/vectors/mirror_generator.py`.
ML-KEM by kyber-py; combiner and key schedule written from the drafts and RFC 9180; trees from RFC
9162. Records, keys and checkpoint are those of the other files here. The same bytes every time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = Path(__file__).parent
AT = 1717466400
SEED = b"socai mirror vectors"
ACT = "5a0c5b6e-0b1d-4c52-9a43-0d9a5e7f6c11"


def load(name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Another file of this folder."""
    return json.loads((HERE / f"{name}.json").read_text("utf-8"))


def drawn(what: str, length: int) -> bytes:
    """Bytes that are the same every time."""
    return hashlib.shake_256(SEED + what.encode()).digest(length)


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def std(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def canonical(value: object) -> str:
    """RFC 8785 of what stands in a segment: ASCII names, text, whole numbers."""
    return json.dumps(  # noqa: TID251 - this is no code of the product
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )


# --- RFC 9162 ---


def node(left: bytes, right: bytes) -> bytes:
    """Inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: list[bytes]) -> bytes:
    """MTH."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node(root(leaves[:k]), root(leaves[k:]))


def consistency(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of §2.1.4.1."""
    n = len(leaves)
    if m == n:
        return [] if whole else [root(leaves)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return [*consistency(m, leaves[:k], whole=whole), root(leaves[k:])]
    return [*consistency(m - k, leaves[k:], whole=False), root(leaves[:k])]


# --- HPKE, mode base: MLKEM768-X25519, HKDF-SHA256, AES-256-GCM ---


def extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract."""
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand."""
    out, block, n = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes((n,)), "sha256")
        out, n = out + block, n + 1
    return out[:length]


def encapsulate(seed: bytes, randomness: bytes) -> tuple[bytes, bytes]:
    """X-Wing: shared secret and encapsulation to the key of a seed, from 64 bytes drawn."""
    from kyber_py.ml_kem import ML_KEM_768  # type: ignore[import-not-found]  # noqa: PLC0415

    expanded = hashlib.shake_256(seed).digest(96)
    public_m, _ = ML_KEM_768._keygen_internal(expanded[:32], expanded[32:64])
    own = X25519PrivateKey.from_private_bytes(expanded[64:]).public_key()
    public_x = own.public_bytes(Encoding.Raw, PublicFormat.Raw)
    secret_m, sealed_m = ML_KEM_768._encaps_internal(public_m, randomness[:32])
    once = X25519PrivateKey.from_private_bytes(randomness[32:])
    sealed_x = once.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    secret_x = once.exchange(X25519PublicKey.from_public_bytes(public_x))
    label = b"\\.//^\\"
    secret = hashlib.sha3_256(secret_m + secret_x + sealed_x + public_x + label).digest()
    return secret, sealed_m + sealed_x


def hpke(seed: bytes, info: bytes, plain: bytes, randomness: bytes) -> bytes:
    """RFC 9180 §5.1.1 and §5.2: enc || ct."""
    suite = b"HPKE" + (0x647A).to_bytes(2) + (1).to_bytes(2) + (2).to_bytes(2)

    def labeled(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return extract(salt, b"HPKE-v1" + suite + label + ikm)

    secret, enc = encapsulate(seed, randomness)
    context = b"\x00" + labeled(b"", b"psk_id_hash", b"") + labeled(b"", b"info_hash", info)
    key_secret = labeled(secret, b"secret", b"")

    def out(label: bytes, length: int) -> bytes:
        return expand(key_secret, length.to_bytes(2) + b"HPKE-v1" + suite + label + context, length)

    return enc + AESGCM(out(b"key", 32)).encrypt(out(b"base_nonce", 12), plain, b"")


# --- the segment ---


def framed(text: bytes) -> bytes:
    """Length, text, zeros up to a power of two times 64 KiB."""
    whole = len(text).to_bytes(8) + text
    size = 65536
    while size < len(whole):
        size *= 2
    return whole + bytes(size - len(whole))


class Maker:
    """The small log of record.json, as it is published."""

    def __init__(self) -> None:
        keys = load("checkpoint")["keys"]
        (self.log,) = (one for one in keys if one["use"] == "log")
        self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.log["seed"]))
        records = load("record")
        self.envelopes = [one["envelope"].encode() for one in records["records"]]
        self.entries = [hashlib.sha256(one).digest() for one in self.envelopes]
        self.leaves = [hashlib.sha256(b"\x00" + one).digest() for one in self.entries]
        self.places = [(one["stream"], one["seq"]) for one in records["records"]]
        files = load("bundle")["files"]
        (self.note,) = (one["text"] for one in files if one["path"] == "data/checkpoint")
        self.slots = [bytes.fromhex(one["seed"]) for one in load("hpke")["keys"][:3]]

    def kept(self, n: int) -> dict[str, Any]:
        """An item with its content."""
        return {"index": n, "envelope": b64(self.envelopes[n])}

    def unread(self, n: int) -> dict[str, Any]:
        """An item that nobody below can read."""
        stream, seq = self.places[n]
        left = {"index": n, "entry": b64(self.entries[n])}
        return left | {"stream": stream, "seq": seq, "act_id": ACT}

    def gone(self, n: int) -> dict[str, Any]:
        """An item that is erased."""
        return self.unread(n) | {"erased_by": ACT, "erased_at": 13}

    def members(self, start: int, items: list[dict[str, Any]]) -> dict[str, Any]:
        """What the log signs of a segment."""
        end = start + len(items)
        path = consistency(end, self.leaves) if 0 < end < len(self.leaves) else []
        return {
            "v": 1,
            "log": self.log["name"],
            "at": AT,
            "from": start,
            "to": end,
            "checkpoint": self.note,
            "consistency": [std(one) for one in path],
            "items": items,
            "blobs": [],
        }

    def with_files(self, start: int, items: list[dict[str, Any]]) -> dict[str, Any]:
        """The same with files of two records: one of each that comes, and one that is left out."""
        files = [
            {"index": start, "n": 0, "data": b64(b"a file of an act")},
            {"index": start, "n": 1},
            {"index": start + 1, "n": 0, "data": b64(b"")},
        ]
        return self.members(start, items) | {"blobs": files}

    def signed(self, members: dict[str, Any]) -> tuple[str, str]:
        """The text, and what is signed."""
        digest = hashlib.sha256(canonical(members).encode()).digest()
        message = f"socai/segment/1\n{members['log']}\n{members['at']}\n{std(digest)}\n"
        signature = bytes.fromhex(self.log["key_id"]) + self.key.sign(message.encode())
        return canonical(members | {"signature": b64(signature)}), message

    def sealed(self, text: str) -> bytes:
        """As published, byte for byte."""
        origin: bytes = self.log["name"].encode()
        content = drawn("content key", 32)
        slots = b""
        for n, seed in enumerate(self.slots):
            info = b"socai/segment-key/1\0" + origin + b"\0" + bytes((n,))
            slots += hpke(seed, info, content, drawn(f"slot {n}", 64))
        head = b"\x05" + bytes((len(origin),)) + origin + bytes((len(self.slots),)) + slots
        nonce = drawn("nonce", 12)
        aad = b"socai/segment/1\0" + head
        body: bytes = AESGCM(content).encrypt(nonce, framed(text.encode()), aad)
        return head + nonce + body


def rejected(maker: Maker) -> list[dict[str, str]]:
    """Texts that are no segment, each for one reason."""
    plain = maker.members(12, [maker.gone(12), maker.kept(13)])
    good = json.loads(maker.signed(plain)[0])

    def changed(**members: Any) -> str:  # noqa: ANN401 - whatever a reader may meet
        return canonical({name: one for name, one in (good | members).items() if one is not None})

    def item(**members: Any) -> str:  # noqa: ANN401 - likewise
        found = {k: v for k, v in (good["items"][0] | members).items() if v is not None}
        return changed(items=[found, good["items"][1]])

    plain_file = {"index": 13, "n": 0, "data": "AAAA"}

    def file(**members: Any) -> str:  # noqa: ANN401 - likewise
        return changed(blobs=[{k: v for k, v in (plain_file | members).items() if v is not None}])

    deep = '{"a":' * 40 + "1" + "}" * 40
    texts = {
        "no-signature": changed(signature=None),
        "another-member": changed(also="1"),
        "version-2": changed(v=2),
        "version-true": changed(v=True),
        "at-is-text": changed(at=str(AT)),
        "at-below-zero": changed(at=-1),
        "to-is-not-the-end": changed(to=15),
        "from-is-true": changed(**{"from": True}),
        "blobs-of-something": changed(blobs=["x"]),
        "blobs-no-list": changed(blobs={}),
        "file-with-another-member": file(name="x"),
        "file-without-a-place": file(n=None),
        "file-at-no-number": file(n=True),
        "file-below-zero": file(n=-1),
        "file-of-a-record-before": file(index=11),
        "file-of-a-record-behind": file(index=14),
        "file-no-text": file(data=1),
        "file-padded": file(data="AAAA="),
        "file-twice": changed(blobs=[plain_file, plain_file]),
        "files-not-in-order": changed(blobs=[plain_file | {"n": 1}, plain_file]),
        "signature-too-short": changed(signature=b64(bytes(60))),
        "signature-padded": changed(signature=b64(bytes(68)) + "="),
        "consistency-no-hash": changed(consistency=["AAAA"]),
        "consistency-no-list": changed(consistency={}),
        "checkpoint-no-text": changed(checkpoint=1),
        "items-no-list": changed(items={}),
        "item-no-object": changed(items=[1, good["items"][1]]),
        "item-at-another-index": item(index=13),
        "item-with-both": item(envelope="AAAA"),
        "item-entry-too-short": item(entry=b64(bytes(31))),
        "item-erased-by-no-id": item(erased_by="x"),
        "item-erased-by-id-of-version-1": item(erased_by="5a0c5b6e-0b1d-1c52-9a43-0d9a5e7f6c11"),
        "item-erased-before-it-was": item(erased_at=12),
        "item-erased-at-no-number": item(erased_at="13"),
        "item-erased-without-a-place": item(stream=None),
        "item-in-no-stream": item(stream="somewhere"),
        "item-at-place-zero": item(seq=0),
        "not-in-order": maker.signed(plain)[0]
        .replace('{"at"', '{"zz":1,"at"')
        .replace('"zz":1,', '"v":1,', 1),
        "with-a-space": maker.signed(plain)[0].replace('"blobs":[]', '"blobs": []'),
        "nested-deep": maker.signed(plain)[0].replace('"blobs":[]', f'"blobs":[{deep}]'),
        "with-null": maker.signed(plain)[0].replace('"blobs":[]', '"blobs":null'),
        "not-closed": maker.signed(plain)[0][:-1],
        "empty": "",
        "an-array": "[]",
    }
    return [{"name": name, "text": text} for name, text in texts.items()]


def main() -> None:
    """Writes mirror.json."""
    maker = Maker()
    size = len(maker.leaves)
    every = [maker.kept(n) for n in range(size)]
    nameless = {"index": 11, "entry": b64(maker.entries[11])}
    rows = {
        "whole": maker.members(0, every),
        "first-part": maker.members(0, every[:6]),
        "second-part": maker.members(6, every[6:]),
        "one-erased-and-two-unread": maker.members(
            8, [maker.kept(8), maker.gone(9), maker.unread(10), nameless, *every[12:]]
        ),
        "with-files": maker.with_files(6, every[6:]),
        "nothing-new": maker.members(size, []),
    }
    made = []
    for name, members in rows.items():
        text, message = maker.signed(members)
        made.append({"name": name, "text": text, "signed": message})
    sealed = maker.sealed(made[-1]["text"])
    lengths = (0, 1, 65_528, 65_529, 131_064, 131_065, 1_000_000)
    frames = [
        {
            "length": n,
            "framed": len(framed(b"x" * n)),
            "sha256": hashlib.sha256(framed(b"x" * n)).hexdigest(),
        }
        for n in lengths
    ]
    one = framed(b"{}")
    bad = {
        "length-beyond": (9_999_999).to_bytes(8) + one[8:],
        "length-too-short": (1).to_bytes(8) + one[8:],
        "not-zeros": one[:-1] + b"\x01",
        "twice-as-long": one + bytes(65_536),
        "half-as-long": one[:32_768],
        "nothing": b"",
    }
    slot = 3 + len(maker.log["name"])
    end = slot + 3 * 1168
    dek = drawn("key of a record", 32)
    files = [
        {
            "dek": dek.hex(),
            "n": n,
            "key": expand(extract(b"", dek), b"socai/mirror-file/1\0" + n.to_bytes(4), 32).hex(),
        }
        for n in (0, 1, 258)
    ]
    found = {
        "section": "11",
        "file_keys": files,
        "origin": maker.log["name"],
        "slots": [one["name"] for one in load("hpke")["keys"][:3]],
        "rows": made,
        "reject": rejected(maker),
        "frames": frames,
        "reject_frames": [
            {"name": name, "starts": data[:16].hex(), "length": len(data), "ends": data[-1:].hex()}
            for name, data in bad.items()
        ],
        "sealed": {"row": "nothing-new", "base64": std(sealed)},
        "reject_sealed": [
            {"name": "another-version", "flip": 0},
            {"name": "another-origin", "flip": 2},
            {"name": "two-slots", "flip": slot - 1},
            {"name": "first-slot-changed", "flip": slot + 5, "opens_with": 0},
            {"name": "second-slot-changed", "flip": slot + 1168 + 1167, "opens_with": 1},
            {"name": "slot-of-another-changed", "flip": slot + 5, "opens_with": 1},
            {"name": "nonce-changed", "flip": end},
            {"name": "text-changed", "flip": end + 12 + 40},
            {"name": "tag-changed", "flip": len(sealed) - 1},
            {"name": "cut-by-one", "cut": len(sealed) - 1},
            {"name": "cut-in-the-slots", "cut": slot + 700},
            {"name": "cut-to-nothing", "cut": 0},
        ],
    }
    text = json.dumps(found, ensure_ascii=False, indent=1)  # noqa: TID251 - likewise
    (HERE / "mirror.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
