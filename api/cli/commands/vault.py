"""For the operator and custodians of R: a custodian's key, founding the vault, running it."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from api.cli.commands.signer_options import passphrase
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import misuse, options, shell_of
from api.client.pinned_keys import fingerprint
from api.ops import database, loops, telemetry
from api.ops.role_lock import Lock
from api.ops.supervisor import VAULT
from api.ops.vault.auditing import audit_vault
from api.ops.vault.founding import found
from api.settings import Home, Settings
from keys import canonical
from keys.custody.file import write_opening_key
from keys.errors import KeysError
from keys.hpke import OpeningKey, SealingKey
from keys.shares import CUSTODIANS
from ledger.message import Message, plural

_PUBLIC: Final = ".pub"


@click.group()
def vault() -> None:
    """The reporters' compartment: custodian, found, serve, audit."""


@vault.command("custodian")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@options
@guarded
def custodian(file: Path) -> None:
    """Make a custodian's key in FILE (.socaikey), and its public half in FILE.pub.

    On the custodian's own machine; the public half goes to whoever founds the vault.
    """
    public = file.with_name(file.name + _PUBLIC)
    for path in (file, public):
        if path.exists():
            misuse(
                Message(
                    "No key was made: {file} is there already; choose another name.", file=path
                ),
            )
    key = OpeningKey.generate()
    write_opening_key(file, key, passphrase(Settings.from_env(), file))
    public.write_bytes(canonical.encode(dict(key.public.jwk)) + b"\n")
    shell_of().done(
        Message("Made {file}; whoever founds the vault needs {public}.", file=file, public=public),
        file=str(file),
        public=str(public),
        kid=key.kid,
    )


@vault.command("found")
@click.option(
    "--custodian",
    "custodians",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    required=True,
    metavar="FILE",
    help="A custodian's public half; three times.",
)
@click.option(
    "--shares",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Where the three shares go; each custodian takes their own away.",
)
@options
@guarded
def found_(custodians: tuple[Path, ...], shares: Path) -> None:
    """Make R's keys, once: the vault's own, and the one that two of three custodians open with.

    The second is split as it is made, and is kept nowhere. Then: socai serve.
    """
    if len(custodians) != CUSTODIANS:
        misuse(Message("Nothing was made: name three custodians."))
    settings = Settings.from_env()
    with database.reachable(settings) as facts:
        made = found(settings, facts, [_public(path) for path in custodians], shares)
    shell_of().done(
        Message(
            "The vault is founded; write its keys into the minutes of the ceremony: {keys}."
            " Shares: {shares}. Next: socai serve",
            keys=fingerprint(made.keys),
            shares=", ".join(str(path) for path in made.shares),
        ),
        contact=made.keys.contact.kid,
        identity=made.keys.identity.kid,
        shares=[str(path) for path in made.shares],
    )


@vault.command("audit")
@options
@guarded
def audit() -> None:
    """Hold R against the log: each reporter sealed is kept, each request explained. Exit 1 if not.

    Every ReporterIdentitySealed that stands has its item, for its case and token, sealed to R's
    keys; every letter has its act, every share and look a row in the log of reads. Nothing of an
    item is opened. The log itself is audited by socai log audit.
    """
    shell, settings = shell_of(), Settings.from_env()
    with database.reachable(settings) as facts:
        found = audit_vault(settings, facts)
    if shell.json:
        told = [{"kind": one.kind, "what": shell.text(one.what)} for one in found.findings]
        counts = {"items": found.items, "requests": found.requests, "strays": found.strays}
        shell.give({"ok": not found.findings, **counts, "findings": told})
    else:
        shell.say(
            Message(
                "{items} · {requests}",
                items=plural("{n} reporter kept", "{n} reporters kept", n=found.items),
                requests=plural("{n} request", "{n} requests", n=found.requests),
            )
        )
        if found.strays:
            shell.say(
                plural(
                    "{n} of them is named by no act: intake was broken off, or it was put there.",
                    "{n} of them are named by no act: intake was broken off, or they were put"
                    " there.",
                    n=found.strays,
                )
            )
        shell.table(("kind", "what"), ((o.kind, shell.text(o.what)) for o in found.findings))
        if not found.findings:
            shell.say(Message("Sound."))
    sys.exit(1 if found.findings else 0)


@vault.command("serve")
@options
@guarded
def serve() -> None:
    """Run the vault in this process until it is told to stop; it listens on no port."""
    settings = Settings.from_env()
    Home(settings).facts()
    with closing(Lock(settings.home)) as lock:
        lock.take(VAULT)
        telemetry.configure(settings.log_level)
        sys.exit(loops.keep_vault(settings, loops.until_told()))


def _public(path: Path) -> SealingKey:
    try:
        return SealingKey.from_jwk(canonical.parse(path.read_bytes().strip()))
    except KeysError as error:
        misuse(
            Message(
                "Nothing was made: {path} is no custodian's public key ({error}).",
                path=path,
                error=error,
            ),
        )
