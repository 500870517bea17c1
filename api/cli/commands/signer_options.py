"""Who is at the terminal: one of the cast, or the officer of a key file; and which server is asked.

Where nobody is named, the home's registrar asks. Not: what is asked.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click

from api.cli.commands.token_option import TokenName, TokenUri, pin_option, signer_on_token
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.late_commands import missing
from api.cli.terminal.shell import (
    MISUSED,
    Refusal,
    Shell,
    fail,
    misuse,
    options,
    shell_of,
    typed_unseen,
)
from api.cli.terminal.typed_values import SERVER_URL
from api.client.client import Client
from api.client.known_log import KnownLog, LogAnchor
from api.home import Home
from api.ops.home_notes import noted_vkeys, running_url
from api.ops.machine import RealClock
from api.settings import Settings, SettingsError
from api.texts.copied import copied
from keys.custody.file import read_key, read_opening_key
from keys.errors import Malformed, Unsealable
from keys.hpke import OpeningKey
from keys.jwk import SoftwareSigner
from keys.note import VKey
from keys.signer import Signer
from ledger.admission.genesis import REHEARSAL
from ledger.errors import Doubt, Unavailable
from ledger.log.moment import unstamp
from ledger.log.verify import Crossed
from ledger.message import Message, plural

KNOWN: Final = "known"
"""Where a home's clients keep what they have seen of each log."""
_PAIR: Final = 2

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K")


def server_option(command: F) -> F:
    """`--server URL`."""
    told = "The API; that of SOCAI_HOME if left out."
    option = click.option("--server", default=None, metavar="URL", type=SERVER_URL, help=told)
    return option(command)


def log_option(command: F) -> F:
    """`--log ORIGIN`."""
    told = "The log it must be of; that of SOCAI_HOME if left out."
    return click.option("--log", default=None, metavar="ORIGIN", help=told)(command)


def whose_key(command: F) -> F:
    """`--as`, `--key`, `--token` and the token's PIN."""
    for option in (
        pin_option,
        click.option(
            "--token",
            type=TokenUri(),
            default=None,
            help="A key on a token: its label, or a pkcs11: URI; the PIN is asked for.",
        ),
        click.option(
            "--key", "key_file", type=click.Path(path_type=Path), default=None, help="A key file."
        ),
        click.option(
            "--as", "alias", default=None, metavar="ALIAS", help="One of the cast in SOCAI_HOME."
        ),
    ):
        command = option(command)
    return command


def identity(command: F) -> F:
    """Options that say who asks, `--server`, `--log`; the command gets a signed-in `client`."""

    @whose_key
    @server_option
    @log_option
    @options
    @guarded
    @functools.wraps(command)
    def run(
        alias: str | None,
        key_file: Path | None,
        token: TokenName | None,
        server: str | None,
        log: str | None,
        **named: Any,  # noqa: ANN401  any command's
    ) -> Any:  # noqa: ANN401  any command's
        settings = Settings.from_env()
        signer = signer_of(settings, alias, key_file, token)
        url = server or running_url(settings)
        with closing(client_at(url, signer, log or origin_of(settings))) as client:
            return command(client=client, **named)

    return cast("F", run)


def names_whoever_asks() -> bool:
    """Whether this call says whose key asks; where none does, the home's registrar's."""
    given = click.get_current_context().params
    return any(given.get(one) is not None for one in ("alias", "key_file", "token"))


def signing_time(client: Client) -> datetime:
    """When an act is signed: no server says so, but that of a rehearsal, whose time is its own."""
    if client.origin.startswith(REHEARSAL):
        return unstamp(client.log()["now"])
    return RealClock().now()


def rehearsed(client: Client, at: datetime | None) -> datetime | None:
    """The ledger's time of a request: a rehearsal alone takes it from its sender."""
    return at if client.origin.startswith(REHEARSAL) else None


def client_at(url: str, signer: Signer | None, log: str | None = None) -> Client:
    """A client in the reader's language that remembers the log; who signs says for which log."""
    client = Client(url, signer, log=log, now=RealClock().now, lang=shell_of().lang)
    settings, shell = Settings.from_env(), shell_of()
    client.remember = lambda origin: KnownLog(
        settings.home / KNOWN,
        origin,
        lambda: _anchor(settings, client, origin, shell),
        lambda crossed: _tell(shell, crossed),
        lambda error: _tell_unkept(shell, error),
    )
    client.doubted = lambda: shell.note(
        Message(
            "IN DOUBT: the server says that its database has another log than was seen of it"
            " before. It records nothing, and what it shows may be of another history:"
            " rely on none of it, and tell the operator."
        )
    )
    return client


