"""The blueprints of the pages, once every module has registered its own."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from api.http.pages import across, around, case, figures, lists, papers, start, timeline
from api.http.pages.files import files
from api.http.pages.frame import pages

PAGES: Final[tuple[Blueprint, ...]] = (pages, files)
MODULES: Final = (start, lists, across, figures, timeline, case, around, papers)
"""What registers pages when it is imported."""
