"""The ends of expirations as an iCalendar feed (RFC 5545): an all-day event for each, with its reminders.

Imported when a calendar is asked for: no other call pays for the library.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from icalendar import Alarm, Calendar, Event

from onboarding.connections.cadence import SECRET
from onboarding.connections.records import Connection
from onboarding.expiry.warnings import runbook
from onboarding.storage import keys

_REFRESH: Final = timedelta(hours=12)
_DAY: Final = timedelta(days=1)


def calendar(ends: Iterable[tuple[Connection, str]], thresholds: Iterable[int], now: datetime) -> bytes:
    """The calendar of some expirations; an expiration keeps its event when its end is moved."""
    days = [each for each in thresholds if each > 0]
    feed = Calendar()
    feed.add("prodid", "-//CMG onboarding//Expirations//EN")
    feed.add("version", "2.0")
    feed.add("name", "Cloud Management Gateway expirations")  # RFC 7986, and how it was called before
    feed.add("x-wr-calname", "Cloud Management Gateway expirations")
    feed.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    feed.add("x-published-ttl", "PT12H")
    for connection, kind in ends:
        feed.add_component(_event(connection, kind, days, now))
    content: bytes = feed.to_ical()
    return content


def _event(connection: Connection, kind: str, days: Iterable[int], now: datetime) -> Event:
    ends_at, name = connection.expirations[kind], connection.server_app.name
    ending = f"Client secret of '{name}' ends" if kind == SECRET else f"'{name}' is too old to be renewed"
    event = Event()
    event.add("uid", keys.derived_id("calendar", connection.id, kind))
    event.add("dtstamp", now)
    event.add("dtstart", ends_at.date())
    event.add("dtend", ends_at.date() + _DAY)  # exclusive
    event.add("summary", f"{ending} ({connection.name}, {connection.tenant_name})")
    exactly = f"At {ends_at:%Y-%m-%d %H:%M} UTC. Tenant {connection.tenant}."
    event.add("description", f"{exactly}\n\n{runbook(connection, now)}")
    event.add("categories", ["Cloud Management Gateway", kind])
    event.add("transp", "TRANSPARENT")  # nobody is busy because of it
    for each in days:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", event["summary"])
        alarm.add("trigger", -timedelta(days=each))
        event.add_component(alarm)
    return event
