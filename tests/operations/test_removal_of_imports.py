"""The removal of imported apps: they are kept, and what the service granted to them is revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from onboarding.cmg.permissions import MICROSOFT_GRAPH
from tests.support.operations import done, in_vault, listed, operate, signs_in, step
from tests.support.portal import Portal, problem, until
from tests.support.precreated import precreated


async def test_imported_apps_are_kept(portal):
    """After a removal, imported apps are unchanged and keep their secret."""
    first = await portal.onboarded(userDiscovery={"enabled": True})
    secret = await in_vault(portal, first["secret"]["vaultSecretId"])
    server, client = first["serverApp"]["clientId"], first["clientApp"]["clientId"]
    before = await portal.graph(f"/applications(appId='{server}')")
    imported = await portal.onboarded(
        serverApp={"existing": {"clientId": server, "secret": secret}},
        clientApp={"existing": {"clientId": client}},
    )
    kept = imported["request"]["serverApp"]["existing"]["vaultSecret"]
    sharing = await portal.onboarded(  # only an operator's onboarding grants consent to imported apps
        caller="operator",
        adminConsent="ByService",
        serverApp={"existing": {"connectionId": imported["id"]}},
    )
    answer = await portal.call("DELETE", f"/api/connections/{imported['id']}", caller="operator")
    assert sharing["name"] in problem(answer, 409, "server-app-shared")["detail"]
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{sharing['id']}"))
    assert await in_vault(portal, imported["secret"]["vaultSecretId"]) == secret
    await done(portal, await operate(portal, "DELETE", f"/api/connections/{imported['id']}"))
    assert await portal.graph(f"/applications(appId='{server}')") == before
    assert await signs_in(portal, server, secret)
    with pytest.raises(AssertionError):
        await portal.look("keyVault", "GET", f"/secrets/{kept}?api-version=7.5")
    grants = await portal.graph(
        f"/servicePrincipals/{first['clientApp']['servicePrincipalId']}/oauth2PermissionGrants"
    )
    assert len(grants["value"]) == 2, "granted before the import, so they are kept"


async def test_grants_that_the_directory_does_not_show_yet_are_revoked(portal):
    """A removal right after the consent to imported apps waits until the directory shows the grants."""
    apps = await precreated(portal, user_discovery=True, consent=False)
    client = (await portal.graph(f"/servicePrincipals(appId='{apps.client['appId']}')"))["id"]
    server = (await portal.graph(f"/servicePrincipals(appId='{apps.server['appId']}')"))["id"]
    wishes = {"adminConsent": "ByService", "userDiscovery": {"enabled": True}, **apps.request()}
    await portal.control("PUT", "/lag", {"grants": 1})
    try:
        connection = await portal.onboarded(caller="operator", **wishes)
        await done(portal, await operate(portal, "DELETE", f"/api/connections/{connection['id']}"))
    finally:
        await portal.control("PUT", "/lag", {"grants": 0})
    assert (await portal.graph(f"/servicePrincipals/{client}/oauth2PermissionGrants"))["value"] == []
    assert (await portal.graph(f"/servicePrincipals/{server}/appRoleAssignments"))["value"] == []


@pytest.mark.parametrize("times", [1, None], ids=["succeeds later", "is cancelled"])
async def test_grants_whose_answer_was_lost_are_revoked(portal, moved, times):
    """Grants on imported apps belong to the service even without a response; earlier grants are kept.

    It does not matter that the directory lists each on a page of its own, after an empty page.
    """
    apps = await precreated(portal, user_discovery=True, consent=False)
    client = (await portal.graph(f"/servicePrincipals(appId='{apps.client['appId']}')"))["id"]
    graph = (await portal.graph(f"/servicePrincipals(appId='{MICROSOFT_GRAPH}')"))["id"]
    theirs = {"clientId": client, "consentType": "AllPrincipals", "resourceId": graph, "scope": "User.Read"}
    await portal.look("graph", "POST", "/v1.0/oauth2PermissionGrants", theirs)
    lost = {"service": "graph", "method": "POST", "path": "oauth2PermissionGrants$|appRoleAssignedTo$"}
    wishes = {"adminConsent": "ByService", "userDiscovery": {"enabled": True}, **apps.request()}
    async with (
        portal.settings(scatteredLists=True),
        portal.fault(**lost, kind="drop", when="after", times=times),
    ):
        onboarding = await portal.accepted(caller="operator", **wishes)
        path = f"/api/onboardings/{onboarding}"
        if times is None:
            await until(lambda: _granted(portal, client), "the grant")
            removal = await operate(portal, "POST", f"{path}/cancel")
            await step(portal, f"/api/operations/{removal['id']}", "consent", "Waiting")
            await moved(timedelta(minutes=3))  # some grants were noted but not made: they never show
        else:
            connection = (await portal.finished(onboarding))["connectionId"]
            removal = await operate(portal, "DELETE", f"/api/connections/{connection}")
        await done(portal, removal)
    grants = await portal.graph(f"/servicePrincipals/{client}/oauth2PermissionGrants")
    assert [grant["scope"] for grant in grants["value"]] == ["User.Read"]
    server = (await portal.graph(f"/servicePrincipals(appId='{apps.server['appId']}')"))["id"]
    assert (await portal.graph(f"/servicePrincipals/{server}/appRoleAssignments"))["value"] == []


async def _granted(portal: Portal, client: str) -> bool:
    """Whether the client app has the permission of the server app."""
    grants = await listed(portal, f"/servicePrincipals/{client}/oauth2PermissionGrants")
    return any(grant["scope"] == "user_impersonation" for grant in grants)
