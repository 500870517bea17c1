"""State secrets: an item of the list, a competent post, the log of the level."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import (
    CAST,
    DIGEST,
    DOCUMENT,
    MEMBER,
    Others,
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
)

OTHER = f"case/{an_id('another case')}"
SECRET_ACTS = (
    "ClassificationAssigned",
    "ClassificationAdjusted",
    "ClassificationExtended",
    "Declassified",
    "SecretDelivered",
    "SecretAccessed",
    "SecretCopyPermitted",
    "SecretProvisionPermitted",
    "SecretDestroyed",
    "SecretLossReported",
)


def holder(alias: str, agency: str, post: str, **span: float) -> dict[str, Any]:
    """A named holder for so long after the annex was classified."""
    until = at("2026-04-13 15:00") + timedelta(**(span or {"days": 200}))
    return {"officer": officer(alias), "post": post, "agency": agency, "until": until.isoformat()}


BM = holder("bm", "bacninh2025.svhttdl", "bao-mat")
CHUTRI = holder("chutri", "bacninh2025.svhttdl", "chu-tri")


def an_annex(level: str = "mat", **facts: Any) -> Story:  # noqa: ANN401 - facts are JSON
    """A stream of a higher log in which an annex was classified."""
    case = Story(start=at("2026-04-13 15:00"), level=level)
    case.then("ClassificationAssigned", facts={"first_holders": [BM], **facts})
    return case


def set_rule(case: Story, rule: str, value: int, unit: str, day: str = "2026-01-01") -> Story:
    """A rule of the registry from a day on, by a registrar and another."""
    line = {"rule": rule, "value": value, "unit": unit, "valid_from": day}
    more = {"source_kind": "PRODUCT_RULE", "certainty": "CONFIRMED"}
    enter(case.registry, "ClockRuleSet", {**line, **more}, stream="ledger")
    return case


@pytest.mark.parametrize("name", SECRET_ACTS)
def test_acts_on_secrets_are_not_written_in_the_ordinary_log(name: str) -> None:
    """G11; 4.4: secret content never enters a log below its level."""
    low = Story(start=at("2026-04-13 15:00"))
    breaks("SECRET_CONTENT_LOW", low.asks(name))
    holds("SECRET_CONTENT_LOW", Story(start=at("2026-04-13 15:00"), level="mat").asks(name))


@pytest.mark.parametrize(
    "facts", [{"list_item": "9.9"}, {"list_document": "DM-KHAC"}, {"list_item": " "}]
)
def test_classifying_without_a_list_item_is_refused(facts: dict[str, Any]) -> None:
    """G11; 4.4: no item of a registered list, no classification."""
    case = Story(start=at("2026-04-13 15:00"), level="mat")
    holds("SECRET_LIST_ITEM", case.asks("ClassificationAssigned"))
    breaks("SECRET_LIST_ITEM", case.asks("ClassificationAssigned", facts=facts))
    early = Story(start=at("2020-06-30 15:00"), level="mat")
    breaks("SECRET_LIST_ITEM", early.asks("ClassificationAssigned"))


def test_an_adjustment_keeps_to_the_list_of_the_classification() -> None:
    """G11: the act names the item, the classification the list."""
    case = an_annex()
    holds("SECRET_LIST_ITEM", case.asks("ClassificationAdjusted"))
    breaks("SECRET_LIST_ITEM", case.asks("ClassificationExtended", facts={"list_item": "9.9"}))


def test_a_commune_chair_permitting_a_copy_of_a_top_secret_paper_is_refused() -> None:
    """G11; 4.4: the power has a level, by a dated line for the post."""
    chair = {"by": "xcv", "also": ["xct"]}
    secret = Story(start=at("2026-04-13 15:00"), level="toi-mat")
    secret.forced("ClassificationAssigned", facts={"level": "TOI_MAT"})
    holds("LEVEL_POWER", secret.asks("SecretCopyPermitted", **chair))
    higher = Story(start=at("2026-04-13 15:00"), level="tuyet-mat")
    higher.forced("ClassificationAssigned", facts={"level": "TUYET_MAT", "list_item": "1.1"})
    params = breaks("LEVEL_POWER", higher.asks("SecretCopyPermitted", **chair), "/signers")
    assert params["date"] == "13/04/2026"


def test_a_post_classifies_only_as_far_as_its_power_reaches() -> None:
    """G11: nor before the law that gave the power, nor by raising a level later."""
    case = Story(start=at("2026-04-13 15:00"), level="mat")
    holds("LEVEL_POWER", case.asks("ClassificationAssigned"))
    deputy = {"also": ["ca"], "facts": {"level": "TOI_MAT"}}
    holds("LEVEL_POWER", case.asks("ClassificationAssigned", **deputy))
    high = {"level": "TOI_MAT"}
    breaks("LEVEL_POWER", case.asks("ClassificationAssigned", facts=high))
    early = Story(start=at("2026-02-27 15:00"), level="mat")
    breaks("LEVEL_POWER", early.asks("ClassificationAssigned"))
    annex = an_annex()
    holds("LEVEL_POWER", annex.asks("ClassificationAdjusted"))
    raised = {"new_level": "TOI_MAT"}
    breaks("LEVEL_POWER", annex.asks("ClassificationAdjusted", facts=raised))
    holds("LEVEL_POWER", annex.asks("Declassified"))
    holds("LEVEL_POWER", annex.asks("SecretDestroyed"))
    breaks("LEVEL_POWER", annex.asks("SecretDestroyed", also=["ca", "hd"]))


@pytest.mark.parametrize(
    ("level", "enclave"), [("MAT", "mat"), ("TOI_MAT", "toi-mat"), ("TUYET_MAT", "tuyet-mat")]
)
def test_what_is_classified_has_the_level_of_its_log(level: str, enclave: str) -> None:
    """Added (access.md §1): one enclave, one level."""
    case = Story(start=at("2026-04-13 15:00"), level=enclave)
    holds("LEVEL_IS_ENCLAVE", case.asks("ClassificationAssigned", facts={"level": level}))
    other = {"level": "MAT" if level != "MAT" else "TOI_MAT"}
    breaks("LEVEL_IS_ENCLAVE", case.asks("ClassificationAssigned", facts=other), "/facts/level")


@pytest.mark.parametrize(
    ("until", "fits"),
    [("2036-04-13", True), ("2036-04-14", False), ("2026-04-13", False), ("2026-04-14", True)],
)
def test_protection_is_not_longer_than_the_term_of_the_level(until: str, *, fits: bool) -> None:
    """4.4 (29/2018/QH14 Art. 19): ten years at Mật, counted from the decision."""
    case = Story(start=at("2026-04-13 15:00"), level="mat")
    asked = case.asks("ClassificationAssigned", facts={"protect_until": until})
    (holds if fits else breaks)("PROTECT_UNTIL_LIMIT", asked)


def test_an_extension_adds_one_term_at_most() -> None:
    """4.4: to the end that stands, after whatever was adjusted or extended before."""
    case = an_annex()
    holds("PROTECT_UNTIL_LIMIT", case.asks("ClassificationExtended"))
    longest = {"protect_until": "2046-04-13"}
    holds("PROTECT_UNTIL_LIMIT", case.asks("ClassificationExtended", facts=longest))
    longer = {"protect_until": "2046-04-14"}
    breaks("PROTECT_UNTIL_LIMIT", case.asks("ClassificationExtended", facts=longer))
    holds("PROTECT_UNTIL_LIMIT", case.asks("ClassificationAdjusted"))
    case.then("ClassificationAdjusted", when=at("2026-05-04 09:00"))
    breaks("PROTECT_UNTIL_LIMIT", case.asks("ClassificationExtended", facts=longest))


def test_an_extension_decided_too_late_shows() -> None:
    """Added (29/2018/QH14 Art. 20): sixty days before the end at the latest."""
    soon = holder("bm", "bacninh2025.svhttdl", "bao-mat", days=90)
    case = an_annex(protect_until="2026-07-31", first_holders=[soon])
    early, late = {"decision_date": "2026-05-29"}, {"decision_date": "2026-06-15"}
    holds("EXTENSION_LATE", case.asks("ClassificationExtended", facts=early))
    breaks("EXTENSION_LATE", case.asks("ClassificationExtended", facts=late))
    ledger = Story("ledger", registry=case.registry)
    ledger.now = case.now
    tomorrow = (case.now + timedelta(days=1)).date().isoformat()
    ledger.forced("ClockRuleSet", facts={
        "rule": "SECRET_EXTEND", "value": 1, "unit": "d", "valid_from": tomorrow,
    })  # fmt: skip
    case.later(days=2)
    breaks("EXTENSION_LATE", case.asks("ClassificationExtended", facts=late))


@pytest.mark.parametrize("also", [["hd", "ctq"], ["ctq", "ca"], ["nst", "ca"]])
def test_who_classified_does_not_declassify(also: list[str]) -> None:
    """G8 (access.md S4): checker and approver signed no classification, and all three differ."""
    case = an_annex()
    holds("DECLASSIFIER_NOT_CLASSIFIER", case.asks("Declassified"))
    breaks("DECLASSIFIER_NOT_CLASSIFIER", case.asks("Declassified", also=also), "/signers")


@pytest.mark.parametrize("missing", ["council", "minutes"])
def test_a_decision_to_declassify_has_a_council_and_minutes(missing: str) -> None:
    """4.4: so has every destruction; at the end of the term nothing is decided."""
    case = an_annex()
    holds("COUNCIL_MINUTES", case.asks("Declassified"))
    breaks("COUNCIL_MINUTES", case.asks("Declassified", facts={missing: None}), f"/facts/{missing}")
    ended = {"ground": "TERM_ENDED", missing: None}
    holds("COUNCIL_MINUTES", case.asks("Declassified", facts=ended))
    empty = {"council": [], "minutes": " "}
    breaks("COUNCIL_MINUTES", case.asks("SecretDestroyed", facts=empty))
    holds("COUNCIL_MINUTES", case.asks("SecretDestroyed", facts={"council": [MEMBER]}))


# -- holders ------------------------------------------------------------------------------------


def test_nobody_reads_without_a_permission_by_name() -> None:
    """4.4: first holders, a delivery or a copy give it, for that unit and until their end."""
    case = an_annex()
    case.later(hours=1)
    holds("HOLDER_NAMED", case.asks("SecretAccessed"))
    breaks("HOLDER_NAMED", case.asks("SecretAccessed", by="chutri"), "/facts/permission")
    other = {"unit": an_id("another unit")}
    breaks("HOLDER_NAMED", case.asks("SecretAccessed", facts=other))
    case.then("SecretCopyPermitted", facts={"holder": CHUTRI})
    holds("HOLDER_NAMED", case.asks("SecretAccessed", by="chutri"))
    case.later(days=300)
    breaks("HOLDER_NAMED", case.asks("SecretAccessed", by="chutri"))


def test_the_holder_is_enrolled_in_post_and_does_not_approve() -> None:
    """4.4: a delivery or a copy goes to somebody this enclave knows."""
    case = an_annex()
    holds("HOLDER_NAMED", case.asks("SecretDelivered", facts={"holder": BM}))
    for wrong in (
        {**BM, "officer": an_id("nobody")},
        {**BM, "post": "giam-doc"},
        holder("ctq", "bacninh2025.congan", "nguoi-co-tham-quyen-mat"),
    ):
        asked = case.asks("SecretDelivered", facts={"holder": wrong})
        breaks("HOLDER_NAMED", asked, "/facts/holder")


def test_an_export_goes_to_somebody_who_takes_part() -> None:
    """4.4 (access.md A23): by an act signed, a grant, or the agency that holds the case."""
    case = a_case_in("VERIFYING")
    until = (case.now + timedelta(days=30)).isoformat()
    own = holder("tp", "bacninh.stttt", "truong-phong")
    holds("HOLDER_NAMED", case.asks("ExportPermitted", facts={"holder": own}))
    far = holder("yt", "bacninh.syt", "pho-giam-doc")
    breaks("HOLDER_NAMED", case.asks("ExportPermitted", facts={"holder": far}))
    case.then("ParticipationGranted", facts={"officer": officer("yt"), "until": until})
    holds("HOLDER_NAMED", case.asks("ExportPermitted", facts={"holder": far}))
    itself = holder("gd", "bacninh.stttt", "giam-doc")
    breaks("HOLDER_NAMED", case.asks("ExportPermitted", facts={"holder": itself}))


@pytest.mark.parametrize("missing", ["request_document", "purpose", "duties_stated"])
def test_a_secret_goes_outside_only_on_a_written_request(missing: str) -> None:
    """4.4: with its purpose and the recipient's duties."""
    case = an_annex()
    holds("PROVISION_REQUESTED_IN_WRITING", case.asks("SecretProvisionPermitted"))
    value: Any = False if missing == "duties_stated" else " "
    asked = case.asks("SecretProvisionPermitted", facts={missing: value})
    breaks("PROVISION_REQUESTED_IN_WRITING", asked, f"/facts/{missing}")


