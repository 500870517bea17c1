"""What the registry says for the day of the act.

Instruments in force, agencies and addressees that existed, functions held, officers in post (G2,
G3). Judged at occurred_at on the registry as the log stands, never as it stands today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from ledger.message import Wording
from ledger.regulation.acts.act import NamedSigner
from ledger.regulation.acts.catalogue import ActType
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.places import asked_here, stands_below
from ledger.regulation.case.reading import agency_of, fmt_day
from ledger.regulation.case.roles import (
    CASE_ROLES,
    agencies_of_role,
    holds_case_role,
    issuers,
    may_record_incoming,
)
from ledger.regulation.case.stand_ins import (
    borrows,
    day_signed,
    delegation_of,
    signed_before,
    signed_on,
)
from ledger.regulation.guards.breach import Breach
from ledger.regulation.registry.officers import Appointment
from ledger.regulation.words import vocabulary

Cited = tuple[str, Mapping[str, Any]]


def instrument_in_force(q: GuardInput) -> Breach | None:
    """Every instrument cited as a basis was in force on the day of the act (G2)."""
    day, registry = q.day, q.registry
    for n, b in enumerate(q.act.basis):
        if not registry.in_force(b.instrument, day, b.article, b.clause, b.point):
            return _not_in_force(b.instrument, day, f"/basis/{n}")
    for pointer, cited in cited_provisions(q.kind, q.facts):
        name = cited["instrument"]
        if not registry.in_force(
            name, day, cited["article"], cited.get("clause"), cited.get("point")
        ):
            return _not_in_force(name, day, pointer)
    return None


def _not_in_force(instrument: str, day: date, pointer: str) -> Breach:
    return Breach({"instrument": instrument, "date": fmt_day(day)}, (pointer,))


def cited_provisions(kind: ActType, facts: Mapping[str, Any]) -> Iterator[Cited]:
    """(pointer, provision) of the facts that state a basis: objects of instrument and article.

    What the content is said to break (limbs, other laws, a suspected crime) is not among them: that
    is judged by the time of the content (LIMBS_TESTED).
    """
    walk = kind.of(_provision_walk)
    return walk(facts, "/facts") if walk is not None else iter(())


_BY_CONTENT = frozenset({"limbs", "other_law", "provision_suspected"})


def _provision_walk(
    fields: Mapping[str, Mapping[str, Any]],
) -> Callable[[Mapping[str, Any], str], Iterator[Cited]] | None:
    steps = _steps(fields)
    return _walker(steps) if steps else None


def _steps(fields: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, bool, Any]]:
    """(member, listed, steps below or None where the member is a provision itself)."""
    found: list[tuple[str, bool, Any]] = []
    for name, spec in fields.items():
        inner = spec.get("fields")
        if inner is None or name in _BY_CONTENT:
            continue
        listed = spec["type"] == "list"
        if {"instrument", "article"} <= inner.keys():
            found.append((name, listed, None))
        elif below := _steps(inner):
            found.append((name, listed, below))
    return found


def _walker(
    steps: list[tuple[str, bool, Any]],
) -> Callable[[Mapping[str, Any], str], Iterator[Cited]]:
    def walk(value: Mapping[str, Any], at: str) -> Iterator[Cited]:
        for name, listed, below in steps:
            member = value.get(name)
            if not isinstance(member, (list, tuple) if listed else Mapping):
                continue
            here = f"{at}/{name}"
            each = (
                [(f"{here}/{n}", m) for n, m in enumerate(member)] if listed else [(here, member)]
            )
            for pointer, item in each:
                if not isinstance(item, Mapping):
                    continue
                if below is not None:
                    yield from _walker(below)(item, pointer)
                elif all(isinstance(item.get(m), str) for m in ("instrument", "article")):
                    yield pointer, item

    return walk


def agency_exists(q: GuardInput) -> Breach | None:
    """The author's agency existed on the day of the act (G3)."""
    if q.registry.exists(q.act.agency, q.day):
        return None
    return Breach({"agency": _name(q, q.act.agency), "date": fmt_day(q.day)}, ("/agency",))


