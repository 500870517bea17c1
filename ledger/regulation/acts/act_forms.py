"""Older forms of an act, read as the newest says it: in memory alone, no byte is ever rewritten.

`v` of a payload names the form of formats.md §2 that it was signed in. An act is signed once and
read for decades, so an older one is brought up, form by form, when it is parsed: by eventsourcing's
convention (`class_version`, and a static method `upcast_vN_vM` for each step), in the pure core,
since folds, judges and audit read acts without that library. What is hashed, signed, countersigned
and shown as signed stays the payload as it was received.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ActForm:
    """The form in force.

    A new one raises `class_version` and adds its step. A step puts other members into the state,
    changes nothing below one (that is the signed act's own), may look at nothing else, and is never
    edited once used.
    """

    class_version: ClassVar[int] = 2

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Form 1 says of the author alone in which capacity is signed, beside the signers."""
        author, *others = state["signers"]
        state["signers"] = [{**author, "capacity": state.pop("capacity")}, *others]


def upcast(members: Mapping[str, Any], form: type[ActForm] = ActForm) -> Mapping[str, Any]:
    """The members of an act as the newest form has them.

    Args:
        members: As signed; never changed.
        form: The form in force.

    Returns:
        The same object where it is of that form.

    Raises:
        ValueError: It is of no form that is known (a later one is not guessed at), or not what its
            form says: a step found no such member.
    """
    version = members["v"]
    if not is_known(version, form):  # first: 1.0 and True equal 1, and are no form
        raise ValueError(f"an act of form {version!r}")
    if version == form.class_version:
        return members
    state = dict(members)
    while version < form.class_version:
        step = getattr(form, f"upcast_v{version}_v{version + 1}")
        try:
            step(state)
        # what indexing, popping and iterating JSON of another shape raise: nobody asked it before
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"an act that is not of its form {version}") from error
        version += 1
    state["v"] = version
    return state


def is_known(version: object, form: type[ActForm] = ActForm) -> bool:
    """Whether acts of this form can be read."""
    return type(version) is int and 1 <= version <= form.class_version
