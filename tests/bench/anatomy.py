"""Where the time of one durable act goes: each step of the write path alone, in one thread.

The steps are the write path's own functions, called with what they are called with there; what is
left between their sum and the whole is the append, seams, locks and the driver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from api.ops.wiring.enclave import Enclave
from keys import envelope_encryption
from ledger.log import record, statement
from ledger.ports import LogHead
from ledger.regulation.acts.act import parse_act
from ledger.regulation.case.guard_input import DecisionContext
from ledger.streams.kinds import begin
from ledger.streams.names import stream_id
from tests.bench import workload
from tests.bench.row import Row
from tests.bench.run import Run, each_us, median

GROUP: Final = "anatomy"


def rows(run: Run) -> Iterator[Row]:
    """Median microseconds of each step, over the acts of some cases."""
    run.tell("anatomy")
    main = run.main
    enclave = main.open()
    try:
        number = 160 if run.quick else 480
        officer, origin = main.officers[0], main.facts.origin
        acts = list(workload.acts(officer, origin, number))
        took: dict[str, list[float]] = {}
        for act in acts:
            _steps(enclave, act, took)
        whole, durable = [], list(workload.acts(officer, origin, number))
        for act in durable:
            begun = time.perf_counter()
            enclave.ledger.record(act.body, signer_officer=officer.id)
            whole.append(1e6 * (time.perf_counter() - begun))
        head = each_us(enclave.records.head, 60)
    finally:
        enclave.close()
    yield Row(GROUP, "one durable act, whole", median(whole), "µs", note="1 thread, p50")
    for name, found in took.items():
        yield Row(GROUP, f"  {name}", median(found), "µs")
    yield Row(GROUP, "  one SELECT of one row, round trip", head, "µs", note="for comparison")


def _steps(enclave: Enclave, act: workload.SignedAct, took: dict[str, list[float]]) -> None:
    origin, level = enclave.facts.origin, enclave.facts.level
    registry = enclave.ledger.refresh()
    now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the bench runs in real time

    def timed(name: str, do: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the step gives
        begun = time.perf_counter()
        given = do()
        took.setdefault(name, []).append(1e6 * (time.perf_counter() - begun))
        return given

    parsed = timed("parse the statement", partial(statement.parse_flattened, act.body))
    said = timed("parse the act", partial(parse_act, parsed.members, level=level))
    key = registry.keyring.key(parsed.kid)
    timed("verify the signature", partial(statement.check_signature, parsed, key))
    if parsed.seq == 1:
        _STREAMS[said.stream] = begin(stream_id(origin, said.stream), said.stream)
    stream = _STREAMS[said.stream]
    line = registry.keyring.line(parsed.kid)
    ground = DecisionContext(
        registry, origin, level, LogHead(1, now, 0).size,
        enclave.ledger._cases.asking(), now,
    )  # fmt: skip
    officer = str(line.officer) if line else ""
    event, _ = timed("judge", partial(stream.decide, parsed, said, officer, ground))
    blind = bytes(32)
    envelope = timed(
        "build the envelope",
        partial(record.build, log=origin, recorded_at=now, blind=blind, statement=parsed.compact),
    )
    entry = record.entry(envelope)
    sealed = timed(
        "seal",
        partial(
            envelope_encryption.seal,
            envelope,
            origin=origin,
            stream=said.stream,
            seq=parsed.seq,
            level=level,
        ),
    )
    kek = envelope_encryption.Kek.generate()
    timed(
        "wrap the key",
        partial(envelope_encryption.wrap, kek, sealed.dek, origin=origin, entry=entry),
    )
    recorded = event.recorded(1, now, entry)
    timed("fold", partial(stream.add, recorded))


_STREAMS: dict[str, Any] = {}
