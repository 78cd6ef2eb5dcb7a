"""What is wrong with an existing application that an onboarding imports or shares."""

from __future__ import annotations

from typing import Final

from onboarding.errors.base import ErrorType, PermanentError, Severity

_WIZARD: Final = (
    "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard"
)

APP_IN_USE: Final = ErrorType(
    code="app-in-use",
    severity=Severity.ERROR,
    pointers=("/serverApp/existing", "/clientApp/existing"),
    failure=PermanentError,
    title="The application belongs to another requester",
    detail="Another requester's connection or onboarding created or uses the application {app}.",
    remedy="Specify another application, or ask an operator to send the request.",
    documentation=_WIZARD,
)
APP_NOT_FOUND: Final = ErrorType(
    code="app-not-found",
    severity=Severity.ERROR,
    pointers=("/serverApp/existing", "/clientApp/existing"),
    failure=PermanentError,
    title="The application does not exist in the tenant",
    detail="The tenant has no application with the client ID {app}.",
    remedy="Specify the Application (client) ID, not the object ID, of an application in this tenant.",
    documentation=_WIZARD,
)
SERVER_APP_OF_SEVERAL: Final = ErrorType(
    code="server-app-of-several-hierarchies",
    severity=Severity.WARNING,
    pointers=("/serverApp/existing",),
    title="Another connection uses the server app",
    detail=(
        "Another connection of the tenant uses this server app. A hierarchy has one connection for each "
        "tenant, so several hierarchies would share the app. For tenant attach, Microsoft advises against it."
    ),
    remedy="If a hierarchy uses tenant attach, omit serverApp.existing. The service then creates an app.",
    documentation="https://learn.microsoft.com/intune/configmgr/tenant-attach/device-sync-actions",
)
APP_TO_UPDATE: Final = ErrorType(
    code="app-to-update",
    severity=Severity.WARNING,
    pointers=("/serverApp/existing",),
    title="The site must update the settings of the imported server app",
    detail="{check}: expected {expected}. {impact}",
    remedy="{change}",
    documentation=(
        "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard"
    ),
)
APP_CHECK_FAILED: Final = ErrorType(
    code="app-check-failed",
    severity=Severity.ERROR,
    pointers=("/serverApp/existing", "/clientApp/existing"),
    title="An existing application does not meet a requirement of its profile",
    detail="{check}: expected {expected}. {impact}",
    remedy="{change}",
    documentation=(
        "https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/manually-register-azure-ad-apps"
    ),
)
APP_NOT_CONFORMANT: Final = ErrorType(
    code="app-not-conformant",
    failure=PermanentError,
    title="An existing application does not meet the requirements of Configuration Manager",
    detail="The application '{name}' ({app}) does not meet these requirements: {checks}.",
    remedy="{remedies}",
)
PRINCIPAL_NOT_FOUND: Final = ErrorType(
    code="principal-not-found",
    failure=PermanentError,
    title="An existing application has no service principal",
    detail="The application {app} has no service principal in the tenant.",
    remedy="Create the service principal in the tenant, then retry the onboarding.",
    documentation="https://learn.microsoft.com/entra/identity-platform/howto-create-service-principal-portal",
)
APP_REMOVING: Final = ErrorType(
    code="app-removing",
    severity=Severity.ERROR,
    pointers=("/serverApp/existing", "/clientApp/existing"),
    failure=PermanentError,
    title="The application is being deleted",
    detail="The application {app} belongs to a connection that is being removed.",
    remedy="Specify another application.",
)
APP_ID_URI_UNCLEAR: Final = ErrorType(
    code="app-id-uri-unclear",
    severity=Severity.ERROR,
    pointers=("/serverApp/existing/appIdUri",),
    failure=PermanentError,
    title="It is not clear which App ID URI the site uses",
    detail="The application {app} has these App ID URIs: {uris}.",
    remedy="In serverApp.existing.appIdUri, specify the one that the site uses.",
    documentation="https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard",
)
