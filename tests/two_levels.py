"""A lower enclave with nobody above it, with one above, or with that one doing something else.

What whoever is below can get is gathered (`World.got`), and must be the same in all of them
(access.md §7, NI1 and NI2). Both enclaves are the product's: the write path, the checkpointer, the
publisher with its files, the importer with its keys; over stores in memory, with a clock that only
the lower one's own steps move and random bytes of its own. Exceptions, each with its reason:

- X2 what is drawn by a library and sealed: the ciphertext of a segment, whose text and length are
  compared, the keys of slots, whose number is compared, and the second signature of a checkpoint.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from api.home import EnclaveFacts
from api.ops.mirror import slots
from api.ops.mirror.outbox import ENDING, Outbox, into_folder
from api.settings import Settings
from keys import sealed_segment
from keys.envelope_encryption import Kek
from keys.errors import Unsealable
from keys.hpke import OpeningKey
from keys.note import NoteSigner
from ledger.errors import LedgerError, Rejected
from ledger.log.statement import Statement
from ledger.message import Message
from ledger.mirror import segment as segments
from ledger.mirror.publishing import Publisher
from ledger.mirror.refusal import SegmentRefused
from ledger.mirror.segment import Segment
from ledger.mirror.taking_in import Lower, Mirror
from ledger.ports import NoRecords
from ledger.streams.record_reader import Reader
from tests import builders, differences
from tests.a_ledger import T0, ALedger, in_memory
from tests.builders import CAST, an_act, an_id, officer
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import CountingEntropy, StepClock
from tests.mirrored import Below, MemoryMirror

ORDINARY: Final = "rehearsal.bacninh.example/ordinary"
MAT: Final = "rehearsal.bacninh.example/mat"
EVERY_S: Final = 3_600
CASES: Final = 3
NUMBERS: Final = ("2024/0001", "2024/0002", "2024/0003", "2024/0004")
"""Four values for everything that has one: collisions find leaks."""
Step = tuple[str, int, int]
"""What is done, in which case, with which value."""

LOWER: Final = (
    "report", "report", "register", "determine", "stale", "replay", "twisted", "restart", "erase",
    "tick", "publish", "publish",
)  # fmt: skip
HIGHER: Final = (
    "import", "import", "damaged", "again", "classify", "classify", "refused", "restart above",
    "new key", "checkpoint above",
)  # fmt: skip
WORDS: Final[Mapping[str, str]] = {
    "report": "below, a report opens case {0}",
    "register": "below, case {0} is registered with number {1}",
    "determine": "below, competence in case {0} is determined by two signatures",
    "stale": "below, somebody signs in case {0} what does not follow",
    "replay": "below, the last statement of case {0} is sent again",
    "twisted": "below, other bytes come under the act id of case {0}",
    "restart": "below, the process is started again",
    "erase": "below, the report of case {0} is erased",
    "tick": "below, {1} minutes go by",
    "publish": "below, the clock turns: a segment is published",
    "import": "above, everything that was carried up is taken in",
    "damaged": "above, a damaged segment is refused",
    "again": "above, an old segment is tried again",
    "classify": "above, an annex of case {0} is classified, naming the act below",
    "refused": "above, an act in case {0} is refused",
    "restart above": "above, the process is started again",
    "new key": "above, a new receiving key is made",
    "checkpoint above": "above, a checkpoint is signed",
    "check": "below, an act in case {0} is tried and not sent",
    "upload": "below, a file is uploaded",
    "read": "below, somebody reads case {0}",
    "loss": "above, the loss of a secret of case {0} is reported",
    "grant": "above, somebody is let into case {0}",
    "read above": "above, somebody reads case {0}",
    "upload above": "above, a file is uploaded",
}


@dataclass
class Higher:
    """The enclave above: its own log, and the mirror."""

    a: ALedger
    keys: list[OpeningKey]
    carried: Path
    lower: Lower
    store: MemoryMirror = field(default_factory=MemoryMirror)
    kek: Kek = field(default_factory=Kek.generate)
    taken: list[bytes] = field(default_factory=list)
    _mirror: Mirror | None = None
    _now: datetime = T0

    def do(self, story: str, step: Step, now: datetime) -> None:
        """One action above; whatever comes of it stays there."""
        kind, case, value = step
        with suppress(LedgerError, SegmentRefused):
            match kind:
                case "import":
                    self._import(now)
                case "damaged" if last := self._waiting()[-1:]:
                    self._take(last[0].read_bytes()[:-9] + b"damaged!!", now)
                case "again" if self.taken:
                    self._take(self.taken[0], now)
                case "classify" | "refused":
                    self._classify(story, case, value, good=kind == "classify")
                case "restart above":
                    self._mirror = None
                    self.a.ledger.refresh()
                case "new key":
                    self.keys = [OpeningKey.generate(), *self.keys[-1:]]
                case "checkpoint above":
                    self.a.checkpointer().checkpoint_once()
                case _:
                    pass

    def _waiting(self) -> list[Path]:
        return sorted(self.carried.glob(f"*{ENDING}"))[len(self.taken) :]

    def _import(self, now: datetime) -> None:
        for path in self._waiting():
            data = path.read_bytes()
            self._take(data, now)
            self.taken.append(data)

    def _take(self, sealed: bytes, now: datetime) -> None:
        if self._mirror is None:
            self._mirror = Mirror(self.store, self.kek, self.lower, "mat", lambda: self._now)
        self._now = now
        try:
            framed = sealed_segment.open_segment(sealed, self.keys)
        except Unsealable as error:
            raise SegmentRefused("damaged", Message("it was changed on its way")) from error
        self._mirror.take(segments.parse(sealed_segment.unframe(framed)))

    def _classify(self, story: str, case: int, value: int, *, good: bool) -> None:
        self.a.clock.step(minutes=1)
        standing = self.store.standing()
        agency, post = CAST["npgd"]
        holder = {
            "officer": officer("npgd"), "agency": agency, "post": post,
            "until": "2027-06-30T17:00:00+07:00",
        }  # fmt: skip
        facts: dict[str, Any] = {
            "unit": an_id(f"{story} unit {case} {value}"), "level": "MAT" if good else "TOI_MAT",
            "reason": f"Phu luc {NUMBERS[value]}", "assigned_on": "2026-10-14",
            "protect_until": "2027-06-30", "first_holders": [holder],
            "low_ref": {"log": ORDINARY, "act_id": _act_id(story, case, "report")},
            "seen": [{"log": ORDINARY, "size": standing.size, "root": builders.DIGEST}],
        }  # fmt: skip
        act = an_act(
            "ClassificationAssigned", by="nst", also=["ctq"], level="mat", facts=facts,
            when=self.a.clock.now().astimezone(T0.tzinfo), stream=_case(story, case),
            act_id=_act_id(story, case, "report"),  # the same natural key as below (F11)
        )  # fmt: skip
        self.a.say(act, "nst", "ctq")


class MemoryOutbox(Outbox):
    """The product's outbox, over a log in memory."""

    below: Below

    def turn(self, at: int) -> None:
        """Publishes at a turn of the clock."""
        facts = EnclaveFacts(
            ORDINARY, "ordinary", rehearsal=True, genesis="", slug="x", database={}
        )
        self._publish(facts, at, None)

    def _made(self, facts: EnclaveFacts, start: int, at: int, before: Sequence[bytes]) -> Segment:
        reader = Reader(NoRecords(), self.below.a.keys.kek, facts.origin)
        publisher = Publisher(self.below, self.below.store, reader, self.below)
        return publisher.next(start, at, before)

    def _log_key(self, note: bytes) -> NoteSigner:
        del note
        return self.below.a.keys.log


