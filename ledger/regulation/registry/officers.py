"""Officers over time: appointments by agency and post, with the powers and capacities they give.

An officer is an id, never a name; two ids with one person token are one person, and so are those
whose tokens were found to be one. Keys are the keyring's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self

from ledger.regulation.edition import within

_MOST_TOLD: Final = 4_096
"""Answers of a kind that are kept: the days of acts are few, and so are those who sign them."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """One post held, first and last day included.

    `index` and `recorded_on`: the record that made it, and its day; None: no act did.
    `end_said_on`: the day on which an act said when it ends; None: none did.
    """

    agency: str
    post: str
    powers: frozenset[str]
    capacities: frozenset[str]
    valid_from: date
    valid_to: date | None
    index: int
    unit_code: str | None = None
    recorded_on: date | None = None
    end_said_on: date | None = None

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
        joined: Mapping[str, str] | None = None,
    ) -> None:
        self._officers = dict(officers or {})
        #: Ids that ever were a person's: each act asks for them, and few persons have two.
        self._of_person = dict(of_person or {})
        #: Tokens found to be one: each by the token that stands for both since.
        self._joined = dict(joined or {})
        #: What was asked before, until a line is added: the guards of one act ask the same often.
        self._told_post: dict[tuple[str, str, str, date], Appointment | None] = {}
        self._told_posts: dict[tuple[str, date], tuple[Appointment, ...]] = {}
        self._told_ids: dict[str, tuple[str, ...]] = {}

    def copy(self) -> Self:
        """An independent set of the same lines."""
        return type(self)(self._officers, self._of_person, self._joined)

    def _keep(self, officer: Officer) -> None:
        self._forget()
        self._officers[officer.uuid] = officer
        if officer.person is not None:
            person = self._joined.get(officer.person, officer.person)
            known = self._of_person.get(person, ())
            self._of_person[person] = tuple(dict.fromkeys((*known, officer.uuid)))

    def _forget(self) -> None:
        """What was told may be otherwise now."""
        self._told_post.clear()
        self._told_posts.clear()
        self._told_ids.clear()

    def get(self, officer: str) -> Officer | None:
        """The officer of this id."""
        return self._officers.get(officer)

    def appointment(self, officer: str, agency: str, post: str, day: date) -> Appointment | None:
        """As `Officer.find`; None too of whoever is not known."""
        key = officer, agency, post, day
        try:
            return self._told_post[key]
        except KeyError:
            if len(self._told_post) >= _MOST_TOLD:
                self._told_post.clear()
        line = self._officers.get(officer)
        told = self._told_post[key] = None if line is None else line.find(agency, post, day)
        return told

    def appointments(self, officer: str, day: date) -> tuple[Appointment, ...]:
        """Every post that was held that day, in the order they were given."""
        key = officer, day
        try:
            return self._told_posts[key]
        except KeyError:
            if len(self._told_posts) >= _MOST_TOLD:
                self._told_posts.clear()
        line = self._officers.get(officer)
        held = () if line is None else tuple([a for a in line.appointments if a.on(day)])
        self._told_posts[key] = held
        return held

    def all(self) -> Iterable[Officer]:
        """Every officer, in the order they became known."""
        return self._officers.values()

    def ids_of(self, officer: str) -> tuple[str, ...]:
        """Every id of the natural person behind one, as far as the registry links them."""
        try:
            return self._told_ids[officer]
        except KeyError:
            if len(self._told_ids) >= _MOST_TOLD:
                self._told_ids.clear()
        known = self._officers.get(officer)
        ids = (officer,) if known is None or known.person is None else self.of_person(known.person)
        self._told_ids[officer] = ids
        return ids

    def of_person(self, token: str) -> tuple[str, ...]:
        """Every id of whoever a token stands for; empty where nobody was entered with it."""
        person = self._joined.get(token, token)
        ids = self._of_person.get(person, ())
        return tuple(one for one in ids if self._person(one) == person)

    def _person(self, officer: str) -> str | None:
        """The token that stands for an officer now."""
        known = self._officers.get(officer)
        if known is None or known.person is None:
            return None
        return self._joined.get(known.person, known.person)

    def join(self, officer: str, other: str) -> None:
        """Two ids are found to be one person: so are all that have the token of either, for good.

        An id without a token (the founder's, those of the first edition) gets its own id as one.
        """
        for one in (officer, other):
            known = self._officers.get(one) or Officer(one, None, ())
            if known.person is None:
                self._keep(replace(known, person=one))
        stays, goes = self._person(officer), self._person(other)
        if stays is None or goes is None or stays == goes:
            return
        self._forget()
        for token in (goes, *(t for t, into in self._joined.items() if into == goes)):
            self._joined[token] = stays
        both = (*self._of_person.get(stays, ()), *self._of_person.pop(goes, ()))
        self._of_person[stays] = tuple(dict.fromkeys(both))

    def appoint(self, officer: str, person: str | None, appointment: Appointment | None) -> None:
        """Adds an appointment, or makes the officer known without one (the founder)."""
        known = self._officers.get(officer) or Officer(officer, None, ())
        more = () if appointment is None else (appointment,)
        self._keep(Officer(officer, person or known.person, (*known.appointments, *more)))

    def end(self, officer: str, agency: str, post: str, last: date, said_on: date) -> None:
        """Ends the appointments to a post on `last`, the last day in it, as was said on a day."""
        known = self._officers.get(officer)
        if known is None:
            return
        self._forget()
        self._officers[officer] = replace(
            known,
            appointments=tuple(
                replace(a, valid_to=last, end_said_on=said_on)
                if a.agency == agency and a.post == post and _runs_past(a, last)
                else a
                for a in known.appointments
            ),
        )

    def linked(self, officer: str) -> list[str]:
        """The ids of the natural person behind an id, as far as the registry links them."""
        return list(self.ids_of(officer))

    def same_person(self, a: str, b: str) -> bool:
        """Whether two ids are one natural person, as far as the registry links them."""
        if a == b:
            return True
        person = self._person(a)
        return person is not None and person == self._person(b)


def _runs_past(appointment: Appointment, last: date) -> bool:
    return appointment.valid_to is None or appointment.valid_to > last
