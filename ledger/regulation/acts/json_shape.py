"""Compiled checks for JSON objects: what fits is cheap, what does not yields every flaw at once.

The language of the specifications is that of `data/acts.json` (type, format, enum, of, fields,
required); `act.py` describes the payload in it, `catalogue.py` the facts of each act type. Nothing
here knows what a member means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from ledger.json_pointer import child
from ledger.message import Message, Text

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
AGENCY_ID = r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
DIGEST = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
"""b64 of 32 bytes: the unused bits of the last character are zero (formats.md §1)."""
STREAM = rf"(?:case/{UUID4}|agency/{AGENCY_ID}|officer/{UUID4}|programme/{AGENCY_ID}|ledger)"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?!-00:00)[+-]\d\d:\d\d"
LOG = r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?/(?:ordinary|mat|toi-mat|tuyet-mat)(?:/access)?"

# ASCII digits only, `\d` of a str pattern would take Arabic-Indic ones too
_FLAGS = re.ASCII
_FIRST, _LAST = "1900", "2999"
_time = re.compile(TIME, _FLAGS).fullmatch
_date = re.compile(r"\d{4}-\d\d-\d\d", _FLAGS).fullmatch
_token = re.compile(rf"sealed:{UUID4}", _FLAGS).fullmatch
_uuid = re.compile(UUID4, _FLAGS).fullmatch
_blank = re.compile(
    r"[\s\u00ad\u115f\u1160\u200b-\u200f\u2060-\u2064\u2800\u3164\ufeff\uffa0]*"
).fullmatch


class Flaw(NamedTuple):
    """One thing that does not fit: a pointer relative to the value, and what is wrong with it."""

    path: str
    text: Text


Check = Callable[[object], list[Flaw] | None]
"""None where the value fits, else every flaw of it."""
Texts = Callable[[Any, str, list[tuple[str, str]]], None]
"""Appends (pointer, text) of each free text below a value that has passed its check."""


def parse_time(text: str) -> datetime:
    """RFC 3339 with seconds, no fraction and a numeric offset, as written (formats.md §1).

    Raises:
        ValueError: Another form, or no such moment.
    """
    if _time(text) is None:
        raise ValueError(f"not a time of formats.md §1: {text!r}")
    return datetime.fromisoformat(text)


def fmt_time(at: datetime) -> str:
    """The inverse of `parse_time`; fractions of a second are cut off.

    Raises:
        ValueError: `at` has no offset.
    """
    if at.tzinfo is None:
        raise ValueError("a time without an offset names no moment")
    return at.isoformat(timespec="seconds")


def parse_date(text: str) -> date:
    """YYYY-MM-DD and nothing else. Raises: ValueError."""
    if _date(text) is None:
        raise ValueError(f"not a date: {text!r}")
    return date.fromisoformat(text)


def one(text: Text) -> list[Flaw]:
    """A single flaw of the value itself."""
    return [Flaw("", text)]


MISSING = Message("required member is missing")
UNKNOWN = one(Message("no such member here"))
NOT_OBJECT = one(Message("must be an object"))
NOT_LIST = one(Message("must be a list"))
NOT_STRING = one(Message("must be a string"))
NOT_INT = one(Message("must be an integer"))
NOT_BOOL = one(Message("must be true or false"))
BLANK = one(Message("must not be blank"))
EMPTY = one(Message("the list must not be empty"))
NOT_TIME = one(
    Message(
        "must be a time of 1900-2999 with seconds and an offset, e.g. 2024-06-04T08:12:00+07:00"
    ),
)
NOT_DATE = one(
    Message("must be a real date of 1900-2999, YYYY-MM-DD"),
)
NUL = one(Message("must not hold the character U+0000"))
NOT_TOKEN = one(Message("must be a token sealed:<uuid>"))
NOT_REF = one(Message("must be the act_id of an act (UUIDv4)"))
PERIOD = Message("period_from is after period_to")

FORMATS: Mapping[str, tuple[str, Message]] = {
    "uuid": (UUID4, Message("a UUIDv4 in lower case")),
    "officer": (UUID4, Message("an officer id (UUIDv4 in lower case)")),
    "kid": (DIGEST, Message("a key id: 43 characters of base64url")),
    "digest": (
        rf"(?:sha-256:)?{DIGEST}",
        Message("a SHA-256 digest in base64url"),
    ),
    "agency": (AGENCY_ID, Message("an agency id of the registry")),
    "function": (r"[A-Z][A-Z0-9_]{1,62}", Message("a function code")),
    "instrument": (r"\S(?:[^\x00-\x1f]{0,118}\S)?", Message("an official number")),
    "log": (LOG, Message("a log origin <deployment>/<level>")),
    "stream": (STREAM, Message("a stream name, e.g. case/<uuid>")),
    "vkey": (
        r"[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{1,3000}={0,2}",
        Message("a key of a log, name+hex+base64"),
    ),
    "note_signature": (
        r"[A-Za-z0-9_-]{91}",
        Message("key id and signature in base64url"),
    ),
    "url": (
        r"https?://[^\s/?#@]+(?:[/?#]\S{0,2000})?",
        Message("a public http(s) address"),
    ),
}


def text(*, required: bool) -> Check:
    """A string; a required one is not blank. U+0000 is text in no database column."""

    def check(value: object) -> list[Flaw] | None:
        if type(value) is not str:
            return NOT_STRING
        if required and not "!" <= value[:1] <= "~" and _blank(value):
            return BLANK
        return NUL if "\0" in value else None

    return check


def pattern(expression: str, what: Message) -> Check:
    """A string that an expression matches as a whole."""
    fits = re.compile(expression, _FLAGS).fullmatch
    flaws = one(Message("must be {what}", what=what))

    def check(value: object) -> list[Flaw] | None:
        if type(value) is not str:
            return NOT_STRING
        return None if fits(value) else flaws

    return check


def one_of(values: Iterable[str]) -> Check:
    """A string out of a closed set."""
    listed = tuple(values)
    known = frozenset(listed)
    shown = ", ".join(listed)
    flaws = one(Message("must be one of: {shown}", shown=shown))

    def check(value: object) -> list[Flaw] | None:
        if type(value) is not str:
            return NOT_STRING
        return None if value in known else flaws

    return check


def known_to(values: Iterable[str], what: Message) -> Check:
    """A string out of a set that is too long to be listed to whoever misses it."""
    known, flaws = frozenset(values), one(Message("must be {what}", what=what))

    def check(value: object) -> list[Flaw] | None:
        if type(value) is not str:
            return NOT_STRING
        return None if value in known else flaws

    return check


def integer(value: object) -> list[Flaw] | None:
    """An integer; true and false are none."""
    return None if type(value) is int else NOT_INT


def boolean(value: object) -> list[Flaw] | None:
    """True or false."""
    return None if value is True or value is False else NOT_BOOL


def moment(value: object) -> list[Flaw] | None:
    """A time of formats.md §1 that exists, in years that a deadline can be counted from."""
    if type(value) is not str or _time(value) is None or not _FIRST <= value[:4] <= _LAST:
        return NOT_TIME
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return NOT_TIME
    return None


def calendar_date(value: object) -> list[Flaw] | None:
    """A date that exists, in years that a deadline can be counted from."""
    if type(value) is not str or _date(value) is None or not _FIRST <= value[:4] <= _LAST:
        return NOT_DATE
    try:
        date.fromisoformat(value)
    except ValueError:
        return NOT_DATE
    return None


def token(value: object) -> list[Flaw] | None:
    """A sealed token."""
    return None if type(value) is str and _token(value) else NOT_TOKEN


def ref(value: object) -> list[Flaw] | None:
    """The form of an act id; whether the act stands in the stream is a guard's question."""
    return None if type(value) is str and _uuid(value) else NOT_REF


