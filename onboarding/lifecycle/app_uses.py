"""The users of an application that existed before, in the order in which it belongs to them.

A requester's connection comes before onboardings in progress. Of these, the one that was accepted first
comes first. So of two onboardings that import one application at the same time, the later one fails, and
never both. Operators use an application in addition to a requester: their use counts from the time of
acceptance, even if they are the first to be connected. An onboarding that has failed or was stopped has no
place. When it is retried, it comes after those that began in the meantime.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onboarding.connections.app_users import AppUser
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.requests import OPERATOR, REQUESTER
from onboarding.workflow.run import Run, RunStatus

ENDED: Final = {RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ROLLED_BACK}
"""The statuses of onboardings that no longer have a right to an application."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AppUse:
    """A connection, or an onboarding in progress, that uses an application."""

    onboarding: str
    connected: bool
    since: datetime
    owner: str  # the requester to whom the application belongs if this use is the first; empty: unknown
    operates: bool = False  # whether an operator requested it

    @property
    def order(self) -> tuple[bool, datetime, str]:
        """The position among all uses; no two onboardings have the same one."""
        return not self.connected or self.operates, self.since, self.onboarding


async def uses(services: Services, tenant: str, app: str) -> list[AppUse]:
    """The uses of an application, by client ID, in their order."""
    connected = {user.onboarding: user for user in await services.connections.of_app(tenant, app)}
    found = []
    for user in await services.app_users.of(tenant, app):
        run = await services.onboardings.load(user.onboarding)
        if run and (user.onboarding in connected or _counts(services, run)):
            connection = connected.pop(user.onboarding, None)
            found.append(_of(services, user, run, connected=connection is not None))
    found += [
        AppUse(onboarding=user.onboarding, connected=True, since=user.created_at, owner=user.requester)
        for user in connected.values()
    ]
    return sorted(found, key=lambda use: use.order)


def _of(services: Services, user: AppUser, run: Run, *, connected: bool) -> AppUse:
    head = run.head
    return AppUse(
        onboarding=head.id,
        connected=connected or services.onboardings.status(run) is RunStatus.SUCCEEDED,
        since=head.retried_at or head.created_at,
        owner=user.owner or user.requester or head.lists.get(REQUESTER, ""),
        operates=head.authority == OPERATOR,
    )


def _counts(services: Services, run: Run) -> bool:
    """Whether an onboarding still has a right to an application: it was not stopped and has not failed."""
    return run.head.stop_as is None and services.onboardings.status(run) not in ENDED
