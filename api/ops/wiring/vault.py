"""The reporters' vault of a home and its mail, wired."""

from __future__ import annotations

import logging

from api.home import Home
from api.ops.machine import RealClock
from api.ops.vault.mail import NoLetters, SmtpLetters, SmtpServer
from api.ops.vault.metrics import VaultMetrics
from api.ops.wiring.key_files import why_closed
from api.ops.wiring.logins import HUNG_READ_S, role_dsn
from api.settings import Settings, SettingsError
from keys.custody.file import read_opening_key
from keys.custody.key_files import KeyFiles
from keys.errors import KeysError
from ledger.errors import Rejected
from ledger.message import Message
from ledger.ports import Clock
from ledger.postgres.connect import Pool, open_pool
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.vault.identity import require_address
from ledger.vault.ports import Letters
from ledger.vault.vault import Vault

_log = logging.getLogger("socai.log")


def open_vault(
    settings: Settings, *, clock: Clock | None = None
) -> tuple[Vault, Pool, VaultMetrics | None]:
    """The vault of a home, the pool to close behind it, and its metrics where a file is named.

    Raises:
        SettingsError: It is not founded here, its key does not open, or its mail is set wrongly.
    """
    home = Home(settings)
    facts, path = home.facts(), home.key_path("vault")
    if not path.exists():
        raise SettingsError(
            Message("there is no {path}: found the vault, socai vault found", path=path)
        )
    try:
        keys = KeyFiles(path, lambda path: read_opening_key(path, home.vault_passphrase()))
    except (KeysError, OSError) as error:
        raise SettingsError(
            Message("the vault's key does not open: {error}", error=why_closed(error))
        ) from error
    letters = _letters(settings, clock or RealClock())
    pool = open_pool(role_dsn(settings, facts, "vault"), most=2, hung_after_s=HUNG_READ_S)
    store, metrics = PostgresVaultStore(pool), None
    if settings.metrics_file is not None:
        metrics = VaultMetrics(settings.metrics_file, store.waiting_s, clock or RealClock())
        letters = metrics.watching(letters)
    vault = Vault(
        store,
        keys,
        letters,
        clock=(clock or RealClock()).now,
        origin=facts.origin,
        rehearsal=facts.rehearsal,
    )
    return vault, pool, metrics


def _letters(settings: Settings, clock: Clock) -> Letters:
    if not settings.mail_host:
        _log.warning("SOCAI_MAIL_HOST is not set: letters to reporters wait")
        return NoLetters()
    try:
        sender = require_address(settings.mail_from)
    except Rejected as error:
        raise SettingsError(
            Message("SOCAI_MAIL_FROM must be one address, such as name@example.vn")
        ) from error
    user, password = Home(settings).mail_login() or (None, None)
    server = SmtpServer(
        settings.mail_host, settings.mail_port, settings.mail_security, sender, user, password
    )
    return SmtpLetters(server, clock)
