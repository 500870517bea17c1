"""Plugins, and who runs what when.

Hypothesis: `ci` repeats itself, and draws half of the usual; `whole` draws eight times as much, and
leaves no form of an attack out; `night` looks further, from the seed that `make soak` prints. All
hold for what has a number of its own too (tests/examples.py). The plugins of schemathesis and anyio
are not loaded (pyproject.toml): they cost each process a second.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Generator
from inspect import unwrap
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

from api.loading import collect_rarely
from tests.examples import USUAL, in_share, share

pytest_plugins = [
    "tests.attacks",
    "tests.drill_table",
    "tests.parts",
    "tests.skips",
    "tests.failures",
    "tests.in_memory",
    "tests.fixtures.clusters",
    "tests.fixtures.postgres",
    "tests.fixtures.key_files",
    "tests.fixtures.app",
    "tests.fixtures.kept",
    "tests.fixtures.above",
    "tests.fixtures.compartments",
    "tests.fixtures.arena",
    "tests.fixtures.inspected",
    "tests.fixtures.desk",
    "tests.fixtures.installed",
    "tests.fixtures.neighbours",
    "tests.fixtures.projected",
    "tests.fixtures.under_order",
    "tests.fixtures.softhsm",
    "tests.fixtures.apart",
]

settings.register_profile("ci", max_examples=USUAL // 2, derandomize=True, deadline=None)
settings.register_profile("whole", max_examples=400, derandomize=True, deadline=None)
settings.register_profile("night", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile("ci")


def _forget_settings() -> None:
    """No test reads the home, or any other setting, of whoever runs it; nor `.socai` beside it."""
    for name in [*os.environ]:  # noqa: TID251  taken away, not read
        if name.startswith("SOCAI_"):
            del os.environ[name]  # noqa: TID251  the same
    os.environ["SOCAI_HOME"] = NO_HOME  # noqa: TID251  the same


NO_HOME: Final = "/nonexistent/socai"
"""A test that means a home names its own."""
_forget_settings()

gc.disable()  # eight thousand tests are collected, and none of them goes away again


def pytest_collection_finish() -> None:
    """What was collected stays, and nobody looks through it for cycles again; nor often for others.

    In a process that serves that search comes as rarely.
    """
    gc.freeze()
    gc.enable()
    collect_rarely()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Each worker begins with other files: it compiles these, and the rest is compiled by then.

    Of a fresh clone all workers would rewrite the asserts of every file, each for itself.
    """
    config = session.config
    worker: dict[str, Any] = getattr(config, "workerinput", {})
    folders = [config.invocation_params.dir / arg for arg in config.args]
    if not worker or config.option.ignore or not all(folder.is_dir() for folder in folders):
        return
    files = [str(file) for folder in folders for file in sorted(folder.rglob("test_*.py"))]
    number = int(worker["workerid"].removeprefix("gw"))
    begin = len(files) * number // int(worker["workercount"])
    config.args = [*files[begin:], *files[:begin]]


_TOLD_ONCE: Final = ("under_order", "above", "compartments")
"""Enclaves that a process tells once and copies: the modules that begin with one are one group."""
_SERVED: Final = ("inspected", "desk")
"""Of the session and served: they take a fiftieth of a processor, and end with their group."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is made once for a module is made in one worker, and what takes long begins first."""
    items.sort(key=lambda item: item.path)  # wherever this worker began
    groups: dict[Path, str] = {}
    for item in items:
        if found := [name for name in _TOLD_ONCE if name in _fixtures(item)]:
            groups.setdefault(item.path, found[0])
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) or _leaves_out(item):
            item.add_marker(pytest.mark.property)
        if item.get_closest_marker("xdist_group") is None and _shares(item):
            module = item.nodeid.partition("::")[0]
            item.add_marker(pytest.mark.xdist_group(groups.get(item.path, module)))
    first: dict[str, int] = {}
    places = {
        item: (
            not any(map(item.get_closest_marker, ("slow", "xdist_group"))),
            first.setdefault(group, n) if (group := _group(item)) is not None else n,
        )
        for n, item in enumerate(items)
    }
    items.sort(key=places.__getitem__)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """What a service that is called here sets goes again: else a thread that ends ends the run."""
    before = threading.excepthook
    try:
        return (yield)
    finally:
        threading.excepthook = before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """What is served for a group goes with the last of its tests, and not with the run."""
    yield
    group = _group(item)
    if group is None or nextitem is None or _group(nextitem) == group:
        return
    for name in _SERVED:
        for one in item.session._fixturemanager._arg2fixturedefs.get(name, ()):
            if one.scope == "session":
                one.finish(item._request)  # type: ignore[attr-defined]


def _group(item: pytest.Item) -> str | None:
    """Whom it is sent to one worker with."""
    marker = item.get_closest_marker("xdist_group")
    return marker and str(marker.kwargs.get("name") or marker.args[0])


def _leaves_out(item: pytest.Item) -> bool:
    """Whether it tries a share and is no attack: the soak tries all, as `make attack` of those."""
    if not isinstance(item, pytest.Function) or item.get_closest_marker("attack"):
        return False
    made = [unwrap(one) for one in (item.function, *(f[-1].func for f in _fixtures(item).values()))]
    return any(
        one.__name__ in code.co_names and function.__globals__.get(one.__name__) is one
        for function in made
        if (code := getattr(function, "__code__", None)) is not None
        for one in (share, in_share)
    )


def _shares(item: pytest.Item) -> bool:
    """Whether it uses something that a module has one of."""
    return any(one[-1].scope == "module" for one in _fixtures(item).values())


def _fixtures(item: pytest.Item) -> dict[str, Any]:
    """What it uses, and what that uses."""
    return dict(item._fixtureinfo.name2fixturedefs) if isinstance(item, pytest.Function) else {}
