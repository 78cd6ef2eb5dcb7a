"""The removal of the record of a connection, with its expirations in the calendar."""

from __future__ import annotations

from onboarding.connections.records import Connection
from onboarding.lifecycle.context import Services


async def remove_record(services: Services, connection: Connection) -> None:
    """Removes a record; safe to repeat, also when another connection has got its name meanwhile.

    The calendar comes first, so that a crash leaves no expirations of nothing. Others can enter some until
    the record is gone, and a new connection can have the name then. So the calendar is compared at the end.
    """
    await services.warning_schedule.forget(connection.id)
    await services.connections.remove(connection)
    await services.warning_schedule.removed(connection.id, services.clock.now())
