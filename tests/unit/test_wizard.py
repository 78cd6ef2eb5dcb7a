from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from onboarding.cmg.conflicts import conflicts as all_conflicts
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.words.word import Word
from tests.unit.wizard import LEAST, NOW, TENANT, WEEKLY, faults, read


def test_omitted_fields_have_the_defaults_of_the_console():
    """Two fields are enough; the others have the defaults of the console's wizard."""
    request = read(subscriptionId=None)
    assert request.model_dump(mode="json", by_alias=True) == {
        **LEAST,
        "subscriptionId": None,
        "description": "",
        "service": "CloudManagement",
        "azureEnvironment": "AzurePublicCloud",
        "serverApp": {
            "existing": None,
            "name": "ConfigMgr Server Application",
            "homePageUrl": "https://ConfigMgrService",
            "appIdUri": None,
            "onDeleted": "Refuse",
            "secretValidity": "P1Y",
            "secretEndDate": None,
        },
        "clientApp": {"existing": None, "name": "ConfigMgr Client Application"},
        "userDiscovery": {"enabled": False, "deltaIntervalMinutes": 5, "schedule": WEEKLY},
        "groupDiscovery": {
            "enabled": False,
            "groupNames": [],
            "deltaIntervalMinutes": 5,
            "schedule": WEEKLY,
        },
        "groupSync": False,
        "disableAuthentication": False,
        "adminConsent": "Automatic",
        "deploymentModel": "VirtualMachineScaleSet",
        "configMgrVersion": None,
        "profile": None,
        "owners": [],
        "notices": {"channels": None},
        "labels": {},
    }
    assert list(all_conflicts(request)) == []


def test_what_was_accepted_can_be_read_again_later():
    """A request that waits for days stays valid, even if its expiration is near by then."""
    end = (NOW + timedelta(days=2)).isoformat()
    request = read(serverApp={"secretEndDate": end, "appIdUri": f"api://{TENANT}/ConfigMgrService"})
    again = OnboardingRequest.model_validate_json(request.model_dump_json(by_alias=True))
    assert again == request


def test_all_faults_are_reported_together():
    """A person who fills in a form sees every mistake in it at once."""
    assert set(
        faults(
            name="",
            tenantId="contoso.com",
            subscriptionId=7,
            service="Desktop",
            azureEnvironment="AzureGermanCloud",
            serverApp={"name": " x", "homePageUrl": "ftp://x", "appIdUri": "x", "secretValidity": "P3Y"},
            clientApp={"nme": "x"},
            userDiscovery={"enabled": "yes", "deltaIntervalMinutes": 4, "schedule": {"every": 0}},
            groupDiscovery={"groupNames": ["ok", ""], "schedule": {"unit": "Weeks"}},
            groupSync=1,
            adminConsent="Never",
            deploymentModel="Container",
            configMgrVersion="24-09",
            profile="2022",
            owners=[{"email": "nobody"}],
            labels={"": "x"},
            nmae="x",
        )
    ) == {
        "name",
        "tenantId",
        "subscriptionId",
        "service",
        "azureEnvironment",
        "serverApp.name",
        "serverApp.homePageUrl",
        "serverApp.appIdUri",
        "serverApp.secretValidity",
        "clientApp.nme",
        "userDiscovery.enabled",
        "userDiscovery.deltaIntervalMinutes",
        "userDiscovery.schedule.every",
        "groupDiscovery.groupNames.1",
        "groupDiscovery.schedule.unit",
        "groupSync",
        "adminConsent",
        "deploymentModel",
        "configMgrVersion",
        "profile",
        "owners.0.email",
        "labels..[key]",
        "nmae",
    }


def test_ids_are_not_case_sensitive():
    """A tenant ID in capitals is the same tenant."""
    assert str(read(tenantId=TENANT.upper()).tenant_id) == TENANT


def test_a_fault_does_not_repeat_what_was_sent():
    """A value in the wrong field (such as a secret) does not appear in an error or a log."""
    with pytest.raises(ValidationError) as caught:
        read(name="hunter2\n", secret="hunter2")
    assert "hunter2" not in str(caught.value)


