"""The first step of a removal: it checks what it may remove, and stops the runs in progress."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from onboarding.connections.records import Connection, ConnectionState, key_of
from onboarding.errors import PermanentError
from onboarding.lifecycle import ownership
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.deletion import RemovalContext
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.storage.codec import Codec
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.texts import phrases
from onboarding.texts.phrases import Phrase
from onboarding.workflow import interventions
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Step
from onboarding.workflow.run import Run, RunStatus

log = logging.getLogger(__name__)

_LOOKS: Final = (0.2, 0.5, 1, 2, 5)  # seconds between checks
_LONGEST: Final = timedelta(hours=1)
_STOPPED: Final = frozenset(RunStatus) - {RunStatus.SUCCEEDED}


@dataclass(frozen=True, kw_only=True, slots=True)
class HaltResult:
    """The connection that is off-boarded, if there is one."""

    connection: str | None


async def halt(context: RemovalContext) -> Done[HaltResult] | Wait:
    """Stops the onboarding and any renewal, and waits, without occupying a worker, until no step runs."""
    services, removal, author = context.services, context.request, context.run.head.author
    stop_as, run = removal.stop_as, await onboarding_of(context)
    if not stop_as and run and services.onboardings.status(run) is not RunStatus.SUCCEEDED:
        stop_as = RunStatus.ROLLED_BACK  # the step that writes the connection did not succeed
    connection = await _reserve(context)  # before the removal changes anything
    if stop_as:
        run = await interventions.stop(services.onboardings, removal.onboarding, stop_as, author)
        if run and not interventions.at_rest(run):
            return wait(context, phrases.WAITS_STEP)
        connection = await _reserve(context)  # the step in progress may have written it
    if connection is None:
        return Done(result=HaltResult(connection=None))
    if connection.renewal not in {"", context.step.memo} and await _is_own(services, connection):
        # Noted before it is stopped: it can end, and the connection then no longer names it.
        return replace(wait(context, phrases.WAITS_RENEWAL), after=timedelta(0), memo=connection.renewal)
    if renewal := context.step.memo:
        run = await interventions.stop(
            services.operations, renewal, RunStatus.CANCELLED, author, only=_STOPPED
        )
        if run and not interventions.at_rest(run):
            return wait(context, phrases.WAITS_RENEWAL)
        if run and run.head.stop_as:
            await interventions.finish(services.operations, renewal)
    return Done(result=HaltResult(connection=connection.id))


async def _reserve(context: RemovalContext) -> Connection | None:
    """The connection that is removed, if there is one, after nobody else can begin to use what it has.

    It first marks the connection as being removed, and then looks for other users. Others first record that
    they use it, and then check whether it is being removed. Raises ``PermanentError`` if others use it, and
    changes nothing.
    """
    services = context.services
    try:
        found = await connection_of(context)
    except UnreadableRowError as error:
        await _discard(context, error)
        return None
    if found is None:
        return None
    found = await services.connections.change(found.id, _to(ConnectionState.REMOVING)) or found
    owner = found.requester
    try:
        await services.connections.need_unshared(found, shows=lambda requester: requester == owner)
        await ownership.need_unused(services, found)
    except PermanentError:
        await services.connections.change(found.id, _to(ConnectionState.ACTIVE))
        await interventions.take_back(services.onboardings, context.request.onboarding)
        raise
    return found


async def _discard(context: RemovalContext, error: UnreadableRowError) -> None:
    """Removes a record of the connection that cannot be read; safe to repeat.

    An operator off-boards this very connection, and its onboarding shows what exists of it. In any other
    removal, the record may belong to another onboarding: then this raises the error.
    """
    identifier = context.request.connection
    if not identifier:
        raise error
    log.warning("removal %s discards the unreadable connection %s", context.id, identifier)
    await context.services.warning_schedule.forget(identifier)
    await context.services.connections.discard(identifier)


async def _is_own(services: Services, connection: Connection) -> bool:
    """Whether the renewal that a connection names is its own, and not that of a secret that it shares."""
    run = await services.operations.load(connection.renewal)
    return run is not None and RENEW.request_of(run.head).connection == connection.id


async def connection_of(context: RemovalContext) -> Connection | None:
    """The connection that the onboarding wrote, if any; never another one of the same name."""
    removal = context.request
    found = await context.services.connections.get(f"{removal.tenant}.{key_of(removal.name)}")
    return found if found and found.onboarding == removal.onboarding else None


async def onboarding_of(context: RemovalContext) -> Run | None:
    """The onboarding that is undone."""
    return await context.services.onboardings.load(context.request.onboarding)


def _to(state: ConnectionState) -> Callable[[Connection], Connection | None]:
    """The change to a state; None if the connection already has it."""
    return lambda found: None if found.state is state else found.evolve(state=state)


def wait(context: RemovalContext, reason: Phrase, code: WaitingCode = WaitingCode.STEP_IN_PROGRESS) -> Wait:
    """Checks again soon, and then less often."""
    pause = _LOOKS[min(context.step.tries, len(_LOOKS) - 1)]
    return Wait(reason=reason.of(), code=code, after=timedelta(seconds=pause), give_up_after=_LONGEST)


HALT: Final = Step(name="halt", title="Stop the runs in progress", handler=halt, result=Codec(HaltResult))
