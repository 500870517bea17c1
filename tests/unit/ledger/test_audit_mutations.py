"""The audit names every kind of damage.

Each row damages a sound log once, and says where and how it must be named.
"""

# ruff: noqa: D103 - the name of a damage says what it does
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from keys import canonical, envelope_encryption
from keys.jwk import SoftwareSigner
from ledger.audit.audit import audit
from ledger.audit.content import RawRecord
from ledger.audit.findings import Damage
from ledger.audit.report import Report
from ledger.log import statement
from ledger.log.record import leaf
from ledger.ports import LogHead
from ledger.streams.names import stream_id
from tests.memory_log import MemoryLog, Person, a_log, an_empty_log

AT = 77
"""Where single records are damaged: an ordinary record, well inside the first tile."""


def report_of(log: MemoryLog, **more: object) -> Report:
    """An audit of the log as it stands; its acts were made without the rules."""
    arguments: dict[str, object] = {
        "origin": log.origin,
        "vkeys": log.vkeys,
        "kek": log.kek,
        "genesis": log.genesis if log.rows else None,
        "replay": False,
    }
    return audit(log, **(arguments | more))  # type: ignore[arg-type]


def change(log: MemoryLog, at: int, **columns: object) -> None:
    """Edits columns of one row."""
    log.rows[at] = log.rows[at]._replace(**columns)  # type: ignore[arg-type]


def flip(data: bytes, byte: int = -20) -> bytes:
    """The bytes with one bit turned."""
    turned = bytearray(data)
    turned[byte] ^= 1
    return bytes(turned)


def reseal(log: MemoryLog, at: int, made: statement.Statement) -> None:
    """Replaces a record by one that is sound by itself.

    As the owner of the database and of the KEK could.
    """
    old = log.rows[at]
    recorded = log.clock.fromtimestamp(old.recorded_ms / 1000, log.clock.tzinfo)
    row = log.seal(made, at, recorded, effective=True)
    log.rows[at] = row._replace(registry=old.registry)


def again(
    log: MemoryLog, at: int, signer: SoftwareSigner, **changes: object
) -> statement.Statement:
    """The statement of a record, signed once more with changed payload or header members."""
    old = log.statements[at]
    payload = {k: v for k, v in changes.items() if k in old.members}
    header = {k: v for k, v in changes.items() if k not in old.members}
    members = dict(old.members) | payload
    given = {"iat": old.iat, "log": old.log, "seq": old.seq, "prev": old.prev, "role": old.role}
    arguments: dict[str, Any] = given | header
    return statement.make(canonical.encode(members), signer, **arguments)


def plain_index(log: MemoryLog, start: int = AT, *, last_of_stream: bool = False) -> int:
    """The first record from `start` on with a single signer in a case.

    And with another after it in its stream.
    """
    for at in range(start, len(log.rows)):
        made = log.statements[at]
        single = len(made.members["signers"]) == 1 and made.role == "AUTHOR"
        later = log.heads[made.members["stream"]][0] > made.seq
        if single and made.members["stream"].startswith("case/") and later is not last_of_stream:
            return at
    raise AssertionError("no such record")


def author_of(log: MemoryLog, at: int) -> Person:
    """Who signed a record as its author."""
    uuid = log.statements[at].members["signers"][0]["officer"]
    return next(p for p in log.people if p.uuid == uuid)


def pair(log: MemoryLog) -> tuple[int, int]:
    """Two records of different streams."""
    first = plain_index(log)
    other = log.statements[first].members["stream"]
    second = next(
        at
        for at in range(first + 1, len(log.rows))
        if log.statements[at].members["stream"] != other
    )
    return first, second


# -- the damages; each returns the first bad index ------------------------------------------------


def edited_state(log: MemoryLog) -> int:
    change(log, AT, state=flip(log.rows[AT].state or b""))
    return AT


def state_of_unknown_version(log: MemoryLog) -> int:
    change(log, AT, state=b"\x07" + (log.rows[AT].state or b"")[1:])
    return AT


