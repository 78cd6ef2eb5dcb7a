"""What a worker takes back if it has lost its claim on a step.

A frozen host, or a clock that jumps, makes a worker look crashed: another one repeats its step, or the run is
stopped. When the first one wakes up, what it makes belongs to nobody. So it looks after each effect that
others cannot find by a key, and takes it back.
"""

from __future__ import annotations

import contextlib
from typing import Any

from onboarding.cloud.directory import Application
from onboarding.connections.records import Connection, SecretRecord, key_of
from onboarding.errors import PermanentError, steps
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.credentials import Credential
from onboarding.workflow.plan import Context
from onboarding.workflow.run import Run


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
    with contextlib.suppress(PermanentError):  # the application may be gone
        await credential.directory.remove_password(credential.object_id, secret.key_id)
    raise steps.CLAIM_LOST.error()


async def created(context: OnboardingContext, app: Application) -> Application:
    """An application that this attempt created; it is deleted if the onboarding was stopped meanwhile."""
    fresh = await context.lost()
    if fresh is None or not fresh.head.stop_as:
        return app  # another worker finds it by its unique name
    directory = context.services.directory(context.request.tenant)
    await directory.delete_application(app.object_id)
    await directory.purge(app.object_id)
    raise steps.CLAIM_LOST.error()


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
