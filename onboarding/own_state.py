"""The endpoints about the service itself: channels, what needs attention, audit trail and health."""

from __future__ import annotations

import functools

from onboarding.api.attention_list import AttentionResource
from onboarding.api.audit import AuditResource
from onboarding.api.channels import ChannelsResource
from onboarding.api.deliveries import DeliveriesResource
from onboarding.api.health import HealthResource, pings, rights
from onboarding.api.overview import OverviewResource
from onboarding.api.poison import PoisonResource
from onboarding.api.reconciliations import ReconciliationsResource
from onboarding.api.subscribers import SubscribersResource
from onboarding.api.unreadable import UnreadableResource
from onboarding.audit.trail_restoration import TrailRestoration
from onboarding.parts.process import Parts
from onboarding.shared import Shared
from onboarding.storage.dismissals import Dismissals
from onboarding.storage.unreadable_rows import UnreadableRows


class OwnState:
    """The resources of the API for operators, in the order of its description."""

    def __init__(self, parts: Parts, shared: Shared) -> None:
        self._parts = parts
        self._shared = shared

    @functools.cached_property
    def channels(self) -> ChannelsResource:
        """``/api/channels``."""
        return ChannelsResource(
            reports=self._shared.channel_reports, outgoing=lambda: self._parts.messaging.outgoing
        )

    @functools.cached_property
    def deliveries(self) -> DeliveriesResource:
        """``/api/channels/{name}/deliveries`` and ``/api/deliveries``."""
        return DeliveriesResource(
            log=self._parts.messaging.delivery_log, channels=self._shared.channel_reports
        )

    @functools.cached_property
    def subscribers(self) -> SubscribersResource:
        """``/api/subscribers``."""
        parts = self._parts
        return SubscribersResource(
            store=parts.messaging.subscribers,
            secrets=parts.messaging.channel_secrets,
            states=parts.messaging.channel_states,
            clock=parts.clock,
            local=parts.settings.local_cloud_endpoints is not None,
        )

    @functools.cached_property
    def overview(self) -> OverviewResource:
        """``/api/overview``."""
        parts = self._parts
        return OverviewResource(
            onboardings=parts.onboarding_runs.index,
            operations=parts.operation_runs.index,
            inspections=parts.inspection_runs.index,
            queues=parts.stores.queues,
            messages=parts.stores.poison_messages,
            unreadable=UnreadableRows(parts.stores.tables),
            jobs=parts.stores.periodic_jobs,
            trail_gaps=parts.stores.trail_gaps,
            epoch=parts.epoch,
            calendar=parts.stores.calendar,
            connections=parts.stores.connection_store,
            differences=parts.stores.drift_index,
            waits=self._shared.site_waits,
            notices=parts.notice_runs,
            channels=self._shared.channel_reports,
            clock=parts.clock,
        )

    @functools.cached_property
    def attention(self) -> AttentionResource:
        """``/api/attention``."""
        parts = self._parts
        return AttentionResource(
            lists=self._shared.case_lists, dismissals=Dismissals(parts.stores.tables), clock=parts.clock
        )

    @functools.cached_property
    def reconciliations(self) -> ReconciliationsResource:
        """``/api/reconcile``."""
        return ReconciliationsResource(self._shared.reconciler)

    @functools.cached_property
    def poison(self) -> PoisonResource:
        """``/api/poison``."""
        parts = self._parts
        return PoisonResource(
            messages=parts.stores.poison_messages,
            queues=parts.stores.queues,
            runs=parts.runs,
        )

    @functools.cached_property
    def unreadable(self) -> UnreadableResource:
        """``/api/unreadable``."""
        parts = self._parts
        return UnreadableResource(
            parts.stores.tables, parts.stores.connection_store, parts.stores.warning_schedule
        )

    @functools.cached_property
    def audit(self) -> AuditResource:
        """``/api/audit``."""
        parts = self._parts
        return AuditResource(
            trail=parts.stores.trail,
            verification=parts.stores.verification,
            restoration=TrailRestoration(
                tables=parts.stores.tables,
                verification=parts.stores.verification,
                gaps=parts.stores.trail_gaps,
                trail=parts.stores.trail,
                clock=parts.clock,
            ),
            clock=parts.clock,
            retention_days=parts.settings.audit_retention_days,
        )

    @functools.cached_property
    def health(self) -> HealthResource:
        """``/api/health``."""
        parts = self._parts
        return HealthResource(
            pings(
                tables=parts.stores.tables,
                queues=parts.stores.queues,
                ledgers=parts.stores.ledgers,
                login=self._shared.callers.ping,
                clouds=lambda: parts.clouds,
                home_tenant=parts.settings.home_tenant_id,
                epoch=parts.epoch,
            ),
            rights(
                tables=parts.stores.tables,
                queues=parts.stores.queues,
                ledgers=parts.stores.ledgers,
                clouds=lambda: parts.clouds,
                home_tenant=parts.settings.home_tenant_id,
            ),
            parts.clock,
        )
