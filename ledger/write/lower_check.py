"""What an act above says of lower logs: what its author had been shown, and of which act it speaks.

By the first it stands in the history that a case above has with the one below (access.md F5), so
nobody says to have been shown what was never here. Which act of a lower case is named is not asked:
whoever names one need not see it, and an answer would tell what is there (access.md N2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from keys import canonical
from ledger.errors import Fault, Rejected
from ledger.message import Message
from ledger.ports import LowerLogs, LowerLogState
from ledger.regulation.acts.act import Act
from ledger.streams.names import is_case

SEEN: Final = "seen"
_PREFIX: Final = "sha-256:"


class LowerCheck:
    """The question of one process.

    Args:
        lower: The lower logs that are mirrored here.
    """

    def __init__(self, lower: LowerLogs) -> None:
        self._lower = lower

    def require(self, act: Act) -> None:
        """Whether what an act says of lower logs was so here.

        Raises:
            Rejected: `lower_log_unknown`, with a fault for each that was not.
        """
        faults = list(self._faults(act.facts))
        if faults:
            raise Rejected(
                "lower_log_unknown",
                Message(
                    "The act names a lower log, or a state of one, that was never taken in here;"
                    " nothing was recorded."
                ),
                faults=faults,
            )

    def filled(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Members of an act to be, with what is shown here of lower logs now."""
        return with_seen(members, self._lower.states())

    def _faults(self, facts: Mapping[str, Any]) -> Iterator[Fault]:
        named: set[str] = set()
        for n, one in enumerate(facts.get(SEEN, ())):
            root = canonical.unb64(str(one["root"]).removeprefix(_PREFIX))
            if one["log"] in named:
                yield Fault(f"/facts/{SEEN}/{n}/log", Message("it is named twice"))
            elif not self._lower.was_shown(one["log"], one["size"], root):
                text = Message("nobody was shown this of {log} here", log=one["log"])
                yield Fault(f"/facts/{SEEN}/{n}", text)
            named.add(one["log"])
        low = facts.get("low_ref")
        if low is not None and not self._lower.trusts(low["log"]):
            text = Message("{log} is no lower log that is mirrored here", log=low["log"])
            yield Fault("/facts/low_ref/log", text)


def with_seen(members: Mapping[str, Any], states: Sequence[LowerLogState]) -> dict[str, Any]:
    """Members of an act with what its author is shown of lower logs, where it is of a case.

    Args:
        members: What is known of it; what they say to have been shown stays.
        states: Of the lower logs, as they stand.
    """
    facts, stream = members.get("facts"), members.get("stream")
    of_case = isinstance(stream, str) and is_case(stream)
    if not states or not of_case or not isinstance(facts, Mapping) or SEEN in facts:
        return dict(members)
    seen = [{"log": one.log, "size": one.size, "root": canonical.b64(one.root)} for one in states]
    return {**members, "facts": {**facts, SEEN: seen}}
