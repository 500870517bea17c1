"""The pages as people and programs get them: the API's answers laid out, in both languages."""

from __future__ import annotations

import csv
import gzip
import html
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson
import pytest
from marshmallow import fields

from api.http.pages import files, frame, lists, say, timeline
from api.http.pages.parts import PageSpeech, verbatim
from api.http.schemas.work import WorklistShownSchema
from api.texts.case_words import ENDED
from api.texts.labels import PARTS_OF_WORK
from keys.canonical import unb64
from keys.note import VKey
from ledger.log import record
from ledger.log.proof import inclusion_from_json, verify_inclusion
from ledger.regulation.acts.lifecycle import life_cycle
from ledger.regulation.registry.calendar import VIETNAM
from projections.queries import limits
from tests import builders
from tests.builders import a_case_in
from tests.codes_in_words import codes_in
from tests.fixtures.app import Service
from tests.fixtures.compartments import (
    DIGEST,
    FILE,
    PART,
    SECRET,
    STRANGER,
    TITLE,
    WHOLE,
    Compartments,
)
from tests.fixtures.page_reader import PageReader, mark_of, walked

pytestmark = pytest.mark.postgres

FOLDER: Final = Path(frame.__file__).parent
_KIB: Final = 1024


@pytest.fixture(scope="module")
def reader(compartments: Compartments) -> PageReader:
    """Whoever handles the first case, in English."""
    return PageReader(compartments.service).sign_in(WHOLE)


def test_the_twin_of_a_page_is_the_answer_of_the_api(
    reader: PageReader, compartments: Compartments
) -> None:
    """Byte for byte, of the same reader; and the page says where it is."""
    case, act = compartments.hidden.case, compartments.hidden.act
    pairs = {
        "/ho-so?state=VERIFYING&q=2024": "/v1/cases?state=VERIFYING&q=2024",
        "/ho-so?due_before=31/7/2024&agency=": "/v1/cases?due_before=2024-07-31",
        "/viec-can-lam?team=true": "/v1/worklist?team=true",
        "/co-quan?as_of=2024-06-04": "/v1/agencies?as_of=2024-06-04",
        "/khoa": "/v1/keys",
        f"/ho-so/{case}": f"/v1/cases/{case}",
        f"/ho-so/{case}/dien-bien": f"/v1/cases/{case}/acts?limit=200",
        f"/ho-so/{case}/lan-ghi/1": f"/v1/cases/{case}/acts/1",
        f"/ho-so/{case}/so-sanh?tu=1&den=3": f"/v1/cases/{case}/diff?from={_index(reader, case, 1)}"
        f"&to={_index(reader, case, 3)}",
        f"/ho-so/{case}/kiem-chung": f"/v1/cases/{case}/verification",
        f"/ho-so/{case}/vi-sao/state": f"/v1/cases/{case}/fields/state/history",
        f"/ho-so/{case}/thoi-han": f"/v1/cases/{case}/durations",
        f"/ho-so/{case}/lien-he": f"/v1/cases/{case}/relations",
        f"/ho-so/{case}/tai-lieu": f"/v1/cases/{case}/acts?limit=200",
        f"/ho-so/{case}/ban-in": f"/v1/cases/{case}/copies",
        f"/lan-ghi/{act}": f"/v1/acts/{act}",
        f"/tep/{act}/{DIGEST}/luu-giu": f"/v1/acts/{act}/attachments/{DIGEST}/custody",
        "/dien-bien?pending=true": "/v1/acts?pending=true",
        "/thay-doi?tu=3": "/v1/feed?after=3&limit=200",
    }
    headers = compartments.service.headers(WHOLE)
    for page, call in pairs.items():
        path, _, query = page.partition("?")
        twin = reader.get(f"{path}.json?{query}" if query else f"{path}.json")
        answer = compartments.service.client.get(call, headers=headers)
        assert (twin.status_code, answer.status_code) == (200, 200), (page, twin.text)
        assert twin.data == answer.data, page
        assert f"{path}.json" in reader.get(page).text, page


def _index(reader: PageReader, case: str, place: int) -> int:
    acts = reader.get(f"/ho-so/{case}/dien-bien.json").get_json()["acts"]
    return next(
        int(one["index"]) for act in acts for one in act["statements"] if one["seq"] == place
    )


def test_a_case_is_read_page_by_page(reader: PageReader, compartments: Compartments) -> None:
    """List, file, timeline, act, comparison, verification: each leads to the next."""
    case = compartments.hidden.case
    listed = reader.get("/ho-so").text
    assert f'href="/ho-so/{case}"' in listed
    assert "2024/0187" in listed
    file = reader.get(f"/ho-so/{case}").text
    for path in ("dien-bien", "tai-lieu", "thoi-han", "lien-he", "so-sanh", "kiem-chung", "ban-in",
                 "vi-sao/state"):  # fmt: skip
        assert f'href="/ho-so/{case}/{path}"' in file
    clocks = reader.get(f"/ho-so/{case}.json").get_json()["clocks"]
    begun = [one["started_at"] for one in clocks if one["status"] not in ENDED]
    assert begun
    assert all(f"{PageSpeech('en').when(at)}</span></th>" in file for at in begun), "of which act"
    timeline = reader.get(f"/ho-so/{case}/dien-bien").text
    places = [int(n) for n in re.findall(r'href="lan-ghi/(\d+)"', timeline)]
    assert places == sorted(places)
    assert len(places) > 3
    act = reader.get(f"/ho-so/{case}/lan-ghi/1").text
    assert SECRET in act
    assert '<time datetime="' in act
    assert "(GMT+7)</time>" in act
    assert "the signature is valid" in act
    raw = act.partition("<pre>")[2].partition("</pre>")[0]
    assert "90/QĐ-UBND" in raw, "a clerk reads no \\u0110"
    verified = reader.get(f"/ho-so/{case}/kiem-chung").text
    assert "socai case verify" in verified


