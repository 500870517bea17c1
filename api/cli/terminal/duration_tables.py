"""How long the steps of a case took, as a table with bars that an 80-column terminal shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.cli.terminal.shell import Shell, in_lines
from api.texts.case_words import acts_named, began, longest_step, source, taken, when
from api.texts.labels import word
from ledger.message import Message

Json = Mapping[str, Any]
_CELLS: Final = 10
"""Of a bar, for the time that a step is given; what is late stands behind the mark."""
_LATE: Final = 6
_ALL: Final = 100


def durations(shell: Shell, body: Json) -> None:
    """States, then steps; the step that took longest is told in words."""
    states = (
        (
            shell.local(one) or one["state"],
            when(one["since"]),
            when(one["until"]),
            taken(shell, one["took_s"]),
        )
        for one in body["states"]
    )
    shell.table(("state", "from", "to", "took"), states, whole=("took",))
    named = acts_named(body)
    shell.table(
        ("step", "whose_move", "took", "of", "bar", "status"),
        (_step(shell, one, named) for one in body["steps"]),
        whole=("took", "of", "bar"),
        widths={"step": 20, "whose_move": 14, "status": 9},
    )
    if not body["steps"]:
        shell.say(Message("No deadline has run in this case."))
        return
    step = longest_step(body)
    if step is None:
        shell.say(Message("None of these steps has a stated length."))
        return
    told = Message(
        "Longest against its deadline: {step}, {percent}% of its time.",
        step=shell.local(step),
        percent=step["percent"],
    )
    shell.say(in_lines(told))


def _step(shell: Shell, one: Json, named: Mapping[str, str]) -> tuple[object, ...]:
    return (
        f"{shell.local(one)}\n{began(shell, one, named)}\n{source(shell, one) or ''}".strip(),
        "\n".join(body["label"] for body in one["bodies"]),
        taken(shell, one["took_s"]),
        None if one["allowed_s"] is None else taken(shell, one["allowed_s"]),
        bar(one["percent"]),
        word(one["status"], shell.lang),
    )


def bar(percent: int | None) -> str:
    """Ten cells to the deadline, a mark, and what is late behind it; `»`: more than is shown."""
    if percent is None:
        return ""
    within = min(_CELLS, -(-percent * _CELLS // _ALL))
    late = max(0, -(-(percent - _ALL) * _CELLS // _ALL))
    over = "▒" * late if late <= _LATE else "▒" * (_LATE - 1) + "»"
    return f"{'█' * within}{'·' * (_CELLS - within)}|{over}"
