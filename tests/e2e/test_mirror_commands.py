"""Segments from an enclave to one above it, by `socai mirror`, on two databases (access.md F8)."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from errno import ENOSPC, EPERM
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.home import EnclaveFacts, Home, write_private
from api.ops.embedded_postgres import Embedded
from api.ops.machine import RealClock
from api.ops.mirror import inbox, slots
from api.ops.mirror.inbox import KEY, open_inbox, read_segment
from api.ops.mirror.outbox import ENDING, Outbox, into_folder
from api.settings import Settings, SettingsError
from keys import canonical, sealed_file
from keys.custody.file import read_opening_key, write_kek, write_opening_key
from keys.envelope_encryption import Kek, unwrap
from keys.hpke import OpeningKey
from ledger.errors import Unavailable
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.taking_in import TakenIn
from ledger.postgres.mirror.mirrored import PostgresMirror
from ledger.regulation.acts.act import parse_act
from ledger.streams.record_reader import Reader
from tests.a_ledger import a_report
from tests.attacks import attack
from tests.fixtures.app import PASSPHRASE, Service, found, open_service
from tests.fixtures.clock import StepClock
from tests.fixtures.postgres import Database, make_database

pytestmark = pytest.mark.postgres
CHEAP: dict[str, int] = {"t": 1, "p": 1, "m_kib": 64}
ABOVE = "rehearsal.bacninh.example/mat"


@dataclass
class Two:
    """An enclave that publishes, and the home of one above it.

    Attributes:
        below: The service below.
        above: Settings of the home above.
        database: That of the one above.
        kek: What is sealed under there.
        folder: Where the carrier has laid the segments down.
        clock: Whoever publishes by it.
    """

    below: Service
    above: Settings
    database: Database
    kek: Kek
    folder: Path
    clock: StepClock

    def publish(self) -> Path:
        """The next segment, a minute later; its file."""
        self.clock.step(minutes=1)
        sent = Outbox(self.below.settings, into_folder(self.folder), self.clock).once()
        return self.folder / f"{sent.at:012d}{ENDING}"

    def reports(self, number: int) -> int:
        """A report below, covered by a checkpoint; its index."""
        act = a_report(number, self.below.step(minutes=1))
        return int(self.below.say(act, "hotline")["index"])

    def mirrored(self) -> Reader:
        """Opens what is above."""
        origin = self.below.enclave.facts.origin
        store = PostgresMirror(self.database.pool("importer"), origin)
        return Reader(store, self.kek, origin)


def socai(settings: Settings, *words: str, data: bytes | None = None) -> Result:
    """One call of the command for a home, in this process."""
    env = {"SOCAI_HOME": str(settings.home), "SOCAI_MIN_FREE_MIB": "0"}
    return CliRunner().invoke(main, ["--lang", "en", *words], env=env, input=data)


def told(result: Result) -> Any:  # noqa: ANN401 - JSON
    """What a command says with --json."""
    return orjson.loads(result.stdout)


@pytest.fixture(scope="module")
def pair(postgres_server: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Both, the upper one trusting the lower, its key in a slot."""
    folder = tmp_path_factory.mktemp("mirror")
    with (
        closing(make_database(postgres_server)) as lower,
        closing(make_database(postgres_server)) as upper,
    ):
        below = open_service(found(lower, folder / "below"), lower)
        below.start()
        below.hire("hotline", "cv")
        kek = Kek.generate()
        above = _home(upper, folder / "above", kek)
        clock = StepClock(datetime.now(UTC))  # noqa: TID251 - the importer asks the machine's
        two = Two(below, above, upper, kek, folder / "carried", clock)
        _acquainted(two)
        yield two
        below.stop()


def _home(database: Database, home: Path, kek: Kek) -> Settings:
    """The files of an enclave above, as far as its importer needs them."""
    settings = Settings.at(home, min_free_mib=0)
    write_private(settings.secrets_dir / "passphrase", PASSPHRASE)
    for role, password in database.passwords.items():
        write_private(settings.secrets_dir / f"{role}.password", password.encode())
    settings.keys_dir.mkdir(parents=True)
    write_kek(Home(settings).key_path("kek"), kek, PASSPHRASE, **CHEAP)
    host, port = database.server.host, database.server.port
    place = {"host": str(host), "port": int(port), "dbname": database.name}
    facts = EnclaveFacts(
        ABOVE, "mat", rehearsal=True, genesis="", slug=database.slug, database=place
    )
    Home(settings).write_facts(facts)
    return settings


