"""Pairs of acts that are each lawful alone, sent at the same moment: what must hold after a round.

A round prepares its own cases, so that it can be run as often as one likes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpx

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import StreamState
from tests.a_ledger import appointment, approved, ending, enrolment, revocation
from tests.builders import CAST, MORE_POWERS, a_registry, a_token, an_act, an_id, changed
from tests.fixtures.arena import CAST as ARENA_CAST
from tests.fixtures.arena import PERSONNEL, Arena, Party
from tests.fixtures.erasable import socai

Round = Callable[[Arena, int], None]


def same_token(arena: Arena, n: int) -> None:
    """One reporter's token is sealed in two cases."""
    token = a_token(f"raced {n}")
    cases = [arena.a_case(identity_given=True, reporter=None) for _ in range(2)]
    answers = arena.at_once(
        *(
            Party(arena.act("ReporterIdentitySealed", case, facts={"reporter": token}), "hotline")
            for case in cases
        )
    )
    _one_of(answers, "TOKEN_OF_ONE_CASE")


def mutual_merge(arena: Arena, n: int) -> None:
    """A is merged into B, and B into A."""
    del n
    a, b = (arena.a_case("CaseRegistered") for _ in range(2))
    acts = [
        arena.act("CaseMerged", case, facts={"surviving_case": other})
        for case, other in ((a, b), (b, a))
    ]
    for act in acts:
        _signed(arena, act, "cv")
    answers = arena.at_once(*(Party(act, "gd", "APPROVER") for act in acts))
    _one_of(answers, "SURVIVING_CASE_OPEN")


def double_closing(arena: Arena, n: int) -> None:
    """Two closings of one case are drafted; then one is approved as another comes to wait."""
    del n
    case = arena.a_case(*_TO_THE_RESULT, "ResultNotified", "ReporterInformed")
    drafts = {by: arena.act("CaseClosed", case, by=by) for by in ("cv", "cv2")}
    answers = arena.at_once(*(Party(act, by) for by, act in drafts.items()))
    _one_of(answers, "PENDING_NAMED")
    (first,) = _state(arena, case).pending.values()
    by = next(by for by, act in drafts.items() if act.act_id != first.act.act_id)
    second = arena.act("CaseClosed", case, by=by, facts={"pending": [first.act.act_id]})
    answers = arena.at_once(Party(first.act, "gd", "APPROVER"), Party(second, by))
    _one_of(answers)
    if answers[0].status_code != httpx.codes.CREATED:
        assert answers[0].json()["guard"] == "PENDING_NAMED", answers[0].text
        _signed(arena, second, "gd", "APPROVER")
    state = _state(arena, case)
    assert len(state.effective("CaseClosed")) == 1
    assert not state.pending


def measure_and_lifting(arena: Arena, n: int) -> None:
    """A measure is taken as the case ends, reviewed as it is lifted, and lifted by two."""
    del n
    case = arena.a_case("CaseRegistered", "ImmediateMeasureTaken")
    lifted = [arena.act("MeasureLifted", case, by=by) for by in ("cv", "cv2")]
    answers = arena.at_once(
        *(Party(act, by) for act, by in zip(lifted, ("cv", "cv2"), strict=True))
    )
    _one_of(answers)
    assert len(_state(arena, case).effective("MeasureLifted")) == 1


def key_revoked_as_it_signs(arena: Arena, n: int) -> None:
    """A key signs a report at the moment at which it is revoked."""
    key = SoftwareSigner.from_secret("Ed25519", (f"raced key {n} ".encode() * 32)[:32])
    now = arena.service.step(minutes=1)
    _enter(arena, enrolment("hotline", now, key=key))
    now = arena.service.step(minutes=1)
    report = an_act(
        "ReportReceived", by="hotline", when=now, stream=f"case/{an_id(f'revoked {n}')}"
    )
    taken, ended = arena.at_once(
        Party(report, "hotline", key=key),
        Party(revocation("hotline", now, key=key), "founder"),
    )
    _before_or_refused(taken, ended, 401)


def officer_ended_between(arena: Arena, n: int) -> None:
    """An act's author leaves the post at the moment at which it is approved."""
    del n
    now = arena.service.step(days=2)
    _enter(arena, appointment("tp", now, valid_from=now.date().isoformat()))
    case = arena.a_case("CaseRegistered")
    act = arena.act("CompetenceDetermined", case, by="tp", also=["gd"])
    _signed(arena, act, "tp")
    left = approved(
        ending("tp", arena.service.clock.now(), now.date() - timedelta(days=1)), PERSONNEL
    )
    _signed(arena, left, "founder")
    taken, ended = arena.at_once(
        Party(act, "gd", "APPROVER"), Party(left, PERSONNEL, left.signers[-1].role)
    )
    _before_or_refused(taken, ended, 422)


