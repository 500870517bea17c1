"""R as the API serves it: takes what is sealed, and asks the vault on behalf of a signed act.

What may be asked follows from the act: an answer to a reporter is what a ReporterInformed says, an
opening what a ReporterIdentityDisclosed names. Every request that lets the vault open something is
noted in the log of reads first (access.md U1). Nothing that is sealed can be read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from time import monotonic
from typing import Any, Final

from ledger.errors import Conflict, NotFound, Rejected, Unavailable
from ledger.message import Message
from ledger.ports import Entropy
from ledger.reads.read import NotedRead, ReadBy, ReadLog
from ledger.regulation.acts.act import Act
from ledger.regulation.case.state import Entry
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.kept_apart import CUSTODIAN, beside_keys
from ledger.regulation.registry.membership import keys_stand_apart
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import stream_id
from ledger.vault.disclosure import ACT as DISCLOSING
from ledger.vault.identity import Keys, SealedIdentity, sealed, told
from ledger.vault.ports import Compartment
from ledger.vault.request import Answer, Asked, Letter, Look, Request, ShareGiven

INFORMING: Final = "ReporterInformed"
_STEP_S: Final = 0.05
_TURNS: Final = 3
"""How often it is sealed anew where R's key was turned between asking for it and using it."""


@dataclass(frozen=True, slots=True)
class StandingAct:
    """An act that the caller sees, as the rules have it.

    Attributes:
        entry: It, with its signatures.
        statements: Those that count, in compact form, in their order.
        jwks: The public keys they were made with.
        indices: Leaf indices of their records.
    """

    entry: Entry
    statements: tuple[str, ...]
    jwks: tuple[Mapping[str, Any], ...]
    indices: tuple[int, ...]

    @property
    def act(self) -> Act:
        """What was signed."""
        return self.entry.act


