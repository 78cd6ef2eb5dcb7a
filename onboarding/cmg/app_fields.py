"""The two app registrations in a request: created, or existing ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from onboarding.cmg import identifiers
from onboarding.cmg.client_secrets import ClientSecret
from onboarding.cmg.faults import fault
from onboarding.cmg.fields import SPACES, Form, Name, Timestamp, WizardModel, plain
from onboarding.words.word import Word

VaultSecret = Annotated[
    str,
    Form(
        r"import-[0-9A-Za-z\-]{1,120}",
        "not-a-vault-secret-name",
    ),
]


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
    """What the caller of the validation knows: ``now`` and ``tenant`` (as in the request)."""
    return (info.context or {}).get(key, otherwise)


class SecretTerms(WizardModel):
    """When a new client secret expires."""

    secret_validity: SecretValidity | None = Field(
        None,
        description="How long the client secret is valid. Not together with secretEndDate.",
        json_schema_extra={"default": "P1Y"},  # unless there is an end date
    )
    secret_end_date: Timestamp | None = Field(
        None, description="An explicit expiry date (RFC 3339), from one day to two years in the future."
    )

    @model_validator(mode="after")
    def _default_validity(self) -> Self:
        if self.secret_validity is None and self.secret_end_date is None:
            object.__setattr__(self, "secret_validity", SecretValidity.ONE_YEAR)
            self.model_fields_set.discard("secret_validity")  # null is the same as no field
        return self

    def secret_end(self, now: datetime) -> datetime:
        """When a secret made now ends."""
        return self.secret_end_date or (self.secret_validity or SecretValidity.ONE_YEAR).after(now)


class ExistingServerApp(WizardModel):
    """An existing web (server) app registration. The service checks it, and never changes or deletes it."""

    client_id: UUID | None = Field(
        None,
        description="Client ID of an existing web app to import. It is checked and never changed.",
    )
    vault_secret: VaultSecret | None = Field(
        None,
        description="Its client secret: the name of a secret in the service's Key Vault that begins with "
        "'import-'. Somebody who may write to the vault stores it, with your object ID in its tag "
        "requestedBy. Operators need no tag.",
    )
    secret: ClientSecret | None = Field(
        None, description="Or the client secret itself, once: it is stored in Key Vault and nowhere else."
    )
    connection_id: str | None = Field(
        None,
        description="Or another connection of the same tenant to which you have access. This connection then "
        "uses the same web app and client secret.",
    )
    app_id_uri: (
        Annotated[str, Field(min_length=1, max_length=identifiers.LONGEST), AfterValidator(plain)] | None
    ) = Field(
        None,
        description="For an imported web app that has several App ID URIs: the one that the site uses.",
    )


class OnDeleted(StrEnum):
    """What happens to a deleted application of this service that reserves the App ID URI."""

    REFUSE = "Refuse"  # the onboarding fails
    PURGE = "Purge"  # the service deletes it permanently


class ServerApp(SecretTerms):
    """The web (server) app registration: a new or an existing one."""

    existing: ExistingServerApp | None = None

    name: Name = Field(Word("ConfigMgr Server Application"), description="Display name in Entra ID.")
    home_page_url: Annotated[
        str,
        Field(max_length=255),
        Form(rf"""https?://[^"'<>\\{SPACES}]+""", "not-a-web-url"),
        AfterValidator(plain),
    ] = Field(
        "https://ConfigMgrService",
        description="Entra ID requires a URL. Configuration Manager does not use it.",
    )
    app_id_uri: str | None = Field(
        None,
        description="App ID URI: api://{tenantId}/{string} or https://{verifiedDomain}/{string}. Default: "
        "api://{tenantId}/{clientId}, which every tenant policy accepts.",
    )
    on_deleted: OnDeleted = Field(
        OnDeleted.REFUSE,
        description="What happens if a soft-deleted application of this service still holds appIdUri. "
        "Refuse: the onboarding fails. Purge: that application is deleted permanently, if an onboarding of "
        "the same requester created it, or an operator asks. The service never deletes applications that it "
        "did not create.",
    )

    @field_validator("app_id_uri")
    @classmethod
    def _usable(cls, value: str | None, info: ValidationInfo) -> str | None:
        # When it is read from storage, the context has no tenant, which was compared before.
        if value is not None and (found := identifiers.flaw(value, _context(info, "tenant", None))):
            raise found.error()
        return value

    @field_validator("secret_end_date")
    @classmethod
    def _ahead(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if value is None:
            return None
        now = _context(info, "now", None)
        if now is None:  # read back from storage, where it was checked before
            return value
        if value <= now + timedelta(days=1):
            raise fault("date-too-early").error()
        if value > SecretValidity.TWO_YEARS.after(now) + timedelta(days=1):
            raise fault("date-too-late").error()
        return value


class ExistingClientApp(WizardModel):
    """An existing native (client) app registration. The service checks it, and never changes it."""

    client_id: UUID = Field(
        description="Client ID of an existing native app to import. It is checked and never changed."
    )


class ClientApp(WizardModel):
    """The native (client) app registration: a new or an existing one."""

    existing: ExistingClientApp | None = None

    name: Name = Field(Word("ConfigMgr Client Application"), description="Display name in Entra ID.")
