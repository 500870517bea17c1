"""The clerk who has a paper and the verifier: a sheet is held against what somebody kept."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from click.testing import CliRunner

from api.cli.main import main
from keys.canonical import b64
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner, VKey
from ledger.errors import VerificationError
from ledger.log import checkpoint, merkle, record, statement
from ledger.log.checkpoint import Checkpoint, unverified
from ledger.log.proof import Inclusion
from ledger.log.record import Envelope, build, parse_envelope
from ledger.log.sheet import Sheet, parse
from ledger.log.sheet_check import hold
from tests.attacks import attack
from tests.leaf_nodes import LeafNodes

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


def record_bytes(envelope: Envelope, compact: str) -> bytes:
    """The record with another statement."""
    return build(
        log=envelope.log,
        recorded_at=envelope.recorded_at,
        blind=envelope.blind,
        statement=compact,
    )


CASE: Final = next(
    one["stream"].removeprefix("case/")
    for one in STORY["records"]
    if one["stream"].startswith("case/")
)
LAST: Final = statements(CASE)[-1]
SHEET: Final = Sheet(
    STORY["log"], CASE, LAST.seq, LAST.digest_b64, unverified(NOTE).size, b64(unverified(NOTE).root)
)


def members(note: bytes = NOTE) -> dict[str, bytes]:
    """The story's bundle, as far as it is read here."""
    kept = {"data/checkpoint": note}
    for one in STORY["records"]:
        kept[f"data/records/{one['index']}.json"] = one["envelope"].encode()
    for one in BUNDLE["files"]:
        if one["path"].startswith("data/proofs/"):
            kept[one["path"]] = one["text"].encode()
    return kept


def zipped(kept: Mapping[str, bytes], *, how: int = zipfile.ZIP_STORED) -> bytes:
    """The members as a file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as made:
        for name, data in kept.items():
            made.writestr(name, data)
    return out.getvalue()


def bundle(*, note: bytes = NOTE) -> bytes:
    """The story's bundle."""
    return zipped(members(note))


def test_a_sheet_fits_its_bundle_and_its_checkpoint() -> None:
    """With no network and no secret."""
    assert hold(SHEET, NOTE, [KEY]) == "checkpoint"
    assert hold(SHEET, bundle(), [KEY]) == "case"


def test_the_checkpoint_at_the_end_of_a_print_is_one_that_was_kept() -> None:
    """Years later the paper may be all there is, and the key as it was published then."""
    text, _, signatures = NOTE.decode().partition("\n\n")
    own, *others = signatures.splitlines()
    dash, name, signature = own.split()
    typed = f"{text}\n\n{dash} {name}\n{signature}\n"
    receipt = orjson.dumps({"log": STORY["log"], "proof": {"checkpoint": NOTE.decode()}}).decode()
    for kept in (
        typed,
        typed + "".join(f"{line[:60]}\n  {line[60:]}\n" for line in others),
        typed + f"{dash} {name}/pq\n-- foot of a sheet, copied along --\n",
        typed.replace(dash, "-"),
        f"\ufeff  {typed}".replace("\n", "\r\n"),
        receipt,
    ):
        assert hold(SHEET, kept.encode(), [KEY]) == "checkpoint", kept
    for kept in (
        typed.replace("\n14\n", "\n15\n"),
        typed.replace(signature, signature[:-8]),
        typed.replace(signature, ""),
        text,
        "[" * 100_000,
        '{"proof": {"checkpoint": [1]}}',
        '{"proof": 7}',
    ):
        with pytest.raises(VerificationError) as failed:
            hold(SHEET, kept.encode(), [KEY])
        assert failed.value.kind == "checkpoint", kept


