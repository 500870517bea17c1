"""What can go wrong with keys, signatures and signed bytes, named by whose move it is.

Nothing here knows an act, a log or HTTP; `ledger` translates at its border.
"""

from __future__ import annotations


class KeysError(Exception):
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
