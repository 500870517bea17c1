"""Signing for somebody: capacities, delegations, and who signs what waits for another's post."""
# ruff: noqa: ANN401 - facts are JSON, and a test may want any of them to be different

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.stand_ins import answerable, by_lenders, signs_for, stand_ins_of
from ledger.regulation.case.state import apply
from ledger.regulation.decide import decide
from ledger.regulation.edition import first_edition
from ledger.regulation.guards.table import BY_CODE
from ledger.regulation.registry.calendar import local_day
from tests.builders import (
    Json,
    Story,
    a_case_in,
    a_registry,
    an_id,
    at,
    breaks,
    enter,
    hire,
    holds,
    officer,
    place,
    signed,
)

STTTT = "bacninh.stttt"
LATER = at("2024-06-20 09:00")


def given(story: Story, **facts: Any) -> str:
    """The director lets the head of division sign TUQ. for three weeks; the act's id."""
    members = {
        "officer": officer("tp"),
        "post": "truong-phong",
        "capacity": "TUQ",
        "ground": "LEAVE",
        "scope": "Ký quyết định xử lý trong thời gian Giám đốc nghỉ phép.",
        "valid_from": "2024-06-04",
        "valid_to": "2024-06-24",
        "basis_document": "QĐ 12/QĐ-STTTT",
    } | facts
    entered = members.pop("_entered", "2023-03-21T08:00:00+07:00")
    act = enter(
        story.registry, "DelegationGiven", members, stream=f"agency/{STTTT}",
        agency=STTTT, post="giam-doc", occurred_at=entered,
        signers=[{"officer": officer("gd"), "post": "giam-doc", "role": "AUTHOR"}],
    )  # fmt: skip
    return act.act_id


def moved(story: Story, alias: str, post: str, last: str) -> None:
    """An officer of the department leaves a post."""
    facts = {
        "officer": officer(alias), "agency": STTTT, "post": post, "ended_on": last,
        "reason": "MOVED", "keys_end": False,
    }  # fmt: skip
    enter(story.registry, "OfficerEnded", facts, stream=f"officer/{officer(alias)}")


def appointed(story: Story, alias: str, agency: str, post: str, first: str, **facts: Any) -> None:
    """An officer comes into a post."""
    members = {
        "officer": officer(alias), "agency": agency, "post": post, "capacities": ["TRUC_TIEP"],
        "powers": ["SUPERVISOR", "HEAD"], "valid_from": first, "basis_document": "QĐ",
    } | facts  # fmt: skip
    enter(story.registry, "OfficerAppointed", members, stream=f"officer/{officer(alias)}")


def waiting(capacities: tuple[str, ...] | None = None) -> tuple[Story, Act]:
    """A finding that the clerk has signed; it waits for the director."""
    case = a_case_in("VERIFYING")
    act = case.act("VerificationConcluded", capacities=capacities)
    apply(case.stream, signed(act, case.stream)[0])
    return case, act


def instead(alias: str, post: str, capacity: str) -> Json:
    """What a stand-in's header says."""
    return {"officer": officer(alias), "post": post, "capacity": capacity}


# -- capacities -----------------------------------------------------------------------------------


def test_each_signer_signs_in_a_capacity_of_their_post() -> None:
    """Added: the deputy KT., the director not; form 1 says it of the author alone."""
    case = a_case_in("VERIFYING")

    def asked(*capacities: str, by: str) -> GuardInput:
        return case.asks("VerificationConcluded", also=[by], capacities=capacities)

    holds("OFFICER_IN_POST", asked("TRUC_TIEP", "KT", by="pgd"))
    breaks("OFFICER_IN_POST", asked("TRUC_TIEP", "KT", by="gd"), "/signers/1/capacity")
    params = breaks("OFFICER_IN_POST", asked("KT", "TRUC_TIEP", by="gd"), "/signers/0/capacity")
    assert params["capacity"] == "ký thay (KT.)"
    holds("OFFICER_IN_POST", case.asks("VerificationConcluded", also=["gd"]))


def test_whoever_signs_for_the_head_signs_last() -> None:
    """D06, 7 (30/2020): the deputy KT. as drafter, and the director himself, is nonsense."""
    case = a_case_in("VERIFYING")

    def asked(author: str, approver: str, *capacities: str) -> GuardInput:
        return case.asks("HandlingDecided", by=author, also=[approver], capacities=capacities)

    holds("CAPACITY_OF_LAST", asked("tp", "pgd", "TRUC_TIEP", "KT"))
    holds("CAPACITY_OF_LAST", asked("tp", "gd", "TL", "TRUC_TIEP"))
    params = breaks("CAPACITY_OF_LAST", asked("pgd", "gd", "KT", "TRUC_TIEP"))
    assert params["capacity"] == "ký thay (KT.)"
    old = case.asks("HandlingDecided", by="pgd", also=["gd"], capacity="KT")
    breaks("CAPACITY_OF_LAST", old, "/capacity")
    outside = case.asks("HandlingDecided", by="pgd", also=["ct"], capacity="KT")
    holds("CAPACITY_OF_LAST", outside)


