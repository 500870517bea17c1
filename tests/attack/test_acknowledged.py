"""What is acknowledged is on the disk, whatever a login begins with (architecture.md §3).

Any login may say what its next sessions begin with, and the owner what all do: also that a COMMIT
is answered before it is written. A server that falls has then forgotten what was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg import sql

from keys import read_tags
from keys.envelope_encryption import Kek
from keys.hpke import OpeningKey
from keys.jwk import SoftwareSigner
from ledger.mirror.taking_in import Mirror
from ledger.postgres.files import PostgresFiles
from ledger.postgres.mirror.mirrored import PostgresMirror, trust
from ledger.postgres.reads.rows import PostgresReads
from ledger.postgres.vault.store import PostgresVaultStore
from ledger.postgres.vault.turning import PostgresTurns
from ledger.reads.access_logged import origin_of
from ledger.reads.founding import found
from ledger.reads.writer import ReadWriter
from ledger.vault.identity import CONTACT, Keys
from ledger.vault.turn import SealedAnew
from tests.a_ledger import ALedger, in_postgres
from tests.attacks import attack
from tests.contract.files import a_file
from tests.contract.reads import a_read
from tests.examples import share
from tests.fixtures.app import Service
from tests.fixtures.clock import CountingEntropy
from tests.fixtures.erasable import Erasable
from tests.fixtures.postgres import Database
from tests.memory_log import ORIGIN
from tests.mirrored import Above, Below

pytestmark = pytest.mark.postgres

SETTINGS: Final = ("off", "local", "remote_write", "remote_apply")
_NOTED: Final = ("log.records", "log.checkpoints", "log.custody", "access.records")
_AT_COMMIT: Final[LiteralString] = """
CREATE TABLE public.committed (what text, how text);
CREATE FUNCTION public.commits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO public.committed
    VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, current_setting('synchronous_commit'));
  RETURN NULL;
END $$;
"""
"""What is asked of a COMMIT, as it stands when it comes: a deferred trigger runs by then."""
_OF_EACH: Final[LiteralString] = """
CREATE CONSTRAINT TRIGGER commits AFTER INSERT ON {} DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION public.commits()
"""


def _begins_with(database: Database, setting: str, *logins: str) -> None:
    """Each login says it of its own sessions there."""
    for login in logins:
        with psycopg.connect(database.dsn(login), autocommit=True) as taken:
            taken.execute(
                sql.SQL("ALTER ROLE {} IN DATABASE {} SET synchronous_commit = {}").format(
                    *map(sql.Identifier, (f"{database.slug}_{login}", database.name, setting))
                )
            )


@contextmanager
def _at_commit(database: Database, *tables: str) -> Iterator[set[tuple[str, str]]]:
    """What is asked of each COMMIT that puts a row into one of these tables within the block."""
    found = set[tuple[str, str]]()
    with psycopg.connect(database.admin) as admin:
        admin.execute(_AT_COMMIT)
        for table in tables:
            admin.execute(sql.SQL(_OF_EACH).format(sql.Identifier(*table.split("."))))
    yield found
    with psycopg.connect(database.admin) as admin:
        found |= {(what, how) for what, how in admin.execute("SELECT * FROM public.committed")}


def _note_reads(database: Database) -> None:
    """One alone, which founds their log, and two at once."""
    key, kek, signer = bytes(32), Kek.generate(), SoftwareSigner.generate("Ed25519")
    store = PostgresReads(database.pool("reader"), read_tags.gate(key))
    entropy, at = CountingEntropy("reads"), datetime.fromisoformat("2024-06-04T01:00:00+00:00")
    found(
        store, acts=ORIGIN, level="ordinary", genesis="0" * 64, vkeys=["a", "b"], signer=signer,
        kek=kek, key=key, entropy=entropy, at=at,
    )  # fmt: skip
    ReadWriter(
        store=store, signer=signer, kek=kek, key=key, entropy=entropy, origin=origin_of(ORIGIN),
        level="ordinary", now=lambda: at, posts=lambda _by, _at: (),
    ).note([a_read(), a_read()])  # fmt: skip


@attack(
    "a login, or the database's owner, has a COMMIT answered before it is on the disk, or on the"
    " standby, so that what was acknowledged is gone when the server falls",
    stopped_by="each statement by which something is promised asks for as much itself",
    noticed_by="log audit: definitions as shipped",
)
@pytest.mark.parametrize("setting", share(SETTINGS, 2, "synchronous commit"))
def test_what_is_acknowledged_is_written(database: Database, setting: str) -> None:
    """An act, its checkpoint, a file and what was done with it, a read; more is left as it is."""
    _begins_with(database, setting, "writer", "reader", "checkpointer")
    with _at_commit(database, *_NOTED) as found:
        a = ALedger(in_postgres(database))
        a.found()
        a.checkpointer().checkpoint_once()
        files = PostgresFiles(database.pool("reader"), database.pool("writer"))
        files.keep_lookup_key(b"\x01" + bytes(76))
        files.add(a_file())
        _note_reads(database)
    expected = setting if setting == "remote_apply" else "on"
    assert found == {(table, expected) for table in _NOTED}


def test_what_is_erased_is_erased_on_the_disk(service: Service) -> None:
    """What held it is destroyed next: no key comes back with a server that fell."""
    one = Erasable.made(service)
    act = one.erase()
    _begins_with(service.database, "off", "keeper")
    with _at_commit(service.database, "log.shreds") as found:
        told = one.shred(act)
    assert told.exit_code == 0, told.output
    assert found == {("log.shreds", "on")}


def test_what_is_taken_in_of_a_lower_log_is_on_the_disk(database: Database) -> None:
    """Whoever carried it up is told that they may throw it away."""
    below = Below.founded()
    below.case(1, "CaseRegistered")
    lower = below.lower
    trust(database.pool("migrator"), lower.origin, lower.level, lower.genesis)
    _begins_with(database, "off", "importer")
    above = Above(below)
    stored = PostgresMirror(database.pool("importer"), lower.origin)
    with _at_commit(database, "mirror.records") as found:
        Mirror(stored, above.kek, lower, "mat", above.now).take(above.opened(below.publish()))
    assert found == {("mirror.records", "on")}


def test_a_key_of_r_in_the_place_of_another_is_on_the_disk(database: Database) -> None:
    """The private half of the one before is destroyed next: nothing else opens what it sealed."""
    contact, identity, other = (OpeningKey.generate().public for _ in range(3))
    PostgresVaultStore(database.pool("vault")).found(Keys(contact, identity))
    turns = PostgresTurns(database.pool("vault"), database.pool("migrator"))
    _begins_with(database, "off", "migrator")
    with _at_commit(database, "r.keys") as found:
        assert turns.turn(CONTACT, contact.kek_id, other, SealedAnew())
    assert found == {("r.keys", "on")}
