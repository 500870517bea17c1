"""The registry of one log (architecture.md §3): founding, officers, keys, powers and grants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from keys.errors import RetiredKey, UnknownKey
from keys.keyring import Verdict
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import load
from ledger.regulation.case.roles import CASE_ROLES
from ledger.regulation.edition import first_edition, load_edition, shipped
from ledger.regulation.registry.lines import REGISTRY_ACTS
from ledger.regulation.registry.officers import Appointment, Officers
from ledger.regulation.registry.registry import Registry
from tests.builders import a_registry, hire, officer
from tests.unit.regulation.registry_acts import (
    FOUNDER,
    FOUNDERS_KEY,
    SECOND,
    SECONDS_KEY,
    STTTT,
    Book,
    an_act,
    an_id,
    appointed,
    at,
    enrolled,
    founded,
    opened,
    revoked,
)

POST = "quan-tri-danh-ba"
D = date


def with_a_second_registrar() -> Book:
    """A log whose founding is over."""
    book = founded()
    book.take(appointed(SECOND, STTTT, POST, powers=["REGISTRY_KEEPER"]))
    book.take(enrolled(SECOND, SECONDS_KEY))
    return book


def ended(officer: str, on: str, *, keys_end: bool, agency: str = STTTT) -> Act:
    """OfficerEnded."""
    return an_act(
        "OfficerEnded",
        f"officer/{officer}",
        {
            "officer": officer,
            "agency": agency,
            "post": POST,
            "ended_on": on,
            "reason": "LEFT",
            "keys_end": keys_end,
        },
    )


def test_registry_acts_are_act_types_of_the_catalogue() -> None:
    """What moves the registry version is known by name and bears no misspelling."""
    known = load().types.keys()
    assert known >= REGISTRY_ACTS


def test_version_is_the_index_of_the_last_registry_record() -> None:
    """A statement judged by an older registry is judged again (architecture.md §3)."""
    book = Book()
    assert book.registry.version == -1
    book.take(opened())
    assert book.registry.version == 0
    book.index += 4
    book.take(appointed(an_id("cv"), STTTT, "chuyen-vien"))
    assert book.registry.version == 5
    assert "ReportReceived" not in REGISTRY_ACTS


def test_founder_acts_from_record_0_in_the_keepers_post() -> None:
    """LedgerOpened is the founder's appointment and key."""
    registry = founded().registry
    day = D(2023, 3, 21)
    found = registry.appointment(FOUNDER, STTTT, POST, day)
    assert found is not None
    assert found.capacities == {"TRUC_TIEP"}
    assert registry.powers(FOUNDER, STTTT, POST, day) == {"REGISTRY_KEEPER", "FOUNDER"}
    assert registry.appointment(FOUNDER, STTTT, "giam-doc", day) is None
    assert registry.appointment(FOUNDER, "bacninh.syt", POST, day) is None
    line = registry.keyring.usable(FOUNDERS_KEY.kid, index=0, at=at("2023-03-21T08:00:00+07:00"))
    assert line.officer == FOUNDER


@pytest.mark.parametrize(
    ("day", "agency"),
    [
        (D(2025, 2, 28), "bacninh.stttt"),
        (D(2025, 3, 1), "bacninh.svhttdl"),
        (D(2025, 6, 30), "bacninh.svhttdl"),
        (D(2025, 7, 1), "bacninh2025.svhttdl"),
    ],
)
def test_reorganisation_does_not_lock_the_registry(day: date, agency: str) -> None:
    """The founder's post goes where REGISTRY_KEEPER goes."""
    registry = founded().registry
    keepers = ["bacninh.stttt", "bacninh.svhttdl", "bacninh2025.svhttdl"]
    able = [a for a in keepers if registry.appointment(FOUNDER, a, POST, day)]
    assert able == [agency]
    assert [a.agency for a in registry.appointments(FOUNDER, day)] == [agency]


def test_founder_ends_with_the_key_or_the_post() -> None:
    """Good until KeyRevoked or OfficerEnded, whichever comes."""
    book = founded()
    book.take(revoked(FOUNDER, FOUNDERS_KEY.kid, "2024-01-10T09:00:00+07:00"))
    assert book.registry.appointment(FOUNDER, STTTT, POST, D(2024, 1, 10)) is not None
    assert book.registry.appointment(FOUNDER, STTTT, POST, D(2024, 1, 11)) is None
    with pytest.raises(RetiredKey):
        book.registry.keyring.usable(
            FOUNDERS_KEY.kid, index=None, at=at("2024-01-11T09:00:00+07:00")
        )
    book = founded()
    book.take(ended(FOUNDER, "2024-01-10", keys_end=False))
    assert book.registry.appointment(FOUNDER, STTTT, POST, D(2024, 1, 10)) is not None
    assert book.registry.appointment(FOUNDER, STTTT, POST, D(2024, 1, 11)) is None


