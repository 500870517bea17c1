"""The pages as a door: what is hidden stays so, reads are noted, a session is its holder's alone.

Every rule of the pages stands in one of the tables below, or a test fails: nobody has thought of
who may see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Final

import orjson
import psycopg
import pytest
from werkzeug.test import TestResponse

from api.http.pages import lists
from api.http.pages.all_pages import PAGES
from api.http.pages.frame import local
from keys.canonical import unb64
from ledger.log.statement import AUTHOR, LOGIN_TYP, flattened
from ledger.regulation.acts.act import parse_act
from tests import builders
from tests.a_ledger import ending, revocation
from tests.attacks import attack
from tests.builders import CAST, an_act, officer
from tests.fixtures.app import Service
from tests.fixtures.compartments import PART, SECRET, STRANGER, WHOLE, Ids
from tests.fixtures.page_reader import PageReader, mark_of
from tests.fixtures.under_order import INSPECTOR, UnderOrder

pytestmark = pytest.mark.postgres

_CASE: Final = "/ho-so/{case}"
_FILE: Final = "/tep/{act}/{digest}"
#: Pages that name a case, an act or a file, with the kinds of rows that reading under an order
#: leaves.
NAMED: Final = {
    "/ho-so/{case}": (_CASE, {"CASE_FILE"}),
    "/ho-so/{case}/dien-bien": (f"{_CASE}/dien-bien?lan=1", {"RECORD", "CASE_FILE"}),
    "/ho-so/{case}/vi-sao/{pointer}": (f"{_CASE}/vi-sao/state", {"HISTORY"}),
    "/ho-so/{case}/lan-ghi/{place}": (f"{_CASE}/lan-ghi/1", {"RECORD"}),
    "/lan-ghi/{act_id}": ("/lan-ghi/{act}", {"RECORD"}),
    "/ho-so/{case}/tai-lieu": (f"{_CASE}/tai-lieu", {"RECORD"}),
    "/tep/{act_id}/{digest}/luu-giu": (f"{_FILE}/luu-giu", {"ATTACHMENT"}),
    "/ho-so/{case}/thoi-han": (f"{_CASE}/thoi-han", {"CASE_FILE"}),
    "/ho-so/{case}/lien-he": (f"{_CASE}/lien-he", {"CASE_FILE"}),
    "/ho-so/{case}/so-sanh": (
        f"{_CASE}/so-sanh?tu=1&den=2", {"RECORD", "HISTORY", "CASE_FILE"},
    ),
    "/ho-so/{case}/kiem-chung": (f"{_CASE}/kiem-chung", {"RECORD"}),
    "/ho-so/{case}/ban-in": (f"{_CASE}/ban-in", {"CASE_FILE"}),
}  # fmt: skip
#: What they give out, without a twin.
FILES: Final = {
    "/tep/{act_id}/{digest}": (_FILE, {"ATTACHMENT"}),
    "/lan-ghi/{act_id}/bang-chung": ("/lan-ghi/{act}/bang-chung", {"RECORD"}),
    # of a lower log: tests/e2e/test_merged_history.py
    "/ho-so/{case}/tep-cap-duoi/{act_id}/{digest}": (
        f"{_CASE}/tep-cap-duoi/{{act}}/{{digest}}", None,
    ),
}  # fmt: skip
OF_WHAT_IS_SEEN: Final = (
    "/ho-so", "/viec-can-lam", "/dien-bien", "/thay-doi", "/nhat-ky-truy-cap", "/co-quan", "/khoa",
    "/thong-ke",
)  # fmt: skip
BY_KEY: Final = "/khoa/{kid}"
OF_THE_REGISTRY: Final = frozenset({"/co-quan.csv", "/khoa.csv"})
OF_EVERYBODY: Final = frozenset(
    {"/", "/dang-nhap", "/dang-xuat", "/ngon-ngu", "/mui-gio", "/static/{of_build}/{name}"}
)


def rules(service: Service) -> set[str]:
    """Every rule of the pages, as the tables have them."""
    names = {blueprint.name for blueprint in PAGES}
    return {
        re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
        for rule in service.app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in names
    }


def listed() -> set[str]:
    """Every rule of the tables."""
    seen = {*NAMED, *OF_WHAT_IS_SEEN, BY_KEY}
    return {*OF_EVERYBODY, *OF_THE_REGISTRY, *FILES, *seen, *(f"{rule}.json" for rule in seen)}


def paths(ids: Ids) -> Iterator[tuple[str, set[str]]]:
    """Every page and twin that names a case, an act or a file, written with these."""
    for path, kinds in NAMED.values():
        page, _, query = _written(path, ids).partition("?")
        yield f"{page}?{query}" if query else page, kinds
        yield (f"{page}.json?{query}" if query else f"{page}.json"), kinds


def _written(path: str, ids: Ids) -> str:
    return path.format(case=ids.case, act=ids.act, digest=ids.digest)


def plain(response: TestResponse, ids: Ids) -> tuple[int, list[tuple[str, str]], str]:
    """Status, headers and body, but for when it was asked and by which id."""
    headers = [(name, _unnamed(value, ids)) for name, value in response.headers
               if name not in ("Date", "X-Request-Id")]  # fmt: skip
    text = re.sub(r'"trace_id":"\w+"', "", response.text)
    return response.status_code, headers, _unnamed(text, ids)


def _unnamed(text: str, ids: Ids) -> str:
    for one in (ids.case, ids.act, ids.digest):
        text = text.replace(one, "ID")
    return text


def test_every_page_says_what_it_names(under_order: UnderOrder) -> None:
    """A new page stands in a table."""
    assert rules(under_order.service) == listed()


@attack(
    "a case asked for by its id through the pages, in every form",
    stopped_by="a page asks the API's own view, for its reader; what is hidden is one page",
    noticed_by="-",
)
def test_hidden_and_absent_are_one_page(under_order: UnderOrder) -> None:
    """To the byte and header; neither page says the id."""
    world = under_order.world
    reader = PageReader(world.service).sign_in(STRANGER)
    hidden, absent = world.hidden, world.absent()
    files = [(_written(path, hidden), _written(path, absent)) for path, _ in FILES.values()]
    pairs = [(here, nowhere) for (here, _), (nowhere, _)
             in zip(paths(hidden), paths(absent), strict=True)]  # fmt: skip
    for here, nowhere in (*pairs, *files):
        one, other = plain(reader.get(here), hidden), plain(reader.get(nowhere), absent)
        assert one == other, here
        assert one[0] == 404, here
    for path in OF_WHAT_IS_SEEN:
        for form in (path, f"{path}.json"):
            shown = reader.get(form)
            assert shown.status_code == 200, form
            assert hidden.case not in shown.text
            assert SECRET not in shown.text
    part = PageReader(world.service).sign_in(PART)
    led = part.get(f"/ho-so/{hidden.case}")
    assert (led.status_code, led.headers["Location"]) == (303, f"/ho-so/{hidden.case}/dien-bien")
    timeline = part.get(led.headers["Location"])
    assert "This is a part of the case" in timeline.text
    assert SECRET not in timeline.text


@attack(
    "a case read under an order through the pages, so that no row says so",
    stopped_by="the gate of a page notes as that of the call behind it, before it is sent (U1)",
    noticed_by="-",
)
def test_no_page_is_read_under_an_order_unnoted(under_order: UnderOrder) -> None:
    """Each page and twin leaves its rows, and says in a header by which order it was seen."""
    reader = PageReader(under_order.service).sign_in(INSPECTOR)
    hidden = under_order.world.hidden
    lists = (
        ("/ho-so", {"LIST"}), ("/ho-so.json", {"LIST"}), ("/dien-bien", {"LIST"}),
        ("/dien-bien.json", {"LIST"}), ("/thay-doi?tu=0", {"FEED"}),
        ("/thay-doi.json?tu=0", {"FEED"}), (_written(_FILE, hidden), {"ATTACHMENT"}),
    )  # fmt: skip
    for path, kinds in (*paths(hidden), *lists):
        before = len(under_order.rows())
        shown = reader.get(path)
        assert shown.status_code == 200, (path, shown.text)
        assert shown.headers["Read-Under"].startswith(f"A9; act={under_order.order}"), path
        rows = under_order.rows()[before:]
        noted = {row.read.kind for row in rows}
        assert noted, path
        assert noted == kinds if ".json" not in path else noted <= kinds, (path, noted)
        assert {row.read.session.officer for row in rows} == {officer(INSPECTOR)}
        assert {row.read.via for row in rows} == {under_order.order}
    shown = reader.get(f"/ho-so/{under_order.world.hidden.case}")
    assert "READ UNDER AN INSPECTION ORDER" in shown.text
    told = reader.get("/nhat-ky-truy-cap").text
    assert f'<a href="/ho-so/{hidden.case}">2024/0187</a>' in told


@attack(
    "the log of reads is made to take no row, so that a page is read without one",
    stopped_by="nothing is shown: a page that says so",
    noticed_by="the refusal; the log of the API",
)
def test_what_cannot_be_noted_is_no_page(under_order: UnderOrder) -> None:
    """Nothing of the case stands on it."""
    service, world = under_order.service, under_order.world
    reader = PageReader(service).sign_in(INSPECTOR)
    with psycopg.connect(service.database.admin, autocommit=True) as admin:
        admin.execute("ALTER TABLE access.tags RENAME TO gone")
        try:
            for path, _ in paths(world.hidden):
                shown = reader.get(path)
                assert shown.status_code == 503, path
                assert "read_not_logged" in shown.text
                assert SECRET not in shown.text
                assert "2024/0187" not in shown.text
        finally:
            admin.execute("ALTER TABLE access.gone RENAME TO tags")


@attack(
    "an answer used twice, of another log, too late, by a key of nobody, of another challenge",
    stopped_by="a challenge is good once, for two minutes, for the key that it was made for",
    noticed_by="-",
)
def test_every_failed_sign_in_looks_the_same(under_order: UnderOrder) -> None:
    """And begins no session."""
    service = under_order.service
    reader = PageReader(service)
    used = reader.answer(WHOLE)
    assert reader.send(used).status_code == 303
    reader = PageReader(service)
    early = service.enclave.clock.now() - timedelta(seconds=1)
    tries = (
        used,
        reader.answer(WHOLE, log="other.example/ordinary"),
        reader.answer(WHOLE, expires_at=early),
        reader.answer(WHOLE, challenge="A" * 43),
        reader.answer("nobody in the registry"),
        "", "{}", "ngữ", "[" * 5_000,
    )  # fmt: skip
    shown = set()
    for answer in tries:
        failed = reader.send(answer)
        assert failed.status_code == 403, answer
        assert reader.cookie("session") is None
        shown.add(re.sub(r'name="form" value="[^"]+"', "", failed.text))
    assert len(shown) == 1, "all failed answers look alike"


@attack(
    "what was signed to sign in is sent as an act, and an act as what signs in",
    stopped_by="each has a type of its own in what is signed (formats.md §3, §9)",
    noticed_by="-",
)
def test_an_answer_is_no_act_and_an_act_no_answer(under_order: UnderOrder) -> None:
    """Both ways, also with the type of the other beside the signature."""
    service = under_order.service
    reader = PageReader(service)
    answer = reader.answer(WHOLE)
    assert orjson.loads(unb64(orjson.loads(answer)["protected"]))["typ"] == LOGIN_TYP
    size = service.size()
    posted = service.post(answer.encode(), WHOLE, service.clock.now())
    assert (posted.status_code, posted.get_json()["code"]) == (400, "malformed_statement")
    assert service.size() == size
    act = an_act("ReportReceived", by="hotline", when=service.clock.now())
    statement = flattened(service.sign(act, "hotline", role=AUTHOR))
    failed = reader.send(orjson.dumps(statement).decode())
    assert failed.status_code == 403
    assert reader.cookie("session") is None


@attack(
    "a session planted in the browser before its owner signs in, or put together from a token",
    stopped_by="every sign-in makes a session of its own; texts are sealed for one use each",
    noticed_by="-",
)
def test_no_session_is_planted_or_put_together(under_order: UnderOrder) -> None:
    """What was there before is neither kept nor good for anything."""
    service = under_order.service
    thief = PageReader(service).sign_in(STRANGER)
    planted = thief.cookie("session")
    assert planted is not None
    victim = PageReader(service)
    victim.put("session", planted)
    victim.put("form", "chosen-by-somebody-else")
    victim.send(victim.answer(WHOLE))
    assert victim.cookie("session") not in (None, planted)
    assert victim.cookie("form") != "chosen-by-somebody-else"
    case = f"/ho-so/{under_order.world.hidden.case}"
    assert (victim.get(case).status_code, thief.get(case).status_code) == (200, 404)

    bearer = service.token(WHOLE)
    for forged in (bearer, bearer[::-1], "A" * 200):
        other = PageReader(service)
        other.put("session", forged)
        led = other.get(case)
        assert (led.status_code, led.headers["Location"][:10]) == (303, "/dang-nhap")
    session = victim.cookie("session")
    as_bearer = service.client.get("/v1/worklist", headers={"Authorization": f"Bearer {session}"})
    assert as_bearer.status_code == 401
    assert victim.client.get("/v1/worklist", base_url=victim.base).status_code == 401, (
        "a cookie opens pages and never the API: nothing of the API can be forged from elsewhere"
    )


@attack(
    "a stolen cookie used on after its key was revoked, or its holder left office",
    stopped_by="the registry is asked at every request (ADR 74)",
    noticed_by="-",
)
def test_a_stolen_cookie_ends_with_key_and_post(under_order: UnderOrder) -> None:
    """In the same second; signing in again is refused like any failure."""
    service = under_order.service
    service.hire("btg", "bo", "keeper2")
    stolen = {alias: PageReader(service).sign_in(alias) for alias in ("btg", "bo")}
    for reader in stolen.values():
        assert reader.get("/ho-so").status_code == 200
    now = service.step(minutes=1)
    service.say(revocation("btg", now), "founder")
    now = service.step(minutes=1)
    act = ending("bo", now, now.date() - timedelta(days=1))
    second = {"officer": officer("keeper2"), "post": CAST["keeper2"][1], "role": "APPROVER"}
    service.say(parse_act({**act.signed, "signers": [*act.signed["signers"], second]}),
                "founder", "keeper2")  # fmt: skip
    for alias, reader in stolen.items():
        for path in ("/ho-so", "/viec-can-lam", "/khoa"):
            led = reader.get(path)
            assert (led.status_code, led.headers["Location"][:10]) == (303, "/dang-nhap"), alias
        assert reader.get("/ho-so.json").status_code == 401, alias
        assert PageReader(service).send(reader.answer(alias)).status_code == 403, alias


@attack(
    "a form sent from another page: to sign out, to sign in as somebody else, to change a language",
    stopped_by="a value made for the browser's own mark; Sec-Fetch-Site; SameSite",
    noticed_by="-",
)
def test_no_form_of_another_page_is_taken(under_order: UnderOrder) -> None:
    """Nor one of before the sign-in, nor of another browser."""
    service = under_order.service
    reader, other = PageReader(service), PageReader(service)
    before = reader.token()
    reader.sign_in(WHOLE)
    own, foreign = reader.token(), other.token()
    for path in ("/dang-xuat", "/ngon-ngu", "/dang-nhap", "/mui-gio", "/thay-doi"):
        for token in ("", foreign, before, own[:-1]):
            assert reader.post(path, {"form": token, "lang": "vi"}).status_code == 400, path
        for site in ("cross-site", "same-site"):
            sent = {"Sec-Fetch-Site": site}
            refused = reader.post(path, {"form": own, "lang": "vi", "answer": "planted"}, sent)
            assert refused.status_code == (401 if path == "/thay-doi" else 400), path
            assert "planted" not in refused.text, "another site has written no form of ours"
    assert reader.get("/ho-so").status_code == 200, "still signed in"
    assert reader.get("/ho-so").headers["Content-Language"] == "en"
    assert reader.post("/dang-xuat", {"form": own}).status_code == 303
    assert reader.get("/ho-so").status_code == 303, "now signed out"


@attack(
    "whoever signs out, or signs in after somebody else, stays whom the cookie of before names",
    stopped_by="a page that is open to anyone renews no session, and one cookie a name is given",
    noticed_by="-",
)
def test_a_session_that_is_old_enough_to_be_renewed_ends_all_the_same(
    under_order: UnderOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a computer that several use: the last cookie of an answer is the one that counts."""
    service, passed = under_order.service, count(1)
    sessions = service.enclave.page_sessions
    now = sessions._now

    def later() -> None:
        after = next(passed) * timedelta(minutes=5)
        monkeypatch.setattr(sessions, "_now", lambda: now() + after)

    reader = PageReader(service).sign_in(WHOLE)
    later()
    assert _sessions_given(reader.get("/ho-so")), "renewed"
    form = reader.token()
    later()
    left = reader.post("/dang-xuat", {"form": form})
    assert len(_sessions_given(left)) == 1, "it ends, and nothing follows that gives it back"
    assert reader.get("/ho-so").status_code == 303
    reader.sign_in(WHOLE)
    members = {"form": reader.token(), "answer": reader.answer(STRANGER), "next": "/ho-so"}
    later()
    entered = reader.post("/dang-nhap", members)
    assert (entered.status_code, len(_sessions_given(entered))) == (303, 1)
    case = f"/ho-so/{under_order.world.hidden.case}"
    assert reader.get(case).status_code == 404, "what the one of before sees"


