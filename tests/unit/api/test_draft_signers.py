"""Whom a draft offers as signers after the author."""

from __future__ import annotations

from typing import Any, cast

import pytest

from api.cli.commands.reading import cases
from api.cli.commands.record import one_keeper
from api.cli.terminal.shell import Refusal
from api.client.client import Client
from api.client.draft import able, keeper
from api.client.draft_sources import DraftSources
from api.texts.case_words import SIGNER_LEFT

POST = {
    "agency": "bacninh.stttt",
    "post": "giam-doc",
    "on_day": True,
    "powers": ["HEAD"],
    "capacities": ["TRUC_TIEP"],
}
KIND = {"signer_powers": {"APPROVER": ["HEAD"]}}
STATUS = {"able": "ACTIVE", "stolen": "REVOKED", "over": "EXPIRED", "early": "NOT_YET_VALID"}


class Told:
    """What a server says: the line of an officer has every key that there ever was."""

    def whole(self, _path: str, rows: str, **_: object) -> dict[str, Any]:
        """Officers, and keys as they stand; of one officer an old key was replaced."""
        if rows == "keys":
            lines = [*STATUS.items(), ("able", "REVOKED"), (None, "ACTIVE")]
            return {"keys": [{"officer": who, "status": how} for who, how in lines]}
        names = ("never", *reversed(STATUS))  # who can is not the first
        return {
            "officers": [
                {"officer": one, "posts": [POST], "keys": [] if one == "never" else ["kid"]}
                for one in names
            ]
        }


def test_nobody_is_offered_as_a_signer_who_has_no_key_that_is_good() -> None:
    """What waits for whose only key is revoked would wait for good."""
    sources = DraftSources(cast("Client", Told()), "case/x")
    author = keeper(POST, "author")
    assert [one.officer for one in able(sources, KIND, "APPROVER", author)] == ["able"]


@pytest.mark.parametrize("power", ["HEAD", None])
def test_nobody_is_named_for_an_erasure_or_a_withdrawal_who_cannot_sign(power: str | None) -> None:
    """Left out where they are one of several; named, the command says why before it signs."""
    client = cast("Client", Told())
    assert one_keeper(client, "HEAD", "CHECKER", None).officer == "able"
    assert one_keeper(client, power, "APPROVER", "able").officer == "able"
    for named in ("stolen", "over", "early", "never"):
        with pytest.raises(Refusal, match=f"no key that is good today, of: {named}") as refused:
            one_keeper(client, power, "APPROVER", named)
        assert refused.value.exit_code == 2


HELD = {"agency": "bacninh.stttt", "post": "giam-doc", "valid_from": "2024-01-01"}


@pytest.mark.parametrize(
    ("posts", "left"),
    [
        ([{**HELD, "valid_to": None, "on_day": True}], False),
        ([{**HELD, "valid_to": "2024-07-01", "on_day": False}], True),
        (
            [
                {**HELD, "valid_to": "2024-07-01", "on_day": False},
                {**HELD, "agency": "bacninh.skhcn", "valid_from": "2024-07-02", "valid_to": None,
                 "on_day": True},
            ],
            True,
        ),
    ],
)  # fmt: skip
def test_a_file_at_a_terminal_says_who_has_left_the_post_that_an_act_names(
    posts: list[dict[str, Any]],
    left: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """A post of that name in another agency is another one, as on the page of the file."""

    class Registry:
        def participants(self, _case: str) -> dict[str, Any]:
            return {"excluded": []}

        def whole(self, _path: str, _rows: str, **_: object) -> dict[str, Any]:
            return {"officers": [{"officer": "gd", "posts": posts}]}

    waits = {
        "occurred_at": "2024-06-04T08:00:00+07:00",
        "waiting_for": [{"officer": "gd", "post": "giam-doc"}],
    }
    told = cases._in_vain(cast("Client", Registry()), {"id": "x", "pending": [waits]})
    assert told == ({"gd": SIGNER_LEFT} if left else {})
