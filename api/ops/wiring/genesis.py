"""Whether a log is that of a home: by record 0."""

from __future__ import annotations

from contextlib import closing

from api.home import EnclaveFacts, Home
from api.ops.wiring.logins import role_dsn
from api.settings import Settings, SettingsError
from keys.envelope_encryption import Kek, kek_id_of
from keys.errors import Unsealable
from ledger.errors import LedgerError, VerificationError
from ledger.message import Message
from ledger.postgres.connect import open_pool
from ledger.postgres.records import PostgresRecords
from ledger.streams.record_reader import Reader


def opens_record_0(settings: Settings, kek: Kek) -> tuple[bool | None, bytes | None]:
    """Whether a KEK opens record 0 of this home's log, to the genesis that the home was made with.

    Returns:
        None where nobody can say: no enclave or database here, or the wrap is under another KEK.
        And the id of the KEK that it is under, where it can be read.
    """
    under: bytes | None = None
    try:
        facts = Home(settings).facts()
        with closing(open_pool(role_dsn(settings, facts, "projector"), most=1)) as pool:
            records = PostgresRecords(pool)
            wraps = [row.wrap for row in records.read(0, 1)]
            if not wraps or wraps[0] is None:
                return None, None
            if (under := kek_id_of(wraps[0])) != kek.kek_id:
                return None, under
            reader = Reader(records, kek, facts.origin, facts.level)
            reader.read(0, 1)  # under this KEK it opens, or is not what it was
            require_genesis(reader, facts)
    except VerificationError:
        return False, under
    except (SettingsError, LedgerError):
        return None, None
    return True, under


def require_genesis(reader: Reader, facts: EnclaveFacts) -> None:
    """That record 0 is the one this home was made with.

    Raises:
        SettingsError: There is no record 0, it is another's, or the KEK here is not its.
    """
    try:
        found = reader.read(0, 1)
    except VerificationError as error:
        if not isinstance(error.__cause__, Unsealable):
            raise
        raise SettingsError(
            Message(
                "record 0 does not open ({error}): where the epoch was turned on another machine,"
                " bring the new kek.socaikek from there to where keys lie here, then start again;"
                " else the database is of another log, or its wrap was changed",
                error=error.message,
            ),
        ) from error
    if not found or found[0].act is None:
        raise SettingsError(Message("the log has no record 0: run `socai init`"))
    if found[0].entry.hex() != facts.genesis:
        raise SettingsError(
            Message("record 0 is not the genesis this home was made with"),
        )
    said = found[0].act.facts
    if said["log"] != facts.origin or said["level"] != facts.level:
        raise SettingsError(
            Message("record 0 names another log or level than this home"),
        )
    if bool(said.get("demo", False)) != facts.rehearsal:
        raise SettingsError(
            Message("record 0 and this home disagree on whether this is a rehearsal"),
        )
