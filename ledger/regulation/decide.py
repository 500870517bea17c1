"""May this statement be recorded, what does it bring about, and which flags does it carry.

The one entrance to the rules. Order (guards.json, notes): the place of the act first, and that its
id names no other, then the guards in the order of the list. The first refusal is named, and every
fault that tells nothing of what is unseen is listed; all flags are kept. All guards are asked at
every statement of an act, against the stream as it stands then (architecture.md §3, step 3): an act
whose ground has gone while it was pending is refused at the countersignature. Above ordinary a
guard hears of no document but those that the act speaks of. Signatures, canonical
bytes and the window of `iat` are settled before; nothing here stores anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Literal, NoReturn, cast

from ledger.errors import Fault, Rejected
from ledger.message import Message, Wording
from ledger.regulation.acts.act import ORDINARY, NamedSigner
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.other_cases_port import (
    Untold,
    UntoldCases,
    UntoldRegistry,
    UntoldStream,
)
from ledger.regulation.case.stand_ins import by_lenders
from ledger.regulation.case.state import RECOVERING, VOIDING, StreamState, awaited
from ledger.regulation.guards.breach import Breach
from ledger.regulation.guards.table import Guard, guards_in
from ledger.regulation.participation.units import part_asked
from ledger.regulation.registry.code_words import in_words
from ledger.regulation.registry.registry import Registry
from ledger.steps import Steps, finished
from ledger.values import frozen_value

_A_STEP: Final = 6
"""Guards a step: their code stays in the caches for the next statement."""


@frozen_value(frozen=True, slots=True)
class Decision:
    """What the statement brings about once it is recorded.

    Attributes:
        status: `effective` with the last signature, else `pending`.
        flags: Codes of the flags it carries now, in the order of guards.json; for whoever sees a
            part of the case, of those that the act gives by itself.
        next_state: Main state of the case afterwards; None in other streams.
        waiting_for: Who still has to sign, in order.
    """

    status: Literal["pending", "effective"]
    flags: tuple[str, ...]
    next_state: str | None
    waiting_for: tuple[NamedSigner, ...]


def decide(q: GuardInput) -> Decision:
    """Judges one statement.

    Raises:
        Rejected: `guard` with the guard's code; `wrong_stream` where the act has no place in this
            stream or log; `stream_set_aside` where a record of the stream is to be voided first.
    """
    return finished(deciding(q))


def deciding(q: GuardInput) -> Steps[Decision]:
    """As `decide`, a few guards a step: for whoever judges several statements together."""
    _form(q)
    _place(q)
    _require_whole(q)
    _require_own_words(q)
    flags = []
    guards = guards_in(q.edition).asked(q.kind, q.stream.kind)
    lenders, part = by_lenders(q), _of_its_documents(q)
    for first in range(0, len(guards), _A_STEP):
        for guard in guards[first : first + _A_STEP]:
            asked = q if guard.of_lender else part
            breach = guard.check(asked) if lenders is None else guard.breach(asked, lenders)
            if breach is None:
                continue
            if guard.kind == "refuse":
                _refuse(q, guard, breach, guards[guards.index(guard) + 1 :], lenders)
            if q.whole or _given_by_the_act(guard, asked):
                flags.append(guard.code)
        yield
    waiting = awaited(part.stream, q.act)[1:]
    if waiting:
        return Decision("pending", tuple(flags), part.stream.state, waiting)
    return Decision("effective", tuple(flags), _next_state(part), ())


def _given_by_the_act(guard: Guard, q: GuardInput) -> bool:
    """Whether a flag is raised whatever stands in the case: as often as an act is checked (N2)."""
    with suppress(Untold):
        return guard.check(_untold(q)) is not None
    return False


def raised(q: GuardInput) -> tuple[str, ...]:
    """The flags of a statement that has been recorded, without asking the guards that refuse.

    A fold over the log calls it at the statement that makes the act effective, with the registry of
    that index.
    """
    flags, part = guards_in(q.edition).flags(q.kind, q.stream.kind), _of_its_documents(q)
    return tuple(g.code for g in flags if g.check(q if g.of_lender else part) is not None)


def _of_its_documents(q: GuardInput) -> GuardInput:
    """The question as it is put to guards that ask about no person (access.md A1).

    Above ordinary a case has documents that are hidden from whoever takes part in all of it; what
    persons have signed in the case is asked of the whole of it all the same.
    """
    if q.level == ORDINARY or q.edition.form == 1 or q.stream.kind != "case":
        return q
    stream = part_asked(q.act, q.stream, q.level, q.edition)
    if stream is q.stream:
        return q
    if q.stand_in is not None:
        stream = stream.signed_instead(q.act.act_id, q.stand_in)
    return replace(q, stream=stream)


def _next_state(q: GuardInput) -> str | None:
    if q.stream.kind != "case":
        return None
    return life_cycle_of(q.edition).next_state(q.act.act, q.act.disposition, q.stream.state)[1]


def _refuse(
    q: GuardInput,
    guard: Guard,
    breach: Breach,
    later: Sequence[Guard],
    lenders: GuardInput | None,
) -> NoReturn:
    """Names the first refusal, and every fault there is: the sender mends all at once.

    But for what only whoever is competent is told of other cases (access.md N6), and of their own
    case where they see a part of it (N2): who may act at all is asked first, and who may not learns
    nothing of these by a fault that comes behind.
    """
    text = told(q, guard, breach)
    faults = list(_faults(q, guard, breach))
    q, lenders = _untold(q), None if lenders is None else _untold(lenders)
    for other in later:
        if other.kind != "refuse" or (guard.code == _FACTS and other.code not in WITHOUT_FACTS):
            continue
        with suppress(Untold):
            more = other.breach(q, lenders)
            if more is not None:
                faults += _faults(q, other, more)
    raise Rejected("guard", text, guard=guard.code, faults=faults, params=breach.params)


def _untold(q: GuardInput) -> GuardInput:
    """The question as it is put behind a refusal: also to guards that ask about persons."""
    own = q.stream.name if q.whole else None
    registry = cast("Registry", UntoldRegistry(q.registry, own))
    q = replace(q, cases=UntoldCases(q.cases), registry=registry)
    if q.whole or q.stream.kind != "case":
        return _of_its_documents(q)
    return replace(q, stream=cast("StreamState", UntoldStream(q.stream, q.act.act_id)))


def _faults(q: GuardInput, guard: Guard, breach: Breach) -> Sequence[Fault]:
    if guard.code == _FACTS:
        return q.kind.check(q.facts, q.level)
    text = told(q, guard, breach)
    return tuple(Fault(pointer, text) for pointer in breach.pointers)


def told(q: GuardInput, guard: Guard, breach: Breach) -> Wording:
    """The sentence of a guard as people read it: words in the place of codes."""
    return guard.text(in_words(breach.params, q.registry, q.edition, q.day))


_FACTS: Final = "FACTS_INVALID"
_OWN_WORDS: Final = "CORRECT_NOT_EDIT"
WITHOUT_FACTS: Final = frozenset(
    {
        "BASIS_PRESENT",
        "INSTRUMENT_IN_FORCE",
        "AGENCY_EXISTS",
        "ADDRESSEE_EXISTS",
        "OFFICER_IN_POST",
        "DISTINCT_SIGNERS",
        "LATE_REASON",
        "OCCURRED_IN_FUTURE",
        "REFERS_TO_OTHER_CASE",
    }
)
"""Guards that read no fact, or only what has its type: asked beside facts out of form."""


def _form(q: GuardInput) -> None:
    """The edition in force takes acts of this form, and that one signs for another."""
    if max(q.act.form, 2 if q.stand_in else 1) <= q.edition.form:
        return
    what = Message("must be 1: this log goes by rules that know no other")
    raise Rejected(
        "malformed_act",
        Message(
            "Not recorded: by the rules of this log each officer signs for themselves, in form 1 of"
            " an act. Sign so, or have the new rules adopted first."
        ),
        faults=(Fault("/v", what),),
    )


def _place(q: GuardInput) -> None:
    """The stream and the log take acts of this type, and the act speaks of the stream's own."""
    kind, stream, facts = q.kind, q.stream, q.act.facts
    if stream.kind not in kind.streams:
        _misplaced(
            "/stream",
            Message("this act type has no place in this stream"),
        )
    if kind.log == "access" and not q.origin.endswith("/access"):
        _misplaced("/act", Message("this act belongs to the access log"))
    if stream.kind != "case" and q.act.disposition is not None:
        _misplaced(
            "/disposition",
            Message("only acts of a case take a branch"),
        )
    if stream.kind in ("officer", "agency") and kind.act in _OWN:
        owner = stream.name.partition("/")[2]
        member = "officer" if stream.kind == "officer" else "agency"
        if facts.get(member) not in (None, owner):
            _misplaced(
                f"/facts/{member}",
                Message("must be what this stream belongs to"),
            )


