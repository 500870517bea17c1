"""What shows a recovery to a reader without a database: whole it convinces, otherwise not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from keys import canonical, note
from keys.lost_checkpoint import LostCheckpoint
from ledger.errors import NotFound, VerificationError
from ledger.first_checkpoint import FirstCheckpoint
from ledger.log import checkpoint as checkpoints
from ledger.log import record
from ledger.log.checkpoint import Checkpoint
from ledger.log.merkle import Frontier
from ledger.log.recovery import Recovery
from ledger.log.statement import parse_compact
from ledger.proofs import Proofs
from ledger.recoveries import Recoveries
from ledger.recovery_evidence import RecoveryEvidence, Shown, Verified
from ledger.regulation.act import Act
from tests import recovered
from tests.a_ledger import T0, ALedger, a_report, all_entries, in_memory
from tests.attacks import attack
from tests.builders import CAST, a_registry, an_act, officer
from tests.fakes import MemoryRecordStore

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
    (made,) = [one for one in a.ledger.standing.current.acts if one.act.act == "LogRecovered"]
    first = FirstCheckpoint(
        records=a.stores.records,
        tiles=a.stores.tiles,
        store=a.stores.checkpoints,
        keys=registry.log_keys,
        signers=recovered.pair(a.origin, "second"),
        recovery=Recovery.of(made.act.facts, made.index),
    )
    first.seal(None, lambda _: None, time_s=1_700_000_000)
    proofs = Proofs(a.stores.tiles, a.stores.checkpoints)
    return Recoveries(a.ledger.standing, a.stores.records, a.reader(), proofs).evidence()


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


def verified(a: ALedger, shown: RecoveryEvidence) -> Verified:
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
            *([others] if not _is_end(one) else []),
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


def _is_end(one: Shown) -> bool:
    """The end of a key or a post: that there was none is no part's to show (formats.md §7)."""
    said = parse_compact(record.parse_envelope(one.envelope).statement)
    return said.members["act"] in {"KeyRevoked", "OfficerEnded"}


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


def test_a_log_that_was_never_recovered_shows_nothing() -> None:
    """There is no break to go over."""
    a = a_log(REHEARSAL)
    a.sealer().seal_once()
    proofs = Proofs(a.stores.tiles, a.stores.checkpoints)
    with pytest.raises(NotFound):
        Recoveries(a.ledger.standing, a.stores.records, a.reader(), proofs).evidence()
