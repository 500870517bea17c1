"""Whoever can append past the door, with the KEK and the writer's login, still enrols nobody."""

from __future__ import annotations

from typing import cast

import pytest

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.errors import VerificationError
from ledger.log.statement import AUTHOR, Statement, make, parse_compact
from ledger.reader import Reader
from ledger.regulation.act import Act
from ledger.regulation.registry import Registry
from ledger.standing import Standing
from projections.fold import Fold, Log
from tests import builders
from tests.a_ledger import ALedger, a_report, enrolment, in_memory, revocation
from tests.fakes import MemoryRecordStore
from tests.smuggle import Smuggler

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
    Smuggler.of(a).put(statement, a.clock.now())


def forged(a: ALedger, act: Act, named: str, signer: SoftwareSigner) -> Statement:
    """A statement that names an officer's key and is signed with another."""
    seq, prev = a.head(act.stream)
    honest = make(
        canonical.encode(dict(act.members)),
        builders.key(named),
        iat=int(a.clock.now().timestamp()),
        log=a.origin,
        seq=seq,
        prev=prev,
        role=AUTHOR,
    )
    wrong = canonical.b64(signer.sign(honest.signing_input))
    return parse_compact(f"{honest.compact.rpartition('.')[0]}.{wrong}")


def refused(a: ALedger) -> VerificationError:
    """How who follows the registry from the start, who stood, and who folds views refuse it."""
    with pytest.raises(VerificationError) as standing:
        a.ledger.refresh()
    reader = Reader(a.stores.records, a.keys.kek, a.origin)
    with pytest.raises(VerificationError) as fresh:
        Standing(a.stores.records, reader, Registry.founded()).catch_up()
    assert fresh.value.index == standing.value.index
    every = reader.for_folds().read(0, a.stores.records.head().size)
    with pytest.raises(VerificationError) as folded:
        list(Fold(cast("Log", None), a.origin, "ordinary").steps(every))
    assert (folded.value.kind, folded.value.index) == ("signature", standing.value.index)
    return standing.value


def test_key_enrolled_with_a_forged_signature_opens_no_door(a: ALedger) -> None:
    """access.md TH4: officer keys are with officers, so nothing the API has makes up a key."""
    act = enrolment("cv", a.clock.now(), key=MINE)
    smuggle(a, forged(a, act, "founder", MINE))
    found = refused(a)
    assert (found.kind, found.index) == ("signature", a.stores.records.head().size - 1)
    with pytest.raises(VerificationError):
        a.say(a_report(1), "hotline")


def test_key_enrolled_by_an_officer_the_act_does_not_name_opens_no_door(a: ALedger) -> None:
    """A good signature of somebody else brings nothing into effect."""
    act = enrolment("cv", a.clock.now(), key=MINE)
    smuggle(a, forged(a, act, "hotline", builders.key("hotline")))
    assert refused(a).kind == "signature"


def test_key_enrolled_with_a_revoked_key_opens_no_door(a: ALedger) -> None:
    """By the registry before the record, never by the one it makes."""
    a.say(revocation("hotline", a.clock.now()), "founder")
    act = revocation("cv", a.clock.now(), by="hotline")
    smuggle(a, forged(a, act, "hotline", builders.key("hotline")))
    assert refused(a).kind == "signature"


def test_registry_of_honest_records_is_followed(a: ALedger) -> None:
    """The founder's own record 0 among them."""
    reader = Reader(a.stores.records, a.keys.kek, a.origin)
    followed = Standing(a.stores.records, reader, Registry.founded()).catch_up()
    assert followed.index == a.stores.records.head().registry_index
    assert followed.registry.keyring.line(builders.key("cv").kid) is not None
