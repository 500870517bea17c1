"""Payloads (formats.md §2): what is not in the form is refused, with every fault named at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.texts.catalogue import translate
from ledger.errors import Rejected
from ledger.regulation.acts.act import parse_act, stream_kind
from ledger.regulation.acts.json_shape import fmt_time, parse_time
from tests.unit.regulation.registry_acts import an_id, members


def payload(**more: object) -> dict[str, Any]:
    """A payload of good form, changed as told; None takes a member out."""
    changed = {**members("ReportReceived", f"case/{an_id('case')}", {"a": 1}), **more}
    return {name: value for name, value in changed.items() if value is not None}


def pointers(changed: dict[str, Any], level: str = "ordinary") -> list[str]:
    """Pointers of the faults of a payload."""
    with pytest.raises(Rejected) as refused:
        parse_act(changed, level=level)
    assert refused.value.code == "malformed_act"
    assert all(
        translate(fault.text, "vi") and translate(fault.text, "en")
        for fault in refused.value.faults
    )
    return [fault.pointer for fault in refused.value.faults]


def test_every_member_is_kept_as_it_was_signed() -> None:
    """A reader of the parsed act sees what the officer signed, and nothing else."""
    act = parse_act(
        payload(
            to=["bacninh.ubnd", f"sealed:{an_id('reporter')}"],
            channel="PHONE",
            document={
                "number": "12",
                "symbol": "",
                "type": "CV",
                "date": "2024-06-04",
                "abstract": "Về việc",
            }
            | {"symbol": "STTTT"},
            disposition="own",
            late_reason="Mất điện",
            refers_to=an_id("x"),
            corrects=an_id("y"),
            attachments=[
                {
                    "digest": "sha-256:mcHDrJLetxWPwUXOMNe9iVOHI6yCINXdEpMAPejPyv4",
                    "media_type": "application/pdf",
                    "size": 0,
                    "name": "a.pdf",
                }
            ],
        )
    )
    assert act.to == ("bacninh.ubnd", f"sealed:{an_id('reporter')}")
    assert act.attachments[0]["size"] == 0
    assert (act.channel, act.disposition, act.late_reason) == ("PHONE", "own", "Mất điện")
    assert act.author.role == "AUTHOR"
    assert act.basis[0].clause is None
    assert stream_kind(act.stream) == "case"


def test_all_faults_are_named_at_once() -> None:
    """An officer corrects a form once, not once for each fault."""
    found = pointers(
        payload(
            v=None,
            act_id="x",
            occurred_at="hôm qua",
            basis=[{"instrument": "90/QĐ-UBND", "article": 8, "role": "WISH"}],
            độ="MAT",
            facts=None,
        )
    )
    assert found == [
        "/act_id",
        "/occurred_at",
        "/basis/0/article",
        "/basis/0/role",
        "/độ",
        "/facts",
        "/v",
    ]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"v": 3}, "/v"),
        ({"v": True}, "/v"),
        ({"v": 2}, "/capacity"),
        ({"to": []}, "/to"),
        ({"to": ["sealed:abc"]}, "/to/0"),
        ({"to": ["Sở"]}, "/to/0"),
        ({"attachments": []}, "/attachments"),
        ({"late_reason": " \u200b"}, "/late_reason"),
        ({"disposition": ""}, "/disposition"),
        ({"document": {"number": "1"}}, "/document/abstract"),
        ({"channel": "phone"}, "/channel"),
        ({"capacity": "TUQ."}, "/capacity"),
        ({"agency": "-x"}, "/agency"),
        ({"agency": "a" * 64}, "/agency"),
        ({"stream": "case/1"}, "/stream"),
        ({"stream": "ledger/x"}, "/stream"),
        ({"stream": "programme/"}, "/stream"),
        ({"occurred_at": "2024-06-04T08:12:00Z"}, "/occurred_at"),
        ({"occurred_at": "2024-06-04T08:12:00-00:00"}, "/occurred_at"),
        ({"occurred_at": "2024-06-04T08:12:00+07:00\n"}, "/occurred_at"),
        ({"occurred_at": "٢٠٢٤-06-04T08:12:00+07:00"}, "/occurred_at"),
        ({"occurred_at": "2024-06-04T08:12:60+07:00"}, "/occurred_at"),
        ({"occurred_at": "2024-06-04T08:12:00+24:00"}, "/occurred_at"),
        ({"signers": []}, "/signers"),
        ({"act": "reportReceived"}, "/act"),
        ({"a/b~c": 1}, "/a~1b~0c"),
    ],
)
def test_member_out_of_form_is_refused(change: dict[str, Any], pointer: str) -> None:
    """Each defect is named where it stands."""
    assert pointers(payload(**change)) == [pointer] or pointer in pointers(payload(**change))


def _form_2(*capacities: str | None) -> dict[str, Any]:
    """A payload of form 2, each of its signers in a capacity or without."""
    roles = ("AUTHOR", *["CHECKER"] * (len(capacities) - 2), "APPROVER")
    signers = [
        {"officer": an_id(f"s{n}"), "post": "p", "role": role}
        | ({} if capacity is None else {"capacity": capacity})
        for n, (role, capacity) in enumerate(zip(roles, capacities, strict=False))
    ]
    members = payload(v=2, signers=signers)
    del members["capacity"]
    return members


def test_form_2_says_of_each_signer_in_which_capacity() -> None:
    """Not of the author alone: the deputy who approves signs KT., the clerk in their own name."""
    act = parse_act(_form_2("TRUC_TIEP", "TL", "GQ"))
    assert [signer.capacity for signer in act.signers] == ["TRUC_TIEP", "TL", "GQ"]
    assert (act.capacity, act.form) == ("TRUC_TIEP", 2)
    assert pointers(_form_2("TRUC_TIEP", None)) == ["/signers/1/capacity"]
    assert pointers(_form_2(None, "KT")) == ["/signers/0/capacity"]
    assert pointers(_form_2("TRUC_TIEP", "KT.")) == ["/signers/1/capacity"]
    assert pointers(_form_2("TRUC_TIEP", "KT") | {"capacity": "KT"}) == ["/capacity"]


def test_form_1_says_it_of_the_author_alone() -> None:
    """Read as form 2 it says nothing of who approved, and a capacity beside a signer is refused."""
    signers = [
        {"officer": an_id("a"), "post": "p", "role": "AUTHOR"},
        {"officer": an_id("b"), "post": "q", "role": "APPROVER"},
    ]
    members = payload(capacity="TL", signers=signers)
    act = parse_act(members)
    assert [signer.capacity for signer in act.signers] == ["TL", None]
    assert act.signed is members
    assert act.signed["signers"] == signers
    signers[1] = {**signers[1], "capacity": "KT"}
    assert pointers(payload(signers=signers)) == ["/signers/1/capacity"]
    assert pointers(payload(capacity="GQ")) == ["/capacity"]


def test_second_author_is_refused() -> None:
    """Exactly one AUTHOR, first: else it is not known who answers for the text."""
    signer = {"officer": an_id("a"), "post": "p", "role": "AUTHOR"}
    assert pointers(payload(signers=[signer, {**signer, "officer": an_id("b")}])) == ["/signers"]
    assert pointers(payload(signers=[{**signer, "role": "CHECKER"}, signer])) == ["/signers"]


def test_above_ordinary_only_internal_circulates() -> None:
    """A secret log never says PUBLIC (formats.md §2)."""
    parse_act(payload(circulation="PUBLIC"))
    assert pointers(payload(circulation="PUBLIC"), level="mat") == ["/circulation"]


def test_day_of_an_act_is_that_of_its_own_offset() -> None:
    """An act of 00:30 in Vietnam is of that day, although UTC still has the day before."""
    act = parse_act(payload(occurred_at="2025-03-01T00:30:00+07:00"))
    assert act.day == date(2025, 3, 1)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-839, 839))
def test_time_round_trip(moment: datetime, minutes: int) -> None:
    """What is written is read back as the same instant with the same offset."""
    aware = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    again = parse_time(fmt_time(aware))
    assert again == aware
    assert again.utcoffset() == aware.utcoffset()


def test_time_without_an_offset_is_not_written() -> None:
    """A local time names no moment."""
    with pytest.raises(ValueError, match="offset"):
        fmt_time(datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="formats"):
        parse_time("2024-01-01T00:00:00")
