"""The registry's own acts: lines are added, nobody registers themselves, keys are new."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from keys.jwk import SoftwareSigner
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.state import apply
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.registry.registry import Registry
from tests.builders import (
    CAST,
    DIGEST,
    FACTS,
    ORIGIN,
    Story,
    a_case_in,
    an_act,
    an_id,
    at,
    breaks,
    enter,
    found,
    hire,
    holds,
    key,
    officer,
    person,
    signed,
)

NEW = SoftwareSigner.from_secret("Ed25519", b"a key that nobody has enrolled..")
NOTES = SoftwareSigner.generate("ML-DSA-44")
LINE: dict[str, Any] = {
    "valid_from": "2024-07-01",
    "basis_document": "Quyết định 12/QĐ-UBND",
    "assumed": False,
}


def in_agency(agency: str = "bacninh.syt") -> Story:
    """The stream of an agency."""
    return Story(f"agency/{agency}")


def in_officer(alias: str = "cv2") -> Story:
    """The stream of an officer."""
    return Story(f"officer/{officer(alias)}")


def test_a_term_does_not_end_before_it_begins() -> None:
    """Added: dates and times alike; an end on the first day is lawful."""
    agency = in_agency()
    holds("DATES_ORDERED", agency.asks("FunctionAssigned", facts=LINE))
    for last, fits in (("2024-07-01", True), ("2024-06-30", False)):
        asked = agency.asks("FunctionAssigned", facts={**LINE, "valid_to": last})
        (holds if fits else breaks)("DATES_ORDERED", asked)
    times = {"valid_from": "2024-07-01T08:00:00+07:00", "valid_to": "2024-07-01T00:30:00+00:00"}
    breaks("DATES_ORDERED", in_officer().asks("KeyEnrolled", facts=times), "/facts/valid_to")


def test_a_line_names_its_document_or_says_that_it_is_assumed() -> None:
    """Added (law.md §13): nothing in the registry is simply so."""
    agency = in_agency()
    holds("BASIS_DOCUMENT_NAMED", agency.asks("FunctionAssigned", facts=LINE))
    breaks("BASIS_DOCUMENT_NAMED", agency.asks("FunctionAssigned", facts={"basis_document": " "}))
    unknown = {**LINE, "basis_document": "Quyết định của tỉnh chưa xác định"}
    asked = agency.asks("FunctionAssigned", facts=unknown)
    breaks("BASIS_DOCUMENT_NAMED", asked, "/facts/assumed")
    holds(
        "BASIS_DOCUMENT_NAMED", agency.asks("FunctionAssigned", facts={**unknown, "assumed": True})
    )


MERGE: dict[str, Any] = {
    "kind": "MERGE",
    "effective_on": "2024-07-01",
    "predecessors": ["bacninh.sct"],
    "successors": ["bacninh.stc"],
    "assumed": False,
    "map": [
        {
            "function": f,
            "territory": "BACNINH_2023",
            "from_agency": "bacninh.sct",
            "to_agency": "bacninh.stc",
            "assumed": False,
        }
        for f in ("DEPT", "TRADE")
    ],
}


def test_no_function_of_an_agency_that_ends_is_left_without_a_successor() -> None:
    """Added (law.md §13): duties move by function and territory."""
    agency = in_agency("bacninh.sct")
    holds("SUCCESSION_MAP_COMPLETE", agency.asks("AgencySuccessionRecorded", facts=MERGE))
    short = {**MERGE, "map": MERGE["map"][:1]}
    params = breaks("SUCCESSION_MAP_COMPLETE", agency.asks("AgencySuccessionRecorded", facts=short))
    assert params["functions"] == "TRADE"
    keeps = {**short, "kind": "FUNCTION_TRANSFER"}
    holds("SUCCESSION_MAP_COMPLETE", agency.asks("AgencySuccessionRecorded", facts=keeps))
    goes_on = {**short, "successors": ["bacninh.sct", "bacninh.stc"]}
    holds("SUCCESSION_MAP_COMPLETE", agency.asks("AgencySuccessionRecorded", facts=goes_on))


def test_a_function_does_not_go_to_an_agency_that_is_not_there() -> None:
    """Added: not registered, or not existing on that day."""
    agency = in_agency("bacninh.sct")
    nowhere = {**MERGE, "successors": ["bacninh.khong-co"]}
    breaks("SUCCESSION_MAP_COMPLETE", agency.asks("AgencySuccessionRecorded", facts=nowhere))
    later = {**MERGE, "map": [{**r, "to_agency": "bacninh2025.stc"} for r in MERGE["map"]]}
    breaks("SUCCESSION_MAP_COMPLETE", agency.asks("AgencySuccessionRecorded", facts=later))


def test_an_agency_id_is_used_once_for_ever() -> None:
    """Added: also that of an agency which ended long ago; and it names the stream."""
    new = in_agency("bacninh.moi")
    holds("AGENCY_ID_NEW", new.asks("AgencyRegistered", facts={"agency": "bacninh.moi"}))
    breaks("AGENCY_ID_NEW", new.asks("AgencyRegistered", facts={"agency": "bacninh.khac"}))
    old = in_agency("bacninh.btg")
    asked = old.asks("AgencyRegistered", facts={"agency": "bacninh.btg"})
    breaks("AGENCY_ID_NEW", asked, "/facts/agency")


def test_a_post_belongs_to_an_agency_of_its_first_day() -> None:
    """Added: registered and existing then."""
    person = in_officer()
    post = {"agency": "bacninh.syt", "valid_from": "2024-06-01"}
    holds("AGENCY_KNOWN", person.asks("OfficerAppointed", facts=post))
    for wrong in ({"agency": "bacninh.khong-co"}, {"agency": "bacninh2025.syt"}):
        asked = person.asks("OfficerAppointed", facts={**post, **wrong})
        breaks("AGENCY_KNOWN", asked, "/facts/agency")


def test_only_an_officer_in_post_gets_a_key() -> None:
    """Added: a service key has no officer."""
    holds("OFFICER_KNOWN", in_officer().asks("KeyEnrolled", facts={"officer": officer("cv2")}))
    nobody = {"officer": an_id("nobody")}
    breaks("OFFICER_KNOWN", in_officer().asks("KeyEnrolled", facts=nobody), "/facts/officer")
    service = {"custody": "SERVICE", "officer": None}
    holds("OFFICER_KNOWN", Story("ledger").asks("KeyEnrolled", facts=service))
    bare = {"officer": None}
    breaks("OFFICER_KNOWN", Story("ledger").asks("KeyEnrolled", facts=bare))


def test_a_key_is_either_an_officers_or_the_services() -> None:
    """formats.md §3: a service key with an officer would sign in as that officer.

    And an officer's key enrolled beside the officer's own stream would not be seen there.
    """
    both = {"officer": officer("cv2"), "custody": "SERVICE"}
    breaks("OFFICER_KNOWN", in_officer().asks("KeyEnrolled", facts=both), "/facts/custody")
    breaks("OFFICER_KNOWN", Story("ledger").asks("KeyEnrolled", facts=both))
    aside = {"officer": officer("cv2"), "custody": "SOFTWARE"}
    breaks("OFFICER_KNOWN", Story("ledger").asks("KeyEnrolled", facts=aside))
    hidden = {"officer": None, "custody": "SERVICE"}
    breaks("OFFICER_KNOWN", in_officer().asks("KeyEnrolled", facts=hidden))


def test_nobody_registers_themselves() -> None:
    """G8 (access.md S10): as no signer of any role, under no other id."""
    person = in_officer("keeper")
    holds("REGISTRAR_NOT_SELF", in_officer().asks("OfficerAppointed"))
    own = {"officer": officer("keeper")}
    breaks("REGISTRAR_NOT_SELF", person.asks("OfficerAppointed", facts=own), "/signers")
    approver = {"officer": officer("tc")}
    breaks("REGISTRAR_NOT_SELF", person.asks("OfficerEnded", facts=approver))
    hire(person.registry, "keeper", person=an_id("one"))
    hire(person.registry, "cv2", person=an_id("one"))
    other_id = {"officer": officer("cv2")}
    breaks("REGISTRAR_NOT_SELF", person.asks("OfficerAppointed", facts=other_id))


ENROLLED: dict[str, Any] = {
    "officer": officer("cv2"),
    "kid": NEW.kid,
    "jwk": dict(NEW.jwk),
    "custody": "SOFTWARE",
}


@pytest.mark.parametrize(
    "facts",
    [
        {"kid": DIGEST},
        {"jwk": {**NEW.jwk, "d": "AAAA"}},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"kid": key("gd").kid, "jwk": dict(key("gd").jwk)},
        {"kid": NOTES.kid, "jwk": dict(NOTES.jwk)},
    ],
    ids=[
        "another thumbprint",
        "a private key",
        "no public algorithm",
        "somebody else's key",
        "an algorithm for notes alone",
    ],
)
def test_a_key_is_new_public_and_named_by_its_thumbprint(facts: dict[str, Any]) -> None:
    """Added (formats.md §9)."""
    holds("KEY_NEW", in_officer().asks("KeyEnrolled", facts=ENROLLED))
    breaks("KEY_NEW", in_officer().asks("KeyEnrolled", facts={**ENROLLED, **facts}))


def test_a_revocation_names_a_live_key_of_that_officer() -> None:
    """Added (formats.md §9): and distrusts no future."""
    person = in_officer()
    own: dict[str, Any] = {
        "officer": officer("cv2"),
        "kid": key("cv2").kid,
        "invalid_from": "2024-06-01T08:00:00+07:00",
    }
    holds("KEY_KNOWN", person.asks("KeyRevoked", facts=own))
    for wrong in (
        {"officer": officer("cv")},
        {"kid": NEW.kid},
        {"invalid_from": "2024-06-05T08:00:00+07:00"},
    ):
        breaks("KEY_KNOWN", person.asks("KeyRevoked", facts={**own, **wrong}))
    person.then("KeyRevoked", facts=own)
    breaks("KEY_KNOWN", person.asks("KeyRevoked", facts=own), "/facts/invalid_from")
    earlier = {**own, "invalid_from": "2024-06-01T07:59:59+07:00"}
    holds("KEY_KNOWN", person.asks("KeyRevoked", facts=earlier))


def test_a_service_key_is_revoked_where_it_was_enrolled() -> None:
    """Added: it has no officer, so its end stands in the stream `ledger` and names none."""
    log = Story("ledger", registry=in_officer().registry)
    enrolled: dict[str, Any] = {**ENROLLED, "custody": "SERVICE", "officer": None}
    log.then("KeyEnrolled", facts=enrolled)
    gone: dict[str, Any] = {
        "officer": None,
        "kid": NEW.kid,
        "invalid_from": "2024-06-01T08:00:00+07:00",
    }
    holds("KEY_KNOWN", log.asks("KeyRevoked", facts=gone))
    claimed = {**gone, "officer": officer("cv2")}
    breaks("KEY_KNOWN", log.asks("KeyRevoked", facts=claimed), "/facts/kid")
    beside = Story(f"officer/{officer('cv2')}", registry=log.registry)
    breaks("KEY_KNOWN", beside.asks("KeyRevoked", facts=gone), "/stream")
    theirs = {**gone, "officer": officer("cv2"), "kid": key("cv2").kid}
    holds("KEY_KNOWN", beside.asks("KeyRevoked", facts=theirs))
    breaks("KEY_KNOWN", log.asks("KeyRevoked", facts=theirs), "/stream")
    breaks("KEY_KNOWN", beside.asks("KeyRevoked", facts={**theirs, "officer": None}))
    log.then("KeyRevoked", facts=gone)
    breaks("KEY_KNOWN", log.asks("KeyRevoked", facts=gone), "/facts/invalid_from")


def test_nobody_is_the_holder_of_a_service_key() -> None:
    """An officer may end their own key, and not that of the system."""
    own = {"officer": officer("cv2"), "kid": key("cv2").kid}
    holds("AGENCY_HOLDS_FUNCTION", in_officer().asks("KeyRevoked", by="cv2", facts=own))
    systems = {"officer": None, "kid": NEW.kid}
    holds("AGENCY_HOLDS_FUNCTION", Story("ledger").asks("KeyRevoked", by="keeper", facts=systems))
    asked = Story("ledger").asks("KeyRevoked", by="cv2", facts=systems)
    breaks("AGENCY_HOLDS_FUNCTION", asked)


def test_a_used_line_is_never_edited() -> None:
    """G13: another day begins another line; a correction says that it is one."""
    ledger = Story("ledger")
    holds("LINE_ADDED_NOT_EDITED", ledger.asks("ClockRuleSet"))
    same = {"valid_from": "2023-03-21"}
    breaks("LINE_ADDED_NOT_EDITED", ledger.asks("ClockRuleSet", facts=same), "/facts/valid_from")
    wrong = ledger.then("ClockRuleSet")
    breaks("LINE_ADDED_NOT_EDITED", ledger.asks("ClockRuleSet"))
    holds("LINE_ADDED_NOT_EDITED", ledger.asks("ClockRuleSet", corrects=wrong.act.act_id))
    of_edition = {"corrects": wrong.act.act_id, "facts": same}
    breaks("LINE_ADDED_NOT_EDITED", ledger.asks("ClockRuleSet", **of_edition), "/facts/valid_from")
    right = ledger.then("ClockRuleSet", corrects=wrong.act.act_id)
    breaks("LINE_ADDED_NOT_EDITED", ledger.asks("ClockRuleSet", corrects=wrong.act.act_id))
    holds("LINE_ADDED_NOT_EDITED", ledger.asks("ClockRuleSet", corrects=right.act.act_id))
    holds("LINE_ADDED_NOT_EDITED", ledger.asks("InstrumentRegistered"))
    law = {"instrument": "24/2018/QH14", "valid_from": "2019-01-01"}
    breaks("LINE_ADDED_NOT_EDITED", ledger.asks("InstrumentRegistered", facts=law))
    again = {**law, "valid_from": "2027-01-01"}
    holds("LINE_ADDED_NOT_EDITED", ledger.asks("InstrumentRegistered", facts=again))


@pytest.mark.parametrize(
    ("rule", "value", "unit"),
    [
        ("BREAK_GLASS_REVIEW", 2, "wd"),
        ("BREAK_GLASS_REVIEW", 1, "h"),
        ("BREAK_GLASS_MAX", 5, "h"),
        ("DISCLOSURE_MAX", 25, "h"),
        ("URGENT_REVIEW", 25, "h"),
        ("BREAK_GLASS_MAX", None, "none"),
    ],
)
def test_those_who_are_overseen_make_no_term_of_oversight_longer(
    rule: str, value: int | None, unit: str
) -> None:
    """Registrar and legal officer may make it shorter, and never longer or open."""
    ledger = Story("ledger")
    facts = {"rule": rule, "unit": unit, "valid_from": "2026-01-01"}
    longer = facts if value is None else {**facts, "value": value}
    breaks("OVERSIGHT_TERM_KEPT", ledger.asks("ClockRuleSet", facts=longer), "/facts/value")
    same = {"BREAK_GLASS_REVIEW": (1, "wd"), "BREAK_GLASS_MAX": (4, "h")}.get(rule, (24, "h"))
    kept = {**facts, "value": same[0], "unit": same[1]}
    holds("OVERSIGHT_TERM_KEPT", ledger.asks("ClockRuleSet", facts=kept))
    other = {**facts, "rule": "NOTIFY_LEAD", "value": 900, "unit": "h"}
    holds("OVERSIGHT_TERM_KEPT", ledger.asks("ClockRuleSet", facts=other))


def test_a_shorter_term_of_oversight_reaches_back_to_nothing() -> None:
    """A measure that stands would be over since yesterday, or a review too late before its end."""
    ledger = Story("ledger")
    ledger.now = at("2024-06-10 08:00")
    line = {"rule": "MEASURE_MAX", "value": 1, "unit": "m", "valid_from": "2024-06-10"}
    breaks("OVERSIGHT_TERM_KEPT", ledger.asks("ClockRuleSet", facts=line), "/facts/valid_from")
    same = {**line, "value": 6}
    holds("OVERSIGHT_TERM_KEPT", ledger.asks("ClockRuleSet", facts=same))
    later = {**line, "valid_from": "2024-06-11"}
    holds("OVERSIGHT_TERM_KEPT", ledger.asks("ClockRuleSet", facts=later))


@pytest.mark.parametrize(
    ("rule", "worse", "better"),
    [
        ("COMPLAINT_LODGE", (30, "d"), (120, "d")),
        ("COMPLAINT_LODGE", (3, "m"), (90, "d")),
        ("INFORM_REPORTER", (30, "wd"), (2, "wd")),
    ],
)
def test_a_line_changes_no_clock_that_runs_for_a_citizen(
    rule: str, worse: tuple[int, str], better: tuple[int, str]
) -> None:
    """What is worse for them begins on the day after it is taken; what is better may reach back."""
    ledger = Story("ledger")
    ledger.now = at("2024-06-10 08:00")
    back = {"rule": rule, "valid_from": "2024-06-09"}

    def asked(length: tuple[int, str], **more: str) -> GuardInput:
        line = {**back, "value": length[0], "unit": length[1], **more}
        return ledger.asks("ClockRuleSet", facts=line)

    breaks("CITIZEN_CLOCK_KEPT", asked(worse), "/facts/valid_from")
    holds("CITIZEN_CLOCK_KEPT", asked(better))
    breaks("CITIZEN_CLOCK_KEPT", asked(worse, valid_from="2024-06-10"), "/facts/valid_from")
    holds("CITIZEN_CLOCK_KEPT", asked(worse, valid_from="2024-06-11"))


def test_a_log_is_opened_once_under_its_own_name() -> None:
    """Added (formats.md §9): empty log, own origin and level, the registrar's key and hand."""
    registrar = {"officer": officer("keeper"), "kid": key("keeper").kid}
    facts = {
        "log": ORIGIN,
        "level": "ordinary",
        "registrar": {**registrar, "jwk": dict(key("keeper").jwk)},
    }
    ledger = Story("ledger")
    first = replace(ledger.asks("LedgerOpened", by="keeper", facts=facts), log_size=0)
    holds("GENESIS_FIRST", first)
    breaks("GENESIS_FIRST", replace(first, log_size=1), "/act")
    breaks("GENESIS_FIRST", replace(first, origin="khac.example/ordinary"))
    breaks("GENESIS_FIRST", replace(first, level="mat"))
    breaks("GENESIS_FIRST", replace(first, kid=NEW.kid), "/facts/registrar")
    other = ledger.asks("LedgerOpened", by="keeper2", facts=facts)
    breaks("GENESIS_FIRST", replace(other, log_size=0))


