"""Which version of the program this process is.

An installation over a service that runs changes what the files say, and nothing that has loaded
them: so it is read once, with the first module that tells it.
"""

from __future__ import annotations

from importlib import metadata
from typing import Final

_PACKAGE: Final = "socai"


def installed() -> str | None:
    """What lies on the disk now; None while it is being exchanged."""
    try:
        return metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return None


VERSION: Final = metadata.version(_PACKAGE)
