"""What is published below arrives above as it was, or not at all (access.md F8, F12, F15)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest

from keys import canonical, sealed_segment
from keys.errors import Malformed
from keys.jwk import SoftwareSigner
from ledger.errors import Unavailable
from ledger.log.statement import AUTHOR, make
from ledger.mirror.audit import findings
from ledger.mirror.refusal import Kind
from ledger.mirror.segment import MOST_FILE_BYTES, Gone, Kept, Unread, file_digest
from ledger.mirror.taking_in import TakenIn
from ledger.mirror.unit import unit_below
from ledger.ports import NIL_UNIT, StoredRecord
from ledger.regulation.acts.act import Act
from ledger.regulation.edition import SHIPPED, shipped
from ledger.streams.event import TOPIC
from ledger.streams.names import stream_id
from ledger.streams.record_reader import Opened
from tests import builders
from tests.a_ledger import a_report, revocation
from tests.attacks import attack
from tests.builders import an_act, turned
from tests.mirrored import Above, Below, MemoryMirror
from tests.smuggle import smuggler_of
from tests.source_files import ROOT


@pytest.fixture(scope="module")
def lower() -> Below:
    """A log with two cases."""
    made = Below.founded()
    made.case(1, "CaseRegistered", "CompetenceDetermined")
    made.case(2)
    return made


@pytest.fixture
def below(lower: Below) -> Below:
    """The same, for a test that only publishes it."""
    return replace(lower, shredded={})


def _bring(above: Above) -> TakenIn:
    return above.mirror().take(above.opened(above.below.publish()))


def _bring_sealed(above: Above, sealed: bytes) -> TakenIn:
    return above.mirror().take(above.opened(sealed))


def _without_keys(opened: list[Opened]) -> list[tuple[object, ...]]:
    return [
        (o.index, o.stream, o.seq, o.recorded_at, o.entry, o.envelope, o.act_id, o.author, o.unit,
         o.registry)
        for o in opened
    ]  # fmt: skip


def test_the_mirror_has_every_record_as_the_log_below_has_it(below: Below) -> None:
    """Envelope, place and columns are the same; what seals them is the own key, padded."""
    above = Above(below)
    taken = _bring(above)
    own = below.a.reader().read(0, 100)
    assert taken == TakenIn(len(own), len(own), len(own), 0, 0, 0, 0)
    assert _without_keys(above.reader().read(0, 100)) == _without_keys(own)
    assert {len(row.state) for row in above.store.rows} <= {29 + k * 1024 for k in (1, 4, 16)}
    assert {row.wrap[1:17] for row in above.store.rows if row.wrap} == {above.kek.kek_id}


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_each_slot_opens_the_same_segment(below: Below, slot: int) -> None:
    """One file for all of them, whoever holds which."""
    above = Above(below, slot=slot)
    assert _bring(above).size == below.newest()


def test_however_a_log_is_cut_into_segments_the_mirror_is_the_same(below: Below) -> None:
    """A segment that is full ends before the checkpoint that covers it, and the next goes on."""
    whole, parts = Above(below), Above(replace(below, shredded={}))
    _bring(whole)
    parts.below.most_bytes = 65_536 + 12_000
    mirror, count = parts.mirror(), 0
    while len(parts.store.rows) < len(whole.store.rows):
        mirror.take(parts.opened(parts.below.publish()))
        count += 1
    assert count > 2
    assert _without_keys(parts.reader().read(0, 100)) == _without_keys(whole.reader().read(0, 100))


def test_what_is_published_again_for_one_mirror_leaves_no_gap_in_another() -> None:
    """One lost a segment, and the log went on before it was published again: both go on.

    A file among the records that the other one has is not taken in twice; one behind them is.
    """
    below = Below.founded()
    up_to_date, lost = Above(below, slot=0), Above(below, slot=2)
    founded = below.publish()
    for above in (up_to_date, lost):
        _bring_sealed(above, founded)
    below.case(1, files=[b"before"])
    _bring_sealed(up_to_date, below.publish())  # its file is lost on the way to the other
    index = below.case(2, files=[b"behind"])
    below.published = len(lost.store.rows)  # socai mirror export --from
    again = below.publish()
    assert _bring_sealed(lost, again).records == below.store.head().size - index + 1
    taken = _bring_sealed(up_to_date, again)
    assert (taken.records, taken.files) == (below.store.head().size - index, 1)
    below.case(3)
    after = below.publish()
    for above in (up_to_date, lost):
        assert _bring_sealed(above, after).size == below.store.head().size
        assert above.file(index, 0) == b"behind"
        assert above.file(index - 1, 0) == b"before"
        assert not [*findings(above.store, above.kek, below.lower, above.level)]
    assert [row.entry for row in lost.store.rows] == [row.entry for row in up_to_date.store.rows]


def test_a_segment_is_published_also_where_nothing_happened(below: Below) -> None:
    """Two of them are of one length, and the mirror knows that it is up to date."""
    above = Above(below)
    _bring(above)
    empty = [below.publish(), below.publish()]
    assert len({len(one) for one in empty}) == 1
    mirror = above.mirror()
    for one in empty:
        assert mirror.take(above.opened(one)).records == 0
    assert above.store.standing().at == below.at


def test_before_a_checkpoint_there_is_nothing_to_publish() -> None:
    """What no signature covers goes nowhere."""
    below = Below.founded()
    below.store._notes.clear()
    with pytest.raises(Unavailable) as refused:
        below.publish()
    assert refused.value.code == "no_checkpoint"


def test_a_log_that_is_shorter_than_what_went_up_says_so(below: Below) -> None:
    """Whoever put an older database back is not told to try again."""
    below.published = below.newest() + 3
    told = f"behind {below.newest() + 3} records, and the log is signed up to {below.newest()}"
    with pytest.raises(Unavailable, match=told):
        below.publish()


LONG = bytes(MOST_FILE_BYTES)


def test_files_of_acts_come_with_their_record_and_go_with_it() -> None:
    """Byte for byte, under a key of the record's own: an erasure below takes both (F15)."""
    below = Below.founded()
    one, other = b"a report, scanned", bytes(range(256)) * 700
    index, kept = below.case(1, files=[one, other]), below.case(2, files=[one])
    above = Above(below)
    taken = _bring(above)
    assert (taken.files, taken.left_out) == (3, 0)
    assert [above.file(index, 0), above.file(index, 1), above.file(kept, 0)] == [one, other, one]
    stored = b"".join(state or b"" for files in above.store.files.values() for state in files)
    assert {state[0] for files in above.store.files.values() for state in files if state} == {4}
    assert one not in stored
    assert len({state for files in above.store.files.values() for state in files}) == 3
    below.erase(index)
    _bring(above)
    assert index not in above.store.files
    assert above.file(kept, 0) == one


