"""A segment that is not what the log below published is refused, named, and leaves nothing (V6)."""

from __future__ import annotations

import subprocess
from ast import literal_eval
from copy import copy
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from api.ops.child_processes import python
from api.ops.mirror import apart
from api.ops.mirror.apart import taken_apart
from keys import canonical, sealed_segment
from keys.errors import KeysError
from keys.hpke import OpeningKey
from ledger.log import merkle
from ledger.log.tiles import TileNodes
from ledger.mirror import segment as segments
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.segment import Gone, Kept, RecordPlace, Segment, SegmentFile, Unread
from ledger.mirror.taking_apart import answered, heard
from tests.a_ledger import ALedger, in_memory
from tests.attacks import attack
from tests.fakes import MemoryRecordStore
from tests.mirrored import EVERY_S, Above, Below


@pytest.fixture(scope="module")
def lower() -> Below:
    """A log of two segments: founding, and a case."""
    made = Below.founded()
    made.case(1, "CaseRegistered", "CompetenceDetermined")
    return made


@pytest.fixture
def below(lower: Below) -> Below:
    """The same, nothing of it published yet."""
    return replace(lower, shredded={}, most_bytes=lower.most_bytes)


@pytest.fixture
def above(below: Below) -> Above:
    """Whoever takes it in, with half of the log already there."""
    made = Above(below)
    whole = below.segment()
    half = _upto(below, whole, 8)
    made.mirror().take(half)
    below.published = 8
    return made


def _upto(below: Below, whole: Segment, end: int) -> Segment:
    """The first records of a segment, as one of its own."""
    below.most_bytes = sealed_segment.MOST_TEXT_BYTES
    room = sum(segments.bytes_of(one, n) for n, one in enumerate(whole.items[:end]))
    below.most_bytes = room + 65_536
    found = below.segment()
    below.most_bytes = sealed_segment.MOST_TEXT_BYTES
    assert found.end == end
    return _signed(below, found)


def _signed(below: Below, said: Segment) -> Segment:
    """A segment as it is read: with the log's signature."""
    return segments.parse(segments.build(said, below.a.keys.log))


def _kept(above: Above) -> dict[str, Any]:
    store = above.store
    return {name: copy(value) for name, value in vars(store).items()}


def _refused(above: Above, said: Segment) -> str:
    """Why a segment is refused; that it left nothing, and that the honest one is taken then."""
    before, mirror = _kept(above), above.mirror()
    with pytest.raises(SegmentRefused) as refused:
        mirror.take(said)
    assert _kept(above) == before
    honest = _signed(above.below, above.below.segment())
    assert mirror.take(honest).records > 0
    for name, value in before.items():
        setattr(above.store, name, value)
    return refused.value.kind


@attack(
    "a bit of a segment is changed on its way",
    stopped_by="the seal covers head, slots, nonce and text",
    noticed_by="the importer",
)
def test_every_flipped_bit_of_a_published_segment_is_seen(below: Below) -> None:
    """Head, slots, nonce, text and tag: none of them opens, so nothing is even taken apart."""
    sealed, key = below.publish(), below.keys[1]
    head = len(sealed_segment.head_of(sealed).signed)
    own_slot = len(below.a.origin) + 3 + sealed_segment.SLOT_BYTES
    places = [*range(own_slot, own_slot + sealed_segment.SLOT_BYTES, 97), *range(25)]
    places += [*range(head, len(sealed), 4_999), len(sealed) - 1]
    for place in places:
        data = bytearray(sealed)
        data[place] ^= 1 << (place % 8)
        with pytest.raises(KeysError):
            sealed_segment.open_segment(bytes(data), [key])


@attack(
    "a segment is opened by whoever it is not for",
    stopped_by="a slot is opened by its private key alone",
    noticed_by="-",
)
def test_a_segment_for_somebody_else_is_no_segment_of_ours(below: Below) -> None:
    """The unused slots open with no key there is; another enclave's key opens none."""
    with pytest.raises(sealed_segment.NotAddressed):
        sealed_segment.open_segment(below.publish(), [OpeningKey.generate()])


