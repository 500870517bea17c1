"""The pages in a real browser: signing in with its own key, reading, and whom they can be used by.

A push walks three journeys, an officer's from the key file to a verified case, a supervisor's
without a mouse and an inspector's without a script, and looks at a page of each kind by axe, in
languages, themes and widths by turns. All pages in all of these, for three people, are a drill.
The page of the API (`test_docs_page.py`) is shown by the same browser.
"""

from __future__ import annotations

import io
import re
import time
import unicodedata
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import pypdf
import pytest

from api.http.app import openapi
from keys.custody.file import write_key
from keys.jwk import SoftwareSigner
from tests import builders
from tests.attack.test_copies import exported, permit
from tests.browser import Page, chromium
from tests.fixtures.arena import served
from tests.fixtures.compartments import PART, SECRET, STRANGER, WHOLE
from tests.fixtures.page_reader import PageReader
from tests.fixtures.under_order import INSPECTOR, UnderOrder
from tests.rows import each, of

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.xdist_group("chromium")]

WIDE: Final = 1280
NARROW: Final = 320
#: The wide one at 160 %, where tables are tables still.
ZOOMED: Final = 800
AXE: Final = Path(__file__).parents[1] / "third_party/axe/node_modules/axe-core/axe.min.js"
PASSPHRASE: Final = "mật khẩu của thử nghiệm"  # noqa: S105  of keys of the tests
TAB: Final = "\ue004"
ENTER: Final = "\ue007"
#: The one thing of its maker's that Redoc asks for, and never gets.
_LOGO: Final = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@dataclass
class Desk:
    """A browser before a served enclave.

    Attributes:
        page: Its window.
        url: Of the enclave.
        under: What is in it.
        folder: For key files and pictures.
    """

    page: Page
    url: str
    under: UnderOrder
    folder: Path

    @property
    def case(self) -> str:
        """Address of the first case."""
        return f"/ho-so/{self.under.world.hidden.case}"

    def show(self, path: str, width: int = WIDE) -> str:
        """Opens a page; its text."""
        self.page.show(f"{self.url}{path}", width)
        return self.text()

    def text(self) -> str:
        """What the page says."""
        said: str = self.page.run("return document.body.innerText")
        return said

    def sign_in(self, alias: str, lang: str = "en") -> None:
        """Signs in with an answer made at a terminal."""
        self.page.forget()
        self.page.speak(lang)
        answer = PageReader(self.under.service).answer(alias)
        self.show("/dang-nhap?next=/ho-so")
        self.page.paste("#answer", answer)
        self.page.click("#answer-form button")
        self.at("/ho-so")

    def signed_in(self, alias: str, lang: str = "en") -> None:
        """The same without the pages that lead there: their opening is what takes long."""
        self.page.forget()
        self.page.speak(lang)
        reader = PageReader(self.under.service, lang).sign_in(alias)
        for name in ("session", "form"):
            value = reader.cookie(name)
            assert value
            self.page.plant(f"socai-rehearsal-{name}", value, self.url)

    def at(self, path: str) -> None:
        """Waits until the page is there."""
        self.page.wait(f"return location.pathname + location.search === {path!r}")

    def follow(self, selector: str, path: str) -> str:
        """Clicks, and waits until it has led there; what the page says."""
        self.page.click(selector)
        self.at(path)
        return self.text()

    def key_file(self, alias: str, signer: SoftwareSigner, **costs: int) -> Path:
        """A key file of an alias."""
        path = self.folder / f"{alias}.socaikey"
        path.unlink(missing_ok=True)
        write_key(path, signer, PASSPHRASE.encode(), **(costs or {"t": 1, "p": 1, "m_kib": 64}))
        return path

    def take_key(self, path: Path, passphrase: str = PASSPHRASE) -> str:
        """Gives the sign-in page a key file; what it says of it."""
        self.page.wait("return document.querySelector('#browser:not([hidden])')")
        self.page.run("document.getElementById('import-part').open = true")
        self.page.type("#file", str(path))
        self.page.type("#passphrase", passphrase)
        self.page.click("#import-do")
        return str(
            self.page.wait(
                "const said = document.getElementById('told');"
                "return said.textContent !== said.dataset.importing && said.textContent"
            )
        )


