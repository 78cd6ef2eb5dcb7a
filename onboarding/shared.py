"""What several resources of the API share, put together from the parts below it (``parts``)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from onboarding.api.acceptance import Acceptance
from onboarding.api.attention_cases import CaseCode, CaseList
from onboarding.api.attention_chains import Chains
from onboarding.api.attention_expirations import LongRuns, UrgentExpirations
from onboarding.api.attention_records import Drifts, Messages, Rows
from onboarding.api.attention_runs import FailedDeliveries, FailedRuns, WaitingRuns
from onboarding.api.attention_sites import WaitingSites
from onboarding.api.callers import Callers
from onboarding.api.channels import ChannelReports
from onboarding.api.connections import Connections
from onboarding.api.consent_pages import ConsentPages
from onboarding.api.feed_store import FeedStore
from onboarding.api.handover_links import HandoverLinks
from onboarding.api.operations import Operations
from onboarding.api.runs import Runs
from onboarding.api.secret_budget import SecretBudget
from onboarding.api.tenants import ServedTenants
from onboarding.api.unreadable_connections import UnreadableConnections
from onboarding.connections.site_waits import SiteWaits
from onboarding.expiry.handovers import Handovers
from onboarding.lifecycle.name_reservations import NameReservations
from onboarding.lifecycle.requests import ASKER
from onboarding.parts.process import Parts
from onboarding.recovery.reconciler import Reconciler
from onboarding.storage.unreadable_rows import UnreadableRows
from onboarding.texts import phrases
from onboarding.workflow.run import RunStatus


class Shared:
    """Each member is created when it is first needed. Creating one does no I/O."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @functools.cached_property
    def callers(self) -> Callers:
        """Who calls."""
        settings, environment = self._parts.settings, self._parts.environment
        return Callers(
            tenant=settings.home_tenant_id,
            audience=settings.api_audience,
            issuers=environment.issuers(settings.home_tenant_id),
            keys_url=environment.keys(settings.home_tenant_id),
            certificate=settings.local_cloud_ca,
            seen=self.feed_store.seen,
        )

    @functools.cached_property
    def secret_budget(self) -> SecretBudget:
        """How many client secrets a requester may provide."""
        return SecretBudget(self._parts.stores.tables, self._parts.clock)

    @functools.cached_property
    def feed_store(self) -> FeedStore:
        """The calendar subscriptions."""
        return FeedStore(self._parts.stores.tables, self._parts.clock)

    @functools.cached_property
    def tenants(self) -> ServedTenants:
        """The tenants that are served."""
        settings = self._parts.settings
        return ServedTenants(
            home=settings.home_tenant_id, others=frozenset(map(str, settings.served_tenants))
        )

    @functools.cached_property
    def onboarding_runs(self) -> Runs:
        """The onboardings, for callers."""
        return Runs(runs=self._parts.onboarding_runs, path="onboardings", noun=phrases.THE_ONBOARDING.of())

    @functools.cached_property
    def operation_runs(self) -> Runs:
        """The renewals and removals, for callers."""
        return Runs(
            runs=self._parts.operation_runs, path="operations", noun=phrases.THE_OPERATION.of(), asker=ASKER
        )

    @functools.cached_property
    def operations(self) -> Operations:
        """Starts renewals and removals."""
        return Operations(
            runs=self.operation_runs, runtime=self._parts.operation_runs, clock=self._parts.clock
        )

    @functools.cached_property
    def connections(self) -> Connections:
        """The connections, for callers."""
        parts = self._parts
        return Connections(
            store=parts.stores.connection_store, cadence=parts.stores.cadence, clock=parts.clock
        )

    @functools.cached_property
    def unreadable_connections(self) -> UnreadableConnections:
        """What is known about connections whose records cannot be read."""
        return UnreadableConnections(onboardings=self._parts.onboarding_runs, operations=self.operations)

    @functools.cached_property
    def case_lists(self) -> Sequence[CaseList]:
        """The lists of what needs attention."""
        parts = self._parts
        return (
            WaitingRuns(parts.onboarding_runs, "onboardings"),
            WaitingRuns(parts.operation_runs, "operations"),
            FailedRuns(CaseCode.ONBOARDING_FAILED, parts.onboarding_runs, "onboardings"),
            FailedRuns(CaseCode.OPERATION_FAILED, parts.operation_runs, "operations"),
            FailedDeliveries(parts.notice_runs),
            FailedRuns(CaseCode.INSPECTION_FAILED, parts.inspection_runs),
            Messages(parts.stores.poison_messages, parts.runs),
            Chains(parts.stores.trail_gaps, parts.stores.trail_watch),
            Rows(UnreadableRows(parts.stores.tables)),
            UrgentExpirations(
                calendar=parts.stores.calendar,
                connections=parts.stores.connection_store,
                responses=parts.responses,
                clock=parts.clock,
            ),
            WaitingSites(
                waits=self.site_waits,
                connections=parts.stores.connection_store,
                notices=parts.messaging.notices,
                clock=parts.clock,
            ),
            LongRuns(parts.onboarding_runs, RunStatus.NOT_STARTED),
            LongRuns(parts.onboarding_runs, RunStatus.RUNNING),
            Drifts(
                index=parts.stores.drift_index,
                connections=parts.stores.connection_store,
                inspect=lambda connection: parts.inspection_step.inspect_now(connection),  # noqa: PLW0108 - no SDK before
                clock=parts.clock,
            ),
        )

    @functools.cached_property
    def handovers(self) -> Handovers:
        """Confirms that sites are connected."""
        parts = self._parts
        return Handovers(
            connections=parts.stores.connection_store,
            audit=parts.onboarding_runs.store,
            notices=parts.messaging.notices,
            clock=parts.clock,
        )

    @functools.cached_property
    def handover_links(self) -> HandoverLinks:
        """The links that confirm that."""
        return HandoverLinks(connections=self._parts.stores.connection_store, handovers=self.handovers)

    @functools.cached_property
    def site_waits(self) -> SiteWaits:
        """The connections that wait for their site."""
        return SiteWaits(self._parts.stores.tables)

    @functools.cached_property
    def channel_reports(self) -> ChannelReports:
        """What is known about the channels."""
        parts = self._parts
        return ChannelReports(
            names=parts.messaging.channel_names,
            states=parts.messaging.channel_states,
            deliveries=parts.notice_runs,
            routing=parts.messaging.routing,
        )

    @functools.cached_property
    def consent_pages(self) -> ConsentPages:
        """The pages for administrators who consent."""
        parts = self._parts
        return ConsentPages(
            secrets=parts.messaging.channel_secrets, key=parts.settings.link_key, clock=parts.clock
        )

    @functools.cached_property
    def reconciler(self) -> Reconciler:
        """Corrects the records after a restore."""
        parts = self._parts
        return Reconciler(
            services=lambda: parts.services,
            epoch=parts.epoch,
            served=lambda: (tenant for tenant, _ in self.tenants.all()),
            time_limit_days=parts.settings.renewal_time_limit_days,
        )

    @functools.cached_property
    def acceptance(self) -> Acceptance:
        """Accepts requests for onboardings."""
        parts = self._parts
        return Acceptance(
            environment=parts.environment.name,
            tenants=self.tenants,
            channels=parts.settings.notice_channels,
            connections=parts.stores.connection_store,
            reservations=NameReservations(
                parts.stores.tables,
                onboardings=parts.onboarding_runs,
                connections=parts.stores.connection_store,
                clock=parts.clock,
            ),
            runtime=parts.onboarding_runs,
            services=lambda: parts.services,
            secrets=self.secret_budget,
            mail_domains=parts.messaging.mail_domains,
            clock=parts.clock,
        )
