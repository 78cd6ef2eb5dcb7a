"""The handovers of operations: PowerShell scripts for the steps at the site after a renewal or removal.

No cmdlet renews a secret; the console's *Renew Secret Key* does. The script copies the secret for it.
Sources: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard and
https://learn.microsoft.com/powershell/module/configurationmanager/remove-cmazureservice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from onboarding.cmg import scripts
from onboarding.cmg.vault_reading import VaultSecret
from onboarding.words import powershell as ps
from onboarding.words.line import isolated
from onboarding.words.word import Word

_REMOVE: Final = (
    "$service = Get-CMAzureService -Name $name -DisableWildcardHandling",
    "if (-not $service) {",
    "    Write-Output 'The site has no Azure service with this name.'",
    "}",
    "elseif ($PSCmdlet.ShouldProcess($name, 'Remove the Azure service')) {",
    "    Remove-CMAzureService -InputObject $service -Force",
    "}",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalValues:
    """The values in the script of a renewal."""

    connection_name: Word
    server_name: Word
    server_app_id: str
    secret: VaultSecret
    secret_ends_at: datetime


def removal(name: Word) -> str:
    """The script that removes the Azure service of the connection of this name; it can run twice."""
    purpose = (
        f"Removes the connection {ps.comment(name)} from the site.",
        "Run it on a computer with the Configuration Manager console, as an administrator of the site.",
        "-WhatIf shows the changes. You can run it twice.",
    )
    manual = (
        "If the cloud management gateway still exists, delete it: it cannot run without this service.",
        "Delete the applications under Microsoft Entra tenants. No cmdlet removes them.",
    )
    head = scripts.head(purpose, *scripts.SITE)
    body = (f"$name = {ps.label(name)}", *scripts.CONSOLE, "", *scripts.at_the_site(_REMOVE))
    return scripts.text((*head, *body, *scripts.by_hand(manual)))


def renewal(this: RenewalValues) -> str:
    """The script that copies the new client secret to the clipboard; it can run twice."""
    purpose = (
        f"Copies the new client secret of {ps.comment(this.connection_name)} to the clipboard.",
        "Run it where you use the Configuration Manager console, with permission to read the secret in",
        "Key Vault. -WhatIf shows the changes. You can run it twice.",
        *this.secret.permission(),
    )
    manual = (
        "In the console, select the tenant: Administration, Cloud Services, Microsoft Entra tenants.",
        f"In the lower pane, select the application {isolated(this.server_name)} ({this.server_app_id}).",
        f"Choose Renew Secret Key, and paste the secret. It expires at {_end(this)}.",
        "Clear the clipboard: Set-Clipboard -Value ' '",
        "Confirm the renewal in your portal. The onboarding service then removes the old secret.",
    )
    return scripts.text((*scripts.head(purpose), *_copy(this), *scripts.by_hand(manual)))


def _end(this: RenewalValues) -> str:
    return f"{this.secret_ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _copy(this: RenewalValues) -> Iterator[str]:
    target = ps.label(this.server_name)
    yield f"if ($PSCmdlet.ShouldProcess({target}, 'Copy the new client secret to the clipboard')) {{"
    yield "    $refusal = ''"
    yield from (f"    {line}" for line in this.secret.read("secretKey"))
    yield "    if ($refusal) { throw $refusal }"
    yield "    $arguments = 'secret', $secretKey"
    yield "    $account = New-Object System.Management.Automation.PSCredential -ArgumentList $arguments"
    yield "    $credential = $account.GetNetworkCredential()"
    yield "    Set-Clipboard -Value $credential.Password"
    yield f"    Write-Output 'The new client secret is on the clipboard. It expires at {_end(this)}.'"
    yield "}"
    yield ""
