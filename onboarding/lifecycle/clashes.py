"""Names of connections and applications, and App ID URIs, that are already in use. Rules of the preflight."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from onboarding.cmg.app_fields import OnDeleted
from onboarding.errors import Finding, prerequisites
from onboarding.lifecycle.facts import Facts

_UNIQUE_NAME: Final = re.compile(r"cmg-[0-9a-f-]{36}-(server|client)")  # from context.unique_name


def connection_name(facts: Facts) -> Iterator[Finding]:
    """The connection's name, which is its key in the tenant."""
    existing, neighbour = facts.same_name, facts.neighbour
    if existing and existing.onboarding != facts.onboarding:
        yield prerequisites.CONNECTION_EXISTS.finding(name=existing.name, connection=existing.id)
    elif neighbour and not existing:
        yield prerequisites.TENANT_CONNECTED.finding(name=neighbour.name, connection=neighbour.id)


def application_names(facts: Facts) -> Iterator[Finding]:
    """The names of the applications. Entra ID accepts a name more than once."""
    for field, app in (("serverApp", facts.request.server_app), ("clientApp", facts.request.client_app)):
        if app.existing:
            continue
        for other in facts.survey.same_names or ():
            if str(other["displayName"]).casefold() == app.name.casefold() and not _made_by(facts, other):
                yield prerequisites.APPLICATION_NAME_IN_USE.finding(
                    f"/{field}/name", name=app.name, app=other["appId"]
                )
                break


def app_id_uri(facts: Facts) -> Iterator[Finding]:
    """The App ID URI, among the applications of the tenant."""
    for holder in facts.survey.same_uri or ():
        if not _made_by(facts, holder):
            yield prerequisites.URI_IN_USE.finding(
                name=holder["displayName"], app=holder["appId"], uri=facts.request.server_app.app_id_uri
            )


def deleted(facts: Facts) -> Iterator[Finding]:
    """Deleted applications that reserve the App ID URI. Only those that this service created are purged."""
    purged = purgeable(facts)
    for holder in facts.survey.deleted_with_uri or ():
        kind = prerequisites.URI_HELD_BY_OWN_DELETED if _ours(holder) else prerequisites.URI_HELD_BY_DELETED
        if holder["id"] in purged:
            kind = prerequisites.DELETED_WILL_BE_PURGED
        yield kind.finding(
            name=holder["displayName"],
            app=holder["appId"],
            deleted=str(holder.get("deletedDateTime"))[:10],
            uri=facts.request.server_app.app_id_uri,
            object=holder["id"],
        )


def purgeable(facts: Facts) -> tuple[str, ...]:
    """Object IDs of deleted applications that reserve the URI and that the service may purge."""
    if facts.request.server_app.on_deleted is not OnDeleted.PURGE:
        return ()
    return tuple(str(app["id"]) for app in facts.survey.deleted_with_uri or () if _ours(app))


def _made_by(facts: Facts, application: Mapping[str, Any]) -> bool:
    """Whether an earlier attempt of the same onboarding created the application."""
    return str(application.get("uniqueName") or "").startswith(f"cmg-{facts.onboarding}-")


def _ours(application: Mapping[str, Any]) -> bool:
    """Whether an onboarding of this service created the application."""
    return bool(_UNIQUE_NAME.fullmatch(str(application.get("uniqueName") or "")))
