"""The request for a renewal of the client secret."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from onboarding.cmg.app_fields import SecretTerms, SecretValidity, VaultSecret
from onboarding.cmg.client_secrets import ClientSecret

_IMPORTED: Final = (
    "The service does not change an imported server app. Add a client secret to it yourself, then specify "
    "either vaultSecret (its name) or secret (its value)."
)


_IMPORTED_END: Final = "The service reads the end of an imported secret from Entra ID. Omit this field."


class RenewalRequest(SecretTerms):
    """A new client secret beside the old one."""

    vault_secret: VaultSecret | None = Field(
        None,
        description="For an imported app, which the service never changes: the name, in Key Vault, of the "
        "new secret that you created. It begins with 'import-'.",
    )
    secret: ClientSecret | None = Field(
        None, description="Or that secret itself, once. It is stored in Key Vault and nowhere else."
    )
    time_limit_days: Annotated[int, Field(ge=0, le=365)] | None = Field(
        None,
        description="Number of days after which the old secret is removed without a confirmation. 0: never. "
        "Default: the setting RENEWAL_TIME_LIMIT_DAYS.",
    )

    def faults(self, *, imported: bool, now: datetime) -> Iterator[tuple[str, str]]:
        """The conflicts with the connection: a JSON pointer and a sentence for each."""
        return self._faults_of_import() if imported else self._faults_of_new_secret(now)

    def _faults_of_import(self) -> Iterator[tuple[str, str]]:
        if (self.vault_secret is None) == (self.secret is None):
            yield "", _IMPORTED
        if self.secret_validity and "secret_validity" in self.model_fields_set:  # not the default
            yield "/secretValidity", _IMPORTED_END
        if self.secret_end_date:
            yield "/secretEndDate", _IMPORTED_END

    def _faults_of_new_secret(self, now: datetime) -> Iterator[tuple[str, str]]:
        for pointer, value in (("/vaultSecret", self.vault_secret), ("/secret", self.secret)):
            if value is not None:
                yield pointer, "The service creates the new secret. Omit this field."
        if self.secret_end_date is None:
            return
        if self.secret_validity:
            yield "/secretEndDate", "Specify either secretValidity or secretEndDate."
        if not now + timedelta(days=1) < self.secret_end_date <= SecretValidity.TWO_YEARS.after(now):
            yield "/secretEndDate", "Must be at least one day and at most two years ahead."