def addressee_exists(q: GuardInput) -> Breach | None:
    """Every agency addressed existed on the day of the act; the rest are sealed tokens (G3)."""
    for n, name in enumerate(q.act.to):
        if not name.startswith("sealed:") and not q.registry.exists(name, q.day):
            heir = q.registry.heir(name, q.day)
            some = vocabulary("sentences")["no_successor"]
            called = Wording(_name(q, heir), _name(q, heir)) if heir is not None else some
            return Breach(
                {
                    "agency": _name(q, name),
                    "date": fmt_day(q.day),
                    "successor": called.vi,
                    "successor_en": called.en,
                },
                (f"/to/{n}",),
            )
    return None


def agency_holds_function(q: GuardInput) -> Breach | None:
    """The agency or post held one of the codes of `who` on the day of the act (4.3; G3)."""
    act, day = q.act, q.day
    if any(_holds(q, code) for code in q.kind.who) or may_record_incoming(
        act, q.stream, q.registry, day
    ):
        return None
    held = {
        a for code in q.kind.who if code not in CASE_ROLES for a in q.registry.holders(code, day)
    }
    if "HANDLER" in q.kind.who and (handler := q.stream.handler(q.registry, day)):
        held.add(handler)
    names = sorted(_name(q, a) for a in held)[:_SHOWN]
    some = vocabulary("sentences")["some_agency"]
    return Breach(
        {
            "agency": _name(q, act.agency),
            "date": fmt_day(day),
            "agencies": "; ".join(names) or some.vi,
            "agencies_en": "; ".join(names) or some.en,
        },
        ("/agency",),
    )


def agency_holds_function_v2(q: GuardInput) -> Breach | None:
    """4.3; G3. As before, in the territory of the case; who is right is named for it and the day.

    Who authors by a delegation has the power of the post that gave it. Functions stay those of the
    agency: nobody lets another sign for a body that is not theirs.
    """
    act, day = q.act, q.day
    if any(_holds(q, code) for code in q.kind.who) or may_record_incoming(
        act, q.stream, q.registry, day
    ):
        return None
    given = delegation_of(q, act.author, day)
    own = given is not None and given.agency == act.agency
    if own and any(_is_post(q, code) and borrows(q, act.author, code) for code in q.kind.who):
        return None
    told = {"agency": _name(q, act.agency), "date": fmt_day(day)}
    return Breach({**told, **competent(q, q.kind.who)}, ("/agency",))


def agencies_named(q: GuardInput, codes: Sequence[str]) -> set[str]:
    """The agencies that codes of `who` mean here on the day of the act."""
    found: set[str] = set()
    for code in codes:
        if code in CASE_ROLES:
            found |= agencies_of_role(code, q.act, q.stream, q.registry, q.day)
        elif q.registry.is_function(code):
            asked = _asked(q, code)
            found |= {
                agency
                for agency in q.registry.holders(code, q.day)
                if q.registry.agencies.holds_in(agency, code, q.day, asked)
            }
    return {agency for agency in found if q.registry.exists(agency, q.day)}


def competent(q: GuardInput, codes: Sequence[str]) -> dict[str, str]:
    """A sentence that names whom the codes mean here today, or says that no text names anybody."""
    posts = [q.catalogue.roles[code] for code in codes if code in q.catalogue.roles]
    posts = [role for role in posts if role["kind"] == "post"]
    here = [_name(q, a) for a in sorted(agencies_named(q, codes))][:_SHOWN]
    vi, en = (
        [*here, *(str(role[lang]).partition(" (")[0] for role in posts)] for lang in ("vi", "en")
    )
    sentence = vocabulary("sentences")["competent" if vi else "competent_nobody"]
    return {
        "competent": sentence.vi.format(agencies="; ".join(vi)),
        "competent_en": sentence.en.format(agencies="; ".join(en)),
    }


