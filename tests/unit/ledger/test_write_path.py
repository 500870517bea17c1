"""The write path over the fake: what is taken, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import orjson
import pytest

from api.texts.catalogue import translate
from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.errors import Conflict, NotFound, Rejected, Unavailable
from ledger.log.statement import AUTHOR, Statement, flattened, make
from ledger.postgres.connect import disk_full
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.case.state import Signed, StreamState, apply
from ledger.regulation.edition import load_edition
from ledger.regulation.participation.narrowing import Narrowing
from tests import builders
from tests.a_ledger import (
    ORIGIN,
    T0,
    ALedger,
    a_report,
    all_entries,
    appointment,
    approved,
    ending,
    enrolment,
    in_memory,
    opened,
    revocation,
)
from tests.attacks import attack
from tests.builders import an_act, changed
from tests.fakes import MemoryRecordStore


@pytest.fixture
def a() -> ALedger:
    """A rehearsal with the hotline and two officers of the lead agency in post."""
    made = ALedger(in_memory(MemoryRecordStore()))
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline", "cv", "pgd")
    return made


SERVICE = {
    "custody": "SERVICE",
    "valid_from": "2023-03-21T00:00:00+07:00",
    "valid_to": "2033-03-21T00:00:00+07:00",
}


def service_act(name: str, a: ALedger, **facts: object) -> Act:
    """An act of the founder about a key of the system."""
    signer = {
        "officer": builders.officer("founder"),
        "post": builders.CAST["keeper"][1],
        "role": AUTHOR,
    }
    return an_act(
        name,
        by="keeper",
        when=a.clock.now().astimezone(T0.tzinfo),
        stream="ledger",
        facts=dict(facts),
        exact=True,
        signers=[signer],
    )


# -- what is taken ------------------------------------------------------------------------------


def test_a_signed_report_becomes_a_record(a: ALedger) -> None:
    """The first case, end to end: an officer's key, a signed act, a place in the log."""
    act = a_report(1)
    size = len(all_entries(a))
    answer = a.say(act, "hotline")
    assert answer.created
    assert answer.receipt == {
        "act_id": act.act_id,
        "stream": act.stream,
        "seq": 1,
        "status": "effective",
        "waiting_for": [],
        "log": ORIGIN,
        "index": size,
        "entry": canonical.b64(all_entries(a)[size]),
        "recorded_at": "2024-06-04T01:00:01.000Z",
    }


def test_the_same_statement_sent_twice_is_recorded_once(a: ALedger) -> None:
    """A lost answer is no lost act and no second one, by whichever process it is sent again."""
    statement = a.sign(a_report(1), "hotline")
    first = a.send(statement)
    for process in (a, a.beside(), a.beside()):
        again = process.send(statement)
        assert (again.receipt, again.created) == (first.receipt, False)
    assert len(all_entries(a)) == first.index + 1


def test_a_resent_statement_is_looked_up_before_anything_is_asked(a: ALedger) -> None:
    """Its key is revoked, its `iat` long past: it is in the log all the same."""
    statement = a.sign(a_report(1), "hotline")
    first = a.send(statement)
    a.clock.step(days=3)
    a.say(revocation("hotline", a.clock.now()), "founder")
    for process in (a, a.beside()):
        assert process.send(statement).receipt == first.receipt
    with pytest.raises(Rejected, match="unknown_key"):
        a.say(a_report(2), "hotline")


def test_a_service_key_is_enrolled_and_revoked_in_the_ledger_stream(a: ALedger) -> None:
    """A key of the system that is stolen is ended by the registrar, in every process."""
    service = SoftwareSigner.generate()
    a.say(
        service_act("KeyEnrolled", a, jwk=dict(service.jwk), **SERVICE, kid=service.kid), "founder"
    )
    gone = {"kid": service.kid, "reason": "STOLEN", "invalid_from": "2024-06-04T08:00:00+07:00"}
    with pytest.raises(Rejected, match="KEY_KNOWN"):
        a.say(service_act("KeyRevoked", a, officer=builders.officer("cv"), **gone), "founder")
    a.say(service_act("KeyRevoked", a, **gone), "founder")
    for process in (a, a.beside()):
        assert process.ledger.refresh().keyring.retired(service.kid)
    with pytest.raises(Rejected, match="KEY_KNOWN"):
        a.say(service_act("KeyRevoked", a, **gone), "founder")


