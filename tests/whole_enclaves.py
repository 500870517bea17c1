"""A lower enclave and one above it, each whole: production's wiring over PostgreSQL, asked by HTTP.

What `two_levels` tells over stores in memory is told here to enclaves as they run, with loops that
are turned by hand: nothing happens between two steps.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from unittest import mock

import httpx
import orjson

from api.client.connection import JOSE
from api.home import Home
from api.ops.embedded_postgres import Embedded
from api.ops.mirror import inbox, slots
from api.ops.mirror.outbox import ENDING, Outbox, into_folder
from api.ops.reads.which_log import ACTS, READS
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.projector import open_projector
from api.settings import Settings
from keys.custody.file import write_key
from keys.hpke import OpeningKey
from keys.jwk import SoftwareSigner
from ledger.errors import LedgerError
from ledger.log.statement import flattened
from ledger.mirror.refusal import SegmentRefused
from ledger.regulation.acts.act import Act
from tests import builders, two_levels
from tests.builders import CAST, an_act, an_id, officer
from tests.fixtures.above import classification, holder
from tests.fixtures.app import PASSPHRASE, found, listening, open_service, settings_of
from tests.fixtures.clock import CountingEntropy, StepClock
from tests.fixtures.postgres import Database
from tests.two_levels import NUMBERS, Step

ORDINARY: Final = "rehearsal.bacninh.example/ordinary"
MAT: Final = "rehearsal.bacninh.example/mat"
BELOW: Final = ("hotline", "cv", "gd")
ABOVE: Final = ("nst", "npgd", "ctq", "bm")
FIRST: Final = 1_700_000_000
"""The first turn of the publisher's clock."""

LOWER: Final = (
    "report", "report", "register", "determine", "stale", "replay", "twisted", "check", "upload",
    "read", "restart", "tick", "publish", "publish",
)  # fmt: skip
HIGHER: Final = (
    "import", "damaged", "again", "classify", "classify", "refused", "loss", "grant", "read above",
    "upload above", "restart above", "new key", "checkpoint above",
)  # fmt: skip
FILES: Final = tuple(f"file {n} ".encode() * 40 for n in range(4))


