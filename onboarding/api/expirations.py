"""``/api/expirations``: what expires, earliest first; as JSON, for a spreadsheet, or for a calendar."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AfterValidator, Field

from onboarding.api.callers import Caller
from onboarding.api.connection_documents import ExpirationDetails, upcoming
from onboarding.api.documents import Document, ExpirationKind
from onboarding.api.endpoint import JSON, Call, Reply, download, endpoint
from onboarding.api.filters import LABELS, NOBODY, REQUESTED_BY, Labels, Who, filled, labelled, requester
from onboarding.api.paging import LARGEST, Page, PageQuery
from onboarding.api.reading import DIGITS, Id, Parameters
from onboarding.api.run_documents import Requester
from onboarding.clock import Clock
from onboarding.cmg.fields import Form, plain
from onboarding.connections import records
from onboarding.connections.cadence import Cadence, ExpirationState
from onboarding.connections.calendar import Calendar, View
from onboarding.connections.connection_store import ConnectionStore
from onboarding.storage.unreadable_rows import Readable
from onboarding.words.spreadsheet import sheet
from onboarding.words.word import Word

_EMAIL: Final = Form(r"[^@]*@[^@]*", "not-an-email-address")

CSV: Final = "text/csv"
CALENDAR: Final = "text/calendar"
MOST: Final = 5000
"""Rows of a spreadsheet and events of a calendar. A link leads to the next ones."""

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

Found = Readable[tuple[records.Connection, str]]
"""Connections, and one expiration of each."""


class Format(StrEnum):
    """The form of a list."""

    JSON = "json"
    CSV = "csv"
    CALENDAR = "ics"


_MEDIA_TYPES: Final = {Format.JSON: JSON, Format.CSV: CSV, Format.CALENDAR: CALENDAR}


class ExpirationFilter(Parameters):
    """Which expirations are requested."""

    tenant_id: Id | None = Field(None, description="Only expirations of this tenant.")
    owner: (
        Annotated[
            str,
            _EMAIL,
            Field(max_length=254, json_schema_extra={"format": "email"}),
            AfterValidator(plain),
        ]
        | None
    ) = Field(None, description="Only expirations of connections with this owner.")
    within_days: Annotated[int, Field(ge=0, le=9999), DIGITS] | None = Field(
        None, description="Only entries that expire within this number of days, or have expired."
    )
    state: ExpirationState | None = Field(None, description="Only expirations in this state.")
    requested_by: Who | None = REQUESTED_BY
    connection_id: str | None = Field(None, description="Only expirations of this connection.")
    labels: Labels | None = LABELS


class ExpirationQuery(PageQuery, ExpirationFilter):
    """Which page is requested, and in which form."""

    format: Format | None = Field(None, description="Default: the media type that Accept prefers.")


class AppName(Document):
    """The display name and the client ID of an application."""

    name: Word
    client_id: UUID


class ConnectionOwner(Document):
    """A person who is responsible for a connection."""

    name: Word | None = None
    email: str


class Expiration(ExpirationDetails):
    """An expiration of a connection."""

    connection_id: str
    connection_name: Word
    tenant_id: UUID
    tenant_name: Word
    server_app: AppName
    kind: ExpirationKind
    state: ExpirationState
    days_left: Annotated[int, Field(description="Whole days, rounded down; negative after the expiration.")]
    renew_by: datetime
    owners: tuple[ConnectionOwner, ...]
    labels: dict[str, Word]
    requested_by: Requester

    @classmethod
    def at(cls, record: records.Connection, kind: str, cadence: Cadence, now: datetime) -> Self:
        """An expiration of a connection, as it is at a moment."""
        ends_at = record.expirations[kind]
        details = ExpirationDetails.of(record, kind, upcoming(record, cadence, now)[kind])
        return cls(
            connection_id=record.id,
            connection_name=record.name,
            tenant_id=record.tenant,
            tenant_name=record.tenant_name,
            server_app=AppName(name=record.server_app.name, client_id=record.server_app.app_id),
            kind=kind,
            state=cadence.state(ends_at, now),
            days_left=(ends_at - now).days,
            renew_by=record.renew_by,
            **dict(details),
            labels=record.request.labels,
            requested_by=Requester(id=record.requester, name=record.requester_name),
            owners=tuple(
                ConnectionOwner(name=owner.name, email=owner.email) for owner in record.request.owners
            ),
        )

    def row(self) -> Mapping[str, str | int | None]:
        """A row of a spreadsheet: the document, flat."""
        return {
            **self.model_dump(mode="json", by_alias=True),
            "serverAppName": self.server_app.name,
            "serverAppClientId": str(self.server_app.client_id),
            "owners": "; ".join(owner.email for owner in self.owners),
            "acknowledgedBy": self.acknowledged.by if self.acknowledged else None,
        }


class ExpirationList(Page[Expiration]):
    """A page of expirations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which expirations are requested, and when."""

    view: View
    since: datetime | None
    until: datetime | None
    state: ExpirationState | None
    now: datetime
    connection: str | None = None
    labels: Mapping[str, Word] = field(default_factory=dict)


class ExpirationsResource:
    """The endpoint, and what feeds show of it."""

    def __init__(
        self, *, calendar: Calendar, store: ConnectionStore, cadence: Cadence, clock: Clock, most: int = MOST
    ) -> None:
        """``most`` are the rows of a file."""
        self._calendar = calendar
        self._store = store
        self._cadence = cadence
        self._clock = clock
        self._most = most

    @endpoint(
        "GET /expirations",
        name="list_expirations",
        answers={200: (ExpirationList, CSV, CALENDAR)},
        headers={200: ("Link",)},
    )
    async def list(self, call: Call[ExpirationQuery, None]) -> Reply:
        """List expirations, earliest first; also for a spreadsheet or a calendar."""
        query = call.query
        wanted = self.wanted(query, call.caller)
        media_type = _MEDIA_TYPES[query.format] if query.format else call.preferred(*_MEDIA_TYPES.values())
        if media_type == JSON:
            pages = functools.partial(self.page, wanted)
            found, continuation = await filled(pages, size=query.size, continuation=query.continuation)
            documents = await self._documents(found, wanted.now)
            page = ExpirationList.of(documents, call.next_link(continuation, maxpagesize=query.size))
            return Reply(content=page, headers={"Vary": "Accept"})
        reply, continuation = await self.file(wanted, media_type, query.continuation)
        headers = {**reply.headers, "Vary": "Accept"}
        if continuation:
            headers["Link"] = f'<{call.next_link(continuation)}>; rel="next"'  # RFC 8288
        return replace(reply, headers=headers)

    def wanted(self, query: ExpirationFilter, caller: Caller) -> Wanted:
        """The filters of a caller, now. Requesters see only their own connections."""
        now, earliest = self._clock.now(), self._cadence.earliest
        since = None
        until = None if query.within_days is None else now + timedelta(days=query.within_days)
        match query.state:
            case ExpirationState.EXPIRED:
                until = now
            case ExpirationState.DUE:
                since, until = now, min(now + earliest, until or now + earliest)
            case ExpirationState.OK:
                since = now + earliest
        whose = requester(query.requested_by, caller) or (None if caller.operates else caller.id)
        seen = whose if whose is None or caller.may_see(whose) else NOBODY
        return Wanted(
            view=View(tenant=query.tenant_id, owner=query.owner, requester=seen),
            since=since,
            until=until,
            state=query.state,
            now=now,
            connection=query.connection_id,
            labels=query.labels or {},
        )

    async def page(self, wanted: Wanted, size: int, continuation: str) -> tuple[Found, str]:
        """Some of the expirations in the current state of their connections, and the continuation."""
        entries, continuation = await self._calendar.page(
            wanted.view, since=wanted.since, until=wanted.until, size=size, continuation=continuation
        )
        found = await self._store.expiring(entries)
        shown = [expiring for expiring in found if self._shows(wanted, *expiring)]
        return Readable(shown, (*entries.unreadable, *found.unreadable)), continuation

    async def file(
        self,
        wanted: Wanted,
        media_type: str,
        continuation: str = "",
        *,
        feed_ends_at: datetime | None = None,
    ) -> tuple[Reply, str]:
        """The expirations as a file, and the continuation if they do not fit into it.

        ``feed_ends_at`` is when a calendar ends to which a program subscribes.
        """
        found: list[tuple[records.Connection, str]] = []
        while len(found) < self._most:
            size = min(LARGEST, self._most - len(found))
            some, continuation = await self.page(wanted, size, continuation)
            found += some
            if not continuation:
                break
        if media_type == CSV:
            rows = [document.row() for document in await self._documents(Readable(found), wanted.now)]
            return download(sheet(_COLUMNS, rows), CSV, "expirations.csv"), continuation
        from onboarding.api.calendars import calendar  # noqa: PLC0415 - see its docstring

        last = found[-1][0].expirations[found[-1][1]] if continuation and found else None
        content = calendar(found, self._cadence.thresholds, wanted.now, feed_ends_at, until=last)
        return download(content, CALENDAR, "expirations.ics"), continuation

    async def _documents(self, found: Found, now: datetime) -> Readable[Expiration]:
        """How callers see expirations."""
        return await self._store.shown(
            found,
            lambda expiration: Expiration.at(*expiration, self._cadence, now),
            lambda expiration: expiration[0],
        )

    def _shows(self, wanted: Wanted, connection: records.Connection, kind: str) -> bool:
        """Whether an expiration of a connection belongs in the list."""
        return (
            wanted.view.shows(connection)
            and wanted.connection in {None, connection.id}
            and labelled(connection.request.labels, wanted.labels)
            and wanted.state in {None, self._cadence.state(connection.expirations[kind], wanted.now)}
        )
