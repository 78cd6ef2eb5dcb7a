"""Calendar subscriptions end with their creator's role, and cost other callers nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE, Caller
from onboarding.api.feed_store import AWAY, MOST_FEEDS, FeedStore
from onboarding.storage import names

DAY = timedelta(days=1)


class HandClock:
    """A clock that a test moves."""

    at = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """The time that was set."""
        return self.at


@pytest.fixture
def clock():
    """The clock of a deployment."""
    return HandClock()


@pytest.fixture
async def store(account, clock):
    """The subscriptions of a deployment."""
    await account.create_table(names.SERVICE)
    return FeedStore(account.tables, clock)


def caller(*roles: str) -> Caller:
    """Somebody with these roles."""
    return Caller(id="5b0f3c1e-8e0f-4b0a-9d6d-5d1c3a7e4b21", name="Kim", roles=roles)


async def ends(store, feed) -> timedelta:
    """How long a feed stays valid."""
    left: timedelta = (await store.find(feed.id))[1] - store._clock.now()
    return left


@pytest.mark.parametrize(
    ("had", "has", "goes_on"),
    [
        ([REQUEST_ROLE], [], False),
        ([OPERATE_ROLE], [], False),
        ([OPERATE_ROLE], [REQUEST_ROLE], False),
        ([REQUEST_ROLE], [OPERATE_ROLE], True),
        ([OPERATE_ROLE, REQUEST_ROLE], [OPERATE_ROLE], True),
    ],
)
async def test_a_feed_ends_with_the_role_that_it_needs(store, clock, had, has, goes_on):
    """A token without the role ends it immediately, and one with the role extends it."""
    feed = await store.add(caller(*had), {})
    await store.seen(caller(*had))
    assert await ends(store, feed) == AWAY
    clock.at += timedelta(minutes=1)
    await store.seen(caller(*has))
    assert (await ends(store, feed) > timedelta(0)) is goes_on
    await store.seen(caller(*had))
    assert await ends(store, feed) == AWAY


async def test_a_process_looks_once_a_day_whether_a_caller_has_feeds(store, fuse, clock):
    """Callers without feeds cost one read a day and leave nothing behind."""
    for _ in range(5):
        await store.seen(caller(REQUEST_ROLE))
    assert fuse.calls == 1
    assert await store._tables.query(names.SERVICE, "feeds:5b0f3c1e-8e0f-4b0a-9d6d-5d1c3a7e4b21") == []
    clock.at += DAY
    await store.seen(caller(REQUEST_ROLE))
    assert fuse.calls == 3


async def test_a_caller_has_a_limited_number_of_feeds(store, clock):
    """Expired and revoked feeds do not count."""
    feeds = [await store.add(caller(REQUEST_ROLE), {}) for _ in range(MOST_FEEDS)]
    assert await store.add(caller(REQUEST_ROLE), {}) is None
    await store.remove(feeds[0])
    assert await store.add(caller(REQUEST_ROLE), {}) is not None
    assert await store.add(caller(REQUEST_ROLE), {}) is None
    clock.at = feeds[1].expires_at
    assert await store.add(caller(REQUEST_ROLE), {}) is not None
    found, _ = await store.page(None, size=100, continuation="")
    assert len(found) == 1
