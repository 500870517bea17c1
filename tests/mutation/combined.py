"""Mutations of several tables at once, which keep up appearances.

What one row no longer says, the others are made to say too.
"""

# ruff: noqa: S608 - harm is put together as text
from __future__ import annotations

from typing import Final

from tests.mutation.kinds import Spec

_END: Final = "(SELECT size - 1 - {n} % 5 FROM log.log_head)"
_HEAD_FOLLOWS: Final = (
    "UPDATE log.log_head SET size = (SELECT count(*) FROM log.records),"
    " recorded_at = (SELECT max(recorded_at) FROM log.records),"
    " registry_index = (SELECT max(index) FROM log.records WHERE registry)"
)
_NO_EMPTY_STREAM: Final = (
    "DELETE FROM log.streams s WHERE NOT EXISTS"
    " (SELECT FROM log.records r WHERE r.stream_id = s.stream_id)"
)
_TILES_FOLLOW: Final = (
    "DELETE FROM log.tiles WHERE ((n * 256 + width) << (8 * level))"
    " > (SELECT coalesce(max(size), 0) FROM log.checkpoints)"
)
_SECOND: Final = "(SELECT size FROM log.checkpoints ORDER BY size OFFSET 1 LIMIT 1)"
_ONE: Final = "(SELECT index FROM log.records ORDER BY index OFFSET 5 + {n} % 20 LIMIT 1)"
_LOG: Final = (
    "log.checkpoints", "log.custody", "log.custody_head", "log.file_key", "log.file_wraps",
    "log.files", "log.log_head", "log.records", "log.streams", "log.tiles", "log.tokens",
    "log.wraps",
)  # fmt: skip


def _together(table: str, what: str, *sql: str) -> Spec:
    return Spec(table, what, "", "", "; ".join(sql))


def _moved(table: str, start: str, by: int) -> str:
    return f"UPDATE {table} SET index = index + {by} WHERE index > {start}"


