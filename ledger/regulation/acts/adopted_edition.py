"""What an act of adoption says: which edition follows the one in force, and by what change.

A shipped edition is named by its digest. One that a log makes its own is the edition in force and a
change, which the act states in full (`edition_change.py`): whoever has the log has its rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import orjson

from keys import canonical
from keys.errors import KeysError
from ledger.regulation.acts.act import Act
from ledger.regulation.edition import Edition, shipped_as

_MOST: Final = 32
"""Adopted editions kept in memory; another is made anew from its act."""


class UnknownEdition(ValueError):
    """This version ships no edition of that digest: it cannot tell what stands behind the act."""


def adopted(act: Act, base: Edition) -> Edition:
    """The edition that an EditionAdopted brings into force.

    Args:
        act: The act; its facts fit the catalogue.
        base: The edition in force before.

    Raises:
        UnknownEdition: A newer version of this program ships it.
        ValueError: The change does not fit the edition in force, or makes another digest.
    """
    name, digest, change = (act.facts.get(m) for m in ("edition", "digest", "change"))
    if act.facts.get("base") != base.digest:
        raise ValueError(f"edition {name} does not follow edition {base.name}")
    if change is None:
        found = shipped_as(str(digest))
        if found is None:
            raise UnknownEdition(f"edition {name} is not known to this version")
        return found
    try:
        made = _made(base, str(name), canonical.encode(change))
    except KeysError as error:
        raise ValueError(str(error)) from error
    if made.digest != digest:
        raise ValueError(f"the change makes an edition of digest {made.digest}")
    return made


@lru_cache(maxsize=_MOST)
def _made(base: Edition, name: str, change: bytes) -> Edition:
    return base.changed(name, orjson.loads(change))