@pytest.fixture(scope="module")
def desk(under_order: UnderOrder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One browser and one server for the module."""
    folder = tmp_path_factory.mktemp("b")
    with chromium(folder / "profile") as page, served(under_order.service, folder / "log") as url:
        page.speak("en")
        yield Desk(page, url, under_order, folder)


def test_an_officer_reads_a_case_with_a_key_of_the_browser(desk: Desk) -> None:
    """From the key file to a verified case; the policy refuses nothing, nothing is cut off."""
    page = desk.page
    page.forget()
    page.console()
    assert "Sign in" in desk.show(f"{desk.case}/kiem-chung")
    wrong = desk.take_key(desk.key_file(WHOLE, builders.key(WHOLE)), "not this one")
    assert "was not opened" in wrong
    assert "cannot be taken out" in desk.take_key(desk.key_file(WHOLE, builders.key(WHOLE)))
    assert page.run("return document.getElementById('passphrase').value") == ""
    page.click("#sign")
    desk.at(f"{desk.case}/kiem-chung")
    assert "VALID" in desk.text().upper()
    assert _kept(page) == {"extractable": False, "usages": ["sign"], "exported": "refused"}

    desk.follow("header nav a[href='/ho-so']", "/ho-so")
    desk.follow(f"main a[href='{desk.case}']", desk.case)
    assert "2024/0187" in desk.text()
    desk.follow(f"a[href='{desk.case}/dien-bien']", f"{desk.case}/dien-bien")
    assert SECRET in desk.follow("a[href='lan-ghi/1']", f"{desk.case}/lan-ghi/1")
    for path in (desk.case, f"{desk.case}/dien-bien?lan=2", f"{desk.case}/lan-ghi/1"):
        desk.show(path, NARROW)
        assert page.run("return document.documentElement.scrollWidth") <= NARROW, path
    assert _fonts(page) >= {"Noto Sans 400", "Noto Sans 600"}

    cookies = page.cookies()
    assert cookies.keys() == {"socai-rehearsal-session", "socai-rehearsal-form"}
    assert all(one["httpOnly"] and one["sameSite"] == "Strict" for one in cookies.values())
    assert page.run("return document.cookie") == ""
    desk.follow("header .leave button", "/?ra=1")
    assert "You are signed out" in desk.text()
    assert "Sign in" in desk.show(desk.case)
    assert [said for said in page.console() if "Cleared data types" not in said] == []


@pytest.mark.parametrize("typed", ["NFC", "NFD"])
@pytest.mark.parametrize("sealed", ["NFC", "NFD"])
def test_a_passphrase_opens_in_a_browser_of_any_keyboard(
    desk: Desk, sealed: Literal["NFC", "NFD"], typed: Literal["NFC", "NFD"]
) -> None:
    """As at the command line: letters of several characters are the same letters."""
    desk.page.forget()
    desk.show("/dang-nhap")
    words, path = "mật khẩu của tôi", desk.folder / f"{sealed}-{typed}.socaikey"
    given = unicodedata.normalize(sealed, words).encode()
    write_key(path, SoftwareSigner.generate(), given, t=1, p=1, m_kib=64)
    assert "cannot be taken out" in desk.take_key(path, unicodedata.normalize(typed, words))


def test_a_form_of_the_sign_in_is_sent_once_and_is_fresh_behind_back(desk: Desk) -> None:
    """Further clicks send no answer again: the refusal would stand in place of the session.

    Back from there shows a form that is taken, without the answer that was used.
    """
    page = desk.page
    page.forget()
    for _ in range(2):
        if not page.at().endswith("/dang-nhap?next=/ho-so"):
            desk.show("/dang-nhap?next=/ho-so")
        assert page.run("return document.getElementById('answer').value") == ""
        page.paste("#answer", PageReader(desk.under.service).answer(WHOLE))
        page.run(
            "const button = document.querySelector('#answer-form button');"
            "for (const wait of [0, 5, 15]) setTimeout(() => button.click(), wait);"
        )
        page.wait("return location.pathname !== '/dang-nhap' || document.getElementById('failed')")
        desk.at("/ho-so")
        page.back()
        desk.at("/dang-nhap?next=/ho-so")


def test_what_was_read_is_shown_to_nobody_once_its_reader_has_left(desk: Desk) -> None:
    """Neither behind Back, which a browser shows from its memory, nor in another window."""
    page = desk.page
    desk.sign_in(WHOLE)
    assert "2024/0187" in desk.show(desk.case)
    desk.follow("header .leave button", "/?ra=1")
    page.back()
    page.wait("return location.pathname === '/dang-nhap'")
    assert "2024/0187" not in desk.text()
    desk.signed_in(WHOLE)
    assert "2024/0187" in desk.show(desk.case)
    page.forget()  # what leaving in another window does to this one
    page.run("window.dispatchEvent(new StorageEvent('storage', { key: 'socai-left' }))")
    page.wait("return location.pathname === '/dang-nhap'")


def test_a_print_that_is_clicked_twice_takes_one_number(desk: Desk) -> None:
    """The second would take another, and a browser drops the file of the first for it."""
    named = permit(desk.under, "D1", "D2", "D3")
    desk.signed_in(WHOLE)
    desk.show(f"{desk.case}/ban-in")
    before = len(exported(desk.under))
    clicked = (
        f"const form = document.querySelector('input[value=\"{named}\"]').form;"
        "for (const wait of [0, 5, 300]) setTimeout("
        "  () => form.querySelector('button').click(), wait);"
    )
    desk.page.run(clicked)
    until = time.monotonic() + 60
    while len(exported(desk.under)) == before:
        assert time.monotonic() < until, "nothing was printed"
        time.sleep(0.1)
    time.sleep(2)
    assert len(exported(desk.under)) == before + 1
    desk.page.run("for (const one of document.forms) if (one.dataset.once) one.dataset.once = '1'")
    desk.page.run(f"document.querySelector('input[value=\"{named}\"]').form.requestSubmit()")
    while len(exported(desk.under)) == before + 1:
        assert time.monotonic() < until, "whoever wants a second copy gets none"
        time.sleep(0.1)


def _kept(page: Page) -> Any:  # noqa: ANN401  JSON
    """What the browser says of the key that it keeps."""
    return page.run("""
      const opened = indexedDB.open("socai", 1);
      return new Promise((resolve) => { opened.onsuccess = () => resolve(opened.result); })
        .then((database) => new Promise((resolve) => {
          const asked = database.transaction("keys").objectStore("keys").getAll();
          asked.onsuccess = () => resolve(asked.result[0].key);
        }))
        .then((key) => crypto.subtle.exportKey("pkcs8", key)
          .then(() => "exported", () => "refused")
          .then((exported) => ({ extractable: key.extractable, usages: key.usages, exported })));
    """)


def _fonts(page: Page) -> set[str]:
    loaded = page.wait(
        "return document.fonts.status === 'loaded'"
        " && [...document.fonts].filter(f => f.status === 'loaded').map(f => f.family + f.weight)"
    )
    return {re.sub(r'^"?(.*?)"?(\d+)$', r"\1 \2", one) for one in loaded}


@pytest.mark.drill
def test_a_key_file_at_its_full_cost_and_other_algorithms(desk: Desk) -> None:
    """64 MiB, three passes, four lanes, as `socai key new` makes it; ES256 and ML-DSA-65 too."""
    page = desk.page
    page.forget()
    desk.show("/dang-nhap")
    full = desk.key_file("full", builders.key(WHOLE), t=3, p=4, m_kib=65_536)
    assert "cannot be taken out" in desk.take_key(full)
    page.click("#sign")
    desk.at("/ho-so")
    for alg in ("ES256", "ML-DSA-65"):
        page.forget()
        desk.show("/dang-nhap")
        stranger = SoftwareSigner.generate(alg)
        said = desk.take_key(desk.key_file(alg, stranger))
        assert "cannot be taken out" in said or "command line" in said, alg
        if "command line" in said:
            continue  # this browser does not know it, and says so
        page.run("document.getElementById('key').value = arguments[0]", stranger.kid)
        page.click("#sign")
        page.wait("return document.getElementById('failed')")
        assert "You are not signed in" in desk.text(), "enrolled nowhere"


def test_a_supervisor_reads_without_a_mouse(desk: Desk) -> None:
    """By Tab and Enter alone: the skip link, the worklist, the case; the focus is seen.

    It goes on in the order in which one reads, and from the end of a line to the line below.
    """
    desk.under.service.hire("tp")
    desk.signed_in("tp")
    page = desk.page
    for width in (NARROW, WIDE):
        desk.show("/viec-can-lam", width)
        assert page.run(_JUMPS_BACK) == [], width
    page.keys(TAB)
    assert _focused(page) == "Skip to the content"
    page.keys(ENTER)
    seen: list[str] = []
    for _ in range(40):
        page.keys(TAB)
        seen.append(_focused(page))
        outline = page.run("return getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px", seen[-1]
        if "supervise" in seen[-1]:
            break
    page.keys(ENTER)
    desk.at("/viec-can-lam?team=true")
    assert "Only what waits for you" in desk.text()


_JUMPS_BACK: Final = """\
const all = [...document.querySelectorAll('a[href]:not(.skip), button, input, select, summary')]
  .filter(one => one.checkVisibility() && one.type !== 'hidden')
  .map(one => [one.innerText || one.id, one.getBoundingClientRect()]);
return all.slice(1).map((one, n) => [all[n], one])
  .filter(([[, a], [, b]]) => b.top < a.bottom && b.left < a.left)
  .map(([[a], [b]]) => a + ' > ' + b);
"""
"""What is focused next and stands to the left of what is focused, and not below it."""


def _focused(page: Page) -> str:
    return str(page.run("return document.activeElement.innerText || document.activeElement.id"))


def test_an_inspector_reads_with_scripts_off(desk: Desk) -> None:
    """Signing in by command line, the state at an entry, two moments, verification, leaving."""
    desk.sign_in(INSPECTOR)  # the wait of the test itself asks by a script
    desk.page.scripts(on=False)
    try:
        page = desk.page
        page.show(f"{desk.url}{desk.case}", WIDE)
        assert "READ UNDER AN INSPECTION ORDER" in page.source()
        page.show(f"{desk.url}{desk.case}/dien-bien", WIDE)
        page.type("#lan", "\ue009a\ue0002")  # all of it, then another
        page.click(".line button")
        page.led("lan=2")
        page.show(f"{desk.url}{desk.case}/so-sanh?tu=1&den=2", WIDE)
        assert "<ins>" in page.source()
        page.show(f"{desk.url}{desk.case}/kiem-chung", WIDE)
        assert "Verdict" in page.source()
        page.click("header .leave button")
        page.led("/?ra=1")
    finally:
        desk.page.scripts(on=True)


def test_keys_and_the_slider_do_what_is_on_the_page(desk: Desk) -> None:
    """Off in fields, while a letter is composed and where they are switched off; none signs."""
    page, case = desk.page, desk.case
    desk.signed_in(WHOLE)
    desk.show("/ho-so")
    page.keys("g", "d")
    desk.at("/dien-bien")
    page.keys("/")
    page.wait("return document.activeElement.closest('.filters')")
    page.keys("g", "h")
    assert page.run("return location.pathname") == "/dien-bien", "in a field a letter is a letter"
    desk.show(f"{case}/dien-bien")
    page.keys("j", "j")
    assert page.run("return document.activeElement.getAttribute('href')") == "lan-ghi/2"
    page.keys("k", ENTER)
    desk.at(f"{case}/lan-ghi/1")
    page.keys("]")
    desk.at(f"{case}/lan-ghi/2")
    page.keys("d")
    desk.at(f"{case}/so-sanh?tu=2")
    composed = "new KeyboardEvent('keydown', {key: 'g', isComposing: true, bubbles: true})"
    page.run(f"document.body.dispatchEvent({composed})")
    page.keys("h")
    assert page.run("return location.pathname").endswith("so-sanh")

    assert _said(page) == []


def _said(page: Page) -> list[str]:
    return [said for said in page.console() if "Cleared data types" not in said]


def test_the_slider_shows_the_state_and_the_keys_can_be_switched_off(desk: Desk) -> None:
    """The focus stays on it from page to page; what it stands at is said in words."""
    page, case = desk.page, desk.case
    desk.signed_in(WHOLE)
    desk.show(f"{case}/dien-bien?lan=3")
    page.run("document.querySelector('input[type=range]').focus()")
    page.keys("\ue012")  # arrow left
    desk.at(f"{case}/dien-bien?lan=2")
    page.wait("return document.activeElement.type === 'range'")
    told = page.run("return document.activeElement.getAttribute('aria-valuetext')")
    assert told.startswith("2. ")
    assert "at statement 2 of" in desk.text()

    page.run("document.getElementById('phim').open = true")
    page.click("#phim-tat")
    page.keys("g", "h", "]")
    assert page.run("return location.search") == "?lan=2", "switched off"
    page.click("#phim-tat")
    assert _said(page) == []


def test_the_slider_of_a_long_case_has_no_marks_that_run_together(desk: Desk) -> None:
    """A thousand of them are a bar; it slides all the same, and says where it stands."""
    page = desk.page
    long = "const field = document.getElementById('lan'); if (field) field.max = 1000;"
    desk.signed_in(WHOLE)
    marks = "return document.querySelectorAll('#truot-moc option').length"
    with page.beside(f"document.addEventListener('readystatechange', () => {{ {long} }})"):
        desk.show(f"{desk.case}/dien-bien?lan=2")
        assert page.wait("return document.querySelector('input[type=range]').max") == "1000"
        assert page.run(marks) == 0
    desk.show(f"{desk.case}/dien-bien?lan=2")
    assert page.wait(marks) > 2


def test_every_printed_sheet_says_of_what_it_is(desk: Desk) -> None:
    """Banners at both ends, that it is no numbered copy, the digest that fixes what is on it."""
    desk.signed_in(WHOLE)
    for path in (desk.case, f"{desk.case}/dien-bien", f"{desk.case}/lan-ghi/1"):
        desk.show(path)
        acts = PageReader(desk.under.service).sign_in(WHOLE).get(f"{desk.case}/dien-bien.json")
        said = [one["digest"] for act in acts.get_json()["acts"] for one in act["statements"]]
        sheets = pypdf.PdfReader(io.BytesIO(desk.page.printed())).pages
        for sheet in sheets:
            text = "".join(sheet.extract_text().split())
            assert text.count("ORDINARYLEDGER") == 2, path
            assert "nonumberedcopy" in text, path
            assert any(digest in text for digest in said), path
            assert "Signout" not in text, path
    desk.show(desk.case)


def test_a_sheet_has_tables_and_says_which_part_of_a_list_it_shows(desk: Desk) -> None:
    """A sheet is as narrow as a telephone; what was chosen stands on it, or a part were the whole.

    Heads of tables, which each sheet repeats, break no word.
    """
    desk.signed_in(WHOLE)
    page = desk.page
    try:
        page.emulate(paper=True)
        for path, said in (
            (f"{desk.case}/dien-bien", []),
            (f"{desk.case}/dien-bien?hanh-vi=ReportReceived", ["Type of act: Report received"]),
            ("/ho-so?q=0187&opened_from=2024-06-01", [": 01/06/2024", ": 0187"]),
            (f"{desk.case}/so-sanh?tu=1&den=2", [": 1", ": 2", "clock: recorded at"]),
        ):
            desk.show(path, SHEET)
            told = page.run("return document.querySelector('main').innerText")
            assert all(one in told for one in said), (path, told)
            assert "Clear the filters" not in told, path
            assert bool(said) == page.run(_FORMS), path
        for path in ("/ho-so", f"{desk.case}/kiem-chung"):
            desk.show(path, SHEET)
            _fits(page, path, SHEET)
            assert page.run(_DISPLAYS) == ["table-header-group", "table-row", "table-cell"], path
    finally:
        page.emulate()


SHEET: Final = 624
"""Pixels of a sheet of A4 between its margins."""
_FORMS: Final = "return [...document.querySelectorAll('form')].some(f => f.checkVisibility())"
_DISPLAYS: Final = """
  return ['thead', 'tbody tr', 'td']
    .map(one => getComputedStyle(document.querySelector(`main ${one}`)).display);
"""


def _pages(desk: Desk) -> list[str]:
    case, ids = desk.case, desk.under.world.hidden
    file = f"/tep/{ids.act}/{ids.digest}/luu-giu"
    return [
        "/", "/dang-nhap", "/ho-so", "/ho-so?state=CLOSED", "/ho-so?state=WRONG",
        "/viec-can-lam", "/viec-can-lam?team=true", "/co-quan?limit=9", "/khoa?limit=4", case,
        f"{case}/dien-bien", f"{case}/dien-bien?lan=2&xem=chi-tiet", f"{case}/lan-ghi/1",
        f"{case}/lan-ghi/4", f"{case}/so-sanh", f"{case}/so-sanh?tu=1&den=4",
        f"{case}/kiem-chung", "/ho-so/none", f"{case}/dien-bien?luc=2024-06-03&dong-ho=occurred",
        f"{case}/vi-sao/state", f"{case}/thoi-han", f"{case}/lien-he", f"{case}/tai-lieu",
        f"{case}/ban-in", file, "/dien-bien", "/dien-bien?late=true", "/thay-doi",
        "/thay-doi?tu=0", "/nhat-ky-truy-cap", f"/khoa/{builders.key(WHOLE).kid}", "/thong-ke",
    ]  # fmt: skip


_AXE: Final = """
  return axe.run(document, {resultTypes: ["violations"], preload: false})
    .then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]));
