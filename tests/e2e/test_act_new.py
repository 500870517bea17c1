"""An act in one step at a terminal: asked for or from a file, shown, signed, sent; or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest
from rich.cells import cell_len

from api.cli.commands.writing import drafting, recording
from api.cli.commands.writing.recording import ask
from api.client.connection import Connection, Unreachable
from tests.fixtures.desk import NUMBER, Desk
from tests.terminals import on_a_terminal

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("access commands"),
]
REPORT: Final = """\
act: reportreceived
channel: phone
facts:
  received_at: 10/02/2025 16:05
  intake_point: Đường dây nóng
  summary: Một trang mạng chép giao diện của bệnh viện.
  identity_given: false
  petition_kind: phản ánh
  content:
    - where: trang
      seen_at: 2025-02-10T16:01:00+07:00
"""
TYPED: Final = ("16:05", "Đường dây nóng", "Một trang mạng giả.", "k", "phản ánh", "", "c")
"""A report as a clerk types it in a hurry: nothing that may be left out is said."""


def _draft(tmp_path: Path, text: str) -> str:
    path = tmp_path / "draft.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def _acts(desk: Desk, stream: str) -> list[dict[str, Any]]:
    case = stream.removeprefix("case/")
    found: list[dict[str, Any]] = desk.told("case", "history", case, "--as", "hotline")["acts"]
    return found


def test_an_act_is_asked_for_shown_signed_and_proven(desk: Desk) -> None:
    """Typed in Vietnamese; everything is filled in that is known, and nothing asked twice."""
    result = desk.cli(
        "act", "new", "REPORTRECEIVED", "--as", "hotline", "--json",
        lang="vi", stdin="\n".join(("?", *TYPED)) + "\n",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    receipt = orjson.loads(result.stdout)
    assert receipt["status"] == "effective"
    assert "proof" in receipt
    assert "1/5 Thời điểm nhận" in result.stderr
    assert "Tiếp nhận phản ánh" in result.stderr
    assert "SHA-256 " in result.stderr
    (act,) = _acts(desk, receipt["stream"])
    payload = act["payload"]
    assert payload["facts"]["petition_kind"] == "PHAN_ANH"
    assert payload["facts"]["received_at"] == "2025-02-10T16:05:00+07:00"
    assert (payload["agency"], payload["post"]) == ("bacninh.stttt", "truc-duong-day-nong")
    assert payload["basis"] == [
        {"instrument": "90/QĐ-UBND", "article": "7", "clause": "1", "role": "PROCEDURE"}
    ]


def test_a_clerk_types_an_act_at_a_real_terminal(desk: Desk) -> None:
    """A pseudo-terminal of 80 columns: questions, answers echoed once, and the receipt."""
    lines = ("?", *TYPED)
    status, said = on_a_terminal(
        ("--lang", "vi", "act", "new", "ReportReceived", "--as", "hotline"), desk.home, {}, lines
    )
    assert status == 0, said
    assert "5/5 Loại đơn, tin" in said
    assert "Đã ghi ở chỉ mục" in said
    assert said.count("Đường dây nóng") == 2, "typed once, shown once before the question"
    lines_ = re.sub("\x1b\\[[0-9]*m", "", said).split("\n")
    assert max(map(cell_len, lines_)) <= 80, said


def test_what_the_server_finds_wrong_is_asked_again_at_once(desk: Desk) -> None:
    """A telephone number in the summary is refused when it is typed, not when all is."""
    lines = (*TYPED[:2], "Gọi số 0912345678.", "", *TYPED[2:])
    result = desk.cli(
        "act", "new", "ReportReceived", "--as", "hotline", "--json", stdin="\n".join(lines) + "\n"
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.count("3/5 ") == 2, result.stderr
    (act,) = _acts(desk, orjson.loads(result.stdout)["stream"])
    assert "0912" not in str(act["payload"])


def test_back_change_and_choice_by_number(desk: Desk) -> None:
    """`<` leads back, `e` changes an answer, `b` shows the bytes; a choice has a number."""
    lines = (
        "16:05", "Nhầm", "<", "Đường dây nóng", "Một trang mạng giả.", "n", "1",
        "Kênh khác", "15", "3", "",  # channel: by its number in the menu, then phone
        "b", "e", "3", "Một trang mạng khác.", "", "y",
    )  # fmt: skip
    result = desk.cli(
        "act", "new", "ReportReceived", "--as", "hotline", "--json", stdin="\n".join(lines) + "\n"
    )
    assert result.exit_code == 0, result.output
    (act,) = _acts(desk, orjson.loads(result.stdout)["stream"])
    facts = act["payload"]["facts"]
    assert (facts["intake_point"], facts["summary"]) == ("Đường dây nóng", "Một trang mạng khác.")
    assert act["payload"]["channel"] == "PHONE"
    assert '"act":"ReportReceived"' in result.stderr


@pytest.mark.parametrize("lines", [(), TYPED[:3], (*TYPED[:-1], "k"), (*TYPED[:-1],)])
def test_nothing_is_signed_that_was_not_confirmed(desk: Desk, lines: tuple[str, ...]) -> None:
    """Broken off, or refused at the last question: one sentence, status 2, no record."""
    size = desk.size()
    result = desk.cli(
        "act", "new", "ReportReceived", "--as", "hotline", stdin="".join(f"{n}\n" for n in lines)
    )
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Nothing was signed" in result.stderr
    assert "Traceback" not in result.output
    assert desk.size() == size


def test_a_template_filled_in_is_recorded_without_a_question(desk: Desk, tmp_path: Path) -> None:
    """YAML with labels, in either language; blank members are as if they were not there."""
    for lang, label in (("vi", "# Thời điểm nhận (bắt buộc)"), ("en", "(needed)")):
        made = desk.cli("act", "new", "ReportReceived", "--template", "--as", "hotline", lang=lang)
        assert made.exit_code == 0, made.output
        assert label in made.stdout
        assert "PHAN_ANH: phản ánh" in made.stdout or lang == "en"
    text = made.stdout
    for name, value in {
        "received_at": "10/02/2025 16:05", "intake_point": "Đường dây nóng",
        "summary": '"Một trang mạng: giả"', "identity_given": "true", "petition_kind": "PHAN_ANH",
    }.items():  # fmt: skip
        text = text.replace(f"  {name}:\n", f"  {name}: {value}\n")
    told = desk.told("act", "new", "--from", _draft(tmp_path, text), "--yes", "--as", "hotline")
    assert told["status"] == "effective"
    (act,) = _acts(desk, told["stream"])
    assert act["payload"]["facts"]["summary"] == "Một trang mạng: giả"
    place = ("--case", told["stream"].removeprefix("case/"))
    known = desk.cli("act", "new", "CaseRegistered", *place, "--template", "--as", "cv").stdout
    for line in ("post: chuyen-vien", '  regulation_version: "90/QĐ-UBND"', '  intake: ["#1"]'):
        assert line in known.splitlines(), known


def test_a_name_that_is_said_often_is_warned_of_once(desk: Desk, tmp_path: Path) -> None:
    """By the field, not by a pointer: a letter copied in gave a line for every name in it."""
    text = REPORT.replace("Một trang mạng", "Ông Nguyễn Văn Dũng, bà Trần Thị Bình nói trang mạng")
    draft = _draft(tmp_path, text)
    told = desk.cli("act", "new", "--from", draft, "--as", "hotline", "--dry-run", lang="vi")
    assert told.exit_code == 0, told.output
    warned = [line for line in told.stderr.splitlines() if line.startswith("Có vẻ nêu tên người")]
    place = "Nội dung được phản ánh, bằng lời trung tính"
    assert warned == [f"Có vẻ nêu tên người ở {place}: họ tên hoặc tên sau cách xưng hô"]


def test_a_day_alone_is_shown_and_signed_as_known_to_the_day(desk: Desk, tmp_path: Path) -> None:
    """Before the question, in words, read from the bytes; midnight is not claimed."""
    draft = _draft(tmp_path, REPORT + "occurred_at: 10/2/2025\n")
    told = desk.cli("act", "new", "--from", draft, "--as", "hotline", "--dry-run")
    assert told.exit_code == 0, told.output
    shown = told.stderr
    assert re.search(r"occurred at +10/02/2025 *$", shown, re.MULTILINE), shown
    assert re.search(r"known +to the day", shown), shown


def test_files_go_along_by_their_path(desk: Desk, tmp_path: Path) -> None:
    """Named in the draft or at the call: sent, and listed with digest, size and kind."""
    for name in ("anh.png", "bien-ban.pdf"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    draft = _draft(tmp_path, f"attachments: [{tmp_path / 'anh.png'}]\n{REPORT}")
    more = ("--attach", str(tmp_path / "bien-ban.pdf"))
    told = desk.told("act", "new", "--from", draft, *more, "--yes", "--as", "hotline")
    (act,) = _acts(desk, told["stream"])
    listed = act["payload"]["attachments"]
    assert [(one["name"], one["media_type"], one["size"]) for one in listed] == [
        ("anh.png", "image/png", 700), ("bien-ban.pdf", "application/pdf", 1200),
    ]  # fmt: skip


def test_what_moved_meanwhile_is_said_and_shown_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another officer records while the question stands: nothing is signed blindly."""
    draft = _draft(tmp_path, REPORT)
    stream = desk.told("act", "new", "--from", draft, "--yes", "--as", "hotline")["stream"]
    registration = tmp_path / "case.yaml"
    registration.write_text(
        "act: CaseRegistered\nfacts:\n  regulation_version: 90/QĐ-UBND\n  intake: ['#1']\n"
        "  urgency: không khẩn\n  duplicates_checked: true\n  handling_agency: bacninh.stttt\n",
        encoding="utf-8",
    )
    words = ("act", "new", "--from", str(registration), "--case", stream.removeprefix("case/"))

    answers = iter((True, False))

    def slowly(*asked: Any) -> str:  # noqa: ANN401  the question
        """The clerk is on the telephone while the first question stands."""
        if next(answers):
            assert desk.told(*words, "--yes", "--as", "cv")["status"] == "effective"
        return ask(*asked)

    monkeypatch.setattr(recording, "ask", slowly)

    linked = tmp_path / "linked.yaml"
    linked.write_text(
        f"act: CaseLinked\nfacts: {{other_case: {NUMBER}, relation: '1', reasons: Cùng trang}}\n",
        encoding="utf-8",
    )
    result = desk.cli(
        "act", "new", "--from", str(linked), "--case", stream.removeprefix("case/"),
        "--as", "cv", "--json", stdin="y\ny\n",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Meanwhile something else was recorded" in result.stderr
    assert result.stderr.count("SHA-256") == 2
    assert [act["act"] for act in _acts(desk, stream)] == [
        "ReportReceived", "CaseRegistered", "CaseLinked",
    ]  # fmt: skip


def test_without_an_answer_what_was_signed_is_kept_and_sent_again_safely(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the ledger has it: it is recorded once, whatever is done next."""
    send, size = Connection._send, desk.size()

    def cut_off(line: Connection, request: httpx.Request, **more: bool) -> httpx.Response:
        """The answer to what was sent is lost."""
        answer = send(line, request, **more)
        if request.url.path == "/v1/acts":
            raise Unreachable("cut off")
        return answer

    words = ("act", "new", "--from", _draft(tmp_path, REPORT), "--yes", "--as", "hotline")
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_send", cut_off)
        result = desk.cli(*words, lang="vi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Gửi lại đúng bản này là an toàn" in result.stderr
    kept = Path(result.stderr.split("socai act submit ")[1].strip())
    assert kept.stat().st_mode & 0o777 == 0o600
    again = desk.cli("act", "submit", str(kept), "--as", "hotline")
    assert again.exit_code == 0, again.output
    assert "it was there already" in again.stdout
    assert desk.size() == size + 1


def test_what_was_typed_and_is_too_long_is_kept_to_be_shortened(desk: Desk) -> None:
    """Members that each may be long are too long together, which is found once all are typed."""
    long = "Một trang mạng chép giao diện. " * 2_400
    size, lines = desk.size(), (*TYPED[:2], long, *TYPED[3:])
    told = desk.cli(
        "act", "new", "ReportReceived", "--as", "hotline", stdin="\n".join(lines) + "\n"
    )
    assert (told.exit_code, told.stdout, desk.size()) == (2, "", size), told.output[-2000:]
    draft = Path(told.stderr.rpartition("socai act new --from ")[2].strip())
    assert orjson.loads(draft.read_bytes())["facts"]["summary"] == long.strip()
    for answer in ("k", ""):
        again = desk.cli(
            "act", "new", "ReportReceived", "--as", "hotline",
            stdin="\n".join((*TYPED[:-1], answer)) + "\n",
        )  # fmt: skip
        assert (again.exit_code, "kept" in again.stderr) == (2, False), "given up by a person"


def test_what_nobody_sees_is_left_out_by_who_cannot_see_it_either(
    desk: Desk, tmp_path: Path
) -> None:
    """Pasted with the words, it was refused with an option that the command did not have."""
    pasted = TYPED[1].replace(" ", "\u200b ")
    typed = "\n".join((TYPED[0], pasted, "", *TYPED[2:])) + "\n"
    result = desk.cli("act", "new", "ReportReceived", "--as", "hotline", "--json", stdin=typed)
    assert result.exit_code == 0, result.output
    assert "Enter takes it without" in result.stderr
    (act,) = _acts(desk, orjson.loads(result.stdout)["stream"])
    assert act["payload"]["facts"]["intake_point"] == TYPED[1]
    words = ("act", "new", "--from", _draft(tmp_path, REPORT.replace(TYPED[1], pasted)), "--yes")
    size = desk.size()
    refused = desk.cli(*words, "--as", "hotline")
    assert (refused.exit_code, "Add --clean" in refused.stderr, desk.size()) == (2, True, size)
    (act,) = _acts(desk, desk.told(*words, "--clean", "--as", "hotline")["stream"])
    assert act["payload"]["facts"]["intake_point"] == TYPED[1]
    grant = ("grant", NUMBER, "tp", "--ground", pasted, "--until", "2025-12-31", "--as", "gd")
    refused = desk.cli(*grant)
    assert (refused.exit_code, "--clean" in refused.stderr) == (2, False)
    assert "Type that word anew" in refused.stderr


@pytest.mark.parametrize("writable", [True, False])
def test_what_was_typed_is_lost_by_no_server_that_goes_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, writable: bool
) -> None:
    """At the fourth answer of five nobody is there: all that was typed went with the command."""
    send, checks, size = Connection._send, count(1), desk.size()

    def away(line: Connection, request: httpx.Request, **more: bool) -> httpx.Response:
        if request.url.path == "/v1/acts/check" and next(checks) > 3:
            raise Unreachable("http://socai.example")
        return send(line, request, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_send", away)
        if not writable:
            patch.setattr(drafting, "DRAFTS", "enclave.json/x")
        words = ("act", "new", "ReportReceived", "--as", "hotline")
        told = desk.cli(*words, stdin="\n".join(TYPED) + "\n")
    assert (told.exit_code, desk.size()) == (1, size), told.output
    assert "There was no answer from http://socai.example" in told.stderr
    draft = desk.home / "kept.json"
    if writable:
        assert told.stdout == ""
        draft = Path(told.stderr.rpartition("socai act new --from ")[2].strip())
        assert draft.stat().st_mode & 0o777 == 0o600
        kept = orjson.loads(draft.read_bytes())
    else:
        kept = orjson.loads(told.stdout)
    assert kept["facts"]["summary"] == TYPED[2], "typed, and not to be typed again"
    draft.write_bytes(orjson.dumps({**kept, "facts": {**kept["facts"], "petition_kind": "1"}}))
    receipt = desk.told("act", "new", "--from", str(draft), "--yes", "--as", "hotline")
    assert (receipt["act_id"], desk.size()) == (kept["act_id"], size + 1)


def test_what_is_typed_to_go_on_is_lost_by_no_second_failure(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was typed on top of a kept draft was gone, and nothing said so."""
    send, checks, lasts = Connection._send, count(1), 3

    def away(line: Connection, request: httpx.Request, **more: bool) -> httpx.Response:
        if request.url.path == "/v1/acts/check" and next(checks) > lasts:
            raise Unreachable("http://socai.example")
        return send(line, request, **more)

    def broken_off(*words: str, stdin: Sequence[str] = ()) -> Path | None:
        told = desk.cli("act", "new", *words, "--as", "hotline", stdin="\n".join(stdin) + "\n")
        assert "There was no answer" in told.stderr, told.output
        kept = told.stderr.rpartition("socai act new --from ")[2].strip()
        return Path(kept) if "is kept" in told.stderr else None

    monkeypatch.setattr(Connection, "_send", away)
    first = broken_off("ReportReceived", stdin=TYPED)
    assert first is not None
    kept = orjson.loads(first.read_bytes())
    checks, lasts = count(1), 2
    second = broken_off("--from", str(first), stdin=TYPED[4:])
    assert second is not None, "of what was typed after a file nothing was kept"
    assert orjson.loads(second.read_bytes())["facts"]["petition_kind"] == "PHAN_ANH"
    assert orjson.loads(first.read_bytes()) == kept, "what was kept stays as it was"
    checks, lasts = count(1), 0
    assert broken_off("--from", str(second)) is None, "nothing was typed: the file has it all"


def test_a_draft_with_an_id_is_recorded_once_and_nobody_is_told_to_choose_another(
    desk: Desk, tmp_path: Path
) -> None:
    """Sent from two terminals it was refused with “choose a new id”, which records it twice."""
    act_id, size = "5e0dd1d6-41b7-4c5e-9a0c-6f6c0b7d2a11", desk.size()
    draft = _draft(tmp_path, f"act_id: {act_id}\n{REPORT}")
    words = ("act", "new", "--from", draft, "--yes", "--as", "hotline")
    assert desk.told(*words)["act_id"] == act_id
    again = desk.cli(*words)
    assert (again.exit_code, again.stdout, desk.size()) == (1, "", size + 1)
    assert f"{act_id} names an act that is recorded already" in again.stderr
    assert f"socai act show {act_id}" in again.stderr


@pytest.mark.parametrize(
    ("draft", "words", "status", "said"),
    [
        ("act: [", (), 2, "line 1"),
        ("a: 1\na: 2", (), 2, "no draft"),
        ("a: &x [1]\nb: *x", (), 2, "no draft"),
        ("- 1", (), 2, "no members"),
        ("\udcff", (), 2, "no draft"),
        ("act: ReportReceved", (), 2, "ReportReceived"),
        ("act: [1]", (), 2, "act must be a text"),
        (REPORT, ("CaseRegistered",), 2, "the call of CaseRegistered"),
        (f"{REPORT}  sumary: x\n", (), 2, "summary"),
        (REPORT.replace("phản ánh", "lời khen"), (), 2, "petition_kind"),
        (REPORT.replace("10/02/2025 16:05", "hôm qua"), (), 2, "received_at"),
        (REPORT.replace("identity_given: false", "identity_given: no"), (), 0, ""),
        (REPORT.replace("  intake_point: Đường dây nóng\n", ""), (), 1, "intake_point"),
        (f"occurred_at: 11/02/2025\n{REPORT}", (), 1, "OCCURRED_IN_FUTURE"),
        (REPORT, ("--case", "2025/9999"), 2, "2025/9999"),
        (REPORT, ("--case", NUMBER, "--stream", "ledger"), 2, "not both"),
        (REPORT, ("--post", "giam-doc"), 2, "no such post"),
        (REPORT, ("--attach", "/"), 2, "--attach"),
        (REPORT.replace("Đường dây nóng", "113"), (), 2, "facts/intake_point (line 5): a text"),
        (REPORT.replace("trang\n", "true\n"), (), 2, "content/0/where (line 10): a text is asked"),
    ],
    ids=lambda one: one[:24] if isinstance(one, str) else None,
)
def test_a_wrong_draft_is_one_sentence_and_nothing_is_recorded(
    desk: Desk, tmp_path: Path, draft: str, words: tuple[str, ...], status: int, said: str
) -> None:
    """Status 2 where it was written wrongly, 1 where the rules say no; the member is named."""
    path, size = tmp_path / "draft.yaml", desk.size()
    path.write_bytes(draft.encode("utf-8", "surrogateescape"))
    more = ("--dry-run",) if status == 0 else ()
    result = desk.cli("act", "new", *words, "--from", str(path), "--yes", *more, "--as", "hotline")
    assert result.exit_code == status, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert desk.size() == size


def test_a_draft_of_any_shape_is_refused_in_a_sentence(desk: Desk, tmp_path: Path) -> None:
    """A document on one line, a file without brackets: each was a traceback of this program."""
    size = desk.size()
    for line, status, said in (
        ("document: CV 12", 2, "document (line 12): members are asked for"),
        ("document: {number: '5'}", 1, "document/symbol"),
        ("document: {number: [a]}", 2, "document/number (line 12): one text"),
        ("attachments: letter.pdf", 2, "attachments (line 12): a list is asked for: write [letter"),
        ("attachments: {a: b}", 2, "write […]"),
        ("attachments: [5]", 2, "attachments/0 (line 12): one text"),
        ("attachments: [{digest: a}]", 1, "attachments/0/name"),
        ("basis: 90/QĐ-UBND 8.1.a", 2, "write [90/QĐ-UBND 8.1.a]"),
        ("basis: [{a: b}]", 1, "basis/1/role"),
        ("circulation: [a]", 2, "circulation (line 12): one text"),
        ("occurred_at: {a: b}", 2, "occurred_at (line 12): one text"),
        ("signers: x", 1, "signers"),
        ("v: 1", 1, "capacity"),
        ("v: x", 1, "v: "),
        (f"v: {'9' * 30}", 1, "v: "),
        ("circulation: !!binary aGk=", 2, "is no draft in YAML or JSON (line 12)"),
        ("v: !!timestamp 2025-06-04", 2, "is no draft in YAML or JSON (line 12)"),
    ):
        told = desk.cli(
            "act", "new", "--from", _draft(tmp_path, f"{REPORT}{line}\n"), "--yes", "--as",
            "hotline",
        )  # fmt: skip
        assert (told.exit_code, told.stdout) == (status, ""), (line, told.output, told.exception)
        assert said in told.stderr, (line, told.stderr)
        assert len(told.stderr.strip().splitlines()) == 1, (line, told.stderr)
    assert desk.size() == size


def test_what_a_draft_says_of_who_signs_is_not_left_out_unsaid(desk: Desk, tmp_path: Path) -> None:
    """A capacity, an agency, a checker were ignored, and the act signed as if nobody said so."""
    size = desk.size()
    for line, status, said in (
        ("capacity: KT", 2, "do not sign as KT, but as: TRUC_TIEP (in one's own name)"),
        ("capacity: ký trực tiếp", 0, ""),
        ("agency: bacninh.syt", 2, "you hold: truc-duong-day-nong (bacninh.stttt)"),
        ("agency: Sở Thông tin và Truyền thông tỉnh Bắc Ninh", 0, ""),
        ("checker: gd", 2, "nobody signs Report received as checker; leave checker out"),
        ("approver: nobody", 2, "leave approver out"),
        ("checker: ''", 0, ""),
        ("Case: 2025/0001", 2, "no member Case; near it: case"),
        ("act: “ReportReceved”", 2, "no code for act"),
    ):
        text = REPORT.replace("act: reportreceived\n", "") if line[:4] == "act:" else REPORT
        words = ("act", "new", "--from", _draft(tmp_path, f"{text}{line}\n"), "--dry-run")
        told = desk.cli(*words, "--as", "hotline")
        assert told.exit_code == status, (line, told.output, told.exception)
        assert said in told.stderr, (line, told.stderr)
    assert desk.size() == size


def test_who_names_a_case_begins_no_other(desk: Desk, tmp_path: Path) -> None:
    """A slip in its uuid, and the report stood in a new case; hidden and absent are told alike."""
    slip = ("0" if desk.case[0] != "0" else "1") + desk.case[1:]
    size, draft, said = desk.size(), _draft(tmp_path, REPORT), set()
    for case, who in ((slip, "hotline"), (slip, "bo"), (desk.case, "bo")):
        told = desk.cli("act", "new", "--from", draft, "--case", case, "--yes", "--as", who)
        assert (told.exit_code, told.stdout, desk.size()) == (2, "", size), told.output
        said.add(told.stderr.replace(case, "CASE"))
    assert len(said) == 1
    assert "no case CASE was found, or you may not see it" in said.pop()


def test_what_is_not_lawful_now_is_not_asked_for(desk: Desk) -> None:
    """The state of the case and the officer's post decide before the first question."""
    late = desk.cli("act", "new", "CaseClosed", "--case", NUMBER, "--as", "cv")
    assert (late.exit_code, late.stdout) == (1, "")
    assert "you may not begin" in late.stderr
    near = desk.cli("act", "new", "ReportRecieved", "--as", "hotline")
    assert near.exit_code == 2
    assert "ReportReceived" in near.stderr
    listed = desk.cli("act", "new", "--case", NUMBER, "--as", "cv", stdin="\n")
    assert listed.exit_code == 2
    assert "(VerificationRequested)" in listed.stderr
    assert "(CaseClosed)" not in listed.stderr


def test_an_act_that_restricts_shows_what_it_rests_on_before_the_question(
    desk: Desk, tmp_path: Path
) -> None:
    """Basis, necessity, end and the way of complaint; what is missing is said in capitals."""
    path = tmp_path / "measure.yaml"
    path.write_text(
        "act: ImmediateMeasureTaken\nto: [bacninh.stttt]\nfacts:\n  kind: '1'\n"
        "  object: Một trang mạo danh\n  on_own_system: true\n  within_power: Trên cổng của mình\n"
        "  proportionality: {necessity: Người bệnh đang nhập số thẻ, milder_means: Không đủ,"
        " speech_note: Không đụng ý kiến}\n"
        "  started_at: 10/02/2025 16:10\n  review_at: 10/02/2025 22:00\n",
        encoding="utf-8",
    )
    result = desk.cli(
        "act", "new", "--from", str(path), "--case", NUMBER, "--as", "cv", "--yes", "--dry-run",
    )  # fmt: skip
    shown = " ".join(result.stderr.split())
    for said in ("This act restricts somebody", "NOTHING IS SAID", "Người bệnh đang nhập số thẻ",
                 "10/02/2025 22:00", "or to court"):  # fmt: skip
        assert said in shown, result.stderr


def test_who_signs_follows_from_what_the_act_says(desk: Desk, tmp_path: Path) -> None:
    """Whoever disclaims competence has it approved: no `signers:` in the draft says so."""
    shown = {}
    for disclaims in ("true", "false"):
        text = f"act: LeadAgencyNotified\nto: ['.']\nfacts: {{disclaims_competence: {disclaims}}}\n"
        words = ("act", "new", "--from", _draft(tmp_path, text), "--case", NUMBER, "--dry-run")
        told = desk.cli(*words, "--approver", "pgd", "--yes", "--as", "cv")
        assert "Traceback" not in told.output
        shown[disclaims] = told.stderr.partition("Signatures")[2]
    assert "approver" in shown["true"], shown
    assert "approver" not in shown["false"], shown
