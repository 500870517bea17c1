"""Builds acts, folds and questions for tests of the rules: no bytes, no signatures, no database.

`a_registry()` has a cast in post with keys; `an_act(name)` is an act of that type with facts that
fit the catalogue; `a_case_in(state)` walks a case there through decide and the fold, so it is a
lawful one. What a test wants to be different it says as facts or members.
"""
# ruff: noqa: ANN401 - facts are JSON, and a test may want any of them to be different

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

import orjson

from keys.jwk import SoftwareSigner
from ledger.ports import Grounds
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.guard_input import DecisionContext, GuardInput
from ledger.regulation.case.other_cases_port import CountedReport
from ledger.regulation.case.state import Entry, Signed, StreamState, apply, fold
from ledger.regulation.decide import Decision, decide, told
from ledger.regulation.edition import Edition, load_edition, named
from ledger.regulation.guards.table import BY_CODE
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry
from tests.codes_in_words import codes_in
from tests.play_pure import in_form_2

Json = dict[str, Any]
ORIGIN = "thu.bacninh.example/ordinary"
T0 = datetime.fromisoformat("2024-06-04T08:00:00+07:00")
_NAMES = UUID("6f0f3a52-0f0b-4d3c-9a34-6a7d1f3c5b10")
DIGEST = "mcHDrJLetxWPwUXOMNe9iVOHI6yCINXdEpMAPejPyv4"

#: Alias to agency and post. One alias is one officer; `cv2` is a second person in the same post.
CAST: Mapping[str, tuple[str, str]] = {
    "hotline": ("bacninh.stttt", "truc-duong-day-nong"),
    "cv": ("bacninh.stttt", "chuyen-vien"),
    "cv2": ("bacninh.stttt", "chuyen-vien"),
    "tp": ("bacninh.stttt", "truong-phong"),
    "pgd": ("bacninh.stttt", "pho-giam-doc"),
    "gd": ("bacninh.stttt", "giam-doc"),
    "pc": ("bacninh.stttt", "phap-che"),
    "ttv": ("bacninh.stttt", "thanh-tra-vien"),
    "ctt": ("bacninh.stttt", "chanh-thanh-tra"),
    "vault": ("bacninh.stttt", "giu-kho-danh-tinh"),
    "ppn": ("bacninh.stttt", "nguoi-phat-ngon"),
    "keeper": ("bacninh.stttt", "quan-tri-danh-ba"),
    "keeper2": ("bacninh.stttt", "quan-ly-khoa"),
    "tc": ("bacninh.stttt", "to-chuc"),
    "ct": ("bacninh.ubnd", "chu-tich"),
    "ubcv": ("bacninh.ubnd", "chuyen-vien"),
    "ubgk": ("bacninh.ubnd", "chuyen-vien"),
    "hcv": ("bacninh.h-g", "chuyen-vien"),
    "hpct": ("bacninh.h-g", "pho-chu-tich"),
    "hct": ("bacninh.h-g", "chu-tich"),
    "yt": ("bacninh.syt", "pho-giam-doc"),
    "ytcv": ("bacninh.syt", "chuyen-vien"),
    "btg": ("bacninh.btg", "dai-dien"),
    "bao": ("bacninh.bao", "tong-bien-tap"),
    "dtv": ("bacninh.csdt", "dieu-tra-vien"),
    "bo": ("tw.btttt", "vu-truong"),
    "nm": ("tochuc.vienthong", "dai-dien"),
    "thanhtra": ("bacninh.thanhtra", "chanh-thanh-tra"),
    "tra": ("bacninh.thanhtra", "thanh-tra-vien"),
    "trapc": ("bacninh.thanhtra", "phap-che"),
    "giamsat": ("bacninh.thanhtra", "giam-sat-vien"),
    "scv": ("bacninh.svhttdl", "chuyen-vien"),
    "spgd": ("bacninh.svhttdl", "pho-giam-doc"),
    "sgd": ("bacninh.svhttdl", "giam-doc"),
    "ncv": ("bacninh2025.svhttdl", "chuyen-vien"),
    "ngd": ("bacninh2025.svhttdl", "giam-doc"),
    "npgd": ("bacninh2025.svhttdl", "pho-giam-doc"),
    "bm": ("bacninh2025.svhttdl", "bao-mat"),
    "chutri": ("bacninh2025.svhttdl", "chu-tri"),
    "nst": ("bacninh2025.congan", "nguoi-soan-thao"),
    "ctq": ("bacninh2025.congan", "nguoi-co-tham-quyen-mat"),
    "vtm": ("bacninh2025.congan", "van-thu-mat"),
    "hd": ("bacninh2025.congan", "hoi-dong-giai-mat"),
    "ca": ("bacninh2025.congan", "pho-giam-doc"),
    "cgd": ("bacninh2025.congan", "giam-doc"),
    "xct": ("bacninh2025.x-q", "chu-tich"),
    "xpct": ("bacninh2025.x-q", "pho-chu-tich"),
    "xcv": ("bacninh2025.x-q", "chuyen-vien"),
}
#: Powers given besides those of the post, for roles the shipped posts do not have.
MORE_POWERS: Mapping[str, tuple[str, ...]] = {
    "ct": ("ERASURE_AUTHORITY",),
    "ubgk": ("KEY_CUSTODIAN",),
    "gd": ("CONTENT_AUTHORITY",),
    "pc": ("LEGAL_OFFICER",),
    "cv2": ("REQUESTER",),
}
#: In a log that a test founds, who approves what the founder registers: in a small office a
#: registrar is personnel officer too.
REGISTERING: Mapping[str, tuple[str, ...]] = {"keeper": ("PERSONNEL_OFFICER",)}


