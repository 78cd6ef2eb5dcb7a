from __future__ import annotations

import json

import pytest

from onboarding.cmg.renewal_request import RenewalRequest
from tests.unit.wizard import NOW, conflicts, faults, read


@pytest.mark.parametrize("environment", ["AzurePublicCloud", "AzureUSGovernmentCloud"])
@pytest.mark.parametrize("version", [None, "2010", "2111", "2203", "2909"])
def test_a_classic_service_is_refused_with_the_date_of_its_retirement(environment, version):
    """No version can deploy a cloud service (classic) any longer: the refusal contains the date."""
    found = conflicts(azureEnvironment=environment, deploymentModel="CloudService", configMgrVersion=version)
    assert set(found) == {"/deploymentModel"}
    assert "August 31, 2024" in found["/deploymentModel"]
    assert "VirtualMachineScaleSet" in found["/deploymentModel"]


def test_validity_and_end_date_exclude_each_other():
    """Each of the two fields is valid, but together they are a conflict."""
    found = conflicts(serverApp={"secretValidity": "P2Y", "secretEndDate": "2026-09-01T00:00:00Z"})
    assert set(found) == {"/serverApp/secretEndDate"}
    assert "Specify either secretValidity or secretEndDate." in found["/serverApp/secretEndDate"]


def test_a_stored_request_with_a_classic_service_is_read():
    """A request that was stored before the retirement can be read; it needs no resource provider."""
    request = read(deploymentModel="CloudService", configMgrVersion="2111")
    assert (str(request.deployment_model), request.providers) == ("CloudService", ())


@pytest.mark.parametrize(
    ("environment", "version", "first"),
    [
        ("AzurePublicCloud", "2010", "2107"),
        ("AzurePublicCloud", "2103", "2107"),
        ("AzurePublicCloud", "2107", None),
        ("AzurePublicCloud", "2203", None),
        ("AzureUSGovernmentCloud", "2107", "2111"),
        ("AzureUSGovernmentCloud", "2111", None),
        ("AzureUSGovernmentCloud", None, None),
    ],
)
def test_a_scale_set_needs_a_version_that_supports_it(environment, version, first):
    """Scale sets need version 2107, and 2111 in US Government; the error contains the version."""
    found = conflicts(azureEnvironment=environment, configMgrVersion=version)
    assert set(found) == ({"/deploymentModel"} if first else set())
    if first:
        assert (
            f"requires version {first} or later. The site has version {version}." in found["/deploymentModel"]
        )


@pytest.mark.parametrize(
    ("profile", "version", "reason"),
    [
        ("2021", "2211", ""),
        ("2021", "2303", ""),
        ("2021", "2309", "for versions before 2309"),
        ("2021", None, "for versions before 2309"),
        ("2023-11", None, ""),
        ("2309", "2409", ""),
        ("2026-08", "2309", ""),
        ("2023-11", "2303", "for version 2309 or later, not for version 2303"),
        ("2309", "2211", "for version 2309 or later, not for version 2211"),
        ("2026-08", "2211", "for version 2309 or later, not for version 2211"),
    ],
)
def test_a_profile_can_be_chosen_for_its_versions(profile, version, reason):
    """A revision that does not fit the site's version is refused with the reason and the right one."""
    found = conflicts(profile=profile, configMgrVersion=version)
    assert set(found) == ({"/profile"} if reason else set())
    assert reason in found.get("/profile", "")
    assert read(profile=profile, configMgrVersion=version).profile.name == profile


def test_the_available_profiles_are_listed():
    """The error for a misspelt profile lists the profiles."""
    assert faults(profile="2022")["profile"].startswith(
        "The value must be one of these: 2021, 2023-11, 2309, 2026-08."
    )


def test_all_conflicts_are_reported_together():
    """Group discovery without groups, and collections without user authentication, are refused together."""
    found = conflicts(
        deploymentModel="CloudService",
        groupDiscovery={"enabled": True},
        groupSync=True,
        disableAuthentication=True,
    )
    assert set(found) == {"/deploymentModel", "/groupDiscovery/groupNames", "/disableAuthentication"}
    assert all(detail.endswith(".") for detail in found.values())


