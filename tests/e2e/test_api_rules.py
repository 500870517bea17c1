"""The rules that hold for every call (http.md §1, §6, §7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import orjson
import pytest

from api.client.connection import JOSE
from api.http.app import openapi
from api.http.framework.request_context import wait_s
from api.ops import telemetry
from api.problems.problem import CONTENT_TYPE
from keys.errors import KeyAway
from ledger.errors import Fatal
from ledger.log.statement import flattened
from ledger.postgres.ticketed import audience_late
from tests import builders
from tests.builders import Story, an_act
from tests.fixtures.app import Service

_NUMBERS = count()


def _case(service: Service) -> dict[str, Any]:
    """Receipt of the first act of a new case."""
    stream = f"case/{builders.an_id(f'rules {next(_NUMBERS)}')}"
    act = an_act("ReportReceived", by="hotline", when=service.clock.now(), stream=stream)
    return service.say(act, "hotline")


def _register(
    service: Service, came_in: dict[str, Any], number: str | None = None
) -> dict[str, Any]:
    """Receipt of the registration of a case that has come in, a minute later."""
    service.clock.set(service.clock.now() + timedelta(minutes=1))
    act = an_act(
        "CaseRegistered",
        by="cv",
        when=service.clock.now(),
        stream=came_in["stream"],
        facts={
            "intake": [came_in["act_id"]],
            "case_number": number or f"2024/9{next(_NUMBERS):03}",
        },
    )
    return service.say(act, "cv")


def _id(receipt: dict[str, Any]) -> str:
    return str(receipt["stream"]).removeprefix("case/")


def _folded(service: Service, receipt: dict[str, Any]) -> None:
    """Waits until every view shows the record."""
    response = service.get(
        "/v1/cases", headers={"Prefer": "wait=20"}, at_least=receipt["index"], limit=1
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/acts", "/v1/cases", "/v1/cases/x", "/v1/keys", "/v1/log"])
def test_nothing_the_ledger_holds_is_edited_or_deleted(
    shared: Service, method: str, path: str
) -> None:
    """No PUT, PATCH or DELETE; a correction is a new act."""
    response = shared.client.open(path, method=method)
    assert response.status_code == 405
    assert response.get_json()["code"] == "method_not_allowed"
    assert response.headers["Allow"]


def test_every_rule_takes_reads_and_posts_only(shared: Service) -> None:
    """Not one route of the map can change what is recorded."""
    for rule in shared.app.url_map.iter_rules():
        assert (rule.methods or set()) <= {"GET", "HEAD", "POST"}, rule


def test_absent_malformed_and_foreign_ids_look_alike(shared: Service) -> None:
    """What may not be known of answers as what does not exist: same body, same headers."""
    paths = [
        f"/v1/cases/{builders.an_id('absent')}",
        "/v1/cases/not-a-uuid",
        f"/v1/cases/{builders.an_id('other')}",
    ]
    answers = [
        shared.get(path, headers={"X-Request-Id": "same", "Accept-Language": "en"})
        for path in paths
    ]
    bodies = {answer.get_data() for answer in answers}
    assert {answer.status_code for answer in answers} == {404}
    assert len(bodies) == 1
    headers = [{k: v for k, v in answer.headers if k != "Date"} for answer in answers]
    assert headers[0] == headers[1] == headers[2]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/cases",
        "/v1/cases/00000000-0000-4000-8000-000000000000",
        "/v1/acts/00000000-0000-4000-8000-000000000000",
        "/v1/acts/00000000-0000-4000-8000-000000000000/raw",
        "/v1/worklist",
        "/v1/statistics",
        "/v1/statistics.csv",
        "/v1/agencies",
        "/v1/officers",
        "/v1/keys",
        "/v1/keys/jwks",
        "/v1/instruments",
        "/v1/openings",
        "/v1/feed",
        "/v1/streams/ledger/head",
        "/v1/verification?cases=00000000-0000-4000-8000-000000000000",
    ],
)
def test_nothing_is_read_without_a_session(shared: Service, path: str) -> None:
    """A bearer token is needed for all of §3 and §4."""
    response = shared.client.get(path)
    assert response.status_code == 401
    assert response.get_json()["code"] == "not_signed_in"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Cache-Control"] == "no-store"


def test_etag_is_strong_and_gives_304(shared: Service) -> None:
    """The second read of the same bytes costs none; a change gives another tag."""
    story = Story(f"case/{builders.an_id('etag')}", start=shared.clock.now())
    story.then("ReportReceived", by="hotline")
    receipt = shared.tell(story)[-1]
    _folded(shared, receipt)
    path = f"/v1/cases/{_id(receipt)}"
    first = shared.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    again = shared.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.get_data() == b""
    assert again.headers["ETag"] == tag
    story.then("CaseRegistered")
    _folded(shared, shared.tell(story, after=1)[-1])
    assert shared.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_etag_of_one_officer_is_not_that_of_another(shared: Service) -> None:
    """A tag tells nothing about what others see (access.md N7)."""
    assert (
        shared.get("/v1/keys", "cv").headers["ETag"] != shared.get("/v1/keys", "gd").headers["ETag"]
    )


def test_request_id_comes_back_everywhere(shared: Service) -> None:
    """In the answer, in a problem, in the log line."""
    good = shared.client.get("/v1/log", headers={"X-Request-Id": "a.b-c_1"})
    bad = shared.client.get("/v1/cases", headers={"X-Request-Id": "a.b-c_2"})
    assert good.headers["X-Request-Id"] == "a.b-c_1"
    assert bad.headers["X-Request-Id"] == bad.get_json()["trace_id"] == "a.b-c_2"
    assert shared.client.get("/v1/log").headers["X-Request-Id"]


@pytest.mark.parametrize("value", ["a b", "x" * 65, "ký", '"><script>'])
def test_request_id_cannot_carry_anything_into_the_logs(shared: Service, value: str) -> None:
    """Header smuggling ends at the door."""
    response = shared.client.get("/v1/log", headers={"X-Request-Id": value})
    assert (response.status_code, response.get_json()["code"]) == (400, "malformed_request")
    assert response.headers["X-Request-Id"] != value


_COUNTED = "figure=CASES_IN&counted_from=2024-01-01&counted_to=2024-12-31"


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/cases?colour=red", "/colour"),
        ("/v1/cases?limit=201", "/limit"),
        ("/v1/cases?limit=0", "/limit"),
        ("/v1/cases?limit=+5", "/limit"),
        ("/v1/cases?limit=1_0", "/limit"),
        ("/v1/cases?limit=1&limit=2", "/limit"),
        ("/v1/cases?sort=colour", "/sort"),
        ("/v1/cases?opened_from=2024-02-30", "/opened_from"),
        ("/v1/cases?due_before=soon", "/due_before"),
        ("/v1/cases?due_before=41", "/due_before"),
        (f"/v1/cases?{_COUNTED}&counted_agency=bacninh.none", "/counted_agency"),
        ("/v1/cases?at_least=-1", "/at_least"),
        ("/v1/statistics?from=2024-06-04&to=2024-06-03", "/from"),
        ("/v1/log/proof/inclusion", "/index"),
        ("/v1/log/proof/inclusion?index=1.5", "/index"),
        ("/v1/keys?as_of=yesterday", "/as_of"),
        ("/v1/feed?after=-2", "/after"),
        ("/v1/cases?limit=1&q=b%E1nh", "/q"),
        ("/v1/acts?%E1gency=x", "/%E1gency"),
    ],
)
def test_a_parameter_that_is_not_documented_is_refused(
    shared: Service, path: str, pointer: str
) -> None:
    """Unknown, repeated, out of range: one clear problem with its JSON Pointer."""
    response = shared.client.get(path, headers=shared.headers("cv"))
    told = response.get_json()
    assert (response.status_code, told["code"]) == (400, "malformed_request"), told
    assert pointer in [fault["pointer"] for fault in told["errors"]]


def test_an_answer_goes_out_whole_and_as_it_is(shared: Service) -> None:
    """Whatever coding or part of it is asked for; `HEAD` is told of the same, and given none."""
    made = _case(shared)
    _folded(shared, made)
    path, headers = f"/v1/cases/{_id(made)}", shared.headers("hotline")
    whole = shared.client.get(path, headers=headers)
    wanted = {
        "Accept-Encoding": "gzip, br",
        "Range": "bytes=0-3",
        "If-Range": whole.headers["ETag"],
    }
    asked = shared.client.get(path, headers=headers | wanted)
    assert (asked.status_code, asked.data) == (200, whole.data)
    assert not {"Content-Encoding", "Content-Range", "Accept-Ranges"} & {*asked.headers.keys()}
    head = shared.client.head(path, headers=headers)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type", "Ledger-Index"):
        assert head.headers[name] == whole.headers[name], name
    assert (
        shared.client.get(
            path.upper().replace("/V1/CASES", "/v1/cases"), headers=headers
        ).status_code
        == 404
    )


def test_nobody_waits_longer_than_half_a_minute(shared: Service) -> None:
    """More is taken as that, and not refused."""
    for said, taken in (("30", 30), ("31", 30), ("10000", 30), ("0", 0)):
        with shared.app.test_request_context("/", headers={"Prefer": f"wait={said}"}):
            assert wait_s() == taken, said


def test_a_day_before_which_something_is_due_is_all_of_it(shared: Service) -> None:
    """As everywhere; until then a page alone knew it, and the command line said that it did."""
    headers = shared.headers("cv")
    by_day = shared.client.get("/v1/cases?due_before=2024-07-31", headers=headers)
    at_its_end = "/v1/cases?due_before=2024-08-01T00:00:00%2B07:00"
    assert by_day.status_code == 200, by_day.text
    assert by_day.data == shared.client.get(at_its_end, headers=headers).data


def test_a_call_that_takes_no_parameter_refuses_each(shared: Service) -> None:
    """One rule: `?x=1` means nothing anywhere, and is nowhere passed over."""
    taken = 0
    for path, calls in openapi()["paths"].items():
        for method, call in calls.items():
            if method not in ("get", "post"):
                continue
            at = re.sub(r"\{\w+\}", builders.an_id("x"), path) + "?x=1"
            headers = {**shared.headers("cv"), "Content-Type": _body_type(call)}
            response = shared.client.open(at, method=method.upper(), headers=headers, data=b"{}")
            told = response.get_json()
            assert (response.status_code, told["code"]) == (400, "malformed_request"), (at, told)
            assert "/x" in [fault["pointer"] for fault in told["errors"]], (at, told)
            taken += 1
    assert taken > 60


def _body_type(call: dict[str, Any]) -> str:
    return next(iter(call.get("requestBody", {}).get("content", {})), "")


def test_unknown_members_of_a_body_are_refused(shared: Service) -> None:
    """Every schema refuses unknown members."""
    response = shared.client.post("/v1/auth/challenge", json={"kid": "A" * 43, "level": "mat"})
    told = response.get_json()
    assert (response.status_code, told["code"]) == (400, "malformed_request")
    assert told["errors"][0]["pointer"] == "/level"


def test_listing_is_one_snapshot_over_all_pages(shared: Service) -> None:
    """A case that comes in between two pages is on neither; every other is there once."""
    receipts = [_case(shared) for _ in range(5)]
    _folded(shared, receipts[-1])
    first = shared.get("/v1/cases", limit=2, sort="opened_at")
    page = first.get_json()
    assert f"cursor={page['next']}" in first.headers["Link"]
    assert 'rel="next"' in first.headers["Link"]
    late = _case(shared)
    _folded(shared, late)
    seen = [line["id"] for line in page["cases"]]
    while "next" in page:
        page = shared.get("/v1/cases", limit=2, sort="opened_at", cursor=page["next"]).get_json()
        seen += [line["id"] for line in page["cases"]]
    assert len(seen) == len(set(seen))
    assert {_id(receipt) for receipt in receipts} <= set(seen)
    assert _id(late) not in seen


def test_cursor_of_other_filters_another_officer_or_nobody_is_refused(shared: Service) -> None:
    """Opaque, signed and bound: nobody builds or moves one."""
    for _ in range(2):
        receipt = _case(shared)
    _folded(shared, receipt)
    cursor = shared.get("/v1/cases", limit=1).get_json()["next"]
    attempts = [
        shared.get("/v1/cases", limit=1, state="RECEIVED", cursor=cursor),
        shared.get("/v1/cases", limit=1, sort="opened_at", cursor=cursor),
        shared.get("/v1/cases", "gd", limit=1, cursor=cursor),
        shared.get("/v1/keys", limit=1, cursor=cursor),
        shared.get("/v1/cases", limit=1, cursor="AAAA"),
        *(shared.get("/v1/cases", limit=1, cursor=one) for one in _tampered(cursor)),
    ]
    told = [(a.status_code, a.get_json().get("code")) for a in attempts]
    assert told == [(400, "bad_cursor")] * len(attempts)
    assert shared.get("/v1/cases", limit=1, cursor=cursor).status_code == 200


def _tampered(cursor: str) -> list[str]:
    """The cursor with another character at its start, in its middle and at its end, and cut."""
    changed = []
    for at in (0, len(cursor) // 2, len(cursor) - 1):
        other = "B" if cursor[at] == "A" else "A"
        changed.append(cursor[:at] + other + cursor[at + 1 :])
    return [*changed, cursor[:-1], cursor + "A"]


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/worklist", "/v1/agencies"])
def test_whoever_waits_for_what_the_log_does_not_have_is_told(shared: Service, path: str) -> None:
    """400 as on the feed (http.md §6): "come again" would be said for ever."""
    for index in (shared.size(), 10**9):
        response = shared.get(path, headers={"Prefer": "wait=0"}, at_least=index)
        told = response.get_json()
        assert (response.status_code, told["code"]) == (400, "malformed_request")
        assert told["errors"][0]["pointer"] == "/at_least"


def test_one_reads_ones_own_write(shared: Service) -> None:
    """`at_least` with `Prefer: wait`: the receipt's index is enough."""
    receipt = _case(shared)
    response = shared.get(
        f"/v1/cases/{_id(receipt)}", headers={"Prefer": "wait=20"}, at_least=receipt["index"]
    )
    assert response.status_code == 200
    assert int(response.headers["Ledger-Index"]) >= receipt["index"]