@cache
def an_id(name: str) -> str:
    """A UUIDv4 that is the same for the same name in every run."""
    return str(UUID(bytes=uuid5(_NAMES, name).bytes, version=4))


def a_token(name: str) -> str:
    """A sealed token."""
    return f"sealed:{an_id(name)}"


def officer(alias: str) -> str:
    """The officer id of an alias."""
    return an_id(f"officer {alias}")


def person(alias: str) -> str:
    """The token of the human behind an alias: each is one of their own."""
    return a_token(f"person {alias}")


@cache
def key(alias: str) -> SoftwareSigner:
    """The key of an alias, the same in every run."""
    return SoftwareSigner.from_secret("Ed25519", (alias.encode() * 32)[:32])


def at(text: str) -> datetime:
    """A moment in Vietnam, e.g. `2024-06-04 08:00`."""
    return datetime.fromisoformat(f"{text.replace(' ', 'T')}:00+07:00")


# -- the registry -------------------------------------------------------------------------------


def a_registry() -> Registry:
    """The shipped edition with the cast appointed and enrolled; founding is over."""
    return _registry().copy()


@cache
def _registry() -> Registry:
    registry = Registry.founded()
    found(registry)
    for alias in CAST:
        hire(registry, alias)
    return registry


def found(registry: Registry, alias: str = "founder") -> None:
    """Record 0, by a founding registrar who holds no other post."""
    registrar = {"officer": officer(alias), "kid": key(alias).kid, "jwk": dict(key(alias).jwk)}
    facts = {
        "log": ORIGIN,
        "vkeys": [f"{ORIGIN}+00000000+AA=="],
        "registrar": registrar,
        "level": "ordinary",
        "regulation": {"id": "90/QĐ-UBND", "version": "2023"},
        "edition": named(load_edition()),
    }
    enter(registry, "LedgerOpened", facts, stream="ledger")


def hire(registry: Registry, alias: str, **facts: Any) -> None:
    """Appoints an alias of the cast and enrols its key."""
    agency, post = CAST[alias]
    line = registry.agency(agency)
    assert line is not None, agency
    shipped = line.posts[post]
    first = max(date(2023, 3, 21), line.valid_from)
    appointed = {
        "officer": officer(alias),
        "agency": agency,
        "post": post,
        "capacities": sorted(shipped.capacities),
        "powers": sorted({*shipped.powers, *MORE_POWERS.get(alias, ())}),
        "person": person(alias),
        "valid_from": first.isoformat(),
        "basis_document": "Quyết định bổ nhiệm",
    } | facts
    enter(registry, "OfficerAppointed", appointed, stream=f"officer/{officer(alias)}")
    enrolled = {
        "officer": officer(alias),
        "kid": key(alias).kid,
        "jwk": dict(key(alias).jwk),
        "custody": "SOFTWARE",
        "valid_from": "2023-03-21T00:00:00+07:00",
        "valid_to": "2033-03-21T00:00:00+07:00",
    }
    enter(registry, "KeyEnrolled", enrolled, stream=f"officer/{officer(alias)}")


def enter(registry: Registry, name: str, facts: Json, *, stream: str, **more: Any) -> Act:
    """Applies a registry act that nobody has to judge."""
    more.setdefault("occurred_at", "2023-03-21T08:00:00+07:00")
    act = an_act(name, by="keeper", stream=stream, facts=facts, exact=True, **more)
    registry.apply(act, index=registry.version + 1, recorded_at=act.occurred_at.astimezone(UTC))
    return act


# -- other cases --------------------------------------------------------------------------------


@dataclass
class Others:
    """What is known of the rest of the log: a fake of the port `Cases`."""

    states: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    records: dict[tuple[int, str], str] = field(default_factory=dict)
    clocks: dict[str, list[str]] = field(default_factory=dict)
    counted: list[CountedReport] = field(default_factory=list)
    signed: dict[str, list[str]] = field(default_factory=dict)
    taking_part: dict[str, list[str]] = field(default_factory=dict)
    about: dict[str, list[str]] = field(default_factory=dict)
    changing: set[int] = field(default_factory=set)

    def asking(self, _seen: object = None, *, presuming: bool = False) -> Others:
        """See `OtherCases`: what is fake does not move, and no append stands behind it."""
        del presuming
        return self

    def forget(self) -> None:
        """See `OtherCases`: what is fake is not remembered."""

    def number(self, _act: Act, _index: int, _recorded_at: datetime) -> str | None:
        """See `OtherCases`: nobody counts."""
        return None

    @property
    def grounds(self) -> Grounds:
        """See `Asking`."""
        return Grounds()

    @property
    def presumed(self) -> bool:
        """See `Asking`."""
        return False

    def state(self, stream: str) -> str | None:
        """See `Cases`."""
        return self.states.get(stream)

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """See `Cases`."""
        return bool(self.tokens.get(token, set()) - {stream})

    def record(self, index: int, entry: str) -> str | None:
        """See `Cases`."""
        return self.records.get((index, entry))

    def changes_registry(self, index: int) -> bool:
        """See `Cases`."""
        return index in self.changing

    def running(self, stream: str, at: datetime) -> Sequence[str]:  # noqa: ARG002  the port
        """See `Cases`."""
        return self.clocks.get(stream, [])

    def reports(self) -> Sequence[CountedReport]:
        """See `Cases`."""
        return self.counted

    def signers(self, stream: str) -> Sequence[str]:
        """See `Cases`."""
        return self.signed.get(stream, [])

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """See `Cases`."""
        return {*named} <= {*self.about.get(stream, ())}

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """See `Cases`."""
        del at, level
        return officer in self.taking_part.get(stream, ())


