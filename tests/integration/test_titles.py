"""What a case is about stands wherever it is called, for those alone who see it whole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks import attack
from tests.fixtures.compartments import PART, STRANGER, TITLE, WHOLE, Compartments

pytestmark = pytest.mark.postgres


def read(compartments: Compartments, path: str, by: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401
    """An answer of the API."""
    answer = compartments.service.get(path, by, **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def test_the_title_stands_in_list_search_file_worklist_acts_and_feed(
    compartments: Compartments,
) -> None:
    """One text, from the registration; found without its marks."""
    case = compartments.hidden.case
    for query in ({}, {"q": "dat lich kham gia"}):
        (line,) = read(compartments, "/v1/cases", WHOLE, **query)["cases"]
        assert (line["id"], line["title"]) == (case, TITLE)
    assert read(compartments, f"/v1/cases/{case}", WHOLE)["title"] == TITLE
    work = read(compartments, "/v1/worklist", WHOLE)
    tasks = [one for part in work.values() if isinstance(part, list) for one in part]
    of_case = [one for one in tasks if isinstance(one, dict) and one["stream"].endswith(case)]
    assert of_case
    assert {one["title"] for one in of_case} == {TITLE}
    acts = read(compartments, "/v1/acts", WHOLE)["acts"]
    assert {one["title"] for one in acts} == {TITLE}
    feed = compartments.service.get("/v1/feed", WHOLE, limit=200).get_json()
    events = [one["data"] for one in feed if one["subject"] == f"case/{case}"]
    assert events
    assert {one["title"] for one in events} == {TITLE}


@attack(
    "the title of a case read by whoever was sent one act of it, or has nothing to do with it",
    stopped_by="it is read from the row of the file, which is for those who see all of it (G14)",
    noticed_by="-",
)
@pytest.mark.parametrize("by", [PART, STRANGER])
def test_the_title_is_of_the_whole_case(compartments: Compartments, by: str) -> None:
    """In no answer that lists what they see."""
    paths = ("/v1/cases", "/v1/worklist", "/v1/acts", "/v1/feed")
    for path in (*paths, f"/v1/cases/{compartments.hidden.case}"):
        assert TITLE not in compartments.service.get(path, by).text, path
    assert TITLE not in compartments.service.get("/v1/cases", by, q="lich kham").text
