"""The rehearsal of an onboarding: the preflight for real, and the very steps on clients that only write down.

So the calls that an approver is shown are those the steps make, not a description that could differ. What a
call would have answered stands in braces: ``{server-app.appId}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation

from onboarding.cloud import graph, resource_manager, vault
from onboarding.cloud.clouds import Clouds
from onboarding.cloud.directory import Directory
from onboarding.cloud.graph import Builder, Graph, Reply
from onboarding.cloud.resource_manager import ResourceManager
from onboarding.cloud.vault import StoredSecret, Vault
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Finding, PermanentError
from onboarding.lifecycle import existing
from onboarding.lifecycle.context import Context, Services
from onboarding.lifecycle.facts import Facts
from onboarding.lifecycle.findings import REGISTERED, findings
from onboarding.lifecycle.handlers import STEPS
from onboarding.lifecycle.plans import ONBOARD
from onboarding.lifecycle.steps import preflight
from onboarding.workflow.outcomes import Done

_ID: Final = "{onboarding}"
_RECORD: Final = "connection"
"""The step that writes our own tables and calls no cloud."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """What would happen."""

    findings: tuple[Finding, ...]
    calls: tuple[Mapping[str, Any], ...]  # step, service, method, path, body


async def rehearse(
    services: Services, request: OnboardingRequest, requester: str, now: datetime
) -> Rehearsal:
    """Inspections, and writes down. Raises ``TransientError`` when the cloud can't be looked at just now."""
    context = Context(
        services=services,
        onboarding=_ID,
        requester=requester,
        request=request,
        results={},
        attempt=1,
        tries=0,
        waited=False,
        accepted_at=now,
    )
    try:
        facts = await preflight.look(context)
    except PermanentError as error:
        return Rehearsal(findings=(error.as_finding(),), calls=())
    found = findings(facts)
    try:
        return Rehearsal(findings=found, calls=await _calls(context, facts))
    except PermanentError as error:  # an application that is there already does not do
        return Rehearsal(findings=(*(error.findings or (error.as_finding(),)), *found), calls=())


async def _calls(context: Context, facts: Facts) -> tuple[Mapping[str, Any], ...]:
    """The calls of all steps, in the order of the plan."""
    paper = Paper(context.services.clouds)
    services = replace(context.services, clouds=paper)
    context = replace(context, request=await existing.keep_secret(services, context.request, _ID))
    results: dict[str, Mapping[str, Any]] = {"preflight": preflight.result(facts)}
    for name in ONBOARD[context.request.deployment_model].steps:
        if name not in results and name != _RECORD:
            paper.step = name
            outcome = await STEPS[name](replace(context, services=services, results=results))
            results[name] = outcome.result if isinstance(outcome, Done) else {}
    return tuple(paper.calls)


class Paper(Clouds):
    """Clients of the cloud that write down the calls that change something, instead of making them."""

    def __init__(self, real: Clouds) -> None:
        self.real = real
        self.environment = real.environment
        self.vault = PaperVault(self)
        self.step = ""  # none: when the request arrives
        self.calls: list[Mapping[str, Any]] = []

    def directory(self, tenant: str) -> Directory:
        """A tenant's directory."""
        return Directory(PaperGraph(self, self.real.directory(tenant).graph))

    def subscription(self, tenant: str, subscription: str) -> ResourceManager:  # noqa: ARG002 - one sheet
        """A subscription."""
        return PaperResourceManager(self, subscription)

    def note(self, service: str, method: str, path: str, body: Any = None) -> None:
        """Writes a call down."""
        call = {"step": self.step, "service": service, "method": method, "path": path, "body": body}
        self.calls.append({name: value for name, value in call.items() if value not in (None, "")})


class PaperGraph(Graph):
    """Microsoft Graph on paper."""

    def __init__(self, paper: Paper, real: Graph) -> None:
        self._paper = paper
        self._real = real
        self.paths = real.paths

    async def send(
        self,
        method: Method,
        builder: Builder,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Reads what is there; writes any other call down, and answers as if it had worked."""
        # Of the parameters those of this very path: the SDK keeps those of other builders among them.
        own = (name for name in builder.path_parameters if f"{{{name}}}" in builder.url_template)
        placeholder = any("{" in str(builder.path_parameters[name]) for name in own)
        if method is Method.GET and not placeholder:
            return await self._real.send(method, builder, body, headers=headers, query=query)
        information = RequestInformation(
            method, builder.url_template, {**builder.path_parameters, "baseurl": "/v1.0"}
        )
        information.query_parameters.update(query or {})
        sent = json.loads(json.dumps(body)) if body is not None else None
        self._paper.note(graph.SERVICE, method.value, unquote(information.url), sent)
        step = self._paper.step
        answer: dict[str, Any] = {
            "id": f"{{{step}.objectId}}",
            "appId": f"{{{step}.appId}}",
            "createdDateTime": datetime.now(UTC).isoformat(),
            "keyId": f"{{{step}.keyId}}",
            "secretText": "",
            "endDateTime": ((body or {}).get("passwordCredential") or {}).get("endDateTime"),
            "value": [],
        }
        return Reply(status=201, document=answer)


class PaperResourceManager(ResourceManager):
    """Resource Manager on paper."""

    def __init__(self, paper: Paper, subscription: str) -> None:
        self._paper = paper
        self._path = f"/subscriptions/{subscription}/providers"

    async def register(self, namespace: str) -> str:
        """Writes the call down."""
        self._paper.note(resource_manager.SERVICE, "POST", f"{self._path}/{namespace}/register")
        return REGISTERED


class PaperVault(Vault):
    """The vault on paper."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._hints: dict[str, str] = {}

    async def stored(self, name: str) -> StoredSecret | None:
        """Reads what is there, or would be."""
        if name in self._hints:
            return StoredSecret(id=f"{{{name}}}", tags={}, hint=self._hints[name])
        return await self._paper.real.vault.stored(name)

    async def store(
        self,
        name: str,
        value: str,
        *,
        ends_at: datetime | None,
        tags: Mapping[str, str],
    ) -> str:
        """Writes the call down, without a value."""
        self._hints[name] = value[:3]
        attributes = {"attributes": {"exp": int(ends_at.timestamp())}} if ends_at else {}
        body = {"tags": dict(tags), "contentType": vault.CONTENT_TYPE, **attributes}
        self._paper.note(vault.SERVICE, "PUT", f"/secrets/{name}", body)
        return "{server-secret.vaultId}"
