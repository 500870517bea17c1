"""Plugins only. Hypothesis profiles: `ci` is the same on every run, `night` looks further."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = [
    "tests.attacks",
    "tests.fixtures.postgres",
    "tests.fixtures.app",
    "tests.fixtures.arena",
    "tests.fixtures.inspected",
    "tests.fixtures.projected",
]

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("night", max_examples=5_000, deadline=None)
settings.load_profile("ci")
