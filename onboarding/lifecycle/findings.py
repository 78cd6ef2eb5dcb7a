"""What a preflight finds: pure rules over what it has read. Each finding says what to do.

Adding a rule is adding a function to ``RULES``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from onboarding.cloud import rbac
from onboarding.cloud.directory import Survey
from onboarding.cmg import identifiers
from onboarding.cmg.wizard import AdminConsent, OnboardingRequest, OnDeleted
from onboarding.connections.records import Connection
from onboarding.errors import Finding, Severity

REGISTERED: Final = "Registered"

_DURATION: Final = TypeAdapter(timedelta)  # reads ISO 8601 durations
_URI_PAGE: Final = "https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions"
_POLICY_PAGE: Final = "https://learn.microsoft.com/graph/api/resources/tenantappmanagementpolicy"
_PROVIDER_PAGE: Final = (
    "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types"
)
_WIZARD_PAGE: Final = (
    "https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard"
)
_DELETED_PAGE: Final = "https://learn.microsoft.com/graph/api/resources/directory"
_UNIQUE_NAME: Final = re.compile(r"cmg-[0-9a-f-]{36}-(server|client)")  # as Context.unique_name makes them
_WRITE_APPLICATIONS: Final = {"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was read before anything is written."""

    request: OnboardingRequest
    onboarding: str
    accepted_at: datetime
    same_name: Connection | None  # the tenant's connection with this name
    neighbour: Connection | None  # one of the tenant's other connections
    survey: Survey
    subscription: Mapping[str, Any] | None  # None: hidden from this service
    providers: Mapping[str, str]  # registration states by namespace
    permissions: Sequence[Mapping[str, Any]] | None  # of this service in the subscription


def findings(facts: Facts) -> tuple[Finding, ...]:
    """All findings, the gravest first."""
    found = [finding for rule in RULES for finding in rule(facts)]
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def _connection_name(facts: Facts) -> Iterator[Finding]:
    existing, neighbour = facts.same_name, facts.neighbour
    if existing and existing.onboarding != facts.onboarding:
        yield Finding(
            code="connection-exists",
            pointer="/name",
            detail=f"The tenant has a connection named '{existing.name}' already ({existing.id}).",
            remedy="Choose another name, or remove the existing connection first.",
        )
    elif neighbour and not existing:
        yield Finding(
            code="tenant-connected",
            severity=Severity.WARNING,
            pointer="/tenantId",
            detail=f"The tenant has the connection '{neighbour.name}' ({neighbour.id}) already.",
            remedy="A Configuration Manager hierarchy takes one Cloud Management connection for each tenant.",
            documentation=_WIZARD_PAGE,
        )


def _application_names(facts: Facts) -> Iterator[Finding]:
    own = f"cmg-{facts.onboarding}-"
    for field, app in (("serverApp", facts.request.server_app), ("clientApp", facts.request.client_app)):
        if app.existing:
            continue
        name = app.name
        same = [
            each
            for each in facts.survey.same_names or ()
            if str(each["displayName"]).casefold() == name.casefold()
            and not str(each.get("uniqueName") or "").startswith(own)
        ]
        if same:
            yield Finding(
                code="application-name-in-use",
                severity=Severity.WARNING,
                pointer=f"/{field}/name",
                detail=f"The tenant has another application named '{name}' ({same[0]['appId']}).",
                remedy="Entra ID allows it; a name of its own is easier to tell from the others.",
            )


def _app_id_uri(facts: Facts) -> Iterator[Finding]:
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
            documentation=_URI_PAGE,
        )
    if _restricted(survey.policy, "identifierUris", "nonDefaultUriAddition"):
        proposal = identifiers.default(str(facts.request.tenant_id), "{clientId}")
        yield Finding(
            code="uri-not-default",
            pointer="/serverApp/appIdUri",
            detail="The tenant's app management policy (nonDefaultUriAddition) allows no URI of one's own.",
            remedy=f"Leave appIdUri out: {proposal} is used then, which the policy allows.",
            documentation=_URI_PAGE,
        )
    own = f"cmg-{facts.onboarding}-"
    for holder in survey.same_uri or ():
        if not str(holder.get("uniqueName") or "").startswith(own):
            yield Finding(
                code="uri-in-use",
                pointer="/serverApp/appIdUri",
                detail=f"The application '{holder['displayName']}' ({holder['appId']}) has the URI {uri}.",
                remedy="Choose another App ID URI, or leave it out.",
            )


