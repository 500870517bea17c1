"""The public specification as pages: docs/spec, rendered by markdown-it, nothing from elsewhere.

The pages are part of the program: a wheel has them inside the package, a checkout where people
read them. They are ours, so their raw HTML (anchors, and nothing else: a test says so) is kept.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGES: Final = ("formats", "http", "access", "life-cycle")
"""Names of the pages, as at `/spec/<name>`."""
_PACKAGE: Final = Path(str(resources.files("api")))
_INSTALLED: Final = _PACKAGE / "spec"
_FOLDER: Final = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "docs" / "spec"
_CODE: Final = re.compile(r"([A-Z]{1,3}\d+)(?: m)?")
_LINK: Final = re.compile(r"(README|[a-z-]+)\.md(#.+)?")
_HEADING: Final = re.compile(r"<h([123])>(.*) · (.*)</h\1>")
_SECTION: Final = re.compile(r'<h2><a id="([^"]+)"></a>(.*)</h2>')
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": True}).enable("table")


def source(name: str) -> str:
    """The Markdown of a page, or of `README`, the index.

    Raises:
        FileNotFoundError: The program was packed without its pages.
    """
    return (_FOLDER / f"{name}.md").read_text("utf-8")


@cache
def rendered(name: str) -> tuple[str, str]:
    """(title, body) of a page: plain text, and HTML without the title."""
    title, _, text = source(name).partition("\n")
    tokens = _MARKDOWN.parse(text)
    _address(tokens)
    body = _HEADING.sub(r'<h\1>\2 · <span lang="vi">\3</span></h\1>', _html(tokens))
    sections = "".join(
        f'<li><a href="#{a}">{words}</a></li>' for a, words in _SECTION.findall(body)
    )
    others = " · ".join(f'<a href="/spec/{page}">{page}</a>' for page in PAGES)
    here = "" if name == "README" else f' · <a href="/spec/{name}/source">Markdown</a>'
    top = f'<p><a href="/spec">/spec</a>: {others}{here}</p>'
    contents = f"<nav><ul>{sections}</ul></nav>" if sections else ""
    return title.removeprefix("# "), top + contents + body


def _html(tokens: list[Token]) -> str:
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return html


def _address(tokens: list[Token]) -> None:
    """Gives each code that a row or a bold word states an id, and links their address here."""
    known: set[str] = set()
    for row, cell, token in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if row.type == "tr_open" and cell.type == "td_open":
            _name(cell, token.content, known)
        for child, after in pairwise(token.children or []):
            if child.type == "strong_open":
                _name(child, after.content, known)
            if child.type == "link_open":
                child.attrSet("href", _moved(str(child.attrs["href"])))


def _name(token: Token, text: str, known: set[str]) -> None:
    code = _CODE.fullmatch(text)
    if code is not None and code[1] not in known:
        known.add(code[1])
        token.attrSet("id", code[1])


def _moved(href: str) -> str:
    """Where a link of the folder leads on the server."""
    link = _LINK.fullmatch(href)
    if link is None:
        return href
    page = "/spec" if link[1] == "README" else f"/spec/{link[1]}"
    return page + (link[2] or "")
