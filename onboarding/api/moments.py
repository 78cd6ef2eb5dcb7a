"""Moments as callers see them."""

from __future__ import annotations

from datetime import datetime
from typing import overload


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: None) -> None: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """A moment as RFC 3339 writes it in UTC."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None
