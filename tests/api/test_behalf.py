"""For whom a portal acts: what it reports is kept and shown, and changes nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from tests.support.portal import problem, until


def behalf(name: str, reference: str = "") -> tuple[dict[str, str], dict[str, str]]:
    """The headers that name a person, and what the documents show of it."""
    shown = {"name": name, **({"reference": reference} if reference else {})}
    return {"On-Behalf-Of": urlencode(shown)}, shown


async def test_who_was_behind_each_call_is_kept_and_shown(portal):
    """Run, connection, acknowledgement, operation and audit trail each show the person of their own call."""
    kim, shown_kim = behalf("Kim M\u00fcller <kim@contoso.com>", "INC-4711")
    lee, shown_lee = behalf("\u674e", "INC-4712")
    key = {"Idempotency-Key": "behalf-1"}
    end = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0).isoformat()
    wanted = portal.request(serverApp={"secretEndDate": end})
    accepted = await portal.call("POST", "/api/onboardings", json=wanted, headers={**kim, **key})
    assert accepted.json()["onBehalfOf"] == shown_kim
    again = await portal.call("POST", "/api/onboardings", json=wanted, headers={**lee, **key})
    assert (again.status_code, again.json()["onBehalfOf"]) == (202, shown_kim)

    onboarding = await portal.finished(accepted.json()["id"])
    connection = await portal.get(f"/api/connections/{onboarding['connectionId']}")
    assert onboarding["onBehalfOf"] == connection["onBehalfOf"] == shown_kim
    path = f"/api/connections/{connection['id']}"
    answered = await portal.call("POST", f"{path}/acknowledge", json={}, headers=lee)
    assert answered.json()["expirations"]["secret"]["acknowledged"]["onBehalfOf"] == shown_lee
    await portal.call("POST", f"{path}/acknowledge", json={}, headers=kim)  # changes nothing

    removed = await portal.call("DELETE", path, headers=lee)
    assert removed.json()["onBehalfOf"] == shown_lee
    trail = await portal.all(f"/api/onboardings/{onboarding['id']}/events")
    people = {event["kind"]: event.get("onBehalfOf") for event in trail}
    assert people["accepted"] == shown_kim
    assert people["acknowledged"] == shown_lee
    assert people["succeeded"] is None
    removal = removed.json()["id"]

    async def ended() -> bool:
        return bool((await portal.get(f"/api/operations/{removal}"))["status"] == "Succeeded")

    await until(ended, "the removal")
    assert (await portal.all(f"/api/operations/{removal}/events"))[0]["onBehalfOf"] == shown_lee


async def test_a_cancelled_onboarding_names_who_cancelled_it(portal):
    """The person behind a cancel is in the trail of the onboarding, although the removal stops it."""
    onboarding = await portal.accepted(adminConsent="ByAdministrator")
    headers, shown = behalf("Kim", "INC-1")
    cancelled = await portal.call("POST", f"/api/onboardings/{onboarding}/cancel", headers=headers)
    assert cancelled.json()["onBehalfOf"] == shown
    await portal.finished(onboarding)
    trail = await portal.all(f"/api/onboardings/{onboarding}/events")
    assert [event["onBehalfOf"] for event in trail if event["kind"] == "stopped"] == [shown]


async def test_a_wrong_header_changes_nothing(portal):
    """A person that cannot be read is a fault of the call: nothing is requested."""
    headers = {"On-Behalf-Of": "Kim", "Idempotency-Key": "behalf-2"}
    answer = await portal.call("POST", "/api/onboardings", json=portal.request(), headers=headers)
    assert "On-Behalf-Of" in problem(answer, 400, "invalid-parameter")["detail"]
    assert await portal.all("/api/onboardings", idempotencyKey="behalf-2") == []
