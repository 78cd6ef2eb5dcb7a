"""Applications that have the name of one that an onboarding will create."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph


async def test_a_preflight_costs_the_same_however_many_have_the_name(world):
    """One application of the name is enough for the finding: further pages of the list are not read."""
    for name in ["Popular"] * 12 + ["Popular client"]:
        await world.look("graph", "POST", "/v1.0/applications", {"displayName": name})
    body = {
        "name": "Contoso",
        "tenantId": world.cloud.info["tenant"],
        "serverApp": {"name": "Popular"},
        "clientApp": {"name": "Popular client"},
    }
    begun = len(world.cloud.log)
    found = (await world.must("create_onboarding", body, query="dryRun=true"))["findings"]
    taken = [each["pointer"] for each in found if each["code"] == "application-name-in-use"]
    assert sorted(taken) == ["/clientApp/name", "/serverApp/name"]
    read = [
        target
        for service, method, target, _ in world.cloud.log[begun:]
        if (service, method) == ("graph", "GET")
    ]
    assert [target for target in read if "skiptoken" in target] == []