# -- delegations ----------------------------------------------------------------------------------


def delegating(story: Story, **more: Any) -> GuardInput:
    """The question that the director's delegation to the deputy puts."""
    facts = {
        "officer": officer("pgd"),
        "post": "pho-giam-doc",
        "capacity": "GQ",
        "valid_from": "2024-06-04",
        "valid_to": "2024-06-14",
    } | more.pop("facts", {})
    return story.asks("DelegationGiven", **{"by": "gd", "also": [], "facts": facts, **more})


def an_agency() -> Story:
    """The stream of the department."""
    return Story(f"agency/{STTTT}")


def test_the_holder_of_a_post_lets_another_sign() -> None:
    """D58: an act of the head, with scope, term and document; not the registrar's."""
    story = an_agency()
    decide(delegating(story))
    holds("DELEGATION_BY_HOLDER", delegating(story))
    holds("DELEGATION_TO_DEPUTY", delegating(story))
    breaks("DELEGATION_BY_HOLDER", delegating(story, facts={"officer": officer("gd")}))
    breaks("DELEGATION_BY_HOLDER", delegating(story, facts={"officer": officer("yt")}))
    breaks("DELEGATION_BY_HOLDER", delegating(story, by="yt"), "/agency")
    # nobody passes on what they were given
    breaks(
        "DELEGATION_BY_HOLDER",
        delegating(story, by="pgd", capacities=["KT"], facts={"officer": officer("tp"),
                   "post": "truong-phong", "capacity": "TUQ"}),
    )  # fmt: skip
    # posts that stand apart are not lent, nor lent to
    breaks("DELEGATION_BY_HOLDER", delegating(story, by="vault"), "/post")
    breaks(
        "DELEGATION_BY_HOLDER",
        delegating(story, facts={"officer": officer("keeper"), "post": "quan-tri-danh-ba"}),
    )
    breaks(
        "DELEGATION_TO_DEPUTY",
        delegating(story, facts={"officer": officer("tp"), "post": "truong-phong"}),
    )
    holds(
        "DELEGATION_TO_DEPUTY",
        delegating(story, facts={"officer": officer("tp"), "post": "truong-phong",
                   "capacity": "TUQ"}),
    )  # fmt: skip
    wrong: tuple[Json, ...] = ({"valid_to": None}, {"acts": ["HandlingDecide"]}, {"acts": [7]})
    for facts in wrong:
        with pytest.raises(Rejected) as refused:
            decide(delegating(story, facts=facts))
        assert refused.value.guard == "FACTS_INVALID"
    decide(delegating(story, facts={"acts": ["HandlingDecided", "SanctionDecided"]}))


def test_a_delegation_gives_capacity_and_power_for_its_term_and_scope() -> None:
    """D06, D58: named as TUQ. by the drafter, the head of division approves what a head must."""
    case = a_case_in("VERIFYING")

    def asked(**more: Any) -> GuardInput:
        more.setdefault("capacities", ["TRUC_TIEP", "TUQ"])
        return case.asks("HandlingDecided", by="cv2", also=["pc"], **more)

    # the legal officer has neither the capacity nor a power to approve
    breaks("OFFICER_IN_POST", asked(), "/signers/1/capacity")
    breaks("SIGNER_POWERS", asked(), "/signers/1")
    to_pc = {"officer": officer("pc"), "post": "phap-che"}
    line = given(case, **to_pc, acts=["HandlingDecided"])
    holds("OFFICER_IN_POST", asked())
    holds("SIGNER_POWERS", asked())
    breaks("SIGNER_POWERS", asked(capacities=["TRUC_TIEP", "TRUC_TIEP"]))
    other = case.asks("CaseMerged", by="cv2", also=["pc"], capacities=["TRUC_TIEP", "TUQ"])
    breaks("OFFICER_IN_POST", other, "/signers/1/capacity")
    case.later(days=30)
    breaks("OFFICER_IN_POST", asked(), "/signers/1/capacity")
    case.later(days=-30)
    enter(
        case.registry, "DelegationEnded", {"delegation": line, "reason": "Giám đốc đã về."},
        stream=f"agency/{STTTT}",
    )  # fmt: skip
    breaks("OFFICER_IN_POST", asked(), "/signers/1/capacity")


def test_a_delegate_authors_what_the_post_may() -> None:
    """An act that the head signs alone, signed TUQ.; functions of agencies are lent to nobody."""
    case = a_case_in("VERIFYING")
    facts = {"grant": an_id("grant"), "officer": officer("cv"), "reason": "Hết việc."}

    def asked(*capacities: str) -> GuardInput:
        return case.asks(
            "ParticipationRevoked", by="pc", also=[], facts=facts, exact=True,
            capacities=capacities,
        )  # fmt: skip

    breaks("AGENCY_HOLDS_FUNCTION", asked("TUQ"), "/agency")
    line = given(case, officer=officer("pc"), post="phap-che")
    holds("AGENCY_HOLDS_FUNCTION", asked("TUQ"))
    breaks("AGENCY_HOLDS_FUNCTION", asked("TRUC_TIEP"))
    enter(
        case.registry, "DelegationEnded", {"delegation": line, "reason": "Giám đốc đã về."},
        stream=f"agency/{STTTT}",
    )  # fmt: skip
    breaks("AGENCY_HOLDS_FUNCTION", asked("TUQ"))


