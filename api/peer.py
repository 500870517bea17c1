"""Who is at the other end of a connection, also behind a proxy of ours.

`X-Forwarded-For` is believed from the configured proxies only, and of its addresses the last that
is none of theirs: whatever stands before it, the client wrote itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

FORWARDED: Final = "X-Forwarded-For"
_ONE_HOLDER: Final = 64
"""An IPv6 client has a whole network of this prefix: all its addresses count as one."""


class Proxies:
    """The proxies of a deployment.

    Args:
        text: Addresses and networks, between commas; of nobody where it is empty.

    Raises:
        ValueError: One of them is neither.
    """

    def __init__(self, text: str = "") -> None:
        self._networks = tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())

    def __contains__(self, address: str) -> bool:
        found = _address(address)
        return found is not None and self._has(found)

    def client(self, peer: str, forwarded: Iterable[str]) -> str:
        """Whom a request counts for; "" where its peer has no address, as on a Unix socket.

        Args:
            peer: Address at the other end of the connection.
            forwarded: Values of `X-Forwarded-For`, in their order.
        """
        found = _address(peer)
        if found is None:
            return ""
        for text in reversed([part for value in forwarded for part in value.split(",")]):
            if not self._has(found):
                break
            before = _address(text.strip())
            if before is None:
                break
            found = before
        return _holder(found)

    def _has(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _holder(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, _ONE_HOLDER), strict=False))
