"""A tenant that responds slowly does not delay the onboardings of other tenants."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient

from onboarding.storage import names
from onboarding.workflow.run_index import NEW
from tests.support.connections import Fleet, connection
from tests.support.customers import CUSTOMER, FABRIKAM, CustomerPortal
from tests.support.operations import onboarding_seconds
from tests.support.portal import USUAL, until
from tests.support.stacks import local_cloud

log = logging.getLogger(__name__)

SLOW = 28
"""Seconds that each call to the slow tenant takes: just below the limit of a call."""


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
            usual = max([await onboarding_seconds(portal, quiet, limit=150) for _ in range(3)])
            slow = {"kind": "latency", "seconds": SLOW, "times": None, "tenant": FABRIKAM}
            async with portal.fault(service="graph", **slow):
                for number in range(60):
                    wanted: dict[str, Any] = {"name": f"Slow {number}", **CUSTOMER}
                    answer = await portal.post(caller=loud[number % requesters], **wanted)
                    assert answer.status_code == 202
                took = [await onboarding_seconds(portal, quiet, limit=150) for _ in range(3)]
            figures = f"usual {usual:.1f} s; beside sixty of a slow tenant {[f'{each:.1f}' for each in took]}"
            assert max(took) < usual + 10, figures
            log.info(figures)
        finally:
            await portal.close()


async def warned(portal: CustomerPortal, fleet: Fleet) -> float:
    """The time from the run of the timer until a warning of the home tenant arrives."""
    now = datetime.now(UTC)
    record = await fleet.add(connection(now + timedelta(days=20)), now)
    began = time.monotonic()
    await portal.fire("sweep_expirations")

    async def arrived() -> bool:
        found = (await portal.control("GET", "/inbox/notices")).json()["value"]
        return any(each["body"]["source"] == f"/connections/{record.id}" for each in found)

    await until(arrived, "the warning", seconds=150, pause=USUAL)
    return time.monotonic() - began


@pytest.mark.soak
async def test_slow_inspections_delay_no_warning(tmp_path):
    """While all inspections of a tenant wait for its slow responses, warnings of another tenant are sent."""
    async with local_cloud(tmp_path, INSPECT_EVERY_DAYS="1") as stack:
        portal = CustomerPortal(stack)
        account = stack.account.connection_string
        try:
            await portal.let_in()
            async with TableServiceClient.from_connection_string(account) as tables:
                fleet = Fleet(tables)
                usual = [await warned(portal, fleet) for _ in range(5)]
                now = datetime.now(UTC)
                far = [connection(now + timedelta(days=300), tenant=FABRIKAM) for _ in range(240)]
                await asyncio.gather(*(fleet.add(record, now) for record in far))
                slow = {"kind": "latency", "seconds": SLOW, "times": None, "tenant": FABRIKAM}
                async with portal.fault(service="graph", **slow):
                    await portal.fire("sweep_directory")
                    took = [await warned(portal, fleet) for _ in range(5)]
                    rows = tables.get_table_client(names.INSPECTION_INDEX).list_entities()
                    waiting = len([row async for row in rows if row["PartitionKey"] == NEW])
            figures = (
                f"usual {[f'{each:.1f}' for each in usual]} s; beside {waiting} inspections of a slow tenant "
                f"{[f'{each:.1f}' for each in took]} s"
            )
            assert waiting > 1, figures
            assert max(took) < max(usual) + 5, figures
            log.info(figures)
        finally:
            await portal.close()
