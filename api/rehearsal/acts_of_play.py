"""Turns a play into acts: who is enrolled when, what each payload says.

Pure: officers, keys and ids come in by argument. Source: `docs/reference/scenarios.md`, and
formats.md §2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol

from api.rehearsal.scenario import CastPart, Play, PlayStep
from ledger.regulation.case.registers import KINDS

KEEPER: Final = "REGISTRY_KEEPER"
PERSONNEL: Final = "PERSONNEL_OFFICER"
ADDED: Final[Mapping[str, str]] = {
    "LEGAL_OFFICER": "phap-che",
    PERSONNEL: "to-chuc",
    KEEPER: "quan-tri-danh-ba",
}
"""Whom a cast is given that the rules ask for, by power, with the post: the last to be enrolled, in
this order. A registrar only where the file has none."""
OWN: Final = "TRUC_TIEP"
"""In one's own name: the capacity of a countersigner of whom the file says none."""
REGISTRAR_POST: Final = "quan-tri-danh-ba"
FIRST_DAY: Final = date(2023, 3, 21)
_NUMBERS: Final = ("case_number", "register_no")
_LEAD_TIME: Final = timedelta(minutes=5)
_KEY_LIFE: Final = timedelta(days=1826)


class Directory(Protocol):
    """What the edition says of agencies and posts."""

    def first_day(self, agency: str) -> date | None:
        """The agency's first day; None where the edition does not know it."""

    def post(self, part: CastPart) -> tuple[list[str], list[str]]:
        """Powers and capacities that the post gives."""

    def keeper(self, day: date) -> str:
        """The agency that keeps the registry on that day."""

    def keepers(self, day: date) -> list[str]:
        """That agency, and those that keep it later, in their order."""


@dataclass(frozen=True, slots=True)
class CastMember:
    """An alias as the ledger knows it.

    Attributes:
        alias: Its name in the cast.
        officer: Its uuid.
        part: What it stands for.
        kid: The key it signs with now.
        person: Token of the human behind it.
    """

    alias: str
    officer: str
    part: CastPart
    kid: str
    person: str = ""


@dataclass(slots=True)
class References:
    """What the references of one play stand for: filled as the play goes on."""

    officers: dict[str, CastMember] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    acts: dict[int, str] = field(default_factory=dict)
    entries: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def stream(self, step: PlayStep) -> str:
        """The name of the step's stream (formats.md §2)."""
        match step.stream_of:
            case "case":
                return f"case/{self.cases[step.thread]}"
            case "officer":
                return f"officer/{self.officers[step.thread].officer}"
            case "ledger":
                return "ledger"
            case kind:
                return f"{kind}/{step.thread}"

    def answer(self, kind: str, name: str) -> str | list[dict[str, Any]]:
        """What `@kind:name` stands for (all kinds but the two that make a key)."""
        match kind:
            case "step":
                return self.acts[int(name)]
            case "entries":
                return self.entries[int(name)]
            case "case":
                return f"case/{self.cases[name]}"
            case "officer":
                return self.officers[name].officer
            case "kid":
                return self.officers[name].kid
            case _:
                raise KeyError(kind)


def first_enrolments(play: Play, directory: Directory) -> list[str]:
    """Aliases enrolled before the first step: all whose agency exists by then.

    Who keeps the registry or approves what is registered comes last.
    """
    day = play.begins.date()
    early = [alias for alias, part in play.cast.items() if _starts(part, directory) <= day]
    return _keepers_last(early, play, directory)


def late_enrolments(
    step: PlayStep, enrolled: set[str], play: Play, directory: Directory
) -> list[str]:
    """Aliases this step is the first to name, of those whose agency began after the play."""
    missing = [alias for alias in play.cast if alias in step.aliases() and alias not in enrolled]
    return _keepers_last(missing, play, directory)


def enrolment_time(
    before: datetime, last: datetime | None, parts: list[CastPart], directory: Directory
) -> datetime:
    """Minutes before `before`; never before the ledger's time or the agencies' first day."""
    moment = before - _LEAD_TIME
    starts = [_starts(part, directory) for part in parts]
    for day in starts:
        opening = datetime(day.year, day.month, day.day, tzinfo=before.tzinfo)
        moment = max(moment, opening)
    if last is not None and last > moment:
        moment = _whole_second_after(last.astimezone(before.tzinfo))
    return moment


def appointment_facts(
    member: CastMember, directory: Directory, power: str | None = None
) -> dict[str, Any]:
    """Facts of `OfficerAppointed` for one of the cast.

    Args:
        member: Who is appointed, to what.
        directory: What the post gives.
        power: One power given in the place of those of the post.
    """
    part = member.part
    powers, capacities = directory.post(part) if power is None else ([power], [OWN])
    facts: dict[str, Any] = {
        "officer": member.officer,
        "person": member.person,
        "agency": part.agency,
        "post": part.post,
        "capacities": capacities,
        "valid_from": _starts(part, directory).isoformat(),
        "basis_document": "Quyết định bổ nhiệm (bản diễn thử)",
    }
    return facts | ({"powers": powers} if powers else {})