def test_founding_lasts_until_a_second_registrar_has_a_key() -> None:
    """REGISTRY_FOUNDING: appointment alone does not end it; the key does."""
    day = D(2023, 3, 21)
    assert not Registry.founded().founding(day)
    book = founded()
    assert book.registry.founding(day)
    book.take(appointed(an_id("cv"), STTTT, "chuyen-vien"))
    book.take(appointed(SECOND, STTTT, POST, powers=["REGISTRY_KEEPER"]))
    assert book.registry.founding(day)
    book.take(enrolled(SECOND, SECONDS_KEY))
    assert not book.registry.founding(day)


def test_a_key_that_begins_later_ends_no_founding_until_then() -> None:
    """Or nobody could register anybody till that day. The first edition is as it was."""
    book = founded()
    registry = book.registry
    registry.go_on_by(shipped("2"), 0)
    book.take(appointed(SECOND, STTTT, POST, powers=["PERSONNEL_OFFICER"]))
    book.take(enrolled(SECOND, SECONDS_KEY, valid_from="2024-08-01T10:00:00+07:00"))
    before, then = D(2024, 7, 31), D(2024, 8, 1)
    signs = [registry.can_sign(("PERSONNEL_OFFICER",), on, FOUNDER) for on in (before, then)]
    assert signs == [False, True]
    assert [registry.founding(on) for on in (before, then)] == [True, False]
    registry.go_on_by(shipped("1"), 0)
    book.take(appointed(SECOND, STTTT, POST, powers=["REGISTRY_KEEPER"]))
    assert not registry.founding(before)


def test_founding_returns_where_nobody_else_could_sign() -> None:
    """A lost second key, an ended post or an ended agency does not lock the registry."""
    book = with_a_second_registrar()
    assert book.registry.founding(D(2025, 3, 1))  # the second's agency ended the day before
    assert not book.registry.founding(D(2025, 2, 28))
    book.take(revoked(SECOND, SECONDS_KEY.kid, "2024-01-10T09:00:00+07:00"))
    assert book.registry.founding(D(2024, 1, 11))


def test_founder_under_a_second_id_is_no_second_officer() -> None:
    """One person with two ids does not approve what they wrote (G8)."""
    person = f"sealed:{an_id('person')}"
    book = founded()
    book.take(appointed(FOUNDER, STTTT, "chuyen-vien", person=person))
    book.take(appointed(SECOND, STTTT, POST, powers=["REGISTRY_KEEPER"], person=person))
    book.take(enrolled(SECOND, SECONDS_KEY))
    assert book.registry.same_person(FOUNDER, SECOND)
    assert book.registry.founding(D(2024, 1, 1))


def test_two_ids_are_one_person_only_by_token() -> None:
    """Officers without a token are different persons as far as the registry knows."""
    registry = with_a_second_registrar().registry
    assert registry.same_person(SECOND, SECOND)
    assert not registry.same_person(FOUNDER, SECOND)
    assert not registry.same_person(SECOND, an_id("unknown"))


def test_appointment_is_found_by_agency_post_and_day() -> None:
    """An officer acts in the post held on that day and in no other."""
    book = founded()
    cv = an_id("cv")
    book.take(
        appointed(cv, STTTT, "chuyen-vien", valid_to="2024-06-30", capacities=["TRUC_TIEP", "TL"])
    )
    book.take(appointed(cv, STTTT, "truong-phong", valid_from="2024-07-01", powers=["SUPERVISOR"]))
    registry = book.registry
    assert registry.appointment(cv, STTTT, "chuyen-vien", D(2024, 6, 30)) is not None
    assert registry.appointment(cv, STTTT, "chuyen-vien", D(2024, 7, 1)) is None
    assert registry.appointment(cv, "bacninh.syt", "chuyen-vien", D(2024, 6, 30)) is None
    assert registry.powers(cv, STTTT, "truong-phong", D(2024, 7, 1)) == {"SUPERVISOR"}
    officer = registry.officer(cv)
    assert officer is not None
    assert [a.index for a in officer.appointments] == [1, 2]
    assert [a.post for a in registry.appointments(cv, D(2024, 7, 1))] == ["truong-phong"]


