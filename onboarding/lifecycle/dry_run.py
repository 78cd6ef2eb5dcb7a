"""The dry run of an onboarding: the real preflight, and the same steps with clients that only record calls.

So an approver sees the calls of the steps themselves, not a description that could differ. A value that a
response would contain is shown in braces: ``{server-app.appId}``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from pydantic import SecretStr

from onboarding.cloud import key_vault
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.guest import Guest
from onboarding.cloud.ports import Builder, Graph, ListedSecret, StoredSecret, Subscription, Vault
from onboarding.cloud.replies import GraphResponse
from onboarding.cloud.service_names import GRAPH, KEY_VAULT, RESOURCE_MANAGER
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Finding, PermanentError
from onboarding.lifecycle import ownership, run_copies, secret_intake
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.facts import Facts
from onboarding.lifecycle.findings import REGISTERED, findings
from onboarding.lifecycle.plans import plan_of
from onboarding.lifecycle.requests import REQUESTER, Asker
from onboarding.lifecycle.steps import preflight
from onboarding.lifecycle.steps.connection import CONNECTION
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.words.word import EMPTY, Word
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Context
from onboarding.workflow.run import StepState, StepStatus

_ID: Final = "{onboarding}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DryRun:
    """What would happen."""

    findings: tuple[Finding, ...]
    calls: tuple[Mapping[str, Any], ...]  # step, service, method, path, body
    tenant_name: Word = EMPTY
    tenant_domain: Word = EMPTY  # the initial one


async def dry_run(services: Services, request: OnboardingRequest, asker: Asker, now: datetime) -> DryRun:
    """Runs the preflight, and records the calls of the steps. Raises ``TransientError`` if it cannot read."""
    plan = plan_of(request)
    run = plan.new(
        plan.head(
            _ID,
            request,
            author=asker.author,
            created_at=now,
            lists=asker.lists(request.tenant),
            authority=asker.authority,
        )
    )
    step = run.steps[PREFLIGHT.name].evolve(attempt=1)
    context = Context(services=services, request=request, run=run, step=step)
    try:
        facts = await preflight.look(context)
    except PermanentError as error:
        return DryRun(findings=(error.as_finding(),), calls=())
    tenant = {"tenant_name": facts.survey.tenant_name, "tenant_domain": facts.survey.initial_domain}
    found = findings(facts)
    try:
        return DryRun(findings=found, calls=await _calls(context, facts), **tenant)
    except PermanentError as error:  # an existing application that cannot be used
        found = (*(error.findings or (error.as_finding(),)), *found)
        return DryRun(findings=found, calls=(), **tenant)


async def _calls(context: OnboardingContext, facts: Facts) -> tuple[Mapping[str, Any], ...]:
    """The calls of all steps, in the order of the plan."""
    paper = PaperClouds(context.services.clouds)
    services = replace(context.services, clouds=paper)
    head = context.run.head
    asker = Asker(id=head.lists[REQUESTER], name=head.actor, operates=ownership.operates(head))
    request = await secret_intake.keep_secret(services, context.request, _ID, asker, head.created_at)
    noted = PREFLIGHT.dump(preflight.result(facts))
    run = context.run.having([context.step.evolve(status=StepStatus.SUCCEEDED, result=noted)])
    for step in plan_of(request).steps.values():
        if step.name == PREFLIGHT.name:
            continue
        paper.step = step.name
        state = StepState(run=_ID, name=step.name, attempt=1)
        if step.name == CONNECTION.name:  # otherwise it writes to tables
            await run_copies.keep(Context(services=services, request=request, run=run, step=state))
            continue
        outcome = await step.handler(Context(services=services, request=request, run=run, step=state))
        if isinstance(outcome, Wait) and outcome.memo:  # it has noted what the next attempt will do
            state = state.evolve(attempt=2, memo=outcome.memo)
            outcome = await step.handler(Context(services=services, request=request, run=run, step=state))
        if isinstance(outcome, Done):
            done = state.evolve(status=StepStatus.SUCCEEDED, result=step.dump(outcome.result))
            run = run.having([done])
    return tuple(paper.calls)


class PaperClouds(Clouds):
    """Clients of the cloud that record calls that would change something, instead of making them."""

    def __init__(self, real: Clouds) -> None:
        self.environment = real.environment
        self.vault = PaperVault(self, real.vault)
        self.proof = real.proof
        self.step = ""  # empty: while the request is accepted
        self.calls: list[Mapping[str, Any]] = []
        self.owners: list[Mapping[str, Any]] = []  # of the application that was created last
        self._real = real
        self._resources: dict[str, str] = {}  # of the request's tenant

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory."""
        return Directory(PaperGraph(self, self._real.directory(tenant).graph), resources=self._resources)

    def is_home(self, tenant: str) -> bool:
        """Whether a tenant is the one in which this service is deployed."""
        return self._real.is_home(tenant)

    def subscription(self, tenant: str, subscription: str) -> Subscription:
        """A subscription."""
        return PaperSubscription(self, subscription, self._real.subscription(tenant, subscription))

    async def ping_resource_manager(self) -> None:
        """Reads."""
        await self._real.ping_resource_manager()

    def note(self, service: str, method: str, path: str, body: Any = None) -> None:
        """Records a call."""
        call = {"step": self.step, "service": service, "method": method, "path": path, "body": body}
        self.calls.append({name: value for name, value in call.items() if value not in (None, "")})


