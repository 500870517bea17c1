"""Reads scenario files: what happened to whom, in order, and what the ledger must answer.

Pure but for reading the files named. The form of both files: `docs/reference/scenarios.md`. One
`Play` is one history to be played from its first step to its last. Not: keys, HTTP, clocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from api.settings import Unfit
from ledger.message import Message, system_fault

SHIPPED: Final = Path(__file__).with_name("scenarios")
_REFERENCE: Final = re.compile(r"@(step|entries|case|officer|kid|newkid|newjwk):([^\s]+)")
_OF_STEPS: Final = frozenset({"step", "entries"})
_MEMBERS: Final = ("to", "channel", "document", "disposition", "late_reason", "attachments")


class ScenarioError(Unfit):
    """The move of the file's writer: it cannot be played as it stands."""


@dataclass(frozen=True, slots=True)
class CastPart:
    """What one alias of the cast stands for: one officer in one post of one agency.

    `person`: label of the human behind it, where one has several ids; None: one of their own.
    """

    agency: str
    post: str
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Countersigner:
    """One more signer of a step.

    Attributes:
        by: Alias.
        role: CHECKER or APPROVER.
        at: When; None: named, but does not sign in this step.
        capacity: As which; None: the file does not say it, and where it says it of nobody the act
            is of form 1.
    """

    by: str
    role: str
    at: datetime | None
    capacity: str | None = None


@dataclass(frozen=True, slots=True)
class PlayRead:
    """What somebody asks to be shown once a step has been taken.

    Attributes:
        by: Alias of the cast, in whose session it is asked.
        at: When, on the file's clock.
        case: Alias of the case whose file is asked for; None where it is an act.
        step: Number of the step whose act is asked for; None where it is a case.
        under: Rule by whose order or opening alone it must be shown (`A9`, `A19`); None: it is
            shown to whoever takes part.
        refused: Code of the answer where it must not be shown; None: it must be.
    """

    by: str
    at: datetime
    case: str | None
    step: int | None
    under: str | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class PlayStep:
    """One act of the history with its signatures.

    Attributes:
        n: Number in the file, from 1.
        at: When it happened (`occurred_at`), as written, with its own offset.
        signed: When its author signs; `at` unless the entry is late.
        level: The log it belongs to.
        act: Act type.
        stream_of: Which kind of stream (`case`, `officer`, `programme`, `agency`, `ledger`).
        thread: Alias or id of that stream; empty for `ledger`.
        author: Alias that signs as author.
        countersigners: The other signers, in order.
        members: Members of the act taken over as they stand (facts excluded).
        facts: The facts, references unresolved.
        refers_to: Number of the step the act refers to.
        corrects: Number of the step it corrects.
        expect: What must be the answer; None: it must take effect.
        reads: What is asked to be shown once it stands, in order.
    """

    n: int
    at: datetime
    signed: datetime
    level: str
    act: str
    stream_of: str
    thread: str
    author: str
    countersigners: tuple[Countersigner, ...]
    members: Mapping[str, Any]
    facts: Mapping[str, Any]
    refers_to: int | None
    corrects: int | None
    expect: Mapping[str, Any] | None
    reads: tuple[PlayRead, ...] = ()

    @property
    def must_not_stand(self) -> bool:
        """Whether the file expects a refusal."""
        return self.expect is not None and "refused" in self.expect

    def references(self) -> Iterator[tuple[str, str]]:
        """Every `@kind:name` in the facts, in document order."""
        return _references(self.facts)

    def aliases(self) -> set[str]:
        """Every alias of the cast that this step needs to be enrolled."""
        named = {self.author, *(c.by for c in self.countersigners)}
        named |= {name for kind, name in self.references() if kind not in {*_OF_STEPS, "case"}}
        named |= {read.by for read in self.reads}
        return named | ({self.thread} if self.stream_of == "officer" else set())

    def steps_needed(self) -> set[int]:
        """Numbers of the earlier steps this one speaks of."""
        named = {int(n) for kind, n in self.references() if kind in _OF_STEPS and n.isdigit()}
        read = {read.step for read in self.reads} - {self.n}
        others = {self.refers_to, self.corrects, *read}
        return named | {n for n in others if n is not None}


