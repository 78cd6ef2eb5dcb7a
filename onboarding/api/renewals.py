"""``/api/connections/{id}/renewals``: renews the client secret of a connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from onboarding.api.connections import Connections
from onboarding.api.endpoint import CLOUD_REFUSES, WHERE, Call, Reply, endpoint
from onboarding.api.operation_documents import Operation
from onboarding.api.operations import Operations
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters, Traced, need
from onboarding.api.runs import Runs, asker
from onboarding.api.secret_budget import SecretBudget
from onboarding.clock import Clock
from onboarding.cmg.renewal_request import RenewalRequest
from onboarding.connections import records
from onboarding.connections.records import ConnectionState
from onboarding.errors import requests, secrets
from onboarding.errors.reserve import OwnerAction
from onboarding.lifecycle import automatic_renewals, provided_secrets
from onboarding.lifecycle.renewal_steps import CONFIRMATION, CONFIRMED, RENEW, SECRET
from onboarding.lifecycle.requests import Renewal
from onboarding.workflow.run import Author, Run, RunStatus
from onboarding.workflow.runtime import Runtime

if TYPE_CHECKING:
    from onboarding.lifecycle.context import Services

_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "created app": {"secretValidity": "P1Y", "timeLimitDays": 30},
    "imported app": {"vaultSecret": "import-contoso-2027"},
}


class RenewalsResource:
    """The endpoints."""

    def __init__(
        self,
        *,
        connections: Connections,
        runs: Runs,
        operations: Operations,
        runtime: Runtime,
        services: Callable[[], Services],
        secrets: SecretBudget,
        clock: Clock,
        time_limit_days: int,
    ) -> None:
        """``runs`` and ``runtime`` are those of operations. ``services`` makes the clients of the cloud."""
        self._connections = connections
        self._runs = runs
        self._operations = operations
        self._runtime = runtime
        self._services = services
        self._secrets = secrets
        self._clock = clock
        self._time_limit_days = time_limit_days

    @endpoint(
        "POST /connections/{id}/renewals",
        name="renew_secret",
        reserve=OwnerAction.RENEW,
        answers={202: Operation},
        headers={202: WHERE},
        problems=(
            requests.NOT_FOUND,
            requests.CONNECTION_REMOVING,
            requests.SERVER_APP_OF_OTHER_CONNECTION,
            requests.TOO_MANY_SECRETS,
            secrets.RENEWAL_WITH_OTHER_SECRET,
            CLOUD_REFUSES,
        ),
        examples=_EXAMPLES,
    )
    async def create(self, call: Call[Traced, RenewalRequest]) -> Reply:
        """Create a new client secret alongside the current one."""
        connection = await self._connections.find(call)
        _need_own_secret(connection)
        previous = await self._runtime.load(connection.renewal) if connection.renewal else None
        if previous and self._goes_on(connection, previous):
            _need_same_secret(call.body, previous)
            current = await self._current(previous, call.caller.author)
            return self._operations.accepted(call, current)
        now = self._clock.now()
        need(call.body.faults(imported=connection.imports_server_app, now=now))
        before = previous.head.id if previous else ""
        if call.body.secret:
            await self._secrets.take(call.caller)
        renewal = await self._kept(call.body, connection, before)
        head = automatic_renewals.head(connection, renewal, now=now, previous=before, asker=asker(call))
        reply = await self._operations.start(call, head)
        if renewal.vault_secret and (started := await self._runtime.load(head.id)):
            used = RENEW.request_of(started.head).vault_secret
            if renewal.vault_secret != used:  # another request was first
                if call.body.secret:
                    await provided_secrets.discard(
                        self._services(), renewal.vault_secret, connection.onboarding
                    )
                raise ProblemError(secrets.RENEWAL_WITH_OTHER_SECRET, renewal=head.id)
        return reply

    async def _kept(self, wanted: RenewalRequest, connection: records.Connection, previous: str) -> Renewal:
        """The request as it is stored: the name of a secret in Key Vault in place of the secret."""
        name = None
        if wanted.secret:
            tags = {
                "onboarding": connection.onboarding,
                "tenantId": connection.tenant,
                "appId": connection.server_app.app_id,
            }
            run = automatic_renewals.identifier(connection, previous)
            ends_at = self._clock.now() + provided_secrets.UNKNOWN_END
            name = await provided_secrets.keep(self._services(), wanted.secret, run, tags, ends_at=ends_at)
        return Renewal.of(connection, wanted, time_limit_days=self._time_limit_days, vault_secret=name)

    def _goes_on(self, connection: records.Connection, renewal: Run) -> bool:
        """Whether a renewal is in progress, or can be retried: it failed after it created its secret."""
        status = self._runs.status(renewal)
        if not status.final:
            return True
        made = SECRET.found_in(renewal)
        waits = made and connection.pending and made.secret.key_id == connection.pending.key_id
        usable = made and waits and made.secret.ends_at > self._clock.now()
        return status is RunStatus.FAILED and bool(usable)

    async def _current(self, renewal: Run, author: Author) -> Run:
        """A renewal in progress; a failed one is retried."""
        if self._runs.status(renewal) is RunStatus.FAILED:
            return await self._operations.retry(renewal, author)
        return renewal

    @endpoint(
        "POST /connections/{id}/renewals/{renewal}/confirm",
        name="confirm_renewal",
        reserve=OwnerAction.CONFIRM,
        answers={202: Operation},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def confirm(self, call: Call[Parameters, None]) -> Reply:
        """Confirm that the site has the new secret, so that the previous one can be removed."""
        run = await self._runs.find(call, "renewal")
        if run.head.plan != RENEW.name or RENEW.request_of(run.head).connection != call.path["id"]:
            raise self._runs.not_found()
        run = await self._runs.confirm(call, run, CONFIRMATION, CONFIRMED)
        return self._operations.accepted(call, run)


def _need_same_secret(wanted: RenewalRequest, renewal: Run) -> None:
    """Raises ``ProblemError`` (409) for a request with another secret than that of the renewal."""
    name = wanted.vault_secret
    if wanted.secret:
        name = provided_secrets.name_of(wanted.secret, renewal.head.id)
    if name and name != RENEW.request_of(renewal.head).vault_secret:
        raise ProblemError(secrets.RENEWAL_WITH_OTHER_SECRET, renewal=renewal.head.id)


def _need_own_secret(connection: records.Connection) -> None:
    """Raises ``ProblemError`` (409) if the connection has no secret of its own to renew."""
    if connection.state is not ConnectionState.ACTIVE:
        raise ProblemError(requests.CONNECTION_REMOVING, name=connection.name)
    if connection.shares:
        raise ProblemError(requests.SERVER_APP_OF_OTHER_CONNECTION, owner=connection.shares)
