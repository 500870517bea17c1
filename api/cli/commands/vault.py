"""For the operator and custodians of R: a custodian's key, founding the vault, running it."""

from __future__ import annotations

import sys
from contextlib import closing
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
from api.cli.commands.signer_options import passphrase
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.places import PUBLIC, require_private
from api.cli.terminal.shell import dumped, fail, misuse, options, shell_of
from api.client.pinned_keys import fingerprint
from api.home import Home
from api.ops import database, log_lines, loops
from api.ops.role_lock import Lock
from api.ops.service.roles import VAULT
from api.ops.vault import turning
from api.ops.vault.auditing import audit_vault
from api.ops.vault.founding import found
from api.settings import Settings
from keys import canonical
from keys.custody.file import write_opening_key
from keys.hpke import ALG, OpeningKey
from ledger.message import Message, plural
from ledger.postgres.vault.turning import KeyOfR
from ledger.vault.identity import IDENTITY


@click.group()
def vault() -> None:
    """The reporters' compartment: custodian, found, serve, audit, keys, turn."""


@vault.command("custodian")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@options
@guarded
def custodian(file: Path) -> None:
    """Make a custodian's key in FILE (.socaikey), and its public half in FILE.pub.

    On the custodian's own machine; the public half goes to whoever founds the vault.
    """
    require_private(file)
    public = file.parent / f"{file.name}{PUBLIC}"
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


_TO: Final = click.option(
    "--custodian",
    "custodians",
    type=FILE,
    multiple=True,
    required=True,
    metavar="FILE",
    help="A custodian's public half; three times.",
)
_SHARES: Final = click.option(
    "--shares",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="FOLDER",
    help="Where the three shares go; each custodian takes their own away.",
)


@vault.command("found")
@_TO
@_SHARES
@options
@guarded
def found_(custodians: tuple[Path, ...], shares: Path) -> None:
    """Make R's keys, once: the vault's own, and the one that two of three custodians open with.

    The second is split as it is made, and is kept nowhere. Then: socai serve.
    """
    settings, three = Settings.from_env(), custodians_of(custodians)
    with database.reachable(settings) as facts:
        made = found(settings, facts, three, shares)
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


@vault.command("keys")
@options
@guarded
def keys_() -> None:
    """Every key R had: since when, which one's place it took, and the counts of that turn."""
    shell = shell_of()
    found = [_told(one) for one in turning.keys(Settings.from_env())]
    if shell.json:
        shell.give({"ok": True, "keys": found})
        return
    columns = ("part", "kid", "made_at", "over_at", "wraps_before", "wraps_after", "left_behind")
    shell.table(columns, ([one[name] for name in columns] for one in found), whole=("kid",))


@vault.group()
def turn() -> None:
    """Put a new key in the place of one of R's: own, identities, lost."""


_LEAVE: Final = click.option(
    "--leave-unreadable",
    "leave",
    is_flag=True,
    help="Go on where a part does not open with the old key: it can then never be restored.",
)


@turn.command("own")
@_LEAVE
@options
@guarded
def own(*, leave: bool) -> None:
    """Turn the vault's own key, which reaches reporters, and destroy the old one.

    Everything that is sealed to it moves at once, requests that wait too; the vault goes on. Then
    let backups from before go, and destroy copies of the old key. Whoever was cut off runs it
    again.
    """
    _say_turned(turning.turn_own(Settings.from_env(), leave=leave))


@turn.command("identities")
@TWO_SHARES
@THEIR_KEYS
@_TO
@_SHARES
@_LEAVE
@options
@guarded
def identities(
    share: tuple[Path, Path],
    *,
    keys: tuple[Path, ...],
    custodians: tuple[Path, ...],
    shares: Path,
    leave: bool,
) -> None:
    """Turn the key of identities, with two SHAREs of the old one; shares of the new one are made.

    Any two of three: so it is done too where one share is lost, or its custodian has left.
    Custodians whose keys are opened here make new ones first, on their own machines. Once it is
    done, every share of the old key is to be destroyed, and backups from before are to go: two of
    them would still open those. Whoever was cut off runs it again with the same words.
    """
    settings = Settings.from_env()
    three = custodians_of(custodians)
    read = [share_of(path) for path in share]
    if any(one.secret.alg != ALG for one in read):
        misuse(Message("Nothing was turned: the shares are not of R's key of identities."))
    old = OpeningKey(recovered(settings, share, keys))
    opened = [one.to for one in read]
    _say_turned(turning.turn_identities(settings, old, opened, three, shares, leave=leave))


