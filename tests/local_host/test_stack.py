from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from infra.local.errors import LocalError
from infra.local.ports import Reservation
from infra.local.stack import ROOT, Stack
from infra.local.storage import Storage
from onboarding.storage import names, protocol
from tests.local_host.hosts import alive, sample_settings, until

APP = "tests.local_host.sample_app"


def _endpoints(stack: Stack) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((stack.folder / "endpoints.json").read_text())
    return document


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the local cloud tells the person at the terminal."""
    return []


@pytest.fixture(scope="module")
async def stack(tmp_path_factory, said):
    """A local cloud with two hosts that run the sample app."""
    folder = tmp_path_factory.mktemp("stack")
    held = Stack(folder, hosts=2, app=APP, environment=sample_settings(folder), say=said.append)
    async with held:
        yield held


async def test_endpoints(stack):
    """endpoints.json contains all addresses, and only its owner can read it."""
    endpoints = _endpoints(stack)
    assert stat.S_IMODE((stack.folder / "endpoints.json").stat().st_mode) == 0o600
    assert set(endpoints) == {
        *("api", "login", "graph", "resourceManager", "keyVault", "control", "storage", "certificate"),
        *(
            "tenant",
            "subscription",
            "tenants",
            "audience",
            "multitenantClientId",
            "clients",
            "hostPids",
            "log",
        ),
    }
    assert set(endpoints["clients"]) == {"requester", "operator", "administrator"}
    assert len(endpoints["hostPids"]) == 2
    assert all(alive(pid) for pid in endpoints["hostPids"])
    assert endpoints["log"] == str(stack.folder / "host.log")
    assert "listening" in (stack.folder / "host.log").read_text()
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{endpoints['api']}/api/items")).status_code == 200
        assert (await client.get(f"{endpoints['control']}/healthz")).status_code == 200


async def test_tables_and_queues(stack):
    """The storage account has the app's tables and queues, and a key of its own."""
    connection = _endpoints(stack)["storage"]
    async with TableServiceClient.from_connection_string(connection) as tables:
        assert {table.name async for table in tables.list_tables()} == set(names.TABLES)
    async with QueueServiceClient.from_connection_string(connection, api_version=protocol.VERSION) as queues:
        assert {queue.name async for queue in queues.list_queues()} >= set(names.QUEUES)


async def test_killed_host_is_back_within_two_seconds(stack, said):
    """A killed host is restarted, its new ID is in endpoints.json, and no request is refused."""
    victim, other = stack.hosts[0].pid, stack.hosts[1].pid
    started = time.monotonic()
    os.kill(victim, 9)
    await until(
        lambda: victim not in _endpoints(stack)["hostPids"] and len(_endpoints(stack)["hostPids"]) == 2
    )
    assert time.monotonic() - started < 2
    assert other in _endpoints(stack)["hostPids"]
    async with httpx.AsyncClient() as client:
        for _ in range(5):
            assert (await client.get(f"{stack.api}/api/items")).status_code == 200
    await until(lambda: any("host-1 is up again" in line for line in said))
    assert any("host-1 ended (signal 9)" in line for line in said)


async def test_all_hosts_killed(stack):
    """With every host killed a request waits for the next one instead of being refused."""
    await asyncio.gather(*(host.kill() for host in stack.hosts))
    async with httpx.AsyncClient(timeout=10) as client:
        assert (await client.get(f"{stack.api}/api/items")).status_code == 200
    await stack.ready()


@pytest.mark.parametrize("part", ["storage", "cloud"])
async def test_killed_parts_come_back(stack, part):
    """A killed storage or directory is restarted at its earlier addresses."""
    before = {name: value for name, value in _endpoints(stack).items() if name != "hostPids"}
    await getattr(stack, part).kill()
    await stack.ready()
    assert {name: value for name, value in _endpoints(stack).items() if name != "hostPids"} == before
    async with QueueServiceClient.from_connection_string(
        before["storage"], api_version=protocol.VERSION
    ) as queues:
        assert await queues.get_queue_client("steps").get_queue_properties()
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{before['control']}/healthz")).status_code == 200


async def test_stopped_part_stays_down(stack):
    """A part that a test stops is not restarted until the test requests it."""
    await stack.storage.stop()
    assert stack.storage.pid is None
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", stack.account.queue)
    await stack.storage.start()
    await stack.ready()