class Desk:
    """R of one enclave, for its API.

    Args:
        compartment: Its store.
        reads: Where reads are noted.
        standing: The act of an id, if the caller sees it.
        registry: The registry as the process knows it.
        entropy: Ids of requests, items and tokens.
        origin: Origin of the log.
    """

    def __init__(
        self,
        compartment: Compartment,
        reads: ReadLog,
        standing: Callable[[str], StandingAct],
        registry: Callable[[], Registry],
        entropy: Entropy,
        *,
        origin: str,
    ) -> None:
        self._compartment = compartment
        self._reads = reads
        self._standing = standing
        self._registry = registry
        self._entropy = entropy
        self._origin = origin

    # -- intake ------------------------------------------------------------------------------------

    def keys(self) -> Keys:
        """What intake seals to. Raises: Conflict: `vault_not_founded`."""
        keys = self._compartment.keys()
        if keys is None:
            raise Conflict("vault_not_founded", Message("This enclave keeps no identities yet."))
        return keys

    def take(self, item: SealedIdentity, stream: str) -> None:
        """Keeps what an officer's machine has sealed; the same again is the same.

        Raises:
            Conflict: `identity_taken`, `vault_not_founded`.
        """
        self.keys()
        if not self._kept(item, stream):
            raise Conflict(
                "identity_taken",
                Message(
                    "Item or token is another's, or it is sealed to other keys; nothing was kept."
                ),
            )

    def seal(self, said: Mapping[str, Any], stream: str) -> SealedIdentity:
        """Seals and keeps in one step, for a client that cannot seal (access.md K1).

        Raises:
            Rejected: `malformed_identity`.
            Conflict: `vault_not_founded`.
        """
        contact, identity = told(said)
        for _ in range(_TURNS):
            item = sealed(
                contact,
                identity,
                self.keys(),
                origin=self._origin,
                item=str(self._entropy.uuid()),
                token=f"sealed:{self._entropy.uuid()}",
            )
            if self._kept(item, stream):
                return item
        raise late()

    def _kept(self, item: SealedIdentity, stream: str) -> bool:
        return self._compartment.put(item, stream_id(self._origin, stream))

    # -- what an act lets ask ----------------------------------------------------------------------

    def write(self, act_id: str, by: ReadBy, at: datetime) -> str:
        """Has the vault send what an act says that the reporter was told; id of the request.

        One act is one letter, however often it is asked for.

        Raises:
            NotFound: The caller sees no such act.
            Rejected: `not_yours`, `nothing_to_send`.
            ReadNotLogged: Nothing was asked.
        """
        found = self._effective(act_id, INFORMING)
        _require_author(found, by)
        facts = found.act.facts
        sends = facts.get("through_vault") is True and facts.get("status") == "INFORMED"
        if not sends or "reporter" not in facts:
            raise Rejected(
                "nothing_to_send",
                Message(
                    "Nothing was sent: the act does not say that a reporter, by token, was informed"
                    " through the vault."
                ),
            )
        if not self._asked(act_id):
            self._note("K2", str(facts["about"]), found, by, {found.act.agency})
            comp = str(stream_id(self._origin, found.act.stream))
            self._ask(act_id, Letter(facts["reporter"], comp, facts["told"]), at)
        return act_id

    def lend(self, act_id: str, share: bytes, by: ReadBy, at: datetime) -> str:
        """Hands a custodian's share to the vault; id of the request.

        Raises:
            NotFound: The caller sees no such act.
            Rejected: `not_yours`, `opening_over`.
            ReadNotLogged: Nothing was asked.
        """
        found = self._effective(act_id, DISCLOSING)
        known = self._registry()
        held = known.appointments(by.officer, local_day(at))
        keeping = {post.agency for post in held if CUSTODIAN in post.powers}
        works = not all(beside_keys(post.powers) for post in held)
        if not keeping or (works and known.edition.of(keys_stand_apart)):
            raise _not_yours()
        _require_time(found, at)
        self._note("A18", str(found.act.facts["legal_ground"]), found, by, keeping)
        comp = str(stream_id(self._origin, found.act.stream))
        return self._new(ShareGiven(found.statements, found.jwks, share, comp), at)

    def look(self, act_id: str, key: bytes, signature: bytes, by: ReadBy, at: datetime) -> str:
        """Asks to see what an act opened, sealed to `key`; id of the request.

        Raises:
            NotFound: The caller sees no such act.
            Rejected: `not_yours`, `opening_over`.
            ReadNotLogged: Nothing was asked.
        """
        found = self._effective(act_id, DISCLOSING)
        _require_author(found, by)
        _require_time(found, at)
        self._note("A18", str(found.act.facts["purpose"]), found, by, {found.act.agency})
        return self._new(Look(act_id, key, signature), at)

    def answer(self, request_id: str, wait_s: float) -> Answer | None:
        """What the vault says; None: nothing within `wait_s`."""
        deadline = monotonic() + wait_s
        while True:
            found = self._compartment.answer(request_id)
            if found is not None or monotonic() >= deadline:
                return found
            Event().wait(_STEP_S)

    # -- parts -------------------------------------------------------------------------------------

    def _effective(self, act_id: str, kind: str) -> StandingAct:
        found = self._standing(act_id)
        if found.act.act != kind:
            raise NotFound(act_id)
        if found.entry.status != "effective":
            raise Rejected(
                "not_disclosed",
                Message("Nothing was asked of the vault: the act waits for signers, or is dead."),
            )
        return found

    def _asked(self, request_id: str) -> bool:
        try:
            self._compartment.answer(request_id)
        except NotFound:
            return False
        return True

    def _note(
        self, rule: str, purpose: str, found: StandingAct, by: ReadBy, agencies: set[str]
    ) -> None:
        self._reads.note(
            [
                NotedRead(
                    rule=rule,
                    purpose=purpose,
                    kind="REVEAL",
                    session=by,
                    via=found.act.act_id,
                    stream=found.act.stream,
                    records=found.indices,
                    agencies=frozenset(agencies),
                )
            ]
        )

    def _new(self, asked: Asked, at: datetime) -> str:
        request_id = str(self._entropy.uuid())
        self._ask(request_id, asked, at)
        return request_id

    def _ask(self, request_id: str, asked: Asked, at: datetime) -> None:
        request = Request(asked, at)
        for _ in range(_TURNS):
            to = self.keys().contact
            data = request.seal(to, origin=self._origin, request_id=request_id)
            if self._compartment.ask(request_id, data, to.kek_id):
                return
        raise late()


def _require_author(found: StandingAct, by: ReadBy) -> None:
    if found.act.author.officer != by.officer:
        raise _not_yours()


def _require_time(found: StandingAct, at: datetime) -> None:
    if at >= datetime.fromisoformat(str(found.act.facts["until"])):
        raise Rejected("opening_over", Message("Nothing is shown: the time of the act is over."))


def _not_yours() -> Rejected:
    return Rejected("not_yours", Message("Nothing was asked of the vault: it is another's to ask."))


def late() -> Unavailable:
    """The vault has not answered in time."""
    return Unavailable(
        "vault_late",
        Message("The vault has not answered yet; what is asked twice is done once."),
    )


def statements_of(found: Sequence[tuple[str, Mapping[str, Any], int]], entry: Entry) -> StandingAct:
    """An act with the statements that count among those of its id.

    Args:
        found: Compact form, public key and leaf index of each.
        entry: The act.
    """
    wanted = [one.index for one in entry.signed]
    by_index = {index: (compact, jwk) for compact, jwk, index in found}
    good = [(index, *by_index[index]) for index in wanted if index in by_index]
    return StandingAct(
        entry,
        tuple(compact for _, compact, _ in good),
        tuple(jwk for _, _, jwk in good),
        tuple(index for index, _, _ in good),
    )
