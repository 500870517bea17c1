"""Many cases verified by the client: in pieces, from where it broke off, and signed off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from api.client import client as clients
from api.client.case_check import worst
from api.client.connection import Refused
from keys import canonical
from keys.note import VKey
from ledger.log import checkpoint
from ledger.log import statement as statements
from ledger.log.moment import unstamp
from tests.attacks import attack
from tests.fixtures.inspected import LEAD, STRANGER, Inspected, Who

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("inspected"),
]

BOSS: Who = ("SC3", "spgd")
"""A deputy head of the department that carries on for the lead."""
OWN = "bacninh.svhttdl"
AGENCY = "bacninh.stttt"
"""The lead, whose cases the department of the deputy head carries on."""
Record = dict[str, Any]


def held(inspected: Inspected, by: Who = BOSS) -> list[str]:
    """Cases of the agency that an officer sees whole, by the list."""
    query = {"agency": AGENCY, "limit": 200}
    lines = inspected.client(*by).whole("/v1/cases", "cases", query=query)["cases"]
    return sorted(one["id"] for one in lines)


def test_all_cases_of_an_agency_by_command_and_by_call(inspected: Inspected) -> None:
    """The same cases as the list has, page by page; what is not among them is a number."""
    expected = held(inspected)
    assert len(expected) > 1
    pages = inspected.client(*BOSS).pages("/v1/verification", query={"agency": AGENCY, "limit": 1})
    bodies = list(pages)
    assert [one["id"] for body in bodies for one in body["cases"]] == expected
    assert {body["size"] for body in bodies} == {bodies[0]["size"]}
    told = inspected.told("verify", "all", "--agency", AGENCY, "--restart", by=BOSS)
    assert (told["ok"], told["outcome"], told["faults"]) == (True, "VALID", [])
    assert told["cases"] == len(expected) == told["outcomes"]["VALID"]
    assert told["records"] == sum(one["statements"] for body in bodies for one in body["cases"])
    assert told["not_seen"] == told["size"] - told["records"] > 0
    for lang in ("vi", "en"):
        said = inspected.cli("verify", "all", "--agency", AGENCY, by=BOSS, lang=lang, terminal=True)
        assert said.exit_code == 0, said.output
        assert str(told["cases"]) in said.stdout
        assert ("VALID" in said.stdout) is False
        assert not [line for line in said.stdout.splitlines() if len(line.rstrip()) > 80]


def test_by_key_and_by_what_changed(inspected: Inspected) -> None:
    """The cases that the key signed in; those with something new; neither for who may not ask."""
    kid = inspected.threads("SC2").officers["gd"].kid
    touched = inspected.read(f"/v1/keys/{kid}/affected", by=BOSS)["cases"]
    whole = set(held(inspected))
    found = inspected.read("/v1/verification", by=BOSS, kid=kid, limit=50)["cases"]
    assert whole & {one["id"] for one in found} == whole & {one["id"] for one in touched}
    newest = {
        one["id"]: one["last_index"]
        for one in inspected.read("/v1/cases", by=BOSS, limit=200)["cases"]
    }
    behind = min(newest.values())
    body = inspected.read("/v1/verification", by=BOSS, changed_since=behind, limit=50)
    assert {one["id"] for one in body["cases"]} == {
        c for c, last in newest.items() if last > behind
    }
    assert body["changed_since"] == behind
    body = inspected.read("/v1/verification", by=BOSS, agency=AGENCY, changed_since="sign_off")
    assert body["changed_since"] == -1
    for by, query, code in (
        (LEAD, {"kid": kid}, "key_not_yours"),
        (BOSS, {"changed_since": "sign_off"}, "malformed_request"),
        (BOSS, {"agency": AGENCY, "cases": next(iter(newest))}, "malformed_request"),
        (BOSS, {}, "malformed_request"),
    ):
        with pytest.raises(Refused) as refused:
            inspected.read("/v1/verification", by=by, **query)
        assert refused.value.code == code


def test_of_cases_that_one_does_not_see_nothing_is_told(inspected: Inspected) -> None:
    """No case, no name, no number of cases: what is not seen are records of a log of known size."""
    told = inspected.told("verify", "all", "--agency", AGENCY, by=STRANGER)
    assert (told["cases"], told["records"], told["faults"]) == (0, 0, [])
    assert told["not_seen"] == told["size"]
    (case, *_) = held(inspected)
    assert case not in str(inspected.read("/v1/verification", by=STRANGER, agency=AGENCY))
    with pytest.raises(Refused) as refused:
        inspected.read(f"/v1/cases/{case}/raw", by=STRANGER)
    assert refused.value.code == "not_found"


def test_what_is_broken_off_goes_on_where_it_was(
    inspected: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of a page: what was verified is not asked for again, and counts."""
    expected, asked = held(inspected), list[str]()
    fetch = clients.Client.case_records

    def once(self: clients.Client, case: str) -> list[Record]:
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(case)
        return fetch(self, case)

    words = ("verify", "all", "--agency", AGENCY)
    monkeypatch.setattr(clients.Client, "case_records", once)
    assert inspected.cli(*words, "--restart", by=BOSS).exit_code != 0
    assert asked == expected[:1]

    def counted(self: clients.Client, case: str) -> list[Record]:
        asked.append(case)
        return fetch(self, case)

    monkeypatch.setattr(clients.Client, "case_records", counted)
    told = inspected.cli(*words, "--json", by=BOSS)
    assert "1" in told.stderr
    assert asked == expected
    body = orjson.loads(told.stdout)
    assert (body["ok"], body["cases"]) == (True, len(expected))


def other_bytes(records: list[Record]) -> None:
    """Of another record."""
    records[1]["envelope"] = records[0]["envelope"]


