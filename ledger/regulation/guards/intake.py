"""Guards on what comes in: oral and outside reports, tokens, duplicates, disclosed identities."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ledger.regulation.acts.act import NamedSigner, stream_kind
from ledger.regulation.case.exclusions import about, concerned
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import (
    agency_of,
    filled,
    limit_words,
    named_as,
    share_a_person,
    strings,
    texts,
    time_of,
    within,
)
from ledger.regulation.case.reporters import may_bring, tokens, tokens_named
from ledger.regulation.case.state import INTAKE, SEALING, present_agency
from ledger.regulation.guards.basis import lines_on
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.agencies import Asked

ORAL_CHANNELS = frozenset({"PHONE", "SMS", "AUDIO", "VIDEO", "MEETING"})
OPEN_CASE = frozenset({
    "SCREENING",
    "VERIFYING",
    "ASSESSING",
    "ESCALATED",
    "HANDLING",
    "REFERRED",
    "REFERRED_CRIMINAL",
})  # fmt: skip
#: Acts by which nobody handles a case: receiving, sealing and answering the person who reported.
NOT_HANDLING = frozenset(
    {*INTAKE, "ReporterIdentitySealed", "ReporterIdentityDisclosed", "ReporterInformed"}
)
_ARTICLE = re.compile(r"[Đđ]iều\s+(\d+[a-z]?)")
_PROVISION = re.compile(r"Điều|khoản|điểm|\d+/\d{4}/|\d+/Q", re.IGNORECASE)


def oral_unconfirmed(q: GuardInput) -> Breach | None:
    """6.1.

    What came in or was ordered by word of mouth shows so until a written confirmation is linked.
    """
    oral = (
        q.act.channel in ORAL_CHANNELS
        or q.facts.get("form") == "ORAL"
        or q.facts.get("oral_order") is True
    )
    if not oral:
        return None
    missing = "oral_record" in q.kind.facts and not q.facts.get("oral_record")
    return Breach(pointers=("/facts/oral_record",) if missing else ("/channel",))


def external_request_written(q: GuardInput) -> Breach | None:
    """2.1.

    An outside authority's request is recorded from its document; by word of mouth it is a report.
    """
    return None if q.act.document is not None else Breach(pointers=("/document",))


def token_matches_report(q: GuardInput) -> Breach | None:
    """Added.

    The sealed token is the one the report of this case was given, or the first for a report that
    says an identity was given and holds none.
    """
    given = {token for _, token in tokens(q.stream)}
    if q.facts.get("reporter") in given or may_bring(q.act, q.stream):
        return None
    return Breach(pointers=("/facts/reporter",))


def token_of_one_case(q: GuardInput) -> Breach | None:
    """Added (access.md L26). No token that is named stands in another case, so none joins two."""
    taken = {t for t in tokens_named(q.act.members) if q.cases.token_elsewhere(t, q.stream.name)}
    if not taken:
        return None
    return Breach(pointers=tuple(at for at, text in strings(q.act.members) if text in taken))


def disclosure_outside_signer(q: GuardInput) -> Breach | None:
    """Added (access.md A18, S9).

    Who checks a disclosure stands outside the unit that handles, and nobody signs who took part or
    belongs to what the reporter reported on. A unit is the registry's unit_code, and where none is
    registered, the post.
    """
    reported = _reported(q)
    of_reported = [n for n, s in enumerate(q.act.signers) if _is_of(q, s.officer, reported)]
    if of_reported:
        return Breach(pointers=tuple(f"/signers/{n}" for n in of_reported))
    handling = [e for e in q.stream.effective() if e.act.act not in NOT_HANDLING]
    took_part = [o for e in handling for o in e.signed_by()]
    if share_a_person(q, named_as(q), took_part):
        return Breach(pointers=("/signers",))
    checkers = [s for s in q.act.signers if s.role == "CHECKER"]
    handler = q.stream.handler(q.registry, q.day)
    units = {_unit(q, s) for e in handling for s in e.signers_done if e.act.agency == handler}
    inside = not checkers or any(_unit(q, s) in units for s in checkers)
    return Breach(pointers=("/signers",)) if inside else None


def disclosure_outside_signer_v2(q: GuardInput) -> Breach | None:
    """Added (access.md A18, S9).

    Nor does anybody sign who is, or by whatever post belongs to, what a report of the case is about
    (`concerns_agency`, `concerns_officer`), whoever said that of which reporter.
    """
    agencies, officers = concerned(q.stream, q.registry, q.day)
    units = [(agency, None) for agency in agencies]
    about = [
        n
        for n, s in enumerate(q.act.signers)
        if share_a_person(q, (s.officer,), officers) or _is_of(q, s.officer, units)
    ]
    if about:
        return Breach(pointers=tuple(f"/signers/{n}" for n in about))
    return disclosure_outside_signer(q)


def _reported(q: GuardInput) -> list[tuple[str | None, str | None]]:
    """Agency, as it is called now, and unit of what this reporter's sealing says."""
    return [
        (present_agency(q.registry, str(unit["agency"]), q.day), unit.get("unit_code"))
        for entry in q.stream.effective(SEALING)
        if entry.act.facts.get("reporter") == q.facts.get("reporter")
        for unit in entry.act.facts.get("reported_units", ())
    ]


def _is_of(q: GuardInput, officer: str, units: Collection[tuple[str | None, str | None]]) -> bool:
    """Whether the natural person holds a post there on the day, by whatever id."""
    return any(
        post.agency == agency and unit in (None, post.unit_code)
        for one in q.registry.officers.ids_of(officer)
        for post in q.registry.appointments(one, q.day)
        for agency, unit in units
    )


