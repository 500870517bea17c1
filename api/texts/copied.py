"""What is typed or copied into a field or a command, as its author sees it.

What is copied from a page, a letter or a PDF brings along what nobody sees: a zero-width space, a
soft hyphen, a blank that is not broken. No id, number, day or code has any of it.
"""

from __future__ import annotations

import unicodedata

from ledger.regulation.acts.invisible_characters import without


def copied(text: str) -> str:
    """The same in NFC, its blanks plain and single, without what nobody sees."""
    seen: str = without(text)
    return " ".join(unicodedata.normalize("NFC", seen).split())
