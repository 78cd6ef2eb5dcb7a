"""A requester cannot fill the vault: the number of secrets that it can provide in a day is limited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from onboarding.api.secret_budget import SecretBudget
from onboarding.storage import names
from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph


async def test_a_requester_provides_a_limited_number_of_secrets_a_day(world):
    """Onboardings and renewals count together, and a refused secret is neither stored nor reserved.

    Other requesters are not affected, and the count starts at zero the next day.
    """
    for host in world.hosts:
        host.service._shared.secret_budget = SecretBudget(world.tables, world.clock, most=2)
    apps = await world.registered()

    async def asks(name: str, caller: str = "requester") -> int:
        body = {"name": name, "tenantId": world.cloud.info["tenant"], **apps.request()}
        answer: tuple[int, object] = await world.call("create_onboarding", body, caller=caller)
        await world.settle()
        return answer[0]

    assert [await asks("One"), await asks("Two")] == [202, 202]
    (connection, *_) = (await world.must("list_connections", caller="requester"))["value"]
    stored = world.cloud.vault("GET", "/secrets")
    assert await asks("Three") == 429
    status, refused = await world.call(
        "renew_secret", {"secret": apps.secret}, caller="requester", id=connection["id"]
    )
    assert (status, refused["code"]) == (429, "too-many-secrets")
    assert world.cloud.vault("GET", "/secrets") == stored
    assert await asks("Four", caller="operator") == 202
    world.clock.at += timedelta(days=1)
    assert await asks("Three") == 202
    rows = [row for row in world.tables._rows[names.SERVICE].values() if "secrets" in row.partition]
    assert len(rows) == 1


async def test_onboardings_and_renewals_that_cannot_work_leave_no_secret(world):
    """A week after a dry run, or a cancelled, refused or interrupted request, the vault is as before."""
    apps, others = await world.registered(), await world.registered()
    waits = await world.registered(consent=False)
    connection = await world.connected("Renewed", caller="requester", **apps.request())
    before, tenant = secrets(world), {"tenantId": world.cloud.info["tenant"]}

    async def asks(name: str, key: str = "", query: str = "", **fields: Any) -> int:
        body = {"name": name, **tenant, **fields}
        status, _ = await world.call(
            "create_onboarding", body, caller="requester", key=key, **({"query": query} if query else {})
        )
        return int(status)

    wrong = waits.request(secret=others.secret)
    assert await asks("Rehearsed", query="dryRun=true", **waits.request()) == 200
    statuses = [await asks("Repeated", key="k", **fields) for fields in (wrong, waits.request(), wrong)]
    assert statuses == [202, 409, 202]
    stored = world.pin("host1", "transact", names.ONBOARDINGS)
    interrupted = world.go("host1", asks("Interrupted", **waits.request()))
    await world.until(stored, interrupted)
    interrupted.cancel()
    cancelled = await world.onboard("Cancelled", caller="requester", **waits.request())
    await world.settle(patience=timedelta(minutes=5))
    await world.must("cancel_onboarding", id=cancelled)
    await world.must("renew_secret", {"secret": others.secret}, caller="requester", id=connection)
    await world.settle(patience=timedelta(minutes=20))
    added = secrets(world) - before
    world.clock.at += timedelta(days=8)
    await world.hosts[0].timers.kept_secrets.clear()
    assert len(added) == 3  # of the one that failed, of the interrupted one, of the renewal
    assert secrets(world) <= before  # those of earlier deployments in the same vault go, too
    assert (await world.must("get_connection", id=connection))["secret"]["vaultSecretId"].split("/")[
        4
    ] in before


def secrets(world: World) -> set[str]:
    """The names of all secrets in the vault."""
    return {name for name, each in world.cloud.secrets().items() if each["deleted"] is None}
