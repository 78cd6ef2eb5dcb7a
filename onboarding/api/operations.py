"""``/api/operations``: renewals and removals of what onboardings created."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from onboarding.api.endpoint import WHERE, Call, Reply, endpoint, script
from onboarding.api.filters import LABELS, Labels, labelled
from onboarding.api.operation_documents import (
    LeftBehind,
    Operation,
    OperationKind,
    OperationList,
    OperationSummary,
    request_of,
)
from onboarding.api.paging import PageQuery
from onboarding.api.reading import Id, Parameters, Traced
from onboarding.api.run_documents import OPERATIONS, RemovalSummary, TrailEventList, error_of
from onboarding.api.runs import SOON, RunQuery, Runs, asker
from onboarding.clock import Clock
from onboarding.cmg import operation_scripts
from onboarding.cmg.operation_scripts import RenewalValues
from onboarding.cmg.vault_reading import VaultSecret
from onboarding.cmg.wizard import AzureEnvironment
from onboarding.connections.connection_store import ConnectionStore
from onboarding.errors import requests
from onboarding.errors.reserve import OwnerAction
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.lifecycle.renewal_steps import RENEW, SECRET
from onboarding.lifecycle.requests import OF_CONNECTION, OF_ONBOARDING, Removal
from onboarding.storage import keys
from onboarding.texts import phrases
from onboarding.workflow import interventions
from onboarding.workflow.run import Author, Head, Run, RunStatus
from onboarding.workflow.runtime import Runtime


class OperationQuery(RunQuery):
    """Which operations are requested."""

    onboarding_id: Id | None = Field(None, description="Only operations on this onboarding.")
    connection_id: str | None = Field(None, description="Only operations on this connection.")
    kind: OperationKind | None = Field(None, description="Only operations of this kind.")
    labels: Labels | None = LABELS

    def lists(self) -> dict[str, str]:
        """More lists of the index that contain an operation."""
        given = {OF_ONBOARDING: self.onboarding_id, OF_CONNECTION: self.connection_id}
        return {kind: value for kind, value in given.items() if value}

    def shows(self, run: Run) -> bool:
        """Whether an operation is of the kind, and its connection has the labels."""
        return self.kind in {None, run.head.plan} and labelled(request_of(run.head).labels, self.labels)


class Operations:
    """Starts operations, and retries those that failed."""

    def __init__(self, *, runs: Runs, runtime: Runtime, clock: Clock) -> None:
        self._runs = runs
        self._runtime = runtime
        self._clock = clock

    async def remove(self, call: Call[Traced, None], wanted: Removal, *, owner: str) -> Reply:
        """Starts to undo an onboarding of an owner: 202. A repeated request retries a removal that failed."""
        asking = asker(call)
        head = REMOVE.head(
            keys.derived_id(REMOVE.name, wanted.onboarding),
            wanted,
            author=asking.author,
            created_at=self._clock.now(),
            lists=asking.lists_of(
                wanted.tenant,
                owner=owner,
                onboarding=wanted.onboarding,
                connection=wanted.connection or "",
            ),
            traceparent=asking.traceparent,
        )
        return await self.start(call, head)

    async def start(self, call: Call[Any, Any], head: Head) -> Reply:
        """Starts an operation, or retries the one with this ID if it failed: 202."""
        run = await self._runtime.start(head)
        if run and self._runs.status(run) is RunStatus.FAILED:
            run = await self.retry(run, call.caller.author)
        return self.accepted(call, run or self._runtime.plan(head).new(head))

    async def retry(self, run: Run, author: Author) -> Run:
        """Retries a failed operation. Another caller may have retried it at the same moment."""
        try:
            changed = await interventions.retry(self._runtime, run.head.id, author)
        except interventions.NotPossibleError:
            changed = await self._runtime.load(run.head.id)
        return changed or run

    async def removal_of(self, onboarding: str) -> Run | None:
        """The removal of what an onboarding created, if there is one."""
        return await self._runs.load(keys.derived_id(REMOVE.name, onboarding))

    def stops(self, removal: Run) -> RunStatus | None:
        """The status that a removal in progress gives to its onboarding; None if it changes none."""
        return None if self._runs.status(removal).final else REMOVE.request_of(removal.head).stop_as

    async def is_removed(self, onboarding: str) -> bool:
        """Whether everything that an onboarding created was removed."""
        removal = await self.removal_of(onboarding)
        return removal is not None and self._runs.status(removal) is RunStatus.SUCCEEDED

    def state(self, call: Call[Any, Any], removal: Run) -> RemovalSummary:
        """The progress of a removal."""
        return RemovalSummary(
            operation_id=removal.head.id,
            operation_url=call.url(f"operations/{removal.head.id}"),
            status=self._runs.status(removal),
            error=error_of(removal, OPERATIONS),
        )

    def retry_after(self, removal: Run) -> int | None:
        """Seconds until an onboarding that is being undone can change; None if a person must act."""
        failed = self._runs.status(removal) is RunStatus.FAILED
        return None if failed else self._runs.retry_after(removal) or SOON

    def accepted(self, call: Call[Any, Any], run: Run) -> Reply:
        """202, with an operation."""
        return self._runs.accepted(call, run, self.document(call, run))

    def document(self, call: Call[Any, Any], run: Run) -> Operation:
        """An operation with its steps."""
        return Operation.of(
            run,
            self._runs.status(run),
            steps=self._runs.steps(run),
            findings=Operation.findings_of(run),
            left_behind=LeftBehind.all_of(run, operates=call.caller.operates)
            if run.head.plan == REMOVE.name
            else (),
            events_url=self._runs.events_url(call, run),
        )


class OperationsResource:
    """The endpoints."""

    def __init__(
        self, *, runs: Runs, operations: Operations, connections: ConnectionStore, vault_tenant: str
    ) -> None:
        """``vault_tenant`` is the tenant of the vault, where people sign in to read a secret."""
        self._runs = runs
        self._operations = operations
        self._connections = connections
        self._vault_tenant = vault_tenant

    @endpoint(
        "GET /operations",
        name="list_operations",
        answers={200: OperationList},
    )
    async def list(self, call: Call[OperationQuery, None]) -> OperationList:
        """List renewals and removals, newest first."""
        return OperationList.of(*await self._runs.page(call, self._summary))

    async def _summary(self, run: Run) -> OperationSummary:
        return OperationSummary.of(run, self._runs.status(run))

    @endpoint(
        "GET /operations/{id}",
        name="get_operation",
        answers={200: Operation, 304: ()},
        headers={200: ("Retry-After", "ETag")},
        problems=(requests.NOT_FOUND,),
    )
    async def get(self, call: Call[Parameters, None]) -> Reply:
        """Get a renewal or a removal with its steps."""
        run = await self._runs.find(call)
        return self._runs.shown(self._operations.document(call, run), self._runs.retry_after(run))

    @endpoint(
        "GET /operations/{id}/events",
        name="list_operation_events",
        answers={200: TrailEventList},
        problems=(requests.NOT_FOUND,),
    )
    async def events(self, call: Call[PageQuery, None]) -> TrailEventList:
        """List the audit trail of an operation, oldest first."""
        return await self._runs.events(call)

    @endpoint(
        "GET /operations/{id}/handover",
        name="get_operation_handover",
        sensitive=True,
        answers={200: "text/plain"},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def handover(self, call: Call[Parameters, None]) -> Reply:
        """Get the PowerShell script for the remaining work at the site; it contains no secret."""
        run = await self._runs.find(call)
        if run.head.plan == REMOVE.name:
            name = REMOVE.request_of(run.head).name
            return script(operation_scripts.removal(name), f"remove-{run.head.id}.ps1")
        made, renewal = SECRET.found_in(run), RENEW.request_of(run.head)
        found = await self._connections.get(renewal.connection)
        if made is None or found is None or renewal.onboarding not in {"", found.onboarding}:
            raise self._runs.not_now(
                self._runs.status(run), phrases.HANDED_OVER.of(), phrases.NO_SECRET_YET.of()
            )
        text = operation_scripts.renewal(
            RenewalValues(
                connection_name=found.name,
                server_name=found.server_app.name,
                server_app_id=found.server_app.app_id,
                secret=VaultSecret(
                    id=made.secret.vault_id,
                    tenant=self._vault_tenant,
                    environment=AzureEnvironment(found.environment),
                ),
                secret_ends_at=made.secret.ends_at,
            )
        )
        return script(text, f"renew-{run.head.id}.ps1")

    @endpoint(
        "POST /operations/{id}/retry",
        name="retry_operation",
        reserve=OwnerAction.RETRY,
        answers={202: OperationSummary},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def retry(self, call: Call[Parameters, None]) -> Reply:
        """Retry an operation that has failed or waits for somebody to act."""
        run = await self._runs.retry(call)
        return self._runs.accepted(call, run, OperationSummary.of(run, self._runs.status(run)))
