"""The registration of one resource provider in the subscription."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.findings import REGISTERED
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Step

_ABSENT: Final = {"NotRegistered", "Unregistered"}
_LOOKS: Final = (1, 2, 5, 10, 20, 30)  # seconds between checks; registering takes seconds to minutes
_LONGEST: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderResult:
    """The registration."""

    namespace: str
    state: str


async def run(context: OnboardingContext, namespace: str) -> Done[ProviderResult] | Wait:
    """Registers a provider, and waits until it is registered; no worker is blocked meanwhile."""
    request, step = context.request, context.step
    subscription = context.services.clouds.subscription(request.tenant, str(request.subscription_id))
    state = context.result(PREFLIGHT).providers.get(namespace)
    if state != REGISTERED:
        state = (
            await subscription.register(namespace)
            if step.attempt == 1
            else await subscription.registration(namespace)
        )
        if state in _ABSENT:
            state = await subscription.register(namespace)
    if state == REGISTERED:
        return Done(result=ProviderResult(namespace=namespace, state=state))
    pause = _LOOKS[min(step.tries, len(_LOOKS) - 1)]
    return Wait(
        reason=f"Azure to register {namespace}", after=timedelta(seconds=pause), give_up_after=_LONGEST
    )


def register(namespace: str) -> Step[Services, OnboardingRequest, ProviderResult]:
    """The step that registers a resource provider."""
    return Step(
        name=f"provider-{namespace.rpartition('.')[2].casefold()}",
        title=f"Register the resource provider {namespace}",
        handler=partial(run, namespace=namespace),
        result=Codec(ProviderResult),
        after=(PREFLIGHT.name,),
    )
