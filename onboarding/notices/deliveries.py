"""The delivery of a notice to one channel, and its escalation: the steps as the engine runs them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from onboarding.connections.records import Connection
from onboarding.notices import digests, message_text
from onboarding.notices.delivery_context import DeliveryContext, DeliveryServices
from onboarding.notices.delivery_results import DeliveryResult
from onboarding.notices.failing_deliveries import noted
from onboarding.notices.notice import DeliveryRequest, Notice
from onboarding.notices.pause import pausing
from onboarding.storage.codec import Codec
from onboarding.texts import reasons
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Plan, Step

_SUPERSEDED: Final = Done(result=DeliveryResult.of(reasons.SUPERSEDED.of()))
_UNWANTED: Final = Done(result=DeliveryResult.of(reasons.NOT_WANTED.of()))
_ENDED: Final = Done(result=DeliveryResult.of(reasons.CHANNEL_ENDED.of()))
_MARGIN: Final = timedelta(days=30)
"""How late an escalation may still be sent."""


async def deliver(context: DeliveryContext) -> Done[DeliveryResult]:
    """Sends a notice, or adds it to the digest of its recipient."""
    services, notice, target = context.services, context.request.notice, context.request.channel
    if notice.channel or notice.about:
        return await (_about_channel(context) if notice.channel else _change(services, target, notice))
    connection = await _current(context)
    if connection is None:
        return _SUPERSEDED
    if reason := await _closed(services, target, notice, connection):
        return reason
    if receiver := await services.outgoing.receiver(target):
        outcome = await services.outgoing.event(receiver, services.as_sent(notice, connection), connection)
        await services.receipts.keep(notice, target)
        return Done(result=DeliveryResult.of(outcome))
    if services.routing.digest:
        day = await digests.add(services, notice, target, context.accepted_at)
        return Done(result=DeliveryResult.of(reasons.IN_DIGEST.of(day=day)))
    return await _send(context, connection)


async def _change(services: DeliveryServices, target: str, notice: Notice) -> Done[DeliveryResult]:
    """Sends a change to a program. It has happened, whatever is so by now."""
    if reason := await _closed(services, target, notice, None):
        return reason
    receiver = await services.outgoing.receiver(target)
    if receiver is None:
        return _UNWANTED
    outcome = await services.outgoing.event(receiver, notice.assigned(services.reserved), None)
    return Done(result=DeliveryResult.of(outcome))


async def _current(context: DeliveryContext) -> Connection | None:
    """The connection of a notice that still applies, or that an operator sends again."""
    services, request = context.services, context.request
    if request.repeats:
        return await services.connections.get(request.notice.connection)
    connection = await services.connection(request.notice)
    return connection if connection and not services.is_passed(request.notice, connection) else None


async def _closed(
    services: DeliveryServices, target: str, notice: Notice, connection: Connection | None
) -> Done[DeliveryResult] | None:
    """Why a channel gets no more notices; None if it does."""
    if not await services.is_wanted(target, notice, connection):
        return _UNWANTED
    return _ENDED if await services.outgoing.has_ended(services.routing.address(target)[0]) else None


async def _about_channel(context: DeliveryContext) -> Done[DeliveryResult]:
    """Sends a notice about another channel, unless that channel works in the meantime."""
    services, notice = context.services, context.request.notice
    state = await services.outgoing.states.get(notice.channel)
    if state.fails is not notice.kind.is_failure:
        return _SUPERSEDED
    if reason := await _closed(services, context.request.channel, notice, None):
        return reason
    outcome = await services.outgoing.about_channel(context.request.channel, notice)
    return Done(result=DeliveryResult.of(outcome))


async def escalate(context: DeliveryContext) -> Done[DeliveryResult] | Wait:
    """Sends a notice to the escalation channel, unless it is acknowledged in time or snoozed."""
    services, notice = context.services, context.request.notice
    connection = await services.connection(notice)
    if connection is None:
        return _SUPERSEDED
    if connection.is_acknowledged(notice.expiration):
        return Done(result=DeliveryResult.of(reasons.ALREADY_ACKNOWLEDGED.of()))
    now, delay = services.clock.now(), services.routing.escalate_after
    if (left := context.accepted_at + delay - now) > timedelta(0):
        return Wait(reason=reasons.WAITS_ACKNOWLEDGEMENT.of(), after=left, give_up_after=delay + _MARGIN)
    if (snooze := connection.snooze(notice.expiration)) and snooze.until > now and snooze.operator:
        return Done(result=DeliveryResult.of(reasons.ALREADY_SNOOZED.of()))
    if reason := await _closed(services, context.request.channel, notice, connection):
        return reason
    days = f"{delay.days} {'day' if delay.days == 1 else 'days'}"
    return await _send(context, connection, f"Nobody has acknowledged this for {days}.")


async def _send(context: DeliveryContext, connection: Connection, preface: str = "") -> Done[DeliveryResult]:
    """Sends a notice to people."""
    services, request = context.services, context.request
    item = await services.item(request.notice, connection, request.channel)
    message = message_text.single(item, request.notice.id, preface)
    channel, owner = services.routing.address(request.channel)
    async with services.mailing(owner, [connection]):
        outcome = await services.outgoing.message(channel, owner, message)
    await services.receipts.keep(request.notice, request.channel)
    return Done(result=DeliveryResult.of(outcome))


DELIVER: Final = Step(
    name="deliver", title="Notify the channel", handler=pausing(noted(deliver)), result=Codec(DeliveryResult)
)
DELIVERY: Final = Plan("delivery", Codec(DeliveryRequest), DELIVER, persistent=True)

ESCALATE: Final = Step(
    name="escalate", title="Escalate", handler=pausing(noted(escalate)), result=Codec(DeliveryResult)
)
ESCALATION: Final = Plan("escalation", Codec(DeliveryRequest), ESCALATE, persistent=True)
