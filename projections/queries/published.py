"""What anybody may read, by a login that reads nothing else (access.md A3, G6)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger.errors import NotFound
from projections.views import public_acts
from projections.views.base import Connection
from projections.views.public_acts import PublicAct


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication, and the public ones that put it right.

    Attributes:
        said: What it says.
        corrected_by: The newest first.
    """

    said: PublicAct
    corrected_by: tuple[str, ...]


class Publications:
    """Publications of one enclave.

    Args:
        connecting: Lends a connection of the login `public`.
    """

    def __init__(self, connecting: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._connecting = connecting

    def page(
        self,
        *,
        act: str | None = None,
        agency: str | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[PublicAct]:
        """Publications, the newest first; arguments as of `public_acts.page`."""
        with self._connecting() as connection:
            return public_acts.page(connection, act=act, agency=agency, after=after, limit=limit)

    def one(self, act_id: UUID) -> Publication:
        """One publication.

        Raises:
            NotFound: There is none that everybody may read.
        """
        with self._connecting() as connection, connection.transaction():
            found = public_acts.one(connection, act_id)
            if found is None:
                raise NotFound(str(act_id))
            by = public_acts.corrections(connection, act_id)
        return Publication(found, tuple(each.act_id for each in by))
