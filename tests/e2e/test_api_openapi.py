"""The OpenAPI document: valid, committed, and true to what the server does (http.md §1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate

from api.http.app import NOUNS, openapi, openapi_bytes
from api.problems.types import TYPES
from tests.builders import an_act
from tests.fixtures.app import Service

COMMITTED = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
SPEC = openapi()


def test_document_is_valid_openapi_3_1() -> None:
    """What generators and testers of others read."""
    assert SPEC["openapi"].startswith("3.1")
    validate(SPEC)


def test_committed_document_has_not_drifted() -> None:
    """A change of the API shows in review: `make openapi` writes the file anew."""
    assert COMMITTED.read_bytes() == openapi_bytes() + b"\n"


@pytest.mark.parametrize("word", ["hành vi", "tuyên bố", "chế độ xem", "điểm chốt", "lần ghi"])
def test_one_thing_has_one_word(word: str) -> None:
    """An act is a diễn biến, a statement a bản ký, a record a bản ghi, a view a khung nhìn."""
    assert word not in openapi_bytes().decode().lower()


def test_every_member_says_what_it_is() -> None:
    """A bare number says neither of what it counts nor in which unit."""
    silent = [
        (name, member)
        for name, shape in SPEC["components"]["schemas"].items()
        for member, told in shape.get("properties", {}).items()
        if {"type"} >= set(told) - {"enum", "additionalProperties", "minimum", "maximum"}
        and told.get("type") != "array"
        and not told.get("description")
    ]
    assert silent == []


def test_every_problem_type_is_documented() -> None:
    """Each code has its example, and is listed by the calls that answer it."""
    assert set(SPEC["components"]["examples"]) == set(TYPES)


def _calls() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, call)
        for path, calls in SPEC["paths"].items()
        for method, call in calls.items()
        if method in ("get", "post")
    ]


@pytest.mark.parametrize(("path", "method", "call"), _calls(), ids=lambda v: str(v)[:40])
def test_every_call_says_who_may_what_comes_and_what_can_go_wrong(
    path: str, method: str, call: dict[str, Any]
) -> None:
    """Security, a sentence in both languages, answers, headers and problems."""
    assert "security" in call, path
    assert " · " in call["summary"], path
    assert {"400", "406", "500"} <= set(call["responses"]), path
    for status, response in call["responses"].items():
        if int(status) >= 400 and "application/problem+json" in response.get("content", {}):
            assert response["content"]["application/problem+json"]["examples"], (path, status)
    if call["security"] == [{"bearer": []}]:
        assert "401" in call["responses"], path
    if method == "get" and "200" in call["responses"]:
        assert "304" in call["responses"], path
        assert "ETag" in call["responses"]["200"]["headers"], path


def test_every_call_that_may_be_charged_says_so(shared: Service) -> None:
    """Also what is light but for `Prefer: wait`; what never waits is not charged for it."""
    charged = set()
    for rule in shared.app.url_map.iter_rules():
        gate = shared.app.view_functions[rule.endpoint].__dict__["gate"]
        with shared.app.test_request_context("/", headers={"Prefer": "wait=1"}):
            if gate._kind() is not None:
                charged.add(re.sub(r"<(?:[^:>]*:)?([a-z_]+)>", r"{\1}", rule.rule))
    told = {path for path, _, call in _calls() if "429" in call["responses"]}
    assert told == charged | {"/v1/auth/challenge", "/v1/auth/token"}
    assert {"/v1/acts/{act_id}", "/v1/cases/{case}"} <= charged
    assert "/v1/acts/{act_id}/raw" not in charged


def test_every_route_is_documented(shared: Service) -> None:
    """No way in that the document does not name."""
    routes = {
        re.sub(r"<(?:[^:>]*:)?([a-z_]+)>", r"{\1}", rule.rule)
        for rule in shared.app.url_map.iter_rules()
    }
    assert routes == set(SPEC["paths"])
    assert len(NOUNS) == len({noun.name for noun in NOUNS})


def test_served_document_is_the_committed_one(shared: Service) -> None:
    """The same bytes."""
    assert shared.client.get("/openapi.json").data + b"\n" == COMMITTED.read_bytes()


def _schema(path: str, method: str, status: str) -> dict[str, Any]:
    content = SPEC["paths"][path][method]["responses"][status]["content"]
    schema = next(iter(content.values()))["schema"]
    return {**schema, "components": SPEC["components"]}


def test_answers_have_the_documented_shape(shared: Service) -> None:
    """Every JSON answer against its schema, on real data."""
    act = an_act("ReportReceived", by="hotline", when=shared.clock.now(), stream=_STREAM)
    receipt = shared.say(act, "hotline")
    case, act_id = _STREAM.removeprefix("case/"), receipt["act_id"]
    asked = {
        "/v1/cases": "/v1/cases",
        "/v1/cases/{case}": f"/v1/cases/{case}",
        "/v1/cases/{case}/acts": f"/v1/cases/{case}/acts",
        "/v1/cases/{case}/diff": f"/v1/cases/{case}/diff?from=0",
        "/v1/cases/{case}/fields/{pointer}/history": f"/v1/cases/{case}/fields/state/history",
        "/v1/cases/{case}/verification": f"/v1/cases/{case}/verification",
        "/v1/verification": f"/v1/verification?cases={case}",
        "/v1/acts/{act_id}": f"/v1/acts/{act_id}",
        "/v1/acts/{act_id}/raw": f"/v1/acts/{act_id}/raw",
        "/v1/worklist": "/v1/worklist?team=true",
        "/v1/statistics": "/v1/statistics",
        "/v1/agencies": "/v1/agencies",
        "/v1/officers": "/v1/officers",
        "/v1/keys": "/v1/keys",
        "/v1/keys/jwks": "/v1/keys/jwks",
        "/v1/instruments": "/v1/instruments",
        "/v1/feed": "/v1/feed",
        "/v1/log": "/v1/log",
        "/v1/log/proof/inclusion": "/v1/log/proof/inclusion?index=1",
        "/v1/log/proof/consistency": "/v1/log/proof/consistency?from=1",
        "/v1/streams/{stream}/head": f"/v1/streams/{_STREAM}/head",
        "/health/live": "/health/live",
        "/health/ready": "/health/ready",
    }
    wait = {"Prefer": "wait=20"}
    assert shared.get("/v1/cases", headers=wait, at_least=receipt["index"]).status_code == 200
    for path, real in asked.items():
        answer = shared.client.get(real, headers=shared.headers("cv"))
        assert answer.status_code == 200, (path, answer.text)
        Draft202012Validator(_schema(path, "get", "200")).validate(orjson.loads(answer.data))
    Draft202012Validator(_schema("/v1/acts", "post", "201")).validate(receipt)
    problem = shared.client.get("/v1/cases").get_json()
    Draft202012Validator(_schema("/v1/cases", "get", "401")).validate(problem)


_STREAM = "case/5d0b6a7e-52f4-4f0e-8c55-0f6b8a4f9d10"


@pytest.mark.parametrize(("path", "method", "call"), _calls(), ids=lambda v: str(v)[:40])
def test_every_call_has_examples_that_fit_its_schemas(
    path: str, method: str, call: dict[str, Any]
) -> None:
    """What a reader copies works: answers, bodies and parameters against their own schemas."""
    shown = list(_bodies(call))
    shown += [
        (parameter["schema"], parameter["example"])
        for parameter in call.get("parameters", ())
        if parameter.get("in") == "query" and parameter["name"] != "cursor"
    ]
    for schema, example in shown:
        Draft202012Validator({**schema, "components": SPEC["components"]}).validate(example)
    assert shown or path in _WITHOUT, (path, method)


def _bodies(call: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """(schema, example) of every JSON body that is sent or comes back where all goes well."""
    told = [call.get("requestBody", {})]
    told += [answer for status, answer in call["responses"].items() if status.startswith("2")]
    for body in told:
        for kind, content in body.get("content", {}).items():
            if kind in _JSON:
                yield content["schema"], content["example"]


_JSON = frozenset(
    {
        "application/json",
        "application/jose+json",
        "application/jwk-set+json",
        "application/cloudevents-batch+json",
    }
)
_WITHOUT = frozenset(
    {
        "/docs",
        "/docs/style.css",
        "/logs/{name}/checkpoint",
        "/logs/{name}/tile/{tile}",
        "/problems",
        "/problems/{code}",
        "/spec",
        "/spec/{page}",
        "/spec/{page}/source",
        "/v1/acts/{act_id}/attachments/{digest}",
    }
)
