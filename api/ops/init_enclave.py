"""Makes an enclave: keys, passwords, database, record 0 (architecture.md §3, formats.md §9).

Keys are durable before record 0 names them, and `enclave.json` is written last: a home without it
holds no enclave. Asks nothing; everything comes by argument or settings.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from api.home import (
    SESSION_KEY,
    EnclaveFacts,
    Home,
    facts_lost,
    passphrase_needed,
    require_profile,
    write_private,
)
from api.ops import database
from api.ops.beginning import unfounded
from api.ops.beginning.room import Need, require_room
from api.ops.custody import token_custody
from api.ops.home_notes import VKEYS, noted_vkeys
from api.ops.machine import RealClock, RealEntropy
from api.ops.mirror import slots
from api.ops.reads.access_log import found_access_log
from api.ops.reads.which_log import READS, REMEMBERING_READS
from api.ops.role_lock import Lock
from api.ops.service.roles import REMEMBERING
from api.ops.wiring.key_files import open_kek, service_signer
from api.ops.wiring.logins import role_dsn
from api.settings import LEVELS, Settings, SettingsError
from keys import canonical
from keys.custody.file import write_key
from keys.custody.kek_custody import FILE, FileCustody, KekCustody
from keys.envelope_encryption import Kek, Keks
from keys.jwk import SoftwareSigner
from keys.note import NoteSigner, log_pair
from ledger.admission.genesis import REHEARSAL, Founder, genesis, service_key
from ledger.checkpoints.seen_checkpoint import beginning
from ledger.checkpoints.seen_file import SeenFile
from ledger.files.file_key import FileKey
from ledger.log import statement as statements
from ledger.log.statement import Statement
from ledger.message import Message
from ledger.ports import Alone
from ledger.postgres.connect import open_pool
from ledger.postgres.files import PostgresFiles
from ledger.postgres.migrate import WITH_PASSWORD
from ledger.postgres.recorder import GroupAppender
from ledger.postgres.records import PostgresRecords
from ledger.regulation.acts.json_shape import LOG
from ledger.write.commands import Ledger

REHEARSAL_OPENS: Final = "2023-03-21T08:00:00+07:00"
"""When a rehearsal is opened where nothing else is said: its clock only goes forward."""
_ACCESS: Final = "access"
_INIT: Final = "init"
_PASSPHRASE_BYTES: Final = 24
_SLUG_BYTES: Final = 4
TAKES: Final = Need(disk_mib=320, memory_mib=256)
"""An empty enclave with a database of its own, and what is left free (`SOCAI_MIN_FREE_MIB`)."""
TAKES_ELSEWHERE: Final = Need(disk_mib=2, memory_mib=128)
"""The same where a server that others look after has the database: keys, passwords and notes."""
_LONGEST_NAME: Final = 255
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made.

    Attributes:
        deployment: First part of the origin; a rehearsal's begins with `rehearsal.`.
        level: `ordinary`, `mat`, `toi-mat` or `tuyet-mat`.
        rehearsal: Whether record 0 says so for ever.
        at: When the log is opened.
        password_file: Password of the database's administrator; see `database.admin_dsn`.
        custody: What keeps the KEK: `FILE` or `PKCS11`.
    """

    deployment: str
    level: str
    rehearsal: bool
    at: datetime
    password_file: Path | None = None
    custody: str = FILE

    @property
    def origin(self) -> str:
        """Origin of the log (formats.md §7)."""
        prefix = REHEARSAL if self.rehearsal and not self.deployment.startswith(REHEARSAL) else ""
        return f"{prefix}{self.deployment}/{self.level}"


@dataclass(frozen=True, slots=True)
class Founded:
    """What was made: the facts, the keys a verifier needs, and what keeps the KEK."""

    facts: EnclaveFacts
    vkeys: tuple[str, ...]
    officer: str
    custody: str


