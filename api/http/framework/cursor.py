"""Keyset cursors: opaque, signed, bound to filters, caller and the first page's snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request

from api.http.framework.request_context import context, host
from api.problems.problem import Problem

_Line = TypeVar("_Line")


@dataclass(frozen=True, slots=True)
class ListingPosition:
    """Where a listing goes on.

    Attributes:
        index: The snapshot's index: what every page of this listing is a view of.
        after: Sort key of the last row given.
    """

    index: int
    after: tuple[Any, ...]


def read(text: str | None, listing: str, filters: Mapping[str, object]) -> ListingPosition | None:
    """The place a cursor names; None at the first page.

    Raises:
        Problem: `bad_cursor`: not ours, of another listing, of other filters or another officer.
    """
    if text is None:
        return None
    value = host().token_box.open("cursor", text)
    if value is None or value["f"] != _binding(listing, filters):
        raise Problem("bad_cursor")
    return ListingPosition(value["i"], tuple(value["a"]))


def write(index: int, after: Sequence[Any], listing: str, filters: Mapping[str, object]) -> str:
    """The cursor of the page after the row whose sort key is `after`."""
    value = {"a": list(after), "f": _binding(listing, filters), "i": index}
    return host().token_box.shut("cursor", value)


def page(  # noqa: PLR0913 - what a page is of
    listing: str,
    rows: Sequence[Any],
    limit: int,
    *,
    index: int,
    place: ListingPosition | None,
    filters: Mapping[str, object],
    more: Sequence[Any] = (),
) -> tuple[dict[str, Any], str | None]:
    """The body of one page where all rows of a listing are at hand, and the cursor of the next.

    Args:
        listing: Its name.
        rows: All of it.
        limit: Rows of a page.
        index: Of the snapshot.
        place: Where the page begins.
        filters: What the cursor is bound to.
        more: What else the snapshot is told by; it comes back behind the first of `after`.
    """
    start = int(place.after[0]) if place else 0
    shown = rows[start : start + limit]
    body: dict[str, Any] = {listing: shown, "index": index}
    if start + len(shown) >= len(rows):
        return body, None
    following = write(index, (start + len(shown), *more), listing, filters)
    return {**body, "next": following}, following


def keyset(  # noqa: PLR0913 - what a page is of
    listing: str,
    rows: str,
    lines: Sequence[_Line],
    limit: int,
    *,
    index: int,
    filters: Mapping[str, object],
    key: Callable[[_Line], Sequence[Any]],
    shown: Callable[[_Line], Any],
) -> tuple[dict[str, Any], str | None]:
    """The body of one page where one line more than its limit was asked for, and the next's cursor.

    Args:
        listing: Its name.
        rows: Member of the body that its lines stand in.
        lines: Of the page, and the one behind it where there is one.
        limit: Lines of a page.
        index: Of the snapshot.
        filters: What the cursor is bound to.
        key: Where a page that ends with a line goes on.
        shown: A line as it is answered.
    """
    page = lines[:limit]
    body: dict[str, Any] = {rows: [shown(line) for line in page], "index": index}
    if len(lines) <= limit:
        return body, None
    following = write(index, key(page[-1]), listing, filters)
    return {**body, "next": following}, following


def link(cursor: str | None) -> dict[str, str]:
    """`Link: <…>; rel="next"` (RFC 8288) for this request with another cursor."""
    if cursor is None:
        return {}
    query = [(name, value) for name, value in request.args.items() if name != "cursor"]
    query.append(("cursor", cursor))
    return {"Link": f'<{request.path}?{urlencode(query)}>; rel="next"'}


def _binding(listing: str, filters: Mapping[str, object]) -> str:
    shown = sorted((name, str(value)) for name, value in filters.items() if value is not None)
    who = context().caller  # nobody, where anybody may ask
    text = repr((listing, who.officer if who else "", shown)).encode()
    return host().token_box.mac("filters", text)[:12].hex()