def test_what_takes_sight_away_and_fails_says_that_the_act_is_recorded() -> None:
    """A key is revoked and the disk is full behind the COMMIT: the same bytes end it later."""
    room: list[bool] = []
    ended: list[tuple[Narrowing, int]] = []

    def narrow(one: Narrowing, index: int) -> None:
        if not room:
            raise disk_full()
        ended.append((one, index))

    a = ALedger(in_memory(MemoryRecordStore()), narrow=narrow)
    a.found()
    a.hire("hotline")
    signed = a.sign(revocation("hotline", a.clock.now()), "founder")
    size = len(all_entries(a))
    with pytest.raises(Unavailable) as told:
        a.send(signed)
    assert told.value.code == "answer_late"
    assert f"Recorded at index {size}" in translate(told.value.text, "en")
    assert len(all_entries(a)) == size + 1

    room.append(True)
    again = a.send(signed)
    assert (again.created, again.index, [index for _, index in ended]) == (False, size, [size])


def test_what_is_recorded_is_what_was_signed(a: ALedger) -> None:
    """After the door, bytes are never written again."""
    statement = a.sign(a_report(1), "hotline")
    a.send(statement)
    assert list(opened(a))[-1].compact == statement.compact


def test_a_class_two_act_waits_for_its_approver(a: ALedger) -> None:
    """Pending with the author's statement, effective with the last signer's over the same bytes."""
    case = _a_case_needing_approval(a)
    act = _needs_approval(a, case)
    pending = a.send(a.sign(act, "cv"))
    assert pending.receipt["status"] == "pending"
    assert [w["officer"] for w in pending.receipt["waiting_for"]] == [builders.officer("pgd")]
    effective = a.send(a.sign(act, "pgd", role="APPROVER"))
    assert (effective.receipt["status"], effective.receipt["waiting_for"]) == ("effective", [])
    assert effective.receipt["act_id"] == pending.receipt["act_id"]
    # sent again, the author's statement gets the receipt it got then
    assert a.beside().since(case, 0)[-2]["status"] == "pending"


def _a_case_needing_approval(a: ALedger) -> str:
    report = a_report(7, a.clock.now().astimezone(T0.tzinfo))
    a.say(report, "hotline")
    return report.stream


def _needs_approval(a: ALedger, case: str) -> Act:
    """CaseRegistered by the lead agency, as the catalogue has it."""
    fold = a.since(case, 0)
    assert fold
    state = StreamState(case)
    for statement in opened(a):
        if statement.members["stream"] == case:
            act = parse_act(statement.members)
            apply(
                state,
                Signed(
                    act, act.signers[0].officer, statement.role, statement.kid, statement.iat,
                    statement.seq, statement.digest_b64, load_edition(),
                ),
            )  # fmt: skip
    when = a.clock.now().astimezone(T0.tzinfo)
    return an_act("CaseRegistered", by="cv", also=["pgd"], when=when, within=state)


# -- what is refused ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attack:
    """A statement that must not be taken, and the code it is refused with."""

    code: str
    make: Callable[[ALedger], Statement]