@dataclass(frozen=True, slots=True)
class _Keys:
    log: SoftwareSigner
    pq: SoftwareSigner
    registrar: SoftwareSigner
    service: SoftwareSigner
    kek: Kek

    def signers(self, origin: str) -> tuple[NoteSigner, NoteSigner]:
        return log_pair(origin, self.log, self.pq)

    def vkeys(self, origin: str) -> tuple[str, ...]:
        log, pq = self.signers(origin)
        return str(log.vkey), str(pq.vkey)


def found(settings: Settings, plan: Plan) -> Founded:
    """Makes the enclave of this home, or nothing: what a run before this one left goes first.

    Raises:
        SettingsError: There is one already, the name is not allowed, no passphrase is given, or the
            administrator may not make roles and databases, or another process makes one.
        TokenError: The token that is to keep the KEK does not work.
        LedgerError: The database or a guard refused; nothing of it is left.
    """
    _refuse_name(settings, plan)
    require_room(settings.home, TAKES if settings.database_url is None else TAKES_ELSEWHERE)
    database.require_administrator(settings, plan.password_file)
    custody = _custody(settings, plan)
    settings.home.mkdir(parents=True, exist_ok=True)
    with closing(Lock(settings.home)) as lock:
        lock.take(_INIT)
        _refuse_founded(settings)  # another one may have made it meanwhile
        try:
            return _made_alone(settings, plan, custody)
        except BaseException:
            database.stop_database(settings)  # who may not begin stops nobody's
            raise


def _made_alone(settings: Settings, plan: Plan, custody: Callable[[], KekCustody]) -> Founded:
    if unfounded.unfinished(settings):
        unfounded.take_away(settings, custody, plan.password_file)
    _refuse(settings)
    slug = database.slug_of(plan.origin, RealEntropy().take(_SLUG_BYTES))
    unfounded.begin(settings, slug)
    try:
        made = _found(settings, plan, slug, custody)
    except BaseException:
        if unfounded.unfinished(settings):
            with suppress(Exception):  # what cannot go now goes before the next one
                unfounded.take_away(settings, custody, plan.password_file)
        raise
    unfounded.end(settings)
    return made


def _found(settings: Settings, plan: Plan, slug: str, custody: Callable[[], KekCustody]) -> Founded:
    home, entropy = Home(settings), RealEntropy()
    passphrase = _passphrase(settings, plan)
    for login in WITH_PASSWORD:
        home.make_password(login)
    home.make_key(SESSION_KEY)
    keys = _make_keys(home, custody(), passphrase)
    _remember(home, keys, plan)
    dbname = database.make_schema(
        settings, slug, plan.password_file, rehearsal=plan.rehearsal, level=plan.level
    )
    facts = EnclaveFacts(
        origin=plan.origin,
        level=plan.level,
        rehearsal=plan.rehearsal,
        genesis="",
        slug=slug,
        database=database.place(settings, dbname),
    )
    officer = entropy.uuid()
    entry = _open_log(settings, facts, keys, officer, plan.at)
    facts = replace(facts, genesis=entry.hex())
    _open_reads(settings, facts, passphrase, keys.service, keys.kek, plan.at)
    vkeys = keys.vkeys(plan.origin)
    (settings.home / VKEYS).write_text("".join(f"{vkey}\n" for vkey in vkeys), "ascii")
    slots.made(settings, plan.level)
    home.write_facts(facts)
    return Founded(facts, vkeys, str(officer), plan.custody)


def found_reads(settings: Settings, facts: EnclaveFacts, at: datetime | None = None) -> bool:
    """Makes the log of reads of an enclave that was founded before there was one; whether it did.

    Args:
        settings: Of the home.
        facts: Of the enclave.
        at: When it is opened; now, or in a rehearsal when the last record was taken, if left out.

    Raises:
        SettingsError: A key does not open, or the log is there and its keys are not.
        LedgerError: The database refused.
    """
    if Home(settings).key_path(READS.keys[0]).exists() and (settings.home / READS.vkeys).exists():
        return False
    signer, kek = service_signer(settings), open_kek(settings)
    pool = open_pool(role_dsn(settings, facts, "reader"), most=1)
    try:
        last = PostgresRecords(pool).head().recorded_at if facts.rehearsal else None
    finally:
        pool.close()
    opened = at or last or RealClock().now()
    return _open_reads(settings, facts, Home(settings).passphrase(), signer, kek, opened)


