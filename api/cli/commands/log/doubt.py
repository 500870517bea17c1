"""For the operator: what this home remembers of its log, and going on after a stop on doubt.

`log remember` and `serve --checkpoint` give a memory to a home without a good one; `log resume`
takes the marks away that stopped processes left. Both ask the log first. Not: what is doubted, and
by whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from api.cli.commands.log.kept_checkpoint import (
    CheckpointFile,
    KeptCheckpoint,
    by_log,
    kept_checkpoints,
)
from api.cli.terminal.audit_tables import progressing, show
from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import Shell, fail, options, shell_of
from api.home import EnclaveFacts, Home, memory_needed
from api.ops import database
from api.ops.enclave_audit import Audited, run, seen_notes, seen_reads
from api.ops.reads.which_log import ACTS, READS, REMEMBERING_READS
from api.ops.service.roles import API, CHECKPOINTER, FOLLOWER, KEEPER, PROJECTOR, REMEMBERING, ROLES
from api.ops.wiring.genesis import require_genesis
from api.ops.wiring.keeper import open_keeper
from api.ops.wiring.key_files import log_signers, open_kek
from api.ops.wiring.logins import role_dsn
from api.settings import ORDINARY, Settings, SettingsError
from api.texts import damage
from api.texts.catalogue import in_each, translate
from keys.note import VKey
from ledger.audit.findings import IN_THE_CHECKPOINTERS_PLACE, Damage
from ledger.checkpoints.seen_checkpoint import SeenCheckpoint, require
from ledger.checkpoints.seen_file import DoubtMark, SeenFile
from ledger.checkpoints.tree_growth import late
from ledger.errors import Doubt
from ledger.log.checkpoint import Checkpoint, unverified
from ledger.message import Message, Text
from ledger.postgres.checkpoints import PostgresCheckpoints
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.definitions import of_a_newer_program
from ledger.postgres.records import PostgresRecords
from ledger.postgres.tiles import PostgresTiles
from ledger.streams.record_reader import Reader
from ledger.write.log_keys_follower import FollowedKeys
from ledger.write.registry_follower import RegistryFollower

_LOGINS: Final = {
    API: "reader",
    FOLLOWER: PROJECTOR,
    **dict.fromkeys(REMEMBERING_READS, CHECKPOINTER),
}
"""The login by which a role reads the tree, where it has another name."""
_JUDGES: Final = {
    API: "writer",
    FOLLOWER: PROJECTOR,
    **dict.fromkeys(REMEMBERING_READS, CHECKPOINTER),
}
"""The login by which a role judges the registry: a grant in a case rests on all of that case."""


def remember(settings: Settings, roles: Iterable[str], known: bytes | None) -> Sequence[Path]:
    """Sees to it that each role knows how far the log has signed before it starts.

    Args:
        settings: Of the home.
        roles: Which will start.
        known: The last known checkpoint, where the operator names one: the log must hold it.

    Returns:
        Where each memory is now that did not open: it is set aside as evidence.

    Raises:
        SettingsError: No enclave, or a role has no memory and no checkpoint is named.
        Doubt: The log does not hold what a role remembers, or what is named; nothing is changed.
    """
    home = Home(settings)
    home.facts()
    if known is None:
        for role in roles:
            if SeenFile(home.seen_folder(role)).read() is None:
                raise memory_needed(home.seen_folder(role))
        return []
    with database.reachable(settings) as facts, ExitStack() as stack:
        memories = [stack.enter_context(_memory(settings, facts, role)) for role in roles]
        for memory in memories:
            memory.require(known)
        aside = [path for memory in memories if (path := memory.take(known)) is not None]
    for path in aside:
        shell_of().note(Message("A memory that did not open is set aside: {path}", path=path))
    return aside


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a role remembers, opened as the role itself opens it, beside what it is held against."""

    role: str
    store: SeenFile
    seen: SeenCheckpoint
    records: PostgresRecords
    tiles: PostgresTiles
    checkpoints: PostgresCheckpoints

    def doubt(self) -> Doubt | None:
        """Why the role would stop: its memory does not open, or the log does not hold it."""
        try:
            self._hold(self.seen.last().checkpoint)
        except Doubt as doubt:
            return doubt
        return None

    def require(self, known: bytes) -> None:
        """That the log holds both. Raises: Refusal, Doubt."""
        try:
            opened = self.seen.opened(known)
        except Doubt as doubt:
            size = unverified(known).size
            fail(
                Message(
                    "Nothing was remembered: the checkpoint named, of {size} records, is signed"
                    " by no key that {role} believes at that size ({doubt}). Name a new one, by"
                    " the key in force; a machine that serves the log has it: socai log"
                    " checkpoint",
                    size=size,
                    role=self.role,
                    doubt=doubt.text,
                ),
                "no_checkpoint_of_this_log",
            )
        found = self.doubt()
        if found is not None and found.kind in ("shorter", "forked"):
            raise found
        self._hold(opened.checkpoint)

    def _hold(self, seen: Checkpoint) -> None:
        """That the log holds it, also where a stop came between signing and storing it."""
        stored = self.checkpoints.latest()
        size = 0 if stored is None else stored[0]
        if size < seen.size:
            late(seen, self.records, size, self.tiles)
        else:
            require(seen, self.records.head().size, self.tiles)

    def take(self, known: bytes) -> Path | None:
        """Moves on to what was required; where a memory is set aside that does not open."""
        if self.doubt() is None:
            self.seen.keep(known)
            return None
        aside = self.store.set_aside()
        self.seen.begin(known)
        return aside


