"""If nobody confirms a renewal: reminders, the time limit, and what silence does not destroy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.operations.renewals import confirm, notices_of, renewal, secrets, shown
from tests.support.operations import (
    done,
    ended,
    operate,
    step,
)
from tests.support.portal import until


async def still_waits(portal, operation, later) -> None:
    """Move the clock. The operation checks once more whether it is confirmed, and waits again."""
    path = f"/api/operations/{operation['id']}"
    attempts = (await step(portal, path, "confirmation", "Waiting"))["attempts"]
    await later

    async def checked() -> bool:
        found = await step(portal, path, "confirmation", "Waiting")
        return bool(found["attempts"] > attempts)

    await until(checked, "another check of the confirmation")


async def test_the_old_secret_is_removed_after_a_last_reminder(portal, moved):
    """If nobody confirms, the old secret is removed at the time limit; the reason is sent and recorded."""
    connection = await portal.onboarded()
    operation = await renewal(portal, connection, timeLimitDays=4)
    for _ in range(3):  # the service checks every few hours
        await still_waits(portal, operation, moved(timedelta(hours=23)))
    assert len(await secrets(portal, connection)) == 2

    async def two() -> list[Any] | None:
        found = await notices_of(portal, connection, "RenewalWaits")
        return found if len(found) > 1 else None

    reminders = await until(two, "the last reminder")
    assert [each["lastReminder"] for each in reminders] == [False, True]
    assert reminders[0]["retiresAt"] == reminders[1]["retiresAt"]
    assert "the last reminder" in reminders[1]["message"]
    for _ in range(2):  # the limit has passed, but the reminder is younger than the grace of two days
        await still_waits(portal, operation, moved(timedelta(hours=23)))
    assert len(await secrets(portal, connection)) == 2
    await moved(timedelta(hours=23))
    await done(portal, operation)
    assert await secrets(portal, connection) == {(await shown(portal, connection))["secret"]["keyId"]}
    (renewed,) = await until(lambda: notices_of(portal, connection, "SecretRenewed"), "the notice")
    assert (renewed["renewalId"], renewed["reason"]) == (operation["id"], "TimeLimit")
    assert "the time limit of the renewal ended without a confirmation" in renewed["message"]
    address = renewed["actions"][0]["url"]
    script = await portal.call("GET", address[address.index("/api/") :], caller="operator")
    assert script.status_code == 200
    trail = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
    steps = [(each.get("step"), each["kind"]) for each in trail]
    event = trail[steps.index(("confirmation", "succeeded"))]
    assert "Nobody confirmed until" in event["detail"]
    assert "The last reminder was delivered on" in event["detail"]


async def test_nothing_is_removed_after_silence(portal, moved):
    """A service that was away for forty days reminds again and restarts the time limit, more than once."""
    connection = await portal.onboarded()
    operation = await renewal(portal, connection)
    (first,) = await until(lambda: notices_of(portal, connection, "RenewalWaits"), "the notice")
    limit = datetime.fromisoformat(operation["createdAt"]) + timedelta(days=30)
    assert abs(datetime.fromisoformat(first["retiresAt"]) - limit) < timedelta(minutes=5)
    for _ in range(2):
        await still_waits(portal, operation, moved(timedelta(days=40)))
        assert len(await secrets(portal, connection)) == 2

    async def last() -> list[Any]:
        found = await notices_of(portal, connection, "RenewalWaits")
        return [each for each in found if each["lastReminder"]][1:]

    (again,) = await until(last, "the last reminder")
    granted = datetime.fromisoformat(again["retiresAt"]) - datetime.now(UTC)
    assert timedelta(days=86) < granted < timedelta(days=88)
    trail = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
    assert any("the service was unavailable" in each.get("detail", "") for each in trail)


async def test_what_nobody_was_told_is_not_done(portal, moved):
    """While no channel accepts the last reminder, the old secret is kept, however long that takes."""
    connection = await portal.onboarded()
    operation = await renewal(portal, connection, timeLimitDays=4)
    await portal.control("PUT", "/inbox/notices/answer", {"status": 503, "times": 1_000_000})
    for _ in range(6):
        await still_waits(portal, operation, moved(timedelta(hours=23)))
    assert len(await secrets(portal, connection)) == 2
    await portal.control("PUT", "/inbox/notices/answer", {"status": 200, "times": 1})


async def test_a_time_limit_of_zero_means_none(portal, moved):
    """With a limit of 0, the old secret is kept until a person confirms; an expired new one is replaced."""
    connection = await portal.onboarded()
    end = (datetime.now(UTC) + timedelta(days=100)).isoformat()
    operation = await renewal(portal, connection, timeLimitDays=0, secretEndDate=end)
    await moved(timedelta(days=200))
    await step(portal, f"/api/operations/{operation['id']}", "confirmation", "Waiting")
    both = await secrets(portal, connection)
    assert len(both) == 2
    path = f"/api/connections/{connection['id']}/renewals"
    failed = await ended(portal, await operate(portal, "POST", f"{path}/{operation['id']}/confirm"))
    assert failed["error"]["code"] == "secret-expired"
    assert await secrets(portal, connection) == both
    another = await renewal(portal, connection)
    assert another["id"] != operation["id"]
    assert len(await secrets(portal, connection)) == 2
    await confirm(portal, connection, another)
