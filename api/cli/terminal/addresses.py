"""Cases and acts by what people call them: a number, a place in a case, an id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from api.cli.terminal.shell import misuse
from api.client.client import Client
from ledger.message import Message

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLACE: Final = re.compile(r"(?P<case>.+)#(?P<place>[1-9][0-9]{0,8})")


def act_path(client: Client, text: str) -> str:
    """The address of an act named by id, or by its case and a place in it: `2024/0187#3`."""
    if _UUID.fullmatch(text):
        return f"/v1/acts/{text}"
    found = _PLACE.fullmatch(text)
    if found is None:
        misuse(
            Message(
                "{text} names no act: write its id, or CASE#PLACE as socai case history shows it,"
                " e.g. 2024/0187#3.",
                text=text,
            ),
        )
    return f"/v1/cases/{case_id(client, found['case'])}/acts/{found['place']}"


def case_id(client: Client, text: str) -> str:
    """The uuid of a case named by uuid or by its number."""
    if _UUID.fullmatch(text):
        return text
    found = client.whole("/v1/cases", "cases", query={"q": text, "limit": 200})["cases"]
    exact = [
        line["id"] for line in found if text in (line.get("case_number"), line.get("register_no"))
    ] or _with_work(client, text)
    if not exact:
        misuse(
            Message(
                "No case {case} was found, or you may not see it; the cases: socai case list",
                case=text,
            ),
        )
    if len(exact) > 1:
        misuse(
            Message(
                "{count} cases have the number {case}; use the id of one: {ids}",
                count=len(exact),
                case=text,
                ids=", ".join(exact),
            ),
        )
    return str(exact[0])


def _with_work(client: Client, number: str) -> list[str]:
    """Cases of this number in which something waits: whoever sees an act only has no line of it."""
    parts = client.read("/v1/worklist").body
    lists = (part for part in parts.values() if isinstance(part, list))
    tasks = [task for part in lists for task in part if isinstance(task, Mapping)]
    return sorted(
        {
            str(task["stream"]).removeprefix("case/")
            for task in tasks
            if number in (task["case_number"], task["register_no"])
        }
    )
