"""Guards on state secrets: item of a list, competent post, log of the level (G8, G11).

Nothing points up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from ledger.regulation.acts.json_shape import DIGEST, LOG, UUID4
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.reading import (
    agency_of,
    day_of,
    filled,
    fmt_day,
    named_as,
    objects,
    share_a_person,
    strings,
    time_of,
)
from ledger.regulation.case.stand_ins import answerable
from ledger.regulation.case.state import Entry
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.calendar import add_months, as_instant, deadline, local_day
from ledger.regulation.registry.clock_terms import term
from ledger.regulation.registry.release_days import RULE, is_release_day, next_release_day

LEVELS: Final = ("ordinary", "mat", "toi-mat", "tuyet-mat")
SECRET: Final = ("MAT", "TOI_MAT", "TUYET_MAT")
#: Level of secrecy of an act, as a level of a log.
ENCLAVE: Final[Mapping[str, str]] = dict(zip(SECRET, LEVELS[1:], strict=True))
#: Dated powers of post_powers that an act needs, any of them: its own, or the one it comes with.
POWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ClassificationAssigned": ("SECRET_CLASSIFY",),
    "ClassificationAdjusted": ("SECRET_CLASSIFY",),
    "ClassificationExtended": ("SECRET_CLASSIFY",),
    "Declassified": ("SECRET_DECLASSIFY", "SECRET_CLASSIFY"),
    "SecretDestroyed": ("SECRET_DESTROY", "SECRET_CLASSIFY"),
    "SecretCopyPermitted": ("SECRET_COPY",),
    "SecretProvisionPermitted": ("SECRET_PROVIDE", "SECRET_COPY"),
    "ReleasePermitted": ("SECRET_DECLASSIFY", "SECRET_CLASSIFY"),
}
#: Acts by which somebody receives a unit by name.
NAMING: Final = ("ClassificationAssigned", "SecretDelivered", "SecretCopyPermitted")
STUBS: Final = "STUB_RELEASE"
"""The rule that says whether this log takes stubs: none stated, until it is set."""
_commitment = re.compile(DIGEST, re.ASCII).fullmatch
_LOGS = re.compile(LOG, re.ASCII)
_CASES = re.compile(rf"case/{UUID4}", re.ASCII)


def secret_content_low(q: GuardInput) -> Breach | None:
    """G11; 4.4.

    Acts on secrets are written only in a log of their level, never in the ordinary one.
    """
    return None if q.above_ordinary() else Breach(pointers=("/act",))


def level_is_enclave(q: GuardInput) -> Breach | None:
    """Added (access.md §1).

    One enclave holds one level: what is classified here has the level of this log.
    """
    same = ENCLAVE.get(str(q.facts.get("level"))) == q.level
    return None if same else Breach(pointers=("/facts/level",))


# -- what is classified -------------------------------------------------------------------------


def _classification(q: GuardInput) -> Entry | None:
    return q.ref("classification", "ClassificationAssigned")


def _moves(q: GuardInput, entry: Entry) -> list[Entry]:
    """The classification and what was adjusted and extended since, in order."""
    later = q.stream.effective("ClassificationAdjusted", "ClassificationExtended")
    own = [e for e in later if e.act.facts.get("classification") == entry.act.act_id]
    return [entry, *own]


def _level(q: GuardInput) -> str | None:
    """The level as it stands: assigned, then adjusted."""
    entry = _classification(q)
    if entry is None:
        return None
    facts = [e.act.facts for e in _moves(q, entry)]
    stated = [f.get("new_level", f.get("level")) for f in facts]
    return next((str(s) for s in reversed(stated) if s is not None), None)


def _protected_until(q: GuardInput) -> date | None:
    """The end of protection as it stands."""
    entry = _classification(q)
    return None if entry is None else day_of(_moves(q, entry)[-1].act.facts.get("protect_until"))


def secret_list_item(q: GuardInput) -> Breach | None:
    """G11; 4.4.

    No item of a registered list of state secrets in force that day, no classification.
    """
    item, source = q.facts.get("list_item"), q.facts.get("list_document")
    if source is None and (entry := _classification(q)) is not None:
        source = entry.act.facts.get("list_document")
    listed = (
        filled(item) and filled(source) and q.registry.lists_secret(str(source), str(item), q.day)
    )
    return None if listed else Breach(pointers=("/facts/list_item",))


def level_power(q: GuardInput) -> Breach | None:
    """G11; 4.4.

    On that day the approver's post had, by a dated line, the power for this act at this level.
    """
    stated = [q.facts.get("new_level"), q.facts.get("level"), _level(q)]
    levels = [SECRET.index(s) for s in stated if s in SECRET]
    signer = q.act.approver
    breach = Breach({"date": fmt_day(q.day)}, ("/signers",))
    if signer is None or not levels:
        return breach
    agency = agency_of(q, signer.officer, signer.post)
    if agency is None:
        return breach
    reach = [
        SECRET.index(up_to)
        for power in POWERS.get(q.act.act, ())
        if (up_to := q.registry.post_power(power, agency, signer.post, q.day)) in SECRET
    ]
    return None if reach and max(levels) <= max(reach) else breach


def protect_until_limit(q: GuardInput) -> Breach | None:
    """4.4 (29/2018/QH14 Art. 19).

    Protection ends after the decision and within the term of the level; an extension adds one.
    """
    until = day_of(q.facts.get("protect_until"))
    decided = day_of(q.facts.get("decision_date") or q.facts.get("assigned_on"))
    level = q.facts.get("new_level") or q.facts.get("level") or _level(q)
    rule = q.registry.rule(f"SECRET_TERM_{level}", q.day) if level in SECRET else None
    if until is None or decided is None or rule is None or not isinstance(rule.value, int):
        return Breach(pointers=("/facts/protect_until",))
    start = decided
    if q.act.act == "ClassificationExtended":
        start = _protected_until(q) or decided
    last = add_months(start, rule.value * (12 if rule.unit == "y" else 1))
    return None if decided < until <= last else Breach(pointers=("/facts/protect_until",))


def extension_late(q: GuardInput) -> Breach | None:
    """Added (29/2018/QH14 Art. 20).

    An extension decided too near the end of protection shows so.
    """
    until, decided = _protected_until(q), day_of(q.facts.get("decision_date"))
    rule = q.registry.rule("SECRET_EXTEND", q.day)
    if until is None or decided is None or rule is None or not isinstance(rule.value, int):
        return None
    last = deadline(as_instant(until.isoformat()), -rule.value, rule.unit, q.registry.calendar)
    return Breach(pointers=("/facts/decision_date",)) if decided > last.date() else None


def extension_late_v2(q: GuardInput) -> Breach | None:
    """Added (29/2018/QH14 Art. 20).

    As before; how near says the rule of the day on which the protection that ends was decided, as
    the clock does that the case shows.
    """
    entry, decided = _classification(q), day_of(q.facts.get("decision_date"))
    if entry is None or decided is None:
        return None
    stated = term("SECRET_EXTEND", _moves(q, entry)[-1].act, q.registry)
    late = stated is not None and stated.due is not None and decided > local_day(stated.due)
    return Breach(pointers=("/facts/decision_date",)) if late else None


def declassifier_not_classifier(q: GuardInput) -> Breach | None:
    """G8 (added; access.md S4).

    Whoever checks or approves a declassification did not sign the classification.
    """
    entry = _classification(q)
    before = entry.signed_by() if entry is not None else ()
    named = named_as(q)
    distinct = all(not share_a_person(q, [a], named[n + 1 :]) for n, a in enumerate(named))
    if distinct and not share_a_person(q, named_as(q, "CHECKER", "APPROVER"), before):
        return None
    return Breach(pointers=("/signers",))


def declassifier_not_classifier_v2(q: GuardInput) -> Breach | None:
    """G8 (added; access.md S4). Nor did they lend the power to sign the classification."""
    entry = _classification(q)
    before = answerable(q, entry) if entry is not None else ()
    named = named_as(q)
    distinct = all(not share_a_person(q, [a], named[n + 1 :]) for n, a in enumerate(named))
    if distinct and not share_a_person(q, named_as(q, "CHECKER", "APPROVER"), before):
        return None
    return Breach(pointers=("/signers",))


def council_minutes(q: GuardInput) -> Breach | None:
    """4.4.

    A declassification by decision and every destruction rest on a council and its minutes.
    """
    if q.act.act == "Declassified" and q.facts.get("ground") != "DECISION":
        return None
    missing = []
    if not objects(q.facts.get("council")):
        missing.append("/facts/council")
    if not filled(q.facts.get("minutes")):
        missing.append("/facts/minutes")
    return Breach(pointers=tuple(missing)) if missing else None


# -- what goes down -----------------------------------------------------------------------------


def release_decided(q: GuardInput) -> Breach | None:
    """access.md A15. What goes down was declassified to go down, and is the one text named."""
    decision = q.ref("decision", "Declassified")
    facts = {} if decision is None else decision.act.facts
    if facts.get("release_text") is not True:
        return Breach(pointers=("/facts/decision",))
    if facts.get("classification") != q.facts.get("classification"):
        return Breach(pointers=("/facts/classification",))
    down_to = q.facts.get("down_to")
    if down_to not in LEVELS or LEVELS.index(down_to) >= LEVELS.index(q.level):
        return Breach(pointers=("/facts/down_to",))
    return None if _is_the_only_file(q) else Breach(pointers=("/facts/text_digest",))


def _is_the_only_file(q: GuardInput) -> bool:
    """Whether the text that an act names by its digest is all that lies beside it."""
    files = [one.get("digest") for one in objects(q.act.members.get("attachments"))]
    return not files or files == [_as_file(str(q.facts.get("text_digest")))]


def _as_file(digest: str) -> str:
    return f"sha-256:{digest.removeprefix('sha-256:')}"


def releaser_apart(q: GuardInput) -> Breach | None:
    """G8 (access.md S4).

    Who lets a text go down neither proposed nor approved its declassification.
    """
    decision = q.ref("decision", "Declassified")
    before = () if decision is None else answerable(q, decision, "AUTHOR", "APPROVER")
    both = share_a_person(q, named_as(q, "APPROVER"), before)
    return Breach(pointers=("/signers",)) if both else None


def release_slot(q: GuardInput) -> Breach | None:
    """access.md A15. A text goes down on a fixed day, and not on the day on which it is decided."""
    every = _release_every(q)
    signed = max(local_day(q.act.occurred_at), local_day(q.signed_at))
    slot = day_of(q.facts.get("slot"))
    if slot is not None and slot > signed and is_release_day(slot, every):
        return None
    return Breach({"date": fmt_day(next_release_day(signed, every))}, ("/facts/slot",))


def release_in_slot(q: GuardInput) -> Breach | None:
    """access.md A15, L22.

    Made, signed by all and recorded on one day of release: what is entered below on any other day
    would tell when it was decided above. So would a mark there that a stub is opened.
    """
    if q.act.act == "RecordCorrected" and q.facts.get("mark") != "STUB_OPENED":
        return None
    every = _release_every(q)
    days = {local_day(one) for one in (q.act.occurred_at, q.signed_at, q.at)}
    if len(days) == 1 and all(is_release_day(one, every) for one in days):
        return None
    return Breach({"date": fmt_day(next_release_day(max(days), every))}, ("/occurred_at",))


def _release_every(q: GuardInput) -> int:
    """Days from one day of release to the next, by the rule of the day."""
    return max(1, int(q.registry.limit(RULE, q.day).value or 1))


def read_again(q: GuardInput) -> Breach | None:
    """access.md A15. Who approves has read the text at this level; no program redacts it."""
    signer = q.act.approver
    if signer is None or signer.post != q.facts.get("read_again_by_post"):
        return Breach(pointers=("/facts/read_again_by_post",))
    return None if _is_the_only_file(q) else Breach(pointers=("/facts/text_digest",))


# -- who holds it -------------------------------------------------------------------------------


def holder_named(q: GuardInput) -> Breach | None:
    """4.4.

    Nobody reads or receives without a permission by name; whoever receives does not approve it.
    """
    if q.act.act == "SecretAccessed":
        author = q.act.author.officer
        ok = _enrolled(q, author) and _holds_unit(q, author, str(q.facts.get("unit")))
        return None if ok else Breach(pointers=("/facts/permission",))
    holder = q.facts.get("holder")
    officer = str(holder.get("officer")) if isinstance(holder, dict) else ""
    ok = (
        _enrolled(q, officer)
        and not share_a_person(q, [officer], _permitters(q))
        and _in_post(q, officer, holder if isinstance(holder, dict) else {})
        and (q.act.act != "ExportPermitted" or _takes_part(q, officer))
    )
    return None if ok else Breach(pointers=("/facts/holder",))


def holder_has_term(q: GuardInput) -> Breach | None:
    """access.md A7, A13. Who is named holds until an end: ahead, and within the protection."""
    last = day_of(q.facts.get("protect_until")) or _protected_until(q)
    named = [*objects(q.facts.get("first_holders")), *_one(q.facts.get("holder"))]
    ends = [time_of(one.get("until")) for one in named]
    fit = last is not None and all(
        end is not None and q.act.occurred_at < end and local_day(end) <= last for end in ends
    )
    shown = "" if last is None else fmt_day(last)
    member = "/facts/holder" if "holder" in q.facts else "/facts/first_holders"
    return None if fit else Breach({"date": shown}, (member,))


def holders_told(q: GuardInput) -> Breach | None:
    """Added (29/2018/QH14 Art. 19, 22). A notice is of this document, and everybody has it.

    Whoever signs the notice knows.
    """
    about = q.ref("about")
    if about is None or about.act.facts.get("classification") != q.facts.get("classification"):
        return Breach({"count": "0"}, ("/facts/about",))
    told = [str(one.get("officer")) for one in objects(q.facts.get("told"))]
    known = [*told, *named_as(q)]
    left = [one for one in sorted(_holding_now(q)) if not share_a_person(q, [one], known)]
    return Breach({"count": str(len(left))}, ("/facts/told",)) if left else None


def _holding_now(q: GuardInput) -> set[str]:
    """Officers to whom the document of an act is named then."""
    entry, at = _classification(q), q.act.occurred_at
    if entry is None:
        return set()
    unit = str(entry.act.facts.get("unit"))
    ended = {
        (e.act.facts.get("grant"), e.act.facts.get("officer"))
        for e in q.stream.effective("ParticipationRevoked")
    }
    named = {
        str(one.get("officer"))
        for e in q.stream.effective(*NAMING)
        if e.act.facts.get("unit") == unit
        for one in (*objects(e.act.facts.get("first_holders")), *_one(e.act.facts.get("holder")))
        if _still(one.get("until"), at) and (e.act.act_id, one.get("officer")) not in ended
    }
    return named | {grant.officer for grant in q.registry.grants(unit=unit, at=at)}


def _permitters(q: GuardInput) -> tuple[str, ...]:
    """Who approves: the approver, and on an act of one signature the author."""
    return named_as(q, "APPROVER") or named_as(q, "AUTHOR")


def _enrolled(q: GuardInput, officer: str) -> bool:
    """Whether the officer has a post and a key in this enclave."""
    posts = q.registry.appointments(officer, q.day)
    keys = [k for k in q.registry.keyring.lines(officer) if k.revoked_index is None]
    return bool(posts and keys)


def _in_post(q: GuardInput, officer: str, holder: Mapping[str, Any]) -> bool:
    """Whether the holder holds the post in which the act names them."""
    agency, post = str(holder.get("agency")), str(holder.get("post"))
    return q.registry.appointment(officer, agency, post, q.day) is not None


def _holds_unit(q: GuardInput, officer: str, unit: str) -> bool:
    """Whether an act of the stream or a running grant gives the officer this unit then."""
    at = q.act.occurred_at
    if q.registry.grants(officer=officer, unit=unit, at=at):
        return True
    return any(
        share_a_person(q, [officer], [str(h.get("officer"))]) and _still(h.get("until"), at)
        for e in q.stream.effective(*NAMING)
        if e.act.facts.get("unit") == unit
        for h in (*objects(e.act.facts.get("first_holders")), *_one(e.act.facts.get("holder")))
    )


def _one(value: object) -> tuple[Mapping[str, Any], ...]:
    return (value,) if isinstance(value, Mapping) else ()


def _still(until: object, at: datetime) -> bool:
    end = time_of(until)
    return end is not None and at <= end


def _takes_part(q: GuardInput, officer: str) -> bool:
    """Whether the officer takes part in the case: by grant, by an act, or in its agency."""
    if q.registry.grants(officer=officer, stream=q.stream.name, at=q.act.occurred_at):
        return True
    if q.above_ordinary():
        return any(
            share_a_person(q, [officer], [str(h.get("officer"))])
            and _still(h.get("until"), q.act.occurred_at)
            for e in q.stream.effective(*NAMING)
            for h in (*objects(e.act.facts.get("first_holders")), *_one(e.act.facts.get("holder")))
        )
    signed = [o for e in q.stream.effective() for o in e.signed_by()]
    handler = q.stream.handler(q.registry, q.day)
    at_home = any(a.agency == handler for a in q.registry.appointments(officer, q.day))
    return at_home or share_a_person(q, [officer], signed)


def provision_requested_in_writing(q: GuardInput) -> Breach | None:
    """4.4.

    A secret goes outside only on a written request with its purpose, and with the recipient's
    duties stated.
    """
    missing = [m for m in ("request_document", "purpose") if not filled(q.facts.get(m))]
    if q.facts.get("duties_stated") is not True:
        missing.append("duties_stated")
    return Breach(pointers=tuple(f"/facts/{m}" for m in missing)) if missing else None


# -- what a lower log may say -------------------------------------------------------------------


def stub_permitted(q: GuardInput) -> Breach | None:
    """4.4 (access.md A17).

    A stub stands below the secret, says nothing of it, and two competent persons release it.
    """
    stated = ENCLAVE.get(str(q.facts.get("level")), LEVELS[-1])
    secret = LEVELS.index(stated)
    lower = LEVELS.index(q.level) < secret
    both = 2
    approvers = [s for s in q.act.signers if s.role == "APPROVER"]
    competent = all(
        q.registry.holds_code(
            "CLASSIFIER", agency_of(q, s.officer, s.post) or "", s.post, s.officer, q.day
        )
        for s in approvers
    )
    ok = (
        lower
        and q.facts.get("no_secret_statement") is True
        and q.act.document is None
        and len(q.act.signers) >= both
        and bool(approvers)
        and competent
    )
    return None if ok else Breach(pointers=("/facts/no_secret_statement", "/document", "/signers"))


def stub_permitted_v2(q: GuardInput) -> Breach | None:
    """4.4 (access.md A17).

    As before; and a log takes none until registrar and legal officer have said from how many days
    after the classification on it does.
    """
    rule = q.registry.limit(STUBS, q.day)
    assigned = day_of(q.facts.get("assigned_on"))
    if rule.none_stated or not isinstance(rule.value, int):
        return Breach(pointers=("/act",))
    if assigned is None or (q.day - assigned).days < rule.value:
        return Breach(pointers=("/facts/assigned_on",))
    return stub_permitted(q)


def salted_commitment(q: GuardInput) -> Breach | None:
    """Added (access.md A17).

    A commitment without a salt can be guessed from the text; a bare digest is refused.
    """
    commitment = q.facts.get("commitment")
    form = isinstance(commitment, str) and _commitment(commitment) is not None
    known = {
        s.removeprefix("sha-256:") for e in q.stream.effective() for s in _digests(e.act.members)
    }
    if form and q.facts.get("salted") is True and commitment not in known:
        return None
    return Breach(pointers=("/facts/commitment",))


def _digests(members: Mapping[str, Any]) -> Iterator[str]:
    """Digests of files that an act brings or describes."""
    for pointer, text in strings(members):
        if pointer.rpartition("/")[2] in ("digest", "text_digest"):
            yield text


def no_pointer_up(q: GuardInput) -> Breach | None:
    """F3, F14 (access.md §2). What is written below names no log, stream or act of a higher level.

    Ids of a higher log cannot be known here, and need not: what this log does not know is refused.
    """
    own = LEVELS.index(q.level)
    known = cache(q.cases.state)  # a text may name a case as often as it likes
    bad = [p for p, text in strings(q.act.members) if _points_up(q, p, text, own, known)]
    return Breach(pointers=tuple(bad)) if bad else None


def _points_up(
    q: GuardInput, pointer: str, text: str, own: int, known: Callable[[str], str | None]
) -> bool:
    if pointer == "/stream":
        return False
    logs = (m.group().removesuffix("/access").rpartition("/")[2] for m in _LOGS.finditer(text))
    if any(LEVELS.index(level) > own for level in logs):
        return True
    named = (m.group() for m in _CASES.finditer(text))
    return any(s != q.stream.name and known(s) is None for s in named)
