"""Everything that is asked of the views of one enclave, each question over a connection of its own.

What an answer means stands with its noun: the file as it stands, the past, what changed, verdicts.
Who may ask is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from time import monotonic, sleep
from typing import Any, Final, LiteralString
from uuid import UUID

import orjson

from keys.keyring import KeyRecord
from ledger.asker import asker
from ledger.errors import NotFound, Rejected
from ledger.message import Message
from ledger.ports import StoredRecord
from ledger.postgres.direct import PreparedStatement
from ledger.reads.read import Kind
from ledger.reads.shown import (
    Under,
    gathered,
    shows,
    shows_below,
    shows_figures,
    shows_nothing,
    shows_totals,
    shows_under,
)
from ledger.regulation.acts.act import ORDINARY, Act
from ledger.regulation.case.counted_reports import SMALLEST
from ledger.regulation.case.documents import Document, documents
from ledger.regulation.case.stand_ins import signs_for
from ledger.regulation.case.state import StreamState, present_agency
from ledger.regulation.case_file.durations import durations
from ledger.regulation.case_file.relations import NAMING, custody, named_in, referrals
from ledger.regulation.participation.reach import OPENING
from ledger.regulation.participation.units import own_part
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.grants import Grant
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case, stream_id
from ledger.write.registry_follower import RegistryFollower
from projections.engine import generations
from projections.engine.generations import ViewState
from projections.fold.fold import Reports
from projections.queries import limits
from projections.queries.acts import cloud_events
from projections.queries.acts.told_act import CaseInFull, PartSeen, ShownRows, ToldAct, in_full
from projections.queries.cases import case_list_snapshot, stored_case_file
from projections.queries.cases.mirrored import LowerFile, Mirrored, MirroredCase
from projections.queries.cases.participants import participants
from projections.queries.cases.stored_case_file import CurrentFile
from projections.queries.guard_lookups import Connecting
from projections.queries.past import as_of
from projections.queries.past import diff as changes
from projections.queries.past.as_of import BeforeCase, Clock, Moment
from projections.queries.past.case_at import CaseAt, folded_from, nothing
from projections.queries.past.diff import Change
from projections.queries.past.json_pointers import exists
from projections.queries.registry_as_of import RegistryReader, RegistrySnapshot
from projections.queries.rights import Rights
from projections.queries.row_evidence import RowEvidence
from projections.queries.signature_verdicts import StatementVerdict, Verification, judged, verified
from projections.queries.ways import Ways
from projections.views import act_list, case_file, case_names, disputed, worklist
from projections.views import acts as timeline
from projections.views.act_list import ActFilter, ActLine, SignedRow
from projections.views.acts import ActRow
from projections.views.base import Connection
from projections.views.case_file import CaseLine, Filter, Scope
from projections.views.case_names import Called
from projections.views.statistics import view
from projections.views.worklist import TaskRow, Tasks

_STEP_S: Final = 0.01
_MOST_STEP_S: Final = 0.1
_INDEX: Final[LiteralString] = """
SELECT coalesce(min(position), -1) FROM proj.views WHERE state = 'live' AND view = ANY (%s)
"""
_SUPERVISOR: Final = "SUPERVISOR"
_SECURITY: Final = "SECURITY_OFFICER"
#: As the policies ask (access.md G14), of many cases at once.
_WHOLE: Final[LiteralString] = """
SELECT DISTINCT comp FROM sec.shown WHERE comp = ANY (%s) AND whole
"""
_SIGHT: Final[LiteralString] = "SELECT whole, positions FROM sec.sight(%s)"
#: In one question, as far as the answer to it may depend on the others.
_FOOTING: Final[LiteralString] = """
SELECT (SELECT v.position FROM proj.views v WHERE v.state = 'live' AND v.view = 'acts'),
  (SELECT h.registry_index FROM log.log_head h), s.whole
