"""Whatever one officer writes, and however long: the views take it, and go on for everybody."""

from __future__ import annotations

from random import Random

import pytest

from projections.views.all_views import VIEWS
from tests.attacks import attack
from tests.builders import an_act, an_id
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _long(seed: int, length: int) -> str:
    """Letters that nothing presses together."""
    return "".join(Random(seed).choices(_LETTERS, k=length))  # noqa: S311 - no secret


@attack(
    "one clerk signs a case or register number, or an abstract, as long as an act can be",
    stopped_by="no index is of a whole text; a row has as many words as it can hold",
    noticed_by="-",
)
def test_no_text_of_an_act_stops_the_views(service: Service) -> None:
    """By the form of an act that says its own numbers; two that begin alike are two."""
    service.hire("hotline", "cv")
    for name in ("a", "b"):
        stream = f"case/{an_id(f'long {name}')}"
        words = _long(1, 45_000)
        report = an_act(
            "ReportReceived", when=service.step(minutes=1), stream=stream,
            facts={"register_no": _long(2, 9_000)},
            document={
                "number": _long(3, 900), "symbol": _long(4, 900), "type": "Đơn",
                "date": "2024-06-04",
                "abstract": " ".join(words[at : at + 9] for at in range(0, 45_000, 9)),
            },
        )  # fmt: skip
        service.say(report, "hotline")
        opened = an_act(
            "CaseRegistered", when=service.step(minutes=1), stream=stream,
            facts={
                "intake": [report.act_id], "case_number": f"{_long(5, 20_000)}{name}",
            },
        )  # fmt: skip
        service.say(opened, "cv")
    for view in VIEWS:
        service.enclave.queries.positions.wait(last := service.size() - 1, 120.0, view.name)
        assert service.enclave.queries.positions.index(view.name) == last, view.name
    path, numbers = "/v1/cases?sort=case_number&limit=1", list[str]()
    while path:
        answer = service.client.get(path, headers=service.headers("cv"))
        assert answer.status_code == 200, answer.text
        numbers += [line["case_number"] for line in answer.get_json()["cases"]]
        path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
    assert {number[-1] for number in numbers} == {"a", "b"}
    assert len(numbers) == 2
