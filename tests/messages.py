"""The catalogue's upkeep: `python -m tests.messages` (`make messages`) brings socai.po up to date.

Every message of the code is extracted by Babel, every help text from the commands themselves. What
is new stands in the file without a translation, what is gone leaves it, and the compiled catalogue
is written beside it. A test holds that nothing of this is left undone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from api.cli.main import main
from api.cli.terminal.help_page import help_of
from api.texts.catalogue import DOMAIN, LOCALES

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("api", "keys", "ledger", "projections")
KEYWORDS: Final = {"Message": (1,), "meaning": ((1, "c"), 2), "plural": (1, 2)}
PO: Final = LOCALES / "vi" / "LC_MESSAGES" / f"{DOMAIN}.po"
MO: Final = PO.with_suffix(".mo")
_WIDTH: Final = 100
_HEAD: Final = """\
# socai, all of its Vietnamese but the rulebook's own words (ledger/regulation/data).
# Terms are those of docs/law/glossary.md. A word in {braces} is filled in by the product and stays
# as it is; `detail` is what a library says, in English, and may be left out.
#"""


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below one, by the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, *path, name)


def help_texts() -> Iterator[str]:
    """Everything that `--help` prints of commands and options, click's own option with it."""
    yield "Show this message and exit."
    for _, command in commands(main):
        yield help_of(command)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.help:
                yield parameter.help


def extracted() -> Catalog:
    """Every message that the product may say, untranslated."""
    found = Catalog()
    for package in PACKAGES:
        for file, _, text, comments, context in extract_from_dir(
            ROOT / package,
            method_map=[("**.py", "python")],
            keywords=KEYWORDS,
            comment_tags=("For translators:",),
            strip_comment_tags=True,
        ):
            place = (f"{package}/{file}", 0)
            found.add(text, locations=[place], auto_comments=comments, context=context)
    for text in help_texts():
        found.add(text, locations=[("socai --help", 0)])
    return found


def stored() -> Catalog:
    """The catalogue as it stands in the repository."""
    with PO.open("rb") as file:
        return read_po(file, locale="vi", domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """What the product reads."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def update() -> None:
    """Writes both files anew; nothing that is still said loses its translation."""
    catalogue = stored()
    made = catalogue.creation_date
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.creation_date, catalogue.header_comment = made, _HEAD
    with PO.open("wb") as file:
        write_po(
            file,
            catalogue,
            width=_WIDTH,
            sort_by_file=True,
            ignore_obsolete=True,
            include_lineno=False,
        )
    MO.write_bytes(compiled(stored()))


if __name__ == "__main__":
    update()
