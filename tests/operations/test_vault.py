"""The vault keeps what is deleted: the service recovers a secret that it needs, and leaves others there."""

from __future__ import annotations

import pytest

from tests.operations.renewals import confirm, renewal, secrets, works
from tests.support.operations import done, held, left_of, operate, step
from tests.support.portal import until

VERSION = "api-version=7.5"


async def test_a_secret_that_somebody_deleted_is_recovered_first(portal):
    """A renewal recovers the secret before it creates a new one, so the old version stays readable."""
    connection = await portal.onboarded()
    path = f"/secrets/cmg-{connection['onboardingId']}"
    await portal.look("keyVault", "DELETE", f"{path}?{VERSION}")
    operation = await renewal(portal, connection)
    assert await works(portal, connection, connection["secret"]["vaultSecretId"])
    await confirm(portal, connection, operation)
    assert len(await secrets(portal, connection)) == 1
    versions = (await portal.look("keyVault", "GET", f"{path}/versions?{VERSION}")).json()["value"]
    assert len(versions) == 2
    events = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
    calls = [f"{call['method']} {call['path']}" for event in events for call in event["calls"]]
    (recovered,) = [at for at, call in enumerate(calls) if call.endswith("/recover")]
    (made,) = [at for at, call in enumerate(calls) if call.endswith("/addPassword")]
    assert recovered < made


async def test_a_secret_that_is_deleted_meanwhile_is_recovered(portal):
    """A secret that is deleted just before the service stores its new version is recovered then."""
    connection = await portal.onboarded()
    name = f"cmg-{connection['onboardingId']}"
    taken = {"kind": "hold", "when": "before", "times": 1}
    put = {"service": "keyVault", "method": "PUT", "path": f"/secrets/{name}", "body": "value"}
    async with portal.fault(**put, **taken) as fault:
        accepted = await operate(portal, "POST", f"/api/connections/{connection['id']}/renewals")
        await until(lambda: held(portal, fault), "the call that is held")
        await portal.look("keyVault", "DELETE", f"/secrets/{name}?{VERSION}")
        await portal.control("POST", f"/faults/{fault}/release")
    await step(portal, f"/api/operations/{accepted['id']}", "confirmation", "Waiting")
    await confirm(portal, connection, accepted)
    assert len(await secrets(portal, connection)) == 1


@pytest.mark.parametrize("protected", [True, False])
async def test_a_removal_ends_with_and_without_purge_protection(portal, protected):
    """Purge protection keeps the deleted secret out of reach; without it, the secret is purged."""
    connection = await portal.onboarded()
    async with portal.settings(purgeProtection=protected):
        await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
        assert await left_of(portal, connection["onboardingId"]) == []
    name = f"cmg-{connection['onboardingId']}"
    found = await portal.http.get(
        f"{portal.info['keyVault']}/deletedsecrets/{name}?{VERSION}",
        headers={"Authorization": f"Bearer {await portal.token('administrator', 'https://vault.azure.net')}"},
    )
    assert found.status_code == (200 if protected else 404)


async def test_a_refused_secret_does_not_stay_in_the_tenant(portal):
    """While the vault accepts no secret, the app has none, and the service does not keep creating more.

    If a replica does not find the secret that the service removes, the error names it, and the next attempt
    removes it.
    """
    reading = ["secrets/getSecret/action", "secrets/readMetadata/action", "secrets/recover/action"]
    unknown = {"kind": "status", "status": 400, "message": "No password credential found with keyId."}
    removal = {"service": "graph", "method": "POST", "path": "removePassword"}
    async with portal.settings(vaultActions=reading), portal.fault(**removal, **unknown):
        onboarding = await portal.accepted()
        document = await portal.blocked(onboarding)
        assert (document["error"]["step"], document["error"]["code"]) == ("server-secret", "forbidden")
        assert "ten minutes" in document["error"]["remedy"]

        async def again() -> bool:
            steps = (await portal.get(f"/api/onboardings/{onboarding}", caller="operator"))["steps"]
            return any(step["name"] == "server-secret" and step["attempts"] > 2 for step in steps)

        await until(again, "more attempts")
        made = await portal.graph(f"/applications(uniqueName='cmg-{onboarding}-server')")
        assert made["passwordCredentials"] == []
        calls = (await portal.control("GET", "/calls?service=graph")).json()["value"]
        added = [call for call in calls if call["path"].endswith(f"{made['id']}/addPassword")]
        assert len(added) == 1
        events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
        errors = [
            event["error"] for event in events if event.get("step") == "server-secret" and "error" in event
        ]
        (left,) = errors[0]["findings"]
        assert (left["code"], left["severity"]) == ("secret-not-withdrawn", "Warning")
        assert f"--id {made['appId']} --key-id" in left["remedy"]
        assert "findings" not in (await portal.blocked(onboarding))["error"]  # the next attempt left none
    document = await portal.finished(onboarding)
    assert document["status"] == "Succeeded", document["error"]
    made = await portal.graph(f"/applications(uniqueName='cmg-{onboarding}-server')")
    assert len(made["passwordCredentials"]) == 1
