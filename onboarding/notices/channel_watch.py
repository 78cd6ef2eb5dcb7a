"""What follows from the states of channels: others are notified, and waiting notices are sent.

It runs with a timer, so that it does not depend on the channel's next notice.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from onboarding.notices import channel_notices
from onboarding.notices.announcing import Notices
from onboarding.notices.channel_states import ChannelRecord, ChannelState, ChannelStates
from onboarding.notices.notice import DeliveryRequest, DigestRequest
from onboarding.notices.routing import Routing
from onboarding.workflow import interventions
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.interventions import NotPossibleError
from onboarding.workflow.run import SERVICE, Run
from onboarding.workflow.runtime import Runtime

log = logging.getLogger(__name__)

_QUIET: Final = timedelta(minutes=15)
"""How long a channel fails before others are notified. By then, most failures are over."""

_PAGE: Final = 100


class ChannelWatch:
    """Notifies others about failing channels, and sends waiting notices."""

    def __init__(
        self,
        *,
        states: ChannelStates,
        notices: Notices,
        runs: Runtime,
        routing: Routing,
        names: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        """``names`` returns the names of all channels."""
        self._states = states
        self._notices = notices
        self._runs = runs
        self._routing = routing
        self._names = names

    async def sweep(self) -> int:
        """Checks each channel; returns how many deliveries it has retried.

        A failure with one channel does not stop the others: the first one is raised at the end.
        """
        retried, failures = 0, list[Exception]()
        for name in await self._names():
            try:
                retried += await self._look(name)
            except Exception as error:
                log.exception("the channel %s could not be watched", name)
                failures.append(error)
        if failures:
            raise failures[0]
        return retried

    async def _look(self, name: str) -> int:
        """Checks one channel."""
        state = await self._states.get(name)
        if state.back:
            return await self._came_back(state)
        if state.fails and not state.told:
            await self._tell(state)
        return 0

    async def _tell(self, state: ChannelRecord) -> None:
        """Announces a channel that has failed for some time, or that has ended."""
        now = self._runs.clock.now()
        since = state.since or now
        if state.state is ChannelState.FAILING and timedelta(0) <= now - since < _QUIET:
            return
        await self._notices.about_channel(channel_notices.failure(state))
        await self._states.change(
            state.name, lambda found: replace(found, told=found.told or found.since == state.since)
        )

    async def _came_back(self, state: ChannelRecord) -> int:
        """Retries the deliveries to a channel that works again, however long it failed.

        So does one with another address; others are notified when it has worked there.
        """
        works = state.state is ChannelState.WORKING
        retried, continuation, begun = 0, "", False
        while continuation or not begun:
            begun = True
            entries, continuation = await self._runs.index.marked(size=_PAGE, continuation=continuation)
            for entry in entries:
                retried += await self._retry(entry, state.name)
        if state.told and works:
            await self._notices.about_channel(channel_notices.works(state, state.since or self._states.now()))

        def done(found: ChannelRecord) -> ChannelRecord:
            same = found.since == state.since
            return replace(found, told=found.told and not works, back=False) if same else found

        await self._states.change(state.name, done)
        return retried

    async def _retry(self, entry: Entry, channel: str) -> bool:
        """Whether a delivery waited for a channel. If so, it continues now."""

        async def of_channel(run: Run) -> bool:
            request = self._runs.plan(run.head).request_of(run.head)
            match request:
                case DeliveryRequest(channel=target) | DigestRequest(channel=target):
                    return self._routing.address(target)[0] == channel
            return False

        if not any(await self._runs.load_all([entry], of_channel)):
            return False
        try:
            return await interventions.retry(self._runs, entry.run, SERVICE) is not None
        except NotPossibleError:  # it is in progress, or waits for something else
            return False