def _unit(q: GuardInput, signer: NamedSigner) -> tuple[str | None, str]:
    agency = agency_of(q, signer.officer, signer.post)
    line = agency and q.registry.appointment(signer.officer, agency, signer.post, q.day)
    return agency, (line.unit_code if line else None) or signer.post


def disclosure_limited(q: GuardInput) -> Breach | None:
    """Added.

    An identity is open for a dated limit at most; not telling the reporter needs a provision of
    law.
    """
    until = time_of(q.facts.get("until"))
    in_time = until is not None and within(q, "DISCLOSURE_MAX", q.act.occurred_at, until)
    ground = q.facts.get("not_told_ground")
    told = q.facts.get("reporter_told") is True
    if in_time and (told or (filled(ground) and _PROVISION.search(str(ground)))):
        return None
    pointer = "/facts/not_told_ground" if in_time else "/facts/until"
    return Breach(limit_words(q, "DISCLOSURE_MAX"), (pointer,))


def territory_known(q: GuardInput) -> Breach | None:
    """4.3. A case is where its registration says, inside the territory of whoever registers it."""
    stated = q.facts.get("territory")
    line = q.registry.agency(q.act.agency)
    agencies = q.registry.agencies
    if not isinstance(stated, str) or line is None:
        return None
    if agencies.knows(stated) and agencies.serves(line.territory, Asked(frozenset({stated}))):
        return None
    return Breach({"agency": q.registry.name(line.id, q.day)}, ("/facts/territory",))


def duplicates_checked(q: GuardInput) -> Breach | None:
    """Added.

    A case is opened from an intake act of its own stream, after a search for the same incident.
    """
    named = any(q.stream.get(i, *INTAKE) for i in texts(q.facts.get("intake")))
    if q.facts.get("duplicates_checked") is True and named:
        return None
    return Breach(pointers=("/facts/intake" if not named else "/facts/duplicates_checked",))


def surviving_case_open(q: GuardInput) -> Breach | None:
    """Added. A file is merged into another case of this log that is still open."""
    survivor = str(q.facts.get("surviving_case"))
    open_elsewhere = survivor != q.stream.name and q.cases.state(survivor) in OPEN_CASE
    return None if open_elsewhere else Breach(pointers=("/facts/surviving_case",))


def concerned_comes_along(q: GuardInput) -> Breach | None:
    """4.3; G8 (added). The case that goes on is about everybody whom the one that ends is about.

    Or whoever is reported on, and may sign nothing in the one, would go on in the other.
    """
    survivor, named = q.facts.get("surviving_case"), about(q.stream)
    if not named or not isinstance(survivor, str) or survivor == q.stream.name:
        return None
    if q.cases.is_about(survivor, tuple(sorted(named))):
        return None
    return Breach(pointers=("/facts/surviving_case",))


def withdrawn_once(q: GuardInput) -> Breach | None:
    """Added. A report is taken back once."""
    named = q.facts.get("report")
    back = any(e.act.facts.get("report") == named for e in q.stream.effective("ReportWithdrawn"))
    return Breach(pointers=("/facts/report",)) if back else None


def link_elsewhere(q: GuardInput) -> Breach | None:
    """Added. A case is split into, and related to, another one; whether it is there is not asked.

    It may not have begun, and who asks may not see it (access.md N6).
    """
    other = str(q.facts.get("other_case"))
    fits = other != q.stream.name and stream_kind(other) == "case"
    return None if fits else Breach(pointers=("/facts/other_case",))


def concerned_handles_not(q: GuardInput) -> Breach | None:
    """4.3; G8 (added). No case is given to an agency that a report of it is about."""
    agencies, _ = concerned(q.stream, q.registry, q.day)
    for member in ("handling_agency", "to_agency", "competent_agency"):
        named = q.facts.get(member)
        if isinstance(named, str) and present_agency(q.registry, named, q.day) in agencies:
            shown = q.registry.name(named, q.day)
            return Breach({"agency": shown}, (f"/facts/{member}",))
    return None


def handler_registers(q: GuardInput) -> Breach | None:
    """8.1.a, 4.3 (added). Whoever registers a case handles it; another does once it has accepted.

    One clerk makes no other agency the handler by a word. A report about the own agency goes
    elsewhere from the first (CONCERNED_HANDLES_NOT).
    """
    named = present_agency(q.registry, str(q.facts.get("handling_agency")), q.day)
    agencies, _ = concerned(q.stream, q.registry, q.day)
    if named == q.act.agency or q.act.agency in agencies:
        return None
    told = {"agency": q.registry.name(q.act.agency, q.day)}
    return Breach(told, ("/facts/handling_agency",))


def disclosure_lawful(q: GuardInput) -> Breach | None:
    """Added (access.md A18). Only to a body that the law names, on a ground that is listed."""
    lines = [line for line in lines_on(q, "disclosure_grounds", q.day) if _cites(q, line)]
    lawful = [
        any(q.registry.holds(to, code, q.day) for line in lines for code in line["who"])
        for to in q.act.to
    ]
    if lawful and all(lawful):
        return None
    return Breach(pointers=("/facts/legal_ground",) if not lines else ("/to",))


def _cites(q: GuardInput, line: Mapping[str, Any]) -> bool:
    name, article = str(line["instrument"]), str(line["article"])
    cited = any((b.instrument, b.article) == (name, article) for b in q.act.basis)
    ground = str(q.facts.get("legal_ground", ""))
    return cited or (name in ground and article in _ARTICLE.findall(ground))
