"""What every shape shares: unknown members refused, documented fields, the rehearsal's mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from keys.unambiguous_json import MAX_INTEGER

UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
BEGINNING: Final = r"[0-9a-f]{6,8}(?:-[0-9a-f]{0,4}){0,3}(?:-[0-9a-f]{0,12})?"
"""How a uuid begins, of which six digits at least are said."""
DIGEST: Final = r"[A-Za-z0-9_-]{43}"
_YEAR: Final = r"(?:19|2[0-9])[0-9]{2}"
_LEAP: Final = r"(?:(?:19|2[0-9])(?:0[48]|[2468][048]|[13579][26])|2[048]00)"
DAY: Final = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
"""A day that exists, from 1900 to 2999: the server refuses exactly what the document does."""
_CLOCK: Final = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_OFFSET: Final = r"(?:\+(?:0[0-9]|1[0-4])|-(?:0[1-9]|1[0-2])):[0-5][0-9]"
OFFSET_TIME: Final = rf"{DAY}{_CLOCK}{_OFFSET}"
"""A moment as acts write it: seconds, no fraction, a numeric offset (formats.md §1)."""
PAST: Final = rf"{DAY}(?:{_CLOCK}(?:{_OFFSET}|\.[0-9]{{3}}Z))?"
"""A moment of the past as people and answers write it: a day, an act's time, a `recorded_at`."""
DUE: Final = rf"{DAY}(?:{_CLOCK}{_OFFSET})?"
"""A day, which means its end, or a moment as acts write it."""
AS_OF: Final = rf"(0|[1-9][0-9]{{0,15}}|{PAST})"
"""An index, or a moment of the past."""
AGENCY: Final = r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
UUIDS: Final = rf"{UUID}(,{UUID}){{0,49}}"
_A_UUID: Final = "5d0b6a7e-52f4-4f0e-8c55-0f6b8a4f9d10"
_A_TIME: Final = "2024-06-04T08:12:00+07:00"
#: What whoever writes a form wrongly is told to write.
LIKE: Final[Mapping[str, str]] = {
    DAY: "2024-06-04",
    OFFSET_TIME: _A_TIME,
    DUE: f"2024-06-04 | {_A_TIME}",
    AS_OF: f"41 | 2024-06-04 | {_A_TIME}",
    AGENCY: "bacninh.stttt",
    UUID: _A_UUID,
    UUIDS: f"{_A_UUID},{_A_UUID}",
}
MOMENT: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
MAX_INDEX: Final = MAX_INTEGER
MAX_LIMIT: Final = 200


class StrictSchema(Schema):
    """A shape that refuses what it does not name."""

    class Meta:
        """No member passes unread."""

        unknown = RAISE


class AnswerSchema(StrictSchema):
    """A JSON answer; in a rehearsal every one of them says so."""

    rehearsal = fields.Boolean(
        metadata={"description": "True in a rehearsal, left out elsewhere. Chỉ có ở sổ diễn tập."}
    )


def text(description: str, *, required: bool = False, **more: Any) -> fields.String:  # noqa: ANN401  marshmallow's own options
    """A string field."""
    example = more.pop("example", None)
    metadata = {"description": description} | ({"example": example} if example else {})
    return fields.String(required=required, metadata=metadata, **more)


def pattern(
    expression: str,
    description: str,
    *,
    required: bool = False,
    name: str | None = None,
) -> fields.String:
    """A string of one form, the whole of it (a final newline included in what is refused).

    Args:
        expression: Its form.
        description: What it means.
        required: Whether it must be there.
        name: How it is called in the request, where that is no name of Python.
    """
    refusal = f"Must look like {LIKE[expression]}." if expression in LIKE else None
    return fields.String(
        required=required,
        data_key=name,
        validate=validate.Regexp(rf"^{expression}\Z", error=refusal),
        metadata={"description": description, "pattern": f"^{expression}$"},
    )


def form_of(field: fields.Field[Any]) -> str:
    """The expression that a field was made with by `pattern`; empty where by none."""
    return str(field.metadata.get("pattern", "")).removeprefix("^").removesuffix("$")


def maybe(description: str) -> fields.String:
    """A text that is always there, null where there is none yet."""
    return fields.String(required=True, allow_none=True, metadata={"description": description})


def part(shape: type[Schema], description: str = "") -> fields.Nested:
    """A nested part that is always there, null where there is none yet."""
    metadata = {"description": description} if description else {}
    return fields.Nested(shape, required=True, allow_none=True, metadata=metadata)


def several(what: type[Schema] | fields.Field[Any], description: str) -> fields.List[Any]:
    """A list that is always there, empty where there is nothing."""
    inner = what if isinstance(what, fields.Field) else fields.Nested(what)
    return fields.List(inner, required=True, metadata={"description": description})


def texts(description: str) -> fields.List[Any]:
    """A list of texts that is always there."""
    return several(fields.String(), description)


def yes_or_no(description: str) -> fields.Boolean:
    """A truth that is always told."""
    return fields.Boolean(required=True, metadata={"description": description})


def choice(among: tuple[str, ...], description: str, *, required: bool = False) -> fields.String:
    """One of a few words that only this member has; words that many share are an `Enumeration`."""
    return fields.String(
        required=required, validate=validate.OneOf(among), metadata={"description": description}
    )


def number(description: str) -> fields.Integer:
    """A whole number that is always there."""
    return fields.Integer(required=True, metadata={"description": description})


def maybe_number(description: str) -> fields.Integer:
    """A whole number that is always there, null where there is none."""
    return fields.Integer(required=True, allow_none=True, metadata={"description": description})


def whole(
    description: str,
    *,
    required: bool = False,
    low: int = 0,
    high: int = MAX_INDEX,
    default: int | None = None,
) -> fields.Integer:
    """A whole number within bounds; in a query plain digits only."""
    more: dict[str, Any] = {} if default is None else {"load_default": default}
    return StrictInteger(
        required=required,
        validate=validate.Range(low, high),
        metadata={"description": description},
        **more,
    )


class StrictInteger(fields.Integer):
    """`12`, never ` +1_2 `."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ANN401  marshmallow's signature
        if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 17):  # noqa: PLR2004  below 2**53
            raise self.make_error("invalid", input=value)
        if isinstance(value, bool | float):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class ProjectedSchema(StrictSchema):
    """Query of a call answered from a view (http.md §6)."""

    at_least = whole(
        "Answer only once the view has folded this index; with `Prefer: wait=<s>` wait for it."
    )


class PageSchema(ProjectedSchema):
    """Query of a listing."""

    limit = whole("Rows a page, at most 200.", low=1, high=MAX_LIMIT, default=50)
    cursor = fields.String(
        validate=validate.Length(1, 1024),
        metadata={"description": "`next` of the page before, with the same filters."},
    )


class ListingSchema(AnswerSchema):
    """What every listing has beside its rows."""

    index = whole(
        "The snapshot: this listing shows the log up to here (-1: empty).", required=True, low=-1
    )
    next = text("Cursor of the next page; left out on the last.")
