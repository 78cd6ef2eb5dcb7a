from __future__ import annotations

import re

import pytest

from tests.handover import samples
from tests.handover.calls import faults
from tests.support.powershell import grammar, lexer
from tests.support.powershell.cmdlets import CMDLETS, OTHERS
from tests.support.powershell.grammar import Command

CONFIRM = "https://cmg.contoso.com/api/links?token=eyJ0.eyJk.x-_y"
SAMPLES = {
    "least": {},
    "everything": samples.EVERYTHING,
    "users only": {"userDiscovery": {"enabled": True, "deltaIntervalMinutes": None}},
    "groups only": {"groupDiscovery": {"enabled": True, "groupNames": ["one"]}},
    "confirming": {"confirm_url": CONFIRM},
    "government": {"azureEnvironment": "AzureUSGovernmentCloud", "disableAuthentication": True},
}


@pytest.fixture(scope="module", params=list(SAMPLES.values()), ids=list(SAMPLES))
def script(request):
    """The parsed script of one connection."""
    return grammar.read(samples.made(**request.param))


def command(name: str, **fields) -> Command:
    """The only call of a cmdlet in the script for a connection."""
    (found,) = [each for each in grammar.read(samples.made(**fields)).commands if each.name == name]
    return found


def shown(found: Command) -> dict[str, str]:
    """The parameters of a call with their texts; strings without quotes."""
    return {name: value.text.strip("'") for name, value in found.parameters.items()}


def test_it_is_powershell(script):
    """A PowerShell grammar parses the whole script."""
    assert script.faults == []


def test_only_known_cmdlets_are_called(script):
    """The script calls only documented cmdlets and a few of PowerShell's own, by their full names."""
    assert {each.name for each in script.commands} <= {*CMDLETS, *OTHERS}


def test_parameters_are_the_documented_ones(script):
    """Each call has only known parameters, all required ones, and values with the right types."""
    for found in script.commands:
        if found.name in CMDLETS:
            assert faults(found, CMDLETS[found.name]) == [], found.name


def test_invalid_calls_are_found():
    """The check finds a missing, an unknown and a mistyped parameter, also in a splatted hashtable."""
    text = samples.made()
    for right, wrong in (
        ("ClientId               = $serverId", "Client                 = $serverId"),
        ("SecretKey              = $SecretKey", "SecretKey              = 'plain text'"),
        ("[uri] $appIdUri", "$appIdUri"),
        ("= $secretEnd", "= '2027-01-01'"),
        ("-AppType ServerApplication", "-AppType WebApplication"),
        ("-ClientId $clientId", "$clientId"),
    ):
        assert right in text
        calls = grammar.read(text.replace(right, wrong)).commands
        assert any(faults(each, CMDLETS[each.name]) for each in calls if each.name in CMDLETS), wrong


def test_whatif_changes_nothing(script):
    """With -WhatIf the script calls no cmdlet that changes the site, and does not ask for a sign-in."""
    text = grammar.text(script.root)
    assert "[CmdletBinding(SupportsShouldProcess = $true)]" in text
    writing = [each for each in script.commands if each.name in CMDLETS and CMDLETS[each.name].writes]
    assert {each.name for each in writing} >= {
        "Import-CMAADServerApplication",
        "Import-CMAADClientApplication",
        "New-CMCloudManagementAzureService",
    }
    assert all(each.inside_should_process for each in writing)


def test_the_secret_is_read_before_the_site_is_reached(script):
    """The Azure modules come first, but are not loaded with -WhatIf or if the secret was passed."""
    calls = [each.name for each in script.commands]
    assert (
        calls.index("Connect-AzAccount") < calls.index("Get-AzKeyVaultSecret") < calls.index("Import-Module")
    )
    text = grammar.text(script.root)
    condition = "if (-not $SecretKey -and -not $WhatIfPreference) {"
    assert text.index(condition) < text.index("Get-AzContext") < text.index("Import-Module (")


def test_a_script_that_confirms_does_it_last():
    """The address is called after everything else, and nobody is asked to confirm."""
    text = samples.made(confirm_url=CONFIRM)
    called = shown(command("Invoke-WebRequest", confirm_url=CONFIRM))
    assert called == {"Uri": CONFIRM, "Method": "Post", "UseBasicParsing": ""}
    assert text.index("New-CMCloudManagementAzureService") < text.index("Invoke-WebRequest")
    assert "to confirm that the site is connected" not in text
    for other in (samples.made(), samples.made(confirm_url=CONFIRM, client="", clientApp=None)):
        assert "Invoke-WebRequest" not in other
        assert "to confirm that the site is connected" in other


def test_a_session_without_the_sites_drive_gets_one():
    """If the console has not created the site's drive, the script does, also with -WhatIf."""
    text = samples.made()
    made = shown(command("New-PSDrive"))
    assert made == {
        "Name": "$SiteCode",
        "PSProvider": "CMSite",
        "Root": "$SiteServer",
        "WhatIf": "$false",
    }
    assert "[string] $SiteServer = $env:COMPUTERNAME," in text
    looked = text.index("if (-not (Get-PSDrive -Name $SiteCode -PSProvider 'CMSite' -ErrorAction")
    assert text.index("Import-Module") < looked < text.index("New-PSDrive") < text.index("Push-Location")


def test_it_is_for_windows_powershell(script):
    """The script uses nothing from PowerShell 7: a site's console has Windows PowerShell 5.1."""
    text = grammar.text(script.root)
    code = lexer.read(text).code
    assert text.startswith("#Requires -Version 5.1\r\n")
    for new in ("&&", "||", "??", "?.", "?[", " ? ", "ForEach-Object -Parallel", "clean {"):
        assert new not in code, new


