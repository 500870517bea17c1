"""What shows a recovery to a reader without a database: whole it convinces, otherwise not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import pytest

from keys import canonical, note
from keys.jwk import SoftwareSigner
from keys.lost_checkpoint import LostCheckpoint
from keys.sealed_anchor import SEALED_BYTES
from ledger.admission.service_statements import custody_anchored
from ledger.checkpoints.proofs import Proofs
from ledger.errors import NotFound, VerificationError
from ledger.log import checkpoint as checkpoints
from ledger.log import record
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import Frontier
from ledger.log.recovery import Recovery
from ledger.log.statement import AUTHOR, SERVICE_TYP, make, parse_compact
from ledger.ports import SealedRecord
from ledger.recovery.evidence import RecoveryEvidence, Shown, VerifiedRecoveries, _Judged
from ledger.recovery.first_checkpoint import FirstCheckpoint
from ledger.recovery.recoveries import Recoveries
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.case.state import NOTHING
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Reader
from tests import recovered
from tests.a_ledger import (
    T0,
    ALedger,
    a_report,
    all_entries,
    appointment,
    ending,
    in_memory,
    revocation,
    service_enrolment,
    voiding,
)
from tests.attacks import attack
from tests.builders import CAST, a_registry, an_act, an_id, officer
from tests.fakes import MemoryRecordStore
from tests.smuggle import smuggler_of

REHEARSAL = "rehearsal.bacninh.example/ordinary"
REAL = "bacninh.example/ordinary"


def recover(a: ALedger, *aliases: str) -> RecoveryEvidence:
    """Records a recovery at the end of this log, signed by these registrars, and seals it."""
    size = a.stores.records.head().size
    tree = Frontier()
    for entry in all_entries(a):
        tree.append(record.leaf(entry))
    lost = Checkpoint(a.origin, size + 9, bytes(32))
    signed = checkpoints.sign(lost, a.keys.log, a.keys.pq, time_s=1_700_000_000)
    named = LostCheckpoint.from_note(a.origin, lost.size, lost.root, note.parse_note(signed))
    facts = recovered.facts(a.origin, size, canonical.b64(tree.root()), [named.fact()])
    facts["old_vkeys"] = list(a.keys.vkeys)
    a.say(_act(a, facts, aliases), *aliases)
    registry = a.ledger.refresh()
    (made,) = [one for one in a.ledger.follower.current.acts if one.act.act == "LogRecovered"]
    first = FirstCheckpoint(
        records=a.stores.records,
        tiles=a.stores.tiles,
        store=a.stores.checkpoints,
        keys=registry.log_keys,
        signers=recovered.pair(a.origin, "second"),
        recovery=Recovery.of(made.act.facts, made.index),
    )
    first.sign(None, lambda _: None, time_s=1_700_000_000)
    return recoveries_of(a).evidence()


def recoveries_of(a: ALedger) -> Recoveries:
    """What the log shows of its recoveries."""
    proofs = Proofs(a.stores.tiles, a.stores.checkpoints)
    return Recoveries(a.ledger.follower, a.stores.records, a.reader(), proofs)


def _act(a: ALedger, facts: dict[str, Any], aliases: tuple[str, ...]) -> Act:
    when = a.clock.now().astimezone(T0.tzinfo)
    (agency,) = a_registry().holders("REGISTRY_KEEPER", when.date())
    return an_act(
        "LogRecovered",
        by="keeper",
        when=when,
        agency=agency,
        stream="ledger",
        facts=facts,
        exact=True,
        signers=[
            {"officer": officer(alias), "post": CAST["keeper"][1], "role": role}
            for alias, role in zip(aliases, ("AUTHOR", "APPROVER"), strict=False)
        ],
    )


def a_log(origin: str, *registrars: str) -> ALedger:
    """A log in memory: founded, with a cast, and something in it."""
    a = ALedger(in_memory(MemoryRecordStore()), rehearsal=origin == REHEARSAL, origin=origin)
    a.found()
    a.hire("hotline", "cv", *registrars)
    a.say(a_report(1, a.clock.now()), "hotline")
    return a


def verified(a: ALedger, shown: RecoveryEvidence) -> VerifiedRecoveries:
    """What a reader makes of it, who has the genesis."""
    genesis = all_entries(a)[0].hex()
    return shown.verified(origin=a.origin, level="ordinary", genesis=genesis)


@pytest.fixture(scope="module")
def real() -> tuple[ALedger, RecoveryEvidence]:
    """A recovery by two registrars."""
    a = a_log(REAL, "keeper")
    return a, recover(a, "founder", "keeper")


def test_whole_evidence_convinces_and_travels(real: tuple[ALedger, RecoveryEvidence]) -> None:
    """The tree, the break and the keys by size; the case in the log is not in it."""
    a, shown = real
    again = RecoveryEvidence.from_json(orjson.loads(orjson.dumps(shown.to_json())))
    assert again == shown
    found = verified(a, again)
    (one,) = found.recoveries
    assert (found.checkpoint.size, one.index) == (one.size + 2, one.size + 1)
    assert found.keys.at(one.size) == tuple(a.keys.vkeys)
    assert found.keys.at(one.size + 1) == one.new_vkeys
    statements = [record.parse_envelope(each.envelope).statement for each in shown.records]
    streams = {parse_compact(text).members["stream"] for text in statements}
    assert streams == {"ledger", f"officer/{officer('keeper')}"}


def test_what_stands_between_in_the_log_s_own_stream_is_not_shown() -> None:
    """Anchors of custody come by the hour, and are nobody's business here."""
    a = a_log(REAL, "keeper")
    key = SoftwareSigner.from_secret("Ed25519", b"the key of the service, 32 bytes")
    a.say(_by_both(service_enrolment(key, a.clock.now())), "founder", "keeper")
    for n in range(2):
        event = custody_anchored(
            event_id=UUID(an_id(f"anchor {n}")),
            at=a.clock.now().astimezone(T0.tzinfo),
            sealed=bytes(SEALED_BYTES),
            every_s=3600,
        )
        seq, prev = a.head("ledger")
        a.ledger.serve(
            make(
                canonical.encode(event), key, iat=int(a.clock.now().timestamp()), log=REAL,
                seq=seq, prev=prev, role=AUTHOR, typ=SERVICE_TYP,
            )
        )  # fmt: skip
    shown = recover(a, "founder", "keeper")
    assert verified(a, shown).recoveries
    assert _acts(shown)[-2:] == ["LogRecovered"] * 2


