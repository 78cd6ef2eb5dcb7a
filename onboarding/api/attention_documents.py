"""The requests and answers of ``/api/attention``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field

from onboarding.api.attention_cases import Case, CaseCode
from onboarding.api.documents import AttentionCode, Document, Url, Wording, wording
from onboarding.api.documents import Dismissal as DismissalDocument
from onboarding.api.paging import ContinuedQuery, Page, PageQuery
from onboarding.api.reading import Id, Parameters
from onboarding.cmg.fields import Timestamp, plain
from onboarding.storage.dismissals import Dismissed
from onboarding.texts import phrases
from onboarding.texts.phrases import NOTHING

CODE: Final = Field(None, description="Only what belongs to this entry of the overview.")
CAUSE: Final = Field(None, description="Only with this cause, for example the code of an error.")
TENANT: Final = Field(None, description="Only of this tenant.")
SINCE: Final = Field(None, description="Only cases that began at this time or later.")
BEFORE: Final = Field(None, description="Only cases that began before this time.")
REASON: Final = Field(description="Why nothing needs to be done. It is kept with who dismissed the entry.")

Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(plain)]


DetailCode = Annotated[
    str,
    Field(description="The same for programs; for a text of an error, its code, / and title or detail."),
]
DetailArgs = Annotated[dict[str, Any], Field(default_factory=dict, description="The values in `detail`.")]


class AttentionQuery(PageQuery):
    """Which entries are requested."""

    code: CaseCode | None = CODE
    cause: str | None = CAUSE
    tenant_id: Id | None = TENANT
    since: Timestamp | None = SINCE
    before: Timestamp | None = BEFORE


class RetryAllQuery(ContinuedQuery):
    """Which entries are tried again."""

    code: CaseCode = Field(description="What belongs to this entry of the overview.")
    cause: str | None = CAUSE
    tenant_id: Id | None = TENANT
    since: Timestamp | None = SINCE
    before: Timestamp | None = BEFORE


class DismissQuery(Parameters):
    """Why an entry is dismissed."""

    reason: Reason = REASON


class DismissAllQuery(RetryAllQuery):
    """Which entries are dismissed, and why."""

    reason: Reason = REASON


class AttentionEntry(Document):
    """One case that needs attention."""

    code: AttentionCode
    id: str
    cause: Annotated[str, Field(description="For example the code of the error.")] = ""
    detail: Wording = NOTHING
    detail_code: DetailCode = ""
    detail_args: DetailArgs
    tenant_id: str = ""
    since: Annotated[datetime, Field(description="When the case began.")]
    url: Annotated[Url, Field(description="Where it is shown.")] = ""

    @classmethod
    def of(cls, case: Case, url: Callable[[str], str]) -> Self:
        """An entry of a list."""
        return cls(
            code=case.code,
            id=case.id,
            cause=case.cause,
            **wording("detail", case.detail),
            tenant_id=case.tenant,
            since=case.since,
            url=url(case.path) if case.path else "",
        )


class AttentionEntryList(Page[AttentionEntry]):
    """A page of entries."""


class DismissedEntry(Document):
    """Something that an operator dismissed."""

    code: AttentionCode
    id: str
    cause: str = ""
    detail: Wording = NOTHING
    detail_code: DetailCode = ""
    detail_args: DetailArgs
    tenant_id: str = ""
    since: datetime
    dismissal: DismissalDocument

    @classmethod
    def of(cls, dismissed: Dismissed) -> Self:
        """A kept dismissal."""
        return cls(
            code=dismissed.code,
            id=dismissed.id,
            cause=dismissed.cause,
            **wording("detail", phrases.stored(dismissed.said, dismissed.detail)),
            tenant_id=dismissed.tenant,
            since=dismissed.since,
            dismissal=DismissalDocument.model_validate(dismissed.dismissal),
        )


class DismissedEntryList(Page[DismissedEntry]):
    """A page of what operators dismissed, the newest first."""


class HandledEntries(Document):
    """What a call has done. With ``nextLink`` there is more: send the same request to it."""

    done: Annotated[int, Field(description="Entries that were retried or dismissed.")]
    kept: Annotated[int, Field(description="Entries that match, and for which that was not possible.")]
    next_link: Annotated[str, Field(description="URL of the next call. Missing when all is done.")] = ""
