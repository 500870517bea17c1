"""How an act came in or went out, in words (formats.md §2, `channel`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CHANNEL_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "DOCUMENT": ("Văn bản", "document"),
    "EMAIL": ("Thư điện tử", "e-mail"),
    "PHONE": ("Điện thoại", "telephone"),
    "SMS": ("Tin nhắn", "text message"),
    "AUDIO": ("Ghi âm", "audio"),
    "VIDEO": ("Ghi hình", "video"),
    "PORTAL": ("Cổng thông tin", "portal"),
    "MEETING": ("Trực tiếp, cuộc họp", "in person, meeting"),
    "COURIER": ("Giao liên", "courier"),
    "OTHER": ("Kênh khác", "other"),
}


def channel_words(channel: str) -> tuple[str, str]:
    """Vietnamese and English; the code itself where the table has none."""
    return CHANNEL_WORDS.get(channel, (channel, channel))
