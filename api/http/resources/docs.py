"""The documents about this API: OpenAPI 3.1, a readable page, one page a problem; assets local."""

from __future__ import annotations

from html import escape
from typing import Any, cast

from flask import Response, current_app

from api.http.framework.docs_html import page
from api.http.framework.endpoint import IN_WORDS, Noun, in_path
from api.http.framework.request_context import context, enclave
from api.http.framework.responses import JSON, finish
from api.http.framework.spec_html import PAGES, rendered, source
from api.problems.problem import Problem
from api.problems.types import TYPES
from api.texts.text import Lang

docs = Noun("docs", __name__, description="Tài liệu · Documents")
HTML = "text/html; charset=utf-8"
MARKDOWN = "text/markdown; charset=utf-8"
CSS = "text/css; charset=utf-8"
_PAGE = {"type": "string"}
_HEADERS = (*IN_WORDS, "Content-Security-Policy")
_CODE = in_path("code", "A problem code.", example="stale")
_SPEC = in_path("page", "A page of the specification.", example="formats", enum=list(PAGES))
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
.banner { border: 2px solid; padding: .5rem 1rem; font-weight: 600; }
h2 { margin-top: 2.5rem; }
nav { columns: 20rem; }
nav h3 { margin: .5rem 0 0; font-size: 1rem; }
nav ul { margin: 0; padding: 0; list-style: none; }
nav h3 { break-after: avoid; }
nav code { font-size: .8rem; }
section { border-top: 1px solid; margin-top: 1.5rem; }
summary { cursor: pointer; }
code, pre { font-family: ui-monospace, monospace; }
pre { overflow-x: auto; border: 1px solid; padding: .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid; padding: .25rem .5rem; }
@media (max-width: 40rem) {
  tr, td { display: block; }
  tr { border-bottom: 1px solid; padding: .25rem 0; }
  td { border: 0; padding: 0; }
}
"""


@docs.call("/openapi.json", answers={"type": "object"}, access="open")
def openapi() -> Response:
    """Mô tả OpenAPI 3.1 · This API as OpenAPI 3.1."""
    return finish(cast("bytes", current_app.extensions["socai-openapi-bytes"]()), JSON)


@docs.call("/docs", answers=_PAGE, produces=HTML, access="open", headers=_HEADERS)
def readable() -> Response:
    """Tài liệu đọc được · This API as a page to read."""
    spec: dict[str, Any] = current_app.extensions["socai-openapi"]()
    return _page("socai API", page(spec))


@docs.call("/docs/style.css", answers=_PAGE, produces=CSS, access="open")
def style() -> Response:
    """Kiểu trình bày của các trang này · The style of these pages."""
    return finish(_STYLE.encode(), CSS)


@docs.call("/problems", answers=_PAGE, produces=HTML, access="open", headers=_HEADERS)
def every_problem() -> Response:
    """Mọi mã lỗi · Every problem code."""
    lang = context().lang
    rows = "".join(
        f'<tr><td><a href="/problems/{code}"><code>{code}</code></a></td>'
        f"<td>{kind.status}</td><td>{escape(kind.title[lang])}</td></tr>"
        for code, kind in TYPES.items()
    )
    return _page("Mã lỗi" if lang == "vi" else "Problems", f"<table>{rows}</table>")


@docs.call(
    "/problems/<code>",
    answers=_PAGE,
    produces=HTML,
    access="open",
    headers=_HEADERS,
    problems=("not_found",),
    parameters=(_CODE,),
)
def one_problem(code: str) -> Response:
    """Giải thích một mã lỗi · What a problem means and what to do next."""
    if code not in TYPES:
        raise Problem("not_found")
    return _page(code, _problem_section(code, "vi") + _problem_section(code, "en"))


@docs.call("/spec", answers=_PAGE, produces=HTML, access="open", headers=_HEADERS)
def specification() -> Response:
    """Đặc tả công khai · The public specification, page by page."""
    return _page(*rendered("README"))


@docs.call(
    "/spec/<page>",
    answers=_PAGE,
    produces=HTML,
    access="open",
    headers=_HEADERS,
    problems=("not_found",),
    parameters=(_SPEC,),
)
def spec_page(page: str) -> Response:
    """Một trang đặc tả · A page of the specification; each section and code has its anchor."""
    if page not in PAGES:
        raise Problem("not_found")
    return _page(*rendered(page))


@docs.call(
    "/spec/<page>/source",
    answers=_PAGE,
    produces=MARKDOWN,
    access="open",
    problems=("not_found",),
    parameters=(_SPEC,),
)
def spec_source(page: str) -> Response:
    """Một trang đặc tả ở dạng Markdown · A page of the specification as it was written."""
    if page not in PAGES:
        raise Problem("not_found")
    return finish(source(page).encode(), MARKDOWN)


def _problem_section(code: str, lang: Lang) -> str:
    kind = TYPES[code]
    recorded = {
        "nothing": ("Không ghi gì.", "Nothing is recorded."),
        "yes": ("Diễn biến đã được ghi.", "The act is recorded."),
        "unknown": (
            "Có thể đã ghi hoặc chưa; gửi lại đúng các byte đó để biết.",
            "It may or may not be recorded; send the same bytes to learn it.",
        ),
    }[kind.recorded][0 if lang == "vi" else 1]
    return (
        f'<section lang="{lang}"><h2>{escape(kind.title[lang])}</h2>'
        f"<p>HTTP {kind.status} · <code>{code}</code></p>"
        f"<p>{escape(recorded)}</p><p>{escape(kind.step[lang])}</p></section>"
    )


def _page(title: str, inner: str) -> Response:
    lang = context().lang
    banner = ""
    if enclave().facts.rehearsal:
        words = (
            "SỔ DIỄN TẬP: không phải dữ liệu thật" if lang == "vi" else "REHEARSAL: not real data"
        )
        banner = f'<p class="banner">{words}</p>'
    whole = (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)} · socai</title><link rel="stylesheet" href="/docs/style.css">'
        f"<body>{banner}<main><h1>{escape(title)}</h1>{inner}</main>{banner}</body></html>"
    )
    return finish(
        whole.encode(),
        HTML,
        headers={
            "Content-Language": lang,
            "Vary": "Accept-Language",
            "Content-Security-Policy": _POLICY,
        },
    )
