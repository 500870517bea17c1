"""What a shape refuses, as faults: marshmallow's messages in both languages, with JSON Pointers.

Each kind of message has its row; a text of its own in one language never stands in the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from api.texts.text import Text
from ledger.errors import Fault
from ledger.json_pointer import child

_MOST_VALUES: Final = 20


def faults(messages: Any) -> tuple[Fault, ...]:  # noqa: ANN401  marshmallow's tree
    """Marshmallow's nested messages as faults with JSON Pointers (RFC 6901)."""
    return tuple(_faults("", messages))


def _faults(pointer: str, messages: Any) -> list[Fault]:  # noqa: ANN401  marshmallow's tree
    if isinstance(messages, Mapping):
        found: list[Fault] = []
        for name, inner in messages.items():
            here = pointer if name == "_schema" else child(pointer, name)
            found += _faults(here, inner)
        return found
    texts = messages if isinstance(messages, list) else [messages]
    said = [_words(str(text)) for text in texts]
    return [Fault(pointer, vi=words.vi, en=words.en) for words in said]


def _words(text: str) -> Text:
    for form, words in _WORDS:
        found = form.fullmatch(text)
        if found is not None:
            given = {name: _few(value) for name, value in found.groupdict().items()}
            return Text(words.vi.format_map(given), words.en.format_map(given))
    return Text("Giá trị không hợp lệ.", text)


def _few(values: str) -> str:
    """The first of a long list; a short one, and a number, as it is."""
    each = values.split(", ")
    return values if len(each) <= _MOST_VALUES else ", ".join([*each[:_MOST_VALUES], "…"])


_WORDS: Final = tuple(
    (re.compile(form), Text(vi, en))
    for form, vi, en in (
        (r"Unknown field\.", "Trường không có trong khuôn mẫu.", "Unknown field."),
        (
            r"Missing data for required field\.",
            "Thiếu trường bắt buộc.",
            "Missing data for required field.",
        ),
        (
            r"Field may not be null\.",
            "Không được để null; hãy bỏ hẳn trường này.",
            "May not be null; leave it out.",
        ),
        (r"Not a valid string\.", "Phải là chuỗi ký tự.", "Must be a string."),
        (
            r"Not a valid integer\.",
            "Phải là số nguyên không âm.",
            "Must be a whole number, 0 or more.",
        ),
        (r"Not a valid boolean\.", "Phải là đúng hoặc sai.", "Must be true or false."),
        (r"Not a valid list\.", "Phải là danh sách.", "Must be a list."),
        (r"Not a valid mapping type\.", "Phải là đối tượng JSON.", "Must be a JSON object."),
        (r"Invalid (?:input )?type\.", "Sai kiểu dữ liệu.", "Is of the wrong type."),
        (r"Number too large\.", "Số quá lớn.", "The number is too large."),
        (
            r"String does not match expected pattern\.",
            "Không đúng khuôn dạng nêu trong tài liệu.",
            "Does not have the documented form.",
        ),
        (
            r"Must look like (?P<like>.+)\.",
            "Không đúng khuôn dạng; hãy viết như {like}.",
            "Does not have the documented form; write it like {like}.",
        ),
        (
            r"Must be one of: (?P<values>.+)\.",
            "Phải là một trong: {values}.",
            "Must be one of: {values}.",
        ),
        (
            (
                r"Must be greater than or equal to (?P<low>\d+)"
                r" and less than or equal to (?P<high>\d+)\."
            ),
            "Phải từ {low} đến {high}.",
            "Must be from {low} to {high}.",
        ),
        (
            r"Length must be between (?P<low>\d+) and (?P<high>\d+)\.",
            "Phải dài từ {low} đến {high} ký tự.",
            "Must have {low} to {high} characters.",
        ),
    )
)
