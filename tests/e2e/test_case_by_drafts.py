"""A whole case told by drafts of several officers, and signed by who approves; then registrars.

Nothing but `act new --from`, `sign-next` and the commands of registrars writes here; what they
leave is audited from the log alone.
"""

from __future__ import annotations

import codecs
import re
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from api.cli.commands.officer import encoded
from api.cli.commands.writing import sign_next
from api.cli.commands.writing.recording import ask
from api.client.client import Client
from api.client.connection import Connection, Unreachable
from tests.codes_in_words import codes_in
from tests.fixtures.desk import NUMBER, Desk

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.xdist_group("access commands"),
]
APPROVES: Final = "gd"
PERSONNEL: Final = "PERSONNEL_OFFICER"
CASE: Final = (
    (
        "hotline",
        """\
act: ReportReceived
channel: PHONE
facts:
  received_at: nay
  intake_point: Đường dây nóng
  summary: Một trang mạng chép giao diện của bệnh viện.
  identity_given: false
  petition_kind: phản ánh
  content:
    - {where: WEBSITE, title: Trang mạng tại datlich.example, seen_at: nay}
""",
    ),
    (
        "cv",
        """\
act: CaseRegistered
facts:
  {regulation_version: 90/QĐ-UBND, intake: ['#1'], urgency: không khẩn,
   duplicates_checked: true, handling_agency: .}
""",
    ),
    (
        "cv",
        """\
act: CompetenceDetermined
disposition: tự thụ lý
approver: gd
facts: {finding: Thuộc thẩm quyền của Sở, reasons: Trang mạng đặt tại địa bàn tỉnh}
""",
    ),
    (
        "cv",
        """\
act: VerificationConcluded
approver: gd
facts:
  finding: sai sự thật, mạo danh
  reasons: Trang không phải của bệnh viện.
  limbs:
    - {limb: a, result: không áp dụng, reasons: Không phải báo chí}
    - {limb: b, result: có căn cứ, instrument: 24/2018/QH14, article: '8', clause: '1', point: d,
       reasons: Mạo danh trang của tổ chức}
    - {limb: c, result: không áp dụng, reasons: Không xét}
  evidence:
    - {kind: '1', description: Ảnh chụp trang mạng}
  contrary_evidence: []
  contrary_none_found: true
""",
    ),
    (
        "cv",
        """\
act: ReferralSent
approver: gd
to: [Sở Y tế tỉnh]
basis: [24/2014/NĐ-CP 4 thẩm quyền, 24/2018/QH14 8.1.d nội dung]
document: {number: '31', symbol: STTTT, type: CV, date: nay, abstract: Chuyển vụ việc}
facts:
  ground: '1'
  reasons: Cần xử lý theo chuyên ngành.
  competence_reason: Thuộc thẩm quyền của ngành y tế.
  competent_agency: bacninh.syt
  file_list:
    - {title: Kết luận xác minh, pages: 2, original: false}
  urgent: false
""",
    ),
)
"""Who writes it, and the draft, in the words that people use."""


def _listings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What is listed whole from now on, and by which query."""
    asked: list[tuple[str, Any]] = []
    real = Client.whole

    def whole(client: Client, path: str, rows: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        asked.append((path, more.get("query")))
        return real(client, path, rows, **more)

    monkeypatch.setattr(Client, "whole", whole)
    return asked


def test_a_case_is_told_by_drafts_signed_by_who_approves_and_audited(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the report to a referral, by three officers, in Vietnamese; the log is sound.

    For the words of whom an act waits for nobody else is asked about: a province has thousands.
    """
    case, approved, asked = "", 0, _listings(monkeypatch)
    for n, (author, text) in enumerate(CASE):
        draft = tmp_path / f"{n}.yaml"
        draft.write_text(text, encoding="utf-8")
        place = ("--case", case) if case else ()
        new = ("act", "new", "--from", str(draft), *place, "--yes", "--as", author)
        if not case:
            case = desk.told(*new)["stream"].removeprefix("case/")
            continue
        told = desk.cli(*new, lang="vi")
        assert told.exit_code == 0, told.output
        if "Còn chờ: " in told.stdout:
            waits = told.stdout.partition("Còn chờ: ")[2].partition("\n")[0]
            assert codes_in(waits) == [], waits
            assert "Giám đốc, Sở " in waits
            assert asked[-1] == ("/v1/officers", {"officer": desk.officers[APPROVES], "limit": 200})
            approved += 1
            signed = desk.signs_next(APPROVES, "c\n", lang="vi")
            assert signed.exit_code == 0, signed.output
            assert "Đã ký: 1." in signed.stdout, signed.output
    assert approved
    file = desk.told("case", "show", case, "--as", "cv")
    assert file["state"] == "REFERRED"
    history = desk.told("case", "history", case, "--as", "cv")["acts"]
    assert [act["act"] for act in history] == [
        "ReportReceived", "CaseRegistered", "CompetenceDetermined", "VerificationConcluded",
        "ReferralSent",
    ]  # fmt: skip
    verified = desk.cli("case", "verify", case, "--as", "cv")
    assert verified.exit_code == 0, verified.output
    audit = desk.cli("log", "audit")
    assert audit.exit_code == 0, audit.output


