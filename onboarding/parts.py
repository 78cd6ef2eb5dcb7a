"""The parts below the API, put together from the settings: storage, engines, expirations, notices, the cloud.

What talks to Graph, Resource Manager and Key Vault is imported when the first step runs: an HTTP call after
a cold start does not pay for it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from onboarding.clock import Clock, MovedClock, SystemClock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import ENVIRONMENTS, Environment
from onboarding.connections.cadence import Cadence
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.drift.drift_index import DriftIndex
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.drift.inspection_step import INSPECTION, InspectionStep
from onboarding.drift.inspection_sweep import InspectionSweep
from onboarding.expiry.sweep import ExpirySweep
from onboarding.expiry.user_responses import UserResponses
from onboarding.lifecycle.automatic_renewals import AutomaticRenewals
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.plans import OPERATIONS, PLANS
from onboarding.lifecycle.requests import REQUESTER
from onboarding.notices import delivery_plans
from onboarding.notices.announcing import Notices
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.people import People
from onboarding.notices.deliveries import Deliveries
from onboarding.notices.digests import DIGEST, Digests
from onboarding.notices.failing_deliveries import FailingDeliveries
from onboarding.notices.renewal_reminders import RenewalReminders
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.settings import Settings
from onboarding.storage import account, names
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables
from onboarding.workflow import retry
from onboarding.workflow.engine import Engine
from onboarding.workflow.plan import Plan
from onboarding.workflow.poison_messages import PoisonMessages
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.runtime import Limits, Runtime


class Parts:
    """What the triggers and the API are made of. Making a part does no I/O.

    Parts that need only settings and storage are made at once. Parts that only a timer uses, or that import
    the clients of the cloud, are made when they are first asked for.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.environment = _environment(settings)
        self.clock = _clock(settings)
        self.tables = Tables(account.table_service(settings))
        self.queues = Queues(account.queue_service(settings))
        self.poison_messages = PoisonMessages(self.tables, names.POISON_MESSAGES)
        self.connection_store = ConnectionStore(self.tables)
        self.cadence = Cadence(thresholds=settings.expiry_thresholds, repeat=settings.expired_repeat_days)
        self.calendar = Calendar(self.tables)
        self.warning_schedule = WarningSchedule(self.tables, self.cadence, self.calendar)
        self.inspection_schedule = InspectionSchedule(self.tables, days=settings.inspect_every_days)
        self.drift_index = DriftIndex(self.tables)
        self.onboarding_runs = self._runtime(
            names.ONBOARDINGS,
            RunIndex(self.tables, names.ONBOARDING_INDEX, owner=REQUESTER),
            names.STEPS_QUEUE,
            PLANS,
            lambda _: self.services,
        )
        self.operation_runs = self._runtime(
            names.OPERATIONS,
            RunIndex(self.tables, names.OPERATION_INDEX, owner=REQUESTER),
            names.OPERATIONS_QUEUE,
            OPERATIONS,
            lambda _: self.services,
        )
        self.notice_runs = self._runtime(
            names.NOTICES,
            RunIndex(self.tables, names.NOTICE_INDEX, history=False),
            names.NOTICES_QUEUE,
            {**delivery_plans.PLANS, INSPECTION.name: INSPECTION},
            self._notice_services,
            delivery_plans.POLICIES,
        )
        self.engine = Engine(self.onboarding_runs, self.poison_messages)
        self.operation_engine = Engine(self.operation_runs, self.poison_messages)
        self.deliveries = Engine(self.notice_runs, self.poison_messages)
        self.notices = Notices(runs=self.notice_runs, clock=self.clock, routing=_routing(settings))
        self.failing = FailingDeliveries(runs=self.notice_runs)
        self.channel_secrets = ChannelSecrets(lambda: self.clouds.vault, self.clock)
        self.links = NoticeLinks(
            secrets=self.channel_secrets,
            key=settings.link_key,
            origin=settings.public_url.rstrip("/"),
            clock=self.clock,
        )
        self.responses = UserResponses(
            connections=self.connection_store, audit=self.onboarding_runs.store, clock=self.clock
        )

    def _runtime(  # noqa: PLR0917 - told apart by their types
        self,
        table: str,
        index: RunIndex,
        queue: str,
        plans: Mapping[str, Plan[Any, Any]],
        services: Callable[[Plan[Any, Any]], Any],
        policies: retry.Policies = retry.CLOUD,
    ) -> Runtime:
        return Runtime(
            store=RunStore(self.tables, table),
            index=index,
            queues=self.queues,
            queue=queue,
            plans=plans,
            services=services,
            clock=self.clock,
            limits=Limits(stalled=timedelta(seconds=self.settings.stalled_after_seconds)),
            policies=policies,
        )

    @functools.cached_property
    def expiry(self) -> ExpirySweep:
        """The timer's look at the expirations."""
        return ExpirySweep(
            warning_schedule=self.warning_schedule,
            connections=self.connection_store,
            notices=self.notices,
            cadence=self.cadence,
            clock=self.clock,
        )

    @functools.cached_property
    def automatic_renewals(self) -> AutomaticRenewals:
        """The timer's look for secrets to renew."""
        return AutomaticRenewals(
            calendar=self.calendar,
            connections=self.connection_store,
            operations=self.operation_runs,
            clock=self.clock,
            days=self.settings.renew_before_days,
            time_limit_days=self.settings.renewal_time_limit_days,
        )

    @functools.cached_property
    def inspection_sweep(self) -> InspectionSweep:
        """What the timer runs to start inspections."""
        return InspectionSweep(
            inspection_schedule=self.inspection_schedule,
            calendar=self.calendar,
            runs=self.notice_runs,
            clock=self.clock,
        )

    @functools.cached_property
    def clouds(self) -> Clouds:
        """The clients of the cloud."""
        from onboarding.cloud.azure_clouds import AzureClouds  # noqa: PLC0415 - see the module's docstring
        from onboarding.cloud.identity import Identity  # noqa: PLC0415

        settings = self.settings
        identity = Identity(
            self.environment,
            home_tenant=settings.home_tenant_id,
            identity_client=settings.identity_client_id,
            multitenant_client=settings.multitenant_client_id,
            certificate=settings.local_cloud_ca,
        )
        return AzureClouds(self.environment, identity, settings.key_vault_url, settings.local_cloud_ca)

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory."""
        return self.clouds.directory(tenant)

    @functools.cached_property
    def services(self) -> Services:
        """What the steps of an onboarding share."""
        return Services(
            clouds=self.clouds,
            connections=self.connection_store,
            warning_schedule=self.warning_schedule,
            clock=self.clock,
            onboardings=self.onboarding_runs,
            operations=self.operation_runs,
            reminders=RenewalReminders(self.notices),
        )

    def _notice_services(self, plan: Plan[Any, Any]) -> Deliveries | Digests | InspectionStep:
        if plan is INSPECTION:
            return self._inspection_step
        return self._notice_channels.digests if plan is DIGEST else self._notice_channels

    @functools.cached_property
    def _notice_channels(self) -> Deliveries:
        from onboarding.notices.channels.webhook import NoWebhook, Webhook  # noqa: PLC0415

        url, secret = self.settings.notice_webhook_url, self.settings.notice_webhook_secret
        secrets = self.channel_secrets
        shared: dict[str, Any] = {
            "connections": self.connection_store,
            "people": People(secrets),
            "routing": self.notices.routing,
            "links": self.links,
            "failing": self.failing,
            "clock": self.clock,
        }
        return Deliveries(
            webhook=Webhook(str(url), secret, secrets, self.clock) if url else NoWebhook(),
            digests=Digests(tables=self.tables, runs=self.notice_runs, **shared),
            **shared,
        )

    @functools.cached_property
    def _inspection_step(self) -> InspectionStep:
        return InspectionStep(
            directory=self.directory,
            connections=self.connection_store,
            inspection_schedule=self.inspection_schedule,
            drift_index=self.drift_index,
            warning_schedule=self.warning_schedule,
            notices=self.notices,
            clock=self.clock,
        )


def _environment(settings: Settings) -> Environment:
    return ENVIRONMENTS[settings.azure_environment].redirected(settings.local_cloud_endpoints)


def _routing(settings: Settings) -> Routing:
    return Routing(
        webhook=settings.notice_webhook_url is not None,
        channels=settings.notice_channels,
        digest=settings.notice_digest == "daily",
        mail=settings.notice_mail_channel,
        escalation=settings.notice_escalation,
        escalate_after=timedelta(days=settings.notice_escalate_after_days),
    )


def _clock(settings: Settings) -> Clock:
    return MovedClock(settings.local_clock_file) if settings.local_clock_file else SystemClock()


@functools.cache
def parts() -> Parts:
    """The parts of this process. Raises ``pydantic.ValidationError`` if the settings are not valid."""
    for noisy in ("azure", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    values: dict[str, Any] = {}
    return Parts(Settings(**values))