def test_a_number_that_several_cases_have_names_them(shared: Service) -> None:
    """Offices may count alike: 409 with each of the cases and whose it is, never one of them."""
    receipts = [_register(shared, _case(shared), "2024/8001") for _ in range(2)]
    _folded(shared, receipts[-1])
    path = "/v1/cases/by-number/2024/8001"
    agency = builders.CAST["cv"][0]
    for told in (shared.get(path), shared.get(path, agency=agency)):
        assert (told.status_code, told.get_json()["code"]) == (409, "number_of_several")
        cases = {one["id"]: one["agency"] for one in told.get_json()["cases"]}
        assert cases == {_id(one): agency for one in receipts}
    assert shared.get(path, agency="bacninh.syt").status_code == 404


@pytest.mark.parametrize("preference", ["respond-async", "handling=strict, Respond-Async; a=b"])
def test_who_prefers_not_to_wait_gets_202_and_a_location(shared: Service, preference: str) -> None:
    """`Prefer: respond-async`, in any case (RFC 7240 §2): recorded, proof to come."""
    stream = f"case/{builders.an_id(f'async {next(_NUMBERS)}')}"
    act = an_act("ReportReceived", by="hotline", when=shared.clock.now(), stream=stream)
    response = shared.send(shared.sign(act, "hotline"), "hotline", {"Prefer": preference})
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    assert response.headers["Location"] == f"/v1/acts/{act.act_id}"
    assert "proof" not in response.get_json()
    found = shared.get(
        response.headers["Location"],
        headers={"Prefer": "Wait = 20"},
        at_least=response.get_json()["index"],
    )
    assert found.get_json()["act_id"] == act.act_id