@dataclass
class World:
    """The lower enclave, whoever is above it, and all that can be got below.

    Attributes:
        below: The lower log.
        home: Its folder.
        carried: Where its segments lie.
        higher: Who takes them in; None where nobody is above.
        got: What whoever is below got, in order.
        after_above: What a seeded leak does after each step above (`tests/leaks.py`).
    """

    below: Below
    home: Path
    carried: Path
    outbox: MemoryOutbox
    higher: Higher | None = None
    got: list[object] = field(default_factory=list)
    _sent: dict[str, Statement] = field(default_factory=dict)
    _turns: int = 0
    after_above: Callable[[Step], None] = lambda _: None

    @property
    def a(self) -> ALedger:
        """The lower log's write path."""
        return self.below.a

    def do(self, story: str, step: Step) -> None:
        """One step; one of those above does nothing where nobody is there."""
        kind, case, _ = step
        if kind in HIGHER:
            if self.higher is not None:
                self.higher.do(story, step, self.now)
                self.after_above(step)
            return
        self.got.append((f"{WORDS[kind].format(case + 1, _value(step))}", self._lower(story, step)))

    @property
    def now(self) -> datetime:
        """The machine's time, below and above."""
        return datetime.fromtimestamp(1_700_000_000 // EVERY_S * EVERY_S, UTC) + timedelta(
            seconds=self._turns * EVERY_S
        )

    def _lower(self, story: str, step: Step) -> object:
        kind, case, value = step
        match kind:
            case "tick":
                self.a.clock.step(minutes=1 + value)
            case "restart":
                self.a.ledger.refresh()
            case "publish":
                return self._publish()
            case "erase":
                return self._erase(story, case)
            case _:
                return self._act(story, kind, case, value)
        return None

    def _publish(self) -> object:
        self.below.checkpoint()
        self._turns += 1
        self.outbox.turn(int(self.now.timestamp()))
        return len(list(self.carried.glob(f"*{ENDING}")))

    def _erase(self, story: str, case: int) -> object:
        rows = self.below.store.act(UUID(_act_id(story, case, "report")))
        if not rows or rows[0].index in self.below.shredded:
            return "nothing to erase"
        try:
            act = self.below.erase(rows[0].index, act_id=_act_id(story, case, "erase"))
        except LedgerError as refused:
            return _plain(refused)
        return str(act)

    def _act(self, story: str, kind: str, case: int, value: int) -> object:
        stream = _case(story, case)
        try:
            if kind == "replay":
                again = self._sent.get(stream)
                return None if again is None else self._send(again, "hotline")
            made = self._made(story, kind, case, value, stream)
            for alias, role in made[1]:
                head = (1 + value, builders.DIGEST if value else None) if kind == "stale" else None
                signed = self.a.sign(made[0], alias, role=role, head=head)
                told = self._send(signed, alias)
                self._sent[stream] = signed
        except LedgerError as refused:
            return _plain(refused)
        return told

    def _made(
        self, story: str, kind: str, case: int, value: int, stream: str
    ) -> tuple[Any, list[tuple[str, str]]]:
        name = {"register": "CaseRegistered", "report": "ReportReceived"}.get(
            kind, "CompetenceDetermined"
        )
        facts: dict[str, Any] = {}
        if name == "CaseRegistered":
            facts = {"case_number": NUMBERS[value]}
        if name == "ReportReceived" and kind == "report":
            facts = {"register_no": NUMBERS[value]}
        of = "report" if kind == "twisted" else kind
        files = [self.below.upload(b"a scan %d" % value)] if of == "report" else None
        with self.a.ledger._memory.fresh(stream) as current:
            act = an_act(
                name, when=self.a.clock.now().astimezone(T0.tzinfo), within=current.state,
                facts=facts, act_id=_act_id(story, case, of), attachments=files,
            )  # fmt: skip
        by_uuid = {officer(alias): alias for alias in CAST}
        return act, [(by_uuid[one.officer], one.role) for one in act.signers]

    def _send(self, signed: Statement, alias: str) -> object:
        return dict(self.a.send(signed, by=alias).receipt)

    def look(self, story: str) -> None:
        """Everything else that can be got below."""
        store = self.below.store
        for case in range(CASES):
            head = self.a.ledger.head(_case(story, case))
            self.got.append((f"head of case {case + 1}", head))
        self.got.append(("length of the log", store.head()))
        for row in store.read(0, 10_000)[-12:]:
            bare = replace(row, state=b"", wrap=None)
            self.got.append((f"row {row.index} of the log", (bare, len(row.state))))
        keyring = self.a.ledger.follower.current.registry
        self.got.append(("keys", sorted(keyring.keyring._lines)))
        notes = sorted(store._notes.items())[-4:]
        self.got.append(("checkpoints", [(size, _log_line(note)) for size, note in notes]))
        for path in sorted(self.carried.iterdir())[-4:]:
            size = path.stat().st_size
            self.got.append((f"published {path.name}", (size, self._said(path))))
        for path in sorted(self.home.rglob("*")):
            if path.is_file():
                text = "X2" if path.name == "slots.json" else _without_drawn(path.read_text())
                size = path.stat().st_size
                self.got.append((f"file {path.relative_to(self.home)}", (size, text)))

    def _said(self, path: Path) -> object:
        data = path.read_bytes()
        if not path.name.endswith(ENDING):
            return data
        head = sealed_segment.head_of(data)
        try:
            framed = sealed_segment.open_segment(data, [_reader()])
        except sealed_segment.NotAddressed:  # a seeded leak may leave the reader's slot out
            return len(head.slots), "sealed to others"
        said = segments.parse(sealed_segment.unframe(framed))
        note = _log_line(said.checkpoint)
        return len(head.slots), len(framed), replace(said, checkpoint=note, signature=b"")