def truncated_state(log: MemoryLog) -> int:
    change(log, AT, state=(log.rows[AT].state or b"")[:-1])
    return AT


def swapped_states(log: MemoryLog) -> int:
    first, second = pair(log)
    one, two = log.rows[first].state, log.rows[second].state
    change(log, first, state=two)
    change(log, second, state=one)
    return first


def swapped_rows(log: MemoryLog) -> int:
    first, second = pair(log)
    one, two = log.rows[first], log.rows[second]
    log.rows[first], log.rows[second] = two._replace(at=first), one._replace(at=second)
    return first


def swapped_rows_without_wraps(log: MemoryLog) -> int:
    first, second = pair(log)
    wraps = log.rows[first].wraps, log.rows[second].wraps
    swapped_rows(log)
    change(log, first, wraps=wraps[0])
    change(log, second, wraps=wraps[1])
    return first


def deleted_record(log: MemoryLog) -> int:
    del log.rows[AT]
    return AT


def deleted_first_record(log: MemoryLog) -> int:
    del log.rows[0]
    return 0


def truncated_tail(log: MemoryLog) -> int:
    del log.rows[-5:]
    return len(log.rows)


def truncated_tail_with_head(log: MemoryLog) -> int:
    del log.rows[-5:]
    last = log.clock.fromtimestamp(log.rows[-1].recorded_ms / 1000, log.clock.tzinfo)
    log.head_row = LogHead(len(log.rows), last, log.head_row.registry_index)
    return len(log.rows)


def duplicated_index(log: MemoryLog) -> int:
    log.rows.insert(AT, log.rows[AT])
    return AT


def undeclared_record(log: MemoryLog) -> int:
    last = len(log.rows)
    head = log.head_row
    log.sign(log.act("ReportReceived", f"case/{log.uuid()}", log.people[0]), log.people[0])
    log.head_row = head
    return last


def head_time_moved(log: MemoryLog) -> int:
    head = log.head_row
    assert head.recorded_at is not None
    log.head_row = LogHead(head.size, head.recorded_at + timedelta(seconds=9), head.registry_index)
    return head.size - 1


def head_names_another_registry_record(log: MemoryLog) -> int:
    head = log.head_row
    log.head_row = LogHead(head.size, head.recorded_at, head.registry_index - 1)
    return len(log.rows) - 1


def unit_column_wrong(log: MemoryLog) -> int:
    """A case's record made readable for whoever may read another case."""
    first, second = pair(log)
    change(log, first, unit=log.rows[second].unit)
    return first


def unit_column_nil(log: MemoryLog) -> int:
    at = plain_index(log)
    change(log, at, unit=bytes(16))
    return at


def wrap_kept_elsewhere(log: MemoryLog) -> int:
    change(log, AT, astray=True)
    return AT


def recorded_column_moved_by_a_microsecond(log: MemoryLog) -> int:
    change(log, AT, recorded_ms=log.rows[AT].recorded_ms + 0.001)
    return AT


def row_far_behind(log: MemoryLog) -> int:
    """An audit must not count to it."""
    log.rows.append(log.rows[AT]._replace(at=2**62))
    return len(log.rows) + (1 << 20)


def wrong_entry(log: MemoryLog) -> int:
    change(log, AT, entry=flip(log.rows[AT].entry))
    return AT


def entry_and_wrap_wrong(log: MemoryLog) -> int:
    row = log.rows[AT]
    dek = envelope_encryption.unwrap(log.kek, row.wraps[0], origin=log.origin, entry=row.entry)
    entry = flip(row.entry)
    wrap = envelope_encryption.wrap(log.kek, dek, origin=log.origin, entry=entry)
    change(log, AT, entry=entry, wraps=(wrap,))
    return AT


def missing_wrap(log: MemoryLog) -> int:
    change(log, AT, wraps=())
    return AT


def wrap_of_another(log: MemoryLog) -> int:
    change(log, AT, wraps=log.rows[AT + 1].wraps)
    return AT