def test_every_answer_of_a_rehearsal_says_so(shared: Service) -> None:
    """On receipts, answers and pages, for ever."""
    receipt = _case(shared)
    assert receipt["rehearsal"] is True
    _folded(shared, receipt)
    for path in (
        f"/v1/cases/{_id(receipt)}",
        "/v1/cases",
        "/v1/keys",
        "/v1/log",
        "/v1/worklist",
        "/v1/statistics",
    ):
        assert shared.get(path).get_json()["rehearsal"] is True, path
    for page in ("/docs", "/problems", "/problems/stale", "/spec", "/spec/formats"):
        assert "SỔ DIỄN TẬP" in shared.client.get(page).text, page


def test_without_a_stated_time_a_rehearsal_keeps_the_time_of_its_last_record(
    shared: Service,
) -> None:
    """Never the wall clock (http.md §1)."""
    receipt = _case(shared)
    told = shared.client.get("/v1/log").get_json()
    assert told["now"] == receipt["recorded_at"]
    later = shared.clock.now() + timedelta(hours=3)
    stated = shared.client.get("/v1/log", headers=shared.headers(None, later)).get_json()
    assert stated["now"] > told["now"]


def test_a_read_cannot_turn_the_ledgers_clock_back_either(shared: Service) -> None:
    """Earlier than the last `recorded_at`: 409, on every call that shows the log."""
    _case(shared)
    before = shared.clock.now() - timedelta(hours=1)
    for path in ("/v1/log", "/v1/cases", "/v1/worklist"):
        response = shared.client.get(path, headers=shared.headers("cv", before))
        assert (response.status_code, response.get_json()["code"]) == (409, "clock_back"), path


