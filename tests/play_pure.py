"""Plays scenario files through parse, decide and apply alone: no signatures, no database, no clock.

The registry is founded and filled as `docs/reference/scenarios.md` says (cast), by acts that are
themselves judged. What each step and the end of the file expect is compared by
`tests/unit/regulation/test_scenarios_pure.py`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from keys import canonical
from keys.jwk import SoftwareSigner
from ledger.regulation.acts.act import Act, parse_act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.case.exclusions import is_about
from ledger.regulation.case.guard_input import DecisionContext, GuardInput
from ledger.regulation.case.other_cases_port import CountedReport
from ledger.regulation.case.reviews import signers
from ledger.regulation.case.state import Entry, Signed, StreamState, apply
from ledger.regulation.case_file.flags import standing
from ledger.regulation.case_file.render import case_file
from ledger.regulation.decide import Decision, decide
from ledger.regulation.edition import Edition, first_edition, load_edition, named
from ledger.regulation.participation.reach import OPENING, reach, takes_part
from ledger.regulation.participation.viewpoint import Viewpoint
from ledger.regulation.registry.lines import REGISTERING, REGISTRY_ACTS
from ledger.regulation.registry.registry import Registry

SCENARIOS = Path(__file__).parents[1] / "api" / "rehearsal" / "scenarios"
DEPLOYMENT = "rehearsal.bacninh.example"
FIRST_DAY = date(2023, 3, 21)
BASIS = [
    {"instrument": "90/QĐ-UBND", "article": "8", "clause": "1", "point": "a", "role": "PROCEDURE"}
]
#: Whom a cast that has none is given, in this order, and the post.
ADDED: Mapping[str, str] = {
    "LEGAL_OFFICER": "phap-che",
    "PERSONNEL_OFFICER": "to-chuc",
    "REGISTRY_KEEPER": "quan-tri-danh-ba",
}
Json = dict[str, Any]


def in_form_2(members: Json, capacities: Sequence[str]) -> Json:
    """A payload of form 1 as form 2 says it, each signer in a capacity."""
    pairs = zip(members["signers"], capacities, strict=True)
    signers = [{**signer, "capacity": capacity} for signer, capacity in pairs]
    rest = {name: value for name, value in members.items() if name != "capacity"}
    return {**rest, "v": 2, "signers": signers}


def scenario(name: str) -> Json:
    """A scenario file the product ships, or negative.json."""
    found: Json = json.loads((SCENARIOS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def nth_key(_number: int) -> SoftwareSigner:
    """The n-th key of a run; keys are real, so that kid and jwk fit."""
    return SoftwareSigner.generate()


def entry_of(index: int) -> str:
    """What stands for the entry of a record that nobody seals."""
    return canonical.b64(sha256(f"record {index}".encode()).digest())


@dataclass
class Person:
    """One alias of the cast: an officer with a post and a key."""

    agency: str
    post: str
    officer: str
    key: SoftwareSigner
    person: str = ""


class AskedStreams:
    """What guards ask about other cases, of streams that lie in memory."""

    registry: Registry
    streams: dict[str, StreamState]

    def signers(self, stream: str) -> Sequence[str]:
        """Officers who signed an effective act of a case."""
        known = self.streams.get(stream)
        return () if known is None else signers(known)

    def is_about(self, stream: str, named: Sequence[str]) -> bool:
        """Whether reports of a case name each of these as whom it is about."""
        known = self.streams.get(stream)
        return known is not None and is_about(known, named)

    def takes_part(self, stream: str, officer: str, at: datetime, level: str) -> bool:
        """Whether an officer sees all of a case, by no order and no opening."""
        known = self.streams.get(stream)
        if known is None:
            return False
        return takes_part(officer, Viewpoint(known, self.registry, at, level))


@dataclass
class Player(AskedStreams):
    """One log being played: streams, registry and what each act raised."""

    origin: str = f"{DEPLOYMENT}/ordinary"
    level: str = "ordinary"
    edition: Edition = field(default_factory=load_edition)
    registry: Registry = field(default_factory=Registry.founded)
    streams: dict[str, StreamState] = field(default_factory=dict)
    raised: dict[str, tuple[str, ...]] = field(default_factory=dict)
    size: int = 0
    cast: dict[str, Person] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    acts: dict[int, str] = field(default_factory=dict)
    now: datetime | None = None
    random: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - the same ids in every run
    questions: list[GuardInput] = field(default_factory=list)
    keep_questions: bool = False
    keys: int = 0
    persons: dict[str, str] = field(default_factory=dict)

    # -- Cases: what guards may ask beyond their stream -------------------------------------------

    def state(self, stream: str) -> str | None:
        """Main state of another case."""
        known = self.streams.get(stream)
        return None if known is None else known.state

    def token_elsewhere(self, token: str, stream: str) -> bool:
        """Whether the token stands in another case."""
        return any(
            token in repr(e.act.signed)
            for name, s in self.streams.items()
            if name != stream and s.kind == "case"
            for e in s.entries.values()
        )

    def record(self, index: int, entry: str, /) -> str | None:
        """The stream of a record; nothing is sealed here, so its entry is one of this page."""
        if entry != entry_of(index):
            return None
        return next(
            name
            for name, stream in self.streams.items()
            for one in stream.entries.values()
            if index in {signed.index for signed in one.signed}
        )

    def changes_registry(self, _index: int, /) -> bool:
        """No record is known."""
        return False

    def running(self, _stream: str, _at: datetime, /) -> Sequence[str]:
        """Nothing is asked in these scenarios."""
        return ()

    def reports(self) -> Sequence[CountedReport]:
        """Reports of article 9 in this log."""
        names = ("StatisticsSubmitted", "SituationReportSubmitted")
        programmes = [s for s in self.streams.values() if s.kind == "programme"]
        return [_report(e) for s in programmes for e in s.effective(*names)]

    # -- statements -------------------------------------------------------------------------------

    def uuid(self) -> str:
        """A UUIDv4 of this run, the same in every run."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def stream(self, name: str) -> StreamState:
        """The fold of a stream, empty where nothing was written yet."""
        return self.streams.setdefault(name, StreamState(name))

    def question(
        self, act: Act, officer: str, role: str, iat: datetime, kid: str = ""
    ) -> GuardInput:
        """The question a statement puts to the rules now."""
        stream = self.stream(act.stream)
        ground = DecisionContext(
            registry=self.registry,
            origin=self.origin,
            level=self.level,
            log_size=self.size,
            cases=self,
            at=iat.astimezone(UTC),
        )
        return ground.guard_input(
            stream, act, officer, kid=kid, iat=int(iat.timestamp()), role=role
        )

    def sign(
        self, act: Act, officer: str, role: str, iat: datetime, kid: str = ""
    ) -> tuple[Entry, Decision]:
        """Judges one statement and takes it. Raises: Rejected: nothing was taken."""
        question = self.question(act, officer, role, iat, kid)
        decision = decide(question)
        if self.keep_questions:
            self.questions.append(question)
        entry = self.take(act, officer, role, iat, kid)
        if entry.status == "effective":
            self.raised[act.act_id] = decision.flags
        return entry, decision

    def take(self, act: Act, officer: str, role: str, iat: datetime, kid: str = "") -> Entry:
        """Takes one statement without asking the rules."""
        stream = self.stream(act.stream)
        at = iat.astimezone(UTC)
        signed = Signed(
            act,
            officer,
            role,
            kid,
            int(iat.timestamp()),
            stream.seq + 1,
            f"d{self.size}",
            self.registry.edition,
            self.size,
            at,
        )
        entry = apply(stream, signed)
        if entry.status == "effective" and act.act in REGISTRY_ACTS:
            self.registry.apply(act, index=self.size, recorded_at=at)
        self.size += 1
        self.now = max(at, self.now) if self.now is not None else at
        return entry

    # -- the cast ---------------------------------------------------------------------------------

    def found(self, at: datetime) -> None:
        """Record 0 by the founding registrar.

        In the post of whoever keeps the registry that day.
        """
        day = at.date()
        self.cast["_founder"] = self._person(
            self.registry.holders("REGISTRY_KEEPER", day)[0], "quan-tri-danh-ba"
        )
        who = self.cast["_founder"]
        registrar = {"officer": who.officer, "kid": who.key.kid, "jwk": dict(who.key.jwk)}
        facts: Json = {
            "log": self.origin,
            "vkeys": [f"{self.origin}+00000000+AA=="],
            "registrar": registrar,
            "level": self.level,
            "regulation": {"id": "90/QĐ-UBND", "version": "2023"},
            "demo": True,
        }
        if self.edition is not first_edition():
            facts["edition"] = named(self.edition)
        act = self.registry_act("LedgerOpened", "ledger", facts, at)
        self.registry.apply(act, index=0, recorded_at=at.astimezone(UTC))
        self.sign(act, who.officer, "AUTHOR", at, who.key.kid)

    def _person(self, agency: str, post: str) -> Person:
        self.keys += 1
        return Person(agency, post, self.uuid(), nth_key(self.keys), f"sealed:{self.uuid()}")

    def registry_act(
        self, name: str, stream: str, facts: Json, at: datetime, second: Person | None = None
    ) -> Act:
        """An act of the founding registrar, with a second officer to approve it or alone."""
        who = self.cast["_founder"]
        keeper = self.registry.holders("REGISTRY_KEEPER", at.date())[0]
        signers = [{"officer": who.officer, "post": who.post, "role": "AUTHOR"}]
        if second is not None:
            signers.append({"officer": second.officer, "post": second.post, "role": "APPROVER"})
        return parse_act(
            {
                "v": 1,
                "act": name,
                "act_id": self.uuid(),
                "stream": stream,
                "occurred_at": at.isoformat(timespec="seconds"),
                "precision": "minute",
                "agency": keeper,
                "post": who.post,
                "capacity": "TRUC_TIEP",
                "basis": BASIS,
                "circulation": "INTERNAL",
                "facts": facts,
                "signers": signers,
            },
            level=self.level,
        )

    def _enter(self, name: str, stream: str, facts: Json, at: datetime) -> None:
        """A registrar's act.

        Alone while the log is being founded, then with an officer of the cast who approves it.
        """
        founder = self.cast["_founder"]
        second = None if self.registry.founding(at.date()) else self._second(facts, at.date())
        act = self.registry_act(name, stream, facts, at, second)
        self.sign(act, founder.officer, "AUTHOR", at, founder.key.kid)
        if second is not None:
            self.sign(act, second.officer, "APPROVER", at, second.key.kid)

    def _second(self, facts: Json, day: date) -> Person:
        """Who approves what the founder registers: by what the edition asks of the approver."""
        kind = catalogue_of(self.registry.edition).type("OfficerAppointed")
        asked = kind.signer_powers.get("APPROVER", ("REGISTRY_KEEPER",))
        return next(
            replace(p, agency=held.agency)
            for alias, p in self.cast.items()
            if alias != "_founder" and p.officer != facts["officer"]
            for held in self.registry.appointments(p.officer, day)
            if held.post == p.post
            and self.registry.exists(held.agency, day)
            and held.powers.intersection(asked)
        )

    def hire(
        self, alias: str, agency: str, post: str, at: datetime, person: str | None = None
    ) -> None:
        """Appoints and enrols one alias (`docs/reference/scenarios.md`), judged as any act."""
        who = self._person(agency, post)
        if person is not None:
            who = replace(who, person=self.persons.setdefault(person, who.person))
        self.cast[alias] = who
        known = self.registry.agency(agency)
        assert known is not None, agency
        role = known.posts[post]
        self._appoint(who, sorted(role.capacities), sorted(role.powers), at)
        self._enrol(who, at)

    def add(self, power: str, at: datetime) -> None:
        """An officer whom the file's cast lacks, wherever the registry is kept in time to come."""
        days = (at.date(), *(day for day in self.registry.agencies.turns() if day > at.date()))
        kept = dict.fromkeys(self.registry.holders("REGISTRY_KEEPER", day)[0] for day in days)
        first, *more = kept
        who = self.cast[power] = self._person(first, ADDED[power])
        for agency in (first, *more):
            self._appoint(replace(who, agency=agency), ["TRUC_TIEP"], [power], at)
        self._enrol(who, at)

    def _appoint(
        self, who: Person, capacities: Sequence[str], powers: Sequence[str], at: datetime
    ) -> None:
        known = self.registry.agency(who.agency)
        assert known is not None, who.agency
        facts: Json = {
            "officer": who.officer,
            "agency": who.agency,
            "post": who.post,
            "capacities": capacities,
            "powers": powers,
            "valid_from": max(FIRST_DAY, known.valid_from).isoformat(),
            "basis_document": "Quyết định bổ nhiệm (hư cấu)",
        }
        if not facts["powers"]:
            del facts["powers"]
        if self.edition is not first_edition():
            facts["person"] = who.person
        self._enter("OfficerAppointed", f"officer/{who.officer}", facts, at)

    def _enrol(self, who: Person, at: datetime) -> None:
        stream = f"officer/{who.officer}"
        key: Json = {
            "officer": who.officer,
            "kid": who.key.kid,
            "jwk": dict(who.key.jwk),
            "custody": "SOFTWARE",
            "valid_from": at.isoformat(timespec="seconds"),
            "valid_to": (at + timedelta(days=3 * 365)).isoformat(timespec="seconds"),
        }
        self._enter("KeyEnrolled", stream, key, at)

    # -- steps ------------------------------------------------------------------------------------

    def act_of(self, step: Mapping[str, Any], aliases: Mapping[str, Json]) -> Act:
        """The payload of a step, with its references filled."""
        author = self._who(step["author"], aliases, step)
        for other in [*_named(step["facts"]), *filter(None, [step.get("officer")])]:
            self._who(other, aliases, step)
        signers = [{"officer": author.officer, "post": author.post, "role": "AUTHOR"}]
        for other in step["countersigners"]:
            who = self._who(other["by"], aliases, step)
            signers.append({"officer": who.officer, "post": who.post, "role": other["role"]})
        act_id = self.uuid()
        members: Json = {
            "v": 1,
            "act": step["act"],
            "act_id": act_id,
            "stream": self._stream_of(step),
            "occurred_at": step["at"],
            "precision": "minute",
            "agency": author.agency,
            "post": author.post,
            "capacity": step["capacity"],
            "basis": step["basis"],
            "circulation": step["circulation"],
            "facts": self._facts(step),
            "signers": signers,
        }
        members = _in_its_form(members, step)
        for name in ("channel", "document", "disposition", "late_reason"):
            if name in step:
                members[name] = step[name]
        if step.get("to"):
            members["to"] = step["to"]
        for name in ("refers_to", "corrects"):
            if name in step:
                members[name] = self.acts[step[name]]
        self.acts[step["n"]] = act_id
        return parse_act(members, level=self.level)

    def step(self, step: Mapping[str, Any], aliases: Mapping[str, Json]) -> tuple[Entry, Decision]:
        """Plays one step: the author, then every countersigner that has a time."""
        act = self.act_of(step, aliases)
        first = datetime.fromisoformat(step.get("signed_at", step["at"]))
        author = self.cast[step["author"]]
        role = "RETURNER" if step["act"] == "ActReturned" else "AUTHOR"
        done = self.sign(act, author.officer, role, first, author.key.kid)
        for other in step["countersigners"]:
            if "at" in other:
                who = self.cast[other["by"]]
                at = datetime.fromisoformat(other["at"])
                done = self.sign(act, who.officer, other["role"], at, who.key.kid)
        return done

    def _who(self, alias: str, aliases: Mapping[str, Json], step: Mapping[str, Any]) -> Person:
        if alias not in self.cast:
            entry = aliases[alias]
            at = datetime.fromisoformat(step["at"]) - timedelta(minutes=5)
            self.hire(alias, entry["agency"], entry["post"], at, entry.get("person"))
        return self.cast[alias]

    def _stream_of(self, step: Mapping[str, Any]) -> str:
        if "case" in step:
            return self.cases.setdefault(step["case"], f"case/{self.uuid()}")
        if "officer" in step:
            return f"officer/{self.cast[step['officer']].officer}"
        for kind in ("programme", "agency"):
            if kind in step:
                return f"{kind}/{step[kind]}"
        return "ledger"

    def _filled(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {k: self._filled(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._filled(v) for v in value]
        if isinstance(value, str) and value.startswith("@"):
            return self._reference(value)
        return value

    def _facts(self, step: Mapping[str, Any]) -> Json:
        """Those of the file; an appointment that names no person is of whoever the alias is."""
        filled: Json = self._filled(step["facts"])
        if step["act"] == "OfficerAppointed" and self.edition is not first_edition():
            filled.setdefault("person", self.cast[step["officer"]].person)
        return filled

    def _reference(self, text: str) -> Any:  # noqa: ANN401 - JSON
        kind, _, name = text[1:].partition(":")
        if kind in ("step", "entries"):
            return self.acts[int(name)] if kind == "step" else self._entries(self.acts[int(name)])
        if kind == "case":
            return self.cases.setdefault(name, f"case/{self.uuid()}")
        if kind == "officer":
            return self.cast[name].officer
        if kind == "newjwk":
            self.keys += 1
            self.cast[name].key = nth_key(self.keys)
            return dict(self.cast[name].key.jwk)
        if kind == "newkid":
            return nth_key(self.keys + 1).kid
        return self.cast[name].key.kid

    def _entries(self, act_id: str) -> list[Json]:
        """An act's statements as an erasure names them."""
        (entry,) = (s.entries[act_id] for s in self.streams.values() if act_id in s.entries)
        at = [signed.index for signed in entry.signed if signed.index is not None]
        return [{"index": index, "entry": entry_of(index)} for index in at]

    # -- what came of it --------------------------------------------------------------------------

    def read(self, read: Mapping[str, Any]) -> Json:
        """What a read of the file comes to, as its `expect` writes it."""
        act_id = None if "case" in read else self.acts[read["step"]]
        stream = next(
            s
            for name, s in self.streams.items()
            if (name == self.cases[read["case"]] if act_id is None else act_id in s.entries)
        )
        at = datetime.fromisoformat(read["at"]).astimezone(UTC)
        seen = reach(self.cast[read["by"]].officer, Viewpoint(stream, self.registry, at))
        if not (seen.whole if act_id is None else act_id in seen.acts):
            return {"refused": "part_only" if act_id is None and seen.acts else "not_found"}
        return {"under": None if seen.under is None else OPENING[seen.under.act]}

    def final(self, alias: str) -> Json:
        """State, outcome, open sub-processes, statements and flags of a case.

        As `expect_final` writes them.
        """
        stream = self.stream(self.cases[alias])
        at = self.now
        assert at is not None
        number = {act_id: n for n, act_id in self.acts.items()}
        seen = case_file(stream, self.raised, self.registry, at, self)
        return {
            "state": seen["state"],
            "outcome": seen["outcome"],
            "open_sub_processes": [
                {"name": s["name"], "step": number[s["id"]], "state": s["state"]}
                for s in seen["open_sub_processes"]
            ],
            "statements": seen["statements"],
            "flags": [{"code": f["code"], "step": number[f["act_id"]]} for f in seen["flags"]],
        }

    def flags_of(self, act_id: str, stream: str) -> set[str]:
        """Flags of one act that show now."""
        assert self.now is not None
        shown = standing(self.raised, self.stream(stream), self.registry, self.now, self)
        return {code for code, named in shown if named == act_id}


def _in_its_form(members: Json, step: Mapping[str, Any]) -> Json:
    """Of form 2 where the file says of a countersigner in which capacity."""
    others = step["countersigners"]
    if not any("capacity" in other for other in others):
        return members
    said = [other.get("capacity", "TRUC_TIEP") for other in others]
    return in_form_2(members, [step["capacity"], *said])


def _report(entry: Entry) -> CountedReport:
    facts = entry.act.facts
    assert entry.effect is not None
    assert entry.effect.index is not None
    return CountedReport(
        entry.act.act_id,
        date.fromisoformat(facts["period_from"]),
        date.fromisoformat(facts["period_to"]),
        facts.get("restates"),
        tuple(facts.get("restated_because", ())),
        index=entry.effect.index,
    )


def _named(value: object) -> Iterator[str]:
    """Aliases that the facts of a step refer to."""
    if isinstance(value, dict):
        for member in value.values():
            yield from _named(member)
    elif isinstance(value, list):
        for member in value:
            yield from _named(member)
    elif isinstance(value, str) and value.startswith(("@officer:", "@kid:", "@newkid:")):
        yield value.partition(":")[2]


def player_for(
    file: Mapping[str, Any],
    more: Mapping[str, Json] | None = None,
    player: Player | None = None,
) -> tuple[Player, dict[str, Json]]:
    """A founded log with the cast of a file, hired as `docs/reference/scenarios.md` says.

    Who keeps the registry or approves what is registered comes last, since with the first of them
    founding is over; whose agency begins later is hired when first named. A registrar, a legal and
    a personnel officer are added to a cast that has none.
    """
    level = file["steps"][0]["level"]
    player = player or Player(origin=f"{DEPLOYMENT}/{level}", level=level)
    start = datetime.fromisoformat(file["steps"][0]["at"]) - timedelta(hours=2)
    player.found(start)
    aliases = {**file["cast"], **(more or {})}
    at = start + timedelta(minutes=5)
    registry = player.registry
    present = {a: p for a, p in aliases.items() if registry.exists(p["agency"], start.date())}
    keepers = [alias for alias, part in present.items() if _keeps(registry, part)]
    for alias in [*(a for a in present if a not in keepers), *_lacking(player, keepers), *keepers]:
        if alias in ADDED:
            player.add(alias, at)
        else:
            part = present[alias]
            player.hire(alias, part["agency"], part["post"], at, part.get("person"))
    return player, aliases


def _lacking(player: Player, keepers: Sequence[str]) -> list[str]:
    """Whom the edition asks for; the first knows registrars alone.

    A registrar only where the cast has none; the other two serve for as long as the file goes on.
    """
    if player.edition is first_edition():
        return []
    return [power for power in ADDED if power != "REGISTRY_KEEPER" or not keepers]


def _keeps(registry: Registry, part: Json) -> bool:
    known = registry.agency(part["agency"])
    return known is not None and bool(REGISTERING & known.posts[part["post"]].powers)


def steps(
    file: Mapping[str, Any], upto: int | None = None, level: str = "ordinary"
) -> Iterator[Json]:
    """The steps of a level, to number `upto`."""
    for step in file["steps"]:
        if step["level"] == level and (upto is None or step["n"] <= upto):
            yield step
