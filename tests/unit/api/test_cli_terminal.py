"""What a terminal is given: no text of an act or of a server moves the cursor or turns a line."""

from __future__ import annotations

import ast
import errno
import io
import os
import re
import sys
from typing import Final

import click
import orjson
import pytest
from click.testing import CliRunner

from api.cli.terminal import case_tables, document_tables
from api.cli.terminal.shell import FAILED, Refusal, Shell, typed, typed_unseen, visible
from api.cli.terminal.writing import draft_files
from api.client.act_form import FormField
from api.texts.case_words import flag
from api.texts.lang import Lang
from ledger.message import Wording
from tests.attacks import attack
from tests.source_files import ROOT, files_below

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


AGENCY = "Sở Thông tin và Truyền thông tỉnh Bắc Ninh"
SIGNER = {"post_vi": "Trực đường dây nóng", "agency_name": AGENCY}
STATEMENT = {
    "index": 1234,
    "seq": 12,
    "recorded_at": "2024-06-12T09:00:00+07:00",
    "verdict": "VALID",
    "role": "APPROVER",
    "officer": "0a5b7c1e-3f52-4f0a-9d50-6f3f6f6b1a11",
    "signer": SIGNER,
    "effect": True,
    "state_after": "OUT_OF_PROVINCE",
    "status": "effective",
}
ACT = {
    "act_vi": "Cơ quan điều tra xác nhận tiếp nhận, gia hạn",
    "act_en": "Investigating body confirms receipt, extends",
    "occurred_at": "2024-06-12T08:55:00+07:00",
    "flags": ["MEASURE_UNCONFIRMED"],
    "statements": [STATEMENT, {**STATEMENT, "index": 1235}],
}
UNDER = {"until": "2024-06-12T09:00:00+07:00", "act_id": "0a5b7c1e-3f52-4f0a-9d50-6f3f6f6b1a11"}


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_case_fits_80_columns(capsys: pytest.CaptureFixture[str], lang: Lang) -> None:
    """Its timeline, what part of it that is, and by what it is read; no word is broken."""
    shell = Shell(lang=lang)
    case_tables.timeline(shell, [ACT])
    case_tables.part_of_case(shell, {"positions": 37, "withheld": list(range(26))})
    for rule in ("A9", "A19"):
        shell.say(case_tables.banner({"rule": rule, **UNDER}))
    told = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in told.splitlines()) <= 80
    said = {word for line in told.splitlines() for word in line.split()}
    unconfirmed = flag("MEASURE_UNCONFIRMED", lang)
    assert {*AGENCY.split(), *unconfirmed.split(), UNDER["act_id"]} <= said | {
        word.rstrip(",.:") for word in said
    }


def test_what_follows_a_question_that_nobody_answered_begins_a_line() -> None:
    """The refusal stood behind the colon."""

    @click.command()
    def ask() -> None:
        typed("Which act")

    asked = CliRunner().invoke(ask, input="", standalone_mode=False)
    assert isinstance(asked.exception, click.Abort)
    assert asked.stderr == "Which act: \n"


@pytest.mark.parametrize(
    ("given", "told"),
    [("mật khẩu\n", "mật khẩu"), ("\n", None), ("", None)],
    ids=["a line", "empty", "none"],
)
def test_a_secret_without_a_terminal_is_the_next_line_that_is_piped_in(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    told: str | None,
) -> None:
    """Getpass read the same behind three warnings, in English, with a line of its own code."""

    def none(*_: object) -> int:
        raise OSError(errno.ENXIO, "no terminal")

    monkeypatch.setattr(os, "open", none)
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    if told is None:
        with pytest.raises(click.Abort):
            typed_unseen("PIN")
    else:
        assert typed_unseen("PIN") == told
    assert capsys.readouterr() == ("", "PIN: \n")


