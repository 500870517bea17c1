"""Duties: how far each body is bound on a day, and which of its duties become acts.

Data (`data/duties.json`, regulation.md §3 and §4): a coordination regulation obliges some bodies,
asks others and only names a few; a reader sees which, beside the duty. Who is a body on a day is
the registry's answer, never this page's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.regulation.edition import Edition, optional_date


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a body is bound from one day to another; first and last day included.

    Attributes:
        modality: OBLIGED, REQUESTED, LAW, VOLUNTARY or NONE.
        source: Articles that say so.
    """

    modality: str
    valid_from: date
    valid_to: date | None
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duty:
    """One body of the regulation: function or party of a case.

    Attributes:
        code: Function of the registry, or REPORTER, AFFECTED.
        lines: Modality over time.
        acts: Duties of it that are recorded, as act types.
        not_recorded: Duties that are only counted or not kept, with their article.
    """

    code: str
    vi: str
    en: str
    lines: tuple[Bound, ...]
    part_vi: str
    part_en: str
    acts: tuple[str, ...]
    not_recorded: tuple[Mapping[str, str], ...]


def duties(edition: Edition) -> Mapping[str, Duty]:
    """Every body by code, in the order of regulation.md §3."""
    return edition.of(_of)


def _of(edition: Edition) -> Mapping[str, Duty]:
    return {body["code"]: _duty(body) for body in edition.duties["bodies"]}


def _duty(body: Mapping[str, Any]) -> Duty:
    return Duty(
        code=body["code"],
        vi=body["vi"],
        en=body["en"],
        lines=tuple(
            Bound(
                line["modality"],
                date.fromisoformat(line["from"]),
                optional_date(line["to"]),
                tuple(line["source"]),
            )
            for line in body["lines"]
        ),
        part_vi=body["part_vi"],
        part_en=body["part_en"],
        acts=tuple(body["acts"]),
        not_recorded=tuple(body["not_recorded"]),
    )
