"""Acts across cases: by API and at a terminal, on what was played."""

from __future__ import annotations

import pytest

from api.client.connection import Refused
from tests.fixtures.inspected import LEAD, STRANGER, Inspected

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]


def test_a_listing_leads_on_over_all_pages(inspected: Inspected) -> None:
    """One snapshot: `--all` is every page, nothing twice; every act that a case list leads to."""
    every = inspected.told("acts", "--all", "--limit", "7")["acts"]
    ids = [line["act_id"] for line in every]
    assert len(ids) == len(set(ids))
    for case in inspected.told("case", "list", "--all")["cases"]:
        acts = inspected.client(*LEAD).case_acts(case["id"])["acts"]
        shown = {act["act_id"] for act in acts if act["payload"] is not None}
        assert shown == {line["act_id"] for line in every if line["stream"] == case["stream"]}


def test_who_sees_no_case_has_no_acts_and_is_told_so(inspected: Inspected) -> None:
    """An empty list, said in words; nothing that another officer's cursor leads to."""
    assert inspected.read("/v1/acts", by=STRANGER)["acts"] == []
    assert "no such act" in inspected.cli("acts", by=STRANGER).stdout
    page = inspected.read("/v1/acts", limit=1)
    with pytest.raises(Refused) as refused:
        inspected.read("/v1/acts", by=STRANGER, limit=1, cursor=page["next"])
    assert refused.value.code == "bad_cursor"


def test_a_filter_that_cannot_hold_is_one_sentence(inspected: Inspected) -> None:
    """No agency of that name, days turned round, no such type, nothing by person."""
    for words in (
        ("--agency", "nobody"), ("--from", "2024-02-02", "--to", "2024-02-01"), ("--from", "x"),
        ("--act", "Nothing"), ("--officer", "x"),
    ):  # fmt: skip
        ended = inspected.cli("acts", *words)
        assert ended.exit_code in (1, 2), words
        assert "Traceback" not in ended.output
        assert len(ended.stderr.strip().splitlines()) <= 4, ended.stderr


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_acts_fit_eighty_columns(inspected: Inspected, lang: str) -> None:
    """No line is longer; addresses stand whole."""
    said = inspected.cli("acts", "--limit", "200", lang=lang, terminal=True).stdout
    assert not [line for line in said.splitlines() if len(line.rstrip()) > 80]
    for line in inspected.read("/v1/acts", limit=50)["acts"]:
        if line["case_number"]:
            assert f"{line['case_number']}#{line['seq']}" in said