def test_what_was_signed_is_read_as_it_stands_and_nothing_in_it_hides() -> None:
    """Letters as letters, what nobody sees as its escape: it is the same JSON."""
    said = {"Đơn": "Bắc\u202eNinh\u00a0\U000e0041\n<b>"}
    shown = verbatim(said)
    assert '"Đơn": "Bắc\\u202eNinh\\u00a0\\udb40\\udc41\\n<b>"' in shown
    assert orjson.loads(shown) == said


def test_a_case_that_is_longer_than_a_page_is_found_through_and_shown_at_any_statement(
    compartments: Compartments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By type and agency, in either order, and by number, wherever in it: not of one page alone."""
    monkeypatch.setattr(timeline, "MOST", "2")
    reader = PageReader(compartments.service).sign_in(WHOLE)
    case = f"/ho-so/{compartments.hidden.case}"
    headers = compartments.service.headers(WHOLE)
    call = f"/v1/cases/{compartments.hidden.case}/acts"
    acts = compartments.service.client.get(call, headers=headers).get_json()["acts"]
    first = reader.get(f"{case}/dien-bien").text
    assert "(1–6)" in first
    assert first.count('<li class="lane-') == 2 < len(acts)
    assert "see Next page" in first
    sought = reader.get(f"{case}/dien-bien?hanh-vi=CompetenceDetermined").text
    assert sought.count('<li class="lane-') == 1
    assert 'href="lan-ghi/3"' in sought
    assert "no such act" in reader.get(f"{case}/dien-bien?co-quan=bacninh.h-g").text
    assert set(re.findall(r'<option value="(\w*)"', sought.partition('id="f-hanh-vi"')[2])) == {
        "",
        *(act["act"] for act in acts),
    }
    newest = _every_page(reader, f"{case}/dien-bien?dong-ho=occurred")
    assert newest == [act["statements"][0]["seq"] for act in sorted(acts, key=_happened)]
    at = reader.get(f"{case}/dien-bien?lan=5").text
    assert "at statement 5 of 6" in at
    assert 'href="lan-ghi/5"' in at, "which is on another page of it"
    assert 'rel="next" href="?lan=6#luc-do"' in at
    assert "Changes: " in reader.get(f"{case}/so-sanh?tu=1&den=5").text
    assert "brought a file: see the others" not in reader.get(f"{case}/tai-lieu").text
    last = reader.get(_link("next", reader.get(f"{case}/tai-lieu").text)).text
    assert "No act of this page has brought a file" in last
    assert f'href="{case}/tai-lieu"' in last.partition('aria-label="Next page"')[2]
    for path, field in (("hanh-vi=No", "Type of act"), ("co-quan=bacninh.none", "its author"),
                        ("dong-ho=none", "By which clock"), ("lan=7", "at statement")):  # fmt: skip
        refused = reader.get(f"{case}/dien-bien?{path}")
        assert refused.status_code == 400, path
        assert field in refused.text.partition("<main")[2], path


def _happened(act: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(act["occurred_at"] or act["statements"][0]["recorded_at"])


def _link(rel: str, text: str) -> str:
    found = re.search(f'rel="{rel}" href="([^"]+)"', text)
    return "" if found is None else html.unescape(found[1])


def _every_page(reader: PageReader, path: str) -> list[int]:
    """Places of the acts that are shown, from page to page."""
    shown: list[int] = []
    while path:
        text = reader.get(path).text
        shown += map(int, re.findall(r'href="lan-ghi/(\d+)"', text))
        path = _link("next", text)
    return shown


def test_the_state_at_a_statement_is_shown_without_a_script(
    reader: PageReader, compartments: Compartments
) -> None:
    """By an address; a number that is none here says so, and changes nothing."""
    path = f"/ho-so/{compartments.hidden.case}/dien-bien"
    first = reader.get(f"{path}?lan=1").text
    assert "How the case stood at statement 1 of" in first
    assert re.search("<dd>received[ <]", first.partition('<ol class="timeline')[0])
    second = reader.get(f"{path}?lan=2").text.partition('<ol class="timeline')[0]
    assert "just changed" in second
    assert 'rel="prev" href="?lan=1#luc-do"' in second
    for bad in ("0", "999", "-1", "x", "1e3", "٣"):
        refused = reader.get(f"{path}?lan={bad}")
        assert refused.status_code == 400, bad
        assert "there is no statement of this number" in refused.text
    assert "how the case stood" not in reader.get(path).text.lower()


def test_the_state_on_a_day_is_what_was_known_or_what_was_so(
    reader: PageReader, compartments: Compartments
) -> None:
    """By either clock; before the case there was none, and the future is refused."""
    path = f"/ho-so/{compartments.hidden.case}/dien-bien"
    first = reader.get(f"{path}.json").get_json()["acts"][0]
    at = {"recorded": first["statements"][0]["recorded_at"], "occurred": first["occurred_at"]}
    for clock, said in (("recorded", "As the ledger stood at"), ("occurred", "What had happened")):
        page = reader.get(f"{path}?luc={quote(at[clock])}&dong-ho={clock}").text
        assert said in page, clock
        assert re.search("<dd>received[ <]", page)
    assert "had not been opened then" in reader.get(f"{path}?luc=2024-06-03").text
    for bad in ("luc=2999-01-01", "luc=yesterday", "dong-ho=sundial"):
        assert reader.get(f"{path}?{bad}").status_code in (400, 422), bad


def test_a_moment_may_be_typed_as_the_pages_tell_it(compartments: Compartments) -> None:
    """A day, or a time in the zone that was chosen or is named behind it; day before month."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    case = f"/ho-so/{compartments.hidden.case}"
    told = re.search(r"datetime=\S+>([^<]+)<", reader.get(f"{case}/dien-bien").text)
    assert told is not None

    def stood(at: str) -> str:
        page = reader.get(f"{case}/dien-bien?luc={quote(at)}")
        assert page.status_code == 200, (at, page.text)
        return page.text.partition('<section id="luc-do"')[2].partition("</section>")[0]

    assert stood(told[1])
    assert stood("4/6/2024") == stood("04/06/2024") == stood("2024-06-04") != stood("2024-06-03")
    at = stood("2024-06-04T08:13:00+07:00")
    assert stood("04/06/2024 08:13") == stood(" 04/06/2024 08:13:00 (GMT+7)") == at
    assert stood("04/06/2024 01:13 (UTC)") == at != stood("04/06/2024 00:00")
    assert reader.get(f"{case}/so-sanh?tu=04/06/2024%2008:13&den=4/6/2024").status_code == 200
    assert reader.get(f"{case}/so-sanh.json?tu=04/06/2024&den=4").status_code == 200
    reader.post("/mui-gio", {"form": reader.token(), "zone": "utc"})
    assert "01:13" in stood("04/06/2024 01:13"), "in the zone of the page"
    for bad in ("31/02/2024", "29/02/2023", "6/4", "04/06/24", "04/06/2024 24:00", "13/13/2024"):
        refused = reader.get(f"{case}/dien-bien?luc={quote(bad)}")
        assert refused.status_code == 400, bad


def test_a_field_takes_what_was_copied_from_elsewhere(compartments: Compartments) -> None:
    """With what nobody sees of it; a field of blanks is not filled in."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    case = f"/ho-so/{compartments.hidden.case}"
    for page, plain in (
        ("/ho-so.json?q=%20%C2%A0%E2%80%8B", "/ho-so.json"),
        (
            "/ho-so.json?q=%09b%E1%BB%87nh%09vi%E1%BB%87n",
            "/ho-so.json?q=b%E1%BB%87nh%20vi%E1%BB%87n",
        ),
        ("/ho-so.json?state=VERIFYING%C2%A0", "/ho-so.json?state=VERIFYING"),
        ("/ho-so.json?opened_from=%E2%80%8B2024-06-04", "/ho-so.json?opened_from=2024-06-04"),
        ("/ho-so.json?opened_to=4/6/2024%C2%A0", "/ho-so.json?opened_to=2024-06-04"),
        (f"{case}/so-sanh.json?tu=%E2%80%8B1&den=3", f"{case}/so-sanh.json?tu=1&den=3"),
        ("/thay-doi.json?tu=3%C2%A0", "/thay-doi.json?tu=3"),
    ):
        found, meant = reader.get(page), reader.get(plain)
        assert (found.status_code, meant.status_code) == (200, 200), (page, found.text)
        assert found.data == meant.data, page
    assert 'value="2024-06-04"' in reader.get("/ho-so?opened_from=04/06/2024").text
    assert 'value="2024-06-04"' in reader.get("/co-quan?as_of=4/6/2024").text


def test_an_answer_that_a_terminal_broke_into_lines_signs_in(compartments: Compartments) -> None:
    """As it is copied out of tmux or PuTTY, which copy the line as they show it."""
    reader = PageReader(compartments.service)
    answer = reader.answer(WHOLE)
    lines = [answer[n : n + 80] for n in range(0, len(answer), 80)]
    assert len(lines) > 3
    assert reader.send("\r\n".join(lines) + "\u200b\n").status_code == 303


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_refusal_says_nothing_that_only_a_program_writes(
    compartments: Compartments, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No code of a list, no call, no parameter by its name; a day is written as pages write it."""
    monkeypatch.setattr(limits, "RENDERED", 1)  # as of a case of a thousand statements
    reader = PageReader(compartments.service, lang=lang).sign_in(WHOLE)
    case = f"/ho-so/{compartments.hidden.case}"
    for path in (
        "/ho-so?state=NOTHING",
        "/ho-so?act=Nothing",
        "/ho-so?sort=colour",
        "/ho-so?agency=bacninh.none",
        "/ho-so?due_before=yesterday",
        "/ho-so?opened_from=2024-06-04&opened_to=2024-06-03",
        "/ho-so?cursor=none",
        "/dien-bien?from=2024-06-04&to=2024-06-03",
        f"{case}/dien-bien?luc=2999-01-01",
        f"{case}/vi-sao/state",
        f"{case}/so-sanh?tu=1",
    ):
        page = reader.get(path)
        assert page.status_code == 400, path
        told = page.text.partition("<main")[2].partition("</main>")[0]
        said = re.sub(r"<code>.*?</code>|<[^>]*>", "", told)
        assert not re.search(r"[A-Za-z]+_[A-Za-z]+|/v1/|`|RECEIVED|ReportReceived|Ledger-", said), (
            said
        )
        assert "yesterday" not in path or "04/06/2024 08:12" in said


def test_where_a_case_is_too_long_for_why_the_page_leads_to_what_changed_the_field(
    compartments: Compartments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal told of moments to compare and gave no place to do it; the timeline has none."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    case = f"/ho-so/{compartments.hidden.case}"
    last = reader.get(f"{case}/dien-bien.json").get_json()["statements"]
    changed = reader.get(f"{case}/so-sanh.json?tu={last - 1}").get_json()["changes"]
    monkeypatch.setattr(limits, "RENDERED", last * (last + 1) // 2 - 1)
    page = reader.get(f"{case}/vi-sao{changed[0]['pointer']}")
    assert page.status_code == 400
    form = page.text.partition(f'action="{case}/so-sanh"')[2].partition("</form>")[0]
    assert 'name="tu" required' in form
    assert f'href="{case}/dien-bien"' in page.text
    found = reader.get(f"{case}/so-sanh?tu={last - 1}&den=")
    assert found.status_code == 200
    assert "/lan-ghi/" in found.text


def test_no_browser_keeps_a_form_of_the_sign_in(compartments: Compartments) -> None:
    """Its challenge is taken once: Back would show one that is refused."""
    page = PageReader(compartments.service).get("/dang-nhap")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")


def test_a_refusal_names_the_field_and_the_way_on(compartments: Compartments) -> None:
    """By the words that asked for it, once; what only a program can do is not asked of a reader."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    case = f"/ho-so/{compartments.hidden.case}"
    for path, field in (
        ("/ho-so?opened_from=2024-02-31", "Came in on or after"),
        ("/ho-so?q=%F0%9F%94%A5", "Case number, document number or words"),
        ("/thong-ke?from=2024-12-31&to=2024-01-01", "From the day"),
        (f"{case}/dien-bien?luc=yesterday", "Or on a day, or at a time"),
        (f"{case}/dien-bien?lan=1,000", "The case at statement"),
        (f"{case}/so-sanh?tu=500", "From (a statement, a day or a time)"),
        (f"{case}/so-sanh?tu=1&den=yesterday", "To (empty: now)"),
        ("/thay-doi?tu=x", "Or behind this record of the log"),
    ):
        page = reader.get(path)
        assert page.status_code == 400, path
        assert page.text.count(f">{field}</label>") == 1, path
        assert "Correct it here and ask again" in page.text
        assert "`errors`" not in page.text
    token = reader.token()
    reader.client.delete_cookie("socai-rehearsal-session")
    over = reader.post("/thay-doi", {"form": token, "upto": "1"})
    assert over.status_code == 401
    assert "POST /v1" not in over.text
    assert 'href="/dang-nhap?next=%2Fthay-doi">' in over.text.partition("<main")[2]


def test_one_wrong_field_of_many_is_put_right_where_it_is_refused(
    compartments: Compartments,
) -> None:
    """With what was typed and what is wrong with it; the rest is kept, and is asked for again."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    case = f"/ho-so/{compartments.hidden.case}"
    asked = "/ho-so?q=s%E1%BB%9F+%22y%22&state=VERIFYING&sort=&opened_from="
    form = _mending(reader, f"{asked}31%2F2%2F2024")
    told = {"q": "sở &#34;y&#34;", "state": "VERIFYING", "opened_from": "31/2/2024", "sort": ""}
    assert _typed(form) == told
    said = re.search(r'name="opened_from".+?aria-describedby="(.+?)">\s*<span .*?id="\1">', form)
    assert said is not None
    assert "write it like" in form[said.end() :].partition("</span>")[0]
    assert reader.get(f"{asked}29%2F2%2F2024").status_code == 200
    between = _typed(_mending(reader, f"{case}/so-sanh?tu=500&den=2&dong-ho="))
    assert between == {"tu": "500", "den": "2", "dong-ho": ""}
    assert "cursor" not in _typed(_mending(reader, f"{case}/dien-bien?luc=x&cursor="))


def _mending(reader: PageReader, path: str) -> str:
    """The form of the page that refuses an address."""
    page = reader.get(path)
    assert page.status_code == 400, path
    action = path.partition("?")[0]
    form = page.text.partition(f'<form class="filters" method="get" action="{action}">')[2]
    return form.partition("</form>")[0]


def _typed(form: str) -> dict[str, str]:
    return dict(re.findall(r'<input [^>]*name="([^"]+)" value="([^"]*)"', form))


def test_a_form_of_before_the_sign_in_is_kept_and_sent_anew(compartments: Compartments) -> None:
    """Signed in again in another window: what it says is not lost, and one click sends it."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    own = {"Sec-Fetch-Site": "same-origin"}
    stale = reader.token()
    reader.sign_in(WHOLE)
    for path, members, back in (
        ("/thay-doi", {"upto": "3"}, "/thay-doi"),
        ("/mui-gio", {"zone": "utc", "next": "/khoa?limit=1&cursor="}, "/khoa?limit=1&cursor="),
        ("/ngon-ngu", {"lang": "en", "next": "/khoa"}, "/khoa"),
        ("/ngon-ngu", {"lang": "en", "next": "//elsewhere.example/khoa"}, "/"),
        ("/dang-xuat", {}, "/"),
    ):
        refused = reader.post(path, {"form": stale, **members}, own)
        main = refused.text.partition("<main")[2].partition("</main>")[0]
        assert refused.status_code == 400, path
        assert "Nothing was recorded of what was sent" in main, path
        assert f'<a href="{html.escape(back)}">Back to the page of the form</a>' in main
        kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', main))
        assert {name: html.unescape(text) for name, text in kept.items() if name != "form"} == (
            members
        )
        assert f'action="{path}"' in main, path
        assert reader.post(path, {**members, "form": kept["form"]}, own).status_code == 303, path
    assert (reader.cookie("lang"), reader.cookie("zone")) == ("en", "utc")
    assert reader.get("/ho-so").status_code == 303, "signed out"
    assert "You are signed out" in reader.get("/?ra=1").text
    signing_in = {"form": stale, "answer": reader.answer(WHOLE), "next": "/khoa"}
    refused = reader.post("/dang-nhap", signing_in, own)
    assert signing_in["answer"] in html.unescape(refused.text), "an answer is good for two minutes"
    taken = reader.post("/dang-nhap", signing_in | {"form": mark_of(refused.text)}, own)
    assert (taken.status_code, taken.headers["Location"]) == (303, "/khoa")


def test_a_timeline_has_a_lane_for_each_agency_and_either_order(
    reader: PageReader, compartments: Compartments
) -> None:
    """The same acts in every form; on the other clock by when they happened."""
    path = f"/ho-so/{compartments.hidden.case}/dien-bien"
    forms = [reader.get(f"{path}{query}").text
             for query in ("", "?xem=chi-tiet", "?dong-ho=occurred")]  # fmt: skip
    shown = [re.findall(r'<li class="lane-\d[^>]*>\s*<h2>(\d+)\. ', text) for text in forms]
    assert [sorted(one) for one in shown] == [sorted(shown[0])] * 3
    assert 'href="?xem=chi-tiet"' in forms[0]
    assert 'href="?dong-ho=occurred"' in forms[0]
    acts = reader.get(f"{path}.json").get_json()["acts"]
    by_happening = sorted(acts, key=lambda act: (act["occurred_at"], act["statements"][0]["seq"]))
    assert shown[2] == [str(act["statements"][0]["seq"]) for act in by_happening]
    asked = [act for act in acts if act["act"] == "VerificationRequested"]
    narrowed = reader.get(f"{path}?hanh-vi=VerificationRequested").text
    assert narrowed.count('<li class="lane-') == len(asked) < len(acts)
    assert reader.get(f"{path}?co-quan=nobody").status_code == 400


def test_every_value_of_a_case_says_why(reader: PageReader, compartments: Compartments) -> None:
    """By the acts that set it, the newest first; a deadline and a flag by the act behind them."""
    case = compartments.hidden.case
    file = reader.get(f"/ho-so/{case}").text
    reasons = re.findall(rf'href="(/ho-so/{case}/vi-sao/[^"]+)"', file)
    assert len(reasons) > 5
    for path in reasons:
        assert reader.get(path).status_code == 200, path
    why = f"/ho-so/{case}/vi-sao/state"
    states = [one["new"] for one in reader.get(f"{why}.json").get_json()["changes"]]
    assert len(states) > 1
    words = [life_cycle().labels[one][1] for one in states]
    assert re.findall(r"<ins>([^<]*)</ins>", reader.get(why).text) == words[::-1]
    acts = set(re.findall(r'href="(/lan-ghi/[^"]+)"', file))
    assert acts
    for path in acts:
        assert reader.get(path).status_code == 200, path
    unset = reader.get(f"/ho-so/{case}/vi-sao/outcome").text
    assert "No act that can be read has set this field" in unset


def test_a_file_is_got_from_a_page_and_the_read_stands_in_its_custody(
    reader: PageReader, compartments: Compartments
) -> None:
    """From the act and from the documents of the case; byte for byte, and nothing is run."""
    case, act = compartments.hidden.case, compartments.hidden.act
    path = f"/tep/{act}/{DIGEST}"
    for page in (f"/ho-so/{case}/lan-ghi/1", f"/ho-so/{case}/tai-lieu"):
        assert f'href="{path}"' in reader.get(page).text, page
    custody = f"{path}/luu-giu"
    before = len(reader.get(f"{custody}.json").get_json()["events"])
    got = reader.get(path)
    assert (got.status_code, got.data) == (200, FILE)
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in got.headers["Content-Security-Policy"]
    events = reader.get(f"{custody}.json").get_json()["events"]
    assert len(events) == before + 1
    assert "Chuyên viên" in reader.get(custody).text, "by post"
    again = reader.get(path, **{"If-None-Match": got.headers["ETag"]})
    assert again.status_code == 304, "nothing is handed out"
    assert PageReader(compartments.service).get(path).status_code == 303


def test_times_are_told_in_the_zone_that_was_chosen(compartments: Compartments) -> None:
    """Everywhere on the page, with its name; what an act says itself stays as it was signed."""
    case = compartments.hidden.case
    reader = PageReader(compartments.service).sign_in(WHOLE)
    timeline = f"/ho-so/{case}/dien-bien"
    at = datetime.fromisoformat(
        reader.get(f"{timeline}.json").get_json()["acts"][0]["occurred_at"]
    ).astimezone(UTC)
    pages = (f"/ho-so/{case}", f"/ho-so/{case}/dien-bien?lan=2", f"/ho-so/{case}/so-sanh?tu=1",
             "/ho-so")  # fmt: skip
    for path in pages:
        assert "(UTC)" not in reader.get(path).text
    token = reader.token()
    led = reader.post("/mui-gio", {"form": token, "zone": "utc", "next": "/ho-so"})
    assert led.headers["Location"] == "/ho-so"
    for path in pages:
        text = reader.get(path).text
        assert "(UTC)" in text, path
        assert "(GMT+7)" not in text, path
    assert f"{at:%d/%m/%Y %H:%M:%S} (UTC)" in reader.get(timeline).text
    assert reader.post("/mui-gio", {"form": token, "zone": "mars"}).status_code == 400
    reader.post("/mui-gio", {"form": token, "zone": "vn"})
    assert f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S} (GMT+7)" in reader.get(timeline).text


def test_what_is_new_is_shown_from_where_the_reader_left_off(compartments: Compartments) -> None:
    """Kept in the browser for the key that read; another's number is not taken for one's own."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    first = reader.get("/thay-doi").text
    assert "does not know yet" in first
    every = reader.get("/thay-doi?tu=0").text
    assert every.count('<th scope="row">') > 4
    newest = re.search(r'name="upto" value="(\d+)"', every)
    assert newest is not None
    kept = reader.post("/thay-doi", {"form": reader.token(), "upto": newest[1]})
    assert (kept.status_code, kept.headers["Location"]) == (303, "/thay-doi")
    nothing = reader.get("/thay-doi").text
    assert "Nothing that you see was recorded" in nothing
    assert f"#{newest[1]}" not in nothing.partition("<form")[0], "no span from 8 to 7"
    reader.send(reader.answer(STRANGER))
    assert "does not know yet" in reader.get("/thay-doi").text
    for bad in ("tu=-1", "tu=x", "tu=99999999", f"tu={'9' * 40}"):
        assert reader.get(f"/thay-doi?{bad}").status_code == 400, bad
    assert reader.post("/thay-doi", {"form": reader.token(), "upto": "x"}).status_code == 400


def test_a_measure_without_a_finding_stands_in_the_worklist_of_who_supervises(
    service: Service,
) -> None:
    """One click from the worklist, one command from it; gone once something was found."""
    service.hire("hotline", "cv", "tp", "gd")
    story = a_case_in("VERIFYING")
    measure = story.then("ImmediateMeasureTaken", by="tp", also=["gd"])
    service.known(service.tell(story)[-1]["index"])
    page = PageReader(service).sign_in("tp").get("/viec-can-lam?team=true").text
    _, _, behind = page.partition("Measures still in force without a finding</h2>")
    assert f'href="/lan-ghi/{measure.act.act_id}"' in behind
    assert 'href="/dien-bien?figure=MEASURE_NO_FINDING"' in behind
    own = PageReader(service).sign_in("cv").get("/viec-can-lam").text
    assert "without a finding" not in own


def test_a_figure_leads_to_the_cases_that_it_counts(reader: PageReader) -> None:
    """With its definition, its period and the record up to which it counts."""
    path = "/thong-ke?from=2024-01-01&to=2024-12-31"
    page = reader.get(path).text
    told = reader.get(path.replace("?", ".json?")).get_json()
    assert told["total"]
    assert f"up to record #{told['index']}" in page
    assert all(html.escape(one["means_en"]) in page for one in told["figures"])
    listed = html.unescape(re.findall(r'href="(/ho-so\?figure=[^"]+)"', page)[0])
    cases = reader.get(listed).text
    assert len(set(re.findall(r'<th scope="row"><a href="/ho-so/', cases))) == 1
    assert cases.count('<th scope="row"><a href="/ho-so/') == told["total"]
    assert reader.get("/ho-so?figure=OVERTURNED&counted_from=2024-01-01").text.count("/thong-ke")


def test_what_an_act_is_checked_by_is_one_file(
    reader: PageReader, compartments: Compartments
) -> None:
    """Records byte for byte, each with its path to a signed checkpoint, as the call gives them."""
    act = compartments.hidden.act
    assert f'href="/lan-ghi/{act}/bang-chung" download' in reader.get(f"/lan-ghi/{act}").text
    got = reader.get(f"/lan-ghi/{act}/bang-chung")
    assert got.headers["Content-Disposition"] == f'attachment; filename="{act}.json"'
    for one in got.get_json()["records"]:
        proof = inclusion_from_json(one["proof"])
        vkeys = [VKey.parse(text) for text in compartments.service.enclave.vkeys]
        entry = record.entry(unb64(one["envelope"]))
        verify_inclusion(proof, entry, vkeys, origin=compartments.service.enclave.facts.origin)


def test_no_code_stands_on_a_page(reader: PageReader, compartments: Compartments) -> None:
    """Words of the field alone; what a program would use is in the twin, in `code` and in `pre`."""
    case, act = f"/ho-so/{compartments.hidden.case}", compartments.hidden.act
    parts = ("", "/dien-bien?lan=3&xem=chi-tiet", "/tai-lieu", "/thoi-han", "/lien-he",
             "/so-sanh?tu=1&den=4", "/kiem-chung", "/vi-sao/clocks", "/vi-sao/flags")  # fmt: skip
    for path in (*(f"{case}{part}" for part in parts), f"/lan-ghi/{act}", "/ho-so", "/dien-bien",
                 "/thay-doi?tu=0", "/viec-can-lam?team=true", "/thong-ke",
                 "/nhat-ky-truy-cap"):  # fmt: skip
        main = reader.get(path).text.partition("<main")[2].partition("</main>")[0]
        shown = re.sub(r"<(code|pre)\b.*?</\1>", "", main, flags=re.DOTALL)
        said = html.unescape(re.sub(r"<[^>]*>", " ", shown))
        written = re.sub(r"Mục \w+", "", said)  # as the builders fill in a text
        assert codes_in(written) == [], path


def test_no_page_waits_for_what_is_not_there_yet(
    reader: PageReader, compartments: Compartments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting is charged to whoever asks a call for it; a page and its twin are no such way."""

    def waits(*_: object) -> int:
        raise AssertionError("it waits")

    monkeypatch.setattr(type(compartments.service.enclave.queries.positions), "wait", waits)
    newest = compartments.service.size() - 1
    for path in (f"/thay-doi?tu={newest}", f"/thay-doi.json?tu={newest}"):
        assert reader.get(path, Prefer="wait=20").status_code == 200, path


def test_the_registry_is_a_table_and_no_list_of_cases_is(
    reader: PageReader, compartments: Compartments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What names no case may be taken along, all of it; of cases nothing without a permit (A23)."""
    monkeypatch.setattr(lists, "_MOST", "2")  # more lines than one call gives
    headers = compartments.service.headers(WHOLE)
    for path, first, call in (
        ("/co-quan", "Name", "/v1/agencies"),
        ("/khoa", "Key", "/v1/keys"),
    ):
        whole = compartments.service.client.get(f"{call}?limit=200", headers=headers).get_json()
        for condition in ({"If-Match": '"x"'}, {"If-None-Match": "*"}):
            assert reader.get(f"{path}.csv", **condition).status_code == 200, condition
        got = reader.get(f"{path}.csv")
        assert got.content_type == "text/csv; charset=utf-8", path
        rows = list(csv.reader(io.StringIO(got.data.decode("utf-8-sig"))))
        assert rows[0][0] == first
        assert len({len(row) for row in rows}) == 1
        (lines,) = (value for value in whole.values() if isinstance(value, list))
        assert len(rows) - 1 == len(lines) > 3
        assert f'href="{path}.csv"' in reader.get(path).text
        assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]
    case = compartments.hidden.case
    for path in ("/ho-so", "/dien-bien", "/viec-can-lam", "/thay-doi", f"/ho-so/{case}",
                 f"/ho-so/{case}/dien-bien", f"/ho-so/{case}/tai-lieu"):  # fmt: skip
        assert reader.get(f"{path}.csv").status_code == 404, path
        assert ".csv" not in reader.get(path).text, path


def test_two_moments_are_compared_by_statement_day_and_time(
    reader: PageReader, compartments: Compartments
) -> None:
    """Turned round they are swapped, and it is said; what is no moment is refused."""
    path = f"/ho-so/{compartments.hidden.case}/so-sanh"
    assert "<del>" not in reader.get(path).text
    changed = reader.get(f"{path}?tu=1&den=3").text
    assert "Changes: " in changed
    assert "<ins>" in changed
    assert "were swapped" in reader.get(f"{path}?tu=3&den=1").text
    assert "Nothing changed" in reader.get(f"{path}?tu=3&den=3").text
    by_time = reader.get(f"{path}?tu=2024-06-04T08:13:00%2B07:00&dong-ho=occurred")
    assert by_time.status_code == 200, by_time.text
    for bad in ("tu=yesterday", "tu=1&den=77", "tu=2999-01-01"):
        assert reader.get(f"{path}?{bad}").status_code in (400, 422), bad


def test_lists_say_that_they_are_empty_and_how_to_go_on(compartments: Compartments) -> None:
    """A filter that finds nothing is named and can be cleared; what is no filter is refused."""
    reader = PageReader(compartments.service).sign_in(STRANGER)
    none = reader.get("/ho-so?state=CLOSED")
    assert "There is no such case" in none.text
    assert 'href="/ho-so">Clear the filters' in none.text
    assert 'value="CLOSED" selected' in none.text
    assert reader.get("/ho-so?state=&agency=&q=").status_code == 200
    for bad in ("state=NOTHING", "agency=%3Cscript%3E", "secret=1", "state=CLOSED&state=CLOSED"):
        refused = reader.get(f"/ho-so?{bad}")
        assert refused.status_code == 400, bad
        assert "<h1>" in refused.text
    nobody = reader.get("/ho-so?q=0912345678")
    assert nobody.status_code == 400, "nobody is looked for by their telephone"


def test_a_long_list_goes_on_from_page_to_page(compartments: Compartments) -> None:
    """Older, by the link; each key once; back to the first page."""
    reader = PageReader(compartments.service).sign_in(WHOLE)
    seen: list[str] = []
    page = reader.get("/khoa?limit=3").text
    while True:
        seen += re.findall(r'<th scope="row"><code>([\w-]{43})</code>', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        if older is None:
            break
        page = reader.get(older[1].replace("&amp;", "&")).text
        assert 'href="/khoa">To the first page' in page
        assert re.search(r"[123] lines? on this page\. Order: in the order", page)
    every = compartments.service.get("/v1/keys", WHOLE, limit=200).get_json()["keys"]
    assert seen == [one["kid"] for one in every]
    assert f"{len(every)} lines in all. Order: " in reader.get("/khoa").text
    for path, order in (
        ("/ho-so", "last act, newest first"),
        ("/ho-so?sort=case_number", "case number"),
        ("/dien-bien", "newest first"),
        ("/co-quan", "as the registry has them"),
    ):
        said = re.search(
            r"[0-9]+ lines? (?:in all|on this page)\. Order: ([^.]+)\.", reader.get(path).text
        )
        assert said is not None, path
        assert said[1] == order


def test_both_languages_are_whole_and_kept(compartments: Compartments) -> None:
    """Every text of the frame in each; what is chosen stands over what the browser asks for."""
    case = compartments.hidden.case
    reader = PageReader(compartments.service, lang="vi").sign_in(WHOLE)
    for path in ("/", "/ho-so", f"/ho-so/{case}", f"/ho-so/{case}/lan-ghi/1", "/viec-can-lam"):
        page = reader.get(path)
        assert page.headers["Content-Language"] == "vi"
        assert '<html lang="vi">' in page.text
        for english in ("Skip to", "Sign ", "What ", "Agencies", "recorded", "Filter", "Older"):
            assert english not in page.text, (path, english)
    led = reader.post(
        "/ngon-ngu", {"form": reader.token(), "lang": "en", "next": "/ho-so?state=CLOSED"}
    )
    assert led.headers["Location"] == "/ho-so?state=CLOSED"
    chosen = reader.get("/ho-so")
    assert '<html lang="en">' in chosen.text
    assert "Việc cần làm" not in chosen.text
    assert reader.post("/ngon-ngu", {"form": reader.token(), "lang": "xx"}).status_code == 400


def test_what_is_vietnamese_on_an_english_page_says_so(
    reader: PageReader, compartments: Compartments
) -> None:
    """Or it is read aloud as if it were English: titles, names of agencies and of posts."""
    case = f"/ho-so/{compartments.hidden.case}"
    of_case = (case, f"{case}/dien-bien", f"{case}/kiem-chung")
    for path in ("/ho-so", "/viec-can-lam", "/dien-bien", "/co-quan", *of_case):
        main = reader.get(path).text.partition("<main")[2].partition("</main>")[0]
        assert '<span lang="vi">' in main, path
        plain = re.sub(r'(?s)<form.*?</form>|<span lang="vi">.*?</span>', "", main)
        assert re.findall("[^<>]*[ăâđêôơưạảấầếềộứ][^<>]*", plain.casefold()) == [], path
    vietnamese = PageReader(compartments.service, lang="vi").sign_in(WHOLE)
    assert '<span lang="vi">' not in vietnamese.get(case).text


def test_no_two_choices_of_a_list_are_called_alike(reader: PageReader) -> None:
    """Whoever carries on for an agency has its name: 39 of 70 agencies could not be told apart."""
    for path in ("/ho-so", "/dien-bien", "/thong-ke"):
        page = reader.get(path).text
        for name, options in re.findall(r'(?s)<select[^>]*name="([^"]+)"(.*?)</select>', page):
            called = re.findall(r"<option[^>]*>([^<]+)", options)
            assert called
            assert len({*called}) == len(called), (path, name)


def test_every_text_of_the_table_is_used_and_none_is_missing() -> None:
    """A template that asks for another fails when it is shown, which a test of it would see."""
    sources = [path.read_text("utf-8") for path in FOLDER.rglob("*") if path.suffix in
               {".html", ".py"} and path.name != "say.py"]  # fmt: skip
    text = "\n".join(sources)
    made = ("level_", "f_sorted_", "relations_", "clock_", "reads_")
    unused = [name for name in say.SAY
              if f'"{name}"' not in text and f"'{name}'" not in text
              and not name.startswith(made)]  # fmt: skip
    assert unused == []
    asked = set(re.findall(r"""\bsay\(["'](\w+)["']""", text))
    asked |= set(re.findall(r"""\bspoken\(["'](\w+)["']""", text))
    assert asked - say.SAY.keys() - set(made) == set()


def test_every_part_of_the_work_has_its_place_on_the_page() -> None:
    """A part that the API adds is shown at the end, and in words: here it is given its place."""
    parts = {name for name, one in WorklistShownSchema().fields.items()
             if isinstance(one, fields.List) and name not in ("team", "other_keys")}  # fmt: skip
    assert parts == set(PARTS_OF_WORK)


def test_a_stranger_is_told_what_the_log_is_and_how_to_check_it(compartments: Compartments) -> None:
    """Without a session, a cookie or a script."""
    page = PageReader(compartments.service).get("/").text
    facts = compartments.service.enclave.facts
    assert facts.origin in page
    assert facts.genesis in page
    assert "socai log checkpoint --server http://localhost" in page
    for path in ("/docs", "/spec", "/v1/public/acts", "/dang-nhap"):
        assert f'href="{path}"' in page
    assert "<script" not in page
    assert "REHEARSAL" in page


def test_whoever_is_not_signed_in_is_led_there_and_back(compartments: Compartments) -> None:
    """A page by a redirect, its twin by the API's refusal."""
    reader = PageReader(compartments.service)
    led = reader.get("/ho-so?state=CLOSED")
    assert led.status_code == 303
    looked = reader.client.head("/ho-so?state=CLOSED")
    assert (looked.status_code, looked.headers["Location"]) == (303, led.headers["Location"])
    page = reader.get(led.headers["Location"]).text
    assert 'name="next" value="/ho-so?state=CLOSED"' in page
    twin = reader.get("/ho-so.json")
    assert (twin.status_code, twin.get_json()["code"]) == (401, "not_signed_in")
    taken = reader.send(reader.answer(WHOLE), "/ho-so?state=CLOSED")
    assert taken.headers["Location"] == "/ho-so?state=CLOSED"


@pytest.mark.parametrize("alias", [WHOLE, PART])
def test_no_link_of_a_page_leads_to_a_refusal(compartments: Compartments, alias: str) -> None:
    """To whom a part of a case is shown, what is of the whole case is not offered."""
    case = f"/ho-so/{compartments.hidden.case}"
    found = walked(PageReader(compartments.service).sign_in(alias), "/ho-so", case)
    assert len(found) > 20
    assert {path: status for path, status in found.items() if status >= 400} == {}
    own = builders.key(alias).kid
    assert {path.removesuffix(".json") for path in found if path.startswith("/khoa/")} == {
        f"/khoa/{own}"
    }


def test_an_address_that_leads_nowhere_is_a_page_in_a_browser(reader: PageReader) -> None:
    """And the API's problem to whatever asks for anything else, or below /v1."""
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    lost = reader.get("/ho-s", **browser)
    assert (lost.status_code, lost.content_type) == (404, "text/html; charset=utf-8")
    assert "Not found, or you may not see it" in lost.text
    assert "Sign out" in lost.text
    for path, sent in (("/ho-s", {}), ("/v1/nothing", browser), ("/ho-s", {"Accept": "*/*"})):
        answer = reader.get(path, **sent)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found"), path


def test_what_a_case_is_about_stands_with_its_number(
    reader: PageReader, compartments: Compartments
) -> None:
    """In the list and on its page."""
    for path in ("/ho-so", f"/ho-so/{compartments.hidden.case}"):
        assert TITLE in reader.get(path).text, path


def test_every_page_of_a_case_says_of_which_one_it_is(
    reader: PageReader, compartments: Compartments
) -> None:
    """In its window, of which somebody has several, and in the way to it; a part has no number."""
    case = compartments.hidden.case
    for path in ("/dien-bien", "/tai-lieu", "/thoi-han", "/lien-he", "/so-sanh", "/kiem-chung",
                 "/ban-in", "/vi-sao/state", "/lan-ghi/1"):  # fmt: skip
        told = reader.get(f"/ho-so/{case}{path}").text
        assert re.search(r"<title>[^<]+ · Case 2024/0187 · socai</title>", told), path
        assert f'<li><a href="/ho-so/{case}">Case 2024/0187</a></li>' in told, path
    assert reader.get(f"/ho-so/{case}").text.count("Case 2024/0187 · socai</title>") == 1
    part = PageReader(compartments.service).sign_in(PART)
    told = part.get(f"/ho-so/{case}/dien-bien").text
    assert "<h1>Timeline</h1>" in told
    assert "2024/0187" not in told


def test_files_of_the_pages_are_got_once(compartments: Compartments) -> None:
    """By an address of this build alone; each with its type, kept for good."""
    reader = PageReader(compartments.service)
    types = {".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2",
             ".svg": "image/svg+xml", ".txt": "text/plain"}  # fmt: skip
    assert {Path(name).suffix for name in files.contents()} == set(types)
    for name in files.contents():
        got = reader.get(files.address(name))
        assert got.status_code == 200, name
        assert got.content_type.startswith(types[Path(name).suffix]), name
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        known = reader.get(files.address(name), **{"If-None-Match": got.headers["ETag"]})
        assert known.status_code == 304, name
    for path in ("/static/another/socai.css", f"/static/{files.build()}/../frame.py",
                 f"/static/{files.build()}/frame.html", f"/static/{files.build()}/"):  # fmt: skip
        assert reader.get(path).status_code == 404, path


def test_pages_are_small(reader: PageReader, compartments: Compartments) -> None:
    """Style, fonts, scripts and pages within what they are to cost (ADR 75)."""
    sizes = {name: len(data) for name, data in files.contents().items()}
    assert sizes["socai.css"] <= 16 * _KIB
    assert sum(n for name, n in sizes.items() if name.endswith(".woff2")) <= 38 * _KIB
    assert sizes["sign-in.js"] + sizes["argon2-worker.js"] <= 10 * _KIB
    assert sizes["keys.js"] + sizes["session.js"] <= 6 * _KIB
    for path in ("/", "/ho-so", "/viec-can-lam", f"/ho-so/{compartments.hidden.case}/dien-bien"):
        assert len(reader.get(path).data) < 60 * _KIB, path
    assert len(gzip.compress(files.contents()["socai.css"])) < 5 * _KIB


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_page_of_a_long_timeline_keeps_to_its_budget(
    compartments: Compartments, lang: str
) -> None:
    """As many acts as it shows at most, or with every signature, are less than 100 kB."""
    reader = PageReader(compartments.service, lang).sign_in(WHOLE)
    for shown, most in (("", timeline.MOST), ("?xem=chi-tiet", timeline.MOST_DETAILED)):
        page = f"/ho-so/{compartments.hidden.case}/dien-bien{shown}"
        around, acts = _around_and_acts(reader.get(page).text)
        assert around + int(most) * sum(acts) / len(acts) < 100_000, (shown, around, acts)


def _around_and_acts(text: str) -> tuple[int, list[int]]:
    """How many bytes a timeline has around its acts, and each of these."""
    before, _, listed = text.partition('<li class="lane-')
    listed, _, behind = listed.partition("\n</ol>")
    acts = [len(one.encode()) for one in listed.split('<li class="lane-')]
    return len(before.encode()) + len(behind.encode()), acts
