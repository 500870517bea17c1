"""Paper that a court reads: nothing is lost, nothing hides, and a long case is no trouble."""

from __future__ import annotations

import io
import tracemalloc
import unicodedata
from dataclasses import replace
from typing import Any, Final

import pypdf
import pytest

from api.cli.terminal import act_tables, case_tables, duration_tables
from api.cli.terminal.shell import Shell
from api.printed.case_sheets import CopyMark, PrintedCase, case_pdf, spans
from api.printed.sheets import BODY, Flow, Written, wrapped
from api.printed.typeface import legible, typeface
from api.texts.case_words import Speech, act_title, signed_by
from api.texts.catalogue import LOCALES
from api.texts.labels import NAMES
from api.texts.lang import LANGS, Lang
from keys.canonical import b64
from ledger.errors import VerificationError
from ledger.log.sheet import Sheet, parse
from ledger.regulation.case_file.durations import durations
from ledger.regulation.case_file.render import case_file
from tests.played_log import played

CASE: Final = "5523b6af-da6c-4673-a82c-db8a22dc42d6"
SHEET: Final = Sheet("bacninh.example/ordinary", CASE, 3, b64(b"h" * 32), 40, b64(b"r" * 32))
HOSTILE: Final = (
    "Tên\u202egnúđ\u202c \x07 <script>alert(1)</script> \U0001f600 \u05d0 \\(\\) "
    + "Lê\u0323" * 3
    + " "
    + "dài" * 400
)


def an_act(seq: int, fact: str = "Nội dung phản ánh") -> dict[str, Any]:
    """An act as the API answers it."""
    return {
        "act_id": CASE,
        "act": "ReportReceived",
        "act_vi": "Tiếp nhận phản ánh",
        "act_en": "Report received",
        "occurred_at": "2024-06-04T08:02:00+07:00",
        "status": "effective",
        "flags": [],
        "erased_by": None,
        "number": None,
        "payload": {"precision": "minute", "late_reason": fact},
        "sentence": {"vi": f"Sở: {fact}", "en": f"The department: {fact}"},
        "addressees": [],
        "basis": [
            {
                "instrument": "90/QĐ-UBND", "title": "Quy chế", "article": "8", "clause": None,
                "point": None, "role_vi": "thẩm quyền", "role_en": "competence", "in_force": False,
                "valid_from": None, "valid_to": None,
            }
        ],
        "facts": [{"pointer": "/facts/x", "labels": [{"vi": "việc", "en": "matter"}],
                   "vi": fact, "en": fact}],
        "names": [],
        "named_by": [],
        "statements": [
            {
                "seq": seq, "index": seq, "role": "AUTHOR", "officer": CASE, "kid": "k" * 43,
                "recorded_at": "2024-06-04T01:03:00.000Z", "digest": b64(b"d" * 32),
                "entry": b64(b"e" * 32), "verdict": "VALID", "signer": None,
                "reason": {"vi": "chữ ký hợp lệ", "en": "the signature is valid"},
            }
        ],
    }  # fmt: skip


def a_case(*acts: dict[str, Any]) -> PrintedCase:
    """A case of these acts, without a file."""
    mark = CopyMark("01", CASE, "Gửi tòa", "Chuyên viên, Sở (chuyen-vien, bacninh.stttt)")
    return PrintedCase(
        SHEET, "ordinary", rehearsal=False, mark=mark, checkpoint="a\n40\nb\n", genesis="0" * 64,
        file=None, durations=None, verdict=None, acts=acts, withheld=(),
    )  # fmt: skip