"""


def _look(desk: Desk, path: str, *, dark: bool, width: int) -> None:
    """Nothing that axe knows, and nothing wider than the window.

    Args:
        desk: The browser.
        path: What is looked at.
        dark: In which theme.
        width: How wide.
    """
    page = desk.page
    page.emulate(dark=dark)
    desk.show(path, width)
    assert page.run(_AXE) == [], (path, width, dark)
    _fits(page, path, width)


def _fits(page: Page, path: str, width: int) -> None:
    assert _width(page, width) <= width, (path, width)


def _width(page: Page, width: int) -> int:
    """How wide it is in a window of a width."""
    page.resize(width)
    wide: int = page.run("return document.documentElement.scrollWidth")
    return wide


def _require_axe() -> None:
    if not AXE.is_file():
        pytest.skip("npm axe-core is not installed: npm ci in tests/third_party/axe")


@pytest.fixture
def axe(desk: Desk) -> Iterator[None]:
    """On every page, until the test ends."""
    _require_axe()
    with desk.page.beside(AXE.read_text("utf-8")):
        yield
    desk.page.emulate()
    desk.page.speak("en")


_WRITTEN: Final = (
    "main td div, main td div a, main th a.wraps, main dd, main li, main .lead, main .told,"
    " main h1, .leave p, option"
)
"""What has words of people in it: titles, names of agencies, posts and files, reported texts."""


_WRITE: Final = """
  const of = one => [...one.childNodes].find(n => n.nodeType === 3 && n.data.trim());
  const all = [...document.querySelectorAll(arguments[0])].map(of).filter(n => n);
  for (const text of all) text.data = "Ở".repeat(200);
  return all.length;