def addressee_exists_v2(q: GuardInput) -> Breach | None:
    """G3. As before; the successor named is that of the function for which it is addressed."""
    breach = addressee_exists(q)
    if breach is None:
        return None
    gone = q.act.to[int(breach.pointers[0].rpartition("/")[2])]
    lines = (code for code in q.kind.to if q.registry.is_function(code))
    found = {q.registry.successor(gone, code, q.day) for code in lines}
    names = "; ".join(_name(q, a) for a in sorted(a for a in found if a not in (None, gone)))
    told = {"successor": names, "successor_en": names} if names else {}
    return Breach({**breach.params, **told}, breach.pointers)


#: Whom an act may be sent to by a sealed token.
_BY_TOKEN: Final = frozenset({"REPORTER", "AFFECTED", "COMPLAINANT", "INDIVIDUAL"})


def addressee_fits(q: GuardInput) -> Breach | None:
    """8.1.g; 4.3; G3. Whoever is addressed is of a kind that the act type names, in its place.

    A proposal to take something down goes to the ministry, a report to the committee of the
    province; what is sent to several goes to each of its kind.
    """
    kinds = q.kind.to
    for n, name in enumerate(q.act.to if kinds else ()):
        fits = (
            not _BY_TOKEN.isdisjoint(kinds)
            if name.startswith("sealed:")
            else any(_is_kind(q, code, name) for code in kinds)
        )
        if not fits:
            person = q.catalogue.addressees["INDIVIDUAL"]
            sealed = name.startswith("sealed:")
            told = {
                "act": q.kind.vi,
                "act_en": q.kind.en,
                "agency": person["vi"] if sealed else _name(q, name),
                "agency_en": person["en"] if sealed else _name(q, name),
            }
            return Breach({**told, **competent(q, kinds)}, (f"/to/{n}",))
    return None


def _is_kind(q: GuardInput, code: str, agency: str) -> bool:
    if code == "ANY_AGENCY":
        return True
    if code in CASE_ROLES:
        return agency in agencies_of_role(code, q.act, q.stream, q.registry, q.day)
    return q.registry.is_function(code) and q.registry.agencies.holds_in(
        agency, code, q.day, _asked(q, code)
    )


def not_below_issuer(q: GuardInput) -> Breach | None:
    """4.3; G3. What somebody issued is lifted, reviewed or annulled by them or above, never below.

    The provincial inspectorate hears a complaint against whoever sits in its province.
    """
    inspects = _holds(q, INSPECTORATE)
    for issuer in sorted(issuers(q.act, q.stream, q.registry, q.day)):
        if stands_below(q.act.agency, issuer, q.registry) and not inspects:
            told = {"agency": _name(q, q.act.agency), "issuer": _name(q, issuer)}
            return Breach(told, ("/agency",))
    return None


def not_below(q: GuardInput, codes: Sequence[str]) -> set[str]:
    """Agencies that these codes mean, but for those below whoever issued what the act is about."""
    return {
        agency
        for agency in agencies_named(q, codes)
        if not_below_issuer(replace(q, act=replace(q.act, agency=agency))) is None
    }


INSPECTORATE: Final = "PROVINCIAL_INSPECTORATE"
_SHOWN = 6


def _holds(q: GuardInput, code: str) -> bool:
    if code == "ANY_AGENCY":
        return True
    act = q.act
    if code in CASE_ROLES:
        return holds_case_role(code, act, q.stream, q.registry, q.day)
    if code == "KEY_HOLDER":
        # The holder of a key, for their own key (acts.json, roles).
        return act.facts.get("officer") == act.signers[0].officer
    asked, officer = _asked(q, code), act.signers[0].officer
    return bool(q.registry.holds_code(code, act.agency, act.post, officer, q.day, asked))


