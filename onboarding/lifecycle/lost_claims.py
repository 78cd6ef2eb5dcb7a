"""What a worker undoes after it lost its claim on a step.

A suspended host makes a worker look dead: another worker repeats its step, or the run is stopped. When the
first worker continues, what it creates may belong to nobody. It notices this when storage refuses its
outcome, whatever the outcome is. It then reads the current run, and removes what its attempt created and
nobody uses. What another worker finds by a key and uses is kept. Each function is safe to repeat.

Nobody repeats the attempt, so the worker itself waits for the directory for a few seconds. The log shows what
it cannot confirm. An inspection finds and announces a secret that nobody recorded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from onboarding.cloud.applications import Application
from onboarding.connections.records import Connection, ConnectionState, SecretRecord, key_of
from onboarding.lifecycle.context import OnboardingContext, Services, unique_name
from onboarding.lifecycle.credentials import CreatedSecret, vault_name
from onboarding.workflow.outcomes import Done, Outcome, Retry
from onboarding.workflow.plan import Context
from onboarding.workflow.run import Run, RunStatus, StepStatus

log = logging.getLogger(__name__)

_PAUSES: Final = (0.1, 0.5, 1, 2)
"""Seconds between attempts to undo something."""

_LOOKS: Final = 20
_PAUSE: Final = 0.5
"""Seconds between checks whether the other worker has ended the step."""


async def nobody_has(context: Context[Services, Any]) -> bool:
    """Whether nobody uses what an onboarding creates now: it was stopped, or is off-boarded."""
    if context.run.head.stop_as:
        return True
    if context.services.onboardings.status(context.run) is not RunStatus.SUCCEEDED:
        return False
    connection = await connection_of(context)
    return connection is None or connection.state is ConnectionState.REMOVING


async def application(context: OnboardingContext, role: str, made: Application | None, recorded: str) -> None:
    """Deletes an application that a removal does not find, because it was created too late.

    Args:
        context: The attempt, with the present run.
        role: server or client.
        made: The application, if the attempt knows it.
        recorded: The object ID of the one that the run records; a removal finds that one.
    """
    if not await nobody_has(context):
        return  # the other worker finds it by its unique name
    directory = context.services.directory(context.request.tenant)
    made = made or await directory.find_application(unique_name(context.id, role))
    if made and made.object_id != recorded:
        await directory.delete_application(made.object_id)
        await need_gone(partial(directory.purge, made.object_id), "application", made.app_id)


async def principal(
    context: OnboardingContext, outcome: Outcome[Any], app: Application, recorded: str
) -> None:
    """Deletes a service principal that a removal does not find, with its application.

    The removal deletes the application in any case. It purges only the service principals that it knows.
    """
    if not await nobody_has(context):
        return
    directory = context.services.directory(context.request.tenant)
    made: str | None = outcome.result.object_id if isinstance(outcome, Done) else None
    if isinstance(outcome, Retry):
        made = outcome.memo or None
    made = made or await directory.find_service_principal(app.app_id)
    if made and made != recorded:
        await directory.delete_application(app.object_id)
        await directory.purge(app.object_id)
        await need_gone(partial(directory.purge, made), "service principal", made)


async def secret(
    context: Context[Services, Any],
    credential: CreatedSecret,
    made: SecretRecord | None,
    recorded: Callable[[Run], SecretRecord | None] = lambda _: None,
) -> None:
    """Removes the client secret of an attempt, unless it is in use, and its version in the vault.

    Args:
        context: The attempt.
        credential: The client secret that it was to create.
        made: Its secret, if it got so far.
        recorded: The secret that another worker recorded for the step in a run, before a connection has one.
    """
    run = await _after_others(context)
    connection = await connection_of(context)
    gone = connection is None and (context.id != credential.onboarding or await nobody_has(context))
    newest_first = (connection.pending, connection.secret) if connection else ()
    used = () if gone else tuple(filter(None, (*newest_first, recorded(run))))
    directory = context.services.directory(context.request.tenant)  # what it does not find no longer exists
    credential = replace(credential, directory=directory)
    mine = await credential.unused(context.step.attempt, made, used)
    if gone:
        await context.services.clouds.vault.remove(vault_name(credential.onboarding))
    elif mine and (stored := await credential.stored()) and stored.tags.get("keyId") in mine:
        if not used:
            return  # the other worker finds it, and uses it
        await credential.restore(used[0], instead_of=stored)
    for key_id in sorted(mine):
        await need_gone(partial(credential.withdraw, key_id), "client secret", key_id)


async def need_gone(take_back: Callable[[], Awaitable[bool]], kind: str, known: str) -> None:
    """Undoes something, in several attempts."""
    for pause in (*_PAUSES, 0):
        if await take_back():
            return
        await asyncio.sleep(pause)
    log.error("the %s %s may still exist", kind, known)


async def connection_of(context: Context[Services, Any]) -> Connection | None:
    """The connection of the onboarding, or the one whose secret is renewed, if it exists."""
    request = context.request
    found = await context.services.connections.get(f"{request.tenant}.{key_of(request.name)}")
    onboarding = getattr(request, "onboarding", "") or context.id
    return found if found and found.onboarding == onboarding else None


async def _after_others(context: Context[Services, Any]) -> Run:
    """The run after no other worker runs this step.

    Until then, another worker can find and use what exists.
    """
    for _ in range(_LOOKS):
        run = await context.lost() or context.run
        if run.steps[context.step.name].status is not StepStatus.RUNNING:
            break
        await asyncio.sleep(_PAUSE)
    return run
