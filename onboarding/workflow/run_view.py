"""Which runs a list shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from onboarding.workflow.run import RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """Which runs a list shows: those that are in all of these lists, with this status (None: any)."""

    lists: Mapping[str, str] = field(default_factory=dict)  # put the shortest list first
    status: RunStatus | None = None
    since: datetime | None = None  # only those that were accepted later

    def shows(self, lists: Mapping[str, str]) -> bool:
        """Whether a run in these lists belongs to the view."""
        return all(lists.get(kind) == value for kind, value in self.lists.items())
