"""The mirror upward: what this enclave publishes, and what it takes in of lower ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import fail, misuse, options, shell_of
from api.home import Home
from api.ops import log_lines, loops
from api.ops.machine import RealClock
from api.ops.mirror import inbox, slots
from api.ops.mirror.metrics import tell_mirror
from api.ops.mirror.outbox import Outbox, PublishedSegment, into_folder, into_pipe
from api.settings import Settings
from keys import canonical, sealed_segment
from keys.errors import KeysError
from keys.hpke import SealingKey
from ledger.message import Message, plural
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.taking_in import TakenIn

_PIPE: Final = "-"
_GENESIS_BYTES: Final = 32


@click.group()
def mirror() -> None:
    """Lower logs upward: key, slots, trust, export, import, watch, status, audit."""


@mirror.command()
@options
@guarded
def key() -> None:
    """Make the key that segments for this enclave are sealed to; the one before opens on.

    Its public half is carried down by hand, to whoever operates the enclave below.
    """
    public, made = inbox.make_key(Settings.from_env())
    shell_of().done(
        Message("Made. Carry {public} down: socai mirror slots {public}", public=public),
        public=str(public),
        kid=made.kid,
    )


@mirror.command("slots")
@click.argument("files", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1)
@click.option("--nobody", is_flag=True, help="Every slot is nobody's: nothing above opens more.")
@options
@guarded
def slots_(files: tuple[Path, ...], *, nobody: bool) -> None:
    """Put the public keys in FILES in the place of all there are; the other slots are nobody's.

    There are always as many slots as the level has, used or not.
    """
    if nobody == bool(files):  # without a word it would look like a list, and shut all out
        misuse(
            Message(
                "No slot was changed: name the public keys of all who are to receive, or --nobody."
            )
        )
    settings = Settings.from_env()
    facts = Home(settings).facts()
    slots.put(settings, facts.level, [_public(path) for path in files])
    count = slots.SLOTS[facts.level]
    shell_of().done(Message("All {count} slots have new keys.", count=count), slots=count)


@mirror.command()
@click.argument("origin")
@click.argument("genesis")
@options
@guarded
def trust(origin: str, genesis: str) -> None:
    """Trust the log ORIGIN below by GENESIS, the digest of its first record, in hex.

    The digest was printed when that enclave was made, and is published.
    """
    try:
        entry = bytes.fromhex(genesis)
    except ValueError:
        entry = b""
    if len(entry) != _GENESIS_BYTES:
        misuse(Message("Nothing was trusted: a genesis digest is 64 hex digits."))
    level = inbox.add_log(Settings.from_env(), origin, entry)
    shell_of().done(
        Message("{origin} is trusted; next: socai mirror import", origin=origin),
        origin=origin,
        level=level,
    )


@mirror.command("export")
@click.argument("target", type=click.Path(path_type=Path, file_okay=False, allow_dash=True))
@click.option(
    "--every",
    type=click.IntRange(10, 86_400),
    default=None,
    metavar="SECONDS",
    help="Go on, and publish at each whole multiple of so many seconds, empty or not.",
)
@click.option(
    "--from",
    "again_from",
    type=click.IntRange(min=0),
    default=None,
    metavar="INDEX",
    help="Publish from this record on again, where a segment was lost.",
)
@options
@guarded
def export_(target: Path, every: int | None, again_from: int | None) -> None:
    """Publish the next segment into the folder TARGET, or to standard output where it is `-`.

    It is sealed to every slot, and is as long whether little happened or nothing.
    """
    pipe = str(target) == _PIPE
    if pipe and every is not None:
        misuse(Message("Nothing was published: --every needs a folder, a pipe takes one segment."))
    if every is not None and again_from is not None:
        misuse(Message("Nothing was published: --from is for one segment, --every for many."))
    settings, shell = Settings.from_env(), shell_of()
    outbox = Outbox(settings, into_pipe if pipe else into_folder(target), RealClock())
    if every is not None:
        log_lines.configure(settings.log_level)
        outbox.keep_on(every, loops.until_told(), lambda sent: shell.note(_published(sent)))
        return
    sent = outbox.once(again_from=again_from)
    if pipe:
        shell.note(_published(sent))
        return
    shell.done(
        _published(sent),
        at=sent.at,
        start=sent.start,
        end=sent.end,
        checkpoint=sent.checkpoint,
        size=sent.size,
        files=sent.files,
        left_out=sent.left_out,
    )


@mirror.command("import")
@click.argument("files", type=click.Path(path_type=Path, allow_dash=True), nargs=-1, required=True)
@options
@guarded
def import_(files: tuple[Path, ...]) -> None:
    """Take the segments in FILES in, in this order; `-` is standard input.

    A segment is taken in whole or not at all. The first that is refused ends it.
    """
    shell, settings = shell_of(), Settings.from_env()
    taken: list[dict[str, object]] = []
    with inbox.open_inbox(settings) as box:
        for path in files:
            data = _segment(path)
            try:
                found = box.take(data, path.name)
            except SegmentRefused as refused:
                fail(refused_segment(path.name, refused), refused.kind, taken=taken)
            taken.append(_told(path.name, found))
            if not shell.json:
                shell.say(_taken(path.name, found))
    if shell.json:
        shell.give({"ok": True, "taken": taken})


@mirror.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@options
@guarded
def watch(folder: Path) -> None:
    """Take in what comes into FOLDER until told to stop.

    A segment goes once it is taken in. One that is refused is put into `refused/`, one before which
    another is missing stays. Nothing is ever written where the enclave below could see it.
    """
    settings, shell = Settings.from_env(), shell_of()
    log_lines.configure(settings.log_level)

    def told(name: str, found: TakenIn | SegmentRefused) -> None:
        shell.note(
            _taken(name, found) if isinstance(found, TakenIn) else refused_segment(name, found)
        )

    stop = loops.until_told()
    with inbox.open_inbox(settings, stop) as box:
        box.watch(folder, stop, told)


@mirror.command()
@options
@guarded
def status() -> None:
    """Each lower log: how far it was taken in, how old that is, and what was refused.

    Also as metrics, where SOCAI_METRICS_FILE names a file.
    """
    shell, settings = shell_of(), Settings.from_env()
    logs, refused = inbox.standing(settings)
    if settings.metrics_file is not None:
        tell_mirror(settings.metrics_file, logs, refused, RealClock().now())
    told = [
        {
            "log": one.origin,
            "records": one.size,
            "published_at": _moment(one.at),
            "aside": one.aside,
            "unread": one.unread,
            "erased": one.erased,
            "files": one.files,
            "left_out": one.left_out,
        }
        for one in logs
    ]
    bad = [
        {"at": one.at, "name": one.name, "kind": one.kind, "why": one.why, "sha256": one.sha256}
        for one in refused
    ]
    if shell.json:
        shell.give({"ok": True, "logs": told, "refused": bad})
        return
    if not told:
        shell.say(Message("No log below is trusted here: socai mirror trust"))
    columns = ("log", "records", "published_at", "aside", "unread", "erased", "files", "left_out")
    shell.table(columns, ([one[name] for name in columns] for one in told), whole=("log",))
    if bad:
        why = ("at", "name", "kind", "why")
        shell.table(why, ([one[name] for name in why] for one in bad), whole=("at",))


@mirror.command()
@options
@guarded
def audit() -> None:
    """Whether what was taken in is still what was taken in: every record, key, mark and place.

    With the keys of this home; whoever owns the database can change a row and not go unseen.
    """
    shell = shell_of()
    every = list(inbox.audited(Settings.from_env()))
    told = [
        {
            "log": log.origin,
            "records": log.size,
            "findings": [{"kind": one.kind, "index": one.index} for one in found],
        }
        for log, found in every
    ]
    bad = [(log.origin, found[0]) for log, found in every if found]
    if bad:
        origin, first = bad[0]
        fail(
            Message(
                "The mirror of {log} is not what was taken in: {kind} at record {index}. Restore it"
                " from a backup, or take the segments in again into another database.",
                log=origin,
                kind=first.kind,
                index="–" if first.index is None else first.index,
            ),
            "mirror_damaged",
            logs=told,
        )
    if shell.json:
        shell.give({"ok": True, "logs": told})
    elif not told:
        shell.say(Message("No log below is trusted here: socai mirror trust"))
    for log, _ in () if shell.json else every:
        shell.say(
            plural(
                "{log}: {n} record, sound.",
                "{log}: {n} records, sound.",
                n=log.size,
                log=log.origin,
            ),
        )


def _segment(path: Path) -> bytes:
    if str(path) == _PIPE:
        return sys.stdin.buffer.read(sealed_segment.MOST_BYTES + 1)
    if not path.is_file():
        misuse(Message("Nothing was taken in: there is no file {path}.", path=path))
    return inbox.read_segment(path)


def _public(path: Path) -> SealingKey:
    try:
        return SealingKey.from_jwk(canonical.parse(path.read_bytes().strip()))
    except KeysError as error:
        misuse(
            Message(
                "No slot was changed: {path} is no public key to seal to ({error}).",
                path=path,
                error=error,
            ),
        )


def _published(sent: PublishedSegment) -> Message:
    return Message(
        "Published {count}, up to {end} of {checkpoint} that are signed; {files},"
        " {left_out} left out.",
        count=plural("{n} record", "{n} records", n=sent.end - sent.start),
        end=sent.end,
        checkpoint=sent.checkpoint,
        files=plural("{n} file", "{n} files", n=sent.files),
        left_out=sent.left_out,
    )


def _taken(name: str, found: TakenIn) -> Message:
    return Message(
        "{name}: {count} taken in, {size} of {checkpoint} are here; {erased} erased;"
        " {files}, {left_out} left out.",
        name=name,
        count=plural("{n} record", "{n} records", n=found.records),
        size=found.size,
        checkpoint=found.checkpoint,
        erased=found.erased,
        files=plural("{n} file", "{n} files", n=found.files),
        left_out=found.left_out,
    )


_AGAIN: Final = Message(
    "Bring it again from where it was published; refused twice, keep it and tell the security"
    " officer"
)
_KEEP: Final = Message("Keep the file, and tell the security officer")
_NEXT: Final[Mapping[str, Message]] = MappingProxyType({
    "replay": Message("It is here already, and nothing is to be done"),
    "gap": Message("Bring the segments before it first"),
    "recipient": Message("Carry the receiving key down again: socai mirror slots"),
    "foreign": Message("Which logs are trusted here: socai mirror status"),
    "genesis": Message("Which logs are trusted here: socai mirror status"),
    "clock": Message("Compare the clocks of both enclaves"),
    "damaged": _AGAIN, "malformed": _AGAIN, "oversize": _AGAIN, "died": _AGAIN,
})  # fmt: skip
"""What to do about a refusal, by its kind; of any other the file is evidence."""


def refused_segment(name: str, refused: SegmentRefused) -> Message:
    """How a segment was refused: by name, why, and what to do."""
    return Message(
        "Nothing of {name} was taken in: {why}. {then}.",
        name=name,
        why=refused.text,
        then=_NEXT.get(refused.kind, _KEEP),
    )


def _told(name: str, found: TakenIn) -> dict[str, object]:
    return {
        "name": name,
        "records": found.records,
        "size": found.size,
        "checkpoint": found.checkpoint,
        "aside": found.aside,
        "erased": found.erased,
        "files": found.files,
        "left_out": found.left_out,
    }


def _moment(at: int) -> str | None:
    return None if at < 0 else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
