"""Rows that point to a connection: by requester, by inspection, and while it drifts or waits for its site.

They share the table of the connections. Their partitions sort after every tenant id.
"""

from __future__ import annotations

import hashlib
from typing import Final

from onboarding.storage import keys
from onboarding.storage.tables import Row

PLACES: Final = 28
"""Places of the inspection schedule: the longest interval in days, and a multiple of a week's."""

DAILY: Final = "~inspection:daily"
"""The partition that points to the connections that are inspected every day."""

DRIFT: Final = "~drift"
"""The partition that points to the connections that drift."""

SITE: Final = "~site"
"""The partition that points to the connections whose handover nobody has confirmed."""


def of_requester(requester: str) -> str:
    """The partition that points to the connections of a requester."""
    return f"~requester:{keys.part(requester)}"


def inspection(connection: str) -> Row:
    """The place of a connection in the inspection schedule; a hash chooses it."""
    place = int(hashlib.sha256(connection.encode()).hexdigest(), 16) % PLACES
    return Row(partition=of_place(place), key=connection)


def of_place(place: int) -> str:
    """The partition that points to the connections of one place in the inspection schedule."""
    return f"~inspection:{place:02d}"


def daily(connection: str) -> Row:
    """The pointer to a connection that is inspected every day, because it differs or something is pending."""
    return Row(partition=DAILY, key=connection)


def site(connection: str) -> Row:
    """The pointer to a connection whose handover nobody has confirmed."""
    return Row(partition=SITE, key=connection)


def drift(connection: str) -> Row:
    """The pointer to a connection that drifts."""
    return Row(partition=DRIFT, key=connection)
