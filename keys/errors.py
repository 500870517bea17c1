"""What can go wrong with keys, signatures and signed bytes, named by whose move it is.

Nothing here knows an act, a log or HTTP; `ledger` translates at its border.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Carried(Exception):
    """Comes whole to another process, whatever its constructor asks for.

    Python makes an error anew from the text that it says, which fails there, and whoever waits for
    a pool of processes is told that the pool is broken instead of what happened in it.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """By what it holds, and not by its constructor."""
        return _carried, (type(self), self.args, vars(self))


def _carried(kind: type[Carried], said: tuple[object, ...], holds: Mapping[str, object]) -> Carried:
    error = kind.__new__(kind, *said)  # says what it said: no constructor runs
    vars(error).update(holds)
    return error


class KeysError(Carried):
    """Root of everything this package raises on purpose."""


class NotCanonical(KeysError):
    """The bytes fail the test at the door (formats.md §1); the text says which rule."""


class Malformed(KeysError):
    """A key, note, key file or base64 text is not in its one allowed form."""


class UnknownKey(KeysError):
    """The key is not enrolled, not yet or no longer valid."""


class RetiredKey(UnknownKey):
    """The key was enrolled and has been revoked."""


class InvalidSignature(KeysError):
    """The signature does not verify over these bytes with this key."""


class WrongCustody(KeysError):
    """A service key where an officer's is needed, or the other way round."""


class Unsealable(KeysError):
    """Wrong passphrase, wrong key or changed bytes: which of them cannot be told apart."""


class WrongPassphrase(Unsealable):
    """A key file does not open with what was given as its passphrase, or its bytes were changed.

    Args:
        name: Of the file.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.name} does not open: wrong passphrase, or the file was changed"


class SharesDiffer(Unsealable):
    """Two shares that open nothing together: of two splits, or both of one custodian."""


class NotExtractable(Unsealable):
    """The bytes of a key are asked for that does not leave its token."""


class TokenFault(StrEnum):
    """Why a PKCS#11 token does not work; whose move it is differs."""

    NO_LIBRARY = "no_library"
    NO_MODULE = "no_module"
    ABSENT = "token_absent"
    AMBIGUOUS = "token_ambiguous"
    PIN_WRONG = "pin_wrong"
    PIN_LOCKED = "pin_locked"
    KEY_ABSENT = "key_absent"
    KEY_AMBIGUOUS = "key_ambiguous"
    KEY_UNFIT = "key_unfit"
    FAILED = "token_failed"


class KeyAway(Carried):
    """What holds a key cannot be asked now: a token, or a file that is gone or half written.

    It says nothing about any bytes, so it is no `KeysError`: whoever takes what does not open for
    damaged must never take a key that is away for that.
    """


class TokenError(KeyAway):
    """The token does not work: not there, locked, pulled out.

    Attributes:
        fault: What is wrong.
        named: The token, key or module it is about.
        detail: The module's own word; empty where it has none.
    """

    def __init__(self, fault: TokenFault, named: str, detail: str = "") -> None:
        super().__init__(f"{fault}: {named}" + (f" ({detail})" if detail else ""))
        self.fault = fault
        self.named = named
        self.detail = detail
