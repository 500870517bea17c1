"""Each login in other hands: the column "may not" of access.md §3, tried as that login.

What a login may is written down here, by table and by function; everything else in the enclave's
schemas is tried and refused, so that a new table or function is nobody's until it stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import psycopg
import pytest
from psycopg import sql

from api.ops.embedded_postgres import Embedded
from ledger.postgres.migrate import LOGINS, OWNERS
from tests.attacks import attack
from tests.examples import share
from tests.fixtures.postgres import Database, install_database

pytestmark = pytest.mark.postgres

LOG: Final = {
    f"log.{name}"
    for name in (
        "checkpoints", "cosignatures", "custody", "custody_head", "enclave", "epochs", "file_key",
        "file_wraps", "files", "log_head", "migrations", "records", "shredded", "shredded_files",
        "shreds", "streams", "tiles", "tokens", "wraps",
    )
}  # fmt: skip
VIEWS: Final = {
    f"proj.{name}"
    for name in (
        "acts",
        "case_file",
        "counted",
        "lease",
        "marks",
        "parts",
        "public_acts",
        "tasks",
        "views",
    )
}
PARTICIPATION: Final = {
    f"sec.{name}" for name in ("audience", "beat", "ended", "excluded", "members")
}
MIRROR: Final = {
    f"mirror.{name}"
    for name in ("erased", "files", "logs", "records", "segments", "streams", "tokens", "wraps")
}
R: Final = {f"r.{name}" for name in ("items", "keys", "requests")}
GONE: Final = {"log.shredded", "log.shredded_files"}
TREE: Final = {"log.tiles", "log.checkpoints", "log.cosignatures"}
#: The log of reads: the reader notes in it and sees none of it (D2).
ACCESS_TREE: Final = {"access.tiles", "access.checkpoints", "access.cosignatures"}
ACCESS: Final = ACCESS_TREE | {
    f"access.{name}" for name in ("log_head", "records", "streams", "tags", "wraps")
}
#: What the keeper opened, and how that was reckoned.
OPENS: Final = {"access.opens", "access.reckonings"}
#: How far both trees were pruned: for whoever audits them.
PRUNED: Final = {"log.pruned", "access.pruned"}
#: Tables of which a login may read something (access.md G1-G12).
READS: Final[dict[str, set[str]]] = {
    "migrator": {"log.migrations", "log.enclave"},
    "writer": LOG - TREE - GONE - {"log.epochs"} | {"proj.acts", "proj.views"},
    "projector": LOG | VIEWS | PARTICIPATION | ACCESS | OPENS | PRUNED | {"access.gate"},
    "reader": LOG - {"log.tokens"} - GONE
    | VIEWS
    | {"sec.shown", "mirror.shown"}
    | MIRROR - {"mirror.tokens"},
    "auditor": LOG
    | {"log.epochs_given_up"}
    | PARTICIPATION
    | ACCESS
    | OPENS
    | PRUNED
    | MIRROR - {"mirror.files", "mirror.tokens", "mirror.wraps"},
    "checkpointer": TREE
    | {"log.records", "log.log_head", "log.migrations", "log.enclave"}
    | ACCESS_TREE
    | {"access.records", "access.log_head"},
    "backup": LOG
    | ACCESS
    | OPENS
    | PRUNED
    | {"access.gate", "log.epochs_given_up", "log.wraps_aside"}
    | R
    | MIRROR,
    "vault": R,
    "publisher": {
        f"log.{name}"
        for name in (
            "checkpoints",
            "custody",
            "file_key",
            "file_wraps",
            "files",
            "log_head",
            "migrations",
            "records",
            "shredded",
            "shreds",
            "streams",
            "tiles",
            "wraps",
        )
    },
    "importer": MIRROR | {"log.migrations"},
    "public": {"proj.public_acts", "proj.views"},
    "keeper": GONE
    | OPENS
    | {
        "access.log_head",
        "access.records",
        "access.streams",
        "access.wraps",
        "log.custody",
        "log.epochs",
        "log.epochs_given_up",
        "log.file_key",
        "log.file_wraps",
        "log.migrations",
        "log.records",
        "log.shreds",
        "log.wraps",
        "log.wraps_aside",
        "mirror.records",
        "mirror.wraps",
    },
}
SESSION: Final = {
    "sec.clock", "sec.gen", "sec.asked", "sec.answers", "sec.sight", "sec.has_few",
    "sec.read_under", "sec.told_by",
}  # fmt: skip
#: Functions that a login may call; those of triggers nobody calls.
CALLS: Final[dict[str, set[str]]] = {
    "migrator": {
        "log.begin_epoch", "log.close_epoch", "log.give_up_epoch", "log.note_destroyed",
        "log.note_swept", "mirror.trust", "r.note_destroyed", "r.turn_key",
    },
    "writer": {
        "log.append", "log.entries", "log.keep_file", "log.keep_file_key", "log.note_custody",
        "log.sweep_notices", "sec.end", "sec.exclude",
        "r.answer", "r.ask", "r.holds", "r.public_keys", "r.put",
    },
    "projector": {"log.entries", "proj.figures", "proj.file_now", "access.entries"},
    "reader": {
        *SESSION, "log.entries", "sec.challenge_put", "sec.challenge_take", "sec.attempt",
        "proj.figures", "proj.totals", "proj.file_now", "proj.sight_now", "access.append",
        "access.append_one",
        "access.keep_gate", "access.noted", "access.head", "access.latest", "access.tile",
        "access.bundle", "sec.reads_by",
    },
    "auditor": {"log.entries", "access.entries"},
    "checkpointer": {
        "log.checkpoint", "log.entries", "log.prune", "log.sweep_notices", "access.checkpoint",
        "access.entries", "access.prune",
    },
    "backup": set(),
    "vault": set(),
    "publisher": set(),
    "importer": {"mirror.take"},
    "public": set(),
    "keeper": {
        "access.reckon", "access.take_row",
        "mirror.rewrap", "log.put_back",
        "log.rewrap", "log.rewrap_file_key", "log.rewrap_files", "log.rewrap_reads", "log.shred",
    },
}  # fmt: skip
_TABLES: Final = """
SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname IN ('log', 'sec', 'access', 'proj', 'r', 'mirror')
  AND relkind IN ('r', 'v', 'm', 'f', 'p')
