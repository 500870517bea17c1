"""Act: the signed payload of formats.md §2, parsed strictly; every fault is named at once.

What an act type asks of `facts` is the catalogue's question, whether the act is allowed the
guards'; signatures, envelopes and bytes are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ledger.errors import Fault, Rejected
from ledger.json_pointer import child
from ledger.message import Message
from ledger.regulation.acts import json_shape
from ledger.regulation.acts.act_forms import ActForm, is_known, upcast
from ledger.regulation.acts.channels import CHANNEL_WORDS
from ledger.regulation.acts.json_shape import AGENCY_ID, STREAM, UUID4, Flaw
from ledger.values import frozen_value

__all__ = [
    "Act",
    "Basis",
    "NamedSigner",
    "fits_form",
    "known_act",
    "parse_act",
    "stream_kind",
]

ORDINARY: Final = "ordinary"
PRECISIONS: Final = ("day", "hour", "minute", "second")
CAPACITIES: Final = ("TRUC_TIEP", "TM", "KT", "TL", "TUQ", "Q")
"""In which an author signs by form 1."""
ALL_CAPACITIES: Final = (*CAPACITIES, "GQ")
"""In which anybody signs by form 2: giao quyền (GQ) too."""
CHANNELS: Final = tuple(CHANNEL_WORDS)
CIRCULATIONS: Final = ("PUBLIC", "INTERNAL")
BASIS_ROLES: Final = ("COMPETENCE", "SUBSTANCE", "PROCEDURE")
SIGNER_ROLES: Final = ("AUTHOR", "CHECKER", "APPROVER")


class NamedSigner(NamedTuple):
    """One officer who must sign, in the post and role named.

    Attributes:
        officer: uuid.
        post: In which the officer signs.
        role: AUTHOR, CHECKER or APPROVER.
        capacity: In own name or for somebody; None where form 1 does not say it.
        instead_of: Officer whom the act names and this one signed instead of (formats.md §3).
    """

    officer: str
    post: str
    role: str
    capacity: str | None = None
    instead_of: str | None = None

    def member(self) -> dict[str, str]:
        """As it stands in `signers`, with the capacity where the act says it."""
        named = {"officer": self.officer, "post": self.post, "role": self.role}
        return named if self.capacity is None else {**named, "capacity": self.capacity}


class Basis(NamedTuple):
    """One legal ground; `role` is COMPETENCE, SUBSTANCE or PROCEDURE."""

    instrument: str
    article: str
    role: str
    clause: str | None = None
    point: str | None = None


@frozen_value(frozen=True, slots=True)
class Act:
    """What an official did, in the form in force: what every rule and every reader asks.

    Attributes:
        members: The payload of formats.md §2 in the form in force; the others are its members.
        signed: The payload as it was signed, in its own form: what a countersigner signs too, and
            what two signatures are compared by. Nothing else is asked of it.
        day: The day of the act in its own offset: the day every dated rule is asked for.
    """

    act: str
    act_id: str
    stream: str
    occurred_at: datetime
    precision: str
    agency: str
    post: str
    basis: tuple[Basis, ...]
    circulation: str
    facts: Mapping[str, Any]
    signers: tuple[NamedSigner, ...]
    late_reason: str | None
    to: tuple[str, ...]
    channel: str | None
    document: Mapping[str, Any] | None
    disposition: str | None
    attachments: tuple[Mapping[str, Any], ...]
    corrects: str | None
    refers_to: str | None
    members: Mapping[str, Any]
    signed: Mapping[str, Any]
    day: date = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "day", self.occurred_at.date())

    @property
    def form(self) -> int:
        """Of formats.md §2, in which it was signed."""
        version: int = self.signed["v"]
        return version

    @property
    def capacity(self) -> str:
        """In which the author signs."""
        return self.signers[0].capacity or ""

    @property
    def author(self) -> NamedSigner:
        """The first signer."""
        return self.signers[0]

    @property
    def approver(self) -> NamedSigner | None:
        """The last signer who approves; None where the act needs no approval."""
        return next((s for s in reversed(self.signers) if s.role == "APPROVER"), None)

    def signed_instead(self, place: int, stand_in: Mapping[str, str]) -> Act:
        """The act with another signer in a place: what rules and readers ask from then on.

        Args:
            place: Position in `signers`.
            stand_in: `{officer, post, capacity}` of a statement (formats.md §3).
        """
        named = self.signers[place]
        signer = named._replace(**stand_in, instead_of=named.instead_of or named.officer)
        return replace(self, signers=(*self.signers[:place], signer, *self.signers[place + 1 :]))


def _s(**more: object) -> dict[str, object]:
    return {"type": "string", "required": True, **more}


_MEMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "v": {"type": "int", "required": True},
    "act": _s(format="act"),
    "act_id": _s(format="uuid"),
    "stream": _s(format="stream"),
    "occurred_at": {"type": "datetime", "required": True},
    "precision": {"type": "enum", "enum": PRECISIONS, "required": True},
    "late_reason": {"type": "string", "format": "filled"},
    "agency": _s(format="agency"),
    "post": _s(),
    "to": {"type": "list", "of": "string", "format": "addressee"},
    "channel": {"type": "enum", "enum": CHANNELS},
    "document": {
        "type": "object",
        "fields": {
            "number": _s(),
            "symbol": _s(),
            "type": _s(),
            "date": {"type": "date", "required": True},
            "abstract": _s(),
        },
    },
    "basis": {
        "type": "list",
        "of": "object",
        "required": True,
        "fields": {
            "instrument": _s(format="instrument"),
            "article": _s(),
            "clause": {"type": "string", "format": "filled"},
            "point": {"type": "string", "format": "filled"},
            "role": {"type": "enum", "enum": BASIS_ROLES, "required": True},
        },
    },
    "circulation": {"type": "enum", "enum": CIRCULATIONS, "required": True},
    "disposition": {"type": "string", "format": "filled"},
    "facts": {"type": "object", "required": True},
    "attachments": {
        "type": "list",
        "of": "object",
        "fields": {
            "digest": _s(format="file_digest"),
            "media_type": _s(format="media_type"),
            "size": {"type": "int", "required": True},
            "name": _s(),
        },
    },
    "corrects": {"type": "ref"},
    "refers_to": {"type": "ref"},
    "signers": {
        "type": "list",
        "of": "object",
        "required": True,
        "fields": {
            "officer": _s(format="officer"),
            "post": _s(),
            "role": {"type": "enum", "enum": SIGNER_ROLES, "required": True},
            # of each in form 2 (`_together`); of the author alone in form 1
            "capacity": {"type": "enum", "enum": ALL_CAPACITIES},
        },
    },
}
_FORMATS: Final[Mapping[str, json_shape.Check]] = MappingProxyType(
    {
        "act": json_shape.pattern(r"[A-Z][A-Za-z0-9]{1,63}", Message("an act type")),
        "filled": json_shape.text(required=True),
        "addressee": json_shape.pattern(
            rf"(?:{AGENCY_ID}|sealed:{UUID4})",
            Message("an agency id or a token sealed:<uuid>"),
        ),
        "file_digest": json_shape.pattern(
            rf"sha-256:{json_shape.DIGEST}",
            Message("sha-256: and a b64 digest"),
        ),
        "media_type": json_shape.pattern(
            r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*",
            Message("a media type, e.g. application/pdf"),
        ),
        "stream": json_shape.pattern(STREAM, Message("a stream, e.g. case/<uuid>")),
    }
)
_check: Final = json_shape.compile_members(_MEMBERS, _FORMATS)


def _of_form_1() -> Mapping[str, Mapping[str, Any]]:
    """The members as form 1 has them: one capacity, the author's, beside the signers."""
    signers = _MEMBERS["signers"]
    fields = {n: spec for n, spec in signers["fields"].items() if n != "capacity"}
    capacity = {"type": "enum", "enum": CAPACITIES, "required": True}
    return {**_MEMBERS, "capacity": capacity, "signers": {**signers, "fields": fields}}