def wrap_under_other_kek(log: MemoryLog) -> int:
    row = log.rows[AT]
    dek = envelope_encryption.unwrap(log.kek, row.wraps[0], origin=log.origin, entry=row.entry)
    wrap = envelope_encryption.wrap(
        envelope_encryption.Kek.generate(), dek, origin=log.origin, entry=row.entry
    )
    change(log, AT, wraps=(wrap,))
    return AT


def malformed_wrap(log: MemoryLog) -> int:
    change(log, AT, wraps=(log.rows[AT].wraps[0][:-1],))
    return AT


def recorded_column_moved(log: MemoryLog) -> int:
    change(log, AT, recorded_ms=log.rows[AT].recorded_ms + 1)
    return AT


def recorded_column_backwards(log: MemoryLog) -> int:
    change(log, AT, recorded_ms=log.rows[AT - 1].recorded_ms - 60_000)
    return AT


def seq_column_wrong(log: MemoryLog) -> int:
    change(log, AT, seq=log.rows[AT].seq + 40)
    return AT


def stream_column_wrong(log: MemoryLog) -> int:
    other = stream_id(log.origin, f"case/{log.uuid()}").bytes
    change(log, AT, stream_id=other)
    return AT


def stream_name_wrong(log: MemoryLog) -> int:
    change(log, AT, name=f"case/{log.uuid()}")
    return AT


def act_column_wrong(log: MemoryLog) -> int:
    change(log, AT, act_id=flip(log.rows[AT].act_id, 3))
    return AT


def author_column_wrong(log: MemoryLog) -> int:
    change(log, AT, author=not log.rows[AT].author)
    return AT


def topic_column_wrong(log: MemoryLog) -> int:
    change(log, AT, topic="socai.statement.v2")
    return AT


def registry_column_wrong(log: MemoryLog) -> int:
    at = plain_index(log)
    change(log, at, registry=True)
    return at


def forged_statement_resealed(log: MemoryLog) -> int:
    """The content is changed and sealed again, under the signature of the true one."""
    at = plain_index(log)
    true = log.statements[at]
    members = dict(true.members) | {"late_reason": "thêm sau"}
    protected, _, signature = true.compact.split(".")
    forged = f"{protected}.{canonical.b64(canonical.encode(members))}.{signature}"
    reseal(log, at, statement.parse_compact(forged))
    return at


def replaced_by_a_good_statement(log: MemoryLog) -> int:
    """With the officer's own key: everything holds but the tree."""
    at = plain_index(log, last_of_stream=True)
    reseal(log, at, again(log, at, author_of(log, at).signer, precision="hour"))
    return at


def forged_signature(log: MemoryLog) -> int:
    at = len(log.rows)
    person = log.people[0]
    members = log.act("ReportReceived", f"case/{log.uuid()}", person)
    made = statement.make(
        canonical.encode(members),
        person.signer,
        iat=int(log.clock.timestamp()),
        log=log.origin,
        seq=1,
        prev=None,
        role="AUTHOR",
    )
    start, _, signature = made.compact.rpartition(".")
    bad = canonical.b64(flip(canonical.unb64(signature), 3))
    log.store(statement.parse_compact(f"{start}.{bad}"), effective=True)
    log.checkpoint()
    return at


def revoked_key(log: MemoryLog) -> int:
    person = log.people[0]
    log.revoke(person, log.clock)
    at = len(log.rows)
    log.sign(log.act("ReportReceived", f"case/{log.uuid()}", person), person)
    log.checkpoint()
    return at


def unknown_key(log: MemoryLog) -> int:
    at = len(log.rows)
    stranger = Person(log.uuid(), SoftwareSigner.generate(), "chuyen-vien")
    log.sign(log.act("ReportReceived", f"case/{log.uuid()}", stranger), stranger)
    log.checkpoint()
    return at


def key_of_another_officer(log: MemoryLog) -> int:
    at = len(log.rows)
    log.sign(log.act("ReportReceived", f"case/{log.uuid()}", log.people[0]), log.people[2])
    log.checkpoint()
    return at