def _acquainted(two: Two) -> None:
    """Key above, carried down by hand; slots below; the first record told above."""
    made = socai(two.above, "mirror", "key", "--json")
    assert made.exit_code == 0, made.output
    public = two.above.home / "mirror" / "mirror.pub"
    again = socai(two.below.settings, "mirror", "slots", str(public), "--json")
    assert (again.exit_code, told(again)["slots"]) == (0, 3), again.output
    facts = two.below.enclave.facts
    trusted = socai(two.above, "mirror", "trust", facts.origin, facts.genesis, "--json")
    assert (trusted.exit_code, told(trusted)["level"]) == (0, "ordinary"), trusted.output
    # what opens it costs three seconds each time; a test pays once
    key = read_opening_key(Home(two.above).key_path(KEY), PASSPHRASE)
    Home(two.above).key_path(KEY).unlink()
    write_opening_key(Home(two.above).key_path(KEY), key, PASSPHRASE, **CHEAP)


def test_slots_are_given_to_somebody_or_by_a_word_to_nobody(pair: Two) -> None:
    """Without either it would look like a list, and from then on nobody above could open."""
    settings, public = pair.below.settings, str(pair.above.home / "mirror" / "mirror.pub")
    (kept,) = settings.home.rglob("slots.json")
    before = kept.read_bytes()
    for words in ((), (public, "--nobody")):
        refused = socai(settings, "mirror", "slots", *words)
        assert refused.exit_code == 2
        assert "--nobody" in refused.stderr
    assert kept.read_bytes() == before


def test_what_is_sealed_to_others_says_so_and_is_published_again(pair: Two) -> None:
    """mirror.md: slots that were given to nobody; given back, the same records come after all."""
    settings, public = pair.below.settings, str(pair.above.home / "mirror" / "mirror.pub")
    start = pair.mirrored()._store.head().size
    assert socai(settings, "mirror", "slots", "--nobody").exit_code == 0
    pair.reports(90)
    path = pair.publish()
    refused = socai(pair.above, "mirror", "import", str(path))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "sealed to no key of this enclave" in refused.stderr
    assert "Carry the receiving key down again: socai mirror slots" in refused.stderr
    noted = told(socai(pair.above, "mirror", "status", "--json"))["refused"][-1]
    assert (noted["name"], noted["kind"]) == (path.name, "recipient")
    assert pair.mirrored()._store.head().size == start
    path.unlink()
    assert socai(settings, "mirror", "slots", public).exit_code == 0
    pair.clock.step(minutes=1)
    sent = Outbox(settings, into_folder(pair.folder), pair.clock).once(again_from=start)
    found = pair.folder / f"{sent.at:012d}{ENDING}"
    taken = socai(pair.above, "mirror", "import", str(found))
    assert taken.exit_code == 0, taken.output
    assert pair.mirrored()._store.head().size > start
    found.unlink()