@contextmanager
def _memory(settings: Settings, facts: EnclaveFacts, role: str) -> Iterator[_Memory]:
    store = SeenFile(Home(settings).seen_folder(role))
    with ExitStack() as open_:

        def pool(logins: Mapping[str, str]) -> Pool:
            dsn = role_dsn(settings, facts, logins.get(role, role))
            return open_.enter_context(closing(open_pool(dsn, most=1)))

        own, which = pool(_LOGINS), READS if role in REMEMBERING_READS else ACTS
        keys = _keys(settings, facts, role, PostgresRecords(pool(_JUDGES)))
        seen = SeenCheckpoint(store, keys, which.origin(facts))
        yield _Memory(
            role,
            store,
            seen,
            PostgresRecords(own, which.schema),
            PostgresTiles(own, which.schema),
            PostgresCheckpoints(own, which.schema),
        )


def _keys(
    settings: Settings, facts: EnclaveFacts, role: str, records: PostgresRecords
) -> Callable[[int], Sequence[VKey]]:
    """What a role opens its memory with: the checkpointer its own keys, others those of the log."""
    if role in (CHECKPOINTER, *REMEMBERING_READS):
        which = ACTS if role == CHECKPOINTER else READS
        own = [signer.vkey for signer in log_signers(settings, which=which)]
        return lambda _: own
    reader = Reader(records, open_kek(settings), facts.origin, facts.level)
    require_genesis(reader, facts)
    follower = RegistryFollower(records, reader)
    return FollowedKeys(lambda: follower).at


def refuse_in_doubt(settings: Settings) -> None:
    """Starts nothing as a whole while a part is stopped on doubt; reading alone may be served.

    Raises:
        Refusal: With the reason.
    """
    _warn_of_reads(Home(settings))
    for role in ROLES:
        reason = DoubtMark(Home(settings).seen_folder(role)).reason()
        if reason is not None:
            fail(
                Message(
                    "Nothing was started: {role} stopped on doubt ({reason}). Run: socai log"
                    " resume; to read meanwhile: socai serve --role api",
                    role=role,
                    reason=reason,
                ),
                "in_doubt",
            )


def _warn_of_reads(home: Home) -> None:
    """Doubt about the log of reads stops nothing but its signing."""
    reason = DoubtMark(home.seen_folder(READS.seen)).reason()
    if reason is not None:
        shell_of().note(
            Message(
                "The log of reads is in doubt and not signed ({reason}); see: socai log resume",
                reason=reason,
            )
        )


