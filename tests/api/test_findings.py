"""Each finding of the preflight: a test brings the cloud into its state and reads it in a dry run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from onboarding.errors.catalogue import FINDINGS
from tests.api.dry_runs import findings, said
from tests.support.portal import Portal, unique


def policy(area: str, restriction: Any) -> dict[str, Any]:
    """An app management policy with one restriction."""
    return {"isEnabled": True, "applicationRestrictions": {area: restriction}}


async def application(portal: Portal, **body: Any) -> dict[str, Any]:
    """An application that somebody else has made."""
    document = {"displayName": unique("theirs"), "signInAudience": "AzureADMyOrg", **body}
    made: dict[str, Any] = (await portal.look("graph", "POST", "/v1.0/applications", document)).json()
    return made


async def test_a_tenant_in_order_has_nothing_to_change(portal):
    """Without a problem a dry run reports only what will happen."""
    found = await findings(portal)
    assert {each["severity"] for each in found.values()} <= {"Warning", "Information"}
    assert set(found) <= {"providers-to-register", "tenant-connected"}


async def test_a_connection_of_that_name(portal):
    """The finding points to the name, and contains the connection that has it."""
    existing = await portal.onboarded()
    found = await findings(portal, name=existing["name"])
    assert said(found["connection-exists"]) == ("Error", "/name")
    assert existing["id"] in found["connection-exists"]["detail"]


async def test_a_tenant_that_is_connected(portal):
    """A second connection of a tenant is probably a mistake; the finding contains the first one."""
    await portal.onboarded()
    found = await findings(portal)
    assert said(found["tenant-connected"]) == ("Warning", "/tenantId")
    assert portal.info["tenant"] in found["tenant-connected"]["detail"]


@pytest.mark.parametrize("app", ["serverApp", "clientApp"])
async def test_an_application_of_that_name(portal, app):
    """Two applications with the same name are allowed, and reported as hard to distinguish.

    The directory can spread them over pages, and the first page can be empty.
    """
    theirs = await application(portal, displayName=unique("O'Brien & Co"))
    async with portal.settings(scatteredLists=True):
        found = await findings(portal, **{app: {"name": theirs["displayName"]}})
    assert said(found["application-name-in-use"]) == ("Warning", f"/{app}/name")
    assert theirs["appId"] in found["application-name-in-use"]["detail"]


async def test_a_domain_of_somebody_else(portal):
    """The finding points to the App ID URI, and lists the verified domains."""
    found = await findings(portal, serverApp={"appIdUri": "https://fabrikam.com/cmg"})
    assert said(found["domain-not-verified"]) == ("Error", "/serverApp/appIdUri")
    assert "contoso.com" in found["domain-not-verified"]["detail"]


@pytest.mark.parametrize("uri", ["api://{tenant}/cmg", "https://contoso.com/cmg"])
async def test_a_policy_that_allows_default_uris_only(portal, uri):
    """The policy refuses both recommended forms of the URI; the finding proposes one that it accepts."""
    restriction = {"nonDefaultUriAddition": {"state": "enabled"}}
    tenant = portal.info["tenant"]
    async with portal.settings(policies=policy("identifierUris", restriction)):
        found = await findings(portal, serverApp={"appIdUri": uri.format(tenant=tenant)})
        assert said(found["uri-not-default"]) == ("Error", "/serverApp/appIdUri")
        assert f"api://{tenant}/{{clientId}}" in found["uri-not-default"]["remedy"]
        assert "uri-not-default" not in await findings(portal)
        await portal.onboarded()  # as the remedy proposes: without an App ID URI in the request


async def test_a_uri_that_is_taken(portal):
    """The finding contains the application that has the App ID URI."""
    uri = f"https://contoso.com/{unique()}"
    theirs = await application(portal, identifierUris=[uri])
    found = await findings(portal, serverApp={"appIdUri": uri})
    assert said(found["uri-in-use"]) == ("Error", "/serverApp/appIdUri")
    assert theirs["appId"] in found["uri-in-use"]["detail"]


async def test_a_uri_that_a_deleted_application_keeps(portal):
    """A deleted application keeps its URI for 30 days; the remedy describes how to free it, and works.

    Another deployment of the service, or a person, created it with a name as this service gives it. Not even
    an operator can have it purged.
    """
    uri = f"https://contoso.com/{unique()}"
    theirs = await application(portal, identifierUris=[uri], uniqueName=f"cmg-{uuid4()}-server")
    await portal.look("graph", "DELETE", f"/v1.0/applications/{theirs['id']}")
    found = await findings(portal, serverApp={"appIdUri": uri})
    assert said(found["uri-held-by-deleted"]) == ("Error", "/serverApp/appIdUri")
    assert theirs["appId"] in found["uri-held-by-deleted"]["detail"]
    assert theirs["id"] in found["uri-held-by-deleted"]["remedy"]
    assert "onDeleted" not in found["uri-held-by-deleted"]["remedy"]
    unmoved = await findings(portal, serverApp={"appIdUri": uri, "onDeleted": "Purge"})
    assert unmoved["uri-held-by-deleted"] == found["uri-held-by-deleted"]
    await portal.look("graph", "DELETE", f"/v1.0/directory/deletedItems/{theirs['id']}")
    assert "uri-held-by-deleted" not in await findings(portal, serverApp={"appIdUri": uri})


async def test_a_uri_that_a_deleted_application_of_ours_keeps(portal):
    """The service offers to delete its own deleted app permanently; lost answers and lag do not matter."""
    uri = f"https://contoso.com/{unique()}"
    ours = (await portal.onboarded(serverApp={"appIdUri": uri}))["serverApp"]
    await portal.look("graph", "DELETE", f"/v1.0/applications/{ours['objectId']}")
    found = await findings(portal, serverApp={"appIdUri": uri})
    assert said(found["uri-held-by-own-deleted"]) == ("Error", "/serverApp/appIdUri")
    for offer in (
        "serverApp.onDeleted to 'Purge'",
        f"restore the application ({ours['objectId']})",
    ):
        assert offer in found["uri-held-by-own-deleted"]["remedy"]
    purge = {"serverApp": {"appIdUri": uri, "onDeleted": "Purge"}}
    found = await findings(portal, **purge)
    assert "uri-held-by-own-deleted" not in found
    assert said(found["deleted-will-be-purged"]) == ("Warning", "/serverApp/onDeleted")
    assert ours["clientId"] in found["deleted-will-be-purged"]["detail"]
    await portal.graph(f"/directory/deletedItems/{ours['objectId']}")  # a dry run deletes nothing
    taken = {
        "code": "Request_BadRequest",
        "message": "Another object with the same value for property identifierUris already exists.",
    }
    lost = {"method": "DELETE", "path": "deletedItems", "kind": "drop", "when": "after"}
    refused = {"method": "POST", "path": "/applications$", "kind": "status", "status": 400, **taken}
    async with (
        portal.fault(service="graph", **lost) as first,
        portal.fault(service="graph", **refused) as second,
    ):
        connection = await portal.onboarded(**purge)
        for fault in (first, second):
            assert (await portal.control("GET", f"/faults/{fault}")).json()["hits"] == 1
    assert connection["appIdUri"] == uri
    deleted = (await portal.graph("/directory/deletedItems/microsoft.graph.application?$top=999"))["value"]
    assert ours["objectId"] not in {each["id"] for each in deleted}


async def test_a_policy_without_secrets(portal):
    """Where the policy forbids secrets, no field helps; the finding contains the app to exempt."""
    restriction = [{"restrictionType": "passwordAddition", "state": "enabled", "maxLifetime": None}]
    async with portal.settings(policies=policy("passwordCredentials", restriction)):
        found = await findings(portal)
    assert said(found["secrets-forbidden"]) == ("Error", "")


EXEMPT = {"customSecurityAttributes": [{"id": "Provisioning_Tool", "operator": "equals", "value": "cmg"}]}


async def test_a_policy_for_newer_applications(portal):
    """A restriction that starts later does not count; what is created on or after its date is restricted."""
    restriction = {"restrictionType": "passwordAddition", "state": "enabled", "maxLifetime": None}
    for since, allowed in (("2099-01-01T00:00:00Z", True), ("2020-01-01T00:00:00Z", False)):
        dated = [restriction | {"restrictForAppsCreatedAfterDateTime": since}]
        async with portal.settings(policies=policy("passwordCredentials", dated)):
            assert ("secrets-forbidden" not in await findings(portal)) is allowed
            if allowed:
                await portal.onboarded()


async def test_a_policy_that_exempts_some_callers(portal):
    """The service cannot read who is exempt: it warns, and Graph decides, for secrets and for URIs."""
    restriction = {"restrictionType": "passwordAddition", "state": "enabled", "excludeActors": EXEMPT}
    uris = {"nonDefaultUriAddition": {"state": "enabled", "excludeActors": EXEMPT}}
    restrictions = {"passwordCredentials": [restriction], "identifierUris": uris}
    policies = {"isEnabled": True, "applicationRestrictions": restrictions}
    wanted = {"serverApp": {"appIdUri": f"https://contoso.com/{unique()}"}}
    async with portal.settings(policies=policies):
        found = await findings(portal, **wanted)
        assert {"secrets-forbidden", "uri-not-default"}.isdisjoint(found)
        assert found["policy-undecided"]["severity"] == "Warning"
        assert "custom security attributes" in found["policy-undecided"]["detail"]
        async with portal.settings(identityAttributes={"Provisioning_Tool": "cmg"}):
            await portal.onboarded(**wanted)
        error = await portal.withheld()
    assert (error["step"], error["code"]) == (
        "server-secret",
        "credential-type-not-allowed-as-per-app-policy",
    )
    assert "excludeActors" in error["remedy"]


async def test_a_policy_with_short_secrets(portal):
    """The finding contains the longest lifetime, as a duration and as the last possible date."""
    restriction = [{"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": "P180D"}]
    async with portal.settings(policies=policy("passwordCredentials", restriction)):
        found = await findings(portal)
    assert said(found["secret-lives-too-long"]) == ("Error", "/serverApp/secretEndDate")
    assert "P180D" in found["secret-lives-too-long"]["detail"]
    assert re.search(r"before \d{4}-\d\d-\d\d\.", found["secret-lives-too-long"]["remedy"])


@pytest.fixture
async def least(portal):
    """A service whose identity may only read applications."""
    async with portal.settings(identityRoles=["Application.Read.All"]):
        await portal.restart_host()  # an earlier token would still contain the roles
        yield portal
    await portal.restart_host()


async def test_what_a_request_leaves_out(portal):
    """A request without subscription, client app or user discovery is described as what it is."""
    found = await findings(portal, subscriptionId=None)
    assert said(found["no-subscription"]) == ("Information", "/subscriptionId")
    assert "providers-to-register" not in found
    found = await findings(portal, clientApp=None, disableAuthentication=True)
    assert said(found["no-client-app"]) == ("Warning", "/clientApp")
    found = await findings(portal, groupSync=True)
    assert said(found["group-sync-needs-user-discovery"]) == ("Warning", "/groupSync")


async def test_permissions_that_the_service_lacks(least):
    """Each finding contains the name of the permission that the service needs, even to check."""
    found = await findings(least, adminConsent="ByService", userDiscovery={"enabled": True})
    assert said(found["graph-permission-missing"]) == ("Error", "")
    assert "Application.ReadWrite.OwnedBy" in found["graph-permission-missing"]["remedy"]
    assert said(found["consent-not-allowed"]) == ("Error", "/adminConsent")
    for permission in ("DelegatedPermissionGrant.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"):
        assert permission in found["consent-not-allowed"]["detail"]
    assert said(found["not-checked"]) == ("Information", "")
    without = await findings(least, adminConsent="ByService")
    assert "AppRoleAssignment.ReadWrite.All" not in without["consent-not-allowed"]["detail"]
    automatic = await findings(least)
    assert "consent-not-allowed" not in automatic
    assert said(automatic["administrator-will-be-asked"]) == ("Information", "/adminConsent")
    assert said(automatic["consent-not-visible"]) == ("Information", "/adminConsent")
    assert "Directory.Read.All" in automatic["consent-not-visible"]["remedy"]


@pytest.mark.parametrize(
    ("part", "status"),
    [
        ("organization", 429),
        ("policy", 503),
        ("names", 500),
        ("owned", 429),
        ("uri", 503),
        ("deleted", 400),
        ("registrations", 503),
        ("permissions", 404),
    ],
)
async def test_a_part_that_cannot_be_read(portal, part, status):
    """Whatever the reason, each part of the tenant or the subscription is reported as not checked."""
    path = {"registrations": "/providers\\?", "permissions": "/permissions"}.get(part)
    answer = {"find": rf'("id": ?"{part}", ?"status": ?)200', "put": rf"\g<1>{status}"}
    fault = (
        {"service": "resourceManager", "path": path, "kind": "status", "status": status}
        if path
        else {"service": "graph", "path": "batch", "kind": "rewrite", **answer}
    )
    async with portal.fault(**fault, times=None):
        found = await findings(portal, serverApp={"appIdUri": f"https://contoso.com/{unique()}"})
    assert not {"register-not-allowed", "domain-not-verified"} & found.keys()
    assert said(found["subscription-not-checked" if path else "not-checked"])[0] == "Information"


async def test_an_administrator_who_will_be_asked(portal):
    """The requester learns in advance that the onboarding will wait, and who can consent."""
    found = await findings(portal, adminConsent="ByAdministrator")
    assert said(found["administrator-will-be-asked"]) == ("Information", "/adminConsent")
    assert "administrator-will-be-asked" not in await findings(portal)


async def test_group_synchronization_without_user_discovery(portal):
    """Collections are synchronized only with users that discovery has found."""
    found = await findings(portal, groupSync=True)
    assert said(found["group-sync-needs-user-discovery"])[0] == "Warning"
    discovered = await findings(portal, groupSync=True, userDiscovery={"enabled": True})
    assert "group-sync-needs-user-discovery" not in discovered


def test_each_finding_has_its_test():
    """For each finding that exists, a test here (or of imports) brings the cloud into its state."""
    here = Path(__file__)
    names = (
        "test_existing.py",
        "test_sharing.py",
        "test_names.py",
        "test_parties.py",
        "test_subscription_findings.py",
    )
    files = [here, *map(here.with_name, names)]
    files += [here.parents[1] / "tenants" / "test_sign_in.py", here.parents[1] / "operations/test_vault.py"]
    texts = "".join(file.read_text(encoding="utf-8") for file in files)
    missing = {kind.code for kind in FINDINGS if f'"{kind.code}"' not in texts}
    assert not missing, "bring the local cloud into the state of each, and look at what a person reads"


async def test_the_directory_quota_is_counted_and_waited_for(portal):
    """Near the quota the preflight warns; at the quota an onboarding waits until there is space again."""
    identity = portal.info["identity"]["principalId"]
    path = f"/servicePrincipals/{identity}/ownedObjects?$count=true&$top=1"
    token = await portal.token("administrator", "https://graph.microsoft.com")
    headers = {"Authorization": f"Bearer {token}", "ConsistencyLevel": "eventual"}
    answer = await portal.http.get(f"{portal.info['graph']}/v1.0{path}", headers=headers)
    owned = answer.json()["@odata.count"]
    found = await findings(portal)
    assert ("directory-quota-near" in found) is (owned + 4 > 200)
    async with portal.settings(directoryQuota=1):
        onboarding = await portal.accepted()
        error = (await portal.blocked(onboarding))["error"]
        assert (error["step"], error["code"]) == ("server-app", "directory-quota-exceeded")
        assert error["actor"] == "Operator"
    assert (await portal.finished(onboarding))["status"] == "Succeeded"
