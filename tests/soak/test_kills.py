"""kill -9 of anything at any time: no acknowledged act is lost (architecture.md §7)."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import orjson
import pytest
from click.testing import CliRunner

from api.cli.main import main
from api.client.client import Client, verify
from api.rehearsal.enclaves import opening
from api.rehearsal.player import Outcome
from api.rehearsal.scenario import Play, read_files, shipped
from keys import canonical
from keys.note import VKey
from ledger.streams.record_reader import Opened
from tests.drill_table import Say
from tests.soak.book import Book
from tests.soak.enclave import ServedEnclave
from tests.soak.killer import Killer, Kills
from tests.soak.officers import Asker, Reporter, a_player, hire_the_hotline

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("kills")]
SEED = 90
Found = TypeVar("Found")


@pytest.mark.drill
def test_one_kill_of_each_kind_loses_no_acknowledged_act(tmp_path: Path, say: Say) -> None:
    """The short one: every process is killed once while SC1 is played and reports come in."""
    run(tmp_path, say, ["SC1"], kills=Kills(7, SEED, (0.1, 1.0)), reporters=2)


@pytest.mark.drill
def test_two_hundred_kills_in_five_minutes(tmp_path: Path, say: Say) -> None:
    """One every second and a half, of everything: nothing is lost, and how long nobody answered."""
    seed = secrets.randbelow(1 << 31)
    say(f"kills: seed {seed}")
    run(tmp_path, say, ["SC1"], kills=Kills(200, seed, (0.1, 2.1)), reporters=3)


@pytest.mark.soak
def test_kills_at_random_lose_no_acknowledged_act(tmp_path: Path, say: Say) -> None:
    """Seventy kills in an order of chance, while five scenarios are played and reports come in."""
    seed = secrets.randbelow(1 << 31)
    say(f"kills: seed {seed}")
    run(tmp_path, say, ["SC2", "SC8", "SC4", "SC1", "SC6"], kills=Kills(70, seed), reporters=3)


def run(home: Path, say: Say, names: Sequence[str], *, kills: Kills, reporters: int) -> None:
    """Serves, works, kills, and then looks at everything that is left."""
    plays = read_files([shipped(name) for name in names])
    with ServedEnclave(home / "home", opening(plays[0])) as enclave:
        book, began = Book(), monotonic()
        hire_the_hotline(enclave, book)
        killer = Killer(enclave, kills)
        try:
            outcomes = _work(enclave, book, killer, plays, reporters)
            enclave.wait_ready()
        finally:
            say(_figures(killer, book, monotonic() - began))
        assert sum(killer.done.values()) == kills.number
        assert all(outcome.ok for outcome in outcomes), [_wrong(one) for one in outcomes]
        log = list(enclave.records())
        _every_receipt_stands(book, log)
        _every_act_stands_once(book, log)
        _every_proof_holds(enclave, book)
        _audit_is_sound(enclave, len(log))
    assert enclave.status == 0


def _work(
    enclave: ServedEnclave, book: Book, killer: Killer, plays: Sequence[Play], reporters: int
) -> list[Outcome]:
    """Everybody works until the last kill is done and the last play is over."""
    stop, failed = threading.Event(), threading.Event()

    def guarded(work: Callable[[], Found]) -> Callable[[], Found]:
        def working() -> Found:
            try:
                return work()
            except BaseException:
                failed.set()
                raise

        return working

    with ThreadPoolExecutor(reporters + 3) as pool, _halting(stop, failed):
        killing = pool.submit(guarded(partial(killer.run, failed)))
        taking = [
            pool.submit(guarded(partial(Reporter(enclave.url, book, n, waits=n > 0).run, stop)))
            for n in range(reporters)
        ]
        taking.append(pool.submit(guarded(partial(Asker(enclave.url, book).run, stop))))
        playing = pool.submit(guarded(partial(_play, enclave, book, killer, plays, failed)))
        killing.result()
        outcomes = playing.result()
        sleep(1)
        stop.set()
        for one in taking:
            one.result()
    return outcomes


@contextmanager
def _halting(*events: threading.Event) -> Iterator[None]:
    """Whatever happens, nobody is left working."""
    try:
        yield
    finally:
        for event in events:
            event.set()


def _play(
    enclave: ServedEnclave,
    book: Book,
    killer: Killer,
    plays: Sequence[Play],
    failed: threading.Event,
) -> list[Outcome]:
    """Plays one file after the other, held back so that the kills fall on all of it."""
    steps = sum(len(play.steps) for play in plays)
    played = 0

    def hold(*_: object) -> None:
        nonlocal played
        played += 1
        while sum(killer.done.values()) < killer.planned * played // steps:
            if failed.wait(0.05):
                return

    with a_player(enclave, book, hold) as player:
        return [player.play(play) for play in plays]


# -- what is left -------------------------------------------------------------------------------


def _every_receipt_stands(book: Book, log: Sequence[Opened]) -> None:
    for digest, receipt in book.acknowledged.items():
        found = log[receipt["index"]]
        assert found.statement is not None
        assert found.statement.digest_b64 == digest
        assert canonical.b64(found.entry) == receipt["entry"]


def _every_act_stands_once(book: Book, log: Sequence[Opened]) -> None:
    statements = [one.statement for one in log if one.statement is not None]
    assert len(statements) == len(log)
    digests = Counter(one.digest_b64 for one in statements)
    assert digests.most_common(1)[0][1] == 1
    signatures = Counter((one.members["act_id"], one.kid, one.role) for one in statements)
    assert signatures.most_common(1)[0][1] == 1
    founded = {one.digest_b64 for one in statements[:2]}  # record 0, and the key of the service
    known = set(book.acknowledged) | founded
    assert set(digests) == known  # nothing that nobody was told of, or was told is not recorded


def _every_proof_holds(enclave: ServedEnclave, book: Book) -> None:
    log_key = VKey.parse(enclave.made.vkeys[0])
    origin = enclave.made.facts.origin
    with Client(enclave.url) as client:
        client.checkpoint()
        for receipt in book.acknowledged.values():
            given = receipt.get("proof") or client.inclusion(receipt["index"])
            told = {**receipt, "proof": given}
            verify(told, [log_key], origin=origin, entry=canonical.unb64(receipt["entry"]))


def _audit_is_sound(enclave: ServedEnclave, records: int) -> None:
    """Records, tree, every checkpoint, signatures, order; and views equal to a fresh fold."""
    asked = ["--lang", "en", "log", "audit", "--json"]
    said = CliRunner().invoke(main, asked, env=enclave.settings.environment())
    assert said.stdout, f"{said.stderr} {said.exception}"
    found = orjson.loads(said.stdout)
    assert (found["ok"], said.exit_code) == (True, 0), said.stdout
    assert (found["records"], found["views"], found["skipped"]) == (records, [], [])


def _wrong(outcome: Outcome) -> tuple[str, str, list[object]]:
    steps = [(one.step.n, one.wrong) for one in outcome.steps if one.wrong]
    return outcome.play.id, outcome.trouble, [*steps, *(f.wrong for f in outcome.finals if f.wrong)]


def _figures(killer: Killer, book: Book, seconds: float) -> str:
    kills = ", ".join(f"{count} {target}" for target, count in sorted(killer.done.items()))
    away = ", ".join(f"{t} {s:.1f} s" for t, s in sorted(killer.longest_away.items()))
    begin, end = book.outage
    within = ", ".join(killer.within(begin, end)) or "nobody"
    unread, read = book.unread
    refused = ", ".join(f"{n} {why}" for why, n in sorted(Counter(book.refused.values()).items()))
    return (
        f"\n{sum(killer.done.values())} kills in {seconds:.0f} s: {kills}"
        f"\n{len(book.acknowledged)} statements acknowledged, refused: {refused or 'none'}; "
        f"{len(book.again)} calls sent again by the officers"
        f"\nlongest time without a receipt: {end - begin:.1f} s (killed in it: {within};"
        f" said: {dict(book.why())})"
        f"\nlongest time without a read: {read - unread:.1f} s, of {book.reads} reads"
        f"\nlongest waits for a victim to be there again: {away}"
    )
