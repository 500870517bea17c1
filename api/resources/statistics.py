"""Counts and oversight indicators, small cells hidden, as JSON, CSV and XLSX (api.md §4)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, Final

from flask import Response
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from api.resources import fresh
from api.resources.answer import answer, finish
from api.resources.noun import Noun
from api.resources.request import context, enclave, malformed, now
from api.schemas.work import StatisticsQuery, StatisticsShown
from ledger.regulation.deadline import local_day
from ledger.regulation.shape import parse_date
from projections.statistics import SMALLEST, Tables

statistics = Noun("statistics", __name__, url_prefix="/v1", description="Thống kê · Statistics")
CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_YEAR: Final = timedelta(days=365)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Row = tuple[str, str, str, int | str]


@statistics.call("/statistics", query=StatisticsQuery, answers=StatisticsShown, projected=True)
def counted(asked: dict[str, Any]) -> Response:
    """Thống kê một kỳ · Counts over a period; a cell below 5 is hidden (null)."""
    start, end, index, tables = _tables(asked)
    body = {
        "from": start.isoformat(),
        "to": end.isoformat(),
        "total": tables.total,
        "figures": [asdict(figure) for figure in tables.figures],
        "overturned_by_basis": [asdict(cell) for cell in tables.overturned_by_basis],
        "volumes": {
            name: [asdict(cell) for cell in cells] for name, cells in tables.volumes.items()
        },
        "median_days": dict(tables.median_days),
    }
    return answer(body, index=index)


@statistics.call(
    "/statistics.csv",
    query=StatisticsQuery,
    answers={"type": "string"},
    produces=CSV,
    projected=True,
)
def counted_csv(asked: dict[str, Any]) -> Response:
    """Thống kê dạng CSV · The same as CSV, UTF-8 with a byte order mark."""
    start, end, index, tables = _tables(asked)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in _sheet(start, end, tables):
        writer.writerow([_plain(cell) for cell in row])
    return finish(("\ufeff" + out.getvalue()).encode(), CSV, index=index)


@statistics.call(
    "/statistics.xlsx",
    query=StatisticsQuery,
    answers={"type": "string", "format": "binary"},
    produces=XLSX,
    projected=True,
)
def counted_xlsx(asked: dict[str, Any]) -> Response:
    """Thống kê dạng XLSX · The same as a workbook."""
    start, end, index, tables = _tables(asked)
    out = io.BytesIO()
    with Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"created": now().replace(tzinfo=None)})
        page = book.add_worksheet("Thống kê")
        for n, row in enumerate(_sheet(start, end, tables)):
            page.write_row(n, 0, row)
        page.set_column(0, 3, 28)
    return finish(out.getvalue(), XLSX, index=index)


def _tables(asked: dict[str, Any]) -> tuple[date, date, int, Tables]:
    fresh.require(asked, "statistics")
    at = now()
    end = _day(asked.get("to"), "to") or local_day(at)
    start = _day(asked.get("from_"), "from") or max(date.min + _YEAR, end) - _YEAR
    if start > end:
        raise malformed("from", "muộn hơn `to`", "is after `to`")
    index, tables = enclave().inquiry.statistics(start, end, at, agency=asked.get("agency"))
    return start, end, index, tables


def _day(text: str | None, name: str) -> date | None:
    try:
        return None if text is None else parse_date(text)
    except ValueError as error:
        raise malformed(name, "không có ngày này", "there is no such day") from error


def _sheet(start: date, end: date, tables: Tables) -> Iterator[Row]:
    vi = context().lang == "vi"
    yield (("Bảng", "Mã", "Nội dung", "Số lượng") if vi else ("Table", "Code", "Content", "Count"))
    if enclave().facts.rehearsal:
        yield ("SỔ DIỄN TẬP" if vi else "REHEARSAL", "", "", "")
    yield ("period", start.isoformat(), end.isoformat(), "")
    yield ("total", "", "", _count(tables.total))
    for figure in tables.figures:
        yield ("figures", figure.code, figure.vi if vi else figure.en, _count(figure.count))
    for cell in tables.overturned_by_basis:
        yield ("overturned_by_basis", cell.key, "", _count(cell.count))
    for name, cells in tables.volumes.items():
        for cell in cells:
            yield (name, cell.key, "", _count(cell.count))
    for outcome, days in tables.median_days.items():
        yield ("median_days", outcome, "", days)


def _count(count: int | None) -> int | str:
    if count is not None:
        return count
    return f"dưới {SMALLEST}" if context().lang == "vi" else f"below {SMALLEST}"


def _plain(cell: int | str) -> int | str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
