"""What a full audit says of logs that are sound in less ordinary ways.

And what it leaves out without a key.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO

import pytest

from api.cli.terminal.audit_tables import show
from api.cli.terminal.shell import Shell
from api.ops.enclave_audit import Audited
from api.texts.lang import Lang
from keys.canonical import b64
from keys.envelope_encryption import Kek
from ledger.audit.audit import audit, shared_out
from ledger.audit.content import RawRecord
from ledger.audit.findings import Damage
from ledger.audit.range_check import ROWS
from tests.memory_log import MemoryLog, a_log
from tests.unit.ledger.test_audit_mutations import AT, change, flip, plain_index, report_of


def erase(log: MemoryLog, at: int) -> RawRecord:
    """Records an erasure and destroys the wrap, as the keeper would."""
    named = [{"index": at, "entry": b64(log.rows[at].entry)}]
    signers = [
        {"officer": p.uuid, "post": p.post, "role": role}
        for p, role in zip(log.people, ("AUTHOR", "CHECKER", "APPROVER"), strict=True)
    ]
    members = log.act(
        "RecordErased", "ledger", log.people[0], facts={"entries": named}, signers=signers
    )
    for person, role in zip(log.people, ("AUTHOR", "CHECKER", "APPROVER"), strict=True):
        row = log.sign(members, person, role)
    log.checkpoint()
    change(log, at, wraps=())
    return row


def test_erased_record_keeps_every_proof() -> None:
    """An erasure that the log itself records is not damage.

    The leaf stays, the signature can no longer be checked.
    """
    log = a_log()
    erase(log, plain_index(log))
    report = report_of(log)
    assert report.ok, report.findings
    assert report.verdicts["ERASED"] == 1
    assert report.erased == 1


def test_erased_record_is_still_seen_by_whom_its_case_is_granted_to() -> None:
    """What is left of it is granted by a column, which nothing that it says can be held against."""
    log = a_log()
    at = plain_index(log)
    erase(log, at)
    change(log, at, unit=bytes(16))
    report = report_of(log)
    assert [(f.index, f.kind) for f in report.findings] == [(at, Damage.COLUMN_UNIT)]


def test_erasure_that_is_pending_erases_nothing() -> None:
    """Two of three signatures do not cover a missing wrap."""
    log = a_log()
    at = plain_index(log)
    erase(log, at)
    size = len(log.rows) - 1
    log.rows.pop()
    log.signed = {s: c for s, c in log.signed.items() if s <= size}
    report = report_of(log)
    assert Damage.WRAP_MISSING in {f.kind for f in report.findings}
    assert report.first_bad_index == at


def test_later_revocation_disputes_only_what_was_recorded_after_its_date() -> None:
    """A signature is judged by the log as it stood.

    What a revocation says of it later is a verdict, not damage.
    """
    log = a_log()
    person = log.people[0]
    times = [
        row.recorded_ms
        for row, s in zip(log.rows, log.statements, strict=True)
        if s.kid == person.signer.kid
    ]
    limit = log.rows[AT].recorded_ms // 1000 * 1000
    log.revoke(person, log.clock - timedelta(milliseconds=log.rows[-1].recorded_ms - limit))
    log.checkpoint()
    report = report_of(log)
    assert report.ok, report.findings
    before = sum(ms < limit for ms in times)
    assert report.verdicts["VALID_KEY_SINCE_REVOKED"] == before
    assert report.verdicts["DISPUTED"] == len(times) - before
    (named,) = report.disputed
    assert (named.kid, named.officer, named.revoked_index, named.statements) == (
        person.signer.kid, person.uuid, log.rows[-1].at, len(times) - before,
    )  # fmt: skip
    assert report.as_dict()["disputed"] == [named.as_dict()]
    ends: tuple[tuple[Lang, str], ...] = (("en", "Sound, BUT FOR"), ("vi", "Toàn vẹn, TRỪ"))
    for lang, end in ends:
        written = StringIO()
        with redirect_stdout(written):
            show(Shell(lang=lang), Audited(report, (), ""))
        said = written.getvalue()
        assert end in said.splitlines()[-1]
        assert person.signer.kid in said
    assert report_of(a_log()).disputed == ()


def test_audit_without_the_key_checks_hashes_and_says_what_it_left_out() -> None:
    """The auditor's login reads no content.

    Tiles and checkpoints still prove that no entry was touched.
    """
    log = a_log()
    log.sealed = False
    report = audit(log, origin=log.origin, vkeys=log.vkeys, replay=False)
    assert report.ok, report.findings
    assert report.skipped == ("content", "statements", "signatures", "wraps", "rules", "tokens")
    change(log, AT, entry=flip(log.rows[AT].entry))
    report = audit(log, origin=log.origin, vkeys=log.vkeys, replay=False)
    assert (report.first_bad_index, report.kind) == (AT, Damage.RECORD_REPLACED)


def test_state_edited_is_not_seen_without_the_key() -> None:
    """Said openly: `skipped` is not an empty promise."""
    log = a_log()
    change(log, AT, state=flip(log.rows[AT].state or b""))
    assert audit(log, origin=log.origin, vkeys=log.vkeys, replay=False).ok
    assert not report_of(log).ok


def test_log_rolled_back_as_a_whole_is_caught_by_a_checkpoint_kept_outside() -> None:
    """Somebody who restores everything.

    Tiles and checkpoints included, still meets the witness's copy.
    """
    log = a_log(cases=12, acts=8)
    sizes = sorted(log.signed)
    outside = log.signed[sizes[-1]][1]
    size = sizes[-3]
    del log.rows[size:]
    log.signed = {s: c for s, c in log.signed.items() if s <= size}
    log.hash_tiles = {
        k: d for k, d in log.hash_tiles.items() if k[0] == 0 and k[1] * 256 + k[2] <= size
    }
    last = log.clock - timedelta(milliseconds=log.head_millis() - log.rows[-1].recorded_ms)
    log.head_row = type(log.head_row)(size, last, log.head_row.registry_index)
    assert sizes[-1] < 256, "tiles of level 0 only"
    assert report_of(log).ok, report_of(log).findings
    report = report_of(log, trusted=[outside])
    assert (report.first_bad_index, report.kind) == (size, Damage.TAIL_MISSING)


def test_other_kek_opens_nothing() -> None:
    """An auditor with the wrong key file hears so at record 0.

    Not a wall of damage without a reason.
    """
    log = a_log(cases=3, acts=3)
    report = report_of(log, kek=Kek.generate())
    assert (report.first_bad_index, report.kind) == (0, Damage.WRAP_OTHER_KEK)


@pytest.mark.parametrize("beside", [False, True])
def test_processes_and_one_process_give_the_same_report(beside: bool) -> None:  # noqa: FBT001
    """Speed must not change what is found, whether processes are copies of this one or new."""
    log = a_log()
    change(log, AT, state=flip(log.rows[AT].state or b""))
    seen: list[tuple[int, int]] = []
    alone = report_of(log)
    with ThreadPoolExecutor() as threads:
        if beside:
            threads.submit(int).result()  # from here on a copy of this process is not safe
        spread = report_of(log, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert spread == alone
    assert seen[-1] == (len(log.rows), len(log.rows))


def test_empty_store_is_not_a_sound_log_where_a_checkpoint_was_kept_outside() -> None:
    """Everything deleted is damage too."""
    log = a_log(cases=2, acts=2)
    outside, genesis = log.signed[max(log.signed)][1], log.genesis
    log.rows, log.signed, log.hash_tiles = [], {}, {}
    log.head_row = type(log.head_row)(0, None, -1)
    for more in ({"trusted": [outside]}, {"genesis": genesis}):
        report = report_of(log, **more)
        assert (report.first_bad_index, report.kind) == (0, Damage.TAIL_MISSING)


@pytest.mark.parametrize("processes", [0, 1, 2, 16])
@pytest.mark.parametrize("end", [0, 1, ROWS, 10 * ROWS + 3, 1_000 * ROWS])
def test_ranges_leave_nothing_out_and_end_short(end: int, processes: int) -> None:
    """Of whole tiles, one behind the other; long ones only while each process has more to do."""
    ranges = list(shared_out(end, ROWS, processes))
    starts = [start for start, _ in ranges]
    assert starts == [0, *(upto for _, upto in ranges)][: len(ranges)]
    assert all(upto > start and not (upto - start) % ROWS for start, upto in ranges)
    assert not ranges or ranges[-1][0] < end <= ranges[-1][1]
    assert all(
        upto - start <= max(ROWS, (end - start) / max(processes, 1) / 8) for start, upto in ranges
    )
    if end > 100 * ROWS * max(processes, 1):
        assert (len(ranges) < end // ROWS) == (processes > 0)
