"""A renewal under the app management policies of a tenant and of an application."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.operations.renewals import (
    confirm,
    renewal,
    secrets,
)
from tests.support.operations import (
    ended,
    operate,
)


async def test_a_policy_that_forbids_the_secret_is_reported(portal):
    """The service checks the tenant's policy before it creates a secret."""
    connection = await portal.onboarded()
    restriction = {"restrictionType": "passwordLifetime", "maxLifetime": "P180D", "state": "enabled"}
    policies = {
        "isEnabled": True,
        "applicationRestrictions": {"passwordCredentials": [restriction]},
    }
    async with portal.settings(policies=policies):
        path = f"/api/connections/{connection['id']}/renewals"
        failed = await ended(portal, await operate(portal, "POST", path))
        assert failed["error"]["code"] == "secret-refused"
        (found,) = failed["error"]["findings"]
        assert (found["code"], found["pointer"]) == ("secret-lives-too-long", "/secretEndDate")
        failed = await ended(portal, await operate(portal, "POST", path, json={"secretValidity": "P2Y"}))
        assert failed["error"]["findings"][0]["pointer"] == "/secretValidity", "the field that was sent"
        assert len(await secrets(portal, connection)) == 1
        end = (datetime.now(UTC) + timedelta(days=90)).isoformat()
        await confirm(portal, connection, await renewal(portal, connection, secretEndDate=end))


async def test_a_policy_for_newer_applications_does_not_stop_a_renewal(portal):
    """A restriction applies to applications that were created on or after its date.

    A restriction that exempts callers by attributes causes a warning of the renewal, and Graph decides.
    """
    connection = await portal.onboarded()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    later = {"restrictionType": "passwordAddition", "restrictForAppsCreatedAfterDateTime": tomorrow}
    exempt = {"id": "Provisioning_Tool", "operator": "equals", "value": "cmg"}
    actors = {"customSecurityAttributes": [exempt]}
    short = {"restrictionType": "passwordLifetime", "maxLifetime": "P30D", "excludeActors": actors}
    restrictions = [later | {"state": "enabled"}, short | {"state": "enabled"}]
    policies = {"isEnabled": True, "applicationRestrictions": {"passwordCredentials": restrictions}}
    async with portal.settings(policies=policies, identityAttributes={"Provisioning_Tool": "cmg"}):
        operation = await renewal(portal, connection)
        (found,) = (await portal.get(f"/api/operations/{operation['id']}", caller="operator"))["findings"]
        assert (found["code"], found["severity"]) == ("policy-undecided", "Warning")
        await confirm(portal, connection, operation)
    events = await portal.all(f"/api/operations/{operation['id']}/events", caller="operator")
    assert any(found["detail"] == event.get("detail") for event in events)


async def test_a_policy_of_the_application_counts_before_that_of_the_tenant(portal):
    """A policy that is assigned to the application replaces the tenant's, restriction by restriction."""
    connection = await portal.onboarded()
    short = {"restrictionType": "passwordLifetime", "maxLifetime": "P30D", "state": "enabled"}
    long = {"displayName": "CMG", "isEnabled": True}
    long["restrictions"] = {"passwordCredentials": [short | {"maxLifetime": "P800D"}]}
    own = (await portal.look("graph", "POST", "/v1.0/policies/appManagementPolicies", long)).json()
    app = f"/v1.0/applications/{connection['serverApp']['objectId']}"
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/policies/appManagementPolicies/{own['id']}"}
    await portal.look("graph", "POST", f"{app}/appManagementPolicies/$ref", reference)
    policies = {"isEnabled": True, "applicationRestrictions": {"passwordCredentials": [short]}}
    async with portal.settings(policies=policies):
        await confirm(portal, connection, await renewal(portal, connection))
