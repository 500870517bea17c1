"""The model of append, checkpoint, recover: what holds in it, and that the real one is one of it.

`tests/model/log.pml` is searched whole by Spin. Every safeguard that it can leave out is one whose
absence it finds, or it would prove nothing. Traces of the real code, each turned into a process of
its own that the model must keep up with, are accepted; one that no lawful checkpointer leaves is
not.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from ledger.errors import Fatal, Unavailable
from ledger.log import checkpoint
from tests.unit.ledger.test_checkpointer_memory import POINTS, Crash, Home, World

MODEL: Final = Path(__file__).parents[1] / "model" / "log.pml"
SECONDS: Final = 1_200
TRACES: Final = 12
#: What may happen in a search: records, kills, restores, machines lost with their memory.
SEARCHES: Final = {
    "kills": {"RECORDS": 3, "KILLS": 3, "RESTORES": 0, "LOSSES": 0},
    "a restore": {"RECORDS": 3, "KILLS": 1, "RESTORES": 1, "LOSSES": 0},
    "a restore and a lost machine": {"RECORDS": 2, "KILLS": 1, "RESTORES": 1, "LOSSES": 1},
    "two restores": {"RECORDS": 2, "KILLS": 1, "RESTORES": 2, "LOSSES": 0},
}
HARMS: Final = {
    "LATE_MEMORY": {},
    "NO_COMPARISON": {},
    "SIGN_ANEW": {},
    "OLD_KEY": {},
    "UNCONDITIONAL": {},
    "SECOND_HOME": {},
    "BLIND_START": {"LOSSES": 1},
}
_SMALL: Final = {"RECORDS": 2, "KILLS": 1, "RESTORES": 1, "LOSSES": 0}

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        not (shutil.which("spin") and shutil.which("cc")),
        reason="Spin or a C compiler is not here: `make soak` brings them where it can",
    ),
]


def search(
    folder: Path, model: Path, given: dict[str, int], *flags: str, stuck: bool = False
) -> str:
    """Searches a model whole; what `pan` said.

    Args:
        folder: To work in.
        model: Its file.
        given: Bounds.
        flags: Names that are defined besides.
        stuck: Whether it may get stuck: a trace is not followed where it is not kept to.
    """
    defined = [*(f"-D{name}={n}" for name, n in given.items()), *(f"-D{name}" for name in flags)]
    for command in (
        ["spin", *defined, "-a", str(model)],
        ["cc", "-O2", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS)
    done = subprocess.run(
        ["./pan", "-m1000000", *(["-E"] if stuck else [])],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert "max search depth too small" not in done.stdout
    return done.stdout


def violated(said: str) -> bool:
    """Whether an assertion fails somewhere."""
    found = re.search(r"errors: (\d+)", said)
    assert found, said
    return found[1] != "0"


@pytest.mark.parametrize("given", SEARCHES.values(), ids=SEARCHES)
def test_no_history_has_two_roots_or_takes_over_what_is_lost(
    tmp_path: Path, given: dict[str, int]
) -> None:
    """Crash anywhere, two signers, an old database, a lost machine, a recovery: in every order."""
    said = search(tmp_path, MODEL, given)
    assert not violated(said), said


@pytest.mark.parametrize(("safeguard", "more"), HARMS.items(), ids=HARMS)
def test_each_safeguard_is_needed(tmp_path: Path, safeguard: str, more: dict[str, int]) -> None:
    """Without it the search finds the harm; with another home, the limit that is told."""
    assert violated(search(tmp_path, MODEL, {**_SMALL, **more}, safeguard))


@dataclass
class Traced:
    """The real checkpointer, twice in one home, over a database in memory; what it does is noted.

    Attributes:
        events: (what, size) in the order in which it was done.
        kills: Crashes so far.
        restores: Old copies put in the database's place so far.
    """

    world: World = field(default_factory=World)
    events: list[tuple[str, int]] = field(default_factory=list)
    kills: int = 0
    restores: int = 0

    def run(self, chance: random.Random, steps: int, most: int) -> None:
        """Anything in any order, until something is doubted or the steps are over."""
        home = Home(self.world.store)
        checkpointers = [home.checkpointer(), home.checkpointer()]
        copy = self.world.store.backup()
        for _ in range(steps):
            what = chance.choice(("append", "seal", "seal", "seal", "copy", "restore"))
            size = self.world.store.head().size
            if what == "append" and size < most and not self.restores:
                self.world.append(1)
                self.events.append(("APPEND", size + 1))
            elif what == "copy":
                copy = self.world.store.backup()
            elif what == "restore" and not self.restores and chance.random() < 0.3:
                self.world.store.restore(copy)
                self.restores += 1
                checkpointers = [
                    home.checkpointer(),
                    home.checkpointer(),
                ]  # every connection is gone
            elif what == "seal":
                which = chance.randrange(2)
                point = chance.choice((None, None, *POINTS))
                try:
                    self._seal(checkpointers, which, home, point)
                except Fatal:
                    self.events.append(("DOUBT", 0))
                    return

    def _seal(self, checkpointers: list, which: int, home: Home, point: str | None) -> None:  # type: ignore[type-arg]
        def fault(at: str) -> None:
            if at == "kept":
                self.events.append(("KEEP", checkpoint.unverified(home.seen.note or b"").size))
            elif at == "sealed":
                self.events.append(("STORE", max(self.world.store._notes)))
            if at == point and self.kills < 2:
                self.kills += 1
                raise Crash

        self.world.store.fault = home.seen.fault = fault
        try:
            checkpointers[which].checkpoint_once()
        except (Crash, Unavailable):
            checkpointers[which] = home.checkpointer()
        finally:
            self.world.mend(home.seen)


def accepted(folder: Path, events: Sequence[tuple[str, int]], kills: int, restores: int) -> bool:
    """Whether the model can do just this: the last step of the trace is a violation to be found."""
    names = {"APPEND": 1, "KEEP": 2, "STORE": 3, "DOUBT": 4}
    script = " ".join(
        f"told_what[{at}] = {names[what]}; told_size[{at}] = {n};"
        for at, (what, n) in enumerate(events)
    )
    model = folder / "traced.pml"
    head = f"#define TRACE\n#define LENGTH {len(events)}\n#define SCRIPT {script}\n"
    model.write_text(head + MODEL.read_text("utf-8"), "utf-8")
    given = {"RECORDS": 3, "KILLS": kills, "RESTORES": restores, "LOSSES": 0}
    return violated(search(folder, model, given, stuck=True))


def test_traces_of_the_real_checkpointer_are_traces_of_the_model(tmp_path: Path) -> None:
    """A seed that is not the same each night; it is printed, and a refused trace with it."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to be run again with
    tried = 0
    for n in range(TRACES):
        traced = Traced()
        traced.run(random.Random(f"{seed}/{n}"), steps=12, most=3)  # noqa: S311 - a schedule
        if not traced.events:
            continue
        folder = tmp_path / str(n)
        folder.mkdir()
        held = accepted(folder, traced.events, traced.kills, traced.restores)
        assert held, (seed, n, traced.events)
        tried += 1
    assert tried > TRACES // 3


@pytest.mark.parametrize(
    "events",
    [
        [("APPEND", 1), ("STORE", 1)],
        [("KEEP", 1)],
        [("APPEND", 1), ("KEEP", 1), ("APPEND", 2), ("STORE", 2)],
        [("APPEND", 1), ("KEEP", 1), ("STORE", 1), ("APPEND", 2), ("STORE", 2)],
        [("APPEND", 1), ("KEEP", 1), ("STORE", 1), ("KEEP", 1)],
    ],
    ids=[
        "stored before it was kept",
        "kept before it was appended",
        "another size stored than was kept",
        "grown without memory",
        "one size kept twice",
    ],
)
def test_a_trace_that_no_checkpointer_may_leave_is_refused(
    tmp_path: Path, events: list[tuple[str, int]]
) -> None:
    """Or accepting would mean nothing."""
    assert not accepted(tmp_path, events, 1, 0)
