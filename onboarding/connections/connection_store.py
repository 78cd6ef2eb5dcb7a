"""The store of the connections: by tenant, with pointers by requester and for inspections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

from onboarding.connections import pointers, site_waits
from onboarding.connections.calendar import CalendarEntry
from onboarding.connections.handover import HandoverState
from onboarding.connections.records import AppRecord, Connection
from onboarding.errors import requests
from onboarding.storage import names
from onboarding.storage.tables import ConflictError, Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Readable, each, readable, single
from onboarding.texts import reasons
from onboarding.words.line import isolated

_TENANTS: Final = Range("0", "~")
"""Partitions are tenant ids; those of pointers start with a character that sorts after them."""

_FEW: Final = 10
Item = TypeVar("Item")
Shown = TypeVar("Shown")

_ID: Final = re.compile(r"[0-9a-f-]{36}\.[0-9a-f]{20}")
"""A tenant id, and the key of a name."""


class ConnectionStore:
    """The service connections."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, connection: str) -> Connection | None:
        """A connection by its ID, or None (also for a value that is not an ID)."""
        tenant, _, key = connection.partition(".")
        if not _ID.fullmatch(connection):  # such as a pointer, which is also a row
            return None
        row = await self._tables.get(names.CONNECTIONS, tenant, key)
        return await single(self._tables, row, Connection.from_row) if row else None

    async def several(self, connections: Iterable[str]) -> Readable[Connection]:
        """Those connections that exist and can be read, by their IDs."""
        places = [name.partition(".") for name in connections if _ID.fullmatch(name)]
        rows = await asyncio.gather(
            *(self._tables.get(names.CONNECTIONS, tenant, key) for tenant, _, key in places)
        )
        return await readable(self._tables, filter(None, rows), Connection.from_row)

    async def expiring(self, entries: Iterable[CalendarEntry]) -> Readable[tuple[Connection, str]]:
        """The expirations of entries of the calendar that their connections still have: their kinds."""
        known = [*entries]
        several = await self.several({entry.connection for entry in known})
        connections = {connection.id: connection for connection in several}
        current = [
            (connection, entry.kind)
            for entry in known
            if (connection := connections.get(entry.connection))
            and connection.expirations.get(entry.kind) == entry.ends_at
        ]
        return Readable(current, several.unreadable)

    async def shown(
        self, found: Readable[Item], show: Callable[[Item], Shown], of: Callable[[Item], Connection]
    ) -> Readable[Shown]:
        """The results of ``show`` for items of connections, and the rows that cannot be read or shown."""
        shown = await each(
            self._tables, found, show, lambda item: replace(of(item).to_row(), table=names.CONNECTIONS)
        )
        return Readable(shown, (*found.unreadable, *shown.unreadable))

    async def any_of_tenant(self, tenant: str) -> Connection | None:
        """One of the connections of a tenant, if it has any."""
        page = await self._tables.page(names.CONNECTIONS, Range(tenant, ""), size=_FEW)
        found = await readable(self._tables, page.rows, Connection.from_row)
        return found[0] if found else None

    async def sharing(self, connection: Connection) -> list[Connection]:
        """A connection, and those that share its server app and its secret, as they recorded it."""
        found = await self._all_of(connection.tenant)
        return [other for other in found if connection.id in {other.id, other.shares}]

    async def tenants(self) -> set[str]:
        """The tenants that have connections."""
        return {row.partition async for row in self._tables.scan(names.CONNECTIONS, _TENANTS)}

    async def others(self, connection: Connection) -> list[Connection]:
        """The other connections of its tenant that can be read."""
        rows = await self._tables.query(names.CONNECTIONS, connection.tenant)
        found = await readable(self._tables, rows, Connection.from_row)
        return [other for other in found if other.id != connection.id]

    async def of_tenant(self, tenant: str) -> list[Connection]:
        """All connections of a tenant."""
        return await self._all_of(tenant)

    async def of_app(self, tenant: str, app_id: str) -> list[Connection]:
        """The connections of a tenant that use an application, as server or client app."""
        wanted = app_id.casefold()
        return [
            connection
            for connection in await self._all_of(tenant)
            if wanted in {app.app_id.casefold() for app in connection.apps}
        ]

    async def need_unshared(self, connection: Connection, *, shows: Callable[[str], bool]) -> None:
        """Raises ``PermanentError`` when other connections use what would be deleted with this one.

        The error names only those of requesters whom the reader of the error may see (``shows``).

        Each application that the service created for the connection would be deleted. For an imported server
        app, only the secret is removed, so only connections that share it matter.
        """
        others = [
            other
            for other in await self._all_of(connection.tenant)
            if other.id != connection.id
            and (
                other.shares == connection.id
                or (not connection.imports_server_app and _same(other.server_app, connection.server_app))
                or (not connection.imports_client_app and _same(other.client_app, connection.client_app))
            )
        ]
        if others:
            known = [f"'{isolated(other.name)}' ({other.id})" for other in others if shows(other.requester)]
            hidden = len(others) - len(known)
            others_too = [reasons.OF_OTHERS.of(count=hidden)] if hidden else []
            raise requests.SERVER_APP_SHARED.error(connections=[*known, *others_too])

    async def _all_of(self, tenant: str) -> list[Connection]:
        """All connections of a tenant, to find out what nobody else uses.

        Raises ``PermanentError`` if one of them cannot be read: it may use the same.
        """
        rows = await self._tables.query(names.CONNECTIONS, tenant)
        found = await readable(self._tables, rows, Connection.from_row)
        for row in found.unreadable:
            raise requests.ROW_UNREADABLE.error(table=row.table, key=row.key, reason=row.why)
        return found

    async def remove(self, connection: Connection) -> None:
        """Removes a connection; safe to repeat, even if another one has got its name in the meantime.

        Its row is deleted last: until then nobody can add another connection with the same pointers. The
        deletion carries the version that was read.
        """
        watched = [of(connection.id) for of in (pointers.drift, pointers.daily, pointers.site)]
        for pointer in (*_pointers(connection), *watched):
            await self._tables.write(names.CONNECTIONS, pointer, Write.DELETE)
        found: Connection | None = connection
        while found and found.onboarding == connection.onboarding:
            try:
                await self._tables.write(names.CONNECTIONS, found.to_row(), Write.DELETE)
            except ConflictError:
                found = await self.get(connection.id)
                continue
            break
        namesake = await self.get(connection.id)
        if namesake and namesake.onboarding != connection.onboarding:
            await self._point_to(namesake)  # those above were its pointers, too

    async def discard(self, connection: str) -> None:
        """Removes the row of an unreadable connection; safe to repeat. Its pointers then show nothing."""
        tenant, _, key = connection.partition(".")
        for row in (pointers.drift(connection), pointers.daily(connection), Row(partition=tenant, key=key)):
            await self._tables.write(names.CONNECTIONS, row, Write.DELETE)

    async def add(self, connection: Connection) -> Connection:
        """Writes a new connection; returns the one that exists now, which may belong to another onboarding.

        The pointers are written first: for a moment they can point to nothing, but every connection has them.
        They are written again at the end, because a late removal of one of that name may have removed them. A
        later one sees the new connection, and restores them.
        """
        await self._point_to(connection)
        try:
            await self._tables.write(names.CONNECTIONS, connection.to_row(), Write.INSERT)
        except ConflictError:
            existing = await self.get(connection.id)
            if existing is None:
                raise
            if existing.requester != connection.requester:
                pointer, *_ = _pointers(connection)
                await self._tables.write(names.CONNECTIONS, pointer, Write.DELETE)
            return existing
        await self._point_to(connection)
        return connection

    async def _point_to(self, connection: Connection) -> None:
        daily = (pointers.daily(connection.id),) if connection.pending_providers else ()
        waits = (site_waits.row(connection),) if _waits(connection) else ()
        for pointer in (*_pointers(connection), *daily, *waits):
            await self._tables.write(names.CONNECTIONS, pointer, Write.UPSERT)

    async def change(
        self, connection: str, change: Callable[[Connection], Connection | None]
    ) -> Connection | None:
        """Changes a connection; returns the result, or None when there is no such connection.

        Args:
            connection: Its id.
            change: Returns the changed connection; None leaves it as it is. It is called again when another
                writer changed the connection first.
        """
        while (found := await self.get(connection)) and (changed := change(found)):
            try:
                etag = await self._tables.write(names.CONNECTIONS, changed.to_row(), Write.UPDATE)
            except ConflictError:
                continue
            if _waits(found) != _waits(changed):
                how = Write.UPSERT if _waits(changed) else Write.DELETE
                await self._tables.write(names.CONNECTIONS, site_waits.row(changed), how)
            return replace(changed, etag=etag)
        return found

    async def page(
        self, *, requester: str | None, tenant: str | None = None, size: int, continuation: str
    ) -> tuple[Readable[Connection], str]:
        """Some connections (of one requester, of a tenant, or all), by tenant, and the continuation."""
        if requester is None:
            partitions = Range(tenant, "") if tenant else _TENANTS
            page = await self._tables.page(
                names.CONNECTIONS, partitions, size=size, continuation=continuation
            )
            return await readable(self._tables, page.rows, Connection.from_row), page.continuation
        page = await self._tables.page(
            names.CONNECTIONS,
            Range(pointers.of_requester(requester), ""),
            size=size,
            continuation=continuation,
        )
        found = await self.several(row.key for row in page.rows)
        mine = [connection for connection in found if connection.requester == requester]
        return Readable(mine, found.unreadable), page.continuation


def _waits(connection: Connection) -> bool:
    return connection.handover_state is HandoverState.WAITING


def _same(one: AppRecord | None, other: AppRecord | None) -> bool:
    return one is not None and other is not None and one.app_id.casefold() == other.app_id.casefold()


def _pointers(connection: Connection) -> tuple[Row, ...]:
    return (
        Row(partition=pointers.of_requester(connection.requester), key=connection.id),
        pointers.inspection(connection.id),
    )
