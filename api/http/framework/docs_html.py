"""The readable page of this API: calls by noun, with parameters, bodies, answers and problems.

Made from the OpenAPI document alone; everything on it is escaped, nothing comes from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

import orjson

from api.problems.problem import CONTENT_TYPE

Spec = Mapping[str, Any]
_CODE: Final = re.compile(r"`([^`]+)`")
_PROBLEMS: Final = "4"
_LAST: Final = ("health", "docs")


def page(spec: Spec) -> str:
    """The inside of the page."""
    nouns = [tag["name"] for tag in spec["tags"]]
    nouns.sort(key=lambda name: name in _LAST)
    words = {tag["name"]: tag["description"] for tag in spec["tags"]}
    by_noun = {name: list(_calls(spec, name)) for name in nouns}
    contents = "".join(_contents(words[name], calls) for name, calls in by_noun.items() if calls)
    sections = "".join(
        f"<h2>{escape(words[name])}</h2>" + "".join(_section(spec, *call) for call in calls)
        for name, calls in by_noun.items()
        if calls
    )
    return (
        f"<p>{_text(spec['info']['description'])}</p>"
        '<p><a href="/openapi.json">/openapi.json</a> · <a href="/problems">/problems</a></p>'
        f"<nav>{contents}</nav>{sections}"
    )


def _calls(spec: Spec, noun: str) -> Iterator[tuple[str, str, Spec]]:
    for path, calls in spec["paths"].items():
        for method, call in calls.items():
            if method in ("get", "post") and noun in call["tags"]:
                yield path, method, call


def _contents(title: str, calls: list[tuple[str, str, Spec]]) -> str:
    links = "".join(
        f'<li><a href="#{call["operationId"]}">{_address(path, method)}</a></li>'
        for path, method, call in calls
    )
    return f"<h3>{escape(title)}</h3><ul>{links}</ul>"


def _address(path: str, method: str) -> str:
    return f"<code>{method.upper()} {escape(path)}</code>"


def _section(spec: Spec, path: str, method: str, call: Spec) -> str:
    parts = [
        f'<section id="{call["operationId"]}"><h3>{_address(path, method)}</h3>',
        f"<p>{_text(call.get('summary', ''))}</p>",
        f"<p>{_text(call['description'])}</p>" if call.get("description") else "",
        "<p>Bearer.</p>" if {"bearer": []} in call.get("security", ()) else "",
        _parameters(spec, call),
        _sent(call),
    ]
    answers = sorted(call["responses"].items())
    parts += [_answer(spec, status, told) for status, told in answers if status < _PROBLEMS]
    refused = (_problem(spec, status, told) for status, told in answers)
    return "".join(parts) + f"<p>{' · '.join(filter(None, refused))}</p></section>"


def _parameters(spec: Spec, call: Spec) -> str:
    rows = ""
    for given in call.get("parameters", ()):
        parameter = _resolved(spec, given)
        need = " *" if parameter.get("required") else ""
        example = parameter.get("example")
        shown = "" if example is None else f"<code>{escape(str(example))}</code>"
        rows += (
            f"<tr><td><code>{escape(parameter['name'])}</code>{need}</td>"
            f"<td>{parameter['in']}</td><td>{_text(parameter.get('description', ''))}</td>"
            f"<td>{shown}</td></tr>"
        )
    return f"<table>{rows}</table>" if rows else ""


def _sent(call: Spec) -> str:
    content = call.get("requestBody", {}).get("content", {})
    return "".join(
        f"<p><code>{escape(kind)}</code></p>{_example(told.get('example'))}"
        for kind, told in content.items()
    )


def _answer(spec: Spec, status: str, given: Spec) -> str:
    response = _resolved(spec, given)
    content = response.get("content", {})
    kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in content)
    example = next((told["example"] for told in content.values() if "example" in told), None)
    said = _text(response.get("description", ""))
    return f"<p>{status} {said} {kinds}</p>{_example(example)}"


def _problem(spec: Spec, status: str, given: Spec) -> str:
    content = _resolved(spec, given).get("content", {})
    if status < _PROBLEMS or CONTENT_TYPE not in content:
        return ""
    codes = " ".join(
        f'<a href="/problems/{code}"><code>{code}</code></a>'
        for code in content[CONTENT_TYPE]["examples"]
    )
    return f"{status} {codes}"


def _example(value: Any) -> str:  # noqa: ANN401  any JSON
    if value is None:
        return ""
    text = (
        value
        if isinstance(value, str)
        else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    )
    return f"<details><summary>Ví dụ · Example</summary><pre>{escape(text)}</pre></details>"


def _resolved(spec: Spec, given: Spec) -> Spec:
    if "$ref" not in given:
        return given
    _, _, kind, name = given["$ref"].split("/")
    found: Spec = spec["components"][kind][name]
    return found


def _text(words: str) -> str:
    """Escaped; what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(words))
