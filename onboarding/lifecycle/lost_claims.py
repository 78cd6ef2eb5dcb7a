"""What a worker takes back if it has lost its claim on a step.

A frozen host, or a clock that jumps, makes a worker look crashed: another one repeats its step, or the run is
stopped. When the first one wakes up, what it makes belongs to nobody. So it looks after each effect that
others cannot find by a key, and takes it back. Nobody repeats its attempt, so it waits for the directory
itself, for some seconds. What it cannot confirm is in the log; an inspection finds a secret that nobody
recorded, and announces it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from onboarding.cloud.directory import Application
from onboarding.connections.records import Connection, SecretRecord, key_of
from onboarding.errors import steps
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.credentials import Credential
from onboarding.workflow.plan import Context
from onboarding.workflow.run import Run

log = logging.getLogger(__name__)

_PAUSES: Final = (0.1, 0.5, 1, 2)
"""Seconds between attempts to take something back."""


async def ensured(
    context: Context[Services, Any], credential: Credential, *, keep: frozenset[str] = frozenset()
) -> SecretRecord:
    """The client secret of a run; it is taken back if another worker has this step, or none any more.

    Raises ``TransientError`` then, which nobody records.
    """
    secret = await credential.ensure(context.step.attempt, keep=keep)
    fresh = await context.lost()
    if fresh is None:
        return secret
    connection = await _connection(context)
    recorded = _recorded(fresh, context.step.name)
    if secret.key_id in {each.key_id for each in (*_secrets(connection), *recorded)}:
        raise steps.CLAIM_LOST.error()  # the other worker found it, and uses it
    in_use = (*recorded, *_secrets(connection))
    if in_use:
        await credential.restore(in_use[0], instead_of=secret)
    elif fresh.head.stop_as:
        await context.services.clouds.vault.remove(secret.vault_name)
    if not await _confirmed(lambda: credential.withdraw(secret.key_id)):
        log.error("the client secret %s of %s may still be valid", secret.key_id, credential.app_id)
    raise steps.CLAIM_LOST.error()


async def created(context: OnboardingContext, app: Application) -> Application:
    """An application that this attempt created; it is deleted if the onboarding was stopped meanwhile."""
    fresh = await context.lost()
    if fresh is None or not fresh.head.stop_as:
        return app  # another worker finds it by its unique name
    directory = context.services.directory(context.request.tenant)
    await directory.delete_application(app.object_id)
    if not await _confirmed(lambda: directory.purge(app.object_id)):
        log.error("the application %s may still be among the deleted ones", app.app_id)
    raise steps.CLAIM_LOST.error()


async def _confirmed(take_back: Callable[[], Awaitable[bool]]) -> bool:
    """Whether something is taken back, after some attempts."""
    for pause in _PAUSES:
        if await take_back():
            return True
        await asyncio.sleep(pause)
    return await take_back()


def _secrets(connection: Connection | None) -> tuple[SecretRecord, ...]:
    """The secrets that a connection records, the newest first."""
    return tuple(each for each in (connection.pending, connection.secret) if each) if connection else ()


def _recorded(run: Run, name: str) -> tuple[SecretRecord, ...]:
    """The secret that another worker recorded for a step, if it has done so."""
    from onboarding.lifecycle.steps.server_secret import SERVER_SECRET  # noqa: PLC0415 - it uses this module

    made = SERVER_SECRET.found_in(run) if name == SERVER_SECRET.name else None
    return (made,) if made else ()


async def _connection(context: Context[Services, Any]) -> Connection | None:
    """The connection whose secret it is, if it exists."""
    request = context.request
    found = await context.services.connections.get(f"{request.tenant}.{key_of(request.name)}")
    onboarding = getattr(request, "onboarding", "") or context.id
    return found if found and found.onboarding == onboarding else None
