"""``/api/attention``: everything that needs attention as one list. An operator retries or dismisses an entry.

A call for many entries works for some seconds, and returns the position at which the next call continues.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from onboarding.api import attention_cases
from onboarding.api.attention_cases import Case, CaseCode, CaseList, Kept
from onboarding.api.attention_documents import (
    AttentionEntry,
    AttentionEntryList,
    AttentionQuery,
    DismissAllQuery,
    DismissedEntry,
    DismissedEntryList,
    DismissQuery,
    HandledEntries,
    RetryAllQuery,
)
from onboarding.api.endpoint import OPERATORS, Call, endpoint
from onboarding.api.paging import PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters
from onboarding.clock import Clock
from onboarding.errors import requests
from onboarding.storage.dismissals import Dismissals
from onboarding.storage.tables import InvalidContinuationError
from onboarding.storage.unreadable_rows import Dismissal
from onboarding.texts import phrases, reasons
from onboarding.texts.phrases import Said
from onboarding.workflow.run import Author

_SECONDS: Final = 8.0
"""After this time, a call does not begin another entry."""

_MOST: Final = 1000
"""The number of entries that one call reads."""

_PAGE: Final = 50
_AT_ONCE: Final = 10

Act = Callable[[CaseList, Case], Awaitable[Kept | None]]


class AttentionResource:
    """The endpoints."""

    def __init__(self, *, lists: Sequence[CaseList], dismissals: Dismissals, clock: Clock) -> None:
        self._lists = lists
        self._dismissals = dismissals
        self._clock = clock

    @endpoint("GET /attention", name="list_attention", roles=OPERATORS, answers={200: AttentionEntryList})
    async def list(self, call: Call[AttentionQuery, None]) -> AttentionEntryList:
        """List everything that needs attention and can be retried or dismissed."""
        query, found = call.query, list[Case]()
        continuation, looked = "", 0
        async for _, some, further in self._pages(query.code, query.continuation, query.size):
            found += [case for case in some if _matches(query, case)]
            looked, continuation = looked + len(some), further
            if len(found) >= query.size or looked >= _MOST:
                break
        entries = [AttentionEntry.of(case, call.url) for case in found]
        return AttentionEntryList(
            value=entries, next_link=call.next_link(continuation, maxpagesize=query.size)
        )

    @endpoint(
        "GET /attention/dismissals",
        name="list_dismissals",
        roles=OPERATORS,
        answers={200: DismissedEntryList},
    )
    async def dismissals(self, call: Call[PageQuery, None]) -> DismissedEntryList:
        """List what operators dismissed: who, when and why."""
        size = call.query.size
        found, continuation = await self._dismissals.page(size=size, continuation=call.query.continuation)
        return DismissedEntryList(
            value=tuple(map(DismissedEntry.of, found)),
            next_link=call.next_link(continuation, maxpagesize=size),
        )

    @endpoint(
        "POST /attention/{id}/retry",
        name="retry_attention",
        roles=OPERATORS,
        answers={200: HandledEntries},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def retry(self, call: Call[Parameters, None]) -> HandledEntries:
        """Retry one entry."""
        return await self._one(call, self._retrying(call.caller.author), phrases.RETRIED.of())

    @endpoint(
        "POST /attention/{id}/dismiss",
        name="dismiss_attention",
        roles=OPERATORS,
        answers={200: HandledEntries},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def dismiss(self, call: Call[DismissQuery, None]) -> HandledEntries:
        """Dismiss one entry.

        It is no longer in the overview. A failed run can still be retried or rolled back.
        """
        act = self._dismissing(call.caller.author, call.query.reason)
        return await self._one(call, act, reasons.DISMISSED.of())

    @endpoint(
        "POST /attention/retry",
        name="retry_all_attention",
        roles=OPERATORS,
        answers={200: HandledEntries},
    )
    async def retry_all(self, call: Call[RetryAllQuery, None]) -> HandledEntries:
        """Retry all entries that match."""
        return await self._many(call, self._retrying(call.caller.author))

    @endpoint(
        "POST /attention/dismiss",
        name="dismiss_all_attention",
        roles=OPERATORS,
        answers={200: HandledEntries},
    )
    async def dismiss_all(self, call: Call[DismissAllQuery, None]) -> HandledEntries:
        """Dismiss all entries that match."""
        return await self._many(call, self._dismissing(call.caller.author, call.query.reason))

    async def _one(self, call: Call[Any, None], act: Act, participle: Said) -> HandledEntries:
        for some in self._lists:
            if case := await some.find(call.path["id"]):
                if kept := await act(some, case):
                    raise ProblemError(
                        requests.NOT_IN_THIS_STATUS,
                        what=kept.what,
                        current=kept.current,
                        participle=participle,
                        rule=kept.rule,
                    )
                return HandledEntries(done=1, kept=0)
        raise ProblemError(requests.NOT_FOUND, what=reasons.THE_ENTRY.of())

    async def _many(self, call: Call[Any, None], act: Act) -> HandledEntries:
        query, began, done, kept, looked = call.query, time.monotonic(), 0, 0, 0
        async for listed, some, continuation in self._pages(query.code, query.continuation, _PAGE):
            chosen = [case for case in some if _matches(query, case)]
            for start in range(0, len(chosen), _AT_ONCE):
                outcomes = await asyncio.gather(
                    *(act(listed, case) for case in chosen[start : start + _AT_ONCE])
                )
                kept += sum(outcome is not None for outcome in outcomes)
                done += sum(outcome is None for outcome in outcomes)
            looked += len(some)
            if continuation and (looked >= _MOST or time.monotonic() - began > _SECONDS):
                return HandledEntries(done=done, kept=kept, next_link=call.next_link(continuation))
        return HandledEntries(done=done, kept=kept)

    def _retrying(self, author: Author) -> Act:
        async def act(listed: CaseList, case: Case) -> Kept | None:
            return await listed.retry(case, author)

        return act

    def _dismissing(self, author: Author, reason: str) -> Act:
        dismissal = Dismissal(by=author.name, by_id=author.id, at=self._clock.now(), reason=reason)

        async def act(listed: CaseList, case: Case) -> Kept | None:
            kept = await listed.dismiss(case, author, dismissal)
            if kept is None:
                await self._dismissals.add(attention_cases.dismissed(case, dismissal))
            return kept

        return act

    async def _pages(
        self, code: CaseCode | None, continuation: str, size: int
    ) -> AsyncIterator[tuple[CaseList, Sequence[Case], str]]:
        """The lists of a code, page by page, each with where the next page begins.

        Raises ``InvalidContinuationError``.
        """
        lists = [some for some in self._lists if code is None or code in some.codes]
        number, _, token = continuation.partition(".")
        if continuation and number not in map(str, range(len(lists))):
            raise InvalidContinuationError
        for at in range(int(number or 0), len(lists)):
            while True:
                found, token = await lists[at].page(size=size, continuation=token)
                further = f"{at}.{token}" if token else f"{at + 1}." if at + 1 < len(lists) else ""
                yield lists[at], found, further
                if not token:
                    break


def _matches(query: Any, case: Case) -> bool:
    """Whether an entry passes the filters of a query."""
    return (
        query.code in {None, case.code}
        and (query.cause is None or query.cause in case.cause.split(","))
        and query.tenant_id in {None, case.tenant}
        and (query.since is None or case.since >= query.since)
        and (query.before is None or case.since < query.before)
    )
