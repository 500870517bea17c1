"""Makes signing_for.json from formats.md §2 and §3, sharing no code with the product.

`uv run --no-project --with cryptography python tests/vectors/signing_for_generator.py`. Signatures
are Ed25519 by the printed test keys of statement.json. The same bytes every time.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).parent
FILE = json.loads((HERE / "statement.json").read_text("utf-8"))
LOG = FILE["log"]
KEYS = {row["name"]: row for row in FILE["keys"]}
IAT = 1717462800
STANDS_IN = "7c1f1a52-2d0e-4a53-8d0b-3f0e8f5e9a77"
"""Officer of the key `stranger`, whom no act names."""


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def canonical(value: object) -> str:
    """RFC 8785 of what stands here: names of ASCII, text, whole numbers."""
    return json.dumps(  # noqa: TID251 - this is no code of the product
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )


def signer(name: str, post: str, role: str, capacity: str) -> dict[str, str]:
    """One member of `signers` in form 2."""
    return {
        "officer": KEYS[name].get("officer", STANDS_IN),
        "post": post,
        "role": role,
        "capacity": capacity,
    }


def act(number: int, **more: object) -> dict[str, Any]:
    """The payload of a decision that two officers sign, in form 2."""
    members: dict[str, Any] = {
        "v": 2,
        "act": "HandlingDecided",
        "act_id": f"00000000-0000-4000-8000-{number:012d}",
        "stream": "case/11111111-2222-4333-8444-555555555555",
        "occurred_at": "2024-06-04T08:00:00+07:00",
        "precision": "minute",
        "agency": "so-thong-tin",
        "post": "Chuyên viên",
        "basis": [{"instrument": "90/2024/QĐ-UBND (hư cấu)", "article": "8", "role": "COMPETENCE"}],
        "circulation": "INTERNAL",
        "facts": {"reasons": "Cần xử lý sớm (hư cấu)."},
        "signers": [
            signer("an", "Chuyên viên", "AUTHOR", "TRUC_TIEP"),
            signer("registrar", "Giám đốc", "APPROVER", "TRUC_TIEP"),
        ],
    }
    members |= more
    return {name: value for name, value in members.items() if value is not None}


def of_signers(number: int, *signers: dict[str, str]) -> dict[str, Any]:
    """The same with other signers."""
    return act(number, signers=list(signers))


ACTS = {
    "director-approves": act(1),
    "deputy-approves-kt": of_signers(
        2,
        signer("an", "Chuyên viên", "AUTHOR", "TRUC_TIEP"),
        signer("registrar", "Phó Giám đốc", "APPROVER", "KT"),
    ),
    "three-capacities": of_signers(
        3,
        signer("an", "Chuyên viên", "AUTHOR", "TRUC_TIEP"),
        signer("binh", "Trưởng phòng", "CHECKER", "TL"),
        signer("registrar", "Phó Giám đốc", "APPROVER", "GQ"),
    ),
    "author-alone-tuq": of_signers(4, signer("an", "Chánh Văn phòng", "AUTHOR", "TUQ")),
    "acting-and-collective": of_signers(
        5,
        signer("an", "Chủ tịch", "AUTHOR", "TM"),
        signer("registrar", "Giám đốc", "APPROVER", "Q"),
    ),
}
WAITS = ACTS["director-approves"]
AUTHOR = WAITS["signers"][0]
APPROVER = WAITS["signers"][1]


def without(member: str, of: dict[str, str]) -> dict[str, str]:
    """A signer without a member."""
    return {name: value for name, value in of.items() if name != member}


BAD_ACTS = {
    "capacity-beside-the-signers": ("unknown-member", act(6, capacity="TRUC_TIEP")),
    "author-without-capacity": (
        "missing-member",
        of_signers(7, without("capacity", AUTHOR), APPROVER),
    ),
    "approver-without-capacity": (
        "missing-member",
        of_signers(8, AUTHOR, without("capacity", APPROVER)),
    ),
    "unknown-capacity": ("value", of_signers(9, AUTHOR, {**APPROVER, "capacity": "KT."})),
    "capacity-no-text": ("type", act(10, signers=[AUTHOR, {**APPROVER, "capacity": 1}])),
    "signer-with-agency": ("unknown-member", act(11, signers=[{**AUTHOR, "agency": "a"}])),
    "form-3": ("value", act(12, v=3)),
    "form-1-without-its-capacity": (
        "missing-member",
        act(13, v=1, signers=[without("capacity", one) for one in (AUTHOR, APPROVER)]),
    ),
    "form-1-with-capacities-of-signers": ("unknown-member", act(14, v=1, capacity="TRUC_TIEP")),
    "form-1-by-giao-quyen": (
        "value",
        act(
            15, v=1, capacity="GQ",
            signers=[without("capacity", one) for one in (AUTHOR, APPROVER)],
        ),
    ),
}  # fmt: skip


def header(key: str, seq: int, role: str, prev: str | None, **more: object) -> dict[str, Any]:
    """A protected header."""
    members: dict[str, Any] = {
        "alg": "Ed25519",
        "typ": "socai-act+json",
        "kid": KEYS[key]["thumbprint"],
        "iat": IAT + 60 * seq,
        "log": LOG,
        "seq": seq,
        "role": role,
    }
    if prev is not None:
        members["prev"] = prev
    return members | more


def statement(name: str, payload: dict[str, Any], key: str, head: dict[str, Any]) -> dict[str, Any]:
    """A row: the flattened JWS and its digests."""
    protected = canonical(head)
    signing_input = f"{b64(protected.encode())}.{b64(canonical(payload).encode())}"
    secret = base64.urlsafe_b64decode(KEYS[key]["private"]["d"] + "=")
    signature = Ed25519PrivateKey.from_private_bytes(secret).sign(signing_input.encode())
    compact = f"{signing_input}.{b64(signature)}"
    return {
        "name": name,
        "key": key,
        "protected_text": protected,
        "statement": {
            "payload": b64(canonical(payload).encode()),
            "protected": b64(protected.encode()),
            "signature": b64(signature),
        },
        "stand_in": head.get("stand_in"),
        "digest": b64(hashlib.sha256(compact.encode()).digest()),
    }


def main() -> None:
    """Writes the file."""
    stand_in = {"officer": STANDS_IN, "post": "Giám đốc", "capacity": "TRUC_TIEP"}
    delegate = {**stand_in, "post": "Phó Giám đốc", "capacity": "GQ"}
    first = statement("author", WAITS, "an", header("an", 1, "AUTHOR", None))
    prev = first["digest"]

    def approving(name: str, key: str = "stranger", role: str = "APPROVER", **more: object) -> Any:  # noqa: ANN401
        return statement(name, WAITS, key, header(key, 2, role, prev, **more))

    statements = [
        first,
        approving("approver-named", "registrar"),
        approving("next-holder", stand_in=stand_in),
        approving("delegate", stand_in=delegate),
    ]
    returned = act(
        20,
        act="ActReturned",
        refers_to=WAITS["act_id"],
        facts={"reason": "Chưa rõ (hư cấu)."},
        signers=[signer("stranger", "Giám đốc", "AUTHOR", "TRUC_TIEP")],
    )
    reject = [
        ("stand-in-without-capacity", "missing-member", approving(
            "", stand_in=without("capacity", stand_in))),
        ("stand-in-with-agency", "unknown-member", approving(
            "", stand_in={**stand_in, "agency": "a"})),
        ("stand-in-blank-post", "value", approving("", stand_in={**stand_in, "post": " "})),
        ("stand-in-no-text", "type", approving("", stand_in={**stand_in, "post": 7})),
        ("stand-in-a-text", "type", approving("", stand_in=stand_in["officer"])),
        ("stand-in-empty", "value", approving("", stand_in={})),
        ("author-stands-in", "role", statement(
            "", WAITS, "stranger", header("stranger", 1, "AUTHOR", None, stand_in=stand_in))),
        ("returner-stands-in", "role", statement(
            "", returned, "stranger",
            header("stranger", 2, "RETURNER", prev, stand_in=stand_in))),
    ]  # fmt: skip
    text = {
        "section": "2, 3",
        "log": LOG,
        "acts": [
            {"name": name, "text": canonical(one),
             "sha256": hashlib.sha256(canonical(one).encode()).hexdigest()}
            for name, one in ACTS.items()
        ],
        "statements": statements,
        "reject_acts": [
            {"name": name, "reason": reason, "text": canonical(one)}
            for name, (reason, one) in BAD_ACTS.items()
        ],
        "reject": [
            {"name": name, "reason": reason, "statement": row["statement"]}
            for name, reason, row in reject
        ],
    }  # fmt: skip
    (HERE / "signing_for.json").write_text(
        json.dumps(text, ensure_ascii=False, indent=1) + "\n",  # noqa: TID251
        "utf-8",
    )


if __name__ == "__main__":
    main()
