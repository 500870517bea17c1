"""Every row of files.json (formats.md §5): sealed as written, and nothing else opens."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from keys import sealed_file
from keys.errors import Unsealable
from tests import vector_files

FILE = vector_files.load("files")
DEK, PREFIX = bytes.fromhex(FILE["dek"]), bytes.fromhex(FILE["prefix"])
STEPPED = {"03": False, "04": True}


def the_file(size: int) -> bytes:
    """As the rows are made."""
    return hashlib.shake_128(str(size).encode()).digest(size)


@pytest.mark.parametrize("form", STEPPED)
@pytest.mark.parametrize("row", FILE["rows"], ids=vector_files.name_of)
def test_a_file_is_sealed_as_written_and_opens(row: Mapping[str, Any], form: str) -> None:
    """In parts of any size."""
    data, said, stepped = the_file(row["size"]), row["sealed"][form], STEPPED[form]
    parts = (data[at : at + 10_000] for at in range(0, len(data), 10_000))
    sealed = b"".join(sealed_file._seal_with(DEK, PREFIX, parts, row["digest"], stepped=stepped))
    assert hashlib.sha256(sealed).hexdigest() == said["sha256"]
    assert sealed.hex() == said.get("hex", sealed.hex())
    assert len(sealed) == said["length"] == sealed_file.sealed_bytes(row["size"], stepped=stepped)
    assert b"".join(sealed_file.open_sealed([sealed], DEK, digest=row["digest"])) == data


@pytest.mark.parametrize("row", FILE["reject"], ids=lambda row: row["reason"])
def test_a_form_that_sealing_never_writes_is_refused(row: Mapping[str, Any]) -> None:
    """Though each chunk opens: a file has one sealed form, and no room for anything else."""
    sealed = base64.b64decode(row["sealed"])
    with pytest.raises(Unsealable):
        list(sealed_file.open_sealed([sealed], DEK, digest=row["digest"]))
