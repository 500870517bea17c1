"""The one loop of all views: whatever is furthest behind gets its next batch.

A notice is a hint, the poll is the truth. One loop is active at a time, by a lease; were there two,
each batch would still be one's alone (architecture.md §5).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from threading import Event
from time import monotonic
from typing import Final

from ledger.errors import LedgerError, Unavailable
from ledger.message import Message
from ledger.ports import Notices, RecordStore, Watch
from ledger.postgres.connect import answering_within, may_hang
from ledger.streams.record_reader import Opened, Reader
from ledger.write.forgetting import Forgetting
from ledger.write.judged_stream import JudgedStreams
from ledger.write.registry_follower import RegistryFollower
from projections.engine.batch_transaction import LARGEST, BatchTransaction, is_away
from projections.engine.beat import Beat
from projections.engine.gc_pause import GcPause
from projections.engine.generations import (
    ConcurrentUpdate,
    ViewState,
    abandon_rebuild,
    ask_rebuild,
    purge,
    require_installed,
    states,
    switch,
)
from projections.engine.last_holder import LastHolder
from projections.engine.lease import LEASE_S, HeldLease, Lease
from projections.engine.rebuild_pool import Builders
from projections.fold.fold import BATCH
from projections.fold.statement_check import CheckedSignatures, Form
from projections.views import audience
from projections.views.all_views import VIEWS
from projections.views.base import Connection, View

POLL_S: Final = 1.0
GATHER_S: Final = 0.03
"""After a batch that was not full, so that under load records are folded many at a time."""
AHEAD_S: Final = 1.0
"""How long the other views wait for their turn, at most, while the audience is behind."""
TURN_S: Final = 0.5
"""How long a batch of what is read should take: the audience may not get older than 5 s."""
HUNG_BUILD_S: Final = 15.0
"""How long the database may be silent while a generation is built that nobody reads yet."""
_log = logging.getLogger("socai.projector")
_LIVE: Final = "live"
_AHEAD: Final = audience.NAME
"""The live view that is folded before each batch of the others: what is shown waits for it."""

Progress = Callable[[str, int, int], None]
"""Called with (view, records folded, records in all) while a generation is built."""


class Projector:
    """The loop; one per enclave does the work, the others wait for its lease.

    Args:
        connect: Opens a connection of the projector's login in autocommit mode.
        records: Stored rows, by the same login.
        reader: Opens them.
        origin: Origin of the log.
        level: Its level.
        views: Which views to keep.
        batch: Most records in a transaction; fewer than `BATCH` also for a rebuild.
        builders: Processes that build a long generation; None leaves it to this one.
        follower: Follows the registry; one of its own where the process has none.
        watch: Asked on each new connection and while it works: no view is made of another log.
        lease_s: How long the others wait for it after it was last heard of.
        ahead_s: How long the other views wait, at most, while the audience is behind.
        forgetting: Says where something was shredded: then it lets go of all that it has folded.
        checked: As of `Form`.
        last: As of `Lease`.
    """

    def __init__(  # noqa: PLR0913 - the ports, the log's name and five choices
        self,
        connect: Callable[[], Connection],
        records: RecordStore,
        reader: Reader,
        *,
        origin: str,
        level: str = "ordinary",
        views: Sequence[View] = VIEWS,
        batch: int = BATCH,
        builders: Builders | None = None,
        follower: RegistryFollower | None = None,
        watch: Watch | None = None,
        lease_s: float = LEASE_S,
        ahead_s: float = AHEAD_S,
        forgetting: Forgetting | None = None,
        checked: CheckedSignatures | None = None,
        last: LastHolder | None = None,
    ) -> None:
        self._watch = watch
        self._forgetting = forgetting
        self._looked = 0.0
        self._judged = 0.0
        self._connect = connect
        self._records = records
        self._reader = reader.for_folds()
        self._follower = follower or RegistryFollower(records, reader)
        self._judgements = JudgedStreams(self._follower, records, reader)
        self._origin = origin
        self._level = level
        self._views = {view.name: view for view in views}
        self._batch = min(batch, BATCH)
        self._largest = batch if batch < BATCH else LARGEST
        self._builders = builders
        self._connection: Connection | None = None
        self._lease = Lease(lease_s, last)
        self._stands_by = self._said = False
        self._groups: dict[str, BatchTransaction] = {}
        self._beat = Beat()
        self._behind = False  # whether it left some to fold
        self._ahead_s = ahead_s
        self._shared = 0.0  # when the others had a turn
        self._opened: Sequence[Opened] = ()  # what this step has read
        self._form = Form(origin, level, checked)  # and whose signature was good
        self._sweep = GcPause()

    # -- running -------------------------------------------------------------------------------

    def run(self, stop: Event, notices: Notices | None = None) -> None:
        """Keeps every view up to date until `stop` is set; a database may go away and come back.

        Raises:
            Doubt: It came back with another log than this home has seen.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            stack.enter_context(self._sweep)
            wait: Callable[[float], object] = stop.wait
            if notices is not None:
                wait = stack.enter_context(notices.listen("records"))
            held = ""
            while not stop.is_set():
                began = monotonic()
                try:
                    worked, held = self._work(), ""
                except Exception as error:
                    if not is_away(error):
                        raise
                    said = error.__cause__ if isinstance(error, LedgerError) else None
                    why = str(said or error).partition("\n")[0]
                    if why != held:  # once, not with every try
                        held = why
                        _log.warning("no view moves until this is mended: %s", why)
                    self.close()
                    stop.wait(POLL_S - (monotonic() - began))  # who has waited already tries again
                    continue
                self._say_whose_turn()
                if worked and not self._behind:
                    stop.wait(GATHER_S)
                elif not worked and not stop.is_set():
                    wait(POLL_S)

    def close(self) -> None:
        """Lets go of the lease and of everything in memory."""
        if self._builders is not None:
            self._builders.stop()
        if self._connection is not None:
            self._lease.release(self._connection)
            self._connection.close()
        self._connection = None
        self._let_go()

    def catch_up(self) -> int:
        """Folds all that is committed now, live generations first; returns the position reached."""
        with self._sweep:
            while self.advance():
                pass
        return min((s.position for s in self._live() if not s.stopped), default=-1)

    def rebuild(self, view: str, progress: Progress | None = None) -> None:
        """Builds a view anew beside the one that is read, and switches; only the loop can.

        A rebuild that stands half done was broken off, since nobody else builds: it goes on.

        Raises:
            LookupError: No such view.
            Unavailable: Another process is the loop: ask it with `ask_rebuild`.
            LedgerError: A record stopped the new generation; the old one is still read.
        """
        active = self._active()
        if active is None:
            raise _busy()
        connection, found = active
        begun = (
            s.gen for s in states(connection)
            if (s.view, s.state) == (view, "building") and not s.stopped
        )  # fmt: skip
        gen = next(begun, None) or ask_rebuild(
            connection, view, found.size, tuple(self._views.values())
        )
        with self._sweep:
            self._build(connection, view, gen, progress)

    def _build(
        self, connection: Connection, view: str, gen: int, progress: Progress | None
    ) -> None:
        while True:
            state = next((s for s in states(connection) if (s.view, s.gen) == (view, gen)), None)
            if state is None or state.state != "building":
                return
            if state.stopped:
                abandon_rebuild(connection, view)
                raise LedgerError(f"rebuild of {view} stopped at {state.error_at}: {state.error}")
            if progress is not None:
                progress(view, state.position + 1, max(self._size(), state.target or 0))
            self.advance()

    def advance(self) -> bool:
        """One batch of what is furthest behind; False: all is done, or another loop is active."""
        if monotonic() - self._looked > POLL_S:
            self._forget()  # whoever waits for the lease holds keys and what was folded, too
        active = self._active()
        if active is None:
            return False
        if monotonic() - self._looked > POLL_S:
            self._look()
        try:
            return self._step(*active)
        except ConcurrentUpdate:
            self._let_go()
            return True  # the next look says where the views stand, and whose the lease is
        finally:
            self._opened = ()  # what is shredded meanwhile is not kept by whoever waits

    def look_back(self) -> bool:
        """Has some more of what is read judged in full; False: all of it is, or it must wait.

        While a generation is built nothing is taken back: there it would be missed.
        """
        active = self._active()
        if active is None:
            return False
        self._judged = monotonic()
        connection, found = active
        every = [state for state in found.views if state.view in self._views]
        if any(state.state == "building" for state in every):
            return False
        try:
            return any(
                group.look_back(connection, places)
                for name, places in _groups_of(every)
                if (group := self._groups.get(name)) is not None
            )
        except ConcurrentUpdate:
            self._let_go()
            return True

    def _work(self) -> bool:
        """One batch, or where there is none a look back; a look once a second all the same."""
        went_on = monotonic() - self._judged > POLL_S and self.look_back()
        return self.advance() or went_on or self.look_back()

    def _step(self, connection: Connection, found: HeldLease) -> bool:
        every = [state for state in found.views if state.view in self._views]
        self._beat.look(found)
        size = found.size
        building = [s for s in every if s.state == "building" and not s.stopped]
        if self._builders is not None:
            self._builders.tend_only(building)
        ahead, others = _groups_of(every)
        worked = self._batch_of(*ahead, connection, size)
        self._beat.tell(connection)
        # What is shown waits for the audience, and nobody for the other views: they have their turn
        # when it has caught up, or in between, so that no flood stops them.
        if worked and self._behind and monotonic() - self._shared < self._ahead_s:
            return True
        self._shared = monotonic()
        if self._batch_of(*others, connection, size) or worked:
            return True
        old = [state for state in every if state.state == "old"]
        with answering_within(connection, HUNG_BUILD_S):
            if building:
                self._build_on(connection, building[0], size)
            elif old:
                purge(connection, old[0], self._views[old[0].view])
        return bool(building or old)

    def _build_on(self, connection: Connection, state: ViewState, size: int) -> None:
        """The next step of a generation that is not read yet."""
        view, builders = self._views[state.view], self._builders
        if builders is not None and (
            builders.tend(connection, view, state) or builders.begin(connection, state, size)
        ):
            return
        name = f"{state.view}/{state.gen}"
        if not self._batch_of(name, [state], connection, size):
            switch(connection, state)
            self._groups.pop(name, None)

    def _batch_of(
        self, name: str, places: Sequence[ViewState], connection: Connection, size: int
    ) -> bool:
        """One batch of one group; False where it is up to date."""
        group = self._groups.get(name)
        if group is None:
            read, own = name in {_AHEAD, _LIVE}, name.partition("/")[0]
            views = {n: view for n, view in self._views.items() if name == _LIVE or n == own}
            group = self._groups[name] = BatchTransaction(
                views, self._records, self._reader,
                origin=self._origin, level=self._level,
                most=self._batch if read else self._largest, follower=self._follower,
                judged=self._judgements, lean=name == _AHEAD,
                turn_s=TURN_S if read else None, read=self._read, form=self._form,
            )  # fmt: skip
        folded = group.advance(connection, places, size)
        if folded is None:
            return False
        self._behind = min(place.position for place in places) + folded + 1 < size
        self._sweep.released(group.take_forgotten())
        return True

    def _read(self, start: int, limit: int) -> Sequence[Opened]:
        """Records, opened: the other views mostly fold what the audience has folded just now."""
        kept = self._opened
        if not kept or kept[0].index != start or len(kept) < limit:
            kept = self._opened = self._reader.read(start, limit)
        return kept[:limit]

    # -- connection ----------------------------------------------------------------------------

    def _active(self) -> tuple[Connection, HeldLease] | None:
        """The loop's connection while it holds the lease, and how all stands; else None."""
        if self._connection is not None and may_hang(self._connection):
            self._connection.close()
        if self._connection is None or self._connection.closed:
            self._let_go()
            connection = self._connect()
            connection.autocommit = True
            try:
                self._look()
                require_installed(connection, tuple(self._views.values()))
            except Exception:
                connection.close()
                raise
            self._connection = connection
        found = self._lease.hold(self._connection)
        self._stands_by = found is None
        if found is not None:
            return self._connection, found
        self._let_go()
        if self._builders is not None:
            self._builders.stop()
        return None

    def _say_whose_turn(self) -> None:
        """Once for each change: who exchanges projectors stops the old one behind that word."""
        if self._stands_by is not self._said:
            self._said = self._stands_by
            whose = "stands by: another projector keeps" if self._stands_by else "keeps"
            _log.warning("%s the views", whose)

    def _look(self) -> None:
        """Stops where the log is not the one that was seen."""
        if self._watch is not None:
            self._watch.look()
            self._watch.require()
        self._looked = monotonic()

    def _forget(self) -> None:
        """Lets go of what was shredded, and of keys whose files are gone."""
        if self._forgetting is not None and self._forgetting.look():
            self._let_go()
            if self._builders is not None:
                self._builders.stop()

    def _let_go(self) -> None:
        """Of what was folded and judged."""
        self._groups = {}
        self._judgements.forget()

    def _size(self) -> int:
        return self._records.head().size

    def _live(self) -> list[ViewState]:
        active = self._active()
        return [] if active is None else [s for s in active[1].views if s.state == "live"]


_Group = tuple[str, list[ViewState]]


def _groups_of(every: Sequence[ViewState]) -> tuple[_Group, _Group]:
    """Generations that are read, in the order in which they are folded."""
    live = [state for state in every if state.state == _LIVE and not state.stopped]
    ahead = [state for state in live if state.view == _AHEAD]
    return (_AHEAD, ahead), (_LIVE, [state for state in live if state.view != _AHEAD])


def _busy() -> Unavailable:
    return Unavailable(
        "projector_active",
        Message("Another process keeps the views; ask it to rebuild."),
    )