def test_an_act_is_returned_by_whoever_signs_it_next() -> None:
    """access.md A6: and by nobody else, and not once it took effect."""
    case = a_case_in("SCREENING")
    waiting = case.act("CompetenceDetermined", by="cv", also=["gd"])
    apply(case.stream, signed(waiting, case.stream)[0])
    named = {"refers_to": waiting.act_id}
    lawful = case.asks("ActReturned", by="gd", **named)
    holds("RETURNS_PENDING_ACT", lawful)
    breaks("RETURNS_PENDING_ACT", replace(lawful, role="AUTHOR"))
    breaks("RETURNS_PENDING_ACT", case.asks("ActReturned", by="tp", **named), "/refers_to")
    done = {"refers_to": case.stream.effective()[-1].act.act_id}
    breaks("RETURNS_PENDING_ACT", case.asks("ActReturned", by="gd", **done))


def test_what_the_founder_enters_alone_shows() -> None:
    """architecture.md §3: until a second registrar has a post and a key."""
    registry = Registry.founded()
    found(registry, "keeper")
    person = Story(f"officer/{officer('cv2')}", registry=registry)
    alone = {"by": "keeper", "also": []}
    breaks("REGISTRY_FOUNDING", person.asks("OfficerAppointed", **alone))
    holds("REGISTRY_FOUNDING", person.asks("OfficerAppointed", by="keeper"))
    hire(registry, "keeper2")
    holds("REGISTRY_FOUNDING", person.asks("OfficerAppointed", **alone))


