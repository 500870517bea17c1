"""What an act above says of lower logs is held to what was taken in (access.md F5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from keys import canonical
from ledger.errors import Rejected
from ledger.ports import LowerLogState
from ledger.write.lower_check import LowerCheck, with_seen
from tests.builders import an_act, an_id

LOW, NOW = "a.example/ordinary", datetime(2026, 11, 1, tzinfo=UTC)
ROOTS = {3: bytes(32), 7: b"7" * 32}
STATE = LowerLogState(LOW, "ordinary", 7, ROOTS[7], NOW, NOW)


class Logs:
    """`LowerLogs`: one, taken in twice."""

    def states(self) -> Sequence[LowerLogState]:
        """See `LowerLogs`."""
        return [STATE]

    def trusts(self, log: str) -> bool:
        """See `LowerLogs`."""
        return log == LOW

    def was_shown(self, log: str, size: int, root: bytes) -> bool:
        """See `LowerLogs`."""
        return log == LOW and ROOTS.get(size) == root


def _seen(log: str = LOW, size: int = 7, root: bytes | None = None) -> dict[str, Any]:
    shown = ROOTS.get(size, bytes(32)) if root is None else root
    return {"log": log, "size": size, "root": canonical.b64(shown)}


def _ref(log: str = LOW) -> dict[str, str]:
    return {"log": log, "act_id": an_id("an act below")}


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({}, []),
        ({"seen": [_seen()]}, []),
        ({"seen": [_seen(size=3)]}, []),
        ({"seen": [{**_seen(), "root": f"sha-256:{_seen()['root']}"}]}, []),
        ({"low_ref": _ref()}, []),
        ({"seen": [_seen(size=4)]}, ["/facts/seen/0"]),
        ({"seen": [_seen(root=b"x" * 32)]}, ["/facts/seen/0"]),
        ({"seen": [_seen(), _seen(size=3)]}, ["/facts/seen/1/log"]),
        ({"seen": [_seen("b.example/ordinary")]}, ["/facts/seen/0"]),
        ({"low_ref": _ref("b.example/ordinary")}, ["/facts/low_ref/log"]),
    ],
)
def test_nobody_says_to_have_been_shown_what_was_never_here(
    facts: dict[str, Any], wrong: list[str]
) -> None:
    """Any state that there ever was; log, size and root together; each log once."""
    act = an_act("SecretLossReported", level="mat", facts={"kind": "SUSPECTED", **facts})
    if not wrong:
        LowerCheck(Logs()).require(act)
        return
    with pytest.raises(Rejected) as refused:
        LowerCheck(Logs()).require(act)
    assert refused.value.code == "lower_log_unknown"
    assert [one.pointer for one in refused.value.faults] == wrong


def test_what_is_filled_in_is_the_newest_state_and_of_cases_alone() -> None:
    """What the author says stays; an act of no case and one without facts is as it is."""
    act = {"stream": f"case/{an_id('a case')}", "facts": {"kind": "SUSPECTED"}}
    filled = LowerCheck(Logs()).filled(act)
    assert filled["facts"] == {"kind": "SUSPECTED", "seen": [_seen()]}
    assert LowerCheck(Logs()).filled(filled) == filled
    for other in ({**act, "stream": "ledger"}, {"stream": act["stream"]}):
        assert LowerCheck(Logs()).filled(other) == other
    assert with_seen(act, []) == act
