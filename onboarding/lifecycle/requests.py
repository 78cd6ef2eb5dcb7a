"""The requests of renewals and removals, and who makes them. Onboardings have ``OnboardingRequest``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from onboarding.behalf import Behalf
from onboarding.cmg.app_fields import SecretValidity
from onboarding.cmg.renewal_request import RenewalRequest
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import Connection
from onboarding.words.word import Word
from onboarding.workflow.run import SERVICE, Author, RunStatus

OPERATOR: Final = "operator"
"""The authority of a run that an operator requested."""

REQUESTER: Final = "requester"
TENANT: Final = "tenant"
"""The lists of the index that contain a run: its owner's (object ID in Entra), and its tenant's.

An onboarding belongs to its requester. An operation belongs to the requester of that onboarding, even if an
operator requests it.
"""

ASKER: Final = "asker"
OF_ONBOARDING: Final = "onboarding"
OF_CONNECTION: Final = "connection"
"""More lists that contain an operation: of the caller who requests it, and of what it changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """The caller who requests a run."""

    id: str = ""  # object ID in Entra; empty for the service itself
    name: str = SERVICE.name
    on_behalf_of: Behalf | None = None
    traceparent: str = ""
    operates: bool = False  # it may act on what belongs to others

    @property
    def author(self) -> Author:
        """The caller, as the audit trail shows it."""
        return Author(name=self.name, id=self.id, on_behalf_of=self.on_behalf_of)

    @property
    def authority(self) -> str:
        """What the run may do beyond what belongs to its requester."""
        return OPERATOR if self.operates else ""

    def lists(self, tenant: str) -> dict[str, str]:
        """The lists that contain an onboarding in a tenant."""
        return {REQUESTER: self.id, TENANT: tenant}

    def lists_of(self, tenant: str, *, owner: str, onboarding: str, connection: str = "") -> dict[str, str]:
        """The lists that contain an operation in a tenant."""
        lists = {REQUESTER: owner, ASKER: self.id, TENANT: tenant, OF_ONBOARDING: onboarding}
        return {**lists, OF_CONNECTION: connection} if connection else lists


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What is to be undone: an onboarding, and its connection if it has one."""

    onboarding: str
    request: OnboardingRequest  # of the onboarding
    stop_as: RunStatus | None = None  # the status that the onboarding gets; None: it is unchanged
    connection: str | None = None  # to off-board

    @property
    def tenant(self) -> str:
        """The tenant of the onboarding."""
        return self.request.tenant

    @property
    def name(self) -> Word:
        """The name of the connection."""
        return self.request.name

    @property
    def labels(self) -> Mapping[str, Word]:
        """The labels of the onboarding."""
        return self.request.labels


@dataclass(frozen=True, kw_only=True, slots=True)
class Renewal:
    """Which secret is renewed, and how."""

    connection: str  # its ID, which a later connection of the same name has, too
    onboarding: str = ""  # of the connection: distinguishes it from a later one
    tenant: str
    name: Word  # of the connection
    secret_validity: SecretValidity | None = None
    secret_end_date: datetime | None = None
    vault_secret: str | None = None  # for an imported app: the name of its new secret in Key Vault
    time_limit_days: int  # until the old secret is removed without a confirmation; 0: never
    secret: str = ""  # key ID of the secret that is replaced
    labels: Mapping[str, Word] = field(default_factory=dict)  # of the connection

    @classmethod
    def of(
        cls,
        connection: Connection,
        wanted: RenewalRequest,
        *,
        time_limit_days: int,
        vault_secret: str | None = None,
    ) -> Renewal:
        """The renewal for a request.

        Args:
            connection: The owner of the secret.
            wanted: The request.
            time_limit_days: The default of the deployment.
            vault_secret: The name in Key Vault of a secret that came with the request.
        """
        given = wanted.time_limit_days
        return cls(
            connection=connection.id,
            onboarding=connection.onboarding,
            tenant=connection.tenant,
            name=connection.name,
            secret_validity=wanted.secret_validity if "secret_validity" in wanted.model_fields_set else None,
            secret_end_date=wanted.secret_end_date,
            vault_secret=vault_secret or wanted.vault_secret,
            time_limit_days=time_limit_days if given is None else given,
            secret=connection.secret.key_id,
            labels=connection.request.labels,
        )

    @property
    def end_field(self) -> str:
        """The field of the request that decides when the secret expires, as a JSON pointer."""
        return "/secretValidity" if self.secret_validity else "/secretEndDate"

    def ends_at(self, accepted_at: datetime) -> datetime:
        """When the new secret expires."""
        if self.secret_end_date:
            return self.secret_end_date.astimezone(UTC).replace(microsecond=0)
        validity = self.secret_validity or SecretValidity.ONE_YEAR
        return validity.after(accepted_at).replace(microsecond=0)