# -- below --------------------------------------------------------------------------------------


def ordinary() -> Story:
    """An ordinary case at the time of the annex, in a log that takes stubs."""
    return taking_stubs("ordinary")


def taking_stubs(level: str) -> Story:
    """A case of a log that takes stubs."""
    return set_rule(Story(start=at("2026-04-15 10:00"), level=level), "STUB_RELEASE", 0, "d")


@pytest.mark.parametrize(
    "more",
    [
        {"facts": {"no_secret_statement": False}},
        {"document": DOCUMENT},
        {"also": []},
        {"also": ["hd"]},
    ],
    ids=["not stated", "with a document", "one signer", "an approver without the power"],
)
def test_a_stub_exists_only_where_two_competent_persons_permit_it(more: dict[str, Any]) -> None:
    """4.4 (access.md A17): off by default, and it says nothing of the secret."""
    holds("STUB_PERMITTED", ordinary().asks("StubReleased"))
    breaks("STUB_PERMITTED", ordinary().asks("StubReleased", **more))


def test_a_stub_stands_below_the_secret() -> None:
    """4.4: a level that is stated is above that of the log."""
    mat = taking_stubs("mat")
    holds("STUB_PERMITTED", mat.asks("StubReleased", facts={"level": "TOI_MAT"}))
    breaks("STUB_PERMITTED", mat.asks("StubReleased", facts={"level": "MAT"}))
    holds("STUB_PERMITTED", ordinary().asks("StubReleased", facts={"level": "MAT"}))
    top = taking_stubs("tuyet-mat")
    breaks("STUB_PERMITTED", top.asks("StubReleased"))


