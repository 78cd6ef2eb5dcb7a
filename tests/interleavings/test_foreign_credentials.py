"""Credentials with which somebody else could act as an application of the service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from tests.interleavings.world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

CODE: Final = "own-credentials"
CERTIFICATE: Final = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": "TUlJ"}
FEDERATED: Final = {
    "name": "cmg",
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "repo:somebody/x:ref:refs/heads/main",
    "audiences": ["api://AzureADTokenExchange"],
}


async def inspected(world: World, connection: str) -> dict[str, dict[str, Any]]:
    """The differences that an inspection finds about foreign credentials, by app, and what it costs."""
    world.clock.at += timedelta(hours=2)
    begun = len(world.cloud.log)
    await world.must("inspect_connection", id=connection)
    made = [target for service, _, target, _ in world.cloud.log[begun:] if service == "graph"]
    assert [target.rpartition("/")[2] for target in made] == ["$batch"]
    found = (await world.must("get_connection", id=connection))["directory"]["differences"]
    return {each["app"]: each for each in found if each["code"] == CODE}


async def checked(world: World, connection: str) -> list[str]:
    """The conformance of both apps."""
    document = await world.must("get_connection_conformance", id=connection)
    apps = (document["serverApp"], document["clientApp"])
    return [each["result"] for app in apps for each in app["checks"] if each["name"] == CODE]


async def test_each_kind_of_foreign_credential_is_reported(world):
    """Certificates, federated credentials, and a service principal's credentials, while they are valid.

    A credential that comes later is announced as a new difference. All is read with the one call.
    """
    connection = await world.connected("Contoso")
    made = await world.must("get_connection", id=connection)
    server, client = (f"/v1.0/applications/{made[app]['objectId']}" for app in ("serverApp", "clientApp"))
    principal = f"/v1.0/servicePrincipals/{made['serverApp']['servicePrincipalId']}"
    assert await inspected(world, connection) == {}
    assert await checked(world, connection) == ["Pass", "Pass"]

    await world.look("graph", "POST", f"{client}/federatedIdentityCredentials", FEDERATED)
    await world.look("graph", "PATCH", server, {"keyCredentials": [CERTIFICATE]})
    found = await inspected(world, connection)
    assert set(found) == {"serverApp", "clientApp"}
    assert "the certificate" in found["serverApp"]["detail"]
    assert "the federated credential" in found["clientApp"]["detail"]
    assert await checked(world, connection) == ["Fail", "Fail"]

    (federated,) = world.cloud.graph(f"{client[5:]}/federatedIdentityCredentials")["value"]
    await world.look("graph", "DELETE", f"{client}/federatedIdentityCredentials/{federated['id']}")
    await world.look("graph", "PATCH", principal, {"keyCredentials": [CERTIFICATE]})
    password = (await world.look("graph", "POST", f"{principal}/addPassword", {})).json()
    later = await inspected(world, connection)
    assert set(later) == {"serverApp"}
    detail = later["serverApp"]["detail"]
    assert f"the secret {password['keyId']} of its service principal" in detail
    assert detail.count("of its service principal") == 2
    assert later["serverApp"]["since"] > found["serverApp"]["since"]

    ended = {"endDateTime": "2020-01-01T00:00:00Z", "startDateTime": "2019-01-01T00:00:00Z"}
    for path in (server, principal):
        await world.look("graph", "PATCH", path, {"keyCredentials": [{**CERTIFICATE, **ended}]})
    await world.look("graph", "POST", f"{principal}/removePassword", {"keyId": password["keyId"]})
    await world.look("graph", "POST", f"{client}/addPassword", {})
    assert set(await inspected(world, connection)) == {"clientApp"}
    (secret,) = world.cloud.graph(client[5:])["passwordCredentials"]
    await world.look("graph", "POST", f"{client}/removePassword", {"keyId": secret["keyId"]})
    assert await inspected(world, connection) == {}
    assert await checked(world, connection) == ["Pass", "Pass"]


async def test_an_imported_app_has_credentials_of_its_owners(world):
    """The service does not judge the credentials of an imported app."""
    apps = await world.registered()
    connection = await world.connected("Imported", **apps.request())
    body = {"keyCredentials": [CERTIFICATE]}
    await world.look("graph", "PATCH", f"/v1.0/applications/{apps.server['id']}", body)
    assert await inspected(world, connection) == {}
    assert await checked(world, connection) == []
