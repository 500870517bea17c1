"""Every citation leads somewhere in this repository: pages, sections, codes, decisions, articles.

What is asked of code, data, tests and pages alike, by the forms that CONTRIBUTING.md names.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.rows import each, of

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"
_TEXT: Final = {".py", ".md", ".sql", ".json", ".toml", ".txt", ".pml", ".js", ".go", ".yml", ""}
_GENERATED: Final = {"docs/reference/catalogue.md", "docs/reference/openapi.json", "uv.lock"}
_SECTIONED: Final = {
    "formats": DOCS / "spec" / "formats.md",
    "http": DOCS / "spec" / "http.md",
    "access": DOCS / "spec" / "access.md",
    "life-cycle": DOCS / "spec" / "life-cycle.md",
    "architecture": DOCS / "architecture.md",
    "regulation": DOCS / "law" / "regulation.md",
    "law": DOCS / "law" / "law.md",
    "glossary": DOCS / "law" / "glossary.md",
}
_PAGES: Final = "|".join(_SECTIONED)
_HEADING: Final = re.compile(r"^#{2,3} (?:<a id=\"[\w-]+\"></a>)?(\d+(?:\.\d+)?)\.? ", re.MULTILINE)
_SECTION: Final = re.compile(rf"\b({_PAGES})(?:\.md`?|`)?(?:, | )§(\d+(?:\.\d+)?)", re.IGNORECASE)
_MORE: Final = re.compile(r"^(?:, |-| and |, and )§?(\d+)\b(?!\.)")
_BARE: Final = re.compile(r"(?<![\w§])§(\d+)")
_ELSEWHERE: Final = re.compile(
    r"(?:RFC[ -]\d+|SP 800-\w+|FIPS \d+|UTS #\d+|c2sp\S*),? ?$", re.IGNORECASE
)
_FILE: Final = re.compile(r"(?<![\w/.@*<-])((?:[\w-]+/|\.\./)*[\w.-]+\.md)\b")
_ACCESS: Final = re.compile(
    r"\baccess(?:\.md`?) ((?:[A-Z]{1,3}\d+(?:(?:, | and |-)(?=[A-Z]+\d))?)+)"
)
_RULE: Final = re.compile(r"\b(G\d{1,2})\b")
_ADR: Final = re.compile(r"\bADRs? (\d+)")
_POINT: Final = re.compile(r"(?<![\w.§/-])(\d{1,2}\.\d{1,2}\.[a-zđ])(?![\w.])")
_STATED: Final = re.compile(
    r"^\| ([A-Z]{1,3}\d+)(?: m)? \||\*\*([A-Z]{1,3}\d+)\*\*|`(X\d)` ", re.MULTILINE
)
#: Pages that are spoken of and not cited: names of examples, or of what somebody is to write.
_EXAMPLES: Final = {"FILE.md", "README.md"}


def _listed() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = [ROOT / name for name in names.split("\0") if name and name not in _GENERATED]
    return [path for path in paths if path.suffix in _TEXT and path.is_file()]


FILES: Final = _listed()
_OURS: Final = Path(__file__).name


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _cited(pattern: re.Pattern[str], having: str) -> Iterator[tuple[Path, re.Match[str]]]:
    """Where a pattern is met; each match has these letters, which few of the files have."""
    for path in FILES:
        if path.name != _OURS and having in _text(path):
            for found in pattern.finditer(_text(path)):
                yield path, found


@cache
def _sections(page: str) -> frozenset[str]:
    """Numbers of headings, and of the numbered points below each: §3.4 is point 4 of section 3."""
    parts = re.split(_HEADING, _text(_SECTIONED[page]))
    numbered = dict(zip(parts[1::2], parts[2::2], strict=True))
    points = {
        f"{section}.{point}"
        for section, text in numbered.items()
        for point in re.findall(r"^(\d+)\. ", text, re.MULTILINE)
    }
    return frozenset(numbered) | points


def _where(path: Path, at: int) -> str:
    return f"{path.relative_to(ROOT)}:{_text(path).count(chr(10), 0, at) + 1}"


@pytest.mark.parametrize("name", sorted(_GENERATED))
def test_what_is_not_looked_at_is_there(name: str) -> None:
    """An exemption of a file that has moved exempts nothing, and nobody sees it."""
    assert (ROOT / name).is_file()


def test_every_section_that_is_cited_is_a_heading_of_its_page() -> None:
    """`formats.md §4`: whoever doubts a line of code reads what it rests on."""
    lost, seen = [], 0
    for path, found in _cited(_SECTION, "§"):
        page = found[1].lower()
        seen += 1
        wanted = [found[2]]
        rest = _text(path)[found.end() :]
        more = _MORE.match(rest)
        if more:
            wanted.append(more[1])
        lost += [
            f"{_where(path, found.start())} {found[0]}"
            for section in wanted
            if section not in _sections(page)
        ]
    assert lost == []
    assert seen > 400


def test_a_section_without_its_page_is_one_of_a_page_that_the_file_names() -> None:
    """`§3` alone speaks of the page that the file is about, or of the page it stands on."""
    lost = []
    for path, found in _cited(_BARE, "§"):
        text = _text(path)
        before = text[max(0, found.start() - 40) : found.start()]
        if _ELSEWHERE.search(before) or re.search(
            rf"({_PAGES})(\.md`?|`)?(, | )$", before, re.IGNORECASE
        ):
            continue
        if re.search(r"RFC[ -]?\d+[^\n]*$", before) or path.name == "CHANGELOG.md":
            continue
        named = {
            m.lower() for m in re.findall(rf"\b({_PAGES})(?:\.md|\.json)?\b", text, re.IGNORECASE)
        }
        named |= {page for page, where in _SECTIONED.items() if where == path}
        if not any(found[1] in _sections(page) for page in named):
            lost.append(f"{_where(path, found.start())} {found[0]}")
    assert lost == []


def test_every_page_that_is_named_is_there() -> None:
    """A page that is named and not here is one that only its author can read."""
    names = {path.name for path in FILES} | _EXAMPLES | {"catalogue.md"}
    lost = []
    for path, found in _cited(_FILE, ".md"):
        name = found[1]
        if path.parent.name == "adr":  # a decision names the pages of its day
            continue
        if "/" in name:
            places = [ROOT / name, path.parent / name]
            if not any(place.exists() for place in places):
                lost.append(f"{_where(path, found.start())} {name}")
        elif name not in names:
            lost.append(f"{_where(path, found.start())} {name}")
    assert lost == []


def _codes() -> list[str]:
    return ["".join(found) for found in _STATED.findall(_text(_SECTIONED["access"]))]


def test_every_code_of_access_is_stated_once() -> None:
    """A code that means two things cites nothing."""
    codes = _codes()
    assert sorted(codes) == sorted(set(codes))
    assert len(codes) > 200


def test_every_code_of_access_that_is_cited_is_stated() -> None:
    """Also the codes that the page and the threat model use among themselves."""
    stated = set(_codes())
    lost = [
        f"{_where(path, found.start())} {code}"
        for path, found in _cited(_ACCESS, "access")
        for code in re.findall(r"[A-Z]{1,3}\d+", found[1])
        if code not in stated
    ]
    kinds = {re.sub(r"\d", "", code) for code in stated}
    used = re.findall(r"(?<![\w-])([A-Z]{1,3})(\d+)(?![\w.-])", _text(_SECTIONED["access"]))
    lost += [kind + n for kind, n in used if kind in kinds and kind + n not in stated]
    assert lost == []


def test_every_attacker_of_the_threat_model_is_one_of_access() -> None:
    """TH1 to TH12."""
    stated = set(_codes())
    used = set(re.findall(r"\bTH\d+\b", _text(DOCS / "threat-model.md")))
    assert used
    assert used <= stated


def test_every_rule_that_is_cited_is_one_of_the_regulation() -> None:
    """G1 to G14 alone are rules of regulation.md §7; a code of access.md has its name before it."""
    stated = set(re.findall(r"^\| (G\d+) \|", _text(_SECTIONED["regulation"]), re.MULTILINE))
    assert stated == {f"G{n}" for n in range(1, 15)}
    guards = orjson.loads((ROOT / "ledger/regulation/data/guards.json").read_bytes())["guards"]
    assert {guard["rule"] for guard in guards if guard.get("rule")} <= stated
    lost = [
        f"{_where(path, found.start())} {found[1]}"
        for path, found in _cited(_RULE, "G")
        if path.suffix == ".py"
        and not re.search(r"access\.md [\w, -]*$", _text(path)[: found.start()][-40:])
        and found[1] not in stated
    ]
    assert lost == []


def test_every_decision_that_is_cited_is_a_file() -> None:
    """`ADR 14` is docs/adr/0014-….md."""
    numbers = {int(path.name[:4]) for path in (DOCS / "adr").glob("[0-9]*.md")}
    cited = [(path, found) for path, found in _cited(_ADR, "ADR")]
    assert cited
    lost = [_where(path, found.start()) for path, found in cited if int(found[1]) not in numbers]
    assert lost == []
    old = [_where(p, f.start()) for p, f in _cited(re.compile(r"\bDECISIONS\b"), "DECISIONS")]
    assert old == []


def _articles() -> set[str]:
    """Articles, clauses and points that the page on the regulation speaks of."""
    text = _text(_SECTIONED["regulation"])
    known = set(
        re.findall(r"(?<![\w.])(?:QĐ\.\d|\d{1,2}(?:\.\d{1,2})?(?:\.[a-zđ])?)(?![\w])", text)
    )
    for first, last in re.findall(r"\b8\.(\d)–8\.(\d)", text):
        known |= {f"8.{n}" for n in range(int(first), int(last) + 1)}
    return known


def test_every_article_that_is_cited_is_told_on_the_page() -> None:
    """8.1.g in a guard, in the rulebook's data or in a test is told in docs/law/regulation.md."""
    known = _articles()
    assert {"8.1.g", "7.2.a", "4.2", "9", "QĐ.2", "8.7"} <= known
    lost, seen = [], 0
    for path, found in _cited(_POINT, "."):
        inside = str(path.relative_to(ROOT)).startswith(
            ("ledger/regulation", "tests/unit/regulation", "projections", "docs")
        )
        if not inside or path.suffix not in (".py", ".md"):
            continue
        if path.name == "law.md":
            continue
        seen += 1
        if found[1] not in known:
            lost.append(f"{_where(path, found.start())} {found[1]}")
    for path in sorted((ROOT / "ledger" / "regulation" / "data").glob("*.json")):
        for source in _sources(orjson.loads(path.read_bytes())):
            seen += 1
            if re.fullmatch(r"(?:QĐ\.)?\d+(?:\.\d+)?(?:\.[a-zđ])?", source) and source not in known:
                lost.append(f"{path.name} {source}")
    assert lost == []
    assert seen > 500


