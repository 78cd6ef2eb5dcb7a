"""The handover: a PowerShell script that connects a site to one tenant, for exactly one connection.

The ConfigMgr administrator runs it at the site. It reads the client secret first, because the modules of
Azure and of Configuration Manager load different versions of the same libraries. Then it compares the site
with the connection, stops if something does not fit, imports both applications and creates the Azure service.
It does not change what exists, so it can run twice. At the end it prints the steps for which there is no
cmdlet. Windows PowerShell 5.1; values are literals that nothing can break out of.

Source of the cmdlets: https://learn.microsoft.com/powershell/module/configurationmanager.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onboarding.cmg import handover_checks, scripts
from onboarding.cmg.discovery import GroupDiscovery, Schedule, UserDiscovery
from onboarding.cmg.vault_reading import VaultSecret
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.words import powershell as ps
from onboarding.words.word import Word


@dataclass(frozen=True, kw_only=True, slots=True)
class HandoverValues:
    """The values in the script."""

    request: OnboardingRequest
    tenant_name: Word
    tenant_domain: Word  # the initial one; empty if not known
    server_name: Word
    server_app_id: str
    app_id_uri: str
    client_name: Word
    client_app_id: str  # empty: the tenant has no client app
    secret: VaultSecret
    secret_ends_at: datetime
    confirm_url: str = ""  # confirms the handover, once; empty if a person does that


def script(this: HandoverValues) -> str:
    """The script's text."""
    return scripts.text(
        (
            *_head(this),
            *_values(this),
            *scripts.CONSOLE,
            *_secret(this),
            *_console(this),
            *_confirmation(this),
            *scripts.by_hand(_instructions(this)),
        )
    )


def _tenant(this: HandoverValues) -> Iterator[str]:
    """The tenant: its name, which several tenants can have, its initial domain and its ID."""
    yield from (f"{ps.comment(name)}, " for name in (this.tenant_name, this.tenant_domain) if name)
    yield str(this.request.tenant_id)


def _head(this: HandoverValues) -> Iterator[str]:
    return scripts.head(
        (
            f"Connects the site to Entra ID for the connection {ps.comment(this.request.name)}.",
            f"Tenant: {''.join(_tenant(this))}",
            "Run it on a computer with the Configuration Manager console, as an administrator of the site",
            "with permission to read the secret in Key Vault. -WhatIf shows changes. You can run it twice.",
            *this.secret.permission(),
        ),
        *scripts.SITE,
        (
            "# The client secret, if this computer cannot reach Key Vault.",
            "[System.Security.SecureString] $SecretKey",
        ),
        (
            "# Or a file with the client secret, encrypted (CMS) to your certificate.",
            "[string] $EncryptedSecretFile",
        ),
        (
            "# The other Azure services of the tenant are not of the type Cloud Management.",
            "[switch] $AllowOtherService",
        ),
    )


def _values(this: HandoverValues) -> Iterator[str]:
    request = this.request
    values: dict[str, Word | str] = {
        "name": request.name,
        "description": request.description,
        "environment": str(request.azure_environment),
        "tenantId": str(request.tenant_id),
        "tenantName": this.tenant_name or str(request.tenant_id),
        "serverName": this.server_name,
        "serverId": this.server_app_id,
        "appIdUri": this.app_id_uri,
    }
    if this.client_app_id:
        values |= {"clientName": this.client_name, "clientId": this.client_app_id}
    yield from (f"${variable} = {ps.label(value)}" for variable, value in values.items())
    yield f"$secretEnd = {ps.date(this.secret_ends_at)}"
    yield ""


def _secret(this: HandoverValues) -> Iterator[str]:
    """Reads the secret. The refusal counts only if the server application must be imported."""
    yield "# The secret first: the modules of Azure and of the site load different versions of libraries."
    yield "$refusal = 'The script has no client secret.'"
    yield "if ($EncryptedSecretFile) {"
    yield "    $opened = Unprotect-CmsMessage -Path $EncryptedSecretFile"
    yield "    $SecretKey = ConvertTo-SecureString -String $opened.Trim() -AsPlainText -Force"
    yield "}"
    yield "if (-not $SecretKey -and -not $WhatIfPreference) {"
    yield from (f"    {line}" for line in this.secret.read("SecretKey"))
    yield "}"
    yield ""


def _console(this: HandoverValues) -> Iterator[str]:
    if not this.client_app_id:
        return scripts.at_the_site((*handover_checks.SERVER_APP, *_SERVER_APP))
    checks = (*handover_checks.SERVER_APP, *handover_checks.CLIENT_APP, *handover_checks.SERVICE)
    return scripts.at_the_site((*checks, *_SERVER_APP, *_CLIENT_APP, *_service(this), *_group_sync(this)))


_SERVER_APP: Final = (
    "if (-not $serverApp -and $PSCmdlet.ShouldProcess($serverName, 'Import the server application')) {",
    "    if (-not $SecretKey) { throw $refusal }",
    "    $server = @{",
    "        TenantName             = $tenantName",
    "        TenantId               = $tenantId",
    "        AppName                = $serverName",
    "        ClientId               = $serverId",
    "        SecretKey              = $SecretKey",
    "        SecretKeyExpiry        = $secretEnd",
    "        AppIdUri               = [uri] $appIdUri",
    "        AzureEnvironmentOption = $environment",
    "    }",
    "    Import-CMAADServerApplication @server | Out-Null",
    "    $serverApp = Get-CMAADApplication -ClientId $serverId -AppType ServerApplication",
    "}",
    "",
)

