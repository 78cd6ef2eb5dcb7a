"""What a preflight finds: pure rules over what it has read. Each finding says what to do.

Adding a rule is adding a function to ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from onboarding.cloud import rbac
from onboarding.cmg import identifiers
from onboarding.cmg.wizard import AdminConsent
from onboarding.errors import Finding, Severity
from onboarding.lifecycle import clashes
from onboarding.lifecycle.facts import Facts

REGISTERED: Final = "Registered"

_DURATION: Final = TypeAdapter(timedelta)  # reads ISO 8601 durations
_POLICY_PAGE: Final = "https://learn.microsoft.com/graph/api/resources/tenantappmanagementpolicy"
_PROVIDER_PAGE: Final = (
    "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types"
)
_PERMISSION_PAGE: Final = "https://learn.microsoft.com/graph/permissions-reference"
_CONSENT_PAGE: Final = "https://learn.microsoft.com/entra/identity-platform/v2-admin-consent"
_WRITE_APPLICATIONS: Final = {"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"}


def findings(facts: Facts) -> tuple[Finding, ...]:
    """All findings, the gravest first."""
    found = [finding for rule in RULES for finding in rule(facts)]
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def _uri_rules(facts: Facts) -> Iterator[Finding]:
    uri, survey = facts.request.server_app.app_id_uri, facts.survey
    if uri is None:
        return
    domains = [str(domain["name"]) for domain in (survey.organization or {}).get("verifiedDomains", ())]
    if survey.organization and not identifiers.on_verified_domain(uri, domains):
        yield Finding(
            code="domain-not-verified",
            pointer="/serverApp/appIdUri",
            detail=f"The host of {uri} is no verified domain of the tenant ({', '.join(domains)}).",
            remedy="Use one of these domains, or leave appIdUri out.",
            documentation=identifiers.RESTRICTIONS,
        )
    if _restricted(survey.policy, "identifierUris", "nonDefaultUriAddition"):
        proposal = identifiers.default(str(facts.request.tenant_id), "{clientId}")
        yield Finding(
            code="uri-not-default",
            pointer="/serverApp/appIdUri",
            detail="The tenant's app management policy (nonDefaultUriAddition) allows no URI of one's own.",
            remedy=f"Leave appIdUri out: {proposal} is used then, which the policy allows.",
            documentation=identifiers.RESTRICTIONS,
        )


def _secret_policy(facts: Facts) -> Iterator[Finding]:
    if not facts.request.server_app.existing:  # else it has its secret
        accepted = facts.accepted_at
        yield from secret_policy(facts.survey.policy, facts.request.server_app.secret_end(accepted), accepted)


def secret_policy(policy: Mapping[str, Any] | None, ends_at: datetime, now: datetime) -> Iterator[Finding]:
    """What a tenant's app management policy has against a new client secret.

    Args:
        policy: The policy as Graph shows it; None where it may not be read.
        ends_at: The end of the secret.
        now: When it is made.
    """
    if _restricted(policy, "passwordCredentials", "passwordAddition"):
        yield Finding(
            code="secrets-forbidden",
            detail="The tenant's app management policy (passwordAddition) forbids client secrets.",
            remedy="Exempt this service's identity from the policy.",
            documentation=_POLICY_PAGE,
        )
    lifetime = _restricted(policy, "passwordCredentials", "passwordLifetime")
    if lifetime and lifetime.get("maxLifetime"):
        longest = _DURATION.validate_python(lifetime["maxLifetime"])
        if ends_at > now + longest:
            yield Finding(
                code="secret-lives-too-long",
                pointer="/serverApp/secretEndDate",
                detail=f"The tenant allows client secrets of at most {lifetime['maxLifetime']}.",
                remedy=f"Give a secretEndDate before {now + longest:%Y-%m-%d}.",
                documentation=_POLICY_PAGE,
            )


def _graph_permissions(facts: Facts) -> Iterator[Finding]:
    creates = not (facts.request.server_app.existing and facts.request.client_app.existing)
    if creates and not _WRITE_APPLICATIONS & facts.survey.granted:
        yield Finding(
            code="graph-permission-missing",
            detail="This service has no permission to create applications in the tenant.",
            remedy="Grant its identity Application.ReadWrite.OwnedBy (docs/deploy.md), then ask again.",
            documentation=_PERMISSION_PAGE,
        )
    yield from _consent(facts)
    for unread, what, permission in (
        (facts.survey.organization, "verified domains", "Organization.Read.All"),
        (facts.survey.policy, "app management policy", "Policy.Read.All"),
    ):
        if unread is None:
            yield Finding(
                code="not-checked",
                severity=Severity.INFORMATION,
                detail=f"The tenant's {what} could not be read, so nothing was checked against it.",
                remedy=f"Grant this service's identity {permission} to have it checked.",
                documentation=_PERMISSION_PAGE,
            )


def _consent(facts: Facts) -> Iterator[Finding]:
    needed = {"DelegatedPermissionGrant.ReadWrite.All"}
    if facts.request.user_discovery.enabled:
        needed.add("AppRoleAssignment.ReadWrite.All")
    missing = ", ".join(sorted(needed - facts.survey.granted))
    way = facts.request.admin_consent
    if missing and way is AdminConsent.BY_SERVICE:
        yield Finding(
            code="consent-not-allowed",
            pointer="/adminConsent",
            detail=f"This service may not grant the apps their permissions: it lacks {missing}.",
            remedy="Grant it to the service's identity, or let an administrator consent (ByAdministrator).",
            documentation=_CONSENT_PAGE,
        )
    elif missing or way is AdminConsent.BY_ADMINISTRATOR:
        yield Finding(
            code="administrator-will-be-asked",
            severity=Severity.INFORMATION,
            pointer="/adminConsent",
            detail="The onboarding will wait until an administrator of the tenant has consented.",
            remedy="Its step 'consent' shows where; a Privileged Role Administrator may do it.",
            documentation=_CONSENT_PAGE,
        )


def _subscription(facts: Facts) -> Iterator[Finding]:
    if facts.subscription is None:
        yield Finding(
            code="subscription-not-found",
            pointer="/subscriptionId",
            detail=(
                f"There is no subscription {facts.request.subscription_id} in tenant "
                f"{facts.request.tenant_id}, or the service's identity has no role on it."
            ),
            remedy=(
                "Check the id and the tenant; if both are right, assign the service's identity a role on the "
                "subscription, such as Contributor."
            ),
            documentation="https://learn.microsoft.com/azure/role-based-access-control/role-assignments-portal",
        )
        return
    tenant, wanted = str(facts.subscription.get("tenantId", "")), str(facts.request.tenant_id)
    if tenant.casefold() != wanted.casefold():
        yield Finding(
            code="subscription-in-other-tenant",
            pointer="/subscriptionId",
            detail=f"The subscription belongs to tenant {tenant}, not to {wanted}.",
            remedy="Give a subscription of this tenant.",
            documentation="https://learn.microsoft.com/entra/fundamentals/how-subscriptions-associated-directory",
        )
    if (state := facts.subscription.get("state")) not in {"Enabled", "Warned", "PastDue"}:
        yield Finding(
            code="subscription-disabled",
            pointer="/subscriptionId",
            detail=f"The subscription is {state}.",
            remedy="Enable it, or give another one.",
            documentation="https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states",
        )


def _register(facts: Facts) -> Iterator[Finding]:
    permissions = facts.permissions
    if facts.subscription is None or permissions is None:
        return
    missing = [namespace for namespace, state in facts.providers.items() if state != REGISTERED]
    denied = [each for each in missing if not rbac.allows(permissions, f"{each}/register/action")]
    if denied:
        yield Finding(
            code="register-not-allowed",
            pointer="/subscriptionId",
            detail=f"The service may not register {', '.join(denied)} in the subscription.",
            remedy=(
                "Assign its identity a role with */register/action on the subscription (Contributor, Owner "
                "or the custom role in docs/deploy.md), or register these providers yourself."
            ),
            documentation=_PROVIDER_PAGE,
        )
    elif missing:
        yield Finding(
            code="providers-to-register",
            severity=Severity.INFORMATION,
            detail=f"These resource providers will be registered: {', '.join(missing)}.",
            remedy="Nothing has to be done: the onboarding registers them and waits until they are.",
            documentation=_PROVIDER_PAGE,
        )


RULES: Final[tuple[Callable[[Facts], Iterator[Finding]], ...]] = (
    clashes.connection_name,
    clashes.application_names,
    clashes.app_id_uri,
    clashes.deleted,
    _uri_rules,
    _secret_policy,
    _graph_permissions,
    _subscription,
    _register,
)


def _restricted(policy: Mapping[str, Any] | None, area: str, kind: str) -> Mapping[str, Any] | None:
    """A restriction of the tenant's app management policy, if it is in force."""
    if not policy or not policy.get("isEnabled"):
        return None
    restrictions = (policy.get("applicationRestrictions") or {}).get(area)
    if isinstance(restrictions, Mapping):  # identifierUris: an object with one member for each kind
        restriction = restrictions.get(kind)
        return restriction if restriction and restriction.get("state") == "enabled" else None
    for restriction in restrictions or ():
        if restriction.get("restrictionType") == kind and restriction.get("state", "enabled") == "enabled":
            found: Mapping[str, Any] = restriction
            return found
    return None
