"""A case is valid, not valid, or there is not enough to conclude."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from api.texts.catalogue import translate
from projections.queries.signature_verdicts import Verification, judged, verified
from projections.views import acts
from tests.fixtures.projected import Case

pytestmark = pytest.mark.postgres


def test_every_statement_of_a_sound_case_is_valid(sc1: Case) -> None:
    """Verified over the bytes as received, when it is read."""
    _, verification = sc1.queries.verifications.of(sc1.stream)
    assert verification.outcome == "VALID"
    assert verification.counts == {"VALID": len(verification.statements)}
    assert len(verification.statements) == sc1.played.player.streams[sc1.stream].seq
    assert all(s.key is not None and s.key["status"] == "ACTIVE" for s in verification.statements)


def told_by_rows(case: Case) -> Verification:
    """The verdict on the rows as they stand; nothing holds them against the log here."""
    with case.reading() as connection:
        rows = acts.stream_rows(connection, case.stream)
    known = case.queries.registries.at().registry
    return verified(case.stream, [judged(row, known, now=None) for row in rows])


def test_a_gap_in_a_case_is_not_enough_to_conclude(sc1: Case) -> None:
    """Where the log itself has lost a statement, valid ones are left, and the place shows."""
    with psycopg.connect(sc1.database.admin) as connection:
        connection.execute(
            "DELETE FROM proj.acts WHERE stream = %s AND seq IN (1, 5, 6)", [sc1.stream]
        )
    verification = told_by_rows(sc1)
    assert verification.outcome == "NOT_CONCLUDED"
    assert verification.counts == {"VALID": len(verification.statements)}
    told = {s.row.seq: str(s.reason) for s in verification.statements if s.outcome != "VALID"}
    assert told == {
        2: "the case lacks its record 1, right before this one",
        7: "the case lacks its record 5–6, right before this one",
    }


@pytest.mark.parametrize(
    "harm",
    [
        """
        DELETE FROM proj.acts WHERE stream = %(stream)s AND seq = 5;
        UPDATE proj.acts SET seq = seq - 100 WHERE stream = %(stream)s AND seq > 5;
        UPDATE proj.acts SET seq = seq + 99 WHERE stream = %(stream)s AND seq < 0
        """,
        """
        UPDATE proj.acts SET seq = -5 WHERE stream = %(stream)s AND seq = 5;
        UPDATE proj.acts SET seq = 5 WHERE stream = %(stream)s AND seq = 6;
        UPDATE proj.acts SET seq = 6 WHERE stream = %(stream)s AND seq = -5
        """,
    ],
    ids=["taken out and numbered anew", "turned round"],
)
def test_a_statement_that_follows_another_one_is_not_valid(sc1: Case, harm: LiteralString) -> None:
    """Each signature names the statement before it: numbers in a table cannot hide a change."""
    with psycopg.connect(sc1.database.admin, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(harm, {"stream": sc1.stream})
    verification = told_by_rows(sc1)
    assert verification.outcome == "NOT_VALID"
    assert verification.counts == {"VALID": len(verification.statements)}
    first = next(s for s in verification.statements if s.outcome != "VALID")
    assert (first.row.seq, translate(first.reason, "vi")) == (
        5,
        "Không nối tiếp bản ghi ngay trước trong hồ sơ",
    )


def test_bulk_verification_leaves_out_what_is_not_there(sc1: Case) -> None:
    """A list of cases gives a verdict each."""
    missing = "case/00000000-0000-4000-8000-000000000000"
    found = list(sc1.queries.verifications.of_each([sc1.stream, missing]))
    assert [v.stream for v in found] == [sc1.stream]
