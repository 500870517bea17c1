"""Files of acts over fakes: what is kept, what opens it, and what never leaves (access.md L16)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from api.texts.catalogue import translate
from keys.canonical import b64
from ledger.errors import NotFound, Rejected, Unavailable, VerificationError
from ledger.files.attachments import Attachments, KeptFile, Listed
from ledger.files.custody import Actor
from ledger.message import Wording
from ledger.ports import CustodyRow, StoredFile
from ledger.regulation.acts.act import Act
from tests import builders
from tests.a_ledger import ORIGIN, T0, ALedger, in_memory
from tests.builders import Story
from tests.fake_files import MemoryBlobs, MemoryFiles
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import CountingEntropy
from tests.fixtures.keys import log_keys
from tests.unit.ledger.test_see_check import Looks

DATA = hashlib.shake_256(b"a letter").digest(200_000)
LIMIT = 1 << 20


class Scratch(io.BytesIO):
    """A scratch file that remembers what passed through it."""

    passed = b""

    def close(self) -> None:
        """Gone, but for the memory of it."""
        self.passed = self.getvalue()
        super().close()


class Desk:
    """A ledger with its files, and officers who upload, list and read."""

    def __init__(self, sights: Looks | None = None) -> None:
        self.store = MemoryRecordStore()
        self.blobs = MemoryBlobs()
        self.scratches: list[Scratch] = []
        self.index = MemoryFiles()
        self.files = Attachments(
            blobs=self.blobs,
            index=self.index,
            records=self.store,
            require=lambda _stream, _act: None,
            whole=self.store,
            kek=log_keys(ORIGIN).kek,
            entropy=CountingEntropy("files"),
            origin=ORIGIN,
            level="ordinary",
            limit_bytes=LIMIT,
            scratch=self._open_scratch,
            follower=lambda: self.a.ledger.follower,
        )
        self.a = ALedger(in_memory(self.store), files=self.files, sights=sights)
        self.a.found()
        self.a.clock.step(minutes=1)
        self.a.hire("hotline", "cv")
        self.story = Story(start=T0.replace(hour=9))

    def _open_scratch(self) -> Scratch:
        self.scratches.append(Scratch())
        return self.scratches[-1]

    def keep(
        self,
        data: bytes = DATA,
        by: str = "hotline",
        *,
        parts: Iterable[bytes] | None = None,
        declared: str | None = "",
    ) -> KeptFile:
        """An upload; with its own digest declared where nothing else is said."""
        return self.files.keep(
            [data] if parts is None else parts,
            media_type="application/pdf",
            by=handler(by),
            at=self.a.clock.now(),
            declared=digest_of(data) if declared == "" else declared,
        )

    def act(
        self,
        name: str = "ReportReceived",
        by: str = "hotline",
        *files: KeptFile,
        also: Sequence[str] = (),
    ) -> Act:
        """An act of the story that lists files."""
        self.a.clock.step(minutes=5)
        listed = [
            {
                "digest": kept.digest,
                "size": kept.size,
                "media_type": kept.media_type,
                "name": "Văn bản.pdf",
            }
            for kept in files
        ]
        when = self.a.clock.now().astimezone(T0.tzinfo)
        more = {"also": [*also]} if also else {}
        return self.story.forced(name, by=by, attachments=listed or None, when=when, **more).act

    def attached(self, data: bytes = DATA) -> Act:
        """A report on the log with a file its author uploaded."""
        act = self.act("ReportReceived", "hotline", self.keep(data))
        self.a.say(act, "hotline")
        return act

    def read(self, listed: Listed, by: str = "cv") -> bytes:
        """All of a file."""
        parts = self.files.disclose(listed, by=handler(by), at=self.a.clock.now())
        return b"".join(parts)

    def history(self, listed: Listed) -> list[str]:
        """What happened, in words."""
        return [event.what for event in self.files.history(listed)]


@pytest.fixture
def desk() -> Desk:
    """Hotline and cv in post."""
    return Desk()


def handler(alias: str) -> Actor:
    """An alias of the cast at work."""
    return Actor(builders.officer(alias), builders.key(alias).kid)


def digest_of(data: bytes) -> str:
    """As an act writes it."""
    return "sha-256:" + b64(hashlib.sha256(data).digest())


def cut(data: bytes, size: int = 7_000) -> Iterator[bytes]:
    """As a socket gives it."""
    return (data[at : at + size] for at in range(0, len(data), size))


def test_who_signs_after_the_author_need_not_see_where_a_file_came_from() -> None:
    """Its author listed a file of an act that they see, and the approver was sent theirs alone."""
    looks = Looks()
    desk = Desk(looks)
    desk.a.hire("pgd")
    bare = desk.act()
    desk.a.say(bare, "hotline")
    looks.seen[bare.stream] = "whole"
    report = desk.attached()
    file = KeptFile(digest_of(DATA), len(DATA), "application/pdf")
    act = desk.act("CaseRegistered", "cv", file, also=["pgd"])
    pending = desk.a.send(desk.a.sign(act, "cv"), by="cv")
    assert pending.receipt["status"] == "pending"
    looks.seen[bare.stream], looks.acts_seen = "part", {act.act_id, *act.facts["intake"]}
    assert report.act_id not in looks.acts_seen
    told = desk.a.send(desk.a.sign(act, "pgd", role="APPROVER"), by="pgd")
    assert told.receipt["status"] == "effective"


# -- keeping ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "one byte", "chunks"])
def test_a_file_comes_back_as_it_was_received(desk: Desk, data: bytes, declared: bool) -> None:  # noqa: FBT001
    """The original is never changed, however it came."""
    kept = desk.keep(data, parts=cut(data), declared=digest_of(data) if declared else None)
    assert kept == KeptFile(digest_of(data), len(data), "application/pdf")
    act = desk.act("ReportReceived", "hotline", kept)
    desk.a.say(act, "hotline")
    listed = desk.files.find(act.act_id, kept.digest)
    assert desk.read(listed) == data
    assert (listed.name, listed.media_type, listed.size) == (
        "Văn bản.pdf",
        "application/pdf",
        len(data),
    )
    assert len(desk.blobs.kept) == 1


def test_the_scratch_file_of_an_undeclared_upload_is_sealed(desk: Desk) -> None:
    """Its plain bytes are on no disk, not even for a moment, and the draft is closed at once."""
    desk.keep(declared=None)
    (scratch,) = desk.scratches
    assert scratch.closed
    assert len(scratch.passed) > len(DATA)
    assert DATA[:16] not in scratch.passed
    assert scratch.passed not in desk.blobs.kept.values()


def test_another_digest_than_declared_keeps_nothing(desk: Desk) -> None:
    """What the act will name must be what came."""
    with pytest.raises(Rejected, match="digest_mismatch"):
        desk.keep(DATA, parts=cut(DATA[:-1]), declared=digest_of(DATA))
    assert (desk.blobs.kept, desk.index.files) == ({}, {})


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_a_file_over_the_limit_keeps_nothing(desk: Desk, declared: bool) -> None:  # noqa: FBT001
    """It stops at the limit: no more is read than that."""
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(65_536)

    with pytest.raises(Rejected, match="too_large"):
        desk.keep(parts=endless(), declared=digest_of(DATA) if declared else None)
    assert taken == LIMIT // 65_536 + 1
    assert (desk.blobs.kept, desk.index.files) == ({}, {})


def test_a_sender_that_stops_half_way_keeps_nothing(desk: Desk) -> None:
    """A broken line must not look like the end of a file."""

    def broken() -> Iterator[bytes]:
        yield DATA[:70_000]
        raise ConnectionError

    for declared in (digest_of(DATA), None):
        with pytest.raises(ConnectionError):
            desk.keep(parts=broken(), declared=declared)
    assert (desk.blobs.kept, desk.index.files) == ({}, {})


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:",
        "sha-256:",
        "sha-512:" + "A" * 43,
        "sha-256:" + "A" * 42,
        "sha-256:" + "A" * 42 + "B",
    ],
)
def test_a_digest_of_another_form_is_refused(desk: Desk, digest: str) -> None:
    """One digest has one spelling."""
    with pytest.raises(Rejected, match="malformed_request"):
        desk.keep(declared=digest)


@pytest.mark.parametrize("point", ["key", "add"])
def test_an_index_that_fails_leaves_no_upload(desk: Desk, point: str) -> None:
    """Sealed bytes without a row and a key are nothing to anybody."""

    def fault(at: str) -> None:
        if at == point:
            raise Unavailable("database_unavailable", Wording("", "away"))

    desk.index.fault = fault
    with pytest.raises(Unavailable):
        desk.keep()
    assert desk.index.files == {}


def test_nothing_that_is_stored_tells_of_what_or_by_whom(desk: Desk) -> None:
    """A backup thief finds neither digest, officer, type nor plaintext (access.md L9, L16)."""
    desk.read(desk.files.find(desk.attached().act_id, digest_of(DATA)))
    ((name, sealed),) = desk.blobs.kept.items()
    file = desk.index.files[name]
    rows = desk.index.rows[name]
    stored = b"".join(
        [sealed, file.tag, file.wrap or b"", *(r.state + r.entry + (r.wrap or b"") for r in rows)]
    )
    officer = builders.officer("hotline")
    for secret in (
        hashlib.sha256(DATA).digest(),
        digest_of(DATA).encode(),
        officer.encode(),
        UUID(officer).bytes,
        b"application/pdf",
        DATA[:16],
    ):
        assert secret not in stored


def test_the_answer_is_the_same_whether_or_not_the_bytes_were_known(desk: Desk) -> None:
    """Nobody learns from an upload what others hold (access.md L16)."""
    assert desk.keep(by="hotline") == desk.keep(by="cv") == desk.keep(by="cv")
    assert len(desk.blobs.kept) == 3
    assert len({sealed[8:40] for sealed in desk.blobs.kept.values()}) == 3


# -- acts that list files --------------------------------------------------------------------------


def test_an_act_that_lists_what_was_never_uploaded_is_refused(desk: Desk) -> None:
    """An act would point to nothing, for ever; every missing file is named at once."""
    there = desk.keep()
    missing = KeptFile(digest_of(b"other"), 5, "application/pdf")
    act = desk.act("ReportReceived", "hotline", there, missing, missing)
    size = desk.store.head().size
    with pytest.raises(Rejected, match="attachment_missing") as refused:
        desk.a.say(act, "hotline")
    pointers = [fault.pointer for fault in refused.value.faults]
    assert pointers == ["/attachments/1", "/attachments/2"]
    assert desk.store.head().size == size
    desk.keep(b"other")
    desk.a.say(act, "hotline")


def test_knowing_a_digest_does_not_open_anothers_upload(desk: Desk) -> None:
    """The refusal is the one for bytes that nobody has: it tells nothing."""
    kept = desk.keep(by="cv")
    act = desk.act("ReportReceived", "hotline", kept)
    with pytest.raises(Rejected, match="attachment_missing") as known:
        desk.a.say(act, "hotline")
    other = desk.act("ReportReceived", "hotline", KeptFile(digest_of(b"?"), 1, "text/plain"))
    with pytest.raises(Rejected, match="attachment_missing") as unknown:
        desk.files.require(other, [])
    assert (translate(known.value.text, "en"), known.value.faults) == (
        translate(unknown.value.text, "en"),
        unknown.value.faults,
    )


def test_an_act_that_states_another_size_is_refused(desk: Desk) -> None:
    """A reader would otherwise wait for bytes that never come."""
    act = desk.act("ReportReceived", "hotline", replace(desk.keep(), size=1))
    with pytest.raises(Rejected, match="attachment_missing"):
        desk.a.say(act, "hotline")


def test_a_later_act_of_the_stream_may_list_the_file_again(desk: Desk) -> None:
    """Whoever goes on with a case hands its papers on without sending them again."""
    first = desk.attached()
    kept = KeptFile(digest_of(DATA), len(DATA), "application/pdf")
    second = desk.act("CaseRegistered", "cv", kept)
    desk.a.say(second, "cv")
    listed = desk.files.find(second.act_id, kept.digest)
    assert desk.read(listed) == DATA
    assert listed.file.name == desk.files.find(first.act_id, kept.digest).file.name


def test_a_check_before_signing_asks_for_the_files_too(desk: Desk) -> None:
    """An officer hears of a missing file before signing, not after."""
    act = desk.act("ReportReceived", "hotline", KeptFile(digest_of(b"?"), 1, "text/plain"))
    asked = {"act": dict(act.signed)}
    officer = builders.officer("hotline")
    with pytest.raises(Rejected, match="attachment_missing"):
        desk.a.ledger.drafts.check(asked, at=desk.a.clock.now(), signer_officer=officer)


def test_the_same_statement_again_gets_its_receipt_though_the_file_is_erased(desk: Desk) -> None:
    """A lost answer is not a lost act, whatever has become of its file since."""
    act = desk.act("ReportReceived", "hotline", desk.keep())
    statement = desk.a.sign(act, "hotline")
    first = desk.a.send(statement, by="hotline")
    _erase(desk)
    again = desk.a.send(statement, by="hotline")
    assert (again.created, again.receipt) == (False, first.receipt)


# -- reading ---------------------------------------------------------------------------------------


def _erase(desk: Desk) -> None:
    for name, file in desk.index.files.items():
        desk.index.files[name] = replace(file, wrap=None)


def test_a_file_is_found_only_through_an_act_that_lists_it(desk: Desk) -> None:
    """No act, another act, another digest, no uuid, an erased file: all the same."""
    act = desk.attached()
    bare = desk.act("CaseRegistered", "cv")
    desk.a.say(bare, "cv")
    desk.keep(b"unlisted")
    for act_id, digest in (
        (builders.an_id("absent"), digest_of(DATA)),
        ("not a uuid", digest_of(DATA)),
        (bare.act_id, digest_of(DATA)),
        (act.act_id, digest_of(b"unlisted")),
        (act.act_id, "sha-256:nonsense"),
    ):
        with pytest.raises(NotFound):
            desk.files.find(act_id, digest)
    _erase(desk)
    with pytest.raises(NotFound):
        desk.files.find(act.act_id, digest_of(DATA))


def _flip(sealed: bytes, at: int) -> bytes:
    return sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]


def _swapped(sealed: bytes) -> bytes:
    first, second, rest = 8, 8 + 65_552, 8 + 2 * 65_552
    return sealed[:first] + sealed[second:rest] + sealed[first:second] + sealed[rest:]


TAMPERED: dict[str, Callable[[bytes, bytes], bytes]] = {
    "a bit of the first chunk": lambda sealed, _: _flip(sealed, 20),
    "a bit of the last chunk": lambda sealed, _: _flip(sealed, len(sealed) - 1),
    "cut at a chunk": lambda sealed, _: sealed[: 8 + 65_552],
    "cut inside a chunk": lambda sealed, _: sealed[:-5],
    "emptied": lambda _, __: b"",
    "chunks swapped": lambda sealed, _: _swapped(sealed),
    "another upload's bytes": lambda _, other: other,
}  # fmt: skip


@pytest.mark.parametrize("harm", TAMPERED.values(), ids=TAMPERED.keys())
def test_not_a_byte_leaves_of_a_file_that_differs(
    desk: Desk, harm: Callable[[bytes, bytes], bytes]
) -> None:
    """All of it is checked first, and nobody is noted as having read it."""
    listed = desk.files.find(desk.attached().act_id, digest_of(DATA))
    desk.keep(DATA[::-1])
    (other,) = (name for name in desk.blobs.kept if name != listed.file.name)
    kept = desk.blobs.kept
    kept[listed.file.name] = harm(kept[listed.file.name], kept[other])
    with pytest.raises(VerificationError, match="attachment"):
        desk.files.disclose(listed, by=handler("cv"), at=desk.a.clock.now())
    assert desk.history(listed) == ["ADDED"]


def test_a_file_that_is_gone_is_an_alarm_and_not_an_absence(desk: Desk) -> None:
    """A lost file must not look like one that never was."""
    listed = desk.files.find(desk.attached().act_id, digest_of(DATA))
    desk.blobs.kept.clear()
    with pytest.raises(VerificationError, match="gone"):
        desk.files.disclose(listed, by=handler("cv"), at=desk.a.clock.now())


def test_swapped_wraps_of_two_uploads_open_neither(desk: Desk) -> None:
    """Rows cannot be exchanged unseen, even for the same bytes."""
    act = desk.attached()
    desk.keep(by="cv")
    one, two = desk.index.files.values()
    for file, wrap in ((one, two.wrap), (two, one.wrap)):
        desk.index.files[file.name] = replace(file, wrap=wrap)
    listed = desk.files.find(act.act_id, digest_of(DATA))
    with pytest.raises(VerificationError):
        desk.files.disclose(listed, by=handler("cv"), at=desk.a.clock.now())


def test_a_file_exchanged_while_it_is_sent_ends_in_an_error(desk: Desk) -> None:
    """Checked, then changed: what came after the change never leaves."""
    listed = desk.files.find(desk.attached().act_id, digest_of(DATA))
    parts = desk.files.disclose(listed, by=handler("cv"), at=desk.a.clock.now())
    kept = desk.blobs.kept
    kept[listed.file.name] = _flip(kept[listed.file.name], 8 + 65_552 + 3)
    came: list[bytes] = []
    with pytest.raises(VerificationError):
        came.extend(parts)
    assert came == [DATA[:65_536]]


# -- custody ---------------------------------------------------------------------------------------


def test_every_read_and_export_stands_in_the_history(desk: Desk) -> None:
    """Who added it, who read it, who took it out, when, through which act."""
    act = desk.attached()
    listed = desk.files.find(act.act_id, digest_of(DATA))
    desk.a.clock.step(hours=1)
    desk.read(listed, "cv")
    numbered = list[str]()
    desk.files.hand_out(
        listed,
        by=handler("hotline"),
        at=desk.a.clock.now(),
        numbered=lambda: numbered.append("01"),
    )
    assert numbered == ["01"]
    events = desk.files.history(listed)
    assert [(event.what, event.by) for event in events] == [
        ("ADDED", handler("hotline")),
        ("READ", handler("cv")),
        ("EXPORTED", handler("hotline")),
    ]
    assert events[1].at == desk.a.clock.now()
    assert events[1].about == {"act_id": act.act_id, "stream": act.stream}
    assert [event.seq for event in events] == [1, 2, 3]


def test_no_byte_leaves_where_the_history_cannot_be_written(desk: Desk) -> None:
    """An unrecorded read does not happen."""
    listed = desk.files.find(desk.attached().act_id, digest_of(DATA))

    def fault(at: str) -> None:
        if at == "note":
            raise Unavailable("database_unavailable", Wording("", "away"))

    desk.index.fault = fault
    with pytest.raises(Unavailable):
        desk.files.disclose(listed, by=handler("cv"), at=desk.a.clock.now())


def test_reads_through_another_stream_are_not_shown(desk: Desk) -> None:
    """One upload listed in two cases: neither case tells of the other (access.md NI3)."""
    kept = desk.keep()
    listed = []
    for name in ("one", "two"):
        desk.story = Story(f"case/{builders.an_id(name)}")
        act = desk.act("ReportReceived", "hotline", kept)
        desk.a.say(act, "hotline")
        listed.append(desk.files.find(act.act_id, kept.digest))
    desk.read(listed[0], "cv")
    assert desk.history(listed[0]) == ["ADDED", "READ"]
    assert desk.history(listed[1]) == ["ADDED"]


def test_a_second_upload_for_another_case_does_not_change_the_first(desk: Desk) -> None:
    """The upload an act is about is the one that stood there when it was recorded."""
    act = desk.attached()
    before = desk.files.find(act.act_id, digest_of(DATA))
    desk.a.clock.step(days=1)
    desk.keep()
    assert desk.files.find(act.act_id, digest_of(DATA)).file == before.file


def _history_harms(rows: list[CustodyRow]) -> dict[str, list[CustodyRow]]:
    first, second, third = rows
    return {
        "the middle is missing": [first, third],
        "two are swapped": [first, replace(third, seq=2), replace(second, seq=3)],
        "one stands twice": [first, second, replace(second, seq=3)],
        "an entry is edited": [first, replace(second, entry=bytes(32)), third],
        "a state is edited": [first, replace(second, state=_flip(second.state, 30)), third],
        "the upload is another's": [replace(first, state=second.state), second, third],
    }


@pytest.mark.parametrize(
    "harm",
    ["the middle is missing", "two are swapped", "one stands twice", "an entry is edited",
     "a state is edited", "the upload is another's"],
)  # fmt: skip
def test_a_history_that_was_tampered_with_is_an_alarm(desk: Desk, harm: str) -> None:
    """Whoever edits the past of a file is seen by the next reader of it."""
    listed = desk.files.find(desk.attached().act_id, digest_of(DATA))
    desk.read(listed, "cv")
    desk.read(listed, "hotline")
    name = listed.file.name
    desk.index.rows[name] = _history_harms(desk.index.rows[name])[harm]
    with pytest.raises(VerificationError, match="custody"):
        desk.files.history(listed)


def test_a_damaged_lookup_key_is_an_alarm(desk: Desk) -> None:
    """Otherwise every file would quietly be gone."""
    act = desk.attached()
    desk.index._key = b"\x01" + bytes(76)
    with pytest.raises(VerificationError, match="index is damaged"):
        desk.files.find(act.act_id, digest_of(DATA))


def test_an_upload_that_nobody_made_cannot_be_planted(desk: Desk) -> None:
    """A row with the right tag and another upload's event does not open as this file."""
    act = desk.attached()
    listed = desk.files.find(act.act_id, digest_of(DATA))
    desk.keep(b"planted")
    planted = next(f for f in desk.index.files.values() if f.name != listed.file.name)
    forged = StoredFile(planted.name, listed.file.tag, planted.wrap, planted.first)
    desk.index.files = {planted.name: forged}
    found = desk.files.find(act.act_id, digest_of(DATA))
    with pytest.raises(VerificationError):
        desk.files.disclose(found, by=handler("cv"), at=at_noon())


def at_noon() -> datetime:
    """Any time."""
    return T0.replace(hour=12)