def test_a_delegation_ends_with_the_post_of_giver_or_taker() -> None:
    """Nobody signs for who is no longer there to answer for it."""
    for alias, post in (("gd", "giam-doc"), ("pc", "phap-che")):
        case = a_case_in("VERIFYING")
        given(case, officer=officer("pc"), post="phap-che")
        asked = case.asks("HandlingDecided", by="cv2", also=["pc"], capacities=["TRUC_TIEP", "TUQ"])
        holds("OFFICER_IN_POST", asked)
        moved(case, alias, post, "2024-06-03")
        breaks("OFFICER_IN_POST", asked)


def test_who_ends_a_delegation() -> None:
    """Who gave it, who took it, who heads the agency now; once."""
    story = an_agency()
    story.registry = a_registry()
    facts = {"officer": officer("pgd"), "post": "pho-giam-doc", "capacity": "GQ",
             "valid_from": "2024-06-04", "valid_to": "2024-06-14"}  # fmt: skip
    line = story.then("DelegationGiven", by="gd", also=[], facts=facts).act.act_id

    def asked(by: str) -> GuardInput:
        ending = {"delegation": line, "reason": "Giám đốc đã về."}
        return story.asks("DelegationEnded", by=by, also=[], facts=ending)

    for by in ("gd", "pgd"):
        holds("DELEGATION_ENDED_BY", asked(by))
        decide(asked(by))
    for by in ("cv", "yt", "ct"):
        breaks("DELEGATION_ENDED_BY", asked(by))
    story.then("DelegationEnded", by="gd", also=[],
               facts={"delegation": line, "reason": "Giám đốc đã về."})  # fmt: skip
    breaks("DELEGATION_ENDED_BY", asked("gd"), "/facts/delegation")


def test_a_delegation_in_a_case_is_for_that_case_alone() -> None:
    """By single case (15/2012, article 54): nothing outside names the case."""
    case = a_case_in("VERIFYING")
    enter(
        case.registry, "DelegationGiven",
        {"officer": officer("pc"), "post": "phap-che", "capacity": "TUQ", "ground": "SINGLE_CASE",
         "scope": "Ký quyết định của hồ sơ này.", "valid_from": "2024-06-04",
         "valid_to": "2024-06-24", "basis_document": "QĐ 13"},
        stream=case.stream.name, agency=STTTT, post="giam-doc",
        signers=[{"officer": officer("gd"), "post": "giam-doc", "role": "AUTHOR"}],
    )  # fmt: skip
    asked = {"by": "cv2", "also": ["pc"], "capacities": ["TRUC_TIEP", "TUQ"]}
    holds("OFFICER_IN_POST", case.asks("HandlingDecided", **asked))
    other = Story(f"case/{an_id('another case')}", registry=case.registry)
    breaks("OFFICER_IN_POST", other.asks("HandlingDecided", **asked), "/signers/1/capacity")


# -- instead of an officer named ------------------------------------------------------------------


@pytest.mark.parametrize("capacities", [None, ("TRUC_TIEP", "TRUC_TIEP")])
def test_the_posts_next_holder_signs_what_waits_for_the_post(
    capacities: tuple[str, ...] | None,
) -> None:
    """Q6: acts of both forms; while the director named holds the post, nobody else does."""
    case, act = waiting(capacities)
    new = instead("npgd", "giam-doc", "TRUC_TIEP")
    breaks("STAND_IN_ENTITLED", case.question(act, 1, instead=new, day=LATER), "/signers/1")
    appointed(case, "npgd", STTTT, "giam-doc", "2024-06-10")
    breaks("STAND_IN_ENTITLED", case.question(act, 1, instead=new, day=LATER), "/signers/1")
    moved(case, "gd", "giam-doc", "2024-06-09")
    asked = case.question(act, 1, instead=new, day=LATER)
    holds("STAND_IN_ENTITLED", asked)
    assert decide(asked).status == "effective"
    assert asked.act.signers[1].officer == officer("npgd")
    assert asked.act.signers[1].instead_of == officer("gd")
    # in no other post or capacity, and by nobody else
    for wrong in (
        instead("npgd", "giam-doc", "KT"),
        instead("npgd", "pho-giam-doc", "TRUC_TIEP"),
        instead("pgd", "pho-giam-doc", "KT"),
        instead("cv", "chuyen-vien", "TRUC_TIEP"),
    ):
        breaks("STAND_IN_ENTITLED", case.question(act, 1, instead=wrong, day=LATER), "/signers/1")
    # who was named does not sign any more (D26)
    breaks("OFFICER_IN_POST", case.question(act, 1, day=LATER), "/signers/1")
    assert signs_for(case.registry, officer("npgd"), local_day(LATER))(
        officer("gd"), act.act, act.stream
    )


