"""What a row of the log of reads says, as the service signs it (formats.md §3).

`AccessLogged` is one read, `AccessLogOpened` the first row of all: of which log of acts these are
the reads, and by whose keys its checkpoints are signed. Who may be shown a row is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple, get_args
from uuid import UUID

from keys import canonical, read_tags
from keys.errors import Malformed
from ledger.admission.service_statements import STREAM, Events, ServiceEvent
from ledger.reads.read import MOST_PURPOSE, MOST_RECORDS, Copy, Kind, NotedRead, ReadBy
from ledger.regulation.acts.json_shape import DIGEST, LOG, UUID4, fmt_time
from ledger.regulation.registry.calendar import VIETNAM
from ledger.values import frozen_value

ACCESS_LOGGED: Final = "AccessLogged"
ACCESS_LOG_OPENED: Final = "AccessLogOpened"
ACCESS_LOG_RECOVERED: Final = "AccessLogRecovered"
WRAPS_OPENED: Final = "WrapsOpened"
_SUFFIX: Final = "/access"
_KINDS: Final = frozenset(get_args(Kind))
_MUST: Final = frozenset({"rule", "purpose", "kind", "officer", "kid", "posts", "records"})
_MAY: Final = frozenset({"via", "case", "copy"})
_OF_A_COPY: Final = frozenset({"via", "case", "copy"})
_AGENCY: Final = r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
_RULE: Final = re.compile(r"A[1-9][0-9]?|K2", re.ASCII)
_UUID: Final = re.compile(UUID4, re.ASCII)
_CASE: Final = re.compile(f"case/{UUID4}", re.ASCII)
_READS: Final = re.compile(f"reads/{UUID4}", re.ASCII)
_NAME: Final = re.compile(_AGENCY, re.ASCII)
_MOST_POSTS: Final = 32
_MOST_TEXT: Final = 128
_KEYS: Final = 2
_MOST_LOST: Final = 64
_DIGEST_BYTES: Final = 32
_FILE: Final = re.compile(f"sha-256:{DIGEST}", re.ASCII)


class HeldPost(NamedTuple):
    """A post that whoever reads holds on the day."""

    agency: str
    post: str


@frozen_value(frozen=True, slots=True)
class AccessRow:
    """A row, as it was signed.

    Attributes:
        read: What was read, by whom.
        posts: Posts that the reader held then, in the agencies for which it was read.
    """

    read: NotedRead
    posts: tuple[HeldPost, ...]


def origin_of(acts: str) -> str:
    """Origin of the log of reads of a log of acts (formats.md §7)."""
    return f"{acts}{_SUFFIX}"


def opened(
    *, event_id: UUID, at: datetime, acts: str, genesis: str, vkeys: Sequence[str]
) -> dict[str, Any]:
    """The members of `AccessLogOpened`.

    Args:
        event_id: Random id.
        at: The ledger's time.
        acts: Origin of the log of acts.
        genesis: Entry of its record 0, in lower-case hex.
        vkeys: The log's key and `/pq`, of this log.
    """
    facts = {"log": acts, "genesis": genesis, "vkeys": list(vkeys)}
    return _members(ACCESS_LOG_OPENED, event_id, STREAM, at, facts)


def access_logged(
    read: NotedRead, posts: Sequence[HeldPost], *, event_id: UUID, stream: str, at: datetime
) -> dict[str, Any]:
    """The members of `AccessLogged`, by name in order (`canonical.ordered`).

    Args:
        read: What is read; of no more than `MOST_RECORDS`.
        posts: Posts that the reader holds, in the agencies for which it is read.
        event_id: Random id.
        stream: Where it stands, `reads/<uuid>`.
        at: The ledger's time.
    """
    facts: dict[str, Any] = {}
    if read.stream is not None:
        facts["case"] = read.stream
    if read.copy is not None:
        facts["copy"] = {"file": read.copy.file, "number": read.copy.number}
    facts["kid"] = read.session.kid
    facts["kind"] = read.kind
    facts["officer"] = read.session.officer
    facts["posts"] = [{"agency": one.agency, "post": one.post} for one in posts]
    facts["purpose"] = read.purpose
    facts["records"] = list(read.records)
    facts["rule"] = read.rule
    if read.via is not None:
        facts["via"] = read.via
    return _members(ACCESS_LOGGED, event_id, stream, at, facts)


def recovered(
    facts: Mapping[str, Any], *, event_id: UUID, stream: str, at: datetime
) -> dict[str, Any]:
    """The members of `AccessLogRecovered` (`ledger.reads.recovered`)."""
    return _members(ACCESS_LOG_RECOVERED, event_id, stream, at, dict(facts))


@dataclass(frozen=True, slots=True)
class WrapsRow:
    """What the keeper is to open against a row (access.md U3).

    Attributes:
        records: Leaf indices in the log of acts, ascending; of a file the record that lists it.
        by: For whom; None where a process folds a case, and shows nobody.
        file: Name of the upload that is to be read; then nothing but its key is opened.
        log: Origin of the lower log that the records are of; None: of the own one.
    """

    records: tuple[int, ...]
    by: ReadBy | None = None
    file: UUID | None = None
    log: str | None = None

    @property
    def wraps(self) -> int:
        """How many are opened against it."""
        return 1 if self.file is not None else len(self.records)


def wraps_opened(row: WrapsRow, *, event_id: UUID, stream: str, at: datetime) -> dict[str, Any]:
    """The members of `WrapsOpened`; as `access_logged`."""
    facts: dict[str, Any] = {}
    if row.file is not None:
        facts["file"] = str(row.file)
    if row.by is not None:
        facts["kid"] = row.by.kid
    if row.log is not None:
        facts["log"] = row.log
    if row.by is not None:
        facts["officer"] = row.by.officer
    facts["records"] = list(row.records)
    return _members(WRAPS_OPENED, event_id, stream, at, facts)


def wraps_of(event: ServiceEvent) -> WrapsRow:
    """What a `WrapsOpened` of good form says."""
    facts = event.facts
    return WrapsRow(
        tuple(facts["records"]),
        ReadBy(facts["officer"], facts["kid"]) if "officer" in facts else None,
        UUID(facts["file"]) if "file" in facts else None,
        facts.get("log"),
    )


def row_of(event: ServiceEvent) -> AccessRow:
    """What an `AccessLogged` of good form says."""
    facts = event.facts
    read = NotedRead(
        rule=facts["rule"],
        purpose=facts["purpose"],
        kind=facts["kind"],
        session=ReadBy(facts["officer"], facts["kid"]),
        via=facts.get("via"),
        stream=facts.get("case"),
        records=tuple(facts["records"]),
        copy=Copy(**facts["copy"]) if "copy" in facts else None,
    )
    return AccessRow(read, tuple(HeldPost(one["agency"], one["post"]) for one in facts["posts"]))


def tags(row: AccessRow, key: bytes) -> Iterator[bytes]:
    """All that a row is found by.

    Args:
        row: The row.
        key: Of `keys.read_tags.key_of`.
    """
    yield read_tags.tag(key, "officer", row.read.session.officer)
    for agency in dict.fromkeys(one.agency for one in row.posts):
        yield read_tags.tag(key, "agency", agency)
    for one in row.posts:
        yield read_tags.tag(key, "post", f"{one.agency}/{one.post}")
    if row.read.stream is not None:
        yield read_tags.tag(key, "case", row.read.stream)
    if row.read.via is not None:
        yield read_tags.tag(key, "via", row.read.via)
        if row.read.copy is not None:
            yield read_tags.tag(key, "copy", row.read.via)


def _members(
    event: str, event_id: UUID, stream: str, at: datetime, facts: dict[str, Any]
) -> dict[str, Any]:
    return {
        "event": event,
        "event_id": str(event_id),
        "facts": facts,
        "occurred_at": fmt_time(at.astimezone(VIETNAM)),
        "stream": stream,
        "v": 1,
    }


# -- form ------------------------------------------------------------------------------------------


def _is_opened(facts: object) -> bool:
    if not isinstance(facts, Mapping) or facts.keys() != {"log", "genesis", "vkeys"}:
        return False
    vkeys = facts["vkeys"]
    return (
        _is_text(facts["log"])
        and isinstance(facts["genesis"], str)
        and re.fullmatch(r"[0-9a-f]{64}", facts["genesis"]) is not None
        and isinstance(vkeys, list)
        and len(vkeys) == _KEYS
        and all(isinstance(one, str) and one.isascii() for one in vkeys)
    )


def _is_recovered(facts: object) -> bool:
    if not isinstance(facts, Mapping) or facts.keys() != _RECOVERED.keys():
        return False
    return all(_RECOVERED[name](value) for name, value in facts.items())


def _are_lost(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= _MOST_LOST
        and all(
            isinstance(one, Mapping)
            and one.keys() == {"size", "root", "signature"}
            and type(one["size"]) is int
            and _is_kid(one["root"])
            and _is_text(one["signature"])
            for one in value
        )
    )


def _are_vkeys(value: object) -> bool:
    return (
        isinstance(value, list)
        and _KEYS <= len(value) <= _MOST_LOST
        and all(isinstance(one, str) and one.isascii() for one in value)
    )


def _is_logged(facts: object) -> bool:
    if not isinstance(facts, Mapping) or not facts.keys() >= _MUST:
        return False
    if facts.keys() - _MUST - _MAY:
        return False
    copied = facts["kind"] == "EXPORT"
    if copied != ("copy" in facts) or (copied and not facts.keys() >= _OF_A_COPY):
        return False
    return all(_FACTS[name](value) for name, value in facts.items())


def _are_wraps(facts: object) -> bool:
    if not isinstance(facts, Mapping) or facts.keys() not in _OPENED:
        return False
    records = facts["records"]
    whole = "file" not in facts or (isinstance(records, list) and len(records) == 1)
    return whole and bool(records) and all(_FACTS[name](value) for name, value in facts.items())


def _is_text(value: object, most: int = _MOST_TEXT) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= most


def _fits(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_kid(value: object) -> bool:
    try:
        return isinstance(value, str) and len(canonical.unb64(value)) == _DIGEST_BYTES
    except Malformed:
        return False


def _are_posts(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST_POSTS
        and all(
            isinstance(one, Mapping)
            and one.keys() == {"agency", "post"}
            and _fits(_NAME)(one["agency"])
            and _is_text(one["post"])
            for one in value
        )
    )


def _are_records(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_RECORDS
        and all(type(one) is int and one >= 0 for one in value)
        and all(a < b for a, b in pairwise(value))
    )


def _is_copy(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() == {"number", "file"}
        and _is_text(value["number"])
        and _fits(_FILE)(value["file"])
    )


_FACTS: Final[Mapping[str, Callable[[object], bool]]] = {
    "rule": _fits(_RULE),
    "purpose": lambda value: _is_text(value, MOST_PURPOSE),
    "kind": lambda value: isinstance(value, str) and value in _KINDS,
    "officer": _fits(_UUID),
    "kid": _is_kid,
    "posts": _are_posts,
    "records": _are_records,
    "via": _fits(_UUID),
    "case": _fits(_CASE),
    "copy": _is_copy,
    "file": _fits(_UUID),
    "log": _fits(re.compile(LOG, re.ASCII)),
}
_OPENED: Final = (
    {"records"},
    {"records", "officer", "kid"},
    {"records", "officer", "kid", "file"},
    {"records", "log"},
    {"records", "officer", "kid", "log"},
)
_RECOVERED: Final[Mapping[str, Callable[[object], bool]]] = {
    "act": _fits(_UUID),
    "size": lambda value: type(value) is int and value > 0,
    "root": _is_kid,
    "lost": _are_lost,
    "old_vkeys": _are_vkeys,
    "new_vkeys": _are_vkeys,
    "reason": lambda value: _is_text(value, MOST_PURPOSE),
    "blind": _is_kid,
}
OF_READS: Final = Events(
    {
        ACCESS_LOGGED: _is_logged,
        ACCESS_LOG_OPENED: _is_opened,
        ACCESS_LOG_RECOVERED: _is_recovered,
        WRAPS_OPENED: _are_wraps,
    },
    lambda event, stream: (
        stream == STREAM if event == ACCESS_LOG_OPENED else _READS.fullmatch(stream) is not None
    ),
)
"""What a log of reads takes."""