def prev_broken(log: MemoryLog) -> int:
    at = len(log.rows)
    person = log.people[0]
    stream = log.statements[AT].members["stream"]
    other = canonical.b64(bytes(32))
    log.sign(log.act("ReportReceived", stream, person), person, prev=other)
    log.checkpoint()
    return at


def seq_gap(log: MemoryLog) -> int:
    at = len(log.rows)
    person = log.people[0]
    stream = log.statements[AT].members["stream"]
    log.sign(log.act("ReportReceived", stream, person), person, seq=log.heads[stream][0] + 2)
    log.checkpoint()
    return at


def act_id_reused(log: MemoryLog) -> int:
    at = len(log.rows)
    person, old = log.people[0], log.statements[plain_index(log)].members["act_id"]
    log.sign(log.act("ReportReceived", f"case/{log.uuid()}", person, act_id=old), person)
    log.checkpoint()
    return at


def other_bytes_countersigned(log: MemoryLog) -> int:
    author, approver = log.people[0], log.people[1]
    members = log.both("CompetenceDetermined", f"case/{log.uuid()}", author, approver)
    log.sign(members, author)
    at = len(log.rows)
    log.sign(members | {"precision": "hour"}, approver, "APPROVER")
    log.checkpoint()
    return at


def countersigned_by_the_wrong_officer(log: MemoryLog) -> int:
    author, approver = log.people[0], log.people[1]
    members = log.both("CompetenceDetermined", f"case/{log.uuid()}", author, approver)
    log.sign(members, author)
    at = len(log.rows)
    log.sign(members, log.people[2], "APPROVER")
    log.checkpoint()
    return at


def approver_before_author(log: MemoryLog) -> int:
    """A record put in beyond the guards: nobody has signed the act as its author."""
    at = len(log.rows)
    author, approver = log.people[0], log.people[1]
    members = log.both("CompetenceDetermined", f"case/{log.uuid()}", author, approver)
    log.sign(members, approver, "APPROVER")
    log.checkpoint()
    return at


def returned_act_not_pending(log: MemoryLog) -> int:
    at = len(log.rows)
    person, stream = log.people[0], log.statements[AT].members["stream"]
    back = log.act("ActReturned", stream, person, refers_to=log.uuid())
    log.sign(back, person, "RETURNER")
    log.checkpoint()
    return at


def envelope_of_another_log(log: MemoryLog) -> int:
    at = len(log.rows)
    log.origin = "rehearsal.other.example/ordinary"
    made = statement.make(
        canonical.encode(log.act("ReportReceived", f"case/{log.uuid()}", log.people[0])),
        log.people[0].signer,
        iat=int(log.clock.timestamp()),
        log=log.origin,
        seq=1,
        prev=None,
        role="AUTHOR",
    )
    row = log.seal(made, at, log.clock, effective=True)
    log.origin = log.log_key.name
    envelope = envelope_encryption.unverified_envelope(
        row.state or b"",
        envelope_encryption.unwrap(
            log.kek, row.wraps[0], origin="rehearsal.other.example/ordinary", entry=row.entry
        ),
    )
    sealed = envelope_encryption.seal(
        envelope, origin=log.origin, stream=made.members["stream"], seq=1, level="ordinary"
    )
    wrap = envelope_encryption.wrap(log.kek, sealed.dek, origin=log.origin, entry=row.entry)
    stream = stream_id(log.origin, made.members["stream"]).bytes
    append_raw(log, row._replace(state=sealed.state, wraps=(wrap,), stream_id=stream))
    return at


def append_raw(log: MemoryLog, row: RawRecord) -> None:
    """Appends a row and a checkpoint over it."""
    log.rows.append(row)
    log.statements.append(log.statements[-1])
    log.frontier.append(leaf(row.entry))
    log.head_row = LogHead(len(log.rows), log.clock, log.head_row.registry_index)
    log.checkpoint()


