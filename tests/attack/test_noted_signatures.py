"""Whoever owns the database, after a home has checked every signature and builds a view anew.

The attacker holds every login and the KEK: rows are sealed as the ledger seals them, and their
columns agree with them. What they lack is an officer's key, and the home's own files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from keys import canonical
from keys.signer import PublicKey
from ledger.log.statement import Statement, check_signature, parse_compact
from projections.engine.noted_signatures import NotedSignatures
from projections.fold.fold import Fold
from projections.fold.statement_check import CheckedSignatures, Form
from tests.attacks import attack
from tests.fold_log import FoldLog, Stored
from tests.memory_log import ORIGIN, MemoryLog, unsigned
from tests.played_log import PlayedLog, played

Rows = list[tuple[object, ...]]
_ALL: Final = 10_000


def rows_of(log: MemoryLog) -> FoldLog:
    """Its rows, as a fold reads them."""
    return FoldLog(Stored(PlayedLog(log, []).stored(), log.noted), log.kek, ORIGIN)


def steps(rows: FoldLog, checked: CheckedSignatures | None = None) -> Rows:
    """What a view is made of, record by record; without notes everything is checked."""
    fold = Fold(rows, ORIGIN, "ordinary", form=Form(ORIGIN, "ordinary", checked))
    return [
        (
            step.opened.index,
            step.status,
            step.effect,
            step.flags,
            step.stream.state,
            step.stream.head,
            sorted(step.stream.aside),
        )
        for step in fold.steps(rows.read(0, _ALL))
    ]


def folded(log: MemoryLog, checked: CheckedSignatures | None = None) -> Rows:
    """The same by a process that has read nothing before."""
    return steps(rows_of(log), checked)


def of_cases(log: MemoryLog) -> list[int]:
    """Records of cases."""
    return [row.at for row in log.rows if (row.name or "").startswith("case/")]


@pytest.fixture
def log() -> MemoryLog:
    """A played log, to be harmed."""
    return played("SC1").log.copied()


@pytest.fixture
def home(tmp_path: Path, log: MemoryLog) -> Path:
    """A home that has folded the log once, and checked it."""
    folded(log, NotedSignatures(tmp_path))
    return tmp_path


def signed_by_nobody(log: MemoryLog) -> int:
    """A record is replaced by the same words, signed by nobody."""
    at = of_cases(log)[3]
    log.exchange(at, unsigned(log.statements[at]))
    return at


def other_words(log: MemoryLog) -> int:
    """An officer's header and signature over what they never said."""
    at = of_cases(log)[0]
    head, _, signature = log.statements[at].compact.split(".")
    said = {**log.statements[at].members, "precision": "day"}
    words = canonical.b64(canonical.encode(said))
    log.exchange(at, parse_compact(f"{head}.{words}.{signature}"))
    return at


def under_the_old_entry(log: MemoryLog) -> int:
    """The column still says what was noted; what is sealed is another's."""
    at = of_cases(log)[3]
    entry = log.rows[at].entry
    log.exchange(at, unsigned(log.statements[at]))
    log.rows[at] = log.rows[at]._replace(entry=entry)
    return at


def in_each_others_place(log: MemoryLog) -> int:
    """Two records that were both noted, each where the other was."""
    one, two = of_cases(log)[2:4]
    first, second = log.rows[one], log.rows[two]
    log.rows[one] = second._replace(at=one, seq=first.seq)
    log.rows[two] = first._replace(at=two, seq=second.seq)
    return two


def of_a_key_that_nobody_enrolled(log: MemoryLog) -> int:
    """The signature is good and noted; the record by which the registry knew its key is gone."""
    at = of_cases(log)[0]
    kid = log.statements[at].kid
    (enrolment,) = (
        n for n, one in enumerate(log.statements)
        if one.members["act"] == "KeyEnrolled" and one.members["facts"]["kid"] == kid
        and log.rows[n].registry
    )  # fmt: skip
    log.exchange(enrolment, unsigned(log.statements[enrolment]))
    return at


HARMS: Final = (
    signed_by_nobody,
    other_words,
    under_the_old_entry,
    in_each_others_place,
    of_a_key_that_nobody_enrolled,
)


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
@attack(
    "a record is exchanged behind the back of a home that has checked its signature already",
    stopped_by="the note is the entry, which commits to statement and signature",
    noticed_by="log audit",
)
def test_what_was_not_signed_is_shown_by_no_rebuild(
    log: MemoryLog, home: Path, harm: Callable[[MemoryLog], int]
) -> None:
    """The rows are those of a process that checks everything."""
    at = harm(log)
    rebuilt = folded(log, NotedSignatures(home))
    assert rebuilt == folded(log)
    assert rebuilt[at][:2] == (at, "set_aside")


@attack(
    "a record is appended with the writer's login under a signature that nobody made",
    stopped_by="only what was checked and good is noted",
    noticed_by="log audit, views, readiness",
)
def test_what_was_found_bad_is_not_noted(log: MemoryLog, tmp_path: Path) -> None:
    """It is set aside by the rebuild as it was by the loop."""
    at = signed_by_nobody(log)
    first = folded(log, NotedSignatures(tmp_path))
    assert first == folded(log, NotedSignatures(tmp_path)) == folded(log)
    assert first[at][:2] == (at, "set_aside")


def test_what_another_version_noted_goes_as_this_one_starts(home: Path) -> None:
    """Nothing else does: beside it lies what the projector has seen of its log (retention.md)."""
    (file,) = home.iterdir()
    other, seen = file.with_name("signatures-0123456789abcdef"), file.with_name("checkpoint")
    other.write_bytes(bytes(32))
    seen.write_bytes(b"a note")
    NotedSignatures(home)
    assert sorted(home.iterdir()) == [seen, file]


def test_of_what_is_erased_a_home_keeps_the_entry_alone(log: MemoryLog, home: Path) -> None:
    """As the log and its tiles do; what stands behind it is what everybody shows."""
    at = of_cases(log)[3]
    entry, (file,) = log.rows[at].entry, home.iterdir()
    before = file.read_bytes()
    log.rows[at] = log.rows[at]._replace(wraps=())
    assert folded(log, NotedSignatures(home)) == folded(log)
    assert before[at * len(entry) :].startswith(entry)
    assert len(before) == len(log.rows) * len(entry), "and nothing beside"
    assert file.read_bytes() == before


def test_what_was_noted_is_not_checked_again(
    log: MemoryLog, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another process of the home; whoever has no notes checks every statement of a case."""
    checked: list[str] = []

    def check(statement: Statement, key: PublicKey) -> None:
        checked.append(statement.digest_b64)
        check_signature(statement, key)

    monkeypatch.setattr("ledger.log.statement.check_signature", check)
    wanted = {log.statements[at].digest_b64 for at in of_cases(log)}
    rows = rows_of(log)  # what it has judged in full it does not judge again
    every = steps(rows)
    assert wanted <= set(checked)
    checked.clear()
    assert steps(rows, NotedSignatures(home)) == every
    assert not wanted & set(checked)
    assert steps(rows, NotedSignatures(home / "of another")) == every
    assert wanted <= set(checked)
