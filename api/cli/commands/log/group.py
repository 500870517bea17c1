"""The commands about the log, from the files that hold them."""

from __future__ import annotations

from api.cli.commands.audit import log
from api.cli.commands.log.discard import discard
from api.cli.commands.log.doubt import remember_, resume
from api.cli.commands.log.recover import recover

__all__ = ["log"]

log.add_command(discard)
log.add_command(recover)
log.add_command(resume)
log.add_command(remember_)
