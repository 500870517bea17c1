"""Hidden and absent answer alike, to the byte, over every route and method (N1-N10, V11).

An officer who takes part in nothing of a case asks for it, for an act and a file of it, and for
what never was, in every form the document has and some it has not. Whoever adds a route says here
what it names; one that is not listed fails. On a push each route is asked in a share of the forms,
every form on several routes; `make attack` asks every route in all of them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import Any, Final

import orjson
import pytest
from werkzeug.test import TestResponse

from api.auth import TokenBox
from api.client.connection import JOSE
from api.http.app import openapi
from keys.canonical import unb64
from ledger.log.statement import AUTHOR, RETURNER, flattened
from ledger.postgres import connect
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.json_shape import fmt_time
from tests import builders
from tests.attack import test_pages
from tests.attacks import attack
from tests.builders import an_act
from tests.examples import share
from tests.fixtures.compartments import DIGEST, PART, SECRET, STRANGER, WHOLE, Compartments, Ids

pytestmark = pytest.mark.postgres

SPEC: Final = openapi()
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
"""Beside HEAD and OPTIONS, which are asked with everything."""
LANGS: Final = ("vi", "en")
_CASE: Final = "/v1/cases/{case}"
_FILE: Final = "/v1/acts/{act}/attachments/{digest}"

#: What a path of the document names, written with what is to be hidden: by the document's own path.
NAMED: Final[Mapping[str, str]] = {
    "/v1/cases/{case}": _CASE,
    "/v1/cases/{case}/acts": f"{_CASE}/acts",
    "/v1/cases/{case}/acts/{place}": f"{_CASE}/acts/1",
    "/v1/cases/{case}/diff": f"{_CASE}/diff?from=0",
    "/v1/cases/{case}/durations": f"{_CASE}/durations",
    "/v1/cases/{case}/fields/{pointer}/history": f"{_CASE}/fields/state/history",
    "/v1/cases/{case}/participants": f"{_CASE}/participants",
    "/v1/cases/{case}/verification": f"{_CASE}/verification",
    "/v1/cases/{case}/raw": f"{_CASE}/raw",
    "/v1/verification": "/v1/verification?cases={case}",
    "/v1/acts/{act_id}": "/v1/acts/{act}",
    "/v1/acts/{act_id}/raw": "/v1/acts/{act}/raw",
    "/v1/acts/{act_id}/attachments/{digest}": _FILE,
    "/v1/acts/{act_id}/attachments/{digest}/custody": f"{_FILE}/custody",
    "/v1/streams/{stream}/head": "/v1/streams/case/{case}/head",
    "/v1/acts": "/v1/acts",
    "/v1/acts/check": "/v1/acts/check",
    "/v1/acts/prepare": "/v1/acts/prepare",
    "/v1/acts/{act_id}/attachments/{digest}/copies": f"{_FILE}/copies",
    "/v1/acts/{act_id}/identity": "/v1/acts/{act}/identity",
    "/v1/acts/{act_id}/letter": "/v1/acts/{act}/letter",
    "/v1/acts/{act_id}/shares": "/v1/acts/{act}/shares",
    "/v1/cases/{case}/copies": f"{_CASE}/copies",
    "/v1/cases/{case}/print.pdf": f"{_CASE}/print.pdf",
    "/v1/cases/{case}/relations": f"{_CASE}/relations",
}
#: Of what everybody signed in, or anybody, is answered: no parameter of them is the id of a case.
OF_EVERYBODY: Final = frozenset({
    "/docs", "/docs/redoc.standalone.js", "/docs/redoc.standalone.js.LICENSE.txt",
    "/docs/style.css",
    "/health/live", "/health/ready", "/logs/{name}/checkpoint", "/logs/{name}/tile/{tile}",
    "/openapi.json", "/problems", "/problems/{code}", "/spec", "/spec/{page}",
    "/spec/{page}/source",
    "/v1/agencies", "/v1/attachments", "/v1/auth/challenge", "/v1/auth/token", "/v1/catalogue",
    "/v1/instruments",
    "/v1/keys", "/v1/keys/jwks", "/v1/log", "/v1/log/proof/consistency", "/v1/log/proof/inclusion",
    "/v1/log/recoveries", "/v1/lower-logs", "/v1/officers", "/v1/openings",
    "/v1/public/acts", "/v1/public/acts/{act_id}", "/v1/reporters", "/v1/reporters/keys",
    "/logs/access/checkpoint", "/logs/access/tile/{tile}",
})  # fmt: skip
#: Of what the caller sees, whatever that is (`test_only_what_is_seen.py`).
OF_WHAT_IS_SEEN: Final = frozenset({
    "/v1/cases", "/v1/feed", "/v1/statistics", "/v1/statistics.csv", "/v1/statistics.xlsx",
    "/v1/cases/{case}/lower-acts/{act_id}/attachments/{digest}",  # by a grant: test_merged_history
    "/v1/worklist", "/v1/access-log", "/v1/cases/by-number/{number}", "/v1/keys/{kid}/affected",
})  # fmt: skip
#: Where the answer to somebody who sees nothing is no refusal.
ANSWERED: Final = ("/v1/streams/{stream}/head", "/v1/verification", "/v1/acts")
#: By a permit of the case, which takes a number: tests/attack/test_prints.py.
_BY_PERMIT: Final = "/v1/cases/{case}/print.pdf"
_READS: Final = [n for n in NAMED if "get" in SPEC["paths"][n] and n != _BY_PERMIT]
_IDS: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|sha-256[:-][\w-]{43}"
)


def test_every_route_of_the_document_says_what_it_names() -> None:
    """A new route stands in one of the three, or nobody has thought of who may see it."""
    listed = [*NAMED, *OF_EVERYBODY, *OF_WHAT_IS_SEEN]
    assert sorted(listed) == sorted(SPEC["paths"])


def test_every_rule_of_the_server_is_in_the_document(compartments: Compartments) -> None:
    """Or a route could be added past the table above."""
    rules = {
        re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
        for rule in compartments.service.app.url_map.iter_rules()
    }
    pages = test_pages.listed()  # each of them is in a table there
    assert rules - set(SPEC["paths"]) - pages <= {"/metrics"}


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        path: With its query.
        method: HTTP method.
        headers: Beside who asks.
        body: What is sent.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


Answer = tuple[int, list[tuple[str, str]], bytes]


def plain(response: TestResponse) -> Answer:
    """Status, headers and body of an answer, with every id made one.

    Not `Date` (X1 of access.md §7), and no id of the request: those differ in any two answers, and
    so does the tag of one that repeats the id it was asked by (X2).
    """
    echoes = response.request.path == "/v1/verification"
    differs = {"Date", "ETag"} if echoes else {"Date"}
    headers = sorted(
        (name, _IDS.sub("ID", value)) for name, value in response.headers if name not in differs
    )
    return response.status_code, headers, _IDS.sub("ID", _told(response)).encode()


def _told(response: TestResponse) -> str:
    """The text of an answer; of bytes to sign, what they say."""
    text = response.get_data(as_text=True)
    if "signing_input" not in text:
        return text
    body = response.get_json()
    for name in ("payload", "protected", "signing_input"):
        body[name] = ".".join(unb64(part).decode() for part in body[name].split("."))
    return orjson.dumps(body).decode()


def ask(world: Compartments, one: Asked, by: str | None = STRANGER, **headers: str) -> TestResponse:
    """The answer to a request."""
    sent = {
        **world.service.headers(by, world.service.clock.now()),
        "X-Request-Id": "the-same",
        **dict(one.headers),
        **headers,
    }
    return world.service.client.open(
        one.path, method=one.method, headers=sent, data=one.body, buffered=True
    )


def named(template: str, ids: Ids) -> str:
    """A path of the table with these ids in it."""
    return template.format(case=ids.case, act=ids.act, digest=ids.digest)


def alike(
    world: Compartments, make: Callable[[Ids], Asked], *others: Ids, by: str = STRANGER
) -> Answer:
    """The one answer to a request about what is hidden, and about each of the others."""
    hidden = plain(ask(world, make(world.hidden), by))
    for other in others or (world.absent(),):
        assert plain(ask(world, make(other), by)) == hidden, make(world.hidden)
    return hidden


def reading(
    template: str,
    query: str = "",
    method: str = "GET",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[Ids], Asked]:
    """A read of whatever is named."""

    def made(ids: Ids) -> Asked:
        return Asked(_with(named(template, ids), query), method, headers)

    return made


def foreign(world: Compartments) -> Ids:
    """Ids of another kind, in the form of what is asked for: an officer's, an agency's stream's."""
    return replace(world.absent(), case=builders.officer(WHOLE), act=builders.officer(STRANGER))


