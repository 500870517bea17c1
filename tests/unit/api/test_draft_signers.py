"""Whom a draft offers as signers after the author."""

from __future__ import annotations

from typing import Any, cast

import pytest

from api.cli.commands.record import one_keeper
from api.cli.terminal.shell import Refusal
from api.client.client import Client
from api.client.draft import able, keeper
from api.client.draft_sources import DraftSources

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
        names = (*STATUS, "never")
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