def author_is(q: GuardInput, code: str) -> bool:
    """Whether the author's agency or post is what a code of `who` names, on the day of the act."""
    return _holds(q, code)


def officer_in_post(q: GuardInput) -> Breach | None:
    """Each signer held the post named on the day of the act, and on the day of signing.

    The author's post allows the capacity.
    """
    act, day = q.act, q.day
    signed_on = q.signed_at.astimezone(act.occurred_at.tzinfo).date()
    for n, signer in enumerate(act.signers):
        days = (day, signed_on) if signer.officer == q.officer and signed_on != day else (day,)
        for on in days:
            if not _in_post(q, signer.officer, signer.post, on):
                return _not_in_post(q, signer.post, f"/signers/{n}")
    author = act.signers[0]
    held = q.registry.appointment(author.officer, act.agency, act.post, day)
    if held is None or act.capacity not in held.capacities:
        return _not_in_post(q, act.post, "/capacity")
    return None


def officer_in_post_v2(q: GuardInput) -> Breach | None:
    """Each signer held the post named, in a body that signs the act, and may sign as they do.

    Who signs from another agency than the author's signs for a body that the act type names (4.3);
    where it names powers of posts alone (registrar, custodian, auditor …), these are spread over
    agencies by their nature. A capacity is the post's, or given by a delegation. Who signs instead
    of somebody named is STAND_IN_ENTITLED's to ask about.
    """
    day, today, done = q.day, signed_on(q), signed_before(q)
    for n, signer in enumerate(q.act.signers):
        if signer.instead_of is not None:
            continue
        days = (day, today) if signer.officer == q.officer and today != day else (day,)
        if n == 0 and q.kind.recorded:
            days = (_recorded_on(q),)  # whoever records what came in was not there when it came
        if not all(_in_post(q, signer.officer, signer.post, on) for on in days):
            return _unfit(q, signer, f"/signers/{n}")
        if n and not _of_signing_body(q, signer):
            return _unfit(q, signer, f"/signers/{n}")
        if n >= done and not _in_capacity(q, signer, days):
            return _unfit(q, signer, f"/signers/{n}/capacity" if q.act.form > 1 else "/capacity")
    author, on = q.act.signers[0], _recorded_on(q) if q.kind.recorded else day
    if q.registry.appointment(author.officer, q.act.agency, q.act.post, on) is None:
        return _unfit(q, author, "/post")
    return None


def _of_signing_body(q: GuardInput, signer: NamedSigner) -> bool:
    """Whether whoever signs after the author does so for a body that signs the act."""
    if all(_is_post(q, code) for code in q.kind.who):
        return True
    handed_to = q.act.facts.get("to_agency") if q.act.act == "CaseCustodyTransferred" else None
    held = [a.agency for a in q.registry.appointments(signer.officer, q.day)
            if a.post == signer.post]  # fmt: skip
    return any(a in (q.act.agency, handed_to) or _named_body(q, a, signer) for a in held)


def _recorded_on(q: GuardInput) -> date:
    """The day on which the author signs, or signed what waits for others since."""
    if q.standing is None:
        return signed_on(q)
    return day_signed(q.standing.signed[0].iat)


def appointed_late(q: GuardInput) -> Breach | None:
    """G8 (added). A post, or a delegation, that was entered after the day of its use shows so.

    Either may be dated back, since papers come late; it does not make a date believed.
    """
    for n, signer in enumerate(q.act.signers):
        if n == 0 and q.kind.recorded:
            continue
        held = held_by(q, signer)
        lent = None if signer.instead_of is not None else delegation_of(q, signer, q.day)
        for line in (held, lent):
            if line and line.recorded_on is not None and line.recorded_on > q.day:
                entered = fmt_day(line.recorded_on)
                return Breach({"post": signer.post, "date": entered}, (f"/signers/{n}",))
    return None