@click.command("remember")
@click.argument("checkpoint", metavar="FILE", type=KeptCheckpoint())
@options
@guarded
def remember_(checkpoint: CheckpointFile) -> None:
    """Tell this home its log's last known checkpoint; the log must hold it. Starts nothing.

    For a new machine, and where what a process has seen is lost or damaged: that is set aside, not
    deleted. Told are the processes whose password of the database is here. FILE is a checkpoint
    kept elsewhere; - reads standard input.
    """
    shell, size = shell_of(), unverified(checkpoint.note).size
    settings = Settings.from_env()
    home = Home(settings)
    home.facts()
    of_reads = unverified(checkpoint.note).origin == READS.origin(home.facts())
    roles = [
        role
        for role in (REMEMBERING_READS if of_reads else REMEMBERING)
        if all(home.has_password(logins.get(role, role)) for logins in (_LOGINS, _JUDGES))
    ]
    if not roles:
        raise SettingsError(
            Message(
                "no process's password is in {secrets_dir}; nothing was remembered",
                secrets_dir=settings.secrets_dir,
            ),
        )
    aside = remember(settings, roles, checkpoint.note)
    told = ", ".join(roles)
    shell.done(
        Message(
            "The checkpoint of {size} records is remembered for {told}; the log holds it. If a"
            " process stopped on doubt: socai log resume; then: socai serve",
            size=size,
            told=told,
        ),
        size=size,
        roles=roles,
        set_aside=list(map(str, aside)),
    )


@click.command()
@kept_checkpoints("A checkpoint kept elsewhere; the log must lead to it too.")
@options
@guarded
def resume(kept: tuple[CheckpointFile, ...]) -> None:
    """Let processes go on that stopped on doubt: only if the whole log is sound again.

    What this home has seen is held against the log first, whether a process left a mark or not. The
    audit also holds the log to every checkpoint that is named. Exit 1 where it finds damage to
    records, tree or checkpoints: the marks stay, and nothing is signed. Damage to files and their
    custody is shown, and keeps nobody from going on.
    """
    shell = shell_of()
    settings = Settings.from_env()
    home = Home(settings)
    home.facts()  # nothing is sound where nothing is
    marks = {role: DoubtMark(home.seen_folder(role)) for role in (*ROLES, READS.seen)}
    reasons = {role: reason for role, mark in marks.items() if (reason := mark.reason())}
    for role, reason in reasons.items():
        shell.note(Message("{role} stopped: {reason}", role=role, reason=reason))
    with database.reachable(settings) as facts:
        doubts = dict(doubts_of(settings, facts))
        _open_again(shell, settings, facts)
        if not reasons and not doubts:
            shell.done(Message("Nothing is in doubt."), cleared=[])
            return
        _refuse_unopened(settings, doubts, reasons)
        of_acts, of_reads = by_log(kept, facts)
        with progressing(shell) as progress:
            found = run(
                settings,
                facts,
                progress,
                trusted=[*seen_notes(settings, facts).notes, *of_acts],
                views=False,
                trusted_reads=[*seen_reads(settings, facts).notes, *of_reads],
            )
    if not shell.json:
        show(shell, found)
    unlike = [doubts.pop(role) for role in REMEMBERING_READS if role in doubts]
    bad_reads = bool(unlike) or not found.sound_reads
    alone = bad_reads and not doubts and reasons.keys() <= {READS.seen}
    if doubts or found.of_the_log or found.altered or alone:
        out = _way_out(found)
        fail(
            Message("Nothing is signed yet: {out}", out=out),
            "in_doubt",
            doubts={role: shell.text(doubt.text) for role, doubt in doubts.items()},
            audit=found.as_dict(),
        )
    if bad_reads:
        shell.note(
            Message(
                "The log of reads stays in doubt and unsigned: put the right database back; if it"
                " is lost: socai log recover-reads."
            )
        )
    for role, mark in marks.items():
        if role != READS.seen or not bad_reads:
            mark.clear()
    shell.done(
        Message("The log holds all that this home has seen; the processes may go on: socai serve"),
        cleared=list(reasons),
        audit=found.as_dict(),
    )


