"""Rows of views as JSON: the server's times in UTC with `Z`, an act's own in Vietnam's offset."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from typing import Any, Final

from api.texts.catalogue import both
from keys import canonical
from keys.keyring import Verdict
from ledger.admission.service_statements import NAMES
from ledger.log.moment import stamp
from ledger.ports import LowerLogState
from ledger.regulation.acts.catalogue import load
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.case.documents import Document
from ledger.regulation.case.registers import signed_number
from ledger.regulation.case_file.flags import DISPUTED
from ledger.regulation.registry.calendar import local_day, local_time
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case
from projections.queries.acts.key_uses import AffectedByKey
from projections.queries.cases.mirrored import MirroredCase
from projections.queries.cases.relations import Related
from projections.queries.past.diff import Change
from projections.queries.signature_verdicts import StatementVerdict
from projections.queries.visibility import ReadUnder
from projections.views import acts as timeline
from projections.views.act_list import ActLine, SignedRow
from projections.views.acts import ActRow
from projections.views.case_file import CaseLine
from projections.views.case_names import Called
from projections.views.worklist import TaskRow

_OWN_CLOCK: Final = frozenset({"recorded_at", "last_at"})


def read_under(found: ReadUnder | None) -> dict[str, Any] | None:
    """By what a case is read in which the reader takes no part; None where they take part."""
    if found is None:
        return None
    grant = found.grant
    return {
        "rule": found.rule,
        "act_id": grant.act_id,
        "act": grant.act,
        "stream": grant.stream,
        "until": local_time(grant.until),
    }


def document(one: Document, registry: Registry, today: date) -> dict[str, Any]:
    """A classified document; whoever it is named to by what post and agency are called today."""
    body = asdict(one)
    for holder in body["holders"]:
        post, agency = holder["post"], holder["agency"]
        holder["post_vi"] = post and registry.post_name(agency or "", post)
        holder["agency_name"] = agency and registry.name(agency, today)
    return body


def case_line(line: CaseLine) -> dict[str, Any]:
    """One line of the case list."""
    body = {f.name: _value(f.name, getattr(line, f.name)) for f in fields(line)}
    del body["changes_at"]
    return {
        **body,
        "state_vi": line.state_vi,
        "state_en": line.state_en,
        "outcome_vi": line.outcome_vi,
        "outcome_en": line.outcome_en,
    }


def act_line(line: ActLine, at: datetime, registry: Registry) -> dict[str, Any]:
    """One line of a listing of acts, its author's agency by the name of that day."""
    body = {f.name: _value(f.name, getattr(line, f.name)) for f in fields(line)}
    label = registry.label(line.agency, local_day(line.occurred_at), local_day(at))
    return {**body, "agency_label": label, **act_names(line.act)}


def task(row: TaskRow, at: datetime, registry: Registry) -> dict[str, Any]:
    """One thing that waits, with how its clock stands, and whose move it is by name."""
    body = {f.name: _value(f.name, getattr(row, f.name)) for f in fields(row)}
    vi, en = life_cycle().clock_labels.get(row.code or "", (None, None))
    named = {**act_names(row.act), "clock_vi": vi, "clock_en": en}
    today = local_day(at)
    for member in ("agency", "waits_for"):
        agency = getattr(row, member)
        label = None if agency is None else registry.label(agency, today, today)
        named[f"{member}_label"] = label
    named["post_vi"] = row.post and registry.post_name(row.agency or "", row.post)
    return {**body, **named, "status": row.status(at)}


def affected(found: AffectedByKey) -> dict[str, Any]:
    """What a key touched."""
    key, cases = found.key, dict[str, list[SignedRow]]()
    for row in found.rows:
        if is_case(row.stream):
            cases.setdefault(row.stream, []).append(row)
    return {
        "kid": key.kid,
        "officer": key.officer,
        "from": local_time(found.since),
        "revoked": key.revoked_index is not None,
        "invalid_from": None if key.invalid_from is None else local_time(key.invalid_from),
        "index": found.index,
        "cases": [
            {
                "id": stream.removeprefix("case/"),
                **found.numbers.get(stream, Called())._asdict(),
                "statements": len(rows),
                "effective": sum(row.effect for row in rows),
            }
            for stream, rows in cases.items()
        ],
        "statements": [
            {f.name: _value(f.name, getattr(row, f.name)) for f in fields(row)} | act_names(row.act)
            for row in found.rows
        ],
    }


def related(one: Related) -> dict[str, Any]:
    """Another case that one has to do with, and the act that says so."""
    kinds = _KINDS[one.kind]
    return {
        "kind": kinds[one.by_it],
        "id": one.stream.removeprefix("case/"),
        **one.called._asdict(),
        "act_id": one.act.act_id,
        "act": one.act.act,
        **act_names(one.act.act),
        "occurred_at": fmt_time(one.act.occurred_at),
        "precision": one.act.precision,
    }


