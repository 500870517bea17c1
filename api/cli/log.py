"""The commands about the log, from the files that hold them."""

from __future__ import annotations

from api.cli.auditor import log
from api.cli.discard import discard
from api.cli.doubt import remember_, resume
from api.cli.recover import recover

__all__ = ["log"]

log.add_command(discard)
log.add_command(recover)
log.add_command(resume)
log.add_command(remember_)
