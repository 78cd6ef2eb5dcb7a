"""Applications and service principals: their properties, and new ones with every default in place.

https://learn.microsoft.com/graph/api/resources/application and .../serviceprincipal
"""

from __future__ import annotations

from typing import Final

from infra.local.cloud.directory import Directory
from infra.local.cloud.environments import Environment
from infra.local.cloud.graph.schema import (
    Binary,
    Flag,
    Guid,
    Many,
    Moment,
    Number,
    Shape,
    Structure,
    Text,
)
from infra.local.cloud.messages import JsonObject, new_id, utc_text

AUDIENCES: Final = frozenset(
    {"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"}
)
_TEXTS: Final = Many(item=Text())

PASSWORD_CREDENTIAL: Final = Structure(
    name="PasswordCredential",
    properties={
        "customKeyIdentifier": Binary(),
        "displayName": Text(longest=256),
        "endDateTime": Moment(),
        "hint": Text(),
        "keyId": Guid(),
        "secretText": Text(),
        "startDateTime": Moment(),
    },
)
_KEY_CREDENTIAL: Final = Structure(
    name="KeyCredential",
    properties={
        "customKeyIdentifier": Binary(),
        "displayName": Text(longest=256),
        "endDateTime": Moment(),
        "key": Binary(),
        "keyId": Guid(),
        "startDateTime": Moment(),
        "type": Text(),
        "usage": Text(),
    },
)
_APP_ROLE: Final = Structure(
    name="AppRole",
    properties={
        "allowedMemberTypes": _TEXTS,
        "description": Text(),
        "displayName": Text(),
        "id": Guid(),
        "isEnabled": Flag(start=True),
        "origin": Text(start="Application"),
        "value": Text(longest=120),
    },
    required=("id", "displayName", "description"),
)
_SCOPE: Final = Structure(
    name="PermissionScope",
    properties={
        "adminConsentDescription": Text(),
        "adminConsentDisplayName": Text(),
        "id": Guid(),
        "isEnabled": Flag(start=True),
        "type": Text(choices=frozenset({"User", "Admin"}), start="User"),
        "userConsentDescription": Text(),
        "userConsentDisplayName": Text(),
        "value": Text(longest=120),
    },
    required=("id",),
)
_API: Final = Structure(
    name="ApiApplication",
    properties={
        "acceptMappedClaims": Flag(),
        "knownClientApplications": Many(item=Guid()),
        "requestedAccessTokenVersion": Number(choices=frozenset({1, 2})),
        "oauth2PermissionScopes": Many(item=_SCOPE),
        "preAuthorizedApplications": Many(
            item=Structure(
                name="PreAuthorizedApplication",
                properties={"appId": Text(), "delegatedPermissionIds": Many(item=Guid())},
            )
        ),
    },
)
_WEB: Final = Structure(
    name="WebApplication",
    properties={
        "homePageUrl": Text(longest=256),
        "logoutUrl": Text(longest=256),
        "redirectUris": _TEXTS,
        "implicitGrantSettings": Structure(
            name="ImplicitGrantSettings",
            properties={
                "enableAccessTokenIssuance": Flag(start=False),
                "enableIdTokenIssuance": Flag(start=False),
            },
        ),
        "redirectUriSettings": Many(
            item=Structure(name="RedirectUriSettings", properties={"uri": Text(), "index": Number()})
        ),
    },
)
_ACCESS: Final = Structure(
    name="RequiredResourceAccess",
    properties={
        "resourceAppId": Text(),
        "resourceAccess": Many(
            item=Structure(
                name="ResourceAccess",
                properties={"id": Guid(), "type": Text(choices=frozenset({"Role", "Scope"}))},
                required=("id", "type"),
            )
        ),
    },
    required=("resourceAppId",),
)
_INFO: Final = Structure(
    name="InformationalUrl",
    properties={
        name: Text()
        for name in ("logoUrl", "marketingUrl", "privacyStatementUrl", "supportUrl", "termsOfServiceUrl")
    },
)
_CLAIM: Final = Structure(
    name="OptionalClaim",
    properties={
        "additionalProperties": _TEXTS,
        "essential": Flag(start=False),
        "name": Text(),
        "source": Text(),
    },
)
_PUBLISHER: Final = Structure(
    name="VerifiedPublisher",
    properties={"displayName": Text(), "verifiedPublisherId": Text(), "addedDateTime": Moment()},
)

