"""A row of the log of reads: its form, exactly, and what it is found by (formats.md §3, §5)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from keys import canonical, read_tags
from ledger.admission import service_statements
from ledger.errors import Rejected, VerificationError
from ledger.reads import recovered
from ledger.reads.access_logged import (
    OF_READS,
    AccessRow,
    HeldPost,
    WrapsRow,
    access_logged,
    opened,
    origin_of,
    row_of,
    tags,
    wraps_opened,
)
from ledger.reads.access_logged import recovered as said_recovered
from ledger.reads.read import RULES, Copy, NotedRead, ReadBy
from tests import recovered as tests_recovered

AT = datetime.fromisoformat("2024-06-04T01:00:00+00:00")
OFFICER = "0a5b7c1e-3f52-4f0a-9d50-6f3f6f6b1a11"
CASE = "case/3d2c1b0a-1111-4222-8333-444455556666"
ORDER = "7a6b5c4d-2222-4333-8444-555566667777"
READ = NotedRead(
    "A9", "Thanh tra", "RECORD", ReadBy(OFFICER, "A" * 43), via=ORDER, stream=CASE, records=(3, 7)
)
POSTS = (HeldPost("bacninh.thanhtra", "thanh-tra-vien"),)
COPY = {"number": "01", "file": "sha-256:" + "A" * 43}
EXPORT: dict[str, Any] = {"kind": "EXPORT", "copy": COPY}
ROW: dict[str, Any] = access_logged(
    READ, POSTS, event_id=UUID(int=0x4000 << 64 | 0x8 << 60), stream=f"reads/{ORDER}", at=AT
)


def _event(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    facts = {**ROW["facts"], **changes}
    return {**ROW, "facts": {name: value for name, value in facts.items() if value is not None}}


def test_what_is_said_is_what_is_read() -> None:
    """Each member; a row without act, case and records too."""
    assert row_of(service_statements.parse(ROW, OF_READS)) == AccessRow(READ, POSTS)
    plain = _event(via=None, case=None, records=[], posts=[])
    read = row_of(service_statements.parse(plain, OF_READS)).read
    assert (read.via, read.stream, read.records) == (None, None, ())


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_that_a_read_is_noted_by_has_the_form(rule: str) -> None:
    """A row of another form cannot be read by whoever audits."""
    assert row_of(service_statements.parse(_event(rule=rule), OF_READS)).read.rule == rule


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "A0"}, {"rule": "a9"}, {"rule": "K1"}, {"rule": None},
        {"purpose": ""}, {"purpose": "x" * 2001}, {"kind": "READ"}, {"officer": "x"},
        {"kid": "A" * 42}, {"posts": [{"agency": "a"}]},
        {"posts": [{"agency": "A", "post": "p"}]}, {"records": [7, 3]}, {"records": [3, 3]},
        {"records": [-1]}, {"records": [True]}, {"records": list(range(101))}, {"via": "x"},
        {"case": "agency/a"}, {"more": 1}, {"kind": "EXPORT"}, {"copy": COPY},
        EXPORT | {"via": None}, EXPORT | {"case": None}, EXPORT | {"copy": {"number": "01"}},
        EXPORT | {"copy": COPY | {"number": ""}}, EXPORT | {"copy": COPY | {"file": "x"}},
        EXPORT | {"copy": COPY | {"more": 1}},
    ],
)  # fmt: skip
def test_another_form_is_refused(changes: dict[str, Any]) -> None:
    """One member wrong, missing or too many."""
    with pytest.raises(Rejected):
        service_statements.parse(_event(**changes), OF_READS)


def test_a_copy_is_said_with_its_number_and_found_by_its_permit() -> None:
    """formats.md §3, §5: in a chain of its own, whose name is keyed; one tag more than a read."""
    copied = _event(kind="EXPORT", rule="A23", copy=COPY)
    row = row_of(service_statements.parse(copied, OF_READS))
    assert row.read.copy == Copy(**COPY)
    again = access_logged(
        row.read, row.posts, event_id=UUID(ROW["event_id"]), stream=ROW["stream"], at=AT
    )
    assert again["facts"] == copied["facts"]
    key = read_tags.key_of(bytes(range(32)))
    assert set(tags(row, key)) - set(tags(AccessRow(READ, POSTS), key)) == {
        read_tags.tag(key, "copy", ORDER)
    }
    chain = read_tags.chain(key, ORDER)
    assert chain.version == 4
    assert chain.bytes[:6] == read_tags.tag(key, "copies", ORDER)[:6]


def test_a_row_is_written_out_in_the_order_of_its_bytes() -> None:
    """Every member there may be, and the fewest: who signs it sorts nothing any more."""
    said: dict[str, Any] = {"event_id": UUID(ROW["event_id"]), "stream": ROW["stream"], "at": AT}
    whole = replace(READ, kind="EXPORT", copy=Copy(**COPY))
    least = replace(READ, via=None, stream=None, records=())
    by, file = READ.session, UUID(ORDER)
    for members in (
        *(access_logged(read, POSTS, **said) for read in (READ, whole, least)),
        *(
            wraps_opened(row, **said)
            for row in (
                WrapsRow((3,), by, file, "x.example/mat"),
                WrapsRow((3, 7), by),
                WrapsRow((3,)),
            )
        ),
    ):
        assert orjson.dumps(members) == canonical.encode(members)


def test_each_log_takes_its_own_events() -> None:
    """A read in the log of acts is set aside, and either in a wrong stream."""
    with pytest.raises(Rejected):
        service_statements.parse({**ROW, "stream": "ledger"}, OF_READS)
    with pytest.raises(Rejected):
        service_statements.parse({**ROW, "stream": "ledger"})
    first = opened(
        event_id=UUID(int=0x4000 << 64 | 0x8 << 60),
        at=AT,
        acts="bacninh.example/ordinary",
        genesis="0" * 64,
        vkeys=["a", "b"],
    )
    assert service_statements.parse(first, OF_READS).event == "AccessLogOpened"
    for changed in ({"stream": f"reads/{ORDER}"}, {"facts": {**first["facts"], "vkeys": ["a"]}}):
        with pytest.raises(Rejected):
            service_statements.parse(first | changed, OF_READS)


def test_tags_are_those_of_the_page() -> None:
    """formats.md §5, written out: by officer, agency, post, case and act, and by nothing else."""
    file_key = bytes(range(32))
    key = hmac.new(file_key, b"socai/reads-key/1", hashlib.sha256).digest()

    def tag(kind: str, value: str) -> bytes:
        said = b"socai/reads-tag/1\0" + kind.encode() + b"\0" + value.encode()
        return hmac.new(key, said, hashlib.sha256).digest()

    assert set(tags(AccessRow(READ, POSTS), read_tags.key_of(file_key))) == {
        tag("officer", OFFICER),
        tag("agency", "bacninh.thanhtra"),
        tag("post", "bacninh.thanhtra/thanh-tra-vien"),
        tag("case", CASE),
        tag("via", ORDER),
    }
    gate = hmac.new(key, b"socai/reads-gate/1", hashlib.sha256).digest()
    assert read_tags.gate(key) == gate


def test_a_recovery_is_taken_as_its_ceremony_commits_to_it() -> None:
    """Each member changed, another index, another kind, a loss that no key that ends has signed."""
    acts = "bacninh.example/ordinary"
    origin = origin_of(acts)
    vkeys = {name: tests_recovered.vkeys(origin, name) for name in ("first", "second")}
    plan: dict[str, Any] = {
        "size": 7,
        "root": "A" * 43,
        "lost": [tests_recovered.lost(origin, "first", 9)],
        "old_vkeys": vkeys["first"],
        "new_vkeys": vkeys["second"],
        "reason": "Hỏng ổ đĩa",
        "blind": "A" * 43,
    }
    facts = {**plan, "act": ORDER}
    said = {"kind": "RECOVER", "device_statement": recovered.stated("Máy số 7", plan)}
    assert recovered.require(facts, 7, origin, said).new_vkeys == tuple(vkeys["second"])
    otherwise: tuple[dict[str, Any], ...] = (
        {"size": 8}, {"root": "B" * 42 + "A"}, {"reason": "x"}, {"blind": "B" * 42 + "A"},
        {"old_vkeys": vkeys["second"]}, {"new_vkeys": vkeys["first"]}, {"lost": []},
    )  # fmt: skip
    for changed in otherwise:
        with pytest.raises(VerificationError):
            recovered.require(facts | changed, 7, origin, said)
    for wrong in (None, said | {"kind": "MAKE"}, said | {"device_statement": "Máy số 7"}):
        with pytest.raises(VerificationError):
            recovered.require(facts, 7, origin, wrong)
    with pytest.raises(VerificationError):
        recovered.require(facts, 8, origin, said)
    stranger = plan | {"lost": [tests_recovered.lost(origin, "stranger", 9)]}
    stated = {"kind": "RECOVER", "device_statement": recovered.stated("Máy số 7", stranger)}
    with pytest.raises(VerificationError, match="no key that ends"):
        recovered.require(stranger | {"act": ORDER}, 7, origin, stated)
    row = access_logged_recovered(facts)
    assert service_statements.parse(row, OF_READS).event == "AccessLogRecovered"
    malformed: tuple[dict[str, Any], ...] = (
        {"size": 0}, {"lost": []}, {"root": "x"}, {"act": "x"}, {"more": 1},
    )  # fmt: skip
    for changed in malformed:
        with pytest.raises(Rejected):
            service_statements.parse(access_logged_recovered(facts | changed), OF_READS)


def access_logged_recovered(facts: dict[str, Any]) -> dict[str, Any]:
    """The row of a recovery."""
    return said_recovered(facts, event_id=UUID(ROW["event_id"]), stream=ROW["stream"], at=AT)
