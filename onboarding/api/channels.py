"""``/api/channels``: whether each channel of notices works, and a test of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field

from onboarding.api.documents import Document
from onboarding.api.endpoint import OPERATORS, Call, endpoint
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters
from onboarding.api.told import StepError
from onboarding.errors import TransientError, requests
from onboarding.notices import failing_deliveries
from onboarding.notices.channel_names import ChannelKind, ChannelNames
from onboarding.notices.channel_states import ChannelRecord, ChannelState, ChannelStates
from onboarding.notices.channels.channel_faults import ChannelFault
from onboarding.notices.failing_deliveries import DeliveryState, FailingDelivery
from onboarding.notices.routing import Routing
from onboarding.texts import reasons
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.runtime import Runtime

if TYPE_CHECKING:
    from onboarding.notices.outgoing import Outgoing

_READ: Final = 100
"""Undelivered notices that are read."""


class Channel(Document):
    """A channel of notices."""

    name: str
    kind: ChannelKind
    state: ChannelState
    since: Annotated[datetime | None, Field(description="Of the state.")]
    last_success_at: Annotated[
        datetime | None, Field(description="Accurate to five minutes while the channel works.")
    ]
    last_failure_at: datetime | None
    fault: Annotated[ChannelFault | None, Field(description="The class of the last error, until a success.")]
    error: StepError | None
    waiting: Annotated[
        int,
        Field(
            description="The number of notices that wait for it, among the newest 100 that are undelivered."
        ),
    ]
    next_attempt_at: Annotated[datetime | None, Field(description="Of the first of them.")]

    @classmethod
    def of(cls, state: ChannelRecord, kind: ChannelKind, waiting: Sequence[FailingDelivery]) -> Self:
        """A channel, with the number of notices that wait for it."""
        due = [delivery.next_attempt_at for delivery in waiting if delivery.next_attempt_at]
        return cls(
            name=state.name,
            kind=kind,
            state=state.state,
            since=state.since,
            last_success_at=state.last_success_at,
            last_failure_at=state.last_failure_at,
            fault=state.fault,
            error=state.error,
            waiting=len(waiting),
            next_attempt_at=min(due, default=None),
        )


class ChannelList(Document):
    """All channels of the deployment."""

    value: tuple[Channel, ...]


class ChannelTest(Document):
    """How a test of a channel ended."""

    delivered: bool
    error: Annotated[StepError | None, Field(description="Why the channel did not accept the message.")]
    channel: Channel


class ChannelReports:
    """Combines what is known about channels."""

    def __init__(
        self, *, names: ChannelNames, states: ChannelStates, deliveries: Runtime, routing: Routing
    ) -> None:
        self._names = names
        self._states = states
        self._deliveries = deliveries
        self._routing = routing

    async def all(self) -> list[Channel]:
        """All channels, failing ones first."""
        found, _ = await failing_deliveries.page(self._deliveries, size=_READ)
        channels = [await self._channel(name, found) for name in await self._names.all()]
        return sorted(
            channels, key=lambda channel: channel.state not in {ChannelState.FAILING, ChannelState.ENDED}
        )

    async def one(self, name: str) -> Channel:
        """A channel. Raises ``ProblemError`` (404)."""
        if name not in await self._names.all():
            raise ProblemError(requests.NOT_FOUND, what=reasons.THE_CHANNEL.of())
        found, _ = await failing_deliveries.page(self._deliveries, size=_READ)
        return await self._channel(name, found)

    async def _channel(self, name: str, failing: Sequence[FailingDelivery]) -> Channel:
        waiting = [
            delivery
            for delivery in failing
            if self._routing.address(delivery.channel)[0] == name and delivery.state is DeliveryState.RETRYING
        ]
        return Channel.of(await self._states.get(name), self._names.kind(name), waiting)


class ChannelsResource:
    """The endpoints."""

    def __init__(self, *, reports: ChannelReports, outgoing: Callable[[], Outgoing]) -> None:
        """``outgoing`` is called when something is sent."""
        self._reports = reports
        self._outgoing = outgoing

    @endpoint(
        "GET /channels",
        name="list_channels",
        roles=OPERATORS,
        answers={200: ChannelList},
    )
    async def list(self, call: Call[Parameters, None]) -> ChannelList:  # noqa: ARG002 - all channels
        """List the channels of notices; failing ones come first."""
        return ChannelList(value=tuple(await self._reports.all()))

    @endpoint(
        "GET /channels/{name}",
        name="get_channel",
        roles=OPERATORS,
        answers={200: Channel},
        problems=(requests.NOT_FOUND,),
    )
    async def get(self, call: Call[Parameters, None]) -> Channel:
        """Get the state of a channel."""
        return await self._reports.one(call.path["name"])

    @endpoint(
        "POST /channels/{name}/test",
        name="test_channel",
        roles=OPERATORS,
        answers={200: ChannelTest},
        problems=(requests.NOT_FOUND,),
    )
    async def test(self, call: Call[Parameters, None]) -> ChannelTest:
        """Send a test message to a channel.

        The answer shows whether the channel accepted it. After a success, notices that wait for the channel
        are sent within a few minutes.
        """
        name = call.path["name"]
        await self._reports.one(name)
        error: Failure | None = None
        try:
            await self._outgoing().test(name, str(uuid.uuid4()))
        except TransientError as refused:
            error = Failure.of(refused)
        return ChannelTest(delivered=error is None, error=error, channel=await self._reports.one(name))
