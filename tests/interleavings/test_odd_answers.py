"""A directory's whole response is unreadable because of one application in it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.local.cloud.faults import FaultSettings
from tests.support.customers import FABRIKAM

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph


@pytest.mark.soak
async def test_a_response_that_one_application_spoils_costs_no_other_its_inspection(world):
    """Only that application's connection is unreadable; the others are inspected without it."""
    odd, other = [await world.connected(name, tenantId=FABRIKAM) for name in ("Odd", "Other")]
    app = (await world.must("get_connection", id=odd))["serverApp"]["clientId"]
    fault = {"find": f'"appId":"{app}"', "put": f'"appId":"{app}","notes":{"[" * 100_000}'}
    batches = {"service": "graph", "method": "POST", "path": "batch", "kind": "rewrite", "times": None}
    world.cloud.faults.add(FaultSettings.model_validate(batches | fault))
    for days in (0, 8):
        world.clock.at += timedelta(days=days)
        await world.hosts[0].timers.inspection_sweep.run()
        await world.settle(patience=timedelta(days=2))
    found = {
        connection: [
            (difference["code"], "Microsoft Graph: it is not a JSON object" in difference["detail"])
            for difference in (await world.must("get_connection", id=connection))["directory"]["differences"]
        ]
        for connection in (odd, other)
    }
    assert found == {odd: [("directory-unreadable", True)], other: []}