@dataclass(frozen=True, slots=True)
class Play:
    """One history to be played in one enclave.

    Attributes:
        id: Id of the scenario or of the negative.
        title: Title by language.
        deployment: Deployment of the fresh enclave it would be played in.
        cast: Alias to part.
        cases: Alias to case number.
        steps: In the order in which they are signed.
        finals: What each case must look like at the end, by case alias; empty for a negative.
        probe: Number of the step that a negative is about; None for a scenario.
    """

    id: str
    title: Mapping[str, str]
    deployment: str
    cast: Mapping[str, CastPart]
    cases: Mapping[str, str]
    steps: tuple[PlayStep, ...]
    finals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    probe: int | None = None

    @property
    def probe_level(self) -> str | None:
        """Level of the step that a negative is about."""
        return next((step.level for step in self.steps if step.n == self.probe), None)

    @property
    def begins(self) -> datetime:
        """When its first signature is made."""
        return self.steps[0].signed


def read_files(paths: Sequence[Path]) -> list[Play]:
    """All plays of these files, in the order of their dates.

    Raises:
        ScenarioError: A file is missing, is not JSON, or is not of the form.
    """
    plays = [play for path in paths for play in read_file(path)]
    if not plays:
        raise ScenarioError(Message("there is nothing to play in these files"))
    return sorted(plays, key=lambda play: play.begins)


def read_file(path: Path) -> list[Play]:
    """The play of a scenario file, or the plays of a file of negatives."""
    document = _load(path)
    try:
        if "negatives" not in document:
            return [_scenario(document)]
        return [_negative(entry, path) for entry in document["negatives"]]
    except ScenarioError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ScenarioError(
            Message(
                "{name} is not of the scenario form: {error}", name=path.name, error=repr(error)
            ),
        ) from error


def shipped(name: str) -> Path:
    """A file the product ships, by its id.

    Raises:
        ScenarioError: There is none of that name.
    """
    path = SHIPPED / f"{name}.json"
    if not re.fullmatch(r"[\w.-]+", name) or not path.is_file():
        raise _unknown(name)
    return path


def file_or_shipped(path: Path) -> Path:
    """The file, or the shipped one of that name where no such file is here (`SC1`)."""
    if path.exists() or path.name != str(path):
        return path
    beside = SHIPPED / f"{path.name.removesuffix('.json')}.json"
    return beside if beside.is_file() else path


def _unknown(name: str) -> ScenarioError:
    """A bare name that is neither a file here nor shipped."""
    known = ", ".join(sorted((path.stem for path in SHIPPED.glob("*.json")), key=_by_number))
    return ScenarioError(
        Message("there is no scenario {name}; shipped are {known}", name=name, known=known),
    )


def _by_number(name: str) -> tuple[str, int]:
    letters = name.rstrip("0123456789")
    return letters, int(name[len(letters) :] or 0)


def resolve(value: Any, answer: Callable[[str, str], Any]) -> Any:  # noqa: ANN401  JSON
    """`value` with every reference replaced by what `answer(kind, name)` gives for it."""
    if isinstance(value, str):
        found = _REFERENCE.fullmatch(value)
        return answer(found[1], found[2]) if found else value
    if isinstance(value, list):
        return [resolve(item, answer) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, answer) for key, item in value.items()}
    return value


