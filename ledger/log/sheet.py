"""What a printed sheet says of the state it is of, as its QR holds it (formats.md §12)."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import parse_qsl, urlencode

from keys import canonical
from keys.errors import KeysError
from ledger.errors import VerificationError

_SCHEME: Final = "socai:sheet?"
_VERSION: Final = "1"
_LOG: Final = re.compile(r"[!-*,-~]{1,255}")
_UUID4: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MOST: Final = 2**63
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Sheet:
    """One state of one case of one log; it names nobody.

    Attributes:
        log: Origin of the log.
        case: Uuid of the case.
        seq: Place of its last statement that the print knows of.
        head: Digest of that statement, b64: it fixes all before it.
        size: Records that the checkpoint covers.
        root: Root of these, b64.
    """

    log: str
    case: str
    seq: int
    head: str
    size: int
    root: str

    @property
    def root_bytes(self) -> bytes:
        """The root."""
        return canonical.unb64(self.root)

    def text(self) -> str:
        """One line, without a space."""
        said = {one.name: str(getattr(self, one.name)) for one in fields(self)}
        return _SCHEME + urlencode({"v": _VERSION, **said}, safe="/:.-_")


def parse(text: str) -> Sheet:
    """The sheet of a line, as a QR reader or a person gives it. Raises: VerificationError."""
    kept = "".join(text.split())
    said = dict(parse_qsl(kept.removeprefix(_SCHEME), keep_blank_values=True))
    try:
        sheet = Sheet(
            said["log"],
            said["case"],
            int(said["seq"]),
            said["head"],
            int(said["size"]),
            said["root"],
        )
    except (KeyError, ValueError) as error:
        raise _no_line() from error
    if not _is_formed(sheet) or sheet.text() != kept:
        raise _no_line()
    return sheet


def _is_formed(sheet: Sheet) -> bool:
    """Whether each member has its form: what the line says is shown to whoever asks."""
    return (
        _LOG.fullmatch(sheet.log) is not None
        and _UUID4.fullmatch(sheet.case) is not None
        and 0 < sheet.seq <= sheet.size < _MOST
        and _is_digest(sheet.head)
        and _is_digest(sheet.root)
    )


def _no_line() -> VerificationError:
    return VerificationError("sheet", "it is not the line of a printed sheet")


def _is_digest(text: str) -> bool:
    try:
        return len(canonical.unb64(text)) == _DIGEST_BYTES
    except KeysError:
        return False
