"""What templates call: times, names and values as text, in one language. Nothing here is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from markupsafe import Markup, escape

from api.http.pages.typed import day_typed
from api.texts import act_words, case_words, labels
from api.texts.case_words import Json, Speech
from api.texts.catalogue import shown
from api.texts.lang import Lang
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.words import vocabulary

_SHORT_KEY: Final = 10
_KIB: Final = 1_024
_TONES: Final[Mapping[str, str]] = {
    "VALID": "ok",
    "VALID_KEY_SINCE_REVOKED": "ok",
    "NOT_VALID": "bad",
    "AGAINST_THE_RULES": "bad",
    "INVALID_SIGNATURE": "bad",
    "WRONG_SIGNER": "bad",
    "UNKNOWN_KEY": "bad",
    "OVERDUE": "bad",
    "DISPUTED": "unsure",
    "NEAR": "unsure",
    "DUE": "unsure",
    "ALARM": "unsure",
}
"""How a chip is coloured; its words say it, colour only repeats them."""
_VIETNAMESE: Final = re.compile("[À-ÖØ-öø-ýĂăĐđĨĩŨũƠơƯưẠ-ỹ]")
"""Letters that English has none of."""


@dataclass(frozen=True, slots=True)
class PageSpeech(Speech):
    """A language, and the zone in which times are told; it stands behind each.

    Attributes:
        utc: Whether they are told in UTC, else in Vietnam's.
    """

    utc: bool = False

    def clock(self, moment: datetime, form: str = "%d/%m/%Y %H:%M:%S") -> str:
        """A time in that zone, with its name."""
        zone, named = (UTC, "UTC") if self.utc else (VIETNAM, "GMT+7")
        return f"{moment.astimezone(zone):{form}} ({named})"

    def when(self, text: str | None) -> str | None:
        """A time within a value, to the minute."""
        if text is None:
            return None
        return self.clock(datetime.fromisoformat(text), "%d/%m/%Y %H:%M")


def marked(lang: Lang, line: str) -> str:
    """A line as it is; on a page in English said to be Vietnamese where its letters are.

    Or what people wrote, and the names of agencies and posts, are read aloud as if in English.
    """
    if lang == "vi" or isinstance(line, Markup) or not _VIETNAMESE.search(line):
        return line
    return Markup(f'<span lang="vi">{escape(line)}</span>')  # noqa: S704  escaped


def day(text: str | None) -> str | Markup:
    """A day."""
    return "" if text is None else _time(text[:10], case_words.day(text))


def _time(at: str, shown: str | None) -> Markup:
    """A time for people, and for programs: a page has hundreds, and `Markup.format` is slow."""
    return Markup(f'<time datetime="{escape(at)}">{escape(shown)}</time>')  # noqa: S704  escaped


def verbatim(payload: Json) -> str:
    """What was signed, as JSON that people read; a character that nobody sees is an escape."""
    text = orjson.dumps(payload, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    return "".join(one if one.isprintable() or one == "\n" else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    """As JSON escapes it, in units of UTF-16."""
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4))


def tone(code: str | None) -> str:
    """The colour of a chip."""
    return _TONES.get(code or "", "plain")


def kid(text: str | None) -> str:
    """The beginning of a key's thumbprint."""
    return (text or "")[:_SHORT_KEY]


def number(line: Json) -> str:
    """What people call a case by; its id where it has no number."""
    named = line.get("case_number") or line.get("register_no")
    return str(named or line.get("id") or str(line.get("stream", "")).partition("/")[2])


def case_of(line: Json) -> str:
    """The id of the case that a line is of; empty where it is of none."""
    kind, _, name = str(line["stream"]).partition("/")
    return name if kind == "case" else ""


def cap(words: str) -> str:
    """Words that stand first in their line."""
    return words[:1].upper() + words[1:]


def size(lang: Lang, count: int) -> str:
    """How long a file is."""
    if count < _KIB:
        return f"{count} B"
    if count < _KIB * _KIB:
        return f"{shown(round(count / _KIB, 1), lang)} KiB"
    return f"{shown(round(count / _KIB / _KIB, 1), lang)} MiB"


def query(**members: object) -> str:
    """A query, without what has no value."""
    return urlencode([(name, value) for name, value in members.items() if value not in (None, "")])


def _times(speech: PageSpeech) -> dict[str, Callable[..., Any]]:
    """When something was, in the zone of the reader."""

    def when(text: str | None) -> str | Markup:
        if text is None:
            return ""
        return _time(text, speech.clock(datetime.fromisoformat(text)))

    def happened(act: Json) -> str | Markup:
        """No finer than its author knew it."""
        text = act.get("occurred_at")
        return day(text) if case_words.by_day(act) else when(text)

    return {"when": when, "happened": happened, "day": day, "clock_of": speech.when}


def of(speech: PageSpeech) -> dict[str, Callable[..., Any]]:
    """These and those that speak."""

    def lines(value: object) -> list[str]:
        """A value that may have several lines."""
        return [] if value is None else str(value).split("\n")

    def valued(member: str, value: Any) -> list[str]:  # noqa: ANN401  JSON
        return lines(case_words.valued(speech, member, value))

    def channel(code: str | None) -> str:
        return "" if code is None else speech.text(vocabulary("channels")[code])

    def member(named: str) -> str:
        return cap(speech.name(named))

    def ground(one: Json) -> str:
        return speech.text(case_words.ground(one))

    def changed(changes: list[Json], case: Json) -> list[case_words.ChangedThing]:
        return list(case_words.changed_things(speech, changes, case))

    return {
        **_times(speech),
        "marked": lambda line: marked(speech.lang, line),
        "tone": tone,
        "verbatim": verbatim,
        "kid": kid,
        "number": number,
        "case_of": case_of,
        "query": query,
        "day_typed": day_typed,
        "size": lambda count: size(speech.lang, count),
        "lines": lines,
        "valued": valued,
        "channel": channel,
        "changed": changed,
        "ground": ground,
        "paper": lambda document: lines(act_words.paper(document)),
        "local": speech.local,
        "member": member,
        "cap": cap,
        "text": speech.text,
        "verdict": lambda code: labels.verdict(code, speech.lang),
        "standing": lambda code: labels.standing(code, speech.lang),
        "value": lambda code: labels.value(code, speech.lang),
        "word": lambda code: labels.word(code, speech.lang),
        "role": lambda code: labels.role(code, speech.lang),
        "act_title": lambda code: case_words.act_title(speech, code),
        "signed_by": lambda line: lines(case_words.signed_by(speech, line)),
        "flag": lambda code: case_words.flag(code, speech.lang),
        "touched_by": lambda act: case_words.touched_by(speech, act),
        "by_time": lambda: case_words.by_time(speech),
        "source": lambda clock: case_words.source(speech, clock),
        "act_named": lambda one: case_words.act_named(speech, one),
        "began": lambda clock, acts: case_words.began(speech, clock, acts),
        "effect": lambda line: case_words.effect(speech, line),
        "unshown": case_words.unshown,
        "read_under": lambda under: case_words.read_under(under, speech.when),
        "moment_shown": lambda view: case_words.moment_shown(view, speech.when),
        "related": lambda kind: speech.text(case_words.RELATED[kind]),
        "taken": lambda seconds: case_words.taken(speech, seconds),
        "file_event": lambda code: labels.file_event(code, speech.lang),
        "permit_standing": lambda code: labels.permit_standing(code, speech.lang),
        "part_shown": case_words.part_shown,
        "stream_words": case_words.stream_words,
    }
