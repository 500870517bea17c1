"""A server that shows one history to one client and another one later: who remembers notices."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api.client.connection import Refused
from api.client.known_log import CONSISTENCY, INCLUSION, KnownLog, LogAnchor, Unlike
from api.texts.catalogue import translate
from ledger.log import merkle, record
from ledger.log.checkpoint import unverified
from ledger.log.proof import Consistency, Inclusion
from tests import recovered
from tests.attacks import attack
from tests.leaf_nodes import LeafNodes

ORIGIN = "thu.bacninh.example/ordinary"
BEGINNING = 6


class History:
    """A log that one key signs, as a server shows it: the same beginning, then its own records.

    Args:
        name: What its records after the beginning are made of.
        size: Records.
        pruned: Sizes of which it keeps no note.
    """

    def __init__(self, name: str, size: int, pruned: frozenset[int] = frozenset()) -> None:
        self.size = size
        self.pruned = pruned
        self.entries = [
            hashlib.sha256(f"{name if n >= BEGINNING else ''}{n}".encode()).digest()
            for n in range(size)
        ]
        self.nodes = LeafNodes([record.leaf(entry) for entry in self.entries])
        self._notes: dict[tuple[int, str], bytes] = {}

    def note(self, size: int | None = None, by: str = "first") -> bytes:
        """A checkpoint, signed once."""
        size = self.size if size is None else size
        root = merkle.root(size, self.nodes)
        return self._notes.setdefault((size, by), recovered.signed(ORIGIN, by, size, root))

    def prove(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to whoever asks for a proof."""
        to = query.get("to", query.get("size", self.size))
        if to in self.pruned:
            raise Refused(404, {"code": "not_found"})
        if path == CONSISTENCY and query["from"] <= to <= self.size:
            old, new = query["from"], to
            hashes = tuple(merkle.consistency_path(old, new, self.nodes))
            return Consistency(old, new, hashes, self.note(new).decode()).to_json()
        if path == INCLUSION:
            size = to
            hashes = tuple(merkle.inclusion_path(query["index"], size, self.nodes))
            return Inclusion(query["index"], size, hashes, self.note(size).decode()).to_json()
        raise Refused(404, {"code": "not_found"})


def known(folder: Path) -> KnownLog:
    """A run of a client: it knows what an earlier run has kept, and nothing else."""
    vkeys = tuple(recovered.vkeys(ORIGIN, "first"))
    return KnownLog(folder, ORIGIN, lambda: LogAnchor(vkeys, History("", 1).entries[0].hex()))


def refused(folder: Path, seen: bytes, note: bytes, line: History) -> Unlike:
    """What a new run says to this note: both notes are kept, and the memory stands."""
    before, _ = known(folder)._load()
    with pytest.raises(Unlike) as caught:
        known(folder).meet(note, line)
    assert caught.value.code == "other_history"
    assert [path.read_bytes() for path in caught.value.files] == [seen, note]
    assert all(str(path) in translate(caught.value.text, "vi") for path in caught.value.files)
    assert all(str(path) in translate(caught.value.text, "en") for path in caught.value.files)
    assert known(folder)._load()[0] == before
    return caught.value


def test_a_client_follows_a_log_that_only_grows(tmp_path: Path) -> None:
    """Across runs; an older checkpoint of the same history is no harm."""
    line = History("a", 40)
    for size in (3, 9, 9, 40, 12):
        assert known(tmp_path).meet(line.note(size), line).size == size
    memory, _ = known(tmp_path)._load()
    assert memory is not None
    assert unverified(memory.note).size == 40


def test_a_client_follows_a_log_that_keeps_not_every_note(tmp_path: Path) -> None:
    """What it remembers is pruned by the time it meets an older receipt: both lead to the newest.

    At first contact too, where the note just met is gone a moment later.
    """
    line = History("a", 40, frozenset({3, 9, 12}))
    assert known(tmp_path).meet(line.note(9), line).size == 9
    known(tmp_path / "other").meet(line.note(12), line)
    assert known(tmp_path / "other").meet(line.note(3), line).size == 3
    for folder in (tmp_path, tmp_path / "other"):
        memory, _ = known(folder)._load()
        assert memory is not None
        assert unverified(memory.note).size == 40


