"""Who may see: grants with a term, inspectors apart, break-glass, erasure, withdrawal, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.case.clocks import clock_runs
from ledger.regulation.case.state import NOTHING, pass_over
from ledger.regulation.decide import _untold, decide
from tests.builders import (
    CAST,
    DIGEST,
    Others,
    Story,
    a_case_in,
    an_id,
    breaks,
    hire,
    holds,
    officer,
)

OTHER_DIGEST = NOTHING
CASE = f"case/{an_id('another case')}"

THIRD = f"case/{an_id('a third case')}"


def test_nobody_grants_access_to_themselves() -> None:
    """G8 (access.md A7): nor to another id of the same person."""
    case = a_case_in("VERIFYING")
    holds("GRANT_NOT_TO_SELF", case.asks("ParticipationGranted"))
    own = {"officer": officer("gd")}
    breaks("GRANT_NOT_TO_SELF", case.asks("ParticipationGranted", facts=own), "/signers")
    for alias in ("gd", "cv2"):
        hire(case.registry, alias, person=an_id("one person"))
    breaks("GRANT_NOT_TO_SELF", case.asks("ParticipationGranted"))


def test_only_who_holds_a_case_grants_it() -> None:
    """access.md A7: the handler's supervisor, before registration the finder's; nobody else's."""
    case = Story()
    holds("GRANT_BY_HOLDER", case.asks("ParticipationGranted", by="gd"))  # behind what is erased
    case.then("ReportReceived", by="hcv")
    holds("GRANT_BY_HOLDER", case.asks("ParticipationGranted", by="hct"))
    breaks("GRANT_BY_HOLDER", case.asks("ParticipationGranted", by="gd"), "/agency")
    case.then("CaseRegistered")
    holds("GRANT_BY_HOLDER", case.asks("ParticipationGranted", by="gd"))
    for alias in ("hct", "ct", "yt"):
        breaks("GRANT_BY_HOLDER", case.asks("ParticipationGranted", by=alias), "/agency")
    with pytest.raises(Rejected) as refused:
        case.then("ParticipationGranted", by="yt")
    assert refused.value.guard == "GRANT_BY_HOLDER"


def test_what_an_agency_sees_is_granted_in_its_own_stream() -> None:
    """access.md A7: everybody reads that stream; a case is granted in the case."""
    case, agency = a_case_in("VERIFYING"), Story("agency/bacninh.stttt")
    wide = {"scope": "AGENCY"}
    breaks("GRANT_BY_HOLDER", case.asks("ParticipationGranted", facts=wide), "/facts/scope")
    holds("GRANT_BY_HOLDER", agency.asks("ParticipationGranted", facts=wide))
    breaks("GRANT_BY_HOLDER", agency.asks("ParticipationGranted"), "/facts/scope")
    breaks("GRANT_BY_HOLDER", agency.asks("ParticipationGranted", by="yt", facts=wide), "/agency")
    unit = {"scope": "UNIT", "unit": an_id("unit")}
    holds("GRANT_BY_HOLDER", case.asks("ParticipationGranted", by="yt", facts=unit))


@pytest.mark.parametrize(
    "facts",
    [
        {"until": "2024-06-01T08:00:00+07:00"},
        {"ground": " "},
        {"scope": "UNIT"},
        {"unit": an_id("unit")},
    ],
    ids=["ended before", "no ground", "a unit without its name", "a unit named for a case"],
)
def test_a_grant_says_why_and_until_when(facts: dict[str, Any]) -> None:
    """access.md A7: ground and term are mandatory; a unit is granted by name."""
    case = a_case_in("VERIFYING")
    holds("GRANT_HAS_TERM", case.asks("ParticipationGranted"))
    unit = {"scope": "UNIT", "unit": an_id("unit")}
    holds("GRANT_HAS_TERM", case.asks("ParticipationGranted", facts=unit))
    breaks("GRANT_HAS_TERM", case.asks("ParticipationGranted", facts=facts))


