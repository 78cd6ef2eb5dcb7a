"""The service in a tenant other than its own: the tenant's administrator decides what it may do there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Guest:
    """The application of the service in the tenant of a customer."""

    tenant: str
    app: str  # client ID
    url: str  # where an administrator consents to all that the application requests
