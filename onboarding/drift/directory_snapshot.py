"""A snapshot of a tenant's directory for several pairs of applications: one call for up to 15 pairs.

Two requests for the applications and two for the service principals (a filter takes 15 values:
https://learn.microsoft.com/graph/filter-query-parameter), one for each client app's consent, and one for the
tenant's domains: the 20 that a batch takes (https://learn.microsoft.com/graph/json-batching). Only if an
application is missing, a second call finds out whether it was deleted and can be restored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from onboarding.cloud import shapes
from onboarding.cloud.ports import Graph
from onboarding.cloud.replies import GraphResponse
from onboarding.words import odata
from onboarding.words.word import Word

MOST_PAIRS: Final = 15
_VALUES: Final = 15
_ALL_PRINCIPALS: Final = "AllPrincipals"
_PRINCIPAL: Final = "id,appId,accountEnabled,passwordCredentials,keyCredentials"
_FEDERATED: Final = "federatedIdentityCredentials"
"""It supports ``$expand`` (https://learn.microsoft.com/graph/api/resources/application). An application has
at most 20 of them (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations),
and Graph expands as many. Certificates are among the properties of an application."""
_DELETED: Final = "/directory/deletedItems/microsoft.graph.application"
_EVENTUAL: Final = {"ConsistencyLevel": "eventual"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The client ids of a server app and its client app."""

    server: str
    client: str | None  # None: the tenant has only the gateway


@dataclass(frozen=True, kw_only=True, slots=True)
class DelegatedGrants:
    """The delegated permissions that a client app has for all users."""

    scopes: Mapping[str, frozenset[str]]  # by the object id of the resource's service principal
    complete: bool  # False if there may be more than the service read


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantNames:
    """What a tenant is called: people can change its name, but not its initial domain."""

    name: Word
    initial_domain: Word  # empty if the directory does not show it


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectorySnapshot:
    """What exists, by client id in lower case; None where the service may not read it."""

    applications: Mapping[str, Mapping[str, Any]] | None  # with their federated credentials
    principals: Mapping[str, Mapping[str, Any]] | None  # with their appRoleAssignments
    grants: Mapping[str, DelegatedGrants | None]
    domains: tuple[str, ...] | None  # the tenant's verified ones
    tenant: TenantNames | None
    deleted: Mapping[str, str] | None  # when the applications that can be restored were deleted


async def take(graph: Graph, pairs: Sequence[Pair]) -> DirectorySnapshot:
    """Reads a tenant. Raises ``TransientError``, and ``PermanentError`` without access to the tenant."""
    apps = sorted({app.casefold() for pair in pairs for app in (pair.server, pair.client) if app})
    clients = sorted({pair.client.casefold() for pair in pairs if pair.client})
    urls = {"organization": "/organization?$select=id,displayName,verifiedDomains"}
    for number, some in enumerate(_chunks(apps)):
        urls[f"applications{number}"] = f"/applications?$filter={_any_of(some)}&$expand={_FEDERATED}"
        urls[f"principals{number}"] = (
            f"/servicePrincipals?$filter={_any_of(some)}&$select={_PRINCIPAL}&$expand=appRoleAssignments"
        )
    for client in clients:
        urls[client] = f"/servicePrincipals(appId='{client}')/oauth2PermissionGrants"
    replies = await graph.batch({name: (url, {}) for name, url in urls.items()})
    organization = replies["organization"].optional()
    applications = _by_client_id(replies, "applications")
    missing = [] if applications is None else [app for app in apps if app not in applications]
    return DirectorySnapshot(
        applications=applications,
        principals=_by_client_id(replies, "principals"),
        grants={client: _grants(replies[client]) for client in clients},
        domains=_domains(organization),
        tenant=_tenant(organization),
        deleted=await _deleted(graph, missing) if missing else {},
    )


async def _deleted(graph: Graph, apps: Sequence[str]) -> dict[str, str] | None:
    """When those applications were deleted that can be restored; None if the service cannot read it.

    This requires Application.Read.All (https://learn.microsoft.com/graph/api/directory-deleteditems-list).
    """
    replies = await graph.batch(
        {
            f"deleted{number}": (
                f"{_DELETED}?$filter={_any_of(some)}&$count=true&$select=id,appId,deletedDateTime",
                _EVENTUAL,
            )
            for number, some in enumerate(_chunks(apps))
        }
    )
    found = _by_client_id(replies, "deleted")
    if found is None:
        return None
    return {app: str(deleted.get("deletedDateTime") or "") for app, deleted in found.items()}


def _by_client_id(replies: Mapping[str, GraphResponse], prefix: str) -> dict[str, Mapping[str, Any]] | None:
    found: dict[str, Mapping[str, Any]] = {}
    for name, reply in replies.items():
        if name.startswith(prefix):
            document = reply.optional()
            if document is None:
                return None
            found |= {str(entry.get("appId")).casefold(): entry for entry in shapes.entries(document)}
    return found


def _grants(reply: GraphResponse) -> DelegatedGrants | None:
    if reply.status == HTTPStatus.NOT_FOUND:  # without a service principal there is no consent
        return DelegatedGrants(scopes={}, complete=True)
    document = reply.optional()
    if document is None:
        return None
    scopes: dict[str, frozenset[str]] = {}
    grants = shapes.entries(document)
    for grant in grants:
        if grant.get("consentType") == _ALL_PRINCIPALS:
            resource = str(grant.get("resourceId"))
            scopes[resource] = scopes.get(resource, frozenset()) | set(str(grant.get("scope") or "").split())
    complete = not any(map(shapes.fault_of, grants))
    return DelegatedGrants(scopes=scopes, complete=complete)


def _domains(organization: Any) -> tuple[str, ...] | None:
    found = next(iter(shapes.entries(organization)), None)
    if found is None or shapes.fault_of(found):
        return None
    return tuple(str(domain["name"]) for domain in found.get("verifiedDomains") or ())


def _tenant(organization: Any) -> TenantNames | None:
    shown = next(iter(shapes.entries(organization)), None)
    if shown is None or shapes.fault_of(shown):
        return None
    initial = [
        str(domain["name"]) for domain in shown.get("verifiedDomains") or () if domain.get("isInitial")
    ]
    return TenantNames(
        name=Word(str(shown.get("displayName") or "")), initial_domain=Word("".join(initial[:1]))
    )


def _any_of(apps: Sequence[str]) -> str:
    return quote(" or ".join(f"appId eq {odata.text(app)}" for app in apps), safe="")


def _chunks(apps: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(apps), _VALUES):
        yield apps[start : start + _VALUES]