def test_only_a_running_grant_of_that_officer_is_revoked() -> None:
    """access.md A8."""
    case = a_case_in("VERIFYING")
    grant = case.then("ParticipationGranted", facts={"officer": officer("cv2")})
    own = {"grant": grant.act.act_id, "officer": officer("cv2")}
    holds("GRANT_STANDS", case.asks("ParticipationRevoked", facts=own))
    other = {**own, "officer": officer("cv")}
    breaks("GRANT_STANDS", case.asks("ParticipationRevoked", facts=other), "/facts/officer")
    unknown = {**own, "grant": an_id("no grant")}
    breaks("GRANT_STANDS", case.asks("ParticipationRevoked", facts=unknown))
    case.later(days=31)
    breaks("GRANT_STANDS", case.asks("ParticipationRevoked", facts=own))
    case.later(days=-31)
    case.then("ParticipationRevoked", facts=own)
    breaks("GRANT_STANDS", case.asks("ParticipationRevoked", facts=own))


def test_a_permit_to_take_copies_out_is_revoked_as_a_grant_is() -> None:
    """access.md A23: its holder's, while it runs, once, by who holds the case."""
    case = a_case_in("VERIFYING")
    until = (case.now + timedelta(days=30)).isoformat()
    agency, post = CAST["cv"]
    holder = {"officer": officer("cv"), "agency": agency, "post": post, "until": until}
    given = case.then("ExportPermitted", facts={"holder": holder})
    own = {"grant": given.act.act_id, "officer": officer("cv")}
    holds("GRANT_STANDS", case.asks("ParticipationRevoked", facts=own))
    holds("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="gd", facts=own))
    breaks("REVOKER_IN_CHARGE", case.asks("ParticipationRevoked", by="hct", facts=own))
    other = {**own, "officer": officer("cv2")}
    breaks("GRANT_STANDS", case.asks("ParticipationRevoked", facts=other), "/facts/officer")
    case.later(days=31)
    breaks("GRANT_STANDS", case.asks("ParticipationRevoked", facts=own))
    case.later(days=-31)
    case.then("ParticipationRevoked", facts=own)
    breaks("GRANT_STANDS", case.asks("ParticipationRevoked", facts=own))


# -- inspectors ---------------------------------------------------------------------------------


def order(alias: str = "tra", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - facts are JSON
    """Facts of an inspection order for one case and one reader."""
    agency, post = CAST[alias]
    reader = {
        "officer": officer(alias),
        "post": post,
        "agency": agency,
        "until": "2024-07-04T08:00:00+07:00",
    }
    return {"cases": [CASE], "readers": [reader], **more}


def inspectorate(**others: Any) -> Story:  # noqa: ANN401 - what a test wants known of other cases
    """The stream of the inspecting agency."""
    return Story("agency/bacninh.thanhtra", cases=Others(**others))


def test_an_order_asks_once_about_each_case() -> None:
    """Both lists may repeat, and are as long as a payload: else one order asks 196,000 times."""
    asked: list[str] = []

    class Counted(Others):
        def signers(self, stream: str) -> Sequence[str]:
            asked.append(stream)
            return ()

    story = Story("agency/bacninh.thanhtra", cases=Counted())
    facts = order(cases=[CASE] * 50)
    facts["readers"] *= 50
    holds("INSPECTOR_SEPARATE", story.asks("InspectionOrdered", facts=facts))
    assert asked == [CASE]


def test_who_took_part_in_a_case_does_not_inspect_it() -> None:
    """G8 (access.md S7): by an act signed there, or a grant to work in it."""
    holds("INSPECTOR_SEPARATE", inspectorate().asks("InspectionOrdered", facts=order()))
    signed = inspectorate(signed={CASE: [officer("tra")]})
    breaks("INSPECTOR_SEPARATE", signed.asks("InspectionOrdered", facts=order()), "/facts/readers")
    case = Story(CASE)
    granted = {"officer": officer("tra"), "may": "HANDLE"}
    case.forced("ParticipationGranted", facts=granted)
    working = Story("agency/bacninh.thanhtra", registry=case.registry, start=case.now)
    breaks("INSPECTOR_SEPARATE", working.asks("InspectionOrdered", facts=order()))


def test_behind_a_refusal_grants_of_the_own_case_are_told_to_whoever_sees_it_whole() -> None:
    """access.md N2, N6: an order stands in an agency's stream, which everybody sees."""
    case, let_in = Story(CASE), {"officer": officer("tra"), "may": "HANDLE"}
    granted = case.forced("ParticipationGranted", facts=let_in)
    office = Story("agency/bacninh.thanhtra", registry=case.registry, start=case.now)
    ordered = office.forced("InspectionOrdered", facts=order("thanhtra"))
    other = Story(THIRD, registry=case.registry, start=case.now)
    told = {ordered.act.act_id}
    for story, whole, found in ((case, True, {*told, granted.act.act_id}), (case, False, told),
                                (other, True, told), (office, True, told)):  # fmt: skip
        asked = replace(story.question(granted.act), whole=whole)
        assert {grant.act_id for grant in _untold(asked).registry.grants()} == found


def test_the_inspecting_body_orders_and_nobody_for_themselves() -> None:
    """access.md A9: its own stream and officers; readers in post, who sign no order of theirs."""
    office = inspectorate()
    holds("ORDER_BY_BODY", office.asks("InspectionOrdered", facts=order()))
    elsewhere = Story("agency/bacninh.stttt", registry=office.registry)
    breaks("ORDER_BY_BODY", elsewhere.asks("InspectionOrdered", facts=order()), "/stream")
    for other in ("gd", "ytcv"):
        asked = office.asks("InspectionOrdered", also=[other], facts=order())
        breaks("ORDER_BY_BODY", asked, "/signers/1")
    for own in ("thanhtra", "trapc"):
        breaks("ORDER_BY_BODY", office.asks("InspectionOrdered", facts=order(own)), "/signers")
    gone = order()
    gone["readers"][0]["post"] = "chanh-thanh-tra"
    breaks("ORDER_BY_BODY", office.asks("InspectionOrdered", facts=gone), "/facts/readers/0")
    linked = office.registry.officers.ids_of(officer("tra"))
    assert list(linked) == [officer("tra")]
    for alias in ("tra", "trapc"):
        hire(office.registry, alias, person=an_id("one person"))
    breaks("ORDER_BY_BODY", office.asks("InspectionOrdered", facts=order()), "/signers")


def test_who_inspects_gets_no_working_grant() -> None:
    """G8 (access.md S7): nor does an overseer; reading is no work."""
    office = inspectorate()
    office.then("InspectionOrdered", facts=order("ytcv"))
    case = a_case_in("VERIFYING", registry=office.registry)
    for alias in ("ytcv", "thanhtra", "giamsat"):
        works = {"officer": officer(alias), "may": "HANDLE"}
        asked = case.asks("ParticipationGranted", facts=works)
        breaks("INSPECTOR_SEPARATE", asked, "/facts/officer")
        reads = {**works, "may": "READ"}
        holds("INSPECTOR_SEPARATE", case.asks("ParticipationGranted", facts=reads))
    works = {"officer": officer("cv2"), "may": "HANDLE"}
    holds("INSPECTOR_SEPARATE", case.asks("ParticipationGranted", facts=works))


# -- break-glass --------------------------------------------------------------------------------


def a_duty_room() -> Story:
    """The department's stream; its supervisors take part in the case that is asked for."""
    parts = {CASE: [officer(alias) for alias in ("tp", "gd", "cv2")]}
    parts |= {THIRD: parts[CASE]}
    return Story("agency/bacninh.stttt", cases=Others(taking_part=parts))


def test_who_asks_reads_and_a_supervisor_of_the_case_approves() -> None:
    """access.md A19: whoever approves has the case, since the requester cannot look for it."""
    agency = a_duty_room()
    holds("BREAK_GLASS_SIGNERS", agency.asks("BreakGlassOpened"))
    other = {"officer": officer("cv")}
    breaks("BREAK_GLASS_SIGNERS", agency.asks("BreakGlassOpened", facts=other), "/facts/officer")
    for clerk in ("cv", "hotline"):
        asked = agency.asks("BreakGlassOpened", also=[clerk])
        breaks("BREAK_GLASS_SIGNERS", asked, "/signers/1")
    stranger = agency.asks("BreakGlassOpened", also=["pgd"])
    breaks("BREAK_GLASS_SIGNERS", stranger, "/facts/case")
    unknown = {"case": f"case/{an_id('nobody has it')}"}
    breaks("BREAK_GLASS_SIGNERS", agency.asks("BreakGlassOpened", facts=unknown), "/facts/case")
    elsewhere = Story("agency/bacninh.syt", registry=agency.registry)
    breaks("BREAK_GLASS_SIGNERS", elsewhere.asks("BreakGlassOpened"), "/stream")


def test_who_approved_what_nobody_reviewed_grants_nothing_more() -> None:
    """access.md A19: from the end of the review on, by whatever id, also with an older date."""
    agency = a_duty_room()
    opened = agency.then("BreakGlassOpened", by="cv2", also=["tp"])
    case = a_case_in("VERIFYING", registry=agency.registry, start=agency.now)
    grant: dict[str, Any] = {"by": "tp", "facts": {"officer": officer("hcv")}}
    holds("OPENING_UNREVIEWED", case.asks("ParticipationGranted", **grant))
    case.later(days=5)
    agency.later(days=6)
    breaks("OPENING_UNREVIEWED", case.asks("ParticipationGranted", **grant), "/signers/0")
    dated_back = case.asks("ParticipationGranted", when=case.now - timedelta(days=4), **grant)
    holds("OPENING_UNREVIEWED", dated_back)
    taken_now = replace(dated_back, at=case.now.astimezone(UTC))
    breaks("OPENING_UNREVIEWED", taken_now, "/signers/0")
    again = agency.asks("BreakGlassOpened", by="cv", also=["tp"], facts={"case": THIRD})
    breaks("OPENING_UNREVIEWED", again, "/signers/1")
    by_another = grant | {"by": "gd"}
    holds("OPENING_UNREVIEWED", case.asks("ParticipationGranted", **by_another))
    for alias in ("tp", "gd"):
        hire(case.registry, alias, person=an_id("one person"))
    breaks("OPENING_UNREVIEWED", case.asks("ParticipationGranted", **by_another), "/signers/0")
    agency.then("BreakGlassReviewed", by="pgd", facts={"opened": opened.act.act_id})
    holds("OPENING_UNREVIEWED", case.asks("ParticipationGranted", **grant))


def test_a_term_that_is_shortened_meanwhile_makes_no_opening_overdue() -> None:
    """The review has what its clock shows, by the rule of the day of the opening."""
    agency = a_duty_room()
    opened = agency.then("BreakGlassOpened", by="cv2", also=["tp"])
    (run,) = clock_runs(agency.stream, agency.registry, agency.now)
    ledger = Story("ledger", registry=agency.registry)
    ledger.now = agency.now
    ledger.forced("ClockRuleSet", facts={
        "rule": "BREAK_GLASS_REVIEW", "value": 1, "unit": "h",
        "valid_from": (opened.act.day + timedelta(days=1)).isoformat(),
    })  # fmt: skip
    agency.later(days=1)
    assert run.due is not None
    assert opened.act.day < agency.now.date() <= run.due.date()
    case = a_case_in("VERIFYING", registry=agency.registry, start=agency.now)
    grant: dict[str, Any] = {"by": "tp", "facts": {"officer": officer("hcv")}}
    again: dict[str, Any] = {"by": "cv2", "also": ["gd"]}
    holds("OPENING_UNREVIEWED", case.asks("ParticipationGranted", when=agency.now, **grant))
    holds("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", **again))
    agency.now = run.due + timedelta(minutes=1)
    breaks("OPENING_UNREVIEWED", case.asks("ParticipationGranted", when=agency.now, **grant))
    breaks("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", **again), "/facts/officer")


