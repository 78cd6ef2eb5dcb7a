"""The parts below the API, put together from the settings: storage, runs, expirations, notices, the cloud.

Every part is made when it is first asked for. Making one does no I/O. Modules that import an SDK of the cloud
are imported with the part that needs them, so an HTTP call after a cold start does not wait for that.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from onboarding import version
from onboarding.audit.audit_event import Subject
from onboarding.audit.trail import Trail
from onboarding.clock import Clock, MovedClock, SystemClock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.environments import ENVIRONMENTS, Environment
from onboarding.connections.app_users import AppUsers
from onboarding.connections.cadence import Cadence
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.drift.drift_index import DriftIndex
from onboarding.drift.inspection_schedule import InspectionSchedule
from onboarding.drift.inspection_step import INSPECTION, InspectionStep
from onboarding.expiry.user_responses import UserResponses
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.plans import OPERATIONS, PLANS
from onboarding.lifecycle.requests import REQUESTER
from onboarding.notices import delivery_plans
from onboarding.notices.announcing import Notices
from onboarding.notices.channel_names import ChannelNames
from onboarding.notices.channel_states import ChannelStates
from onboarding.notices.channel_watch import ChannelWatch
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.people import People
from onboarding.notices.delivery_context import Services as DeliveryServices
from onboarding.notices.delivery_log import DeliveryLog
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.mail_budget import MailBudget
from onboarding.notices.mail_domains import MailDomains
from onboarding.notices.receipts import Receipts
from onboarding.notices.renewal_reminders import RenewalReminders
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.notices.subscribers import Subscribers
from onboarding.recovery.epoch import Epoch
from onboarding.recovery.traces import Traces
from onboarding.settings import Settings
from onboarding.storage import account, names
from onboarding.storage.ledgers import Ledgers
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables
from onboarding.subjects import subject
from onboarding.words import log as words_in_logs
from onboarding.workflow import retry
from onboarding.workflow.engine import Engine
from onboarding.workflow.plan import Plan
from onboarding.workflow.poison_messages import PoisonMessages
from onboarding.workflow.run import Head
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.run_trail import RunTrail
from onboarding.workflow.runtime import Limits, Runtime

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from onboarding.notices.outgoing import Outgoing

_SDK_LOGGERS: Final = ("azure", "httpx")
"""They log each request at INFO."""


class Parts:
    """What the triggers and the API are made of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @functools.cached_property
    def environment(self) -> Environment:
        """The Azure cloud of this deployment."""
        settings = self.settings
        return ENVIRONMENTS[settings.azure_environment].redirected(settings.local_cloud_endpoints)

    @functools.cached_property
    def clock(self) -> Clock:
        """The source of time."""
        file = self.settings.local_clock_file
        return MovedClock(file) if file else SystemClock()

    # Storage

    @functools.cached_property
    def tables(self) -> Tables:
        """The tables of the storage account."""
        return Tables(account.table_service(self.settings), self.clock)

    @functools.cached_property
    def queues(self) -> Queues:
        """The queues of the storage account."""
        return Queues(account.queue_service(self.settings))

    @functools.cached_property
    def ledgers(self) -> Ledgers:
        """The append-only copy of the audit trail."""
        return Ledgers(lambda: account.blob_container(self.settings, names.LEDGERS))

    @functools.cached_property
    def trail(self) -> Trail:
        """The audit trail."""
        return Trail(tables=self.tables, ledgers=self.ledgers)

    @functools.cached_property
    def poison_messages(self) -> PoisonMessages:
        """Messages that could not be processed."""
        return PoisonMessages(self.tables, names.POISON_MESSAGES)

    @functools.cached_property
    def connection_store(self) -> ConnectionStore:
        """The connections."""
        return ConnectionStore(self.tables)

    @functools.cached_property
    def calendar(self) -> Calendar:
        """All expirations, by date."""
        return Calendar(self.tables)

    @functools.cached_property
    def cadence(self) -> Cadence:
        """When warnings are due."""
        settings = self.settings
        return Cadence(thresholds=settings.expiry_thresholds, repeat=settings.expired_repeat_days)

    @functools.cached_property
    def warning_schedule(self) -> WarningSchedule:
        """The next warning of each expiration."""
        return WarningSchedule(self.tables, self.cadence, self.calendar)

    @functools.cached_property
    def inspection_schedule(self) -> InspectionSchedule:
        """The day on which each connection is inspected."""
        return InspectionSchedule(self.tables, days=self.settings.inspect_every_days)

    @functools.cached_property
    def drift_index(self) -> DriftIndex:
        """The connections that differ from the expected state."""
        return DriftIndex(self.tables)

    # Runs

    @functools.cached_property
    def onboarding_runs(self) -> Runtime:
        """The onboardings."""
        return self._runtime(
            names.STEPS_QUEUE,
            names.ONBOARDINGS,
            RunIndex(self.tables, names.ONBOARDING_INDEX, owner=REQUESTER),
            PLANS,
            lambda _: self.services,
            open_runs=self.settings.max_open_onboardings,
        )

    @functools.cached_property
    def operation_runs(self) -> Runtime:
        """The renewals and removals."""
        return self._runtime(
            names.OPERATIONS_QUEUE,
            names.OPERATIONS,
            RunIndex(self.tables, names.OPERATION_INDEX, owner=REQUESTER),
            OPERATIONS,
            lambda _: self.services,
        )

    @functools.cached_property
    def notice_runs(self) -> Runtime:
        """The deliveries of notices."""
        return self._runtime(
            names.NOTICES_QUEUE,
            names.NOTICES,
            RunIndex(self.tables, names.NOTICE_INDEX, history=False),
            delivery_plans.PLANS,
            lambda _: self._delivery_services,
            delivery_plans.POLICIES,
        )

    @functools.cached_property
    def inspection_runs(self) -> Runtime:
        """The inspections."""
        return self._runtime(
            names.INSPECTIONS_QUEUE,
            names.INSPECTIONS,
            RunIndex(self.tables, names.INSPECTION_INDEX, history=False),
            {INSPECTION.name: INSPECTION},
            lambda _: self.inspection_step,
            delivery_plans.INSPECTIONS,
        )

    @functools.cached_property
    def runs(self) -> Mapping[str, Runtime]:
        """All runs, by their queue."""
        known = (self.onboarding_runs, self.operation_runs, self.notice_runs, self.inspection_runs)
        return {runs.queue: runs for runs in known}

    @functools.cached_property
    def engines(self) -> Mapping[str, Engine]:
        """What processes the messages of a queue, by queue."""
        return {queue: Engine(runs, self.poison_messages) for queue, runs in self.runs.items()}

    def _runtime(  # noqa: PLR0917 - told apart by their types
        self,
        queue: str,
        table: str,
        index: RunIndex,
        plans: Mapping[str, Plan[Any, Any]],
        services: Callable[[Plan[Any, Any]], Any],
        policies: retry.Policies = retry.CLOUD,
        *,
        open_runs: int = 0,
    ) -> Runtime:
        stalled = timedelta(seconds=self.settings.stalled_after_seconds)

        def about(head: Head) -> Subject:
            return subject(plans[head.plan].request_of(head))

        trail = RunTrail(tables=self.tables, table=table, trail=self.trail, subject=about)
        return Runtime(
            store=RunStore(self.tables, table, trail),
            index=index,
            queues=self.queues,
            queue=queue,
            plans=plans,
            services=services,
            clock=self.clock,
            limits=Limits(open_runs=open_runs, stalled=stalled),
            policies=policies,
        )

    # The cloud

    @functools.cached_property
    def clouds(self) -> Clouds:
        """The clients of the cloud."""
        from onboarding.cloud.azure_clouds import AzureClouds  # noqa: PLC0415 - see the module's docstring

        return AzureClouds.of(self.settings, self.environment, self.epoch.need_present)

    @functools.cached_property
    def epoch(self) -> Epoch:
        """Whether storage and the vault are of the same time."""
        return Epoch(self.tables, lambda: self.clouds.vault)

    @functools.cached_property
    def services(self) -> Services:
        """What the steps of onboardings, renewals and removals share."""
        return Services(
            clouds=self.clouds,
            connections=self.connection_store,
            app_users=AppUsers(self.tables),
            warning_schedule=self.warning_schedule,
            clock=self.clock,
            onboardings=self.onboarding_runs,
            operations=self.operation_runs,
            reminders=RenewalReminders(self.notices, self.receipts),
        )

    # Notices

    @functools.cached_property
    def notices(self) -> Notices:
        """Where notices are announced."""
        return Notices(
            runs=self.notice_runs, clock=self.clock, routing=self.routing, subscribers=self.subscribers
        )

    @functools.cached_property
    def mail_domains(self) -> MailDomains:
        """To which domains mail to owners may go."""
        settings = self.settings
        return MailDomains(
            allowed=settings.notice_mail_domains,
            home=settings.home_tenant_id,
            verified=lambda tenant: self.clouds.directory(tenant).verified_domains(),
            tables=self.tables,
            clock=self.clock,
        )

    @functools.cached_property
    def receipts(self) -> Receipts:
        """Which notices a channel has accepted."""
        return Receipts(self.tables, self.clock)

    @functools.cached_property
    def channel_secrets(self) -> ChannelSecrets:
        """The addresses and keys of the channels."""
        return ChannelSecrets(lambda: self.clouds.vault, self.clock)

    @functools.cached_property
    def links(self) -> NoticeLinks:
        """The links in messages."""
        return NoticeLinks(self.settings, secrets=self.channel_secrets, clock=self.clock)

    @functools.cached_property
    def responses(self) -> UserResponses:
        """What people answer to warnings."""
        return UserResponses(
            connections=self.connection_store,
            audit=self.onboarding_runs.store,
            cadence=self.cadence,
            clock=self.clock,
        )

    @functools.cached_property
    def routing(self) -> Routing:
        """Who gets a notice."""
        return Routing.of(self.settings)

    @functools.cached_property
    def subscribers(self) -> Subscribers:
        """The webhook subscribers."""
        return Subscribers(self.tables, lambda: self.clouds.vault)

    @functools.cached_property
    def delivery_log(self) -> DeliveryLog:
        """The deliveries of each channel."""
        return DeliveryLog(self.tables, self.notice_runs)

    @functools.cached_property
    def channel_states(self) -> ChannelStates:
        """Whether each channel works."""
        return ChannelStates(self.tables)

    @functools.cached_property
    def channel_names(self) -> ChannelNames:
        """All channels."""
        return ChannelNames(self.routing, self.subscribers)

    @functools.cached_property
    def channel_watch(self) -> ChannelWatch:
        """What follows from the states of channels."""
        return ChannelWatch(
            states=self.channel_states,
            notices=self.notices,
            runs=self.notice_runs,
            routing=self.routing,
            names=self.channel_names.all,
        )

    @functools.cached_property
    def outgoing(self) -> Outgoing:
        """What sends to channels."""
        from onboarding.notices.channels.webhook import Webhooks  # noqa: PLC0415 - no SDK for calls
        from onboarding.notices.outgoing import Outgoing  # noqa: PLC0415
        from onboarding.notices.receivers import Receivers  # noqa: PLC0415

        url, secrets = self.settings.notice_webhook_url, self.channel_secrets
        receivers = Receivers(
            url=str(url or ""),
            secret=self.settings.notice_webhook_secret,
            subscribers=self.subscribers,
            secrets=secrets,
            local=self.settings.local_cloud_endpoints is not None,
        )
        return Outgoing(
            programs=Webhooks(secrets, self.clock),
            people=People(secrets),
            find=receivers.find,
            states=self.channel_states,
            origin=self.settings.public_url.rstrip("/"),
        )

    @functools.cached_property
    def _delivery_services(self) -> DeliveryServices:
        return DeliveryServices(
            runs=self.notice_runs,
            tables=self.tables,
            connections=self.connection_store,
            outgoing=self.outgoing,
            subscribers=self.subscribers,
            routing=self.routing,
            links=self.links,
            receipts=self.receipts,
            mail_domains=self.mail_domains,
            budget=MailBudget(self.tables, self.clock, self.settings.notice_mails_per_day),
            cadence=self.cadence,
            clock=self.clock,
            is_present=self.epoch.is_present,
        )

    @functools.cached_property
    def inspection_step(self) -> InspectionStep:
        """Inspects connections."""
        return InspectionStep(
            directory=self.clouds.directory,
            subscription=self.clouds.subscription,
            connections=self.connection_store,
            inspection_schedule=self.inspection_schedule,
            drift_index=self.drift_index,
            warning_schedule=self.warning_schedule,
            notices=DifferenceNotices(
                tables=self.tables, connections=self.connection_store, notices=self.notices
            ),
            clock=self.clock,
            need_present=self.epoch.need_present,
            is_outdated=Traces(lambda: self.clouds.vault).is_outdated,
        )


@functools.cache
def parts() -> Parts:
    """The parts of this process. Raises ``pydantic.ValidationError`` if the settings are not valid."""
    words_in_logs.install()
    for name in _SDK_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    log.info("the service starts; version %s", version.current())
    values: dict[str, Any] = {}
    return Parts(Settings(**values))
