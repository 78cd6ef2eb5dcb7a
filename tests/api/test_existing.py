"""Applications that already exist: imported, and never changed."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support import golden
from tests.support.portal import Portal, pointers, problem, unique, until
from tests.support.powershell import grammar, lexer
from tests.support.precreated import Precreated, precreated

UNKNOWN = "11111111-2222-4333-8444-555555555555"


async def as_they_are(portal: Portal, apps: Precreated) -> list[bytes]:
    """Both applications and their service principals, byte for byte."""
    paths = [
        path
        for app in (apps.server, apps.client)
        for path in (f"/applications/{app['id']}", f"/servicePrincipals(appId='{app['appId']}')")
    ]
    return [(await portal.look("graph", "GET", f"/v1.0{path}")).content for path in paths]


async def in_vault(portal: Portal, url: str) -> dict[str, Any]:
    """A secret in the vault, with its value."""
    found: dict[str, Any] = (await portal.look("keyVault", "GET", f"{url}?api-version=7.5")).json()
    return found


async def put(portal: Portal, name: str, value: str) -> None:
    """Somebody adds a secret to the vault for the requester."""
    body = {"value": value, "tags": {"requestedBy": await portal.object_id()}}
    await portal.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.5", body)


@pytest.mark.parametrize(
    ("revision", "discovery"),
    [(golden.NEWEST, False), (golden.NEWEST, True), ("2309", False), ("2023-11", False), ("2021", True)],
)
async def test_apps_that_were_made_by_hand_are_imported(portal, revision, discovery):
    """For each revision of the article, the service reads names, URI and expiration from Entra ID."""
    apps = await precreated(portal, revision=revision, user_discovery=discovery)
    before = await as_they_are(portal, apps)
    connection = await portal.onboarded(
        **apps.request(),
        profile=revision,
        configMgrVersion="2211" if revision == "2021" else None,
        userDiscovery={"enabled": discovery},
    )
    assert connection["serverApp"]["clientId"] == apps.server["appId"]
    assert connection["serverApp"]["name"] == apps.server["displayName"]
    assert connection["clientApp"]["clientId"] == apps.client["appId"]
    assert connection["clientApp"]["name"] == apps.client["displayName"]
    server = await portal.graph(f"/applications/{apps.server['id']}")
    assert [connection["appIdUri"]] == server["identifierUris"]
    assert datetime.fromisoformat(connection["secret"]["endsAt"]) == apps.ends_at
    assert await as_they_are(portal, apps) == before
    onboarding = await portal.get(f"/api/onboardings/{connection['onboardingId']}")
    (finding,) = [each for each in onboarding["findings"] if each["code"] == "app-to-update"]
    assert (finding["severity"], finding["pointer"]) == ("Warning", "/serverApp/existing")
    assert finding["detail"].startswith("device-tokens: ")
    assert finding["remedy"].startswith("After the import, ")
    assert "'Update Application Settings'" in finding["remedy"]
    script = (await portal.call("GET", f"/api/connections/{connection['id']}/handover")).text
    assert "Update Application Settings" in script


async def test_what_the_site_sets_after_the_import_is_no_obstacle(portal):
    """A dry run warns that the article does not set device tokens; once they are set, nothing is left."""
    apps = await precreated(portal)
    request = portal.request(**apps.request())
    for enabled, codes in ((None, {"app-to-update"}), (True, set())):
        body = {"isDeviceOnlyAuthSupported": enabled}
        await portal.look("graph", "PATCH", f"/v1.0/applications/{apps.server['id']}", body)
        answer = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
        document = answer.json()
        assert document["wouldFail"] is False
        found = {each["code"] for each in document["findings"] if each["severity"] == "Warning"}
        assert found - {"tenant-connected"} == codes


async def test_whatever_an_imported_app_is_called(portal):
    """An imported app keeps the name that others have chosen; in the script it stays inside its quotes."""
    name = "\u200f'; exit #\u2019 $(x) `\u202e" + "x" * 230
    apps = await precreated(portal, name=name)
    connection = await portal.onboarded(**apps.request())
    assert connection["serverApp"]["name"] == name
    answer = await portal.call("GET", f"/api/connections/{connection['id']}/handover")
    script = answer.content.decode("ascii")
    assert grammar.read(script).faults == []
    said = [each.value for each in lexer.read(script).literals]
    assert said.count(name) == 1
    assert said.count(apps.client["displayName"]) == 1


async def test_a_secret_that_was_provided_is_in_the_vault(portal):
    """The connection points to the secret in the vault, under a descriptive name; only the vault has it."""
    apps = await precreated(portal)
    answer = await portal.post(**apps.request())
    document = await portal.finished(answer.json()["id"])
    existing = document["request"]["serverApp"]["existing"]
    assert "secret" not in existing
    assert existing["vaultSecret"].startswith("import-")
    connection = await portal.get(f"/api/connections/{document['connectionId']}")
    assert f"/secrets/{existing['vaultSecret']}/" in connection["secret"]["vaultSecretId"]
    secret = await in_vault(portal, connection["secret"]["vaultSecretId"])
    assert secret["value"] == apps.secret
    assert secret["tags"]["appId"] == apps.server["appId"]
    assert secret["tags"]["onboarding"] == document["id"]


async def test_a_secret_is_provided_once(portal):
    """The same request with its key answers for the same onboarding and adds nothing to the vault."""
    apps = await precreated(portal)
    request, key = portal.request(**apps.request()), {"Idempotency-Key": unique("key")}
    first = await portal.call("POST", "/api/onboardings", headers=key, json=request)
    await portal.finished(first.json()["id"])
    await portal.control("DELETE", "/calls")
    again = await portal.call("POST", "/api/onboardings", headers=key, json=request)
    assert (again.json()["id"], again.json()["status"]) == (first.json()["id"], "Succeeded")
    assert again.headers["Idempotent-Replayed"] == "true"
    calls = (await portal.control("GET", "/calls?service=keyVault")).json()["value"]
    assert [call for call in calls if call["method"] == "PUT"] == []


async def test_a_secret_that_is_in_the_vault_is_imported(portal):
    """Somebody who may write to the vault names the requester, who passes the secret's name and keeps it."""
    apps, name = await precreated(portal), unique("import-contoso")
    await put(portal, name, apps.secret)
    connection = await portal.onboarded(**apps.request(vaultSecret=name))
    assert f"/secrets/{name}/" in connection["secret"]["vaultSecretId"]
    assert datetime.fromisoformat(connection["secret"]["endsAt"]) == apps.ends_at


