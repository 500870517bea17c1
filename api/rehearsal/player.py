"""Plays one history against a ledger: enrols the cast, signs every step, checks each answer.

Knows what to send in which order and what must come back; not how it travels (a `PlayedLedger`
does that), nor how it is shown. Source: `docs/reference/scenarios.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

from api.rehearsal import acts_of_play
from api.rehearsal.acts_of_play import CastMember, Directory, References
from api.rehearsal.cast import Cast
from api.rehearsal.scenario import CastPart, Play, PlayRead, PlayStep, resolve
from keys import canonical
from keys.errors import Carried
from keys.jwk import SoftwareSigner
from ledger.admission.registrar import Keeper, registry_act
from ledger.log import statement as statements
from ledger.log.statement import Statement

_STALE_TRIES: Final = 4
_Reading = Callable[[SoftwareSigner], Mapping[str, Any]]
Watching = Callable[["StepResult", References], None]


@dataclass(frozen=True, slots=True)
class StreamHead:
    """Where the next statement of a stream must stand, as the ledger says it."""

    seq: int
    prev: str | None
    state: str | None


class PlayRefused(Carried):
    """The ledger took nothing.

    Args:
        code: Problem code (`guard`, `stale`, `clock_back` …).
        guard: The guard that refused, where one did.
        detail: What the ledger says, in the reader's language.
    """

    def __init__(self, code: str, guard: str | None, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.guard = guard
        self.detail = detail


class PlayedLedger(Protocol):
    """What a play needs of a ledger. Every call is made as `signer`, whose session it uses.

    Each of them raises `PlayRefused` where the ledger says no.
    """

    origin: str
    level: str

    def time(self) -> datetime | None:
        """The ledger's time: the last `recorded_at`."""

    def head(self, act: Mapping[str, Any], signer: SoftwareSigner, at: datetime) -> StreamHead:
        """Where the next statement of an act stands, for whoever may write it."""

    def drafted(
        self, act: Mapping[str, Any], signer: SoftwareSigner, at: datetime
    ) -> Mapping[str, Any]:
        """An act to be with what the signer's client fills in."""

    def place(self, stream: str, signer: SoftwareSigner, at: datetime | None) -> StreamHead:
        """The stream's head, as far as the signer sees it."""

    def submit(self, made: Statement, signer: SoftwareSigner, at: datetime) -> Mapping[str, Any]:
        """Sends a statement; the receipt of formats.md §8."""

    def act(self, act_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """The act as projected at least up to `index`."""

    def case(self, case_id: str, index: int, signer: SoftwareSigner) -> Mapping[str, Any]:
        """The case file as projected at least up to `index`."""

    def show(
        self, path: str, index: int, signer: SoftwareSigner, at: datetime
    ) -> tuple[str, str] | None:
        """Shows a case file or an act (`cases/<id>`, `acts/<id>`) at a time.

        Returns:
            By which order or opening alone it is shown: the rule and the act's id; None where to
            whoever takes part.
        """


@dataclass(frozen=True, slots=True)
class Registrar:
    """The founding registrar: who enrols the cast."""

    officer: str
    signer: SoftwareSigner


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What came of one read.

    Attributes:
        read: What was asked for, by whom.
        under: Rule by whose order or opening alone it was shown; None where by no such.
        via: Id of that order or opening.
        refused: Code of the answer where it was not shown.
        wrong: As below.
    """

    read: PlayRead
    under: str | None
    via: str | None
    refused: str | None
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of one step. `wrong` is empty where all is as the file expects."""

    step: PlayStep
    status: str
    state: str | None
    flags: tuple[str, ...]
    refused: str | None
    detail: str
    act_id: str | None
    wrong: tuple[str, ...]
    reads: tuple[ReadResult, ...] = ()


@dataclass(frozen=True, slots=True)
class FinalResult:
    """What a case looks like at the end; `wrong` as above."""

    alias: str
    case_id: str
    state: str | None
    outcome: str | None
    statements: int
    wrong: tuple[str, ...]


@dataclass(slots=True)
class Outcome:
    """What came of one play.

    Attributes:
        play: What was played.
        level: Level of the enclave it was played in.
        steps: One result a step that was played.
        skipped: Steps of a level this enclave does not hold, and those that speak of one.
        finals: One result a case with an expected end.
        trouble: Why the play stopped before its end; empty where it did not.
        threads: Officers, cases and acts by the file's names.
        probe_elsewhere: Whether the step that a negative is about is played in another enclave.
    """

    play: Play
    level: str = "ordinary"
    steps: list[StepResult] = field(default_factory=list)
    skipped: list[PlayStep] = field(default_factory=list)
    finals: list[FinalResult] = field(default_factory=list)
    trouble: str = ""
    threads: References = field(default_factory=References)
    probe_elsewhere: bool = False

    @property
    def unplayed(self) -> bool:
        """Whether what it is about was not played: no step at all, or not a negative's own."""
        played = {result.step.n for result in self.steps}
        probe = self.play.probe
        missed = probe is not None and probe not in played and not self.probe_elsewhere
        return missed or not played

    @property
    def ok(self) -> bool:
        """Whether everything came out as the file expects, and it was played at all."""
        wrong = [*(step.wrong for step in self.steps), *(final.wrong for final in self.finals)]
        wrong += [read.wrong for step in self.steps for read in step.reads]
        return not self.trouble and not any(wrong) and not self.unplayed


@dataclass(slots=True)
class _Run:
    play: Play
    threads: References = field(default_factory=References)
    enrolled: set[str] = field(default_factory=set)
    index: int = -1
    last: datetime | None = None
    fresh: dict[str, SoftwareSigner] = field(default_factory=dict)


class Player:
    """Plays histories one after the other against one enclave.

    Args:
        desk: The ledger.
        registrar: Who enrols the cast.
        cast: Officers and keys, kept between files.
        directory: Agencies and posts of the edition.
        new_uuid: A fresh UUIDv4.
        watch: Called with each result as it comes, and with what the file's names stand for so far.
        name: Words for a member in the reader's language, for differences.
    """

    def __init__(  # noqa: PLR0913  one collaborator each
        self,
        desk: PlayedLedger,
        registrar: Registrar,
        cast: Cast,
        directory: Directory,
        *,
        new_uuid: Callable[[], UUID],
        watch: Watching = lambda _result, _threads: None,
        name: Callable[[str], str] = str,
    ) -> None:
        self._desk = desk
        self._registrar = registrar
        self._cast = cast
        self._directory = directory
        self._new_uuid = new_uuid
        self._watch = watch
        self._name = name

    def play(self, play: Play) -> Outcome:
        """Plays to the last step; stops early only where the cast cannot be enrolled."""
        outcome = self.begun(play)
        for _ in self.going(outcome):
            pass
        return outcome

    def begun(self, play: Play) -> Outcome:
        """A play of which nothing is played yet."""
        outcome = Outcome(play, self._desk.level)
        outcome.threads.cases = {alias: str(self._new_uuid()) for alias in play.cases}
        return outcome

    def going(self, outcome: Outcome) -> Iterator[StepResult]:
        """Plays one step each time that it is asked for the next; with the last one it ends."""
        play = outcome.play
        run = _Run(play, last=self._desk.time(), threads=outcome.threads)
        played, outcome.skipped = split_by_level(play, self._desk.level)
        try:
            self._first(run)
            for step in played:
                self._late(run, step)
                result = self._step(run, step)
                outcome.steps.append(result)
                self._watch(result, run.threads)
                yield result
            outcome.finals = self._finals(run, {step.n for step in played})
        except PlayRefused as refused:
            outcome.trouble = f"{refused.guard or refused.code}: {refused.detail}"

    def signer(self, outcome: Outcome, alias: str) -> SoftwareSigner:
        """The key of one of a play's cast, as it is at the end. Raises: KeyError: nobody enrolled.

        Who asks with it sees what that officer sees.
        """
        return self._cast.signer(outcome.threads.officers[alias].kid)

    # Enrolment ---------------------------------------------------------------------------

    def _first(self, run: _Run) -> None:
        """Whoever the file names, and whom the rules ask for besides, before founding is over."""
        play, directory = run.play, self._directory
        named = acts_of_play.first_enrolments(play, directory)
        last = [a for a in named if acts_of_play.ends_founding(play.cast[a], directory)]
        self._enrol(run, [alias for alias in named if alias not in last], play.begins)
        self._add(run)
        self._enrol(run, last, play.begins)

    def _add(self, run: _Run) -> None:
        """A legal and a personnel officer, and a registrar where the file has none."""
        play, directory = run.play, self._directory
        day = play.begins.date()
        keeper, *later = directory.keepers(day)
        kept = any(acts_of_play.KEEPER in directory.post(p)[0] for p in play.cast.values())
        for power, post in acts_of_play.ADDED.items():
            part = CastPart(keeper, post)
            alias = power if power not in play.cast else f"+{power}"  # a file may call anybody so
            known = self._cast.find(alias, part, play.id) is not None
            if known or (kept and power == acts_of_play.KEEPER):
                continue
            at = acts_of_play.enrolment_time(play.begins, run.last, [part], directory)
            self._enrol_one(run, alias, part, at, power, later)

    def _late(self, run: _Run, step: PlayStep) -> None:
        missing = acts_of_play.late_enrolments(step, run.enrolled, run.play, self._directory)
        self._enrol(run, missing, step.signed)

    def _enrol(self, run: _Run, aliases: list[str], before: datetime) -> None:
        if not aliases:
            return
        parts = [run.play.cast[alias] for alias in aliases]
        at = acts_of_play.enrolment_time(before, run.last, parts, self._directory)
        for alias in aliases:
            run.enrolled.add(alias)
            part = run.play.cast[alias]
            officer = self._cast.find(alias, part, run.play.id)
            if officer is None:
                officer = self._enrol_one(run, alias, part, at)
            run.threads.officers[alias] = officer

    def _enrol_one(
        self,
        run: _Run,
        alias: str,
        part: CastPart,
        at: datetime,
        power: str | None = None,
        elsewhere: Sequence[str] = (),
    ) -> CastMember:
        """Appoints one of the cast, in further agencies too, and then enrols the key.

        In this order: with a personnel officer's key founding is over.
        """
        uuid, person = str(self._new_uuid()), f"sealed:{self._new_uuid()}"
        if part.person is not None:  # whoever of this file is the same human
            known = (o for o in run.threads.officers.values() if o.part.person == part.person)
            person = next((o.person for o in known), person)
        officer, signer = self._cast.add(alias, part, run.play.id, uuid, person)
        for agency in (part.agency, *elsewhere):
            there = replace(officer, part=replace(part, agency=agency))
            facts = acts_of_play.appointment_facts(there, self._directory, power)
            self._registry_act(run, "OfficerAppointed", facts, at)
        enrolled = acts_of_play.enrolment_facts(uuid, signer.jwk, signer.kid, at)
        self._registry_act(run, "KeyEnrolled", enrolled, at)
        return officer

    def _registry_act(self, run: _Run, act: str, facts: Mapping[str, Any], at: datetime) -> None:
        """Alone while the log is founded; with who approves once the ledger asks for one."""
        agency = self._directory.keeper(at.date())
        founder = Keeper(self._registrar.officer, agency, acts_of_play.REGISTRAR_POST)
        try:
            self._registry_statements(run, act, facts, at, ([founder], ()))
        except PlayRefused as refused:
            if refused.guard != "SIGNER_ORDER":
                raise
            known = self._cast.approvers(agency, self._directory)
            usable = [k for k in known if k.officer != facts["officer"]]
            if not usable:
                raise
            second = Keeper(usable[0].officer, usable[0].part.agency, usable[0].part.post)
            keys = (self._cast.signer(usable[0].kid),)
            self._registry_statements(run, act, facts, at, ([founder, second], keys))

    def _registry_statements(
        self,
        run: _Run,
        act: str,
        facts: Mapping[str, Any],
        at: datetime,
        by: tuple[Sequence[Keeper], Sequence[SoftwareSigner]],
    ) -> None:
        signers, others = by
        act_id, stream = str(self._new_uuid()), f"officer/{facts['officer']}"
        data = canonical.encode(
            registry_act(act, act_id=act_id, stream=stream, at=at, facts=facts, signers=signers)
        )
        self._sign(run, data, (self._registrar.signer, "AUTHOR", at))
        for signer in others:
            self._sign(run, data, (signer, "APPROVER", at))

    # Steps -------------------------------------------------------------------------------

    def _step(self, run: _Run, step: PlayStep) -> StepResult:
        act_id = str(self._new_uuid())
        run.threads.acts[step.n] = act_id
        run.fresh = {}
        facts = self._facts(run, step)
        number = acts_of_play.is_number_said(run.play, step)
        payload = acts_of_play.step_act(step, act_id, run.threads, facts, number=number)
        before = self._place(run, step)
        try:
            drafted = self._desk.drafted(payload, self._key(run, step.author), step.signed)
            receipt = self._signatures(run, step, canonical.encode(dict(drafted)))
        except PlayRefused as refused:
            return self._refused(run, step, refused, before)
        for alias, key in run.fresh.items():
            changed = self._cast.change_key(run.threads.officers[alias], key)
            run.threads.officers[alias] = changed
        return self._taken(run, step, act_id, receipt)

    def _facts(self, run: _Run, step: PlayStep) -> dict[str, Any]:
        """Those of the file; an appointment that names no person is of whoever the alias is."""
        facts = resolve(step.facts, lambda kind, name: self._answer(run, kind, name))
        if step.act == "OfficerAppointed" and step.stream_of == "officer":
            facts.setdefault("person", run.threads.officers[step.thread].person)
        return dict(facts)

    def _answer(self, run: _Run, kind: str, name: str) -> object:
        if kind in ("newkid", "newjwk"):
            key = run.fresh.setdefault(name, self._cast.new_key())
            return key.kid if kind == "newkid" else dict(key.jwk)
        try:
            return run.threads.answer(kind, name)
        except (KeyError, ValueError) as error:
            raise PlayRefused("scenario", None, f"@{kind}:{name} stands for nothing yet") from error

    def _signatures(self, run: _Run, step: PlayStep, payload: bytes) -> Mapping[str, Any]:
        role = "RETURNER" if step.act == "ActReturned" else "AUTHOR"
        by = [(self._key(run, step.author), role, step.signed)]
        by += [
            (self._key(run, one.by), one.role, one.at)
            for one in step.countersigners
            if one.at is not None
        ]
        receipts = [self._sign(run, payload, one) for one in by]
        run.threads.entries[step.n] = [
            {"index": receipt["index"], "entry": receipt["entry"]} for receipt in receipts
        ]
        return receipts[-1]

    def _sign(
        self, run: _Run, payload: bytes, by: tuple[SoftwareSigner, str, datetime]
    ) -> Mapping[str, Any]:
        """Signs for the stream's place as it is now; once more where another came in between."""
        signer, role, at = by
        act = canonical.parse(payload)
        for left in reversed(range(_STALE_TRIES)):
            place = self._desk.head(act, signer, at)
            made = statements.make(
                payload,
                signer,
                iat=int(at.timestamp()),
                log=self._desk.origin,
                seq=place.seq,
                prev=place.prev,
                role=role,
            )
            try:
                receipt = self._desk.submit(made, signer, at)
            except PlayRefused as refused:
                if refused.code != "stale" or left == 0:
                    raise
                continue
            run.index = max(run.index, int(receipt["index"]))
            run.last = at
            return receipt
        raise AssertionError("unreachable")

    def _taken(
        self, run: _Run, step: PlayStep, act_id: str, receipt: Mapping[str, Any]
    ) -> StepResult:
        shown = self._seen(run, step, partial(self._desk.act, act_id, run.index))
        seen = {
            "status": receipt["status"],
            "state": self._place(run, step).state,
            "flags": flag_codes(shown),
        }
        wrong = acts_of_play.differences(step.expect, seen, self._name)
        return StepResult(
            step=step,
            status=seen["status"],
            state=seen["state"],
            flags=tuple(seen["flags"]),
            refused=None,
            detail="",
            act_id=act_id,
            wrong=tuple(wrong),
            reads=tuple(self._read(run, read) for read in step.reads),
        )

    def _read(self, run: _Run, read: PlayRead) -> ReadResult:
        """Asks for something as one of the cast, and says whether it was shown as it must be."""
        if read.case is not None:
            path = f"cases/{run.threads.cases[read.case]}"
        else:
            path = f"acts/{self._answer(run, 'step', str(read.step))}"
        shown: tuple[str, str] | None = None
        code: str | None = None
        try:
            shown = self._desk.show(path, run.index, self._key(run, read.by), read.at)
        except PlayRefused as no:
            code = no.code
            if read.refused is None:
                return ReadResult(read, None, None, code, (f"{code}: {no.detail}",))
        rule, via = shown or (None, None)
        expect = {"read_under": read.under} if read.refused is None else {"refused": read.refused}
        seen: dict[str, Any] = {"read_under": rule, "refused": code, "flags": []}
        wrong = acts_of_play.differences(expect, seen, self._name)
        return ReadResult(read, rule, via, code, tuple(wrong))

    def _refused(
        self, run: _Run, step: PlayStep, refused: PlayRefused, before: StreamHead
    ) -> StepResult:
        after = self._place(run, step)
        reason = refused.guard or refused.code
        seen = {"status": "refused", "refused": reason, "state": after.state}
        wrong = acts_of_play.differences(step.expect, seen, self._name)
        if step.must_not_stand and after.seq != before.seq:
            wrong.append(f"{self._name('recorded')}: 0 → {after.seq - before.seq}")
        if not step.must_not_stand:
            wrong.append(f"{reason}: {refused.detail}")
        return StepResult(
            step=step,
            status="refused",
            state=after.state,
            flags=(),
            refused=reason,
            detail=refused.detail,
            act_id=None,
            wrong=tuple(wrong),
        )

    def _place(self, run: _Run, step: PlayStep) -> StreamHead:
        """Where a stream stands, with the state of its case as somebody sees it who sees it whole.

        Whoever was sent an act of a case, and answers it, is not told how the case stands.
        """
        stream = run.threads.stream(step)
        place = self._desk.place(stream, self._key(run, step.author), run.last)
        if step.stream_of != "case":
            return StreamHead(place.seq, place.prev, None)
        for alias in self._authors(run, step)[1:]:
            if place.state is not None:
                break
            seen = self._desk.place(stream, self._key(run, alias), run.last)
            place = seen if seen.seq >= place.seq else place
        return place

    def _authors(self, run: _Run, step: PlayStep) -> list[str]:
        """Who has written in the case of a step up to it, its own author first, then the latest."""
        earlier = [
            one.author
            for one in run.play.steps
            if one.stream_of == "case" and one.thread == step.thread and one.n <= step.n
        ]
        return list(dict.fromkeys([step.author, *reversed(earlier)]))

    def _key(self, run: _Run, alias: str) -> SoftwareSigner:
        return self._cast.signer(run.threads.officers[alias].kid)

    # The end -----------------------------------------------------------------------------

    def _finals(self, run: _Run, played: set[int]) -> list[FinalResult]:
        results = []
        for alias, expect in run.play.finals.items():
            mine = [s for s in run.play.steps if s.stream_of == "case" and s.thread == alias]
            if mine and all(step.n in played for step in mine):
                results.append(self._final(run, alias, expect, mine[-1]))
        return results

    def _final(
        self, run: _Run, alias: str, expect: Mapping[str, Any], last: PlayStep
    ) -> FinalResult:
        case_id = run.threads.cases[alias]
        try:
            shown = self._seen(run, last, partial(self._desk.case, case_id, run.index))
        except PlayRefused as refused:
            if not _sees_less(refused):
                raise
            return self._final_in_parts(run, alias, expect, last)
        numbers = {act_id: n for n, act_id in run.threads.acts.items()}
        seen = {
            "state": shown.get("state"),
            "outcome": shown.get("outcome"),
            "statements": shown.get("statements"),
            "open_sub_processes": open_sub_processes(shown, numbers),
            "flags": [f"{code}@{n}" for code, n in standing_flags(shown, numbers)],
        }
        wanted = {
            **expect,
            "open_sub_processes": [
                f"{sub['name']}@{sub['step']}={sub['state']}"
                for sub in expect.get("open_sub_processes", ())
            ],
            "flags": [f"{flag['code']}@{flag['step']}" for flag in expect.get("flags", ())],
        }
        return FinalResult(
            alias=alias,
            case_id=case_id,
            state=shown.get("state"),
            outcome=shown.get("outcome"),
            statements=int(shown.get("statements") or 0),
            wrong=tuple(acts_of_play.differences(wanted, seen, self._name)),
        )

    def _final_in_parts(
        self, run: _Run, alias: str, expect: Mapping[str, Any], last: PlayStep
    ) -> FinalResult:
        """Of a case that nobody sees whole, as above ordinary: how long it is, and no more (D1)."""
        place = self._desk.place(run.threads.stream(last), self._key(run, last.author), run.last)
        said, seen = {"statements": expect.get("statements")}, {"statements": place.seq - 1}
        wrong = tuple(acts_of_play.differences(said, {**seen, "flags": []}, self._name))
        case_id = run.threads.cases[alias]
        return FinalResult(alias, case_id, None, None, place.seq - 1, wrong)

    def _seen(self, run: _Run, step: PlayStep, read: _Reading) -> Mapping[str, Any]:
        """What is read of a case, as the first of its authors sees it who sees it whole.

        Raises:
            PlayRefused: None of them does.
        """
        authors = self._authors(run, step)
        for alias in authors:
            try:
                return read(self._key(run, alias))
            except PlayRefused as refused:
                if not _sees_less(refused) or alias == authors[-1]:
                    raise
        raise AssertionError("a step has an author")


def _sees_less(refused: PlayRefused) -> bool:
    """Whether it is the asker who does not see the case, or not all of it."""
    return refused.code in ("part_only", "not_found")


def split_by_level(play: Play, level: str) -> tuple[list[PlayStep], list[PlayStep]]:
    """Steps this enclave can play, and those it cannot: of another level, or about such."""
    played: list[PlayStep] = []
    skipped: list[PlayStep] = []
    missing: set[int] = set()
    for step in play.steps:
        if step.level != level or step.steps_needed() & missing:
            skipped.append(step)
            missing.add(step.n)
        else:
            played.append(step)
    return played, skipped


def flag_codes(act: Mapping[str, Any]) -> list[str]:
    """Codes of the flags an act view shows."""
    return sorted({_code(flag) for flag in act.get("flags", ())})


def standing_flags(case: Mapping[str, Any], numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """Flags that still show in a case file, with the number of the step that raised each."""
    return sorted(
        (_code(flag), numbers.get(str(flag["act_id"]), 0)) for flag in case.get("flags", ())
    )


def open_sub_processes(case: Mapping[str, Any], numbers: Mapping[str, int]) -> list[str]:
    """`name@step=state` of every sub-process where somebody still has to act."""
    return sorted(
        f"{sub['name']}@{numbers.get(str(sub['id']), 0)}={sub['state']}"
        for sub in case.get("open_sub_processes", ())
    )


def _code(flag: object) -> str:
    return str(flag["code"]) if isinstance(flag, Mapping) else str(flag)