"""


class Looked(NamedTuple):
    """What was found on a page.

    Attributes:
        by_axe: What axe finds, where it is installed.
        broad: Widths that it does not fit into.
        written: On how many places people write.
        broader: The same widths, once a word of two hundred letters stands on each.
    """

    by_axe: list[Any]
    broad: list[int]
    written: int
    broader: list[int]


@pytest.fixture(scope="module")
def looked(desk: Desk) -> dict[str, Looked]:
    """A page of each kind, in one language and theme, by turns: its opening is what takes long."""
    page, found, axe = desk.page, dict[str, Looked](), AXE.is_file()
    with page.beside(AXE.read_text("utf-8")) if axe else nullcontext():
        for turn, lang in enumerate(("vi", "en")):
            desk.signed_in(WHOLE, lang)
            for n, path in enumerate(_of_each_kind(_pages(desk))):
                if n % 2 == turn:
                    page.emulate(dark=n % 8 > 3)
                    desk.show(path, WIDE if n % 4 > 1 else NARROW)
                    by_axe = page.run(_AXE) if axe else []
                    broad = _broad(page)
                    written = page.run(_WRITE, _WRITTEN)
                    found[path] = Looked(by_axe, broad, written, _broad(page))
    page.emulate()
    page.speak("en")
    return found


def _broad(page: Page) -> list[int]:
    return [width for width in (WIDE, ZOOMED, NARROW) if _width(page, width) > width]


def test_axe_finds_nothing_on_a_page_of_any_kind(looked: dict[str, Looked]) -> None:
    """One of each kind, in one language and theme, by turns."""
    _require_axe()
    assert {path: one.by_axe for path, one in looked.items() if one.by_axe} == {}


def test_a_word_of_two_hundred_letters_widens_no_page(looked: dict[str, Looked]) -> None:
    """Wherever people write, somebody leaves out a space, or names a file so; at each width."""
    for path, one in each(looked.items()):
        with of(path):
            assert one.broad == [], "without it"
            assert one.written
            assert one.broader == []


def _of_each_kind(pages: list[str]) -> list[str]:
    """The first of the pages that differ in no more than what is asked for behind the path."""
    first: dict[str, str] = {}
    for path in pages:
        first.setdefault(path.partition("?")[0], path)
    return list(first.values())


@pytest.mark.drill
@pytest.mark.usefixtures("axe")
@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_any_light_by_anybody(desk: Desk, lang: str, *, dark: bool) -> None:
    """Every page wide and narrow, in three people's eyes."""
    for alias in (WHOLE, PART, STRANGER):
        desk.signed_in(alias, lang)
        for width in (WIDE, NARROW):
            for path in _pages(desk):
                _look(desk, path, dark=dark, width=width)