# -- facts --------------------------------------------------------------------------------------

LONG = "Nội dung nêu rõ sự việc, đủ dài để người đọc hiểu."
NOTE = {
    "necessity": "Người dân đang bị yêu cầu nhập số thẻ trên một trang giả.",
    "milder_means": "Đã cân nhắc chỉ cảnh báo: không đủ vì nhiều người không đọc cảnh báo.",
    "speech_note": "Chỉ một trang mạo danh; không có nội dung báo chí hay ý kiến.",
}
LAW = {"instrument": "24/2018/QH14", "article": "8", "clause": "1", "point": "d"}
POWER = {"instrument": "24/2014/NĐ-CP", "article": "4"}
SUBJECT = a_token("subject")
REPORTER = a_token("reporter")
CONTENT = [{"where": "WEBSITE", "title": "Một trang mạng", "seen_at": "2024-06-04T07:50:00+07:00"}]
MET_B = [
    {"limb": "a", "result": "NOT_APPLICABLE", "reasons": LONG},
    {"limb": "b", "result": "MET", "reasons": LONG, **LAW},
    {"limb": "c", "result": "NOT_MET", "reasons": LONG},
]
NONE_MET = [{"limb": x, "result": "NOT_MET", "reasons": LONG} for x in ("a", "b", "c")]
MEMBER = {
    "agency": "bacninh.syt",
    "post": "chuyen-vien",
    "conflict_checked": True,
    "conflict": False,
}
EVIDENCE = [{"kind": "DOCUMENT", "description": "Công văn trả lời 12/BV"}]

