from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.operations.renewals import (
    confirm,
    current,
    notices_of,
    provided_secrets,
    renewal,
    secrets,
    shown,
    works,
)
from tests.support.operations import (
    about_to_share,
    done,
    ended,
    in_vault,
    left_of,
    operate,
    step,
)
from tests.support.portal import problem, until
from tests.support.precreated import precreated

REFUSAL = {"kind": "status", "status": 400, "code": "BadParameter", "message": "no", "times": None}


async def test_a_secret_is_renewed_without_a_gap(portal):
    """Both secrets are valid until a person confirms; then the old one is removed."""
    before = await portal.onboarded()
    operation = await renewal(portal, before, secretValidity="P2Y")
    during = await shown(portal, before)
    assert during["secret"] == before["secret"]
    assert during["renewalId"] == operation["id"]
    assert await secrets(portal, before) == {before["secret"]["keyId"], during["pendingSecret"]["keyId"]}
    assert await works(portal, before, before["secret"]["vaultSecretId"])
    assert await works(portal, before, current(before["secret"]["vaultSecretId"]))
    assert current(during["pendingSecret"]["vaultSecretId"]) == current(before["secret"]["vaultSecretId"])

    document = await confirm(portal, before, operation)
    assert [each["status"] for each in document["steps"]] == ["Succeeded"] * 4
    after = await shown(portal, before)
    assert not {"pendingSecret", "renewalId"} & set(after)
    assert after["secret"] == during["pendingSecret"]
    assert after["expirations"]["secret"]["endsAt"] == after["secret"]["endsAt"] > before["secret"]["endsAt"]
    assert (before["handover"]["state"], after["handover"]["confirmedVia"]) == ("Waiting", "Renewal")
    assert await until(lambda: notices_of(portal, before, "HandoverConfirmed"), "the notice")
    assert await secrets(portal, before) == {after["secret"]["keyId"]}
    assert await works(portal, before, after["secret"]["vaultSecretId"])
    assert not await works(portal, before, before["secret"]["vaultSecretId"])
    events = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
    (confirmed,) = [event for event in events if event["kind"] == "confirmed"]
    assert confirmed["actor"] == operation["requestedBy"]["name"]


async def test_people_who_must_act_get_a_notice_and_a_script(portal):
    """A notice reports that the new secret waits; the script fetches exactly that version."""
    connection = await portal.onboarded()
    operation = await renewal(portal, connection)

    async def told() -> list[Any]:
        found = (await portal.control("GET", "/inbox/notices")).json()["value"]
        source = f"/connections/{connection['id']}"
        return [each["body"] for each in found if each["body"]["source"] == source]

    (event,) = await until(told, "the notice")
    assert event["type"].endswith("RenewalWaits")
    assert operation["createdAt"] < event["time"] < datetime.now(UTC).isoformat()
    assert operation["id"] in event["data"]["remedy"]
    script = await portal.call("GET", f"/api/operations/{operation['id']}/handover", caller="operator")
    version = (await shown(portal, connection))["pendingSecret"]["vaultSecretId"].rpartition("/")[2]
    assert f"'{version}'" in script.text
    await confirm(portal, connection, operation)


async def test_one_renewal_at_a_time(portal):
    """A second request during a renewal returns that renewal; a third secret is never created."""
    connection = await portal.onboarded()
    path = f"/api/connections/{connection['id']}/renewals"
    first = await operate(portal, "POST", path)
    assert (await operate(portal, "POST", path))["id"] == first["id"]
    waits = await step(portal, f"/api/operations/{first['id']}", "confirmation", "Waiting")
    assert (await operate(portal, "POST", path, json={"secretValidity": "P2Y"}))["id"] == first["id"]
    assert len(await secrets(portal, connection)) == 2
    assert first["onboardingId"] == connection["onboardingId"]
    script, sure = waits["actions"]
    assert (script["kind"], sure["kind"], waits["actionUrls"]) == ("GetScript", "ConfirmRenewal", [])
    assert "param" in (await portal.call(script["method"], script["url"])).text
    assert (await portal.call(sure["method"], sure["url"])).status_code == 202
    await done(portal, first)
    second = await renewal(portal, connection)
    assert second["id"] != first["id"]
    await confirm(portal, connection, second)
    assert len(await secrets(portal, connection)) == 1


async def test_a_renewal_that_failed_leaves_no_third_secret(portal):
    """The next renewal removes what a failed one has left on the app."""
    connection = await portal.onboarded()
    path = f"/api/connections/{connection['id']}/renewals"
    async with portal.fault(service="graph", method="POST", path="addPassword", when="after", **REFUSAL):
        for _ in range(2):
            failed = await ended(portal, await operate(portal, "POST", path))
            assert (failed["status"], failed["error"]["step"]) == ("Failed", "secret")
            assert len(await secrets(portal, connection)) == 2
    assert await works(portal, connection, current(connection["secret"]["vaultSecretId"]))
    operation = await renewal(portal, connection)
    assert len(await secrets(portal, connection)) == 2
    await confirm(portal, connection, operation)
    assert len(await secrets(portal, connection)) == 1


