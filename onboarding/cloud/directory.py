"""A tenant's directory, with the operations that onboarding needs. All but one can be repeated safely.

What an earlier attempt may have created is found by its alternate key. ``add_password`` is the only call
whose effect cannot be read afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from onboarding.cloud import failures, shapes
from onboarding.cloud.applications import (
    Application,
    Named,
    Password,
    PasswordCredential,
    application_of,
    passwords_of,
)
from onboarding.cloud.grant_polls import GrantPolls
from onboarding.cloud.grants import Grants
from onboarding.cloud.ports import Builder, Graph, Guard, allowed
from onboarding.cloud.survey import AppPolicies, Survey, policies, survey
from onboarding.errors import steps
from onboarding.words.word import Word

_NO_PASSWORD: Final = re.compile(r"no (password )?credentials? found", re.IGNORECASE)
_IDENTITY: Final = {"%24select": ["id", "appId", "createdDateTime", "createdByAppId"]}
_LISTING: Final = ["id", "appId", "uniqueName", "passwordCredentials"]
_LISTED: Final = "WindowsAzureActiveDirectoryIntegratedApp"
"""The tag that the portal gives to a service principal. Without it, the portal's list of enterprise
applications does not show it (https://learn.microsoft.com/graph/api/resources/serviceprincipal)."""


class Directory:
    """Applications and service principals of one tenant, and in ``grants`` what they are allowed."""

    def __init__(
        self,
        graph: Graph,
        *,
        fresh: bool = False,
        resources: dict[str, str] | None = None,
        guard: Guard = allowed,
        polls: GrantPolls | None = None,
    ) -> None:
        """``guard`` is asked before something is removed."""
        self._guard = guard
        self._graph = graph
        self._paths = graph.paths
        self._fresh = fresh
        self._resources: dict[str, str] = {} if resources is None else resources
        self.grants = Grants(graph, fresh=fresh, guard=guard, polls=polls)

    @property
    def graph(self) -> Graph:
        """Graph in this tenant."""
        return self._graph

    async def survey(self, names: Sequence[Word], uri: str | None) -> Survey:
        """Reads, with one call, everything that a preflight needs to know about the tenant."""
        return await survey(self._graph, names, uri)

    async def policies(self, application: str) -> AppPolicies:
        """The app management policies that can apply to one application."""
        return await policies(self._graph, application)

    async def verified_domains(self) -> tuple[str, ...]:
        """The verified domains of the tenant."""
        query = {"%24select": ["verifiedDomains"]}
        reply = await self._graph.listed(self._paths.organization, query=query)
        return tuple(
            str(domain["name"])
            for found in shapes.entries(reply.needed())
            for domain in found.get("verifiedDomains") or ()
        )

    async def ping(self) -> None:
        """Raises unless Graph answers a call of this service."""
        await self._graph.call("GET", self._paths.organization, query={"%24select": ["id"]})

    def of_new_objects(self) -> Directory:
        """The same directory for objects created a short while ago, which replicas may not have yet."""
        return Directory(
            self._graph, fresh=True, resources=self._resources, guard=self._guard, polls=self.grants.polls
        )

    async def create_application(
        self, unique_name: str, body: Mapping[str, Any], *, look: bool, freed: bool = False
    ) -> Application:
        """Creates an application that this service owns; returns the one that exists already.

        An upsert by the unique name can leave an application without an owner, and can be answered by a
        replica that does not have the application yet. So the service looks first, and names itself owner.
        Any member of a tenant can register an application under a unique name, and keep a secret of it: the
        service uses only what it has created itself.

        Args:
            unique_name: Its alternate key.
            body: Its properties.
            look: An earlier attempt may have created it.
            freed: Some of its names became available a moment ago; the directory may still have them in use.
        """
        if look and (found := await self.find_application(unique_name, need=True)):
            return found
        wanted = {**body, "uniqueName": unique_name, **await self._owned()}
        reply = await self._graph.send("POST", self._paths.applications, wanted)
        refusal = reply.refusal
        if refusal and refusal.already_exists and (freed or "uniqueName" in refusal.message):
            # An earlier attempt created the application; the next one looks whether that is so.
            raise failures.lag(refusal)
        if refusal:
            raise failures.error_of(refusal, fresh=self._fresh)
        return application_of(reply.document)

    async def owns(self, object_id: str, *, principal: bool = False) -> bool | None:
        """Whether the directory shows this service among the owners of an application or service principal.

        None if it cannot know: it may not read the owners, or its own service principal is not visible.

        Source: https://learn.microsoft.com/graph/api/application-list-owners, serviceprincipal-list-owners.
        """
        owner, paths = await self.own_principal(), self._paths
        builder = (
            paths.service_principals.by_service_principal_id(object_id).owners
            if principal
            else paths.applications.by_application_id(object_id).owners
        )
        reply = await self._graph.listed(builder, query={"%24select": ["id"]})
        if self._fresh and reply.refusal and reply.refusal.lags:
            return False
        document = reply.optional()
        if owner is None or document is None:
            return None
        return owner in {str(listed["id"]) for listed in shapes.entries(document)}

    async def application(self, app_id: str) -> Mapping[str, Any]:
        """An application by its client ID, with all properties. Raises ``PermanentError`` without one."""
        document: Mapping[str, Any] = await self._graph.call(
            "GET", self._paths.applications_with_app_id(app_id)
        )
        return document

    async def applications(self) -> list[Mapping[str, Any]]:
        """All applications of the tenant, with their unique names and client secrets (not the texts)."""
        query = {"%24select": _LISTING, "%24top": 200}
        reply = await self._graph.listed(self._paths.applications, query=query)
        return shapes.entries(reply.needed())

    async def find_application(self, unique_name: str, *, need: bool = False) -> Application | None:
        """The application that this service created under a unique name, if the directory shows one.

        With ``need``, raises ``PermanentError`` for an application that somebody else created, or of which
        the directory does not show the creator.
        """
        named = await self.named(unique_name)
        if named is None or named.ours:
            return named.application if named else None
        if need and named.ours is None:
            raise steps.APP_CREATOR_UNKNOWN.error(name=unique_name, app=named.application.app_id)
        if need:
            raise steps.APP_OF_OTHERS.error(name=unique_name)
        return None

    async def named(self, unique_name: str) -> Named | None:
        """The application under a unique name, if the directory shows one, and whether it is ours.

        Entra ID sets ``createdByAppId``, and nobody can change it. The documentation does not say that it is
        never null: https://learn.microsoft.com/graph/api/resources/application.
        """
        builder = self._paths.applications_with_unique_name(unique_name)
        reply = await self._graph.send("GET", builder, query=_IDENTITY)
        if reply.is_gone():
            return None
        client, creator = self._graph.client, str(reply.document.get("createdByAppId") or "")
        ours = creator.casefold() == client.casefold() if client and creator else None
        return Named(application=application_of(reply.document), ours=ours)

    async def delete_application(self, object_id: str) -> bool:
        """Deletes an application with its service principal; safe to repeat.

        Both can be restored for 30 days, and reserve their names for that time; see ``purge``.
        """
        builder = self._paths.applications.by_application_id(object_id)
        return await self._delete(builder)

    async def purge(self, object_id: str) -> bool:
        """Permanently deletes a deleted application or service principal; False if none is visible."""
        builder = self._paths.directory.deleted_items.by_directory_object_id(object_id)
        return await self._delete(builder)

    async def update_application(self, object_id: str, body: Mapping[str, Any]) -> None:
        """Changes an application of this service."""
        builder = self._paths.applications.by_application_id(object_id)
        await self._graph.call("PATCH", builder, body, fresh=self._fresh, owned=True)

    async def passwords(self, object_id: str) -> list[PasswordCredential]:
        """The client secrets of an application."""
        builder = self._paths.applications.by_application_id(object_id)
        query = {"%24select": ["id", "passwordCredentials"]}
        return passwords_of(await self._graph.call("GET", builder, query=query, fresh=self._fresh))

    async def add_password(self, object_id: str, name: str, ends_at: datetime) -> Password:
        """Creates a client secret. Not safe to repeat: a lost response leaves a secret whose text is lost."""
        builder = self._paths.applications.by_application_id(object_id).add_password
        ends = ends_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        body = {"passwordCredential": {"displayName": name, "endDateTime": ends}}
        document = await self._graph.call("POST", builder, body, fresh=self._fresh, owned=True)
        return Password(
            key_id=document["keyId"],
            ends_at=datetime.fromisoformat(document["endDateTime"]),
            text=document["secretText"],
        )

    async def remove_password(self, object_id: str, key_id: str) -> bool:
        """Removes a client secret; False if the directory does not find it.

        That is also the answer of a replica that does not have the secret yet.
        """
        await self._guard()
        builder = self._paths.applications.by_application_id(object_id).remove_password
        reply = await self._graph.send("POST", builder, {"keyId": key_id})
        if reply.refusal and not _NO_PASSWORD.search(reply.refusal.message):
            raise failures.error_of(reply.refusal, fresh=self._fresh, owned=True)
        return reply.refusal is None

    async def create_service_principal(self, app_id: str, *, look: bool) -> str:
        """Creates the service principal of an application; returns the object ID of the one that exists.

        It has the application's name, and the tag that shows it under Enterprise applications in the portal.

        Args:
            app_id: The application's client ID.
            look: An earlier attempt may have created it.
        """
        if look and (found := await self.find_service_principal(app_id)):
            return found
        wanted = {"appId": app_id, "tags": [_LISTED], **await self._owned()}
        reply = await self._graph.send("POST", self._paths.service_principals, wanted)
        if reply.refusal and reply.refusal.already_exists:  # by an earlier attempt, and not visible yet
            raise failures.lag(reply.refusal)
        if reply.refusal:
            raise failures.error_of(reply.refusal, fresh=self._fresh, owned=True)
        return str(reply.document["id"])

    async def _owned(self) -> Mapping[str, Any]:
        """The owner of what this service creates: itself. Nothing if its service principal is not known.

        Application.ReadWrite.OwnedBy allows changes only by an owner.
        """
        known = await self.own_principal()
        return {"owners@odata.bind": [f"{self._graph.address}/directoryObjects/{known}"]} if known else {}

    async def own_principal(self) -> str | None:
        """The object ID of this service's principal in the tenant, if the directory shows it."""
        client = self._graph.client
        if client and client not in self._resources and (found := await self.find_service_principal(client)):
            self._resources[client] = found
        return self._resources.get(client)

    async def service_principal(self, app_id: str, *, fresh: bool = False) -> str:
        """The object ID of an application's service principal."""
        builder = self._paths.service_principals_with_app_id(app_id)
        document = await self._graph.call("GET", builder, query={"%24select": ["id"]}, fresh=fresh)
        return str(document["id"])

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

    async def _delete(self, builder: Builder) -> bool:
        """Deletes an object; False if it does not exist."""
        await self._guard()
        return not (await self._graph.send("DELETE", builder)).is_gone()