_WRITABLE: Final[dict[str, Shape]] = {
    "addIns": Many(
        item=Structure(
            name="AddIn",
            properties={
                "id": Guid(),
                "type": Text(),
                "properties": Many(
                    item=Structure(name="KeyValue", properties={"key": Text(), "value": Text()})
                ),
            },
        )
    ),
    "api": _API,
    "appRoles": Many(item=_APP_ROLE),
    "defaultRedirectUri": Text(),
    "description": Text(longest=1024),
    "displayName": Text(longest=256),
    "groupMembershipClaims": Text(),
    "identifierUris": Many(item=Text(longest=255)),
    "info": _INFO,
    "isDeviceOnlyAuthSupported": Flag(),
    "isDisabled": Flag(),
    "isFallbackPublicClient": Flag(),
    "keyCredentials": Many(item=_KEY_CREDENTIAL),
    "nativeAuthenticationApisEnabled": Text(),
    "notes": Text(longest=1024),
    "optionalClaims": Structure(
        name="OptionalClaims",
        properties={name: Many(item=_CLAIM) for name in ("accessToken", "idToken", "saml2Token")},
        nullable=True,
    ),
    "parentalControlSettings": Structure(
        name="ParentalControlSettings",
        properties={"countriesBlockedForMinors": _TEXTS, "legalAgeGroupRule": Text(start="Allow")},
    ),
    "passwordCredentials": Many(item=PASSWORD_CREDENTIAL),
    "publicClient": Structure(name="PublicClientApplication", properties={"redirectUris": _TEXTS}),
    "requestSignatureVerification": Structure(
        name="RequestSignatureVerification",
        properties={"allowedWeakAlgorithms": Text(), "isSignedRequestRequired": Flag(start=False)},
        nullable=True,
    ),
    "requiredResourceAccess": Many(item=_ACCESS),
    "samlMetadataUrl": Text(),
    "serviceManagementReference": Text(),
    "servicePrincipalLockConfiguration": Structure(
        name="ServicePrincipalLockConfiguration",
        properties={
            "allProperties": Flag(),
            "credentialsWithUsageSign": Flag(),
            "credentialsWithUsageVerify": Flag(),
            "identifierUris": Flag(),
            "isEnabled": Flag(start=False),
            "tokenEncryptionKeyId": Flag(),
        },
        nullable=True,
    ),
    "signInAudience": Text(choices=AUDIENCES, start="AzureADMyOrg"),
    "spa": Structure(name="SpaApplication", properties={"redirectUris": _TEXTS}),
    "tags": _TEXTS,
    "tokenEncryptionKeyId": Guid(),
    "uniqueName": Text(longest=128),
    "web": _WEB,
}
_APPLICATION_READ_ONLY: Final[dict[str, Shape]] = {
    "appId": Text(),
    "applicationTemplateId": Text(),
    "certification": Text(),
    "createdByAppId": Text(),
    "createdDateTime": Moment(),
    "deletedDateTime": Moment(),
    "disabledByMicrosoftStatus": Text(),
    "id": Text(),
    "publisherDomain": Text(),
    "verifiedPublisher": _PUBLISHER,
}

