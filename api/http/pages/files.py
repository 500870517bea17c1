"""Style, scripts and fonts of the pages: files of the program, each address of one build.

Their address holds a digest over all of them, so that a browser asks for each once and never gets
one of another build; what is vendored says where it is from in `static/*/README.md`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response

from api.http.framework.admission import ANY, Gate
from api.http.framework.responses import finish
from api.http.resources.common.served import enclave
from api.problems.problem import Problem
from api.settings import ORDINARY

files: Final = Blueprint("files", __name__)
_FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_KEPT: Final = "public, max-age=31536000, immutable"


@cache
def contents() -> dict[str, bytes]:
    """Every file by its path below the folder, read once."""
    return {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }


@cache
def build() -> str:
    """Names what all of them are together."""
    every = hashlib.sha256()
    for name, data in contents().items():
        every.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return every.hexdigest()[:16]


def address(name: str) -> str:
    """Where a file is got."""
    return f"/static/{build()}/{name}"


def _get(of_build: str, name: str) -> Response:
    data = contents().get(name)
    if data is None or of_build != build():
        raise Problem("not_found")
    kept = {"Cache-Control": _KEPT} if enclave().facts.level == ORDINARY else {}
    return finish(data, _TYPES[Path(name).suffix], headers=kept, etag=f"{of_build}/{name}")


files.route("/static/<of_build>/<path:name>", endpoint="file")(
    Gate("open", (), ANY, of_cases=False).around(_get)
)
