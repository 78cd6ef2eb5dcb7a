"""The settings of a deployment, read once by the first invocation.

A setting is the environment variable (app setting in Azure) with the field's name in capitals. ``LOCAL_*``
are for the local cloud only; do not set them in Azure.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, HttpUrl, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from onboarding.errors.reserve import OwnerAction

WEBHOOK = "webhook"
"""The channel for programs. Its name is reserved."""


def _of_people(name: str) -> str:
    if name == WEBHOOK or name.startswith("subscriber-"):
        raise ValueError(f"the name {WEBHOOK} and names that begin with subscriber- are reserved")
    return name


ChannelName = Annotated[str, Field(pattern=r"^[0-9a-z][0-9a-z-]{0,60}$"), AfterValidator(_of_people)]
"""A channel for people; its URL is the secret ``notice-<name>`` in the vault."""

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Hosts of the local cloud, which need no encryption."""

DEFAULT_THRESHOLDS = (90, 60, 30, 14, 7, 1, 0)
DEFAULT_REMINDERS = (3, 10, 30)
_YEAR = 365  # days

_DOMAIN: Final = re.compile(r"[\w\-]+(\.[\w\-]+)+\.?")


def _listed(value: Any) -> Any:
    """``"90, 60"`` as a list of its parts."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """All settings of the app. Raises ``pydantic.ValidationError``, which names each invalid setting."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
        env_ignore_empty=True,
        alias_generator=str.upper,
    )

    storage_connection: str = Field("", alias="ONBOARDING_STORAGE", repr=False)
    table_service_uri: str = Field("", alias="ONBOARDING_STORAGE__tableServiceUri")
    queue_service_uri: str = Field("", alias="ONBOARDING_STORAGE__queueServiceUri")
    blob_service_uri: str = Field("", alias="ONBOARDING_STORAGE__blobServiceUri")

    azure_environment: Literal["AzurePublicCloud", "AzureUSGovernmentCloud"] = "AzurePublicCloud"
    identity_client_id: str = Field("", alias="AZURE_CLIENT_ID")
    home_tenant_id: str
    multitenant_client_id: str = ""
    served_tenants: Annotated[tuple[UUID, ...], NoDecode] = ()
    key_vault_url: str

    api_audience: Annotated[tuple[str, ...], NoDecode] = Field(min_length=1)
    public_url: str = ""
    operators_only: Annotated[tuple[OwnerAction, ...], NoDecode] = ()

    notice_webhook_url: HttpUrl | None = Field(None, repr=False)  # it may contain a token
    notice_webhook_secret: str = Field("", pattern=r"^(notice-[0-9A-Za-z-]+)?$")
    notice_channels: Annotated[tuple[ChannelName, ...], NoDecode] = ()
    notice_mail_channel: ChannelName | Literal[""] = ""
    notice_operator_channel: ChannelName | Literal[""] = ""
    notice_mail_domains: Annotated[tuple[str, ...], NoDecode] = ()
    notice_mails_per_day: int = Field(200, ge=1)
    notice_digest: Literal["off", "daily"] = "off"
    notice_escalation: ChannelName | Literal[""] = ""
    notice_escalate_after_days: int = Field(3, ge=1, le=30)
    link_key: str = Field("", pattern=r"^(link-[0-9A-Za-z-]{1,120})?$")
    expiry_thresholds: Annotated[tuple[int, ...], NoDecode] = Field(DEFAULT_THRESHOLDS, min_length=1)
    expired_repeat_days: int = Field(7, gt=0)
    handover_reminder_days: Annotated[tuple[int, ...], NoDecode] = Field(DEFAULT_REMINDERS, max_length=10)
    scripts_confirm: Literal["off", "on"] = "off"
    inspect_every_days: int = Field(7, gt=0, le=28)

    renewal_time_limit_days: int = Field(30, ge=0, le=365)

    audit_retention_days: int = Field(1095, ge=1, le=146_000)

    max_open_onboardings: int = Field(100, ge=1, le=1000)

    renew_before_days: int = Field(0, ge=0, le=365)

    stalled_after_seconds: float = Field(900, gt=0)

    local_cloud_endpoints: dict[str, str] | None = None
    local_cloud_ca: Path | None = None
    local_clock_file: Path | None = None

    _split_audience = field_validator("api_audience", mode="before")(_listed)
    _split_actions = field_validator("operators_only", mode="before")(_listed)
    _split_channels = field_validator("notice_channels", mode="before")(_listed)
    _split_domains = field_validator("notice_mail_domains", mode="before")(_listed)
    _split_tenants = field_validator("served_tenants", mode="before")(_listed)
    _split_reminders = field_validator("handover_reminder_days", mode="before")(_listed)
    _split_thresholds = field_validator("expiry_thresholds", mode="before")(_listed)

    @field_validator("notice_mail_domains")
    @classmethod
    def _names_of_domains(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_DOMAIN.fullmatch(domain) for domain in value):
            raise ValueError(
                "must be names of domains, such as contoso.com; a subdomain is a domain of its own"
            )
        return value

    @field_validator("notice_webhook_url")
    @classmethod
    def _encrypted(cls, value: HttpUrl | None) -> HttpUrl | None:
        if value and value.scheme != "https" and value.host not in _LOOPBACK:
            raise ValueError("must begin with https://")
        return value

    @field_validator("expiry_thresholds")
    @classmethod
    def _descending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 0:
            raise ValueError("days before the expiration must not be negative")
        return tuple(sorted(set(value), reverse=True))

    @field_validator("handover_reminder_days")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not all(0 <= days <= _YEAR for days in value):
            raise ValueError(f"must be days from 1 to {_YEAR}, or 0 for no reminder")
        return tuple(sorted(set(value) - {0}))

    @model_validator(mode="after")
    def _other_tenants_can_be_entered(self) -> Self:
        others = {str(tenant) for tenant in self.served_tenants} - {self.home_tenant_id.casefold()}
        if others and not self.multitenant_client_id:
            raise ValueError("SERVED_TENANTS contains other tenants: set MULTITENANT_CLIENT_ID too")
        return self

    @model_validator(mode="after")
    def _storage_is_known(self) -> Self:
        if not self.storage_connection and not (self.table_service_uri and self.queue_service_uri):
            raise ValueError(
                "set ONBOARDING_STORAGE__tableServiceUri and ONBOARDING_STORAGE__queueServiceUri"
                " (or ONBOARDING_STORAGE, locally)"
            )
        return self
