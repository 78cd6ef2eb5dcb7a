"""A tenant that answers slowly keeps the onboardings of no other tenant waiting."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from tests.support.customers import CUSTOMER, FABRIKAM, CustomerPortal
from tests.support.portal import USUAL, until
from tests.support.stacks import local_cloud

log = logging.getLogger(__name__)

SLOW = 28
"""Seconds that each call of the slow tenant takes: just below the limit of a call."""


async def seconds(portal: CustomerPortal, caller: str) -> float:
    """How long an onboarding of the other tenant takes."""
    began = time.monotonic()
    onboarding = await portal.accepted(caller=caller)

    async def ends() -> bool:
        document = await portal.get(f"/api/onboardings/{onboarding}", caller=caller)
        assert document["status"] != "Failed", document["error"]
        return bool(document["status"] == "Succeeded")

    await until(ends, "the onboarding to end", seconds=150, pause=USUAL)
    return time.monotonic() - began


@pytest.mark.soak
@pytest.mark.parametrize("requesters", [1, 10])
async def test_a_slow_tenant_delays_no_other_one(tmp_path, requesters):
    """While sixty onboardings wait for a tenant whose calls take 28 seconds, another tenant is served."""
    async with local_cloud(tmp_path) as stack:
        portal = CustomerPortal(stack)
        try:
            await portal.control("PUT", "/settings", {"providerSeconds": 0})
            await portal.let_in()
            quiet = await portal.caller("Onboarding.Request")
            loud = [await portal.caller("Onboarding.Request") for _ in range(requesters)]
            usual = max([await seconds(portal, quiet) for _ in range(3)])
            slow = {"kind": "latency", "seconds": SLOW, "times": None, "tenant": FABRIKAM}
            async with portal.fault(service="graph", **slow):
                for number in range(60):
                    wanted: dict[str, Any] = {"name": f"Slow {number}", **CUSTOMER}
                    answer = await portal.post(caller=loud[number % requesters], **wanted)
                    assert answer.status_code == 202
                took = [await seconds(portal, quiet) for _ in range(3)]
            figures = f"usual {usual:.1f} s; beside sixty of a slow tenant {[f'{each:.1f}' for each in took]}"
            assert max(took) < usual + 10, figures
            log.info(figures)
        finally:
            await portal.close()
