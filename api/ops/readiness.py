"""Whether an enclave can serve: database, checkpoints, log, views, disk and clock (http.md §7).

What lags is judged by how long the oldest record waits, from the database and by its clock: a
process knows only what it has seen itself.
"""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final, Literal, get_args

from api.home import EnclaveFacts, Home
from api.ops import telemetry
from api.ops.home_notes import last_audited
from api.ops.reads.access_log import remembered
from api.ops.wiring.blob_store import scratch_folder
from api.settings import Settings, SettingsError
from keys.envelope_encryption import Keks, kek_id_of
from keys.errors import KeyAway, KeysError, Unsealable
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.seen_checkpoint import planted
from ledger.checkpoints.seen_file import DoubtMark
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.errors import Doubt, LedgerError, VerificationError
from ledger.files.custody_anchors import Anchoring
from ledger.message import Message, Text, plural
from ledger.ports import Clock, LogHead
from ledger.postgres.connect import is_refused
from ledger.postgres.keeping.vitals import PostgresVitals
from ledger.postgres.records import PostgresRecords
from projections.engine.generations import ViewState
from projections.queries.view_positions import ViewPositions
from projections.views.acts import MOST_COUNTED
from projections.views.all_views import VIEWS

Part = Literal[
    "database", "checkpointer", "log", "reads", "projection", "custody", "keeper", "set_aside",
    "disk", "writes", "hints", "clock", "ticket", "kek",
]  # fmt: skip
"""What is asked."""
PARTS: Final[tuple[str, ...]] = get_args(Part)
_PATIENCE_S: Final = 10.0
_APART_S: Final = 10.0
"""How far this machine's clock may be from the database's: NTP keeps them within a fraction."""
_MOST_S: Final = 1.8
"""How long whoever asks waits: who watches gives up after two seconds."""
_DATABASE_AWAY: Final = Message("the database lies on another machine")
_NO_ROOM: Final = Message("less than {least} MiB are free: make room")
_NO_ROOM_FOR_FILES: Final = Message(
    "less than {least} MiB are free where files of acts lie, and none is taken: make room"
)
_SILENT: Final = Message("does not answer: see whether its server runs or hangs, and its disk")
_WRITES: Final = Message("the database can write")
_REFUSED: Final = Message(
    "refuses a login of this process; its server's log says why. Where the password was changed,"
    " run: socai migrate, then start this process again"
)
_NO_WRITES: Final = Message(
    "the database cannot write: its disk is full, or it is a standby. Make room, or name the"
    " primary"
)
_UNHEARD: Final = Message(
    "notices are not heard: a pooler keeps no sessions, and proofs take up to a second longer"
)
_UNKNOWN: Final = Message("has not been reached since this process started")
_ANCHORED: Final = Message("the custody of files is anchored")
_UNANCHORED: Final = Message("the custody of files cannot be anchored; run: socai log audit")
_KEPT: Final = Message("what was opened is what was noted")
_SHUT: Final = Message(
    "what was opened is not what was noted: nothing is opened any more. See the keeper's log, then"
    " run: socai log resume"
)
_AWAY: Final = Message("the keeper does not answer: nothing of a case is opened")
_TICKET: Final = Message(
    "the database does not take this server's ticket: no case is shown. Run: socai migrate, where"
    " ticket.key is the API's"
)
_TICKET_ENDED: Final = Message(
    "this machine's clock is so far behind the database's that its tickets have ended as they are"
    " made: no case is shown. Keep both by NTP"
)
_UNLISTED: Final = ("ticket", "kek")
"""Checks that are listed only where they are not well."""
_OTHER_KEK: Final = Message(
    "records are under another KEK than this machine has: nothing is opened or recorded. Bring"
    " kek.socaikek from where the epoch was turned; it is taken up without a restart"
)
_CLOCK_OF_RECORDS: Final = Message("the ledger's clock is that of its records")
_NOT_BEHIND: Final = Message("not behind the log")
_BEHIND: Final = Message(
    "{behind} s behind the last record, which was dated by a clock ahead if this one is right: set"
    " it by NTP; nothing is recorded until it has passed that record"
)
_AS_SEEN: Final = Message("agrees with the checkpoint last seen")
_STOPPED: Final = {
    "checkpointer": Message("the checkpointer stopped: {reason}"),
    "projector": Message("what keeps the views up to date stopped: {reason}"),
}
# Whoever asks is anybody, and how much is read is told to nobody (access.md D2): without figures.
_READS: Final = Message("reads can be noted")
_NO_READS: Final = Message(
    "the log of reads is in doubt: nothing is shown that needs a row of it. Run: socai log resume"
)
_UNREMEMBERED: Final = Message(
    "how far the log of reads has signed is not known here: nothing is shown that needs a row of"
    " it. Run: socai log remember FILE, with a checkpoint of reads kept elsewhere"
)


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """One part of the service and whether it is well (http.md §7)."""

    name: Part
    ok: bool
    detail: Text


