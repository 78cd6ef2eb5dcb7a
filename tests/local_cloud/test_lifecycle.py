from __future__ import annotations

import asyncio
import json
import stat
import sys

import httpx
import pytest

from tests.local_cloud.clouds import ROOT, CloudProcess, error, name
from tests.support.portal import until


async def test_a_killed_cloud_starts_again_as_it_was(own_cloud):
    """After SIGKILL, the ports, the CA, the secrets, acknowledged changes and lags are unchanged."""
    before = own_cloud.info
    certificate = (own_cloud.folder / "ca.pem").read_text()
    app = await own_cloud.application(passwordCredentials=[{}], uniqueName=name())
    principal = await own_cloud.graph("POST", "/servicePrincipals", {"appId": app["appId"]})
    await own_cloud.service("keyVault", "PUT", "/secrets/kept?api-version=7.5", {"value": "v"})
    register = f"/subscriptions/{before['subscription']}/providers/Microsoft.Web/register"
    await own_cloud.service("resourceManager", "POST", f"{register}?api-version=2025-04-01")
    await own_cloud.control("PUT", "/settings", {"tokenSeconds": 77})
    await own_cloud.control("POST", "/inbox/a", {"kept": True})
    token = await own_cloud.token(before["clients"]["operator"], before["audience"])
    await own_cloud.control("PUT", "/lag", {"seconds": 60})
    await own_cloud.graph("PATCH", f"/servicePrincipals/{principal.json()['id']}", {"notes": "lags"})
    made = [asyncio.create_task(own_cloud.application()) for _ in range(20)]
    acknowledged = [(await task)["id"] for task in made]
    await own_cloud.kill()
    for file in ("cloud.json", "cloud.json.part", "ca.pem", "server.pem", "server.pem.part"):
        (own_cloud.folder / file).write_text('{"half":')
    with (own_cloud.folder / "state.db-wal").open("ab") as log:
        log.write(b"half a transaction")
    await own_cloud.start()
    assert own_cloud.info | {"pid": 0} == before | {"pid": 0}
    assert own_cloud.info["pid"] != before["pid"]
    assert (own_cloud.folder / "ca.pem").read_text() == certificate
    assert await own_cloud.token(before["clients"]["operator"], before["audience"]) != token
    login = await own_cloud.login(
        client_id=app["appId"],
        client_secret=app["passwordCredentials"][0]["secretText"],
        scope="https://graph.microsoft.com/.default",
    )
    assert login.json()["expires_in"] == 76
    for path in (f"/applications/{app['id']}", f"/servicePrincipals/{principal.json()['id']}"):
        assert (await own_cloud.graph("GET", path)).status_code == 200
    path = f"/servicePrincipals/{principal.json()['id']}?$select=notes"
    assert (await own_cloud.graph("GET", path)).json()["notes"] is None
    await own_cloud.control("PUT", "/lag", {"seconds": 0})
    assert (await own_cloud.graph("GET", path)).json()["notes"] == "lags"
    owner = (await own_cloud.graph("GET", f"/applications/{app['id']}/owners")).json()["value"]
    assert len(owner) == 1
    for object_id in acknowledged:
        assert (await own_cloud.graph("GET", f"/applications/{object_id}?$select=id")).status_code == 200
    taken = await own_cloud.graph(
        "POST", "/applications", {"displayName": "x", "uniqueName": app["uniqueName"]}
    )
    assert error(taken)[0] == 400
    secret = await own_cloud.service("keyVault", "GET", "/secrets/kept?api-version=7.5")
    assert secret.json()["value"] == "v"
    assert (await own_cloud.control("GET", "/inbox/a")).json()["value"][0]["body"] == {"kept": True}


async def test_it_stops_immediately_and_silently(own_cloud):
    """After SIGTERM its exit code is 0, even if requests are held or clients left connections open."""
    await own_cloud.fault(kind="drop", when="after", service="graph")
    with pytest.raises(httpx.TransportError):
        await own_cloud.graph("POST", "/applications", {"displayName": "x"})
    for sent in (
        b"POST /faults HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"top \x00 secret\r\n\r\n",
    ):
        port = int(own_cloud.info["control"].rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    fault = await own_cloud.fault(kind="hold", service="graph", times=None)
    tasks = [asyncio.create_task(own_cloud.graph("GET", "/organization")) for _ in range(3)]

    async def held():
        return (await own_cloud.control("GET", f"/faults/{fault}")).json()["held"] == 3

    await until(held)
    code, written = await own_cloud.stop()
    assert (code, written) == (0, "")
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, httpx.TransportError) for outcome in outcomes)


async def test_a_taken_port_is_named(cloud):
    """A second process on the folder names the port that is in use, exits with 1, and changes nothing."""
    second = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "infra.local.cloud",
        "--folder",
        str(cloud.folder),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, written = await second.communicate()
    assert second.returncode == 1
    port = cloud.info["graph"].rpartition(":")[2]
    assert written.decode().startswith(f"Port {port} of graph is taken")
    assert json.loads((cloud.folder / "cloud.json").read_text()) == cloud.info
    assert (await cloud.graph("GET", "/organization")).status_code == 200


async def test_the_folder_is_private(cloud):
    """Only the owner of the folder can read the keys and secrets in it."""
    for path in cloud.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_the_us_government_cloud_has_its_own_names(tmp_path):
    """Tokens, challenges and properties belong to the environment for which it was started."""
    cloud = CloudProcess(tmp_path / "cloud", "AzureUSGovernmentCloud")
    await cloud.start()
    try:
        assert cloud.info["environment"] == "AzureUSGovernmentCloud"
        client = cloud.info["clients"]["administrator"]
        for resource in (
            "https://graph.microsoft.us",
            "https://management.usgovcloudapi.net",
            "https://management.core.usgovcloudapi.net",
            "https://vault.usgovcloudapi.net",
        ):
            await cloud.token(client, resource)
        public = await cloud.login(
            client_id=client["clientId"],
            client_secret=client["clientSecret"],
            scope="https://graph.microsoft.com/.default",
        )
        assert public.json()["error_codes"] == [500011]
        challenge = await cloud.http.get(f"{cloud.info['keyVault']}/secrets?api-version=7.5")
        assert 'resource="https://vault.usgovcloudapi.net"' in challenge.headers["WWW-Authenticate"]
        token = await cloud.token(client, "https://graph.microsoft.us")
        created = await cloud.http.post(
            f"{cloud.info['graph']}/v1.0/applications",
            json={"displayName": "x"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert created.status_code == 201
        assert not {"certification", "samlMetadataUrl", "verifiedPublisher"} & set(created.json())
        exchange = await cloud.identity_token("api://AzureADTokenExchangeUSGov")
        assert exchange.status_code == 200
        discovery = f"{cloud.info['login']}/{cloud.info['tenant']}/v2.0/.well-known/openid-configuration"
        issuer = (await cloud.http.get(discovery)).json()["issuer"]
        assert issuer == f"https://login.microsoftonline.us/{cloud.info['tenant']}/v2.0"
    finally:
        await cloud.close()
