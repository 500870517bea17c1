"""Who is at the terminal: one of the cast, or the officer of a key file; and which server is asked.

Where nobody is named, the home's registrar asks. Not: what is asked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from api.bootstrap import RealClock
from api.cli.castbook import CastBook, Safe
from api.cli.errors import guarded
from api.cli.founding import VKEYS
from api.cli.shell import misuse, options, shell_of
from api.cli.supervisor import running_url
from api.client import Client
from api.settings import Home, Settings, SettingsError
from keys.custody.file import read_key
from keys.errors import Malformed
from keys.jwk import SoftwareSigner
from keys.note import VKey

F = TypeVar("F", bound=Callable[..., Any])


def identity(command: F) -> F:
    """Options `--as`, `--key`, `--server`, `--log`; the command gets a signed-in `client`."""

    @click.option(
        "--as", "alias", default=None, metavar="ALIAS", help="One of the cast in SOCAI_HOME."
    )
    @click.option(
        "--key", "key_file", type=click.Path(path_type=Path), default=None, help="A key file."
    )
    @click.option(
        "--server", default=None, metavar="URL", help="The API; that of SOCAI_HOME if left out."
    )
    @click.option(
        "--log",
        default=None,
        metavar="ORIGIN",
        help="The log it must be of; that of SOCAI_HOME if left out.",
    )
    @options
    @guarded
    @functools.wraps(command)
    def run(
        alias: str | None,
        key_file: Path | None,
        server: str | None,
        log: str | None,
        **named: Any,  # noqa: ANN401  any command's
    ) -> Any:  # noqa: ANN401  any command's
        settings = Settings.from_env()
        signer = signer_of(settings, alias, key_file)
        url = server or running_url(settings)
        with closing(client_at(url, signer, log or origin_of(settings))) as client:
            return command(client=client, **named)

    return cast("F", run)


def client_at(url: str, signer: SoftwareSigner | None, log: str | None = None) -> Client:
    """A client in the reader's language; whoever signs says for which log."""
    return Client(url, signer, log=log, now=RealClock().now, lang=shell_of().lang)


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
            return VKey.parse(str(value))
        except Malformed as error:
            misuse(
                f"Chưa làm gì: --vkey không phải khóa của sổ như đã công bố ({error}).",
                f"Nothing was done: --vkey is no key of a log as it is published ({error}).",
            )


def log_key(client: Client, typed: VKey | None) -> VKey:
    """The key that proofs of the client's log are checked by.

    As typed; else as the home noted it when the log was founded; where neither is there, as the
    server says, which then vouches for itself.
    """
    if typed is not None:
        return typed
    noted = Settings.from_env().home / VKEYS
    keys = noted.read_text("ascii").split() if noted.exists() else []
    own = (vkey for vkey in map(VKey.parse, keys) if vkey.name == client.origin)
    return next(own, None) or VKey.parse(client.log()["vkeys"][0])


def origin_of(settings: Settings) -> str:
    """The log of the home: what a signature is for is no server's to say."""
    if not Home(settings).facts_path.exists():
        misuse(
            "Chưa làm gì: nêu tên sổ bằng --log, như bản in lúc lập sổ"
            " (không lấy theo lời máy chủ, vì chữ ký có giá trị trong sổ mà nó ghi tên).",
            "Nothing was done: name the log with --log, as printed when it was founded"
            " (a server's word will not do: a signature holds for the log it names).",
        )
    return Home(settings).facts().origin


def signer_of(settings: Settings, alias: str | None, key_file: Path | None) -> SoftwareSigner:
    """The key of whoever is named; the home's registrar where nobody is."""
    if alias is not None and key_file is not None:
        misuse("Chưa làm gì: chọn --as hoặc --key.", "Nothing was done: choose --as or --key.")
    if alias is not None:
        home = Home(settings)
        book = CastBook(home.facts().origin, Safe(settings.home / "cast", home.passphrase()))
        return book.signer(book.named(alias).kid)
    path = key_file or Home(settings).key_path("registrar")
    if not path.exists():
        Home(settings).facts()  # where there is no enclave at all, that is what is said
        misuse(
            f"Chưa làm gì: không có khóa {path}; nêu --as hoặc --key.",
            f"Nothing was done: there is no key {path}; name one with --as or --key.",
        )
    return read_key(path, passphrase(settings))


def passphrase(settings: Settings) -> bytes:
    """From SOCAI_PASSPHRASE_FILE, a rehearsal's home, or the person at the terminal."""
    try:
        return Home(settings).passphrase()
    except SettingsError:
        if settings.passphrase_file is not None:
            raise
    text: str = click.prompt("Passphrase", hide_input=True, err=True)
    return text.encode()
