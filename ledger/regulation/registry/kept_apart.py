"""Posts that one person does not hold together (access.md S5, S6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.regulation.registry.lines import KEEPER
from ledger.regulation.registry.officers import Appointment

AUDITOR: Final = "AUDITOR"
CUSTODIAN: Final = "KEY_CUSTODIAN"
KEY_POST: Final = "quan-ly-khoa"
"""Post whose holder administers keys (access.md A20)."""
_WITH_KEYS: Final = frozenset({CUSTODIAN, KEEPER, "FOUNDER"})


def keeps_keys(post: Appointment) -> bool:
    """Whether a post is that of a custodian or of a key administrator (access.md S5)."""
    return CUSTODIAN in post.powers or post.post == KEY_POST


def beside_keys(powers: frozenset[str]) -> bool:
    """Whether whoever keeps keys may hold a post of these powers: custodian's and registrar's."""
    return bool(powers) and powers <= _WITH_KEYS


def administers(held: Iterable[Appointment]) -> bool:
    """Whether these posts of one person let them sign what registers others.

    An auditor signs none of it, nor whoever keeps keys beside a post of another kind.
    """
    posts = tuple(held)
    apart = any(keeps_keys(post) for post in posts)
    return not any(
        AUDITOR in post.powers or (apart and not beside_keys(post.powers)) for post in posts
    )