def free_object(value: object) -> list[Flaw] | None:
    """An object whose members are another page's matter (a JWK)."""
    return None if type(value) is dict else NOT_OBJECT


def list_of(item: Check, *, may_be_empty: bool) -> Check:
    """A list whose items all fit."""

    def check(value: object) -> list[Flaw] | None:
        if type(value) is not list:
            return NOT_LIST
        if not value:
            return None if may_be_empty else EMPTY
        flaws: list[Flaw] | None = None
        for n, member in enumerate(value):
            found = item(member)
            if found:
                flaws = flaws or []
                flaws.extend(Flaw(f"/{n}{f.path}", f.text) for f in found)
        return flaws

    return check


def object_of(checks: Mapping[str, Check], required: Iterable[str]) -> Check:
    """An object with exactly the members named; `period_from` is never after `period_to`."""
    known = dict(checks)
    needed = frozenset(required)
    ordered = "period_from" in known and "period_to" in known

    def check(value: object) -> list[Flaw] | None:
        if type(value) is not dict:
            return NOT_OBJECT
        try:  # nearly everything fits
            for name, member in value.items():
                if known[name](member) is not None:
                    return _flaws_of(value, known, needed)
        except KeyError:
            return _flaws_of(value, known, needed)
        return _flaws_of(value, known, needed) if ordered or not needed <= value.keys() else None

    return check


