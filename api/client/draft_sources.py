"""What a draft is filled from, as the server tells it: rules, posts, agencies, acts; each once.

Not: what a person answers, nor whether the act is lawful.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final

from api.client.client import MOST_ROWS, Client
from api.client.connection import Refused, understood

Json = Mapping[str, Any]
_CASE: Final = "case/"


def signing_officers(client: Client) -> frozenset[str]:
    """Who can sign now. An officer's line in the registry has every key that there ever was."""
    body = client.whole("/v1/keys", "keys", query={"limit": MOST_ROWS})
    with understood():
        return frozenset(str(key["officer"]) for key in body["keys"] if key["status"] == "ACTIVE")


class DraftSources:
    """What a client is told about a stream and about the log, where an act is to be written.

    Args:
        client: Of whoever will sign.
        stream: Where the act will stand.
        at: The ledger's time of the questions; rehearsals only.
        called: What people call the case; empty where nobody said.
    """

    def __init__(
        self, client: Client, stream: str, at: datetime | None = None, called: str = ""
    ) -> None:
        self.called = called
        self.client = client
        self.stream = stream
        self.at = at

    @cached_property
    def catalogue(self) -> Json:
        """The rules in force, for forms."""
        return self.client.json("GET", "/v1/catalogue", at=self.at)

    @cached_property
    def kinds(self) -> Mapping[str, Json]:
        """Act types by name."""
        with understood():
            return {str(kind["act"]): kind for kind in self.catalogue["acts"]}

    @cached_property
    def officers(self) -> Sequence[Json]:
        """Officers with the posts that they hold."""
        with understood():
            query = {"limit": MOST_ROWS}
            return [*self.client.whole("/v1/officers", "officers", query=query)["officers"]]

    @cached_property
    def signing(self) -> frozenset[str]:
        """Officers with a key that is good: whoever has none, or a revoked one, never signs."""
        return signing_officers(self.client)

    @cached_property
    def agencies(self) -> Mapping[str, Json]:
        """Agencies by id."""
        body = self.client.whole("/v1/agencies", "agencies")
        with understood():
            return {str(one["agency"]): one for one in body["agencies"]}

    @cached_property
    def posts(self) -> Sequence[Json]:
        """Posts that whoever is signed in holds today."""
        self.client.login()
        return [post for post, officer in self.holders() if officer == self.client.officer]

    def holders(self) -> Sequence[tuple[Json, str]]:
        """Every post that is held today, and by whom."""
        with understood():
            return [
                (post, str(line["officer"]))
                for line in self.officers
                for post in line["posts"]
                if post["on_day"]
            ]

    def post_of(self, officer: str, post: str) -> Json:
        """A post that an officer holds today, with its name; empty where they do not hold it."""
        return next(
            (held for held, who in self.holders() if who == officer and held["post"] == post), {}
        )

    @cached_property
    def acts(self) -> Sequence[Json]:
        """Acts of the case that one sees, in their order; none of any other stream.

        As of the log when they are asked for: a view that lags would hide what was just recorded.
        """
        if not self.stream.startswith(_CASE) or self.is_new:
            return []
        log = self.client.log()
        with understood():
            newest = int(log["records"]) - 1
        body = self.client.case_acts(self.stream.removeprefix(_CASE), at_least=newest)
        with understood():
            return [one for one in body["acts"] if one["payload"] is not None]

    def case_called(self, stream: str) -> str | None:
        """What people call another case; None where whoever is signed in does not see it whole."""
        try:
            body = self.client.case(stream.removeprefix(_CASE))
        except Refused:
            return None
        return str(body.get("case_number") or body.get("register_no") or "") or None

    @cached_property
    def head(self) -> Json:
        """Of the stream, with what may be begun there."""
        path = f"/v1/streams/{self.stream}/head"
        return self.client.json("GET", path, query={"acts": "true"}, at=self.at)

    @property
    def is_new(self) -> bool:
        """Whether nothing stands in the stream."""
        with understood():
            return int(self.head["seq"]) == 1

    @cached_property
    def open(self) -> Mapping[str, Json] | None:
        """What may be begun there, by type; None where the server does not say."""
        found = self.head.get("acts")
        with understood():
            return None if found is None else {str(one["act"]): one for one in found}

    def name(self, agency: str, on: date) -> str:
        """An agency on a day as the server calls it, and its id, which is what is signed."""
        names = self.agencies.get(agency, {}).get("names", ())
        day = on.isoformat()
        with understood():
            then = [one for one in names if one["valid_from"] <= day <= (one["valid_to"] or day)]
            named = str((then or [*names[-1:]] or [{"vi": agency}])[0]["vi"])
        return called(named, agency)

    def post_name(self, agency: str, post: str) -> str:
        """As `name`, of a post."""
        held = (one for one, _ in self.holders() if (one["agency"], one["post"]) == (agency, post))
        with understood():
            return called(next((str(one["post_vi"]) for one in held), post), post)


def called(name: str, signed: str) -> str:
    """What a server calls something, on one line, and behind it what is signed; that alone.

    A server may call anything what it likes, and whoever signs reads these words.
    """
    named = " ".join(name.split())
    return signed if named in ("", signed) else f"{named} ({signed})"
