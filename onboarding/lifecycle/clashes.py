"""What is taken already: names of connections and applications, App ID URIs. Rules of the preflight."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from onboarding.cmg import identifiers
from onboarding.cmg.wizard import OnDeleted
from onboarding.errors import Finding, Severity
from onboarding.lifecycle.facts import Facts

_WIZARD_PAGE: Final = (
    "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard"
)
_DELETED_PAGE: Final = "https://learn.microsoft.com/graph/api/resources/directory"
_UNIQUE_NAME: Final = re.compile(r"cmg-[0-9a-f-]{36}-(server|client)")  # as Context.unique_name makes them


def connection_name(facts: Facts) -> Iterator[Finding]:
    """The connection's name, which is its key in the tenant."""
    existing, neighbour = facts.same_name, facts.neighbour
    if existing and existing.onboarding != facts.onboarding:
        yield Finding(
            code="connection-exists",
            pointer="/name",
            detail=f"The tenant has a connection named '{existing.name}' already ({existing.id}).",
            remedy="Choose another name, or remove the existing connection first.",
            documentation=_WIZARD_PAGE,
        )
    elif neighbour and not existing:
        yield Finding(
            code="tenant-connected",
            severity=Severity.WARNING,
            pointer="/tenantId",
            detail=f"The tenant has the connection '{neighbour.name}' ({neighbour.id}) already.",
            remedy="A Configuration Manager hierarchy takes one Cloud Management connection for each tenant.",
            documentation=_WIZARD_PAGE,
        )


def application_names(facts: Facts) -> Iterator[Finding]:
    """The applications' names, which Entra ID takes more than once."""
    own = f"cmg-{facts.onboarding}-"
    for field, app in (("serverApp", facts.request.server_app), ("clientApp", facts.request.client_app)):
        if app.existing:
            continue
        name = app.name
        same = [
            each
            for each in facts.survey.same_names or ()
            if str(each["displayName"]).casefold() == name.casefold()
            and not str(each.get("uniqueName") or "").startswith(own)
        ]
        if same:
            yield Finding(
                code="application-name-in-use",
                severity=Severity.WARNING,
                pointer=f"/{field}/name",
                detail=f"The tenant has another application named '{name}' ({same[0]['appId']}).",
                remedy="Entra ID allows it; a name of its own is easier to tell from the others.",
                documentation="https://learn.microsoft.com/graph/api/resources/application",
            )


def app_id_uri(facts: Facts) -> Iterator[Finding]:
    """The App ID URI, among the applications that there are."""
    uri = facts.request.server_app.app_id_uri
    own = f"cmg-{facts.onboarding}-"
    for holder in facts.survey.same_uri or ():
        if not str(holder.get("uniqueName") or "").startswith(own):
            yield Finding(
                code="uri-in-use",
                pointer="/serverApp/appIdUri",
                detail=f"The application '{holder['displayName']}' ({holder['appId']}) has the URI {uri}.",
                remedy="Choose another App ID URI, or leave it out.",
                documentation=identifiers.RESTRICTIONS,
            )


def deleted(facts: Facts) -> Iterator[Finding]:
    """Deleted applications that keep the App ID URI. Only those of this service are ever purged."""
    uri, purged = facts.request.server_app.app_id_uri, purgeable(facts)
    for holder in facts.survey.deleted_with_uri or ():
        keeps = (
            f"The deleted application '{holder['displayName']}' ({holder['appId']}, deleted "
            f"{str(holder.get('deletedDateTime'))[:10]}) keeps the URI {uri} for 30 days."
        )
        restore = f"restore it (POST /directory/deletedItems/{holder['id']}/restore)"
        if holder["id"] in purged:
            yield Finding(
                code="deleted-will-be-purged",
                severity=Severity.WARNING,
                pointer="/serverApp/onDeleted",
                detail=f"{keeps} It will be deleted for good.",
                remedy=f"If it is still needed, {restore} instead, and import it (serverApp.existing).",
                documentation=_DELETED_PAGE,
            )
            continue
        remedy = f"Delete it for good (DELETE /directory/deletedItems/{holder['id']}) or {restore} yourself"
        if _ours(holder):
            remedy = (
                "This service has made it: ask again with serverApp.onDeleted 'Purge' to have it deleted for "
                f"good. Or {restore} and import it (serverApp.existing)"
            )
        yield Finding(
            code="uri-held-by-deleted",
            pointer="/serverApp/appIdUri",
            detail=keeps,
            remedy=f"{remedy}, or choose another App ID URI.",
            documentation=_DELETED_PAGE,
        )


def purgeable(facts: Facts) -> tuple[str, ...]:
    """Object ids of the deleted applications that are in the way, are ours, and may be deleted for good."""
    if facts.request.server_app.on_deleted is not OnDeleted.PURGE:
        return ()
    return tuple(str(each["id"]) for each in facts.survey.deleted_with_uri or () if _ours(each))


def _ours(application: Mapping[str, Any]) -> bool:
    """Whether an onboarding of this service has made an application."""
    return bool(_UNIQUE_NAME.fullmatch(str(application.get("uniqueName") or "")))
