"""A text in the reader's language: gettext's catalogue, filled in; numbers and dates by Babel.

`locale/vi/LC_MESSAGES/socai.po` is the one file in which an official reads and mends all Vietnamese
of the product; `make messages` brings it up to date and compiles what is read here. Not there: the
rulebook's own words (`Wording`), which are its dated data.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Final

from api.texts.lang import LANGS, Lang
from ledger.message import Message, Text, Wording

DOMAIN: Final = "socai"
LOCALES: Final = Path(__file__).parent / "locale"
_PART: Final = re.compile(r"([^.;:]+)(?:[.;:]\s*$|[.;:]\s+|$)")


def translate(text: Text, lang: Lang) -> str:
    """The text in one language, with every parameter in the same."""
    if isinstance(text, Wording):
        return text.vi if lang == "vi" else text.en
    return text.fill(_template(text, lang), lambda value: shown(value, lang))


def known(english: str, lang: Lang) -> str | None:
    """The translation of a text that is not ours to mark (click's help); None where there is none.

    English has none: it says what it says.
    """
    found = _catalogue(lang).gettext(english) if english else english
    return None if found == english else found


def in_each(say: Callable[[Lang], str]) -> Wording:
    """What a function says in each language: a list, a name that comes in both."""
    return Wording(say("vi"), say("en"))


def both(text: Text) -> dict[str, str]:
    """The text in each language, as documents carry it."""
    return {lang: translate(text, lang) for lang in LANGS}


def said_once(said: str, more: str) -> str:
    """What is said next, without the words at its beginning that were said before.

    A refusal's sentence and its way on are written apart, since each is shown alone too.
    """
    before = said.casefold()
    while more:
        part = _PART.match(more)
        if part is None or part[1].casefold() not in before:
            break
        more = more[part.end() :]
    return f"{more[:1].upper()}{more[1:]}"


def shown(value: object, lang: Lang) -> str:
    """A parameter in one language; days come first in both.

    A whole number is written plainly, for most are indices, which people copy.
    """
    if isinstance(value, Message | Wording):
        return translate(value, lang)
    if isinstance(value, float):
        from babel.numbers import format_decimal  # noqa: PLC0415  not on every start

        return format_decimal(value, locale=lang)
    if isinstance(value, date):
        from babel.dates import format_date, format_datetime  # noqa: PLC0415  not on every start

        if isinstance(value, datetime):
            return format_datetime(value, "dd/MM/yyyy HH:mm", value.tzinfo, locale=lang)
        return format_date(value, "dd/MM/yyyy", locale=lang)
    return str(value)


def _template(text: Message, lang: Lang) -> str:
    found = _catalogue(lang)
    if text.many is not None:
        return found.ngettext(text.text, text.many, _number(text))
    if text.context is not None:
        return found.pgettext(text.context, text.text)
    return found.gettext(text.text)


def _number(text: Message) -> int:
    n = text.params["n"]
    if not isinstance(n, int):
        raise TypeError(f"{n!r} counts nothing")
    return n


@cache
def _catalogue(lang: Lang) -> gettext.NullTranslations:
    """The compiled catalogue; English is what the messages themselves say."""
    if lang == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALES, [lang])
