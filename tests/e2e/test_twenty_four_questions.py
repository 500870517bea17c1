"""More questions that each take one command and one call, on what was played.

Numbered as those of test_twelve_questions.py go on: 13 to 24, of which those stand here that have
their command. What is right comes from the scenario files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pypdf
import pytest

from api.client.connection import Refused
from keys.canonical import b64
from tests.fixtures.inspected import (
    BOSS,
    DISTRICT,
    LEAD,
    NUMBER_SC3,
    OPEN,
    STRANGER,
    TITLE,
    Inspected,
    Permitted,
)

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]

NUMBER = "2023/0001"
DISTRICT_AGENCY = "bacninh.h-g"


def both(inspected: Inspected, **asked: str) -> list[dict[str, Any]]:
    """What API and command line answer, alike."""
    words: list[str] = []
    for name, value in asked.items():
        words += [f"--{name}"] if value == "true" else [f"--{name}", value]
    body = inspected.client(*LEAD).read("/v1/acts", query={"limit": 200, **asked}).body
    assert inspected.told("acts", "--limit", "200", *words) == body
    return list(body["acts"])


def test_13_on_what_basis(inspected: Inspected) -> None:
    """Every ground of the decision with its text's term, as the file has them."""
    step, act_id = inspected.step("SC2", 14), inspected.act("SC2", 14)
    for told in (
        inspected.read(f"/v1/acts/{act_id}"),
        inspected.told("act", "show", act_id),
    ):
        assert [(one["instrument"], one["article"]) for one in told["basis"]] == [
            (one["instrument"], one["article"]) for one in step["basis"]
        ]
        assert all(one["title"] and one["in_force"] for one in told["basis"])


def test_14_what_is_this_case_about(inspected: Inspected) -> None:
    """Its title, as its registration says: in the file, the list and a search without marks."""
    case = inspected.case(OPEN)
    assert inspected.read(f"/v1/cases/{case}")["title"] == TITLE
    assert inspected.told("case", "show", "2025/0001")["title"] == TITLE
    for told in (
        inspected.read("/v1/cases", q="dat lich kham gia mao"),
        inspected.told("search", "dat", "lich", "kham", "gia", "mao"),
    ):
        assert (case, TITLE) in [(line["id"], line["title"]) for line in told["cases"]]
    for lang in ("vi", "en"):
        for words in (("case", "show", "2025/0001"), ("case", "list"), ("worklist",)):
            said = inspected.cli(*words, lang=lang, terminal=True).stdout
            assert not [line for line in said.splitlines() if len(line.rstrip()) > 80], words
            assert TITLE.split()[0] in said, words


def test_15_every_late_entry_of_an_agency_this_year(inspected: Inspected) -> None:
    """What the files say was entered late by the district in 2023, and no other act."""
    expected = {
        inspected.act(play, step["n"])
        for play, document in inspected.documents.items()
        if play != OPEN
        for step in document["steps"]
        if step.get("late_reason")
        and step["at"].startswith("2023")
        and document["cast"][step["author"]]["agency"] == DISTRICT_AGENCY
    }
    assert expected
    asked = {"agency": DISTRICT_AGENCY, "late": "true", "from": "2023-01-01", "to": "2023-12-31"}
    found = both(inspected, clock="occurred", **asked)
    assert {line["act_id"] for line in found} == expected
    assert all(line["late"] and line["agency"] == DISTRICT_AGENCY for line in found)
    for lang, late in (("vi", "(ghi muộn)"), ("en", "(entered late)")):
        said = inspected.cli("acts", "--late", lang=lang, terminal=True).stdout
        assert all(late_word in said.split() for late_word in late.split())


def test_16_what_waits_for_signatures_of_others(inspected: Inspected) -> None:
    """The one act of the open case that its approver has not signed, called by case and place."""
    (line,) = [one for one in both(inspected, pending="true") if one["case_number"] == "2025/0001"]
    assert (line["act_id"], line["status"]) == (inspected.act(OPEN, 6), "pending")
    named = f"{line['case_number']}#{line['seq']}"
    assert inspected.told("act", "show", named)["act_id"] == line["act_id"]
    assert named in inspected.cli("acts", "--pending", terminal=True).stdout