_check_1: Final = json_shape.compile_members(_of_form_1(), _FORMATS)


def stream_kind(name: str) -> str:
    """`case`, `agency`, `officer`, `programme` or `ledger`, of a name that passed `parse_act`."""
    return name.partition("/")[0]


def parse_act(
    members: Mapping[str, Any], *, level: str = ORDINARY, form: type[ActForm] = ActForm
) -> Act:
    """Parses a payload that has passed the canonical test.

    Args:
        members: The payload's members; kept as they are in `Act.signed`.
        level: Level of the log the act is for; above ordinary only INTERNAL circulates.
        form: The form in force: older acts are read as it says them.

    Raises:
        Rejected: `malformed_act` with every fault; nothing but the members of §2 is accepted.
    """
    current, flaws = _current(members, form)
    flaws = flaws or _together(current, level) or _capacities(members)
    if flaws:
        raise Rejected(
            "malformed_act",
            Message("The act is not in the form of formats.md §2. Correct the members named."),
            faults=[Fault(f.path, f.text) for f in flaws],
        )
    return _act(current, members)


def fits_form(members: Mapping[str, Any], level: str = ORDINARY) -> bool:
    """Whether members fit the form in force, whichever form they were signed in.

    For what is made of an act that was signed: form 1 has no capacity of whoever signs after the
    author, and so neither has what it is read as.
    """
    return not (_check(members) or _together(members, level))