def _open_again(shell: Shell, settings: Settings, facts: EnclaveFacts) -> None:
    """Where the keeper opens nothing any more it goes on; that it had stopped stays written."""
    if facts.level == ORDINARY or not Home(settings).has_password(KEEPER):
        return
    keeper, _, pool = open_keeper(settings, facts=facts)
    try:
        keeper.reckon()
        if (reason := keeper.doubt) is not None:
            keeper.accept()
            shell.note(Message("keeper stopped, and opens again: {reason}", reason=reason))
    finally:
        pool.close()


def _way_out(found: Audited) -> Text:
    """What to do about the first thing that is in the way."""
    put_back = Message(
        "Put the right database back, then run this again; if it is lost: socai log recover."
    )
    planted = [one for one in found.of_the_log if one.kind in IN_THE_CHECKPOINTERS_PLACE]
    first = next(iter([*planted, *found.of_the_log]), None)
    if first is None and (newer := of_a_newer_program(found.altered)):
        return Message(
            "the database says that a newer program migrated it ({names}). Run this with that"
            " program; where no release has it, somebody else wrote it there.",
            names=", ".join(newer),
        )
    if first is None and found.altered:
        return Message(
            "definitions in the database are not as shipped. Run socai migrate, then this again."
        )
    if first is None:
        return Message(
            "the log is not the one that this home has seen. {put_back}", put_back=put_back
        )
    what = Message("index {index}, {finding}", index=first.index, finding=damage.finding(first))
    if planted:
        return Message(
            "{what}. Take away what the log did not sign: socai log discard, then run this again."
            " If that takes nothing away: {put_back}",
            what=what,
            put_back=in_each(lambda lang: _lowered(translate(put_back, lang))),
        )
    if first.kind is Damage.AGAINST_THE_RULES:
        return Message(
            "{what}. Two registrars void this record, by socai serve --role api: socai log void"
            " {index}; then run this again.",
            what=what,
            index=first.index,
        )
    return Message(
        "{what}. {put_back} If the record is set aside (socai log status): socai log void.",
        what=what,
        put_back=put_back,
    )


def _lowered(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}"


def doubts_of(settings: Settings, facts: EnclaveFacts) -> Mapping[str, Doubt]:
    """Which roles of the home would stop, and why; one that has seen nothing is asked nothing."""
    found = {}
    for role in (*REMEMBERING, *REMEMBERING_READS):
        if not SeenFile(Home(settings).seen_folder(role)).path.exists():
            continue  # its login and keys may lie on another machine too
        with _memory(settings, facts, role) as memory:
            doubt = memory.doubt()
        if doubt is not None:
            found[role] = doubt
    return found


def _refuse_unopened(
    settings: Settings, doubts: Mapping[str, Doubt], stopped: Iterable[str]
) -> None:
    """A memory that does not open says nothing of the log: no audit could answer it.

    What stopped and remembers nothing would stop again, whatever an audit says.
    """
    for role, doubt in doubts.items():
        if doubt.kind == "damaged":
            path = SeenFile(Home(settings).seen_folder(role)).path
            fail(
                Message(
                    "Nothing goes on yet: {path} does not open ({doubt}). Name a checkpoint"
                    " kept elsewhere: socai log remember FILE; then run this again.",
                    path=path,
                    doubt=doubt.text,
                ),
                "memory_unopened",
            )
    for role in stopped:
        store = SeenFile(Home(settings).seen_folder(role))
        if store.read() is None:
            fail(
                Message(
                    "Nothing goes on yet: {path} is not there. Name a checkpoint kept elsewhere:"
                    " socai log remember FILE; then run this again.",
                    path=store.path,
                ),
                "memory_unopened",
            )
