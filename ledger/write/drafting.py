"""An act before it is signed: its members filled in, its bytes to sign, what the log would say.

For thin clients (http.md §3). Pure; nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from keys import canonical
from keys.errors import NotCanonical
from ledger.admission.registrar import OWN
from ledger.errors import Fault, NotFound, Rejected
from ledger.log import statement as statements
from ledger.log.statement import AUTHOR, RETURNER
from ledger.message import Message
from ledger.regulation.acts.act import Act
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.stand_ins import stand_ins_of
from ledger.regulation.case.state import awaited
from ledger.regulation.decide import Decision, decide
from ledger.regulation.registry.calendar import as_written, local_day, local_time
from ledger.regulation.registry.registry import Registry
from ledger.streams.stream import Stream


def filled(
    fields: Mapping[str, Any], officer: str | None, *, act_id: UUID, at: datetime, form: int
) -> dict[str, Any]:
    """The members of an act to be, what can be known filled in.

    Args:
        fields: What the client says; it is never overridden, but that a day alone is its first
            instant. Where it says the author's capacity beside the signers, it speaks form 1.
        officer: The single signer, in their own name, where the client names none.
        act_id: A fresh id.
        at: The ledger's time.
        form: The newest form of an act that the edition in force takes.
    """
    form = 1 if "capacity" in fields else form
    members: dict[str, Any] = {
        "v": form,
        "act_id": str(act_id),
        "occurred_at": local_time(at),
        "precision": "minute",
        "circulation": "INTERNAL",
        **fields,
        **_happened(fields),
    }
    if "signers" not in members and officer is not None:
        signer = {"officer": officer, "post": members.get("post"), "role": AUTHOR}
        members["signers"] = [{**signer, "capacity": OWN} if members["v"] != 1 else signer]
    return members


def _happened(fields: Mapping[str, Any]) -> dict[str, Any]:
    """When it happened, and how exactly that is known, where the client says when."""
    said = fields.get("occurred_at")
    if not isinstance(said, str):
        return {}
    try:
        moment, known = as_written(said)
    except ValueError:  # no such day: the parser says so
        return {}
    return {"occurred_at": moment, "precision": fields.get("precision", known)}


def standing(stream: Stream, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload that a countersigner signs: of the act named. Raises: NotFound."""
    members = stream.payload_members(str(fields.get("act_id")))
    if members is None:
        raise NotFound("no such act waits here")
    return members


def payload(members: Mapping[str, Any]) -> bytes:
    """Canonical bytes of an act. Raises: Rejected: `not_canonical`."""
    try:
        return canonical.encode(members)
    except NotCanonical as error:
        text = Message("The act has no canonical form: {detail}.", detail=error)
        raise Rejected("not_canonical", text) from error


def to_sign(protected: bytes, content: bytes, left_out: Sequence[Fault] = ()) -> dict[str, Any]:
    """`{payload, protected, signing_input, shown, left_out}` of http.md; the first two in b64.

    `left_out` are faults, which the API says in each language.
    """
    return {
        "payload": canonical.b64(content),
        "protected": canonical.b64(protected),
        "signing_input": statements.signing_input(protected, content).decode("ascii"),
        "shown": canonical.parse(content),
        "left_out": list(left_out),
    }


def stand_in(
    stream: Stream, act_id: str, officer: str | None, registry: Registry, on: date
) -> Mapping[str, str] | None:
    """What the header says of an officer who signs what waits for another (formats.md §3).

    None where it waits for this officer, or where nothing lets them sign: then the rules say so.

    Args:
        stream: Of the act.
        act_id: The act that waits.
        officer: Who will sign.
        registry: As the log stands.
        on: The day of signing.
    """
    entry = stream.state.pending.get(act_id)
    if entry is None or officer is None:
        return None
    ways = stand_ins_of(registry, entry, officer, on)
    return next((way.member() for way in ways), None)


def would_decide(
    stream: Stream, act: Act, officer: str | None, ground: DecisionContext
) -> Decision:
    """What the next statement of an act would bring about, signed by this officer now.

    Raises:
        Rejected: A guard refuses it.
    """
    waiting = awaited(stream.state, act)
    role = RETURNER if act.act == "ActReturned" else waiting[0].role if waiting else AUTHOR
    signer = officer or act.author.officer
    lines = ground.registry.keyring.lines(signer)
    iat = int(ground.at.timestamp())
    kid = lines[-1].kid if lines else ""
    instead = stand_in(stream, act.act_id, signer, ground.registry, local_day(ground.at))
    return decide(
        ground.guard_input(stream.state, act, signer, kid=kid, iat=iat, role=role, stand_in=instead)
    )


def verdict(decision: Decision, *, knows_state: bool) -> dict[str, Any]:
    """`{ok, status, flags, next_state}` of http.md.

    Args:
        decision: Of the rules.
        knows_state: Whether the caller may know the state of the case, as `head` tells it.
    """
    told: dict[str, Any] = {
        "ok": True,
        "status": decision.status,
        "flags": list(decision.flags),
    }
    if knows_state and decision.next_state is not None:
        told["next_state"] = decision.next_state
    return told
