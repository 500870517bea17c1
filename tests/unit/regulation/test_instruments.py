"""Instruments over time (G2): an act stands on what was in force on its day."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.regulation.acts.act import Act
from ledger.regulation.registry.instruments import parse_provision
from ledger.regulation.registry.registry import Registry
from tests.unit.regulation.registry_acts import an_act, founded

REGISTRY = Registry.founded()
D = date


@pytest.mark.parametrize(
    ("instrument", "day", "in_force"),
    [
        ("90/QĐ-UBND", D(2023, 3, 20), False),
        ("90/QĐ-UBND", D(2023, 3, 21), True),
        ("72/2013/NĐ-CP", D(2024, 12, 24), True),
        ("72/2013/NĐ-CP", D(2024, 12, 25), False),
        ("147/2024/NĐ-CP", D(2024, 12, 24), False),
        ("147/2024/NĐ-CP", D(2024, 12, 25), True),
        ("24/2018/QH14", D(2026, 6, 30), True),
        ("24/2018/QH14", D(2026, 7, 1), False),
        ("116/2025/QH15", D(2026, 7, 1), True),
        ("29/2018/QH14", D(2026, 2, 28), True),
        ("117/2025/QH15", D(2026, 2, 28), False),
        ("117/2025/QH15", D(2026, 3, 1), True),
        ("77/2015/QH13", D(2025, 3, 1), False),
        ("65/2025/QH15", D(2025, 6, 15), True),
        ("72/2025/QH15", D(2025, 6, 16), True),
        ("45/2025/NĐ-CP", D(2025, 7, 1), False),
        ("105/2025/QH15", D(2026, 9, 1), False),
        ("1/không-có", D(2024, 1, 1), False),
    ],
)
def test_instrument_is_in_force_between_its_dates(
    instrument: str, day: date, in_force: object
) -> None:
    """Both sides of each date; one without a date known is in force on no day."""
    assert REGISTRY.in_force(instrument, day) is in_force


def registered(instrument: str, **facts: object) -> Act:
    """InstrumentRegistered."""
    return an_act(
        "InstrumentRegistered",
        "ledger",
        {
            "instrument": instrument,
            "title": "Nghị định mới",
            "issuer": "Chính phủ",
            "valid_from": "2026-01-01",
            "certainty": "CONFIRMED",
            **facts,
        },
    )


def test_registered_instrument_is_a_ground_from_its_first_day() -> None:
    """InstrumentRegistered adds a line on top of the edition."""
    book = founded()
    book.take(registered("9/2026/NĐ-CP", valid_to="2026-12-31"))
    days = [D(2025, 12, 31), D(2026, 1, 1), D(2026, 12, 31), D(2027, 1, 1)]
    assert [book.registry.in_force("9/2026/NĐ-CP", d) for d in days] == [False, True, True, False]


def test_later_line_ends_the_earlier_where_it_begins() -> None:
    """A line is never edited: an open instrument gets its end by a new line."""
    book = founded()
    book.take(registered("15/2020/NĐ-CP", valid_from="2026-01-01", valid_to="2026-06-30"))
    registry = book.registry
    days = [D(2025, 12, 31), D(2026, 6, 30), D(2026, 7, 1)]
    assert [registry.in_force("15/2020/NĐ-CP", d) for d in days] == [True, True, False]
    before, after = (
        registry.instrument("15/2020/NĐ-CP", days[0]),
        registry.instrument("15/2020/NĐ-CP"),
    )
    assert before is not None
    assert before.index is None
    assert after is not None
    assert after.index == 1
    assert Registry.founded().in_force("15/2020/NĐ-CP", D(2026, 7, 1))


def test_provision_with_dates_of_its_own_is_judged_by_those() -> None:
    """G2: an article may begin later or end earlier than the law around it."""
    book = founded()
    book.take(
        registered(
            "9/2026/QH15",
            provisions=["8.1 2026-07-01..", "20 2026-01-01..2026-03-31", "Chương II"],
        )
    )
    registry = book.registry
    spring, autumn = D(2026, 2, 1), D(2026, 9, 1)
    assert registry.in_force("9/2026/QH15", spring, "7")
    assert not registry.in_force("9/2026/QH15", spring, "8", "1", "a")
    assert registry.in_force("9/2026/QH15", spring, "8", "2")
    assert registry.in_force("9/2026/QH15", autumn, "8", "1")
    assert registry.in_force("9/2026/QH15", spring, "20")
    assert not registry.in_force("9/2026/QH15", autumn, "20", "3")


@pytest.mark.parametrize("text", ["8.1", "8 2026-02-30..", "8 2026-01-01", "8.1.a.x 2026-01-01.."])
def test_provision_of_another_form_has_no_dates(text: str) -> None:
    """Free words about a provision are kept in the act and decide nothing."""
    assert parse_provision(text) is None


def test_adopted_version_replaces_the_regulation_and_is_decision_90_still() -> None:
    """QĐ.1, 4.3: a new version is the coordination regulation too, and never the only ground."""
    book = founded()
    book.take(
        an_act(
            "RegulationVersionAdopted",
            "programme/bacninh",
            {
                "instrument": "17/2026/QĐ-UBND",
                "version": "2026",
                "valid_from": "2026-05-01",
                "territory": "BACNINH_2025",
                "text_digest": "A" * 43,
                "replaces": "90/QĐ-UBND",
            },
        )
    )
    registry = book.registry
    assert registry.in_force("90/QĐ-UBND", D(2026, 4, 30))
    assert not registry.in_force("90/QĐ-UBND", D(2026, 5, 1))
    assert registry.in_force("17/2026/QĐ-UBND", D(2026, 5, 1))
    assert registry.is_decision90("90/QĐ-UBND")
    assert registry.is_decision90("17/2026/QĐ-UBND")
    assert not registry.is_decision90("15/2012/QH13")
