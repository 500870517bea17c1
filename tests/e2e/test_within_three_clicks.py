"""Each of the twenty-four questions, answered by a page within three clicks of the list of cases.

Walked by links and forms alone, as a reader without a script goes; numbered as in
test_twelve_questions.py and test_twenty_four_questions.py. What is right comes from the files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pypdf
import pytest

from api.texts.case_words import Speech, act_title, taken
from ledger.regulation.acts.lifecycle import life_cycle
from tests.fixtures.inspected import BOSS, LEAD, NUMBER_SC3, OPEN, TITLE, Inspected, Permitted, Who
from tests.fixtures.page_walk import Walk

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]

MOST: Final = 3
ENGLISH: Final = Speech("en")
NUMBERS: Final = {"SC1": "2024/0002", "SC2": "2023/0001", "SC4": "2024/0001", OPEN: "2025/0001"}
DISTRICT_AGENCY: Final = "bacninh.h-g"


class Walks:
    """Readers who have signed in, each once."""

    def __init__(self, inspected: Inspected) -> None:
        self._inspected = inspected
        self._known: dict[Who, Walk] = {}

    def by(self, who: Who = LEAD) -> Walk:
        """One of them, before the list of cases."""
        if who not in self._known:
            kid = self._inspected.threads(who[0]).officers[who[1]].kid
            assert kid
            self._known[who] = Walk(self._inspected.url, self._inspected.signer(*who))
        return self._known[who].begin()

    def close(self) -> None:
        """Ends them."""
        for one in self._known.values():
            one.close()


@pytest.fixture(scope="module")
def walks(inspected: Inspected) -> Iterator[Walks]:
    """For the module."""
    made = Walks(inspected)
    yield made
    made.close()


def title(name: str) -> str:
    """What an act type is called on the page."""
    return str(act_title(ENGLISH, name))


def grounds(step: Mapping[str, object]) -> list[str]:
    """The instruments of a step."""
    basis = step["basis"]
    assert isinstance(basis, list)
    return [one["instrument"] for one in basis]


def who_decided(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """1. The decision's author and approver by post, and every instrument they relied on."""
    step = inspected.step("SC2", 14)
    walk = walks.by().click(NUMBERS["SC2"]).click("Timeline").click(title(step["act"]))
    assert "Giám đốc" in walk.text
    assert all(instrument in walk.text for instrument in grounds(step))
    return walk


def what_was_known(walks: Walks, _: Inspected, __: Permitted) -> Walk:
    """2. On 20 October the ledger held no lifting of the measure, of the 17th."""
    states = {}
    for clock in ("recorded", "occurred"):
        walk = walks.by().click(NUMBERS["SC2"]).click("Timeline")
        walk.send("Show the state then", luc="2023-10-20T12:00:00+07:00", dong__ho=clock)
        states[clock] = re.findall(r"technical\), (lapsed|lifted)", walk.text)
    assert states == {"recorded": ["lapsed"], "occurred": ["lifted"]}
    return walk