@pytest.mark.parametrize(
    ("sheet", "kind"),
    [
        (replace(SHEET, root=b64(b"x" * 32)), "fork"),
        (replace(SHEET, size=SHEET.size - 1), "other_size"),
        (replace(SHEET, head=b64(b"x" * 32)), "case"),
        (replace(SHEET, seq=SHEET.seq - 1), "case"),
        (replace(SHEET, seq=SHEET.seq + 1), "left_out"),
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


def test_what_is_added_to_a_true_bundle_proves_no_forged_paper() -> None:
    """The checkpoint is the log's and says nothing of a record that its tree does not have."""
    last, place = STORY["records"][12], "data/records/12.json"
    envelope = parse_envelope(last["envelope"].encode())
    payload = LAST.payload.replace(b"2024", b"2023", 1)
    protected, _, signature = envelope.statement.split(".")
    forged = statement.recorded(f"{protected}.{b64(payload)}.{signature}")
    paper = replace(SHEET, head=forged.digest_b64)
    added = record_bytes(envelope, forged.compact)
    whole = members()
    for kept in (
        {**whole, place: added},
        {**whole, "data/records/99.json": added},
        {**whole, "data/records/99.json": added, "data/proofs/99.tlog-proof": b"c2sp.org"},
        {name: data for name, data in whole.items() if "proofs/12" not in name},
    ):
        with pytest.raises(VerificationError) as failed:
            hold(paper, zipped(kept), [KEY])
        assert failed.value.kind == "bundle"


@dataclass(frozen=True)
class Planted:
    """The story's log, and behind it a statement of a place of the case that nobody signed.

    Attributes:
        kept: A bundle of all of it.
        honest: The record of the statement that stands there.
        other: That of the planted one.
        digest: What a forged paper says of it.
        paper: A sheet of that state; its `head` is that of the honest one.
        key: The log's.
    """

    kept: dict[str, bytes]
    honest: str
    other: str
    digest: str
    paper: Sheet
    key: VKey


def planted() -> Planted:
    """As whoever has the writer's login leaves it."""
    real = {int(one["index"]): one["envelope"].encode() for one in STORY["records"]}
    envelope = parse_envelope(next(e for e in real.values() if LAST.compact.encode() in e))
    protected, _, signature = LAST.compact.split(".")
    payload = LAST.payload.replace(b"2024", b"2023", 1)
    forged = statement.recorded(f"{protected}.{b64(payload)}.{signature}")
    tree = [*real.values(), record_bytes(envelope, forged.compact)]
    nodes = LeafNodes([record.leaf(record.entry(one)) for one in tree])
    root = merkle.root(len(tree), nodes)
    log = NoteSigner(STORY["log"], SoftwareSigner.generate())
    note = checkpoint.sign(Checkpoint(STORY["log"], len(tree), root), log, None, time_s=1)
    kept = {"data/checkpoint": note}
    for index, one in enumerate(tree):
        path = tuple(merkle.inclusion_path(index, len(tree), nodes))
        kept[f"data/records/{index}.json"] = one
        proven = Inclusion(index, len(tree), path, note.decode())
        kept[f"data/proofs/{index}.tlog-proof"] = proven.to_file()
    honest = next(name for name, one in kept.items() if LAST.compact.encode() in one)
    paper = replace(SHEET, size=len(tree), root=b64(root))
    other = f"data/records/{len(tree) - 1}.json"
    return Planted(kept, honest, other, forged.digest_b64, paper, log.vkey)


@attack(
    "with the writer's login a second statement is recorded at a place of a case, and a bundle"
    " shows it beside the one that stands",
    stopped_by="of several at a place the paper is held against none: the rules say which stands",
    noticed_by="log audit, the case's verification",
)
def test_of_two_statements_at_a_place_no_bundle_says_which_stands() -> None:
    """In either order: an honest print is not called false, and a forged one not true."""
    by = planted()
    for given in (by.kept, dict(reversed(by.kept.items()))):
        for head in (LAST.digest_b64, by.digest):
            assert hold(replace(by.paper, head=head), zipped(given), [by.key]) == "checkpoint"
        with pytest.raises(VerificationError) as failed:
            hold(replace(by.paper, head=b64(bytes(32))), zipped(given), [by.key])
        assert failed.value.kind == "case"
    del by.kept[by.other]
    assert hold(by.paper, zipped(by.kept), [by.key]) == "case"


@attack(
    "a bundle holds one name twice, and its readers do not see the same record under it",
    stopped_by="a bundle with a name twice is none",
    noticed_by="whoever holds a print against it",
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_bundle_that_says_a_name_twice_is_none() -> None:
    """Of the two statements at a place one is hidden behind the other, whichever is read."""
    by = planted()
    proofs = [
        one.replace("records", "proofs").replace("json", "tlog-proof")
        for one in (by.honest, by.other)
    ]
    hidden = {name: by.kept.pop(name) for name in (by.honest, proofs[0])}
    out = io.BytesIO(zipped(by.kept))
    with zipfile.ZipFile(out, "a") as made:  # under the names of the other, behind it
        for name, data in zip((by.other, proofs[1]), hidden.values(), strict=True):
            made.writestr(name, data)
    for head in (LAST.digest_b64, by.digest):
        with pytest.raises(VerificationError) as failed:
            hold(replace(by.paper, head=head), out.getvalue(), [by.key])
        assert failed.value.kind == "bundle"


@attack(
    "the same, and the bundle leaves out the one that stands",
    stopped_by="it is told that a file does not show whether a statement stands, and no other",
    noticed_by="log audit, the case's verification",
)
def test_a_bundle_that_leaves_out_what_stands_makes_no_print_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record in it is the log's; who signed it, and what else is there, no file shows."""
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path / "none"))
    by = planted()
    del by.kept[by.honest]
    (tmp_path / "bundle").write_bytes(zipped(by.kept))
    forged = replace(by.paper, head=by.digest).text()
    words = ["--lang", "en", "log", "sheet", forged, str(tmp_path / "bundle")]
    told = CliRunner().invoke(main, [*words, "--vkey", str(by.key)]).stdout
    assert "Whether it stands there, and no other, a file cannot show" in told


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bundle_changed_anywhere_is_refused_and_never_a_trace(how: int) -> None:
    """Members that were pressed by somebody, names of no text, a byte that is another."""
    whole = zipped(members(), how=how)
    assert hold(SHEET, whole, [KEY]) == "case"
    for at in range(0, len(whole), max(1, len(whole) // 120)):
        changed = whole[:at] + bytes((whole[at] ^ 0xFF,)) + whole[at + 1 :]
        with suppress(VerificationError):
            hold(SHEET, changed, [KEY])
        with suppress(VerificationError):
            hold(SHEET, whole[:at], [KEY])
    name = b"data/proofs/0.tlog-proof"
    flagged = whole.replace(name, b"\xff" * len(name))
    for at in [n for n in range(len(flagged)) if flagged.startswith(b"PK\x01\x02", n)]:
        flagged = flagged[: at + 9] + b"\x08" + flagged[at + 10 :]  # the name is said to be UTF-8
    with pytest.raises(VerificationError):
        hold(SHEET, flagged, [KEY])


def test_a_bundle_out_of_which_too_much_comes_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forger's file of a few kilobytes fills nobody's memory."""
    kept = members()
    whole, size = zipped(kept, how=zipfile.ZIP_DEFLATED), sum(map(len, kept.values()))
    assert len(whole) < size
    monkeypatch.setattr("ledger.log.sheet_check._MOST_IN_ALL", size)
    assert hold(SHEET, whole, [KEY]) == "case"
    kept["data/records/99.json"] = b" "
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("it is read"))
    with pytest.raises(VerificationError) as failed:
        hold(SHEET, zipped(kept, how=zipfile.ZIP_DEFLATED), [KEY])
    assert failed.value.kind == "bundle"


@pytest.mark.parametrize(
    "said",
    [
        {"case": "x\nThe print is of the log"},
        {"case": CASE.upper()},
        {"log": "bacninh.example/ordinary\nok"},
        {"seq": 0},
        {"seq": SHEET.size + 1},
        {"size": -1},
        {"size": 2**63},
    ],
)
def test_a_line_says_nothing_else_to_whoever_reads_the_answer(said: dict[str, Any]) -> None:
    """What it holds is shown: a case is an id, a place is one of the log."""
    assert parse(SHEET.text()) == SHEET
    with pytest.raises(VerificationError):
        parse(replace(SHEET, **said).text())


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
    only = "tự ghi" if lang == "vi" else "says that it is"
    assert only not in good.stdout
    (tmp_path / "kept").write_bytes(NOTE)
    base_of_note = [SHEET.text(), str(tmp_path / "kept"), "--vkey", str(KEY)]
    alone = run.invoke(main, [*base, *base_of_note])
    assert (alone.exit_code, only in alone.stdout) == (0, True), "root and size are every case's"
    told = run.invoke(main, [*base, "--json", *base_of_note]).stdout
    assert json.loads(told)["statement_shown"] is False
    forged = replace(SHEET, root=b64(b"x" * 32)).text()
    bad = run.invoke(main, [*base, forged, str(kept), "--vkey", str(KEY)])
    assert (bad.exit_code, "Traceback" in bad.output) == (1, False)
    assert ("KHÁC" if lang == "vi" else "ANOTHER") in bad.output
    for words in ([SHEET.text(), str(kept)], ["socai:sheet?x", str(kept), "--vkey", str(KEY)]):
        wrong = run.invoke(main, [*base, *words])
        assert (wrong.exit_code, wrong.stdout) == (2, ""), wrong.output


def test_what_a_clerk_copies_and_the_file_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a PDF brings along is no part of a line; a wrong file says nothing of a print."""
    monkeypatch.setenv("SOCAI_HOME", str(tmp_path / "none"))
    (tmp_path / "kept").write_bytes(NOTE)
    base, run = ["--lang", "en", "log", "sheet"], CliRunner()
    line = SHEET.text().replace("&", "\u200b&", 2) + "\u00a0"
    key = f" {str(KEY)[:60]}\n{str(KEY)[60:]}\u00ad"
    copied = run.invoke(main, [*base, line, str(tmp_path / "kept"), "--vkey", key])
    assert copied.exit_code == 0, copied.output
    for data in (b"", b"%PDF-1.7", str(KEY).encode(), NOTE[: NOTE.index(b"\n\n")]):
        (tmp_path / "other").write_bytes(data)
        wrong = run.invoke(main, [*base, SHEET.text(), str(tmp_path / "other"), "--vkey", str(KEY)])
        assert (wrong.exit_code, wrong.stdout) == (2, ""), wrong.output
        assert "is no checkpoint, receipt or evidence bundle" in wrong.stderr
