"""What one edition changes in the one before: a JSON merge patch that knows lines by their key.

RFC 7396 replaces a list whole. Here the lists of the rulebook are lines with a name (an act type, a
guard, a state, an agency): a patch names the lines it means, so that it says what changes and no
more, and fits into the act that adopts it (formats.md §1 knows no null). In a list of lines a
member is the key of a line: merged where the line stands, added at the end where it is new, or
right behind the line that its member `after` names. `-` lists the keys that go. In an object it
lists members. What a line may leave open is null where the line says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

Subject = Mapping[str, Any]
GONE: Final = "-"
AFTER: Final = "after"
APART: Final = " / "
"""Between the parts of a key that has several."""
KEYS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("acts", "acts"): ("act",),
        ("acts", "roles"): ("code",),
        ("acts", "addressees"): ("code",),
        ("acts", "groups"): ("code",),
        ("acts", "indicators"): ("code",),
        ("guards", "guards"): ("code",),
        ("life_cycle", "states"): ("code",),
        ("life_cycle", "transitions"): ("from", "act", "disposition"),
        ("life_cycle", "sub_processes"): ("name",),
        ("life_cycle", "clocks"): ("code",),
        ("life_cycle", "limits"): ("code",),
        ("registry", "territories"): ("code",),
        ("registry", "agencies"): ("id",),
        ("registry", "functions"): ("code",),
        ("registry", "holdings"): ("agency", "function", "territory", "from"),
        ("registry", "assumptions"): ("code",),
        ("registry", "post_powers"): ("power", "agency_kind", "post", "from"),
        ("registry", "secret_lists"): ("id",),
        ("registry", "instruments"): ("id",),
        ("registry", "clock_rules"): ("code", "valid_from"),
        ("registry", "competences"): ("instrument", "article", "from"),
        ("registry", "limb_provisions"): ("limb", "instrument", "article", "from"),
        ("registry", "disclosure_grounds"): ("instrument", "article", "from"),
        ("lint", "secret_marks"): ("code",),
        ("lint", "secret_words"): ("code",),
        ("lint", "words"): ("code",),
        ("duties", "modalities"): ("code",),
        ("duties", "bodies"): ("code",),
        ("silences", "silences"): ("n",),
        ("participation", "scopes"): ("code",),
        ("participation", "ends"): ("code",),
        ("participation", "acts"): ("act", "from"),
    }
)
"""By subject and list, the members that make the key of a line; another list is replaced whole."""


WITHIN: Final[Mapping[str, str]] = MappingProxyType({"posts": "code"})
"""Members of a line that are lines themselves, each with what keys them: merged as lines are."""
OPEN: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("acts", "acts"): ("states_from", "moves", "sub_process", "sub_process.id_fact"),
        ("life_cycle", "transitions"): ("from",),
        ("life_cycle", "sub_processes"): ("moves.from", "moves.act"),
        ("life_cycle", "clocks"): ("initial.value",),
        ("registry", "agencies"): ("names.to", "valid_to"),
        ("registry", "holdings"): ("to",),
        ("registry", "post_powers"): ("to",),
        ("registry", "secret_lists"): ("to",),
        ("registry", "instruments"): ("in_force_from", "in_force_to", "replaced_by"),
        ("registry", "clock_rules"): ("length", "unit", "valid_to"),
        ("registry", "competences"): ("to",),
        ("registry", "limb_provisions"): ("to",),
        ("registry", "disclosure_grounds"): ("to",),
        ("lint", "secret_marks"): ("to",),
        ("lint", "secret_words"): ("to",),
        ("lint", "words"): ("to",),
        ("duties", "bodies"): ("lines.to",),
        ("participation", "acts"): ("from", "to"),
    }
)
"""By subject and list, members of a line that may be null."""


def key_of(line: Mapping[str, Any], members: Sequence[str]) -> str:
    """The key of a line; what is left out of it, or open, is empty in the key."""
    return APART.join("" if line.get(m) is None else str(line[m]) for m in members)


def changed(
    subjects: Mapping[str, Subject], change: Mapping[str, Mapping[str, Any]]
) -> dict[str, Subject]:
    """The subjects of an edition after a change; what they were stays as it is.

    Args:
        subjects: By name.
        change: By subject, what it changes.

    Raises:
        ValueError: It names a subject, or drops or follows a line, that is not there.
    """
    unknown = sorted(change.keys() - subjects.keys())
    if unknown:
        raise ValueError(f"there is no subject {unknown[0]!r}")
    return {
        name: _subject(name, subject, change[name]) if name in change else subject
        for name, subject in subjects.items()
    }


def _subject(name: str, subject: Subject, patch: object) -> Subject:
    if not isinstance(patch, Mapping):
        raise ValueError(f"{name}: must be an object")  # noqa: TRY004 - of data, not of code
    made = dict(subject)
    for section, value in patch.items():
        members = KEYS.get((name, section))
        where = f"{name}.{section}"
        if members is not None and isinstance(value, Mapping):
            lines = _lines(where, made.get(section, ()), value, members)
            made[section] = [_opened(line, OPEN.get((name, section), ())) for line in lines]
        else:
            made[section] = _merged(where, made.get(section), value)
    return made


def _opened(line: Mapping[str, Any], paths: Sequence[str]) -> Mapping[str, Any]:
    for path in paths:
        line = _null(line, path)
    return line


def _null(value: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, (list, tuple)):
        return [_null(item, path) for item in value]
    if not isinstance(value, Mapping):
        return value
    member, _, below = path.partition(".")
    if not below:
        return value if member in value else {**value, member: None}
    return {**value, member: _null(value[member], below)} if member in value else value


def _lines(
    where: str, lines: Sequence[Mapping[str, Any]], patch: Mapping[str, Any], members: Sequence[str]
) -> list[Mapping[str, Any]]:
    made = {key_of(line, members): line for line in lines}
    for key in _dropped(where, patch):
        if made.pop(key, None) is None:
            raise ValueError(f"{where}: there is no line {key!r} to drop")
    for key, value in patch.items():
        if key == GONE:
            continue
        if not isinstance(value, Mapping):
            raise ValueError(f"{where}: the line {key!r} must be an object")  # noqa: TRY004
        behind = value.get(AFTER)
        line = _merged(f"{where}: {key}", made.get(key), {n: value[n] for n in value if n != AFTER})
        if key_of(line, members) != key:
            raise ValueError(f"{where}: the line {key!r} is called {key_of(line, members)!r}")
        if behind is None:
            made[key] = line
        else:
            made = _placed(where, made, key, line, behind)
    return list(made.values())


def _placed(
    where: str, lines: Mapping[str, Any], key: str, line: Mapping[str, Any], behind: object
) -> dict[str, Any]:
    if not isinstance(behind, str) or behind not in lines or behind == key:
        raise ValueError(f"{where}: {key!r} is to follow {behind!r}, which is not there")
    made: dict[str, Any] = {}
    for name, value in lines.items():
        if name != key:
            made[name] = value
        if name == behind:
            made[key] = line
    return made


def _merged(where: str, value: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(patch, Mapping):
        return patch
    key = WITHIN.get(where.rpartition("/")[2])
    if key is not None and isinstance(value, (list, tuple)):
        return _lines(where, value, patch, (key,))
    made = dict(value) if isinstance(value, Mapping) else {}
    for name in _dropped(where, patch):
        if name not in made:
            raise ValueError(f"{where}: there is no member {name!r} to drop")
        del made[name]
    for name, below in patch.items():
        if name != GONE:
            made[name] = _merged(f"{where}/{name}", made.get(name), below)
    return made


def _dropped(where: str, patch: Mapping[str, Any]) -> Sequence[str]:
    gone = patch.get(GONE, ())
    if not isinstance(gone, (list, tuple)) or not all(isinstance(n, str) for n in gone):
        raise ValueError(f"{where}: {GONE!r} lists names")
    return gone
