"""An API process above ordinary that is taken over: what it gets out of the keeper (U3, U4).

It has its logins, the service's key and the keeper's socket, and notes whatever it likes; what it
cannot do is open what no committed row names, for whoever the row names, once.
"""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from api.ops.keeper.asking import KeeperLine, KeeperRefused, KeptKeks
from api.ops.keeper.folding import FoldedRecords
from api.ops.keeper.serving import KeeperSocket
from api.ops.wiring.enclave import Enclave
from api.ops.wiring.keeper import open_keeper
from keys.canonical import b64
from keys.envelope_encryption import KEY_BYTES, seal
from keys.errors import Unsealable
from ledger.files.attachments import raw_digest
from ledger.keeper.keeper import EVERY, MOST_AGE, NotOpened, WrapKeeper
from ledger.ports import NIL_UNIT, Draft, SealedRecord, StoredRecord
from ledger.postgres.keeping import opens
from ledger.postgres.keeping.opens import PostgresOpens
from ledger.postgres.reads.rows import PostgresReads
from ledger.postgres.records import PostgresRecords
from ledger.reads.access_logged import WrapsRow
from ledger.reads.read import ReadBy
from ledger.reads.writer import RowGroup, RowPlace
from ledger.streams.event import TOPIC
from ledger.streams.names import stream_id
from tests import builders
from tests.attacks import attack
from tests.builders import an_act, an_id, officer
from tests.fixtures.above import DIGEST, HOLDER, SECRET, STRANGER, WHOLE, Above
from tests.fixtures.clock import StepClock
from tests.smuggle import smuggler_into

pytestmark = pytest.mark.postgres

NOBODY = UUID(an_id("of no row"))
BY = ReadBy(officer(HOLDER), builders.key(HOLDER).kid)


def ask(above: Above, **said: Any) -> dict[str, Any]:  # noqa: ANN401  what goes over the socket
    """What the keeper answers over a connection of the attacker's own."""
    with closing(KeeperLine(above.service.settings.keeper_socket, patience_s=0)) as line:
        return line.ask(**said)


def record_of(above: Above, act: str) -> StoredRecord:
    """The first record of an act, as the writer's login sees it."""
    records = PostgresRecords(above.service.enclave.connections.writing)
    return next(row for row in records.act(UUID(act)) if row.author)


def noted(above: Above, *rows: WrapsRow) -> list[RowPlace]:
    """Rows as the process itself notes them."""
    return above.service.enclave.access_log.noting.note_opens(rows)


def opened(above: Above, place: RowPlace, by: ReadBy | None) -> dict[int, bytes]:
    """What the keeper gives against a row."""
    asked = [[str(place.stream_id), place.seq]]
    told = ask(above, op="open", places=asked, by=None if by is None else [by.officer, by.kid])
    return {index: base64.urlsafe_b64decode(key + "=") for index, key in told["keys"] if key}


def test_a_row_opens_what_it_names_for_whom_it_names(above: Above) -> None:
    """The control of every attack below."""
    row = record_of(above, above.annexes[0].act_id)
    (place,) = noted(above, WrapsRow((row.index,), BY))
    found = opened(above, place, BY)
    assert found.keys() == {row.index}
    assert len(found[row.index]) == KEY_BYTES


@attack(
    "an API process that was taken over asks the keeper for a record without a row",
    stopped_by="the keeper opens against a committed row of the log of reads (U3)",
    noticed_by="the keeper's log",
)
def test_without_a_row_nothing_is_opened(above: Above) -> None:
    """None at all; and a row that is somebody else's place."""
    for place in (RowPlace(NOBODY, 1), RowPlace(NOBODY, 0)):
        with pytest.raises(KeeperRefused, match="no row"):
            opened(above, place, BY)
    (place,) = noted(above, WrapsRow((record_of(above, above.plain.act_id).index,), BY))
    with pytest.raises(KeeperRefused, match="no row"):
        opened(above, RowPlace(place.stream_id, place.seq + 1), BY)


@attack(
    "an API process that was taken over asks by a row of another record, or for another reader",
    stopped_by="what is opened is what the row says, for whom it says",
    noticed_by="the log of reads",
)
def test_a_row_opens_no_other_record_and_for_no_other_reader(above: Above) -> None:
    """Nobody can name a record beside the row; who it is for is in the row."""
    annex = record_of(above, above.annexes[0].act_id).index
    plain = record_of(above, above.plain.act_id).index
    (place,) = noted(above, WrapsRow((plain,), BY))
    assert annex not in opened(above, place, BY)
    stranger = ReadBy(officer(STRANGER), builders.key(STRANGER).kid)
    for other in (stranger, replace(BY, kid=stranger.kid), None):
        (place,) = noted(above, WrapsRow((annex,), BY))
        with pytest.raises(KeeperRefused, match="another reader"):
            opened(above, place, other)
    (fold,) = noted(above, WrapsRow((annex,)))
    with pytest.raises(KeeperRefused, match="another reader"):
        opened(above, fold, BY)