def _open_reads(
    settings: Settings,
    facts: EnclaveFacts,
    passphrase: bytes,
    service: SoftwareSigner,
    kek: Keks,
    at: datetime,
) -> bool:
    pools = [open_pool(role_dsn(settings, facts, login), most=1) for login in ("reader", "writer")]
    try:
        return found_access_log(
            settings,
            facts,
            pools[0],
            passphrase=passphrase,
            signer=service,
            kek=kek,
            file_key=FileKey(PostgresFiles(*pools), kek, facts.origin).made(),
            entropy=RealEntropy(),
            at=at,
        )
    finally:
        for pool in pools:
            pool.close()


def read_vkeys(settings: Settings) -> list[str]:
    """The keys of the log and of `/pq`, as `init` noted them in the home.

    Raises:
        SettingsError: The home has no such file, or it is damaged.
    """
    keys = noted_vkeys(settings)
    if not keys:
        path = settings.home / VKEYS
        raise SettingsError(
            Message("{path} is not there: name the log's keys with --vkey", path=path),
        )
    return [str(vkey) for vkey in keys]


def _refuse_name(settings: Settings, plan: Plan) -> None:
    """What can be known before anything is asked or made."""
    _refuse_founded(settings)
    if plan.level not in LEVELS:
        known = ", ".join(LEVELS)
        raise SettingsError(Message("the level is one of {known}", known=known))
    require_profile(settings.profile, plan.level, rehearsal=plan.rehearsal)
    if not plan.rehearsal and plan.deployment.startswith(REHEARSAL):
        raise SettingsError(
            Message("only a rehearsal's deployment begins with {rehearsal}", rehearsal=REHEARSAL),
        )
    if plan.deployment.rpartition("/")[2] == _ACCESS or "/" in plan.deployment:
        raise SettingsError(
            Message("a deployment has no slash: the level follows it"),
        )
    # the key of checkpoints is called so, with "/pq" behind it
    longest = _LONGEST_NAME - len("/pq")
    if not re.fullmatch(LOG, plan.origin, re.ASCII) or len(plan.origin) > longest:
        raise SettingsError(
            Message(
                "{deployment} is no name of a deployment: small letters, digits, dots and hyphens,"
                " e.g. bacninh.example",
                deployment=plan.deployment[:_SHOWN] or '""',
            )
        )
    if not plan.rehearsal:
        _passphrase(settings, plan)


def _refuse_founded(settings: Settings) -> None:
    if Home(settings).facts_path.exists():
        unfounded.end(settings)
        raise SettingsError(
            Message(
                "{home} already holds an enclave: serve it by socai serve, bring it up to date by"
                " socai migrate, or name another folder in SOCAI_HOME",
                home=settings.home,
            )
        )


def _refuse(settings: Settings) -> None:
    if Home(settings).key_path("log").exists():
        raise facts_lost(settings)
    seen = [Home(settings).seen_folder(r) for r in (*REMEMBERING, *REMEMBERING_READS)]
    if any(SeenFile(folder).read() for folder in seen):
        raise SettingsError(
            Message(
                "{seen_dir} holds the checkpoints seen of another log: move them away first",
                seen_dir=settings.seen_dir,
            ),
        )


def _passphrase(settings: Settings, plan: Plan) -> bytes:
    if settings.passphrase_file is not None:
        return Home(settings).passphrase()
    if not plan.rehearsal:
        raise passphrase_needed()
    path = settings.secrets_dir / "passphrase"
    _secret(path, secrets.token_urlsafe(_PASSPHRASE_BYTES))
    return path.read_bytes().strip(b"\r\n")


