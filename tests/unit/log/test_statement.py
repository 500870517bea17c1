"""What a statement must be beyond the vectors: service, sign-in, and the door's own edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.texts.catalogue import translate
from keys import canonical
from keys.errors import KeysError
from keys.jwk import SoftwareSigner
from ledger.errors import Rejected
from ledger.log import statement

KEY = SoftwareSigner.generate()
LOG = "x.example/ordinary"
AT = datetime(2024, 6, 4, 1, 12, 31, 42_000, tzinfo=UTC)
PREV = canonical.b64(bytes(32))


def _make(
    payload: bytes = b'{"act":"X"}',
    **changes: Any,  # noqa: ANN401 - header values of wrong types are the point
) -> statement.Statement:
    header = {"iat": 1, "log": LOG, "seq": 1, "prev": None, "role": "AUTHOR", **changes}
    return statement.make(payload, KEY, **header)


@given(
    st.dictionaries(st.text("abcé", max_size=3), st.integers(0, 9) | st.booleans(), max_size=4),
    st.integers(1, 2**53 - 1),
    st.sampled_from(["AUTHOR", "CHECKER", "APPROVER"]),
)
def test_make_parse_round_trip(members: dict[str, Any], seq: int, role: str) -> None:
    """What is made is read back as it was meant, and verifies."""
    prev = None if seq == 1 else PREV
    made = _make(canonical.encode(members), seq=seq, prev=prev, role=role)
    body = canonical.encode(statement.flattened(made))
    assert statement.parse_flattened(body) == made == statement.parse_compact(made.compact)
    assert (made.members, made.seq, made.prev, made.role) == (members, seq, prev, role)
    statement.check_signature(made, KEY.verifier())


def test_payload_is_signed_as_it_stands() -> None:
    """A payload that is not canonical is refused, never repaired."""
    with pytest.raises(Rejected, match="not_canonical"):
        _make(b'{"b":1,"a":2}')


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": -1},
        {"seq": 0},
        {"seq": 2},
        {"seq": 1, "prev": PREV},
        {"log": ""},
        {"log": "a b"},
        {"log": "a+b"},
        {"role": "RETURNER"},
        {"role": "WITNESS"},
        {"typ": "JWT"},
        {"typ": statement.SERVICE_TYP, "role": "APPROVER"},
    ],
    ids=str,
)
def test_header_value_that_is_not_allowed_is_refused(changes: dict[str, Any]) -> None:
    """A header is read by code that trusts it: nothing odd may pass."""
    with pytest.raises(Rejected, match="malformed_statement"):
        _make(**changes)


@given(
    st.sampled_from([1, 2, 10**15]),
    st.sampled_from(["AUTHOR", "CHECKER"]),
    st.integers(0, 260),
    st.binary(max_size=2),
    st.integers(0, 2),
)
def test_quick_look_at_a_header_is_no_softer_and_no_harder(
    seq: int, role: str, at: int, put: bytes, gone: int
) -> None:
    """A header with bytes changed is read as the strict reader does, or refused as it does."""
    sound = _make(seq=seq, prev=None if seq == 1 else PREV, role=role).protected
    changed = sound[:at] + put + sound[at + gone :]

    def strict() -> dict[str, Any]:
        header = canonical.parse(changed)
        statement._check_header(header)
        return header

    try:
        expected: dict[str, Any] | None = strict()
    except (Rejected, KeysError):
        expected = None
    try:
        found: dict[str, Any] | None = dict(statement._header(changed))
    except Rejected:
        found = None
    assert found == expected


def test_return_is_signed_as_returner_only() -> None:
    """A return counted as an author's statement would leave the act pending."""
    payload = b'{"act":"ActReturned"}'
    assert _make(payload, role="RETURNER").role == "RETURNER"
    with pytest.raises(Rejected):
        _make(payload, role="AUTHOR")


def test_note_key_cannot_sign_statements() -> None:
    """ML-DSA-44 is for checkpoints; formats.md §3 lists three algorithms."""
    with pytest.raises(Rejected):
        statement.make(
            b"{}",
            SoftwareSigner.generate("ML-DSA-44"),
            iat=1,
            log=LOG,
            seq=1,
            prev=None,
            role="AUTHOR",
        )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"a.b.c"',
        b'{"payload":"e30","protected":"e30"}',
        b'{"payload":"e30","protected":"e30","signature":1}',
        b'{"payload":"e30","payload":"e30","protected":"e30","signature":""}',
        b'{"payload":"e30","protecte\\u0064":"e30","signature":""}',
        b'{"payload":"e30","protected":"e30","signature":""}',
        b'{"payload":"","protected":"","signature":""}',
        b'{"payload":"e.30","protected":"e30","signature":""}',
        b"\xff",
    ],
)
def test_body_that_is_no_flattened_jws_is_refused(body: bytes) -> None:
    """Nothing unexpected reaches the parser of acts."""
    with pytest.raises(Rejected):
        statement.parse_flattened(body)


@given(st.text(st.sampled_from("eyJ0=.é-_A"), max_size=20))
def test_no_text_makes_the_parser_fall_over(text: str) -> None:
    """Only `Rejected` may come out of the door."""
    with pytest.raises(Rejected):
        statement.parse_compact(text)


def test_refusal_names_the_member_in_both_languages() -> None:
    """The officer's software must be able to say what is wrong."""
    with pytest.raises(Rejected) as caught:
        _make(log="")
    (fault,) = caught.value.faults
    assert fault.pointer == "/protected/log"
    assert translate(caught.value.text, "vi").startswith("Không ghi được")


def test_sign_in_round_trip() -> None:
    """The key is the identity: it signs the challenge for this log."""
    body = canonical.encode(statement.make_login(KEY, challenge="c", log=LOG, expires_at=AT))
    login = statement.parse_login(body)
    assert (login.kid, login.challenge, login.log, login.expires_at) == (KEY.kid, "c", LOG, AT)
    KEY.verifier().verify(login.signature, login.signing_input)


def test_sign_in_is_no_statement_and_no_statement_signs_in() -> None:
    """A challenge must not become an act, nor a recorded act a key to the door."""
    login = statement.make_login(KEY, challenge="c", log=LOG, expires_at=AT + timedelta(hours=1))
    with pytest.raises(Rejected):
        statement.parse_flattened(canonical.encode(login))
    with pytest.raises(Rejected):
        statement.parse_login(canonical.encode(statement.flattened(_make())))


def test_sign_in_with_a_header_member_of_its_own_is_malformed() -> None:
    """Anybody may knock: a member nobody knows is refused, never a failure of the server."""
    login = statement.make_login(KEY, challenge="c", log=LOG, expires_at=AT)
    header = canonical.parse(canonical.unb64(login["protected"]))
    for odd in ({**header, "zzz": "1"}, {**header, "seq": 1}, {"typ": header["typ"]}):
        login["protected"] = canonical.b64(canonical.encode(odd))
        with pytest.raises(Rejected, match="malformed_statement"):
            statement.parse_login(canonical.encode(login))
