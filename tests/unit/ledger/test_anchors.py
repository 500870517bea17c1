"""Anchors of custody over fakes: one in an interval, of everything so far, whoever makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from keys import canonical, sealed_anchor
from keys.canonical import b64
from keys.jwk import SoftwareSigner
from ledger.admission.service_statements import custody_anchored
from ledger.errors import Rejected, Unavailable, VerificationError
from ledger.files.custody_anchors import Anchoring, Anchors, LoggedAnchor
from ledger.files.file_key import FileKey
from ledger.log.custody import START, CustodyChain
from ledger.log.statement import AUTHOR, SERVICE_TYP, make
from ledger.message import Wording
from ledger.ports import StoredFile
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import ALedger, in_memory, service_enrolment
from tests.builders import an_act, an_id
from tests.contract.files import a_file, a_row
from tests.fake_files import MemoryFiles
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import CountingEntropy
from tests.smuggle import smuggler_of

HOUR = timedelta(hours=1)
_NUMBERS = count()
KEY = SoftwareSigner.from_secret("Ed25519", b"the key of the service, 32 bytes")


class Desk:
    """A log with a service key, and files that are handled."""

    def __init__(self, *, rehearsal: bool = False) -> None:
        self.store = MemoryRecordStore()
        self.a = ALedger(in_memory(self.store), rehearsal=rehearsal)
        self.a.found()
        self.a.clock.step(minutes=1)
        self.a.say(service_enrolment(KEY, self.a.clock.now()), "founder")
        self.index = MemoryFiles()

    def anchors(self, index: MemoryFiles | None = None) -> Anchors:
        """Those of one process more."""
        process = self.a.beside()
        return Anchors(
            index=index or self.index,
            records=self.store,
            reader=process.reader(),
            follower=process.ledger.follower,
            door=process.ledger,
            file_key=FileKey(self.index, process.keys.kek, process.origin),
            entropy=CountingEntropy(f"anchors {next(_NUMBERS)}"),
            origin=process.origin,
            now=self._now,
            every=HOUR,
        )

    def anchoring(self, signer: SoftwareSigner = KEY) -> Anchoring:
        """The loop of one process more."""
        return Anchoring(self.anchors(), signer, self.a.clock, rehearsal=self.a.rehearsal)

    def handled(self, times: int = 1) -> StoredFile:
        """A file, uploaded and read so often."""
        file = a_file(name=UUID(an_id(f"file {self.index.taken()}")))
        self.index.add(file)
        for seq in range(2, 2 + times):
            assert self.index.note(a_row(file.name, seq))
        return file

    def size(self) -> int:
        """Records."""
        return self.store.head().size

    def _now(self) -> datetime:
        last = self.store.head().recorded_at
        return last if self.a.rehearsal and last else self.a.clock.now()


@pytest.fixture
def desk() -> Desk:
    """A real enclave's."""
    return Desk()


def chain_of(index: MemoryFiles) -> CustodyChain:
    """The chain over everything."""
    chain = CustodyChain()
    for _, name, seq, entry in index.span(0, 10_000):
        chain = chain.after(name, seq, entry)
    return chain


def made(anchors: Anchors) -> LoggedAnchor:
    """An anchor made now."""
    one = anchors.make(KEY)
    assert one is not None
    return one


def test_an_anchor_speaks_of_every_event_so_far(desk: Desk) -> None:
    """Of none too; another process reads the same, and goes on from there."""
    first = made(desk.anchors())
    assert first.chain == CustodyChain(0, START)
    for _ in range(3):
        desk.handled(4)
        one = made(desk.anchors())
        assert one.chain == chain_of(desk.index)
        assert desk.anchors().newest() == one
    assert one.chain.count == 15


def test_junk_in_the_stream_of_the_anchors_stops_none(desk: Desk) -> None:
    """An anchor moves nothing, so nothing is built upon what is set aside (formats.md §3)."""
    act = an_act("RecordVoided", when=desk.a.clock.now(), stream="ledger", by="hotline", also=[])
    statement = desk.a.sign(act, "hotline")
    junk = smuggler_of(desk.a).put(statement, desk.a.clock.now()).index
    one = made(desk.anchors())
    assert desk.a.beside().ledger.head("ledger").aside == (junk,)
    assert desk.anchors().newest() == one
    with pytest.raises(Rejected, match="stream_set_aside"):
        desk.a.beside().say(
            service_enrolment(SoftwareSigner.generate(), desk.a.clock.now()), "founder"
        )


