"""The fields of the Azure Services Wizard, as a portal posts them. Defaults are written down here only.

Source: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard
and "Configure Microsoft Entra ID for CMG".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from onboarding.cmg import identifiers, profiles, versions
from onboarding.cmg.discovery import GroupDiscovery, UserDiscovery
from onboarding.cmg.fields import Name, Text, WizardModel, plain
from onboarding.cmg.profiles import Profile
from onboarding.cmg.providers import BY_MODEL
from onboarding.cmg.versions import DeploymentModel

_EMAIL: Final = r"^[^@\s\"<>,;]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"

VaultSecret = Annotated[str, Field(pattern=r"^import-[0-9A-Za-z-]{1,120}$")]
Label = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(plain)]
ChannelName = Annotated[str, Field(max_length=61)]
LabelValue = Annotated[str, Field(max_length=256), AfterValidator(plain)]


def _profile(name: str) -> str:
    if name not in profiles.PROFILES:
        raise ValueError(f"must be one of {', '.join(profiles.PROFILES)}")
    return name


ProfileName = Annotated[
    str, AfterValidator(_profile), Field(json_schema_extra={"enum": list(profiles.PROFILES)})
]


class AzureEnvironment(StrEnum):
    """The cloud that a tenant and its subscription are in."""

    PUBLIC = "AzurePublicCloud"
    US_GOVERNMENT = "AzureUSGovernmentCloud"


class SecretValidity(StrEnum):
    """How long the client secret is valid (ISO 8601 durations), as the wizard offers."""

    ONE_YEAR = "P1Y"
    TWO_YEARS = "P2Y"

    def after(self, moment: datetime) -> datetime:
        """The end of a secret that is made at a moment; a leap day ends on 28 February."""
        year = moment.year + (1 if self is SecretValidity.ONE_YEAR else 2)
        try:
            return moment.replace(year=year)
        except ValueError:
            return moment.replace(year=year, day=28)


def _context(info: ValidationInfo, key: str, otherwise: Any) -> Any:
    """What the caller of the validation knows: ``now`` and ``tenant`` (as it stands in the request)."""
    return (info.context or {}).get(key, otherwise)


class ExistingServerApp(WizardModel):
    """A web (server) app registration that is there already. It is checked, and never changed or deleted."""

    client_id: UUID | None = Field(None, description="An application to import, with its secret.")
    vault_secret: VaultSecret | None = Field(
        None,
        description="Name of the secret in the service's Key Vault. It begins with 'import-', so that nobody "
        "points to a secret of somebody else's connection.",
    )
    secret: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        None, description="The secret itself, once: it goes into Key Vault and is kept nowhere else."
    )
    connection_id: str | None = Field(
        None, description="Another connection of the tenant, whose server app (and secret) is used here, too."
    )


class OnDeleted(StrEnum):
    """What becomes of a deleted application that this service has made and that keeps the App ID URI."""

    REFUSE = "Refuse"  # the onboarding fails and says so
    PURGE = "Purge"  # it is deleted for good; it can't be restored then


class ServerApp(WizardModel):
    """The web (server) app registration: created, or one that is there already."""

    existing: ExistingServerApp | None = None

    name: Name = Field("ConfigMgr Server Application", description="Display name in Entra ID.")
    home_page_url: Annotated[
        str, Field(max_length=255, pattern=r"^https?://[^\s\"'<>\\]+$"), AfterValidator(plain)
    ] = Field("https://ConfigMgrService", description="Required by Entra ID; ConfigMgr does not use it.")
    app_id_uri: str | None = Field(
        None, description="Default: api://{tenantId}/{clientId}, which passes every tenant policy."
    )
    on_deleted: OnDeleted = Field(
        OnDeleted.REFUSE,
        description="What becomes of a deleted application of this service that still keeps appIdUri.",
    )
    secret_validity: SecretValidity | None = Field(
        None,
        description="Not together with secretEndDate.",
        json_schema_extra={"default": "P1Y"},  # unless there is an end date
    )
    secret_end_date: AwareDatetime | None = Field(
        None, description="An explicit end of the client secret, at most two years ahead."
    )

    @field_validator("app_id_uri")
    @classmethod
    def _usable(cls, value: str | None, info: ValidationInfo) -> str | None:
        # Read back from storage there is no tenant in the context; it was compared before.
        if value is not None and (fault := identifiers.fault(value, _context(info, "tenant", None))):
            raise ValueError(fault)
        return value

    @field_validator("secret_end_date")
    @classmethod
    def _ahead(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if value is None:
            return None
        if info.data.get("secret_validity"):
            raise ValueError("give either secretValidity or secretEndDate, not both")
        now = _context(info, "now", None)
        if now is None:  # read back from storage, where it was checked before
            return value
        if value <= now + timedelta(days=1):
            raise ValueError("must be at least one day ahead")
        if value > SecretValidity.TWO_YEARS.after(now) + timedelta(days=1):
            raise ValueError("must be at most two years ahead")
        return value

    @model_validator(mode="after")
    def _default_validity(self) -> Self:
        if self.secret_validity is None and self.secret_end_date is None:
            object.__setattr__(self, "secret_validity", SecretValidity.ONE_YEAR)
        return self

    def secret_end(self, now: datetime) -> datetime:
        """When a secret made now ends."""
        return self.secret_end_date or (self.secret_validity or SecretValidity.ONE_YEAR).after(now)


class ExistingClientApp(WizardModel):
    """A native (client) app registration that is there already. It is checked, and never changed."""

    client_id: UUID


class ClientApp(WizardModel):
    """The native (client) app registration: created, or one that is there already."""

    existing: ExistingClientApp | None = None

    name: Name = Field("ConfigMgr Client Application", description="Display name in Entra ID.")


class AdminConsent(StrEnum):
    """How the two apps get their permissions."""

    AUTOMATIC = "Automatic"  # granted by the service where it may, asked for where it may not
    BY_SERVICE = "ByService"  # granted by the service, or the onboarding fails
    BY_ADMINISTRATOR = "ByAdministrator"  # asked for: the onboarding waits for an administrator


class Owner(WizardModel):
    """Somebody who answers for the connection."""

    name: Annotated[str, Field(max_length=256), AfterValidator(plain)] = ""
    email: Annotated[str, Field(max_length=254, pattern=_EMAIL), AfterValidator(plain)]


class NoticePreferences(WizardModel):
    """Who is told of what concerns the connection, besides its owners."""

    channels: Annotated[tuple[ChannelName, ...], Field(max_length=20)] | None = Field(
        None, description="Names among the deployment's channels for people. Default: all of them."
    )


class OnboardingRequest(WizardModel):
    """Everything the wizard asks for."""

    name: Name = Field(description="Name of the connection in the ConfigMgr console.")
    description: Text = Field("", description="Shown in the console beside the name.")
    service: Literal["CloudManagement"] = "CloudManagement"
    azure_environment: AzureEnvironment = AzureEnvironment.PUBLIC
    tenant_id: UUID = Field(description="The tenant to onboard.")
    subscription_id: UUID = Field(description="The subscription that will hold the gateway, in that tenant.")
    server_app: ServerApp = Field(default_factory=lambda: ServerApp.model_validate({}))
    client_app: ClientApp = Field(default_factory=lambda: ClientApp.model_validate({}))
    user_discovery: UserDiscovery = Field(default_factory=lambda: UserDiscovery.model_validate({}))
    group_discovery: GroupDiscovery = Field(default_factory=lambda: GroupDiscovery.model_validate({}))
    group_sync: bool = Field(
        False, description="Synchronize collections to Entra groups; switched on after the service exists."
    )
    disable_authentication: bool = Field(
        False, description="For a tenant that holds no users and devices, only the gateway's subscription."
    )
    admin_consent: AdminConsent = AdminConsent.AUTOMATIC
    deployment_model: DeploymentModel = DeploymentModel.SCALE_SET
    config_mgr_version: Annotated[str, Field(pattern=r"^2[0-9](0[1-9]|1[0-2])$")] | None = Field(
        None, description="Such as 2409. Default: the newest."
    )
    profile_name: ProfileName | None = Field(
        None,
        alias="profile",
        description="Revision of the manual article that the two apps follow. Default: the newest that is "
        "right for configMgrVersion.",
    )
    owners: Annotated[tuple[Owner, ...], Field(max_length=20)] = ()
    notices: NoticePreferences = Field(default_factory=lambda: NoticePreferences.model_validate({}))
    labels: Annotated[dict[Label, LabelValue], Field(max_length=20)] = Field(
        default_factory=dict, json_schema_extra={"default": {}}
    )

    @property
    def profile(self) -> Profile:
        """What the two apps must look like."""
        if self.profile_name:
            return profiles.PROFILES[self.profile_name]
        return profiles.for_version(self.config_mgr_version)

    @property
    def providers(self) -> tuple[str, ...]:
        """The resource providers that the gateway needs."""
        return BY_MODEL[self.deployment_model]

    @property
    def hands_over_a_secret(self) -> bool:
        """Whether the request itself holds a client secret, which must not be kept with it."""
        return bool(self.server_app.existing and self.server_app.existing.secret)

    def faults(self) -> Iterator[tuple[str, str]]:
        """What fields can't be together: a JSON pointer and a sentence each."""
        yield from self._existing_faults()
        us_government = self.azure_environment is AzureEnvironment.US_GOVERNMENT
        if fault := versions.fault(
            self.deployment_model, self.config_mgr_version, us_government=us_government
        ):
            yield "/deploymentModel", fault
        if fault := profiles.fault(self.profile, self.config_mgr_version):
            yield "/profile", fault
        if self.group_discovery.enabled and not self.group_discovery.group_names:
            yield "/groupDiscovery/groupNames", "Name the groups to discover, or switch group discovery off."
        if self.group_sync and self.disable_authentication:
            yield (
                "/disableAuthentication",
                "Authentication must stay enabled in a tenant to which collections are synchronized.",
            )

    def _existing_faults(self) -> Iterator[tuple[str, str]]:
        """What an application that is there already can't be given."""
        for field, app in (("serverApp", self.server_app), ("clientApp", self.client_app)):
            if app.existing:
                for name in sorted(app.model_fields_set - {"existing"}):
                    yield (
                        f"/{field}/{to_camel(name)}",
                        "An existing app is not changed; leave it out.",
                    )
        existing = self.server_app.existing
        if existing is None:
            return
        if (existing.client_id is None) == (existing.connection_id is None):
            yield (
                "/serverApp/existing",
                "Give either clientId (to import) or connectionId (to share).",
            )
        elif existing.client_id and (existing.vault_secret is None) == (existing.secret is None):
            yield (
                "/serverApp/existing",
                "Give either vaultSecret (a name) or secret (itself, once).",
            )
        elif existing.connection_id and (existing.vault_secret or existing.secret):
            yield "/serverApp/existing", "The secret of the other connection is used; leave it out here."