def test_an_emergency_opening_is_short() -> None:
    """access.md A19: four hours by the dated limit."""
    agency = Story("agency/bacninh.stttt")
    holds("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened"))
    long = {"until": (agency.now + timedelta(hours=5)).isoformat()}
    assert breaks("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", facts=long))["limit"] == (
        "4 giờ"
    )


def test_the_same_pair_does_not_open_a_case_twice() -> None:
    """access.md A19, S8: in whichever order; another approver or case is another opening."""
    agency = a_duty_room()
    opened = agency.then("BreakGlassOpened", by="cv2", also=["tp"])
    agency.then("BreakGlassReviewed", facts={"opened": opened.act.act_id})
    agency.later(days=3)
    breaks("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", by="cv2", also=["tp"]))
    breaks("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", by="tp", also=["cv2"]), "/signers")
    holds("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", by="cv2", also=["gd"]))
    asked = agency.asks("BreakGlassOpened", by="cv2", also=["tp"], facts={"case": THIRD})
    holds("BREAK_GLASS_LIMIT", asked)


def test_an_opening_waits_for_the_review_of_the_last_one() -> None:
    """access.md A19: one working day, then the requester opens nothing more."""
    agency = a_duty_room()
    opened = agency.then("BreakGlassOpened", by="cv2", also=["tp"])
    agency.later(hours=5)
    again: dict[str, Any] = {"by": "cv2", "also": ["gd"]}
    holds("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", **again))
    agency.later(days=5)
    breaks("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", **again), "/facts/officer")
    agency.then("BreakGlassReviewed", facts={"opened": opened.act.act_id})
    holds("BREAK_GLASS_LIMIT", agency.asks("BreakGlassOpened", **again))


