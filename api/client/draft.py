"""An act to be: what is known of it filled in, and what was said of it; its members at any time.

What somebody said is never overridden. Pure but for what `DraftSources` asks; nothing is signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from api.client.draft_sources import DraftSources
from ledger.admission.registrar import Keeper
from ledger.regulation.edition import PROCEDURE
from ledger.regulation.registry.calendar import as_written, local_time

Json = Mapping[str, Any]
_PER_SIGNER: Final = 2
_KNOWN: Final = ("precision",)


@dataclass(slots=True)
class ActDraft:
    """An act that is being written.

    Attributes:
        kind: Its type, as the catalogue has it.
        stream: Where it will stand.
        act_id: Its id.
        at: When it is written: what `occurred_at` says where nobody says otherwise.
        form: Of formats.md §2.
        values: What was said, by path.
        signers: The author, then who signs after, each with the role.
    """

    kind: Json
    stream: str
    act_id: str
    at: datetime
    form: int
    values: dict[tuple[str, ...], Any] = field(default_factory=dict)
    signers: list[tuple[Keeper, str]] = field(default_factory=list)

    def members(self) -> dict[str, Any]:
        """The members of formats.md §2, as far as they are known."""
        author = self.signers[0][0]
        members: dict[str, Any] = {
            "v": self.form,
            "act": self.kind["act"],
            "act_id": self.act_id,
            "stream": self.stream,
            "occurred_at": local_time(self.at),
            "precision": "minute",
            "agency": author.agency,
            "post": author.post,
            "circulation": "INTERNAL",
            "facts": {},
            "signers": [self._signer(*one) for one in self.signers],
        }
        if self.form < _PER_SIGNER:
            members["capacity"] = author.capacity
        for path, value in self.values.items():
            place = members
            for name in path[:-1]:
                place = place.setdefault(name, {})
            place[path[-1]] = value
        if (said := self.values.get(("occurred_at",))) is not None:
            moment, known = as_written(str(said))
            members |= {"occurred_at": moment, "precision": self.values.get(_KNOWN, known)}
        members["basis"] = self.basis()
        return members

    def basis(self) -> list[Json]:
        """What was said, behind the provisions of the regulation that the act type rests on."""
        said: list[Json] = list(self.values.get(("basis",), ()))
        if any(one.get("role") == PROCEDURE["role"] for one in said):
            return said
        return [*_provisions(self.kind), *said]

    def _signer(self, one: Keeper, role: str) -> dict[str, str]:
        told = {"officer": one.officer, "post": one.post, "role": role}
        return told if self.form < _PER_SIGNER else {**told, "capacity": one.capacity}


def _provisions(kind: Json) -> list[Json]:
    """The first provision that the catalogue names as the source; else that of the registry."""
    for source in kind["source"]:
        article, *below = str(source).split(".")
        if article.isdecimal():
            named = dict(zip(("clause", "point"), below, strict=False))
            return [{"instrument": PROCEDURE["instrument"], "article": article, **named,
                     "role": PROCEDURE["role"]}]  # fmt: skip
    return [dict(PROCEDURE)]


def keeper(post: Json, officer: str) -> Keeper:
    """One who signs, in a post that they hold."""
    return Keeper(officer, post["agency"], post["post"], post["capacities"])


def roles_of(kind: Json, facts: Json) -> Sequence[str]:
    """As what an act with these facts is signed, in order: as usual, or as one of them says."""
    for one in kind.get("signature_variants", ()):  # an older server tells none
        if facts.get(one["fact"]) in one["one_of"]:
            return [*one["signer_roles"]]
    return [*kind["signer_roles"]]


def able(sources: DraftSources, kind: Json, role: str, author: Keeper) -> Sequence[Keeper]:
    """Who may sign after the author in a role: by the powers that it asks, in the author's agency.

    Where nobody there holds them, whoever does elsewhere. The rules judge the rest.
    """
    powers = set(kind["signer_powers"].get(role, ()))
    fit = [
        keeper(post, officer)
        for post, officer in _keyed(sources)
        if officer != author.officer and (not powers or powers & set(post["powers"]))
    ]
    return [one for one in fit if one.agency == author.agency] or fit


def _keyed(sources: DraftSources) -> Iterator[tuple[Json, str]]:
    """Posts of officers who can sign: what waits for another would wait for good."""
    return ((post, officer) for post, officer in sources.holders() if officer in sources.signing)
