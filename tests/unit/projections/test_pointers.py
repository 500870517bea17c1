"""Pointers into a case file, as callers write them in an address."""

from __future__ import annotations

import pytest

from projections.pointers import flat, pointed

FILE = {"state": "RECEIVED", "flags": [{"code": "LATE"}, {"code": "ORAL"}], "units": ["a/b"]}


@pytest.mark.parametrize("step", ["²", "٣", "01", "-1", "+1", "9" * 5_000, "", " 0"])
def test_step_that_only_looks_like_a_number_leads_nowhere(step: str) -> None:
    """Whatever an address says, it is a field that is not there, never a failure of the server."""
    assert pointed(FILE, f"/flags/{step}") is None
    assert pointed(FILE, f"/state/{step}") is None


def test_every_pointer_of_a_file_leads_back_to_its_value() -> None:
    """What a difference names can be asked for; a member of a list also by its place."""
    found = flat(FILE)
    assert {pointer: pointed(FILE, pointer) for pointer in found} == found
    assert pointed(FILE, "/flags/1/code") == "ORAL"
    assert pointed(FILE, "/flags/2") is None
