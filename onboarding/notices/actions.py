"""What people can do about a notice, for programs: the steps of its remedy, one entry each."""

from __future__ import annotations

from typing import Final

from onboarding.cloud.environments import ENVIRONMENTS
from onboarding.cmg import rules
from onboarding.cmg.rules import Check
from onboarding.connections.records import AppRecord, Connection
from onboarding.errors import Action, ActionKind, Actor

_PAGE: Final = "#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~"
_DELETED: Final = "#view/Microsoft_AAD_RegisteredApps/DeletedApplicationsList.ReactView"


def renewal(connection: Connection) -> tuple[Action, ...]:
    """The steps to get another client secret. A renewal in progress is continued."""
    if connection.pending:
        return (get_script(connection), confirm(connection))
    if connection.imports_server_app and not connection.shares:
        return (add_secret(connection), renew(connection))
    return (renew(connection),)


def renew(connection: Connection) -> Action:
    """Creates a new client secret, at the connection to which the secret belongs."""
    owner = connection.shares or connection.id
    return Action(
        kind=ActionKind.RENEW_SECRET,
        label="Create a new client secret",
        actor=_whose(connection),
        method="POST",
        path=f"/api/connections/{owner}/renewals",
        app_id=connection.server_app.app_id,
    )


def add_secret(connection: Connection) -> Action:
    """Adds a client secret to an imported application, which the service does not change."""
    return _add_secret(connection.environment, connection.server_app.app_id)


def get_script(connection: Connection, renewal: str = "") -> Action:
    """Reads the script of a renewal; by default of the one in progress."""
    return _script(connection, f"/api/operations/{renewal or connection.renewal}/handover")


def confirm(connection: Connection) -> Action:
    """Confirms that the site has the new secret."""
    owner = connection.shares or connection.id
    return Action(
        kind=ActionKind.CONFIRM_RENEWAL,
        label="Confirm that the site has the new secret",
        actor=_whose(connection),
        method="POST",
        path=f"/api/connections/{owner}/renewals/{connection.renewal}/confirm",
        app_id=connection.server_app.app_id,
    )


def get_handover(connection: Connection) -> Action:
    """Reads the script that connects the site."""
    return _script(connection, f"/api/connections/{connection.id}/handover")


def confirm_handover(connection: Connection) -> Action:
    """Confirms that the site is connected."""
    return Action(
        kind=ActionKind.CONFIRM_HANDOVER,
        label="Confirm that the site is connected",
        actor=Actor.REQUESTER,
        method="POST",
        path=f"/api/connections/{connection.id}/confirm",
        app_id=connection.server_app.app_id,
    )


def onboard() -> Action:
    """Onboards the tenant again."""
    return Action(
        kind=ActionKind.ONBOARD,
        label="Onboard the tenant again under another name",
        actor=Actor.REQUESTER,
        method="POST",
        path="/api/onboardings",
    )


def off_board(connection: Connection) -> Action:
    """Removes the connection."""
    return Action(
        kind=ActionKind.OFF_BOARD,
        label="Off-board the connection",
        actor=Actor.REQUESTER,
        method="DELETE",
        path=f"/api/connections/{connection.id}",
    )


def restore(connection: Connection, app: AppRecord) -> Action:
    """Restores a deleted application."""
    return _restore(connection.environment, app.app_id)


def change(connection: Connection, app: AppRecord, *, consent: bool) -> Action:
    """Changes an application, or grants consent to its permissions, in the portal."""
    return _change(connection.environment, app.app_id, consent=consent)


def of_check(check: Check, environment: str, app_id: str) -> Action:
    """What can be done about a check that failed, for any application."""
    match check.rule:
        case rules.APPLICATION_DELETED.code | rules.APPLICATION_GONE.code:
            return _restore(environment, app_id)
        case rules.APPLICATION.code:
            return onboard()
        case rules.SECRET.code:
            return _add_secret(environment, app_id)
        case code:
            return _change(environment, app_id, consent=code == rules.CONSENT.code)


def register_providers(connection: Connection) -> Action:
    """The page of the portal where the owner of the subscription registers resource providers.

    Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types.
    """
    portal = ENVIRONMENTS[connection.environment].portal
    subscription = f"{connection.tenant}/resource/subscriptions/{connection.request.subscription_id}"
    return Action(
        kind=ActionKind.REGISTER_PROVIDERS,
        label="Register the resource providers",
        actor=Actor.SUBSCRIPTION_OWNER,
        url=f"{portal}/#@{subscription}/resourceproviders",
        role="Contributor",
    )


def read(connection: Connection) -> Action:
    """Reads the connection."""
    return Action(
        kind=ActionKind.READ,
        label="View the connection",
        actor=Actor.REQUESTER,
        method="GET",
        path=f"/api/connections/{connection.id}",
    )


def _whose(connection: Connection) -> Actor:
    """Who renews the secret: the requester, unless its connection may belong to somebody else."""
    return Actor.OPERATOR if connection.shares else Actor.REQUESTER


def _add_secret(environment: str, app_id: str) -> Action:
    return Action(
        kind=ActionKind.ADD_SECRET,
        label="Add a client secret in the portal",
        actor=Actor.TENANT_ADMINISTRATOR,
        url=_page(environment, "Credentials", app_id),
        app_id=app_id,
    )


def _restore(environment: str, app_id: str) -> Action:
    return Action(
        kind=ActionKind.RESTORE_APPLICATION,
        label="Restore the application with its secrets",
        actor=Actor.TENANT_ADMINISTRATOR,
        url=f"{ENVIRONMENTS[environment].portal}/{_DELETED}",
        app_id=app_id,
    )


def _change(environment: str, app_id: str, *, consent: bool) -> Action:
    return Action(
        kind=ActionKind.GRANT_CONSENT if consent else ActionKind.CHANGE_APPLICATION,
        label="Grant admin consent" if consent else "Change the application",
        actor=Actor.TENANT_ADMINISTRATOR,
        url=_page(environment, "CallAnAPI" if consent else "Overview", app_id),
        app_id=app_id,
    )


def _script(connection: Connection, path: str) -> Action:
    return Action(
        kind=ActionKind.GET_SCRIPT,
        label="Get the script for the site",
        actor=Actor.SITE_ADMINISTRATOR,
        method="GET",
        path=path,
        app_id=connection.server_app.app_id,
    )


def _page(environment: str, page: str, app_id: str) -> str:
    return f"{ENVIRONMENTS[environment].portal}/{_PAGE}/{page}/appId/{app_id}"