def test_end_of_a_post_keeps_its_last_day() -> None:
    """OfficerEnded: an act of the last day stands, one of the day after does not."""
    book = with_a_second_registrar()
    book.take(ended(SECOND, "2024-01-10", keys_end=False))
    assert book.registry.appointment(SECOND, STTTT, POST, D(2024, 1, 10)) is not None
    assert book.registry.appointment(SECOND, STTTT, POST, D(2024, 1, 11)) is None
    assert not book.registry.keyring.retired(SECONDS_KEY.kid)


def test_keys_that_end_with_the_post_are_retired_from_the_day_after() -> None:
    """What was recorded between the end and its entry is disputed, what came before is not."""
    book = with_a_second_registrar()
    book.take(ended(SECOND, "2024-01-10", keys_end=True), recorded="2024-01-20T09:00:00+07:00")
    keyring = book.registry.keyring
    with pytest.raises(RetiredKey):
        keyring.usable(SECONDS_KEY.kid, index=None, at=at("2024-01-20T10:00:00+07:00"))

    def verdict(recorded: str) -> Verdict:
        return keyring.judge(
            SECONDS_KEY.kid, officer=SECOND, index=3, recorded_at=at(recorded), signature_ok=True
        )

    assert verdict("2024-01-10T17:00:00+07:00") is Verdict.VALID_KEY_SINCE_REVOKED
    assert verdict("2024-01-15T09:00:00+07:00") is Verdict.DISPUTED


def test_end_still_to_come_retires_no_key_now() -> None:
    """An officer who leaves next month signs until then."""
    book = with_a_second_registrar()
    book.take(ended(SECOND, "2024-02-29", keys_end=True), recorded="2024-01-20T09:00:00+07:00")
    assert not book.registry.keyring.retired(SECONDS_KEY.kid)
    assert book.registry.appointment(SECOND, STTTT, POST, D(2024, 3, 1)) is None


def test_key_enrolled_twice_is_one_key() -> None:
    """A fold of the log never stops over a second line for a kid."""
    book = with_a_second_registrar()
    book.take(enrolled(FOUNDER, SECONDS_KEY))
    line = book.registry.keyring.line(SECONDS_KEY.kid)
    assert line is not None
    assert line.officer == SECOND


def test_service_key_belongs_to_no_officer() -> None:
    """Custody SERVICE: only service statements."""
    book = founded()
    book.take(enrolled(None, SECONDS_KEY))
    line = book.registry.keyring.line(SECONDS_KEY.kid)
    assert line is not None
    assert line.is_service
    assert book.registry.founding(D(2024, 1, 1))


def test_service_key_is_ended_like_any_other() -> None:
    """A key of the system that is stolen must not sign for ever."""
    book = founded()
    book.take(enrolled(None, SECONDS_KEY))
    book.take(revoked(None, SECONDS_KEY.kid, "2024-01-02T08:00:00+07:00"))
    line = book.registry.keyring.line(SECONDS_KEY.kid)
    assert line is not None
    assert (line.revoked_index, book.registry.version) == (2, 2)
    assert book.registry.keyring.retired(SECONDS_KEY.kid)


@pytest.mark.parametrize("form", [1, 2])
def test_a_key_is_doubted_from_earlier_by_no_log_of_the_first_edition(form: int) -> None:
    """A second revocation is set aside there; an audit of signatures alone folds it as well."""
    registry = Registry.founded(first_edition() if form == 1 else load_edition())
    first, then = "2024-01-10T09:00:00+07:00", "2024-01-02T08:00:00+07:00"
    acts = (
        enrolled(SECOND, SECONDS_KEY),
        *(revoked(SECOND, SECONDS_KEY.kid, t) for t in (first, then)),
    )
    for index, act in enumerate(acts):
        registry.apply(act, index=index, recorded_at=at("2024-01-11T08:00:00+07:00"))
    line = registry.keyring.line(SECONDS_KEY.kid)
    assert line is not None
    assert (line.revoked_index, line.doubted_index) == (1, form)
    assert line.invalid_from == at(first if form == 1 else then)


def test_key_is_not_good_outside_its_validity() -> None:
    """KeyEnrolled.valid_to is the first instant after."""
    book = with_a_second_registrar()
    with pytest.raises(UnknownKey):
        book.registry.keyring.usable(
            SECONDS_KEY.kid, index=None, at=at("2033-03-21T08:00:00+07:00")
        )


