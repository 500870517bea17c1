"""How an act came in or went out, in words (formats.md §2, `channel`)."""

from __future__ import annotations

from typing import Final

from ledger.message import Wording
from ledger.regulation.words import vocabulary

CHANNEL_WORDS: Final = vocabulary("channels")


def channel_words(channel: str) -> Wording:
    """Its name; the code itself where the table has none."""
    return CHANNEL_WORDS.get(channel, Wording(channel, channel))