@pytest.mark.drill
def test_pages_hold_at_four_times_the_size_and_in_forced_colours(desk: Desk) -> None:
    """400 % at 1280 pixels is 320; a theme of the machine's own leaves borders and focus."""
    desk.signed_in(WHOLE)
    desk.page.emulate(forced=True)
    try:
        for path in _pages(desk):
            desk.show(path, NARROW)
            assert desk.page.run("return document.documentElement.scrollWidth") <= NARROW, path
            borders = desk.page.run(
                "return [...document.querySelectorAll('.banner, .chip, button')]"
                ".map(one => getComputedStyle(one).borderTopWidth)"
            )
            assert "0px" not in borders, path
    finally:
        desk.page.emulate()


def test_every_letter_of_vietnamese_is_in_the_fonts_of_the_pages(desk: Desk) -> None:
    """All 134 with marks, in both weights, from the files that are served."""
    marks = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ"
    letters = marks + marks.upper()
    assert len(letters) == 134
    desk.show("/")
    missing = desk.page.run(
        """
        const loads = [400, 600].map(weight =>
          document.fonts.load(`${weight} 40px "Noto Sans"`, arguments[0]));
        return Promise.all(loads).then(sets => sets.map(set => set.length));
        """,
        letters,
    )
    assert missing == [2, 2], "both subsets are there in both weights"
    ranges = desk.page.run("return [...document.fonts].map(f => [f.weight, f.unicodeRange])")
    for weight in ("400", "600"):
        covered = [_spans(text) for of, text in ranges if of == weight]
        lost = [one for one in letters if not any(_in(one, spans) for spans in covered)]
        assert lost == [], weight


