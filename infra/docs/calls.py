"""The page of the app's calls: what a test has recorded, and what people must add to it.

``calls.json`` has the calls in the lives of connections, and for each call the permissions that the simulated
service checked and that the app had. Microsoft's tables of permissions are in the simulated services.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from infra.azure.permissions import GRAPH_BASE, GRAPH_CONSENT, GRAPH_SEE

RECORD: Final = Path(__file__).with_name("calls.json")
"""Written by ``RECORD_CALLS=1`` with ``tests/tenants/test_whole_life.py``."""

SELDOM: Final[Mapping[str, frozenset[str]]] = {
    "resourceManager": frozenset({"GET /subscriptions/{id}/providers/{namespace}"}),
    "storage": frozenset(
        {"PUT /{queue}/messages/{id}", "GET /{container}?comp=list", "GET /{container}/{blob}"}
    ),
}
"""Calls that depend on how long something takes, and may not occur in a life."""

_PURPOSES: Final[Mapping[str, Mapping[str, str]]] = {
    "graph": {
        "POST /v1.0/$batch": "several of the reads below at once",
        "GET /v1.0/organization": "name and verified domains of the tenant; health",
        "GET /v1.0/policies/defaultAppManagementPolicy": "limits for secrets and App ID URIs",
        "GET /v1.0/applications/{id}/appManagementPolicies": "the same, for one application",
        "GET /v1.0/applications": "conflicts of names and URIs; inspection, with federated credentials",
        "GET /v1.0/applications/{id}": "its secrets, without their values",
        "GET /v1.0/applications/{id}/owners": "whether the service is an owner",
        "GET /v1.0/applications(appId='{key}')": "conformance, inspection",
        "GET /v1.0/applications(uniqueName='{key}')": "whether a creation had an effect",
        "POST /v1.0/applications": "create an application",
        "PATCH /v1.0/applications/{id}": "complete an application",
        "POST /v1.0/applications/{id}/addPassword": "create a client secret",
        "POST /v1.0/applications/{id}/removePassword": "remove a client secret",
        "DELETE /v1.0/applications/{id}": "off-boarding, undoing",
        "GET /v1.0/directory/deletedItems/microsoft.graph.application": "names that deleted apps hold",
        "DELETE /v1.0/directory/deletedItems/{id}": "remove permanently",
        "GET /v1.0/servicePrincipals": "service principals of the applications",
        "GET /v1.0/servicePrincipals/{id}": "the same",
        "GET /v1.0/servicePrincipals/{id}/owners": "whether the service is an owner",
        "GET /v1.0/servicePrincipals(appId='{key}')": "the same",
        "GET /v1.0/servicePrincipals(appId='{key}')/ownedObjects": "how many objects the service has",
        "POST /v1.0/servicePrincipals": "create a service principal",
        "GET /v1.0/servicePrincipals(appId='{key}')/oauth2PermissionGrants": "consent of others",
        "GET /v1.0/servicePrincipals(appId='{key}')/appRoleAssignments": "the same, for the server app",
        "GET /v1.0/servicePrincipals/{id}/oauth2PermissionGrants": "an administrator's consent",
        "GET /v1.0/servicePrincipals/{id}/appRoleAssignments": "the same, for the server app",
        "GET /v1.0/oauth2PermissionGrants": "consent that exists already",
        "POST /v1.0/oauth2PermissionGrants": "consent",
        "PATCH /v1.0/oauth2PermissionGrants/{id}": "consent, and its withdrawal",
        "DELETE /v1.0/oauth2PermissionGrants/{id}": "withdraw consent",
        "POST /v1.0/servicePrincipals/{id}/appRoleAssignedTo": "consent to Directory.Read.All",
        "DELETE /v1.0/servicePrincipals/{id}/appRoleAssignments/{id}": "withdraw it",
    },
    "resourceManager": {
        "GET /": "health; without a token",
        "GET /subscriptions/{id}": "tenant and state of the subscription",
        "GET /subscriptions/{id}/providers/Microsoft.Authorization/permissions": "what the service may do",
        "GET /subscriptions/{id}/providers": "providers that are registered",
        "GET /subscriptions/{id}/providers/{namespace}": "the state of one",
        "POST /subscriptions/{id}/providers/{namespace}/register": "register one",
    },
    "keyVault": {
        "PUT /secrets/{name}": "store a client secret, and the copy of a record",
        "GET /secrets/{name}": "prove a secret; addresses of channels",
        "GET /secrets/{name}/versions": "the key that signs links, and the one before",
        "GET /secrets": "secrets by tag",
        "DELETE /secrets/{name}": "off-boarding",
        "GET /deletedsecrets/{name}": "whether a removal is complete",
        "POST /deletedsecrets/{name}/recover": "a secret that somebody deleted",
        "DELETE /deletedsecrets/{name}": "remove permanently",
    },
    "login": {
        "GET /{tenant}/discovery/v2.0/keys": "the keys that sign the tokens of callers",
        "POST /{tenant}/oauth2/v2.0/token": "a token in another tenant, with a federated credential",
    },
    "managedIdentity": {"GET /msi/token": "a token of the app's identity"},
    "storage": {
        "GET /{queue}/messages": "the host: messages that are due; health",
        "POST /{queue}/messages": "a step, a notice",
        "PUT /{queue}/messages/{id}": "the host: a message that failed becomes visible again",
        "DELETE /{queue}/messages/{id}": "the host: a message that was processed",
        "GET /{queue}?comp=metadata": "the number of messages; health",
        "GET /{table}({keys})": "one row",
        "GET /{table}()": "rows, in pages",
        "POST /{table}": "a new row",
        "PUT /{table}({keys})": "a changed row",
        "DELETE /{table}({keys})": "a row that is no longer needed",
        "POST /$batch": "several rows of one partition at once",
        "GET /{container}": "health",
        "GET /{container}?comp=list": "the parts of the audit trail",
        "GET /{container}/{blob}": "a part of the audit trail",
        "PUT /{container}/{blob}": "a new part of the audit trail",
        "PUT /{container}/{blob}?comp=appendblock": "an event of the audit trail",
    },
}

_INFERRED: Final[Mapping[str, str]] = {
    "POST /v1.0/applications": "that an application can name itself as owner at the creation",
    "GET /v1.0/applications(uniqueName='{key}')": (
        "the permission, from the call with the ID; that `createdByAppId` is the service"
    ),
    "GET /v1.0/applications/{id}/appManagementPolicies": "the permissions, from the opposite call",
    "GET /v1.0/directory/deletedItems/microsoft.graph.application": "that it can be filtered by App ID URI",
    "DELETE /v1.0/directory/deletedItems/{id}": "that the owner of a deleted object still counts",
    "GET /subscriptions/{id}/providers/Microsoft.Authorization/permissions": "the form for a subscription",
}
"""What Microsoft's documentation does not describe; ``infra.azure.prove`` tests it."""

