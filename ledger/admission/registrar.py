"""What a registrar says, as every caller words it: the members of an act of the registry.

Pure; who may sign, and whether the act is lawful, is the rules' to say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger.log.statement import AUTHOR
from ledger.regulation.edition import PROCEDURE
from ledger.regulation.registry.calendar import local_time

OWN: Final = "TRUC_TIEP"
"""In one's own name: what a registrar signs in, also one who may sign for somebody else."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """One who signs, in a post.

    Attributes:
        officer: uuid.
        agency: Of the post.
        post: In which the registry is kept.
        capacities: In which that post signs.
    """

    officer: str
    agency: str
    post: str
    capacities: Collection[str] = (OWN,)

    @property
    def capacity(self) -> str:
        """The one that is signed in: their own, wherever the post has it."""
        return min(self.capacities, key=lambda one: (one != OWN, one))


def registry_act(
    act: str,
    *,
    act_id: str,
    stream: str,
    at: datetime,
    facts: Mapping[str, Any],
    signers: Sequence[Keeper],
) -> dict[str, Any]:
    """The members of an act of the registry.

    Args:
        act: Its type.
        act_id: A fresh uuid.
        stream: Where it stands.
        at: When it occurs, to the second.
        facts: What it says.
        signers: The author, then who approves.
    """
    author = signers[0]
    return {
        "v": 1,
        "act": act,
        "act_id": act_id,
        "stream": stream,
        "occurred_at": local_time(at),
        "precision": "second",
        "agency": author.agency,
        "post": author.post,
        "capacity": author.capacity,
        "basis": [dict(PROCEDURE)],
        "circulation": "INTERNAL",
        "facts": dict(facts),
        "signers": [
            {"officer": one.officer, "post": one.post, "role": AUTHOR if n == 0 else "APPROVER"}
            for n, one in enumerate(signers)
        ],
    }