@pytest.mark.parametrize(
    "facts", [{"salted": False}, {"commitment": f"sha-256:{DIGEST}"}, {"commitment": "abc"}]
)
def test_a_commitment_without_a_salt_is_refused(facts: dict[str, Any]) -> None:
    """Added (access.md A17): a bare digest of a short paper can be guessed."""
    holds("SALTED_COMMITMENT", ordinary().asks("StubReleased"))
    breaks("SALTED_COMMITMENT", ordinary().asks("StubReleased", facts=facts), "/facts/commitment")


def test_the_digest_of_a_known_file_is_no_commitment() -> None:
    """Added: nor is one that already stands in the case."""
    case = ordinary()
    file = {"digest": f"sha-256:{DIGEST}", "media_type": "text/plain", "size": 3, "name": "a.txt"}
    case.forced("ReportReceived", attachments=[file])
    breaks("SALTED_COMMITMENT", case.asks("StubReleased"))


def test_nothing_below_points_to_a_higher_log() -> None:
    """F3, F14 (access.md §2): no log above and no stream this log does not know."""
    case = ordinary()
    holds("NO_POINTER_UP", case.asks("ReleasedTextEntered"))
    for title in ("Trích thu.bacninh.example/mat, mục 12", f"Phụ lục của {OTHER}"):
        asked = case.asks("ReleasedTextEntered", facts={"title": title})
        breaks("NO_POINTER_UP", asked, "/facts/title")
    case.cases = Others(states={OTHER: "CLOSED"})
    known = {"title": f"Phụ lục của {OTHER}"}
    holds("NO_POINTER_UP", case.asks("ReleasedTextEntered", facts=known))
    same = {"title": "Trích thu.bacninh.example/ordinary"}
    holds("NO_POINTER_UP", case.asks("ReleasedTextEntered", facts=same))


