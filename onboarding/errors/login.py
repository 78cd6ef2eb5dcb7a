"""What Microsoft Entra ID refuses when the service asks for an access token, each code with its remedy.

The HTTP status and the OAuth code decide first (``onboarding/cloud/token_refusals.py``): an outage is
temporary, whatever code its text contains. Only the codes that are named here are final.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes. Codes can change.
"""

from __future__ import annotations

from typing import Final

from onboarding.errors.actions import Action, ActionKind
from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, ReplicationLagError, Severity, TransientError

_REFUSED: Final = "The service cannot get a token for {service}; the identity platform returned {answer}."
_AGAIN: Final = "Try the request again later. The service retries steps automatically."

_CODES: Final = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
_WORKLOAD: Final = "https://learn.microsoft.com/entra/workload-id"
_CONSENT: Final = "https://learn.microsoft.com/entra/identity-platform/v2-admin-consent"

FINAL: Final[dict[int, ErrorType]] = {}
"""Codes of errors that only a person can correct. No other code is final."""


def _final(
    *codes: int,
    code: str,
    title: str,
    remedy: str,
    documentation: str,
    detail: str = _REFUSED,
    actor: Actor = Actor.REQUESTER,
    actions: tuple[Action, ...] = (),
) -> ErrorType:
    kind = ErrorType(
        code=code,
        actor=actor,
        actions=actions,
        failure=PermanentError,
        title=title,
        detail=detail,
        remedy=remedy,
        documentation=documentation,
    )
    FINAL.update(dict.fromkeys(codes, kind))
    return kind


# Temporary failures

IDENTITY_TOKEN_UNAVAILABLE: Final = ErrorType(
    code="identity-token-unavailable",
    failure=TransientError,
    actor=Actor.NOBODY,
    title="The identity of the service cannot get an access token at the moment",
    detail=_REFUSED,
    remedy=f"{_AGAIN} If the error persists, ask the operator to check the identity of the service.",
    documentation=_CODES,
)
FEDERATION_NOT_FOUND: Final = ErrorType(
    code="federation-not-found",
    failure=ReplicationLagError,
    actor=Actor.OPERATOR,
    title="The multi-tenant application does not accept the managed identity",
    detail=_REFUSED,
    remedy=(
        "Wait a few minutes after you create the federated credential. If the error persists, compare the "
        "credential of application {app} with these values, including uppercase and lowercase letters. "
        "Issuer: {issuer}. Subject: {subject}, the principal ID of the identity. Audience: {audience}."
    ),
    documentation=f"{_WORKLOAD}/workload-identity-federation-considerations",
)
"""A new federated credential takes minutes to work, and individual requests can fail later."""

IDENTITY_NOT_ASSIGNED: Final = ErrorType(
    code="identity-not-assigned",
    failure=ReplicationLagError,
    actor=Actor.OPERATOR,
    title="The function app does not have the managed identity",
    detail=_REFUSED,
    remedy=(
        "Wait a few minutes after you assign the identity. If the error persists, assign the user-assigned "
        "identity {app} to the function app (AZURE_CLIENT_ID)."
    ),
    documentation="https://learn.microsoft.com/azure/app-service/overview-managed-identity",
)

# The application