ORDER BY 1
"""
#: Each with nulls that are found out when it is called: constants are folded before that.
_FUNCTIONS: Final = """
SELECT n.nspname || '.' || p.proname, format('SELECT %%I.%%I(%%s)', n.nspname, p.proname,
  (SELECT string_agg(CASE WHEN o = p.pronargs AND p.provariadic <> 0 THEN 'VARIADIC ' ELSE '' END
    || format('(SELECT NULL::%%s)', a::regtype), ', ' ORDER BY o)
   FROM unnest(p.proargtypes) WITH ORDINALITY AS z (a, o)))
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = ANY (%s) AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
  AND NOT EXISTS (
    SELECT FROM unnest(p.proargtypes) a JOIN pg_type y ON y.oid = a WHERE y.typtype = 'p')
ORDER BY 1, p.oid
"""


@pytest.fixture(scope="module")
def taken(postgres_server: Embedded) -> Iterator[Database]:
    """A database that no test here changes, with roles of its own, which one does."""
    made = install_database(postgres_server)
    yield made
    made.close()


def _functions(database: Database, *schemas: str) -> list[tuple[str, str]]:
    with psycopg.connect(database.admin) as admin:
        return admin.execute(_FUNCTIONS, [list(schemas)]).fetchall()


def _refused(connection: psycopg.Connection, query: str) -> bool:
    """Whether the right is not there; any other failure comes after that question."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(query.encode())
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.Error:
        return False
    return False


@attack(
    "a taken login reads what is not its part",
    stopped_by="grants, table by table",
    noticed_by="-",
)
@pytest.mark.parametrize("login", LOGINS)
def test_a_login_reads_its_own_tables_and_no_other(taken: Database, login: str) -> None:
    """`count(*)` asks for any column; which ones is tried in `test_grants.py`."""
    with psycopg.connect(taken.admin) as admin:
        tables = [str(name) for (name,) in admin.execute(_TABLES).fetchall()]
    assert READS["auditor"] | VIEWS <= set(tables)
    with psycopg.connect(taken.dsn(login)) as connection:
        asked = {name: f"SELECT count(*) FROM {name}" for name in tables}  # noqa: S608  of the catalogue
        read = {name for name, query in asked.items() if not _refused(connection, query)}
    assert read == READS[login]


@attack(
    "a taken login calls a function that is not its own",
    stopped_by="grants, function by function",
    noticed_by="-",
)
@pytest.mark.parametrize("login", LOGINS)
def test_a_login_calls_its_own_functions_and_no_other(taken: Database, login: str) -> None:
    """The append, the checkpoint, what ends a right: each is one login's."""
    functions = _functions(taken, "log", "sec", "access", "proj", "r", "mirror")
    assert set().union(*CALLS.values()) <= {name for name, _ in functions}
    with psycopg.connect(taken.dsn(login)) as connection:
        called = {name for name, call in functions if not _refused(connection, call)}
    assert called == CALLS[login]