def _anchor(settings: Settings, client: Client, origin: str, shell: Shell) -> LogAnchor:
    """What is believed at first contact: the home's word of this log, or the key that is typed.

    Where neither is there, a server vouches for itself, which whoever reads its verdict is told.
    """
    said = client.log()
    typed, founded = _typed_key(origin), None
    vkeys = _said_keys(said, typed)
    if Home(settings).facts_path.exists():
        facts = Home(settings).facts()
        founded = facts.genesis if facts.origin == origin else None
    genesis = founded or str(said["genesis"])
    noted = _noted(settings, origin)[:_PAIR]
    if typed is not None and founded is None:
        shell.note(
            Message(
                "The log's key is the one that was typed. That the digest of record 0 is {genesis}"
                " only this server says: compare it with the one on paper.",
                genesis=genesis,
            )
        )
    elif not noted:
        shell.note(
            Message(
                "Only this server says that log {log} is signed by {vkey}; from now on it is held"
                " to that. Compare the key with the published one before you believe what is"
                " shown.",
                log=origin,
                vkey=vkeys[0],
            )
        )
    return LogAnchor(noted or vkeys, genesis)


def _typed_key(origin: str) -> VKey | None:
    """What this call says by `--vkey`, where it is a key of the log."""
    typed = click.get_current_context().params.get("vkey")
    return typed if isinstance(typed, VKey) and typed.name == origin else None


def _said_keys(said: Mapping[str, Any], typed: VKey | None) -> tuple[str, ...]:
    """The keys to hold a log to: those in force, if what was typed is one that the server names.

    Nothing that another key signed is kept as what was seen of the log.
    """
    every = [str(vkey) for vkey in said["vkeys"]]
    if typed is None or str(typed) in every[:_PAIR]:
        return tuple(every[:_PAIR])
    if any(str(typed) in span["vkeys"] for span in said.get("keys", ())):
        # of before a recovery, which the log records of itself
        return (str(typed),)
    return fail(
        Message(
            "The server says that this log is signed by {vkey}, and --vkey is another key: nothing"
            " that it shows is believed, nor kept. See where you have the key from; if that is the"
            " published one, do not trust this server. What was just sent, if anything, may be"
            " recorded there.",
            vkey=every[0],
        ),
        "other_history",
    )


def tell_whose_key(client: Client, typed: VKey | None) -> None:
    """Beside a verdict: that the log's key was compared with none but what its server showed."""
    if typed is None and not _noted(Settings.from_env(), client.origin):
        shell_of().note(
            Message(
                "Not checked here: whether the log's own key is the published one. It is what this"
                " server showed at first, {vkey}; --vkey KEY compares it.",
                vkey=log_keys(client, None)[0],
            )
        )


def _noted(settings: Settings, origin: str) -> tuple[str, ...]:
    """The log's keys as the home noted them, those in force first. Raises: SettingsError."""
    own = (origin, f"{origin}/pq")
    return tuple(str(vkey) for vkey in noted_vkeys(settings) if vkey.name in own)


def _tell_unkept(shell: Shell, error: Doubt | Unavailable) -> None:
    shell.note(
        Message(
            "What was seen of the log could not be kept ({error}): if the server shows another one"
            " next time, it will not be noticed.",
            error=error.text,
        )
    )


def _tell(shell: Shell, crossed: Crossed) -> None:
    """A break that the log records of itself is never passed over in silence."""
    one, lost = crossed.recovery, crossed.lost
    shell.note(
        Message(
            "The log was recovered at index {index}: {size} records were left, at"
            " least {lost} are lost; a new key signs from there on.",
            index=one.index,
            size=one.size,
            lost=one.longest - one.size,
        )
    )
    if lost is not None:
        shell.note(
            plural(
                "The checkpoint seen before, of {n} record, is of what is lost.",
                "The checkpoint seen before, of {n} records, is of what is lost.",
                n=lost.size,
            )
        )


class LogKey(click.ParamType[VKey]):
    """The key of a log as it is published, `name+hex+base64` (C2SP signed-note)."""

    name = "vkey"

    def convert(
        self,
        value: Any,  # noqa: ANN401  click's signature
        param: click.Parameter | None,  # noqa: ARG002  click's signature
        ctx: click.Context | None,  # noqa: ARG002  click's signature
    ) -> VKey:
        """The key that was typed."""
        try:
            return VKey.parse("".join(copied(str(value)).split()))
        except Malformed as error:
            misuse(
                Message(
                    "Nothing was done: --vkey is no key of a log as it is published ({error}).",
                    error=error,
                ),
            )


vkey_option = click.option(
    "--vkey",
    type=LogKey(),
    default=None,
    help="The log's key as published; that of SOCAI_HOME, else the server's word.",
)


def log_keys(client: Client, typed: VKey | None) -> list[VKey]:
    """The keys that proofs of the client's log are checked by.

    As typed, with those that the log has turned to since, where the client has met that; else as
    the client has come to know them; else as the home noted them when the log was founded; where
    none is there, as the server says, which then vouches for itself.
    """
    seen = client.known.keys.every if client.known is not None else ()
    if typed is not None:
        if str(typed) not in seen:
            return [typed]
        seen = seen[seen.index(str(typed)) :]
    noted = seen or _noted(Settings.from_env(), client.origin)
    own = [vkey for vkey in map(VKey.parse, noted) if vkey.name == client.origin]
    return own or [VKey.parse(client.log()["vkeys"][0])]