def test_a_log_goes_up_by_folder_and_by_pipe(
    pair: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every record, byte for byte, sealed under the own KEK; what was taken in is counted."""
    index = pair.reports(1)
    path = pair.publish()
    taken = socai(pair.above, "mirror", "import", str(path), "--json")
    assert taken.exit_code == 0, taken.output
    assert told(taken)["taken"][0]["size"] == index + 1
    mine, theirs = pair.mirrored().read(0, 99), pair.below.reader.read(0, 99)
    assert [one.envelope for one in mine] == [one.envelope for one in theirs]
    index = pair.reports(2)
    piped = socai(pair.above, "mirror", "import", "-", "--json", data=pair.publish().read_bytes())
    assert (piped.exit_code, told(piped)["taken"][0]["records"]) == (0, 1), piped.output
    said = told(socai(pair.above, "mirror", "status", "--json"))
    (log,) = said["logs"]
    assert (log["log"], log["records"]) == (pair.below.enclave.facts.origin, index + 1)
    assert log["published_at"] == pair.clock.now().isoformat(timespec="seconds")
    monkeypatch.setenv("SOCAI_METRICS_FILE", str(file := tmp_path / "mirror.prom"))
    plain = socai(pair.above, "mirror", "status")
    assert log["log"] in plain.stdout
    at = datetime.fromisoformat(log["published_at"]).timestamp()
    newest = f'socai_mirror_published_timestamp_seconds{{log="{log["log"]}"}} '
    assert [float(line.removeprefix(newest)) for line in file.read_text().splitlines()
            if line.startswith(newest)] == [at]  # fmt: skip
    sound = socai(pair.above, "mirror", "audit", "--json")
    assert (sound.exit_code, told(sound)["logs"][0]["findings"]) == (0, []), sound.output


def _uploaded(below: Service, data: bytes) -> dict[str, Any]:
    """A file that the hotline uploads there, as an act lists it."""
    headers = {**below.headers("hotline"), "Content-Type": "application/pdf"}
    kept = below.client.post("/v1/attachments", data=data, headers=headers)
    assert kept.status_code == 201, kept.text
    body = kept.get_json()
    return {n: body[n] for n in ("digest", "size", "media_type")} | {"name": "bien-ban.pdf"}


def _stored(below: Service) -> set[Path]:
    return {one for one in Path(below.settings.blobs).rglob("*") if one.is_file()}


def test_files_of_acts_go_up_and_one_that_is_lost_is_counted(pair: Two) -> None:
    """By the publisher's login and the files of the enclave below; sealed anew above (§11)."""
    below = pair.below
    kept = _uploaded(below, b"%PDF of a report")
    before = _stored(below)
    lost = _uploaded(below, b"%PDF that is lost")
    act = a_report(77, below.step(minutes=1))
    listed = parse_act({**act.signed, "attachments": [kept, lost]}, level="ordinary")
    index = int(below.say(listed, "hotline")["index"])
    (gone,) = _stored(below) - before
    gone.unlink()
    taken = socai(pair.above, "mirror", "import", str(pair.publish()), "--json")
    assert taken.exit_code == 0, taken.output
    told_ = told(taken)["taken"][0]
    assert (told_["files"], told_["left_out"]) == (1, 1), told_
    store = PostgresMirror(pair.database.pool("importer"), below.enclave.facts.origin)
    (row,) = store.read(index, 1)
    sealed = store.file(index, 0)
    assert sealed is not None
    assert store.file(index, 1) is None
    dek = unwrap(pair.kek, row.wrap or b"", origin=below.enclave.facts.origin, entry=row.entry)
    opened = sealed_file.open_sealed(
        [sealed], sealed_file.key_beside(dek, 0), digest=kept["digest"]
    )
    assert b"".join(opened) == b"%PDF of a report"
    (log,) = told(socai(pair.above, "mirror", "status", "--json"))["logs"]
    assert (log["files"], log["left_out"]) == (1, 1)
    sound = socai(pair.above, "mirror", "audit", "--json")
    assert (sound.exit_code, told(sound)["logs"][0]["findings"]) == (0, []), sound.output


@attack(
    "a damaged, an endless and a made-up file are handed to the command",
    stopped_by="refused before a key, or by the seal",
    noticed_by="status, log",
)
def test_a_damaged_segment_is_refused_in_a_sentence_and_noted(pair: Two) -> None:
    """Nothing is stored; the next honest one is taken; who comes later reads what was refused."""
    pair.reports(3)
    path = pair.publish()
    before = pair.mirrored()._store.head().size
    data = bytearray(path.read_bytes())
    data[-40_000] ^= 1
    bad = path.with_name("bad.socaisegment")
    bad.write_bytes(bytes(data))
    refused = socai(pair.above, "mirror", "import", str(bad))
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith("Nothing of bad.socaisegment was taken in: it was changed")
    assert refused.stderr.count("\n") == 1
    assert "Traceback" not in refused.output
    assert pair.mirrored()._store.head().size == before
    noted = told(socai(pair.above, "mirror", "status", "--json"))["refused"][-1]
    assert (noted["name"], noted["kind"]) == ("bad.socaisegment", "damaged")
    long = path.with_name("long.socaisegment")
    with long.open("wb") as file:
        file.truncate(40 << 20)
    kinds = [
        told(socai(pair.above, "mirror", "import", str(one), "--json"))["error"]["code"]
        for one in (long, _text(path.with_name("text.socaisegment")))
    ]
    assert kinds == ["oversize", "malformed"]
    assert socai(pair.above, "mirror", "import", str(path)).exit_code == 0
    replay = socai(pair.above, "mirror", "import", str(path), "--json")
    assert told(replay)["error"]["code"] == "replay"
    for one in (bad, long, path.with_name("text.socaisegment"), path):
        one.unlink()


def test_what_is_refused_for_ever_fills_no_disk(pair: Two) -> None:
    """The newest two hundred are kept, whoever brings how many; status tells them, oldest first."""
    noted = pair.above.home / "mirror" / "refused.jsonl"
    before = noted.read_bytes() if noted.exists() else b""
    line = {"at": "", "sha256": "", "kind": "damaged", "why": ""}
    names = [f"{number}.socaisegment" for number in range(300)]
    noted.write_bytes(b"".join(orjson.dumps(line | {"name": name}) + b"\n" for name in names))
    path = _text(pair.above.home / "last.socaisegment")
    assert socai(pair.above, "mirror", "import", str(path)).exit_code == 1
    path.unlink()
    refused = told(socai(pair.above, "mirror", "status", "--json"))["refused"]
    assert [one["name"] for one in refused] == [*names[-199:], path.name]
    noted.write_bytes(before)


def _text(path: Path) -> Path:
    path.write_bytes(b"{}" * 100)
    return path


def test_a_folder_is_watched_and_a_gap_waits_for_what_is_missing(pair: Two) -> None:
    """The later segment stays and is named; with the earlier one there both are taken in and go."""
    for path in pair.folder.glob("*"):
        path.unlink()
    pair.reports(4)
    first = pair.publish()
    index = pair.reports(5)
    pair.publish()
    held = first.rename(first.with_suffix(".held"))
    stop, heard = threading.Event(), list[tuple[str, object]]()

    def hear(name: str, found: TakenIn | SegmentRefused) -> None:
        heard.append((name, found))
        if isinstance(found, SegmentRefused):
            assert found.kind == "gap"
            held.rename(first)
        elif found.size == index + 1:
            stop.set()

    with open_inbox(pair.above) as box:
        box.watch(pair.folder, stop, hear, 0.01)
    assert [type(found) for _, found in heard] == [SegmentRefused, TakenIn, TakenIn]
    assert list(pair.folder.iterdir()) == []


Hear = Callable[[str, TakenIn | SegmentRefused, threading.Event], None]


def _watching(pair: Two, hear: Hear) -> None:
    """Watches the folder until whoever hears says stop."""
    stop = threading.Event()
    with open_inbox(pair.above) as box:
        box.watch(pair.folder, stop, lambda name, found: hear(name, found, stop), 0.01)


def _first_heard(pair: Two) -> list[object]:
    """What is heard until something is."""
    heard: list[object] = []

    def hear(_: str, found: TakenIn | SegmentRefused, stop: threading.Event) -> None:
        heard.append(found)
        stop.set()

    _watching(pair, hear)
    return heard


def test_what_is_still_written_waits_until_it_is_whole(pair: Two) -> None:
    """A copy that stalls half-way is named, stays where it is, and is taken in once it is there."""
    pair.reports(6)
    path = pair.publish()
    data = path.read_bytes()
    for part in (0, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:part])
        assert [type(one) for one in _first_heard(pair)] == [SegmentRefused]
        assert path.read_bytes() == data[:part]
    path.write_bytes(data[:-9])

    def finish(_: str, found: TakenIn | SegmentRefused, stop: threading.Event) -> None:
        if isinstance(found, TakenIn):
            stop.set()
            return
        with path.open("ab") as file:
            file.write(data[-9:])

    _watching(pair, finish)
    assert list(pair.folder.iterdir()) == []