def what_changed(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """3. Result and late entry of one morning, each by its act."""
    walk = walks.by().click(NUMBERS["SC2"]).click("Compare")
    walk.send("Compare", tu="2023-11-03T08:00:00+07:00", den="2023-11-03T12:00:00+07:00")
    assert life_cycle().labels["RESULT_RECORDED"][1] in walk.text
    assert "lifted" in walk.text
    assert title(inspected.step("SC2", 26)["act"]) in walk.text
    return walk


def why_this_value(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """4. Every change of the state, with its act."""
    walk = walks.by().click(NUMBERS["SC2"]).to("/vi-sao/state")
    states = [step["expect"]["state"] for step in inspected.documents["SC2"]["steps"]]
    assert all(life_cycle().labels[state][1] in walk.text for state in states if state)
    return walk


def measures_before(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """5. Two cases, and in one of them the flag with its act."""
    walk = walks.by().send("Show", flag="MEASURE_BEFORE_VERIFICATION")
    assert set(walk.links("/ho-so/")) == {
        f"/ho-so/{inspected.case(play)}" for play in ("SC2", "SC4")
    }
    walk.click(NUMBERS["SC2"])
    assert f"/lan-ghi/{inspected.act('SC2', 2)}" in walk.links("/lan-ghi/")
    limbs = inspected.step("SC2", 8)["facts"]["limbs"]
    met = [f"3.3.{one['limb']}" for one in limbs if one["result"] == "MET"]
    assert f"Limbs found to be met {', '.join(met)} Why?" in walk.text
    return walk


def is_it_signed(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """6. Every signature with its verdict."""
    walk = walks.by().click(NUMBERS["SC2"]).click("Verify")
    signed = sum(
        1 + sum(one["at"] is not None for one in step["countersigners"])
        for step in inspected.documents["SC2"]["steps"]
    )
    assert walk.text.count("in the tree") == signed
    return walk


def what_is_overdue(walks: Walks, _: Inspected, __: Permitted) -> Walk:
    """7. The hospital's answer, by which rule."""
    walk = walks.by().click(NUMBERS[OPEN])
    assert "overdue" in walk.text
    assert "90/QĐ-UBND 7.2.b" in walk.text
    return walk


def what_waits(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """8. All that the worklist has, and nothing else."""
    walk = walks.by().click("What waits for you")
    told = inspected.read("/v1/worklist")
    rows = [one for part in told.values() if isinstance(part, list) for one in part
            if isinstance(one, dict)]  # fmt: skip
    assert rows
    assert all(str(one["act_en"]) in walk.text for one in rows)
    assert {f"/lan-ghi/{one['act_id']}" for one in rows} == set(walk.links("/lan-ghi/"))
    return walk


def which_flags(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """9. Those that the file expects at its end, in words."""
    walk = walks.by().click(NUMBERS["SC4"])
    expected = inspected.documents["SC4"]["expect_final"]["flags"]
    assert expected
    told = {
        one["code"]: one["en"] for one in inspected.told("case", "show", NUMBERS["SC4"])["flags"]
    }
    assert all(told[one["code"]] in walk.text for one in expected)
    return walk


def who_was_the_lead(walks: Walks, _: Inspected, __: Permitted) -> Walk:
    """10. On either side of the day on which one department took over from another."""
    for day, lead in (("2025-02-26", "bacninh.stttt"), ("2025-03-05", "bacninh.svhttdl")):
        walk = walks.by().click("Agencies").send("Show", as_of=day)
        before = walk.text.partition("lead agency of the regulation")[0]
        assert before.rindex(lead) > max(before.rfind(one) for one in ("ubnd ", "h-g "))
    return walk


def when_was_the_reporter_told(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """11. Every act that did, and in one of them when and by whom."""
    walk = walks.by().click("Acts").send("Show", act="ReporterInformed")
    step = inspected.step("SC1", 21)
    place = next(
        act["statements"][0]["seq"]
        for act in inspected.client(*LEAD).case_acts(inspected.case("SC1"))["acts"]
        if act["act_id"] == inspected.act("SC1", 21)
    )
    walk.to(f"/ho-so/{inspected.case('SC1')}/lan-ghi/{place}")
    day, _, hour = step["at"].partition("T")
    assert f"{day[8:]}/{day[5:7]}/{day[:4]} {hour[:8]}" in walk.text
    assert inspected.officer("SC1", step["author"])[:8] in walk.text
    return walk


def what_was_corrected(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """12. What corrects, and what it corrects."""
    walk = walks.by().click(NUMBERS["SC4"])
    for step in (11, 2, 15, 3):
        assert f"/lan-ghi/{inspected.act('SC4', step)}" in walk.links("/lan-ghi/"), step
    return walk


def on_what_basis(walks: Walks, inspected: Inspected, permitted: Permitted) -> Walk:
    """13. Each ground with the title of its text, and whether it was in force."""
    walk = who_decided(walks, inspected, permitted)
    held = re.findall(r"(?<!NOT )in force on the day of the act", walk.text)
    assert len(held) == len(grounds(inspected.step("SC2", 14)))
    return walk


def what_is_it_about(walks: Walks, _: Inspected, __: Permitted) -> Walk:
    """14. In the list already."""
    walk = walks.by()
    assert TITLE in walk.text
    assert TITLE in walk.click(NUMBERS[OPEN]).text
    return walk


def late_this_year(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """15. What the files say was entered late by the district in 2023."""
    walk = walks.by().click("Acts").send(
        "Show", agency=DISTRICT_AGENCY, late="true", from_="2023-01-01", to="2023-12-31",
        clock="occurred",
    )  # fmt: skip
    late = [
        step["act"]
        for play, document in inspected.documents.items()
        if play != OPEN
        for step in document["steps"]
        if step.get("late_reason")
        and step["at"].startswith("2023")
        and document["cast"][step["author"]]["agency"] == DISTRICT_AGENCY
    ]
    assert late
    found = [one for one in walk.links("/ho-so/") if "/lan-ghi/" in one]
    assert len(found) == len(late)
    assert all(title(name) in walk.text for name in late)
    return walk


def what_waits_for_others(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """16. The second request of the open case."""
    walk = walks.by().click("Acts").click("Waiting for signatures")
    walk.click(title("VerificationRequested"))
    assert inspected.act(OPEN, 6) in walk.text
    return walk


def which_step_took_longest(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """17. In a sentence, and as a bar."""
    walk = walks.by().click(NUMBERS[OPEN]).click("Deadlines")
    told = inspected.read(f"/v1/cases/{inspected.case(OPEN)}/durations")
    assert f"{told['longest']['percent']}% of its time" in walk.text
    assert all(taken(ENGLISH, one["took_s"]) in walk.text for one in told["steps"])
    return walk


def what_a_key_touched(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """18. Every statement of the director's key, to whoever supervises now."""
    kid = inspected.threads("SC2").officers["gd"].kid
    walk = walks.by(BOSS).click("Keys").click(f"What it touched {kid[:10]}")
    told = inspected.read(f"/v1/keys/{kid}/affected", by=BOSS)
    assert told["statements"]
    assert set(walk.links("/lan-ghi/")) == {f"/lan-ghi/{one['act_id']}"
                                            for one in told["statements"]}  # fmt: skip
    return walk


def who_has_not_answered(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """19. The hospital, with its limit."""
    walk = walks.by().click("What waits for you")
    awaited = [one for one in inspected.read("/v1/worklist")["awaited"]
                  if one["act_id"] == inspected.act(OPEN, 5)]  # fmt: skip
    assert awaited
    assert all(one["waits_for_label"] in walk.text for one in awaited)
    assert "Others are asked" in walk.text
    return walk


def what_it_has_to_do_with_another(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """20. The way of what was passed on, to whom; of a case that is not seen, nothing."""
    walk = walks.by().click(NUMBERS["SC1"]).click("Relations")
    told = inspected.read(f"/v1/cases/{inspected.case('SC1')}/relations")
    assert told["referrals"]
    assert all(one["en"] in walk.text for one in told["referrals"])
    assert inspected.case("SC9", "C1") not in str(walk.links("/"))
    return walk


def which_file_came_when(walks: Walks, _: Inspected, permitted: Permitted) -> Walk:
    """21. The file of the permit, and who had it."""
    walk = walks.by().click(NUMBER_SC3).click("Documents and files")
    walk.to(f"/tep/{permitted.act_id}/{permitted.digest}/luu-giu")
    assert "added" in walk.text
    assert "attached" in walk.text
    return walk


def which_measures_have_no_finding(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """22. None; by the same list those that were taken before one."""
    walk = walks.by().click("Acts").send("Show", figure="MEASURE_BEFORE_VERIFICATION")
    assert len([one for one in walk.links("/ho-so/") if "/lan-ghi/" in one]) == 2
    walk = walks.by().click("Acts").click("Measures still in force without a finding")
    assert "There is no such act" in walk.text
    assert inspected.case("SC2") not in str(walk.links("/"))
    return walk


def what_is_new(walks: Walks, inspected: Inspected, _: Permitted) -> Walk:
    """23. All acts behind the record up to which one had read, across cases."""
    acts = inspected.client(*LEAD).case_acts(inspected.case("SC1"))["acts"]
    visit = acts[-3]["statements"][-1]["index"]
    walk = walks.by().click("Acts").click("New since my last visit").send("Show", tu=str(visit))
    places = {f"/ho-so/{inspected.case('SC1')}/lan-ghi/{one['seq']}"
              for act in acts for one in act["statements"] if one["index"] > visit}  # fmt: skip
    assert places
    assert places <= set(walk.links("/ho-so/"))
    return walk


def on_paper(walks: Walks, _: Inspected, permitted: Permitted) -> Walk:
    """24. By the permit that names who prints."""
    walk = walks.by().click(NUMBER_SC3).click("Print").send("Print the next copy (PDF)")
    sheets = pypdf.PdfReader(io.BytesIO(walk.data)).pages
    assert "".join(permitted.act_id.split()) in "".join(sheets[0].extract_text().split())
    return walk


QUESTIONS: Final[tuple[Callable[[Walks, Inspected, Permitted], Walk], ...]] = (
    who_decided, what_was_known, what_changed, why_this_value, measures_before, is_it_signed,
    what_is_overdue, what_waits, which_flags, who_was_the_lead, when_was_the_reporter_told,
    what_was_corrected, on_what_basis, what_is_it_about, late_this_year, what_waits_for_others,
    which_step_took_longest, what_a_key_touched, who_has_not_answered,
    what_it_has_to_do_with_another, which_file_came_when, which_measures_have_no_finding,
    what_is_new, on_paper,
)  # fmt: skip


def test_there_are_twenty_four() -> None:
    """Each says which it is."""
    said = [(one.__doc__ or "").partition(".")[0] for one in QUESTIONS]
    assert said == [str(n) for n in range(1, 25)]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.__name__)
def test_each_question_is_answered_within_three_clicks(
    question: Callable[[Walks, Inspected, Permitted], Walk],
    walks: Walks,
    inspected: Inspected,
    permitted: Permitted,
) -> None:
    """By links and forms that stand on the pages, from the list of cases on."""
    assert question(walks, inspected, permitted).clicks <= MOST
