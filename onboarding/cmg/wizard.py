"""The fields of the Azure Services Wizard, as a portal posts them. Defaults are defined only here.

Source: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard
and "Configure Microsoft Entra ID for CMG".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from onboarding.cmg import profiles
from onboarding.cmg.app_fields import ClientApp, ServerApp
from onboarding.cmg.discovery import GroupDiscovery, UserDiscovery, reads_directory
from onboarding.cmg.faults import fault
from onboarding.cmg.fields import Form, Name, Text, WizardModel, Written, plain
from onboarding.cmg.profiles import Profile
from onboarding.cmg.versions import PROVIDERS, DeploymentModel, SiteVersion
from onboarding.words.word import EMPTY, Word

_ATOM: Final = r"[!#-'+*/-9=?A-Z^-~\-]+"
"""A part of an address between dots (https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3)."""

_EMAIL: Final = Form(
    rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+",
    "not-an-email-address",
)

Label = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(plain)]
ChannelName = Annotated[str, Field(max_length=61)]
LabelValue = Annotated[Word, Written(longest=256)]


def _profile(name: str) -> str:
    if name not in profiles.PROFILES:
        raise fault("not-one-of", allowed=list(profiles.PROFILES)).error()
    return name


ProfileName = Annotated[
    str, AfterValidator(_profile), Field(json_schema_extra={"enum": list(profiles.PROFILES)})
]


class AzureEnvironment(StrEnum):
    """The cloud of a tenant and its subscription."""

    PUBLIC = "AzurePublicCloud"
    US_GOVERNMENT = "AzureUSGovernmentCloud"


class AdminConsent(StrEnum):
    """Who grants the permissions of the two apps."""

    AUTOMATIC = "Automatic"  # the service if it can, otherwise an administrator
    BY_SERVICE = "ByService"  # the service, or the onboarding fails
    BY_ADMINISTRATOR = "ByAdministrator"  # an administrator: the onboarding waits


class Owner(WizardModel):
    """A person who is responsible for the connection."""

    name: Annotated[Word, Written(longest=256)] = Field(EMPTY, description="Up to 256 characters.")
    email: Annotated[str, Field(max_length=254), _EMAIL, AfterValidator(plain)] = Field(
        description="Email address. Owners receive the notices of the connection by mail, if it is set up."
    )


class NoticePreferences(WizardModel):
    """Who gets notices about the connection, besides its owners."""

    channels: Annotated[tuple[ChannelName, ...], Field(max_length=20)] | None = Field(
        None,
        description="Names of the deployment's channels that receive the notices of the connection. Default: "
        "all channels.",
    )


class OnboardingRequest(WizardModel):
    """The settings of the wizard."""

    name: Name = Field(
        description="Name of the connection in the Configuration Manager console, up to 256 characters. It "
        "is unique in its tenant, and not case-sensitive."
    )
    description: Text = Field(
        EMPTY, description="Shown in the console next to the name. Up to 1,024 characters."
    )
    service: Literal["CloudManagement"] = Field(
        "CloudManagement", description="The service that the wizard offers. No other is supported."
    )
    azure_environment: AzureEnvironment = Field(
        AzureEnvironment.PUBLIC, description="The cloud of the tenant. A deployment serves one of them."
    )
    tenant_id: UUID = Field(description="The tenant to onboard.")
    subscription_id: UUID | None = Field(
        None,
        description="A subscription in that tenant, which will contain the gateway. Omit it for a tenant of "
        "users and devices whose gateway is in another tenant: the service then makes no call to Azure "
        "Resource Manager.",
    )
    server_app: ServerApp = Field(
        default_factory=lambda: ServerApp.model_validate({}), json_schema_extra={"default": {}}
    )
    client_app: ClientApp | None = Field(
        default_factory=lambda: ClientApp.model_validate({}),
        json_schema_extra={"default": {}},
        description="The native (client) app registration. Null: none, for a tenant that has only the "
        "gateway. It requires subscriptionId and disableAuthentication.",
    )
    user_discovery: UserDiscovery = Field(
        default_factory=lambda: UserDiscovery.model_validate({}), json_schema_extra={"default": {}}
    )
    group_discovery: GroupDiscovery = Field(
        default_factory=lambda: GroupDiscovery.model_validate({}), json_schema_extra={"default": {}}
    )
    group_sync: bool = Field(
        False,
        description="Whether collections are synchronized to Entra groups. The server app then requests "
        "Directory.Read.All. Synchronization also requires userDiscovery. Not together with "
        "disableAuthentication.",
    )
    disable_authentication: bool = Field(
        False,
        description="For a tenant that has the gateway's subscription but no users or devices. No cmdlet "
        "sets it; the handover script shows where to set it in the console.",
    )
    admin_consent: AdminConsent = Field(
        AdminConsent.AUTOMATIC,
        description="Automatic: the service grants consent to the apps that it creates where it has the "
        "permission; otherwise, and for existing apps, the onboarding waits for an administrator. ByService: "
        "the service grants consent, or the onboarding fails; for existing apps, only an operator can "
        "request it. ByAdministrator: the onboarding always waits for an administrator.",
    )
    deployment_model: DeploymentModel = Field(
        DeploymentModel.SCALE_SET,
        description="Where the gateway will run. CloudService is refused: Microsoft retired cloud services "
        "(classic) on August 31, 2024.",
    )
    config_mgr_version: SiteVersion | None = Field(
        None, description="Version of the site, such as 2409. Default: the newest."
    )
    profile_name: ProfileName | None = Field(
        None,
        alias="profile",
        description="Revision of the manual article that the two apps follow. Default: the newest revision "
        "that fits configMgrVersion.",
    )
    owners: Annotated[tuple[Owner, ...], Field(max_length=20)] = Field(
        (), description="People who are responsible for the connection, up to 20."
    )
    notices: NoticePreferences = Field(
        default_factory=lambda: NoticePreferences.model_validate({}), json_schema_extra={"default": {}}
    )
    labels: Annotated[dict[Label, LabelValue], Field(max_length=20)] = Field(
        default_factory=dict,
        json_schema_extra={"default": {}},
        description="Up to 20 labels of your own. Names have up to 64 characters, values up to 256.",
    )

    @field_validator("tenant_id", mode="before")
    @classmethod
    def _known_to_the_apps(cls, value: Any, info: ValidationInfo) -> Any:
        """An App ID URI can contain the tenant ID, as the request spells it."""
        if info.context is not None and isinstance(value, str):
            info.context["tenant"] = value
        return value

    @property
    def tenant(self) -> str:
        """The tenant to onboard, as text."""
        return str(self.tenant_id)

    @property
    def profile(self) -> Profile:
        """The required properties of the two apps."""
        if self.profile_name:
            return profiles.PROFILES[self.profile_name]
        return profiles.for_version(self.config_mgr_version)

    def need_client_app(self) -> ClientApp:
        """The client app of a request that has one. Raises ``LookupError``."""
        if self.client_app is None:
            raise LookupError("the request has no client app")
        return self.client_app

    @property
    def providers(self) -> tuple[str, ...]:
        """The resource providers that the gateway needs; none without a subscription to register them in."""
        return PROVIDERS.get(self.deployment_model, ()) if self.subscription_id else ()

    @property
    def reads_directory(self) -> bool:
        """Whether the server app needs permission to read the directory."""
        return reads_directory(
            users=self.user_discovery.enabled, groups=self.group_discovery.enabled, group_sync=self.group_sync
        )

    @property
    def provides_a_secret(self) -> bool:
        """Whether the request contains a client secret, which must not be stored with it."""
        return bool(self.server_app.existing and self.server_app.existing.secret)
