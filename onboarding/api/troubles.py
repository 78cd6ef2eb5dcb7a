"""The lists of things in trouble: what they contain, and how an entry is retried and dismissed.

Each list is read page by page. An entry is described only by what its list contains, so that a filter reads
nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from onboarding.storage.dismissals import Dismissed
from onboarding.storage.unreadable_rows import Dismissal
from onboarding.texts import reasons
from onboarding.texts.phrases import Said
from onboarding.workflow.run import Author, RunStatus


class TroubleCode(StrEnum):
    """The entries of the overview whose cases can be retried and dismissed."""

    OWN_TROUBLE = "own-trouble"
    TRAIL_GAP = "trail-gap"
    GIVEN_UP = "given-up"
    UNREADABLE = "unreadable"
    DRIFTING = "drifting"
    CHANNEL_TROUBLE = "channel-trouble"
    ONBOARDING_FAILED = "onboarding-failed"
    OPERATION_FAILED = "operation-failed"
    INSPECTION_FAILED = "inspection-failed"
    ENDED = "ended"
    ENDS_SOON = "ends-soon"
    OPEN_FOR_LONG = "open-for-long"
    STALLED = "stalled"
    WAITS = "waits-for-customer"
    SITE = "waits-for-site"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """One entry: something in trouble."""

    code: TroubleCode
    id: str
    cause: str = ""  # a code: of the error, of the difference; or the table of a row
    detail: str = ""
    tenant: str = ""
    since: datetime
    path: str = ""  # of the URL where it is shown
    thing: Any  # what the list contains about it


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Why something stays in trouble."""

    what: Said
    current: Said | str
    rule: Said


class TroubleList(Protocol):
    """A list of what is in trouble."""

    @property
    def codes(self) -> Collection[TroubleCode]:
        """The entries of the overview that the list belongs to."""

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Trouble], str]:
        """Some of them, and the continuation (empty at the end)."""

    async def find(self, identifier: str) -> Trouble | None:
        """One of them, or None. It also finds a dismissed entry, because a retry cancels the dismissal."""

    async def retry(self, trouble: Trouble, author: Author) -> Kept | None:
        """Tries it again."""

    async def dismiss(self, trouble: Trouble, author: Author, dismissal: Dismissal) -> Kept | None:
        """Dismisses it: no action is needed."""


def dismissed(trouble: Trouble, dismissal: Dismissal) -> Dismissed:
    """The record of an entry that an operator dismissed."""
    return Dismissed(
        code=trouble.code,
        id=trouble.id,
        cause=trouble.cause,
        detail=trouble.detail,
        tenant=trouble.tenant,
        since=trouble.since,
        dismissal=dismissal,
    )


def not_failed(status: RunStatus) -> Kept:
    """A run that is not in trouble."""
    return Kept(what=reasons.THE_RUN.of(), current=status, rule=reasons.RUN_RULE.of())


UNREADABLE: Final = Kept(
    what=reasons.THE_RECORD.of(), current=reasons.UNREADABLE.of(), rule=reasons.RECORD_RULE.of()
)
