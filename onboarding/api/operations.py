"""``/api/operations``: renewals and removals, of what onboardings have made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import azure.functions as func

from onboarding.api import bodies, documents
from onboarding.api.callers import Caller
from onboarding.api.front import answer, script_answer
from onboarding.api.problems import conflict, invalid, not_found
from onboarding.api.runs import RETRY_AFTER, Runs, traceparent
from onboarding.cmg import removal_script, renewal_script
from onboarding.cmg.renewal_script import RenewalHandOver
from onboarding.cmg.renewals import RenewalRequest
from onboarding.cmg.wizard import AzureEnvironment
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState
from onboarding.errors import Finding
from onboarding.lifecycle import automatic_renewals
from onboarding.lifecycle.automatic_renewals import Asker
from onboarding.lifecycle.plans import CONFIRMED, REMOVE, RENEW
from onboarding.storage import keys
from onboarding.workflow import interventions
from onboarding.workflow.run import Head, Run, RunStatus, StepStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What is to be undone: an onboarding, and its connection if it came so far."""

    onboarding: str
    tenant: str
    name: str
    request: Mapping[str, Any]
    stop_as: RunStatus | None  # of the onboarding; None: it stays as it ended
    connection: str | None = None  # that is off-boarded


@dataclass(frozen=True, kw_only=True, slots=True)
class Operations:
    """The endpoints."""

    runs: Runs
    connections: ConnectionStore
    time_limit_days: int
    keep_secret: Callable[[str, Mapping[str, str]], Awaitable[str]]

    async def get(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """One operation with its steps."""
        run = await self.runs.find(request, caller)
        headers = {} if self.runs.status(run).final else RETRY_AFTER
        return answer(self._document(request, run), headers=headers)

    async def handover(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """The PowerShell script for what is left to do at the site. It holds no secret."""
        run = await self.runs.find(request, caller)
        if run.head.plan == REMOVE.name:
            return script_answer(removal_script.script(run.head.name), f"remove-{run.head.id}.ps1")
        made = run.results.get("secret")
        found = await self.connections.get(run.head.request["connection"])
        if made is None or found is None:
            raise self.runs.not_now(self.runs.status(run), "handed over", "There is no new secret yet.")
        text = renewal_script.script(
            RenewalHandOver(
                connection_name=found.name,
                environment=AzureEnvironment(found.environment),
                server_name=found.server_app.name,
                server_app_id=found.server_app.app_id,
                vault_secret_id=made["vaultId"],
            )
        )
        return script_answer(text, f"renew-{run.head.id}.ps1")

    async def remove(self, request: func.HttpRequest, caller: Caller, wanted: Removal) -> func.HttpResponse:
        """Begins to undo an onboarding: 202. The same again, or one that failed, goes on."""
        document = {
            "onboarding": wanted.onboarding,
            "connection": wanted.connection,
            "stopAs": str(wanted.stop_as) if wanted.stop_as else None,
            "request": wanted.request,
        }
        head = Head(
            id=keys.derived_id(REMOVE.name, wanted.onboarding),
            plan=REMOVE.name,
            tenant=wanted.tenant,
            name=wanted.name,
            requester=caller.id,
            requester_name=caller.name,
            created_at=self.runs.engine.clock.now(),
            request=document,
            fingerprint="",
            traceparent=traceparent(request),
        )
        return await self._start(request, caller, head)

    async def renew(
        self, request: func.HttpRequest, caller: Caller, connection: Connection
    ) -> func.HttpResponse:
        """Begins to renew a connection's client secret: 202. The same again, or one that failed, goes on."""
        if connection.state is not ConnectionState.ACTIVE:
            raise conflict(
                "connection-removing", "The connection is being off-boarded", "Its secret goes with it."
            )
        if connection.shares:
            raise conflict(
                "server-app-shared",
                "The server app is another connection's",
                f"Renew the secret of the connection {connection.shares}; it is renewed here, too.",
            )
        previous = await self.runs.engine.store.load(connection.renewal) if connection.renewal else None
        if previous and (going_on := await self._going_on(previous, caller)):
            return self.runs.accepted(request, going_on.head, self._document(request, going_on))
        wanted = bodies.of(request, RenewalRequest)
        faults = wanted.faults(imported=connection.imports_server_app, now=self.runs.engine.clock.now())
        if found := tuple(Finding(code="field-conflict", pointer=at, detail=text) for at, text in faults):
            raise invalid(found)
        document = wanted.as_json(self.time_limit_days)
        if wanted.secret:
            tags = {
                "onboarding": connection.onboarding,
                "tenantId": connection.tenant,
                "appId": connection.server_app.app_id,
            }
            document["vaultSecret"] = await self.keep_secret(wanted.secret.get_secret_value(), tags)
        head = automatic_renewals.head(
            connection,
            document,
            now=self.runs.engine.clock.now(),
            previous=previous.head.id if previous else "",
            asker=Asker(id=caller.id, name=caller.name, traceparent=traceparent(request)),
        )
        return await self._start(request, caller, head)

    async def _going_on(self, renewal: Run, caller: Caller) -> Run | None:
        """A renewal that is under way, or goes on because it had made its secret; None when it is over."""
        status = self.runs.status(renewal)
        if not status.final:
            return renewal
        if status is RunStatus.FAILED and renewal.steps["secret"].status is StepStatus.SUCCEEDED:
            made = renewal.results["secret"]
            if datetime.fromisoformat(made["endsAt"]) > self.runs.engine.clock.now():
                return await self._again(renewal, caller)
        return None

    async def confirm(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Tells a renewal that the site has the new secret: 202. The same again changes nothing."""
        run = await self.runs.find(request, caller, "renewal")
        if run.head.plan != RENEW.name or run.head.request["connection"] != request.route_params.get("id"):
            raise not_found(self.runs.noun)
        if run.steps["confirmation"].status is not StepStatus.SUCCEEDED:
            try:
                told = await interventions.signal(
                    self.runs.engine, run.head.id, "confirmation", CONFIRMED, caller.name
                )
            except interventions.NotPossibleError as error:
                hint = "Confirm it when its step 'confirmation' waits."
                raise self.runs.not_now(error.status, "confirmed", hint) from error
            run = told or run
        return self.runs.accepted(request, run.head, self._document(request, run))

    async def _start(self, request: func.HttpRequest, caller: Caller, head: Head) -> func.HttpResponse:
        """Begins an operation, or lets the one with this id go on."""
        run = await self.runs.engine.start(head)
        if run and self.runs.status(run) is RunStatus.FAILED:
            run = await self._again(run, caller)
        shown = run or Run.new(head, self.runs.engine.plans[head.plan])
        return self.runs.accepted(request, shown.head, self._document(request, shown))

    async def _again(self, run: Run, caller: Caller) -> Run:
        """A failed operation that goes on; somebody else may have seen to that in the same moment."""
        try:
            changed = await interventions.resume(self.runs.engine, run.head.id, caller.name)
        except interventions.NotPossibleError:
            changed = await self.runs.engine.store.load(run.head.id)
        return changed or run

    def _document(self, request: func.HttpRequest, run: Run) -> dict[str, Any]:
        return documents.operation(run, self.runs.events_url(request, run))