def test_folder_in_use(stack):
    """A second local cloud in the same folder is refused with the process that uses it."""
    with pytest.raises(LocalError, match=f"in use by process {os.getpid()}"):
        Stack(stack.folder)


async def test_port_taken(stack, tmp_path):
    """A port that is taken is refused with a remedy; no process or lock remains."""
    port = int(stack.api.rsplit(":", 1)[1])
    second = Stack(tmp_path, port=port, app=APP)
    with pytest.raises(LocalError, match=rf"port {port} cannot be used.*PORT=0"):
        await second.start()
    assert not (tmp_path / "endpoints.json").exists()
    await Stack(tmp_path).stop()  # The folder is free again.


async def test_app_that_does_not_start(tmp_path):
    """When the host cannot start, the error has the host's own line, and the other parts are stopped."""
    broken = Stack(tmp_path, app="tests.local_host.output_app")
    parts = (broken.storage, broken.cloud)
    with pytest.raises(LocalError, match=r"host-1 does not start.*binding of type 'queue'"):
        await broken.start()
    assert [part.pid for part in parts] == [None, None]


async def test_nothing_outlives_a_killed_parent(tmp_path):
    """When the process of a local cloud is killed, its processes end; a new one has the same data."""
    command = [sys.executable, "-m", "tests.local_host.keeper", str(tmp_path)]
    keeper = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert keeper.stdout is not None
    pids = json.loads(await asyncio.wait_for(keeper.stdout.readline(), 30))
    assert len(pids) == 3
    assert all(alive(pid) for pid in pids)
    before = json.loads((tmp_path / "endpoints.json").read_text())
    async with TableServiceClient.from_connection_string(before["storage"]) as tables:
        connections = tables.get_table_client(names.CONNECTIONS)
        await connections.create_entity({"PartitionKey": "p", "RowKey": "r"})
        keeper.kill()
        await keeper.wait()
        await until(lambda: not any(alive(pid) for pid in pids))
        async with Stack(tmp_path, app=APP, environment=sample_settings(tmp_path)) as again:
            kept = ("storage", "graph", "clients", "audience")
            assert [again.endpoints[name] for name in kept] == [before[name] for name in kept]
            assert (await connections.get_entity("p", "r"))["RowKey"] == "r"


async def test_watcher(tmp_path):
    """Where the kernel cannot end a child with its parent, a watcher does so."""
    child = tmp_path / "child"
    write_pid = f"import os,time; open({str(child)!r},'w').write(str(os.getpid())); time.sleep(60)"
    start = (
        "import os,subprocess,sys,time\n"
        "subprocess.Popen([sys.executable,'-m','infra.local.process',str(os.getpid()),*sys.argv[1:]])\n"
        "time.sleep(60)"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", start, sys.executable, "-c", write_pid, cwd=ROOT
    )
    await until(lambda: child.exists() and child.read_text())
    pid = int(child.read_text())
    assert alive(pid)
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(pid))


def test_free_ports_are_free(stack):
    """The storage account's ports differ from each other, and a service listens on each of them."""
    ports = {stack.account.blob, stack.account.queue, stack.account.table}
    assert len(ports) == 3
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            pass


def test_its_ports_are_kept_for_it(stack):
    """No other process chooses a port of storage or of the simulated cloud, even while it is down."""
    services = ("login", "graph", "resourceManager", "keyVault", "managedIdentity", "control")
    ports = [urlsplit(stack.cloud_info[name]).port for name in services]
    ports += [stack.account.blob, stack.account.queue, stack.account.table]
    for port in ports:
        with pytest.raises(OSError, match="in use"):
            Reservation([port])


def test_ports_belong_to_one_folder(tmp_path):
    """Ports are reserved once they are chosen, even while no process listens on them yet."""
    here, there = tmp_path / "here", tmp_path / "there"
    first = Storage(here)
    shutil.copytree(here, there)
    second = Storage(there)
    second.release()
    ports = [{each.blob, each.queue, each.table} for each in (first.account, second.account)]
    assert ports[0].isdisjoint(ports[1])
    first.release()
    shutil.copy(here / "storage.json", there)
    third = Storage(there)
    third.release()
    assert third.account == first.account
