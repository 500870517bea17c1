"""What stands before anything of a write is answered: does the caller see the case (access.md N2)?

The write path knows every stream, and says nothing of one that its caller does not see: a hidden
case answers as one that nobody has begun. Who sees what is asked, not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from ledger.errors import Conflict, Head, NotFound
from ledger.ports import Sight, Sights
from ledger.regulation.acts.act import Act
from ledger.regulation.case.reading import objects, strings
from ledger.regulation.case.state import VOIDING
from ledger.streams.kinds import begin
from ledger.streams.names import is_case
from ledger.streams.stream import Stream

_COMPLAINT: Final = "ComplaintReceived"
_RETURN: Final = "ActReturned"
_SEES: Final = ("part", "whole")


class SeeCheck:
    """The question of one process.

    Args:
        sights: What callers see; None where whoever writes sees everything.
        by_name: Whether a case may have acts that whoever sees the whole case does not: above
            ordinary, where units are granted by name.
    """

    def __init__(self, sights: Sights | None, *, by_name: bool = False) -> None:
        self._sights = sights
        self._limited = _SEES if by_name else ("part",)
        self._by_name = by_name

    def of(self, stream: str, *, begins: bool = False) -> Sight:
        """How much of a stream the caller sees; of what is no case, everything (N6)."""
        if self._sights is None or not is_case(stream):
            return "whole"
        return self._sights.of(stream, begins=begins)

    def hides(self, stream: str) -> bool:
        """Whether the caller sees nothing of a stream."""
        return self.of(stream) not in _SEES

    def asked_of_others(self, act: Act) -> Callable[[str], Sight] | None:
        """How guards learn how much the author of an act of a case sees of another one."""
        return None if self._sights is None or not is_case(act.stream) else self.of

    def require(self, act: Act, seq: int, stream: Callable[[], Stream]) -> Sight:
        """How much of the case of an act its sender sees.

        `hidden` only of what would begin the case anew: an answer to that is one of rules, not of
        cases, so it is judged as where nothing has begun (`unbegun`), and then not recorded.

        Args:
            act: The act.
            seq: The place its statement asks for.
            stream: Reads the case; asked where a body outside knocks (W2).

        Raises:
            NotFound: Nothing, or there is no such case.
        """
        sight = self.of(act.stream, begins=seq == 1)
        if sight in self._limited:
            self._require_named(act.members, stream())
        if sight in _SEES:
            return sight
        if sight == "absent" and seq == 1:
            return "whole"
        if sight == "hidden" and knocks(act.members, act.author.officer, stream()):
            return "part"
        if sight == "hidden" and seq == 1:
            return "hidden"
        raise NotFound("no such stream")

    @contextmanager
    def shown(
        self, stream: Stream, fields: Mapping[str, Any], officer: str | None
    ) -> Iterator[Stream]:
        """A stream before signing; one that the caller does not see is as one not begun.

        Args:
            stream: As it stands.
            fields: Of the act that is to be signed.
            officer: Who would sign it.
        """
        sight = self.of(stream.name)
        if sight in self._limited:
            self._require_named(fields, stream)
        hidden = sight not in _SEES and not knocks(fields, officer, stream)
        yield unbegun(stream) if hidden else stream

    def _require_named(self, fields: Mapping[str, Any], stream: Stream) -> None:
        """Of a case of which they may see a part, nobody writes about an act that they do not see.

        But where the door is open to whoever sees nothing at all (W2).

        Raises:
            NotFound: One that is named is not seen.
        """
        if self._sights is None or fields.get("act") in (_COMPLAINT, _RETURN):
            return
        texts = {text for _, text in strings(fields)} - {fields.get("act_id")}
        named = texts & stream.state.entries.keys()
        if named - self._sights.acts(stream.name, named):
            raise NotFound("no such act")

    def among(self, stream: str, acts: Sequence[Act]) -> Sequence[Act]:
        """Those of some acts of a stream that the caller sees."""
        sight = self.of(stream) if acts else "whole"
        whole = sight == "whole" and not (self._by_name and is_case(stream))
        if self._sights is None or whole:
            return acts
        seen = self._sights.acts(stream, [act.act_id for act in acts])
        return [act for act in acts if act.act_id in seen]

    def require_shown(self, stream: Stream, members: Mapping[str, Any], officer: str) -> None:
        """That an act is shown to whoever asks for its bytes, to sign it after its author.

        Of whom it names their part in the case is enough: the act may be of this moment, and is
        theirs before the audience has it (W1).

        Args:
            stream: Its stream, as the caller sees it.
            members: Its payload.
            officer: Of the session.

        Raises:
            NotFound: It is not, as if no such act waited.
        """
        act = stream.state.entries[str(members["act_id"])].act
        named = officer in (signer["officer"] for signer in members["signers"])
        if named and self.of(stream.name) in _SEES:
            return
        if not self.among(stream.name, [act]):
            raise NotFound("no such act waits here")

    def head(self, stream: Stream) -> Head:
        """Where the next statement must stand: who sees an act only gets place and digest."""
        sight = self.of(stream.name)
        if sight == "whole":
            return stream.head
        return _place(stream.head) if sight == "part" else unbegun(stream).head

    def told(self, conflict: Conflict, stream: str, sight: Sight) -> Conflict:
        """A conflict as its sender may know it: of the acts since, those they see."""
        whole = sight == "whole"
        if self._sights is None or (whole and not (self._by_name and is_case(stream))):
            return conflict
        seen = self._sights.acts(stream, [one["act_id"] for one in conflict.since])
        return Conflict(
            conflict.code,
            conflict.text,
            head=conflict.head if whole or conflict.head is None else _place(conflict.head),
            since=[one for one in conflict.since if one["act_id"] in seen],
        )


def unbegun(stream: Stream) -> Stream:
    """A stream as somebody knows it who does not see it."""
    return begin(stream.id, stream.name)


def knocks(fields: Mapping[str, Any], officer: str | None, stream: Stream) -> bool:
    """Whether somebody who does not see the case names something in it by which they may write.

    A body outside brings a complaint against an act, whose id stands on the letter that the
    complainant holds; whoever was shut out, or whose post ended, gives back what waits for their
    signature, or it would wait for ever; and registrars put out of the way what is set aside, by
    index and entry, as readiness and audit name it (W2).
    """
    facts, kind = fields.get("facts"), fields.get("act")
    if kind == VOIDING and isinstance(facts, Mapping):
        return _names_set_aside(facts.get("entries"), stream)
    if kind == _COMPLAINT and isinstance(facts, Mapping):
        entry = stream.state.entries.get(str(facts.get("against")))
        return entry is not None and entry.status == "effective"
    waits = stream.state.pending.get(str(fields.get("refers_to")))
    signers = () if waits is None else [signer.officer for signer in waits.act.signers]
    return kind == _RETURN and officer in signers


def names_no_stream(fields: Mapping[str, Any]) -> bool:
    """Whether records are to be voided that are named by index and entry alone."""
    return fields.get("act") == VOIDING and "stream" not in fields


def first_named(fields: Mapping[str, Any]) -> int | None:
    """The first index that an act names which is to void something."""
    facts = fields.get("facts")
    entries = objects(facts.get("entries")) if isinstance(facts, Mapping) else []
    index = entries[0].get("index") if entries else None
    return index if isinstance(index, int) and index >= 0 else None


def _names_set_aside(named: object, stream: Stream) -> bool:
    """Whether every record named is one of the stream that is set aside."""
    entries = objects(named)
    return bool(entries) and all(
        isinstance(one.get("index"), int)
        and stream.state.aside.get(one["index"]) == str(one.get("entry")).removeprefix("sha-256:")
        for one in entries
    )


def _place(head: Head) -> Head:
    return Head(head.seq, head.prev)