def _deleted(facts: Facts) -> Iterator[Finding]:
    """Deleted applications that keep the App ID URI. Only those of this service are ever purged."""
    uri, purged = facts.request.server_app.app_id_uri, purgeable(facts)
    for holder in facts.survey.deleted_with_uri or ():
        keeps = (
            f"The deleted application '{holder['displayName']}' ({holder['appId']}, deleted "
            f"{str(holder.get('deletedDateTime'))[:10]}) keeps the URI {uri} for 30 days."
        )
        restore = f"restore it (POST /directory/deletedItems/{holder['id']}/restore)"
        if holder["id"] in purged:
            yield Finding(
                code="deleted-will-be-purged",
                severity=Severity.WARNING,
                pointer="/serverApp/onDeleted",
                detail=f"{keeps} It will be deleted for good.",
                remedy=f"If it is still needed, {restore} instead, and import it (serverApp.existing).",
                documentation=_DELETED_PAGE,
            )
            continue
        remedy = f"Delete it for good (DELETE /directory/deletedItems/{holder['id']}) or {restore} yourself"
        if _ours(holder):
            remedy = (
                "This service has made it: ask again with serverApp.onDeleted 'Purge' to have it deleted for "
                f"good. Or {restore} and import it (serverApp.existing)"
            )
        yield Finding(
            code="uri-held-by-deleted",
            pointer="/serverApp/appIdUri",
            detail=keeps,
            remedy=f"{remedy}, or choose another App ID URI.",
            documentation=_DELETED_PAGE,
        )


def purgeable(facts: Facts) -> tuple[str, ...]:
    """Object ids of the deleted applications that are in the way, are ours, and may be deleted for good."""
    if facts.request.server_app.on_deleted is not OnDeleted.PURGE:
        return ()
    return tuple(str(each["id"]) for each in facts.survey.deleted_with_uri or () if _ours(each))


def _ours(application: Mapping[str, Any]) -> bool:
    """Whether an onboarding of this service has made an application."""
    return bool(_UNIQUE_NAME.fullmatch(str(application.get("uniqueName") or "")))


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
            documentation="https://learn.microsoft.com/graph/permissions-reference",
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
        )
    elif missing or way is AdminConsent.BY_ADMINISTRATOR:
        yield Finding(
            code="administrator-will-be-asked",
            severity=Severity.INFORMATION,
            pointer="/adminConsent",
            detail="The onboarding will wait until an administrator of the tenant has consented.",
            remedy="Its step 'consent' shows where; a Privileged Role Administrator may do it.",
            documentation="https://learn.microsoft.com/entra/identity-platform/v2-admin-consent",
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
        )
        return
    tenant, wanted = str(facts.subscription.get("tenantId", "")), str(facts.request.tenant_id)
    if tenant.casefold() != wanted.casefold():
        yield Finding(
            code="subscription-in-other-tenant",
            pointer="/subscriptionId",
            detail=f"The subscription belongs to tenant {tenant}, not to {wanted}.",
            remedy="Give a subscription of this tenant.",
        )
    if (state := facts.subscription.get("state")) not in {"Enabled", "Warned", "PastDue"}:
        yield Finding(
            code="subscription-disabled",
            pointer="/subscriptionId",
            detail=f"The subscription is {state}.",
            remedy="Enable it, or give another one.",
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
        )


RULES: Final[tuple[Callable[[Facts], Iterator[Finding]], ...]] = (
    _connection_name,
    _application_names,
    _app_id_uri,
    _deleted,
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