async def test_a_late_retry_does_not_affect_the_next_renewal(portal):
    """The next renewal removes the old secret instead of the failed one, which can no longer be retried."""
    connection = await portal.onboarded()
    first = await renewal(portal, connection)
    path = f"/api/connections/{connection['id']}/renewals/{first['id']}/confirm"
    async with portal.fault(service="graph", method="POST", path="removePassword", **REFUSAL):
        failed = await ended(portal, await operate(portal, "POST", path))
        assert failed["error"]["step"] == "retirement"
    await renewal(portal, connection)
    now = await shown(portal, connection)
    late = await portal.call("POST", f"/api/operations/{first['id']}/retry", caller="operator")
    assert "Cancelled" in problem(late, 409, "not-in-this-status")["detail"]
    assert await secrets(portal, connection) == {now["secret"]["keyId"], now["pendingSecret"]["keyId"]}
    assert await works(portal, connection, current(now["secret"]["vaultSecretId"]))


async def test_an_application_that_is_too_old_is_not_renewed(portal, moved):
    """After 800 days a new secret would be refused: none is created, and the error has a remedy."""
    connection = await portal.onboarded()
    await moved(timedelta(days=801))
    end = (datetime.now(UTC) + timedelta(days=1000)).isoformat()
    path = f"/api/connections/{connection['id']}/renewals"
    failed = await ended(portal, await operate(portal, "POST", path, json={"secretEndDate": end}))
    assert failed["error"]["code"] == "application-too-old"
    assert "remove this connection" in failed["error"]["remedy"]
    assert len(await secrets(portal, connection)) == 1


async def test_an_imported_app_is_never_changed(portal):
    """A person creates the new secret and hands it over; it replaces the old one, which is not removed."""
    made = await portal.onboarded()
    app = made["serverApp"]["clientId"]
    secret = await in_vault(portal, made["secret"]["vaultSecretId"])
    wishes = {
        "serverApp": {"existing": {"clientId": app, "secret": secret}},
        "clientApp": {"existing": {"clientId": made["clientApp"]["clientId"]}},
    }
    imported = await portal.onboarded(**wishes)
    path = f"/api/connections/{imported['id']}/renewals"
    answer = await portal.call("POST", path, caller="operator")
    (fault,) = problem(answer, 422, "invalid-request")["errors"]
    assert "Add a client secret to it yourself" in fault["remedy"]
    added = await portal.look(
        "graph", "POST", f"/v1.0/applications/{made['serverApp']['objectId']}/addPassword", {}
    )
    before = await portal.graph(f"/applications(appId='{app}')")
    operation = await renewal(portal, imported, secret=added.json()["secretText"])
    assert (await shown(portal, imported))["pendingSecret"]["keyId"] == added.json()["keyId"]
    await confirm(portal, imported, operation)
    assert await portal.graph(f"/applications(appId='{app}')") == before
    assert (await shown(portal, imported))["secret"]["keyId"] == added.json()["keyId"]
    rows = await portal.call("GET", f"/api/operations/{operation['id']}", caller="operator")
    assert added.json()["secretText"] not in rows.text
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{imported['id']}"))
    assert await provided_secrets(portal, imported["onboardingId"]) == []

    again = await portal.onboarded(name=imported["name"], **wishes)
    another = await renewal(portal, again, secret=added.json()["secretText"])
    assert another["id"] != operation["id"]
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{again['id']}"))
    assert await provided_secrets(portal, again["onboardingId"]) == []


async def test_a_new_secret_that_login_refuses_replaces_none(portal):
    """A renewal with a wrong secret fails with its reason, and the connection keeps its secret."""
    by_hand = await precreated(portal, starts_at=datetime.now(UTC) - timedelta(days=1))
    imported = await portal.onboarded(**by_hand.request())
    path, wrong = f"/api/connections/{imported['id']}/renewals", by_hand.secret[:3] + "x" * 37
    document = await ended(portal, await operate(portal, "POST", path, json={"secret": wrong}))
    assert (document["error"]["step"], document["error"]["code"]) == ("secret", "secret-invalid")
    now = await shown(portal, imported)
    assert (now["secret"], now.get("pendingSecret")) == (imported["secret"], None)
    assert await works(portal, imported, now["secret"]["vaultSecretId"])


