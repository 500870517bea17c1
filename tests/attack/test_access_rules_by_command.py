"""Rules of access tried at a terminal, by officers with good keys and no business there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from click.testing import Result

from api.cli.commands.writing.judging import CheckAnswer
from keys.canonical import unb64
from ledger.admission.registrar import Keeper, registry_act
from tests import builders
from tests.attacks import attack
from tests.builders import an_id
from tests.fixtures.desk import NUMBER, Desk
from tests.fixtures.inspected import open_case

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("access commands")]

STRANGER: Final = "bo"
"""Of a ministry: in office, with the power to supervise, and in no case."""
SENT: Final = "bv"
"""Of the hospital that was asked: one act of the case is theirs."""
ABSENT: Final = "00000000-0000-4000-8000-000000000000"
NOW: Final = "2025-02-10T17:00:00+07:00"
REPORT, WAITS = 1, 6
"""Steps of the case: its report, and a request that waits for the deputy director."""
LAWFUL: Final = CheckAnswer(ok=True, code="", detail="", faults=(), flags=(), warnings=())
CAST: Final[Mapping[str, Mapping[str, str]]] = open_case()["cast"]


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attacker's program signs without asking first what the ledger would say."""
    monkeypatch.setattr("api.cli.commands.officer.judged", lambda *_: LAWFUL)


def refused(result: Result) -> str:
    """What is said where nothing is shown and nothing recorded."""
    assert result.exit_code in (1, 2), result.output
    assert result.stdout == "", result.output
    assert "Traceback" not in result.stderr
    return result.stderr


def alike(desk: Desk, *pairs: tuple[tuple[str, ...], tuple[str, ...]], by: str) -> None:
    """A command about what is hidden says what it says of what is not there."""
    for hidden, absent in pairs:
        told = refused(desk.cli(*hidden, "--as", by))
        for one, other in zip(hidden, absent, strict=True):
            told = told.replace(one, other) if one != other else told
        assert told == refused(desk.cli(*absent, "--as", by)), hidden


@attack(
    "a stranger asks for a case, an act or a file of it at a terminal",
    stopped_by="the API's one answer to what is hidden and what is not there (A1, A12, N1)",
    noticed_by="-",
)
def test_a_command_opens_no_hidden_case(desk: Desk, tmp_path: Path) -> None:
    """By id and by number; verified as little as shown."""
    digest = f"sha-256:{'A' * 43}"
    words: list[tuple[str, ...]] = [
        ("case", "show"), ("case", "history"), ("case", "who"), ("case", "verify"),
        ("case", "times"),
    ]  # fmt: skip
    pairs = [
        ((*command, hidden), (*command, absent))
        for command in words
        for hidden, absent in ((desk.case, ABSENT), (NUMBER, "2025/9931"))
    ]
    more: list[tuple[str, ...]] = [("why", "state"), ("as-of", "2025-02-10"), ("diff", "0", "9")]
    pairs += [(("case", n, desk.case, *rest), ("case", n, ABSENT, *rest)) for n, *rest in more]
    out = ("-o", str(tmp_path / "file"))
    pairs += [
        (("attachment", name, desk.acts[REPORT], digest, *to),
         ("attachment", name, an_id("no act"), digest, *to))
        for name, to in (("get", out), ("custody", ()))
    ]  # fmt: skip
    alike(desk, *pairs, by=STRANGER)
    assert not (tmp_path / "file").exists()
    assert desk.cli("case", "verify", NUMBER, "--as", "cv").exit_code == 0


@attack(
    "a supervisor elsewhere lists, searches, counts and asks for the work of a department",
    stopped_by="rows are filtered first: lists, figures and work are of what is seen (A2, A10)",
    noticed_by="-",
)
def test_a_command_lists_nothing_of_a_hidden_case(desk: Desk) -> None:
    """Neither its id nor its number, nor a figure that has it in."""
    asked: tuple[tuple[str, ...], ...] = (
        ("case", "list"), ("search", NUMBER), ("search", "trang", "mang"), ("worklist",),
        ("worklist", "--team"), ("stats",), ("stats", "--agency", "bacninh.stttt"),
        ("acts", "--all"), ("acts", "--pending"), ("acts", "--act", "ReportReceived"),
    )  # fmt: skip
    for words in asked:
        for form in ((), ("--json",)):
            told = desk.cli(*words, "--as", STRANGER, *form)
            assert told.exit_code == 0, told.output
            said = told.output.replace(f'"{NUMBER}"', "") if words[0] == "search" else told.output
            assert desk.case not in said, words
            assert NUMBER not in said or words == ("search", NUMBER), words
            assert all(act not in said for act in desk.acts.values()), words
    assert desk.told("stats", "--as", STRANGER)["total"] == 0
    assert desk.case in desk.cli("worklist", "--team", "--as", "tp", "--json").stdout