def _sources(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "source" and isinstance(inner, list):
                yield from (one for one in inner if isinstance(one, str))
            yield from _sources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sources(inner)


def test_every_link_and_path_of_a_page_leads_somewhere() -> None:
    """Links between pages with their anchors, and files of this repository named in backticks."""
    for page in each([p for p in FILES if p.suffix == ".md"]):
        with of(str(page.relative_to(ROOT))):
            lost = []
            text = re.sub(r"```.*?```", "", _text(page), flags=re.DOTALL)
            for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
                if re.match(r"[a-z]+:", link):
                    continue
                name, _, anchor = link.partition("#")
                target = page if not name else (page.parent / name)
                if not target.exists() or (anchor and anchor not in _anchors(target)):
                    lost.append(link)
            if page.parent.name != "adr":  # a decision names the files of its day
                named = re.findall(
                    r"`((?:api|ledger|projections|keys|tests|docs)/[\w./-]*[\w/])`", text
                )
                lost += [path for path in named if not (ROOT / path).exists()]
            assert lost == []


def _anchors(path: Path) -> set[str]:
    """Explicit ids, and those that a heading is given by its words."""
    text = _text(path)
    words = [
        re.sub(r"[^\w\s-]", "", re.sub(r"<[^>]*>", "", heading)).strip().lower()
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    ]
    return set(re.findall(r'<a id="([^"]+)"', text)) | {re.sub(r"\s", "-", w) for w in words}
