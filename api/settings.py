"""Frozen settings from the environment; secrets come by file; refuses to start on doubt.

Every variable begins with `SOCAI_`. No default weakens anything: the listener is on loopback, a
rehearsal is never assumed (it stands in the log's record 0), and a secret is never a value in the
environment, only a path. Below this file nothing reads the environment: values go down by argument.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from environs import Env, EnvError, EnvValidationError, validate

from api.peer import Proxies
from api.texts.lang import Lang
from api.texts.validation_faults import faults
from keys.custody.file import DRAWN, sync_folder, write_durably
from keys.errors import Carried
from ledger.message import Message, Text, system_fault

MailSecurity = Literal["starttls", "tls", "none"]
MAIL_SECURITY: Final = ("starttls", "tls", "none")
LEVELS: Final = ("ordinary", "mat", "toi-mat", "tuyet-mat")
ORDINARY: Final = LEVELS[0]
PROFILES: Final = ("P0", "P1", "P2")
"""How enclaves of different levels are kept apart (access.md §1); the same code."""
APART: Final = "P2"
"""Networks of their own: the only one in which real classified text may be entered."""
_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_VARIABLE: Final = re.compile(r"SOCAI_[A-Z0-9_]+")
SESSION_KEY: Final = "session.key"
TICKET_KEY: Final = "ticket.key"
BACKUP_PASSPHRASE: Final = "backup.passphrase"  # noqa: S105  the name of a file
VAULT_PASSPHRASE: Final = "vault.passphrase"  # noqa: S105  the name of a file
_HEX32: Final = re.compile(r"[0-9a-f]{64}")
_PASSWORD_BYTES: Final = 24
CALLED: Final = {"attempts": "sign_in_attempts"}
"""Settings whose variable has another name."""
_MOST_WORKERS: Final = 4
_QUOTAS: Final = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Where a quota of processors stands, beside its period, in either version of cgroups."""
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")
ARRIVED_BYTES: Final = 32_768
"""A request's body of at most this length is there before the request gets a thread."""


