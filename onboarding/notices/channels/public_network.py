"""Connections to public addresses only, whatever a name resolves to.

Operators enter the addresses of subscribers. Without this rule, they could reach targets that only the
function app can reach: its own host, the metadata service, and servers in its virtual network. The address is
checked after the connection is made and before anything is sent, so a name that changes in between has no
effect.

Source: https://www.python-httpx.org/advanced/extensions/#trace.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

_CONNECTED: Final = "connection.connect_tcp.complete"

_PLATFORM: Final = frozenset({"168.63.129.16"})
"""A public address that only Azure's own machines can reach
(https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16).
"""


class NotPublicError(Exception):
    """The receiver is not on a public address."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet. Raises ``ValueError`` for anything else."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast and str(found) not in _PLATFORM


async def check(event: str, info: Mapping[str, Any]) -> None:
    """Raises ``NotPublicError`` for a connection to any other address, before anything is sent."""
    if event != _CONNECTED:
        return
    stream = info["return_value"]
    if not is_public(str(stream.get_extra_info("server_addr")[0])):
        await stream.aclose()
        raise NotPublicError