def _plain(error: LedgerError) -> object:
    if isinstance(error, Rejected):
        return error.code, str(error.text), error.guard, [str(one.text) for one in error.faults]
    return type(error).__name__, str(error)


def _without_drawn(text: str) -> str:
    """A file of JSON without the second line of a checkpoint in it, as `_log_line`."""
    return "".join(line for line in text.split("\\n") if "/pq " not in line)


def _log_line(note: bytes) -> bytes:
    """A checkpoint without its second line, which is drawn anew each time (X2)."""
    return b"".join(line for line in note.splitlines(keepends=True) if b"/pq " not in line)


def _case(story: str, case: int) -> str:
    return f"case/{an_id(f'{story} case {case}')}"


def _act_id(story: str, case: int, kind: str) -> str:
    return an_id(f"{story} act {case} {kind}")


@cache
def _reader() -> OpeningKey:
    """Whoever below looks into a segment: the third slot's key, which only this test has."""
    return OpeningKey.generate()


@cache
def _receiving() -> OpeningKey:
    return OpeningKey.generate()


@cache
def _founded() -> dict[str, Any]:
    """A lower log with officers in post, to be begun from."""
    return Below.founded(ORDINARY, entropy=CountingEntropy("below")).store.backup()


@cache
def _founded_above() -> dict[str, Any]:
    store = MemoryRecordStore()
    a = ALedger(in_memory(store), origin=MAT, entropy=CountingEntropy("above"))
    a.found()
    a.clock.set(builders.at("2026-10-13 09:00"))
    a.hire("nst", "ctq", "npgd")
    return store.backup()