def _sessions_given(response: TestResponse) -> list[str]:
    return [one for one in response.headers.getlist("Set-Cookie") if "session=" in one]


@attack(
    "a page of a neighbour in the same domain asks for cases in the name of whoever opens it, so"
    " that reads that were none are noted, and a budget is used up",
    stopped_by="Sec-Fetch-Site: what another host asks for has no session",
    noticed_by="-",
)
def test_no_page_of_another_host_reads_in_anybodys_name(under_order: UnderOrder) -> None:
    """Neither by a picture nor by a link; a browser sends `SameSite` cookies to its neighbours."""
    reader = PageReader(under_order.service).sign_in(INSPECTOR)
    path, before = f"/ho-so/{under_order.world.hidden.case}", len(under_order.rows())
    for site in ("same-site", "cross-site"):
        led = reader.get(path, **{"Sec-Fetch-Site": site})
        assert (led.status_code, led.headers["Location"][:10]) == (303, "/dang-nhap")
        assert reader.get(f"{path}.json", **{"Sec-Fetch-Site": site}).status_code == 401
        assert "/dang-xuat" not in reader.get("/", **{"Sec-Fetch-Site": site}).text
    assert len(under_order.rows()) == before, "noted as a read of who did not read"
    for site in ("same-origin", "none"):
        assert reader.get(path, **{"Sec-Fetch-Site": site}).status_code == 200, "still signed in"


