from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, Difference
from onboarding.notices import event_keys
from onboarding.notices.difference_notices import DifferenceNotices
from onboarding.notices.notice import Notice
from onboarding.notices.open_matters import OpenMatters
from onboarding.storage import names
from onboarding.storage.unreadable_rows import Dismissal
from tests.support.accounts import MemoryAccount
from tests.support.connections import connection

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


class Announced:
    """Accepts notices as channels do: each one once."""

    def __init__(self, account: MemoryAccount) -> None:
        self.notices: dict[str, Notice] = {}
        self.matters = OpenMatters(account.tables)

    @property
    def to_people(self) -> int:
        """How many of them people get."""
        return sum(not notice.programs_only for notice in self.notices.values())

    @property
    def open(self) -> set[str]:
        """The keys that a program has not seen closed."""
        keys: set[str] = set()
        for notice in self.notices.values():
            keys = (keys | {event_keys.of_fact(notice.fact)} if notice.fact else keys) - {*notice.closes}
        return keys

    async def announce(self, notice: Notice, connection: Connection) -> None:
        """Accept a notice."""
        self.notices.setdefault(notice.id, notice)
        await self.matters.open(notice, connection, subscribers_only=False)

    async def tell(self, notice: Notice, *, subscribers_only: bool = False) -> None:
        """Accept a change, which the deployment's webhook also gets."""
        assert not subscribers_only
        self.notices.setdefault(notice.id, notice)
        await self.matters.close(notice.closes)


def difference(app: str, code: str, since: datetime) -> Difference:
    return Difference(code=code, app=app, since=since, detail="It differs.", impact="i", remedy="r")


async def notices_of(account: MemoryAccount, announced: Any) -> DifferenceNotices:
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
    """All connections that share a fact cause one notice, and a fact that flaps causes one a week.

    A program gets an event each time, so that it never knows an existing fact as closed.
    """
    account = MemoryAccount()
    announced = Announced(account)
    found = await notices_of(account, announced)
    connections = await ConnectionStore(account.tables).of_tenant(connection(NOW).tenant)
    for number, days in enumerate((0, 1, 3, 6), 1):
        at = NOW + timedelta(days=days)
        differs = difference(app, code, at)
        for each in connections:
            await found.announce(each, differs, at)
        for each in connections:  # the next inspection finds it again
            await found.announce(each, differs, at + timedelta(hours=12))
        opened = [notice for notice in announced.notices.values() if not notice.closes]
        assert (len(opened), announced.to_people, len(announced.open)) == (number, 1, 1)
        assert opened[-1].message == "It differs. This concerns 10 connections."
        assert opened[-1].details["connections"] == 10
        for each in connections:
            await found.resolved(each, differs, at + timedelta(hours=18))
        assert announced.open == set()
    at = NOW + timedelta(days=8)
    await found.announce(connections[0], difference(app, code, at), at)
    assert (announced.to_people, len(announced.open)) == (2, 1)


async def test_a_key_that_was_closed_too_early_opens_again():
    """Programs get an event if a fact is found after another connection or a dismissal closed its key."""
    account = MemoryAccount()
    announced = Announced(account)
    found = await notices_of(account, announced)
    first, second, *_ = await ConnectionStore(account.tables).of_tenant(connection(NOW).tenant)
    differs = difference("serverApp", "web-redirect", NOW)
    for each in (first, second):
        await found.announce(each, differs, NOW)
    await found.resolved(first, differs, NOW + timedelta(hours=1))
    dismissed = replace(differs, dismissed=Dismissal(by="Kim", at=NOW, reason="known"))
    await found.announce(second, dismissed, NOW + timedelta(hours=2))
    assert announced.open == set()
    for hours in (3, 3, 4):  # the first of them is repeated after a crash
        await found.announce(second, differs, NOW + timedelta(hours=hours))
    assert (len(announced.open), len(announced.notices), announced.to_people) == (1, 3, 1)
    again = [*announced.notices.values()][-1]
    assert (again.at, again.key[-1]) == (NOW + timedelta(hours=3), (NOW + timedelta(hours=3)).isoformat())


async def test_connections_with_secrets_of_their_own_have_keys_of_their_own():
    """Connections that import one application share what differs in it, but not that about their secrets."""
    one = connection(NOW + timedelta(days=100))
    same = replace(one, onboarding="same")
    other = replace(one, onboarding="other", secret=replace(one.secret, vault_id="https://v/secrets/own/1"))

    def key(each: Connection, code: str) -> str:
        return event_keys.of_difference(each, difference("serverApp", code, NOW))

    for code in ("secret-removed", "secret-replaced", "secret-end-changed"):
        assert key(one, code) == key(same, code) != key(other, code)
        assert key(one, code) in event_keys.ended_by_renewal(one, [same], "r")
        assert key(other, code) not in event_keys.ended_by_renewal(one, [same], "r")
    for code in ("secret-added", "web-redirect", "application"):
        assert key(one, code) == key(same, code) == key(other, code)


async def test_different_facts_are_different_notices():
    """Another application, another check and another tenant are separate facts."""
    account = MemoryAccount()
    announced = Announced(account)
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
            await found.announce(each, difference("serverApp", code, NOW), NOW)
    await found.announce(one, difference("", "providers-pending", NOW), NOW)
    assert len(announced.notices) == 7
