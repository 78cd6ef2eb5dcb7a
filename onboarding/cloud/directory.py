"""A tenant's directory, in the operations that onboarding needs. All but one can be repeated safely.

Applications and service principals are upserted by their alternate keys
(https://learn.microsoft.com/graph/api/application-upsert); ``add_password`` is the only call whose effect
cannot be read afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from onboarding.cloud import failures
from onboarding.cloud.ports import Builder, Graph
from onboarding.cloud.survey import Survey, survey
from onboarding.errors import cloud

_CREATE_IF_MISSING: Final = {"Prefer": "create-if-missing"}
_NO_PASSWORD: Final = re.compile(r"no (password )?credentials? found", re.IGNORECASE)
_IDENTITY: Final = {"%24select": ["id", "appId", "createdDateTime"]}
_ALL_PRINCIPALS: Final = "AllPrincipals"


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """An app registration: its object ID, its client ID, and when it was created."""

    object_id: str
    app_id: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Password:
    """A new client secret. Only this object contains its text."""

    key_id: str
    ends_at: datetime
    text: str

    def __repr__(self) -> str:
        return f"Password(key_id={self.key_id!r})"


class Directory:
    """Applications, service principals and grants of one tenant."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._paths = graph.paths
        self._resources: dict[str, str] = {}

    @property
    def graph(self) -> Graph:
        """Graph in this tenant."""
        return self._graph

    async def survey(self, names: Sequence[str], uri: str | None) -> Survey:
        """Reads with one call all that a preflight needs to know about the tenant."""
        return await survey(self._graph, names, uri)

    async def policies(self, application: str) -> tuple[Any, list[Mapping[str, Any]] | None]:
        """The tenant's default app management policy, and those of one application.

        None for what the service cannot read. That does not stop a renewal, because Graph decides in any
        case.
        """
        replies = await self._graph.batch(
            {
                "default": ("/policies/defaultAppManagementPolicy", {}),
                "own": (f"/applications/{application}/appManagementPolicies", {}),
            }
        )
        own = replies["own"].optional()
        return replies["default"].optional(), own["value"] if own else None

    async def ping(self) -> None:
        """Raises unless Graph answers a call of this service."""
        query = {"%24select": ["id"]}
        await self._graph.call("GET", self._paths.organization, query=query)

    async def upsert_application(
        self, unique_name: str, body: Mapping[str, Any], *, freed: bool = False
    ) -> Application:
        """Creates an application, or brings the one with this unique name to the same state.

        Args:
            unique_name: Its alternate key.
            body: Its properties.
            freed: Names among them were freed a moment ago, so the directory may still report them as in use.
        """
        builder = self._paths.applications_with_unique_name(unique_name)
        reply = await self._graph.send("PATCH", builder, body, headers=_CREATE_IF_MISSING)
        if reply.refusal and freed and reply.refusal.already_exists:
            raise cloud.REPLICATION_LAG.error(sign=reply.refusal.message, request_id=reply.refusal.request_id)
        if reply.refusal:
            raise failures.error_of(reply.refusal)
        document = reply.document
        if document is None:  # 204: it exists, and the response has no body
            # A new builder: all builders of the SDK share their parameters, so while this one waited for the
            # response, it may have become the builder of another onboarding's application.
            builder = self._paths.applications_with_unique_name(unique_name)
            document = await self._graph.call("GET", builder, query=_IDENTITY, fresh=True)
        return _application(document)

    async def application(self, app_id: str) -> Mapping[str, Any]:
        """An application by its client ID, with all properties. Raises ``PermanentError`` without one."""
        document: Mapping[str, Any] = await self._graph.call(
            "GET", self._paths.applications_with_app_id(app_id)
        )
        return document

    async def find_application(self, unique_name: str) -> Application | None:
        """The application with a unique name, if the directory shows one."""
        builder = self._paths.applications_with_unique_name(unique_name)
        reply = await self._graph.send("GET", builder, query=_IDENTITY)
        return None if reply.is_gone() else _application(reply.document)

    async def delete_application(self, object_id: str) -> None:
        """Deletes an application with its service principal; safe to repeat.

        Both can be restored for 30 days, and reserve their names for that time; see ``purge``.
        """
        builder = self._paths.applications.by_application_id(object_id)
        await self._delete(builder)

    async def purge(self, object_id: str) -> bool:
        """Permanently deletes a deleted application or service principal; False if none is visible."""
        builder = self._paths.directory.deleted_items.by_directory_object_id(object_id)
        return await self._delete(builder)

    async def update_application(self, object_id: str, body: Mapping[str, Any]) -> None:
        """Changes an application that was just created."""
        builder = self._paths.applications.by_application_id(object_id)
        await self._graph.call("PATCH", builder, body, fresh=True)

    async def passwords(self, object_id: str) -> list[Mapping[str, Any]]:
        """The client secrets of an application: ``keyId``, ``displayName``, ``endDateTime``; not the text."""
        builder = self._paths.applications.by_application_id(object_id)
        query = {"%24select": ["id", "passwordCredentials"]}
        document = await self._graph.call("GET", builder, query=query, fresh=True)
        found: list[Mapping[str, Any]] = document["passwordCredentials"]
        return found

    async def add_password(self, object_id: str, name: str, ends_at: datetime) -> Password:
        """Creates a client secret. Not safe to repeat: a lost response leaves a secret whose text is lost."""
        builder = self._paths.applications.by_application_id(object_id).add_password
        body = {"passwordCredential": {"displayName": name, "endDateTime": _zulu(ends_at)}}
        document = await self._graph.call("POST", builder, body, fresh=True)
        return Password(
            key_id=document["keyId"],
            ends_at=datetime.fromisoformat(document["endDateTime"]),
            text=document["secretText"],
        )

    async def remove_password(self, object_id: str, key_id: str) -> None:
        """Removes a client secret; safe to repeat."""
        builder = self._paths.applications.by_application_id(object_id).remove_password
        reply = await self._graph.send("POST", builder, {"keyId": key_id})
        if reply.refusal and not _NO_PASSWORD.search(reply.refusal.message):
            raise failures.error_of(reply.refusal)

    async def upsert_service_principal(self, app_id: str, body: Mapping[str, Any]) -> str:
        """Ensures that an application has a service principal; returns its object ID."""
        builder = self._paths.service_principals_with_app_id(app_id)
        document = await self._graph.call("PATCH", builder, body, headers=_CREATE_IF_MISSING, fresh=True)
        if document is None:
            return await self.service_principal(app_id, fresh=True)
        object_id: str = document["id"]
        return object_id

    async def service_principal(self, app_id: str, *, fresh: bool = False) -> str:
        """The object ID of an application's service principal."""
        builder = self._paths.service_principals_with_app_id(app_id)
        document = await self._graph.call("GET", builder, query={"%24select": ["id"]}, fresh=fresh)
        object_id: str = document["id"]
        return object_id

    async def find_service_principal(self, app_id: str) -> str | None:
        """The object ID of an application's service principal, if the directory shows one."""
        builder = self._paths.service_principals_with_app_id(app_id)
        reply = await self._graph.send("GET", builder, query={"%24select": ["id"]})
        return None if reply.is_gone() else str(reply.document["id"])

    async def resource(self, app_id: str) -> str:
        """The object ID of a first-party service's principal; it never changes, so it is read once."""
        if app_id not in self._resources:
            self._resources[app_id] = await self.service_principal(app_id)
        return self._resources[app_id]

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
            raise failures.error_of(reply.refusal, fresh=True)
        added = False
        for grant in await self._grants(client, resource):
            scopes = set(str(grant["scope"]).split())
            if scope not in scopes:
                builder = grants.by_o_auth2_permission_grant_id(grant["id"])
                await self._graph.call("PATCH", builder, {"scope": " ".join(sorted(scopes | {scope}))})
                added = True
        return added

    async def revoke_scope(self, client: str, resource: str, scope: str) -> None:
        """Revokes the consent to a delegated permission; safe to repeat."""
        grants = self._paths.oauth2_permission_grants
        for grant in await self._grants(client, resource):
            scopes = set(str(grant["scope"]).split())
            builder = grants.by_o_auth2_permission_grant_id(grant["id"])
            if scopes == {scope}:
                await self._delete(builder)
            elif scope in scopes:
                await self._graph.call("PATCH", builder, {"scope": " ".join(sorted(scopes - {scope}))})

    async def _grants(self, client: str, resource: str) -> list[Mapping[str, Any]]:
        """The consents, for all users, to delegated permissions of one service principal on another."""
        query = {"%24filter": f"clientId eq '{client}' and resourceId eq '{resource}'"}
        found = await self._graph.call("GET", self._paths.oauth2_permission_grants, query=query)
        return [grant for grant in found["value"] if grant["consentType"] == _ALL_PRINCIPALS]

    async def granted_scopes(self, client: str) -> dict[str, set[str]] | None:
        """The delegated permissions that a service principal has for all users, by resource.

        None if the service cannot see them: that takes Directory.Read.All, or the permission to grant them
        (https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants).
        """
        builder = self._paths.service_principals.by_service_principal_id(client).oauth2_permission_grants
        found = (await self._graph.send("GET", builder)).readable(fresh=True)
        if found is None:
            return None
        scopes: dict[str, set[str]] = {}
        for grant in found["value"]:
            if grant["consentType"] == _ALL_PRINCIPALS:
                scopes.setdefault(grant["resourceId"], set()).update(str(grant["scope"]).split())
        return scopes

    async def granted_roles(self, client: str) -> set[tuple[str, str]] | None:
        """The application permissions that a service principal has: resource and role; None: not readable."""
        builder = self._paths.service_principals.by_service_principal_id(client).app_role_assignments
        found = (await self._graph.send("GET", builder)).readable(fresh=True)
        if found is None:
            return None
        return {(each["resourceId"], each["appRoleId"]) for each in found["value"]}

    async def grant_role(self, client: str, resource: str, role: str) -> bool:
        """Consents to an application permission of one service principal on another.

        Returns whether it was not granted before.
        """
        builder = self._paths.service_principals.by_service_principal_id(resource).app_role_assigned_to
        body = {"principalId": client, "resourceId": resource, "appRoleId": role}
        reply = await self._graph.send("POST", builder, body)
        if reply.refusal and not reply.refusal.already_exists:
            raise failures.error_of(reply.refusal, fresh=True)
        return not reply.refusal

    async def revoke_role(self, client: str, resource: str, role: str) -> None:
        """Revokes the consent to an application permission; safe to repeat."""
        principal = self._paths.service_principals.by_service_principal_id(client)
        found = await self._graph.call("GET", principal.app_role_assignments)
        for each in found["value"]:
            if (each["resourceId"], each["appRoleId"]) == (resource, role):
                builder = principal.app_role_assignments.by_app_role_assignment_id(each["id"])
                await self._delete(builder)

    async def _delete(self, builder: Builder) -> bool:
        """Deletes an object; False if it does not exist."""
        return not (await self._graph.send("DELETE", builder)).is_gone()


def _application(document: Mapping[str, Any]) -> Application:
    created_at = datetime.fromisoformat(document["createdDateTime"])
    return Application(object_id=document["id"], app_id=document["appId"], created_at=created_at)


def _zulu(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