def time_backwards(log: MemoryLog) -> int:
    """Recorded, sealed and signed with an earlier time than the record in front."""
    at = len(log.rows)
    person = log.people[0]
    members = log.act("ReportReceived", f"case/{log.uuid()}", person)
    made = statement.make(
        canonical.encode(members),
        person.signer,
        iat=int(log.clock.timestamp()),
        log=log.origin,
        seq=1,
        prev=None,
        role="AUTHOR",
    )
    log.store(made, effective=True, at=log.clock - timedelta(hours=1))
    log.checkpoint()
    return at


def genesis_replaced(log: MemoryLog) -> int:
    reseal(log, 0, again(log, 0, log.registrar.signer, precision="second"))
    return 0


def whole_log_replaced(log: MemoryLog) -> int:
    other = a_log_of_another_seed()
    log.rows, log.hash_tiles, log.signed = other.rows, other.hash_tiles, other.signed
    log.kek, log.head_row = other.kek, other.head_row
    log.log_key, log.pq_key = other.log_key, other.pq_key
    return 0


def a_log_of_another_seed() -> MemoryLog:
    """Another log of the same name, complete and sound by itself."""
    other = an_empty_log(seed=91)
    other.enrol()
    other.checkpoint()
    return other


def keys_not_of_genesis(log: MemoryLog) -> int:
    """Every checkpoint signed again by a key that record 0 does not name."""
    other = an_empty_log(seed=91)
    log.log_key = other.log_key
    log.signed = {size: (root, log.note(size, root)) for size, (root, _) in log.signed.items()}
    return 0


def sizes(log: MemoryLog) -> list[int]:
    """Sizes of the checkpoints."""
    return sorted(log.signed)


def tile_bit_flip(log: MemoryLog) -> int:
    n, width = 0, 256
    data = log.hash_tiles[0, n, width]
    log.hash_tiles[0, n, width] = flip(data, AT * 32)
    return AT


def tile_of_level_one_wrong(log: MemoryLog) -> int:
    key = next(k for k in log.hash_tiles if k[0] == 1)
    log.hash_tiles[key] = flip(log.hash_tiles[key], 5)
    return 0


def tile_truncated(log: MemoryLog) -> int:
    log.hash_tiles[0, 0, 256] = log.hash_tiles[0, 0, 256][: 100 * 32 + 7]
    return 100


def old_tile_restored(log: MemoryLog) -> int:
    """The bytes of an earlier width stand where the newest tile should."""
    older = sorted(w for level, n, w in log.hash_tiles if (level, n) == (0, 0))[-2]
    log.hash_tiles[0, 0, 256] = log.hash_tiles[0, 0, older]
    return older


def newest_tile_gone(log: MemoryLog) -> int:
    """As after a backup was restored over the tiles: only an older width is left."""
    widths = sorted(w for level, n, w in log.hash_tiles if (level, n) == (0, 1))
    del log.hash_tiles[0, 1, widths[-1]]
    return 256 + widths[-2]


def tile_missing(log: MemoryLog) -> int:
    for key in [k for k in log.hash_tiles if k[:2] == (0, 0)]:
        del log.hash_tiles[key]
    return 0


