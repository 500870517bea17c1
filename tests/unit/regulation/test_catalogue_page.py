"""The catalogue, the life cycle, and `socai catalogue`: equal to the data, and complete."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from ledger.regulation.docs import catalogue_page, life_cycle_page
from ledger.regulation.edition import load_edition
from tests.codes_in_words import codes_in

ROOT = Path(__file__).parents[3]


def test_written_page_is_equal_to_the_data() -> None:
    """A reference that lags behind the rules is worse than none."""
    docs = ROOT / "docs"
    assert (docs / "reference" / "catalogue.md").read_text("utf-8") == catalogue_page.page()
    assert (docs / "spec" / "life-cycle.md").read_text("utf-8") == life_cycle_page.page()


def test_life_cycle_page_has_every_move() -> None:
    """Each row of the data is drawn or listed, in the main state and in each sub-process."""
    text = life_cycle_page.page()
    for move in load_edition().life_cycle["transitions"]:
        source = "[*]" if move["from"] is None else move["from"]
        lines = [line for line in text.splitlines() if move["act"] in line]
        branch = move.get("disposition", "")
        if source == move["to"]:
            assert any(f"`{source}`" in line and f"({branch})" in line for line in lines) or (
                not branch and any(f"`{source}`" in line for line in lines)
            ), move
        else:
            drawn = f"{source} --> {move['to']}: "
            assert any(drawn in line and branch in line for line in lines), move
    for sub in load_edition().life_cycle["sub_processes"]:
        section = text.partition(f'<a id="{sub["name"]}">')[2].partition("###")[0]
        for move in sub["moves"]:
            row = f"| `{move['to']}` |"
            named = move["act"] or move["clock"]
            assert any(row in line and named in line for line in section.splitlines()), move


def test_page_is_nfc() -> None:
    """Vietnamese text is NFC throughout (formats.md §1)."""
    assert unicodedata.is_normalized("NFC", catalogue_page.page())


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("article", 40),
        ("act", 130),
        ("guard", 207),
        ("state", 12),
        ("sub_process", 16),
        ("clock", 56),
        ("agency", 69),
        ("instrument", 72),
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


def test_an_article_is_read_in_vietnamese_by_who_does_not_know_a_code() -> None:
    """Điều 8.1.g: who, when, what is needed, by when, and when it is refused."""
    shown = catalogue_page.explain("article", "8.1.g")
    assert "Điểm g khoản 1 Điều 8" in shown
    for title in ("Ai: ", "Ký: ", "Khi nào: ", "Cần gì: ", "Bị từ chối khi: "):
        assert f"- {title}" in shown, title
    assert "- Ai: Cơ quan chủ trì" in shown
    every = [
        catalogue_page.explain("article", one.code) for one in catalogue_page.listing("article")
    ]
    acts = {act["act"] for act in load_edition().acts["acts"]}
    assert all(any(f"(`{act}`)" in text for text in every) for act in acts)
    bare = [re.sub(r"\(`[^`]+`\)", "", text) for text in every]
    assert [codes_in(text) for text in bare if codes_in(text)] == []
    order = [one.code for one in catalogue_page.listing("article")]
    assert order.index("2.1") < order.index("8.1.a") < order.index("11.3") < order.index("QĐ.1")
