"""What many requests of one caller mean for the others."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.operations import onboarding_seconds
from tests.support.portal import Portal, problem
from tests.support.stacks import local_cloud


@pytest.mark.soak
async def test_one_caller_keeps_nobody_waiting(tmp_path):
    """A caller with more onboardings than it may have is answered with 429; another one is not delayed.

    Calls for the loud caller are answered slowly, and it asks for 60 onboardings of the same tenant at once.
    """
    async with local_cloud(tmp_path, MAX_OPEN_ONBOARDINGS="40") as stack:
        portal = Portal(stack)
        try:
            await portal.control("PUT", "/settings", {"providerSeconds": 0})
            loud, quiet = [await portal.caller("Onboarding.Request") for _ in range(2)]
            usual = await onboarding_seconds(portal, quiet)
            async with portal.fault(service="graph", kind="latency", seconds=20, times=None, body="Loud"):
                names = [f"Loud {number}" for number in range(60)]
                answers = await asyncio.gather(
                    *(portal.post(caller=loud, name=name, clientApp={"name": name}) for name in names)
                )
                refused = [answer for answer in answers if answer.status_code != 202]
                assert len(refused) == 20
                for answer in refused:
                    document = problem(answer, 429, "too-many-open-onboardings")
                    assert "40" in document["detail"]
                    assert int(answer.headers["Retry-After"]) > 0
                took = await onboarding_seconds(portal, quiet)
            assert took < usual + 15, (took, usual)
        finally:
            await portal.close()
