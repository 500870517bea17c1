"""What a person writes for one member of an act, as the act will have it.

Typed or read from a file, it is understood alike: a day as people write days, an act by its place
in the case, an agency by its name, a code by its number in the list or its label. Not: what is
asked, and what a rule makes of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from api.client.act_form import PROVISION, label_of
from api.client.connection import understood
from api.client.draft_sources import DraftSources
from api.texts.case_words import happened
from api.texts.catalogue import both
from api.texts.lang import LANGS, Lang
from keys import unambiguous_json
from ledger.message import Message, Text
from ledger.regulation.act_in_words import BASIS_WORDS
from ledger.regulation.acts.json_shape import UUID4, fmt_time
from ledger.regulation.registry.calendar import VIETNAM, end_of, local_time

Json = Mapping[str, Any]
SEALED: Final = "sealed:"
FRESH: Final = "+"
"""What is typed for a token or an id that is new."""
OWN: Final = "."
"""What is typed for the agency of one's own post."""
_EVERYBODY: Final = "ANY_AGENCY"
_LISTED: Final = 15
_MANY: Final = ("agency", "addressee", "officer")
NAMED_ONCE: Final = frozenset({*_MANY, "ref"})
"""Of a list of these nobody means one twice."""
_MARKS: Final = re.compile("[\u0300-\u036f]+")
_D: Final = str.maketrans({"đ": "d", "Đ": "d"})
_DAY: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}))?")
_CLOCK: Final = re.compile(r"(\d{1,2})(?::|h|g)(\d{2})?(?::(\d{2}))?")
_PLACE: Final = re.compile(r"#([1-9]\d{0,8})")
_PROVISION: Final = re.compile(r"(\S+)\s+([^\s.]+)(?:\.([^\s.]+))?(?:\.([^\s.]+))?(?:\s+(.+))?")
_TOKEN: Final = re.compile(rf"{SEALED}{UUID4}")
_UUID: Final = re.compile(UUID4)
_STREAMS: Final = ("agency", "officer", "programme", "case")
YES: Final = frozenset({"c", "co", "y", "yes", "true", "1"})
NO: Final = frozenset({"k", "khong", "n", "no", "false", "0"})
_TODAY: Final = frozenset({"nay", "hom nay", "today"})
_NOW: Final = frozenset({"nay", "bay gio", "luc nay", "now"})


