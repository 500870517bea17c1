"""An audit of R: what lies there, held against the acts that caused it (access.md A18, U1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from typing import Final

from api.home import EnclaveFacts, Home
from api.ops.reads.which_log import READS
from api.ops.wiring.genesis import require_genesis
from api.ops.wiring.key_files import open_kek
from api.ops.wiring.logins import require_schema, role_dsn
from api.settings import Settings
from keys.custody.file import public_part
from keys.custody.key_files import next_path
from keys.errors import KeysError
from keys.hpke import SealingKey
from ledger.admission import service_statements
from ledger.errors import Rejected, VerificationError
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.postgres.vault.evidence import cases_with_reporters, kept_in_r
from ledger.reads.access_logged import ACCESS_LOGGED, OF_READS, row_of
from ledger.streams.record_reader import Reader
from ledger.vault.evidence import KeptInR, RFinding, hold, said_of_reporters, strays
from ledger.write.registry_follower import RegistryFollower

_LOOKED: Final = "A18"
_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class VaultAudited:
    """What the audit of R found.

    Attributes:
        items: Reporters kept.
        requests: Requests that are still there.
        strays: Items that no act names.
        keys: By part the thumbprint of R's key in force, for the minutes of its ceremony.
        held_to_file: Whether a key file of the vault was here to hold them against.
        findings: Everything wrong.
    """

    items: int
    requests: int
    strays: int
    keys: Mapping[str, str]
    held_to_file: bool
    findings: Sequence[RFinding]


def audit_vault(settings: Settings, facts: EnclaveFacts) -> VaultAudited:
    """Audits R by the vault's login, against the log by the projector's.

    Raises:
        SettingsError: A password or the KEK is not here.
        Unavailable: The database cannot be reached.
    """
    require_schema(role_dsn(settings, facts, "projector"))
    with ExitStack() as stack:
        r, whole = (
            stack.enter_context(closing(open_pool(role_dsn(settings, facts, role), most=1)))
            for role in ("vault", "projector")
        )
        kek, records = open_kek(settings), PostgresRecords(whole)
        reader = Reader(records, kek, facts.origin, facts.level)
        require_genesis(reader, facts)
        # what is asked comes first: what is recorded meanwhile explains more, never less
        kept, founded = kept_in_r(r)
        said = said_of_reporters(
            cases_with_reporters(whole),
            records,
            reader,
            RegistryFollower(records, reader),
            None if facts.rehearsal else founded,
        )
        reads = PostgresRecords(whole, "access")
        said.looks = _looks(
            reads, Reader(reads, kek, READS.origin(facts), facts.level), reads.head().size
        )
    own = _own_keys(settings)
    return VaultAudited(
        len(kept.items),
        len(kept.requests),
        strays(kept, said),
        dict(_thumbprints(kept)),
        own is not None,
        hold(kept, said, own),
    )


def _own_keys(settings: Settings) -> frozenset[str] | None:
    """What the vault's key files name, also one that waits for its turn; None: none is here."""
    path = Home(settings).key_path("vault")
    there = [file for file in (path, next_path(path)) if file.exists()]
    if not there:
        return None
    found = set[str]()
    for file in there:
        with suppress(KeysError):  # damaged: then it names none
            found.add(public_part(file).kid)
    return frozenset(found)


def _thumbprints(kept: KeptInR) -> Iterator[tuple[str, str]]:
    for part, (_, public) in kept.keys.items():
        with suppress(KeysError):
            yield part, SealingKey(public).kid


def _looks(records: PostgresRecords, reader: Reader, size: int) -> int:
    """How many shares and looks are noted; what does not open `log audit` names."""
    found = 0
    for start in range(0, size, _ROWS):
        for row in records.read(start, _ROWS):
            try:
                statement = reader.open(row).statement
                if statement is None:
                    continue
                event = service_statements.parse(statement.members, OF_READS)
            except (VerificationError, Rejected):
                continue
            if event.event == ACCESS_LOGGED and row_of(event).read.rule == _LOOKED:
                found += 1
    return found
