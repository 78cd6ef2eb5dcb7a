"""Revokes what an onboarding granted to imported applications, unless others use them.

All users of an application need its grants. A new user first records itself, and then checks which grants are
missing. So this module looks for users before it revokes a grant, and again afterwards. A user that came in
the meantime gets back the grants that it found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from onboarding.connections.app_users import Grant
from onboarding.errors import PermanentError
from onboarding.lifecycle import left_behind, ownership
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.left_behind import LeftBehind


@dataclass(frozen=True, kw_only=True, slots=True)
class Revoked:
    """What happened to the grants of an onboarding."""

    grants: tuple[Grant, ...]  # those that were revoked
    unseen: tuple[Grant, ...]  # those that the directory does not show, or not yet
    left: tuple[LeftBehind, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """Revokes grants of one onboarding."""

    services: Services
    tenant: str
    onboarding: str
    server: str  # client IDs of the applications
    client: str  # empty if the onboarding has none

    async def revoke(self, granted: Iterable[Grant]) -> Revoked:
        """Revokes grants. Safe to repeat."""
        left: dict[str, LeftBehind] = {}
        revoked: dict[Grant, bool] = {}  # and whether the directory showed it
        users = {app: await self._users(app) for app in (self.server, self.client) if app}
        owner = await ownership.requester_of(self.services, self.onboarding)
        for grant in granted:
            app = self._app(grant)
            if users.get(app):
                left[app] = left_behind.for_others("consent", app, users[app], owner)
                await ownership.hand_on(self.services, self.tenant, app, self.onboarding, (grant,))
                continue
            try:
                revoked[grant] = await self._revoke(grant)
            except PermanentError as error:
                if not left_behind.refused(self.services, self.tenant, error):
                    raise
                left[app] = left_behind.by_tenant("consent", app, self.tenant, error)
        gone = [grant for grant in revoked if not await self._gave_back(grant, left, owner)]
        return Revoked(
            grants=tuple(grant for grant in gone if revoked[grant]),
            unseen=tuple(grant for grant in gone if not revoked[grant]),
            left=tuple(left.values()),
        )

    async def _gave_back(self, grant: Grant, left: dict[str, LeftBehind], owner: str) -> bool:
        """Whether somebody began to use the application in the meantime, and has the grant again."""
        app = self._app(grant)
        users = await self._users(app)
        if not users:
            return False
        grants = self.services.directory(self.tenant).grants
        if grant.scope:
            await grants.grant_scope(grant.client, grant.resource, grant.scope)
        else:
            await grants.grant_role(grant.client, grant.resource, grant.role)
        await ownership.hand_on(self.services, self.tenant, app, self.onboarding, (grant,))
        left[app] = left_behind.for_others("consent", app, users, owner)
        return True

    async def _revoke(self, grant: Grant) -> bool:
        grants = self.services.directory(self.tenant).grants
        if grant.scope:
            return await grants.revoke_scope(grant.client, grant.resource, grant.scope)
        return await grants.revoke_role(grant.client, grant.resource, grant.role)

    def _app(self, grant: Grant) -> str:
        return self.server if grant.role else self.client

    async def _users(self, app: str) -> list[ownership.User]:
        return await ownership.others(self.services, self.tenant, app, self.onboarding)