def test_an_event_that_comes_meanwhile_is_the_next_anchors(desk: Desk) -> None:
    """What is anchored is settled before it is read."""

    class Busy(MemoryFiles):
        def span(self, start: int, limit: int) -> Sequence[tuple[int, UUID, int, bytes]]:
            desk.handled()
            return desk.index.span(start, limit)

        def taken(self) -> int:
            return desk.index.taken()

    desk.handled(2)
    busy = desk.anchors(Busy())
    assert made(busy).chain.count == 3
    assert made(busy).chain.count == 5


def test_of_many_processes_one_makes_it(desk: Desk) -> None:
    """The place in the stream is the lease: as many looks as there are, one statement an hour."""
    desk.handled()
    loops = [desk.anchoring() for _ in range(6)]
    for _ in range(3):
        desk.a.clock.step(hours=1)
        size = desk.size()
        threads = [threading.Thread(target=loop.look) for loop in loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for loop in loops:  # who lost looks again
            loop.look()
            assert loop.doubt is None
        assert desk.size() == size + 1


def test_it_is_made_at_whole_hours_whatever_happened(desk: Desk) -> None:
    """Not by what was done, nor by when the process was started; a gap is not made up for."""
    loop = desk.anchoring()
    began = desk.a.clock.now()
    assert (began.minute, desk.size()) == (1, 2)
    loop.look()
    assert desk.size() == 2
    for minutes, records in ((58, 2), (2, 3), (57, 3), (2, 4), (300, 5), (1, 5)):
        desk.a.clock.step(minutes=minutes)
        desk.handled()
        desk.anchoring().look()  # started this very moment
        loop.look()
        assert desk.size() == records, minutes


@pytest.mark.parametrize("events", [0, 1, 40])
def test_when_it_is_made_does_not_tell_how_much_there_was(desk: Desk, events: int) -> None:
    """Reading takes its time; the statement comes at a moment of its own."""

    class Slow(MemoryFiles):
        def span(self, start: int, limit: int) -> Sequence[tuple[int, UUID, int, bytes]]:
            rows = desk.index.span(start, limit)
            desk.a.clock.step(milliseconds=100 * len(rows))
            return rows

        def taken(self) -> int:
            return desk.index.taken()

    class Waiting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            desk.a.clock.step(seconds=timeout or 0)
            return False

    loop = Anchoring(desk.anchors(Slow()), KEY, desk.a.clock, rehearsal=False)
    loop._told = Waiting()
    for _ in range(events):
        desk.index.add(a_file())
    left = loop._due() - desk.a.clock.now()
    desk.a.clock.step(seconds=left.total_seconds())
    boundary = desk.a.clock.now()
    loop.look()
    newest = desk.anchors().newest()
    assert newest is not None
    assert newest.chain.count == events
    assert newest.recorded_at == boundary + timedelta(seconds=5)


def test_a_rehearsal_counts_from_the_last_one_it_saw() -> None:
    """Its senders' clock is no measure; nothing is made that a play did not wait for."""
    desk = Desk(rehearsal=True)
    loop = desk.anchoring()
    for minutes, records in ((59, 2), (1, 3), (59, 3), (1, 4)):
        desk.a.clock.step(minutes=minutes)
        loop.look()
        loop.look()
        assert desk.size() == records, minutes


@pytest.mark.parametrize("point", ["append", "appended"])
def test_a_crash_leaves_one_anchor_or_none(desk: Desk, point: str) -> None:
    """Also where the answer alone was lost: whoever looks next finds it."""
    loop = desk.anchoring()
    desk.handled()
    desk.a.clock.step(hours=1)
    desk.store.fault = failing(point)
    assert loop.look() < 2
    desk.store.fault = lambda _: None
    loop.look()
    assert desk.size() == 3
    assert loop.doubt is None


def failing(point: str) -> Callable[[str], None]:
    """Fails there."""

    def fault(at: str) -> None:
        if at == point:
            raise Unavailable("database_unavailable", Wording("", ""))

    return fault


def test_what_is_shorter_than_it_was_anchored_is_not_anchored(desk: Desk) -> None:
    """It stops and says so, until somebody has looked."""
    loop = desk.anchoring()
    desk.handled(3)
    desk.a.clock.step(hours=1)
    loop.look()
    last = desk.index.order.pop()
    desk.a.clock.step(hours=1)
    for _ in range(2):
        loop.look()
        assert loop.doubt == "custody: 4 events were anchored, 3 are here"
    assert desk.size() == 3
    desk.index.order.append(last)
    loop.look()
    assert loop.doubt is None
    assert desk.size() == 4


def test_a_gap_is_not_anchored(desk: Desk) -> None:
    """Places are dense, or something is gone."""
    desk.handled(3)
    del desk.index.order[1]
    desk.index.order.append(desk.index.order[-1])
    with pytest.raises(VerificationError, match="event 1 of all files is missing"):
        desk.anchors().make(KEY)


def revoked(desk: Desk, since: str) -> Act:
    """The founder ends the service's key."""
    enrolled = service_enrolment(KEY, desk.a.clock.now())
    return an_act(
        "KeyRevoked",
        by="keeper",
        when=desk.a.clock.now().astimezone(enrolled.occurred_at.tzinfo),
        stream="ledger",
        agency=enrolled.agency,
        facts={"kid": KEY.kid, "reason": "STOLEN", "invalid_from": since},
        exact=True,
        signers=[dict(signer) for signer in enrolled.signed["signers"]],
    )


def test_a_key_that_was_ended_anchors_nothing_and_its_late_anchors_do_not_count(desk: Desk) -> None:
    """What it signed after it was stolen is not built upon; the next key goes on before that."""
    desk.handled()
    good = made(desk.anchors())
    desk.a.clock.step(minutes=10)
    since = desk.a.clock.now().astimezone(builders.T0.tzinfo).isoformat(timespec="seconds")
    desk.handled()
    assert made(desk.anchors()).chain.count == 4
    desk.a.clock.step(minutes=10)
    desk.a.say(revoked(desk, since), "founder")
    with pytest.raises(Rejected, match="unknown_key"):
        desk.anchors().make(KEY)
    loop = desk.anchoring()
    desk.a.clock.step(hours=1)
    loop.look()
    assert loop.doubt is not None
    assert desk.anchors().newest() == good
    another = SoftwareSigner.generate()
    desk.a.say(service_enrolment(another, desk.a.clock.now()), "founder")
    one = desk.anchors().make(another)
    assert one is not None
    assert one.chain == chain_of(desk.index)


def test_a_record_that_does_not_open_is_no_anchor(desk: Desk) -> None:
    """Whoever can write junk does not take the custody page away."""
    desk.handled()
    good = made(desk.anchors())
    made(desk.anchors())
    desk.store._records[-1] = replace(desk.store._records[-1], state=b"junk")
    assert desk.anchors().newest() == good


def test_an_anchor_that_is_set_aside_is_not_gone_on_from(desk: Desk) -> None:
    """Also by the service's own key: whoever had it could end the anchoring by a high count."""
    desk.handled()
    good = made(desk.anchors())
    head = desk.a.ledger.head("ledger")
    for prev, iat in (
        (b64(bytes(32)), 0),
        (head.prev, -30 * 86_400),
    ):
        at = desk.a.clock.now()
        file_key = FileKey(desk.index, desk.a.keys.kek, desk.a.origin).made()
        event_id = UUID(an_id(f"high {iat}"))
        sealed = sealed_anchor.seal(
            sealed_anchor.key_of(file_key),
            1 << 40,
            bytes(32),
            origin=desk.a.origin,
            event_id=str(event_id),
        )
        members = custody_anchored(
            event_id=event_id, at=at.astimezone(builders.T0.tzinfo), sealed=sealed, every_s=3600
        )
        statement = make(
            canonical.encode(members), KEY, iat=int(at.timestamp()) + iat, log=desk.a.origin,
            seq=desk.a.beside().ledger.head("ledger").seq, prev=prev, role=AUTHOR, typ=SERVICE_TYP,
        )  # fmt: skip
        smuggler_of(desk.a).put(statement, at)
    assert len(desk.a.beside().ledger.head("ledger").aside) == 2
    assert desk.anchors().newest() == good
    desk.handled()
    assert made(desk.anchors()).chain == chain_of(desk.index)


def test_an_anchor_behind_an_erased_one_still_counts(desk: Desk) -> None:
    """What it follows nobody can tell any more; what it says of files is its own."""
    desk.handled()
    made(desk.anchors())
    later = made(desk.anchors())
    desk.store._records[-2] = replace(desk.store._records[-2], wrap=None)
    assert desk.anchors().newest() == later


def test_an_officers_key_signs_no_anchor(desk: Desk) -> None:
    """Nor does one that nobody enrolled."""
    for key in (builders.key("founder"), SoftwareSigner.generate()):
        with pytest.raises(Rejected, match="unknown_key"):
            desk.anchors().make(key)


def test_registrars_sign_on_after_an_anchor(desk: Desk) -> None:
    """Its position is passed over: `prev` names it, and a process that has not seen it learns."""
    before = desk.a.beside()
    before.ledger.head("ledger")
    made(desk.anchors())
    act = service_enrolment(SoftwareSigner.generate(), desk.a.clock.now())
    for process in (before, desk.a):
        assert process.head("ledger")[0] == 4
    assert desk.a.say(act, "founder").receipt["seq"] == 4
    assert [one["seq"] for one in before.since("ledger", 2)] == [4]
