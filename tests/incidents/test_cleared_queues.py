"""Somebody clears all queues of the storage account, in the middle of the work."""

from __future__ import annotations

import json
from datetime import timedelta

from onboarding.storage import names
from onboarding.workflow.run import RunStatus
from tests.support import runbook
from tests.support.connections import onboarding_request
from tests.support.world import World

INCIDENT = "Queues were cleared"


def messages(world: World, queue: str) -> set[str]:
    """The runs that a queue has messages for."""
    return {json.loads(message.body)["run"] for message in world.queues._messages[queue]}


async def test_cleared_queues(world):
    """The sweep finds every run without a message: onboardings, removals and notices."""
    assert runbook.calls(INCIDENT) == []
    now = world.clock.now()
    runs = {(await world.onboard(onboarding_request(name=f"new {number}"), now)).id for number in range(3)}
    removal = (await world.off_board(onboarding_request(name="gone"), now)).id
    made = await world.connect("told", now + timedelta(days=300), drifts=False)
    delivery = (await world.deliver(made, now)).id
    for queue in names.QUEUES:
        world.queues._messages[queue] = []
    await world.run_jobs()
    assert messages(world, names.STEPS_QUEUE) == set(), "they may still be in progress"
    world.advance(timedelta(minutes=16))
    await world.run_jobs()
    assert messages(world, names.STEPS_QUEUE) == runs
    assert messages(world, names.OPERATIONS_QUEUE) == {removal}
    assert messages(world, names.NOTICES_QUEUE) == {delivery}
    jobs = {each["name"]: each for each in (await world.call("get_overview"))["jobs"]}
    assert jobs["sweep_onboardings"]["done"] == len(runs) + 2
    statuses = {(await world.call("get_onboarding", path={"id": run}))["status"] for run in runs}
    assert statuses == {RunStatus.NOT_STARTED}
    assert list(await world.attention()) == []
