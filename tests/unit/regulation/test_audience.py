"""Rows say who sees what: those of a case and those of officers together, at every instant (V9)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.regulation.case.state import apply
from ledger.regulation.participation import principals
from ledger.regulation.participation.audience import AudienceRow, audience
from ledger.regulation.participation.members import Membership, inspections, members
from ledger.regulation.participation.reach import OPENING, reach
from ledger.regulation.participation.sees import acts_seen
from ledger.regulation.participation.units import units
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.delegations import Delegation
from tests.attacks import attack
from tests.builders import (
    CAST,
    Story,
    a_case_in,
    a_registry,
    an_id,
    at,
    enter,
    hire,
    officer,
    signed,
)
from tests.examples import examples
from tests.play_pure import scenario, steps
from tests.unit.regulation.test_participation import (
    AGENCIES,
    ALIASES,
    NAMES,
    STEP,
    generated,
    lets_sign,
    looked_at,
    require_agreement,
    seeing,
)

OTHER = f"case/{an_id('another case')}"


@dataclass(frozen=True)
class Rows:
    """What a database would hold of one case and of the officers.

    Attributes:
        of_case: Rows of the case.
        of_officers: Rows of the officers.
        excluded: Officers shut out, each with the end of it.
        named: Acts of a unit that has a name: the whole case does not show them.
    """

    of_case: tuple[AudienceRow, ...]
    of_officers: list[Membership]
    excluded: list[tuple[str, datetime | None]]
    named: frozenset[str]

    @classmethod
    def of(cls, case: Viewpoint) -> Rows:
        """The rows, by the records there are."""
        found = audience(case, inspections(case.registry))
        shut = [(row.officer, row.until) for row in found.excluded]
        named = frozenset(units(case.fold, case.level))
        return cls(found.rows, members(case.registry), shut, named)

    def seen(self, officer_id: str, acts: Iterable[str], when: datetime) -> set[str]:
        """Acts that an officer sees, asked as the policies ask."""
        if any(o == officer_id and (u is None or when < u) for o, u in self.excluded):
            return set()
        whos = {
            m.who
            for m in self.of_officers
            if m.officer == officer_id
            if (m.since is None or m.since <= when) and (m.until is None or when < m.until)
        }
        shown = {
            row.act
            for row in self.of_case
            if row.who in whos and (row.until is None or when < row.until)
        }
        whole = None in shown
        return {act for act in acts if act in shown or (whole and act not in self.named)}

    def under(self, officer_id: str, when: datetime) -> tuple[str, str] | None:
        """(act, rule) by which an officer sees what nothing else shows, asked as the database."""
        if any(o == officer_id and (u is None or when < u) for o, u in self.excluded):
            return None
        shown = [
            (row.act, m.rule, m.via)
            for m in self.of_officers
            if m.officer == officer_id
            if (m.since is None or m.since <= when) and (m.until is None or when < m.until)
            for row in self.of_case
            if row.who == m.who and (row.until is None or when < row.until)
        ]
        own = {act for act, rule, _ in shown if rule not in {"A9", "A19"}}
        more = [
            (act is not None, rule != "A9", via)
            for act, rule, via in shown
            if rule in {"A9", "A19"} and None not in own and act not in own
        ]
        if not more:
            return None
        _, opening, via = min(more)
        return via, "A19" if opening else "A9"


def require_rows(officers: Iterable[str], case: Viewpoint, whens: Iterable[datetime] = ()) -> None:
    """Rows made now show each officer the acts that the rule does, now and later."""
    rows = Rows.of(case)
    opened = {m.officer for m in rows.of_officers if m.rule in {"A9", "A19"}}
    for when in (case.at, *whens):
        then = Viewpoint(case.fold, case.registry, when, case.level, case.handler_of)
        for one, by_rule in acts_seen(officers, then).items():
            assert rows.seen(one, case.fold.entries, when) == by_rule, (one, when)
            if one in opened:
                under = reach(one, then).under
                said = None if under is None else (under.via, OPENING[under.act])
                assert rows.under(one, when) == said, (one, when)


# -- who signs instead ---------------------------------------------------------------------------

WAITED: dict[str, dict[str, Any]] = {
    "all that the post signs": {},
    "acts of this type": {"acts": ["VerificationConcluded"]},
    "acts of another type": {"acts": ["SanctionDecided"]},
}


@pytest.mark.parametrize("in_case", [False, True])
@pytest.mark.parametrize("scope", WAITED)
def test_whom_a_signer_lets_sign_sees_what_waits_and_nothing_else(
    scope: str, *, in_case: bool
) -> None:
    """For the term of it, while it waits, of whatever agency; nobody else of that agency does."""
    story = a_case_in("VERIFYING")
    waits = story.act("VerificationConcluded", also=["yt"])
    first, last = signed(waits, story.stream)
    apply(story.stream, first)
    line = lets_sign(story, "yt", in_case=in_case, **WAITED[scope])
    both = [officer("yt"), officer("ytcv")]

    def sees(alias: str, when: datetime) -> bool:
        case = looked_at(story, when)
        require_rows(both, case)
        require_agreement(both, case)
        return acts_seen(both, case)[officer(alias)] == frozenset(story.stream.entries)

    given = scope != "acts of another type"
    assert [sees(one, story.now) for one in ("yt", "ytcv")] == [True, given]
    assert sees("ytcv", story.now + timedelta(days=19)) is given
    assert not sees("ytcv", story.now + timedelta(days=22))
    gone = Viewpoint(story.stream, story.registry.copy(), story.now)
    gone.registry.delegations.end(line, 9)
    require_rows(both, gone)
    assert acts_seen(both, gone)[officer("ytcv")] == frozenset()
    apply(story.stream, last)
    story.later(minutes=30)
    assert not sees("ytcv", story.now)


def test_the_next_holder_of_a_post_sees_what_waits_for_it_and_nothing_else() -> None:
    """W1: from the appointment on, while the act waits; a clerk of that agency sees nothing.

    The act waits for the deputy head of another department; that officer leaves, and is followed.
    """
    story = a_case_in("VERIFYING")
    waits = story.act("VerificationConcluded", also=["yt"])
    first, last = signed(waits, story.stream)
    apply(story.stream, first)
    agency, post = CAST["yt"]
    those = [officer(alias) for alias in ("yt", "ytcv", "spgd")]

    def sees(alias: str, when: datetime) -> bool:
        case = looked_at(story, when)
        require_rows(those, case)
        require_agreement(those, case)
        return acts_seen(those, case)[officer(alias)] == frozenset(story.stream.entries)

    def holds(alias: str, since: str) -> None:
        facts = {
            "officer": officer(alias), "agency": agency, "post": post, "valid_from": since,
            "capacities": ["TRUC_TIEP"], "powers": ["HEAD"], "basis_document": "QĐ",
        }  # fmt: skip
        enter(story.registry, "OfficerAppointed", facts, stream=f"officer/{officer(alias)}")

    holds("spgd", "2024-06-20")  # beside the one who is named: nothing waits for them
    assert not sees("spgd", at("2024-06-21 09:00"))
    left = {"officer": officer("yt"), "agency": agency, "post": post, "ended_on": "2024-06-22",
            "reason": "MOVED", "keys_end": False}  # fmt: skip
    enter(story.registry, "OfficerEnded", left, stream=f"officer/{officer('yt')}")
    assert not sees("spgd", at("2024-06-22 23:00"))
    assert sees("spgd", at("2024-06-23 00:30"))
    assert not sees("ytcv", at("2024-06-23 00:30"))
    apply(story.stream, last)
    assert not sees("spgd", at("2024-06-23 01:00"))


@pytest.mark.parametrize("in_case", [False, True])
def test_whom_a_signer_lets_sign_sees_what_waits_in_the_authors_own_agency(
    *, in_case: bool
) -> None:
    """W1: an agency that was asked holds the letter, and its answer not before it takes effect.

    So a colleague of the author sees nothing of what waits but by the delegation.
    """
    story = a_case_in("VERIFYING")
    answer = _answer_that_waits(story)
    line = lets_sign(story, "yt", in_case=in_case)  # to the author
    hire(story.registry, "spgd", agency="bacninh.syt", post="chuyen-vien")
    hire(story.registry, "scv", agency="bacninh.syt", post="chuyen-vien")
    assert not _sees(story, "spgd", answer)
    story.registry.delegations.give(
        replace(_line(story, line), taker=officer("spgd"), to_post="chuyen-vien")
    )
    assert _sees(story, "spgd", answer)
    assert not _sees(story, "scv", answer)
    assert not _sees(story, "spgd", answer, story.now + timedelta(days=22))
    story.registry.delegations.end(line, 9)
    assert not _sees(story, "spgd", answer)


def test_the_next_holder_of_a_post_sees_what_waits_in_the_authors_own_agency() -> None:
    """W1: also there nobody but the signers sees an answer that waits."""
    story = a_case_in("VERIFYING")
    answer = _answer_that_waits(story)
    agency, post = CAST["yt"]
    hire(story.registry, "spgd", agency=agency, post=post, valid_from="2024-06-01")
    hire(story.registry, "scv", agency=agency, post="chuyen-vien")
    assert not _sees(story, "spgd", answer)
    left = {"officer": officer("yt"), "agency": agency, "post": post, "reason": "MOVED",
            "keys_end": False, "ended_on": story.now.date().isoformat()}  # fmt: skip
    enter(story.registry, "OfficerEnded", left, stream=f"officer/{officer('yt')}")
    day = timedelta(days=1)
    assert _sees(story, "spgd", answer, story.now + day)
    assert not _sees(story, "scv", answer, story.now + day)


@pytest.mark.parametrize("reports", [1, 2])
def test_a_colleague_who_may_sign_what_waits_sees_it_where_nothing_is_held_yet(
    reports: int,
) -> None:
    """Found by drawing: reports that wait for their own author, who then lets a clerk sign."""
    story, one = Story(), AGENCIES[0]
    for _ in range(reports):
        generated(story, ("ReportReceived", "hotline", "hotline", one, one, 0, False))
    generated(story, ("DelegationGiven", "hotline", "hotline", one, one, 0, False))
    assert all(_sees(story, "cv", act) for act in story.stream.pending)
    assert not any(_sees(story, "pc", act) for act in story.stream.pending)


@pytest.mark.parametrize("capacities", [[], ["TRUC_TIEP"]])
def test_the_next_holder_who_signs_in_no_capacity_sees_nothing_of_what_waits(
    capacities: list[str],
) -> None:
    """W1 shows it to who may sign it: a post that signs in no capacity signs for nobody."""
    story, one = Story(), AGENCIES[0]
    generated(story, ("ReportReceived", "hotline", "ytcv", one, one, 0, False))
    agency, post = CAST["ytcv"]
    held = {"agency": agency, "post": post, "powers": ["VAULT_KEEPER"], "capacities": capacities}
    hire(story.registry, "spgd", **held, valid_from="2024-06-05")
    changed(story, ("end", "ytcv", one, one, 0))
    (waits,) = story.stream.pending
    assert _sees(story, "spgd", waits, story.now + timedelta(days=1)) is bool(capacities)


def _answer_that_waits(story: Story) -> str:
    """What the health department answers, signed by its author alone; the act's id."""
    asked = story.then("VerificationRequested").act.act_id
    answer = story.act("VerificationAnswered", by="ytcv", also=["yt"], facts={"request": asked})
    apply(story.stream, signed(answer, story.stream)[0])
    story.later(minutes=10)
    return answer.act_id


