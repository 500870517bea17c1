"""Counts and oversight indicators, small cells hidden, as JSON, CSV and XLSX (http.md §4)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from flask import Response

from api.http.framework import freshness
from api.http.framework.admission import Heavy
from api.http.framework.endpoint import IN_WORDS, Resource
from api.http.framework.request_context import caller, context, malformed, now
from api.http.framework.responses import answer, finish
from api.http.resources.common import filter_checks, moments
from api.http.resources.common.access_by_month import CountedByMonth, access_by_month
from api.http.resources.common.served import enclave
from api.http.resources.common.spreadsheet import CSV, sheet
from api.http.schemas.work import StatisticsQuerySchema, StatisticsShownSchema
from api.problems.problem import Problem
from api.texts.catalogue import both, translate
from ledger.message import Message, Text, Wording, meaning
from ledger.regulation.acts.channels import channel_words
from ledger.regulation.case.counted_reports import SMALLEST
from ledger.regulation.case.outcomes import words as outcome_words
from ledger.regulation.registry.calendar import local_day
from projections.views.statistics.behind import CAME
from projections.views.statistics.hidden_cells import HIDDEN, HIDDEN_MEANS
from projections.views.statistics.view import Cell, Figure, Tables

statistics = Resource("statistics", __name__, url_prefix="/v1", description="Thống kê · Statistics")
_HEAVY: Final = Heavy("statistics")
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PLAIN_BOOK: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
}
_WIDTHS: Final = (30, 30, 70, 12, 12)
_YEAR: Final = timedelta(days=365)
Row = tuple[str, str, str, int | str, int | str]
_HEAD: Final = (
    meaning("heading", "Table"),
    meaning("heading", "Code"),
    meaning("heading", "Content"),
    meaning("heading", "Count"),
    meaning("heading", "Cases"),
)
_COUNTED: Final[Mapping[str, Message]] = {
    "seen": Message("the cases you see"),
    "province": Message("all cases of the province"),
}
_NONE_YET: Final = Message("none yet")
_TITLES: Final[Mapping[str, Message]] = {
    "span": Message("Period reported"),
    "of": Message("Cases counted"),
    "index": Message("Figures up to index"),
    "hidden": Message("“{word}”", word=HIDDEN),
    "total": Message("Cases that came in"),
    "figures": Message("Oversight indicators"),
    "overturned_by_basis": Message("Overturned by ground"),
    "period": Message("By month of intake"),
    "agency": Message("By agency"),
    "channel": Message("By channel"),
    "outcome": Message("By outcome"),
    "median_days": Message("Median days to a result"),
    "access_by_month": Message("Openings, disclosures, erasures and reads by month"),
}


@statistics.call(
    "/statistics",
    query=StatisticsQuerySchema,
    answers=StatisticsShownSchema,
    projected=True,
    heavy=_HEAVY,
    problems=("seen_only",),
)
def get_statistics(params: dict[str, Any]) -> Response:
    """Thống kê một kỳ · Counts over a period, each with the address of the cases behind it.

    Of the cases you see: whoever may list them may count them, so nothing is hidden. With
    `of=province` of all cases, for whoever may have such totals; there, and in what is passed on
    (CSV, XLSX), a cell from 1 to 4 is hidden, and others with it, so that no sum tells it.

    `count` counts acts, `cases` the cases they are in.
    """
    start, end, index, tables = _tables(params, smallest=1)
    cells = _worded(tables, end)
    behind = _Behind(params, start, end)
    body = {
        "of": _of(params),
        "from": start.isoformat(),
        "to": end.isoformat(),
        "index": index,
        "total": tables.total,
        "list": behind(CAME),
        "figures": [{**_figure(one), "list": behind(one.code)} for one in tables.figures],
        "overturned_by_basis": cells.pop("overturned_by_basis"),
        "volumes": {
            name: [{**cell, "list": behind.cell(name, cell["key"])} for cell in found]
            for name, found in cells.items()
        },
        "median_days": dict(tables.median_days),
        "access_by_month": [
            {
                "code": one.code,
                **both(one.title),
                "months": None
                if one.months is None
                else [_cell(cell, _month) for cell in one.months],
            }
            for one in _access(params, start, tables)
        ],
    }
    return answer(body, index=index)


@statistics.call(
    "/statistics.csv",
    query=StatisticsQuerySchema,
    answers={"type": "string"},
    produces=CSV,
    projected=True,
    headers=IN_WORDS,
    heavy=_HEAVY,
    problems=("seen_only",),
)
def get_statistics_csv(params: dict[str, Any]) -> Response:
    """Thống kê dạng CSV · The same as CSV, UTF-8 with a byte order mark.

    One table for all figures, with titles in the reader's language and codes beside them.
    """
    start, end, index, tables = _tables(params)
    data = sheet(_sheet(start, end, index, tables, params))
    return finish(data, CSV, index=index, headers=_spoken())


@statistics.call(
    "/statistics.xlsx",
    query=StatisticsQuerySchema,
    answers={"type": "string", "format": "binary"},
    produces=XLSX,
    projected=True,
    headers=IN_WORDS,
    heavy=_HEAVY,
    problems=("seen_only",),
)
def get_statistics_xlsx(params: dict[str, Any]) -> Response:
    """Thống kê dạng XLSX · The same as a workbook.

    One sheet; every text in it is text, neither a formula nor a link.
    """
    start, end, index, tables = _tables(params)
    title = _said(Message("Statistics"))
    data = workbook(title, now(), _sheet(start, end, index, tables, params))
    return finish(data, XLSX, index=index, headers=_spoken())


def workbook(title: str, at: datetime, rows: Iterable[Row]) -> bytes:
    """One sheet, its first row in bold. Every text is text: neither a formula nor a link.

    Raises:
        Problem: The extra `xlsx` is not installed; CSV has the same.
    """
    try:
        from xlsxwriter import Workbook  # type: ignore[import-untyped]  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise Problem(
            "not_acceptable",
            Message(
                "This server makes no XLSX (extra xlsx not installed); take /v1/statistics.csv."
            ),
        ) from error
    out = io.BytesIO()
    with Workbook(out, _PLAIN_BOOK) as book:
        book.set_properties({"created": at.replace(tzinfo=None)})
        page = book.add_worksheet(title)
        for n, row in enumerate(rows):
            page.write_row(n, 0, row, book.add_format({"bold": True}) if n == 0 else None)
        page.freeze_panes(1, 0)
        for column, width in enumerate(_WIDTHS):
            page.set_column(column, column, width)
    return out.getvalue()


def _spoken() -> dict[str, str]:
    """The titles are in the reader's language: a cache must know."""
    return {"Content-Language": context().lang, "Vary": "Accept-Language"}