@pytest.mark.parametrize(
    "value", ["2024-06-04T08:12:00Z", "2024-06-04 08:12", "2024-06-31T08:12:00+07:00", "now"]
)
def test_rehearsal_time_has_one_form(shared: Service, value: str) -> None:
    """The form of `occurred_at`."""
    response = shared.client.get("/v1/log", headers={"X-Rehearsal-Time": value})
    assert (response.status_code, response.get_json()["code"]) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/v1/log", "text/html", 406),
        ("/v1/log", "application/json", 200),
        ("/v1/log", "*/*", 200),
        ("/v1/log", "application/json;q=0", 406),
        ("/logs/acts/checkpoint", "text/plain", 200),
        ("/logs/acts/checkpoint", "application/json", 406),
        ("/docs", "text/html", 200),
        ("/spec/formats", "text/html", 200),
        ("/spec/formats/source", "text/markdown", 200),
        ("/spec/formats/source", "text/html", 406),
    ],
)
def test_accept_is_answered_or_refused(
    shared: Service, path: str, accept: str, status: int
) -> None:
    """Nobody gets a type they did not ask for."""
    response = shared.client.get(path, headers={"Accept": accept})
    assert response.status_code == status
    if status == 406:
        assert response.content_type == CONTENT_TYPE


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "multipart/form-data"])
def test_statement_of_another_content_type_is_refused(shared: Service, kind: str) -> None:
    """`application/jose+json` and nothing else."""
    response = shared.post(b"{}", "hotline", headers={"Content-Type": kind})
    assert (response.status_code, response.get_json()["code"]) == (415, "unsupported_media_type")


