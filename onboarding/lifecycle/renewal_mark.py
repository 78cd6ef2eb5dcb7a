"""The mark of a renewal on its connection. A connection has one renewal at a time: the one that it names.

A renewal sets its mark first and removes it last. Its steps continue only while the connection names it. It
replaces another renewal only if that one has ended or failed. A failed one is then stopped, so that nobody
can retry it. All connections that share the secret also have the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onboarding.connections.records import Connection, ConnectionState
from onboarding.errors import deployment, steps
from onboarding.lifecycle import provided_secrets
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.requests import Renewal
from onboarding.texts import reasons
from onboarding.workflow import interventions
from onboarding.workflow.outcomes import Outcome
from onboarding.workflow.plan import Context
from onboarding.workflow.run import RunStatus

RenewalContext = Context[Services, Renewal]
"""An attempt of a step of a renewal."""


async def take(context: RenewalContext) -> Connection:
    """The connection whose secret is renewed, after it names this renewal. Raises ``PermanentError``."""
    connections, renewal = context.services.connections, context.request
    connection = await _connection(context)
    while connection.renewal != context.id:
        if renewal.secret and renewal.secret != connection.secret.key_id:
            raise steps.RENEWAL_SUPERSEDED.error(renewal=connection.renewal or reasons.ANOTHER_RENEWAL.of())
        marked = connection.renewal
        if marked:
            await _need_over(context, marked, connection)
        changed = await connections.change(
            connection.id,
            lambda found, marked=marked: (  # type: ignore[misc] # the type of the default is that of the loop
                found.evolve(renewal=context.id) if found.renewal == marked else None
            ),
        )
        connection = changed if changed and changed.renewal == context.id else await _connection(context)
    return connection


async def held(context: RenewalContext) -> Connection:
    """The connection whose secret is renewed, if it still names this renewal. Raises ``PermanentError``."""
    connection = await _connection(context)
    if connection.renewal != context.id:
        raise steps.RENEWAL_SUPERSEDED.error(renewal=connection.renewal or reasons.ANOTHER_RENEWAL.of())
    return connection


async def is_released(context: RenewalContext, secret: str) -> bool:
    """Whether this renewal has recorded its secret and removed its mark before its worker crashed."""
    connection = await _connection(context)
    return connection.renewal != context.id and connection.secret.key_id == secret


async def release(context: RenewalContext, connection: Connection) -> None:
    """Removes the mark; safe to repeat."""
    await change_all(
        context, connection, lambda found: found.evolve(renewal="") if found.renewal == context.id else None
    )


async def undo(context: RenewalContext, _outcome: Outcome[Any]) -> None:
    """Removes a mark that was set after the renewal had ended."""
    over = context.run.head.stop_as or context.services.operations.status(context.run).final
    connection = await context.services.connections.get(context.request.connection)
    if over and connection:
        await release(context, connection)


async def change_all(
    context: RenewalContext, connection: Connection, change: Callable[[Connection], Connection | None]
) -> list[Connection]:
    """Changes a connection and all that share its secret; returns those that were changed.

    It changes the owner first, and then checks again until nothing is left to change. A connection that
    begins to share in the meantime copies from the owner, and also checks again. So it gets the change in any
    order.

    The owner is changed only while it names this renewal. The others finally get the owner's values: a
    suspended worker can have written outdated ones. Raises ``PermanentError``.

    Args:
        context: The attempt.
        connection: The owner of the secret.
        change: Returns the changed connection; None for one that needs no change.
    """
    connections, done = context.services.connections, dict[str, Connection]()

    def guarded(found: Connection) -> Connection | None:
        changed = change(found)
        if changed and found.id == connection.id and found.renewal != context.id:
            raise steps.RENEWAL_SUPERSEDED.error(renewal=found.renewal or reasons.ANOTHER_RENEWAL.of())
        return changed

    while True:
        found = sorted(await connections.sharing(connection), key=lambda sharing: sharing.id != connection.id)
        missing = [sharing for sharing in found if guarded(sharing)]
        if not missing:
            break
        for sharing in missing:
            if changed := await connections.change(sharing.id, guarded):
                done[changed.id] = changed
    await _follow_owner(context, connection)
    return list(done.values())


async def _follow_owner(context: RenewalContext, connection: Connection) -> None:
    """Gives connections that share a secret the values of its owner, if this renewal has lost its mark."""
    connections = context.services.connections
    while True:
        found = await connections.sharing(connection)
        owner = next((sharing for sharing in found if sharing.id == connection.id), None)
        if owner is None or owner.renewal == context.id:
            return
        latest = {"secret": owner.secret, "pending": owner.pending, "renewal": owner.renewal}

        def follow(sharing: Connection, latest: Mapping[str, Any] = latest) -> Connection | None:
            changed = sharing.evolve(**latest)
            return None if changed == sharing else changed

        behind = [sharing for sharing in found if sharing.id != owner.id and follow(sharing)]
        if not behind:
            return
        for sharing in behind:
            if changed := await connections.change(sharing.id, follow):
                await context.services.warning_schedule.schedule(changed, context.services.clock.now())


async def _need_over(context: RenewalContext, other: str, connection: Connection) -> None:
    """Stops another renewal that failed, and discards the secret that came with it if nobody needs it.

    Raises ``PermanentError`` if the other renewal has not ended.
    """
    operations, author = context.services.operations, context.run.head.author
    run = await interventions.stop(
        operations, other, RunStatus.CANCELLED, author, only=frozenset({RunStatus.FAILED})
    )
    if run and run.head.stop_as:
        if not interventions.at_rest(run):
            raise steps.RENEWAL_IN_PROGRESS.error(renewal=other)
        await interventions.finish(operations, other)
        wanted = operations.plan(run.head).request_of(run.head).vault_secret
        if wanted and wanted != context.request.vault_secret:
            await provided_secrets.discard(context.services, wanted, connection.onboarding)
    elif run and not operations.status(run).final:
        raise steps.RENEWAL_IN_PROGRESS.error(renewal=other)


async def _connection(context: RenewalContext) -> Connection:
    """The connection in the request, and never another one that got its name later."""
    renewal = context.request
    found = await context.services.connections.get(renewal.connection)
    if (
        found is None
        or found.state is not ConnectionState.ACTIVE
        or (renewal.onboarding or found.onboarding) != found.onboarding
        or found.created_at > context.accepted_at
    ):
        raise deployment.CONNECTION_NOT_FOUND.error(connection=renewal.connection)
    return found