@attack(
    "acts are asked for by the key of an officer, at a terminal",
    stopped_by="403 key_not_yours but for the supervisor of the key's agency (A28)",
    noticed_by="each look is a row",
)
def test_a_command_lists_acts_by_key_for_their_supervisor(desk: Desk) -> None:
    """One sentence for a handler, a stranger, and for a key that is not there."""
    line = desk.told("registry", "keys", "--officer", desk.officers["cv"], "--as", "cv")
    kid, said = line["keys"][0]["kid"], set()
    for by, asked in (("cv", kid), (STRANGER, kid), (STRANGER, "A" * 43), ("tp", "A" * 43)):
        refused = desk.cli("acts", "--kid", asked, "--as", by)
        assert refused.exit_code == 1, refused.output
        said.add(refused.output)
    assert len(said) == 1
    told = desk.told("acts", "--kid", kid, "--as", "tp")
    assert {one["stream"] for one in told["acts"]} == {f"case/{desk.case}"}


# -- writing --------------------------------------------------------------------------------------


def act(desk: Desk, name: str, stream: str, by: str, **more: Any) -> str:  # noqa: ANN401  JSON
    """Members of an act for `socai act sign -`."""
    who = CAST[by]
    signer = {"officer": desk.officers[by], "post": who["post"], "role": "AUTHOR"}
    members = dict(builders.an_act(name, when=builders.at(NOW[:16].replace("T", " "))).signed) | {
        "act_id": an_id(f"{name} by {by}"), "stream": stream, "agency": who["agency"],
        "post": who["post"], "signers": [signer],
    }  # fmt: skip
    return orjson.dumps(members | more).decode()


def sent(desk: Desk, members: str, by: str, *role: str) -> Result:
    """Signed and sent."""
    signed = desk.cli("act", "sign", "-", "--iat", NOW, "--as", by, *role, stdin=members)
    if signed.exit_code:
        return signed
    return desk.cli("act", "submit", "-", "--at", NOW, "--as", by, stdin=signed.stdout)


@attack(
    "a stranger signs and sends an act in a hidden case at a terminal",
    stopped_by="the see-check: bytes and refusal are those of a case that is not there (A4, N2)",
    noticed_by="-",
)
def test_a_command_writes_in_no_hidden_case(desk: Desk) -> None:
    """What is shown to be signed says nothing, and what is sent is refused alike."""
    size, told = desk.size(), []
    for case in (desk.case, ABSENT):
        members = act(desk, "CompetenceDetermined", f"case/{case}", STRANGER)
        signed = desk.cli("act", "sign", "-", "--iat", NOW, "--as", STRANGER, stdin=members)
        place = orjson.loads(unb64(orjson.loads(signed.stdout)["protected"]))
        result = sent(desk, members, STRANGER)
        told.append((place, refused(result).replace(case, "CASE")))
    assert told[0] == told[1]
    assert desk.size() == size


@attack(
    "who reported is written in the open, or sealed by somebody who is no intake",
    stopped_by="a report is flagged and waits to be sealed; sealing takes an intake post (A5)",
    noticed_by="-",
)
def test_a_command_seals_a_reporter_at_the_intake_alone(desk: Desk) -> None:
    """A clerk of the lead and the portal's editor; and a report with a name in it."""
    size, stream = desk.size(), f"case/{desk.case}"
    facts = {
        "reporter": builders.a_token("a reporter"), "vault_item": an_id("an item"),
        "sealing_post": "chuyen-vien", "contact_consent": True,
    }  # fmt: skip
    sealing = act(desk, "ReporterIdentitySealed", stream, "cv", facts=facts)
    assert "AGENCY_HOLDS_FUNCTION" in code(sent(desk, sealing, "cv", "--json"))
    report = orjson.loads(act(desk, "ReportReceived", f"case/{an_id('a new case')}", "hotline"))
    report["facts"]["summary"] = "Người gọi là nguyen van an, số 0912345678, báo có trang giả."
    named = sent(desk, orjson.dumps(report).decode(), "hotline", "--json")
    assert named.exit_code == 0, named.output
    assert desk.size() == size + 1


def code(result: Result) -> str:
    """The refusal in JSON."""
    assert result.exit_code == 1, result.output
    return result.output


