"""Rows `acts` and `reject_acts` of statement.json (formats.md §2): the form of a payload."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from keys import canonical
from ledger.errors import Rejected
from ledger.regulation.acts.act import parse_act
from ledger.regulation.guards.signers import distinct_signers
from tests.rows import each, of
from tests.vector_files import name_of, rows


def test_act_of_good_form_is_read() -> None:
    """Nothing of a signed act is lost or refused for its form."""
    for row in each(rows("statement", "acts")):
        with of(name_of(row)):
            members = canonical.parse(row["text"].encode())
            act = parse_act(members)
            assert (act.act, act.act_id, act.stream) == (
                members["act"],
                members["act_id"],
                members["stream"],
            )
            assert next(signer.role for signer in act.signers) == "AUTHOR"


@pytest.mark.parametrize("row", rows("statement", "reject_acts"), ids=name_of)
def test_act_of_bad_form_is_refused(row: dict[str, Any]) -> None:
    """A payload with one odd member is an act that the next reader would read differently."""
    members = canonical.parse(row["text"].encode())
    if row["reason"] == "same-person-twice":
        # Two officers may also be one person by the registry, so one guard answers for both.
        asked: Any = SimpleNamespace(act=parse_act(members), registry=None)
        assert distinct_signers(asked) is not None
        return
    with pytest.raises(Rejected):
        parse_act(members)
