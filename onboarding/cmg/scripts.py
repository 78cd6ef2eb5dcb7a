"""What the PowerShell scripts for administrators have in common. Windows PowerShell 5.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from onboarding.cmg import powershell as ps
from onboarding.cmg.wizard import AzureEnvironment

_AZ_ENVIRONMENTS: Final = {
    AzureEnvironment.PUBLIC: "AzureCloud",
    AzureEnvironment.US_GOVERNMENT: "AzureUSGovernment",
}
"""What ``Connect-AzAccount -Environment`` calls them."""

SITE: Final = (
    (
        "# The site code, three characters.",
        "[Parameter(Mandatory = $true)]",
        "[ValidatePattern('^[A-Za-z0-9]{3}$')]",
        "[string] $SiteCode",
    ),
    (
        "# The computer with the SMS Provider, for a session that has no drive of the site yet.",
        "[string] $SiteServer = $env:COMPUTERNAME",
    ),
)
"""The parameters of a script that runs at the site."""


def text(lines: Iterable[str]) -> str:
    """A script's text, with the line impact of Windows.

    Write it with a byte order mark: without one PowerShell 5.1 misreads all letters but ASCII.
    """
    return "".join(f"{line}\r\n" for line in lines)


def head(purpose: Sequence[str], *parameters: Sequence[str]) -> Iterator[str]:
    """How a script begins: what it is for, its parameters, and that it stops at the first error."""
    yield "#Requires -Version 5.1"
    yield from (f"# {line}" for line in purpose)
    yield "[CmdletBinding(SupportsShouldProcess = $true)]"
    yield "param("
    for number, parameter in enumerate(parameters, start=1):
        yield from (f"    {line}" for line in parameter[:-1])
        more = number < len(parameters)
        yield f"    {parameter[-1]}{',' if more else ''}"
        if more:
            yield ""
    yield ")"
    yield ""
    yield "Set-StrictMode -Version 2.0"
    yield "$ErrorActionPreference = 'Stop'"
    yield ""


def stored_secret(variable: str, vault_secret_id: str, environment: AzureEnvironment) -> Iterator[str]:
    """Reads a secret as a SecureString, as whoever runs the script.

    Args:
        variable: Name of the variable that gets it.
        vault_secret_id: https://{vault}/secrets/{name}/{version}.
        environment: The cloud to sign in to.
    """
    address = urlsplit(vault_secret_id)
    _, _, name, version = address.path.split("/", 3)
    vault = (address.hostname or "").partition(".")[0]
    yield "if (-not (Get-Module -ListAvailable -Name 'Az.KeyVault')) {"
    yield "    throw 'Install the module Az.KeyVault: the client secret is in Key Vault.'"
    yield "}"
    yield "if (-not (Get-AzContext)) {"
    yield f"    Connect-AzAccount -Environment '{_AZ_ENVIRONMENTS[environment]}' | Out-Null"
    yield "}"
    yield "$stored = @{"
    yield f"    VaultName = {ps.text(vault)}"
    yield f"    Name      = {ps.text(name)}"
    yield f"    Version   = {ps.text(version)}"
    yield "}"
    yield f"${variable} = (Get-AzKeyVaultSecret @stored).SecretValue"
    yield f"if (-not ${variable}) {{ throw 'The secret is not in Key Vault, or you may not read it.' }}"


_DRIVE: Final = (
    "Import-Module (Join-Path (Split-Path $env:SMS_ADMIN_UI_PATH) 'ConfigurationManager.psd1')",
    "if (-not (Get-PSDrive -Name $SiteCode -PSProvider 'CMSite' -ErrorAction SilentlyContinue)) {",
    "    # Also with -WhatIf, which could look at nothing otherwise. The drive goes when the script ends.",
    "    New-PSDrive -Name $SiteCode -PSProvider 'CMSite' -Root $SiteServer -WhatIf:$false | Out-Null",
    "}",
)


def at_the_site(lines: Iterable[str]) -> Iterator[str]:
    """Carries lines out in the site's drive, and leaves it whatever happens.

    Source: https://learn.microsoft.com/powershell/sccm/overview.
    """
    yield from _DRIVE
    yield "Push-Location -Path ($SiteCode + ':')"
    yield "try {"
    yield from (f"    {line}" if line else "" for line in lines)
    yield "}"
    yield "finally {"
    yield "    Pop-Location"
    yield "}"
    yield ""


def by_hand(instructions: Iterable[str]) -> Iterator[str]:
    """Prints what is left to do by hand."""
    yield "Write-Output ''"
    yield "Write-Output 'What is left to do by hand:'"
    for number, instruction in enumerate(instructions, start=1):
        yield f"Write-Output {ps.label(f'{number}. {instruction}')}"