async def test_of_several_secrets_the_one_in_the_vault_counts(portal):
    """An application may have other secrets; the expiration is that of the secret in the request."""
    apps = await precreated(portal)
    end = (datetime.now(UTC) + timedelta(days=600)).isoformat(timespec="seconds")
    path = f"/v1.0/applications/{apps.server['id']}/addPassword"
    other = {"passwordCredential": {"endDateTime": end.replace("+00:00", "Z")}}
    while (made := (await portal.look("graph", "POST", path, other)).json())["hint"] == apps.secret[:3]:
        pass
    connection = await portal.onboarded(**apps.request())
    assert connection["secret"]["keyId"] != made["keyId"]
    assert datetime.fromisoformat(connection["secret"]["endsAt"]) == apps.ends_at


@pytest.mark.parametrize("provided", [True, False])
async def test_a_secret_of_another_application_is_refused(portal, provided):
    """A secret of another app is refused in time, whether the request contains it or points to it."""
    apps, others = await precreated(portal), await precreated(portal)
    given = {"secret": others.secret}
    if not provided:
        given = {"vaultSecret": unique("import-others")}
        await put(portal, given["vaultSecret"], others.secret)
    error = await portal.refused(**apps.request(**given))
    assert (error["step"], error["code"]) == ("server-secret", "secret-of-other-app")
    assert "does not match any client secret of the application" in error["detail"]
    assert error["remedy"] == "Specify a client secret of this application."