class Answer(NamedTuple):
    """What came back.

    Attributes:
        status: Of HTTP.
        headers: As they came, without the machine's time (X1).
        body: All of it.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Whole:
    """An enclave whose loops turn when they are told to.

    Args:
        settings: Of its home.
        database: Its own.
        at: The ledger's time, which only its own steps move.
        seed: What its own randomness counts from.
        port: Whether it listens, and is asked over a socket.

    Attributes:
        service: It, as a client meets it.
        url: Where it listens; empty where it does not.
    """

    def __init__(
        self, settings: Settings, database: Database, at: datetime, seed: str, *, port: bool = False
    ) -> None:
        self._seed = seed
        self._restarts = 0
        self._port = port
        self._http: httpx.Client | None = None
        self._begin(settings, database, StepClock(at))

    @property
    def clock(self) -> StepClock:
        """The ledger's time."""
        return self.service.clock

    @property
    def settings(self) -> Settings:
        """Of its home."""
        return self.service.settings

    @property
    def now(self) -> datetime:
        """The ledger's time, as acts say it."""
        return self.clock.now().astimezone(builders.T0.tzinfo)

    def _begin(self, settings: Settings, database: Database, clock: StepClock) -> None:
        entropy = CountingEntropy(f"{self._seed} {self._restarts}")
        self.service = open_service(settings, database, clock, entropy)
        projector, _, pool = open_projector(settings)
        self._loops: list[Callable[[], object]] = [projector.catch_up]
        self._closing: list[Any] = [projector, pool]
        for which in (ACTS, READS):
            checkpointer, pool = open_checkpointer(settings, which=which, clock=clock)
            self._loops.append(checkpointer.checkpoint_once)
            self._closing.append(pool)
        self.url = ""
        if self._port:
            self._stack = ExitStack()
            self.url = self._stack.enter_context(listening(self.service))
            self._http = self._stack.enter_context(httpx.Client(base_url=self.url, timeout=600))
            self._closing.append(self._stack)

    def turn(self) -> None:
        """Each loop once: everything recorded is folded and covered."""
        for loop in self._loops:
            loop()

    def restart(self) -> None:
        """Its processes end, and begin again."""
        self.close()
        self._restarts += 1
        before = self.service
        self._begin(before.settings, before.database, before.clock)
        self.service._tokens = before._tokens  # whoever is signed in stays so

    def close(self) -> None:
        """Its processes end."""
        for one in self._closing:
            one.close()
        self.service.stop()

    def within(self, stream: str) -> Any:  # noqa: ANN401
        """The fold of a stream, while it is looked at."""
        return self.service.enclave.ledger._memory.fresh(stream)

    def signed(self, act: Act, by: str, **how: Any) -> bytes:  # noqa: ANN401
        """The body of a statement."""
        return orjson.dumps(flattened(self.service.sign(act, by, **how)))

    def post(self, path: str, body: bytes, by: str, media: str = JOSE) -> Answer:
        """Sends a body as somebody, who waits for nothing."""
        sent = {"Content-Type": media, "Prefer": "respond-async"}
        return self.ask("POST", path, by, sent, body)

    def get(self, path: str, by: str | None) -> Answer:
        """Asks as somebody, and reads the answer to its end."""
        return self.ask("GET", path, by)

    def ask(
        self,
        method: str,
        path: str,
        by: str | None,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> Answer:
        """One request at the ledger's time, whose id is nobody's choice."""
        sent = {**self.service.headers(by, self.clock.now()), "X-Request-Id": "x", **headers}
        if self._http is None:
            told = self.service.client.open(
                path, method=method, data=body, headers=sent, buffered=True
            )
            return Answer(told.status_code, _but_date(told.headers.items()), told.get_data())
        came = self._http.request(method, path, content=body, headers=sent)
        return Answer(came.status_code, _but_date(came.headers.multi_items()), came.content)


def _but_date(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in headers if name.lower() != "date")


class LowerWhole(Whole):
    """The enclave below, with what it publishes.

    Args:
        stored: What it begins as.
        where: The cluster, the folder of its home, and its database's name where that is another.
        carried: Where its segments lie.
        port: See `Whole`.
    """

    def __init__(
        self, stored: StoredEnclave, where: Where, carried: Path, *, port: bool = False
    ) -> None:
        super().__init__(*stored.copied(where), "below", port=port)
        self.carried = carried
        self._sent: dict[str, tuple[bytes, str]] = {}
        self._turns = 0

    def do(self, story: str, step: Step) -> list[Answer]:
        """One step, and what whoever did it is answered."""
        kind, case, value = step
        answers: list[Answer] = []
        match kind:
            case "tick":
                self.clock.step(minutes=1 + value)
            case "restart":
                self.restart()
            case "publish":
                self.publish()
            case "upload":
                answers = [self.post("/v1/attachments", FILES[value], "cv", "application/pdf")]
            case "read":
                answers = [self.get(f"/v1/cases/{case_of(story, case)}/acts", BELOW[value % 3])]
            case "replay":
                if (again := self._sent.get(_stream(story, case))) is not None:
                    answers = [self.post("/v1/acts", *again)]
            case _:
                answers = self._say(story, kind, case, value)
        self.turn()
        return answers

    def publish(self) -> None:
        """A turn of the publisher's clock."""
        self.turn()
        self._turns += 1
        at = datetime.fromtimestamp(FIRST + 3_600 * self._turns, UTC)
        Outbox(self.settings, into_folder(self.carried), StepClock(at)).once()

    def _say(self, story: str, kind: str, case: int, value: int) -> list[Answer]:
        stream = _stream(story, case)
        act = self._act(story, kind, case, value, stream)
        if kind == "check":
            body = orjson.dumps({"act": dict(act.signed)})
            return [self.post("/v1/acts/check", body, "cv", "application/json")]
        by_uuid = {officer(alias): alias for alias in CAST}
        answers = []
        for signer in act.signers:
            alias = by_uuid[signer.officer]
            head = (1 + value, builders.DIGEST if value else None) if kind == "stale" else None
            body = self.signed(act, alias, role=signer.role, head=head)
            answers.append(self.post("/v1/acts", body, alias))
            self._sent[stream] = body, alias
            self.turn()
        return answers

    def _act(self, story: str, kind: str, case: int, value: int, stream: str) -> Act:
        names = {"register": "CaseRegistered", "report": "ReportReceived"}
        facts: dict[str, Any] = {}
        given = kind in names and value % 2 == 1  # by form 2 the log gives the number
        if kind == "register":
            facts = {"case_number": None if given else NUMBERS[value]}
        if kind == "report":
            facts = {"register_no": None if given else NUMBERS[value]}
        of = "report" if kind == "twisted" else kind
        with self.within(stream) as current:
            return an_act(
                names.get(kind, "CompetenceDetermined"), when=self.now, within=current.state,
                facts=facts, act_id=act_id_of(story, case, of),
                capacities=["TRUC_TIEP"] if given else None,
            )  # fmt: skip


class HigherWhole(Whole):
    """The enclave above, with what it takes in. Its arguments are those of `LowerWhole`.

    Attributes:
        done: How many steps.
    """

    def __init__(self, stored: StoredEnclave, where: Where, carried: Path) -> None:
        super().__init__(*stored.copied(where), "above")
        self.carried = carried
        self._taken: list[Path] = []
        self.done = 0

    def do(self, story: str, step: Step) -> None:
        """One step; whatever comes of it stays there."""
        kind, case, value = step
        with suppress(LedgerError, SegmentRefused):
            if kind in {"import", "damaged", "again"}:
                self._carry(kind)
            elif kind in {"classify", "refused", "loss", "grant"}:
                self._say(story, kind, case, value)
            else:
                self._serve(story, kind, case, value)
        self.turn()
        self.done += 1

    def _serve(self, story: str, kind: str, case: int, value: int) -> None:
        match kind:
            case "restart above":
                self.restart()
            case "new key":
                inbox.make_key(self.settings)
            case "read above":
                self.get(f"/v1/cases/{case_of(story, case)}/acts", ABOVE[value])
            case "upload above":
                self.post("/v1/attachments", FILES[value], "nst", "application/pdf")
            case _:
                pass  # each step ends with a checkpoint

    def _carry(self, kind: str) -> None:
        waiting = self._waiting()
        if kind == "import":
            for path in waiting:
                self._take(path.read_bytes(), path.name)
                self._taken.append(path)
        elif kind == "damaged" and waiting:
            self._take(waiting[-1].read_bytes()[:-9] + b"damaged!!", waiting[-1].name)
        elif kind == "again" and self._taken:
            self._take(self._taken[0].read_bytes(), self._taken[0].name)

    def _waiting(self) -> list[Path]:
        return sorted(self.carried.glob(f"*{ENDING}"))[len(self._taken) :]

    def _take(self, sealed: bytes, name: str) -> None:
        with inbox.open_inbox(self.settings) as box:
            box.take(sealed, name)

    def _say(self, story: str, kind: str, case: int, value: int) -> None:
        self.clock.step(minutes=1)
        stream, until = _stream(story, case), "2027-06-30T17:00:00+07:00"
        number = f"{story} {kind} {case} {value}"
        how: dict[str, Any] = {"level": "mat", "stream": stream, "when": self.now}
        if kind in {"classify", "refused"}:
            level = "mat" if kind == "classify" else "toi-mat"
            act = classification(level, stream, an_id(number), [holder("bm", until)], self.now)
        elif kind == "loss":
            act = an_act("SecretLossReported", by="nst", also=[], **how)
        else:
            facts = {"officer": officer("npgd"), "scope": "CASE", "until": until}
            act = an_act("ParticipationGranted", by="nst", also=["ctq"], **how, facts=facts)
        for alias, signer in zip(("nst", "ctq"), act.signers, strict=False):
            self.post("/v1/acts", self.signed(act, alias, role=signer.role), alias)
            self.turn()


def _stream(story: str, case: int) -> str:
    return f"case/{case_of(story, case)}"


def case_of(story: str, case: int) -> str:
    """Id of a case of a story."""
    return an_id(f"{story} case {case}")


def act_id_of(story: str, case: int, kind: str) -> str:
    """Id of an act of it."""
    return an_id(f"{story} act {case} {kind}")


class HigherApart:
    """`HigherWhole` in a process of its own, which shares nothing with the lower one's."""

    def __init__(self, stored: StoredEnclave, where: Where, carried: Path) -> None:
        self._line, line = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve_above, args=(line, stored, where, carried), daemon=True
        )
        self._process.start()
        line.close()

    def do(self, story: str, step: Step) -> None:
        """As `HigherWhole.do`; returns once it is done."""
        self._line.send((story, step))
        assert self._line.recv() == "done"

    def close(self) -> None:
        """It ends."""
        self._line.send(None)
        self._process.join()
        assert self._process.exitcode == 0


