"""A statement at the door: what is asked of it before its stream is asked (formats.md §2, §3).

Form, log and kind need no state. Key, signature, window and session are judged by the registry and
the time that the caller gives, as often as it judges again. Streams and storage are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from keys.errors import RetiredKey, UnknownKey, WrongCustody
from keys.keyring import KeyRecord
from ledger.errors import Fault, Rejected
from ledger.log import statement as statements
from ledger.log.statement import ACT_TYP, Statement
from ledger.message import Message
from ledger.regulation.acts.act import Act
from ledger.regulation.acts.catalogue import catalogue_of
from ledger.regulation.acts.invisible_characters import require_visible
from ledger.regulation.registry.registry import Registry

IAT_BEFORE: Final = timedelta(hours=24)
IAT_AFTER: Final = timedelta(minutes=5)
_SECOND: Final = timedelta(seconds=1)
_BEFORE_S: Final = -IAT_BEFORE.total_seconds()
_AFTER_S: Final = IAT_AFTER.total_seconds()


def parsed(members: Mapping[str, Any], registry: Registry, level: str) -> Act:
    """The act of a payload, of a type that the edition in force has, or adoption itself.

    Raises:
        Rejected: `malformed_act` or `unknown_act`.
    """
    edition = registry.judging(str(members.get("act")))
    return catalogue_of(edition).parse(members, level)


def facts_fit(act: Act, registry: Registry, level: str) -> bool:
    """Whether its facts are those of its type by the edition in force, which needs no stream."""
    kind = catalogue_of(registry.judging(act.act)).type(act.act, act.form)
    return not kind.check(act.facts, level)


class Submission:
    """A statement that somebody sends, in form and for this log.

    Attributes:
        statement: As parsed.
        act: What it says.
        whole: Whether its sender sees all of its stream, and may be told of it.
    """

    __slots__ = ("_session", "_verified", "act", "statement", "whole")

    def __init__(
        self, statement: Statement, act: Act, session: str | None, *, verified: bool = False
    ) -> None:
        self.statement = statement
        self.act = act
        self.whole = True
        self._session = session
        self._verified = verified  # the key of a kid never changes: its signature is checked once

    @classmethod
    def of(
        cls,
        statement: Statement,
        *,
        origin: str,
        level: str,
        registry: Registry,
        session: str | None = None,
    ) -> Self:
        """What needs no state: form, log, kind of statement.

        Args:
            statement: As parsed.
            origin: Origin of the log it is sent to.
            level: Level of that log.
            registry: As the caller last saw it: its edition says which act types there are.
            session: Officer of the session that sent it; None where there is no session.

        Raises:
            Rejected: `wrong_log`, `malformed_statement`, `malformed_act`, `unknown_act` or
                `invisible_characters`.
        """
        statements.require_log(statement, origin)
        if statement.typ != ACT_TYP:
            raise Rejected(
                "malformed_statement",
                Message("Only acts signed by officers are taken here."),
                faults=[Fault("/protected/typ", Message("must be an act"))],
            )
        act = parsed(statement.members, registry, level)
        require_visible(statement.members, statement.payload)
        return cls(statement, act, session)

    def admit(self, registry: Registry, at: datetime) -> str:
        """The officer who signed it, by the log as it stands.

        Args:
            registry: As the log stands.
            at: The ledger's time.

        Raises:
            Rejected: `clock_off`, `unknown_key`, `invalid_signature` or `wrong_session`.
        """
        require_window(self.statement, at)
        line = self._key(registry, at)
        self.require_session(registry)
        if line.officer is None:
            raise unknown_key(Message("the key is no officer's"))
        return line.officer

    def check_signature(self, registry: Registry) -> None:
        """Verifies the signature ahead of `admit`, which then need not.

        Nothing is refused here: what does not verify is refused by `admit`, in its order.
        """
        if self._verified or registry.keyring.line(self.statement.kid) is None:
            return
        try:
            statements.check_signature(self.statement, registry.keyring.key(self.statement.kid))
        except Rejected:
            return
        self._verified = True

    def ends(self, registry: Registry) -> datetime:
        """When the answer of `admit` ends: with the key, or with the window of `iat`.

        Raises:
            Rejected: `unknown_key`.
        """
        line = registry.keyring.line(self.statement.kid)
        if line is None:
            raise unknown_key(Message("the key is not enrolled or not valid now"))
        return answer_ends(self.statement, line)

    def require_session(self, registry: Registry) -> None:
        """http.md §3: sent by its signer's session. A revoked key still says whose it was."""
        if self._session is None:
            return
        line = registry.keyring.line(self.statement.kid)
        if line is None or line.officer != self._session:
            raise Rejected(
                "wrong_session",
                Message("A statement is sent by its signer's own session."),
            )

    def _key(self, registry: Registry, at: datetime) -> KeyRecord:
        """The key as the log stands, and the signature it makes good."""
        keyring, kid = registry.keyring, self.statement.kid
        try:
            line = keyring.usable(kid, index=None, at=at, service=False)
        except RetiredKey as error:
            raise unknown_key(Message("the key is revoked")) from error
        except WrongCustody as error:
            raise unknown_key(Message("a service key can sign no act")) from error
        except UnknownKey as error:
            raise unknown_key(Message("the key is not enrolled or not valid now")) from error
        if not self._verified:
            statements.check_signature(self.statement, keyring.key(kid))
            self._verified = True
        return line


def require_window(statement: Statement, at: datetime) -> None:
    """formats.md §3: `iat` within -24 h … +5 min of the ledger's time. Raises: Rejected."""
    if not _BEFORE_S <= statement.iat - int(at.timestamp()) <= _AFTER_S:
        raise Rejected(
            "clock_off",
            Message("iat is too far from the ledger's clock (-24 h … +5 min): sign again."),
            faults=[Fault("/protected/iat", Message("off the clock"))],
        )


def answer_ends(statement: Statement, line: KeyRecord) -> datetime:
    """Until when a statement is judged as now: its key is valid, and its `iat` in the window."""
    until = datetime.fromtimestamp(statement.iat, UTC) + IAT_BEFORE + _SECOND
    return until if line.valid_to is None else min(until, line.valid_to)


def unknown_key(what: Message) -> Rejected:
    """401: why the key signs nothing now."""
    return Rejected("unknown_key", Message("Not recorded: {what}.", what=what))