# -- reads -----------------------------------------------------------------------------------------


def _queries(world: Compartments, name: str) -> Iterator[str]:
    """Every query that the document has for a path, with values that say something."""
    known = {
        one["name"]
        for one in SPEC["paths"][name]["get"].get("parameters", ())
        if one["in"] == "query"
    }
    index, last = world.hidden.index, world.service.size() - 1
    now = fmt_time(world.service.clock.now()).replace("+", "%2B")
    values = {
        "as_of": (0, index, index + 1, last, last + 99, now, "2024-06-04", "2099-01-01", "x"),
        "at_least": (0, index, last, last + 99),
        "clock": ("recorded", "occurred"),
        "limit": (1, 200, 0),
        "cursor": ("x", "AAAA"),
        "to": (index, last, now, last + 99),
        "unknown": (1,),
    }
    yield ""
    for parameter, given in values.items():
        if parameter in known or parameter == "unknown":
            yield from (f"{parameter}={value}" for value in given)
    if {"as_of", "clock"} <= known:
        yield f"as_of={now}&clock=occurred"
        yield f"as_of={index}&clock=occurred"


def _with(path: str, query: str) -> str:
    return path + ("&" if "?" in path else "?") + query if query else path


@attack(
    "a stranger asks for a case, an act, a file by its id, in every form that the document has",
    stopped_by="row policies; one code path for what is hidden and what is not there",
    noticed_by="-",
)
@pytest.mark.parametrize("name", _READS)
def test_hidden_and_absent_are_one_answer(compartments: Compartments, name: str) -> None:
    """Each query, GET and HEAD; whoever takes part gets 200 for what the stranger does not.

    A part of the forms in a part of the languages on a push. (No share among the parameters: this
    file is loaded before the profile is known.)
    """
    template = NAMED[name]
    told = ask(compartments, Asked(named(template, compartments.hidden)), WHOLE)
    assert told.status_code == 200, told.text
    forms = list(product(_queries(compartments, name), ("GET", "HEAD"), LANGS))
    for query, method, lang in share(forms, 30, name):
        status, _, body = alike(
            compartments,
            reading(template, query, method, {"Accept-Language": lang}),
            compartments.absent(),
            foreign(compartments),
        )
        assert status >= 400 or name in ANSWERED, (query, status, body)
        assert compartments.hidden.case.encode() not in body
        assert SECRET.encode() not in body


