"""A print of a case leaves by a permit, its number and its row, and says no more than it may."""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pypdf
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import write_private
from api.http.resources import prints
from keys import canonical
from keys.canonical import b64
from keys.custody.file import write_key
from ledger.files.attachments import Attachments
from ledger.log.sheet import Sheet
from ledger.reads.read import Copy
from ledger.regulation.acts.json_shape import fmt_time
from projections.queries import limits
from tests import builders
from tests.attack.test_copies import PURPOSE, exported, permit, register
from tests.attack.test_copies import ask as copied
from tests.attacks import attack
from tests.builders import an_act, officer
from tests.fixtures.app import listening
from tests.fixtures.compartments import DIGEST, PART, SECRET, STRANGER, WHOLE
from tests.fixtures.page_reader import PageReader
from tests.fixtures.under_order import UnderOrder

pytestmark = pytest.mark.postgres
_PDF: Final = {"Accept": "application/pdf, application/problem+json"}


def ask(under: UnderOrder, by: str, named: str, method: str = "get", lang: str = "vi") -> Any:  # noqa: ANN401  a response of Flask
    """The request for a print."""
    service = under.service
    now = {"X-Rehearsal-Time": fmt_time(service.clock.now())}
    return getattr(service.client, method)(
        f"/v1/cases/{under.world.hidden.case}/print.pdf",
        query_string={"permit": named},
        headers=service.headers(by) | now | _PDF | {"Accept-Language": lang},
    )


def pages(data: bytes) -> list[str]:
    """The text of each sheet, as a stranger's program copies it out."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def seen(under: UnderOrder, by: str) -> list[dict[str, Any]]:
    """Acts of the case that somebody is shown, whole."""
    answer = under.service.get(f"/v1/cases/{under.world.hidden.case}/acts", by, limit=200)
    return list(answer.get_json()["acts"])


def flat(text: str) -> str:
    """Without what a line's end does to it."""
    return "".join(text.split())


def test_a_print_has_all_that_each_act_says(under_order: UnderOrder) -> None:
    """Sentence, grounds, facts, files, and of each signature who, digest and entry."""
    named = permit(under_order, "01/2024")
    answer = ask(under_order, WHOLE, named)
    assert (answer.status_code, answer.content_type) == (200, "application/pdf"), answer.text
    assert "ETag" not in answer.headers
    text = flat("".join(pages(answer.data)))
    assert unicodedata.is_normalized("NFC", text)
    assert flat(PURPOSE) in text
    taken = "Người xuất Chuyên viên, Sở Thông tin và Truyền thông tỉnh Bắc Ninh (chuyen-vien,"
    assert flat(taken) in text, "a court reads no codes"
    assert flat("Chữ ký Hợp lệ: Mọi chữ ký") in text
    assert flat("Kết luận Hợp lệ") not in text, "a verdict on signatures concludes no case"
    for act in seen(under_order, WHOLE):
        whole = under_order.service.get(f"/v1/acts/{act['act_id']}", WHOLE).get_json()
        for said in told(whole):
            assert flat(said) in text, said
    assert flat("Thay đổi: trạng thái") in text


def told(act: dict[str, Any]) -> Iterator[str]:
    """What a print says of an act at least."""
    yield act["sentence"]["vi"]
    yield act["act_id"]
    for ground in act["basis"]:
        yield ground["instrument"]
    for fact in act["facts"]:
        yield fact["vi"]
    for one in act["statements"]:
        yield from (one["digest"], one["entry"], one["officer"], one["kid"])
    for file in act["payload"].get("attachments", ()):
        yield file["digest"]


def test_every_sheet_says_of_what_it_is(under_order: UnderOrder) -> None:
    """Sheet and number of sheets, copy, permit, log, case, its digest, the checkpoint, banners."""
    named = permit(under_order, "03/2024")
    sheets = pages(ask(under_order, WHOLE, named).data)
    statements = [one for act in seen(under_order, WHOLE) for one in act["statements"]]
    last = max(statements, key=lambda one: int(one["seq"]))
    size, note = under_order.service.enclave.checkpoints.latest() or (0, b"")
    root = b64(canonical.unb64std(note.decode().split("\n")[2]))
    case, origin = under_order.world.hidden.case, under_order.service.enclave.facts.origin
    of_all = ("bản số 03/2024", named, last["digest"], root, origin, case, f"{size} bản ghi")
    for k, sheet in enumerate(sheets, 1):
        for said in (f"trang {k}/{len(sheets)}", *of_all):
            assert flat(said) in flat(sheet), (k, said)
        assert sheet.count("SỔ THÔNG THƯỜNG") == 2
        assert sheet.count("DIỄN TẬP") == 2
    line = Sheet(origin, case, last["seq"], last["digest"], size, root).text()
    assert flat(line) in flat("".join(sheets))
    english = pages(ask(under_order, WHOLE, permit(under_order, "E"), lang="en").data)
    assert f"page 1/{len(english)}" in english[0]


