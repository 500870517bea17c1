"""One act, whole: sentence, grounds, facts, signatures with proofs, what it changed, relations."""

from __future__ import annotations

import pytest

from api.cli.terminal import act_tables
from api.cli.terminal.shell import Shell
from api.client.connection import Refused
from tests.builders import T0, a_case_in, an_id, officer
from tests.fixtures.app import Service
from tests.fixtures.inspected import Inspected
from tests.fixtures.page_reader import PageReader

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]

NUMBER = "2023/0001"
STEP = 14
"""SC2: the lead agency decides how the case is handled; a director approves."""


def test_an_act_is_told_whole_and_its_proofs_hold_here(inspected: Inspected) -> None:
    """What no table showed: sentence, grounds with their term, labelled facts, old → new."""
    step, act_id = inspected.step("SC2", STEP), inspected.act("SC2", STEP)
    told = inspected.read(f"/v1/acts/{act_id}")
    assert inspected.told("act", "show", act_id) == {**told, "ok": True, "proofs_failed": []}
    assert told["act_vi"] in told["sentence"]["vi"]
    assert [(one["instrument"], one["article"], one["role"]) for one in told["basis"]] == [
        (one["instrument"], one["article"], one["role"]) for one in step["basis"]
    ]
    assert all(one["in_force"] and one["title"] for one in told["basis"])
    assert {one["pointer"].split("/")[2] for one in told["facts"]} == set(step["facts"])
    assert all("proof" in one for one in told["statements"])
    state = {one["pointer"]: (one["old"], one["new"]) for one in told["changes"]}
    assert state["/state"] == (
        inspected.step("SC2", STEP - 1)["expect"]["state"],
        step["expect"]["state"],
    )


def test_an_act_is_called_by_its_place_in_a_case_that_is_called_by_its_number(
    inspected: Inspected,
) -> None:
    """`2023/0001#n`, and in addresses `acts/n`; each of its statements leads to it."""
    act_id, case = inspected.act("SC2", STEP), inspected.case("SC2")
    told = inspected.read(f"/v1/acts/{act_id}")
    for place in [one["seq"] for one in told["statements"]]:
        assert inspected.told("act", "show", f"{NUMBER}#{place}")["act_id"] == act_id
        assert inspected.read(f"/v1/cases/{case}/acts/{place}") == told
    before = inspected.read(f"/v1/acts/{told['before']['act_id']}")
    assert before["after"] == {"act_id": act_id, "seq": told["statements"][0]["seq"]}
    first = inspected.read(f"/v1/cases/{case}/acts/1")
    assert first["before"] is None


def test_what_an_act_names_and_what_names_it_lead_to_each_other(inspected: Inspected) -> None:
    """Every relation of a case is told at both of its ends."""
    acts = [
        inspected.read(f"/v1/acts/{act_id}")
        for act_id in dict.fromkeys(inspected.act("SC2", n) for n in range(1, STEP + 1))
    ]
    forward = {
        (act["act_id"], one["act_id"], one["pointer"])
        for act in acts
        for one in act["names"]
        if one["act"] is not None
    }
    assert forward
    known = {act["act_id"] for act in acts}
    back = {
        (one["act_id"], act["act_id"], one["pointer"]) for act in acts for one in act["named_by"]
    }
    assert forward == {one for one in back if one[0] in known}


def test_a_case_is_called_by_its_number_in_an_address(inspected: Inspected) -> None:
    """`/v1/cases/by-number/2023/0001`: the same file as by its id; a number of none is 404."""
    case = inspected.case("SC2")
    found = inspected.read(f"/v1/cases/by-number/{NUMBER}")
    assert found == inspected.read(f"/v1/cases/{case}")
    (line,) = inspected.read("/v1/cases", q=NUMBER)["cases"]
    agency = line["agency"]
    assert inspected.read(f"/v1/cases/by-number/{NUMBER}", agency=agency) == found
    other = next(one for one in ("bacninh.thanhtra", "bacninh.stttt") if one != agency)
    with pytest.raises(Refused) as refused:
        inspected.read(f"/v1/cases/by-number/{NUMBER}", agency=other)
    assert refused.value.code == "not_found"
    for path in (
        "by-number/1999/0001",
        f"{case}/acts/0",
        f"{case}/acts/99999999",
        f"{case}/acts/1x",
    ):
        with pytest.raises(Refused) as refused:
            inspected.read(f"/v1/cases/{path}")
        assert refused.value.code == "not_found", path


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_an_act_fits_eighty_columns_and_hides_no_code_in_a_table(
    inspected: Inspected, lang: str
) -> None:
    """Digests are longer than a line and stand whole; all else stays within a terminal."""
    plain = inspected.cli(
        "act", "show", inspected.act("SC2", STEP), lang=lang, terminal=True
    ).stdout
    wide = [line for line in plain.splitlines() if len(line.rstrip()) > 80]
    assert not wide, wide


def test_an_act_that_is_named_wrongly_is_one_sentence(inspected: Inspected) -> None:
    """Status 2, and what to write instead."""
    for named in ("nothing", "2023/0001", "#3", "2023/0001#0"):
        ended = inspected.cli("act", "show", named, lang="en")
        assert ended.exit_code == 2, named
        assert "2024/0187#3" in ended.stderr


def test_another_case_is_called_by_its_number_to_whoever_sees_all_of_it(service: Service) -> None:
    """By API, page and terminal; to whoever is shut out of it, it is the id that was signed."""
    service.hire("hotline", "cv", "gd")
    one, two = (a_case_in("SCREENING", name=f"case/{an_id(name)}") for name in ("one", "two"))
    for case in (one, two):
        service.tell(case)
    one.now = two.now = service.clock.now().astimezone(T0.tzinfo)
    linked = two.act("CaseLinked", facts={"other_case": one.stream.name})
    last = service.say(linked, "cv")["index"]

    def told() -> str | None:
        """What the fact is called to `cv`."""
        wait = {"Prefer": "wait=20"}
        act = service.get(f"/v1/acts/{linked.act_id}", "cv", headers=wait, at_least=last)
        by_pointer = {fact["pointer"]: fact for fact in act.get_json()["facts"]}
        named = by_pointer.pop("/facts/other_case")
        assert [fact["case_number"] for fact in by_pointer.values() if fact["case_number"]] == []
        row = dict(act_tables.fact_rows(Shell("en"), [named], {}))
        number: str | None = named["case_number"]
        called = one.stream.name if number is None else f"{number}\n{one.stream.name}"
        assert [*row.values()] == [called]
        return number

    other = one.stream.name.removeprefix("case/")
    number = service.get(f"/v1/cases/{other}", "cv").get_json()["case_number"]
    reader = PageReader(service).sign_in("cv")
    link = f'<a href="/ho-so/{other}">Case {number}</a>'
    assert (told(), link in reader.get(f"/lan-ghi/{linked.act_id}").text) == (number, True)
    last = service.say(one.act("ParticipationExcluded", facts={"officer": officer("cv")}), "gd")[
        "index"
    ]
    assert (told(), link in reader.get(f"/lan-ghi/{linked.act_id}").text) == (None, False)