def test_every_detail_of_discovery_can_be_set():
    """Users and groups each have a discovery schedule of their own, with or without delta discovery."""
    request = read(
        userDiscovery={
            "enabled": True,
            "deltaIntervalMinutes": None,
            "schedule": {"unit": "Hours", "every": 12},
        },
        groupDiscovery={"enabled": True, "groupNames": ["O'Brien \u2019s", "\u65e5\u672c"], "schedule": {}},
    )
    assert request.user_discovery.delta_interval_minutes is None
    assert (request.user_discovery.schedule.unit, request.user_discovery.schedule.every) == ("Hours", 12)
    assert request.group_discovery.group_names == (
        Word("O'Brien \u2019s"),
        Word("\u65e5\u672c"),
    )
    assert (request.group_discovery.schedule.unit, request.group_discovery.schedule.every) == ("Days", 7)


@pytest.mark.parametrize(
    ("unit", "every", "most"),
    [("Minutes", 60, 59), ("Hours", 24, 23), ("Days", 32, 31)],
)
def test_a_schedule_has_the_limits_of_the_console(unit, every, most):
    """A site's schedule has at most 59 minutes, 23 hours or 31 days; the error contains the limit."""
    if every < 60:
        found = faults(userDiscovery={"schedule": {"unit": unit, "every": every}})
        assert f"at most {most}" in found["userDiscovery.schedule"]
    schedule = read(userDiscovery={"schedule": {"unit": unit, "every": most}}).user_discovery.schedule
    assert schedule.every == most


@pytest.mark.parametrize("minutes", [4, 61, 0, -5, 5.5, "5", True])
def test_delta_discovery_runs_every_five_to_sixty_minutes(minutes):
    """The interval of delta discovery is one that the wizard offers."""
    assert set(faults(groupDiscovery={"deltaIntervalMinutes": minutes})) == {
        "groupDiscovery.deltaIntervalMinutes"
    }


def test_lists_have_their_limits():
    """At most 20 owners, 20 labels and 200 groups; labels have 64 characters, their values 256."""
    owner = {"name": "Kim", "email": "kim@contoso.com"}
    request = read(
        owners=[owner] * 20,
        labels={f"{number:064}": "x" * 256 for number in range(20)},
        groupDiscovery={"groupNames": [f"{number:0256}" for number in range(200)]},
    )
    assert (len(request.owners), len(request.labels)) == (20, 20)
    too_many: Any = {
        "owners": [owner] * 21,
        "labels": {str(number): "" for number in range(21)},
        "groupDiscovery": {"groupNames": ["x"] * 201},
    }
    assert set(faults(**too_many)) == {"owners", "labels", "groupDiscovery.groupNames"}
    too_long: Any = {"labels": {"x" * 65: "y", "z": "y" * 257}}
    assert set(faults(**too_long)) == {f"labels.{'x' * 65}.[key]", "labels.z"}


@pytest.mark.parametrize("version", ["24", "2400", "2413", "1902", "2409 ", "24o9", "3009", 2409])
def test_a_version_is_a_year_and_a_month(version):
    """A version of current branch has two digits for the year and two for the month."""
    assert set(faults(configMgrVersion=version)) == {"configMgrVersion"}


def test_the_format_of_a_text_is_described_in_a_sentence():
    """For a mistyped version, address or name, a person reads what to write, not a regular expression."""
    found = faults(
        configMgrVersion="2024-09",
        owners=[{"email": "kim"}],
        serverApp={"existing": {"vaultSecret": "contoso"}, "homePageUrl": "contoso"},
    )
    assert "such as 2409" in found["configMgrVersion"]
    assert "such as kim@contoso.com" in found["owners.0.email"]
    assert "'import-'" in found["serverApp.existing.vaultSecret"]
    assert "https://" in found["serverApp.homePageUrl"]
    assert not any("pattern" in message or "[" in message for message in found.values())
