"""What a client has seen of one log, kept between calls and between runs (formats.md §7).

A server that shows two histories shows them to different people, or to one at different times: who
remembers the newest checkpoint notices. It moves forward by proof, goes over a recovery that the
log records of itself, and over nothing else; of a break it keeps both notes. Pinned at first
contact are the log's keys and its genesis; where they come from is the caller's to say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from api.client.connection import Refused
from keys import canonical
from keys.errors import Carried, KeysError
from keys.log_keys import LogKeys, Span
from ledger.checkpoints.seen_file import SeenFile
from ledger.errors import Doubt, Unavailable, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import merkle, proof
from ledger.log.checkpoint import Checkpoint
from ledger.log.recovery import Recovery
from ledger.log.verify import Crossed, TrustedLog
from ledger.message import Message, Text

if TYPE_CHECKING:
    from ledger.recovery.evidence import VerifiedRecoveries

CONSISTENCY: Final = "/v1/log/proof/consistency"
INCLUSION: Final = "/v1/log/proof/inclusion"
RECOVERIES: Final = "/v1/log/recoveries"
_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}/[a-z0-9-]{1,99}")
"""Origins that logs have (formats.md §7); a server may say any other."""
_NOT_FOUND: Final = 404
_ATTEMPTS: Final = 8


class Line(Protocol):
    """What is asked of the server, unchecked."""

    def prove(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """A proof or evidence, exactly as it travels. Raises: Refused, Unreachable."""


@dataclass(frozen=True, slots=True)
class LogAnchor:
    """What is believed of a log before anything was seen of it.

    Attributes:
        vkeys: Keys in force, or once in force.
        genesis: Entry of record 0 in lower-case hex.
    """

    vkeys: tuple[str, ...]
    genesis: str


class Unlike(Carried):
    """The server shows another log than was seen before, or what was seen is spoilt.

    Attributes:
        code: A stable word for programs.
        files: What is kept as evidence: the checkpoint seen before, and the one shown now.
        text: A sentence for the reader.
    """

    def __init__(self, code: str, text: Text, files: Sequence[Path] = ()) -> None:
        self.code = code
        self.text = text
        self.files = tuple(files)
        super().__init__(str(text))


def _another(why: str, files: Sequence[Path]) -> Unlike:
    kept = ", ".join(map(str, files)) or "–"
    return Unlike(
        "other_history",
        Message(
            "The server shows another log than was seen before ({why}). Do not trust it; keep"
            " {kept} and give them to an auditor. What was just sent, if anything, may be"
            " recorded there: keep the signed statement.",
            why=why,
            kept=kept,
        ),
        files,
    )


def _spoilt(path: Path, why: str) -> Unlike:
    return Unlike(
        "memory_spoilt",
        Message(
            "What was seen of the log does not open ({path}: {why}). Nothing more is believed;"
            " remove the file only once the log is compared with a published checkpoint.",
            path=path,
            why=why,
        ),
    )


@dataclass(frozen=True, slots=True)
class _Memory:
    """The state of one file."""

    genesis: str
    keys: LogKeys
    note: bytes

    def dump(self) -> bytes:
        spans = [
            {"vkeys": list(span.vkeys), "above": span.above}
            | ({} if span.upto is None else {"upto": span.upto})
            for span in self.keys.spans
        ]
        return canonical.encode(
            {"v": 1, "genesis": self.genesis, "keys": spans, "checkpoint": self.note.decode()}
        )

    @classmethod
    def load(cls, data: bytes) -> _Memory:
        members = canonical.parse(data)
        spans = [
            Span(tuple(one["vkeys"]), one["above"], one.get("upto")) for one in members["keys"]
        ]
        return cls(members["genesis"], LogKeys(tuple(spans)), members["checkpoint"].encode())


def _name_of(origin: str) -> str:
    """A folder's name that no two origins share: no log spoils what was seen of another."""
    if _PLAIN.fullmatch(origin):
        return origin.replace("/", "_")
    return hashlib.sha256(origin.encode()).hexdigest()[:32]


