"""An enclave founded as `init` does it, no rehearsal, with officers on duty today."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from api.home import EnclaveFacts, Home, write_private
from api.ops.embedded_postgres import Embedded
from api.ops.init_enclave import Plan, found
from api.ops.machine import RealClock, RealEntropy
from api.ops.wiring.checkpointer import open_checkpointer
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.logins import role_dsn
from api.ops.wiring.projector import open_projector
from api.settings import Settings
from keys import canonical
from keys.custody.file import read_key
from keys.jwk import SoftwareSigner
from ledger.log.statement import AUTHOR, flattened, make
from ledger.regulation.registry.calendar import VIETNAM
from ledger.regulation.registry.registry import Registry
from tests.bench.workload import POST, Officer
from tests.builders import a_basis

THREADS: Final = 32
_KEEPER: Final = "quan-tri-danh-ba"
_PASSPHRASE: Final = b"a passphrase of the bench"


@dataclass(frozen=True, slots=True)
class Founded:
    """An enclave of the bench; picklable, so that every process can open it by itself.

    Attributes:
        settings: With its home and its server.
        officers: On duty, with their keys.
        admin: Connection string of the superuser, to its database.
    """

    settings: Settings
    officers: tuple[Officer, ...]
    admin: str

    @property
    def facts(self) -> EnclaveFacts:
        """What `init` wrote down."""
        return Home(self.settings).facts()

    def dsn(self, role: str) -> str:
        """Connection string of one login."""
        return role_dsn(self.settings, self.facts, role)

    def open(self) -> Enclave:
        """The whole write and read path of one process."""
        return Enclave.open(self.settings)

    def seal(self) -> int:
        """Lets a checkpointer cover everything; checkpoints made."""
        checkpointer, pool = open_checkpointer(self.settings)
        made = 0
        try:
            while checkpointer.checkpoint_once() is not None:
                made += 1
        finally:
            pool.close()
        return made


def found_in(server: Embedded, home: Path, name: str, *, workers: int, officers: int) -> Founded:
    """Founds an enclave in a running server.

    Args:
        server: Where its database goes.
        home: Its folder, new.
        name: Deployment.
        workers: API processes.
        officers: How many are appointed and enrolled.
    """
    passphrase = home / "passphrase"
    write_private(passphrase, _PASSPHRASE)
    settings = Settings.at(
        home,
        database_url=f"postgresql:///postgres?host={server.host}&port={server.port}",
        passphrase_file=passphrase,
        workers=workers,
        threads=THREADS,
        min_free_mib=0,
        attempts=10_000,
        token_ttl_s=3600,
        log_level="error",
    )
    admin_password = server.dsn().rpartition("password=")[2]
    write_private(settings.secrets_dir / "postgres.password", admin_password.encode())
    made = found(settings, Plan(name, "ordinary", rehearsal=False, at=RealClock().now()))
    projector, _, pool = open_projector(settings)
    projector.close()
    pool.close()
    on_duty = _enrol(settings, made.officer, officers) if officers else ()
    return Founded(settings, on_duty, server.dsn(dbname=str(made.facts.database["dbname"])))


def _enrol(settings: Settings, registrar: str, number: int) -> tuple[Officer, ...]:
    home = Home(settings)
    key = read_key(home.key_path("registrar"), home.passphrase())
    enclave = Enclave.open(settings)
    entropy = RealEntropy()
    found_: list[Officer] = []
    try:
        day = RealClock().now().date()
        keeper = Registry.founded().holders("REGISTRY_KEEPER", day)[0]
        agency = Registry.founded().lead(day) or keeper
        for _ in range(number):
            officer = Officer(str(entropy.uuid()), agency, secrets.token_bytes(32))
            stream = f"officer/{officer.id}"
            for name, facts in (
                ("OfficerAppointed", _appointment(officer)),
                ("KeyEnrolled", _enrolment(officer)),
            ):
                _enter(enclave, key, (keeper, registrar), stream, (name, facts))
            found_.append(officer)
    finally:
        enclave.close()
    return tuple(found_)


def _enter(
    enclave: Enclave,
    key: SoftwareSigner,
    registrar: tuple[str, str],
    stream: str,
    said: tuple[str, dict[str, Any]],
) -> None:
    at = _now()
    head = enclave.ledger.head(stream)
    members = {
        "v": 1,
        "act": said[0],
        "act_id": str(RealEntropy().uuid()),
        "stream": stream,
        "occurred_at": at.isoformat(timespec="seconds"),
        "precision": "minute",
        "agency": registrar[0],
        "post": _KEEPER,
        "capacity": "TRUC_TIEP",
        "basis": a_basis(at.date()),
        "circulation": "INTERNAL",
        "facts": said[1],
        "signers": [{"officer": registrar[1], "post": _KEEPER, "role": AUTHOR}],
    }
    statement = make(
        canonical.encode(members),
        key,
        iat=int(at.timestamp()),
        log=enclave.facts.origin,
        seq=head.seq,
        prev=head.prev,
        role=AUTHOR,
    )
    enclave.ledger.record(orjson.dumps(flattened(statement)))


def _appointment(officer: Officer) -> dict[str, Any]:
    known = Registry.founded().agency(officer.agency)
    if known is None:
        raise LookupError(officer.agency)
    shipped = known.posts[POST]
    return {
        "officer": officer.id,
        "person": f"sealed:{officer.id}",
        "agency": officer.agency,
        "post": POST,
        "capacities": sorted(shipped.capacities),
        "powers": sorted(shipped.powers),
        "valid_from": _now().date().isoformat(),
        "basis_document": "Quyết định bổ nhiệm",
    }


def _enrolment(officer: Officer) -> dict[str, Any]:
    at, key = _now(), officer.signer
    return {
        "officer": officer.id,
        "kid": key.kid,
        "jwk": dict(key.jwk),
        "custody": "SOFTWARE",
        "valid_from": at.isoformat(timespec="seconds"),
        "valid_to": at.replace(year=at.year + 2, day=min(at.day, 28)).isoformat(timespec="seconds"),
    }


def _now() -> datetime:
    return RealClock().now().astimezone(VIETNAM).replace(microsecond=0)


def new_uuid() -> UUID:
    """A random id."""
    return RealEntropy().uuid()