class Misread(Exception):
    """What was written is not what is asked for; the text says what would be."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class Option(NamedTuple):
    """One of several that may be chosen; `other` is its label in the other language."""

    value: Any
    label: str
    other: str = ""

    def words(self) -> set[str]:
        """What it may be called in full."""
        return {plain(one) for one in (str(self.value), self.label, self.other) if one}


def plain(text: str) -> str:
    """Lower case without marks: what a person types in a hurry."""
    return _MARKS.sub("", unicodedata.normalize("NFD", text.translate(_D).casefold())).strip()


def kind_of(schema: Json) -> str:
    """What is asked for, by its schema: one word for all types of acts."""
    if "oneOf" in schema:
        return "code"
    if schema.get("type") == "array":
        return "list"
    if schema.get("type") == "object":
        members = schema.get("properties", {}).keys()
        if {"instrument", "article"} <= members <= PROVISION:
            return "provision"
        return "object" if members else "json"
    if str(schema.get("pattern", "")).startswith(f"^{SEALED}"):
        return "token"
    told = schema.get("kind") or ("ref" if "acts" in schema else schema.get("format"))
    return str(told or schema.get("type", "text"))


def is_text(schema: Json) -> bool:
    """Whether a text is asked for, of whatever form; not where nothing is known of it."""
    return "oneOf" in schema or schema.get("type") == "string"


def misshapen(schema: Json, value: Any) -> Text | None:  # noqa: ANN401  JSON
    """What is asked for where a file has a list, members or one value in place of another of them.

    Whatever shows an act, judges it or fills it in goes by the shape of its members.
    """
    kind = kind_of(schema)
    match value:
        case list():
            fits = kind == "list"
        case Mapping():
            fits = kind in ("object", "provision", "file")
        case str():
            fits = kind not in ("list", "object")
        case _:
            fits = kind not in ("list", "object", "provision", "file")
    if fits or not schema or kind == "json":
        return None
    if kind == "list":
        return Message("a list is asked for: write [{value}]", value=_short(value))
    if kind == "object":
        return Message(
            "members are asked for, each on a line of its own: {members}",
            members=", ".join(schema["properties"]),
        )
    return Message("one text is asked for")


def _short(value: Any) -> str:  # noqa: ANN401  JSON
    """One value as it may stand in a list; of several no more than that they would."""
    return value if isinstance(value, str) and not {*value} & {*",[]{}"} else "…"


class Answers:
    """Reads what is written for members of one act.

    Args:
        sources: What the server told of the stream and the log.
        lang: Of labels.
        now: The time of signing.
        fresh: A new random id.
        attach: Sends a file; what the act lists of it.
        case: The uuid of a case by what people call it.
    """

    def __init__(
        self,
        sources: DraftSources,
        lang: Lang,
        now: datetime,
        *,
        fresh: Callable[[], str],
        attach: Callable[[Path], Json],
        case: Callable[[str], str],
    ) -> None:
        self._sources = sources
        self._lang: Lang = lang
        self._now = now.astimezone(VIETNAM)
        self._fresh = fresh
        self._attach = attach
        self._case = case
        self.files: dict[str, Json] = {}  # by digest: sent for this act

    # -- one value

    def read(self, schema: Json, text: str) -> Any:  # noqa: ANN401  JSON
        """The value that was written. Raises: Misread."""
        kind, text = kind_of(schema), text.strip()
        reader: Callable[[Json, str], Any] | None = getattr(
            self, f"_{kind.replace('-', '_')}", None
        )
        if reader is not None:
            return reader(schema, text)
        pattern = schema.get("pattern")
        if kind == "uuid" and text == FRESH:
            return self._fresh()
        if pattern is not None and re.fullmatch(pattern, text, re.ASCII) is None:
            raise Misread(Message("{value} is not in the form that is asked for", value=text))
        return unicodedata.normalize("NFC", text)

    def options(self, schema: Json) -> list[Option]:
        """What may be chosen, where it is a choice; none where there are too many to list."""
        find: Callable[[Json], Iterable[Option]] | None = {
            "code": self._codes,
            "ref": self._refs,
            "token": self._tokens,
            "agency": self._agencies,
            "addressee": self._agencies,
            "officer": self._officers,
        }.get(kind_of(schema))
        found = [] if find is None else list(find(schema))
        many = kind_of(schema) in _MANY and len(found) > _LISTED
        return [] if many else found

    def _code(self, schema: Json, text: str) -> str:
        return str(self.chosen(list(self._codes(schema)), text))

    def _ref(self, schema: Json, text: str) -> str:
        options = list(self._refs(schema))
        found = _PLACE.fullmatch(text)
        if found is not None:
            for act in self._sources.acts:
                if int(found[1]) in {one["seq"] for one in act["statements"]}:
                    return str(act["act_id"])
            raise Misread(Message("the case has no act {place} that you see", place=text))
        return text if _UUID.fullmatch(text) else str(self.chosen(options, text))

    def _token(self, schema: Json, text: str) -> str:
        if text == FRESH:
            return SEALED + self._fresh()
        if _TOKEN.fullmatch(text):
            return text
        return str(self.chosen(list(self._tokens(schema)), text))

    def _agency(self, schema: Json, text: str) -> str:
        if text == OWN and self._sources.posts:
            return str(self._sources.posts[0]["agency"])
        return str(self._among(list(self._agencies(schema)), text))

    def _addressee(self, schema: Json, text: str) -> str:
        if text == FRESH:
            return SEALED + self._fresh()
        return text if _TOKEN.fullmatch(text) else self._agency(schema, text)

    def _officer(self, schema: Json, text: str) -> str:
        if _UUID.fullmatch(text):
            return text
        return str(self._among(list(self._officers(schema)), text))

    def _among(self, options: Sequence[Option], text: str) -> Any:  # noqa: ANN401  JSON
        """As `chosen`; of those that are too many to list none has a number that anybody saw."""
        return self.chosen(options, text, numbered=len(options) <= _LISTED)

    def _stream(self, _schema: Json, text: str) -> str:
        if text == "ledger" or text.partition("/")[0] in _STREAMS:
            return text
        return f"case/{self._case(text)}"

    def _instrument(self, _schema: Json, text: str) -> str:
        return unicodedata.normalize("NFC", text)

    def _file(self, _schema: Json, text: str) -> Json:
        path = Path(text).expanduser()
        if not path.is_file():
            raise Misread(Message("there is no file {file} that can be read", file=text))
        listed = self._attach(path)
        self.files[str(listed["digest"])] = listed
        return listed

    def _digest(self, schema: Json, text: str) -> str:
        if re.fullmatch(str(schema.get("pattern", "")), text, re.ASCII):
            return text
        return str(self._file(schema, text)["digest"])

    def _boolean(self, _schema: Json, text: str) -> bool:
        word = plain(text)
        if word in YES | NO:
            return word in YES
        raise Misread(Message("yes or no is asked: y or n"))

    def _integer(self, _schema: Json, text: str) -> int:
        if re.fullmatch(r"-?\d{1,15}", text, re.ASCII) is None:
            raise Misread(Message("{value} is no whole number", value=text))
        return int(text)

    def _date(self, _schema: Json, text: str) -> str:
        if plain(text) in _TODAY:
            return self._now.date().isoformat()
        return self._day(text).isoformat()

    def _date_time(self, _schema: Json, text: str) -> str:
        if plain(text) in _NOW:
            return local_time(self._now)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = self._moment(text)
        whole = moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM)
        return whole.replace(microsecond=0).isoformat()

    def _end(self, schema: Json, text: str) -> str:
        """Up to when something runs: where a day alone was written, to its end."""
        if plain(text) in _TODAY - _NOW:
            return fmt_time(end_of(self._now.date()))
        try:
            return fmt_time(end_of(self._day(text)))
        except Misread:
            return self._date_time(schema, text)

    def _happened(self, schema: Json, text: str) -> str:
        """When the act happened: a day where a day alone was written, else a time."""
        if plain(text) in _TODAY - _NOW:
            return self._now.date().isoformat()
        try:
            return self._day(text).isoformat()
        except Misread:
            return self._date_time(schema, text)

    def _provision(self, schema: Json, text: str) -> Json:
        found = _PROVISION.fullmatch(text)
        if found is None:
            raise Misread(
                Message(
                    "{value} is no provision: write the instrument and the article, e.g."
                    " 15/2012/QH13 66.1.a",
                    value=text,
                )
            )
        named = dict(
            zip(("instrument", "article", "clause", "point"), found.groups(), strict=False)
        )
        made: dict[str, Any] = {name: one for name, one in named.items() if one is not None}
        if "role" in schema["properties"]:
            made["role"] = self._role(found[5] or "PROCEDURE")
        return made

    def _json(self, _schema: Json, text: str) -> Any:  # noqa: ANN401  JSON
        try:
            written = Path(text[1:]).read_bytes() if text.startswith("@") else text
            return unambiguous_json.read(written)
        except unambiguous_json.SaidTwice as error:
            raise Misread(
                Message("it says {member} twice: say it once", member=error.member)
            ) from error
        except (orjson.JSONDecodeError, OSError) as error:
            raise Misread(Message("JSON is asked for, or @FILE that holds it")) from error

    def _role(self, text: str) -> str:
        words = [Option(code, *both(one).values()) for code, one in BASIS_WORDS.items()]
        return str(self.chosen(words, text))

    # -- days and times

    def _day(self, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
        found = _DAY.fullmatch(text)
        try:
            if found is not None:
                return date(int(found[3] or self._now.year), int(found[2]), int(found[1]))
        except ValueError:
            pass
        raise Misread(Message("{value} is no day: write it as 04/06/2024", value=text))

    def _moment(self, text: str) -> datetime:
        """A day and a time in either order, or one of them: today, or the day's first minute."""
        parts = text.replace(",", " ").split()
        clocks = [found for part in parts if (found := _CLOCK.fullmatch(part))]
        days = [part for part in parts if _CLOCK.fullmatch(part) is None]
        if len(clocks) > 1 or len(days) > 1 or not parts:
            raise Misread(Message("{value} is no time: write it as 04/06/2024 08:12", value=text))
        day = self._day(days[0]) if days else self._now.date()
        if not clocks:
            return datetime.combine(day, time(), VIETNAM)
        try:
            hour, minute, second = (int(part or 0) for part in clocks[0].groups("0"))
            clock = time(hour, minute, second)
        except ValueError as error:
            raise Misread(Message("{value} is no time of day", value=clocks[0][0])) from error
        return datetime.combine(day, clock, VIETNAM)

    # -- choices

    def _codes(self, schema: Json) -> Iterator[Option]:
        for one in schema["oneOf"]:
            vi, en = (label_of(one, lang, one["const"]) for lang in LANGS)
            mine, other = (vi, en) if self._lang == "vi" else (en, vi)
            yield Option(one["const"], mine, other)

    def _refs(self, schema: Json) -> Iterator[Option]:
        wanted: Sequence[str] = schema["acts"]
        for act in self._sources.acts:
            if act["status"] == "effective" and (not wanted or act["act"] in wanted):
                called = act["act_vi" if self._lang == "vi" else "act_en"]
                place = act["statements"][0]["seq"]
                yield Option(act["act_id"], f"#{place} {called}, {happened(act)}")

    def _tokens(self, _schema: Json) -> Iterator[Option]:
        """Tokens that the case has already, by the act and member that first named each."""
        seen: set[str] = set()
        for act in self._sources.acts:
            with understood():  # what was signed has the form that its signer gave it
                facts = [*act["payload"]["facts"].items()]
            for name, value in facts:
                if isinstance(value, str) and _TOKEN.fullmatch(value) and value not in seen:
                    seen.add(value)
                    called = act["act_vi" if self._lang == "vi" else "act_en"]
                    yield Option(value, f"{value[:15]}… ({called}, {name})")

    def _agencies(self, schema: Json) -> Iterator[Option]:
        wanted = set(schema.get("functions", ()))
        for agency, line in self._sources.agencies.items():
            fits = not wanted or _EVERYBODY in wanted or wanted & set(line["functions"])
            if line["exists"] and fits:
                yield Option(agency, f"{line['name']} ({agency})")

    def _officers(self, _schema: Json) -> Iterator[Option]:
        for post, officer in self._sources.holders():
            called = post.get("post_vi") or post["post"]
            yield Option(officer, f"{called}, {post['agency_name']} ({officer[:8]})")

    def chosen(self, options: Sequence[Option], text: str, *, numbered: bool = True) -> Any:  # noqa: ANN401  JSON
        """The one that is meant: by its number in the list, its code, or a part of its label."""
        if numbered and text.isdecimal() and 0 < int(text) <= len(options):
            return options[int(text) - 1].value
        word = plain(text)
        near = [one for one in options if word in one.words()]
        near = near or [one for one in options if word and word in plain(one.label)]
        near = near or [one for one in options if any(w.startswith(word) for w in one.words())]
        if len({str(one.value) for one in near}) == 1:
            return near[0].value
        if not near:
            raise Misread(Message("{value} is none of those that there are", value=text))
        shown = "; ".join(one.label for one in near[:_LISTED])
        raise Misread(Message("{value} may be several; say more: {shown}", value=text, shown=shown))
