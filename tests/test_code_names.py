"""What a docstring or a comment names is there: files, modules, and what stands in them.

A name that has moved sends its reader to a place where nothing is.
"""

from __future__ import annotations

import builtins
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.source_files import PACKAGES, ROOT, modules

pytestmark = pytest.mark.xdist_group("code names")  # every file is read once, and by one worker
FOLDERS: Final = (*PACKAGES, "release", "tests")
#: A comment, a string that begins with three quotes, another string: what begins first is it.
_TOKEN: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)
    | (?P<letters>\b[bfru]{1,2})?
      (?: (?P<long>\"{3} (?: [^\"\\] | \\. | \"(?!\"\") )* \"{3})
        | \'{3} (?: [^\'\\] | \\. | \'(?!\'\') )* \'{3}
        | \" (?: [^\"\\\n] | \\. )* \"
        | \' (?: [^\'\\\n] | \\. )* \' )""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_FILE: Final = re.compile(r"(?<![\w./*<{-])((?:[\w-]+/)*\w+\.py)\b")
_NAME: Final = re.compile(r"(?<!`)`([A-Za-z_]\w*(?:\.\w+)*)(?:\(\))?`(?!`)")
_RAISED: Final = re.compile(r"Raises: *([A-Z]\w+(?:, [A-Z]\w+)*)\.|^ +([A-Z]\w+): ", re.MULTILINE)
_RAISES: Final = re.compile(r"Raises:\n.*?(?=\n\n|\"\"\"|\Z)|Raises: [^\n]*", re.DOTALL)
_ENDINGS: Final = ("md", "json", "sql", "toml", "txt", "pml", "js", "yml")
#: Names of others, which no code of ours speaks.
FOREIGN: Final = {
    "private_key_jwt",  # OpenID Connect
    "upcast_vN_vM",  # how a function is to be called that is not written yet
    "errorhandler",  # Flask
}


class Prose(NamedTuple):
    """A docstring or a comment.

    Attributes:
        path: Its file.
        line: Its first line, from 1.
        text: As it stands in the file.
    """

    path: Path
    line: int
    text: str

    def where(self, at: int) -> str:
        """The place of a character of it."""
        return f"{self.path.relative_to(ROOT)}:{self.line + self.text.count(chr(10), 0, at)}"


@cache
def read(path: Path) -> tuple[tuple[Prose, ...], frozenset[str]]:
    """What a file says to its readers, and every word of its code and its strings."""
    text = path.read_text("utf-8")
    prose, code, line, last = [], [], 1, 0
    for found in _TOKEN.finditer(text):
        if found["comment"] or (found["long"] and not found["letters"]):
            line, at = line + text.count("\n", last, found.start()), found.end()
            prose.append(Prose(path, line, found[0]))
            code.append(text[last : found.start()])
            line, last = line + found[0].count("\n"), at
    code.append(text[last:])
    return tuple(prose), frozenset({path.stem, *re.findall(r"\w+", " ".join(code))})


@cache
def sources() -> tuple[Path, ...]:
    """Every file but this one, which tells of names that are not there."""
    return tuple(path for path in modules(*FOLDERS) if path != Path(__file__))


def all_prose() -> Iterator[Prose]:
    """Of every source file."""
    for path in sources():
        yield from read(path)[0]


@cache
def code_words() -> frozenset[str]:
    """Every word that some code or string of the project speaks, and Python's own."""
    found = {*dir(builtins), *FOREIGN}
    for path in sources():
        found |= {*read(path)[1], path.parent.name}
    return frozenset(found)


@cache
def _sql() -> frozenset[str]:
    """Tables and functions, with their schema."""
    files = (path for folder in PACKAGES for path in (ROOT / folder).rglob("*.sql"))
    return frozenset(
        word for path in files for word in re.findall(r"\w+\.\w+", path.read_text("utf-8"))
    )


@cache
def words_of_modules() -> dict[str, set[str]]:
    """What stands in the modules and folders of each short name."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sources():
        found[path.stem] |= read(path)[1]
        found[path.parent.name] |= {path.stem, *read(path)[1]}
    return found


def stands(name: str) -> bool:
    """Whether a dotted name leads somewhere: from one of the roots, or from a module's name on."""
    if name in _sql():
        return True
    first, *rest = name.split(".")
    if first in FOLDERS:
        return _below(ROOT / first, rest)
    if not {first, *rest} <= code_words():
        return False
    return not rest or first not in words_of_modules() or rest[0] in words_of_modules()[first]


def _below(place: Path, names: list[str]) -> bool:
    while names and (place / names[0]).is_dir():
        place, names = place / names[0], names[1:]
    if not names:
        return True
    module = place / f"{names[0]}.py"
    if module.is_file():
        return set(names[1:]) <= read(module)[1]
    opened = place / "__init__.py"
    return opened.is_file() and set(names) <= read(opened)[1]


@cache
def _paths() -> tuple[str, ...]:
    return tuple(str(path.relative_to(ROOT)) for path in modules(*FOLDERS))


def lost_files(prose: Prose) -> list[str]:
    """Files of Python that it names and that are not there."""
    return [
        f"{prose.where(found.start())} {found[1]}"
        for found in _FILE.finditer(prose.text)
        if not any(f"/{path}".endswith(f"/{found[1]}") for path in _paths())
    ]


def lost_names(prose: Prose) -> list[str]:
    """Names in backticks that no code speaks."""
    return [
        f"{prose.where(found.start())} {found[1]}"
        for found in _NAME.finditer(prose.text)
        if not found[1].endswith((".py", *(f".{ending}" for ending in _ENDINGS)))
        and not stands(found[1])
    ]


def lost_errors(prose: Prose) -> list[str]:
    """What it says is raised, where no code speaks of such an error."""
    return [
        f"{prose.where(section.start())} {name}"
        for section in _RAISES.finditer(prose.text)
        for found in _RAISED.findall(section[0])
        for name in "".join(found).split(", ")
        if name not in code_words()
    ]


def test_every_file_that_is_named_is_there() -> None:
    """`lines.py` alone is any file of that name; with a folder before it, it stands there."""
    assert [lost for prose in all_prose() for lost in lost_files(prose)] == []


def test_every_name_in_backticks_is_one_that_code_speaks() -> None:
    """`module.name` stands in a module of that name, `ledger.…` where the dots lead."""
    assert [lost for prose in all_prose() for lost in lost_names(prose)] == []


def test_every_error_that_is_said_to_be_raised_has_its_name_in_the_code() -> None:
    """An error that was renamed is caught by nobody who reads the docstring."""
    assert [lost for prose in all_prose() for lost in lost_errors(prose)] == []


def test_names_that_have_moved_are_found() -> None:
    """The three looks see what they look for."""
    text = (
        '"""See `ledger.no_such.thing`, `edition.no_such`, `Overtakken` and `no/such/file.py`.\n\n'
        "    Raises:\n        Overtakken: Never.\n"
        '"""'
    )
    prose = Prose(Path(__file__), 1, text)
    assert [lost.split()[1] for lost in lost_names(prose)] == [
        "ledger.no_such.thing",
        "edition.no_such",
        "Overtakken",
    ]
    assert [lost.split()[1] for lost in lost_files(prose)] == ["no/such/file.py"]
    assert [lost.split()[1] for lost in lost_errors(prose)] == ["Overtakken"]
    assert lost_errors(Prose(Path(__file__), 1, '"""As it. Raises: Overtakken."""'))
    assert stands("ledger.regulation.edition.load_edition")
