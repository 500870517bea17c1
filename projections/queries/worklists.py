"""What waits for an officer and for the agencies that they act for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime

from ledger.regulation.case.stand_ins import signs_for
from ledger.regulation.case.state import present_agency
from ledger.regulation.registry.calendar import local_day
from projections.queries import limits
from projections.queries.acts.verifications import Verifications
from projections.queries.registry_as_of import RegistrySnapshot, agencies_of
from projections.queries.sources import Sources
from projections.queries.view_positions import folded_to
from projections.queries.visibility import Visibility
from projections.views import disputed, worklist
from projections.views.base import Connection
from projections.views.worklist import TaskRow, Tasks


class Worklists:
    """Worklists, and the disputed signatures in them."""

    def __init__(self, over: Sources, visibility: Visibility, verifications: Verifications) -> None:
        self._over, self._visibility, self._verifications = over, visibility, verifications

    def of(
        self,
        officer: str,
        at: datetime,
        *,
        team: Collection[str] = (),
        supervised: Collection[str] = (),
    ) -> tuple[int, Tasks]:
        """(index, what waits for an officer and for the agencies the officer acts for at `at`).

        Args:
            officer: Officer id.
            at: Who the officer is, and how late a task is, is judged by this instant.
            team: Agencies of which the other officers' work is asked for too.
            supervised: Agencies of which disputed signatures are told.
        """
        day = local_day(at)
        with self._over.connecting() as connection:
            index = folded_to(connection, ("worklist", "audience"))
            known = self._over.registries.newest(connection)
            held = known.registry.appointments(officer, day)
            mine, powers = {a.agency for a in held}, {p for a in held for p in a.powers}

            def is_one_of(agencies: Collection[str], agency: str) -> bool:
                heir = present_agency(known.registry, agency, day)
                return agency in agencies or heir in agencies

            every = (agency.id for agency in known.registry.agencies.all())
            carried = {*mine, *(name for name in every if is_one_of(mine, name))}
            instead = signs_for(known.registry, officer, day)

            def of_others(task: worklist.TaskRow) -> bool:
                if task.kind == worklist.STARTED:  # whose move it is has a row of their own
                    return False
                return is_one_of(team, task.agency or "") or (
                    task.kind == worklist.SIGN
                    and instead(task.officer or "", task.act, task.stream)
                )

            tasks = worklist.worklist(connection, officer, carried, of_others, powers, at)
            tasks.disputed.extend(self._disputed(connection, known, supervised, day))
            self._visibility.shows_cases("LIST", (task.stream for task in tasks.every()))
            return index, tasks

    def _disputed(
        self, connection: Connection, known: RegistrySnapshot, agencies: Iterable[str], day: date
    ) -> Iterator[TaskRow]:
        """Cases with disputed signatures: those that an agency holds, and those of its keys.

        A case is told once for each agency, and no longer once the agency has signed it off behind
        the revocation, alone or with all its cases. The flag of the case stays.
        """
        registry = known.registry
        at = {one.kid: one.at for one in known.disputes}
        for agency in agencies:
            own = [o.kid for o in known.disputes if agency in agencies_of(registry, o.officer, day)]
            checked = self._verifications.signed_off(agency)
            found = disputed.waiting(
                connection, known.disputes, agency, own, checked=checked, limit=limits.DISPUTED
            )
            for one in found:
                yield worklist.disputed_case(one, agency, at[one.kid])
