"""A restore into the embedded database takes away what one before it left, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from api.ops.embedded_postgres import Embedded
from api.settings import SettingsError
from ledger.message import Message
from tests.attacks import attack

MARK = "socai.restore.part"


def _server(tmp_path: Path, state: str = "") -> Embedded:
    """With programs that start nothing, and say this of a cluster."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name, says in (("pg_ctl", "exit 3"), ("pg_controldata", f"echo '{state}'")):
        (binaries / name).write_text(f"#!/bin/sh\n{says}\n")
        (binaries / name).chmod(0o755)
    return Embedded(tmp_path / "home", binaries=binaries)


def _cluster(tmp_path: Path, *names: str) -> Path:
    data = tmp_path / "home" / "pg" / "data"
    data.mkdir(parents=True)
    for name in ("PG_VERSION", *names):
        (data / name).touch()
    return data


def _found(seen: list[list[str]]) -> Callable[[Path], None]:
    """Notes what it finds, and refuses."""

    def fill(data: Path) -> None:
        seen.append(sorted(path.name for path in data.iterdir()) if data.exists() else [])
        raise SettingsError(Message("this copy is damaged"))

    return fill


@attack(
    "a restore was refused, the old cluster is put back by hand, and restore is typed again",
    stopped_by="what says that a restore was cut off lies in the cluster of which it says it",
    noticed_by="one sentence, exit 2",
)
def test_a_restore_that_was_refused_says_nothing_of_the_cluster_that_is_put_back(
    tmp_path: Path,
) -> None:
    """It is the only one there is."""
    server, seen = _server(tmp_path), list[list[str]]()
    with pytest.raises(SettingsError):
        server.restore(_found(seen))
    data = _cluster(tmp_path, "evidence")
    with pytest.raises(SettingsError):
        server.restore(_found(seen))
    assert seen == [[], ["PG_VERSION", "evidence"]]
    assert (data / "evidence").exists()


@pytest.mark.parametrize(
    ("state", "names", "goes"),
    [
        ("in production", (MARK, "backup_label"), True),  # as the copy says of where it was taken
        ("in archive recovery", (MARK,), True),
        ("shut down in recovery", (MARK,), True),
        ("in production", (MARK,), False),
        ("shut down", (MARK,), False),
        ("", (MARK,), False),
        ("in archive recovery", (), False),
        ("in production", ("backup_label",), False),
    ],
)
def test_only_what_never_took_anything_of_its_own_goes(
    tmp_path: Path, state: str, names: tuple[str, ...], *, goes: bool
) -> None:
    """A server that has recovered may have been written to, by whomever."""
    server, seen = _server(tmp_path, state), list[list[str]]()
    _cluster(tmp_path, *names)
    with pytest.raises(SettingsError):
        server.restore(_found(seen))
    assert seen == [[] if goes else sorted(("PG_VERSION", *names))]
