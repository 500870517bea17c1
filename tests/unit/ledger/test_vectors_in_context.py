"""Rows of statement.json, good by themselves, refused after what stands before them (§3).

The statements named in `after` are put into a log in memory as they are: their acts are not what
these rows show, so no guard is asked about them. Then the ledger is sent the row, by its own door.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest

from keys.keyring import KeyRecord
from ledger.errors import Conflict, Rejected
from ledger.log import statement as statements
from ledger.log.statement import Statement
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.guards.table import BY_CODE
from ledger.regulation.registry.registry import Registry
from ledger.steps import no_steps
from ledger.streams.event import StatementRecorded
from ledger.streams.kinds import begin
from ledger.streams.names import stream_id
from ledger.streams.stream import Stream
from ledger.write.commands import Ledger
from ledger.write.eventsourcing_adapter import Preconditions, StatementStore
from tests.builders import Others
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import CountingEntropy, StepClock
from tests.fixtures.keys import log_keys
from tests.vector_files import load, name_of, rows

LOG: str = load("statement")["log"]
OFFICERS = {row["thumbprint"]: row["officer"] for row in rows("statement", "keys") if row["known"]}
BEFORE = {row["name"]: row["statement"] for row in rows("statement", "statements")}
SEQUENCE = ("DISTINCT_SIGNERS", "SIGNER_ORDER")
"""The guards that know whose turn it is."""


class Told:
    """A log in memory that holds some statements of the vectors as they stand.

    Args:
        names: Of the statements, a whole stream so far.
        clock: The ledger's time.
    """

    def __init__(self, names: list[str], clock: StepClock) -> None:
        self.store = MemoryRecordStore()
        self.registry = _registry()
        self.clock = clock
        self.ledger = Ledger(
            store=self.store,
            appender=self.store,
            kek=log_keys(LOG).kek,
            clock=clock,
            entropy=CountingEntropy("vectors"),
            cases=Others(),
            origin=LOG,
            level="ordinary",
            rehearsal=False,
            founded=self.registry,
        )
        self.stream: Stream | None = None
        for name in names:
            self._put(statements.parse_flattened(_body(BEFORE[name])))

    def _put(self, statement: Statement) -> None:
        act = _act(statement)
        key = stream_id(LOG, act.stream)
        stream = self.stream or begin(key, act.stream)
        event = StatementRecorded(
            originator_id=key,
            originator_version=statement.seq,
            stream=act.stream,
            statement=statement,
            act=act,
            author=stream.payload_members(act.act_id) is None,
            registry=False,
            unit=stream.unit,
            edition=self.registry.edition,
        )
        at = datetime.fromtimestamp(statement.iat, UTC)
        store = self.ledger._memory.events
        assert isinstance(store, StatementStore)
        _, recorded = store.record(no_steps((event, Preconditions(-1, at, None))))
        self.stream = stream.add(event.recorded(recorded.index, at, recorded.entry))
        # The facts of the vectors fit no catalogue: what stands before is known, not judged again.
        self.ledger._memory._cache.put(key, self.stream)

    def judge(self, statement: Statement) -> list[str]:
        """The guards of the sequence that do not hold. Raises: Conflict."""
        stream, act = self.stream, _act(statement)
        assert stream is not None
        ground = DecisionContext(
            registry=self.registry,
            origin=LOG,
            level="ordinary",
            log_size=self.store.head().size,
            cases=Others(),
            at=self.clock.now(),
        )
        officer = OFFICERS[statement.kid]
        with contextlib.suppress(Rejected):  # whichever guard came first: asked one by one below
            stream.decide(statement, act, officer, ground)
        question = ground.guard_input(
            stream.state, act, officer, kid=statement.kid, iat=statement.iat, role=statement.role
        )
        asked = [*SEQUENCE, *(["RETURNS_PENDING_ACT"] if act.act == "ActReturned" else [])]
        return [code for code in asked if BY_CODE[code].check(question) is not None]


def _registry() -> Registry:
    """The shipped edition, in which the keys of the vectors are enrolled."""
    registry = Registry.founded()
    for row in rows("statement", "keys"):
        if row["known"]:
            registry.keyring.enrol(
                KeyRecord(
                    officer=row["officer"],
                    kid=row["thumbprint"],
                    jwk=row["jwk"],
                    custody="SOFTWARE",
                    valid_from=datetime(2024, 1, 1, tzinfo=UTC),
                    valid_to=datetime(2030, 1, 1, tzinfo=UTC),
                    enrolled_index=0,
                )
            )
    return registry


def _body(flattened: dict[str, str]) -> bytes:
    members = (f'"{name}":"{text}"' for name, text in flattened.items())
    return ("{" + ",".join(members) + "}").encode()


def _act(statement: Statement) -> Act:
    return parse_act(statement.members)


def _sent_after(row: dict[str, Any]) -> tuple[Told, Statement]:
    statement = statements.parse_flattened(_body(row["statement"]))
    clock = StepClock(datetime.fromtimestamp(statement.iat, UTC))
    return Told(row["after"], clock), statement


@pytest.mark.parametrize("row", rows("statement", "reject_in_context"), ids=name_of)
def test_statement_is_refused_after_what_stands_before_it(row: dict[str, Any]) -> None:
    """Nothing is added to the log, and the reason is the one the row names."""
    told, statement = _sent_after(row)
    size = told.store.head().size
    if row["reason"] in ("seq", "prev"):
        with pytest.raises(Conflict, match="stale"):
            told.judge(statement)
    elif row["reason"] == "act-id":
        with pytest.raises(Conflict, match="taken"):
            told.judge(statement)
    else:
        assert told.judge(statement)
    if row["name"] == "replayed":  # sent twice, answered once: the receipt it had
        answer = told.ledger.record(_body(row["statement"]))
        assert (answer.created, answer.index) == (False, size - 1)
    else:
        with pytest.raises((Conflict, Rejected)):
            told.ledger.record(_body(row["statement"]))
    assert told.store.head().size == size == len(row["after"])


def _case() -> list[str]:
    return [
        row["name"] for row in rows("statement", "statements") if row["stream"].startswith("case/")
    ]


@pytest.mark.parametrize("at", range(1, len(_case())), ids=_case()[1:])
def test_statement_in_its_place_is_nobody_elses_turn(at: int) -> None:
    """The same checks let every statement of the case pass where it stands."""
    row = {"statement": BEFORE[_case()[at]], "after": _case()[:at]}
    told, statement = _sent_after(row)
    assert told.judge(statement) == []
