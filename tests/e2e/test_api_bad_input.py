"""Bad input: each gets a problem with a code, nothing is recorded (http.md §3, formats.md §1-3)."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import orjson
import pytest
from psycopg import connect
from werkzeug.test import TestResponse

from api.client.connection import JOSE
from api.ops.machine import RealClock
from api.problems.problem import CONTENT_TYPE
from api.problems.types import TYPES
from api.texts.catalogue import translate
from api.texts.validation_faults import MOST_FAULTS
from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.log import statement as statements
from ledger.log.statement import flattened
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import revocation
from tests.attacks import attack
from tests.builders import an_act
from tests.fixtures.app import Service

_NUMBERS = count()


def _report(service: Service, by: str = "hotline") -> Act:
    """A report of a case of its own."""
    stream = f"case/{builders.an_id(f'bad {next(_NUMBERS)}')}"
    return an_act("ReportReceived", by=by, when=service.clock.now(), stream=stream)


def _raw(
    service: Service,
    payload: bytes,
    header: Mapping[str, Any] | None = None,
    *,
    key: SoftwareSigner | None = None,
    protected: bytes | None = None,
) -> bytes:
    """A flattened JWS over any bytes, signed by the hotline's key."""
    signer = key or builders.key("hotline")
    members = {
        "alg": signer.alg,
        "iat": int(service.clock.now().timestamp()),
        "kid": signer.kid,
        "log": service.enclave.facts.origin,
        "role": "AUTHOR",
        "seq": 1,
        "typ": "socai-act+json",
    } | dict(header or {})
    head = (
        protected if protected is not None else orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    )
    to_sign = f"{canonical.b64(head)}.{canonical.b64(payload)}".encode()
    return orjson.dumps(
        {
            "payload": canonical.b64(payload),
            "protected": canonical.b64(head),
            "signature": canonical.b64(signer.sign(to_sign)),
        }
    )


def _payload(service: Service) -> bytes:
    return canonical.encode(dict(_report(service).signed))


def _edited(service: Service, old: bytes, new: bytes) -> bytes:
    payload = _payload(service)
    assert old in payload
    return payload.replace(old, new, 1)