def test_an_opening_is_reviewed_by_a_third_person() -> None:
    """G8 (access.md A19, S8): who asked, who approved and who read do not review."""
    agency = a_duty_room()
    agency.forced("BreakGlassOpened", by="cv2", also=["tp"], facts={"officer": officer("cv")})
    holds("BREAK_GLASS_THIRD_PERSON", agency.asks("BreakGlassReviewed"))
    for alias in ("cv2", "tp", "cv"):
        breaks("BREAK_GLASS_THIRD_PERSON", agency.asks("BreakGlassReviewed", by=alias), "/signers")


# -- erasure, withdrawal, checks ----------------------------------------------------------------

ENTRY = {"entries": [{"index": 12, "entry": DIGEST}]}


def test_an_erasure_has_its_three_hands() -> None:
    """access.md A20, S5, S6: authority, key administrator, auditor as witness."""
    ledger = Story("ledger")
    holds("ERASURE_SIGNERS", ledger.asks("RecordErased"))
    holds("ERASURE_SIGNERS", ledger.asks("RecordErased", also=["keeper2", "giamsat"]))
    for by, also in (
        ("gd", ["ubgk", "giamsat"]),
        ("ct", ["gd", "giamsat"]),
        ("ct", ["ubgk", "gd"]),
    ):
        breaks("ERASURE_SIGNERS", ledger.asks("RecordErased", by=by, also=also), "/signers")
    breaks("ERASURE_SIGNERS", ledger.asks("RecordErased", also=["giamsat"]))