@attack(
    "one server, one key, two histories: another one is shown after the client has started again",
    stopped_by="the client's memory: a proof from the checkpoint it saw, or nothing",
    noticed_by="the client, with both notes in files",
)
@pytest.mark.parametrize("size", [30, 20, 15, BEGINNING + 1])
def test_a_fork_between_two_runs_is_noticed(tmp_path: Path, size: int) -> None:
    """Longer, of the same size, and shorter: none of them extends, or is part of, what was seen."""
    mine, other = History("a", 20), History("b", 30)
    known(tmp_path).meet(mine.note(), mine)
    refused(tmp_path, mine.note(), other.note(size), other)


@attack(
    "a server goes back to an older state of its log",
    stopped_by="the client's memory",
    noticed_by="the client, with both notes in files",
)
def test_a_rollback_between_two_runs_is_noticed(tmp_path: Path) -> None:
    """The older checkpoint is well signed; nothing there shows that what was seen still stands."""
    before = History("a", 20)
    known(tmp_path).meet(before.note(), before)
    rolled = History("a", 12)
    told = refused(tmp_path, before.note(), rolled.note(), rolled)
    assert "beginning of 20" in translate(told.text, "en")


@attack(
    "a log goes on under another key without a record that says so",
    stopped_by="keys are pinned; only a recovery in the log itself turns them",
    noticed_by="the client",
)
def test_a_key_that_no_recovery_names_is_not_taken(tmp_path: Path) -> None:
    """The same tree, signed by another key of the same name."""
    line = History("a", 20)
    known(tmp_path).meet(line.note(12), line)
    refused(tmp_path, line.note(12), line.note(20, by="second"), line)


def test_a_log_of_another_beginning_is_not_taken_at_first_contact(tmp_path: Path) -> None:
    """The genesis is pinned: a key alone is not the log."""
    line = History("a", 20)
    line.entries[0] = bytes(32)
    line.nodes = LeafNodes([record.leaf(entry) for entry in line.entries])
    with pytest.raises(Unlike):
        known(tmp_path).meet(line.note(), line)
    assert known(tmp_path).keys.spans == ()


def test_a_memory_that_was_changed_is_doubt_and_not_a_first_contact(tmp_path: Path) -> None:
    """Whoever can spoil the file does not make the client forget."""
    line = History("a", 20)
    mine = known(tmp_path)
    mine.meet(line.note(12), line)
    file = mine.folder / "checkpoint"
    file.write_bytes(file.read_bytes().replace(b"12\\n", b"13\\n"))
    with pytest.raises(Unlike, match="does not open") as caught:
        known(tmp_path).meet(line.note(), line)
    assert caught.value.code == "memory_spoilt"


def test_what_cannot_be_kept_is_said() -> None:
    """A home where nothing can be written: the client works, and does not pretend."""
    line, told = History("a", 20), list[str]()
    anchor = LogAnchor(tuple(recovered.vkeys(ORIGIN, "first")), line.entries[0].hex())
    mine = KnownLog(
        Path("/proc/known"), ORIGIN, lambda: anchor, unkept=lambda error: told.append(str(error))
    )
    assert mine.meet(line.note(), line).size == 20
    assert len(told) == 1


@pytest.mark.parametrize("origin", ["..", ".", "../../etc", "/etc", ""])
def test_what_a_log_calls_itself_leads_nowhere_else(tmp_path: Path, origin: str) -> None:
    """The origin is the server's word, and names a folder of the client's."""
    mine = KnownLog(tmp_path, origin, lambda: LogAnchor((), ""))
    assert mine.folder.resolve().parent == tmp_path.resolve()


@attack(
    "another log is named like one, so that what a client has seen of that is spoilt",
    stopped_by="no two origins have one folder",
    noticed_by="-",
)
def test_a_log_of_a_like_name_spoils_no_memory(tmp_path: Path) -> None:
    """Whatever a server says that its log is called, it stays in the folder of clients' memory."""
    plain = KnownLog(tmp_path, ORIGIN, _nobody).folder
    assert plain == tmp_path / "thu.bacninh.example_ordinary"
    like = [
        ORIGIN.replace("/", "_"), ORIGIN.upper(), f".{ORIGIN}", f"{ORIGIN} ", f"{ORIGIN}/",
        ORIGIN.replace("/", "//"), f"{ORIGIN}\n", "", ".", "..", "../..", f"../{ORIGIN}",
        "/", "a" * 10_000, f"{'a' * 10_000}/ordinary", "é/ordinary",
    ]  # fmt: skip
    folders = {KnownLog(tmp_path, one, _nobody).folder for one in like}
    assert len(folders | {plain}) == len(like) + 1
    for folder in folders:
        assert folder.resolve().parent == tmp_path
        folder.mkdir()


def _nobody() -> LogAnchor:
    raise AssertionError("nothing is asked of a server yet")
