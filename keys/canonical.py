"""Canonical JSON restricted by formats.md §1, and strict base64: the one encoder of signed bytes.

Two encoders stand behind it. `orjson` is fast and agrees with RFC 8785 for every value the
restrictions leave, unless a member name has a character above U+FFFF (RFC 8785 sorts by UTF-16
units); there `rfc8785` itself decides. `tests/unit/keys/test_canonical.py` holds the two against
each other. What is encoded is not known here.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import orjson
import rfc8785

from keys.errors import Malformed, NotCanonical

LIMIT_BYTES: Final = 65_536
MAX_DEPTH: Final = 32

_OPTIONS: Final = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)
_SCALARS: Final = frozenset({str, int, bool})
_PARSED: Final = _SCALARS | {dict, list}
_AS_ORDERED: Final = _OPTIONS & ~orjson.OPT_SORT_KEYS
_ABOVE_FFFF: Final = re.compile(rb"[\xf0-\xff]")
# Blocks without a hole in Unicode 14.0; the rest asks the table.
_OUTSIDE_BLOCKS: Final = re.compile("[^\u0000-\u0377\u1e00-\u1eff\u2010-\u2064\u20a0-\u20c0]")
#: Bytes of everyday Vietnamese in UTF-8: ASCII, what follows a lead byte, the lead bytes of
#: U+0080-02FF, of U+1000-1FFF, of which only U+1E00-1EFF are everyday, and of U+2000-2FFF, of which
#: only dashes, quotation marks and the ellipsis are (U+2010-2027): one dash, as in each checkpoint,
#: would else have the whole text looked through. All of these are assigned, none composes with
#: another, and every one is NFC by itself.
_EVERYDAY: Final = bytes([*range(0xC0), *range(0xC2, 0xCC), 0xE1, 0xE2])
_NOT_1E: Final = re.compile(rb"\xe1(?![\xb8-\xbb])")
_NO_PUNCTUATION: Final = re.compile(rb"\xe2(?!\x80[\x90-\xa7])")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
#: From the URL alphabet to the standard one; its own two characters, and padding, become no
#: character of either.
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADS: Final = (b"", b"=", b"==", b"=")  # a remainder of one is refused by the decoder
#: Last characters whose unused bits are zero, by the length's remainder: 2 leaves four bits unused,
#: 3 leaves two. They are the same in both alphabets.
_LAST: Final = (b"", b"", _ALPHABET[::16].encode(), _ALPHABET[::4].encode())


def encode(value: Mapping[str, Any]) -> bytes:
    """Canonical bytes of an object.

    Args:
        value: Members of type str, int, bool, dict, list and tuple; of exactly these types, but
            that an object may be more than a dict, as one that a server answered is.

    Raises:
        NotCanonical: The value has no canonical form under formats.md §1 (null, float, text not NFC
            …).
    """
    members = dict(value)
    if not _is_shaped(members.values()):
        members = {name: _plain(item, MAX_DEPTH) for name, item in members.items()}
        _check_shape(members)
    data = _dump(members, everyday=True)
    if not is_everyday(data):
        data = _dump(members)
        _check_text(data.decode(), members)
    return data


def ordered(members: dict[str, Any]) -> bytes:
    """As `encode`, of members by name in order, here and below, and of allowed types.

    For whoever writes them out one by one: nothing of that is asked again.

    Raises:
        NotCanonical: As `encode`, but for a null and a float.
    """
    try:
        data = orjson.dumps(members, option=_AS_ORDERED)
    except orjson.JSONEncodeError:
        return encode(members)  # which says why not
    return data if is_everyday(data) else encode(members)


def parse(data: bytes, *, limit: int | None = LIMIT_BYTES) -> dict[str, Any]:
    """The test at the door of formats.md §1: `canonical(parse(data)) == data` and more.

    Args:
        data: Bytes as received; they are never repaired.
        limit: Longest allowed length in bytes; None for an envelope.

    Raises:
        NotCanonical: With a plain reason.
    """
    if limit is not None and len(data) > limit:
        raise NotCanonical(f"longer than {limit} bytes")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise NotCanonical(_no_json(data)) from error
    if type(value) is not dict:
        raise NotCanonical("the top level must be an object")
    if not _is_shaped(value.values()):
        _check_shape(value)
    everyday = is_everyday(data)
    if _dump(value, everyday=everyday) != data:
        raise NotCanonical("not in canonical form: order, spacing, escapes or a member twice")
    if not everyday:
        _check_text(data.decode(), value)
    return value


def _no_json(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    return "not JSON"


def _dump(value: dict[str, Any], *, everyday: bool = False) -> bytes:
    try:
        data = orjson.dumps(value, option=_OPTIONS)
        # UTF-8 order and UTF-16 order of member names part company only above U+FFFF: lead byte
        # 0xF0 or more.
        if not everyday and _ABOVE_FFFF.search(data):
            data = rfc8785.dumps(value)
    except (orjson.JSONEncodeError, rfc8785.CanonicalizationError) as error:
        raise NotCanonical(f"no canonical form: {error}") from error
    return data


def _is_shaped(items: Iterable[Any], depth: int = MAX_DEPTH) -> bool:
    """Whether `_check_shape` would find nothing in an object of these values."""
    if not depth:
        return False
    for item in items:
        kind = type(item)
        if kind is str or kind in _SCALARS:
            continue
        if kind not in _PARSED:
            return False
        if not _is_shaped(item.values() if kind is dict else item, depth - 1):
            return False
    return True


def _plain(value: Any, depth: int) -> Any:  # noqa: ANN401  any JSON
    """The same with plain objects, `depth` levels far: what lies deeper is refused by its depth."""
    if not depth:
        return value
    if isinstance(value, dict):
        return {name: _plain(item, depth - 1) for name, item in value.items()}
    if type(value) is list or type(value) is tuple:
        return [_plain(item, depth - 1) for item in value]
    return value


def _check_shape(value: dict[str, Any]) -> None:
    """No null, float or other type, nesting at most 32; the range of integers is the encoder's."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            items = node.values() if type(node) is dict else node
            kinds = set(map(type, items))
            if kinds <= _SCALARS:
                continue
            if not kinds <= _PARSED:
                raise NotCanonical(_forbidden(kinds))
            below += [item for item in items if type(item) not in _SCALARS]
        if not below:
            return
        level = below
    raise NotCanonical(f"nested deeper than {MAX_DEPTH}")