def test_registry_lines_of_these_tests_are_acts_like_any_other() -> None:
    """The builders' `enter` applies what an act of that type would."""
    story = Story("ledger")
    line = {"rule": "LATE_ENTRY", "unit": "h", "value": 48, "valid_from": "2024-01-01"}
    facts = {**an_act("ClockRuleSet").facts, **line}
    enter(story.registry, "ClockRuleSet", facts, stream="ledger")
    rule = story.registry.rule("LATE_ENTRY", at("2024-06-04 08:00").date())
    assert rule is not None
    assert rule.value == 48


def test_dating_an_act_back_does_not_open_the_founding_again() -> None:
    """architecture.md §3: once a second registrar can sign, the founder alone appoints nobody."""
    registry = Registry.founded()
    found(registry, "keeper")
    person = Story(f"officer/{officer('cv2')}", registry=registry)
    early = at("2024-03-06 08:00")
    alone = {"by": "keeper", "also": [], "when": early}
    holds("SIGNER_ORDER", person.asks("OfficerAppointed", **alone))
    hire(registry, "keeper2", valid_from="2024-06-01")
    assert registry.founding(early.date())
    late = replace(person.asks("OfficerAppointed", **alone), at=at("2024-06-04 08:00"))
    breaks("SIGNER_ORDER", late, "/signers")
    holds("REGISTRY_FOUNDING", late)