Attack = Callable[[Service], bytes]
ROWS: dict[str, tuple[Attack, int, str]] = {
    "not JSON at all": (lambda _: b"%PDF-1.7", 400, "malformed_statement"),
    "empty": (lambda _: b"", 400, "malformed_statement"),
    "compact form instead of flattened": (
        lambda s: s.sign(_report(s), "hotline").compact.encode(),
        400,
        "malformed_statement",
    ),
    "a fourth member": (
        lambda s: orjson.dumps({**flattened(s.sign(_report(s), "hotline")), "header": "x"}),
        400,
        "malformed_statement",
    ),
    "not canonical: a blank": (
        lambda s: _raw(s, _edited(s, b'"act":', b'"act": ')),
        400,
        "not_canonical",
    ),
    "not canonical: members out of order": (
        lambda s: _raw(s, b'{"z":1,"a":1}'),
        400,
        "not_canonical",
    ),
    "broken UTF-8": (
        lambda s: _raw(s, _edited(s, b'"precision":"', b'"precision":"\xff')),
        400,
        "not_canonical",
    ),
    "NFD text": (
        lambda s: _raw(
            s,
            orjson.dumps(
                {
                    **_report(s).signed,
                    "late_reason": unicodedata.normalize("NFD", "Mất điện ở xã"),
                },
                option=orjson.OPT_SORT_KEYS,
            ),
        ),
        400,
        "not_canonical",
    ),
    "a member twice": (
        lambda s: _raw(s, _edited(s, b'"v":1', b'"v":1,"v":1')),
        400,
        "not_canonical",
    ),
    "a float": (lambda s: _raw(s, _edited(s, b'"v":1', b'"v":1.0')), 400, "not_canonical"),
    "null": (lambda s: _raw(s, _edited(s, b'"v":1', b'"v":null')), 400, "not_canonical"),
    "an integer beyond 2**53": (
        lambda s: _raw(s, _edited(s, b'"v":1', b'"v":9007199254740993')),
        400,
        "not_canonical",
    ),
    "nested too deep": (
        lambda s: _raw(s, b'{"a":' * 40 + b"1" + b"}" * 40),
        400,
        "not_canonical",
    ),
    "an act member too many": (
        lambda s: _raw(
            s, orjson.dumps({**_report(s).signed, "zz": 1}, option=orjson.OPT_SORT_KEYS)
        ),
        400,
        "malformed_act",
    ),
    "an unknown act type": (
        lambda s: _raw(s, _edited(s, b'"act":"ReportReceived"', b'"act":"ReportInvented"')),
        400,
        "unknown_act",
    ),
    "algorithm none": (
        lambda s: _raw(s, _payload(s), {"alg": "none"}),
        400,
        "malformed_statement",
    ),
    "algorithm EdDSA": (
        lambda s: _raw(s, _payload(s), {"alg": "EdDSA"}),
        400,
        "malformed_statement",
    ),
    "algorithm HS256": (
        lambda s: _raw(s, _payload(s), {"alg": "HS256"}),
        400,
        "malformed_statement",
    ),
    "another algorithm than the key's": (
        lambda s: _raw(s, _payload(s), {"alg": "ES256"}),
        401,
        "invalid_signature",
    ),
    "a crit member": (
        lambda s: _raw(s, _payload(s), {"crit": ["b64"]}),
        400,
        "malformed_statement",
    ),
    "header not canonical": (
        lambda s: _raw(s, _payload(s), protected=b'{"typ": "socai-act+json"}'),
        400,
        "not_canonical",
    ),
    "an unknown key": (
        lambda s: _raw(s, _payload(s), key=SoftwareSigner.generate("Ed25519")),
        401,
        "unknown_key",
    ),
    "a changed signature": (
        lambda s: _flipped(_raw(s, _payload(s))),
        401,
        "invalid_signature",
    ),
    "a changed payload under an old signature": (
        lambda s: _moved_payload(s),  # noqa: PLW0108  it stands below
        401,
        "invalid_signature",
    ),
    "made for another log": (
        lambda s: _raw(s, _payload(s), {"log": "rehearsal.other.example/ordinary"}),
        400,
        "wrong_log",
    ),
    "another type of statement": (
        lambda s: _raw(s, _payload(s), {"typ": "socai-login+json"}),
        400,
        "malformed_statement",
    ),
    "signed a day and an hour ago": (
        lambda s: _raw(s, _payload(s), {"iat": int(s.clock.now().timestamp()) - 90_000}),
        400,
        "clock_off",
    ),
    "signed in ten minutes' time": (
        lambda s: _raw(s, _payload(s), {"iat": int(s.clock.now().timestamp()) + 600}),
        400,
        "clock_off",
    ),
    "role not in signers": (
        lambda s: _raw(s, _payload(s), {"role": "APPROVER"}),
        422,
        "guard",
    ),
    "seq 2 of a stream that has not begun": (
        lambda s: _raw(s, _payload(s), {"seq": 2, "prev": canonical.b64(bytes(32))}),
        404,  # as of a case that is hidden
        "not_found",
    ),
    "a payload above 64 KiB": (
        lambda s: _raw(s, b'{"a":"' + b"x" * 65_536 + b'"}'),
        413,
        "too_large",
    ),
    "a body above the limit": (lambda _: b'{"payload":"' + b"A" * 400_000, 413, "too_large"),
}


def _flipped(body: bytes) -> bytes:
    members = orjson.loads(body)
    signature = bytearray(canonical.unb64(members["signature"]))
    signature[3] ^= 1
    return orjson.dumps({**members, "signature": canonical.b64(bytes(signature))})


def _moved_payload(service: Service) -> bytes:
    one, other = (flattened(service.sign(_report(service), "hotline")) for _ in range(2))
    return orjson.dumps({**one, "payload": other["payload"]})


def _unchanged(service: Service, attack: Callable[[], TestResponse]) -> TestResponse:
    """What the attack is answered, once it is proven that no record was made."""
    before = service.size()
    answer = service._once_known(attack)
    assert service.size() == before
    return answer


