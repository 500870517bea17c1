"""Which acts an officer may begin in a stream now, as far as that is known before it is written.

Asked are the guards of place and competence that read no more than who writes, and which act is
named. What the facts decide is asked when there are facts (`decide.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ledger.regulation.acts.act import Act, NamedSigner
from ledger.regulation.acts.catalogue import ActType, catalogue_of
from ledger.regulation.acts.lifecycle import life_cycle_of
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.roles import INCOMING
from ledger.regulation.case.state import Entry, StreamState
from ledger.regulation.edition import Edition
from ledger.regulation.guards.table import guards_in
from ledger.regulation.registry.calendar import VIETNAM, local_day

BEFORE_FACTS: Final = frozenset(
    {
        "STATE_ILLEGAL",
        "AGENCY_HOLDS_FUNCTION",
        "EXCLUDED_SIGNS_NOT",
        "CONCERNED_SIGNS_NOT",
        "INSPECTOR_SIGNS_NOT",
        "AUDITOR_SIGNS_NOT",
        "KEY_KEEPER_SIGNS_NOT",
    }
)
"""Guards that are asked of an act without facts."""
_BY_NAME: Final = frozenset({"ASKED", "RECEIVER", "TEAM", "ISSUER", "SUPERIOR", "NEXT_SIGNER"})
"""Roles that hang on the act that is named."""
_AUTHOR: Final = "AUTHOR"


@dataclass(frozen=True, slots=True)
class OpenAct:
    """An act that may be begun, by an officer in a post.

    Attributes:
        act: Its type.
        agency: Of the post.
        post: In which it is written.
        dispositions: Branches that may be taken; empty where it takes none.
    """

    act: str
    agency: str
    post: str
    dispositions: tuple[str, ...] = ()


def open_acts(stream: StreamState, officer: str, ground: DecisionContext) -> Iterator[OpenAct]:
    """Each act type once, in the order of the catalogue, in the first post that may write it."""
    posts = ground.registry.appointments(officer, local_day(ground.at))
    for kind in catalogue_of(ground.registry.edition).types.values():
        if stream.kind not in kind.streams or kind.log is not None:
            continue
        for post in posts:
            signer = NamedSigner(officer, post.post, _AUTHOR, min(post.capacities, default=""))
            blank = _blank(kind, stream, post.agency, signer, ground)
            branches = tuple(_branches(kind, stream, blank, ground.registry.edition))
            if any(_may(one, stream, officer, ground) for one in _tried(kind, stream, branches)):
                named = tuple(one.disposition for one in branches if one.disposition is not None)
                yield OpenAct(kind.act, post.agency, post.post, named)
                break


def _blank(
    kind: ActType, stream: StreamState, agency: str, signer: NamedSigner, ground: DecisionContext
) -> Act:
    """An act of which nothing is known but who writes it, and when."""
    return Act(
        act=kind.act,
        act_id="",
        stream=stream.name,
        occurred_at=ground.at.astimezone(VIETNAM),
        precision="second",
        agency=agency,
        post=signer.post,
        basis=(),
        circulation="INTERNAL",
        facts={},
        signers=(signer,),
        late_reason=None,
        to=(),
        channel=None,
        document=None,
        disposition=None,
        attachments=(),
        corrects=None,
        refers_to=None,
        members={},
        signed={"v": ground.registry.edition.form},
    )


def _branches(kind: ActType, stream: StreamState, blank: Act, edition: Edition) -> Iterator[Act]:
    """The act by each branch that the life cycle has here; as it is where it takes none."""
    cycle = life_cycle_of(edition)
    if stream.kind != "case" or kind.act not in cycle.moving:
        yield blank
        return
    for act, state, disposition in cycle.transitions:
        if act == kind.act and state == stream.state:
            yield replace(blank, disposition=disposition)


def _tried(kind: ActType, stream: StreamState, branches: Iterable[Act]) -> Iterator[Act]:
    """Each branch, with each act of the stream that it may name where competence hangs on that.

    None at all where it must name an act of a type that the stream does not have.
    """
    named = {
        name: _alike(stream.effective(*spec.get("acts", ())))
        for name, spec in kind.facts.items()
        if spec["type"] == "ref"
    }
    if any(kind.facts[name].get("required") and not found for name, found in named.items()):
        return
    for one in branches:
        yield one
        if "KEY_HOLDER" in kind.who:
            yield replace(one, facts={"officer": one.author.officer})
        if kind.act.endswith(INCOMING):
            yield replace(one, to=(one.agency,))
        elif _BY_NAME.isdisjoint(kind.who):
            continue
        for name, found in named.items():
            yield from (replace(one, facts={name: act_id}) for act_id in found)
        for act_id in _alike(stream.entries.values()):
            yield replace(one, refers_to=act_id, corrects=act_id)


def _alike(entries: Iterable[Entry]) -> Collection[str]:
    """Of acts that competence does not tell apart the newest alone, and each that waits.

    A case of a thousand reports costs what one of a few does.
    """
    found: dict[Hashable, str] = {}
    for entry in entries:
        act = entry.act
        waits = act.act_id if entry.status == "pending" else None
        found[act.act, act.agency, act.post, act.to, act.author.officer, waits] = act.act_id
    return found.values()


def _may(act: Act, stream: StreamState, officer: str, ground: DecisionContext) -> bool:
    q = ground.guard_input(
        stream, act, officer, kid="", iat=int(ground.at.timestamp()), role=_AUTHOR
    )
    asked = guards_in(q.edition).asked(q.kind, stream.kind)
    return all(guard.check(q) is None for guard in asked if guard.code in BEFORE_FACTS)
