"""Whether an enclave can serve: database, sealer, log, projections, disk and clock (http.md §7)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final

from api.ops import telemetry
from api.settings import EnclaveFacts, Home, Settings
from api.texts.text import Text
from ledger.checkpoints.log_watch import LogWatch
from ledger.checkpoints.seen_file import DoubtMark
from ledger.checkpoints.verified_checkpoints import SignedCheckpoints
from ledger.errors import LedgerError
from ledger.files.custody_anchors import Anchoring
from ledger.ports import Clock, LogHead
from ledger.postgres.records import PostgresRecords
from projections.engine.generations import ViewState
from projections.queries.queries import Inquiry
from projections.views.acts import MOST_COUNTED
from projections.views.all_views import VIEWS

_PATIENCE_S: Final = 10.0
_DATABASE_AWAY: Final = Text("cơ sở dữ liệu nằm ở máy khác", "the database lies on another machine")
_ANCHORED: Final = Text("lịch sử tệp được neo đúng hạn", "the custody of files is anchored")
_UNANCHORED: Final = Text(
    "không neo được lịch sử tệp; chạy: socai log audit",
    "the custody of files cannot be anchored; run: socai log audit",
)
_CLOCK_OF_RECORDS: Final = Text(
    "đồng hồ của sổ là đồng hồ của các bản ghi", "the ledger's clock is that of its records"
)
_AS_SEEN: Final = Text("khớp với điểm kiểm tra đã thấy", "agrees with the checkpoint last seen")


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the service and whether it is well (http.md §7)."""

    name: str
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
        inquiry: Inquiry,
    ) -> None:
        self._settings = settings
        self._facts = facts
        self._clock = clock
        self._records = records
        self._checkpoints = checkpoints
        self._watch = watch
        self._inquiry = inquiry
        self.anchoring: Anchoring | None = None
        self._progress = _Progress()

    def checks(self) -> list[Check]:
        """One line for each part; names no case."""
        try:
            # before the head, which only grows
            latest, states = self._checkpoints.latest(), self._inquiry.status()
            altered, aside = self._inquiry.altered(), self._inquiry.set_aside()
            head = self._records.head()
        except LedgerError as error:
            name = type(error).__name__
            told = Text(f"không đọc được ({name})", f"cannot be read ({name})")
            return [Check("database", ok=False, detail=told), self._disk()]
        unsealed = head.size - (latest[0] if latest else 0)
        telemetry.LOG_SIZE.set(head.size)
        telemetry.UNSEALED.set(unsealed)
        checks = [
            Check("database", ok=True, detail=Text(f"{head.size} bản ghi", f"{head.size} records")),
            Check(
                "sealer",
                ok=unsealed >= 0
                and self._progress.fine("sealer", unsealed, latest[0] if latest else 0),
                detail=Text(
                    f"{unsealed} bản ghi chưa có điểm kiểm tra",
                    f"{unsealed} records without a checkpoint",
                ),
            ),
        ]
        checks.append(self._memory())
        live = {state.view: state for state in states if state.state == "live"}
        checks += [self._view(view.name, live.get(view.name), head) for view in VIEWS]
        checks += [_altered(table) for table in altered]
        checks += self._custody()
        telemetry.SET_ASIDE.set(aside.count)
        checks += [_aside(aside.count, aside.first[0])] if aside.first else []
        return [*checks, self._disk(), self._time(head.recorded_at)]

    def _memory(self) -> Check:
        """Also what the sealer stopped on, where its folder is on this machine."""
        doubt = self._watch.doubt
        if doubt is not None:
            return Check("log", ok=False, detail=Text(doubt.vi, doubt.en))
        reason = DoubtMark(Home(self._settings).seen_folder("sealer")).reason()
        if reason is not None:
            stopped = Text(f"bộ ký đã dừng: {reason.vi}", f"the sealer stopped: {reason.en}")
            return Check("log", ok=False, detail=stopped)
        return Check("log", ok=True, detail=_AS_SEEN)

    def _view(self, name: str, state: ViewState | None, head: LogHead) -> Check:
        if state is None:
            told = Text(f"{name}: không có bản nào để đọc", f"{name}: there is none to read")
            return Check("projection", ok=False, detail=told)
        lag, (_, seconds) = head.size - 1 - state.position, state.behind(head)
        telemetry.PROJECTION_LAG.labels(state.view).set(lag)
        telemetry.PROJECTION_UNJUDGED.labels(state.view).set(state.position - state.judged)
        telemetry.PROJECTION_LAG_S.labels(state.view).set(-1 if seconds is None else seconds)
        telemetry.PROJECTION_STOPPED.labels(state.view).set(int(state.stopped))
        fine = (
            not state.stopped and lag >= 0 and self._progress.fine(state.view, lag, state.position)
        )
        span = Text("", "") if seconds is None else Text(f", {seconds} giây", f", {seconds} s")
        told = Text(f"chậm {lag} bản ghi{span.vi}", f"{lag} records{span.en} behind")
        if state.stopped:
            told = Text(f"dừng ở bản ghi {state.error_at}", f"stopped at record {state.error_at}")
        detail = Text(f"{state.view}: {told.vi}", f"{state.view}: {told.en}")
        return Check("projection", ok=fine, detail=detail)

    def _custody(self) -> list[Check]:
        """Where this process anchors the custody of files: whether it still does."""
        if self.anchoring is None:
            return []
        well = self.anchoring.doubt is None
        return [Check("custody", ok=well, detail=_ANCHORED if well else _UNANCHORED)]

    def _disk(self) -> Check:
        if self._settings.database_url is not None:
            return Check("disk", ok=True, detail=_DATABASE_AWAY)
        free = free_bytes(self._settings.home) >> 20
        told = Text(f"còn trống {free} MiB", f"{free} MiB free")
        return Check("disk", ok=free >= self._settings.min_free_mib, detail=told)

    def _time(self, last: datetime | None) -> Check:
        if self._facts.rehearsal or last is None:
            return Check("clock", ok=True, detail=_CLOCK_OF_RECORDS)
        behind = (last - self._clock.now()).total_seconds()
        told = Text(f"chậm hơn sổ {max(behind, 0):.0f} s", f"{max(behind, 0):.0f} s behind the log")
        return Check("clock", ok=behind <= 1, detail=told)


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder."""
    return shutil.disk_usage(folder).free


def _altered(table: str) -> Check:
    told = Text(f"bảng {table} không còn như khi tạo", f"the table {table} is not as it was made")
    return Check("projection", ok=False, detail=told)


def _aside(count: int, first: int) -> Check:
    """A banner, not a failure: what is set aside moves nothing, and everything else goes on."""
    vi, en = ("ít nhất ", "at least ") if count == MOST_COUNTED else ("", "")
    told = Text(
        f"{vi}{count} bản ghi trái quy định chưa được loại; đầu tiên là bản ghi {first}",
        f"{en}{count} records against the rules and not voided; the first is record {first}",
    )
    return Check("set_aside", ok=True, detail=told)


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