def _flaws_of(
    value: dict[str, Any], known: Mapping[str, Check], needed: frozenset[str]
) -> list[Flaw] | None:
    """Every flaw of an object."""
    flaws: list[Flaw] = []
    for name, member in value.items():
        of = known.get(name)
        found = UNKNOWN if of is None else of(member)
        flaws.extend(Flaw(child("", name) + f.path, f.text) for f in found or ())
    flaws.extend(Flaw(child("", name), MISSING) for name in sorted(needed - value.keys()))
    ordered = "period_from" in known and "period_to" in known
    if ordered and not flaws and "period_from" in value and "period_to" in value:
        first, last = value["period_from"], value["period_to"]
        if parse_moment(first) > parse_moment(last):
            flaws = [Flaw("/period_from", PERIOD)]
    return flaws or None


def parse_moment(value: str) -> tuple[str, float]:
    """A sort key for a date or a time, both in the forms above."""
    if len(value) == len("2024-06-04"):
        return (value, 0.0)
    return ("", datetime.fromisoformat(value).timestamp())


def compile_members(
    fields: Mapping[str, Mapping[str, Any]],
    formats: Mapping[str, Check] | None = None,
    empty: frozenset[str] = frozenset(),
) -> Check:
    """Compiles a table of members, as `facts` and `fields` of the catalogue have it.

    Args:
        fields: Name to specification.
        formats: Checks that replace or add to `FORMATS` (codes that other data lists).
        empty: Names of required lists that may be empty.
    """
    checks = {n: compile_member(n, spec, formats or {}, empty) for n, spec in fields.items()}
    return object_of(checks, (n for n, spec in fields.items() if spec.get("required")))


def compile_member(
    name: str, spec: Mapping[str, Any], formats: Mapping[str, Check], empty: frozenset[str]
) -> Check:
    """Compiles one specification. Raises: ValueError: a type or format unknown here."""
    required = bool(spec.get("required"))
    if spec["type"] == "list":
        item = _scalar(spec["of"], spec, formats, empty, required=True)
        return list_of(item, may_be_empty=not required or name in empty)
    return _scalar(spec["type"], spec, formats, empty, required=required)


_PLAIN: Mapping[str, Check] = {
    "int": integer,
    "bool": boolean,
    "datetime": moment,
    "date": calendar_date,
    "token": token,
    "ref": ref,
}


def _scalar(
    kind: str,
    spec: Mapping[str, Any],
    formats: Mapping[str, Check],
    empty: frozenset[str],
    *,
    required: bool,
) -> Check:
    """The check of one value that is no list."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "enum":
        return one_of(spec["enum"])
    if kind == "object":
        fields = spec.get("fields")
        return compile_members(fields, formats, empty) if fields else free_object
    if kind in ("string", "text"):
        form = spec.get("format")
        if form is None:
            return text(required=required)
        return formats[form] if form in formats else pattern(*FORMATS[form])
    raise ValueError(f"unknown type in the data: {kind}")


def compile_texts(fields: Mapping[str, Mapping[str, Any]]) -> Texts | None:
    """Compiles the walk over free text: strings and texts without a format, and addresses (`url`).

    Returns:
        None where nothing below is free text.
    """
    walks = [(n, walk) for n, spec in fields.items() if (walk := _walk(spec)) is not None]
    if not walks:
        return None

    def collect(value: Any, at: str, out: list[tuple[str, str]]) -> None:  # noqa: ANN401 - checked facts
        for name, walk in walks:
            member = value.get(name)
            if member is not None:
                walk(member, f"{at}/{name}", out)

    return collect


def _leaf(value: Any, at: str, out: list[tuple[str, str]]) -> None:  # noqa: ANN401 - checked facts
    out.append((at, value))


def _walk(spec: Mapping[str, Any]) -> Texts | None:
    """The walk below one member."""
    listed = spec["type"] == "list"
    kind = spec["of"] if listed else spec["type"]
    inner: Texts | None = None
    if kind in ("string", "text") and spec.get("format") in (None, "url"):
        inner = _leaf
    elif kind == "object" and spec.get("fields"):
        inner = compile_texts(spec["fields"])
    if inner is None or not listed:
        return inner
    item = inner

    def each(value: Any, at: str, out: list[tuple[str, str]]) -> None:  # noqa: ANN401 - checked facts
        for n, member in enumerate(value):
            item(member, f"{at}/{n}", out)

    return each
