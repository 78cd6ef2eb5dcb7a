from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, Difference
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.notice import Notice
from onboarding.storage import names
from tests.support.accounts import MemoryAccount
from tests.support.connections import connection

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


class Announced:
    """Accepts notices as channels do: each one once."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}

    async def announce(self, notice: Notice, _connection: Connection) -> None:
        """Accept a notice."""
        self.notices.setdefault(notice.id, notice)

    async def tell(self, notice: Notice, *, subscribers_only: bool = False) -> None:
        """Accept a change, which the deployment's webhook also gets."""
        assert not subscribers_only
        self.notices.setdefault(notice.id, notice)


def difference(app: str, code: str, since: datetime) -> Difference:
    return Difference(code=code, app=app, since=since, detail="It differs.", impact="i", remedy="r")


async def notices_of(account: MemoryAccount, announced: Announced) -> DifferenceNotices:
    """Announces differences of ten connections of one tenant that share a server app."""
    for table in names.TABLES:
        await account.create_table(table)
    connections = ConnectionStore(account.tables)
    for _ in range(10):
        await connections.add(connection(NOW + timedelta(days=100)))
    return DifferenceNotices(tables=account.tables, connections=connections, notices=announced)


@pytest.mark.parametrize(
    ("app", "code"),
    [("", "directory-unreadable"), ("serverApp", "web-redirect"), ("serverApp", "application")],
)
async def test_a_fact_that_comes_and_goes_is_announced_once_a_week(app, code):
    """All connections that share a fact cause one notice, and a fact that flaps causes one a week."""
    announced, account = Announced(), MemoryAccount()
    found = await notices_of(account, announced)
    connections = await ConnectionStore(account.tables).of_tenant(connection(NOW).tenant)
    for days in (0, 1, 3, 6):
        for each in connections:
            await found.announce(each, difference(app, code, NOW + timedelta(days=days)))
    (notice,) = announced.notices.values()
    assert notice.message == "It differs. This concerns 10 connections."
    assert notice.details["connections"] == 10
    await found.announce(connections[0], difference(app, code, NOW + timedelta(days=8)))
    assert len(announced.notices) == 2


async def test_different_facts_are_different_notices():
    """Another application, another check and another tenant are separate facts."""
    announced, account = Announced(), MemoryAccount()
    found = await notices_of(account, announced)
    one = connection(NOW + timedelta(days=100))
    assert one.client_app
    other_app = replace(one.server_app, app_id="6f2d6a7e-6f0c-4b7e-9d5c-0f2a1b3c4d5e")
    for each in (
        one,
        replace(one, tenant="8b1f6c70-2a3b-4c5d-8e9f-0a1b2c3d4e5f"),
        replace(one, server_app=other_app),
    ):
        for code in ("web-redirect", "scope"):
            await found.announce(each, difference("serverApp", code, NOW))
    await found.announce(one, difference("", "providers-pending", NOW))
    assert len(announced.notices) == 7
