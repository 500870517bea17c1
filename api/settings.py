"""Frozen settings from the environment; refuses to start on doubt.

Every variable begins with `SOCAI_`. No default weakens anything: the listener is on loopback, a
rehearsal is never assumed (it stands in the log's record 0), and a secret is never a value in the
environment, only a path. Below this file nothing reads the environment: values go down by argument.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, cast
from urllib.parse import parse_qs, urlsplit

from environs import Env, EnvError, EnvValidationError, validate

from api.peer import Proxies
from api.texts.lang import Lang
from api.texts.validation_faults import faults
from keys.errors import Carried
from ledger.message import Message, Text

MailSecurity = Literal["starttls", "tls", "none"]
MAIL_SECURITY: Final = ("starttls", "tls", "none")
LEVELS: Final = ("ordinary", "mat", "toi-mat", "tuyet-mat")
ORDINARY: Final = LEVELS[0]
PROFILES: Final = ("P0", "P1", "P2")
"""How enclaves of different levels are kept apart (access.md §1); the same code."""
APART: Final = "P2"
"""Networks of their own: the only one in which real classified text may be entered."""
_VARIABLE: Final = re.compile(r"SOCAI_[A-Z0-9_]+")
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
        home: `SOCAI_HOME`, default `.socai`: the enclave's folder, see `Home`. One that is not
            named must be of whoever calls, or of root, since it says which server is asked.
        database_url: `SOCAI_DATABASE_URL`: a PostgreSQL >= 15 to use instead of the embedded one,
            without a password. At `init` it is the administrator's; later only host, port and name
            count, and each role brings its own password file.
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
            home = env.str("SOCAI_HOME", None)
            plain = cls.at(_found_here() if home is None else Path(home).expanduser())
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
        name: value for name, value in environment().items() if not name.startswith("SOCAI_")
    }
    return inherited | settings.environment()


def environment() -> dict[str, str]:
    """This process's, to be handed on."""
    return dict(os.environ)  # noqa: TID251  handed on, not read


def replace_environment(given: Mapping[str, str]) -> None:
    """Has this process go on as if it had been started with these variables alone.

    None of them is kept any more where those of its start stand.
    """
    os.environ.clear()  # noqa: TID251  set, not read
    os.environ.update(given)  # noqa: TID251  the same


def share_metrics(folder: Path) -> None:
    """Lets the workers of one server count together (`telemetry.count_together`)."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # noqa: TID251  read by its library


def _found_here() -> Path:
    """The home that nobody named: in the folder of the call, which anybody may have made.

    Whose server is asked, which log is meant and by which key it is checked stand in it.

    Raises:
        SettingsError: Somebody else may have written what is there.
    """
    home = Path(".socai")
    with suppress(FileNotFoundError):
        link, there = home.lstat(), home.stat()
        own = {0, os.geteuid()}
        if not own.issuperset((link.st_uid, there.st_uid)) or there.st_mode & stat.S_IWOTH:
            raise SettingsError(
                Message(
                    "{home} is of another account of this machine, or everybody may write there:"
                    " nothing of it is believed. Go to a folder of your own, or name it by"
                    " SOCAI_HOME if it is meant",
                    home=home.absolute(),
                )
            )
    return home


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
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:  # a bracket that is not closed
        plain = False
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
_WITH_PASSWORD: Final = re.compile(r"[a-z]+://[^/]*:[^/]*@")
"""As libpq looks for one, to which neither `#` nor `?` ends what stands before the `@`."""
_OPENS: Final = frozenset({"password", "sslpassword", "oauth_client_secret"})
"""What libpq takes in an address and would be a secret in the environment."""
_NO_PASSWORD: Final = Message(
    "SOCAI_DATABASE_URL takes no password: put that of the database's administrator into"
    " postgres.password in SOCAI_SECRETS_DIR (mode 0600)"
)
_NO_SERVERS: Final = Message(
    "SOCAI_DATABASE_URL names its servers as host:port, several between commas; wrong: {hosts}"
)


def _database_url(url: str) -> str | None:
    if not url:
        return None
    if not url.startswith(("postgresql://", "postgres://")):
        raise SettingsError(
            Message("SOCAI_DATABASE_URL must begin with postgresql://"),
        )
    if _WITH_PASSWORD.match(url):
        raise SettingsError(_NO_PASSWORD)
    try:
        parts = urlsplit(url)
    except ValueError as error:  # a bracket that is not closed
        raise SettingsError(_NO_SERVERS.filled(hosts=error)) from error
    if not _OPENS.isdisjoint(parse_qs(parts.query)):
        raise SettingsError(_NO_PASSWORD)
    hosts = parts.netloc.rpartition("@")[2]
    if not _HOSTS.fullmatch(hosts):
        raise SettingsError(_NO_SERVERS.filled(hosts=hosts))
    return url
