"""The shipped typefaces as a PDF needs them: glyphs, widths, and what a reader copies out.

A TrueType file is read as far as that takes (cmap, hmtx, head, hhea); it goes into the PDF whole,
for it is a small cut already. What a typeface has no glyph for is written as a sign, never left
out.
"""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

Weight = Literal["Regular", "Bold"]
WEIGHTS: Final[tuple[Weight, ...]] = ("Regular", "Bold")
_FONTS: Final = Path(__file__).parent / "font"
_LAST: Final = 0x3000
"""What stands behind it (U+FFFD alone) would make every table of a PDF long."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Typeface:
    """One cut.

    Attributes:
        name: As in a PDF.
        data: The file.
        glyphs: Glyph by code point.
        widths: Width of each glyph, in thousandths of the size.
        ascent: Above the base line, likewise.
        descent: Below it, negative.
        box: xMin, yMin, xMax, yMax of all glyphs, likewise.
    """

    name: str
    data: bytes
    glyphs: dict[int, int]
    widths: list[int]
    ascent: int
    descent: int
    box: tuple[int, int, int, int]

    def width(self, text: str, size: float) -> float:
        """Of a text in points; of what there is no glyph for as its sign is not."""
        glyphs, widths = self.glyphs, self.widths
        return sum(widths[glyphs[ord(char)]] for char in text) * size / 1_000

    def code(self, text: str) -> bytes:
        """A text as its glyphs, two bytes each."""
        return b"".join(self.glyphs[ord(char)].to_bytes(2, "big") for char in text)


@cache
def typeface(weight: Weight) -> Typeface:
    """A shipped cut, read once."""
    data = (_FONTS / f"NotoSans-{weight}.ttf").read_bytes()
    tables = {
        data[at : at + 4]: struct.unpack(">II", data[at + 8 : at + 16])
        for at in range(12, 12 + 16 * int.from_bytes(data[4:6], "big"), 16)
    }

    def table(tag: bytes) -> bytes:
        offset, length = tables[tag]
        return data[offset : offset + length]

    head, hhea, hmtx = table(b"head"), table(b"hhea"), table(b"hmtx")
    unit = int.from_bytes(head[18:20], "big")
    (measured,) = struct.unpack(">H", hhea[34:36])
    (count,) = struct.unpack(">H", table(b"maxp")[4:6])
    given = [int.from_bytes(hmtx[4 * n : 4 * n + 2], "big") for n in range(measured)]
    given += given[-1:] * (count - measured)

    def scaled(n: int) -> int:
        return round(n * 1_000 / unit)

    low_x, low_y, high_x, high_y = (scaled(n) for n in struct.unpack(">hhhh", head[36:44]))
    ascent, descent = (scaled(n) for n in struct.unpack(">hh", hhea[4:8]))
    return Typeface(
        name=f"NotoSans-{weight}",
        data=data,
        glyphs=_glyphs(table(b"cmap")),
        widths=[scaled(n) for n in given],
        ascent=ascent,
        descent=descent,
        box=(low_x, low_y, high_x, high_y),
    )


def _glyphs(cmap: bytes) -> dict[int, int]:
    """Of the subtable of the Basic Multilingual Plane (format 4)."""
    (count,) = struct.unpack(">H", cmap[2:4])
    starts = [int.from_bytes(cmap[8 + 8 * n : 12 + 8 * n], "big") for n in range(count)]
    start = next(at for at in starts if cmap[at : at + 2] == b"\0\4")
    segments = int.from_bytes(cmap[start + 6 : start + 8], "big") // 2

    def column(n: int) -> int:
        """Where the n-th list of the subtable begins; a word stands after the first."""
        return start + 14 + 2 * segments * n + (2 if n else 0)

    found: dict[int, int] = {}
    for n in range(segments):
        end, first, delta, offset = (
            int.from_bytes(cmap[column(k) + 2 * n : column(k) + 2 * n + 2], "big") for k in range(4)
        )
        for point in range(first, min(end, 0xFFFE) + 1):
            glyph = point
            if offset:
                at = column(3) + 2 * n + offset + 2 * (point - first)
                glyph = int.from_bytes(cmap[at : at + 2], "big")
            glyph = (glyph + delta) & 0xFFFF
            if glyph and point < _LAST:
                found[point] = glyph
    return found


def legible(text: str) -> str:
    """A text as it can be set: composed, and a sign for each character that has no glyph.

    What is invisible, turns the line round or stands outside the typefaces is named by its code
    point, so that nobody reads past it; lines stay lines.
    """
    composed = unicodedata.normalize("NFC", text)
    if composed.isascii() and composed.isprintable():
        return composed
    return "".join(_legible(char) for char in composed)


@cache
def _legible(char: str) -> str:
    if char == "\n":
        return char
    kind = unicodedata.category(char)
    if char == "\t" or kind == "Zs":
        return " "
    shown = kind not in _UNSEEN and all(ord(char) in typeface(one).glyphs for one in WEIGHTS)
    return char if shown else f"[U+{ord(char):04X}]"
