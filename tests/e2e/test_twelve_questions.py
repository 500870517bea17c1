"""Twelve questions an inspector asks, answered by the API and by the command line.

What is right comes from the scenario files, not from the answers (http.md §4).
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.log.moment import unstamp
from ledger.regulation.acts.json_shape import fmt_time
from ledger.regulation.registry.calendar import VIETNAM
from tests.fixtures.inspected import DISTRICT, LEAD, OPEN, PAST, Inspected

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]

NUMBERS = {"SC1": "2024/0002", "SC2": "2023/0001", "SC3": "2025/0002", "SC4": "2024/0001"}
LATE_STEP = 25
SIGN_OFF = "8d0f6c52-7a0e-4f0c-9d55-3e6b1f9a2c41"


def _history(inspected: Inspected, play: str) -> dict[str, dict[str, Any]]:
    """Acts of a case by id, as the command line lists them."""
    told = inspected.told("case", "history", NUMBERS[play])
    return {act["act_id"]: act for act in told["acts"]}


def _sub(case: dict[str, Any], act_id: str) -> dict[str, Any]:
    return next(sub for sub in case["sub_processes"] if sub["id"] == act_id)


def _signatures(inspected: Inspected, play: str) -> list[tuple[str, str, str]]:
    """(act_id, officer, role) of every statement that the file says was made, in order."""
    found = []
    for step in inspected.documents[play]["steps"]:
        act_id = inspected.act(play, step["n"])
        found.append((act_id, inspected.officer(play, step["author"]), "AUTHOR"))
        found += [
            (act_id, inspected.officer(play, c["by"]), c["role"])
            for c in step["countersigners"]
            if c["at"] is not None
        ]
    return found


def test_1_who_decided_this_and_on_what_basis(inspected: Inspected) -> None:
    """The handling of the rumour: author and approver by post, and every article they relied on."""
    step = inspected.step("SC2", 14)
    act_id = inspected.act("SC2", 14)
    by_api = inspected.read(f"/v1/acts/{act_id}")
    by_cli = _history(inspected, "SC2")[act_id]
    cast = inspected.documents["SC2"]["cast"]
    for act in (by_api, by_cli):
        assert act["payload"]["basis"] == step["basis"]
        assert [
            (line["role"], line["officer"], line["signer"]["post"], line["signer"]["agency"])
            for line in act["statements"]
        ] == [
            (role, inspected.officer("SC2", alias), cast[alias]["post"], cast[alias]["agency"])
            for alias, role in (("tp", "AUTHOR"), ("gd", "APPROVER"))
        ]
        assert act["statements"][-1]["effect"]
        assert act["statements"][-1]["signer"]["post_vi"] == "Giám đốc"
    plain = inspected.cli("case", "history", NUMBERS["SC2"], lang="vi").stdout
    assert {"Quyết", "định", "phương", "án", "Giám", "đốc,", "Sở"} <= set(plain.split())


@pytest.mark.parametrize(
    ("clock", "state"), [("recorded", "LAPSED"), ("occurred", "LIFTED")], ids=str
)
def test_2_what_did_the_lead_agency_know_on_a_date(
    inspected: Inspected, clock: str, state: str
) -> None:
    """On 20 October the ledger held no lifting of the measure; it had happened on the 17th.

    The entry of step 25 is late: what was known and what was so differ until 3 November.
    """
    measure, moment = inspected.act("SC2", 2), "2023-10-20T12:00:00+07:00"
    case = inspected.case("SC2")
    by_api = inspected.read(f"/v1/cases/{case}", as_of=moment, clock=clock)
    by_cli = inspected.told("case", "as-of", NUMBERS["SC2"], moment, "--clock", clock)
    for told in (by_api, by_cli):
        assert _sub(told, measure)["state"] == state
        assert told["state"] == inspected.step("SC2", 18)["expect"]["state"]
        assert told["view"]["clock"] == clock
    late = _history(inspected, "SC2")[inspected.act("SC2", LATE_STEP)]
    step = inspected.step("SC2", LATE_STEP)
    assert late["late"]
    assert late["occurred_at"] == step["at"]
    assert late["payload"]["late_reason"] == step["late_reason"]
    recorded = unstamp(late["statements"][-1]["recorded_at"])
    assert recorded == datetime.fromisoformat(step["countersigners"][0]["at"])
    assert "ghi muộn" in inspected.cli("case", "history", NUMBERS["SC2"], lang="vi").stdout


def test_3_what_changed_between_two_dates(inspected: Inspected) -> None:
    """The morning of 3 November 2023: the late entry and the result, each with its act."""
    start, end = "2023-11-03T08:00:00+07:00", "2023-11-03T12:00:00+07:00"
    by_api = inspected.read(f"/v1/cases/{inspected.case('SC2')}/diff", from_=start, to=end)
    by_cli = inspected.told("case", "diff", NUMBERS["SC2"], start, end)
    assert by_cli == by_api
    changes = {one["pointer"]: one for one in by_api["changes"]}
    decided = inspected.act("SC2", 26)
    late = inspected.act("SC2", LATE_STEP)
    measure = inspected.act("SC2", 2)
    expected = {
        "/state": ("HANDLING", "RESULT_RECORDED", decided),
        "/outcome": (None, "SANCTIONED", decided),
        f"/sub_processes/{measure}/state": ("LAPSED", "LIFTED", late),
    }
    for pointer, (old, new, act_id) in expected.items():
        one = changes[pointer]
        assert (one["old"], one["new"]) == (old, new), pointer
        assert [act["act_id"] for act in one["acts"]] == [act_id], pointer
    assert [act["late"] for act in changes[f"/sub_processes/{measure}/state"]["acts"]] == [True]
    plain = inspected.cli("case", "diff", NUMBERS["SC2"], start, end, lang="vi").stdout
    assert "Xử phạt" in plain
    assert "SANCTIONED" not in plain
    assert "(ghi" in plain


@pytest.mark.parametrize("play", ["SC1", "SC2", "SC3", "SC4"])
def test_4_why_has_this_field_this_value(inspected: Inspected, play: str) -> None:
    """The chain of acts behind the state is the file's, and who signed each of them in turn."""
    expected: list[tuple[str | None, str, str, list[str]]] = []
    state = None
    for step in inspected.documents[play]["steps"]:
        now = step["expect"]["state"]
        if now != state:
            signed = [step["author"], *(c["by"] for c in step["countersigners"])]
            act_id = inspected.act(play, step["n"])
            officers = [inspected.officer(play, alias) for alias in signed]
            expected.append((state, now, act_id, officers))
            state = now
    by_api = inspected.read(f"/v1/cases/{inspected.case(play)}/fields/state/history")
    by_cli = inspected.told("case", "why", NUMBERS[play], "state")
    for told in (by_api, by_cli):
        acts = [one["acts"][0] for one in told["changes"]]
        assert [
            (one["old"], one["new"], act["act_id"], [s["officer"] for s in act["signers"]])
            for one, act in zip(told["changes"], acts, strict=True)
        ] == expected
        assert all(act["signers"][-1]["index"] == act["index"] for act in acts)
    outcome = inspected.told("case", "why", NUMBERS[play], "outcome")["changes"][-1]
    assert outcome["new"] == inspected.documents[play]["expect_final"]["outcome"]


