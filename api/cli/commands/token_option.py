"""`--token`: an officer's key on a PKCS#11 token; its PIN is typed, or comes by a descriptor.

A token is named by its label, or by a PKCS#11 URI (RFC 7512) where it has several keys. A PIN is
never a word of the command nor in the environment: others on the machine read those.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

import click

from api.cli.terminal.shell import misuse, shell_of, typed_unseen
from api.ops.custody import module_of, require_library
from api.settings import Settings
from keys.signer import Signer
from ledger.message import Message

_SCHEME: Final = "pkcs11:"
_KNOWN: Final = frozenset({"token", "serial", "object", "id", "type"})
_PIN_BYTES: Final = 1_024
_PINS: Final = "socai pins"


@dataclass(frozen=True, slots=True)
class TokenName:
    """A token, and a key on it.

    Attributes:
        label: Of the token.
        serial: Of the token; empty where the label is enough.
        key_label: Of the key; None where it is the only one, or named by its id.
        key_id: Its CKA_ID; None likewise.
    """

    label: str
    serial: str = ""
    key_label: str | None = None
    key_id: bytes | None = None


class TokenUri(click.ParamType[TokenName]):
    """The label of a token, or `pkcs11:token=…;object=…` as RFC 7512 has it."""

    name = "token"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,  # noqa: ARG002  click's signature
        ctx: click.Context | None,  # noqa: ARG002  click's signature
    ) -> TokenName:
        """What was typed."""
        text = str(value)
        if not text.startswith(_SCHEME):
            return TokenName(text)
        path, _, query = text.removeprefix(_SCHEME).partition("?")
        if "pin" in query:
            misuse(
                Message(
                    "Nothing was done: a PIN is never a word of a command, where others read it;"
                    " leave it out, and type it or name a descriptor with --pin-fd."
                )
            )
        parts = {name: value for name, _, value in (one.partition("=") for one in path.split(";"))}
        if query or not parts.get("token") or not parts.keys() <= _KNOWN:
            misuse(
                Message(
                    "Nothing was done: {uri} names no token; write its label, or"
                    " pkcs11:token=LABEL;object=KEY.",
                    uri=text,
                )
            )
        key_id = parts.get("id")
        return TokenName(
            unquote(parts["token"]),
            unquote(parts.get("serial", "")),
            unquote(parts["object"]) if "object" in parts else None,
            None if key_id is None else unquote_to_bytes(key_id),
        )


def pin_option(command: Any) -> Any:  # noqa: ANN401  click's own
    """`--pin-fd N`, for who types no PIN; `token_pin` reads it."""
    option = click.option(
        "--pin-fd",
        type=click.IntRange(min=0),
        default=None,
        expose_value=False,
        callback=_note_pins,
        help="Descriptor to read the token's PIN from, a line each; asked for if left out.",
    )
    return option(command)


def _note_pins(context: click.Context, _option: click.Parameter, given: int | None) -> None:
    context.meta[_PINS] = given


def token_pin(label: str) -> bytes:
    """The PIN of a token: a line of `--pin-fd`, or what the person at the terminal types."""
    descriptor = click.get_current_context().meta.get(_PINS)
    if descriptor is not None:
        return _line(descriptor)
    prompt = shell_of().text(Message("PIN of the token {token}", token=label))
    try:
        text = typed_unseen(prompt)
    except click.Abort:
        misuse(
            Message(
                "Nothing was done: nobody typed the PIN of the token {token}. Type it, or name a"
                " descriptor with --pin-fd.",
                token=label,
            )
        )
    return text.encode()


def _line(descriptor: int) -> bytes:
    """Byte by byte: what follows is the next token's."""
    line = b""
    try:
        while len(line) < _PIN_BYTES and (byte := os.read(descriptor, 1)) not in {b"", b"\n"}:
            line += byte
    except OSError:
        misuse(
            Message(
                "Nothing was done: descriptor {number} of --pin-fd cannot be read; open one, as in"
                " --pin-fd 3 3<FILE.",
                number=descriptor,
            )
        )
    return line.rstrip(b"\r")


def signer_on_token(settings: Settings, named: TokenName) -> Signer:
    """The officer's key on a token.

    Raises:
        TokenError: No library or module, no such token or key, or a wrong PIN.
    """
    require_library()
    from keys.custody.token import Token, TokenPlace  # noqa: PLC0415  the extra pkcs11
    from keys.custody.token_signer import Sought, signer_on  # noqa: PLC0415  the extra pkcs11

    place = TokenPlace(module_of(settings), named.label, named.serial)
    token = Token(place, lambda: token_pin(named.label))
    return signer_on(token, Sought(named.key_label, named.key_id))


def new_on_token(settings: Settings, named: TokenName, alg: str) -> Signer:
    """A new key of an officer, drawn on the token. Raises: TokenError."""
    require_library()
    from keys.custody.token import Token, TokenPlace  # noqa: PLC0415  the extra pkcs11
    from keys.custody.token_signer import LABEL, make_signer  # noqa: PLC0415  the extra pkcs11

    place = TokenPlace(module_of(settings), named.label, named.serial)
    token = Token(place, lambda: token_pin(named.label))
    return make_signer(token, alg, named.key_label or LABEL)