def test_a_text_asks_once_about_each_case_it_names() -> None:
    """It may name one as often as it is long."""
    asked: list[str] = []

    class Counted(Others):
        def state(self, stream: str) -> str | None:
            asked.append(stream)
            return "CLOSED"

    case = ordinary()
    case.cases = Counted()
    text = {"title": f"{OTHER} " * 50}
    holds("NO_POINTER_UP", case.asks("ReleasedTextEntered", facts=text))
    assert asked == [OTHER]


def test_a_holder_who_lost_the_key_is_not_enrolled() -> None:
    """4.4: enrolled means a post and a key that was not revoked."""
    registry = a_registry()
    case = Story(start=at("2026-04-13 15:00"), level="mat", registry=registry)
    case.then("ClassificationAssigned", facts={"first_holders": [BM]})
    line = registry.keyring.lines(officer("bm"))[0]
    registry.keyring.revoke(line.kid, officer("bm"), 900, case.now, case.now)
    breaks("HOLDER_NAMED", case.asks("SecretAccessed"))
    hire(registry, "chutri")
    holds("HOLDER_NAMED", case.asks("SecretDelivered", facts={"holder": CHUTRI}))


# -- what goes down (edition 2) -----------------------------------------------------------------

FRIDAY, MONDAY = "2026-09-25", "2026-09-28"