def a_world(folder: Path, *, above: bool) -> World:
    """A fresh one; each begins from the same bytes."""
    store = MemoryRecordStore()
    store.restore(_founded())
    a = ALedger(in_memory(store), origin=ORDINARY, entropy=CountingEntropy("below, later"))
    a.clock.set(T0 + timedelta(days=1))
    below = Below(a, store)
    home, carried = folder / "home", folder / "carried"
    settings = Settings.at(home)
    carried.mkdir(parents=True)
    used = [_reader().public, *([_receiving().public] if above else [])]
    slots.put(settings, "ordinary", used)
    outbox = MemoryOutbox(settings, into_folder(carried), StepClock(T0))
    outbox.below = below
    world = World(below, home, carried, outbox)
    if above:
        upper = MemoryRecordStore()
        upper.restore(_founded_above())
        high = ALedger(in_memory(upper), origin=MAT, entropy=CountingEntropy("above, later"))
        high.clock.set(builders.at("2026-10-14 09:00"))
        world.higher = Higher(high, [_receiving()], carried, below.lower)
    return world


# --- stories ---


def a_full_story() -> tuple[list[Step], list[list[Step]]]:
    """Each kind of step at least once, below and above; what is above comes first where it can."""
    lower: list[Step] = [
        ("report", 0, 0), ("register", 0, 1), ("publish", 0, 0), ("tick", 0, 1), ("report", 1, 0),
        ("determine", 0, 0), ("stale", 1, 2), ("twisted", 0, 0), ("replay", 0, 0),
        ("publish", 0, 0), ("restart", 0, 0), ("erase", 1, 0), ("report", 2, 3),
        ("publish", 0, 0), ("register", 2, 1),
    ]  # fmt: skip
    above: list[Step] = [
        ("classify", 1, 0), ("checkpoint above", 0, 0), ("import", 0, 0), ("again", 0, 0),
        ("refused", 0, 0), ("restart above", 0, 0), ("classify", 0, 1), ("new key", 0, 0),
        ("import", 0, 0), ("damaged", 0, 0), ("again", 0, 0), ("classify", 2, 1), ("", 0, 0),
        ("damaged", 0, 0), ("import", 0, 0),
    ]  # fmt: skip
    return lower, [above, [("", 0, 0)] * len(lower)]


