"""What one officer sees of some cases, asked over HTTP as anybody asks; nothing is worked out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from api.client.client import Client
from api.client.connection import Refused

Json = Mapping[str, Any]
_HIDDEN: Final = ("not_found", "part_only")
"""For a case that is not there or not for whoever asks, and for a file of which they see acts."""


class SeenCase(NamedTuple):
    """One case as an officer sees it.

    Attributes:
        file: The case file; None where the whole case is not seen.
        acts: Its timeline, as far as it is seen.
    """

    file: Json | None
    acts: Sequence[Json]


class Sight(NamedTuple):
    """What an officer sees.

    Attributes:
        listed: Lines of the list of cases.
        cases: By id, those of the cases asked for of which something is seen.
    """

    listed: Sequence[Json]
    cases: Mapping[str, SeenCase]


def seen_by(client: Client, cases: Iterable[str]) -> Sight:
    """What whoever signs in sees of the list of cases, and of some cases by id."""
    newest = int(client.log()["records"]) - 1
    listed = client.whole("/v1/cases", "cases", at_least=newest)["cases"]
    each = {case: _seen(client, case) for case in cases}
    return Sight(listed, {case: one for case, one in each.items() if one.file or one.acts})


def _seen(client: Client, case: str) -> SeenCase:
    file = _unless_hidden(lambda: client.case(case))
    acts = _unless_hidden(lambda: client.case_acts(case))
    return SeenCase(file, () if acts is None else acts["acts"])


def _unless_hidden(ask: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return ask()
    except Refused as refused:
        if refused.code not in _HIDDEN:
            raise
        return None