def _forbidden(kinds: set[type]) -> str:
    if type(None) in kinds:
        return "null is not allowed: leave the member out"
    if float in kinds:
        return "a number must be a whole number within 2^53-1 and written without point or exponent"
    names = ", ".join(sorted(kind.__name__ for kind in kinds - _PARSED))
    return f"a value of type {names} has no canonical form"


def is_everyday(data: bytes) -> bool:
    """Whether UTF-8 has only letters that `_check_text` has nothing against; mostly so."""
    if data.isascii():
        return True
    if data.translate(None, _EVERYDAY):
        return False
    if b"\xe1" in data and _NOT_1E.search(data) is not None:
        return False
    return b"\xe2" not in data or _NO_PUNCTUATION.search(data) is None


def _check_text(text: str, value: dict[str, Any]) -> None:
    r"""Assigned in Unicode 14.0 and NFC.

    The whole canonical text stands for its strings: what is between them is ASCII that composes
    with nothing, and text that is NFC has only NFC strings. The reverse fails for an escape (`\\n`
    before a combining mark looks like `n`), so a text that is not NFC is asked string by string.
    """
    if _OUTSIDE_BLOCKS.search(text):
        for character in sorted(set(text)):
            if not is_assigned(ord(character)):
                raise NotCanonical(f"U+{ord(character):04X} is not assigned in Unicode 14.0")
    if not unicodedata.is_normalized("NFC", text):
        for string in _strings(value):
            if not unicodedata.is_normalized("NFC", string):
                raise NotCanonical("text is not in Unicode NFC")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def is_assigned(code_point: int) -> bool:
    """Whether Unicode 14.0 assigns it (formats.md §1), whatever this Python's own tables say."""
    starts, ends = _unassigned()
    at = bisect_right(starts, code_point) - 1
    return at < 0 or code_point > ends[at]


@cache
def _unassigned() -> tuple[list[int], list[int]]:
    table = resources.files("keys").joinpath("data", "unicode-14.0-unassigned.json").read_bytes()
    ranges = orjson.loads(table)["ranges"]
    return [int(first, 16) for first, _ in ranges], [int(last, 16) for _, last in ranges]


def b64(data: bytes) -> str:
    """base64url without padding (formats.md §1)."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode()


def unb64(text: str) -> bytes:
    """Strict inverse of `b64`.

    Raises:
        Malformed: Another alphabet, padding, line breaks or unused bits that are not zero.
    """
    try:
        return _strict(text.encode("ascii").translate(_FROM_URL))
    except UnicodeEncodeError as error:
        raise Malformed("not base64url") from error


def unb64_dotted(text: str) -> list[bytes]:
    """`unb64` of each part between dots: the alphabet is changed once for all of them.

    Raises:
        Malformed: As `unb64` of any of them.
    """
    try:
        return [_strict(part) for part in text.encode("ascii").translate(_FROM_URL).split(b".")]
    except UnicodeEncodeError as error:
        raise Malformed("not base64url") from error


def _strict(raw: bytes) -> bytes:
    """What is meant by text in the standard alphabet, padding left out."""
    rest = len(raw) & 3
    try:
        data = binascii.a2b_base64(raw + _PADS[rest], strict_mode=True)
    except binascii.Error as error:
        raise Malformed("not base64url") from error
    # Unused bits are zero, or one signature would have several compact forms.
    if rest and raw[-1] not in _LAST[rest]:
        raise Malformed("not base64url without padding, with unused bits zero")
    return data


def known_b64_dotted(text: str) -> list[bytes]:
    """`unb64_dotted` of what it let in before; nothing is asked."""
    parts = text.encode().translate(_FROM_URL).split(b".")
    return [binascii.a2b_base64(part + b"==") for part in parts]


def b64std(data: bytes) -> str:
    """Standard base64 with padding, as inside C2SP files."""
    return base64.b64encode(data).decode()


def unb64std(text: str) -> bytes:
    """Strict inverse of `b64std`.

    Raises:
        Malformed: Anything that `b64std` would not have written.
    """
    try:
        raw = text.encode("ascii")
        data = base64.b64decode(raw)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Malformed("not base64") from error
    if base64.b64encode(data) != raw:
        raise Malformed("not base64 with padding, with unused bits zero")
    return data