@attack(
    "a file without end in the place of a segment",
    stopped_by="a bound that is asked first",
    noticed_by="the importer",
)
def test_a_longer_file_than_any_segment_is_not_read(below: Below) -> None:
    """Before a key is used."""
    sealed = below.publish()
    with pytest.raises(KeysError):
        sealed_segment.open_segment(sealed + bytes(sealed_segment.MOST_BYTES), [below.keys[1]])


@attack(
    "a record is changed below before it goes up",
    stopped_by="leaf, tree and signed checkpoint",
    noticed_by="the importer",
)
def test_a_changed_record_is_not_under_the_checkpoint(above: Above) -> None:
    """One byte of an envelope, with a signature of the log's own over it: a lying publisher."""
    said = above.below.segment()
    first = said.items[0]
    assert isinstance(first, Kept)
    changed = first.envelope.replace(b'"v":1}', b'"v":2}')
    lie = replace(said, items=(Kept(changed), *said.items[1:]))
    assert _refused(above, _signed(above.below, lie)) == "tree"


@attack(
    "records change places on the way up",
    stopped_by="the tree",
    noticed_by="the importer",
)
def test_two_records_in_each_others_place_are_refused(above: Above) -> None:
    """Every leaf is there, and the tree is another."""
    said = above.below.segment()
    swapped = (said.items[1], said.items[0], *said.items[2:])
    assert _refused(above, _signed(above.below, replace(said, items=swapped))) == "tree"


@attack(
    "the last records of a segment are cut off",
    stopped_by="consistency with its checkpoint",
    noticed_by="the importer",
)
def test_a_record_left_out_at_the_end_needs_its_proof(above: Above) -> None:
    """Truncation inside a segment: the rest is not the beginning of what was signed."""
    said = above.below.segment()
    assert _refused(above, _signed(above.below, replace(said, items=said.items[:-1]))) == "tree"


@attack(
    "a segment is lost or held back",
    stopped_by="where it goes on is in each",
    noticed_by="the importer, in numbers",
)
def test_a_segment_whose_one_before_is_missing_names_the_records(above: Above) -> None:
    """A lost segment is brought again by the carrier: which one is said in numbers."""
    said = above.below.segment()
    late = replace(said, start=said.start + 2, items=said.items[2:])
    mirror = above.mirror()
    with pytest.raises(SegmentRefused, match="8 to 9") as refused:
        mirror.take(_signed(above.below, late))
    assert refused.value.kind == "gap"
    assert _refused(above, _signed(above.below, late)) == "gap"


@attack(
    "an old segment is brought again",
    stopped_by="its place and its turn of the clock",
    noticed_by="the importer",
)
def test_a_segment_taken_in_before_is_refused(above: Above) -> None:
    """The very same, and an old one without records, which would say that it is of now."""
    mirror = above.mirror()
    said = _signed(above.below, above.below.segment())
    mirror.take(said)
    for again in (said, replace(said, start=said.end, items=(), consistency=())):
        before = _kept(above)
        with pytest.raises(SegmentRefused) as refused:
            mirror.take(again)
        assert refused.value.kind == "replay"
        assert _kept(above) == before


@attack(
    "records that are here are brought once more, others than they were, before new ones",
    stopped_by="those that are here are held to those that are, and to who signed",
    noticed_by="the importer",
)
def test_what_is_brought_again_is_what_is_here() -> None:
    """By the log, which shows two histories then, and by whoever has the keys of the slots."""
    below = Below.founded()
    above, said = Above(below), _signed(below, below.segment())
    above.mirror().take(said)
    below.published = said.end
    below.case(9)
    below.published -= 2
    again = below.segment()
    assert again.start < said.end < again.end
    other = replace(again, items=(again.items[1], again.items[0], *again.items[2:]))
    for brought, kind in ((_signed(below, other), "fork"), (other, "checkpoint")):
        assert _refused(above, brought) == kind


