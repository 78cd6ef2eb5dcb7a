"""The runs that wait until the administrator of a tenant acts, such as consents to the service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from onboarding.errors import Actor
from onboarding.lifecycle.requests import TENANT
from onboarding.workflow import interventions
from onboarding.workflow.run import Author
from onboarding.workflow.runtime import Runtime

log = logging.getLogger(__name__)

_PAGES: Final = 10
_PAGE: Final = 100
"""Further blocked steps are not looked through: their runs check at their scheduled time."""

_TOGETHER: Final = 20
"""Runs at a time: hundreds of them, one after another, would use up the time of the call."""


async def resume_all(runtimes: Iterable[Runtime], tenant: str, author: Author) -> int:
    """Lets the runs of a tenant that wait for its administrator check now; returns their number.

    A run can lack a consent without showing it first, so all that this administrator must do is checked. A
    run that cannot be resumed checks at its scheduled time.
    """
    waiting = [(runtime, run) for runtime in runtimes for run in await _waiting(runtime, tenant)]
    turns = asyncio.Semaphore(_TOGETHER)

    async def resume(runtime: Runtime, run: str) -> None:
        async with turns:
            try:
                await interventions.resume(runtime, run, author, seldom=True)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one run is no reason to stop
                log.warning("a run checks at its scheduled time: %s", error, extra={"run": run})

    await asyncio.gather(*(resume(runtime, run) for runtime, run in waiting))
    return len(waiting)


async def _waiting(runtime: Runtime, tenant: str) -> list[str]:
    """The runs of a tenant that wait for its administrator."""
    waiting: set[str] = set()
    continuation = ""
    for _ in range(_PAGES):
        found, continuation = await runtime.index.blocked.page(size=_PAGE, continuation=continuation)
        waiting |= {
            step.run
            for step in found
            if step.lists.get(TENANT) == tenant and step.actor is Actor.TENANT_ADMINISTRATOR
        }
        if not continuation:
            break
    return sorted(waiting)
