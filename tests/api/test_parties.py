"""Two requesters in one tenant: what one of them may do to what the other one has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.operations import done, held
from tests.support.portal import Portal, problem, unique, until
from tests.support.precreated import precreated


@pytest.fixture(scope="module")
async def mallory(portal):
    """A requester who wants what others have."""
    return await portal.caller("Onboarding.Request")


@pytest.fixture(scope="module")
async def victim(portal):
    """A connection of another requester, with apps that the service created."""
    return await portal.onboarded(caller=await portal.caller("Onboarding.Request"))


async def grants(portal: Portal, app_id: str) -> int:
    """How many permissions an application has in the tenant."""
    path = f"/servicePrincipals(appId='{app_id}')"
    principal = (await portal.graph(path))["id"]
    found = [
        (await portal.graph(f"/servicePrincipals/{principal}/{kind}"))["value"]
        for kind in ("oauth2PermissionGrants", "appRoleAssignments")
    ]
    return sum(map(len, found))


async def findings(portal: Portal, caller: str, **changes: Any) -> dict[str, dict[str, Any]]:
    """The findings of a dry run, by code."""
    answer = await portal.call(
        "POST",
        "/api/onboardings",
        caller=caller,
        params={"dryRun": "true"},
        json=portal.request(**changes),
    )
    assert answer.status_code == 200, answer.text
    return {finding["code"]: finding for finding in answer.json()["findings"]}


async def test_nobody_gets_a_permission_by_importing_an_app(portal, mallory):
    """The service grants nothing to an imported app: the onboarding waits for an administrator."""
    apps = await precreated(portal, user_discovery=True, consent=False)
    answer = await portal.post(caller=mallory, userDiscovery={"enabled": True}, **apps.request())
    onboarding = answer.json()["id"]
    step = await _waits(portal, onboarding)
    assert len(step["actionUrls"]) == 2
    assert await grants(portal, apps.server["appId"]) == 0
    assert await grants(portal, apps.client["appId"]) == 0


async def _waits(portal: Portal, onboarding: str) -> dict[str, Any]:
    async def waits() -> dict[str, Any] | None:
        document = await portal.get(f"/api/onboardings/{onboarding}", caller="operator")
        assert document["status"] not in {"Succeeded", "Failed"}, document["error"]
        (step,) = [each for each in document["steps"] if each["name"] == "consent"]
        return step if step["status"] == "Waiting" and "waitingFor" in step else None

    found: dict[str, Any] = await until(waits, "the wait for an administrator")
    return found


@pytest.mark.parametrize("query", [{}, {"dryRun": "true"}])
async def test_a_requester_cannot_let_the_service_consent_to_an_import(portal, mallory, query):
    """ByService for existing apps is an operator's: a requester is refused, before anything happens."""
    apps = await precreated(portal, consent=False)
    body = portal.request(adminConsent="ByService", **apps.request())
    answer = await portal.call("POST", "/api/onboardings", caller=mallory, params=query, json=body)
    document = problem(answer, 422, "invalid-request")
    assert [(each["code"], each["pointer"]) for each in document["errors"]] == [
        ("consent-to-imports", "/adminConsent")
    ]


async def test_an_operator_lets_the_service_consent_to_an_import(portal):
    """What an operator asks for, the service grants."""
    apps = await precreated(portal, user_discovery=True, consent=False)
    await portal.onboarded(
        caller="operator", adminConsent="ByService", userDiscovery={"enabled": True}, **apps.request()
    )
    assert await grants(portal, apps.server["appId"]) == 1
    assert await grants(portal, apps.client["appId"]) == 2


async def test_an_app_that_the_service_created_for_another_cannot_be_imported(portal, mallory, victim):
    """Neither app of another requester's connection can be imported, whatever is known of its secret."""
    hint = (await portal.graph(f"/applications(appId='{victim['serverApp']['clientId']}')"))[
        "passwordCredentials"
    ][0]["hint"]
    server = {"clientId": victim["serverApp"]["clientId"], "secret": f"{hint}this-is-no-secret"}
    client = {"clientId": victim["clientApp"]["clientId"]}
    found = await findings(portal, mallory, serverApp={"existing": server})
    assert found["app-in-use"]["pointer"] == "/serverApp/existing"
    error = await portal.refused(caller=mallory, serverApp={"existing": server})
    assert error["code"] == "app-in-use"
    assert victim["id"] not in str(error)
    apps = await precreated(portal)
    own = apps.request()["serverApp"]
    error = await portal.refused(caller=mallory, serverApp=own, clientApp={"existing": client})
    assert error["code"] == "app-in-use"
    assert await portal.get(f"/api/connections/{victim['id']}", caller="operator") == victim