def test_5_which_measures_came_before_verification(inspected: Inspected) -> None:
    """Two cases, and in each the one measure that the file flags."""
    flag = "MEASURE_BEFORE_VERIFICATION"
    by_api = inspected.read("/v1/cases", flag=flag)
    by_cli = inspected.told("case", "list", "--flag", flag)
    for told in (by_api, by_cli):
        assert {line["id"] for line in told["cases"]} == {
            inspected.case("SC2"),
            inspected.case("SC4"),
        }
    for play, step in (("SC2", 2), ("SC4", 3)):
        case = inspected.told("case", "show", NUMBERS[play])
        flagged = [one["act_id"] for one in case["flags"] if one["code"] == flag]
        assert flagged == [inspected.act(play, step)]
        acts = list(_history(inspected, play).values())
        names = [act["act"] for act in acts]
        assert names.index("ImmediateMeasureTaken") < names.index("VerificationRequested")


@pytest.mark.parametrize("play", ["SC1", "SC2", "SC4"])
def test_6_who_has_signed_and_is_every_signature_good(inspected: Inspected, play: str) -> None:
    """Every signature of the file, no other, each valid; every proof checked here."""
    by_api = inspected.read(f"/v1/cases/{inspected.case(play)}/verification")
    by_cli = inspected.told("case", "verify", NUMBERS[play])
    expected = _signatures(inspected, play)
    assert len(expected) == inspected.documents[play]["expect_final"]["statements"]
    for told in (by_api, by_cli):
        assert told["outcome"] == "VALID"
        assert {line["verdict"] for line in told["statements"]} == {"VALID"}
        assert sorted(
            (line["act_id"], line["officer"], line["role"]) for line in told["statements"]
        ) == sorted(expected)
        assert all(line["proof"]["size"] > line["index"] for line in told["statements"])
        assert all(line["key"]["officer"] == line["officer"] for line in told["statements"])
    assert by_cli["ok"]
    assert by_cli["proofs_failed"] == []
    many = inspected.read("/v1/verification", cases=",".join(map(inspected.case, NUMBERS)))
    assert [one["outcome"] for one in many["cases"]] == ["VALID"] * len(NUMBERS)


