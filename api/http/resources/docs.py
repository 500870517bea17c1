"""The documents about this API: OpenAPI 3.1, a page to read it by, one page a problem.

The page is Redoc, whose one file stands in `redoc/` beside this one and is served from here:
nothing comes from elsewhere, and the browser runs it only if its hash is the one below.
"""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from typing import Final, cast

from flask import Response, current_app

from api.http.framework.endpoint import IN_WORDS, NOTE, Resource, in_path
from api.http.framework.request_context import context
from api.http.framework.responses import JSON, encode, finish
from api.http.framework.spec_html import PAGES, rendered, source
from api.http.resources.common.served import enclave
from api.problems.problem import Problem
from api.problems.types import TYPES
from api.texts.catalogue import translate
from api.texts.lang import Lang
from ledger.message import Message

docs = Resource("docs", __name__, description="Tài liệu · Documents")
HTML = "text/html; charset=utf-8"
MARKDOWN = "text/markdown; charset=utf-8"
CSS = "text/css; charset=utf-8"
_PAGE = {"type": "string"}
_HEADERS = (*IN_WORDS, "Content-Security-Policy")
_CODE = in_path("code", "A problem code.", example="stale")
_SPEC = in_path("page", "A page of the specification.", example="formats", enum=list(PAGES))
JS: Final = "text/javascript; charset=utf-8"
_REDOC: Final = Path(__file__).with_name("redoc")
REDOC_INTEGRITY: Final = "sha384-w447zOpYfw/1Tv/5AK9NfHTlQIqE3RVR6KY62jCyy9zNDgO64cMwGGP1Fj0zJVf5"
"""Of `redoc/redoc.standalone.js`; `redoc/README.md` says where the file is from."""
_POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_STYLES: Final = (
    # an empty element, which Redoc then fills through the CSSOM
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    # the style sheet of its scroll bars
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; worker-src blob:;"
    f" style-src 'self' {' '.join(_STYLES)}; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Its search works in a worker made of a blob; its maker's logo is never fetched."""
_STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem; }
.banner { border: 2px solid; padding: .5rem 1rem; font-weight: 600; }
.reference { color-scheme: light; max-width: none; padding: 0; background: #fff; color: #333; }
.reference > p { margin: 1rem; }
main { overflow-wrap: anywhere; }
main h2 { margin-top: 2.5rem; }
main nav { columns: 20rem; }
main nav ul { margin: 0; padding: 0; list-style: none; }
main section { border-top: 1px solid; margin-top: 1.5rem; }
main code { font-family: ui-monospace, monospace; }
main pre { overflow-x: auto; border: 1px solid; padding: .5rem; }
main table { border-collapse: collapse; width: 100%; }
main th, main td { text-align: left; vertical-align: top; padding: .25rem .5rem; }
main th, main td { border-bottom: 1px solid; }
@media (max-width: 40rem) {
  .reference { overflow-wrap: anywhere; }
  main tr, main td { display: block; }
  main tr { border-bottom: 1px solid; padding: .25rem 0; }
  main td { border: 0; padding: 0; }
}
"""


_BANNER: Final = "<!-- banner -->"
_THEME: Final = encode(
    {
        "typography": {
            "fontFamily": "system-ui, sans-serif",
            "headings": {"fontFamily": "system-ui, sans-serif"},
            "code": {"fontFamily": "ui-monospace, monospace", "wrap": True},
        },
        "sidebar": {"width": "300px"},
        "spacing": {"sectionHorizontal": 20, "sectionVertical": 24},
    }
).decode()
_REFERENCE: Final = (
    "<title>socai API</title>"
    '<link rel="stylesheet" href="/docs/style.css">'
    f'<body class="reference">{_BANNER}'
    "<noscript><p>Trang này cần JavaScript · This page needs JavaScript:"
    ' <a href="/openapi.json">/openapi.json</a>, <a href="/problems">/problems</a></p></noscript>'
    '<redoc spec-url="/openapi.json" native-scrollbars="true" disable-google-font="true"'
    ' expand-responses="200,201" json-sample-expand-level="3" path-in-middle-panel="true"'
    f' hide-schema-titles="true" theme="{escape(_THEME)}"></redoc>'
    f'<script src="/docs/redoc.standalone.js" integrity="{REDOC_INTEGRITY}"></script></body>'
)


@docs.call("/openapi.json", answers={"type": "object"}, access="open")
def get_openapi() -> Response:
    """Mô tả OpenAPI 3.1 · This API as OpenAPI 3.1.

    The document that this page is made from; the same for every enclave of this version.
    """
    return finish(cast("bytes", current_app.extensions["socai-openapi-bytes"]()), JSON)


@docs.call("/docs", answers=_PAGE, produces=HTML, access="open", headers=_HEADERS)
def get_docs() -> Response:
    """Tài liệu đọc được · This API as a page to read.

    Searchable, with every type, enumeration and member; nothing on it comes from elsewhere.
    """
    return _html(_REFERENCE, _DOCS_POLICY)


@docs.call("/docs/style.css", answers=_PAGE, produces=CSS, access="open")
def get_docs_style() -> Response:
    """Kiểu trình bày của các trang này · The style of these pages.

    It asks for no font and no image.
    """
    return finish(_STYLE.encode(), CSS)


@docs.call("/docs/redoc.standalone.js", answers=_PAGE, produces=JS, access="open")
def get_docs_script() -> Response:
    """Chương trình của trang tài liệu · The program of the page, Redoc.

    Byte for byte as its makers published it.
    """
    return finish(_script(), JS, etag=REDOC_INTEGRITY)


@cache
def _script() -> bytes:
    return (_REDOC / "redoc.standalone.js").read_bytes()


@docs.call("/docs/redoc.standalone.js.LICENSE.txt", answers=_PAGE, produces=NOTE, access="open")
def get_docs_licence() -> Response:
    """Giấy phép của chương trình đó · The licences of that program.

    Its own, then those of what it is built from.
    """
    texts = (_REDOC / name for name in ("LICENSE", "redoc.standalone.js.LICENSE.txt"))
    return finish("\n".join(text.read_text("utf-8") for text in texts).encode(), NOTE)


@docs.call("/problems", answers=_PAGE, produces=HTML, access="open", headers=_HEADERS)
def list_problems() -> Response:
    """Mọi mã lỗi · Every problem code.

    Each code with its status and title; it links to what each means and what to do next.
    """
    lang = context().lang
    rows = "".join(
        f'<tr><td><a href="/problems/{code}"><code>{code}</code></a></td>'
        f"<td>{kind.status}</td><td>{escape(translate(kind.title, lang))}</td></tr>"
        for code, kind in TYPES.items()
    )
    return _page(translate(Message("Problems"), lang), f"<table>{rows}</table>")


@docs.call(
    "/problems/<code>",
    answers=_PAGE,
    produces=HTML,
    access="open",
    headers=_HEADERS,
    problems=("not_found",),
    parameters=(_CODE,),
)
def get_problem(code: str) -> Response:
    """Giải thích một mã lỗi · What a problem means and what to do next.

    In both languages: what happened, what the log holds of the request, and what to do next.
    """
    if code not in TYPES:
        raise Problem("not_found")
    return _page(code, _problem_section(code, "vi") + _problem_section(code, "en"))


@docs.call("/spec", answers=_PAGE, produces=HTML, access="open", headers=_HEADERS)
def list_spec_pages() -> Response:
    """Đặc tả công khai · The public specification, page by page.

    Where to begin reading, and which versions of each format are in force.
    """
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
def get_spec_page(page: str) -> Response:
    """Một trang đặc tả · A page of the specification; each section and code has its anchor.

    Who checks a log needs it beside the log: every byte, every call, every access rule.
    """
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
def get_spec_source(page: str) -> Response:
    """Một trang đặc tả ở dạng Markdown · A page of the specification as it was written.

    The bytes that the page is rendered from.
    """
    if page not in PAGES:
        raise Problem("not_found")
    return finish(source(page).encode(), MARKDOWN)


def _problem_section(code: str, lang: Lang) -> str:
    kind = TYPES[code]
    recorded = {
        "nothing": Message("Nothing is recorded."),
        "yes": Message("The act is recorded."),
        "unknown": Message("It may or may not be recorded; send the same bytes to learn it."),
    }[kind.recorded]
    return (
        f'<section lang="{lang}"><h2>{escape(translate(kind.title, lang))}</h2>'
        f"<p>HTTP {kind.status} · <code>{code}</code></p>"
        f"<p>{escape(translate(recorded, lang))}</p>"
        f"<p>{escape(translate(kind.step, lang))}</p></section>"
    )


def _page(title: str, inner: str) -> Response:
    body = f"{_BANNER}<main><h1>{escape(title)}</h1>{inner}</main>{_BANNER}"
    return _html(
        f'<title>{escape(title)} · socai</title><link rel="stylesheet" href="/docs/style.css">'
        f"<body>{body}</body>",
        _POLICY,
    )


def _html(inner: str, policy: str) -> Response:
    """A page in the reader's language, with the rehearsal's mark where it has a place for one."""
    lang = context().lang
    banner = ""
    if enclave().facts.rehearsal:
        words = translate(Message("REHEARSAL: not real data"), lang)
        banner = f'<p class="banner">{words}</p>'
    whole = (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{inner.replace(_BANNER, banner)}</html>"
    )
    return finish(
        whole.encode(),
        HTML,
        headers={
            "Content-Language": lang,
            "Vary": "Accept-Language",
            "Content-Security-Policy": policy,
        },
    )
