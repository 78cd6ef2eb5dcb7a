from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.portal import pointers, problem


async def due(portal) -> dict[str, Any]:
    """A connection whose first warning is due."""
    end = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
    found: dict[str, Any] = await portal.onboarded(serverApp={"secretEndDate": end.isoformat()})
    return found


async def test_an_answer_is_recorded_once_for_each_authority(portal):
    """The same answer again writes nothing; an operator's replaces a requester's, and not the reverse."""
    connection = await due(portal)
    path = f"/api/connections/{connection['id']}"
    trail = f"/api/onboardings/{connection['onboardingId']}/events"

    async def written(kind: str) -> int:
        return [event["kind"] for event in await portal.all(trail)].count(kind)

    first = await portal.call("POST", f"{path}/acknowledge", json={})
    assert first.json()["expirations"]["secret"]["acknowledged"]["operator"] is False
    for _ in range(2):
        assert (await portal.call("POST", f"{path}/acknowledge", json={})).json() == first.json()
    assert await written("acknowledged") == 1
    second = await portal.call("POST", f"{path}/acknowledge", caller="operator", json={})
    assert second.json()["expirations"]["secret"]["acknowledged"]["operator"] is True
    assert (await portal.call("POST", f"{path}/acknowledge", json={})).json() == second.json()
    assert await written("acknowledged") == 2
    for _ in range(3):
        assert (await portal.call("POST", f"{path}/snooze", json={"days": 3})).is_success
    assert await written("snoozed") == 1


async def test_what_was_not_shown_cannot_be_answered(portal):
    """Before the first warning nobody can acknowledge or snooze: not a requester, and not an operator."""
    connection = await portal.onboarded()
    for caller in ("requester", "operator"):
        for action, body in (("acknowledge", {}), ("snooze", {"days": 3})):
            path = f"/api/connections/{connection['id']}/{action}"
            answer = await portal.call("POST", path, caller=caller, json=body)
            problem(answer, 409, "no-warning-yet")
    shown = (await portal.get(f"/api/connections/{connection['id']}"))["expirations"]["secret"]
    assert not {"acknowledged", "snoozedUntil"}.intersection(shown)


async def test_an_owner_to_whom_no_mail_may_go_is_refused(portal):
    """Mail goes to verified domains of the two tenants; the answer names the owner and the domains."""
    owners = [{"email": "kim@contoso.com"}, {"email": "kim@evil.example"}, {"email": "kim@contoso.com.evil"}]
    for query in ("", "?dryRun=true"):
        answer = await portal.call("POST", f"/api/onboardings{query}", json=portal.request(owners=owners))
        document = problem(answer, 422, "invalid-request")
        assert pointers(document) == {"/owners/1/email", "/owners/2/email"}
        assert {finding["code"] for finding in document["errors"]} == {"owner-domain"}
        assert "contoso.com" in document["errors"][0]["detail"]