class Unfit(Carried):
    """What was handed in cannot be used as it stands; nothing was done.

    Attributes:
        text: What is wrong, to stand behind "Nothing was done: "; its English is `str`.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class SettingsError(Unfit):
    """The operator's move: the process does not start. The text says which variable or file."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process of an enclave is told from outside.

    Attributes:
        home: `SOCAI_HOME`, default `.socai`: the enclave's folder, see `Home`.
        database_url: `SOCAI_DATABASE_URL`: a PostgreSQL >= 15 to use instead of the embedded one.
            At `init` it is the administrator's; later only host, port and name count, and each
            role brings its own password file.
        secrets_dir: `SOCAI_SECRETS_DIR`, default `<home>/secrets`: role passwords, session and
            ticket key.
        keys_dir: `SOCAI_KEYS_DIR`, default `<home>/keys`: log, /pq, registrar and service keys, and
            the KEK.
            A key whose name has a folder of its own there lies in it.
        seen_dir: `SOCAI_SEEN_DIR`, default `<home>/seen`: the newest checkpoint that each role has
            seen of its log, and why it stopped. Never in a backup of the database.
        passphrase_file: `SOCAI_PASSPHRASE_FILE`: opens the key files. In a rehearsal the home
            keeps one of its own.
        pkcs11_module: `SOCAI_PKCS11_MODULE`: the PKCS#11 library of the token's maker, which then
            runs in every process that opens the KEK, and sees what is wrapped.
        pkcs11_token: `SOCAI_PKCS11_TOKEN`: label of the token that `init --custody pkcs11` makes
            the KEK on.
        pkcs11_pin_file: `SOCAI_PKCS11_PIN_FILE`: the PIN of the token that has the KEK. Whoever
            reads it beside the token wraps and unwraps, but takes no key away.
        level: `SOCAI_LEVEL`: refuses to start where the home's enclave has another level.
        profile: `SOCAI_PROFILE`, default `P0`: what parts this enclave from those of other levels.
            `P2` says that it is a network of its own, which no program can see for itself: said
            where it is not so, classified text comes to lie beside the Internet. Above ordinary
            only a rehearsal runs without it.
        host: `SOCAI_HOST`, default 127.0.0.1. Another address shows the API to the network.
        port: `SOCAI_PORT`, default 8000.
        trusted_proxies: `SOCAI_TRUSTED_PROXIES`, default none: addresses and networks, between
            commas, whose `X-Forwarded-For` says who the client is.
        metrics_port: `SOCAI_METRICS_PORT`, default 0 (none): Prometheus, on a port of its own.
        metrics_file: `SOCAI_METRICS_FILE`: where the vault, which has no port, writes its metrics,
            and `backup check` and `mirror status` theirs: a file for each.
        traces_url: `SOCAI_TRACES_URL`: a collector's address for traces (OTLP over HTTP), which is
            told route, status and time of every request, and nothing else of it.
        workers: `SOCAI_WORKERS`, default as many as processors it may use, at most 4: each takes
            memory and connections of the database, whatever the machine has.
        threads: `SOCAI_THREADS`, default 32 a worker: enough to wait for proofs in.
        proof_wait_s: `SOCAI_PROOF_WAIT_S`, default 10: how long a receipt waits to be proven.
        token_ttl_s: `SOCAI_TOKEN_TTL_S`, default 900, at most 3600: life of a bearer token.
        attempts: `SOCAI_SIGN_IN_ATTEMPTS`, default 120: a minute and key that fail.
        officer_share: `SOCAI_OFFICER_SHARE`, default 50: percent of one processor that the heavy
            reads of one officer, and what they write, may take together.
        min_free_mib: `SOCAI_MIN_FREE_MIB`, default 256: below it writes are refused.
        log_level: `SOCAI_LOG_LEVEL`, default `info`.
        lang: `SOCAI_LANG`, default `vi`: for callers that state no language.
        blobs: `SOCAI_BLOBS`, default the folder `<home>/blobs`: where sealed files of acts lie. A
            path, or an object store such as `s3://bucket/path`, never shared by two enclaves. Its
            options and credentials come from `<secrets>/blobs.json`. Losing it loses the files:
            back it up.
        max_attachment_mib: `SOCAI_MAX_ATTACHMENT_MIB`, default 512: the most one file may have.
        keeper_socket: `SOCAI_KEEPER_SOCKET`, default `<home>/keeper.sock`: where the keeper listens
            above ordinary, which opens for the API, that holds no KEK there.
        keeper_opens: `SOCAI_KEEPER_OPENS`, default 12000: keys of records that the keeper gives out
            for one reader in a minute; for all of them ten times as many. Beyond it reads are
            refused; the larger it is, the faster whoever takes the API over reads the log.
        anchor_every_s: `SOCAI_ANCHOR_EVERY_S`, default 3600: how often the custody of files is
            anchored in the log.
        backup_dir: `SOCAI_BACKUP_DIR`: the folder that backups go to and come from, sealed; on
            another machine's disk, or it is lost with this one.
        mail_host: `SOCAI_MAIL_HOST`: where the vault hands in letters to reporters; they wait where
            it is not set.
        mail_port: `SOCAI_MAIL_PORT`, default 587.
        mail_security: `SOCAI_MAIL_SECURITY`, default `starttls`; `tls`, or `none`, which shows
            reporters' addresses to whoever sees that network.
        mail_from: `SOCAI_MAIL_FROM`: the address that letters come from.
    """

    home: Path
    database_url: str | None
    secrets_dir: Path
    keys_dir: Path
    seen_dir: Path
    passphrase_file: Path | None
    pkcs11_module: Path | None
    pkcs11_token: str | None
    pkcs11_pin_file: Path | None
    level: str | None
    profile: str
    host: str
    port: int
    trusted_proxies: str
    metrics_port: int
    metrics_file: Path | None
    traces_url: str
    workers: int
    threads: int
    proof_wait_s: int
    token_ttl_s: int
    attempts: int
    officer_share: int
    min_free_mib: int
    log_level: str
    lang: Lang
    blobs: str
    max_attachment_mib: int
    keeper_socket: Path
    keeper_opens: int
    anchor_every_s: int
    backup_dir: Path | None
    mail_host: str
    mail_port: int
    mail_security: MailSecurity
    mail_from: str

    @classmethod
    def from_env(cls) -> Settings:
        """Reads the environment, once.

        Raises:
            SettingsError: A variable is malformed, out of range, or holds a secret.
        """
        env = Env()
        try:
            plain = cls.at(Path(env.str("SOCAI_HOME", ".socai")).expanduser())
            return replace(
                plain,
                database_url=_database_url(env.str("SOCAI_DATABASE_URL", "")),
                secrets_dir=Path(env.str("SOCAI_SECRETS_DIR", "") or plain.secrets_dir).absolute(),
                keys_dir=Path(env.str("SOCAI_KEYS_DIR", "") or plain.keys_dir).absolute(),
                seen_dir=Path(env.str("SOCAI_SEEN_DIR", "") or plain.seen_dir).absolute(),
                passphrase_file=_path(env.str("SOCAI_PASSPHRASE_FILE", "")),
                pkcs11_module=_path(env.str("SOCAI_PKCS11_MODULE", "")),
                pkcs11_token=env.str("SOCAI_PKCS11_TOKEN", "") or None,
                pkcs11_pin_file=_path(env.str("SOCAI_PKCS11_PIN_FILE", "")),
                level=env.str("SOCAI_LEVEL", "", validate=validate.OneOf(["", *LEVELS])) or None,
                profile=env.str("SOCAI_PROFILE", plain.profile, validate=validate.OneOf(PROFILES)),
                host=_host(env.str("SOCAI_HOST", "") or plain.host),
                port=_number(env, "SOCAI_PORT", plain.port, (0, 65535)),
                trusted_proxies=_proxies(env.str("SOCAI_TRUSTED_PROXIES", "")),
                metrics_port=_number(env, "SOCAI_METRICS_PORT", plain.metrics_port, (0, 65535)),
                metrics_file=_path(env.str("SOCAI_METRICS_FILE", "")),
                traces_url=_collector(env.str("SOCAI_TRACES_URL", "")),
                workers=_number(env, "SOCAI_WORKERS", min(processors(), _MOST_WORKERS), (1, 256)),
                threads=_number(env, "SOCAI_THREADS", plain.threads, (1, 1024)),
                proof_wait_s=_number(env, "SOCAI_PROOF_WAIT_S", plain.proof_wait_s, (1, 60)),
                token_ttl_s=_number(env, "SOCAI_TOKEN_TTL_S", plain.token_ttl_s, (30, 3600)),
                attempts=_number(env, "SOCAI_SIGN_IN_ATTEMPTS", plain.attempts, (1, 10_000)),
                officer_share=_number(
                    env, "SOCAI_OFFICER_SHARE", plain.officer_share, (1, 100_000)
                ),
                min_free_mib=_number(env, "SOCAI_MIN_FREE_MIB", plain.min_free_mib, (0, 1 << 20)),
                log_level=env.str(
                    "SOCAI_LOG_LEVEL", plain.log_level, validate=validate.OneOf(_LOG_LEVELS)
                ),
                lang=cast(
                    "Lang", env.str("SOCAI_LANG", plain.lang, validate=validate.OneOf(["vi", "en"]))
                ),
                blobs=env.str("SOCAI_BLOBS", "") or plain.blobs,
                max_attachment_mib=_number(
                    env, "SOCAI_MAX_ATTACHMENT_MIB", plain.max_attachment_mib, (1, 1 << 20)
                ),
                keeper_socket=Path(
                    env.str("SOCAI_KEEPER_SOCKET", "") or plain.keeper_socket
                ).absolute(),
                keeper_opens=_number(
                    env, "SOCAI_KEEPER_OPENS", plain.keeper_opens, (100, 10_000_000)
                ),
                anchor_every_s=_number(
                    env, "SOCAI_ANCHOR_EVERY_S", plain.anchor_every_s, (60, 86_400)
                ),
                backup_dir=_path(env.str("SOCAI_BACKUP_DIR", "")),
                mail_host=env.str("SOCAI_MAIL_HOST", ""),
                mail_port=_number(env, "SOCAI_MAIL_PORT", plain.mail_port, (1, 65_535)),
                mail_security=cast(
                    "MailSecurity",
                    env.str(
                        "SOCAI_MAIL_SECURITY",
                        plain.mail_security,
                        validate=validate.OneOf(MAIL_SECURITY),
                    ),
                ),
                mail_from=env.str("SOCAI_MAIL_FROM", ""),
            )
        except EnvValidationError as error:
            named = _VARIABLE.search(str(error))
            why = next(iter(faults(error.error_messages)), None)
            told = Message(
                "the environment is set wrongly: {variable}: {why}",
                variable="" if named is None else named[0],
                why=str(error) if why is None else why.text,
            )
            raise SettingsError(told) from error
        except EnvError as error:
            raise SettingsError(
                Message("the environment is set wrongly: {error}", error=error)
            ) from error

    @classmethod
    def at(cls, home: Path, **changes: Any) -> Settings:  # noqa: ANN401  any field of ours
        """The defaults for a home, with `changes`; the environment is not read."""
        plain = cls(
            home=home.absolute(),
            database_url=None,
            secrets_dir=home.absolute() / "secrets",
            keys_dir=home.absolute() / "keys",
            seen_dir=home.absolute() / "seen",
            passphrase_file=None,
            pkcs11_module=None,
            pkcs11_token=None,
            pkcs11_pin_file=None,
            level=None,
            profile=PROFILES[0],
            host="127.0.0.1",
            port=8000,
            trusted_proxies="",
            metrics_port=0,
            metrics_file=None,
            traces_url="",
            workers=1,
            threads=32,
            proof_wait_s=10,
            token_ttl_s=900,
            attempts=120,
            officer_share=50,
            min_free_mib=256,
            log_level="info",
            lang="vi",
            blobs=str(home.absolute() / "blobs"),
            max_attachment_mib=512,
            keeper_socket=home.absolute() / "keeper.sock",
            keeper_opens=12_000,
            anchor_every_s=3600,
            backup_dir=None,
            mail_host="",
            mail_port=587,
            mail_security="starttls",
            mail_from="",
        )
        return replace(plain, **changes)

    def environment(self) -> dict[str, str]:
        """The variables that give a child process these same settings."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            f"SOCAI_{CALLED.get(name, name).upper()}": str(value)
            for name, value in given.items()
            if value not in (None, "")
        }