#: Facts in which an act type is lawful where the generated ones are not; `@Type` is the last act.
FACTS: Mapping[str, Json] = {
    "RegistryLinesAdded": {
        "lines": [
            {
                "agency": "bacninh.x-thu",
                "name": "Ủy ban nhân dân xã Thử",
                "kind": "COMMUNE",
                "functions": ["COMMUNE"],
                "territory": "BACNINH_2023.X_THU",
                "territory_name": "Xã Thử",
                "within": ["BACNINH_2023"],
                "parent": "bacninh.ubnd",
                "posts_as": "bacninh2025.x-q",
                "valid_from": "2024-06-01",
                "source": "Quyết định 1/QĐ-UBND",
                "certainty": "UNCONFIRMED",
            }
        ],
        "basis_document": "Quyết định 1/QĐ-UBND",
    },
    "ReportReceived": {"identity_given": False, "petition_kind": "PHAN_ANH", "content": CONTENT},
    "DetectionRecorded": {"content": CONTENT},
    "ReporterIdentitySealed": {"reporter": REPORTER},
    "ReporterIdentityDisclosed": {
        "reporter": REPORTER,
        "until": timedelta(hours=12),
        "reporter_told": True,
        "legal_ground": "101/2015/QH13 Điều 56: bảo vệ người báo tin theo yêu cầu của người đó",
    },
    "CaseRegistered": {
        "regulation_version": "90/QĐ-UBND",
        "intake": ["@intake"],
        "duplicates_checked": True,
        "handling_agency": "bacninh.stttt",
        "case_number": "2024/0187",
    },
    "ImmediateMeasureTaken": {
        "kind": "ASK_PROVIDER",
        "proportionality": NOTE,
        "review_at": timedelta(hours=12),
        "subject": SUBJECT,
    },
    "LeadAgencyNotified": {"disclaims_competence": False},
    "MeasureReviewed": {"decision": "CONFIRM", "review_at": timedelta(hours=12)},
    "VerificationConcluded": {
        "finding": "FALSE_IMPERSONATION",
        "limbs": MET_B,
        "evidence": EVIDENCE,
        "contrary_evidence": [],
        "contrary_none_found": True,
    },
    "AppraisalRequested": {"in_writing": True},
    "AppraisalGiven": {"request": "@AppraisalRequested", "given_by": "bacninh.btg"},
    "ExpertiseRequested": {
        "expert": "tochuc.giamdinh",
        "conflict_checked": True,
        "conflict": False,
    },
    "ExpertCouncilEstablished": {"established": True, "members": [MEMBER]},
    "HandlingDecided": {
        "finding_ref": "@VerificationConcluded",
        "proportionality": NOTE,
        "plan": [
            {
                "act": "TechnicalMeasureOrdered",
                "object": "Một tên miền",
                "competence": POWER,
                "substance": LAW,
            }
        ],
    },
    "ProposalSubmitted": {"subject_matter": "HANDLING"},
    "DirectionReceived": {"form": "WRITTEN"},
    "InspectionTeamEstablished": {"kind": "THANH_TRA", "members": [MEMBER]},
    "MemberSeconded": {
        "refused": False,
        "member_post": "can-bo",
        "conflict_checked": True,
        "conflict": False,
    },
    "TechnicalMeasureOrdered": {
        "finding_ref": "@VerificationConcluded",
        "urgent": False,
        "review_at": timedelta(days=7),
        "proportionality": NOTE,
        "subject": SUBJECT,
    },
    "ViolationRecordMade": {
        "subject": SUBJECT,
        "provision": {"instrument": "15/2020/NĐ-CP", "article": "101"},
        "rights_notice": True,
        "explanation_open": False,
        "breach_ended_on": "2024-06-03",
    },
    "ExplanationReceived": {"stage": "BEFORE_DECISION", "form": "WRITTEN"},
    "SanctionDecided": {
        "decision": "SANCTION",
        "forms": ["FINE"],
        "amount_band": "UP_TO_10M",
        "provision": {"instrument": "15/2020/NĐ-CP", "article": "101"},
        "competence_article": {"instrument": "15/2012/QH13", "article": "46"},
        "decider_post": "chanh-thanh-tra",
        "proportionality": NOTE,
        "complaint_route_printed": True,
    },
    "SanctionAnnulled": {"kind": "ANNULLED", "ground": "OWN_ERROR"},
    "TakedownProposed": {
        "content": CONTENT,
        "limb": "b",
        "provision": LAW,
        "finding_ref": "@VerificationConcluded",
        "harm_to_province": "Người bệnh trong tỉnh có thể mất tiền khi nhập số thẻ vào trang giả.",
        "urgent": False,
        "proportionality": NOTE,
        "subject": SUBJECT,
    },
    "TakedownAnswered": {"answer": "EXECUTED"},
    "ReferralSent": {"competent_agency": "bacninh.syt", "competence_reason": LONG},
    "PartialReferralSent": {"competent_agency": "bacninh.syt"},
    "ReferralReturned": {"conflict": False},
    "CriminalReferralSent": {
        "provision_suspected": {"instrument": "100/2015/QH13", "article": "174"}
    },
    "PartialCriminalReferralSent": {
        "provision_suspected": {"instrument": "100/2015/QH13", "article": "174"}
    },
    "CriminalResultReceived": {"result": "OPENED"},
    "OfficialInformationReleased": {"verified": True, "channels": ["PORTAL"]},
    "CorrectionPublished": {
        "release": "@OfficialInformationReleased",
        "channels": ["PORTAL", "PRESS"],
        "reach_not_smaller": True,
    },
    "ResultDetermined": {"outcome": "HANDLED_REMOVED"},
    "ResultNotified": {"result_ref": "@result", "kind": "REPORT_TO_PPC"},
    "ReporterInformed": {"about": "RESULT", "status": "INFORMED"},
    "AffectedPartyInformed": {
        "subject": SUBJECT,
        "about": ["@result"],
        "complaint_route_printed": True,
        "status": "INFORMED",
    },
    "CaseClosed": {
        "reason": "HANDLED",
        "checklist": {
            "measures_lifted": True,
            "reporter": "INFORMED",
            "affected": "NONE",
            "complaint_window_shown": True,
            "parts_answered": True,
        },
    },
    "ComplaintReceived": {"against": "@result", "instance": "FIRST"},
    "ComplaintAccepted": {"answer": "ACCEPTED"},
    "ReviewOpened": {
        "ground": "OWN_FINDING",
        "under_review": ["@result"],
        "opened_from": "RESULT_RECORDED",
    },
    "ReviewDecided": {
        "decision": "UPHELD",
        "instance": "OWN",
        "decider_post": "chu-tich",
    },
    "RecordCorrected": {"mark": "NOT_JUSTIFIED"},
    "ClassificationAssigned": {
        "unit": an_id("unit"),
        "level": "MAT",
        "list_item": "3.2",
        "list_document": "DMBMNN-GD-01",
        "assigned_on": "2026-04-13",
        "protect_until": "2036-04-13",
        "stub_permitted": True,
    },
    "ClassificationAdjusted": {
        "new_level": "MAT",
        "list_item": "3.2",
        "decision_date": "2026-05-04",
        "protect_until": "2030-05-04",
    },
    "ClassificationExtended": {
        "list_item": "3.2",
        "decision_date": "2026-05-04",
        "protect_until": "2040-04-13",
    },
    "Declassified": {
        "ground": "DECISION",
        "scope": "WHOLE",
        "council": [MEMBER],
        "minutes": "BBHĐ-02",
        "release_text": True,
    },
    "ReleasePermitted": {"down_to": "ordinary"},
    "HoldersNotified": {"classification": "@ClassificationAssigned"},
    "SecretDelivered": {"unit": an_id("unit")},
    "SecretAccessed": {"unit": an_id("unit"), "permission": "@ClassificationAssigned"},
    "SecretCopyPermitted": {"unit": an_id("unit")},
    "SecretProvisionPermitted": {"unit": an_id("unit"), "duties_stated": True},
    "SecretDestroyed": {"unit": an_id("unit"), "council": [MEMBER], "minutes": "BB-05"},
    "StubReleased": {"commitment": DIGEST, "salted": True, "no_secret_statement": True},
    "CaseCustodyTransferred": {
        "from_agency": "bacninh.stttt",
        "to_agency": "bacninh.svhttdl",
        "ground": "ORDER",
        "open_clocks": [],
    },
    "StatisticsRequested": {"indicators": ["CASES_OPENED"]},
    "StatisticsSubmitted": {
        "period_from": "2024-04-01",
        "period_to": "2024-06-30",
        "indicators": [{"code": "CASES_OPENED", "value": 12}],
    },
    "SituationReportSubmitted": {"indicators": [{"code": "CASES_OPENED", "value": 12}]},
    "DirectionNoted": {"given_by": "bacninh.ubnd", "form": "WRITTEN"},
    "RegulationVersionAdopted": {
        "instrument": "91/QĐ-UBND",
        "valid_from": "2024-07-01",
        "territory": "BACNINH_2023",
    },
    "InstrumentRegistered": {"instrument": "91/2024/NĐ-CP", "valid_from": "2024-07-01"},
    "ClockRuleSet": {"rule": "NOTIFY_LEAD", "unit": "h", "valid_from": "2024-07-01"},
    "ParticipationGranted": {"scope": "CASE", "may": "READ", "until": timedelta(days=30)},
    "InspectionOrdered": {"until": timedelta(days=30)},
    "BreakGlassOpened": {"until": timedelta(hours=2)},
    "VerificationSignedOff": {
        "scope": "CASE",
        "checked_from": 0,
        "checked_to": 9,
        "checkpoint_size": 10,
        "verdict": "VALID",
    },
}
#: Author, and the approver or checker and approver, where they are not cv, gd and pc.
SIGNERS: Mapping[str, tuple[str, ...]] = {
    "ReportReceived": ("hotline",),
    "ReporterIdentitySealed": ("hotline",),
    "ReporterIdentityDisclosed": ("vault", "pc", "ct"),
    "LeadAgencyNotified": ("hcv", "hpct"),
    "VerificationAnswered": ("yt",),
    "AppraisalGiven": ("btg",),
    "ExpertCouncilEstablished": ("ubcv", "ct"),
    "DirectionReceived": ("ct",),
    "MeasureLifted": ("tp",),
    "MemberSeconded": ("yt",),
    "SanctionProposed": ("ttv",),
    "SanctionDecided": ("ttv", "ctt"),
    "ViolationRecordMade": ("ttv", "ctt"),
    "TechnicalMeasureReported": ("nm",),
    "TakedownAnswered": ("bo",),
    "ReferralAccepted": ("yt",),
    "ReferralReturned": ("ytcv", "yt"),
    "ReferredResultReceived": ("ytcv", "yt"),
    "CriminalReferralAcknowledged": ("dtv",),
    "CriminalResultReceived": ("dtv",),
    "OfficialInformationReleased": ("cv", "ppn"),
    "ReviewDecided": ("ubcv", "ct"),
    "RegulationVersionAdopted": ("ubcv", "ct"),
    "CaseCustodyTransferred": ("cv", "spgd"),
    "InspectionOrdered": ("thanhtra", "trapc"),
    "BreakGlassOpened": ("cv2", "tp"),
    "BreakGlassReviewed": ("gd",),
    "VerificationSignedOff": ("giamsat",),
    "RecordErased": ("ct", "ubgk", "giamsat"),
    "RecordVoided": ("keeper", "keeper2"),
    "ContentWithdrawn": ("gd", "pgd"),
    "ParticipationGranted": ("gd",),
    "ParticipationRevoked": ("gd",),
    "ParticipationExcluded": ("gd",),
    "ParticipationRestored": ("gd",),
    "ExportPermitted": ("gd",),
    **dict.fromkeys(("ClassificationAssigned", "ClassificationAdjusted"), ("nst", "ctq")),
    "ClassificationExtended": ("nst", "ctq"),
    "StubReleased": ("nst", "ctq"),
    "SecretDelivered": ("vtm", "ctq"),
    "SecretAccessed": ("bm",),
    "SecretCopyPermitted": ("npgd", "ngd"),
    "SecretProvisionPermitted": ("npgd", "ngd"),
    "SecretDestroyed": ("nst", "hd", "ca"),
    "Declassified": ("nst", "hd", "ca"),
    "ReleasePermitted": ("nst", "ctq"),
    "HoldersNotified": ("nst",),
    **dict.fromkeys(
        (
            "AgencyRegistered",
            "RegistryLinesAdded",
            "FunctionAssigned",
            "OfficerAppointed",
            "OfficerEnded",
            "PersonLinked",
            "KeyEnrolled",
        ),
        ("keeper", "tc"),
    ),
    **dict.fromkeys(("InstrumentRegistered", "ClockRuleSet"), ("keeper", "pc")),
    "KeyRevoked": ("keeper",),
    "AgencySuccessionRecorded": ("keeper", "tc", "gd"),
}
TO: Mapping[str, list[str]] = {
    "LeadAgencyNotified": ["bacninh.stttt"],
    "VerificationRequested": ["bacninh.syt"],
    "AppraisalRequested": ["bacninh.btg"],
    "ResultNotified": ["bacninh.ubnd"],
    "ReporterInformed": [REPORTER],
    "AffectedPartyInformed": [SUBJECT],
    "DifficultyReported": ["bacninh.stttt"],
    "ReferralSent": ["bacninh.syt"],
    "PartialReferralSent": ["bacninh.syt"],
    "CriminalReferralSent": ["bacninh.csdt"],
    "ReporterIdentityDisclosed": ["bacninh.csdt"],
    "TakedownProposed": ["tw.btttt"],
}
DISPOSITION: Mapping[str, str] = {
    "CompetenceDetermined": "own",
    "DirectionReceived": "reassess",
    "ReferralReturned": "whole",
    "ReferredResultReceived": "whole",
    "CriminalResultReceived": "final",
    "ReviewDecided": "upheld",
}
#: A lawful basis by the day: competence of the department, substance, and the regulation.
BASES: tuple[tuple[date, str, str], ...] = (
    (date(2026, 7, 1), "150/2025/NĐ-CP", "116/2025/QH15"),
    (date(2025, 7, 1), "150/2025/NĐ-CP", "24/2018/QH14"),
    (date(2025, 3, 1), "45/2025/NĐ-CP", "24/2018/QH14"),
    (date.min, "24/2014/NĐ-CP", "24/2018/QH14"),
)
DOCUMENT = {
    "number": "12",
    "symbol": "STTTT-TTBCXB",
    "type": "CV",
    "date": "2024-06-04",
    "abstract": "Văn bản kèm theo",
}