def known_act(signed: Mapping[str, Any], form: type[ActForm] = ActForm) -> Act:
    """The act of a payload that has passed `parse_act` before it was recorded; nothing is checked.

    For folds over rows of the log's own views, where the same payload is read again and again.
    """
    return _act(upcast(signed, form), signed)


def _act(members: Mapping[str, Any], signed: Mapping[str, Any]) -> Act:
    optional = members.get
    return Act(
        act=members["act"],
        act_id=members["act_id"],
        stream=members["stream"],
        occurred_at=datetime.fromisoformat(members["occurred_at"]),
        precision=members["precision"],
        agency=members["agency"],
        post=members["post"],
        basis=tuple([Basis(**b) for b in members["basis"]]),
        circulation=members["circulation"],
        facts=members["facts"],
        signers=tuple([NamedSigner(**s) for s in members["signers"]]),
        late_reason=optional("late_reason"),
        to=tuple(optional("to", ())),
        channel=optional("channel"),
        document=optional("document"),
        disposition=optional("disposition"),
        attachments=tuple(optional("attachments", ())),
        corrects=optional("corrects"),
        refers_to=optional("refers_to"),
        members=members,
        signed=signed,
    )


def _current(
    members: Mapping[str, Any], form: type[ActForm]
) -> tuple[Mapping[str, Any], list[Flaw]]:
    """The members in the form in force, with what does not fit it, or the form they are of."""
    version = members.get("v")
    if not is_known(version, form):
        shape = _check_1 if "capacity" in members else _check
        return members, [*(shape(members) or ()), *_edition(members, form)]
    own = _check_1(members) if version == 1 else None
    if own:
        return members, own
    try:
        current = upcast(members, form)
    except ValueError:
        # Not held to the form in force as it is: that would name members that its own has not.
        unfit = Message("the members are not those of version {version}", version=version)
        return members, [Flaw("/v", unfit)]
    # what fits form 1 fits form 2, which says the same elsewhere: most of a log is not asked twice
    known = version == 1 and form.class_version == _PER_SIGNER
    return current, [] if known else _check(current) or []


def _edition(members: Mapping[str, Any], form: type[ActForm]) -> list[Flaw]:
    """An act of a later form of the payload is not guessed at."""
    value, newest = members.get("v"), form.class_version
    if type(value) is not int:
        return []  # its shape says so
    if newest == 1:
        return [Flaw("/v", Message("the version must be 1"))]
    return [Flaw("/v", Message("the version must be 1 to {newest}", newest=newest))]


def _together(members: Mapping[str, Any], level: str) -> list[Flaw]:
    """What §2 says about members beside each other, once each fits alone."""
    flaws: list[Flaw] = []
    # formats.md §2: "optional, not empty"
    if "to" in members or "attachments" in members:
        flaws.extend(
            Flaw(child("", name), _EMPTY)
            for name in ("to", "attachments")
            if members.get(name) == []
        )
        flaws.extend(
            Flaw(f"/attachments/{n}/size", Message("must not be negative"))
            for n, attachment in enumerate(members.get("attachments", ()))
            if attachment["size"] < 0
        )
    # "distinct persons" needs the registry: guard DISTINCT_SIGNERS. The rest of the order is
    # SIGNER_ORDER.
    authors = [n for n, s in enumerate(members["signers"]) if s["role"] == "AUTHOR"]
    if authors != [0]:
        flaws.append(
            Flaw(
                "/signers",
                Message("exactly one AUTHOR, first"),
            )
        )
    if level != ORDINARY and members["circulation"] != "INTERNAL":
        flaws.append(
            Flaw(
                "/circulation",
                Message("above ordinary only INTERNAL"),
            )
        )
    return flaws


def _capacities(signed: Mapping[str, Any]) -> list[Flaw]:
    """From form 2 on each signer says in which capacity."""
    if signed["v"] < _PER_SIGNER:
        return []
    return [
        Flaw(f"/signers/{n}/capacity", json_shape.MISSING)
        for n, signer in enumerate(signed["signers"])
        if "capacity" not in signer
    ]


_EMPTY: Final = Message("leave the member out where the list is empty")
_PER_SIGNER: Final = 2
"""The form that says of each signer in which capacity."""
