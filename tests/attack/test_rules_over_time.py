"""Rules that change while terms run: what began keeps the rule of its day, at the door and behind.

Registrar and legal officer set rules together, and are bought together. What they may set, and from
which day, is asked of them by `OVERSIGHT_TERM_KEPT` and `CITIZEN_CLOCK_KEPT`; here is what they can
do to a citizen with a line that both of these take.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ledger.errors import Rejected
from ledger.regulation.acts.act import Act
from ledger.regulation.case.clocks import clock_runs
from tests import builders
from tests.a_ledger import rule_set
from tests.attack.test_editions import adoption
from tests.attack.test_replayed_rules import Den, against
from tests.attacks import attack
from tests.builders import Story, a_case_in, adoption_facts
from tests.examples import in_share


@pytest.fixture
def den(request: pytest.FixtureRequest) -> Den:
    """A ledger of the newest edition, with a registrar and a legal officer in post."""
    return Den(spread=in_share(3, request.node.name))


def a_day_to_complain(den: Den, **facts: Any) -> Act:  # noqa: ANN401 - facts
    """ClockRuleSet: complaints within a day, by the founding registrar and the legal officer."""
    said = {
        "rule": "COMPLAINT_LODGE",
        "value": 1,
        "unit": "d",
        "valid_from": (_today(den) + timedelta(days=1)).date().isoformat(),
    }
    return rule_set(den.now, also="pc", **{**said, **facts})


def _today(den: Den) -> datetime:
    return den.now.astimezone(builders.T0.tzinfo)


@attack(
    "registrar and legal officer shorten the time to complain, so that complaints about what was"
    " decided before are marked as late",
    stopped_by="a complaint is late by the rule of the day on which its time began (edition 2)",
    noticed_by="-",
)
def test_no_rule_that_is_set_meanwhile_makes_a_complaint_late(den: Den) -> None:
    """The clock that the case shows and the mark say the same, and the audit is of one mind."""
    case = den.tell(a_case_in("RESULT_RECORDED", start=den.now))
    den.a.say(a_day_to_complain(den), "founder", "pc")
    den.a.clock.step(days=30)
    case.registry, case.now = den.a.ledger.refresh().copy(), den.now
    assert case.registry.limit(_LODGE, _today(den).date()).value == 1
    (runs,) = [run for run in clock_runs(case.stream, case.registry, den.now) if run.code == _LODGE]
    assert runs.due is not None
    assert runs.due > den.now + timedelta(days=50)
    entry = case.then("ComplaintReceived", facts={"received_at": _today(den).isoformat()})
    assert not case.decision.flags
    den.a.say(entry.act, "cv")
    assert den.audit().ok
    late = (runs.due + timedelta(seconds=1)).astimezone(builders.T0.tzinfo)
    case.now = runs.due + timedelta(days=1)
    case.then("ComplaintReceived", facts={"received_at": late.isoformat(timespec="seconds")})
    assert case.decision.flags == ("COMPLAINT_LATE",), "the window is over"


_LODGE = "COMPLAINT_LODGE"


@attack(
    "a line that is worse for a citizen, of the very day on which their term began, or drafted then"
    " and countersigned when it reaches back",
    stopped_by="CITIZEN_CLOCK_KEPT, asked again of each signature",
    noticed_by="log audit, which asks the rules again",
)
def test_a_worse_line_begins_on_the_day_after_it_is_signed_by_all(den: Den) -> None:
    """Whoever was told of ninety days this morning has them."""
    case = den.tell(a_case_in("RESULT_RECORDED", start=den.now))
    same_day = a_day_to_complain(den, valid_from=_today(den).date().isoformat())
    with pytest.raises(Rejected) as refused:
        den.a.say(same_day, "founder", "pc")
    assert refused.value.guard == "CITIZEN_CLOCK_KEPT"
    act = a_day_to_complain(den)
    den.a.say(act, "founder")
    den.a.clock.step(days=2)
    with pytest.raises(Rejected) as refused:
        den.a.send(den.a.sign(act, "pc", role="APPROVER"), by="pc")
    assert refused.value.guard == "CITIZEN_CLOCK_KEPT"
    assert den.audit().ok
    later = Story(case.stream.name, registry=den.a.ledger.refresh().copy())
    later.stream = case.stream
    (runs,) = [
        run for run in clock_runs(later.stream, later.registry, den.now) if run.code == _LODGE
    ]
    assert runs.due is not None
    assert runs.due > den.now + timedelta(days=80)


@attack(
    "registrar and legal officer shorten a term of oversight while it runs, so that every measure"
    " that stands is over since yesterday",
    stopped_by="OVERSIGHT_TERM_KEPT, asked again of each signature",
    noticed_by="log audit, which asks the rules again",
)
def test_no_term_of_oversight_is_shortened_while_it_runs(den: Den) -> None:
    """Whoever may take a measure away says so in its case, with signatures."""
    today = _today(den).date()
    line = {"rule": "MEASURE_MAX", "value": 1, "unit": "m"}
    for first in (today - timedelta(days=300), today):
        back = a_day_to_complain(den, **line, valid_from=first.isoformat())
        with pytest.raises(Rejected) as refused:
            den.a.say(back, "founder", "pc")
        assert refused.value.guard == "OVERSIGHT_TERM_KEPT"
    index = den.junk_of(back, "founder")
    against(den.audit(), index, "OVERSIGHT_TERM_KEPT")
    assert den.a.beside().ledger.refresh().limit("MEASURE_MAX", today).value == 6


@attack(
    "registrar and legal officer change the calendar: a day that is gone, so that what lapsed runs"
    " again, or all days to come, so that no review is due any more",
    stopped_by="EDITION_FITS, asked again of each signature on its own day",
    noticed_by="log audit, which asks the rules again",
)
def test_no_calendar_puts_off_what_is_over_or_what_is_to_be_reviewed(den: Den) -> None:
    """A holiday to come is one that everybody can see coming, and a rest has an end."""
    edition, today = den.a.ledger.registry.edition, _today(den).date()

    def off(*days: date) -> dict[str, Any]:
        years: dict[str, list[str]] = {}
        for day in days:
            there = list(edition.subjects["holidays"]["years"].get(f"{day.year}", ()))
            years.setdefault(f"{day.year}", there).append(f"{day:%m-%d}")
        change = {"holidays": {"years": years}}
        return adoption_facts(change, edition)

    def worked(first: date, step: int) -> date:
        while not edition.calendar.is_working(first):
            first += timedelta(days=step)
        return first

    ahead = [today + timedelta(days=n) for n in range(1, 300)]
    for facts in (off(worked(today, -1)), off(*ahead)):
        with pytest.raises(Rejected) as refused:
            den.a.say(adoption(den, **facts), "founder", "pc")
        assert refused.value.guard == "EDITION_FITS"
    soon = worked(today + timedelta(days=1), 1)
    act = adoption(den, **off(soon))
    den.a.say(act, "founder")
    den.a.clock.step(days=(soon - today).days)
    with pytest.raises(Rejected) as refused:
        den.a.send(den.a.sign(act, "pc", role="APPROVER"), by="pc")
    assert refused.value.guard == "EDITION_FITS"
    index = den.junk_of(adoption(den, **off(*ahead)), "founder")
    against(den.audit(), index, "EDITION_FITS")