def test_7_what_is_overdue_and_by_which_rule(inspected: Inspected) -> None:
    """The hospital never answered: the limit is the one its letter set, the rule is article 7."""
    step = inspected.step(OPEN, 5)
    case = inspected.case(OPEN)
    file = inspected.told("case", "show", "2025/0001")
    assert file == inspected.read(f"/v1/cases/{case}")
    (clock,) = [one for one in file["clocks"] if one["status"] == "OVERDUE"]
    assert clock["code"] == "ANSWER_VERIFICATION"
    assert clock["act_id"] == inspected.act(OPEN, 5)
    assert clock["due"] == step["facts"]["answer_by"]
    assert clock["source"].startswith("90/QĐ-UBND 7.2.b")
    by_api = inspected.read("/v1/worklist", by=(OPEN, "bv"))
    by_cli = inspected.told("worklist", by=(OPEN, "bv"))
    for told in (by_api, by_cli):
        (task,) = [t for t in told["overdue"] if t["stream"] == f"case/{case}"]
        assert (task["code"], task["due_at"]) == (clock["code"], clock["due"])
        assert task["source"] == clock["source"]
        assert (task["case_number"], task["clock_vi"]) == ("2025/0001", "Trả lời xác minh")
    due = inspected.told("case", "list", "--due-before", "2025-02-11T00:00:00+07:00")
    assert case in {line["id"] for line in due["cases"]}
    assert "quá hạn" in inspected.cli("worklist", by=(OPEN, "bv"), lang="vi").stdout


def test_8_what_waits_for_an_officer(inspected: Inspected) -> None:
    """The approver's signature on the second request; who began it signs nothing, and finds it."""
    pending = inspected.act(OPEN, 6)
    for told in inspected.waiting["pgd",]:
        assert told["officer"] == inspected.officer(OPEN, "pgd")
        (task,) = told["sign"]
        assert (task["act_id"], task["act"]) == (pending, "VerificationRequested")
        assert task["case_number"] == "2025/0001"
    for told in inspected.waiting["tp",]:
        assert told["sign"] == []
        (begun,) = told["started"]
        assert (begun["act_id"], begun["kind"]) == (pending, "STARTED")
        assert begun["post_vi"] == "Phó Giám đốc"
    for team in inspected.waiting["tp", "--team"]:
        assert team["team"]
        assert [task["act_id"] for task in team["sign"]] == [pending]
    alone = inspected.told("worklist", "--team")
    assert (alone["team"], alone["sign"]) == ([], [])
    said = inspected.cli("worklist", "--team", lang="vi").stdout
    assert "lãnh đạo phụ trách" in said
    (waiting,) = inspected.told("case", "show", "2025/0001")["pending"]
    assert waiting["act_id"] == pending
    assert [who["officer"] for who in waiting["waiting_for"]] == [inspected.officer(OPEN, "pgd")]


