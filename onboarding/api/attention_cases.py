"""The lists of cases that need attention: what they contain, and how an entry is retried and dismissed.

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
from onboarding.texts.phrases import NOTHING, Said
from onboarding.workflow.run import Author, RunStatus


class CaseCode(StrEnum):
    """The entries of the overview whose cases can be retried and dismissed."""

    RUN_WAITS_FOR_OPERATOR = "run-waits-for-operator"
    TRAIL_GAP = "trail-gap"
    POISON_MESSAGE = "poison-message"
    ROW_UNREADABLE = "row-unreadable"
    CONNECTION_DRIFTING = "connection-drifting"
    DELIVERY_FAILING = "delivery-failing"
    ONBOARDING_FAILED = "onboarding-failed"
    OPERATION_FAILED = "operation-failed"
    INSPECTION_FAILED = "inspection-failed"
    EXPIRATION_PASSED = "expiration-passed"
    EXPIRATION_NEAR = "expiration-near"
    ONBOARDING_LATE = "onboarding-late"
    RUN_RETRYING = "run-retrying"
    RUN_WAITS_FOR_CUSTOMER = "run-waits-for-customer"
    HANDOVER_WAITS = "handover-waits"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case that needs attention."""

    code: CaseCode
    id: str
    cause: str = ""  # a code: of the error, of the difference; or the table of a row
    detail: Said = NOTHING
    tenant: str = ""
    since: datetime
    path: str = ""  # of the URL where it is shown
    thing: Any  # what the list contains about it


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Why a case stays."""

    what: Said
    current: Said | str
    rule: Said


class CaseList(Protocol):
    """A list of cases of one kind."""

    @property
    def codes(self) -> Collection[CaseCode]:
        """The entries of the overview that the list belongs to."""

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them, and the continuation (empty at the end)."""

    async def find(self, identifier: str) -> Case | None:
        """One of them, or None. It also finds a dismissed entry, because a retry cancels the dismissal."""

    async def retry(self, case: Case, author: Author) -> Kept | None:
        """Tries it again."""

    async def dismiss(self, case: Case, author: Author, dismissal: Dismissal) -> Kept | None:
        """Dismisses it: no action is needed."""


def dismissed(case: Case, dismissal: Dismissal) -> Dismissed:
    """The record of an entry that an operator dismissed."""
    return Dismissed(
        code=case.code,
        id=case.id,
        cause=case.cause,
        detail=case.detail.text,
        said=case.detail,
        tenant=case.tenant,
        since=case.since,
        dismissal=dismissal,
    )


def not_failed(status: RunStatus) -> Kept:
    """A run that has not failed."""
    return Kept(what=reasons.THE_RUN.of(), current=status, rule=reasons.RUN_RULE.of())


UNREADABLE: Final = Kept(
    what=reasons.THE_RECORD.of(), current=reasons.UNREADABLE.of(), rule=reasons.RECORD_RULE.of()
)
