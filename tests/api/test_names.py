"""Who has the name of a connection, from the request to the end of what it left behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.operations import bad_request, done, step
from tests.support.portal import Portal, problem, unique

_REFUSED = bad_request("POST", "oauth2PermissionGrants")


@pytest.fixture(scope="module")
async def bob(portal):
    """Another requester."""
    return await portal.caller("Onboarding.Request")


async def codes(portal: Portal, name: str, caller: str = "requester") -> set[str]:
    """The codes of the findings of a dry run."""
    answer = await portal.call(
        "POST",
        "/api/onboardings",
        caller=caller,
        params={"dryRun": "true"},
        json=portal.request(name=name),
    )
    assert answer.status_code == 200, answer.text
    return {finding["code"] for finding in answer.json()["findings"]}


async def rolled_back(portal: Portal, onboarding: str) -> dict[str, Any]:
    """An onboarding after its rollback."""
    answer = await portal.call("POST", f"/api/onboardings/{onboarding}/rollback")
    await done(portal, answer.json())
    return await portal.finished(onboarding)


async def test_a_name_is_reserved_while_an_onboarding_is_in_progress(portal, bob):
    """A second request for the name, in any case, is refused at once; others do not see whose it is."""
    name = unique("Name")
    onboarding = await portal.accepted(name=name, adminConsent="ByAdministrator")
    await step(portal, f"/api/onboardings/{onboarding}", "consent", "Waiting")
    own = problem(await portal.post(name=name.upper()), 409, "name-reserved")
    others = problem(await portal.post(name=name, caller=bob), 409, "name-reserved")
    assert f"'{name.upper()}' ({onboarding}). It" in own["detail"]
    assert f"'{name}'. It" in others["detail"]
    assert onboarding not in str(others)
    assert "name-reserved" in await codes(portal, name.lower())
    answer = await portal.call("POST", f"/api/onboardings/{onboarding}/cancel")
    await done(portal, answer.json())
    assert "name-reserved" not in await codes(portal, name)
    assert (await portal.post(name=name, caller=bob)).status_code == 202


async def test_what_was_left_behind_keeps_the_name_until_it_is_rolled_back(portal):
    """A run that failed after it created something says so, and its name is not free before the rollback."""
    name = unique("Name")
    async with portal.fault(**_REFUSED):
        onboarding = await portal.accepted(name=name, adminConsent="ByService")
        failed = await portal.finished(onboarding)
    assert (failed["status"], failed["needsRollback"]) == ("Failed", True)
    refused = problem(await portal.post(name=name), 409, "name-reserved")
    assert "roll it back" in refused["remedy"]
    assert (await rolled_back(portal, onboarding))["needsRollback"] is False
    assert (await portal.post(name=name)).status_code == 202


async def test_a_failure_that_left_nothing_behind_keeps_no_name(portal):
    """The corrected request takes the name; then the first onboarding cannot be retried any more."""
    name = unique("Name")
    wrong = {"name": name, "serverApp": {"appIdUri": "https://fabrikam.com/ConfigMgrService"}}
    first = await portal.finished(await portal.accepted(**wrong))
    assert (first["status"], first["needsRollback"]) == ("Failed", False)
    second = await portal.accepted(name=name, adminConsent="ByAdministrator")
    retried = await portal.call("POST", f"/api/onboardings/{first['id']}/retry")
    assert second in problem(retried, 409, "name-reserved")["detail"]
    await portal.call("POST", f"/api/onboardings/{second}/cancel")
    await portal.finished(second)
    retried = await portal.call("POST", f"/api/onboardings/{first['id']}/retry")
    assert retried.status_code == 202, retried.text
    assert (await portal.finished(first["id"]))["status"] == "Failed"


async def test_a_key_still_finds_its_onboarding_when_another_has_the_name(portal):
    """A repeated request is answered as before, whoever has the name now."""
    key, body = {"Idempotency-Key": unique("key")}, portal.request()
    wrong = {**body, "serverApp": {"appIdUri": "https://fabrikam.com/ConfigMgrService"}}
    first = await portal.call("POST", "/api/onboardings", json=wrong, headers=key)
    await portal.finished(first.json()["id"])
    await portal.onboarded(name=body["name"])
    again = await portal.call("POST", "/api/onboardings", json=wrong, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
