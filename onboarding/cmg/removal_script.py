"""The hand-over of a removal: a PowerShell script that takes one connection's Azure service from the site.

Source: https://learn.microsoft.com/powershell/module/configurationmanager/remove-cmazureservice.
"""

from __future__ import annotations

from typing import Final

from onboarding.cmg import powershell as ps
from onboarding.cmg import scripts

_REMOVE: Final = (
    "$service = Get-CMAzureService -Name $name -DisableWildcardHandling",
    "if (-not $service) {",
    "    Write-Output 'The site has no Azure service of this name.'",
    "}",
    "elseif ($PSCmdlet.ShouldProcess($name, 'Remove the Azure service')) {",
    "    Remove-CMAzureService -InputObject $service -Force",
    "}",
)
_BY_HAND: Final = (
    "If the cloud management gateway still stands, delete it: it can't run without this service.",
    "The applications stay listed under Microsoft Entra tenants. No cmdlet removes them; delete them there.",
)


def script(name: str) -> str:
    """The script for the connection of this name; it may run twice."""
    purpose = (
        f"Takes the connection {ps.comment(name)} from the site.",
        "Run it where the Configuration Manager console is installed, as an administrator of the site.",
        "-WhatIf shows what it would do. It may run twice.",
    )
    return scripts.text(
        (
            *scripts.head(purpose, *scripts.SITE),
            f"$name = {ps.label(name)}",
            "",
            *scripts.at_the_site(_REMOVE),
            *scripts.by_hand(_BY_HAND),
        )
    )
