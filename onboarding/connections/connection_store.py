"""Where connections are kept: by tenant, and a pointer by requester."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from onboarding.connections import pointers
from onboarding.connections.records import Connection
from onboarding.errors import requests
from onboarding.storage import names
from onboarding.storage.tables import ConflictError, Range, Row, Tables, Write

_TENANTS: Final = Range("0", "~")
"""Partitions are tenant ids, and pointers begin with a character that sorts behind them."""

_ID: Final = re.compile(r"[0-9a-f-]{36}\.[0-9a-f]{20}")
"""A tenant id, and the key that a name becomes."""


class ConnectionStore:
    """The service connections."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, connection: str) -> Connection | None:
        """A connection by its id, or None (also for what is no id)."""
        tenant, _, key = connection.partition(".")
        if not _ID.fullmatch(connection):  # in particular no pointer, which is a row, too
            return None
        row = await self._tables.get(names.CONNECTIONS, tenant, key)
        return Connection.from_row(row) if row else None

    async def any_of_tenant(self, tenant: str) -> Connection | None:
        """One of a tenant's connections, if it has any."""
        page = await self._tables.page(names.CONNECTIONS, Range(tenant, ""), size=1)
        return Connection.from_row(page.rows[0]) if page.rows else None

    async def of_server_app(self, tenant: str, app_id: str) -> list[Connection]:
        """The connections of a tenant that use a server app; several may share one."""
        rows = await self._tables.query(names.CONNECTIONS, tenant)
        found = [Connection.from_row(row) for row in rows]
        return [each for each in found if each.server_app.app_id == app_id]

    async def need_unshared(self, connection: Connection) -> None:
        """Raises ``PermanentError`` when other connections use the server app that this one has made.

        Of an imported one it is the secret that goes: only those matter that were onboarded to share it.
        """
        using = await self.of_server_app(connection.tenant, connection.server_app.app_id)
        others = [
            each
            for each in using
            if each.id != connection.id
            and (not connection.imports_server_app or each.shares == connection.id)
        ]
        if others:
            named = ", ".join(f"'{each.name}' ({each.id})" for each in others)
            raise requests.SERVER_APP_SHARED.error(connections=named)

    async def remove(self, connection: Connection) -> None:
        """Removes a connection; one that is gone already is no error.

        Its row goes last: as long as it stands nobody can add another one, with the same pointers.
        """
        for pointer in (*_pointers(connection), pointers.drift(connection.id)):
            await self._tables.write(names.CONNECTIONS, pointer, Write.DELETE)
        await self._tables.write(names.CONNECTIONS, connection.evolve(etag="").to_row(), Write.DELETE)

    async def add(self, connection: Connection) -> Connection:
        """Writes a new connection; returns the one that is there now, which may be another's.

        The pointers are written first: they may point to nothing for a moment, but no connection lacks one.
        """
        for pointer in _pointers(connection):
            await self._tables.write(names.CONNECTIONS, pointer, Write.UPSERT)
        try:
            await self._tables.write(names.CONNECTIONS, connection.to_row(), Write.INSERT)
        except ConflictError:
            existing = await self.get(connection.id)
            if existing is None:
                raise
            return existing
        return connection

    async def change(
        self, connection: str, change: Callable[[Connection], Connection | None]
    ) -> Connection | None:
        """Changes a connection as it is now; returns it as it is then, or None when there is none.

        Args:
            connection: Its id.
            change: Makes the changed one; None leaves it as it is. Called again when somebody else's change
                came first.
        """
        while (found := await self.get(connection)) and (changed := change(found)):
            try:
                etag = await self._tables.write(names.CONNECTIONS, changed.to_row(), Write.UPDATE)
            except ConflictError:
                continue
            return replace(changed, etag=etag)
        return found

    async def page(
        self, *, requester: str | None, size: int, continuation: str
    ) -> tuple[list[Connection], str]:
        """Some connections (of one requester, or all), by tenant, and the continuation."""
        if requester is None:
            page = await self._tables.page(names.CONNECTIONS, _TENANTS, size=size, continuation=continuation)
            return [Connection.from_row(row) for row in page.rows], page.continuation
        page = await self._tables.page(
            names.CONNECTIONS,
            Range(pointers.of_requester(requester), ""),
            size=size,
            continuation=continuation,
        )
        found = [await self.get(row.key) for row in page.rows]
        mine = [each for each in found if each is not None and each.requester == requester]
        return mine, page.continuation


def _pointers(connection: Connection) -> tuple[Row, ...]:
    return (
        Row(partition=pointers.of_requester(connection.requester), key=connection.id),
        pointers.inspection(connection.id),
    )
