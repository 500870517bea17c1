"""Names of whom a case may be shown to; whoever keeps rows makes ids of them.

An officer acts as one or more principals (`members.py`), and a case gives to principals
(`audience.py`): neither side asks the other, and together they say who sees what.
"""

from __future__ import annotations

from typing import Final

OFFICER: Final = "officer/"
TOTALS: Final = "totals"
"""Who is told totals of all cases; no case gives anything to it."""


def officer(officer_id: str) -> str:
    """The officer, by whatever post, while in office."""
    return f"{OFFICER}{officer_id}"


def agency(agency_id: str) -> str:
    """Who reads what an agency holds, as an act names it: by now perhaps those of its heir."""
    return f"agency/{agency_id}"


def power(agency_id: str, code: str) -> str:
    """Whose post has a power in an agency, or in the lead where nobody there has."""
    return f"power/{agency_id}/{code}"


def order(act_id: str, reader: str, reached: str) -> str:
    """A reader of an inspection order, of a case that it names or of what an agency named holds."""
    return f"order/{act_id}/{reader}/{reached}"


def unit(stream: str, named: str) -> str:
    """To whom a unit of a case is granted by name, above ordinary (A7)."""
    return f"unit/{stream}/{named}"


def below(stream: str, log: str, act_id: str) -> str:
    """To whom a case shows what an act of a lower log is of: it stands in grants there (F13)."""
    return f"below/{stream}/{log}/{act_id}"


def desk(agency_id: str, officer_id: str, post: str, act: str = "") -> str:
    """Whom an officer lets sign what waits for them in a post: acts of one type, or of any."""
    return f"desk/{agency_id}/{officer_id}/{post}/{act}"


def delegate(act_id: str) -> str:
    """Whom a delegation for one case lets sign there."""
    return f"delegate/{act_id}"


def handler(stream: str) -> str:
    """Whoever handles a case: nobody acts as this.

    A row of another case says by it that it follows the handler of this one.
    """
    return f"handler/{stream}"
