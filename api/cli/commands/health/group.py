"""Whether one process of the enclave does its work, asked with that process's own login and files.

For a supervisor that runs them apart, and asks every few seconds: of what the answer needs nothing
else is loaded (`loops.py` has what asks a database). The API is asked itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Final

import click
import httpx

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.late_commands import missing
from api.cli.terminal.shell import fail, options, shell_of
from api.client.connection import trusted
from api.ops.custody import custody_name
from api.ops.home_notes import running_url
from api.settings import Settings
from keys.custody.kek_custody import PKCS11
from ledger.message import Message, Text, Wording

_PATIENCE_S: Final = 5.0
_OF_OTHERS: Final = "api.cli.commands.health.loops"
ASKED: Final[Mapping[str, str]] = {
    "api": f"{__name__}:api",
    "checkpointer": f"{_OF_OTHERS}:loop",
    "projector": f"{_OF_OTHERS}:loop",
    "keeper": f"{_OF_OTHERS}:keeper",
    "vault": f"{_OF_OTHERS}:vault",
    "archiver": f"{_OF_OTHERS}:archiver",
}
"""By what each process is asked; a test holds the names to those of the supervisor."""


@click.command()
@click.option(
    "--role",
    type=click.Choice([*ASKED]),
    required=True,
    help="The process asked about.",
)
@options
@guarded
def health(role: str) -> None:
    """Whether a process of the enclave does its work; exit 1 where it does not."""
    settings = Settings.from_env()
    try:
        ask: Callable[[Settings, str], Text | None] = resolve_name(ASKED[role])
    except ModuleNotFoundError as error:
        raise missing(error) from error
    fault = ask(settings, role)
    if fault is not None:
        fail(Message("{role} is not well: {fault}", role=role, fault=fault), "not_ready")
    shell, custody = shell_of(), custody_name(settings)
    if shell.json:
        shell.give({"ok": True, "role": role, "custody": custody})
        return
    shell.say(Message("{role} is well.", role=role))
    if custody is not None:
        shell.say(custody_words(custody))


def custody_words(custody: str) -> Message:
    """Where the KEK is kept (access.md K6)."""
    if custody == PKCS11:
        return Message("The KEK is on a PKCS#11 token.")
    return Message("The KEK is in a file under a passphrase.")


def api(settings: Settings, _: str) -> Text | None:
    """The API is well where it says so itself: this home's, on whatever port it was started."""
    url = running_url(settings)
    try:
        answer = httpx.get(
            f"{url}/health/ready",
            headers={"Accept-Language": shell_of().lang},
            timeout=_PATIENCE_S,
            verify=trusted(url),
        )
    except httpx.TransportError as error:
        detail = type(error).__name__
        return Message("there is no answer at {url} ({detail})", url=url, detail=detail)
    return None if answer.status_code == httpx.codes.OK else both(unwell(answer))


def unwell(answer: httpx.Response) -> str:
    """The parts that are not well, in the words of the API; else what was answered, cut."""
    try:
        checks = answer.json()["checks"]
        return "; ".join(f"{one['name']}: {one['detail']}" for one in checks if not one["ok"])
    except (ValueError, LookupError, TypeError):  # a proxy's, or no readiness at all
        return f"HTTP {answer.status_code} {answer.text[:200]}".strip()


def both(said: str) -> Text:
    """What is said alike in each language."""
    return Wording(said, said)