@attack(
    "a server leaves out, edits or makes up a part of the evidence for a recovery",
    stopped_by="each part stands in the signed tree and is judged by the parts before it",
    noticed_by="the client",
)
def test_no_part_of_it_can_be_left_out_or_changed(real: tuple[ALedger, RecoveryEvidence]) -> None:
    """Every record, path, prefix and the note, one at a time."""
    a, shown = real
    for n, one in enumerate(shown.records):
        others = (*shown.records[:n], *shown.records[n + 1 :])
        moved = replace(one, index=one.index + 1)
        edited = replace(one, envelope=one.envelope.replace(b'"v":1', b'"v":2'))
        astray = replace(one, hashes=(bytes(32), *one.hashes[1:]))
        doubled = (*shown.records[: n + 1], one, *shown.records[n + 1 :])
        for records in (
            *(tuple(sorted((*others, bad), key=_index)) for bad in (moved, edited, astray)),
            doubled,
            others,
        ):
            with pytest.raises(VerificationError):
                verified(a, replace(shown, records=records))
    for prefixes in ({}, {size: (*hashes, bytes(32)) for size, hashes in shown.prefixes.items()}):
        with pytest.raises(VerificationError):
            verified(a, replace(shown, prefixes=prefixes))
    old = recovered.signed(REAL, "third", *_tree(shown))
    with pytest.raises(VerificationError):
        verified(a, replace(shown, checkpoint=old.decode()))
    with pytest.raises(VerificationError, match="genesis"):
        shown.verified(origin=REAL, level="ordinary", genesis="00" * 32)
    with pytest.raises(VerificationError):
        shown.verified(origin="khac.example/ordinary", level="ordinary", genesis=None)


def _index(one: Shown) -> int:
    return one.index


def _tree(shown: RecoveryEvidence) -> tuple[int, bytes]:
    found = checkpoints.unverified(shown.checkpoint.encode())
    return found.size, found.root


@pytest.mark.parametrize(("origin", "taken"), [(REHEARSAL, True), (REAL, False)])
def test_one_registrar_alone_convinces_in_a_rehearsal_only(origin: str, taken: bool) -> None:  # noqa: FBT001
    """The door takes it while the log is founded; a reader of parts cannot see that it was."""
    a = a_log(origin)
    shown = recover(a, "founder")
    if taken:
        assert verified(a, shown).recoveries
    else:
        with pytest.raises(VerificationError, match="alone"):
            verified(a, shown)


def _acts(shown: RecoveryEvidence) -> list[str]:
    return [_said(one)["act"] for one in shown.records]


def _said(one: Shown) -> Mapping[str, Any]:
    return parse_compact(record.parse_envelope(one.envelope).statement).members


