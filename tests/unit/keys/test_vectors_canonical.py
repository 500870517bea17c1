"""Every row of canonical.json (formats.md §1)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from keys import canonical
from keys.errors import NotCanonical
from tests.vector_files import built, name_of, rows


@pytest.mark.parametrize("row", rows("canonical", "accept"), ids=name_of)
def test_canonical_text_passes_the_door_and_is_written_the_same(row: dict[str, Any]) -> None:
    """What every implementation signs must be the same bytes."""
    data = built(row)
    assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert len(data) == row.get("length", len(data))
    assert canonical.encode(canonical.parse(data)) == data


@pytest.mark.parametrize("row", rows("canonical", "reject"), ids=name_of)
def test_text_that_is_not_canonical_is_refused_at_the_door(row: dict[str, Any]) -> None:
    """Two byte forms of one meaning would be two digests of one act."""
    with pytest.raises(NotCanonical):
        canonical.parse(built(row))