@pytest.mark.parametrize("name", ROWS)
def test_bad_statement_is_refused_with_a_code_and_leaves_the_log_unchanged(
    shared: Service, name: str
) -> None:
    """Each attack meets its own refusal, in words, and no record is made."""
    attack, status, code = ROWS[name]
    body = attack(shared)
    response = _unchanged(shared, lambda: shared.post(body, "hotline", shared.clock.now()))
    told = response.get_json()
    assert (response.status_code, told["code"]) == (status, code), told
    assert response.content_type == CONTENT_TYPE
    assert told["type"] == f"/problems/{code}"
    assert told["title"] == translate(TYPES[code].title, "vi")
    assert told["recorded"] == "nothing"
    assert told["trace_id"] == response.headers["X-Request-Id"]


def test_statement_of_another_stream_cannot_be_replayed_here(shared: Service) -> None:
    """A signature binds stream and position: prev of one stream is stale in every other.

    Where the other has not begun it is refused as of a case that is hidden.
    """
    first, second = (shared.say(_report(shared), "hotline") for _ in range(2))
    head = shared.head(first["stream"])
    more = an_act("ReportReceived", when=shared.clock.now(), stream=second["stream"])
    for other, refused in ((more, (409, "stale")), (_report(shared), (404, "not_found"))):
        replayed = shared.sign(other, "hotline", head=head)
        response = _unchanged(shared, partial(shared.send, replayed, "hotline"))
        assert (response.status_code, response.get_json()["code"]) == refused


def test_stale_statement_is_told_the_head_and_what_came_between(shared: Service) -> None:
    """409 names where the stream stands and every act since `prev`."""
    act = _report(shared)
    receipt = shared.say(act, "hotline")
    second = an_act(
        "ReportReceived", by="hotline", when=shared.clock.now(), stream=receipt["stream"]
    )
    late = shared.sign(second, "hotline", head=(1, None))
    response = _unchanged(shared, lambda: shared.send(late, "hotline"))
    told = response.get_json()
    assert (response.status_code, told["code"]) == (409, "stale")
    assert told["head"]["seq"] == 2
    assert [one["act_id"] for one in told["since"]] == [act.act_id]


def test_act_id_of_another_act_is_taken(shared: Service) -> None:
    """An act id names one payload for ever (formats.md §2)."""
    act = _report(shared)
    shared.say(act, "hotline")
    twin = {**_report(shared).signed, "act_id": act.act_id}
    response = _unchanged(shared, lambda: shared.send(shared.sign(twin, "hotline"), "hotline"))
    assert (response.status_code, response.get_json()["code"]) == (409, "taken")


def test_the_same_statement_again_gets_the_same_receipt(shared: Service) -> None:
    """A lost answer is not a lost act: 200, one record, also when the window has passed."""
    signed = shared.sign(_report(shared), "hotline")
    first = shared.send(signed, "hotline")
    assert first.status_code == 201
    again = _unchanged(shared, lambda: shared.send(signed, "hotline"))
    assert again.status_code == 200
    one, two = first.get_json(), again.get_json()
    del one["proof"], two["proof"]
    assert one == two


def test_statement_sent_by_another_session_is_refused(shared: Service) -> None:
    """A statement is sent by its signer's own session (http.md §3)."""
    signed = shared.sign(_report(shared), "hotline")
    response = _unchanged(shared, lambda: shared.send(signed, "cv"))
    assert (response.status_code, response.get_json()["code"]) == (401, "wrong_session")


def test_statement_without_a_session_is_refused(shared: Service) -> None:
    """Nobody writes unseen."""
    body = orjson.dumps(flattened(shared.sign(_report(shared), "hotline")))
    response = _unchanged(shared, lambda: shared.post(body, None, shared.clock.now()))
    assert (response.status_code, response.get_json()["code"]) == (401, "not_signed_in")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_revoked_key_is_refused_from_its_revocation_on(service: Service) -> None:
    """The registry as the log stands, not as the officer remembers it."""
    service.hire("hotline")
    act = _report(service)
    signed = service.sign(act, "hotline")
    token = service.token("hotline")
    service.say(revocation("hotline", service.clock.now()), "founder")
    response = _unchanged(
        service,
        lambda: service.client.post(
            "/v1/acts",
            data=orjson.dumps(flattened(signed)),
            headers={"Authorization": f"Bearer {token}", "Content-Type": JOSE}
            | service.headers(None, service.clock.now()),
        ),
    )
    assert response.status_code == 401
    assert response.get_json()["code"] in ("unknown_key", "not_signed_in")


