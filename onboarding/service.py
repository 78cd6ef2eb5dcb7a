"""The endpoints of the API, put together from the parts below it (``parts``).

Every member is created when it is first needed. Creating one does no I/O.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Iterator
from typing import Any, Final, get_type_hints

import azure.functions as func
from pydantic import ValidationError

from onboarding.api.acknowledgements import AcknowledgementsResource
from onboarding.api.capabilities import CapabilitiesResource
from onboarding.api.conformance import ConformanceResource
from onboarding.api.connections import ConnectionsResource
from onboarding.api.consent_pages import ConsentPagesResource
from onboarding.api.consented import ConsentedResource
from onboarding.api.description import DescriptionResource
from onboarding.api.encrypted_secrets import EncryptedSecretsResource
from onboarding.api.endpoint import Endpoint
from onboarding.api.expirations import ExpirationsResource
from onboarding.api.feeds import FeedsResource
from onboarding.api.front import Front, misconfigured
from onboarding.api.inspections import InspectionsResource
from onboarding.api.links import LinksResource
from onboarding.api.noted_calls import NotedCalls
from onboarding.api.onboardings import OnboardingsResource
from onboarding.api.operations import OperationsResource
from onboarding.api.renewals import RenewalsResource
from onboarding.api.sign_in import SignIn
from onboarding.api.tenants import TenantsResource
from onboarding.own_state import OwnState
from onboarding.parts.process import Parts, parts
from onboarding.shared import Shared
from onboarding.storage.sealing import Seals

log = logging.getLogger(__name__)


class Service:
    """The resources of the API, in the order of its description."""

    def __init__(self, parts: Parts, shared: Shared) -> None:
        self._parts = parts
        self._shared = shared
        self._own_state = OwnState(parts, shared)

    def resource(self, name: str) -> Any:
        """A resource of the API."""
        return getattr(self if name in vars(Service) else self._own_state, name)

    @functools.cached_property
    def onboardings(self) -> OnboardingsResource:
        """Onboardings."""
        return OnboardingsResource(
            runs=self._shared.onboarding_runs,
            operations=self._shared.operations,
            acceptance=self._shared.acceptance,
            consent=self._shared.consent_pages,
        )

    @functools.cached_property
    def connections(self) -> ConnectionsResource:
        """Connections."""
        return ConnectionsResource(
            connections=self._shared.connections,
            store=self._parts.stores.connection_store,
            operations=self._shared.operations,
            handovers=self._shared.handovers,
            links=self._parts.messaging.links if self._parts.settings.scripts_confirm == "on" else None,
            unreadable=self._shared.unreadable_connections,
            vault_tenant=self._parts.settings.home_tenant_id,
        )

    @functools.cached_property
    def renewals(self) -> RenewalsResource:
        """Renewals of connections."""
        parts = self._parts
        return RenewalsResource(
            connections=self._shared.connections,
            runs=self._shared.operation_runs,
            operations=self._shared.operations,
            runtime=parts.operation_runs,
            services=lambda: parts.services,
            secrets=self._shared.secret_budget,
            clock=parts.clock,
            time_limit_days=parts.settings.renewal_time_limit_days,
        )

    @functools.cached_property
    def encrypted_secrets(self) -> EncryptedSecretsResource:
        """Secrets that are encrypted with a certificate."""
        parts = self._parts
        return EncryptedSecretsResource(
            connections=self._shared.connections,
            store=parts.stores.connection_store,
            audit=parts.onboarding_runs.store,
            services=lambda: parts.services,
            clock=parts.clock,
        )

    @functools.cached_property
    def acknowledgements(self) -> AcknowledgementsResource:
        """Acknowledged and snoozed warnings."""
        return AcknowledgementsResource(
            connections=self._shared.connections, responses=self._parts.responses, clock=self._parts.clock
        )

    @functools.cached_property
    def operations(self) -> OperationsResource:
        """Renewals and removals."""
        return OperationsResource(
            runs=self._shared.operation_runs,
            operations=self._shared.operations,
            connections=self._parts.stores.connection_store,
            vault_tenant=self._parts.settings.home_tenant_id,
        )

    @functools.cached_property
    def expirations(self) -> ExpirationsResource:
        """Expirations."""
        parts = self._parts
        return ExpirationsResource(
            calendar=parts.stores.calendar,
            store=parts.stores.connection_store,
            cadence=parts.stores.cadence,
            clock=parts.clock,
        )

    @functools.cached_property
    def feeds(self) -> FeedsResource:
        """Calendar feeds."""
        return FeedsResource(
            expirations=self.expirations,
            store=self._shared.feed_store,
            secrets=self._parts.messaging.channel_secrets,
            key=self._parts.settings.link_key,
            clock=self._parts.clock,
        )

    @functools.cached_property
    def links(self) -> LinksResource:
        """Signed links."""
        parts = self._parts
        return LinksResource(
            links=parts.messaging.links,
            shown=self._shared.connections,
            connections=parts.stores.connection_store,
            responses=parts.responses,
            handovers=self._shared.handover_links,
            clock=parts.clock,
        )

    @functools.cached_property
    def conformance(self) -> ConformanceResource:
        """``/conformance`` of connections and tenants."""
        parts = self._parts
        return ConformanceResource(
            connections=parts.stores.connection_store,
            tenants=self._shared.tenants,
            directory=parts.clouds.directory,
            clock=parts.clock,
            environment=parts.environment.name,
        )

    @functools.cached_property
    def inspections(self) -> InspectionsResource:
        """``POST /api/connections/{id}/inspect``."""
        parts = self._parts
        return InspectionsResource(
            connections=self._shared.connections,
            inspect=parts.inspection_step.inspect_now,
            clock=parts.clock,
        )

    @functools.cached_property
    def tenants(self) -> TenantsResource:
        """Tenants and their setup."""
        return TenantsResource(
            tenants=self._shared.tenants,
            environment=self._parts.environment,
            client=self._parts.settings.multitenant_client_id,
            states=self._parts.messaging.consent_states,
        )

    @functools.cached_property
    def consented(self) -> ConsentedResource:
        """The page after the consent to the service."""
        parts = self._parts
        return ConsentedResource(
            states=parts.messaging.consent_states, runtimes=(parts.onboarding_runs, parts.operation_runs)
        )

    @functools.cached_property
    def consent(self) -> ConsentPagesResource:
        """Pages of the consent."""
        return ConsentPagesResource(pages=self._shared.consent_pages, runtime=self._parts.onboarding_runs)

    @functools.cached_property
    def capabilities(self) -> CapabilitiesResource:
        """What this deployment offers to portals."""
        return CapabilitiesResource(settings=self._parts.settings, tenants=self._shared.tenants)

    @functools.cached_property
    def description(self) -> DescriptionResource:
        """The description of the API."""
        settings = self._parts.settings
        sign_in = SignIn(
            login=self._parts.environment.login,
            tenant=settings.home_tenant_id,
            audience=settings.api_audience[0],
        )
        return DescriptionResource(ENDPOINTS, sign_in)

    @functools.cached_property
    def front(self) -> Front:
        """What all calls have in common."""
        parts = self._parts
        return Front(
            callers=self._shared.callers,
            seals=Seals(parts.stores.tables),
            clock=parts.clock,
            noted=NotedCalls(
                trail=parts.stores.trail,
                runs={
                    "onboardings": parts.onboarding_runs,
                    "operations": parts.operation_runs,
                    "notices": parts.notice_runs,
                    "inspections": parts.inspection_runs,
                },
                clock=parts.clock,
            ),
            public_url=parts.settings.public_url,
            operators_only=parts.settings.operators_only,
        )


def _declared() -> Iterator[Endpoint]:
    for name, member in (*vars(Service).items(), *vars(OwnState).items()):
        if isinstance(member, functools.cached_property):
            resource = get_type_hints(member.func)["return"]
            for handler in vars(resource).values():
                if isinstance(declared := getattr(handler, "endpoint", None), Endpoint):
                    yield dataclasses.replace(declared, resource=name)


ENDPOINTS: Final = tuple(_declared())
"""All endpoints of the API: those of the resources above."""


async def serve(request: func.HttpRequest, endpoint: Endpoint) -> func.HttpResponse:
    """Answers an HTTP call. It does so even without valid settings; only the log has the details."""
    try:
        running = service()
        handler = getattr(running.resource(endpoint.resource), endpoint.handler)
        front = running.front
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        log.error("the app settings are not valid: %s", faults)  # noqa: TRY400 - the faults are enough
        return misconfigured(request)
    except Exception:  # such as a connection string that the SDK cannot read
        log.exception("the service cannot be made with these app settings")
        return misconfigured(request)
    return await front.serve(request, endpoint, handler)


@functools.cache
def service() -> Service:
    """The API of this process."""
    return Service(parts(), Shared(parts()))