def a_declassified_annex(**facts: Any) -> Story:  # noqa: ANN401 - facts are JSON
    """The same once it is declassified, on a Tuesday."""
    case = an_annex()
    case.now = at("2026-09-15 10:00")
    case.then("Declassified", facts=facts)
    return case


def test_who_lent_the_power_to_classify_neither_declassifies_nor_releases() -> None:
    """G8 (access.md S4): what was signed with a power that was lent is its lender's as well."""

    def lends(case: Story, giver: str, taker: str) -> None:
        agency, post = CAST[giver]
        facts = {
            "officer": officer(taker), "post": CAST[taker][1], "capacity": "TUQ",
            "ground": "LEAVE", "scope": "Ký thay trong thời gian nghỉ phép.",
            "valid_from": "2026-04-01", "valid_to": "2026-12-31", "basis_document": "QĐ 14",
        }  # fmt: skip
        enter(
            case.registry, "DelegationGiven", facts, stream=f"agency/{agency}", agency=agency,
            post=post, signers=[{"officer": officer(giver), "post": post, "role": "AUTHOR"}],
        )  # fmt: skip

    lent = ("TRUC_TIEP", "TUQ")
    case = Story(start=at("2026-04-13 15:00"), level="mat")
    lends(case, "ca", "ctq")
    case.forced("ClassificationAssigned", facts={"first_holders": [BM]}, capacities=lent)
    breaks("DECLASSIFIER_NOT_CLASSIFIER", case.asks("Declassified"), "/signers")
    other = case.asks("Declassified", also=["hd", "cgd"])
    holds("DECLASSIFIER_NOT_CLASSIFIER", other)
    case = an_annex()
    lends(case, "cgd", "ca")
    case.now = at("2026-09-15 10:00")
    case.forced("Declassified", capacities=("TRUC_TIEP", *lent))
    breaks("RELEASER_APART", case.asks("ReleasePermitted", also=["cgd"]), "/signers")
    holds("RELEASER_APART", case.asks("ReleasePermitted", also=["ctq"]))


