"""What is answered of other cases where nobody may wait for an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from ledger.write.unasked_cases import AsksOthers, UnaskedCases
from tests.builders import T0, an_id

CASE: Final = f"case/{an_id('a case')}"
TOKEN: Final = f"sealed:{an_id('somebody')}"


def test_a_token_of_a_case_is_presumed_new_and_that_is_told() -> None:
    """The append looks again at each; whoever judged knows that nobody has yet."""
    cases = UnaskedCases()
    assert not cases.presumed
    assert not cases.token_elsewhere(TOKEN, CASE)
    assert cases.presumed


@pytest.mark.parametrize(
    "asks",
    [
        lambda cases: cases.token_elsewhere(TOKEN, "programme/90"),
        lambda cases: cases.state(CASE),
        lambda cases: cases.record(1, "entry"),
        lambda cases: cases.changes_registry(1),
        lambda cases: cases.running(CASE, T0),
        lambda cases: cases.reports(),
        lambda cases: cases.signers(CASE),
        lambda cases: cases.takes_part(CASE, an_id("officer"), T0, "ordinary"),
    ],
)
def test_nothing_is_made_up_that_no_append_asks_again(
    asks: Callable[[UnaskedCases], object],
) -> None:
    """A guard that heard "no" would let pass what it is there to refuse."""
    cases = UnaskedCases()
    with pytest.raises(AsksOthers):
        asks(cases)
    assert not cases.presumed