def noted_keys(origin: str) -> list[VKey]:
    """The keys of a log as the home noted them when it was founded; none where it is another's."""
    noted = map(VKey.parse, _noted(Settings.from_env(), origin))
    return [vkey for vkey in noted if vkey.name == origin]


def origin_of(settings: Settings) -> str:
    """The log of the home: what a signature is for is no server's to say."""
    if not Home(settings).facts_path.exists():
        misuse(
            Message(
                "Nothing was done: name the log with --log, as printed when it was founded (a"
                " server's word will not do: a signature holds for the log it names)."
            ),
        )
    return Home(settings).facts().origin


def signer_of(
    settings: Settings,
    alias: str | None = None,
    key_file: Path | None = None,
    token: TokenName | None = None,
) -> Signer:
    """The key of whoever is named; the home's registrar where nobody is.

    Raises:
        KeysError: The key file does not open.
        TokenError: The token or its key is not to be had.
    """
    if sum(one is not None for one in (alias, key_file, token)) > 1:
        misuse(Message("Nothing was done: choose one of --as, --key and --token."))
    if token is not None:
        return signer_on_token(settings, token)
    if alias is not None:
        return _of_the_cast(settings, alias)
    path = key_file or Home(settings).key_path("registrar")
    if not path.exists():
        Home(settings).facts()  # where there is no enclave at all, that is what is said
        misuse(
            Message(
                "Nothing was done: there is no key {path}; name one with --as, --key or --token.",
                path=path,
            ),
        )
    return opened_key(settings, path)


def _of_the_cast(settings: Settings, alias: str) -> SoftwareSigner:
    """The key of one of a rehearsal's cast, which only a checkout can have played."""
    try:
        from api.rehearsal.cast import Cast, KeyStore, UnknownAlias  # noqa: PLC0415  not shipped
    except ModuleNotFoundError as error:
        raise missing(error) from error
    home = Home(settings)
    book = Cast(home.facts().origin, KeyStore.of(home))
    try:
        return book.signer(book.named(alias).kid)
    except UnknownAlias as error:
        known = ", ".join(error.known) or "–"
        text = Message(
            "Nothing was done: the cast has no {alias}; there are: {known}. A scenario brings"
            " others: socai play",
            alias=error.alias,
            known=known,
        )
        raise Refusal(text, MISUSED, "unknown_alias") from error


def opened_key(settings: Settings, path: Path) -> SoftwareSigner:
    """The key in a file: by the home's passphrase, else by the key's own, asked for once.

    Raises:
        Unsealable: Neither opens it.
        KeysError: It holds no signing key.
    """
    return kept_or_asked(settings, path, read_key)


def kept_or_asked(settings: Settings, path: Path, read: Callable[[Path, bytes], K]) -> K:
    """What `read` makes of a key file, as `opened_key`. Raises: KeysError."""
    kept = _kept_passphrase(settings)
    with suppress(Unsealable):
        if kept is not None:
            return read(path, kept)
    return read(path, _asked(path))


def opening_key(settings: Settings, path: Path) -> OpeningKey:
    """As `opened_key`, of a key that is sealed to."""
    kept = _kept_passphrase(settings)
    with suppress(Unsealable):
        if kept is not None:
            return read_opening_key(path, kept)
    return read_opening_key(path, _asked(path))


def passphrase(settings: Settings, path: Path) -> bytes:
    """For a new key: SOCAI_PASSPHRASE_FILE, a rehearsal's home, or the person at the terminal."""
    kept = _kept_passphrase(settings)
    if kept is not None:
        return kept
    typed, repeated = (
        unicodedata.normalize("NFC", _asked(path, again=again).decode()).encode()
        for again in (False, True)
    )
    if typed != repeated:  # a slip would lock the key for ever
        misuse(
            Message("No key was made: the passphrase was typed in two ways. Run the command again.")
        )
    return typed


def _kept_passphrase(settings: Settings) -> bytes | None:
    try:
        return Home(settings).passphrase()
    except SettingsError:
        if settings.passphrase_file is not None:
            raise
    return None


def _asked(path: Path, *, again: bool = False) -> bytes:
    """What the person at the terminal types for one key."""
    first = Message("Passphrase of the key {path}", path=path)
    prompt = shell_of().text(Message("The same passphrase again") if again else first)
    try:
        text = typed_unseen(prompt)
    except click.Abort:
        misuse(
            Message(
                "Nothing was done: nobody typed the passphrase of the key {path}. Type it, or"
                " write it into the file that SOCAI_PASSPHRASE_FILE names.",
                path=path,
            ),
        )
    return text.encode()
