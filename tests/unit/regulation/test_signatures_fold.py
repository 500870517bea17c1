"""Several signatures: what is pending moves nothing, order and persons are kept.

A returned act is dead (formats.md §3).
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import parse_act
from ledger.regulation.case.state import Entry
from tests.play_pure import Player, player_for, scenario, steps


def pending(keep: int = 0) -> tuple[Player, dict[str, Any], Entry]:
    """SC1 with its class 3 referral (step 10) signed by the author and `keep` others.

    The rest waits.
    """
    file = scenario("SC1")
    player, cast = player_for(file)
    for step in steps(file, 9):
        player.step(step, cast)
    step = copy.deepcopy(next(s for s in file["steps"] if s["n"] == 10))
    for other in step["countersigners"][keep:]:
        del other["at"]
    entry, decision = player.step(step, cast)
    assert decision.status == "pending"
    return player, cast, entry


def sign(player: Player, entry: Entry, alias: str, role: str) -> str:
    """One more statement of the entry's act, a minute later."""
    assert player.now is not None
    at = player.now + timedelta(minutes=1)
    done, _ = player.sign(entry.act, player.cast[alias].officer, role, at)
    return done.status


def test_pending_act_moves_nothing_until_its_last_signer() -> None:
    """Class 3: author and checker alone open no criminal referral and start no clock."""
    player, _, entry = pending()
    stream = player.stream(entry.act.stream)
    assert [s.role for s in entry.waiting_for] == ["CHECKER", "APPROVER"]
    assert stream.subs_in("criminal_referral") == []
    assert sign(player, entry, "pc", "CHECKER") == "pending"
    assert stream.subs_in("criminal_referral") == []
    assert sign(player, entry, "gd", "APPROVER") == "effective"
    assert [s.state for s in stream.subs_in("criminal_referral")] == ["SENT"]
    assert entry.waiting_for == ()


@pytest.mark.parametrize(
    ("alias", "role"),
    [("gd", "APPROVER"), ("pc", "APPROVER"), ("tp", "CHECKER"), ("ttv", "AUTHOR")],
    ids=["out of order", "in another role", "another person", "the author twice"],
)
def test_countersignature_out_of_turn_is_refused(alias: str, role: str) -> None:
    """formats.md §3: out of order, twice or by another person is refused.

    And the act still waits.
    """
    player, _, entry = pending()
    before = player.size
    with pytest.raises(Rejected) as caught:
        sign(player, entry, alias, role)
    assert caught.value.guard == "SIGNER_ORDER"
    assert player.size == before
    assert len(entry.waiting_for) == 2


def test_countersignature_of_an_effective_act_is_refused() -> None:
    """An act takes effect once."""
    player, _, entry = pending(2 - 1)
    assert sign(player, entry, "gd", "APPROVER") == "effective"
    with pytest.raises(Rejected) as caught:
        sign(player, entry, "gd", "APPROVER")
    assert caught.value.guard == "SIGNER_ORDER"


def test_countersignature_over_changed_bytes_is_refused() -> None:
    """The same act_id over another payload edits what was signed (G13)."""
    player, _, entry = pending()
    members = copy.deepcopy(dict(entry.act.signed))
    members["facts"]["signs"] += " Thêm."
    changed = parse_act(members)
    assert player.now is not None
    with pytest.raises(Rejected) as caught:
        player.sign(changed, player.cast["pc"].officer, "CHECKER", player.now)
    assert caught.value.guard == "CORRECT_NOT_EDIT"


def _return(player: Player, entry: Entry, alias: str, cast: dict[str, Any]) -> None:
    assert player.now is not None
    at = (player.now + timedelta(minutes=2)).astimezone(
        datetime.fromisoformat("2024-06-04T00:00:00+07:00").tzinfo
    )
    number = next(n for n, act_id in player.acts.items() if act_id == entry.act.act_id)
    step = {
        "n": 90,
        "at": at.isoformat(timespec="seconds"),
        "act": "ActReturned",
        "case": "C1",
        "author": alias,
        "countersigners": [],
        "capacity": "TRUC_TIEP",
        "basis": [{"instrument": "90/QĐ-UBND", "article": "8", "clause": "1", "role": "PROCEDURE"}],
        "circulation": "INTERNAL",
        "facts": {"reason": "Hồ sơ chưa đủ bản chụp."},
        "refers_to": number,
    }
    player.step(step, cast)


def test_returned_act_is_dead() -> None:
    """The officer whose turn it is may return; nobody can sign the act afterwards."""
    player, cast, entry = pending()
    _return(player, entry, "pc", cast)
    assert entry.status == "returned"
    assert entry.waiting_for == ()
    stream = player.stream(entry.act.stream)
    assert stream.pending == {}
    assert stream.get(entry.act.act_id) is None
    with pytest.raises(Rejected):
        sign(player, entry, "pc", "CHECKER")


def test_only_the_officer_whose_turn_it_is_returns() -> None:
    """formats.md §3: the approver cannot return what the checker has not signed."""
    player, cast, entry = pending()
    with pytest.raises(Rejected) as caught:
        _return(player, entry, "gd", cast)
    assert caught.value.guard == "AGENCY_HOLDS_FUNCTION"
    assert entry.status == "pending"


def test_act_whose_ground_has_gone_is_refused_at_the_countersignature() -> None:
    """architecture.md §3: guards are asked at every statement.

    Against the stream as it stands then.
    """
    file = scenario("SC1")
    player, cast = player_for(file)
    for step in steps(file, 18):
        player.step(step, cast)
    result = copy.deepcopy(next(s for s in file["steps"] if s["n"] == 19))
    twin = copy.deepcopy(result) | {"n": 80}
    del twin["countersigners"][0]["at"]
    waiting, _ = player.step(twin, cast)
    player.step(result, cast)
    with pytest.raises(Rejected) as caught:
        sign(player, waiting, "gd", "APPROVER")
    assert caught.value.guard == "STATE_ILLEGAL"
    assert waiting.status == "pending"