def _in_capacity(q: GuardInput, signer: NamedSigner, days: Iterable[date]) -> bool:
    """Whether the post signs so, or somebody has let the signer; form 1 says it of the author."""
    if signer.capacity is None:
        return True
    if q.kind.recorded and signer is q.act.author:
        on = _recorded_on(q)
        held = q.registry.appointment(signer.officer, q.act.agency, signer.post, on)
    else:
        held = held_by(q, signer)
    if held and signer.capacity in held.capacities:
        return True
    return all(delegation_of(q, signer, on) is not None for on in days)


def held_by(q: GuardInput, signer: NamedSigner) -> Appointment | None:
    """The appointment by which a signer holds the post on the day of the act, wherever it is."""
    officer, post = signer.officer, signer.post
    held = q.registry.appointment(officer, q.act.agency, post, q.day)
    if held is not None:
        return held
    agency = agency_of(q, officer, post)
    return None if agency is None else q.registry.appointment(officer, agency, post, q.day)


def _unfit(q: GuardInput, signer: NamedSigner, pointer: str) -> Breach:
    words = vocabulary("capacities")[signer.capacity or "TRUC_TIEP"]
    return Breach(
        {
            "post": signer.post,
            "capacity": words.vi,
            "capacity_en": words.en,
            "date": fmt_day(q.day),
        },
        (pointer,),
    )


def _is_post(q: GuardInput, code: str) -> bool:
    return bool(q.catalogue.roles[code]["kind"] == "post")


def _named_body(q: GuardInput, agency: str, signer: NamedSigner) -> bool:
    """Whether an agency is one of the bodies that the act type names, on the day of the act."""
    if "HANDLER" in q.kind.who and agency == q.stream.handler(q.registry, q.day):
        return True
    return any(
        q.registry.holds_code(code, agency, signer.post, signer.officer, q.day, _asked(q, code))
        for code in q.kind.who
        if code not in CASE_ROLES and code != "ANY_AGENCY"
    )


_asked = asked_here


def _not_in_post(q: GuardInput, post: str, pointer: str) -> Breach:
    return Breach({"post": post, "capacity": q.act.capacity, "date": fmt_day(q.day)}, (pointer,))


def _in_post(q: GuardInput, officer: str, post: str, day: date) -> bool:
    registry = q.registry
    if registry.exists(q.act.agency, day) and registry.appointment(
        officer, q.act.agency, post, day
    ):
        return True
    for agency in _bodies(q, officer, post):
        if registry.exists(agency, day) and registry.appointment(officer, agency, post, day):
            return True
    return False


def _bodies(q: GuardInput, officer: str, post: str) -> Iterator[str]:
    """Agencies beside the author's in which a signer may hold the post: the bodies it names."""
    act = q.act
    handed_to = act.facts.get("to_agency")
    if act.act == "CaseCustodyTransferred" and isinstance(handed_to, str):
        yield handed_to
    known = q.registry.officer(officer)
    if known is None or officer == act.signers[0].officer:
        return
    for held in known.appointments:
        if (
            held.post == post
            and held.agency != act.agency
            and _one_of_several(q, held.agency, post, officer)
        ):
            yield held.agency


def _one_of_several(q: GuardInput, agency: str, post: str, officer: str) -> bool:
    who = q.kind.who
    codes = [c for c in who if c not in CASE_ROLES and c != "ANY_AGENCY"]
    by_post = any(q.catalogue.roles[c]["kind"] == "post" for c in codes)
    if by_post:
        # Roles of a post (registrar, vault keeper, auditor …) are spread over agencies by their
        # nature.
        return True
    if len(who) == 1:
        return False
    if "HANDLER" in who and agency == q.stream.handler(q.registry, q.day):
        return True
    return any(q.registry.holds_code(c, agency, post, officer, q.day) for c in codes)


def _name(q: GuardInput, agency: str) -> str:
    return q.registry.name(agency, q.day) if q.registry.agency(agency) is not None else agency