def a_story(
    chance: random.Random, below: Sequence[str] = LOWER, above: Sequence[str] = HIGHER
) -> tuple[list[Step], list[list[Step]]]:
    """2 to 25 steps below, and for two histories what happens above behind each of them."""
    lower = [("report", 0, 0)]
    lower += [_a_step(chance, below) for _ in range(1 + chance.randrange(24))]
    return lower, [_history(chance, above, len(lower)) for _ in range(2)]


def _history(chance: random.Random, kinds: Sequence[str], length: int) -> list[Step]:
    return [_a_step(chance, kinds) if chance.random() < 0.6 else ("", 0, 0) for _ in range(length)]


def _a_step(chance: random.Random, kinds: Sequence[str]) -> Step:
    return chance.choice(kinds), chance.randrange(CASES), chance.randrange(4)


def played(world: World, name: str, lower: Sequence[Step], higher: Sequence[Step] = ()) -> World:
    """A story told in a world: the same turns below, whatever is done above between them."""
    world.got = []
    for n, step in enumerate(lower):
        world.do(name, step)
        if n < len(higher) and higher[n][0]:
            world.do(name, higher[n])
    world.look(name)
    return world


def first_difference(one: World, other: World) -> str:
    """Where what two got differs first; empty where it is alike."""
    return differences.first_difference(one.got, other.got)


def apart(name: str, lower: Sequence[Step], higher: Sequence[Step], found: str) -> str:
    """What a person reads of a difference: which story, what was done, and who sees it."""
    return "\n".join(
        (
            f"Somebody below can tell whether this was done above (story {name}):",
            "",
            in_words(lower, higher),
            "",
            "They see it here:",
            textwrap.indent(found, "  "),
        )
    )


def in_words(lower: Sequence[Step], higher: Sequence[Step]) -> str:
    """A story that a person can read."""
    lines = []
    for n, step in enumerate(lower):
        lines.append(WORDS[step[0]].format(step[1] + 1, _value(step)))
        if n < len(higher) and higher[n][0]:
            lines.append(WORDS[higher[n][0]].format(higher[n][1] + 1, higher[n][2]))
    return "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1))


def _value(step: Step) -> object:
    return 1 + step[2] if step[0] == "tick" else NUMBERS[step[2]]


def shrunk(
    lower: list[Step], higher: list[Step], differs: Callable[[list[Step], list[Step]], bool]
) -> tuple[list[Step], list[Step]]:
    """The story with every step left out that it can do without."""
    done = False
    while not done:
        done = True
        for n in reversed(range(len(lower))):
            fewer = lower[:n] + lower[n + 1 :], higher[:n] + higher[n + 1 :]
            if n < len(higher) and higher[n][0] and n:
                # what happened above stays, behind the step before
                kept = list(higher[:n]) + list(higher[n + 1 :])
                if not kept[n - 1][0]:
                    kept[n - 1] = higher[n]
                    fewer = fewer[0], kept
            if len(fewer[0]) and differs(*fewer):
                lower, higher, done = list(fewer[0]), list(fewer[1]), False
        for n, step in enumerate(higher):
            less = [*higher[:n], ("", 0, 0), *higher[n + 1 :]]
            if step[0] and differs(lower, less):
                higher, done = less, False
    return lower, higher