def test_lines_end_as_on_windows(script):
    """The lines of the script end with CR and LF, as Notepad and the console expect."""
    text = grammar.text(script.root)
    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    assert text.endswith("\r\n")


def test_the_site_gets_what_was_requested():
    """Each field of the wizard is passed to its parameter."""
    server = shown(command("Import-CMAADServerApplication", **samples.EVERYTHING))
    assert (server["TenantId"], server["TenantName"]) == (samples.TENANT, "Contoso")
    assert (server["AppName"], server["ClientId"]) == ("CMG-ServerApp", samples.SERVER)
    assert grammar.read(samples.made()).variables["$appIdUri"].text == f"'{samples.URI}'"
    client = shown(command("Import-CMAADClientApplication", **samples.EVERYTHING))
    assert (client["AppName"], client["ClientId"]) == ("CMG-ClientApp", samples.CLIENT)
    assert shown(command("New-CMCloudManagementAzureService", **samples.EVERYTHING)) == {
        "Name": "Contoso CMG",
        "Description": "For everybody",
        "ServerApp": "Get-CMAADApplication -ClientId $serverId -AppType ServerApplication",
        "ClientApp": "Get-CMAADApplication -ClientId $clientId -AppType ClientApplication",
        "AzureEnvironmentOption": "AzurePublicCloud",
        "EnableUserDiscovery": "$true",
        "EnableUserDeltaDiscovery": "$true",
        "UserDeltaDiscoveryMins": "15",
        "UserDiscoverySchedule": "New-CMSchedule -RecurInterval Hours -RecurCount 12",
        "EnableGroupDiscovery": "$true",
        "EnableGroupDeltaDiscovery": "$false",
        "GroupDiscoverySchedule": "New-CMSchedule -RecurInterval Days -RecurCount 7",
        "AddGroupName": "@('first', 'second')",
    }
    sync = shown(command("Set-CMCloudManagementAzureService", **samples.EVERYTHING))
    assert (sync["Name"], sync["EnableAADGroupSync"]) == ("Contoso CMG", "$true")


def test_what_was_not_requested_is_not_changed():
    """Without discovery, description and sync the script has no parameter for them."""
    least = grammar.read(samples.made())
    (created,) = [each for each in least.commands if each.name == "New-CMCloudManagementAzureService"]
    assert set(created.parameters) == {"Name", "ServerApp", "ClientApp", "AzureEnvironmentOption"}
    assert not [each for each in least.commands if each.name == "Set-CMCloudManagementAzureService"]


@pytest.mark.parametrize(
    ("environment", "sign_in"),
    [("AzurePublicCloud", "AzureCloud"), ("AzureUSGovernmentCloud", "AzureUSGovernment")],
)
def test_each_cloud_has_its_names(environment, sign_in):
    """The script uses the cloud of the connection, for which sign-in and import have different names."""
    assert shown(command("Connect-AzAccount", azureEnvironment=environment))["Environment"] == sign_in
    imported = command("Import-CMAADServerApplication", azureEnvironment=environment)
    assert shown(imported)["AzureEnvironmentOption"] == environment


def test_the_person_who_runs_the_script_reads_the_secret():
    """The script reads one version of the secret from Key Vault, or takes it as a secure string."""
    read = shown(command("Get-AzKeyVaultSecret"))
    assert read == {"VaultName": "cmgvault", "Name": "cmg-9c2e0f38", "Version": "40c5ce42"}
    text = samples.made()
    assert "[System.Security.SecureString] $SecretKey" in text


def test_the_remaining_manual_steps_are_listed():
    """At the end the script lists the remaining manual steps, and only those."""
    told = _told(samples.made(disableAuthentication=True))
    assert [each[:2] for each in told] == ["1.", "2.", "3.", "4.", "5."]
    assert f"-ServerAppClientId {samples.SERVER} -SubscriptionId {samples.TENANT}." in told[0]
    assert "Disable authentication" in told[1]
    assert f"exclude the server application {samples.SERVER}" in told[2]
    assert "before 2027-11-24" in told[3]
    assert "Renew Secret Key" in told[3]
    assert "to confirm that the site is connected" in told[4]
    assert not [each for each in _told(samples.made()) if "Disable authentication" in each]


def test_the_site_updates_an_imported_server_app():
    """The script names the command that the article lacks, only for apps that the service did not create."""
    existing = {"clientId": samples.SERVER, "vaultSecret": "import-contoso"}
    told = _told(samples.made(serverApp={"existing": existing}))
    assert [each for each in told if "'Update Application Settings'" in each]
    assert not [each for each in _told(samples.made()) if "Update Application Settings" in each]


def test_a_tenant_without_a_subscription_gets_no_gateway():
    """The script says that the gateway belongs to the other tenant, and how to create it there."""
    first = _told(samples.made(subscriptionId=None))[0]
    assert "Create the gateway in the tenant that has its subscription" in first
    assert "-SubscriptionId" not in first


def test_a_tenant_without_a_client_app_gets_its_service_in_the_console():
    """The cmdlet that creates the service requires a client app, so the script imports only the server."""
    text = samples.made(client="", clientApp=None, disableAuthentication=True)
    read = grammar.read(text)
    assert read.faults == []
    called = {each.name for each in read.commands}
    assert "Import-CMAADServerApplication" in called
    assert not called & {
        "Import-CMAADClientApplication",
        "New-CMCloudManagementAzureService",
        "Set-CMCloudManagementAzureService",
    }
    assert "$client" not in text
    assert "Create the Azure service in the console" in _told(text)[0]
    assert samples.SERVER in _told(text)[0]


def _told(text: str) -> list[str]:
    return [each.value for each in lexer.read(text).literals if re.match(r"\d\. ", each.value)]
