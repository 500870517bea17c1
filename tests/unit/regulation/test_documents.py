"""The register of a case's classified documents (access.md A13, A14)."""

from __future__ import annotations

from datetime import datetime, timedelta

from ledger.regulation.case.documents import documents
from tests.builders import Story, an_id, officer
from tests.play_pure import player_for, scenario, steps
from tests.unit.regulation.test_units import UNITS, classified, granted, holder, taken


def test_a_document_of_the_scenarios_from_its_classification_to_its_end() -> None:
    """SC12: provided outside, reported lost, adjusted, extended, destroyed."""
    file = scenario("SC12")
    player, aliases = player_for(file)
    for step in steps(file, level="mat"):
        entry, _ = player.step(step, aliases)
    (one,) = documents(player.stream(entry.act.stream))
    assert (one.state, one.level, one.list_item) == ("DESTROYED", "MAT", "3.2")
    assert one.protect_until == "2028-05-31"
    assert one.register_entry == "31/CAT"
    assert [h.post for h in one.holders] == ["bao-mat", "pho-giam-doc", "giam-doc"]
    assert [(o["request_document"], o["return_by"]) for o in one.outside] == [
        ("88/PCCC", "2026-11-15")
    ]
    assert [loss["kind"] for loss in one.losses] == ["SUSPECTED"]


def test_copies_stand_with_their_numbers_and_the_day_they_come_back() -> None:
    """SC7: a delivery and a copy, each to whoever has it, after the first holders."""
    file = scenario("SC7")
    secret = {**file, "steps": list(steps(file, level="mat"))}
    player, aliases = player_for(secret)
    for step in secret["steps"]:
        entry, _ = player.step(step, aliases)
    (one,) = documents(player.stream(entry.act.stream))
    assert one.state == "DECLASSIFIED"
    delivered, copied = one.holders[-2:]
    assert (delivered.act, delivered.copies) == ("SecretDelivered", ("01",))
    assert (copied.copies, copied.return_by) == (("S-01",), "2026-04-16")
    assert datetime.fromisoformat(copied.until).day == 16


def test_a_grant_of_a_document_stands_with_its_end_and_with_what_took_it_back() -> None:
    """Of that document alone; a grant of the case names none."""
    story = Story(level="mat")
    classified(story, UNITS[0], "gd")
    classified(story, UNITS[1], "scv")
    grant = granted(story, "cv", "UNIT", UNITS[0])
    granted(story, "tp", "CASE")
    revoked = taken(
        story, "ParticipationRevoked", "nst", grant=grant, officer=officer("cv"), reason="r"
    )
    first, second = documents(story.stream)
    assert [(h.officer, h.ended_by) for h in first.holders] == [
        (officer("gd"), None),
        (officer("cv"), revoked),
    ]
    assert [h.officer for h in second.holders] == [officer("scv")]


def test_a_case_without_classified_documents_has_none() -> None:
    """Whatever else stands in it."""
    story = Story(level="mat")
    loss = taken(story, "SecretLossReported", "gd", unit=an_id("no document"))
    assert loss in story.stream.entries
    assert documents(story.stream) == []
    assert holder(story, "gd")["until"] > (story.now + timedelta(days=1)).isoformat()
