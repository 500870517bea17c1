"""The rulebook as a page, docs/reference/catalogue.md, and its sections for `socai catalogue`.

Rendered from the data alone, in both languages; a test holds the written file equal to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ledger.regulation.docs import acts, by_article, dated
from ledger.regulation.edition import Edition, load_edition


class Item(NamedTuple):
    """One entry of a listing."""

    code: str
    vi: str
    en: str


_PREFACE: Final = (
    "Trang này được dựng từ dữ liệu trong `ledger/regulation/data/`; không sửa tay.",
    "This page is rendered from the data and never edited by hand.",
    "",
    "Nguồn: `8.1.d` là Điều 8 khoản 1 điểm d của Quy chế, `QĐ.n` là Điều n của Quyết định ban",
    "hành, `ADD` là quy tắc của sản phẩm hoặc của luật khác.",
    "Sources: article.clause.point of the regulation; QĐ.n is article n of the issuing decision;",
    "ADD is a rule of this product or of another law.",
)


def page() -> str:
    """The whole page."""
    data = load_edition()
    out = [
        "# Danh mục · Catalogue",
        "",
        *_PREFACE,
        "",
    ]
    for lang, title in _BY_ARTICLE.items():
        out += [f"## {title}", "", *by_article.for_every_act(data, lang), ""]
        for entry in by_article.articles(data):
            out += [*by_article.article(data, entry, lang), ""]
    for kind in KINDS[1:]:
        both = _TITLES[kind]
        out += [f"## {both[0]} · {both[1]}", ""]
        for entry in _SOURCES[kind](data):
            out += [*_SECTIONS[kind](data, entry), ""]
    return "\n".join(out).rstrip() + "\n"


def listing(kind: str) -> list[Item]:
    """Codes of one kind with what they mean. Raises: KeyError: no such kind."""
    data = load_edition()
    return [_item(kind, entry) for entry in _SOURCES[kind](data)]


def explain(kind: str, code: str, lang: str = "vi") -> str:
    """The section of one entry, in Markdown; an article in one language, the others in both.

    Raises:
        KeyError: no such kind or code.
    """
    data = load_edition()
    for entry in _SOURCES[kind](data):
        if _item(kind, entry).code == code:
            if kind == "article":
                return "\n".join(by_article.article(data, entry, lang)) + "\n"
            return "\n".join(_SECTIONS[kind](data, entry)) + "\n"
    raise KeyError(code)


def _item(kind: str, entry: Mapping[str, Any]) -> Item:
    if kind == "agency":
        name = entry["names"][-1]["vi"]
        return Item(entry["id"], name, name)
    if kind == "instrument":
        return Item(entry["id"], entry["title_vi"], entry["title_vi"])
    if kind == "silence":
        return Item(str(entry["n"]), entry["gap_vi"], entry["gap_en"])
    if kind == "sub_process":
        return Item(entry["name"], entry["vi"], entry["en"])
    code = entry["act"] if kind == "act" else entry["code"]
    return Item(code, entry["vi"], entry["en"])


def _clock_entries(data: Edition) -> list[Mapping[str, Any]]:
    """Clocks, limits, and rules that only registry.json names."""
    named = [*data.life_cycle["clocks"], *data.life_cycle["limits"]]
    codes = {entry["code"] for entry in named}
    outside = [
        {"code": r["code"], "vi": "ngoài sổ", "en": "followed outside the ledger"}
        for r in data.registry["clock_rules"]
        if r["code"] not in codes
    ]
    return [*named, *outside]


_SOURCES: Final[Mapping[str, Callable[[Edition], Sequence[Mapping[str, Any]]]]] = {
    "article": by_article.articles,
    "act": lambda data: list(data.acts["acts"]),
    "guard": lambda data: list(data.guards["guards"]),
    "state": lambda data: list(data.life_cycle["states"]),
    "sub_process": lambda data: list(data.life_cycle["sub_processes"]),
    "clock": _clock_entries,
    "agency": lambda data: list(data.registry["agencies"]),
    "instrument": lambda data: list(data.registry["instruments"]),
    "duty": lambda data: list(data.duties["bodies"]),
    "silence": lambda data: list(data.silences["silences"]),
}
_SECTIONS: Final[Mapping[str, Callable[[Edition, Mapping[str, Any]], list[str]]]] = {
    "article": by_article.article,
    "act": acts.act,
    "guard": acts.guard,
    "state": acts.state,
    "sub_process": acts.sub_process,
    "clock": dated.clock,
    "agency": dated.agency,
    "instrument": dated.instrument,
    "duty": dated.duty,
    "silence": acts.silence,
}
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "article": ("Theo từng điều của Quy chế", "By article"),
    "act": ("Loại diễn biến", "Act types"),
    "guard": ("Điều kiện ghi nhận", "Guards"),
    "state": ("Trạng thái hồ sơ", "Case states"),
    "sub_process": ("Quy trình con", "Sub-processes"),
    "clock": ("Thời hạn và giới hạn", "Clocks and limits"),
    "agency": ("Cơ quan theo thời gian", "Agencies over time"),
    "instrument": ("Văn bản theo thời gian", "Instruments over time"),
    "duty": ("Ai bị ràng buộc đến đâu", "How far each body is bound"),
    "silence": ("Chỗ quy chế không nêu", "Where the regulation is silent"),
}
_BY_ARTICLE: Final[Mapping[str, str]] = {
    "vi": "Theo từng điều của Quy chế",
    "en": "By article of the regulation",
}
KINDS: Final = tuple(_TITLES)
"""Kinds of entry, in the order of the page."""
