"""The form of an act type, as the served catalogue has it: each member with its schema and label.

One for all types: a member of formats.md §2 and a fact are told alike, by a JSON Schema. Not: who
asks, and what a rule makes of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.texts.case_words import PRECISIONS
from api.texts.catalogue import both
from ledger.json_pointer import child
from ledger.message import Text, meaning
from ledger.regulation.act_in_words import BASIS_WORDS
from ledger.regulation.acts.channels import CHANNEL_WORDS
from ledger.regulation.edition import PROCEDURE

Json = Mapping[str, Any]
PROVISION: Final = frozenset({"instrument", "article", "clause", "point", "role"})
"""Members of a provision: it is written on one line."""
CIRCULATION: Final[Mapping[str, Text]] = {
    "INTERNAL": meaning("circulation", "internal"),
    "PUBLIC": meaning("circulation", "public"),
}
ENDS: Final = frozenset({"answer_by", "report_by", "review_at", "end_at", "until", "valid_to"})
"""Moments up to which something runs: of a day alone its last, as of members that are days."""
_DOCUMENT: Final = ("number", "symbol", "type", "date", "abstract")


@dataclass(frozen=True, slots=True)
class FormField:
    """One member of an act that is asked for.

    Attributes:
        path: Where it stands, e.g. `("facts", "summary")`.
        schema: Its JSON Schema, with `title` and `title_en`.
        required: Whether an act of this type must have it.
    """

    path: tuple[str, ...]
    schema: Json
    required: bool = False

    @property
    def pointer(self) -> str:
        """As a JSON Pointer into the act."""
        pointer = ""
        for name in self.path:
            pointer = child(pointer, name)
        return pointer

    def label(self, lang: str) -> str:
        """What it is called."""
        return label_of(self.schema, lang, self.path[-1])

    def holds(self, pointer: str) -> bool:
        """Whether a fault is of this member."""
        return pointer == self.pointer or pointer.startswith(f"{self.pointer}/")


def label_of(schema: Json, lang: str, name: str = "") -> str:
    """The label of a schema in a language, as it begins: what it is, without what explains it."""
    told = str(schema.get("title" if lang == "vi" else "title_en") or name)
    for mark in (": ", "; "):
        told = told.partition(mark)[0]
    return told


def fields_of(kind: Json, catalogue: Json) -> list[FormField]:
    """Every member that a person may say, those that are needed first.

    Args:
        kind: The act type, of `acts` of the catalogue.
        catalogue: As served.
    """
    facts: Json = kind["facts"]
    needed = set(facts["required"])
    told = [
        FormField(("facts", name), {**_ending(name, schema), **_usual(name)}, name in needed)
        for name, schema in facts["properties"].items()
    ]
    frame = list(_frame(kind, catalogue))
    first = [one for one in frame if one.required and one.path == ("disposition",)]
    later = [one for one in frame if one not in first]
    every = [*first, *told, *later]
    return [*(f for f in every if f.required), *(f for f in every if not f.required)]


def _usual(name: str) -> Json:
    """What is said nearly always: offered, never taken unasked."""
    return {"default": PROCEDURE["instrument"]} if name == "regulation_version" else {}


def _ending(name: str, schema: Json) -> Json:
    """The schema, with what says that a moment is an end wherever one stands in it."""
    if schema.get("format") == "date-time":
        return {**schema, "kind": "end"} if name in ENDS else schema
    below: dict[str, Any] = {}
    if "items" in schema:
        below["items"] = _ending(name, schema["items"])
    if "properties" in schema:
        members = schema["properties"].items()
        below["properties"] = {one: _ending(one, member) for one, member in members}
    return {**schema, **below}


def _frame(kind: Json, catalogue: Json) -> Iterator[FormField]:
    """Members of formats.md §2 beside the facts."""
    labels, branches = catalogue["members"], catalogue["dispositions"]
    if kind["dispositions"]:
        schema = _coded({code: branches.get(code, {}) for code in kind["dispositions"]})
        yield FormField(("disposition",), _called(schema, labels, "disposition"), required=True)
    addressed = {"type": "array", "items": {"kind": "addressee", "functions": kind["to"]}}
    yield FormField(("to",), _called(addressed, labels, "to"), required=bool(kind["to"]))
    basis = {"type": "array", "items": _provision(labels)}
    yield FormField(("basis",), _called(basis, labels, "basis"), required=kind["restrictive"])
    files = {"type": "array", "items": {"kind": "file"}}
    for name, schema in {
        "attachments": files,
        "document": _document(labels),
        "channel": _one_of(CHANNEL_WORDS),
        "refers_to": {"acts": []},
        "corrects": {"acts": []},
        "occurred_at": {"format": "date-time", "kind": "happened"},
        "precision": _one_of(PRECISIONS),
        "late_reason": {"type": "string", "text": True},
        "circulation": _one_of(CIRCULATION),
    }.items():
        yield FormField((name,), _called(schema, labels, name))


def _provision(labels: Json) -> Json:
    members = {name: _called({"type": "string"}, labels, name) for name in PROVISION - {"role"}}
    return {
        "type": "object",
        "properties": {**members, "role": _one_of(BASIS_WORDS)},
        "required": ["instrument", "article", "role"],
    }


def _document(labels: Json) -> Json:
    members = {name: _called({"type": "string"}, labels, name) for name in _DOCUMENT}
    members["date"] = {**members["date"], "format": "date"}
    return {"type": "object", "properties": members, "required": list(_DOCUMENT)}


def _one_of(words: Mapping[str, Text]) -> Json:
    return _coded({code: both(text) for code, text in words.items()})


def _coded(words: Mapping[str, Json]) -> Json:
    told = ((code, text.get("vi", code), text.get("en", code)) for code, text in words.items())
    return {"oneOf": [{"const": code, "title": vi, "title_en": en} for code, vi, en in told]}


def _called(schema: Json, labels: Json, name: str) -> dict[str, Any]:
    told = labels.get(name, {})
    return {**schema, "title": told.get("vi", name), "title_en": told.get("en", name)}


def value_at(members: Json, path: Sequence[str]) -> Any:  # noqa: ANN401  JSON
    """What an act has at a path; None where it has nothing there."""
    found: Any = members
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found