def _references(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if found := _REFERENCE.fullmatch(value):
            yield found[1], found[2]
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _references(item)


def _load(path: Path) -> dict[str, Any]:
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        if path.name == str(path) and path.stem == path.name:
            raise _unknown(path.name) from error
        raise ScenarioError(
            Message("cannot read {path}: {strerror}", path=path, strerror=system_fault(error))
        ) from error
    except orjson.JSONDecodeError as error:
        raise ScenarioError(
            Message("{name} is not JSON: {error}", name=path.name, error=error)
        ) from error
    if not isinstance(document, dict):
        raise ScenarioError(Message("{name} must hold one JSON object", name=path.name))
    return document


def _scenario(document: Mapping[str, Any]) -> Play:
    cases = dict(document.get("cases", {}))
    finals = dict(document.get("expect_final_by_case", {}))
    if "expect_final" in document and cases:
        finals.setdefault(next(iter(cases)), document["expect_final"])
    return _checked(
        Play(
            id=str(document["id"]),
            title=_title(document),
            deployment=document.get("rehearsal_deployment", "rehearsal.bacninh.example"),
            cast=_cast(document["cast"]),
            cases=cases,
            steps=tuple(_step(step) for step in document["steps"]),
            finals=finals,
        )
    )


def _negative(entry: Mapping[str, Any], path: Path) -> Play:
    base = _base(entry["scenario"], path)
    kept = tuple(step for step in base.steps if step.n <= entry["after_step"])
    probe = _step({**entry["step"], "expect": entry["expect"]})
    return _checked(
        Play(
            id=str(entry["id"]),
            title=_title(entry),
            deployment=base.deployment,
            cast={**base.cast, **_cast(entry.get("cast", {}))},
            cases={**base.cases, **entry.get("cases", {})},
            steps=(*kept, *(_step(step) for step in entry.get("setup", ())), probe),
            probe=probe.n,
        )
    )


def _title(document: Mapping[str, Any]) -> dict[str, str]:
    """By language; where the file has one alone, that one in both."""
    said = {lang: str(document.get(f"title_{lang}") or "") for lang in ("vi", "en")}
    return {"vi": said["vi"] or said["en"], "en": said["en"] or said["vi"]}


def _base(name: str, path: Path) -> Play:
    for folder in (path.parent / "scenarios", path.parent):
        beside = folder / f"{name}.json"
        if beside.is_file() and beside != path:
            return _scenario(_load(beside))
    found = shipped(name)
    return _scenario(_load(found))


def _cast(cast: Mapping[str, Any]) -> dict[str, CastPart]:
    return {
        alias: CastPart(part["agency"], part["post"], part.get("person"))
        for alias, part in cast.items()
    }


def _step(written: Mapping[str, Any]) -> PlayStep:
    step = {name: value for name, value in written.items() if value is not None}
    stream_of, thread = _thread(step)
    at = _time(step["at"])
    return PlayStep(
        n=int(step["n"]),
        at=at,
        signed=_time(step.get("signed_at", step["at"])),
        level=step.get("level", "ordinary"),
        act=step["act"],
        stream_of=stream_of,
        thread=thread,
        author=step["author"],
        countersigners=tuple(_countersigner(c) for c in step.get("countersigners", ())),
        members=_members(step),
        facts=dict(step.get("facts", {})),
        refers_to=step.get("refers_to"),
        corrects=step.get("corrects"),
        expect=step.get("expect"),
        reads=tuple(_read(read) for read in step.get("reads", ())),
    )


def _read(entry: Mapping[str, Any]) -> PlayRead:
    case, step = entry.get("case"), entry.get("step")
    if (case is None) == (step is None):
        raise ScenarioError(Message("a read names one case or one step"))
    expect = entry["expect"]
    return PlayRead(
        by=entry["by"],
        at=_time(entry["at"]),
        case=case,
        step=None if step is None else int(step),
        under=expect.get("under"),
        refused=expect.get("refused"),
    )


def _countersigner(entry: Mapping[str, Any]) -> Countersigner:
    at = _time(entry["at"]) if entry.get("at") else None
    return Countersigner(by=entry["by"], role=entry["role"], at=at, capacity=entry.get("capacity"))


def _thread(step: Mapping[str, Any]) -> tuple[str, str]:
    named = [kind for kind in ("case", "officer", "programme", "agency") if step.get(kind)]
    if len(named) > 1:
        streams = ", ".join(named)
        raise ScenarioError(
            Message(
                "step {step} names more than one stream: {streams}", step=step["n"], streams=streams
            ),
        )
    return (named[0], str(step[named[0]])) if named else ("ledger", "")


def _members(step: Mapping[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {
        "precision": step.get("precision", "minute"),
        "capacity": step.get("capacity", "TRUC_TIEP"),
        "circulation": step.get("circulation", "INTERNAL"),
        "basis": step.get("basis", []),
    }
    members |= {name: step[name] for name in _MEMBERS if step.get(name)}
    return members


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ScenarioError(Message("{time} has no offset", time=text))
    return moment


def _checked(play: Play) -> Play:
    if not play.steps:
        raise ScenarioError(Message("{id} has no steps", id=play.id))
    for step in play.steps:
        if unknown := step.aliases() - set(play.cast):
            raise ScenarioError(
                Message(
                    "{id} step {n}: {unknown} is not in the cast",
                    id=play.id,
                    n=step.n,
                    unknown=min(unknown),
                ),
            )
        cases = {step.thread} if step.stream_of == "case" else set()
        cases |= {read.case for read in step.reads if read.case is not None}
        if unknown := cases - set(play.cases):
            raise ScenarioError(
                Message(
                    "{id} step {n}: {thread} is not among the cases",
                    id=play.id,
                    n=step.n,
                    thread=min(unknown),
                ),
            )
    return play