def test_many_agencies_are_entered_by_one_act_if_each_could_be_alone() -> None:
    """G3 (added): no id twice, a known parent and model, a territory that is known or described."""
    ledger = Story("ledger")
    line = FACTS["RegistryLinesAdded"]["lines"][0]
    holds("LINES_FIT", ledger.asks("RegistryLinesAdded"))
    for wrong in (
        {"agency": "bacninh.stttt"},
        {"valid_to": "2020-01-01"},
        {"parent": "nowhere.at-all"},
        {"posts_as": "nowhere.at-all"},
        {"functions": ["WITCHCRAFT"]},
        {"territory": "ATLANTIS", "within": ["LEMURIA"]},
    ):
        asked = ledger.asks("RegistryLinesAdded", facts={"lines": [{**line, **wrong}]})
        breaks("LINES_FIT", asked, "/facts/lines/0")
    twice = ledger.asks("RegistryLinesAdded", facts={"lines": [line, line]})
    breaks("LINES_FIT", twice, "/facts/lines/1")


def test_no_end_of_a_post_leaves_a_log_without_a_registrar() -> None:
    """Another one, who can sign on the day after; of who is none nothing is asked."""
    clerk, last = Story(f"officer/{officer('cv2')}"), Story(f"officer/{officer('keeper2')}")
    holds("REGISTRAR_LEFT", clerk.asks("OfficerEnded"))
    agency, post = CAST["keeper2"]
    ended: dict[str, Any] = {
        "officer": officer("keeper2"), "agency": agency, "post": post,
        "ended_on": "2024-06-10", "reason": "MOVED", "keys_end": False,
    }  # fmt: skip
    registry = last.registry
    holds("REGISTRAR_LEFT", last.asks("OfficerEnded", facts=ended))
    for one in {officer("founder"), *registry.keepers} - {officer("keeper2")}:
        for held in registry.appointments(one, date(2024, 6, 10)):
            left = {**ended, "officer": one, "agency": held.agency, "post": held.post}
            enter(registry, "OfficerEnded", left, stream=f"officer/{one}")
    asked = last.asks("OfficerEnded", facts=ended)
    breaks("REGISTRAR_LEFT", asked, "/facts/officer")