def a_basis(day: date | None = None) -> list[Json]:
    """Procedure by the regulation, competence and substance by law, in force that day."""
    day = day or T0.date()
    power, law = next((p, s) for first, p, s in BASES if day >= first)
    return [
        {"instrument": "90/QĐ-UBND", "article": "8", "role": "PROCEDURE"},
        {"instrument": power, "article": "4", "role": "COMPETENCE"},
        {"instrument": law, "article": "8", "clause": "1", "role": "SUBSTANCE"},
    ]


def facts_for(name: str, moment: datetime, stream: StreamState | None = None) -> Json:
    """Facts that fit the catalogue: what is required, and what makes the act lawful."""
    spec = load().type(name).facts
    made = {n: a_value(n, f, moment, stream) for n, f in spec.items() if f.get("required")}
    return {**made, **{n: _resolve(v, moment, stream) for n, v in FACTS.get(name, {}).items()}}


def a_value(
    name: str, spec: Mapping[str, Any], moment: datetime, stream: StreamState | None = None
) -> Any:
    """A value that fits the specification of one fact; references name the last act allowed."""
    kind = spec["type"]
    if kind == "list":
        one = {**spec, "type": spec["of"]}
        return [a_value(name, one, moment, stream)]
    if kind == "object":
        fields = spec.get("fields", {})
        made = {n: a_value(n, f, moment, stream) for n, f in fields.items() if f.get("required")}
        if "instrument" in made:
            made.update(LAW)
        return made
    if kind == "ref":
        return _ref(spec.get("acts", ()), stream)
    if kind == "string" and "format" in spec:
        return _FORMATS[spec["format"]]
    plain: Json = {
        "string": f"Mục {name}",
        "text": LONG,
        "int": 1,
        "bool": False,
        "date": moment.date().isoformat(),
        "datetime": moment.isoformat(timespec="seconds"),
        "token": SUBJECT,
    }
    return spec["enum"][0] if kind == "enum" else plain[kind]


