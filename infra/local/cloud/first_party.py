"""Microsoft's own applications, as service principals that every tenant has.

Ids of permissions: https://learn.microsoft.com/graph/permissions-reference. Object ids differ by tenant.
"""

from __future__ import annotations

import uuid
from typing import Final

from infra.local.cloud.environments import Environment
from infra.local.cloud.messages import JsonObject

TOKEN_EXCHANGE_APP_ID: Final = "fb60f99c-7a34-4190-8149-302f77469936"  # noqa: S105 an application's id
"""The first-party application that ``api://AzureADTokenExchange`` names; the audience of its tokens."""
GRAPH_APP_ID: Final = "00000003-0000-0000-c000-000000000000"
RESOURCE_MANAGER_APP_ID: Final = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
KEY_VAULT_APP_ID: Final = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
STORAGE_APP_ID: Final = "e406a681-f3d4-42a8-90b6-c2b029497af1"
MICROSOFT_TENANT: Final = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

GRAPH_ROLES: Final = {
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "AppRegistration.Create": str(uuid.uuid5(uuid.UUID(GRAPH_APP_ID), "AppRegistration.Create")),
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
    "DelegatedPermissionGrant.Read.All": "81b4724a-58aa-41c1-8a55-84ef97466587",
    "DelegatedPermissionGrant.ReadWrite.All": "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Directory.ReadWrite.All": "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
    "Domain.Read.All": "dbb9058a-0e50-45d7-ae91-66909b5d4664",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "Policy.Read.ApplicationConfiguration": str(
        uuid.uuid5(uuid.UUID(GRAPH_APP_ID), "Policy.Read.ApplicationConfiguration")
    ),
    "Policy.ReadWrite.ApplicationConfiguration": "be74164b-cff1-491c-8741-e671cb536e13",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
}
"""Application permissions of Graph by name. The two ids that are computed are this simulation's own."""

_GRAPH_SCOPES: Final = {
    "User.Read": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
    "User.Read.All": "a154be20-db9c-4678-8ab7-66f6cc099a59",
    "Directory.Read.All": "06da0dbc-49e2-44d2-8312-53f166ab848a",
    "openid": "37f7f235-527c-4136-accd-4a02d197296e",
    "profile": "14dad69e-099b-42c9-810b-d002981feec1",
    "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
    "offline_access": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
}


def app_role(value: str, role_id: str) -> JsonObject:
    """An app role that applications can be assigned."""
    return {
        "allowedMemberTypes": ["Application"],
        "description": value,
        "displayName": value,
        "id": role_id,
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }


def delegated_scope(value: str, scope_id: str) -> JsonObject:
    """A delegated permission that users can consent to."""
    return {
        "adminConsentDescription": value,
        "adminConsentDisplayName": value,
        "id": scope_id,
        "isEnabled": True,
        "type": "User",
        "userConsentDescription": value,
        "userConsentDisplayName": value,
        "value": value,
    }


def first_party(environment: Environment) -> list[JsonObject]:
    """The properties of a first-party service principal that differ from the defaults."""
    impersonation = [delegated_scope("user_impersonation", "41094075-9dad-400e-a0bd-54e686782033")]
    return [
        {
            "appId": GRAPH_APP_ID,
            "displayName": "Microsoft Graph",
            "servicePrincipalNames": [GRAPH_APP_ID, environment.graph],
            "appRoles": [app_role(name, role_id) for name, role_id in GRAPH_ROLES.items()],
            "oauth2PermissionScopes": [
                delegated_scope(name, scope_id) for name, scope_id in _GRAPH_SCOPES.items()
            ],
        },
        {
            "appId": RESOURCE_MANAGER_APP_ID,
            "displayName": "Windows Azure Service Management API",
            "servicePrincipalNames": [RESOURCE_MANAGER_APP_ID, *environment.resource_manager],
            "oauth2PermissionScopes": impersonation,
        },
        {
            "appId": KEY_VAULT_APP_ID,
            "displayName": "Azure Key Vault",
            "servicePrincipalNames": [KEY_VAULT_APP_ID, environment.key_vault],
            "oauth2PermissionScopes": [
                delegated_scope("user_impersonation", "f53da476-18e3-4152-8e01-aec403e6edc0")
            ],
        },
        {
            "appId": STORAGE_APP_ID,
            "displayName": "Azure Storage",
            "servicePrincipalNames": [STORAGE_APP_ID, environment.storage],
            "oauth2PermissionScopes": [
                delegated_scope("user_impersonation", "03e0da56-190b-40ad-a80c-ea378c433f7f")
            ],
        },
        {
            "appId": TOKEN_EXCHANGE_APP_ID,
            "displayName": "AAD Token Exchange",
            "servicePrincipalNames": [TOKEN_EXCHANGE_APP_ID, environment.token_exchange],
        },
    ]


def audiences(environment: Environment, app_id: str) -> frozenset[str]:
    """The audiences that tokens for a first-party service can have."""
    names = next(
        each["servicePrincipalNames"] for each in first_party(environment) if each["appId"] == app_id
    )
    return frozenset(names) | frozenset(f"{name}/" for name in names if name.startswith("https://"))