def checkpoint_with_wrong_root_column(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root, note = log.signed[size]
    log.signed[size] = (flip(root), note)
    return size - 1


def checkpoint_forked(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root = flip(log.signed[size][0])
    log.signed[size] = (root, log.note(size, root))
    return size - 1


def newest_checkpoint_forked(log: MemoryLog) -> int:
    size = sizes(log)[-1]
    root = flip(log.signed[size][0])
    log.signed[size] = (root, log.note(size, root))
    return size - 1


def checkpoint_of_another_size(log: MemoryLog) -> int:
    """An older note in the place of a newer one: rolled back."""
    older, size = sizes(log)[3:5]
    log.signed[size] = log.signed[older]
    return size - 1


def checkpoint_signature_wrong(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root, note = log.signed[size]
    lines = note.decode().split("\n")
    name, _, text = lines[4].rpartition(" ")
    bad = canonical.b64std(flip(canonical.unb64std(text), 9))
    lines[4] = f"{name} {bad}"
    log.signed[size] = (root, "\n".join(lines).encode())
    return size - 1


def checkpoint_signed_by_a_stranger(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root, _ = log.signed[size]
    stranger = an_empty_log(seed=91)
    log.signed[size] = (root, stranger.note(size, root))
    return size - 1


def checkpoint_of_another_name(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root, _ = log.signed[size]
    log.signed[size] = (root, log.note(size, root, origin="rehearsal.other.example/ordinary"))
    return size - 1


def checkpoint_without_second_signature(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root, note = log.signed[size]
    log.signed[size] = (root, "\n".join(note.decode().split("\n")[:5]).encode() + b"\n")
    return size - 1


def checkpoint_second_signature_wrong(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root, note = log.signed[size]
    lines = note.decode().split("\n")
    name, _, text = lines[5].rpartition(" ")
    lines[5] = f"{name} {canonical.b64std(flip(canonical.unb64std(text), 400))}"
    log.signed[size] = (root, "\n".join(lines).encode())
    return size - 1


def checkpoint_malformed(log: MemoryLog) -> int:
    size = sizes(log)[3]
    root, note = log.signed[size]
    log.signed[size] = (root, note.replace(b"\n", b"\r\n", 1))
    return size - 1


def checkpoint_deleted(log: MemoryLog) -> int:
    size = sizes(log)[3]
    del log.signed[size]
    return size - 1


def newest_checkpoint_deleted(log: MemoryLog) -> int:
    del log.signed[sizes(log)[-1]]
    return sizes(log)[-1]


@dataclass(frozen=True, slots=True)
class Row:
    """One damage and how it must be named."""

    damage: Callable[[MemoryLog], int]
    kind: Damage


TABLE = (
    Row(edited_state, Damage.STATE_UNREADABLE),
    Row(state_of_unknown_version, Damage.STATE_UNREADABLE),
    Row(truncated_state, Damage.STATE_UNREADABLE),
    Row(swapped_states, Damage.STATES_SWAPPED),
    Row(swapped_rows, Damage.ROWS_SWAPPED),
    Row(swapped_rows_without_wraps, Damage.ROWS_SWAPPED),
    Row(deleted_record, Damage.RECORD_MISSING),
    Row(deleted_first_record, Damage.RECORD_MISSING),
    Row(truncated_tail, Damage.TAIL_MISSING),
    Row(truncated_tail_with_head, Damage.TAIL_MISSING),
    Row(duplicated_index, Damage.INDEX_DUPLICATED),
    Row(undeclared_record, Damage.RECORD_UNDECLARED),
    Row(head_time_moved, Damage.HEAD_WRONG),
    Row(head_names_another_registry_record, Damage.HEAD_REGISTRY),
    Row(unit_column_wrong, Damage.COLUMN_UNIT),
    Row(unit_column_nil, Damage.COLUMN_UNIT),
    Row(wrap_kept_elsewhere, Damage.COLUMN_UNIT),
    Row(recorded_column_moved_by_a_microsecond, Damage.COLUMN_RECORDED),
    Row(row_far_behind, Damage.RECORD_UNDECLARED),
    Row(wrong_entry, Damage.ENTRY_WRONG),
    Row(entry_and_wrap_wrong, Damage.ENTRY_WRONG),
    Row(missing_wrap, Damage.WRAP_MISSING),
    Row(wrap_of_another, Damage.WRAP_OTHER_RECORD),
    Row(wrap_under_other_kek, Damage.WRAP_OTHER_KEK),
    Row(malformed_wrap, Damage.WRAP_MALFORMED),
    Row(recorded_column_moved, Damage.COLUMN_RECORDED),
    Row(recorded_column_backwards, Damage.COLUMN_RECORDED),
    Row(seq_column_wrong, Damage.COLUMN_SEQ),
    Row(stream_column_wrong, Damage.COLUMN_STREAM),
    Row(stream_name_wrong, Damage.STREAM_NAME),
    Row(act_column_wrong, Damage.COLUMN_ACT),
    Row(author_column_wrong, Damage.COLUMN_AUTHOR),
    Row(topic_column_wrong, Damage.COLUMN_TOPIC),
    Row(registry_column_wrong, Damage.COLUMN_REGISTRY),
    Row(forged_statement_resealed, Damage.RECORD_REPLACED),
    Row(replaced_by_a_good_statement, Damage.RECORD_REPLACED),
    Row(forged_signature, Damage.SIGNATURE_INVALID),
    Row(revoked_key, Damage.KEY_REVOKED),
    Row(unknown_key, Damage.KEY_UNKNOWN),
    Row(key_of_another_officer, Damage.WRONG_SIGNER),
    Row(prev_broken, Damage.PREV_BROKEN),
    Row(seq_gap, Damage.SEQ_GAP),
    Row(act_id_reused, Damage.ACT_ID_REUSED),
    Row(other_bytes_countersigned, Damage.ACT_BYTES_DIFFER),
    Row(countersigned_by_the_wrong_officer, Damage.WRONG_SIGNER),
    Row(approver_before_author, Damage.SIGNER_ORDER),
    Row(returned_act_not_pending, Damage.SIGNER_ORDER),
    Row(envelope_of_another_log, Damage.OTHER_LOG),
    Row(time_backwards, Damage.TIME_BACKWARDS),
    Row(genesis_replaced, Damage.GENESIS_REPLACED),
    Row(whole_log_replaced, Damage.GENESIS_REPLACED),
    Row(keys_not_of_genesis, Damage.GENESIS_KEYS),
    Row(tile_bit_flip, Damage.TILE_WRONG),
    Row(tile_of_level_one_wrong, Damage.TILE_WRONG),
    Row(tile_truncated, Damage.TILE_TRUNCATED),
    Row(old_tile_restored, Damage.TILE_OLD),
    Row(newest_tile_gone, Damage.TILE_MISSING),
    Row(tile_missing, Damage.TILE_MISSING),
    Row(checkpoint_with_wrong_root_column, Damage.CHECKPOINT_ROOT),
    Row(checkpoint_forked, Damage.CHECKPOINT_FORKED),
    Row(newest_checkpoint_forked, Damage.CHECKPOINT_FORKED),
    Row(checkpoint_of_another_size, Damage.CHECKPOINT_SIZE),
    Row(checkpoint_signature_wrong, Damage.CHECKPOINT_SIGNATURE),
    Row(checkpoint_signed_by_a_stranger, Damage.CHECKPOINT_SIGNATURE),
    Row(checkpoint_of_another_name, Damage.CHECKPOINT_NAME),
    Row(checkpoint_without_second_signature, Damage.CHECKPOINT_PQ_MISSING),
    Row(checkpoint_second_signature_wrong, Damage.CHECKPOINT_PQ_SIGNATURE),
    Row(checkpoint_malformed, Damage.CHECKPOINT_MALFORMED),
    Row(checkpoint_deleted, Damage.CHECKPOINT_MISSING),
    Row(newest_checkpoint_deleted, Damage.CHECKPOINT_ROLLED_BACK),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.damage.__name__)
def test_damage_is_named_with_its_first_bad_index(row: Row) -> None:
    """An auditor must be able to say where to look and what was done there."""
    log = a_log()
    genesis = log.genesis
    index = row.damage(log)
    report = report_of(log, genesis=genesis)
    assert not report.ok
    assert (report.first_bad_index, report.kind) == (index, row.kind), report.findings[:6]


def test_sound_log_has_no_finding() -> None:
    """What the table's rows start from is sound, or they prove nothing."""
    log = a_log()
    report = report_of(log)
    assert report.ok, report.findings
    assert report.records == len(log.rows)
    assert report.verdicts == {"VALID": len(log.rows)}
    assert report.skipped == ("rules",)


def test_the_table_has_at_least_thirty_kinds() -> None:
    """Different damages, not one in thirty dresses."""
    assert len({row.kind for row in TABLE}) >= 30
