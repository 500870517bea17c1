"""The use cases of the write path: take, check or prepare a statement, found a log.

Step by step (architecture.md §3): the door (formats.md §2, §3), the key as the log stands, the
stream's answer, one append. Durable is the append's COMMIT and nothing before it; memory changes
only after it. SQL, HTTP and files are not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application, Cache, Repository
from eventsourcing.utils import Environment, EnvType

from keys import canonical
from keys.errors import NotCanonical, RetiredKey, UnknownKey, WrongCustody
from keys.keyring import KeyLine
from keys.vault import Kek
from ledger.errors import Conflict, Fatal, Fault, Head, NotFound, Rejected, Unavailable
from ledger.eventstore import (
    Judged,
    LogRecorder,
    RecordedEvent,
    SealingMapper,
    Seams,
    StatementStore,
)
from ledger.log import statement as statements
from ledger.log.record import stamp
from ledger.log.statement import ACT_TYP, AUTHOR, RETURNER, Statement
from ledger.ports import (
    Appender,
    AttachedFiles,
    Cases,
    Clock,
    Entropy,
    LogHead,
    NotAppended,
    RecordStore,
)
from ledger.reader import Reader
from ledger.regulation.act import Act, fmt_time
from ledger.regulation.catalogue import Catalogue, load
from ledger.regulation.decide import Decision, decide
from ledger.regulation.registry import Registry
from ledger.standing import Standing
from ledger.streams.event import StatementRecorded
from ledger.streams.kinds import begin, project
from ledger.streams.names import is_stream, stream_id
from ledger.streams.stream import Ground, Place, Stream, taken

CACHED_STREAMS: Final = 256
IAT_BEFORE: Final = timedelta(hours=24)
IAT_AFTER: Final = timedelta(minutes=5)
CLOCK_SLACK: Final = timedelta(seconds=1)
_ATTEMPTS: Final = 12
_VIETNAM: Final = timezone(timedelta(hours=7))
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer to a statement that stands in the log.

    Attributes:
        receipt: formats.md §8, without `proof`.
        created: False where the same statement stood there already.
        index: Leaf index; a checkpoint of more than this covers it.
    """

    receipt: dict[str, Any]
    created: bool
    index: int


@dataclass(frozen=True, slots=True)
class _Time:
    """The ledger's time for one request, and how far the log may be past it at the append."""

    at: datetime
    latest: datetime | None


class _JudgeAgain(Exception):
    """What the statement was judged by has moved meanwhile."""


