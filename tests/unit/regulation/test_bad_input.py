"""Acts that are wrong in several ways at once: refused with a pointer to every one of them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

import pytest

from api.texts.catalogue import translate
from ledger.errors import Rejected
from ledger.regulation.acts.act import known_act, parse_act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.decide import decide
from tests.builders import Story, a_case_in, an_id
from tests.rows import each, of

CATALOGUE = load()


def payload(name: str, **facts: object) -> dict[str, Any]:
    """The members of a lawful act of a case that is being verified, with facts changed."""
    members = deepcopy(dict(a_case_in("VERIFYING").act(name).signed))
    members["facts"] = {n: v for n, v in {**members["facts"], **facts}.items() if v is not None}
    return members


def refused_at_the_door(members: dict[str, Any]) -> Rejected:
    """How a payload is refused before any state is asked."""
    with pytest.raises(Rejected) as caught:
        CATALOGUE.parse(members)
    return caught.value


def refused(case: Story, members: dict[str, Any]) -> Rejected:
    """How the rules refuse an act of this case."""
    with pytest.raises(Rejected) as caught:
        decide(case.question(CATALOGUE.parse(members)))
    return caught.value


def pointers(refusal: Rejected) -> set[str]:
    """Where the faults are; each is told in both languages."""
    assert all(translate(f.text, "vi") and translate(f.text, "en") for f in refusal.faults)
    return {f.pointer for f in refusal.faults}


def test_act_of_an_unknown_type_is_named_beside_its_other_faults() -> None:
    """The catalogue is closed: what it has no word for is not guessed at."""
    members = payload("VerificationRequested") | {"act": "ContentCrawled"}
    refusal = refused_at_the_door(members)
    assert (refusal.code, pointers(refusal)) == ("unknown_act", {"/act"})
    del members["post"]
    refusal = refused_at_the_door(members)
    assert (refusal.code, pointers(refusal)) == ("malformed_act", {"/act", "/post"})


def test_act_of_a_later_form_is_refused_beside_its_other_faults() -> None:
    """formats.md §2: an act of a later form is not read as if it were of this one."""
    members = payload("VerificationRequested", invented="x") | {"v": 3, "circulation": "SECRET"}
    refusal = refused_at_the_door(members)
    assert refusal.code == "malformed_act"
    assert pointers(refusal) == {"/v", "/circulation", "/facts/invented"}


def test_form_and_facts_are_refused_together() -> None:
    """All faults at once: nobody mends an act by sending it ten times."""
    members = payload("ReferralSent", ground="NOBODY_KNOWS", urgent="soon", reasons=None, more=1)
    members |= {"occurred_at": "yesterday", "channel": "PIGEON", "unknown": True}
    refusal = refused_at_the_door(members)
    assert pointers(refusal) == {
        "/occurred_at",
        "/channel",
        "/unknown",
        "/facts/ground",
        "/facts/urgent",
        "/facts/reasons",
        "/facts/more",
    }


def test_facts_missing_mistyped_too_many_and_outside_the_enum_are_all_named() -> None:
    """FACTS_INVALID: the guard first in the list, with a pointer to each fault."""
    case = a_case_in("VERIFYING")
    members = deepcopy(dict(case.act("VerificationConcluded").signed))
    del members["facts"]["reasons"]
    members["facts"] |= {
        "finding": "PROBABLY_FALSE",
        "contrary_none_found": "yes",
        "verdict": "guilty",
        "evidence": [{"kind": "RUMOUR", "description": " "}],
    }
    refusal = refused(case, members)
    assert refusal.guard == "FACTS_INVALID"
    assert pointers(refusal) >= {
        "/facts/reasons",
        "/facts/finding",
        "/facts/contrary_none_found",
        "/facts/verdict",
        "/facts/evidence/0/kind",
        "/facts/evidence/0/description",
    }


def test_reference_into_another_case_is_named_beside_facts_out_of_form() -> None:
    """REFERS_TO_OTHER_CASE: also where the facts are out of form, as far as they can be read."""
    case = a_case_in("VERIFYING")
    case.then("VerificationRequested")
    members = deepcopy(dict(case.act("VerificationAnswered").signed))
    members |= {"refers_to": an_id("an act of another case")}
    members["facts"] |= {"request": an_id("an act of another case"), "completeness": "HALF"}
    refusal = refused(case, members)
    assert refusal.guard == "FACTS_INVALID"
    assert pointers(refusal) == {"/facts/completeness", "/facts/request", "/refers_to"}


def test_day_before_the_agency_existed_is_named_with_whatever_else_is_wrong() -> None:
    """G2, G3: the agency, the addressee and the basis are judged on the day, and all are named."""
    case = a_case_in("VERIFYING")
    members = deepcopy(dict(case.act("VerificationRequested").signed))
    members |= {"agency": "bacninh2025.svhttdl", "to": ["bacninh2025.syt", "bacninh.nobody"]}
    members["basis"] = [
        {"instrument": "150/2025/NĐ-CP", "article": "4", "role": "COMPETENCE"},
    ]
    refusal = refused(case, members)
    assert refusal.guard == "INSTRUMENT_IN_FORCE"
    assert {"/basis/0", "/agency", "/to/0", "/signers/0"} <= pointers(refusal)


def test_refusal_names_the_first_guard_and_the_faults_of_the_others() -> None:
    """guards.json, notes: the order of the list decides which one is named."""
    case = a_case_in("SCREENING")
    members = deepcopy(dict(case.act("ReferralSent").signed))
    members["basis"] = members["basis"][:1]
    refusal = refused(case, members)
    assert refusal.guard == "BASIS_COMPETENCE_AND_SUBSTANCE"
    words = " ".join(translate(f.text, "en") for f in refusal.faults)
    assert "90" in words
    assert len({translate(f.text, "en") for f in refusal.faults}) > 1


def test_no_value_in_a_fact_makes_the_rules_stumble() -> None:
    """A fact of any JSON type is refused with its pointer, never with a crash."""
    for name in each(sorted(name for name, one in CATALOGUE.types.items() if one.stream == "case")):
        with of(name):
            case = a_case_in("VERIFYING")
            members = deepcopy(dict(case.act(name).signed))
            for value in VALUES:
                members["facts"] = dict.fromkeys(CATALOGUE.types[name].facts, value)
                refusal = _refusal_or_none(case, members)
                assert refusal is None or refusal.faults or refusal.guard, value


VALUES: Final[tuple[object, ...]] = (None, 7, "x", [], {}, [[]], [{"a": [1]}], True)


def _refusal_or_none(case: Story, members: dict[str, Any]) -> Rejected | None:
    """A refusal or a pass, nothing else."""
    try:
        decide(case.question(known_act(members)))
    except Rejected as refusal:
        return refusal
    return None


def test_act_that_is_in_order_passes_the_same_door() -> None:
    """The door refuses what is wrong, and nothing else."""
    members = payload("VerificationRequested")
    assert CATALOGUE.parse(members) == parse_act(members)