async def test_the_old_secret_is_not_removed_while_login_refuses_the_new_one(portal):
    """After the confirmation, the service asks login for a token with the new secret until it gets one."""
    before = await portal.onboarded()
    operation = await renewal(portal, before)
    both = await secrets(portal, before)
    refusal = {"service": "login", "kind": "status", "status": 401, "code": "AADSTS7000215", "times": None}
    async with portal.fault(body=f"client_id={before['serverApp']['clientId']}", **refusal):
        path = f"/api/connections/{before['id']}/renewals/{operation['id']}/confirm"
        await operate(portal, "POST", path)

        async def refused() -> bool:
            events = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
            return "secret-not-known-yet" in str(events)

        await until(refused, "the first refusal")
        assert await secrets(portal, before) == both
        assert (await shown(portal, before))["secret"] == before["secret"]
    await done(portal, operation)
    assert await secrets(portal, before) == both - {before["secret"]["keyId"]}


async def test_connections_that_share_an_app_are_renewed_together(portal):
    """A renewal of the owner's secret also updates the connections that share it."""
    owner = await portal.onboarded()
    sharing = await portal.onboarded(serverApp={"existing": {"connectionId": owner["id"]}})
    answer = await portal.call("POST", f"/api/connections/{sharing['id']}/renewals", caller="operator")
    assert owner["id"] in problem(answer, 409, "server-app-of-other-connection")["detail"]
    await confirm(portal, owner, await renewal(portal, owner))
    assert (await shown(portal, sharing))["secret"] == (await shown(portal, owner))["secret"]
    assert (await shown(portal, sharing))["secret"] != sharing["secret"]


async def test_sharing_begins_in_the_middle_of_a_renewal(portal):
    """A connection that starts to share an app during a renewal also gets the new secret."""
    owner = await portal.onboarded()
    async with about_to_share(portal, owner) as onboarding:
        operation = await renewal(portal, owner)
        await confirm(portal, owner, operation)
    document = await portal.finished(onboarding)
    sharing = await portal.get(f"/api/connections/{document['connectionId']}", caller="operator")
    assert sharing["secret"] == (await shown(portal, owner))["secret"] != owner["secret"]


async def test_off_boarding_stops_a_renewal(portal):
    """Off-boarding a connection also stops its renewal and its reminders."""
    connection = await portal.onboarded()
    operation = await renewal(portal, connection)
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
    assert (await ended(portal, operation))["status"] == "Cancelled"
    assert await left_of(portal, connection["onboardingId"]) == []


async def test_only_a_waiting_renewal_can_be_confirmed(portal, untouched):
    """Only a waiting renewal can be confirmed, at its own connection; a repetition changes nothing."""
    connection = await portal.onboarded()
    async with portal.fault(service="graph", method="POST", path="addPassword", kind="hold", when="before"):
        path = f"/api/connections/{connection['id']}/renewals"
        operation = await operate(portal, "POST", path)
        await step(portal, f"/api/operations/{operation['id']}", "secret", "Running")
        answer = await portal.call("POST", f"{path}/{operation['id']}/confirm", caller="operator")
        problem(answer, 409, "not-in-this-status")
    await step(portal, f"/api/operations/{operation['id']}", "confirmation", "Waiting")
    wrong = f"/api/connections/{untouched['id']}/renewals/{operation['id']}/confirm"
    problem(await portal.call("POST", wrong, caller="operator"), 404, "not-found")
    for _ in range(2):
        await confirm(portal, connection, operation)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"secretValidity": "P3Y"}, "/secretValidity"),
        ({"secretEndDate": "2020-01-01T00:00:00Z"}, "/secretEndDate"),
        ({"secretValidity": "P1Y", "secretEndDate": "2027-09-01T00:00:00Z"}, "/secretEndDate"),
        ({"timeLimitDays": -1}, "/timeLimitDays"),
        ({"vaultSecret": "import-x"}, "/vaultSecret"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_an_invalid_renewal_is_refused(portal, untouched, body, pointer):
    """Each fault in a request is reported with its location, and nothing starts."""
    path = f"/api/connections/{untouched['id']}/renewals"
    answer = await portal.call("POST", path, caller="operator", json=body)
    assert [each["pointer"] for each in problem(answer, 422, "invalid-request")["errors"]] == [pointer]
    assert "renewalId" not in await shown(portal, untouched)


async def test_a_deployment_renews_automatically(portal, untouched):
    """The service renews its own secret automatically when it expires soon, once; others are not changed."""
    end = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    soon = await portal.onboarded(serverApp={"secretEndDate": end})
    by_hand = await precreated(portal, lifetime=timedelta(days=30))
    imported = await portal.onboarded(**by_hand.request())
    await portal.fire("sweep_expirations")

    async def waits() -> bool:
        return "pendingSecret" in await shown(portal, soon)

    await until(waits, "the renewal")
    await portal.fire("sweep_expirations")
    renewals = await portal.all("/api/operations", caller="operator", tenantId=soon["tenantId"])
    own = [each for each in renewals if each.get("connectionId") == soon["id"]]
    assert [each["requestedBy"]["name"] for each in own] == ["service"]
    for other in (untouched, imported):
        assert "renewalId" not in await shown(portal, other)
    await confirm(portal, soon, own[0])
    await portal.fire("sweep_expirations")
    assert "renewalId" not in await shown(portal, soon)
