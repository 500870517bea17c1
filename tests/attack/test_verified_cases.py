"""A case verified by whoever reads it: in the log that they know, each record by its own proof."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from api.cli.commands.reading.statement_proofs import bad_proofs, case_faults
from api.cli.main import main
from api.client.case_check import BAD, OPEN, faults
from api.client.client import Client
from api.client.connection import Refused
from api.client.known_log import INCLUSION, Unlike
from api.home import write_private
from api.ops.home_notes import VKEYS
from keys import canonical
from keys.custody.file import write_key
from keys.keyring import KeyRecord, Keyring
from keys.note import NoteSigner, VKey
from ledger.log import record, statement
from tests import builders, recovered
from tests.attack.test_two_histories import BEGINNING, ORIGIN, History, known
from tests.attacks import attack
from tests.builders import T0, an_act, an_id
from tests.fixtures.app import listening
from tests.fixtures.compartments import WHOLE
from tests.fixtures.under_order import UnderOrder
from tests.leaf_nodes import LeafNodes

CASE = "7c1f0e2a-4b5d-4e6f-8a9b-0c1d2e3f4a5b"
_URL = "http://socai.test"


def reading(folder: Path, shown: History, *records: Mapping[str, Any]) -> Client:
    """A client that has seen the log before, at a server that shows it this history."""

    def answered(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/raw"):
            return httpx.Response(200, json={"records": records or [_record(shown, BEGINNING)]})
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


@attack(
    "a case is told of as valid whose statements nobody signed so, each with a good proof",
    stopped_by="`socai case verify` checks signatures, order and places by the records themselves",
    noticed_by="whoever verifies",
)
@pytest.mark.parametrize("harm", ["none", "signature", "key", "case", "entry"])
def test_a_case_is_not_valid_by_a_servers_word(tmp_path: Path, harm: str) -> None:
    """A record that stands in the log, and what a server says of it."""
    act, signer = an_act("ReportReceived", stream=f"case/{CASE}").signed, builders.key("hotline")
    made = statement.make(
        canonical.encode(act), signer, iat=0, log=ORIGIN, seq=1, prev=None, role="AUTHOR"
    ).compact
    if harm == "signature":
        made = made[: made.rindex(".") + 1] + canonical.b64(builders.key("cv").sign(made.encode()))
    envelope = record.build(log=ORIGIN, recorded_at=T0, blind=bytes(32), statement=made)
    shown = History("a", 20)
    shown.entries[BEGINNING] = record.entry(envelope)
    shown.nodes = LeafNodes([record.leaf(entry) for entry in shown.entries])
    raw = {**_record(shown, BEGINNING), "envelope": canonical.b64(envelope)}
    key = {
        "officer": builders.officer("cv" if harm == "key" else "hotline"), "kid": signer.kid,
        "jwk": signer.jwk, "custody": "SOFTWARE", "valid_from": None, "valid_to": None,
        "enrolled_index": 1, "revoked_index": None, "revoked_recorded_at": None,
        "invalid_from": None, "reason": None,
    }  # fmt: skip
    line = {"index": BEGINNING, "entry": raw["entry"], "key": key, "outcome": "VALID",
            "voided_by": None}  # fmt: skip
    if harm == "entry":
        line["entry"] = canonical.b64(shown.entries[0])
    case = an_id("another case") if harm == "case" else CASE
    with closing(reading(tmp_path, shown, raw)) as client:
        vkey = VKey.parse(recovered.vkeys(ORIGIN, "first")[0])
        found = case_faults(client, case, {"statements": [line]}, vkey)
    later = {"index": BEGINNING + 1, "entry": raw["entry"]}
    with closing(reading(tmp_path, shown, raw, later)) as client:
        meanwhile = case_faults(client, case, {"statements": [line]}, vkey)
    assert [one.outcome for one in found] == ([] if harm == "none" else [BAD])
    assert meanwhile == found, "what was recorded once the verdicts were told is none of them"


@attack(
    "a countersignature over other bytes is shown as one of an act",
    stopped_by="all who sign an act sign the same bytes",
    noticed_by="whoever verifies",
)
@pytest.mark.parametrize("same", [True, False])
def test_who_signed_other_bytes_has_not_signed_the_act(same: bool) -> None:  # noqa: FBT001  a case
    """Of one act_id, by the officer whose turn it is, in the right place."""
    act = an_act("CompetenceDetermined", also=["gd"], stream=f"case/{CASE}").signed
    others = {**act, "disposition": "other"}
    shown, lines, keyring, prev = History("a", 20), [], Keyring(), None
    for n, (alias, role, payload) in enumerate(
        (("cv", "AUTHOR", act), ("gd", "APPROVER", act if same else others))
    ):
        key = builders.key(alias)
        keyring.enrol(KeyRecord(builders.officer(alias), key.kid, key.jwk, "SOFTWARE", T0, None, 1))
        made = statement.make(
            canonical.encode(payload), key, iat=0, log=ORIGIN, seq=n + 1, prev=prev, role=role
        )
        prev = made.digest_b64
        envelope = record.build(log=ORIGIN, recorded_at=T0, blind=bytes(32), statement=made.compact)
        shown.entries[BEGINNING + n] = record.entry(envelope)
        lines.append(canonical.b64(envelope))
    shown.nodes = LeafNodes([record.leaf(entry) for entry in shown.entries])
    records = [{**_record(shown, BEGINNING + n), "envelope": one} for n, one in enumerate(lines)]
    found = faults(
        f"case/{CASE}", records, {"statements": 2, "open": []}, keyring=keyring,
        vkeys=[VKey.parse(recovered.vkeys(ORIGIN, "first")[0])], origin=ORIGIN,
    )  # fmt: skip
    assert [(one.index, one.outcome) for one in found] == ([] if same else [(BEGINNING + 1, BAD)])


@pytest.mark.postgres
@attack(
    "a server that is none of the log's is asked first by whoever typed the published key",
    stopped_by="the key that was typed is held to; what another signed is neither told nor kept",
    noticed_by="the command, exit 1",
)
def test_the_key_that_was_typed_is_what_a_first_contact_is_held_to(
    under_order: UnderOrder, tmp_path: Path
) -> None:
    """And without one the verdict says that the log's own key was not compared, each time."""
    service, case = under_order.service, under_order.world.hidden.case
    origin, key, word = service.enclave.facts.origin, tmp_path / "k.socaikey", tmp_path / "word"
    write_private(word, b"a clerk's own")
    write_key(key, builders.key(WHOLE), b"a clerk's own")
    published = str(VKey.parse(service.get("/v1/log", WHOLE).get_json()["vkeys"][0]))
    another = str(NoteSigner(origin, builders.key("another")).vkey)
    with listening(service) as url:

        def verify(home: str, *more: str) -> Result:
            env = {"SOCAI_HOME": str(tmp_path / home), "SOCAI_PASSPHRASE_FILE": str(word)}
            words = ("case", "verify", case, "--key", str(key), "--server", url, "--log", origin)
            return CliRunner().invoke(main, ["--lang", "en", *words, *more], env=env)

        wrong = verify("none", "--vkey", another)
        assert (wrong.exit_code, wrong.stdout) == (1, ""), wrong.output
        assert f"signed by {published}, and --vkey is another key" in wrong.stderr
        assert not list(tmp_path.glob("none/known/*/checkpoint")), "nothing is held to it"
        typed = verify("none", "--vkey", published)
        assert "Verdict: valid" in typed.stdout
        assert "the one that was typed" in typed.stderr
        assert service.enclave.facts.genesis in typed.stderr, "which only this server says"
        assert "was not compared" not in typed.stderr
        for told in (verify("other"), verify("other")):
            assert "Verdict: valid" in told.stdout
            assert "Not checked here: whether the log's own key is the published" in told.stderr
            assert published in told.stderr
        for home, noted in (("own", published), ("lied", another)):
            (tmp_path / home).mkdir()
            (tmp_path / home / VKEYS).write_text(f"{noted}\n", "ascii")
        assert "Verdict: valid" in (own := verify("own")).stdout
        assert "Not checked here" not in own.stderr
        assert verify("lied").exit_code == 1
        assert not list(tmp_path.glob("lied/known/*/checkpoint")), "nothing is held to it"