def test_17_which_step_took_longest_against_its_deadline(inspected: Inspected) -> None:
    """The hospital has had what its letter gave, and all that came since."""
    step = inspected.step(OPEN, 5)
    case = inspected.case(OPEN)
    by_api = inspected.read(f"/v1/cases/{case}/durations")
    by_cli = inspected.told("case", "times", "2025/0001")
    assert by_cli["steps"] == by_api["steps"]
    for told in (by_api, by_cli):
        (asked,) = [s for s in told["steps"] if s["act_id"] == inspected.act(OPEN, 5)]
        assert told["longest"]["act_id"] == asked["act_id"]
        assert [one["agency"] for one in asked["bodies"]] == step["to"]
        given = datetime.fromisoformat(step["facts"]["answer_by"])
        since = datetime.fromisoformat(asked["since"])
        assert asked["allowed_s"] == (given - since).total_seconds()
        assert (asked["status"], asked["until"]) == ("OVERDUE", None)
        assert asked["late_s"] == asked["took_s"] - asked["allowed_s"]
        assert asked["source"].startswith("90/QĐ-UBND 7.2.b")
    for lang in ("vi", "en"):
        said = inspected.cli("case", "times", "2025/0001", lang=lang, terminal=True).stdout
        assert f"{told['longest']['percent']}%" in said
        assert "██████████|▒▒▒▒▒»" in said
        assert not [line for line in said.splitlines() if len(line.rstrip()) > 80]
    with pytest.raises(Refused) as refused:
        inspected.read(f"/v1/cases/{case}/durations", by=STRANGER)
    assert refused.value.code == "not_found"


