"""Keys of a home, opened from their files or token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from api.home import Home
from api.ops.custody import custody_of
from api.ops.reads.which_log import ACTS, WhichLog
from api.settings import Settings, SettingsError
from keys.custody.file import read_key
from keys.custody.key_files import KeyFiles
from keys.envelope_encryption import Kek
from keys.errors import KeysError, Unsealable
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner, log_pair
from ledger.message import Message, Text, Wording, system_fault


def open_kek(settings: Settings) -> KeyFiles[Kek]:
    """The enclave's KEK from its file or token, and beside it what an epoch turns (K9)."""
    path = Home(settings).key_path("kek")
    return KeyFiles(path, custody_of(settings, path).open)


def required_kek(settings: Settings) -> KeyFiles[Kek]:
    """As `open_kek`. Raises: SettingsError: It is missing or does not open."""
    try:
        return open_kek(settings)
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("the KEK does not open: {error}", error=why_closed(error))
        ) from error


def service_signer(settings: Settings) -> SoftwareSigner:
    """The key of the service, from its file.

    Raises:
        SettingsError: It is missing or does not open.
    """
    home = Home(settings)
    try:
        return read_key(home.key_path("service"), home.passphrase())
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("the service's key does not open: {error}", error=why_closed(error)),
        ) from error


def log_signers(
    settings: Settings, path: Callable[[str], Path] | None = None, which: WhichLog = ACTS
) -> tuple[NoteSigner, NoteSigner]:
    """A log's key and `/pq` (formats.md §7), from their files.

    Args:
        settings: Of the home.
        path: Where they lie, if not where the home has them.
        which: Of which log.

    Raises:
        SettingsError: One of them does not open.
    """
    home = Home(settings)
    at = path or home.key_path
    try:
        log_key, pq_key = (read_key(at(name), home.passphrase()) for name in which.keys)
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("a key of the log does not open: {error}", error=why_closed(error)),
        ) from error
    return log_pair(which.origin(home.facts()), log_key, pq_key)


def why_closed(error: Exception) -> Text:
    """Why a key file does not open, as people are told."""
    if isinstance(error, OSError):
        return Message(
            "{path} cannot be read ({strerror}); put it back from where keys are kept",
            path=error.filename,
            strerror=system_fault(error),
        )
    if isinstance(error, Unsealable):
        return Message("wrong passphrase, or the file was changed")
    return Wording(str(error), str(error))