LOG: Final = (
    _together(
        "log.records",
        "tail cut with all that hangs on it",
        f"DELETE FROM log.wraps WHERE index >= {_END}",
        f"DELETE FROM log.records WHERE index >= {_END}",
        f"DELETE FROM log.checkpoints WHERE size > {_END}",
        _TILES_FOLLOW,
        _NO_EMPTY_STREAM,
        _HEAD_FOLLOWS,
    ),
    _together(
        "log.records",
        "tail cut, checkpoints and tiles kept",
        f"DELETE FROM log.wraps WHERE index >= {_END}",
        f"DELETE FROM log.records WHERE index >= {_END}",
        _NO_EMPTY_STREAM,
        _HEAD_FOLLOWS,
    ),
    _together(
        "log.records",
        "one taken out, those behind it moved up",
        f"CREATE TEMPORARY TABLE cut ON COMMIT DROP AS SELECT {_ONE} AS at",
        "DELETE FROM log.records WHERE index = (SELECT at FROM cut)",
        "DELETE FROM log.wraps WHERE index = (SELECT at FROM cut)",
        _moved("log.records", "(SELECT at FROM cut)", -1),
        _moved("log.wraps", "(SELECT at FROM cut)", -1),
        _NO_EMPTY_STREAM,
        _HEAD_FOLLOWS,
    ),
    _together(
        "log.records",
        "two swapped with their keys",
        f"CREATE TEMPORARY TABLE cut ON COMMIT DROP AS SELECT {_ONE} AS at",
        "UPDATE log.records r SET index = 2 * c.at + 1 - r.index FROM cut c"
        " WHERE r.index IN (c.at, c.at + 1)",
        "UPDATE log.wraps r SET index = 2 * c.at + 1 - r.index FROM cut c"
        " WHERE r.index IN (c.at, c.at + 1)",
    ),
    _together(
        "log.records",
        "last time moved with the head's",
        "UPDATE log.records SET recorded_at = recorded_at + interval '1 hour'"
        " WHERE index = (SELECT max(index) FROM log.records)",
        "UPDATE log.log_head SET recorded_at = recorded_at + interval '1 hour'",
    ),
    _together(
        "log.records",
        "last registry mark moved with the head's",
        "UPDATE log.records SET registry = false"
        " WHERE index = (SELECT registry_index FROM log.log_head)",
        _HEAD_FOLLOWS,
    ),
    _together(
        "log.records",
        "everything as it was in an old backup",
        *(
            statement
            for table in _LOG
            for statement in (
                f"DELETE FROM {table}",
                f'INSERT INTO {table} SELECT * FROM old."{table}"',
            )
        ),
    ),
    _together(
        "log.wraps",
        "the key of an erased record brought back",
        'INSERT INTO log.wraps SELECT * FROM old."log.wraps" o'
        " WHERE NOT EXISTS (SELECT FROM log.wraps w WHERE w.index = o.index)",
    ),
    _together(
        "log.streams",
        "stream renamed in every row",
        f"CREATE TEMPORARY TABLE cut ON COMMIT DROP AS SELECT stream_id AS at FROM log.records"
        f" WHERE index = {_ONE}",
        "UPDATE log.streams SET stream_id = md5('{n}')::uuid, name = name || '0'"
        " WHERE stream_id = (SELECT at FROM cut)",
        *(
            f"UPDATE {table} SET stream_id = md5('{{n}}')::uuid"
            " WHERE stream_id = (SELECT at FROM cut)"
            for table in ("log.records", "log.wraps")
        ),
    ),
    _together(
        "log.checkpoints",
        "newest removed with its tiles",
        "DELETE FROM log.checkpoints WHERE size = (SELECT max(size) FROM log.checkpoints)",
        _TILES_FOLLOW,
    ),
    _together(
        "log.checkpoints",
        "an older one removed with its tiles",
        f"DELETE FROM log.tiles WHERE level = 0 AND n * 256 + width = {_SECOND} AND width < 256",
        f"DELETE FROM log.checkpoints WHERE size = {_SECOND}",
    ),
    _together(
        "log.tiles",
        "planted where the tree comes by next",
        "INSERT INTO log.tiles (level, n, width, data)"
        " SELECT 0, size / 256, w, repeat('x', 32 * w::int)::bytea"
        " FROM log.log_head, LATERAL (SELECT size % 256 + 1 + {n} % 3) AS z (w)",
    ),
    _together(
        "log.tiles",
        "planted in a level above",
        "INSERT INTO log.tiles (level, n, width, data)"
        " SELECT 1 + {n} % 3, 0, 2, repeat('x', 64)::bytea",
    ),
    _together(
        "log.custody",
        "tail cut with its keys and the count of all",
        "DELETE FROM log.file_wraps w USING log.custody c WHERE w.name = c.name AND w.seq = c.seq"
        " AND c.place = (SELECT max(place) FROM log.custody)",
        "DELETE FROM log.custody WHERE place = (SELECT max(place) FROM log.custody)",
        "UPDATE log.custody_head SET size = (SELECT count(*) FROM log.custody)",
    ),
    _together(
        "log.files",
        "an upload removed with its history",
        "CREATE TEMPORARY TABLE cut ON COMMIT DROP AS SELECT name FROM log.files LIMIT 1",
        "DELETE FROM log.file_wraps WHERE name = (SELECT name FROM cut)",
        "DELETE FROM log.custody WHERE name = (SELECT name FROM cut)",
        "DELETE FROM log.files WHERE name = (SELECT name FROM cut)",
    ),
)
_ROWS: Final = (
    "checkpoints", "cosignatures", "gate", "log_head", "records", "streams", "tags", "tiles",
    "wraps",
)  # fmt: skip
_LAST: Final = "(SELECT size - 1 - {n} % 3 FROM access.log_head)"
READS: Final = (
    _together(
        "access.records",
        "tail cut with all that hangs on it",
        f"DELETE FROM access.wraps WHERE index >= {_LAST}",
        f"DELETE FROM access.tags WHERE index >= {_LAST}",
        f"DELETE FROM access.records WHERE index >= {_LAST}",
        f"DELETE FROM access.checkpoints WHERE size > {_LAST}",
        _TILES_FOLLOW.replace("log.", "access."),
        _NO_EMPTY_STREAM.replace("log.", "access."),
        "UPDATE access.log_head SET size = (SELECT count(*) FROM access.records),"
        " recorded_at = (SELECT max(recorded_at) FROM access.records)",
    ),
    _together(
        "access.records",
        "everything as it was in an old backup",
        *(
            statement
            for table in _ROWS
            for statement in (
                f"DELETE FROM access.{table}",
                f'INSERT INTO access.{table} SELECT * FROM old."access.{table}"',
            )
        ),
    ),
    _together(
        "access.tags",
        "two rows found as each other",
        "UPDATE access.tags SET index = 3 - index WHERE index IN (1, 2)",
    ),
)
VIEWS: Final = (
    _together(
        "proj.acts",
        "a case taken out of every view",
        "CREATE TEMPORARY TABLE cut ON COMMIT DROP AS"
        " SELECT stream FROM proj.case_file ORDER BY stream OFFSET {n} % 3 LIMIT 1",
        *(
            f"DELETE FROM proj.{table} WHERE stream = (SELECT stream FROM cut)"
            for table in ("acts", "case_file", "tasks", "counted", "marks")
        ),
    ),
    _together(
        "proj.acts",
        "the fresh fold's own rows put there before it",
        "CREATE TEMPORARY TABLE cut ON COMMIT DROP AS TABLE proj.acts",
        "UPDATE cut SET gen = -1, act = 'CaseClosed'",
        "INSERT INTO proj.acts SELECT * FROM cut",
        "UPDATE proj.acts SET act = 'CaseClosed' WHERE gen > 0",
    ),
    _together(
        "proj.views",
        "a view emptied, to be folded anew",
        "DELETE FROM proj.tasks",
        "UPDATE proj.views SET position = -1, recorded_at = NULL WHERE view = 'worklist'",
    ),
    _together(
        "proj.parts",
        "a part of a generation that is read",
        "INSERT INTO proj.parts (view, gen, digits, until)"
        " SELECT view, gen, '0', 1 FROM proj.views WHERE view = 'acts'",
    ),
)
