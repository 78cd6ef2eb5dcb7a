"""A resource provider that Azure takes days to register does not hold up an onboarding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.operations import step
from tests.support.portal import until

NAMESPACE = "Microsoft.Network"
IDLE = "Microsoft.Compute"
DAYS = 3 * 24 * 3600


async def registered(portal, change: str = "register") -> None:
    """The subscription's owner registers the providers, or unregisters them."""
    for namespace in (NAMESPACE, IDLE):
        url = f"/subscriptions/{portal.info['subscription']}/providers/{namespace}/{change}"
        await portal.look("resourceManager", "POST", f"{url}?api-version=2022-09-01")


@pytest.mark.usefixtures("untouched")  # its onboarding has registered the other providers
async def test_a_provider_that_stays_registering_is_recorded_and_watched(portal, moved):
    """After some minutes, the onboarding continues; a notice is sent a day later, and the end is detected.

    The same applies to a provider whose registration Azure accepts but does not start. It does not matter if
    Azure refuses to register the provider once more.
    """
    refused = {"service": "resourceManager", "path": f"{NAMESPACE}/register", "kind": "status", "status": 403}
    await registered(portal, "unregister")
    async with portal.settings(providerSeconds=DAYS, idleProviders=[IDLE]):
        onboarding = await portal.accepted()
        await step(portal, f"/api/onboardings/{onboarding}", "provider-network", "Waiting")
        await step(portal, f"/api/onboardings/{onboarding}", "provider-compute", "Waiting")
        async with portal.fault(**refused, code="AuthorizationFailed", times=None):
            await moved(timedelta(minutes=11))
            document = await portal.finished(onboarding)
        assert document["status"] == "Succeeded", document["error"]
        path = f"/api/connections/{document['connectionId']}"
        connection = await portal.get(path)
        assert connection["pendingProviders"] == [NAMESPACE, IDLE]
        assert connection["nextWarning"]["dueAt"]
        events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
        calls = [f"{call['method']} {call['path']}" for event in events for call in event["calls"]]
        asked = [each for each in calls if each.endswith(f"{NAMESPACE}/register")]
        assert len(asked) == 2  # at first, and once more before the onboarding goes on
        notes = [event.get("detail", "") for event in events if event.get("step") == "provider-network"]
        assert any(f"finished registering {NAMESPACE}; its state is Registering." in note for note in notes)

        async def inspected(pending: list[str]) -> bool:
            await portal.fire("sweep_directory")
            found = await portal.get(path)
            return "directory" in found and found["pendingProviders"] == pending

        await moved(timedelta(days=1))
        await until(lambda: inspected([NAMESPACE, IDLE]), "the inspection of the next day")
        (difference,) = (await portal.get(path))["directory"]["differences"]
        assert (difference["code"], difference.get("app")) == ("providers-pending", None)
        assert f"{NAMESPACE}, {IDLE}" in difference["detail"]

        async def told() -> list[dict[str, Any]]:
            inbox = (await portal.control("GET", "/inbox/notices")).json()["value"]
            bodies = [each["body"] for each in inbox]
            return [
                body["data"]
                for body in bodies
                if "ProvidersPending" in body["type"] and document["connectionId"] in str(body)
            ]

        (notice, *_) = await until(told, "the notice")
    (action,) = notice["actions"]
    assert (action["kind"], action["actor"]) == ("RegisterProviders", "SubscriptionOwner")
    _, _, page = action["url"].partition("https://portal.azure.com/#@")
    subscription = portal.info["subscription"]
    assert page == f"{portal.info['tenant']}/resource/subscriptions/{subscription}/resourceproviders"
    await registered(portal)  # what the owner does on that page
    await moved(timedelta(minutes=2))
    answer = await portal.call("POST", f"{path}/inspect", caller="operator")
    assert answer.status_code == 200, answer.text
    assert answer.json()["directory"]["differences"] == []