def test_the_same_state_is_the_same_bytes_but_for_the_copy_s_number(
    under_order: UnderOrder,
) -> None:
    """So its digest can be compared: no clock, no random number, nothing of the machine."""
    named = permit(under_order, "01/2024", "02/2024")
    one, two = (ask(under_order, WHOLE, named).data for _ in range(2))
    assert one != two
    assert without_numbers(one) == without_numbers(two)


def without_numbers(data: bytes) -> bytes:
    """A print without the numbers of its two copies, as text and as they stand in its title."""
    for number in ("01/2024", "02/2024"):
        raw = number.encode("utf-16-be")
        data = data.replace(raw, b"?").replace(raw.hex().encode(), b"?")
    return data


def test_a_print_has_a_number_and_a_row_with_its_digest(under_order: UnderOrder) -> None:
    """Row and register name the digest of the very file, so a paper's file can be told."""
    named = permit(under_order, "P1")
    answer = ask(under_order, WHOLE, named)
    digest = f"sha-256:{b64(hashlib.sha256(answer.data).digest())}"
    row = exported(under_order)[-1]
    assert (row.read.rule, row.read.via, row.read.purpose) == ("A23", named, PURPOSE)
    assert row.read.session.officer == officer(WHOLE)
    assert (row.read.stream, row.read.records) == (under_order.world.stream, ())
    assert row.read.copy is not None
    assert (row.read.copy.number, row.read.copy.file) == ("P1", digest)
    assert f'number="P1"; permit="{named}"' in answer.headers["Copy-Mark"]
    told = [one for one in register(under_order, WHOLE)["copies"] if one["permit"] == named]
    assert [(one["file"], one["record"]) for one in told] == [(digest, None)]


@attack(
    "a case printed without a permit, by another's, for nothing (HEAD), or by a stranger",
    stopped_by="a print leaves by an ExportPermitted in the caller's own name (A23)",
    noticed_by="the row that each print is, committed before its first byte",
)
def test_nobody_prints_without_a_permit_of_their_own(under_order: UnderOrder) -> None:
    """Refused, and no number is taken."""
    before = len(exported(under_order))
    named = permit(under_order, "N1")
    for by, by_what, code, status in (
        (WHOLE, under_order.order, "export_not_permitted", 403),
        (PART, named, "export_not_permitted", 403),
        (STRANGER, named, "not_found", 404),
    ):
        answer = ask(under_order, by, by_what)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    hidden, absent = (
        under_order.service.client.get(
            f"/v1/cases/{case}/print.pdf",
            query_string={"permit": named},
            headers=under_order.service.headers(STRANGER) | _PDF | {"X-Request-Id": "a"},
        )
        for case in (under_order.world.hidden.case, under_order.world.absent().case)
    )
    assert (hidden.status_code, hidden.data) == (absent.status_code, absent.data)
    assert ask(under_order, WHOLE, named, "head").status_code == 405
    assert len(exported(under_order)) == before
    assert ask(under_order, WHOLE, named).status_code == 200
    over = ask(under_order, WHOLE, named)
    assert (over.status_code, over.get_json()["code"]) == (403, "permit_over")
    assert len(exported(under_order)) == before + 1