class _StillWriting(threading.Event):
    """Goes on with a file at each look, while there is more of it."""

    def __init__(self, path: Path, parts: list[bytes]) -> None:
        super().__init__()
        self._path, self.parts = path, parts

    def wait(self, timeout: float | None = None) -> bool:
        """Instead of waiting."""
        if self.parts:
            with self._path.open("ab") as file:
                file.write(self.parts.pop(0))
        return super().wait(timeout)


def test_what_is_not_as_it_was_at_the_look_before_is_not_looked_at(pair: Two) -> None:
    """A segment may be written there in place: it is no refusal, and nothing is said of it."""
    pair.reports(7)
    path = pair.publish()
    data = path.read_bytes()
    path.write_bytes(data[:9])
    stop = _StillWriting(path, [data[9:99], data[99:-9], data[-9:]])
    heard: list[object] = []

    def hear(_: str, found: TakenIn | SegmentRefused) -> None:
        heard.append((type(found), len(stop.parts)))
        stop.set()

    with open_inbox(pair.above) as box:
        box.watch(pair.folder, stop, hear, 0.01)
    assert heard == [(TakenIn, 0)]


def _cheaply(path: Path, key: OpeningKey, passphrase: bytes) -> None:
    """A receiving key whose passphrase costs a test nothing."""
    write_opening_key(path, key, passphrase, **CHEAP)


