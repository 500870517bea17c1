"""Who is shut out of a case: by whom, that they sign nothing more, and that the rest goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import apply
from tests.builders import Story, a_case_in, an_id, at, breaks, hire, holds, officer, signed

OUT = {"officer": officer("cv2"), "ground": "CONFLICT_OF_INTEREST"}


def shut_out(case: Story, **facts: Any) -> str:  # noqa: ANN401 - facts are JSON
    """Shuts cv2 out of the case; the id of the act."""
    return case.then("ParticipationExcluded", facts=OUT | facts).act.act_id


def begun(case: Story, act: Act) -> None:
    """The author's statement alone."""
    apply(case.stream, signed(act, case.stream)[0])
    case.later(minutes=10)


def countersigned(case: Story, act: Act) -> GuardInput:
    """What the second signer's statement asks, signed now."""
    return replace(case.question(act, 1), at=case.now.astimezone(UTC))


# -- who is shut out signs nothing ----------------------------------------------------------------


def test_who_is_shut_out_signs_nothing_more_in_the_case() -> None:
    """access.md §4: as author and as a later signer, whatever the act."""
    case = a_case_in("VERIFYING")
    asked = {"by": "cv2", "also": ["gd"]}
    holds("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", **asked))
    shut_out(case)
    breaks("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", **asked), "/signers/0")
    named = {"by": "cv", "also": ["cv2"]}
    breaks("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", **named), "/signers/1")
    holds("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", by="cv", also=["gd"]))
    with pytest.raises(Rejected) as refused:
        case.then("VerificationRequested", **asked)
    assert refused.value.guard == "EXCLUDED_SIGNS_NOT"


def test_who_is_shut_out_signs_in_other_cases() -> None:
    """An exclusion is of one case."""
    case = a_case_in("VERIFYING")
    shut_out(case)
    other = a_case_in("VERIFYING", name=f"case/{an_id('another case')}", registry=case.registry)
    holds("EXCLUDED_SIGNS_NOT", other.asks("VerificationRequested", by="cv2", also=["gd"]))


def test_another_id_of_the_same_person_is_shut_out_too() -> None:
    """The conflict is the person's: a second post lets nobody in again."""
    case = a_case_in("VERIFYING")
    for alias in ("cv2", "tp"):
        hire(case.registry, alias, person=an_id("one person"))
    shut_out(case)
    named = case.asks("VerificationRequested", by="cv", also=["tp"])
    breaks("EXCLUDED_SIGNS_NOT", named, "/signers/1")


def test_a_signature_made_before_stands_and_the_act_can_be_finished() -> None:
    """As SIGNATURES_STAND: what was signed lawfully is not undone."""
    case = a_case_in("VERIFYING")
    act = case.act("VerificationRequested", by="cv2", also=["gd"])
    begun(case, act)
    shut_out(case)
    holds("EXCLUDED_SIGNS_NOT", countersigned(case, act))


def test_what_waits_for_an_officer_who_is_shut_out_can_be_returned() -> None:
    """Else an act would wait for ever: giving it back is the one thing left."""
    case = a_case_in("VERIFYING")
    act = case.act("VerificationRequested", by="cv", also=["cv2"])
    begun(case, act)
    shut_out(case)
    breaks("EXCLUDED_SIGNS_NOT", countersigned(case, act), "/signers/1")
    back = {"by": "cv2", "refers_to": act.act_id, "facts": {"reason": "Tôi không tham gia nữa."}}
    case.then("ActReturned", **back)
    assert case.stream.entries[act.act_id].status == "returned"
    breaks("EXCLUDED_SIGNS_NOT", case.asks("ActReturned", **back), "/signers/0")


def test_a_term_ends_by_the_ledgers_time_and_by_the_day_of_the_act() -> None:
    """An act of the days out is refused also when it is signed later."""
    case = a_case_in("VERIFYING")
    shut_out(case, until="2024-06-10T08:00:00+07:00")
    breaks("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", by="cv2", also=["gd"]))
    case.now = at("2024-06-12 08:00")
    holds("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", by="cv2", also=["gd"]))
    meant = {"when": at("2024-06-05 08:00")}
    breaks("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", by="cv2", also=["gd"], **meant))


def test_who_is_let_in_again_signs_again() -> None:
    """ParticipationRestored ends it at its record."""
    case = a_case_in("VERIFYING")
    out = shut_out(case)
    case.then("ParticipationRestored", facts={"exclusion": out, "officer": officer("cv2")})
    holds("EXCLUDED_SIGNS_NOT", case.asks("VerificationRequested", by="cv2", also=["gd"]))


