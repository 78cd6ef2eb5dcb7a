"""The service in a tenant other than its own: the tenant's administrator decides what it may do there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True, slots=True)
class Guest:
    """The application of the service in the tenant of a customer."""

    tenant: str
    app: str  # client ID
    url: str  # where an administrator consents to all that the application requests
    page: str  # the same, and the browser then returns to this service with a signed state


ConsentState: TypeAlias = Callable[[str], Awaitable[str]]
"""Signs the ``state`` of a tenant's consent page; empty if it cannot be signed. Raises nothing."""


async def at_home() -> None:
    """The service is in its own tenant."""


async def unsigned(_tenant: str) -> str:
    """No state: the service continues at its next scheduled check."""
    return ""