def test_nothing_is_erased_while_it_may_be_contested() -> None:
    """access.md A20: and what is named exists, at that index with that digest."""
    ledger = Story("ledger", cases=Others(records={(12, DIGEST): CASE}))
    holds("ERASURE_NO_OPEN_CLOCK", ledger.asks("RecordErased", facts=ENTRY))
    other = {"entries": [{"index": 13, "entry": DIGEST}]}
    breaks("ERASURE_NO_OPEN_CLOCK", ledger.asks("RecordErased", facts=other), "/facts/entries/0")
    ledger.cases.clocks[CASE] = ["COMPLAINT_LODGE"]
    breaks("ERASURE_NO_OPEN_CLOCK", ledger.asks("RecordErased", facts=ENTRY))
    ledger.cases = Others()
    breaks("ERASURE_NO_OPEN_CLOCK", ledger.asks("RecordErased", facts=ENTRY))


def test_whoever_may_erase_nothing_is_not_told_what_is_contested() -> None:
    """access.md N6: by index and entry, which the log tells everybody, of every case there is."""
    ledger = Story("ledger", cases=Others(records={(12, DIGEST): CASE}))

    def faults(by: str) -> set[str]:
        with pytest.raises(Rejected) as refused:
            decide(ledger.asks("RecordErased", by=by, facts=ENTRY))
        return {one.pointer for one in refused.value.faults}

    quiet = faults("cv")
    ledger.cases.clocks[CASE] = ["COMPLAINT_LODGE"]
    assert faults("cv") == quiet
    with pytest.raises(Rejected) as refused:
        decide(ledger.asks("RecordErased", facts=ENTRY))
    assert refused.value.guard == "ERASURE_NO_OPEN_CLOCK"