#: Registry acts about one officer or agency: they stand in the stream of that officer or agency.
_OWN = frozenset(
    {
        "OfficerAppointed",
        "OfficerEnded",
        "KeyEnrolled",
        "KeyRevoked",
        "AgencyRegistered",
        "FunctionAssigned",
    }
)


def _require_whole(q: GuardInput) -> None:
    """Behind a record that is set aside nothing is taken but what voids it, or returns that.

    A recovery is taken too: it comes first, and while the log is in doubt nothing could be voided.
    """
    aside = q.stream.aside
    if not aside or q.act.act in (VOIDING, RECOVERING):
        return
    pending = q.stream.pending.get(q.act.refers_to or "")
    if q.act.act == "ActReturned" and pending is not None and pending.act.act == VOIDING:
        return
    first = min(aside)
    raise Rejected(
        "stream_set_aside",
        Message(
            "Record {first} of this stream is against the rules: registrars must void it first.",
            first=first,
        ),
        params={"index": str(first)},
    )


def _require_own_words(q: GuardInput) -> None:
    """Of other words under an id that is taken nothing else is asked.

    Whose turn it is says the act that stands, so guards would look in this one for its signers.
    """
    entry = q.stream.entries.get(q.act.act_id)
    if entry is None or entry.act is q.act or entry.act.signed == q.act.signed:
        return
    guard = guards_in(q.edition).by_code[_OWN_WORDS]
    breach = guard.check(q)
    if breach is not None:
        _refuse(q, guard, breach, (), None)


def _misplaced(pointer: str, what: Message) -> NoReturn:
    raise Rejected(
        "wrong_stream",
        Message("Not recorded: {what}.", what=what),
        faults=(Fault(pointer, what),),
    )
