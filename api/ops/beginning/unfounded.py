"""An enclave on its way: what is made before it stands, noted so that it can be taken away again.

The note is written before anything is made and goes when `enclave.json` is written, which is last.
Whoever fails takes away what stands in it; whoever was killed leaves that to the next `init`. What
was there before is not in it, and stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from api.home import SESSION_KEY, TICKET_KEY, Home
from api.ops import database
from api.ops.embedded_postgres import Embedded
from api.ops.home_notes import ACCESS_VKEYS, VKEYS
from api.ops.mirror.slots import mirror_folder, written
from api.ops.reads.which_log import READS, REMEMBERING_READS
from api.ops.service.roles import REMEMBERING
from api.settings import Settings, SettingsError
from keys.custody.kek_custody import KekCustody, wipe
from ledger.checkpoints.seen_file import SeenFile
from ledger.message import Message
from ledger.postgres import migrate

_NOTE: Final = "init.unfinished"
_KEYS: Final = ("log", "pq", "registrar", "service", *READS.keys)


def unfinished(settings: Settings) -> bool:
    """Whether an `init` of this home began and did not come to its end."""
    return (settings.home / _NOTE).exists() and not Home(settings).facts_path.exists()


def begin(settings: Settings, slug: str) -> None:
    """Notes what is about to be made, of which nothing is there."""
    settings.home.mkdir(parents=True, exist_ok=True)
    made = [path for path in _files(settings) if not path.exists()]
    note = {
        "slug": slug,
        "files": [str(path) for path in made],
        "cluster": settings.database_url is None and not (settings.home / "pg").exists(),
    }
    written(settings.home / _NOTE, orjson.dumps(note, option=orjson.OPT_INDENT_2))


def end(settings: Settings) -> None:
    """It stands: whatever is there from now on, no `init` takes it away."""
    (settings.home / _NOTE).unlink(missing_ok=True)


def take_away(
    settings: Settings, custody: Callable[[], KekCustody], password_file: Path | None
) -> None:
    """Takes away what was noted: database and roles, keys, secrets, memories.

    Args:
        settings: Of the home.
        custody: What keeps the KEK, asked where there is one.
        password_file: Password of the database's administrator.

    Raises:
        SettingsError: The note is damaged: nothing was taken away.
        EmbeddedError: The server cannot be asked: likewise.
        Fatal: The log holds more than founding wrote: likewise.
    """
    path = settings.home / _NOTE
    try:
        note = orjson.loads(path.read_bytes())
        slug, cluster = str(note["slug"]), bool(note["cluster"])
        files = [Path(one) for one in note["files"]]
    except (ValueError, LookupError, TypeError) as error:
        raise SettingsError(
            Message("{path} is damaged: {error}", path=path, error=error)
        ) from error
    if cluster:
        server = Embedded(settings.home)
        if server.was_started:
            migrate.require_unfounded(server.start(), slug)
        server.abandon()
        shutil.rmtree(settings.home / "pg", ignore_errors=True)
    else:
        migrate.uninstall(database.admin_dsn(settings, password_file), slug)
    kek = Home(settings).key_path("kek")
    if kek in files and kek.exists():
        custody().destroy(kek)
    for one in (one for one in files if one.exists()):
        if one.suffix in (".socaikey", ".key", ".password"):
            wipe(one)
        one.unlink(missing_ok=True)
    _sweep(settings, files)
    path.unlink()


def _files(settings: Settings) -> Iterable[Path]:
    home = Home(settings)
    yield home.key_path("kek")
    yield from (home.key_path(name) for name in _KEYS)
    secrets = settings.secrets_dir
    yield from (secrets / f"{login}.password" for login in migrate.WITH_PASSWORD)
    yield from (secrets / name for name in (SESSION_KEY, TICKET_KEY, "passphrase"))
    if settings.database_url is None:
        yield secrets / "postgres.password"
    yield from (settings.home / name for name in (VKEYS, ACCESS_VKEYS))
    yield mirror_folder(settings) / "slots.json"
    roles = (*REMEMBERING, *REMEMBERING_READS)
    yield from (SeenFile(home.seen_folder(role)).path for role in roles)


def _sweep(settings: Settings, files: Iterable[Path]) -> None:
    """Folders that were made for them, where nothing else is in them; never a mount."""
    folders = {one.parent for one in files} | {settings.seen_dir}
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        for left in folder.glob("*.draft") if folder.is_dir() else ():
            left.unlink()
        with suppress(OSError):
            folder.rmdir()
