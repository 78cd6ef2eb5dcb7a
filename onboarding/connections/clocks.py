"""When warnings are due: pure dates. A threshold is crossed, never "equal to today", so none is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SECRET: Final = "secret"  # noqa: S105 - the clock's name
"""The clock that ends when the client secret does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpiryWarning:
    """One warning of a clock: how many days before the end (0: it has ended), and when it is due."""

    days: int
    due_at: datetime


def first_warning(ends_at: datetime, thresholds: Sequence[int], now: datetime) -> ExpiryWarning | None:
    """The warning that a clock begins with.

    Thresholds that were crossed before the clock was known would all warn of the same thing at once, so of
    those only the last one is kept; it is due already.
    """
    warnings = _warnings(ends_at, thresholds)
    crossed = [warning for warning in warnings if warning.due_at <= now]
    ahead = [warning for warning in warnings if warning.due_at > now]
    return crossed[-1] if crossed else next(iter(ahead), None)


def next_warning(ends_at: datetime, thresholds: Sequence[int], after: int) -> ExpiryWarning | None:
    """The warning that follows the one ``after`` days before the end."""
    return next((warning for warning in _warnings(ends_at, thresholds) if warning.days < after), None)


def upcoming(ends_at: datetime, thresholds: Sequence[int], now: datetime) -> ExpiryWarning | None:
    """The next warning that time will bring; None when the last one is past."""
    return next((warning for warning in _warnings(ends_at, thresholds) if warning.due_at > now), None)


def _warnings(ends_at: datetime, thresholds: Sequence[int]) -> list[ExpiryWarning]:
    ordered = sorted(set(thresholds), reverse=True)
    return [ExpiryWarning(days=days, due_at=ends_at - timedelta(days=days)) for days in ordered]
