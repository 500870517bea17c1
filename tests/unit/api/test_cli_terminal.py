"""What a terminal is given: no text of an act or of a server moves the cursor or turns a line."""

from __future__ import annotations

import orjson
import pytest

from api.cli.terminal.shell import FAILED, Refusal, Shell, visible
from ledger.message import Wording

EVIL = {
    "colour": "\x1b[31m",
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "csi of one byte": "\x9b31m",
    "return": "no\ryes",
    "backspace": "no\b\byes",
    "turned round": "\u202eoc.exe",
    "isolate": "\u2067abc\u2069",
    "not seen": "ba\u200bc\ufeff\u00adninh",
    "tags": "x\U000e0041",
}
SEEN = "Đã ghi — “hồ sơ” 2024/0187\n\tdòng hai ✓"


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_what_a_terminal_obeys_or_hides_is_written_out(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """In tables, titles, sentences, refusals and JSON, which programs read as before."""
    shell = Shell(lang="en")
    shell.table(("case", "act"), [(text, [text])], title=text)
    shell.say(Wording(text, text))
    shell.note(Wording(text, text))
    shell.give({"text": text})
    Refusal(Wording(text, text), FAILED).show()
    out, err = capsys.readouterr()
    for character in set(text) - set(visible(text)):
        assert character not in out + err
    assert "\\u" in out
    json = out[out.index("{\n") :]
    assert orjson.loads(json) == {"text": text}


def test_what_is_read_stays_as_it_is() -> None:
    """Vietnamese, dashes, lines and tabs."""
    assert visible(SEEN) == SEEN
