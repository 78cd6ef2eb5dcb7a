"""What service principals of a tenant are allowed: consent to permissions, as grants and as roles.

Each operation can be repeated safely.

An update of a grant replaces all its scopes, and Graph has no version for it. So each operation reads the
scopes just before it writes them. A scope that somebody else adds in between is lost, and nobody can see that
afterwards. A look after the write would not help: a replica that answers with older scopes would make the
service write those. The service itself never grants two scopes of one resource to the same client, and an
inspection shows a consent that is missing.

Source: https://learn.microsoft.com/graph/api/oauth2permissiongrant-update.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from onboarding.cloud import failures, grant_polls, shapes
from onboarding.cloud.grant_polls import ROLES, SCOPES, GrantPolls
from onboarding.cloud.ports import Builder, Graph, Guard, allowed
from onboarding.cloud.replies import GraphResponse

_ALL_PRINCIPALS: Final = "AllPrincipals"


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """What a run reads while it waits for consent: service principals; empty for what it does not need."""

    client: str  # for its delegated permissions
    server: str  # for its application permissions

    @property
    def paths(self) -> tuple[str, ...]:
        """The lists to read."""
        found = ((self.client, SCOPES), (self.server, ROLES))
        return tuple(grant_polls.path(principal, kind) for principal, kind in found if principal)


class Grants:
    """The grants of one tenant."""

    def __init__(
        self,
        graph: Graph,
        *,
        fresh: bool = False,
        guard: Guard = allowed,
        polls: GrantPolls | None = None,
    ) -> None:
        """``fresh``: the service principals were created a short while ago."""
        self.polls = polls or GrantPolls(graph)
        self._guard = guard
        self._graph = graph
        self._paths = graph.paths
        self._fresh = fresh

    async def grant_scope(self, client: str, resource: str, scope: str) -> bool:
        """Consents, for all users, to a delegated permission of one service principal on another.

        Returns whether it was not granted before.
        """
        grants = self._paths.oauth2_permission_grants
        body = {
            "clientId": client,
            "consentType": _ALL_PRINCIPALS,
            "resourceId": resource,
            "scope": scope,
        }
        reply = await self._graph.send("POST", grants, body)
        if not reply.refusal:
            return True
        if not reply.refusal.already_exists:
            raise failures.error_of(reply.refusal, fresh=self._fresh)
        added, grants_now = False, await self._grants(client, resource)
        if not grants_now:  # the grant that exists is not visible yet
            raise failures.lag(reply.refusal)
        for grant in grants_now:
            scopes = _scopes(grant)
            if scope not in scopes:
                builder = grants.by_o_auth2_permission_grant_id(grant["id"])
                await self._graph.call("PATCH", builder, {"scope": " ".join(sorted(scopes | {scope}))})
                added = True
        return added

    async def revoke_scope(self, client: str, resource: str, scope: str) -> bool:
        """Revokes the consent to a delegated permission; False if the directory shows none."""
        await self._guard()
        grants, revoked = self._paths.oauth2_permission_grants, False
        for grant in await self._grants(client, resource):
            scopes = _scopes(grant)
            builder = grants.by_o_auth2_permission_grant_id(grant["id"])
            if scopes == {scope}:
                revoked |= await self._delete(builder)
            elif scope in scopes:
                await self._graph.call("PATCH", builder, {"scope": " ".join(sorted(scopes - {scope}))})
                revoked = True
        return revoked

    async def _grants(self, client: str, resource: str) -> list[Mapping[str, Any]]:
        """The consents, for all users, to delegated permissions of one service principal on another."""
        query = {"%24filter": f"clientId eq '{client}' and resourceId eq '{resource}'"}
        found = await self._graph.listed(self._paths.oauth2_permission_grants, query=query)
        return [grant for grant in shapes.entries(found.needed()) if _for_all(grant)]

    async def granted_scopes(self, client: str) -> dict[str, set[str]] | None:
        """The delegated permissions that a service principal has for all users, by resource.

        None if the service cannot see them: this requires Directory.Read.All, or the permission to grant them
        (https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants).
        """
        builder = self._paths.service_principals.by_service_principal_id(client).oauth2_permission_grants
        return self._scopes_in(await self._graph.listed(builder))

    def _scopes_in(self, reply: GraphResponse) -> dict[str, set[str]] | None:
        found = reply.readable(fresh=self._fresh)
        if found is None:
            return None
        scopes: dict[str, set[str]] = {}
        for grant in shapes.entries(found):
            if _for_all(grant):
                scopes.setdefault(str(grant.get("resourceId")), set()).update(_scopes(grant))
        return scopes

    async def granted_roles(self, client: str) -> set[tuple[str, str]] | None:
        """The application permissions that a service principal has: resource and role; None: not readable."""
        builder = self._paths.service_principals.by_service_principal_id(client).app_role_assignments
        return self._roles_in(await self._graph.listed(builder))

    def _roles_in(self, reply: GraphResponse) -> set[tuple[str, str]] | None:
        found = reply.readable(fresh=self._fresh)
        if found is None:
            return None
        return {(str(role.get("resourceId")), str(role.get("appRoleId"))) for role in shapes.entries(found)}

    async def seen(
        self, poll: Poll, now: datetime, *, alone: bool
    ) -> tuple[dict[str, set[str]] | None, set[tuple[str, str]] | None]:
        """What ``granted_scopes`` and ``granted_roles`` return, read together with the polls of other runs.

        ``alone`` as for ``GrantPolls.replies``.
        """
        replies = await self.polls.replies(poll.paths, now, alone=alone)
        scopes = replies.get(grant_polls.path(poll.client, SCOPES))
        roles = replies.get(grant_polls.path(poll.server, ROLES))
        return self._scopes_in(scopes) if scopes else None, self._roles_in(roles) if roles else None

    def expect(self, poll: Poll, now: datetime, due: datetime) -> None:
        """Notes when a run polls again."""
        self.polls.expect(poll.paths, now, due)

    async def grant_role(self, client: str, resource: str, role: str) -> bool:
        """Consents to an application permission of one service principal on another.

        Returns whether it was not granted before.
        """
        builder = self._paths.service_principals.by_service_principal_id(resource).app_role_assigned_to
        body = {"principalId": client, "resourceId": resource, "appRoleId": role}
        reply = await self._graph.send("POST", builder, body)
        if reply.refusal and not reply.refusal.already_exists:
            raise failures.error_of(reply.refusal, fresh=self._fresh)
        return not reply.refusal

    async def revoke_role(self, client: str, resource: str, role: str) -> bool:
        """Revokes the consent to an application permission; False if the directory shows none."""
        await self._guard()
        revoked = False
        principal = self._paths.service_principals.by_service_principal_id(client)
        found = await self._graph.listed(principal.app_role_assignments)
        for entry in shapes.entries(found.needed()):
            if (entry.get("resourceId"), entry.get("appRoleId")) == (resource, role):
                builder = principal.app_role_assignments.by_app_role_assignment_id(entry["id"])
                revoked |= await self._delete(builder)
        return revoked

    async def _delete(self, builder: Builder) -> bool:
        """Deletes an object; False if it does not exist."""
        return not (await self._graph.send("DELETE", builder)).is_gone()


def _for_all(grant: Mapping[str, Any]) -> bool:
    return grant.get("consentType") == _ALL_PRINCIPALS and "id" in grant


def _scopes(grant: Mapping[str, Any]) -> set[str]:
    return set(str(grant.get("scope") or "").split())
