"""What the OpenAPI document says beside its calls, and the form in which generators take it best.

`flask-smorest` writes calls and schemas. Here the words that many members share become schemas
with a name, what nobody refers to goes, and paths, components and keys get one order, so that two
builds give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from api.http.framework.responses import encode
from api.http.schemas.enumerations import ENUMERATIONS, MARK

Json = dict[str, Any]
INFO: Final[Mapping[str, Any]] = {
    "summary": "Sổ cái diễn biến · The ledger of agency acts",
    "description": Path(__file__).with_name("introduction.md").read_text("utf-8").strip(),
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "contact": {"name": "Người vận hành sổ · Whoever operates the enclave"},
}
SERVERS: Final = ({"url": "/", "description": "Enclave này · The enclave that serves this page"},)
_REFERENCE: Final = "#/components/"
_PRUNED: Final = ("schemas", "responses", "parameters", "headers", "examples")


HEAD: Final[Mapping[str, Any]] = {
    "info": dict(INFO),
    "servers": list(SERVERS),
}
"""What stands in the document before its calls."""


def finished(spec: Mapping[Any, Any]) -> Json:
    """The document as it is served.

    Args:
        spec: As flask-smorest and apispec wrote it.
    """
    plain: Json = orjson.loads(encode(_texts(spec)))
    plain = _enumerations_named(plain)
    plain["paths"] = dict(sorted(plain["paths"].items()))
    for tag in plain["tags"]:
        tag["x-displayName"] = tag["description"]
    while _without_unused(plain["components"], set(references(plain))):
        pass
    for kind in plain["components"].values():
        for name in sorted(kind):
            kind[name] = kind.pop(name)
    return plain


_CITED: Final = re.compile(r"\b(formats|http|access)\.md §(\d+)")
"""As the code cites the specification; whoever reads the document gets an address that opens."""


def _texts(value: Any) -> Any:  # noqa: ANN401  any JSON
    """With plain strings for keys: statuses are numbers until here."""
    if isinstance(value, Mapping):
        return {str(name): _texts(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(inner) for inner in value]
    return _CITED.sub(r"/spec/\1#s\2", value) if isinstance(value, str) else value


def _enumerations_named(spec: Json) -> Json:
    named: Json = _referring(spec)
    schemas = named["components"]["schemas"]
    for name, enumeration in ENUMERATIONS.items():
        schemas[name] = _texts(enumeration.schema())
    return named


def _referring(value: Any) -> Any:  # noqa: ANN401  any JSON
    """With a reference wherever a member says which enumeration its words are."""
    if isinstance(value, list):
        return [_referring(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if MARK not in value:
        return {name: _referring(inner) for name, inner in value.items()}
    reference = {"$ref": f"{_REFERENCE}schemas/{value[MARK]}"}
    body = {name: value[name] for name in ("description",) if name in value}
    if None in value["enum"]:
        return {"anyOf": [reference, {"type": "null"}], **body}
    return {**reference, **body}


def references(value: Any, member: str = "$ref") -> Iterator[str]:  # noqa: ANN401  any JSON
    """Every text that stands in a member of this name, however deep."""
    if isinstance(value, dict):
        if isinstance(value.get(member), str):
            yield value[member]
        for inner in value.values():
            yield from references(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner, member)


def _without_unused(components: Json, used: set[str]) -> bool:
    """Takes away what nothing refers to; whether there was any."""
    found = False
    for kind in _PRUNED:
        for name in [n for n in components[kind] if f"{_REFERENCE}{kind}/{n}" not in used]:
            del components[kind][name]
            found = True
    return found
