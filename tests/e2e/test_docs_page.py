"""The page at /docs: its program is the vendored one, and nothing comes from elsewhere.

What a browser makes of it: `test_pages_in_chromium.py`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final, NoReturn

import pytest

from api.auth import TokenBox
from api.http.resources import docs
from tests.fixtures.app import Service

REDOC: Final = Path(docs.__file__).with_name("redoc")
SCRIPT: Final = "/docs/redoc.standalone.js"


def _sha384(data: bytes) -> str:
    return base64.b64encode(hashlib.sha384(data).digest()).decode()


def test_the_program_of_the_page_is_the_one_that_was_vendored(shared: Service) -> None:
    """A changed byte and no browser runs it: the page names the hash, the README its origin."""
    page, script = shared.client.get("/docs"), shared.client.get(SCRIPT)
    asked = re.findall(r'<script src="([^"]+)" integrity="sha384-([^"]+)"></script>', page.text)
    assert asked == [(SCRIPT, _sha384(script.data))]
    assert script.data == (REDOC / "redoc.standalone.js").read_bytes()
    readme = (REDOC / "README.md").read_text("utf-8")
    assert asked[0][1] in readme
    (version,) = re.findall(r'Version: "([\d.]+)"', (REDOC / _NOTICES).read_text("utf-8"))
    assert readme.startswith(f"Redoc {version},")


def test_its_program_is_read_once_and_sent_once(
    shared: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone may ask for it as often as they like: no disk, no MAC, and for 304 no megabyte."""
    first = shared.client.get(SCRIPT)
    assert first.headers["ETag"] == f'"{docs.REDOC_INTEGRITY}"'

    def touched(*_: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(Path, "read_bytes", touched)
    monkeypatch.setattr(TokenBox, "mac", touched)
    assert shared.client.get(SCRIPT).data == first.data
    known = shared.client.get(SCRIPT, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    assert known.headers["ETag"] == first.headers["ETag"]
    other = shared.client.get(SCRIPT, headers={"If-None-Match": '"sha384-other"'})
    assert other.status_code == 200


_NOTICES: Final = "redoc.standalone.js.LICENSE.txt"


def test_its_licences_are_served_with_it(shared: Service) -> None:
    """MIT asks for its notice in every copy, and a browser gets a copy."""
    said = shared.client.get(f"/docs/{_NOTICES}").text
    assert "The MIT License (MIT)" in said
    for name in ("Rebilly", "React", "DOMPurify", "perfect-scrollbar", "mark.js"):
        assert name in said, name


def test_the_page_lets_nothing_in_from_elsewhere(shared: Service) -> None:
    """No inline script, no style but by hash, no address of another host."""
    page = shared.client.get("/docs")
    policy = dict(
        one.strip().partition(" ")[::2]
        for one in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert re.findall(r"https?://", page.text) == []
    assert "REHEARSAL" in shared.client.get("/docs", headers={"Accept-Language": "en"}).text
