"""Every code that a table shows has a word in both languages: no reader learns codes by heart."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources

import pytest

from api.client.act_form import CIRCULATION
from api.http.schemas.enumerations import CASE_SORT, VERIFICATION_OUTCOME
from api.ops.enclave_audit import NO_VIEWS
from api.texts.case_words import ORDERS
from api.texts.catalogue import both
from api.texts.labels import AUDITED, NAMES, ROLES, STANDINGS, VERDICTS, WORDS, name
from keys.keyring import Verdict
from ledger.audit.audit import _UNOPENED as UNOPENED
from ledger.audit.chain import AGAINST_THE_RULES, NOT_REJUDGED
from ledger.message import Message
from ledger.regulation.acts.act import CIRCULATIONS, SIGNER_ROLES
from ledger.regulation.acts.catalogue import load
from ledger.regulation.case_file.render import case_file
from ledger.regulation.edition import load_edition
from tests.builders import a_case_in


def test_every_verdict_and_outcome_has_words() -> None:
    """The outcomes of formats.md §9, and why; and what an audit says beside a verdict."""
    said = {AGAINST_THE_RULES, NOT_REJUDGED}
    assert set(VERDICTS) == {*VERIFICATION_OUTCOME.words, *map(str, Verdict), *said}


def test_every_state_of_a_sub_process_has_words() -> None:
    """A measure is "đang áp dụng", not TAKEN."""
    states = {s for sub in load_edition().life_cycle["sub_processes"] for s in sub["states"]}
    assert states <= set(STANDINGS)


def test_every_finding_has_words() -> None:
    """What a verification found is said, not coded."""
    findings = load().types["VerificationConcluded"].facts["finding"]["enum"]
    assert set(findings) <= set(STANDINGS)


def test_every_role_and_key_state_has_words() -> None:
    """As whom one signs, how a key stands."""
    assert {*SIGNER_ROLES, "RETURNER"} == set(ROLES)
    assert {"ACTIVE", "NOT_YET_VALID", "EXPIRED", "REVOKED"} <= set(WORDS)
    assert {"SOFTWARE", "BROWSER", "PKCS11", "SERVICE"} <= set(WORDS)


def test_every_member_of_a_case_file_has_a_heading() -> None:
    """What `case diff` names by its member is named in the reader's language."""
    case = a_case_in("CLOSED")
    members = set(case_file(case.stream, {}, case.registry, datetime(2024, 7, 1, tzinfo=UTC)))
    spoken = {name for name in members if not name.endswith(("_vi", "_en"))}
    assert spoken - {"stream", "head"} <= set(NAMES)


def test_every_urgency_and_kind_of_correction_has_words() -> None:
    """A case is "khẩn", not KHAN; what was corrected is said."""
    types = load().types
    assert set(types["CaseRegistered"].facts["urgency"]["enum"]) <= set(WORDS)
    assert set(types["RecordCorrected"].facts["mark"]["enum"]) <= set(STANDINGS)


def test_every_order_of_a_list_has_words() -> None:
    """Below a list at a terminal stood `-last_act`."""
    assert {*CASE_SORT.words, "-recorded_at", "-occurred_at"} == set(ORDERS)


@pytest.mark.parametrize("table", [ORDERS, AUDITED, NAMES, WORDS, VERDICTS, ROLES, STANDINGS])
def test_both_languages_are_there_and_differ(table: dict[str, Message]) -> None:
    """A word left in English is a word nobody translated."""
    for code, text in table.items():
        vi, en = both(text).values()
        assert vi, code
        assert en, code
        assert vi != en, code


def test_what_an_audit_could_not_ask_and_where_a_row_differs_has_words() -> None:
    """A Vietnamese sentence has no English in it."""
    assert {*UNOPENED, "views", NO_VIEWS, "views (the log comes first)", "file bytes"} <= set(
        AUDITED
    )
    assert {"missing", "extra", "altered", "beyond", "stopped"} <= set(AUDITED)


def test_every_state_of_a_generation_has_words() -> None:
    """`projection status` shows a generation that is being cleared too."""
    ddl = resources.files("projections").joinpath("schema", "views.sql").read_text("utf-8")
    named = re.search(r"CHECK \(state IN \(([^)]*)\)\)", ddl)
    assert named is not None
    states = set(re.findall(r"'([a-z]+)'", named[1]))
    assert len(states) == 3
    assert states <= set(WORDS)


def test_every_member_of_an_act_has_a_word_where_it_is_shown_before_signing() -> None:
    """Nobody signs under a heading in a language that they do not read."""
    shown = (
        "occurred", "precision", "late_reason", "disposition", "to", "channel", "document",
        "circulation", "stream", "case", "refers_to", "corrects",
    )  # fmt: skip
    for member in shown:
        assert name(member, "vi") != name(member, "en")
        assert "_" not in name(member, "en")
    assert set(CIRCULATION) == set(CIRCULATIONS)
