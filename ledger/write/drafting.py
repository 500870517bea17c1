"""An act before it is signed: its members filled in, its bytes to sign, what the log would say.

For thin clients (http.md §3). Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from keys import canonical
from keys.errors import NotCanonical
from ledger.admission.registrar import OWN
from ledger.admission.submission import parsed, unknown_key
from ledger.errors import Conflict, Fault, NotFound, Rejected
from ledger.log import statement as statements
from ledger.log.statement import AUTHOR, RETURNER
from ledger.message import Message, Text
from ledger.ports import Entropy
from ledger.regulation import act_in_words
from ledger.regulation.acts import invisible_characters
from ledger.regulation.acts.act import ORDINARY, Act
from ledger.regulation.acts.text_lint import suspects
from ledger.regulation.case.guard_input import DecisionContext
from ledger.regulation.case.reading import strings
from ledger.regulation.case.stand_ins import stand_ins_of
from ledger.regulation.case.state import awaited
from ledger.regulation.case.suspected_names import texts_outside
from ledger.regulation.decide import Decision, decide
from ledger.regulation.open_acts import OpenAct, open_acts
from ledger.regulation.registry.calendar import as_written, local_day, local_time
from ledger.regulation.registry.membership import keeps_registry
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case
from ledger.streams.stream import Stream
from ledger.write.judging import Judging
from ledger.write.see_check import first_named, knocks, names_no_stream, unbegun


class Drafts:
    """Acts that are being written; nothing of them is stored.

    Args:
        judging: What they are judged by, as statements are.
        entropy: Ids.
    """

    def __init__(self, judging: Judging, entropy: Entropy) -> None:
        self._judging, self._entropy = judging, entropy
        self._memory, self._store, self._cases = judging.memory, judging.store, judging.cases
        self._see, self._lower = judging.see, judging.lower
        self._origin, self._level = judging.origin, judging.level

    def open_acts(
        self, stream: str, officer: str, *, at: datetime | None = None
    ) -> Sequence[OpenAct] | None:
        """Acts that an officer may begin in a stream now; None of a case of which they see a part.

        Nor of any case above ordinary: what may be begun there hangs on acts that are named to
        others. A case that they do not see is as one not begun.

        Args:
            stream: Its name.
            officer: Of the session.
            at: The ledger's time in a rehearsal.

        Raises:
            NotFound: No kind of stream has such names.
        """
        registry = self._memory.refresh()
        others = self._cases.asking(self._see.of)
        ground = self._judging.context(registry, self._judging.time(at).at, others)
        with self._memory.fresh(stream, self._see.hides) as found:
            sight = self._see.of(stream)
            if sight == "part" or (self._level != ORDINARY and is_case(stream)):
                return None
            state = (found if sight == "whole" else unbegun(found)).state
            return list(open_acts(state, officer, ground))

    def check(
        self,
        asked: Mapping[str, Any],
        *,
        at: datetime | None = None,
        signer_officer: str | None = None,
    ) -> dict[str, Any]:
        """Every check of `record` without recording.

        Args:
            asked: `{statement}`, a flattened JWS as an object, or `{act}`, the fields of an act
                that the session's officer would sign next.
            at: The ledger's time in a rehearsal.
            signer_officer: Officer of the session.

        Returns:
            `{ok, status, flags, next_state}`; the state for whoever sees the whole case alone.

        Raises:
            NotFound: As `record` would.
            Rejected: As `record` would.
            Conflict: As `record` would.
        """
        registry = self._memory.refresh()
        now = self._judging.time(at).at
        if "statement" in asked:
            statement = statements.parse_compact(_compact(asked["statement"]))
            sent = self._judging.submission(statement, signer_officer)
            sight = self._judging.require_sight(sent)
            with self._memory.fresh(sent.act.stream, self._see.hides) as found:
                stream = unbegun(found) if sight == "hidden" else found
                knows_state = sent.whole
                try:
                    decision = self._judging.judged(stream, sent, registry, now).decision
                except Conflict as conflict:
                    raise self._see.told(conflict, stream.name, sight) from conflict
        else:
            members = self._filled(asked.get("act", {}), signer_officer, now, registry)
            act = parsed(members, registry, self._level)
            invisible_characters.require_visible(members)
            others = self._cases.asking(self._see.asked_of_others(act))
            with (
                self._memory.fresh(act.stream, self._see.hides) as found,
                self._see.shown(found, members, signer_officer) as stream,
            ):
                knows_state = stream is not found or self._see.of(act.stream) == "whole"
                ground = self._judging.context(registry, now, others, whole=knows_state)
                decision = would_decide(stream, act, signer_officer, ground)
                self._judging.require_unerased(act.act_id, stream)
                self._judging.require_files(act, stream)
        return verdict(decision, knows_state=knows_state)

    def warnings(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What seems to name a person in an act that is being typed; nothing of it is repeated.

        Args:
            asked: As for `check`; what is typed so far may be out of form.

        Returns:
            `{pointer, start, end, code, vi, en}` each, in characters of the text at the pointer.

        Raises:
            Rejected: A statement is out of form.
        """
        members = _asked_of(asked)
        edition = self._memory.refresh().edition
        typed = [*strings(members.get("facts", {}), "/facts"), *texts_outside(members)]
        return [
            {"pointer": pointer, **asdict(suspect)}
            for pointer, text in typed
            for suspect in suspects(text, edition)
        ]

    def ahead(self, asked: Mapping[str, Any]) -> Text | None:
        """What comes of an act that its facts do not say; None: nothing.

        Args:
            asked: As for `check`.

        Raises:
            Rejected: A statement is out of form.
        """
        return act_in_words.ahead(str(_asked_of(asked).get("act")))

    def prepare(
        self,
        fields: Mapping[str, Any],
        *,
        kid: str,
        role: str = AUTHOR,
        at: datetime | None = None,
        signer_officer: str | None = None,
    ) -> dict[str, Any]:
        """The bytes for a thin client to show and to sign; nothing is stored.

        Args:
            fields: Members of the act; `v`, `act_id`, `occurred_at`, `precision`, `circulation` and
                a single signer are filled in where they are left out. For a countersignature
                `stream` and `act_id` are enough. To a registrar who voids records the stream is
                told by their index and entry (access.md W2).
            kid: The key that will sign.
            role: Role of the header.
            at: The ledger's time in a rehearsal.
            signer_officer: Officer of the session; the key's where there is none.

        Returns:
            `{payload, protected, signing_input, shown, left_out}`; the first two in b64.
            `left_out` names the characters that nobody would see: the payload is without them.

        Raises:
            Rejected: `unknown_key`, `malformed_act` or `unknown_act`.
            NotFound: No such stream, no such act to countersign, or nothing there to be voided.
        """
        registry = self._memory.refresh()
        keyring, now = registry.keyring, self._judging.time(at).at
        line = keyring.line(kid)
        if line is None:
            raise unknown_key(Message("this key is not enrolled"))
        if names_no_stream(fields):
            day, officer = local_day(now), signer_officer or line.officer or ""
            fields = {**fields, "stream": self._set_aside_in(fields, officer, registry, day)}
        stream, left_out = fields.get("stream"), invisible_characters.faults(fields)
        with (
            self._memory.fresh(stream if isinstance(stream, str) else "", self._see.hides) as found,
            self._see.shown(found, fields, signer_officer or line.officer) as current,
        ):
            instead = None
            if role in (AUTHOR, RETURNER):
                members: Mapping[str, Any] = self._filled(
                    invisible_characters.without(fields), line.officer, now, registry
                )
                parsed(members, registry, self._level)
            else:
                members = standing(current, fields)
                self._see.require_shown(current, members, signer_officer or line.officer or "")
                named, day = str(members["act_id"]), local_day(now)
                self._judging.require_unerased(named, current)
                instead = stand_in(current, named, line.officer, registry, day)
            head = current.head
        protected = statements.protected_header(
            alg=keyring.key(kid).alg,
            kid=kid,
            iat=int(now.timestamp()),
            log=self._origin,
            seq=head.seq,
            prev=head.prev,
            role=role,
            stand_in=instead,
        )
        return to_sign(protected, payload(members), left_out)

    def _set_aside_in(
        self, fields: Mapping[str, Any], officer: str, registry: Registry, day: date
    ) -> str:
        """The stream of records that a registrar names by index and entry.

        Raises:
            NotFound: Somebody else asks, or one of them stands, is voided already or is not there.
        """
        index, name = first_named(fields), ""
        if index is not None and keeps_registry(officer, registry, day):
            found = [row.stream for row in self._store.read(index, 1) if row.index == index]
            name = next(iter(found), "")
        if name:
            with self._memory.fresh(name) as stream:
                if knocks(fields, officer, stream):
                    return name
        raise NotFound("no such stream")

    def _filled(
        self, fields: Mapping[str, Any], officer: str | None, at: datetime, registry: Registry
    ) -> dict[str, Any]:
        form = registry.judging(str(fields.get("act"))).form
        members = filled(fields, officer, act_id=self._entropy.uuid(), at=at, form=form)
        return members if self._lower is None else self._lower.filled(members)


def _asked_of(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """The act that `check` is asked about. Raises: Rejected: a statement is out of form."""
    if "statement" in asked:
        return statements.parse_compact(_compact(asked["statement"])).members
    return dict(asked.get("act", {}))


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


def _compact(flattened: Mapping[str, Any]) -> str:
    parts = [flattened.get(name) for name in ("protected", "payload", "signature")]
    return ".".join(part if isinstance(part, str) else "" for part in parts)
