"""The case file: what a reader sees of one case at one instant, as JSON-able values.

Folded from its acts alone. One function for the live view, the view as of a date, the bundle and
the audit (architecture.md §5). Texts come from the data in both languages; who may see what is not
decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.acts.lifecycle import OPEN_STATES, life_cycle_of
from ledger.regulation.case.clocks import ClockRun, changes, clock_runs
from ledger.regulation.case.corrections import COMPLETED, MEMBER_MARKS
from ledger.regulation.case.other_cases_port import Cases
from ledger.regulation.case.outcomes import words
from ledger.regulation.case.silences import biting
from ledger.regulation.case.state import Entry, StreamState, SubProcess, present_agency
from ledger.regulation.case_file import flags as flags_of
from ledger.regulation.case_file.flags import Raised
from ledger.regulation.edition import Edition
from ledger.regulation.guards.table import guards_in
from ledger.regulation.registry.calendar import VIETNAM, deadline, local_day, local_time
from ledger.regulation.registry.registry import Registry
from ledger.regulation.registry.rules import UNIT_WORDS
from ledger.regulation.words import sentence, vocabulary

Json = dict[str, Any]


def case_file(
    stream: StreamState,
    raised: Raised,
    registry: Registry,
    at: datetime,
    cases: Cases | None = None,
) -> Json:
    """Everything a case page shows, at this instant.

    Args:
        stream: The fold of the case, as of the state looked at.
        raised: Flags by act as they were at effect (`decide.raised`).
        registry: The registry of that state.
        at: The instant looked from: which clocks are over, what an agency is called now.
        cases: Reports of article 9, for STATISTICS_RESTATED.
    """
    return _file(stream, raised, registry, at, cases, clock_runs(stream, registry, at, cases))


def case_file_until(
    stream: StreamState,
    raised: Raised,
    registry: Registry,
    at: datetime,
    cases: Cases | None = None,
) -> tuple[Json, datetime | None]:
    """`case_file`, and the instant after `at` at which it changes by itself; None: never."""
    runs = clock_runs(stream, registry, at, cases)
    found = list(changes(runs, at))
    for sub in stream.subs.values():
        lapse = stream.lapse(sub, registry)
        if lapse is not None and lapse[0] >= at:
            found.append(lapse[0] + timedelta(seconds=1))
    found.extend(i for i in _ends_of_agencies(stream, registry, at) if i > at)
    return _file(stream, raised, registry, at, cases, runs), min(found, default=None)


def _file(
    stream: StreamState,
    raised: Raised,
    registry: Registry,
    at: datetime,
    cases: Cases | None,
    runs: Sequence[ClockRun],
) -> Json:
    today = local_day(at)
    edition = _edition(stream, registry)
    shown = flags_of.standing(raised, stream, registry, at, cases)
    subs = [_sub(s, stream.sub_state(s, at, registry)) for s in stream.subs.values()]
    return {
        "stream": stream.name,
        **_head(stream, registry, today),
        **_state(stream, edition),
        **_outcome(stream),
        "result": _named(stream.result),
        "finding": _finding(stream),
        "open_sub_processes": [s for s in subs if s["open"]],
        "sub_processes": subs,
        "pending": [_pending(e, registry) for e in stream.pending.values()],
        "returned": [_returned(e) for e in stream.entries.values() if e.status == "returned"],
        "clocks": [_clock(run, stream.entries[run.act_id]) for run in runs],
        "flags": [_flag(code, act_id, stream.entries[act_id].edition) for code, act_id in shown],
        "complaint_paths": list(_complaint_paths(stream, registry, today)),
        "corrections": list(_corrections(stream)),
        "assumptions": _assumptions(stream, registry, today),
        "silences": _silences(
            stream, {*(r.code for r in runs), *(code for code, _ in shown)}, edition
        ),
        "statements": stream.seq,
        "acts": len(stream.entries),
        "officers": sorted({s.officer for e in stream.entries.values() for s in e.signed}),
        "head": stream.head,
        **({"set_aside": sorted(stream.aside)} if stream.aside else {}),
        **({"unshown": unshown} if (unshown := _unshown(stream)) else {}),
    }


def _unshown(stream: StreamState) -> int:
    """Statements whose place is all that there is of them: erased, void, or of another unit."""
    folded = sum(len(entry.signed) for entry in stream.entries.values())
    return max(stream.seq - folded - len(stream.aside), 0)


def _edition(stream: StreamState, registry: Registry) -> Edition:
    """That of the last act: what is closed is read as it was left, whatever is adopted since."""
    acts = stream.effective()
    return acts[-1].edition if acts else registry.edition


def _ends_of_agencies(stream: StreamState, registry: Registry, at: datetime) -> Iterator[datetime]:
    """Midnights after which an agency shown is called otherwise, or another one is the lead."""
    shown = {e.act.agency for e in stream.effective()}
    shown |= {p for a in shown if (p := registry.parent(a)) is not None}
    if stream.handler_raw is not None:
        shown.add(stream.handler_raw)
    days = {d for agency in shown for d in _renamed_on(agency, registry)}
    lead = registry.lead(local_day(at))
    held = None if lead is None else registry.agencies.holding(lead, "LEAD", local_day(at))
    if held is not None and held.valid_to is not None:
        days.add(held.valid_to)
    for day in days:
        yield datetime.combine(day + timedelta(days=1), datetime.min.time(), VIETNAM)


def _renamed_on(agency: str, registry: Registry) -> Iterator[date]:
    """Last days of the names of an agency, of itself, and of those who carry on for it."""
    at: str | None = agency
    seen: set[str] = set()
    while at is not None and at not in seen:
        seen.add(at)
        known = registry.agency(at)
        if known is None:
            return
        yield from (n.valid_to for n in known.names if n.valid_to is not None)
        last = known.valid_to
        if last is None:
            return
        yield last
        at = registry.heir(at, last + timedelta(days=1))


# -- head -----------------------------------------------------------------------------------------


def _head(stream: StreamState, registry: Registry, today: date) -> Json:
    registered = stream.last("CaseRegistered")
    facts = registered.act.facts if registered is not None else {}
    first = stream.intake[0] if stream.intake else None
    lead = registry.lead(today)
    return {
        "case_number": None if registered is None else registered.register_number,
        # what an edition before does not know is left out, as case files have always had it
        **({"title": facts["title"]} if "title" in facts else {}),
        "urgency": facts.get("urgency"),
        "alleged_limb": list(facts.get("alleged_limb", ())),
        "register_no": None if first is None else first.register_number,
        "opened_at": None if first is None else fmt_time(first.act.occurred_at),
        "registered_at": None if registered is None else fmt_time(registered.act.occurred_at),
        "handler": _handler(stream, registry, today),
        "lead": None if lead is None else {"agency": lead, "label": registry.name(lead, today)},
        "finders": [_agency(e.act.agency, e.act.day, registry, today) for e in stream.intake],
        "reporters": len(stream.effective("ReportReceived")),
    }


def _handler(stream: StreamState, registry: Registry, today: date) -> Json | None:
    raw = stream.handler_raw
    if raw is None:
        return None
    taken = stream.last("CaseRegistered", "CaseCustodyTransferred")
    since = today if taken is None else taken.act.day
    shown = _agency(raw, since, registry, today)
    return {**shown, "registered_as": raw, "agency": present_agency(registry, raw, today)}


def _agency(agency: str, day: date, registry: Registry, today: date) -> Json:
    return {
        "agency": agency,
        "name": registry.name(agency, day),
        "label": registry.label(agency, day, max(day, today)),
    }


def _state(stream: StreamState, edition: Edition) -> Json:
    since = stream.state_since
    vi, en = life_cycle_of(edition).labels.get(stream.state or "", (None, None))
    return {
        "state": stream.state,
        "state_vi": vi,
        "state_en": en,
        "state_since": None
        if since is None
        else {"act_id": since.act.act_id, "at": fmt_time(since.act.occurred_at)},
    }


def _outcome(stream: StreamState) -> Json:
    named = None if stream.outcome is None else words(stream.outcome)
    vi, en = (None, None) if named is None else (named.vi, named.en)
    return {"outcome": stream.outcome, "outcome_vi": vi, "outcome_en": en}


def _named(entry: Entry | None) -> Json | None:
    """An act as a line refers to it."""
    if entry is None:
        return None
    kind = catalogue_of(entry.edition).types.get(entry.act.act)
    return {
        "act_id": entry.act.act_id,
        "act": entry.act.act,
        "vi": entry.act.act if kind is None else kind.vi,
        "en": entry.act.act if kind is None else kind.en,
        "occurred_at": fmt_time(entry.act.occurred_at),
        "agency": entry.act.agency,
    }


def _finding(stream: StreamState) -> Json | None:
    entry = stream.finding
    if entry is None:
        return None
    facts = entry.act.facts
    met = [limb["limb"] for limb in facts.get("limbs", ()) if limb.get("result") == "MET"]
    return {**(_named(entry) or {}), "finding": facts.get("finding"), "limbs_met": met}


# -- what runs ------------------------------------------------------------------------------------


def _sub(sub: SubProcess, state: str) -> Json:
    vi, en = life_cycle_of(sub.opened_by.edition).sub_labels[sub.name]
    return {
        "name": sub.name,
        "vi": vi,
        "en": en,
        "id": sub.id,
        "state": state,
        "open": state in OPEN_STATES[sub.name],
        "opened_by": _named(sub.opened_by),
        "moves": [{"act_id": e.act.act_id, "act": e.act.act, "state": s} for e, s in sub.moves],
    }


def _pending(entry: Entry, registry: Registry) -> Json:
    agency = registry.agency(entry.act.agency)
    posts = {} if agency is None else {code: post.vi for code, post in agency.posts.items()}
    return {
        **(_named(entry) or {}),
        "signed": [{"officer": s.officer, "role": s.role, "iat": s.iat} for s in entry.signed],
        "waiting_for": [
            {
                "officer": s.officer,
                "post": s.post,
                "post_vi": posts.get(s.post, s.post),
                "role": s.role,
                # what form 1 does not say is left out, as case files have always had it
                **({} if s.capacity is None else {"capacity": s.capacity}),
            }
            for s in entry.waiting_for
        ],
    }


def _returned(entry: Entry) -> Json:
    by = entry.returned_by
    return {
        **(_named(entry) or {}),
        "returned_by": None if by is None else by.act.act_id,
        "reason": None if by is None else by.act.facts.get("reasons", by.act.facts.get("reason")),
    }


def _clock(run: ClockRun, begun_by: Entry) -> Json:
    vi, en = life_cycle_of(begun_by.edition).clock_labels[run.code]
    return {
        "code": run.code,
        "vi": vi,
        "en": en,
        "act_id": run.act_id,
        "act": begun_by.act.act,
        "sub_process": run.sub,
        "started_at": _text(run.started_at),
        "due": _text(run.due),
        "alarm": _text(run.alarm),
        "status": run.status,
        "source": run.source,
        "source_kind": run.kind,
        "certainty": run.certainty,
        "stopped_by": run.stopped_by,
        "stopped_at": _text(run.stopped_at),
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else local_time(at)


def _flag(code: str, act_id: str, edition: Edition) -> Json:
    if code == flags_of.DISPUTED:
        said = vocabulary("sentences")["signature_disputed"]
        return {"code": code, "act_id": act_id, "vi": said.vi, "en": said.en, "source": []}
    guard = guards_in(edition).by_code[code]
    text = guard.text({})
    return {
        "code": code,
        "act_id": act_id,
        "vi": text.vi,
        "en": text.en,
        "source": list(guard.source),
    }


# -- for the person on the other side -------------------------------------------------------------


def _complaint_paths(stream: StreamState, registry: Registry, today: date) -> Iterator[Json]:
    """The complaint path of each restrictive entry, with its limit (regulation.md §9, rule 8)."""
    for entry in stream.effective():
        kind = catalogue_of(entry.edition).types.get(entry.act.act)
        if kind is not None and kind.restrictive:
            yield _complaint_path(entry, kind, registry, today)


def _complaint_path(entry: Entry, kind: ActType, registry: Registry, today: date) -> Json:
    act = entry.act
    day = act.day
    issuer = registry.label(act.agency, day, max(day, today))
    above = registry.parent(act.agency)
    superior = None if above is None else registry.label(above, day, max(day, today))
    rule = registry.rule("COMPLAINT_LODGE", day)
    until: datetime | None = None
    within = vocabulary("sentences")["complaint_by_law"]
    if rule is not None and isinstance(rule.value, int):
        until = deadline(act.occurred_at, rule.value, rule.unit, registry.edition.calendar)
        unit, limit = UNIT_WORDS[rule.unit], {"value": rule.value, "source": rule.source}
        within = sentence(
            "complaint_within", {**limit, "unit": unit.vi}, {**limit, "unit": unit.en}
        )
    second = vocabulary("sentences")["complaint_court"]
    if superior:
        second = sentence("complaint_second", {"superior": superior}, {"superior": superior})
    told = sentence(
        "complaint",
        {"act": kind.vi, "issuer": issuer, "within": within.vi, "second": second.vi},
        {"act": kind.en, "issuer": issuer, "within": within.en, "second": second.en},
    )
    return {
        "act_id": act.act_id,
        "act": act.act,
        "first_instance": {"agency": act.agency, "label": issuer},
        "second_instance": None if above is None else {"agency": above, "label": superior},
        "until": _text(until),
        "source": None if rule is None else rule.source,
        "certainty": None if rule is None else rule.certainty,
        "vi": told.vi,
        "en": told.en,
    }


def _corrections(stream: StreamState) -> Iterator[Json]:
    for entry in stream.effective("RecordCorrected", "CorrectionPublished", "ContentWithdrawn"):
        yield {
            **(_named(entry) or {}),
            "corrects": entry.act.corrects or entry.act.facts.get("release"),
            "mark": entry.act.facts.get("mark"),
            **_put_right(entry, stream),
        }


def _put_right(entry: Entry, stream: StreamState) -> Json:
    """What stood and what is right, where the edition of the correction puts members right."""
    target = stream.get(entry.act.corrects or "")
    if target is None or entry.act.facts.get("mark") not in {*MEMBER_MARKS, COMPLETED}:
        return {}
    kind = catalogue_of(entry.edition).types.get(target.act.act)
    if kind is None or not kind.correctable:
        return {}
    return {name: entry.act.facts.get(name) for name in ("member", "was", "now")}


def _silences(stream: StreamState, codes: set[str], edition: Edition) -> list[Json]:
    """What the regulation doesn't say where this case stands, and what this ledger does (§8)."""
    return [
        {"n": s.n, "vi": s.vi, "en": s.en, "bites": where}
        for s, where in biting(stream, sorted(codes), edition)
    ]


def _assumptions(stream: StreamState, registry: Registry, today: date) -> list[Json]:
    """Configured lines that bite in this case; each is shown where it does (regulation.md §8)."""
    wanted = {"TERRITORY_2023"} if stream.handler_raw is not None else set()
    days = {today, *(e.act.day for e in stream.effective())}
    if any(
        (lead := registry.lead(d)) is not None and registry.assumed(lead, "LEAD", d) for d in days
    ):
        wanted.add("LEAD_SUCCESSOR_2025")
    if stream.effective("ExpertCouncilProposed", "ExpertCouncilEstablished"):
        wanted.add("EXPERT_COUNCIL_AUTHORITY")
    return [
        {"code": a["code"], "vi": a["vi"], "en": a["en"]}
        for a in registry.edition.registry["assumptions"]
        if a["code"] in wanted
    ]