def test_what_is_on_its_way_while_the_receiving_key_turns_is_taken_in(
    pair: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mirror.md: the key before opens until the next one is made."""
    monkeypatch.setattr(inbox, "write_opening_key", _cheaply)
    public = pair.above.home / "mirror" / "mirror.pub"
    for number, turns, status in ((8, 1, 0), (9, 2, 1)):
        pair.reports(number)
        path = pair.publish()
        for _ in range(turns):
            inbox.make_key(pair.above)
        taken = socai(pair.above, "mirror", "import", str(path))
        assert taken.exit_code == status, taken.output
        path.unlink()
        assert socai(pair.below.settings, "mirror", "slots", str(public)).exit_code == 0
    assert "sealed to no key of this enclave" in taken.stderr
    start = pair.mirrored()._store.head().size
    pair.clock.step(minutes=1)
    sent = Outbox(pair.below.settings, into_folder(pair.folder), pair.clock).once(again_from=start)
    found = pair.folder / f"{sent.at:012d}{ENDING}"
    assert socai(pair.above, "mirror", "import", str(found)).exit_code == 0
    found.unlink()


def test_an_import_that_runs_takes_up_the_receiving_key_as_it_turns(
    pair: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knew the key of its start alone, and put all that was sealed to the next into refused/."""
    monkeypatch.setattr(inbox, "write_opening_key", _cheaply)
    public = pair.above.home / "mirror" / "mirror.pub"
    pair.reports(20)
    pair.publish()
    heard: list[type] = []

    def turned(_: str, found: TakenIn | SegmentRefused, stop: threading.Event) -> None:
        heard.append(type(found))
        if len(heard) == 3:
            stop.set()
            return
        inbox.make_key(pair.above)
        assert socai(pair.below.settings, "mirror", "slots", str(public)).exit_code == 0
        pair.reports(20 + len(heard))
        pair.publish()

    _watching(pair, turned)
    assert heard == [TakenIn] * 3


def test_a_receiving_key_that_could_not_be_made_costs_nothing_that_is_on_its_way(
    pair: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full behind the key's file: run again, it made one key too many.

    Nor where the file system has no links, by which the key in force becomes the one before.
    """

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC), "mirror.pub")

    def unlinked(_path: Path, _to: Path) -> None:
        raise PermissionError(EPERM, os.strerror(EPERM))

    pair.reports(24)
    path = pair.publish()
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "write_opening_key", _cheaply)
        patched.setattr(inbox, "written", full)
        assert socai(pair.above, "mirror", "key").exit_code == 1
        patched.setattr(inbox, "written", slots.written)
        patched.setattr(os, "link", unlinked)
        assert socai(pair.above, "mirror", "key").exit_code == 0
    taken = socai(pair.above, "mirror", "import", str(path))
    assert taken.exit_code == 0, taken.output
    path.unlink()
    public = pair.above.home / "mirror" / "mirror.pub"
    assert socai(pair.below.settings, "mirror", "slots", str(public)).exit_code == 0


class _Turns(threading.Event):
    """Steps a clock instead of waiting, and says stop after so many waits."""

    def __init__(self, clock: StepClock, waits: int) -> None:
        super().__init__()
        self._clock, self._waits = clock, waits

    def wait(self, timeout: float | None = None) -> bool:
        """A turn later at most."""
        self._clock.step(seconds=1 + int(timeout or 0))
        self._waits -= 1
        if not self._waits:
            self.set()
        return self.is_set()


def test_a_publisher_goes_on_behind_a_full_disk_and_publishes_no_moment_twice(pair: Two) -> None:
    """Its end was the end of the mirror; and of a moment that went up twice the second is refused.

    The disk fills behind the segment: whoever carries has it, and below nobody knows that.
    """
    put, came = into_folder(pair.folder), list[int]()

    def filling(segment: bytes, at: int) -> None:
        came.append(at)
        put(segment, at)
        pair.reports(29 + len(came))
        if len(came) == 1:
            raise OSError(ENOSPC, os.strerror(ENOSPC))

    index = pair.reports(28)
    outbox = Outbox(pair.below.settings, filling, pair.clock)
    outbox.keep_on(60, _Turns(pair.clock, 4), lambda _: None)
    pair.clock.step(minutes=1)
    assert came == sorted(set(came)), "two segments of one moment"
    assert len(came) >= 3
    for path in sorted(pair.folder.glob(f"*{ENDING}")):
        taken = socai(pair.above, "mirror", "import", str(path))
        assert taken.exit_code == 0, taken.output
        path.unlink()
    assert pair.mirrored()._store.head().size > index + 1
    pair.publish()
    assert [type(one) for one in _first_heard(pair)] == [TakenIn]


def test_a_pipe_in_the_folder_of_the_carrier_stops_no_import(pair: Two) -> None:
    """Whoever fills it lays down what nobody can read to its end; what comes behind is taken in."""
    pair.reports(8)
    pair.publish()
    pipe = pair.folder / f"{0:012d}{ENDING}"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    end = threading.Timer(30, os.close, [held])  # or this test would wait for ever without it
    end.start()
    try:
        assert [type(one) for one in _first_heard(pair)] == [TakenIn]
        with pytest.raises(OSError, match="no file"):  # laid down between the look and the reading
            read_segment(pipe)
        assert list(pair.folder.iterdir()) == [pipe]
    finally:
        end.cancel()
        with suppress(OSError):
            os.close(held)
        pipe.unlink()


def test_what_cannot_be_put_away_stops_no_import(
    pair: Two, caplog: pytest.LogCaptureFixture
) -> None:
    """A file lies where the folder of what is refused would be; the next one is taken in."""
    pair.reports(9)
    path = pair.publish()
    broken, shut = path.with_name(f"{0:012d}{ENDING}"), pair.folder / "refused"
    data = path.read_bytes()
    broken.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    shut.write_bytes(b"")
    heard: list[type] = []

    def hear(_: str, found: TakenIn | SegmentRefused, stop: threading.Event) -> None:
        heard.append(type(found))
        if isinstance(found, TakenIn):
            stop.set()

    try:
        _watching(pair, hear)
        assert heard == [SegmentRefused, TakenIn]
        assert sorted(pair.folder.iterdir()) == [broken, shut]
        assert f"File exists: {shut}" in caplog.text
    finally:
        broken.unlink()
        shut.unlink()


def test_a_kill_before_the_file_was_put_away_is_no_refusal(pair: Two) -> None:
    """It was stored: the file goes and nothing is noted; what is refused twice is kept twice."""
    pair.reports(7)
    path = pair.publish()
    data = path.read_bytes()
    assert socai(pair.above, "mirror", "import", str(path)).exit_code == 0
    noted = told(socai(pair.above, "mirror", "status", "--json"))["refused"]
    _watching(pair, lambda _name, _found, stop: stop.set())
    assert list(pair.folder.iterdir()) == []
    assert told(socai(pair.above, "mirror", "status", "--json"))["refused"] == noted
    for _ in range(2):
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        _watching(pair, lambda _name, _found, stop: stop.set())
    kept = sorted((pair.folder / "refused").iterdir())
    assert [one.name for one in kept] == [path.name, f"{path.name}.2"]
    for one in kept:
        one.unlink()
    (pair.folder / "refused").rmdir()


class _Released(logging.Handler):
    """Lets another import end, once it is said that it is waited for."""

    def __init__(self, other: psycopg.Connection[tuple[object, ...]]) -> None:
        super().__init__()
        self._other = other

    def emit(self, record: logging.LogRecord) -> None:
        assert "is not taken in yet" in record.getMessage()
        self._other.rollback()


def test_a_database_that_does_not_answer_is_waited_for(
    pair: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another import that hangs: the file stays, it is said why, and it is taken in afterwards."""
    monkeypatch.setattr(inbox, "_PATIENCE_S", 1)
    index = pair.reports(8)
    pair.publish()
    with psycopg.connect(pair.database.admin) as other:
        other.execute("SELECT FROM mirror.logs FOR UPDATE")
        log, handler = logging.getLogger("socai.mirror"), _Released(other)
        log.addHandler(handler)
        try:
            (found,) = _first_heard(pair)
        finally:
            log.removeHandler(handler)
    assert isinstance(found, TakenIn)
    assert found.size == index + 1


def test_wrong_words_end_in_a_sentence(pair: Two) -> None:
    """Status 2, and what was not done."""
    below, above = pair.below.settings, pair.above
    origin, mine = pair.below.enclave.facts.origin, str(above.home / "enclave.json")
    public = str(above.home / "mirror" / "mirror.pub")
    wrong: list[tuple[Settings, tuple[str, ...]]] = [
        (above, ("trust", origin, "abc")),
        (above, ("trust", "rehearsal.x.example/toi-mat", "0" * 64)),
        (above, ("trust", "somewhere", "0" * 64)),
        (above, ("import", "/nowhere/x.socaisegment")),
        (below, ("export", "-", "--every", "60")),
        (below, ("export", str(pair.folder), "--every", "60", "--from", "1")),
        (below, ("import", mine)),
        (below, ("slots", mine)),
        (below, ("slots", public, public)),
    ]
    for home, words in wrong:
        done = socai(home, "mirror", *words)
        assert (done.exit_code, done.stdout) == (2, ""), (words, done.output)
        assert "Traceback" not in done.output
        assert done.stderr.count("\n") == 1
    other = socai(above, "mirror", "trust", origin, "0" * 64)
    assert other.exit_code == 1


@attack(
    "a moment published twice, or by two at once",
    stopped_by="one publisher holds the folder, and a moment has one file (A25, F9)",
    noticed_by="-",
)
def test_one_moment_has_one_segment_and_one_publisher(pair: Two) -> None:
    """A second one of the same second waits; two publishers would take each other's turn."""
    path = pair.publish()
    outbox = Outbox(pair.below.settings, into_folder(pair.folder), pair.clock)
    with pytest.raises(Unavailable):
        outbox.once()
    again = Outbox(pair.below.settings, into_folder(pair.folder), pair.clock)
    pair.clock.step(minutes=1)
    assert again.once(again_from=0).start == 0
    pair.clock.step(minutes=1)
    assert again.once().start > 0
    for one in pair.folder.glob("*"):
        one.unlink()
    assert not path.exists()


def test_slots_are_as_many_as_the_level_has_whoever_uses_them(tmp_path: Path) -> None:
    """Made once and kept; put anew for all at once; nothing tells a used one from the others."""
    settings = Settings.at(tmp_path)
    for level, count in slots.SLOTS.items():
        home = replace(settings, home=tmp_path / level)
        assert slots.made(home, level) is bool(count)
        assert not slots.made(home, level)
        if not count:
            continue
        unused = slots.read(home, level)
        assert len(unused) == count
        used = [OpeningKey.generate().public for _ in range(count - 1)]
        slots.put(home, level, used)
        now = slots.read(home, level)
        assert {one.kid for one in used} <= {one.kid for one in now}
        assert not {one.kid for one in unused} & {one.kid for one in now}
        assert [one.kid for one in now] == sorted(one.kid for one in now)
        with pytest.raises(SettingsError):
            slots.put(home, level, [OpeningKey.generate().public for _ in range(count + 1)])
        assert [one.raw for one in slots.read(home, level)] == [one.raw for one in now]
    path = tmp_path / "ordinary" / "mirror" / "slots.json"
    path.write_bytes(canonical.encode({"v": 1, "slots": []}))
    with pytest.raises(SettingsError):
        slots.read(replace(settings, home=tmp_path / "ordinary"), "ordinary")


def test_a_clock_publishes_at_each_turn_also_where_nothing_happened(pair: Two) -> None:
    """Whole multiples of the interval; the file's name and length tell the turn and no more."""
    sent: list[object] = []

    class Turning(StepClock):
        """Goes on by a minute whenever it is asked."""

        def now(self) -> datetime:
            """A minute later."""
            self.step(seconds=60)
            return super().now()

    class Waiting(threading.Event):
        """Waits for nothing, and ends after three turns."""

        def wait(self, timeout: float | None = None) -> bool:
            """At once."""
            assert timeout is not None
            return self.is_set()

    stop = Waiting()

    def hear(one: object) -> None:
        sent.append(one)
        if len(sent) == 3:
            stop.set()

    clock = Turning(RealClock().now())
    Outbox(pair.below.settings, into_folder(pair.folder), clock).keep_on(60, stop, hear)
    files = sorted(pair.folder.glob(f"*{ENDING}"))
    turns = [int(path.name.removesuffix(ENDING)) for path in files]
    assert len(turns) == 3
    assert all(turn % 60 == 0 for turn in turns)
    assert turns == [turns[0] + 60 * n for n in range(3)]
    assert len({path.stat().st_size for path in files}) == 1
    for path in files:
        path.unlink()


def test_a_clock_that_was_ahead_stops_no_log_for_as_long(
    pair: Two, caplog: pytest.LogCaptureFixture
) -> None:
    """What was of two hours later is refused above; below the way on is said, and leads on."""
    start = pair.mirrored()._store.head().size
    right = pair.clock.now()
    pair.reports(6)
    pair.clock.step(hours=2)
    ahead = pair.publish()
    refused = socai(pair.above, "mirror", "import", str(ahead), "--json")
    assert told(refused)["error"]["code"] == "clock"
    pair.clock.step(seconds=(right - pair.clock.now()).total_seconds() + 1)

    class Waiting(threading.Event):
        """Waits for nothing, and ends with the first turn."""

        def wait(self, timeout: float | None = None) -> bool:
            """At once."""
            del timeout
            self.set()
            return True

    outbox = Outbox(pair.below.settings, into_folder(pair.folder), pair.clock)
    outbox.keep_on(60, Waiting(), lambda sent: pytest.fail(f"published: {sent}"))
    assert "which is yet to come" in caplog.text
    with pytest.raises(Unavailable, match=r"yet to come.*--from INDEX"):
        outbox.once()
    ahead.unlink()
    again = outbox.once(again_from=start)
    path = pair.folder / f"{again.at:012d}{ENDING}"
    taken = socai(pair.above, "mirror", "import", str(path))
    assert taken.exit_code == 0, taken.output
    path.unlink()
    pair.publish().unlink()  # and the next turns as ever


@attack(
    "whoever owns the database above changes a row of the mirror",
    stopped_by="-",
    noticed_by="socai mirror audit: kind and index, exit 1",
)
def test_a_changed_row_of_the_mirror_is_named_by_a_command(pair: Two) -> None:
    """In a sentence, and as JSON; put back, it is sound."""
    one = "UPDATE mirror.records SET author = NOT author WHERE index = 1"
    with psycopg.connect(pair.database.admin, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(one)
        found = socai(pair.above, "mirror", "audit")
        assert (found.exit_code, found.stdout) == (1, "")
        assert "columns at record 1" in found.stderr
        connection.execute(one)
    assert socai(pair.above, "mirror", "audit").exit_code == 0
