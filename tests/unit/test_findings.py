from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.cloud.survey import Survey
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Severity
from onboarding.lifecycle.facts import Facts, SubscriptionFacts
from onboarding.lifecycle.findings import findings

TENANT = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
OTHER = "11111111-2222-4333-8444-555555555555"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRANTED = frozenset(
    {
        "Application.ReadWrite.OwnedBy",
        "AppRoleAssignment.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
    }
)


def codes(*, request: Any = None, survey: Any = None, **facts: Any) -> dict[str, Severity]:
    """The codes of a tenant's findings in order, except passed checks, with their severities."""
    body = {"name": "Contoso", "tenantId": TENANT, "subscriptionId": TENANT, **(request or {})}
    usual = {
        "organization": {"verifiedDomains": [{"name": "contoso.com"}]},
        "policy": {"isEnabled": True, "applicationRestrictions": {}},
        "same_names": [],
        "same_uri": [],
        "deleted_with_uri": [],
        "granted": GRANTED,
    }
    known = {
        "request": OnboardingRequest.model_validate_json(json.dumps(body)),
        "onboarding": "1",
        "accepted_at": NOW,
        "same_name": None,
        "neighbour": None,
        "survey": Survey(**{**usual, **(survey or {})}),
    }
    gateway = {
        "record": {"tenantId": TENANT, "state": "Enabled"},
        "providers": {"Microsoft.Compute": "Registered"},
        "permissions": [{"actions": ["*"], "notActions": []}],
    }
    known["subscription"] = SubscriptionFacts(
        **{**gateway, **{name: facts.pop(name) for name in gateway if name in facts}}
    )
    return {each.code: each.severity for each in findings(Facts(**{**known, **facts}))}


def test_nothing_is_found_where_all_is_well():
    """A tenant without problems has no findings, not even information."""
    assert codes() == {}


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({"subscriptionId": None}, {"no-subscription": Severity.INFORMATION}),
        ({"clientApp": None, "disableAuthentication": True}, {"no-client-app": Severity.WARNING}),
    ],
)
def test_what_a_tenant_can_do_without(request_, found):
    """A tenant with only users and devices needs no subscription; one with only the gateway no client app."""
    more = {"subscription": None} if "subscriptionId" in request_ else {}
    assert codes(request=request_, **more) == found


@pytest.mark.parametrize("way", ["Automatic", "ByService", "ByAdministrator"])
def test_nobody_is_asked_to_consent_to_nothing(way):
    """Without client app and discovery, there is nothing to consent to, whatever the service may grant."""
    request = {"clientApp": None, "disableAuthentication": True, "adminConsent": way}
    survey = {"granted": {"Application.ReadWrite.OwnedBy"}}
    assert set(codes(request=request, survey=survey)) == {"no-client-app"}


@pytest.mark.parametrize("tenant", [OTHER, ""])
def test_a_subscription_of_another_tenant(tenant):
    """A subscription that the service can see but that belongs to another tenant is refused."""
    found = codes(record={"tenantId": tenant, "state": "Enabled"})
    assert found == {"subscription-in-other-tenant": Severity.ERROR}


@pytest.mark.parametrize(
    ("state", "usable"),
    [("Enabled", True), ("Warned", True), ("PastDue", True), ("Disabled", False), ("Deleted", False)],
)
def test_a_subscription_that_is_disabled(state, usable):
    """Nothing can be registered in a disabled subscription; one with an unpaid bill still works."""
    found = codes(record={"tenantId": TENANT.upper(), "state": state})
    assert found == ({} if usable else {"subscription-disabled": Severity.ERROR})


GROUPS = {"groupDiscovery": {"enabled": True, "groupNames": ["Berlin"]}}


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({}, {}),
        ({"userDiscovery": {"enabled": True}}, {"consent-not-allowed": Severity.ERROR}),
        (GROUPS, {"consent-not-allowed": Severity.ERROR}),
        (
            {"groupSync": True},
            {
                "consent-not-allowed": Severity.ERROR,
                "group-sync-needs-user-discovery": Severity.WARNING,
            },
        ),
        (
            {"groupSync": True, "userDiscovery": {"enabled": True}},
            {"consent-not-allowed": Severity.ERROR},
        ),
    ],
)
def test_whoever_reads_the_directory_needs_a_role(request_, found):
    """Discovery and synchronization need an application permission, which the service may not grant."""
    survey = {"granted": GRANTED - {"AppRoleAssignment.ReadWrite.All"}}
    assert codes(request={"adminConsent": "ByService", **request_}, survey=survey) == found


def test_what_is_ours_is_no_clash():
    """If the preflight is repeated, the apps that this onboarding has created are not a conflict."""
    app = {"displayName": "ConfigMgr Server Application", "appId": OTHER, "id": OTHER}
    own = {**app, "uniqueName": "cmg-1-server"}
    uri = {"serverApp": {"appIdUri": "https://contoso.com/cmg"}}
    assert codes(request=uri, survey={"same_names": [own], "same_uri": [own]}) == {}
    theirs = {**app, "uniqueName": "cmg-11-server"}
    assert codes(request=uri, survey={"same_names": [theirs], "same_uri": [theirs]}) == {
        "uri-in-use": Severity.ERROR,
        "application-name-in-use": Severity.WARNING,
    }


