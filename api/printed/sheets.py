"""Sheets of A4: text set line by line into pages, and the pages as a PDF.

Nothing is taken from the machine: no clock, no font, no compression whose bytes hang on a library.
The same text gives the same bytes. Not: what is said on a sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Final

import pydyf
import segno

from api.printed.typeface import WEIGHTS, Typeface, Weight, legible, typeface

MM: Final = 72 / 25.4
WIDTH, HEIGHT = 210 * MM, 297 * MM
LEFT, RIGHT = 30 * MM, WIDTH - 15 * MM
TOP, BOTTOM = HEIGHT - 26 * MM, 41 * MM
BODY: Final = 9.0
SMALL: Final = 7.0
_LEADING: Final = 1.38
_COLUMN: Final = 44 * MM
_GAP: Final = 3 * MM

Colour = tuple[float, float, float]
BLACK: Final = (0.0, 0.0, 0.0)
GREY: Final = (0.35, 0.35, 0.35)
WHITE: Final = (1.0, 1.0, 1.0)
_HAIR: Final = (0.75, 0.75, 0.75)


@dataclass(frozen=True, slots=True)
class Written:
    """A line of text at its place; `y` is its base line."""

    x: float
    y: float
    text: str
    size: float
    weight: Weight = "Regular"
    colour: Colour = BLACK


@dataclass(frozen=True, slots=True)
class Filled:
    """A box, from its lower left corner."""

    x: float
    y: float
    width: float
    height: float
    colour: Colour


Mark = Written | Filled
Line = tuple[float, list[Mark]]
"""Its height, and its marks with `y` from its upper edge down, negative."""


@dataclass
class Flow:
    """Text from the first sheet to the last, in the order in which it is said.

    Attributes:
        pages: What stands on each, filled from the top.
    """

    pages: list[list[Mark]] = field(default_factory=lambda: [[]])
    _y: float = TOP

    def heading(self, text: str, *, size: float = 11.0) -> None:
        """A heading, never the last thing on a sheet."""
        self._room(size * 2 + 4 * BODY * _LEADING)
        self.space(size * 0.7)
        self._set([_line(one, LEFT, size, "Bold") for one in wrapped(text, "Bold", size, _MEASURE)])
        self.space(2)

    def text(
        self,
        text: str,
        *,
        size: float = BODY,
        weight: Weight = "Regular",
        colour: Colour = BLACK,
        indent: float = 0.0,
    ) -> None:
        """A paragraph, which may go on over the foot of a sheet."""
        for one in wrapped(text, weight, size, _MEASURE - indent):
            self._set([_line(one, LEFT + indent, size, weight, colour)])

    def pair(self, label: str, value: str, *, indent: float = 0.0) -> None:
        """A label and what it says beside it; on one sheet, where it fits on one."""
        left = wrapped(label, "Regular", BODY, _COLUMN - indent - _GAP)
        right = wrapped(value, "Regular", BODY, _MEASURE - _COLUMN)
        rows: list[Line] = []
        for n in range(max(len(left), len(right))):
            height, marks = BODY * _LEADING, list[Mark]()
            if n < len(left):
                marks.append(_mark(left[n], LEFT + indent, BODY, "Regular", GREY))
            if n < len(right):
                marks.append(_mark(right[n], LEFT + _COLUMN, BODY))
            rows.append((height, marks))
        self._set(rows)

    def bar(self, label: str, value: str, share: float | None, past: float) -> None:
        """A pair, and below it a bar: how much of a length was taken, and how much beyond it.

        Args:
            label: What took it.
            value: How much, in words.
            share: Of the length, from 0 to 1; None where none is stated.
            past: Beyond it, likewise; drawn no longer than the length itself.
        """
        self._room(4 * BODY * _LEADING)
        self.pair(label, value)
        if share is None:
            return
        x, length, height = LEFT + _COLUMN, 50 * MM, 5.0
        marks: list[Mark] = [
            Filled(x, -height - 1, length, height, (0.88, 0.88, 0.88)),
            Filled(x, -height - 1, length * min(1.0, share), height, (0.25, 0.25, 0.25)),
        ]
        if past:
            marks.append(Filled(x + length, -height - 1, length * min(1, past), height, _LATE))
        marks.append(Filled(x + length, -height - 3, 0.8, height + 4, BLACK))
        self._set([(height + 6, marks)])

    def rule(self) -> None:
        """A thin line from margin to margin."""
        self._set([(5.0, [Filled(LEFT, -3.0, _MEASURE, 0.4, _HAIR)])])

    def space(self, points: float) -> None:
        """Room, none at the top of a sheet."""
        if self.pages[-1]:
            self._y -= points

    def _room(self, points: float) -> None:
        """A new sheet, unless this one has so much room."""
        if self._y - points < BOTTOM and self.pages[-1]:
            self.pages.append([])
            self._y = TOP

    def _set(self, lines: Sequence[Line]) -> None:
        """Lines that stay together where one sheet holds them."""
        total = sum(height for height, _ in lines)
        if total <= (TOP - BOTTOM) / 3:
            self._room(total)
        for height, marks in lines:
            self._room(height)
            self.pages[-1] += [_moved(mark, self._y) for mark in marks]
            self._y -= height


_MEASURE: Final = RIGHT - LEFT
_LATE: Final = (0.62, 0.13, 0.1)


def wrapped(text: str, weight: Weight, size: float, width: float) -> list[str]:
    """A text in lines of a width: broken at spaces, and within a word that is longer than a line.

    Its characters are all there, each as itself or as its sign.
    """
    lines: list[str] = []
    for paragraph in legible(text).split("\n"):
        line, used = "", 0.0
        for word in _pieces(paragraph, weight, size, width):
            long = _width(word, weight) * size
            gap = _width(" ", weight) * size if line else 0.0
            if line and used + gap + long > width:
                lines.append(line)
                line, used, gap = "", 0.0, 0.0
            line = f"{line} {word}" if line else word
            used += gap + long
        lines.append(line)
    return lines


def _pieces(paragraph: str, weight: Weight, size: float, width: float) -> Iterator[str]:
    """Words, the very long ones in parts."""
    face = typeface(weight)
    for word in paragraph.split(" "):
        if _width(word, weight) * size <= width:
            yield word
            continue
        part, used = "", 0.0
        for char in word:
            long = face.width(char, size)
            if part and used + long > width:
                yield part
                part, used = "", 0.0
            part += char
            used += long
        yield part


@lru_cache(maxsize=1 << 14)
def _width(word: str, weight: Weight) -> float:
    return typeface(weight).width(word, 1)


def _mark(
    text: str, x: float, size: float, weight: Weight = "Regular", colour: Colour = BLACK
) -> Written:
    return Written(x, -size, text, size, weight, colour)


def _line(
    text: str, x: float, size: float, weight: Weight = "Regular", colour: Colour = BLACK
) -> Line:
    return size * _LEADING, [_mark(text, x, size, weight, colour)]


def _moved(mark: Mark, y: float) -> Mark:
    if isinstance(mark, Filled):
        return Filled(mark.x, y + mark.y, mark.width, mark.height, mark.colour)
    return Written(mark.x, y + mark.y, mark.text, mark.size, mark.weight, mark.colour)


Frame = Callable[[int, int], list[Mark]]
"""What stands around the text of sheet k of n."""


def pdf(flow: Flow, frame: Frame, *, title: str, lang: str, code: str) -> bytes:
    """The sheets as a PDF.

    Args:
        flow: What they say.
        frame: What stands around that on each.
        title: Of the document.
        lang: Of its text, as of RFC 5646.
        code: What the QR on each sheet holds; it stands at the lower right.
    """
    made = pydyf.PDF()
    fonts = {weight: _font(made, typeface(weight)) for weight in WEIGHTS}
    square = _square(made, code)
    resources = pydyf.Dictionary(
        {
            "Font": pydyf.Dictionary({one: fonts[one].reference for one in WEIGHTS}),
            "XObject": pydyf.Dictionary({"Qr": square.reference}),
        }
    )
    made.add_object(resources)
    for k, marks in enumerate(flow.pages, 1):
        content = pydyf.Stream()
        _draw(content, [*frame(k, len(flow.pages)), *marks])
        content.push_state()
        content.set_matrix(_QR, 0, 0, _QR, RIGHT - _QR, _QR_FOOT)
        content.draw_x_object("Qr")
        content.pop_state()
        made.add_object(content)
        made.add_page(
            pydyf.Dictionary(
                {
                    "Type": "/Page",
                    "Parent": made.pages.reference,
                    "MediaBox": pydyf.Array([0, 0, round(WIDTH, 2), round(HEIGHT, 2)]),
                    "Resources": resources.reference,
                    "Contents": content.reference,
                }
            )
        )
    made.catalog["Lang"] = pydyf.String(lang)
    made.catalog["ViewerPreferences"] = "<</DisplayDocTitle true>>"
    made.info["Title"] = pydyf.String(title)
    made.info["Producer"] = pydyf.String("socai")
    out = BytesIO()
    made.write(out)
    return out.getvalue()


_QR: Final = 27 * MM
_QR_FOOT: Final = 10.5 * MM
QR_LEFT: Final = RIGHT - _QR
"""Where the QR begins, for what stands beside it."""


def _draw(content: pydyf.Stream, marks: Sequence[Mark]) -> None:
    colour: Colour | None = None
    for mark in marks:
        if mark.colour != colour:
            colour = mark.colour
            content.set_color_rgb(*colour)
        if isinstance(mark, Filled):
            content.rectangle(*(round(n, 2) for n in (mark.x, mark.y, mark.width, mark.height)))
            content.fill()
            continue
        content.begin_text()
        content.set_font_size(mark.weight, mark.size)
        content.move_text_to(round(mark.x, 2), round(mark.y, 2))
        content.stream.append(_string(mark.text) + b" Tj")
        content.end_text()


def _string(text: str) -> bytes:
    """A text of the first plane as a literal string, its code points two bytes each."""
    raw = text.encode("utf-16-be")
    for plain, escaped in ((b"\\", b"\\\\"), (b"(", b"\\("), (b")", b"\\)"), (b"\r", b"\\r")):
        raw = raw.replace(plain, escaped)
    return b"(" + raw + b")"


def _font(made: pydyf.PDF, face: Typeface) -> pydyf.Dictionary:
    """A typeface whose codes are code points: what is copied out is what was set."""
    file = pydyf.Stream([face.data], {"Length1": len(face.data)})
    last = max(face.glyphs)
    gids = b"".join(face.glyphs.get(point, 0).to_bytes(2, "big") for point in range(last + 1))
    glyph_of = pydyf.Stream([gids])
    unicode_of = pydyf.Stream([_to_unicode(last)])
    box = pydyf.Array(list(face.box))
    descriptor = pydyf.Dictionary(
        {
            "Type": "/FontDescriptor",
            "FontName": f"/{face.name}",
            "Flags": 4,
            "FontBBox": box,
            "ItalicAngle": 0,
            "Ascent": face.ascent,
            "Descent": face.descent,
            "CapHeight": 714,
            "StemV": 80,
        }
    )
    for one in (file, glyph_of, unicode_of, descriptor):
        made.add_object(one)
    descriptor["FontFile2"] = file.reference
    widths = pydyf.Array()
    for point in sorted(face.glyphs):
        widths += [point, pydyf.Array([face.widths[face.glyphs[point]]])]
    below = pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/CIDFontType2",
            "BaseFont": f"/{face.name}",
            "CIDSystemInfo": "<</Registry (Adobe) /Ordering (Identity) /Supplement 0>>",
            "FontDescriptor": descriptor.reference,
            "CIDToGIDMap": glyph_of.reference,
            "W": widths,
        }
    )
    made.add_object(below)
    font = pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": f"/{face.name}",
            "Encoding": "/Identity-H",
            "DescendantFonts": pydyf.Array([below.reference]),
            "ToUnicode": unicode_of.reference,
        }
    )
    made.add_object(font)
    return font


def _to_unicode(last: int) -> str:
    """Each code is its code point; a range may not pass a multiple of 256, a list not 100 lines."""
    rows = [f"<{n:02X}00> <{n:02X}FF> <{n:02X}00>" for n in range(last // 256 + 1)]
    return "\n".join(
        (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
            "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
            "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
            "1 begincodespacerange <0000> <FFFF> endcodespacerange",
            f"{len(rows)} beginbfrange",
            *rows,
            "endbfrange endcmap CMapName currentdict /CMap defineresource pop end end",
        )
    )


def _square(made: pydyf.PDF, code: str) -> pydyf.Stream:
    """The QR as a form of one by one, drawn once and shown on every sheet."""
    modules = [list(row) for row in segno.make_qr(code, error="m", boost_error=False).matrix]
    side = len(modules) + 2 * _QUIET
    form = pydyf.Stream(
        extra={
            "Type": "/XObject",
            "Subtype": "/Form",
            "BBox": pydyf.Array([0, 0, 1, 1]),
            "Matrix": pydyf.Array([1, 0, 0, 1, 0, 0]),
        }
    )
    unit = 1 / side
    form.set_color_rgb(*WHITE)
    form.rectangle(0, 0, 1, 1)
    form.fill()
    form.set_color_rgb(*BLACK)
    for n, row in enumerate(modules):
        for start, length in _runs(row):
            x, y = (start + _QUIET) * unit, 1 - (n + 1 + _QUIET) * unit
            form.rectangle(x, y, length * unit, unit)
    form.fill()
    made.add_object(form)
    return form


_QUIET: Final = 2


def _runs(row: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where dark modules begin, and how many there are."""
    start = None
    for n, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = n
        elif not dark and start is not None:
            yield start, n - start
            start = None
