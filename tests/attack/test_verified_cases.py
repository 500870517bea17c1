"""A case verified by whoever reads it: in the log that they know, each record by its own proof."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli.commands.reading.statement_proofs import bad_proofs
from api.client.case_check import OPEN, faults
from api.client.client import Client
from api.client.connection import Refused
from api.client.known_log import INCLUSION, Unlike
from keys import canonical
from keys.keyring import Keyring
from keys.note import VKey
from tests import recovered
from tests.attack.test_two_histories import BEGINNING, ORIGIN, History, known
from tests.attacks import attack

CASE = "7c1f0e2a-4b5d-4e6f-8a9b-0c1d2e3f4a5b"
_URL = "http://socai.test"


def reading(folder: Path, shown: History) -> Client:
    """A client that has seen the log before, at a server that shows it this history."""

    def answered(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/raw"):
            return httpx.Response(200, json={"records": [_record(shown, BEGINNING)]})
        if path.startswith("/v1/acts/"):
            return httpx.Response(200, json={"checkpoint": shown.note().decode()})
        query = {name: int(value) for name, value in request.url.params.items()}
        try:
            return httpx.Response(200, json=shown.prove(path, query))
        except Refused:
            return httpx.Response(404, json={"code": "not_found"})

    http = httpx.Client(transport=httpx.MockTransport(answered), base_url=_URL)
    client = Client(_URL, http=http, attempts=1)
    client._origin, client._token = ORIGIN, "of a session"
    client.remember = lambda _: known(folder)
    return client


def _record(shown: History, index: int) -> Mapping[str, Any]:
    """A record as `…/raw` has it, its content erased: what its proof says is asked here."""
    asked = {"index": index, "size": shown.size}
    entry = canonical.b64(shown.entries[index])
    return {"index": index, "entry": entry, "proof": shown.prove(INCLUSION, asked)}


@attack(
    "records of a case are proven into another history of the log than the checkpoint that is"
    " signed off",
    stopped_by="the client's memory: each checkpoint that a record is proven by is held against it",
    noticed_by="the client, with both notes in files",
)
@pytest.mark.parametrize("size", [30, 20, 15])
def test_records_of_another_history_are_not_verified(tmp_path: Path, size: int) -> None:
    """Whoever holds the log's key signs both: each record alone leads to a good signature."""
    mine, other = History("a", 20), History("b", size)
    known(tmp_path).meet(mine.note(), mine)
    with closing(reading(tmp_path, mine)) as client:
        assert [one["index"] for one in client.case_records(CASE)] == [BEGINNING]
    with closing(reading(tmp_path, other)) as client, pytest.raises(Unlike) as caught:
        client.case_records(CASE)
    assert caught.value.code == "other_history"


@attack(
    "an act is shown as proven that stands in another history of the log",
    stopped_by="the client's memory: the checkpoint of its proofs is held against it",
    noticed_by="the client, with both notes in files",
)
def test_an_act_of_another_history_is_not_shown_as_proven(tmp_path: Path) -> None:
    """As `socai act show` asks for it."""
    mine, other = History("a", 20), History("b", 20)
    known(tmp_path).meet(mine.note(), mine)
    with closing(reading(tmp_path, mine)) as client:
        assert client.act(f"/v1/acts/{CASE}")["checkpoint"] == mine.note().decode()
    with closing(reading(tmp_path, other)) as client, pytest.raises(Unlike):
        client.act(f"/v1/acts/{CASE}")


@attack(
    "a case is told of with no record at all, so that it counts as verified",
    stopped_by="a case begins with a record: of none nothing is verified",
    noticed_by="whoever verifies",
)
def test_a_case_of_no_record_is_not_verified() -> None:
    """Whatever number of statements the server says."""
    for said in (0, -1, 3):
        found = faults(
            f"case/{CASE}",
            [],
            {"statements": said, "open": []},
            keyring=Keyring(),
            vkeys=[VKey.parse(one) for one in recovered.vkeys(ORIGIN, "first")],
            origin=ORIGIN,
        )
        assert [one.outcome for one in found] == [OPEN], said


@attack(
    "one good proof is shown for several records of a case",
    stopped_by="a proof is of the record at its index alone",
    noticed_by="whoever verifies",
)
def test_a_proof_of_another_record_proves_nothing(tmp_path: Path) -> None:
    """Entry and proof of a record that is there, under the index of one that is not."""
    shown = History("a", 20)
    record = _record(shown, BEGINNING)
    proof = {name: record["proof"][name] for name in ("index", "size", "hashes")}
    lines = [{**record, "index": index, "proof": proof} for index in (BEGINNING, BEGINNING + 1)]
    vkey = VKey.parse(recovered.vkeys(ORIGIN, "first")[0])
    with closing(reading(tmp_path, shown)) as client:
        body = {"checkpoint": record["proof"]["checkpoint"], "statements": lines}
        assert [*bad_proofs(client, body, vkey)] == [BEGINNING + 1]