@pytest.mark.parametrize("owner", OWNERS)
def test_who_owns_the_tables_cannot_log_in(taken: Database, owner: str) -> None:
    """Nobody is the owner but the migrator, while it migrates (access.md G1, G2)."""
    with psycopg.connect(taken.admin) as admin:
        role = sql.Identifier(f"{taken.slug}_{owner}")
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD 'known'").format(role))
        admin.commit()
    dsn = psycopg.conninfo.make_conninfo(
        taken.dsn("writer"),
        user=f"{taken.slug}_{owner}",
        password="known",  # noqa: S106  of nobody
    )
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(dsn)


@pytest.mark.parametrize("login", [login for login in LOGINS if login != "migrator"])
def test_no_login_becomes_another(taken: Database, login: str) -> None:
    """One login a process and role; what is injected there goes nowhere (PF1)."""
    with psycopg.connect(taken.dsn(login), autocommit=True) as connection:
        for role in (*LOGINS, *OWNERS):
            if role != login:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"SET ROLE {taken.slug}_{role}".encode())


# -- the belt --------------------------------------------------------------------------------------

#: What a name has in it that tells of transactions, of WAL, of sizes, of locks, of other backends.
_TELLING: Final = re.compile(
    r"txid|xid_|_xact|snapshot|_wal|^pg_stat_|_lock|_block|_size$|^pg_control|^pg_ls_|replication"
    r"|^pg_logical|prepared|multixact|_committed|^(?:mxid_)?age$|notification_queue|last_value$"
)
#: Those that tell nothing of anybody else: of what is given to them, or of the session itself.
_HARMLESS: Final = {
    "pg_column_size", "pg_prepared_statement", "pg_prepared_statements", "pg_split_walfile_name",
}  # fmt: skip
_TELLING_TABLES: Final = (
    r"^pg_(stat_|statio_|stats|locks|replication|prepared|sequences|shmem|aios|database|roles|user$"
    r"|group|authid|shadow|auth_members|db_role|shdep|shdesc|shsec|tablespace)"
)
_AUDITS: Final = {"pg_database", "pg_roles", "pg_auth_members", "pg_db_role_setting"}
#: Whoever audits holds roles to what is shipped, in several processes; a dump asks for names.
NEEDS: Final[dict[str, set[str]]] = {
    "auditor": {"pg_export_snapshot"} | _AUDITS,
    "projector": {"pg_export_snapshot"} | _AUDITS,
    "backup": {
        "pg_database", "pg_roles", "pg_db_role_setting", "pg_tablespace", "pg_shdescription",
        "pg_shseclabel",
    },
}  # fmt: skip


@attack(
    "a login reads the pace of others: transaction ids, WAL, statistics, sizes, locks",
    stopped_by="the belt, by pattern",
    noticed_by="a warning of `socai migrate`, where the server keeps its functions to itself",
)
@pytest.mark.parametrize("login", share(list(LOGINS), 3, "pace"))
def test_no_login_reads_the_pace_of_others(taken: Database, login: str) -> None:
    """Every function of the server whose name tells, called; every relation likewise (L5, L6)."""
    telling = [
        (name.partition(".")[2], call)
        for name, call in _functions(taken, "pg_catalog")
        if _TELLING.search(name.partition(".")[2])
    ]
    assert len(telling) > 200
    with psycopg.connect(taken.dsn(login)) as connection:
        told = {name for name, call in telling if not _refused(connection, call)}
        relations = [
            str(name)
            for (name,) in connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace"
                " AND relkind IN ('r', 'v') AND relname ~ %s",
                [_TELLING_TABLES],
            ).fetchall()
        ]
        assert len(relations) > 40
        told |= {
            name for name in relations if not _refused(connection, f"SELECT FROM {name} LIMIT 1")
        }
    assert told - _HARMLESS == NEEDS.get(login, set())


@attack(
    "a taken login ends the sessions of the process whose login it is, as often as they come again",
    stopped_by="the belt: nobody may, but who owns the server",
    noticed_by="-",
)
@pytest.mark.parametrize("login", share(list(LOGINS), 3, "sessions"))
def test_no_login_ends_a_session(taken: Database, login: str) -> None:
    """Of two sessions of one login neither can break off the other."""
    with psycopg.connect(taken.dsn(login)) as own, psycopg.connect(taken.dsn(login)) as other:
        for call in ("pg_cancel_backend({})", "pg_terminate_backend({})"):
            assert _refused(other, f"SELECT {call.format(own.info.backend_pid)}"), call
        assert own.execute("SELECT 1").fetchone() == (1,)
