"""One verdict out of four: the worst signature, and whether a checkpoint covers every record."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.http.resources.verdicts import conclude
from keys.keyring import Verdict
from ledger.message import Wording
from projections.queries.signature_verdicts import StatementVerdict, Verification

SIZE = 10


@dataclass(frozen=True)
class Case:
    """Statements as (index, verdict, outcome)."""

    lines: tuple[tuple[int, Verdict, str], ...]

    def found(self) -> Verification:
        """As the queries hands them out."""
        voided = {VOIDED[0]: "an act"}
        judged = [
            StatementVerdict(
                cast(
                    "Any",
                    SimpleNamespace(
                        index=index, act_id=f"act {index}", voided_by=voided.get(index)
                    ),
                ),
                verdict,
                outcome,
                Wording(f"vì {verdict}", f"because {verdict}"),
                None,
            )
            for index, verdict, outcome in self.lines
        ]
        return Verification("case/x", "", tuple(judged))


GOOD = (1, Verdict.VALID, "VALID")
REVOKED_LATER = (2, Verdict.VALID_KEY_SINCE_REVOKED, "VALID")
ERASED = (3, Verdict.ERASED, "NOT_CONCLUDED")
FORGED = (4, Verdict.INVALID_SIGNATURE, "NOT_VALID")
AGAINST = (5, Verdict.AGAINST_THE_RULES, "AGAINST_THE_RULES")
VOIDED = (6, Verdict.AGAINST_THE_RULES, "AGAINST_THE_RULES")
UNPROVEN = (SIZE, Verdict.VALID, "VALID")


@pytest.mark.parametrize(
    ("lines", "outcome", "begins"),
    [
        ((GOOD, REVOKED_LATER), "VALID", "every signature"),
        ((GOOD, ERASED), "NOT_CONCLUDED", "#3: because ERASED"),
        ((GOOD, UNPROVEN), "NOT_CONCLUDED", "#10: no checkpoint"),
        ((ERASED, FORGED, UNPROVEN), "NOT_VALID", "#4: because INVALID_SIGNATURE"),
        ((FORGED, AGAINST), "AGAINST_THE_RULES", "#5: because AGAINST_THE_RULES"),
        (
            (GOOD, VOIDED),
            "VALID",
            "every signature is valid, and a checkpoint covers every record;",
        ),
        ((VOIDED, ERASED), "NOT_CONCLUDED", "#3: because ERASED"),
    ],
    ids=["good", "erased", "not proven yet", "forged", "against the rules", "voided", "both"],
)
def test_the_worst_statement_decides_and_is_named(
    lines: tuple[tuple[int, Verdict, str], ...], outcome: str, begins: str
) -> None:
    """A record that no checkpoint covers yet is not enough to conclude, and never a failure."""
    verdict = conclude(Case(lines).found(), SIZE)
    assert verdict.outcome == outcome
    assert verdict.reason["en"].startswith(begins)
    assert verdict.reason["vi"]
    assert {line["index"] for line in verdict.open} == {
        index for index, _, said in lines if said != "VALID" or index >= SIZE
    }
