"""What is asked of an act before it is signed: whether it would stand, and the bytes to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from ledger.admission.submission import parsed, unknown_key
from ledger.errors import Conflict, NotFound
from ledger.log import statement as statements
from ledger.log.statement import AUTHOR, RETURNER
from ledger.message import Message
from ledger.ports import (
    Entropy,
)
from ledger.regulation.acts import invisible_characters
from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.acts.text_lint import suspects
from ledger.regulation.case.reading import strings
from ledger.regulation.case.suspected_names import texts_outside
from ledger.regulation.open_acts import OpenAct, open_acts
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.membership import keeps_registry
from ledger.regulation.registry.registry import Registry
from ledger.streams.names import is_case
from ledger.write import drafting
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
        others = self._cases.asking(lambda other: self._see.of(other) == "whole")
        ground = self._judging.context(registry, self._judging.time(at).at, others)
        with self._memory.fresh(stream) as found:
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
            with self._memory.fresh(sent.act.stream) as found:
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
                self._memory.fresh(act.stream) as found,
                self._see.shown(found, members, signer_officer) as stream,
            ):
                knows_state = stream is not found or self._see.of(act.stream) == "whole"
                ground = self._judging.context(registry, now, others, whole=knows_state)
                decision = drafting.would_decide(stream, act, signer_officer, ground)
                self._judging.require_files(act, stream)
        return drafting.verdict(decision, knows_state=knows_state)

    def warnings(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What seems to name a person in an act that is being typed; nothing of it is repeated.

        Args:
            asked: As for `check`; what is typed so far may be out of form.

        Returns:
            `{pointer, start, end, code, vi, en}` each, in characters of the text at the pointer.

        Raises:
            Rejected: A statement is out of form.
        """
        members = asked.get("act", {})
        if "statement" in asked:
            members = statements.parse_compact(_compact(asked["statement"])).members
        edition = self._memory.refresh().edition
        typed = [*strings(members.get("facts", {}), "/facts"), *texts_outside(members)]
        return [
            {"pointer": pointer, **asdict(suspect)}
            for pointer, text in typed
            for suspect in suspects(text, edition)
        ]

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
            self._memory.fresh(stream if isinstance(stream, str) else "") as found,
            self._see.shown(found, fields, signer_officer or line.officer) as current,
        ):
            instead = None
            if role in (AUTHOR, RETURNER):
                members: Mapping[str, Any] = self._filled(
                    invisible_characters.without(fields), line.officer, now, registry
                )
                parsed(members, registry, self._level)
            else:
                members = drafting.standing(current, fields)
                self._see.require_shown(current, members, signer_officer or line.officer or "")
                named, day = str(members["act_id"]), local_day(now)
                instead = drafting.stand_in(current, named, line.officer, registry, day)
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
        return drafting.to_sign(protected, drafting.payload(members), left_out)

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
        members = drafting.filled(fields, officer, act_id=self._entropy.uuid(), at=at, form=form)
        return members if self._lower is None else self._lower.filled(members)


def _compact(flattened: Mapping[str, Any]) -> str:
    parts = [flattened.get(name) for name in ("protected", "payload", "signature")]
    return ".".join(part if isinstance(part, str) else "" for part in parts)
