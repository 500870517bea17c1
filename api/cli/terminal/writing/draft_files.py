"""Drafts of acts in files: YAML or JSON as people write it, and a template with labels to fill in.

Text is text: no date, no `no` and no number with a colon becomes something else (YAML 1.2's plain
rules), and no member is said twice. Not: what a member means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Final, NamedTuple

import orjson
import yaml  # type: ignore[import-untyped]

from api.cli.terminal.shell import misuse, visible
from api.cli.terminal.typed_values import SIGNED, SIGNED_ALREADY, saved_text
from api.cli.terminal.writing.answers import kind_of
from api.client.act_form import FormField, label_of
from api.texts.catalogue import translate
from api.texts.lang import Lang
from ledger.message import Message

Json = Mapping[str, Any]
MOST_BYTES: Final = 1 << 20
_PLAIN: Final = re.compile(r"[^\W\d_][\w ./,()+-]*", re.UNICODE)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Maps, lists, texts, whole numbers, true, false and nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  yaml's
        """A map whose keys are different. Raises: yaml.YAMLError."""
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"{key} twice", problem_mark=node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Without aliases, by which a few lines could stand for gigabytes, and without tags."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.tag is not None:
            raise yaml.MarkedYAMLError(problem="no value", problem_mark=event.start_mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"true|false", "tf"),
    ("tag:yaml.org,2002:int", r"-?(?:0|[1-9]\d{0,17})", "-0123456789"),  # longer is a text
    ("tag:yaml.org,2002:null", r"|~|null", ["", "~", "n"]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$", re.ASCII), list(_first))


class DraftFile(NamedTuple):
    """What a file says, and where each of it stands there."""

    members: dict[str, Any]
    root: yaml.Node | None = None

    def line(self, *path: str) -> Message | str:
        """Where a member stands, or the nearest that it is in; empty where that is not known."""
        node = self.root
        for step in path:
            below = _below(node, step)
            if below is None:
                break
            node = below
        return "" if node is None else Message(" (line {line})", line=node.start_mark.line + 1)


def _below(node: yaml.Node | None, step: str) -> yaml.Node | None:
    match node:
        case yaml.MappingNode():
            return next((value for key, value in node.value if key.value == step), None)
        case yaml.SequenceNode() if step.isdecimal() and int(step) < len(node.value):
            found: yaml.Node = node.value[int(step)]
            return found
        case _:
            return None


def read(file: IO[bytes], name: str) -> DraftFile:
    """The draft in a file; a wrong one ends the command with one sentence."""
    data = file.read(MOST_BYTES + 1)
    try:
        text = saved_text(data).decode()
        found, root = _loaded(text) if len(data) <= MOST_BYTES else (None, None)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        misuse(
            Message(
                "Nothing was signed: {file} is no draft in YAML or JSON{place}. A text with a colon"
                " in it, or with a sign at its beginning, stands in quotes, and lines are indented"
                " by blanks, not by tabs. A draft to fill in: socai act new ACT --template",
                file=name,
                place=_place(error),
            )
        )
    if isinstance(found, dict) and found.keys() == SIGNED:
        misuse(SIGNED_ALREADY)
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        misuse(
            Message(
                "Nothing was signed: {file} has no members of an act; one to fill in: socai act new"
                " ACT --template",
                file=name,
            )
        )
    return DraftFile(found, root)


def _loaded(text: str) -> tuple[Any, yaml.Node | None]:
    """What a text says, and how it is laid out. Raises: yaml.YAMLError."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return None if root is None else loader.construct_document(root), root
    finally:
        loader.dispose()


def _place(error: Exception) -> Message | str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else Message(" (line {line})", line=mark.line + 1)


def template(
    kind: Json,
    known: Json,
    fields: Sequence[FormField],
    lang: Lang,
    *,
    told: Sequence[str],
    usual: Mapping[tuple[str, ...], str],
) -> str:
    """A draft to be filled in: what is known stands there, what is not needed is commented out.

    Args:
        kind: The act type.
        known: Members that are filled in.
        fields: What may be said.
        lang: Of labels.
        told: Lines at its beginning.
        usual: What is filled in for a member that is needed, by its path.
    """
    lines = [f"# {kind[lang]} ({kind['act']})", *(f"# {line}" for line in told), ""]
    lines += [f"{name}: {_scalar(value)}" for name, value in known.items()]
    facts = [field for field in fields if field.path[0] == "facts"]
    for field in fields:
        if field.path[0] != "facts":
            lines += ["", *_member(field, lang, usual)]
    lines += ["", "facts:"]
    for field in facts:
        told_ = _member(field, lang, usual)
        lines += [f"  {line}".rstrip() for line in told_]
    return "".join(f"{_one_line(line)}\n" for line in lines)


def _one_line(text: str) -> str:
    """As it is said beside a member: a name that a server gives begins no line of the draft."""
    return visible(text.replace("\n", " "))


def _member(field: FormField, lang: Lang, usual: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    name, schema = field.path[-1], field.schema
    needed = Message("needed") if field.required else Message("may be left out")
    yield f"# {field.label(lang)} ({translate(needed, lang)})"
    for one in schema.get("oneOf", ()) or schema.get("items", {}).get("oneOf", ()):
        yield f"#   {one['const']}: {label_of(one, lang)}"
    off = "" if field.required else "# "
    value = usual.get(field.path)
    if value:
        listed = kind_of(schema) == "list"
        yield f"{name}: [{_scalar(value)}]" if listed else f"{name}: {_scalar(value)}"
    else:
        yield from (f"{off}{line}" for line in _blank(name, schema, lang))


def _blank(name: str, schema: Json, lang: Lang) -> Iterator[str]:
    """The member without a value, with those below it."""
    match kind_of(schema):
        case "object":
            yield f"{name}:"
            yield from (f"  {line}" for line in _members(schema, lang))
        case "list" if kind_of(schema["items"]) == "object":
            yield f"{name}:"
            mark = "- "
            for line in _members(schema["items"], lang):
                yield f"  {mark}{line}"
                mark = "  "
        case "list":
            yield f"{name}: []"
        case _:
            yield f"{name}:"


def _members(schema: Json, lang: Lang) -> Iterator[str]:
    needed = set(schema.get("required", ()))
    for name, member in schema["properties"].items():
        choices = ", ".join(one["const"] for one in member.get("oneOf", ()))
        told = label_of(member, lang, name) + (f": {choices}" if choices else "")
        mark = "" if name in needed else " -"
        yield f"{name}:  #{mark} {told}"


def _scalar(value: object) -> str:
    """A value as YAML and JSON both read it; a plain word as it is."""
    if (
        isinstance(value, str)
        and _PLAIN.fullmatch(value)
        and value not in ("true", "false", "null")
    ):
        return value
    return orjson.dumps(value).decode()
