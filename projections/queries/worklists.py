"""What waits for an officer and for the agencies that they act for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime

from keys.errors import Unsealable
from ledger.errors import VerificationError
from ledger.regulation.acts.act import ORDINARY
from ledger.regulation.case.exclusions import shut_out
from ledger.regulation.case.stand_ins import signs_for
from ledger.regulation.case.state import present_agency
from ledger.regulation.registry.calendar import local_day
from ledger.regulation.registry.registry import Registry
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
        for part in (tasks.started, tasks.sign):
            part[:] = self._told_in_vain(part, known.registry, officer, at, instead)
        return index, tasks

    def _told_in_vain(
        self,
        tasks: Collection[TaskRow],
        registry: Registry,
        officer: str,
        at: datetime,
        instead: Callable[[str, str, str], bool],
    ) -> Iterator[TaskRow]:
        """What waits for others, with why it may wait in vain.

        Who is shut out is told to whoever sees all of the case, and asked of the first cases alone:
        each is folded, if this process does not know it as it stands. Above ordinary none is, since
        no list opens a record there.
        """
        day, cases = local_day(at), list(dict.fromkeys(one.stream for one in tasks if one.state))
        asked_of = set(cases[: limits.WAITED] if self._over.level == ORDINARY else ())
        for task in tasks:
            signer = task.next
            if signer is None or task.post is None or signer == officer:
                yield task
            elif task.stream in asked_of and self._is_out(signer, task.stream, registry, at):
                yield replace(task, in_vain=worklist.SHUT_OUT)
            elif not (
                registry.holds_yet(signer, task.post, local_day(task.started_at or at), day)
                or instead(signer, task.act, task.stream)
            ):
                yield replace(task, in_vain=worklist.LEFT)
            else:
                yield task

    def _is_out(self, officer: str, stream: str, registry: Registry, at: datetime) -> bool:
        try:
            case = self._over.rights.case(stream)
        except (VerificationError, Unsealable):  # as its own page says: no list ends with one case
            return False
        return shut_out(officer, case, registry, at) is not None

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
