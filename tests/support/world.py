"""A deployment on a storage account in memory: everything except the Microsoft cloud, in one process."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE, Caller
from onboarding.api.documents import Document
from onboarding.api.endpoint import Call, Endpoint, Reply
from onboarding.api.paging import ContinuedQuery
from onboarding.api.reader import ANYBODY
from onboarding.clock import Clock, MovedClock
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import AppRecord, Connection, Difference, SecretRecord
from onboarding.errors import steps
from onboarding.lifecycle.plans import plan_of
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.lifecycle.requests import Asker, Removal
from onboarding.notices.deliveries import DELIVERY
from onboarding.notices.notice import DeliveryRequest, Notice, NoticeKind
from onboarding.parts.process import Parts
from onboarding.recovery.epoch import Epoch
from onboarding.recovery.epoch_witness import EpochWitness
from onboarding.service import ENDPOINTS, Service
from onboarding.settings import Settings
from onboarding.shared import Shared
from onboarding.storage import names
from onboarding.storage.sealing import Seals
from onboarding.storage.tables import Row, Write
from onboarding.timers import Timers
from onboarding.words import data
from onboarding.words.word import Word
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.plan import Plan
from onboarding.workflow.poison_messages import PoisonMessage, PoisonReason
from onboarding.workflow.run import SERVICE, Head, StepStatus
from onboarding.workflow.runtime import Runtime
from tests.support.connections import TENANT, connection
from tests.support.memory import MemoryTables
from tests.support.memory_ledgers import MemoryLedgers
from tests.support.memory_queues import MemoryQueues
from tests.support.vault import MemoryVault

OPERATOR: Final = Caller(id="operator", name="Op", roles=(OPERATE_ROLE,))
_ENDPOINTS: Final[Mapping[str, Endpoint]] = {endpoint.name: endpoint for endpoint in ENDPOINTS}


class World:
    """The parts, the API and the timers of a deployment."""

    def __init__(self, clock_file: Path) -> None:
        self.tables, self.queues, self.vault = MemoryTables(), MemoryQueues(), MemoryVault()
        self.ledgers = MemoryLedgers()
        for table in names.TABLES:
            self.tables.create(table)
        for queue in names.QUEUES:
            self.queues.create(queue)
        self.clock: Clock = MovedClock(clock_file)
        self.tables.clock = self.clock
        self._clock_file = clock_file
        self.reader = ANYBODY
        self._start()

    def _start(self) -> None:
        settings = Settings(
            storage_connection="UseDevelopmentStorage=true",
            home_tenant_id=TENANT,
            key_vault_url="https://vault.invalid",
            api_audience="api://test",
            local_clock_file=self._clock_file,
            notice_webhook_url="https://receiver.invalid",
            renew_before_days=25,
        )
        self.parts = Parts(settings)
        vault: Any = self.vault
        epoch = Epoch(self.tables, lambda: vault, EpochWitness(lambda: self.ledgers))
        self.parts.__dict__.update(clock=self.clock, epoch=epoch)
        self.parts.stores.__dict__.update(tables=self.tables, queues=self.queues, ledgers=self.ledgers)
        self.service, self.timers = Service(self.parts, Shared(self.parts)), Timers(self.parts)

    def snapshot(self) -> Any:
        """Everything that is stored."""
        return dict(self.tables._rows), {
            queue: [replace(message) for message in messages]
            for queue, messages in self.queues._messages.items()
        }

    def restore(self, snapshot: Any) -> None:
        """Restore what was stored, and start again."""
        rows, messages = snapshot
        self.tables._rows = dict(rows)
        self.queues._messages = {
            queue: [replace(message) for message in kept] for queue, kept in messages.items()
        }
        self._start()

    def advance(self, by: timedelta) -> None:
        """Move the clock."""
        before = float(self._clock_file.read_text()) if self._clock_file.exists() else 0.0
        self._clock_file.write_text(str(before + by.total_seconds()))

    def rows(self) -> list[Row]:
        """All rows, in the order of tables and keys."""
        return [row for table in names.TABLES for _, row in sorted(self.tables._rows[table].items())]

    async def call(
        self,
        name: str,
        *,
        caller: Caller = OPERATOR,
        path: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        **query: Any,
    ) -> Any:
        """The response of an endpoint, as JSON or text. Raises what the handler raises."""
        declared = _ENDPOINTS[name]
        handler = getattr(self.service.resource(declared.resource), declared.handler)
        asked, seal = declared.query.model_validate(query), None
        if isinstance(asked, ContinuedQuery):
            seal = await Seals(self.tables).of(asked.listed(caller, name))
            asked = asked.opened(seal)
        call = Call(
            caller=caller,
            query=asked,
            seal=seal,
            body=declared.body.model_validate(body) if declared.body and body is not None else None,
            path=path or {},
            base_url="https://here.invalid/api",
            called_url="https://here.invalid/api/x",
        )
        answer = await handler(call)
        if isinstance(answer, Reply):
            answer = answer.content
        if not isinstance(answer, bytes | Document):
            answer = answer.rendered(ANYBODY)
        if isinstance(answer, bytes):
            return answer.decode()
        return json.loads(answer.as_json(self.reader))

    async def http(self, method: str, path: str) -> Any:
        """The response to an operator's call, by method and path, as a page shows it."""
        url = urlsplit(path.removeprefix("/api"))
        for name, declared in _ENDPOINTS.items():
            pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", declared.path)
            if declared.method == method and (found := re.fullmatch(pattern, url.path)):
                query: dict[str, Any] = dict(parse_qsl(url.query))
                return await self.call(name, path=found.groupdict(), **query)
        raise LookupError(f"{method} {path}")

    async def run_jobs(self) -> None:
        """Run every timer once, as the host does."""
        timers, engines = self.timers, self.parts.engines.values()
        works = [work for engine in engines for work in (engine.sweep, engine.collect)]
        await timers.jobs.run("sweep_onboardings", *works)
        await timers.jobs.run("sweep_expirations", timers.expiry_sweep.run, timers.automatic_renewals.run)
        await timers.jobs.run(
            "sweep_directory", timers.inspection_sweep.run, self.parts.stores.trail_watch.run
        )

    async def attention(self) -> dict[str, dict[str, Any]]:
        """What needs attention, by code, in the order of the overview."""
        found = (await self.call("get_overview"))["attention"]
        return {each["code"]: each for each in found}

    async def sweep(self) -> None:
        """Run every timer once."""
        for engine in self.parts.engines.values():
            await engine.sweep()
            await engine.collect()
        await self.timers.expiry_sweep.run()
        await self.timers.automatic_renewals.run()
        await self.timers.inspection_sweep.run()

    async def connect(self, name: str, ends_at: datetime, *, drifts: bool = True, **more: Any) -> Connection:
        """A connection with its warnings and with differences."""
        parts, now = self.parts, self.clock.now()
        made = await parts.stores.connection_store.add(_whole(name, ends_at, **more))
        await parts.stores.warning_schedule.schedule(made, now - timedelta(days=90))
        if not drifts:
            return made
        found = Difference(code="scope", app="serverApp", since=now, detail="d", impact="b", remedy="r")
        await parts.stores.drift_index.enter(replace(made, differences={found.key: found}))
        return made

    async def onboard(self, request: OnboardingRequest, at: datetime, requester: str = "somebody") -> Head:
        """An onboarding that has not started."""
        asker = Asker(id=requester, name=requester)
        lists = asker.lists(request.tenant)
        head = plan_of(request).head(
            run_id(data.text(request.name)), request, author=SERVICE, created_at=at, lists=lists
        )
        await self.parts.onboarding_runs.start(head)
        return head

    async def off_board(self, request: OnboardingRequest, at: datetime) -> Head:
        """A removal that has not started."""
        removal = Removal(onboarding=run_id(data.text(request.name)), request=request)
        lists = Asker(id="operator").lists(request.tenant)
        head = REMOVE.head(
            run_id(f"-{data.text(request.name)}"), removal, author=SERVICE, created_at=at, lists=lists
        )
        await self.parts.operation_runs.start(head)
        return head

    async def deliver(self, made: Connection, at: datetime, channel: str = "webhook") -> Head:
        """A delivery that has not started."""
        notice = Notice(
            kind=NoticeKind.PROFILE_DRIFT,
            connection=made.id,
            key=("k",),
            at=at,
            message="m",
            impact="i",
            remedy="r",
        )
        request = DeliveryRequest(notice=notice, channel=channel)
        identifier = run_id(f"{data.text(made.name)}-{channel}-delivery")
        head = DELIVERY.head(identifier, request, author=SERVICE, created_at=at)
        await self.parts.notice_runs.start(head)
        return head

    async def poison(self, text: str, at: datetime) -> PoisonMessage:
        """A poison message."""
        message = PoisonMessage(
            queue=names.STEPS_QUEUE, body=text.encode(), reason=PoisonReason.INVALID, detail="d", at=at
        )
        await self.parts.stores.poison_messages.keep(message)
        return message

    async def fail(self, runs: Runtime, head: Head, code: str = "") -> None:
        """Let the first step of a run fail."""
        await runs.index.begin(head)
        run = await runs.store.load(head.id)
        assert run is not None
        plan: Plan[Any, Any] = runs.plan(head)
        error = Failure.of(steps.WORKER_CRASHED.error(steps=[plan.first]))
        failed = run.steps[plan.first].evolve(
            status=StepStatus.FAILED,
            attempt=1,
            changed_at=runs.clock.now(),
            error=replace(error, code=code or error.code),
        )
        await runs.store.commit([failed], [runs.event(failed, "failed")])
        await runs.index.mark(head)
        run = await runs.load(head.id)
        assert run is not None
        await runs.settle(run)

    async def damage(self, row: Row, column: str, value: Any) -> None:
        """Set a column to another value; None removes it."""
        columns = {**row.columns, column: value}
        await self.tables.write(row.table, replace(row, columns=columns), Write.UPSERT)


def _whole(name: str, ends_at: datetime, **more: Any) -> Connection:
    """A connection with IDs that the API can show."""
    apps = {role: f"{name} {role}" for role in ("server", "client")}
    server, client = (
        AppRecord(
            name=Word(app),
            app_id=run_id(app),
            object_id=run_id(f"{app} object"),
            service_principal_id=run_id(f"{app} principal"),
        )
        for app in apps.values()
    )
    secret = SecretRecord(
        key_id=run_id(f"{name} key"), vault_id=f"https://vault.invalid/secrets/{name}/1", ends_at=ends_at
    )
    facts = {"server_app": server, "client_app": client, "secret": secret, "onboarding": run_id(name), **more}
    return connection(ends_at, name=name, owners=["kim@contoso.com"], **facts)


def requester(name: str) -> Caller:
    """A caller with the requester's role."""
    return Caller(id=name, name=name, roles=(REQUEST_ROLE,))


def run_id(name: str) -> str:
    """The ID of a run of this world."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))
