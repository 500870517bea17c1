"""What an expression is said to need stands in every text in which it matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.regulation.acts import expression_needs, text_lint
from ledger.regulation.acts.expression_needs import CAPITALS, Needs, needs
from ledger.regulation.edition import load_edition
from tests.examples import examples

CASES = {
    "nothing": (r"\w*", Needs()),
    "a capital behind a word": (r"(?:ông|bà)\s+[A-ZĐ]\w*", Needs(capital=True)),
    "a capital that may stand first": (r"[A-Z]\w+", Needs()),
    "one behind what may be missing": (r"(?:ông )?[A-Z]", Needs()),
    "a capital in any case": (r"(?i:x[A-Z])", Needs()),
    "a capital in any case by a flag": (r"(?i)xA", Needs()),
    "a class that holds more": (r"x[A-Za-z]", Needs(literal="x")),
    "anything but a capital": (r"x[^A-Z]", Needs(literal="x")),
    "a part that may be missing": (r"x(?:[A-Z]\d)?", Needs(literal="x")),
    "a part that is repeated": (r"x(?:[A-Z]\d)+", Needs(capital=True, digit=True, literal="x")),
    "either way a digit": (r"(?:a\d|[0-9]b|7)", Needs(digit=True)),
    "one way no digit": (r"(?:a\d|b)", Needs()),
    "ahead": (r"(?=.*\d)[a-z]", Needs(digit=True)),
    "not ahead": (r"a(?!\d)", Needs(literal="a")),
    "the longest text": (r"ab\s+cde\d", Needs(digit=True, literal="cde")),
    "a text in any case": (r"(?i:ab)c", Needs(literal="c")),
    "either of two texts": (r"(?:ab|cd)", Needs()),
    "a part that nothing is known of": (r"x(?>[A-Z])", Needs(literal="x")),
}


@pytest.mark.parametrize(("expression", "needed"), list(CASES.values()), ids=list(CASES))
def test_needs_are_read_off_the_expression(expression: str, needed: Needs) -> None:
    """Where one way round it is left, nothing is needed."""
    assert needs(expression) == needed


def test_where_the_library_is_not_read_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later Python may keep its parser elsewhere: texts are looked through for longer then."""
    monkeypatch.setattr(expression_needs, "sre_parser", None)
    assert {needs(expression) for expression, _ in CASES.values()} == {Needs()}


_LISTED = text_lint.lists(load_edition())
_SHIPPED = {
    p.search.pattern: p
    for family in (_LISTED.identifiers, _LISTED.suspected, _LISTED.secret, _LISTED.words)
    for p in family.patterns
}


@given(data=st.data())
@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
def test_every_text_that_a_shipped_entry_matches_holds_what_it_needs(data: st.DataObject) -> None:
    """Texts drawn from the expressions themselves."""
    pattern = data.draw(st.sampled_from(list(_SHIPPED.values())))
    text = data.draw(st.from_regex(pattern.search))
    assert pattern.search.search(text)
    traits = text_lint.traits_of([text])
    assert pattern.needs.literal in text
    assert traits.digit or not pattern.needs.digit
    assert traits.capital or not pattern.needs.capital
    assert traits.capital == any(one in CAPITALS for one in text[1:])
    assert traits.digit == bool(re.search(r"\d", text))
