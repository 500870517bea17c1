"""Who may verify what at which index, and the verdicts of formats.md §9.

The registry enrols and revokes; this file remembers by index, so that a signature is judged as the
log stood when it was recorded and never as it stands today. Today's date is not known here: it is
given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

import orjson

from keys import jwk as jwks
from keys.errors import Malformed, RetiredKey, UnknownKey, WrongCustody
from keys.signer import PublicKey

SERVICE: Final = "SERVICE"


class Verdict(StrEnum):
    """What a reader is told about a signature (formats.md §9); a report, never control flow."""

    VALID = "VALID"
    VALID_KEY_SINCE_REVOKED = "VALID_KEY_SINCE_REVOKED"
    DISPUTED = "DISPUTED"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    WRONG_SIGNER = "WRONG_SIGNER"
    ERASED = "ERASED"
    AGAINST_THE_RULES = "AGAINST_THE_RULES"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One enrolled key, and its end if it has one.

    Attributes:
        officer: Officer id; None for a service key.
        kid: Thumbprint.
        jwk: Public key.
        custody: `SOFTWARE`, `BROWSER`, `PKCS11` or `SERVICE`.
        valid_from: First instant of validity.
        valid_to: First instant after validity; None without an end.
        enrolled_index: Record at which the enrolment took effect.
        revoked_index: Record at which the revocation took effect.
        revoked_recorded_at: When that record was taken.
        invalid_from: From when the key is not to be trusted, as the revocation says, or one after
            it that dates it back.
        reason: Why it was revoked.
        doubted_index: Record that said `invalid_from`.
        doubted_recorded_at: When that record was taken.
    """

    officer: str | None
    kid: str
    jwk: Mapping[str, str]
    custody: str
    valid_from: datetime
    valid_to: datetime | None
    enrolled_index: int
    revoked_index: int | None = None
    revoked_recorded_at: datetime | None = None
    invalid_from: datetime | None = None
    reason: str | None = None
    doubted_index: int | None = None
    doubted_recorded_at: datetime | None = None

    @property
    def is_service(self) -> bool:
        """Whether only service statements may be signed with it."""
        return self.custody == SERVICE

    def known_at(self, index: int) -> bool:
        """Enrolled before record `index`. Record 0 is signed by the key that it enrols itself."""
        return self.enrolled_index < index or self.enrolled_index == index == 0

    def revoked_at(self, index: int) -> bool:
        """Revoked before record `index`; the revocation itself may still be signed with it."""
        return self.revoked_index is not None and self.revoked_index < index

    def disputes(self, recorded_at: datetime) -> bool:
        """Whether what was recorded then is disputed: the key was no longer to be trusted."""
        return self.invalid_from is not None and self.invalid_from <= recorded_at

    def valid_at(self, at: datetime) -> bool:
        """Inside its validity."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class Keyring:
    """Every key ever enrolled in one log, by kid; loaded keys are kept."""

    def __init__(self) -> None:
        self._lines: dict[str, KeyRecord] = {}
        self._loaded: dict[str, PublicKey] = {}

    def copy(self) -> Keyring:
        """An independent keyring; lines are frozen, and loaded keys are shared."""
        other = Keyring()
        other._lines = dict(self._lines)
        other._loaded = self._loaded
        return other

    def enrol(self, line: KeyRecord) -> None:
        """Adds a key.

        Raises:
            Malformed: The JWK is not strict, the kid is not its thumbprint, or the kid is enrolled
                already.
        """
        if jwks.thumbprint(line.jwk) != line.kid:
            raise Malformed("kid is not the thumbprint of the key")
        if line.kid in self._lines:
            raise Malformed(f"key {line.kid} is enrolled already")
        if line.kid not in self._loaded:
            self._loaded[line.kid] = jwks.public_key(line.jwk)
        self._lines[line.kid] = line

    def revoke(
        self,
        kid: str,
        officer: str | None,
        index: int,
        recorded_at: datetime,
        invalid_from: datetime,
        reason: str | None = None,
    ) -> None:
        """Ends a key from record `index` on; a second revocation changes nothing.

        Raises:
            UnknownKey: Not enrolled, or another officer's.
        """
        line = self._lines.get(kid)
        if line is None or line.officer != officer:
            raise UnknownKey(f"key {kid} is not enrolled for this officer")
        if line.revoked_index is None:
            self._lines[kid] = replace(
                line,
                revoked_index=index,
                revoked_recorded_at=recorded_at,
                invalid_from=invalid_from,
                reason=reason,
                doubted_index=index,
                doubted_recorded_at=recorded_at,
            )

    def date_back(
        self, kid: str, index: int, recorded_at: datetime, invalid_from: datetime
    ) -> None:
        """Distrusts a revoked key from earlier on; what is no earlier changes nothing.

        It has ended where it was revoked first: whoever had it may have revoked it themselves.
        """
        line = self._lines[kid]
        if line.invalid_from is not None and invalid_from < line.invalid_from:
            self._lines[kid] = replace(
                line,
                invalid_from=invalid_from,
                doubted_index=index,
                doubted_recorded_at=recorded_at,
            )

    def __contains__(self, kid: object) -> bool:
        return kid in self._lines

    def line(self, kid: str) -> KeyRecord | None:
        """The key's line, revoked or not."""
        return self._lines.get(kid)

    def lines(self, officer: str | None = None) -> tuple[KeyRecord, ...]:
        """The keys of an officer in the order of enrolment; of everybody where none is named."""
        every = self._lines.values()
        return tuple(line for line in every if officer is None or line.officer == officer)

    def key(self, kid: str) -> PublicKey:
        """The verifying key of an enrolled kid, revoked or not. Raises: UnknownKey."""
        if kid not in self._lines:
            raise UnknownKey(f"key {kid} is not enrolled")
        return self._loaded[kid]

    def usable(
        self, kid: str, *, index: int | None, at: datetime, service: bool | None = None
    ) -> KeyRecord:
        """The line of a key that may sign at `at`, as the log stood before record `index`.

        Args:
            kid: The key's id.
            index: Index the statement takes or took; None for the end of the log.
            at: When the statement is taken.
            service: True or False to demand a service key or an officer's.

        Raises:
            UnknownKey: Not enrolled by then, or outside its validity.
            RetiredKey: Revoked by then.
            WrongCustody: A service key where an officer's is needed, or the reverse.
        """
        line = self._lines.get(kid)
        if line is None or (index is not None and not line.known_at(index)):
            raise UnknownKey(f"key {kid} is not enrolled")
        if self.retired(kid, index=index):
            raise RetiredKey(f"key {kid} is revoked")
        if not line.valid_at(at):
            raise UnknownKey(f"key {kid} is outside its validity")
        if service is not None and line.is_service is not service:
            raise WrongCustody(f"key {kid} has custody {line.custody}")
        return line

    def retired(self, kid: str, *, index: int | None = None) -> bool:
        """Whether the key was revoked before record `index`; by now where no index is given."""
        line = self._lines.get(kid)
        if line is None:
            return False
        return line.revoked_index is not None if index is None else line.revoked_at(index)

    def judge(
        self,
        kid: str,
        *,
        officer: str | None,
        index: int,
        recorded_at: datetime,
        signature_ok: bool,
    ) -> Verdict:
        """The verdict on a recorded signature (formats.md §9).

        Args:
            kid: Key named in the statement's header.
            officer: Officer who should have signed; None for a service statement.
            index: Index of the record in the log.
            recorded_at: When the record was taken; before and after are by this, not by `iat`.
            signature_ok: Whether the signature verified with that key.
        """
        line = self._lines.get(kid)
        if line is None or not line.known_at(index):
            return Verdict.UNKNOWN_KEY
        if not signature_ok:
            return Verdict.INVALID_SIGNATURE
        if line.revoked_at(index) or not line.valid_at(recorded_at):
            return Verdict.UNKNOWN_KEY
        if line.officer != officer:
            return Verdict.WRONG_SIGNER
        if line.invalid_from is None:
            return Verdict.VALID
        return Verdict.DISPUTED if line.disputes(recorded_at) else Verdict.VALID_KEY_SINCE_REVOKED

    @staticmethod
    def is_test_key(kid: str) -> bool:
        """Whether the private part is printed in the test vectors: no deployment may enrol it."""
        return kid in _test_kids()


@cache
def _test_kids() -> frozenset[str]:
    table = resources.files("keys").joinpath("data", "test-keys.json").read_bytes()
    return frozenset(orjson.loads(table)["kids"])
