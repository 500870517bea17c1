"""The lint of free text (4.4; G11, G14; glossary.md §3): what it stops and what passes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any, cast

import pytest

from ledger.regulation.acts import text_lint
from ledger.regulation.edition import load_edition
from tests.attacks import attack
from tests.rows import each, of
from tests.unit.regulation import name_texts
from tests.unit.regulation.scenario_texts import ordinary_texts, refused_for

EDITION = load_edition()
DAY = date(2024, 6, 4)

PERSONS = {
    "PERSONAL_NAME": [
        "Theo bà Trần Thị Ví Dụ phản ánh qua đường dây nóng",
        "Ông Nguyễn Văn Bình cho biết",
        "bà TRẦN THỊ HOA",
        "gặp ông Nguyễn Văn A tại trụ sở",
        "chị Lan nói",
        "anh Tuấn",
        "đồng chí Lê Văn Cường, Phó Chủ tịch",
        "Thượng tá Nguyễn Văn Khang",
        "cô giáo Phạm Thị Mơ",
        "ông:\u00a0Nguyễn\u00a0Văn\u00a0Bình",
        "Họ và tên: Đỗ Thị Hằng",
        "người đăng tên thật là Vũ Minh Đức",
        "người phản ánh Nguyễn Văn Bình",
        "phóng viên Trần Minh",
    ],
    "PHONE": [
        "Gọi 0912345678",
        "0912 345 678",
        "0912.345.678",
        "0912-345-678",
        "+84 912 345 678",
        "84912345678",
        "điện thoại riêng: 0222 3822 123",
    ],
    "ID_NUMBER": [
        "CCCD 027123456789",
        "số căn cước: 027 123 456 789",
        "027123456789",
        "CMND số 123456789",
        "hộ chiếu B1234567",
        "mã bảo hiểm xã hội 2712345678",
    ],
    "ACCOUNT_NUMBER": [
        "số tài khoản 19031234567890",
        "STK: 19031234567",
        "chuyển vào tài khoản ngân hàng 0011 0045 6789",
        "4111 1111 1111 1111",
    ],
    "PRIVATE_EMAIL": ["abc.xyz@gmail.com", "gửi tới vp.so@bacninh.gov.vn.evil.com"],
    "HANDLE": [
        "theo @nguyenvana",
        "tài khoản “Bắc Ninh 24h xyz”",
        'tài khoản Facebook "Ánh Dương"',
        "nick 'meo meo'",
    ],
    "ACCOUNT_URL": [
        "facebook.com/nguyen.van.a",
        "https://www.facebook.com/profile.php?id=1000123",
        "https://m.facebook.com/people/x/1",
        "https://tiktok.com/@abc",
        "https://www.youtube.com/@kenh",
        "https://x.com/abc/status/1",
        "https://zalo.me/0912345678",
        "t.me/abcdef",
        "HTTPS://FACEBOOK.COM/ABC",
    ],
    "HOME_ADDRESS": [
        "số nhà 12 đường Lý Thái Tổ",
        "trú tại thôn Đông, xã P",
        "thường trú tại số 5, phố X",
        "ngụ tại số 5 phố X",
        "ở ngõ 12 phố Huyền Quang",
        "15/3 ngách 2",
        "địa chỉ: 12 đường Nguyễn Cao",
    ],
}
HARMLESS = [
    "Chủ tịch UBND tỉnh; ông Chủ tịch UBND xã",
    "đồng chí Phó Chủ tịch phụ trách; đồng chí Bí thư Tỉnh ủy",
    "Bà Rịa - Vũng Tàu; đường Bà Triệu; huyện Cô Tô; Đông Anh, Hà Nội; tiếng Anh, Trung Quốc",
    "ông A và bà B",
    "các em học sinh Trường THPT Hàn Thuyên",
    "phóng viên thường trú tại Bắc Ninh; Hội Nhà báo tỉnh Bắc Ninh; công dân Việt Nam",
    "cô giáo chủ nhiệm; bác sĩ Bệnh viện Đa khoa tỉnh",
    "một tài khoản mạng xã hội đăng tin; bài đăng trên một trang cộng đồng",
    "0222 3 822 000; 1900 1234; đường dây nóng 0222.3822.000",
    "duongdaynong@bacninh.gov.vn; hopthu@stttt.example",
    "https://bacninh.gov.vn/tin-tuc/abc; https://vi.wikipedia.org/wiki/A",
    "https://www.facebook.com/groups/123; https://www.youtube.com/watch?v=abc",
    "Quyết định 90/QĐ-UBND ngày 21/3/2023; số 871/STTTT-TTBCXB; 03/4/2026 10:00",
    "case/1b2a13b6-0961-446a-9243-027123456789",
    "2023-03-21T08:00:00+07:00; 12.345.678.900 đồng",
    "người phản ánh cung cấp ảnh chụp; người bị ảnh hưởng được thông báo",
    "Bác Hồ; Hồ sơ; Cao tốc",
]


def test_identifier_of_a_person_is_found() -> None:
    """G14: tokens are the only place for a person."""
    for code, text in each([(code, text) for code, texts in PERSONS.items() for text in texts]):
        with of((code, text)):
            assert code in text_lint.identifiers(text, EDITION)
            assert code in text_lint.identifiers(f"Nội dung được phản ánh: {text}.", EDITION)


def test_posts_agencies_and_offices_pass() -> None:
    """An officer can name posts, bodies, offices and documents."""
    for text in each(HARMLESS):
        with of(text):
            assert text_lint.identifiers(text, EDITION) == []


@pytest.mark.parametrize(
    "text",
    [
        "TÀI LIỆU MẬT",
        "(MẬT)",
        "TỐI MẬT",
        "dấu TUYỆT MẬT ở góc",
        "Độ mật: Tối mật",
        "độ mật là mật",
        "Số 12/CAT-PV01(M)",
        "Sổ đăng ký bí mật nhà nước đi số 14",
    ],
)
def test_secrecy_mark_is_found(text: str) -> None:
    """4.4: the ordinary log holds no state secrets."""
    assert text_lint.secret_marks(text, EDITION) != []


@pytest.mark.parametrize(
    "text",
    [
        "bảo mật, BẢO MẬT THÔNG TIN, mật khẩu",
        "danh mục bí mật nhà nước; BÍ MẬT NHÀ NƯỚC",
        "đã giải mật; phụ lục độ Mật; không mật",
        "MẬTMÃ",
    ],
)
def test_speaking_of_secrecy_is_no_mark(text: str) -> None:
    """Words about secrecy are not a stamp."""
    assert text_lint.secret_marks(text, EDITION) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("thông tin xấu, độc", "TIN_XAU_DOC"),
        ("tin xấu độc", "TIN_XAU_DOC"),
        ("Kẻ xấu lợi dụng", "KE_XAU"),
        ("đối tượng đã đăng bài", "DOI_TUONG"),
        ("thủ phạm", "THU_PHAM"),
        ("bài đăng vi phạm pháp luật", "VI_PHAM"),
        ("không có dấu hiệu; vi phạm rõ ràng", "VI_PHAM"),
    ],
)
def test_word_that_prejudges_is_found(text: str, code: str) -> None:
    """regulation.md §9 rule 1: neutral words before a finding."""
    assert code in text_lint.words_to_avoid(text, DAY, EDITION)


@pytest.mark.parametrize(
    "text",
    [
        "có dấu hiệu vi phạm pháp luật",
        "dấu hiệu của hành vi vi phạm",
        "được phản ánh là vi phạm điểm b khoản 3 Điều 3",
        "theo Luật Xử lý vi phạm hành chính",
        "“thông tin xấu, độc” là thuật ngữ của Quy chế",
        'bài viết gọi họ là "kẻ xấu"',
        "nội dung được phản ánh; người được nêu trong phản ánh",
    ],
)
def test_neutral_and_quoted_words_pass(text: str) -> None:
    """The legal term only in quotation; "dấu hiệu" before "vi phạm"."""
    assert text_lint.words_to_avoid(text, DAY, EDITION) == []


def test_what_was_found_is_not_repeated() -> None:
    """An error text that named the person would carry the leak on."""
    found = text_lint.identifiers(
        "Gọi bà Trần Thị Ví Dụ, số 0912345678, CCCD 027123456789", EDITION
    )
    assert sorted(found) == ["ID_NUMBER", "PERSONAL_NAME", "PHONE"]


def test_words_are_those_of_the_day_of_the_act() -> None:
    """A word that is listed later puts no flag on an earlier act; the list begins in 2023."""
    assert text_lint.words_to_avoid("Kẻ xấu lợi dụng", date(2023, 3, 21), EDITION) == ["KE_XAU"]
    assert text_lint.words_to_avoid("Kẻ xấu lợi dụng", date(2023, 3, 20), EDITION) == []


def test_no_text_of_the_scenarios_is_stopped_but_where_it_should() -> None:
    """Real wording passes: every step that is expected effective, at the level it is written to."""
    for step, text in ordinary_texts():
        assert text_lint.identifiers(text, EDITION) == [], (step, text)
        assert text_lint.secret_marks(text, EDITION) == [], (step, text)


def test_what_looks_ahead_finds_what_the_list_finds() -> None:
    """Names of places in texts of the scenarios, and every first word of a list in odd letters."""
    fast = text_lint.lists(EDITION).no_names
    data = EDITION.lint
    expressions = text_lint._expressions({**data["macros"], "UPPER": text_lint._UPPER})
    plain = [re.compile(text_lint._expand(one, expressions)) for one in data["no_names"]]
    lists = [hit for p in plain for hit in text_lint._ANY_CASE.findall(p.pattern)]
    words = {word for one in lists for word in one.split("|")}
    texts = [text for _, text in ordinary_texts()]
    for word in sorted(words):
        for odd in (word, word.title(), word.upper(), word.replace("s", "\u017f"), word.swapcase()):
            texts += (f"{odd} “Kinh Bắc”", f"ở {odd}{odd} {odd} Kinh Bắc", f"{odd} cũ 12")
    assert len(words) > 100
    assert [p.pattern for p in plain] != [p.pattern for p in fast]
    for text in texts:
        for n, one in enumerate(plain):
            found = [hit.span() for hit in fast[n].finditer(text)]
            assert found == [hit.span() for hit in one.finditer(text)], text


def test_no_entry_that_could_match_is_passed_over() -> None:
    """Whatever an expression finds is found among the entries that are tried, alone and together.

    A text without signs, digits and capitals is looked through quickly, and for the same entries.
    """
    listed = text_lint.lists(EDITION)
    families = listed.identifiers, listed.sure, listed.suspected, listed.secret, listed.words
    texts = [text for _, text in ordinary_texts()]
    texts += [*name_texts.NAMING, *name_texts.HARMLESS]
    texts += [*name_texts.NAMING_TRIED, *name_texts.HARMLESS_TRIED]
    texts += [text for each_kind in PERSONS.values() for text in each_kind]
    signs = ("", "@", "/", "123456", "1234567", "123456789", "123456789012", "1234567890123456")
    texts += [f"số {sign} của Minh, SĐT {sign}" for sign in signs]
    texts += ["TỐI MẬT", "Độ mật: mật", "12/BC (TM)", "kẻ xấu", "0 912 I45 67O"]
    texts += [text.lower() for text in texts]
    found: set[str] = set()
    for text, other in zip(texts, reversed(texts), strict=True):
        traits = text_lint.traits_of([text])
        together = text_lint.traits_of([other, text])
        as_one = text_lint._traits(f"{other}\n{text}")
        masked = text_lint._masked(text, listed.no_names)
        for family in families:
            tried, of_both = family.candidates(traits), family.candidates(together)
            of_one = family.candidates(together.as_one())
            assert set(family.candidates(as_one)) <= set(of_one)
            for p in family.patterns:
                if not (
                    traits.longest >= p.digits
                    and (p.triggers & traits.words if p.triggers else p.chars in text)
                ):
                    continue
                if p.search.search(masked if p.masked else text):
                    assert p in tried, text
                    assert p in of_both, text
                    assert p in of_one, text
                    found.add(p.vi)
    assert len(found) > 30


def test_negatives_of_the_lint_are_stopped() -> None:
    """N11 of negative.json, and whatever is added to it."""
    texts = refused_for("NO_PERSON_IDENTIFIER")
    assert texts
    assert all(text_lint.identifiers("\n".join(joined), EDITION) for joined in texts)


def test_every_pattern_has_a_trigger_and_words_for_the_reader() -> None:
    """A pattern tried on every text would make each act slow; one without words helps nobody."""
    data = load_edition().lint
    for family in ("identifiers", "secret_marks", "words"):
        for entry in data[family]:
            assert entry["vi"]
            assert entry["en"]
            assert entry.keys() & {"words", "exact", "chars", "digits"}


class Watched:
    """An expression that notes how much of a text it is given at once."""

    def __init__(self) -> None:
        self.given: list[tuple[int, int]] = []

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Any]:
        """Finds nothing."""
        self.given.append((start, min(end, len(text))))
        return iter(())


@attack(
    "one act of one officer, or a citizen's report, whose text is sixty thousand digits and points:"
    " ten seconds of a processor for whoever judges it, at the door, in the views, at each audit",
    stopped_by="an expression is given two thousand characters at once",
    noticed_by="-",
)
def test_no_text_keeps_whoever_judges_it() -> None:
    """All of it is looked at, and what two windows have in common by both."""
    watched = Watched()
    assert list(text_lint.hits(cast("re.Pattern[str]", watched), "1." * 30_000)) == []
    assert max(end - start for start, end in watched.given) <= 2_048
    assert (watched.given[0][0], watched.given[-1][1]) == (0, 60_000)
    pairs = zip(watched.given, watched.given[1:], strict=False)
    assert all(end - start >= 512 for (_, end), (start, _) in pairs)


def test_no_run_of_digits_is_gone_over_once_from_each() -> None:
    """Of what is asked of a whole text: what begins with digits begins where they begin."""
    patterns = text_lint.lists(EDITION).secret_marks.patterns
    of_digits = [p.search.pattern for p in patterns if "|" + chr(92) + "d+" in p.search.pattern]
    assert of_digits == []
    register = f"{'7' * 700}/QĐ (TM)"
    assert text_lint.secret_marks(register, EDITION) == ["SECRET_REGISTER"]


@pytest.mark.parametrize("named", ["ông Nguyễn Văn An", "0912 345 678", "an.nguyen@gmail.com"])
def test_what_lies_across_two_windows_is_found_once(named: str) -> None:
    """Wherever it stands, as it would be in a short text."""
    ((code, begins, ends),) = (
        (one.code, one.start, one.end) for one in text_lint.suspects(f" {named} ", EDITION)
    )
    for at in (*range(1_490, 1_560, 3), *range(2_010, 2_060, 3), 3_072, 5_000):
        text = f"{('a ' * 3_000)[:at]} {named} {'b ' * 2_000}"
        found = [(one.code, one.start, one.end) for one in text_lint.suspects(text, EDITION)]
        assert found == [(code, at + begins, at + ends)], at