@turn.command("lost")
@_TO
@_SHARES
@options
@guarded
def lost(custodians: tuple[Path, ...], shares: Path) -> None:
    """Two shares of the key of identities are lost: put a new key in force, for whoever comes now.

    Who is sealed to the old one stays sealed for good, and is named; letters go on. Where two
    shares are still there, two custodians turn the key instead: socai vault turn identities.
    """
    three = custodians_of(custodians)
    done = turning.replace_lost_identities(Settings.from_env(), three, shares)
    shell = shell_of()
    if not shell.json:
        shell.say(Message("For the act KeyCeremonyRecorded, beside device_statement and minutes:"))
        click.echo(dumped(done.ceremony))
    shell.done(
        Message(
            "A new key of identities is in force: {kid}. {left} reporters are sealed to the old one"
            " for good. Each custodian takes their share; write the key into the minutes, and let"
            " whoever seals reporters compare it.",
            kid=done.key.kid,
            left=len(done.left),
        ),
        **_told(done.key),
        unreadable=list(done.left),
        shares=[str(path) for path in done.shares],
        ceremony=done.ceremony,
    )


def _say_turned(done: turning.TurnedKey) -> None:
    shell = shell_of()
    if done.key.kid == done.before:
        fail(
            Message(
                "The key is not turned: {count} items do not open with it, the first is {first}."
                " Look at them (socai vault audit) and restore them, or run this again with"
                " --leave-unreadable. Nothing is changed.",
                count=len(done.left),
                first=done.left[0],
            ),
            "vault_not_turned",
        )
    if not shell.json:
        shell.say(Message("For the act KeyCeremonyRecorded, beside device_statement and minutes:"))
        click.echo(dumped(done.ceremony))
        for path in done.shares:
            shell.say(Message("Share: {file}", file=path))
    said = (
        Message(
            "The key of identities is turned: {after} reporters are sealed to {kid}. Each custodian"
            " takes their share; then every share of the old key is to be destroyed, and backups"
            " from before are to go.",
            after=done.key.wraps_after,
            kid=done.key.kid,
        )
        if done.key.part == IDENTITY
        else Message(
            "The vault's key is turned: {after} reporters are sealed to {kid}, and the old key is"
            " destroyed here. Destroy copies of it, and let backups from before go.",
            after=done.key.wraps_after,
            kid=done.key.kid,
        )
    )
    shell.done(
        said,
        **_told(done.key),
        unreadable=list(done.left),
        shares=[str(path) for path in done.shares],
        ceremony=done.ceremony,
    )


def _told(one: KeyOfR) -> dict[str, Any]:
    return {
        "part": one.part,
        "kid": one.kid,
        "before": None if one.before is None else canonical.b64(one.before),
        "made_at": one.made_at.isoformat(timespec="seconds"),
        "over_at": None if one.over_at is None else one.over_at.isoformat(timespec="seconds"),
        "wraps_before": one.wraps_before,
        "wraps_after": one.wraps_after,
        "left_behind": one.left_behind,
    }


@vault.command("audit")
@options
@guarded
def audit() -> None:
    """Hold R against the log: each reporter sealed is kept, each request explained. Exit 1 if not.

    Every ReporterIdentitySealed that stands has its item, for its case and token, sealed to R's
    keys; that for contact is the vault's own. Every letter has its act, every share and look a row
    in the log of reads. Nothing of an item is opened. The key of identities has no file: compare it
    with the minutes of its ceremony. The log itself is audited by socai log audit.
    """
    shell, settings = shell_of(), Settings.from_env()
    with database.reachable(settings) as facts:
        found = audit_vault(settings, facts)
    if shell.json:
        told = [{"kind": one.kind, "what": shell.text(one.what)} for one in found.findings]
        counts = {"items": found.items, "requests": found.requests, "strays": found.strays}
        keys = {"keys": found.keys, "held_to_file": found.held_to_file}
        shell.give({"ok": not found.findings, **counts, **keys, "findings": told})
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
        for part, kid in found.keys.items():
            shell.say(Message("R's key for {part}: {kid}", part=part, kid=kid))
        if found.keys and not found.held_to_file:
            shell.say(
                Message(
                    "The vault's key file is not here: that for contact was held against nothing."
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
        log_lines.configure(settings.log_level)
        sys.exit(loops.keep_vault(settings, loops.until_told()))
