"""What a reconciliation finds after a restore: what it corrects, and what requires a decision."""

from __future__ import annotations

from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, Severity

_NOTHING: Final = "No action is required."

# Corrected

CONNECTION_TAKEN_UP: Final = ErrorType(
    code="connection-taken-up",
    severity=Severity.INFORMATION,
    actor=Actor.NOBODY,
    title="A connection was onboarded after the backup",
    detail="The record of the connection '{name}' is restored from its copy in Key Vault.",
    remedy=_NOTHING,
)
CONNECTION_REMOVED: Final = ErrorType(
    code="connection-removed",
    severity=Severity.INFORMATION,
    actor=Actor.NOBODY,
    title="A connection was off-boarded after the backup",
    detail="Nothing of '{name}' is left in the tenant or in Key Vault, so its record is removed.",
    remedy=_NOTHING,
)
SECRET_TAKEN_UP: Final = ErrorType(
    code="secret-taken-up",
    severity=Severity.INFORMATION,
    actor=Actor.NOBODY,
    title="A client secret was renewed after the backup",
    detail="The record of '{name}' has the current client secret, which expires on {ends_at:%Y-%m-%d}.",
    remedy=_NOTHING,
)
RENEWAL_TAKEN_UP: Final = ErrorType(
    code="renewal-taken-up",
    severity=Severity.WARNING,
    actor=Actor.OPERATOR,
    title="A renewal began after the backup",
    detail="The application of '{name}' has a new client secret in addition to the recorded one.",
    remedy="A renewal waits for the site again. Confirm it when the gateway works with the new secret.",
)

# To be decided

APPLICATION_MISSING: Final = ErrorType(
    code="application-missing",
    severity=Severity.ERROR,
    actor=Actor.OPERATOR,
    title="The server app is not in the directory",
    detail="The application of '{name}' no longer exists, but Key Vault still has secrets of the connection.",
    remedy=(
        "If the tenant was being off-boarded, off-board it again. Otherwise restore the application under "
        "App registrations, Deleted applications, within 30 days of its deletion."
    ),
)
VAULT_SECRET_OUTDATED: Final = ErrorType(
    code="vault-secret-outdated",
    severity=Severity.ERROR,
    actor=Actor.OPERATOR,
    title="The recorded client secret is not in Key Vault",
    detail="Key Vault does not have the client secret that the site of '{name}' uses.",
    remedy="Renew the client secret, and enter it at the site before the recorded one expires.",
)
CONNECTION_NAME_TAKEN: Final = ErrorType(
    code="connection-name-taken",
    severity=Severity.ERROR,
    actor=Actor.OPERATOR,
    title="Another connection has this name",
    detail=(
        "After the backup, the onboarding {onboarding} created a connection '{name}', but another one has "
        "this name."
    ),
    remedy="Off-board the connection that no site uses, then reconcile again.",
)
ONBOARDING_UNKNOWN: Final = ErrorType(
    code="onboarding-unknown",
    severity=Severity.ERROR,
    actor=Actor.OPERATOR,
    title="An onboarding has no record",
    detail="The onboarding {onboarding} created {found}, and did not end before the restore.",
    remedy=(
        "If this deployment began it, send its request again with the same Idempotency-Key: the service "
        "continues it. If no deployment needs these objects, delete them."
    ),
)
NOT_RECONCILED: Final = ErrorType(
    code="not-reconciled",
    severity=Severity.ERROR,
    actor=Actor.OPERATOR,
    title="A record could not be reconciled",
    detail="The onboarding {onboarding} could not be reconciled: {reason}",
    remedy="Reconcile again. If the error persists, find the reason in the log of the function app.",
)
TENANT_UNREADABLE: Final = ErrorType(
    code="tenant-unreadable",
    severity=Severity.ERROR,
    actor=Actor.OPERATOR,
    title="The tenant cannot be reconciled now",
    detail="{reason}",
    remedy="{action} Then reconcile again, or only this tenant (tenantId).",
)
