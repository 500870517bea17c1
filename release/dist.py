"""`make dist`: everything that a version is published as, in `dist/`, with its hashes.

Wheel and sdist (the same bytes from the same commit, wherever it is built), what they bring as a
CycloneDX SBOM, the licences, the answer about known weaknesses, the server's image where a Docker
engine is here, and SHA256SUMS over all of it. Not: the tag, which a person signs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import orjson

from api.ops.machine import RealClock
from release import advisories, licences
from release.shipped import NAME, ROOT, packages, project

SUMS: Final = "SHA256SUMS"
_CHUNK: Final = 1 << 20


class Unready(Exception):
    """This commit is no release; the text says why."""


def require_ready(version: str, changelog: str, changed: str) -> None:
    """Whether a version may be published from here.

    Args:
        version: Of pyproject.toml.
        changelog: CHANGELOG.md.
        changed: What git says is not committed.

    Raises:
        Unready: There are changes, or the changelog has no section of this version.
    """
    if changed:
        raise Unready(f"not committed: {', '.join(changed.split()[1::2])}")
    if not re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE
    ):
        raise Unready(f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD`")


def hashes(folder: Path) -> str:
    """Each file with its SHA-256, as `sha256sum --check` reads it."""
    lines = []
    for path in sorted(folder.iterdir()):
        if path.name != SUMS and path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            lines.append(f"{digest}  {path.name}\n")
    return "".join(lines)


def build(uv: str, into: Path, epoch: str) -> None:
    """Wheel and sdist, every time in them that of the commit."""
    _run(uv, "build", "--quiet", "--out-dir", str(into), epoch=epoch)
    into.joinpath(".gitignore").unlink(missing_ok=True)


def sbom(uv: str, into: Path, epoch: str) -> None:
    """What every extra brings, as CycloneDX JSON, from an environment that has just that."""
    shipped = ROOT / "build" / "shipped"
    words = ("sync", "--frozen", "--quiet", "--no-dev", "--all-extras", "--no-editable")
    _run(uv, *words, UV_PROJECT_ENVIRONMENT=str(shipped), epoch=epoch)
    tool = (sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible")
    own = ("--validate", "--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(into))
    _run(*tool, *own, str(shipped / "bin" / "python"), epoch=epoch)
    listed = orjson.loads(into.read_bytes())["components"]
    require_whole(one["name"] for one in listed)


def require_whole(names: Iterable[str]) -> None:
    """Whether an SBOM lists what the lock says is shipped, no more and no less.

    Raises:
        Unready: It does not. What only other platforms need may be missing.
    """
    listed = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    expected = {one.name for one in packages()}
    if wrong := (listed - expected) | (expected - licences.ELSEWHERE - listed):
        raise Unready(f"SBOM and lock differ: {', '.join(sorted(wrong))}")


def image(into: Path, tag: str, options: list[str]) -> str:
    """The server's image as an archive; a sentence about what was done."""
    docker = shutil.which("docker")
    engine = docker and subprocess.run([docker, "info"], capture_output=True, check=False)  # noqa: S603
    if not docker or not engine or engine.returncode:
        return "No image: no Docker engine is here.\n"
    _run(docker, "build", "--quiet", *options, "--target", "server", "--tag", tag, str(ROOT))
    _run(docker, "image", "save", "--output", str(into), tag)
    return f"Image {tag} in {into.name}.\n"


def main() -> None:
    """Makes all of it anew, or says why this is no release."""
    words = argparse.ArgumentParser(description=__doc__, prog="make dist")
    words.add_argument("--uv", required=True)
    words.add_argument("--docker-option", action="append", default=[])
    words.add_argument("--draft", action="store_true", help="also from a tree with changes")
    given = words.parse_args()
    version = str(project()["version"])
    changed = "" if given.draft else _said("git", "status", "--porcelain")
    require_ready(version, (ROOT / "CHANGELOG.md").read_text("utf-8"), changed)
    epoch = _said("git", "log", "-1", "--format=%ct")
    into = ROOT / "dist"
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    build(given.uv, into, epoch)
    sbom(given.uv, into / f"{NAME}-{version}.cdx.json", epoch)
    (into / f"{NAME}-{version}-licences.txt").write_text(licences.page(), "utf-8")
    pinned = advisories.export(given.uv, into / f"{NAME}-{version}-requirements.txt")
    answer = advisories.asked(advisories.pip_audit(pinned), RealClock().now())
    (into / f"{NAME}-{version}-advisories.txt").write_text(str(answer), "utf-8")
    sys.stdout.write(str(answer))
    if answer.status == advisories.KNOWN:
        raise Unready("a package has a known weakness: mend that first")
    archive = into / f"{NAME}-{version}-image.tar"
    sys.stdout.write(image(archive, f"{NAME}:{version}", given.docker_option))
    (into / SUMS).write_text(hashes(into), "ascii")
    sys.stdout.write(f"dist/ holds {NAME} {version}; docs/operate/release.md says what is next.\n")


def _said(*words: str) -> str:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


def _run(*words: str, epoch: str | None = None, **more: str) -> None:
    own: Mapping[str, str] = {"SOURCE_DATE_EPOCH": epoch} if epoch else {}
    environment = {**os.environ, **own, **more}  # noqa: TID251  handed on, not read
    subprocess.run(words, cwd=ROOT, env=environment, check=True)  # noqa: S603


if __name__ == "__main__":
    try:
        main()
    except (Unready, licences.Unknown) as error:
        sys.exit(f"No release: {error}.")