def test_a_file_that_does_not_fit_or_is_nowhere_is_said_to_be_left_out() -> None:
    """The list of an act is filled as far as it fits; the record comes whatever becomes of them."""
    below = Below.founded()
    index = below.case(1, files=[b"short", LONG, b"short too", b"lost"])
    del below.files[file_digest(b"lost")]
    above = Above(below)
    taken = _bring(above)
    assert (taken.files, taken.left_out) == (2, 2)
    assert [above.file(index, n) for n in range(4)] == [b"short", None, b"short too", None]


def test_the_longest_files_go_up_one_segment_after_another() -> None:
    """A record whose files do not fit with those before it goes with the next segment."""
    below = Below.founded()
    cases = [below.case(n, files=[bytes([n]) + LONG[1:]]) for n in range(3)]
    above = Above(below)
    mirror, published = above.mirror(), []
    while len(above.store.rows) < below.newest():
        published.append(below.publish())
        mirror.take(above.opened(published[-1]))
    assert len(published) == 3
    assert len({len(one) for one in published}) == 1
    assert [above.file(index, 0) for index in cases] == [bytes([n]) + LONG[1:] for n in range(3)]


@attack(
    "scans of two acts that one checkpoint covers, and acts enough that the log forgets it, before"
    " the second has gone up: the log below looks as if it had shown two histories",
    stopped_by="a checkpoint that went up goes up again until its records have",
    noticed_by="-",
)
def test_a_checkpoint_that_is_forgotten_before_its_records_went_up_is_no_fork() -> None:
    """Of one group of acts each goes up at a turn of its own; between these the log is pruned."""
    below = Below.founded()
    first = below.a.stores.records.head().size
    for number in range(3):
        below.case(number, files=[bytes([number]) * (1 << 20)])
    below.most_bytes = 65_536 + (2 << 20)
    ends = sorted(size for size in below.store._notes if size > first)
    for size in ends[:-1]:
        del below.store._notes[size]
    above = Above(below)
    assert _bring(above).size == first + 1
    below.case(3)
    del below.store._notes[ends[-1]]
    while len(above.store.rows) < below.newest():
        _bring(above)
    assert above.store.aside == {}


