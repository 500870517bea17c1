"""Vietnamese words are found with or without tone marks, and a search for a person is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.views import search_terms


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hồ sơ", "ho so"),
        ("Đường dây nóng", "duong day nong"),
        ("ĐẶNG đức", "dang duc"),
        ("Quyết định 90/QĐ-UBND", "quyet dinh 90/qd-ubnd"),
        ("ưỡn ượt ửng", "uon uot ung"),
    ],
)
def test_marks_and_both_kinds_of_d_make_no_difference(text: str, plain: str) -> None:
    """An officer without a Vietnamese keyboard finds the same cases."""
    assert search_terms.plain(text) == plain
    assert search_terms.plain(unicodedata.normalize("NFD", text)) == plain


@given(
    st.text(alphabet="aăâeêioôơuưyđáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ ")
)
def test_every_vietnamese_letter_becomes_a_plain_one(text: str) -> None:
    """No mark is left behind, composed or not."""
    assert search_terms.plain(text).isascii()
    assert search_terms.plain(unicodedata.normalize("NFD", text)) == search_terms.plain(text)


def test_question_wants_every_word_and_the_beginning_of_the_last() -> None:
    """As one types, the list narrows."""
    assert search_terms.question("hồ sơ giả m") == "ho & so & gia & m:*"
    assert search_terms.question(" — ") is None


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u202e", "\u2060", "\ufeff"])
def test_what_nobody_sees_parts_no_word_of_a_question(hidden: str) -> None:
    """No act holds such a sign, so that a word parted by one was never found."""
    asked = f"{hidden}hồ s{hidden}ơ “giả{hidden}” m{hidden}"
    assert search_terms.question(asked) == "ho & so & gia & m:*"
    assert search_terms.question(hidden) is None


def test_question_is_never_syntax() -> None:
    """Operators of tsquery in the input are no operators."""
    assert search_terms.question("a & !b | (c:*)' --") == "a & b & c:*"


@pytest.mark.parametrize("text", ["0912345678", "a@b.vn", "https://x.example/u", "012345678901"])
def test_search_for_a_person_account_or_link_is_refused(text: str) -> None:
    """The product has no search by person, account, link or telephone (regulation.md §9)."""
    assert search_terms.refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "".join(chr(0xFF10 + int(digit)) for digit in "0912345678"),
        "0912\u200b345\u200b678",
        "a\uff20b.vn",
        "a\ufe6bb.vn",
        "https\uff1a\uff0f\uff0fx.example",
        "WWW.x.example",
        unicodedata.normalize("NFD", "ông Nguyễn Văn An"),
        "ông\u200b Nguyễn Văn An",
    ],
)
def test_no_spelling_makes_it_another_search(text: str) -> None:
    """Wide signs, signs not seen and marks apart from their letters mean the same person."""
    assert search_terms.refused(text)


@pytest.mark.parametrize("text", ["2024/0187", "0412/TN", "hồ sơ", "90/QĐ-UBND", "thông báo 15"])
def test_numbers_and_symbols_of_documents_may_be_searched(text: str) -> None:
    """What stands on paper is how an officer looks for a file."""
    assert not search_terms.refused(text)


def test_a_case_has_no_more_words_than_one_row_can_hold() -> None:
    """Those that come first; each is of ASCII, so that its letters are its bytes."""
    many = [f"w{n:07}" for n in range(200_000)]
    kept = search_terms.vector(["0412/TN tiêu đề", *(" ".join(many[n::10]) for n in range(10))])
    told = set(kept.split())
    assert {"0412", "tn", "tieu", "de"} <= told
    assert set(many[0::10]) <= told
    assert 990_000 < sum(map(len, told)) <= 1_000_000
