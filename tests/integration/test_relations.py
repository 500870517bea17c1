"""What a case has to do with others: for whoever sees both as a whole, and else not even a gap."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.compartments import PART, STRANGER, WHOLE, Compartments

pytestmark = pytest.mark.postgres
NUMBER = "2024/0187"


def register(compartments: Compartments, name: str, by: str, **facts: Any) -> str:  # noqa: ANN401
    """A case that is registered by somebody; its id."""
    service, stream = compartments.service, f"case/{an_id(name)}"
    when = service.step(minutes=3)
    finder = "hotline" if by == WHOLE else by
    report = an_act("ReportReceived", by=finder, when=when, stream=stream)
    service.say(report, finder)
    said = {"intake": [report.act_id], **facts}
    service.say(
        an_act("CaseRegistered", by=by, when=service.step(minutes=1), stream=stream, facts=said), by
    )
    compartments.fold()
    return stream.removeprefix("case/")


def relations(compartments: Compartments, case: str, by: str) -> dict[str, Any]:
    """What somebody is told."""
    answer = compartments.service.get(f"/v1/cases/{case}/relations", by)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_a_case_names_another_and_is_named_by_it(compartments: Compartments) -> None:
    """From either side, with number, title and the act that says so."""
    first = compartments.hidden.case
    twin = register(
        compartments, "a twin", WHOLE, possible_duplicates=[NUMBER], case_number="2024/0999"
    )
    (mine,) = relations(compartments, twin, WHOLE)["cases"]
    assert (mine["kind"], mine["id"], mine["case_number"]) == ("PERHAPS_THE_SAME", first, NUMBER)
    (theirs,) = [one for one in relations(compartments, first, WHOLE)["cases"] if one["id"] == twin]
    assert (theirs["kind"], theirs["case_number"]) == ("PERHAPS_THE_SAME_BY_IT", "2024/0999")
    assert theirs["act_id"] == mine["act_id"]
    assert theirs["act"] == "CaseRegistered"


def test_more_than_are_looked_through_is_said(
    compartments: Compartments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first acts that name a case, so many and no more; that there are others is told."""
    first = compartments.hidden.case
    for n in range(2):
        register(compartments, f"one of many {n}", WHOLE, possible_duplicates=[NUMBER])
    every = relations(compartments, first, WHOLE)
    named = [one["id"] for one in every["cases"]]
    assert len(named) > 1
    assert not every["more"]
    for most, more in ((len(named), False), (1, True)):
        monkeypatch.setattr("projections.queries.cases.relations.MOST_RELATED", most)
        told = relations(compartments, first, WHOLE)
        assert ([one["id"] for one in told["cases"]], told["more"]) == (named[:most], more)


@attack(
    "another case learnt of by what it has to do with one's own",
    stopped_by="of other cases those alone are told that the asker sees as a whole (N1, N8)",
    noticed_by="-",
)
def test_a_case_that_is_not_seen_shows_nothing(compartments: Compartments) -> None:
    """Named by a stranger's, or naming one: the answer is that of a case that has none."""
    first = compartments.hidden.case
    before = relations(compartments, first, WHOLE)
    hidden = register(
        compartments,
        "a stranger's twin",
        STRANGER,
        possible_duplicates=[NUMBER, f"case/{first}"],
        case_number="2024/0002",
        handling_agency="bacninh.h-g",
    )
    assert relations(compartments, first, WHOLE) == before
    assert relations(compartments, hidden, STRANGER)["cases"] == []
    for by in (PART, STRANGER):
        answer = compartments.service.get(f"/v1/cases/{first}/relations", by)
        assert answer.get_json()["code"] == ("part_only" if by == PART else "not_found")