@attack(
    "a registrar makes a clerk who works in cases a custodian of keys, at a terminal",
    stopped_by="KEYS_APART (S5)",
    noticed_by="-",
)
def test_a_command_gives_no_keys_to_who_works(desk: Desk) -> None:
    """The founding registrar, with the home's own key, before anybody else signs."""
    size = desk.size()
    held = desk.told("registry", "officers")["officers"]
    founder, personnel = (
        next(
            Keeper(one["officer"], post["agency"], post["post"])
            for one in held
            for post in one["posts"]
            if power in post["powers"]
        )
        for power in ("FOUNDER", "PERSONNEL_OFFICER")
    )
    facts = {
        "officer": desk.officers["cv"], "agency": "bacninh.stttt", "post": "chuyen-vien",
        "capacities": ["TRUC_TIEP"], "powers": ["KEY_CUSTODIAN"], "valid_from": "2025-02-10",
        "basis_document": "Quyết định", "person": desk.persons["cv"],
    }  # fmt: skip
    members = registry_act(
        "OfficerAppointed", act_id=an_id("keys for a clerk"), facts=facts,
        signers=[founder, personnel], stream=f"officer/{desk.officers['cv']}",
        at=builders.at(NOW[:16].replace("T", " ")),
    )  # fmt: skip
    signed = desk.cli("act", "sign", "-", "--iat", NOW, stdin=orjson.dumps(members).decode())
    assert signed.exit_code == 0, signed.output
    result = desk.cli("act", "submit", "-", "--at", NOW, "--json", stdin=signed.stdout)
    assert "KEYS_APART" in code(result)
    assert desk.size() == size


@attack(
    "a clerk appoints an officer or enrols a key, or a registrar appoints alone, at a terminal",
    stopped_by="the registry is its keepers', two of them (A22; SIGNER_POWERS, SIGNER_ORDER)",
    noticed_by="-",
)
def test_a_command_enrols_nobody_out_of_turn(desk: Desk) -> None:
    """With the head of the division behind them; the registrar with the home's own key."""
    size, stream = desk.size(), f"officer/{desk.officers['cv']}"
    second = {"officer": desk.officers["tp"], "post": CAST["tp"]["post"], "role": "APPROVER"}
    for name in ("OfficerAppointed", "KeyEnrolled"):
        members = orjson.loads(act(desk, name, stream, "cv"))
        members["facts"]["officer"] = desk.officers["cv"]
        members["signers"].append(second)
        told = code(sent(desk, orjson.dumps(members).decode(), "cv", "--json"))
        assert any(one in told for one in ("SIGNER_POWERS", "AGENCY_HOLDS_FUNCTION")), told
    held = desk.told("registry", "officers")["officers"]
    founder = next(
        Keeper(one["officer"], post["agency"], post["post"])
        for one in held
        for post in one["posts"]
        if "FOUNDER" in post["powers"]
    )
    facts = {
        "officer": desk.officers["cv"], "agency": "bacninh.stttt", "post": "chuyen-vien",
        "capacities": ["TRUC_TIEP"], "valid_from": "2025-02-10",
        "basis_document": "Quyết định", "person": desk.persons["cv"],
    }  # fmt: skip
    alone = registry_act(
        "OfficerAppointed", act_id=an_id("one registrar"), facts=facts, signers=[founder],
        stream=stream, at=builders.at(NOW[:16].replace("T", " ")),
    )  # fmt: skip
    signed = desk.cli("act", "sign", "-", "--iat", NOW, stdin=orjson.dumps(alone).decode())
    assert signed.exit_code == 0, signed.output
    result = desk.cli("act", "submit", "-", "--at", NOW, "--json", stdin=signed.stdout)
    assert "SIGNER_ORDER" in code(result)
    assert desk.size() == size


@attack(
    "what waits for one officer is countersigned or returned by another at a terminal",
    stopped_by="the order of the signers; a stranger's act is not there (A6)",
    noticed_by="-",
)
def test_a_command_countersigns_for_nobody_else(desk: Desk) -> None:
    """By the head, by the author, by a stranger; returned by a clerk."""
    size, waits = desk.size(), desk.acts[WAITS]
    for by in ("gd", "tp"):
        signed = desk.cli("act", "sign", "--countersign", waits, "--iat", NOW, "--as", by)
        assert signed.exit_code == 0, signed.output
        result = desk.cli("act", "submit", "-", "--at", NOW, "--as", by, stdin=signed.stdout)
        assert refused(result)
    alike(
        desk,
        (("act", "sign", "--countersign", waits, "--iat", NOW),
         ("act", "sign", "--countersign", an_id("no act"), "--iat", NOW)),
        by=STRANGER,
    )  # fmt: skip
    back = act(desk, "ActReturned", f"case/{desk.case}", "cv", refers_to=waits)
    assert refused(sent(desk, back, "cv", "--role", "RETURNER"))
    assert desk.size() == size


