"""CATALOGUE.md and the sections behind `socai catalogue`: equal to the data, and complete."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from ledger.regulation.docs import catalogue_page

ROOT = Path(__file__).parents[3]


def test_written_page_is_equal_to_the_data() -> None:
    """A reference that lags behind the rules is worse than none."""
    assert (ROOT / "CATALOGUE.md").read_text("utf-8") == catalogue_page.page()


def test_page_is_nfc() -> None:
    """Vietnamese text is NFC throughout (formats.md §1)."""
    assert unicodedata.is_normalized("NFC", catalogue_page.page())


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("act", 112),
        ("guard", 137),
        ("state", 12),
        ("sub_process", 16),
        ("clock", 48),
        ("agency", 68),
        ("instrument", 71),
        ("duty", 24),
        ("silence", 31),
    ],
)
def test_every_entry_is_listed_and_explained(kind: str, count: int) -> None:
    """`socai catalogue` knows each code of the data."""
    items = catalogue_page.listing(kind)
    assert len(items) == count
    for item in items:
        assert item.vi
        assert item.en
        assert item.code in catalogue_page.explain(kind, item.code)


def test_unknown_code_is_no_empty_answer() -> None:
    """Asking for what is not there says so."""
    with pytest.raises(KeyError):
        catalogue_page.explain("act", "ContentCrawled")
    with pytest.raises(KeyError):
        catalogue_page.listing("person")


def test_act_is_explained_with_its_source_and_facts() -> None:
    """An officer reads the article, who may do it, and what must be filled in."""
    shown = catalogue_page.explain("act", "SanctionDecided")
    assert "8.1.d" in shown
    assert "`competence_article.article`" in shown
    assert "SANCTION_CHECKER_BAND" in shown


def test_clock_without_a_deadline_says_none_stated() -> None:
    """regulation.md §8 row 1."""
    assert "none stated" in catalogue_page.explain("clock", "NOTIFY_LEAD")
    assert "5 ngày làm việc" in catalogue_page.explain("clock", "EXPLANATION")
