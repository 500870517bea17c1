"""Whoever can append past the door, with the KEK and the writer's login, still enrols nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.errors import VerificationError
from ledger.log.statement import AUTHOR, Statement, make, parse_compact
from ledger.regulation.acts.act import Act
from ledger.streams.event import SetAside
from ledger.streams.record_reader import Reader
from ledger.write.registry_follower import RegistryFollower
from projections.fold.fold import Fold
from tests import builders
from tests.a_ledger import ALedger, a_report, enrolment, in_memory, revocation
from tests.fakes import MemoryRecordStore
from tests.fold_log import FoldLog
from tests.smuggle import smuggler_of

MINE = SoftwareSigner.from_secret("Ed25519", b"the key of whoever took over ...")


@pytest.fixture
def a() -> ALedger:
    """A rehearsal with two officers in post."""
    made = ALedger(in_memory(MemoryRecordStore()))
    made.found()
    made.clock.step(seconds=1)
    made.hire("hotline", "cv")
    return made


def smuggle(a: ALedger, statement: Statement) -> None:
    """Appends a statement that nobody judged, marked as one that changed the registry."""
    a.ledger.refresh()
    smuggler_of(a).put(statement, a.clock.now())


def forged(a: ALedger, act: Act, named: str, signer: SoftwareSigner) -> Statement:
    """A statement that names an officer's key and is signed with another."""
    seq, prev = a.head(act.stream)
    honest = make(
        canonical.encode(dict(act.signed)),
        builders.key(named),
        iat=int(a.clock.now().timestamp()),
        log=a.origin,
        seq=seq,
        prev=prev,
        role=AUTHOR,
    )
    wrong = canonical.b64(signer.sign(honest.signing_input))
    return parse_compact(f"{honest.compact.rpartition('.')[0]}.{wrong}")


def refused(a: ALedger) -> SetAside:
    """Why who stood sets the last record aside, and who folds views from the start."""
    before = a.ledger.registry
    index = a.stores.records.head().size - 1
    assert a.ledger.refresh().keyring.lines() == before.keyring.lines()
    reader = Reader(a.stores.records, a.keys.kek, a.origin)
    fresh = RegistryFollower(a.stores.records, reader).catch_up()
    assert fresh.registry.keyring.lines() == before.keyring.lines()
    assert fresh.index == index  # and so does nobody judge again for ever
    log = FoldLog(a.stores.records, a.keys.kek, a.origin)
    fold = Fold(log, a.origin, "ordinary")
    last = list(fold.steps(log.read(0, index + 1)))[-1]
    assert (last.status, last.signed, last.opened.act) == ("set_aside", None, None)
    assert fold.registry.keyring.lines() == before.keyring.lines()
    assert last.opened.aside is not None
    return last.opened.aside


def test_key_enrolled_with_a_forged_signature_opens_no_door(a: ALedger) -> None:
    """access.md TH4: officer keys are with officers, so nothing the API has makes up a key."""
    act = enrolment("cv", a.clock.now(), key=MINE)
    smuggle(a, forged(a, act, "founder", MINE))
    assert refused(a).code == "invalid_signature"
    assert a.say(a_report(1), "hotline").receipt["status"] == "effective"


def test_key_enrolled_by_an_officer_the_act_does_not_name_opens_no_door(a: ALedger) -> None:
    """A good signature of somebody else brings nothing into effect."""
    act = enrolment("cv", a.clock.now(), key=MINE)
    smuggle(a, forged(a, act, "hotline", builders.key("hotline")))
    assert refused(a).guard == "SIGNER_ORDER"


def test_key_enrolled_by_an_officer_without_the_power_opens_no_door(a: ALedger) -> None:
    """Every signature is good, and the rules refuse the act: that is asked as at the door."""
    act = enrolment("cv", a.clock.now(), key=MINE, by="hotline")
    smuggle(a, forged(a, act, "hotline", builders.key("hotline")))
    assert refused(a).guard is not None


def test_key_enrolled_with_a_revoked_key_opens_no_door(a: ALedger) -> None:
    """By the registry before the record, never by the one it makes."""
    a.say(revocation("hotline", a.clock.now()), "founder")
    act = revocation("cv", a.clock.now(), by="hotline")
    smuggle(a, forged(a, act, "hotline", builders.key("hotline")))
    assert refused(a).code == "unknown_key"


def test_registry_act_that_its_row_hides_changes_nothing_anywhere(a: ALedger) -> None:
    """Who reads registry records alone does not meet it, so nobody goes by it."""
    act = revocation("hotline", a.clock.now())
    statement = a.sign(act, "founder")
    smuggler_of(a).put(statement, a.clock.now(), registry=False)
    log = FoldLog(a.stores.records, a.keys.kek, a.origin)
    last = list(Fold(log, a.origin, "ordinary").steps(log.read(0, log.size())))[-1]
    assert last.opened.aside is not None
    assert last.opened.aside.code == "columns"
    kid = builders.key("hotline").kid
    assert not a.ledger.refresh().keyring.retired(kid)
    assert not last.registry.keyring.retired(kid)


def test_a_registry_record_whose_content_is_gone_stops_everybody(a: ALedger) -> None:
    """What it said of a key nobody can tell: better nobody signs in than a key that was revoked."""
    a.say(revocation("hotline", a.clock.now()), "founder")
    store = cast("MemoryRecordStore", a.stores.records)
    store._records[-1] = replace(store._records[-1], wrap=None)
    with pytest.raises(VerificationError) as stopped:
        a.beside().ledger.refresh()
    assert (stopped.value.kind, stopped.value.index) == ("erased", len(store._records) - 1)


def test_registry_of_honest_records_is_followed(a: ALedger) -> None:
    """The founder's own record 0 among them."""
    reader = Reader(a.stores.records, a.keys.kek, a.origin)
    followed = RegistryFollower(a.stores.records, reader).catch_up()
    assert followed.index == a.stores.records.head().registry_index
    assert followed.registry.keyring.line(builders.key("cv").kid) is not None