def holds(book: Book, code: str, agency: str, post: str, day: date) -> bool:
    """The registry's part of `who` for the officer `cv`."""
    return book.registry.holds_code(code, agency, post, an_id("cv"), day)


@pytest.mark.parametrize("code", sorted(CASE_ROLES | {"KEY_HOLDER"}))
def test_case_roles_are_left_to_the_stream(code: str) -> None:
    """Who handles this case is not the registry's to say."""
    assert not holds(founded(), code, STTTT, "chuyen-vien", D(2024, 1, 1))


@pytest.mark.parametrize(
    ("code", "agency", "post", "day", "expected"),
    [
        ("ANY_AGENCY", "bacninh.stttt", "x", D(2025, 2, 28), True),
        ("ANY_AGENCY", "bacninh.stttt", "x", D(2025, 3, 1), False),
        ("LEAD", "bacninh.stttt", "x", D(2025, 2, 28), True),
        ("LEAD", "bacninh.syt", "x", D(2025, 2, 28), False),
        ("DEPT", "bacninh.syt", "x", D(2025, 6, 30), True),
        ("DEPT", "bacninh.h-g", "x", D(2025, 6, 30), False),
        ("MEDIA", "bacninh.bao", "x", D(2025, 6, 30), True),
        ("DISTRICT", "bacninh.h-g", "x", D(2025, 7, 1), False),
        ("SANCTION_AUTHORITY", "bacninh.stttt", "chuyen-vien", D(2024, 1, 1), True),
        ("SANCTION_AUTHORITY", "bacninh.ubnd", "chu-tich", D(2024, 1, 1), True),
        ("SANCTION_AUTHORITY", "bacninh.ubnd", "van-thu", D(2024, 1, 1), False),
        ("SANCTION_AUTHORITY", "bacninh.syt", "giam-doc", D(2024, 1, 1), False),
        ("SANCTION_AUTHORITY", "bacninh2025.x-q", "chu-tich", D(2025, 7, 1), True),
    ],
)
def test_function_codes_are_asked_of_the_agency(
    code: str, agency: str, post: str, day: date, expected: object
) -> None:
    """AGENCY_HOLDS_FUNCTION (4.3), the registry's part."""
    assert holds(founded(), code, agency, post, day) is expected


def test_post_codes_come_with_the_appointment() -> None:
    """A post role is a power of OfficerAppointed, on a day, in that agency and post."""
    book = founded()
    book.take(appointed(an_id("cv"), STTTT, "nguoi-phat-ngon", powers=["SPOKESPERSON"]))
    assert holds(book, "SPOKESPERSON", STTTT, "nguoi-phat-ngon", D(2024, 1, 1)) is True
    assert holds(book, "SPOKESPERSON", STTTT, "van-thu", D(2024, 1, 1)) is False
    assert holds(book, "SPOKESPERSON", STTTT, "nguoi-phat-ngon", D(2023, 3, 20)) is False
    assert holds(book, "REGISTRY_KEEPER", STTTT, "nguoi-phat-ngon", D(2024, 1, 1)) is False


def test_classifier_is_in_post_and_in_power() -> None:
    """4.4: the power comes by a dated line of the post, and the officer must be in that post."""
    book = founded()
    agency, post = "bacninh2025.congan", "pho-giam-doc"
    book.take(appointed(an_id("cv"), agency, post, valid_from="2025-07-01"))
    assert holds(book, "CLASSIFIER", agency, post, D(2026, 2, 28)) is False
    assert holds(book, "CLASSIFIER", agency, post, D(2026, 3, 1)) is True
    assert holds(book, "CLASSIFIER", agency, "giam-doc", D(2026, 3, 1)) is False


