"""Headless Chromium by the WebDriver protocol (W3C), as far as the tests of pages need it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

_STARTED: Final = "was started successfully on port "
_OPTIONS: Final = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
_PATIENCE_S: Final = 120
"""For a script in a page: one that sets itself takes ten of a core, which others use too."""


@dataclass(frozen=True, slots=True)
class Page:
    """A window."""

    _session: httpx.Client

    def show(self, url: str, width: int, height: int = 900) -> None:
        """Opens an address in a window that is so wide, in CSS pixels."""
        self.resize(width, height)
        self._post("url", {"url": url})

    def resize(self, width: int, height: int = 900) -> None:
        """The window is so wide, with what is open in it."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._cdp("Emulation.setDeviceMetricsOverride", size)

    def run(self, script: str, *given: object) -> Any:  # noqa: ANN401  JSON
        """What a script returns; it may be a promise."""
        return self._post("execute/sync", {"script": script, "args": list(given)})

    def wait(self, script: str, seconds: float = 30) -> Any:  # noqa: ANN401  JSON
        """The first thing that a script returns and that is not nothing."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.run(script)
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"never: {script}")

    def led(self, ending: str, seconds: float = 30) -> None:
        """Waits until the address ends so, also where scripts are off."""
        until = time.monotonic() + seconds
        while not self.at().endswith(ending):
            assert time.monotonic() < until, self.at()
            time.sleep(0.1)

    def type(self, selector: str, text: str) -> None:
        """Types into the first element that a CSS selector finds."""
        self._post(f"element/{self._element(selector)}/value", {"text": text})

    def paste(self, selector: str, text: str) -> None:
        """Puts a long text there at once: typed, each letter is two events."""
        self.run(
            "const field = document.querySelector(arguments[0]); field.focus();"
            "document.execCommand('insertText', false, arguments[1]);",
            *(selector, text),
        )

    def click(self, selector: str) -> None:
        """Clicks the first element that a CSS selector finds."""
        self._post(f"element/{self._element(selector)}/click", {})

    def back(self) -> None:
        """Goes back, as by the browser's own button."""
        self._post("back", {})

    def keys(self, *pressed: str) -> None:
        """Presses keys, one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in pressed for kind in ("keyDown", "keyUp")]
        self._post("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def emulate(self, *, dark: bool = False, forced: bool = False, paper: bool = False) -> None:
        """The theme that the reader's machine asks for, on its screen or on paper."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "forced-colors", "value": "active" if forced else "none"},
        ]
        medium = "print" if paper else ""
        self._cdp("Emulation.setEmulatedMedia", {"media": medium, "features": features})

    def speak(self, lang: str) -> None:
        """The language that the browser asks for."""
        self._cdp("Network.enable", {})
        self._cdp("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": lang}})

    def scripts(self, *, on: bool) -> None:
        """Whether pages run scripts."""
        self._cdp("Emulation.setScriptExecutionDisabled", {"value": not on})

    @contextmanager
    def beside(self, script: str) -> Iterator[None]:
        """Every page that is opened meanwhile has a script of ours, before its own."""
        self._cdp("Page.enable", {})
        named = self._cdp("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        try:
            yield
        finally:
            self._cdp("Page.removeScriptToEvaluateOnNewDocument", named)

    def cookies(self) -> dict[str, dict[str, Any]]:
        """Every cookie by its name, with what the browser knows of it."""
        return {one["name"]: one for one in self._cdp("Network.getAllCookies", {})["cookies"]}

    def plant(self, name: str, value: str, url: str) -> None:
        """Puts a cookie there, as a server at an address sets those of its sessions."""
        cookie = {"name": name, "value": value, "url": url, "httpOnly": True, "sameSite": "Strict"}
        assert self._cdp("Network.setCookie", cookie)["success"]

    def forget(self) -> None:
        """Drops every cookie."""
        self._cdp("Network.clearBrowserCookies", {})

    def at(self) -> str:
        """The address that is shown."""
        address: str = self._session.get("url").json()["value"]
        return address

    def source(self) -> str:
        """The page as HTML, also where scripts are off."""
        html: str = self._session.get("source").json()["value"]
        return html

    def console(self) -> list[str]:
        """What the browser had to say since it was asked last."""
        return [line["message"] for line in self._post("se/log", {"type": "browser"})]

    def picture(self, to: Path) -> None:
        """A PNG of the window."""
        to.write_bytes(base64.b64decode(self._session.get("screenshot").json()["value"]))

    def printed(self) -> bytes:
        """A PDF of the page, as its own style says it is printed."""
        made = self._cdp("Page.printToPDF", {"preferCSSPageSize": True})
        return base64.b64decode(made["data"])

    def _element(self, selector: str) -> str:
        found = self._post("element", {"using": "css selector", "value": selector})
        element: str = next(iter(found.values()))
        return element

    def _cdp(self, command: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON
        return self._post("goog/cdp/execute", {"cmd": command, "params": params})

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON
        answer = self._session.post(path, json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()["value"]


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser of its own; the test is skipped, and says so, where there is none.

    Args:
        profile: An empty folder of the browser's.
    """
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("Chromium is not on this machine (chromium, chromium-driver)")
    with subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            port = _port(process)
            chrome = {"binary": browser, "args": [*_OPTIONS, f"--user-data-dir={profile}"]}
            wanted = {
                "goog:chromeOptions": chrome,
                "goog:loggingPrefs": {"browser": "ALL"},
                "timeouts": {"script": _PATIENCE_S * 1000},
            }
            base = f"http://127.0.0.1:{port}/session"
            asked = {"capabilities": {"alwaysMatch": wanted}}
            made = httpx.post(base, json=asked, timeout=60)
            assert made.status_code == httpx.codes.OK, made.text
            address = f"{base}/{made.json()['value']['sessionId']}"
            try:
                with httpx.Client(base_url=f"{address}/", timeout=2 * _PATIENCE_S) as session:
                    yield Page(session)
            finally:
                assert httpx.delete(address, timeout=60).status_code == httpx.codes.OK
        finally:
            process.terminate()


def _port(driver: subprocess.Popen[str]) -> int:
    assert driver.stdout is not None
    for line in driver.stdout:
        if _STARTED in line:
            return int(line.partition(_STARTED)[2].strip().rstrip("."))
    raise AssertionError("chromedriver did not start")
