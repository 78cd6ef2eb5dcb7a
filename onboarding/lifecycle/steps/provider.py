"""The registration of one resource provider in the subscription."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from onboarding.lifecycle.context import Context
from onboarding.lifecycle.findings import REGISTERED
from onboarding.workflow.outcomes import Done, Wait

_ABSENT: Final = {"NotRegistered", "Unregistered"}
_LOOKS: Final = (1, 2, 5, 10, 20, 30)  # seconds between looks; registering takes seconds to minutes
_LONGEST: Final = timedelta(hours=1)


async def run(context: Context, namespace: str) -> Done | Wait:
    """Registers a provider that is not registered, and waits, without holding a worker, until it is."""
    state = context.results["preflight"]["providers"].get(namespace)
    if state != REGISTERED:
        state = (
            await context.subscription.register(namespace)
            if context.attempt == 1
            else await context.subscription.registration(namespace)
        )
        if state in _ABSENT:
            state = await context.subscription.register(namespace)
    if state == REGISTERED:
        return Done(result={"namespace": namespace, "state": state})
    pause = _LOOKS[min(context.tries, len(_LOOKS) - 1)]
    return Wait(reason=f"Azure registers {namespace}", after=timedelta(seconds=pause), give_up_after=_LONGEST)