@attack(
    "a segment of a later time shuts out the true ones",
    stopped_by="the own clock",
    noticed_by="the importer",
)
def test_a_segment_of_later_than_now_would_shut_out_those_after_it(above: Above) -> None:
    """Two hours ahead is refused; the clocks of two rooms differ by less than one."""
    said = above.below.segment()
    assert _refused(above, _signed(above.below, replace(said, at=said.at + 2 * EVERY_S))) == "clock"


@attack(
    "an older checkpoint is shown as the newest",
    stopped_by="size against the one taken in",
    noticed_by="the importer",
)
def test_an_older_checkpoint_is_refused(above: Above) -> None:
    """The log has signed for more records before."""
    older = min(one for one in above.below.store._notes if one >= 8)
    said = above.below.segment()
    mirror = above.mirror()
    mirror.take(_signed(above.below, said))
    note = above.below.store._notes[older]
    back = replace(said, start=said.end, items=(), at=said.at + 1, checkpoint=note, consistency=())
    before = _kept(above)
    with pytest.raises(SegmentRefused) as refused:
        mirror.take(_signed(above.below, back))
    assert refused.value.kind == "rollback"
    assert _kept(above) == before


@attack(
    "the log below shows another past upward",
    stopped_by="roots of one size are compared",
    noticed_by="the importer",
)
def test_two_histories_of_one_log_are_named_and_both_kept_out() -> None:
    """The operator below shows another past to us than before, all of it well signed."""
    one, store = Below.founded(), MemoryRecordStore()
    store.restore(one.store.backup())
    other = Below(ALedger(in_memory(store)), store)
    one.case(1, "CaseRegistered")
    other.case(2, "CaseRegistered", "CompetenceDetermined")
    above = Above(one)
    first = _upto(one, one.segment(), 13)
    newest = one.newest()
    path = merkle.consistency_path(13, newest, TileNodes(newest, one.store))
    seen = replace(first, checkpoint=one.store._notes[newest], consistency=tuple(path))
    mirror = above.mirror()
    mirror.take(_signed(one, seen))
    other.at, other.published, before = one.at, 13, _kept(above)
    lies = [other.segment(), replace(other.segment(), items=(), consistency=())]
    size = other.newest()
    path = merkle.consistency_path(13, size, TileNodes(size, other.store))
    lies[1] = replace(lies[1], consistency=tuple(path))
    for lie in lies:
        one.at = other.at
        with pytest.raises(SegmentRefused) as refused:
            mirror.take(_signed(one, lie))
        assert refused.value.kind == "fork"
        assert _kept(above) == before
    one.published = 13
    assert mirror.take(_signed(one, one.segment())).size == newest


@attack(
    "another log goes up under the name of ours",
    stopped_by="name, checkpoint and first record",
    noticed_by="the importer",
)
@pytest.mark.parametrize("end", [0, 8])
def test_the_log_of_another_deployment_is_refused(above: Above, end: int) -> None:
    """By its name, by the name in its checkpoint, and by its first record under our log's name."""
    below, other = above.below, Below.founded("rehearsal.other.example/ordinary")
    strange = _signed(other, other.segment())
    if end:
        assert _refused(above, replace(strange, at=below.at + EVERY_S)) == "foreign"
        said = below.segment()
        borrowed = replace(said, checkpoint=other.store._notes[other.newest()])
        assert _refused(above, _signed(below, borrowed)) == "foreign"
        return
    fresh = Above(replace(below, published=0))
    forged = Below.founded()  # the same name, another founding: other bytes from record 0 on
    with pytest.raises(SegmentRefused) as refused:
        fresh.mirror().take(_signed(forged, forged.segment()))
    assert refused.value.kind == "genesis"
    assert fresh.store.rows == []


@attack(
    "whoever knows the keys of the slots makes a segment",
    stopped_by="the log signs its segments",
    noticed_by="the importer",
)
def test_a_checkpoint_and_a_segment_that_the_log_did_not_sign_are_refused(above: Above) -> None:
    """Whoever knows the public keys of the slots can seal; only the log can sign."""
    below = above.below
    said = below.segment()
    mine = Below.founded("rehearsal.mine.example/ordinary").a.keys.log
    forged = replace(mine, name=below.a.origin)
    assert _refused(above, segments.parse(segments.build(said, forged))) == "checkpoint"
    other = replace(_signed(below, said), at=said.at + 1)
    assert _refused(above, other) == "checkpoint"


