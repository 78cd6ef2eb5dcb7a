"""The connections that wait for their site, although somebody was reminded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from onboarding.api.attention_cases import UNREADABLE, Case, CaseCode, Kept
from onboarding.clock import Clock
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.handover import HandoverState
from onboarding.connections.site_waits import SiteWait, SiteWaits
from onboarding.notices import handover_notices
from onboarding.notices.announcing import Notices
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRowError
from onboarding.texts import phrases
from onboarding.words import data
from onboarding.workflow.run import Author

_SUFFIX: Final = ":site"
"""The suffix that distinguishes the ID of an entry from the ID of its connection, which identifies its
differences.
"""


class WaitingSites:
    """The connections about which people were reminded without a confirmation. A retry reminds once more."""

    codes = (CaseCode.HANDOVER_WAITS,)

    def __init__(
        self, *, waits: SiteWaits, connections: ConnectionStore, notices: Notices, clock: Clock
    ) -> None:
        self._waits = waits
        self._connections = connections
        self._notices = notices
        self._clock = clock

    async def page(self, *, size: int, continuation: str) -> tuple[Sequence[Case], str]:
        """Some of them, by tenant."""
        waits, continuation = await self._waits.page(size=size, continuation=continuation)
        return [self._case(wait) for wait in waits if needs_attention(wait)], continuation

    async def find(self, identifier: str) -> Case | None:
        """One of them: the ID of its connection, and the suffix."""
        if not identifier.endswith(_SUFFIX):
            return None
        wait = await self._waits.get(identifier.removesuffix(_SUFFIX))
        return self._case(wait) if wait and wait.reminded else None

    async def retry(self, case: Case, _author: Author) -> Kept | None:
        """Reminds once more, now. The entry is then no longer dismissed."""
        wait: SiteWait = case.thing
        try:
            connection = await self._connections.get(wait.connection)
        except UnreadableRowError:
            return UNREADABLE
        if connection is None or connection.handover_state is not HandoverState.WAITING:
            await self._waits.remove(wait.connection)
            return None
        reminder = handover_notices.waits(connection, self._clock.now(), wait.reminded, asked=True)
        await self._notices.announce(reminder, connection)
        await self._waits.put(replace(wait, dismissed=None))
        return None

    async def dismiss(self, case: Case, _author: Author, dismissal: Dismissal) -> Kept | None:
        """Hides a connection. People are still reminded, on the days in the settings."""
        await self._waits.put(replace(case.thing, dismissed=dismissal))
        return None

    def _case(self, wait: SiteWait) -> Case:
        return Case(
            code=self.codes[0],
            id=f"{wait.connection}{_SUFFIX}",
            cause="site",
            detail=phrases.plain(data.text(wait.name)),
            tenant=wait.tenant,
            since=wait.since,
            path=f"connections/{wait.connection}",
            thing=wait,
        )


def needs_attention(wait: SiteWait) -> bool:
    """Whether somebody was reminded, and no operator has dismissed it."""
    return wait.reminded > 0 and wait.dismissed is None