class KnownLog:
    """One log, as far as this client has seen it.

    Args:
        folder: Where clients keep what they have seen; one below it for each log.
        origin: The log.
        anchor: Asked at first contact.
        tell: Hears of each break gone over.
        unkept: Hears why what was seen could not be kept.
    """

    def __init__(
        self,
        folder: Path,
        origin: str,
        anchor: Callable[[], LogAnchor],
        tell: Callable[[Crossed], None] = lambda _: None,
        unkept: Callable[[Doubt | Unavailable], None] = lambda _: None,
    ) -> None:
        self.folder = folder / _name_of(origin)
        self._origin = origin
        self._anchor = anchor
        self._tell = tell
        self._unkept = unkept
        self._store = SeenFile(self.folder)

    @property
    def keys(self) -> LogKeys:
        """The keys of the log by size; none before first contact."""
        memory, _ = self._load()
        return LogKeys() if memory is None else memory.keys

    def meet(self, note: bytes, line: Line) -> Checkpoint:
        """Holds a checkpoint that the server shows against what was seen; the newest one kept.

        Raises:
            Unlike: It is of another history, or not of this log; or what was seen is spoilt.
            Refused: The server gives no proof just now.
            Unreachable: As above.
        """
        for _ in range(_ATTEMPTS):
            memory, kept = self._load()
            if memory is not None and memory.note == note:
                break
            try:
                trusted = self._advanced(memory, note, line)
            except VerificationError as error:
                raise self._unlike(str(error), memory, note) from error
            if self._replace(kept, trusted):
                break
        return checkpoints.unverified(note)

    def _advanced(self, memory: _Memory | None, note: bytes, line: Line) -> _Memory:
        """The memory after this note; unchanged where it is older. Raises: VerificationError."""
        if memory is None:
            anchor = self._anchor()
            log, genesis = TrustedLog(self._origin, LogKeys.of(anchor.vkeys)), anchor.genesis
        else:
            held = checkpoints.unverified(memory.note)
            log, genesis = TrustedLog(self._origin, memory.keys, held), memory.genesis
        newest = None if memory is None else memory.note
        if not self._opens(log, note):
            newest = self._cross(log, genesis, line)
        met = log.opened(note)
        trusted = log.trusted
        if trusted is not None and met.size < trusted.size:
            newest = self._under(log, genesis, met, trusted, line) or newest
        elif trusted is None or met != trusted:
            old = 0 if trusted is None else trusted.size
            hashes = self._consistency(line, old, met.size, "consistency") if old < met.size else ()
            log.advance(note, hashes)
            newest = note
        if memory is None:
            newest = self._require_genesis(log, genesis, line) or newest
        return _Memory(genesis, log.keys, newest or note)

    def _opens(self, log: TrustedLog, note: bytes) -> bool:
        try:
            log.opened(note)
        except VerificationError:
            return False
        return True

    def _cross(self, log: TrustedLog, genesis: str, line: Line) -> bytes | None:
        """Goes over what the log records of itself; the note that it led to."""
        given = self._shown(genesis, line)
        if given is None:
            return None  # never recovered: the note is by no key of this log
        shown, text = given
        left = log.left(shown.recoveries)
        hashes: tuple[bytes, ...] = ()
        if left is not None and 0 < left.size < shown.checkpoint.size:
            hashes = self._consistency(line, left.size, shown.checkpoint.size, "consistency")
        note = text.encode()
        for crossed in log.cross(shown.recoveries, shown.keys, note, hashes):
            self._tell(crossed)
        return note

    def recoveries(self, line: Line) -> Sequence[Recovery]:
        """Every recovery of the log that was met, oldest first, each verified from its genesis.

        Raises:
            VerificationError: What is shown of them does not hold.
            Refused, Unreachable: As `meet`.
        """
        memory, _ = self._load()
        given = None if memory is None else self._shown(memory.genesis, line)
        return () if given is None else given[0].recoveries

    def _shown(self, genesis: str, line: Line) -> tuple[VerifiedRecoveries, str] | None:
        """What shows the recoveries lawful, and its note; None where the log had none."""
        from ledger.recovery.evidence import RecoveryEvidence  # noqa: PLC0415  not on every start

        try:
            given = RecoveryEvidence.from_json(line.prove(RECOVERIES, {}))
        except Refused as error:
            if error.status != _NOT_FOUND:
                raise
            return None
        level = self._origin.rpartition("/")[2]
        verified = given.verified(origin=self._origin, level=level, genesis=genesis)
        return verified, given.checkpoint

    def _under(
        self, log: TrustedLog, genesis: str, met: Checkpoint, trusted: Checkpoint, line: Line
    ) -> bytes | None:
        """That an older checkpoint is the beginning of what is trusted; the note that it led to.

        A log keeps not every note (docs/operate/retention.md): where it has that of the trusted
        size no more, both are held against its newest.
        """
        try:
            self._hold_beginning(met, trusted, line)
        except VerificationError:
            given = self._newer(trusted.size, line)
            if given is None:
                raise
            note = given.checkpoint.encode()
            if self._opens(log, note):
                log.extend(given)
            else:
                note = self._cross(log, genesis, line) or note
            self._hold_beginning(met, log.trusted or trusted, line)
            return note
        return None

    def _hold_beginning(self, met: Checkpoint, trusted: Checkpoint, line: Line) -> None:
        hashes = self._consistency(line, met.size, trusted.size, "rollback")
        merkle.verify_consistency(met.size, trusted.size, hashes, met.root, trusted.root)

    def _newer(self, size: int, line: Line) -> proof.Consistency | None:
        """From a size to the newest that the log has; None where it shows nothing."""
        try:
            return proof.consistency_from_json(line.prove(CONSISTENCY, {"from": size}))
        except Refused as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    def _consistency(self, line: Line, old: int, new: int, kind: str) -> tuple[bytes, ...]:
        if old == 0:
            return ()
        try:
            found = line.prove(CONSISTENCY, {"from": old, "to": new})
        except Refused as error:
            if error.status != _NOT_FOUND:
                raise
            message = f"nothing shows that {old} records are the beginning of {new}"
            raise VerificationError(kind, message, old) from error
        return proof.consistency_from_json(found).hashes

    def _require_genesis(self, log: TrustedLog, genesis: str, line: Line) -> bytes | None:
        """Record 0 is the one that is trusted: recoveries are judged from there on.

        Returns:
            The note that this led to, where the log keeps that of the trusted size no more.
        """
        trusted, note = log.trusted, None
        if trusted is None or not trusted.size:
            return None
        asked = {"index": 0, "size": trusted.size}
        try:
            given = proof.inclusion_from_json(line.prove(INCLUSION, asked))
        except Refused as error:
            newer = self._newer(trusted.size, line) if error.status == _NOT_FOUND else None
            if newer is None:
                raise
            note = newer.checkpoint.encode()
            log.extend(newer)
            asked = {"index": 0, "size": newer.new}
            given = proof.inclusion_from_json(line.prove(INCLUSION, asked))
        log.includes(given, bytes.fromhex(genesis))
        return note

    def _load(self) -> tuple[_Memory | None, bytes | None]:
        path = self.folder / "checkpoint"
        try:
            kept = self._store.read()
            if kept is None:
                return None, None
            memory = _Memory.load(kept)
            TrustedLog(self._origin, memory.keys).opened(memory.note)
        except (Doubt, KeysError, VerificationError, KeyError, TypeError, ValueError) as error:
            raise _spoilt(path, str(error)) from error
        return memory, kept

    def _replace(self, kept: bytes | None, memory: _Memory) -> bool:
        """False where another run has moved the memory meanwhile: it is asked again."""
        data = memory.dump()
        if data == kept:
            return True
        try:
            with self._store.alone():
                if self._store.read() != kept:
                    return False
                self._store.write(data)
        except (Doubt, Unavailable) as error:  # a home that cannot be written to: it is said
            self._unkept(error)
        return True

    def _unlike(self, why: str, memory: _Memory | None, note: bytes) -> Unlike:
        """Keeps both notes where nothing writes over them."""
        stem = hashlib.sha256(note).hexdigest()[:12]
        notes = {f"{stem}.met.checkpoint": note}
        if memory is not None:
            notes = {f"{stem}.seen.checkpoint": memory.note, **notes}
        folder, files = self.folder / "evidence", []
        with suppress(OSError):  # the sentence names what is there
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name, held in notes.items():
                path = folder / name
                if not path.exists():
                    path.write_bytes(held)
                files.append(path)
        return _another(why, files)
