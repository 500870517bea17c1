"""What custodians bring to a ceremony: public halves, shares, and the keys that open them.

Whatever is no such file is said in one sentence, before anything is done. What is put together,
and for what, is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from api.cli.commands.signer_options import kept_or_asked
from api.cli.terminal.shell import MISUSED, Refusal, misuse
from api.settings import Settings
from keys import canonical, shares
from keys.custody import file
from keys.errors import KeysError, SharesDiffer
from keys.hpke import ALG, OpeningKey, SealingKey
from keys.keyring import Keyring
from keys.shares import CUSTODIANS, Share
from ledger.message import Message

FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
TWO_SHARES: Final = click.argument("share", type=FILE, nargs=2)
THEIR_KEYS: Final = click.option(
    "--key",
    "keys",
    type=FILE,
    multiple=True,
    required=True,
    metavar="FILE",
    help="A custodian's key; two of them, in any order.",
)
_LIMIT: Final = 65_536


def custodians_of(publics: Sequence[Path]) -> tuple[SealingKey, ...]:
    """The three to whom a secret is split, from their public halves."""
    read = tuple(map(_public, publics))
    if len(read) != CUSTODIANS or len({key.kid for key in read}) != CUSTODIANS:
        misuse(
            Message(
                "Nothing was split: name the public halves of three custodians, each with a key of"
                " their own."
            )
        )
    for path, key in zip(publics, read, strict=True):
        if Keyring.is_test_key(key.kid):
            misuse(
                Message(
                    "Nothing was split: {file} is a test key, whose private half is published.",
                    file=path,
                )
            )
    return read


def _public(path: Path) -> SealingKey:
    try:
        return SealingKey.from_jwk(canonical.parse(_bytes(path).removesuffix(b"\n")))
    except KeysError as error:
        text = Message(
            "Nothing was split: {file} is not the public half of a custodian's key ({error}).",
            file=path,
            error=error,
        )
        raise Refusal(text, MISUSED, "no_custodian") from error


def share_of(path: Path) -> Share:
    """A custodian's share."""
    try:
        return Share.parse(_bytes(path).removesuffix(b"\n"))
    except KeysError as error:
        text = Message(
            "Nothing was opened: {file} is not a custodian's share ({error}).",
            file=path,
            error=error,
        )
        raise Refusal(text, MISUSED, "no_share") from error


def _bytes(path: Path) -> bytes:
    with path.open("rb") as there:
        return there.read(_LIMIT + 2)


def recovered(settings: Settings, paths: Sequence[Path], keys: Sequence[Path]) -> bytes:
    """The secret of two shares, with the keys of their custodians in any order."""
    read = [share_of(path) for path in paths]
    if len(keys) != len(read):
        misuse(Message("Nothing was opened: name the keys of two custodians, by --key twice."))
    by_kid = {key.kid: key for key in (_custodians_key(settings, path) for path in keys)}
    for path, one in zip(paths, read, strict=True):
        if one.to not in by_kid:
            misuse(
                Message(
                    "Nothing was opened: neither --key is of the custodian whose share {file} is.",
                    file=path,
                )
            )
    try:
        return shares.recover([(one, by_kid[one.to]) for one in read])
    except SharesDiffer as error:
        text = Message(
            "Nothing was opened: the two shares open nothing together. They must be of one split,"
            " and of two custodians; after a new split the old ones are void."
        )
        raise Refusal(text, MISUSED, "shares_differ") from error
    except KeysError as error:
        text = Message(
            "Nothing was opened: a share was changed, or made by somebody who does not know the"
            " secret. Ask the third custodian."
        )
        raise Refusal(text, MISUSED, "share_forged") from error


def _custodians_key(settings: Settings, path: Path) -> OpeningKey:
    if file.public_part(path).alg != ALG:
        misuse(Message("Nothing was opened: {file} is no custodian's key.", file=path))
    return kept_or_asked(settings, path, file.read_opening_key)