_KINDS: Final = {
    "MERGED": ("MERGED_INTO", "MERGED_FROM"),
    "DUPLICATE": ("PERHAPS_THE_SAME", "PERHAPS_THE_SAME_BY_IT"),
}


def statement(judged: StatementVerdict) -> dict[str, Any]:
    """One statement with its verdict, both clocks and what it did."""
    row = judged.row
    return {
        "index": row.index,
        "seq": row.seq,
        "role": row.role,
        "officer": row.officer,
        "kid": row.kid,
        "iat": row.iat,
        "recorded_at": stamp(row.recorded_at),
        "status": row.status,
        "effect": row.effect,
        "state_after": row.state_after,
        "flags": _flags(judged),
        "digest": row.digest,
        "entry": canonical.b64(row.entry),
        "verdict": str(judged.verdict),
        "outcome": judged.outcome,
        "reason": both(judged.reason),
        "guard": judged.guard,
        "voided_by": row.voided_by,
        "key": judged.key,
        "signer": judged.signer,
    }


def act(statements: list[StatementVerdict]) -> dict[str, Any]:
    """An act with all its statements, in their order; what is set aside moves none of it."""
    first = next((one.row for one in statements if one.row.payload is not None), statements[0].row)
    stands = [one.row for one in statements if not one.row.aside]
    last = stands[-1] if stands else statements[-1].row
    return {
        "act_id": first.act_id,
        "stream": first.stream,
        **act_names(first.act),
        "act": first.act,
        "agency": first.agency,
        "occurred_at": _occurred(first),
        "late": first.late,
        "number": _number(first),
        "status": last.status,
        "flags": sorted({flag for one in statements for flag in _flags(one)}),
        "erased_by": first.erased_by,
        "payload": dict(first.members) if first.payload is not None else None,
        "statements": [statement(one) for one in statements],
    }


def _flags(judged: StatementVerdict) -> list[str]:
    """Those that it raised, and that of a disputed signature."""
    doubted = [DISPUTED] if judged.verdict is Verdict.DISPUTED else []
    return [*judged.row.flags, *doubted]


def _number(row: ActRow) -> str | None:
    """The number of an act in its register, signed by form 1 and given from form 2 on."""
    known = timeline.act_of(row)
    if known is None:
        return None
    number = timeline.number_of(row, known)
    return signed_number(known) or (None if number is None else str(number))


def shown_act(case: MirroredCase | None, statements: list[StatementVerdict]) -> dict[str, Any]:
    """An act of a timeline, with its mark where it is of a lower log."""
    shown = act(statements)
    if case is not None:
        first = next((one.row for one in statements if one.row.payload is not None), None)
        listed = [] if first is None else first.members.get("attachments", [])
        shown["mirrored"] = {
            "left_out": [
                one["digest"]
                for n, one in enumerate(listed)
                if first is not None and (first.index, n) in case.left_out
            ],
            "log": case.log,
            "level": case.level,
            "taken_in_at": stamp(case.taken_at(statements[-1].row.index)),
            "shown_by": case.via.act_id,
        }
    return shown


def mirrored_case(case: MirroredCase) -> dict[str, Any]:
    """A case of a lower log that is shown with one above."""
    newest = case.segments[-1]
    return {
        "log": case.log,
        "level": case.level,
        "stream": case.stream,
        "statements": len(case.statements),
        "records": newest.size,
        "published_at": stamp(datetime.fromtimestamp(newest.at, UTC)),
        "taken_in_at": stamp(newest.taken_at),
        "shown_by": case.via.act_id,
    }


def lower_log(state: LowerLogState) -> dict[str, Any]:
    """How far a lower log is taken in."""
    return {
        "log": state.log,
        "level": state.level,
        "size": state.size,
        "root": canonical.b64(state.root),
        "published_at": stamp(state.published_at),
        "taken_in_at": stamp(state.taken_at),
    }


def change(one: Change) -> dict[str, Any]:
    """One changed field, old → new, with the acts that touched it."""
    return {
        "pointer": one.pointer,
        "old": one.old,
        "new": one.new,
        "acts": [{**line, **act_names(line.get("act"))} for line in one.acts],
    }


def act_names(name: str | None) -> dict[str, Any]:
    """`act_vi` and `act_en` of an act type or a service event."""
    service = NAMES.get(name or "")
    if service is not None:
        return {f"act_{lang}": text for lang, text in both(service).items()}
    kind = load().types.get(name or "")
    return {"act_vi": kind.vi if kind else name, "act_en": kind.en if kind else name}


def _occurred(row: ActRow) -> str | None:
    """As signed: the payload's own text where it is there."""
    stated = row.members.get("occurred_at")
    return stated if isinstance(stated, str) else None


def _value(name: str, value: Any) -> Any:  # noqa: ANN401  a column
    if isinstance(value, datetime):
        if name in _OWN_CLOCK:
            return stamp(value)
        return local_time(value)
    return value