def test_body_above_a_mebibyte_is_refused_unread(shared: Service) -> None:
    """Limits of http.md §7."""
    response = shared.client.post(
        "/v1/auth/challenge", data=b"x" * ((1 << 20) + 1), content_type="application/json"
    )
    assert (response.status_code, response.get_json()["code"]) == (413, "too_large")


def test_a_trailing_slash_or_a_double_one_is_no_other_way_in(shared: Service) -> None:
    """No redirect tells what exists (access.md N9)."""
    for path in ("/v1/cases/", "/v1//cases"):
        assert shared.get(path).status_code == 404, path
    # of an address that begins with two the test's client would make a host and a path
    headers, own = shared.headers("hotline"), {"PATH_INFO": "//v1/cases"}
    answer = shared.client.get("/", headers=headers, environ_overrides=own)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("sign", ["%00", "%0A", "%7F", "%1B%5B2J"])
def test_an_address_with_control_characters_names_nothing(shared: Service, sign: str) -> None:
    """Nor does it come to a database, which would refuse it as if the ledger had stopped."""
    for path in (f"/v1/cases/by-number/2024/{sign}", f"/v1/keys/{sign}/affected"):
        answer = shared.get(path)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found"), path


def test_tiles_and_checkpoints_are_open_at_ordinary_and_immutable(shared: Service) -> None:
    """Anyone who reaches the enclave can check its log (http.md §5)."""
    _case(shared)
    note = shared.client.get("/logs/acts/checkpoint")
    assert note.content_type == "text/plain; charset=utf-8"
    size = int(note.text.split("\n")[1])
    tile = shared.client.get(f"/logs/acts/tile/0/000.p/{size}")
    assert tile.content_type == "application/octet-stream"
    assert len(tile.data) == 32 * size
    assert "immutable" in tile.headers["Cache-Control"]
    bundle = shared.client.get(f"/logs/acts/tile/entries/000.p/{size}")
    assert len(bundle.data) == 34 * size
    for path in ("0/000", "0/0", "0/000.p/256", "0/x000/000", "entries/999", "64/000", "0/-1"):
        assert shared.client.get(f"/logs/acts/tile/{path}").status_code == 404, path
    assert shared.client.get("/logs/access/checkpoint").status_code == 401