_CONSENTING: Final = (
    Action(
        kind=ActionKind.GRANT_CONSENT,
        label="Consent to the service",
        actor=Actor.TENANT_ADMINISTRATOR,
        url="{page}",
        app_id="{app}",
        role="Privileged Role Administrator",
    ),
    Action(
        kind=ActionKind.READ,
        label="Get the instructions for the administrator",
        actor=Actor.REQUESTER,
        method="GET",
        path="/api/tenants/{tenant}/setup",
    ),
)
TENANT_NOT_CONSENTED: Final = _final(
    65001,
    90008,
    90094,
    650056,
    700011,
    700016,
    7000229,
    code="tenant-not-consented",
    actor=Actor.TENANT_ADMINISTRATOR,
    actions=_CONSENTING,
    title="The tenant has not consented to the service",
    detail=(
        "Tenant {tenant} has not consented to the application {app} of this service; the identity platform "
        "returned {answer}."
    ),
    remedy=(
        "Ask an administrator of the tenant to consent at {url} and to assign a role on the subscription to "
        "the service. Wait a few minutes, then try again."
    ),
    documentation=_CONSENT,
)
CONSENT_INCOMPLETE: Final = ErrorType(
    code="consent-incomplete",
    severity=Severity.ERROR,
    failure=PermanentError,
    actor=Actor.TENANT_ADMINISTRATOR,
    actions=_CONSENTING,
    title="The tenant has not consented to all that the service needs",
    detail=(
        "In tenant {tenant}, the application {app} of this service does not have all required permissions: "
        "{missing}."
    ),
    remedy=(
        "Ask an administrator of the tenant to consent again at {url}. The page grants all permissions that "
        "the application requests. Wait a few minutes, then try again."
    ),
    documentation=_CONSENT,
)
"""Microsoft Graph refuses what the administrator of another tenant has not allowed, or has withdrawn."""
APPLICATION_DISABLED: Final = _final(
    70001,
    7000112,
    code="application-disabled",
    actor=Actor.TENANT_ADMINISTRATOR,
    title="The application of the service is disabled",
    remedy=(
        "Enable sign-in for the enterprise application {app} in tenant {tenant} (Properties, 'Enabled for "
        "users to sign in?'), then try again."
    ),
    documentation=("https://learn.microsoft.com/entra/identity/enterprise-apps/disable-user-sign-in-portal"),
)
APPLICATION_NOT_MULTITENANT: Final = _final(
    50194,
    code="application-not-multitenant",
    actor=Actor.OPERATOR,
    title="The application of the service is registered for one tenant only",
    remedy=(
        "Set the supported account types of application {app} to accounts in any organizational directory "
        "(signInAudience AzureADMultipleOrgs), then try again."
    ),
    documentation="https://learn.microsoft.com/entra/identity-platform/howto-modify-supported-accounts",
)
FEDERATION_NOT_POSSIBLE: Final = _final(
    700222,
    700226,
    700227,
    700229,
    700236,
    code="federation-not-possible",
    actor=Actor.OPERATOR,
    title="The multi-tenant application cannot accept this managed identity",
    remedy=(
        "Register application {app} in the tenant of the managed identity, and name a user-assigned identity "
        "in its federated credential. Use the issuer {issuer}. Then try again."
    ),
    documentation=f"{_WORKLOAD}/workload-identity-federation-config-app-trust-managed-identity",
)
ASSERTION_NOT_CURRENT: Final = _final(
    700024,
    500133,
    code="assertion-not-current",
    actor=Actor.OPERATOR,
    title="The token of the managed identity is not valid at this time",
    remedy=(
        "A new token was also refused, so the time in the function app is probably wrong. Restart the app, "
        "then try again. If the error persists, contact Microsoft support."
    ),
    documentation=_CODES,
)
SIGN_IN_REFUSED: Final = _final(
    70002,
    70003,
    70011,
    700025,
    700030,
    900144,
    7000215,
    7000218,
    7000222,
    code="sign-in-refused",
    actor=Actor.OPERATOR,
    title="The identity platform refuses the credential or the request of the service",
    remedy=(
        "Check the managed identity, MULTITENANT_CLIENT_ID and the federated credential (docs/deploy.md), "
        "then try again."
    ),
    documentation=_CODES,
)

# The tenant

TENANT_NOT_FOUND: Final = _final(
    90002,
    90019,
    90023,
    900021,
    900023,
    code="tenant-not-found",
    title="The tenant does not exist in this cloud",
    remedy=(
        "Check the tenant ID {tenant}. If it is correct, the tenant is in a national cloud other than "
        "{cloud}, or was deleted."
    ),
    documentation=_CODES,
)
TENANT_IN_OTHER_CLOUD: Final = _final(
    90038,
    90043,
    90051,
    900382,
    900432,
    1000104,
    code="tenant-in-other-cloud",
    title="The tenant is in another national cloud",
    remedy="Use a deployment of this service in the national cloud of the tenant. This one is in {cloud}.",
    documentation="https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud",
)
SIGN_IN_BLOCKED: Final = _final(
    50002,
    50005,
    50131,
    53000,
    53001,
    53002,
    53003,
    500021,
    500022,
    530032,
    530035,
    code="sign-in-blocked",
    actor=Actor.TENANT_ADMINISTRATOR,
    title="A policy of the tenant blocks the service",
    remedy=(
        "Ask an administrator of tenant {tenant} to find the Conditional Access policy or tenant restriction "
        "in the service principal sign-in logs. Exclude application {app} from it."
    ),
    documentation="https://learn.microsoft.com/entra/identity/conditional-access/workload-identity",
)
RESOURCE_NOT_IN_TENANT: Final = _final(
    50001,
    500011,
    650052,
    650054,
    650057,
    code="resource-not-in-tenant",
    actor=Actor.TENANT_ADMINISTRATOR,
    title="The tenant does not have the Microsoft service that the service calls",
    remedy=(
        "Ask an administrator of tenant {tenant} to create the service principal of {service}, then try "
        "again."
    ),
    documentation=(
        "https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in"
    ),
)