@pytest.mark.soak
async def test_an_app_that_somebody_registered_first_gets_nothing(portal, mallory):
    """An application with the unique name of an onboarding, and a known secret, is not the service's.

    A member of the tenant registered it before the service did, and added the service to its owners.
    """
    body = portal.request(userDiscovery={"enabled": True})
    async with portal.fault(service="graph", method="POST", path="batch", kind="hold") as fault:
        answer = await portal.call("POST", "/api/onboardings", caller=mallory, json=body)
        onboarding = answer.json()["id"]
        await until(lambda: held(portal, fault), "the preflight to be held")
        wanted = {"displayName": "first", "uniqueName": f"cmg-{onboarding}-server"}
        app = (await portal.look("graph", "POST", "/v1.0/applications", wanted)).json()
        path, owner = f"/v1.0/applications/{app['id']}", portal.info["identity"]["principalId"]
        reference = {"@odata.id": f"{portal.info['graph']}/v1.0/directoryObjects/{owner}"}
        await portal.look("graph", "POST", f"{path}/owners/$ref", reference)
        await portal.look("graph", "POST", f"{path}/addPassword", {"passwordCredential": {}})
    document = await portal.finished(onboarding)
    assert document["error"]["code"] == "app-of-others"
    assert (await portal.graph(f"/applications/{app['id']}"))["identifierUris"] == []
    principals = await portal.graph(f"/servicePrincipals?$filter=appId eq '{app['appId']}'")
    assert principals["value"] == []


async def test_an_app_that_another_imported_cannot_be_imported(portal, mallory):
    """An imported app belongs to the requester who imported it first; that one can import it again."""
    apps, owner = await precreated(portal), await portal.caller("Onboarding.Request")
    await portal.onboarded(caller=owner, **apps.request())
    error = await portal.refused(caller=mallory, **apps.request())
    assert error["code"] == "app-in-use"
    await portal.onboarded(caller=owner, **apps.request())
    await portal.onboarded(caller="operator", **apps.request())


async def test_an_app_that_another_is_importing_cannot_be_imported(portal, mallory):
    """That holds while the first onboarding waits, and ends when it fails."""
    apps, owner = await precreated(portal, consent=False), await portal.caller("Onboarding.Request")
    first = (await portal.post(caller=owner, **apps.request())).json()["id"]
    await _waits(portal, first)
    assert (await portal.refused(caller=mallory, **apps.request()))["code"] == "app-in-use"
    answer = await portal.call("POST", f"/api/onboardings/{first}/cancel", caller="operator")
    await done(portal, answer.json())
    second = (await portal.post(caller=mallory, **apps.request())).json()["id"]
    await _waits(portal, second)


async def test_an_import_that_fails_blocks_nobody(portal, mallory):
    """Someone who names an app without its secret does not keep its owner from importing it."""
    apps, owner = await precreated(portal), await portal.caller("Onboarding.Request")
    wrong = {**apps.request(), "serverApp": {"existing": {"clientId": apps.server["appId"], "secret": "?!x"}}}
    await portal.refused(caller=mallory, **wrong)
    await portal.onboarded(caller=owner, **apps.request())


async def test_consent_stays_while_another_connection_needs_it(portal):
    """Consent that the service gave to two imports of the same apps goes with the last of them."""
    apps = await precreated(portal, consent=False)
    asked = {"caller": "operator", "adminConsent": "ByService"}
    first = await portal.onboarded(**asked, **apps.request())
    second = await portal.onboarded(**asked, **apps.request())
    had = await grants(portal, apps.client["appId"])
    for connection, left, users in ((first, had, [second["id"]]), (second, 0, [])):
        answer = await portal.call("DELETE", f"/api/connections/{connection['id']}", caller="operator")
        operation = await done(portal, answer.json())
        assert all(each["neededBy"] == users for each in operation["leftBehind"])
        assert {each["kind"] for each in operation["leftBehind"]} == ({"consent"} if users else set())
        assert await grants(portal, apps.client["appId"]) == left
    assert had == 2


async def test_the_client_app_of_a_connection_that_another_uses_stays(portal):
    """A connection whose client app another connection imports cannot be off-boarded before that one."""
    first = await portal.onboarded(caller="operator")
    apps = await precreated(portal)
    client = {"existing": {"clientId": first["clientApp"]["clientId"]}}
    answer = await portal.post(caller="operator", serverApp=apps.request()["serverApp"], clientApp=client)
    document = await portal.finished(answer.json()["id"])
    if document["status"] != "Succeeded":  # the client app does not ask for the other server app
        assert document["error"]["code"] == "app-not-conformant"
        return
    problem(
        await portal.call("DELETE", f"/api/connections/{first['id']}", caller="operator"),
        409,
        "server-app-shared",
    )


