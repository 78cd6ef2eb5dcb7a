"""Expirations as a calendar (iCalendar, RFC 5545): an all-day event for each, with reminders.

Imported when a caller asks for a calendar: other calls do not need the library.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from icalendar import Alarm, Calendar, Event

from onboarding.connections.cadence import SECRET
from onboarding.connections.records import Connection
from onboarding.notices.warning_texts import runbook
from onboarding.storage import keys
from onboarding.words import calendar as words

_REFRESH: Final = timedelta(hours=12)
_DAY: Final = timedelta(days=1)

_NOTICE: Final = timedelta(days=7)
"""The time before the end of a feed in which it shows that it ends."""


def calendar(
    ends: Iterable[tuple[Connection, str]],
    thresholds: Iterable[int],
    now: datetime,
    feed_ends_at: datetime | None = None,
    *,
    until: datetime | None = None,
) -> bytes:
    """The calendar of some expirations. An expiration keeps its event when its end changes.

    A program that subscribes keeps showing the last calendar that it received, even after the end of the
    feed. So the feed itself shows when it ends.

    Args:
        ends: The expirations.
        thresholds: The days of the reminders.
        now: The time.
        feed_ends_at: When the feed ends.
        until: The last date that it shows, if there are later ones that did not fit into it.
    """
    days = [threshold for threshold in thresholds if threshold > 0]
    feed = Calendar()
    feed.add("prodid", "-//CMG onboarding//Expirations//EN")
    feed.add("version", "2.0")
    feed.add("name", "Cloud Management Gateway expirations")  # RFC 7986, and the name before it
    feed.add("x-wr-calname", "Cloud Management Gateway expirations")
    feed.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    feed.add("x-published-ttl", "PT12H")
    for connection, kind in ends:
        feed.add_component(_event(connection, kind, days, now))
    if feed_ends_at and feed_ends_at - now < _NOTICE:
        feed.add_component(_end(feed_ends_at, now))
    if until:
        feed.add_component(_cut(until, now))
    content: bytes = feed.to_ical()
    return content


def _end(ends_at: datetime, now: datetime) -> Event:
    """The event that shows the end of the feed."""
    return _about_itself(
        "end",
        ends_at,
        now,
        "This calendar is no longer updated",
        f"This subscription ends at {ends_at:%Y-%m-%d %H:%M} UTC, unless its creator calls the API before "
        "that time. After it ends, create a new one.",
    )


def _cut(until: datetime, now: datetime) -> Event:
    """The event, dated today, which shows that some expirations do not fit into the calendar."""
    return _about_itself(
        "cut",
        now,
        now,
        "This calendar does not show everything",
        f"It shows the expirations until {until:%Y-%m-%d}, and there are later ones. Use a filter, such as "
        "for one tenant, or the list of expirations.",
    )


def _about_itself(name: str, day: datetime, now: datetime, summary: str, description: str) -> Event:
    """An event about the calendar itself."""
    event = Event()
    event.add("uid", keys.derived_id("calendar", name))
    event.add("dtstamp", now)
    event.add("dtstart", day.date())
    event.add("dtend", day.date() + _DAY)  # exclusive
    event.add("summary", summary)
    event.add("description", description)
    event.add("transp", "TRANSPARENT")
    return event


def _event(connection: Connection, kind: str, days: Iterable[int], now: datetime) -> Event:
    ends_at, name = connection.expirations[kind], words.name(connection.server_app.name)
    ending = (
        f"Client secret of '{name}' expires" if kind == SECRET else f"'{name}' becomes too old to be renewed"
    )
    event = Event()
    event.add("uid", keys.derived_id("calendar", connection.id, kind))
    event.add("dtstamp", now)
    event.add("dtstart", ends_at.date())
    event.add("dtend", ends_at.date() + _DAY)  # exclusive
    event.add("summary", f"{ending} ({words.name(connection.name)}, {words.name(connection.tenant_name)})")
    exactly = f"At {ends_at:%Y-%m-%d %H:%M} UTC. Tenant {connection.tenant}."
    event.add("description", f"{exactly}\n\n{words.description(runbook(connection, now))}")
    event.add("categories", ["Cloud Management Gateway", kind])
    event.add("transp", "TRANSPARENT")  # it does not block time
    for number in days:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", event["summary"])
        alarm.add("trigger", -timedelta(days=number))
        event.add_component(alarm)
    return event