def _custody(settings: Settings, plan: Plan) -> Callable[[], KekCustody]:
    """What keeps the KEK; opened when there is a passphrase."""
    token = settings.pkcs11_token
    if plan.custody == FILE:
        passphrase = partial(_passphrase, settings, plan)
        return lambda: FileCustody(passphrase, Home(settings).key_costs())
    if token is None:
        raise SettingsError(Message("name the token that is to keep the KEK: SOCAI_PKCS11_TOKEN"))
    return lambda: token_custody(settings, token)


def _secret(path: Path, text: str) -> None:
    if not path.exists():
        write_private(path, text.encode("ascii"))


def _make_keys(home: Home, custody: KekCustody, passphrase: bytes) -> _Keys:
    home.key_path("log").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = _Keys(
        log=SoftwareSigner.generate("Ed25519"),
        pq=SoftwareSigner.generate("ML-DSA-44"),
        registrar=SoftwareSigner.generate("Ed25519"),
        service=SoftwareSigner.generate("Ed25519"),
        kek=custody.make(home.key_path("kek")),
    )
    costs = home.key_costs()
    write_key(home.key_path("log"), keys.log, passphrase, **costs)
    write_key(home.key_path("pq"), keys.pq, passphrase, **costs)
    write_key(home.key_path("registrar"), keys.registrar, passphrase, **costs)
    write_key(home.key_path("service"), keys.service, passphrase, **costs)
    return keys


def _remember(home: Home, keys: _Keys, plan: Plan) -> None:
    """Every memory begins with a log of no record: from now on it knows how far that is signed."""
    note = beginning(*keys.signers(plan.origin), time_s=int(RealClock().now().timestamp()))
    for role in REMEMBERING:
        SeenFile(home.seen_folder(role)).write(note)


def _open_log(
    settings: Settings, facts: EnclaveFacts, keys: _Keys, officer: UUID, at: datetime
) -> bytes:
    """Records LedgerOpened, and the key of the service; entry of record 0, 32 bytes."""
    entropy = RealEntropy()
    founder = Founder(officer, keys.registrar.kid, keys.registrar.jwk)
    opened = genesis(
        act_id=entropy.uuid(),
        origin=facts.origin,
        level=facts.level,
        vkeys=keys.vkeys(facts.origin),
        founder=founder,
        at=at,
    )
    enrolled = service_key(
        act_id=entropy.uuid(),
        agency=opened["agency"],
        founder=officer,
        kid=keys.service.kid,
        jwk=keys.service.jwk,
        at=at,
    )
    dsn = role_dsn(settings, facts, "writer")
    pool, appender = open_pool(dsn, most=2), GroupAppender(dsn)
    try:
        ledger = Ledger(
            store=PostgresRecords(pool),
            appender=appender,
            kek=keys.kek,
            clock=RealClock(),
            entropy=entropy,
            cases=Alone(),
            origin=facts.origin,
            level=facts.level,
            rehearsal=facts.rehearsal,
        )
        first = _signed(opened, keys.registrar, facts.origin, at, None)
        recorded = ledger.found(first, at=at)
        second = _signed(enrolled, keys.registrar, facts.origin, at, first)
        ledger.record(
            orjson.dumps(statements.flattened(second)), at=at if facts.rehearsal else None
        )
        FileKey(PostgresFiles(pool), keys.kek, facts.origin).made()
    finally:
        appender.close()
        pool.close()
    return canonical.unb64(str(recorded.receipt["entry"]))


def _signed(
    members: Mapping[str, Any],
    signer: SoftwareSigner,
    origin: str,
    at: datetime,
    before: Statement | None,
) -> Statement:
    """The founder's next statement of stream `ledger`."""
    return statements.make(
        canonical.encode(members),
        signer,
        iat=int(at.timestamp()),
        log=origin,
        seq=1 if before is None else before.seq + 1,
        prev=None if before is None else before.digest_b64,
        role=statements.AUTHOR,
    )
