"""A requester cannot fill the vault: the number of secrets that it can provide in a day is limited."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onboarding.api.secret_budget import SecretBudget
from onboarding.storage import names

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
