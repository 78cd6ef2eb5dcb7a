"""What a portal sees while it follows an onboarding."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.support.operations import bad_request, ended, step
from tests.support.portal import USUAL, Portal, problem, until

_REFUSED = bad_request("DELETE", "/applications/")


@pytest.fixture(scope="module")
async def waiting(portal):
    """An onboarding that waits for an administrator."""
    onboarding = await portal.accepted(adminConsent="ByAdministrator", labels={"ticket": "T-1"})

    async def waits() -> Any:
        document = await portal.get(f"/api/onboardings/{onboarding}")
        return document["status"] == "Waiting" and document["stepsDone"] == document["stepsTotal"] - 2

    await until(waits, "all but consent and connection to be done")
    return onboarding


async def test_a_list_shows_what_somebody_has_to_do(portal, waiting):
    """A list has the labels, what each onboarding waits for, who must act, and where."""
    (entry,) = [each for each in await portal.all("/api/onboardings") if each["id"] == waiting]
    assert entry["labels"] == {"ticket": "T-1"}
    (wanted,) = entry["waitingFor"]
    assert (wanted["code"], wanted["actor"]) == ("admin-consent", "TenantAdministrator")
    assert wanted["step"] == "consent"
    assert len(wanted["actionUrls"]) == 1
    assert {"finishedAt", "removal"}.isdisjoint(entry)
    assert datetime.fromisoformat(entry["startedAt"]) <= datetime.fromisoformat(entry["updatedAt"])


async def test_the_next_poll_is_when_something_can_have_changed(portal, waiting):
    """Retry-After follows the next attempt of the step that waits."""

    async def later() -> Any:
        answer = await portal.call("GET", f"/api/onboardings/{waiting}")
        if not (found := answer.json()["waitingFor"]):  # it checks now
            return None
        now = (await portal.http.get(f"{portal.stack.api}/admin/host/clock")).json()["now"]
        due, now = (datetime.fromisoformat(text) for text in (found[0]["nextAttemptAt"], now))
        left = (due - now).total_seconds()
        return left > 3 and (int(answer.headers["Retry-After"]), left)

    seconds, left = await until(later, "a pause of more than the shortest")
    assert left <= seconds <= left + 3


async def test_an_unchanged_onboarding_is_not_sent_again(portal, waiting):
    """A caller that has the document gets 304 without content, and the time of the next poll."""
    path = f"/api/onboardings/{waiting}"

    async def same() -> Any:
        first = await portal.call("GET", path)
        tag = first.headers["ETag"]
        second = await portal.call("GET", path, headers={"If-None-Match": f'"other", {tag}'})
        return second if second.status_code == 304 else None

    answer = await until(same, "two answers without a change between them")
    assert answer.content == b""
    assert int(answer.headers["Retry-After"]) >= 2
    changed = await portal.call("GET", path, headers={"If-None-Match": 'W/"other"'})
    assert changed.status_code == 200


async def test_somebody_who_has_consented_lets_it_check_now(portal, waiting):
    """The step checks at once, and calls in quick succession make it check no more often."""
    before = await step(portal, f"/api/onboardings/{waiting}", "consent", "Waiting")

    async def checked() -> Any:
        answer = await portal.call("POST", f"/api/onboardings/{waiting}/resume")
        assert answer.status_code == 202, answer.text
        found = await step(portal, f"/api/onboardings/{waiting}", "consent", "Waiting")
        return found["attempts"] > before["attempts"]

    await until(checked, "another look")
    other = await portal.caller("Onboarding.Request")
    problem(await portal.call("POST", f"/api/onboardings/{waiting}/resume", caller=other), 404, "not-found")


async def test_a_cancel_whose_removal_fails_shows_why(portal):
    """The onboarding has a state of its own, the removal and its error, and a client stops polling."""
    onboarding = await portal.accepted(adminConsent="ByAdministrator")
    path = f"/api/onboardings/{onboarding}"
    await step(portal, path, "consent", "Waiting")
    async with portal.fault(**_REFUSED):
        removal = (await portal.call("POST", f"{path}/cancel")).json()
        assert (await ended(portal, removal))["status"] == "Failed"
        answer = await portal.call("GET", path)
        document = answer.json()
        assert document["status"] == "Cancelling"
        assert document["removal"]["operationId"] == removal["id"]
        assert document["removal"]["status"] == "Failed"
        assert document["error"] == document["removal"]["error"]
        assert "Retry-After" not in answer.headers
        listed = await portal.all("/api/onboardings", status="Cancelling")
        assert onboarding in {each["id"] for each in listed}
    assert (await portal.call("POST", f"{path}/cancel")).status_code == 202
    document = await portal.finished(onboarding)
    assert (document["status"], document.get("error"), document["removal"]["status"]) in [
        ("Cancelled", None, "Running"),
        ("Cancelled", None, "Succeeded"),
    ]
    assert document["finishedAt"] == document["updatedAt"]


async def test_a_rollback_whose_removal_fails_shows_why(portal):
    """What stops the removal is the error, and nobody is offered a retry of what is undone."""
    async with portal.fault(**bad_request("POST", "addPassword")):
        onboarding = await portal.accepted()
        failed = await portal.finished(onboarding)
    path = f"/api/onboardings/{onboarding}"
    async with portal.fault(**_REFUSED):
        removal = (await portal.call("POST", f"{path}/rollback")).json()
        assert (await ended(portal, removal))["status"] == "Failed"
        document = await portal.get(path)
        assert (document["status"], document["error"]) == ("RollingBack", document["removal"]["error"])
    assert (await portal.call("POST", f"{path}/rollback")).status_code == 202
    document = await portal.finished(onboarding)
    assert document["status"] == "RolledBack"
    assert document["error"] == {name: value for name, value in failed["error"].items() if name != "actions"}


async def test_a_repeated_retry_is_the_same_retry(portal):
    """A second click on retry is no error, also after the onboarding has succeeded."""
    async with portal.fault(**bad_request("POST", "oauth2PermissionGrants")):
        onboarding = await portal.accepted(adminConsent="ByService")
        assert (await portal.finished(onboarding))["status"] == "Failed"
    path = f"/api/onboardings/{onboarding}"
    async with portal.fault(service="graph", method="POST", path="Grants", kind="hold"):
        answers = [await portal.call("POST", f"{path}/retry") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
    document = await _succeeded(portal, onboarding)
    connection = await portal.get(document["connectionUrl"])
    assert connection["onboardingId"] == onboarding
    assert (await portal.call("GET", document["handoverUrl"])).status_code == 200
    again = await portal.call("POST", f"{path}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "Succeeded")


async def _succeeded(portal: Portal, onboarding: str) -> dict[str, Any]:
    async def succeeded() -> Any:
        document = await portal.get(f"/api/onboardings/{onboarding}")
        return document if document["status"] == "Succeeded" else None

    found: dict[str, Any] = await until(succeeded, "its success", pause=USUAL)
    return found
