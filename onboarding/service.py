"""The one place that puts the API on its parts (``parts.py``), when the first invocation needs them."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
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
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.parts import Parts
from onboarding.settings import Settings
from onboarding.storage import names

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from onboarding.lifecycle.rehearsal import Rehearsal


class Service(Parts):
    """Everything that the triggers need: the parts, and the endpoints of the API."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.callers = self._callers()
        self.front = Front(self.callers, settings.public_url)
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
        self.health = Health(self._pings)

    @functools.cached_property
    def acknowledgements(self) -> Acknowledgements:
        """What people answer to a warning."""
        return Acknowledgements(connections=self.connections, responses=self.responses)

    @functools.cached_property
    def link_pages(self) -> Links:
        """What links in messages do."""
        return Links(
            links=self.links, connections=self.connection_store, responses=self.responses, clock=self.clock
        )

    @functools.cached_property
    def conformance(self) -> Conformance:
        """Whether apps are as the profile says."""
        return Conformance(
            connections=self.connection_store,
            tenants=self.tenants,
            directory=self.directory,
            clock=self.clock,
        )

    @functools.cached_property
    def poison(self) -> Poison:
        """What was given up."""
        return Poison(
            front=self.front,
            messages=self.poison_messages,
            queues=self.queues,
            engines={each.queue: each for each in (self.engine, self.operation_engine, self.deliveries)},
        )

    @functools.cached_property
    def expiring(self) -> Expirations:
        """What ends when."""
        return Expirations(
            front=self.front,
            calendar=self.calendar,
            store=self.connection_store,
            cadence=self.cadence,
            clock=self.clock,
        )

    @functools.cached_property
    def overview(self) -> Overview:
        """What needs somebody, and everything else at one glance."""
        return Overview(
            front=self.front,
            onboardings=self.engine.index,
            operations=self.operation_engine.index,
            queues=self.queues,
            messages=self.poison_messages,
            calendar=self.calendar,
            connections=self.connection_store,
            differences=self.differences,
            failing=self.failing,
            clock=self.clock,
        )

    @functools.cached_property
    def feeds(self) -> Feeds:
        """The calendar to subscribe to."""
        return Feeds(
            front=self.front,
            expirations=self.expiring,
            secrets=self.channel_secrets,
            key=self.settings.link_key,
            clock=self.clock,
        )

    def _callers(self) -> Callers:
        tenant = self.settings.home_tenant_id
        return Callers(
            tenant=tenant,
            audience=self.settings.api_audience,
            issuers=self.environment.issuers(tenant),
            keys_url=self.environment.keys(tenant),
            certificate=self.settings.local_cloud_ca,
        )

    async def describe(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """The OpenAPI description of the API, as the caller reaches it."""
        from onboarding.api import openapi  # noqa: PLC0415

        return answer(openapi.document(self.front.url(request, "").removesuffix("/")))

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
    endpoint: Callable[[Service], Endpoint],
    roles: Sequence[str] = (REQUEST_ROLE, OPERATE_ROLE),
) -> func.HttpResponse:
    """Answers an HTTP call; says so, without details that are nobody's business, when settings are wrong."""
    try:
        running = service()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        log.error("the app settings are wrong: %s", faults)  # noqa: TRY400 - the faults say it all
        return misconfigured().response("")
    return await running.front.serve(request, endpoint(running), roles)


@functools.cache
def service() -> Service:
    """The service of this process."""
    for noisy in ("azure", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    values: dict[str, Any] = {}
    return Service(Settings(**values))