async def test_only_what_the_same_requester_made_is_purged(portal, mallory):
    """Another requester's deleted application stays, and can still be restored; an operator may purge it.

    Applications of the same name, however many there are, hide nothing of that.
    """
    owner = await portal.caller("Onboarding.Request")
    uri, name = f"api://{portal.info['tenant']}/{unique('cmg')}", unique("popular")
    connection = await portal.onboarded(caller=owner, serverApp={"appIdUri": uri})
    body = {"displayName": name}
    await asyncio.gather(*(portal.look("graph", "POST", "/v1.0/applications", body) for _ in range(60)))
    app = await portal.graph(f"/applications(appId='{connection['serverApp']['clientId']}')")
    await portal.look("graph", "DELETE", f"/v1.0/applications/{app['id']}")
    wanted = {"appIdUri": uri, "onDeleted": "Purge", "name": name}
    error = await portal.refused(caller=mallory, serverApp=wanted)
    (finding,) = [each for each in error["findings"] if each["severity"] == "Error"]
    assert finding["code"] == "uri-held-by-deleted"
    assert app["appId"] not in str(error)
    assert app["id"] not in str(error)
    await portal.graph(f"/directory/deletedItems/{app['id']}")
    for caller in (owner, "operator"):
        assert "deleted-will-be-purged" in await findings(portal, caller, serverApp=wanted)
    await portal.onboarded(caller=owner, serverApp=wanted)


async def test_findings_show_only_that_something_exists(portal, mallory, victim):
    """A requester learns that a name or a URI is taken, and not by whom; the owner and operators learn it."""
    owner = await portal.caller("Onboarding.Request")
    taken = await portal.onboarded(
        caller=owner,
        serverApp={"appIdUri": f"api://{portal.info['tenant']}/{unique('x')}", "name": unique("x")},
    )
    request = {
        "name": taken["name"],
        "serverApp": {"appIdUri": taken["appIdUri"], "name": taken["serverApp"]["name"]},
        "clientApp": {"name": unique()},
    }
    secrets = (taken["id"], taken["serverApp"]["clientId"], victim["id"], victim["name"])
    hidden = await findings(portal, mallory, **request)
    assert {"connection-exists", "uri-in-use", "application-name-in-use"} <= set(hidden)
    assert [text for text in secrets if text in str(hidden)] == []
    for caller in (owner, "operator"):
        shown = await findings(portal, caller, **request)
        assert taken["id"] in shown["connection-exists"]["detail"]
        assert taken["serverApp"]["clientId"] in shown["uri-in-use"]["detail"]
        assert taken["serverApp"]["clientId"] in shown["application-name-in-use"]["detail"]
    other = await findings(portal, mallory, name=unique())
    assert victim["id"] not in str(other)
    assert "tenant-connected" in other


async def test_a_name_that_is_free_again_gives_no_access(portal):
    """An onboarding that shares a connection does not get the one that takes its name later."""
    first, second = [await portal.caller("Onboarding.Request") for _ in range(2)]
    shared = await portal.onboarded(caller=first)
    async with portal.fault(service="graph", method="POST", path="batch", kind="hold") as fault:
        share = {"existing": {"connectionId": shared["id"]}}
        waiting = await portal.accepted(caller=first, serverApp=share)
        await until(lambda: held(portal, fault), "the call to be held")
        answer = await portal.call("DELETE", f"/api/connections/{shared['id']}", caller="operator")
        await done(portal, answer.json())
        document = await portal.finished(await portal.accepted(caller=second, name=shared["name"]))
        assert document["connectionId"] == shared["id"]
    document = await portal.finished(waiting)
    assert document["status"] == "Failed"
    assert document["error"]["code"] == "connection-not-found"


@pytest.mark.parametrize("query", [{}, {"dryRun": "true"}])
async def test_a_secret_that_another_provided_looks_as_if_it_did_not_exist(portal, mallory, query):
    """A requester cannot use the secret of another one's onboarding by its name, nor learn that it exists."""
    theirs, owner = await precreated(portal), await portal.caller("Onboarding.Request")
    connection = await portal.onboarded(caller=owner, **theirs.request())
    name = connection["request"]["serverApp"]["existing"]["vaultSecret"]
    apps, by_hand = await precreated(portal), unique("import-contoso")
    stored = {
        f"{by_hand}-untagged": {},
        f"{by_hand}-owned": {"tags": {"requestedBy": await portal.object_id(owner)}},
        f"{by_hand}-of-app": {"tags": {"tenantId": portal.info["tenant"], "appId": apps.server["appId"]}},
        f"{by_hand}-disabled": {"attributes": {"enabled": False}},
    }
    for secret, more in stored.items():
        body = {"value": apps.secret, **more}
        await portal.look("keyVault", "PUT", f"/secrets/{secret}?api-version=7.5", body)

    async def error(secret: str) -> str:
        wanted = apps.request(vaultSecret=secret)
        if query:
            return str((await findings(portal, mallory, **wanted))["secret-not-in-vault"])
        found = await portal.refused(caller=mallory, **wanted)
        del found["actions"]  # they contain the ID of the onboarding
        return str(found)

    unknown = f"import-{unique()}".lower()
    wanted = await error(unknown)
    for secret in (name, *stored):
        assert (await error(secret)).replace(secret, unknown) == wanted, secret
    again = await portal.onboarded(caller=owner, **theirs.request(vaultSecret=name))
    assert again["secret"]["keyId"] == connection["secret"]["keyId"]
