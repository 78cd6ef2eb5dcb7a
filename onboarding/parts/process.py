"""The parts below the API, put together from the settings: storage, runs, expirations, notices, the cloud.

Every part is created when it is first needed. Creating one does no I/O. Modules that import an SDK of the
cloud are imported with the part that needs them, so an HTTP call after a cold start does not wait for that.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from onboarding import version
from onboarding.audit.audit_event import EventSubject
from onboarding.clock import Clock, MovedClock, SystemClock
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.environments import ENVIRONMENTS, Environment
from onboarding.connections.app_users import AppUsers
from onboarding.drift.inspection_step import INSPECTION, InspectionStep
from onboarding.expiry.user_responses import UserResponses
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.plans import OPERATIONS, PLANS
from onboarding.lifecycle.requests import REQUESTER
from onboarding.lifecycle.run_events import RunEvents
from onboarding.notices import delivery_plans, digests
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.renewal_reminders import RenewalReminders
from onboarding.parts.messaging import Messaging
from onboarding.parts.stores import Stores
from onboarding.recovery.epoch import Epoch
from onboarding.recovery.epoch_witness import EpochWitness
from onboarding.recovery.traces import Traces
from onboarding.settings import Settings
from onboarding.storage import names
from onboarding.subjects import subject
from onboarding.words import log as words_in_logs
from onboarding.workflow import retry
from onboarding.workflow.engine import Engine
from onboarding.workflow.plan import Plan
from onboarding.workflow.run import Head
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.run_trail import RunTrail
from onboarding.workflow.runtime import Limits, Runtime

log = logging.getLogger(__name__)


_SDK_LOGGERS: Final = ("azure", "httpx")
"""They log each request at INFO."""


class Parts:
    """The parts of the triggers and the API."""

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

    @functools.cached_property
    def stores(self) -> Stores:
        """What is kept in the storage account."""
        return Stores(self.settings, self.clock)

    @functools.cached_property
    def messaging(self) -> Messaging:
        """What notifies people and programs."""
        return Messaging(
            settings=self.settings,
            clock=self.clock,
            stores=self.stores,
            clouds=lambda: self.clouds,
            runs=lambda: self.notice_runs,
            is_present=self.epoch.is_present,
        )

    # Runs

    @functools.cached_property
    def onboarding_runs(self) -> Runtime:
        """The onboardings."""
        return self._runtime(
            names.STEPS_QUEUE,
            names.ONBOARDINGS,
            RunIndex(self.stores.tables, names.ONBOARDING_INDEX, owner=REQUESTER),
            PLANS,
            lambda _: self.services,
            open_runs=self.settings.max_open_onboardings,
            told=True,
        )

    @functools.cached_property
    def operation_runs(self) -> Runtime:
        """The renewals and removals."""
        return self._runtime(
            names.OPERATIONS_QUEUE,
            names.OPERATIONS,
            RunIndex(self.stores.tables, names.OPERATION_INDEX, owner=REQUESTER),
            OPERATIONS,
            lambda _: self.services,
            told=True,
        )

    @functools.cached_property
    def notice_runs(self) -> Runtime:
        """The deliveries of notices."""
        return self._runtime(
            names.NOTICES_QUEUE,
            names.NOTICES,
            RunIndex(self.stores.tables, names.NOTICE_INDEX, history=False),
            delivery_plans.PLANS,
            lambda _: self.messaging.delivery_services,
            delivery_plans.POLICIES,
            rebuild=functools.partial(digests.rebuild, self.stores.tables),
        )

    @functools.cached_property
    def inspection_runs(self) -> Runtime:
        """The inspections."""
        return self._runtime(
            names.INSPECTIONS_QUEUE,
            names.INSPECTIONS,
            RunIndex(self.stores.tables, names.INSPECTION_INDEX, history=False),
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
        return {queue: Engine(runs, self.stores.poison_messages) for queue, runs in self.runs.items()}

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
        told: bool = False,
        rebuild: Callable[[str], Awaitable[Head | None]] | None = None,
    ) -> Runtime:
        stalled = timedelta(seconds=self.settings.stalled_after_seconds)

        def request_of(head: Head) -> Any:
            return plans[head.plan].request_of(head)

        def about(head: Head) -> EventSubject:
            return subject(request_of(head))

        trail = RunTrail(tables=self.stores.tables, table=table, trail=self.stores.trail, subject=about)
        return Runtime(
            store=RunStore(self.stores.tables, table, trail),
            index=index,
            queues=self.stores.queues,
            queue=queue,
            plans=plans,
            services=services,
            clock=self.clock,
            limits=Limits(open_runs=open_runs, stalled=stalled, lease=min(stalled, Limits().lease)),
            policies=policies,
            watch=self._run_events(request_of) if told else None,
            rebuild=rebuild,
        )

    def _run_events(self, request_of: Callable[[Head], Any]) -> RunEvents:
        return RunEvents(
            self.messaging.notices,
            request_of,
            connection=self.stores.connection_store.get,
            onboarding=lambda run: self.onboarding_runs.store.head(run),  # noqa: PLW0108 - of itself
        )

    # The cloud

    @functools.cached_property
    def clouds(self) -> Clouds:
        """The clients of the cloud."""
        from onboarding.cloud.azure_clouds import AzureClouds  # noqa: PLC0415 - see the module's docstring

        states = self.messaging.consent_states
        return AzureClouds.of(self.settings, self.environment, self.epoch.need_present, states.of)

    @functools.cached_property
    def epoch(self) -> Epoch:
        """Whether storage and the vault are from the same time."""
        witness = EpochWitness(lambda: self.stores.ledgers)
        return Epoch(self.stores.tables, lambda: self.clouds.vault, witness)

    @functools.cached_property
    def services(self) -> Services:
        """What the steps of onboardings, renewals and removals share."""
        return Services(
            clouds=self.clouds,
            connections=self.stores.connection_store,
            app_users=AppUsers(self.stores.tables),
            warning_schedule=self.stores.warning_schedule,
            clock=self.clock,
            onboardings=self.onboarding_runs,
            operations=self.operation_runs,
            reminders=RenewalReminders(self.messaging.notices, self.messaging.receipts),
        )

    @functools.cached_property
    def responses(self) -> UserResponses:
        """The responses of people to warnings."""
        return UserResponses(
            connections=self.stores.connection_store,
            audit=self.onboarding_runs.store,
            notices=self.messaging.notices,
            cadence=self.stores.cadence,
            clock=self.clock,
        )

    @functools.cached_property
    def inspection_step(self) -> InspectionStep:
        """Inspects connections."""
        return InspectionStep(
            directory=self.clouds.directory,
            subscription=self.clouds.subscription,
            connections=self.stores.connection_store,
            inspection_schedule=self.stores.inspection_schedule,
            drift_index=self.stores.drift_index,
            warning_schedule=self.stores.warning_schedule,
            notices=DifferenceNotices(
                tables=self.stores.tables,
                connections=self.stores.connection_store,
                notices=self.messaging.notices,
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
