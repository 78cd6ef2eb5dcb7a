"""A receiver that responded with 410 gets nothing until it accepts a test, whatever else is tried."""

from __future__ import annotations

import pytest

from onboarding.clock import SystemClock
from onboarding.errors import TransientError, channels
from onboarding.notices.channel_states import ChannelState, ChannelStates
from onboarding.notices.channels.channel_faults import ChannelFault
from onboarding.storage import names
from tests.support.accounts import MemoryAccount

GONE = channels.CHANNEL_GONE.error(channel="c")
OTHERS = {
    "refused": channels.WEBHOOK_REFUSED.error(status=500),
    "unreachable": channels.WEBHOOK_UNREACHABLE.error(kind="ConnectError"),
    "own trouble": channels.CHANNEL_SECRET_MISSING.error(secret="s"),
}


@pytest.fixture
async def states():
    account = MemoryAccount()
    await account.create_table(names.SERVICE)
    account.tables.clock = SystemClock()
    return ChannelStates(account.tables)


async def attempt(states: ChannelStates, error: Exception | None) -> None:
    """Let the channel accept a message."""
    try:
        async with states.watched("c"):
            if error:
                raise error
    except TransientError:
        assert error


@pytest.mark.parametrize("other", OTHERS)
async def test_a_failure_does_not_begin_a_subscription_again(states, other):
    """An attempt in progress when the receiver ended the subscription, or a failed test, changes nothing."""
    await attempt(states, GONE)
    ended = await states.get("c")
    await attempt(states, OTHERS[other])
    found = await states.get("c")
    assert (found.state, found.fault, found.since) == (ChannelState.ENDED, ChannelFault.GONE, ended.since)
    await attempt(states, None)
    assert (await states.get("c")).state is ChannelState.WORKING


async def test_another_address_begins_a_subscription_again(states):
    """It is not known yet whether the new address works; a failure there is a failure, not the end."""
    await attempt(states, GONE)
    await states.begin_again("c")
    await attempt(states, OTHERS["refused"])
    assert (await states.get("c")).state is ChannelState.FAILING
