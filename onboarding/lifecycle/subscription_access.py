"""What the owner of a subscription does so that the service can go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from onboarding.cloud.clouds import Clouds
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Action, ActionKind, Actor, Finding, OnboardingError, cloud, subscription

_OTHER_MATTERS: Final = {
    cloud.READ_ONLY_DISABLED_SUBSCRIPTION.code,
    cloud.REQUEST_DISALLOWED_BY_POLICY.code,
    cloud.SCOPE_LOCKED.code,
    subscription.SUBSCRIPTION_DISABLED.code,
}
"""What a role does not help against."""


def actions(clouds: Clouds, request: OnboardingRequest, code: str) -> tuple[Action, ...]:
    """The page of the portal, and in another tenant the instructions, for an error of the subscription.

    Source of the page: https://learn.microsoft.com/azure/role-based-access-control/role-assignments-portal.
    """
    tenant, subscription_id = request.tenant, request.subscription_id
    page = f"{clouds.environment.portal}/#@{tenant}/resource/subscriptions/{subscription_id}"
    owner = Actor.SUBSCRIPTION_OWNER
    if code in _OTHER_MATTERS:
        return (Action(kind=ActionKind.OPEN, label="Open the subscription", actor=owner, url=page),)
    assign = Action(
        kind=ActionKind.ASSIGN_ROLE,
        label="Assign a role to the service",
        actor=owner,
        url=f"{page}/users",
        role="Owner",
    )
    if clouds.is_home(tenant):
        return (assign,)
    setup = Action(
        kind=ActionKind.READ,
        label="Get the instructions for the administrator",
        actor=Actor.REQUESTER,
        method="GET",
        path=f"/api/tenants/{tenant}/setup?subscriptionId={subscription_id}",
    )
    return (assign, setup)


def with_actions(clouds: Clouds, request: OnboardingRequest, finding: Finding) -> Finding:
    """A finding with what the owner of the subscription can do about it."""
    if finding.actor is not Actor.SUBSCRIPTION_OWNER:
        return finding
    return replace(finding, actions=actions(clouds, request, finding.code))


@contextmanager
def helped(clouds: Clouds, request: OnboardingRequest) -> Iterator[None]:
    """Adds to an error what the owner of the subscription can do about it."""
    try:
        yield
    except OnboardingError as error:
        if error.actor is Actor.SUBSCRIPTION_OWNER:
            error.actions = actions(clouds, request, error.code)
        raise
