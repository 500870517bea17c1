"""Signing in (http.md §2)."""

from __future__ import annotations

from api.http.schemas.base import (
    DIGEST,
    MOMENT,
    AnswerSchema,
    StrictSchema,
    choice,
    pattern,
    text,
    whole,
)


class ChallengeRequestSchema(StrictSchema):
    """Whose key will answer."""

    kid = pattern(DIGEST, "Thumbprint (RFC 7638) of the officer's key.", required=True)


class ChallengeSchema(AnswerSchema):
    """To be signed within two minutes, once."""

    challenge = pattern(DIGEST, "32 random bytes, base64url.", required=True)
    expires_at = pattern(MOMENT, "Goes into the sign-in payload as it is.", required=True)


class TokenSchema(AnswerSchema):
    """A short-lived bearer token."""

    access_token = text("For `Authorization: Bearer`.", required=True)
    token_type = choice(("Bearer",), "Always Bearer.", required=True)
    expires_in = whole("Seconds.", required=True)
    officer = text("uuid of the officer signed in.", required=True)
    kid = pattern(DIGEST, "The key that signed in.", required=True)