@attack(
    "a stranger asks with the tag of somebody who sees the case, for a range of it, or to wait",
    stopped_by="conditions are asked of an answer, and there is none; tags are an officer's own",
    noticed_by="-",
)
@pytest.mark.parametrize("name", _READS)
def test_conditions_ranges_and_waiting_tell_nothing(compartments: Compartments, name: str) -> None:
    """N7, N9: no 304, 412 or 206 where there is a 404 without them."""
    template = NAMED[name]
    tag = ask(compartments, Asked(named(template, compartments.hidden)), WHOLE).headers["ETag"]
    bare, _, _ = alike(compartments, reading(template))
    conditions: tuple[dict[str, str], ...] = (
        {"If-None-Match": tag},
        {"If-None-Match": f"W/{tag}"},
        {"If-None-Match": "*"},
        {"If-Match": tag},
        {"If-Match": "*"},
        {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
        {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"Range": "bytes=0-0"},
        {"Range": "bytes=0-0", "If-Range": tag},
        {"Prefer": "wait=1"},
        {"Prefer": "respond-async"},
        {"Accept": "text/html"},
        {"Accept": "application/problem+json"},
        {"X-Rehearsal-Time": "2024-06-04T08:00:00+07:00"},
        {"X-HTTP-Method-Override": "DELETE"},
    )
    for headers, method in share(list(product(conditions, ("GET", "HEAD"))), 20, name):
        status, _, _ = alike(
            compartments,
            reading(template, method=method, headers=headers),
        )
        assert status not in {206, 304, 412} or name in ANSWERED, headers
        assert bare != 404 or status in {400, 404, 406, 409}, (headers, status)


@attack(
    "a stranger tries other methods and spellings of a case's address",
    stopped_by="methods and paths are refused before an id is looked at",
    noticed_by="-",
)
@pytest.mark.parametrize("name", NAMED)
def test_methods_and_spellings_tell_nothing(compartments: Compartments, name: str) -> None:
    """N9: every method, OPTIONS too, with and without a body; a slash behind it, capitals, %2F."""
    template = NAMED[name]

    def spelled(ids: Ids) -> Iterator[str]:
        path = named(template, ids)
        bare, _, query = path.partition("?")
        yield path
        yield f"{bare}/?{query}"
        yield f"{bare}//?{query}"
        yield path.replace("/v1/", "/v1//")
        yield path.replace(ids.case, ids.case.upper()).replace(ids.act, ids.act.upper())
        yield path.replace(ids.case, f"{ids.case}%00").replace(ids.act, f"{ids.act}%00")
        yield path.replace(ids.case, f"%20{ids.case}").replace(ids.act, f"%20{ids.act}")
        yield path.replace("/case/", "/case%2F")
        yield path.replace(ids.case, f"case/{ids.case}")
        yield path.replace(ids.digest, ids.digest.lower())

    def asked(n: int, method: str, body: bytes | None, ids: Ids) -> Asked:
        return Asked(list(spelled(ids))[n], method, {"Content-Type": "application/json"}, body)

    spellings = len(list(spelled(compartments.hidden)))
    methods = ("HEAD", "OPTIONS", *METHODS)
    forms = list(product(range(spellings), methods, (None, b"{}")))
    for n, method, body in share(forms, 28, name):
        alike(compartments, partial(asked, n, method, body))


@attack(
    "a file that hangs on a hidden act is asked for through an act of one's own",
    stopped_by="a file is opened through an act that the caller sees and that lists it",
    noticed_by="-",
)
@pytest.mark.parametrize("behind", ["", "/custody"])
def test_the_digest_of_a_hidden_file_opens_nothing(compartments: Compartments, behind: str) -> None:
    """A digest says nothing by itself: one that is known is as one that is not."""
    absent = compartments.absent()
    for act in (compartments.own.act, absent.act, compartments.hidden.act):
        status, _, _ = alike(
            compartments,
            reading(f"/v1/acts/{act}/attachments/{{digest}}{behind}"),
            absent,
            replace(absent, digest="sha-256:" + "A" * 43),
        )
        assert status == 404


def test_an_upload_of_known_bytes_is_answered_as_any_other(compartments: Compartments) -> None:
    """L16: one answer whether or not the bytes are there already."""
    from tests.fixtures.compartments import FILE  # noqa: PLC0415

    answers = []
    for data in (FILE, FILE[::-1]):
        sent = Asked("/v1/attachments", "POST", {"Content-Type": "application/pdf"}, data)
        answers.append(plain(ask(compartments, sent)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 201


@attack(
    "many cases are verified in one question, hidden ones among them",
    stopped_by="what is not seen is missing like what is not there (A12)",
    noticed_by="-",
)
def test_in_bulk_hidden_and_absent_are_missing_alike(compartments: Compartments) -> None:
    """Of one's own case the verdict, of all others that they are not there."""
    asked = [compartments.own.case, compartments.hidden.case, compartments.absent().case]
    told = ask(compartments, Asked(f"/v1/verification?cases={','.join(asked)}")).get_json()
    assert [one["id"] for one in told["cases"]] == asked[:1]
    assert told["missing"] == asked[1:]


# -- writing ---------------------------------------------------------------------------------------


def _statements(world: Compartments, ids: Ids) -> Iterator[tuple[str, bytes]]:
    """Statements about a case, as somebody might send them who does not see it."""
    service, stream = world.service, f"case/{ids.case}"
    with service.enclave.ledger._memory.fresh(world.stream) as current:
        seq, prev = current.head.seq, current.head.prev

    def body(
        name: str,
        role: str,
        place: tuple[int, str | None],
        by: str,
        **more: Any,  # noqa: ANN401  members of an act
    ) -> bytes:
        act = _act(world, name, stream, **more)
        made = service.sign(act, by, role=role, head=place)
        return orjson.dumps(flattened(made))

    decided = "CompetenceDetermined"
    for signer in (STRANGER, WHOLE):
        second = {"act_id": builders.an_id("of an attacker")}
        yield (
            f"next by {signer}",
            body(decided, AUTHOR, (seq, prev), signer, **second),
        )
        yield (
            f"stale by {signer}",
            body(decided, AUTHOR, (2, prev), signer, **second),
        )
        yield f"far by {signer}", body("CompetenceDetermined", AUTHOR, (99, prev), signer, **second)
        yield (
            f"wrong prev by {signer}",
            body("CompetenceDetermined", AUTHOR, (seq, builders.DIGEST), signer, **second),
        )
        yield (
            f"not to begin with by {signer}",
            body("CompetenceDetermined", AUTHOR, (1, None), signer, **second),
        )
        countersigned = {"act_id": ids.act}
        yield (
            f"countersigned by {signer}",
            body("VerificationRequested", "APPROVER", (seq, prev), signer, **countersigned),
        )
        yield (
            f"returned by {signer}",
            body("ActReturned", RETURNER, (seq, prev), signer, refers_to=ids.act, **second),
        )
        yield (
            f"complaint by {signer}",
            body(
                "ComplaintReceived", AUTHOR, (seq, prev), signer, **second,
                facts={"against": builders.an_id("no letter")},
            ),
        )  # fmt: skip
    good = orjson.loads(body("CompetenceDetermined", AUTHOR, (seq, prev), STRANGER))
    yield "garbled", orjson.dumps(good | {"signature": "A" * 86})
    first = orjson.loads(body("ReportReceived", AUTHOR, (1, None), STRANGER))
    yield "garbled first", orjson.dumps(first | {"signature": "A" * 86})
    yield "first of another", body("ReportReceived", AUTHOR, (1, None), WHOLE)


def _act(world: Compartments, name: str, stream: str, **more: Any) -> Any:  # noqa: ANN401
    more.setdefault("act_id", builders.an_id(f"{name} of an attacker"))
    return an_act(name, by=STRANGER, when=world.service.clock.now(), stream=stream, **more)


@attack(
    "a stranger writes in a case: next, stale, begun anew, countersigned, returned, garbled",
    stopped_by="the see-check before life cycle, guards, replay and signature (N2)",
    noticed_by="-",
)
@pytest.mark.parametrize("path", ["/v1/acts", "/v1/acts/check"])
def test_what_is_sent_to_a_hidden_case_is_refused_as_to_an_absent_one(
    compartments: Compartments, path: str
) -> None:
    """Also with the right `seq` and `prev`, which only somebody who sees the case can tell."""
    size = compartments.service.size()
    kinds = [kind for kind, _ in _statements(compartments, compartments.hidden)]

    def asked(kind: str, ids: Ids) -> Asked:
        data = dict(_statements(compartments, ids))[kind]
        if path == "/v1/acts":
            return Asked(path, "POST", {"Content-Type": JOSE}, data)
        wrapped = orjson.dumps({"statement": orjson.loads(data)})
        return Asked(path, "POST", {"Content-Type": "application/json"}, wrapped)

    for kind in kinds:
        status, _, body = alike(compartments, partial(asked, kind))
        assert status >= 400 or b'"ok":false' in body, (kind, body)
    assert compartments.service.size() == size


@attack(
    "the very bytes of a hidden act are sent again, to get its receipt",
    stopped_by="who sees nothing of the case gets no receipt of an earlier time (N10)",
    noticed_by="-",
)
def test_a_replay_is_authorised_again(compartments: Compartments) -> None:
    """Bytes out of the log, by a stranger's session: as bytes that no log has."""
    raw = ask(compartments, Asked(f"/v1/acts/{compartments.asked}/raw"), WHOLE).get_json()
    envelope = orjson.loads(unb64(raw["records"][0]["envelope"]))
    parts = envelope["statement"].split(".")
    told = dict(zip(("protected", "payload", "signature"), parts, strict=True))
    again = Asked("/v1/acts", "POST", {"Content-Type": JOSE}, orjson.dumps(told))
    own = ask(compartments, again, WHOLE)
    assert own.status_code == 200, own.text
    stranger = ask(compartments, again)
    absent = dict(_statements(compartments, compartments.absent()))["next by cv"]
    nothing = ask(compartments, replace(again, body=absent))
    assert stranger.status_code == 404
    assert plain(stranger) == plain(nothing)


def _fields(world: Compartments, ids: Ids) -> Iterator[tuple[str, dict[str, Any]]]:
    stream = f"case/{ids.case}"
    for name in ("ReportReceived", "CompetenceDetermined", "VerificationRequested", "CaseClosed"):
        yield name, dict(_act(world, name, stream).signed)
    yield "countersign", {"stream": stream, "act_id": ids.act}
    yield "nothing but the stream", {"stream": stream}
    yield (
        "complaint",
        dict(
            _act(
                world, "ComplaintReceived", stream, facts={"against": builders.an_id("no letter")}
            ).signed
        ),
    )


@attack(
    "bytes to sign, or a check, are asked for a hidden case: its place, its digest, its state",
    stopped_by="before signing a case that is not seen is one that has not begun (N2)",
    noticed_by="-",
)
@pytest.mark.parametrize("kid", [STRANGER, WHOLE])
def test_preparing_and_checking_say_what_they_say_of_nothing(
    compartments: Compartments, kid: str
) -> None:
    """By one's own key and in the name of somebody's who sees it."""
    kinds = [kind for kind, _ in _fields(compartments, compartments.hidden)]

    def asked(kind: str, role: str | None, ids: Ids) -> Asked:
        body: dict[str, Any] = {"act": dict(_fields(compartments, ids))[kind]}
        if role is not None:
            body |= {"role": role, "kid": builders.key(kid).kid}
        path = "/v1/acts/check" if role is None else "/v1/acts/prepare"
        return Asked(path, "POST", {"Content-Type": "application/json"}, orjson.dumps(body))

    for kind in kinds:
        for role in ("AUTHOR", "CHECKER", "APPROVER", "RETURNER", None):
            alike(compartments, partial(asked, kind, role))


# -- sessions --------------------------------------------------------------------------------------


def _tokens(world: Compartments) -> Mapping[str, str | None]:
    good = world.service.token(WHOLE)
    box = world.service.enclave.token_box
    value = box.open("token", good)
    assert value is not None
    old, other = {**value, "exp": 1}, {**value, "log": "another.example/ordinary"}
    return {
        "none": None,
        "expired": f"Bearer {box.shut('token', old)}",
        "of another log": f"Bearer {box.shut('token', other)}",
        "by another key": f"Bearer {TokenBox(b'x' * 32).shut('token', value)}",
        "of another use": f"Bearer {box.shut('cursor', value)}",
        "one letter off": f"Bearer {good[:-1]}{'A' if good[-1] != 'A' else 'B'}",
        "cut": f"Bearer {good[:20]}",
        "empty": "Bearer ",
        "another scheme": f"Basic {good}",
        "no text": "Bearer \x7f#é",
    }


@attack(
    "a case is asked for with a token that is expired, forged, garbled or none",
    stopped_by="401 before anything is looked up (N4)",
    noticed_by="-",
)
@pytest.mark.parametrize("name", NAMED)
def test_without_a_session_every_id_is_the_same(compartments: Compartments, name: str) -> None:
    """Hidden, absent, foreign: one answer, which is that of no token at all."""
    method = "GET" if "get" in SPEC["paths"][name] else "POST"
    seen = set()
    for kind, token in _tokens(compartments).items():
        for ids in (compartments.hidden, compartments.absent(), foreign(compartments)):
            sent = {"X-Request-Id": "the-same"}
            if token is not None:
                sent["Authorization"] = token
            response = compartments.service.client.open(
                named(NAMED[name], ids), method=method, headers=sent, data=None
            )
            assert response.status_code == 401, (kind, response.text)
            seen.add(repr(plain(response)))
    assert len(seen) == 1


# -- who sees a part -------------------------------------------------------------------------------


@attack(
    "whoever was sent one act of a case asks for the rest of it",
    stopped_by="row policies by act; what is folded from all of a case is for who sees all of it",
    noticed_by="-",
)
def test_who_was_sent_an_act_sees_it_and_the_place_of_the_rest(compartments: Compartments) -> None:
    """D1 and scope ACT: 403 for the file, 404 for acts that were not sent, no state in the head."""
    world, hidden = compartments, compartments.hidden
    for name in _READS:
        path = named(NAMED[name], hidden)
        status = ask(world, Asked(path), PART).status_code
        if name == "/v1/cases/{case}/acts" or name in ANSWERED:
            assert status == 200, name
        elif "/acts/{" in name:
            assert status == 404, name
            alike(world, reading(NAMED[name]), by=PART)
        else:
            assert status == 403, name
            assert ask(world, Asked(path), PART).get_json()["code"] == "part_only"
    assert ask(world, Asked(f"/v1/acts/{world.asked}"), PART).status_code == 200
    body = ask(world, Asked(f"/v1/cases/{hidden.case}/acts"), PART).get_json()
    assert [act["act_id"] for act in body["acts"]] == [world.asked]
    head = ask(world, Asked(f"/v1/streams/case/{hidden.case}/head"), PART).get_json()
    assert "state" not in head
    assert body["part"]["positions"] == head["seq"] - 1
    assert "statements" not in body, "how many there are is said of what is seen whole"
    seen = [one["seq"] for one in body["acts"][0]["statements"]]
    assert sorted([*seen, *body["part"]["withheld"]]) == list(range(1, head["seq"]))
    bulk = ask(world, Asked(f"/v1/verification?cases={hidden.case}"), PART).get_json()
    assert bulk["missing"] == [hidden.case]


def test_a_stale_answer_lists_what_its_sender_sees(compartments: Compartments) -> None:
    """N2: who sees one act is told of that one, and where the next statement stands."""
    act = an_act(
        "VerificationAnswered", by=PART, when=compartments.service.clock.now(),
        stream=compartments.stream, facts={"request": compartments.asked},
    )  # fmt: skip
    late = compartments.service.sign(act, PART, head=(2, builders.DIGEST))
    sent = Asked("/v1/acts", "POST", {"Content-Type": JOSE}, orjson.dumps(flattened(late)))
    told = ask(compartments, sent, PART)
    assert told.status_code == 409, told.text
    body = told.get_json()
    assert {one["act_id"] for one in body["since"]} == {compartments.asked}
    assert "state" not in body["head"]
    assert DIGEST not in told.text


@attack(
    "whoever was sent one act has acts checked and refused, to be told by the faults that come"
    " behind what waits in the case, which terms run, and whether it has a file",
    stopped_by="behind a refusal no guard is told of a case to whoever sees a part of it (N2)",
    noticed_by="-",
)
def test_faults_behind_a_refusal_tell_nothing_of_a_case(compartments: Compartments) -> None:
    """To a check of the act or of the statement, and to the statement; the act's own are told."""
    service, when = compartments.service, compartments.service.clock.now()
    made = partial(an_act, when=when, stream=compartments.stream, act_id=builders.an_id("in vain"))

    def told(act: Act, by: str) -> list[bytes]:
        signed = flattened(service.sign(act, by))
        sent = [
            ("/v1/acts/check", "application/json", {"act": dict(act.signed)}),
            ("/v1/acts/check", "application/json", {"statement": signed}),
            ("/v1/acts", JOSE, signed),
        ]
        answers = [
            ask(compartments, Asked(path, "POST", {"Content-Type": media}, orjson.dumps(body)), by)
            for path, media, body in sent
        ]
        assert [one.status_code for one in answers] == [200, 200, 422], answers[2].text
        return [re.sub(rb'"trace_id":"[^"]*"', b"", one.get_data()) for one in answers]

    def stub(digest: str) -> Act:
        facts = {"commitment": digest[8:], "salted": True}
        return made("StubReleased", by=PART, also=["gd"], facts=facts)

    absent = compartments.absent().digest
    assert told(stub(DIGEST), PART) == told(stub(absent), PART)
    for name, of_case in (("CaseClosed", b"/facts/pending"),
                          ("CaseCustodyTransferred", b"/facts/open_clocks"),
                          ("HandlingDecided", b"/facts/finding_ref")):  # fmt: skip
        assert all(of_case in one for one in told(made(name, by=WHOLE, also=[]), WHOLE)), name
        for one in told(made(name, by=PART, also=[]), PART):
            assert of_case not in one, name
            assert b"/signers" in one, name


@attack(
    "a dozen requests for files at once, in a rehearsal for an act's records, by one officer: each"
    " holds a connection of the pool and waits for a second, and nobody reads meanwhile",
    stopped_by="what a question leads to is asked over the connection that it has",
    noticed_by="-",
)
def test_no_read_holds_a_connection_and_waits_for_another(
    compartments: Compartments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a question leads to is asked over the connection that it has."""
    held, twice, asked = threading.local(), list[str](), ""
    enter, leave = connect._Lent.__enter__, connect._Lent.__exit__

    def pools() -> list[Any]:
        mine: list[Any] = held.__dict__.setdefault("pools", [])
        return mine

    def entered(lent: connect._Lent) -> connect.Connection:
        if lent._pool in pools():
            twice.append(asked)
        connection = enter(lent)
        pools().append(lent._pool)
        return connection

    def left(lent: connect._Lent, *error: Any) -> None:  # noqa: ANN401  as the block ended
        pools().remove(lent._pool)
        leave(lent, *error)

    monkeypatch.setattr(connect._Lent, "__enter__", entered)
    monkeypatch.setattr(connect._Lent, "__exit__", left)
    paths = [named(NAMED[name], compartments.hidden) for name in _READS]
    paths += [name for name in (*OF_EVERYBODY, *OF_WHAT_IS_SEEN) if "{" not in name]
    service, told = compartments.service, set[int]()
    for asked in sorted(paths):
        answer = service.client.get(asked, headers=service.headers(WHOLE), buffered=True)
        told.add(answer.status_code)
    assert 200 in told
    assert twice == []
