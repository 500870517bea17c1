"""Two histories above that release the same texts in the same slots, and differ in all else (NI4).

Above, documents are classified, declassified and let go down (A15) on other days, in other cases,
in another order, beside others that stay. Whoever carries a text down brings the text alone, on its
day of release; below it is entered by people of that level. Stores lie in memory, as in
`two_levels`, whose `World` says what whoever is below gets.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from keys.canonical import b64
from tests import builders, two_levels
from tests.a_ledger import ALedger, in_memory
from tests.builders import CAST, an_act, an_id, officer
from tests.fakes import MemoryRecordStore
from tests.fixtures.clock import CountingEntropy
from tests.two_levels import MAT, ORDINARY, World

FIRST: Final = date(2026, 9, 7)
"""A Monday; every seventh day from the Friday on is one of release."""
WEEKS: Final = 4
SLOTS: Final = tuple(FIRST + timedelta(days=4 + 7 * week) for week in range(1, WEEKS))
TEXTS: Final = tuple(f"Noi dung da giai mat thu {n}" for n in range(4))
BELOW: Final = ("ncv", "ngd")
ABOVE: Final = ("nst", "npgd", "hd", "ctq", "ca", "bm")


class Release(NamedTuple):
    """What goes down: a text, on a day."""

    text: int
    slot: date


class Deed(NamedTuple):
    """What is done above on a day: with which document, of which case, for which release."""

    day: date
    what: str
    document: int
    case: int
    release: Release | None = None


WORDS: Final[Mapping[str, str]] = {
    "classify": "above, document {0} of case {1} is classified",
    "declassify": "above, document {0} of case {1} is declassified",
    "permit": "above, the text of document {0} of case {1} may go down",
    "lose": "above, the loss of document {0} of case {1} is reported",
}
Carried = Callable[["Above", date], list[tuple[int, dict[str, Any]]]]
"""What is brought down on a day: which text, and what of its act below is not as it should be."""


def digest_of(text: int) -> str:
    """Of a text that goes down."""
    return f"sha-256:{b64(hashlib.sha256(TEXTS[text].encode()).digest())}"


@dataclass
class Above:
    """The enclave above.

    Attributes:
        a: Its log.
        permitted: What may go down, in the order in which it was decided.
    """

    a: ALedger
    story: str
    permitted: list[tuple[Deed, str]] = field(default_factory=list)
    _acts: dict[tuple[str, int], str] = field(default_factory=dict)

    def do(self, deed: Deed) -> None:
        """One deed, signed by whoever is competent."""
        now = datetime.combine(deed.day, datetime.min.time(), builders.T0.tzinfo)
        self.a.clock.set(max(now + timedelta(hours=8), self.a.clock.now() + timedelta(minutes=1)))
        name, facts = self._facts(deed)
        stream = f"case/{an_id(f'{self.story} above {deed.case}')}"
        act_id = an_id(f"{self.story} {deed.what} {deed.document}")
        when = self.a.clock.now().astimezone(builders.T0.tzinfo)
        how: dict[str, Any] = {"level": "mat", "stream": stream, "when": when, "act_id": act_id}
        if deed.what == "lose":
            how |= {"by": "nst", "also": []}
        act = an_act(name, facts=facts, **how)
        by_uuid = {officer(alias): alias for alias in CAST}
        self.a.say(act, *(by_uuid[one.officer] for one in act.signers))
        self._acts[deed.what, deed.document] = act_id
        if deed.what == "permit":
            self.permitted.append((deed, act_id))

    def _facts(self, deed: Deed) -> tuple[str, dict[str, Any]]:
        unit = an_id(f"{self.story} unit {deed.document}")
        of = self._acts.get(("classify", deed.document))
        if deed.what == "classify":
            agency, post = CAST["npgd"]
            until = "2026-12-31T17:00:00+07:00"
            held = {"officer": officer("npgd"), "agency": agency, "post": post, "until": until}
            reason = f"Ly do {self.story} {deed.document}"
            return "ClassificationAssigned", {
                "unit": unit, "reason": reason, "first_holders": [held],
                "assigned_on": str(deed.day), "protect_until": "2027-06-30",
            }  # fmt: skip
        if deed.what == "declassify":
            minutes = f"BB {self.story} {deed.document}"
            return "Declassified", {
                "classification": of, "minutes": minutes, "decision_date": str(deed.day),
                "release_text": True,
            }  # fmt: skip
        if deed.what == "permit":
            assert deed.release is not None
            return "ReleasePermitted", {
                "classification": of, "decision": self._acts["declassify", deed.document],
                "text_digest": digest_of(deed.release.text), "slot": str(deed.release.slot),
            }  # fmt: skip
        return "SecretLossReported", {"unit": unit, "classification": of}


def texts_alone(above: Above, today: date) -> list[tuple[int, dict[str, Any]]]:
    """As it should be: the texts of the day, in an order that is their own."""
    return [
        (text, {})
        for text in sorted(
            deed.release.text
            for deed, _ in above.permitted
            if deed.release is not None and deed.release.slot == today
        )
    ]


def played(
    folder: Path, story: str, deeds: list[Deed], carried: Carried = texts_alone
) -> tuple[World, Above]:
    """Four weeks: what is decided above, and what is entered below on its day."""
    world, above = _a_world(folder), _above(story)
    for n in range(7 * WEEKS):
        today = FIRST + timedelta(days=n)
        for deed in deeds:
            if deed.day == today:
                above.do(deed)
        world.a.clock.set(datetime.combine(today, datetime.min.time(), builders.T0.tzinfo))
        world.a.clock.step(hours=10)
        if n % 5 == 0:
            world.got.append((f"report, day {n + 1}", _enter(world, "ReportReceived", n, {})))
        for text, more in carried(above, today):
            facts = {
                "title": TEXTS[text], "text_digest": digest_of(text),
                "read_again_by_post": CAST["ngd"][1], **more.get("facts", {}),
            }  # fmt: skip
            told = _enter(world, "ReleasedTextEntered", text, facts, more.get("act_id"))
            world.got.append((f"text {text + 1} enters, day {n + 1}", told))
        if today in SLOTS:
            world.got.append((f"published, day {n + 1}", world._publish()))
    world.look("below")
    return world, above


def _enter(
    world: World, name: str, n: int, facts: dict[str, Any], act_id: str | None = None
) -> object:
    """An act below in a case of its own, by people of that level."""
    stream = f"case/{an_id(f'below {name} {n}')}"
    when = world.a.clock.now().astimezone(builders.T0.tzinfo)
    also = ["ngd"] if name == "ReleasedTextEntered" else []
    drawn = act_id or str(world.a.ledger.drafts._entropy.uuid())
    act = an_act(name, by="ncv", also=also, when=when, stream=stream, facts=facts, act_id=drawn)
    world.a.clock.step(minutes=1)
    return dict(world.a.say(act, "ncv", *also).receipt)


@cache
def _founded_below() -> dict[str, Any]:
    store = MemoryRecordStore()
    store.restore(two_levels._founded())
    a = ALedger(in_memory(store), origin=ORDINARY, entropy=CountingEntropy("below, in 2026"))
    a.clock.set(builders.at("2026-09-01 09:00"))
    a.hire(*BELOW)
    return store.backup()


@cache
def _founded_above() -> dict[str, Any]:
    store = MemoryRecordStore()
    a = ALedger(in_memory(store), origin=MAT, entropy=CountingEntropy("above"))
    a.found()
    a.clock.set(builders.at("2026-09-01 09:00"))
    a.hire(*ABOVE)
    return store.backup()


def _a_world(folder: Path) -> World:
    world = two_levels.a_world(folder, above=False)
    world.below.store.restore(_founded_below())
    world.a.ledger.refresh()
    world.a.clock.set(builders.at("2026-09-02 09:00"))
    return world


def _above(story: str) -> Above:
    store = MemoryRecordStore()
    store.restore(_founded_above())
    a = ALedger(in_memory(store), origin=MAT, entropy=CountingEntropy(f"above {story}"))
    a.clock.set(builders.at("2026-09-02 09:00"))
    return Above(a, story)


# --- histories ---


def a_plan(chance: random.Random) -> list[Release]:
    """Which texts go down when: the same in both histories."""
    return [
        Release(text, chance.choice(SLOTS))
        for text in chance.sample(range(len(TEXTS)), 1 + chance.randrange(len(TEXTS)))
    ]


def a_history(chance: random.Random, plan: list[Release]) -> list[Deed]:
    """A way to these releases, beside documents that stay above."""
    deeds: list[Deed] = []
    for release in [*plan, *([None] * chance.randrange(4))]:
        document, case = len({deed.document for deed in deeds}), chance.randrange(3)
        last = (release.slot if release else SLOTS[-1]) - FIRST
        days = sorted(chance.randrange(last.days) for _ in range(3))
        first, second, third = (FIRST + timedelta(days=day) for day in days)
        deeds.append(Deed(first, "classify", document, case))
        if release is None and chance.random() < 0.5:
            deeds.append(Deed(second, "lose", document, case))
            continue
        deeds.append(Deed(second, "declassify", document, case))
        if release is not None:
            deeds.append(Deed(third, "permit", document, case, release))
    return sorted(deeds, key=lambda deed: (deed.day, deed.document))


def in_words(deeds: list[Deed]) -> str:
    """A history that a person can read."""
    return "\n".join(
        f"{deed.day:%a %d/%m}: "
        + WORDS[deed.what].format(deed.document + 1, deed.case + 1)
        + (f" on {deed.release.slot:%a %d/%m}" if deed.release else "")
        for deed in deeds
    )


def values_of(above: Above) -> Iterator[str]:
    """Values that were made above and go down with nothing: ids, entries, reasons, minutes."""
    for row in above.a.stores.records.read(0, 10_000):
        yield str(row.act_id)
        yield b64(row.entry)
    yield from (f"Ly do {above.story}", f"BB {above.story}")
