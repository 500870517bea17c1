"""State secrets: an item of the list, a competent post, the log of the level."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import (
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
    case = an_annex(protect_until="2026-07-31")
    early, late = {"decision_date": "2026-05-29"}, {"decision_date": "2026-06-15"}
    holds("EXTENSION_LATE", case.asks("ClassificationExtended", facts=early))
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
    """An ordinary case at the time of the annex."""
    return Story(start=at("2026-04-15 10:00"))


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
    mat = Story(start=at("2026-04-15 10:00"), level="mat")
    holds("STUB_PERMITTED", mat.asks("StubReleased", facts={"level": "TOI_MAT"}))
    breaks("STUB_PERMITTED", mat.asks("StubReleased", facts={"level": "MAT"}))
    holds("STUB_PERMITTED", ordinary().asks("StubReleased", facts={"level": "MAT"}))
    top = Story(start=at("2026-04-15 10:00"), level="tuyet-mat")
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
