"""What is known about a connection whose record cannot be read: the onboarding that created it."""

from __future__ import annotations

from typing import Final

from onboarding.api.operations import Operations
from onboarding.connections.records import key_of
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.requests import REQUESTER, TENANT, Removal
from onboarding.workflow.run import Run, RunStatus
from onboarding.workflow.run_view import RunView
from onboarding.workflow.runtime import Runtime

_PAGE: Final = 100
_MOST_PAGES: Final = 50
"""The number of onboardings of a tenant that are read, newest first."""


class UnreadableConnections:
    """Finds the onboardings of connections."""

    def __init__(self, *, onboardings: Runtime, operations: Operations) -> None:
        self._onboardings = onboardings
        self._operations = operations

    async def removal_of(self, connection: str) -> tuple[Removal, str] | None:
        """The removal that off-boards a connection, and its requester; None without its onboarding."""
        tenant, _, key = connection.partition(".")
        view, continuation = RunView(lists={TENANT: tenant}), ""
        for _ in range(_MOST_PAGES):
            entries, continuation = await self._onboardings.index.page(
                view, size=_PAGE, continuation=continuation
            )
            for run in await self._onboardings.load_all(entries, _as_it_is):
                request = PLANS[run.head.plan].request_of(run.head)
                made = self._onboardings.status(run) is RunStatus.SUCCEEDED
                if (
                    made
                    and key_of(request.name) == key
                    and not await self._operations.is_removed(run.head.id)
                ):
                    removal = Removal(onboarding=run.head.id, request=request, connection=connection)
                    return removal, run.head.lists[REQUESTER]
            if not continuation:
                break
        return None


async def _as_it_is(run: Run) -> Run:
    return run
