"""The request for a renewal of the client secret."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from onboarding.cmg.app_fields import SecretTerms, SecretValidity, VaultSecret
from onboarding.cmg.client_secrets import ClientSecret
from onboarding.cmg.faults import Faults, fault


class RenewalRequest(SecretTerms):
    """A new client secret alongside the old one."""

    vault_secret: VaultSecret | None = Field(
        None,
        description="For an imported app, which the service never changes: the name, in Key Vault, of the "
        "new secret that you created. It begins with 'import-', and its tag requestedBy is the object ID of "
        "the requester. Operators can use it without the tag.",
    )
    secret: ClientSecret | None = Field(
        None, description="Or that secret itself, once. It is stored in Key Vault and nowhere else."
    )
    time_limit_days: Annotated[int, Field(ge=0, le=365)] | None = Field(
        None,
        description="Number of days after which the old secret is removed without a confirmation. 0: never; "
        "1 counts as 2. Default: the setting RENEWAL_TIME_LIMIT_DAYS.",
    )

    def faults(self, *, imported: bool, now: datetime) -> Faults:
        """The conflicts with the connection."""
        return self._faults_of_import() if imported else self._faults_of_new_secret(now)

    def _faults_of_import(self) -> Faults:
        if (self.vault_secret is None) == (self.secret is None):
            yield fault("imported-secret-needed")
        if self.secret_validity and "secret_validity" in self.model_fields_set:  # not the default
            yield fault("imported-end-known", "/secretValidity")
        if self.secret_end_date:
            yield fault("imported-end-known", "/secretEndDate")

    def _faults_of_new_secret(self, now: datetime) -> Faults:
        for pointer, value in (("/vaultSecret", self.vault_secret), ("/secret", self.secret)):
            if value is not None:
                yield fault("secret-is-created", pointer)
        if self.secret_end_date is None:
            return
        if self.secret_validity:
            yield fault("either-of", "/secretEndDate", first="secretValidity", second="secretEndDate")
        if self.secret_end_date <= now + timedelta(days=1):
            yield fault("date-too-early", "/secretEndDate")
        if self.secret_end_date > SecretValidity.TWO_YEARS.after(now):
            yield fault("date-too-late", "/secretEndDate")
