"""The service connection: the record of what was made, and the first warnings of its expirations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onboarding.connections.records import AppRecord, Connection, SecretRecord
from onboarding.errors import preflight
from onboarding.lifecycle.context import Context
from onboarding.lifecycle.existing import keep_up
from onboarding.workflow.outcomes import Done


async def run(context: Context) -> Done:
    """Writes the connection, then when its first warnings are due.

    In this order: the sweep drops a warning of a connection that is not there.
    """
    services = context.services
    connection = _connection(context)
    existing = await services.connections.get(connection.id)
    if existing and existing.onboarding != context.onboarding:
        raise preflight.CONNECTION_EXISTS.error(name=existing.name, connection=existing.id)
    kept = await services.connections.add(connection)
    if kept.onboarding != context.onboarding:
        raise preflight.CONNECTION_EXISTS.error(name=kept.name, connection=kept.id)
    await services.warning_schedule.schedule(kept, services.clock.now())
    await keep_up(context, kept)
    return Done(result={"id": connection.id})


def _connection(context: Context) -> Connection:
    request, results = context.request, context.results
    secret = results["server-secret"]
    return Connection(
        tenant=context.tenant,
        tenant_name=results["preflight"]["tenantName"],
        name=request.name,
        description=request.description,
        environment=str(request.azure_environment),
        subscription=str(request.subscription_id),
        profile=request.profile.name,
        app_id_uri=results["server-app"]["appIdUri"],
        server_app=_app(results["server-app"], results["server-principal"]),
        client_app=_app(results["client-app"], results["client-principal"]),
        secret=SecretRecord(
            key_id=secret["keyId"],
            vault_id=secret["vaultId"],
            ends_at=datetime.fromisoformat(secret["endsAt"]),
        ),
        request=request,
        onboarding=context.onboarding,
        requester=context.requester,
        created_at=context.services.clock.now(),
    )


def _app(app: Any, principal: Any) -> AppRecord:
    return AppRecord(
        name=app["name"],
        app_id=app["appId"],
        object_id=app["objectId"],
        service_principal_id=principal["objectId"],
        created_at=datetime.fromisoformat(app["createdAt"]) if "createdAt" in app else None,
    )