def test_a_delegate_signs_what_waits_for_the_one_on_leave() -> None:
    """While it runs, for what it covers, in the capacity it gives."""
    case, act = waiting()
    line = given(case)
    deputy = instead("tp", "truong-phong", "TUQ")
    asked = case.question(act, 1, instead=deputy, day=at("2024-06-20 09:00"))
    holds("STAND_IN_ENTITLED", asked)
    holds("SIGNER_POWERS", asked)
    holds("CAPACITY_OF_LAST", asked)
    assert decide(asked).status == "effective"
    late = case.question(act, 1, instead=deputy, day=at("2024-06-25 09:00"))
    breaks("STAND_IN_ENTITLED", late, "/signers/1")
    own = case.question(act, 1, instead=instead("tp", "truong-phong", "TL"), day=LATER)
    breaks("STAND_IN_ENTITLED", own, "/signers/1")
    enter(
        case.registry, "DelegationEnded", {"delegation": line, "reason": "Giám đốc đã về."},
        stream=f"agency/{STTTT}",
    )  # fmt: skip
    breaks("STAND_IN_ENTITLED", case.question(act, 1, instead=deputy, day=LATER), "/signers/1")


def test_whoever_signs_instead_is_asked_all_that_the_one_named_was() -> None:
    """The author does not approve as the director's delegate, nor whoever inspects (G8)."""
    case, act = waiting()
    given(case, officer=officer("cv"), post="chuyen-vien")
    drafter = instead("cv", "chuyen-vien", "TUQ")
    asked = case.question(act, 1, instead=drafter, day=LATER)
    holds("STAND_IN_ENTITLED", asked)
    breaks("DISTINCT_SIGNERS", asked)
    with pytest.raises(Rejected) as refused:
        decide(asked)
    assert refused.value.guard == "DISTINCT_SIGNERS"


def test_by_the_first_edition_nobody_signs_for_another() -> None:
    """Its logs go on as they were: form 1 alone, by the officers named."""
    case, act = waiting()
    given(case)
    case.registry.go_on_by(first_edition(), 5)
    with pytest.raises(Rejected) as refused:
        decide(case.question(act, 1, instead=instead("tp", "truong-phong", "TUQ")))
    assert (refused.value.code, refused.value.guard) == ("malformed_act", None)
    form_2 = case.act("VerificationConcluded", capacities=["TRUC_TIEP", "KT"], also=["pgd"])
    with pytest.raises(Rejected) as refused:
        decide(case.question(form_2))
    assert refused.value.code == "malformed_act"


def test_the_next_holder_returns_what_waits_too() -> None:
    """access.md A6: whoever may sign it may send it back."""
    case, act = waiting()
    back = {"refers_to": act.act_id, "facts": {"reason": "Giám đốc mới chưa đồng ý."}}

    def asked(by: str) -> GuardInput:
        return case.asks("ActReturned", by=by, also=[], **back)

    holds("RETURNS_PENDING_ACT", asked("gd"))
    breaks("RETURNS_PENDING_ACT", asked("tp"), "/refers_to")
    given(case)
    holds("RETURNS_PENDING_ACT", asked("tp"))
    decide(asked("tp"))
    breaks("RETURNS_PENDING_ACT", asked("pgd"), "/refers_to")


def test_a_successor_agency_signs_what_waits_in_one_that_has_ended() -> None:
    """Q6: the holder of the same post there, or its head; law.md §13."""
    case = a_case_in("VERIFYING", start=at("2025-02-28 09:00"))
    case.now = at("2025-02-28 16:00")
    act = case.act("VerificationConcluded")
    apply(case.stream, signed(act, case.stream)[0])
    after = at("2025-03-03 09:00")
    heir = case.registry.heir(STTTT, local_day(after))
    assert heir is not None
    entry = case.stream.pending[act.act_id]
    for elsewhere in ("ngd", "cgd"):
        assert not list(stand_ins_of(case.registry, entry, officer(elsewhere), local_day(after)))
    appointed(case, "cv2", heir, "giam-doc", "2025-03-01")
    appointed(case, "tp", heir, "pho-truong-ban", "2025-03-01", capacities=["KT"])
    for alias, post, capacity in (
        ("cv2", "giam-doc", "TRUC_TIEP"), ("tp", "pho-truong-ban", "KT"),
    ):  # fmt: skip
        asked = case.question(act, 1, instead=instead(alias, post, capacity), day=after)
        holds("STAND_IN_ENTITLED", asked)
        assert decide(asked).status == "effective"
    hire(case.registry, "hotline", agency=heir, post="van-thu", powers=[], valid_from="2025-03-01")
    clerk = instead("hotline", "van-thu", "TRUC_TIEP")
    breaks("STAND_IN_ENTITLED", case.question(act, 1, instead=clerk, day=after), "/signers/1")
    shown = {
        alias: signs_for(case.registry, officer(alias), local_day(after))(
            act.signers[1].officer, act.act, act.stream
        )
        for alias in ("cv2", "tp", "hotline")
    }
    assert shown == {"cv2": True, "tp": True, "hotline": False}


