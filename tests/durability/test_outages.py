"""Storage, the simulated cloud or the host stops in the middle of an onboarding, and starts again.

Here everything runs as in ``make run``: real processes, which the supervisor restarts.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest

from infra.local.component import Component
from infra.local.stack import Stack
from tests.durability.outcome import problems
from tests.support.lanes.points import Onboarding
from tests.support.lanes.scene import Scene
from tests.support.portal import problem, unique, until
from tests.support.stacks import NEVER, host_json

pytestmark = pytest.mark.soak

MOMENTS = ("addPassword$", "oauth2PermissionGrants$")
"""Calls to Graph during which the outage begins: an early one and a late one."""


@pytest.fixture(scope="module")
async def scene(tmp_path_factory):
    """A local cloud as ``make run`` starts it, but with a shorter delay for messages of a failed host."""
    settings = {"LOCAL_MESSAGE_LOCK_SECONDS": "2", "SWEEP_SCHEDULE": NEVER, "EXPIRY_SCHEDULE": NEVER}
    folder = tmp_path_factory.mktemp("outages")
    impatient = host_json(tmp_path_factory.mktemp("host"), visibilityTimeout="00:00:01")
    async with Stack(folder, permissions="consent", environment=settings, host_json=impatient) as stack:
        scene = Scene(stack)
        await scene.portal.control("PUT", "/settings", {"providerSeconds": 0})
        yield scene
        await scene.close()


def part(scene: Scene, name: str) -> Component:
    """A part of the local cloud."""
    parts = {"storage": scene.stack.storage, "cloud": scene.stack.cloud, "host": scene.stack.hosts[0]}
    return parts[name]


async def begin(scene: Scene) -> Onboarding:
    """Request an onboarding."""
    name = unique("outage")
    apps = {"serverApp": {"name": f"{name}-server"}, "clientApp": {"name": f"{name}-client"}}
    onboarding = Onboarding(request=scene.portal.request(name=name, **apps))
    answer = await scene.portal.call("POST", "/api/onboardings", json=onboarding.request)
    assert answer.status_code == 202, answer.text
    onboarding.id = answer.json()["id"]
    return onboarding


async def finish(scene: Scene, onboarding: Onboarding, *, trail: bool = True) -> None:
    """Wait for the end of an onboarding, and check its outcome."""
    found: list[str] = []

    async def well() -> bool:
        nonlocal found
        found = await problems(scene, onboarding, trail=trail)
        return not found

    try:
        await until(well, "a good end", 60)
    except AssertionError:
        assert found == []  # has more details
        raise


async def test_parts_are_killed_and_supervised(scene):
    """The supervisor restarts killed parts, and the onboarding finishes."""
    faults = [await hold(scene, moment, when="after") for moment in MOMENTS]
    onboarding = await begin(scene)

    await held(scene, faults[0])
    await scene.stack.storage.kill()
    await scene.stack.ready()
    await scene.portal.control("DELETE", f"/faults/{faults[0]}")

    await held(scene, faults[1])
    await asyncio.gather(scene.stack.hosts[0].kill(), scene.stack.cloud.kill())  # its data is lost with it
    await scene.stack.ready()
    await finish(scene, onboarding, trail=False)


@pytest.mark.parametrize("name", ["storage", "cloud", "host"])
async def test_a_part_is_stopped_for_a_while(scene, name):
    """After a person stops a part and restarts it later, the onboarding continues."""
    fault = await hold(scene, MOMENTS[0], when="before")
    onboarding = await begin(scene)
    await held(scene, fault)

    stopping = asyncio.create_task(part(scene, name).stop())
    if name == "storage":
        await until(lambda: _logged(scene, "cannot be read"), "a host without storage")
    if name != "cloud":
        await scene.portal.control("DELETE", f"/faults/{fault}")  # a host waits for its work before it stops
    await stopping
    if name == "cloud":
        await until(lambda: _waiting(scene, onboarding), "a step that waits for the cloud")
    await part(scene, name).start()
    await finish(scene, onboarding)


async def hold(scene: Scene, path: str, when: str) -> str:
    """Have the cloud hold the next call to Graph with this path; return the ID of the fault."""
    fault = {"service": "graph", "method": "POST", "path": path, "kind": "hold", "when": when}
    return str((await scene.portal.control("POST", "/faults", fault)).json()["id"])


async def held(scene: Scene, fault: str) -> None:
    """Wait until the cloud holds a request."""

    async def holds() -> bool:
        return bool((await scene.portal.control("GET", f"/faults/{fault}")).json()["held"])

    await until(holds, "a call that is held")


async def _logged(scene: Scene, text: str) -> bool:
    return text in (scene.stack.folder / "host.log").read_text()


async def _waiting(scene: Scene, onboarding: Onboarding) -> bool:
    own = await scene.rows("onboardings", f"PartitionKey eq '{onboarding.id}'")
    rows = [row for row in own if json.loads(row["document"]).get("status") == "Waiting"]
    return bool(rows)


async def test_storage_hangs_while_a_portal_asks(scene):
    """Storage accepts connections and does not respond: 503 in time; a repeated request creates one run."""
    name = unique("hanging")
    ask = {"json": scene.portal.request(name=name), "headers": {"Idempotency-Key": name}, "timeout": 60}
    pid = part(scene, "storage").pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        refused = await scene.portal.call("POST", "/api/onboardings", **ask)
        assert time.monotonic() - began < 30
        problem(refused, 503, "storage-unavailable")
        assert refused.headers["Retry-After"]
        problem(await scene.portal.call("GET", "/api/onboardings", timeout=60), 503, "storage-unavailable")
    finally:
        os.kill(pid, signal.SIGCONT)
    answers = [await scene.portal.call("POST", "/api/onboardings", **ask) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    await scene.portal.finished(answers[0].json()["id"])
    found = [each for each in await scene.portal.all("/api/onboardings") if each["name"] == name]
    assert [each["status"] for each in found] == ["Succeeded"]
