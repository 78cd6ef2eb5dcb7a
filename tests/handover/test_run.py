"""The scripts run with stand-ins for the modules of Configuration Manager and Azure."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.handover import samples
from tests.handover.test_operations import renewal
from tests.handover.test_script import CONFIRM
from tests.support.powershell import shell

pytestmark = pytest.mark.skipif(shell.PWSH is None, reason=shell.WHY_NOT)

NAME = "\u0412\u043e\u0441\u0442\u043e\u043a 'CMG' \U0001f680"
SECRET = "x8Q~a-secret"
READ = "Get-AzKeyVaultSecret cmgvault cmg-9c2e0f38 40c5ce42"
SIGN_IN = f"Connect-AzAccount {samples.VAULT_TENANT} AzureCloud Process"
OTHER = "7d1f3c2b-0a9e-4b8d-9c6f-5e4d3c2b1a09"
SERVER_APP = {"ClientId": samples.SERVER, "AppType": "ServerApplication", "TenantId": samples.TENANT}
CLIENT_APP = {"ClientId": samples.CLIENT, "AppType": "ClientApplication", "TenantId": samples.TENANT}
SERVICE = {"Name": NAME, "AADTenantID": samples.TENANT}


@pytest.fixture(scope="module")
def pwsh():
    """A running PowerShell."""
    with shell.running() as started:
        yield started


@pytest.fixture
def script(tmp_path) -> Path:
    """The script of one connection, as a file without a byte order mark."""
    file: Path = tmp_path / "connect.ps1"
    file.write_bytes(samples.made(name=NAME).encode())
    return file


def site(**changes: Any) -> dict[str, Any]:
    """A site without applications, and an account that can read the secret."""
    context = {"Tenant": {"Id": samples.VAULT_TENANT}, "Environment": {"Name": "AzureCloud"}}
    known = {"Apps": [], "Services": [], "Context": context, "VaultTenant": samples.VAULT_TENANT}
    return {**known, "Role": True, "Secret": SECRET, **changes}


def test_the_secret_is_read_before_the_module_of_the_site_is_loaded(pwsh, script):
    """The script reads the secret, loads the module, and then imports both apps and creates the service."""
    found = pwsh.run(script, site(), SiteCode="ABC")
    assert found["refusal"] == ""
    assert found["calls"] == [
        READ,
        "Import-Module ConfigurationManager",
        "Import-CMAADServerApplication",
        "Import-CMAADClientApplication",
        "New-CMCloudManagementAzureService",
    ]
    (server, _) = found["apps"]
    assert (server["Secret"], server["Uri"], server["Ends"]) == (SECRET, samples.URI, "2027-11-24T21:19:21")
    assert [service["Name"] for service in found["services"]] == [NAME]
    assert f"Connection: {NAME}" in found["output"]


def test_a_second_run_changes_nothing_and_needs_no_secret(pwsh, script):
    """An account that lost its permission can run the script again."""
    before = site(Apps=[SERVER_APP, CLIENT_APP], Services=[SERVICE], Role=False)
    found = pwsh.run(script, before, SiteCode="ABC")
    assert found["refusal"] == ""
    assert found["calls"] == [READ, "Import-Module ConfigurationManager"]


def test_a_script_confirms_the_handover_at_its_end(pwsh, tmp_path):
    """It confirms when the site is connected, but not with -WhatIf; a refusal does not fail the script."""
    file = tmp_path / "confirm.ps1"
    file.write_bytes(samples.made(name=NAME, confirm_url=CONFIRM).encode())
    found = pwsh.run(file, site(), SiteCode="ABC")
    assert found["calls"][-2:] == ["New-CMCloudManagementAzureService", f"Post {CONFIRM}"]
    assert "The handover is confirmed." in found["output"]
    assert not any("Post" in call for call in pwsh.run(file, site(), SiteCode="ABC", WhatIf=True)["calls"])
    found = pwsh.run(file, site(Refuses=True), SiteCode="ABC")
    assert (found["refusal"], found["calls"][-1]) == ("", f"Post {CONFIRM}")
    assert "The handover is confirmed." not in found["output"]


def test_whatif_reads_no_secret_and_changes_nothing(pwsh, script):
    """With -WhatIf nobody signs in."""
    found = pwsh.run(script, site(Context=None), SiteCode="ABC", WhatIf=True)
    assert (found["refusal"], found["calls"]) == ("", ["Import-Module ConfigurationManager"])


@pytest.mark.parametrize(
    "context",
    [
        None,
        {"Tenant": {"Id": OTHER}, "Environment": {"Name": "AzureCloud"}},
        {"Tenant": {"Id": samples.VAULT_TENANT}, "Environment": {"Name": "AzureUSGovernment"}},
    ],
    ids=["not signed in", "another tenant", "another cloud"],
)
def test_the_account_signs_in_to_the_tenant_of_the_vault(pwsh, script, context):
    """An earlier sign-in to another tenant or cloud is not used."""
    found = pwsh.run(script, site(Context=context), SiteCode="ABC")
    assert found["refusal"] == ""
    assert found["calls"][:2] == [SIGN_IN, READ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Role": False}, "az role assignment create"),
        ({"Secret": ""}, "Key Vault does not have this secret."),
        ({"Apps": [{**SERVER_APP, "TenantId": OTHER}]}, "has the server application in another tenant"),
        ({"Apps": [{**CLIENT_APP, "TenantId": OTHER}]}, "has the client application in another tenant"),
        ({"Apps": [{**SERVER_APP, "AppType": "ClientApplication"}]}, "as a client application"),
        ({"Apps": [{**CLIENT_APP, "AppType": "ServerApplication"}]}, "as a server application"),
        (
            {"Services": [{**SERVICE, "AADTenantID": OTHER}]},
            "with this name for another tenant",
        ),
        ({"Services": [{**SERVICE, "Name": "Other"}]}, "the Azure service Other for this tenant"),
    ],
)
def test_what_does_not_fit_stops_the_script_before_it_imports_anything(pwsh, script, changes, reason):
    """One sentence says what is missing or different; the site does not change."""
    found = pwsh.run(script, site(**changes), SiteCode="ABC")
    assert reason in found["refusal"]
    assert [call for call in found["calls"] if call.startswith(("Import-CM", "New-CM"))] == []


def test_an_expired_secret_is_not_imported(pwsh, tmp_path):
    """A script whose secret has expired asks for a new one."""
    file = tmp_path / "connect.ps1"
    file.write_bytes(samples.made(ends_at=datetime(2026, 1, 1, tzinfo=UTC)).encode())
    assert "has expired" in pwsh.run(file, site(), SiteCode="ABC")["refusal"]


def test_another_service_of_the_tenant_can_be_allowed(pwsh, script):
    """A service of another type does not stop the script with -AllowOtherService."""
    other = site(Services=[{**SERVICE, "Name": "Other"}])
    found = pwsh.run(script, other, SiteCode="ABC", AllowOtherService=True)
    assert found["refusal"] == ""
    assert "New-CMCloudManagementAzureService" in found["calls"]


def test_without_the_console_nobody_signs_in(pwsh, script):
    """The script says that the console is missing, and does nothing else."""
    found = pwsh.run(script, site(), console=False, SiteCode="ABC")
    assert found["refusal"].startswith("The Configuration Manager console is not installed")
    assert found["calls"] == []


def test_a_renewal_shows_when_the_new_secret_expires(pwsh, tmp_path):
    """The new secret is on the clipboard; its expiration is shown."""
    file = tmp_path / "renew.ps1"
    file.write_bytes(renewal().encode())
    found = pwsh.run(file, site())
    assert found["refusal"] == ""
    assert found["calls"] == [READ, f"Set-Clipboard {SECRET}"]
    assert "It expires at 2027-11-24 21:19 UTC." in found["output"][0]
    assert SECRET not in str(found["output"])
    refused = pwsh.run(file, site(Role=False))
    assert "az role assignment create" in refused["refusal"]