async def test_a_secret_that_has_ended_is_refused(portal):
    """The expiration in Entra ID counts; it must be in the future, as in the console."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    apps = await precreated(portal, starts_at=start, lifetime=timedelta(days=365))
    error = await portal.refused(**apps.request())
    assert (error["step"], error["code"]) == ("server-secret", "secret-expired")
    assert error["detail"] == "The client secret expired on 2026-01-01."
    assert error["remedy"].startswith("Create a new client secret for the application and specify it")


async def test_a_secret_that_is_not_in_the_vault_is_refused(portal):
    """The answer contains the name of the secret that was not found, and the alternative."""
    apps, name = await precreated(portal), unique("import-nothing")
    error = await portal.refused(**apps.request(vaultSecret=name))
    assert (error["step"], error["code"]) == ("server-secret", "secret-not-in-vault")
    assert error["detail"] == f"Key Vault has no secret named '{name}'."
    assert "serverApp.existing.secret" in error["remedy"]


async def test_an_application_that_does_not_conform_is_refused(portal):
    """Each property that differs from the profile is reported with its impact and its remedy."""
    apps = await precreated(
        portal,
        server={"web": {"redirectUris": []}, "signInAudience": "AzureADMultipleOrgs"},
        client={"isFallbackPublicClient": False},
    )
    before = await as_they_are(portal, apps)
    error = await portal.refused(**apps.request())
    assert (error["step"], error["code"]) == ("server-app", "app-not-conformant")
    found = {each["detail"].partition(":")[0]: each for each in error["findings"]}
    assert set(found) == {"web-redirect", "single-tenant"}
    for finding in found.values():
        assert (finding["code"], finding["pointer"]) == ("app-check-failed", "/serverApp/existing")
        assert finding["remedy"] in error["remedy"]
        assert finding["documentation"].endswith("/manually-register-azure-ad-apps")
    assert "Your server Application needs to be updated" in found["web-redirect"]["detail"]
    assert "http://localhost" in found["web-redirect"]["remedy"]
    for text in (apps.server["displayName"], apps.server["appId"], "single-tenant, web-redirect"):
        assert text in error["detail"]
    assert await as_they_are(portal, apps) == before


async def test_an_application_without_the_permission_for_groups_is_refused(portal):
    """An imported server app that cannot read the directory is no use for group discovery."""
    apps = await precreated(portal)
    groups = {"enabled": True, "groupNames": ["Berlin"]}
    error = await portal.refused(**apps.request(), groupDiscovery=groups)
    (finding,) = error["findings"]
    assert finding["detail"].startswith("permission-Directory.Read.All: ")


async def test_a_client_app_that_does_not_conform_is_refused(portal):
    """The service checks the client app together with its server app."""
    apps, others = await precreated(portal), await precreated(portal)
    request = {"serverApp": apps.request()["serverApp"], "clientApp": others.request()["clientApp"]}
    error = await portal.refused(**request)
    assert (error["step"], error["code"]) == ("client-app", "app-not-conformant")
    (finding,) = error["findings"]
    assert finding["pointer"] == "/clientApp/existing"
    assert finding["detail"].startswith("permission-user_impersonation: ")


async def test_what_does_not_conform_is_found_by_a_dry_run(portal):
    """A dry run reports the same findings."""
    apps = await precreated(portal, server={"signInAudience": "AzureADMultipleOrgs"})
    request = portal.request(**apps.request())
    answer = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
    document = answer.json()
    assert document["wouldFail"] is True
    found = [each for each in document["findings"] if each["code"] == "app-check-failed"]
    assert [each["detail"].partition(":")[0] for each in found] == ["single-tenant"]


@pytest.mark.parametrize("app", ["serverApp", "clientApp"])
async def test_an_application_that_is_not_there_is_refused(portal, app):
    """The answer points to a client ID that does not exist (it may be an object ID)."""
    request = copy.deepcopy((await precreated(portal)).request())
    request[app]["existing"]["clientId"] = UNKNOWN
    error = await portal.refused(**request)
    assert error["code"] == "app-not-found"
    (finding,) = error["findings"]
    assert finding["pointer"] == f"/{app}/existing"
    assert finding["detail"] == f"The tenant has no application with the client ID {UNKNOWN}."
    assert "not the object ID" in error["remedy"]
    assert error["requestId"]


async def test_an_application_without_a_service_principal_is_refused(portal):
    """The error names the application, and what to create."""
    apps = await precreated(portal)
    principal = await portal.graph(f"/servicePrincipals(appId='{apps.client['appId']}')")
    await portal.look("graph", "DELETE", f"/v1.0/servicePrincipals/{principal['id']}")
    error = await portal.refused(**apps.request())
    assert (error["step"], error["code"]) == ("client-principal", "principal-not-found")
    assert error["args"] == {"app": apps.client["appId"]}
    assert "Create the service principal" in error["remedy"]


async def test_only_one_of_the_two_may_be_there_already(portal):
    """An imported server app gets a new client app."""
    apps = await precreated(portal)
    asked = {"caller": "operator", "adminConsent": "ByService"}
    connection = await portal.onboarded(serverApp=apps.request()["serverApp"], **asked)
    client = await portal.graph(f"/applications/{connection['clientApp']['objectId']}")
    (resource,) = [each for each in client["requiredResourceAccess"] if each["resourceAppId"] != golden.GRAPH]
    assert resource["resourceAppId"] == apps.server["appId"]


async def test_one_application_is_not_server_and_client(portal):
    """Wherever the server app comes from, the client app is another one: refused before anything is made."""
    first = await portal.onboarded()
    both = {"existing": {"clientId": first["serverApp"]["clientId"]}}
    for existing in (
        {"connectionId": first["id"]},
        {"clientId": first["serverApp"]["clientId"].upper(), "secret": "hunter2-hunter2"},
    ):
        answer = await portal.post(serverApp={"existing": existing}, clientApp=both)
        document = problem(answer, 422, "invalid-request")
        assert pointers(document) == {"/clientApp/existing/clientId"}
        assert "different applications" in document["errors"][0]["detail"]


async def test_the_site_uses_one_of_several_app_id_uris(portal):
    """The service does not guess which: the request names it, and a connection that shares the app has it."""
    apps = await precreated(portal)
    (first,) = (await portal.graph(f"/applications/{apps.server['id']}"))["identifierUris"]
    second = f"https://contoso.com/{unique('Second')}"
    body = {"identifierUris": [first, second]}
    await portal.look("graph", "PATCH", f"/v1.0/applications/{apps.server['id']}", body)

    async def found(app_id_uri: str | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        wanted = apps.request()
        wanted["serverApp"]["existing"]["appIdUri"] = app_id_uri
        request = portal.request(**wanted)
        answer = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
        assert answer.status_code == 200, answer.text
        return wanted, [each for each in answer.json()["findings"] if each["severity"] == "Error"]

    for unclear in (None, "https://contoso.com/third", f"{first}, {second}"):
        _, (finding,) = await found(unclear)
        assert (finding["code"], finding["pointer"]) == ("app-id-uri-unclear", "/serverApp/existing/appIdUri")
        assert first in finding["detail"]
        assert second in finding["detail"]
    wanted, errors = await found(f"{second.upper().replace('HTTPS', 'https')}/")
    assert errors == []
    connection = await portal.onboarded(**wanted)
    assert connection["appIdUri"] == second
    sharing = await portal.onboarded(
        serverApp={"existing": {"connectionId": connection["id"]}}, clientApp=wanted["clientApp"]
    )
    assert sharing["appIdUri"] == second


async def test_an_app_that_is_being_removed_cannot_be_imported(portal):
    """A dry run finds that the application is about to be deleted, and names the field."""
    made = await portal.onboarded()
    secret = (await in_vault(portal, made["secret"]["vaultSecretId"]))["value"]
    wanted = {"existing": {"clientId": made["serverApp"]["clientId"], "secret": secret}}
    path = f"/api/connections/{made['id']}"
    async with portal.fault(service="graph", method="DELETE", path="/applications/", kind="hold"):
        assert (await portal.call("DELETE", path)).status_code == 202

        async def removing() -> bool:
            return bool((await portal.get(path))["state"] == "Removing")

        await until(removing, "the removal")
        request = portal.request(serverApp=wanted)
        answer = await portal.call("POST", "/api/onboardings", params={"dryRun": "true"}, json=request)
    errors = [each for each in answer.json()["findings"] if each["severity"] == "Error"]
    assert [(each["code"], each["pointer"]) for each in errors] == [("app-removing", "/serverApp/existing")]
