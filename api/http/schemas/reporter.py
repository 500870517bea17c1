"""The reporters' compartment: what intake seals, letters, openings (http.md §3)."""

from __future__ import annotations

from typing import Final

from marshmallow import fields, validate

from api.http.schemas.base import MOMENT, UUID, AnswerSchema, StrictSchema, choice, pattern, text

_B64: Final = r"[A-Za-z0-9_-]+"
TOKEN: Final = rf"sealed:{UUID}"
LETTERS: Final = (
    "sent",
    "waits",
    "no_address",
    "no_consent",
    "unknown",
    "refused",
    "unreachable",
    "unsure",
    "malformed_identity",
    "unreadable",
)


def _b64(description: str, most: int, *, least: int = 1) -> fields.String:
    return fields.String(
        required=True,
        validate=[validate.Regexp(rf"^{_B64}\Z"), validate.Length(least, most)],
        metadata={"description": description, "pattern": f"^{_B64}$"},
    )


class SealingKeySchema(StrictSchema):
    """A public key to seal to, as JWK."""

    kty = choice(("AKP",), "Kind of key.", required=True)
    alg = choice(("MLKEM768-X25519",), "KEM of HPKE (formats.md §5).", required=True)
    pub = _b64("1,216 bytes.", 1_622)


class ReporterKeysSchema(AnswerSchema):
    """What intake seals to; the private halves are with no server."""

    contact = fields.Nested(
        SealingKeySchema, required=True, metadata={"description": "The vault's."}
    )
    identity = fields.Nested(
        SealingKeySchema,
        required=True,
        metadata={"description": "That of two of three custodians."},
    )


class SealedPartSchema(StrictSchema):
    """A part of an identity (formats.md §5)."""

    state = _b64("Sealed and padded: 1,053, 4,125 or 16,413 bytes.", 21_884)
    wrap = _b64("Its key, for one key of R: 1,185 bytes.", 1_580)


class IdentitySaidSchema(StrictSchema):
    """Who reported, in the open: sealed as it arrives, for a client that cannot seal."""

    name = text("Name.")
    address = text("Address.")
    phone = text("Telephone.")
    email = text("One plain address.")
    recording = text("Where a recording is kept.")
    writing = text("Where a writing is kept.")
    contact_consent = fields.Boolean(
        required=True, metadata={"description": "Whether they want to be written to."}
    )
    language = choice(("vi", "en"), "In which they are written to; `vi` if left out.")


class ReporterRequestSchema(StrictSchema):
    """An identity for R: sealed (`item`, `token`, `contact`, `identity`), or `said` alone."""

    case = pattern(UUID, "uuid of the case.", required=True)
    item = pattern(UUID, "Random: the act's `vault_item`.")
    token = pattern(TOKEN, "Random for this case and person: the act's `reporter`.")
    contact = fields.Nested(SealedPartSchema)
    identity = fields.Nested(SealedPartSchema)
    said = fields.Nested(IdentitySaidSchema)


class ReporterKeptSchema(AnswerSchema):
    """What ReporterIdentitySealed names now."""

    item = pattern(UUID, "`vault_item` of the act.", required=True)
    token = pattern(TOKEN, "`reporter` of the act.", required=True)


class LetterSchema(AnswerSchema):
    """What became of a letter. Nothing of the address, nor of what the mail server said."""

    act_id = pattern(UUID, "The act that says what is told.", required=True)
    outcome = choice(LETTERS, "`sent`, `waits`, or why not.", required=True)
    outcome_vi = text("In Vietnamese.", required=True)
    outcome_en = text("In English.", required=True)


class ShareRequestSchema(StrictSchema):
    """A custodian's share, sealed to the vault for this act (formats.md §9)."""

    share = _b64("Sealed where the custodian sits.", 16_384)


class OpeningSchema(AnswerSchema):
    """How far an opening has come."""

    act_id = pattern(UUID, "The disclosing act.", required=True)
    outcome = choice(("one_of_two", "open"), "Whether it is open.", required=True)
    until = pattern(MOMENT, "When it is over, where it is open.")
    notice = choice(
        ("sent", "law_forbids", "no_address", "refused", "unreachable", "unsure"),
        "What became of the notice to the reporter, where this share opened.",
    )


class LookRequestSchema(StrictSchema):
    """A look at what is open, by the act's author."""

    key = _b64("Public half of a key made for this look alone, 1,216 bytes.", 1_622)
    signature = _b64("Of the key that signed the act, over this look (formats.md §9).", 4_500)


class LookSchema(AnswerSchema):
    """What may be shown, sealed to the key of the look: this server cannot read it."""

    act_id = pattern(UUID, "The disclosing act.", required=True)
    sealed = _b64("`enc || ct` (formats.md §5).", 32_768)
    until = pattern(MOMENT, "When it is over.", required=True)