_FORMATS: Json = {
    "agency": "bacninh.syt",
    "function": "HEALTH",
    "officer": officer("cv2"),
    "uuid": an_id("some"),
    "kid": DIGEST,
    "digest": DIGEST,
    "instrument": "24/2018/QH14",
    "clock": "NOTIFY_LEAD",
    "act_type": "VerificationRequested",
    "log": ORIGIN,
    "url": "https://trang.example/bai",
    "vkey": "a+00000000+AA==",
    "note_signature": "A" * 91,
    "stream": f"case/{an_id('another case')}",
}


def _ref(types: Iterable[str], stream: StreamState | None) -> str:
    found = stream.last(*types) if stream is not None else None
    return found.act.act_id if found is not None else an_id("no such act")


def _resolve(value: Any, moment: datetime, stream: StreamState | None) -> Any:
    """Fills `@Type`, `@result`, `@intake` and spans of time."""
    if isinstance(value, timedelta):
        return (moment + value).isoformat(timespec="seconds")
    if isinstance(value, list):
        return [_resolve(v, moment, stream) for v in value]
    if isinstance(value, dict):
        return {n: _resolve(v, moment, stream) for n, v in value.items()}
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    found: Entry | None = None
    if stream is not None and value == "@result":
        found = stream.result
    elif stream is not None and value == "@intake":
        found = next(iter(stream.intake), None)
    elif stream is not None:
        found = stream.last(value[1:])
    return found.act.act_id if found is not None else an_id("no such act")


# -- acts ---------------------------------------------------------------------------------------

_made = 0


def an_act(  # noqa: PLR0913 - each is something a test may want to be different
    name: str,
    *,
    by: str | None = None,
    also: Sequence[str] | None = None,
    when: datetime | None = None,
    facts: Json | None = None,
    within: StreamState | None = None,
    level: str = "ordinary",
    exact: bool = False,
    capacities: Sequence[str] | None = None,
    **members: Any,
) -> Act:
    """An act of a type, signed by whom it usually is, with facts that fit.

    Args:
        name: Act type.
        by: Alias of the author.
        also: Aliases of the further signers, checkers before the approver; [] for none.
        when: occurred_at.
        facts: What differs in the facts; None as a value leaves the fact out.
        within: The stream it is for: references are filled from it, and its name is taken.
        level: Level of the log.
        exact: Take the facts as they are.
        capacities: In which each signer signs: then the act is of form 2.
        members: What differs in the other members; None leaves the member out.
    """
    global _made  # noqa: PLW0603 - ids must differ, and nothing else depends on it
    _made += 1
    moment = when or T0
    kind = load().type(name)
    usual = SIGNERS.get(name, ("cv",))
    author = by or usual[0]
    said = dict(facts or {})
    if name == "BreakGlassOpened" and not exact:
        said.setdefault("officer", officer(author))  # who asks is who reads
    filled = said if exact else {**facts_for(name, moment, within), **said}
    if capacities is not None:  # by form 2 the log gives the number
        filled = {n: v for n, v in filled.items() if n not in kind.facts or n in _of_form_2(name)}
    payload: Json = {
        "v": 1,
        "act": name,
        "act_id": an_id(f"act {_made}"),
        "stream": within.name if within is not None else _stream_of(kind.stream),
        "occurred_at": moment.isoformat(timespec="seconds"),
        "precision": "minute",
        "agency": CAST[author][0],
        "post": CAST[author][1],
        "capacity": "TRUC_TIEP",
        "basis": a_basis(moment.date()),
        "circulation": "INTERNAL",
        "to": TO.get(name),
        "disposition": DISPOSITION.get(name),
        "document": DOCUMENT if name in _WRITTEN else None,
        "facts": {n: v for n, v in filled.items() if v is not None},
    } | members
    probe = _with_its_own_tokens({n: v for n, v in payload.items() if v is not None})
    if "signers" not in probe:
        probe["signers"] = _signers(name, author, also, probe, level)
    return parse_act(probe if capacities is None else in_form_2(probe, capacities), level=level)


