"""A province's registry in a table: in order, in acts that fit, with what each line adds."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from keys import canonical
from ledger.regulation.edition import load_edition
from ledger.regulation.registry import added_lines
from ledger.regulation.registry.agencies import Agencies
from ledger.regulation.sheets.registry_rows import RegistryRows, read, shares
from ledger.regulation.sheets.tables import REGISTRY

FILE = Path(__file__).parents[3] / "docs" / "operate" / "registry" / "bac-ninh.csv"
TEXT = FILE.read_text("utf-8-sig")
DAY = date(2026, 1, 5)


def taken(text: str) -> RegistryRows:
    """What a text comes to."""
    return read("danh-ba.csv", text, load_edition())


def lines_of(found: RegistryRows) -> list[tuple[int, str]]:
    """Line and sentence of each fault."""
    return [(f.place.line, str(f.text)) for f in found.faults if f.place is not None]


def test_the_province_has_its_ninety_nine_communes_and_each_line_its_source() -> None:
    """What has no source says so, and is never sure."""
    found = taken(TEXT)
    assert lines_of(found) == []
    communes = [line for line in found.lines if line["kind"] == "COMMUNE"]
    kinds = [line["name"].split()[4] for line in communes]
    assert (kinds.count("xã"), kinds.count("phường")) == (66, 33)
    assert len({line["agency"] for line in found.lines}) == len(found.lines)
    for line in found.lines:
        assert (line["certainty"] == "UNCONFIRMED") is line["source"].startswith("UNCONFIRMED")
        assert line["certainty"] != "CONFIRMED"


def test_each_line_adds_an_agency_with_functions_place_and_posts() -> None:
    """A commune is found by its function, in its own territory and in the province's."""
    agencies = Agencies.of(load_edition())
    for line in taken(TEXT).lines:
        added_lines.add(agencies, line, basis="Quyết định 1/QĐ-UBND", index=7)
    held = agencies.holders("COMMUNE", DAY)
    assert len([one for one in held if one.startswith(("bacninh2025.p-", "bacninh2025.x-"))]) >= 99
    here = agencies.holders("PPC", DAY, "BACNINH_2025.P_VU_NINH")
    assert here == ["bacninh2025.ubnd"]
    commune = agencies.get("bacninh2025.p-vu-ninh")
    assert commune is not None
    assert (commune.index, commune.posts["chu-tich"].vi) == (7, "Chủ tịch")
    assert agencies.holders("COMMUNE", DAY, "BACNINH_2025.P_VU_NINH") == [commune.id]


def test_acts_of_the_lines_fit_into_a_payload_and_none_waits_for_another() -> None:
    """At most 64 KiB with all else that an act says; a parent stands in the act of its own."""
    lines = list(taken(TEXT).lines)
    acts = shares(lines)
    assert sorted(str(line) for act in acts for line in act) == sorted(map(str, lines))
    assert len(acts) == 2
    for act in acts:
        assert len(canonical.encode({"lines": act})) < 62_000
        assert added_lines.faults(act, Agencies.of(load_edition()), load_edition()) == []
    large = [{"agency": f"a{n}", "name": "x" * 9_000, "parent": "a0"} for n in range(20)]
    assert [len(act) for act in shares(large)] == [6, 6, 6, 2]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("01/07/2025", "32/07/2025", "“Từ ngày” cannot be “32/07/2025”: write a day as dd/mm/yyyy"),
        ("bacninh2025.ubnd", "khong.co", "its parent is not in the registry"),
        ("theo nguồn thứ cấp", "chắc", "“Độ chắc chắn” cannot be “chắc”"),
        ("Ủy ban nhân dân phường Bắc Giang", "", "the column “Tên” is empty"),
        ("bacninh2025.p-bac-giang", "bacninh.stttt", "the id is used already"),
        ("Phường Bắc Giang", "", "the territory is new: say its name and where it lies"),
    ],
)
def test_a_bad_cell_is_told_with_its_line(old: str, new: str, told: str) -> None:
    """The second line of the file, and nothing else is wrong."""
    found = taken(TEXT.replace(old, new, 1))
    ((line, sentence),) = lines_of(found)
    assert (line, sentence.startswith(told)) == (2, True), sentence
    assert not found.lines or found.faults


def test_an_unknown_column_and_an_empty_file_are_told() -> None:
    """No line is guessed at."""
    assert lines_of(taken(TEXT.replace("Nguồn", "Nguồn gốc", 1)))[0] == (
        1, "there is no column “Nguồn gốc”",
    )  # fmt: skip
    out = io.StringIO()
    csv.writer(out).writerow(REGISTRY.headings)
    assert lines_of(taken(out.getvalue())) == [(1, "there is no line in it")]


def test_what_the_registry_has_is_left_out() -> None:
    """A file that is imported again adds what is new."""
    found = read("danh-ba.csv", TEXT, load_edition(), {"bacninh2025.p-vu-ninh"})
    assert list(found.known) == ["bacninh2025.p-vu-ninh"]
    assert "bacninh2025.p-vu-ninh" not in {line["agency"] for line in found.lines}
