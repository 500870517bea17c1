"""While a clerk types: where a person seems to be named is said, and nothing of it repeated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import an_act, an_id
from tests.fixtures.app import Service

pytestmark = pytest.mark.postgres
SUMMARY = "Người gọi tên Nguyễn Văn An, số 0912 345 678, báo có trang giả."


def test_a_report_that_is_being_typed_is_warned_of_with_places(service: Service) -> None:
    """Half typed it is out of form, and the warnings stand all the same; whole it is taken."""
    service.hire("hotline")
    half = {"act": "ReportReceived", "facts": {"summary": SUMMARY}}
    told = _checked(service, half)
    assert not told["ok"]
    assert [(w["pointer"], w["code"]) for w in told["warnings"]] == [
        ("/facts/summary", "PERSONAL_NAME"), ("/facts/summary", "PHONE"),
    ]  # fmt: skip
    places = [SUMMARY[w["start"] : w["end"]] for w in told["warnings"]]
    assert places == ["Người gọi tên Nguyễn Văn An", "0912 345 678"]
    assert "An," not in str(told)
    whole = an_act("ReportReceived", when=service.step(minutes=1), facts={"summary": SUMMARY},
                   stream=f"case/{an_id('a named case')}")  # fmt: skip
    told = _checked(service, dict(whole.signed))
    assert (told["ok"], told["flags"]) == (True, ["NAME_SUSPECTED"])
    assert len(told["warnings"]) == 2
    index = service.say(whole, "hotline")["index"]
    case, wait = whole.stream.removeprefix("case/"), {"Prefer": "wait=20"}
    answer = service.get(f"/v1/cases/{case}", by="hotline", at_least=index, headers=wait)
    assert answer.status_code == 200, answer.text
    file = answer.get_json()
    assert "NAME_SUSPECTED" in [flag["code"] for flag in file["flags"]]
    assert "NAME_CLEAR" in [clock["code"] for clock in file["clocks"]]


def _checked(service: Service, act: dict[str, Any]) -> dict[str, Any]:
    service.folded()
    headers = service.headers("hotline", service.clock.now())
    told = service.client.post("/v1/acts/check", json={"act": act}, headers=headers)
    assert told.status_code == 200, told.text
    body: dict[str, Any] = told.get_json()
    return body