@pytest.mark.parametrize("play", ["SC1", "SC2", "SC3", "SC4", "SC9"])
def test_9_which_flags_still_show(inspected: Inspected, play: str) -> None:
    """What the file expects at the end; an oral word confirmed in writing shows no more."""
    expected = sorted(
        (flag["code"], inspected.act(play, flag["step"]))
        for flag in inspected.documents[play]["expect_final"]["flags"]
    )
    case, by = inspected.case(play), DISTRICT if play == "SC9" else LEAD
    answers = (
        inspected.read(f"/v1/cases/{case}", by=by),
        inspected.told("case", "show", case, by=by),
    )
    for told in answers:
        assert sorted((flag["code"], flag["act_id"]) for flag in told["flags"]) == expected
        assert all(flag["vi"] and flag["en"] for flag in told["flags"])


def test_10_who_was_the_lead_on_a_date_and_what_became_of_it(inspected: Inspected) -> None:
    """Until 28 February 2025 one department, from the day after another, assumed and said so."""
    for day, lead in (("2025-02-26", "bacninh.stttt"), ("2025-03-05", "bacninh.svhttdl")):
        moment = f"{day}T12:00:00+07:00"
        by_api = inspected.read("/v1/agencies", function="LEAD", as_of=moment)
        by_cli = inspected.told("registry", "agencies", "--function", "LEAD", "--as-of", moment)
        for told in (by_api, by_cli):
            assert [line["agency"] for line in told["agencies"]] == [lead]
    (gone,) = [
        line
        for line in inspected.told("registry", "agencies")["agencies"]
        if line["agency"] == "bacninh.stttt"
    ]
    assert not gone["exists"]
    assert gone["carried_on_by"] == "bacninh.svhttdl"
    assert gone["label"].endswith(
        "(đến 28/02/2025; nay Sở Văn hóa, Thể thao và Du lịch tỉnh Bắc Ninh)"
    )
    case = inspected.told("case", "show", NUMBERS["SC2"])
    assert case["handler"]["registered_as"] == "bacninh.stttt"
    assert case["handler"]["agency"] == "bacninh.svhttdl"
    assert "LEAD_SUCCESSOR_2025" in {one["code"] for one in case["assumptions"]}
    custody = inspected.told("case", "why", NUMBERS["SC3"], "handler/registered_as")["changes"]
    assert [(one["new"], one["acts"][0]["act_id"]) for one in custody] == [
        ("bacninh.stttt", inspected.act("SC3", 2)),
        ("bacninh.svhttdl", inspected.act("SC3", 13)),
    ]


def test_11_when_was_the_reporter_told(inspected: Inspected) -> None:
    """Every case with a reporter who was told, and in SC1 when and by whom."""
    act = "ReporterInformed"
    told_in = {
        inspected.case(play, step["case"])
        for play, document in inspected.documents.items()
        for step in document["steps"]
        if step["act"] == act
    }
    of_the_district = inspected.case("SC9")
    for by, theirs in (
        (LEAD, told_in - {of_the_district}),
        (DISTRICT, told_in & {of_the_district}),
    ):
        by_api = inspected.read("/v1/cases", act=act, by=by)
        by_cli = inspected.told("case", "list", "--act", act, by=by)
        for told in (by_api, by_cli):
            assert {line["id"] for line in told["cases"]} == theirs
    step = inspected.step("SC1", 21)
    found = _history(inspected, "SC1")[inspected.act("SC1", 21)]
    assert found["act"] == act
    assert found["occurred_at"] == step["at"]
    assert found["payload"]["to"] == step["to"]
    assert [line["officer"] for line in found["statements"]] == [
        inspected.officer("SC1", step["author"])
    ]


