"""The way of a referral between agencies, read off the fold."""

from __future__ import annotations

from ledger.regulation.case_file.relations import named_in, referrals
from ledger.regulation.registry.calendar import local_day
from tests.builders import a_case_in


def test_a_referral_is_told_step_by_step() -> None:
    """Who sent it to whom, and where it stood after each act."""
    case = a_case_in("REFERRED")
    (way,) = referrals(case.stream, case.registry, local_day(case.now))
    sent = way["steps"][0]
    opened = case.stream.entries[way["id"]]
    assert (sent["act"], sent["act_id"], sent["agency"]) == (
        opened.act.act,
        opened.act.act_id,
        opened.act.agency,
    )
    assert [to["agency"] for to in sent["to"]] == list(opened.act.to)
    assert (way["state"], way["open"], way["part"]) == ("SENT", True, False)
    case.then("ReferralReturned")
    (way,) = referrals(case.stream, case.registry, local_day(case.now))
    assert [step["act"] for step in way["steps"]] == [opened.act.act, "ReferralReturned"]
    assert way["steps"][-1]["state"] == way["state"]


def test_a_closing_that_names_its_own_case_names_no_other() -> None:
    """Only another one is a relation."""
    case = a_case_in("SCREENING")
    act = case.act("CaseMerged", facts={"surviving_case": case.stream.name})
    assert list(named_in(act)) == []
    other = case.act("CaseMerged", facts={"surviving_case": "case/" + "0" * 8})
    assert [one.kind for one in named_in(other)] == ["MERGED"]
