"""The notices about channels: one does not accept notices, has ended, works again, or was removed."""

from __future__ import annotations

from datetime import datetime

from onboarding.errors import Action, ActionKind, Actor
from onboarding.notices import event_keys
from onboarding.notices.channel_states import ChannelRecord, ChannelState
from onboarding.notices.notice import Notice, NoticeKind


def failure(state: ChannelRecord) -> Notice:
    """A channel does not accept notices, or has ended."""
    ended, error, since = state.state is ChannelState.ENDED, state.error, state.since
    if since is None or error is None or state.fault is None:
        raise ValueError(f"the channel {state.name} does not fail")
    return Notice(
        kind=NoticeKind.CHANNEL_ENDED if ended else NoticeKind.CHANNEL_FAILING,
        connection="",
        channel=state.name,
        fact=fact(state.name),
        key=(since.isoformat(),),
        at=since,
        message=(
            f"The channel '{state.name}' has ended: its receiver reports that it no longer exists."
            if ended
            else f"The channel '{state.name}' has not accepted notices since {since:%Y-%m-%d %H:%M} UTC."
        ),
        impact=(
            "The service no longer sends notices to it."
            if ended
            else f"{error.detail} Its notices wait, and are sent when it works again."
        ),
        remedy=f"{error.remedy}\nThen test it: POST /api/channels/{state.name}/test.",
        details={"state": str(state.state), "since": since.isoformat(), "fault": str(state.fault)},
        actions=(_test(state.name),),
    )


def works(state: ChannelRecord, told_at: datetime, *, gone: bool = False) -> Notice:
    """A channel works again; ``gone``: it was removed. ``told_at``: when its failure was announced."""
    at = told_at if gone else state.since or state.last_success_at or told_at
    return Notice(
        kind=NoticeKind.CHANNEL_REMOVED if gone else NoticeKind.CHANNEL_WORKS,
        connection="",
        channel=state.name,
        fact=fact(state.name),
        key=(at.isoformat(),),
        at=at,
        message=(
            f"The channel '{state.name}' was removed."
            if gone
            else f"The channel '{state.name}' has worked again since {at:%Y-%m-%d %H:%M} UTC."
        ),
        impact="None." if gone else "The service now sends it the notices that are still current.",
        remedy="",
        details={"state": str(state.state), "since": at.isoformat()},
        programs_only=True,
        closes=(event_keys.of_fact(fact(state.name)),),
    )


def fact(channel: str) -> str:
    """What a notice about a channel is about."""
    return f"channel:{channel}"


def _test(channel: str) -> Action:
    return Action(
        kind=ActionKind.TEST_CHANNEL,
        label="Test the channel",
        actor=Actor.OPERATOR,
        method="POST",
        path=f"/api/channels/{channel}/test",
    )
