"""The fields of the Azure Services Wizard, as a portal posts them. Defaults are written down here only.

Source: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard
and "Configure Microsoft Entra ID for CMG".
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from onboarding.cmg import identifiers

_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that a name may not hold: control, format (right-to-left marks), unassigned."""


def _plain(text: str) -> str:
    """Text that looks the same wherever it is shown."""
    if text != text.strip():
        raise ValueError("must not begin or end with white space")
    for position, character in enumerate(text):
        if unicodedata.category(character) in _INVISIBLE:
            raise ValueError(f"must not hold the invisible character U+{ord(character):04X} (at {position})")
    return text


Name = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain)]
Text = Annotated[str, Field(max_length=1024), AfterValidator(_plain)]


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


class WizardModel(BaseModel):
    """JSON in camel case; unknown fields and wrong types are faults, not guesses."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )


class ServerApp(WizardModel):
    """The web (server) app registration."""

    name: Name = Field("ConfigMgr Server Application", description="Display name in Entra ID.")
    home_page_url: Annotated[
        str, Field(max_length=255, pattern=r"^https?://[^\s\"'<>\\]+$"), AfterValidator(_plain)
    ] = Field("https://ConfigMgrService", description="Required by Entra ID; ConfigMgr does not use it.")
    app_id_uri: str | None = Field(
        None, description="Default: api://{tenantId}/{clientId}, which passes every tenant policy."
    )
    secret_validity: SecretValidity | None = Field(
        None, description="P1Y (default) or P2Y. Not together with secretEndDate."
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


class ClientApp(WizardModel):
    """The native (client) app registration."""

    name: Name = Field("ConfigMgr Client Application", description="Display name in Entra ID.")


class UserDiscovery(WizardModel):
    """Entra user discovery. The server app asks for Directory.Read.All only when it is on."""

    enabled: bool = False


class OnboardingRequest(WizardModel):
    """Everything the wizard asks for."""

    name: Name = Field(description="Name of the connection in the ConfigMgr console.")
    description: Text = ""
    service: Literal["CloudManagement"] = "CloudManagement"
    azure_environment: AzureEnvironment = AzureEnvironment.PUBLIC
    tenant_id: UUID
    subscription_id: UUID
    server_app: ServerApp = Field(default_factory=lambda: ServerApp.model_validate({}))
    client_app: ClientApp = Field(default_factory=lambda: ClientApp.model_validate({}))
    user_discovery: UserDiscovery = Field(default_factory=lambda: UserDiscovery.model_validate({}))