def _somebody_records_meanwhile(
    desk: Desk, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reason and the signature, once."""
    linked = tmp_path / "linked.yaml"
    linked.write_text(
        f"act: CaseLinked\nfacts: {{other_case: {NUMBER}, relation: '1', reasons: Cùng trang}}\n",
        encoding="utf-8",
    )
    pauses = iter((True, False))

    def slowly(made: Any) -> bytes:  # noqa: ANN401  JSON
        """Another officer records between the reason and the signature."""
        if next(pauses):
            desk.told("act", "new", "--from", str(linked), "--case", case, "--yes", "--as", "cv")
        return encoded(made)

    monkeypatch.setattr(sign_next, "encoded", slowly)


def test_what_waits_is_given_back_with_a_reason_or_left(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown in words and never as JSON; left it waits on, given back it is dead.

    Where somebody records meanwhile, it is shown again, and the reason is not typed twice.
    """
    desk.cli("sign-next", "--as", APPROVES, stdin="r\nKhông liên quan\n" * 9)
    assert desk.told("sign-next", "--as", APPROVES) == {
        "ok": True, "signed": 0, "returned": 0, "left": 0,
    }  # fmt: skip
    report, registered = (tmp_path / name for name in ("report.yaml", "registered.yaml"))
    report.write_text(CASE[0][1], encoding="utf-8")
    registered.write_text(CASE[1][1], encoding="utf-8")
    draft = tmp_path / "competence.yaml"
    draft.write_text(CASE[2][1], encoding="utf-8")
    stream = desk.told("act", "new", "--from", str(report), "--yes", "--as", "hotline")["stream"]
    case = stream.removeprefix("case/")
    for path in (registered, draft):
        words = ("act", "new", "--from", str(path), "--case", case, "--yes", "--as", "cv")
        waits = desk.told(*words)
    assert waits["status"] == "pending"
    size = desk.size()
    left = desk.signs_next(APPROVES, "\n")
    assert "Still waiting: 1." in left.stdout, left.output
    assert not re.search('"act":|Since the author signed', left.stderr)
    assert ("competence" in left.stderr.casefold(), desk.size()) == (True, size)
    broken = desk.cli("sign-next", "--as", APPROVES, stdin="")
    how = broken.stderr.rpartition("In a script: ")[2]
    assert (broken.exit_code, broken.stdout, how) == (2, "", "socai act sign --countersign ACT\n")
    _somebody_records_meanwhile(desk, tmp_path, case, monkeypatch)
    back = desk.cli("sign-next", "--as", APPROVES, stdin="r\n \nChưa đủ căn cứ\nr\n\n")
    assert "Meanwhile something else was recorded" in back.stderr
    assert "Given back: 1." in back.stdout, back.output
    returned = desk.told("case", "history", case, "--as", "cv")["acts"][-1]["payload"]
    assert returned["act"] == "ActReturned"
    assert returned["refers_to"] == waits["act_id"]
    assert returned["facts"] == {"reason": "Chưa đủ căn cứ"}
    _withdrawn_while_it_is_read(desk, tmp_path, case, monkeypatch)


def _withdrawn_while_it_is_read(
    desk: Desk, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is signed, why is said, and it does not count as waiting."""
    new = ("act", "new", "--case", case, "--yes", "--as", "cv", "--from")
    act_id = desk.told(*new, str(tmp_path / "competence.yaml"))["act_id"]
    withdrawn = tmp_path / "withdrawn.yaml"
    withdrawn.write_text(
        f"act: ActWithdrawn\nrefers_to: {act_id}\nfacts: {{reason: Soạn nhầm}}\n", "utf-8"
    )

    def slowly(*asked: Any) -> str:  # noqa: ANN401  the question
        """The author takes it back while the question stands."""
        monkeypatch.undo()
        assert desk.told(*new, str(withdrawn))["status"] == "effective"
        return ask(*asked)

    monkeypatch.setattr(sign_next, "ask", slowly)
    told = desk.signs_next(APPROVES, "y\n")
    assert "this act waits for your signature no more" in told.stderr, told.stderr
    assert f"What became of it: socai act show {act_id}" in told.stderr
    assert "Signed: 0. Given back: 0. Still waiting: 0." in told.stdout, told.output


def _case(desk: Desk, tmp_path: Path) -> tuple[str, str]:
    """A case, and an act of it that waits for its approver."""
    paths = [tmp_path / f"{n}.yaml" for n in range(3)]
    for path, (_, text) in zip(paths, CASE, strict=False):
        path.write_text(text, encoding="utf-8")
    new = ("act", "new", "--yes", "--as")
    stream = desk.told(*new, "hotline", "--from", str(paths[0]))["stream"]
    case = stream.removeprefix("case/")
    desk.told(*new, "cv", "--from", str(paths[1]), "--case", case)
    return case, desk.told(*new, "cv", "--from", str(paths[2]), "--case", case)["act_id"]


def _into(desk: Desk, tmp_path: Path, case: str) -> None:
    """Somebody else proposes that a case goes on in the open one."""
    merged = tmp_path / "merged.yaml"
    merged.write_text(
        f"act: CaseMerged\napprover: gd\n"
        f"facts: {{surviving_case: {NUMBER}, reasons: Cùng trang, reporters_kept: 1}}\n",
        encoding="utf-8",
    )
    desk.told("act", "new", "--from", str(merged), "--case", case, "--yes", "--as", "tp")


def test_whoever_signs_next_is_shown_what_was_signed_since(desk: Desk, tmp_path: Path) -> None:
    """A director approved what was drafted before the case went on in another, and nobody said so.

    Another case is told by the number that people know, beside what is signed.
    """
    desk.cli("sign-next", "--as", APPROVES, stdin="r\nKhông liên quan\n" * 9)
    case, waits = _case(desk, tmp_path)
    _into(desk, tmp_path, case)
    told = desk.signs_next(APPROVES, "\n\n", lang="vi")
    first, _, second = told.stderr.partition("\n2/2: ")
    assert "hồ sơ này có thêm 1 diễn biến được ký" in first, told.stderr
    assert "#4      Nhập hồ sơ trùng (chờ ký)" in first, first
    assert "diễn biến được ký" not in second
    assert re.search(rf"Hồ sơ được giữ lại +{NUMBER} *\n +case/{desk.case}", second), second

    now = desk.told("log", "status")["now"]
    signed = desk.cli("act", "sign", "--countersign", waits, "--as", APPROVES, "--iat", now)
    assert signed.exit_code == 0, signed.output
    assert "1 act of this case was signed" in signed.stderr
    assert "Case merged into another" in signed.stderr

    desk.cli("sign-next", "--as", APPROVES, stdin="r\nThử\n" * 2)
    late = tmp_path / "signed.json"
    late.write_bytes(signed.stdout.encode("utf-16"))  # as `>` of PowerShell writes it
    size = desk.size()
    refused = desk.cli("act", "submit", str(late), "--as", APPROVES, lang="vi")
    assert (refused.exit_code, refused.stdout, desk.size()) == (1, "", size)
    assert "Từ đó đã có thêm: Trả lại, không ký; Trả lại, không ký." in refused.stderr
    assert "socai sign-next" in refused.stderr
    ended = desk.cli("act", "sign", "--countersign", waits, "--as", APPROVES)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "this act waits for your signature no more" in ended.stderr, ended.stderr


def test_an_act_that_waits_for_who_is_shut_out_says_so_in_its_case(
    desk: Desk, tmp_path: Path
) -> None:
    """Nothing else tells its author: it stood in the worklist as waiting, for good."""
    case, waits = _case(desk, tmp_path)
    shown = ("case", "show", case, "--as", "cv")
    why = "shut out of this case and cannot sign it"
    before = " ".join(desk.cli(*shown).stdout.split())
    assert ("waits for Competence determined" in before, why in before) == (True, False), before
    out = ("exclude", case, APPROVES, "--ground", "OWN_REQUEST", "--reason", "Tự xin rút")
    assert desk.told(*out, "--as", "pgd")["status"] == "effective"
    assert why in " ".join(desk.cli(*shown).stdout.split())
    back = tmp_path / "back.yaml"
    back.write_text(f"act: ActWithdrawn\nrefers_to: {waits}\nfacts: {{reason: Thôi}}\n", "utf-8")
    new = ("act", "new", "--from", str(back), "--case", case, "--yes", "--as", "cv")
    assert desk.told(*new)["status"] == "effective", "as it was told to"


def test_who_is_shut_out_while_they_read_is_told_that_nothing_was_recorded(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were told "not found", of what stood on their screen, and not if they had signed.

    What waits behind it is shown next: it came only with the next call.
    """
    desk.cli("sign-next", "--as", APPROVES, stdin="r\nKhông liên quan\n" * 9)
    cases = {act: case for case, act in (_case(desk, tmp_path), _case(desk, tmp_path))}
    waits, behind = _until_waits(desk, *cases)
    case = cases[waits]
    out = ("exclude", case, APPROVES, "--ground", "OWN_REQUEST", "--reason", "Tự xin rút")

    def slowly(*asked: Any) -> str:  # noqa: ANN401  the question
        monkeypatch.undo()
        assert desk.told(*out, "--as", "pgd")["status"] == "effective"
        return ask(*asked)

    monkeypatch.setattr(sign_next, "ask", slowly)
    told = desk.cli("sign-next", "--as", APPROVES, stdin="y\ny\n")
    assert (told.exit_code, waits in told.stdout) == (1, False), told.output
    assert "Nothing was recorded: what this was signed for is not there" in told.stderr
    assert "Signed: 1. Given back: 0. Still waiting: 1. Refused, as is said above: 1." in " ".join(
        told.stderr.split()
    )
    statuses = [desk.told("act", "show", one, "--as", "cv")["status"] for one in (waits, behind)]
    assert statuses == ["pending", "effective"]


def test_a_ledger_that_holds_other_bytes_than_were_signed_ends_the_list(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was counted as an act that cannot be shown, and the next was signed for that server."""
    desk.cli("sign-next", "--as", APPROVES, stdin="r\nKhông liên quan\n" * 9)
    _until_waits(desk, *(_case(desk, tmp_path)[1] for _ in range(2)))
    send, posted = Connection._send, 0

    def others(line: Connection, request: httpx.Request, **more: bool) -> httpx.Response:
        """Behind the first signature each record is said to be the one before it."""
        nonlocal posted
        answer = send(line, request, **more)
        posted += request.url.path == "/v1/acts"
        if not (posted and request.url.path.endswith("/raw")):
            return answer
        body = orjson.loads(answer.content)
        for one in body["records"]:
            one["envelope"] = body["records"][0]["envelope"]
        headers = {"Content-Type": "application/json"}
        return httpx.Response(200, headers=headers, content=orjson.dumps(body), request=request)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_send", others)
        told = desk.cli("sign-next", "--as", APPROVES, stdin="y\ny\n")
    assert told.exit_code == 1, told.output
    assert "holds other bytes than were signed" in told.stderr
    assert posted == 1


def _until_waits(desk: Desk, *acts: str) -> list[str]:
    """In the order in which they are shown."""
    while True:
        listed = [one["act_id"] for one in desk.told("worklist", "--as", APPROVES)["sign"]]
        if {*listed} >= {*acts}:
            return [one for one in listed if one in acts]


def test_a_signature_without_an_answer_leaves_told_what_was_signed_before(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that wait the second is cut off: "nothing is known" was all that was said."""
    desk.cli("sign-next", "--as", APPROVES, stdin="r\nKhông liên quan\n" * 9)
    _case(desk, tmp_path)
    _case(desk, tmp_path)
    send, sent = Connection._send, count(1)

    def cut_off(line: Connection, request: httpx.Request, **more: bool) -> httpx.Response:
        """The answer to the second signature is lost."""
        answer = send(line, request, **more)
        if request.url.path == "/v1/acts" and next(sent) > 1:
            raise Unreachable("cut off")
        return answer

    while len(desk.told("worklist", "--as", APPROVES)["sign"]) < 2:
        pass
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_send", cut_off)
        told = desk.cli("sign-next", "--as", APPROVES, stdin="y\ny\n")
    assert told.exit_code == 1, told.output
    assert "Signed: 1. Given back: 0. Still waiting: 1." in told.stderr
    assert "Sending the same again is safe" in told.stderr


def test_an_act_that_cannot_be_shown_keeps_nobody_from_those_behind_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erased since the list was read, or of a form that is newer: the whole list ended with it."""
    desk.cli("sign-next", "--as", APPROVES, stdin="r\nKhông liên quan\n" * 9)
    first, second = (_case(desk, tmp_path)[1] for _ in range(2))
    send = Connection._send

    def erased(line: Connection, request: httpx.Request, **more: bool) -> httpx.Response:
        """The content of the first is gone when it is asked for."""
        answer = send(line, request, **more)
        if request.url.path != f"/v1/acts/{first}/raw":
            return answer
        body = orjson.loads(answer.content)
        for record in body["records"]:
            record.pop("envelope", None)
        headers = {"Content-Type": "application/json"}
        return httpx.Response(200, headers=headers, content=orjson.dumps(body), request=request)

    _until_waits(desk, first, second)
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_send", erased)
        told = desk.cli("sign-next", "--as", APPROVES, stdin="y\n")
    assert told.exit_code == 0, told.output
    assert "Nothing was signed: the content is erased." in told.stderr
    assert "Signed: 1. Given back: 0. Still waiting: 1." in told.stdout
    assert second in told.stdout


@pytest.mark.parametrize(
    ("command", "kept", "said"),
    [
        ("sign", "signed", "socai act submit FILE"),
        ("new", "signed", "socai act submit FILE"),
        ("submit", "members", "socai act sign FILE"),
        ("submit", "draft", "socai act new --from FILE"),
        ("sign", "shown", "một mục mang giá trị null"),
    ],
)
def test_another_file_than_the_one_that_is_meant_says_which_command_takes_it(
    desk: Desk, tmp_path: Path, command: str, kept: str, said: str
) -> None:
    """Taken along to a machine without a network and back, files change places."""
    shown = desk.told("act", "show", f"{NUMBER}#3", "--as", "cv")
    files = {
        "signed": orjson.dumps(dict.fromkeys(("payload", "protected", "signature"), "e30")),
        "members": orjson.dumps(shown["payload"]),
        "draft": CASE[0][1].encode(),
        "shown": orjson.dumps(shown),
    }
    path, size = tmp_path / "đơn.json", desk.size()
    path.write_bytes(codecs.BOM_UTF8 + files[kept])
    words = (command, *(("--from",) if command == "new" else ()), str(path), "--as", "cv")
    told = desk.cli("act", *words, lang="vi")
    assert (told.exit_code, told.stdout, desk.size()) == (2, "", size), told.output
    assert said in told.stderr
    assert "socai" in told.stderr or kept == "shown"


@pytest.mark.drill
def test_an_officer_is_appointed_a_key_enrolled_and_a_post_lent(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by a command of its own; the personnel officer signs next; the key then signs in."""
    made = desk.cli(
        "officer", "appoint", "pho-giam-doc", "--agency", "so thong tin va truyen thong",
        "--document", "QĐ 12", "--capacity", "TRUC_TIEP", "--capacity", "KT",
        "--power", "SUPERVISOR", "--yes",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    officer = made.stderr.partition("Officer: ")[2].split()[0]
    own, public = tmp_path / "own.socaikey", tmp_path / "own.json"
    public.write_text(desk.cli("key", "new", str(own), "--json").stdout, encoding="utf-8")
    assert "Signed: 1." in desk.signs_next(PERSONNEL, "y\n").stdout
    enrolled = desk.told(
        "key", "enrol", str(public), "--officer", officer, "--until", "2027-12-31", "--yes"
    )
    assert enrolled["status"] == "pending"
    assert "Signed: 1." in desk.signs_next(PERSONNEL, "y\n").stdout
    assert desk.told("sign-next", "--key", str(own))["left"] == 0
    lent = (
        "delegate", officer[:8], "--capacity", "KT", "--ground", "LEAVE", "--until", "2025-03-01",
        "--document", "QĐ 15", "--as", APPROVES,
    )  # fmt: skip
    size = desk.size()
    dry = desk.cli(*lent, "--scope", "Ký khi nghỉ", "--yes", "--dry-run", lang="vi")
    assert (dry.exit_code, desk.size()) == (0, size), dry.output
    assert desk.told(*lent, "--scope", "Ký khi nghỉ", "--yes")["status"] == "effective"
    for words, status in (
        ((*lent, "--scope", ""), 1),
        ((*lent, "--scope", "x", "--until", "hôm qua"), 2),
        (("key", "enrol", str(own), "--officer", officer, "--until", "2027-12-31"), 2),
        (("officer", "appoint", "x", "--agency", "thong tin", "--document", "QĐ"), 2),
        (("officer", "appoint", "x", "--agency", ".", "--document", "QĐ", "--officer", officer), 2),
    ):
        wrong = desk.cli(*words, "--yes")
        assert (wrong.exit_code, wrong.stdout) == (status, ""), wrong.output
        assert orjson.loads(desk.cli(*words, "--yes", "--json").stdout)["ok"] is False
    _post_ends_while_they_read(desk, tmp_path, monkeypatch, officer, str(own))


def _post_ends_while_they_read(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, officer: str, own: str
) -> None:
    """They were told "not there", and of what they may write "–", of a case that began long ago."""
    case = desk.told("act", "new", "--from", _written(tmp_path, CASE[0][1]), "--yes", "--as",
                     "hotline")["stream"].removeprefix("case/")  # fmt: skip
    act_id = ""
    for who, text in CASE[1:3]:
        draft = _written(tmp_path, text.replace("approver: gd", f"approver: {officer[:8]}"))
        words = ("act", "new", "--from", draft, "--case", case, "--yes", "--as", who)
        act_id = desk.told(*words)["act_id"]
    ended = _written(
        tmp_path,
        f"act: OfficerEnded\nstream: officer/{officer}\napprover: {PERSONNEL}\nfacts:\n"
        f"  {{officer: {officer}, agency: ., post: pho-giam-doc, ended_on: 09/02/2025,"
        " reason: '1', keys_end: false, basis_document: QĐ 7}\n",
    )

    def slowly(*asked: Any) -> str:  # noqa: ANN401  the question
        monkeypatch.undo()
        desk.told("act", "new", "--from", ended, "--yes", "--as", "REGISTRY_KEEPER")
        assert "Signed: 1." in desk.signs_next(PERSONNEL, "y\n").stdout
        return ask(*asked)

    while not desk.told("worklist", "--key", own)["sign"]:
        pass
    monkeypatch.setattr(sign_next, "ask", slowly)
    why = "Nothing was recorded: you hold no post today"
    told = desk.cli("sign-next", "--key", own, stdin="y\n\n" * 4)  # others may wait before it
    assert (told.exit_code, why in told.stderr) == (1, True), told.output
    for act in ("CompetenceDetermined", "ReportReceived"):
        told = desk.cli("act", "new", act, "--case", case, "--key", own)
        assert (told.exit_code, told.stdout) == (1, "")
        assert why in told.stderr, told.stderr
        assert f"socai registry officers --officer {officer[:8]}" in told.stderr
    assert desk.told("act", "show", act_id, "--as", "cv")["status"] == "pending"


def _written(tmp_path: Path, text: str) -> str:
    path = tmp_path / f"{next(_WRITTEN)}.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


_WRITTEN: Final = count(1)
