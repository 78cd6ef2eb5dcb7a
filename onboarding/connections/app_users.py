"""Which onboardings use an application that the service did not create: one row for each.

The rows share the table of the connections. Their partitions sort after every tenant id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from azure.core.exceptions import ResourceNotFoundError

from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, placed, readable


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A permission that this service has granted, by object IDs of service principals."""

    client: str
    resource: str
    scope: str = ""  # a delegated permission, by name ...
    role: str = ""  # ... or an application permission, by ID


@dataclass(frozen=True, kw_only=True, slots=True)
class AppUser:
    """An onboarding that uses an application, and its requester."""

    onboarding: str
    requester: str
    grants: tuple[Grant, ...] = ()  # what it granted to the application, or was about to grant
    owner: str = ""  # the requester to whom the application belonged, and who no longer uses it


CODEC: Final = Codec(AppUser)


class AppUsers:
    """The users of existing applications."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def enter(self, tenant: str, app: str, user: AppUser) -> None:
        """Records that an onboarding uses an application; safe to repeat. What was recorded is kept."""

        def merged(before: AppUser | None) -> AppUser:
            if before is None:
                return user
            grants = {grant: None for version in (before, user) for grant in version.grants}
            return replace(user, grants=tuple(grants), owner=before.owner)

        await self._change(tenant, app, user.onboarding, merged)

    async def leave_to(self, tenant: str, app: str, onboarding: str, owner: str) -> None:
        """Records to whom the application belonged before only others use it; safe to repeat."""
        await self._change(tenant, app, onboarding, lambda before: before and replace(before, owner=owner))

    async def _change(
        self, tenant: str, app: str, onboarding: str, change: Callable[[AppUser | None], AppUser | None]
    ) -> None:
        """Writes what ``change`` returns for a user's record; None: nothing. Repeats after a conflict."""
        while True:
            row = await self._tables.get(names.CONNECTIONS, _of(tenant, app), onboarding)
            found = await readable(self._tables, [row] if row else [], _user)
            changed = change(found[0] if found else None)
            if changed is None:
                return
            wanted = Row(
                partition=_of(tenant, app),
                key=onboarding,
                columns={"document": CODEC.dump(changed)},
                etag=row.etag if row else "",
            )
            try:
                await self._tables.write(names.CONNECTIONS, wanted, Write.UPDATE if row else Write.INSERT)
            except (ConflictError, ResourceNotFoundError):  # it was changed or removed in the meantime
                continue
            return

    async def leave(self, tenant: str, app: str, onboarding: str) -> None:
        """Records that an onboarding no longer uses an application; safe to repeat."""
        row = Row(partition=_of(tenant, app), key=onboarding)
        await self._tables.write(names.CONNECTIONS, row, Write.DELETE)

    async def of(self, tenant: str, app: str) -> list[AppUser]:
        """The onboardings that use an application, including those that failed.

        A row that cannot be read still names its onboarding. Its requester is then unknown.
        """
        rows = await self._tables.query(names.CONNECTIONS, _of(tenant, app))
        found = await readable(self._tables, rows, _user)
        return [*found, *(AppUser(onboarding=row.key, requester="") for row in found.unreadable)]


def _user(row: Row) -> AppUser:
    user = load(CODEC, row)
    placed(row, replace(row, key=user.onboarding))
    return user


def _of(tenant: str, app: str) -> str:
    return f"~app:{tenant}:{app.casefold()}"
