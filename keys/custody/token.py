"""A PKCS#11 token with its user logged in, and keys that never leave it (access.md K6).

One login a process and token, shared by its threads one after the other, as PKCS#11 sessions ask;
a process that was forked off logs in for itself. What the token answers to bytes that do not open
is told apart from a token that does not answer: a card pulled out spoils no record. A refused PIN
is not tried again by itself, since three of them lock a card. Files and settings are not known
here.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pkcs11
from cryptography.exceptions import InvalidTag
from pkcs11 import exceptions as refused
from pkcs11.constants import Attribute, MechanismFlag, ObjectClass
from pkcs11.mechanisms import GCMParams, KeyType, Mechanism

from keys.custody.kek_custody import PKCS11, OnToken, is_wiped, name_on_token, on_token, remove
from keys.envelope_encryption import KEK_ID_BYTES, Kek
from keys.errors import Malformed, TokenError, TokenFault

KEK_LABEL: Final = "socai-kek"
_KEK_BITS: Final = 256
_TAG_BITS: Final = 128
_TRIED: Final = (bytes(12), bytes(32), b"socai/token-answers/1\0")
_PIN: Final = (
    refused.PinIncorrect,
    refused.PinInvalid,
    refused.PinLenRange,
    refused.PinTooWeak,
    refused.ArgumentsBad,
)
_LOCKED: Final = (refused.PinLocked, refused.PinExpired, refused.UserPinNotInitialized)
#: What a module says of bytes alone. SoftHSM says only that something failed.
_OF_BYTES: Final = (refused.EncryptedDataInvalid, refused.EncryptedDataLenRange)


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a token is looked for.

    Attributes:
        module: Path of the maker's PKCS#11 library.
        label: As the token was named when it was set up.
        serial: As the token says; empty where the label is enough.
    """

    module: str
    label: str
    serial: str = ""

    def __str__(self) -> str:
        return f"{self.label} ({self.serial})" if self.serial else self.label


class Token:
    """A token to work with; picklable, for a process that logs in by itself.

    Args:
        place: Which.
        pin: Asked at each login: when the token is first needed, and after it failed.
    """

    def __init__(self, place: TokenPlace, pin: Callable[[], bytes]) -> None:
        self.place = place
        self._pin = pin
        self._lock = threading.RLock()
        self._library = _library(place.module)
        self._session: pkcs11.Session | None = None
        self._start = 0
        self._barred: TokenError | None = None

    def __reduce__(self) -> tuple[type[Token], tuple[TokenPlace, Callable[[], bytes]]]:
        return Token, (self.place, self._pin)

    @contextmanager
    def session(self) -> Iterator[pkcs11.Session]:
        """The session, for this thread alone.

        Raises:
            TokenError: It cannot be had, or broke while it was used; the next call tries anew,
                unless the PIN was refused.
        """
        with self._lock:
            session = self._opened()
            try:
                yield session
            except refused.PKCS11Error as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Logs out."""
        with self._lock:
            session, self._session = self._session, None
            if session is not None and self._library.has_run_since(self._start):
                with suppress(refused.PKCS11Error):
                    session.close()

    @property
    def serial(self) -> str:
        """As the token says. Raises: TokenError."""
        with self.session() as session:
            return _serial(session.token)

    def _opened(self) -> pkcs11.Session:
        if self._barred is not None:
            raise self._barred
        if self._session is not None and self._library.has_run_since(self._start):
            return self._session
        self._session = None
        library, self._start = self._library.running()
        try:
            token = _find(library, self.place)
            session = _logged_in(token, self._pin().decode("utf-8"))
        except TokenError:
            self._library.broke(self._start)  # what is put in later may show only then
            raise
        except (*_PIN, UnicodeDecodeError) as error:
            self._barred = TokenError(TokenFault.PIN_WRONG, str(self.place))
            raise self._barred from error
        except _LOCKED as error:
            self._barred = TokenError(TokenFault.PIN_LOCKED, str(self.place), _word(error))
            raise self._barred from error
        except refused.PKCS11Error as error:
            raise self._failed(error) from error
        self._session = session
        return session

    def _failed(self, error: refused.PKCS11Error) -> TokenError:
        """What to raise; the next call begins with the library started anew."""
        self._session = None
        self._library.broke(self._start)
        return TokenError(TokenFault.FAILED, str(self.place), _word(error))


class _Library:
    """A maker's library in this process; it is started anew where it broke, and after a fork.

    Whoever has a session of an earlier start opens another, and nobody starts it twice for one
    break.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._process = 0
        self._start = 0
        self._broken = False

    def has_run_since(self, start: int) -> bool:
        """Whether what was opened then is still open, as far as this process did."""
        return self._start == start and self._process == os.getpid() and not self._broken

    def broke(self, start: int) -> None:
        """It failed to whoever opened it then."""
        with self._lock:
            self._broken = self._broken or self._start == start

    def running(self) -> tuple[Any, int]:
        """The library, and the number of this start. Raises: TokenError."""
        with self._lock:
            try:
                library = pkcs11.lib(self._module)
                if self._start and (self._broken or self._process != os.getpid()):
                    library.reinitialize()
            except refused.PKCS11Error as error:
                raise TokenError(TokenFault.NO_MODULE, self._module, str(error)) from error
            if not self._start or self._broken or self._process != os.getpid():
                self._start += 1
            self._process, self._broken = os.getpid(), False
            return library, self._start


