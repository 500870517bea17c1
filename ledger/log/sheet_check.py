"""Whether what somebody kept is of the state that a printed sheet names: no network, no database.

What was kept is a checkpoint that the log signed, a receipt that carries one, or an evidence bundle
(formats.md §10), of which the checkpoint and the records of the case are read. Of a bundle nothing
is believed that its proofs do not lead to the checkpoint: whoever forges a paper can add its last
statement to a true bundle.
"""

from __future__ import annotations

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Final, Literal

from keys import unambiguous_json
from keys.note import VKey
from ledger.errors import Rejected, VerificationError
from ledger.log import proof, record, statement
from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.sheet import Sheet

_ZIP: Final = b"PK\x03\x04"
_RECORD: Final = re.compile(r"data/records/([0-9]+)\.json")
_PROOF: Final = "data/proofs/{}.tlog-proof"
_READ: Final = re.compile(r"data/(?:checkpoint|records/[0-9]+\.json|proofs/[0-9]+\.tlog-proof)")
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
"""What the reader of zips raises at one that is cut off, changed or sealed."""
_DASHES: Final = frozenset("-–—") | {"--"}
"""What begins a line of a signature, as people type it."""
_TOLD: Final = 2
"""What a checkpoint says behind its origin: size and root."""
_MOST_BYTES: Final = 1 << 20
_MOST_IN_ALL: Final = 1 << 30
"""Of what is read: a small file may be pressed out of more than any machine holds."""
Found = Literal["case", "checkpoint"]
"""What was held against the sheet: the records of the case too, or the checkpoint alone, where
there is none of the case, or several are at that place: which of them stands the rules say. They
also say whether a single one does: a file may leave out the one beside it."""


def hold(sheet: Sheet, kept: bytes, vkeys: Sequence[VKey]) -> Found:
    """Holds a sheet against what was kept.

    Args:
        sheet: As its QR says.
        kept: A signed note as `as_signed` reads it, or a bundle.
        vkeys: The log's keys, from where they were published.

    Raises:
        VerificationError: `checkpoint`: it is not the log's; `other_size`: it is of another size,
            so that it can tell nothing alone; `fork`: of that size the log signed another root;
            `case`: the bundle has another statement at that place of the case; `left_out`: it has
            statements of the case, and none at that place; `bundle`: it is damaged, or has a record
            of the case that is not in the log's tree.
    """
    bundle = is_bundle(kept)
    files = dict(_files(kept)) if bundle else {}
    note = files.get("data/checkpoint", b"") if bundle else as_signed(kept)
    require_same(sheet, open_checkpoint(note, vkeys, origin=sheet.log).checkpoint)
    if not bundle:
        return "checkpoint"
    of_case = set(_of_case(files, sheet, vkeys))
    if not of_case:
        return "checkpoint"
    there = {digest for seq, digest in of_case if seq == sheet.seq}
    if not there:
        raise VerificationError("left_out", "the bundle has no statement at that place")
    if sheet.head not in there:
        raise VerificationError("case", "the bundle has another statement at that place")
    return "case" if len(there) == 1 else "checkpoint"


def is_bundle(kept: bytes) -> bool:
    """Whether what was kept begins as a bundle; else it is a signed note, or neither."""
    return kept.startswith(_ZIP)


def as_signed(kept: bytes) -> bytes:
    """The note of what was kept, as the log signed it; as it is where it is none in any way.

    Lines are as paper, mail and editors break them: the print of a case ends with the note, and
    whoever types it needs the log's own signature alone. A receipt (formats.md §8) carries one.
    Nothing is believed of it: the signature is over the lines as they are put together here.
    """
    text = kept.decode(errors="replace")
    with suppress(ValueError, KeyError, TypeError):
        text = str(unambiguous_json.read(text)["proof"]["checkpoint"])
    origin, *rest = text.removeprefix("\ufeff").split() or [""]
    told, lines = rest[:_TOLD], dict[str, str]()
    name = ""
    for before, word in pairwise(rest[_TOLD - 1 :]):
        if before in _DASHES:
            name = word
        elif word not in _DASHES:
            lines[name] = lines.get(name, "") + word
    if len(told) < _TOLD or not lines.get(origin):
        return kept
    return f"{origin}\n{told[0]}\n{told[1]}\n\n— {origin} {lines[origin]}\n".encode()


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
            wanted = [one for one in bundle.infolist() if _READ.fullmatch(one.filename)]
            if len({one.filename for one in wanted}) < len(wanted):  # which is read?
                raise VerificationError("bundle", "it holds a file twice")
            wanted = [one for one in wanted if one.file_size <= _MOST_BYTES]
            if sum(one.file_size for one in wanted) > _MOST_IN_ALL:
                raise VerificationError("bundle", "it holds more than a bundle does")
            for one in wanted:
                yield one.filename, bundle.read(one)
    except _DAMAGED as error:
        raise VerificationError("bundle", "it is no whole bundle") from error


def _of_case(
    files: Mapping[str, bytes], sheet: Sheet, vkeys: Sequence[VKey]
) -> Iterator[tuple[int, str]]:
    """Place and digest of each statement of the case. Raises: VerificationError."""
    for name, data in files.items():
        if (named := _RECORD.fullmatch(name)) is None:
            continue
        kept = _statement(record.parse_envelope(data, log=sheet.log).statement)
        if kept.members.get("stream") == f"case/{sheet.case}":
            _require_proven(files.get(_PROOF.format(named[1]), b""), data, sheet, vkeys)
            yield kept.seq, kept.digest_b64


def _require_proven(given: bytes, envelope: bytes, sheet: Sheet, vkeys: Sequence[VKey]) -> None:
    """That a record is in the tree that the sheet names. Raises: VerificationError."""
    try:
        found = proof.inclusion_from_file(given)
        covered = proof.verify_inclusion(found, record.entry(envelope), vkeys, origin=sheet.log)
    except VerificationError as error:
        raise VerificationError("bundle", "a record of it is not in the log's tree") from error
    require_same(sheet, covered)


def _statement(text: str) -> statement.Statement:
    try:
        return statement.parse_compact(text)
    except Rejected as error:
        raise VerificationError("bundle", "a record of it holds no statement") from error
