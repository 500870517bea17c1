"""Attacks on keys where processes hold them: what a fallen one leaves, what a running one shows."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.main import main
from api.home import Home
from api.ops.child_processes import python
from api.settings import Settings, child_environment
from keys import canonical
from keys.custody.kek_custody import FileCustody
from tests.attacks import attack
from tests.fixtures.softhsm import PIN

_FALLS = """
import os, sys
from click.testing import CliRunner
from api.cli.main import main
from keys.custody.kek_custody import FileCustody
from pathlib import Path
if sys.argv[2] == "ours":
    CliRunner().invoke(main, ["catalogue", "--help"])
kek = FileCustody(lambda: b"pass").open(Path(sys.argv[1]))
os.abort()
"""


_EXECUTES = """
import os, sys
from keys.custody import core_dumps
core_dumps.leave_none()
os.execv("/bin/sh", ["sh", "-c", "ulimit -S -c"])
"""


def _asks_for_one() -> None:
    """For a core dump, as far as the machine lets it."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def _fallen(kek: Path, how: str) -> bool:
    """Whether a process that has opened a KEK leaves a core dump as it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _FALLS, str(kek), how],
        cwd=kek.parent,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=_asks_for_one,  # noqa: PLW1509  one system call, no lock
        stderr=subprocess.DEVNULL,
    )
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    assert os.WIFSIGNALED(status)
    for core in kek.parent.glob("core*"):
        core.unlink()
    return os.WCOREDUMP(status)


@attack(
    "a process with the KEK is made to fall, and its core dump read",
    stopped_by="no process of ours leaves one",
    noticed_by="-",
)
def test_a_process_that_falls_leaves_no_key_behind(tmp_path: Path) -> None:
    """Whatever limit it was started with (access.md K5); another program in its place would."""
    path = tmp_path / "kek.socaikek"
    FileCustody(lambda: b"pass").make(path)
    if not _fallen(path, "another's"):
        pytest.skip("this machine writes no core dumps, whatever a process says")
    assert not _fallen(path, "ours")
    executed = subprocess.run(
        [sys.executable, "-c", _EXECUTES],
        cwd=Path(__file__).parents[2],
        preexec_fn=_asks_for_one,
        capture_output=True,
        check=True,
    )
    assert executed.stdout == b"0\n", "what it executes leaves none either"


@attack(
    "keys, PINs and passphrases read from the environment and the words of a process",
    stopped_by="settings name files; no secret is a value",
    noticed_by="-",
)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="asks /proc")
def test_the_environment_of_a_process_names_files_and_no_secret(tmp_path: Path) -> None:
    """What a child of the supervisor is started with, as any process of its user may read it."""
    secrets = {"passphrase": b"a passphrase of four words", "pin": PIN}
    for name, text in secrets.items():
        (tmp_path / name).write_bytes(text)
        (tmp_path / name).chmod(0o600)
    settings = Settings.at(
        tmp_path / "home",
        passphrase_file=tmp_path / "passphrase",
        pkcs11_module=Path("/usr/lib/softhsm/libsofthsm2.so"),
        pkcs11_token="kek",  # noqa: S106  a label
        pkcs11_pin_file=tmp_path / "pin",
    )
    settings.keys_dir.mkdir(parents=True)
    home = Home(settings)
    kek = FileCustody(home.passphrase).make(home.key_path("kek"))
    shown = [*secrets.values(), kek.secret(), kek.secret().hex().encode()]
    shown.append(canonical.b64(kek.secret()).encode())
    reads = "import sys; sys.stdout.buffer.write(open('/proc/self/environ','rb').read())"
    words = [*python("-c", reads), *settings.environment()]
    told = subprocess.run(
        words, env=child_environment(settings), capture_output=True, check=True
    ).stdout
    assert str(tmp_path / "pin").encode() in told
    assert home.token_pin() == PIN
    for secret in shown:
        assert secret not in told
        assert secret not in " ".join(words).encode()


def test_no_command_takes_a_pin_or_passphrase_as_a_word() -> None:
    """Words of a process are read by everybody on the machine."""
    import click  # noqa: PLC0415  the command's own

    context = click.Context(main)
    every: list[click.Command] = [main]
    seen: set[str] = set()
    while every:
        command = every.pop()
        if isinstance(command, click.Group):
            every += filter(
                None, (command.get_command(context, n) for n in command.list_commands(context))
            )
        seen |= {word for p in command.params for word in p.opts}
    assert {"--pin", "--passphrase", "--password", "--passphrase-value"} & seen == set()
