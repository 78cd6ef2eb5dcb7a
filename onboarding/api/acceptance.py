"""Which requests for an onboarding this deployment accepts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onboarding.api.callers import Caller
from onboarding.api.problems import invalid
from onboarding.api.reading import need
from onboarding.api.tenants import ServedTenants
from onboarding.cmg.conflicts import SAME_APP, SAME_APP_POINTER, conflicts
from onboarding.cmg.wizard import AdminConsent, OnboardingRequest
from onboarding.connections.connection_store import ConnectionStore
from onboarding.errors import Finding, prerequisites, requests
from onboarding.lifecycle import ownership


class Acceptance:
    """Checks a valid request against the settings of the deployment."""

    def __init__(
        self,
        *,
        environment: str,
        tenants: ServedTenants,
        channels: Sequence[str],
        connections: ConnectionStore,
    ) -> None:
        """``environment`` is the Azure environment of this deployment; ``channels`` are those for people."""
        self._environment = environment
        self._tenants = tenants
        self._channels = channels
        self._connections = connections

    def check(self, wanted: OnboardingRequest, caller: Caller) -> None:
        """Raises ``ProblemError`` (422) unless the fields agree with each other and with the deployment."""
        need(conflicts(wanted))
        if wanted.azure_environment != self._environment:
            raise invalid(
                requests.OTHER_ENVIRONMENT.finding(
                    served=self._environment, requested=wanted.azure_environment
                )
            )
        self._tenants.check(str(wanted.tenant_id))
        by_service = wanted.admin_consent is AdminConsent.BY_SERVICE
        if by_service and ownership.imported(wanted) and not caller.operates:
            raise invalid(prerequisites.CONSENT_TO_IMPORTS.finding())
        if findings := tuple(self._unknown_channels(wanted)):
            raise invalid(*findings)

    async def check_shared(self, wanted: OnboardingRequest, caller: Caller) -> None:
        """Raises ``ProblemError`` (422) unless the caller may share the connection and its app."""
        existing = wanted.server_app.existing
        if existing is None or existing.connection_id is None:
            return
        found = await self._connections.get(existing.connection_id)
        if not found or found.tenant != str(wanted.tenant_id) or not caller.may_see(found.requester):
            raise invalid(requests.CONNECTION_NOT_FOUND.finding(connection=existing.connection_id))
        client = wanted.client_app.existing if wanted.client_app else None
        if client and str(client.client_id) == found.server_app.app_id:
            need(iter([(SAME_APP_POINTER, SAME_APP)]))

    def _unknown_channels(self, wanted: OnboardingRequest) -> Iterator[Finding]:
        """An unknown name would select a vault secret that callers must not select."""
        for number, name in enumerate(wanted.notices.channels or ()):
            if name not in self._channels:
                pointer = f"/notices/channels/{number}"
                channels = ", ".join(self._channels) or "none"
                yield requests.CHANNEL_UNKNOWN.finding(pointer, channel=name, channels=channels)