def other_entry(records: list[Record]) -> None:
    """And what the log committed to there."""
    records[1] |= {name: records[0][name] for name in ("entry", "envelope")}


def other_place(records: list[Record]) -> None:
    """Two of them turned round."""
    records[1], records[2] = records[2], records[1]


def no_proof(records: list[Record]) -> None:
    """Not proven."""
    del records[1]["proof"]


def other_proof(records: list[Record]) -> None:
    """Proven by the path of another."""
    records[1]["proof"] = {**records[1]["proof"], "hashes": records[0]["proof"]["hashes"]}


def fewer(records: list[Record]) -> None:
    """The last one is held back."""
    del records[-1]


def erased(records: list[Record]) -> None:
    """Said to be erased."""
    del records[1]["envelope"]


WRONG: list[tuple[Callable[[list[Record]], None], str]] = [
    (other_bytes, "NOT_VALID"), (other_entry, "NOT_VALID"), (other_place, "NOT_VALID"),
    (no_proof, "NOT_CONCLUDED"), (other_proof, "NOT_VALID"), (fewer, "NOT_CONCLUDED"),
    (erased, "NOT_CONCLUDED"),
]  # fmt: skip


def test_no_server_is_believed(inspected: Inspected, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says VALID of everything, and hands out other bytes, proofs or fewer records."""
    fetch = clients.Client.case_records
    for harm, outcome in WRONG:

        def lying(
            self: clients.Client, case: str, harm: Callable[[list[Record]], None] = harm
        ) -> list[Record]:
            records = fetch(self, case)
            harm(records)
            return records

        monkeypatch.setattr(clients.Client, "case_records", lying)
        told = inspected.cli("verify", "all", "--agency", OWN, "--restart", "--json", by=BOSS)
        body = orjson.loads(told.stdout)
        assert (told.exit_code, body["ok"], body["outcome"]) == (1, False, outcome), harm.__name__
        alone = inspected.cli("case", "verify", inspected.case("SC1"), "--json", by=BOSS)
        body = orjson.loads(alone.stdout)
        assert (alone.exit_code, body["ok"], body["outcome"]) == (1, False, "VALID"), harm.__name__
        assert worst(one["outcome"] for one in body["faults"]) == outcome, harm.__name__


def smaller(body: Record) -> None:
    """Fewer records than the checkpoint covers: none of them was not shown."""
    body["size"] //= 2


def twice(body: Record) -> None:
    """A case counted again in the place of what is not shown."""
    body["cases"] *= 2


def unsigned(body: Record) -> None:
    """No checkpoint: then of no record of the log it is told that it was not shown."""
    del body["checkpoint"]


@attack(
    "what was not shown of the log is hidden from whoever verifies cases in bulk: by a smaller size"
    " than the checkpoint's, by a case that is told of twice, by no checkpoint",
    stopped_by="size is the checkpoint's, each case is told of once; nothing is valid without one",
    noticed_by="whoever verifies",
)
def test_how_much_was_not_shown_is_no_servers_word(
    inspected: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command ends with what is wrong, and nothing can be signed off."""
    words = ("verify", "all", "--agency", OWN, "--restart", "--json")
    assert inspected.cli(*words, by=BOSS).exit_code == 0, "an honest server is believed"
    fetch = clients.Client.verifications
    for harm in (smaller, twice, unsigned):

        def lying(
            self: clients.Client,
            query: Mapping[str, Any],
            harm: Callable[[Record], None] = harm,
        ) -> Record:
            body = fetch(self, query)
            harm(body)
            return body

        monkeypatch.setattr(clients.Client, "verifications", lying)
        told = inspected.cli(*words, by=BOSS)
        body = orjson.loads(told.stdout)
        assert (told.exit_code != 0, body["ok"]) == (True, False), harm.__name__
        assert body.get("outcome", "NOT_CONCLUDED") == "NOT_CONCLUDED", harm.__name__


def test_a_sign_off_names_the_checkpoint_that_it_covers(inspected: Inspected) -> None:
    """Signed by a supervisor of the agency, behind a run that ended; the door takes it."""
    nothing = inspected.cli("verify", "sign-off", "--agency", "bacninh.syt", by=BOSS)
    assert (nothing.exit_code, len(nothing.stderr.strip().splitlines())) == (2, 1), nothing.output
    told = inspected.told("verify", "all", "--agency", OWN, "--restart", by=BOSS)
    signed = inspected.cli("verify", "sign-off", "--agency", OWN, by=BOSS)
    assert signed.exit_code == 0, signed.output
    statement = statements.parse_flattened(signed.stdout.encode())
    facts = statement.members["facts"]
    log = inspected.client(*BOSS).log()
    note = checkpoint.open_checkpoint(
        told["checkpoint"].encode(), map(VKey.parse, log["vkeys"][:1]), origin=log["origin"]
    )
    assert statement.members["stream"] == f"agency/{OWN}"
    assert facts["root"] == canonical.b64(note.checkpoint.root)
    assert (facts["scope"], facts["checked_from"], facts["verdict"]) == ("LOG", 0, "VALID")
    assert facts["checkpoint_size"] == told["size"] == facts["checked_to"] + 1
    checked = inspected.client(*BOSS).check(orjson.loads(statement.payload))
    assert checked["ok"], checked
    assert abs(statement.iat - unstamp(log["now"]).timestamp()) < 60  # the ledger's own time
    other = inspected.cli("verify", "all", "--agency", OWN, by=LEAD)
    assert other.exit_code == 0
    assert inspected.cli("verify", "sign-off", "--agency", OWN, by=LEAD).exit_code == 2
