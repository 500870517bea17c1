"""The cast of a rehearsal: which officer stands behind an alias, and where its key lies.

`cast/<alias>.socaikey`, sealed with the rehearsal's own passphrase, and `cast/cast.json` beside
them, which names officer, agency, post and log. One alias with one agency and post is one officer
across files; an alias that stands for another post gets `<file id>.<alias>`. Without a folder
everything stays in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import orjson

from api.home import Home
from api.rehearsal.acts_of_play import ADDED, KEEPER, PERSONNEL, CastMember, Directory
from api.rehearsal.scenario import CastPart
from api.settings import SettingsError
from keys.custody.file import read_key, write_key
from keys.errors import Carried
from keys.jwk import SoftwareSigner
from ledger.message import Message
from ledger.regulation.edition import Edition

_INDEX: Final = "cast.json"
_FIRST_KEY: Final = "Ed25519"


class UnknownAlias(Carried):
    """Nobody of the cast has this alias; `known` are those there are."""

    def __init__(self, alias: str, known: list[str]) -> None:
        super().__init__(alias)
        self.alias = alias
        self.known = known


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Where keys are kept, what seals them, and what opening one costs."""

    folder: Path
    passphrase: bytes
    costs: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Home) -> KeyStore:
        """That of a home."""
        return cls(home.settings.home / "cast", home.passphrase(), home.key_costs())


class Cast:
    """Officers and keys of one enclave's cast.

    Args:
        log: Origin of the log; a cast made for another log is not this one's.
        safe: Where to keep keys; None keeps them in memory only.
    """

    def __init__(self, log: str, safe: KeyStore | None = None) -> None:
        self._log = log
        self._safe = safe
        self._officers: dict[str, CastMember] = {}
        self._keys: dict[str, SoftwareSigner] = {}
        if safe is not None:
            self._load(safe)

    def find(self, alias: str, part: CastPart, play_id: str) -> CastMember | None:
        """The officer that already stands for this alias in this post."""
        for name in (alias, f"{play_id}.{alias}"):
            officer = self._officers.get(name)
            if officer is not None and officer.part == part:
                return officer
        return None

    def add(
        self, alias: str, part: CastPart, play_id: str, officer: str, person: str
    ) -> tuple[CastMember, SoftwareSigner]:
        """A new officer with a new key; both are kept before they are returned."""
        name = alias if alias not in self._officers else f"{play_id}.{alias}"
        signer = self.new_key()
        made = CastMember(name, officer, part, signer.kid, person)
        self._keep(made, signer)
        return made, signer

    def signer(self, kid: str) -> SoftwareSigner:
        """The key of that kid, opened at its first use."""
        if kid not in self._keys:
            alias = next(o.alias for o in self._officers.values() if o.kid == kid)
            self._keys[kid] = self._open(alias)
        return self._keys[kid]

    def new_key(self) -> SoftwareSigner:
        """A key that is not anybody's yet."""
        return SoftwareSigner.generate(_FIRST_KEY)

    def change_key(self, officer: CastMember, key: SoftwareSigner) -> CastMember:
        """The officer with the new key; the old key's file stays as `<alias>.<kid>`."""
        if self._safe is not None:
            old = self._path(officer.alias)
            old.rename(old.with_name(f"{old.stem}.{officer.kid}.socaikey"))
        changed = replace(officer, kid=key.kid)
        self._keep(changed, key)
        return changed

    def approvers(self, agency: str, directory: Directory) -> list[CastMember]:
        """Who may approve what is registered: personnel officers, then registrars of an agency.

        Whoever was added to a cast holds the post in every agency that keeps the registry.
        """
        known = list(self._officers.values())
        added = [o for o in known if _is_added(o)]
        here = [o for o in known if o.part.agency == agency or o in added]
        personnel = [o for o in here if o in added or PERSONNEL in directory.post(o.part)[0]]
        return [*personnel, *(o for o in here if KEEPER in directory.post(o.part)[0])]

    def named(self, alias: str) -> CastMember:
        """The officer behind an alias.

        Raises:
            UnknownAlias: Nobody of that name was enrolled.
        """
        if alias not in self._officers:
            raise UnknownAlias(alias, sorted(self._officers))
        return self._officers[alias]

    def _keep(self, officer: CastMember, signer: SoftwareSigner) -> None:
        self._keys[signer.kid] = signer
        self._officers[officer.alias] = officer
        if self._safe is None:
            return
        self._safe.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path, safe = self._path(officer.alias), self._safe
        write_key(path, signer, safe.passphrase, **safe.costs)
        self._write_index(self._safe)

    def _open(self, alias: str) -> SoftwareSigner:
        if self._safe is None:
            raise UnknownAlias(alias, sorted(self._officers))
        return read_key(self._path(alias), self._safe.passphrase)

    def _path(self, alias: str) -> Path:
        if self._safe is None:
            raise UnknownAlias(alias, sorted(self._officers))
        name = alias.replace("/", "%2F")  # an alias is any text, and leads out of no folder
        return self._safe.folder / f"{name}.socaikey"

    def _load(self, safe: KeyStore) -> None:
        """Who was hired. Raises: SettingsError: The list of it is damaged."""
        path = safe.folder / _INDEX
        try:
            listed = orjson.loads(path.read_bytes())
            if listed.get("log") != self._log:
                return
            for alias, line in listed["cast"].items():
                part = CastPart(line["agency"], line["post"], line.get("label"))
                self._officers[alias] = CastMember(
                    alias, line["officer"], part, line["kid"], line.get("person", "")
                )
        except FileNotFoundError:
            return
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise SettingsError(
                Message("{facts_path} is damaged: {error}", facts_path=path, error=error)
            ) from error

    def _write_index(self, safe: KeyStore) -> None:
        cast = {
            alias: {
                "officer": o.officer,
                "agency": o.part.agency,
                "post": o.part.post,
                "kid": o.kid,
                "person": o.person,
                **({} if o.part.person is None else {"label": o.part.person}),
            }
            for alias, o in self._officers.items()
        }
        draft = safe.folder / f"{_INDEX}.draft"
        draft.write_bytes(
            orjson.dumps({"log": self._log, "cast": cast}, option=orjson.OPT_INDENT_2)
        )
        draft.replace(safe.folder / _INDEX)


