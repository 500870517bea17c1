"""Guards on form: facts fit the catalogue, a basis is cited, nothing is edited.

References stay inside the stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from ledger.regulation.acts.catalogue import ActType
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import WITHDRAWAL
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.words import vocabulary

Spec = Mapping[str, Any]
Ref = tuple[str, str, frozenset[str]]
Walk = Callable[[object, str], Iterator[Ref]]


def facts_invalid(q: GuardInput) -> Breach | None:
    """Facts are complete, known and well formed (acts.json, notes: facts).

    `decide` names every fault.
    """
    faults = q.kind.check(q.act.facts, q.level)
    return Breach(pointers=tuple(f.pointer for f in faults)) if faults else None


def basis_present(q: GuardInput) -> Breach | None:
    """Each act cites at least one legal basis with instrument, article and role (G1)."""
    cited = q.act.basis
    if cited and all(b.instrument and b.article and b.role for b in cited):
        return None
    return Breach(pointers=("/basis",))


def document_doubted(q: GuardInput) -> Breach | None:
    """Added. Flag: a document whose number, date or use in this case cannot be right as it stands.

    Of other cases nothing is asked: that would tell of them.
    """
    document = q.act.document
    if document is None:
        return None
    doubts = [code for code, holds in _doubts(q, document) if holds]
    if not doubts:
        return None
    words = [vocabulary("document_doubts")[code] for code in doubts]
    member = {"late": "date", "old": "date"}
    return Breach(
        {"what": "; ".join(w.vi for w in words), "what_en": "; ".join(w.en for w in words)},
        tuple(dict.fromkeys(f"/document/{member.get(code, 'number')}" for code in doubts)),
    )


def _doubts(q: GuardInput, document: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    dated = date.fromisoformat(document["date"])
    yield "form", _NUMBER.fullmatch(document["number"]) is None
    yield "late", dated > local_day(q.signed_at)
    yield "old", q.day - dated > _YEAR
    yield (
        "again",
        any(
            entry.act.agency == q.act.agency and _another(document, entry.act.document)
            for entry in q.stream.effective()
            if entry.act.act_id != q.act.act_id
        ),
    )


def _another(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Whether two documents bear one number and are not the same."""
    if other is None or one["date"][:4] != other["date"][:4]:
        return False
    same_number = (one["number"], one["symbol"]) == (other["number"], other["symbol"])
    return same_number and (one["type"], one["abstract"]) != (other["type"], other["abstract"])


_NUMBER: Final = re.compile(r"(?:[A-ZĐ]{1,6}-)?\d{1,6}[A-Za-zĐđ]?(?:/[\w.-]{1,40})*")
_YEAR: Final = timedelta(days=366)


def circulation_level(q: GuardInput) -> Breach | None:
    """Above ordinary only INTERNAL circulates (4.4)."""
    if q.level == "ordinary" or q.act.circulation == "INTERNAL":
        return None
    return Breach(pointers=("/circulation",))


def correct_not_edit(q: GuardInput) -> Breach | None:
    """Nothing is replaced (G13): act_id is new or waits for this signer, seq and prev follow."""
    stream = q.stream
    if q.seq != stream.seq + 1 or q.prev != stream.head:
        return Breach()
    entry = stream.entries.get(q.act.act_id)
    if entry is None:
        return None
    same = entry.act is q.act or entry.act.signed == q.act.signed
    return None if same and entry.status == "pending" else Breach(pointers=("/act_id",))


def refers_to_other_case(q: GuardInput) -> Breach | None:
    """corrects, refers_to and every ref name an effective act of this stream, of a type allowed.

    ActReturned names a pending act; that it is one is judged here, that it is the signer's turn
    elsewhere.
    """
    act, stream = q.act, q.stream
    wrong = []
    if act.refers_to is not None:
        known = (
            stream.pending.get(act.refers_to)
            if act.act == "ActReturned"
            else stream.get(act.refers_to)
        )
        if known is None:
            wrong.append("/refers_to")
    elif act.act == "ActReturned":
        wrong.append("/refers_to")
    if act.corrects is not None and stream.get(act.corrects) is None:
        wrong.append("/corrects")
    for pointer, named, types in refs(q.kind, q.facts):
        entry = stream.get(named)
        if entry is None or (types and entry.act.act not in types):
            wrong.append(pointer)
    return Breach(pointers=tuple(wrong)) if wrong else None


def refers_to_other_case_v2(q: GuardInput) -> Breach | None:
    """As before; ActWithdrawn names a pending act too."""
    if q.act.act != WITHDRAWAL:
        return refers_to_other_case(q)
    waits = q.stream.pending.get(str(q.act.refers_to))
    return None if waits is not None else Breach(pointers=("/refers_to",))


def refs(kind: ActType, facts: Mapping[str, Any]) -> Iterator[Ref]:
    """(pointer, act_id, types allowed) of every reference to an act of the same stream."""
    walk = kind.of(_walk)
    return iter(()) if walk is None else walk(facts, "/facts")


def _walk(fields: Mapping[str, Spec]) -> Walk | None:
    """The walk over facts; None: no reference stands in them."""
    return _members(fields) if _holds_ref(fields) else None


def _members(fields: Mapping[str, Spec]) -> Walk:
    """The walk over an object's members, holding only those in which a reference can stand."""
    steps = [(name, step) for name, spec in fields.items() if (step := _step(spec)) is not None]

    def walk(value: object, at: str) -> Iterator[Ref]:
        if not isinstance(value, Mapping):
            return
        for name, step in steps:
            member = value.get(name)
            if member is not None:
                yield from step(member, f"{at}/{name}")

    return walk


def _step(spec: Spec) -> Callable[[Any, str], Iterator[Ref]] | None:
    if spec.get("elsewhere"):
        return None
    listed = spec["type"] == "list"
    kind = spec["of"] if listed else spec["type"]
    if kind == "ref":
        one = _single(frozenset(spec.get("acts", ())))
    elif kind == "object" and spec.get("fields") and _holds_ref(spec["fields"]):
        one = _members(spec["fields"])
    else:
        return None
    return _each(one) if listed else one


def _single(types: frozenset[str]) -> Callable[[Any, str], Iterator[Ref]]:
    return lambda value, at: iter(((at, value, types),) if isinstance(value, str) else ())


def _each(one: Callable[[Any, str], Iterator[Ref]]) -> Callable[[Any, str], Iterator[Ref]]:
    return lambda values, at: (
        r
        for n, v in enumerate(values if isinstance(values, (list, tuple)) else ())
        for r in one(v, f"{at}/{n}")
    )


def _holds_ref(fields: Mapping[str, Spec]) -> bool:
    return any(_step(spec) is not None for spec in fields.values())
