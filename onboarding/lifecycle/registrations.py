"""The resource providers that an onboarding may have registered.

A removal leaves them registered, and lists them. The registration belongs to the whole subscription: others
deploy resources with it, and Azure refuses to unregister a provider that has resources. For the same reason,
a worker that registers one after it has lost its claim does not take that back. The note of the registration
is stored before the call, so the removal lists what came late, too.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types.
"""

from __future__ import annotations

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle import left_behind
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.effects import EffectKind, noted
from onboarding.lifecycle.findings import REGISTERED
from onboarding.lifecycle.left_behind import LeftBehind
from onboarding.lifecycle.requests import REQUESTER
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.texts import reasons
from onboarding.workflow.run import Run


async def left(services: Services, request: OnboardingRequest, run: Run | None) -> list[LeftBehind]:
    """The providers that were not registered before an onboarding, with the connections that need them."""
    checked = PREFLIGHT.found_in(run)
    before = checked.providers if checked else {}
    names = [name for name in noted(run, EffectKind.PROVIDER) if before.get(name) != REGISTERED]
    if run is None or not names:
        return []
    subscription = str(request.subscription_id)
    users = [
        connection
        for connection in await services.connections.of_tenant(request.tenant)
        if connection.subscription == subscription and connection.onboarding != run.head.id
    ]
    owner, reason = run.head.lists[REQUESTER], reasons.LEFT_PROVIDER.of(subscription=subscription)
    return [left_behind.for_others("resourceProvider", name, users, owner, reason=reason) for name in names]