def test_what_is_not_built_yet_is_not_found(shared: Service) -> None:
    """`/v1/verify` comes later; until then it does not exist."""
    assert shared.client.post("/v1/verify").status_code == 404


def test_health_says_which_part(shared: Service) -> None:
    """Database, checkpointer, the log as it was seen, projections, disk, clock."""
    shared.require_ready()
    told = shared.ask("/health/ready").get_json()
    assert {check["name"] for check in told["checks"]} == {
        "database",
        "checkpointer",
        "log",
        "reads",
        "projection",
        "writes",
        "disk",
        "clock",
    }
    assert told["status"] == "ready"


def test_health_speaks_the_language_of_who_asks(shared: Service) -> None:
    """The operator reads it at night, in Vietnamese or in English."""
    told = {}
    for lang in ("vi", "en"):
        answer = shared.ask("/health/ready", {"Accept-Language": lang})
        assert answer.headers["Content-Language"] == lang
        told[lang] = [check["detail"] for check in answer.get_json()["checks"]]
    assert len(told["vi"]) == len(told["en"]) > 4
    assert not set(told["vi"]) & set(told["en"])


def test_documents_load_nothing_from_elsewhere(shared: Service) -> None:
    """All assets local: no address of another host in any page."""
    for page in ("/docs", "/problems", "/problems/guard", "/spec", "/spec/access"):
        answer = shared.client.get(page)
        assert "http://" not in answer.text
        assert "https://" not in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("sort", ["-last_act", "last_act"])
