"""An error that one process raises for another comes there as it was, whatever it is made of."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import pytest

import api
import keys
import ledger
import projections
from api.problems.problem import Problem
from keys.errors import TokenFault
from ledger.message import Message

#: By how a constructor's parameter is annotated; what has a default is left out.
_VALUES: Final[dict[str, Any]] = {
    "str": "a",
    "int": 1,
    "float | None": 1.0,
    "str | None": "a",
    "Text": Message("x"),
    "Text | None": Message("x"),
    "TokenFault": TokenFault.ABSENT,
    "Exception": ValueError("x"),
    "ssl.SSLCertVerificationError": SimpleNamespace(reason="x", verify_code=10, verify_message="x"),
    "GenerationPosition": SimpleNamespace(view="a"),
    "list[str]": ["a"],
    "list[tuple[str, int]]": [("a", 1)],
    "Sequence[Path]": (),
    "Mapping[str, Any]": {"code": "a"},
    "Mapping[str, str] | None": {"code": "a"},
}


def _errors() -> Iterator[type[Exception]]:
    """Every exception of the product."""
    for package in (keys, ledger, projections, api):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for one in vars(module).values():
                of_here = inspect.isclass(one) and one.__module__ == found.name
                if of_here and issubclass(one, Exception):
                    yield one


ERRORS: Final = sorted(_errors(), key=lambda one: f"{one.__module__}.{one.__qualname__}")


@pytest.mark.parametrize("kind", ERRORS, ids=lambda one: f"{one.__module__}.{one.__qualname__}")
def test_an_error_is_in_another_process_what_it_was(kind: type[Exception]) -> None:
    """Else whoever waits for a pool of processes is told that the pool is broken."""
    error = _made(kind)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is kind
    assert str(again) == str(error)
    assert repr(vars(again)) == repr(vars(error))


def _made(kind: type[Exception]) -> Exception:
    if not inspect.isfunction(kind.__init__):
        return kind("a")
    if kind is Problem:
        return Problem("not_found", members={"a": 1})
    named = inspect.signature(kind).parameters.values()
    needed = [one for one in named if one.default is inspect.Parameter.empty]
    return kind(*(_value(str(one.annotation)) for one in needed if one.kind not in (2, 4)))


def _value(annotation: str) -> Any:  # noqa: ANN401 - of any kind
    if annotation.startswith(("Literal[", "Kind")):
        return "a"
    return _VALUES.get(annotation, annotation)
