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
from werkzeug.routing import Rule

from api.http.app import RESOURCES, openapi, openapi_bytes
from api.http.pages.all_pages import PAGES
from api.http.schemas.enumerations import ENUMERATIONS, MARK
from api.problems.types import TYPES
from tests.builders import an_act
from tests.fixtures.app import Service
from tests.rows import each, of

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


def test_a_form_of_several_is_asked_of_the_whole_text() -> None:
    """`^a|b$` is of what begins with the one or ends with the other."""
    forms = re.findall(r'"pattern": ?"((?:[^"\\]|\\.)*)"', openapi_bytes().decode())
    assert len(forms) > 50
    assert {form for form in forms if _told_apart(orjson.loads(f'"{form}"'))} == set()


def _told_apart(form: str) -> bool:
    """Whether it is one of several that are in no brackets."""
    while (inner := re.sub(r"\\.|\[(?:\\.|[^\]])*\]|\([^()]*\)", "", form)) != form:
        form = inner
    return "|" in form


def test_every_problem_type_is_documented() -> None:
    """Each code has its example, and is listed by the calls that answer it.

    But for a method that no call has, as no call can say that it answers so, and for the forms of
    the pages, which stand in no document; and for what the proxy says where no call answers.
    """
    undocumented = {"method_not_allowed", "no_answer", "other_form"}
    assert set(TYPES) - set(SPEC["components"]["examples"]) == undocumented
    assert SPEC["components"]["schemas"]["ProblemCode"]["enum"] == list(TYPES)


def _calls() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, call)
        for path, calls in SPEC["paths"].items()
        for method, call in calls.items()
        if method in ("get", "post")
    ]


def test_the_document_says_whose_it_is_and_how_it_will_change() -> None:
    """Servers, licence and contact for tools; quick start and versions for who builds on it."""
    info = SPEC["info"]
    assert SPEC["servers"][0]["url"] == "/"
    assert info["license"]["identifier"] == "Apache-2.0"
    assert info["contact"]["name"]
    for said in ("# Bắt đầu nhanh · Quick start", "# Phiên bản · Versions", "Sunset", "/v2"):
        assert said in info["description"]


def test_an_operation_has_one_name() -> None:
    """A generator makes a function of it: a verb, and no two alike."""
    names = [call["operationId"] for _, _, call in _calls()]
    assert len(names) == len(set(names))
    verbs = "(get|list|read|create|record|add|check|prepare|verify)"
    assert [name for name in names if not re.fullmatch(rf"{verbs}_[a-z_]+", name)] == []


def test_words_that_many_share_are_listed_once() -> None:
    """Each enumeration is a schema with a name; no body, answer or query repeats its words."""
    said = [SPEC["components"], *(call for _, _, call in _calls())]
    lists = [tuple(shape["enum"]) for shape in _shapes(said) if len(shape["enum"]) > 1]
    assert MARK not in openapi_bytes().decode()
    assert len(lists) == len(set(lists))
    assert set(ENUMERATIONS) <= set(SPEC["components"]["schemas"])