def test_only_what_was_declassified_to_go_down_goes_down() -> None:
    """access.md A15: by that decision, of that document, to a lower log, and that one text."""
    case = a_declassified_annex()
    holds("RELEASE_DECIDED", case.asks("ReleasePermitted"))
    kept = a_declassified_annex(release_text=False)
    breaks("RELEASE_DECIDED", kept.asks("ReleasePermitted"), "/facts/decision")
    none = an_annex()
    breaks("RELEASE_DECIDED", none.asks("ReleasePermitted"), "/facts/decision")
    other = {"classification": an_id("another classification")}
    asked = case.asks("ReleasePermitted", facts=other)
    breaks("RELEASE_DECIDED", asked, "/facts/classification")
    for level in ("mat", "toi-mat"):
        asked = case.asks("ReleasePermitted", facts={"down_to": level})
        breaks("RELEASE_DECIDED", asked, "/facts/down_to")


def test_no_other_file_goes_down_than_the_text_that_is_named() -> None:
    """access.md A15: a file beside it would go down with it."""
    case = a_declassified_annex()
    text = {"digest": f"sha-256:{DIGEST}", "media_type": "text/plain", "size": 3, "name": "a.txt"}
    other = {**text, "digest": f"sha-256:{'A' * 43}"}
    digest = {"text_digest": f"sha-256:{DIGEST}"}
    released = {"read_again_by_post": "giam-doc", **digest}
    low = Story(start=at(f"{FRIDAY} 10:00"))
    holds("RELEASE_DECIDED", case.asks("ReleasePermitted", facts=digest, attachments=[text]))
    holds("READ_AGAIN", low.asks("ReleasedTextEntered", facts=released, attachments=[text]))
    for files in ([other], [text, other]):
        asked = case.asks("ReleasePermitted", facts=digest, attachments=files)
        breaks("RELEASE_DECIDED", asked, "/facts/text_digest")
        asked = low.asks("ReleasedTextEntered", facts=released, attachments=files)
        breaks("READ_AGAIN", asked, "/facts/text_digest")


@pytest.mark.parametrize(("approver", "apart"), [("ctq", True), ("cgd", True), ("ca", False)])
def test_who_lets_a_text_go_down_decided_nothing_before(approver: str, *, apart: bool) -> None:
    """access.md S4: proposer, approver and releaser are three; nobody writes for themselves."""
    case = a_declassified_annex()
    asked = case.asks("ReleasePermitted", also=[approver])
    (holds if apart else breaks)("RELEASER_APART", asked)
    breaks("RELEASER_APART", case.asks("ReleasePermitted", by="vtm", also=["nst"]), "/signers")


@pytest.mark.parametrize(
    ("slot", "fits"),
    [("2026-09-18", True), (FRIDAY, True), (MONDAY, False), ("2026-09-11", False)],
)
def test_a_text_goes_down_on_a_day_of_release_ahead(slot: str, *, fits: bool) -> None:
    """access.md A15: every seventh day from a Friday on, until another rule is set."""
    case = a_declassified_annex()
    asked = case.asks("ReleasePermitted", facts={"slot": slot})
    (holds if fits else breaks)("RELEASE_SLOT", asked)


def test_a_text_does_not_go_down_on_the_day_on_which_it_is_signed() -> None:
    """Nor on that of a later signature: then the one before it would tell when it was decided."""
    case = a_declassified_annex()
    asked = case.question(
        case.act("ReleasePermitted", facts={"slot": "2026-09-18"}), 1, day=at("2026-09-18 09:00")
    )
    assert breaks("RELEASE_SLOT", asked, "/facts/slot")["date"] == "25/09/2026"