def _serve_above(line: Connection, stored: StoredEnclave, where: Where, carried: Path) -> None:
    with determined():
        above = HigherWhole(stored, where, carried)
        while (asked := line.recv()) is not None:
            above.do(*asked)
            line.send("done")
        above.close()


def a_story(chance: random.Random) -> tuple[list[Step], list[list[Step]]]:
    """As `two_levels.a_story`, of what these do."""
    return two_levels.a_story(chance, LOWER, HIGHER)


# --- stored states, from which every run begins ---


class Where(NamedTuple):
    """Where a copy of an enclave is made."""

    server: Embedded
    folder: Path
    dbname: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEnclave:
    """A founded enclave with officers in post, closed: its files and its database."""

    home: Path
    database: Database
    clock: datetime

    def copied(self, where: Where) -> tuple[Settings, Database, datetime]:
        """Another of it, over a database that has the same content."""
        shutil.copytree(self.home, where.folder)
        name = where.dbname or self.database.name
        database = replace(self.database, server=where.server, name=name, _opened=[])
        files = Home(settings_of(where.folder))
        at = {"host": where.server.host, "port": where.server.port, "dbname": name}
        files.write_facts(replace(files.facts(), database=at))
        return files.settings, database, self.clock


def store_below(database: Database, home: Path) -> StoredEnclave:
    """An ordinary enclave with three in post, whose keys lie in its home."""
    settings = found(database, home)
    made = Whole(settings, database, builders.T0 + timedelta(minutes=1), "below, founded")
    made.turn()
    made.service._taken = _at_once(made)  # type: ignore[method-assign]
    made.service.hire(*BELOW)
    for alias in BELOW:
        path = Home(settings).key_path(alias)
        write_key(path, builders.key(alias), PASSPHRASE, t=1, p=1, m_kib=64)
    return _stored(made)