@pytest.mark.parametrize(
    ("power", "agency", "post", "day", "reach"),
    [
        ("SANCTION", "bacninh.stttt", "chanh-thanh-tra", D(2024, 6, 4), "TO_100M"),
        ("SANCTION", "bacninh.svhttdl", "chanh-thanh-tra", D(2025, 2, 28), None),
        ("SANCTION", "bacninh.svhttdl", "chanh-thanh-tra", D(2025, 6, 30), "TO_100M"),
        ("SANCTION", "bacninh2025.svhttdl", "chanh-thanh-tra", D(2025, 7, 1), None),
        ("SANCTION", "bacninh2025.svhttdl", "giam-doc", D(2025, 7, 1), "TO_100M"),
        ("SANCTION", "bacninh2025.syt", "giam-doc", D(2025, 7, 1), None),
        ("SANCTION", "bacninh2025.x-p", "chu-tich", D(2025, 7, 1), "TO_30M"),
        ("SANCTION", "bacninh2025.ubnd", "chu-tich", D(2025, 7, 1), "ABOVE_100M"),
        ("SANCTION", "bacninh.ubnd", "chu-tich", D(2025, 7, 1), None),
        ("SECRET_COPY", "bacninh2025.x-p", "chu-tich", D(2026, 3, 1), "TOI_MAT"),
        ("SECRET_COPY", "bacninh2025.x-p", "chu-tich", D(2026, 2, 28), None),
        ("SECRET_CLASSIFY", "bacninh2025.congan", "giam-doc", D(2026, 3, 1), "TUYET_MAT"),
    ],
)
def test_power_of_a_post_has_a_day_and_a_reach(
    power: str, agency: str, post: str, day: date, reach: str | None
) -> None:
    """8.1.d, 4.4: a commune chair may not permit a copy of a Tuyệt mật paper."""
    assert Registry.founded().post_power(power, agency, post, day) == reach


def test_secret_item_stands_in_a_list_of_that_day() -> None:
    """G11: no item, no classification."""
    registry = Registry.founded()
    assert registry.lists_secret("DMBMNN-GD-01", "3.2", D(2026, 4, 13))
    assert not registry.lists_secret("DMBMNN-GD-01", "3.2", D(2020, 6, 30))
    assert not registry.lists_secret("DMBMNN-GD-01", "9", D(2026, 4, 13))
    assert not registry.lists_secret("DMBMNN-XX", "3.2", D(2026, 4, 13))


def grant(**facts: object) -> Act:
    """ParticipationGranted."""
    return an_act(
        "ParticipationGranted",
        f"case/{an_id('case')}",
        {
            "officer": an_id("cv"),
            "scope": "CASE",
            "may": "HANDLE",
            "ground": "Phân công",
            "until": "2024-12-31T17:00:00+07:00",
            **facts,
        },
        occurred_at="2024-01-02T08:00:00+07:00",
        post="truong-phong",
    )


def test_grant_runs_from_its_act_to_its_term() -> None:
    """A permission ends by itself."""
    book = founded()
    book.take(grant())
    stream = f"case/{an_id('case')}"

    def running(text: str) -> int:
        return len(book.registry.grants(officer=an_id("cv"), stream=stream, at=at(text)))

    assert running("2024-01-02T07:59:59+07:00") == 0
    assert running("2024-01-02T08:00:00+07:00") == 1
    assert running("2024-12-31T16:59:59+07:00") == 1
    assert running("2024-12-31T17:00:00+07:00") == 0
    assert book.registry.grants(stream=f"case/{an_id('other')}") == []


def test_revoked_grant_ends_at_the_revocation() -> None:
    """GRANT_STANDS: only the officer's own running grant can be ended, once."""
    book = founded()
    given = grant()
    book.take(given)
    for moment in ("2024-02-01T08:00:00+07:00", "2024-03-01T08:00:00+07:00"):
        book.take(
            an_act(
                "ParticipationRevoked",
                given.stream,
                {"grant": given.act_id, "officer": an_id("cv"), "reason": "Xong việc"},
                occurred_at=moment,
            )
        )
    (line,) = book.registry.grants()
    assert line.revoked_at == at("2024-02-01T08:00:00+07:00")
    assert not line.runs(at("2024-02-01T08:00:00+07:00"))


def test_inspection_order_grants_to_each_reader_and_break_glass_is_reviewed() -> None:
    """An order names readers and cases; an opening waits for its review."""
    book = founded()
    case = f"case/{an_id('case')}"
    until = "2024-06-30T17:00:00+07:00"
    readers = [
        {
            "officer": an_id(n),
            "post": "thanh-tra-vien",
            "agency": "bacninh.thanhtra",
            "until": until,
        }
        for n in ("a", "b")
    ]
    order = an_act(
        "InspectionOrdered",
        "agency/bacninh.thanhtra",
        {
            "order_number": "5/QĐ",
            "cases": [case],
            "period_from": "2024-01-01",
            "period_to": "2024-06-30",
            "readers": readers,
            "purpose": "Thanh tra",
            "until": until,
        },
    )
    glass = an_act(
        "BreakGlassOpened",
        f"agency/{STTTT}",
        {
            "case": case,
            "officer": an_id("c"),
            "emergency": "Khẩn cấp",
            "until": "2023-03-21T12:00:00+07:00",
            "auditor_told": True,
        },
    )
    book.take(order)
    book.take(glass)
    assert [g.officer for g in book.registry.grants(stream=case)] == [an_id(n) for n in "abc"]
    assert not book.registry.grants(officer=an_id("c"))[0].reviewed
    book.take(
        an_act(
            "BreakGlassReviewed",
            f"agency/{STTTT}",
            {"opened": glass.act_id, "justified": True, "reads_checked": 2, "reasons": "Đúng"},
        )
    )
    assert book.registry.grants(officer=an_id("c"))[0].reviewed


