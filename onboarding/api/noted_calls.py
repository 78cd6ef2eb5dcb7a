"""Calls in the audit trail: every call that changes something, and every one that reads something sensitive.

An effect is noted before it happens. If the trail does not answer, the call is refused. If the call is
refused or makes calls to the cloud, a second event has the answer. A read is noted before the caller gets the
result. The body of a call can contain secrets, so only its path and its query are noted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from azure.core.exceptions import AzureError

from onboarding import calls
from onboarding.api.endpoint import Call, Endpoint
from onboarding.api.reading import is_id
from onboarding.audit.audit_event import AuditEvent, EventSubject
from onboarding.audit.trail import Trail
from onboarding.clock import Clock
from onboarding.storage import keys
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.subjects import subject
from onboarding.workflow.runtime import Runtime

log = logging.getLogger(__name__)

_CONNECTIONS: Final = "connections"
_TENANTS: Final = "tenants"


@dataclass(frozen=True, kw_only=True, slots=True)
class NotedCall:
    """A call that is noted."""

    event: AuditEvent
    reads: bool  # it changes nothing

    def answered(self, status: int, error: str, made: Sequence[calls.CloudCall]) -> AuditEvent:
        """The event of the answer."""
        identifier = keys.derived_id("answer", self.event.request)
        return replace(self.event, id=identifier, status=status, error=error, calls=tuple(made))


class NotedCalls:
    """Writes the events."""

    def __init__(self, *, trail: Trail, runs: Mapping[str, Runtime], clock: Clock) -> None:
        """``runs`` are all runs, by the first part of the path of their endpoints."""
        self._trail = trail
        self._runs = runs
        self._clock = clock

    async def begin(self, endpoint: Endpoint, call: Call[Any, Any], request_id: str) -> NotedCall | None:
        """Notes a call before it has an effect; returns None for a call that is not noted.

        Raises ``AzureError``.
        """
        reads = not endpoint.writes
        if not endpoint.roles or (reads and not endpoint.sensitive):
            return None
        about = await self._subject(endpoint, call)
        path = endpoint.path
        for name, value in call.path.items():
            path = path.replace(f"{{{name}}}", value)
        query = call.query.model_dump(mode="json", by_alias=True, exclude_unset=True)
        query = {name: value for name, value in query.items() if name.lower() != "traceparent"}
        event = AuditEvent(
            id=keys.derived_id("call", request_id),
            at=self._clock.now(),
            kind=endpoint.name,
            actor=call.caller.name,
            actor_id=call.caller.id,
            on_behalf_of=call.caller.on_behalf_of,
            tenant=about.tenant,
            connection=about.connection,
            request=request_id,
            detail=f"{endpoint.method} {path}" + (f"?{urlencode(query)}" if query else ""),
        )
        if not reads:
            await self._trail.add(event)
        return NotedCall(event=event, reads=reads)

    async def end(
        self, noted: NotedCall | None, made: Sequence[calls.CloudCall], *, status: int, error: str = ""
    ) -> None:
        """Notes the answer to a call. Raises ``AzureError`` only if the caller reads something sensitive."""
        if noted is None or not (noted.reads or made or status >= HTTPStatus.BAD_REQUEST):
            return
        answered = replace(noted.answered(status, error, made), at=self._clock.now())
        try:
            await self._trail.add(answered)
        except AzureError:
            if noted.reads and not error:
                raise
            log.exception("the answer of the request %s is not in the audit trail", noted.event.request)

    async def _subject(self, endpoint: Endpoint, call: Call[Any, Any]) -> EventSubject:
        """What a call is about, as far as its path, query or body shows."""
        resource, name = endpoint.path.split("/")[1], call.path.get("id", "")
        if resource == _CONNECTIONS and name:
            return EventSubject.of_connection(name)
        if resource == _TENANTS:
            return EventSubject(name.lower())
        if (found := subject(call.body)).tenant:
            return found
        if is_id(name):
            return await self._of_run(resource, name)
        return EventSubject(str(getattr(call.query, "tenant_id", "") or ""))

    async def _of_run(self, resource: str, name: str) -> EventSubject:
        """What a run is about. Its path may not show which kind of run it is."""
        candidates = [self._runs[resource]] if resource in self._runs else list(self._runs.values())
        for runs in candidates:
            try:
                if run := await runs.load(name):
                    return subject(runs.plan(run.head).request_of(run.head))
            except UnreadableRowError:
                continue
        return EventSubject()
