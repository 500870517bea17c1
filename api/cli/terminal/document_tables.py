"""The register of a case's classified documents, for a person at a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.cli.terminal.shell import Shell
from api.texts.case_words import day, when
from api.texts.labels import standing, value
from ledger.message import Message
from ledger.regulation.acts.catalogue import load

Json = Mapping[str, Any]
_WIDTHS: Final = {"number": 12, "level": 9, "participant": 26, "act": 20, "until": 12}


def register(shell: Shell, documents: Iterable[Json]) -> None:
    """Each document with its term, then who has it and what became of it."""
    rows = [row for one in documents for row in _rows(shell, one)]
    title = shell.text(Message("Classified documents that are named to you"))
    shell.table(tuple(_WIDTHS), rows, title=title, widths=_WIDTHS)


def _rows(shell: Shell, one: Json) -> Iterator[tuple[object, ...]]:
    level, state = value(one["level"], shell.lang), standing(one["state"], shell.lang)
    yield one["register_entry"], level, "", state, day(one["protect_until"])
    for holder in one["holders"]:
        who = ", ".join(part for part in (holder["post_vi"], holder["agency_name"]) if part)
        copies = "".join(f" · {number}" for number in holder["copies"])
        ended = holder["ended_by"]
        act = _type(shell, "ParticipationRevoked" if ended else holder["act"])
        until = when(holder["until"]) if ended is None else None
        yield "", "", f"{who} {holder['officer'][:8]}".strip(), f"{act}{copies}", until
    for out in one["outside"]:
        act = _type(shell, "SecretProvisionPermitted")
        yield "", "", f"{out['requester']} ({out['request_document']})", act, day(out["return_by"])
    for loss in one["losses"]:
        yield (
            "",
            "",
            value(loss["kind"], shell.lang),
            _type(shell, "SecretLossReported"),
            when(loss["found_at"]),
        )


def _type(shell: Shell, act: str) -> str:
    kind = load().types.get(act)
    if kind is None:
        return act
    return kind.vi if shell.lang == "vi" else kind.en