def test_whoever_leaves_soon_is_no_registrar_who_is_left() -> None:
    """Of an end that is known each later day is asked, as long as the post would have run."""
    one, other = Story(f"officer/{officer('keeper2')}"), "keeper"
    registry = one.registry
    agency, post = CAST["keeper2"]
    ended: dict[str, Any] = {
        "officer": officer("keeper2"), "agency": agency, "post": post,
        "ended_on": "2024-06-10", "reason": "MOVED", "keys_end": False,
    }  # fmt: skip
    for held in registry.appointments(officer("founder"), date(2024, 6, 10)):
        left = {**ended, "officer": officer("founder"), "agency": held.agency, "post": held.post}
        enter(registry, "OfficerEnded", left, stream=f"officer/{officer('founder')}")
    holds("REGISTRAR_LEFT", one.asks("OfficerEnded", facts=ended))
    agency, post = CAST[other]
    left = {**ended, "officer": officer(other), "agency": agency, "post": post}
    soon = {**left, "ended_on": "2024-07-10"}
    enter(registry, "OfficerEnded", soon, stream=f"officer/{officer(other)}")
    breaks("REGISTRAR_LEFT", one.asks("OfficerEnded", facts=ended), "/facts/officer")
    late = {**ended, "ended_on": "2024-07-10"}
    breaks("REGISTRAR_LEFT", one.asks("OfficerEnded", facts=late), "/facts/officer")


