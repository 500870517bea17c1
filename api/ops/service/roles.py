"""The processes of a home: what each is called, and how it is started."""

from __future__ import annotations

from typing import Final

from api.home import Home
from api.settings import ORDINARY, Settings

API: Final = "api"
CHECKPOINTER: Final = "checkpointer"
PROJECTOR: Final = "projector"
VAULT: Final = "vault"
KEEPER: Final = "keeper"
DATABASE: Final = "database"
ROLES: Final = (API, CHECKPOINTER, PROJECTOR)
FOLLOWER: Final = "follower"
REMEMBERING: Final = (*ROLES, FOLLOWER)
"""Who of a home remembers the log: its own processes, and those of others that follow it here."""


def served(settings: Settings) -> tuple[str, ...]:
    """The processes of a home: the keeper above ordinary, the vault where it is founded."""
    home = Home(settings)
    kept = () if home.facts().level == ORDINARY else (KEEPER,)
    founded = (VAULT,) if home.key_path(VAULT).exists() else ()
    return (*kept, *ROLES, *founded)


def command(role: str, lang: str | None = None) -> list[str]:
    """The module whose `main` is a role in a process of its own, and what it is called with."""
    spoken = [] if lang is None else ["--lang", lang]
    if role == API:  # and the socket it listens on, where it is given one
        return ["api.http.wsgi"]
    if role == VAULT:
        return ["api.cli.main", *spoken, "vault", "serve"]
    return ["api.cli.main", *spoken, "serve", "--role", role]