@pytest.mark.parametrize(("day", "fits"), [(FRIDAY, True), (MONDAY, False), ("2026-09-24", False)])
def test_released_text_is_entered_on_a_day_of_release(day: str, *, fits: bool) -> None:
    """access.md A15, L22: so when it stands below tells nothing of when it was decided above."""
    asked = Story(start=at(f"{day} 10:00")).asks("ReleasedTextEntered")
    (holds if fits else breaks)("RELEASE_IN_SLOT", asked)


def test_every_signature_of_a_released_text_is_made_and_recorded_that_day() -> None:
    """access.md L22: its approver who signs on Monday tells of Monday; so does a late record."""
    low = Story(start=at(f"{FRIDAY} 10:00"))
    act = low.act("ReleasedTextEntered")
    holds("RELEASE_IN_SLOT", low.question(act, 1, day=at(f"{FRIDAY} 16:00")))
    late = low.question(act, 1, day=at(f"{MONDAY} 08:00"))
    assert breaks("RELEASE_IN_SLOT", late, "/occurred_at")["date"] == "02/10/2026"
    breaks("RELEASE_IN_SLOT", replace(low.question(act, 1), at=at(f"{MONDAY} 08:00")))


def test_a_stub_is_marked_as_opened_on_a_day_of_release_alone() -> None:
    """access.md L22: else the mark would tell what the text does not; other marks need no day."""
    for day, fits in ((FRIDAY, True), (MONDAY, False)):
        low = Story(start=at(f"{day} 10:00"))
        opened = low.asks("RecordCorrected", facts={"mark": "STUB_OPENED"})
        (holds if fits else breaks)("RELEASE_IN_SLOT", opened)
        holds("RELEASE_IN_SLOT", low.asks("RecordCorrected", facts={"mark": "ERROR"}))


def test_days_of_release_follow_the_rule_that_is_set() -> None:
    """access.md A15 (config): a province may take every fourteenth day."""
    low = Story(start=at("2026-09-18 10:00"))
    holds("RELEASE_IN_SLOT", low.asks("ReleasedTextEntered"))
    set_rule(low, "RELEASE_SLOT", 14, "d")
    params = breaks("RELEASE_IN_SLOT", low.asks("ReleasedTextEntered"))
    assert params["date"] == "25/09/2026"
    low.now = at(f"{FRIDAY} 10:00")
    holds("RELEASE_IN_SLOT", low.asks("ReleasedTextEntered"))


def test_who_approves_has_read_the_text_again() -> None:
    """access.md A15: a person at the lower level; no program redacts anything."""
    low = Story(start=at(f"{FRIDAY} 10:00"))
    read = {"read_again_by_post": "giam-doc"}
    holds("READ_AGAIN", low.asks("ReleasedTextEntered", facts=read))
    asked = low.asks("ReleasedTextEntered", facts={"read_again_by_post": "chuyen-vien"})
    breaks("READ_AGAIN", asked, "/facts/read_again_by_post")


def test_a_log_takes_no_stub_until_two_registrars_let_it() -> None:
    """access.md A17: off by default; from so many days after the classification on."""
    low = Story(start=at("2026-04-15 10:00"))
    breaks("STUB_PERMITTED", low.asks("StubReleased"), "/act")
    set_rule(low, "STUB_RELEASE", 2, "d")
    for day, fits in (("2026-04-13", True), ("2026-04-14", False)):
        asked = low.asks("StubReleased", facts={"assigned_on": day})
        (holds if fits else breaks)("STUB_PERMITTED", asked)
    last = low.asks("StubReleased", facts={"assigned_on": "9999-12-31"})
    breaks("STUB_PERMITTED", last, "/facts/assigned_on")
    set_rule(low, "STUB_RELEASE", 0, "none", "2026-04-01")
    breaks("STUB_PERMITTED", low.asks("StubReleased", facts={"assigned_on": "2026-04-13"}), "/act")


