"""What one answer shows of cases, and what is noted of it."""

from __future__ import annotations

from uuid import UUID, uuid5

from ledger.reads.read import ReadBy
from ledger.reads.shown import ShownCases
from tests.builders import an_id, officer

ORDER = UUID(an_id("an order"))
BODY = frozenset({"bacninh.thanhtra"})


def test_what_an_order_is_for_is_asked_once() -> None:
    """However many cases an answer shows by it."""
    shown, asked = ShownCases(), list[UUID]()
    cases = {uuid5(ORDER, str(n)): f"case/{an_id(f'case {n}')}" for n in range(30)}
    for comp, stream in cases.items():
        shown.add("LIST", stream, comp, ())
    shown.ask(lambda comps: [(comp, ORDER, "A9") for comp in comps], list)

    def purpose(via: UUID) -> str:
        asked.append(via)
        return "Thanh tra"

    rows = shown.reads(ReadBy(officer("tra"), "k" * 43), purpose, lambda _: BODY, str)
    assert {row.stream for row in rows} == set(cases.values())
    assert {row.purpose for row in rows} == {"Thanh tra"}
    assert asked == [ORDER]
    assert {row.agencies for row in rows} == {BODY}


def test_the_whole_of_a_case_is_not_noted_as_some_records_of_it() -> None:
    """Whichever was said first, as by a page that is made of several calls."""
    comp, stream, by = (
        uuid5(ORDER, "a case"),
        f"case/{an_id('a')}",
        ReadBy(officer("tra"), "k" * 43),
    )
    orders: list[list[list[int]]] = [[[], [5]], [[5], []], [[5], [], [7]]]
    for order in orders:
        shown = ShownCases()
        for records in order:
            shown.add("LIST", stream, comp, records)
        shown.add_under("RECORD", stream, comp, None)
        shown.add("RECORD", stream, comp, [9])
        shown.add("HISTORY", stream, comp, [3])
        shown.add("HISTORY", stream, comp, [2, 3])
        shown.ask(lambda _: [(comp, ORDER, "A9")], list)
        rows = shown.reads(by, lambda _: "Thanh tra", lambda _: BODY, str)
        told = {row.kind: row.records for row in rows}
        assert told == {"LIST": (), "RECORD": (), "HISTORY": (2, 3)}


def test_above_ordinary_what_is_seen_by_nothing_but_ones_part_is_noted_too() -> None:
    """Each case and kind once: opened, or listed and followed; under an order by that alone."""
    shown, by = ShownCases(), ReadBy(officer("cv"), "k" * 43)
    own, other = (uuid5(ORDER, name) for name in ("own", "under an order"))
    stream = f"case/{an_id('own')}"
    shown.add("RECORD", stream, own, [7, 5])
    shown.add("LIST", stream, own, ())
    shown.add("RECORD", f"case/{an_id('other')}", other, [9])
    shown.add_figures()
    shown.ask(lambda _: [(other, ORDER, "A9")], list)
    asked = (by, lambda _: "Thanh tra", lambda _: BODY, str)
    rows = shown.reads(*asked, "Việc được giao")
    assert [(row.rule, row.kind, row.records, row.via) for row in rows] == [
        ("A1", "RECORD", (5, 7), None),
        ("A2", "LIST", (), None),
        ("A2", "FIGURES", (), None),
        ("A9", "RECORD", (9,), str(ORDER)),
    ]
    assert [row.rule for row in shown.reads(*asked)] == ["A9"], "in ordinary it is not"
