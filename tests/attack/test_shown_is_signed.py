"""A server that calls things what it likes: whoever signs is shown what is signed all the same."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final, cast

import httpx
import pytest

from api.cli.commands.officer import payload_of
from api.cli.terminal.shell import Refusal, Shell
from api.cli.terminal.writing import act_shown
from api.client.client import Client
from api.client.draft_sources import DraftSources
from keys import canonical
from ledger.log import record, statement
from tests.attacks import attack
from tests.builders import DIGEST, ORIGIN, T0, a_token, an_act, an_id, key

Path = tuple[str | int, ...]
_NAME: Final = {"vi": "Sở", "en": "Sở", "valid_from": "2000-01-01", "valid_to": None}
_OTHERS: Final = {
    "INTERNAL": "PUBLIC", "second": "hour", "AUTHOR": "CHECKER", "APPROVER": "CHECKER",
    "COMPETENCE": "SUBSTANCE", "SUBSTANCE": "PROCEDURE", "PROCEDURE": "SUBSTANCE",
    "TRUC_TIEP": "TM", "DOCUMENT": "EMAIL", "upheld": "overturned",
}  # fmt: skip
_DIGEST: Final = re.compile(r"What is signed: .*", re.DOTALL)


class _SameName(dict[str, Any]):
    """Everything has one and the same name."""

    def get(self, key: str, default: object = None) -> Any:  # noqa: ARG002, ANN401  of `dict`
        return {**_NAME, "names": [_NAME], "parent": None}


class _OneName(DraftSources):
    """What a server says that has one name for all agencies, posts, branches, cases and acts."""

    def __init__(self, acts: list[str]) -> None:
        super().__init__(cast("Client", None), f"case/{an_id('another')}", called="2024/0187")
        line = {"act_vi": "Sở", "act_en": "Sở", "statements": [{"seq": 3}]}
        vars(self).update(
            agencies=_SameName(),
            catalogue={"dispositions": _SameName()},
            head={"seq": 5},
            acts=[{**line, "act_id": one, "occurred_at": "2024-06-04"} for one in acts],
        )

    def post_of(self, officer: str, post: str) -> Mapping[str, Any]:  # noqa: ARG002  its form
        return {"post_vi": "Sở", "agency_name": "Sở"}


def _an_act() -> dict[str, Any]:
    """Of every member that an act may have, and facts of most kinds."""
    act = an_act("ReferralSent", also=["gd"]).signed
    cited = f"{T0:%Y-%m-%d}"
    return copy.deepcopy(
        {
            **act,
            "precision": "second",
            "late_reason": "mất điện",
            "to": ["bacninh.csdt", a_token("an addressee")],
            "channel": "DOCUMENT",
            "disposition": "upheld",
            "document": {"number": "31", "symbol": "STTTT", "type": "CV", "date": cited,
                         "abstract": "Chuyển vụ việc"},
            "basis": [{"instrument": "24/2014/NĐ-CP", "article": "4", "clause": "1", "point": "d",
                       "role": "COMPETENCE"}],
            "attachments": [{"digest": f"sha-256:{DIGEST}", "media_type": "text/plain", "size": 5,
                             "name": "a.txt"}],
            "refers_to": an_id("an act"),
            "corrects": an_id("another act"),
            "facts": {**act["facts"], "nobody_knows": {"n": [1, True, "x"]},
                      "received_at": "2024-06-04T08:00:00+07:00"},
        }
    )  # fmt: skip


def _leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(cast("list[object]", value))
    for name, one in members:
        if isinstance(one, dict | list):
            yield from _leaves(one, (*path, name))
        else:
            yield (*path, name), one


def _another(value: Any) -> Any:  # noqa: ANN401  JSON
    """A value of the same kind that means something else, however little they differ."""
    if not isinstance(value, str):
        return not value if isinstance(value, bool) else value + 1
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return "2001-02-03"
    if "T" in value and value.endswith("+07:00"):
        return value.replace("+07:00", "+09:00")
    last = "1" if value.endswith("0") else "0"
    return _OTHERS.get(value, value[:-1] + last)


@attack(
    "a server calls an agency, a post, a branch, a case or an act by the name of another, so that"
    " an officer reads one thing and signs another",
    stopped_by="behind what the server calls it stands what is signed",
    noticed_by="whoever signs",
)
def test_two_acts_are_never_shown_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever member of an act is another, its signer is shown something else."""
    act, shell = _an_act(), Shell("en")

    def shown(members: dict[str, Any]) -> str:
        named = [str(members["refers_to"]), str(members["corrects"])]
        act_shown.to_sign(shell, _OneName(named), canonical.encode(members))
        return _DIGEST.sub("", capsys.readouterr().err)

    before, same = shown(act), []
    assert "Sở (bacninh.csdt)" in " ".join(before.split())
    for path, value in _leaves(act):
        if path[0] in {"v", "act_id", "post"}:  # a name drawn at random; the author's, a signer
            continue
        other = copy.deepcopy(act)
        holds: Any = other
        for step in path[:-1]:
            holds = holds[step]
        holds[path[-1]] = _another(value)
        if shown(other) == before:
            same.append(path)
    assert same == []
    assert len([*_leaves(act)]) > 40


@attack(
    "a server gives bytes to countersign that say more than is shown of an act",
    stopped_by="bytes that are no act of a form that is known are not signed",
    noticed_by="whoever signs",
)
@pytest.mark.parametrize(
    "more",
    [{"v": 9}, {"also": "x"}, {"signers": []}, {"facts": 1}, {"circulation": "SECRET"}, {"to": []}],
    ids=str,
)
def test_nothing_is_countersigned_that_is_not_shown_whole(more: dict[str, Any]) -> None:
    """A sentence, and no trace of the program."""
    act = an_act("ReferralSent", also=["gd"]).signed
    signed = statement.make(
        canonical.encode({**act, **more}), key("cv"), iat=0, log=ORIGIN, seq=1, prev=None,
        role="AUTHOR",
    )  # fmt: skip
    envelope = record.build(log=ORIGIN, recorded_at=T0, blind=bytes(32), statement=signed.compact)

    def answered(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/log":
            return httpx.Response(200, json={"origin": ORIGIN})
        return httpx.Response(200, json={"records": [{"envelope": canonical.b64(envelope)}]})

    http = httpx.Client(transport=httpx.MockTransport(answered), base_url="http://socai.test")
    with (
        closing(Client("http://socai.test", log=ORIGIN, http=http, attempts=1)) as client,
        pytest.raises(Refusal) as refused,
    ):
        payload_of(client, str(act["act_id"]))
    assert refused.value.code == "other_bytes"