# -- terms and notices (edition 2) --------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "fits"),
    [
        ("2026-04-13T15:00:00+07:00", False),
        ("2026-04-13T15:01:00+07:00", True),
        ("2036-04-13T23:59:59+07:00", True),
        ("2036-04-14T00:00:00+07:00", False),
    ],
)
def test_who_is_named_holds_until_an_end_within_the_protection(until: str, *, fits: bool) -> None:
    """access.md A7, A13: a name without an end, or past the secret's own, is no naming."""
    case = Story(start=at("2026-04-13 15:00"), level="mat")
    named = {"first_holders": [BM, {**CHUTRI, "until": until}], "protect_until": "2036-04-13"}
    asked = case.asks("ClassificationAssigned", facts=named)
    (holds if fits else breaks)("HOLDER_HAS_TERM", asked)


@pytest.mark.parametrize("name", ["SecretDelivered", "SecretCopyPermitted"])
def test_a_delivery_does_not_outlast_the_protection_as_it_stands(name: str) -> None:
    """access.md A14: once it is shortened, nobody is given it for longer."""
    case = an_annex()
    holds("HOLDER_HAS_TERM", case.asks(name, facts={"holder": CHUTRI}))
    case.then("ClassificationAdjusted", facts={"protect_until": "2026-09-30"})
    params = breaks("HOLDER_HAS_TERM", case.asks(name, facts={"holder": CHUTRI}), "/facts/holder")
    assert params["date"] == "30/09/2026"


TOLD = {"officer": officer("bm"), "post": "bao-mat", "agency": "bacninh2025.svhttdl"}


def told(*aliases: str) -> list[dict[str, Any]]:
    """That these were told."""
    return [{**TOLD, "officer": officer(a), "at": "2026-04-14T10:00:00+07:00"} for a in aliases]


def _last(case: Story, name: str) -> str:
    return case.stream.effective(name)[-1].act.act_id


def test_a_notice_has_everybody_who_holds_the_document() -> None:
    """29/2018/QH14 Art. 19, 22: whoever is left out goes on as if nothing had changed."""
    case = an_annex()
    case.then("SecretCopyPermitted", facts={"holder": CHUTRI})
    case.then("ClassificationAdjusted")
    about = {"about": _last(case, "ClassificationAdjusted")}
    holds(
        "HOLDERS_TOLD", case.asks("HoldersNotified", facts={**about, "told": told("bm", "chutri")})
    )
    asked = case.asks("HoldersNotified", facts={**about, "told": told("bm")})
    assert breaks("HOLDERS_TOLD", asked, "/facts/told")["count"] == "1"
    case.later(days=300)
    holds("HOLDERS_TOLD", case.asks("HoldersNotified", facts=about))


def test_whoever_signs_the_notice_knows_and_whoever_was_taken_off_is_not_asked_for() -> None:
    """access.md A8: a naming that was ended at once is over."""
    case = an_annex()
    case.then("SecretCopyPermitted", facts={"holder": CHUTRI})
    copy = _last(case, "SecretCopyPermitted")
    first = _last(case, "ClassificationAssigned")
    case.then("SecretLossReported", by="bm", facts={"classification": first})
    asked = case.asks("HoldersNotified", by="bm")
    assert breaks("HOLDERS_TOLD", asked)["count"] == "1"
    gone = {"grant": copy, "officer": officer("chutri")}
    case.forced("ParticipationRevoked", by="ca", facts=gone)
    holds("HOLDERS_TOLD", case.asks("HoldersNotified", by="bm"))


def test_a_notice_is_of_an_act_of_the_same_document() -> None:
    """Else it would end a term that it does not meet."""
    case = an_annex()
    case.then("ClassificationAssigned", facts={"unit": an_id("another"), "first_holders": [BM]})
    first = case.stream.effective("ClassificationAssigned")[0].act.act_id
    case.then("ClassificationAdjusted", facts={"classification": first})
    asked = case.asks("HoldersNotified", facts={"told": told("bm")})
    breaks("HOLDERS_TOLD", asked, "/facts/about")
    own = {"classification": first, "told": told("bm")}
    holds("HOLDERS_TOLD", case.asks("HoldersNotified", facts=own))
