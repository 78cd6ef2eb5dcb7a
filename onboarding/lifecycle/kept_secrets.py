"""Removes secrets from Key Vault that were provided, and that nothing uses.

These are the secrets of an onboarding or a renewal that did not succeed, and of a request that another one
overtook. The service finds them by the tags with which they were stored. They stay for a few days, so that an
operator can correct the cause and retry the run. A secret that a person stored has no such tags, and is never
removed here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from azure.core.exceptions import AzureError

from onboarding import calls
from onboarding.audit.audit_event import SERVICE, AuditEvent
from onboarding.audit.trail import Trail
from onboarding.cloud.ports import ListedSecret
from onboarding.connections.records import Connection
from onboarding.errors import OnboardingError
from onboarding.lifecycle import ownership, provided_secrets
from onboarding.lifecycle.context import Services
from onboarding.storage import keys
from onboarding.storage.unreadable_rows import UnreadableRowError

log = logging.getLogger(__name__)

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEPT: Final = timedelta(days=7)
_MOST: Final = 100
"""The number of secrets that one run removes."""


class KeptSecrets:
    """What the timer runs."""

    def __init__(
        self,
        services: Callable[[], Services],
        trail: Trail,
        reconciled_at: Callable[[], Awaitable[datetime | None]],
    ) -> None:
        """``services`` makes the clients of the cloud; ``reconciled_at``: after the last restore, if any."""
        self._reconciled_at = reconciled_at
        self._services = services
        self._trail = trail

    async def clear(self) -> int:
        """Removes unused secrets; returns their number. A vault error ends it, and the next run continues."""
        services, removed = self._services(), 0
        before = services.clock.now() - _KEPT
        try:
            for secret in await services.clouds.vault.listed(provided_secrets.PREFIX):
                if removed == _MOST:
                    break
                if secret.created_at < before:
                    removed += await self._cleared(services, secret)
        except OnboardingError as error:
            log.warning("secrets that were provided could not be cleared: %s", error.code)
        return removed

    async def _cleared(self, services: Services, secret: ListedSecret) -> bool:
        """Whether a secret was removed. A record that cannot be read keeps only its own secret.

        The audit trail has the removal before it happens, and its calls afterwards.
        """
        try:
            if not await _is_unused(services, secret, await self._reconciled_at()):
                return False
            event = _event(services, secret)
            await self._trail.add(event)
            with calls.recorded() as made:
                removed = await provided_secrets.discard(services, secret.name, secret.tags["onboarding"])
            answer = replace(event, id=keys.derived_id("answer", event.id), at=services.clock.now())
            await self._trail.add(replace(answer, calls=tuple(made)))
        except UnreadableRowError as error:
            await services.onboardings.store.note(error)
            return False
        except (OnboardingError, AzureError):
            raise
        except Exception:
            log.exception("the vault secret %s could not be judged", secret.name)
            return False
        return removed


async def _is_unused(services: Services, secret: ListedSecret, restored: datetime | None) -> bool:
    """Whether this service stored a secret, and neither a connection nor a run that can continue names it.

    A restore of storage can have lost the run of a secret that is older than the reconciliation.
    """
    onboarding, tenant, app = (secret.tags.get(name, "") for name in ("onboarding", "tenantId", "appId"))
    if not (_ID.fullmatch(onboarding) and _ID.fullmatch(tenant) and _ID.fullmatch(app)):
        return False  # it is not of the service, or somebody has changed its tags
    run = await services.onboardings.load(onboarding)
    if run is None and restored and secret.created_at < restored:
        return False
    if run and not services.onboardings.status(run).final:
        return False
    for user in await ownership.others(services, tenant, app, ""):
        if not isinstance(user, Connection):
            if not services.onboardings.status(user).final:
                return False
        elif _names(user, secret.name) or await _is_renewing(services, user):
            return False
    return True


def _names(connection: Connection, name: str) -> bool:
    return name in {record.vault_name for record in (connection.secret, connection.pending) if record}


async def _is_renewing(services: Services, connection: Connection) -> bool:
    run = await services.operations.load(connection.renewal) if connection.renewal else None
    return run is not None and not services.operations.status(run).final


def _event(services: Services, secret: ListedSecret) -> AuditEvent:
    """What the timer is about to do."""
    now, onboarding = services.clock.now(), secret.tags["onboarding"]
    return AuditEvent(
        id=keys.derived_id("discard-secret", secret.name, keys.milliseconds(now)),
        at=now,
        kind="discard_secret",
        actor=SERVICE,
        tenant=secret.tags["tenantId"],
        run=onboarding,
        detail=f"The vault secret {secret.name}, which nothing uses",
    )