def test_the_head_of_the_agency_that_carries_on_rescues_what_waits_for_a_post_that_is_gone() -> (
    None
):
    """Line 4: by the powers that the registry ships, which give no director the power HEAD."""
    case = a_case_in("VERIFYING")
    act = case.act("VerificationConcluded", also=["ctt"])
    apply(case.stream, signed(act, case.stream)[0])
    after = at("2025-03-03 09:00")

    def asked(alias: str, post: str) -> GuardInput:
        return case.question(act, 1, instead=instead(alias, post, "TRUC_TIEP"), day=after)

    holds("STAND_IN_ENTITLED", asked("sgd", "giam-doc"))
    breaks("STAND_IN_ENTITLED", asked("scv", "chuyen-vien"))


# -- what is lent ---------------------------------------------------------------------------------


def refused_by(q: GuardInput) -> str | None:
    """The guard that refuses a statement; None: it is taken."""
    try:
        decide(q)
    except Rejected as refused:
        return refused.guard
    return None


def _lent_to_pc(case: Story) -> Story:
    given(case, officer=officer("pc"), post="phap-che")
    return case


def test_nobody_approves_their_own_act_through_a_subordinate_whom_they_let_sign() -> None:
    """G8: the director writes, and the officer to whom the power was lent would approve with it."""
    case = _lent_to_pc(a_case_in("VERIFYING"))

    def asked(by: str, also: str, *capacities: str) -> str | None:
        return refused_by(
            case.asks("VerificationConcluded", by=by, also=[also], capacities=capacities)
        )

    assert asked("gd", "pc", "TRUC_TIEP", "TUQ") == "DISTINCT_SIGNERS"
    assert asked("cv", "pc", "TRUC_TIEP", "TUQ") is None
    # a deputy approves by the post's own power, whatever was lent besides
    given(case, officer=officer("pgd"), post="pho-giam-doc", capacity="KT")
    assert asked("gd", "pgd", "TRUC_TIEP", "KT") is None


def test_a_power_is_lent_to_nobody_for_what_the_lender_may_not_sign() -> None:
    """G8: who wrote a step, whom a case is about, who was shut out, lends no way around it."""
    wrote = _lent_to_pc(a_case_in("SCREENING"))
    wrote.then("CompetenceDetermined", by="gd", also=["pgd"])
    wrote.then("VerificationConcluded", by="cv", also=["pgd"])
    about = _lent_to_pc(Story())
    about.then("ReportReceived", facts={"concerns_officer": [officer("gd")]})
    about.then("CaseRegistered")
    out = _lent_to_pc(a_case_in("SCREENING"))
    shut = {"officer": officer("gd"), "ground": "CONFLICT_OF_INTEREST"}
    out.then("ParticipationExcluded", by="pgd", facts=shut)
    for case, name, guard in (
        (wrote, "HandlingDecided", "HANDLER_APPROVES_NOT"),
        (about, "CompetenceDetermined", "CONCERNED_SIGNS_NOT"),
        (out, "CompetenceDetermined", "EXCLUDED_SIGNS_NOT"),
    ):
        own = case.asks(name, by="cv", also=["gd"], capacities=["TRUC_TIEP", "TRUC_TIEP"])
        lent = case.asks(name, by="cv", also=["pc"], capacities=["TRUC_TIEP", "TUQ"])
        assert (refused_by(own), refused_by(lent)) == (guard, guard)
        deputy = case.asks(name, by="cv2", also=["pgd"], capacities=["TRUC_TIEP", "KT"])
        assert refused_by(deputy) is None
    free = _lent_to_pc(a_case_in("SCREENING"))
    asked = free.asks("CompetenceDetermined", by="cv", also=["pc"], capacities=["TRUC_TIEP", "TUQ"])
    assert refused_by(asked) is None


def test_a_stand_in_by_delegation_is_asked_as_whoever_lent_would_be() -> None:
    """G8: the act waits for the director, who since has been shut out of the case."""
    case, act = waiting()
    given(case, officer=officer("tp"), post="truong-phong")
    signs = case.question(act, 1, instead=instead("tp", "truong-phong", "TUQ"))
    assert refused_by(signs) is None
    case.then("ParticipationExcluded", by="pgd",
              facts={"officer": officer("gd"), "ground": "CONFLICT_OF_INTEREST"})  # fmt: skip
    signs = case.question(act, 1, instead=instead("tp", "truong-phong", "TUQ"))
    assert refused_by(signs) == "EXCLUDED_SIGNS_NOT"