class PaperGraph(Graph):
    """Microsoft Graph: reads, and records all other calls."""

    def __init__(self, paper: PaperClouds, real: Graph) -> None:
        self.paths = real.paths
        self.address = real.address
        self.client = real.client
        self._paper = paper
        self._real = real

    async def send(
        self,
        method: str,
        builder: Builder,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> GraphResponse:
        """Reads; records any other call, and answers as if it had succeeded."""
        # Only the parameters of this path: the SDK also keeps those of other request builders.
        own = (name for name in builder.path_parameters if f"{{{name}}}" in builder.url_template)
        placeholder = any("{" in str(builder.path_parameters[name]) for name in own)
        if method == "GET" and not placeholder:
            return await self._real.send(method, builder, body, headers=headers, query=query)
        information = RequestInformation(
            Method(method), builder.url_template, {**builder.path_parameters, "baseurl": "/v1.0"}
        )
        information.query_parameters.update(query or {})
        sent = json.loads(json.dumps(body)) if body is not None else None
        if sent and "owners@odata.bind" in sent:
            self._paper.owners = [{"id": owner.rpartition("/")[2]} for owner in sent["owners@odata.bind"]]
        self._paper.note(GRAPH, method, unquote(information.url), sent)
        step = self._paper.step
        answer: dict[str, Any] = {
            "id": f"{{{step}.objectId}}",
            "appId": f"{{{step}.appId}}",
            "createdDateTime": datetime.now(UTC).isoformat(),
            "keyId": f"{{{step}.keyId}}",
            "secretText": "",
            "endDateTime": ((body or {}).get("passwordCredential") or {}).get("endDateTime"),
            "value": self._paper.owners if "/owners" in builder.url_template else [],
        }
        return GraphResponse(status=201, document=answer)

    async def batch(
        self,
        requests: Mapping[str, tuple[str, Mapping[str, str]]],
        *,
        first: Collection[str] = (),
        some: Collection[str] = (),
    ) -> dict[str, GraphResponse]:
        """Reads. Objects that the onboarding has not created yet have no entries in a list."""
        real = {name: request for name, request in requests.items() if "{" not in request[0]}
        found = await self._real.batch(real, first=first, some=some) if real else {}
        return {name: found.get(name, GraphResponse(status=200, document={"value": []})) for name in requests}

    async def guest(self) -> Guest | None:
        """As in the onboarding."""
        return await self._real.guest()

    async def granted(self) -> frozenset[str] | None:
        """Reads."""
        return await self._real.granted()


class PaperSubscription(Subscription):
    """A subscription: reads, and records all other calls."""

    def __init__(self, paper: PaperClouds, subscription: str, real: Subscription) -> None:
        self._paper = paper
        self._path = f"/subscriptions/{subscription}/providers"
        self._real = real

    async def subscription(self) -> Mapping[str, Any]:
        """Reads."""
        return await self._real.subscription()

    async def permissions(self) -> list[Mapping[str, Any]]:
        """Reads."""
        return await self._real.permissions()

    async def registrations(self) -> dict[str, str]:
        """Reads."""
        return await self._real.registrations()

    async def registration(self, namespace: str) -> str:
        """Reads."""
        return await self._real.registration(namespace)

    async def register(self, namespace: str) -> str:
        """Records the call."""
        self._paper.note(RESOURCE_MANAGER, "POST", f"{self._path}/{namespace}/register")
        return REGISTERED


class PaperVault(Vault):
    """The vault: reads, and records all other calls."""

    def __init__(self, paper: PaperClouds, real: Vault) -> None:
        self._paper = paper
        self._real = real
        self._values: dict[str, SecretStr] = {}
        self._tags: dict[str, Mapping[str, str]] = {}

    async def stored(self, name: str) -> StoredSecret | None:
        """Reads a secret, or returns the one that would be stored."""
        if name in self._values:
            return StoredSecret(
                id=name, tags=self._tags[name], hint=self._values[name].get_secret_value()[:3]
            )
        return await self._real.stored(name)

    async def listed(self, prefix: str) -> list[ListedSecret]:
        """Reads."""
        return await self._real.listed(prefix)

    async def client_secret(self, vault_id: str) -> SecretStr:
        """Reads what exists, or would exist."""
        return self._values.get(vault_id) or await self._real.client_secret(vault_id)

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:
        """Reads."""
        return await self._real.read(name, versions=versions)

    async def store(self, name: str, value: str, *, ends_at: datetime | None, tags: Mapping[str, str]) -> str:
        """Records the call, without the value."""
        self._values[name], self._tags[name] = SecretStr(value), tags
        attributes = {"attributes": {"exp": int(ends_at.timestamp())}} if ends_at else {}
        body = {"tags": dict(tags), "contentType": key_vault.content_type(name), **attributes}
        self._paper.note(KEY_VAULT, "PUT", f"/secrets/{name}", body)
        return "{server-secret.vaultId}"

    async def tag(self, name: str, tags: Mapping[str, str]) -> bool:
        """Records the call."""
        self._paper.note(KEY_VAULT, "PATCH", f"/secrets/{name}", {"tags": dict(tags)})
        return True

    async def check_write(self) -> None:
        """Changes nothing."""
        await self._real.check_write()

    async def recover(self, name: str) -> bool:
        """Records the call."""
        self._paper.note(KEY_VAULT, "POST", f"/deletedsecrets/{name}/recover")
        return False

    async def remove(self, name: str) -> None:
        """Records the call."""
        self._paper.note(KEY_VAULT, "DELETE", f"/secrets/{name}")