def _foreign_key(a: ALedger) -> Statement:
    act = a_report(1)
    return make(
        canonical.encode(dict(act.signed)), SoftwareSigner.generate(),
        iat=int(a.clock.now().timestamp()), log=ORIGIN, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip


def _broken_signature(a: ALedger) -> Statement:
    body = flattened(a.sign(a_report(1), "hotline"))
    good = canonical.unb64(body["signature"])
    body["signature"] = canonical.b64(bytes((good[0] ^ 1,)) + good[1:])
    return _parsed(body)


def _parsed(body: dict[str, str]) -> Statement:
    from ledger.log.statement import parse_flattened  # noqa: PLC0415 - one use

    return parse_flattened(orjson.dumps(body))


ATTACKS = {
    "for_another_log": Attack(
        "wrong_log", lambda a: a.sign(a_report(1), "hotline", log="khac.example/ordinary")
    ),
    "by_a_key_nobody_enrolled": Attack("unknown_key", _foreign_key),
    "with_one_bit_of_the_signature_turned": Attack("invalid_signature", _broken_signature),
    "signed_yesterday_and_a_second_more": Attack(
        "clock_off",
        lambda a: a.sign(a_report(1), "hotline", at=a.clock.now() - timedelta(hours=24, seconds=1)),
    ),
    "signed_six_minutes_from_now": Attack(
        "clock_off",
        lambda a: a.sign(a_report(1), "hotline", at=a.clock.now() + timedelta(minutes=6)),
    ),
    "by_another_officer_than_the_author_named": Attack(
        "guard", lambda a: a.sign(a_report(1), "cv")
    ),
    "of_an_unknown_type": Attack(
        "unknown_act", lambda a: a.sign(changed(a_report(1), act="NothingKnown"), "hotline")
    ),
    "in_a_stream_of_another_kind": Attack(
        "wrong_stream", lambda a: a.sign(changed(a_report(1), stream="ledger"), "hotline")
    ),
}


@attack(
    "whoever's post ended yesterday, and who keeps the key, signs on by dating back into the post",
    stopped_by="the window of iat: 24 hours; not at all where the key ends with the post",
    noticed_by="iat and recorded_at, which both stand in the record",
)
def test_a_post_that_ended_is_signed_in_for_the_window_and_no_longer() -> None:
    """Days are Vietnam's: as late as the last second of the day after the last one."""
    a = ALedger(in_memory(MemoryRecordStore()))
    a.found()
    a.clock.step(seconds=1)
    a.hire("hotline", "cv", "keeper")
    last = a.clock.now().astimezone(T0.tzinfo).date()
    for alias, keys_end in (("hotline", False), ("cv", True)):
        end = ending(alias, a.clock.now(), last)
        end = changed(end, facts={**end.signed["facts"], "keys_end": keys_end})
        a.say(approved(end, "keeper"), "founder", "keeper")
    midnight = datetime.combine(last + timedelta(days=1), time(), T0.tzinfo)
    second = midnight - timedelta(seconds=1)
    after = second + timedelta(hours=24)

    def signed(by: str, taken: datetime, iat: datetime, happened: datetime) -> str:
        a.clock.set(taken)
        numbers = a.stores.records.head().size
        try:
            a.send(a.sign(a_report(numbers, happened), by, at=iat), by=by)
        except Rejected as refused:
            return refused.guard or refused.code
        (kept,) = a.reader().read(numbers, 1)
        assert kept.statement is not None
        assert (kept.statement.iat, kept.recorded_at) == (int(iat.timestamp()), taken)
        return ""

    assert signed("hotline", second, second, second) == ""
    assert signed("hotline", midnight, midnight, second) == "OFFICER_IN_POST"
    assert signed("cv", midnight, second, second) == "unknown_key"
    assert signed("hotline", after, second, second) == ""
    assert signed("hotline", after, second, after) == "OCCURRED_IN_FUTURE"
    assert signed("hotline", after + timedelta(seconds=1), second, second) == "clock_off"


@pytest.mark.parametrize("name", ATTACKS)
def test_a_statement_is_refused_and_the_log_unchanged(a: ALedger, name: str) -> None:
    """Each attack gets its code, nothing is recorded, and the next honest act goes through."""
    before = all_entries(a)
    statement = ATTACKS[name].make(a)
    with pytest.raises(Rejected) as refused:
        a.send(statement)
    assert refused.value.code == ATTACKS[name].code
    assert translate(refused.value.text, "vi")
    assert all_entries(a) == before
    assert a.say(a_report(2), "hotline").index == len(before)


def test_a_statement_sent_by_somebody_elses_session_is_refused(a: ALedger) -> None:
    """Who signs sends: a stolen statement is no sign-in."""
    statement = a.sign(a_report(1), "hotline")
    with pytest.raises(Rejected, match="wrong_session"):
        a.send(statement, by="cv")
    a.send(statement, by="hotline")
    with pytest.raises(Rejected, match="wrong_session"):
        a.send(statement, by="cv")  # a replay is authorised again (access.md N10)


def test_a_revoked_key_signs_nothing_more(a: ALedger) -> None:
    """Also where another process has recorded the revocation, and this one has not heard of it."""
    other = a.beside()
    other.say(a_report(1), "hotline")
    a.say(revocation("hotline", a.clock.now()), "founder")
    for process in (a, other):
        with pytest.raises(Rejected, match="unknown_key"):
            process.say(a_report(2), "hotline")


def test_a_key_enrolled_by_another_process_is_known_here(a: ALedger) -> None:
    """A refusal for want of knowledge is checked against the log before it is given."""
    other = a.beside()
    other.say(a_report(1), "hotline")
    a.hire("hcv")
    act = an_act("DetectionRecorded", by="hcv", stream=f"case/{builders.an_id('case 3')}")
    assert other.say(act, "hcv").created


def test_a_stale_statement_is_told_what_happened_since(a: ALedger) -> None:
    """409 with the head and the acts since `prev`: enough to read, sign again and send."""
    act = a_report(1)
    a.say(act, "hotline")
    late = a.sign(changed(a_report(2), stream=act.stream), "hotline", head=(1, None))
    with pytest.raises(Conflict) as refused:
        a.beside().send(late)
    assert refused.value.code == "stale"
    assert refused.value.head == a.ledger.head(act.stream)
    assert [(s["seq"], s["act_id"], s["act"]) for s in refused.value.since] == [
        (1, act.act_id, "ReportReceived")
    ]


def test_an_act_id_is_not_used_for_other_bytes(a: ALedger) -> None:
    """In the same stream or another: an id names one payload in the log."""
    act = a_report(1)
    a.say(act, "hotline")
    others = [
        changed(a_report(2), act_id=act.act_id),
        changed(act, precision="second"),
    ]
    for other in others:
        for process in (a, a.beside()):
            with pytest.raises(Conflict) as refused:
                process.send(process.sign(other, "hotline"))
            assert refused.value.code == "taken"


def test_a_countersignature_over_changed_bytes_is_refused(a: ALedger) -> None:
    """The approver signs what the author signed, or nothing."""
    case = _a_case_needing_approval(a)
    act = _needs_approval(a, case)
    a.send(a.sign(act, "cv"))
    other = changed(act, precision="second")
    with pytest.raises(Conflict, match="taken"):
        a.send(a.sign(other, "pgd", role="APPROVER"))


def test_one_signer_cannot_sign_for_another(a: ALedger) -> None:
    """Out of order, twice, or in somebody's place: refused, and the act still waits."""
    case = _a_case_needing_approval(a)
    act = _needs_approval(a, case)
    with pytest.raises(Rejected) as refused:
        a.send(a.sign(act, "pgd", role="APPROVER"))
    assert refused.value.guard == "SIGNER_ORDER"
    a.send(a.sign(act, "cv"))
    for by, role in (
        ("cv", AUTHOR),
        ("cv", "APPROVER"),
        ("hotline", "APPROVER"),
        ("pgd", "CHECKER"),
    ):
        with pytest.raises(Rejected) as refused:
            a.send(a.sign(act, by, role=role))
        assert refused.value.guard == "SIGNER_ORDER"
    assert a.send(a.sign(act, "pgd", role="APPROVER")).receipt["status"] == "effective"


def test_a_log_is_founded_once(a: ALedger) -> None:
    """Record 0 is where trust starts: there is no second one."""
    with pytest.raises(Conflict, match="stale"):
        a.found()


def test_record_zero_needs_its_own_registrars_signature() -> None:
    """A genesis signed by another key than the one it names founds nothing."""
    a = ALedger(in_memory(MemoryRecordStore()))
    good = a.stores
    assert good.records.head().size == 0
    members = _genesis_members(a)
    forged = make(
        canonical.encode(members), builders.key("cv"),
        iat=int(a.clock.now().timestamp()), log=ORIGIN, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip
    with pytest.raises(Rejected, match="unknown_key"):
        a.ledger.found(forged, at=a.clock.now())
    assert good.records.head().size == 0


def _genesis_members(a: ALedger) -> dict[str, object]:
    other = ALedger(in_memory(MemoryRecordStore()), clock=a.clock)
    other.found()
    return dict(next(opened(other)).members)


# -- time ---------------------------------------------------------------------------------------


def test_a_rehearsals_clock_never_goes_back(a: ALedger) -> None:
    """The sender sets the time, forwards only; 409 `clock_back`."""
    with pytest.raises(Conflict, match="clock_back"):
        a.send(a.sign(a_report(1), "hotline"), at=a.clock.now() - timedelta(seconds=1))


def test_a_rehearsal_without_a_time_stands_at_the_last_record(a: ALedger) -> None:
    """Never the wall clock: a story of 2024 stays in 2024."""
    statement = a.sign(a_report(1), "hotline")
    body = orjson.dumps(flattened(statement))
    assert a.beside().ledger.record(body).receipt["recorded_at"] == "2024-06-04T01:00:01.000Z"


@pytest.fixture
def live() -> ALedger:
    """A log that keeps real time, by a clock in the test's hand."""
    made = ALedger(
        in_memory(MemoryRecordStore()), rehearsal=False, origin="bacninh.example/ordinary"
    )
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline")
    return made


def test_a_log_in_real_time_takes_no_time_from_the_sender(live: ALedger) -> None:
    """Only a rehearsal does."""
    body = orjson.dumps(flattened(live.sign(a_report(1), "hotline")))
    with pytest.raises(Rejected, match="not_a_rehearsal"):
        live.ledger.record(body, at=live.clock.now())
    live.ledger.record(body)


def test_a_clock_that_jumped_back_refuses_until_it_is_past_the_last_record(live: ALedger) -> None:
    """More than a second is a jump; less is the ordinary unevenness of two machines."""
    live.say(a_report(1), "hotline")
    live.clock.step(seconds=-0.5)
    assert live.say(a_report(2), "hotline").receipt["recorded_at"] == "2024-06-04T01:00:01.000Z"
    live.clock.step(seconds=-2)
    statement = live.sign(a_report(3), "hotline")
    for process in (live, live.beside()):
        with pytest.raises(Unavailable, match="clock_jumped"):
            process.send(statement)
    live.clock.step(seconds=5)
    assert live.send(statement).created


def test_a_key_is_not_used_past_its_last_instant(live: ALedger) -> None:
    """Not even where it was still good when the statement was judged."""
    until = live.clock.now() + timedelta(minutes=5)
    key = SoftwareSigner.generate()
    live.say(appointment("cv", live.clock.now()), "founder")
    live.say(
        enrolment("cv", live.clock.now(), key=key,
                  valid_to=until.astimezone(T0.tzinfo).isoformat(timespec="seconds")),
        "founder",
    )  # fmt: skip
    act = an_act("DetectionRecorded", by="cv", stream=f"case/{builders.an_id('case 9')}")
    statement = make(
        canonical.encode(dict(act.signed)), key, iat=int(until.timestamp()) - 60,
        log=live.origin, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip
    live.clock.set(until)
    with pytest.raises(Rejected, match="unknown_key"):
        live.send(statement)
    live.clock.set(until - timedelta(milliseconds=1))
    assert live.send(statement).created


def test_the_log_counts_in_milliseconds(live: ALedger) -> None:
    """A finer clock is cut off, at record 0 too: the row and the envelope say the same moment."""
    finer = ALedger(
        in_memory(MemoryRecordStore()), rehearsal=False, origin=live.origin, clock=live.clock
    )
    live.clock.step(microseconds=1_999)
    finer.found()
    finer.hire("hotline")
    assert {row.recorded_at.microsecond for row in finer.reader().read(0, 9)} == {1_000}


# -- before signing -----------------------------------------------------------------------------


def test_check_says_what_record_would_and_records_nothing(a: ALedger) -> None:
    """For a statement and for bare fields alike."""
    before = all_entries(a)
    statement = a.sign(a_report(1), "hotline")
    at = a.clock.now()
    said = a.ledger.drafts.check({"statement": flattened(statement)}, at=at)
    assert said == {"ok": True, "status": "effective", "flags": [], "next_state": "RECEIVED"}
    hotline = builders.officer("hotline")
    fields = {k: v for k, v in a_report(2).signed.items() if k not in ("v", "signers", "act_id")}
    assert a.ledger.drafts.check({"act": fields}, at=at, signer_officer=hotline)["ok"]
    asked = {"act": fields | {"agency": "khong.co"}}
    with pytest.raises(Rejected) as refused:
        a.ledger.drafts.check(asked, at=at, signer_officer=hotline)
    assert refused.value.guard == "AGENCY_EXISTS"
    assert all_entries(a) == before


def test_prepared_bytes_are_taken_once_they_are_signed(a: ALedger) -> None:
    """A thin client shows, signs and sends what the ledger drafted, an approver's part included."""
    case = _a_case_needing_approval(a)
    act = _needs_approval(a, case)
    _send_prepared(a, dict(act.signed), "cv", AUTHOR)
    fields = {"stream": case, "act_id": act.act_id}
    _send_prepared(a, fields, "pgd", "APPROVER")
    assert a.since(case, 1)[-1]["status"] == "effective"
    with pytest.raises(NotFound):
        a.ledger.drafts.prepare(
            fields | {"act_id": builders.an_id("nothing")},
            kid=builders.key("pgd").kid, role="APPROVER", at=a.clock.now(),
        )  # fmt: skip


def _send_prepared(a: ALedger, fields: Mapping[str, object], by: str, role: str) -> None:
    key = builders.key(by)
    made = a.ledger.drafts.prepare(fields, kid=key.kid, role=role, at=a.clock.now())
    assert made["shown"] == canonical.parse(canonical.unb64(made["payload"]))
    signature = canonical.b64(key.sign(made["signing_input"].encode()))
    body = {"payload": made["payload"], "protected": made["protected"], "signature": signature}
    a.ledger.record(orjson.dumps(body), at=a.clock.now(), signer_officer=builders.officer(by))


def test_a_stream_that_has_not_begun_has_a_head(a: ALedger) -> None:
    """Seq 1 and no `prev`; a name no stream can have is not found."""
    head = a.ledger.head(f"case/{builders.an_id('case 77')}")
    assert (head.seq, head.prev) == (1, None)
    for name in ("case/1", "", "ledger/x", "officer/../ledger"):
        with pytest.raises(NotFound):
            a.ledger.head(name)