def test_whoever_is_shut_out_chooses_nobody_for_what_waits_for_them() -> None:
    """W8: nor the deputy, whose own post approves findings, and who may sign one that names it."""
    case, act = waiting()
    case.then("ParticipationExcluded", by="pgd",
              facts={"officer": officer("gd"), "ground": "CONFLICT_OF_INTEREST"})  # fmt: skip
    given(case, officer=officer("pgd"), post="pho-giam-doc", capacity="KT")
    chosen = case.question(act, 1, instead=instead("pgd", "pho-giam-doc", "KT"))
    holds("STAND_IN_ENTITLED", chosen)
    assert refused_by(chosen) == "EXCLUDED_SIGNS_NOT"
    again = case.asks(
        "VerificationConcluded", by="cv2", also=["pgd"], capacities=["TRUC_TIEP", "KT"]
    )
    assert by_lenders(again) is None
    assert refused_by(again) is None


def test_whoever_is_shut_out_lends_no_power_of_one_kind() -> None:
    """W8: a head of division approves measures TL. by the own post, but cuts nobody off."""
    case = a_case_in("HANDLING")
    out = {"officer": officer("gd"), "ground": "CONFLICT_OF_INTEREST"}

    def refused(kind: str) -> str | None:
        return refused_by(
            case.asks(
                "TechnicalMeasureOrdered", by="cv2", also=["tp"], capacities=["TRUC_TIEP", "TL"],
                facts={"kind": kind},
            )
        )  # fmt: skip

    assert refused("BLOCK_DOMAIN") == "MEASURE_POWER"
    given(case, capacity="TL")
    assert (refused("BLOCK_DOMAIN"), refused("LABEL")) == (None, None)
    case.then("ParticipationExcluded", by="pgd", facts=out)
    assert (refused("BLOCK_DOMAIN"), refused("LABEL")) == ("EXCLUDED_SIGNS_NOT", None)


def test_the_next_holder_of_a_post_signs_what_waited_for_whoever_was_shut_out() -> None:
    """W8: the post has passed on, and nobody that was shut out has chosen who has it."""
    case, act = waiting()
    case.then("ParticipationExcluded", by="pgd",
              facts={"officer": officer("gd"), "ground": "CONFLICT_OF_INTEREST"})  # fmt: skip
    given(case, officer=officer("pgd"), post="pho-giam-doc", capacity="KT")
    moved(case, "gd", "giam-doc", "2024-06-04")
    appointed(case, "npgd", STTTT, "giam-doc", "2024-06-05")
    signs = case.question(act, 1, instead=instead("npgd", "giam-doc", "TRUC_TIEP"), day=LATER)
    assert refused_by(signs) is None


def test_a_power_that_is_lent_after_the_act_signs_what_waits_for_it() -> None:
    """Of a stand-in the day of signing counts alone: the act is dated before the delegation."""
    case, act = waiting()
    given(case, officer=officer("pc"), post="phap-che", valid_from="2024-06-06")
    lent = instead("pc", "phap-che", "TUQ")
    assert refused_by(case.question(act, 1, day=at("2024-06-07 09:00"), instead=lent)) is None


def test_no_other_delegation_hides_whose_place_a_stand_in_takes() -> None:
    """G8: the director was shut out; the deputy lends the same officer the same capacity since."""
    case, act = waiting()
    given(case, officer=officer("tp"), post="truong-phong")
    case.then("ParticipationExcluded", by="pgd",
              facts={"officer": officer("gd"), "ground": "CONFLICT_OF_INTEREST"})  # fmt: skip
    enter(
        case.registry, "DelegationGiven",
        {"officer": officer("tp"), "post": "truong-phong", "capacity": "TUQ", "ground": "LEAVE",
         "scope": "Mọi việc.", "valid_from": "2024-06-04", "valid_to": "2024-06-24",
         "basis_document": "QĐ 13/QĐ-STTTT"},
        stream=f"agency/{STTTT}", agency=STTTT, post="pho-giam-doc",
        signers=[{"officer": officer("pgd"), "post": "pho-giam-doc", "role": "AUTHOR"}],
    )  # fmt: skip
    signs = case.question(act, 1, instead=instead("tp", "truong-phong", "TUQ"))
    assert refused_by(signs) == "EXCLUDED_SIGNS_NOT"


def test_a_power_that_was_lent_is_gone_when_its_term_is_over() -> None:
    """Named as KT., which the post may sign too, in the term; signed with the power behind it."""
    case = a_case_in("VERIFYING")
    moved(case, "pc", "phap-che", "2024-01-31")
    appointed(case, "pc", STTTT, "phap-che", "2024-02-01",
              capacities=["TRUC_TIEP", "KT"], powers=[])  # fmt: skip
    given(case, officer=officer("pc"), post="phap-che", capacity="KT", valid_to="2024-06-05")
    act = case.act("VerificationConcluded", also=["pc"], capacities=["TRUC_TIEP", "KT"])
    apply(case.stream, signed(act, case.stream)[0])
    assert refused_by(case.question(act, 1)) is None
    late = case.question(act, 1, day=at("2024-06-12 09:00"))
    assert refused_by(late) == "SIGNER_POWERS"