def test_what_other_signatures_are_judged_by_is_never_erased() -> None:
    """access.md A20: neither record 0 and the registry's streams, nor a grant in a case."""
    known = {(12, DIGEST): CASE, (0, DIGEST): "ledger", (5, DIGEST): "officer/x"}
    ledger = Story("ledger", cases=Others(records=known))
    holds("ERASURE_KEEPS_REGISTRY", ledger.asks("RecordErased", facts=ENTRY))
    for index in (0, 5):
        facts = {"entries": [*ENTRY["entries"], {"index": index, "entry": DIGEST}]}
        breaks(
            "ERASURE_KEEPS_REGISTRY", ledger.asks("RecordErased", facts=facts), "/facts/entries/1"
        )
    twice = {"entries": ENTRY["entries"] * 2}
    breaks("ERASURE_KEEPS_REGISTRY", ledger.asks("RecordErased", facts=twice), "/facts/entries/1")
    ledger.cases.changing.add(12)
    breaks("ERASURE_KEEPS_REGISTRY", ledger.asks("RecordErased", facts=ENTRY), "/facts/entries/0")


def test_two_registrars_void_a_record() -> None:
    """formats.md §3: nobody else, however high, and no registrar alone."""
    case = a_case_in("VERIFYING")
    pass_over(case.stream, case.stream.seq + 1, None, (12, DIGEST))
    holds("VOIDING_SIGNERS", case.asks("RecordVoided", facts=ENTRY))
    for n, (by, also) in enumerate((("gd", ["keeper2"]), ("keeper", ["gd"]))):
        breaks("VOIDING_SIGNERS", case.asks("RecordVoided", by=by, also=also), f"/signers/{n}")
    breaks("SIGNER_ORDER", case.asks("RecordVoided", facts=ENTRY, also=[]), "/signers")


def test_only_what_is_set_aside_is_voided() -> None:
    """formats.md §3: a record that stands is corrected, withdrawn or erased, never voided."""
    case = a_case_in("VERIFYING")
    breaks("VOIDED_STANDS_NOT", case.asks("RecordVoided", facts=ENTRY), "/facts/entries/0")
    pass_over(case.stream, case.stream.seq + 1, None, (12, DIGEST))
    holds("VOIDED_STANDS_NOT", case.asks("RecordVoided", facts=ENTRY))
    for named in ({"index": 11, "entry": DIGEST}, {"index": 12, "entry": OTHER_DIGEST}):
        facts = {"entries": [named]}
        breaks("VOIDED_STANDS_NOT", case.asks("RecordVoided", facts=facts), "/facts/entries/0")
    twice = {"entries": ENTRY["entries"] * 2}
    breaks("VOIDED_STANDS_NOT", case.asks("RecordVoided", facts=twice), "/facts/entries/1")