@attack(
    "a copy taken by a permit that is revoked, or by whoever is shut out of the case, while its"
    " sheets are made, or its file is read",
    stopped_by="permit and rights are asked again when all is made, before the number is taken",
    noticed_by="the register shows that it is over",
)
def test_what_ends_while_a_copy_is_made_lets_nothing_out(
    under_order: UnderOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was acknowledged before the number is taken: no print and no file leaves, and no row."""
    service, before = under_order.service, len(exported(under_order))
    pdf, verify = prints._Leaving.pdf, Attachments._verify
    ending, ended = dict[str, Any](), list[str]()

    def end(name: str, **facts: Any) -> str:  # noqa: ANN401  JSON
        facts |= {"officer": officer(WHOLE)}
        act = an_act(name, by="gd", when=service.clock.now(), facts=facts,
                     stream=under_order.world.stream)  # fmt: skip
        service.say(act, "gd")
        return act.act_id

    def printed(self: Any, number: str) -> bytes:  # noqa: ANN401  what is patched
        ended.append(threads.submit(end, **ending).result())  # a request of its own
        return pdf(self, number)

    def verified(self: Any, *of: Any) -> None:  # noqa: ANN401  what is patched
        verify(self, *of)
        ended.append(threads.submit(end, **ending).result())

    monkeypatch.setattr(prints._Leaving, "pdf", printed)
    monkeypatch.setattr(Attachments, "_verify", verified)
    with ThreadPoolExecutor(1) as threads:
        for way in (ask, copied):
            named = permit(under_order, "R1")
            ending = {"name": "ParticipationRevoked", "grant": named}
            answer = way(under_order, WHOLE, named)
            assert answer.status_code == 403, answer.headers
            assert answer.get_json()["code"] == "permit_over"
            named, ending = permit(under_order, "R1"), {"name": "ParticipationExcluded"}
            answer = way(under_order, WHOLE, named)
            assert answer.status_code == 404, answer.headers
            end("ParticipationRestored", exclusion=ended[-1])
            end("ParticipationRevoked", grant=named)
            service.known(service.size() - 1)  # who is let in again sees it once that is folded
    assert len(exported(under_order)) == before


@attack(
    "the rest of a case read from a print whose permit names one act",
    stopped_by="a print holds the acts that its caller sees and its permit covers, and places (D1)",
    noticed_by="the row names the records that were printed",
)
def test_a_print_of_a_part_says_nothing_of_the_rest(under_order: UnderOrder) -> None:
    """The one act, and of the others their place in the case and no more."""
    asked = under_order.world.asked
    permitted = permit(under_order, "part", records=[asked])
    answer = ask(under_order, WHOLE, permitted)
    assert answer.status_code == 200, answer.text
    text = flat("".join(pages(answer.data)))
    (shown,) = [act for act in seen(under_order, WHOLE) if act["act_id"] == asked]
    assert all(one["digest"] in text for one in shown["statements"])
    assert flat(SECRET) not in text
    assert DIGEST not in text
    assert flat("Nội dung hồ sơ") not in text
    for act in seen(under_order, WHOLE):
        if act["act_id"] != asked:
            assert not [one for one in act["statements"] if one["digest"] in text]
            named = act["act_id"] == permitted or act["act_id"] in str(shown["payload"])
            assert (act["act_id"] in text) == named, "who names it is of the rest"
    assert flat("Thay đổi:") not in text, "what it changed follows from the whole"
    assert flat("Các vị trí sau không có trong bản in này") in text
    row = exported(under_order)[-1]
    assert row.read.records == tuple(sorted(one["index"] for one in shown["statements"]))


@attack(
    "a permit of one act, printed by somebody who sees them all: what it names is told with it",
    stopped_by="an act that is not in the print is called so, with no type, place or index",
    noticed_by="the register of copies",
)
def test_a_print_of_a_part_does_not_say_what_its_acts_name(under_order: UnderOrder) -> None:
    """Nor how long the case is by the last place that is printed."""
    service = under_order.service
    by_id = {act["act_id"]: act for act in seen(under_order, WHOLE)}
    one, named = next(
        (body, name)
        for act_id in by_id
        for body in [service.get(f"/v1/acts/{act_id}", by=WHOLE).get_json()]
        for name in body["names"]
        if name["act_id"] in by_id and name["act_id"] != act_id and name["act_vi"] is not None
    )
    permitted = permit(under_order, "names", records=[one["act_id"]])
    answer = ask(under_order, WHOLE, permitted)
    assert answer.status_code == 200, answer.text
    text = flat("".join(pages(answer.data)))
    assert flat("không có trong bản in này") in text
    assert flat(f"{named['act_vi']} (#") not in text
    assert f"(#{named['index']})" not in text
    places = max(said["seq"] for act in seen(under_order, WHOLE) for said in act["statements"])
    assert flat(f"Hồ sơ có {places} bản ký") in text


def test_a_case_that_is_too_long_takes_no_number(
    under_order: UnderOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before a number is given, and memory is bounded."""
    named = permit(under_order, "long")
    before = len(exported(under_order))
    monkeypatch.setattr(limits, "PRINTED", 1)
    answer = ask(under_order, WHOLE, named)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "too_much_asked")
    assert len(exported(under_order)) == before
    monkeypatch.undo()
    assert ask(under_order, WHOLE, named).status_code == 200