def test_12_what_was_corrected(inspected: Inspected) -> None:
    """The wrong announcement in public, the unjustified measure in the record; both still stand."""
    case = inspected.case("SC4")
    expected = [
        ("CorrectionPublished", inspected.act("SC4", 11), inspected.act("SC4", 2), None),
        ("RecordCorrected", inspected.act("SC4", 15), inspected.act("SC4", 3), "NOT_JUSTIFIED"),
    ]
    for told in (inspected.read(f"/v1/cases/{case}"), inspected.told("case", "show", case)):
        assert [
            (one["act"], one["act_id"], one["corrects"], one["mark"]) for one in told["corrections"]
        ] == expected
    acts = _history(inspected, "SC4")
    published = acts[inspected.act("SC4", 11)]["payload"]["facts"]
    assert published["what_was_wrong"] == inspected.step("SC4", 11)["facts"]["what_was_wrong"]
    for _, _, wrong, _ in expected:
        assert acts[wrong]["status"] == "effective"
        assert acts[wrong]["payload"] is not None


def test_a_supervisors_own_sign_off_is_an_act_and_shows(inspected: Inspected) -> None:
    """The overseer checks SC3 by its proofs, signs that as an act, and it is in the history.

    Whoever handles the case lets them in by name; before that there is no such case for them.
    """
    overseer = inspected.client(*PAST)
    case = inspected.case("SC3")
    hidden = inspected.cli("case", "verify", case, by=PAST)
    assert (hidden.exit_code, hidden.stderr.split(":")[0]) == (1, "not_found")
    grant = ("--ground", "Giám sát hồ sơ đã kết thúc", "--until", "2025-03-31", "--as", "spgd")
    let_in = inspected.cli("grant", case, inspected.officer(*PAST), *grant)
    assert let_in.exit_code == 0, let_in.output
    verified = inspected.told("case", "verify", case, by=PAST)
    assert verified["ok"]
    assert verified["checked_by"] == inspected.officer(*PAST)
    _, size, root, *_ = verified["checkpoint"].split("\n")
    moment = unstamp(overseer.log()["now"]) + timedelta(minutes=5)
    at = moment.astimezone(VIETNAM).replace(microsecond=0)
    indices = [line["index"] for line in verified["statements"]]
    model = _sign_off_of(inspected)
    act = {
        **model,
        "act_id": SIGN_OFF,
        "stream": f"case/{case}",
        "occurred_at": fmt_time(at),
        "facts": {
            "scope": "CASE",
            "checked_from": min(indices),
            "checked_to": max(indices),
            "checkpoint_size": int(size),
            "root": _digest(root),
            "verdict": verified["outcome"],
            "program_version": "0.1.0",
        },
    }
    sent = overseer.record(act, at=at)
    assert sent.receipt["status"] == "effective"
    inspected.read(f"/v1/cases/{case}/acts", at_least=sent.index)
    for by, play, act_id in (
        (DISTRICT, "SC9", inspected.act("SC9", 36)),
        (LEAD, "SC3", act["act_id"]),
    ):
        told = inspected.told("case", "history", inspected.case(play), by=by)
        shown = {one["act_id"]: one for one in told["acts"]}[act_id]
        assert (shown["act"], shown["status"]) == ("VerificationSignedOff", "effective")
        (line,) = shown["statements"]
        assert line["officer"] == inspected.officer(*PAST)
        assert line["signer"]["agency"] == "bacninh.thanhtra"
        assert line["verdict"] == "VALID"
    assert inspected.told("case", "show", case)["state"] == "CLOSED"
    _let_out(inspected, case)


def _let_out(inspected: Inspected, case: str) -> None:
    """As it was, for whoever asks next."""
    words = ("--reason", "Đã xác minh xong", "--as", "spgd")
    ended = inspected.cli("revoke", case, inspected.officer(*PAST), *words)
    assert ended.exit_code == 0, ended.output
    assert inspected.client(*PAST).json("GET", "/v1/cases")["cases"] == []


def _sign_off_of(inspected: Inspected) -> dict[str, Any]:
    """The sign-off that SC9 has, as signed: its basis, agency, post and signer."""
    acts = inspected.read(f"/v1/acts/{inspected.act('SC9', 36)}", by=PAST)
    return dict(acts["payload"])


def _digest(root: str) -> str:
    raw = base64.b64decode(root)
    return f"sha-256:{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"
