"""The guards that every act passes, each refused and passed once.

On a step of a scenario changed in one place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from api.texts.catalogue import translate
from ledger.errors import Rejected
from ledger.regulation.acts.catalogue import load
from ledger.regulation.edition import load_edition
from ledger.regulation.guards.table import GUARDS, guards_of
from tests.play_pure import Player, player_for, scenario, steps

Step = dict[str, Any]


def before(name: str, number: int) -> tuple[Player, dict[str, Any], Step]:
    """A scenario played up to the step of this number, its cast, and a copy of that step."""
    file = scenario(name)
    player, cast = player_for(file)
    for step in steps(file, number - 1):
        player.step(step, cast)
    return player, cast, copy.deepcopy(next(s for s in file["steps"] if s["n"] == number))


def refused(player: Player, cast: dict[str, Any], step: Step) -> Rejected:
    """The refusal of a step; nothing was taken in its stream."""
    with pytest.raises(Rejected) as caught:
        player.step(step, cast)
    return caught.value


def _no_summary(step: Step) -> None:
    del step["facts"]["reasons"]
    step["facts"]["not_in_catalogue"] = 1


def _old_law(step: Step) -> None:
    step["basis"][0] = {"instrument": "97/2008/NĐ-CP", "article": "1", "role": "PROCEDURE"}


def _addressee(step: Step) -> None:
    step["to"] = ["bacninh2025.ubnd"]


def _capacity(step: Step) -> None:
    step["capacity"] = "TUQ"


def _one_signer(step: Step) -> None:
    step["countersigners"] = []


def _late(step: Step) -> None:
    step["signed_at"] = "2024-06-07T09:05:00+07:00"
    step["countersigners"][0]["at"] = "2024-06-07T09:11:00+07:00"


def _future(step: Step) -> None:
    step["signed_at"] = "2024-06-04T08:55:00+07:00"


def _phone(step: Step) -> None:
    step["facts"]["reasons"] += " Liên hệ số 0912 345 678."


def _secret(step: Step) -> None:
    step["facts"]["reasons"] += " Tài liệu đóng dấu TỐI MẬT."


def _no_branch(step: Step) -> None:
    del step["disposition"]


def _other_case(step: Step) -> None:
    step["act"] = "ReferralAccepted"
    del step["disposition"]
    step["countersigners"] = []
    step["facts"] = {"referral": "@step:3", "received_at": step["at"]}


DEFECTS: list[tuple[str, str, Callable[[Step], None]]] = [
    ("a required fact is missing and an unknown one stands there", "FACTS_INVALID", _no_summary),
    ("the instrument was not in force that day (G2)", "INSTRUMENT_IN_FORCE", _old_law),
    ("the addressee did not exist yet (G3)", "ADDRESSEE_EXISTS", _addressee),
    ("the post may not sign in this capacity", "OFFICER_IN_POST", _capacity),
    ("class 2 with one signer", "SIGNER_ORDER", _one_signer),
    ("entered three days late without a reason", "LATE_REASON", _late),
    ("ten minutes in the future", "OCCURRED_IN_FUTURE", _future),
    ("a telephone number in free text (G14)", "NO_PERSON_IDENTIFIER", _phone),
    ("a secrecy marking in the ordinary log (4.4)", "SECRET_MARK_IN_TEXT", _secret),
    ("the branch is left out", "STATE_ILLEGAL", _no_branch),
    ("a reference to an act of another type", "REFERS_TO_OTHER_CASE", _other_case),
]


@pytest.mark.parametrize(("why", "guard", "spoil"), DEFECTS, ids=[d[0] for d in DEFECTS])
def test_a_spoilt_act_is_refused_by_its_guard(
    why: str, guard: str, spoil: Callable[[Step], None]
) -> None:
    """regulation.md §7: the unspoilt act passes, one change makes the named guard refuse it."""
    player, cast, step = before("SC1", 4)
    spoil(step)
    error = refused(player, cast, step)
    assert error.guard == guard, why
    assert translate(error.text, "vi").startswith("Không ghi được")
    assert "{" not in translate(error.text, "vi")
    assert "{" not in translate(error.text, "en")


def test_every_fault_of_the_facts_is_named_with_its_pointer() -> None:
    """Bad input is refused once, with all faults, not one after the other."""
    player, cast, step = before("SC1", 4)
    _no_summary(step)
    step["facts"]["out_of_articles"] = "no"
    pointers = {f.pointer for f in refused(player, cast, step).faults}
    assert pointers == {"/facts/reasons", "/facts/not_in_catalogue", "/facts/out_of_articles"}


def test_act_of_an_abolished_agency_is_refused_after_its_last_day() -> None:
    """G3: Sở TT&TT ended on 28/02/2025 (law.md §13)."""
    player, cast, step = before("SC3", 14)
    step |= {"author": "tp", "to": ["bacninh.svhttdl"]}
    assert refused(player, cast, step).guard == "AGENCY_EXISTS"


def test_agency_without_the_function_is_told_who_has_it() -> None:
    """4.3, G3: the refusal names the agencies that held the function that day."""
    player, cast, step = before("SC1", 11)
    step |= {"author": "bt", "capacity": "TRUC_TIEP"}
    step["countersigners"][0]["by"] = "ppn"
    error = refused(player, cast, step)
    assert error.guard == "AGENCY_HOLDS_FUNCTION"
    assert "Sở Thông tin và Truyền thông" in translate(error.text, "vi")


def test_identity_given_is_sealed_before_anything_else() -> None:
    """regulation.md §9, rule 10: the reporter is protected from the first act on."""
    player, cast, step = before("SC1", 3)
    last = player.stream(player.cases["C1"])
    assert last.last("ReporterIdentitySealed") is not None
    player, cast, step = before("SC1", 2)
    early = copy.deepcopy(next(s for s in scenario("SC1")["steps"] if s["n"] == 3))
    assert refused(player, cast, early).guard == "IDENTITY_SEALED_FIRST"
    player.step(step, cast)


def test_sub_process_at_another_step_refuses_the_move() -> None:
    """life_cycle.json: a take-down that is executed cannot be accepted again."""
    player, cast, step = before("SC1", 18)
    again = copy.deepcopy(next(s for s in scenario("SC1")["steps"] if s["n"] == 17))
    again |= {"n": 98, "at": step["at"]}
    again["facts"]["answer"] = "ACCEPTED"
    assert refused(player, cast, again).guard == "SUB_PROCESS_ILLEGAL"


def test_measure_that_lapsed_is_lifted_but_not_confirmed() -> None:
    """5.2, regulation.md §8, row 13: a first measure lapses at its review date unless confirmed."""
    player, cast, _ = before("SC2", 4)
    registered = next(s for s in scenario("SC2")["steps"] if s["n"] == 4)
    player.step(registered, cast)
    review: Step = {
        "n": 97,
        "at": "2023-10-17T09:00:00+07:00",
        "act": "MeasureReviewed",
        "case": "C1",
        "author": "cv",
        "countersigners": [{"by": "pgd", "role": "APPROVER", "at": "2023-10-17T09:10:00+07:00"}],
        "capacity": "TRUC_TIEP",
        "basis": registered["basis"],
        "circulation": "INTERNAL",
        "facts": {
            "measure": "@step:2",
            "decision": "CONFIRM",
            "reasons": "Vẫn còn cần thiết trong khi xác minh.",
            "asked_by": "REVIEW_DATE",
            "review_at": "2023-10-18T07:00:00+07:00",
        },
    }
    assert refused(player, cast, review).guard == "SUB_PROCESS_ILLEGAL"
    in_time = review | {"at": "2023-10-17T07:50:00+07:00", "signed_at": "2023-10-17T09:00:00+07:00"}
    entry, _ = player.step(in_time, cast)
    assert entry.moved[0].after == "CONFIRMED"


def test_prejudging_words_before_a_finding_are_flagged_and_recorded() -> None:
    """regulation.md §9, rule 1: neutral words; what is written stays recorded."""
    player, cast, step = before("SC1", 4)
    step["facts"]["reasons"] += " Đây là tin xấu, độc."
    _, decision = player.step(step, cast)
    assert decision.flags == ("NEUTRAL_WORDS",)
    player, cast, step = before("SC1", 8)
    step["facts"]["reasons"] += " Đây là tin xấu, độc."
    _, decision = player.step(step, cast)
    assert decision.flags == ()


def test_founder_signs_alone_only_until_a_second_officer_can_sign() -> None:
    """architecture.md §3, founding: each act so entered carries the flag, and then it ends."""
    player = Player()
    at = datetime.fromisoformat("2024-06-04T08:00:00+07:00")
    player.found(at)
    founder = player.cast["_founder"]
    appointed = player.stream(f"officer/{founder.officer}")
    assert appointed.seq == 0
    player.hire("keeper", founder.agency, "to-chuc", at)
    hired = player.stream(f"officer/{player.cast['keeper'].officer}").effective()
    assert [player.raised[e.act.act_id] for e in hired] == [("REGISTRY_FOUNDING",)] * 2
    alone = player.registry_act(
        "OfficerAppointed", hired[0].act.stream, dict(hired[0].act.facts), at
    )
    with pytest.raises(Rejected) as caught:
        player.sign(alone, founder.officer, "AUTHOR", at, founder.key.kid)
    assert caught.value.guard == "SIGNER_ORDER"
    player.hire("late", "bacninh.stttt", "chuyen-vien", at)
    later = player.stream(f"officer/{player.cast['late'].officer}").effective()
    assert [player.raised[e.act.act_id] for e in later] == [()] * 2


def test_act_in_the_stream_of_somebody_else_is_refused() -> None:
    """formats.md §2: a stream belongs to one thing; an appointment stands with its officer."""
    player, cast, step = before("SC1", 4)
    step |= {"programme": "dinh-ky-2024"}
    del step["case"], step["disposition"]
    assert refused(player, cast, step).code == "wrong_stream"


def test_table_holds_every_guard_of_the_list_in_its_order() -> None:
    """guards.json: 219 guards; general ones hold for every act, listed ones where required."""
    listed = [g["code"] for g in load_edition().guards["guards"]]
    assert [g.code for g in GUARDS] == listed
    assert len(GUARDS) == 219


def test_guards_of_an_act_are_the_general_and_its_own() -> None:
    """guards.json, notes: applies_to every_act, case_act in case streams, requires besides."""
    kind = load().type("SanctionDecided")
    codes = [g.code for g in guards_of(kind, "case")]
    general = [g.code for g in GUARDS if g.applies_to in ("every_act", "case_act")]
    assert set(codes) == {*general, *kind.requires}
    outside = [g.code for g in guards_of(load().type("KeyRevoked"), "officer")]
    assert "STATE_ILLEGAL" not in outside
    assert "KEY_KNOWN" in outside