@attack(
    "an API process that was taken over sends the same row again, at once or later",
    stopped_by="a row opens once",
    noticed_by="the keeper's log",
)
def test_a_row_opens_once(above: Above) -> None:
    """Eight at the same time: one of them."""
    annex = record_of(above, above.annexes[0].act_id).index
    (place,) = noted(above, WrapsRow((annex,), BY))
    told: list[object] = []

    def ask() -> None:
        try:
            told.append(opened(above, place, BY))
        except KeeperRefused as refused:
            told.append(str(refused))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, dict) for one in told) == 1, told
    with pytest.raises(KeeperRefused, match="was used"):
        opened(above, place, BY)


@attack(
    "an API process that was taken over asks by a row that it does not commit",
    stopped_by="the keeper reads by a connection of its own",
    noticed_by="-",
)
def test_a_row_that_is_not_committed_opens_nothing(
    above: Above, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked while the row stands in an open transaction; rolled back it was never there."""
    annex, held = record_of(above, above.annexes[0].act_id).index, []
    append = PostgresReads.append

    def keep(store: PostgresReads, group: RowGroup) -> object:
        held.append((store, group))
        with psycopg.connect(above.service.database.dsn("reader")) as own:
            own.execute("SELECT")  # a transaction is begun, and what is appended waits for its end

            class Pool:
                getconn = staticmethod(lambda: own)
                putconn = staticmethod(lambda _own: None)

            found = append(PostgresReads(cast("Any", Pool()), store._gate, store._held), group)
            place = RowPlace(group.stream_id, group.seq)
            with pytest.raises(KeeperRefused, match="no row"):
                opened(above, place, BY)
            own.rollback()
        return found

    monkeypatch.setattr(PostgresReads, "append", keep)
    enclave = above.service.enclave
    writer = enclave.access_log.writer()
    (place,) = writer.note_opens([WrapsRow((annex,), BY)])
    assert held
    with pytest.raises(KeeperRefused, match="no row"):
        opened(above, place, BY)


@attack(
    "an API process that was taken over has a case's wrap opened as something that needs no row",
    stopped_by="the keeper looks up what a wrap is of, and believes nobody",
    noticed_by="the keeper's log",
)
def test_a_wrap_of_a_case_is_opened_as_nothing_else(above: Above) -> None:
    """As a registry record, a row of reads, an event, a file; a file as a record."""
    origin = above.service.enclave.facts.origin
    row = record_of(above, above.annexes[0].act_id)
    assert row.wrap is not None
    with pytest.raises(KeeperRefused, match="against a row alone"):
        ask(above, op="registry", indices=[0, row.index], log=None)
    sent = {"op": "unwrap", "wrap": b64(row.wrap), "entry": b64(row.entry)}
    with pytest.raises(KeeperRefused, match="against a row alone"):
        ask(above, origin=origin, **sent)
    with pytest.raises(Unsealable):
        ask(above, origin=f"{origin}/access", **sent)
    (file,) = above.service.enclave.attachments._uploads(DIGEST, [officer("nst")])
    for seq in (0, -1, 99):
        with pytest.raises(Unsealable):
            ask(above, op="event", name=str(file.name), seq=seq)
    (place,) = noted(above, WrapsRow((row.index,), BY))
    by, entry = [BY.officer, BY.kid], b64(raw_digest(DIGEST))
    of_file = {"op": "file", "by": by, "name": str(file.name), "entry": entry}
    with pytest.raises(KeeperRefused, match="another file, or of none"):
        ask(above, place=[str(place.stream_id), place.seq], **of_file)
    (place,) = noted(above, WrapsRow((row.index,), BY, NOBODY))
    with pytest.raises(KeeperRefused, match="another file, or of none"):
        ask(above, place=[str(place.stream_id), place.seq], **of_file)
    (place,) = noted(above, WrapsRow((row.index,), BY, file.name))
    with pytest.raises(KeeperRefused, match="is of a file"):
        opened(above, place, BY)
    assert "key" in ask(above, place=[str(place.stream_id), place.seq], **of_file)


@attack(
    "an API process that was taken over has a key wrapped with the nonce of a wrap that stands",
    stopped_by="the keeper draws every nonce itself, or it would give away a key stream",
    noticed_by="-",
)
def test_nobody_chooses_a_nonce(above: Above) -> None:
    """The same key wrapped twice for one entry; whatever else is said is not heard."""
    origin = above.service.enclave.facts.origin
    sealed = seal(b"x", origin=origin, stream="case/x", seq=1, level="mat")
    sent = {"op": "wrap", "key": b64(sealed.dek), "entry": b64(bytes(32)), "origin": origin}
    wraps = {ask(above, **sent, nonce=b64(bytes(12)))["wrap"] for _ in range(4)}
    assert len(wraps) == 4
    with pytest.raises(KeeperRefused, match="another log"):
        ask(above, **sent | {"origin": "other.example/mat"})


@attack(
    "whoever has the API's files above ordinary opens records with them",
    stopped_by="the API there has no KEK",
    noticed_by="-",
)
def test_an_api_without_the_kek_serves(above: Above, tmp_path: Path) -> None:
    """Its folder of keys holds none; what it shows it was given for a row."""
    service, keys = above.service, tmp_path / "keys"
    shutil.copytree(service.settings.keys_dir, keys)
    (keys / "kek.socaikek").unlink()
    enclave = Enclave.open(replace(service.settings, keys_dir=keys), clock=service.clock)
    try:
        assert enclave._kek.every == ()
        row = record_of(above, above.annexes[0].act_id)
        assert SECRET in str(enclave.reader.open(row).act)
    finally:
        enclave.close()


def _at(moment: datetime) -> datetime:
    return moment


@attack(
    "an API process that was taken over keeps rows to use them later",
    stopped_by="a row opens for a minute, and never past the next reckoning",
    noticed_by="-",
)
def test_an_old_row_opens_nothing(above: Above) -> None:
    """By the keeper's clock, either way; a rehearsal's rows are dated by whoever sends."""
    row, enclave = record_of(above, above.annexes[0].act_id), above.service.enclave
    (place,) = noted(above, WrapsRow((row.index,), BY))
    _, kek, pool = open_keeper(above.service.settings)
    store = PostgresOpens(pool)
    noted_row = store.row(*place)
    assert noted_row is not None
    try:
        for apart in (MOST_AGE, -MOST_AGE):
            late = noted_row.recorded_at + apart * 1.01
            origin, level = enclave.facts.origin, enclave.facts.level
            keeper = WrapKeeper(store, kek, origin=origin, level=level, now=partial(_at, late))
            with pytest.raises(NotOpened, match="too old"):
                keeper.open([place], BY)
        timely = noted_row.recorded_at + MOST_AGE * 0.99
        keeper = WrapKeeper(store, kek, origin=origin, level=level, now=partial(_at, timely))
        assert keeper.open([place], BY).keys() == {row.index}
    finally:
        pool.close()


@attack(
    "an API process that was taken over notes and opens the log as fast as it can",
    stopped_by="the keeper's pace: so much for a reader in a minute, ten times as much for all",
    noticed_by="the keeper's log, the log of reads",
)
def test_nobody_opens_faster_than_the_keeper_s_pace(above: Above) -> None:
    """Too much is refused and spends no row; another reader, or the next minute, is answered."""
    annex, clock = record_of(above, above.annexes[0].act_id).index, StepClock(builders.T0)
    settings = replace(above.service.settings, keeper_opens=2)
    keeper, _, pool = open_keeper(settings, clock=clock)
    other = ReadBy(officer(STRANGER), builders.key(STRANGER).kid)
    two = WrapsRow((annex, annex + 1), BY)
    first, second = noted(above, two, two)
    (third,) = noted(above, WrapsRow((annex,), other))
    try:
        assert keeper.open([first], BY).keys() == {annex, annex + 1}
        with pytest.raises(NotOpened, match="too much"):
            keeper.open([second], BY)
        assert keeper.open([third], other).keys() == {annex}
        clock.step(minutes=1)
        assert keeper.open([second], BY).keys() == {annex, annex + 1}
    finally:
        pool.close()


def test_no_key_that_was_opened_for_a_fold_waits_for_another(above: Above) -> None:
    """What is opened ahead goes with the fold, also where whoever folds stops half-way."""
    service = above.service
    keks = service.enclave._kek
    assert isinstance(keks, KeptKeks)
    folded = FoldedRecords(service.enclave.connections.writing, keks)
    rows = folded.stream(record_of(above, above.plain.act_id).stream_id)
    next(rows)
    assert keks._ahead
    assert isinstance(rows, Generator)
    rows.close()
    assert not keks._ahead
    assert service.get(f"/v1/cases/{above.case}", by=WHOLE).status_code == 200
    above.service.say(
        an_act(
            "SecretLossReported", by="nst", also=[], level="mat",
            stream=f"case/{an_id('another case')}", when=service.step(minutes=1),
        ),
        "nst",
    )  # fmt: skip
    assert not keks._ahead


def test_a_case_file_is_opened_against_one_row(above: Above) -> None:
    """All of its records; what the answer looks at twice is opened once, and nobody folds anew."""
    service, path = above.service, f"/v1/cases/{above.case}"
    assert service.get(path, by=WHOLE).status_code == 200
    with psycopg.connect(service.database.admin) as admin:
        size = "SELECT size FROM access.log_head"
        taken = "SELECT count(*), sum(opened) FROM access.opens WHERE row >= %s"
        before = admin.execute(size).fetchone()
        admin.commit()
        assert service.get(path, by=WHOLE).status_code == 200
        after = admin.execute(size).fetchone()
        assert before is not None
        assert after == (before[0] + 2,)  # what was opened, and what was shown
        records = len(list(PostgresRecords(service.enclave.connections.writing).stream(
            record_of(above, above.plain.act_id).stream_id)))  # fmt: skip
        hidden = 4  # statements of the annexes
        assert admin.execute(taken, before).fetchone() == (1, records - hidden)


def test_opens_and_rows_are_reckoned_by_the_hour(above: Above) -> None:
    """U4: what was noted is opened or has lapsed; a row that was reckoned opens nothing."""
    annex = record_of(above, above.annexes[0].act_id).index
    clock = StepClock(builders.T0)
    keeper, _, pool = open_keeper(above.service.settings, clock=clock)
    try:
        assert keeper.reckon_if_due()
        used, unused = noted(above, WrapsRow((annex,), BY), WrapsRow((annex, annex + 1), BY))
        assert keeper.open([used], BY).keys() == {annex}
        clock.set(clock.now() + EVERY / 2)
        assert not keeper.reckon_if_due()
        clock.set(clock.now() + EVERY / 2)
        assert keeper.reckon_if_due()
        assert keeper.doubt is None
        with psycopg.connect(above.service.database.dsn("auditor")) as auditor:
            told = auditor.execute(
                "SELECT opened, lapsed, differed FROM access.reckonings ORDER BY upto DESC LIMIT 1"
            ).fetchone()
        assert told == (1, 2, False)
    finally:
        pool.close()
    for place in (used, unused):
        with pytest.raises(KeeperRefused, match="was used"):
            opened(above, place, BY)


def test_more_opened_than_noted_is_a_difference(above: Above) -> None:
    """U4: by number, as far as the database says."""
    annex = record_of(above, above.annexes[0].act_id).index
    (place,) = noted(above, WrapsRow((annex,), BY))
    keeper, _, pool = open_keeper(above.service.settings)
    row = PostgresOpens(pool).row(*place)
    assert row is not None
    with psycopg.connect(above.service.database.admin, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("INSERT INTO access.opens (row, opened) VALUES (%s, 5)", [row.index])
        try:
            keeper.reckon()
            assert "5 opened, 1 noted" in str(keeper.doubt)
        finally:
            admin.execute("DELETE FROM access.opens WHERE row = %s", [row.index])
            pool.close()


@attack(
    "a database administrator takes away the row by which something was opened",
    stopped_by="-",
    noticed_by="the keeper's reckoning: every open stops, and readiness says so (U4)",
)
def test_a_difference_stops_every_open(above: Above) -> None:
    """Last of the module: the row is gone for good. A keeper that is started anew finds it too."""
    service, annex = above.service, above.annexes[0]
    service.halt()  # a row that no checkpoint covers yet: else the log of reads is in doubt too
    service.start(checkpointing=False)
    row = record_of(above, annex.act_id)
    (place,) = noted(above, WrapsRow((row.index,), BY))
    assert opened(above, place, BY)
    assert service.get(f"/v1/acts/{annex.act_id}", by=HOLDER).status_code == 200
    with psycopg.connect(service.database.admin) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "DELETE FROM access.records WHERE stream_id = %s AND seq = %s",
            [place.stream_id, place.seq],
        )
    keeper = next(one._server.keeper for one in service._closing if isinstance(one, KeeperSocket))
    keeper.reckon()
    again, _, pool = open_keeper(service.settings)
    again.reckon()
    for one in (keeper, again):
        assert "1 opened, 0 noted" in str(one.doubt)
    told = service.get(f"/v1/acts/{annex.act_id}", by=HOLDER)
    assert (told.status_code, told.get_json()["code"]) == (503, "unavailable"), told.text
    assert SECRET not in told.text
    ready = service.readiness("keeper")
    assert ready.status_code == 503
    (line_of_it,) = [one for one in ready.get_json()["checks"] if one["name"] == "keeper"]
    assert not line_of_it["ok"]
    assert service.get(f"/v1/acts/{an_id('no act')}", by=WHOLE).status_code == 404
    assert not keeper.reckon_if_due()
    again.accept()  # as `socai log resume` does
    pool.close()
    assert keeper.reckon_if_due()
    assert keeper.doubt is None
    assert service.get(f"/v1/acts/{annex.act_id}", by=HOLDER).status_code == 200


@attack(
    "an API process that was taken over puts a copy of a case's entry and wrap where no row is"
    " asked for, or another: as a record of the registry or of another case, as an event of a file,"
    " as a file's key",
    stopped_by="the keeper knows the entries of cases, and opens a copy of one as nothing",
    noticed_by="the keeper's log, log audit",
)
def test_a_copy_of_a_record_of_a_case_is_opened_as_nothing(above: Above) -> None:
    """By the writer's login, past the door: a wrap opens for its entry, wherever they lie.

    Behind all others here: it leaves a record that no rule explains.
    """
    row = record_of(above, above.annexes[0].act_id)
    assert row.wrap is not None
    copy = SealedRecord(row.entry, row.state, row.wrap[1:17], row.wrap)
    smuggler = smuggler_into(above.service)

    def put(stream: str, unit: UUID, *, registry: bool) -> int:
        return smuggler.appender.append(
            Draft(
                stream_id=stream_id(smuggler.origin, stream), stream=stream, seq=1, unit=unit,
                act_id=UUID(an_id(f"copied to {stream}")), author=True, topic=TOPIC,
                registry=registry, registry_index=smuggler.records.head().registry_index,
                at=above.service.clock.now(), latest=None, tags=frozenset(), seal=lambda _: copy,
            )
        ).index  # fmt: skip

    other = an_id("a case of a copy")
    elsewhere = put(f"case/{other}", UUID(other), registry=False)
    (place,) = noted(above, WrapsRow((elsewhere,), BY))
    assert opened(above, place, BY) == {}
    everybodys = put(f"officer/{an_id('of nobody')}", NIL_UNIT, registry=True)
    found = dict(ask(above, op="registry", indices=[0, everybodys], log=None)["keys"])
    assert found[0] is not None  # whoever follows the registry goes on
    assert found[everybodys] is None
    assert above.service.get(f"/v1/acts/{above.annexes[0].act_id}", by=HOLDER).status_code == 200
    name = UUID(an_id("a file of a copy"))
    with psycopg.connect(above.service.database.dsn("writer"), autocommit=True) as writer:
        keep = "SELECT log.keep_file(%s, %s, %s, %s, %s, %s)"
        event = b"\x02" + bytes(28 + 1024)
        writer.execute(keep, [name, bytes(32), row.wrap, row.entry, event, row.wrap])
    with pytest.raises(KeeperRefused, match="a copy of a record"):
        ask(above, op="event", name=str(name), seq=1)
    plain = record_of(above, above.plain.act_id).index
    (place,) = noted(above, WrapsRow((plain,), BY, name))
    said = {"op": "file", "by": [BY.officer, BY.kid], "name": str(name), "entry": b64(row.entry)}
    with pytest.raises(KeeperRefused, match="a copy of a record"):
        ask(above, place=[str(place.stream_id), place.seq], **said)


def test_the_entries_of_cases_are_read_in_spans(
    above: Above, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keeper that begins beside a long log has no time for all of it in one answer."""
    row = record_of(above, above.annexes[0].act_id)
    facts = above.service.enclave.facts
    monkeypatch.setattr(opens, "_OF_CASES", opens._OF_CASES.replace("20000", "2"))
    _, kek, pool = open_keeper(above.service.settings)
    keeper = WrapKeeper(
        PostgresOpens(pool), kek, origin=facts.origin, level=facts.level,
        now=above.service.clock.now,
    )  # fmt: skip
    try:
        assert row.index > 2
        with pytest.raises(NotOpened, match="a copy of a record"):
            keeper._require_of_no_case(row.entry)
        keeper._require_of_no_case(bytes(32))
        assert keeper._followed == above.service.size()
    finally:
        pool.close()
