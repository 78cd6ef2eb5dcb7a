"""``/api/expirations``: what ends, the soonest first; as JSON, for a spreadsheet, or for a calendar."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import azure.functions as func

from onboarding.api import documents, media
from onboarding.api.callers import Caller
from onboarding.api.connections import upcoming
from onboarding.api.front import Front, answer
from onboarding.api.paging import LARGEST, Page, bad_continuation
from onboarding.api.parameters import one_of, tenant_id
from onboarding.api.problems import bad_parameter
from onboarding.api.spreadsheets import sheet
from onboarding.clock import Clock
from onboarding.connections.cadence import Cadence, ExpirationState
from onboarding.connections.calendar import Calendar, Entry, View
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.storage.tables import InvalidContinuationError

MOST: Final = 5000
"""Rows of a spreadsheet and events of a calendar; a link tells where the next ones are."""

FILTERS: Final = ("tenantId", "owner", "withinDays", "state")
_FORMATS: Final = {"json": media.JSON, "csv": media.CSV, "ics": media.CALENDAR}
_COLUMNS: Final = (
    "connectionId",
    "connectionName",
    "tenantId",
    "tenantName",
    "kind",
    "endsAt",
    "daysLeft",
    "state",
    "renewBy",
    "serverAppName",
    "serverAppClientId",
    "owners",
    "acknowledgedBy",
    "snoozedUntil",
)


_DAYS: Final = re.compile(r"[0-9]{1,4}")

Found = Sequence[tuple[Connection, str]]
"""Connections, and one expiration of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which expirations are asked for, at which moment."""

    view: View
    since: datetime | None
    until: datetime | None
    state: ExpirationState | None
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Expirations:
    """The endpoint."""

    front: Front
    calendar: Calendar
    store: ConnectionStore
    cadence: Cadence
    clock: Clock
    most: int = MOST

    async def list(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """What ends, the soonest first; a requester's own, an operator's all."""
        page = Page.of(request, *FILTERS, "format")
        parameters = {name: request.params[name] for name in (*FILTERS, "format") if name in request.params}
        wanted = self.wanted(parameters, caller)
        media_type = _format(request)
        url = self.front.url(request, "expirations")
        if media_type == media.JSON:
            found, continuation = await self._page(wanted, page.size, page.continuation)
            shown = (self._document(connection, kind, wanted.now) for connection, kind in found)
            return answer(page.answer(shown, continuation, url, parameters), headers={"Vary": "Accept"})
        found, continuation = await self._many(wanted, page.continuation)
        response = self._file(media_type, found, wanted.now)
        response.headers["Vary"] = "Accept"
        if continuation:
            query = urlencode({**parameters, "continuationToken": continuation})
            response.headers["Link"] = f'<{url}?{query}>; rel="next"'  # RFC 8288
        return response

    async def feed(self, parameters: Mapping[str, str], caller: Caller) -> func.HttpResponse:
        """What a caller sees of what ends, the soonest first, for a calendar."""
        wanted = self.wanted(parameters, caller)
        found, _ = await self._many(wanted, "")
        return self._file(media.CALENDAR, found, wanted.now)

    def wanted(self, parameters: Mapping[str, str], caller: Caller) -> Wanted:
        """What filters mean for a caller, now. Raises ``ProblemError`` for a wrong one."""
        now = self.clock.now()
        state = one_of(parameters, "state", ExpirationState)
        since, until = None, None
        if "withinDays" in parameters:
            until = now + timedelta(days=_days(parameters["withinDays"]))
        match state:
            case ExpirationState.EXPIRED:
                until = now
            case ExpirationState.DUE:
                since, until = now, min(now + self.cadence.earliest, until or now + self.cadence.earliest)
            case ExpirationState.OK:
                since = now + self.cadence.earliest
        view = View(
            tenant=tenant_id(parameters),
            owner=_owner(parameters),
            requester=None if caller.operates else caller.id,
        )
        return Wanted(view=view, since=since, until=until, state=state, now=now)

    async def _page(self, wanted: Wanted, size: int, continuation: str) -> tuple[Found, str]:
        """Some expirations that are asked for, as their connections say today, and the continuation."""
        try:
            entries, continuation = await self.calendar.page(
                wanted.view, since=wanted.since, until=wanted.until, size=size, continuation=continuation
            )
        except InvalidContinuationError as error:
            raise bad_continuation() from error
        names = list({entry.connection for entry in entries})
        connections = dict(
            zip(names, await asyncio.gather(*(self.store.get(name) for name in names)), strict=True)
        )
        found = [(connections[entry.connection], entry) for entry in entries]
        return [
            (connection, entry.kind)
            for connection, entry in found
            if connection and self._shows(wanted, connection, entry)
        ], continuation

    async def _many(self, wanted: Wanted, continuation: str) -> tuple[Found, str]:
        """All expirations that are asked for, up to ``most``, and the continuation."""
        found: list[tuple[Connection, str]] = []
        while len(found) < self.most:
            size = min(LARGEST, self.most - len(found))
            some, continuation = await self._page(wanted, size, continuation)
            found += some
            if not continuation:
                break
        return found, continuation

    def _file(self, media_type: str, found: Found, now: datetime) -> func.HttpResponse:
        """Clocks as a file of a media type."""
        if media_type == media.CSV:
            name = "expirations.csv"
            body = sheet(_COLUMNS, (self._row(connection, kind, now) for connection, kind in found))
        else:
            from onboarding.api.calendars import calendar  # noqa: PLC0415 - see its docstring

            name, body = "expirations.ics", calendar(found, self.cadence.thresholds, now)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return func.HttpResponse(body, mimetype=media_type, charset="utf-8", headers=headers)

    def _shows(self, wanted: Wanted, connection: Connection, entry: Entry) -> bool:
        """Whether a connection still says what was entered, and belongs into the list."""
        return (
            connection.expirations.get(entry.kind) == entry.ends_at
            and wanted.view.shows(connection)
            and wanted.state in {None, self.cadence.state(entry.ends_at, wanted.now)}
        )

    def _document(self, connection: Connection, kind: str, now: datetime) -> dict[str, Any]:
        state = self.cadence.state(connection.expirations[kind], now)
        warning = upcoming(connection, self.cadence, now)[kind]
        return documents.expiration(connection, kind, warning, state, now)

    def _row(self, connection: Connection, kind: str, now: datetime) -> dict[str, str | int | None]:
        """A row of a spreadsheet: the document, flat."""
        document = self._document(connection, kind, now)
        return {
            **document,
            "serverAppName": document["serverApp"]["name"],
            "serverAppClientId": document["serverApp"]["clientId"],
            "owners": "; ".join(owner["email"] for owner in document["owners"]),
            "acknowledgedBy": (document["acknowledged"] or {}).get("by"),
        }


def _format(request: func.HttpRequest) -> str:
    """The media type of the answer: what ``format`` says, else what is preferred."""
    name = request.params.get("format")
    if name is None:
        return media.preferred(request, *_FORMATS.values())
    if name not in _FORMATS:
        raise bad_parameter("format", f"must be one of {', '.join(_FORMATS)}.")
    return _FORMATS[name]


def _days(text: str) -> int:
    if not _DAYS.fullmatch(text):
        raise bad_parameter("withinDays", "must be a number of days, up to 9999.")
    return int(text)


def _owner(parameters: Mapping[str, str]) -> str | None:
    owner = parameters.get("owner")
    if owner is not None and "@" not in owner:
        raise bad_parameter("owner", "must be an e-mail address.")
    return owner