def store_above(database: Database, home: Path, lower: StoredEnclave) -> StoredEnclave:
    """An enclave of level mat with four in post; it trusts the log below and has a slot there."""
    begun = builders.T0 + timedelta(minutes=1)
    settings = found(database, home, origin=MAT, reads_at=begun)
    made = Whole(settings, database, begun, "above, founded")
    made.turn()
    made.service._taken = _at_once(made)  # type: ignore[method-assign]
    made.service.enrol_service()
    made.clock.set(builders.at("2026-10-13 09:00"))
    made.service.hire(*ABOVE)
    below = Home(settings_of(lower.home))
    inbox.add_log(settings, ORDINARY, bytes.fromhex(below.facts().genesis))
    _, key = inbox.make_key(settings)
    slots.put(below.settings, "ordinary", [reader().public, key.public])
    return _stored(made)


@cache
def reader() -> OpeningKey:
    """Whoever below looks into a segment: the first slot's key, which only a test has."""
    return OpeningKey.generate()


def _at_once(made: Whole) -> Callable[..., dict[str, Any]]:
    """Says an act, and has every loop turn."""

    def taken(statement: Any, by: str, *_: object) -> dict[str, Any]:  # noqa: ANN401
        sent = made.post("/v1/acts", orjson.dumps(flattened(statement)), by)
        assert sent.status == 202, sent.body
        made.turn()
        receipt: dict[str, Any] = orjson.loads(sent.body)
        return receipt

    return taken


def _stored(made: Whole) -> StoredEnclave:
    made.turn()
    made.clock.step(minutes=1)
    made.close()
    made.service.database.disconnect()
    return StoredEnclave(made.settings.home, made.service.database, made.clock.now())


@contextmanager
def determined() -> Iterator[None]:
    """What happens hangs on what is done alone, while this lasts.

    The loops' patience is counted by how often they ask, and a signature that is drawn (ML-DSA, of
    checkpoints) is drawn once for what is signed: stored, it takes as much room in each run.
    """
    ticks = count(0, 2)

    def ticked() -> float:
        return float(next(ticks))

    with ExitStack() as stack:
        for module in ("projector", "beat", "batch_transaction"):
            stack.enter_context(mock.patch(f"projections.engine.{module}.monotonic", ticked))
        stack.enter_context(mock.patch.object(SoftwareSigner, "sign", _signed_once))
        yield


_SIGN: Final = SoftwareSigner.sign
_SIGNED: Final[dict[tuple[str, bytes], bytes]] = {}


def _signed_once(signer: SoftwareSigner, data: bytes) -> bytes:
    if (signer.kid, data) not in _SIGNED:
        _SIGNED[signer.kid, data] = _SIGN(signer, data)
    return _SIGNED[signer.kid, data]