_BASE: Final = frozenset(role.value for role in GRAPH_BASE)
_OPTIONS: Final = {role.value: "--see-consent" for role in GRAPH_SEE} | {
    role.value: "--consent" for role in GRAPH_CONSENT
}
_ALSO_LEAST: Final = "Application.ReadWrite.OwnedBy"
"""For many reads, Microsoft marks it as least privileged, in addition to a permission to read everything."""


def rows(service: str) -> Iterator[tuple[str, ...]]:
    """The rows about a service. Raises ``ValueError`` for a recorded call without a purpose."""
    recorded: Mapping[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))[service]
    for call in sorted(recorded, key=list(_PURPOSES[service]).index):
        found = recorded[call]
        cells = [f"`{call}`", _PURPOSES[service][call]]
        if found["needs"]:
            cells += [_all(map(_least, found["needs"]))]
            optional = not all(_is_granted(need) for need in found["needs"])
            asked = _all(_asked(need, found["held"]) for need in found["needs"])
            cells.append(f"{asked}; optional" if optional else asked)
        elif service in {"graph", "resourceManager"}:
            cells += ["none", "none"]
        if service in {"graph", "resourceManager"}:
            cells.append(_INFERRED.get(call, ""))
        yield tuple(cells)


def _all(needs: Iterator[str]) -> str:
    return " and ".join(dict.fromkeys(needs))


def _least(need: list[str]) -> str:
    """The least privileged of the permissions that are sufficient."""
    return f"{need[0]} or {_ALSO_LEAST}" if _ALSO_LEAST in need[1:] else need[0]


def _asked(need: list[str], held: list[str]) -> str:
    """Those of the sufficient permissions that the deployment grants: without options, or with which one."""
    if "/" in need[0]:
        return ", ".join(each for each in held if each != "*")  # a role on the subscription or the vault
    own = [each for each in need if each in held]
    base = [each for each in own if each in _BASE]
    return ", ".join(base) or " or ".join(f"{each} (`{_OPTIONS[each]}`)" for each in own)


def _is_granted(need: list[str]) -> bool:
    """Whether every deployment grants one of the sufficient permissions."""
    return "/" in need[0] or not _BASE.isdisjoint(need)
