"""Reconciles the tenants one after another, and ends the pause once all of them are done."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from onboarding.errors import Finding, OnboardingError, recovery, requests, steps
from onboarding.lifecycle import left_behind
from onboarding.lifecycle.context import Services
from onboarding.recovery.epoch import Epoch
from onboarding.recovery.outside import VaultSecrets
from onboarding.recovery.reconciliation import Found, TenantReconciliation
from onboarding.storage.codec import Codec
from onboarding.workflow.run import Author

log = logging.getLogger(__name__)

_AT_ONCE: Final = 5
_LONGEST: Final = 60.0
"""Seconds of one call. Azure ends a request after 230:
https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout."""

_BLOCKING: Final = {recovery.NOT_RECONCILED.code}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconciliationProgress:
    """The progress of a reconciliation."""

    epoch: int  # in storage, when it began
    after: str = ""  # the last tenant that is done
    clean: bool = True  # whether all tenants so far could be reconciled


CODEC: Final = Codec(ReconciliationProgress)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one call has done."""

    found: Sequence[tuple[str, Found]]  # with their tenants
    tenants: int
    progress: ReconciliationProgress | None  # None: there are no more tenants
    paused: bool  # whether notices and removals still wait


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconciliationRequest:
    """Who reconciles what, and how."""

    author: Author
    dry_run: bool
    tenant: str | None  # only this one; then the pause does not end
    size: int  # of tenants, at most


class Reconciler:
    """Reconciles the tenants of the deployment."""

    def __init__(
        self,
        *,
        services: Callable[[], Services],
        epoch: Epoch,
        served: Callable[[], Iterable[str]],
        time_limit_days: int,
    ) -> None:
        """``services`` makes the clients of the cloud; ``served``: the tenants in the settings."""
        self._services = services
        self._epoch = epoch
        self._served = served
        self._time_limit_days = time_limit_days

    async def run(self, wanted: ReconciliationRequest, progress: ReconciliationProgress | None) -> Part:
        """Reconciles some tenants, from the progress on. Raises this app's errors for the vault."""
        services, gap = self._services(), await self._epoch.gap()
        progress = progress or ReconciliationProgress(epoch=(await self._epoch.last()).number)
        secrets = await VaultSecrets.of(services.clouds.vault)
        tenants = [wanted.tenant] if wanted.tenant else await self._tenants(services, secrets)
        left = [tenant for tenant in tenants if tenant > progress.after][: wanted.size]
        older = gap is not None and gap.kind is steps.STORAGE_RESTORED
        found: list[tuple[str, Found]] = []
        clean, done, began = progress.clean, 0, time.monotonic()
        while done < len(left) and (not done or time.monotonic() - began < _LONGEST):
            some = left[done : done + _AT_ONCE]
            results = await asyncio.gather(
                *(self._reconcile(services, tenant, secrets, wanted, older=older) for tenant in some)
            )
            for tenant, (findings, well) in zip(some, results, strict=True):
                found += [(tenant, finding) for finding in findings]
                clean = clean and well
            done += len(some)
        more = bool(left) and left[done - 1] != tenants[-1]
        if more:
            following = ReconciliationProgress(epoch=progress.epoch, after=left[done - 1], clean=clean)
            return Part(found=found, tenants=done, progress=following, paused=gap is not None)
        paused = gap is not None
        unchanged = (await self._epoch.last()).number == progress.epoch
        if paused and clean and unchanged and not wanted.dry_run and not wanted.tenant:
            await self._epoch.take_up(wanted.author.name)
            log.warning("%s has reconciled all records: notices and removals continue", wanted.author.name)
            paused = False
        return Part(found=found, tenants=done, progress=None, paused=paused)

    async def _tenants(self, services: Services, secrets: VaultSecrets) -> list[str]:
        """All tenants that may contain something of the service."""
        return sorted({*self._served(), *secrets.tenants, *await services.connections.tenants()})

    async def _reconcile(
        self,
        services: Services,
        tenant: str,
        secrets: VaultSecrets,
        wanted: ReconciliationRequest,
        *,
        older: bool,
    ) -> tuple[list[Found], bool]:
        """What was found in a tenant, and whether it could be reconciled."""
        try:
            found = await TenantReconciliation(
                services,
                tenant,
                secrets,
                author=wanted.author,
                dry_run=wanted.dry_run,
                storage_is_older=older,
                time_limit_days=self._time_limit_days,
            ).run()
        except OnboardingError as error:
            log.warning("the tenant %s could not be reconciled: %s", tenant, error.code)
            refused = left_behind.refused(services, tenant, error)
            known = secrets.of_tenant(tenant) or await services.connections.any_of_tenant(tenant)
            if refused and not known:
                return [], True  # it has never had anything
            finding: Finding = _unreadable(error)
            return [Found(finding=finding, onboarding="")], refused
        except Exception:  # one tenant does not stop the others
            log.exception("the tenant %s could not be reconciled", tenant)
            defect = requests.INTERNAL_ERROR.error()
            finding = _unreadable(defect)
            return [Found(finding=finding, onboarding="")], False
        return found, not any(item.finding.code in _BLOCKING for item in found)


def _unreadable(error: OnboardingError) -> Finding:
    """Why a tenant cannot be reconciled."""
    cause = error.as_finding()
    return recovery.TENANT_UNREADABLE.finding(reason=cause.said("detail"), action=cause.said("remedy"))