@attack(
    "a case is granted to oneself, or a grant of another department ended, at a terminal",
    stopped_by="GRANT_NOT_TO_SELF, GRANT_BY_HOLDER, REVOKER_IN_CHARGE; a stranger's is not there"
    " (A7, A8)",
    noticed_by="-",
)
def test_a_command_lets_nobody_in_and_out_of_turn(desk: Desk) -> None:
    """By the head to the head, by whoever sees one act, by a stranger; the editor reads on."""
    why = ("--ground", "Cần xem", "--until", "2025-03-31")
    given = desk.told("grant", NUMBER, "bt", *why, "--as", "gd")
    size = desk.size()
    for officer, by in (("gd", "gd"), (SENT, SENT), ("nm", SENT)):
        assert refused(desk.cli("grant", desk.case, officer, *why, "--as", by))
    end = ("bt", "--reason", "Không cần", "--grant", given["act_id"])
    alike(
        desk,
        (("grant", desk.case, STRANGER, *why), ("grant", ABSENT, STRANGER, *why)),
        (("revoke", desk.case, *end), ("revoke", ABSENT, *end)),
        by=STRANGER,
    )
    assert refused(desk.cli("revoke", desk.case, *end, "--as", SENT))
    assert desk.size() == size
    assert desk.cli("case", "show", NUMBER, "--as", "bt").exit_code == 0
    assert desk.cli("revoke", desk.case, *end, "--as", "gd").exit_code == 0
    assert refused(desk.cli("case", "show", NUMBER, "--as", "bt"))


@attack(
    "a case opened by an order or in an emergency, at a terminal, by whoever has no such power; the"
    " register asked for the grants of others",
    stopped_by="AGENCY_HOLDS_FUNCTION; grants that stand in cases are for auditors (A9, A11, A19)",
    noticed_by="-",
)
def test_a_command_opens_no_case_by_order_or_in_an_emergency(desk: Desk) -> None:
    """By a supervisor elsewhere for herself, and by the head of the department that has it."""
    why = ("--ground", "Cần xem", "--until", "2025-03-31")
    given = desk.told("grant", NUMBER, "nm", *why, "--as", "gd")
    size, until = desk.size(), "2025-02-10T19:00:00+07:00"
    second = {"officer": desk.officers["gd"], "post": CAST["gd"]["post"], "role": "APPROVER"}
    first = {"officer": desk.officers[STRANGER], "post": CAST[STRANGER]["post"], "role": "AUTHOR"}
    emergency = act(
        desk, "BreakGlassOpened", f"agency/{CAST[STRANGER]['agency']}", STRANGER,
        signers=[first, second],
        facts={"case": f"case/{desk.case}", "officer": desk.officers[STRANGER], "until": until,
               "emergency": "Cần xem ngay trong đêm nay.", "auditor_told": True},
    )  # fmt: skip
    assert "AGENCY_HOLDS_FUNCTION" in code(sent(desk, emergency, STRANGER, "--json"))
    own = {"officer": desk.officers["tp"], "post": CAST["tp"]["post"], "role": "APPROVER"}
    reader = {**CAST[STRANGER], "officer": desk.officers[STRANGER], "until": until}
    order = orjson.loads(act(desk, "InspectionOrdered", "agency/bacninh.stttt", "gd"))
    order["signers"].append(own)
    order["facts"] |= {"cases": [f"case/{desk.case}"], "readers": [reader], "until": until}
    assert "AGENCY_HOLDS_FUNCTION" in code(sent(desk, orjson.dumps(order).decode(), "gd", "--json"))
    assert desk.size() == size
    listed = desk.told("registry", "openings", "--as", STRANGER)
    assert (listed["openings"], listed["of_cases"]) == ([], False)
    assert "The registry has none such." in desk.cli("registry", "openings", "--as", "gd").stdout
    assert refused(desk.cli("case", "show", NUMBER, "--as", STRANGER))
    end = ("--reason", "Không cần", "--grant", given["act_id"])
    assert desk.cli("revoke", desk.case, "nm", *end, "--as", "gd").exit_code == 0
