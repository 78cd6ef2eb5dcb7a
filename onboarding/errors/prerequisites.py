"""What the preflight finds in a tenant, its directory and its subscription before anything is changed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, Severity
from onboarding.errors.cloud import LATE

_WIZARD: Final = (
    "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard"
)
_DELETED: Final = "https://learn.microsoft.com/graph/api/resources/directory"
_RESTRICTIONS: Final = "https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions"
_PERMISSIONS: Final = "https://learn.microsoft.com/graph/permissions-reference"
_CONSENT: Final = "https://learn.microsoft.com/entra/identity-platform/v2-admin-consent"

# Names and App ID URIs that are in use

CONNECTION_EXISTS: Final = ErrorType(
    code="connection-exists",
    status=HTTPStatus.CONFLICT,
    severity=Severity.ERROR,
    pointers=("/name",),
    failure=PermanentError,
    title="The tenant already has a connection with this name",
    detail="The tenant already has a connection named '{name}'{which: }.",
    remedy="Choose another name, or remove the existing connection first.",
    documentation=_WIZARD,
)
NAME_RESERVED: Final = ErrorType(
    code="name-reserved",
    status=HTTPStatus.CONFLICT,
    severity=Severity.ERROR,
    pointers=("/name",),
    title="Another onboarding has this name",
    detail=(
        "In this tenant, an onboarding has the name '{name}'{which: }. It is in progress, or it failed and "
        "objects that it created still exist."
    ),
    remedy="Wait for that onboarding, roll it back if it failed, or choose another name.",
    documentation=_WIZARD,
)
TENANT_CONNECTED: Final = ErrorType(
    code="tenant-connected",
    severity=Severity.WARNING,
    pointers=("/tenantId",),
    title="The tenant already has a connection with another name",
    detail="The tenant already has {which}.",
    remedy="Check whether you need both. A ConfigMgr hierarchy accepts one connection for each tenant.",
    documentation=_WIZARD,
)
APPLICATION_NAME_IN_USE: Final = ErrorType(
    code="application-name-in-use",
    severity=Severity.WARNING,
    pointers=("/serverApp/name", "/clientApp/name"),
    title="The tenant has another application with this name",
    detail="The tenant has another application named '{name}'{which: }.",
    remedy="Choose a distinct name, which is easier to recognize. Entra ID allows duplicate names.",
    documentation="https://learn.microsoft.com/graph/api/resources/application",
)
URI_IN_USE: Final = ErrorType(
    code="uri-in-use",
    severity=Severity.ERROR,
    pointers=("/serverApp/appIdUri",),
    title="Another application uses the App ID URI",
    detail="{holder} already uses the App ID URI {uri}.",
    remedy="Choose another App ID URI, or omit appIdUri.",
    documentation=_RESTRICTIONS,
)
DELETED_WILL_BE_PURGED: Final = ErrorType(
    code="deleted-will-be-purged",
    severity=Severity.WARNING,
    pointers=("/serverApp/onDeleted",),
    title="The service will permanently delete an application that reserves the App ID URI",
    detail=(
        "{holder}, deleted on {deleted}, reserves the App ID URI {uri} for 30 days. The service will delete "
        "it permanently."
    ),
    remedy=(
        "If you still need the application, restore it under App registrations, Deleted applications, and "
        "import it (serverApp.existing). Its object ID is {object}."
    ),
    documentation=_DELETED,
)
URI_HELD_BY_DELETED: Final = ErrorType(
    code="uri-held-by-deleted",
    severity=Severity.ERROR,
    pointers=("/serverApp/appIdUri",),
    title="A deleted application reserves the App ID URI for 30 days",
    detail="{holder}, deleted on {deleted}, reserves the App ID URI {uri} for 30 days.",
    remedy=(
        "Permanently delete or restore the application under App registrations, Deleted applications, or "
        "choose another App ID URI. Its object ID is {object}."
    ),
    documentation=_DELETED,
)
URI_HELD_BY_OWN_DELETED: Final = ErrorType(
    code="uri-held-by-own-deleted",
    severity=Severity.ERROR,
    pointers=("/serverApp/appIdUri",),
    title="A deleted application that this service created reserves the App ID URI for 30 days",
    detail=(
        "{holder}, deleted on {deleted}, reserves the App ID URI {uri} for 30 days. This service created it."
    ),
    remedy=(
        "Set serverApp.onDeleted to 'Purge' so that the service deletes it permanently. Or choose another "
        "App ID URI. An administrator of the tenant can restore the application ({object})."
    ),
    documentation=_DELETED,
)

# Permissions of the service

GRAPH_PERMISSION_MISSING: Final = ErrorType(
    code="graph-permission-missing",
    failure=PermanentError,
    severity=Severity.ERROR,
    actor=Actor.OPERATOR,
    title="The service cannot create applications in the tenant",
    detail="The service's identity has no permission to create applications in the tenant.",
    remedy=(
        "Grant the Microsoft Graph application permission Application.ReadWrite.OwnedBy to the identity "
        f"(docs/deploy.md), then try again. {LATE}"
    ),
    documentation=_PERMISSIONS,
)
PERMISSIONS_NOT_CHECKED: Final = ErrorType(
    code="permissions-not-checked",
    severity=Severity.INFORMATION,
    actor=Actor.NOBODY,
    title="The service cannot read its own permissions in the tenant",
    detail="The service cannot read its own permissions in the tenant, and did not check them.",
    remedy="No action is required. If a permission is missing, the step that needs it fails and names it.",
    documentation=_PERMISSIONS,
)
CONSENT_NOT_ALLOWED: Final = ErrorType(
    code="consent-not-allowed",
    severity=Severity.ERROR,
    pointers=("/adminConsent",),
    title="The service cannot grant admin consent",
    detail=(
        "The service cannot grant the permissions of the apps, because its identity lacks these Microsoft "
        "Graph application permissions: {permissions}."
    ),
    remedy=(
        "Omit adminConsent, so that an administrator of the tenant consents. Or ask the operator to grant "
        "these permissions to the service."
    ),
    documentation=_CONSENT,
)
CONSENT_TO_IMPORTS: Final = ErrorType(
    code="consent-to-imports",
    severity=Severity.ERROR,
    pointers=("/adminConsent",),
    failure=PermanentError,
    title="Only an operator can let the service consent to existing apps",
    detail="The service does not grant permissions to existing apps on behalf of a requester.",
    remedy="Omit adminConsent, so that an administrator of the tenant consents, or ask an operator to send "
    "the request.",
    documentation=_CONSENT,
)
ADMINISTRATOR_WILL_BE_ASKED: Final = ErrorType(
    code="administrator-will-be-asked",
    severity=Severity.INFORMATION,
    actor=Actor.TENANT_ADMINISTRATOR,
    pointers=("/adminConsent",),
    title="The onboarding will wait for the consent of an administrator",
    detail="The onboarding will wait until an administrator of the tenant has consented.",
    remedy="A Privileged Role Administrator must open the page that the step 'consent' will show.",
    documentation=_CONSENT,
)
CONSENT_NOT_VISIBLE: Final = ErrorType(
    code="consent-not-visible",
    severity=Severity.INFORMATION,
    pointers=("/adminConsent",),
    title="A person must confirm the consent of an administrator, because the service cannot see it",
    detail="The service cannot see whether an administrator has consented to delegated permissions.",
    remedy=(
        "After the administrator has consented, confirm it. If the service has the permission "
        "Directory.Read.All, the onboarding continues automatically."
    ),
    documentation="https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants",
)
NOT_CHECKED: Final = ErrorType(
    code="not-checked",
    severity=Severity.INFORMATION,
    actor=Actor.OPERATOR,
    title="The service cannot read part of the tenant, and did not check the request against it",
    detail=(
        "The service cannot read the {subject} of the tenant ({answer}), and did not check the request "
        "against them."
    ),
    remedy=(
        "To include this check, grant the Microsoft Graph application permission {permission} to the "
        f"service's identity. {LATE}"
    ),
    remedy_for_requester=(
        "No action is required. If the request conflicts with the tenant, a step fails and describes the "
        "conflict."
    ),
    documentation=_PERMISSIONS,
)

DIRECTORY_QUOTA_NEAR: Final = ErrorType(
    code="directory-quota-near",
    actor=Actor.OPERATOR,
    severity=Severity.WARNING,
    title="The service has nearly reached the limit of objects that an identity can own in the tenant",
    detail=(
        "The service owns {owned} applications and service principals in the tenant, and the onboarding adds "
        "{needed}. An identity without an administrator role can own {most} objects; deleted objects count, "
        "too."
    ),
    remedy=(
        "Remove connections that are no longer needed, and permanently delete deleted applications. Or "
        "assign the service's identity a custom role with microsoft.directory/applications/create."
    ),
    documentation="https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions",
)

# What the request combines

GROUP_SYNC_NEEDS_USERS: Final = ErrorType(
    code="group-sync-needs-user-discovery",
    severity=Severity.WARNING,
    pointers=("/groupSync",),
    title="Group synchronization requires user discovery, which the request does not enable",
    detail=(
        "Microsoft's article lists Entra user discovery as a prerequisite of group synchronization. The "
        "request enables only the synchronization."
    ),
    remedy=(
        "Set userDiscovery.enabled to true, or enable user discovery in the console later. The server app "
        "has the permission for it."
    ),
    documentation=(
        "https://learn.microsoft.com/intune/configmgr/core/clients/manage/collections/create-collections"
    ),
)

NO_CLIENT_APP: Final = ErrorType(
    code="no-client-app",
    severity=Severity.WARNING,
    pointers=("/clientApp",),
    title="The tenant gets no client app, so the console must create the Azure service",
    detail=(
        "A tenant that has only the gateway technically needs no client app. But the cmdlet that creates the "
        "Azure service requires one, so the handover script imports only the server app."
    ),
    remedy=(
        "Create the Azure service in the console. If you want the script to create it, omit clientApp from "
        "the request: the onboarding then creates a client app."
    ),
    documentation=(
        "https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/cloud-management-gateway-faq"
    ),
)