def test_18_which_acts_a_key_touched(inspected: Inspected) -> None:
    """Every signature of the director's key in the files, told to whoever supervises now."""
    officer = inspected.officer("SC2", "gd")
    kid = inspected.threads("SC2").officers["gd"].kid
    expected = set()
    for play, document in inspected.documents.items():
        for step in document["steps"]:
            signed = [step["author"]]
            signed += [one["by"] for one in step["countersigners"] if one.get("at", "") is not None]
            theirs = any(inspected.officer(play, alias) == officer for alias in signed)
            if theirs and inspected.case(play, step["case"]) in _cases(inspected):
                expected.add(inspected.act(play, step["n"]))
    assert expected
    by_api = inspected.read(f"/v1/keys/{kid}/affected", by=BOSS)
    by_cli = inspected.told("keys", "affected", kid, by=BOSS)
    assert by_cli["statements"] == by_api["statements"]
    in_cases = [one for one in by_api["statements"] if one["stream"].startswith("case/")]
    whole = {f"case/{case}" for case in _cases(inspected)}
    assert {one["act_id"] for one in in_cases if one["stream"] in whole} == expected
    assert sum(one["statements"] for one in by_api["cases"]) == len(in_cases)
    middle = in_cases[len(in_cases) // 2]["recorded_at"]
    later = inspected.told("keys", "affected", kid, "--from", middle, by=BOSS)["statements"]
    assert later == [one for one in by_api["statements"] if one["recorded_at"] >= middle]
    said = inspected.cli("keys", "affected", kid, by=BOSS, lang="vi", terminal=True).stdout
    assert "chưa bị thu hồi" in " ".join(said.split())
    assert not [line for line in said.splitlines() if len(line.rstrip()) > 80]
    with pytest.raises(Refused) as refused:
        inspected.read(f"/v1/keys/{kid}/affected", by=LEAD)
    assert refused.value.code == "key_not_yours"


def _cases(inspected: Inspected) -> set[str]:
    """Those that the deputy head sees."""
    return {line["id"] for line in inspected.client(*BOSS).whole("/v1/cases", "cases")["cases"]}


def test_19_what_others_have_not_answered(inspected: Inspected) -> None:
    """The hospital in the open case: in the worklist of who holds it, with body, limit and rule."""
    step = inspected.step(OPEN, 5)
    for told in (inspected.read("/v1/worklist"), inspected.told("worklist")):
        waits = [one for one in told["awaited"] if one["act_id"] == inspected.act(OPEN, 5)]
        assert [one["waits_for"] for one in waits] == step["to"]
        for one in waits:
            assert one["waits_for_label"]
            assert (one["status"], one["due_at"]) == ("OVERDUE", step["facts"]["answer_by"])
    said = inspected.cli("worklist", lang="vi", terminal=True).stdout
    assert f"→{waits[0]['waits_for_label'].split()[0]}" in said
    assert step["to"][0] not in said


def test_20_what_another_case_has_to_do_with_this_one(inspected: Inspected) -> None:
    """The merged one names the district's: told to nobody who does not see that, not even a gap."""
    merged, survivor = inspected.case("SC9", "C2"), inspected.case("SC9", "C1")
    told = inspected.read(f"/v1/cases/{merged}/relations")
    assert told["cases"] == inspected.told("case", "relations", merged)["cases"] == []
    assert survivor not in str(told)
    of_survivor = inspected.read(f"/v1/cases/{survivor}/relations", by=DISTRICT)
    assert merged not in str(of_survivor)
    ways = [
        (line["id"], inspected.read(f"/v1/cases/{line['id']}/relations")["referrals"])
        for line in inspected.read("/v1/cases", limit=200)["cases"]
    ]
    case, (way, *_) = next((case, found) for case, found in ways if found)
    assert inspected.told("case", "relations", case)["referrals"][0] == way
    acts = inspected.client(*LEAD).case_acts(case)["acts"]
    sent = next(act for act in acts if act["act_id"] == way["id"])
    assert [to["agency"] for to in way["steps"][0]["to"]] == sent["payload"]["to"]
    for lang in ("vi", "en"):
        said = inspected.cli("case", "relations", case, lang=lang, terminal=True).stdout
        assert not [line for line in said.splitlines() if len(line.rstrip()) > 80]
        assert way[lang] in " ".join(said.split())


def test_21_which_file_came_when_and_who_read_it(
    inspected: Inspected, permitted: Permitted
) -> None:
    """The file of the permit: added and listed by who signed it, read by whom it is for."""
    act_id, digest, data = permitted
    got = inspected.home.parent / "got.pdf"
    words = ("attachment", "get", act_id, digest, "-o", str(got))
    assert inspected.told(*words)["size"] == len(data)
    assert got.read_bytes() == data
    by_api = inspected.read(f"/v1/acts/{act_id}/attachments/{digest}/custody")
    by_cli = inspected.told("attachment", "custody", act_id, digest)
    boss, lead = inspected.officer(*BOSS), inspected.officer(*LEAD)
    for told in (by_api, by_cli):
        assert [(one["event"], one["officer"]) for one in told["events"]] == [
            ("ADDED", boss),
            ("ATTACHED", boss),
            ("READ", lead),
        ]
        assert all(one["at"] for one in told["events"])
        assert told["events"][1]["act_id"] == act_id
    said = inspected.cli("attachment", "custody", act_id, digest, lang="vi", terminal=True).stdout
    assert "đọc" in said.split()


def _unfound(file: Mapping[str, Any]) -> set[str]:
    """Measures that hold by a case file which has no finding, by the acts that took them."""
    holds = [
        str(one["id"])
        for one in file["sub_processes"]
        if one["name"] == "measure" and one["state"] in ("TAKEN", "CONFIRMED", "NARROWED")
    ]
    return set() if file["finding"] else set(holds)


def test_22_which_measures_still_live_have_no_finding(inspected: Inspected) -> None:
    """None: each was lifted, or what it rested on was found; by the same figure those before it."""
    early = {inspected.act("SC2", 2), inspected.act("SC4", 3)}
    at_once, now = set[str](), set[str]()
    for play in ("SC1", "SC2", "SC4"):
        path = f"/v1/cases/{inspected.case(play)}"
        now |= _unfound(inspected.read(path))
        for act in inspected.read(f"{path}/acts", limit=200)["acts"]:
            if act["act"] in ("ImmediateMeasureTaken", "TechnicalMeasureOrdered"):
                last = act["statements"][-1]["index"]
                at_once |= _unfound(inspected.read(path, as_of=str(last)))
    assert at_once == early, "right after it was taken, a measure before a finding has none"
    assert now == set()
    assert both(inspected, figure="MEASURE_NO_FINDING") == []
    before = both(inspected, figure="MEASURE_BEFORE_VERIFICATION")
    assert {one["act_id"] for one in before} == early
    cases = inspected.read(
        "/v1/cases",
        figure="MEASURE_NO_FINDING",
        counted_from="2020-01-01",
        counted_to="2025-12-31",
    )
    assert cases["cases"] == []
    refused = inspected.cli("acts", "--figure", "OLD_CASES")
    assert refused.exit_code == 2
    assert "MEASURE_NO_FINDING" in refused.output


def test_23_what_changed_since_my_last_visit(inspected: Inspected) -> None:
    """From the index that a client kept: by the feed across cases, and by field in one."""
    case = inspected.case(OPEN)
    acts = inspected.client(*LEAD).case_acts(case)["acts"]
    visit = acts[2]["statements"][-1]["index"]
    by_api = inspected.read(f"/v1/cases/{case}/diff", from_=visit)
    assert by_api["changes"] == inspected.told("case", "diff", "2025/0001", str(visit))["changes"]
    touched = {act["act_id"] for one in by_api["changes"] for act in one["acts"]}
    later = {act["act_id"] for act in acts if act["statements"][-1]["index"] > visit}
    assert touched
    assert touched <= later
    told = inspected.told("changes", "--since", str(visit))
    asked = {"after": visit, "limit": 200}
    accept = "application/cloudevents-batch+json"
    answer = inspected.client(*LEAD).answer("GET", "/v1/feed", query=asked, accept=accept)
    by_api = answer.json()
    assert told["events"][: len(by_api)] == [one["data"] for one in by_api]
    assert later <= {one["act_id"] for one in told["events"]}
    (inspected.home / "visited.json").unlink(missing_ok=True)
    first, again = inspected.told("changes"), inspected.told("changes")
    assert (first["since"], first["events"]) == (None, [])
    assert (again["since"], again["index"], again["events"]) == (first["index"],) * 2 + ([],)
    assert inspected.told("changes", by=DISTRICT)["since"] is None  # each has their own place
    assert inspected.told("changes", "--since", str(visit))["since"] == visit
    assert inspected.told("changes")["since"] == first["index"]  # only asking without moves it
    for lang in ("vi", "en"):
        said = inspected.cli("changes", "--since", str(visit), lang=lang, terminal=True).stdout
        assert not [line for line in said.splitlines() if len(line.rstrip()) > 80]
        assert TITLE.split()[0] in said


def test_24_the_file_printed_for_court(inspected: Inspected, permitted: Permitted) -> None:
    """Whole, by the permit that names who prints: the call and the command each take a number."""
    case, into = inspected.case("SC3"), inspected.home.parent
    _, by_api, _ = inspected.client(*LEAD).print_case(case, permitted.act_id, into / "api.pdf")
    by_cli = inspected.told("case", "print", NUMBER_SC3, "-o", str(into / "cli.pdf"))
    assert by_cli["digest"] != by_api
    acts = inspected.client(*LEAD).case_acts(case)["acts"]
    for name, digest in (("api.pdf", by_api), ("cli.pdf", by_cli["digest"])):
        printed = (into / name).read_bytes()
        sha = hashlib.sha256(printed).digest()
        assert digest == f"sha-256:{b64(sha)}"
        text = "".join(
            "".join(p.extract_text().split()) for p in pypdf.PdfReader(into / name).pages
        )
        for act in acts:
            assert act["statements"][0]["digest"] in text or act["act_id"] in text, act["act"]


def test_25_is_every_case_of_an_agency_sound(inspected: Inspected) -> None:
    """Every case that the lead's heir sees, by the server's verdict and by the client's own."""
    agency = "bacninh.stttt"
    query = {"agency": agency, "limit": 200}
    held = inspected.client(*BOSS).whole("/v1/cases", "cases", query=query)["cases"]
    by_api = inspected.client(*BOSS).whole("/v1/verification", "cases", query={"agency": agency})
    by_cli = inspected.told("verify", "all", "--agency", agency, "--restart", by=BOSS)
    assert {one["id"] for one in by_api["cases"]} == {one["id"] for one in held}
    assert {one["outcome"] for one in by_api["cases"]} == {"VALID"} == set(by_cli["outcomes"])
    assert by_cli["cases"] == len(held) > 1
    assert by_cli["records"] == sum(one["statements"] for one in by_api["cases"])


def test_26_which_cases_changed_since_an_index(inspected: Inspected) -> None:
    """The cases with something recorded behind the index that one has kept, and no other."""
    lines = inspected.client(*BOSS).whole("/v1/cases", "cases")["cases"]
    kept = sorted(one["last_index"] for one in lines)[len(lines) // 2]
    expected = {one["id"] for one in lines if one["last_index"] > kept}
    assert expected
    assert expected != {one["id"] for one in lines}
    found = inspected.read("/v1/verification", by=BOSS, changed_since=kept, limit=50)
    assert {one["id"] for one in found["cases"]} == expected
    told = inspected.told("verify", "all", "--since", str(kept), "--restart", by=BOSS)
    assert (told["cases"], told["changed_since"]) == (len(expected), kept)


def test_27_how_long_did_each_state_last(inspected: Inspected) -> None:
    """A closed case counts no more: its last state ends with the act that closed it."""
    closed = inspected.read("/v1/cases", state="CLOSED", limit=50)["cases"]
    assert closed
    number, case = closed[0]["case_number"], closed[0]["id"]
    for told in (
        inspected.read(f"/v1/cases/{case}/durations"),
        inspected.told("case", "times", number),
    ):
        last = told["states"][-1]
        assert (last["state"], last["until"], last["took_s"]) == ("CLOSED", last["since"], 0)


def test_28_what_is_the_case_that_i_have_just_been_shown(inspected: Inspected) -> None:
    """By its row, by how its id begins and by its number with its agency: one command each."""
    assert inspected.cli("case", "list").exit_code == 0
    line = next(
        (n, one)
        for n, one in enumerate(inspected.read("/v1/cases", limit=50)["cases"], 1)
        if one["case_number"]
    )
    row, case = line
    named = (str(row), case["id"][:8], f"{case['case_number']}@{case['agency']}")
    assert {inspected.told("case", "show", one)["id"] for one in named} == {case["id"]}
    by_id = inspected.read("/v1/cases", id=case["id"][:8])["cases"]
    path = f"/v1/cases/by-number/{case['case_number']}"
    by_number = inspected.read(path, agency=case["agency"])
    assert [one["id"] for one in by_id] == [by_number["id"]] == [case["id"]]