@attack(
    "whoever knows the keys of the slots has the log accused of two histories: by its own newest"
    " checkpoint, which anybody may read, ahead of records, or by one made up",
    stopped_by="what the log has done is said of what it signed",
    noticed_by="the importer, as `checkpoint`",
)
def test_nobody_but_the_log_has_it_accused(above: Above) -> None:
    """Whoever operates this is told to stop and to call the witnesses for the log's own words."""
    below, whole = above.below, above.below.segment()
    newest = below.newest()
    path = merkle.consistency_path(8, newest, TileNodes(newest, below.store))
    note = below.store._notes[newest]
    mine = replace(Below.founded("rehearsal.mine.example/ordinary").a.keys.log, name=below.a.origin)
    ahead = replace(whole, items=(), checkpoint=note, consistency=tuple(path))
    behind = replace(ahead, checkpoint=note.replace(b"\n%d\n" % newest, b"\n8\n"))
    for made in (ahead, behind):
        forged = segments.parse(segments.build(made, mine))
        assert _refused(above, forged) == "checkpoint"


@attack(
    "content is left out as if it were erased",
    stopped_by="an act that the rules take must name it",
    noticed_by="the importer",
)
@pytest.mark.parametrize("how", ["unread", "erased"])
def test_content_that_no_act_erases_is_not_left_out(above: Above, how: str) -> None:
    """A record said to be erased by an act that is not there, or by one that names another."""
    below = above.below
    said = below.segment()
    n = next(
        n for n, one in enumerate(below.read(said.start, 99)) if one.stream.startswith("case/")
    )
    row = below.read(said.start + n, 1)[0]
    place = RecordPlace(row.stream, row.seq, row.act_id)
    item = Gone(row.entry, place, UUID("5a0c5b6e-0b1d-4c52-9a43-0d9a5e7f6c11"), said.end - 1)
    lie = replace(said, items=(*said.items[:n], item, *said.items[n + 1 :]))
    if how == "erased":
        assert _refused(above, _signed(below, lie)) == "erased"
        return
    noise = Unread(row.entry, RecordPlace(row.stream, row.seq + 1, row.act_id))
    moved = replace(said, items=(*said.items[:n], noise, *said.items[n + 1 :]))
    assert _refused(above, _signed(below, moved)) == "malformed"


@attack(
    "a file of an act is left away, changed, put in another's place, or added",
    stopped_by="each file that an act lists comes, or is said to be left out; its digest is signed",
    noticed_by="the importer: refused (file), with record and digest",
)
@pytest.mark.parametrize("how", ["absent", "other bytes", "swapped", "one more", "too long"])
def test_files_that_are_not_those_the_act_lists_are_refused(how: str) -> None:
    """Also where the log below has signed it; nothing of the segment is stored."""
    below = Below.founded()
    long = bytes(segments.MOST_FILE_BYTES + 1)
    index = below.case(1, files=[b"one", b"two", *([long] if how == "too long" else [])])
    above = Above(below)
    said = below.segment()
    one, two, *rest = said.files
    files = {
        "absent": (one,),
        "other bytes": (one, replace(two, data=b"twO")),
        "swapped": (replace(one, data=two.data), replace(two, data=one.data)),
        "one more": (one, two, SegmentFile(index, 2, b"three")),
        "too long": (one, two, *(replace(last, data=long) for last in rest)),
    }[how]
    lie = replace(said, files=files)
    with pytest.raises(SegmentRefused, match=f"record {index}") as refused:
        above.mirror().take(_signed(below, lie))
    assert refused.value.kind == "file"
    assert "sha-256:" in str(refused.value)
    assert not above.store.rows
    assert not above.store.files
    assert above.mirror().take(_signed(below, said)).files == 2


