"""The hand-over of a renewal: a PowerShell script that copies the new client secret for the console.

No cmdlet renews a secret; the console's *Renew Secret Key* does.
Source: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onboarding.cmg import powershell as ps
from onboarding.cmg import scripts
from onboarding.cmg.wizard import AzureEnvironment


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalHandOver:
    """The values in the script."""

    connection_name: str
    environment: AzureEnvironment
    server_name: str
    server_app_id: str
    vault_secret_id: str  # https://{vault}/secrets/{name}/{version}


def script(this: RenewalHandOver) -> str:
    """The script's text; it can run twice."""
    purpose = (
        f"Copies the new client secret of {ps.comment(this.connection_name)} to the clipboard.",
        "Run it where you use the Configuration Manager console, with permission to read the secret in",
        "Key Vault. -WhatIf shows the changes. You can run it twice.",
    )
    return scripts.text((*scripts.head(purpose), *_copy(this), *scripts.by_hand(_instructions(this))))


def _copy(this: RenewalHandOver) -> Iterator[str]:
    target = ps.label(this.server_name)
    yield f"if ($PSCmdlet.ShouldProcess({target}, 'Copy the new client secret to the clipboard')) {{"
    for line in scripts.stored_secret("secretKey", this.vault_secret_id, this.environment):
        yield f"    {line}"
    yield "    $credential = New-Object System.Net.NetworkCredential -ArgumentList '', $secretKey"
    yield "    Set-Clipboard -Value $credential.Password"
    yield "}"
    yield ""


def _instructions(this: RenewalHandOver) -> Iterator[str]:
    yield "In the console, select the tenant: Administration, Cloud Services, Microsoft Entra tenants."
    yield (
        f"In the lower pane, select the application {this.server_name} ({this.server_app_id}), choose Renew "
        "Secret Key, and paste the secret."
    )
    yield "Clear the clipboard: Set-Clipboard -Value ' '"
    yield "Confirm the renewal in your portal. The onboarding service then removes the old secret."
