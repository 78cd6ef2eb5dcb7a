"""The cmdlets that the script calls, with their documented parameters.

Source: https://learn.microsoft.com/powershell/module/configurationmanager (each cmdlet's own page) and, for
the secret, https://learn.microsoft.com/powershell/module/az.keyvault/get-azkeyvaultsecret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ENVIRONMENTS: Final = ("AzurePublicCloud", "AzureUSGovernmentCloud")
_SWITCH: Final = "SwitchParameter"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cmdlet:
    """One parameter set of a cmdlet: types of its parameters; a tuple of texts is an enumeration."""

    required: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    optional: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    writes: bool = False  # changes the site


_WILDCARDS: Final = {"DisableWildcardHandling": _SWITCH, "ForceWildcardHandling": _SWITCH}
_DISCOVERY: Final[Mapping[str, str]] = {
    "EnableUserDiscovery": "Boolean",
    "EnableUserDeltaDiscovery": "Boolean",
    "UserDeltaDiscoveryMins": "Int32",
    "UserDiscoverySchedule": "IResultObject",
    "EnableGroupDiscovery": "Boolean",
    "EnableGroupDeltaDiscovery": "Boolean",
    "GroupDeltaDiscoveryMins": "Int32",
    "GroupDiscoverySchedule": "IResultObject",
    "AddGroupName": "String[]",
}

CMDLETS: Final[Mapping[str, Cmdlet]] = {
    "Import-CMAADServerApplication": Cmdlet(
        required={
            "TenantName": "String",
            "TenantId": "String",
            "AppName": "String",
            "ClientId": "String",
            "SecretKey": "SecureString",
            "SecretKeyExpiry": "DateTime",
        },
        optional={"AppIdUri": "Uri", "AzureEnvironmentOption": ENVIRONMENTS, **_WILDCARDS},
        writes=True,
    ),
    # The parameter set ByServerApp
    "Import-CMAADClientApplication": Cmdlet(
        required={"AppName": "String", "ClientId": "String", "ServerApp": "IResultObject"},
        optional=_WILDCARDS,
        writes=True,
    ),
    "Get-CMAADApplication": Cmdlet(
        optional={
            "AppName": "String",
            "AppType": ("ServerApplication", "ClientApplication"),
            "ClientId": "String",
            "TenantId": "String",
            "TenantName": "String",
            **_WILDCARDS,
        }
    ),
    "Get-CMAzureService": Cmdlet(optional={"Name": "String", **_WILDCARDS}),
    # The parameter set SearchByValueMandatory
    "Remove-CMAzureService": Cmdlet(
        required={"InputObject": "IResultObject"}, optional={"Force": _SWITCH, **_WILDCARDS}, writes=True
    ),
    "New-CMCloudManagementAzureService": Cmdlet(
        required={"Name": "String", "ServerApp": "IResultObject", "ClientApp": "IResultObject"},
        optional={
            "Description": "String",
            "AzureEnvironmentOption": ENVIRONMENTS,
            **_DISCOVERY,
            **_WILDCARDS,
        },
        writes=True,
    ),
    # The parameter set SearchByNameMandatory
    "Set-CMCloudManagementAzureService": Cmdlet(
        required={"Name": "String"},
        optional={
            "NewName": "String",
            "Description": "String",
            "DeleteGroupName": "String[]",
            "EnableAADGroupSync": "Boolean",
            "PassThru": _SWITCH,
            **_DISCOVERY,
            **_WILDCARDS,
        },
        writes=True,
    ),
    # The parameter set RecurrenceInterval; it creates a token and changes nothing.
    "New-CMSchedule": Cmdlet(
        required={"RecurInterval": ("Minutes", "Hours", "Days"), "RecurCount": "Int32"},
        optional={"Start": "DateTime", "IsUtc": _SWITCH, "ScheduleString": _SWITCH, **_WILDCARDS},
    ),
    "Get-AzKeyVaultSecret": Cmdlet(
        required={"VaultName": "String", "Name": "String"},
        optional={"Version": "String", "AsPlainText": _SWITCH},
    ),
    "Connect-AzAccount": Cmdlet(optional={"Environment": "String", "Tenant": "String", "Scope": "String"}),
}

NOT_CALLED: Final[Mapping[str, tuple[str, ...]]] = {
    "Get-CMAADTenant": ("Id", "Name"),
    "Set-UpdateServerApplication": ("TenantId",),
    "New-CMAADServerApplication": ("AppName", "AzureEnvironmentOption", "SecretKeyExpiry"),
    "New-CMAADClientApplication": ("AppName", "InputObject"),
    "Remove-CMAzureService": ("InputObject", "Id", "Name", "Force"),
    "New-CMCloudManagementGateway": ("ServerAppClientId", "SubscriptionId", "GroupName"),
    # From parameter sets other than those above
    "Import-CMAADClientApplication": ("TenantId",),
    "Get-CMAzureService": ("Id",),
    "Set-CMCloudManagementAzureService": ("InputObject", "Id"),
}
"""The other cmdlets and parameters for cloud management, which the script does not use."""

OUTPUTS: Final[Mapping[str, str]] = {
    "ConvertTo-SecureString": "SecureString",
    "Get-AzContext": "Object",
    "Get-AzKeyVaultSecret": "Object",
    "New-Object": "Object",
    "Unprotect-CmsMessage": "String",
    "Get-CMAADApplication": "IResultObject",
    "Get-CMAzureService": "IResultObject",
    "New-CMSchedule": "IResultObject",
}

OTHERS: Final = {
    "ConvertTo-SecureString",
    "ForEach-Object",
    "Get-AzContext",
    "Get-Module",
    "Get-PSDrive",
    "Import-Module",
    "Invoke-WebRequest",
    "Join-Path",
    "New-Object",
    "New-PSDrive",
    "Out-Null",
    "Pop-Location",
    "Push-Location",
    "Set-Clipboard",
    "Set-StrictMode",
    "Split-Path",
    "Unprotect-CmsMessage",
    "Where-Object",
    "Write-Output",
    "Write-Warning",
}
"""Cmdlets of Windows PowerShell 5.1 and Az.Accounts that change nothing at the site."""