def test_a_case_above_ordinary_has_no_state_and_its_documents_have_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """“Hồ sơ … · None”, “cấp ordinary”, MAT and DECLASSIFIED stood there."""
    below = {
        "stream": "case/x", "log": "a.example/ordinary", "level": "ordinary", "statements": 3,
        "records": 9, "published_at": "2026-11-29T06:00:00Z", "taken_in_at": "2026-11-29T06:00:00Z",
    }  # fmt: skip
    holder = {
        "officer": "a1b2c3d4-0000-4000-8000-000000000000", "post": "truong-phong",
        "agency": "bacninh.ca", "post_vi": "Trưởng phòng", "agency_name": "Công an tỉnh Bắc Ninh",
        "copies": ["2"], "act": "SecretDelivered", "ended_by": None,
        "until": "2026-05-13T08:00:00+07:00",
    }  # fmt: skip
    document = {
        "register_entry": "14/CAT", "level": "MAT", "state": "DECLASSIFIED", "holders": [holder],
        "protect_until": "2036-04-13", "outside": [],
        "losses": [{"kind": "LOST", "found_at": "2026-04-13T08:00:00+07:00"}],
    }  # fmt: skip
    file = {"id": "an-id", "state": None, "state_vi": None, "mirrored": [below]}
    case_tables.case_file(Shell("vi"), file)
    document_tables.register(Shell("vi"), [document])
    told = capsys.readouterr().out
    assert told.startswith("Hồ sơ an-id\n")
    assert "(cấp thường)" in told
    assert "Mật " in told
    assert "đã giải mật" in " ".join(told.split())
    assert "Trưởng phòng, Công an tỉnh" in " ".join(told.split())
    codes = {"None", "MAT", "DECLASSIFIED", "LOST", "SecretDelivered", "truong-phong,"}
    assert not codes & {*told.split()}


#: What needs no writing out: texts of the product, a statement in base64, what was written out
#: before.
_OURS: Final = {
    "PAGES[kind]()", "text", "script(_named(shell))", "drafting.template()",
    "f'  {command:<64} # {shell.text(text)}'",
    "orjson.dumps(statements.flattened(made)).decode()",
    "orjson.dumps(statements.flattened(signed)).decode()",
    "orjson.dumps(answer, option=orjson.OPT_SORT_KEYS).decode()",
    "'\\n'.join(lines).rstrip('\\n')", "f'$ socai {shlex.join(words)}'",
    "shell.text(Message('[Enter] runs it, q ends '))",
}  # fmt: skip


@attack(
    "a lying server, or a file from somebody else, moves the cursor or hides a line while one"
    " reads what one's signature or share is for",
    stopped_by="whatever a terminal is told is written out first",
    noticed_by="-",
)
def test_no_command_tells_a_terminal_what_was_not_written_out() -> None:
    """Of every call by which a command speaks."""
    raw = set()
    for path in files_below(ROOT / "api" / "cli", "*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "click.echo" and node.args:
                said = ast.unparse(node.args[0])
                if not re.match(r"(visible|dumped)\(|f['\"][^{]*\{visible\([^{]*$", said):
                    raw.add(said)
    assert raw == _OURS


@attack(
    "a lying server gives an act, a member or a choice a name that ends its line, so that the draft"
    " whose blanks somebody fills in and signs says more than was shown",
    stopped_by="what is said beside a member is one line, written out",
    noticed_by="-",
)
def test_no_name_that_a_server_gives_writes_in_a_draft() -> None:
    """Nor does it reach the terminal as it is."""

    def drawn(more: str) -> str:
        choice = {"const": "A", "title": f"a{more}", "title_en": f"a{more}"}
        said = {"title": f"b{more}", "title_en": f"b{more}"}
        fields = [
            FormField(("facts", "summary"), {"type": "string", **said}, required=True),
            FormField(("facts", "kind"), {"oneOf": [choice], **said}, required=True),
            FormField(("document",), {"type": "object", "properties": {"date": said}, **said}),
        ]
        kind = {"act": "ReportReceived", "vi": f"c{more}", "en": f"c{more}"}
        known = {"act": "ReportReceived"}
        return draft_files.template(kind, known, fields, "vi", told=[f"d{more}"], usual={})

    spoilt = drawn("\ncirculation: PUBLIC\r\x85to: [x]\u2028to: [y]\x1b[2J\u202e")
    assert visible(spoilt) == spoilt
    members = draft_files.read(io.BytesIO(spoilt.encode()), "draft").members
    assert members == draft_files.read(io.BytesIO(drawn("").encode()), "draft").members
