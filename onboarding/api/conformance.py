"""Conformance: is what a gateway needs in the directory as it has to be? For a connection or any two apps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import azure.functions as func

from onboarding.api import documents
from onboarding.api.callers import Caller
from onboarding.api.front import answer
from onboarding.api.problems import bad_parameter, not_found
from onboarding.api.tenants import Tenants
from onboarding.clock import Clock
from onboarding.cmg import profiles
from onboarding.cmg.profiles import Profile
from onboarding.connections.connection_store import ConnectionStore
from onboarding.drift.directory_snapshot import Pair
from onboarding.drift.inspection import Subject, inspect

if TYPE_CHECKING:
    from onboarding.cloud.directory import Directory

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION: Final = re.compile(r"2[0-9](0[1-9]|1[0-2])")
_PARAMETERS: Final = (
    "serverAppId",
    "clientAppId",
    "appIdUri",
    "profile",
    "configMgrVersion",
    "userDiscovery",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conformance:
    """The endpoints; one call of the cloud each, or two where something is missing."""

    connections: ConnectionStore
    tenants: Tenants
    directory: Callable[[str], Directory]
    clock: Clock

    async def of_connection(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """A connection, against what it was onboarded with."""
        connection = await self.connections.get(request.route_params.get("id", ""))
        if connection is None:
            raise not_found("The connection")
        return answer(await self._checked(connection.tenant, Subject.of(connection), connection.id))

    async def of_tenant(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """Two applications of a tenant, whoever made them."""
        tenant = request.route_params.get("id", "").lower()
        self.tenants.check(tenant)
        return answer(await self._checked(tenant, _subject(request.params), None))

    async def _checked(self, tenant: str, subject: Subject, connection: str | None) -> dict[str, Any]:
        now = self.clock.now()
        (found,) = await inspect(self.directory(tenant), [subject], now)
        return documents.conformance(found, subject, connection, now)


def _subject(parameters: Mapping[str, str]) -> Subject:
    if unknown := sorted(set(parameters) - set(_PARAMETERS)):
        raise bad_parameter(unknown[0], f"there is no such parameter; there are {', '.join(_PARAMETERS)}.")
    return Subject(
        pair=Pair(server=_app(parameters, "serverAppId"), client=_app(parameters, "clientAppId")),
        profile=_profile(parameters.get("profile"), parameters.get("configMgrVersion")),
        user_discovery=_flag(parameters, "userDiscovery"),
        app_id_uri=parameters.get("appIdUri"),
    )


def _app(parameters: Mapping[str, str], name: str) -> str:
    text = parameters.get(name, "")
    if not _ID.fullmatch(text):
        raise bad_parameter(name, "must be the client id of an application.")
    return text.lower()


def _profile(name: str | None, version: str | None) -> Profile:
    if name is not None and version is not None:
        raise bad_parameter("profile", "give either the profile or configMgrVersion.")
    if name is not None and name not in profiles.PROFILES:
        raise bad_parameter("profile", f"must be one of {', '.join(profiles.PROFILES)}.")
    if version is not None and not _VERSION.fullmatch(version):
        raise bad_parameter("configMgrVersion", "must be a version such as 2409.")
    return profiles.PROFILES[name] if name else profiles.for_version(version)


def _flag(parameters: Mapping[str, str], name: str) -> bool:
    text = parameters.get(name, "false").casefold()
    if text not in {"true", "false"}:
        raise bad_parameter(name, "must be true or false.")
    return text == "true"