def _shapes(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  any JSON
    """Every schema of the document that lists words, wherever it stands."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(value.get("enum"), list):
        yield value
    for one in inner:
        yield from _shapes(one)


def test_what_may_be_left_out_of_an_answer_is_what_the_code_leaves_out() -> None:
    """A member that is always there is required: who builds on the document need not ask.

    Written out, since forgetting `required` is silent: a new member of an answer is required, or
    stands here with what it depends on.
    """
    left_out = {
        f"{name}.{member}"
        for name, shape in SPEC["components"]["schemas"].items()
        for member in set(shape.get("properties", ())) - set(shape.get("required", ()))
    }
    assert {one for one in left_out if not one.endswith(".rehearsal")} == _LEFT_OUT


_LEFT_OUT = frozenset(
    {
        # of a lower log; to who sees no more than acts; before the first checkpoint that covers it
        *("ToldAct.mirrored", "ToldAct.changes", "ToldAct.checkpoint", "ProvenStatement.proof"),
        "Problem.cases",
        # as of now nothing is looked back at; an index has no instant of its own
        *("Participants.view", "ParticipantsView.at"),
        # a correction that puts no member right, and one by the rules of before
        *("CorrectionShown.member", "CorrectionShown.was", "CorrectionShown.now"),
        # the last page has none behind it
        *(f"{page}.next" for page in ("ActPage", "ActsPage", "Agencies", "CasePage")),
        # the same, of a scope; before the first checkpoint
        *("Instruments.next", "Verifications.next", "Verifications.checkpoint"),
        *("Keys.next", "Officers.next", "Openings.next", "AccessLog.next", "PublicActs.next"),
        # acts of form 1 say it of their author alone
        *("SignerShape.capacity", "AwaitedShown.capacity"),
        # not proven yet, or erased by law
        # of what is entered in no register, and of form 1
        "Receipt.number",
        *("Receipt.proof", "RawRecord.proof", "RawRecord.envelope", "VerifiedStatement.proof"),
        "VerificationShown.checkpoint",
        # only where it is so
        *(
            "CaseFile.set_aside",
            "CaseFile.unshown",
            "CaseFile.title",
            "CaseFile.view",
            "ViewShown.at",
            "Difference.swapped",
        ),
        *("ActsPage.part", "ActsPage.statements", "ActsPage.documents"),
        *("ActShown.mirrored", "CaseFile.mirrored"),
        *("StreamHead.prev", "StreamHead.state", "StreamHead.set_aside", "StreamHead.acts"),
        *("Checked.guard", "Checked.detail", "Checked.code", "Checked.next_state"),
        *("Checked.status", "Checked.ahead"),
        "Checked.errors",
        *("CustodyEvent.act_id", "CustodyEvent.index", "CustodyEvent.anchored", "Custody.anchor"),
        *("KeySpan.to", "Witness.last_cosigned_at"),
        "LogFacts.custody",  # the API has no key of this log: the keeper has
        *(f"JwkShown.{name}" for name in ("crv", "x", "y", "alg", "pub", "officer", "reason")),
        *(f"JwkShown.{name}" for name in ("valid_from", "valid_to", "invalid_from")),
        *(f"JwkShown.{name}" for name in ("revoked_index", "revoked_recorded_at")),
        *(f"Problem.{name}" for name in ("detail", "errors", "guard", "params", "index")),
        *("Problem.head", "Problem.since"),
        # what is asked, not answered
        *("PrepareRequest.kid", "PrepareRequest.role", "CheckRequest.act"),
        "CheckRequest.statement",
        *(f"ReporterRequest.{name}" for name in ("item", "token", "contact", "identity", "said")),
        *(f"IdentitySaid.{name}" for name in ("name", "address", "phone", "email", "language")),
        *("IdentitySaid.recording", "IdentitySaid.writing"),
        # only where the share opened
        *("Opening.until", "Opening.notice"),
    }
)


def test_every_call_says_who_may_what_comes_and_what_can_go_wrong() -> None:
    """Security, a sentence in both languages, answers, headers and problems."""
    for path, method, call in each(_calls()):
        with of(path):
            assert "security" in call, path
            assert " · " in call["summary"], path
            assert call["description"], path
            assert {"400", "406", "500"} <= set(call["responses"]), path
            for status, response in call["responses"].items():
                if int(status) >= 400 and "application/problem+json" in response.get("content", {}):
                    assert response["content"]["application/problem+json"]["examples"], (
                        path,
                        status,
                    )
            if call["security"] == [{"bearer": []}]:
                assert "401" in call["responses"], path
            if method == "get" and "200" in call["responses"]:
                assert "304" in call["responses"], path
                assert "ETag" in call["responses"]["200"]["headers"], path


def _of_the_api(service: Service) -> list[Rule]:
    """Every rule but those of pages, which are for people (tests/attack/test_pages.py)."""
    pages = {blueprint.name for blueprint in PAGES}
    every = service.app.url_map.iter_rules()
    return [rule for rule in every if rule.endpoint.partition(".")[0] not in pages]


def test_every_call_that_may_be_charged_says_so(shared: Service) -> None:
    """Also what is light but for `Prefer: wait`; what never waits is not charged for it."""
    charged = set()
    for rule in _of_the_api(shared):
        gate = shared.app.view_functions[rule.endpoint].__dict__["gate"]
        with shared.app.test_request_context("/", headers={"Prefer": "wait=1"}) as asked:
            if gate._kind(asked.request.environ) is not None:
                charged.add(re.sub(r"<(?:[^:>]*:)?([a-z_]+)>", r"{\1}", rule.rule))
    told = {path for path, _, call in _calls() if "429" in call["responses"]}
    assert told == charged | {"/v1/auth/challenge", "/v1/auth/token"}
    assert {"/v1/acts/{act_id}", "/v1/acts/{act_id}/raw", "/v1/cases/{case}"} <= charged


def test_every_route_is_documented(shared: Service) -> None:
    """No way in that the document does not name."""
    routes = {
        re.sub(r"<(?:[^:>]*:)?([a-z_]+)>", r"{\1}", rule.rule) for rule in _of_the_api(shared)
    }
    assert routes == set(SPEC["paths"])
    assert len(RESOURCES) == len({one.name for one in RESOURCES})


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
        "/v1/cases/{case}/raw": f"/v1/cases/{case}/raw",
        "/v1/acts/{act_id}": f"/v1/acts/{act_id}",
        "/v1/cases/{case}/acts/{place}": f"/v1/cases/{case}/acts/1",
        "/v1/acts/{act_id}/raw": f"/v1/acts/{act_id}/raw",
        "/v1/worklist": "/v1/worklist?team=true",
        "/v1/statistics": "/v1/statistics",
        "/v1/agencies": "/v1/agencies",
        "/v1/officers": "/v1/officers",
        "/v1/keys": "/v1/keys",
        "/v1/keys/jwks": "/v1/keys/jwks",
        "/v1/instruments": "/v1/instruments",
        "/v1/openings": "/v1/openings",
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


def test_every_call_has_examples_that_fit_its_schemas() -> None:
    """What a reader copies works: answers, bodies and parameters against their own schemas."""
    for path, method, call in each(_calls()):
        with of(path):
            shown = list(_bodies(call))
            shown += [
                (parameter["schema"], parameter["example"])
                for parameter in call.get("parameters", ())
                if parameter.get("in") == "query" and parameter["name"] != "cursor"
            ]
            for schema, example in shown:
                Draft202012Validator({**schema, "components": SPEC["components"]}).validate(example)
            assert shown or path in _WITHOUT, (path, method)
            for parameter in SPEC["paths"][path].get("parameters", ()):
                assert "$ref" in parameter or parameter["example"], (path, parameter)


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
        "/docs/redoc.standalone.js",
        "/docs/redoc.standalone.js.LICENSE.txt",
        "/docs/style.css",
        "/v1/cases/{case}/lower-acts/{act_id}/attachments/{digest}",
        "/logs/access/checkpoint",
        "/logs/access/tile/{tile}",
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
