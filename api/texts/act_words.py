"""One act in words: its head, grounds, facts and files, alike on paper, on a page, at a terminal.

Paper and terminal take each line from here. A page says head and grounds in a layout of its own,
and a test holds it to the same words; facts, documents and files it takes too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from api.texts.case_words import Json, Speaker, day, flag, ground, happened, when
from api.texts.labels import standing
from ledger.message import Message
from ledger.regulation.acts.channels import channel_words

IN_FORCE: Final = Message("in force on the day of the act")
NOT_IN_FORCE: Final = Message("NOT in force on the day of the act, as far as the registry knows")


def head(speaker: Speaker, act: Json) -> Iterator[tuple[str, str]]:
    """Members of an act as the API answers it, each with its value; what it does not say is none.

    When it happened and was recorded, how it stands, to whom, by what, and what was noticed.
    """
    payload = act["payload"] or {}
    document, channel = payload.get("document"), payload.get("channel")
    told: Mapping[str, object] = {
        "status": standing(act["status"], speaker.lang),
        "number": act.get("number"),
        "occurred": happened(act),
        "recorded": when(act["statements"][0]["recorded_at"]),
        "late_reason": payload.get("late_reason"),
        "to": "\n".join(one[speaker.lang] for one in act["addressees"]) or None,
        "channel": None if channel is None else speaker.text(channel_words(channel)),
        "document": None if document is None else paper(document),
        "flags": "\n".join(flag(one, speaker.lang) for one in act["flags"]) or None,
    }
    yield from ((member, str(value)) for member, value in told.items() if value is not None)


def paper(document: Json) -> str:
    """A document: its kind, number and day, then what it is about."""
    number = f"{document['number']}/{document['symbol']}"
    return f"{document['type']} {number}, {day(document['date'])}\n{document['abstract']}"


def grounds(speaker: Speaker, act: Json) -> Iterator[tuple[str, str]]:
    """Each ground by what it is for: its place, the instrument, whether it was in force then."""
    for one in act["basis"]:
        term = [text for text in (day(one["valid_from"]), day(one["valid_to"])) if text]
        held = speaker.text(IN_FORCE if one["in_force"] else NOT_IN_FORCE)
        lines = [
            speaker.text(ground(one)),
            one["title"],
            held + (f" ({' – '.join(term)})" if term else ""),
        ]
        yield str(speaker.local(one, "role")), "\n".join(line for line in lines if line)


def facts_set_in(facts: Sequence[Json]) -> list[tuple[int, Mapping[str, str], Any]]:
    """(depth, label, fact) a line; what several facts lie within stands once above them, alone."""
    lines: list[tuple[int, Mapping[str, str], Any]] = []
    for earlier, one in pairwise([None, *facts]):
        assert one is not None  # noqa: S101  only the first of all pairs begins with none
        above = [] if earlier is None else earlier["labels"][:-1]
        labels = one["labels"]
        same = 0
        while same < len(labels) - 1 and same < len(above) and above[same] == labels[same]:
            same += 1
        lines += [(depth, labels[depth], None) for depth in range(same, len(labels) - 1)]
        lines.append((len(labels) - 1, labels[-1], one))
    return lines


def file(one: Json) -> str:
    """What kind of file it is, and its digest."""
    return f"{one['media_type']}, {one['size']} B\n{one['digest']}"
