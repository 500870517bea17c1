"""The public specification as it is served: every page, anchor and address that is cited opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import click
import orjson
import pytest

from api.cli.main import main
from api.http.framework.spec_html import PAGES, source
from api.problems.types import TYPES
from tests.fixtures.app import Service
from tests.messages import stored

ROOT: Final = Path(__file__).parents[2]
_SPEC: Final = re.compile(r"(?<![\w.])/spec\b(?:/[a-z-]+(?:\.md)?)?(?:#[\w-]+)?")
_ADDRESS: Final = re.compile(r"/(?:spec|problems|docs)\b[\w./-]*(?:#[\w-]+)?")


class _Page(HTMLParser):
    """Ids and links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.elements: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        given = dict(attrs)
        self.ids += filter(None, [given.get("id")])
        self.links += filter(None, [given.get("href")]) if tag == "a" else []
        assert "style" not in given
        assert not any(name.startswith("on") for name in given)


def _open(shared: Service, address: str) -> _Page:
    path, _, anchor = address.partition("#")
    answer = shared.client.get(path)
    assert answer.status_code == 200, address
    page = _Page(answer.text)
    assert not anchor or anchor in page.ids, address
    return page


@pytest.mark.parametrize("page", ["", *(f"/{name}" for name in PAGES)])
def test_every_link_of_a_page_opens(shared: Service, page: str) -> None:
    """Nobody is sent to a section, a code or a page that is not there."""
    address = f"/spec{page}"
    found = _open(shared, address)
    assert len(found.ids) == len(set(found.ids))
    assert found.links
    for link in {urljoin(address, link) for link in found.links}:
        _open(shared, link)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_nothing_and_is_as_it_was_written(shared: Service, page: str) -> None:
    """Strict policy, no script, whole text; the source beside it, byte for byte."""
    answer = shared.client.get(f"/spec/{page}")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not {"script", "iframe", "img", "form", "object"} & _Page(answer.text).elements
    assert "width=device-width" in answer.text
    written = shared.client.get(f"/spec/{page}/source")
    assert written.data == source(page).encode()
    assert written.content_type == "text/markdown; charset=utf-8"
    for word in re.findall(r"[A-Za-z]{6,}", source(page))[:2000]:
        assert word in answer.text


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("formats#s7", "7. Log, checkpoint, tiles, witnesses"),
        ("formats#changes", "Changes"),
        ("http#s6", "6. Freshness"),
        ("access#L9", "guessing from hashes"),
        ("access#TH3", "same level, no need-to-know"),
        ("access#K4", "A DEK seals one envelope once"),
        ("access#V1", "NI1 and NI2"),
        ("life-cycle#takedown", "Take"),
    ],
)
def test_a_section_and_a_code_have_an_address_of_their_own(
    shared: Service, address: str, words: str
) -> None:
    """A citation can be sent as a link, and leads to where the thing is stated."""
    path, _, anchor = address.partition("#")
    text = shared.client.get(f"/spec/{path}").text
    assert words.lower() in text.partition(f'id="{anchor}"')[2][:400].lower()


def test_what_is_no_page_is_not_found(shared: Service) -> None:
    """Also what would be a file beside the pages."""
    for name in ("README", "FORMATS", "..", "formats.html", "../architecture", "%2e%2e%2fadr"):
        for ending in ("", "/source", ".md"):
            answer = shared.client.get(f"/spec/{name}{ending}")
            assert answer.status_code == 404, (name, ending)


def test_every_address_in_the_api_document_and_in_problems_opens(shared: Service) -> None:
    """What the document begins with, its descriptions, and the `type` of every problem."""
    document = shared.client.get("/openapi.json")
    assert "`/spec`" in document.get_json()["info"]["description"]
    texts = "\n".join(_strings(orjson.loads(document.data)))
    cited = {one.rstrip(".") for one in _ADDRESS.findall(texts)}
    cited -= {"/problems/", "/docs/style.css"}
    assert {"/spec/formats#s2", "/spec/formats#s3", "/problems/stale"} <= cited
    assert not re.search(r"\b\w+\.md §", texts)
    for address in cited | {f"/problems/{code}" for code in TYPES}:
        _open(shared, address)


def test_every_address_on_a_page_and_in_the_help_of_a_command_opens(shared: Service) -> None:
    """README, the pages, and what `socai … --help` prints in either language."""
    texts = [
        path.read_text("utf-8") for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    ]
    texts += [*_helps(click.Context(main), main), *_translations()]
    cited = {one.rstrip(".") for text in texts for one in _SPEC.findall(text)}
    assert {"/spec/formats#s2", "/spec/formats#s7", "/spec/access#L9"} <= cited
    for address in cited:
        _open(shared, address)


def _translations() -> Iterator[str]:
    for entry in stored():
        yield from [entry.string] if isinstance(entry.string, str) else entry.string or ()


def _helps(context: click.Context, command: click.Command) -> Iterator[str]:
    yield command.help or ""
    yield from (option.help or "" for option in command.params if isinstance(option, click.Option))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _helps(context, below)


def _strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return [value] if isinstance(value, str) else []
