"""``/api/connections/{id}/acknowledge`` and ``/snooze``: what people answer to a warning, by API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

import azure.functions as func
from pydantic import AwareDatetime, Field

from onboarding.api import bodies
from onboarding.api.callers import Caller
from onboarding.api.connections import Connections
from onboarding.api.front import answer
from onboarding.api.problems import ProblemError, invalid
from onboarding.cmg.fields import WizardModel
from onboarding.connections.records import Connection
from onboarding.errors import Finding
from onboarding.expiry.user_responses import LONGEST_SNOOZE, UserResponses


class Acknowledge(WizardModel):
    """Which of a connection's expirations is meant."""

    expiration: Literal["secret", "application"] | None = Field(
        None, description="Default: the one that ends first."
    )


class Snooze(Acknowledge):
    """Until when nothing is to be said of it."""

    days: Annotated[int, Field(ge=1, le=LONGEST_SNOOZE.days)] | None = None
    until: AwareDatetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgements:
    """The endpoints."""

    connections: Connections
    responses: UserResponses

    async def acknowledge(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Somebody has seen that an expiration ends."""
        found = await self.connections.find(request, caller)
        kind, ends_at = _expiration(bodies.of(request, Acknowledge).expiration, found)
        return self._answer(await self.responses.acknowledge(found.id, kind, ends_at, caller.name))

    async def snooze(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Somebody wants to hear nothing of an expiration for a while."""
        found = await self.connections.find(request, caller)
        wanted = bodies.of(request, Snooze)
        kind, ends_at = _expiration(wanted.expiration, found)
        until = self._until(wanted, ends_at)
        return self._answer(await self.responses.snooze(found.id, kind, ends_at, until, caller.name))

    def _until(self, wanted: Snooze, ends_at: datetime) -> datetime:
        """When a snooze ends; raises ``ProblemError`` where that is neither ahead nor soon enough."""
        if (wanted.days is None) == (wanted.until is None):
            raise invalid((Finding(code="field-conflict", pointer="/until", detail="Give days or until."),))
        now, latest = self.responses.clock.now(), self.responses.latest(ends_at)
        until = wanted.until or now + timedelta(days=wanted.days or 0)
        if not now < until <= latest:
            pointer = "/until" if wanted.until else "/days"
            detail = f"It has to end after now, and at the latest on {latest.isoformat()}."
            raise invalid((Finding(code="field-invalid", pointer=pointer, detail=detail),))
        return until

    def _answer(self, changed: Connection | None) -> func.HttpResponse:
        if changed is None:
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "expiration-moved",
                "The expiration has been moved meanwhile",
                "The connection was renewed or removed just now. Look at it again.",
            )
        return answer(self.connections.document(changed))


def _expiration(name: str | None, connection: Connection) -> tuple[str, datetime]:
    """An expiration of a connection and its end. Raises ``ProblemError`` if there is none of this kind."""
    expirations = connection.expirations
    kind = name or min(expirations, key=lambda each: expirations[each])
    if kind not in expirations:
        detail = f"This connection has only the expiration {' and '.join(expirations)}."
        raise invalid((Finding(code="field-invalid", pointer="/expiration", detail=detail),))
    return kind, expirations[kind]