def enrolment_facts(officer: str, jwk: Mapping[str, str], kid: str, at: datetime) -> dict[str, Any]:
    """Facts of `KeyEnrolled` for a software key that is good from `at` for five years."""
    return {
        "officer": officer,
        "kid": kid,
        "jwk": dict(jwk),
        "custody": "SOFTWARE",
        "valid_from": rfc3339(at),
        "valid_to": rfc3339(at + _KEY_LIFE),
    }


@dataclass(frozen=True, slots=True)
class Signing:
    """One who must sign a payload: officer, post and role (formats.md §2 `signers`)."""

    officer: str
    post: str
    role: str

    def member(self) -> dict[str, str]:
        """As it stands in `signers`."""
        return {"officer": self.officer, "post": self.post, "role": self.role}


def is_number_said(play: Play, step: PlayStep) -> bool:
    """Whether a file means the number of a registration: it tries one, or puts one right later.

    Any other number of a file is a label: the ledger gives the number (formats.md §2).
    """
    put_right = (
        str(other.facts.get("member")).removeprefix("facts.") in _NUMBERS
        for other in play.steps
        if other.corrects == step.n
    )
    return step.must_not_stand or any(put_right)


def step_act(
    step: PlayStep,
    act_id: str,
    threads: References,
    facts: Mapping[str, Any],
    *,
    number: bool = True,
) -> dict[str, Any]:
    """The payload of a step, its facts already resolved.

    Args:
        step: The step.
        act_id: Of its act.
        threads: What the file's names stand for.
        facts: Of the act.
        number: Whether an act that the ledger would give a number says its own, by form 1.
    """
    given = not number and step.act in KINDS
    author = threads.officers[step.author]
    signers = [Signing(author.officer, author.part.post, "AUTHOR").member()]
    for entry in step.countersigners:
        other = threads.officers[entry.by]
        signers.append(Signing(other.officer, other.part.post, entry.role).member())
    payload: dict[str, Any] = {
        "v": 1,
        "act": step.act,
        "act_id": act_id,
        "stream": threads.stream(step),
        "occurred_at": rfc3339(step.at),
        "agency": author.part.agency,
        "post": author.part.post,
        "facts": {n: v for n, v in facts.items() if not (given and n in _NUMBERS)},
        "signers": signers,
        **step.members,
    }
    if given or any(entry.capacity is not None for entry in step.countersigners):
        said = [payload.pop("capacity"), *(entry.capacity for entry in step.countersigners)]
        for signer, capacity in zip(signers, said, strict=True):
            signer["capacity"] = capacity or OWN
        payload["v"] = 2
    for member, named in (("refers_to", step.refers_to), ("corrects", step.corrects)):
        if named is not None:
            payload[member] = threads.acts[named]
    return payload


def rfc3339(moment: datetime) -> str:
    """formats.md §1: seconds, no fraction, a numeric offset."""
    return moment.replace(microsecond=0).isoformat()


def differences(
    expect: Mapping[str, Any] | None, seen: Mapping[str, Any], name: Callable[[str], str] = str
) -> list[str]:
    """What the file expects of a step and did not get, one line each.

    Args:
        expect: `expect` of the step; None: it must take effect.
        seen: `status`, `state`, `flags` and `refused` as the ledger answered.
        name: Words for a member (`status` …) in the reader's language.
    """
    wanted, flag = _wanted(expect)
    found = [
        f"{name(member)}: {_shown(value)} → {_shown(seen.get(member))}"
        for member, value in wanted.items()
        if _comparable(value) != _comparable(seen.get(member))
    ]
    if flag is not None and flag not in (seen.get("flags") or ()):
        found.append(f"{name('flags')}: {flag} ∉ {{{_shown(seen.get('flags') or ())}}}")
    return found


def _wanted(expect: Mapping[str, Any] | None) -> tuple[dict[str, Any], str | None]:
    if expect is None:
        return {"status": "effective"}, None
    if "refused" in expect:
        return {"refused": expect["refused"]}, None
    if "effective_with_flag" in expect:
        return {"status": "effective"}, expect["effective_with_flag"]
    return {"flags": [], **expect}, None


def _comparable(value: object) -> object:
    return sorted(value, key=repr) if isinstance(value, list | tuple | set) else value


def _shown(value: object) -> str:
    if isinstance(value, list | tuple | set):
        return ", ".join(sorted(str(item) for item in value)) or "∅"
    return "∅" if value is None else str(value)


def _starts(part: CastPart, directory: Directory) -> date:
    return max(FIRST_DAY, directory.first_day(part.agency) or FIRST_DAY)


def ends_founding(part: CastPart, directory: Directory) -> bool:
    """Whether founding is over with whoever holds this post."""
    return not {KEEPER, PERSONNEL}.isdisjoint(directory.post(part)[0])


def _keepers_last(aliases: list[str], play: Play, directory: Directory) -> list[str]:
    return sorted(aliases, key=lambda alias: ends_founding(play.cast[alias], directory))


def _whole_second_after(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