def _line(story: Story, act_id: str) -> Delegation:
    line = story.registry.delegations.get(act_id)
    assert line is not None
    return line


def _sees(story: Story, alias: str, act: str, when: datetime | None = None) -> bool:
    """Whether an alias sees an act, as rows, rule and list say together."""
    case, one = looked_at(story, when), officer(alias)
    require_rows([one], looked_at(story), [case.at])
    require_agreement([one], case)
    return act in acts_seen([one], case)[one]


def test_who_heads_the_agency_that_carries_on_sees_what_waits_there() -> None:
    """W1: by the day of the merger, and no clerk of it; the act waits for a post that is gone."""
    story = a_case_in("VERIFYING", registry=a_registry())
    waits = story.act("VerificationConcluded", also=["yt"])
    apply(story.stream, signed(waits, story.stream)[0])
    merged = {
        "kind": "MERGE", "effective_on": "2024-07-01", "predecessors": ["bacninh.syt"],
        "successors": ["bacninh.csdt"], "map": [], "basis_document": "NQ 1",
    }  # fmt: skip
    enter(story.registry, "AgencySuccessionRecorded", merged, stream="ledger")
    head = {
        "officer": officer("spgd"), "agency": "bacninh.csdt", "post": "thu-truong",
        "valid_from": "2024-01-01", "capacities": ["TRUC_TIEP"], "basis_document": "QĐ",
    }  # fmt: skip
    enter(story.registry, "OfficerAppointed", head, stream=f"officer/{officer('spgd')}")
    those = [officer(alias) for alias in ("spgd", "dtv", "yt")]
    for when, shown in ((at("2024-06-30 12:00"), False), (at("2024-07-01 12:00"), True)):
        case = looked_at(story, when)
        require_rows(those, case)
        require_agreement(those, case)
        seen = acts_seen(those, case)
        assert bool(seen[officer("spgd")]) is shown
        assert not seen[officer("dtv")]


