"""The pause of notices: none is sent while storage is older than the vault.

The records are then outdated, and a notice could report a change that the service itself has made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from onboarding.notices.delivery_context import DeliveryServices
from onboarding.texts import reasons
from onboarding.workflow.outcomes import Outcome, Wait
from onboarding.workflow.plan import Context

_LOOK: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(days=365)

Request = TypeVar("Request")
Result = TypeVar("Result")


def pausing(
    handler: Callable[[Context[DeliveryServices, Request]], Awaitable[Outcome[Result]]],
) -> Callable[[Context[DeliveryServices, Request]], Awaitable[Outcome[Result]]]:
    """The handler of a step that sends a notice; it waits as long as notices pause."""

    async def run(context: Context[DeliveryServices, Request]) -> Outcome[Result]:
        if await context.services.is_present():
            return await handler(context)
        return Wait(reason=reasons.WAITS_RECONCILIATION.of(), after=_LOOK, give_up_after=_LONGEST)

    return run
