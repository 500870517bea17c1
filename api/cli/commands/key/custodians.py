"""For custodians of keys, on a host without a network: split a secret, and open it by two of three.

What is done leaves an act to be signed, as a draft (access.md A21); which secret it is of, and what
it opens, is told by its id alone. Splitting itself is `keys.shares`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import click

from api.cli.commands.key.custodian_files import (
    FILE,
    THEIR_KEYS,
    TWO_SHARES,
    custodians_of,
    recovered,
    share_of,
)
from api.cli.commands.signer_options import kept_or_asked, passphrase
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import MISUSED, Refusal, Shell, dumped, misuse, options, shell_of
from api.ops.custody import CUSTODIES, token_custody
from api.settings import Settings
from keys import canonical, shares
from keys.custody import file, kek_custody
from keys.custody.kek_custody import FileCustody, on_token
from keys.envelope_encryption import Kek
from keys.errors import KeysError
from keys.hpke import ALG, OpeningKey, SealingKey
from keys.shares import CUSTODIANS, Named, Share
from ledger.message import Message

ENDING: Final = ".socaishare"
_LIMIT: Final = 65_536

_CEREMONY: Final = (
    click.option(
        "--device", required=True, metavar="TEXT", help="Statement on the device it was done on."
    ),
    click.option("--minutes", required=True, metavar="NUMBER", help="Number of the minutes."),
    click.option(
        "--act",
        "draft",
        type=click.Path(path_type=Path),
        required=True,
        help="Where the facts of the ceremony's act go, to be signed by two custodians.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Secret:
    """32 bytes and their name; not shown."""

    named: Named
    data: bytes


def _ceremony(command: Any) -> Any:  # noqa: ANN401  click's own
    for option in reversed(_CEREMONY):
        command = option(command)
    return command


@click.command("split")
@click.argument("file", type=FILE)
@click.option(
    "--to",
    "publics",
    type=FILE,
    multiple=True,
    required=True,
    help="Public half of a custodian's key; three of them.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="Folder for the three shares.",
)
@_ceremony
@options
@guarded
def split(
    file: Path, publics: tuple[Path, ...], out: Path, device: str, minutes: str, draft: Path
) -> None:
    """Split the secret in FILE to three custodians, any two of whom give it back.

    FILE is a KEK (.socaikek) or the private half of a compartment's key pair. It stays as it is.
    """
    custodians = custodians_of(publics)
    _refuse_what_is_there([draft, *_share_paths(file.stem, out)])
    secret = _opened(Settings.from_env(), file)
    with _all_or_none(_share_paths(file.stem, out)):
        written = _give(secret, custodians, file.stem, out)
        kids = [secret.named.kid, *(key.kid for key in custodians)]
        _note(draft, _act("SPLIT", kids, _stated(device, written), minutes))
    _tell(secret.named, written, None, draft)


@click.command("recover")
@TWO_SHARES
@THEIR_KEYS
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=None,
    help="Key file to write, where nothing is yet.",
)
@click.option(
    "--custody",
    type=click.Choice(CUSTODIES),
    default=CUSTODIES[0],
    show_default=True,
    help="With --into, what keeps a KEK: that file, or the token SOCAI_PKCS11_TOKEN.",
)
@click.option(
    "--to",
    "publics",
    type=FILE,
    multiple=True,
    help="Split it anew, to these three custodians; the old shares are void.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=None,
    help="With --to, folder for the new shares.",
)
@click.option(
    "--commitment",
    default=None,
    metavar="TEXT",
    help="Commitment of the split, as the ceremony's act states it.",
)
@_ceremony
@options
@guarded
def recover(  # noqa: PLR0913  one for each option
    share: tuple[Path, Path],
    *,
    keys: tuple[Path, ...],
    into: Path | None,
    custody: str,
    publics: tuple[Path, ...],
    out: Path | None,
    commitment: str | None,
    device: str,
    minutes: str,
    draft: Path,
) -> None:
    """Open a secret with the shares and keys of two custodians; keep it, split it anew, or both.

    Whoever can write all the shares can put a KEK of their own in them, under the right name: give
    --commitment from the act of the split. Where this home's database is reachable the KEK has to
    open record 0 besides. A key pair is known by its thumbprint.
    """
    if (into is None and not publics) or bool(publics) != (out is not None):
        misuse(
            Message(
                "Nothing was opened: say where it goes, with --into FILE, or with --to three times"
                " and --out FOLDER."
            )
        )
    custodians = custodians_of(publics) if publics else ()
    first = share_of(share[0])
    if commitment is not None and commitment.strip() != first.commitment:
        misuse(
            Message(
                "Nothing was opened: {file} is of another split than the act states; its own"
                " commitment is {commitment}. Find out who wrote the shares.",
                file=share[0],
                commitment=first.commitment,
            )
        )
    stem = into.stem if into is not None else share[0].stem.rpartition("-")[0] or share[0].stem
    paths = _share_paths(stem, out) if out is not None else []
    _refuse_what_is_there([draft, *([into] if into is not None else []), *paths])
    settings = Settings.from_env()
    secret = _Secret(first.secret, recovered(settings, share, keys))
    found = _opens(settings, secret)
    if found.opens is False and commitment is None:
        text = Message(
            "Nothing was kept: the KEK of these shares has the id under which record 0 of the"
            " database here is wrapped, and does not open it. Ask who wrote the shares; if the act"
            " of the split names them, give its --commitment."
        )
        raise Refusal(text, MISUSED, "kek_opens_nothing")
    kept_here = [into] if into is not None and custody.upper() == kek_custody.FILE else []
    with _all_or_none([*kept_here, *paths]):  # what a token keeps stays there, and named
        if into is not None:
            _keep(settings, secret, into, custody)
        written = _give(secret, custodians, stem, out) if out is not None else []
        kids = [secret.named.kid, *(key.kid for key in custodians)]
        _note(draft, _act("RECOVER", kids, _stated(device, written), minutes))
    checked = commitment is not None or found.opens or secret.named.alg == ALG
    unchecked = None if checked else first.commitment
    _tell(secret.named, written, into, draft, unchecked=unchecked, found=found)


# -- what is read --------------------------------------------------------------------------------


def _opened(settings: Settings, path: Path) -> _Secret:
    """The secret of a key file; one that is on a token stays there."""
    if _is_on_token(path):
        misuse(
            Message(
                "Nothing was split: the KEK that {file} names does not leave its token. Split a"
                " KEK that is in a file, then let socai key recover put it on a token.",
                file=path,
            )
        )
    part = file.public_part(path)
    if part.alg not in {file.KEK_ALG, ALG}:
        misuse(
            Message(
                "Nothing was split: {file} holds a key that signs, and those are not split: enrol"
                " another.",
                file=path,
            )
        )
    if part.alg == ALG:
        key = kept_or_asked(settings, path, file.read_opening_key)
        return _Secret(Named(part.alg, part.kid), key.secret())
    kek = kept_or_asked(settings, path, file.read_kek)
    return _Secret(Named(part.alg, part.kid), kek.secret())


@dataclass(frozen=True, slots=True)
class _Found:
    """What record 0 of this home says of a KEK.

    Attributes:
        opens: Whether it opens it; None where that cannot be asked.
        under: The id of the KEK that it is under; None where that cannot be read.
    """

    opens: bool | None = None
    under: str | None = None


_NOTHING: Final = _Found()


def _opens(settings: Settings, secret: _Secret) -> _Found:
    if secret.named.alg == ALG or find_spec("psycopg") is None:
        return _NOTHING
    from api.ops.wiring.genesis import opens_record_0  # noqa: PLC0415  the extra of the server

    kek = Kek(canonical.unb64(secret.named.kid), secret.data)
    opens, under = opens_record_0(settings, kek)
    return _Found(opens, None if under is None else canonical.b64(under))


def _is_on_token(path: Path) -> bool:
    """Whether a file names a KEK on a token; whatever else it is, it is read elsewhere."""
    try:
        return on_token(path) is not None
    except KeysError:
        return False


# -- what is written -----------------------------------------------------------------------------


def _share_paths(stem: str, out: Path) -> list[Path]:
    return [out / f"{stem}-{n}{ENDING}" for n in range(1, CUSTODIANS + 1)]


def _refuse_what_is_there(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.exists():
            misuse(
                Message(
                    "Nothing was done: {file} is there already; choose another name.", file=path
                )
            )


@contextmanager
def _all_or_none(paths: Sequence[Path]) -> Iterator[None]:
    """What was written of these goes where the rest cannot be written: it was not there before.

    Two shares of a split that nobody noted open the secret as those of any other.
    """
    try:
        yield
    except BaseException:
        for path in paths:
            with suppress(OSError):
                path.unlink()
        raise


def _give(
    secret: _Secret, custodians: Sequence[SealingKey], stem: str, out: Path
) -> list[tuple[Path, Share]]:
    given = shares.split(secret.data, secret.named, custodians)
    written = list(zip(_share_paths(stem, out), given, strict=True))
    for path, share in written:
        file.write_durably(path, share.data() + b"\n")
    return written


def _keep(settings: Settings, secret: _Secret, into: Path, custody: str) -> None:
    if secret.named.alg == ALG:
        key = OpeningKey(secret.data)
        file.write_opening_key(into, key, passphrase(settings, into))
        return
    kek = Kek(canonical.unb64(secret.named.kid), secret.data)
    if custody.upper() == kek_custody.FILE:
        FileCustody(lambda: passphrase(settings, into)).keep(into, kek)
        return
    if settings.pkcs11_token is None:
        misuse(Message("Nothing was kept: name the token: SOCAI_PKCS11_TOKEN."))
    token_custody(settings, settings.pkcs11_token).keep(into, kek)


def _act(kind: str, key_ids: Sequence[str], device: str, minutes: str) -> dict[str, Any]:
    """Members of the act, but who signs it and when, which the officers add."""
    facts = {"kind": kind, "key_ids": list(key_ids), "device_statement": device, "minutes": minutes}
    return {"act": "KeyCeremonyRecorded", "stream": "ledger", "facts": facts}


def _stated(device: str, written: Sequence[tuple[Path, Share]]) -> str:
    """The statement on the device, and by what the split that was made on it is known again."""
    return f"{device}; socai split commitment: {written[0][1].commitment}" if written else device


def _note(draft: Path, act: dict[str, Any]) -> None:
    file.write_durably(draft, dumped(act).encode() + b"\n")


def _tell_found(shell: Shell, found: _Found) -> None:
    if found.opens:
        shell.say(Message("It opens record 0 of the database here."))
    elif found.opens is False:
        shell.say(
            Message(
                "It does not open record 0 of the database here, though the act of the split names"
                " these shares: look at the database, socai log audit."
            )
        )
    elif found.under is not None:
        shell.say(
            Message(
                "Record 0 of the database here is under another KEK, {under}: these shares are of"
                " another epoch or another ledger, and nothing here opens by them.",
                under=found.under,
            )
        )


def _tell(
    named: Named,
    written: Sequence[tuple[Path, Share]],
    into: Path | None,
    draft: Path,
    *,
    unchecked: str | None = None,
    found: _Found = _NOTHING,
) -> None:
    """What was done; `unchecked`: commitment of shares that nothing tells from a stranger's."""
    shell = shell_of()
    commitment = written[0][1].commitment if written else None
    if shell.json:
        shell.give(
            {
                "ok": True,
                "kid": named.kid,
                "alg": named.alg,
                "shares": [{"file": str(path), "to": share.to} for path, share in written],
                "commitment": commitment,
                "into": None if into is None else str(into),
                "unchecked": unchecked,
                "opens_record_0": found.opens,
                "record_0_under": found.under,
                "act": str(draft),
            }
        )
        return
    if unchecked is not None:
        shell.say(
            Message(
                "Not checked: whether this KEK is the one that was split; its id would be the same"
                " in shares of somebody else's making. Compare with the act of the split before it"
                " is used: {commitment}",
                commitment=unchecked,
            )
        )
    _tell_found(shell, found)
    if into is not None:
        shell.say(Message("Opened {kid}, and kept it: {file}", kid=named.kid, file=into))
    for path, share in written:
        shell.say(Message("Share for {custodian}: {file}", custodian=share.to, file=path))
    if commitment is not None:
        shell.say(Message("Commitment of this split: {commitment}", commitment=commitment))
        shell.say(
            Message(
                "Every share of an earlier split is void: let it be destroyed. Two of them would"
                " still open this key, until the epoch turns."
            )
        )
    shell.say(
        Message("Complete {file}, and let two custodians sign it: socai act sign", file=draft)
    )