@dataclass(frozen=True, slots=True)
class EnclaveFacts:
    """What `init` wrote into `enclave.json`: the enclave's public identity and where its data lie.

    Attributes:
        origin: Origin of its log, formats.md §7.
        level: `ordinary`, `mat`, `toi-mat` or `tuyet-mat`.
        rehearsal: Whether record 0 says so for ever.
        genesis: Entry of record 0 in lower-case hex: where trust starts (formats.md §9).
        slug: Prefix of its roles, `<slug>_writer` and so on.
        database: `{host, port, dbname}`; host may be a socket folder, or several hosts between
            commas, and so may port.
    """

    origin: str
    level: str
    rehearsal: bool
    genesis: str
    slug: str
    database: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one enclave: public facts, secrets (mode 0600, else refused), keys."""

    settings: Settings

    @property
    def facts_path(self) -> Path:
        """`enclave.json`."""
        return self.settings.home / "enclave.json"

    def key_path(self, name: str) -> Path:
        """`keys/<name>.socaikey`; `kek` has the ending `.socaikek`.

        Where there is a folder `keys/<name>/` it lies in that: so each key can be a volume of its
        own, given only to the process that works with it.
        """
        ending = "socaikek" if name == "kek" else "socaikey"
        own = self.settings.keys_dir / name
        folder = own if own.is_dir() else self.settings.keys_dir
        return folder / f"{name}.{ending}"

    def seen_folder(self, role: str) -> Path:
        """What a role remembers of its log: `api`, `checkpointer` or `projector`."""
        return self.settings.seen_dir / role

    def facts(self) -> EnclaveFacts:
        """The enclave's facts.

        Raises:
            SettingsError: No enclave here, a damaged file, another level than `SOCAI_LEVEL`, or one
                that this profile must not hold.
        """
        try:
            facts = EnclaveFacts(**json.loads(self.facts_path.read_text("utf-8")))
        except FileNotFoundError:
            home = self.settings.home
            raise SettingsError(
                Message("no enclave in {home}: run `socai init`", home=home)
            ) from None
        except (ValueError, TypeError) as error:
            raise SettingsError(
                Message("{facts_path} is damaged: {error}", facts_path=self.facts_path, error=error)
            ) from error
        if facts.level not in LEVELS or not _SLUG.fullmatch(facts.slug):
            raise SettingsError(
                Message(
                    "{facts_path} names no known level or an unlawful slug",
                    facts_path=self.facts_path,
                ),
            )
        if self.settings.level not in (None, facts.level):
            raise SettingsError(
                Message(
                    "SOCAI_LEVEL is {level}, this home is {home}: a level is an enclave, never"
                    " a switch",
                    level=self.settings.level,
                    home=facts.level,
                ),
            )
        if facts.rehearsal != facts.origin.startswith("rehearsal."):
            raise SettingsError(
                Message("a rehearsal's origin, and no other, begins with 'rehearsal.'"),
            )
        require_profile(self.settings.profile, facts.level, rehearsal=facts.rehearsal)
        return facts

    def write_facts(self, facts: EnclaveFacts) -> None:
        """Writes `enclave.json` in one step: whole or not at all."""
        self.facts_path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(facts), ensure_ascii=False, indent=1)  # noqa: TID251  never signed
        draft = self.facts_path.with_suffix(".draft")
        draft.write_text(text + "\n", "utf-8")
        draft.replace(self.facts_path)

    def password(self, role: str) -> str:
        """The database password of `role`, from `<secrets>/<role>.password`."""
        return self._secret(f"{role}.password").decode("utf-8").strip()

    def make_password(self, role: str) -> None:
        """Makes the database password of `role` where there is none yet."""
        path = self.settings.secrets_dir / f"{role}.password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(_PASSWORD_BYTES).encode("ascii"))

    def has_password(self, role: str) -> bool:
        """Whether this machine has the database password of `role`."""
        return (self.settings.secrets_dir / f"{role}.password").exists()

    def passphrase(self) -> bytes:
        """The passphrase of the key files: `SOCAI_PASSPHRASE_FILE`, in a rehearsal the home's."""
        if self.settings.passphrase_file is not None:
            return _read_private(self.settings.passphrase_file).strip(b"\r\n")
        if not self.facts().rehearsal:
            raise passphrase_needed()
        return self._secret("passphrase").strip(b"\r\n")

    def key_costs(self) -> Mapping[str, int]:
        """What a key file costs that is made under `passphrase`, as `keys.custody.file` takes it.

        Next to nothing under the home's own, which `init` drew at random for a rehearsal.
        """
        return DRAWN if self.settings.passphrase_file is None else {}

    def token_pin(self) -> bytes:
        """The PIN of the token that has the KEK: `SOCAI_PKCS11_PIN_FILE`."""
        if self.settings.pkcs11_pin_file is None:
            raise SettingsError(Message("name a file with the token's PIN: SOCAI_PKCS11_PIN_FILE"))
        return _read_private(self.settings.pkcs11_pin_file).strip(b"\r\n")

    def session_key(self) -> bytes:
        """The HMAC key of tokens and cursors, 32 bytes as 64 hex digits in `session.key`."""
        return self._hex_key(SESSION_KEY)

    def ticket_key(self) -> bytes:
        """The key of tickets (access.md G13), 32 bytes as 64 hex digits in `ticket.key`."""
        return self._hex_key(TICKET_KEY)

    def make_key(self, name: str) -> None:
        """Makes `SESSION_KEY` or `TICKET_KEY` where there is none yet."""
        path = self.settings.secrets_dir / name
        if not path.exists():
            write_private(path, secrets.token_hex(32).encode("ascii"))

    def draft_ticket_key(self, secret: bytes) -> bytes:
        """Keeps a key that is to be the next one of tickets; one that waits already stays it.

        Returns:
            The next key.

        Raises:
            SettingsError: Nothing can be written there.
        """
        draft = self._next_ticket_key
        try:
            if draft.exists():
                if _HEX32.fullmatch(waits := draft.read_text("ascii", "replace")):
                    return bytes.fromhex(waits)
                draft.unlink()
            write_durably(draft, secret.hex().encode("ascii"))
        except OSError as error:
            raise _unwritable(draft, error) from error
        return secret

    def take_ticket_key(self) -> None:
        """Puts the next key of tickets in the place of the one there is, in one step.

        Raises:
            SettingsError: It cannot be, or not for good; which one is there, the file says.
        """
        path = self.settings.secrets_dir / TICKET_KEY
        try:
            self._next_ticket_key.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise _unwritable(path, error) from error

    def drop_next_ticket_key(self) -> None:
        """Keeps no next key of tickets; one that cannot be taken away is the next turn's."""
        with suppress(OSError):
            self._next_ticket_key.unlink(missing_ok=True)

    @property
    def _next_ticket_key(self) -> Path:
        return (self.settings.secrets_dir / TICKET_KEY).with_suffix(".draft")

    def _hex_key(self, name: str) -> bytes:
        text = self._secret(name).decode("ascii", "replace").strip()
        if not _HEX32.fullmatch(text):
            raise SettingsError(
                Message("{name} must hold 64 lower-case hex digits", name=name),
            )
        return bytes.fromhex(text)

    def vault_passphrase(self) -> bytes:
        """What opens the vault's key file: a secret of its own (access.md G20)."""
        return self._secret(VAULT_PASSPHRASE).strip(b"\r\n")

    def make_vault_passphrase(self) -> None:
        """Makes it where there is none yet."""
        path = self.settings.secrets_dir / VAULT_PASSPHRASE
        if not path.exists():
            write_private(path, secrets.token_urlsafe(_PASSWORD_BYTES).encode("ascii"))

    def backup_passphrase(self, named: Path | None = None) -> bytes:
        """What opens the key of backups: a secret of its own, or one in a file that is named."""
        found = self._secret(BACKUP_PASSPHRASE) if named is None else _read_private(named)
        return found.strip(b"\r\n")

    def make_backup_passphrase(self) -> None:
        """Makes it where there is none yet."""
        path = self.settings.secrets_dir / BACKUP_PASSPHRASE
        if not path.exists():
            write_private(path, secrets.token_urlsafe(_PASSWORD_BYTES).encode("ascii"))

    def mail_login(self) -> tuple[str, str] | None:
        """User and password of the mail server, from `mail.json`; None without it, or if it is {}.

        Raises:
            SettingsError: It can be read by everybody, or is not `{"user", "password"}`.
        """
        path = self.settings.secrets_dir / "mail.json"
        if not path.exists():
            return None
        try:
            told = json.loads(_read_private(path))
            return (str(told["user"]), str(told["password"])) if told else None
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                Message("{path} must hold user and password, as JSON", path=path)
            ) from error

    def blob_options(self) -> dict[str, Any]:
        """Options of the object store that `SOCAI_BLOBS` names, from `blobs.json`; none without it.

        Raises:
            SettingsError: It can be read by everybody, or is no JSON object.
        """
        path = self.settings.secrets_dir / "blobs.json"
        if not path.exists():
            return {}
        try:
            options = json.loads(_read_private(path))
        except ValueError as error:
            raise SettingsError(Message("{path} is not JSON", path=path)) from error
        if not isinstance(options, dict):
            raise SettingsError(Message("{path} must hold a JSON object", path=path))
        return options

    def _secret(self, name: str) -> bytes:
        return _read_private(self.settings.secrets_dir / name)