def read(data: bytes) -> list[str]:
    """The text of each sheet."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


@pytest.mark.parametrize("lang", LANGS)
def test_hostile_text_is_all_there_and_what_hides_is_named(lang: Any) -> None:  # noqa: ANN401  a Literal
    """Controls, bidi and what no typeface has stand as a sign; words of any length are broken."""
    text = "".join("".join(read(case_pdf(a_case(an_act(1, HOSTILE)), lang))).split())
    for said in ("[U+202E]", "[U+202C]", "[U+0007]", "[U+1F600]", "[U+05D0]", "\\(\\)"):
        assert text.count(said) == 3, said  # the sentence, the fact and why it was late
    assert text.count("<script>alert(1)</script>") == 3
    assert "LệLệLệ" in text
    kept = text.replace("\n", "")
    assert kept.count("dài") >= 3 * 390  # but for those that the foot of a sheet parts
    assert unicodedata.is_normalized("NFC", text)
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs")]


def test_no_name_of_a_file_says_what_digest_it_has() -> None:
    """A name of several lines looked like one file, and its digest, above the real one's."""
    act = an_act(1)
    name = "giấy.pdf\napplication/pdf, 3 B\nsha-256:forged"
    listed = {"name": name, "media_type": "image/png", "size": 3, "digest": "sha-256:real"}
    act["payload"]["attachments"] = [listed]
    lines = [line.strip() for line in "\n".join(read(case_pdf(a_case(act), "vi"))).split("\n")]
    assert "sha-256:real" in lines
    assert not any(line.startswith("sha-256:forged") for line in lines)
    assert "[U+000A]" in "".join(lines)


def test_no_line_is_wider_than_its_column() -> None:
    """Whatever is written."""
    for text in (HOSTILE, "W" * 500, "a " * 300, "\U0001f600" * 90):
        for line in wrapped(text, "Bold", BODY, 200.0):
            assert typeface("Bold").width(line, BODY) <= 200.0
        assert "".join("".join(wrapped(text, "Bold", BODY, 200.0)).split()) == "".join(
            legible(text).split()
        )


def test_no_heading_is_the_last_thing_on_a_sheet() -> None:
    """Wherever a sheet ends, and however long what follows is."""
    for lines in range(1, 60):
        flow = Flow()
        for n in range(lines):
            flow.text(f"dòng {n}")
        flow.heading("Diễn biến")
        flow.text("dài " * 400)
        for page in flow.pages:
            last = [mark for mark in page if isinstance(mark, Written)][-1]
            assert last.weight == "Regular", lines


def test_every_word_of_the_product_has_its_glyphs() -> None:
    """No sign stands in a text of ours that a print may say."""
    po = (LOCALES / "vi" / "LC_MESSAGES" / "socai.po").read_text("utf-8")
    odd = {char for char in po if char != "\n" and legible(char) != char}
    assert odd <= set("─↓\u2068\u2069\t"), "of a terminal alone"
    assert all(legible(str(word)) == str(word) for word in NAMES.values())


def test_the_same_case_is_the_same_bytes() -> None:
    """And another number, language or act is not."""
    case = a_case(an_act(1))
    first = case_pdf(case, "vi")
    assert first == case_pdf(a_case(an_act(1)), "vi")
    other = replace(case, mark=replace(case.mark, number="02"))
    assert len({first, case_pdf(case, "en"), case_pdf(other, "vi")}) == 3


def test_a_sheet_says_by_what_level_it_is_banned_from_leaving() -> None:
    """Each level has its words, twice on every sheet."""
    words = ("SỔ THÔNG THƯỜNG", "MÔI TRƯỜNG MẬT", "MÔI TRƯỜNG TỐI MẬT", "MÔI TRƯỜNG TUYỆT MẬT")
    for level, banner in zip(("ordinary", "mat", "toi-mat", "tuyet-mat"), words, strict=True):
        for sheet in read(case_pdf(replace(a_case(an_act(1)), level=level), "vi")):
            assert sheet.count(banner) == 2


@pytest.mark.slow
@pytest.mark.parametrize("acts", [250, pytest.param(1_000, marks=pytest.mark.drill)])
def test_a_case_of_a_thousand_acts_is_printed_in_bounded_memory(acts: int) -> None:
    """Less than 100 KB an act beside the file itself, and every sheet counted."""
    case = a_case(*(an_act(n) for n in range(1, acts + 1)))
    tracemalloc.start()
    data = case_pdf(case, "vi")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - len(data) < acts * (100 << 10)
    sheets = pypdf.PdfReader(io.BytesIO(data)).pages
    assert f"trang {len(sheets)}/{len(sheets)}" in sheets[-1].extract_text()
    assert len(sheets) > acts // 5


