"""The socket that an API listens on, taken before anything else is started.

So a port that another program holds is told at once; and whoever starts the API takes the socket
and hands it on: what answers there is what was started, and between two lives of the API its
callers wait instead of being refused.
"""

from __future__ import annotations

import errno
import socket
from threading import Event
from time import monotonic
from typing import Final

from api.settings import SettingsError
from ledger.message import Message, system_fault

_BACKLOG: Final = 512
_STEP_S: Final = 0.1


def listen(host: str, port: int, *, patience_s: float = 0.0) -> socket.socket:
    """A listening socket; port 0 takes any that is free.

    Args:
        host: A name or an address, of either kind.
        port: Where.
        patience_s: How long the port may still be held by what was killed a moment ago.

    Raises:
        SettingsError: It cannot be had, and why.
    """
    six = ":" in host
    end = monotonic() + patience_s
    while True:
        try:
            return socket.create_server(
                (host, port),
                family=socket.AF_INET6 if six else socket.AF_INET,
                backlog=_BACKLOG,
                dualstack_ipv6=six and socket.has_dualstack_ipv6(),
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE or monotonic() >= end:
                raise _not_to_be_had(host, port, error) from error
        Event().wait(_STEP_S)


def require_free(host: str, port: int) -> None:
    """Says now what a process that is started later could only fail at.

    Raises:
        SettingsError: As `listen`.
    """
    listen(host, port).close()


def _not_to_be_had(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        return SettingsError(
            Message(
                "port {port} of {host} is held by another program: stop that, or choose another"
                " port",
                port=port,
                host=host,
            ),
        )
    return SettingsError(
        Message(
            "port {port} of {host} cannot be opened ({strerror}): look at address and port",
            port=port,
            host=host,
            strerror=system_fault(error),
        ),
    )