@attack(
    "one officer enters acts that wait for a signature, on and on in one case: at each record what"
    " is given is gone over for every one that waits, and everybody waits for it",
    stopped_by="of each author's agency and day it is gone over once",
    noticed_by="-",
)
def test_what_is_lent_is_looked_for_once_and_not_for_each_act_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four times as many acts are four times the work, where they were sixteen times as much."""
    asked: list[str] = []

    def counted(agency: str) -> str:
        asked.append(agency)
        return of_agency(agency)

    of_agency = principals.agency
    monkeypatch.setattr(principals, "agency", counted)
    story, took = a_case_in("VERIFYING"), list[int]()
    for more in (10, 30):
        for _ in range(more):
            waits = story.act("VerificationConcluded", also=["yt"])
            apply(story.stream, signed(waits, story.stream)[0])
        asked.clear()
        audience(looked_at(story, story.now))
        took.append(len(asked))
    assert 0 < took[1] <= 5 * took[0], took


# -- the scenarios ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=() if n % 2 else pytest.mark.soak) for n, one in enumerate(NAMES)],
)
def test_rows_and_rule_agree_all_along_a_scenario(name: str) -> None:
    """At each statement, for officers drawn from the cast, then and on days to come.

    Along each second scenario on a push, along the others in `make soak`.
    """
    file = scenario(name)
    draw = random.Random(f"rows of {name}")  # noqa: S311 - the same days in every run
    player, aliases = seeing(file)
    for step in steps(file):
        entry, _ = player.step(step, aliases)
        stream = player.stream(entry.act.stream)
        if stream.kind != "case":
            continue
        assert player.now is not None
        cast = sorted(p.officer for p in player.cast.values())
        later = player.now + timedelta(days=draw.choice([1, 29, 31, 300, 900]))
        case = player.case(stream, player.now)
        require_rows(draw.sample(cast, min(8, len(cast))), case, [later])


# -- generated histories ------------------------------------------------------------------------

LATER = st.lists(st.integers(0, 1300), min_size=1, max_size=3)
OF_REGISTRY = (
    "grant",
    "order",
    "opening",
    "revoke",
    "hire",
    "end",
    "link",
    "succession",
    "limit",
    "function",
)
CHANGE = st.tuples(
    st.sampled_from(OF_REGISTRY),
    st.sampled_from(ALIASES),
    st.sampled_from(AGENCIES),
    st.sampled_from(AGENCIES),
    st.integers(-20, 40),
)


def changed(story: Story, change: tuple[str, str, str, str, int]) -> None:
    """The registry learns something that nobody judged, perhaps of days that have passed."""
    kind, alias, one, two, days = change
    who, day = officer(alias), (story.now + timedelta(days=days)).date().isoformat()
    until = (story.now + timedelta(days=60)).isoformat(timespec="seconds")
    grants = story.registry.grants()
    line = story.registry.officer(who)
    post = line.appointments[0] if line is not None and line.appointments else None
    given_: dict[str, tuple[str, dict[str, Any] | None]] = {
        "grant": ("ParticipationGranted", {"scope": "AGENCY", "may": "READ", "until": until}),
        "order": ("InspectionOrdered", {
            "readers": [{"officer": who, "agency": two, "until": until}],
            "agencies": [one, two], "cases": [story.stream.name] if days % 4 == 0 else [],
            "period_from": "2024-01-01", "period_to": "2024-12-31",
        }),
        "opening": ("BreakGlassOpened", {"case": story.stream.name, "until": until}),
        "revoke": ("ParticipationRevoked", {
            "grant": grants[-1].act_id, "officer": grants[-1].officer,
        } if grants else None),
        "hire": ("OfficerAppointed", {
            "agency": one, "post": "chuyen-vien", "capacities": [], "valid_from": day,
            "powers": ["VAULT_KEEPER"] if days % 3 else [],
        }),
        "end": ("OfficerEnded", {
            "agency": post.agency, "post": post.post, "keys_end": False, "ended_on": day,
        } if post is not None else None),
        "link": ("OfficerAppointed", {
            "agency": one, "post": "chuyen-vien", "capacities": [], "valid_from": day,
            "person": an_id(f"person {days % 2}"),
        }),
        "succession": ("AgencySuccessionRecorded", {
            "kind": "MERGE", "effective_on": day, "predecessors": [one], "successors": [two],
            "map": [], "basis_document": "QĐ",
        } if one != two else None),
        "limit": ("ClockRuleSet", {
            "rule": "PARTICIPATION_OVERLAP", "value": abs(days), "unit": "d", "valid_from": day,
            "source_kind": "PRODUCT_RULE", "certainty": "CONFIRMED",
        }),
        "function": ("FunctionAssigned", {
            "agency": one, "function": "LEAD", "territory": "VN-56", "assumed": False,
            "valid_from": day, "basis_document": "QĐ",
        }),
    }  # fmt: skip
    name, facts = given_[kind]
    if facts is not None:
        enter_now(story, name, {"officer": who} | facts, f"agency/{one}")


@dataclass(frozen=True)
class Entered:
    """As much of an act as the registry asks, whatever the catalogue would say of it."""

    act: str
    act_id: str
    facts: dict[str, Any]
    stream: str
    occurred_at: datetime
    signers: tuple[Any, ...] = ()


def enter_now(story: Story, name: str, facts: dict[str, Any], stream: str) -> None:
    """A registry act of this instant."""
    version = story.registry.version + 1
    act: Any = Entered(name, an_id(f"{name} {version}"), facts, stream, story.now)
    story.registry.apply(act, index=version, recorded_at=story.now.astimezone(UTC))
    story.later(minutes=10)


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.one_of(STEP, CHANGE), min_size=1, max_size=16), LATER)
def test_rows_and_rule_agree_on_any_history(
    steps_: list[tuple[Any, ...]], later: list[int]
) -> None:
    """V9's first half: whatever acts a log holds, whatever the registry learned, and whenever."""
    story = Story()
    for step in steps_:
        if step[0] in OF_REGISTRY:
            changed(story, step)
        else:
            generated(story, step)
    case = looked_at(story)
    officers = [officer(alias) for alias in ALIASES]
    require_rows(officers, case, [story.now + timedelta(days=d, hours=d % 24) for d in later])
    require_agreement(officers, looked_at(story, story.now + timedelta(days=later[0])))