class Readiness:
    """Asked by whoever starts, stops or watches the service.

    Attributes:
        anchoring: What anchors the custody of files in this process; None where nothing does.
    """

    def __init__(  # noqa: PLR0913 - the parts it asks
        self,
        settings: Settings,
        facts: EnclaveFacts,
        *,
        clock: Clock,
        records: PostgresRecords,
        checkpoints: SignedCheckpoints,
        watch: LogWatch,
        positions: ViewPositions,
        vitals: PostgresVitals,
        doubt_of_reads: Callable[[], Text | None],
        believed: Callable[[], bool],
        started: Callable[[], bool] = lambda: True,
        deaf: Callable[[], bool] = lambda: False,
        keeper: Callable[[], bool] | None = None,
        kek: Keks | None = None,
    ) -> None:
        self._settings = settings
        self._facts = facts
        self._clock = clock
        self._records = records
        self._checkpoints = checkpoints
        self._watch = watch
        self._positions = positions
        self._vitals = vitals
        self._doubt_of_reads = doubt_of_reads
        self._believed = believed
        self._keeper = keeper
        self._kek = kek
        self._started = started
        self._deaf = deaf
        self.anchoring: Anchoring | None = None
        self._progress = _Progress()
        self._turn = threading.Lock()
        self._asker = ThreadPoolExecutor(1, "readiness")
        self._asking: Future[list[ReadinessCheck]] | None = None
        self._refused = False

    def checks(self) -> list[ReadinessCheck]:
        """One line for each part, within two seconds; names no case."""
        found = self._found()
        audited_at, sound = last_audited(self._settings)
        telemetry.AUDIT_AT.set(audited_at)
        telemetry.AUDIT_OK.set(int(sound))
        told = [(one.name, one.ok) for one in found]
        # all was asked: what is not listed while it is well is well, and its alarm ends
        told += [(name, True) for name in _UNLISTED] if ("database", True) in told else []
        telemetry.told(told, self._clock.now())
        return found

    def _found(self) -> list[ReadinessCheck]:
        """However many ask at once, and however a database hangs, it is asked once at a time."""
        with self._turn:
            if self._asking is None or self._asking.done():
                self._asking = self._asker.submit(self._asked)
            asking = self._asking
        try:
            return asking.result(_MOST_S)
        except TimeoutError:
            told = _REFUSED if self._refused else _SILENT  # a refusal is tried until then too
            return [ReadinessCheck("database", ok=False, detail=told), self._disk()]

    def close(self) -> None:
        """Asks no more."""
        self._asker.shutdown(wait=False, cancel_futures=True)

    def _asked(self) -> list[ReadinessCheck]:
        if not self._started():
            return [ReadinessCheck("database", ok=False, detail=_UNKNOWN), self._disk()]
        try:
            # before the head, which only grows
            (covered, unsigned), states = self._covered(), self._positions.status()
            altered, aside = self._positions.altered(), self._positions.set_aside()
            head = self._records.head()
            live = {state.view: state for state in states if state.state == "live"}
            lacking = {covered, *(state.position + 1 for state in live.values())}
            ages, now = self._vitals.ages(sorted(lacking)), self._vitals.now()
            writes, believed, opens = self._vitals.writes(), self._believed(), self._opens()
        except LedgerError as error:
            self._refused = is_refused(error)
            name = type(error.__cause__ or error).__name__
            told = _REFUSED if self._refused else Message("cannot be read ({name})", name=name)
            return [ReadinessCheck("database", ok=False, detail=told), self._disk()]
        self._refused = False
        uncovered = head.size - covered
        telemetry.LOG_SIZE.set(head.size)
        telemetry.UNCOVERED.set(uncovered)
        telemetry.UNCOVERED_S.set(ages.get(covered, 0.0))
        ahead_s = (self._clock.now() - now).total_seconds()
        telemetry.CLOCK_OFFSET_S.set(ahead_s)
        checks = [
            ReadinessCheck(
                "database", ok=True, detail=plural("{n} record", "{n} records", n=head.size)
            ),
            ReadinessCheck(
                "checkpointer",
                ok=uncovered >= 0 and self._timely("checkpointer", uncovered, covered, ages),
                detail=plural(
                    "{n} record without a checkpoint",
                    "{n} records without a checkpoint",
                    n=uncovered,
                ),
            ),
        ]
        checks += [self._memory(unsigned), self._reads()]
        checks += [self._view(view.name, live.get(view.name), head, ages) for view in VIEWS]
        checks += [_altered(table) for table in altered]
        checks += self._custody() + self._kept()
        telemetry.SET_ASIDE.set(aside.count)
        checks += [_aside(aside.count, aside.first[0])] if aside.first else []
        checks += _shut(ahead_s, believed=believed, opens=opens)
        checks += [ReadinessCheck("hints", ok=True, detail=_UNHEARD)] if self._deaf() else []
        checks += [_writing(ok=writes), self._disk(), self._time(head.recorded_at, now)]
        return checks

    def _timely(self, part: str, lag: int, position: int, ages: Mapping[int, float]) -> bool:
        """Whether what a part lacks has not waited for long: by the oldest, and the database.

        In a rehearsal the times of records are those of their senders: there it is enough that it
        still moves.
        """
        if self._facts.rehearsal:
            return self._progress.fine(part, lag, position)
        return ages.get(position, 0.0) <= _PATIENCE_S

    def _covered(self) -> tuple[int, Doubt | None]:
        """How many records are signed over, and whether somebody else stored a checkpoint there."""
        try:
            latest = self._checkpoints.latest()
        except VerificationError as error:
            what = Message("the last checkpoint does not hold: {detail}", detail=error)
            return self._watch.covered, planted(what)
        return (latest[0] if latest else 0), None

    def _memory(self, unsigned: Doubt | None) -> ReadinessCheck:
        """Also what the loops stop on, or did where their folders are on this machine."""
        doubt = self._watch.doubt or unsigned
        if doubt is not None:
            return ReadinessCheck("log", ok=False, detail=doubt.text)
        for role, stopped in _STOPPED.items():
            reason = DoubtMark(Home(self._settings).seen_folder(role)).reason()
            if reason is not None:
                return ReadinessCheck("log", ok=False, detail=stopped.filled(reason=reason))
        return ReadinessCheck("log", ok=True, detail=_AS_SEEN)

    def _reads(self) -> ReadinessCheck:
        """Whether reads can be noted that must be, as far as this process knows."""
        try:
            well = self._doubt_of_reads() is None
            known = well or remembered(self._settings)
        except (LedgerError, KeysError, SettingsError):
            well, known = False, True
        told = _NO_READS if known else _UNREMEMBERED
        return ReadinessCheck("reads", ok=well, detail=_READS if well else told)

    def _view(
        self, name: str, state: ViewState | None, head: LogHead, ages: Mapping[int, float]
    ) -> ReadinessCheck:
        if state is None:
            told = Message("{view}: there is none to read", view=name)
            return ReadinessCheck("projection", ok=False, detail=told)
        lag, (_, seconds) = head.size - 1 - state.position, state.behind(head)
        telemetry.PROJECTION_LAG.labels(state.view).set(lag)
        telemetry.PROJECTION_UNJUDGED.labels(state.view).set(state.position - state.judged)
        telemetry.PROJECTION_LAG_S.labels(state.view).set(-1 if seconds is None else seconds)
        telemetry.PROJECTION_STOPPED.labels(state.view).set(int(state.stopped))
        timely = self._timely(state.view, lag, state.position + 1, ages)
        fine = not state.stopped and lag >= 0 and timely
        told = plural("{n} record behind", "{n} records behind", n=lag)
        if seconds is not None:
            told = plural(
                "{n} record, {seconds} s behind",
                "{n} records, {seconds} s behind",
                n=lag,
                seconds=seconds,
            )
        if state.stopped:
            told = Message("stopped at record {error_at}", error_at=state.error_at)
        detail = Message("{view}: {told}", view=state.view, told=told)
        return ReadinessCheck("projection", ok=fine, detail=detail)

    def _custody(self) -> list[ReadinessCheck]:
        """Where this process anchors the custody of files: whether it still does."""
        if self.anchoring is None:
            return []
        well = self.anchoring.doubt is None
        return [ReadinessCheck("custody", ok=well, detail=_ANCHORED if well else _UNANCHORED)]

    def _kept(self) -> list[ReadinessCheck]:
        """Above ordinary: whether the keeper answers, and opens what is asked for by the rules."""
        if self._keeper is None:
            return []
        try:
            well, told = self._keeper(), _SHUT
        except LedgerError:
            well, told = False, _AWAY
        return [ReadinessCheck("keeper", ok=well, detail=_KEPT if well else told)]

    def _opens(self) -> bool:
        """Whether the KEK here is of the epoch of record 0, which every turn moves.

        A machine with a copy of the keys has that of before until somebody brings the new one.
        """
        found = self._records.read(0, 1) if self._kek is not None else []
        if self._kek is None or not found or (wrap := found[0].wrap) is None:
            return True
        try:
            self._kek.of(kek_id_of(wrap))
        except Unsealable:
            return False
        except KeyAway:
            return True  # nobody can tell, and whoever opens something is told that
        return True

    def _disk(self) -> ReadinessCheck:
        """Room beside the embedded database, and where files of acts wait until they are kept."""
        settings, least = self._settings, self._settings.min_free_mib
        embedded = settings.database_url is None
        # anybody may ask, and another enclave may write to the disk: no figure of it is told
        if embedded and free_bytes(settings.home) >> 20 < least:
            return ReadinessCheck("disk", ok=False, detail=_NO_ROOM.filled(least=least))
        if free_bytes(scratch_folder(settings)) >> 20 < least:
            return ReadinessCheck("disk", ok=False, detail=_NO_ROOM_FOR_FILES.filled(least=least))
        told = Message("{least} MiB or more are free", least=least) if embedded else _DATABASE_AWAY
        return ReadinessCheck("disk", ok=True, detail=told)

    def _time(self, last: datetime | None, database: datetime) -> ReadinessCheck:
        if self._facts.rehearsal or last is None:
            return ReadinessCheck("clock", ok=True, detail=_CLOCK_OF_RECORDS)
        apart = abs(self._clock.now() - database).total_seconds()
        if apart > _APART_S:
            told = Message(
                "{apart} s apart from the database's clock: keep both by NTP", apart=round(apart)
            )
            return ReadinessCheck("clock", ok=False, detail=told)
        behind = (last - self._clock.now()).total_seconds()
        well = behind <= 1
        told = _NOT_BEHIND if well else _BEHIND.filled(behind=math.ceil(behind))
        return ReadinessCheck("clock", ok=well, detail=told)


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder."""
    return shutil.disk_usage(folder).free


def _refused(ahead_s: float) -> ReadinessCheck:
    """No key mends a ticket that has ended: the database judges its end by its own clock."""
    told = _TICKET_ENDED if ahead_s < -_APART_S else _TICKET
    return ReadinessCheck("ticket", ok=False, detail=told)


def _shut(ahead_s: float, *, believed: bool, opens: bool) -> list[ReadinessCheck]:
    """What is listed only where it is not well."""
    keys = [] if opens else [ReadinessCheck("kek", ok=False, detail=_OTHER_KEK)]
    return keys if believed else [_refused(ahead_s), *keys]


def _writing(*, ok: bool) -> ReadinessCheck:
    """Reads go on where it cannot; every act is answered 503."""
    return ReadinessCheck("writes", ok=ok, detail=_WRITES if ok else _NO_WRITES)


def _altered(table: str) -> ReadinessCheck:
    told = Message("the table {table} is not as it was made", table=table)
    return ReadinessCheck("projection", ok=False, detail=told)


def _aside(count: int, first: int) -> ReadinessCheck:
    """A banner, not a failure: what is set aside moves nothing, and everything else goes on."""
    number = Message("at least {count}", count=count) if count == MOST_COUNTED else count
    told = Message(
        "{number} records against the rules and not voided; the first is record {first}",
        number=number,
        first=first,
    )
    return ReadinessCheck("set_aside", ok=True, detail=told)


class _Progress:
    """Whether what lags still moves: a part is fine while it catches up, not where it stands."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def fine(self, part: str, lag: int, position: int) -> bool:
        """False once the part has lagged at one position for longer than it may."""
        now = monotonic()
        before = self._seen.get(part)
        if lag <= 0 or before is None or before[0] != position:
            self._seen[part] = (position, now)
            return True
        return now - before[1] <= _PATIENCE_S
