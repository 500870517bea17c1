"""Which custody keeps the KEKs of a home: its own `.socaikek` says so (access.md K5, K6)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from api.home import Home
from api.settings import Settings, SettingsError
from keys.custody.kek_custody import FILE, PKCS11, FileCustody, KekCustody, on_token
from keys.errors import KeysError, TokenError, TokenFault
from ledger.message import Message

CUSTODIES: Final = (FILE.lower(), PKCS11.lower())


def custody_of(settings: Settings, path: Path) -> KekCustody:
    """What keeps the KEK that a `.socaikek` names.

    Raises:
        KeysError: It is no such file.
        TokenError: Of a token, which nobody named a module for.
        OSError: It cannot be read.
    """
    there = on_token(path)
    if there is None:
        return FileCustody(Home(settings).passphrase)
    return token_custody(settings, there.label, there.serial)


def token_custody(settings: Settings, label: str, serial: str = "") -> KekCustody:
    """Custody on a token, opened with the PIN in `SOCAI_PKCS11_PIN_FILE`.

    Raises:
        SettingsError: No PIN file is named.
        TokenError: No module is named, or the extra is not installed.
    """
    require_library()
    from keys.custody.token import Token, TokenCustody, TokenPlace  # noqa: PLC0415  the extra

    if settings.pkcs11_pin_file is None:
        raise SettingsError(
            Message(
                "the KEK is on the token {label}: name a file with its PIN in"
                " SOCAI_PKCS11_PIN_FILE",
                label=label,
            )
        )
    place = TokenPlace(module_of(settings), label, serial)
    return TokenCustody(Token(place, Home(settings).token_pin))


def module_of(settings: Settings) -> str:
    """The maker's library. Raises: TokenError: `SOCAI_PKCS11_MODULE` names none."""
    if settings.pkcs11_module is None:
        raise TokenError(TokenFault.NO_MODULE, "SOCAI_PKCS11_MODULE")
    return str(settings.pkcs11_module)


def require_library() -> None:
    """Raises: TokenError: the extra `pkcs11` is not installed."""
    if find_spec("pkcs11") is None:
        raise TokenError(TokenFault.NO_LIBRARY, "socai[pkcs11]")


def custody_name(settings: Settings) -> str | None:
    """`FILE` or `PKCS11`, without opening anything; None where no KEK is here."""
    try:
        return FILE if on_token(Home(settings).key_path("kek")) is None else PKCS11
    except (KeysError, OSError):
        return None
