"""Findings of the preflight about the subscription of a gateway."""

from __future__ import annotations

import json

import pytest

from tests.api.dry_runs import findings, said

OTHER = "11111111-2222-4333-8444-555555555555"
VERSION = "api-version=2025-04-01"


READER = [{"actions": ["*/read"], "notActions": []}]


async def test_a_subscription_that_is_not_there(portal):
    """The finding points to a subscription that does not exist, or that the service cannot see."""
    found = await findings(portal, subscriptionId=OTHER)
    assert said(found["subscription-not-found"]) == ("Error", "/subscriptionId")
    async with portal.settings(permissions=[]):
        found = await findings(portal)
    assert said(found["subscription-not-found"]) == ("Error", "/subscriptionId")
    assert "Contributor" in found["subscription-not-found"]["remedy"]


@pytest.mark.parametrize("state", ["Disabled", "Deleted"])
async def test_a_subscription_that_is_disabled(portal, state):
    """A disabled subscription cannot register providers; the finding contains its state."""
    async with portal.settings(subscription={"state": state}):
        found = await findings(portal)
    assert said(found["subscription-disabled"]) == ("Error", "/subscriptionId")
    assert found["subscription-disabled"]["detail"] == f"The subscription has the state {state}."


async def test_a_subscription_with_an_open_bill(portal):
    """A subscription with an unpaid bill still works."""
    async with portal.settings(subscription={"state": "PastDue"}):
        assert "subscription-disabled" not in await findings(portal)


async def test_a_subscription_of_another_tenant(portal):
    """A subscription delegated from another tenant is visible, but refused; the finding names both."""
    async with portal.settings(subscription={"tenantId": OTHER}):
        found = await findings(portal)
    assert said(found["subscription-in-other-tenant"]) == ("Error", "/subscriptionId")
    for tenant in (OTHER, portal.info["tenant"]):
        assert tenant in found["subscription-in-other-tenant"]["detail"]


async def test_providers_that_are_missing(portal):
    """A dry run lists the providers to register and, without the permission, the role that is needed."""
    subscription = f"/subscriptions/{portal.info['subscription']}"
    for namespace in ("Microsoft.Compute", "Microsoft.Network"):
        url = f"{subscription}/providers/{namespace}/unregister?api-version=2025-04-01"
        await portal.look("resourceManager", "POST", url)
    found = await findings(portal)
    assert said(found["providers-to-register"]) == ("Information", "")
    assert "Microsoft.Network, Microsoft.Compute" in found["providers-to-register"]["detail"]
    rest = f"{portal.info['resourceManager']}{subscription}/providers/Microsoft.Authorization/permissions"
    empty = {"value": [], "nextLink": f"{rest}?api-version=2022-04-01"}
    page = {"service": "resourceManager", "path": "/permissions", "find": r"(?s).+", "put": json.dumps(empty)}
    async with portal.fault(kind="rewrite", **page):
        assert "register-not-allowed" not in await findings(portal)  # the second page has the permissions
    async with portal.settings(permissions=READER):
        found = await findings(portal)
    assert said(found["register-not-allowed"]) == ("Error", "/subscriptionId")
    assert "*/register/action" in found["register-not-allowed"]["remedy"]
    assert "providers-to-register" not in found


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([{"actions": ["*"]}], True),
        ([{"actions": ["*/register/action", "*/read"]}], True),
        ([{"actions": ["Microsoft.Compute/*", "*/read"]}], True),
        ([{"actions": ["microsoft.compute/REGISTER/action", "*/read"]}], True),
        ([{"actions": ["*"], "notActions": ["Microsoft.Compute/*"]}], False),
        # What the notActions of one assignment exclude, another assignment can still allow.
        ([{"actions": ["*"], "notActions": ["*/register/action"]}, {"actions": ["*/register/action"]}], True),
        (
            [
                {"actions": ["*/read"], "notActions": []},
                {"actions": ["*"], "notActions": ["*/register/action"]},
            ],
            False,
        ),
    ],
)
async def test_rights_are_read_as_azure_reads_them(portal, permissions, allowed):
    """The service evaluates wildcards, notActions and several assignments as Resource Manager does."""
    providers = f"/subscriptions/{portal.info['subscription']}/providers/Microsoft"
    for namespace in ("KeyVault", "Storage", "Network"):
        await portal.look("resourceManager", "POST", f"{providers}.{namespace}/register?{VERSION}")
    await portal.look("resourceManager", "POST", f"{providers}.Compute/unregister?{VERSION}")
    async with portal.settings(permissions=permissions):
        found = await findings(portal)
    assert ("register-not-allowed" not in found) is allowed