def test_behind_a_record_set_aside_only_its_voiding_is_taken() -> None:
    """formats.md §3: the stream is closed until registrars have dealt with it, and then goes on."""
    case = a_case_in("VERIFYING")
    head = case.stream.head
    pass_over(case.stream, case.stream.seq + 1, None, (12, DIGEST))
    assert case.stream.head == head
    with pytest.raises(Rejected) as refused:
        case.then("VerificationRequested")
    assert (refused.value.code, refused.value.params) == ("stream_set_aside", {"index": "12"})
    case.then("RecordVoided", facts=ENTRY)
    assert not case.stream.aside
    case.then("VerificationRequested")
    breaks("VOIDED_STANDS_NOT", case.asks("RecordVoided", facts=ENTRY))


def test_a_new_stream_goes_on_behind_what_is_set_aside() -> None:
    """formats.md §3: nothing stands before, and `prev` names just that."""
    case = Story()
    pass_over(case.stream, 1, None, (12, DIGEST))
    assert (case.stream.seq, case.stream.head) == (1, NOTHING)
    case.then("RecordVoided", facts=ENTRY)
    case.then("ReportReceived")
    assert case.stream.state == "RECEIVED"


def test_a_withdrawal_says_no_more_than_its_ground() -> None:
    """access.md F6, A16: of the common list; each act stands and is withdrawn once."""
    case = a_case_in("VERIFYING")
    named = {"withdrawn": [case.stream.intake[0].act.act_id]}
    holds("WITHDRAWAL_COMMON_GROUND", case.asks("ContentWithdrawn", facts=named))
    secret = {**named, "ground": "RAISED"}
    breaks("WITHDRAWAL_COMMON_GROUND", case.asks("ContentWithdrawn", facts=secret), "/facts/ground")
    talks = {**named, "reason": "Đã nâng độ mật"}
    breaks("WITHDRAWAL_COMMON_GROUND", case.asks("ContentWithdrawn", facts=talks), "/facts/reason")
    unknown = {"withdrawn": [an_id("no act")]}
    breaks("WITHDRAWAL_COMMON_GROUND", case.asks("ContentWithdrawn", facts=unknown))
    case.then("ContentWithdrawn", facts=named)
    asked = case.asks("ContentWithdrawn", facts=named)
    breaks("WITHDRAWAL_COMMON_GROUND", asked, "/facts/withdrawn/0")


@pytest.mark.parametrize(
    "facts",
    [
        {"verdict": "NOT_VALID"},
        {"failures": ["Chữ ký không khớp"]},
        {"checked_to": 10},
    ],
    ids=["no failure named", "valid with a failure", "beyond the checkpoint"],
)
def test_a_verdict_agrees_with_the_failures(facts: dict[str, Any]) -> None:
    """access.md A12: and what was checked lies under the checkpoint."""
    case = a_case_in("VERIFYING")
    holds("VERIFIER_SEPARATE", case.asks("VerificationSignedOff"))
    breaks("VERIFIER_SEPARATE", case.asks("VerificationSignedOff", facts=facts))
    failed = {"verdict": "NOT_VALID", "failures": ["Chữ ký không khớp"]}
    holds("VERIFIER_SEPARATE", case.asks("VerificationSignedOff", facts=failed))


def test_who_acted_in_a_case_does_not_sign_off_its_check() -> None:
    """G8: as author or approver; a check of the whole log is no matter of one case."""
    case = a_case_in("VERIFYING")
    for alias in ("cv", "gd"):
        breaks("VERIFIER_SEPARATE", case.asks("VerificationSignedOff", by=alias), "/signers")
        log = {"scope": "LOG"}
        holds("VERIFIER_SEPARATE", case.asks("VerificationSignedOff", by=alias, facts=log))
