"""Files that were erased: no more than erased records could list, and they hide no others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest

from keys import canonical, envelope_encryption, sealed_file
from keys.envelope_encryption import Kek
from ledger.audit.files.files import Attached, FileChecks, most_listed
from ledger.audit.files.snapshot_port import RawEvent, RawFile
from ledger.audit.findings import Damage
from tests.memory_log import ORIGIN, a_log

KEK = Kek(bytes(16), bytes(range(32)))
KEY = bytes(range(32))
OFFICER, OTHER = "officer a", "officer b"
STREAM = "case/x"


def digest(name: str) -> str:
    """Of a file."""
    return "sha-256:" + canonical.b64(hashlib.sha256(name.encode()).digest())


@dataclass
class Erased:
    """`FileEvidence` of files of one officer whose keys are all gone, by name."""

    names: Sequence[str]

    def declared(self) -> Sequence[tuple[bool, int]]:
        """See `FileEvidence`."""
        return [(True, len(self.names))]

    def counted(self) -> tuple[int, int]:
        """See `FileEvidence`."""
        return len(self.names), len(self.names)

    def keys(self) -> Sequence[tuple[bool, bytes | None]]:
        """See `FileEvidence`."""
        entry = hashlib.sha256(b"socai/blob-tag-key/1").digest()
        return [(True, envelope_encryption.wrap(KEK, KEY, origin=ORIGIN, entry=entry))]

    def files(self) -> Sequence[RawFile]:
        """See `FileEvidence`."""
        return [
            RawFile(
                UUID(int=n), sealed_file.lookup_tag(KEY, officer=OFFICER, digest=digest(name)), ()
            )
            for n, name in enumerate(self.names)
        ]

    def events(self) -> Sequence[RawEvent]:
        """See `FileEvidence`."""
        return [RawEvent(n, UUID(int=n), 1, bytes(32), b"", ()) for n, _ in enumerate(self.names)]

    def astray(self) -> Sequence[tuple[UUID, int]]:
        """See `FileEvidence`."""
        return ()


def checked(
    names: Sequence[str], erasable: int, *listed: tuple[str, str]
) -> tuple[int, list[Damage]]:
    """How many files count as erased, and what is wrong."""
    attached = [Attached(7, STREAM, officer, digest(name), 1) for officer, name in listed]
    checks = FileChecks(
        Erased(names), {KEK.kek_id: KEK}, ORIGIN, 9, (), attached, erasable=erasable
    )
    return checks.run().erased, [finding.kind for finding in checks.findings]


def test_erased_files_are_as_many_as_erased_records_could_list() -> None:
    """One that was sent twice is one; where nothing is erased every key that is gone is damage."""
    assert checked(["a", "b"], 2) == (2, [])
    assert checked(["a", "a"], 1) == (2, [])
    assert checked(["a", "b"], 1) == (2, [Damage.FILE_WRAP_MISSING])
    assert checked(["a"], 0) == (0, [Damage.FILE_WRAP_MISSING])


@pytest.mark.parametrize("officer", [OFFICER, OTHER])
def test_an_erased_file_hides_no_other_that_is_gone(officer: str) -> None:
    """A file that an act lists and nobody has uploaded is named, whatever else was erased."""
    assert checked(["a"], 1, (officer, "b")) == (1, [Damage.FILE_MISSING])
    assert checked(["a"], 1, (OTHER, "a")) == (1, [Damage.FILE_MISSING])
    # the act can still be read: its file was not erased, but destroyed
    assert checked(["a"], 1, (OFFICER, "a")) == (0, [Damage.FILE_WRAP_MISSING])


@pytest.mark.parametrize("number", [0, 1, 2, 40])
def test_a_record_that_lists_files_is_long_enough_for_them(number: int) -> None:
    """Never fewer than it may have listed, and next to none where it listed none."""
    log = a_log()
    listed = [{"digest": digest(str(n)), "media_type": "", "name": "", "size": 0}
              for n in range(number)]  # fmt: skip
    act = log.act("A", "case/x", log.people[0], facts={}, agency="a", post="b", attachments=listed)
    row = log.sign({**act, "basis": []}, log.people[0])
    assert number <= most_listed(len(row.state or b"")) <= number + 3
