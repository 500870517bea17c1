"""Officers over time: appointments by agency and post, with the powers and capacities they give.

An officer is an id, never a name; two ids with one person token are one person. Keys are the
keyring's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

from ledger.regulation.edition import within


@dataclass(frozen=True, slots=True)
class Appointment:
    """One post held, first and last day included. `index`: the record that made it."""

    agency: str
    post: str
    powers: frozenset[str]
    capacities: frozenset[str]
    valid_from: date
    valid_to: date | None
    index: int
    unit_code: str | None = None

    def on(self, day: date) -> bool:
        """Whether the post was held that day."""
        return within(self.valid_from, self.valid_to, day)


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer of this log. `person`: token of the natural person, where one was given."""

    uuid: str
    person: str | None
    appointments: tuple[Appointment, ...]

    def find(self, agency: str, post: str, day: date) -> Appointment | None:
        """The appointment to a post that covers a day; of several the one made last."""
        for appointment in reversed(self.appointments):
            if appointment.agency == agency and appointment.post == post and appointment.on(day):
                return appointment
        return None


class Officers:
    """Officers by id; lines are frozen, so a copy is cheap."""

    def __init__(
        self,
        officers: Mapping[str, Officer] | None = None,
        of_person: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._officers = dict(officers or {})
        #: Ids that ever were a person's: each act asks for them, and few persons have two.
        self._of_person = dict(of_person or {})

    def copy(self) -> Self:
        """An independent set of the same lines."""
        return type(self)(self._officers, self._of_person)

    def _keep(self, officer: Officer) -> None:
        self._officers[officer.uuid] = officer
        if officer.person is not None:
            known = self._of_person.get(officer.person, ())
            self._of_person[officer.person] = tuple(dict.fromkeys((*known, officer.uuid)))

    def get(self, officer: str) -> Officer | None:
        """The officer of this id."""
        return self._officers.get(officer)

    def all(self) -> Iterable[Officer]:
        """Every officer, in the order they became known."""
        return self._officers.values()

    def ids_of(self, officer: str) -> tuple[str, ...]:
        """Every id of the natural person behind one, as far as the registry links them."""
        known = self._officers.get(officer)
        if known is None or known.person is None:
            return (officer,)
        ids = self._of_person[known.person]
        return tuple(one for one in ids if self._officers[one].person == known.person)

    def appoint(self, officer: str, person: str | None, appointment: Appointment | None) -> None:
        """Adds an appointment, or makes the officer known without one (the founder)."""
        known = self._officers.get(officer) or Officer(officer, None, ())
        more = () if appointment is None else (appointment,)
        self._keep(Officer(officer, person or known.person, (*known.appointments, *more)))

    def end(self, officer: str, agency: str, post: str, last: date) -> None:
        """Ends the appointments to a post on `last`, the last day in it."""
        known = self._officers.get(officer)
        if known is None:
            return
        self._officers[officer] = replace(
            known,
            appointments=tuple(
                replace(a, valid_to=last)
                if a.agency == agency and a.post == post and _runs_past(a, last)
                else a
                for a in known.appointments
            ),
        )

    def linked(self, officer: str) -> list[str]:
        """The ids of the natural person behind an id, as far as the registry links them."""
        line = self._officers.get(officer)
        if line is None or line.person is None:
            return [officer]
        return [one.uuid for one in self._officers.values() if one.person == line.person]

    def same_person(self, a: str, b: str) -> bool:
        """Whether two ids are one natural person, as far as the registry links them."""
        if a == b:
            return True
        one, other = self._officers.get(a), self._officers.get(b)
        return (
            one is not None
            and other is not None
            and one.person is not None
            and one.person == other.person
        )


def _runs_past(appointment: Appointment, last: date) -> bool:
    return appointment.valid_to is None or appointment.valid_to > last
