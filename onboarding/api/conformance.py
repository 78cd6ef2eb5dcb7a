"""Conformance: whether the directory has what a gateway needs, for a connection or for any two apps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from onboarding.api.documents import CheckName, Document, ProfileName, Wording
from onboarding.api.endpoint import CLOUD_REFUSES, OPERATORS, Call, endpoint
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Flag, Id, Parameters
from onboarding.api.tenants import ServedTenants
from onboarding.api.told import Actions
from onboarding.clock import Clock
from onboarding.cmg import profiles, rules
from onboarding.cmg.discovery import reads_directory
from onboarding.cmg.faults import fault
from onboarding.cmg.versions import SiteVersion
from onboarding.cmg.wizard import ProfileName as RequestedProfile
from onboarding.connections.connection_store import ConnectionStore
from onboarding.drift import inspection
from onboarding.drift.directory_snapshot import Pair
from onboarding.drift.inspection import InspectedConnection, Inspection
from onboarding.errors import Actor, OnboardingError, requests
from onboarding.notices import actions
from onboarding.texts import phrases

if TYPE_CHECKING:
    from onboarding.cloud.directory import Directory

_RESULTS: Final = {False: "Fail", None: "Unknown", True: "Pass"}
"""The results of a check, the worst first."""


class PairQuery(Parameters):
    """The two apps, and what they are checked against."""

    server_app_id: Id = Field(description="Client ID of the web (server) app.")
    client_app_id: Id | None = Field(
        None,
        description="Client ID of the native (client) app. Omit it for a tenant that has only the gateway.",
    )
    app_id_uri: str | None = Field(None, description="App ID URI that the site has. Default: any.")
    config_mgr_version: SiteVersion | None = Field(
        None, description="Version of the site, such as 2409. It selects the profile. Default: the newest."
    )
    profile: RequestedProfile | None = Field(
        None, description="Revision of the manual article. Not together with configMgrVersion."
    )
    user_discovery: Flag = Field(False, description="Whether the site uses Entra user discovery.")
    group_discovery: Flag = Field(False, description="Whether the site uses Entra group discovery.")
    group_sync: Flag = Field(False, description="Whether the site synchronizes collections to Entra groups.")

    @field_validator("client_app_id")
    @classmethod
    def _other(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("server_app_id") == value:
            raise fault("same-app").error()
        return value

    @field_validator("profile")
    @classmethod
    def _either(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("config_mgr_version") is not None:
            raise fault("either-of", first="profile", second="configMgrVersion").error()
        return value

    def subject(self) -> InspectedConnection:
        """What is inspected."""
        version = self.config_mgr_version
        return InspectedConnection(
            pair=Pair(server=self.server_app_id, client=self.client_app_id),
            profile=profiles.PROFILES[self.profile] if self.profile else profiles.for_version(version),
            user_discovery=self.user_discovery,
            reads_directory=reads_directory(
                users=self.user_discovery, groups=self.group_discovery, group_sync=self.group_sync
            ),
            app_id_uri=self.app_id_uri,
        )


class Check(Document):
    """One requirement of Configuration Manager. Unknown: the service cannot read it."""

    name: CheckName
    result: Literal["Fail", "Unknown", "Pass"]
    expected: Wording
    impact: Annotated[Wording, Field(description="What an administrator sees if the check fails.")]
    remedy: Wording
    actor: Annotated[Actor | None, Field(description="Who must act. Missing: the check did not fail.")]
    args: Annotated[dict[str, Any], Field(default_factory=dict, description="The values in the texts.")]
    actions: Actions

    @classmethod
    def of(cls, check: rules.Check, environment: str, app_id: str) -> Self:
        """A check of an application."""
        action = actions.of_check(check, environment, app_id) if check.passed is False else None
        return cls(
            name=check.name,
            result=_RESULTS[check.passed],
            expected=check.said("expected"),
            impact=check.said("impact"),
            remedy=check.said("remedy"),
            actor=action.actor if action else None,
            args=check.args,
            actions=(action,) if action else (),
        )


class CheckedApp(Document):
    """One of the two applications. Failed checks come first."""

    client_id: UUID
    name: Annotated[str | None, Field(description="Missing if the directory does not show the application.")]
    checks: tuple[Check, ...]

    @classmethod
    def of(cls, app: inspection.InspectedApp, environment: str) -> Self:
        """An inspected application."""
        checks = sorted(app.checks, key=lambda check: list(_RESULTS).index(check.passed))
        return cls(
            client_id=app.app_id,
            name=app.name or None,
            checks=tuple(Check.of(check, environment, app.app_id) for check in checks),
        )


class Conformance(Document):
    """How the directory shows two applications."""

    conformant: Annotated[
        bool | None, Field(description="Missing: no check failed, but the result of some is unknown.")
    ]
    checked_at: datetime
    profile: ProfileName
    connection_id: str | None
    server_app: CheckedApp
    client_app: Annotated[CheckedApp | None, Field(description="Missing: the tenant has no client app.")]

    @classmethod
    def of(
        cls,
        found: Inspection,
        subject: InspectedConnection,
        connection: str | None,
        now: datetime,
        environment: str,
    ) -> Self:
        """The result of an inspection."""
        return cls(
            conformant=found.conformant,
            checked_at=now,
            profile=subject.profile.name,
            connection_id=connection,
            server_app=CheckedApp.of(found.server, environment),
            client_app=CheckedApp.of(found.client, environment) if found.client else None,
        )


class ConformanceResource:
    """The endpoints. Each makes one call to the cloud, or two where something is missing."""

    def __init__(
        self,
        *,
        connections: ConnectionStore,
        tenants: ServedTenants,
        directory: Callable[[str], Directory],
        clock: Clock,
        environment: str,
    ) -> None:
        """``environment`` is the name of the Azure environment."""
        self._connections = connections
        self._tenants = tenants
        self._directory = directory
        self._clock = clock
        self._environment = environment

    @endpoint(
        "GET /connections/{id}/conformance",
        name="get_connection_conformance",
        sensitive=True,
        roles=OPERATORS,
        answers={200: Conformance},
        problems=(requests.NOT_FOUND, CLOUD_REFUSES),
    )
    async def of_connection(self, call: Call[Parameters, None]) -> Conformance:
        """Check whether both apps of a connection meet the requirements of Configuration Manager."""
        connection = await self._connections.get(call.path["id"])
        if connection is None:
            raise ProblemError(requests.NOT_FOUND, what=phrases.THE_CONNECTION.of())
        return await self._check(connection.tenant, InspectedConnection.of(connection), connection.id)

    @endpoint(
        "GET /tenants/{id}/conformance",
        name="get_tenant_conformance",
        sensitive=True,
        roles=OPERATORS,
        answers={200: Conformance},
        problems=(requests.INVALID_REQUEST, CLOUD_REFUSES),
    )
    async def of_tenant(self, call: Call[PairQuery, None]) -> Conformance:
        """Check any two apps of a tenant."""
        tenant = call.path["id"].lower()
        self._tenants.check(tenant)
        return await self._check(tenant, call.query.subject(), None)

    async def _check(self, tenant: str, subject: InspectedConnection, connection: str | None) -> Conformance:
        now = self._clock.now()
        (found,) = await inspection.inspect(self._directory(tenant), [subject], now)
        if isinstance(found, OnboardingError):
            raise found
        return Conformance.of(found, subject, connection, now, self._environment)
