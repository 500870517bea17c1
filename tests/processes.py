"""The processes of an enclave as a test meets them: a port for them, and their ids."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from api.ops.supervisor import Supervisor


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pids(supervisor: Supervisor) -> Mapping[str, int]:
    """Process ids by role."""
    return {role: child.process.pid for role, child in supervisor._children.items()}