class _Behind:
    """Where the cases behind a figure are listed; None where they are no list of the caller's."""

    def __init__(self, params: Mapping[str, Any], start: date, end: date) -> None:
        self._seen = _of(params) == "seen"
        self._said = {"counted_from": start, "counted_to": end}
        if params.get("agency") is not None:
            self._said["counted_agency"] = params["agency"]

    def __call__(self, figure: str, **more: object) -> str | None:
        if not self._seen:
            return None
        return f"/v1/cases?{urlencode({'figure': figure, **self._said, **more})}"

    def cell(self, table: str, key: str) -> str | None:
        """Of a cell of the volumes; None where no filter says it."""
        if table == "period":
            first, last = self._month(key)
            return self(CAME, counted_from=first, counted_to=last)
        named = {"agency": "counted_agency", "channel": "counted_channel", "outcome": "outcome"}
        return self(CAME, **{named[table]: key}) if key else None

    def _month(self, key: str) -> tuple[date, date]:
        first = date.fromisoformat(f"{key}-01")
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return max(first, self._said["counted_from"]), min(last, self._said["counted_to"])


def _tables(params: dict[str, Any], smallest: int = SMALLEST) -> tuple[date, date, int, Tables]:
    """The figures; what small cells are hidden by is asked for where a table is passed on."""
    freshness.require(params, "statistics")
    at = now()
    if _of(params) == "province":
        year = _year(params, local_day(at))
        return date(year, 1, 1), date(year, 12, 31), *enclave().queries.figures.totals(year)
    end = moments.day(params.get("to"), "to") or local_day(at)
    start = moments.day(params.get("from_"), "from") or max(date.min + _YEAR, end) - _YEAR
    if start > end:
        raise malformed("from", Message("is after `to`"))
    filter_checks.agency(params.get("agency"))
    index, tables = enclave().queries.figures.statistics(
        start, end, at, agency=params.get("agency"), smallest=smallest
    )
    return start, end, index, tables


def _access(params: Mapping[str, Any], start: date, tables: Tables) -> list[CountedByMonth]:
    """With totals, and with nothing else."""
    if _of(params) != "province":
        return []
    at = now()
    return access_by_month(tables, start.year, at, enclave().access_log.scope(caller().officer, at))


