"""What a removal leaves behind, why, and who needs it or can remove it.

A removal deletes what belongs to the service: the connection, its warnings and its secrets in the vault. For
that, it does not need the tenant. For the rest, it does. An administrator who withdraws the consent, or a
tenant that no longer exists, must not keep a secret in the vault. So what the tenant refuses is left behind
and listed. The home tenant cannot leave: a refusal there is a fault of the deployment, and an operator
corrects it.

Source of the refusals: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and
https://learn.microsoft.com/graph/errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from onboarding.connections.records import Connection
from onboarding.errors import OnboardingError, PermanentError, cloud, deployment, login
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.requests import REQUESTER
from onboarding.texts import reasons
from onboarding.texts.phrases import Said
from onboarding.workflow.run import Run

_IDENTITY_NOT_FOUND: Final = "authorization-identity-not-found"
"""The code of Microsoft Graph for a token of a service principal that was deleted."""

_REFUSALS: Final = {
    deployment.TENANT_NOT_SERVED.code,
    login.TENANT_NOT_CONSENTED.code,
    login.CONSENT_INCOMPLETE.code,
    login.TENANT_NOT_FOUND.code,
    login.TENANT_IN_OTHER_CLOUD.code,
    login.APPLICATION_DISABLED.code,
    login.SIGN_IN_BLOCKED.code,
    cloud.AUTHORIZATION_REQUEST_DENIED.code,
    _IDENTITY_NOT_FOUND,
}
"""Refusals that only an administrator of the tenant can change, who may not want to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftBehind:
    """Something that a removal did not remove."""

    kind: str  # clientApp, serverApp, consent or resourceProvider
    id: str  # of the application: its object ID, its client ID, or the unique name; or of its principal; or
    # the namespace of the provider
    reason: str
    said: Said | None = None  # the reason with its code; None: an earlier version wrote it
    needed_by: tuple[str, ...] = ()  # IDs of the connections and onboardings that use it ...
    of_same: tuple[str, ...] = ()  # ... and those of them that belong to the same requester


def refused(services: Services, tenant: str, error: OnboardingError) -> bool:
    """Whether a tenant other than the home tenant refuses the service until its administrator acts."""
    return (
        isinstance(error, PermanentError) and error.code in _REFUSALS and not services.clouds.is_home(tenant)
    )


def by_tenant(kind: str, known: str, tenant: str, error: OnboardingError) -> LeftBehind:
    """What a tenant does not let the service remove."""
    reason = reasons.LEFT_BY_TENANT.of(tenant=tenant, cause=error.as_finding().said("detail"))
    return LeftBehind(kind=kind, id=known, reason=str(reason), said=reason)


def not_ours(kind: str, app: str) -> LeftBehind:
    """An application that has the unique name of the onboarding, and that may not be of the service."""
    reason = reasons.LEFT_NOT_OURS.of()
    return LeftBehind(kind=kind, id=app, reason=str(reason), said=reason)


def for_others(
    kind: str,
    known: str,
    users: Iterable[Connection | Run],
    requester: str,
    *,
    reason: Said | None = None,
) -> LeftBehind:
    """What others need. ``requester``: owner of the removed onboarding; ``reason``: instead of the usual."""
    found = {
        (user.id, user.requester)
        if isinstance(user, Connection)
        else (user.head.id, user.head.lists.get(REQUESTER, ""))
        for user in users
    }
    reason = reason or reasons.LEFT_FOR_OTHERS.of()
    return LeftBehind(
        kind=kind,
        id=known,
        reason=str(reason),
        said=reason,
        needed_by=tuple(sorted(identifier for identifier, _ in found)),
        of_same=tuple(sorted(identifier for identifier, owner in found if owner == requester)),
    )


def note(left: Iterable[LeftBehind]) -> str:
    """What people should know about it, for the audit trail; empty if there is nothing."""
    return " ".join(f"Left behind: {thing.kind} {thing.id}. {thing.reason}" for thing in left)
