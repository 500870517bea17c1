"""A unit is shown to whom it names, to nobody for taking part in the case (access.md §1, A1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.regulation.case.state import apply
from ledger.regulation.participation.reach import reach
from ledger.regulation.participation.sees import acts_seen
from ledger.regulation.participation.units import next_unit, own_part, part_asked, units
from ledger.regulation.participation.viewpoint import Viewpoint
from tests.builders import Story, an_id, officer, signed
from tests.examples import examples
from tests.play_pure import scenario, steps
from tests.unit.regulation.test_audience import require_rows
from tests.unit.regulation.test_participation import looked_at, require_agreement, watched

UNITS = (an_id("annex one"), an_id("annex two"))
#: A drafter, a classifier, two who may hold, one who takes part, one of another agency.
ALIASES = ("nst", "ctq", "gd", "cv", "tp", "scv")
ACTS = (
    "ClassificationAssigned", "SecretDelivered", "SecretAccessed", "SecretLossReported",
    "Declassified", "VerificationRequested", "ParticipationGranted", "ParticipationRevoked",
    "ParticipationExcluded", "ActReturned",
)  # fmt: skip


def taken(story: Story, name: str, by: str, *also: str, whole: bool = True, **facts: Any) -> str:  # noqa: ANN401 - facts are JSON
    """An act that nobody judged, in the fold and where it is of the registry there too; its id."""
    refers_to = facts.pop("refers_to", None)
    act = story.act(name, by=by, also=list(also), facts=facts, refers_to=refers_to)
    statements = signed(act, story.stream)
    for statement in statements if whole else statements[:1]:
        entry = apply(story.stream, statement)
    if entry.status == "effective" and name in ("ParticipationGranted", "ParticipationRevoked"):
        story.registry.apply(act, index=story.registry.version + 1, recorded_at=act.occurred_at)
    story.later(minutes=10)
    return act.act_id


def until(story: Story, days: int) -> str:
    """An end that an act states."""
    return (story.now + timedelta(days=days)).isoformat(timespec="seconds")


def holder(story: Story, alias: str, days: int = 30) -> dict[str, Any]:
    """Whom an act hands a document to."""
    return {"officer": officer(alias), "post": "p", "agency": "a", "until": until(story, days)}


def classified(story: Story, unit: str, *holders: str, days: int = 30) -> str:
    """A document classified with its first holders."""
    first = [holder(story, alias, days) for alias in holders]
    return taken(story, "ClassificationAssigned", "nst", "ctq", unit=unit, first_holders=first)


def granted(story: Story, alias: str, scope: str, unit: str | None = None) -> str:
    """A grant of the case or of a unit."""
    end = until(story, 30)
    return taken(
        story, "ParticipationGranted", "nst", "ctq",
        officer=officer(alias), scope=scope, until=end, unit=unit,
    )  # fmt: skip


def sees(story: Story, alias: str, days: int = 0) -> frozenset[str]:
    """The acts that an alias sees, by both implementations and by the rows."""
    case = looked_at(story, story.now + timedelta(days=days), level="mat")
    everybody = [officer(one) for one in ALIASES]
    require_agreement(everybody, case)
    require_rows(everybody, case)
    return acts_seen([officer(alias)], case)[officer(alias)]


def a_case() -> Story:
    """A case above ordinary with an act of its own and an annex that `gd` holds."""
    story = Story(level="mat")
    taken(story, "VerificationRequested", "cv", "tp")
    classified(story, UNITS[0], "gd")
    return story


def test_whoever_takes_part_in_the_case_does_not_see_an_annex_of_it() -> None:
    """The whole case is granted by name too, and shows what is of no unit."""
    story = a_case()
    plain, annex = story.stream.entries
    granted(story, "scv", "CASE")
    assert plain in sees(story, "scv")
    assert annex not in sees(story, "scv")
    case = looked_at(story, level="mat")
    found = reach(officer("scv"), case)
    assert found.whole
    assert found.shows([plain])
    assert not found.shows([annex])


def test_a_holder_sees_the_annex_until_the_end_that_the_act_names_and_nothing_of_the_case() -> None:
    """Each holder until their own."""
    story = a_case()
    plain, annex = story.stream.entries
    late = classified(story, UNITS[1], "scv", days=300)
    assert sees(story, "gd") == {annex}
    assert sees(story, "gd", days=31) == frozenset()
    assert sees(story, "scv", days=31) == {late}
    assert plain not in sees(story, "gd")


def test_everything_said_of_an_annex_is_of_it() -> None:
    """By the unit it names, or by an act it speaks of; what speaks of none is of the case."""
    story = a_case()
    plain, annex = story.stream.entries
    loss = taken(story, "SecretLossReported", "gd", classification=annex)
    told = taken(story, "SecretAccessed", "gd", unit=UNITS[0], classification=annex)
    back = taken(story, "ActReturned", "tp", refers_to=loss)
    assert units(story.stream, "mat") == dict.fromkeys((annex, loss, told, back), UNITS[0])
    assert sees(story, "gd") == {annex, loss, told, back}
    assert plain not in units(story.stream, "mat")


def test_at_the_ordinary_level_no_act_is_of_a_unit() -> None:
    """Nothing of this changes who sees what there."""
    story = a_case()
    assert units(story.stream, "ordinary") == {}
    act, edition = story.act("SecretAccessed", by="gd"), story.registry.edition
    assert next_unit(act, story.stream, "ordinary", edition) is None
    assert next_unit(act, story.stream, "mat", edition) is not None


def test_a_unit_is_granted_and_revoked_by_itself() -> None:
    """A7, A8: for one annex of one case, and over with the record of the revocation."""
    story = a_case()
    _, annex = story.stream.entries
    other = classified(story, UNITS[1], "gd")
    grant = granted(story, "scv", "UNIT", UNITS[0])
    assert sees(story, "scv") == {annex, grant}
    revoked = taken(
        story, "ParticipationRevoked", "nst", grant=grant, officer=officer("scv"), reason="r"
    )
    assert sees(story, "scv") == frozenset()
    assert not {other, revoked} & sees(story, "scv")


def test_who_signs_next_sees_what_the_act_speaks_of_and_only_while_it_waits() -> None:
    """W1: whoever approves a declassification reads what was classified."""
    story = a_case()
    _, annex = story.stream.entries
    waits = taken(
        story, "Declassified", "nst", "tp", "scv", whole=False,
        classification=annex, ground="DECISION", scope="WHOLE",
    )  # fmt: skip
    assert sees(story, "scv") == {annex, waits}
    for one in signed(story.stream.entries[waits].act, story.stream)[1:]:
        apply(story.stream, replace(one, seq=story.stream.seq + 1))
    assert sees(story, "scv") == {waits}


STEP = st.tuples(
    st.sampled_from(ACTS),
    st.sampled_from(ALIASES),
    st.sampled_from(ALIASES),
    st.sampled_from(UNITS),
    st.sampled_from([0, 1, 20, 45]),
    st.booleans(),
)


def generated(story: Story, step: tuple[Any, ...]) -> None:
    """One act that nobody judged, of any author, to any holder, about any of what there is."""
    name, by, other, unit, days, flag = step
    story.later(days=days)
    entries = story.stream.entries
    named = next((i for i, e in entries.items() if e.act.facts.get("unit") == unit), None)
    about = {} if named is None else {"classification": named}
    facts: dict[str, Any] = {
        "ClassificationAssigned": {"unit": unit, "first_holders": [holder(story, other)]},
        "SecretDelivered": {"unit": unit, "holder": holder(story, other, 10), **about},
        "SecretAccessed": {"unit": unit, **about},
        "SecretLossReported": about,
        "Declassified": about,
        "ParticipationGranted": {"officer": officer(other), "until": until(story, 40)}
        | ({"scope": "UNIT", "unit": unit} if flag else {"scope": "CASE"}),
        "ParticipationExcluded": {"officer": officer(other)},
    }.get(name, {})
    if name == "ParticipationRevoked":
        grant = next((i for i, e in entries.items() if e.act.act == "ParticipationGranted"), None)
        if grant is None:
            return
        facts = {"grant": grant, "officer": entries[grant].act.facts["officer"]}
    if name == "ActReturned":
        waiting = next(iter(story.stream.pending), None)
        if waiting is None:
            return
        facts = {"refers_to": waiting}
    taken(story, name, by, other, whole=flag or name != "Declassified", **facts)


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(STEP, min_size=1, max_size=12), st.sampled_from([0, 11, 29, 41, 300]))
def test_list_question_and_rows_agree_on_any_history(
    steps_: list[tuple[Any, ...]], later: int
) -> None:
    """V9 above ordinary: three ways to say who sees what, now and later."""
    story = Story(level="mat")
    for step in steps_:
        generated(story, step)
    for days in (0, later):
        sees(story, "gd", days)


@pytest.mark.parametrize("name", ["SC7", "SC12"])
def test_list_question_and_rows_agree_along_the_scenarios_of_the_level(name: str) -> None:
    """At each statement, for the whole cast, then and later."""
    file = scenario(name)
    secret = {**file, "steps": list(steps(file, level="mat"))}
    player, aliases = watched(secret)
    for step in secret["steps"]:
        entry, _ = player.step(step, aliases)
        assert player.now is not None
        case: Viewpoint = player.case(player.stream(entry.act.stream), player.now)
        cast = sorted(person.officer for person in player.cast.values())
        require_agreement(cast, case)
        require_rows(cast, case, [player.now + timedelta(days=400)])


def test_what_is_told_of_the_whole_case_is_made_without_its_annexes() -> None:
    """access.md A1, A2: neither an annex's deadlines nor its acts; positions stay (D1)."""
    story = Story(level="mat")
    taken(story, "SecretLossReported", "gd", "cv")
    alone = own_part(story.stream, "mat")
    assert alone is story.stream
    unit = an_id("an annex")
    facts = {"unit": unit, "first_holders": [holder(story, "cv")]}
    taken(story, "ClassificationAssigned", "gd", "cv", whole=True, **facts)
    taken(story, "SecretLossReported", "gd", "cv", unit=unit)
    own = own_part(story.stream, "mat")
    assert [entry.act.act for entry in own.entries.values()] == ["SecretLossReported"]
    assert (own.seq, own.head, own.subs) == (story.stream.seq, story.stream.head, {})
    assert story.stream.subs
    assert own_part(story.stream, "ordinary") is story.stream


def test_an_act_is_judged_by_the_case_and_by_the_documents_that_it_speaks_of() -> None:
    """access.md A1: whoever writes it sees these, and no guard tells them of another."""
    story = Story(level="mat")
    plain = taken(story, "SecretLossReported", "gd", "cv")
    one, other = (classified(story, unit, "cv") for unit in UNITS)
    about = taken(story, "SecretLossReported", "gd", "cv", classification=one)
    edition = story.registry.edition

    def asked(refers_to: str | None = None, **said: str) -> set[str]:
        act = story.act("SecretLossReported", by="gd", also=[], facts=said, refers_to=refers_to)
        return set(part_asked(act, story.stream, "mat", edition).entries)

    assert asked() == {plain}
    assert asked(unit=UNITS[1]) == {plain, other}
    assert asked(classification=one) == {plain, one, about}
    assert asked(refers_to=other, classification=one) == {plain, one, about, other}
    again = story.stream.entries[about].act
    assert set(part_asked(again, story.stream, "mat", edition).entries) == {plain, one, about}
    assert part_asked(again, story.stream, "ordinary", edition) is story.stream