class _Turns:
    """One lock a stream: two statements of one stream cannot both be next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[UUID, tuple[threading.Lock, int]] = {}

    @contextmanager
    def hold(self, key: UUID) -> Iterator[None]:
        with self._lock:
            turn, users = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = (turn, users + 1)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, users = self._held.pop(key)
                if users > 1:
                    self._held[key] = (turn, users - 1)


class Ledger(Application[UUID]):
    """The write path of one log; safe to use from many threads, beside other processes.

    Args:
        store: Reads of the records.
        appender: The one way in.
        kek: Seals and opens records.
        clock: The machine's clock; a rehearsal does not ask it.
        entropy: Blinds and ids.
        cases: What guards may ask about other cases.
        origin: Origin of the log.
        level: Its level.
        rehearsal: Whether the ledger's time is the sender's to set (api.md §1).
        files: What the files that acts list are asked of; None where no file is kept.
        catalogue: Act types; the shipped edition where left out.
        founded: The registry before record 0; the shipped edition where left out.
    """

    name = "socai"

    def __init__(  # noqa: PLR0913 - the ports of one process
        self,
        *,
        store: RecordStore,
        appender: Appender,
        kek: Kek,
        clock: Clock,
        entropy: Entropy,
        cases: Cases,
        origin: str,
        level: str,
        rehearsal: bool,
        files: AttachedFiles | None = None,
        catalogue: Catalogue | None = None,
        founded: Registry | None = None,
    ) -> None:
        reader = Reader(store, kek, origin, level)
        mapper = SealingMapper(reader, origin=origin, level=level, kek=kek, entropy=entropy)
        self._seams = Seams(mapper, LogRecorder(store, appender))
        super().__init__()
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._cases = cases
        self._files = files
        self._origin = origin
        self._level = level
        self._rehearsal = rehearsal
        self._catalogue = catalogue or load()
        self._standing = Standing(store, reader, founded or Registry.founded())
        self._log_head = LogHead(0, None, -1)
        self._turns = _Turns()

    # -- eventsourcing's seams: our parts, no environment, no copies from the cache ----------------

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """An empty environment: settings come by argument."""
        return Environment(name, dict(env or {}))

    def construct_factory(self, env: Environment) -> Seams:
        """The parts given to this ledger."""
        del env
        return self._seams

    def construct_mapper(self) -> SealingMapper:
        """Seals and opens."""
        return self._seams.statement_mapper()

    def construct_event_store(self) -> StatementStore:
        """Puts one judged statement at a time."""
        return self._seams.statement_store()

    def construct_repository(self) -> Repository[UUID]:
        """Streams are changed only by what is recorded, so the cache needs no copies."""
        return Repository(
            self.events,
            cache_maxsize=CACHED_STREAMS,
            fastforward=False,
            deepcopy_from_cache=False,
        )

    # -- use cases ---------------------------------------------------------------------------------

    @property
    def registry(self) -> Registry:
        """The registry as this process last saw it."""
        return self._standing.current.registry

    def refresh(self) -> Registry:
        """The registry as the log stands now."""
        self._saw(self._store.head())
        return self._standing.catch_up(self._log_head.registry_index).registry

    def record(
        self, body: bytes, *, at: datetime | None = None, signer_officer: str | None = None
    ) -> Recorded:
        """Takes a statement: a new act, a countersignature or a return.

        Args:
            body: Flattened JWS, as received.
            at: The ledger's time in a rehearsal; None: the last `recorded_at`.
            signer_officer: Officer of the session that sent it; None where there is no session.

        Raises:
            Rejected: The sender's move.
            Conflict: `stale`, `taken` or `clock_back`.
            Unavailable: Try again later with the same bytes.
        """
        statement = statements.parse_flattened(body)
        return self.take(statement, at=at, signer_officer=signer_officer)

    def take(
        self,
        statement: Statement,
        *,
        at: datetime | None = None,
        signer_officer: str | None = None,
    ) -> Recorded:
        """`record` for a statement that has been parsed."""
        act = self._door(statement)
        key = stream_id(self._origin, act.stream)
        verified: set[str] = set()
        with self._turns.hold(key):
            for _ in range(_ATTEMPTS):
                stream = self._cached(key, act.stream, statement.seq)
                found = stream.place(statement)
                if found is not None:
                    self._require_session(statement, signer_officer)
                    return Recorded(self._receipt(act, found), created=False, index=_index(found))
                try:
                    return self._once(stream, statement, act, at, signer_officer, verified)
                except (Rejected, Conflict):
                    # By what was this judged? If the stream or the registry has moved, ask again.
                    if not self._moved(stream):
                        raise
                except _JudgeAgain:
                    self._moved(stream)
        raise Unavailable(
            "unavailable",
            "Sổ đang thay đổi liên tục; chưa ghi gì, gửi lại đúng nội dung này.",
            "The log moves too fast just now; nothing was recorded, send the same again.",
        )

    def found(self, statement: Statement, *, at: datetime) -> Recorded:
        """Writes record 0: LedgerOpened by the founding registrar, judged like any other act.

        Args:
            statement: Of `founding.genesis`, with seq 1.
            at: Time of record 0.

        Raises:
            Rejected: A guard refuses it.
            Conflict: The log is founded already.
        """
        act, at = self._door(statement), _cut(at)
        key = stream_id(self._origin, act.stream)
        # The registry that judges record 0 is the one it makes: it appoints its own signer
        # (formats.md §9).
        registry = self.registry.copy()
        registry.apply(act, index=0, recorded_at=at)
        with self._turns.hold(key):
            stream = begin(key, act.stream)
            if self._store.head().size:
                self._moved(stream)
                raise stream.stale(statement)
            line = self._key(statement, registry, at)
            self._check_window(statement, at)
            event, _ = stream.decide(statement, act, _officer(line), self._ground(registry, at))
            return self._append(stream, event, act, Judged(-1, at, at))

    def head(self, stream: str) -> Head:
        """Where the next statement of a stream must stand.

        Raises:
            NotFound: No kind of stream has such names.
        """
        with self._fresh(stream) as current:
            return current.head

    def since(self, stream: str, seq: int) -> list[dict[str, Any]]:
        """The statements of a stream after `seq`. Raises: NotFound."""
        with self._fresh(stream) as current:
            return current.since(seq)

    def check(
        self,
        asked: Mapping[str, Any],
        *,
        at: datetime | None = None,
        signer_officer: str | None = None,
    ) -> dict[str, Any]:
        """Every check of `record` without recording.

        Args:
            asked: `{statement}`, a flattened JWS as an object, or `{act}`, the fields of an act
                that the session's officer would sign next.
            at: The ledger's time in a rehearsal.
            signer_officer: Officer of the session.

        Returns:
            `{ok, status, flags, next_state}`.

        Raises:
            Rejected: As `record` would.
            Conflict: As `record` would.
        """
        self.refresh()
        time = self._time(at)
        ground = self._ground(self.registry, time.at)
        if "statement" in asked:
            statement = statements.parse_compact(_compact(asked["statement"]))
            act = self._door(statement)
            self._check_window(statement, time.at)
            line = self._key(statement, ground.registry, time.at)
            self._require_session(statement, signer_officer)
            with self._fresh(act.stream) as stream:
                decision = stream.decide(statement, act, _officer(line), ground)[1]
                self._require_files(act, stream)
        else:
            members = self._filled(asked.get("act", {}), signer_officer, time.at)
            act = self._catalogue.parse(members, self._level)
            with self._fresh(act.stream) as stream:
                decision = self._would_decide(stream, act, signer_officer, ground)
                self._require_files(act, stream)
        return _verdict(decision)

    def prepare(
        self,
        fields: Mapping[str, Any],
        *,
        kid: str,
        role: str = AUTHOR,
        at: datetime | None = None,
    ) -> dict[str, Any]:
        """The bytes for a thin client to show and to sign; nothing is stored.

        Args:
            fields: Members of the act; `v`, `act_id`, `occurred_at`, `precision`, `circulation` and
                a single signer are filled in where they are left out. For a countersignature
                `stream` and `act_id` are enough.
            kid: The key that will sign.
            role: Role of the header.
            at: The ledger's time in a rehearsal.

        Returns:
            `{payload, protected, signing_input, shown}`; the first two in b64.

        Raises:
            Rejected: `unknown_key`, `malformed_act` or `unknown_act`.
            NotFound: No such stream, or no such act to countersign.
        """
        registry = self.refresh()
        time = self._time(at)
        line = registry.keyring.line(kid)
        if line is None:
            raise _unknown_key("chưa đăng ký khóa này", "this key is not enrolled")
        stream = fields.get("stream")
        with self._fresh(stream if isinstance(stream, str) else "") as current:
            members = self._payload(current, fields, line, role, time.at)
            head = current.head
        payload = _encoded(members)
        protected = statements.protected_header(
            alg=registry.keyring.key(kid).alg,
            kid=kid,
            iat=int(time.at.timestamp()),
            log=self._origin,
            seq=head.seq,
            prev=head.prev,
            role=role,
        )
        return {
            "payload": canonical.b64(payload),
            "protected": canonical.b64(protected),
            "signing_input": statements.signing_input(protected, payload).decode("ascii"),
            "shown": canonical.parse(payload),
        }

    # -- one attempt -------------------------------------------------------------------------------

    def _once(
        self,
        stream: Stream,
        statement: Statement,
        act: Act,
        at: datetime | None,
        signer_officer: str | None,
        verified: set[str],
    ) -> Recorded:
        """Judges by what this process knows, and appends. Raises: _JudgeAgain."""
        time = self._time(at)
        current = self._standing.catch_up(self._log_head.registry_index)
        self._check_window(statement, time.at)
        line = self._key(statement, current.registry, time.at, verified)
        self._require_session(statement, signer_officer)
        ground = self._ground(current.registry, time.at)
        event, _ = stream.decide(statement, act, _officer(line), ground)
        self._require_files(act, stream)
        latest = time.latest
        if line.valid_to is not None:  # a signature is never judged otherwise at its index
            last = line.valid_to - _MS
            latest = last if latest is None else min(latest, last)
        try:
            return self._append(stream, event, act, Judged(current.index, time.at, latest))
        except NotAppended as refusal:
            self._saw(refusal.head)
            if refusal.status == "taken":
                raise taken(act.act_id) from refusal
            if refusal.status == "late" and at is not None:
                raise _clock_back() from refusal
            raise _JudgeAgain from refusal

    def _append(
        self, stream: Stream, event: StatementRecorded, act: Act, judged: Judged
    ) -> Recorded:
        """DURABLE when `put` returns; what follows only changes memory."""
        # `save` would first ask what kind of thing this is, which takes longer than sealing it.
        (recording,) = cast("list[RecordedEvent]", self.events.put([event], judged=judged))
        recorded = cast("StatementRecorded", recording.domain_event)
        self._saw(recording.appended.head)
        try:
            stream.add(recorded)
        except ValueError as error:
            raise Fatal(f"the log took what its stream cannot explain: {error}") from error
        self._remember(stream)
        place = stream.place(recorded.statement)
        if place is None:
            raise Fatal("a statement is not where it was just put")
        return Recorded(self._receipt(act, place), created=True, index=recording.appended.index)

    # -- the door ----------------------------------------------------------------------------------

    def _door(self, statement: Statement) -> Act:
        """What needs no state: form, log, kind of statement (formats.md §2, §3)."""
        statements.require_log(statement, self._origin)
        if statement.typ != ACT_TYP:
            raise Rejected(
                "malformed_statement",
                "Không ghi được: cửa này chỉ nhận diễn biến do cán bộ ký.",
                "Only acts signed by officers are taken here.",
                faults=[Fault("/protected/typ", "phải là diễn biến", "must be an act")],
            )
        return self._catalogue.parse(statement.members, self._level)

    def _check_window(self, statement: Statement, at: datetime) -> None:
        """formats.md §3: `iat` within -24 h … +5 min of the ledger's time."""
        signed = statement.iat - int(at.timestamp())
        if not -IAT_BEFORE.total_seconds() <= signed <= IAT_AFTER.total_seconds():
            raise Rejected(
                "clock_off",
                "Không ghi được: thời điểm ký lệch xa đồng hồ của sổ; chỉnh lại rồi ký lại.",
                "iat is too far from the ledger's clock (-24 h … +5 min): sign again.",
                faults=[Fault("/protected/iat", "lệch đồng hồ", "off the clock")],
            )

    def _key(
        self,
        statement: Statement,
        registry: Registry,
        at: datetime,
        verified: set[str] | None = None,
    ) -> KeyLine:
        """The key as the log stands, and the signature it makes good; once a request."""
        keyring = registry.keyring
        try:
            line = keyring.usable(statement.kid, index=None, at=at, service=False)
        except RetiredKey as error:
            raise _unknown_key("khóa đã bị thu hồi", "the key is revoked") from error
        except WrongCustody as error:
            raise _unknown_key(
                "khóa hệ thống không ký được diễn biến", "a service key can sign no act"
            ) from error
        except UnknownKey as error:
            raise _unknown_key(
                "khóa chưa đăng ký hoặc ngoài thời hạn", "the key is not enrolled or not valid now"
            ) from error
        if verified is None or statement.kid not in verified:
            statements.check_signature(statement, keyring.key(statement.kid))
            if verified is not None:
                verified.add(statement.kid)
        return line

    def _require_session(self, statement: Statement, signer_officer: str | None) -> None:
        """api.md §3: sent by its signer's session. A revoked key still says whose it was."""
        if signer_officer is None:
            return
        line = self.registry.keyring.line(statement.kid)
        if line is None or line.officer != signer_officer:
            raise Rejected(
                "wrong_session",
                "Không ghi được: phải gửi bằng phiên của chính người ký.",
                "A statement is sent by its signer's own session.",
            )

    def _require_files(self, act: Act, stream: Stream) -> None:
        """An act never lists a file that nobody could open."""
        if self._files is not None:
            self._files.require(act, [entry.act for entry in stream.state.entries.values()])

    # -- time --------------------------------------------------------------------------------------

    def _time(self, at: datetime | None) -> _Time:
        """The ledger's time for one request (api.md §1)."""
        if self._rehearsal:
            return self._rehearsed(at)
        if at is not None:
            raise Rejected(
                "not_a_rehearsal",
                "Chỉ sổ diễn tập mới nhận thời điểm do người gửi đặt.",
                "Only a rehearsal takes its time from the sender.",
            )
        now, last = _cut(self._clock.now()), self._log_head.recorded_at
        if last is not None and now < last:
            if last - now > CLOCK_SLACK:
                raise Unavailable(
                    "clock_jumped",
                    "Đồng hồ máy chủ lùi về trước lần ghi cuối; chưa ghi gì.",
                    "The server's clock is before the last record; nothing was recorded.",
                    retry_after_s=5,
                )
            now = last
        return _Time(now, now + CLOCK_SLACK)

    def _rehearsed(self, at: datetime | None) -> _Time:
        head = self._store.head()
        self._saw(head)
        last = head.recorded_at
        if at is None:
            if last is None:
                raise Fatal("the log is not founded: a rehearsal has no time before record 0")
            return _Time(last, None)
        if last is not None and at < last:
            raise _clock_back()
        return _Time(_cut(at), _cut(at))

    # -- what this process remembers ---------------------------------------------------------------

    def _cached(self, key: UUID, name: str, seq: int) -> Stream:
        """The stream as this process knows it; of a first statement the append tells."""
        try:
            return self._cache.get(key)
        except KeyError:
            return begin(key, name) if seq == 1 else self._loaded(key, name)

    def _loaded(self, key: UUID, name: str) -> Stream:
        try:
            return self.repository.get(key, projector_func=project)
        except AggregateNotFoundError:
            return begin(key, name)

    @contextmanager
    def _fresh(self, name: str) -> Iterator[Stream]:
        """The stream with everything that is committed, alone."""
        if not is_stream(name):
            raise NotFound("no such stream")
        key = stream_id(self._origin, name)
        with self._turns.hold(key):
            try:
                stream = self._cache.get(key)
                self._follow(stream)
            except KeyError:
                stream = self._loaded(key, name)
            yield stream

    def _moved(self, stream: Stream) -> bool:
        """Whether the stream or the registry was ahead of this process; both are caught up with."""
        before = self._standing.current.index
        self._saw(self._store.head())
        registry = self._standing.catch_up(self._log_head.registry_index)
        return self._follow(stream) or registry.index != before

    def _follow(self, stream: Stream) -> bool:
        fresh = list(self.events.get(stream.id, gt=stream.version))
        if fresh:
            project(stream, cast("list[StatementRecorded]", fresh))
            self._remember(stream)
        return bool(fresh)

    def _remember(self, stream: Stream) -> None:
        self._cache.put(stream.id, stream)

    @property
    def _cache(self) -> Cache[UUID, Stream]:
        return cast("Cache[UUID, Stream]", self.repository.cache)

    def _saw(self, head: LogHead) -> None:
        """The log only grows: what shows it longer is the newer view."""
        if head.size > self._log_head.size:
            self._log_head = head

    def _ground(self, registry: Registry, at: datetime) -> Ground:
        return Ground(
            registry=registry,
            catalogue=self._catalogue,
            origin=self._origin,
            level=self._level,
            log_size=self._log_head.size,
            cases=self._cases,
            at=at,
        )

    def _receipt(self, act: Act, place: Place) -> dict[str, Any]:
        """formats.md §8 without `proof`; for the same statement always the same."""
        signed = place.signed
        if signed.recorded_at is None:
            raise Fatal("a receipt is for a recorded statement")
        return {
            "act_id": act.act_id,
            "stream": act.stream,
            "seq": signed.seq,
            "status": place.status,
            "waiting_for": [asdict(signer) for signer in place.waiting_for],
            "log": self._origin,
            "index": _index(place),
            "entry": canonical.b64(place.entry),
            "recorded_at": stamp(signed.recorded_at),
        }

    # -- before signing ----------------------------------------------------------------------------

    def _filled(
        self, fields: Mapping[str, Any], officer: str | None, at: datetime
    ) -> dict[str, Any]:
        """The members of an act to be, what can be known filled in."""
        members: dict[str, Any] = {
            "v": 1,
            "act_id": str(self._entropy.uuid()),
            "occurred_at": fmt_time(at.astimezone(_VIETNAM).replace(microsecond=0)),
            "precision": "minute",
            "circulation": "INTERNAL",
            **fields,
        }
        if "signers" not in members and officer is not None:
            post = members.get("post")
            members["signers"] = [{"officer": officer, "post": post, "role": AUTHOR}]
        return members

    def _payload(
        self, stream: Stream, fields: Mapping[str, Any], line: KeyLine, role: str, at: datetime
    ) -> Mapping[str, Any]:
        """A new payload, or for a countersigner the one that stands."""
        if role in (AUTHOR, RETURNER):
            members = self._filled(fields, line.officer, at)
            self._catalogue.parse(members, self._level)
            return members
        standing = stream.payload_members(str(fields.get("act_id")))
        if standing is None:
            raise NotFound("no such act waits here")
        return standing

    def _would_decide(
        self, stream: Stream, act: Act, officer: str | None, ground: Ground
    ) -> Decision:
        entry = stream.state.entries.get(act.act_id)
        waiting = act.signers if entry is None else entry.waiting_for
        role = RETURNER if act.act == "ActReturned" else waiting[0].role if waiting else AUTHOR
        signer = officer or act.signers[0].officer
        lines = ground.registry.keyring.lines(signer)
        iat = int(ground.at.timestamp())
        kid = lines[-1].kid if lines else ""
        return decide(stream.question(act, signer, ground, kid=kid, iat=iat, role=role))


