"""What the Microsoft cloud refuses: a remedy for each code that is known, and a general one for any other.

The code of a refusal is the cloud's own, in lower case with hyphens (``code_of``), so that people find it in
Microsoft's documentation. ``refusal`` returns the declaration for a code.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, ReplicationLagError, TransientError

_ANSWER: Final = "{service} returned this error: {answer}"
_AGAIN: Final = "Try the request again later. The service retries steps automatically."

LATE_ROLE: Final = "Azure can take up to ten minutes to apply a role assignment."
LATE: Final = "For a managed identity, a new permission can take up to 24 hours to take effect."
"""Its tokens come from a cache that cannot be emptied.

Source: https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq.
"""

_LIMITS: Final = "https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions"
_GRAPH_ERRORS: Final = "https://learn.microsoft.com/graph/errors"
_AZURE_ERRORS: Final = (
    "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors"
)
_SIGN_IN_ERRORS: Final = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
_POLICY: Final = "https://learn.microsoft.com/graph/api/resources/appmanagementpolicy"

_BY_CODE: Final[dict[str, ErrorType]] = {}
_OF_VAULT: Final[dict[str, ErrorType]] = {}
"""Codes of the vault. Other services use the same words for something else."""


def _refusal(
    *, known: dict[str, ErrorType] = _BY_CODE, actor: Actor = Actor.REQUESTER, **texts: Any
) -> ErrorType:
    kind = ErrorType(failure=PermanentError, detail=_ANSWER, actor=actor, **texts)
    return known.setdefault(kind.code, kind)


# Refusals, by the cloud's code

AUTHORIZATION_REQUEST_DENIED: Final = _refusal(
    code="authorization-request-denied",
    actor=Actor.OPERATOR,
    title="The service's identity lacks a Microsoft Graph permission",
    remedy=(
        "Grant the Microsoft Graph application permission {permission} to the service's identity, then try "
        f"again. {LATE} If another identity created the application, add the service's identity to the "
        "owners of the application."
    ),
    documentation="https://learn.microsoft.com/graph/permissions-reference",
)
REQUEST_RESOURCE_NOT_FOUND: Final = _refusal(
    code="request-resource-not-found",
    title="The directory does not contain the object",
    remedy="Check whether an administrator has deleted the object. Restore it, then try again.",
    documentation=_GRAPH_ERRORS,
)
OBJECT_CONFLICT: Final = _refusal(
    code="object-conflict",
    title="Another object in the tenant has the same value",
    remedy=(
        "Another application uses the value; a deleted one reserves its App ID URI for 30 days. Choose "
        "another App ID URI, or omit appIdUri. Or permanently delete the application (App registrations, "
        "Deleted applications), then try again."
    ),
    documentation="https://learn.microsoft.com/graph/api/resources/directory",
)
DIRECTORY_QUOTA_EXCEEDED: Final = _refusal(
    code="directory-quota-exceeded",
    actor=Actor.OPERATOR,
    title="The directory quota is exhausted",
    remedy=(
        "An identity without an administrator role can have 250 objects in a tenant, and a tenant has a "
        "quota of its own. Permanently delete applications that are no longer needed: deleted ones count, "
        "too. Or assign the service's identity a directory role that can create applications. Then try "
        "again."
    ),
    documentation=_LIMITS,
)
DIRECTORY_RESOURCE_SIZE_EXCEEDED: Final = _refusal(
    code="directory-resource-size-exceeded",
    title="A directory object is too large",
    remedy=(
        "Remove entries that the application no longer needs (secrets, redirect URIs, permissions, App ID "
        "URIs), then try again."
    ),
    documentation=_LIMITS,
)
HOST_NAME_NOT_ON_VERIFIED_DOMAIN: Final = _refusal(
    code="host-name-not-on-verified-domain",
    title="The App ID URI is not on a verified domain of the tenant",
    remedy="Use an App ID URI on a verified domain of the tenant, or omit appIdUri.",
    documentation="https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions",
)
CREDENTIAL_INVALID_LIFETIME: Final = _refusal(
    code="credential-invalid-lifetime-as-per-app-policy",
    title="A tenant policy allows only shorter secret lifetimes",
    remedy="Request a shorter secret lifetime (secretEndDate).",
    documentation=_POLICY,
)
CREDENTIAL_TYPE_NOT_ALLOWED: Final = _refusal(
    code="credential-type-not-allowed-as-per-app-policy",
    actor=Actor.TENANT_ADMINISTRATOR,
    title="A tenant policy does not allow client secrets",
    remedy=(
        "Exempt the service's identity from the app management policy that forbids client secrets "
        "(excludeActors with a custom security attribute)."
    ),
    documentation=_POLICY,
)
AUTHORIZATION_FAILED: Final = _refusal(
    code="authorization-failed",
    actor=Actor.SUBSCRIPTION_OWNER,
    title="The service's identity lacks an Azure role",
    remedy=(
        "Assign a role with this action on the subscription, such as Contributor, to the service's identity, "
        f"then try again. {LATE_ROLE}"
    ),
    documentation="https://learn.microsoft.com/azure/role-based-access-control/troubleshooting",
)
INVALID_AUTHENTICATION_TOKEN_TENANT: Final = _refusal(
    code="invalid-authentication-token-tenant",
    title="The subscription belongs to another tenant",
    remedy="Specify a subscription of the tenant that you onboard.",
    documentation="https://learn.microsoft.com/entra/fundamentals/how-subscriptions-associated-directory",
)
READ_ONLY_DISABLED_SUBSCRIPTION: Final = _refusal(
    code="read-only-disabled-subscription",
    actor=Actor.SUBSCRIPTION_OWNER,
    title="The subscription is disabled",
    remedy="Enable the subscription, then try again.",
    documentation="https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states",
)
REQUEST_DISALLOWED_BY_POLICY: Final = _refusal(
    code="request-disallowed-by-policy",
    actor=Actor.SUBSCRIPTION_OWNER,
    title="An Azure policy does not allow the change",
    remedy="Exempt the subscription from the Azure policy that the error names, then try again.",
    documentation=(
        "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/"
        "error-policy-requestdisallowedbypolicy"
    ),
)
SCOPE_LOCKED: Final = _refusal(
    code="scope-locked",
    actor=Actor.SUBSCRIPTION_OWNER,
    title="A resource lock prevents the change",
    remedy="Remove the resource lock from the subscription, then try again.",
    documentation="https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
)
SECRET_DISABLED: Final = _refusal(
    known=_OF_VAULT,
    code="secret-disabled",
    actor=Actor.OPERATOR,
    title="A secret in the key vault is disabled",
    remedy=(
        "Find out who disabled the secret, and why. Enable it (az keyvault secret set-attributes --enabled "
        "true), then try again."
    ),
    documentation="https://learn.microsoft.com/azure/key-vault/secrets/about-secrets",
)
FORBIDDEN: Final = _refusal(
    known=_OF_VAULT,
    code="forbidden",
    actor=Actor.OPERATOR,
    title="The service's identity has no access to the key vault",
    remedy=(
        "Assign the role Key Vault Secrets Officer on the key vault to the service's identity. Also check "
        f"the firewall of the key vault, then try again. {LATE_ROLE}"
    ),
    documentation="https://learn.microsoft.com/azure/key-vault/general/rest-error-codes",
)
OBJECT_IS_DELETED: Final = _refusal(
    known=_OF_VAULT,
    code="object-is-deleted-but-recoverable",
    actor=Actor.OPERATOR,
    title="A deleted secret in the key vault has the same name",
    remedy=(
        "Recover the secret (az keyvault secret recover), then try again. Until then its name cannot be "
        "reused."
    ),
    documentation="https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery",
)
REFUSED_BY_CLOUD: Final = ErrorType(
    code="refused-by-cloud",
    failure=PermanentError,
    title="A Microsoft service refused a call",
    detail=_ANSWER,
    remedy=(
        "Find the code in the documentation of the Microsoft service, correct the cause, then try again. "
        "Microsoft support can find the call by its request ID."
    ),
    documentation=_AZURE_ERRORS,
)
"""Any code that is not listed here."""

# Temporary failures

THROTTLED: Final = ErrorType(
    code="throttled",
    failure=TransientError,
    actor=Actor.NOBODY,
    title="A Microsoft service is throttling calls",
    detail=_ANSWER,
    remedy=f"{_AGAIN} If the error persists, find out what else sends many calls to the tenant.",
    documentation="https://learn.microsoft.com/graph/throttling",
)
SERVICE_UNAVAILABLE: Final = ErrorType(
    code="service-unavailable",
    failure=TransientError,
    actor=Actor.NOBODY,
    title="A Microsoft service is not available at the moment",
    detail=_ANSWER,
    remedy=f"{_AGAIN} If the error persists, check the health of the Microsoft service.",
    documentation="https://learn.microsoft.com/azure/service-health/overview",
)
UNREACHABLE: Final = ErrorType(
    code="unreachable",
    failure=TransientError,
    actor=Actor.NOBODY,
    title="The service cannot reach a Microsoft service",
    detail="The service cannot reach {service} ({kind}).",
    remedy=f"{_AGAIN} If the error persists, ask the operator to check the network of the service.",
)
SERVICE_TIMED_OUT: Final = ErrorType(
    code="service-timed-out",
    failure=TransientError,
    actor=Actor.NOBODY,
    title="A Microsoft service did not answer in time",
    detail="The service did not get an answer from {service} in time ({kind}).",
    remedy=(
        f"{_AGAIN} A repeated step first reads what the earlier attempt has changed. If the error persists, "
        "check the health of {service}, and ask the operator to check the network of the service."
    ),
    documentation="https://learn.microsoft.com/azure/service-health/overview",
)
REPLICATION_LAG: Final = ErrorType(
    code="replication-lag",
    failure=ReplicationLagError,
    actor=Actor.NOBODY,
    title="The directory has not replicated a change yet",
    detail="The directory has not replicated a recent change yet: {sign}",
    remedy=f"{_AGAIN} If the error persists, check whether the object still exists.",
    documentation=_GRAPH_ERRORS,
)
TOKEN_REFUSED: Final = ErrorType(
    code="token-refused",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="A Microsoft service did not accept the access token of the service",
    detail=_ANSWER,
    remedy=f"{_AGAIN} If the error persists, check the managed identity (docs/deploy.md).",
    documentation=_SIGN_IN_ERRORS,
)

SECRET_NOT_READABLE: Final = ErrorType(
    code="secret-not-readable",
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="A setting names a vault secret that the service does not read",
    detail="The service does not read the vault secret '{name}'.",
    remedy="Choose a name that begins with {prefixes} for the secret.",
)


_ACTORS: Final = {"subscription-not-found": Actor.SUBSCRIPTION_OWNER}
"""Who must act about codes that the general declaration covers: this one can mean that a role is missing."""


def code_of(code: str) -> str:
    """``HostNameNotOnVerifiedDomain`` as ``host-name-not-on-verified-domain``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", code).lower()


def refusal(code: str, *more: str, actor: Actor | None = None, vault: bool = False) -> ErrorType:
    """The declaration for the most exact of the cloud's codes that is known, or the general one.

    Args:
        code: The code of the refusal.
        more: The codes of its details.
        actor: Who must act about a code that is not known, if it is not the requester.
        vault: Whether the vault has refused.
    """
    declared = _OF_VAULT if vault else _BY_CODE
    for known in map(code_of, (*more, code)):
        if known in declared:
            return declared[known]
    actor = _ACTORS.get(code_of(code), actor or REFUSED_BY_CLOUD.actor)
    return replace(REFUSED_BY_CLOUD, code=code_of(code) or REFUSED_BY_CLOUD.code, actor=actor)