@pytest.mark.parametrize("group", [{"enabled": False}, {"enabled": True, "groupNames": ["All"]}])
@pytest.mark.parametrize(("sync", "disabled"), [(True, False), (False, True)])
def test_each_field_alone_is_valid(group, sync, disabled):
    """Only the combination is refused."""
    assert conflicts(groupDiscovery=group, groupSync=sync, disableAuthentication=disabled) == {}


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"subscriptionId": None}, set()),
        ({"subscriptionId": None, "configMgrVersion": "2010"}, set()),
        ({"disableAuthentication": True}, set()),
        ({"disableAuthentication": True, "clientApp": None}, set()),
        ({"disableAuthentication": True, "userDiscovery": {"enabled": True}, "subscriptionId": None}, set()),
        ({"disableAuthentication": True, "subscriptionId": None}, {"/disableAuthentication"}),
        (
            {"disableAuthentication": True, "configMgrVersion": "2006"},
            {"/disableAuthentication", "/deploymentModel"},
        ),
        ({"clientApp": None}, {"/clientApp"}),
        ({"clientApp": None, "subscriptionId": None}, {"/clientApp"}),
        (
            {"clientApp": None, "subscriptionId": None, "disableAuthentication": True},
            {"/clientApp", "/disableAuthentication"},
        ),
        (
            {"subscriptionId": None, "deploymentModel": "CloudService", "configMgrVersion": "2409"},
            {"/deploymentModel"},
        ),
    ],
)
def test_a_tenant_has_users_or_the_gateway_or_both(fields, pointers):
    """A tenant with only users needs no subscription; one with only the gateway needs no client app."""
    assert set(conflicts(**fields)) == pointers


@pytest.mark.parametrize(
    ("discovery", "pointers"),
    [
        ({"groupNames": ["Berlin"]}, {"/groupDiscovery/enabled"}),
        (
            {"enabled": True, "groupNames": ["Berlin", "Bonn", "BERLIN", "bonn"]},
            {"/groupDiscovery/groupNames/2", "/groupDiscovery/groupNames/3"},
        ),
        (
            {"enabled": True, "groupNames": ["Caf\u00e9", "Cafe\u0301"]},
            {"/groupDiscovery/groupNames/1"},
        ),
        ({"enabled": True, "groupNames": ["Berlin", "Bonn"]}, set()),
    ],
)
def test_groups_are_named_once_and_only_to_be_discovered(discovery, pointers):
    """Names of groups that would have no effect are refused."""
    assert set(conflicts(groupDiscovery=discovery)) == pointers


@pytest.mark.parametrize(
    ("fields", "imported", "pointers"),
    [
        ({}, False, set()),
        ({"secretValidity": None, "secretEndDate": None, "vaultSecret": None}, False, set()),
        ({"secretValidity": "P1Y"}, False, set()),
        ({"secretValidity": "P1Y", "secretEndDate": "2026-09-01T00:00:00Z"}, False, {"/secretEndDate"}),
        ({"secretEndDate": "2030-09-01T00:00:00Z"}, False, {"/secretEndDate"}),
        ({"vaultSecret": "import-x"}, False, {"/vaultSecret"}),
        ({"secret": "y"}, False, {"/secret"}),
        ({"secret": "y", "vaultSecret": "import-x"}, False, {"/secret", "/vaultSecret"}),
        ({}, True, {""}),
        ({"secret": "y", "vaultSecret": "import-x"}, True, {""}),
        ({"secret": "y"}, True, set()),
        ({"secret": "y", "secretValidity": None}, True, set()),
        ({"secret": "y", "secretValidity": "P1Y"}, True, {"/secretValidity"}),
        ({"secret": "y", "secretEndDate": "2026-09-01T00:00:00Z"}, True, {"/secretEndDate"}),
        (
            {"vaultSecret": "import-x", "secretValidity": "P1Y", "secretEndDate": "2026-09-01T00:00:00Z"},
            True,
            {"/secretValidity", "/secretEndDate"},
        ),
    ],
)
def test_a_renewal_does_not_contradict_its_connection(fields, imported, pointers):
    """The service either creates a new secret or takes one; the fields of the other way are all refused."""
    request = RenewalRequest.model_validate_json(json.dumps(fields), context={"now": NOW})
    found = list(request.faults(imported=imported, now=NOW))
    assert {fault.pointer for fault in found} == pointers
    assert len(found) == len(pointers)