FROM (VALUES (%s::uuid)) c (comp) LEFT JOIN LATERAL sec.sight(c.comp) s ON true
"""
_LAST: Final[LiteralString] = "SELECT size - 1 FROM log.log_head"


class PartOnly(Rejected):
    """The asker sees acts of this case and not the case (scope ACT, access.md §1)."""

    def __init__(self) -> None:
        super().__init__(
            "part_only",
            Message("You see some acts of this case, and not the whole file."),
        )


class OrdinaryOnly(Rejected):
    """Above ordinary views hold nothing of what acts say, so acts are read in their cases."""

    def __init__(self) -> None:
        super().__init__(
            "ordinary_only",
            Message("Acts are listed across cases in an enclave of the ordinary level alone."),
        )


class SeenOnly(Rejected):
    """The asker is told figures of the cases they see, and no totals (access.md A27)."""

    def __init__(self) -> None:
        super().__init__(
            "seen_only",
            Message(
                "You are shown figures of the cases that you see; those of all cases are for the"
                " lead, the committee of the province and its overseers."
            ),
        )


@dataclass(frozen=True, slots=True)
class AffectedByKey:
    """What a key signed from an instant on, of what the asker sees.

    Attributes:
        index: Of the log that it is of.
        key: The key.
        since: The instant, by when the ledger took a statement.
        rows: The statements, in order.
        numbers: What they are called by stream, of cases that the asker sees whole.
    """

    index: int
    key: KeyRecord
    since: datetime
    rows: list[SignedRow]
    numbers: dict[str, Called]


@dataclass(frozen=True, slots=True)
class Related:
    """Another case that one has to do with.

    Attributes:
        kind: MERGED or DUPLICATE.
        stream: The other case.
        called: What it is called.
        act: The act that says so.
        by_it: Whether that is an act of the other one.
    """

    kind: str
    stream: str
    called: Called
    act: Act
    by_it: bool


@dataclass(frozen=True, slots=True)
class Relations:
    """What a case has to do with others.

    Attributes:
        index: Newest record in it.
        cases: Of those that the asker sees whole.
        more: Whether more acts name it than were looked through.
        referrals: The way of each.
        custody: By which acts the case itself was handed over.
    """

    index: int
    cases: list[Related]
    more: bool
    referrals: list[dict[str, Any]]
    custody: list[dict[str, Any]]


MOST_RELATED: Final = 200
"""Acts of other cases that are looked through for those that name one."""


@dataclass(frozen=True, slots=True)
class ReadUnder:
    """By what somebody reads a case in which they take no part.

    Attributes:
        rule: A9, an inspection order, or A19, an emergency opening (access.md §4).
        grant: What it gives them.
    """

    rule: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class _Footing:
    """What an answer made of the statements of a stream stands on.

    Attributes:
        index: Last record folded into view `acts`.
        newest: The registry now.
        whole: Whether the asker sees no less than all of the stream, or nothing at all.
    """

    index: int
    newest: RegistrySnapshot
    whole: bool


AtOnce = Callable[[PreparedStatement, str, UUID], tuple[Under | None, list[bytes | None]] | None]


class Queries:
    """Every reading of the views, for one enclave.

    Args:
        connecting: Lends a connection of the reader's login in a transaction that says who asks
            and sees one state of the database (`ledger.postgres.ticketed`); within it, the same.
        at_once: Asks in one statement what is asked of one case, where that is possible (there).
        origin: Origin of the log.
        follower: Follows the registry. What it reads by is lent no connection of `connecting`,
            since it may be asked while one is held.
        evidence: The records that rows of views are held against, over the same connection.
        lending_whole: Lends a connection of the writer's login, which sees every case: for what
            tells of none.
        judge: The records by that login: what a statement is judged by may be hidden from whoever
            reads it.
        rights: Decides once more what is opened.
        mirrored: What is told of lower logs.
    """

    def __init__(  # noqa: PLR0913 - wired once, by api.ops.wiring
        self,
        connecting: Connecting,
        *,
        at_once: AtOnce,
        origin: str,
        follower: RegistryFollower,
        evidence: RowEvidence,
        lending_whole: Connecting,
        judge: RowEvidence,
        rights: Rights,
        mirrored: Mirrored,
    ) -> None:
        self._connecting = connecting
        self._at_once = at_once
        self._origin = origin
        self._registries = RegistryReader(follower)
        self._evidence = evidence
        self._level = evidence.level
        self._lending_whole = lending_whole
        self._judge = judge
        self._rights = rights
        self._mirrored = mirrored
        self._ways = Ways()

    # -- how far -------------------------------------------------------------------------------

    def status(self) -> list[ViewState]:
        """Every generation of every view."""
        with self._connecting() as connection:
            return generations.states(connection)

    def altered(self) -> list[str]:
        """Tables of the views that are not the plain ones this program makes."""
        with self._connecting() as connection:
            return generations.altered(connection)

    def set_aside(self) -> timeline.Unvoided:
        """Records that are set aside and not voided: how many, and the first of them."""
        with self._lending_whole() as connection:
            return timeline.unvoided(connection)

    def index(self, *views: str) -> int:
        """Last record folded into all of these views; of the log itself, where none is named."""
        with self._connecting() as connection:
            return _index(connection, views)

    def wait(self, index: int, timeout_s: float, *views: str) -> int:
        """Waits until a record is folded; the position reached, which may be short of it."""
        end, step = monotonic() + timeout_s, _STEP_S
        while True:
            reached = self.index(*views)
            if reached >= index or monotonic() >= end:
                return reached
            sleep(min(step, max(0.0, end - monotonic())))
            step = min(2 * step, _MOST_STEP_S)

    # -- cases ---------------------------------------------------------------------------------

    def cases(
        self,
        wanted: Filter,
        *,
        limit: int,
        after: tuple[Any, str] | None = None,
        snapshot: int | None = None,
    ) -> tuple[int, list[CaseLine]]:
        """(snapshot index, lines) of one page of the case list; a later page is of its snapshot."""
        then: list[dict[str, Any]] = []
        with self._connecting() as connection:
            if snapshot is None:
                index = _index(connection, ("case_file",))
            else:
                index = snapshot
                fill, level = self._evidence.fill_stream, self._level
                then = case_list_snapshot.then(connection, self._registries, snapshot, fill, level)
            if (who := asker()) is not None:
                self._ways.choose(connection, who.officer)
            disputes = self._registries.as_of(connection, index).disputes
            lines = case_file.listed(
                connection,
                wanted,
                limit=limit,
                after=after,
                snapshot=index,
                then=then,
                disputes=disputes,
            )
            lines = case_file.flagged(connection, lines, disputes, index)
            self._shows("LIST", (line.stream for line in lines))
        return index, lines

    def numbered(self, number: str, agency: str | None) -> list[CaseLine]:
        """Cases that have this number and are an agency's, of those that are seen whole."""
        with self._connecting() as connection:
            lines = case_file.numbered(connection, number, agency)
            index = _index(connection, ("case_file", "acts"))
            disputes = self._registries.newest(connection).disputes
            lines = case_file.flagged(connection, lines, disputes, index)
            self._shows("CASE_FILE", (line.stream for line in lines))
        return lines

    def case(self, stream: str, at: datetime) -> tuple[int, bytes]:
        """(index, JSON of the case file) of a case as it stands at `at`, which is now.

        Raises:
            NotFound: There is no such case.
        """
        kept = self._kept(stream, at)
        if kept is not None:
            return kept.position, kept.body
        with self._connecting() as connection:
            row = stored_case_file.stored(connection, stream)
            if row is None:
                self._require_whole(connection, stream)
                raise NotFound(stream)
            self._shows("CASE_FILE", [stream])
            known = self._registries.reaching(row.registry)
            if row.right(at, known):
                return row.position, row.body
            stored = timeline.stream_rows(connection, stream, upto=row.last_index)
            rows = self._evidence.fill_stream(stream, stored)
            reports = as_of.reports_for(connection, rows)
        folded = folded_from(stream, rows, known.registry, at, reports)
        return row.position, orjson.dumps(folded.file())

    def _kept(self, stream: str, at: datetime) -> CurrentFile | None:
        """The stored file where it is right; who asks and by what they see it goes with it.

        None: it is to be asked in a transaction, whether it is there at all and what it is made of.
        """
        if self._level != ORDINARY:  # nothing of a case is stored to be shown
            return None
        comp = stream_id(self._origin, stream)
        told = self._at_once(stored_case_file.AT_ONCE, stream, comp)
        if told is None:
            return None
        under, kept = told[0], stored_case_file.told_at_once(told[1])
        if not kept.right(at, self._registries.reaching(kept.registry)):
            return None
        shows_under("CASE_FILE", stream, comp, under)
        return kept

    def case_as_of(
        self, stream: str, moment: Moment, now: datetime, clock: Clock = "recorded"
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, case file) as of an index or a time on either clock.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        folded = self._as_of(stream, moment, now, clock, "CASE_FILE")
        return folded.index, folded.file()

    def durations(
        self, stream: str, moment: Moment, now: datetime, clock: Clock = "recorded"
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, how long each step took) as of an index or a time on either clock.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        found = self._as_of(stream, moment, now, clock, "CASE_FILE")
        return found.index, durations(found.stream, found.registry, found.at, found.reports)

    def relations(self, stream: str, now: datetime) -> Relations:
        """What a case has to do with others that the asker sees whole, and its referrals.

        Raises:
            NotFound: There is no such case.
        """
        folded = self._as_of(stream, now, now, "recorded", "CASE_FILE")
        case, today = folded.stream, local_day(now)
        own = [(entry.act, one) for entry in case.effective(*NAMING) for one in named_in(entry.act)]
        registered = case.last("CaseRegistered")
        number = None if registered is None else registered.register_number
        with self._connecting() as connection:
            called = [stream, *([number] if number else ())]
            found = act_list.naming_case(connection, stream, NAMING, called, MOST_RELATED + 1)
            more, found = len(found) > MOST_RELATED, found[:MOST_RELATED]
            others = case_names.called(connection, {one.case for _, one in own})
            others |= case_names.numbered(connection, {one.case for _, one in own})
            others |= case_names.called(connection, {act.stream for _, act in found})
            related = [
                Related(one.kind, other, called_, act, by_it=False)
                for act, one in own
                for other, called_ in others.items()
                if other != stream and one.case in (other, called_.case_number)
            ] + [
                Related(one.kind, act.stream, others[act.stream], act, by_it=True)
                for _, act in found
                if act.stream in others
                for one in named_in(act)
                if one.case in called
            ]
            self._shows("LIST", {one.stream for one in related})
        return Relations(
            folded.index,
            related,
            more,
            referrals(case, folded.registry, today),
            custody(case, folded.registry, today),
        )

    def participants(
        self, stream: str, moment: Moment, now: datetime, level: str
    ) -> tuple[int, dict[str, Any]]:
        """(newest index in it, who takes part in a case) as of an index or a recorded time.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun.
            InFuture: The moment has not come.
        """
        folded = self._as_of(stream, moment, now, "recorded", "CASE_FILE")

        def handler_of(other: str) -> str | None:
            try:
                # Who reads a file is told to whoever sees all of it, by whatever case that is so.
                with self._lending_whole() as connection:
                    stands = self._footing(connection, None)
                    found = self._cut(
                        connection, self._judge, other, moment, now, "recorded", stands=stands
                    )
            except (NotFound, PartOnly):
                return None
            return found.stream.handler(found.registry, local_day(folded.at))

        case = Viewpoint(folded.stream, folded.registry, folded.at, level, handler_of)
        return folded.index, participants(case)

    def whole(self, stream: str) -> StreamState:
        """A case as it stands, for what is told to whoever sees all of it: without its annexes.

        Raises:
            NotFound: There is no such case.
            PartOnly: They see acts of it.
        """
        with self._connecting() as connection:
            self._require_whole(connection, stream)
            self._shows("CASE_FILE", [stream])
        self._rights.require(stream, (), whole=True)
        return own_part(self._rights.case(stream), self._level)

    def require_whole(self, stream: str) -> None:
        """For who hands out its records: whether the asker sees all of a case.

        Raises:
            NotFound: There is no such case, or they see nothing of it.
            PartOnly: They see acts of it.
        """
        with self._connecting() as connection:
            self._require_whole(connection, stream)
        self._rights.require(stream, (), whole=True)

    def _as_of(
        self, stream: str, moment: Moment, now: datetime, clock: Clock, kind: Kind = "HISTORY"
    ) -> CaseAt:
        """A case as of a moment, from the statements that the log has."""
        with self._connecting() as connection:
            stands = self._footing(connection, stream)
            if not stands.whole:
                raise PartOnly
            self._shows(kind, [stream])
            folded = self._cut(
                connection, self._evidence, stream, moment, now, clock, stands=stands
            )
        self._rights.require(stream, (), whole=True)
        return folded

    def _footing(self, connection: Connection, stream: str | None) -> _Footing:
        """What an answer made of the statements of a stream stands on; None: told to nobody."""
        if stream is None or asker() is None:
            newest = self._registries.newest(connection)
            return _Footing(_index(connection, ("acts",)), newest, whole=True)
        comp = stream_id(self._origin, stream)
        ((index, registry, whole),) = connection.execute(_FOOTING, [comp]).fetchall()
        return _Footing(
            -1 if index is None else index,
            self._registries.reaching(-1 if registry is None else registry),
            whole is not False,
        )

    def _standing(
        self, connection: Connection, stream: str, now: datetime, stands: _Footing
    ) -> CaseAt:
        """A case as it stands, from what the log has."""
        fill = self._evidence.fill_stream
        found = as_of.standing(connection, stream, now, newest=stands.newest, fill=fill)
        return found.folded(
            self._evidence.hold_stream(stream, found.rows, lambda one: one.index <= stands.index)
        )

    def _cut(  # noqa: PLR0913 - a question, its parts named
        self,
        connection: Connection,
        evidence: RowEvidence,
        stream: str,
        moment: Moment,
        now: datetime,
        clock: Clock,
        *,
        stands: _Footing,
    ) -> CaseAt:
        cut = as_of.cut(
            connection, self._registries, stream, moment, now, clock,
            newest=stands.newest, fill=evidence.fill_stream,
        )  # fmt: skip
        index = stands.index

        def due(one: StoredRecord) -> bool:
            if isinstance(moment, int):
                return one.index <= min(moment, index)
            return one.index <= index and (clock == "occurred" or one.recorded_at <= moment)

        return cut.folded(evidence.hold_stream(stream, cut.rows, due))

    def acts(self, stream: str) -> tuple[int, list[StatementVerdict]]:
        """(index, statements with verdicts) of a stream in order.

        Raises:
            NotFound: There is no such stream.
        """
        with self._connecting() as connection:
            stands = self._footing(connection, stream)
            index, registry = stands.index, stands.newest.registry
            rows = self._evidence.fill_stream(stream, timeline.stream_rows(connection, stream))
            self._evidence.hold_stream(stream, rows, lambda one: one.index <= index)
            if not stands.whole:
                rows = self._as_seen(connection, rows)
            self._shows_records("RECORD", rows)
        if not rows:
            raise NotFound(stream)
        self._rights.require(stream, (row.act_id for row in rows))
        return index, [judged(row, registry, now=None) for row in rows]

    def acts_across(
        self,
        wanted: ActFilter,
        *,
        limit: int,
        after: tuple[str, int] | None = None,
        snapshot: int | None = None,
    ) -> tuple[int, list[ActLine]]:
        """(snapshot index, lines) of one page of acts of all cases that the asker sees.

        Raises:
            OrdinaryOnly: Above ordinary no view holds what an act says (access.md G15).
        """
        if self._evidence.level != ORDINARY:
            raise OrdinaryOnly
        with self._connecting() as connection:
            index = _index(connection, wanted.views) if snapshot is None else snapshot
            who = asker()
            few = who is not None and self._ways.choose(connection, who.officer)
            lines = act_list.across(
                connection,
                wanted,
                limit=limit,
                snapshot=index,
                after=after,
                few=few,
                disputes=self._registries.as_of(connection, index).disputes,
            )
            shows_nothing()
            for line in lines:
                comp = stream_id(self._origin, line.stream)
                shows("LIST", line.stream, comp, [line.index])
        return index, lines

    def key_told_for(self, kid: str, officer: str, at: datetime) -> frozenset[str]:
        """For which agencies an officer is told which acts a key signed (access.md A28).

        Those that they supervise in which the key's officer holds or held a post, or whose
        successors they are; of who reads under an inspection order, the body that inspects. Empty:
        for none, also where there is no such key.
        """
        day = local_day(at)
        with self._connecting() as connection:
            registry = self._registries.newest(connection).registry
        granted = registry.grants(officer=officer, at=at)
        bodies = {one.body for one in granted if OPENING.get(one.act) == "A9" and one.body}
        line = registry.keyring.line(kid)
        held = set() if line is None else agencies_of(registry, line.officer, day)
        return frozenset(bodies | held.intersection(self.supervised(officer, at)))

    def key_revoked_for(self, kid: str, officer: str, at: datetime) -> frozenset[str]:
        """For which agencies an officer may revoke a key, and is told what it touched.

        Their own key's; as who keeps the registry; as security officer where the key's officer
        holds a post. Empty: for none.
        """
        day = local_day(at)
        with self._connecting() as connection:
            registry = self._registries.newest(connection).registry
        line = registry.keyring.line(kid)
        if line is None:
            return frozenset()
        held = {one.agency for one in registry.appointments(line.officer or "", day)}
        posts = registry.appointments(officer, day)
        return frozenset(
            one.agency
            for one in posts
            if line.officer == officer
            or KEEPER in one.powers
            or (_SECURITY in one.powers and one.agency in held)
        )

    def key_affected(self, kid: str, since: datetime | None) -> AffectedByKey:
        """What a key signed from an instant on, of what the asker sees.

        Left out, the instant is from when its revocation says that it is not to be trusted; of a
        key that is not revoked, from when it was valid.

        Raises:
            NotFound: There is no such key.
            OrdinaryOnly: Above ordinary no view holds which key signed in a case.
            TooMuch: There are too many.
        """
        if self._evidence.level != ORDINARY:
            raise OrdinaryOnly
        with self._connecting() as connection:
            index = _index(connection, ("acts",))
            key = self._registries.newest(connection).registry.keyring.line(kid)
            if key is None:
                raise NotFound(kid)
            start = since or key.invalid_from or key.valid_from
            most = limits.JUDGED + 1
            rows = act_list.signed_with(connection, kid, start, upto=index, limit=most)
            limits.within(len(rows), limits.JUDGED)
            numbers = case_names.called(connection, {row.stream for row in rows})
            shows_nothing()
            for row in rows:
                comp = stream_id(self._origin, row.stream)
                shows("LIST", row.stream, comp, [row.index])
        return AffectedByKey(index, key, start, rows, numbers)

    def below(self, stream: str, kind: Kind = "RECORD") -> list[MirroredCase]:
        """Cases of lower logs that grants in a case show to whoever asks; it shows them the case.

        What they are shown of these is noted too (access.md U1, F7).
        """
        if self._level == ORDINARY or not is_case(stream):
            return []
        granted = self._rights.below(stream)
        if not granted:
            return []
        with self._connecting() as connection:
            found = self._mirrored.cases(connection, stream_id(self._origin, stream), granted)
            for one in found:
                shows_below(kind, one.stream, UUID(one.via.act_id), self._purpose(one.via))
        return found

    def lower_file(self, stream: str, act_id: str, digest: str) -> LowerFile:
        """A file of an act of a lower log, in a case that a grant in this one shows the asker.

        Raises:
            NotFound: Nothing of the kind is shown, or the act lists no such file.
            FileLeftOut: It did not come.
            VerificationError: What is stored is not what the act lists.
        """
        at_all = self._evidence.level != ORDINARY and is_case(stream)
        granted = self._rights.below(stream) if at_all else {}
        if granted:
            with self._connecting() as connection:
                comp = stream_id(self._origin, stream)
                for case in self._mirrored.cases(connection, comp, granted):
                    found = self._mirrored.file(case, act_id, digest)
                    if found is not None:
                        via = UUID(case.via.act_id)
                        shows_below("ATTACHMENT", case.stream, via, self._purpose(case.via))
                        return found
        raise NotFound(act_id)

    def _purpose(self, grant: Grant) -> str:
        """The ground of a grant, as it stands in its case."""
        entry = self._rights.case(grant.stream).entries.get(grant.act_id)
        return str(grant.act_id if entry is None else entry.act.facts["ground"])

    def documents(self, stream: str, shown: Iterable[StatementVerdict]) -> list[Document]:
        """The register of a case's documents, of the statements that whoever asks is shown of it.

        At the ordinary level there is none: no act there classifies anything.
        """
        if self._level == ORDINARY or not is_case(stream):
            return []
        rows, registry = [one.row for one in shown], self._registries.known
        folded = folded_from(stream, rows, registry, datetime.max.replace(tzinfo=UTC), Reports())
        return documents(folded.stream)

    def act_at(self, stream: str, seq: int) -> str:
        """The act of which the statement at this place of a case is.

        Raises:
            NotFound: There is no such place, or it is not shown.
        """
        with self._connecting() as connection:
            found = timeline.act_at(connection, stream, seq)
        if found is None:
            raise NotFound(stream)
        return found

    def told(self, act_id: str, now: datetime) -> ToldAct:
        """One act with all that a reader asks of it.

        What it changed is told to whoever sees the whole case, and what names it as far as its
        stream is shown. Neither above ordinary, where nobody has a case opened to read one act.

        Raises:
            NotFound: There is no such act.
        """
        if not _is_uuid(act_id):
            raise NotFound(act_id)
        with self._connecting() as connection:
            stream = timeline.stream_of(connection, act_id)
            if stream is None:
                # what the log has and no view does
                self._act(connection, act_id, _index(connection, ("acts",)))
                raise NotFound(act_id)
            stands = self._footing(connection, stream)
            in_full = is_case(stream) and self._level == ORDINARY
            folded, registry = None, stands.newest.registry
            if in_full and stands.whole:
                folded = self._standing(connection, stream, now, stands)
                rows = folded.rows
                own = [row for row in rows if row.act_id == act_id]
            else:
                own = self._act(connection, act_id, stands.index)
                rows = timeline.stream_rows(connection, stream) if in_full else []
                rows = self._as_seen(connection, rows)
            told = ToldAct(
                stands.index,
                [judged(row, registry, now=None) for row in own],
                registry,
                ShownRows(rows),
                [] if folded is None else changes.of_act(folded, act_id),
                whole=folded is not None,
            )
            self._shows_records("RECORD", [*own, *told.related])
        self._rights.require(stream, [act_id], whole=told.whole)
        return told

    def _act(self, connection: Connection, act_id: str, index: int) -> list[ActRow]:
        """The statements of one act that the log has up to an index, as the asker sees them."""
        rows = self._evidence.fill_act(act_id, timeline.act_rows(connection, act_id))
        self._evidence.hold_act(act_id, rows, lambda one: one.index <= index)
        return self._as_seen(connection, rows)

    def printed(self, stream: str, now: datetime) -> CaseInFull:
        """Everything that a print of a case says, looked at from its last statement.

        Of whoever sees acts of it alone, these acts and no more.

        Raises:
            NotFound: There is no such case.
            TooMuch: It has more statements than are set in one print.
        """
        with self._connecting() as connection:
            try:
                index, found = self.verification(stream)
                judged_rows = list(found.statements)
            except PartOnly:
                (index, judged_rows), found = self.acts(stream), None
            limits.within(len(judged_rows), limits.PRINTED)
            rows = [one.row for one in judged_rows]
            folded = None
            if found is not None:
                folded = self._as_of(stream, rows[-1].index, now, "recorded", "RECORD")
            registry = self._registries.newest(connection).registry
            part = self.part(stream)
        return in_full(index, judged_rows, registry, folded, found, part)

    # -- what changed, and why -----------------------------------------------------------------

    def diff(
        self,
        stream: str,
        old: Moment,
        new: Moment,
        now: datetime,
        clock: Clock = "recorded",
    ) -> tuple[CaseAt, CaseAt, list[Change]]:
        """Both moments and every field that differs, with the acts that touched it.

        Raises:
            NotFound: There is no such case.
            BeforeCase: It had not begun at the later moment.
            InFuture: One of the moments has not come.
        """
        later = self._as_of(stream, new, now, clock)
        try:
            earlier = self._as_of(stream, old, now, clock)
        except BeforeCase:
            earlier = nothing(later, old)
        return earlier, later, changes.difference(earlier, later)

    def history(
        self, stream: str, pointer: str, now: datetime, *, moment: Moment | None = None
    ) -> list[Change]:
        """Why a field says what it says.

        Every change of its value, oldest first, with act and signers.

        Raises:
            NotFound: There is no such case, or no such field; one that has no value yet is there.
        """
        folded = self._as_of(stream, now if moment is None else moment, now, "recorded")
        found = changes.of_field(folded, pointer)
        if not found and not exists(folded.file(), pointer):
            raise NotFound(pointer)
        return found

    # -- verification --------------------------------------------------------------------------

    def verification(self, stream: str) -> tuple[int, Verification]:
        """(index, every statement of a stream by its key and by the rules, and one outcome).

        Raises:
            NotFound: There is no such stream.
        """
        with self._connecting() as connection:
            self._require_whole(connection, stream)
            index, judged_rows = self.acts(stream)
        found = self._judge.judged(stream)
        told = [
            one if (aside := found.get(one.row.index)) is None else one.against(aside)
            for one in judged_rows
        ]
        return index, verified(stream, told)

    def in_scope(self, scope: Scope, *, upto: int, after: str, limit: int) -> list[str]:
        """Streams of the next cases of a scope that the asker sees whole, by name.

        Raises:
            OrdinaryOnly: It is by key, and above ordinary no view holds which key signed in a case.
        """
        if scope.kid is not None and self._level != ORDINARY:
            raise OrdinaryOnly
        with self._connecting() as connection:
            shows_nothing()  # which they are; what is judged of each says so
            return case_file.in_scope(connection, scope, upto=upto, after=after, limit=limit)

    def called(self, streams: Collection[str]) -> dict[str, Called]:
        """What cases are called by stream, of those that the asker sees whole."""
        with self._connecting() as connection:
            return case_names.called(connection, streams)

    def signed_off(self, agency: str) -> int:
        """The last record that an agency has signed off with all before it; -1: none."""
        with self._connecting() as connection:
            return self._signed_off(connection, agency)

    def _signed_off(self, connection: Connection, agency: str) -> int:
        """By its own acts in its stream: nobody else signs off for it."""
        stream = f"agency/{agency}"
        rows = self._evidence.fill_stream(stream, timeline.signed_off(connection, stream))
        facts = [row.members["facts"] for row in rows if row.agency == agency]
        return max((one["checked_to"] for one in facts if one["scope"] == "LOG"), default=-1)

    def verifications(self, streams: Iterable[str]) -> Iterator[Verification]:
        """The same for many, one after the other.

        A stream that is not there is left out, and so is one of which the asker sees a part.

        Raises:
            TooMuch: They have too many statements together.
        """
        judged_so_far = 0
        shows_nothing()
        for stream in streams:
            limits.within(judged_so_far, limits.JUDGED)
            try:
                found = self.verification(stream)[1]
            except (NotFound, PartOnly):
                continue
            yield found
            judged_so_far += len(found.statements)

    # -- registry ------------------------------------------------------------------------------

    def registry(self, moment: Moment | None = None) -> RegistrySnapshot:
        """The registry now, or as the log stood at an index or a recorded time."""
        with self._connecting() as connection:
            if moment is None:
                return self._registries.newest(connection)
            if isinstance(moment, datetime):
                newest = self._registries.newest(connection)
                return self._registries.then(newest, newest.index_at(moment))
            return self._registries.as_of(connection, moment)

    def instant(self, index: int) -> datetime | None:
        """When a record was taken, or the newest of the registry before one that is not seen.

        None: there is no such record yet.
        """
        with self._connecting() as connection:
            if index > _index(connection, ()):
                return None
            at = timeline.taken_at(connection, index)
            return at if at is not None else self._registries.newest(connection).instant(index)

    # -- work, counts, feed --------------------------------------------------------------------

    def supervised(self, officer: str, at: datetime) -> list[str]:
        """Agencies in which an officer holds a post that supervises, at `at`."""
        day = local_day(at)
        with self._connecting() as connection:
            registry = self._registries.newest(connection).registry
        held = registry.appointments(officer, day)
        return sorted(
            {
                one.agency
                for one in held
                if registry.holds_code(_SUPERVISOR, one.agency, one.post, officer, day)
            }
        )

    def worklist(
        self,
        officer: str,
        at: datetime,
        *,
        team: Collection[str] = (),
        supervised: Collection[str] = (),
    ) -> tuple[int, Tasks]:
        """(index, what waits for an officer and for the agencies the officer acts for at `at`).

        Args:
            officer: Officer id.
            at: Who the officer is, and how late a task is, is judged by this instant.
            team: Agencies of which the other officers' work is asked for too.
            supervised: Agencies of which disputed signatures are told.
        """
        day = local_day(at)
        with self._connecting() as connection:
            index = _index(connection, ("worklist",))
            known = self._registries.newest(connection)
            held = known.registry.appointments(officer, day)
            mine, powers = {a.agency for a in held}, {p for a in held for p in a.powers}

            def is_one_of(agencies: Collection[str], agency: str) -> bool:
                heir = present_agency(known.registry, agency, day)
                return agency in agencies or heir in agencies

            every = (agency.id for agency in known.registry.agencies.all())
            carried = {*mine, *(name for name in every if is_one_of(mine, name))}
            instead = signs_for(known.registry, officer, day)

            def of_others(task: worklist.TaskRow) -> bool:
                return is_one_of(team, task.agency or "") or (
                    task.kind == worklist.SIGN
                    and instead(task.officer or "", task.act, task.stream)
                )

            tasks = worklist.worklist(connection, officer, carried, of_others, powers, at)
            tasks.disputed.extend(self._disputed(connection, known, supervised, day))
            self._shows("LIST", (task.stream for task in tasks.every()))
            return index, tasks

    def _disputed(
        self, connection: Connection, known: RegistrySnapshot, agencies: Iterable[str], day: date
    ) -> Iterator[TaskRow]:
        """Cases with disputed signatures: those that an agency holds, and those of its keys.

        A case is told once for each agency, and no longer once the agency has signed it off behind
        the revocation, alone or with all its cases. The flag of the case stays.
        """
        registry = known.registry
        at = {one.kid: one.at for one in known.disputes}
        for agency in agencies:
            own = [o.kid for o in known.disputes if agency in agencies_of(registry, o.officer, day)]
            checked = self._signed_off(connection, agency)
            found = disputed.waiting(
                connection, known.disputes, agency, own, checked=checked, limit=limits.DISPUTED
            )
            for one in found:
                yield worklist.disputed_case(one, agency, at[one.kid])

    def statistics(
        self,
        start: date,
        end: date,
        at: datetime,
        *,
        agency: str | None = None,
        smallest: int = SMALLEST,
        old_days: int = view.OLD_CASE_DAYS,
    ) -> tuple[int, view.Tables]:
        """(index, tables) of what the asker sees; arguments as of `statistics.tables`."""
        with self._connecting() as connection:
            index = _index(connection, ("statistics",))
            shows_figures()
            return index, view.tables(
                connection, start, end, at, agency=agency, smallest=smallest, old_days=old_days
            )

    def totals(self, year: int) -> tuple[int, view.Tables]:
        """(index, tables) of all cases over one calendar year.

        Raises:
            SeenOnly: The asker is told none.
        """
        with self._connecting() as connection:
            index = _index(connection, ("statistics", "acts"))
            found = view.totals(connection, year)
        if found is None:
            raise SeenOnly
        shows_totals(str(year))
        return index, found

    def feed(self, after: int, limit: int) -> tuple[int, int, list[dict[str, Any]]]:
        """(index, last index looked at, CloudEvents of at most `limit` indices behind `after`).

        Where the asker sees none of them there is no event, and the place to go on from all the
        same: how many records a log has is told to everybody (access.md D2). No index is looked at
        before it is known who takes part by its record: a follower does not come back to it.
        """
        with self._connecting() as connection:
            index = _index(connection, ("acts", "audience"))
            last = max(after, min(after + limit, index))
            rows = timeline.rows_between(connection, after, last)
            rows = self._evidence.fill_span(after + 1, limit, rows)
            self._evidence.hold_span(after + 1, limit, rows, lambda one: one.index <= index)
            rows = self._as_seen(connection, rows)
            of_cases = case_names.called(connection, {row.stream for row in rows})
            self._shows_records("FEED", rows)
        titles = {stream: one.title for stream, one in of_cases.items() if one.title is not None}
        return index, last, cloud_events.events(rows, self._origin, titles)

    # -- what is shown, and to whom ------------------------------------------------------------

    def _shows(self, kind: Kind, streams: Iterable[str]) -> None:
        """What is answered is made of these cases (access.md U1); none is something to say too."""
        shows_nothing()
        for stream in streams:
            shows(kind, stream, stream_id(self._origin, stream))

    def _shows_records(self, kind: Kind, rows: Iterable[ActRow]) -> None:
        shows_nothing()
        for row in rows:
            shows(kind, row.stream, stream_id(self._origin, row.stream), [row.index])

    def read_under(self, stream: str) -> ReadUnder | None:
        """The order or the opening by which the asker sees what nothing else shows of a case.

        Asked once the case was read: in that transaction the database was asked for it.
        """
        shown = gathered()
        under = None if shown is None else shown.under(stream_id(self._origin, stream))
        return None if under is None else next(iter(self.let_in_by([under])), None)

    def let_in_by(self, under: Sequence[Under]) -> list[ReadUnder]:
        """What orders and openings give to the asker."""
        who = asker()
        if who is None or not under:
            return []
        held = self._registries.known.grants(officer=who.officer)
        opened = {grant.act_id: grant for grant in held if grant.act in OPENING}
        return [ReadUnder(rule, opened[str(via)]) for via, rule in under if str(via) in opened]

    def part(self, stream: str) -> PartSeen | None:
        """How little of a case the asker sees; None: all of it, or nothing.

        Above ordinary whoever sees the whole case may not see units of it that are named to others.
        """
        with self._connecting() as connection:
            found = self._sight(connection, stream)
            if found is None or (found[0] and self._level == ORDINARY):
                return None
            seen = {row.seq for row in timeline.stream_rows(connection, stream)}
        withheld = [n for n in range(1, found[1] + 1) if n not in seen]
        return PartSeen(found[1], withheld) if withheld or not found[0] else None

    def _as_seen(self, connection: Connection, rows: list[ActRow]) -> list[ActRow]:
        """Statements without the state of a case of which the asker sees no more than acts.

        Where a case stands follows from all of it (access.md §1, scope ACT).
        """
        partly = self._partly(connection, {row.stream for row in rows})
        return [replace(row, state_after=None) if row.stream in partly else row for row in rows]

    def _partly(self, connection: Connection, streams: Iterable[str]) -> frozenset[str]:
        """Those of streams that the asker sees something of, of which they do not see all."""
        cases = {stream_id(self._origin, name): name for name in streams if is_case(name)}
        if asker() is None or not cases:
            return frozenset()
        whole = {row[0] for row in connection.execute(_WHOLE, [list(cases)]).fetchall()}
        return frozenset(name for comp, name in cases.items() if comp not in whole)

    def _require_whole(self, connection: Connection, stream: str) -> None:
        """What is folded from all of a case is for whoever sees all of it. Raises: PartOnly."""
        found = self._sight(connection, stream)
        if found is not None and not found[0]:
            raise PartOnly

    def _sight(self, connection: Connection, stream: str) -> tuple[bool, int] | None:
        """Whether all of a case is seen, and how many positions it has.

        None: nothing of it is, or nobody in particular asks.
        """
        if asker() is None:
            return None
        return connection.execute(_SIGHT, [stream_id(self._origin, stream)]).fetchone()


def agencies_of(registry: Registry, officer: str | None, day: date) -> set[str]:
    """Where an officer holds or held a post, and who carries on for these."""
    owner = registry.officer(officer or "")
    held = set() if owner is None else {one.agency for one in owner.appointments}
    return held | {present_agency(registry, agency, day) for agency in held}


def _index(connection: Connection, views: Iterable[str]) -> int:
    named = list(views)
    asked = connection.execute(_INDEX, [named]) if named else connection.execute(_LAST)
    row = asked.fetchone()
    return -1 if row is None else int(row[0])


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