@cache
def _library(module: str) -> _Library:
    return _Library(module)


def _find(library: Any, place: TokenPlace) -> pkcs11.Token:  # noqa: ANN401  the binding's own class
    every = [
        token
        for token in library.get_tokens(token_label=place.label)
        if place.serial in {"", _serial(token)}
    ]
    if not every:
        raise TokenError(TokenFault.ABSENT, str(place))
    if len(every) > 1:
        raise TokenError(TokenFault.AMBIGUOUS, str(place))
    found: pkcs11.Token = every[0]
    return found


def _logged_in(token: pkcs11.Token, pin: str) -> pkcs11.Session:
    try:
        return token.open(rw=True, user_pin=pin)
    except refused.UserAlreadyLoggedIn:  # by another session of this process
        return token.open(rw=True)


def _serial(token: pkcs11.Token) -> str:
    return token.serial.decode("ascii", "replace").strip()


def _word(error: Exception) -> str:
    return str(error) or type(error).__name__


class HeldKek:
    """An AES key on a token, by its id; implements `HeldKey`.

    Args:
        token: Where it is.
        kek_id: CKA_ID of the key.
    """

    def __init__(self, token: Token, kek_id: bytes) -> None:
        self.token = token
        self.kek_id = kek_id
        self._found: tuple[pkcs11.Session, pkcs11.SecretKey] | None = None

    def __reduce__(self) -> tuple[type[HeldKek], tuple[Token, bytes]]:
        return HeldKek, (self.token, self.kek_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HeldKek) and self._named == other._named

    def __hash__(self) -> int:
        return hash(self._named)

    @property
    def _named(self) -> tuple[TokenPlace, bytes]:
        return self.token.place, self.kek_id

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Ciphertext and tag. Raises: TokenError."""
        with self.token.session() as session:
            return _encrypt(self._key(session), nonce, data, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """The plaintext.

        Raises:
            InvalidTag: Not made with this key, or changed bytes.
            TokenError: The token does not answer, which says nothing of the bytes.
        """
        with self.token.session() as session:
            key = self._key(session)
            try:
                return _decrypt(key, nonce, data, associated_data)
            except _OF_BYTES as error:
                raise InvalidTag from error
            except (refused.GeneralError, refused.FunctionFailed) as error:
                # It failed and does not say why: a token that works is asked for something it can.
                tried, plain, aad = _TRIED
                if _decrypt(key, tried, _encrypt(key, tried, plain, aad), aad) != plain:
                    raise
                raise InvalidTag from error

    def _key(self, session: pkcs11.Session) -> pkcs11.SecretKey:
        if self._found is None or self._found[0] is not session:
            self._found = session, _kek(session, self.kek_id, self.token.place)
        return self._found[1]


def _encrypt(key: Any, nonce: bytes, data: bytes, aad: bytes) -> bytes:  # noqa: ANN401  as found
    how = GCMParams(nonce, aad, _TAG_BITS)
    return bytes(key.encrypt(data, mechanism=Mechanism.AES_GCM, mechanism_param=how))


def _decrypt(key: Any, nonce: bytes, data: bytes, aad: bytes) -> bytes:  # noqa: ANN401  as found
    how = GCMParams(nonce, aad, _TAG_BITS)
    return bytes(key.decrypt(data, mechanism=Mechanism.AES_GCM, mechanism_param=how))


def _keks(session: pkcs11.Session, kek_id: bytes) -> list[pkcs11.SecretKey]:
    sought = {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: KeyType.AES,
        Attribute.ID: kek_id,
    }
    return [key for key in session.get_objects(sought) if isinstance(key, pkcs11.SecretKey)]


def _kek(session: pkcs11.Session, kek_id: bytes, place: TokenPlace) -> pkcs11.SecretKey:
    """The one key of that id, if it is one that stays where it is."""
    named = f"{kek_id.hex()}, {place}"
    every = _keks(session, kek_id)
    if not every:
        raise TokenError(TokenFault.KEY_ABSENT, named)
    if len(every) > 1:
        raise TokenError(TokenFault.KEY_AMBIGUOUS, named)
    key = every[0]
    if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE] or key.key_length != _KEK_BITS:
        raise TokenError(TokenFault.KEY_UNFIT, named)
    return key


_STAYS: Final = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.MODIFIABLE: False,
    Attribute.ENCRYPT: True,
    Attribute.DECRYPT: True,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.LABEL: KEK_LABEL,
}


def make_kek(token: Token) -> Kek:
    """A new key, drawn on the token; durable there on return. Raises: TokenError."""
    kek_id = os.urandom(KEK_ID_BYTES)
    with token.session() as session:
        session.generate_key(
            KeyType.AES,
            _KEK_BITS,
            id=kek_id,
            label=KEK_LABEL,
            store=True,
            capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
            template=_STAYS,
        )
    return held(token, kek_id)


def keep_kek(token: Token, kek: Kek) -> Kek:
    """Puts a key that custodians recovered on a token, from where it is not taken out again.

    Raises:
        TokenError: Also where the token has a key of that id.
        NotExtractable: It is on a token.
    """
    secret = kek.secret()
    with token.session() as session:
        if _keks(session, kek.kek_id):
            raise TokenError(TokenFault.KEY_AMBIGUOUS, f"{kek.kek_id.hex()}, {token.place}")
        session.create_object(
            {
                **_STAYS,
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.AES,
                Attribute.ID: kek.kek_id,
                Attribute.VALUE: secret,
            }
        )
    return held(token, kek.kek_id)


def held(token: Token, kek_id: bytes) -> Kek:
    """A key that is on the token. Raises: TokenError: it is not, or could be taken out."""
    key = HeldKek(token, kek_id)
    with token.session() as session:
        key._key(session)  # noqa: SLF001  what is not there is said now, not at the first act
    return Kek(kek_id, key)


def destroy_kek(token: Token, kek_id: bytes) -> None:
    """Destroys it on the token; safe to repeat. Raises: TokenError."""
    with token.session() as session:
        for key in _keks(session, kek_id):
            key.destroy()


class TokenCustody:
    """KEKs on one token; implements `KekCustody`.

    Args:
        token: Where keys are made, and looked for.
    """

    def __init__(self, token: Token) -> None:
        self._token = token

    @property
    def name(self) -> str:
        """`PKCS11`."""
        return PKCS11

    def make(self, path: Path, *, like: Path | None = None) -> Kek:  # noqa: ARG002  the port's
        """A new KEK, drawn on the token: it has never been anywhere else."""
        _refuse_what_is_there(path)
        return self._named(path, make_kek(self._token))

    def keep(self, path: Path, kek: Kek) -> Kek:
        """Puts a KEK on the token, from where it is not taken out again."""
        _refuse_what_is_there(path)
        return self._named(path, keep_kek(self._token, kek))

    def open(self, path: Path) -> Kek:
        """As the port says; of another token than the file names it opens nothing."""
        return held(self._token, self._there(path).kek_id)

    def destroy(self, path: Path) -> None:
        """As the port says."""
        with suppress(FileNotFoundError):
            if not is_wiped(path):  # the key went before its file did
                destroy_kek(self._token, self._there(path).kek_id)
        remove(path)  # it holds no secret: it is whole, or gone, and either can be run again

    def _there(self, path: Path) -> OnToken:
        there = on_token(path)
        if there is None:
            raise Malformed(f"{path.name} holds its key itself")
        if there.serial != self._token.serial:
            named = str(TokenPlace(self._token.place.module, there.label, there.serial))
            raise TokenError(TokenFault.ABSENT, named)
        return there

    def _named(self, path: Path, kek: Kek) -> Kek:
        serial, label = self._token.serial, self._token.place.label
        name_on_token(path, OnToken(kek.kek_id, label, serial))
        return kek


def _refuse_what_is_there(path: Path) -> None:
    """Before a key is made that nothing would name."""
    if path.exists():
        raise FileExistsError(path)