def test_wrong_order_of_signers_and_one_person_twice_are_refused(service: Service) -> None:
    """Author, then checker, then approver, each another person (formats.md §3)."""
    service.hire("hotline", "cv", "tp", "gd")
    when = service.clock.now()
    case = service.say(_report(service), "hotline")["stream"]
    probe = an_act("CaseRegistered", by="cv", also=["gd"], when=when, stream=case)
    signed = service.sign(probe, "gd", role="APPROVER")
    response = _unchanged(service, lambda: service.send(signed, "gd"))
    told = response.get_json()
    assert (response.status_code, told["code"]) == (422, "guard")
    assert told["guard"] == "SIGNER_ORDER"
    twice = dict(probe.members) | {
        "act_id": builders.an_id("twice"),
        "signers": [
            {"officer": builders.officer("cv"), "post": "chuyen-vien", "role": "AUTHOR"},
            {"officer": builders.officer("cv"), "post": "chuyen-vien", "role": "APPROVER"},
        ],
    }
    response = _unchanged(service, lambda: service.send(service.sign(twice, "cv"), "cv"))
    told = response.get_json()
    assert response.status_code in (400, 422), told
    assert told["code"] in ("malformed_act", "guard")


def test_refusal_comes_in_the_language_asked_for(shared: Service) -> None:
    """Vietnamese first, English complete (http.md §1)."""
    act = {**_report(shared).signed, "agency": "khong.co"}
    body = orjson.dumps(flattened(shared.sign(act, "hotline")))
    at = shared.clock.now()
    vi = shared.post(body, "hotline", at, {"Accept-Language": "vi"}).get_json()
    en = shared.post(body, "hotline", at, {"Accept-Language": "en-GB, vi;q=0.5"}).get_json()
    assert vi["guard"] == en["guard"]
    assert vi["detail"] != en["detail"]
    assert vi["title"] == translate(TYPES["guard"].title, "vi")
    assert en["title"] == translate(TYPES["guard"].title, "en")


def test_rehearsal_clock_never_goes_back(shared: Service) -> None:
    """Earlier than the last `recorded_at`: 409 clock_back (http.md §1)."""
    shared.say(_report(shared), "hotline")
    signed = orjson.dumps(flattened(shared.sign(_report(shared), "hotline")))
    before = shared.clock.now() - timedelta(hours=1)
    response = _unchanged(shared, lambda: shared.post(signed, "hotline", before))
    assert (response.status_code, response.get_json()["code"]) == (409, "clock_back")


def test_real_log_refuses_the_rehearsal_header(real: Service) -> None:
    """Nobody sets a real ledger's clock, on any call."""
    for path in ("/v1/log", "/v1/cases", "/health/live"):
        response = real.client.get(path, headers={"X-Rehearsal-Time": "2024-06-04T08:12:00+07:00"})
        assert (response.status_code, response.get_json()["code"]) == (400, "not_a_rehearsal")


def test_real_log_carries_no_mark_of_a_rehearsal(real: Service) -> None:
    """The mark says something only because it is nowhere else."""
    assert "rehearsal" not in real.client.get("/v1/log").get_json()
    real.hire("hotline")
    assert "rehearsal" not in real.say(_report(real), "hotline")


def test_clock_that_jumped_back_takes_no_acts(real: Service) -> None:
    """architecture.md §7: refused until it is past the last `recorded_at`."""
    real.hire("hotline")
    real.step(minutes=2)
    real.say(_report(real), "hotline")
    signed = real.sign(_report(real), "hotline")
    token = real.token("hotline")
    real.step(minutes=-1)
    body = orjson.dumps(flattened(signed))
    sent = {"Authorization": f"Bearer {token}", "Content-Type": JOSE}
    response = _unchanged(real, lambda: real.client.post("/v1/acts", data=body, headers=sent))
    assert (response.status_code, response.get_json()["code"]) == (503, "clock_jumped")
    assert response.headers["Retry-After"]


