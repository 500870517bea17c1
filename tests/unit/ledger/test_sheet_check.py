"""The clerk who has a paper and the verifier: a sheet is held against what somebody kept."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from api.cli.main import main
from keys.canonical import b64
from keys.note import VKey
from ledger.errors import VerificationError
from ledger.log import statement
from ledger.log.checkpoint import unverified
from ledger.log.record import parse_envelope
from ledger.log.sheet import Sheet
from ledger.log.sheet_check import hold

VECTORS: Final = Path(__file__).parents[2] / "vectors"
BUNDLE: Final[dict[str, Any]] = json.loads((VECTORS / "bundle.json").read_text("utf-8"))
STORY: Final[dict[str, Any]] = json.loads((VECTORS / "record.json").read_text("utf-8"))
NOTE: Final[bytes] = next(
    one["text"].encode() for one in BUNDLE["files"] if one["path"] == "data/checkpoint"
)
KEY: Final = VKey.parse(BUNDLE["log_vkey"])


def statements(case: str) -> list[statement.Statement]:
    """Of a case of the story, in order."""
    kept = [parse_envelope(one["envelope"].encode()).statement for one in STORY["records"]]
    found = [statement.recorded(one) for one in kept]
    return [one for one in found if one.members.get("stream") == f"case/{case}"]


CASE: Final = next(
    one["stream"].removeprefix("case/")
    for one in STORY["records"]
    if one["stream"].startswith("case/")
)
LAST: Final = statements(CASE)[-1]
SHEET: Final = Sheet(
    STORY["log"], CASE, LAST.seq, LAST.digest_b64, unverified(NOTE).size, b64(unverified(NOTE).root)
)


def bundle(*, without: str = "", note: bytes = NOTE) -> bytes:
    """The story's bundle, as far as it is read here."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("data/checkpoint", note)
        for one in STORY["records"]:
            if not without or without not in one["envelope"]:
                made.writestr(f"data/records/{one['index']}.json", one["envelope"])
    return out.getvalue()


def test_a_sheet_fits_its_bundle_and_its_checkpoint() -> None:
    """With no network and no secret."""
    assert hold(SHEET, NOTE, [KEY]) == "checkpoint"
    assert hold(SHEET, bundle(), [KEY]) == "case"


@pytest.mark.parametrize(
    ("sheet", "kind"),
    [
        (replace(SHEET, root=b64(b"x" * 32)), "fork"),
        (replace(SHEET, size=SHEET.size - 1), "other_size"),
        (replace(SHEET, head=b64(b"x" * 32)), "case"),
        (replace(SHEET, seq=SHEET.seq + 1), "case"),
        (replace(SHEET, log="other.example/ordinary"), "checkpoint"),
    ],
)
def test_a_sheet_of_another_state_does_not_fit(sheet: Sheet, kind: str) -> None:
    """A forged paper, an older one, one of another log: each is told apart."""
    with pytest.raises(VerificationError) as failed:
        hold(sheet, bundle(), [KEY])
    assert failed.value.kind == kind


def test_a_checkpoint_that_the_log_did_not_sign_tells_nothing() -> None:
    """Nor does a bundle that is cut off, or has none."""
    forged = NOTE.replace(b"\n14\n", b"\n15\n")
    for kept, kind in (
        (forged, "checkpoint"),
        (bundle(note=forged), "checkpoint"),
        (bundle()[:-200], "bundle"),
        (b"", "checkpoint"),
    ):
        with pytest.raises(VerificationError) as failed:
            hold(SHEET, kept, [KEY])
        assert failed.value.kind == kind, kind


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_clerk_types_the_line_of_the_paper(
    lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence and exit 0; where it does not fit, one sentence and exit 1, no traceback."""
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path / "none"))
    kept = tmp_path / "goi.zip"
    kept.write_bytes(bundle())
    base = ["--lang", lang, "log", "sheet"]
    run = CliRunner()
    good = run.invoke(main, [*base, SHEET.text(), str(kept), "--vkey", str(KEY)])
    assert good.exit_code == 0, good.output
    assert CASE in good.stdout
    forged = replace(SHEET, root=b64(b"x" * 32)).text()
    bad = run.invoke(main, [*base, forged, str(kept), "--vkey", str(KEY)])
    assert (bad.exit_code, "Traceback" in bad.output) == (1, False)
    assert ("KHÁC" if lang == "vi" else "ANOTHER") in bad.output
    for words in ([SHEET.text(), str(kept)], ["socai:sheet?x", str(kept), "--vkey", str(KEY)]):
        wrong = run.invoke(main, [*base, *words])
        assert (wrong.exit_code, wrong.stdout) == (2, ""), wrong.output
