"""`socai record commitment`: what a stub commits to, made and computed anew, without a server."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from keys.canonical import unb64
from keys.stub_commitment import commitment


def typed(*words: str, lang: str = "en", home: Path) -> Result:
    """One call, in a folder without a home."""
    env = {"SOCAI_HOME": str(home / "none"), "COLUMNS": "80"}
    return CliRunner().invoke(main, ["--lang", lang, "record", "commitment", *words], env=env)


def test_a_commitment_is_made_and_computed_anew(tmp_path: Path) -> None:
    """Another salt each time; with the one published the same comes out, of no other document."""
    text, other = tmp_path / "text", tmp_path / "other"
    text.write_bytes(b"phu luc 02")
    other.write_bytes(b"phu luc 03")
    first, second = (orjson.loads(typed(str(text), home=tmp_path).stdout) for _ in range(2))
    assert first["commitment"] != second["commitment"]
    assert unb64(first["commitment"]) == commitment(unb64(first["salt"]), b"phu luc 02")
    again = typed(str(text), "--salt", first["salt"], home=tmp_path)
    assert orjson.loads(again.stdout) == first
    wrong = typed(str(other), "--salt", first["salt"], home=tmp_path)
    assert orjson.loads(wrong.stdout)["commitment"] != first["commitment"]


@pytest.mark.parametrize(("lang", "words"), [("en", "43 letters"), ("vi", "43 ký tự")])
def test_what_is_no_salt_is_told_in_one_sentence(tmp_path: Path, lang: str, words: str) -> None:
    """Too short, and no base64 at all; nothing is printed that could be taken for an answer."""
    text = tmp_path / "text"
    text.write_bytes(b"x")
    for salt in ("AAAA", "?" * 43):
        told = typed(str(text), "--salt", salt, lang=lang, home=tmp_path)
        assert (told.exit_code, told.stdout) == (2, ""), told.output
        assert words in " ".join(told.stderr.split())
        assert "Traceback" not in told.stderr