def _spans(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        first, _, last = part.strip().upper().removeprefix("U+").partition("-")
        found.append((int(first, 16), int(last or first, 16)))
    return found


def _in(letter: str, spans: list[tuple[int, int]]) -> bool:
    return any(first <= ord(letter) <= last for first, last in spans)


_CUT_OFF: Final = """
  const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
  const inside = e => e.parentElement && (scrolls(e.parentElement) || inside(e.parentElement));
  return [...document.querySelectorAll('td, th, p, h1, h2, h3, h5, li')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !inside(e))
    .map(e => e.innerText.slice(0, 60));
"""
"""What stands beyond the right edge, where nothing around it can be scrolled."""


@pytest.mark.parametrize("width", [pytest.param(WIDE, marks=pytest.mark.drill), NARROW])
def test_the_page_of_the_api_shows_every_call_and_leads_to_it(
    desk: Desk, width: int, tmp_path: Path
) -> None:
    """In a wide window and on a small telephone: all calls, nothing cut off, search that finds."""
    shown = desk.page
    shown.console()
    shown.show(f"{desk.url}/docs", width)
    shown.wait("return document.querySelector('[role=search] input')", 120)  # ten of a core
    calls = [
        call["operationId"]
        for calls in openapi()["paths"].values()
        for method, call in calls.items()
        if method in ("get", "post")
    ]
    missing = shown.run(
        "return arguments[0].filter(id => !document.querySelector(`[id$='operation/${id}']`))",
        calls,
    )
    assert missing == []
    shown.picture(tmp_path / "docs.png")
    wide, there = shown.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= there == width
    assert shown.run(_CUT_OFF) == []
    if width == WIDE:  # on a small screen the menu is behind a button
        shown.type("[role=search] input", "jwks")
        found = shown.wait(
            "return document.querySelector('[data-role=\"search:results\"]')?.innerText"
        )
        assert "JWK" in found
    said = [line for line in shown.console() if _LOGO not in line]
    assert said == []
    fetched = shown.run("return performance.getEntriesByType('resource').map(e => e.name)")
    own = (desk.url, "blob:")
    assert [one for one in fetched if not one.startswith(own) and one != _LOGO] == []
