"""What keeping a KEK costs: wraps a second by file and token, opening one, custodians' shares."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keys import envelope_encryption, shares
from keys.custody.kek_custody import FileCustody
from keys.custody.token import Token, TokenCustody, TokenPlace
from keys.envelope_encryption import Kek
from keys.hpke import OpeningKey
from keys.shares import Named
from tests.bench.row import Row
from tests.bench.run import Run, median
from tests.fixtures.softhsm import KEK_TOKEN, PIN, tokens_in

GROUP = "custody"
_ORIGIN, _ENTRY, _DEK = "bench.example/ordinary", bytes(32), bytes(32)


def rows(run: Run) -> Iterator[Row]:
    """A file's KEK beside a software token's, in turns."""
    run.tell("custody: wraps by file and by token")
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        opened = FileCustody(lambda: b"bench")
        by_file = opened.make(folder / "kek.socaikek")
        times = 500 if run.quick else 5_000
        files = [_rewraps(by_file, times) for _ in range(run.rounds)]
        yield Row(GROUP, "DEKs re-wrapped under a KEK in a file", median(files), "1/s")
        softhsm = tokens_in(folder, patch)
        if softhsm is not None:
            token = Token(TokenPlace(softhsm.module, KEK_TOKEN), lambda: PIN)
            held = TokenCustody(token).make(folder / "held.socaikek")
            tokens = [_rewraps(held, times) for _ in range(run.rounds)]
            yield Row(
                GROUP, "DEKs re-wrapped under a KEK on a software token", median(tokens), "1/s",
                note="one session; an unwrap and a wrap each",
            )  # fmt: skip
            token.close()
        spans = [_seconds(lambda: opened.open(folder / "kek.socaikek")) for _ in range(3)]
        yield Row(GROUP, "opening a KEK file (Argon2id, 256 MiB)", 1e3 * median(spans), "ms")
    yield from _of_custodians(50 if run.quick else 500)


def _of_custodians(times: int) -> Iterator[Row]:
    keys = [OpeningKey.generate() for _ in range(shares.CUSTODIANS)]
    sealed = keys[0].public.seal(_DEK, info=b"bench")
    for what, work in (
        ("sealing a DEK to a public key (HPKE)", lambda: keys[0].public.seal(_DEK, info=b"bench")),
        ("opening it", lambda: keys[0].open(sealed, info=b"bench")),
    ):
        spans = [_seconds(work) for _ in range(times)]
        yield Row(GROUP, f"{what}, p50", 1e6 * median(spans), "µs")
    named = Named("A256GCM", "AAAAAAAAAAAAAAAAAAAAAA")
    split = [
        _seconds(lambda: shares.split(_DEK, named, [k.public for k in keys])) for _ in range(20)
    ]
    yield Row(GROUP, "splitting a KEK to three custodians, p50", 1e3 * median(split), "ms")


def _rewraps(kek: Kek, times: int) -> float:
    """How many a second: each unwrapped and wrapped again, as an epoch turns."""
    wrapped = envelope_encryption.wrap(kek, _DEK, origin=_ORIGIN, entry=_ENTRY)
    begun = time.perf_counter()
    for _ in range(times):
        dek = envelope_encryption.unwrap(kek, wrapped, origin=_ORIGIN, entry=_ENTRY)
        wrapped = envelope_encryption.wrap(kek, dek, origin=_ORIGIN, entry=_ENTRY)
    return times / (time.perf_counter() - begun)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