@pytest.mark.parametrize(
    ("last", "others", "facts"),
    [
        ("keeper2", ("founder", "keeper"), {"ended_on": "2019-12-31"}),
        ("founder", ("keeper2", "keeper"), {"ended_on": "2019-12-31"}),
        ("founder", ("keeper2", "keeper"), {"agency": "bacninh.ubnd"}),
    ],
)
def test_an_end_before_a_post_began_or_in_another_agency_is_one_of_that_post(
    last: str, others: tuple[str, ...], facts: dict[str, str]
) -> None:
    """What is asked about is what the act ends; the founder's post ends wherever it is said to."""
    story = Story(f"officer/{officer(last)}")

    def ended(alias: str) -> dict[str, Any]:
        agency, post = CAST["keeper" if alias == "founder" else alias]
        return {
            "officer": officer(alias), "agency": agency, "post": post,
            "ended_on": "2024-06-04", "reason": "MOVED", "keys_end": False,
        }  # fmt: skip

    asked = ended(last) | facts
    there = {"agency": "bacninh.vpdd", "post": "chuyen-vien", "valid_from": "2025-03-01"}
    for one in ("ngd", "npgd"):  # since the department ends then, and the founder moves on
        hire(story.registry, one, powers=[KEEPER], **there)
    holds("REGISTRAR_LEFT", story.asks("OfficerEnded", facts=asked))
    for one in others:
        enter(story.registry, "OfficerEnded", ended(one), stream=f"officer/{officer(one)}")
    breaks("REGISTRAR_LEFT", story.asks("OfficerEnded", facts=asked), "/facts/officer")
    enter(story.registry, "OfficerEnded", asked, stream=story.stream.name)
    assert not story.registry.can_sign((KEEPER,), date(2024, 6, 5), officer("cv"))