def _of_form_2(name: str) -> Mapping[str, Any]:
    return load().type(name, 2).facts


def _with_its_own_tokens(payload: Json) -> Json:
    """A copy; in another case than the usual one with other tokens of persons (access.md L26)."""
    stream, text = payload["stream"], orjson.dumps(payload)
    if stream != _stream_of("case") and stream.startswith("case/"):
        for token in (SUBJECT, REPORTER):
            text = text.replace(token.encode(), a_token(f"{token} in {stream}").encode())
    own: Json = orjson.loads(text)
    return own


_WRITTEN = frozenset({
    "ExternalRequestReceived",
    "AppraisalRequested",
    "DifficultyReported",
    "RegulationVersionAdopted",
})  # fmt: skip


def _stream_of(kind: str) -> str:
    return {
        "case": f"case/{an_id('the case')}",
        "agency": "agency/bacninh.stttt",
        "officer": f"officer/{officer('cv2')}",
        "programme": "programme/2024",
        "ledger": "ledger",
    }[kind]


def _signers(
    name: str, author: str, also: Sequence[str] | None, payload: Json, level: str
) -> list[Json]:
    """AUTHOR, then CHECKERs, then APPROVER, as many as the class asks where the test names none."""
    bare = parse_act({**payload, "signers": [_signer(author, "AUTHOR")]}, level=level)
    _, roles = load().type(name).signature(bare, level)
    if also is None:
        rest = SIGNERS.get(name, ("cv",))[1:]
        default = {2: ("gd",), 3: ("pc", "gd")}.get(len(roles), ())
        also = (rest or default)[: len(roles) - 1] if len(roles) > 1 else ()
        if len(roles) > 1 and len(also) < len(roles) - 1:
            also = default
    more = [_signer(a, "CHECKER") for a in also[:-1]] + [_signer(a, "APPROVER") for a in also[-1:]]
    return [_signer(author, "AUTHOR"), *more]


def _signer(alias: str, role: str) -> Json:
    return {"officer": officer(alias), "post": CAST[alias][1], "role": role}


def place(seq: int) -> int:
    """Index in the log of a statement of a `Story`; records of other streams lie between."""
    return 90 + 10 * seq


def signed(act: Act, after: StreamState, edition: Edition | None = None) -> list[Signed]:
    """The statements of every signer of an act, as the next ones of a stream."""
    start = int(act.occurred_at.timestamp()) + 60
    return [
        Signed(
            act=act,
            officer=s.officer,
            role="RETURNER" if act.act == "ActReturned" else s.role,
            kid=key(_alias(s.officer)).kid,
            iat=start + 60 * n,
            seq=after.seq + 1 + n,
            digest=f"digest-{act.act_id}-{n}",
            edition=edition or load_edition(),
            index=place(after.seq + 1 + n),
            recorded_at=datetime.fromtimestamp(start + 60 * n + 1, UTC),
        )
        for n, s in enumerate(act.signers)
    ]


@cache
def _by_officer() -> Mapping[str, str]:
    return {officer(a): a for a in (*CAST, "founder")}


def _alias(uuid: str) -> str:
    return _by_officer().get(uuid, "cv")


# -- a stream in progress -----------------------------------------------------------------------


class Story:
    """A stream that acts are added to, with a clock that goes on by itself.

    Attributes:
        stream: The fold so far.
        registry: The registry acts are judged by.
        cases: What is known of other cases.
        now: occurred_at of the next act.
        level: Level of the log.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        start: datetime = T0,
        registry: Registry | None = None,
        cases: Others | None = None,
        level: str = "ordinary",
        agency: str = "bacninh.stttt",
    ) -> None:
        self.stream = StreamState(name or f"case/{an_id('the case')}")
        self.registry = registry or a_registry()
        self.cases = cases or Others()
        self.now = start
        self.level = level
        self.agency = agency

    def act(self, name: str, **more: Any) -> Act:
        """An act of this stream, dated now; see `an_act`."""
        more.setdefault("when", self.now)
        return an_act(name, within=self.stream, level=self.level, **more)

    def asks(self, name: str, **more: Any) -> GuardInput:
        """The question the author's statement of such an act would put; see `an_act`."""
        return self.question(self.act(name, **more))

    def question(
        self, act: Act, at: int = 0, *, instead: Json | None = None, day: datetime | None = None
    ) -> GuardInput:
        """The question that the statement of the signer at this position puts.

        Args:
            act: The act.
            at: The position.
            instead: `{officer, post, capacity}` of who signs in the place of that signer.
            day: When it is signed, where that is not at once.
        """
        statement = signed(act, self.stream, self.registry.edition)[at]
        if day is not None:
            statement = replace(statement, iat=int(day.timestamp()))
        if instead is not None:
            statement = replace(statement, officer=instead["officer"])
        return self.ground(datetime.fromtimestamp(statement.iat, UTC)).guard_input(
            self.stream, act, statement.officer,
            kid=statement.kid, iat=statement.iat, role=statement.role, stand_in=instead,
        )  # fmt: skip

    def ground(self, at: datetime | None = None) -> DecisionContext:
        """What a question rests on beside the act and who signs it; now where nothing is said."""
        return DecisionContext(
            registry=self.registry,
            origin=ORIGIN.replace("ordinary", self.level),
            level=self.level,
            log_size=place(self.stream.seq + 1),
            cases=self.cases,
            at=at or self.now,
        )

    def then(self, name: str, **more: Any) -> Entry:
        """Takes an act after every statement of it has been judged. Raises: Rejected."""
        return self._take(self.act(name, **more), judged=True)

    def forced(self, name: str, **more: Any) -> Entry:
        """Takes an act that nobody judged: for what can only stand in an older log."""
        return self._take(self.act(name, **more), judged=False)

    def later(self, **span: float) -> Story:
        """Lets time pass."""
        self.now += timedelta(**span)
        return self

    def _take(self, act: Act, *, judged: bool) -> Entry:
        statements = signed(act, self.stream, self.registry.edition)
        for n, statement in enumerate(statements):
            if judged:
                self.decision: Decision = decide(self.question(act, n))
            entry = apply(self.stream, statement)
        if act.act in REGISTRY_ACTS:
            self.registry.apply(
                act,
                index=self.registry.version + 1,
                recorded_at=act.occurred_at.astimezone(UTC),
            )
        self.now += timedelta(minutes=10)
        return entry


