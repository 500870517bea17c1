"""Cases and acts by what people call them: a number, a place in a case, an id."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NoReturn
from urllib.parse import quote

from api.cli.terminal import shown_rows
from api.cli.terminal.shell import misuse
from api.client.client import Client
from api.client.connection import Refused, understood
from api.texts.copied import copied, meant
from ledger.message import Message

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORT: Final = re.compile(r"[0-9a-f]{6,8}(?:-[0-9a-f]{0,4}){0,3}(?:-[0-9a-f]{0,12})?")
_KID: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LEAST: Final = 6
_SEVERAL: Final = 5
_PLACE: Final = re.compile(r"(?P<case>.+)#(?P<place>[1-9][0-9]{0,8})")


def act_path(client: Client, text: str) -> str:
    """The address of an act by what people call it (`act_id`)."""
    text = copied(text)
    found = _PLACE.fullmatch(text)
    if found is None:
        return f"/v1/acts/{act_id(client, text)}"
    return f"/v1/cases/{case_id(client, found['case'])}/acts/{found['place']}"


def act_id(client: Client, text: str) -> str:
    """The uuid of an act: as it is, as it begins, by its case and a place in it, or by its row.

    `2024/0187#3` is the statement at the third place of a case, `3` the third row of `socai acts`.
    What begins so is looked for among the acts that whoever asks may see, those of agencies too.
    """
    text = copied(text)
    if not _PLACE.fullmatch(text):
        text = meant(text)
    if _UUID.fullmatch(text):
        return text
    if shown_rows.ROW.fullmatch(text):
        return _row(client, shown_rows.ACTS, text)
    if _PLACE.fullmatch(text):
        with understood():
            return str(client.read(act_path(client, text)).body["act_id"])
    fit = _acts_beginning(client, text)
    if len(fit) > 1:
        _several(text, fit)
    if not fit:
        misuse(
            Message(
                "{text} names no act that you see: write its id, whole or at least its first"
                " {least} characters, CASE#PLACE as socai case history shows it, e.g. 2024/0187#3,"
                " or its row in the list that socai acts has just shown.",
                text=text,
                least=_LEAST,
            ),
        )
    return fit[0]


def _acts_beginning(client: Client, text: str) -> list[str]:
    """Acts whose id begins so, of those that are seen; above ordinary none is listed."""
    if not _SHORT.fullmatch(text):
        return []
    try:
        body = client.read("/v1/acts", query={"id": text, "limit": _SEVERAL}).body
    except Refused as refused:
        if refused.code == "ordinary_only":
            return []
        raise
    with understood():
        found = [str(one["act_id"]) for one in body["acts"]]
    return [one for one in found if one.startswith(text)]  # whatever a server lists


def case_id(client: Client, text: str) -> str:
    """The uuid of a case by what people call it.

    By its number, with `@AGENCY` where several have it; by its id or how that begins; by its row in
    the list shown last, where no case has such a number.
    """
    text = copied(text)
    if _UUID.fullmatch(text):
        return text
    number, _, agency = text.partition("@")
    if shown_rows.ROW.fullmatch(text):
        return _by_row(client, text)
    exact = _numbered(client, number, agency or None) or _beginning(client, text)
    if not exact and not agency:
        exact = [(case, "") for case in _with_work(client, number)]
    if not exact and meant(text) != text:
        return case_id(client, meant(text))
    if not exact:
        misuse(
            Message(
                "No case {case} was found, or you may not see it; the cases: socai case list",
                case=text,
            ),
        )
    if len(exact) > 1:
        said = [f"{number}@{of}" if of else case for case, of in exact]
        misuse(
            Message(
                "{count} cases are meant by {case}; write one of: {ids}",
                count=len(exact),
                case=text,
                ids=", ".join(said if len(set(said)) == len(said) else [c for c, _ in exact]),
            ),
        )
    return exact[0][0]


def _by_row(client: Client, text: str) -> str:
    """A row of the list shown last; never one where a number of a case is meant as well."""
    numbered = [case for case, _ in _numbered(client, text, None)]
    shown = shown_rows.row(client, shown_rows.CASES, int(text))
    if len(numbered) == 1 and shown in (None, numbered[0]):
        return numbered[0]
    if numbered:
        misuse(
            Message(
                "{text} is a row of the list shown last and the number of a case; use an id: {ids}",
                text=text,
                ids=", ".join(dict.fromkeys([*([shown] if shown else []), *numbered])),
            )
        )
    return _row(client, shown_rows.CASES, text)


def _row(client: Client, kind: str, text: str) -> str:
    found = shown_rows.row(client, kind, int(text))
    if found is None:
        shows = "socai acts" if kind == shown_rows.ACTS else "socai case list"
        misuse(
            Message(
                "There is no row {text}: rows are of the list that was shown to you last, in this"
                " terminal and for an hour. Show it again: {command}",
                text=text,
                command=shows,
            )
        )
    return found


def _numbered(client: Client, number: str, agency: str | None) -> list[tuple[str, str]]:
    """Cases of a number, each with who holds it."""
    if not number.strip():
        return []
    path = f"/v1/cases/by-number/{quote(number, safe='/')}"
    try:
        return [(str(client.read(path, query={"agency": agency}).body["id"]), "")]
    except Refused as refused:
        if refused.code == "number_of_several":
            with understood():
                return [(one["id"], one["agency"] or "") for one in refused.problem["cases"]]
        if refused.code in ("not_found", "malformed_request", "part_only"):
            return []
        raise


def _beginning(client: Client, text: str) -> list[tuple[str, str]]:
    """Cases whose id begins so, of those that are seen whole."""
    if not _SHORT.fullmatch(text):
        return []
    body = client.read("/v1/cases", query={"id": text, "limit": _SEVERAL}).body
    with understood():
        found = [str(one["id"]) for one in body["cases"]]
    return [(one, "") for one in found if one.startswith(text)]  # as above


def kid(client: Client, text: str) -> str:
    """A key by its thumbprint, or by how that begins where no other key's does."""
    return _one_of(client, "/v1/keys", "keys", "kid", text, whole=_KID)