# -- by whom ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "lawful"),
    [("gd", True), ("tp", True), ("ct", True), ("yt", False), ("sgd", False)],
    ids=["director", "head of division", "chair above", "another department", "a later agency"],
)
def test_only_who_is_in_charge_of_an_officer_shuts_out(by: str, lawful: bool) -> None:  # noqa: FBT001
    """36/2018/QH14 Art. 23: the agency in charge, or the one directly above."""
    case = a_case_in("VERIFYING")
    asked = case.asks("ParticipationExcluded", by=by, facts=OUT)
    (holds if lawful else breaks)("EXCLUDER_IN_CHARGE", asked)


def test_nobody_decides_on_the_own_conflict() -> None:
    """Art. 23.1: who has it reports it; also under another id."""
    case = a_case_in("VERIFYING")
    own = {"officer": officer("gd"), "ground": "OWN_REQUEST"}
    breaks("EXCLUDER_IN_CHARGE", case.asks("ParticipationExcluded", facts=own), "/signers")
    for alias in ("gd", "cv2"):
        hire(case.registry, alias, person=an_id("one person"))
    breaks("EXCLUDER_IN_CHARGE", case.asks("ParticipationExcluded", facts=OUT), "/signers")


def test_another_agency_lets_nobody_in_again() -> None:
    """Who may not shut out may not lift it."""
    case = a_case_in("VERIFYING")
    facts = {"exclusion": shut_out(case), "officer": officer("cv2")}
    holds("EXCLUDER_IN_CHARGE", case.asks("ParticipationRestored", facts=facts))
    breaks("EXCLUDER_IN_CHARGE", case.asks("ParticipationRestored", by="yt", facts=facts))


# -- for how long, and that the rest goes on ------------------------------------------------------


def test_a_term_ends_later_than_it_begins_and_nobody_is_shut_out_twice() -> None:
    """Two that overlap would leave it open when the officer is back."""
    case = a_case_in("VERIFYING")
    holds("EXCLUSION_HAS_TERM", case.asks("ParticipationExcluded", facts=OUT))
    past = OUT | {"until": "2024-06-01T08:00:00+07:00"}
    breaks("EXCLUSION_HAS_TERM", case.asks("ParticipationExcluded", facts=past), "/facts/until")
    shut_out(case)
    again = case.asks("ParticipationExcluded", facts=OUT)
    breaks("EXCLUSION_HAS_TERM", again, "/facts/officer")


def test_the_last_officer_who_can_act_is_not_shut_out() -> None:
    """A case that nobody can sign in stands still: first somebody else is appointed."""
    case = a_case_in("VERIFYING")
    holds("EXCLUSION_LEAVES_ONE", case.asks("ParticipationExcluded", facts=OUT))
    health = {"ground": "RELATED_PERSON"}
    for alias in ("ytcv", "yt"):
        asked = case.asks(
            "ParticipationExcluded", by="ct", facts=health | {"officer": officer(alias)}
        )
        holds("EXCLUSION_LEAVES_ONE", asked)
    case.then("ParticipationExcluded", by="ct", facts=health | {"officer": officer("ytcv")})
    last = case.asks("ParticipationExcluded", by="ct", facts=health | {"officer": officer("yt")})
    breaks("EXCLUSION_LEAVES_ONE", last, "/facts/officer")


def test_an_officer_without_a_good_key_or_apart_does_not_count_as_left() -> None:
    """Who cannot sign, or has no part in cases, keeps no case going."""
    case = a_case_in("VERIFYING")
    facts = {"officer": officer("yt"), "ground": "PARTIALITY"}
    for line in case.registry.keyring.lines(officer("ytcv")):
        case.registry.keyring.revoke(line.kid, officer("ytcv"), 999, case.now, case.now, "LOST")
    breaks("EXCLUSION_LEAVES_ONE", case.asks("ParticipationExcluded", by="ct", facts=facts))
    vault = {"officer": officer("vault"), "ground": "PARTIALITY"}
    holds("EXCLUSION_LEAVES_ONE", case.asks("ParticipationExcluded", facts=vault))


def test_only_what_still_shuts_out_is_lifted() -> None:
    """By its id, for its officer, once, and before its term has passed."""
    case = a_case_in("VERIFYING")
    out = shut_out(case, until="2024-06-10T08:00:00+07:00")
    facts = {"exclusion": out, "officer": officer("cv2")}
    holds("EXCLUSION_STANDS", case.asks("ParticipationRestored", facts=facts))
    other = facts | {"officer": officer("cv")}
    breaks("EXCLUSION_STANDS", case.asks("ParticipationRestored", facts=other), "/facts/officer")
    unknown = facts | {"exclusion": an_id("no exclusion")}
    breaks("EXCLUSION_STANDS", case.asks("ParticipationRestored", facts=unknown))
    case.now = at("2024-06-11 08:00")
    breaks("EXCLUSION_STANDS", case.asks("ParticipationRestored", facts=facts))
    case.now = at("2024-06-05 08:00")
    case.then("ParticipationRestored", facts=facts)
    breaks("EXCLUSION_STANDS", case.asks("ParticipationRestored", facts=facts))
