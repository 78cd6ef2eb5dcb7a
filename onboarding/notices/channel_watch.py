"""What follows from the states of channels: others are notified, and waiting notices are sent.

It runs with a timer, so that it does not depend on the channel's next notice.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from onboarding.errors import Action, ActionKind, Actor
from onboarding.notices import event_keys
from onboarding.notices.announcing import Notices
from onboarding.notices.channel_states import ChannelState, ChannelStates, Working
from onboarding.notices.notice import DeliveryRequest, DigestRequest, Kind, Notice
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
        """Checks each channel; returns how many deliveries it has resumed.

        A failure with one channel does not stop the others: the first one is raised at the end.
        """
        resumed, failures = 0, list[Exception]()
        for name in await self._names():
            try:
                resumed += await self._look(name)
            except Exception as error:
                log.exception("the channel %s could not be watched", name)
                failures.append(error)
        if failures:
            raise failures[0]
        return resumed

    async def _look(self, name: str) -> int:
        """Checks one channel."""
        state = await self._states.get(name)
        if state.back:
            return await self._came_back(state)
        if state.fails and not state.told:
            await self._tell(state)
        return 0

    async def _tell(self, state: ChannelState) -> None:
        """Announces a channel that has failed for some time, or that has ended."""
        now = self._runs.clock.now()
        since = state.since or now
        if state.state is Working.FAILING and timedelta(0) <= now - since < _QUIET:
            return
        await self._notices.about_channel(_trouble(state))
        await self._states.change(
            state.name, lambda found: replace(found, told=found.told or found.since == state.since)
        )

    async def _came_back(self, state: ChannelState) -> int:
        """Resumes the deliveries to a channel that works again, however long it failed.

        One with another address does so too; others are told when it has worked there.
        """
        works = state.state is Working.WORKING
        resumed, continuation, begun = 0, "", False
        while continuation or not begun:
            begun = True
            entries, continuation = await self._runs.index.marked(size=_PAGE, continuation=continuation)
            for entry in entries:
                resumed += await self._resume(entry, state.name)
        if state.told and works:
            await self._notices.about_channel(_works(state))

        def done(found: ChannelState) -> ChannelState:
            same = found.since == state.since
            return replace(found, told=found.told and not works, back=False) if same else found

        await self._states.change(state.name, done)
        return resumed

    async def _resume(self, entry: Entry, channel: str) -> bool:
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
            return await interventions.resume(self._runs, entry.run, SERVICE) is not None
        except NotPossibleError:  # it is in progress, or waits for something else
            return False


def _trouble(state: ChannelState) -> Notice:
    ended, error, since = state.state is Working.ENDED, state.error, state.since
    if since is None or error is None or state.fault is None:
        raise ValueError(f"the channel {state.name} is not in trouble")
    return Notice(
        kind=Kind.CHANNEL_ENDED if ended else Kind.CHANNEL_FAILING,
        connection="",
        channel=state.name,
        fact=f"channel:{state.name}",
        key=(since.isoformat(),),
        at=since,
        message=(
            f"The channel '{state.name}' has ended: its receiver answered that it no longer exists."
            if ended
            else f"The channel '{state.name}' has not accepted notices since {since:%Y-%m-%d %H:%M} UTC."
        ),
        impact=(
            "It gets no more notices."
            if ended
            else f"{error.detail} Its notices wait, and are sent when it works again."
        ),
        remedy=f"{error.remedy}\nThen test it: POST /api/channels/{state.name}/test.",
        details={"state": str(state.state), "since": since.isoformat(), "fault": str(state.fault)},
        actions=(_test(state),),
    )


def _works(state: ChannelState) -> Notice:
    at = state.since or state.last_success_at
    if at is None:
        raise ValueError(f"the channel {state.name} was never used")
    return Notice(
        kind=Kind.CHANNEL_WORKS,
        connection="",
        channel=state.name,
        fact=f"channel:{state.name}",
        key=(at.isoformat(),),
        at=at,
        message=f"The channel '{state.name}' works again since {at:%Y-%m-%d %H:%M} UTC.",
        impact="Notices that are still true are sent to it now.",
        remedy="",
        details={"state": str(state.state), "since": at.isoformat()},
        programs_only=True,
        closes=(event_keys.of_fact(f"channel:{state.name}"),),
    )


def _test(state: ChannelState) -> Action:
    return Action(
        kind=ActionKind.TEST_CHANNEL,
        label="Test the channel",
        actor=Actor.OPERATOR,
        method="POST",
        path=f"/api/channels/{state.name}/test",
    )
