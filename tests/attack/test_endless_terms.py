"""A time limit is entered that has no end, or no length: whatever it is, acts and views go on.

A registrar and the legal officer may enter nearly any length, by a slip too; no guard is asked
which lengths can be counted.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ledger.regulation.edition import Edition, load_edition
from ledger.regulation.registry import clock_terms
from ledger.regulation.registry.release_days import next_release_day
from ledger.regulation.registry.rules import Rules
from tests.a_ledger import rule_set
from tests.attacks import attack
from tests.builders import Story, an_act, an_id, enter
from tests.fixtures.app import Service

_MOST = 2**53 - 1
"""An integer that JSON of ours takes (formats.md §1)."""
_LENGTHS = [
    *((sign * _MOST, unit) for unit in ("wd", "d", "h", "m", "y") for sign in (1, -1)),
    *((1, unit) for unit in ("wd", "d", "h", "m", "y", "none")),
    (0, "wd"),
    (None, "none"),
    (None, "h"),
]
_ACTS = ("ReportReceived", "CaseRegistered", "CompetenceDetermined", "VerificationRequested")


@attack(
    "a time limit is entered that is longer than there are days, or of a unit nobody counts it in",
    stopped_by="a length counts for a hundred years at most; every unit is counted everywhere",
    noticed_by="-",
)
@pytest.mark.parametrize(("length", "unit"), _LENGTHS)
def test_no_length_of_a_time_limit_stops_anything(length: int | None, unit: str) -> None:
    """Of every clock and limit that there is: judged, counted and shown."""
    case = Story(f"case/{an_id('a case')}")
    codes = [line["code"] for part in ("clocks", "limits")
             for line in case.registry.edition.life_cycle[part]]  # fmt: skip
    for code in codes:
        facts = {**an_act("ClockRuleSet").facts, "rule": code, "unit": unit}
        facts |= {"valid_from": "2023-03-22"} | ({} if length is None else {"value": length})
        enter(case.registry, "ClockRuleSet", facts, stream="ledger")
    for name in _ACTS:
        act = case.then(name, late_reason="Nhập lại từ sổ giấy").act
        for code in codes:
            clock_terms.term(code, act, case.registry)
    assert case.stream.latest is not None


@attack(
    "a log adopts rules of its own, of which a limit is longer than there are days",
    stopped_by="a length of an edition counts for a hundred years at most, too",
    noticed_by="-",
)
def test_no_length_of_an_edition_of_ones_own_stops_anything() -> None:
    """Also where nothing is counted in the edition that is changed."""
    shipped = load_edition()
    cycle = dict(shipped.life_cycle)
    endless = {"initial": {"value": _MOST, "unit": "d"}}
    cycle["limits"] = [
        line | endless if line["code"] in ("STUB_RELEASE", "RELEASE_SLOT") else line
        for line in cycle["limits"]
    ]
    rules = Rules.of(Edition("2-x.1", {**shipped.subjects, "life_cycle": cycle}, shipped))
    today = date(2026, 4, 15)
    for code in ("STUB_RELEASE", "RELEASE_SLOT"):
        rule = rules.on(code, today)
        assert rule is not None
        assert isinstance(rule.value, int)
        assert next_release_day(today, rule.value) > today


@attack(
    "by an endless limit, or one of another unit, nobody's act is taken any more",
    stopped_by="the same, over HTTP",
    noticed_by="-",
)
@pytest.mark.postgres
def test_acts_go_on_whatever_limit_was_entered(service: Service) -> None:
    """By the registrar and the legal officer; it is set right as it was set wrong."""
    service.hire("hotline", "cv", "pc")
    day = service.clock.now().date()
    for n, (rule, value, unit) in enumerate(
        (("LATE_ENTRY", 1, "wd"), ("REGISTER_CASE", _MOST, "wd"), ("ADVANCE_ENTRY", _MOST, "y"))
    ):
        since = (day - timedelta(days=n)).isoformat()
        act = rule_set(
            service.clock.now(), also="pc", rule=rule, value=value, unit=unit, valid_from=since
        )
        service.say(act, "founder", "pc")
        service.step(minutes=1)
    report = an_act(
        "ReportReceived", by="hotline", when=service.clock.now(), stream=f"case/{an_id('after')}"
    )
    receipt = service.say(report, "hotline")
    answer = service.get(f"/v1/cases/{an_id('after')}", "hotline", at_least=receipt["index"],
                         headers={"Prefer": "wait=20"})  # fmt: skip
    assert answer.status_code == 200, answer.text