def _is_added(member: CastMember) -> bool:
    """Whether it is the personnel officer that a cast was given, by whatever file it was named."""
    return member.alias.endswith(PERSONNEL) and member.part.post == ADDED[PERSONNEL]


class EditionDirectory:
    """Agencies and posts as the shipped edition gives them (`registry.json`)."""

    def __init__(self, edition: Edition) -> None:
        self._agencies: Mapping[str, Mapping[str, Any]] = {
            agency["id"]: agency for agency in edition.registry["agencies"]
        }
        self._holdings = edition.registry["holdings"]

    def first_day(self, agency: str) -> date | None:
        """The agency's first day; None where the edition does not know it."""
        known = self._agencies.get(agency)
        return date.fromisoformat(known["valid_from"]) if known else None

    def post(self, part: CastPart) -> tuple[list[str], list[str]]:
        """Powers and capacities of the post; one the edition lacks signs for itself only."""
        posts = self._agencies.get(part.agency, {}).get("posts", ())
        for post in posts:
            if post["code"] == part.post:
                return list(post["roles"]), list(post["capacities"])
        return [], ["TRUC_TIEP"]

    def keeper(self, day: date) -> str:
        """The agency that keeps the registry on that day.

        Raises:
            LookupError: None does.
        """
        text = day.isoformat()
        for line in self._kept(text):
            if line["from"] <= text:
                return str(line["agency"])
        raise LookupError(f"nobody keeps the registry on {text}")

    def keepers(self, day: date) -> list[str]:
        """The agency that keeps the registry on that day, and those that keep it later."""
        lines = sorted(self._kept(day.isoformat()), key=lambda line: str(line["from"]))
        return list(dict.fromkeys(str(line["agency"]) for line in lines))

    def _kept(self, text: str) -> list[Mapping[str, Any]]:
        """Lines by which the registry is kept on a day or later."""
        lines = (line for line in self._holdings if line["function"] == KEEPER)
        return [line for line in lines if text <= (line["to"] or "9999-12-31")]
