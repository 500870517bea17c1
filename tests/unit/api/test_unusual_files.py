"""Files that nobody here has seen, in forms that are unusual and lawful, come out as they say.

`tests/unusual` has them, read and played by what plays the shipped ones, against the rules alone:
no bytes are checked, nothing is stored, and the clock is the file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.rehearsal.cast import Cast, EditionDirectory, KeyStore
from api.rehearsal.player import Outcome, Player, PlayRefused, Registrar, StreamHead
from api.rehearsal.scenario import CastPart, Play, read_file
from keys.jwk import SoftwareSigner
from ledger.errors import Rejected
from ledger.log.statement import Statement
from ledger.regulation.acts.act import parse_act
from ledger.regulation.case_file.render import case_file
from ledger.regulation.participation.reach import OPENING, reach
from ledger.regulation.participation.viewpoint import Viewpoint
from tests import play_pure

FILES = Path(__file__).parents[2] / "unusual"
NAMES = sorted(path.stem for path in FILES.glob("*.json"))


@dataclass
class RulesDesk:
    """A ledger of the rules alone: who may not sign by them is refused as the API refuses it."""

    rules: play_pure.Player
    heads: dict[str, str] = field(default_factory=dict)
    origin: str = field(init=False)
    level: str = field(init=False)

    def __post_init__(self) -> None:
        self.origin, self.level = self.rules.origin, self.rules.level

    def time(self) -> datetime | None:
        """The ledger's time."""
        return self.rules.now

    def head(self, act: Mapping[str, Any], signer: SoftwareSigner, at: datetime) -> StreamHead:
        """Where the next statement of an act stands."""
        return self.place(str(act["stream"]), signer, at)

    def drafted(
        self, act: Mapping[str, Any], _signer: SoftwareSigner, _at: datetime
    ) -> Mapping[str, Any]:
        """Nothing is filled in."""
        return act

    def place(self, stream: str, _signer: SoftwareSigner, _at: datetime | None) -> StreamHead:
        """Where the next statement of a stream stands, with the state of its case."""
        seen = self.rules.stream(stream)
        return StreamHead(seen.seq + 1, self.heads.get(stream), seen.state)

    def submit(self, made: Statement, signer: SoftwareSigner, at: datetime) -> Mapping[str, Any]:
        """Takes a statement that the rules take."""
        if self.rules.now is not None and at < self.rules.now:
            raise PlayRefused("clock_back", None, "the clock only goes forward")
        try:
            act = parse_act(made.members, level=self.level)
            entry, _ = self.rules.sign(act, self._officer(signer), made.role, at, signer.kid)
        except Rejected as refused:
            raise PlayRefused(refused.code, refused.guard, str(refused)) from refused
        self.heads[act.stream] = made.digest_b64
        index = self.rules.size - 1
        return {"index": index, "entry": play_pure.entry_of(index), "status": entry.status}

    def act(self, act_id: str, _index: int, _signer: SoftwareSigner) -> Mapping[str, Any]:
        """The flags of an act."""
        return {"flags": list(self.rules.raised.get(act_id, ()))}

    def case(self, case_id: str, _index: int, _signer: SoftwareSigner) -> Mapping[str, Any]:
        """The case file."""
        now = self.rules.now
        assert now is not None
        stream = self.rules.stream(f"case/{case_id}")
        return case_file(stream, self.rules.raised, self.rules.registry, now, self.rules)

    def show(
        self, path: str, _index: int, signer: SoftwareSigner, at: datetime
    ) -> tuple[str, str] | None:
        """By which opening alone a case or an act is shown; None: to whoever takes part."""
        kind, _, name = path.partition("/")
        stream = next(
            s
            for s in self.rules.streams.values()
            if s.name == f"case/{name}" or (kind == "acts" and name in s.entries)
        )
        view = Viewpoint(stream, self.rules.registry, at.astimezone(UTC))
        seen = reach(self._officer(signer), view)
        if not (seen.whole if kind == "cases" else name in seen.acts):
            raise PlayRefused("not_found", None, "there is none")
        return None if seen.under is None else (OPENING[seen.under.act], seen.under.via)

    def _officer(self, signer: SoftwareSigner) -> str:
        line = self.rules.registry.keyring.line(signer.kid)
        assert line is not None
        assert line.officer is not None
        return line.officer


def played(play: Play) -> tuple[Outcome, play_pure.Player]:
    """A file's history, played to its end in a log that its rules open."""
    rules = play_pure.Player(origin=f"{play.deployment}/ordinary")
    rules.found(play.begins - timedelta(hours=2))
    founder = rules.cast["_founder"]
    player = Player(
        RulesDesk(rules),
        Registrar(founder.officer, founder.key),
        Cast(rules.origin),
        EditionDirectory(rules.edition),
        new_uuid=lambda: UUID(rules.uuid()),
    )
    return player.play(play), rules


def wrong(outcome: Outcome) -> list[str]:
    """What did not come out as a file says, by step."""
    found = [f"{r.step.n} {r.step.act}: {w}" for r in outcome.steps for w in r.wrong]
    found += [f"{r.step.n} read: {w}" for r in outcome.steps for one in r.reads for w in one.wrong]
    found += [f"{final.alias}: {w}" for final in outcome.finals for w in final.wrong]
    return [*found, *filter(None, [outcome.trouble])]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_in_an_unusual_form_comes_out_as_it_says(name: str) -> None:
    """`docs/reference/scenarios.md`: what it leaves open is filled in, what it says is played."""
    for play in read_file(FILES / f"{name}.json"):
        outcome, _ = played(play)
        assert wrong(outcome) == [], play.id
        assert outcome.ok
        assert not outcome.skipped


def test_two_aliases_in_one_post_without_a_person_are_two_humans() -> None:
    """Neither is refused as the other, and each has a token of their own."""
    (play,) = read_file(FILES / "U02.json")
    outcome, rules = played(play)
    cast = outcome.threads.officers
    assert not rules.registry.same_person(cast["cv"].officer, cast["cv-2"].officer)
    assert rules.registry.same_person(cast["so"].officer, cast["xa"].officer)


def test_numbers_of_a_file_are_labels_and_the_ledger_gives_its_own() -> None:
    """The same label twice, a label that is no number and none at all register three cases."""
    (play,) = read_file(FILES / "U04.json")
    outcome, rules = played(play)
    acts = [rules.stream(f"case/{case}") for case in outcome.threads.cases.values()]
    assert len(acts) == 3
    for stream in acts:
        registered = stream.last("CaseRegistered")
        assert registered is not None
        assert (registered.act.form, "case_number" in registered.act.facts) == (2, False)


def test_an_alias_may_be_any_text_and_its_key_stays_in_the_cast(tmp_path: Path) -> None:
    """A slash or dots in it lead out of no folder, and after a change of key neither."""
    inside = tmp_path / "home" / "cast"
    cast = Cast("a/ordinary", KeyStore(inside, b"x" * 40, {}))
    for alias in ("../../out", "cv/2"):
        part = CastPart("bacninh.stttt", "chuyen-vien")
        member, _ = cast.add(alias, part, "U", "00000000-0000-4000-8000-000000000001", "sealed:x")
        cast.change_key(member, cast.new_key())
    assert [path for path in tmp_path.rglob("*.socaikey") if path.parent != inside] == []
    assert len(list(inside.glob("*.socaikey"))) == 4