def _index(place: Place) -> int:
    if place.signed.index is None:
        raise Fatal("a place in the log has an index")
    return place.signed.index


def _officer(line: KeyLine) -> str:
    if line.officer is None:
        raise _unknown_key("khóa không của cán bộ nào", "the key is no officer's")
    return line.officer


def _verdict(decision: Decision) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ok": True,
        "status": decision.status,
        "flags": list(decision.flags),
    }
    if decision.next_state is not None:
        told["next_state"] = decision.next_state
    return told


def _compact(flattened: Mapping[str, Any]) -> str:
    parts = [flattened.get(name) for name in ("protected", "payload", "signature")]
    return ".".join(part if isinstance(part, str) else "" for part in parts)


def _encoded(members: Mapping[str, Any]) -> bytes:
    try:
        return canonical.encode(members)
    except NotCanonical as error:
        vi = "Không soạn được: nội dung không viết được ở dạng JSON chuẩn tắc."
        raise Rejected("not_canonical", vi, f"The act has no canonical form: {error}.") from error


def _cut(at: datetime) -> datetime:
    utc = at.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _unknown_key(vi: str, en: str) -> Rejected:
    return Rejected("unknown_key", f"Không ghi được: {vi}.", f"Not recorded: {en}.")


def _clock_back() -> Conflict:
    return Conflict(
        "clock_back",
        "Đồng hồ của sổ không đi lùi: thời điểm này sớm hơn lần ghi cuối.",
        "The ledger's clock never goes back: this time is before the last record.",
    )