def _of(params: Mapping[str, Any]) -> str:
    return str(params.get("of") or "seen")


def _year(params: Mapping[str, Any], today: date) -> int:
    """The calendar year that totals are asked of, and nothing else with it.

    Two spans that overlap, or figures of one agency, would tell a small cell by what is missing.
    """
    if params.get("agency") is not None:
        raise malformed("agency", Message("totals of all cases are not of one agency"))
    start, end = moments.day(params.get("from_"), "from"), moments.day(params.get("to"), "to")
    year = (start or end or today).year
    for name, stated, due in (
        ("from", start, date(year, 1, 1)),
        ("to", end, date(year, 12, 31)),
    ):
        if stated not in (None, due):
            raise malformed(
                name, Message("totals of all cases are of one calendar year: {day}", day=due)
            )
    return year


def _sheet(
    start: date, end: date, index: int, tables: Tables, params: Mapping[str, Any]
) -> Iterator[Row]:
    """Rows of the printed table, in the reader's language; the code beside every title."""
    of = _of(params)
    table, code, content, count, cases_ = map(_said, _HEAD)
    yield table, code, content, count, cases_
    if enclave().facts.rehearsal:
        yield (_said(Message("REHEARSAL")), "", "", "", "")
    span = _said(Message("{start} – {end}", start=start, end=end))
    yield (_title("span"), f"{start}/{end}", span, "", "")
    yield (_title("of"), of, _said(_COUNTED[of]), "", "")
    yield (_title("index"), str(index), "", "", "")
    yield (_title("hidden"), "", _said(HIDDEN_MEANS), "", "")
    yield (_title("total"), "", "", _count(tables.total), _count(tables.total))
    for figure in tables.figures:
        content = f"{_said(figure.title)}: {_said(figure.means)}"
        yield (_title("figures"), figure.code, content, _count(figure.count), _count(figure.cases))
    for name, cells in _worded(tables, end).items():
        for cell in cells:
            content = cell[context().lang]
            yield (_title(name), cell["key"], content, _count(cell["count"]), "")
    for outcome, days in tables.median_days.items():
        yield (
            _title("median_days"),
            outcome,
            _said(outcome_words(outcome)),
            days,
            "",
        )
    yield from _access_rows(_access(params, start, tables))


def _access_rows(counted: Iterable[CountedByMonth]) -> Iterator[Row]:
    title = _title("access_by_month")
    for one in counted:
        said = _said(one.title)
        if one.months is None:
            yield (title, one.code, said, "", "")
            continue
        for month in one.months:
            content = f"{said}: {_said(_month(month.key))}"
            yield (title, f"{one.code} {month.key}", content, _count(month.count), "")


def _title(table: str) -> str:
    return _said(_TITLES[table])


def _said(text: Text) -> str:
    return translate(text, context().lang)


def _figure(figure: Figure) -> dict[str, Any]:
    title, means = both(figure.title), both(figure.means)
    return {
        "code": figure.code,
        **title,
        **{f"means_{lang}": text for lang, text in means.items()},
        "count": figure.count,
        "cases": figure.cases,
    }


def _worded(tables: Tables, end: date) -> dict[str, list[dict[str, Any]]]:
    """Every table of cells with words beside the keys; agencies as they are called at the end."""
    registry = enclave().queries.registries.at().registry

    def agency(key: str) -> Wording:
        label = registry.label(key, end, end)
        return Wording(label, label)

    words: dict[str, Callable[[str], Text]] = {
        "overturned_by_basis": _article,
        "period": _month,
        "agency": agency,
        "channel": channel_words,
        "outcome": outcome_words,
    }
    every = {"overturned_by_basis": tables.overturned_by_basis, **tables.volumes}
    return {name: [_cell(cell, words[name]) for cell in cells] for name, cells in every.items()}


def _cell(cell: Cell, words: Callable[[str], Text]) -> dict[str, int | str | None]:
    return {
        "key": cell.key,
        **both(words(cell.key) if cell.key else _NONE_YET),
        "count": cell.count,
    }


def _month(key: str) -> Message:
    year, _, month = key.partition("-")
    return meaning("month", "{month}/{year}", month=month, year=year)


def _article(key: str) -> Message:
    instrument, _, article = key.rpartition(" ")
    return Message("{instrument} article {article}", instrument=instrument, article=article)


def _count(count: int | None) -> int | str:
    if count is not None:
        return count
    return _said(HIDDEN)
