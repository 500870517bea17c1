"""Whoever takes over the projector's login can write anything into views; no reader believes it."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.errors import VerificationError
from ledger.log import statement
from projections.views import acts
from tests.examples import shared_with_soak
from tests.fixtures.postgres import Database
from tests.fixtures.projected import Case, made, step_of
from tests.played_log import played

pytestmark = pytest.mark.postgres

HARMS: dict[str, LiteralString] = {
    "another text": """UPDATE proj.acts SET payload = convert_to(replace(
        convert_from(payload, 'UTF8'), 'minute', 'hour'), 'UTF8') WHERE index = %(index)s""",
    "another officer": "UPDATE proj.acts SET officer = gen_random_uuid() WHERE index = %(index)s",
    "another hour": """UPDATE proj.acts SET recorded_at = recorded_at + interval '1 ms'
        WHERE index = %(index)s""",
    "another day of the act": """UPDATE proj.acts SET occurred_at = occurred_at - interval '1 day'
        WHERE index = %(index)s""",
    "another place": """UPDATE proj.acts SET seq = -seq WHERE index = %(index)s""",
    "another type": "UPDATE proj.acts SET act = 'CaseClosed' WHERE index = %(index)s",
    "another leaf": "UPDATE proj.acts SET entry = sha256(entry) WHERE index = %(index)s",
    "erased by nobody": """UPDATE proj.acts SET protected = NULL, payload = NULL, signature = NULL,
        kid = NULL, act = NULL, status = 'erased' WHERE index = %(index)s""",
    "erased by an act that erases nothing": """UPDATE proj.acts SET protected = NULL,
        payload = NULL, signature = NULL, kid = NULL, erased_by = act_id WHERE index = %(index)s""",
    "erased, another in its place": """UPDATE proj.acts a SET protected = b.protected,
        payload = b.payload, signature = b.signature, kid = b.kid, digest = b.digest, act = NULL
        FROM proj.acts b WHERE a.index = %(index)s AND b.index = %(index)s - 1""",
    "taken out": "DELETE FROM proj.acts WHERE index = %(index)s",
    "the last taken out": """DELETE FROM proj.acts WHERE index =
        (SELECT max(index) FROM proj.acts WHERE stream = %(stream)s)""",
    "all taken out": "DELETE FROM proj.acts WHERE stream = %(stream)s",
    "one more": """INSERT INTO proj.acts SELECT gen, 2 ^ 40, stream, comp, unit, 2 ^ 20,
        gen_random_uuid(), act, role, officer, kid, iat, occurred_at, recorded_at, agency,
        status, effect, state_after, flags, late, registry, digest, entry, protected, payload,
        signature, erased_by
        FROM proj.acts WHERE index = %(index)s""",
}


@pytest.mark.parametrize("harm", shared_with_soak(HARMS, 2, "rows"))
def test_rows_that_the_log_does_not_have_are_an_alarm(sc1: Case, harm: str) -> None:
    """Verdicts, timeline, the past, reasons and differences say so instead of repeating them."""
    act = sc1.entry(step_of(sc1, "VerificationConcluded")).act
    place = {"index": sc1.index_of(step_of(sc1, "VerificationConcluded")), "stream": sc1.stream}
    with sc1.writing() as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(HARMS[harm], place)
    asked = (
        lambda: sc1.queries.verifications.of(sc1.stream),
        lambda: sc1.queries.acts.of(sc1.stream),
        lambda: sc1.queries.past.file(sc1.stream, sc1.now, sc1.now),
        lambda: sc1.queries.past.file(sc1.stream, sc1.now, sc1.now, "occurred"),
        lambda: sc1.queries.past.history(sc1.stream, "/state", sc1.now),
        lambda: sc1.queries.past.diff(sc1.stream, 0, sc1.now, sc1.now),
    )
    for ask in asked:
        with pytest.raises(VerificationError, match="view"):
            ask()
    if "%(index)s" in harm and "INSERT" not in harm:
        with pytest.raises(VerificationError, match="view"):
            sc1.queries.acts.told(act.act_id, sc1.now)


def test_when_another_record_was_taken_is_no_views_word(sc9: Case) -> None:
    """A case as of a record of another stream is looked at from when the log took that."""
    streams = [statement.members["stream"] for statement in sc9.played.log.statements]
    begun = streams.index(sc9.stream)
    index = next(n for n, name in enumerate(streams) if n > begun and name != sc9.stream)
    told = sc9.queries.past.file(sc9.stream, index, sc9.now)
    with sc9.writing() as connection:
        connection.execute(
            "UPDATE proj.acts SET recorded_at = recorded_at + interval '2 years' WHERE index = %s",
            [index],
        )
    assert sc9.queries.past.file(sc9.stream, index, sc9.now) == told


def _followed(case: Case) -> None:
    """The feed, as another system follows it."""
    after = -1
    while (last := case.queries.feed.after(after, 10)[1]) > after:
        after = last


@pytest.mark.parametrize(
    "harm",
    [
        "another hour", "another place", "another type", "another leaf", "erased by nobody",
        "taken out", "all taken out",
    ],
)  # fmt: skip
def test_the_feed_says_nothing_that_the_log_does_not(sc1: Case, harm: str) -> None:
    """Other systems follow it: an event that is missing, moved or made up is an alarm."""
    index = sc1.index_of(step_of(sc1, "VerificationConcluded"))
    _followed(sc1)
    with sc1.writing() as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(HARMS[harm], {"index": index, "stream": sc1.stream})
    with pytest.raises(VerificationError, match="view"):
        _followed(sc1)


def test_the_feed_never_reaches_what_the_log_does_not_have(sc1: Case) -> None:
    """A made-up row behind the last record is no event, and whoever follows goes on as before."""
    with sc1.writing() as connection:
        cursor = psycopg.ClientCursor(connection)
        index = sc1.index_of(step_of(sc1, "VerificationConcluded"))
        cursor.execute(HARMS["one more"], {"index": index, "stream": sc1.stream})
    last = len(sc1.played.log.rows) - 1
    _, reached, told = sc1.queries.feed.after(last - 1, 100)
    assert (reached, [one["data"]["index"] for one in told]) == (last, [last])
    assert sc1.queries.feed.after(last, 100)[1:] == (last, [])


def test_no_guard_is_told_what_only_a_view_says(sc1: Case) -> None:
    """A case is neither open nor closed, nor of other signers, because a row was written so.

    A record that a row erases is an alarm; one that it moves elsewhere is told of where it is.
    """
    index = sc1.index_of(step_of(sc1, "CaseClosed"))
    with sc1.reading() as connection:
        row = next(r for r in acts.stream_rows(connection, sc1.stream) if r.index == index)

    def told() -> tuple[object, ...]:
        cases = sc1.cases()
        return (
            cases.state(sc1.stream), cases.running(sc1.stream, sc1.now), cases.signers(sc1.stream),
        )  # fmt: skip

    said = told()
    with sc1.writing() as connection:
        connection.execute(
            "UPDATE proj.case_file SET state = 'HANDLING', changes_at = NULL,"
            ' body = \'{"clocks": [], "open_sub_processes": []}\''
        )
        connection.execute("UPDATE proj.acts SET officer = NULL WHERE index = %s", [index])
    assert told() == said
    with sc1.writing() as connection:
        connection.execute("UPDATE proj.acts SET erased_by = act_id WHERE index = %s", [index])
    with pytest.raises(VerificationError, match="view"):
        told()
    with sc1.writing() as connection:
        connection.execute("UPDATE proj.acts SET stream = 'case/x' WHERE index = %s", [index])
    assert told() == said
    assert sc1.cases().record(index, canonical.b64(row.entry)) == sc1.stream


def test_no_guard_is_told_of_a_report_by_a_view(database: Database) -> None:
    """One that a row makes up restates nothing; one whose row is hidden or gone is told still."""
    case = made(database, played("SC10"))
    said = case.cases().reports()
    assert said
    harms: tuple[LiteralString, ...] = (
        "UPDATE proj.acts SET effect = false WHERE index = %(first)s",
        "DELETE FROM proj.acts WHERE index = %(first)s",
        """INSERT INTO proj.acts SELECT gen, 2 ^ 40, stream, comp, unit, 2 ^ 20,
            gen_random_uuid(), act, role, officer, kid, iat, occurred_at, recorded_at, agency,
            status, effect, state_after, flags, late, registry, digest, entry, protected, payload,
        signature, erased_by
            FROM proj.acts WHERE effect AND act = 'StatisticsSubmitted' LIMIT 1""",
    )
    for harm in reversed(harms):
        with case.writing() as connection:
            psycopg.ClientCursor(connection).execute(harm, {"first": said[0].index})
        assert case.cases().reports() == said


def test_a_flood_that_is_set_aside_is_shown_in_part(sc1: Case) -> None:
    """Anybody may ask for it: some indices, and how many there are."""
    with psycopg.connect(sc1.database.admin) as connection:
        connection.execute(
            """INSERT INTO proj.acts (gen, index, stream, comp, unit, seq, act_id, recorded_at,
              status, effect, flags, late, registry, entry)
            SELECT v.gen, 1000 + n, 'case/x', gen_random_uuid(), gen_random_uuid(), n,
              gen_random_uuid(), now(),
              'set_aside', false, '{}', false, false, ''
            FROM proj.views v, generate_series(1, 300) n
            WHERE v.view = 'acts' AND v.state = 'live'"""
        )
    told = sc1.queries.positions.set_aside()
    assert (told.count, list(told.first)) == (300, list(range(1001, 1101)))


def test_no_view_enrols_a_key(sc1: Case) -> None:
    """A row signed anew by a key that only tables of the views know is nobody's word."""
    index = sc1.index_of(step_of(sc1, "CaseClosed"))
    with sc1.reading() as connection:
        row = next(r for r in acts.stream_rows(connection, sc1.stream) if r.index == index)
    forger = SoftwareSigner.generate("Ed25519")
    forged = statement.make(
        canonical.encode(row.members), forger, iat=row.iat or 0, log=sc1.played.log.origin,
        seq=row.seq, prev=row.prev, role=row.role or "",
    )  # fmt: skip
    with sc1.writing() as connection:
        connection.execute(
            "UPDATE proj.acts SET kid = %s, protected = %s, signature = %s, digest = %s"
            " WHERE index = %s",
            [forger.kid, forged.protected, forged.signature, forged.digest_b64, index],
        )
    with pytest.raises(VerificationError, match="view"):
        sc1.queries.verifications.of(sc1.stream)
    assert forger.kid not in sc1.queries.registries.at().registry.keyring
