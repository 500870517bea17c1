"""The documents about this API: OpenAPI 3.1, a readable page, one page a problem; assets local."""

from __future__ import annotations

from html import escape
from typing import Any, cast

from flask import Response, current_app

from api.problems import TYPES, Problem, ProblemType
from api.resources.answer import JSON, finish
from api.resources.noun import Noun
from api.resources.request import context, enclave

docs = Noun("docs", __name__, description="Tài liệu · Documents")
HTML = "text/html; charset=utf-8"
CSS = "text/css; charset=utf-8"
_PAGE = {"type": "string"}
_CODE = {
    "in": "path",
    "name": "code",
    "required": True,
    "schema": {"type": "string"},
    "example": "stale",
    "description": "A problem code.",
}
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem; }
.banner { border: 2px solid; padding: .5rem 1rem; font-weight: 600; }
section { border-top: 1px solid; margin-top: 1.5rem; }
code, pre { font-family: ui-monospace, monospace; }
pre { overflow-x: auto; border: 1px solid; padding: .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid; padding: .25rem .5rem; }
"""


@docs.call("/openapi.json", answers={"type": "object"}, access="open")
def openapi() -> Response:
    """Mô tả OpenAPI 3.1 · This API as OpenAPI 3.1."""
    return finish(cast("bytes", current_app.extensions["socai-openapi"]), JSON)


@docs.call("/docs", answers=_PAGE, produces=HTML, access="open")
def readable() -> Response:
    """Tài liệu đọc được · This API as a page to read."""
    spec: dict[str, Any] = current_app.extensions["socai-spec"]
    parts = [
        f"<p>{escape(spec['info']['description'])}</p>",
        '<p><a href="/openapi.json">/openapi.json</a> · <a href="/problems">/problems</a></p>',
    ]
    for path, calls in spec["paths"].items():
        for method, call in calls.items():
            if method in ("get", "post"):
                parts.append(_call_section(path, method, call))
    return _page("socai API", "".join(parts))


@docs.call("/docs/style.css", answers=_PAGE, produces=CSS, access="open")
def style() -> Response:
    """Kiểu trình bày của các trang này · The style of these pages."""
    return finish(_STYLE.encode(), CSS)


@docs.call("/problems", answers=_PAGE, produces=HTML, access="open")
def every_problem() -> Response:
    """Mọi mã lỗi · Every problem code."""
    lang = context().lang
    rows = "".join(
        f'<tr><td><a href="/problems/{kind.code}"><code>{kind.code}</code></a></td>'
        f"<td>{kind.status}</td><td>{escape(kind.title[lang])}</td></tr>"
        for kind in TYPES.values()
    )
    return _page("Mã lỗi" if lang == "vi" else "Problems", f"<table>{rows}</table>")


@docs.call(
    "/problems/<code>",
    answers=_PAGE,
    produces=HTML,
    access="open",
    problems=("not_found",),
    parameters=(_CODE,),
)
def one_problem(code: str) -> Response:
    """Giải thích một mã lỗi · What a problem means and what to do next."""
    kind = TYPES.get(code)
    if kind is None:
        raise Problem("not_found")
    return _page(kind.code, _problem_section(kind, "vi") + _problem_section(kind, "en"))


def _problem_section(kind: ProblemType, lang: Any) -> str:  # noqa: ANN401  a Lang
    recorded = {
        "nothing": ("Không ghi gì.", "Nothing is recorded."),
        "yes": ("Hành vi đã được ghi.", "The act is recorded."),
        "unknown": (
            "Có thể đã ghi hoặc chưa; gửi lại đúng các byte đó để biết.",
            "It may or may not be recorded; send the same bytes to learn it.",
        ),
    }[kind.recorded][0 if lang == "vi" else 1]
    return (
        f'<section lang="{lang}"><h2>{escape(kind.title[lang])}</h2>'
        f"<p>HTTP {kind.status} · <code>{kind.code}</code></p>"
        f"<p>{escape(recorded)}</p><p>{escape(kind.step[lang])}</p></section>"
    )


def _call_section(path: str, method: str, call: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{status}</td><td>{escape(response.get('description', ''))}</td></tr>"
        for status, response in sorted(call["responses"].items())
    )
    names = "".join(_parameter_row(parameter) for parameter in call.get("parameters", []))
    fields = f"<table>{names}</table>" if names else ""
    return (
        f'<section id="{call["operationId"]}"><h2><code>{method.upper()} {escape(path)}</code></h2>'
        f"<p>{escape(call.get('summary', ''))}</p><p>{escape(call.get('description', ''))}</p>"
        f"{fields}<table>{rows}</table></section>"
    )


def _parameter_row(parameter: dict[str, Any]) -> str:
    if "name" not in parameter:
        return ""
    need = "*" if parameter.get("required") else ""
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code>{need}</td>"
        f"<td>{parameter['in']}</td><td>{escape(parameter.get('description', ''))}</td></tr>"
    )


def _page(title: str, inner: str) -> Response:
    lang = context().lang
    banner = ""
    if enclave().facts.rehearsal:
        words = (
            "SỔ DIỄN TẬP: không phải dữ liệu thật" if lang == "vi" else "REHEARSAL: not real data"
        )
        banner = f'<p class="banner">{words}</p>'
    page = (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)} · socai</title><link rel="stylesheet" href="/docs/style.css">'
        f"<body>{banner}<main><h1>{escape(title)}</h1>{inner}</main>{banner}</body></html>"
    )
    return finish(
        page.encode(),
        HTML,
        headers={"Content-Language": lang, "Content-Security-Policy": _POLICY},
    )
