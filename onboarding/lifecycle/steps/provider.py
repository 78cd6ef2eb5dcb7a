"""The registration of one resource provider in the subscription.

Azure registers a provider region by region, which can take days, and resources can be created meanwhile:
"your application code shouldn't block the creation of resources for a resource provider that is in the
registering state". Where a registration has not begun, the portal and templates register the provider when
they create a resource. So the onboarding waits for a few minutes, registers the provider once more, and
continues, whatever the answer and the state are. The connection records the provider as pending, and
inspections monitor it.

A removal leaves the registration, and lists it (``registrations``).

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import OnboardingError
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.findings import REGISTERED
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.lifecycle.subscription_access import helped
from onboarding.storage.codec import Codec
from onboarding.texts import phrases
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Step

_ABSENT: Final = {"NotRegistered", "Unregistered"}
_LOOKS: Final = (1, 2, 5, 10, 20, 30)  # seconds between checks; registering takes seconds to minutes
_PATIENCE: Final = timedelta(minutes=10)
"""How long the onboarding waits for a provider before it continues, whatever its state in Azure."""

_PENDING: Final = (
    "Azure has not finished registering {namespace}; its state is {state}. Resources can already be created. "
    "The service checks the provider at each inspection; if it is not registered after a day, people get a "
    "notice."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderResult:
    """The registration."""

    namespace: str
    state: str  # Registered, or the last one where Azure takes longer than the onboarding waits


async def run(context: OnboardingContext, namespace: str) -> Done[ProviderResult] | Wait:
    """Registers a provider, and waits until it is registered, without occupying a worker."""
    request, step = context.request, context.step
    subscription = context.services.clouds.subscription(request.tenant, str(request.subscription_id))
    state = context.result(PREFLIGHT).providers.get(namespace)
    if state != REGISTERED:
        with helped(context.services.clouds, request):
            state = (
                await subscription.register(namespace)
                if step.attempt == 1
                else await subscription.registration(namespace)
            )
            if state in _ABSENT:
                state = await subscription.register(namespace)
    if state == REGISTERED:
        return Done(result=ProviderResult(namespace=namespace, state=state))
    now = context.services.clock.now()
    since = datetime.fromisoformat(step.memo) if step.memo else now
    if now - since >= _PATIENCE:
        with contextlib.suppress(OnboardingError):
            state = await subscription.register(namespace)  # it can help, and is harmless
        note = "" if state == REGISTERED else _PENDING.format(namespace=namespace, state=state)
        return Done(result=ProviderResult(namespace=namespace, state=state), note=note)
    pause = _LOOKS[min(step.tries, len(_LOOKS) - 1)]
    return Wait(
        reason=phrases.WAITS_PROVIDER.of(namespace=namespace),
        code=WaitingCode.PROVIDER_REGISTRATION,
        after=timedelta(seconds=pause),
        memo=since.isoformat(),  # an error in between does not prolong the wait
        give_up_after=2 * _PATIENCE,  # not reached: the wait ends before
    )


def register(namespace: str) -> Step[Services, OnboardingRequest, ProviderResult]:
    """The step that registers a resource provider."""
    return Step(
        name=f"provider-{namespace.rpartition('.')[2].casefold()}",
        title=f"Register the resource provider {namespace}",
        handler=partial(run, namespace=namespace),
        result=Codec(ProviderResult),
        notes=lambda _request, _step: [note(EffectKind.PROVIDER, namespace)],
        after=(PREFLIGHT.name,),
    )
