"""What a registrar says: one wording, in their own name where the post has it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ledger.admission.registrar import Keeper, registry_act
from ledger.regulation.acts.act import parse_act
from tests.builders import an_id, officer

AT = datetime(2024, 6, 4, 1, 0, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("capacities", "signed"),
    [
        (("KT", "TRUC_TIEP"), "TRUC_TIEP"),
        (("TRUC_TIEP", "KT", "TL"), "TRUC_TIEP"),
        (("TUQ", "KT"), "KT"),
    ],
)
def test_who_may_also_sign_for_another_signs_in_their_own_name(
    capacities: tuple[str, ...], signed: str
) -> None:
    """Whichever comes first in a list is no reason to sign for somebody else."""
    assert Keeper("o", "a", "p", capacities).capacity == signed


def test_the_author_comes_first_and_the_others_approve() -> None:
    """Agency, post and capacity are the author's; the time is that of Vietnam, to the second."""
    signers = [
        Keeper(officer(alias), "bacninh.stttt", "quan-tri-danh-ba", ("KT", "TRUC_TIEP"))
        for alias in ("founder", "keeper")
    ]
    facts = {"entries": [], "reason": "x"}
    made = registry_act(
        "RecordVoided", act_id=an_id("void"), stream="ledger", at=AT, facts=facts, signers=signers
    )
    act = parse_act(made)
    assert (act.capacity, act.agency) == ("TRUC_TIEP", "bacninh.stttt")
    assert [(one.officer, one.role) for one in act.signers] == [
        (officer("founder"), "AUTHOR"),
        (officer("keeper"), "APPROVER"),
    ]
    assert made["occurred_at"] == "2024-06-04T08:00:00+07:00"