def test_what_is_withheld_is_told_by_places() -> None:
    """Runs of them together."""
    assert spans([3, 4, 5, 9, 1]) == "1, 3–5, 9"
    text = "".join(read(case_pdf(replace(a_case(an_act(2)), withheld=(1, 3)), "vi")))
    assert "1, 3." in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/",
        SHEET.text().replace("v=1", "v=2"),
        SHEET.text() + "&x=1",
        SHEET.text().replace("seq=3", "seq=03"),
        SHEET.text().replace("size=40", "size=forty"),
        SHEET.text()[:-2],
        SHEET.text().replace("case=", "CASE="),
    ],
)
def test_a_line_that_is_no_sheet_s_is_refused(text: str) -> None:
    """A reader's mistake is told, and nothing is guessed."""
    with pytest.raises(VerificationError):
        parse(text)


def test_a_sheet_s_line_comes_back_from_paper_with_its_line_breaks() -> None:
    """As somebody copies it out of a PDF."""
    text = SHEET.text()
    assert parse(f" {text[:50]}\n{text[50:]} ") == SHEET


def test_each_of_two_like_flags_says_on_which_act_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Six signatures that are disputed were one sentence six times over."""
    ids = ("a7fa4063-514f-4177-83bc-27168471c7de", "0c8078f7-a011-4394-be63-3e422d4e9c25")
    flags = [{"code": "SIGNATURE_DISPUTED", "act_id": one, "vi": "Câu", "en": "A sentence",
              "source": []} for one in ids]  # fmt: skip
    result = {"act_id": ids[0], "act": "ResultDetermined", "vi": "a", "en": "b"}
    file = {"id": CASE, "state": "CLOSED", "flags": flags, "result": result}
    case_tables.case_file(Shell("en"), file)
    terminal = capsys.readouterr().out
    assert all(one[:8] in terminal for one in ids)
    assert "Result determined" in terminal
    paper = "".join(read(case_pdf(replace(a_case(an_act(1)), file=file), "en")))
    assert all("".join(paper.split()).count(one) for one in ids)


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("vi", ("KT.", "thay cho người ký mà diễn biến nêu")),
        ("en", ("KT.", "instead of an officer whom the act names")),
    ],
)
def test_who_signs_in_another_s_name_is_said_to_on_paper_and_at_a_terminal(
    lang: Lang, said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """The API said so; whoever has the paper took the deputy's signature for one of their own."""
    act = an_act(1)
    (line,) = act["statements"]
    line["signer"] = {
        "officer": CASE, "post": "pho-giam-doc", "post_vi": "Phó Giám đốc", "capacity": "KT",
        "stands_in": True, "agency": "bacninh.stttt", "agency_name": "Sở",
    }  # fmt: skip
    act_tables._signatures(Shell(lang), act, [])
    terminal = "".join(part for row in capsys.readouterr().out.splitlines() for part in row.split())
    paper = "".join("".join(read(case_pdf(a_case(act), lang))).split())
    for told in (paper, signed_by(Speech(lang), line).replace(" ", "").replace("\n", "")):
        assert all(one.replace(" ", "") in told for one in said), told
    assert "KT." in terminal
    line["signer"] |= {"capacity": "TRUC_TIEP", "stands_in": False}
    assert signed_by(Speech(lang), line).count("\n") == 1, "one's own name is no news"


@pytest.mark.parametrize("lang", LANGS)
def test_each_of_two_like_deadlines_says_behind_which_act_it_runs(
    lang: Lang, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of SC2 one may complain of two acts: so it stands at a terminal and on paper."""
    player = played("SC2").player
    (stream,) = (player.streams[one] for one in player.cases.values())
    assert player.now is not None
    steps = durations(stream, player.registry, player.now)
    file = case_file(stream, player.raised, player.registry, player.now, player)
    twice = [one for one in file["clocks"] if one["code"] == "COMPLAINT_LODGE"]
    begun = [act_title(Speech(lang), stream.entries[one["act_id"]].act.act) for one in twice]
    assert len({*begun}) == 2
    since = {"vi": "tính từ", "en": "from"}[lang]
    printed = replace(a_case(an_act(1)), file={**file, "id": CASE}, durations=steps)
    case_tables.case_file(Shell(lang=lang), {**file, "id": CASE})
    file_shown = "".join(line[:36] for line in capsys.readouterr().out.splitlines())
    duration_tables.durations(Shell(lang=lang), steps)
    steps_shown = "".join(line[:20] for line in capsys.readouterr().out.splitlines())
    for said in (file_shown, steps_shown, "".join(read(case_pdf(printed, lang)))):
        for act in begun:
            assert "".join(f"{since} “{act}”,".split()) in "".join(said.split())
