"""Tables for spreadsheets: what an agency is called does nothing in the program that shows it."""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import UTC, datetime

import pytest

from api.http.resources.statistics import workbook
from api.problems.problem import Problem


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.test/", "external:\\\\evil\\share", "internal:Sheet1!A1",
        "mailto:a@evil.test", "=1+1", "{=1+1}", '=HYPERLINK("x")', "+1", "@SUM(1)",
    ],
)  # fmt: skip
def test_a_name_is_neither_a_formula_nor_a_link(text: str) -> None:
    """A workbook that opens a share as it is clicked would carry the reader's password away."""
    data = workbook("S", datetime(2024, 6, 4, tzinfo=UTC), [("", "", text, 1, "")])
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert not any(name.startswith("xl/worksheets/_rels") for name in book.namelist())
    assert "<hyperlink" not in sheet
    assert "<f>" not in sheet
    assert "<f " not in sheet


def test_without_the_extra_a_workbook_is_refused_with_the_way_to_csv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """406 in words: the same table is there as CSV."""
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(Problem) as refused:
        workbook("S", datetime(2024, 6, 4, tzinfo=UTC), [])
    assert refused.value.type.status == 406
    assert "/v1/statistics.csv" in refused.value.body("vi", "t")["detail"]
