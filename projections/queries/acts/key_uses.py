"""What a key signed, and who is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from keys.keyring import KeyRecord
from ledger.errors import NotFound
from ledger.regulation.participation.reach import OPENING
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.registry.registry import Registry
from projections.queries import limits
from projections.queries.registry_as_of import Registries, agencies_of
from projections.queries.sources import Sources
from projections.queries.view_positions import folded_to
from projections.queries.visibility import Visibility
from projections.views import act_list, case_names
from projections.views.act_list import SignedRow
from projections.views.case_names import Called

_SECURITY: Final = "SECURITY_OFFICER"


@dataclass(frozen=True, slots=True)
class AffectedByKey:
    """What a key signed from an instant on, of what the asker sees.

    Attributes:
        index: Of the log that it is of.
        key: The key.
        since: The instant, by when the ledger took a statement.
        rows: The statements, in order.
        numbers: What they are called by stream, of cases that the asker sees whole.
    """

    index: int
    key: KeyRecord
    since: datetime
    rows: list[SignedRow]
    numbers: dict[str, Called]


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks of keys, and the registry by which they may.

    Attributes:
        registry: Of the moment.
        officer: Who asks.
        at: When.
        supervised: Agencies that they supervise.
    """

    registry: Registry
    officer: str
    at: datetime
    supervised: frozenset[str]

    def told(self, kid: str) -> frozenset[str]:
        """`KeyUses.told_for`."""
        granted = self.registry.grants(officer=self.officer, at=self.at)
        bodies = {one.body for one in granted if OPENING.get(one.act) == "A9" and one.body}
        line = self.registry.keyring.line(kid)
        held = set() if line is None else agencies_of(self.registry, line.officer, self._day)
        return frozenset(bodies | held.intersection(self.supervised))

    def revokes(self, kid: str) -> frozenset[str]:
        """`KeyUses.revoked_for`."""
        line = self.registry.keyring.line(kid)
        if line is None:
            return frozenset()
        held = {one.agency for one in self.registry.appointments(line.officer or "", self._day)}
        return frozenset(
            one.agency
            for one in self.registry.appointments(self.officer, self._day)
            if line.officer == self.officer
            or KEEPER in one.powers
            or (_SECURITY in one.powers and one.agency in held)
        )

    @property
    def _day(self) -> date:
        return local_day(self.at)


class KeyUses:
    """What is asked of one key."""

    def __init__(self, over: Sources, visibility: Visibility, registries: Registries) -> None:
        self._over, self._visibility, self._registries = over, visibility, registries

    def told_for(self, kid: str, officer: str, at: datetime) -> frozenset[str]:
        """For which agencies an officer is told which acts a key signed (access.md A28).

        Those that they supervise in which the key's officer holds or held a post, or whose
        successors they are; of who reads under an inspection order, the body that inspects. Empty:
        for none, also where there is no such key.
        """
        return self._asker(officer, at).told(kid)

    def revoked_for(self, kid: str, officer: str, at: datetime) -> frozenset[str]:
        """For which agencies an officer may revoke a key, and is told what it touched.

        Their own key's; as who keeps the registry; as security officer where the key's officer
        holds a post. Empty: for none.
        """
        return self._asker(officer, at).revokes(kid)

    def answered_for(self, kids: Iterable[str], officer: str, at: datetime) -> frozenset[str]:
        """Those of these keys of which an officer is told what they touched, by either right."""
        asker = self._asker(officer, at)
        return frozenset(kid for kid in kids if asker.told(kid) or asker.revokes(kid))

    def _asker(self, officer: str, at: datetime) -> _Asker:
        registry = self._registries.at().registry
        supervised = frozenset(self._registries.supervised(officer, at))
        return _Asker(registry, officer, at, supervised)

    def affected(self, kid: str, since: datetime | None) -> AffectedByKey:
        """What a key signed from an instant on, of what the asker sees.

        Left out, the instant is from when its revocation says that it is not to be trusted; of a
        key that is not revoked, from when it was valid. Nobody asks above ordinary, where no view
        holds which key signed in a case.

        Raises:
            NotFound: There is no such key.
            TooMuch: There are too many.
        """
        with self._over.connecting() as connection:
            index = folded_to(connection, ("acts", "audience"))
            key = self._over.registries.newest(connection).registry.keyring.line(kid)
            if key is None:
                raise NotFound(kid)
            start = since or key.invalid_from or key.valid_from
            most = limits.JUDGED + 1
            rows = act_list.signed_with(connection, kid, start, upto=index, limit=most)
            limits.within(len(rows), limits.JUDGED)
            numbers = case_names.called(connection, {row.stream for row in rows})
            self._visibility.shows_records("LIST", rows)
        return AffectedByKey(index, key, start, rows, numbers)
