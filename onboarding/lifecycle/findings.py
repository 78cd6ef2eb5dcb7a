"""The findings of a preflight: pure rules over the facts that it has read.

To add a rule, add a function to ``RULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from onboarding.cloud import rbac
from onboarding.cloud.guest import Guest
from onboarding.cmg import identifiers
from onboarding.cmg.wizard import AdminConsent
from onboarding.connections import subscription_state
from onboarding.errors import Finding, Severity, existing_apps, login, prerequisites
from onboarding.errors import policies as errors
from onboarding.errors import subscription as subscription_errors
from onboarding.lifecycle import clashes, ownership, policies
from onboarding.lifecycle.facts import Facts
from onboarding.texts import phrases

REGISTERED: Final = "Registered"

_SEE_CONSENT: Final = {
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
}
"""The permission that https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants
requires.
"""
_PARTS: Final = {
    "organization": (phrases.DOMAINS, "Organization.Read.All"),
    "policy": (phrases.POLICY, "Policy.Read.All"),
    "names": (phrases.APPLICATION_NAMES, "Application.ReadWrite.OwnedBy"),
    "uri": (phrases.APP_ID_URIS, "Application.ReadWrite.OwnedBy"),
    "deleted": (phrases.DELETED_APPLICATIONS, "Application.Read.All"),
    "owned": (phrases.DIRECTORY_QUOTA, "Application.ReadWrite.OwnedBy"),
}
"""The parts of a survey: what they are, and the least permission that reads them."""

_OF_SUBSCRIPTION: Final = {
    "registrations": (phrases.REGISTRATIONS, "Microsoft.Resources/subscriptions/providers/read"),
    "permissions": (phrases.ROLES, "Microsoft.Authorization/permissions/read"),
}
"""The same for the subscription, with actions of a role."""

_QUOTA: Final = 250
_QUOTA_NEAR: Final = 200
"""Objects of an identity in a tenant: how many it can have, and from which number on people are warned."""

WRITE_APPLICATIONS: Final = {"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"}


def findings(facts: Facts) -> tuple[Finding, ...]:
    """All findings, the most severe first."""
    found = [finding for rule in RULES for finding in rule(facts)]
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def _uri_rules(facts: Facts) -> Iterator[Finding]:
    uri, survey = facts.request.server_app.app_id_uri, facts.survey
    if uri is None:
        return
    listed = (survey.organization or {}).get("verifiedDomains")
    domains = [str(domain["name"]) for domain in listed or ()]
    if listed is not None and not identifiers.on_verified_domain(uri, domains):
        yield errors.DOMAIN_NOT_VERIFIED.finding(uri=uri, domains=domains)
    yield from policies.of_uri(
        _policies(facts), identifiers.default(str(facts.request.tenant_id), "{clientId}")
    )


def _secret_policy(facts: Facts) -> Iterator[Finding]:
    if not facts.request.server_app.existing:  # an existing app has its secret
        accepted = facts.accepted_at
        app = facts.request.server_app
        sent = "secretValidity" if "secret_validity" in app.model_fields_set else "secretEndDate"
        ends_at = app.secret_end(accepted)
        yield from policies.of_secret(_policies(facts), ends_at, accepted, f"/serverApp/{sent}")


def _policies(facts: Facts) -> policies.Policies:
    """The policies that apply to the application that will be created."""
    return policies.Policies(tenant=facts.survey.policy, created_at=facts.accepted_at)


def _graph_permissions(facts: Facts) -> Iterator[Finding]:
    apps = (facts.request.server_app, facts.request.client_app)
    creates = any(app and not app.existing for app in apps)
    granted = facts.survey.granted
    if granted is None:
        yield prerequisites.PERMISSIONS_NOT_CHECKED.finding()
    elif creates and not WRITE_APPLICATIONS & granted:
        yield _no_applications(facts.survey.guest)
    yield from _consent(facts)
    for part, (subject, permission) in _PARTS.items():
        if (answer := facts.survey.unread.get(part)) is not None:
            yield prerequisites.NOT_CHECKED.finding(
                subject=subject.of(), permission=permission, answer=answer
            )


def _no_applications(guest: Guest | None) -> Finding:
    """The finding if the service cannot create applications: who must act depends on the tenant."""
    if guest is None:
        return prerequisites.GRAPH_PERMISSION_MISSING.finding()
    return login.CONSENT_INCOMPLETE.finding(
        missing="Application.ReadWrite.OwnedBy",
        tenant=guest.tenant,
        app=guest.app,
        url=guest.url,
        page=guest.page,
    )


def _quota(facts: Facts) -> Iterator[Finding]:
    """A warning: Microsoft's pages contradict each other on whether the quota applies to applications.

    Sources: https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions and
    https://learn.microsoft.com/entra/identity/enterprise-apps/delete-recover-faq.
    """
    apps = (facts.request.server_app, facts.request.client_app)
    needed = 2 * sum(1 for app in apps if app and not app.existing)  # each with its service principal
    owned = facts.survey.owned
    if needed and owned is not None and owned + needed > _QUOTA_NEAR:
        yield prerequisites.DIRECTORY_QUOTA_NEAR.finding(owned=owned, needed=needed, most=_QUOTA)


def _consent(facts: Facts) -> Iterator[Finding]:
    needed = {"DelegatedPermissionGrant.ReadWrite.All"} if facts.request.client_app else set()
    if facts.request.reads_directory:
        needed.add("AppRoleAssignment.ReadWrite.All")
    granted = facts.survey.granted
    missing = sorted(needed - granted) if granted is not None else []
    way = facts.request.admin_consent
    if not needed:  # neither app requests a permission
        return
    if missing and way is AdminConsent.BY_SERVICE:
        yield prerequisites.CONSENT_NOT_ALLOWED.finding(permissions=missing)
    elif missing or way is AdminConsent.BY_ADMINISTRATOR or _asks_for_imports(facts):
        yield prerequisites.ADMINISTRATOR_WILL_BE_ASKED.finding()
        if granted is not None and not _SEE_CONSENT & granted:
            yield prerequisites.CONSENT_NOT_VISIBLE.finding()


def _asks_for_imports(facts: Facts) -> bool:
    """Whether an administrator is asked because the service grants nothing to existing apps."""
    return facts.request.admin_consent is AdminConsent.AUTOMATIC and bool(ownership.imported(facts.request))


def _group_sync(facts: Facts) -> Iterator[Finding]:
    if facts.request.group_sync and not facts.request.user_discovery.enabled:
        yield prerequisites.GROUP_SYNC_NEEDS_USERS.finding()


def _client_app(facts: Facts) -> Iterator[Finding]:
    if facts.request.client_app is None:
        yield prerequisites.NO_CLIENT_APP.finding()


def _existing_server_app(facts: Facts) -> Iterator[Finding]:
    if facts.server_app_is_used:
        yield existing_apps.SERVER_APP_OF_SEVERAL.finding()
    for check in facts.to_update:
        yield existing_apps.APP_TO_UPDATE.finding(
            check=check.name,
            expected=check.said("expected"),
            impact=check.said("impact"),
            change=check.said("remedy"),
        )


def _subscription(facts: Facts) -> Iterator[Finding]:
    wanted = str(facts.request.tenant_id)
    if facts.subscription is None:
        yield subscription_errors.NO_SUBSCRIPTION.finding()
        return
    record = facts.subscription.record
    if record is None:
        yield subscription_errors.SUBSCRIPTION_NOT_FOUND.finding(
            tenant=wanted, subscription=facts.request.subscription_id
        )
        return
    yield from subscription_state.faults(record, wanted)


def _register(facts: Facts) -> Iterator[Finding]:
    subscription = facts.subscription
    if subscription is None or subscription.record is None:
        return
    for part, (subject, action) in _OF_SUBSCRIPTION.items():
        if (answer := subscription.unread.get(part)) is not None:
            yield subscription_errors.SUBSCRIPTION_NOT_CHECKED.finding(
                subject=subject.of(), action=action, answer=answer
            )
    if subscription.permissions is None or "registrations" in subscription.unread:
        return
    permissions, states = subscription.permissions, subscription.providers
    missing = [namespace for namespace, state in states.items() if state != REGISTERED]
    denied = [
        namespace for namespace in missing if not rbac.allows(permissions, f"{namespace}/register/action")
    ]
    if denied:
        yield subscription_errors.REGISTER_NOT_ALLOWED.finding(providers=denied)
    elif missing:
        yield subscription_errors.PROVIDERS_TO_REGISTER.finding(providers=missing)


RULES: Final[tuple[Callable[[Facts], Iterator[Finding]], ...]] = (
    clashes.connection_name,
    clashes.application_names,
    clashes.app_id_uri,
    clashes.deleted,
    _uri_rules,
    _secret_policy,
    _graph_permissions,
    _quota,
    _group_sync,
    _client_app,
    _existing_server_app,
    _subscription,
    _register,
)