@attack(
    "a text made to break a parser",
    stopped_by="nesting and form are asked first",
    noticed_by="the importer",
)
@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 1_000_000,
        b'{"items":[' + b"{}," * 300_000 + b"{}]}",
        b'"' + b"\\u0000" * 100_000,
        b"\xff" * 100_000,
        b"",
    ],
    ids=["objects", "arrays", "items", "escapes", "no text", "nothing"],
)
def test_a_text_made_to_break_a_parser_is_refused(text: bytes) -> None:
    """Deep nesting, many members, no UTF-8: the answer is a refusal."""
    with pytest.raises(SegmentRefused) as refused:
        heard(answered(sealed_segment.frame(text), "ordinary"))
    assert refused.value.kind == "malformed"


@attack(
    "the process without files cannot read a lawful text",
    stopped_by="what it reads late is read before",
    noticed_by="-",
)
def test_the_process_that_takes_it_apart_says_what_the_text_says(below: Below) -> None:
    """Also of letters looked up in a table, which is read before the process gives up files."""
    framed = sealed_segment.open_segment(below.publish(), [below.keys[1]])
    said = segments.parse(sealed_segment.unframe(framed))
    assert taken_apart(framed, "ordinary") == said
    strange = canonical.encode({"v": 1, "log": "漢字"})
    with pytest.raises(SegmentRefused) as refused:
        taken_apart(sealed_segment.frame(strange), "ordinary")
    assert refused.value.kind == "malformed"


PROBE = """
import os, resource, socket, subprocess
from api.ops.mirror import apart
apart.load()
apart.give_up()
def back():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
tries = {
    "a file": lambda: open("/etc/hostname"),
    "a socket": socket.socket,
    "a program": lambda: subprocess.run(["true"]),
    "memory": lambda: bytearray(2 << 30),
    "its limits": back,
    "its user": lambda: os.setuid(0),
}
got = []
for name, attempt in tries.items():
    try:
        attempt()
        got.append(name)
    except (OSError, MemoryError, ValueError):
        pass
os.write(1, repr((os.getuid(), dict(os.environ), got)).encode())
"""


@attack(
    "a parser is taken over",
    stopped_by="no key, no descriptor, no memory without end, not root",
    noticed_by="-",
)
def test_whoever_takes_over_the_parser_has_nothing() -> None:
    """No key is handed to it; it opens no file and no socket, starts nothing, and is not root."""
    done = subprocess.run(python("-c", PROBE), capture_output=True, env={}, check=True)
    user, environment, got = literal_eval(done.stdout.decode())
    assert got == []
    assert user != 0
    assert environment.keys() <= {"LC_CTYPE"}


@attack(
    "a parser that was taken over answers without end, or never",
    stopped_by="a bound on what is heard of it, in bytes and in time; then it is ended",
    noticed_by="the importer",
)
@pytest.mark.parametrize(
    ("does", "wall_s"),
    [
        ("sys.stdin.buffer.read()\nwhile True: os.write(1, bytes(1 << 20))", apart.WALL_S),
        ("while True: time.sleep(60)", 0.5),
    ],
    ids=["without end", "never"],
)
def test_a_parser_that_comes_to_no_end_ends_no_importer(
    does: str, wall_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that does not even read what it is to take apart."""
    words = python("-c", f"import os, sys, time\n{does}")
    monkeypatch.setattr(apart, "python", lambda *_: words)
    monkeypatch.setattr(apart, "WALL_S", wall_s)
    with pytest.raises(SegmentRefused) as refused:
        taken_apart(bytes(1 << 20), "ordinary")
    assert refused.value.kind == "died"


@attack(
    "a parser that was taken over answers what it likes",
    stopped_by="lengths and bytes, all of it verified after",
    noticed_by="the importer",
)
def test_an_answer_that_the_parser_did_not_give_is_no_segment() -> None:
    """What a process says that was taken over is not believed either: its form is asked."""
    answers: list[bytes] = [b"", b"\2", b"\0", b"\0" + b"\xff" * 50, b"\0" + bytes(40) + b"\7"]
    for answer in answers:
        with pytest.raises(SegmentRefused) as refused:
            heard(answer)
        assert refused.value.kind == "died"
    with pytest.raises(SegmentRefused) as words:
        heard(b"\1\x1b[31mred\n")
    assert "\x1b" not in str(words.value)