_PRINCIPAL_WRITABLE: Final[dict[str, Shape]] = {
    "accountEnabled": Flag(start=True),
    "alternativeNames": _TEXTS,
    "appRoleAssignmentRequired": Flag(start=False),
    "description": Text(longest=1024),
    "displayName": Text(longest=256),
    "homepage": Text(),
    "keyCredentials": Many(item=_KEY_CREDENTIAL),
    "loginUrl": Text(),
    "notes": Text(longest=1024),
    "notificationEmailAddresses": _TEXTS,
    "preferredSingleSignOnMode": Text(),
    "tags": _TEXTS,
}
_PRINCIPAL_READ_ONLY: Final[dict[str, Shape]] = {
    "addIns": _WRITABLE["addIns"],
    "appDescription": Text(),
    "appDisplayName": Text(),
    "appId": Text(),
    "appOwnerOrganizationId": Text(),
    "appRoles": Many(item=_APP_ROLE),
    "applicationTemplateId": Text(),
    "createdByAppId": Text(),
    "deletedDateTime": Moment(),
    "disabledByMicrosoftStatus": Text(),
    "id": Text(),
    "info": _INFO,
    "isDisabled": Flag(),
    "logoutUrl": Text(),
    "oauth2PermissionScopes": Many(item=_SCOPE),
    "passwordCredentials": Many(item=PASSWORD_CREDENTIAL),
    "preferredTokenSigningKeyThumbprint": Text(),
    "replyUrls": _TEXTS,
    "resourceSpecificApplicationPermissions": _TEXTS,
    "samlSingleSignOnSettings": Structure(
        name="SamlSingleSignOnSettings", properties={"relayState": Text()}, nullable=True
    ),
    "servicePrincipalNames": _TEXTS,
    "servicePrincipalType": Text(start="Application"),
    "signInAudience": Text(),
    "tokenEncryptionKeyId": Guid(),
    "verifiedPublisher": _PUBLISHER,
}

APPLICATION: Final = Structure(name="Application", properties=_WRITABLE | _APPLICATION_READ_ONLY)
APPLICATION_READ_ONLY: Final = frozenset(_APPLICATION_READ_ONLY)
SERVICE_PRINCIPAL: Final = Structure(
    name="ServicePrincipal", properties=_PRINCIPAL_WRITABLE | _PRINCIPAL_READ_ONLY
)
SERVICE_PRINCIPAL_READ_ONLY: Final = frozenset(_PRINCIPAL_READ_ONLY)


def new_application(directory: Directory, particular: JsonObject) -> JsonObject:
    """An application with every property of its type, and these ones set."""
    return (
        _without(directory.environment, APPLICATION.empty())
        | {
            "id": new_id(),
            "appId": new_id(),
            "createdDateTime": utc_text(),
            "publisherDomain": directory.tenant.domains[0],
        }
        | particular
    )


def new_service_principal(
    directory: Directory, particular: JsonObject, application: JsonObject | None = None
) -> JsonObject:
    """A service principal with every property of its type, and these ones set."""
    principal = (
        _without(directory.environment, SERVICE_PRINCIPAL.empty())
        | {"id": new_id(), "appOwnerOrganizationId": directory.tenant.id}
        | {"servicePrincipalNames": [particular["appId"]]}
        | particular
    )
    return principal if application is None else mirrored(principal, application)


def mirrored(principal: JsonObject, application: JsonObject) -> JsonObject:
    """A service principal with what it takes over from its application in the same tenant."""
    web, spa, public = application["web"], application["spa"], application["publicClient"]
    return principal | {
        "appDescription": application["description"],
        "appDisplayName": application["displayName"],
        "appRoles": application["appRoles"],
        "displayName": application["displayName"],
        "homepage": web["homePageUrl"],
        "info": application["info"],
        "logoutUrl": web["logoutUrl"],
        "oauth2PermissionScopes": application["api"]["oauth2PermissionScopes"],
        "replyUrls": [*web["redirectUris"], *spa["redirectUris"], *public["redirectUris"]],
        "servicePrincipalNames": [application["appId"], *application["identifierUris"]],
        "signInAudience": application["signInAudience"],
    }


def _without(environment: Environment, body: JsonObject) -> JsonObject:
    return {name: value for name, value in body.items() if name not in environment.absent}