@attack(
    "a server leaves out that a registrar's key was revoked or a post ended",
    stopped_by="`prev` of what is shown behind it, in the stream of the same officer",
    noticed_by="the client",
)
def test_no_end_before_what_is_shown_can_be_left_out() -> None:
    """The last one in its stream can, which nobody can tell from parts (formats.md §7)."""
    a = a_log(REAL, "keeper")
    now = a.clock.now()
    a.say(_by_both(appointment("hotline", now, powers=["REGISTRY_KEEPER"])), "founder", "keeper")
    for act in (
        revocation("hotline", now),
        _by_both(appointment("hotline", now, powers=["REGISTRY_KEEPER"])),
        _by_both(ending("hotline", now, now.date())),
    ):
        a.say(act, "founder", "keeper")
    shown = recover(a, "founder", "keeper")
    assert verified(a, shown).recoveries
    *_, last, author, approver = range(len(shown.records) - 2)  # but for the recovery itself
    assert _acts(shown)[last - 2] == "KeyRevoked"
    assert _acts(shown)[author] == _acts(shown)[approver] == "OfficerEnded"
    for n in range(len(shown.records)):
        others = (*shown.records[:n], *shown.records[n + 1 :])
        if n == approver:
            assert verified(a, replace(shown, records=others)).recoveries
        else:
            with pytest.raises(VerificationError):
                verified(a, replace(shown, records=others))


def test_whoever_signed_instead_of_a_registrar_is_shown_too() -> None:
    """Else the one who approved a registrar has no key in what is shown, and nothing is proved."""
    a = a_log(REAL, "keeper")
    a.signed_instead()
    shown = recover(a, "founder", "keeper")
    assert f"officer/{officer('pc')}" in {str(_said(one)["stream"]) for one in shown.records}
    assert verified(a, shown).recoveries


def _by_both(act: Act) -> Act:
    members = {**act.signed}
    signer = members["signers"][0]
    members["signers"] = [signer, {**signer, "officer": officer("keeper"), "role": "APPROVER"}]
    return parse_act(members)


@attack(
    "junk under the ids of the acts that show a recovery, so that nothing shows it any more",
    stopped_by="what is set aside shows nothing, and is not shown",
    noticed_by="readiness, log audit",
)
@pytest.mark.parametrize("readable", [False, True])
def test_junk_keeps_nobody_from_showing_a_recovery(readable: bool) -> None:  # noqa: FBT001
    """In the log's own stream and in an officer's; also where registrars have voided it."""
    a = a_log(REAL, "keeper")
    keeper = f"officer/{officer('keeper')}"
    for stream in ("ledger", keeper):
        opened = a.reader().open(next(iter(a.stores.records.stream(stream_id(a.origin, stream)))))
        assert opened.statement is not None
        assert opened.act is not None
        seq = a.ledger.head(stream).seq
        text = a.sign(opened.act, "cv", head=(seq, NOTHING)).compact if readable else "junk"
        seal = _noise if not readable else partial(_sealed, a, text, stream, seq)
        index = smuggler_of(a).put(
            opened.statement, a.clock.now(), seq=seq, author=False, registry=True, seal=seal
        ).index  # fmt: skip
        if stream == keeper:
            a.say(voiding(a, stream, index), "founder", "keeper")
            a.say(_by_both(appointment("hotline", a.clock.now())), "founder", "keeper")
    shown = recover(a, "founder", "keeper")
    assert verified(a, shown).recoveries
    assert "RecordVoided" in _acts(shown)


def _noise(_: datetime) -> SealedRecord:
    return SealedRecord(bytes(31) + b"\1", b"\1" + bytes(600), bytes(16), b"\1" + bytes(76))


def _sealed(a: ALedger, text: str, stream: str, seq: int, at: datetime) -> SealedRecord:
    return smuggler_of(a).seal(text, stream, seq, at)


@attack(
    "evidence made of what registrars signed for another log, a rehearsal",
    stopped_by="a statement names its log, asked by the one code that judges statements",
    noticed_by="the client",
)
def test_what_was_signed_for_another_log_shows_nothing() -> None:
    """The envelope is the server's to write; the statement is not."""
    a = a_log(REAL)
    opened = a.reader().read(0, 1)[0]
    assert opened.act is not None
    statement = a.sign(opened.act, "founder", head=(1, None), log=REHEARSAL)
    forged = record.build(
        log=REAL, recorded_at=opened.recorded_at, blind=bytes(32), statement=statement.compact
    )
    with pytest.raises(VerificationError, match="another log"):
        _Judged(REAL, "ordinary").take(0, forged)
    _Judged(REAL, "ordinary").take(0, opened.envelope)


def test_who_asks_again_costs_no_opening(
    real: tuple[ALedger, RecoveryEvidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may: what is shown is opened once a recovery, and proven once a tree."""
    a, _ = real
    recoveries = recoveries_of(a)
    first = recoveries.evidence()
    monkeypatch.setattr(Reader, "open", None)
    assert recoveries.evidence() is first


def test_a_log_that_was_never_recovered_shows_nothing() -> None:
    """There is no break to go over."""
    a = a_log(REHEARSAL)
    a.checkpointer().checkpoint_once()
    with pytest.raises(NotFound):
        recoveries_of(a).evidence()