@attack(
    "a carrier loses a segment of one mirror, so that it is published again, while another waits"
    " for records under a checkpoint that the log forgets: the log is accused of two histories",
    stopped_by="what went up ahead of records is remembered, whatever is published again",
    noticed_by="-",
)
def test_what_goes_up_again_after_a_prune_is_no_fork() -> None:
    """A mirror waits for records under a note that the log has forgotten, when another lost some.

    `socai mirror export --from` goes back behind an older note, which the log keeps.
    """
    below = Below.founded()
    founded = below.newest()
    for number in range(4):
        below.case(number, files=[bytes([number]) * (1 << 20)])
    waited_for = below.newest()
    for size in range(founded + 1, waited_for):
        below.store._notes.pop(size, None)
    below.most_bytes = 65_536 + (4 << 20)
    above, lost = Above(below, slot=0), Above(below, slot=2)
    _bring(above)
    assert founded < len(above.store.rows) < waited_for
    below.case(4)
    del below.store._notes[waited_for]
    below.published, below.most_bytes = 0, 65_536 + 12_000
    _bring(lost)
    below.most_bytes = 65_536 + (2 << 20)
    for _ in range(6):
        again = below.publish()
        _bring_sealed(lost, again)
        if below.published > len(above.store.rows):
            _bring_sealed(above, again)
    assert len(above.store.rows) == len(lost.store.rows) == below.newest()


@pytest.mark.parametrize("files", [(), (b"x",), (b"x" * 9_000, b"y" * 30_000)])
def test_the_length_of_a_segment_does_not_tell_whether_files_go_with_it(
    files: tuple[bytes, ...],
) -> None:
    """Nor how many and how long they are, but in steps (§11)."""
    below = Below.founded()
    below.publish()
    empty = len(below.publish())
    below.case(1, files=files)
    assert len(below.publish()) == empty


def test_an_erasure_below_reaches_what_was_taken_in_before() -> None:
    """The key goes above with the very segment that brings the act; the proof stays (F15)."""
    below = Below.founded()
    index = below.case(1)
    above = Above(below)
    _bring(above)
    assert not above.reader().read(index, 1)[0].erased
    act = below.erase(index)
    assert _bring(above).erased == 1
    assert above.store.gone == {index: act}
    (row,) = above.reader().read(index, 1)
    assert (row.erased, row.entry) == (True, below.read(index, 1)[0].entry)


def test_an_erasure_reaches_the_mirror_before_it_is_carried_out_below() -> None:
    """Act and content in one segment: the content does not outlive it above."""
    below = Below.founded()
    index = below.case(1)
    below.erase(index, carried_out=False)
    above = Above(below)
    assert _bring(above).erased == 1
    assert above.reader().read(index, 1)[0].erased


def test_a_mirror_that_begins_after_an_erasure_is_told_by_which_act() -> None:
    """Also where the act comes in a later segment than the record that it erased."""
    below = Below.founded()
    index = below.case(1)
    act = below.erase(index)
    item = below.segment().items[index]
    assert isinstance(item, Gone)
    assert (item.erased_by, item.place.stream) == (act, below.read(index, 1)[0].stream)
    above = Above(below)
    below.most_bytes = 65_536 + 12_000
    mirror = above.mirror()
    waited = False
    while len(above.store.rows) < below.newest():
        mirror.take(above.opened(below.publish()))
        waited = waited or bool(above.store.standing().unexplained)
    assert waited
    assert above.store.gone == {index: act}
    assert above.store.aside == {}


