"""Client secrets that are provided: login must accept them before anything relies on them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.operations import done, operate
from tests.support.portal import Portal, pointers, problem, unique, until
from tests.support.precreated import precreated

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda value: f"{value}\n", "must not begin or end with white space", id="line break"),
        pytest.param(
            lambda value: f"\u00a0{value}", "must not begin or end with white space", id="no-break space"
        ),
        pytest.param(
            lambda value: f"{value[:9]} {value[9:]}", "contains white space at position 9,", id="inner space"
        ),
        pytest.param(lambda value: f"{value}\u200b", "invisible character U+200B", id="zero-width space"),
        pytest.param(lambda value: f"{value[:5]}\x00{value[5:]}", "invisible character U+0000", id="control"),
        pytest.param(lambda _: GUID, "is the ID of a client secret (key ID), not its value", id="key id"),
    ],
)
async def test_what_no_client_secret_is_like_is_refused(portal, change, reason):
    """The answer names the fault: at the field for a value, in the step for a secret in the vault."""
    apps, name = await precreated(portal), unique("import-bad")
    value = change(apps.secret)
    answer = await portal.post(**apps.request(secret=value))
    document = problem(answer, 422, "invalid-request")
    assert pointers(document) == {"/serverApp/existing/secret"}
    assert reason in document["errors"][0]["detail"]
    assert value not in answer.text
    body = {"value": value, "tags": {"requestedBy": await portal.object_id()}}
    await portal.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.5", body)
    error = await portal.refused(**apps.request(vaultSecret=name))
    assert (error["step"], error["code"]) == ("server-secret", "secret-malformed")
    assert reason in error["detail"]


async def test_three_right_characters_are_not_enough(portal):
    """A value that begins like a secret of the app is refused, in a dry run as well."""
    apps = await precreated(portal, starts_at=datetime.now(UTC) - timedelta(hours=1))
    wrong = apps.secret[:3] + "x" * (len(apps.secret) - 3)
    request = apps.request(secret=wrong)
    error = await portal.refused(**request)
    assert (error["step"], error["code"]) == ("server-secret", "secret-invalid")
    assert apps.server["appId"] in error["detail"]
    assert "AADSTS7000215" in error["detail"]
    query = {"dryRun": "true"}
    answer = await portal.call("POST", "/api/onboardings", params=query, json=portal.request(**request))
    assert "secret-invalid" in {finding["code"] for finding in answer.json()["findings"]}
    assert wrong not in answer.text


async def test_a_new_secret_waits_until_login_knows_it(portal):
    """A secret that was made a moment ago is not refused while login does not know it."""
    apps = await precreated(portal)
    for caller in ("requester", "operator"):
        await portal.token(caller)
    await portal.control("PUT", "/lag", {"secrets": 600})
    try:
        onboarding = await portal.accepted(**apps.request())

        async def waits() -> bool:
            events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
            return "secret-not-known-yet" in str(events)

        await until(waits, "the first refusal")
    finally:
        await portal.control("PUT", "/lag", {"secrets": 0})
    document = await portal.finished(onboarding)
    assert document["status"] == "Succeeded", document["error"]


async def test_a_secret_that_is_valid_later_is_refused(portal):
    """The answer contains the time from which on the secret is valid."""
    start = datetime.now(UTC) + timedelta(days=2)
    apps = await precreated(portal, starts_at=start)
    error = await portal.refused(**apps.request())
    assert (error["step"], error["code"]) == ("server-secret", "secret-not-yet-valid")
    assert f"{start:%Y-%m-%d %H:%M}" in error["detail"]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "AADSTS7000112", "secret-app-not-usable"),
        (401, "AADSTS7000229", "secret-app-not-usable"),
        (400, "AADSTS90002", "secret-not-proved"),
        (400, "AADSTS53003", None),
        (503, "AADSTS7000215", None),
        (429, "AADSTS90055", None),
    ],
)
async def test_each_refusal_of_login_has_its_name(portal, status, code, expected):
    """A refusal is an error with its code; Conditional Access proves the secret, and an outage passes."""
    apps = await precreated(portal)
    proof = f"client_id={apps.server['appId']}"
    async with portal.fault(service="login", body=proof, kind="status", status=status, code=code):
        document = await portal.finished(await portal.accepted(**apps.request()))
    if expected is None:
        assert document["status"] == "Succeeded", document["error"]
    else:
        assert (document["error"]["step"], document["error"]["code"]) == ("server-secret", expected)
        assert code in document["error"]["detail"]


async def in_vault(portal: Portal, onboarding: str) -> list[str]:
    """The names of the secrets in the vault that were provided for an onboarding."""
    address: str | None = "/secrets?api-version=7.5"
    found: list[str] = []
    while address:
        page = (await portal.look("keyVault", "GET", address)).json()
        address = page["nextLink"]
        found += [
            each["id"] for each in page["value"] if (each.get("tags") or {}).get("onboarding") == onboarding
        ]
    return found


async def test_the_same_key_with_another_secret_is_refused(portal):
    """The secret is a part of the request that an Idempotency-Key repeats; the vault keeps one secret."""
    apps, key = await precreated(portal), {"Idempotency-Key": unique("key")}
    request = portal.request(**apps.request())
    first = await portal.call("POST", "/api/onboardings", headers=key, json=request)
    other = {**request, **apps.request(secret=apps.secret[::-1])}
    problem(
        await portal.call("POST", "/api/onboardings", headers=key, json=other), 409, "idempotency-key-reused"
    )
    again = await portal.call("POST", "/api/onboardings", headers=key, json=request)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert len(await in_vault(portal, first.json()["id"])) == 1
    assert (await portal.finished(first.json()["id"]))["status"] == "Succeeded"


async def test_of_secrets_that_meet_one_is_kept(portal):
    """Of requests with one key and several secrets, one is accepted; only its secret stays in the vault."""
    apps, key = await precreated(portal), {"Idempotency-Key": unique("key")}
    request = portal.request()
    answers = await asyncio.gather(
        *(
            portal.call(
                "POST",
                "/api/onboardings",
                headers=key,
                json={**request, **apps.request(secret=apps.secret[number:] + apps.secret[:number])},
            )
            for number in range(4)
        )
    )
    accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    assert len(accepted) == 1
    assert {answer.status_code for answer in answers} == {202, 409}
    (kept,) = await in_vault(portal, accepted[0])
    run = await portal.finished(accepted[0])
    assert kept.endswith(run["request"]["serverApp"]["existing"]["vaultSecret"])


async def test_a_removal_finds_each_secret_that_was_provided(portal):
    """A secret that a lost request left in the vault is removed with the others, by its tags."""
    apps = await precreated(portal)
    connection = await portal.onboarded(**apps.request())
    tags = {"onboarding": connection["onboardingId"], "tenantId": connection["tenantId"]}
    lost = unique("import-lost")
    await portal.look("keyVault", "PUT", f"/secrets/{lost}?api-version=7.5", {"value": "left", "tags": tags})
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
    assert await in_vault(portal, connection["onboardingId"]) == []