def test_a_delegation_that_was_entered_after_its_use_shows() -> None:
    """Q7: a paper dated back lets an act stand, and no longer unseen."""
    case = a_case_in("VERIFYING")
    asked = {"by": "cv2", "also": ["pc"], "capacities": ["TRUC_TIEP", "TUQ"]}
    given(case, officer=officer("pc"), post="phap-che")
    holds("APPOINTED_LATE", case.asks("VerificationConcluded", **asked))
    late = a_case_in("VERIFYING")
    given(late, officer=officer("pc"), post="phap-che",
          _entered="2024-06-20T08:00:00+07:00")  # fmt: skip
    breaks("APPOINTED_LATE", late.asks("VerificationConcluded", **asked), "/signers/1")


# -- what was signed with a power that was lent ---------------------------------------------------

LENT = ("TRUC_TIEP", "TUQ")


def _by_whom_it_is_asked(case: Story, name: str, also: list[str], **facts: Any) -> GuardInput:
    return case.asks(name, by="cv2", also=also, facts=facts)


def lent_decision(*, ended: bool = False) -> Story:
    """A case whose plan the legal officer approved with the director's power, under review."""
    case = a_case_in("ASSESSING")
    line = given(case, officer=officer("pc"), post="phap-che")
    plan = case.then("HandlingDecided", by="tp", also=["pc"], capacities=LENT)
    if ended:
        case.registry.delegations.end(line, place(case.stream.seq) + 1)
    case.then("ResultDetermined", by="cv", also=["pgd"])
    case.then("ReviewOpened", facts={"under_review": [plan.act.act_id]})
    return case


