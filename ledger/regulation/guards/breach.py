"""What a guard answers when its condition does not hold.

The words to fill in and the members to mark. A guard returns `Breach` or None and never raises;
`decide.py` turns the breach into a refusal or a flag (guards.json, kind).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Breach:
    """One condition that does not hold.

    Attributes:
        params: Values for the words in braces of the guard's sentence in guards.json.
        pointers: JSON Pointers (RFC 6901) of the members at fault, as far as they can be named.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    pointers: tuple[str, ...] = ()
