"""Why a segment is not taken in: a code for whoever counts, a sentence for whoever reads."""

from __future__ import annotations

from typing import Literal

from keys.errors import Carried
from ledger.message import Text

Kind = Literal[
    "oversize", "malformed", "foreign", "recipient", "damaged", "gap", "replay", "rollback",
    "fork", "tree", "checkpoint", "erased", "file", "clock", "genesis", "died",
]  # fmt: skip


class SegmentRefused(Carried):
    """Nothing of a segment was stored.

    Args:
        kind: `oversize`, longer than any segment; `malformed`, not of the one form; `foreign`, of
            another log; `recipient`, sealed to nobody here; `damaged`, changed or cut on its way;
            `gap`, records before it are missing; `replay`, it was taken in before; `rollback`, its
            checkpoint is older than one taken in; `fork`, two histories of one log; `tree`, its
            records are not those of its checkpoint; `checkpoint`, the log has not signed it;
            `erased`, content is left out that no act erases; `file`, a file of an act is missing,
            too long, or another; `clock`, from later than now; `genesis`, it does not begin with
            the record that is trusted; `died`, whoever read it did not live to say what it says.
        text: What is wrong, to stand in a sentence; its English is `str`.
    """

    def __init__(self, kind: Kind, text: Text) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind: Kind = kind
        self.text = text


class TakenBefore(SegmentRefused):
    """The very segment is here already: whoever stored it did not live to put the file away.

    Args:
        text: As above.
    """

    def __init__(self, text: Text) -> None:
        super().__init__("replay", text)