@pytest.mark.parametrize("ended", [False, True], ids=["runs", "ended since"])
def test_who_lent_a_power_does_not_decide_the_review_of_what_was_signed_with_it(
    ended: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """S3: also when the delegation has been ended before the review."""
    case = lent_decision(ended=ended)
    for instance in ("OWN", "SECOND", "COURT"):
        also = ["cv", "gd"] if instance == "SECOND" else ["gd"]
        asked = _by_whom_it_is_asked(case, "ReviewDecided", also, instance=instance)
        breaks("OWN_REVIEW_OTHER_DECIDER", asked, "/signers")
        also = ["cv", "pgd"] if instance == "SECOND" else ["pgd"]
        asked = _by_whom_it_is_asked(case, "ReviewDecided", also, instance=instance)
        holds("OWN_REVIEW_OTHER_DECIDER", asked)
    first = _by_whom_it_is_asked(case, "ReviewDecided", ["gd"], instance="FIRST")
    breaks("SAME_DECIDER", first, "/signers")
    holds("SAME_DECIDER", _by_whom_it_is_asked(case, "ReviewDecided", ["pgd"], instance="FIRST"))


def test_a_deputy_who_signs_by_the_own_post_leaves_the_head_free_to_review() -> None:
    """KT. is the deputy's own power: nothing was lent by a delegation that was given besides."""
    case = a_case_in("ASSESSING")
    given(case, officer=officer("pgd"), post="pho-giam-doc", capacity="KT")
    plan = case.then("HandlingDecided", by="tp", also=["pgd"], capacities=("TRUC_TIEP", "KT"))
    case.then("ResultDetermined", by="cv", also=["pgd"])
    case.then("ReviewOpened", facts={"under_review": [plan.act.act_id]})
    asked = _by_whom_it_is_asked(case, "ReviewDecided", ["gd"], instance="OWN")
    holds("OWN_REVIEW_OTHER_DECIDER", asked)


def test_what_a_stand_in_signed_with_a_lent_power_is_the_lenders_too() -> None:
    """S3: the act named the director, and the delegate signed instead."""
    case, act = waiting()
    given(case)
    deputy = instead("tp", "truong-phong", "TUQ")
    last = case.question(act, 1, instead=deputy).act
    statement = signed(last, case.stream)[1]
    seq = case.stream.seq + 1
    apply(case.stream, replace(statement, officer=officer("tp"), act=last, seq=seq))
    entry = case.stream.get(act.act_id)
    assert entry is not None
    case.then("HandlingDecided", by="cv2", also=["pgd"])
    asked = case.asks("ReviewDecided")
    assert set(answerable(asked, entry)) == {officer("cv"), officer("tp"), officer("gd")}
    assert set(answerable(asked, entry, "AUTHOR")) == {officer("cv")}


def test_what_a_deputy_signed_in_the_heads_place_is_the_heads_too() -> None:
    """S3: by the head's choice, though the deputy's own post approves findings."""
    case, act = waiting()
    given(case, officer=officer("pgd"), post="pho-giam-doc", capacity="KT")
    last = case.question(act, 1, instead=instead("pgd", "pho-giam-doc", "KT")).act
    statement, seq = signed(last, case.stream)[1], case.stream.seq + 1
    apply(case.stream, replace(statement, officer=officer("pgd"), act=last, seq=seq))
    entry = case.stream.entries[act.act_id]
    signed_by = set(answerable(case.asks("HandlingDecided"), entry, "APPROVER"))
    assert signed_by == {officer("pgd"), officer("gd")}


def test_a_measure_is_not_reviewed_or_confirmed_by_who_lent_the_power_to_take_it() -> None:
    """4.2; S3: ordered by the legal officer with the director's power."""
    case = a_case_in("VERIFYING")
    given(case, officer=officer("pc"), post="phap-che")
    case.then("ImmediateMeasureTaken", by="tp", also=["pc"], capacities=LENT)
    breaks("REVIEWER_NOT_TAKER", case.asks("MeasureReviewed", by="cv2", also=["gd"]), "/signers")
    breaks("REVIEWER_NOT_TAKER", case.asks("MeasureReviewed", by="gd", also=["pgd"]), "/signers")
    holds("REVIEWER_NOT_TAKER", case.asks("MeasureReviewed", by="cv2", also=["pgd"]))
    alone = a_case_in("VERIFYING")
    given(alone, officer=officer("pc"), post="phap-che")
    alone.then("ImmediateMeasureTaken", by="pc", also=[], capacities=["TUQ"])
    breaks("CONFIRMED_BY_ANOTHER", alone.asks("MeasureConfirmed", by="gd", also=[]), "/signers")
    holds("CONFIRMED_BY_ANOTHER", alone.asks("MeasureConfirmed", by="pgd", also=[]))


def test_an_opening_is_not_reviewed_by_who_lent_the_power_to_approve_it() -> None:
    """access.md A19, S8: a third person is one who had no part in it."""
    office = an_agency()
    given(office, officer=officer("pc"), post="phap-che")
    office.forced("BreakGlassOpened", by="cv2", also=["pc"], capacities=LENT)
    breaks("BREAK_GLASS_THIRD_PERSON", office.asks("BreakGlassReviewed", by="gd"), "/signers")
    holds("BREAK_GLASS_THIRD_PERSON", office.asks("BreakGlassReviewed", by="pgd"))


# -- days -----------------------------------------------------------------------------------------


def test_no_offset_makes_a_post_or_a_delegation_last_longer() -> None:
    """The day of signing is Vietnam's: an act counts its own day as it likes, and no other."""
    west, east = "2024-06-03T06:00:00-12:00", "2024-06-05T06:00:00+14:00"
    case = a_case_in("VERIFYING")
    moved(case, "pgd", "pho-giam-doc", "2024-06-03")
    late = case.asks("HandlingDecided", by="pgd", also=["gd"], when=datetime.fromisoformat(west))
    assert late.act.day == date(2024, 6, 3)
    breaks("OFFICER_IN_POST", late, "/signers/0")

    case = a_case_in("VERIFYING")
    appointed(case, "npgd", STTTT, "pho-giam-doc", "2024-06-05")
    early = case.asks("HandlingDecided", by="npgd", also=["gd"], when=datetime.fromisoformat(east))
    assert early.act.day == date(2024, 6, 5)
    breaks("OFFICER_IN_POST", early, "/signers/0")

    case = a_case_in("VERIFYING")
    term = {"valid_from": "2024-05-20", "valid_to": "2024-06-03"}
    given(case, officer=officer("pc"), post="phap-che", **term)
    lent = {"by": "cv2", "also": ["pc"], "capacities": ["TRUC_TIEP", "TUQ"]}
    act = case.act("HandlingDecided", when=datetime.fromisoformat(west), **lent)
    apply(case.stream, signed(act, case.stream)[0])
    breaks("SIGNER_POWERS", case.question(act, 1), "/signers/1")


def test_a_check_is_not_signed_off_by_who_lent_the_power_to_act_in_the_case() -> None:
    """A12: the director signed nothing here, the legal officer did with the director's power."""
    case = a_case_in("SCREENING")
    given(case, officer=officer("pc"), post="phap-che")
    case.then("CompetenceDetermined", by="cv", also=["pc"], capacities=LENT)
    breaks("VERIFIER_SEPARATE", case.asks("VerificationSignedOff", by="gd"), "/signers")
    for _ in range(2):  # an earlier check is no part taken in the case
        holds("VERIFIER_SEPARATE", case.asks("VerificationSignedOff", by="pgd"))
        case.then("VerificationSignedOff", by="pgd")


def test_a_check_is_not_signed_off_with_the_power_of_who_acted_in_the_case() -> None:
    """A12: the director approved something here, and lends the power by which it is checked."""
    case = a_case_in("SCREENING")
    given(case, officer=officer("pc"), post="phap-che")
    case.then("CompetenceDetermined", by="cv", also=["gd"])
    own = case.asks("VerificationSignedOff", by="pc")
    lent = case.asks("VerificationSignedOff", by="pc", also=[], capacities=["TUQ"])
    guard = BY_CODE["VERIFIER_SEPARATE"]
    assert guard.breach(own, by_lenders(own)) is None
    found = guard.breach(lent, by_lenders(lent))
    assert found is not None
    assert found.pointers == ("/signers",)