def numbers_at_once(arena: Arena, n: int) -> None:
    """Four reports are taken in at once, to whom the log gives numbers of one register."""
    now = arena.service.step(minutes=1)
    reports = [
        an_act(
            "ReportReceived", by="hotline", when=now, capacities=["TRUC_TIEP"],
            stream=f"case/{an_id(f'numbered {n} {one}')}",
        )
        for one in range(4)
    ]  # fmt: skip
    answers = arena.at_once(*(Party(report, "hotline") for report in reports))
    assert {answer.status_code for answer in answers} == {201}, [one.text for one in answers]
    told = [answer.json() for answer in answers]
    given = [one["number"] for one in sorted(told, key=lambda one: one["index"])]
    first = int(given[0].partition("/")[0])
    assert [int(one.partition("/")[0]) for one in given] == list(range(first, first + 4)), given


def one_id_twice(arena: Arena, n: int) -> None:
    """Two cases are decided by acts of one id."""
    del n
    cases = [arena.a_case("CaseRegistered") for _ in range(2)]
    one, other = (arena.act("CompetenceDetermined", case) for case in cases)
    answers = arena.at_once(Party(one, "cv"), Party(changed(other, act_id=one.act_id), "cv"))
    told = sorted((answer.status_code, answer.json().get("code", "")) for answer in answers)
    assert told == [(201, ""), (409, "taken")], told


def erased_as_it_is_signed(arena: Arena, n: int) -> None:
    """An act takes its last signature at the moment at which its erasure takes effect."""
    service = arena.service
    if not n:
        now, registry = service.step(minutes=1), a_registry()
        for alias in _ERASING:
            agency, post = CAST[alias]
            line = registry.agency(agency)
            assert line is not None
            powers = {*line.posts[post].powers, *MORE_POWERS.get(alias, ())}
            _enter(arena, appointment(alias, now, powers=sorted(powers)))
            if alias not in ARENA_CAST:
                _enter(arena, enrolment(alias, now))
    case = arena.a_case("CaseRegistered")
    act = arena.act("VerificationRequested", case)
    _signed(arena, act, "cv")
    (row,) = service.records.act(UUID(act.act_id))
    entries = [{"index": row.index, "entry": canonical.b64(row.entry)}]
    erasure = an_act(
        "RecordErased", when=service.step(minutes=1),
        facts={"entries": entries, "attachments": [], "registered": []},
    )  # fmt: skip
    for alias, signer in zip(_ERASING[:2], erasure.signers, strict=False):
        _signed(arena, erasure, alias, signer.role)
    signed, erased = arena.at_once(
        Party(act, "gd", "APPROVER"), Party(erasure, _ERASING[2], "APPROVER")
    )
    told = {(one.status_code, one.json().get("code", "")) for one in (signed, erased)}
    refused = "act_in_part" if signed.status_code == httpx.codes.CREATED else "act_erased"
    assert told == {(201, ""), (409, refused)}, (signed.text, erased.text)
    if erased.status_code == httpx.codes.CREATED:
        gone = socai(service, "log", "shred", erasure.act_id, "--yes", "--json")
        assert gone.exit_code == 0, gone.output


_ERASING = ("ct", "ubgk", "giamsat")


def _enter(arena: Arena, act: Act) -> None:
    """What the founder registers, approved by the personnel officer: the founder is not alone."""
    arena.service.say(approved(act, PERSONNEL), "founder", PERSONNEL)


def _before_or_refused(taken: httpx.Response, ended: httpx.Response, status: int) -> None:
    """What ends a power is recorded; what used the power stands before it or nowhere."""
    assert ended.status_code == 201, ended.text
    before = taken.status_code == 201 and taken.json()["index"] < ended.json()["index"]
    assert before or taken.status_code == status, (taken.text, ended.text)


_TO_THE_RESULT = (
    "CaseRegistered", "CompetenceDetermined", "VerificationConcluded", "HandlingDecided",
    "ResultDetermined",
)  # fmt: skip


def _signed(arena: Arena, act: Act, by: str, role: str = "AUTHOR") -> None:
    answer = arena.service.send(arena.service.sign(act, by, role=role), by)
    assert answer.status_code == 201, answer.text


def _state(arena: Arena, case: str) -> StreamState:
    with arena.service.enclave.ledger._memory.fresh(case) as current:
        return current.state


def _one_of(answers: list[httpx.Response], guard: str | None = None) -> None:
    """One was recorded, the other refused in a guard's words: by what was true when it was."""
    told = sorted((answer.status_code, answer.text) for answer in answers)
    assert [status for status, _ in told] == [201, 422], told
    refused = next(answer.json() for answer in answers if answer.status_code == 422)
    if guard is not None:
        assert refused["guard"] == guard, refused


ROUNDS: dict[str, Round] = {
    "same token": same_token,
    "mutual merge": mutual_merge,
    "double closing": double_closing,
    "measure and lifting": measure_and_lifting,
    "key revoked as it signs": key_revoked_as_it_signs,
    "officer ended between": officer_ended_between,
    "numbers at once": numbers_at_once,
    "one id twice": one_id_twice,
    "erased as it is signed": erased_as_it_is_signed,
}
