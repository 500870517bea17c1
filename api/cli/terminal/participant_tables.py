"""Who takes part in a case, for a person at a terminal of 80 columns; what posts are called.

Not: what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.cli.terminal.shell import Shell
from api.client.client import MOST_ROWS, Client
from api.client.connection import understood
from api.texts.case_words import moment_shown, when
from ledger.message import Message, Wording, plural
from ledger.regulation.acts.catalogue import load
from ledger.regulation.words import vocabulary

Json = Mapping[str, Any]
_WIDTHS: Final = {"participant": 24, "by": 22, "since": 10, "until": 16}
_OUT_WIDTHS: Final = {"officer": 24, "ground": 20, "since": 10, "until": 16}


def participants(shell: Shell, body: Json) -> None:
    """Who sees the whole case, who single acts, and who is shut out."""
    if view := body.get("view"):
        shell.say(moment_shown(view))
    for scope, title in _TITLES.items():
        held = [one for one in body["participants"] if one["scope"] == scope]
        rows = [row for one in held for row in _rows(shell, one)]
        shell.table(tuple(_WIDTHS), rows, title=shell.text(title), widths=_WIDTHS)
        if not held:
            shell.say(_NOBODY[scope])
    _excluded(shell, body["excluded"])


_TITLES: Final[Mapping[str, Message]] = {
    "CASE": Message("The whole case"),
    "ACT": Message("Single acts"),
}
_NOBODY: Final[Mapping[str, Message]] = {
    "CASE": Message("Nobody takes part in the whole case."),
    "ACT": Message("Nobody takes part by a single act."),
}


def _rows(shell: Shell, one: Json) -> Iterator[tuple[object, ...]]:
    """A line a ground; who it is stands on the first. Letters of one type are one line."""
    name = _name(shell, one)
    for grounds in _alike(one["grounds"]):
        first, last = grounds[0], grounds[-1]
        more = "" if len(grounds) == 1 else f" ({len(grounds)})"
        ends = [part for part in (when(last["until"]), shell.local(last, "end")) if part]
        yield name, f"{shell.local(first, 'act')}{more}", when(first["since"]), ": ".join(ends)
        name = ""


def _alike(grounds: Iterable[Json]) -> Iterator[list[Json]]:
    """Grounds by type of act and end, in order."""
    found: dict[tuple[str, str], list[Json]] = {}
    for ground in grounds:
        found.setdefault((ground["act"], ground["end"]), []).append(ground)
    yield from found.values()


def _name(shell: Shell, one: Json) -> str:
    """The agency, and how many officers that is; or the officer's post, agency and short id."""
    if one["kind"] == "officer":
        post = ", ".join(part for part in (one["post_vi"], one["agency_name"]) if part)
        return f"{post} {one['officer'][:8]}".strip()
    officers = shell.text(plural("{n} officer", "{n} officers", n=one["officers"]))
    power = "" if one["power"] is None else f", {_power(shell, one['power'])}"
    return f"{one['agency_name']}{power} ({officers})"


def _power(shell: Shell, code: str) -> str:
    role = load().roles[code]
    return shell.text(Wording(role["vi"], role["en"]))


def _excluded(shell: Shell, excluded: Iterable[Json]) -> None:
    rows = [
        (
            _name(shell, {**one, "kind": "officer"}),
            shell.text(vocabulary("exclusion_grounds")[one["ground"]]),
            when(one["since"]),
            when(one["until"]) or shell.text(Message("no end stated")),
        )
        for one in excluded
    ]
    title = shell.text(Message("Shut out of the case"))
    shell.table(tuple(_OUT_WIDTHS), rows, title=title, widths=_OUT_WIDTHS)
    if not rows:
        shell.say(Message("Nobody is shut out of the case."))


class PostNames:
    """What the registry calls posts today, and who holds which; a code that it lacks stays.

    Args:
        client: Asked once.
        officer: Of this one alone; left out: of all, which are thousands.
    """

    def __init__(self, client: Client, officer: str | None = None) -> None:
        with understood():
            body = client.whole(
                "/v1/officers", "officers", query={"officer": officer, "limit": MOST_ROWS}
            )
            lines = body["officers"]
            self._held = {str(one["officer"]): [*map(_named, one["posts"])] for one in lines}
            self._own = {
                (str(one["officer"]), str(post["post"])): _named(post)
                for one in lines
                for post in one["posts"]
            }
            self._posts = {
                (post["agency"], post["post"]): _named(post)
                for one in lines
                for post in one["posts"]
            }

    def holder(self, officer: str) -> str:
        """Posts of an officer and the beginning of their id."""
        return "\n".join([*self._held.get(officer, ()), officer[:8]])

    def held(self, officer: str, post: str) -> str:
        """A post that an officer holds."""
        return self._own.get((officer, post), post)

    def by(self, posts: Iterable[Json], officer: str) -> str:
        """Posts that an answer names, and the beginning of whose they were."""
        return "\n".join([*(self.post(one) for one in posts), officer[:8]])

    def post(self, held: Json) -> str:
        """A post of an agency."""
        named = self._posts.get((held["agency"], held["post"]))
        return named or f"{held['post']} ({held['agency']})"


def _named(post: Json) -> str:
    return f"{post['post_vi']}, {post['agency_name']}"
