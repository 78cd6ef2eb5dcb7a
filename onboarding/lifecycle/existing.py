"""Existing applications, imported or shared with another connection: checked, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from onboarding.cmg import identifiers
from onboarding.cmg.app_checks import client_checks, server_checks
from onboarding.cmg.app_fields import ExistingServerApp
from onboarding.cmg.rules import Check
from onboarding.connections.records import Connection, ConnectionState, SecretRecord
from onboarding.errors import PermanentError, cloud, deployment, existing_apps
from onboarding.lifecycle import ownership, provided_secrets
from onboarding.lifecycle.context import OnboardingContext
from onboarding.lifecycle.record_removal import remove_record
from onboarding.words.word import Word


async def server_app(context: OnboardingContext, existing: ExistingServerApp) -> Mapping[str, Any]:
    """An existing server app, as Graph shows it. Raises ``PermanentError``."""
    request = context.request
    app_id = (
        str(existing.client_id)
        if existing.client_id
        else (await connection(context, existing)).server_app.app_id
    )
    app = await _application(context, app_id, "/serverApp/existing")
    if existing.client_id:
        await ownership.need_own(context, app_id, "/serverApp/existing", made_by=ownership.maker(app))
    rules = server_checks(request.profile, app, reads_directory=request.reads_directory)
    _check(app, rules, "/serverApp/existing")
    return app


async def app_id_uri(context: OnboardingContext, existing: ExistingServerApp, app: Mapping[str, Any]) -> str:
    """The App ID URI of an existing server app that the site uses.

    Clients use it in the requests for their tokens, so the service does not guess among several. Raises
    ``PermanentError`` if the request does not name one of them.
    """
    if existing.connection_id:
        return (await connection(context, existing)).app_id_uri
    found = [str(uri) for uri in app["identifierUris"]]
    wanted = existing.app_id_uri
    if uri := identifiers.one_of(found, wanted):
        return uri
    kind = existing_apps.APP_ID_URI_UNCLEAR
    details = {"app": app["appId"], "uris": found}
    finding = kind.finding("/serverApp/existing/appIdUri", **details)
    raise kind.error(**details, findings=(finding,))


async def to_update(context: OnboardingContext) -> Sequence[Check]:
    """What the site must still set on the existing server app after its import.

    None for an application that the onboarding will not use: a later step reports the reason.
    """
    request, existing = context.request, context.request.server_app.existing
    if existing is None:
        return ()
    try:
        app = await server_app(context, existing)
    except PermanentError:
        return ()
    checks = server_checks(request.profile, app, reads_directory=request.reads_directory)
    return [check for check in checks if check.set_by_site and not check.passed]


async def is_used(context: OnboardingContext) -> bool:
    """Whether another connection uses the existing server app."""
    existing, connections = context.request.server_app.existing, context.services.connections
    if existing is None:
        return False
    if existing.client_id is None:
        return True  # it is shared
    using = await connections.of_app(context.request.tenant, str(existing.client_id))
    return any(connection.onboarding != context.id for connection in using)


async def client_app(context: OnboardingContext, app_id: str, server_app_id: str) -> Mapping[str, Any]:
    """An existing client app, as Graph shows it. Raises ``PermanentError``."""
    request, pointer = context.request, "/clientApp/existing"
    server = await context.services.directory(request.tenant).application(server_app_id)
    app = await _application(context, app_id, pointer)
    await ownership.need_own(context, app_id, pointer, made_by=ownership.maker(app))
    rules = client_checks(request.profile, app, server=server, user_discovery=request.user_discovery.enabled)
    _check(app, rules, pointer)
    return app


async def principal(context: OnboardingContext, app_id: str) -> str:
    """The object id of an existing application's service principal. Raises ``PermanentError``."""
    try:
        return await context.services.directory(context.request.tenant).service_principal(app_id)
    except PermanentError as error:
        if error.code != cloud.REQUEST_RESOURCE_NOT_FOUND.code:
            raise
        raise existing_apps.PRINCIPAL_NOT_FOUND.error(app=app_id, request_id=error.request_id) from error


async def server_secret(
    context: OnboardingContext, existing: ExistingServerApp, *, object_id: str, app_id: str
) -> SecretRecord:
    """Where the secret of an existing server app is, and when it expires in Entra ID."""
    if existing.connection_id:
        return (await connection(context, existing)).secret
    name, tenant = str(existing.vault_secret), context.request.tenant
    return await provided_secrets.checked(
        context.services,
        context.run.head,
        onboarding=context.id,
        tenant=tenant,
        object_id=object_id,
        app_id=app_id,
        name=name,
    )


async def connection(context: OnboardingContext, existing: ExistingServerApp) -> Connection:
    """The connection whose server app this onboarding shares.

    The API has checked that the caller has access to it. The service checks that again whenever it uses the
    connection: an ID contains only tenant and name, so another connection can have it after the first one is
    removed.
    """
    found = await context.services.connections.get(existing.connection_id or "")
    if (
        found is None
        or found.state is not ConnectionState.ACTIVE
        or found.created_at > context.accepted_at
        or not ownership.may_see(context.run.head, found.requester)
    ):
        raise deployment.CONNECTION_NOT_FOUND.error(connection=existing.connection_id)
    return found


async def keep_up(context: OnboardingContext, sharing: Connection) -> None:
    """Brings a new connection up to date with the connection whose server app it shares.

    A removal or renewal of the other connection updates all connections that share its app. It can miss this
    connection, which was written a moment later. So the copied values are read again after they are written.
    Raises ``PermanentError`` if the other one is being removed.
    """
    existing, connections = context.request.server_app.existing, context.services.connections
    if existing is None or existing.connection_id is None:
        return
    copied: dict[str, Any] = {}
    changed: Connection | None = None
    while True:
        try:
            owner = await connection(context, existing)
        except PermanentError:
            await remove_record(context.services, sharing)
            raise
        latest = {"secret": owner.secret, "pending": owner.pending, "renewal": owner.renewal}
        if latest == copied:  # still, after they were written
            break
        copied = latest
        changed = await connections.change(
            sharing.id,
            lambda found, latest=latest: found.evolve(**latest),  # type: ignore[misc] # as in the loop
        )
    if changed and changed.expirations != sharing.expirations:
        await context.services.warning_schedule.schedule(changed, context.services.clock.now())


async def _application(context: OnboardingContext, app_id: str, pointer: str) -> Mapping[str, Any]:
    """An existing application, with all its properties."""
    try:
        return await context.services.directory(context.request.tenant).application(app_id)
    except PermanentError as error:
        if error.code != cloud.REQUEST_RESOURCE_NOT_FOUND.code:
            raise
        finding = existing_apps.APP_NOT_FOUND.finding(pointer, app=app_id)
        raise existing_apps.APP_NOT_FOUND.error(
            app=app_id, request_id=error.request_id, findings=(finding,)
        ) from error


def _check(app: Mapping[str, Any], rules: Iterable[Check], pointer: str) -> None:
    failed = [rule for rule in rules if not rule.passed and not rule.set_by_site]
    findings = tuple(
        existing_apps.APP_CHECK_FAILED.finding(
            pointer,
            check=rule.name,
            expected=rule.said("expected"),
            impact=rule.said("impact"),
            change=rule.said("remedy"),
        )
        for rule in failed
    )
    if findings:
        raise existing_apps.APP_NOT_CONFORMANT.error(
            name=Word(app["displayName"]),
            app=app["appId"],
            checks=[rule.name for rule in failed],
            findings=findings,
        )
