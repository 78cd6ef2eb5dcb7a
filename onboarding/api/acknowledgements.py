"""``/api/connections/{id}/acknowledge`` and ``/snooze``: how people respond to a warning with the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from onboarding.api.connection_documents import Connection
from onboarding.api.connections import Connections
from onboarding.api.endpoint import Call, endpoint
from onboarding.api.problems import ProblemError, invalid
from onboarding.api.reading import Parameters
from onboarding.clock import Clock
from onboarding.cmg.fields import Timestamp, WizardModel
from onboarding.connections import records
from onboarding.errors import conflicts, fields, requests
from onboarding.expiry.user_responses import LONGEST_SNOOZE, Responder, UserResponses

_PROBLEMS: Final = (requests.NOT_FOUND, requests.EXPIRATION_CHANGED, requests.NO_WARNING_YET)


class AcknowledgeRequest(WizardModel):
    """Which expiration of a connection is acknowledged."""

    expiration: Literal["secret", "application"] | None = Field(
        None, description="Default: the expiration that is due first."
    )


class SnoozeRequest(AcknowledgeRequest):
    """How long no warning is sent. Specify either ``days`` or ``until``."""

    days: Annotated[int, Field(ge=1, le=LONGEST_SNOOZE.days)] | None = None
    until: Timestamp | None = None


class AcknowledgementsResource:
    """The endpoints."""

    def __init__(self, *, connections: Connections, responses: UserResponses, clock: Clock) -> None:
        self._connections = connections
        self._responses = responses
        self._clock = clock

    @endpoint(
        "POST /connections/{id}/acknowledge",
        name="acknowledge_connection",
        answers={200: Connection},
        problems=_PROBLEMS,
        examples={
            "the expiration that is due first": {},
            "a specific expiration": {"expiration": "application"},
        },
    )
    async def acknowledge(self, call: Call[Parameters, AcknowledgeRequest]) -> Connection:
        """Acknowledge an expiration."""
        found = await self._connections.find(call)
        kind, ends_at = _expiration(call.body.expiration, found)
        self._need_warned(kind, ends_at)
        responder = Responder(call.caller.author, operates=call.caller.operates)
        return self._changed(await self._responses.acknowledge(found.id, kind, ends_at, responder))

    @endpoint(
        "POST /connections/{id}/snooze",
        name="snooze_connection",
        answers={200: Connection},
        problems=_PROBLEMS,
        examples={
            "for some days": {"days": 7},
            "until a point in time": {"until": "2027-11-30T08:00:00Z", "expiration": "secret"},
        },
    )
    async def snooze(self, call: Call[Parameters, SnoozeRequest]) -> Connection:
        """Snooze the warnings of an expiration."""
        found = await self._connections.find(call)
        kind, ends_at = _expiration(call.body.expiration, found)
        until = self._until(call.body, ends_at)
        self._need_warned(kind, ends_at)
        responder = Responder(call.caller.author, operates=call.caller.operates)
        return self._changed(await self._responses.snooze(found.id, kind, ends_at, until, responder))

    def _need_warned(self, kind: str, ends_at: datetime) -> None:
        """Raises ``ProblemError`` (409) before the first warning, which nobody can acknowledge."""
        if due := self._responses.first_warning(ends_at):
            raise ProblemError(requests.NO_WARNING_YET, expiration=kind, due=due)

    def _until(self, wanted: SnoozeRequest, ends_at: datetime) -> datetime:
        """When a snooze ends. Raises ``ProblemError`` if that is in the past or too late."""
        if (wanted.days is None) == (wanted.until is None):
            raise invalid(conflicts.EITHER_OF.finding("/until", first="days", second="until"))
        now, latest = self._clock.now(), self._responses.latest(ends_at)
        until = wanted.until or now + timedelta(days=wanted.days or 0)
        if not now < until <= latest:
            pointer = "/until" if wanted.until else "/days"
            raise invalid(fields.SNOOZE_OUT_OF_RANGE.finding(pointer, latest=latest))
        return until

    def _changed(self, connection: records.Connection | None) -> Connection:
        if connection is None:
            raise ProblemError(requests.EXPIRATION_CHANGED)
        return self._connections.document(connection)


def _expiration(name: str | None, connection: records.Connection) -> tuple[str, datetime]:
    """An expiration of a connection, with its end. Raises ``ProblemError`` if there is none of this kind."""
    expirations = connection.expirations
    kind = name or min(expirations, key=lambda kind: expirations[kind])
    if kind not in expirations:
        raise invalid(fields.EXPIRATION_NOT_FOUND.finding("/expiration", expiration=kind))
    return kind, expirations[kind]