def test_noise_below_is_set_aside_above_and_ends_nothing() -> None:
    """Signed by nobody the log knows, or a record that does not open: both keep their place."""
    below = Below.founded()
    below.case(1)
    act = a_report(7, below.a.clock.now())
    stranger = SoftwareSigner.from_secret("Ed25519", b"the key of whoever took over ...")
    said = make(
        canonical.encode(dict(act.signed)), stranger, iat=int(below.a.clock.now().timestamp()),
        log=below.a.origin, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip
    below.a.ledger.refresh()
    noise = smuggler_of(below.a).put(said, below.a.clock.now())
    below.a.ledger.refresh()
    damaged = below.case(2)
    rows = below.store._records
    rows[damaged] = replace(rows[damaged], state=turned(rows[damaged].state))
    items = below.segment().items
    assert isinstance(items[noise.index], Kept)
    assert isinstance(items[damaged], Unread)
    above = Above(below)
    taken = _bring(above)
    assert (taken.aside, above.store.aside) == (
        2, {noise.index: "unknown_key", damaged: "unread"},
    )  # fmt: skip
    below.case(3)
    assert _bring(above).aside == 0


def test_facts_of_no_type_below_are_set_aside_above() -> None:
    """Who signed could; nobody above folds what no door let in, and no page of a case stumbles."""
    below = Below.founded()
    below.case(1)
    act = a_report(7, below.a.clock.now())
    said = make(
        canonical.encode({**act.signed, "facts": {"content": 5}}), builders.key("hotline"),
        iat=int(below.a.clock.now().timestamp()), log=below.a.origin, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip
    junk = smuggler_of(below.a).put(said, below.a.clock.now())
    below.a.ledger.refresh()
    below.case(2)
    above = Above(below)
    assert _bring(above).aside == 1
    assert above.store.aside == {junk.index: "act"}


@attack(
    "a record that no honest log has, put below with the writer's login, ends every mirror above",
    stopped_by="it goes up as what nobody below can read, or is set aside",
    noticed_by="socai mirror status, the log audit below",
)
@pytest.mark.parametrize(
    "columns",
    [
        {"act_id": UUID("0badc0de-0000-4000-0000-000000000000")},
        {"stream_id": stream_id("another.example", "ledger")},
    ],
    ids=["an act id that is none", "a name under another id"],
)
def test_columns_that_no_honest_row_has_end_no_mirror(columns: dict[str, Any]) -> None:
    """The database takes both of whoever has the writer's login: the true stream goes on above."""
    below = Below.founded()
    act = a_report(7, below.a.clock.now())
    other = {**act.signed, "act_id": builders.an_id("noise")}
    said = make(
        canonical.encode(other), builders.key("hotline"),
        iat=int(below.a.clock.now().timestamp()), log=below.a.origin, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip
    below.a.ledger.refresh()
    noise = smuggler_of(below.a).put(said, below.a.clock.now(), **columns)
    below.a.ledger.refresh()
    below.a.clock.step(seconds=1)
    if "stream_id" in columns:  # its owner is not kept out below
        below.a.say(act, "hotline")
    below.checkpoint()
    above = Above(below)
    _bring(above)
    assert above.store.aside == {noise.index: "unread"}
    assert len(above.store.rows) == below.newest()
    assert list(findings(above.store, above.kek, below.lower, above.level)) == []


@attack(
    "an act whose facts name no document, put below with the writer's login, ends a mirror of it",
    stopped_by="of which document it is nobody can tell: it is of its own, and set aside",
    noticed_by="socai mirror status, the log audit below",
)
@pytest.mark.parametrize("facts", [{"unit": "x"}, {"records": 5}, {"records": ["x"]}], ids=str)
def test_facts_that_name_no_document_end_no_mirror_above_ordinary(facts: dict[str, Any]) -> None:
    """No door let them in; which document such a record is of nobody can tell."""
    below = Below.founded("rehearsal.bacninh.example/mat")
    below.a.clock.set(builders.at("2026-10-13 09:00"))
    below.a.hire("nst", "ctq", "npgd")
    act = _classified(1, below.a.clock.now())
    said = make(
        canonical.encode({**act.signed, "facts": facts}), builders.key("nst"),
        iat=int(below.a.clock.now().timestamp()), log=below.a.origin, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip
    below.a.ledger.refresh()
    noise = replace(smuggler_of(below.a), level="mat").put(said, below.a.clock.now())
    below.checkpoint()
    above = Above(below, MemoryMirror(below.a.origin), level="toi-mat")
    _bring(above)
    assert above.store.aside == {noise.index: "act"}
    assert list(findings(above.store, above.kek, below.lower, above.level)) == []
    assert above.store.rows[noise.index].unit == UUID(act.act_id)


def test_what_a_stand_in_made_effective_changes_the_registry_above_too() -> None:
    """As the log below marks it: at the statement of whoever signed instead, no earlier."""
    below = Below.founded()
    below.a.hire("keeper")
    below.a.signed_instead()
    below.checkpoint()
    above = Above(below)
    _bring(above)
    own, there = below.a.reader().read(0, 200), above.reader().read(0, 200)
    assert _without_keys(there) == _without_keys(own)
    assert own[-1].registry
    assert own[-1].statement is not None
    assert own[-1].statement.stand_in is not None


def test_a_key_revoked_below_signs_nothing_above_either() -> None:
    """The registry is that of the record's index: before it stands, after it does not."""
    below = Below.founded()
    first = below.case(1)
    below.a.clock.step(minutes=5)
    below.a.say(revocation("hotline", below.a.clock.now()), "founder")
    below.a.clock.step(minutes=5)
    late = a_report(9, below.a.clock.now())
    said = make(
        canonical.encode(dict(late.members)), builders.key("hotline"),
        iat=int((below.a.clock.now() + timedelta(seconds=1)).timestamp()),
        log=below.a.origin, seq=1, prev=None, role=AUTHOR,
    )  # fmt: skip
    below.a.ledger.refresh()
    put = smuggler_of(below.a).put(said, below.a.clock.now())
    below.checkpoint()
    above = Above(below)
    _bring(above)
    assert above.store.aside == {put.index: "unknown_key"}
    assert first not in above.store.aside


def test_the_longest_segment_is_what_the_frame_holds() -> None:
    """The most a text may have fits the largest step exactly, and one byte more is refused."""
    assert len(sealed_segment.frame(bytes(sealed_segment.MOST_TEXT_BYTES))) == 1 << 24
    with pytest.raises(Malformed):
        sealed_segment.frame(bytes(sealed_segment.MOST_TEXT_BYTES + 1))


def test_an_annex_of_a_mirrored_case_is_an_annex_above() -> None:
    """Each record of a Mat case is of the unit that it has below; the case is not shown by it."""
    below = Below.founded("rehearsal.bacninh.example/mat")
    below.a.clock.set(builders.at("2026-10-13 09:00"))
    below.a.hire("nst", "ctq", "npgd")
    for number in range(2):
        below.a.say(_classified(number, below.a.clock.now()), "nst", "ctq")
        below.a.clock.step(minutes=5)
    below.checkpoint()
    above = Above(below, level="toi-mat")
    assert _bring(above).aside == 0
    own = below.a.reader().read(0, 100)
    assert _without_keys(above.reader().read(0, 100)) == _without_keys(own)
    annexes = [row for row in above.store.rows if row.unit not in {row.stream_id, NIL_UNIT}]
    assert len(annexes) == 4


def _classified(number: int, when: datetime) -> Act:
    agency, post = builders.CAST["npgd"]
    holder = {
        "officer": builders.officer("npgd"), "agency": agency, "post": post,
        "until": "2027-06-30T17:00:00+07:00",
    }  # fmt: skip
    facts = {
        "unit": builders.an_id(f"annex {number}"), "level": "MAT", "reason": "Phu luc",
        "assigned_on": "2026-10-14", "protect_until": "2027-06-30", "first_holders": [holder],
    }  # fmt: skip
    return an_act(
        "ClassificationAssigned", by="nst", also=["ctq"], level="mat", facts=facts,
        when=when.astimezone(builders.T0.tzinfo),
        stream=f"case/{builders.an_id('a secret case')}", act_id=builders.an_id(f"said {number}"),
    )  # fmt: skip


def test_what_cannot_be_read_and_what_speaks_of_it_is_of_a_unit_of_its_own() -> None:
    """An annex whose act is erased below before the mirror begins is not shown by the case."""
    story = builders.Story(f"case/{builders.an_id('a secret case')}")
    case, gone = UUID(builders.an_id("case")), UUID(builders.an_id("gone"))
    told = story.act("RecordVoided", refers_to=str(gone))
    rows: dict[UUID, list[StoredRecord]] = {}

    def unit(act: Act | None, act_id: UUID) -> UUID:
        return unit_below(act, act_id, case, lambda one: rows.get(one, []), shipped(SHIPPED[-1]))

    assert unit(None, gone) == gone
    assert unit(told, UUID(told.act_id)) == case
    rows[gone] = [
        StoredRecord(
            0, case, 1, gone, author=False, topic=TOPIC, state=b"", entry=b"",
            recorded_at=builders.T0, wrap=None, unit=gone,
        )
    ]  # fmt: skip
    assert unit(told, UUID(told.act_id)) == gone


def test_every_kind_of_refusal_is_on_the_page_of_whoever_operates() -> None:
    """mirror.md: what a segment is refused for, each with what to do."""
    page = (ROOT / "docs" / "operate" / "mirror.md").read_text("utf-8")
    table = page.partition("| kind | what to do |")[2].partition("\n\n")[0]
    listed = re.findall(r"`(\w+)`", "".join(row.split(" | ")[0] for row in table.splitlines()))
    assert sorted(listed) == sorted(get_args(Kind))
