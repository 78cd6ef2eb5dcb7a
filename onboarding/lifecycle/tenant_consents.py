"""The runs that wait until the administrator of another tenant consents to the service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from onboarding.errors import login
from onboarding.lifecycle.requests import TENANT
from onboarding.workflow import interventions
from onboarding.workflow.run import Author
from onboarding.workflow.runtime import Runtime

_CODES: Final = {login.TENANT_NOT_CONSENTED.code, login.CONSENT_INCOMPLETE.code}
_PAGES: Final = 10
_PAGE: Final = 100
"""Further blocked steps are not looked through: their runs check at their scheduled time."""


async def resume(runtime: Runtime, tenant: str, author: Author) -> int:
    """Lets the runs of a tenant that wait for its consent check now; returns their number."""
    waiting: set[str] = set()
    continuation = ""
    for _ in range(_PAGES):
        found, continuation = await runtime.index.blocked.page(size=_PAGE, continuation=continuation)
        waiting |= {step.run for step in found if step.lists.get(TENANT) == tenant and step.code in _CODES}
        if not continuation:
            break
    for run in sorted(waiting):
        await interventions.resume(runtime, run, author)
    return len(waiting)


async def resume_all(runtimes: Iterable[Runtime], tenant: str, author: Author) -> int:
    """The same for runs of several kinds."""
    return sum([await resume(runtime, tenant, author) for runtime in runtimes])
