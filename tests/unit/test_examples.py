"""The profile `night` looks further at every property, whatever number one asks for."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from tests.examples import USUAL, examples, in_share, share, shared_with_soak
from tests.source_files import modules, name_of


@pytest.fixture
def loading() -> Iterator[None]:
    """Profiles are changed, and the one of this run comes back."""
    before = settings.get_current_profile_name()
    yield
    settings.load_profile(before)


@pytest.mark.parametrize(("profile", "times"), [("ci", 0.5), ("whole", 4), ("night", 50)])
@pytest.mark.usefixtures("loading")
def test_a_number_of_ones_own_grows_with_the_profile(profile: str, times: float) -> None:
    """As of those that name none."""
    settings.load_profile(profile)
    assert settings().max_examples == times * USUAL
    assert examples(60) == times * 60


@pytest.mark.parametrize(("profile", "tried"), [("ci", 40), ("whole", 100)])
@pytest.mark.usefixtures("loading")
def test_of_a_hundred_names_a_push_tries_a_third_and_others_all(profile: str, tried: int) -> None:
    """By name alone, so that a push tries the same ones again."""
    settings.load_profile(profile)
    assert sum(in_share(3, f"test {n}") for n in range(100)) in range(min(tried, 25), tried + 1)


@pytest.mark.parametrize("number", [1, 2, 7])
@pytest.mark.parametrize("one_in", [1, 2, 3])
def test_what_a_push_leaves_out_is_the_soak_s(number: int, one_in: int) -> None:
    """No form is lost, and one at least is tried on a push."""
    made = shared_with_soak(range(number), one_in, "numbers")
    assert [form for one in made for form in one.values] == list(range(number))
    pushed = [one for one in made if not one.marks]
    assert len(pushed) in range(max(1, number // one_in), -(-number // one_in) + 1)
    assert {mark.name for one in made for mark in one.marks} <= {"soak"}


def test_no_property_has_a_number_that_every_profile_keeps() -> None:
    """`examples(60)` and not 60."""
    fixed = re.compile(r"max_examples=\d")
    profiles = Path(__file__).parents[1] / "conftest.py"
    found = [path for path in modules("tests") if fixed.search(path.read_text("utf-8"))]
    assert found == [profiles]


@pytest.mark.parametrize(("profile", "tried"), [("ci", 200), ("whole", 1000)])
@pytest.mark.usefixtures("loading")
def test_of_few_forms_each_is_tried_as_often_as_another(profile: str, tried: int) -> None:
    """Also where one in so many is less than one: not the first of them for nearly every thing."""
    settings.load_profile(profile)
    times = Counter(form for n in range(200) for form in share(range(5), 75, f"thing {n}"))
    assert times.total() == tried
    assert min(times[form] for form in range(5)) > tried // 5 // 2


def test_of_no_forms_none_is_tried() -> None:
    """Nor is it a fault to have none."""
    assert list(share((), 2, "nothing")) == []


@pytest.fixture
def some() -> Sequence[int]:
    """A share of a few numbers."""
    return share((1, 2, 3, 4), 2, "numbers")


def test_forms_that_a_push_leaves_out_are_tried_in_the_soak(request: pytest.FixtureRequest) -> None:
    """Whoever tries a share of them itself is drawn anew there, as a property is."""
    assert len(share((1, 2), 2, "numbers")) in (1, 2)
    assert request.node.get_closest_marker("property")


def test_so_are_those_that_a_fixture_leaves_out(
    request: pytest.FixtureRequest, some: Sequence[int]
) -> None:
    """Of a test that knows nothing of it."""
    assert set(some) <= {1, 2, 3, 4}
    assert request.node.get_closest_marker("property")


def test_cases_that_a_push_leaves_out_are_those_of_attacks() -> None:
    """`make attack` makes all of them; of any other test the soak takes `shared_with_soak`."""
    seen = 0
    told = {path: path.read_text("utf-8") for path in modules("tests")}
    for path in (path for path, text in told.items() if re.search(r"\bshare\(", text)):
        for made in ast.walk(ast.parse(told[path])):
            if isinstance(made, ast.FunctionDef) and made.name.startswith("test_"):
                called = [
                    {name_of(one.func) for one in ast.walk(mark) if isinstance(one, ast.Call)}
                    for mark in made.decorator_list
                ]
                if any("share" in names for names in called):
                    assert any("attack" in names for names in called), f"{path}: {made.name}"
                    seen += 1
    assert seen
