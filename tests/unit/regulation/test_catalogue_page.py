"""The catalogue, the life cycle, and `socai catalogue`: equal to the data, and complete."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

from ledger.regulation import edition
from ledger.regulation.docs import by_article, catalogue_page, life_cycle_page
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
        ("guard", 219),
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


@pytest.mark.parametrize(
    ("lang", "titles", "author"),
    [
        (
            "vi",
            (
                "Ai: ",
                "Ký: ",
                "Khi nào: ",
                "Cần gì: ",
                "Thời hạn: ",
                "Bị từ chối nếu không bảo đảm:",
            ),
            "- Ai: Cơ quan chủ trì",
        ),
        (
            "en",
            ("Who: ", "Signed by: ", "When: ", "With what: ", "Terms: ", "Refused with:"),
            "- Who: lead agency of the regulation",
        ),
    ],
)
def test_an_article_is_read_by_who_does_not_know_a_code(
    lang: str, titles: tuple[str, ...], author: str
) -> None:
    """Điều 8.1.g: who, when, what is needed, by when, when it is refused; no code."""
    shown = catalogue_page.explain("article", "8.1.g", lang)
    for title in titles:
        assert f"- {title}" in shown, title
    assert author in shown
    every = [
        catalogue_page.explain("article", one.code, lang)
        for one in catalogue_page.listing("article")
    ]
    acts = {act["act"] for act in load_edition().acts["acts"]}
    assert all(any(f"(`{act}`)" in text for text in every) for act in acts)
    general = "\n".join(by_article.for_every_act(load_edition(), lang))
    bare = [re.sub(r"\(`[^`]+`\)", "", text) for text in [*every, general]]
    assert [codes_in(text) for text in bare if codes_in(text)] == []
    order = [one.code for one in catalogue_page.listing("article")]
    assert order.index("2.1") < order.index("8.1.a") < order.index("11.3") < order.index("QĐ.1")


def test_what_every_guard_asks_is_said_in_english_words() -> None:
    """By its code too: acts, states, powers and members by their words, other guards as a code."""
    shown = catalogue_page.page()
    told = [
        line.removeprefix("- condition: ")
        for line in shown.splitlines()
        if line.startswith("- condition: ")
    ]
    assert len(told) == len(load_edition().guards["guards"])
    guards = re.compile("`(" + "|".join(g["code"] for g in load_edition().guards["guards"]) + ")`")
    levels = {"toi-mat", "tuyet-mat"}
    left = {code for text in told for code in codes_in(guards.sub("", text))} - levels
    assert left == set()


def test_what_every_guard_asks_is_said_in_vietnamese() -> None:
    """Beside each condition, in the same edition: who changes one sees the other."""
    data = Path(edition.__file__).parent / "data"
    first = json.loads((data / "guards.json").read_text("utf-8"))["guards"]
    changes = json.loads((data / "2" / "guards.json").read_text("utf-8"))["guards"]
    for code, line in changes.items():
        if "condition" in line.get("checks", {}):
            assert line["condition_vi"], code
    missing = {line["code"] for line in first if "condition_vi" not in line}
    assert missing <= {c for c, line in changes.items() if "condition_vi" in line}
    shown = catalogue_page.page().partition("## By article of the regulation")[0]
    for line in load_edition().guards["guards"]:
        said = line["condition_vi"]
        assert codes_in(said) == [], line["code"]
        assert unicodedata.is_normalized("NFC", said)
        assert f"  - {said}" in shown, line["code"]
        assert line["checks"]["condition"] not in shown, line["code"]
