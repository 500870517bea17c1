"""The API from outside: a client, its connection, and what it has seen of the log; no server."""

from api.client.client import Client, Read, Sent, verify
from api.client.connection import Refused, Unreachable

__all__ = ["Client", "Read", "Refused", "Sent", "Unreachable", "verify"]
