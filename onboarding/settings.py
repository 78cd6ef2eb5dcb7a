"""What a deployment can set, read once, when the first invocation needs it.

Names are environment variables (app settings in Azure). ``LOCAL_*`` exist for the local cloud only and
must never be set in Azure; ``infra/azure`` does not know them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, HttpUrl, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

WEBHOOK = "webhook"
"""The channel of programs. It needs no name in the settings, and no other has it."""


def _of_people(name: str) -> str:
    if name == WEBHOOK:
        raise ValueError(f"the name {WEBHOOK} is taken")
    return name


ChannelName = Annotated[str, Field(pattern=r"^[0-9a-z][0-9a-z-]{0,60}$"), AfterValidator(_of_people)]
"""A channel for people; its address is the vault's secret ``notice-<name>``."""

DEFAULT_THRESHOLDS = (90, 60, 30, 14, 7, 1, 0)


def _listed(value: Any) -> Any:
    """``"90, 60"`` as a list of its parts."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """All settings of the app. Raises ``pydantic.ValidationError`` that names each setting at fault."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    storage_connection: str = Field("", alias="STORAGE", repr=False)
    table_service_uri: str = Field("", alias="STORAGE__tableServiceUri")
    queue_service_uri: str = Field("", alias="STORAGE__queueServiceUri")

    azure_environment: Literal["AzurePublicCloud", "AzureUSGovernmentCloud"] = Field(
        "AzurePublicCloud", alias="AZURE_ENVIRONMENT"
    )
    identity_client_id: str = Field("", alias="AZURE_CLIENT_ID")
    home_tenant_id: str = Field(alias="HOME_TENANT_ID")
    multitenant_client_id: str = Field("", alias="MULTITENANT_CLIENT_ID")
    served_tenants: Annotated[tuple[UUID, ...], NoDecode] = Field((), alias="SERVED_TENANTS")
    key_vault_url: str = Field(alias="KEY_VAULT_URL")

    api_audience: Annotated[tuple[str, ...], NoDecode] = Field(alias="API_AUDIENCE", min_length=1)
    public_url: str = Field("", alias="PUBLIC_URL")

    notice_webhook_url: HttpUrl | None = Field(None, alias="NOTICE_WEBHOOK_URL")
    notice_webhook_secret: str = Field(
        "", alias="NOTICE_WEBHOOK_SECRET", pattern=r"^(notice-[0-9A-Za-z-]+)?$"
    )
    notice_channels: Annotated[tuple[ChannelName, ...], NoDecode] = Field((), alias="NOTICE_CHANNELS")
    notice_mail_channel: ChannelName | Literal[""] = Field("", alias="NOTICE_MAIL_CHANNEL")
    notice_digest: Literal["off", "daily"] = Field("off", alias="NOTICE_DIGEST")
    notice_escalation: ChannelName | Literal[""] = Field("", alias="NOTICE_ESCALATION")
    notice_escalate_after_days: int = Field(3, alias="NOTICE_ESCALATE_AFTER_DAYS", ge=1, le=30)
    link_key: str = Field("", alias="LINK_KEY", pattern=r"^(link-[0-9A-Za-z-]{1,120})?$")
    expiry_thresholds: Annotated[tuple[int, ...], NoDecode] = Field(
        DEFAULT_THRESHOLDS, alias="EXPIRY_THRESHOLDS", min_length=1
    )
    expired_repeat_days: int = Field(7, alias="EXPIRED_REPEAT_DAYS", gt=0)
    inspect_every_days: int = Field(7, alias="INSPECT_EVERY_DAYS", gt=0, le=28)

    renewal_time_limit_days: int = Field(30, alias="RENEWAL_TIME_LIMIT_DAYS", ge=0, le=365)

    renew_before_days: int = Field(0, alias="RENEW_BEFORE_DAYS", ge=0, le=365)

    stalled_after_seconds: float = Field(900, alias="STALLED_AFTER_SECONDS", gt=0)

    local_cloud_endpoints: dict[str, str] | None = Field(None, alias="LOCAL_CLOUD_ENDPOINTS")
    local_cloud_ca: Path | None = Field(None, alias="LOCAL_CLOUD_CA")
    local_clock_file: Path | None = Field(None, alias="LOCAL_CLOCK_FILE")

    _split_audience = field_validator("api_audience", mode="before")(_listed)
    _split_channels = field_validator("notice_channels", mode="before")(_listed)
    _split_tenants = field_validator("served_tenants", mode="before")(_listed)
    _split_thresholds = field_validator("expiry_thresholds", mode="before")(_listed)

    @field_validator("expiry_thresholds")
    @classmethod
    def _descending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 0:
            raise ValueError("days before the end can't be negative")
        return tuple(sorted(set(value), reverse=True))

    @model_validator(mode="after")
    def _other_tenants_can_be_entered(self) -> Self:
        others = {str(tenant) for tenant in self.served_tenants} - {self.home_tenant_id.casefold()}
        if others and not self.multitenant_client_id:
            raise ValueError("SERVED_TENANTS names other tenants: set MULTITENANT_CLIENT_ID, too")
        return self

    @model_validator(mode="after")
    def _storage_is_known(self) -> Self:
        if not self.storage_connection and not (self.table_service_uri and self.queue_service_uri):
            raise ValueError(
                "set STORAGE__tableServiceUri and STORAGE__queueServiceUri (or STORAGE, locally)"
            )
        return self