def test_whoever_is_appointed_anew_without_the_power_is_no_registrar_who_is_left() -> None:
    """Of two appointments to one post the later says what it gives, and on which days."""
    one = Story(f"officer/{officer('keeper2')}")
    registry, far = one.registry, {"valid_to": "9999-12-31"}
    agency, post = CAST["keeper2"]
    anew: dict[str, Any] = {
        "officer": officer("keeper2"), "agency": agency, "post": post, "person": person("keeper2"),
        "valid_from": "2024-06-10", "basis_document": "Quyết định",
        "capacities": ["TRUC_TIEP"], "powers": [],
    }  # fmt: skip
    holds("REGISTRAR_LEFT", one.asks("OfficerAppointed", facts=anew))
    for alias in ("founder", "keeper"):
        where = CAST["keeper"]
        ended = {
            "officer": officer(alias), "agency": where[0], "post": where[1],
            "ended_on": "2024-06-04", "reason": "MOVED", "keys_end": False,
        }  # fmt: skip
        enter(registry, "OfficerEnded", ended, stream=f"officer/{officer(alias)}")
    for term in ({}, far, {"valid_to": "2024-06-20"}):
        asked = one.asks("OfficerAppointed", facts=anew | term)
        breaks("REGISTRAR_LEFT", asked, "/facts/officer")
    holds("REGISTRAR_LEFT", one.asks("OfficerAppointed", facts=anew | {"powers": [KEEPER]}))
    hire(registry, "tc", powers=[KEEPER], **far)
    holds("REGISTRAR_LEFT", one.asks("OfficerAppointed", facts=anew))
    less = {**anew, "officer": officer("tc"), "person": person("tc")}
    less |= {"agency": CAST["tc"][0], "post": CAST["tc"][1], "valid_from": "2024-07-01"}
    enter(registry, "OfficerAppointed", less, stream=f"officer/{officer('tc')}")
    breaks("REGISTRAR_LEFT", one.asks("OfficerAppointed", facts=anew), "/facts/officer")
    early = anew | {"valid_to": "2024-06-30"}
    holds("REGISTRAR_LEFT", one.asks("OfficerAppointed", facts=early))


@pytest.mark.parametrize("alias", ["keeper2", "cv2"])
def test_an_end_on_the_last_day_of_all_is_none(alias: str) -> None:
    """So "for ever" is entered elsewhere; the day behind it is no date."""
    story = Story(f"officer/{officer(alias)}")
    hire(story.registry, alias)
    agency, post = CAST[alias]
    never = {
        "officer": officer(alias), "agency": agency, "post": post,
        "ended_on": "9999-12-31", "reason": "OTHER", "keys_end": True,
    }  # fmt: skip
    holds("REGISTRAR_LEFT", story.asks("OfficerEnded", facts=never))
    enter(story.registry, "OfficerEnded", never, stream=story.stream.name)
    assert story.registry.appointments(officer(alias), date(2124, 6, 10))
    assert {one.revoked_index for one in story.registry.keyring.lines(officer(alias))} == {None}