def write_private(path: Path, data: bytes) -> None:
    """Writes a new secret file with mode 0600; never over an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def processors(cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """How many processors this process may use: those it may run on, within a container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    here = len(affinity(0)) if affinity else os.cpu_count() or 1
    for files in _QUOTAS:
        try:
            quota, period = " ".join((cgroups / name).read_text("ascii") for name in files).split()
        except (OSError, ValueError):
            continue
        if quota.isdigit() and int(period) > 0:
            here = min(here, max(1, int(quota) // int(period)))
    return here


def login_shell() -> str:
    """Name of the shell of whoever is signed in; empty where nobody says so."""
    return Path(Env().str("SHELL", "")).name


def child_environment(settings: Settings) -> dict[str, str]:
    """What a child process is given: this process's environment, with exactly these settings."""
    inherited = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251  handed on, not read
        if not name.startswith("SOCAI_")
    }
    return inherited | settings.environment()


def share_metrics(folder: Path) -> None:
    """Lets the workers of one server count together; before prometheus_client is imported."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # noqa: TID251  read at its import


def _read_private(path: Path) -> bytes:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o007:
            raise SettingsError(
                Message("{path} can be read by everybody: chmod 600 it", path=path),
            )
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            Message(
                "cannot read the secret {path}: {strerror}", path=path, strerror=system_fault(error)
            ),
        ) from error


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(
        Message(
            "the key is not turned, since {path} cannot be written ({strerror}). Where secrets come"
            " from elsewhere, put a new ticket.key there, run socai migrate, then restart the API",
            path=path,
            strerror=system_fault(error),
        ),
    )


def require_profile(profile: str, level: str, *, rehearsal: bool) -> None:
    """Whether an enclave of a level may be here: real classified text in a network of its own.

    Raises:
        SettingsError: It may not (access.md §1).
    """
    if level != ORDINARY and not rehearsal and profile != APART:
        raise SettingsError(
            Message(
                "{level} is above ordinary: outside a network of its own (SOCAI_PROFILE=P2) only a"
                " rehearsal is made or started, and real classified text is never entered;"
                " SOCAI_PROFILE is {profile}",
                level=level,
                profile=profile,
            ),
        )


def passphrase_needed() -> SettingsError:
    """What a real enclave says where nobody told it its passphrase."""
    return SettingsError(
        Message("set SOCAI_PASSPHRASE_FILE: only a rehearsal keeps its passphrase"),
    )


def memory_needed(folder: Path) -> SettingsError:
    """What a process says that does not know how far its log has signed."""
    return SettingsError(
        Message(
            "no checkpoint seen is in {folder}: name the log's last known checkpoint, socai log"
            " remember FILE, or socai serve --checkpoint FILE",
            folder=folder,
        ),
    )


def _path(text: str) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _number(env: Env, name: str, default: int, span: tuple[int, int]) -> int:
    """A whole number within `span`, both ends included."""
    return env.int(name, default, validate=validate.Range(*span))


def _host(name: str) -> str:
    """A name or an address, as far as its form tells."""
    try:
        name.encode("idna")
    except UnicodeError as error:
        raise SettingsError(
            Message("SOCAI_HOST is no name or address of a machine: {name}", name=name),
        ) from error
    return name


def _collector(url: str) -> str:
    """An address that spans go to; what opens it would be a secret in the environment."""
    parts = urlsplit(url)
    plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if url and not plain:
        raise SettingsError(
            Message(
                "SOCAI_TRACES_URL is the address of a collector, without a password, such as"
                " http://collector:4318/v1/traces"
            ),
        )
    return url


def _proxies(text: str) -> str:
    """Addresses and networks of proxies, without empty parts between the commas."""
    plain = ",".join(part.strip() for part in text.split(",") if part.strip())
    try:
        Proxies(plain)
    except ValueError as error:
        raise SettingsError(
            Message(
                "SOCAI_TRUSTED_PROXIES holds addresses and networks, between commas, such as"
                " 10.0.0.0/8,192.168.1.7; wrong: {error}",
                error=error,
            )
        ) from error
    return plain


_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[\w.%-]*)(?::[0-9]{1,5})?"
_HOSTS: Final = re.compile(rf"{_HOST}(?:,{_HOST})*")


def _database_url(url: str) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if not url.startswith(("postgresql://", "postgres://")):
        raise SettingsError(
            Message("SOCAI_DATABASE_URL must begin with postgresql://"),
        )
    hosts = parts.netloc.rpartition("@")[2]
    if not _HOSTS.fullmatch(hosts):
        raise SettingsError(
            Message(
                "SOCAI_DATABASE_URL names its servers as host:port, several between commas; wrong:"
                " {hosts}",
                hosts=hosts,
            ),
        )
    return url