#: The acts that lead a new case to a state, with what differs from the usual facts.
_WAYS: Mapping[str, tuple[str, ...]] = {
    "RECEIVED": ("ReportReceived",),
    "SCREENING": ("RECEIVED", "CaseRegistered"),
    "VERIFYING": ("SCREENING", "CompetenceDetermined"),
    "ASSESSING": ("VERIFYING", "VerificationConcluded"),
    "ESCALATED": ("ASSESSING", "ProposalSubmitted"),
    "HANDLING": ("ASSESSING", "HandlingDecided"),
    "REFERRED": ("ASSESSING", "ReferralSent"),
    "REFERRED_CRIMINAL": ("ASSESSING", "CriminalReferralSent"),
    "RESULT_RECORDED": ("HANDLING", "ResultDetermined"),
    "CLOSED": ("RESULT_RECORDED", "ResultNotified", "ReporterInformed", "CaseClosed"),
    "UNDER_REVIEW": ("RESULT_RECORDED", "ReviewOpened"),
    "ARCHIVED": ("CLOSED", "FileArchived"),
}


def a_case_in(state: str, **more: Any) -> Story:
    """A case that came to this state by the shortest lawful way, its reporter nameless."""
    story = Story(**more)
    for name in _way(state):
        if name == "FileArchived":
            story.later(days=120)
            # what the archive waits for: the affected party's notice follows the result
        differs: Json = {"facts": {"reporter": None}} if name == "ReporterInformed" else {}
        story.then(name, **differs)
    return story


def _way(state: str) -> list[str]:
    return [act for step in _WAYS[state] for act in (_way(step) if step in _WAYS else [step])]


def a_case_in_conflict() -> tuple[Story, str]:
    """A case back in screening after its second return, and the referral in conflict."""
    case = a_case_in("REFERRED")
    case.then("ReferralReturned")
    other = {"competent_agency": "bacninh.syt"}
    case.then("CompetenceDetermined", disposition="other", facts=other)
    sent = case.then("ReferralSent")
    case.then("ReferralReturned", facts={"conflict": True})
    return case, sent.act.act_id


def refolded(story: Story) -> StreamState:
    """The same stream folded again from its statements."""
    statements = [s for e in story.stream.entries.values() for s in e.signed]
    return fold(story.stream.name, sorted(statements, key=lambda s: s.seq))


# -- asking one guard ---------------------------------------------------------------------------


def holds(code: str, q: GuardInput) -> None:
    """This guard alone lets the statement pass, and raises no flag."""
    breach = BY_CODE[code].check(q)
    assert breach is None, f"{code} does not hold: {breach}"


def breaks(code: str, q: GuardInput, pointer: str | None = None) -> Mapping[str, str]:
    """This guard alone refuses or flags; its sentence can be filled in. Returns what fills it."""
    guard = BY_CODE[code]
    breach = guard.check(q)
    assert breach is not None, f"{code} holds"
    wanted = set(re.findall(r"\{(\w+)\}", guard.vi + guard.en))
    assert wanted <= set(breach.params), f"{code}: {wanted - set(breach.params)} is not filled"
    said = told(q, guard, breach)
    assert codes_in(said.vi) == [], f"{code}: {said.vi}"
    assert codes_in(said.en) == [], f"{code}: {said.en}"
    assert all(p == "" or p.startswith("/") for p in breach.pointers)
    if pointer is not None:
        assert pointer in breach.pointers, breach.pointers
    return breach.params


def changed(act: Act, /, **members: object) -> Act:
    """The same act with other members."""
    return parse_act({**act.signed, **members})


# -- editions -----------------------------------------------------------------------------------


def adoption_facts(change: Json, base: Edition, name: str = "2-thu.1") -> Json:
    """Facts of EditionAdopted by which a change follows an edition."""
    return {
        "edition": name,
        "digest": base.changed(name, change).digest,
        "base": base.digest,
        "change": change,
        "summary": "Thay đổi thử nghiệm của bản quy tắc",
        "basis_document": "Quyết định ban hành bản quy tắc",
    }


def adopt(registry: Registry, change: Json, name: str = "2-thu.1") -> Edition:
    """Applies an adoption that nobody has to judge; the edition in force from then on."""
    enter(
        registry, "EditionAdopted", adoption_facts(change, registry.edition, name), stream="ledger"
    )
    return registry.edition


def turned(data: bytes) -> bytes:
    """The same with one bit of its last byte turned: another one, whatever it ended in."""
    return data[:-1] + bytes([data[-1] ^ 1])
