"""A run that skips says so, and one that skips for no known reason is red."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import KNOWN, is_known
from tests.source_files import ROOT, modules


def _run(folder: Path, body: str, *more: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest with the plugin and nothing else of ours."""
    (folder / "test_it.py").write_text(f"import pytest\n{body}\n", "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    others = ("cacheprovider", "schemathesis", "anyio", "hypothesispytest")
    without = [word for name in others for word in ("-p", f"no:{name}")]
    # In the usual folder pytest clears at its end what every run of this machine has left there.
    words = ["-q", "-p", "tests.skips", *without, f"--basetemp={folder / 'temp'}", *more]
    words += ["--rootdir", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(folder / "pytest.ini"), *words, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["one process", "workers"])
def test_what_is_lacking_is_told_once_at_the_end(tmp_path: Path, more: tuple[str, ...]) -> None:
    """With how many tests went for it; the run is green."""
    body = """
@pytest.mark.parametrize("n", range(2))
def test_of_two(n): pytest.skip("uv is not here: make it")
@pytest.mark.skipif(True, reason="asks /proc")
def test_of_one(): pass
@pytest.mark.xfail(reason="known")
def test_expected_to_fail(): assert False
"""
    run = _run(tmp_path, body, *more)
    assert run.returncode == 0, run.stdout
    told = [line for line in run.stdout.splitlines() if line.startswith("not checked")]
    assert told == [
        "not checked: asks /proc (1 test)",
        "not checked: uv is not here: make it (2 tests)",
    ]


@pytest.mark.parametrize(
    "body",
    [
        'def test_a(): pytest.skip("not today")',
        '@pytest.mark.skip(reason="not today")\ndef test_a(): pass',
        'pytest.skip("not today", allow_module_level=True)',
        '@pytest.fixture\ndef f(): pytest.skip("not today")\ndef test_a(f): pass',
    ],
    ids=["test", "mark", "module", "fixture"],
)
def test_a_skip_for_any_other_reason_is_a_failure(tmp_path: Path, body: str) -> None:
    """However it is said, the run is red and names it."""
    run = _run(tmp_path, f"{body}\ndef test_another(): pass")
    assert run.returncode != 0, run.stdout
    assert "does not know: not today" in run.stdout


def test_known_reasons_are_whole_and_used() -> None:
    """A reason that only begins as a known one is another; each stands in some test."""
    assert is_known("asks /proc")
    assert not is_known("asks /proc, or so")
    sources = "".join(
        path.read_text("utf-8")
        for path in modules("tests")
        if path.name not in {"skips.py", "test_skips.py"}
    )
    for known in KNOWN:
        words = known.replace("\\", "").removeprefix("(?:go|node|openssl)").split(" (")[0]
        assert words.removesuffix(" .*").removesuffix(".*") in sources, known