def test_copy_is_independent() -> None:
    """A trial on a copy (check, prepare, found) leaves the registry of the log alone."""
    book = with_a_second_registrar()
    other = book.registry.copy()
    index, when = 9, datetime(2024, 1, 1, tzinfo=UTC)
    for act in (
        appointed(an_id("cv"), STTTT, "chuyen-vien"),
        revoked(SECOND, SECONDS_KEY.kid, "2024-01-10T09:00:00+07:00"),
        grant(),
        ended(FOUNDER, "2024-01-10", keys_end=False),
    ):
        other.apply(act, index=index, recorded_at=when)
    assert other.version == 9
    assert book.registry.version == 2
    assert book.registry.officer(an_id("cv")) is None
    assert not book.registry.keyring.retired(SECONDS_KEY.kid)
    assert book.registry.grants() == []
    assert book.registry.founder is not None
    assert book.registry.founder.last_day is None


def test_registry_acts_of_one_log_leave_another_alone() -> None:
    """Two logs of one process share the edition and nothing else."""
    with_a_second_registrar()
    fresh = Registry.founded()
    assert fresh.officer(SECOND) is None
    assert len(fresh.keyring.lines()) == 0


def test_key_enrolled_before_the_appointment_counts_too() -> None:
    """A colleague with a key who becomes registrar ends the founding that day."""
    book = founded()
    book.take(enrolled(SECOND, SECONDS_KEY))
    book.take(appointed(SECOND, STTTT, "chuyen-vien"))
    assert book.registry.founding(D(2024, 1, 1))
    book.take(appointed(SECOND, STTTT, POST, powers=["REGISTRY_KEEPER"], valid_from="2024-01-02"))
    assert book.registry.founding(D(2024, 1, 1))
    assert not book.registry.founding(D(2024, 1, 2))


def test_ids_of_a_person_are_those_that_the_registry_links_today() -> None:
    """A copy links apart from its original; a token that was corrected links no more."""
    registry = a_registry()
    for alias in ("cv", "cv2"):
        hire(registry, alias, person=an_id("one person"))
    both = {officer("cv"), officer("cv2")}
    assert set(registry.officers.ids_of(officer("cv"))) == both
    other = registry.copy()
    hire(other, "cv2", person=an_id("somebody else"))
    assert other.officers.ids_of(officer("cv")) == (officer("cv"),)
    assert other.officers.ids_of(officer("cv2")) == (officer("cv2"),)
    assert set(registry.officers.ids_of(officer("cv"))) == both
    assert registry.officers.ids_of(officer("tp")) == (officer("tp"),)


def test_who_was_appointed_anew_without_a_power_could_sign_with_it_no_more() -> None:
    """So whoever stands in for them may: the door takes neither. The first edition is as it was."""
    registry = a_registry()
    hire(registry, "tc", powers=["PERSONNEL_OFFICER"])
    asked = ("PERSONNEL_OFFICER",), D(2024, 6, 5), officer("keeper2")
    assert registry.can_sign(*asked)
    for alias in ("keeper", "tc"):
        hire(registry, alias, powers=[])
    assert not registry.can_sign(*asked)
    registry.go_on_by(shipped("1"), 0)
    assert registry.can_sign(*asked)


def test_who_is_left_is_not_asked_of_all_officers_day_by_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of hundreds in the agency that keeps the registry, each with a last day of their own."""
    registry = a_registry()
    for n in range(300):
        last = (D(2024, 6, 5) + timedelta(days=n)).isoformat()
        hire(registry, "cv", officer=an_id(f"one {n}"), agency=STTTT, valid_to=last)
    asked: list[str] = []
    posts = Officers.appointments

    def noted(self: Officers, one: str, day: date) -> tuple[Appointment, ...]:
        asked.append(one)
        return posts(self, one, day)

    monkeypatch.setattr(Officers, "appointments", noted)
    assert registry.copy().first_day_shut(registry, D(2024, 6, 4)) is None
    assert 0 < len(asked) < 300