def test_two_apps_of_one_name_are_a_warning():
    """Entra ID allows it, but people cannot distinguish the two apps; an imported app has its own name."""
    same = {"serverApp": {"name": "Contoso CMG"}, "clientApp": {"name": "contoso cmg"}}
    assert codes(request=same) == {"application-name-in-use": Severity.WARNING}
    imported = {"existing": {"clientId": OTHER, "vaultSecret": "import-s"}}
    assert "application-name-in-use" not in codes(request=same | {"serverApp": imported})


@pytest.mark.parametrize(
    ("makers", "caller", "ours"),
    [
        ({OTHER: "alice"}, {"operates": True}, True),
        ({OTHER: ""}, {"operates": True}, True),
        ({OTHER: "alice"}, {"operates": False, "requester": "alice"}, True),
        ({OTHER: "alice"}, {"operates": False, "requester": "mallory"}, False),
        ({TENANT: "alice"}, {"operates": False, "requester": "alice"}, False),
        ({TENANT: "alice"}, {"operates": True}, False),  # another deployment or a person created it
        ({}, {"operates": True}, False),
    ],
)
def test_only_what_this_deployment_has_made_is_purged(makers, caller, ours):
    """A deleted application is purged only on request, if an onboarding of the requester created it.

    An operator can also purge what another requester's onboarding created, but nothing that this deployment
    did not create.
    """
    holder = {"displayName": "x", "appId": OTHER, "id": OTHER, "uniqueName": f"cmg-{OTHER}-server"}
    survey = {"deleted_with_uri": [holder]}
    app = {"appIdUri": "https://contoso.com/cmg"}
    refused = {f"uri-held-by-{'own-' if ours else ''}deleted": Severity.ERROR}
    who: dict[str, Any] = {"makers": makers, **caller}
    assert codes(request={"serverApp": app}, survey=survey, **who) == refused
    found = codes(request={"serverApp": {**app, "onDeleted": "Purge"}}, survey=survey, **who)
    assert found == ({"deleted-will-be-purged": Severity.WARNING} if ours else refused)


@pytest.mark.parametrize(("unread", "count"), [(("organization",), 1), (("organization", "policy"), 2)])
def test_what_may_not_be_read_is_not_guessed(unread, count):
    """What the service cannot read is reported as not checked, and is not an error."""
    uri = {"serverApp": {"appIdUri": "https://fabrikam.com/cmg"}}
    reasons = dict.fromkeys(unread, "403 Authorization_RequestDenied")
    survey = {**dict.fromkeys(unread), "unread": reasons}
    assert codes(request=uri, survey=survey) == {"not-checked": Severity.INFORMATION}
    more = {"names": "400 Request_UnsupportedQuery", "uri": "403 x", "deleted": "403 x"}
    hidden = {"same_names": None, "same_uri": None, "deleted_with_uri": None}
    assert codes(request=uri, survey={**survey, **hidden, "unread": {**reasons, **more}}) == {
        "not-checked": Severity.INFORMATION
    }
    assert len(unread) == count


@pytest.mark.parametrize(
    ("lifetime", "days", "refused"),
    [
        ("P180D", 180, False),
        ("P180D", 181, True),
        ("P6M", 150, False),
        ("P1Y", 366, True),
        ("P1Y", 300, False),
    ],
)
def test_a_lifetime_is_a_duration(lifetime, days, refused):
    """The longest lifetime of a policy is an ISO 8601 duration; exactly that lifetime is allowed."""
    entry = {"restrictionType": "passwordLifetime", "state": "enabled", "maxLifetime": lifetime}
    policy = {"isEnabled": True, "applicationRestrictions": {"passwordCredentials": [entry]}}
    request = {"serverApp": {"secretEndDate": (NOW + timedelta(days=days)).isoformat()}}
    found = codes(request=request, survey={"policy": policy})
    assert found == ({"secret-lives-too-long": Severity.ERROR} if refused else {})


def test_a_provider_that_is_missing_needs_a_right():
    """Only a provider that is not registered requires the permission to register it."""
    states = {"Microsoft.Compute": "NotRegistered", "Microsoft.Storage": "Registered"}
    assert codes(providers=states) == {"providers-to-register": Severity.INFORMATION}
    reader = [{"actions": ["*/read"], "notActions": []}]
    assert codes(providers=states, permissions=reader) == {"register-not-allowed": Severity.ERROR}
    assert codes(permissions=reader) == {}


@pytest.mark.parametrize(
    ("owned", "request_", "near"),
    [
        (None, {}, False),  # not readable
        (196, {}, False),
        (197, {}, True),
        (249, {}, True),
        (199, {"serverApp": {"existing": {"clientId": OTHER, "vaultSecret": "import-s"}}}, True),
        (198, {"serverApp": {"existing": {"clientId": OTHER, "vaultSecret": "import-s"}}}, False),
    ],
)
def test_the_directory_quota_is_told_before_it_is_reached(owned, request_, near):
    """Each new app is two objects; from 200 of 250, the preflight warns."""
    found = codes(request=request_, survey={"owned": owned})
    assert found.get("directory-quota-near") == (Severity.WARNING if near else None)