@attack(
    "a server that is none of the log's vouches for itself to a clerk who has no key of the log",
    stopped_by="which key it names is said at first contact, and it is held to that from then on",
    noticed_by="whoever compares it with the published one",
)
def test_a_clerk_prints_by_one_command_and_the_log_knows_the_paper(
    under_order: UnderOrder, tmp_path: Path
) -> None:
    """The one permit that stands is found; the QR's line holds against the log with no account."""
    service = under_order.service
    permit(under_order, "Q24", days=20)
    passphrase = tmp_path / "passphrase"
    write_private(passphrase, b"a clerk's own")
    key = tmp_path / "cv.socaikey"
    write_key(key, builders.key(WHOLE), b"a clerk's own")
    case, into = under_order.world.hidden.case, tmp_path / "in.pdf"
    with listening(service) as url:
        env = {"SOCAI_HOME": str(tmp_path / "none"), "SOCAI_PASSPHRASE_FILE": str(passphrase),
               "COLUMNS": "80"}  # fmt: skip
        mine = ["--key", str(key), "--server", url, "--log", service.enclave.facts.origin]

        def socai(*words: str) -> Result:
            return CliRunner().invoke(main, ["--lang", "vi", *words], env=env)

        printed = socai("case", "print", case, "-o", str(into), *mine)
        assert printed.exit_code == 0, printed.output
        digest = f"sha-256:{b64(hashlib.sha256(into.read_bytes()).digest())}"
        assert digest in flat(printed.output)
        for place, status in ((into, 2), (tmp_path / "another.pdf", 1)):
            again = socai("case", "print", case, "-o", str(place), *mine)
            assert (again.exit_code, "Traceback" in again.output) == (status, False)
        assert not (tmp_path / "another.pdf").exists()
        text = flat("".join(pages(into.read_bytes())))
        line = text[text.index("socai:sheet?") :].partition("'")[0]
        held = socai("log", "sheet", line, "--server", url)
        assert held.exit_code == 0, held.output
        assert case in held.output
        assert f"{service.enclave.facts.origin}+" in held.stderr, "nobody else vouches for its key"
        assert socai("log", "sheet", line, "--server", url).stderr == "", "it was said once"
        bad = socai("log", "sheet", line.replace("root=", "root=A")[: len(line)], "--server", url)
        assert bad.exit_code in (1, 2)
        assert "Traceback" not in bad.output


@attack(
    "a number of a permit taken by an address that a browser asks for by itself, or another page's",
    stopped_by="the page prints by a form with this browser's mark; its address shows the register",
    noticed_by="the log of reads",
)
def test_a_page_prints_by_its_form_alone(under_order: UnderOrder) -> None:
    """What is got by the form has the next number, and its row, as by the call."""
    named = permit(under_order, "W1", "W2")
    path = f"/ho-so/{under_order.world.hidden.case}/ban-in"
    reader, before = PageReader(under_order.service).sign_in(WHOLE), len(exported(under_order))
    page = reader.get(f"{path}?permit={named}").text
    assert f'name="permit" value="{named}"' in page
    own = {"form": reader.token(), "permit": named}
    for members, headers, status in (
        ({"permit": named}, {}, 400),
        (own | {"form": PageReader(under_order.service).token()}, {}, 400),
        (own, {"Sec-Fetch-Site": "cross-site"}, 401),  # what another host asks for has no session
    ):
        assert reader.post(path, members, headers).status_code == status, members
    assert len(exported(under_order)) == before, "nothing has left"
    answer = reader.post(path, own)
    assert (answer.status_code, answer.content_type) == (200, "application/pdf"), answer.text
    assert len(exported(under_order)) == before + 1
    assert (exported(under_order)[-1].read.copy or Copy("", "")).number == "W1"
    shown, answered = reader.get(path).text, register(under_order, WHOLE)
    known = under_order.service.enclave.ledger.follower.current.registry
    for one in (
        *answered["permits"],
        *(one for copy in answered["copies"] for one in copy["posts"]),
    ):
        agency = known.agency(one["agency"])
        assert agency is not None
        assert agency.posts[one["post"]].vi in shown, "as the call says"
    part = PageReader(under_order.service).sign_in(PART)
    assert part.post(path, {"form": part.token(), "permit": named}).status_code == 403
    assert named not in part.get(path).text
