"""The client secrets of an application in the simulated directory, and the policies for them."""

from __future__ import annotations

import uuid

from tests.local_cloud.clouds import error


async def test_a_secret_is_shown_once(cloud):
    """Only a POST with a credential and addPassword return secretText; a GET never does."""
    app = await cloud.application(passwordCredentials=[{"displayName": "first"}])
    [first] = app["passwordCredentials"]
    path = f"/applications(appId='{app['appId']}')"
    second = (
        await cloud.graph("POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "second"}})
    ).json()
    for shown in (first, second):
        assert 16 <= len(shown["secretText"]) <= 64
        assert shown["hint"] == shown["secretText"][:3]
        assert shown["endDateTime"][:4] == str(int(shown["startDateTime"][:4]) + 2)
    read = (await cloud.graph("GET", path)).json()["passwordCredentials"]
    assert [each["displayName"] for each in read] == ["second", "first"]
    assert [each["secretText"] for each in read] == [None, None]
    answer = await cloud.graph("PATCH", path, {"passwordCredentials": []})
    assert error(answer)[:2] == (400, "Request_BadRequest")


async def test_removing_an_unknown_secret_is_refused(cloud):
    """Only a key ID of the application itself can be removed."""
    app = await cloud.application()
    answer = await cloud.graph(
        "POST", f"/applications/{app['id']}/removePassword", {"keyId": str(uuid.uuid4())}
    )
    assert "No password credential found" in error(answer)[2]


async def test_policy_forbids_secrets_or_caps_their_lifetime(cloud):
    """The tenant's app management policy is enforced, and can be read."""

    async def restrict(**rule: object) -> None:
        restrictions = {"passwordCredentials": [{"state": "enabled"} | rule]}
        await cloud.control("PUT", "/settings", {"policies": {"applicationRestrictions": restrictions}})

    app = await cloud.application()
    path = f"/applications/{app['id']}/addPassword"
    await restrict(restrictionType="passwordLifetime", maxLifetime="P180D")
    read = (await cloud.graph("GET", "/policies/defaultAppManagementPolicy")).json()
    assert read["applicationRestrictions"]["passwordCredentials"][0]["maxLifetime"] == "P180D"
    answer = await cloud.graph("POST", path, {"passwordCredential": {}})
    assert error(answer)[:2] == (400, "CredentialInvalidLifetimeAsPerAppPolicy")
    assert answer.json()["error"]["details"][0]["code"] == "InvalidKeyEndDate"
    dates = {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2030-06-30T00:00:00Z"}
    assert (await cloud.graph("POST", path, {"passwordCredential": dates})).status_code == 200
    await restrict(restrictionType="passwordAddition")
    answer = await cloud.graph("POST", path, {"passwordCredential": dates})
    assert error(answer)[:2] == (400, "CredentialTypeNotAllowedAsPerAppPolicy")
    answer = await cloud.graph("POST", "/applications", {"displayName": "x", "passwordCredentials": [{}]})
    assert error(answer)[1] == "CredentialTypeNotAllowedAsPerAppPolicy"