def officer(client: Client, text: str) -> str:
    """An officer by id, or by how that begins where no other's does."""
    return _one_of(client, "/v1/officers", "officers", "officer", meant(text), whole=_UUID)


def _one_of(
    client: Client, path: str, rows: str, member: str, text: str, *, whole: re.Pattern[str]
) -> str:
    text = copied(text)
    if whole.fullmatch(text):
        return text
    with understood():
        lines = client.whole(path, rows)[rows]
        fit = [str(line[member]) for line in lines if str(line[member]).startswith(text)]
    if len(text) < _LEAST or not fit:
        misuse(
            Message(
                "{text} is none that the registry knows; write it whole, or at least its first"
                " {least} characters: socai registry {rows}",
                text=text,
                least=_LEAST,
                rows=rows,
            )
        )
    if len(fit) > 1:
        _several(text, fit)
    return fit[0]


def _several(text: str, fit: Sequence[str]) -> NoReturn:
    misuse(
        Message(
            "{count} begin with {text}; write one of: {ids}",
            count=len(fit),
            text=text,
            ids=", ".join(fit[:_SEVERAL]),
        )
    )


def agency(client: Client, text: str) -> str:
    """An agency by its id, or by a name or short name that is one agency's alone.

    What names none is refused with what is near. Tone marks and case make no difference.
    """
    text = copied(text)
    with understood():
        lines = client.whole("/v1/agencies", "agencies")["agencies"]
        names = {str(line["agency"]): str(line["name"]) for line in lines}
        called: dict[str, set[str]] = {}
        for line in lines:
            for name in (line["agency"], line["name"], *_names(line)):
                called.setdefault(_plain(name), set()).add(str(line["agency"]))
    if text in names:
        return text
    meant = called.get(_plain(text), set())
    if len(meant) != 1:
        holding = [name for name in called if _plain(text) and _plain(text) in name]
        near = [*holding, *get_close_matches(_plain(text), called, n=_SEVERAL, cutoff=0.6)]
        every = [*sorted(meant), *(one for name in near for one in sorted(called[name]))]
        _no_agency(text, [f"{one} ({names[one]})" for one in dict.fromkeys(every)])
    return next(iter(meant))


def agency_asked(
    client: Client, asked: Mapping[str, object], option: str = "agency"
) -> dict[str, str]:
    """The agency that an option means, by its id, where one is named."""
    named = asked.get(option)
    return {} if named is None else {option: agency(client, str(named))}


def _no_agency(text: str, near: list[str]) -> NoReturn:
    if not near:
        misuse(
            Message(
                "Nothing was asked: the registry has no agency {text}. All of them: socai registry"
                " agencies",
                text=text,
            )
        )
    misuse(
        Message(
            "Nothing was asked: {text} is no one agency; do you mean: {near}?",
            text=text,
            near=", ".join(near[:_SEVERAL]),
        )
    )


def _names(line: Mapping[str, object]) -> list[str]:
    names = line.get("names")
    found = names if isinstance(names, list) else []
    return [str(one[part]) for one in found for part in ("vi", "abbr") if one.get(part)]


def _plain(text: object) -> str:
    """Without tone marks, case and double blanks."""
    bare = unicodedata.normalize("NFD", str(text).replace("đ", "d").replace("Đ", "D"))
    return " ".join("".join(c for c in bare if not unicodedata.combining(c)).casefold().split())


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
