"""Guards on registry acts: lines added and never edited, nobody their own registrar (G8, G13)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from keys.errors import KeysError
from keys.jwk import public_key, thumbprint
from keys.keyring import Keyring
from keys.signer import STATEMENT_ALGS
from ledger.message import Wording
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import (
    day_of,
    filled,
    fmt_day,
    founding,
    named_as,
    objects,
    share_a_person,
    texts,
    time_of,
)
from ledger.regulation.case.stand_ins import may_take_back, signed_on, stand_ins_of
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry import added_lines
from ledger.regulation.registry.agencies import ENDING
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.rules import UNIT_WORDS, Bound, Rule, bounds, is_worse
from ledger.regulation.words import vocabulary

#: How a line says that its document is not known.
_NOT_KNOWN: Final = re.compile(
    r"chưa (xác định|rõ|có|biết)|không rõ|giả định|unknown|not known", re.IGNORECASE
)


def dates_ordered(q: GuardInput) -> Breach | None:
    """Added. A term ends on or after the day it begins."""
    start, end = q.facts.get("valid_from"), q.facts.get("valid_to")
    if not isinstance(start, str) or not isinstance(end, str):
        return None
    if "valid_to" in q.kind.facts and q.kind.facts["valid_to"].get("type") == "datetime":
        first, last = time_of(start), time_of(end)
        ordered = first is not None and last is not None and first <= last
    else:
        ordered = start <= end
    return None if ordered else Breach(pointers=("/facts/valid_to",))


def basis_document_named(q: GuardInput) -> Breach | None:
    """Added (law.md §13). A line names the document it rests on, or says that it is assumed."""
    document = q.facts.get("basis_document")
    if not filled(document):
        return Breach(pointers=("/facts/basis_document",))
    unknown = _NOT_KNOWN.search(str(document)) is not None
    if unknown and "assumed" in q.kind.facts and q.facts.get("assumed") is not True:
        return Breach(pointers=("/facts/assumed",))
    return None


def succession_map_complete(q: GuardInput) -> Breach | None:
    """Added (law.md §13).

    Duties move by function and territory: none of an agency that ends is left without a successor.
    """
    effective = day_of(q.facts.get("effective_on"))
    before, after = texts(q.facts.get("predecessors")), texts(q.facts.get("successors"))
    if effective is None:
        return Breach(pointers=("/facts/effective_on",))
    unknown = [a for a in (*before, *after) if q.registry.agency(a) is None]
    if unknown:
        return Breach({"functions": ", ".join(unknown)}, ("/facts/predecessors",))
    rows = objects(q.facts.get("map"))
    astray = [
        str(r.get("function"))
        for r in rows
        if not q.registry.exists(str(r.get("to_agency")), effective)
    ]
    left = [f for a in before if _ends(q, a, after) for f in _left(q, a, effective)]
    missing = sorted({*astray, *left})
    return Breach({"functions": ", ".join(missing)}, ("/facts/map",)) if missing else None


def _ends(q: GuardInput, agency: str, successors: list[str]) -> bool:
    """Whether a predecessor ends by this kind of change, and does not go on under its own id."""
    return q.facts.get("kind") in ENDING and agency not in successors


def _left(q: GuardInput, agency: str, effective: date) -> list[str]:
    """Functions an agency holds up to the change that no row maps for their territory."""
    eve = effective - timedelta(days=1)
    held = [h for h in q.registry.agencies.holdings(agency) if h.on(effective) or h.on(eve)]
    rows = [r for r in objects(q.facts.get("map")) if r.get("from_agency") == agency]
    mapped = {(r.get("function"), r.get("territory")) for r in rows}
    return [
        h.function
        for h in held
        if (h.function, h.territory) not in mapped and (h.function, None) not in mapped
    ]


def agency_id_new(q: GuardInput) -> Breach | None:
    """Added. An agency id is used once, for ever, and names the stream."""
    agency = str(q.facts.get("agency"))
    new = q.registry.agency(agency) is None and q.stream.name == f"agency/{agency}"
    return None if new else Breach(pointers=("/facts/agency",))


def lines_fit(q: GuardInput) -> Breach | None:
    """Added. Each line of many is one that an act of its own could add."""
    lines = objects(q.facts.get("lines"))
    found = added_lines.faults(lines, q.registry.agencies, q.edition)
    if not found:
        return None
    first = found[0]
    words = vocabulary("line_faults")[first.code]
    return Breach(
        {
            "line": str(first.place + 1),
            "agency": str(lines[first.place]["name"]),
            "what": words.vi,
            "what_en": words.en,
        },
        tuple(f"/facts/lines/{fault.place}" for fault in found),
    )


def agency_known(q: GuardInput) -> Breach | None:
    """Added.

    A function or a post belongs to an agency that is registered and exists on its first day.
    """
    first = day_of(q.facts.get("valid_from"))
    known = first is not None and q.registry.exists(str(q.facts.get("agency")), first)
    return None if known else Breach(pointers=("/facts/agency",))


def officer_known(q: GuardInput) -> Breach | None:
    """Added.

    Only an officer who holds a post in this log today gets a key or a grant; a service key, and no
    other, has no officer and stands in the stream `ledger` (formats.md §3, §9).
    """
    officer = q.facts.get("officer")
    service, apart = q.facts.get("custody") == "SERVICE", q.stream.kind == "ledger"
    if service or apart:
        fits = service and apart and officer is None
        return None if fits else Breach(pointers=("/facts/custody", "/facts/officer"))
    today = q.signed_at.astimezone(q.act.occurred_at.tzinfo).date()
    known = bool(q.registry.appointments(str(officer), today))
    return None if known else Breach(pointers=("/facts/officer",))


def registrar_not_self(q: GuardInput) -> Breach | None:
    """G8 (access.md S10).

    Nobody registers themselves, nor under a second id; the founder's own line stands in
    LedgerOpened.
    """
    officer, person = q.facts.get("officer"), q.facts.get("person")
    own = isinstance(officer, str) and share_a_person(q, [officer], named_as(q))
    if isinstance(person, str):
        own = own or share_a_person(q, q.registry.officers.of_person(person), named_as(q))
    return Breach(pointers=("/signers", "/facts/officer")) if own else None


def registrar_left(q: GuardInput) -> Breach | None:
    """G8 (added). No act takes from a log, on any day to come, who lets others in.

    That is a registrar with a key, and another person who approves what they enter: two may have
    begun to end each other, or leave one after the other; with an agency all go whose posts are
    there; who is appointed to a post anew may have less; and two ids may turn out to be one person.
    """
    after = q.registry.copy()
    after.apply(q.act, index=q.registry.version + 1, recorded_at=q.at)
    day = after.first_day_shut(q.registry, q.day_taken)
    if day is None:
        return None
    named = _NAMED.get(q.act.act, ("officer", "post"))
    return Breach(
        {"date": fmt_day(day - timedelta(days=1))}, tuple(f"/facts/{member}" for member in named)
    )


_NAMED: Final = {
    "AgencySuccessionRecorded": ("predecessors",),
    "PersonLinked": ("officer", "other"),
}
"""What an act says of who goes, where that is no officer in a post."""


def person_kept(q: GuardInput) -> Breach | None:
    """G8. One human is one token: an id that has one is entered with it, or with one joined to it.

    A new token for an id would part it from the ids that it was linked with.
    """
    officer, person = str(q.facts.get("officer")), q.facts.get("person")
    known = q.registry.officer(officer)
    if known is None or known.person is None or not isinstance(person, str):
        return None
    if known.person == person or officer in q.registry.officers.of_person(person):
        return None
    return Breach(pointers=("/facts/person",))


def person_link_new(q: GuardInput) -> Breach | None:
    """G8. Two officers of the log are found to be one person, whom it took for two until then."""
    officer, other = str(q.facts.get("officer")), str(q.facts.get("other"))
    if q.stream.name != f"officer/{officer}" or q.registry.officer(officer) is None:
        return Breach(pointers=("/facts/officer",))
    known = q.registry.officer(other) is not None
    if not known or q.registry.same_person(officer, other):
        return Breach(pointers=("/facts/other",))
    return None


def key_new(q: GuardInput) -> Breach | None:
    """Added (formats.md §9).

    A key is public, of a known algorithm, named by its thumbprint, new, and no published test key.
    """
    kid, jwk = str(q.facts.get("kid")), q.facts.get("jwk")
    if not isinstance(jwk, dict):
        return Breach(pointers=("/facts/jwk",))
    try:
        # Strict: a private member or an unknown algorithm is Malformed. A note's key signs no act.
        signs = public_key(jwk).alg in STATEMENT_ALGS
        named = thumbprint(jwk) == kid
    except KeysError:
        signs = named = False
    if not signs:
        return Breach(pointers=("/facts/jwk",))
    if not named or Keyring.is_test_key(kid) or q.registry.keyring.line(kid) is not None:
        return Breach(pointers=("/facts/kid",))
    return None


def key_known(q: GuardInput) -> Breach | None:
    """Added (formats.md §9).

    A revocation names a key of that officer that is not revoked, and distrusts no future. A service
    key has no officer and is revoked where it was enrolled, in the stream `ledger`.
    """
    line = q.registry.keyring.line(str(q.facts.get("kid")))
    if line is None or line.officer != q.facts.get("officer") or line.revoked_index is not None:
        return Breach(pointers=("/facts/kid",))
    if line.is_service is not (q.stream.kind == "ledger"):
        return Breach(pointers=("/stream",))
    since = time_of(q.facts.get("invalid_from"))
    past = since is not None and since.timestamp() <= q.iat
    return None if past else Breach(pointers=("/facts/invalid_from",))


def key_known_v2(q: GuardInput) -> Breach | None:
    """As before; but a key that is revoked is revoked once more as of earlier.

    Else whoever stole it revokes it as of now, and what they signed is never disputed.
    """
    line = q.registry.keyring.line(str(q.facts.get("kid")))
    if line is None or line.officer != q.facts.get("officer"):
        return Breach(pointers=("/facts/kid",))
    if line.is_service is not (q.stream.kind == "ledger"):
        return Breach(pointers=("/stream",))
    since = time_of(q.facts.get("invalid_from"))
    if since is None or since.timestamp() > q.iat:
        return Breach(pointers=("/facts/invalid_from",))
    known = line.invalid_from is not None and since >= line.invalid_from
    return Breach(pointers=("/facts/kid", "/facts/invalid_from")) if known else None


def line_added_not_edited(q: GuardInput) -> Breach | None:
    """G13.

    A used line is never edited: a new one begins on another day, unless it corrects the one that
    stands.
    """
    if q.act.corrects is not None:
        return None
    first = day_of(q.facts.get("valid_from"))
    if q.act.act == "ClockRuleSet":
        starts = [r.valid_from for r in q.registry.rules.lines(str(q.facts.get("rule")))]
    else:
        lines = q.registry.instruments.lines(str(q.facts.get("instrument")))
        starts = [i.valid_from for i in lines]
    return Breach(pointers=("/facts/valid_from",)) if first in starts else None


def line_added_not_edited_v2(q: GuardInput) -> Breach | None:
    """G13. As before; what is corrected is the very line that stands, and not whatever is named."""
    clock = q.act.act == "ClockRuleSet"
    key, lines = ("rule", q.registry.rules) if clock else ("instrument", q.registry.instruments)
    code, first = str(q.facts.get(key)), day_of(q.facts.get("valid_from"))
    if first not in [line.valid_from for line in lines.lines(code)]:
        return None
    corrected = q.stream.get(q.act.corrects or "", q.act.act)
    if corrected is not None and not q.stream.corrected_by(corrected.act.act_id):
        facts = corrected.act.facts
        if (facts[key], day_of(facts["valid_from"])) == (code, first):
            return None
    return Breach(pointers=("/facts/valid_from",))


def oversight_term_kept(q: GuardInput) -> Breach | None:
    """Added (access.md A19; 4.2).

    Registrar and legal officer are overseen like all others: they make no term of oversight longer,
    nor any shorter that runs: a measure that stands would be over, or a review too late.
    """
    rule, worse = _worse_line(q, "OVERSIGHT")
    first, earliest = day_of(q.facts.get("valid_from")), _earliest(q)
    words = {**_length_words(rule), "date": fmt_day(earliest)}
    if worse:
        return Breach(words, ("/facts/value",))
    same = rule is None or (rule.value, rule.unit) == (q.facts.get("value"), q.facts.get("unit"))
    back = first is not None and first < earliest and not same
    return Breach(words, ("/facts/valid_from",)) if back else None


def citizen_clock_kept(q: GuardInput) -> Breach | None:
    """Added (4.2). A line changes no clock that runs in favour of a citizen.

    Nor one that began on the very day: that, too, has the rule of its day.
    """
    first, earliest = day_of(q.facts.get("valid_from")), _earliest(q)
    rule, worse = _worse_line(q, "WINDOW", "DUTY")
    if first is None or first >= earliest or not worse:
        return None
    return Breach({**_length_words(rule), "date": fmt_day(earliest)}, ("/facts/valid_from",))


def _earliest(q: GuardInput) -> date:
    """The first day of a line that changes nothing that runs: the one after it is taken."""
    return local_day(q.at) + timedelta(days=1)


def _worse_line(q: GuardInput, *asked: Bound) -> tuple[Rule | None, bool]:
    """The line that stands where a new one begins, and whether the new one is worse."""
    code, unit = str(q.facts.get("rule")), str(q.facts.get("unit"))
    bound = bounds(q.edition).get(code)
    first = day_of(q.facts.get("valid_from"))
    if bound is None or bound not in asked or first is None:
        return None, False
    before = q.registry.rule(code, first)
    return before, is_worse(bound, q.facts.get("value"), unit, before)


def _length_words(rule: Rule | None) -> dict[str, str]:
    if rule is None or rule.none_stated:
        return {"limit": "—"}
    unit = UNIT_WORDS.get(rule.unit, Wording(rule.unit, rule.unit))
    return {"limit": f"{rule.value} {unit.vi}", "limit_en": f"{rule.value} {unit.en}"}


def genesis_first(q: GuardInput) -> Breach | None:
    """Added (formats.md §9).

    A log is opened once, as its first record, under its own name and by its registrar's key.
    """
    registrar = q.facts.get("registrar")
    if q.log_size != 0 or not isinstance(registrar, dict):
        return Breach(pointers=("/act",))
    if q.facts.get("log") != q.origin or q.facts.get("level") != q.level:
        return Breach(pointers=("/facts/log", "/facts/level"))
    try:
        named = thumbprint(registrar["jwk"]) == registrar["kid"] == q.kid
    except (KeysError, KeyError):
        named = False
    author = q.act.author.officer == registrar.get("officer")
    return None if named and author else Breach(pointers=("/facts/registrar",))


def returns_pending_act(q: GuardInput) -> Breach | None:
    """access.md A6.

    An act that waits is returned by whoever has to sign it next, and by nobody else.
    """
    pending = q.stream.pending.get(str(q.act.refers_to))
    turn = pending is not None and pending.waiting_for[0].officer == q.act.author.officer
    own = q.officer is None or q.officer == q.act.author.officer
    return None if turn and own and q.role == "RETURNER" else Breach(pointers=("/refers_to",))


def returns_pending_act_v2(q: GuardInput) -> Breach | None:
    """access.md A6.

    An act that waits is returned by whoever has to sign it next, or may sign instead.
    """
    pending, officer = q.stream.pending.get(str(q.act.refers_to)), q.act.author.officer
    turn = pending is not None and (
        pending.waiting_for[0].officer == officer
        or any(stand_ins_of(q.registry, pending, officer, signed_on(q)))
    )
    own = q.officer is None or q.officer == officer
    return None if turn and own and q.role == "RETURNER" else Breach(pointers=("/refers_to",))


def withdraws_pending_act(q: GuardInput) -> Breach | None:
    """Added. What waits is taken back by its author, or by whoever holds the author's post since.

    In an agency that has ended also by the head of the one that carries on (law.md §13).
    """
    pending = q.stream.pending.get(str(q.act.refers_to))
    if pending is not None and may_take_back(
        q.registry, pending, q.act.author.officer, signed_on(q)
    ):
        return None
    return Breach(pointers=("/refers_to",))


def registry_founding(q: GuardInput) -> Breach | None:
    """architecture.md §3.

    While there is no second registrar the founder signs alone, and each such act shows it.
    """
    variant = any(v.when.get("rule") == "REGISTRY_FOUNDING" for v in q.kind.variants)
    alone = variant and len(q.act.signers) == 1
    return Breach() if alone and founding(q) else None
