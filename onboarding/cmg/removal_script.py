"""The hand-over of a removal: a PowerShell script that removes one connection's Azure service from the site.

Source: https://learn.microsoft.com/powershell/module/configurationmanager/remove-cmazureservice.
"""

from __future__ import annotations

from typing import Final

from onboarding.cmg import powershell as ps
from onboarding.cmg import scripts

_REMOVE: Final = (
    "$service = Get-CMAzureService -Name $name -DisableWildcardHandling",
    "if (-not $service) {",
    "    Write-Output 'The site has no Azure service with this name.'",
    "}",
    "elseif ($PSCmdlet.ShouldProcess($name, 'Remove the Azure service')) {",
    "    Remove-CMAzureService -InputObject $service -Force",
    "}",
)
_BY_HAND: Final = (
    "If the cloud management gateway still exists, delete it: it cannot run without this service.",
    "Delete the applications under Microsoft Entra tenants. No cmdlet removes them.",
)


def script(name: str) -> str:
    """The script for the connection of this name; it can run twice."""
    purpose = (
        f"Removes the connection {ps.comment(name)} from the site.",
        "Run it on a computer with the Configuration Manager console, as an administrator of the site.",
        "-WhatIf shows the changes. You can run it twice.",
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
