"""The commands about the log, from the files that hold them."""

from __future__ import annotations

from api.cli.auditor import log
from api.cli.doubt import resume

__all__ = ["log"]

log.add_command(resume)
