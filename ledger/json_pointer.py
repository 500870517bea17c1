"""JSON Pointers (RFC 6901 §3-§4): their one reading and writing; knows nothing else."""

from __future__ import annotations


def child(pointer: str, name: str | int) -> str:
    """The pointer of one member of what `pointer` leads to."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def names(pointer: str) -> tuple[str, ...]:
    """The names that a pointer leads through, none for the whole document.

    Raises:
        ValueError: It is neither empty nor begins with a slash.
    """
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"not a JSON Pointer: {pointer!r}")
    # ~01 is "~1" and not "/": the slash first (RFC 6901 §4)
    return tuple(n.replace("~1", "/").replace("~0", "~") for n in pointer.split("/")[1:])