_CLIENT_APP: Final = (
    "if (-not $clientApp -and $PSCmdlet.ShouldProcess($clientName, 'Import the client application')) {",
    "    $client = @{",
    "        AppName   = $clientName",
    "        ClientId  = $clientId",
    "        ServerApp = $serverApp",
    "    }",
    "    Import-CMAADClientApplication @client | Out-Null",
    "    $clientApp = Get-CMAADApplication -ClientId $clientId -AppType ClientApplication",
    "}",
    "",
)


def _service(this: HandoverValues) -> Iterator[str]:
    create = "'Create the Azure service for Cloud Management'"
    yield f"if (-not $service -and $PSCmdlet.ShouldProcess($name, {create})) {{"
    yield "    $cloudManagement = @{"
    yield "        Name                   = $name"
    yield "        ServerApp              = $serverApp"
    yield "        ClientApp              = $clientApp"
    yield "        AzureEnvironmentOption = $environment"
    yield "    }"
    if this.request.description:
        yield "    $cloudManagement['Description'] = $description"
    yield from (f"    {line}" for line in _discovery("User", this.request.user_discovery))
    yield from (f"    {line}" for line in _discovery("Group", this.request.group_discovery))
    yield "    New-CMCloudManagementAzureService @cloudManagement | Out-Null"
    yield "}"


def _confirmation(this: HandoverValues) -> Iterator[str]:
    """Confirms the handover to the service.

    A failure never ends the script, because everything else is done.
    """
    if not this.confirm_url or not this.client_app_id:
        return  # without a client application, the Azure service remains to be created
    yield "# The address confirms the handover of this connection, once, and does nothing else."
    yield f"$confirmation = {ps.text(this.confirm_url)}"
    yield "if ($PSCmdlet.ShouldProcess($name, 'Confirm the handover')) {"
    yield "    try {"
    yield "        $protocols = [Net.ServicePointManager]::SecurityProtocol"
    yield "        $protocols = $protocols -bor [Net.SecurityProtocolType]::Tls12"
    yield "        [Net.ServicePointManager]::SecurityProtocol = $protocols"
    yield "        Invoke-WebRequest -Uri $confirmation -Method Post -UseBasicParsing | Out-Null"
    yield "        Write-Output 'The handover is confirmed.'"
    yield "    }"
    yield "    catch {"
    yield "        Write-Warning ('This script did not confirm the handover, or that was done before: ' + $_)"
    yield "    }"
    yield "}"
    yield ""


def _discovery(kind: str, discovery: UserDiscovery | GroupDiscovery) -> Iterator[str]:
    """The parameters of one kind of discovery; none if it is off, as in the wizard."""
    if not discovery.enabled:
        return
    delta = discovery.delta_interval_minutes
    yield f"$cloudManagement['Enable{kind}Discovery'] = $true"
    yield f"$cloudManagement['Enable{kind}DeltaDiscovery'] = {ps.boolean(delta is not None)}"
    if delta is not None:
        yield f"$cloudManagement['{kind}DeltaDiscoveryMins'] = {delta}"
    yield f"$cloudManagement['{kind}DiscoverySchedule'] = {_schedule(discovery.schedule)}"
    if isinstance(discovery, GroupDiscovery):
        yield f"$cloudManagement['AddGroupName'] = {ps.array(discovery.group_names)}"


def _schedule(schedule: Schedule) -> str:
    return f"New-CMSchedule -RecurInterval {schedule.unit} -RecurCount {schedule.every}"


def _group_sync(this: HandoverValues) -> Sequence[str]:
    if not this.request.group_sync:
        return ()
    return (
        "",
        "# No cmdlet enables group synchronization when it creates the service.",
        "if ($PSCmdlet.ShouldProcess($name, 'Enable the synchronization of collections to Entra groups')) {",
        "    Set-CMCloudManagementAzureService -Name $name -EnableAADGroupSync $true",
        "}",
    )


def _instructions(this: HandoverValues) -> Iterator[str]:
    request = this.request
    if not this.client_app_id:
        yield (
            "Create the Azure service in the console: Azure Services, Configure Azure Services, Cloud "
            f"Management, with the server application {this.server_app_id}. The cmdlet requires a client "
            "application, which this tenant does not have."
        )
    if request.subscription_id:
        yield (
            "Create the gateway in this tenant: in the wizard, or with New-CMCloudManagementGateway, "
            f"-ServerAppClientId {this.server_app_id} -SubscriptionId {request.subscription_id}."
        )
    else:
        yield (
            "Create the gateway in the tenant that has its subscription. This tenant has none for it: it "
            "provides only the users and devices."
        )
    existing = request.server_app.existing
    if existing and existing.client_id:
        yield (
            "Select the server application under Microsoft Entra tenants, and select 'Update Application "
            "Settings'. An application that was registered manually lacks a setting that this command "
            "makes. Without it, clients cannot get device tokens."
        )
    if request.disable_authentication:
        yield (
            "Disable authentication for this tenant: Azure Services, properties of the Cloud Management "
            "service, tab Applications. Clients receive the change within 25 hours."
        )
    yield (
        "If a Conditional Access policy targets all cloud apps, exclude the server application "
        f"{this.server_app_id} from it."
    )
    yield (
        f"Renew the secret before {this.secret_ends_at:%Y-%m-%d}. The console does not warn about imported "
        "applications. Enter the new secret under Microsoft Entra tenants, Renew Secret Key."
    )
    if not this.confirm_url or not this.client_app_id:
        yield (
            "Ask the person who requested this connection to confirm that the site is connected. Until then, "
            "the owners of the connection get reminders."
        )
