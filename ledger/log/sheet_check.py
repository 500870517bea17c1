"""Whether what somebody kept is of the state that a printed sheet names: no network, no database.

What was kept is a checkpoint as the log signed it, or an evidence bundle (formats.md §10), of which
the checkpoint and the records of the case are read.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from keys.note import VKey
from ledger.errors import Rejected, VerificationError
from ledger.log import record, statement
from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.sheet import Sheet

_ZIP: Final = b"PK\x03\x04"
_RECORD: Final = re.compile(r"data/records/[0-9]+\.json")
_MOST_BYTES: Final = 1 << 20
Found = Literal["case", "checkpoint"]
"""What was held against the sheet: the records of the case too, or the checkpoint alone."""


def hold(sheet: Sheet, kept: bytes, vkeys: Sequence[VKey]) -> Found:
    """Holds a sheet against what was kept.

    Args:
        sheet: As its QR says.
        kept: A signed note, or a bundle.
        vkeys: The log's keys, from where they were published.

    Raises:
        VerificationError: `checkpoint`: it is not the log's; `other_size`: it is of another size,
            so that it can tell nothing alone; `fork`: of that size the log signed another root;
            `case`: the bundle has another statement at that place of the case; `bundle`.
    """
    bundle = kept.startswith(_ZIP)
    files = dict(_files(kept)) if bundle else {}
    note = files.get("data/checkpoint", b"") if bundle else kept
    require_same(sheet, open_checkpoint(note, vkeys, origin=sheet.log).checkpoint)
    if not bundle:
        return "checkpoint"
    digests = dict(_of_case(files, sheet))
    if not digests:
        return "checkpoint"
    if digests.get(sheet.seq) != sheet.head:
        raise VerificationError("case", "the bundle has another statement at that place")
    return "case"


def require_same(sheet: Sheet, found: Checkpoint) -> None:
    """Whether a checkpoint is the one that a sheet names. Raises: VerificationError."""
    if found.size != sheet.size:
        raise VerificationError(
            "other_size", f"it covers {found.size} records, the print {sheet.size}"
        )
    if found.root != sheet.root_bytes:
        raise VerificationError("fork", "the log signed another root of that size")


def _files(kept: bytes) -> Iterator[tuple[str, bytes]]:
    """The members that are read. Raises: VerificationError."""
    try:
        with zipfile.ZipFile(io.BytesIO(kept)) as bundle:
            for one in bundle.infolist():
                wanted = one.filename == "data/checkpoint" or _RECORD.fullmatch(one.filename)
                if wanted and one.file_size <= _MOST_BYTES:
                    yield one.filename, bundle.read(one)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise VerificationError("bundle", "it is no whole bundle") from error


def _of_case(files: dict[str, bytes], sheet: Sheet) -> Iterator[tuple[int, str]]:
    """Place and digest of each statement of the case. Raises: VerificationError."""
    for name, data in files.items():
        if name != "data/checkpoint":
            kept = _statement(record.parse_envelope(data, log=sheet.log).statement)
            if kept.members.get("stream") == f"case/{sheet.case}":
                yield kept.seq, kept.digest_b64


def _statement(text: str) -> statement.Statement:
    try:
        return statement.parse_compact(text)
    except Rejected as error:
        raise VerificationError("bundle", "a record of it holds no statement") from error
