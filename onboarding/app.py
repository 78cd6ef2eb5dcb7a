"""The one place that puts the parts together, from the settings, when the first invocation needs them.

What talks to Graph, Resource Manager and Key Vault is imported when the first step runs: an HTTP call after
a cold start does not pay for it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import azure.functions as func
from pydantic import ValidationError

from onboarding.api import documents
from onboarding.api.acknowledgements import Acknowledgements
from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE, Caller, Callers
from onboarding.api.conformance import Conformance
from onboarding.api.connections import Connections
from onboarding.api.expirations import Expirations
from onboarding.api.feeds import Feeds
from onboarding.api.front import Endpoint, Front, answer, misconfigured
from onboarding.api.health import Health, Ping
from onboarding.api.links import Links
from onboarding.api.onboardings import Onboardings
from onboarding.api.operations import Operations
from onboarding.api.overview import Overview
from onboarding.api.poison import Poison
from onboarding.api.runs import Runs
from onboarding.api.tenants import Tenants
from onboarding.clock import Clock, MovedClock, SystemClock
from onboarding.cloud.environments import ENVIRONMENTS, Environment
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.calendar import Calendar
from onboarding.connections.clocks import Cadence
from onboarding.connections.deviations import DeviationIndex
from onboarding.connections.expirations import ExpirationIndex
from onboarding.connections.rounds import Rounds
from onboarding.connections.store import ConnectionStore
from onboarding.expiry import plans as notice_plans
from onboarding.expiry.channels.secrets import ChannelSecrets
from onboarding.expiry.links import NoticeLinks
from onboarding.expiry.looks import DirectorySweep, Looks
from onboarding.expiry.notices import Notices
from onboarding.expiry.reactions import Reactions
from onboarding.expiry.renewals import Renewals
from onboarding.expiry.routing import Routing
from onboarding.expiry.sweep import ExpirySweep
from onboarding.expiry.troubles import Troubles
from onboarding.lifecycle.plans import OPERATIONS, PLANS
from onboarding.lifecycle.renewals import AutomaticRenewals
from onboarding.settings import Settings
from onboarding.storage import account, names
from onboarding.storage.queues import Queues
from onboarding.storage.tables import Tables
from onboarding.workflow.dead_letters import DeadLetters
from onboarding.workflow.engine import Engine, Handler, Limits
from onboarding.workflow.index import Index
from onboarding.workflow.store import RunStore

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from onboarding.cloud.clouds import Clouds
    from onboarding.cloud.directory import Directory
    from onboarding.lifecycle.context import Services
    from onboarding.lifecycle.rehearsal import Rehearsal


class Application:
    """Everything that the triggers need."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.environment = _environment(settings)
        self.clock = _clock(settings)
        self.tables = Tables(account.table_service(settings))
        self.queues = Queues(account.queue_service(settings))
        self.connection_store = ConnectionStore(self.tables)
        self.cadence = Cadence(thresholds=settings.expiry_thresholds, repeat=settings.expired_repeat_days)
        self.calendar = Calendar(self.tables)
        self.expirations = ExpirationIndex(self.tables, self.cadence, self.calendar)
        self.callers = self._callers()
        self.front = Front(self.callers, settings.public_url)
        self.dead_letters = DeadLetters(self.tables, names.DEAD_LETTERS)
        limits = Limits(stalled=timedelta(seconds=settings.stalled_after_seconds))
        self.engine = Engine(
            store=RunStore(self.tables, names.ONBOARDINGS),
            index=Index(self.tables, names.ONBOARDING_INDEX),
            queues=self.queues,
            queue=names.STEPS_QUEUE,
            plans=PLANS,
            handlers=functools.cache(self._step_handlers),
            clock=self.clock,
            dead_letters=self.dead_letters,
            limits=limits,
        )
        self.operation_engine = Engine(
            store=RunStore(self.tables, names.OPERATIONS),
            index=Index(self.tables, names.OPERATION_INDEX),
            queues=self.queues,
            queue=names.OPERATIONS_QUEUE,
            plans=OPERATIONS,
            handlers=functools.cache(self._operation_handlers),
            clock=self.clock,
            dead_letters=self.dead_letters,
            limits=limits,
        )
        self.deliveries = Engine(
            store=RunStore(self.tables, names.NOTICES),
            index=Index(self.tables, names.NOTICE_INDEX, history=False),
            queues=self.queues,
            queue=names.NOTICES_QUEUE,
            plans=notice_plans.PLANS,
            handlers=functools.cache(self._notice_handlers),
            clock=self.clock,
            dead_letters=self.dead_letters,
            limits=limits,
            policies=notice_plans.POLICIES,
        )
        self.channel_secrets = ChannelSecrets(lambda: self.clouds.vault, self.clock)
        self.troubles = Troubles(index=self.deliveries.index, store=self.deliveries.store)
        self.notices = Notices(
            engine=self.deliveries,
            clock=self.clock,
            routing=_routing(settings),
        )
        self.links = NoticeLinks(
            secrets=self.channel_secrets,
            key=settings.link_key,
            origin=settings.public_url.rstrip("/"),
            clock=self.clock,
        )
        self.expiry = ExpirySweep(
            expirations=self.expirations,
            connections=self.connection_store,
            notices=self.notices,
            cadence=self.cadence,
            clock=self.clock,
        )
        self.automatic_renewals = AutomaticRenewals(
            calendar=self.calendar,
            connections=self.connection_store,
            engine=self.operation_engine,
            clock=self.clock,
            days=settings.renew_before_days,
            time_limit_days=settings.renewal_time_limit_days,
        )
        self.rounds = Rounds(self.tables, days=settings.look_every_days)
        self.deviations = DeviationIndex(self.tables)
        self.directory_sweep = DirectorySweep(
            rounds=self.rounds, calendar=self.calendar, engine=self.deliveries, clock=self.clock
        )
        self.tenants = Tenants(
            environment=self.environment,
            home=settings.home_tenant_id,
            served=frozenset(map(str, settings.served_tenants)),
            client=settings.multitenant_client_id,
        )
        self.operations = Operations(
            runs=Runs(
                front=self.front,
                engine=self.operation_engine,
                path="operations",
                noun="The operation",
                summary=documents.operation_summary,
            ),
            connections=self.connection_store,
            time_limit_days=settings.renewal_time_limit_days,
            keep_secret=self._keep,
        )
        self.onboardings = Onboardings(
            runs=Runs(
                front=self.front,
                engine=self.engine,
                path="onboardings",
                noun="The onboarding",
                summary=documents.summary,
            ),
            operations=self.operations,
            environment=self.environment.name,
            tenants=self.tenants,
            channels=settings.notice_channels,
            connections=self.connection_store,
            keep_secret=self._keep_secret,
            rehearse=self._rehearse,
        )
        self.connections = Connections(
            front=self.front,
            store=self.connection_store,
            cadence=self.cadence,
            clock=self.clock,
            operations=self.operations,
        )
        reactions = Reactions(connections=self.connection_store, audit=self.engine.store, clock=self.clock)
        self.acknowledgements = Acknowledgements(connections=self.connections, reactions=reactions)
        self.link_pages = Links(
            links=self.links, connections=self.connection_store, reactions=reactions, clock=self.clock
        )
        self.conformance = Conformance(
            connections=self.connection_store,
            tenants=self.tenants,
            directory=self._directory,
            clock=self.clock,
        )
        self.poison = Poison(
            front=self.front,
            letters=self.dead_letters,
            queues=self.queues,
            engines={each.queue: each for each in (self.engine, self.operation_engine, self.deliveries)},
        )
        self.expiring = Expirations(
            front=self.front,
            calendar=self.calendar,
            store=self.connection_store,
            cadence=self.cadence,
            clock=self.clock,
        )
        self.overview = Overview(
            front=self.front,
            onboardings=self.engine.index,
            operations=self.operation_engine.index,
            queues=self.queues,
            letters=self.dead_letters,
            calendar=self.calendar,
            connections=self.connection_store,
            deviations=self.deviations,
            troubles=self.troubles,
            clock=self.clock,
        )
        self.feeds = Feeds(
            front=self.front,
            expirations=self.expiring,
            secrets=self.channel_secrets,
            key=settings.link_key,
            clock=self.clock,
        )
        self.health = Health(self._pings)

    def _callers(self) -> Callers:
        tenant = self.settings.home_tenant_id
        return Callers(
            tenant=tenant,
            audience=self.settings.api_audience,
            issuers=self.environment.issuers(tenant),
            keys_url=self.environment.keys(tenant),
            certificate=self.settings.local_cloud_ca,
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

    def _directory(self, tenant: str) -> Directory:
        return self.clouds.directory(tenant)

    @functools.cached_property
    def services(self) -> Services:
        """What the steps of an onboarding share."""
        from onboarding.lifecycle.context import Services  # noqa: PLC0415

        return Services(
            clouds=self.clouds,
            connections=self.connection_store,
            expirations=self.expirations,
            clock=self.clock,
            onboardings=self.engine,
            operations=self.operation_engine,
            reminders=Renewals(self.notices),
        )

    async def describe(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """The OpenAPI description of the API, as the caller reaches it."""
        from onboarding.api import openapi  # noqa: PLC0415

        return answer(openapi.document(self.front.url(request, "").removesuffix("/")))

    def _step_handlers(self) -> Mapping[str, Handler]:
        from onboarding.lifecycle.handlers import handlers  # noqa: PLC0415

        return handlers(self.services)

    def _operation_handlers(self) -> Mapping[str, Handler]:
        from onboarding.lifecycle.handlers import operation_handlers  # noqa: PLC0415

        return operation_handlers(self.services)

    async def _keep(self, secret: str, tags: Mapping[str, str]) -> str:
        from onboarding.lifecycle.existing import keep  # noqa: PLC0415

        return await keep(self.services, secret, tags)

    async def _keep_secret(self, wanted: OnboardingRequest, onboarding: str) -> OnboardingRequest:
        if not wanted.hands_over_a_secret:
            return wanted
        from onboarding.lifecycle.existing import keep_secret  # noqa: PLC0415

        return await keep_secret(self.services, wanted, onboarding)

    async def _rehearse(self, wanted: OnboardingRequest, requester: str, now: datetime) -> Rehearsal:
        from onboarding.lifecycle.rehearsal import rehearse  # noqa: PLC0415

        return await rehearse(self.services, wanted, requester, now)

    def _notice_handlers(self) -> Mapping[str, Handler]:
        from onboarding.expiry.channels.people import People  # noqa: PLC0415
        from onboarding.expiry.channels.webhook import NoWebhook, Webhook  # noqa: PLC0415
        from onboarding.expiry.deliveries import Deliveries  # noqa: PLC0415
        from onboarding.expiry.digests import Digests  # noqa: PLC0415

        url, secret = self.settings.notice_webhook_url, self.settings.notice_webhook_secret
        secrets, people = self.channel_secrets, People(self.channel_secrets)
        shared: dict[str, Any] = {
            "connections": self.connection_store,
            "people": people,
            "routing": self.notices.routing,
            "links": self.links,
            "clock": self.clock,
        }
        deliveries = Deliveries(
            webhook=Webhook(str(url), secret, secrets, self.clock) if url else NoWebhook(),
            digests=Digests(tables=self.tables, engine=self.deliveries, **shared),
            troubles=self.troubles,
            **shared,
        )
        looks = Looks(
            directory=self._directory,
            connections=self.connection_store,
            rounds=self.rounds,
            deviations=self.deviations,
            expirations=self.expirations,
            notices=self.notices,
            clock=self.clock,
        )
        return {**deliveries.handlers(), **looks.handlers()}

    def _pings(self) -> Mapping[str, Ping]:
        tenant = self.settings.home_tenant_id
        return {
            "tables": lambda: self.tables.get(names.CONNECTIONS, "ping", "ping"),
            "queues": lambda: self.queues.ping(names.STEPS_QUEUE),
            "login": self.callers.ping,
            "graph": lambda: self.clouds.directory(tenant).ping(),
            "resourceManager": self.clouds.ping_resource_manager,
            "keyVault": lambda: self.clouds.vault.stored("ping"),
        }


async def serve(
    request: func.HttpRequest,
    endpoint: Callable[[Application], Endpoint],
    roles: Sequence[str] = (REQUEST_ROLE, OPERATE_ROLE),
) -> func.HttpResponse:
    """Answers an HTTP call; says so, without details that are nobody's business, when settings are wrong."""
    try:
        app = application()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        log.error("the app settings are wrong: %s", faults)  # noqa: TRY400 - the faults say it all
        return misconfigured().response("")
    return await app.front.serve(request, endpoint(app), roles)


@functools.cache
def application() -> Application:
    """The application of this process."""
    for noisy in ("azure", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    values: dict[str, Any] = {}
    return Application(Settings(**values))


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
