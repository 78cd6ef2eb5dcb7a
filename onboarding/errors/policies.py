"""What app management policies and verified domains of a tenant do not allow, found by the preflight."""

from __future__ import annotations

from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, Severity

_RESTRICTIONS: Final = "https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions"
_POLICY: Final = "https://learn.microsoft.com/graph/api/resources/tenantappmanagementpolicy"
_SECRET_FIELDS: Final = (
    "/serverApp/secretEndDate",
    "/serverApp/secretValidity",
    "/secretEndDate",
    "/secretValidity",
)
"""The fields of an onboarding and of a renewal that decide when a client secret expires."""

DOMAIN_NOT_VERIFIED: Final = ErrorType(
    code="domain-not-verified",
    severity=Severity.ERROR,
    pointers=("/serverApp/appIdUri",),
    title="The host of the App ID URI is not a verified domain of the tenant",
    detail="The host of {uri} is not a verified domain of the tenant ({domains}).",
    remedy="Use one of these domains, or omit appIdUri.",
    documentation=_RESTRICTIONS,
)
URI_NOT_DEFAULT: Final = ErrorType(
    code="uri-not-default",
    severity=Severity.ERROR,
    pointers=("/serverApp/appIdUri",),
    title="A tenant policy allows only the default App ID URI",
    detail="The tenant's app management policy (nonDefaultUriAddition) does not allow custom App ID URIs.",
    remedy="Omit appIdUri: the service then uses {default}, which the policy allows.",
    documentation=_RESTRICTIONS,
)
POLICY_UNDECIDED: Final = ErrorType(
    code="policy-undecided",
    severity=Severity.WARNING,
    pointers=("/serverApp/appIdUri", *_SECRET_FIELDS),
    title="Only Microsoft Graph can determine whether a tenant policy allows the request",
    detail="{conflict} {doubt}",
    remedy=(
        "If Microsoft Graph refuses the request, the step fails with the reason. In that case: {alternative}"
    ),
    documentation="https://learn.microsoft.com/graph/api/resources/appmanagementpolicyactorexemptions",
)
SECRETS_FORBIDDEN: Final = ErrorType(
    code="secrets-forbidden",
    severity=Severity.ERROR,
    actor=Actor.TENANT_ADMINISTRATOR,
    title="A tenant policy does not allow client secrets",
    detail="The tenant's app management policy (passwordAddition) does not allow client secrets.",
    remedy=(
        "Exempt the service's identity from the restriction: assign it a custom security attribute, and name "
        "the attribute in excludeActors of the restriction."
    ),
    documentation=_POLICY,
)
SECRET_LIVES_TOO_LONG: Final = ErrorType(
    code="secret-lives-too-long",
    severity=Severity.ERROR,
    pointers=_SECRET_FIELDS,
    title="A tenant policy allows only client secrets with a shorter lifetime",
    detail="The tenant allows client secrets with a lifetime of at most {longest}.",
    remedy="Set secretEndDate to a date before {latest:%Y-%m-%d}.",
    documentation=_POLICY,
)