def test_clock_far_ahead_of_the_database_takes_no_acts(real: Service) -> None:
    """A record of next year would stop the log until then: nothing is recorded, and why is said."""
    real.database.end_rehearsal()
    right = RealClock().now()
    real.clock.set(right)
    real.hire("ncv")
    real.step(minutes=10)
    signed = real.sign(_report(real, "ncv"), "ncv")
    response = _unchanged(real, lambda: real.send(signed, "ncv"))
    problem = response.get_json()
    assert (response.status_code, problem["code"]) == (503, "clocks_apart"), problem
    assert problem["recorded"] == "nothing"
    assert int(response.headers["Retry-After"]) > 0
    assert real.client.get("/problems/clocks_apart").status_code == 200
    real.clock.set(right)
    real.say(_report(real, "ncv"), "ncv")


def test_full_disk_refuses_writes_and_goes_on_reading(service: Service) -> None:
    """Writes are refused before the disk is full; reads go on (architecture.md §7)."""
    service.hire("hotline")
    service.say(_report(service), "hotline")
    service.enclave._appender._min_free_bytes = 1 << 62
    service.enclave._appender._free_bytes = lambda: 0
    signed = service.sign(_report(service), "hotline")
    response = _unchanged(service, lambda: service.send(signed, "hotline"))
    assert (response.status_code, response.get_json()["code"]) == (503, "disk_full")
    assert int(response.headers["Retry-After"]) > 0
    assert service.get("/v1/cases", "hotline").status_code == 200


def test_database_gone_is_a_clean_error_and_comes_back_by_itself(service: Service) -> None:
    """503 with Retry-After; then the pool finds the server again and the same bytes are taken."""
    service.hire("hotline")
    signed = service.sign(_report(service), "hotline")
    token = service.token("hotline")
    sent = {"Authorization": f"Bearer {token}", "Content-Type": JOSE} | service.headers(
        None, service.clock.now()
    )
    body = orjson.dumps(flattened(signed))
    before = service.size()
    with connect(service.database.server.dsn(), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{service.database.name}" ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [service.database.name],
        )
        response = service.client.post("/v1/acts", data=body, headers=sent)
        told = response.get_json()
        assert (response.status_code, told["code"]) == (503, "database_unavailable")
        assert response.headers["Retry-After"]
        assert "Traceback" not in response.text
        assert service.client.get("/health/live").status_code == 200
        assert service.client.get("/health/ready").status_code == 503
        admin.execute(f'ALTER DATABASE "{service.database.name}" ALLOW_CONNECTIONS true')
    for _ in range(480):  # the pool and the projector find it again, each by itself
        response = service.client.post("/v1/acts", data=body, headers=sent)
        if response.status_code != 503:
            break
        time.sleep(0.25)
    assert response.status_code in (200, 201), response.text
    assert service.size() == before + 1


def test_login_jws_is_no_statement(shared: Service) -> None:
    """A sign-in can never be recorded (formats.md §9)."""
    login = statements.make_login(
        builders.key("hotline"),
        challenge="A" * 43,
        log=shared.enclave.facts.origin,
        expires_at=shared.clock.now(),
    )
    response = _unchanged(
        shared, lambda: shared.post(orjson.dumps(login), "hotline", shared.clock.now())
    )
    assert response.status_code == 400


@attack(
    "a megabyte of members that nobody asked for, by somebody who has not signed in, answered with"
    " a fault for each: ten megabytes, and seconds of a processor",
    stopped_by="the first hundred faults are told",
    noticed_by="-",
)
def test_an_answer_to_a_stranger_is_no_longer_than_what_was_sent(still: Service) -> None:
    """Of the longest body that anybody may send it is a hundredth."""
    body = orjson.dumps({f"a{n}": 0 for n in range(5_000)})
    answer = still.client.post("/v1/auth/challenge", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "malformed_request")
    assert len(answer.get_json()["errors"]) == MOST_FAULTS
    assert len(answer.data) < len(body)
