"""The register of a case's classified documents: level, term, who has a copy, what went outside.

Read off the acts that are given, in their order; what they do not say is not guessed. Who may be
told of a document is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.regulation.case.state import Entry, StreamState

_CLASSIFIED: Final = "ClassificationAssigned"
_CHANGING: Final = ("ClassificationAdjusted", "ClassificationExtended")
_GRANTED: Final = "ParticipationGranted"
_UNIT: Final = "UNIT"


@dataclass(frozen=True, slots=True)
class DocumentHolder:
    """Somebody to whom a document is named.

    Attributes:
        officer: Who.
        post: In which post; None where the act names none.
        agency: Of which agency.
        until: Until when, as the act writes it.
        copies: Numbers of the copies they have, where any are numbered.
        return_by: Day by which they come back.
        via: The act.
        act: Its type.
        ended_by: The act that took it back.
    """

    officer: str
    post: str | None
    agency: str | None
    until: str
    copies: tuple[str, ...]
    return_by: str | None
    via: str
    act: str
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """A classified document.

    Attributes:
        unit: Its id.
        classification: The act that classified it.
        state: Of its classification: CLASSIFIED, ADJUSTED, EXTENDED, DECLASSIFIED, DESTROYED …
        level: As it was assigned or adjusted last.
        list_item: Item of the list of state secrets, likewise.
        protect_until: Last day of protection, likewise.
        register_entry: Number in the register of documents.
        holders: To whom it is named, in the order of the acts.
        outside: Permits to provide it to somebody outside: act, requester, their document, return.
        losses: Reports of loss or leak: act, kind, when found.
    """

    unit: str
    classification: str
    state: str
    level: str
    list_item: str
    protect_until: str
    register_entry: str
    holders: tuple[DocumentHolder, ...]
    outside: tuple[Mapping[str, Any], ...]
    losses: tuple[Mapping[str, Any], ...]


def documents(fold: StreamState) -> list[Document]:
    """The documents of a case whose classification is among its acts, as they were classified."""
    return [_document(entry, fold) for entry in fold.effective(_CLASSIFIED)]


def _document(classified: Entry, fold: StreamState) -> Document:
    act, unit = classified.act, str(classified.act.facts["unit"])
    about = [e for e in fold.effective() if _is_about(e, act.act_id, unit)]
    stands: dict[str, Any] = dict(act.facts)
    for entry in about:
        if entry.act.act in _CHANGING:
            facts = entry.act.facts
            stands |= {**facts, "level": facts.get("new_level", stands["level"])}
    sub = fold.sub("classification", act.act_id)
    return Document(
        unit=unit,
        classification=act.act_id,
        state="CLASSIFIED" if sub is None else sub.state,
        level=stands["level"],
        list_item=stands["list_item"],
        protect_until=stands["protect_until"],
        register_entry=act.facts["register_entry"],
        holders=tuple(h for entry in (classified, *about) for h in _holders(entry, fold)),
        outside=tuple(_told(e, "requester", "request_document", "return_by")
                      for e in about if e.act.act == "SecretProvisionPermitted"),
        losses=tuple(_told(e, "kind", "found_at")
                     for e in about if e.act.act == "SecretLossReported"),
    )  # fmt: skip


def _is_about(entry: Entry, classification: str, unit: str) -> bool:
    """Whether an act names the document, or the act that classified it."""
    facts = entry.act.facts
    if entry.act.act_id == classification:
        return False
    return facts.get("classification") == classification or (
        facts.get("unit") == unit and "classification" not in facts
    )


def _holders(entry: Entry, fold: StreamState) -> Iterator[DocumentHolder]:
    facts = entry.act.facts
    named = [*facts.get("first_holders", ())]
    named += [facts["holder"]] if isinstance(facts.get("holder"), Mapping) else []
    if entry.act.act == _GRANTED and facts.get("scope") == _UNIT:
        named = [{"officer": facts["officer"], "until": facts["until"]}]
    numbers = facts.get("copy_nos") or ([facts["copy_no"]] if "copy_no" in facts else ())
    for one in named:
        yield DocumentHolder(
            officer=one["officer"],
            post=one.get("post"),
            agency=one.get("agency"),
            until=one["until"],
            copies=tuple(numbers),
            return_by=facts.get("return_by"),
            via=entry.act.act_id,
            act=entry.act.act,
            ended_by=_ended_by(entry.act.act_id, one["officer"], fold),
        )


def _ended_by(grant: str, officer: str, fold: StreamState) -> str | None:
    for entry in fold.effective("ParticipationRevoked"):
        facts = entry.act.facts
        if facts.get("grant") == grant and facts.get("officer") == officer:
            return entry.act.act_id
    return None


def _told(entry: Entry, *names: str) -> dict[str, Any]:
    facts = entry.act.facts
    return {"act_id": entry.act.act_id, **{name: facts.get(name) for name in names}}
