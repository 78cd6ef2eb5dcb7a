"""The parts below the API, put together from the settings: storage, engines, expirations, notices, the cloud.

What talks to Graph, Resource Manager and Key Vault is imported when the first step runs: an HTTP call after
a cold start does not pay for it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from onboarding.clock import Clock, MovedClock, SystemClock
from onboarding.cloud.environments import ENVIRONMENTS, Environment
from onboarding.connections.cadence import Cadence
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.drift import inspection_plan
from onboarding.drift.drift_index import DriftIndex
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.drift.inspection_step import InspectionStep
from onboarding.drift.inspection_sweep import InspectionSweep
from onboarding.expiry.sweep import ExpirySweep
from onboarding.expiry.user_responses import UserResponses
from onboarding.lifecycle.automatic_renewals import AutomaticRenewals
from onboarding.lifecycle.plans import OPERATIONS, PLANS
from onboarding.notices import delivery_plans
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.failing_deliveries import FailingDeliveries
from onboarding.notices.notice import Notices
from onboarding.notices.renewal_reminders import RenewalReminders
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.settings import Settings
from onboarding.storage import account, names
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables
from onboarding.workflow import retry
from onboarding.workflow.engine import Engine, Handler, Limits
from onboarding.workflow.plan import Plan
from onboarding.workflow.poison_messages import PoisonMessages
from onboarding.workflow.run_index import Index
from onboarding.workflow.run_store import RunStore

if TYPE_CHECKING:
    from onboarding.cloud.clouds import Clouds
    from onboarding.cloud.directory import Directory
    from onboarding.lifecycle.context import Services

Handlers = Callable[[], Mapping[str, Handler]]


class Parts:
    """What the triggers and the API are made of. Making it does no I/O."""

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
        self.engine = self._engine(
            names.ONBOARDINGS,
            Index(self.tables, names.ONBOARDING_INDEX),
            names.STEPS_QUEUE,
            PLANS,
            self._step_handlers,
        )
        self.operation_engine = self._engine(
            names.OPERATIONS,
            Index(self.tables, names.OPERATION_INDEX),
            names.OPERATIONS_QUEUE,
            OPERATIONS,
            self._operation_handlers,
        )
        self.deliveries = self._engine(
            names.NOTICES,
            Index(self.tables, names.NOTICE_INDEX, history=False),
            names.NOTICES_QUEUE,
            {**delivery_plans.PLANS, **inspection_plan.PLANS},
            self._notice_handlers,
            delivery_plans.POLICIES,
        )
        self.routing = _routing(settings)
        self.notices = Notices(engine=self.deliveries, clock=self.clock, routing=self.routing)
        self.failing = FailingDeliveries(index=self.deliveries.index, store=self.deliveries.store)
        self.channel_secrets = ChannelSecrets(lambda: self.clouds.vault, self.clock)
        self.links = NoticeLinks(
            secrets=self.channel_secrets,
            key=settings.link_key,
            origin=settings.public_url.rstrip("/"),
            clock=self.clock,
        )
        self.responses = UserResponses(
            connections=self.connection_store, audit=self.engine.store, clock=self.clock
        )

    def _engine(  # noqa: PLR0917 - told apart by their types
        self,
        table: str,
        index: Index,
        queue: str,
        plans: Mapping[str, Plan],
        handlers: Handlers,
        policies: retry.Policies = retry.CLOUD,
    ) -> Engine:
        return Engine(
            store=RunStore(self.tables, table),
            index=index,
            queues=self.queues,
            queue=queue,
            plans=plans,
            handlers=functools.cache(handlers),
            clock=self.clock,
            poison_messages=self.poison_messages,
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
            engine=self.operation_engine,
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
            engine=self.deliveries,
            clock=self.clock,
        )

    @functools.cached_property
    def clouds(self) -> Clouds:
        """The clients of the cloud."""
        from onboarding.cloud.clouds import Clouds  # noqa: PLC0415 - see the module's docstring
        from onboarding.cloud.identity import Identity  # noqa: PLC0415

        settings = self.settings
        identity = Identity(
            self.environment,
            home_tenant=settings.home_tenant_id,
            identity_client=settings.identity_client_id,
            multitenant_client=settings.multitenant_client_id,
            certificate=settings.local_cloud_ca,
        )
        return Clouds(self.environment, identity, settings.key_vault_url, settings.local_cloud_ca)

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory."""
        return self.clouds.directory(tenant)

    @functools.cached_property
    def services(self) -> Services:
        """What the steps of an onboarding share."""
        from onboarding.lifecycle.context import Services  # noqa: PLC0415

        return Services(
            clouds=self.clouds,
            connections=self.connection_store,
            warning_schedule=self.warning_schedule,
            clock=self.clock,
            onboardings=self.engine,
            operations=self.operation_engine,
            reminders=RenewalReminders(self.notices),
        )

    def _step_handlers(self) -> Mapping[str, Handler]:
        from onboarding.lifecycle.handlers import handlers  # noqa: PLC0415

        return handlers(self.services)

    def _operation_handlers(self) -> Mapping[str, Handler]:
        from onboarding.lifecycle.handlers import operation_handlers  # noqa: PLC0415

        return operation_handlers(self.services)

    def _notice_handlers(self) -> Mapping[str, Handler]:
        from onboarding.notices.channels.people import People  # noqa: PLC0415
        from onboarding.notices.channels.webhook import NoWebhook, Webhook  # noqa: PLC0415
        from onboarding.notices.deliveries import Deliveries  # noqa: PLC0415
        from onboarding.notices.digests import Digests  # noqa: PLC0415

        url, secret = self.settings.notice_webhook_url, self.settings.notice_webhook_secret
        secrets, people = self.channel_secrets, People(self.channel_secrets)
        shared: dict[str, Any] = {
            "connections": self.connection_store,
            "people": people,
            "routing": self.routing,
            "links": self.links,
            "clock": self.clock,
        }
        deliveries = Deliveries(
            webhook=Webhook(str(url), secret, secrets, self.clock) if url else NoWebhook(),
            digests=Digests(tables=self.tables, engine=self.deliveries, **shared),
            failing=self.failing,
            **shared,
        )
        inspection_step = InspectionStep(
            directory=self.directory,
            connections=self.connection_store,
            inspection_schedule=self.inspection_schedule,
            drift_index=self.drift_index,
            warning_schedule=self.warning_schedule,
            notices=self.notices,
            clock=self.clock,
        )
        return {**deliveries.handlers(), **inspection_step.handlers()}


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