def test_a_case_that_changes_between_two_pages_keeps_its_place(shared: Service, sort: str) -> None:
    """The newest act moves a case to the top of the list, never out of a listing under way."""
    receipts = [_case(shared) for _ in range(5)]
    _folded(shared, receipts[-1])
    whole = shared.get("/v1/cases", limit=200, sort=sort).get_json()["cases"]
    page = shared.get("/v1/cases", limit=2, sort=sort).get_json()
    seen = list(page["cases"])
    for receipt in receipts[1:4]:
        _folded(shared, _register(shared, receipt))
    while "next" in page:
        page = shared.get("/v1/cases", limit=2, sort=sort, cursor=page["next"]).get_json()
        seen += page["cases"]
    assert seen == whole


def test_a_filter_is_met_as_the_log_stood(shared: Service) -> None:
    """A case that leaves a state while its list is read stays on the list of that state."""
    receipts = [_case(shared) for _ in range(4)]
    _folded(shared, receipts[-1])
    asked: dict[str, Any] = {"limit": 2, "state": "RECEIVED", "sort": "opened_at"}
    whole = shared.get("/v1/cases", **{**asked, "limit": 200}).get_json()["cases"]
    page = shared.get("/v1/cases", **asked).get_json()
    _folded(shared, _register(shared, receipts[-1]))
    seen = list(page["cases"])
    while "next" in page:
        page = shared.get("/v1/cases", **asked, cursor=page["next"]).get_json()
        seen += page["cases"]
    assert seen == whole
    now = shared.get("/v1/cases", **{**asked, "limit": 200}).get_json()["cases"]
    assert _id(receipts[-1]) in {line["id"] for line in seen}
    assert _id(receipts[-1]) not in {line["id"] for line in now}


class FullRoom:
    """The threads of a worker that clients may hold, all of them held."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def take(self, client: str) -> bool:
        """No place."""
        self.asked.append(client)
        return False


def test_a_stopped_checkpointer_holds_no_more_threads_than_slow_clients_do(
    service: Service,
) -> None:
    """Acts are recorded; who would wait long for a proof is told so, and reads go on."""
    service.hire("hotline")
    service.halt()
    service.start(checkpointing=False)
    room = FullRoom()
    act = an_act("ReportReceived", when=service.clock.now())
    body = orjson.dumps(flattened(service.sign(act, "hotline")))
    for _ in range(2):  # also where the same is sent again
        answer = service.client.post(
            "/v1/acts", data=body, environ_overrides={"gunicorn.socket": Link(room)},
            headers={"Content-Type": JOSE, **service.headers("hotline", service.clock.now())},
        )  # fmt: skip
        assert (answer.status_code, answer.get_json()["code"]) == (503, "proof_late")
        assert answer.get_json()["index"] == service.size() - 1
    assert room.asked == [builders.officer("hotline")] * 2


@pytest.mark.parametrize("away", [KeyAway("kek: gone"), Fatal("no such answer"), audience_late()])
def test_what_keeps_a_proof_away_does_not_deny_the_act(
    service: Service, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    """Recorded is recorded: the answer says at which index, and that the proof alone is late."""
    service.hire("hotline")

    def fail(*_: object, **__: object) -> None:
        raise away

    noted: list[Exception] = []
    monkeypatch.setattr(service.enclave.proofs, "wait", fail)
    monkeypatch.setattr(telemetry, "failed", lambda error, _: noted.append(error))
    act = an_act("ReportReceived", when=service.clock.now())
    before, made = service.size(), service.sign(act, "hotline")
    answer = service._once_known(lambda: service.send(made, "hotline"))
    told = answer.get_json()
    assert (answer.status_code, told["code"], told["recorded"]) == (503, "proof_late", "yes")
    assert noted == ([away] if isinstance(away, KeyAway | Fatal) else [])
    assert (told["index"], service.size()) == (before, before + 1)


@dataclass
class Link:
    """A client's socket, as the worker makes it."""

    room: FullRoom
    client: str = "192.0.2.1"