@attack(
    "acts begun by the thousand for one officer to sign, so that the page of what waits for them is"
    " megabytes and takes seconds (5,000: 2.8 MB; 20,000: 11 MB)",
    stopped_by="the page has the first hundred of each part, and says how many wait behind them",
    noticed_by="the approver",
)
def test_no_number_of_acts_that_wait_makes_a_worklist_longer(
    under_order: UnderOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the first are signed the next move up; whoever asks for all of them has all."""
    reader = PageReader(under_order.service, "en").sign_in("gd")
    every = reader.get("/viec-can-lam.json").get_json()
    first = reader.get("/viec-can-lam.json?limit=1").get_json()
    assert len(every["sign"]) > 1
    assert first["sign"] == every["sign"][:1]
    assert first["left_out"] > every["left_out"] == 0
    assert "wait behind these" not in reader.get("/viec-can-lam").text
    monkeypatch.setattr(lists, "_FIRST", "1")
    shown = reader.get("/viec-can-lam").text
    assert f"{first['left_out']} task" in shown
    assert every["sign"][0]["act_id"] in shown
    assert every["sign"][1]["act_id"] not in shown


@attack(
    "an address of elsewhere behind which the sign-in or the language form leads",
    stopped_by="only a path of this server is led to",
    noticed_by="-",
)
def test_nobody_is_led_elsewhere(under_order: UnderOrder) -> None:
    """In every spelling that a browser reads as another host."""
    reader = PageReader(under_order.service)
    elsewhere = (
        "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example",
        "/%09/evil.example\t", "javascript:alert(1)", "evil.example", "", " /ho-so", "/\n/evil",
        "http:evil.example", "/ho-so\r\nSet-Cookie: a=b", "/" + "a" * 3_000, "/ngữ",
    )  # fmt: skip
    for to in elsewhere:
        assert local(to) == "/ho-so" or local(to).startswith("/%09"), to
        reader.get(f"/dang-nhap?next={to!r}")
        led = reader.post("/ngon-ngu", {"form": reader.token(), "lang": "vi", "next": to})
        assert led.headers["Location"] in ("/", "/%09/evil.example"), to
    led = PageReader(under_order.service).get("/viec-can-lam?team=true")
    assert led.headers["Location"] == "/dang-nhap?next=%2Fviec-can-lam%3Fteam%3Dtrue"


_INLINE: Final = re.compile(
    r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|=\"(?:javascript:|https?://)", re.IGNORECASE
)
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; font-src 'self';"
    " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'"
)


def test_every_page_has_the_policy_and_nothing_inline(under_order: UnderOrder) -> None:
    """Also of errors, also where nobody has signed in; what is signed out is kept nowhere."""
    world = under_order.world
    reader = PageReader(under_order.service).sign_in(WHOLE)
    stranger = PageReader(under_order.service)
    pages = [path for path, _ in paths(world.hidden) if ".json" not in path]
    pages += [*OF_WHAT_IS_SEEN, "/", "/dang-nhap", "/ho-so?state=NOTHING", "/ho-so/none"]
    shown = [reader.get(path) for path in pages]
    shown += [stranger.get("/"), stranger.get("/dang-nhap"), stranger.send("")]
    for page in shown:
        assert page.content_type == "text/html; charset=utf-8", page.request.path
        assert page.headers["Content-Security-Policy"] == _POLICY, page.request.path
        for name, value in {
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
        }.items():
            assert page.headers[name] == value, page.request.path
        assert page.headers["Cache-Control"] in ("private, no-cache", "no-store")
        assert _INLINE.findall(page.text) == [], page.request.path
    left = reader.post("/dang-xuat", {"form": reader.token()})
    assert left.headers["Clear-Site-Data"] == '"cache"'


@attack(
    "HTML in every text of a case, to be run by whoever reads it",
    stopped_by="templates escape; the policy runs nothing inline",
    noticed_by="-",
)
def test_no_text_of_a_case_becomes_html(under_order: UnderOrder) -> None:
    """Facts, files, reasons, documents and grounds of an act, in a case of its own."""
    service = under_order.service
    html = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&lt;"
    act = an_act("ReportReceived", by="hotline", when=service.step(minutes=1))
    signed = dict(act.signed)
    signed["facts"] = {**signed["facts"], "summary": html}
    signed["late_reason"] = html
    signed["document"] = {
        "type": "CV", "number": "1", "symbol": html, "date": "2024-06-03", "abstract": html,
    }  # fmt: skip
    receipt = service.say(parse_act(signed), "hotline")
    case = str(signed["stream"]).removeprefix("case/")
    service.known(receipt["index"])
    under_order.world.fold()  # what lists the case has come to it too
    reader = PageReader(service).sign_in("hotline")
    seen = 0
    for path in (f"/ho-so/{case}", f"/ho-so/{case}/dien-bien?xem=chi-tiet&lan=1",
                 f"/ho-so/{case}/lan-ghi/1", f"/ho-so/{case}/so-sanh?tu=1",
                 f"/ho-so/{case}/kiem-chung", f"/ho-so?q={html}", "/ho-so"):  # fmt: skip
        page = reader.get(path)
        assert page.status_code in (200, 400), path
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
        seen += page.text.count("&lt;script&gt;alert(1)")
    assert seen >= 4, "the texts were on the pages"


def test_a_form_of_a_real_enclave_goes_by_host_cookies_alone(real: Service) -> None:
    """The exception of this machine's own HTTP is a rehearsal's: elsewhere `__Host-` and Secure."""
    for base in ("http://localhost", "http://127.0.0.1:8000", "https://socai.example"):
        given = PageReader(real, base=base).get("/dang-nhap").headers.getlist("Set-Cookie")
        assert len(given) == 1, base
        assert given[0].startswith("__Host-socai-form="), base
        for part in ("; Secure", "; HttpOnly", "; Path=/", "; SameSite=Strict"):
            assert part in given[0], base
        assert "Domain" not in given[0]
    page = PageReader(real, base="http://socai.example").get("/").text
    assert "--server https://socai.example" in page


def test_a_rehearsal_elsewhere_has_them_too(under_order: UnderOrder) -> None:
    """By name, by address of the office, over HTTPS."""
    for base in ("https://localhost", "http://10.1.2.3", "http://socai.example",
                 "http://127.0.0.1.evil.example"):  # fmt: skip
        given = PageReader(under_order.service, base=base).get("/").headers.getlist("Set-Cookie")
        assert given[0].startswith("__Host-socai-form="), base
        assert "; Secure" in given[0], base


def test_mark_of_a_page_is_that_of_its_forms(under_order: UnderOrder) -> None:
    """All forms of a page carry one value."""
    text = PageReader(under_order.service).sign_in(WHOLE).get("/dang-nhap").text
    assert len(set(re.findall(r'name="form" value="([^"]+)"', text))) == 1
    assert mark_of(text)
    assert builders.key(WHOLE).kid not in text
