from __future__ import annotations


async def test_the_same_answer_again_is_one_event(portal):
    """Someone who acknowledges twice changes nothing the second time; another person's answer is recorded."""
    connection = await portal.onboarded()
    path = f"/api/connections/{connection['id']}/acknowledge"
    first = await portal.call("POST", path, json={})
    again = [(await portal.call("POST", path, json={})).json() for _ in range(3)]
    assert all(answer == first.json() for answer in again)
    trail = f"/api/onboardings/{connection['onboardingId']}/events"
    assert [event["kind"] for event in await portal.all(trail)].count("acknowledged") == 1
    await portal.call("POST", path, caller="operator", json={})
    assert [event["kind"] for event in await portal.all(trail)].count("acknowledged") == 2
